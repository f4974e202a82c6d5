//! Interfaces that stand on others or have others as members: whether they can.

use petgraph::graph::{EdgeIndex, NodeIndex};
use rustc_hash::FxHashMap;

use super::building::Building;
use super::{LinkKind, OwnKind, codes};
use crate::problem::Place;
use crate::suggest::{any_of, nearest};

mod circles;
mod members;
mod mtus;
mod parents;

pub(super) use mtus::settle as mtus;

/// An interface of a node, as others of the node name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// An end of a link.
    End(EdgeIndex<u32>, usize),
    /// One of the node's own, by its place among them.
    Own(usize),
}

/// What an interface is, as far as it matters to what can stand on it or be a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Veth,
    Gre,
    Dummy,
    Internal,
    Vlan,
    Macvlan,
    Ipvlan,
    Bond,
    Vrf,
}

impl What {
    fn words(self) -> &'static str {
        match self {
            What::Veth => "an end of a link",
            What::Gre => "an end of GRE",
            What::Dummy => "a dummy",
            What::Internal => "a port of its switch",
            What::Vlan => "a VLAN sub-interface",
            What::Macvlan => "a macvlan",
            What::Ipvlan => "an ipvlan",
            What::Bond => "a bond",
            What::Vrf => "a VRF",
        }
    }
}

/// Checks the interfaces of every node.
pub(super) fn check(building: &mut Building) {
    for node in building.graph.node_indices() {
        if building.graph[node].interfaces.is_empty() {
            routes(building, node);
            continue;
        }
        let names = pin(building, node);
        let mut stack = Stack { building, node, names };
        parents::check(&mut stack);
        members::check(&mut stack);
        circles::check(&mut stack);
        routes(building, node);
    }
}

/// The interfaces of a node by name. An end that is named by its default name keeps that name.
fn pin(building: &mut Building, node: NodeIndex<u32>) -> FxHashMap<String, Named> {
    let mut names = FxHashMap::default();
    let weight = &building.graph[node];
    let mut used: Vec<String> = Vec::new();
    for (n, own) in weight.interfaces.iter().enumerate() {
        names.insert(own.name.clone(), Named::Own(n));
        used.extend(own.kind.beneath().iter().map(|&name| name.to_owned()));
    }
    let extra = &building.extras[node.index()];
    for (&(edge, side), name) in extra.ends.iter().zip(&extra.names) {
        let Some(name) = name else { continue };
        names.entry(name.clone()).or_insert(Named::End(edge, side));
        if used.contains(name) {
            building.graph[edge].ends[side].interface = Some(name.clone());
        }
    }
    names
}

/// Routes name VRFs that the node has.
fn routes(building: &mut Building, node: NodeIndex<u32>) {
    let weight = &building.graph[node];
    let vrfs: Vec<&str> = weight
        .interfaces
        .iter()
        .filter(|own| matches!(own.kind, OwnKind::Vrf { .. }))
        .map(|own| own.name.as_str())
        .collect();
    for route in &weight.routes {
        let Some(vrf) = route.vrf.as_deref().filter(|vrf| !vrfs.contains(vrf)) else { continue };
        let message = format!("`{}` has no VRF `{vrf}`", weight.name);
        let otherwise = "write it under the node's `interfaces:`, as `red: { vrf: { table: 10 } }`";
        let known = vrfs.iter().copied();
        building.problems.unknown(codes::TABLE, &route.at.key("vrf"), message, vrf, known, otherwise);
    }
}

/// The interfaces of a node while they are checked.
struct Stack<'b> {
    building: &'b mut Building,
    node: NodeIndex<u32>,
    names: FxHashMap<String, Named>,
}

impl Stack<'_> {
    fn own(&self, n: usize) -> &super::Owned {
        &self.building.graph[self.node].interfaces[n]
    }

    fn count(&self) -> usize {
        self.building.graph[self.node].interfaces.len()
    }

    fn what(&self, named: Named) -> What {
        match named {
            Named::End(edge, _) => match self.building.graph[edge].kind {
                LinkKind::Veth | LinkKind::Overlay if self.carries_packets(edge) => What::Gre,
                LinkKind::Veth | LinkKind::Overlay => What::Veth,
                LinkKind::Bond { .. } => What::Bond,
                LinkKind::Macvlan(_) => What::Macvlan,
                LinkKind::Ipvlan(_) => What::Ipvlan,
            },
            Named::Own(n) => match self.own(n).kind {
                OwnKind::Internal { .. } => What::Internal,
                OwnKind::Dummy => What::Dummy,
                OwnKind::Vlan { .. } => What::Vlan,
                OwnKind::Macvlan { .. } => What::Macvlan,
                OwnKind::Ipvlan { .. } => What::Ipvlan,
                OwnKind::Bond { .. } => What::Bond,
                OwnKind::Vrf { .. } => What::Vrf,
            },
        }
    }

    /// Whether a link carries packets and no frames.
    fn carries_packets(&self, edge: EdgeIndex<u32>) -> bool {
        let graph = &self.building.graph;
        let switch = graph[graph[edge].ends[1].node].switch().and_then(|s| s.overlay.as_ref());
        graph[edge].overlay.as_ref().or(switch).is_some_and(|overlay| !overlay.carries_frames())
    }

    /// Tells that an interface is not there. After a link that is left out, it is not known which there are.
    fn missing(&mut self, code: crate::problem::Code, at: &Place, name: &str) {
        if self.building.link_left_out {
            return;
        }
        let node = &self.building.graph[self.node];
        let ends = self.building.extras[self.node.index()].names.iter().flatten().map(String::as_str);
        let known: Vec<&str> = ends.chain(node.interfaces.iter().map(|own| own.name.as_str())).collect();
        let hint = match nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => "link the node first".to_owned(),
            None => format!("write one of those that there are: {}", any_of(known.iter().take(8).copied())),
        };
        let message = format!("`{}` has no interface `{name}`", node.name);
        self.building.problems.tell(code, at, message, &hint);
    }

    fn tell(&mut self, code: crate::problem::Code, at: &Place, message: impl Into<String>, hint: &str) {
        self.building.problems.tell(code, at, message, hint);
    }
}

impl OwnKind {
    /// The interface that it stands on.
    pub(super) fn parent(&self) -> Option<&str> {
        match self {
            OwnKind::Vlan { parent, .. } | OwnKind::Macvlan { parent, .. } | OwnKind::Ipvlan { parent, .. } => {
                Some(parent)
            }
            OwnKind::Dummy | OwnKind::Internal { .. } | OwnKind::Bond { .. } | OwnKind::Vrf { .. } => None,
        }
    }

    /// The interfaces that are its members.
    fn members(&self) -> &[String] {
        match self {
            OwnKind::Bond { members, .. } | OwnKind::Vrf { members, .. } => members,
            OwnKind::Dummy
            | OwnKind::Internal { .. }
            | OwnKind::Vlan { .. }
            | OwnKind::Macvlan { .. }
            | OwnKind::Ipvlan { .. } => &[],
        }
    }

    /// Every interface that it names.
    fn beneath(&self) -> Vec<&str> {
        self.parent().into_iter().chain(self.members().iter().map(String::as_str)).collect()
    }
}
