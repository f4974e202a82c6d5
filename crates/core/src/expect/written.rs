//! With written routes: packets followed there and back, hop by hop.

use std::net::IpAddr;

use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use super::places::{Places, Spot};
use crate::topology::Topology;

/// How many nodes a packet can pass: the time to live that hosts send with (RFC 1700).
const TIME_TO_LIVE: u32 = 64;

/// The lab as packets see it.
pub(super) struct Written<'a> {
    topology: &'a Topology,
    places: &'a Places,
    /// Who has an address.
    owners: FxHashMap<IpAddr, Vec<NodeIndex<u32>>>,
}

/// Packets for one address, followed on all ways at once.
struct Walk<'a> {
    lab: &'a Written<'a>,
    address: IpAddr,
    /// From the nodes seen so far, where all packets come out and how many steps on at most; nothing while that is being found out.
    seen: FxHashMap<NodeIndex<u32>, Option<(NodeIndex<u32>, u32)>>,
}

impl<'a> Walk<'a> {
    fn new(lab: &'a Written<'a>, address: IpAddr) -> Self {
        Walk { lab, address, seen: FxHashMap::default() }
    }

    /// The one node at which all packets come out that are at this one after so many steps, and the steps that are left at most.
    fn arrives(&mut self, at: NodeIndex<u32>, passed: u32) -> Option<(NodeIndex<u32>, u32)> {
        if self.lab.places.of(at).iter().any(|spot| spot.address.addr() == self.address) {
            return Some((at, 0));
        }
        if let Some(known) = self.seen.get(&at) {
            return known.filter(|(_, left)| passed + left <= TIME_TO_LIVE);
        }
        if passed > TIME_TO_LIVE || (passed > 0 && !self.lab.forwards(at, self.address)) {
            return None;
        }
        self.seen.insert(at, None);
        let mut found: Option<(NodeIndex<u32>, u32)> = None;
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

/// Where a packet goes next: onto a segment, to a neighbour, from an address.
struct Step {
    segment: usize,
    neighbour: IpAddr,
    source: IpAddr,
}

impl<'a> Written<'a> {
    pub(super) fn new(topology: &'a Topology, places: &'a Places) -> Self {
        let mut owners: FxHashMap<IpAddr, Vec<NodeIndex<u32>>> = FxHashMap::default();
        for (node, spot) in places.iter() {
            owners.entry(spot.address.addr()).or_default().push(node);
        }
        Written { topology, places, owners }
    }

    /// Whether packets of a node reach an address, on every way that they can take, and answers come back.
    pub(super) fn reaches(&self, from: NodeIndex<u32>, address: IpAddr) -> bool {
        let steps = self.steps(from, address);
        let answered = |step: &Step| {
            let there = self.neighbour(step).and_then(|next| Walk::new(self, address).arrives(next, 1));
            let back = there.and_then(|(end, _)| Walk::new(self, step.source).arrives(end, 0));
            back.is_some_and(|(end, _)| end == from)
        };
        !steps.is_empty() && steps.iter().all(answered)
    }

    /// Who answers for the neighbour's address on a segment. For IPv4 a node answers for all of its addresses, for IPv6 for those of the
    /// interface alone.
    fn neighbour(&self, step: &Step) -> Option<NodeIndex<u32>> {
        let on_segment = |spot: &&Spot| spot.segment == Some(step.segment);
        let answers = |node: &&NodeIndex<u32>| {
            let mut there = self.places.of(**node).iter().filter(on_segment);
            there.any(|spot| step.neighbour.is_ipv4() || spot.address.addr() == step.neighbour)
        };
        self.owners.get(&step.neighbour)?.iter().find(answers).copied()
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

    /// Where a node sends packets for an address: by the longest prefix and then the lowest metric of its subnets and its written routes.
    fn steps(&self, at: NodeIndex<u32>, address: IpAddr) -> Vec<Step> {
        let spots = self.places.of(at);
        let target = IpNet::from(address);
        let mut best: Option<((u8, u32), Vec<Step>)> = None;
        let mut offer = |length: u8, metric: u32, steps: &mut dyn FnMut() -> Vec<Step>| {
            let rank = (length, u32::MAX - metric);
            if best.as_ref().is_none_or(|(known, _)| rank > *known) {
                best = Some((rank, steps()));
            }
        };
        for spot in spots.iter().filter(|spot| spot.address.contains(&target)) {
            let Some(segment) = spot.segment else { continue };
            // The metrics of a kernel's own routes to the subnets it is on.
            let metric = if address.is_ipv4() { 0 } else { 256 };
            offer(spot.address.prefix_len(), metric, &mut || {
                vec![Step { segment, neighbour: address, source: spot.address.addr() }]
            });
        }
        for route in self.topology.graph[at].routes.iter().filter(|route| route.to.contains(&target)) {
            let metric = route.metric.filter(|&m| m != 0).unwrap_or(if address.is_ipv4() { 0 } else { 1024 });
            offer(route.to.prefix_len(), metric, &mut || {
                let usable: Vec<&Spot> = spots
                    .iter()
                    .filter(|s| s.address.addr().is_ipv4() == address.is_ipv4())
                    .filter(|s| route.device.as_ref().is_none_or(|device| *device == s.interface))
                    .collect();
                let onto = |spot: &&Spot, neighbour| {
                    Some(Step { segment: spot.segment?, neighbour, source: spot.address.addr() })
                };
                if route.via.is_empty() {
                    return usable.first().and_then(|spot| onto(spot, address)).into_iter().collect();
                }
                let by_gateway = |&gateway: &IpAddr| {
                    let covers = |s: &&&Spot| s.segment.is_some() && s.address.contains(&IpNet::from(gateway));
                    let longest = usable.iter().filter(covers).map(|s| s.address.prefix_len()).max()?;
                    onto(usable.iter().filter(covers).find(|s| s.address.prefix_len() == longest)?, gateway)
                };
                route.via.iter().filter_map(by_gateway).collect()
            });
        }
        best.map_or_else(Vec::new, |(_, steps)| steps)
    }
}
