//! `exec`: a command in a node.

use std::ffi::OsString;

use netsim_host::enter;

use super::Exit;
use crate::args::{ExecArgs, Global};
use crate::error::{Failure, codes};
use crate::hosts::Hosts;
use crate::node;
use crate::screen::Screen;

pub fn run(args: &ExecArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    node::with(global, screen, &args.node, |hosts, found| {
        runs_programs(hosts)?;
        let env = [("NETSIM_LAB", OsString::from(found.lab.as_str())), ("NETSIM_NODE", found.node.as_str().into())];
        Err(enter::exec_in(&found.netns, &args.command, &env).into())
    })
}

/// That a program can be in their nodes.
pub fn runs_programs(hosts: &Hosts) -> Result<(), Failure> {
    match hosts.are_simulated() {
        false => Ok(()),
        true => {
            let hint = "apply the lab to this machine: leave out --backend sim";
            Err(Failure::hinted(codes::SIMULATED, "the nodes of the simulator run no programs", hint))
        }
    }
}
