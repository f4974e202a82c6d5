//! A resource: one fact that a machine can be told and can be asked.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::names::{IfName, Mac, NetnsName, NodeName, SysctlName, stable_hash};
use crate::state::{Feature, HostState};

mod device;
mod overlay;
mod ovs;
mod qdisc;
pub(crate) mod relations;
mod tuning;
mod vlans;

pub use device::{
    Bond, BondMode, Bridge, Device, End, IpvlanMode, MacvlanMode, Port, PortSettings, Single, SingleKind, Veth,
    VlanProtocol,
};
pub use overlay::{
    Df, EVERYBODY, Fdb, GENEVE_PORT, Gre, GreKey, Neighbour, OvsTunnel, OvsTunnelKey, OvsTunnelKind, VXLAN_PORT, Vxlan,
};
pub use ovs::{
    Datapath, FailMode, MirrorFrom, Ovs, OvsBridge, OvsFlows, OvsKey, OvsMirror, OvsPort, OvsPortKind, OvsQos,
    OvsStray, VlanMode,
};
pub use qdisc::{Distribution, Loss, Netem, Qdisc, QdiscKind, Tbf};
pub use tuning::{Knob, Tuning};
pub use vlans::{PortVlans, VlanRange};

/// Which network namespace of a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetnsId {
    /// The host's own: the one netsim itself runs in.
    Host,
    /// One with a file in `/run/netns` (ip-netns(8)).
    Named(NetnsName),
}

/// A device by the names that the kernel keeps unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceId {
    /// The namespace it is in.
    pub netns: NetnsId,
    /// Its name there.
    pub name: IfName,
}

/// A name that a machine keeps unique. A key is a path: when the object at its prefix goes, the names under it are free again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// A file in `/run/netns`.
    Netns(NetnsName),
    /// A device name in a namespace.
    Device(DeviceId),
    /// The administrative state of a device.
    Up(DeviceId),
    /// The membership of a device: it has one master at most.
    Port(DeviceId),
    /// The VLANs of a port of a bridge, or of the bridge itself.
    PortVlans(DeviceId),
    /// The queueing discipline at the root of a device: it has one.
    Qdisc(DeviceId),
    /// A knob of a device.
    Tuning(DeviceId, Knob),
    /// An address of a device. IPv4 keeps address and length unique, IPv6 the address alone: there the length is 128.
    Address(DeviceId, IpNet),
    /// A route: table, destination and metric (RTA_PRIORITY) are unique in a namespace.
    Route {
        /// The namespace.
        netns: NetnsId,
        /// The routing table; 254 is `main`.
        table: u32,
        /// The destination, host bits zero.
        to: IpNet,
        /// The metric; lower wins.
        metric: u32,
    },
    /// A sysctl of a namespace.
    Sysctl(NetnsId, SysctlName),
    /// The n-th program of a node.
    Ran(NetnsName, u32),
    /// Something of Open vSwitch.
    Ovs(OvsKey),
    /// The VXLAN device of a network at a UDP port of the host: there is one, in whatever namespace it is (`vxlan_vni_in_use`).
    Vni {
        /// The UDP port.
        port: u16,
        /// The network.
        vni: u32,
    },
    /// The GRE device between two addresses of the underlay.
    Gre(GreKey),
    /// Where a VXLAN device sends frames for an Ethernet address.
    Fdb(DeviceId, Mac, IpAddr),
    /// A neighbour on a GRE device.
    Neighbour(DeviceId, IpAddr),
}

/// One fact that a machine can be told and can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// A network namespace, with its `lo`.
    Netns(Netns),
    /// A device.
    Device(Device),
    /// A device is administratively up (IFF_UP).
    Up(DeviceId),
    /// A device is a port of a bridge, or a member of a bond or of a VRF.
    Port(Port),
    /// The VLANs that a port of a bridge takes.
    PortVlans(PortVlans),
    /// The queueing discipline of a device.
    Qdisc(Qdisc),
    /// A setting of a device that is no part of making it.
    Tuning(Tuning),
    /// An address on a device.
    Address(Address),
    /// A route.
    Route(Route),
    /// A kernel setting.
    Sysctl(Sysctl),
    /// A program that has run.
    Ran(Ran),
    /// Something of Open vSwitch.
    Ovs(Ovs),
    /// Where a VXLAN device sends frames for an Ethernet address.
    Fdb(Fdb),
    /// A neighbour on a GRE device.
    Neighbour(Neighbour),
}

/// A network namespace of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Netns {
    /// Its name in `/run/netns`.
    pub name: NetnsName,
    /// The node that it is; it stands in the mark.
    pub node: NodeName,
    /// False for what a crash can leave: the marked file without a namespace mounted on it. Never wanted.
    pub mounted: bool,
}

/// An address on a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The device.
    pub device: DeviceId,
    /// Address and prefix length, host bits kept.
    pub net: IpNet,
}

