//! Open vSwitch in words, and what changes about it.

use std::collections::{BTreeMap, BTreeSet};

use netsim_core::names::IfName;
use netsim_core::resource::{
    Datapath, DeviceId, FailMode, MirrorFrom, NetnsId, Ovs, OvsBridge, OvsFlows, OvsMirror, OvsPort, OvsPortKind,
    OvsQos, VlanMode,
};
use netsim_core::units::print_rate;

use super::device::Changes;
use super::{on_off, tunnel, with};
use crate::planned::Names;
use crate::render::text::natural;

/// What a thing is called, with what it is.
pub fn noun(ovs: &Ovs, names: &Names, within: Option<&NetnsId>) -> String {
    let called = place(ovs, names, within);
    match ovs {
        Ovs::Bridge(b) => with(called, &bridge_about(b)),
        Ovs::Port(p) => with(format!("{called} of {}", bridge(p.bridge, names)), &port_about(p, names)),
        Ovs::Mirror(m) => with(called, &mirror_about(m, names)),
        Ovs::Qos(q) => format!("{called}: {}", qos(q)),
        Ovs::Flows(_) => called,
        Ovs::Stray(s) => with(noun(&s.of, names, within), &[&s.what]),
    }
}

/// What a thing is called, without what can change about it.
pub fn place(ovs: &Ovs, names: &Names, within: Option<&NetnsId>) -> String {
    let end = |port: IfName| super::end(&DeviceId { netns: NetnsId::Host, name: port }, names, within);
    match ovs {
        Ovs::Bridge(b) => format!("OVS bridge {}", b.node),
        Ovs::Port(p) => format!("{} {}", port_word(&p.kind), end(p.name)),
        Ovs::Mirror(m) => format!("mirror {} of {}", m.name, bridge(m.bridge, names)),
        Ovs::Qos(q) => format!("QoS on {}", end(q.port)),
        Ovs::Flows(f) => format!("flows of {}", bridge(f.bridge, names)),
        Ovs::Stray(s) => place(&s.of, names, within),
    }
}

/// The same seen from its bridge: `mirror watch (all, to mon)`, `internal port mgmt`, `flows of its own`.
pub fn on_bridge(ovs: &Ovs, names: &Names) -> String {
    match ovs {
        Ovs::Bridge(_) | Ovs::Qos(_) | Ovs::Stray(_) => noun(ovs, names, Some(&NetnsId::Host)),
        Ovs::Port(p) => with(format!("{} {}", port_word(&p.kind), port(p.name, names)), &port_about(p, names)),
        Ovs::Mirror(m) => with(format!("mirror {}", m.name), &mirror_about(m, names)),
        Ovs::Flows(_) => "flows of its own".to_owned(),
    }
}

fn bridge(name: IfName, names: &Names) -> String {
    format!("OVS bridge {}", names.ovs_node(name))
}

/// `port`, `internal port`, `patch port`.
pub fn port_word(kind: &OvsPortKind) -> &'static str {
    match kind {
        OvsPortKind::Tunnel(t) => tunnel::ovs_word(t.kind),
        OvsPortKind::Device => "port",
        OvsPortKind::Internal { .. } => "internal port",
        OvsPortKind::Patch { .. } => "patch port",
    }
}

/// `link s1:lab-s2-s1 – s2:lab-s1-s2`, the lesser name first, numbers as numbers.
pub fn patch(port: IfName, peer: IfName, names: &Names) -> String {
    let mut ends = [port, peer].map(|port| names.ovs_end(port));
    ends.sort_by_cached_key(|end| natural(end));
    format!("link {} – {}", ends[0], ends[1])
}

