//! How long answers may take and how many may be lost on the way, so that whoever asks is patient enough.

use std::time::Duration;

use petgraph::graph::NodeIndex;

use crate::resource::Distribution;
use crate::topology::{Impairment, LossWritten, Topology, Written};

/// What a lab's impairments do to a request and its answer at most: bounds, not the very values.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Patience {
    /// The longest time there and back.
    pub round_trip: Duration,
    /// The largest share of requests that get no answer: 0 to 1.
    pub loss: f64,
    /// The least rate of an interface, in bits a second; none: none is slowed down.
    pub rate: Option<u64>,
    /// How long switches with a spanning tree keep a port from forwarding after it came up: they listen, then they learn (IEEE 802.1D §8.4).
    pub settling: Duration,
}

/// Bits of a request with all its headers.
const REQUEST: u64 = 100 * 8;
/// The default of [`crate::topology::Switch::forward_delay`], in 1/100 s.
const FORWARD_DELAY: u32 = 1500;

/// What interfaces add up to on a way, there and back.
#[derive(Debug, Clone, Copy)]
struct Way {
    nanoseconds: u64,
    /// The share of packets that come through.
    through: f64,
}

impl Way {
    const FREE: Way = Way { nanoseconds: 0, through: 1.0 };

    fn of(written: &Written) -> Way {
        written.impairment.as_ref().filter(|_| !written.down).map_or(Way::FREE, |i| Way {
            nanoseconds: longest(i).saturating_add(i.rate.map_or(0, |rate| REQUEST * 1_000_000_000 / rate.max(1))),
            through: (1.0 - lost(i)) * (1.0 - i.corrupt / 100.0),
        })
    }

    fn and(self, other: Way) -> Way {
        Way { nanoseconds: self.nanoseconds.saturating_add(other.nanoseconds), through: self.through * other.through }
    }

    fn or_worse(self, other: Way) -> Way {
        Way { nanoseconds: self.nanoseconds.max(other.nanoseconds), through: self.through.min(other.through) }
    }
}

/// The longest delay; the tables of the bell and of the long tails reach to some four and eight times the jitter.
fn longest(impairment: &Impairment) -> u64 {
    let times = match impairment.distribution {
        Distribution::Uniform => 1,
        Distribution::Normal => 4,
        Distribution::Pareto | Distribution::Paretonormal => 8,
    };
    impairment.delay.saturating_add(impairment.jitter.saturating_mul(times))
}

/// The share of packets that are lost in the long run.
fn lost(impairment: &Impairment) -> f64 {
    match impairment.loss {
        None => 0.0,
        Some(LossWritten::Random(percent)) => percent / 100.0,
        Some(LossWritten::GilbertElliott { p, r, h, k }) => {
            // The share of time in the bad state is p / (p + r).
            let bad = if p + r > 0.0 { p / (p + r) } else { 0.0 };
            (bad * h + (1.0 - bad) * k) / 100.0
        }
    }
}

impl Patience {
    pub(super) fn of(topology: &Topology) -> Patience {
        let graph = &topology.graph;
        let of_links = graph.edge_weights().flat_map(|link| link.ends.each_ref().map(|end| &end.written));
        let own = graph.node_weights().flat_map(|node| node.interfaces.iter().map(|own| &own.written));
        let impaired: Vec<&Impairment> = of_links.chain(own).filter_map(|w| w.impairment.as_ref()).collect();
        let switches = graph.node_weights().filter(|node| node.spans_tree()).filter_map(|node| node.switch());
        let delays = switches.map(|switch| switch.forward_delay.unwrap_or(FORWARD_DELAY));
        let settling = Duration::from_millis(2 * 10 * u64::from(delays.max().unwrap_or(0)));
        let farthest = if impaired.is_empty() { Way::FREE } else { farthest(topology) };
        Patience {
            // From one node to any other is at most to the first in file order and on from there.
            round_trip: Duration::from_nanos(farthest.nanoseconds.saturating_mul(2)),
            loss: 1.0 - farthest.through * farthest.through,
            rate: impaired.iter().filter_map(|i| i.rate).min(),
            settling,
        }
    }
}

/// The worst of the ways from the first node of each part of the lab to all others there, each by as few links as it takes.
fn farthest(topology: &Topology) -> Way {
    let graph = &topology.graph;
    let mut known: Vec<Option<(u32, Way)>> = vec![None; graph.node_count()];
    let mut worst = Way::FREE;
    for first in graph.node_indices() {
        if known[first.index()].is_some() {
            continue;
        }
        known[first.index()] = Some((0, own(topology, first)));
        let mut layer = vec![first];
        let mut steps = 0;
        while !layer.is_empty() {
            steps += 1;
            let mut next = Vec::new();
            for &node in &layer {
                let (_, way) = known[node.index()].expect("it was reached");
                for edge in graph.edges(node) {
                    let ends = &edge.weight().ends;
                    let far = if ends[0].node == node { ends[1].node } else { ends[0].node };
                    let on = ends.iter().fold(own(topology, far), |on, end| on.and(Way::of(&end.written)));
                    match &mut known[far.index()] {
                        Some((at, found)) if *at == steps => *found = found.or_worse(way.and(on)),
                        Some(_) => {}
                        slot @ None => {
                            *slot = Some((steps, way.and(on)));
                            next.push(far);
                        }
                    }
                }
            }
            for node in &next {
                let (_, way) = known[node.index()].expect("it was reached");
                worst = worst.or_worse(way);
            }
            layer = next;
        }
        worst = worst.or_worse(own(topology, first));
    }
    worst
}

/// What the worst of a node's own interfaces adds to each packet that it sends.
fn own(topology: &Topology, node: NodeIndex<u32>) -> Way {
    let own = topology.graph[node].interfaces.iter().map(|own| Way::of(&own.written));
    own.fold(Way::FREE, Way::or_worse)
}
