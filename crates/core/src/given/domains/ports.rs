//! Which VLANs pass the ports of a switch, and how.

use petgraph::graph::{EdgeIndex, NodeIndex};

use super::tags::Tags;
use crate::given::overlays;
use crate::topology::{PortWritten, Topology, Trunk};

/// The VLAN of a port of a filtering switch that has none written, and of such a switch's own addresses: as a kernel's default
/// (`br_vlan_init`, net/bridge/br_vlan.c).
pub(crate) const DEFAULT_VLAN: u16 = 1;

/// Whether each switch filters VLANs, by node index.
pub(crate) fn filtering(topology: &Topology) -> Vec<bool> {
    let graph = &topology.graph;
    let ports = |node: NodeIndex<u32>| {
        let ends = graph.edges(node).flat_map(|edge| &edge.weight().ends);
        ends.filter(move |end| end.node == node).map(|end| &end.port)
    };
    graph.node_indices().map(|node| graph[node].filters_vlans(ports(node))).collect()
}

/// The VLANs of a port of a filtering switch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PortVlans<'a> {
    /// The VLAN of frames without a tag, in and out.
    pub(crate) untagged: Option<u16>,
    /// Those of frames with one.
    pub(crate) tagged: Option<&'a Trunk>,
}

impl<'a> PortVlans<'a> {
    pub(crate) fn of(port: &'a PortWritten) -> Self {
        let access = port.vlan.unwrap_or(DEFAULT_VLAN);
        match &port.trunk {
            Some(trunk) => PortVlans { untagged: port.native, tagged: Some(trunk) },
            None => PortVlans { untagged: Some(port.native.unwrap_or(access)), tagged: None },
        }
    }

    fn carries(&self, vid: u16) -> bool {
        match self.tagged {
            None => false,
            Some(Trunk::All) => true,
            Some(Trunk::Ranges(ranges)) => ranges.iter().any(|&(first, last)| (first..=last).contains(&vid)),
        }
    }

    /// The VLAN of a frame that comes in with these tags, and what tags are left; none if it is dropped.
    pub(crate) fn enter(&self, tags: Tags) -> Option<(u16, Tags)> {
        match tags.parted() {
            None => self.untagged.map(|vid| (vid, tags)),
            // What leaves without a tag may come in with one, but then nothing comes back as it went.
            Some((vid, rest)) => (self.untagged != Some(vid) && self.carries(vid)).then_some((vid, rest)),
        }
    }

    /// The tags of a frame of a VLAN that leaves; none if it does not, or if what answers it would not come back as this VLAN's.
    pub(crate) fn leave(&self, vid: u16, tags: Tags) -> Option<Tags> {
        let left =
            if self.untagged == Some(vid) { tags } else { self.carries(vid).then(|| tags.outside(vid)).flatten()? };
        (self.enter(left) == Some((vid, tags))).then_some(left)
    }
}

/// Whether the end of a link is a port that hears only such ports as are not isolated.
pub(crate) fn is_isolated(topology: &Topology, edge: EdgeIndex<u32>, side: usize) -> bool {
    let end = &topology.graph[edge].ends[side];
    topology.graph[end.node].switch().is_some()
        && (end.port.isolated == Some(true) || overlays::is_split_horizon(topology, edge))
}
