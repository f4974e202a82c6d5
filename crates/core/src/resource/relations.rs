//! How resources hang together: what stands on what, what takes what along, what upsets what.

use ipnet::IpNet;

use super::{
    Address, Device, DeviceId, Key, Need, Neighbour, NetnsId, NextHop, OvsKey, Port, Resource, Route, Single,
    SingleKind,
};
use crate::names::IfName;
use crate::state::{HostState, promote_secondaries};

mod change;
mod features;

pub(super) use change::{can_become, cycles, disturbs, ipv6_on, lost_by_going_down, upsets};
pub(super) use features::features;

/// Below this a kernel drops IPv6 from a device: IPV6_MIN_MTU (RFC 8200 §5).
pub(crate) const IPV6_MIN_MTU: u32 = 1280;

/// A sysctl of a device goes with it, but has no owner: the note of it on the node's `lo` stays until it is deleted.
pub(super) fn owners(resource: &Resource, among: &HostState) -> Vec<Key> {
    match resource {
        Resource::Device(Device::Single(single)) => {
            single.kind.parent(&single.id).into_iter().chain(single.kind.underlay()).map(Key::Device).collect()
        }
        // Entries that are permanent outlive a VXLAN device's being down (`vxlan_stop`), but no neighbour does that of its device (`neigh_ifdown`).
        Resource::Fdb(f) => vec![Key::Device(f.device.clone())],
        Resource::Neighbour(n) => vec![Key::Device(n.device.clone()), Key::Up(n.device.clone())],
        Resource::Netns(_) | Resource::Device(_) | Resource::Sysctl(_) | Resource::Ran(_) => Vec::new(),
        Resource::Ovs(o) => o.owners(),
        Resource::Up(d) => {
            // A member that a bond frees is closed (`__bond_release_one`).
            let bond = joined(d, among).filter(|(_, to)| *to == Joined::Bond).map(|(port, _)| port);
            std::iter::once(Key::Device(d.clone())).chain(bond).chain(up_below(d, among)).collect()
        }
        Resource::Port(p) => vec![Key::Device(p.device.clone()), Key::Device(p.master())],
        Resource::PortVlans(v) => vec![vlans_on(&v.device, among), Key::Device(v.device.clone())],
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

fn device_of(netns: &NetnsId, name: Option<IfName>) -> Option<Key> {
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
            let below = single.kind.parent(&single.id).into_iter().chain(single.kind.underlay());
            let below = below.map(|below| one(Key::Device(below)));
            netns_need(&single.id.netns).into_iter().chain(below).chain(idle_needs(single, among)).collect()
        }
        Resource::Device(Device::Stray { id, .. }) => netns_need(&id.netns).into_iter().collect(),
        Resource::Up(d) => {
            let bond = joined(d, among).filter(|(_, to)| *to == Joined::Bond).map(|(port, _)| port);
            let below = bond.into_iter().chain(up_below(d, among));
            std::iter::once(Key::Device(d.clone())).chain(below).map(one).collect()
        }
        Resource::Port(p) => vec![one(Key::Device(p.device.clone())), one(Key::Device(p.master()))],
        Resource::PortVlans(v) => vec![one(vlans_on(&v.device, among))],
        Resource::Qdisc(q) => {
            std::iter::once(Key::Device(q.device.clone())).chain(ovs_port(&q.device, among)).map(one).collect()
        }
        Resource::Tuning(t) => vec![one(Key::Device(t.device.clone()))],
        Resource::Address(a) => {
            let mut needs = vec![one(Key::Device(a.device.clone()))];
            if a.net.addr().is_ipv6() {
                needs.extend(cycle_needs(&a.device, among));
                needs.extend(Some(Key::Up(a.device.clone())).filter(|up| among.get(up).is_some()).map(one));
            }
            needs.extend(primary_need(a, among));
            needs
        }
        Resource::Route(r) => {
            let up = hop_devices(r).map(|d| one(Key::Up(d)));
            let vrfs = hop_devices(r).flat_map(|d| cycle_needs(&d, among));
            up.chain(vrfs).chain(r.via.iter().flat_map(|hop| hop_needs(r, hop, among))).collect()
        }
        Resource::Sysctl(s) => {
            let device = device_of(&s.netns, s.name.device()).filter(|k| among.holder(k).is_some());
            device.map(one).or_else(|| netns_need(&s.netns)).into_iter().collect()
        }
        Resource::Ovs(o) => o.needs().into_iter().map(one).collect(),
        Resource::Fdb(f) => vec![one(Key::Device(f.device.clone()))],
        Resource::Neighbour(n) => {
            let up = Some(Key::Up(n.device.clone())).filter(|up| among.get(up).is_some());
            let needs = std::iter::once(Key::Device(n.device.clone())).chain(up).map(one);
            needs.chain(cycle_needs(&n.device, among)).chain(neighbour_need(n, among)).collect()
        }
        Resource::Ran(r) => {
            let before = r.index.checked_sub(1).map(|i| one(Key::Ran(r.netns.clone(), i)));
            std::iter::once(one(Key::Netns(r.netns.clone()))).chain(before).collect()
        }
    }
}

