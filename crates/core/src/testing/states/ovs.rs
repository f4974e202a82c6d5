//! Random things of Open vSwitch.

use std::collections::BTreeSet;

use super::{devices, if_name, tunnels};
use crate::names::{IfName, Mac, NodeName};
use crate::resource::{
    Datapath, Device, DeviceId, FailMode, Key, MirrorFrom, NetnsId, Ovs, OvsBridge, OvsFlows, OvsKey, OvsMirror,
    OvsPort, OvsPortKind, OvsQos, Resource, VlanMode,
};
use crate::state::HostState;
use crate::testing::Tape;
use crate::testing::states::fits::{IPV6_MIN_MTU, mtu};
use crate::testing::text::default_mac;

fn host(name: IfName) -> DeviceId {
    DeviceId { netns: NetnsId::Host, name }
}

fn all(state: &HostState) -> impl Iterator<Item = &Ovs> {
    state.iter().filter_map(|(_, r)| if let Resource::Ovs(ovs) = r { Some(ovs) } else { None })
}

fn bridges(state: &HostState) -> Vec<IfName> {
    all(state).filter_map(|ovs| if let Ovs::Bridge(bridge) = ovs { Some(bridge.name) } else { None }).collect()
}

fn ports(state: &HostState, kind: impl Fn(&OvsPort) -> bool) -> Vec<IfName> {
    let of = |ovs: &Ovs| if let Ovs::Port(port) = ovs { Some((**port).clone()) } else { None };
    all(state).filter_map(of).filter(|port| kind(port)).map(|port| port.name).collect()
}

fn port_at(state: &HostState, name: IfName) -> Option<&OvsPort> {
    match state.get(&Key::Ovs(OvsKey::Port(name)))? {
        Resource::Ovs(Ovs::Port(port)) => Some(port),
        _ => None,
    }
}

/// The devices that Open vSwitch makes.
pub(super) fn made(ovs: &Ovs) -> Option<DeviceId> {
    ovs.makes().map(host)
}

pub(super) fn bridge(datapath: Datapath, tape: &mut Tape) -> Option<Resource> {
    let name = if_name(["br0", "br1", "br2"][tape.pick(3)]);
    let node = NodeName::new(name.as_str()).expect("a constant");
    let mut bridge = OvsBridge {
        datapath,
        stp: tape.pick(6) == 5,
        tag: (tape.pick(4) == 3).then_some(1),
        ..OvsBridge::new(name, node, default_mac(&host(name)))
    };
    for _ in 0..tape.pick(3) {
        bridge = changed_bridge(&bridge, tape);
    }
    Some(Resource::Ovs(Ovs::Bridge(Box::new(bridge))))
}

fn changed_bridge(bridge: &OvsBridge, tape: &mut Tape) -> OvsBridge {
    let mut bridge = bridge.clone();
    match tape.pick(7) {
        0 => {
            let other = bridge.fail_mode.is_none().then_some(FailMode::Secure);
            bridge.fail_mode = other;
        }
        1 => flip(&mut bridge.protocols, "OpenFlow13"),
        // Nobody is there; it goes on asking.
        2 => flip(&mut bridge.controllers, "unix:/nowhere"),
        3 => match bridge.other_config.remove("mac-aging-time") {
            Some(_) => {}
            None => drop(bridge.other_config.insert("mac-aging-time".to_owned(), "60".to_owned())),
        },
        4 => bridge.stp = !bridge.stp,
        5 => bridge.tag = if bridge.tag.is_some() { None } else { Some(10) },
        _ => bridge.mac = Mac([2, 0, 0, 0, 0, 9]),
    }
    bridge
}

fn flip(set: &mut BTreeSet<String>, text: &str) {
    if !set.remove(text) {
        set.insert(text.to_owned());
    }
}

