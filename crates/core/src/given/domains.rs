//! Broadcast domains: which ends of links hear each other through switches alone.

use petgraph::graph::{EdgeIndex, NodeIndex};

use crate::problem::Place;
use crate::topology::{Endpoint, Topology};

/// One end of a link: the edge, and 0 or 1.
pub(crate) type EndId = (EdgeIndex<u32>, usize);

/// What a frame reaches without a router.
#[derive(Debug)]
pub(crate) struct Domain {
    /// Its switches in file order; none: a link between two nodes that are no switches.
    pub(crate) switches: Vec<NodeIndex<u32>>,
    /// The links in it, in file order.
    pub(crate) links: Vec<EdgeIndex<u32>>,
    /// The ends that are no switch's, in file order.
    pub(crate) members: Vec<EndId>,
}

impl Domain {
    /// Where the file says it.
    pub(crate) fn place<'a>(&self, topology: &'a Topology) -> &'a Place {
        match self.switches.first() {
            Some(&switch) => &topology.graph[switch].at,
            None => &topology.graph[self.links[0]].at,
        }
    }

    /// What people call it.
    pub(crate) fn title(&self, topology: &Topology) -> String {
        match self.switches.first() {
            Some(&switch) => topology.graph[switch].name.to_string(),
            None => {
                let [a, b] = [0, 1].map(|side| &topology.end_node(self.links[0], side).name);
                format!("{a} – {b}")
            }
        }
    }
}

/// The links' ends of each node, in file order.
pub(crate) fn ends_of_nodes(topology: &Topology) -> Vec<Vec<EndId>> {
    let mut ends = vec![Vec::new(); topology.graph.node_count()];
    for edge in topology.graph.edge_indices() {
        for side in [0, 1] {
            ends[topology.graph[edge].ends[side].node.index()].push((edge, side));
        }
    }
    ends
}

/// The endpoint at the end of a link.
pub(crate) fn endpoint(topology: &Topology, (edge, side): EndId) -> &Endpoint {
    &topology.graph[edge].ends[side]
}

/// All broadcast domains: those of switches by their first switch, then the links without one; both in file order.
pub(crate) fn domains(topology: &Topology, ends_of: &[Vec<EndId>]) -> Vec<Domain> {
    let graph = &topology.graph;
    let mut domains = Vec::new();
    let mut seen = vec![false; graph.node_count()];
    for first in graph.node_indices().filter(|&n| graph[n].switch().is_some()) {
        if seen[first.index()] {
            continue;
        }
        seen[first.index()] = true;
        let mut domain = Domain { switches: Vec::new(), links: Vec::new(), members: Vec::new() };
        let mut todo = vec![first];
        while let Some(switch) = todo.pop() {
            domain.switches.push(switch);
            for &(edge, side) in &ends_of[switch.index()] {
                domain.links.push(edge);
                let far = graph[edge].ends[1 - side].node;
                if graph[far].switch().is_none() {
                    domain.members.push((edge, 1 - side));
                } else if !std::mem::replace(&mut seen[far.index()], true) {
                    todo.push(far);
                }
            }
        }
        domain.switches.sort_unstable();
        domain.links.sort_unstable();
        domain.links.dedup();
        domain.members.sort_unstable();
        domains.push(domain);
    }
    let plain = |&edge: &EdgeIndex<u32>| [0, 1].iter().all(|&side| topology.end_node(edge, side).switch().is_none());
    domains.extend(graph.edge_indices().filter(plain).map(|edge| Domain {
        switches: Vec::new(),
        links: vec![edge],
        members: vec![(edge, 0), (edge, 1)],
    }));
    domains
}
