//! A topology as a graph of Graphviz.

use std::fmt::Write as _;

use netsim_core::topology::{Kind, Node, Topology};

/// What stands at one end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub interface: String,
    pub addresses: Vec<String>,
}

impl End {
    /// The interface and its addresses, each a line.
    pub fn lines(&self) -> Vec<&str> {
        std::iter::once(&self.interface).chain(&self.addresses).map(String::as_str).collect()
    }
}

/// The graph; with labels for both ends of each link, if they are given.
pub fn graph(topology: &Topology, ends: Option<&[[End; 2]]>) -> String {
    let mut out = format!("graph {} {{\n", quoted(topology.name.as_str()));
    // Labels at the ends need longer edges, which Graphviz would shrink again.
    let (shrink, len) =
        if ends.is_some() { (" overlap_shrink=false;", ", len=2.5, labeldistance=2") } else { ("", "") };
    writeln!(out, "  layout=neato; overlap=false;{shrink} splines=true;").expect("a String takes all");
    out.push_str("  node [fontname=\"sans-serif\", fontsize=11];\n");
    writeln!(out, "  edge [fontname=\"sans-serif\", fontsize=8{len}];").expect("a String takes all");
    for index in topology.graph.node_indices() {
        let node = &topology.graph[index];
        writeln!(out, "  {} [{}];", quoted(node.name.as_str()), look(node)).expect("a String takes all");
    }
    for edge in topology.graph.edge_indices() {
        let [a, b] = topology.graph[edge].ends.each_ref().map(|e| quoted(topology.graph[e.node].name.as_str()));
        let label = ends.map_or_else(String::new, |ends| {
            let [x, y] = ends[edge.index()].each_ref().map(|e| quoted(&e.lines().join("\n")));
            format!(" [taillabel={x}, headlabel={y}]")
        });
        writeln!(out, "  {a} -- {b}{label};").expect("a String takes all");
    }
    out.push_str("}\n");
    out
}

fn look(node: &Node) -> &'static str {
    match &node.kind {
        netsim_core::topology::Kind::Ovs(_, _) => todo!("ovs"),
        Kind::Namespace => "shape=box",
        Kind::Router => "shape=ellipse",
        Kind::Bridge(s) if s.implied => "shape=point",
        Kind::Bridge(_) => "shape=box, peripheries=2",
        Kind::Nic { .. } => "shape=house",
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
