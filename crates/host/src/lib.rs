//! Makes plans true on a machine: every system call, socket and process is here.
#![warn(missing_docs)]

mod any;
pub mod backend;
pub mod crash;
pub mod enter;
mod failure;
mod file_lock;
pub mod linux;
mod local;
pub mod lock;
mod netlink;
pub mod ovs;
pub mod probe;
pub mod rights;
pub mod rootless;
pub mod signals;
pub mod sim;
pub mod store;

pub use any::AnyBackend;
pub use local::{Local, in_turns};
