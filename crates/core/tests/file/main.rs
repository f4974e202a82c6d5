//! Topology files: what they mean, and what is told about those that are wrong.

mod examples;
mod garbage;
mod meaning;
mod mistakes;
mod show;
mod text;
