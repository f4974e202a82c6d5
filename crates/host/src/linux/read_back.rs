//! Turns what a namespace shows into resources: ours by their marks, others' where they matter.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use netsim_core::names::{IfName, LabName, Mac};
use netsim_core::resource::{
    Address, Bridge, Device, DeviceId, EVERYBODY, End, Fdb, Key, Neighbour, Netns, NetnsId, NextHop, Port, PortVlans,
    Qdisc, QdiscKind, Resource, Route, Single, Veth,
};
use netsim_core::state::{Foreign, Observed, Scope};
use rustc_hash::FxHashMap;

use super::device::{Kind, LO_INDEX, Link, Sort, lab_of};
use super::observe::{Asked, Space, filters, is_marked, is_of_lab};
use super::peers::Pairs;
use super::tunnels::{is_on_its_way, is_over_host};
use super::{address, neighbour, qdisc, route, switched};

/// Devices that a kernel puts into every new namespace when the module is there: nobody's.
const BORN: [&str; 11] = [
    "tunl0",
    "gre0",
    "gretap0",
    "erspan0",
    "ip_vti0",
    "ip6_vti0",
    "sit0",
    "ip6tnl0",
    "ip6gre0",
    "ip6gretap0",
    "ip6erspan0",
];

/// Address protocols of the kernel itself (IFAPROT_KERNEL_LO, _RA and _LL, linux/if_addr.h).
const IFAPROT_KERNEL: std::ops::RangeInclusive<u8> = 1..=3;

/// The devices of one namespace by their numbers.
type Links<'a> = FxHashMap<u32, &'a Link>;

/// Adds what one namespace shows.
pub(crate) fn add(observed: &mut Observed, scope: &Scope, asked: &Asked, spaces: &[Space], at: usize, pairs: &Pairs) {
    let space = &spaces[at];
    let links: Links = space.links.iter().map(|l| (l.index, l)).collect();
    let id = |name: IfName| DeviceId { netns: space.id.clone(), name };
    if let (NetnsId::Named(name), Some(mark)) = (&space.id, &space.mark) {
        observed.ours.insert(Resource::Netns(Netns::new(name.clone(), mark.node.clone())));
    }
    for link in &space.links {
        let lo = link.index == LO_INDEX && space.mark.is_some();
        if !lo && !is_of_lab(&scope.lab, link) {
            add_foreign_device(observed, scope, asked, (spaces, at), link, pairs);
            continue;
        }
        let made = matches!(link.kind, Kind::Switched { .. });
        if !lo && !made {
            observed.ours.insert(Resource::Device(device(spaces, at, link, pairs)));
        }
        // Without its mark a device is not as it shall be, and coming up is what it gets it with.
        if link.up && link.kind != (Kind::Switched { marked: false }) {
            observed.ours.insert(Resource::Up(id(link.name)));
        }
        // What is a port of Open vSwitch its database says.
        let master = link.master.and_then(|m| links.get(&m)).filter(|master| !switched::is_datapath(master));
        if let Some(master) = master {
            let port = Port { device: id(link.name), master: master.name, settings: link.port };
            observed.ours.insert(Resource::Port(port));
        }
        let bridge = master.filter(|_| !matches!(link.kind, Kind::Bridge(_))).map_or(link, |master| master);
        if let Some(seen) = space.vlans.get(&link.index).filter(|_| filters(&scope.lab, bridge)) {
            let vlans = PortVlans::new(id(link.name), seen.ranges.iter().copied(), seen.pvid);
            observed.ours.insert(Resource::PortVlans(vlans));
        }
    }
    for seen in &space.addresses {
        add_address(observed, scope, asked, space, seen, &links);
    }
    for seen in &space.routes {
        add_route(observed, scope, asked, space, seen, &links);
    }
    for seen in &space.qdiscs {
        add_qdisc(observed, scope, asked, space, seen, &links);
    }
    for seen in &space.entries {
        add_entry(observed, scope, space, seen, &links);
    }
    for tuning in &space.tunings {
        observed.ours.insert(Resource::Tuning(tuning.clone()));
    }
    for sysctl in &space.sysctls {
        observed.ours.insert(Resource::Sysctl(sysctl.clone()));
    }
    for ran in space.ran() {
        observed.ours.insert(ran);
    }
}

