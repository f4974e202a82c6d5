//! What is so on a host: the set of its resources, and what an observation adds to it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use indexmap::IndexMap;
use ipnet::IpNet;
use rustc_hash::{FxBuildHasher, FxHashMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::{HostId, IfName, LabName, SysctlName};
use crate::resource::{Address, Device, DeviceId, Key, NetnsId, Resource, Single};

type Map<K, V> = IndexMap<K, V, FxBuildHasher>;

/// A set of resources, found by any name that they hold. Equality ignores order; the order is that of insertion,
/// and of several addresses in one subnet of a device the first is the primary one, as in a kernel.
#[derive(Debug, Clone, Default)]
pub struct HostState {
    resources: Map<Key, Resource>,
    /// Second names (a veth's other end, a namespace's `lo`) to identities.
    second: FxHashMap<Key, Key>,
    /// Device to its subnets to the addresses in them, in order.
    subnets: FxHashMap<DeviceId, BTreeMap<IpNet, Vec<Key>>>,
    /// Device to those that stand on it.
    children: FxHashMap<DeviceId, Vec<Key>>,
}

impl PartialEq for HostState {
    fn eq(&self, other: &Self) -> bool {
        self.resources == other.resources
    }
}

impl Eq for HostState {}

impl HostState {
    /// The resource with this identity.
    pub fn get(&self, key: &Key) -> Option<&Resource> {
        self.resources.get(key)
    }

    /// The resource that holds this name.
    pub fn holder(&self, name: &Key) -> Option<&Resource> {
        self.resources.get(name).or_else(|| self.resources.get(self.second.get(name)?))
    }

    /// The resource with this identity, and its position.
    pub(crate) fn get_full(&self, key: &Key) -> Option<(usize, &Resource)> {
        self.resources.get_full(key).map(|(at, _, resource)| (at, resource))
    }

    /// The position of the resource that holds this name, in the order of insertion.
    pub(crate) fn position(&self, name: &Key) -> Option<usize> {
        self.resources.get_index_of(name).or_else(|| self.resources.get_index_of(self.second.get(name)?))
    }

    /// The resource at a position.
    pub(crate) fn at(&self, position: usize) -> (&Key, &Resource) {
        self.resources.get_index(position).expect("a position that `position` or `len` gave")
    }

    /// All resources, in the order of insertion.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Key, &Resource)> {
        self.resources.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.resources.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// Puts a resource in, in place of one with the same identity.
    pub fn insert(&mut self, resource: Resource) {
        let mut claims = resource.claims().into_iter();
        let key = claims.next().expect("every resource claims its identity");
        if self.resources.contains_key(&key) {
            self.forget_names(&key);
        }
        for name in claims {
            self.second.insert(name, key.clone());
        }
        if let Resource::Address(a) = &resource {
            let subnets = self.subnets.entry(a.device.clone()).or_default();
            subnets.entry(a.net.trunc()).or_default().push(key.clone());
        }
        if let Some(parent) = parent(&resource) {
            self.children.entry(parent).or_default().push(key.clone());
        }
        self.resources.insert(key, resource);
    }

    /// Takes a resource out; linear in their number, for the order of the others is kept.
    pub fn remove(&mut self, key: &Key) -> Option<Resource> {
        self.forget_names(key);
        self.resources.shift_remove(key)
    }

    /// Keeps only the resources that the claim holds for.
    pub fn retain(&mut self, mut keep: impl FnMut(&Key, &Resource) -> bool) {
        let gone: Vec<Key> = self.resources.iter().filter(|(k, r)| !keep(k, r)).map(|(k, _)| k.clone()).collect();
        for key in &gone {
            self.forget_names(key);
        }
        let gone: BTreeSet<Key> = gone.into_iter().collect();
        self.resources.retain(|k, _| !gone.contains(k));
    }

    fn forget_names(&mut self, key: &Key) {
        let Some(resource) = self.resources.get(key) else { return };
        for name in resource.claims().into_iter().skip(1) {
            self.second.remove(&name);
        }
        if let Resource::Address(a) = resource
            && let Some(subnets) = self.subnets.get_mut(&a.device)
        {
            subnets.entry(a.net.trunc()).or_default().retain(|k| k != key);
            subnets.retain(|_, keys| !keys.is_empty());
        }
        if let Some(parent) = parent(resource) {
            self.children.entry(parent).or_default().retain(|k| k != key);
        }
    }

    /// The devices that stand on a device, in the order of insertion.
    pub fn children(&self, device: &DeviceId) -> impl Iterator<Item = &Single> {
        self.children.get(device).into_iter().flatten().filter_map(|key| match self.resources.get(key) {
            Some(Resource::Device(Device::Single(single))) => Some(&**single),
            _ => None,
        })
    }

    /// The addresses of a device in whose subnet this address lies: each of them lets the kernel reach it as a gateway.
    pub fn covering(&self, device: &DeviceId, gateway: IpAddr) -> Vec<Key> {
        let Some(subnets) = self.subnets.get(device) else { return Vec::new() };
        let longest = if gateway.is_ipv6() { 128 } else { 32 };
        (0..=longest)
            .filter_map(|len| subnets.get(&IpNet::new(gateway, len).ok()?.trunc()))
            .flatten()
            .cloned()
            .collect()
    }

    /// The addresses of a device, by subnet and then in order.
    pub fn addresses(&self, device: &DeviceId) -> Vec<Key> {
        self.subnets.get(device).into_iter().flat_map(BTreeMap::values).flatten().cloned().collect()
    }

    /// The primary address of a secondary IPv4 address: the first of its subnet on the device; none for a primary one.
    pub fn primary_of(&self, address: &Address) -> Option<Key> {
        if address.net.addr().is_ipv6() {
            return None;
        }
        let first = self.subnets.get(&address.device)?.get(&address.net.trunc())?.first()?;
        (*first != address.key()).then(|| first.clone())
    }
}

fn parent(resource: &Resource) -> Option<DeviceId> {
    match resource {
        Resource::Device(Device::Single(single)) => single.kind.parent(&single.id),
        _ => None,
    }
}

/// Lets a secondary address live on when its primary one goes (Documentation/networking/ip-sysctl.rst); set to 1 in every namespace of ours.
pub fn promote_secondaries() -> SysctlName {
    SysctlName::new("net.ipv4.conf.all.promote_secondaries").expect("a constant")
}

impl FromIterator<Resource> for HostState {
    fn from_iter<I: IntoIterator<Item = Resource>>(resources: I) -> Self {
        let mut state = HostState::default();
        for resource in resources {
            state.insert(resource);
        }
        state
    }
}

impl Serialize for HostState {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.resources.values())
    }
}

