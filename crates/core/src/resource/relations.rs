//! How resources hang together: what stands on what, what takes what along, what upsets what.

use ipnet::IpNet;

use super::{
    Address, Device, DeviceId, Key, Need, NetnsId, NextHop, Port, QdiscKind, Resource, Route, Single, SingleKind,
};
use crate::state::{Feature, HostState, promote_secondaries};

/// Below this a kernel drops IPv6 from a device: IPV6_MIN_MTU (RFC 8200 §5).
const IPV6_MIN_MTU: u32 = 1280;

/// A setting of a device goes with it, but has no owner: the note of it on the node's `lo` stays until it is deleted.
pub(super) fn owners(resource: &Resource) -> Vec<Key> {
    match resource {
        Resource::Device(Device::Single(single)) => {
            single.kind.parent(&single.id).map(Key::Device).into_iter().collect()
        }
        Resource::Netns(_) | Resource::Device(_) | Resource::Sysctl(_) | Resource::Ran(_) => Vec::new(),
        Resource::Up(d) => vec![Key::Device(d.clone())],
        Resource::Port(p) => vec![Key::Device(p.device.clone()), Key::Device(p.master())],
        Resource::PortVlans(v) => vec![Key::Port(v.device.clone()), Key::Device(v.device.clone())],
        Resource::Qdisc(q) => vec![Key::Device(q.device.clone())],
        Resource::Tuning(t) => vec![Key::Device(t.device.clone())],
        Resource::Address(a) => {
            let mut owners = vec![Key::Device(a.device.clone())];
            if let IpNet::V6(_) = a.net {
                owners.push(Key::Up(a.device.clone()));
            }
            owners
        }
        Resource::Route(r) => route_owners(r),
    }
}

/// Losing any one device takes a whole IPv4 route along (`fib_sync_down_dev`), of IPv6 only a route with one next hop (`fib6_ifdown`).
/// A device that only goes down leaves a multipath route behind with a dead next hop.
fn route_owners(route: &Route) -> Vec<Key> {
    match (route.to, &*route.via) {
        (_, [_]) => hop_devices(route).flat_map(|d| [Key::Device(d.clone()), Key::Up(d)]).collect(),
        (IpNet::V4(_), _) => hop_devices(route).map(Key::Device).collect(),
        (IpNet::V6(_), _) => Vec::new(),
    }
}

fn hop_devices(route: &Route) -> impl Iterator<Item = DeviceId> + '_ {
    route.via.iter().map(|hop| DeviceId { netns: route.netns.clone(), name: hop.device })
}

fn device_of(netns: &NetnsId, name: Option<crate::names::IfName>) -> Option<Key> {
    name.map(|name| Key::Device(DeviceId { netns: netns.clone(), name }))
}

fn one(key: Key) -> Need {
    Need(vec![key])
}

fn netns_need(netns: &NetnsId) -> Option<Need> {
    match netns {
        NetnsId::Host => None,
        NetnsId::Named(n) => Some(one(Key::Netns(n.clone()))),
    }
}

