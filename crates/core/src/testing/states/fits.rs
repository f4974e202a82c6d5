//! What a kernel takes, beyond what resources need.

use super::devices::can_be_parent;
use super::ports::filters;
use super::{Master, device, master, master_of, ovs, single_of, tunnels};
use crate::names::Mac;
use crate::resource::{
    Address, Device, DeviceId, Key, Knob, MacvlanMode, NextHop, Port, PortSettings, Resource, Route, Single,
    SingleKind, TABLE_MAIN, Tuning,
};
use crate::state::HostState;

/// Below this a kernel has no IPv6 on a device: IPV6_MIN_MTU (RFC 8200 §5).
pub(super) const IPV6_MIN_MTU: u32 = 1280;

/// Whether a kernel would take this.
pub(super) fn fits(resource: &Resource, state: &HostState) -> bool {
    match resource {
        Resource::Fdb(f) => tunnels::fdb_fits(f, state),
        Resource::Neighbour(n) => tunnels::neighbour_fits(n, state),
        Resource::Ovs(of) => ovs::fits(of, state),
        Resource::Qdisc(q) => ovs::leaves_queueing(&q.device, state),
        Resource::Address(a) => address(a, state),
        Resource::Route(r) => route(r, state),
        Resource::Sysctl(s) => {
            let device = s.name.device().map(|name| Key::Device(DeviceId { netns: s.netns.clone(), name }));
            device.is_none_or(|name| state.holder(&name).is_some())
        }
        Resource::Port(p) => port(p, state),
        Resource::PortVlans(v) => {
            let has = |pvid| v.each().any(|(vid, _)| vid == pvid);
            filters(state, &v.device) && v.pvid.is_none_or(has)
        }
        Resource::Tuning(t) => tuning(t, state),
        Resource::Device(Device::Single(s)) => single(s, state),
        Resource::Netns(_) | Resource::Device(_) | Resource::Up(_) | Resource::Ran(_) => true,
    }
}

/// The MTU of a device; of one whose MTU is not its own one that is wide enough.
pub(super) fn mtu(state: &HostState, id: &DeviceId) -> u32 {
    match device(state, id) {
        Some(Device::Veth(v)) => v.ends().iter().find(|end| end.id == *id).map_or(IPV6_MIN_MTU, |end| end.mtu),
        Some(Device::Single(s)) => s.mtu.unwrap_or(IPV6_MIN_MTU),
        Some(Device::Bridge(_) | Device::Stray { .. }) | None => IPV6_MIN_MTU,
    }
}

pub(super) fn mac(state: &HostState, id: &DeviceId) -> Option<Mac> {
    match device(state, id)? {
        Device::Veth(v) => v.ends().iter().find(|end| end.id == *id).map(|end| end.mac),
        Device::Bridge(b) => Some(b.mac),
        Device::Single(s) => s.mac,
        Device::Stray { .. } => None,
    }
}

fn wide(state: &HostState, id: &DeviceId) -> bool {
    mtu(state, id) >= IPV6_MIN_MTU
}

/// A member of a bond has no addresses, and two ipvlan devices on one parent have none in common.
fn address(a: &Address, state: &HostState) -> bool {
    let ip = a.net.addr();
    let shared = || {
        let Some(Single { kind: SingleKind::Ipvlan { parent, .. }, .. }) = single_of(state, &a.device) else {
            return false;
        };
        let has = |id: &DeviceId| {
            state.addresses(id).iter().any(|key| matches!(key, Key::Address(_, net) if net.addr() == ip))
        };
        state.children(parent).any(|other| other.id != a.device && has(&other.id))
    };
    (ip.is_ipv4() || wide(state, &a.device)) && master_of(state, &a.device) != Some(Master::Bond) && !shared()
}

/// A route over a member of a VRF is in that one's table, and others are not.
fn route(r: &Route, state: &HostState) -> bool {
    let in_table = |id: &DeviceId| match master_of(state, id) {
        Some(Master::Vrf { table }) => r.table == table,
        Some(Master::Bridge { .. } | Master::Bond) | None => [TABLE_MAIN, 100].contains(&r.table),
    };
    r.via.iter().all(|hop: &NextHop| {
        let id = DeviceId { netns: r.netns.clone(), name: hop.device };
        in_table(&id) && (r.to.addr().is_ipv4() || wide(state, &id))
    })
}

