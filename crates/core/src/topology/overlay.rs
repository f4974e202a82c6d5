//! What is written of links between hosts.

use std::net::IpAddr;

use crate::names::HostId;
use crate::problem::Place;
use crate::resource::Df;

mod reading;

pub(super) use reading::{of_all, read};

/// What joins hosts, as written; what is not written is given out.
#[derive(Debug, Clone, PartialEq)]
pub struct OverlayWritten {
    /// What is around frames or packets.
    pub kind: OverlayKind,
    /// The outer TTL: 1 to 255.
    pub ttl: Option<u8>,
    /// Whether the outer header has a checksum.
    pub checksum: Option<bool>,
    /// Where the file says it; that of the link where it says nothing.
    pub at: Place,
}

/// What is around frames or packets between hosts.
#[derive(Debug, Clone, PartialEq)]
pub enum OverlayKind {
    /// Frames in VXLAN.
    Vxlan {
        /// The network: 1 to 2²⁴−1; a hash of the lab and the link by default.
        vni: Option<u32>,
        /// The UDP port; 4789 by default.
        port: Option<u16>,
        /// Frames for many go to this multicast group of the underlay; by default to each VTEP by itself.
        group: Option<IpAddr>,
        /// Whether the outer IPv4 header forbids to be cut in pieces.
        df: Option<Df>,
    },
    /// Frames in Geneve, between bridges of Open vSwitch.
    Geneve {
        /// As of VXLAN.
        vni: Option<u32>,
        /// The UDP port; 6081 by default.
        port: Option<u16>,
    },
    /// Frames in GRE.
    Gretap {
        /// The key.
        key: Option<u32>,
    },
    /// Packets in GRE; between three and more hosts one device on each, with a neighbour entry for each other.
    Gre {
        /// The key.
        key: Option<u32>,
    },
}

/// An overlay, as a vertex of a placed topology: every link to it is one device, in the namespace of the other end's node or as a port of that bridge.
/// No two of its ends are on one host.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlay {
    /// As written, or as by default.
    pub written: OverlayWritten,
    /// The VNI, or for GRE a number for the lab alone; at its port unique on each host and in its group, and in the lab where none is written.
    pub number: u32,
    /// The hosts that it joins, in the order of its links.
    pub hosts: Vec<HostId>,
    /// The subnets that it gives out, as written: where it is a link of its own.
    pub subnets: Vec<ipnet::IpNet>,
    /// False: nothing is given out here (`subnet: none`).
    pub gives: bool,
    /// It is a link of two nodes that are no switches, which has addresses as such.
    pub p2p: bool,
}

impl OverlayWritten {
    /// Whether it carries frames; packets otherwise.
    pub fn carries_frames(&self) -> bool {
        !matches!(self.kind, OverlayKind::Gre { .. })
    }
}
