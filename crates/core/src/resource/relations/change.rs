//! What a resource can become in place, and what its coming about does to others.

use std::net::IpAddr;

use super::{IPV6_MIN_MTU, Joined, hop_devices, master_of, mtu};
use crate::resource::{Device, DeviceId, Key, MacvlanMode, Resource, Single, SingleKind, Vxlan};
use crate::state::HostState;

pub(in crate::resource) fn can_become(from: &Resource, to: &Resource) -> bool {
    match (from, to) {
        (Resource::Device(Device::Veth(a)), Resource::Device(Device::Veth(b))) => {
            a.ends().iter().zip(b.ends()).all(|(a, b)| a.id == b.id && a.queues == b.queues)
        }
        (Resource::Device(Device::Bridge(a)), Resource::Device(Device::Bridge(b))) => a.id == b.id,
        (Resource::Device(Device::Single(a)), Resource::Device(Device::Single(b))) => single_can_become(a, b),
        // On the way from one master to another a kernel frees the device, with all that this does to it.
        (Resource::Port(a), Resource::Port(b)) => a.device == b.device && a.master == b.master,
        (Resource::Ovs(a), Resource::Ovs(b)) => a.can_become(b),
        (Resource::PortVlans(_), Resource::PortVlans(_))
        | (Resource::Qdisc(_), Resource::Qdisc(_))
        | (Resource::Tuning(_), Resource::Tuning(_))
        | (Resource::Route(_), Resource::Route(_))
        | (Resource::Sysctl(_), Resource::Sysctl(_))
        | (Resource::Neighbour(_), Resource::Neighbour(_)) => from.key() == to.key(),
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
            | Resource::Ran(_)
            | Resource::Ovs(_)
            | Resource::Fdb(_)
            | Resource::Neighbour(_),
            _,
        ) => from == to,
    }
}

/// What a kernel cannot change about a device that is there: what it stands on and the VLAN (`vlan_changelink`), a VRF's table (`vrf_link_ops`
/// has no `changelink`), a bond's mode while it has members, passthru (`macvlan_changelink`), what a tunnel is on the underlay.
fn single_can_become(a: &Single, b: &Single) -> bool {
    a.id == b.id
        && match (&a.kind, &b.kind) {
            (SingleKind::Vxlan(a), SingleKind::Vxlan(b)) => vxlan_can_become(a, b),
            (SingleKind::Gretap(a), SingleKind::Gretap(b)) => {
                // `ip6gre_tunnel_find` takes a device of packets between the same addresses for it.
                a == b || a.local.is_ipv4() && a.is_same_tunnel(b)
            }
            (SingleKind::Gre(a), SingleKind::Gre(b)) => a.is_same_tunnel(b),
            (SingleKind::Dummy, SingleKind::Dummy) => true,
            (SingleKind::Vlan { .. }, SingleKind::Vlan { .. }) | (SingleKind::Vrf { .. }, SingleKind::Vrf { .. }) => {
                a.kind == b.kind
            }
            (SingleKind::Macvlan { parent: pa, mode: ma }, SingleKind::Macvlan { parent: pb, mode: mb }) => {
                let passthru = |mode| mode == MacvlanMode::Passthru;
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
                | SingleKind::Vrf { .. }
                | SingleKind::Vxlan(_)
                | SingleKind::Gretap(_)
                | SingleKind::Gre(_),
                _,
            ) => false,
        }
}

/// `vxlan_nl2conf` changes neither the network nor the port nor checksums, and a group is joined and left only when the device comes up and goes down.
fn vxlan_can_become(a: &Vxlan, b: &Vxlan) -> bool {
    let is_group = |remote: Option<IpAddr>| remote.is_some_and(|remote| remote.is_multicast());
    let same = |vxlan: &Vxlan| (vxlan.vni, vxlan.port, vxlan.local, vxlan.device, vxlan.checksum);
    same(a) == same(b) && (a.remote == b.remote || !is_group(a.remote) && !is_group(b.remote))
}

