//! Several hosts, each a namespace with its own sshd: reached, worked on side by side, lost and found again.
#![allow(clippy::print_stderr, reason = "a test says aloud what it skipped and measured")]

mod bed;
mod broken;
mod database;
mod failure;
mod labs;
mod large;
mod lost;
mod netdev;
mod nodes;
mod shipped;
mod sudo;
mod wire;
mod work;
