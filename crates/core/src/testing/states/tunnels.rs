//! Random tunnels, and what they are told of the far side.

use std::net::IpAddr;

use super::devices::can_be_parent;
use super::{devices, fits, single_of};
use crate::names::{IfName, Mac};
use crate::resource::{
    DeviceId, Df, EVERYBODY, Fdb, GENEVE_PORT, Gre, Neighbour, NetnsId, OvsTunnel, OvsTunnelKind, Resource, Single,
    SingleKind, VXLAN_PORT, Vxlan,
};
use crate::state::HostState;
use crate::testing::Tape;

/// The UDP port of tunnels of Open vSwitch, which VXLAN devices leave alone.
const OVS_PORT: u16 = 4791;

/// An address of the underlay: the first is the machine's own.
fn underlay(v6: bool, number: usize) -> IpAddr {
    let text = if v6 { format!("fd0f::{number}") } else { format!("192.0.2.{number}") };
    text.parse().expect("made from constants")
}

fn far(v6: bool, tape: &mut Tape) -> IpAddr {
    underlay(v6, 2 + tape.pick(3))
}

pub(super) fn vxlan(state: &HostState, tape: &mut Tape) -> Vxlan {
    let v6 = tape.pick(4) == 3;
    let port = [VXLAN_PORT, VXLAN_PORT + 1][tape.pick(2)];
    let mut below = devices(state);
    below.retain(|id| id.netns == NetnsId::Host && can_be_parent(state, id));
    let device = if tape.pick(3) == 2 { tape.one_of(&below).map(|id| id.name) } else { None };
    let group: Option<IpAddr> = (device.is_some() && !v6).then(|| "239.1.1.1".parse().expect("a constant"));
    let remote = match tape.pick(4) {
        0 | 1 => Some(far(v6, tape)),
        2 => None,
        _ => group,
    };
    Vxlan {
        vni: [7, 8, 9][tape.pick(3)],
        port,
        local: underlay(v6, 1),
        remote,
        device,
        ttl: [0, 9][usize::from(tape.pick(4) == 3)],
        // Over IPv6 all at one port are alike: they share a socket.
        checksum: if v6 { port == VXLAN_PORT } else { tape.mostly(4) },
        df: if v6 { Df::Unset } else { [Df::Unset, Df::Set, Df::Inherit][tape.pick(3)] },
        learning: tape.mostly(3),
    }
}

pub(super) fn changed_vxlan(vxlan: &mut Vxlan, tape: &mut Tape) {
    let v6 = vxlan.local.is_ipv6();
    match tape.pick(6) {
        0 => vxlan.vni = 16 - vxlan.vni,
        1 => vxlan.remote = Some(far(v6, tape)),
        2 => vxlan.remote = None,
        3 => vxlan.ttl = 9 - vxlan.ttl % 10,
        4 if !v6 => vxlan.df = if vxlan.df == Df::Set { Df::Unset } else { Df::Set },
        _ => vxlan.learning = !vxlan.learning,
    }
}

/// GRE between two machines; of packets also from one to whoever its neighbours are.
pub(super) fn gre(packets: bool, tape: &mut Tape) -> Gre {
    let v6 = tape.pick(4) == 3;
    let many = packets && !v6 && tape.pick(2) == 1;
    Gre {
        local: underlay(v6, 1),
        remote: (!many).then(|| far(v6, tape)),
        key: [None, Some(5)][tape.pick(2)],
        ttl: [0, 9][usize::from(tape.pick(4) == 3)],
        checksum: tape.pick(4) == 3,
    }
}

pub(super) fn changed_gre(gre: &mut Gre, tape: &mut Tape) {
    match tape.pick(4) {
        0 => gre.key = if gre.key.is_some() { None } else { Some(5) },
        1 => gre.remote = gre.remote.map(|_| far(gre.local.is_ipv6(), tape)),
        2 => gre.ttl = 9 - gre.ttl % 10,
        _ => gre.checksum = !gre.checksum,
    }
}

fn of_kind(state: &HostState, is: impl Fn(&SingleKind) -> bool) -> Vec<DeviceId> {
    let mut found = devices(state);
    found.retain(|id| single_of(state, id).is_some_and(|single| is(&single.kind)));
    found
}

pub(super) fn fdb(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let devices = of_kind(state, |kind| matches!(kind, SingleKind::Vxlan(_)));
    let device = tape.one_of(&devices)?.clone();
    let v6 = matches!(&single_of(state, &device)?.kind, SingleKind::Vxlan(vxlan) if vxlan.local.is_ipv6());
    let mac = [EVERYBODY, Mac([2, 0, 0, 0, 1, 1]), Mac([2, 0, 0, 0, 1, 2])][tape.pick(3)];
    Some(Resource::Fdb(Fdb { device, mac, to: far(v6, tape) }))
}

