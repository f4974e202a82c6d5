//! `exec`: a command in a node, wherever that is.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;

use netsim_host::agent::Entry;
use netsim_host::backend::Progress;
use netsim_host::ssh::{Reached, Terminal};
use netsim_host::{enter, signals};

use super::Exit;
use crate::args::{ExecArgs, Global};
use crate::error::{Failure, codes};
use crate::hosts::Hosts;
use crate::node::{self, Found};
use crate::screen::Screen;

pub fn run(args: &ExecArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    node::with(global, screen, (&args.node, None), |hosts, found| {
        runs_programs(hosts)?;
        hosts.host(&found.host)?;
        let env = environment(&found);
        match hosts.reached(&found.host) {
            None => Err(enter::exec_in(&found.netns, &args.command, &env).into()),
            Some(reached) => elsewhere(reached, &found, args.command.clone(), env.into()),
        }
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

/// What a program in a node is told of it.
fn environment(found: &Found) -> [(&'static str, OsString); 2] {
    [("NETSIM_LAB", found.lab.as_str().into()), ("NETSIM_NODE", found.node.as_str().into())]
}

/// Runs a program in a node of another host: its streams, its terminal, its end and the signals to it are ours. Without arguments it is the user's shell.
pub fn elsewhere(
    reached: &Reached,
    found: &Found,
    argv: Vec<OsString>,
    env: Vec<(&str, OsString)>,
) -> Result<Exit, Failure> {
    let stop = Arc::new(Progress::default());
    signals::stop_on_signals(stop.clone())?;
    let env = env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let entry = Entry { host: found.host.clone(), netns: found.netns.clone(), argv, env };
    // As it would be here: a program whose output goes elsewhere than to the terminal has none.
    let terminal = match io::stdin().is_terminal() && io::stdout().is_terminal() {
        true => Terminal::Yes,
        false => Terminal::No,
    };
    let status = reached.run(&entry, terminal, &stop)?;
    let signal = signals::heard().filter(|_| stop.stopped()).or(status.signal());
    let code = signal.map(|signal| 128 + signal).or(status.code());
    Ok(Exit::Program(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)))
}
