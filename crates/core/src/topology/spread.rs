//! What is between hosts: which links are, what they are there, and what they cannot be.

use petgraph::graph::{EdgeIndex, NodeIndex};
use rustc_hash::{FxHashMap, FxHashSet};

use super::building::Building;
use super::{Kind, Link, LinkKind, On, OverlayWritten, PortWritten, codes, overlay};
use crate::names::{HostId, NetnsName};
use crate::place;
use crate::problem::Place;
use crate::spec::Spec;

mod fit;

/// Whether a link is between hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// Both its ends are on one host.
    One,
    /// They are on two.
    Apart,
    /// That is for [`crate::place::place`] to say.
    Open,
}

/// The ends of a link of three and more endpoints, in file order.
type Members = FxHashMap<NodeIndex<u32>, Vec<NodeIndex<u32>>>;

/// Finds which links are between hosts, and says of those what they are.
pub(super) fn settle(building: &mut Building, specs: &[Spec]) {
    let default = overlay::of_all(specs, &mut building.problems);
    let members = members(building);
    building.spans = spans(building, &members);
    for edge in building.graph.edge_indices() {
        wire(building, edge, default.as_ref());
    }
    for node in building.graph.node_indices() {
        match (&building.graph[node].on, members.get(&node)) {
            (On::Each(hosts), _) => each(building, node, hosts.len(), default.as_ref()),
            (On::Host(_) | On::Auto, Some(ends)) => implied(building, node, ends, default.as_ref()),
            (On::Host(_) | On::Auto, None) => {}
        }
    }
}

fn members(building: &Building) -> Members {
    let mut members = Members::default();
    for link in building.graph.edge_weights() {
        let switch = link.ends[1].node;
        if building.graph[switch].switch().is_some_and(|s| s.implied) {
            members.entry(switch).or_default().push(link.ends[0].node);
        }
    }
    members
}

/// Where a node is, if that is written.
fn host(building: &Building, node: NodeIndex<u32>) -> Option<&HostId> {
    match &building.graph[node].on {
        On::Host(host) => Some(host),
        On::Auto | On::Each(_) => None,
    }
}

/// Whether what joins several nodes is between hosts.
fn over(building: &Building, nodes: &[NodeIndex<u32>]) -> Span {
    let hosts: Option<Vec<&HostId>> = nodes.iter().map(|&node| host(building, node)).collect();
    match hosts {
        None => Span::Open,
        Some(hosts) if hosts.windows(2).all(|pair| pair[0] == pair[1]) => Span::One,
        Some(_) => Span::Apart,
    }
}

/// What is known of a link of three and more endpoints: where it is, and how many of its ends are at each place.
type Joined<'a> = FxHashMap<NodeIndex<u32>, (Span, FxHashMap<&'a On, usize>)>;

/// By edge index.
fn spans(building: &Building, members: &Members) -> Vec<Span> {
    let joined = members.iter().map(|(&switch, ends)| {
        let mut counts: FxHashMap<&On, usize> = FxHashMap::default();
        ends.iter().for_each(|&end| *counts.entry(&building.graph[end].on).or_default() += 1);
        (switch, (over(building, ends), counts))
    });
    let joined: Joined<'_> = joined.collect();
    building.graph.edge_indices().map(|edge| span(building, &joined, edge)).collect()
}

fn span(building: &Building, joined: &Joined<'_>, edge: EdgeIndex<u32>) -> Span {
    let nodes = building.graph[edge].ends.each_ref().map(|end| end.node);
    let beside = |node: NodeIndex<u32>| {
        // A device is on the same machine as its NIC, and a bridge on several hosts has a part where the node is.
        matches!(building.graph[node].kind, Kind::Nic { .. }) || matches!(building.graph[node].on, On::Each(_))
    };
    if nodes.into_iter().any(beside) {
        return Span::One;
    }
    match joined.get(&nodes[1]) {
        None => over(building, &nodes),
        Some((Span::One, _)) => Span::One,
        // On a host where it is the only one, a node is on the overlay itself.
        Some((Span::Apart, counts)) if counts[&building.graph[nodes[0]].on] > 1 => Span::One,
        Some((Span::Apart, _)) => Span::Apart,
        Some((Span::Open, _)) => Span::Open,
    }
}

