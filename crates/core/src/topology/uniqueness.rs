//! What there is once in a lab: each address, each Ethernet address.

use std::net::IpAddr;

use petgraph::graph::{EdgeIndex, NodeIndex};
use rustc_hash::FxHashMap;

use super::building::Building;
use super::codes;
use super::realms::Realms;
use crate::problem::Place;

/// Who has an address.
#[derive(Clone, Copy)]
enum Holder {
    End(EdgeIndex<u32>, usize),
    Lo(NodeIndex<u32>),
    Bridge(NodeIndex<u32>),
    Own(NodeIndex<u32>, usize),
}

impl Holder {
    fn name(self, building: &Building) -> String {
        match self {
            Holder::End(edge, side) => format!("`{}`", building.end_name(edge, side)),
            Holder::Lo(node) => format!("`lo` of `{}`", building.graph[node].name),
            Holder::Bridge(node) => format!("`{}`", building.graph[node].name),
            Holder::Own(node, n) => {
                let weight = &building.graph[node];
                format!("`{}:{}`", weight.name, weight.interfaces[n].name)
            }
        }
    }

    fn realm(self, building: &Building, realms: &Realms) -> usize {
        match self {
            Holder::End(edge, _) => realms.link(building, edge),
            Holder::Lo(node) | Holder::Bridge(node) => realms.node(node),
            Holder::Own(node, n) => realms.own(building, node, &building.graph[node].interfaces[n].name),
        }
    }

    fn place(self, building: &Building) -> Place {
        match self {
            Holder::End(edge, side) => building.graph[edge].ends[side].at.clone(),
            Holder::Lo(node) => building.graph[node].at.key("lo"),
            Holder::Bridge(node) => building.graph[node].at.clone(),
            Holder::Own(node, n) => building.graph[node].interfaces[n].at.clone(),
        }
    }
}

pub(super) fn check(building: &mut Building, realms: &Realms) {
    addresses(building, realms);
    macs(building);
}

/// An address is there once among those who can hear each other.
fn addresses(building: &mut Building, realms: &Realms) {
    let graph = &building.graph;
    let nodes = graph.node_indices().flat_map(|n| {
        let lo = graph[n].loopbacks.iter().map(move |a| (a, Holder::Lo(n)));
        let bridge = graph[n].switch().into_iter().flat_map(|s| &s.addresses);
        let own = graph[n].interfaces.iter().enumerate();
        let own = own.flat_map(move |(i, own)| own.addresses.iter().map(move |a| (a, Holder::Own(n, i))));
        lo.chain(bridge.map(move |a| (a, Holder::Bridge(n)))).chain(own)
    });
    let ends = graph.edge_indices().flat_map(|e| {
        (0..2).flat_map(move |side| {
            let end = &graph[e].ends[side];
            end.addresses.iter().map(move |a| (a, Holder::End(e, side)))
        })
    });
    let mut seen: FxHashMap<(IpAddr, usize), Holder> = FxHashMap::default();
    let mut twice = Vec::new();
    for (net, holder) in nodes.chain(ends) {
        let address = net.addr();
        if everywhere(address) {
            continue;
        }
        if let Some(other) = seen.insert((address, holder.realm(building, realms)), holder) {
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
    let graph = &building.graph;
    let ends =
        graph.edge_indices().flat_map(|e| (0..2).map(move |side| (graph[e].ends[side].mac, Holder::End(e, side))));
    let own = graph
        .node_indices()
        .flat_map(|n| graph[n].interfaces.iter().enumerate().map(move |(i, own)| (own.mac, Holder::Own(n, i))));
    let mut seen = FxHashMap::default();
    let mut twice = Vec::new();
    for (mac, holder) in ends.chain(own) {
        let Some(mac) = mac else { continue };
        if let Some(other) = seen.insert(mac, holder) {
            let message = format!("{mac} is given to {} and to {}", other.name(building), holder.name(building));
            twice.push((holder.place(building), message));
        }
    }
    for (at, message) in twice {
        building.problems.tell(codes::MAC_TWICE, &at, message, "give one of them another, or write none");
    }
}