/// A marked device as a resource.
fn device(spaces: &[Space], at: usize, link: &Link, pairs: &Pairs) -> Device {
    let id = DeviceId { netns: spaces[at].id.clone(), name: link.name };
    let stray = |what: String| Device::Stray { id: id.clone(), what: what.into() };
    match &link.kind {
        Kind::Bridge(settings) => match link.mac {
            Some(mac) => Device::Bridge(Bridge {
                multicast_snooping: settings.multicast_snooping,
                stp: settings.stp,
                forward_delay: settings.forward_delay,
                ageing: settings.ageing,
                vlan_filtering: settings.vlan_filtering,
                link_local: link.link_local,
                full_name: full_name(link),
                ..Bridge::new(id, mac)
            }),
            None => stray("bridge without an address".into()),
        },
        Kind::Veth => {
            let ends = pairs.get(&(at, link.index)).and_then(|(space, position)| {
                let there = &spaces[*space];
                Some((end(&spaces[at], link)?, end(there, &there.links[*position])?))
            });
            ends.map_or_else(|| stray("half a veth pair".into()), |(a, b)| Device::Veth(Veth::new(a, b)))
        }
        Kind::Single(sort) if is_on_its_way(&id) => stray(format!("{} on its way to its node", sort.name())),
        Kind::Single(sort) => match single(spaces, at, link, *sort, pairs) {
            Some(single) => Device::Single(Box::new(single)),
            None if sort.is_tunnel() => stray(format!("{} with its underlay elsewhere", sort.name())),
            None => stray(format!("{} on a device elsewhere", sort.name())),
        },
        Kind::Switched { .. } => stray("device of Open vSwitch".into()),
        Kind::Other(kind) if kind.is_empty() => stray("device of no kind".into()),
        Kind::Other(kind) => stray(format!("{kind} device")),
    }
}

fn end(space: &Space, link: &Link) -> Option<End> {
    Some(End {
        mtu: link.mtu,
        queues: link.queues(),
        tx_queue_len: link.tx_queue_len,
        link_local: link.link_local,
        full_name: full_name(link),
        ..End::new(DeviceId { netns: space.id.clone(), name: link.name }, link.mac?)
    })
}

/// A device with one name; none where what it stands on is not known.
fn single(spaces: &[Space], at: usize, link: &Link, sort: Sort, pairs: &Pairs) -> Option<Single> {
    let id = DeviceId { netns: spaces[at].id.clone(), name: link.name };
    if sort.is_tunnel() && !is_over_host(link, &id.netns, spaces[at].home) {
        return None;
    }
    let beneath = match sort {
        Sort::Vxlan { link, .. } => {
            let host = &spaces[0];
            let device = host.links.iter().find(|device| device.index == link);
            device.map(|device| DeviceId { netns: host.id.clone(), name: device.name })
        }
        _ => pairs.get(&(at, link.index)).map(|(space, position)| {
            let there = &spaces[*space];
            DeviceId { netns: there.id.clone(), name: there.links[*position].name }
        }),
    };
    let kind = sort.on(&id, beneath)?;
    Some(Single {
        id,
        mac: link.mac.filter(|_| kind.has_mac()),
        mtu: kind.has_mtu().then_some(link.mtu),
        link_local: link.link_local,
        full_name: full_name(link),
        kind,
    })
}

