//! Overlays as what they join: their ends, and what is at the far side of one.

use petgraph::graph::{EdgeIndex, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::names::HostId;
use crate::topology::{Kind, LinkKind, On, Overlay, OverlayKind, Topology};

/// The links to an overlay, in file order.
pub(crate) fn ends(topology: &Topology, overlay: NodeIndex<u32>) -> Vec<EdgeIndex<u32>> {
    let mut ends: Vec<EdgeIndex<u32>> = topology.graph.edges(overlay).map(|edge| edge.id()).collect();
    ends.sort_unstable();
    ends
}

/// The overlay that a link is one end of.
pub(crate) fn of(topology: &Topology, edge: EdgeIndex<u32>) -> Option<(NodeIndex<u32>, &Overlay)> {
    let link = &topology.graph[edge];
    match link.kind {
        LinkKind::Overlay => {
            let node = link.ends[1].node;
            Some((node, topology.graph[node].overlay().expect("such a link ends at an overlay")))
        }
        LinkKind::Veth | LinkKind::Bond { .. } | LinkKind::Macvlan(_) | LinkKind::Ipvlan(_) => None,
    }
}

/// The number that its packets bear.
pub(crate) fn vni(overlay: &Overlay) -> Option<u32> {
    match overlay.written.kind {
        OverlayKind::Vxlan { .. } | OverlayKind::Geneve { .. } => Some(overlay.number),
        OverlayKind::Gretap { .. } | OverlayKind::Gre { .. } => None,
    }
}

/// The other links to the overlay of a link, in file order.
pub(crate) fn others(topology: &Topology, edge: EdgeIndex<u32>) -> Vec<EdgeIndex<u32>> {
    let ends = of(topology, edge).map(|(overlay, _)| ends(topology, overlay));
    ends.into_iter().flatten().filter(|other| *other != edge).collect()
}

/// The link at the other side of an overlay that has two ends.
pub(crate) fn across(topology: &Topology, edge: EdgeIndex<u32>) -> Option<EdgeIndex<u32>> {
    match others(topology, edge)[..] {
        [far] => Some(far),
        _ => None,
    }
}

/// The other end of a link; across an overlay with two ends that of its other node, of one with more the overlay's.
pub(crate) fn far_end(topology: &Topology, edge: EdgeIndex<u32>, side: usize) -> (EdgeIndex<u32>, usize) {
    across(topology, edge).map_or((edge, 1 - side), |far| (far, 0))
}

/// The host that the first end of a link is on.
pub(crate) fn host_of(topology: &Topology, edge: EdgeIndex<u32>) -> Option<&HostId> {
    match &topology.end_node(edge, 0).on {
        On::Host(host) => Some(host),
        On::Auto | On::Each(_) => None,
    }
}

/// Whether the end of a link is tunnel ports of Open vSwitch that pass nothing among each other: one for each of several other hosts.
pub(crate) fn is_split_horizon(topology: &Topology, edge: EdgeIndex<u32>) -> bool {
    match (of(topology, edge), &topology.end_node(edge, 0).kind) {
        (Some((_, overlay)), Kind::Ovs(..)) => overlay.hosts.len() > 2,
        (_, Kind::Ovs(..) | Kind::Bridge(_) | Kind::Namespace | Kind::Router) => false,
        (_, Kind::Nic { .. } | Kind::Host | Kind::Overlay(_)) => false,
    }
}