/// How a bridge is other than by default: `netdev datapath`, `fail mode secure`, `rstp`.
pub fn bridge_about(bridge: &OvsBridge) -> Vec<String> {
    let mut about = Vec::new();
    about.extend((bridge.datapath != Datapath::System).then(|| format!("{} datapath", datapath(bridge.datapath))));
    about.extend(bridge.fail_mode.map(|mode| format!("fail mode {}", fail_mode(mode))));
    about.extend(bridge.stp.then(|| "stp".to_owned()));
    about.extend(bridge.rstp.then(|| "rstp".to_owned()));
    about.extend((!bridge.protocols.is_empty()).then(|| listed(&bridge.protocols)));
    about.extend((!bridge.controllers.is_empty()).then(|| format!("controller {}", listed(&bridge.controllers))));
    about.extend(bridge.tag.map(|tag| format!("itself in VLAN {tag}")));
    about.extend(bridge.other_config.iter().map(|(key, value)| format!("{key} {value}")));
    about
}

/// How a port is other than one that takes all: `access VLAN 10`, `takes in 10mbit`.
pub fn port_about(port: &OvsPort, names: &Names) -> Vec<String> {
    let peer = match &port.kind {
        OvsPortKind::Tunnel(tunnel) => tunnel::ovs(tunnel),
        OvsPortKind::Patch { peer } => vec![format!("to {}", names.ovs_end(*peer))],
        OvsPortKind::Device | OvsPortKind::Internal { .. } => Vec::new(),
    };
    peer.into_iter().chain(treated(port)).collect()
}

/// How a port treats frames: `access VLAN 10`, `isolated`, `takes in 10mbit`.
pub fn treated(port: &OvsPort) -> impl Iterator<Item = String> + use<> {
    vlans(port).into_iter().chain(isolated(port)).chain(policing(port))
}

/// That it hears only ports that are not isolated.
pub fn isolated(port: &OvsPort) -> Option<String> {
    port.protected.then(|| "isolated".to_owned())
}

/// In which VLANs a port is; none where it passes all with their tags.
pub fn vlans(port: &OvsPort) -> Option<String> {
    let trunk = || match port.trunks.is_empty() {
        true => "trunk all".to_owned(),
        false => format!("trunk {}", ranges(&port.trunks)),
    };
    match (port.tag, port.vlan_mode) {
        (None, None) if port.trunks.is_empty() => None,
        (None, Some(VlanMode::Access)) => Some("access".to_owned()),
        (None, None | Some(VlanMode::Trunk | VlanMode::NativeUntagged)) => Some(trunk()),
        (Some(tag), Some(VlanMode::Access)) => Some(format!("access VLAN {tag}")),
        (Some(tag), None) if port.trunks.is_empty() => Some(format!("access VLAN {tag}")),
        (Some(_), Some(VlanMode::Trunk)) => Some(trunk()),
        (Some(tag), None | Some(VlanMode::NativeUntagged)) => Some(format!("{}, native {tag}", trunk())),
    }
}

/// Most that a port takes in; none where that is all.
pub fn policing(port: &OvsPort) -> Option<String> {
    let kilo = |kbit: u32| print_rate(u64::from(kbit) * 1000);
    match (port.policing_rate, port.policing_burst) {
        (0, _) => None,
        (rate, 0) => Some(format!("takes in {}", kilo(rate))),
        (rate, burst) => Some(format!("takes in {}, {} at once", kilo(rate), kilo(burst))),
    }
}

/// How fast a port sends.
pub fn qos(qos: &OvsQos) -> String {
    qos.max_rate.map_or_else(|| "left to the device".to_owned(), |rate| format!("rate {}", print_rate(rate)))
}

fn mirror_about(mirror: &OvsMirror, names: &Names) -> Vec<String> {
    vec![selected(&mirror.from, names), format!("to {}", port(mirror.to, names))]
}

/// A port without its bridge, which is named before.
fn port(name: IfName, names: &Names) -> String {
    names.interface(&DeviceId { netns: NetnsId::Host, name }).to_owned()
}

/// `all`, `in and out of a, in from b`.
fn selected(from: &MirrorFrom, names: &Names) -> String {
    let (from, to) = match from {
        MirrorFrom::All => return "all".to_owned(),
        MirrorFrom::Ports { from, to } => (from, to),
    };
    let word = |what: &str, ports: BTreeSet<IfName>| {
        let ports: Vec<String> = ports.into_iter().map(|name| port(name, names)).collect();
        (!ports.is_empty()).then(|| format!("{what} {}", ports.join(" and ")))
    };
    let parts = [word("in and out of", from & to), word("in from", from - to), word("out to", to - from)];
    match parts.into_iter().flatten().collect::<Vec<_>>() {
        none if none.is_empty() => "nothing".to_owned(),
        parts => parts.join(", "),
    }
}

