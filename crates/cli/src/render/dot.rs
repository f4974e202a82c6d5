//! A topology as a graph of Graphviz.

use std::fmt::Write as _;

use netsim_core::topology::{Impairment, Kind, Link, LinkKind, LossWritten, Node, PortWritten, Topology, Trunk};
use netsim_core::units::{print_percent, print_rate, print_time};

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
        let link = &topology.graph[edge];
        let [a, b] = link.ends.each_ref().map(|e| quoted(topology.graph[e.node].name.as_str()));
        let mut words: Vec<String> = ends.map_or_else(Vec::new, |ends| {
            let [x, y] = ends[edge.index()].each_ref().map(|e| quoted(&e.lines().join("\n")));
            vec![format!("taillabel={x}"), format!("headlabel={y}")]
        });
        words.extend(label(link).map(|label| format!("label={}", quoted(&label))));
        words.extend(style(link).map(str::to_owned));
        let words = if words.is_empty() { String::new() } else { format!(" [{}]", words.join(", ")) };
        writeln!(out, "  {a} -- {b}{words};").expect("a String takes all");
    }
    out.push_str("}\n");
    out
}

/// Bundles are thick, links that are down dotted.
fn style(link: &Link) -> Option<&'static str> {
    if link.ends.iter().any(|end| end.written.down) {
        return Some("style=dotted");
    }
    match link.kind {
        LinkKind::Overlay => todo!("hosts"),
        LinkKind::Bond { .. } => Some("penwidth=3"),
        LinkKind::Veth | LinkKind::Macvlan(_) | LinkKind::Ipvlan(_) => None,
    }
}

/// What a link does to packets, its VLANs, and what it takes in; what differs at its ends for each.
pub fn label(link: &Link) -> Option<String> {
    let [a, b] = link.ends.each_ref().map(|end| {
        let impairment = end.written.impairment.iter().flat_map(brief);
        impairment.chain(as_port(&end.port)).collect::<Vec<_>>().join(", ")
    });
    match (a.as_str(), b.as_str()) {
        ("", "") => None,
        ("", one) | (one, "") => Some(one.to_owned()),
        (x, y) if x == y => Some(a),
        (x, y) => Some(format!("{x} – {y}")),
    }
}

/// What one sees at first: `10ms`, `1% loss`, `100mbit`.
fn brief(impairment: &Impairment) -> Vec<String> {
    let delay = match (impairment.delay, impairment.jitter) {
        (0, _) => None,
        (delay, 0) => Some(print_time(delay)),
        (delay, jitter) => Some(format!("{} ± {}", print_time(delay), print_time(jitter))),
    };
    let loss = impairment.loss.map(|loss| match loss {
        LossWritten::Random(share) => format!("{} loss", print_percent(share)),
        LossWritten::GilbertElliott { .. } => "loss in bursts".to_owned(),
    });
    delay.into_iter().chain(loss).chain(impairment.rate.map(print_rate)).collect()
}

/// Which VLANs it takes, and how much.
fn as_port(port: &PortWritten) -> Vec<String> {
    let range = |(first, last): &(u16, u16)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    let trunk = port.trunk.as_ref().map(|trunk| match trunk {
        Trunk::All => "trunk".to_owned(),
        Trunk::Ranges(ranges) => format!("trunk {}", ranges.iter().map(range).collect::<Vec<_>>().join(",")),
    });
    let policed = port.policing.map(|policing| format!("policed to {}", print_rate(policing.rate)));
    port.vlan.map(|vlan| format!("VLAN {vlan}")).into_iter().chain(trunk).chain(policed).collect()
}

fn look(node: &Node) -> &'static str {
    match &node.kind {
        Kind::Host | Kind::Overlay(_) => todo!("hosts"),
        Kind::Namespace => "shape=box",
        Kind::Router => "shape=ellipse",
        Kind::Bridge(s) if s.implied => "shape=point",
        Kind::Bridge(_) => "shape=box, peripheries=2",
        Kind::Ovs(..) => "shape=hexagon",
        Kind::Nic { .. } => "shape=house",
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
