//! A topology as a Mermaid flowchart.

use std::fmt::Write as _;

use netsim_core::topology::{Kind, Link, LinkKind, Node, Topology};

use super::dot::{End, label};

/// The flowchart; with labels for both ends of each link, if they are given.
pub fn flowchart(topology: &Topology, ends: Option<&[[End; 2]]>) -> String {
    let mut out = format!("---\ntitle: {}\n---\ngraph LR\n", topology.name);
    for index in topology.graph.node_indices() {
        let node = &topology.graph[index];
        writeln!(out, "  n{}{}", index.index(), shape(node)).expect("a String takes all");
    }
    for edge in topology.graph.edge_indices() {
        let link = &topology.graph[edge];
        let [a, b] = link.ends.each_ref().map(|e| e.node.index());
        let ends = ends.map(|ends| {
            let [x, y] = ends[edge.index()].each_ref().map(|e| e.lines().join(" "));
            format!("{x} – {y}")
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
        LinkKind::Overlay => todo!("hosts"),
        LinkKind::Bond { .. } => "===",
        LinkKind::Veth | LinkKind::Macvlan(_) | LinkKind::Ipvlan(_) => "---",
    }
}

/// Routers are round, bridges have double sides, those of Open vSwitch six, the rest are boxes.
fn shape(node: &Node) -> String {
    let name = escaped(node.name.as_str());
    match &node.kind {
        Kind::Host | Kind::Overlay(_) => todo!("hosts"),
        Kind::Namespace => format!("[\"{name}\"]"),
        Kind::Router => format!("((\"{name}\"))"),
        Kind::Bridge(s) if s.implied => "(( ))".to_owned(),
        Kind::Bridge(_) => format!("[[\"{name}\"]]"),
        Kind::Ovs(..) => format!("{{{{\"{name}\"}}}}"),
        Kind::Nic { name } => format!("[/\"host:{}\"/]", escaped(name)),
    }
}

/// Text between double quotes: Mermaid has entity codes for what it would read itself.
fn escaped(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;")
}
