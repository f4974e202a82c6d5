//! How resources hang together: what stands on what, what takes what along, what upsets what.

use ipnet::IpNet;

use super::{Address, Device, DeviceId, End, Key, Need, NetnsId, NextHop, Resource, Route};
use crate::state::{HostState, promote_secondaries};

/// Below this a kernel drops IPv6 from a device: IPV6_MIN_MTU (RFC 8200 §5).
const IPV6_MIN_MTU: u32 = 1280;

/// A setting of a device goes with it, but has no owner: the note of it on the node's `lo` stays until it is deleted.
pub(super) fn owners(resource: &Resource) -> Vec<Key> {
    match resource {
        Resource::Netns(_) | Resource::Device(_) | Resource::Sysctl(_) | Resource::Ran(_) => Vec::new(),
        Resource::Up(d) => vec![Key::Device(d.clone())],
        Resource::Port(p) => {
            let master = DeviceId { netns: p.device.netns.clone(), name: p.master };
            vec![Key::Device(p.device.clone()), Key::Device(master)]
        }
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
        Resource::Device(Device::Stray { id, .. }) => netns_need(&id.netns).into_iter().collect(),
        Resource::Up(d) => vec![one(Key::Device(d.clone()))],
        Resource::Port(p) => {
            let master = DeviceId { netns: p.device.netns.clone(), name: p.master };
            vec![one(Key::Device(p.device.clone())), one(Key::Device(master))]
        }
        Resource::Address(a) => {
            let mut needs = vec![one(Key::Device(a.device.clone()))];
            let up = Key::Up(a.device.clone());
            if a.net.addr().is_ipv6() && among.get(&up).is_some() {
                needs.push(one(up));
            }
            needs.extend(primary_need(a, among));
            needs
        }
        Resource::Route(r) => {
            let up = hop_devices(r).map(|d| one(Key::Up(d)));
            up.chain(r.via.iter().flat_map(|hop| hop_needs(r, hop, among))).collect()
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
            a.ends().iter().zip(b.ends()).all(|(a, b)| a.id == b.id)
        }
        (Resource::Device(Device::Bridge(a)), Resource::Device(Device::Bridge(b))) => a.id == b.id,
        (Resource::Port(a), Resource::Port(b)) => a.device == b.device,
        (Resource::Route(_), Resource::Route(_)) | (Resource::Sysctl(_), Resource::Sysctl(_)) => from.key() == to.key(),
        (
            Resource::Netns(_)
            | Resource::Device(_)
            | Resource::Up(_)
            | Resource::Port(_)
            | Resource::Address(_)
            | Resource::Route(_)
            | Resource::Sysctl(_)
            | Resource::Ran(_),
            _,
        ) => from == to,
    }
}

pub(super) fn upsets(resource: &Resource, among: &HostState) -> Vec<DeviceId> {
    match resource {
        Resource::Device(Device::Veth(v)) => {
            v.ends().iter().filter(|end| is_narrow(end)).map(|e| e.id.clone()).collect()
        }
        Resource::Port(p) => {
            let master = DeviceId { netns: p.device.netns.clone(), name: p.master };
            match among.holder(&Key::Device(p.device.clone())) {
                Some(Resource::Device(Device::Veth(v)))
                    if v.ends().iter().any(|e| e.id == p.device && is_narrow(e)) =>
                {
                    vec![master]
                }
                _ => Vec::new(),
            }
        }
        Resource::Netns(_)
        | Resource::Device(_)
        | Resource::Up(_)
        | Resource::Address(_)
        | Resource::Route(_)
        | Resource::Sysctl(_)
        | Resource::Ran(_) => Vec::new(),
    }
}

fn is_narrow(end: &End) -> bool {
    end.mtu < IPV6_MIN_MTU
}

pub(super) fn ipv6_on(resource: &Resource) -> Vec<DeviceId> {
    match resource {
        Resource::Address(a) if a.net.addr().is_ipv6() => vec![a.device.clone()],
        Resource::Route(r) if r.to.addr().is_ipv6() => hop_devices(r).collect(),
        Resource::Netns(_)
        | Resource::Device(_)
        | Resource::Up(_)
        | Resource::Port(_)
        | Resource::Address(_)
        | Resource::Route(_)
        | Resource::Sysctl(_)
        | Resource::Ran(_) => Vec::new(),
    }
}
