//! `shell`: look around inside a node.

use netsim_host::enter;

use super::{Exit, exec};
use crate::args::{Global, ShellArgs};
use crate::error::Failure;
use crate::node;
use crate::screen::Screen;

pub fn run(args: &ShellArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    node::with(global, screen, &args.node, |hosts, found| {
        exec::runs_programs(hosts)?;
        Err(enter::shell_in(&found.netns, &found.lab, &found.node).into())
    })
}
