//! The ends of links: their names, what nodes say of them, and their MTUs.

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use super::building::{Building, InterfaceSettings, of_family};
use super::values::{Family, IPV6_MIN_MTU};
use super::{Endpoint, codes};
use crate::suggest::any_of;

/// Settles every end of every link.
pub(super) fn settle(building: &mut Building) {
    for node in building.graph.node_indices() {
        names(building, node);
        settings(building, node);
    }
    mtus(building);
}

/// No two interfaces of a node have one name.
fn names(building: &mut Building, node: NodeIndex<u32>) {
    let ends = &building.extras[node.index()].ends;
    if ends.len() < 2 {
        return;
    }
    let mut seen: FxHashSet<&str> = FxHashSet::default();
    for &(edge, side) in ends {
        let end = &building.graph[edge].ends[side];
        if let Some(name) = end.interface.as_deref().filter(|n| !seen.insert(n)) {
            let message = format!("`{}` has two interfaces `{name}`", building.graph[node].name);
            building.problems.tell(codes::INTERFACE_TWICE, &end.at, message, "give one of them another name, or none");
        }
    }
}

/// Puts what a node says of its interfaces on the ends that they are. An end without a name that is meant by its default name keeps that name.
fn settings(building: &mut Building, node: NodeIndex<u32>) {
    let interfaces = std::mem::take(&mut building.extras[node.index()].interfaces);
    if interfaces.is_empty() {
        return;
    }
    let ends = building.extras[node.index()].ends.clone();
    let is_switch = building.graph[node].switch().is_some();
    let taken: FxHashSet<String> =
        ends.iter().filter_map(|&(e, side)| building.graph[e].ends[side].interface.clone()).collect();
    let mut free = (0..).map(|n| format!("eth{n}")).filter(|name| !taken.contains(name));
    let mut names = Vec::with_capacity(ends.len());
    for &(edge, side) in &ends {
        let end = &mut building.graph[edge].ends[side];
        let name = match (&end.interface, is_switch) {
            (Some(name), _) => name.clone(),
            (None, true) => continue,
            (None, false) => free.next().expect("numbers do not end"),
        };
        if let Some(settings) = interfaces.get(&name) {
            end.interface = Some(name.clone());
            let (mut copy, problems) = (end.clone(), &mut building.problems);
            apply(&mut copy, settings, is_switch, problems);
            building.graph[edge].ends[side] = copy;
        }
        names.push(name);
    }
    if building.link_left_out {
        return;
    }
    let known: FxHashSet<&str> = names.iter().map(String::as_str).collect();
    for (name, settings) in interfaces.iter().filter(|(name, _)| !known.contains(name.as_str())) {
        let message = format!("no link makes an interface `{name}` on `{}`", building.graph[node].name);
        let hint = match names.as_slice() {
            [] => "link the node first".to_owned(),
            some => format!("write one of those that there are: {}", any_of(some.iter().take(8).map(String::as_str))),
        };
        building.problems.tell(codes::NO_INTERFACE, &settings.at, message, &hint);
    }
}

fn apply(end: &mut Endpoint, settings: &InterfaceSettings, is_switch: bool, problems: &mut super::problems::Problems) {
    let mut twice = |key: &str| {
        let message = format!("the interface's `{key}` is written at its link, too");
        problems.tell(codes::WRITTEN_TWICE, &settings.at.key(key), message, "write it at one of the two places");
    };
    for (key, family, list) in [("ipv4", Family::V4, &settings.ipv4), ("ipv6", Family::V6, &settings.ipv6)] {
        let Some(list) = list else { continue };
        if of_family(&end.addresses, family).next().is_some() {
            twice(key);
        }
        end.addresses.extend(list);
    }
    if let Some(mac) = settings.mac {
        if end.mac.is_some() {
            twice("mac");
        }
        end.mac = Some(mac);
    }
    if let Some(mtu) = settings.mtu {
        if end.mtu.is_some() {
            twice("mtu");
        }
        end.mtu = Some(mtu);
    }
    if is_switch && (settings.ipv4.is_some() || settings.ipv6.is_some()) {
        let message = "a port of a bridge has no addresses";
        problems.tell(codes::UNFIT, &settings.at, message, "write `ipv4:` on the bridge itself");
    }
}

/// An end's own MTU, else its link's, else its node's, else that of all links. IPv6 needs one of 1280.
fn mtus(building: &mut Building) {
    for edge in building.graph.edge_indices() {
        for side in 0..2 {
            let node = building.graph[edge].ends[side].node;
            let peer = building.graph[edge].ends[1 - side].node;
            let inherited =
                building.link_mtus[edge.index()].or(building.extras[node.index()].mtu).or(building.default_mtu);
            let end = &mut building.graph[edge].ends[side];
            end.mtu = end.mtu.or(inherited);
            let Some(mtu) = end.mtu.filter(|&m| m < IPV6_MIN_MTU) else { continue };
            let link = &building.graph[edge];
            let end = &link.ends[side];
            let given = building.graph[peer].switch().map_or(&link.subnets, |s| &s.subnets);
            let gets = building.graph[node].switch().is_none() && of_family(given, Family::V6).next().is_some();
            if gets || of_family(&end.addresses, Family::V6).next().is_some() {
                let message = format!("an MTU of {mtu} is too small for IPv6, which is wanted here");
                let (at, hint) = (end.at.clone(), "take one of at least 1280 (RFC 8200), or no IPv6");
                building.problems.tell(codes::MTU, &at, message, hint);
            }
        }
    }
}
