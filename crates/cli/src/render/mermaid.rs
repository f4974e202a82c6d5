//! A topology as a Mermaid flowchart.

use std::fmt::Write as _;

use netsim_core::topology::{Kind, Link, LinkKind, Node, Topology};

use super::dot::{End, carrier, drawn_hosts, drawn_on, label};

/// The flowchart; with labels for both ends of each link, if they are given.
pub fn flowchart(topology: &Topology, ends: Option<&[[End; 2]]>) -> String {
    let mut out = format!("---\ntitle: {}\n---\ngraph LR\n", topology.name);
    let hosts = drawn_hosts(topology);
    let nodes = || topology.graph.node_indices().map(|index| (index, &topology.graph[index]));
    for (at, host) in hosts.iter().enumerate() {
        writeln!(out, "  subgraph h{at}[\"{}\"]", escaped(host.as_str())).expect("a String takes all");
        for (index, node) in nodes().filter(|(_, node)| drawn_on(node, host)) {
            writeln!(out, "    n{}{}", index.index(), shape(node)).expect("a String takes all");
        }
        out.push_str("  end\n");
    }
    for (index, node) in nodes().filter(|(_, node)| !hosts.iter().any(|host| drawn_on(node, host))) {
        writeln!(out, "  n{}{}", index.index(), shape(node)).expect("a String takes all");
    }
    for edge in topology.graph.edge_indices() {
        let link = &topology.graph[edge];
        let [a, b] = link.ends.each_ref().map(|e| e.node.index());
        let ends = ends.map(|ends| {
            let both = ends[edge.index()].each_ref().map(|e| e.lines().join(" "));
            both.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" – ")
        });
        let words: Vec<String> = ends.into_iter().chain(label(link)).map(|words| escaped(&words)).collect();
        let label = if words.is_empty() { String::new() } else { format!("|\"{}\"|", words.join("<br>")) };
        writeln!(out, "  n{a} {}{label} n{b}", line(link)).expect("a String takes all");
    }
    out
}

/// Bundles are thick, links that are down dotted.
fn line(link: &Link) -> &'static str {
    if link.ends.iter().any(|end| end.written.down) {
        return "-.-";
    }
    match link.kind {
        LinkKind::Bond { .. } => "===",
        LinkKind::Overlay | LinkKind::Veth | LinkKind::Macvlan(_) | LinkKind::Ipvlan(_) => "---",
    }
}

/// Routers are round, bridges have double sides, those of Open vSwitch six, machines are drums, what joins hosts is a capsule, the rest are boxes.
fn shape(node: &Node) -> String {
    let name = escaped(node.name.as_str());
    match &node.kind {
        Kind::Namespace => format!("[\"{name}\"]"),
        Kind::Router => format!("((\"{name}\"))"),
        Kind::Bridge(s) if s.implied => "(( ))".to_owned(),
        Kind::Bridge(_) => format!("[[\"{name}\"]]"),
        Kind::Ovs(..) => format!("{{{{\"{name}\"}}}}"),
        Kind::Nic { name } => format!("[/\"host:{}\"/]", escaped(name)),
        Kind::Host => format!("[(\"{name}\")]"),
        Kind::Overlay(overlay) => format!("([\"{}\"])", escaped(&carrier(overlay))),
    }
}

/// Text between double quotes: Mermaid has entity codes for what it would read itself.
fn escaped(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;")
}
