//! What there is once in a lab: each address, each Ethernet address.

use std::net::IpAddr;

use petgraph::graph::{EdgeIndex, NodeIndex};
use rustc_hash::FxHashMap;

use super::building::Building;
use super::codes;
use crate::problem::Place;

/// Who has an address.
#[derive(Clone, Copy)]
enum Holder {
    End(EdgeIndex<u32>, usize),
    Lo(NodeIndex<u32>),
    Bridge(NodeIndex<u32>),
}

impl Holder {
    fn name(self, building: &Building) -> String {
        match self {
            Holder::End(edge, side) => format!("`{}`", building.end_name(edge, side)),
            Holder::Lo(node) => format!("`lo` of `{}`", building.graph[node].name),
            Holder::Bridge(node) => format!("`{}`", building.graph[node].name),
        }
    }

    fn place(self, building: &Building) -> Place {
        match self {
            Holder::End(edge, side) => building.graph[edge].ends[side].at.clone(),
            Holder::Lo(node) => building.graph[node].at.key("lo"),
            Holder::Bridge(node) => building.graph[node].at.clone(),
        }
    }
}

pub(super) fn check(building: &mut Building) {
    addresses(building);
    macs(building);
}

fn addresses(building: &mut Building) {
    let graph = &building.graph;
    let nodes = graph.node_indices().flat_map(|n| {
        let lo = graph[n].loopbacks.iter().map(move |a| (a, Holder::Lo(n)));
        let bridge = graph[n].switch().into_iter().flat_map(|s| &s.addresses);
        lo.chain(bridge.map(move |a| (a, Holder::Bridge(n))))
    });
    let ends = graph.edge_indices().flat_map(|e| {
        (0..2).flat_map(move |side| {
            let end = &graph[e].ends[side];
            end.addresses.iter().map(move |a| (a, Holder::End(e, side)))
        })
    });
    let mut seen: FxHashMap<IpAddr, Holder> = FxHashMap::default();
    let mut twice = Vec::new();
    for (net, holder) in nodes.chain(ends) {
        let address = net.addr();
        if everywhere(address) {
            continue;
        }
        if let Some(other) = seen.insert(address, holder) {
            let message = format!("{address} is given to {} and to {}", other.name(building), holder.name(building));
            twice.push((holder.place(building), message));
        }
    }
    for (at, message) in twice {
        building.problems.tell(codes::ADDRESS_TWICE, &at, message, "give one of them another address");
    }
}

/// Addresses that mean something on their own wire only: every node may have the same.
fn everywhere(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => a.is_loopback() || a.is_link_local(),
        IpAddr::V6(a) => a.is_loopback() || a.is_unicast_link_local(),
    }
}

fn macs(building: &mut Building) {
    let mut seen = FxHashMap::default();
    let mut twice = Vec::new();
    for edge in building.graph.edge_indices() {
        for side in 0..2 {
            let end = &building.graph[edge].ends[side];
            let Some(mac) = end.mac else { continue };
            if let Some((other, other_side)) = seen.insert(mac, (edge, side)) {
                let (a, b) = (building.end_name(other, other_side), building.end_name(edge, side));
                twice.push((end.at.clone(), format!("{mac} is given to `{a}` and to `{b}`")));
            }
        }
    }
    for (at, message) in twice {
        building.problems.tell(codes::MAC_TWICE, &at, message, "give one of them another, or write none");
    }
}
