//! NICs of the machine that devices of nodes stand on.

use indexmap::IndexMap;
use petgraph::graph::{EdgeIndex, NodeIndex};

use super::building::{Building, Extra};
use super::{Kind, LinkKind, Node, On, codes};
use crate::names::{IfName, NodeName};
use crate::problem::Place;
use crate::resource::MacvlanMode;

/// What the machine's own namespace is called wherever a node is named.
pub(super) const HOST: &str = "host";

/// The node that a NIC of the machine is; all links to one NIC share it.
pub(super) fn node(building: &mut Building, name: &str, at: &Place) -> Option<NodeIndex<u32>> {
    if let Some(&known) = building.nics.get(name) {
        return Some(known);
    }
    if let Err(error) = IfName::new(name) {
        let hint = "write the NIC's name as `ip link` shows it: `host:eth1`";
        building.problems.tell(codes::NAME, at, error.to_string(), hint);
        return None;
    }
    let node = NodeName::new(&format!("nic-{name}")).expect("a NIC's name is made of the same letters, and short");
    if building.index.contains_key(&node) {
        let message = format!("the machine's NIC `{name}` would be called `{node}`, as a node is");
        building.problems.tell(codes::NODE_TWICE, at, message, "give that node another name");
        return None;
    }
    let weight = Node::new(node, Kind::Nic { name: name.to_owned() }, at.clone());
    let added = building.graph.add_node(weight);
    building.extras.push(Extra::default());
    building.nics.insert(name.to_owned(), added);
    Some(added)
}

/// What stands on one NIC has to get on together: on a device there are macvlans or ipvlans, and ipvlans of one mode.
pub(super) fn check(building: &mut Building) {
    for node in building.graph.node_indices() {
        let Kind::Nic { name } = &building.graph[node].kind else { continue };
        let what = format!("`{HOST}:{name}`");
        // Each host has a NIC of that name. Nodes that netsim places stay with the NIC's others, the first of those that are written.
        let ends = &building.extras[node.index()].ends;
        let on = |&(edge, side): &(EdgeIndex<u32>, usize)| {
            let link = &building.graph[edge];
            &building.graph[link.ends[1 - side].node].on
        };
        let first = ends.iter().map(on).find(|on| matches!(on, On::Host(_)));
        let mut hosts: IndexMap<On, Vec<(Child, Place)>> = IndexMap::new();
        for end in ends {
            let link = &building.graph[end.0];
            let on = match on(end) {
                On::Auto => first.unwrap_or(&On::Auto),
                on @ (On::Host(_) | On::Each(_)) => on,
            };
            let child = Child::of_link(link.kind).map(|child| (child, link.at.clone()));
            hosts.entry(on.clone()).or_default().extend(child);
        }
        for children in hosts.into_values() {
            together(&what, &children, building);
        }
    }
}

/// What shares a device with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Child {
    /// A macvlan.
    Macvlan(MacvlanMode),
    /// An ipvlan.
    Ipvlan(crate::resource::IpvlanMode),
}

impl Child {
    fn of_link(kind: LinkKind) -> Option<Self> {
        match kind {
            LinkKind::Macvlan(mode) => Some(Child::Macvlan(mode)),
            LinkKind::Ipvlan(mode) => Some(Child::Ipvlan(mode)),
            LinkKind::Veth | LinkKind::Bond { .. } | LinkKind::Overlay => None,
        }
    }
}

/// Tells of those on one device that exclude the first.
pub(super) fn together(what: &str, children: &[(Child, Place)], building: &mut Building) {
    let Some(((first, _), others)) = children.split_first() else { return };
    for (child, at) in others {
        let (message, hint) = match (first, child) {
            (Child::Macvlan(a), Child::Macvlan(b)) => {
                if *a != MacvlanMode::Passthru && *b != MacvlanMode::Passthru {
                    continue;
                }
                let message = format!("a macvlan of mode `passthru` has {what} to itself, and there is another on it");
                (message, "take another mode, or another interface beneath")
            }
            (Child::Ipvlan(a), Child::Ipvlan(b)) => {
                if a == b {
                    continue;
                }
                let message = format!("all ipvlans on {what} have one mode, and here are `{a}` and `{b}`");
                (message, "write one mode for all of them")
            }
            (Child::Macvlan(_), Child::Ipvlan(_)) | (Child::Ipvlan(_), Child::Macvlan(_)) => {
                let message = format!("{what} carries macvlans or ipvlans, not both");
                (message, "make all of them one kind, or take another interface beneath")
            }
        };
        building.problems.tell(codes::TOGETHER, at, message, hint);
    }
}
