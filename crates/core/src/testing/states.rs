//! Random small states, valid and such that Linux can be in them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Tape;
use super::text::default_mac;
use crate::names::{IfName, Mac, NetnsName, NodeName, SysctlName};
use crate::resource::{
    Address, Aside, Bridge, Device, DeviceId, End, Key, Netns, NetnsId, NextHop, Port, Ran, Resource, Route, Sysctl,
    TABLE_MAIN, Veth,
};
use crate::state::{HostState, promote_secondaries};

/// Below this a kernel has no IPv6 on a device: IPV6_MIN_MTU (RFC 8200 §5).
const IPV6_MIN_MTU: u32 = 1280;

/// A random state: some ten to thirty resources.
pub fn state(tape: &mut Tape) -> HostState {
    let mut state = HostState::default();
    let plan = [
        (Part::Netns, 4),
        (Part::Bridge, 3),
        (Part::Veth, 5),
        (Part::Sysctl, 4),
        (Part::Up, 9),
        (Part::Port, 4),
        (Part::Address, 9),
        (Part::Route, 6),
        (Part::Ran, 3),
    ];
    for (part, most) in plan {
        for _ in 0..tape.pick(most + 1) {
            part.add(&mut state, tape);
        }
    }
    state
}

/// Adds one random thing.
pub fn grow(state: &mut HostState, tape: &mut Tape) {
    const PARTS: [Part; 15] = [
        Part::Netns,
        Part::Address,
        Part::Address,
        Part::Address,
        Part::Route,
        Part::Route,
        Part::Route,
        Part::Up,
        Part::Up,
        Part::Port,
        Part::Veth,
        Part::Veth,
        Part::Bridge,
        Part::Sysctl,
        Part::Ran,
    ];
    PARTS[tape.pick(PARTS.len())].add(state, tape);
}

/// A state that differs from another in a few things: some dropped with all that stood on them, some added, some changed.
pub fn near(state: &HostState, tape: &mut Tape) -> HostState {
    let mut state = state.clone();
    for _ in 0..tape.pick(5) {
        let keys: Vec<Key> = state.iter().map(|(key, _)| key.clone()).collect();
        let Some(key) = tape.one_of(&keys) else {
            grow(&mut state, tape);
            continue;
        };
        match tape.pick(4) {
            0 => {
                state.remove(key);
            }
            1 => {
                if let Some(changed) = state.get(key).and_then(|old| changed(&state, old, tape)) {
                    state.remove(key);
                    state.insert(changed);
                }
            }
            _ => grow(&mut state, tape),
        }
        prune(&mut state);
    }
    state
}

/// Takes out what cannot be, until all that is left can; a route loses next hops first, and a port goes to another bridge.
fn prune(state: &mut HostState) {
    loop {
        let whole = state.clone();
        let stands = |r: &Resource| {
            let met = |key: &Key| whole.holder(key).is_some();
            r.needs(&whole).iter().all(|need| need.0.iter().any(met)) && fits(r, &whole)
        };
        let shaky: Vec<Resource> = whole.iter().map(|(_, r)| r.clone()).filter(|r| !stands(r)).collect();
        if shaky.is_empty() {
            return;
        }
        for resource in shaky {
            match otherwise(&resource, &whole).into_iter().find(&stands) {
                Some(other) => state.insert(other),
                None => {
                    state.remove(&resource.key());
                }
            }
        }
    }
}

/// Forms of the same thing that stand on less, or on something else.
fn otherwise(resource: &Resource, state: &HostState) -> Vec<Resource> {
    match resource {
        Resource::Ovs(_) => todo!("ovs"),
        Resource::Route(r) => {
            let with = |mut via: Vec<NextHop>| {
                alone(&mut via);
                Resource::Route(Route { via, ..r.clone() })
            };
            let fewer = (0..r.via.len()).filter(|_| r.via.len() > 1).map(|at| {
                let mut via = r.via.clone();
                via.remove(at);
                via
            });
            fewer.chain(r.via.iter().map(|hop| vec![hop.clone()])).map(with).collect()
        }
        Resource::Port(p) => {
            let here = bridges(state).into_iter().filter(|bridge| bridge.netns == p.device.netns);
            here.map(|bridge| Resource::Port(Port::new(p.device.clone(), bridge.name))).collect()
        }
        Resource::Netns(_)
        | Resource::Device(_)
        | Resource::Up(_)
        | Resource::PortVlans(_)
        | Resource::Qdisc(_)
        | Resource::Tuning(_)
        | Resource::Address(_)
        | Resource::Sysctl(_)
        | Resource::Ran(_) => Vec::new(),
    }
}

