//! Who is where: the addresses of each node, and the wire or switch they are on.

use std::net::IpAddr;

use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use petgraph::unionfind::UnionFind;

use crate::given::Given;
use crate::topology::Topology;

/// One address of a node.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) address: IpNet,
    /// What it hears frames on, by number; none for `lo`.
    pub(super) segment: Option<usize>,
    /// The interface as people call it.
    pub(super) interface: String,
}

/// All addresses of all nodes.
#[derive(Debug)]
pub(super) struct Places {
    of_node: Vec<Vec<Spot>>,
}

impl Places {
    pub(super) fn new(topology: &Topology, given: &Given) -> Self {
        let graph = &topology.graph;
        // A switch glues its links together: elements are the links and, behind them, the nodes.
        let links = graph.edge_count();
        let mut glued = UnionFind::<usize>::new(links + graph.node_count());
        for (link, edge) in graph.edge_weights().enumerate() {
            for end in edge.ends.iter().filter(|end| graph[end.node].switch().is_some()) {
                glued.union(link, links + end.node.index());
            }
        }
        let segments = glued.into_labeling();
        let mut of_node: Vec<Vec<Spot>> = given
            .loopbacks
            .iter()
            .map(|on| on.iter().map(|&address| Spot { address, segment: None, interface: "lo".into() }).collect())
            .collect();
        for (link, edge) in graph.edge_weights().enumerate() {
            for (end, named) in
                edge.ends.iter().zip(&given.ends[link]).filter(|(e, _)| graph[e.node].switch().is_none())
            {
                let spot =
                    |&address| Spot { address, segment: Some(segments[link]), interface: named.interface.clone() };
                of_node[end.node.index()].extend(named.addresses.iter().map(spot));
            }
        }
        for (index, node) in graph.node_weights().enumerate() {
            for &address in node.switch().iter().flat_map(|switch| &switch.addresses) {
                let segment = Some(segments[links + index]);
                of_node[index].push(Spot { address, segment, interface: node.name.to_string() });
            }
        }
        Places { of_node }
    }

    pub(super) fn of(&self, node: NodeIndex<u32>) -> &[Spot] {
        &self.of_node[node.index()]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeIndex<u32>, &Spot)> {
        let nodes = self.of_node.iter().enumerate();
        nodes.flat_map(|(node, spots)| spots.iter().map(move |spot| (NodeIndex::new(node), spot)))
    }

    pub(super) fn has_address(&self, node: NodeIndex<u32>) -> bool {
        !self.of(node).is_empty()
    }

    /// The addresses to ask a node by: the first of each family that the asker has too.
    pub(super) fn targets(&self, from: NodeIndex<u32>, to: NodeIndex<u32>) -> impl Iterator<Item = IpAddr> {
        [true, false].into_iter().filter_map(move |v4| {
            let mut of_family = [from, to]
                .map(|node| self.of(node).iter().map(|s| s.address.addr()).filter(move |a| a.is_ipv4() == v4));
            of_family[0].next()?;
            of_family[1].next()
        })
    }
}