/// The port of Open vSwitch that a device is: until it is that, its queueing discipline would be taken away.
fn ovs_port(device: &DeviceId, among: &HostState) -> Option<Key> {
    let key = Key::Ovs(OvsKey::Port(device.name));
    (device.netns == NetnsId::Host && among.get(&key).is_some()).then_some(key)
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
            SingleKind::Dummy
            | SingleKind::Vlan { .. }
            | SingleKind::Macvlan { .. }
            | SingleKind::Ipvlan { .. }
            | SingleKind::Vxlan(_)
            | SingleKind::Gretap(_)
            | SingleKind::Gre(_) => Joined::Bridge,
        },
        _ => Joined::Bridge,
    }
}

/// Joining or leaving a VRF takes a device down and up again (`cycle_netdev`, drivers/net/vrf.c), and the 802.1Q devices on it: what that would take
/// from them comes after.
fn cycle_needs(device: &DeviceId, among: &HostState) -> Vec<Need> {
    let own = joined(device, among).filter(|(_, to)| *to == Joined::Vrf).map(|(port, _)| one(port));
    let below = vlan_parent(device, among).into_iter().flat_map(|parent| cycle_needs(&parent, among));
    own.into_iter().chain(below).collect()
}

/// What an 802.1Q device stands on; nothing for other devices.
fn vlan_parent(device: &DeviceId, among: &HostState) -> Option<DeviceId> {
    match among.holder(&Key::Device(device.clone())) {
        Some(Resource::Device(Device::Single(single))) => match single.kind {
            SingleKind::Vlan { .. } => single.kind.parent(&single.id),
            SingleKind::Dummy
            | SingleKind::Macvlan { .. }
            | SingleKind::Ipvlan { .. }
            | SingleKind::Bond(_)
            | SingleKind::Vrf { .. }
            | SingleKind::Vxlan(_)
            | SingleKind::Gretap(_)
            | SingleKind::Gre(_) => None,
        },
        _ => None,
    }
}

/// An 802.1Q device comes up only when its parent is (`vlan_dev_open`), and goes down with it (`vlan_device_event`).
fn up_below(device: &DeviceId, among: &HostState) -> Option<Key> {
    vlan_parent(device, among).map(Key::Up)
}

/// An 802.1Q device that shall be down, though its parent is up, is made when that is up: coming up, or up again, takes all on it up
/// (`vlan_device_event`).
fn idle_needs(single: &Single, among: &HostState) -> Vec<Need> {
    let SingleKind::Vlan { parent, .. } = single.kind else { return Vec::new() };
    let parent = DeviceId { netns: single.id.netns.clone(), name: parent };
    let up = Key::Up(parent.clone());
    if among.get(&up).is_none() || among.get(&Key::Up(single.id.clone())).is_some() {
        return Vec::new();
    }
    std::iter::once(one(up)).chain(cycle_needs(&parent, among)).collect()
}

/// What the VLANs of a device hang on: its being a port of a bridge; those of a bridge as the host's way in, on the bridge.
fn vlans_on(device: &DeviceId, among: &HostState) -> Key {
    match among.holder(&Key::Device(device.clone())) {
        Some(Resource::Device(Device::Bridge(_))) => Key::Device(device.clone()),
        _ => Key::Port(device.clone()),
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
    gateway.into_iter().chain(last_address(&device, among)).collect()
}

/// Any of a device's IPv4 addresses, if it has one.
fn last_address(device: &DeviceId, among: &HostState) -> Option<Need> {
    let mut addresses = among.addresses(device);
    addresses.retain(|k| matches!(k, Key::Address(_, IpNet::V4(_))));
    (!addresses.is_empty()).then_some(Need(addresses))
}

/// With the last IPv4 address of a device go the IPv4 neighbours on it (`fib_disable_ip`, `arp_ifdown`); but it takes some that never had an address.
fn neighbour_need(neighbour: &Neighbour, among: &HostState) -> Option<Need> {
    last_address(&neighbour.device, among).filter(|_| neighbour.address.is_ipv4())
}

/// The MTU of a device where the state says it.
pub(crate) fn mtu(device: &DeviceId, among: &HostState) -> Option<u32> {
    match among.holder(&Key::Device(device.clone()))? {
        Resource::Device(Device::Veth(v)) => v.ends().iter().find(|e| e.id == *device).map(|e| e.mtu),
        Resource::Device(Device::Single(s)) => s.mtu,
        _ => None,
    }
}