pub(in crate::resource) fn disturbs(to: &Resource, from: Option<&Resource>, among: &HostState) -> Vec<Key> {
    match (to, from) {
        // A bond takes no member that is up (`bond_enslave`), and opens it itself.
        (Resource::Port(port), None) => match master_of(port, among) {
            Joined::Bridge => Vec::new(),
            Joined::Bond => vec![Key::Up(port.device.clone())],
            Joined::Vrf => idle_vlans(&port.device, among),
        },
        (Resource::Up(device), None) => idle_vlans(device, among),
        // A member that is freed gets back what it had when it joined (`__bond_release_one`): that must not be what the bond had before.
        (Resource::Device(Device::Single(to)), Some(Resource::Device(Device::Single(from))))
            if (from.mac, from.mtu) != (to.mac, to.mtu) && matches!(to.kind, SingleKind::Bond(_)) =>
        {
            members(&to.id, among)
        }
        (Resource::Ovs(to), Some(Resource::Ovs(from))) => to.disturbs(Some(from)),
        (Resource::Ovs(to), None) => to.disturbs(None),
        _ => Vec::new(),
    }
}

/// The 802.1Q devices on a device that shall be down, though it is up: the kernel takes them all up with it (`vlan_device_event`), so they are made after.
fn idle_vlans(device: &DeviceId, among: &HostState) -> Vec<Key> {
    let on = among.children(device).filter(|single| matches!(single.kind, SingleKind::Vlan { .. }));
    let idle = on.flat_map(|vlan| {
        let is_up = among.get(&Key::Up(vlan.id.clone())).is_some();
        if is_up { idle_vlans(&vlan.id, among) } else { vec![Key::Device(vlan.id.clone())] }
    });
    idle.collect()
}

fn members(master: &DeviceId, among: &HostState) -> Vec<Key> {
    let is_member = |(_, r): &(&Key, &Resource)| matches!(r, Resource::Port(port) if port.master() == *master);
    among.iter().filter(is_member).map(|(key, _)| key.clone()).collect()
}

pub(in crate::resource) fn cycles(to: &Resource, among: &HostState) -> Vec<DeviceId> {
    match to {
        Resource::Port(port) if master_of(port, among) == Joined::Vrf => with_vlans(&port.device, among),
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
        | Resource::Ran(_)
        | Resource::Ovs(_)
        | Resource::Fdb(_)
        | Resource::Neighbour(_) => Vec::new(),
    }
}

/// A device and the 802.1Q devices on it, which go down and up with it.
fn with_vlans(device: &DeviceId, among: &HostState) -> Vec<DeviceId> {
    let on = among.children(device).filter(|single| matches!(single.kind, SingleKind::Vlan { .. }));
    std::iter::once(device.clone()).chain(on.flat_map(|vlan| with_vlans(&vlan.id, among))).collect()
}

pub(in crate::resource) fn upsets(resource: &Resource, among: &HostState) -> Vec<DeviceId> {
    match resource {
        Resource::Device(Device::Veth(v)) => {
            v.ends().iter().filter(|end| end.mtu < IPV6_MIN_MTU).map(|e| e.id.clone()).collect()
        }
        Resource::Device(Device::Single(s)) if s.mtu.is_some_and(|mtu| mtu < IPV6_MIN_MTU) => vec![s.id.clone()],
        Resource::Port(p) if master_of(p, among) == Joined::Bridge => {
            let small = mtu(&p.device, among).is_some_and(|mtu| mtu < IPV6_MIN_MTU);
            small.then(|| p.master()).into_iter().collect()
        }
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
        | Resource::Ran(_)
        | Resource::Ovs(_)
        | Resource::Fdb(_)
        | Resource::Neighbour(_) => Vec::new(),
    }
}

pub(in crate::resource) fn ipv6_on(resource: &Resource) -> Vec<DeviceId> {
    match resource {
        Resource::Route(r) if r.to.addr().is_ipv4() => Vec::new(),
        Resource::Neighbour(n) if n.address.is_ipv4() => Vec::new(),
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
        | Resource::Ran(_)
        | Resource::Ovs(_)
        | Resource::Fdb(_)
        | Resource::Neighbour(_) => lost_by_going_down(resource),
    }
}

pub(in crate::resource) fn lost_by_going_down(resource: &Resource) -> Vec<DeviceId> {
    match resource {
        Resource::Neighbour(n) => vec![n.device.clone()],
        Resource::Address(a) if a.net.addr().is_ipv6() => vec![a.device.clone()],
        Resource::Route(r) => hop_devices(r).collect(),
        Resource::Netns(_)
        | Resource::Device(_)
        | Resource::Up(_)
        | Resource::Port(_)
        | Resource::PortVlans(_)
        | Resource::Qdisc(_)
        | Resource::Tuning(_)
        | Resource::Address(_)
        | Resource::Sysctl(_)
        | Resource::Ran(_)
        | Resource::Ovs(_)
        | Resource::Fdb(_) => Vec::new(),
    }
}