/// Whether the MTUs leave room for IPv6, and a setting's device is there.
fn fits(resource: &Resource, state: &HostState) -> bool {
    let wide = |device: &DeviceId| mtu(state, device) >= IPV6_MIN_MTU;
    match resource {
        Resource::Ovs(_) => todo!("ovs"),
        Resource::Address(a) => a.net.addr().is_ipv4() || wide(&a.device),
        Resource::Route(r) => {
            let device = |hop: &NextHop| DeviceId { netns: r.netns.clone(), name: hop.device };
            r.to.addr().is_ipv4() || r.via.iter().all(|hop| wide(&device(hop)))
        }
        Resource::Sysctl(s) => {
            let device = s.name.device().map(|name| Key::Device(DeviceId { netns: s.netns.clone(), name }));
            device.is_none_or(|name| state.holder(&name).is_some())
        }
        // It takes IPv6 from its bridge. A plan may then delete an address that is gone already, which only Linux takes for done.
        Resource::Port(p) => wide(&p.device),
        Resource::PortVlans(_) | Resource::Qdisc(_) | Resource::Tuning(_) => true,
        Resource::Netns(_) | Resource::Device(_) | Resource::Up(_) | Resource::Ran(_) => true,
    }
}

fn mtu(state: &HostState, id: &DeviceId) -> u32 {
    match state.holder(&Key::Device(id.clone())) {
        Some(Resource::Device(Device::Veth(v))) => {
            v.ends().iter().find(|end| end.id == *id).map_or(IPV6_MIN_MTU, |end| end.mtu)
        }
        _ => IPV6_MIN_MTU,
    }
}

/// The kinds of things to add.
#[derive(Clone, Copy)]
enum Part {
    Netns,
    Bridge,
    Veth,
    Up,
    Port,
    Address,
    Route,
    Sysctl,
    Ran,
}

impl Part {
    fn add(self, state: &mut HostState, tape: &mut Tape) {
        let new = match self {
            Part::Netns => Some(netns(tape)),
            Part::Bridge => bridge(state, tape),
            Part::Veth => veth(state, tape),
            Part::Up => tape.one_of(&devices(state)).cloned().map(Resource::Up),
            Part::Port => port(state, tape),
            Part::Address => address(state, tape),
            Part::Route => route(state, tape),
            Part::Sysctl => sysctl(state, tape),
            Part::Ran => ran(state, tape),
        };
        let Some(new) = new.filter(|new| new.claims().iter().all(|name| state.holder(name).is_none())) else { return };
        let key = new.key();
        state.insert(new);
        let all_fit = state.iter().all(|(_, r)| fits(r, state));
        if !all_fit {
            state.remove(&key);
        }
    }
}

fn if_name(text: &str) -> IfName {
    IfName::new(text).expect("a constant")
}

fn net(text: &str) -> IpNet {
    text.parse().expect("made from constants")
}

fn netns(tape: &mut Tape) -> Resource {
    const NAMES: [&str; 3] = ["t-n1", "t-n2", "t-n3"];
    let node = if tape.pick(8) == 7 { "renamed" } else { "n" };
    let name = NetnsName::new(NAMES[tape.pick(NAMES.len())]).expect("a constant");
    Resource::Netns(Netns::new(name, NodeName::new(node).expect("a constant")))
}

fn named(state: &HostState) -> Vec<NetnsName> {
    let name = |r: &Resource| match r {
        Resource::Netns(n) => Some(n.name.clone()),
        _ => None,
    };
    state.iter().filter_map(|(_, r)| name(r)).collect()
}

