//! A topology as a Mermaid flowchart.

use std::fmt::Write as _;

use netsim_core::topology::{Kind, Node, Topology};

use super::dot::End;

/// The flowchart; with labels for both ends of each link, if they are given.
pub fn flowchart(topology: &Topology, ends: Option<&[[End; 2]]>) -> String {
    let mut out = format!("---\ntitle: {}\n---\ngraph LR\n", topology.name);
    for index in topology.graph.node_indices() {
        let node = &topology.graph[index];
        writeln!(out, "  n{}{}", index.index(), shape(node)).expect("a String takes all");
    }
    for edge in topology.graph.edge_indices() {
        let [a, b] = topology.graph[edge].ends.each_ref().map(|e| e.node.index());
        let label = ends.map_or_else(String::new, |ends| {
            let [x, y] = ends[edge.index()].each_ref().map(|e| e.lines().join(" "));
            format!("|\"{} – {}\"|", escaped(&x), escaped(&y))
        });
        writeln!(out, "  n{a} ---{label} n{b}").expect("a String takes all");
    }
    out
}

/// Routers are round, switches have double sides, the rest are boxes.
fn shape(node: &Node) -> String {
    let name = escaped(node.name.as_str());
    match &node.kind {
        netsim_core::topology::Kind::Ovs(_, _) => todo!("ovs"),
        Kind::Namespace => format!("[\"{name}\"]"),
        Kind::Router => format!("((\"{name}\"))"),
        Kind::Bridge(s) if s.implied => "(( ))".to_owned(),
        Kind::Bridge(_) => format!("[[\"{name}\"]]"),
        Kind::Nic { name } => format!("[/\"host:{}\"/]", escaped(name)),
    }
}

/// Text between double quotes: Mermaid has entity codes for what it would read itself.
fn escaped(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;")
}
