//! Who reaches whom: asked by pings on a kernel, walked on one in memory.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use netsim_core::expect::{Pair, Patience};
use netsim_core::lower::netns_of;
use netsim_core::names::HostId;
use netsim_core::resource::NetnsId;
use netsim_core::walk::Walk;
use netsim_host::Host;
use netsim_host::backend::{HostError, Progress};
use netsim_host::probe::{Options, Outcome, Ping};
use netsim_host::run::{Timed, on_all};

use super::Asked;
use crate::error::Failure;
use crate::hosts::Hosts;
use crate::lab::{Surveyed, host_of};

/// What came of asking one pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// An answer came; after how long, where that is measured.
    Came(Option<Duration>),
    /// None came: why, in words.
    None(String),
    /// The host that it had to be asked from could not be.
    NotAsked,
}

/// What came of asking all pairs.
#[derive(Debug)]
pub struct Answers {
    /// In the order of the pairs.
    pub each: Vec<Answer>,
    /// The hosts that could not be asked, or not to the end, and why.
    pub down: IndexMap<HostId, HostError>,
}

/// How often to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// Again where no answer comes: the first requests may be lost while addresses are resolved.
    Patient,
    /// Once: one lost request is a loss.
    Once,
}

/// The answers. What is on a host that cannot be reached is asked from the others; from there nothing is.
pub fn answers(
    hosts: &Hosts,
    surveyed: &Surveyed,
    asked: &Asked,
    asking: Asking,
    progress: &Progress,
) -> Result<Answers, Failure> {
    let Asked { pairs, patience } = asked;
    let topology = &surveyed.topology;
    if hosts.are_simulated() {
        let walk = Walk::over(surveyed.hosts.iter().map(|(id, on)| (id, &on.observed.ours)));
        let reaches = |pair: &Pair| {
            walk.reaches_on(host_of(&topology.graph[pair.from]), &netns_of(topology, pair.from), pair.address)
        };
        let walked = |pair: &Pair| match surveyed.down.contains_key(host_of(&topology.graph[pair.from])) {
            true => Answer::NotAsked,
            false if reaches(pair) => Answer::Came(None),
            false => Answer::None("no way there and back".to_owned()),
        };
        return Ok(Answers { each: pairs.iter().map(walked).collect(), down: surveyed.down.clone() });
    }
    let mut asker = Asker::new(hosts, surveyed, asked, asking, progress)?;
    let all: Vec<usize> = (0..pairs.len()).collect();
    match asking {
        Asking::Patient if !patience.settling.is_zero() => asker.ask_until_settled(patience.settling),
        Asking::Patient | Asking::Once => asker.ask(&all),
    }
    let timed = |&at: &usize| pairs[at].rtt.is_some() && matches!(asker.answers[at], Answer::Came(_));
    let timed = all.into_iter().filter(timed).collect();
    asker.take_times(timed, if asking == Asking::Patient { TIMES } else { 1 });
    Ok(Answers { each: asker.answers, down: asker.down })
}

/// How long to wait between two rounds while switches settle.
const ROUND: Duration = Duration::from_millis(200);
/// How likely it may be that no request of a ping is answered though all is as it should be.
const FALSE_ALARM: f64 = 1e-9;
/// The most requests of a ping.
const MOST_TRIES: f64 = 60.0;
/// How often the time of a pair is taken until it is within its bounds.
const TIMES: u32 = 5;
/// Bytes of a request on a wire, with all its headers.
const REQUEST: u64 = 100;
/// The fewest pings at once, however slow a link is.
const FEWEST: u64 = 8;

/// Asks pings by their places among the pairs.
struct Asker<'a> {
    pairs: &'a [Pair],
    /// The hosts that pings are sent on, each with the nodes there that send any.
    hosts: IndexMap<&'a HostId, (&'a Host, Vec<NetnsId>)>,
    /// Of each pair: on which of the hosts, and what. None where that host is down.
    pings: Vec<Option<(usize, Ping)>>,
    /// The hosts that cannot be asked, or not any more.
    down: IndexMap<HostId, HostError>,
    options: Options,
    /// Pings at once: no more than the slowest link carries in a second.
    at_once: usize,
    progress: &'a Progress,
    answers: Vec<Answer>,
}

impl<'a> Asker<'a> {
    fn new(
        hosts: &'a Hosts,
        surveyed: &'a Surveyed,
        asked: &'a Asked,
        asking: Asking,
        progress: &'a Progress,
    ) -> Result<Self, Failure> {
        let Surveyed { topology, down, .. } = surveyed;
        let Asked { pairs, patience } = asked;
        let mut senders: IndexMap<&HostId, (&Host, Vec<NetnsId>)> = IndexMap::new();
        let (mut places, mut pings) = (HashMap::new(), Vec::new());
        for pair in pairs {
            let id = host_of(&topology.graph[pair.from]);
            if down.contains_key(id) {
                pings.push(None);
                continue;
            }
            let place = match places.get(&pair.from) {
                Some(place) => *place,
                None => {
                    let sender = senders.entry(id);
                    let at = sender.index();
                    let (_, sources) = sender.or_insert((hosts.host(id)?, Vec::new()));
                    sources.push(netns_of(topology, pair.from));
                    *places.entry(pair.from).or_insert((at, sources.len() - 1))
                }
            };
            pings.push(Some((place.0, Ping { from: place.1, to: pair.address })));
        }
        let at_once = patience.rate.map_or(u64::MAX, |bits| (bits / 8 / REQUEST).max(FEWEST));
        Ok(Asker {
            pairs,
            hosts: senders,
            pings,
            down: down.clone(),
            options: options(patience, asking),
            at_once: usize::try_from(at_once).unwrap_or(usize::MAX),
            progress,
            answers: vec![Answer::NotAsked; pairs.len()],
        })
    }

