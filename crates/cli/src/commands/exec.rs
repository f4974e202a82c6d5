//! `exec`: a command in a node.

use std::ffi::OsString;

use netsim_host::enter;

use super::Exit;
use crate::args::{ExecArgs, Global};
use crate::error::{Failure, codes};
use crate::machine::{self, Machine};
use crate::node;
use crate::screen::Screen;

pub fn run(args: &ExecArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    machine::with(global, screen, |machine| {
        let found = node::find(machine, &args.node)?;
        runs_programs(machine)?;
        let env = [("NETSIM_LAB", OsString::from(found.lab.as_str())), ("NETSIM_NODE", found.node.as_str().into())];
        Err(enter::exec_in(&found.netns, &args.command, &env).into())
    })
}

/// That the machine is one whose nodes a program can be in.
pub fn runs_programs(machine: &Machine) -> Result<(), Failure> {
    match machine.is_simulated() {
        false => Ok(()),
        true => {
            let hint = "apply the lab to this machine: leave out --backend sim";
            Err(Failure::hinted(codes::SIMULATED, "the nodes of the simulator run no programs", hint))
        }
    }
}
