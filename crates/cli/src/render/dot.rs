//! A topology as a graph of Graphviz.

use std::fmt::Write as _;

use netsim_core::names::HostId;
use netsim_core::topology::{
    Impairment, Kind, Link, LinkKind, LossWritten, Node, Overlay, OverlayKind, PortWritten, Topology, Trunk,
};
use netsim_core::units::{print_percent, print_rate, print_time};

/// What stands at one end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub interface: String,
    pub addresses: Vec<String>,
}

impl End {
    /// The interface and its addresses, each a line; none where there is nothing to say.
    pub fn lines(&self) -> Vec<&str> {
        let lines = std::iter::once(&self.interface).chain(&self.addresses).map(String::as_str);
        lines.filter(|line| !line.is_empty()).collect()
    }
}

/// The graph; with labels for both ends of each link, if they are given.
pub fn graph(topology: &Topology, ends: Option<&[[End; 2]]>) -> String {
    let mut out = format!("graph {} {{\n", quoted(topology.name.as_str()));
    // Labels at the ends need longer edges, which Graphviz would shrink again.
    let (shrink, len) =
        if ends.is_some() { (" overlap_shrink=false;", ", len=2.5, labeldistance=2") } else { ("", "") };
    let hosts = drawn_hosts(topology);
    // Of the layouts that draw such graphs well only this one draws boxes around parts of them.
    let layout = if hosts.is_empty() { "neato" } else { "fdp" };
    writeln!(out, "  layout={layout}; overlap=false;{shrink} splines=true;").expect("a String takes all");
    out.push_str("  node [fontname=\"sans-serif\", fontsize=11];\n");
    writeln!(out, "  edge [fontname=\"sans-serif\", fontsize=8{len}];").expect("a String takes all");
    let line = |node: &Node| format!("{} [{}];\n", quoted(node.name.as_str()), look(node));
    for host in &hosts {
        let name = quoted(&format!("cluster {host}"));
        writeln!(out, "  subgraph {name} {{\n    label={};", quoted(host.as_str())).expect("a String takes all");
        let nodes = topology.graph.node_weights().filter(|node| drawn_on(node, host));
        nodes.for_each(|node| out.push_str(&format!("    {}", line(node))));
        out.push_str("  }\n");
    }
    let elsewhere = topology.graph.node_weights().filter(|node| !hosts.iter().any(|host| drawn_on(node, host)));
    elsewhere.for_each(|node| out.push_str(&format!("  {}", line(node))));
    for edge in topology.graph.edge_indices() {
        let link = &topology.graph[edge];
        let [a, b] = link.ends.each_ref().map(|e| quoted(topology.graph[e.node].name.as_str()));
        let mut words: Vec<String> = ends.map_or_else(Vec::new, |ends| {
            let both = ["taillabel", "headlabel"].into_iter().zip(&ends[edge.index()]);
            let both = both.map(|(word, end)| (word, end.lines().join("\n"))).filter(|(_, text)| !text.is_empty());
            both.map(|(word, text)| format!("{word}={}", quoted(&text))).collect()
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
        LinkKind::Overlay => Some("style=dashed"),
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

fn look(node: &Node) -> String {
    let look = match &node.kind {
        Kind::Namespace => "shape=box",
        Kind::Router => "shape=ellipse",
        Kind::Bridge(s) if s.implied => "shape=point",
        Kind::Bridge(_) => "shape=box, peripheries=2",
        Kind::Ovs(..) => "shape=hexagon",
        Kind::Nic { .. } => "shape=house",
        Kind::Host => "shape=box3d",
        Kind::Overlay(overlay) => return format!("shape=plain, label={}", quoted(&carrier(overlay))),
    };
    look.to_owned()
}

/// The hosts to draw a box for: all, where there is one besides this machine.
pub fn drawn_hosts(topology: &Topology) -> Vec<HostId> {
    let used = topology.hosts_used();
    if used == [HostId::local()] { Vec::new() } else { used }
}

/// Whether a node is drawn in a host's box; what joins hosts is in none.
pub fn drawn_on(node: &Node, host: &HostId) -> bool {
    node.is_on(host) && node.overlay().is_none()
}

/// `vxlan 4100`, `gretap key 7`.
pub fn carrier(overlay: &Overlay) -> String {
    let key = |key: &Option<u32>| key.map_or_else(String::new, |key| format!(" key {key}"));
    match &overlay.written.kind {
        OverlayKind::Vxlan { .. } => format!("vxlan {}", overlay.number),
        OverlayKind::Geneve { .. } => format!("geneve {}", overlay.number),
        OverlayKind::Gretap { key: written } => format!("gretap{}", key(written)),
        OverlayKind::Gre { key: written } => format!("gre{}", key(written)),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