pub(super) fn port(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let bridges = bridges(state);
    let bridge = *tape.one_of(&bridges)?;
    let (name, kind) = match tape.pick(8) {
        0 => {
            let name = if_name(["in0", "in1"][tape.pick(2)]);
            (name, OvsPortKind::Internal { mac: default_mac(&host(name)) })
        }
        1 => {
            let (name, peer) = [("p0", "p1"), ("p1", "p0")][tape.pick(2)];
            (if_name(name), OvsPortKind::Patch { peer: if_name(peer) })
        }
        2 | 3 => {
            let (name, tunnel) = tunnels::ovs_port(tape);
            (name, OvsPortKind::Tunnel(tunnel))
        }
        _ => {
            let mut free = devices(state);
            free.retain(|id| can_be_port(state, id));
            (tape.one_of(&free)?.name, OvsPortKind::Device)
        }
    };
    let plain = OvsPort::new(name, bridge, kind);
    let port = if tape.pick(2) == 1 { changed_port(&plain, tape) } else { plain };
    Some(Resource::Ovs(Ovs::Port(Box::new(port))))
}

fn changed_port(port: &OvsPort, tape: &mut Tape) -> OvsPort {
    let mut port = port.clone();
    if let OvsPortKind::Tunnel(tunnel) = &mut port.kind
        && tape.pick(2) == 1
    {
        tunnels::changed_ovs(tunnel, tape);
        return port;
    }
    match tape.pick(5) {
        0 => (port.tag, port.trunks, port.vlan_mode) = (Some(10), Vec::new(), Some(VlanMode::Access)),
        1 => (port.tag, port.trunks, port.vlan_mode) = (None, vec![10, 20], Some(VlanMode::Trunk)),
        2 => (port.tag, port.trunks, port.vlan_mode) = (Some(1), vec![1, 10], Some(VlanMode::NativeUntagged)),
        3 => port.protected = !port.protected,
        _ if port.kind == OvsPortKind::Device => {
            (port.policing_rate, port.policing_burst) = [(1000, 100), (0, 0)][usize::from(port.policing_rate > 0)];
        }
        _ => (port.tag, port.trunks, port.vlan_mode) = (None, Vec::new(), None),
    }
    port
}

/// A veth end in the host's namespace that is nothing else's, and wide enough for IPv6 on what the bridge makes.
fn can_be_port(state: &HostState, id: &DeviceId) -> bool {
    let veth = matches!(state.holder(&Key::Device(id.clone())), Some(Resource::Device(Device::Veth(_))));
    id.netns == NetnsId::Host && veth && mtu(state, id) >= IPV6_MIN_MTU && state.children(id).next().is_none()
}

pub(super) fn mirror(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let bridges = bridges(state);
    let bridge = *tape.one_of(&bridges)?;
    let name = ["m0", "m1"][tape.pick(2)];
    let mut of_bridge = ports(state, |port| port.bridge == bridge);
    let to = *tape.one_of(&of_bridge)?;
    of_bridge.retain(|port| *port != to);
    let mut from = MirrorFrom::All;
    if tape.pick(3) > 0 {
        let some = |tape: &mut Tape| of_bridge.iter().filter(|_| tape.pick(2) == 0).copied().collect();
        from = MirrorFrom::Ports { from: some(tape), to: some(tape) };
    }
    Some(Resource::Ovs(Ovs::Mirror(Box::new(OvsMirror { bridge, name: name.into(), from, to }))))
}

pub(super) fn qos(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let ports = ports(state, |port| port.kind == OvsPortKind::Device);
    let port = *tape.one_of(&ports)?;
    let max_rate = [Some(10_000_000), Some(100_000_000), None][tape.pick(3)];
    Some(Resource::Ovs(Ovs::Qos(OvsQos { port, max_rate })))
}

pub(super) fn flows(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let bridges = bridges(state);
    let bridge = *tape.one_of(&bridges)?;
    Some(Resource::Ovs(Ovs::Flows(some_flows(bridge, tape.pick(2)))))
}

/// Flows that a switch takes.
fn some_flows(bridge: IfName, which: usize) -> OvsFlows {
    OvsFlows::new(
        bridge,
        ["priority=0,actions=NORMAL\n", "priority=7,arp,actions=FLOOD\npriority=0,actions=drop\n"][which],
    )
}

