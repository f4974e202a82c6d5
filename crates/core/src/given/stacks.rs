//! What interfaces of a node stand on and are members of.

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use super::Given;
use super::interfaces::InterfaceId;
use crate::topology::{OwnKind, Topology};

/// How the interfaces of all nodes stand on one another. The file names them; here they are found.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    parents: FxHashMap<InterfaceId, InterfaceId>,
    masters: FxHashMap<InterfaceId, InterfaceId>,
    members: FxHashMap<InterfaceId, Vec<InterfaceId>>,
}

impl Stacks {
    pub(crate) fn new(topology: &Topology, given: &Given, interfaces: &[Vec<InterfaceId>]) -> Self {
        let mut stacks = Stacks::default();
        for node in topology.graph.node_indices().filter(|&n| !topology.graph[n].interfaces.is_empty()) {
            let names: FxHashMap<&str, InterfaceId> =
                interfaces[node.index()].iter().map(|&id| (given.of(id).interface.as_str(), id)).collect();
            stacks.find(topology, node, &names);
        }
        stacks
    }

    fn find(&mut self, topology: &Topology, node: NodeIndex<u32>, names: &FxHashMap<&str, InterfaceId>) {
        let found = |name: &String| {
            *names.get(name.as_str()).expect("what an interface of a checked topology names is there, by that name")
        };
        for (index, own) in topology.graph[node].interfaces.iter().enumerate() {
            let id = InterfaceId::Own(node, index);
            match &own.kind {
                OwnKind::Dummy | OwnKind::Internal { .. } => {}
                OwnKind::Vlan { parent, .. } | OwnKind::Macvlan { parent, .. } | OwnKind::Ipvlan { parent, .. } => {
                    self.parents.insert(id, found(parent));
                }
                OwnKind::Bond { members, .. } | OwnKind::Vrf { members, .. } => {
                    let members: Vec<InterfaceId> = members.iter().map(found).collect();
                    self.masters.extend(members.iter().map(|&member| (member, id)));
                    self.members.insert(id, members);
                }
            }
        }
    }

    /// The interface beneath a VLAN, macvlan or ipvlan device.
    pub(crate) fn parent(&self, id: InterfaceId) -> Option<InterfaceId> {
        self.parents.get(&id).copied()
    }

    /// The members of a bond or of a VRF.
    pub(crate) fn members(&self, id: InterfaceId) -> &[InterfaceId] {
        self.members.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The bond or the VRF that an interface is a member of.
    pub(crate) fn master(&self, id: InterfaceId) -> Option<InterfaceId> {
        self.masters.get(&id).copied()
    }

    /// The bond of a node's own that an interface is a member of.
    pub(crate) fn bond(&self, topology: &Topology, id: InterfaceId) -> Option<InterfaceId> {
        self.master(id).filter(|&master| matches!(own_kind(topology, master), Some(OwnKind::Bond { .. })))
    }

    /// The VRF that an interface is a member of.
    pub(crate) fn vrf(&self, topology: &Topology, id: InterfaceId) -> Option<InterfaceId> {
        self.master(id).filter(|&master| matches!(own_kind(topology, master), Some(OwnKind::Vrf { .. })))
    }

    /// Whether an interface is up: it is not down itself, and nothing that it stands on is.
    pub(crate) fn is_up(&self, topology: &Topology, id: InterfaceId) -> bool {
        let mut beneath = std::iter::successors(Some(id), |&id| self.parent(id)).take(MOST_BENEATH);
        !beneath.any(|id| id.of(topology).written.down)
    }
}

/// A kernel stacks no more devices than these on one another (MAX_NEST_DEV, linux/netdevice.h).
const MOST_BENEATH: usize = 8;

/// What an interface of a node's own is; none for an end of a link.
pub(crate) fn own_kind(topology: &Topology, id: InterfaceId) -> Option<&OwnKind> {
    match id {
        InterfaceId::End(..) => None,
        InterfaceId::Own(node, index) => Some(&topology.graph[node].interfaces[index].kind),
    }
}
