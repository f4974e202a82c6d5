//! Who reaches whom: asked by pings on a kernel, walked on one in memory.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use netsim_core::expect::{Pair, Patience};
use netsim_core::lower::netns_of;
use netsim_core::resource::NetnsId;
use netsim_core::topology::Topology;
use netsim_core::walk::Walk;
use netsim_host::backend::Progress;
use netsim_host::probe::{self, Options, Outcome, Ping};

use super::Question;
use crate::error::Failure;

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
pub(super) fn answers(question: &Question, asking: Asking, progress: &Progress) -> Result<Vec<Answer>, Failure> {
    let Question { machine, loaded, surveyed, pairs, patience } = question;
    if machine.is_simulated() {
        let walk = Walk::new(&surveyed.observed.ours);
        let walked = |pair: &Pair| match walk.reaches(&netns_of(&loaded.topology, pair.from), pair.address) {
            true => Answer::Came(None),
            false => Answer::None("no way there and back".to_owned()),
        };
        return Ok(pairs.iter().map(walked).collect());
    }
    let began = Instant::now();
    let options = options(patience, asking, pairs.len());
    let mut answers = vec![Answer::None("not asked".to_owned()); pairs.len()];
    let mut open: Vec<usize> = (0..pairs.len()).collect();
    loop {
        let asked: Vec<&Pair> = open.iter().map(|&at| &pairs[at]).collect();
        for (at, answer) in open.iter().zip(round(&loaded.topology, &asked, &options, progress)?) {
            answers[*at] = answer;
        }
        // Whoever a spanning tree does not let be heard yet may be heard a little later.
        open.retain(|&at| pairs[at].reachable && matches!(answers[at], Answer::None(_)));
        let settled = patience.settling.is_zero() || began.elapsed() > patience.settling + GRACE;
        if open.is_empty() || settled || asking == Asking::Once || progress.stopped() {
            return Ok(answers);
        }
        std::thread::sleep(REST);
    }
}

/// How much longer than the standard says a switch may take to let packets through.
const GRACE: Duration = Duration::from_secs(3);

/// Between two rounds of questions to those who did not answer.
const REST: Duration = Duration::from_millis(250);

/// So seldom may a pair be told lost by mere chance.
const CHANCE: f64 = 1e-6;

/// Bits of a request with all its headers.
const REQUEST: f64 = 100.0 * 8.0;

/// As patient as the lab's impairments ask for.
fn options(patience: &Patience, asking: Asking, pairs: usize) -> Options {
    // All requests at once wait for a slow link.
    let crowd = patience.rate.map_or(0.0, |rate| pairs as f64 * REQUEST / rate.max(1) as f64);
    let longer = patience.round_trip * 2 + Duration::from_secs_f64(crowd.min(30.0));
    match asking {
        Asking::Patient => {
            let usual = Options::default();
            let tries = if patience.loss > 0.0 { (CHANCE.ln() / patience.loss.min(0.9).ln()).ceil() } else { 0.0 };
            Options { tries: usual.tries.max(tries as u32), timeout: usual.timeout + longer }
        }
        Asking::Once => Options { tries: 1, timeout: Duration::from_secs(1) + longer },
    }
}

/// Asks each pair once or, where no answer comes, a few times.
fn round(topology: &Topology, pairs: &[&Pair], options: &Options, progress: &Progress) -> Result<Vec<Answer>, Failure> {
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
    let mut answers = vec![Answer::None("not asked".to_owned()); pairs.len()];
    probe::ping(&sources, pings, options, progress, |at, _, outcome| answers[at] = answer(outcome))?;
    Ok(answers)
}

impl Answer {
    /// What is wrong with it, in words.
    pub fn wrong(&self, pair: &Pair) -> Option<String> {
        match (self, pair.reachable, pair.rtt) {
            (Answer::None(why), true, _) => Some(why.clone()),
            (Answer::None(_), false, _) => None,
            (Answer::Came(_), false, _) => Some("answers, and should not".to_owned()),
            (Answer::Came(Some(rtt)), true, Some((least, most))) if *rtt < least || *rtt > most => {
                Some(format!("answers after {}, not within {}..{}", millis(*rtt), millis(least), millis(most)))
            }
            (Answer::Came(_), true, _) => None,
        }
    }
}

fn millis(time: Duration) -> String {
    match time {
        Duration::MAX => String::new(),
        time => {
            format!("{:.3}", time.as_secs_f64() * 1000.0).trim_end_matches('0').trim_end_matches('.').to_owned() + "ms"
        }
    }
}

fn answer(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Reached { rtt, .. } => Answer::Came(Some(rtt)),
        Outcome::Lost => Answer::None("no answer".to_owned()),
        Outcome::Unreachable { by, why } => Answer::None(format!("{why}, says {by}")),
        Outcome::Failed(error) => Answer::None(error.message),
    }
}
