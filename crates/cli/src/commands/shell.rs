//! `shell`: look around inside a node.

use netsim_host::enter;

use super::{Exit, exec};
use crate::args::{Global, ShellArgs};
use crate::error::Failure;
use crate::node;
use crate::screen::Screen;

pub fn run(args: &ShellArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    node::with(global, screen, (&args.node, None), |hosts, found| {
        exec::runs_programs(hosts)?;
        hosts.host(&found.host)?;
        match hosts.reached(&found.host) {
            None => Err(enter::shell_in(&found.netns, &found.lab, &found.node).into()),
            Some(reached) => {
                let env = enter::shell_environment(&found.lab, &found.node);
                exec::elsewhere(reached, &found, Vec::new(), env.into())
            }
        }
    })
}
