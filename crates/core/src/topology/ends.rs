//! The ends of links: their names, what nodes say of them, and their MTUs.

use std::borrow::Cow;

use petgraph::graph::{EdgeIndex, NodeIndex};
use rustc_hash::FxHashSet;

use super::building::{Building, InterfaceSettings, of_family};
use super::problems::Problems;
use super::spread::Span;
use super::treatment::On;
use super::values::{Family, IPV6_MIN_MTU};
use super::{Endpoint, Kind, LinkKind, codes, is_patch, nics, stacking};
use crate::problem::Place;
use crate::suggest::any_of;

/// Settles every end of every link, and what stands on them.
pub(super) fn settle(building: &mut Building) {
    for node in building.graph.node_indices() {
        name(building, node);
        unique(building, node);
        settings(building, node);
    }
    stacking::check(building);
    nics::check(building);
    mtus(building);
    treatments(building);
    stacking::mtus(building);
}

/// Says what its ends are called, or will be by default, where something of the node may mean them by that.
fn name(building: &mut Building, node: NodeIndex<u32>) {
    let (weight, extra) = (&building.graph[node], &building.extras[node.index()]);
    let bond = |&(edge, _): &(EdgeIndex<u32>, usize)| matches!(building.graph[edge].kind, LinkKind::Bond { .. });
    if extra.interfaces.is_empty() && weight.interfaces.is_empty() && !extra.ends.iter().any(bond) {
        return;
    }
    building.extras[node.index()].names = names(building, node);
}

/// What the ends of a node are called, or will be by default; of a switch and of a machine only as written.
pub(super) fn names(building: &Building, node: NodeIndex<u32>) -> Vec<Option<String>> {
    let (weight, extra) = (&building.graph[node], &building.extras[node.index()]);
    let written = |&(edge, side): &(EdgeIndex<u32>, usize)| building.graph[edge].ends[side].interface.clone();
    let mut taken: FxHashSet<String> = extra.ends.iter().filter_map(written).collect();
    taken.extend(weight.interfaces.iter().map(|own| own.name.clone()));
    // Names among those of a machine are written, or made from the peer's.
    let among = weight.switch().is_some() || matches!(weight.kind, Kind::Host);
    let mut free = (0..).map(|n| format!("eth{n}")).filter(|name| !taken.contains(name));
    let given = |end| written(end).or_else(|| free.next().filter(|_| !among));
    extra.ends.iter().map(given).collect()
}

/// No two interfaces of a node have one name.
fn unique(building: &mut Building, node: NodeIndex<u32>) {
    let (weight, extra) = (&building.graph[node], &building.extras[node.index()]);
    if matches!(weight.kind, Kind::Nic { .. }) {
        return;
    }
    if extra.ends.len() + weight.interfaces.len() < 2 && extra.names.is_empty() {
        return;
    }
    let mut seen: FxHashSet<Cow<str>> = FxHashSet::default();
    let mut twice = Vec::new();
    for (n, &(edge, side)) in extra.ends.iter().enumerate() {
        let link = &building.graph[edge];
        let end = &link.ends[side];
        let Some(name) = extra.names.get(n).map_or(end.interface.as_deref(), Option::as_deref) else { continue };
        if !seen.insert(name.into()) {
            twice.push((end.at.clone(), name.to_owned()));
        }
        let LinkKind::Bond { links, .. } = link.kind else { continue };
        for pair in (1..=links).map(|n| format!("{name}-{n}")) {
            if !seen.insert(pair.clone().into()) {
                twice.push((end.at.clone(), pair));
            }
        }
    }
    for own in &weight.interfaces {
        if !seen.insert(own.name.as_str().into()) {
            twice.push((own.at.clone(), own.name.clone()));
        }
    }
    for (at, name) in twice {
        let message = format!("`{}` has two interfaces `{name}`", building.graph[node].name);
        building.problems.tell(codes::INTERFACE_TWICE, &at, message, "give one of them another name, or none");
    }
}

/// Puts what a node says of its interfaces on the ends that they are. An end without a name that is meant by its default name keeps that name.
fn settings(building: &mut Building, node: NodeIndex<u32>) {
    let interfaces = std::mem::take(&mut building.extras[node.index()].interfaces);
    if interfaces.is_empty() {
        return;
    }
    let ends = building.extras[node.index()].ends.clone();
    let names = building.extras[node.index()].names.clone();
    let is_switch = building.graph[node].switch().is_some();
    for (&(edge, side), name) in ends.iter().zip(&names) {
        let Some((name, settings)) = name.as_ref().and_then(|n| interfaces.get_key_value(n)) else { continue };
        let end = &mut building.graph[edge].ends[side];
        end.interface = Some(name.clone());
        apply(end, settings, is_switch, &mut building.problems);
        if let Some(treating) = &settings.treating {
            let known = &mut building.links[edge.index()].treating[side];
            let problems = &mut building.problems;
            *known = Some(treating.beside(known.as_ref(), &mut |key, at| twice(key, at, problems)));
        }
    }
    if building.link_left_out {
        return;
    }
    let mut known: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
    known.extend(building.graph[node].interfaces.iter().map(|own| own.name.as_str()));
    let mut all: FxHashSet<&str> = FxHashSet::default();
    known.retain(|name| all.insert(name));
    for (name, settings) in interfaces.iter().filter(|(name, _)| !all.contains(name.as_str())) {
        let message = format!("no link makes an interface `{name}` on `{}`", building.graph[node].name);
        let hint = match known.as_slice() {
            [] => "link the node first".to_owned(),
            some => format!("write one of those that there are: {}", any_of(some.iter().take(8).copied())),
        };
        building.problems.tell(codes::NO_INTERFACE, &settings.at, message, &hint);
    }
}