pub(super) fn neighbour(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let devices = of_kind(state, |kind| matches!(kind, SingleKind::Gre(Gre { remote: None, .. })));
    let device = tape.one_of(&devices)?.clone();
    let number = tape.pick(3);
    let address = if tape.pick(3) == 2 { format!("fd00:{number}::1:1") } else { format!("10.0.{number}.110") };
    Some(Resource::Neighbour(Neighbour {
        device,
        address: address.parse().expect("made from constants"),
        to: far(false, tape),
    }))
}

/// Whether a device takes an entry: one for each Ethernet address but the one that stands for everybody, and of that no second for its remote.
pub(super) fn fdb_fits(fdb: &Fdb, state: &HostState) -> bool {
    let Some(Single { kind: SingleKind::Vxlan(vxlan), .. }) = single_of(state, &fdb.device) else { return false };
    let other = |resource: &Resource| match resource {
        Resource::Fdb(other) => (&other.device, other.mac) == (&fdb.device, fdb.mac) && other.to != fdb.to,
        _ => false,
    };
    let alone = if fdb.mac == EVERYBODY {
        vxlan.remote != Some(fdb.to)
    } else {
        !state.iter().any(|(_, resource)| other(resource))
    };
    alone && vxlan.local.is_ipv4() == fdb.to.is_ipv4()
}

pub(super) fn neighbour_fits(neighbour: &Neighbour, state: &HostState) -> bool {
    let Some(Single { kind: SingleKind::Gre(gre), .. }) = single_of(state, &neighbour.device) else { return false };
    let wide = fits::mtu(state, &neighbour.device) >= fits::IPV6_MIN_MTU;
    gre.remote.is_none() && gre.local.is_ipv4() == neighbour.to.is_ipv4() && (neighbour.address.is_ipv4() || wide)
}

/// The greatest MTU of a tunnel over the device that it sends by.
pub(super) fn widest(kind: &SingleKind, state: &HostState) -> Option<u32> {
    let below = fits::mtu(state, &kind.underlay()?);
    match kind {
        SingleKind::Vxlan(vxlan) => Some(below - if vxlan.local.is_ipv6() { 70 } else { 50 }),
        SingleKind::Gretap(_)
        | SingleKind::Gre(_)
        | SingleKind::Dummy
        | SingleKind::Vlan { .. }
        | SingleKind::Macvlan { .. }
        | SingleKind::Ipvlan { .. }
        | SingleKind::Bond(_)
        | SingleKind::Vrf { .. } => None,
    }
}

/// Whether a tunnel can be over what it sends by: nothing whose MTU moves with what is on it. GRE over IPv6 is given its MTU when IPv6 has seen another
/// (`ip6gre_newlink_common`), and has IPv6 with one that is too small for that.
pub(super) fn single_fits(single: &Single, state: &HostState) -> bool {
    let narrow = || widest(&single.kind, state).zip(single.mtu).is_some_and(|(most, mtu)| mtu <= most);
    let over_v6 = match &single.kind {
        SingleKind::Gretap(gre) | SingleKind::Gre(gre) => gre.local.is_ipv6(),
        SingleKind::Vxlan(_)
        | SingleKind::Dummy
        | SingleKind::Vlan { .. }
        | SingleKind::Macvlan { .. }
        | SingleKind::Ipvlan { .. }
        | SingleKind::Bond(_)
        | SingleKind::Vrf { .. } => false,
    };
    let seen = !over_v6 || single.mtu.is_some_and(|mtu| mtu >= fits::IPV6_MIN_MTU);
    seen && single.kind.underlay().is_none_or(|below| can_be_parent(state, &below) && narrow())
}

pub(super) fn ovs_port(tape: &mut Tape) -> (IfName, OvsTunnel) {
    let name = IfName::new(["t0", "t1"][tape.pick(2)]).expect("a constant");
    let kind = match tape.pick(4) {
        0 | 1 => OvsTunnelKind::Vxlan { port: OVS_PORT },
        2 => OvsTunnelKind::Geneve { port: GENEVE_PORT },
        _ => OvsTunnelKind::Gre,
    };
    let v6 = tape.pick(4) == 3;
    let tunnel = OvsTunnel {
        kind,
        local: underlay(v6, 1),
        remote: far(v6, tape),
        key: [None, Some(5)][tape.pick(2)],
        ttl: [0, 9][usize::from(tape.pick(4) == 3)],
        checksum: tape.pick(4) == 3,
        df: tape.mostly(4),
    };
    (name, tunnel)
}

pub(super) fn changed_ovs(tunnel: &mut OvsTunnel, tape: &mut Tape) {
    match tape.pick(3) {
        0 => tunnel.remote = far(tunnel.local.is_ipv6(), tape),
        1 => tunnel.key = if tunnel.key.is_some() { None } else { Some(5) },
        _ => tunnel.ttl = 9 - tunnel.ttl % 10,
    }
}
