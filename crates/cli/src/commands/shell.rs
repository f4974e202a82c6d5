//! `shell`: look around inside a node.

use netsim_host::enter;

use super::{Exit, exec};
use crate::args::{Global, ShellArgs};
use crate::error::Failure;
use crate::screen::Screen;
use crate::{machine, node};

pub fn run(args: &ShellArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    machine::with(global, screen, |machine| {
        let found = node::find(machine, &args.node)?;
        exec::runs_programs(machine)?;
        Err(enter::shell_in(&found.netns, &found.lab, &found.node).into())
    })
}
