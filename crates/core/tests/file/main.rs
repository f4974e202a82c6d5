//! Topology files: what they mean, and what is told about those that are wrong.

mod examples;
mod garbage;
mod hosts;
mod kinds;
mod lints;
mod meaning;
mod mistaken_addresses;
mod mistakes;
mod ovs;
mod placed;
mod placing;
mod refused;
mod show;
mod stacked;
mod text;