fn port(p: &Port, state: &HostState) -> bool {
    let Some(to) = master(state, &p.master()).filter(|_| !ovs::is_port(&p.device, state)) else { return false };
    let id = &p.device;
    let is_parent = || state.children(id).any(|child| !matches!(child.kind, SingleKind::Vlan { .. }));
    let plain = p.settings == PortSettings::default();
    match (to, device(state, id)) {
        (_, None | Some(Device::Stray { .. })) => false,
        // It takes IPv6 from its bridge. A plan may then delete an address that is gone already, which only Linux takes for done.
        (Master::Bridge { .. }, Some(Device::Veth(_))) => wide(state, id) && !is_parent(),
        (Master::Bridge { .. }, Some(Device::Bridge(_))) => false,
        (Master::Bridge { .. }, Some(Device::Single(s))) => {
            let kind = match s.kind {
                SingleKind::Dummy | SingleKind::Vlan { .. } | SingleKind::Bond(_) | SingleKind::Macvlan { .. } => true,
                SingleKind::Vxlan(_) | SingleKind::Gretap(_) => true,
                SingleKind::Ipvlan { .. } | SingleKind::Vrf { .. } | SingleKind::Gre(_) => false,
            };
            kind && wide(state, id) && !is_parent()
        }
        (Master::Bond, Some(Device::Veth(_))) => plain && member(p, state),
        (Master::Bond, Some(Device::Single(s))) => plain && s.kind == SingleKind::Dummy && member(p, state),
        (Master::Bond, Some(Device::Bridge(_))) => false,
        (Master::Vrf { .. }, Some(Device::Single(s))) => plain && !matches!(s.kind, SingleKind::Vrf { .. }),
        (Master::Vrf { .. }, Some(Device::Veth(_) | Device::Bridge(_))) => plain,
    }
}

/// A member of a bond is up, has its address and MTU, and carries nothing.
fn member(p: &Port, state: &HostState) -> bool {
    let (id, bond) = (&p.device, p.master());
    state.get(&Key::Up(id.clone())).is_some()
        && state.children(id).next().is_none()
        && (mac(state, id), mtu(state, id)) == (mac(state, &bond), mtu(state, &bond))
}

fn single(s: &Single, state: &HostState) -> bool {
    let Some(parent) = s.kind.parent(&s.id) else { return tunnels::single_fits(s, state) };
    let others = || state.children(&parent).filter(|other| other.id != s.id);
    let is_vlan = |single: &&Single| matches!(single.kind, SingleKind::Vlan { .. });
    let handed_over = match master_of(state, &parent) {
        Some(Master::Bond) => true,
        Some(Master::Bridge { .. }) => !is_vlan(&s),
        Some(Master::Vrf { .. }) | None => false,
    };
    let beside = match &s.kind {
        SingleKind::Vlan { .. } => others().all(|other| other.kind != s.kind),
        SingleKind::Macvlan { mode, .. } => others().filter(|other| !is_vlan(other)).all(|other| match other.kind {
            SingleKind::Macvlan { mode: other, .. } => ![*mode, other].contains(&MacvlanMode::Passthru),
            _ => false,
        }),
        SingleKind::Ipvlan { .. } => others().filter(|other| !is_vlan(other)).all(|other| other.kind == s.kind),
        SingleKind::Dummy | SingleKind::Bond(_) | SingleKind::Vrf { .. } => true,
        SingleKind::Vxlan(_) | SingleKind::Gretap(_) | SingleKind::Gre(_) => true,
    };
    let same_mac = |id: &DeviceId| s.mac.is_some() && mac(state, id) == s.mac;
    let taken = matches!(s.kind, SingleKind::Macvlan { .. })
        && (same_mac(&parent) || others().filter(|other| !is_vlan(other)).any(|other| same_mac(&other.id)));
    can_be_parent(state, &parent)
        && !handed_over
        && beside
        && !taken
        && s.mtu.is_none_or(|own| own <= mtu(state, &parent))
}

fn tuning(t: &Tuning, state: &HostState) -> bool {
    let Some(Device::Veth(veth)) = device(state, &t.device) else { return false };
    match t.knob {
        Knob::XpsCpus => veth.ends().iter().any(|end| end.id == t.device && end.queues > 1),
        Knob::RpsCpus | Knob::TxChecksum | Knob::Gso | Knob::Gro | Knob::Tso => true,
    }
}
