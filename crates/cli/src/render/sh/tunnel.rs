//! Tunnels, and what they are told of the far side, as commands of ip(8) and bridge(8).

use std::net::IpAddr;

use netsim_core::names::LabName;
use netsim_core::resource::{Df, Fdb, Gre, Neighbour, NetnsId, Single, SingleKind, Vxlan};

use super::device::{birth_name, renamed};
use super::port::bridge;
use super::{ip, name, quoted};

/// A word of ip-link(8), and its value where it has one.
type Argument = (&'static str, Option<String>);

/// The commands that make a tunnel: always asked for in the host's namespace, where its underlay is. What comes after is said to the device where it is.
pub fn create(single: &Single, lab: &LabName) -> Vec<String> {
    let Single { id, kind, .. } = single;
    let mac = single.mac.map_or_else(String::new, |mac| format!(" address {mac}"));
    let mtu = single.mtu.map_or_else(String::new, |mtu| format!(" mtu {mtu}"));
    let what = written(&what(kind));
    let (dev, kind) = (name(&id.name), word(kind));
    match (&id.netns, &single.kind) {
        (NetnsId::Host, _) => vec![format!("ip link add name {dev}{mac}{mtu} type {kind}{what}")],
        // Its socket stays where it is asked for.
        (NetnsId::Named(netns), SingleKind::Vxlan(_)) => {
            let born = birth_name(id, lab);
            vec![
                format!("ip link add name {born}{mac}{mtu} netns {} type {kind}{what}", quoted(netns.as_str())),
                renamed(id, &born),
            ]
        }
        // Its underlay is the namespace that it is born in, so it moves: there under a name that nobody else has, with the mark on it from the first.
        (NetnsId::Named(netns), _) => {
            let born = birth_name(id, lab);
            vec![
                format!("ip link add name {born}{mac}{mtu} group {} type {kind}{what}", lab.group()),
                format!("ip link set dev {born} netns {} name {dev}", quoted(netns.as_str())),
            ]
        }
    }
}

/// What ip-link(8) calls it; over IPv6 it has other names for GRE.
pub fn word(kind: &SingleKind) -> &'static str {
    match kind {
        SingleKind::Gretap(gre) if gre.local.is_ipv6() => "ip6gretap",
        SingleKind::Gre(gre) if gre.local.is_ipv6() => "ip6gre",
        SingleKind::Vxlan(_)
        | SingleKind::Gretap(_)
        | SingleKind::Gre(_)
        | SingleKind::Dummy
        | SingleKind::Vlan { .. }
        | SingleKind::Macvlan { .. }
        | SingleKind::Ipvlan { .. }
        | SingleKind::Bond(_)
        | SingleKind::Vrf { .. } => kind.name(),
    }
}

/// What is particular to a tunnel, as arguments of `ip link add … type`; nothing of another kind.
fn what(kind: &SingleKind) -> Vec<Argument> {
    match kind {
        SingleKind::Vxlan(vxlan) => vxlan_is(vxlan),
        SingleKind::Gretap(gre) | SingleKind::Gre(gre) => gre_is(gre),
        SingleKind::Dummy
        | SingleKind::Vlan { .. }
        | SingleKind::Macvlan { .. }
        | SingleKind::Ipvlan { .. }
        | SingleKind::Bond(_)
        | SingleKind::Vrf { .. } => Vec::new(),
    }
}

fn written(arguments: &[Argument]) -> String {
    let word = |(word, value): &Argument| match value {
        Some(value) => format!(" {word} {value}"),
        None => format!(" {word}"),
    };
    arguments.iter().map(word).collect()
}

fn vxlan_is(vxlan: &Vxlan) -> Vec<Argument> {
    let mut all = vec![
        ("id", Some(vxlan.vni.to_string())),
        ("dstport", Some(vxlan.port.to_string())),
        ("local", Some(vxlan.local.to_string())),
    ];
    all.extend(vxlan.remote.map(|to| (if to.is_multicast() { "group" } else { "remote" }, Some(to.to_string()))));
    all.extend(vxlan.device.map(|device| ("dev", Some(name(&device)))));
    all.extend((vxlan.ttl != 0).then(|| ("ttl", Some(vxlan.ttl.to_string()))));
    all.push((if vxlan.learning { "learning" } else { "nolearning" }, None));
    all.push((if vxlan.checksum { "udpcsum" } else { "noudpcsum" }, None));
    if vxlan.local.is_ipv6() && !vxlan.checksum {
        all.extend([("udp6zerocsumtx", None), ("udp6zerocsumrx", None)]);
    }
    all.extend(match vxlan.df {
        Df::Unset => None,
        Df::Set => Some(("df", Some("set".to_owned()))),
        Df::Inherit => Some(("df", Some("inherit".to_owned()))),
    });
    all
}

