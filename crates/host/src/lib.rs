//! Makes plans true on a machine: every system call, socket and process is here.
#![warn(missing_docs)]

pub mod backend;
