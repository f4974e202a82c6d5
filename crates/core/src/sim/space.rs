//! A network namespace of the simulated kernel: what is in it, and what falls with what.
//!
//! Names and functions of Linux stand where a cascade is modelled; each has a case in `testing::cases`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use indexmap::IndexMap;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Errno, SimError, fail};
use crate::names::{IfName, LabName, SysctlName};
use crate::resource::{Bridge, DeviceId, End, NextHop, Route};
use crate::state::promote_secondaries;

/// Most ports of a bridge: BR_MAX_PORTS less the number 0 (net/bridge/br_private.h).
const MOST_PORTS: usize = 1023;

/// The MTU of a bridge without ports: ETH_DATA_LEN (`br_mtu_min`).
const BRIDGE_MTU: u32 = 1500;

/// The MTU of `lo` (`loopback_setup`).
const LO_MTU: u32 = 65536;

/// Below this a kernel has no IPv6 on a device: IPV6_MIN_MTU (RFC 8200 §5).
const IPV6_MIN_MTU: u32 = 1280;

/// Whose a thing is; none: made by hand, or by the system.
pub(super) type Owner = Option<LabName>;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Space {
    pub devices: BTreeMap<IfName, Dev>,
    #[serde(with = "indexmap::map::serde_seq")]
    pub routes: IndexMap<RouteKey, Entry>,
    pub sysctls: BTreeMap<SysctlName, String>,
    /// Settings that `lo` remembers as the lab's.
    pub remembered: BTreeSet<SysctlName>,
    /// Programs that have run, by their place in the node's list, to the digest of their arguments.
    pub ran: BTreeMap<u32, u64>,
}

/// Table, destination, metric.
pub(super) type RouteKey = (u32, IpNet, u32);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Dev {
    pub owner: Owner,
    pub kind: Kind,
    pub up: bool,
    pub master: Option<IfName>,
    /// In the kernel's order: of one subnet the first is the primary address.
    pub addresses: Vec<(IpNet, Owner)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    Lo,
    Veth {
        end: End,
        /// None when the namespace of the other end is gone and the kernel has not cleaned up behind it yet.
        peer: Option<DeviceId>,
    },
    Bridge(Bridge),
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub owner: Owner,
    pub route: Route,
    /// Devices whose next hops are dead (RTNH_F_DEAD): down, or without their last IPv4 address.
    pub dead: BTreeSet<IfName>,
}

/// How a device is lost to the routes over it.
#[derive(Clone, Copy, PartialEq)]
enum Loss {
    /// It is down, or has lost its last IPv4 address: its next hops are dead, and a route goes when all of them are.
    Dead,
    /// It is no more, or does IPv6 no more: an IPv4 route goes whole, an IPv6 route loses the next hop.
    Unregistered,
}

#[derive(Clone, Copy, PartialEq)]
enum Family {
    V4,
    V6,
}

fn family(net: &IpNet) -> Family {
    match net {
        IpNet::V4(_) => Family::V4,
        IpNet::V6(_) => Family::V6,
    }
}

impl Space {
    /// One as the kernel makes it: with a `lo` that is down.
    pub fn new(owner: Owner) -> Self {
        let mut space = Space::default();
        space.add_device(IfName::LO, owner, Kind::Lo);
        space
    }

    pub fn add_device(&mut self, name: IfName, owner: Owner, kind: Kind) {
        self.devices.insert(name, Dev { owner, kind, up: false, master: None, addresses: Vec::new() });
    }

    pub fn device(&self, name: IfName) -> Result<&Dev, SimError> {
        self.devices.get(&name).ok_or_else(|| no_device(name))
    }

    pub fn device_mut(&mut self, name: IfName) -> Result<&mut Dev, SimError> {
        self.devices.get_mut(&name).ok_or_else(|| no_device(name))
    }

    pub fn mtu(&self, name: IfName) -> u32 {
        match self.devices.get(&name).map(|d| &d.kind) {
            Some(Kind::Lo) => LO_MTU,
            Some(Kind::Veth { end, .. }) => end.mtu,
            Some(Kind::Bridge(_)) => self.ports(name).map(|port| self.mtu(port)).min().unwrap_or(BRIDGE_MTU),
            Some(Kind::Other(_)) | None => BRIDGE_MTU,
        }
    }