/// A unicast route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The namespace.
    pub netns: NetnsId,
    /// The routing table; 254 is `main`.
    pub table: u32,
    /// The destination, host bits zero.
    pub to: IpNet,
    /// The metric as the kernel keeps it: IPv4's default is 0, IPv6's 1024.
    pub metric: u32,
    /// Where packets go next, sorted, without repeats, never empty.
    pub via: Vec<NextHop>,
}

/// The kernel's routing table `main` (RT_TABLE_MAIN).
pub const TABLE_MAIN: u32 = 254;

/// One next hop of a route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NextHop {
    /// The device it leaves by.
    pub device: IfName,
    /// The neighbour it goes to; none where the destination is on the wire itself.
    pub gateway: Option<IpAddr>,
    /// Its share among the next hops: 1 to 256 (rtnh_hops + 1).
    pub weight: u16,
}

/// A kernel setting in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sysctl {
    /// The namespace.
    pub netns: NetnsId,
    /// The setting.
    pub name: SysctlName,
    /// Its value as the kernel prints it: fields joined by one tab.
    pub value: Arc<str>,
}

/// A program that has run in a node, remembered on the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The node's namespace.
    pub netns: NetnsName,
    /// Its place in the node's list, from 0.
    pub index: u32,
    /// A hash of the arguments.
    pub digest: u64,
    /// What to run. A machine remembers only the digest.
    pub argv: Aside<Vec<String>>,
}

impl Ran {
    /// A program in its place, by its arguments.
    pub fn new(netns: NetnsName, index: u32, argv: &[String]) -> Self {
        let parts: Vec<&str> = argv.iter().map(String::as_str).collect();
        Ran { netns, index, digest: stable_hash(&parts), argv: Aside(argv.to_vec()) }
    }
}

/// A value kept beside a fact: it is no part of what is compared.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Aside<T>(pub T);

impl<T> PartialEq for Aside<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Aside<T> {}

impl<T: fmt::Debug> fmt::Debug for Aside<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that must stand first: any one of these. None at all means that nothing can meet the need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need(pub Vec<Key>);

impl Resource {
    /// Its identity: the first of its claims.
    pub fn key(&self) -> Key {
        match self {
            Resource::Netns(n) => Key::Netns(n.name.clone()),
            Resource::Device(d) => Key::Device(d.id().clone()),
            Resource::Up(d) => Key::Up(d.clone()),
            Resource::Port(p) => Key::Port(p.device.clone()),
            Resource::PortVlans(v) => Key::PortVlans(v.device.clone()),
            Resource::Qdisc(q) => Key::Qdisc(q.device.clone()),
            Resource::Tuning(t) => Key::Tuning(t.device.clone(), t.knob),
            Resource::Address(a) => a.key(),
            Resource::Route(r) => Key::Route { netns: r.netns.clone(), table: r.table, to: r.to, metric: r.metric },
            Resource::Sysctl(s) => Key::Sysctl(s.netns.clone(), s.name.clone()),
            Resource::Ran(r) => Key::Ran(r.netns.clone(), r.index),
            Resource::Ovs(o) => o.key(),
            Resource::Fdb(f) => Key::Fdb(f.device.clone(), f.mac, f.to),
            Resource::Neighbour(n) => Key::Neighbour(n.device.clone(), n.address),
        }
    }

    /// Every name it holds; the first is its identity. A namespace holds the name of its `lo` too.
    pub fn claims(&self) -> Vec<Key> {
        match self {
            Resource::Netns(n) => vec![Key::Netns(n.name.clone()), Key::Device(n.lo())],
            Resource::Device(Device::Veth(v)) => v.ends().iter().map(|e| Key::Device(e.id.clone())).collect(),
            Resource::Ovs(o) => o.claims(),
            Resource::Device(Device::Single(s)) => std::iter::once(self.key()).chain(s.kind.claims()).collect(),
            Resource::Device(_)
            | Resource::Up(_)
            | Resource::Port(_)
            | Resource::PortVlans(_)
            | Resource::Qdisc(_)
            | Resource::Tuning(_)
            | Resource::Address(_)
            | Resource::Route(_)
            | Resource::Sysctl(_)
            | Resource::Ran(_)
            | Resource::Fdb(_)
            | Resource::Neighbour(_) => vec![self.key()],
        }
    }

    /// What takes it along, whole and at once, when that is deleted. A namespace does not: it dies later, in a work queue.
    pub fn owners(&self, among: &HostState) -> Vec<Key> {
        relations::owners(self, among)
    }

    /// What must stand first.
    pub fn needs(&self, among: &HostState) -> Vec<Need> {
        relations::needs(self, among)
    }

    /// Whether an update can turn it into `to`; if not, it has to be replaced.
    pub fn can_become(&self, to: &Resource) -> bool {
        relations::can_become(self, to)
    }

    /// What a kernel must be able to do for it.
    pub fn features(&self) -> Vec<Feature> {
        relations::features(self)
    }