/// What an update changes, each as `rate 10mbit → 20mbit`.
pub fn changes(from: &Ovs, to: &Ovs, names: &Names) -> Vec<String> {
    match (from, to) {
        (Ovs::Bridge(a), Ovs::Bridge(b)) => bridge_changes(a, b),
        (Ovs::Port(a), Ovs::Port(b)) => port_changes(a, b, names),
        (Ovs::Mirror(a), Ovs::Mirror(b)) => {
            let copies =
                (a.from != b.from).then(|| format!("{} → {}", selected(&a.from, names), selected(&b.from, names)));
            let to = (a.to != b.to).then(|| format!("to {} → to {}", port(a.to, names), port(b.to, names)));
            copies.into_iter().chain(to).collect()
        }
        (Ovs::Qos(a), Ovs::Qos(b)) => vec![format!("{} → {}", qos(a), qos(b))],
        (Ovs::Flows(a), Ovs::Flows(b)) => vec![format!("{} → {}", flows(a), flows(b))],
        (Ovs::Stray(s), _) => vec![format!("{} → as it was to be", s.what)],
        (_, Ovs::Stray(s)) => vec![format!("as it was to be → {}", s.what)],
        (Ovs::Bridge(_) | Ovs::Port(_) | Ovs::Mirror(_) | Ovs::Qos(_) | Ovs::Flows(_), _) => Vec::new(),
    }
}

/// Which flows they are: a machine remembers a hash of the file alone.
pub fn flows(flows: &OvsFlows) -> String {
    match flows.digest {
        0 => "others than were loaded".to_owned(),
        digest => format!("of file {digest:016x}"),
    }
}

fn bridge_changes(a: &OvsBridge, b: &OvsBridge) -> Vec<String> {
    let mode = |mode: &Option<FailMode>| mode.map_or_else(|| "none".to_owned(), |mode| fail_mode(mode).to_owned());
    let switched = |on: &bool| on_off(*on).to_owned();
    let set = |all: &BTreeSet<String>| if all.is_empty() { "none".to_owned() } else { listed(all) };
    let mut changes = Changes::default()
        .note("datapath", a.datapath, b.datapath, |d| datapath(*d).to_owned())
        .mac(Some(a.mac), Some(b.mac))
        .note("fail mode", a.fail_mode, b.fail_mode, mode)
        .note("stp", a.stp, b.stp, switched)
        .note("rstp", a.rstp, b.rstp, switched)
        .note("protocols", &a.protocols, &b.protocols, |p| set(p))
        .note("VLAN of its own", a.tag, b.tag, |tag| tag.map_or_else(|| "all".to_owned(), |tag| tag.to_string()))
        .note("controller", &a.controllers, &b.controllers, |c| set(c));
    let value = |of: &BTreeMap<String, String>, key: &str| of.get(key).cloned();
    for key in a.other_config.keys().chain(b.other_config.keys()).collect::<BTreeSet<_>>() {
        let [was, is] = [&a.other_config, &b.other_config].map(|of| value(of, key));
        changes = changes.note(key, was, is, |value| value.clone().unwrap_or_else(|| "none".to_owned()));
    }
    changes.0
}