/// A link of two endpoints, or one from an endpoint to what joins three and more.
fn wire(building: &mut Building, edge: EdgeIndex<u32>, default: Option<&OverlayWritten>) {
    let span = building.spans[edge.index()];
    let nodes = building.graph[edge].ends.each_ref().map(|end| end.node);
    if let (LinkKind::Bond { .. }, Span::Apart) = (building.graph[edge].kind, span) {
        let [a, b] = nodes.map(|node| where_it_is(building, node));
        let message = format!("a bond is of pairs of devices on one host: {a}, and {b}");
        let at = building.graph[edge].at.key("bond");
        building.problems.tell(codes::BETWEEN, &at, message, "put both on one host, or make it a plain link");
    }
    apart(building, edge);
    if building.graph[nodes[1]].switch().is_some_and(|s| s.implied) {
        return;
    }
    let written = building.links[edge.index()].overlay.clone();
    if let (Some(written), Span::One) = (&written, span) {
        let message = match nodes.into_iter().find(|&node| matches!(building.graph[node].on, On::Each(_))) {
            Some(switch) => {
                let name = &building.graph[switch].name;
                format!(
                    "this link is no overlay: `{name}` has a part on each of its hosts, and what joins those is its own"
                )
            }
            None => format!("this link is no overlay: {}, and so is the other end", where_it_is(building, nodes[0])),
        };
        building.problems.tell(codes::OVERLAY, &written.at, message, "take it away, or put the ends on two hosts");
    }
    let kind = building.graph[edge].kind;
    if span == Span::One || kind != LinkKind::Veth {
        return;
    }
    let ends = fit::Ends { nodes: &nodes, hosts: Some(2), several: false, ports: false };
    building.graph[edge].overlay = settled(building, written, default, &ends);
}

/// What an overlay is: as written, and where nothing is as for all, if that fits.
fn settled(
    building: &mut Building,
    written: Option<OverlayWritten>,
    default: Option<&OverlayWritten>,
    ends: &fit::Ends<'_>,
) -> Option<OverlayWritten> {
    let Some(written) = written else {
        return default.filter(|default| fit::misfit(&building.graph, default, ends).is_none()).cloned();
    };
    if let Some((message, hint)) = fit::misfit(&building.graph, &written, ends) {
        building.problems.tell(codes::OVERLAY, &written.at, message, hint);
        return None;
    }
    Some(written.over(default))
}

fn each(building: &mut Building, node: NodeIndex<u32>, hosts: usize, default: Option<&OverlayWritten>) {
    let written = building.extras[node.index()].overlay.clone();
    let ends = fit::Ends { nodes: &[node], hosts: Some(hosts), several: false, ports: false };
    let overlay = settled(building, written, default, &ends);
    set(building, node, overlay);
}

/// A link of three and more endpoints.
fn implied(building: &mut Building, node: NodeIndex<u32>, ends: &[NodeIndex<u32>], default: Option<&OverlayWritten>) {
    let at = building.graph[node].at.clone();
    if let Some(&end) = ends.iter().find(|&&end| matches!(building.graph[end].on, On::Each(_))) {
        let name = &building.graph[end].name;
        let message =
            format!("`{name}` has a part on each of its hosts, and nothing says which of them is linked here");
        let hint = "link the others to it, each by a link of two endpoints";
        return building.problems.tell(codes::SPREAD, &at, message, hint);
    }
    let written = building.extras[node.index()].overlay.clone();
    let span = over(building, ends);
    if span == Span::One {
        if let Some(written) = written {
            let message = format!("this link is no overlay: {}, and so are the others", where_it_is(building, ends[0]));
            building.problems.tell(
                codes::OVERLAY,
                &written.at,
                message,
                "take it away, or put the ends on several hosts",
            );
        }
        return;
    }
    let mut hosts: FxHashMap<&HostId, usize> = FxHashMap::default();
    for host in ends.iter().filter_map(|&end| host(building, end)) {
        *hosts.entry(host).or_default() += 1;
    }
    let several = hosts.values().any(|&count| count > 1);
    let ports = building.extras[node.index()].ends.iter();
    let ports = ports.map(|&(edge, side)| &building.graph[edge].ends[side].port).any(|p| *p != PortWritten::default());
    let ends = fit::Ends { nodes: ends, hosts: (span == Span::Apart).then_some(hosts.len()), several, ports };
    let overlay = settled(building, written, default, &ends);
    set(building, node, overlay);
}

fn set(building: &mut Building, node: NodeIndex<u32>, overlay: Option<OverlayWritten>) {
    if let Kind::Bridge(switch) | Kind::Ovs(switch, _) = &mut building.graph[node].kind {
        switch.overlay = overlay;
    }
}

/// `a` is on h1, in words.
fn where_it_is(building: &Building, node: NodeIndex<u32>) -> String {
    let weight = &building.graph[node];
    match &weight.on {
        On::Host(host) => format!("`{}` is on {host}", weight.name),
        On::Auto => format!("`{}` is where netsim puts it", weight.name),
        On::Each(hosts) => {
            let hosts: Vec<&str> = hosts.iter().map(HostId::as_str).collect();
            format!("`{}` is on {}", weight.name, hosts.join(", "))
        }
    }
}