/// The namespaces to put devices in; the host's own is the last, so that shrinking leaves it.
fn places(state: &HostState) -> Vec<NetnsId> {
    named(state).into_iter().map(NetnsId::Named).chain([NetnsId::Host]).collect()
}

fn place(state: &HostState, tape: &mut Tape) -> NetnsId {
    let places = places(state);
    places[tape.pick(places.len())].clone()
}

fn mac(id: &DeviceId, tape: &mut Tape) -> Mac {
    if tape.pick(8) == 7 { Mac([2, 0, 0, 0, 0, 7]) } else { default_mac(id) }
}

fn bridge(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let id = DeviceId { netns: place(state, tape), name: if_name(["br0", "br1"][tape.pick(2)]) };
    let full_name = (tape.pick(4) == 3).then(|| format!("{}-with-a-long-name", id.name).into());
    let mac = mac(&id, tape);
    let bridge = Bridge { multicast_snooping: tape.pick(2) == 1, full_name, ..Bridge::new(id, mac) };
    Some(Resource::Device(Device::Bridge(bridge)))
}

fn veth(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let (a, b) = (end(state, tape), end(state, tape));
    (a.id != b.id).then(|| Resource::Device(Device::Veth(Veth::new(a, b))))
}

fn end(state: &HostState, tape: &mut Tape) -> End {
    const NAMES: [&str; 5] = ["e0", "e1", "e2", "e3", "br1"];
    let id = DeviceId { netns: place(state, tape), name: if_name(NAMES[tape.pick(NAMES.len())]) };
    let full_name = (tape.pick(4) == 3).then(|| format!("{}-with-a-long-name", id.name).into());
    let (mac, mtu) = (mac(&id, tape), some_mtu(tape));
    End { mtu, link_local: may_be_link_local(mtu) && tape.pick(4) == 3, full_name, ..End::new(id, mac) }
}

/// Where there is no IPv6 there is no such mode either (`inet6_set_link_af` gives EAFNOSUPPORT).
fn may_be_link_local(mtu: u32) -> bool {
    mtu >= IPV6_MIN_MTU
}

fn some_mtu(tape: &mut Tape) -> u32 {
    [1500, 1500, 1500, 1400, 9000, 1000][tape.pick(6)]
}

/// The devices that may be up and have addresses: those of ours, and `lo` in our namespaces.
fn devices(state: &HostState) -> Vec<DeviceId> {
    let names = |r: &Resource| match r {
        Resource::Netns(n) => vec![n.lo()],
        Resource::Device(Device::Veth(v)) => v.ends().iter().map(|end| end.id.clone()).collect(),
        Resource::Device(d) => vec![d.id().clone()],
        _ => Vec::new(),
    };
    state.iter().flat_map(|(_, r)| names(r)).collect()
}

fn bridges(state: &HostState) -> Vec<DeviceId> {
    let id = |r: &Resource| match r {
        Resource::Device(Device::Bridge(b)) => Some(b.id.clone()),
        _ => None,
    };
    state.iter().filter_map(|(_, r)| id(r)).collect()
}

fn port(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let bridges = bridges(state);
    let master = tape.one_of(&bridges)?;
    let mut members = devices(state);
    members.retain(|d| d.netns == master.netns && d.name != IfName::LO && !bridges.contains(d));
    let device = tape.one_of(&members)?.clone();
    Some(Resource::Port(Port::new(device, master.name)))
}

fn address(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let device = tape.one_of(&devices(state))?.clone();
    let (subnet, host) = (tape.pick(3), 1 + tape.pick(3));
    let lo = device.name == IfName::LO;
    let net = match tape.pick(5) {
        0 if lo => format!("10.1.{subnet}.{host}/32"),
        0 | 1 => format!("10.0.{subnet}.{host}/24"),
        2 => format!("10.0.{subnet}.{host}/25"),
        _ if lo => format!("fd01:{subnet}::{host}/128"),
        _ => format!("fd00:{subnet}::{host}/64"),
    };
    Some(Resource::Address(Address { device, net: self::net(&net) }))
}

