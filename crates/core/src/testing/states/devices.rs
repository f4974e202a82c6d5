//! Random devices.

use super::{device, devices, if_name, place, places, tunnels};
use crate::names::Mac;
use crate::resource::{
    Bond, BondMode, Bridge, Device, DeviceId, End, IpvlanMode, MacvlanMode, NetnsId, Resource, Single, SingleKind,
    Veth, VlanProtocol,
};
use crate::state::HostState;
use crate::testing::Tape;
use crate::testing::states::fits::{IPV6_MIN_MTU, mtu};
use crate::testing::text::default_mac;

fn mac(id: &DeviceId, tape: &mut Tape) -> Mac {
    if tape.pick(8) == 7 { Mac([2, 0, 0, 0, 0, 7]) } else { default_mac(id) }
}

fn full_name(id: &DeviceId, tape: &mut Tape) -> Option<std::sync::Arc<str>> {
    (tape.pick(4) == 3).then(|| format!("{}-with-a-long-name", id.name).into())
}

pub(super) fn bridge(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let id = DeviceId { netns: place(state, tape), name: if_name(["br0", "br1"][tape.pick(2)]) };
    let full_name = full_name(&id, tape);
    let mac = mac(&id, tape);
    let (forward_delay, ageing) = [(1500, 30_000), (200, 0)][usize::from(tape.pick(6) == 5)];
    let (multicast_snooping, vlan_filtering, stp) = (tape.pick(2) == 1, tape.pick(2) == 1, tape.pick(6) == 5);
    let bridge = Bridge {
        multicast_snooping,
        vlan_filtering,
        stp,
        forward_delay,
        // Under STP the kernel sets it itself at times.
        ageing: if stp { 30_000 } else { ageing },
        full_name,
        ..Bridge::new(id, mac)
    };
    Some(Resource::Device(Device::Bridge(bridge)))
}

pub(super) fn veth(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let (a, b) = (end(state, tape), end(state, tape));
    (a.id != b.id).then(|| Resource::Device(Device::Veth(Veth::new(a, b))))
}

pub(super) fn end(state: &HostState, tape: &mut Tape) -> End {
    const NAMES: [&str; 5] = ["e0", "e1", "e2", "e3", "br1"];
    let id = DeviceId { netns: place(state, tape), name: if_name(NAMES[tape.pick(NAMES.len())]) };
    let full_name = full_name(&id, tape);
    let (mac, mtu) = (mac(&id, tape), some_mtu(tape));
    let (queues, tx_queue_len) = ([1, 1, 1, 2][tape.pick(4)], [1000, 1000, 1000, 20][tape.pick(4)]);
    let link_local = may_be_link_local(mtu) && tape.pick(4) == 3;
    End { mtu, link_local, full_name, queues, tx_queue_len, ..End::new(id, mac) }
}

/// Where there is no IPv6 there is no such mode either (`inet6_set_link_af` gives EAFNOSUPPORT).
pub(super) fn may_be_link_local(mtu: u32) -> bool {
    mtu >= IPV6_MIN_MTU
}

pub(super) fn some_mtu(tape: &mut Tape) -> u32 {
    [1500, 1500, 1500, 1400, 9000, 1000][tape.pick(6)]
}

