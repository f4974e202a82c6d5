//! Devices, and what they are members of.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DeviceId, Gre, GreKey, Key, NetnsId, Vxlan};
use crate::names::{IfName, Mac};

/// A device of one of the kinds that netsim makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// A pair of devices, each the wire of the other (veth(4)).
    Veth(Veth),
    /// An Ethernet switch in the kernel.
    Bridge(Bridge),
    /// A device with one name of another kind.
    Single(Box<Single>),
    /// A device with our mark that is nothing we would make: half a veth pair, another kind. Never wanted.
    Stray {
        /// Its name.
        id: DeviceId,
        /// What it is, in words.
        what: Arc<str>,
    },
}

/// A veth pair. `ends[0].id` is less than `ends[1].id`: so equal pairs are `==`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Veth {
    ends: [End; 2],
}

impl End {
    /// An end as it is where nothing is said of it.
    pub fn new(id: DeviceId, mac: Mac) -> Self {
        End { id, mac, mtu: 1500, queues: 1, tx_queue_len: 1000, link_local: false, full_name: None }
    }
}

impl Bridge {
    /// A bridge as it is where nothing is said of it. Without a querier, snooping forgets groups and so loses IPv6's neighbour discovery after some
    /// minutes: it is off.
    pub fn new(id: DeviceId, mac: Mac) -> Self {
        Bridge {
            id,
            mac,
            multicast_snooping: false,
            stp: false,
            forward_delay: 1500,
            ageing: 30_000,
            vlan_filtering: false,
            link_local: false,
            full_name: None,
        }
    }
}

impl Veth {
    /// The pair, in either order.
    pub fn new(a: End, b: End) -> Self {
        Veth { ends: if a.id < b.id { [a, b] } else { [b, a] } }
    }

    /// Both ends, the lesser name first.
    pub fn ends(&self) -> &[End; 2] {
        &self.ends
    }
}

/// One end of a veth pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Its name.
    pub id: DeviceId,
    /// Its Ethernet address.
    pub mac: Mac,
    /// The largest packet in bytes, without the Ethernet header: 68 to 65535 (veth.c, ETH_MIN_MTU and ETH_MAX_MTU).
    pub mtu: u32,
    /// Queues to send from and as many to receive into: 1 to 4096 (`rtnl_create_link`, net/core/rtnetlink.c). The kernel fixes the number when the pair is made.
    pub queues: u32,
    /// The longest queue of a queueing discipline that asks for no other, in packets (IFLA_TXQLEN); 1000 by default.
    pub tx_queue_len: u32,
    /// Whether it makes a link-local IPv6 address of its own (IFLA_INET6_ADDR_GEN_MODE eui64) or none.
    pub link_local: bool,
    /// The name as written, where the kernel's name had to be shortened (an altname).
    pub full_name: Option<Arc<str>>,
}

/// A Linux bridge. Its MTU is the least of its ports' and the kernel keeps it so (`br_mtu_auto_adjust`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridge {
    /// Its name.
    pub id: DeviceId,
    /// Its Ethernet address.
    pub mac: Mac,
    /// IGMP and MLD snooping (IFLA_BR_MCAST_SNOOPING).
    pub multicast_snooping: bool,
    /// The spanning tree protocol of the kernel (IFLA_BR_STP_STATE, IEEE 802.1D).
    pub stp: bool,
    /// How long a port listens, and then learns, before it forwards under STP, in 1/100 s: 200 to 3000 (BR_MIN_FORWARD_DELAY, BR_MAX_FORWARD_DELAY); 1500 by default.
    /// Kernels of 250 ticks a second keep only even numbers.
    pub forward_delay: u32,
    /// How long an address is remembered that is not heard of, in 1/100 s; 30000 by default (IFLA_BR_AGEING_TIME). 0: not at all.
    /// With `stp` always 30000: while the tree changes the kernel shortens it, and does not tell what it was (`__br_set_topology_change`, net/bridge/br_stp.c).
    /// Even, as [`Bridge::forward_delay`].
    pub ageing: u32,
    /// Whether ports take only frames of their VLANs (IFLA_BR_VLAN_FILTERING). Where it is so, a new port is in none (IFLA_BR_VLAN_DEFAULT_PVID is 0).
    pub vlan_filtering: bool,
    /// As in [`End::link_local`].
    pub link_local: bool,
    /// As in [`End::full_name`].
    pub full_name: Option<Arc<str>>,
}

/// A device with one name: every kind but veth pairs and bridges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Single {
    /// Its name.
    pub id: DeviceId,
    /// Its Ethernet address; none for a kind that has none of its own ([`SingleKind::has_mac`]).
    pub mac: Option<Mac>,
    /// The largest packet in bytes; none for a kind whose MTU the kernel rules ([`SingleKind::has_mtu`]).
    pub mtu: Option<u32>,
    /// As in [`End::link_local`].
    pub link_local: bool,
    /// As in [`End::full_name`].
    pub full_name: Option<Arc<str>>,
    /// What it is.
    pub kind: SingleKind,
}