    fn ports(&self, bridge: IfName) -> impl Iterator<Item = IfName> + '_ {
        self.devices.iter().filter(move |(_, d)| d.master == Some(bridge)).map(|(name, _)| *name)
    }

    /// Takes a device out of this namespace: `unregister_netdevice_many`.
    pub fn remove_device(&mut self, name: IfName) {
        self.set_down(name);
        self.routes_lose(name, Family::V4, Loss::Unregistered);
        self.routes_lose(name, Family::V6, Loss::Unregistered);
        let ports: Vec<IfName> = self.ports(name).collect();
        for port in ports {
            self.devices.entry(port).and_modify(|d| d.master = None);
        }
        self.sysctls.retain(|sysctl, _| sysctl.device() != Some(name));
        self.remembered.retain(|sysctl| sysctl.device() != Some(name));
        let master = self.devices.remove(&name).and_then(|d| d.master);
        self.mtu_changed(master);
    }

    pub fn set_up(&mut self, name: IfName) -> Result<(), SimError> {
        let device = self.device_mut(name)?;
        if device.up {
            return fail(Errno::Already, format!("{name} is up"));
        }
        device.up = true;
        self.revive(name, Family::V4);
        Ok(())
    }

    /// IPv6 makes the next hops of a device live only when a work queue has found its link up (`rt6_sync_up`, `linkwatch_event`).
    pub fn links_found_up(&mut self) {
        let up: Vec<IfName> = self.devices.iter().filter(|(_, d)| d.up).map(|(name, _)| *name).collect();
        for name in up {
            self.revive(name, Family::V6);
        }
    }

    /// A device that goes down keeps its IPv4 addresses and loses those of IPv6 (`addrconf_ifdown`).
    pub fn set_down(&mut self, name: IfName) {
        if let Some(device) = self.devices.get_mut(&name).filter(|d| d.up) {
            device.up = false;
            device.addresses.retain(|(net, _)| family(net) == Family::V4);
            self.routes_lose(name, Family::V4, Loss::Dead);
            self.routes_lose(name, Family::V6, Loss::Dead);
        }
    }

    pub fn enslave(&mut self, name: IfName, bridge: IfName) -> Result<(), SimError> {
        let (device, master) = (self.device(name)?, self.device(bridge)?);
        match (&device.kind, &master.kind) {
            (_, Kind::Lo | Kind::Veth { .. } | Kind::Other(_)) => {
                return fail(Errno::OpNotSupp, format!("{bridge} is not a bridge"));
            }
            (Kind::Lo, Kind::Bridge(_)) => return fail(Errno::Inval, "lo cannot be a port"),
            (Kind::Bridge(_), Kind::Bridge(_)) => return fail(Errno::Loop, "a bridge cannot be a port of a bridge"),
            (Kind::Veth { .. } | Kind::Other(_), Kind::Bridge(_)) => {}
        }
        if device.master.is_some() {
            return fail(Errno::Busy, format!("{name} has a master"));
        }
        if self.ports(bridge).count() >= MOST_PORTS {
            return fail(Errno::XFull, format!("{bridge} has {MOST_PORTS} ports"));
        }
        self.device_mut(name)?.master = Some(bridge);
        self.mtu_changed(Some(bridge));
        Ok(())
    }

    pub fn free(&mut self, name: IfName) -> Result<(), SimError> {
        let master = self.device_mut(name)?.master.take();
        self.mtu_changed(master);
        Ok(())
    }

    /// Drops IPv6 where the MTU has become too small for it (`addrconf_notify`), also on the bridge above (`br_mtu_auto_adjust`).
    pub fn mtu_changed(&mut self, name: Option<IfName>) {
        let Some(name) = name.filter(|name| self.devices.contains_key(name)) else { return };
        if self.mtu(name) < IPV6_MIN_MTU {
            self.devices.entry(name).and_modify(|d| d.addresses.retain(|(net, _)| family(net) == Family::V4));
            self.routes_lose(name, Family::V6, Loss::Unregistered);
        }
        let master = self.devices.get(&name).and_then(|d| d.master);
        self.mtu_changed(master);
    }

    pub fn add_address(&mut self, name: IfName, net: IpNet, owner: Owner) -> Result<(), SimError> {
        let mtu = self.mtu(name);
        let device = self.device_mut(name)?;
        let same = |had: &IpNet| match net {
            IpNet::V4(_) => *had == net,
            IpNet::V6(_) => had.addr() == net.addr(),
        };
        if device.addresses.iter().any(|(had, _)| same(had)) {
            return fail(Errno::Exist, format!("{name} has {net}"));
        }
        if family(&net) == Family::V6 && mtu < IPV6_MIN_MTU {
            return fail(Errno::Inval, format!("{name} has an MTU of {mtu}: too small for IPv6"));
        }
        device.addresses.push((net, owner));
        if family(&net) == Family::V4 && device.up {
            self.revive(name, Family::V4);
        }
        Ok(())
    }

    /// Takes an address away: with a primary one of IPv4 go the secondary ones of its subnet (`__inet_del_ifa`),
    /// with the last one the routes over the device (`fib_disable_ip`).
    pub fn remove_address(&mut self, name: IfName, net: IpNet) -> Result<(), SimError> {
        let promotes = self.promotes(name);
        let device = self.device_mut(name)?;
        let Some(at) = device.addresses.iter().position(|(had, _)| *had == net) else {
            return fail(Errno::AddrNotAvail, format!("{name} does not have {net}"));
        };
        let subnet = |had: &IpNet| had.trunc() == net.trunc();
        let primary = device.addresses.iter().position(|(had, _)| subnet(had)) == Some(at);
        device.addresses.remove(at);
        if family(&net) == Family::V6 {
            return Ok(());
        }
        if primary && !promotes {
            device.addresses.retain(|(had, _)| !subnet(had));
        }
        if !device.addresses.iter().any(|(had, _)| family(had) == Family::V4) {
            self.routes_lose(name, Family::V4, Loss::Dead);
        }
        Ok(())
    }

    /// Whether secondary addresses live on: `all` or the device says so (IN_DEV_ORCONF).
    fn promotes(&self, name: IfName) -> bool {
        let of_device =
            SysctlName::new(&format!("net.ipv4.conf.{}.promote_secondaries", name.as_str().replace('.', "/")));
        let is_set = |sysctl: &SysctlName| self.sysctls.get(sysctl).is_some_and(|v| v == "1");
        is_set(&promote_secondaries()) || of_device.is_ok_and(|sysctl| is_set(&sysctl))
    }

    /// Whether a kernel would take this route (`fib_create_info`, `ip6_route_info_create`).
    pub fn check_route(&self, route: &Route) -> Result<(), SimError> {
        let v6 = family(&route.to) == Family::V6;
        if route.to != route.to.trunc() || route.via.is_empty() || v6 && route.metric == 0 {
            return fail(Errno::Inval, "the destination has host bits, there is no next hop, or IPv6 has metric 0");
        }
        if matches!(&*route.via, [only] if only.weight != 1) {
            return fail(Errno::Inval, "a next hop that is the only one has no weight");
        }
        if v6 && route.via.len() > 1 && route.via.iter().any(|hop| hop.gateway.is_none()) {
            return fail(Errno::Inval, "device only routes can not be added for IPv6 using the multipath API");
        }
        route.via.iter().try_for_each(|hop| self.check_hop(route, hop))
    }

    fn check_hop(&self, route: &Route, hop: &NextHop) -> Result<(), SimError> {
        let device = self.device(hop.device)?;
        let v6 = family(&route.to) == Family::V6;
        if !(1..=256).contains(&hop.weight) || hop.gateway.is_some_and(|gateway| gateway.is_ipv6() != v6) {
            return fail(Errno::Inval, "the weight is not 1 to 256, or the gateway is of another family");
        }
        if v6 && self.mtu(hop.device) < IPV6_MIN_MTU {
            return fail(Errno::NoDev, format!("{} has too small an MTU for IPv6", hop.device));
        }
        let Some(gateway) = hop.gateway else {
            return if device.up { Ok(()) } else { fail(Errno::NetDown, format!("{} is down", hop.device)) };
        };
        let mut covering = device.addresses.iter().map(|(net, _)| net).filter(|net| net.contains(&gateway));
        if !device.up || covering.clone().next().is_none() && !is_link_local(gateway) {
            let errno = if v6 { Errno::HostUnreach } else { Errno::NetUnreach };
            return fail(errno, format!("{} has no way to {gateway}", hop.device));
        }
        let is_own = v6 && self.devices.values().any(|d| d.addresses.iter().any(|(net, _)| net.addr() == gateway));
        if is_own || covering.any(|net| is_broadcast(net, gateway)) {
            return fail(Errno::Inval, format!("{gateway} is no gateway"));
        }
        Ok(())
    }

    fn revive(&mut self, name: IfName, of: Family) {
        for entry in self.routes.values_mut().filter(|e| family(&e.route.to) == of) {
            entry.dead.remove(&name);
        }
    }

    /// What `fib_sync_down_dev` and `fib6_ifdown` do.
    fn routes_lose(&mut self, name: IfName, of: Family, how: Loss) {
        self.routes.retain(|_, entry| {
            let uses = entry.route.via.iter().any(|hop| hop.device == name);
            match (uses && family(&entry.route.to) == of, how, of) {
                (false, ..) => true,
                (true, Loss::Dead, _) => {
                    entry.dead.insert(name);
                    entry.route.via.iter().any(|hop| !entry.dead.contains(&hop.device))
                }
                (true, Loss::Unregistered, Family::V4) => false,
                (true, Loss::Unregistered, Family::V6) => {
                    entry.dead.remove(&name);
                    entry.route.via.retain(|hop| hop.device != name);
                    if let [only] = &mut *entry.route.via {
                        only.weight = 1;
                    }
                    !entry.route.via.is_empty()
                }
            }
        });
    }
}

fn no_device(name: IfName) -> SimError {
    SimError { errno: Errno::NoDev, message: format!("there is no device {name}") }
}

fn is_link_local(gateway: IpAddr) -> bool {
    matches!(gateway, IpAddr::V6(a) if a.is_unicast_link_local())
}

/// A kernel takes no broadcast address as a gateway; a /31 and a /32 have none (RFC 3021).
fn is_broadcast(net: &IpNet, gateway: IpAddr) -> bool {
    matches!((net, gateway), (IpNet::V4(net), IpAddr::V4(gateway)) if net.prefix_len() < 31 && net.broadcast() == gateway)
}
