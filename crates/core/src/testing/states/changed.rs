//! Things changed in one respect, and what changes with them.

use super::devices::{end, may_be_link_local, some_mtu};
use super::fits::{mac, mtu};
use super::ports::{some_settings, some_vlans};
use super::routes::{add_hop, alone};
use super::settings::{some_qdisc, some_value};
use super::{Master, device, devices, master, masters, ovs, tunnels};
use crate::names::{Mac, NodeName};
use crate::resource::{
    Bond, BondMode, Bridge, Device, DeviceId, End, Fdb, IpvlanMode, Key, MacvlanMode, Neighbour, Netns, Port, Qdisc,
    Ran, Resource, Single, SingleKind, Sysctl, Tuning, Veth, VlanProtocol,
};
use crate::state::HostState;
use crate::testing::Tape;
use crate::testing::text::default_mac;

/// The same thing, changed in one respect.
pub(super) fn changed(state: &HostState, old: &Resource, tape: &mut Tape) -> Option<Resource> {
    Some(match old {
        Resource::Fdb(f) => {
            let Resource::Fdb(new) = tunnels::fdb(state, tape)? else { return None };
            Resource::Fdb(Fdb { device: f.device.clone(), ..new })
        }
        Resource::Neighbour(n) => {
            let Resource::Neighbour(new) = tunnels::neighbour(state, tape)? else { return None };
            Resource::Neighbour(Neighbour { to: new.to, ..n.clone() })
        }
        Resource::Ovs(old) => Resource::Ovs(ovs::changed(state, old, tape)?),
        Resource::Netns(n) => {
            let node = if n.node.as_str() == "n" { "renamed" } else { "n" };
            Resource::Netns(Netns::new(n.name.clone(), NodeName::new(node).expect("a constant")))
        }
        Resource::Device(Device::Veth(v)) => return changed_veth(state, v, old, tape),
        Resource::Device(Device::Bridge(b)) => Resource::Device(Device::Bridge(match tape.pick(4) {
            0 => Bridge { multicast_snooping: !b.multicast_snooping, ..b.clone() },
            1 if b.stp => Bridge { stp: false, ageing: 0, ..b.clone() },
            1 => Bridge { stp: true, ageing: 30_000, ..b.clone() },
            _ => Bridge { vlan_filtering: !b.vlan_filtering, ..b.clone() },
        })),
        Resource::Device(Device::Single(s)) => {
            let new = Resource::Device(Device::Single(Box::new(changed_single(s, tape))));
            let free = |name: &Key| state.holder(name).is_none_or(|had| had == old);
            return Some(new).filter(|new| new.claims().iter().all(free));
        }
        Resource::Port(p) if tape.pick(2) == 0 => {
            let settings = match master(state, &p.master())? {
                Master::Bridge { .. } => some_settings(tape),
                Master::Bond | Master::Vrf { .. } => return None,
            };
            Resource::Port(Port { settings, ..p.clone() })
        }
        Resource::Port(p) => {
            let mut masters = masters(state);
            masters.retain(|m| m.netns == p.device.netns);
            Resource::Port(Port::new(p.device.clone(), tape.one_of(&masters)?.name))
        }
        Resource::PortVlans(v) => Resource::PortVlans(some_vlans(v.device.clone(), tape)),
        Resource::Qdisc(q) => Resource::Qdisc(Qdisc { kind: some_qdisc(tape), ..q.clone() }),
        Resource::Tuning(t) => Resource::Tuning(Tuning { value: some_value(t.knob, tape), ..t.clone() }),
        Resource::Route(r) => {
            let mut route = r.clone();
            if tape.mostly(2) && route.via.len() > 1 {
                route.via.remove(tape.pick(route.via.len()));
            } else {
                add_hop(state, &r.netns, r.to.addr().is_ipv6(), &mut route.via, tape);
            }
            alone(&mut route.via);
            Resource::Route(route)
        }
        Resource::Sysctl(s) => {
            let value = if &*s.value == "1" { "0" } else { "1" };
            Resource::Sysctl(Sysctl { value: value.into(), ..s.clone() })
        }
        Resource::Ran(r) => Resource::Ran(Ran { digest: 3 - r.digest, ..r.clone() }),
        Resource::Device(Device::Stray { .. }) | Resource::Up(_) | Resource::Address(_) => return None,
    })
}

fn changed_veth(state: &HostState, v: &Veth, old: &Resource, tape: &mut Tape) -> Option<Resource> {
    let [mut a, b] = v.ends().clone();
    let other = end(state, tape);
    match tape.pick(6) {
        0 => {
            a.mtu = some_mtu(tape);
            a.link_local &= may_be_link_local(a.mtu);
        }
        1 => a.mac = Mac([2, 0, 0, 0, 0, 8]),
        2 => a.full_name = None,
        3 => a.queues = 3 - a.queues,
        4 => a.tx_queue_len = 1020 - a.tx_queue_len,
        _ => {
            return (other.id != a.id)
                .then(|| Resource::Device(Device::Veth(Veth::new(a, other))))
                .filter(|new| new.claims().iter().all(|name| state.holder(name).is_none_or(|had| had == old)));
        }
    }
    Some(Resource::Device(Device::Veth(Veth::new(a, b))))
}