impl<'de> Deserialize<'de> for HostState {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Vec::<Resource>::deserialize(d)?.into_iter().collect())
    }
}

/// What to look for on a host: everything marked as this lab's, and whoever holds the names and settings that are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The lab.
    pub lab: LabName,
    /// Names that are wanted, or were: namespaces, devices in the host's namespace, sysctls.
    pub names: Vec<Key>,
    /// What the kernel is asked whether it can do it.
    pub features: BTreeSet<Feature>,
    /// Whether the addresses of the host's NICs are asked for, and who uses which UDP port for tunnels.
    pub underlay: bool,
}

impl Scope {
    /// Everything of a lab, and whoever stands in the way of what is desired.
    pub fn of(lab: &LabName, desired: &HostState) -> Self {
        let wanted = |k: &Key| match k {
            Key::Netns(_) | Key::Sysctl(..) | Key::Qdisc(_) | Key::Tuning(..) => true,
            Key::Device(d) | Key::Up(d) | Key::Port(d) | Key::PortVlans(d) | Key::Address(d, _) => {
                d.netns == NetnsId::Host
            }
            Key::Route { netns, .. } => *netns == NetnsId::Host,
            Key::Ran(..) | Key::Fdb(..) | Key::Neighbour(..) => false,
            Key::Ovs(_) | Key::Vni { .. } | Key::Gre(_) => true,
        };
        let names = desired.iter().flat_map(|(_, r)| r.claims()).filter(wanted).collect();
        let features = desired.iter().flat_map(|(_, r)| r.features()).collect();
        Scope { lab: lab.clone(), names, features, underlay: false }
    }

    /// Everything of a lab, and nothing of others.
    pub fn lab(lab: &LabName) -> Self {
        Scope { lab: lab.clone(), names: Vec::new(), features: BTreeSet::new(), underlay: false }
    }
}

/// What a lab has borrowed, by name.
pub type Loans = Map<Key, Held>;

