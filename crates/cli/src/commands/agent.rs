//! `agent`: the far side of a lab over several hosts; the netsim at the other end of standard input and output asks, this one does.

use std::sync::Arc;

use netsim_core::names::HostId;
use netsim_host::agent::{self, Entry, Farewell, Stream};
use netsim_host::backend::{HostError, Progress};
use netsim_host::linux::Paths;
use netsim_host::rootless::{self, Mode, Standing};
use netsim_host::sim::SimHost;
use netsim_host::{AnyBackend, Host, Local, Own, Patience, signals};

use super::Exit;
use crate::args::{AgentArgs, BackendChoice, Global};
use crate::error::{Failure, codes};
use crate::hosts::sim_file;

pub fn run(args: &AgentArgs, global: &Global) -> Result<Exit, Failure> {
    if let Some(word) = &args.enter {
        let entry = Entry::read(word)?;
        let _standing = stand(global)?;
        return Ok(Exit::Program(entry.run()?));
    }
    let own = Own::this().map_err(|e| Failure::new(codes::FILE, format!("read this program: {e}")))?;
    // Entering a user namespace takes a process of one thread: before anything is served.
    let standing = stand(global);
    let stream =
        Stream::standard().map_err(|e| Failure::new(codes::FILE, format!("take standard input and output: {e}")))?;
    let standing = match standing {
        Ok(standing) => standing,
        Err(error) => {
            // Whoever asks is told; whoever is gone needs no answer.
            let _ = agent::refuse(stream, &own, error, Patience::default());
            return Ok(Exit::No);
        }
    };
    // A link-local address with its device is none that other machines can send to.
    let reached = args.reached.as_deref().and_then(|text| text.parse().ok());
    let host = host(global)?.reached(reached);
    let end = Arc::new(Progress::default());
    signals::stop_on_signals(end.clone())?;
    let Farewell { broken, undone } = agent::serve(&host, stream, &own, Patience::default(), &end);
    standing.map_or(Ok(()), Standing::leave)?;
    match undone {
        Ok(()) if broken == agent::Broken::Ended => Ok(Exit::Ok),
        Ok(()) => Err(Failure::Aftermath(format!("the agent ends: {broken}\n"))),
        Err(why) => Err(Failure::Aftermath(format!(
            "the agent ends: {broken}; what was before could not be brought back: {why}\n"
        ))),
    }
}

fn stand(global: &Global) -> Result<Option<Standing>, HostError> {
    match global.backend {
        // Whoever asks wants this machine, unless it says otherwise.
        BackendChoice::Linux => rootless::enter(if global.rootless { Mode::Rootless } else { Mode::Root }).map(Some),
        BackendChoice::Sim => Ok(None),
    }
}

fn host(global: &Global) -> Result<Host, Failure> {
    let id = HostId::local();
    Ok(match global.backend {
        BackendChoice::Linux => Host::new(id, AnyBackend::Local(Local::new(Paths::default(), global.db.clone()))),
        BackendChoice::Sim => {
            let file = sim_file(global)?;
            let state = file.with_extension("labs");
            Host::keeping(id, AnyBackend::Sim(SimHost::new(file)), state)
        }
    })
}