fn twice(key: &str, at: &Place, problems: &mut Problems) {
    let message = format!("the interface's `{key}` is written at its link, too");
    problems.tell(codes::WRITTEN_TWICE, at, message, "write it at one of the two places");
}

/// What holds of how the ends treat packets.
fn treatments(building: &mut Building) {
    for edge in building.graph.edge_indices() {
        let kind = building.graph[edge].kind;
        for side in 0..2 {
            let Some(treating) = building.links[edge.index()].treating[side].take() else { continue };
            let (span, is_port) = (building.spans[edge.index()], is_of_ovs(building, edge, side));
            if is_tunnel(building, edge, side) {
                if let Some((key, at)) = treating.first() {
                    tunnel(key, &at.clone(), &mut building.problems);
                }
                continue;
            }
            if is_patch(&building.graph, edge) {
                if let Some((key, at)) = treating.first() {
                    no_device(key, &at.clone(), &mut building.problems);
                }
                continue;
            }
            // What holds for all links is not meant for a port that may be the end of a tunnel.
            let meant = if is_port && span == Span::Open { treating.without_defaults() } else { (*treating).clone() };
            let on = match kind {
                LinkKind::Veth | LinkKind::Overlay => match span {
                    Span::One => On::Veth,
                    Span::Open => On::Open,
                    Span::Apart => On::Other("a device between hosts"),
                },
                LinkKind::Bond { .. } => On::Other("a bond"),
                LinkKind::Macvlan(_) => On::Other("a macvlan"),
                LinkKind::Ipvlan(_) => On::Other("an ipvlan"),
            };
            building.graph[edge].ends[side].written = meant.written(on, &mut building.problems);
        }
    }
}

fn is_of_ovs(building: &Building, edge: EdgeIndex<u32>, side: usize) -> bool {
    matches!(building.graph[building.graph[edge].ends[side].node].kind, Kind::Ovs(..))
}

/// Whether an end is a tunnel port of Open vSwitch, which has no device of its own.
fn is_tunnel(building: &Building, edge: EdgeIndex<u32>, side: usize) -> bool {
    building.spans[edge.index()] == Span::Apart && is_of_ovs(building, edge, side)
}

fn tunnel(key: &str, at: &Place, problems: &mut Problems) {
    let message =
        format!("`{key}` is a setting of a device, and the end at Open vSwitch has none: it is a tunnel port");
    problems.tell(codes::BETWEEN, at, message, "write it at the endpoint of the other node, or at links on one host");
}

fn no_device(key: &str, at: &Place, problems: &mut Problems) {
    let message = format!("`{key}` is a setting of a device, and this link has none: it is a pair of patch ports");
    let hint = "write it on the links of the nodes, or put a bridge of the kernel between the two switches";
    problems.tell(codes::PATCH, at, message, hint);
}

fn apply(end: &mut Endpoint, settings: &InterfaceSettings, is_switch: bool, problems: &mut Problems) {
    let mut twice = |key: &str| twice(key, &settings.at.key(key), problems);
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
        (end.mtu, end.mtu_at) = (Some(mtu), Some(settings.mtu_at.clone()));
    }
    if is_switch && (settings.ipv4.is_some() || settings.ipv6.is_some()) {
        let message = "a port of a bridge has no addresses";
        problems.tell(codes::UNFIT, &settings.at, message, "write `ipv4:` on the bridge itself");
    }
}

/// A patch port has no MTU and no Ethernet address; one that holds for all links is not meant.
fn patch(building: &mut Building, edge: EdgeIndex<u32>, side: usize) {
    let link = &building.graph[edge];
    let end = &link.ends[side];
    let said = [
        ("mtu", building.links[edge.index()].mtu.is_some(), &link.at),
        ("mtu", end.mtu.is_some(), &end.at),
        ("mac", end.mac.is_some(), &end.at),
        ("policing", end.port.policing.is_some(), &end.at),
    ];
    let said: Vec<(&str, Place)> =
        said.into_iter().filter(|(_, is, _)| *is).map(|(key, _, at)| (key, at.key(key))).collect();
    for (key, at) in said {
        no_device(key, &at, &mut building.problems);
    }
}

/// An end's own MTU, else its link's, else its node's, else that of all links. IPv6 needs one of 1280.
fn mtus(building: &mut Building) {
    for edge in building.graph.edge_indices() {
        for side in 0..2 {
            let node = building.graph[edge].ends[side].node;
            if matches!(building.graph[node].kind, Kind::Nic { .. }) {
                continue;
            }
            if is_tunnel(building, edge, side) {
                let end = &building.graph[edge].ends[side];
                let said =
                    [("mtu", end.mtu.is_some()), ("mac", end.mac.is_some()), ("policing", end.port.policing.is_some())];
                let at = end.at.clone();
                for (key, _) in said.into_iter().filter(|(_, is)| *is) {
                    tunnel(key, &at.key(key), &mut building.problems);
                }
                continue;
            }
            if is_patch(&building.graph, edge) {
                patch(building, edge, side);
                continue;
            }
            let peer = building.graph[edge].ends[1 - side].node;
            let of_link = building.links[edge.index()].mtu.map(|mtu| (mtu, building.graph[edge].at.key("mtu")));
            let of_node = || building.extras[node.index()].mtu.clone();
            let inherited = of_link.or_else(of_node).or_else(|| building.default_mtu.clone());
            let end = &mut building.graph[edge].ends[side];
            if let (None, Some((mtu, at))) = (end.mtu, inherited) {
                (end.mtu, end.mtu_at) = (Some(mtu), Some(at));
            }
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
