//! What should be true of a virtual network, and in what order to make it so.
//!
//! Pure: no I/O, no clock, no randomness, no logging. The same input gives the same output, byte for byte.
#![warn(missing_docs)]

pub mod expect;
#[cfg(test)]
pub(crate) mod fixture;
pub mod given;
pub mod lint;
pub mod lower;
pub mod mark;
pub mod names;
pub mod place;
pub mod plan;
pub mod problem;
pub mod resource;
pub mod routing;
pub mod sim;
pub mod spec;
pub mod state;
pub mod suggest;
#[cfg(feature = "testing")]
pub mod testing;
pub mod topology;
pub mod units;
pub mod walk;