pub(super) fn needs(resource: &Resource, among: &HostState) -> Vec<Need> {
    match resource {
        Resource::Netns(_) => Vec::new(),
        Resource::Device(Device::Veth(v)) => v.ends().iter().filter_map(|e| netns_need(&e.id.netns)).collect(),
        Resource::Device(Device::Bridge(b)) => netns_need(&b.id.netns).into_iter().collect(),
        Resource::Device(Device::Single(single)) => {
            let parent = single.kind.parent(&single.id).map(|parent| one(Key::Device(parent)));
            netns_need(&single.id.netns).into_iter().chain(parent).collect()
        }
        Resource::Device(Device::Stray { id, .. }) => netns_need(&id.netns).into_iter().collect(),
        Resource::Up(d) => {
            let bond = joined(d, among).filter(|(_, to)| *to == Joined::Bond).map(|(port, _)| one(port));
            std::iter::once(one(Key::Device(d.clone()))).chain(bond).chain(up_below(d, among)).collect()
        }
        Resource::Port(p) => vec![one(Key::Device(p.device.clone())), one(Key::Device(p.master()))],
        Resource::PortVlans(v) => {
            let port = Key::Port(v.device.clone());
            let of_port = matches!(among.get(&port), Some(Resource::Port(_)));
            vec![one(if of_port { port } else { Key::Device(v.device.clone()) })]
        }
        Resource::Qdisc(q) => vec![one(Key::Device(q.device.clone()))],
        Resource::Tuning(t) => vec![one(Key::Device(t.device.clone()))],
        Resource::Address(a) => {
            let mut needs = vec![one(Key::Device(a.device.clone()))];
            needs.extend(vrf_need(&a.device, among));
            let up = Key::Up(a.device.clone());
            if a.net.addr().is_ipv6() && among.get(&up).is_some() {
                needs.push(one(up));
            }
            needs.extend(primary_need(a, among));
            needs
        }
        Resource::Route(r) => {
            let up = hop_devices(r).map(|d| one(Key::Up(d)));
            let vrfs = hop_devices(r).filter_map(|d| vrf_need(&d, among));
            up.chain(vrfs).chain(r.via.iter().flat_map(|hop| hop_needs(r, hop, among))).collect()
        }
        Resource::Sysctl(s) => {
            let device = device_of(&s.netns, s.name.device()).filter(|k| among.holder(k).is_some());
            device.map(one).or_else(|| netns_need(&s.netns)).into_iter().collect()
        }
        Resource::Ran(r) => {
            let before = r.index.checked_sub(1).map(|i| one(Key::Ran(r.netns.clone(), i)));
            std::iter::once(one(Key::Netns(r.netns.clone()))).chain(before).collect()
        }
    }
}

/// What a device is a member of, as far as that makes a difference to what is on the device.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joined {
    Bridge,
    Bond,
    Vrf,
}

/// The membership of a device, and in what.
fn joined(device: &DeviceId, among: &HostState) -> Option<(Key, Joined)> {
    let key = Key::Port(device.clone());
    let Some(Resource::Port(port)) = among.get(&key) else { return None };
    Some((key, master_of(port, among)))
}

fn master_of(port: &Port, among: &HostState) -> Joined {
    match among.holder(&Key::Device(port.master())) {
        Some(Resource::Device(Device::Single(single))) => match single.kind {
            SingleKind::Bond(_) => Joined::Bond,
            SingleKind::Vrf { .. } => Joined::Vrf,
            SingleKind::Dummy | SingleKind::Vlan { .. } | SingleKind::Macvlan { .. } | SingleKind::Ipvlan { .. } => {
                Joined::Bridge
            }
        },
        _ => Joined::Bridge,
    }
}

/// What is on a member of a VRF comes after the membership: joining takes the device down and up again (`cycle_netdev`, drivers/net/vrf.c).
fn vrf_need(device: &DeviceId, among: &HostState) -> Option<Need> {
    joined(device, among).filter(|(_, to)| *to == Joined::Vrf).map(|(port, _)| one(port))
}

/// An 802.1Q device comes up only when its parent is (`vlan_dev_open`), and goes down with it (`vlan_device_event`).
fn up_below(device: &DeviceId, among: &HostState) -> Option<Need> {
    let Some(Resource::Device(Device::Single(single))) = among.holder(&Key::Device(device.clone())) else {
        return None;
    };
    match single.kind {
        SingleKind::Vlan { .. } => single.kind.parent(&single.id).map(|parent| one(Key::Up(parent))),
        SingleKind::Dummy
        | SingleKind::Macvlan { .. }
        | SingleKind::Ipvlan { .. }
        | SingleKind::Bond(_)
        | SingleKind::Vrf { .. } => None,
    }
}

/// A secondary IPv4 address stands on the primary one of its subnet, or on the setting that promotes it when that one goes.
/// Whether it then really goes is not known for the host's namespace, and by device; so it is no owner, and goes by a deletion of its own.
fn primary_need(address: &Address, among: &HostState) -> Option<Need> {
    let primary = among.primary_of(address)?;
    let setting = Key::Sysctl(address.device.netns.clone(), promote_secondaries());
    let promotes = matches!(among.get(&setting), Some(Resource::Sysctl(s)) if &*s.value == "1");
    Some(Need(std::iter::once(primary).chain(promotes.then_some(setting)).collect()))
}