fn port_changes(a: &OvsPort, b: &OvsPort, names: &Names) -> Vec<String> {
    let or = |text: Option<String>, none: &str| text.unwrap_or_else(|| none.to_owned());
    let mut changes = Vec::new();
    let note = |changes: &mut Vec<String>, was: String, is: String| {
        if was != is {
            changes.push(format!("{was} → {is}"));
        }
    };
    note(&mut changes, bridge(a.bridge, names), bridge(b.bridge, names));
    let kind = |port: &OvsPort| match &port.kind {
        OvsPortKind::Tunnel(_) => port_word(&port.kind).to_owned(),
        OvsPortKind::Device => port_word(&port.kind).to_owned(),
        OvsPortKind::Internal { mac } => format!("{} {mac}", port_word(&port.kind)),
        OvsPortKind::Patch { peer } => format!("{} to {}", port_word(&port.kind), names.ovs_end(*peer)),
    };
    if let (OvsPortKind::Tunnel(a), OvsPortKind::Tunnel(b)) = (&a.kind, &b.kind) {
        changes.extend(tunnel::ovs_changes(a, b));
    } else {
        note(&mut changes, kind(a), kind(b));
    }
    note(&mut changes, or(vlans(a), "all VLANs"), or(vlans(b), "all VLANs"));
    note(&mut changes, or(isolated(a), "not isolated"), or(isolated(b), "not isolated"));
    note(&mut changes, or(policing(a), "takes in all"), or(policing(b), "takes in all"));
    changes
}

/// The word of the column `datapath_type`.
pub fn datapath(datapath: Datapath) -> &'static str {
    match datapath {
        Datapath::System => "system",
        Datapath::Netdev => "netdev",
    }
}

fn fail_mode(mode: FailMode) -> &'static str {
    match mode {
        FailMode::Standalone => "standalone",
        FailMode::Secure => "secure",
    }
}

fn listed(all: &BTreeSet<String>) -> String {
    all.iter().map(String::as_str).collect::<Vec<_>>().join(" and ")
}

/// `10-12,20`.
fn ranges(vlans: &[u16]) -> String {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for &vlan in vlans {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == vlan => *last = vlan,
            Some(_) | None => runs.push((vlan, vlan)),
        }
    }
    let run = |(first, last): &(u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    runs.iter().map(run).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> IfName {
        IfName::new(text).expect("a name")
    }

    fn a_port(change: impl FnOnce(&mut OvsPort)) -> OvsPort {
        let mut port = OvsPort::new(name("p"), name("sw"), OvsPortKind::Device);
        change(&mut port);
        port
    }

    #[test]
    fn a_port_is_told_as_the_file_says_it() {
        let told = |change: fn(&mut OvsPort)| port_about(&a_port(change), &Names::default()).join(", ");
        assert_eq!(told(|_| {}), "");
        assert_eq!(told(|p| p.tag = Some(10)), "access VLAN 10");
        assert_eq!(told(|p| (p.trunks, p.vlan_mode) = (vec![10, 11, 12, 20], Some(VlanMode::Trunk))), "trunk 10-12,20");
        let native = told(|p| (p.tag, p.vlan_mode) = (Some(1), Some(VlanMode::NativeUntagged)));
        assert_eq!(native, "trunk all, native 1");
        assert_eq!(told(|p| p.policing_rate = 10_000), "takes in 10mbit");
        assert_eq!(told(|p| p.kind = OvsPortKind::Patch { peer: name("q") }), "to host:q");
    }

    #[test]
    fn a_mirror_is_told_by_what_it_copies_which_way() {
        let told = |from: &[&str], to: &[&str]| {
            let names = |all: &[&str]| all.iter().map(|n| name(n)).collect();
            selected(&MirrorFrom::Ports { from: names(from), to: names(to) }, &Names::default())
        };
        assert_eq!(told(&["a", "b"], &["a", "b"]), "in and out of a and b");
        assert_eq!(told(&["a", "b"], &["b", "c"]), "in and out of b, in from a, out to c");
        assert_eq!(told(&[], &[]), "nothing");
    }

    #[test]
    fn only_what_changes_of_a_port_is_told() {
        let names = Names::default();
        let [a, b] = [a_port(|p| p.tag = Some(10)), a_port(|p| (p.tag, p.policing_rate) = (None, 500))];
        assert_eq!(port_changes(&a, &b, &names), ["access VLAN 10 → all VLANs", "takes in all → takes in 500kbit"]);
        assert_eq!(port_changes(&a, &a, &names), Vec::<String>::new());
    }
}
