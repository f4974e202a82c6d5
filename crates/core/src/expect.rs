//! What should be reachable, read off the graph and the addresses alone: it shares no code with lowering and routing, so that their faults show.

use std::net::IpAddr;
use std::time::Duration;

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use crate::given::Given;
use crate::problem::Place;
use crate::topology::{CheckKind, Kind, Routing, Topology};

mod connected;
mod patience;
mod places;
mod segments;
#[cfg(test)]
mod tests;
mod written;

use connected::Connected;
pub use patience::Patience;
use places::{Hears, Places};
use written::Written;

/// What a check has to find, pair by pair.
#[derive(Debug, Clone, Default)]
pub struct Expectation {
    pairs: Vec<Compact>,
    asked: Vec<Asked>,
    /// How long and how often to ask.
    pub patience: Patience,
}

/// A node, an address of another, and whether the one reaches the other and hears back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Who asks.
    pub from: NodeIndex<u32>,
    /// Whom.
    pub to: NodeIndex<u32>,
    /// By which address.
    pub address: IpAddr,
    /// Whether an answer should come.
    pub reachable: bool,
    /// The least and the greatest time allowed there and back, where the file bounds it.
    pub rtt: Option<(Duration, Duration)>,
    /// The check in the file that asks for it; none where the graph says so.
    pub at: Option<Place>,
}

impl Pair {
    /// Whether an answer after this time is within the bounds, where there are any.
    pub fn is_in_time(&self, rtt: Duration) -> bool {
        self.rtt.is_none_or(|(least, most)| (least..=most).contains(&rtt))
    }
}

/// A pair in few bytes: a lab of a thousand nodes has a million.
#[derive(Debug, Clone, Copy)]
struct Compact {
    from: NodeIndex<u32>,
    to: NodeIndex<u32>,
    address: IpAddr,
    reachable: bool,
    asked: Option<u32>,
}

#[derive(Debug, Clone)]
struct Asked {
    rtt: Option<(Duration, Duration)>,
    at: Place,
}

impl Expectation {
    /// The pairs, by who asks and whom, in file order.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = Pair> + '_ {
        self.pairs.iter().map(|&Compact { from, to, address, reachable, asked }| {
            let asked = asked.map(|check| &self.asked[check as usize]);
            Pair { from, to, address, reachable, rtt: asked.and_then(|a| a.rtt), at: asked.map(|a| a.at.clone()) }
        })
    }

    fn ask(&mut self, places: &Places, from: NodeIndex<u32>, to: NodeIndex<u32>, reachable: bool) {
        let asked = Some(u32::try_from(self.asked.len() - 1).expect("fewer checks than bytes in a file"));
        let addresses = places.targets(from, to);
        self.pairs.extend(addresses.map(|address| Compact { from, to, address, reachable, asked }));
    }
}

/// What the file's checks ask for; where it has none, for all pairs of nodes what the graph says: the first address of each family that both
/// have, that of `lo` before others.
///
/// With `routing: static` whoever is joined by switches and routers is reachable. With written routes a packet is followed there and back by
/// those routes, hop by hop, through nodes that forward. What is down carries nothing. A pair that depends on what is outside of the lab, or on
/// which of two routers is nearer of which one alone hears the other node, is left out.
///
/// So is a pair whose packets pass a bridge of Open vSwitch that flows rule, and what a machine (`kind: host`) reaches or is reached by otherwise than
/// through the lab.
pub fn expect(topology: &Topology, given: &Given) -> Expectation {
    let mut open = expect_plain(topology, given);
    let Some(shut) = with_ruled_shut(topology).filter(|_| topology.checks.is_empty()) else { return open };
    let without: FxHashMap<_, bool> = expect_plain(&shut, given)
        .pairs
        .iter()
        .map(|pair| ((pair.from, pair.to, pair.address), pair.reachable))
        .collect();
    open.pairs.retain(|pair| without.get(&(pair.from, pair.to, pair.address)) == Some(&pair.reachable));
    open
}

/// The lab with every switch that flows rule cut off; none where there is no such switch.
fn with_ruled_shut(topology: &Topology) -> Option<Topology> {
    let is_ruled =
        |node: NodeIndex<u32>| matches!(&topology.graph[node].kind, Kind::Ovs(_, written) if written.is_ruled());
    if !topology.graph.node_indices().any(is_ruled) {
        return None;
    }
    let mut shut = topology.clone();
    for end in shut.graph.edge_weights_mut().flat_map(|link| &mut link.ends).filter(|end| is_ruled(end.node)) {
        end.written.down = true;
    }
    Some(shut)
}

fn expect_plain(topology: &Topology, given: &Given) -> Expectation {
    let places = Places::new(topology, given);
    let patience = Patience::of(topology);
    if !topology.checks.is_empty() {
        return Expectation { patience, ..asked_for(topology, &places) };
    }
    let nodes: Vec<NodeIndex<u32>> = topology.graph.node_indices().filter(|&n| places.has_address(n)).collect();
    let is_machine = |node: NodeIndex<u32>| matches!(topology.graph[node].kind, Kind::Host);
    let mut expectation = Expectation { patience, ..Expectation::default() };
    let mut all_pairs = |reaches: &mut dyn FnMut(NodeIndex<u32>, NodeIndex<u32>, IpAddr) -> Hears| {
        for &from in &nodes {
            for &to in nodes.iter().filter(|&&to| to != from) {
                let pair = |address| {
                    let reachable = match reaches(from, to, address) {
                        Hears::Yes => true,
                        // A machine has routes and NICs of its own.
                        Hears::No if is_machine(from) || is_machine(to) => return None,
                        Hears::No => false,
                        Hears::Perhaps => return None,
                    };
                    Some(Compact { from, to, address, reachable, asked: None })
                };
                expectation.pairs.extend(places.targets(from, to).filter_map(pair));
            }
        }
    };
    match topology.routing {
        Routing::Static => {
            let connected = Connected::new(topology, &places);
            all_pairs(&mut |from, to, address| connected.reaches(from, to, address));
        }
        Routing::Written => {
            let written = Written::new(topology, &places);
            all_pairs(&mut |from, to, address| match written.reaches(from, address) {
                true => Hears::Yes,
                false if places.may_hear(from, to) => Hears::Perhaps,
                false => Hears::No,
            });
        }
    }
    expectation
}

fn asked_for(topology: &Topology, places: &Places) -> Expectation {
    let mut expectation = Expectation::default();
    for check in &topology.checks {
        let rtt = if let CheckKind::Ping { rtt, .. } = &check.kind { *rtt } else { None };
        expectation.asked.push(Asked { rtt, at: check.at.clone() });
        let (nodes, reachable) = match &check.kind {
            CheckKind::Reachable(nodes) => (nodes, true),
            CheckKind::Unreachable(nodes) => (nodes, false),
            CheckKind::Ping { from, to, .. } => {
                expectation.ask(places, *from, *to, true);
                continue;
            }
        };
        for &from in nodes {
            for &to in nodes.iter().filter(|&&to| to != from) {
                expectation.ask(places, from, to, reachable);
            }
        }
    }
    expectation
}
