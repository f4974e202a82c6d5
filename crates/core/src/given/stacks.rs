//! What interfaces of a node stand on and are members of.

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use super::interfaces::InterfaceId;
use super::{Given, codes};
use crate::problem::Problem;
use crate::topology::{OwnKind, Topology};

/// How the interfaces of all nodes stand on one another. The file names them; here they are found.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    parents: FxHashMap<InterfaceId, InterfaceId>,
    masters: FxHashMap<InterfaceId, InterfaceId>,
    members: FxHashMap<InterfaceId, Vec<InterfaceId>>,
}

impl Stacks {
    pub(crate) fn new(topology: &Topology, given: &Given, interfaces: &[Vec<InterfaceId>]) -> (Self, Vec<Problem>) {
        let mut stacks = Stacks::default();
        let mut problems = Vec::new();
        for node in topology.graph.node_indices().filter(|&n| !topology.graph[n].interfaces.is_empty()) {
            let names: FxHashMap<&str, InterfaceId> =
                interfaces[node.index()].iter().map(|&id| (given.of(id).interface.as_str(), id)).collect();
            stacks.find(topology, node, &names, &mut problems);
        }
        (stacks, problems)
    }

    fn find(
        &mut self,
        topology: &Topology,
        node: NodeIndex<u32>,
        names: &FxHashMap<&str, InterfaceId>,
        problems: &mut Vec<Problem>,
    ) {
        for (index, own) in topology.graph[node].interfaces.iter().enumerate() {
            let id = InterfaceId::Own(node, index);
            let mut found = |name: &str| {
                let found = names.get(name).copied().filter(|&other| other != id);
                if found.is_none() {
                    let message = format!("{} has no interface {name} for {}", topology.graph[node].name, own.name);
                    let problem = Problem::at(codes::NO_SUCH_INTERFACE, &own.at, message);
                    problems.push(problem.hint("name the interface in its link too"));
                }
                found
            };
            match &own.kind {
                OwnKind::Dummy | OwnKind::Internal { .. } => {}
                OwnKind::Vlan { parent, .. } | OwnKind::Macvlan { parent, .. } | OwnKind::Ipvlan { parent, .. } => {
                    if let Some(parent) = found(parent) {
                        self.parents.insert(id, parent);
                    }
                }
                OwnKind::Bond { members, .. } | OwnKind::Vrf { members, .. } => {
                    let members: Vec<InterfaceId> = members.iter().filter_map(|name| found(name)).collect();
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

    /// The members of a bond of a node's own; none of anything else.
    pub(crate) fn bonded(&self, topology: &Topology, id: InterfaceId) -> &[InterfaceId] {
        let is_bond = matches!(own_kind(topology, id), Some(OwnKind::Bond { .. }));
        if is_bond { self.members(id) } else { &[] }
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
