//! Makes plans true on a machine: every system call, socket and process is here.
#![warn(missing_docs)]

pub mod agent;
mod any;
pub mod backend;
pub mod crash;
pub mod enter;
mod failure;
mod file_lock;
mod host;
pub mod linux;
mod local;
pub mod lock;
pub mod machine;
mod netlink;
pub mod ovs;
mod own;
pub mod probe;
pub mod remote;
pub mod rights;
pub mod rootless;
pub mod run;
pub mod signals;
pub mod sim;
pub mod ssh;
pub mod store;
pub mod undo;
mod wire;

pub use any::AnyBackend;
pub use host::Host;
pub use local::{Local, in_turns};
pub use own::Own;
pub use wire::Patience;