/// What a device with one name is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SingleKind {
    /// A device that swallows what it is given (drivers/net/dummy.c).
    Dummy,
    /// An 802.1Q sub-interface: what comes in and goes out of its parent with a tag.
    Vlan {
        /// The device that the tagged frames pass, in the same namespace.
        parent: IfName,
        /// The VLAN: 1 to 4094.
        vid: u16,
        /// The tag's protocol.
        protocol: VlanProtocol,
    },
    /// A device with an Ethernet address of its own on another device (drivers/net/macvlan.c).
    Macvlan {
        /// The device beneath; it may be in another namespace.
        parent: DeviceId,
        /// Whom it can talk to.
        mode: MacvlanMode,
    },
    /// A device that shares the Ethernet address of another (Documentation/networking/ipvlan.rst).
    Ipvlan {
        /// The device beneath; it may be in another namespace.
        parent: DeviceId,
        /// What it looks at. All on one parent have one mode.
        mode: IpvlanMode,
    },
    /// Several devices as one (Documentation/networking/bonding.rst).
    Bond(Bond),
    /// A routing domain of its own (Documentation/networking/vrf.rst).
    Vrf {
        /// The routing table of its members.
        table: u32,
    },
    /// Frames in UDP over an underlay.
    Vxlan(Vxlan),
    /// Frames in GRE over an underlay.
    Gretap(Gre),
    /// Packets in GRE over an underlay.
    Gre(Gre),
}

/// A bond.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bond {
    /// How it uses its members.
    pub mode: BondMode,
    /// How often the members' carriers are looked at, in ms; 0 is never (IFLA_BOND_MIIMON).
    pub miimon: u32,
}

/// The protocol of a VLAN tag (EtherType).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum VlanProtocol {
    /// 0x8100
    #[serde(rename = "802.1q")]
    Q,
    /// 0x88a8, the outer tag of two
    #[serde(rename = "802.1ad")]
    Ad,
}

/// Whom a macvlan device can talk to (ip-link(8)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MacvlanMode {
    /// The others on the same parent, and whoever is outside.
    Bridge,
    /// Whoever is outside, never the others.
    Private,
    /// The others by way of a switch outside that sends frames back (802.1Qbg).
    Vepa,
    /// The parent is its alone.
    Passthru,
}

/// What an ipvlan device looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IpvlanMode {
    /// Frames.
    L2,
    /// Packets, past the host's netfilter.
    L3,
    /// Packets, through the host's netfilter.
    L3s,
}

/// How a bond uses its members (ip-link(8), Documentation/networking/bonding.rst).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum BondMode {
    /// One after the other: mode 0.
    #[serde(rename = "balance-rr")]
    BalanceRr,
    /// One, the others stand by: mode 1.
    #[serde(rename = "active-backup")]
    ActiveBackup,
    /// By a hash of the addresses: mode 2.
    #[serde(rename = "balance-xor")]
    BalanceXor,
    /// All at once: mode 3.
    #[serde(rename = "broadcast")]
    Broadcast,
    /// Link aggregation, agreed on by LACP: mode 4.
    #[serde(rename = "802.3ad")]
    Lacp,
}

impl SingleKind {
    /// The device that it stands on and goes with.
    pub fn parent(&self, id: &DeviceId) -> Option<DeviceId> {
        match self {
            SingleKind::Vlan { parent, .. } => Some(DeviceId { netns: id.netns.clone(), name: *parent }),
            SingleKind::Macvlan { parent, .. } | SingleKind::Ipvlan { parent, .. } => Some(parent.clone()),
            SingleKind::Dummy | SingleKind::Bond(_) | SingleKind::Vrf { .. } => None,
            SingleKind::Vxlan(_) | SingleKind::Gretap(_) | SingleKind::Gre(_) => None,
        }
    }

    /// The device of the underlay that it goes with (`vxlan_handle_lowerdev_unregister`); one that names none, and a GRE device, stay and send by another.
    pub fn underlay(&self) -> Option<DeviceId> {
        match self {
            SingleKind::Vxlan(vxlan) => vxlan.device.map(|name| DeviceId { netns: NetnsId::Host, name }),
            SingleKind::Gretap(_) | SingleKind::Gre(_) => None,
            SingleKind::Dummy
            | SingleKind::Vlan { .. }
            | SingleKind::Macvlan { .. }
            | SingleKind::Ipvlan { .. }
            | SingleKind::Bond(_)
            | SingleKind::Vrf { .. } => None,
        }
    }

