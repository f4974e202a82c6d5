//! A cluster as a topology file: a line for the nodes, one for the bridge, one for the links.

use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Cluster, Node, Words};
use crate::import::yaml::{line, scalar, text};

/// How addresses get into the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Addresses {
    /// The bridge gives them out, by the numbers in the nodes' names.
    Given,
    /// Each is written.
    Written,
}

/// The topology file.
pub(super) fn topology(cluster: &Cluster, name: &str, from: &str, addresses: Addresses) -> String {
    let nodes = &cluster.nodes;
    let count = if nodes.len() == 1 { "1 node".to_owned() } else { format!("{} nodes", nodes.len()) };
    let mut out = format!("# {}: {count} on one bridge, imported from {}.\n", line(name), line(from));
    for warning in &cluster.warnings {
        writeln!(out, "# Note: {}.", line(warning)).expect("a String takes all");
    }
    writeln!(out, "name: {}\nnodes:", scalar(name)).expect("a String takes all");
    for run in runs(nodes, |_, _| true) {
        writeln!(out, "  {}: {{}}", key(&name_of(run))).expect("a String takes all");
    }
    let bridge = cluster.bridge.as_deref().unwrap_or("sw");
    writeln!(out, "  {}: {{ kind: bridge{} }}", scalar(bridge), of_bridge(cluster, addresses))
        .expect("a String takes all");
    out.push_str("links:\n");
    for run in runs(nodes, |a, b| alike(a, b, addresses)) {
        writeln!(
            out,
            "  - {{ endpoints: [{}, {}]{} }}",
            end(run, addresses),
            scalar(bridge),
            of_link(run, cluster, addresses)
        )
        .expect("a String takes all");
    }
    out
}

/// The subnet that all addresses are in; none where they are in several, or there are none.
pub(super) fn subnet(cluster: &Cluster) -> Option<IpNet> {
    let mut nets = cluster.nodes.iter().flat_map(|n| &n.addresses).chain(&cluster.bridge_addresses).map(IpNet::trunc);
    let first = cluster.subnet.or_else(|| nets.next())?;
    nets.all(|net| net == first).then_some(first)
}

fn of_bridge(cluster: &Cluster, addresses: Addresses) -> String {
    let silent = cluster.nodes.iter().any(|n| n.addresses.is_empty());
    let given = addresses == Addresses::Given || silent;
    let subnet = match subnet(cluster).filter(|_| given) {
        Some(subnet) => format!(", subnet: {subnet}"),
        None => String::new(),
    };
    format!("{subnet}{}", families(&cluster.bridge_addresses, |nets| nets.iter().map(ToString::to_string).collect()))
}

/// `, ipv4: […], ipv6: […]` as far as there are any.
fn families(nets: &[IpNet], told: impl Fn(&[IpNet]) -> Vec<String>) -> String {
    let mut out = String::new();
    for (word, six) in [("ipv4", false), ("ipv6", true)] {
        let of: Vec<IpNet> = nets.iter().copied().filter(|net| net.addr().is_ipv6() == six).collect();
        if !of.is_empty() {
            let values =
                told(&of).iter().map(|v| if v.contains(['[', ':']) { text(v) } else { v.clone() }).collect::<Vec<_>>();
            write!(out, ", {word}: [{}]", values.join(", ")).expect("a String takes all");
        }
    }
    out
}

/// Neighbours whose names differ by one in their last number, as long as they belong together.
fn runs(nodes: &[Node], together: impl Fn(&Node, &Node) -> bool) -> Vec<&[Node]> {
    let next = |a: &Node, b: &Node| match (stem(&a.name), stem(&b.name)) {
        (Some((word, m)), Some((word_too, n))) => {
            let padded = |node: &Node| node.name[word.len()..].starts_with('0');
            let fits = a.name.len() == b.name.len() || !(padded(a) || padded(b));
            word == word_too && n == m + 1 && fits
        }
        (_, _) => false,
    };
    nodes.chunk_by(|a, b| next(a, b) && together(a, b)).collect()
}

/// `node12` is `node` and 12.
fn stem(name: &str) -> Option<(&str, u64)> {
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
    Some((word, name[word.len()..].parse().ok()?))
}

fn name_of(run: &[Node]) -> String {
    match (run, stem(&run[0].name)) {
        ([first, .., last], Some((word, _))) => {
            format!("{word}[{}-{}]", &first.name[word.len()..], &last.name[word.len()..])
        }
        (_, _) => run[0].name.clone(),
    }
}

fn key(name: &str) -> String {
    // As a key a range needs no quotes.
    if name.contains('[') { name.to_owned() } else { scalar(name) }
}

fn end(run: &[Node], addresses: Addresses) -> String {
    let name = name_of(run);
    if addresses == Addresses::Written && several(&run[0]) {
        let interface = run[0].interface.as_ref().map_or_else(String::new, |i| format!(", interface: {}", text(i)));
        let nets = families(&run[0].addresses, |nets| nets.iter().map(ToString::to_string).collect());
        return format!("{{ node: {}{interface}{nets} }}", scalar(&name));
    }
    match &run[0].interface {
        Some(interface) => text(&format!("{name}:{interface}")),
        None if name.contains('[') => text(&name),
        None => scalar(&name),
    }
}

/// Whether it has more than one address of a family: then they stand with the node, not with the link.
fn several(node: &Node) -> bool {
    [false, true].iter().any(|six| node.addresses.iter().filter(|net| net.addr().is_ipv6() == *six).count() > 1)
}

/// Whether two neighbours' links are one line.
fn alike(a: &Node, b: &Node, addresses: Addresses) -> bool {
    let next = match (&a.addresses[..], &b.addresses[..]) {
        (_, _) if addresses == Addresses::Given => true,
        ([], []) => true,
        ([a], [b]) => following(a, b),
        (_, _) => false,
    };
    a.interface == b.interface && a.own == b.own && next
}

/// Whether the second address is the next after the first, and differs from it in its last number alone.
fn following(a: &IpNet, b: &IpNet) -> bool {
    match (a.addr(), b.addr()) {
        (IpAddr::V4(x), IpAddr::V4(y)) => {
            let ([rest @ .., m], [rest_too @ .., n]) = (x.octets(), y.octets());
            a.prefix_len() == b.prefix_len() && rest == rest_too && m.checked_add(1) == Some(n)
        }
        (_, _) => false,
    }
}

fn of_link(run: &[Node], cluster: &Cluster, addresses: Addresses) -> String {
    let mut out = String::new();
    let mut words: Words = cluster.all.clone();
    words.extend(run[0].own.iter().map(|(key, value)| (*key, value.clone())));
    for (key, value) in &words {
        write!(out, ", {key}: {value}").expect("a String takes all");
    }
    if addresses == Addresses::Written && !several(&run[0]) {
        let last = run[run.len() - 1].addresses.first().map(IpNet::addr);
        out.push_str(&families(&run[0].addresses, |nets| match (nets, last) {
            ([first], Some(IpAddr::V4(last))) if run.len() > 1 => vec![range(first, last.octets()[3])],
            (_, _) => nets.iter().map(ToString::to_string).collect(),
        }));
    }
    out
}

/// `10.0.1.[1-4]/24`.
fn range(first: &IpNet, last: u8) -> String {
    let address = first.addr().to_string();
    let (head, tail) = address.rsplit_once('.').unwrap_or(("", &address));
    format!("{head}.[{tail}-{last}]/{}", first.prefix_len())
}