/// The altname that is the name as written: it did not fit as a name, and the name is made from its beginning.
/// What else there is was given by others, or is a note of ours (`tuned=…`).
pub(crate) fn full_name(link: &Link) -> Option<Arc<str>> {
    let long = || link.altnames.iter().filter(|a| a.len() > IfName::MAX && !a.contains('='));
    let shared = |a: &&String| a.bytes().zip(link.name.as_str().bytes()).take_while(|(a, b)| a == b).count();
    long().max_by_key(shared).map(|a| a.as_str().into())
}

fn add_foreign_device(
    observed: &mut Observed,
    scope: &Scope,
    asked: &Asked,
    (spaces, at): (&[Space], usize),
    link: &Link,
    pairs: &Pairs,
) {
    let space = &spaces[at];
    let key = Key::Device(DeviceId { netns: space.id.clone(), name: link.name });
    let shown = match space.id {
        NetnsId::Host => asked.keys.contains(&key) || stands_on_one_of(&scope.lab, (spaces, at), link, pairs),
        NetnsId::Named(_) => link.index != LO_INDEX && !BORN.contains(&link.name.as_str()),
    };
    if shown {
        let kind = match &link.kind {
            Kind::Veth => "veth device",
            Kind::Bridge(_) => "bridge",
            Kind::Single(sort) => sort.name(),
            Kind::Switched { .. } => "device of Open vSwitch",
            Kind::Other(kind) if kind.is_empty() => "device",
            Kind::Other(kind) => kind,
        };
        let lab = lab_of(&link.alias);
        let what = lab.as_ref().map_or_else(|| format!("{kind} made by hand"), |l| format!("{kind} of lab {l}"));
        // Of what stands on another device, what it is can be in the way of others there.
        let resource = match &link.kind {
            Kind::Single(sort) => single(spaces, at, link, *sort, pairs),
            Kind::Veth | Kind::Bridge(_) | Kind::Switched { .. } | Kind::Other(_) => None,
        };
        let resource = resource.map(|single| Resource::Device(Device::Single(Box::new(single))));
        observed.others.insert(key, Foreign { what: what.into(), lab, resource });
    }
}

/// Whether a device stands on one of the lab's.
fn stands_on_one_of(lab: &LabName, (spaces, at): (&[Space], usize), link: &Link, pairs: &Pairs) -> bool {
    let beneath = pairs.get(&(at, link.index)).filter(|_| matches!(link.kind, Kind::Single(_)));
    beneath.is_some_and(|(space, position)| is_of_lab(lab, &spaces[*space].links[*position]))
}

/// Whether something unmarked with this key is worth telling: in our namespaces always, in the host's if its name is asked for.
fn matters(asked: &Asked, space: &Space, key: &Key) -> bool {
    space.id != NetnsId::Host || asked.keys.contains(key)
}

fn add_address(
    observed: &mut Observed,
    scope: &Scope,
    asked: &Asked,
    space: &Space,
    seen: &address::Seen,
    links: &Links,
) {
    let Some(link) = links.get(&seen.index) else { return };
    let address = Address { device: DeviceId { netns: space.id.clone(), name: link.name }, net: seen.net };
    let marked = if asked.marks_addresses { is_marked(seen.protocol) } else { may_be_ours(link, seen) };
    if marked && (space.mark.is_some() || is_of_lab(&scope.lab, link)) {
        observed.ours.insert(Resource::Address(address));
    } else if !of_the_kernel(link, seen) && matters(asked, space, &address.key()) {
        observed.others.insert(address.key(), foreign("address", Some(Resource::Address(address))));
    }
}

/// Where the kernel keeps no marks on addresses, all those on devices of ours count as ours but what a kernel gives by itself.
fn may_be_ours(link: &Link, seen: &address::Seen) -> bool {
    let link_local = matches!(seen.net.addr(), IpAddr::V6(a) if a.is_unicast_link_local());
    !of_the_kernel(link, seen) && !link_local
}