pub(super) fn single(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let at = place(state, tape);
    let named = |name: &str, netns: &NetnsId| DeviceId { netns: netns.clone(), name: if_name(name) };
    let (id, kind) = match tape.pick(12) {
        0 => (named(["d0", "d1"][tape.pick(2)], &at), SingleKind::Dummy),
        1 | 2 => {
            let parent = parent(state, tape)?;
            let vid = [10, 20][tape.pick(2)];
            let protocol = [VlanProtocol::Q, VlanProtocol::Ad][usize::from(tape.pick(5) == 4)];
            let id = named(["v0", "v1", "e1"][tape.pick(3)], &parent.netns);
            (id, SingleKind::Vlan { parent: parent.name, vid, protocol })
        }
        3 => {
            const MODES: [MacvlanMode; 5] = [
                MacvlanMode::Bridge,
                MacvlanMode::Bridge,
                MacvlanMode::Private,
                MacvlanMode::Vepa,
                MacvlanMode::Passthru,
            ];
            let (parent, mode) = (parent(state, tape)?, MODES[tape.pick(MODES.len())]);
            (named(["m0", "m1"][tape.pick(2)], &at), SingleKind::Macvlan { parent, mode })
        }
        4 => {
            const MODES: [IpvlanMode; 4] = [IpvlanMode::L2, IpvlanMode::L2, IpvlanMode::L3, IpvlanMode::L3s];
            let (parent, mode) = (parent(state, tape)?, MODES[tape.pick(MODES.len())]);
            (named(["i0", "i1"][tape.pick(2)], &at), SingleKind::Ipvlan { parent, mode })
        }
        5 | 6 => {
            const MODES: [BondMode; 3] = [BondMode::ActiveBackup, BondMode::BalanceXor, BondMode::Lacp];
            let bond = Bond { mode: MODES[tape.pick(MODES.len())], miimon: [100, 0][usize::from(tape.pick(4) == 3)] };
            (named(["b0", "b1"][tape.pick(2)], &at), SingleKind::Bond(bond))
        }
        7 | 8 => (named(["x0", "x1", "e2"][tape.pick(3)], &at), SingleKind::Vxlan(tunnels::vxlan(state, tape))),
        9 => (named(["g0", "g1"][tape.pick(2)], &at), SingleKind::Gretap(tunnels::gre(false, tape))),
        10 => (named(["g0", "g1"][tape.pick(2)], &at), SingleKind::Gre(tunnels::gre(true, tape))),
        _ => {
            let (name, table) = [("red", 200), ("blue", 201)][tape.pick(2)];
            // A kernel keeps rules for VRFs in a namespace that had one.
            let places = places(state);
            let at = tape.one_of(&places[..places.len() - 1])?;
            (named(name, at), SingleKind::Vrf { table })
        }
    };
    let full_name = full_name(&id, tape);
    let below = kind.parent(&id).map(|parent| mtu(state, &parent)).or_else(|| tunnels::widest(&kind, state));
    let mtu = match below {
        Some(most) => [most, most.min(1400)][usize::from(tape.pick(4) == 3)],
        None => some_mtu(tape),
    };
    let mac = kind.has_mac().then(|| if below.is_some() { default_mac(&id) } else { mac(&id, tape) });
    let mtu = Some(mtu).filter(|_| kind.has_mtu());
    let link_local = may_be_link_local(mtu.unwrap_or(IPV6_MIN_MTU)) && tape.pick(4) == 3;
    Some(Resource::Device(Device::Single(Box::new(Single { id, mac, mtu, link_local, full_name, kind }))))
}

/// A device that others can stand on.
fn parent(state: &HostState, tape: &mut Tape) -> Option<DeviceId> {
    let mut parents = devices(state);
    parents.retain(|id| can_be_parent(state, id));
    tape.one_of(&parents).cloned()
}

/// Bridges are left out, whose MTU moves with their ports; and macvlan and ipvlan devices, on which a kernel puts nothing but on what they stand on.
pub(super) fn can_be_parent(state: &HostState, id: &DeviceId) -> bool {
    match device(state, id) {
        Some(Device::Veth(_)) => true,
        Some(Device::Single(single)) => match single.kind {
            SingleKind::Dummy | SingleKind::Vlan { .. } | SingleKind::Bond(_) => true,
            SingleKind::Vxlan(_) | SingleKind::Gretap(_) => true,
            SingleKind::Macvlan { .. } | SingleKind::Ipvlan { .. } | SingleKind::Vrf { .. } | SingleKind::Gre(_) => {
                false
            }
        },
        Some(Device::Bridge(_) | Device::Stray { .. }) | None => false,
    }
}