/// What was found on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// What bears the lab's mark.
    pub ours: HostState,
    /// Who holds other names that matter: wanted ones, and all that is unmarked in namespaces of ours.
    #[serde(with = "indexmap::map::serde_seq")]
    pub others: Map<Key, Foreign>,
    /// What the host can do and has.
    pub facts: Facts,
    /// What the lab has borrowed.
    #[serde(with = "indexmap::map::serde_seq")]
    pub loans: Loans,
}

/// Something that is not the lab's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// What it is, in words: `bridge made by hand`, `network namespace of lab other`.
    pub what: Arc<str>,
    /// Whose it is, where a mark says so.
    pub lab: Option<LabName>,
    /// The fact itself, where it is one that can be lent or shown.
    pub resource: Option<Resource>,
}

/// Something of others that the lab changed, and how it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loan {
    /// How it was before anyone borrowed it.
    pub was: Resource,
    /// How the lab set it.
    pub set: Resource,
}

/// A loan as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The loan.
    pub loan: Loan,
    /// Whether another lab has borrowed it too: then the last to leave gives it back.
    pub shared: bool,
}

/// What a host can do and has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The kernel's release, as `uname -r`.
    pub kernel: String,
    /// Whether netsim works in a user namespace of its own there.
    pub rootless: bool,
    /// Features among those asked for that the kernel lacks.
    pub lacks: BTreeSet<Feature>,
    /// Sysctls among those asked for that the kernel does not have, and names like theirs that it has.
    #[serde(with = "indexmap::map::serde_seq")]
    pub no_sysctl: IndexMap<(NetnsId, SysctlName), Vec<SysctlName>>,
    /// The devices in the host's own namespace that are not this lab's; without `lo`, on which nothing can stand.
    pub nics: BTreeMap<IfName, Nic>,
    /// The addresses of its `lo` that are of no loopback network; where asked for.
    pub own: Vec<IpAddr>,
    /// One more than the last CPU that works: a kernel keeps no others in the masks of queues; 0 where nobody looked.
    pub cpus: u32,
    /// The NIC that IPv4 packets, or else IPv6 ones, leave by that no other route is for; of those whose addresses are asked for.
    pub default_nic: Option<IfName>,
    /// The address by which the host was reached over SSH.
    pub reached: Option<IpAddr>,
    /// Who uses which UDP port for VXLAN, of others than this lab; where asked for.
    pub tunnel_ports: BTreeMap<u16, TunnelPort>,
}

/// What each host can do and has.
pub type HostFacts = IndexMap<HostId, Facts>;

/// Who uses a UDP port of a host for VXLAN: plain devices, or one that takes the network from each packet (`external`), as Open vSwitch makes it.
/// The two cannot share a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TunnelPort {
    /// One of the devices.
    pub device: IfName,
    /// Whether it is of the second sort.
    pub external: bool,
}

/// A device in the host's own namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nic {
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Whether it is up.
    pub up: bool,
    /// Its addresses but for link-local ones, in order; where asked for.
    pub addresses: Vec<IpNet>,
}

/// Something a kernel may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// CONFIG_VETH
    Veth,
    /// CONFIG_BRIDGE
    Bridge,
    /// CONFIG_IPV6
    Ipv6,
    /// CONFIG_IP_ROUTE_MULTIPATH
    Multipath,
    /// CONFIG_BRIDGE_VLAN_FILTERING
    VlanFiltering,
    /// CONFIG_VLAN_8021Q
    Vlan,
    /// CONFIG_MACVLAN
    Macvlan,
    /// CONFIG_IPVLAN
    Ipvlan,
    /// CONFIG_DUMMY
    Dummy,
    /// CONFIG_BONDING
    Bond,
    /// CONFIG_NET_VRF
    Vrf,
    /// CONFIG_NET_SCH_NETEM
    Netem,
    /// The seed of netem, since Linux 6.6.
    NetemSeed,
    /// CONFIG_NET_SCH_TBF
    Tbf,
    /// CONFIG_ETHTOOL_NETLINK
    Ethtool,
    /// CONFIG_RPS, and the machine's own CAP_NET_ADMIN, which nobody has in a user namespace (`store_rps_map`, net/core/net-sysfs.c).
    CpuMasks,
    /// CONFIG_VXLAN
    Vxlan,
    /// CONFIG_NET_IPGRE
    Gre,
    /// CONFIG_IPV6_GRE
    Gre6,
    /// CONFIG_OPENVSWITCH: the datapath of Open vSwitch that is not in user space.
    OpenVswitch,
}