    /// What has to go before this comes about, from nothing or from another form of it, and comes back after.
    pub fn disturbs(&self, from: Option<&Resource>, among: &HostState) -> Vec<Key> {
        relations::disturbs(self, from, among)
    }

    /// The devices that go down and up again when this comes about: they lose what [`Resource::lost_by_going_down`] tells of.
    pub fn cycles(&self, among: &HostState) -> Vec<DeviceId> {
        relations::cycles(self, among)
    }

    /// The devices of which any one takes it along when it goes down, if only for a moment.
    pub fn lost_by_going_down(&self) -> Vec<DeviceId> {
        relations::lost_by_going_down(self)
    }

    /// The devices that have no IPv6 where this is so, for their MTU is too small: the kernel drops addresses and routes from them.
    /// A bridge's MTU is the least of its ports' (`br_mtu_auto_adjust`).
    pub fn upsets(&self, among: &HostState) -> Vec<DeviceId> {
        relations::upsets(self, among)
    }

    /// The devices on which it is a part of IPv6.
    pub fn ipv6_on(&self) -> Vec<DeviceId> {
        relations::ipv6_on(self)
    }

    /// Whether it may be taken over from others as a loan, and given back.
    pub fn can_be_lent(&self) -> bool {
        matches!(self, Resource::Sysctl(Sysctl { netns: NetnsId::Host, .. }))
    }

    /// Programs run when all else on the host stands.
    pub(crate) fn stage(&self) -> u8 {
        u8::from(matches!(self, Resource::Ran(_)))
    }
}

impl Key {
    /// The namespace that the name is kept in; a namespace's own name is kept by the host.
    pub fn netns(&self) -> NetnsId {
        match self {
            Key::Netns(_) => NetnsId::Host,
            Key::Device(d) | Key::Up(d) | Key::Port(d) | Key::PortVlans(d) | Key::Qdisc(d) => d.netns.clone(),
            Key::Tuning(d, _) | Key::Address(d, _) => d.netns.clone(),
            Key::Route { netns, .. } | Key::Sysctl(netns, _) => netns.clone(),
            Key::Ran(n, _) => NetnsId::Named(n.clone()),
            // The sockets of tunnels are in the host's namespace.
            Key::Ovs(_) | Key::Vni { .. } | Key::Gre(_) => NetnsId::Host,
            Key::Fdb(d, ..) | Key::Neighbour(d, _) => d.netns.clone(),
        }
    }
}

impl Netns {
    /// A namespace as it is wanted.
    pub fn new(name: NetnsName, node: NodeName) -> Self {
        Netns { name, node, mounted: true }
    }

    /// The loopback device it is born with.
    pub fn lo(&self) -> DeviceId {
        DeviceId { netns: NetnsId::Named(self.name.clone()), name: IfName::LO }
    }
}

impl Address {
    /// The name that the kernel keeps unique for it.
    pub fn key(&self) -> Key {
        let name = match self.net {
            IpNet::V4(_) => self.net,
            IpNet::V6(n) => IpNet::V6(n.addr().into()),
        };
        Key::Address(self.device.clone(), name)
    }
}

impl fmt::Display for NetnsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetnsId::Host => f.write_str("host"),
            NetnsId::Named(n) => n.fmt(f),
        }
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.netns, self.name)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Netns(n) => write!(f, "network namespace {n}"),
            Key::Device(d) => write!(f, "device {d}"),
            Key::Up(d) => write!(f, "up {d}"),
            Key::Port(d) => write!(f, "port {d}"),
            Key::PortVlans(d) => write!(f, "VLANs of {d}"),
            Key::Qdisc(d) => write!(f, "qdisc {d}"),
            Key::Tuning(d, knob) => write!(f, "{knob} of {d}"),
            Key::Address(d, a) => match a {
                IpNet::V4(a) => write!(f, "address {a} on {d}"),
                IpNet::V6(a) => write!(f, "address {} on {d}", a.addr()),
            },
            Key::Route { netns, table, to, metric } => {
                write!(f, "route {netns} to {to}")?;
                if *table != TABLE_MAIN {
                    write!(f, " table {table}")?;
                }
                if *metric != 0 {
                    write!(f, " metric {metric}")?;
                }
                Ok(())
            }
            Key::Sysctl(n, s) => write!(f, "sysctl {n} {s}"),
            Key::Ran(n, i) => write!(f, "exec {n} #{}", i + 1),
            Key::Ovs(key) => key.fmt(f),
            Key::Vni { port, vni } => write!(f, "VNI {vni} at UDP port {port}"),
            Key::Gre(GreKey { frames, local, remote, key }) => {
                write!(f, "{} from {local}", if *frames { "gretap" } else { "gre" })?;
                remote.iter().try_for_each(|remote| write!(f, " to {remote}"))?;
                key.iter().try_for_each(|key| write!(f, " key {key}"))
            }
            Key::Fdb(d, mac, to) => write!(f, "{mac} behind {to} on {d}"),
            Key::Neighbour(d, address) => write!(f, "neighbour {address} on {d}"),
        }
    }
}
