//! Topology files: what they mean, and what is told about those that are wrong.

mod examples;
mod garbage;
mod kinds;
mod lints;
mod meaning;
mod mistaken_addresses;
mod mistakes;
mod refused;
mod show;
mod stacked;
mod text;
