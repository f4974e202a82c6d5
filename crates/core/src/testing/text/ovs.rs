//! What is of Open vSwitch as text: `ovs-bridge br0,netdev`, `ovs-port e0 br0 tag=10 mode=access`,
//! `ovs-port t0 br0 tunnel=vxlan,192.0.2.1,192.0.2.2,key=7`.

use std::fmt::Write as _;

use super::{default_mac, if_name, parse, tunnels};
use crate::names::{IfName, NodeName};
use crate::resource::{
    Aside, Datapath, DeviceId, FailMode, MirrorFrom, NetnsId, Ovs, OvsBridge, OvsFlows, OvsMirror, OvsPort,
    OvsPortKind, OvsQos, OvsStray, VlanMode,
};

const MODES: [(&str, VlanMode); 3] =
    [("access", VlanMode::Access), ("trunk", VlanMode::Trunk), ("native-untagged", VlanMode::NativeUntagged)];
const FAIL_MODES: [(&str, FailMode); 2] = [("standalone", FailMode::Standalone), ("secure", FailMode::Secure)];

fn local(name: IfName) -> DeviceId {
    DeviceId { netns: NetnsId::Host, name }
}

fn of_word<T: Copy>(words: &[(&str, T)], word: &str) -> T {
    words.iter().find(|(known, _)| *known == word).unwrap_or_else(|| panic!("`{word}` is no such word")).1
}

fn word<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, known)| *known == value).expect("every value has a word").0
}

/// The resource of a line; none if it is no such line.
pub(super) fn ovs(words: &[&str]) -> Option<Ovs> {
    Some(match words {
        ["ovs-bridge", text] => Ovs::Bridge(Box::new(bridge(text))),
        ["ovs-port", name, bridge, settings @ ..] => Ovs::Port(Box::new(port(name, bridge, settings))),
        ["ovs-mirror", bridge, name, settings @ ..] => Ovs::Mirror(Box::new(mirror(bridge, name, settings))),
        ["ovs-qos", port, "noop"] => Ovs::Qos(OvsQos { port: if_name(port), max_rate: None }),
        ["ovs-qos", port, rate] => Ovs::Qos(OvsQos { port: if_name(port), max_rate: Some(parse(rate)) }),
        ["ovs-flows", bridge, digest] => {
            Ovs::Flows(OvsFlows { bridge: if_name(bridge), digest: parse(digest), text: Aside::default() })
        }
        ["ovs-stray", what, rest @ ..] => {
            let what = what.replace('-', " ").into();
            Ovs::Stray(Box::new(OvsStray { of: ovs(rest)?, what }))
        }
        _ => return None,
    })
}

fn bridge(text: &str) -> OvsBridge {
    let mut options = text.split(',');
    let name = if_name(options.next().expect("the first of a split"));
    let node = NodeName::new(name.as_str()).expect("a node's name");
    let mut bridge = OvsBridge::new(name, node, default_mac(&local(name)));
    for option in options {
        match option.split_once('=').unwrap_or((option, "")) {
            ("netdev", _) => bridge.datapath = Datapath::Netdev,
            ("node", node) => bridge.node = NodeName::new(node).expect("a node's name"),
            ("mac", mac) => bridge.mac = parse(mac),
            ("fail", mode) => bridge.fail_mode = Some(of_word(&FAIL_MODES, mode)),
            ("stp", _) => bridge.stp = true,
            ("rstp", _) => bridge.rstp = true,
            ("tag", tag) => bridge.tag = Some(parse(tag)),
            ("protocol", protocol) => drop(bridge.protocols.insert(protocol.to_owned())),
            ("controller", controller) => drop(bridge.controllers.insert(controller.to_owned())),
            (key, value) => drop(bridge.other_config.insert(key.to_owned(), value.to_owned())),
        }
    }
    bridge
}

fn show_bridge(bridge: &OvsBridge) -> String {
    let mut text = format!("ovs-bridge {}", bridge.name);
    let mut push = |part: String| write!(text, ",{part}").expect("a String takes all");
    if bridge.datapath == Datapath::Netdev {
        push("netdev".to_owned());
    }
    if bridge.node.as_str() != bridge.name.as_str() {
        push(format!("node={}", bridge.node));
    }
    if bridge.mac != default_mac(&local(bridge.name)) {
        push(format!("mac={}", bridge.mac));
    }
    if let Some(mode) = bridge.fail_mode {
        push(format!("fail={}", word(&FAIL_MODES, mode)));
    }
    for (_, said) in [(bridge.stp, "stp"), (bridge.rstp, "rstp")].into_iter().filter(|(is, _)| *is) {
        push(said.to_owned());
    }
    if let Some(tag) = bridge.tag {
        push(format!("tag={tag}"));
    }
    bridge.protocols.iter().for_each(|protocol| push(format!("protocol={protocol}")));
    bridge.controllers.iter().for_each(|controller| push(format!("controller={controller}")));
    bridge.other_config.iter().for_each(|(key, value)| push(format!("{key}={value}")));
    text
}