/// Whether a kernel made the address: it says so since Linux 5.18, but not of 127.0.0.1.
fn of_the_kernel(link: &Link, seen: &address::Seen) -> bool {
    let born: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    IFAPROT_KERNEL.contains(&seen.protocol) || (link.index == LO_INDEX && born.contains(&seen.net.addr()))
}

fn foreign(kind: &str, resource: Option<Resource>) -> Foreign {
    Foreign { what: format!("{kind} made by hand").into(), lab: None, resource }
}

fn add_route(observed: &mut Observed, scope: &Scope, asked: &Asked, space: &Space, seen: &route::Seen, links: &Links) {
    let hop =
        |&(index, gateway, weight): &(u32, _, _)| Some(NextHop { device: links.get(&index)?.name, gateway, weight });
    let Some(mut via) = seen.via.iter().map(hop).collect::<Option<Vec<_>>>() else { return };
    via.sort();
    let route = Route { netns: space.id.clone(), table: seen.table, to: seen.to, metric: seen.metric, via };
    let through_ours = || {
        let of_lab = |index: &u32| links.get(index).is_some_and(|l| is_of_lab(&scope.lab, l));
        seen.via.iter().all(|(index, ..)| of_lab(index))
    };
    let key = Key::Route { netns: space.id.clone(), table: seen.table, to: seen.to, metric: seen.metric };
    if is_marked(seen.protocol) && seen.unicast && !route.via.is_empty() && (space.mark.is_some() || through_ours()) {
        observed.ours.insert(Resource::Route(route));
    } else if matters(asked, space, &key) {
        let plain = seen.unicast && !route.via.is_empty();
        observed.others.insert(key, foreign("route", plain.then_some(Resource::Route(route))));
    }
}

/// Where a tunnel has been told that others are is of whoever its device is. Where it sends by default is a part of the device.
fn add_entry(observed: &mut Observed, scope: &Scope, space: &Space, seen: &neighbour::Seen, links: &Links) {
    let Some(link) = links.get(&seen.index).filter(|link| is_of_lab(&scope.lab, link)) else { return };
    let device = DeviceId { netns: space.id.clone(), name: link.name };
    match link.kind {
        Kind::Single(Sort::Vxlan { vxlan, .. }) => {
            let told = seen.mac().zip(seen.address).filter(|_| seen.own && seen.master.is_none());
            let by_default = |(mac, to): &(Mac, IpAddr)| *mac == EVERYBODY && vxlan.remote == Some(*to);
            if let Some((mac, to)) = told.filter(|told| !by_default(told)) {
                observed.ours.insert(Resource::Fdb(Fdb { device, mac, to }));
            }
        }
        Kind::Single(Sort::Gre(_)) => {
            if let Some((address, to)) = seen.address.zip(address::ip(&seen.link)) {
                observed.ours.insert(Resource::Neighbour(Neighbour { device, address, to }));
            }
        }
        _ => {}
    }
}

/// A queueing discipline is of whoever its device is, if its handle is ours. What a hand gave a device of ours is in the way where ours shall be.
fn add_qdisc(observed: &mut Observed, scope: &Scope, asked: &Asked, space: &Space, seen: &qdisc::Seen, links: &Links) {
    let lo = |link: &Link| link.index == LO_INDEX && space.mark.is_some();
    let Some(link) = links.get(&seen.index).filter(|l| lo(l) || is_of_lab(&scope.lab, l)) else { return };
    if asked.switched.rules(link.name, seen) && space.id == NetnsId::Host {
        return;
    }
    let device = DeviceId { netns: space.id.clone(), name: link.name };
    let key = Key::Qdisc(device.clone());
    match &seen.kind {
        QdiscKind::Other(name) if !seen.ours && !asked.keys.contains(&key) => {
            observed.others.insert(key, foreign(&format!("{name} qdisc"), None));
        }
        kind => observed.ours.insert(Resource::Qdisc(Qdisc { device, kind: kind.clone() })),
    }
}
