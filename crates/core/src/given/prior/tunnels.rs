//! Ends of overlays on several machines, put together by what their packets bear.

use std::net::{IpAddr, Ipv4Addr};

use rustc_hash::FxHashMap;

use crate::given::{Prior, PriorEnd};
use crate::names::{HostId, NodeName};
use crate::resource::{Gre, OvsTunnel, OvsTunnelKind, SingleKind};

/// Whose an interface is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// A node's.
    Node((NodeName, String)),
    /// Of a machine's own namespace.
    Machine((HostId, String)),
}

impl Owner {
    pub(super) fn node(&self) -> Option<(NodeName, String)> {
        match self {
            Owner::Node(name) => Some(name.clone()),
            Owner::Machine(_) => None,
        }
    }

    pub(super) fn note(self, end: PriorEnd, prior: &mut Prior) {
        match self {
            Owner::Node(name) => prior.interfaces.insert(name, end),
            Owner::Machine(name) => prior.machines.insert(name, end),
        };
    }
}

/// What the packets of a tunnel bear, alike at all of its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Mark {
    /// A network, at a UDP port.
    Vni(u16, u32),
    /// Two addresses, the lesser first, and a key, in GRE.
    Gre { frames: bool, between: [IpAddr; 2], key: Option<u32> },
}

impl Mark {
    /// That of a device; none of one that is no tunnel.
    pub(super) fn of(kind: &SingleKind) -> Option<Mark> {
        let gre = |frames, gre: &Gre| Some(Mark::gre(frames, gre.local, gre.remote, gre.key));
        match kind {
            SingleKind::Vxlan(vxlan) => Some(Mark::Vni(vxlan.port, vxlan.vni)),
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

    pub(super) fn of_ovs(tunnel: &OvsTunnel) -> Mark {
        match tunnel.kind {
            OvsTunnelKind::Vxlan { port } | OvsTunnelKind::Geneve { port } => {
                Mark::Vni(port, tunnel.key.unwrap_or_default())
            }
            OvsTunnelKind::Gre => Mark::gre(true, tunnel.local, Some(tunnel.remote), tunnel.key),
        }
    }

    fn vni(self) -> Option<u32> {
        match self {
            Mark::Vni(_, vni) => Some(vni),
            Mark::Gre { .. } => None,
        }
    }

    /// Whether it says itself that there may be more than two.
    fn has_many_ends(self) -> bool {
        match self {
            Mark::Vni(..) => false,
            Mark::Gre { between: [a, b], .. } => a == b,
        }
    }

    /// One without a remote meets all that have none.
    fn gre(frames: bool, local: IpAddr, remote: Option<IpAddr>, key: Option<u32>) -> Mark {
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let mut between = remote.map_or([nowhere; 2], |remote| [local, remote]);
        between.sort_unstable();
        Mark::Gre { frames, between, key }
    }
}

/// All ends that were found.
#[derive(Debug, Default)]
pub(super) struct Tunnels(Vec<(Mark, Owner, PriorEnd)>);

impl Tunnels {
    pub(super) fn add(&mut self, mark: Mark, owner: Owner, end: PriorEnd) {
        self.0.push((mark, owner, end));
    }

    /// Notes each, with its other end where there are two.
    pub(super) fn note(self, prior: &mut Prior) {
        let mut ends: FxHashMap<Mark, Vec<usize>> = FxHashMap::default();
        for (at, (mark, ..)) in self.0.iter().enumerate() {
            ends.entry(*mark).or_default().push(at);
        }
        for (at, (mark, owner, end)) in self.0.iter().enumerate() {
            let peer = match ends[mark][..] {
                _ if mark.has_many_ends() => None,
                [a, b] => self.0[if a == at { b } else { a }].1.node(),
                _ => None,
            };
            owner.clone().note(PriorEnd { peer, vni: mark.vni(), ..end.clone() }, prior);
        }
    }
}
