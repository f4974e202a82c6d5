//! A network namespace of the simulated kernel: what is in it, and what falls with what.
//!
//! Names and functions of Linux stand where a cascade is modelled; each has a case in `testing::cases`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use indexmap::IndexMap;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::routes::Loss;
use super::settings::Knobs;
use super::{Errno, SimError, fail};
use crate::names::{IfName, LabName, Mac, SysctlName};
use crate::resource::{Bridge, DeviceId, End, Knob, PortSettings, PortVlans, QdiscKind, Route, Single, SingleKind};
use crate::state::promote_secondaries;

/// The MTU of a bridge without ports: ETH_DATA_LEN (`br_mtu_min`).
const BRIDGE_MTU: u32 = 1500;

/// The MTU of `lo` (`loopback_setup`).
const LO_MTU: u32 = 65536;

/// The MTU of a VRF (`vrf_setup`): IP6_MAX_MTU.
const VRF_MTU: u32 = 65575;

/// Below this a kernel has no IPv6 on a device: IPV6_MIN_MTU (RFC 8200 §5).
pub(super) const IPV6_MIN_MTU: u32 = 1280;

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
    /// As a port of a bridge.
    pub settings: PortSettings,
    /// As a port of a bridge, or as the bridge's own; a bridge that does not filter keeps them all the same.
    pub vlans: Option<PortVlans>,
    /// As a member of a bond: its address and MTU when it joined.
    pub before: Option<(Option<Mac>, u32)>,
    /// As a bond: it has an address that nobody chose, and takes that of its next member.
    pub drawn: bool,
    pub qdisc: Option<RootQdisc>,
    pub knobs: Knobs,
    /// Knobs that are noted on it as the lab's.
    pub noted: BTreeSet<Knob>,
    /// In the kernel's order: of one subnet the first is the primary address.
    pub addresses: Vec<(IpNet, Owner)>,
    /// As a VXLAN device: behind which VTEPs Ethernet addresses are.
    pub fdb: BTreeSet<(Mac, IpAddr)>,
    /// As a GRE device without a remote: behind which underlay addresses neighbours are.
    pub neighbours: BTreeMap<IpAddr, IpAddr>,
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
    Single {
        single: Single,
        /// The namespace of its parent is gone and the kernel has not cleaned up behind it yet.
        orphan: bool,
    },
    /// What Open vSwitch makes: a bridge's local port, or an internal one.
    Switched,
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RootQdisc {
    pub kind: QdiscKind,
    /// Not by a handle of ours.
    pub by_hand: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub owner: Owner,
    pub route: Route,
    /// Devices whose next hops are dead (RTNH_F_DEAD): down, or without their last IPv4 address.
    pub dead: BTreeSet<IfName>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Family {
    V4,
    V6,
}

pub(super) fn family(net: &IpNet) -> Family {
    match net {
        IpNet::V4(_) => Family::V4,
        IpNet::V6(_) => Family::V6,
    }
}

impl Dev {
    fn new(owner: Owner, kind: Kind) -> Self {
        Dev {
            owner,
            kind,
            up: false,
            master: None,
            settings: PortSettings::default(),
            vlans: None,
            before: None,
            drawn: false,
            qdisc: None,
            knobs: Knobs::default(),
            noted: BTreeSet::new(),
            addresses: Vec::new(),
            fdb: BTreeSet::new(),
            neighbours: BTreeMap::new(),
        }
    }

    /// Takes away what is of IPv6 on it.
    pub fn lose_ipv6(&mut self) {
        self.addresses.retain(|(net, _)| family(net) == Family::V4);
        self.neighbours.retain(|address, _| address.is_ipv4());
    }

    /// What it is, where it is of a kind with one name.
    pub fn single(&self) -> Option<&Single> {
        match &self.kind {
            Kind::Single { single, .. } => Some(single),
            Kind::Lo | Kind::Veth { .. } | Kind::Bridge(_) | Kind::Switched | Kind::Other(_) => None,
        }
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
        self.devices.insert(name, Dev::new(owner, kind));
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
            Some(Kind::Bridge(_)) => self.members(name).map(|port| self.mtu(port)).min().unwrap_or(BRIDGE_MTU),
            Some(Kind::Single { single, .. }) => single.mtu.unwrap_or(VRF_MTU),
            Some(Kind::Switched | Kind::Other(_)) | None => BRIDGE_MTU,
        }
    }

    /// The ports or members of a device.
    pub fn members(&self, master: IfName) -> impl Iterator<Item = IfName> + '_ {
        self.devices.iter().filter(move |(_, d)| d.master == Some(master)).map(|(name, _)| *name)
    }

    /// The 802.1Q devices on a device.
    fn vlan_devices(&self, on: IfName) -> Vec<IfName> {
        let is_on =
            |d: &Dev| matches!(d.single(), Some(Single { kind: SingleKind::Vlan { parent, .. }, .. }) if *parent == on);
        self.devices.iter().filter(|(_, d)| is_on(d)).map(|(name, _)| *name).collect()
    }

    /// Takes a device that nothing hangs on out of this namespace: `unregister_netdevice_many`.
    pub fn remove_device(&mut self, name: IfName) {
        self.set_down(name);
        self.routes_lose(name, Family::V4, Loss::Unregistered);
        self.routes_lose(name, Family::V6, Loss::Unregistered);
        self.sysctls.retain(|sysctl, _| sysctl.device() != Some(name));
        self.remembered.retain(|sysctl| sysctl.device() != Some(name));
        self.devices.remove(&name);
    }

    /// What comes up with something else may be told to come up once more.
    pub fn set_up(&mut self, name: IfName) -> Result<(), SimError> {
        let device = self.device(name)?;
        let vlan = match device.single() {
            Some(Single { kind: SingleKind::Vlan { parent, .. }, .. }) => Some(*parent),
            Some(_) | None => None,
        };
        if device.up && vlan.is_none() && device.before.is_none() {
            return fail(Errno::Already, format!("{name} is up"));
        }
        if vlan.is_some_and(|parent| self.devices.get(&parent).is_none_or(|d| !d.up)) {
            return fail(Errno::NetDown, format!("{name} is on a device that is down"));
        }
        self.open(name);
        Ok(())
    }

    /// Takes a device up, and with it the 802.1Q devices on it (`vlan_device_event`).
    pub fn open(&mut self, name: IfName) {
        if let Some(device) = self.devices.get_mut(&name).filter(|d| !d.up) {
            device.up = true;
            self.revive(name, Family::V4);
            self.vlan_devices(name).into_iter().for_each(|vlan| self.open(vlan));
        }
    }

    /// IPv6 makes the next hops of a device live only when a work queue has found its link up (`rt6_sync_up`, `linkwatch_event`).
    pub fn links_found_up(&mut self) {
        let up: Vec<IfName> = self.devices.iter().filter(|(_, d)| d.up).map(|(name, _)| *name).collect();
        for name in up {
            self.revive(name, Family::V6);
        }
    }

    /// A device that goes down takes the 802.1Q devices on it along, keeps its IPv4 addresses, and loses those of IPv6 (`addrconf_ifdown`)
    /// and its neighbours (`neigh_ifdown`).
    pub fn set_down(&mut self, name: IfName) {
        if self.devices.get(&name).is_none_or(|d| !d.up) {
            return;
        }
        self.vlan_devices(name).into_iter().for_each(|vlan| self.set_down(vlan));
        if let Some(device) = self.devices.get_mut(&name) {
            device.up = false;
            device.addresses.retain(|(net, _)| family(net) == Family::V4);
            device.neighbours.clear();
        }
        self.routes_lose(name, Family::V4, Loss::Dead);
        self.routes_lose(name, Family::V6, Loss::Dead);
    }

    /// Drops IPv6 where the MTU has become too small for it (`addrconf_notify`).
    pub fn drop_ipv6_if_small(&mut self, name: IfName) {
        if self.mtu(name) < IPV6_MIN_MTU {
            self.devices.entry(name).and_modify(Dev::lose_ipv6);
            self.routes_lose(name, Family::V6, Loss::Unregistered);
        }
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
    /// with the last one the routes over the device and its neighbours (`fib_disable_ip`).
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
            device.neighbours.retain(|address, _| address.is_ipv6());
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
}

fn no_device(name: IfName) -> SimError {
    SimError { errno: Errno::NoDev, message: format!("there is no device {name}") }
}