    /// What it is on the underlay, which a machine keeps unique beside its name.
    pub(crate) fn claims(&self) -> Option<Key> {
        let gre =
            |frames, gre: &Gre| Some(Key::Gre(GreKey { frames, local: gre.local, remote: gre.remote, key: gre.key }));
        match self {
            SingleKind::Vxlan(vxlan) => Some(Key::Vni { port: vxlan.port, vni: vxlan.vni }),
            SingleKind::Gretap(tap) => gre(true, tap),
            SingleKind::Gre(packets) => gre(false, packets),
            SingleKind::Dummy
            | SingleKind::Vlan { .. }
            | SingleKind::Macvlan { .. }
            | SingleKind::Ipvlan { .. }
            | SingleKind::Bond(_)
            | SingleKind::Vrf { .. } => None,
        }
    }

    /// Whether it has an Ethernet address of its own to choose: an ipvlan device and a macvlan device in passthru have their parent's, and to
    /// set that of the latter is to set the parent's (`macvlan_set_mac_address`).
    pub fn has_mac(&self) -> bool {
        match self {
            SingleKind::Ipvlan { .. } | SingleKind::Macvlan { mode: MacvlanMode::Passthru, .. } => false,
            SingleKind::Gre(_) => false,
            SingleKind::Dummy
            | SingleKind::Vlan { .. }
            | SingleKind::Macvlan { .. }
            | SingleKind::Bond(_)
            | SingleKind::Vrf { .. }
            | SingleKind::Vxlan(_)
            | SingleKind::Gretap(_) => true,
        }
    }

    /// Whether it has an MTU to choose: that of a VRF means nothing.
    pub fn has_mtu(&self) -> bool {
        match self {
            SingleKind::Vrf { .. } => false,
            SingleKind::Dummy
            | SingleKind::Vlan { .. }
            | SingleKind::Macvlan { .. }
            | SingleKind::Ipvlan { .. }
            | SingleKind::Bond(_)
            | SingleKind::Vxlan(_)
            | SingleKind::Gretap(_)
            | SingleKind::Gre(_) => true,
        }
    }

    /// What ip-link(8) calls it.
    pub fn name(&self) -> &'static str {
        match self {
            SingleKind::Dummy => "dummy",
            SingleKind::Vlan { .. } => "vlan",
            SingleKind::Macvlan { .. } => "macvlan",
            SingleKind::Ipvlan { .. } => "ipvlan",
            SingleKind::Bond(_) => "bond",
            SingleKind::Vrf { .. } => "vrf",
            SingleKind::Vxlan(_) => "vxlan",
            SingleKind::Gretap(_) => "gretap",
            SingleKind::Gre(_) => "gre",
        }
    }
}

impl Device {
    /// Its identity: of a veth pair the lesser name.
    pub fn id(&self) -> &DeviceId {
        match self {
            Device::Veth(v) => &v.ends[0].id,
            Device::Bridge(b) => &b.id,
            Device::Single(s) => &s.id,
            Device::Stray { id, .. } => id,
        }
    }
}

/// Membership in a bridge, a bond or a VRF of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The member.
    pub device: DeviceId,
    /// The bridge, bond or VRF.
    pub master: IfName,
    /// How a bridge treats it; as by default in a bond or a VRF.
    pub settings: PortSettings,
}

/// How a bridge treats one of its ports (bridge(8)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSettings {
    /// Frames may leave by the port that they came in by (IFLA_BRPORT_MODE).
    pub hairpin: bool,
    /// It hears only ports that are not isolated (IFLA_BRPORT_ISOLATED).
    pub isolated: bool,
    /// Addresses seen behind it are remembered (IFLA_BRPORT_LEARNING).
    pub learning: bool,
}

impl Default for PortSettings {
    /// As the kernel makes a port (`new_nbp`, net/bridge/br_if.c).
    fn default() -> Self {
        PortSettings { hairpin: false, isolated: false, learning: true }
    }
}

impl Port {
    /// A member as a kernel makes it.
    pub fn new(device: DeviceId, master: IfName) -> Self {
        Port { device, master, settings: PortSettings::default() }
    }

    /// What it is a member of.
    pub fn master(&self) -> DeviceId {
        DeviceId { netns: self.device.netns.clone(), name: self.master }
    }
}

macro_rules! worded {
    ($type:ty { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// All of them, each with its word in files and in ip-link(8).
            pub const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];

            /// Its word.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

worded!(VlanProtocol { Q = "802.1q", Ad = "802.1ad" });
worded!(MacvlanMode { Bridge = "bridge", Private = "private", Vepa = "vepa", Passthru = "passthru" });
worded!(IpvlanMode { L2 = "l2", L3 = "l3", L3s = "l3s" });
worded!(BondMode {
    BalanceRr = "balance-rr",
    ActiveBackup = "active-backup",
    BalanceXor = "balance-xor",
    Broadcast = "broadcast",
    Lacp = "802.3ad",
});