fn changed_single(s: &Single, tape: &mut Tape) -> Single {
    let mut s = s.clone();
    match tape.pick(4) {
        0 if s.kind.has_mtu() => {
            s.mtu = Some(some_mtu(tape));
            s.link_local &= s.mtu.is_some_and(may_be_link_local);
        }
        // One that nobody else has: on one parent two that are up must differ.
        1 => s.mac = s.mac.map(|Mac([.., a, b])| Mac([2, 0, 0, 1, a, b])),
        2 => s.full_name = None,
        _ => match &mut s.kind {
            SingleKind::Vxlan(vxlan) => tunnels::changed_vxlan(vxlan, tape),
            SingleKind::Gretap(gre) | SingleKind::Gre(gre) => tunnels::changed_gre(gre, tape),
            SingleKind::Dummy => {}
            SingleKind::Vlan { protocol, vid, .. } => match tape.pick(2) {
                0 => *vid = 30 - *vid,
                _ => *protocol = VlanProtocol::Ad,
            },
            SingleKind::Macvlan { mode, .. } => {
                let passthru = *mode == MacvlanMode::Passthru;
                *mode = if passthru || *mode == MacvlanMode::Vepa { MacvlanMode::Bridge } else { MacvlanMode::Vepa };
                if passthru {
                    s.mac = Some(default_mac(&s.id));
                }
            }
            SingleKind::Ipvlan { mode, .. } => {
                *mode = if *mode == IpvlanMode::L3 { IpvlanMode::L2 } else { IpvlanMode::L3 };
            }
            SingleKind::Bond(Bond { mode, miimon }) => match tape.pick(2) {
                0 => *miimon = 150 - *miimon % 150,
                _ => *mode = BondMode::BalanceXor,
            },
            SingleKind::Vrf { table } => *table = 401 - *table,
        },
    }
    s
}

/// Gives what comes with a resource to others: a bond's address and MTU to its members, which are up; a mode of ipvlan to all on the parent.
pub(super) fn spread(state: &mut HostState, new: &Resource) {
    match new {
        Resource::Port(port) if master(state, &port.master()) == Some(Master::Bond) => {
            let bond = port.master();
            if let Some(mac) = mac(state, &bond) {
                be_member(state, &port.device, mac, mtu(state, &bond));
            }
        }
        Resource::Device(Device::Single(s)) => match &s.kind {
            SingleKind::Bond(_) => {
                let is_member = |r: &Resource| match r {
                    Resource::Port(port) if port.master() == s.id => Some(port.device.clone()),
                    _ => None,
                };
                let members: Vec<DeviceId> = state.iter().filter_map(|(_, r)| is_member(r)).collect();
                for id in members {
                    if let (Some(mac), Some(mtu)) = (s.mac, s.mtu) {
                        be_member(state, &id, mac, mtu);
                    }
                }
            }
            SingleKind::Ipvlan { parent, .. } => {
                let siblings: Vec<Single> = state.children(parent).cloned().collect();
                for sibling in siblings.into_iter().filter(|other| matches!(other.kind, SingleKind::Ipvlan { .. })) {
                    let sibling = Single { kind: s.kind.clone(), ..sibling };
                    replace(state, Resource::Device(Device::Single(Box::new(sibling))));
                }
            }
            SingleKind::Dummy | SingleKind::Vlan { .. } | SingleKind::Macvlan { .. } | SingleKind::Vrf { .. } => {}
            SingleKind::Vxlan(_) | SingleKind::Gretap(_) | SingleKind::Gre(_) => {}
        },
        _ => {}
    }
}

fn replace(state: &mut HostState, new: Resource) {
    state.remove(&new.key());
    state.insert(new);
}

fn be_member(state: &mut HostState, id: &DeviceId, mac: Mac, mtu: u32) {
    if !devices(state).contains(id) {
        return;
    }
    let new = match device(state, id) {
        Some(Device::Veth(v)) => {
            let [a, b] = v.ends().clone().map(|end| match end.id == *id {
                true => End { mac, mtu, link_local: end.link_local && may_be_link_local(mtu), ..end },
                false => end,
            });
            Device::Veth(Veth::new(a, b))
        }
        Some(Device::Single(s)) if s.kind == SingleKind::Dummy => {
            let link_local = s.link_local && may_be_link_local(mtu);
            // What has none of its own, keeps none.
            let (mac, mtu) = (s.mac.map(|_| mac), s.mtu.map(|_| mtu));
            Device::Single(Box::new(Single { mac, mtu, link_local, ..(**s).clone() }))
        }
        Some(Device::Single(_) | Device::Bridge(_) | Device::Stray { .. }) | None => return,
    };
    replace(state, Resource::Device(new));
    state.insert(Resource::Up(id.clone()));
}
