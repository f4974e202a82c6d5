//! Who is behind the ends of an overlay: the Ethernet addresses that frames come from there.

use std::collections::VecDeque;

use petgraph::graph::{EdgeIndex, NodeIndex};
use rustc_hash::FxHashSet;

use super::Lab;
use super::tunnels::has_to_know;
use crate::given::interfaces::InterfaceId;
use crate::given::overlays;
use crate::given::stacks::own_kind;
use crate::names::Mac;
use crate::topology::{Kind, OwnKind};

/// The Ethernet addresses behind one end of an overlay.
#[derive(Debug, Default)]
pub(super) struct Behind {
    /// In file order.
    pub(super) macs: Vec<Mac>,
    /// Whether there may be others, for a switch is where others can join it.
    pub(super) may_be_others: bool,
    /// Whether they can come by another end as well.
    pub(super) is_in_circle: bool,
}

impl Lab<'_> {
    /// Who is behind each end of an overlay that has to know; nobody behind other links.
    pub(super) fn behind_all(&self) -> Vec<Behind> {
        let find = |edge: EdgeIndex<u32>| match overlays::of(self.topology, edge) {
            Some((_, overlay)) if has_to_know(overlay) => self.find_behind(edge),
            Some(_) | None => Behind::default(),
        };
        self.topology.graph.edge_indices().map(find).collect()
    }

    /// Who is behind the end of an overlay, through switches and other overlays.
    fn find_behind(&self, end: EdgeIndex<u32>) -> Behind {
        let graph = &self.topology.graph;
        let overlay = graph[end].ends[1].node;
        let mut behind = Behind::default();
        let mut seen = FxHashSet::from_iter([end]);
        let mut reached: Vec<InterfaceId> = Vec::new();
        let mut todo = VecDeque::from([(end, 0)]);
        while let Some((edge, side)) = todo.pop_front() {
            let node = graph[edge].ends[side].node;
            if node == overlay {
                behind.is_in_circle = true;
                continue;
            }
            let joins = match &graph[node].kind {
                Kind::Bridge(switch) | Kind::Ovs(switch, _) => {
                    behind.may_be_others |= switch.in_host;
                    true
                }
                Kind::Overlay(_) => true,
                Kind::Nic { .. } => {
                    behind.may_be_others = true;
                    false
                }
                Kind::Namespace | Kind::Router | Kind::Host => {
                    reached.push(InterfaceId::End(edge, side));
                    false
                }
            };
            if joins {
                behind.macs.extend(self.own_macs(node));
                for (edge, side) in self.ends_at(node) {
                    if seen.insert(edge) {
                        todo.push_back((edge, 1 - side));
                    }
                }
            }
        }
        reached.sort_unstable();
        behind.macs.extend(reached.into_iter().flat_map(|id| self.macs_of(id)));
        let mut known = FxHashSet::default();
        behind.macs.retain(|mac| known.insert(*mac));
        behind
    }

    /// The links' ends at a switch or an overlay.
    fn ends_at(&self, node: NodeIndex<u32>) -> Vec<(EdgeIndex<u32>, usize)> {
        if self.topology.graph[node].overlay().is_some() {
            return overlays::ends(self.topology, node).into_iter().map(|edge| (edge, 1)).collect();
        }
        let ends = self.interfaces[node.index()].iter().filter_map(|id| match id {
            InterfaceId::End(edge, side) => Some((*edge, *side)),
            InterfaceId::Own(..) => None,
        });
        ends.collect()
    }

    /// The addresses that a switch itself sends from.
    fn own_macs(&self, node: NodeIndex<u32>) -> Vec<Mac> {
        let Some(switch) = self.topology.graph[node].switch() else { return Vec::new() };
        let itself =
            (!switch.addresses.is_empty()).then(|| self.derived_mac(node, self.topology.graph[node].name.as_str()));
        let own = self.interfaces[node.index()].iter().filter(|id| matches!(id, InterfaceId::Own(..)));
        itself.into_iter().chain(own.map(|id| self.mac(*id))).collect()
    }

    /// The addresses that a node sends from by an interface: its own, and those of what stands on it.
    fn macs_of(&self, id: InterfaceId) -> Vec<Mac> {
        let on_it = |own: InterfaceId| {
            let mut beneath = std::iter::successors(Some(own), |&own| self.stacks.parent(own)).skip(1);
            let above = self.stacks.bond(self.topology, id);
            beneath.any(|beneath| beneath == id || Some(beneath) == above)
        };
        let has_mac = |own: &InterfaceId| match own_kind(self.topology, *own) {
            Some(OwnKind::Vlan { .. } | OwnKind::Macvlan { .. }) => true,
            // An ipvlan device has that of what is beneath.
            Some(OwnKind::Ipvlan { .. } | OwnKind::Dummy | OwnKind::Internal { .. } | OwnKind::Vrf { .. }) => false,
            Some(OwnKind::Bond { .. }) | None => false,
        };
        let interfaces = &self.interfaces[id.node(self.topology).index()];
        let above = interfaces.iter().filter(|own| has_mac(own) && on_it(**own)).map(|own| self.mac(*own));
        std::iter::once(self.mac(id)).chain(above).collect()
    }
}