/// A link to a bridge on several hosts is to its part on the node's own.
fn apart(building: &mut Building, edge: EdgeIndex<u32>) {
    let link = &building.graph[edge];
    let ons = link.ends.each_ref().map(|end| &building.graph[end.node].on);
    let meets = match ons {
        [On::Each(a), On::Each(b)] => a.iter().any(|host| b.contains(host)),
        [On::Each(hosts), On::Host(host)] | [On::Host(host), On::Each(hosts)] => hosts.contains(host),
        [On::Auto, _] | [_, On::Auto] | [On::Host(_), On::Host(_)] => true,
    };
    let elsewhere = |node: NodeIndex<u32>| {
        let weight = &building.graph[node];
        matches!(weight.kind, Kind::Nic { .. }) || weight.switch().is_some_and(|s| s.implied)
    };
    if meets || link.ends.iter().any(|end| elsewhere(end.node)) {
        return;
    }
    let [a, b] = [0, 1].map(|side| where_it_is(building, link.ends[side].node));
    let message = format!("no part of the bridge is where the other end is: {a}, and {b}");
    let at = link.at.clone();
    building.problems.tell(codes::SPREAD, &at, message, "write that host under its `hosts:`, or link a node there");
}

/// Checks what depends on all that is said of links and interfaces.
pub(super) fn check(building: &mut Building) {
    machines(building);
    names(building);
    isolated(building);
    packets(building);
}

/// A machine is one node, and what links make there says its name: there may be any others.
fn machines(building: &mut Building) {
    let mut seen: FxHashMap<HostId, NodeIndex<u32>> = FxHashMap::default();
    for node in building.graph.node_indices() {
        let weight = &building.graph[node];
        let (Kind::Host, On::Host(host)) = (&weight.kind, &weight.on) else { continue };
        if let Some(other) = seen.insert(host.clone(), node) {
            let message = format!("`{}` and `{}` are one machine, {host}", building.graph[other].name, weight.name);
            let at = weight.at.clone();
            building.problems.tell(codes::MACHINE, &at, message, "write one node, and all links to that");
        }
        for (edge, side) in building.extras[node.index()].ends.clone() {
            let end = &building.graph[edge].ends[side];
            if end.interface.is_none() {
                let name = &building.graph[node].name;
                let message =
                    format!("this makes a device among those of the machine `{name}`, and nothing says its name");
                let (at, hint) = (end.at.clone(), format!("write it: `{name}:vxlan0`"));
                building.problems.tell(codes::MACHINE, &at, message, &hint);
            }
        }
    }
}

/// The parts of a bridge on several hosts have names of their own.
fn names(building: &mut Building) {
    let local = HostId::local();
    let all: Vec<HostId> = building.hosts.keys().cloned().chain([local]).collect();
    for node in building.graph.node_indices() {
        let weight = &building.graph[node];
        let Some(switch) = weight.switch() else { continue };
        let hosts = match &weight.on {
            On::Each(hosts) => hosts,
            On::Host(_) | On::Auto if switch.implied && all.len() > 1 => &all,
            On::Host(_) | On::Auto => continue,
        };
        for host in hosts {
            let name = place::part(&weight.name, host);
            let message = if building.index.contains_key(&name) {
                format!("the part of `{}` on {host} would be called `{name}`, as a node is", weight.name)
            } else if let Err(error) = NetnsName::new(&format!("{}{name}", building.prefix)) {
                format!("the part of `{}` on {host} cannot have a namespace of its name: {error}", weight.name)
            } else {
                continue;
            };
            let at = weight.at.clone();
            building.problems.tell(codes::NAME, &at, message, "give one of them another name");
            break;
        }
    }
}

/// That a port is isolated is known to one bridge, and not to its other parts.
fn isolated(building: &mut Building) {
    let apart = members(building).into_iter().filter(|(_, ends)| over(building, ends) == Span::Apart);
    let apart: FxHashSet<NodeIndex<u32>> = apart.map(|(switch, _)| switch).collect();
    for edge in building.graph.edge_indices() {
        let Link { ends, at, .. } = &building.graph[edge];
        let spread = |node: NodeIndex<u32>| matches!(building.graph[node].on, On::Each(_)) || apart.contains(&node);
        let told =
            |end: &super::Endpoint| matches!(end.port, PortWritten { isolated: Some(true), .. }) && spread(end.node);
        if ends.iter().any(told) {
            let at: Place = at.key("isolated");
            let message = "a port is isolated from those of the same host alone, and this bridge is on several";
            building.problems.tell(codes::SPREAD, &at, message, "take it away, or put all of it on one host");
        }
    }
}

/// What carries packets and no frames has no Ethernet addresses.
fn packets(building: &mut Building) {
    for edge in building.graph.edge_indices() {
        let link = &building.graph[edge];
        let switch = building.graph[link.ends[1].node].switch().and_then(|s| s.overlay.as_ref());
        if link.overlay.as_ref().or(switch).is_none_or(OverlayWritten::carries_frames) {
            continue;
        }
        for end in link.ends.iter().filter(|end| end.mac.is_some()) {
            let message = "packets in GRE are in no frames: this interface has no Ethernet address";
            building.problems.tell(codes::OVERLAY, &end.at.key("mac"), message, "take it away, or write `gretap:`");
        }
    }
}