fn route(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let places = places(state);
    let netns = tape.one_of(&places)?.clone();
    let v6 = tape.pick(5) > 2;
    let number = tape.pick(3);
    let to = net(&if v6 { format!("fd09:{number}::/64") } else { format!("10.9.{number}.0/24") });
    let metric = [if v6 { 1024 } else { 0 }, 7][usize::from(tape.pick(4) == 3)];
    let mut via = Vec::new();
    for _ in 0..=tape.pick(3) {
        add_hop(state, &netns, v6, &mut via, tape);
    }
    if via.is_empty() {
        return None;
    }
    alone(&mut via);
    let table = [TABLE_MAIN, 100][usize::from(tape.pick(8) == 7)];
    Some(Resource::Route(Route { netns, table, to, metric, via }))
}

/// Adds a next hop, by way of a device that is up.
fn add_hop(state: &HostState, netns: &NetnsId, v6: bool, via: &mut Vec<NextHop>, tape: &mut Tape) {
    let mut ways = devices(state);
    ways.retain(|d| d.netns == *netns && d.name != IfName::LO && state.get(&Key::Up(d.clone())).is_some());
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
fn alone(via: &mut [NextHop]) {
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

fn sysctl(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let netns = NetnsId::Named(tape.one_of(&named(state))?.clone());
    let (name, value) = match tape.pick(5) {
        0 | 1 => (promote_secondaries(), if tape.mostly(4) { "1" } else { "0" }),
        2 => (SysctlName::new("net.ipv4.ip_forward").expect("a constant"), "1"),
        3 => (SysctlName::new("net.ipv6.conf.all.forwarding").expect("a constant"), "1"),
        _ => {
            let mut devices = devices(state);
            devices.retain(|d| d.netns == netns && d.name != IfName::LO);
            let device = tape.one_of(&devices)?;
            let name = format!("net.ipv4.conf.{}.rp_filter", device.name);
            (SysctlName::new(&name).expect("made from constants"), ["1", "2"][tape.pick(2)])
        }
    };
    Some(Resource::Sysctl(Sysctl { netns, name, value: value.into() }))
}

fn ran(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let netns = tape.one_of(&named(state))?.clone();
    let index = (0..).find(|i| state.get(&Key::Ran(netns.clone(), *i)).is_none())?;
    let digest = 1 + tape.pick(2) as u64;
    Some(Resource::Ran(Ran { netns, index, digest, argv: Aside::default() }))
}

/// The same thing, changed in one respect.
fn changed(state: &HostState, old: &Resource, tape: &mut Tape) -> Option<Resource> {
    Some(match old {
        Resource::Ovs(_) => todo!("ovs"),
        Resource::Netns(n) => {
            let node = if n.node.as_str() == "n" { "renamed" } else { "n" };
            Resource::Netns(Netns::new(n.name.clone(), NodeName::new(node).expect("a constant")))
        }
        Resource::Device(Device::Veth(v)) => {
            let [mut a, b] = v.ends().clone();
            let other = end(state, tape);
            match tape.pick(4) {
                0 => {
                    a.mtu = some_mtu(tape);
                    a.link_local &= may_be_link_local(a.mtu);
                }
                1 => a.mac = Mac([2, 0, 0, 0, 0, 8]),
                2 => a.full_name = None,
                _ => {
                    return (other.id != a.id)
                        .then(|| Resource::Device(Device::Veth(Veth::new(a, other))))
                        .filter(|new| new.claims().iter().all(|name| state.holder(name).is_none_or(|had| had == old)));
                }
            }
            Resource::Device(Device::Veth(Veth::new(a, b)))
        }
        Resource::Device(Device::Bridge(b)) => {
            let bridge = Bridge { multicast_snooping: !b.multicast_snooping, ..b.clone() };
            Resource::Device(Device::Bridge(bridge))
        }
        Resource::Port(p) => {
            let mut masters = bridges(state);
            masters.retain(|m| m.netns == p.device.netns);
            Resource::Port(Port::new(p.device.clone(), tape.one_of(&masters)?.name))
        }
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
        Resource::Device(Device::Single(_)) | Resource::PortVlans(_) | Resource::Qdisc(_) | Resource::Tuning(_) => {
            return None;
        }
        Resource::Device(Device::Stray { .. }) | Resource::Up(_) | Resource::Address(_) => return None,
    })
}