    /// Asks these, on all hosts side by side. What a host has not answered when it goes away is not asked any more.
    fn ask(&mut self, places: &[usize]) {
        for places in places.chunks(self.at_once) {
            let mut parts: Vec<Vec<(usize, Ping)>> = vec![Vec::new(); self.hosts.len()];
            for &at in places {
                self.answers[at] = Answer::NotAsked;
                if let Some((host, ping)) = self.pings[at] {
                    parts[host].push((at, ping));
                }
            }
            let Asker { hosts, down, options, progress, .. } = &*self;
            let parts = hosts.iter().zip(&parts).filter(|((id, _), part)| !part.is_empty() && !down.contains_key(**id));
            let outcomes = on_all(parts.map(|((id, sender), part)| (*id, (sender, part))), |_, (sender, part)| {
                let (host, sources) = sender;
                let pings = part.iter().map(|(_, ping)| *ping).collect();
                let mut outcomes = Vec::new();
                let asked = host.ping(sources, pings, options, progress, |n, out| outcomes.push((part[n].0, out)));
                (outcomes, asked)
            });
            for (id, Timed { value: (outcomes, asked), .. }) in outcomes {
                outcomes.into_iter().for_each(|(at, outcome)| self.answers[at] = answer(outcome));
                if let Err(error) = asked {
                    self.down.insert(id, error);
                }
            }
        }
    }

    /// Takes the times of pairs that answered. While addresses are resolved the first answer is late: the next one counts. A busy machine makes any
    /// answer late, so one that came outside of its bounds is asked for anew, this often in all.
    fn take_times(&mut self, mut timed: Vec<usize>, times: u32) {
        for _ in 0..times {
            if timed.is_empty() || self.progress.stopped() {
                break;
            }
            let before: Vec<Answer> = timed.iter().map(|&at| self.answers[at].clone()).collect();
            self.ask(&timed);
            for (&at, before) in timed.iter().zip(before) {
                if let Answer::None(_) = self.answers[at] {
                    self.answers[at] = before;
                }
            }
            timed.retain(|&at| matches!(self.answers[at], Answer::Came(Some(rtt)) if !self.pairs[at].is_in_time(rtt)));
        }
    }

    /// A spanning tree lets nothing pass for some time after ports came up: pairs that should reach each other are asked until they do or that time
    /// is over, and only then those that should not.
    fn ask_until_settled(&mut self, settling: Duration) {
        let began = Instant::now();
        let (mut waiting, apart): (Vec<usize>, Vec<usize>) =
            (0..self.pairs.len()).partition(|&at| self.pairs[at].reachable);
        loop {
            let is_last = began.elapsed() >= settling;
            self.ask(&waiting);
            waiting.retain(|&at| matches!(self.answers[at], Answer::None(_)));
            if waiting.is_empty() || is_last || self.progress.stopped() {
                break;
            }
            std::thread::sleep(ROUND);
        }
        self.ask(&apart);
    }
}

/// As often and as long as it takes for what the file says is done to packets on their way.
fn options(patience: &Patience, asking: Asking) -> Options {
    let queueing = if patience.rate.is_some() { Duration::from_secs(1) } else { Duration::ZERO };
    // Addresses are resolved on the way, there and back again.
    let more = 2 * patience.round_trip + queueing;
    let born = Options::default();
    let is_lossy = patience.loss > 0.0;
    match asking {
        Asking::Once => Options { tries: 1, timeout: Duration::from_secs(1) + more, ..born },
        Asking::Patient if is_lossy => Options {
            tries: (FALSE_ALARM.ln() / patience.loss.min(0.99).ln()).ceil().clamp(born.tries.into(), MOST_TRIES) as u32,
            timeout: born.timeout + more,
            least: patience.round_trip.max(Duration::from_millis(50)),
            insist: true,
        },
        Asking::Patient => Options { timeout: born.timeout + more, ..born },
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(loss: f64) -> u32 {
        options(&Patience { loss, ..Patience::default() }, Asking::Patient).tries
    }

    #[test]
    fn the_more_is_lost_the_more_often_is_asked() {
        assert_eq!([0.0, 0.01, 0.5, 1.0].map(tries), [5, 5, 30, 60]);
    }

    #[test]
    fn the_longest_way_has_time_for_an_answer() {
        let slow = Patience { round_trip: Duration::from_secs(1), loss: 0.1, ..Patience::default() };
        let Options { timeout, least, .. } = options(&slow, Asking::Patient);
        assert_eq!((timeout, least), (Duration::from_secs(4), Duration::from_secs(1)));
        assert_eq!(options(&slow, Asking::Once).timeout, Duration::from_secs(3));
    }
}
