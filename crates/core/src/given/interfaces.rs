//! Interfaces by one id, whether a link makes them or their node does.

use ipnet::IpNet;
use petgraph::graph::{EdgeIndex, NodeIndex};

use super::{Given, GivenEnd};
use crate::names::Mac;
use crate::problem::Place;
use crate::topology::{Kind, Link, LinkKind, Topology, Written};

/// An interface. In order: the links' ends by file order, then those of nodes' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InterfaceId {
    /// One end of a link: 0 or 1. Of a link on a NIC of the machine the second is that NIC, which is no interface of the lab's.
    End(EdgeIndex<u32>, usize),
    /// The n-th of a node's own.
    Own(NodeIndex<u32>, usize),
}

/// What is written of an interface, wherever it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interface<'a> {
    pub(crate) node: NodeIndex<u32>,
    pub(crate) name: Option<&'a str>,
    pub(crate) addresses: &'a [IpNet],
    pub(crate) mac: Option<Mac>,
    pub(crate) mtu: Option<u32>,
    pub(crate) written: &'a Written,
    pub(crate) at: &'a Place,
}

impl InterfaceId {
    /// What is written of it.
    pub(crate) fn of(self, topology: &Topology) -> Interface<'_> {
        match self {
            InterfaceId::End(edge, side) => {
                let end = &topology.graph[edge].ends[side];
                Interface {
                    node: end.node,
                    name: end.interface.as_deref(),
                    addresses: &end.addresses,
                    mac: end.mac,
                    mtu: end.mtu,
                    written: &end.written,
                    at: &end.at,
                }
            }
            InterfaceId::Own(node, index) => {
                let own = &topology.graph[node].interfaces[index];
                Interface {
                    node,
                    name: Some(&own.name),
                    addresses: &own.addresses,
                    mac: own.mac,
                    mtu: own.mtu,
                    written: &own.written,
                    at: &own.at,
                }
            }
        }
    }

    /// Its node.
    pub(crate) fn node(self, topology: &Topology) -> NodeIndex<u32> {
        match self {
            InterfaceId::End(edge, side) => topology.graph[edge].ends[side].node,
            InterfaceId::Own(node, _) => node,
        }
    }

    /// The edge of the graph that it is an end of.
    pub(crate) fn edge(self) -> Option<EdgeIndex<u32>> {
        match self {
            InterfaceId::End(edge, _) => Some(edge),
            InterfaceId::Own(..) => None,
        }
    }

    /// The link that it is an end of.
    pub(crate) fn link(self, topology: &Topology) -> Option<&Link> {
        match self {
            InterfaceId::End(edge, _) => Some(&topology.graph[edge]),
            InterfaceId::Own(..) => None,
        }
    }

    /// What the link is made of that it is an end of; a veth pair for an interface of a node's own.
    pub(crate) fn link_kind(self, topology: &Topology) -> LinkKind {
        match self {
            InterfaceId::End(edge, _) => topology.graph[edge].kind,
            InterfaceId::Own(..) => LinkKind::Veth,
        }
    }

    /// Whether it is a NIC of the machine or an overlay, and so no interface of the lab's.
    pub(crate) fn is_beyond(self, topology: &Topology) -> bool {
        matches!(topology.graph[self.node(topology)].kind, Kind::Nic { .. } | Kind::Overlay(_))
    }
}

/// The interfaces of each node: the links' ends in file order, then its own. NICs of the machine and overlays have none.
pub(crate) fn interfaces_of_nodes(topology: &Topology) -> Vec<Vec<InterfaceId>> {
    let graph = &topology.graph;
    let mut interfaces = vec![Vec::new(); graph.node_count()];
    for (edge, side) in graph.edge_indices().flat_map(|edge| [(edge, 0), (edge, 1)]) {
        let id = InterfaceId::End(edge, side);
        if !id.is_beyond(topology) {
            interfaces[id.node(topology).index()].push(id);
        }
    }
    for node in graph.node_indices() {
        interfaces[node.index()].extend((0..graph[node].interfaces.len()).map(|index| InterfaceId::Own(node, index)));
    }
    interfaces
}

impl Given {
    /// The name and the addresses of an interface.
    pub fn of(&self, id: InterfaceId) -> &GivenEnd {
        match id {
            InterfaceId::End(edge, side) => &self.ends[edge.index()][side],
            InterfaceId::Own(node, index) => &self.own[node.index()][index],
        }
    }

    pub(super) fn of_mut(&mut self, id: InterfaceId) -> &mut GivenEnd {
        match id {
            InterfaceId::End(edge, side) => &mut self.ends[edge.index()][side],
            InterfaceId::Own(node, index) => &mut self.own[node.index()][index],
        }
    }
}
