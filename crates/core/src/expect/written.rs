//! With written routes: packets followed there and back, hop by hop.

use std::net::IpAddr;

use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use super::places::{Ear, Hears, Owners, Place, Places, owners};
use crate::topology::Topology;

/// How many nodes a packet can pass: the time to live that hosts send with (RFC 1700).
const TIME_TO_LIVE: u32 = 64;

/// A node, and the VRF whose routing table a packet is looked up in there.
type At = (NodeIndex<u32>, Option<usize>);

/// The lab as packets see it.
pub(super) struct Written<'a> {
    topology: &'a Topology,
    places: &'a Places,
    owners: Owners<'a>,
}

/// Packets for one address, followed on all ways at once.
struct Walk<'a> {
    lab: &'a Written<'a>,
    address: IpAddr,
    /// From where they were so far, where all packets come out and how many steps on at most; nothing while that is being found out.
    seen: FxHashMap<At, Option<(At, u32)>>,
}

impl<'a> Walk<'a> {
    fn new(lab: &'a Written<'a>, address: IpAddr) -> Self {
        Walk { lab, address, seen: FxHashMap::default() }
    }

    /// The one place at which all packets come out that are at this one after so many steps, and the steps that are left at most.
    fn arrives(&mut self, at: At, passed: u32) -> Option<(At, u32)> {
        if self.lab.is_of(at, self.address) {
            return Some((at, 0));
        }
        if let Some(known) = self.seen.get(&at) {
            return known.filter(|(_, left)| passed + left <= TIME_TO_LIVE);
        }
        if passed > TIME_TO_LIVE || (passed > 0 && !self.lab.forwards(at.0, self.address)) {
            return None;
        }
        self.seen.insert(at, None);
        let mut found: Option<(At, u32)> = None;
        for step in self.lab.steps(at, self.address) {
            let (end, left) = self.lab.neighbour(&step).and_then(|next| self.arrives(next, passed + 1))?;
            if found.is_some_and(|(other, _)| other != end) {
                return None;
            }
            found = Some((end, found.map_or(0, |(_, most)| most).max(left + 1)));
        }
        self.seen.insert(at, found);
        found
    }
}

/// Where a packet goes next: out of an interface, to a neighbour, from an address.
struct Step<'a> {
    ear: &'a Ear,
    neighbour: IpAddr,
    source: IpAddr,
}

impl<'a> Written<'a> {
    pub(super) fn new(topology: &'a Topology, places: &'a Places) -> Self {
        Written { topology, places, owners: owners(places) }
    }

