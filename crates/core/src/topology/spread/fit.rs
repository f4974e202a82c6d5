//! Whether an overlay can join what it is written for.

use petgraph::graph::{NodeIndex, UnGraph};

use super::super::{Kind, Link, Node, OverlayKind, OverlayWritten};
use crate::resource::Df;

/// What an overlay is to join.
pub(super) struct Ends<'a> {
    /// The nodes: two of a link, three and more of a broadcast domain, or one bridge on several hosts.
    pub nodes: &'a [NodeIndex<u32>],
    /// How many hosts they are on; none where that is not known.
    pub hosts: Option<usize>,
    /// Some host has two of them or more, so that it needs a bridge.
    pub several: bool,
    /// Something is said of the ports of that bridge.
    pub ports: bool,
}

/// Why it cannot, and what to do; none if it can.
pub(super) fn misfit(
    graph: &UnGraph<Node, Link, u32>,
    overlay: &OverlayWritten,
    ends: &Ends<'_>,
) -> Option<(String, &'static str)> {
    let is_ovs = |node: &&NodeIndex<u32>| matches!(graph[**node].kind, Kind::Ovs(..));
    let ovs = ends.nodes.iter().find(is_ovs).map(|&node| &graph[node].name);
    let other = ends.nodes.iter().find(|node| !is_ovs(node)).map(|&node| &graph[node].name);
    let switch = ends.nodes.iter().find(|&&node| graph[node].switch().is_some()).map(|&node| &graph[node].name);
    // Of three and more, one that is alone on its host has the tunnel itself; a bridge of the kernel is made where that cannot be.
    let direct = ends.nodes.len() <= 2;
    match &overlay.kind {
        OverlayKind::Gre { .. } => {
            if let Some(name) = switch {
                let message = format!("packets in GRE are no frames, and `{name}` is a switch");
                return Some((message, "write `gretap:`, which carries frames between two hosts, or `vxlan:`"));
            }
            if ends.ports {
                let message = "packets in GRE pass no bridge, and something is said of its ports";
                return Some((message.to_owned(), "take that away, or write `vxlan:`"));
            }
            if ends.nodes.len() > 2 && (ends.several || ends.hosts.is_none()) {
                let message = "packets in GRE between three and more nodes have one device on each host";
                return Some((message.to_owned(), "write a `host:` of its own at each of the nodes, or `vxlan:`"));
            }
            None
        }
        OverlayKind::Gretap { .. } => {
            let many = match ends.hosts {
                Some(hosts) if hosts > 2 => format!("there are {hosts}"),
                None if ends.nodes.len() > 2 => "there may be more".to_owned(),
                Some(_) | None => return None,
            };
            let message = format!("frames in GRE are between two hosts, and {many}");
            Some((message, "write `vxlan:`, which joins any number"))
        }
        OverlayKind::Geneve { .. } => {
            if let Some(name) = other {
                let message = format!("Geneve joins switches of Open vSwitch, and `{name}` is none");
                return Some((message, "write `vxlan:`, which joins both sorts"));
            }
            if ends.nodes.len() > 2 && (ends.several || ends.ports || ends.hosts.is_none()) {
                let message = "Geneve between three and more switches has one of them on each host";
                return Some((message.to_owned(), "write a `host:` of its own at each of the switches, or `vxlan:`"));
            }
            None
        }
        OverlayKind::Vxlan { group, df, .. } => match (ovs.filter(|_| direct), group, df) {
            (Some(name), Some(group), _) => {
                let message =
                    format!("`{name}` sends to no group as {group}: a tunnel of Open vSwitch has one far end");
                Some((message, "take `group:` away, or make the bridge one of the kernel"))
            }
            (Some(name), None, Some(Df::Inherit)) => {
                let message =
                    format!("`{name}` forbids all packets to be cut or none: Open vSwitch looks at none within");
                Some((message, "write `df: set` or `df: unset`"))
            }
            (Some(_) | None, _, _) => None,
        },
    }
}