fn gre_is(gre: &Gre) -> Vec<Argument> {
    let mut all = vec![("local", Some(gre.local.to_string()))];
    all.extend(gre.remote.map(|to| ("remote", Some(to.to_string()))));
    all.extend(gre.key.map(|key| ("key", Some(key.to_string()))));
    all.push(("ttl", Some(if gre.ttl == 0 { "inherit".to_owned() } else { gre.ttl.to_string() })));
    all.extend(gre.checksum.then_some(("csum", None)));
    // Else a kernel adds an option of 8 bytes to each packet.
    all.extend(gre.local.is_ipv6().then(|| ("encaplimit", Some("none".to_owned()))));
    all
}

/// What differs, as arguments of `ip link set … type`; none where nothing does, or of another kind.
pub fn changes(a: &Single, b: &Single) -> Option<String> {
    let arguments = match (&a.kind, &b.kind) {
        (SingleKind::Vxlan(was), SingleKind::Vxlan(is)) if was != is => vxlan_changes(was, is, &b.id.netns),
        (SingleKind::Gretap(a), SingleKind::Gretap(b)) | (SingleKind::Gre(a), SingleKind::Gre(b)) if a != b => {
            gre_changes(a, b)
        }
        (
            SingleKind::Vxlan(_)
            | SingleKind::Gretap(_)
            | SingleKind::Gre(_)
            | SingleKind::Dummy
            | SingleKind::Vlan { .. }
            | SingleKind::Macvlan { .. }
            | SingleKind::Ipvlan { .. }
            | SingleKind::Bond(_)
            | SingleKind::Vrf { .. },
            _,
        ) => return None,
    };
    // A GRE device that is told anything falls back to an MTU of the kernel's own, unless it is told that, too (`ip_tunnel_update`).
    let mtu = b.mtu.map_or_else(String::new, |mtu| format!("mtu {mtu} "));
    Some(format!("{mtu}type {}{}", word(&b.kind), written(&arguments)))
}

/// What is not said of a VXLAN device stays as it is.
fn vxlan_changes(a: &Vxlan, b: &Vxlan, netns: &NetnsId) -> Vec<Argument> {
    // ip(8) needs the one to see that it is such a device, and says the other in any case.
    let always = |of: &Argument| ["id", "learning", "nolearning"].contains(&of.0);
    let (was, is) = (vxlan_is(a), vxlan_is(b));
    let mut all: Vec<Argument> = is.iter().filter(|of| always(of) || !was.contains(of)).cloned().collect();
    if let (NetnsId::Named(_), Some(device)) = (netns, b.device) {
        // Where the tunnel is the underlay's device has no name: only its number goes.
        let number = format!("\"if$(ip -o link show dev {} | cut -d: -f1)\"", name(&device));
        all.iter_mut().filter(|of| of.0 == "dev").for_each(|of| of.1 = Some(number.clone()));
    }
    let gone = |of: &&Argument| !is.iter().any(|other| other.0 == of.0);
    all.extend(was.iter().filter(gone).filter_map(|(word, _)| match *word {
        "remote" | "group" if b.remote.is_none() => Some(("remote", Some(any(b.local)))),
        "ttl" => Some(("ttl", Some("auto".to_owned()))),
        "df" => Some(("df", Some("unset".to_owned()))),
        _ => None,
    }));
    all
}

/// What is not said of a GRE device stays as it is.
fn gre_changes(a: &Gre, b: &Gre) -> Vec<Argument> {
    let (was, is) = (gre_is(a), gre_is(b));
    let mut all: Vec<Argument> = is.iter().filter(|of| !was.contains(of)).cloned().collect();
    let gone = |of: &&Argument| !is.iter().any(|other| other.0 == of.0);
    all.extend(was.iter().filter(gone).filter_map(|(word, _)| match *word {
        "remote" => Some(("remote", Some(any(b.local)))),
        "key" => Some(("nokey", None)),
        "csum" => Some(("nocsum", None)),
        _ => None,
    }));
    all
}

/// No address, of this family.
fn any(like: IpAddr) -> String {
    if like.is_ipv6() { "::" } else { "0.0.0.0" }.to_owned()
}

pub fn fdb(verb: &str, fdb: &Fdb) -> String {
    let Fdb { device, mac, to } = fdb;
    let permanent = if verb == "del" { "" } else { " permanent" };
    let bridge = bridge(&device.netns);
    format!("{bridge} fdb {verb} {mac} dev {} dst {to} self{permanent}", name(&device.name))
}

pub fn neighbour(verb: &str, neighbour: &Neighbour) -> String {
    let Neighbour { device, address, to } = neighbour;
    let far = if verb == "del" { String::new() } else { format!(" lladdr {to} nud permanent") };
    format!("{} neigh {verb} {address}{far} dev {}", ip(&device.netns), name(&device.name))
}