fn port(name: &str, bridge: &str, words: &[&str]) -> OvsPort {
    let name = if_name(name);
    let mut port = OvsPort::new(name, if_name(bridge), OvsPortKind::Device);
    for said in words {
        match said.split_once('=').unwrap_or((said, "")) {
            ("internal", "") => port.kind = OvsPortKind::Internal { mac: default_mac(&local(name)) },
            ("internal", mac) => port.kind = OvsPortKind::Internal { mac: parse(mac) },
            ("tunnel", tunnel) => port.kind = OvsPortKind::Tunnel(tunnels::ovs(tunnel)),
            ("patch", peer) => port.kind = OvsPortKind::Patch { peer: if_name(peer) },
            ("tag", tag) => port.tag = Some(parse(tag)),
            ("trunks", trunks) => port.trunks = trunks.split('/').map(parse).collect(),
            ("mode", mode) => port.vlan_mode = Some(of_word(&MODES, mode)),
            ("protected", _) => port.protected = true,
            ("policing", rate) => port.policing_rate = parse(rate),
            ("burst", burst) => port.policing_burst = parse(burst),
            _ => panic!("`{said}` is no setting of a port"),
        }
    }
    port
}

fn show_port(port: &OvsPort) -> String {
    let mut text = format!("ovs-port {} {}", port.name, port.bridge);
    let mut push = |part: String| write!(text, " {part}").expect("a String takes all");
    match &port.kind {
        OvsPortKind::Device => {}
        OvsPortKind::Internal { mac } if *mac == default_mac(&local(port.name)) => push("internal".to_owned()),
        OvsPortKind::Internal { mac } => push(format!("internal={mac}")),
        OvsPortKind::Patch { peer } => push(format!("patch={peer}")),
        OvsPortKind::Tunnel(tunnel) => push(tunnels::show_ovs(tunnel)),
    }
    if let Some(tag) = port.tag {
        push(format!("tag={tag}"));
    }
    if !port.trunks.is_empty() {
        let trunks: Vec<String> = port.trunks.iter().map(u16::to_string).collect();
        push(format!("trunks={}", trunks.join("/")));
    }
    if let Some(mode) = port.vlan_mode {
        push(format!("mode={}", word(&MODES, mode)));
    }
    if port.protected {
        push("protected".to_owned());
    }
    for (name, value) in [("policing", port.policing_rate), ("burst", port.policing_burst)] {
        if value != 0 {
            push(format!("{name}={value}"));
        }
    }
    text
}

fn mirror(bridge: &str, name: &str, words: &[&str]) -> OvsMirror {
    let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    let ports = |key: &str| value(key).into_iter().flat_map(|text| text.split('/')).map(if_name).collect();
    let from = match words.contains(&"all") {
        true => MirrorFrom::All,
        false => MirrorFrom::Ports { from: ports("in"), to: ports("out") },
    };
    OvsMirror {
        bridge: if_name(bridge),
        name: name.into(),
        from,
        to: if_name(value("to").expect("a mirror has an output")),
    }
}

fn show_mirror(mirror: &OvsMirror) -> String {
    let mut text = format!("ovs-mirror {} {}", mirror.bridge, mirror.name);
    match &mirror.from {
        MirrorFrom::All => text.push_str(" all"),
        MirrorFrom::Ports { from, to } => {
            for (key, ports) in [("in", from), ("out", to)].into_iter().filter(|(_, ports)| !ports.is_empty()) {
                let ports: Vec<&str> = ports.iter().map(IfName::as_str).collect();
                write!(text, " {key}={}", ports.join("/")).expect("a String takes all");
            }
        }
    }
    text + &format!(" to={}", mirror.to)
}

/// The line that [`ovs`] reads.
pub(super) fn show(ovs: &Ovs) -> String {
    match ovs {
        Ovs::Bridge(bridge) => show_bridge(bridge),
        Ovs::Port(port) => show_port(port),
        Ovs::Mirror(mirror) => show_mirror(mirror),
        Ovs::Qos(OvsQos { port, max_rate: None }) => format!("ovs-qos {port} noop"),
        Ovs::Qos(OvsQos { port, max_rate: Some(rate) }) => format!("ovs-qos {port} {rate}"),
        Ovs::Flows(flows) => format!("ovs-flows {} {}", flows.bridge, flows.digest),
        Ovs::Stray(stray) => format!("ovs-stray {} {}", stray.what.replace(' ', "-"), show(&stray.of)),
    }
}
