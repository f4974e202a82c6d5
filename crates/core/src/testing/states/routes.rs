//! Random routes.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Master, devices, master, master_of, places};
use crate::names::IfName;
use crate::resource::{DeviceId, Key, NetnsId, NextHop, Resource, Route, TABLE_MAIN};
use crate::state::HostState;
use crate::testing::Tape;

pub(super) fn route(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let places = places(state);
    let netns = tape.one_of(&places)?.clone();
    let v6 = tape.pick(5) > 2;
    let number = tape.pick(3);
    let to = if v6 { format!("fd09:{number}::/64") } else { format!("10.9.{number}.0/24") };
    let to = to.parse().expect("made from constants");
    let metric = [if v6 { 1024 } else { 0 }, 7][usize::from(tape.pick(4) == 3)];
    let mut via = Vec::new();
    for _ in 0..=tape.pick(3) {
        add_hop(state, &netns, v6, &mut via, tape);
    }
    if via.is_empty() {
        return None;
    }
    alone(&mut via);
    let first = DeviceId { netns: netns.clone(), name: via[0].device };
    let table = match master_of(state, &first) {
        Some(Master::Vrf { table }) => table,
        Some(Master::Bridge { .. } | Master::Bond) | None => [TABLE_MAIN, 100][usize::from(tape.pick(8) == 7)],
    };
    Some(Resource::Route(Route { netns, table, to, metric, via }))
}

/// Adds a next hop, by way of a device that is up.
pub(super) fn add_hop(state: &HostState, netns: &NetnsId, v6: bool, via: &mut Vec<NextHop>, tape: &mut Tape) {
    let mut ways = devices(state);
    // A VRF itself leads nowhere.
    let is_vrf = |d: &DeviceId| matches!(master(state, d), Some(Master::Vrf { .. }));
    let is_up = |d: &DeviceId| state.get(&Key::Up(d.clone())).is_some();
    ways.retain(|d| d.netns == *netns && d.name != IfName::LO && is_up(d) && !is_vrf(d));
    let gateways = |d: &DeviceId| state.addresses(d).iter().flat_map(gateways).map(Some).collect::<Vec<_>>();
    let with = |d: &DeviceId| gateways(d).into_iter().map(|gateway| (d.name, gateway)).collect::<Vec<_>>();
    let mut hops: Vec<(IfName, Option<IpAddr>)> = if tape.pick(5) == 4 {
        ways.iter().map(|d| (d.name, None)).collect()
    } else {
        ways.iter().flat_map(with).filter(|(_, gateway)| gateway.is_some_and(|g| g.is_ipv6() == v6)).collect()
    };
    hops.retain(|hop| via.iter().all(|had| (had.device, had.gateway) != *hop));
    hops.dedup();
    let Some(&(device, gateway)) = tape.one_of(&hops) else { return };
    // The kernel takes no next hop without a gateway into an IPv6 multipath route.
    if !v6 || via.is_empty() || gateway.is_some() && via.iter().all(|had| had.gateway.is_some()) {
        via.push(NextHop { device, gateway, weight: if tape.pick(4) == 3 { 3 } else { 1 } });
        via.sort();
    }
}

/// A next hop that is the only one has no share, and a kernel remembers none.
pub(super) fn alone(via: &mut [NextHop]) {
    if let [only] = via {
        only.weight = 1;
    }
}

/// Neighbours in the subnet of an address that no device has as its own.
fn gateways(address: &Key) -> Vec<IpAddr> {
    let Key::Address(_, net) = address else { return Vec::new() };
    match net {
        IpNet::V4(v4) if v4.prefix_len() < 32 => {
            let [a, b, c, _] = v4.network().octets();
            [100, 101].map(|last| IpAddr::from([a, b, c, last])).to_vec()
        }
        // The key has no prefix length, so the subnet is known from how `address` makes it: a /64.
        IpNet::V6(v6) if v6.addr().segments()[0] == 0xfd00 => {
            let [a, b, ..] = v6.addr().segments();
            [0x100, 0x101].map(|last| IpAddr::from([a, b, 0, 0, 0, 0, 0, last])).to_vec()
        }
        IpNet::V4(_) | IpNet::V6(_) => Vec::new(),
    }
}
