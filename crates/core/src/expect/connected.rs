//! With static routing: whoever is joined by switches and routers is reachable.

use std::net::IpAddr;

use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use petgraph::unionfind::UnionFind;
use rustc_hash::FxHashMap;

use super::places::{Places, Spot};
use crate::topology::Topology;

/// Where packets of a family get to: subnets that routers join have one label.
pub(super) struct Connected<'a> {
    topology: &'a Topology,
    places: &'a Places,
    subnets: FxHashMap<(usize, IpNet), usize>,
    labels: Vec<usize>,
}

impl<'a> Connected<'a> {
    pub(super) fn new(topology: &'a Topology, places: &'a Places) -> Self {
        let mut subnets: FxHashMap<(usize, IpNet), usize> = FxHashMap::default();
        // First two elements for each node, one a family; then the subnets.
        let first = 2 * topology.graph.node_count();
        for (_, spot) in places.iter() {
            let next = first + subnets.len();
            if let Some(segment) = spot.segment {
                subnets.entry((segment, spot.address.trunc())).or_insert(next);
            }
        }
        let mut joined = UnionFind::new(first + subnets.len());
        for (node, spot) in places.iter().filter(|(node, _)| topology.graph[*node].forwards()) {
            if let Some(segment) = spot.segment {
                joined.union(own_element(node, spot.address.addr()), subnets[&(segment, spot.address.trunc())]);
            }
        }
        Connected { topology, places, subnets, labels: joined.into_labeling() }
    }

    /// Whether one node reaches the address of another, and hears back.
    pub(super) fn reaches(&self, from: NodeIndex<u32>, to: NodeIndex<u32>, address: IpAddr) -> bool {
        let target = self.places.of(to).iter().find(|spot| spot.address.addr() == address);
        let target = target.expect("the address is one of the node's");
        let in_host = |node: NodeIndex<u32>| self.topology.graph[node].switch().is_some_and(|s| s.in_host);
        if in_host(from) || in_host(to) {
            // The machine itself gets no routes into the lab.
            return self.places.of(from).iter().any(|spot| subnet(spot).is_some() && subnet(spot) == subnet(target));
        }
        let sources: Vec<usize> = self.around(from, address).collect();
        match subnet(target) {
            Some(on) => sources.contains(&self.labels[self.subnets[&on]]),
            None => self.around(to, address).any(|label| sources.contains(&label)),
        }
    }

    /// The labels of what a node is part of, in the family of an address: a router of itself, another node of the subnets it is on.
    fn around(&self, node: NodeIndex<u32>, address: IpAddr) -> impl Iterator<Item = usize> + '_ {
        let itself = self.topology.graph[node].forwards().then(|| self.labels[own_element(node, address)]);
        let spots = self.places.of(node).iter().filter(move |s| s.address.addr().is_ipv4() == address.is_ipv4());
        itself.into_iter().chain(spots.filter_map(subnet).map(|on| self.labels[self.subnets[&on]]))
    }
}

/// The element that a router is in the family of an address.
fn own_element(node: NodeIndex<u32>, address: IpAddr) -> usize {
    2 * node.index() + usize::from(address.is_ipv6())
}

/// The subnet that a spot is on; none for `lo`.
fn subnet(spot: &Spot) -> Option<(usize, IpNet)> {
    spot.segment.map(|segment| (segment, spot.address.trunc()))
}