/// A gateway needs an address that covers it (`fib_check_nh`). Any IPv4 route goes when the device loses its last IPv4 address (`fib_disable_ip`):
/// one over a device alone, and one whose gateway's address a hand took away, for the kernel keeps that as long as there is another.
fn hop_needs(route: &Route, hop: &NextHop, among: &HostState) -> Vec<Need> {
    let device = DeviceId { netns: route.netns.clone(), name: hop.device };
    let gateway = hop.gateway.map(|gateway| Need(among.covering(&device, gateway)));
    if route.to.addr().is_ipv6() || gateway.as_ref().is_some_and(|covering| !covering.0.is_empty()) {
        return gateway.into_iter().collect();
    }
    let mut addresses = among.addresses(&device);
    addresses.retain(|k| matches!(k, Key::Address(_, IpNet::V4(_))));
    let last = (!addresses.is_empty()).then_some(Need(addresses));
    gateway.into_iter().chain(last).collect()
}

pub(super) fn can_become(from: &Resource, to: &Resource) -> bool {
    match (from, to) {
        (Resource::Device(Device::Veth(a)), Resource::Device(Device::Veth(b))) => {
            a.ends().iter().zip(b.ends()).all(|(a, b)| a.id == b.id && a.queues == b.queues)
        }
        (Resource::Device(Device::Bridge(a)), Resource::Device(Device::Bridge(b))) => a.id == b.id,
        (Resource::Device(Device::Single(a)), Resource::Device(Device::Single(b))) => single_can_become(a, b),
        (Resource::Port(_), Resource::Port(_))
        | (Resource::PortVlans(_), Resource::PortVlans(_))
        | (Resource::Qdisc(_), Resource::Qdisc(_))
        | (Resource::Tuning(_), Resource::Tuning(_))
        | (Resource::Route(_), Resource::Route(_))
        | (Resource::Sysctl(_), Resource::Sysctl(_)) => from.key() == to.key(),
        (
            Resource::Netns(_)
            | Resource::Device(_)
            | Resource::Up(_)
            | Resource::Port(_)
            | Resource::PortVlans(_)
            | Resource::Qdisc(_)
            | Resource::Tuning(_)
            | Resource::Address(_)
            | Resource::Route(_)
            | Resource::Sysctl(_)
            | Resource::Ran(_),
            _,
        ) => from == to,
    }
}

/// What a kernel cannot change about a device that is there: what it stands on and the VLAN (`vlan_changelink`), a VRF's table (`vrf_changelink`
/// is none), a bond's mode while it has members, passthru (`macvlan_changelink`).
fn single_can_become(a: &Single, b: &Single) -> bool {
    a.id == b.id
        && match (&a.kind, &b.kind) {
            (SingleKind::Dummy, SingleKind::Dummy) => true,
            (SingleKind::Vlan { .. }, SingleKind::Vlan { .. }) | (SingleKind::Vrf { .. }, SingleKind::Vrf { .. }) => {
                a.kind == b.kind
            }
            (SingleKind::Macvlan { parent: pa, mode: ma }, SingleKind::Macvlan { parent: pb, mode: mb }) => {
                let passthru = |mode| mode == super::MacvlanMode::Passthru;
                pa == pb && (ma == mb || !passthru(*ma) && !passthru(*mb))
            }
            (SingleKind::Ipvlan { parent: pa, .. }, SingleKind::Ipvlan { parent: pb, .. }) => pa == pb,
            (SingleKind::Bond(a), SingleKind::Bond(b)) => a.mode == b.mode,
            (
                SingleKind::Dummy
                | SingleKind::Vlan { .. }
                | SingleKind::Macvlan { .. }
                | SingleKind::Ipvlan { .. }
                | SingleKind::Bond(_)
                | SingleKind::Vrf { .. },
                _,
            ) => false,
        }
}

/// A bond takes no member that is up (`bond_enslave`), so it is taken down first; a VRF takes its member down and up again.
pub(super) fn disturbs(resource: &Resource, among: &HostState) -> Vec<Key> {
    let Resource::Port(port) = resource else { return Vec::new() };
    match master_of(port, among) {
        Joined::Bridge => Vec::new(),
        Joined::Bond => vec![Key::Up(port.device.clone())],
        Joined::Vrf => Vec::new(),
    }
}