/// The same thing, changed in one respect.
pub(super) fn changed(state: &HostState, old: &Ovs, tape: &mut Tape) -> Option<Ovs> {
    Some(match old {
        Ovs::Bridge(bridge) => Ovs::Bridge(Box::new(changed_bridge(bridge, tape))),
        Ovs::Port(port) if tape.pick(3) == 0 => {
            let bridges = bridges(state);
            Ovs::Port(Box::new(OvsPort { bridge: *tape.one_of(&bridges)?, ..OvsPort::clone(port) }))
        }
        Ovs::Port(port) => Ovs::Port(Box::new(changed_port(port, tape))),
        Ovs::Mirror(old) => match mirror(state, tape)? {
            Resource::Ovs(Ovs::Mirror(new)) if new.bridge == old.bridge => {
                Ovs::Mirror(Box::new(OvsMirror { name: old.name.clone(), ..*new }))
            }
            _ => return None,
        },
        Ovs::Qos(qos) => {
            let max_rate = if qos.max_rate.is_some() && tape.pick(2) == 0 { None } else { Some(20_000_000) };
            Ovs::Qos(OvsQos { max_rate, ..qos.clone() })
        }
        Ovs::Flows(flows) => {
            let first = some_flows(flows.bridge, 0);
            Ovs::Flows(if *flows == first { some_flows(flows.bridge, 1) } else { first })
        }
        Ovs::Stray(_) => return None,
    })
}

/// Whether Open vSwitch would be in this state for long: flows stay only with those whose file they are from, a rate is the one queueing discipline of its
/// device, and a mirror copies ports of its own bridge.
pub(super) fn fits(ovs: &Ovs, state: &HostState) -> bool {
    match ovs {
        Ovs::Bridge(_) | Ovs::Stray(_) => true,
        Ovs::Port(port) => match port.kind {
            OvsPortKind::Tunnel(ref tunnel) => {
                let is_it = |other: &Resource| other.key() == Key::Ovs(OvsKey::Port(port.name));
                state.holder(&Key::Ovs(OvsKey::Tunnel(tunnel.name()))).is_none_or(is_it)
            }
            OvsPortKind::Device => can_be_port(state, &host(port.name)),
            OvsPortKind::Internal { .. } | OvsPortKind::Patch { .. } => true,
        },
        Ovs::Mirror(mirror) => {
            let on_bridge = |name: &IfName| port_at(state, *name).is_some_and(|port| port.bridge == mirror.bridge);
            let selected = match &mirror.from {
                MirrorFrom::All => BTreeSet::new(),
                MirrorFrom::Ports { from, to } => from | to,
            };
            on_bridge(&mirror.to) && !selected.contains(&mirror.to) && selected.iter().all(on_bridge)
        }
        Ovs::Qos(qos) => {
            let own = state.get(&Key::Qdisc(host(qos.port))).is_some();
            let of_device = port_at(state, qos.port).is_some_and(|port| port.kind == OvsPortKind::Device);
            of_device && (qos.max_rate.is_none() || !own)
        }
        Ovs::Flows(_) => true,
    }
}

/// Whether a queueing discipline stays on a device: on a port only where it is left alone, and not on what Open vSwitch makes.
pub(super) fn leaves_queueing(device: &DeviceId, state: &HostState) -> bool {
    let switched = device.netns == NetnsId::Host && port_at(state, device.name).is_some();
    let made = matches!(state.holder(&Key::Device(device.clone())), Some(Resource::Ovs(_)));
    let alone = match state.get(&Key::Ovs(OvsKey::Qos(device.name))) {
        Some(Resource::Ovs(Ovs::Qos(qos))) => qos.max_rate.is_none(),
        _ => false,
    };
    !made && (!switched || alone)
}

/// Whether a device is a port of Open vSwitch.
pub(super) fn is_port(device: &DeviceId, state: &HostState) -> bool {
    device.netns == NetnsId::Host && port_at(state, device.name).is_some()
}
