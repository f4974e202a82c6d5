//! Tunnels over an underlay: VXLAN and GRE devices, and what they are told of the far side.

use std::fmt;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DeviceId;
use crate::names::{IfName, Mac};

/// The UDP port of VXLAN (RFC 7348 §8).
pub const VXLAN_PORT: u16 = 4789;

/// The UDP port of Geneve (RFC 8926 §3.3).
pub const GENEVE_PORT: u16 = 6081;

/// A VXLAN device (RFC 7348, drivers/net/vxlan). Its socket is in the host's own namespace, wherever the device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vxlan {
    /// The network: 1 to 2²⁴−1.
    pub vni: u32,
    /// The UDP port that it listens on and sends to.
    pub port: u16,
    /// The underlay address that it sends from.
    pub local: IpAddr,
    /// Where it sends what it knows no other place for: a VTEP or a multicast group; none: only where [`Fdb`] entries say.
    pub remote: Option<IpAddr>,
    /// The underlay device that it sends by; a multicast group needs one.
    pub device: Option<IfName>,
    /// The outer TTL; 0: the kernel's default, 64 for a VTEP and 1 for a group.
    pub ttl: u8,
    /// Whether the outer UDP header has a checksum (IFLA_VXLAN_UDP_CSUM, and over IPv6 IFLA_VXLAN_UDP_ZERO_CSUM6_TX and _RX where it is false).
    pub checksum: bool,
    /// Whether the outer IPv4 header forbids to be cut in pieces.
    pub df: Df,
    /// Whether it remembers behind which VTEP it has seen an Ethernet address.
    pub learning: bool,
}

impl Vxlan {
    /// A device that sends from this address, as it is where nothing else is said of it: only entries say where to.
    pub fn new(vni: u32, local: IpAddr) -> Self {
        Vxlan {
            vni,
            port: VXLAN_PORT,
            local,
            remote: None,
            device: None,
            ttl: 0,
            checksum: true,
            df: Df::Unset,
            learning: true,
        }
    }
}

/// Whether the outer header of a tunnel forbids to be cut in pieces (IFLA_VXLAN_DF).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Df {
    /// It allows it.
    #[default]
    Unset,
    /// It forbids it.
    Set,
    /// As the packet within.
    Inherit,
}

/// A GRE device: with Ethernet frames in it (gretap, ip6gretap) or packets (gre, ip6gre; RFC 2784, RFC 2890). Its underlay is the host's own namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gre {
    /// The underlay address that it sends from.
    pub local: IpAddr,
    /// Where it sends to; none, of packets over IPv4 alone: where [`Neighbour`] entries say.
    pub remote: Option<IpAddr>,
    /// The key, in and out.
    pub key: Option<u32>,
    /// The outer TTL; 0: that of the packet within.
    pub ttl: u8,
    /// Whether packets have a checksum, in and out.
    pub checksum: bool,
}

impl Gre {
    /// A device that sends from this address, as it is where nothing else is said of it.
    pub fn new(local: IpAddr) -> Self {
        Gre { local, remote: None, key: None, ttl: 0, checksum: false }
    }

    /// Whether it is the same on the underlay: then the one can become the other in place.
    pub(super) fn is_same_tunnel(&self, other: &Gre) -> bool {
        (self.local, self.remote, self.key) == (other.local, other.remote, other.key)
    }
}

/// What a kernel keeps unique of a GRE device in its underlay (`ip_tunnel_find`, net/ipv4/ip_tunnel.c).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GreKey {
    /// Whether frames are in it; packets otherwise.
    pub frames: bool,
    /// As in [`Gre::local`].
    pub local: IpAddr,
    /// As in [`Gre::remote`].
    pub remote: Option<IpAddr>,
    /// As in [`Gre::key`].
    pub key: Option<u32>,
}

/// In [`Fdb::mac`] what is for many, or for an address that is not known.
pub const EVERYBODY: Mac = Mac([0; 6]);

/// Where a VXLAN device sends frames for an Ethernet address (bridge-fdb(8), NTF_SELF, permanent).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fdb {
    /// The VXLAN device.
    pub device: DeviceId,
    /// The address; of [`EVERYBODY`] there may be several, and each gets a copy.
    pub mac: Mac,
    /// The VTEP.
    pub to: IpAddr,
}

/// Behind which underlay address a GRE device without a remote finds a neighbour (ip-neighbour(8), permanent).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// The GRE device.
    pub device: DeviceId,
    /// The neighbour's address in the overlay.
    pub address: IpAddr,
    /// Its address in the underlay.
    pub to: IpAddr,
}

/// A tunnel port of Open vSwitch (ovs-vswitchd.conf.db(5), Interface, Tunnel Options).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OvsTunnel {
    /// What is around the frames.
    pub kind: OvsTunnelKind,
    /// The underlay address that it sends from.
    pub local: IpAddr,
    /// Where it sends to.
    pub remote: IpAddr,
    /// The VNI, or the key of GRE; 0 is as none.
    pub key: Option<u32>,
    /// The outer TTL; 0: 64, as Open vSwitch does.
    pub ttl: u8,
    /// Whether the outer header has a checksum.
    pub checksum: bool,
    /// Whether the outer IPv4 header forbids to be cut in pieces.
    pub df: bool,
}

/// What Open vSwitch keeps unique of a tunnel port (`tnl_port_add`, ofproto/tunnel.c).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OvsTunnelKey {
    /// As in [`OvsTunnel::kind`].
    pub kind: OvsTunnelKind,
    /// As in [`OvsTunnel::local`].
    pub local: IpAddr,
    /// As in [`OvsTunnel::remote`].
    pub remote: IpAddr,
    /// As in [`OvsTunnel::key`]; none is 0.
    pub key: u32,
}

impl OvsTunnel {
    /// What no other port may be.
    pub fn name(&self) -> OvsTunnelKey {
        OvsTunnelKey { kind: self.kind, local: self.local, remote: self.remote, key: self.key.unwrap_or(0) }
    }
}

impl fmt::Display for OvsTunnelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OvsTunnelKey { kind, local, remote, key } = self;
        match kind {
            OvsTunnelKind::Vxlan { port } => write!(f, "VXLAN from {local} to {remote} at UDP port {port}, VNI {key}"),
            OvsTunnelKind::Geneve { port } => {
                write!(f, "Geneve from {local} to {remote} at UDP port {port}, VNI {key}")
            }
            OvsTunnelKind::Gre => write!(f, "GRE from {local} to {remote} key {key}"),
        }
    }
}

/// What is around the frames of a tunnel port of Open vSwitch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OvsTunnelKind {
    /// VXLAN to this UDP port.
    Vxlan {
        /// The port.
        port: u16,
    },
    /// Geneve to this UDP port.
    Geneve {
        /// The port.
        port: u16,
    },
    /// GRE.
    Gre,
}