    /// Whether packets of a node reach an address, on every way that they can take, and answers come back.
    pub(super) fn reaches(&self, from: NodeIndex<u32>, address: IpAddr) -> bool {
        let steps = self.steps((from, None), address);
        let answered = |step: &Step<'_>| {
            let there = self.neighbour(step).and_then(|next| Walk::new(self, address).arrives(next, 1));
            let back = there.and_then(|(end, _)| Walk::new(self, step.source).arrives(end, 0));
            back.is_some_and(|((end, _), _)| end == from)
        };
        !steps.is_empty() && steps.iter().all(answered)
    }

    /// Whether an address is a node's own to packets of this table: a VRF has its own, and those of the main table all have
    /// (the table `local` is looked at before any VRF's: Documentation/networking/vrf.rst).
    fn is_of(&self, (node, vrf): At, address: IpAddr) -> bool {
        self.places.of(node).iter().any(|p| p.address.addr() == address && (p.vrf == vrf || p.vrf.is_none()))
    }

    /// Who answers for the neighbour's address out of an interface, and in which table its packets come in. For IPv4 a node answers for all
    /// addresses of that table, for IPv6 for those of the interface alone.
    fn neighbour(&self, step: &Step<'_>) -> Option<At> {
        let heard = |place: &&Place| place.ear.as_ref().is_some_and(|ear| step.ear.hears(ear) == Hears::Yes);
        self.owners.get(&step.neighbour)?.iter().find_map(|&(node, _)| {
            let mut there = self.places.of(node).iter().filter(heard);
            let answers = |place: &&Place| match step.neighbour {
                IpAddr::V4(_) => self.is_of((node, place.vrf), step.neighbour),
                IpAddr::V6(_) => place.address.addr() == step.neighbour,
            };
            there.find(answers).map(|place| (node, place.vrf))
        })
    }

    /// Whether a node passes on packets of the address's family: a router does, and who is told to by its settings.
    fn forwards(&self, node: NodeIndex<u32>, address: IpAddr) -> bool {
        let node = &self.topology.graph[node];
        let names: &[&str] = match address {
            IpAddr::V4(_) => &["net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"],
            IpAddr::V6(_) => &["net.ipv6.conf.all.forwarding"],
        };
        let said = node.sysctls.iter().find(|(name, _)| names.contains(&name.as_str()));
        said.map_or(node.forwards(), |(_, value)| value != "0")
    }

    /// Where a node sends packets for an address. What a VRF has no route for is looked up in the main table.
    fn steps(&self, (node, vrf): At, address: IpAddr) -> Vec<Step<'_>> {
        let of_vrf = vrf.map(|vrf| self.look_up(node, Some(vrf), address)).filter(|steps| !steps.is_empty());
        of_vrf.unwrap_or_else(|| self.look_up(node, None, address))
    }

    /// By the longest prefix and then the lowest metric of the subnets and the written routes of a table.
    fn look_up(&self, node: NodeIndex<u32>, vrf: Option<usize>, address: IpAddr) -> Vec<Step<'_>> {
        let places: Vec<&Place> = self.places.of(node).iter().filter(|place| place.vrf == vrf).collect();
        let target = IpNet::from(address);
        let mut best: Option<((u8, u32), Vec<Step<'_>>)> = None;
        let mut offer = |length: u8, metric: u32, steps: &mut dyn FnMut() -> Vec<Step<'a>>| {
            let rank = (length, u32::MAX - metric);
            if best.as_ref().is_none_or(|(known, _)| rank > *known) {
                let steps = steps();
                // A route of which nothing is up is not there.
                if !steps.is_empty() {
                    best = Some((rank, steps));
                }
            }
        };
        for place in places.iter().filter(|place| place.address.contains(&target)) {
            let Some(ear) = &place.ear else { continue };
            // The metrics of a kernel's own routes to the subnets it is on.
            let metric = if address.is_ipv4() { 0 } else { 256 };
            offer(place.address.prefix_len(), metric, &mut || {
                vec![Step { ear, neighbour: address, source: place.address.addr() }]
            });
        }
        let node = &self.topology.graph[node];
        let name = vrf.map(|vrf| node.interfaces[vrf].name.as_str());
        let routes = node.routes.iter().filter(|route| route.vrf.as_deref() == name && route.to.contains(&target));
        for route in routes {
            let metric = route.metric.filter(|&m| m != 0).unwrap_or(if address.is_ipv4() { 0 } else { 1024 });
            offer(route.to.prefix_len(), metric, &mut || {
                let usable: Vec<&Place> = places
                    .iter()
                    .filter(|p| p.address.addr().is_ipv4() == address.is_ipv4())
                    .filter(|p| route.device.as_ref().is_none_or(|device| *device == p.interface))
                    .copied()
                    .collect();
                let onto = |place: &'a Place, neighbour| {
                    Some(Step { ear: place.ear.as_ref()?, neighbour, source: place.address.addr() })
                };
                if route.via.is_empty() {
                    return usable.first().and_then(|place| onto(place, address)).into_iter().collect();
                }
                let by_gateway = |&gateway: &IpAddr| {
                    let covers = |p: &&&'a Place| p.ear.is_some() && p.address.contains(&IpNet::from(gateway));
                    let longest = usable.iter().filter(covers).map(|p| p.address.prefix_len()).max()?;
                    onto(usable.iter().filter(covers).find(|p| p.address.prefix_len() == longest)?, gateway)
                };
                route.via.iter().filter_map(by_gateway).collect()
            });
        }
        best.map_or_else(Vec::new, |(_, steps)| steps)
    }
}