pub(super) fn features(resource: &Resource) -> Vec<Feature> {
    match resource {
        Resource::Device(Device::Veth(_)) => vec![Feature::Veth],
        Resource::Device(Device::Bridge(bridge)) => {
            let filtering = bridge.vlan_filtering.then_some(Feature::VlanFiltering);
            std::iter::once(Feature::Bridge).chain(filtering).collect()
        }
        Resource::Device(Device::Single(single)) => vec![match single.kind {
            SingleKind::Dummy => Feature::Dummy,
            SingleKind::Vlan { .. } => Feature::Vlan,
            SingleKind::Macvlan { .. } => Feature::Macvlan,
            SingleKind::Ipvlan { .. } => Feature::Ipvlan,
            SingleKind::Bond(_) => Feature::Bond,
            SingleKind::Vrf { .. } => Feature::Vrf,
        }],
        Resource::Qdisc(qdisc) => match &qdisc.kind {
            QdiscKind::Netem(netem) => {
                let seed = netem.seed.map(|_| Feature::NetemSeed);
                std::iter::once(Feature::Netem).chain(seed).collect()
            }
            QdiscKind::Tbf(_) => vec![Feature::Tbf],
            QdiscKind::Other(_) => Vec::new(),
        },
        Resource::Tuning(tuning) if tuning.knob.takes_cpus() => vec![Feature::CpuMasks],
        Resource::Tuning(_) => vec![Feature::Ethtool],
        Resource::Address(a) if a.net.addr().is_ipv6() => vec![Feature::Ipv6],
        Resource::Route(r) if r.via.len() > 1 => vec![Feature::Multipath],
        Resource::Netns(_)
        | Resource::Device(Device::Stray { .. })
        | Resource::Up(_)
        | Resource::Port(_)
        | Resource::PortVlans(_)
        | Resource::Address(_)
        | Resource::Route(_)
        | Resource::Sysctl(_)
        | Resource::Ran(_) => Vec::new(),
    }
}

pub(super) fn upsets(resource: &Resource, among: &HostState) -> Vec<DeviceId> {
    match resource {
        Resource::Device(Device::Veth(v)) => {
            v.ends().iter().filter(|end| end.mtu < IPV6_MIN_MTU).map(|e| e.id.clone()).collect()
        }
        Resource::Device(Device::Single(s)) if s.mtu.is_some_and(|mtu| mtu < IPV6_MIN_MTU) => vec![s.id.clone()],
        Resource::Port(p) if mtu(&p.device, among).is_some_and(|mtu| mtu < IPV6_MIN_MTU) => vec![p.master()],
        Resource::Netns(_)
        | Resource::Device(_)
        | Resource::Up(_)
        | Resource::Port(_)
        | Resource::PortVlans(_)
        | Resource::Qdisc(_)
        | Resource::Tuning(_)
        | Resource::Address(_)
        | Resource::Route(_)
        | Resource::Sysctl(_)
        | Resource::Ran(_) => Vec::new(),
    }
}

/// The MTU of a device where the state says it.
fn mtu(device: &DeviceId, among: &HostState) -> Option<u32> {
    match among.holder(&Key::Device(device.clone()))? {
        Resource::Device(Device::Veth(v)) => v.ends().iter().find(|e| e.id == *device).map(|e| e.mtu),
        Resource::Device(Device::Single(s)) => s.mtu,
        _ => None,
    }
}

pub(super) fn ipv6_on(resource: &Resource) -> Vec<DeviceId> {
    match resource {
        Resource::Address(a) if a.net.addr().is_ipv6() => vec![a.device.clone()],
        Resource::Route(r) if r.to.addr().is_ipv6() => hop_devices(r).collect(),
        Resource::Netns(_)
        | Resource::Device(_)
        | Resource::Up(_)
        | Resource::Port(_)
        | Resource::PortVlans(_)
        | Resource::Qdisc(_)
        | Resource::Tuning(_)
        | Resource::Address(_)
        | Resource::Route(_)
        | Resource::Sysctl(_)
        | Resource::Ran(_) => Vec::new(),
    }
}
