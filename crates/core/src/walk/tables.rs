//! What a kernel knows of addresses and routes: its own addresses, the subnets it is on, the routes it was told.

use std::net::IpAddr;

use ipnet::IpNet;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::names::{IfName, SysctlName};
use crate::resource::{Device, DeviceId, Key, NetnsId, NextHop, Resource, Route, SingleKind, Sysctl, TABLE_MAIN};
use crate::state::HostState;

/// The metric of the routes that a kernel makes to the subnets of its IPv6 addresses (IP6_RT_PRIO_ADDRCONF); of IPv4 ones it is 0.
const CONNECTED_V6: u32 = 256;

/// A routing table of a namespace: where packets are looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Which of the hosts.
    pub(super) host: usize,
    pub(super) netns: NetnsId,
    pub(super) table: u32,
}

/// One way out.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) device: IfName,
    /// None: the destination is on the wire.
    pub(super) gateway: Option<IpAddr>,
    /// The address that packets of our own would have.
    pub(super) source: Option<IpAddr>,
}

#[derive(Debug)]
struct Entry {
    to: IpNet,
    metric: u32,
    ways: Vec<Way>,
}

/// The tables of all namespaces of a host.
#[derive(Debug, Default)]
pub(super) struct Tables {
    host: usize,
    /// The best entry first.
    entries: FxHashMap<Place, Vec<Entry>>,
    owners: FxHashMap<IpAddr, Vec<DeviceId>>,
    /// The tables of members of VRFs.
    vrfs: FxHashMap<DeviceId, u32>,
    forwarding: FxHashSet<(NetnsId, bool)>,
}

impl Tables {
    pub(super) fn new(host: usize, state: &HostState) -> Self {
        let mut tables = Tables { host, vrfs: vrfs(state), ..Tables::default() };
        let is_up = |device: &DeviceId| state.get(&Key::Up(device.clone())).is_some();
        for (_, resource) in state.iter() {
            match resource {
                // A device that is down has no routes, and of its addresses none is answered for.
                Resource::Address(address) if is_up(&address.device) => {
                    let (device, addr) = (&address.device, address.net.addr());
                    tables.owners.entry(addr).or_default().push(device.clone());
                    if device.name != IfName::LO {
                        let metric = if addr.is_ipv4() { 0 } else { CONNECTED_V6 };
                        let way = Way { device: device.name, gateway: None, source: Some(addr) };
                        tables.add(tables.place(device), Entry { to: address.net.trunc(), metric, ways: vec![way] });
                    }
                }
                Resource::Route(route) => {
                    let ways = ways(state, route, is_up);
                    if !ways.is_empty() {
                        let place = Place { host, netns: route.netns.clone(), table: route.table };
                        tables.add(place, Entry { to: route.to, metric: route.metric, ways });
                    }
                }
                Resource::Sysctl(sysctl) => tables.forwarding.extend(forwarding(sysctl)),
                Resource::Netns(_)
                | Resource::Device(_)
                | Resource::Up(_)
                | Resource::Port(_)
                | Resource::PortVlans(_)
                | Resource::Qdisc(_)
                | Resource::Tuning(_)
                | Resource::Address(_)
                | Resource::Ovs(_)
                | Resource::Fdb(_)
                | Resource::Neighbour(_)
                | Resource::Ran(_) => {}
            }
        }
        // A stable sort: of equal entries the first stays first.
        for entries in tables.entries.values_mut() {
            entries.sort_by_key(|entry| (u8::MAX - entry.to.prefix_len(), entry.metric));
        }
        tables
    }

    fn add(&mut self, place: Place, entry: Entry) {
        self.entries.entry(place).or_default().push(entry);
    }

    /// Where packets are looked up that come in by a device.
    pub(super) fn place(&self, device: &DeviceId) -> Place {
        let table = self.vrfs.get(device).copied().unwrap_or(TABLE_MAIN);
        Place { host: self.host, netns: device.netns.clone(), table }
    }

