//! Who reaches whom: asked by pings on a kernel, walked on one in memory.

use std::collections::HashMap;
use std::time::Duration;

use netsim_core::expect::Pair;
use netsim_core::lower::netns_of;
use netsim_core::resource::NetnsId;
use netsim_core::topology::Topology;
use netsim_core::walk::Walk;
use netsim_host::backend::Progress;
use netsim_host::probe::{self, Options, Outcome, Ping};

use crate::error::Failure;
use crate::lab::Surveyed;
use crate::machine::Machine;

/// What came of asking one pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// An answer came; after how long, where that is measured.
    Came(Option<Duration>),
    /// None came: why, in words.
    None(String),
}

/// How often to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// Again where no answer comes: the first requests may be lost while addresses are resolved.
    Patient,
    /// Once: one lost request is a loss.
    Once,
}

/// The answers, in the order of the pairs.
pub fn answers(
    machine: &Machine,
    topology: &Topology,
    surveyed: &Surveyed,
    pairs: &[Pair],
    asking: Asking,
    progress: &Progress,
) -> Result<Vec<Answer>, Failure> {
    if machine.is_simulated() {
        let walk = Walk::new(&surveyed.observed.ours);
        let walked = |pair: &Pair| match walk.reaches(&netns_of(topology, pair.from), pair.address) {
            true => Answer::Came(None),
            false => Answer::None("no way there and back".to_owned()),
        };
        return Ok(pairs.iter().map(walked).collect());
    }
    let mut sources: Vec<NetnsId> = Vec::new();
    let mut places = HashMap::new();
    let pings: Vec<Ping> = pairs
        .iter()
        .map(|pair| {
            let from = *places.entry(pair.from).or_insert_with(|| {
                sources.push(netns_of(topology, pair.from));
                sources.len() - 1
            });
            Ping { from, to: pair.address }
        })
        .collect();
    let options = match asking {
        Asking::Patient => Options::default(),
        Asking::Once => Options { tries: 1, timeout: Duration::from_secs(1) },
    };
    let mut answers = vec![Answer::None("not asked".to_owned()); pairs.len()];
    probe::ping(&sources, pings, &options, progress, |at, _, outcome| answers[at] = answer(outcome))?;
    Ok(answers)
}

fn answer(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Reached { rtt, .. } => Answer::Came(Some(rtt)),
        Outcome::Lost => Answer::None("no answer".to_owned()),
        Outcome::Unreachable { by, why } => Answer::None(format!("{why}, says {by}")),
        Outcome::Failed(error) => Answer::None(error.message),
    }
}
