//! Overlays as a whole: between which addresses each is, how large packets may be in it, who is behind which end.

use std::net::IpAddr;

use indexmap::IndexMap;
use petgraph::graph::{EdgeIndex, NodeIndex};

use super::codes;
use super::sizes::Sizes;
use super::sockets;
use super::underlay::{Seat, Underlay};
use crate::given::blocks::Family;
use crate::given::{overlays, stacks::Stacks};
use crate::names::{HostId, IfName, NodeName};
use crate::problem::Problem;
use crate::state::HostFacts;
use crate::topology::{Overlay, OverlayKind, Topology};

/// What all hosts have to agree on.
#[derive(Debug, Default)]
pub(super) struct Tunnels {
    /// By node index; of an overlay that cannot be none, and of other nodes.
    between: Vec<Option<Between>>,
    pub(super) sizes: Sizes,
}

/// The underlay of an overlay: one family.
#[derive(Debug)]
pub(super) struct Between {
    /// IPv4 or IPv6.
    pub(super) family: Family,
    /// The hosts, in the order of the overlay's links.
    pub(super) seats: IndexMap<HostId, Site>,
}

/// A host as one end of an overlay.
#[derive(Debug)]
pub(super) struct Site {
    /// Where its packets are sent from and to.
    pub(super) address: IpAddr,
    /// The NIC that they are to leave by, where that matters.
    pub(super) device: Option<IfName>,
    /// What that NIC is, if it is known, and what it sends at most, in bytes.
    pub(super) nic: Option<IfName>,
    pub(super) mtu: u32,
}

impl Tunnels {
    /// What can be agreed on, and the problems of what cannot.
    pub(super) fn new(
        topology: &Topology,
        stacks: &Stacks,
        filtering: &[bool],
        facts: &HostFacts,
    ) -> (Self, Vec<Problem>) {
        let graph = &topology.graph;
        if graph.node_weights().all(|node| node.overlay().is_none()) {
            return (Tunnels::default(), Vec::new());
        }
        let (underlay, mut problems) = Underlay::new(topology, facts);
        let mut between: Vec<Option<Between>> = Vec::new();
        for node in graph.node_indices() {
            let name = &graph[node].name;
            let found = graph[node].overlay().and_then(|overlay| Between::find(name, overlay, &underlay).transpose());
            between.push(match found {
                None => None,
                Some(Ok(found)) => Some(found),
                Some(Err(problem)) => {
                    problems.push(*problem);
                    None
                }
            });
        }
        let sizes = Sizes::new(topology, stacks, filtering, &between);
        problems.extend(sizes.too_large(topology));
        problems.extend(sockets::differ(topology, &between));
        (Tunnels { between, sizes }, problems)
    }

    /// Between which addresses an overlay is.
    pub(super) fn between(&self, overlay: NodeIndex<u32>) -> Option<&Between> {
        self.between.get(overlay.index())?.as_ref()
    }
}

impl Between {
    /// Nothing where a host's address is not known: that is told of the host.
    fn find(name: &NodeName, overlay: &Overlay, underlay: &Underlay) -> Result<Option<Between>, Box<Problem>> {
        let seats: Vec<(&HostId, &Seat)> =
            overlay.hosts.iter().filter_map(|host| Some((host, underlay.of(host)?))).collect();
        if seats.iter().any(|(_, seat)| seat.families().is_empty()) {
            return Ok(None);
        }
        let have = |family: &Family| seats.iter().all(|(_, seat)| seat.address(*family).is_some());
        let may = |family: &Family| only_family(overlay).is_none_or(|(only, _)| only == *family);
        let Some(family) = Family::BOTH.into_iter().find(|family| have(family) && may(family)) else {
            return Err(Box::new(no_family(name, overlay, &seats)));
        };
        let group = group(overlay);
        let mut sites = IndexMap::new();
        for (host, seat) in seats {
            let address = seat.address(family).expect("all hosts have one of the family");
            let device = seat.device.filter(|_| seat.is_device_written || group.is_some());
            if let (Some(group), None) = (group, device) {
                let message = format!("the NIC of {host} that frames for the group {group} leave by is not known");
                let problem = Problem::at(codes::UNDERLAY, &overlay.written.at, message);
                return Err(Box::new(problem.hint(format!("write `underlay: {{ device: … }}` for {host}"))));
            }
            sites.insert(host.clone(), Site { address, device, nic: seat.device, mtu: seat.mtu });
        }
        Ok(Some(Between { family, seats: sites }))
    }

    /// The site of a link's end.
    pub(super) fn site(&self, topology: &Topology, edge: EdgeIndex<u32>) -> Option<&Site> {
        self.seats.get(overlays::host_of(topology, edge)?)
    }
}

/// The group that frames for many go to.
pub(super) fn group(overlay: &Overlay) -> Option<IpAddr> {
    match overlay.written.kind {
        OverlayKind::Vxlan { group, .. } => group,
        OverlayKind::Geneve { .. } | OverlayKind::Gretap { .. } | OverlayKind::Gre { .. } => None,
    }
}

/// Whether its ends have to know who is behind the others: where there is one other, all goes to that.
pub(super) fn has_to_know(overlay: &Overlay) -> bool {
    overlay.hosts.len() > 2 || group(overlay).is_some()
}

/// The one family that an overlay can be over, and why.
fn only_family(overlay: &Overlay) -> Option<(Family, &'static str)> {
    match overlay.written.kind {
        OverlayKind::Vxlan { group: Some(group), .. } => Some((Family::of(group), "its group")),
        // There is no ip6gre device without a remote that asks its neighbours (net/ipv6/ip6_gre.c).
        OverlayKind::Gre { .. } if overlay.hosts.len() > 2 => Some((Family::V4, "GRE between more than two")),
        OverlayKind::Vxlan { group: None, .. } => None,
        OverlayKind::Geneve { .. } | OverlayKind::Gretap { .. } | OverlayKind::Gre { .. } => None,
    }
}

fn no_family(name: &NodeName, overlay: &Overlay, seats: &[(&HostId, &Seat)]) -> Problem {
    let has: Vec<String> = seats.iter().map(|(host, seat)| format!("{host} has {}", seat.families())).collect();
    let has = has.join(", ");
    let (message, hint) = match only_family(overlay) {
        Some((family, why)) => (
            format!(
                "{name}: {why} is {} alone, and not all of its hosts have that in the underlay: {has}",
                family.name()
            ),
            "write `underlay: { address: [ … ] }` with an address of that family for each of them",
        ),
        None => (
            format!("the hosts that {name} joins have no address family in common in the underlay: {has}"),
            "write `underlay: { address: [ … ] }` with an address of each family for one of them",
        ),
    };
    Problem::at(codes::NO_FAMILY, &overlay.written.at, message).hint(hint)
}