    /// Whether the address is one of the namespace's own to packets looked up here: the addresses outside of VRFs are so everywhere.
    pub(super) fn has(&self, place: &Place, address: IpAddr) -> bool {
        self.owners(address)
            .iter()
            .map(|owner| self.place(owner))
            .any(|owner| owner.netns == place.netns && (owner.table == place.table || owner.table == TABLE_MAIN))
    }

    /// The devices that have an address.
    pub(super) fn owners(&self, address: IpAddr) -> &[DeviceId] {
        self.owners.get(&address).map_or(&[], Vec::as_slice)
    }

    /// Whether the namespace passes on packets for such an address.
    pub(super) fn forwards(&self, netns: &NetnsId, to: IpAddr) -> bool {
        self.forwarding.contains(&(netns.clone(), to.is_ipv4()))
    }

    /// The ways to an address: of the longest prefix, then the lowest metric; what a VRF does not know is looked up in the main table.
    pub(super) fn look_up(&self, place: &Place, to: IpAddr) -> &[Way] {
        let to = IpNet::from(to);
        let main = Place { table: TABLE_MAIN, ..place.clone() };
        let mut entries = [place, &main].into_iter().flat_map(|place| self.entries.get(place).into_iter().flatten());
        entries.find(|entry| entry.to.contains(&to)).map_or(&[], |entry| &entry.ways)
    }
}

/// The tables of the members of VRFs.
fn vrfs(state: &HostState) -> FxHashMap<DeviceId, u32> {
    let of_port = |(_, resource): (&Key, &Resource)| {
        let Resource::Port(port) = resource else { return None };
        let Some(Resource::Device(Device::Single(master))) = state.get(&Key::Device(port.master())) else {
            return None;
        };
        if let SingleKind::Vrf { table } = master.kind { Some((port.device.clone(), table)) } else { None }
    };
    state.iter().filter_map(of_port).collect()
}
/// The namespace and whether it is IPv4 that this setting turns forwarding on for.
fn forwarding(sysctl: &Sysctl) -> Option<(NetnsId, bool)> {
    let v4 = match SysctlName::as_str(&sysctl.name) {
        "net.ipv4.ip_forward" | "net.ipv4.conf.all.forwarding" => true,
        "net.ipv6.conf.all.forwarding" => false,
        _ => return None,
    };
    (&*sysctl.value != "0").then(|| (sysctl.netns.clone(), v4))
}

/// The next hops that a kernel would still have: an IPv4 route falls with any of its devices, an IPv6 one loses that next hop.
fn ways(state: &HostState, route: &Route, is_up: impl Fn(&DeviceId) -> bool) -> Vec<Way> {
    let id = |hop: &NextHop| DeviceId { netns: route.netns.clone(), name: hop.device };
    let reachable = |hop: &&NextHop| {
        let on_wire = hop.gateway.is_none_or(|gateway| !state.covering(&id(hop), gateway).is_empty());
        is_up(&id(hop)) && on_wire
    };
    let left: Vec<&NextHop> = route.via.iter().filter(reachable).collect();
    if route.to.addr().is_ipv4() && left.len() < route.via.len() {
        return Vec::new();
    }
    let way = |hop: &&NextHop| Way { device: hop.device, gateway: hop.gateway, source: source(state, route, hop) };
    left.iter().map(way).collect()
}

/// The address that a kernel sends from: of the device one in the gateway's subnet, else its first (inet_select_addr).
fn source(state: &HostState, route: &Route, hop: &NextHop) -> Option<IpAddr> {
    let device = DeviceId { netns: route.netns.clone(), name: hop.device };
    let nets = state.addresses(&device).into_iter().filter_map(|key| match state.get(&key) {
        Some(Resource::Address(address)) => Some(address.net),
        _ => None,
    });
    let nets: Vec<IpNet> = nets.filter(|net| net.addr().is_ipv4() == route.to.addr().is_ipv4()).collect();
    let covering = hop.gateway.and_then(|g| nets.iter().find(|net| net.contains(&IpNet::from(g))));
    covering.or(nets.first()).map(IpNet::addr)
}
