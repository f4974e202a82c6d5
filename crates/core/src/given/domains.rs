//! Broadcast domains: which interfaces hear each other through switches alone, VLAN by VLAN.

use std::collections::BTreeSet;

use petgraph::graph::{EdgeIndex, NodeIndex};
use rustc_hash::FxHashMap;

use super::interfaces::InterfaceId;
use super::overlays;
use super::stacks::{Stacks, own_kind};
use crate::problem::Place;
use crate::resource::IpvlanMode;
use crate::topology::{Kind, LinkKind, OwnKind, Topology};

mod cells;
mod flood;
pub(crate) mod ports;
mod tags;

pub(crate) use cells::{CellId, Cells};
use flood::Flood;
use tags::Tags;

/// What a frame reaches without a router.
#[derive(Debug, Default)]
pub(crate) struct Domain {
    /// Its switches in file order; none: a link between two nodes that are no switches, or less.
    pub(crate) switches: Vec<NodeIndex<u32>>,
    /// Its overlays in file order.
    pub(crate) overlays: Vec<NodeIndex<u32>>,
    /// The VLAN, on the switches that filter.
    pub(crate) vlan: Option<u16>,
    /// The NIC of the machine that it leads out by.
    pub(crate) nic: Option<NodeIndex<u32>>,
    /// The links in it that have it without a tag, in file order.
    pub(crate) links: Vec<EdgeIndex<u32>>,
    /// The interfaces in it that are no ports, in file order, each with its part of the domain.
    pub(crate) members: Vec<(InterfaceId, CellId)>,
    /// The switches whose own addresses are in it.
    pub(crate) bridges: Vec<(NodeIndex<u32>, CellId)>,
    /// Who hears whom.
    pub(crate) cells: Cells,
}

/// Which links and interfaces are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// All: who gets an address does not depend on what is down.
    All,
    /// Those that are up at both ends, and whatever is up.
    Up,
}

/// Where an interface or a switch is: a place, and the tags that frames bear there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Wire {
    place: Medium,
    tags: Tags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Medium {
    Link(EdgeIndex<u32>),
    /// In a switch, by the VLAN where it filters; else 0. So in an overlay, which passes all.
    Switch(NodeIndex<u32>, u16),
    /// A NIC of the machine, and all behind it.
    Nic(NodeIndex<u32>),
    /// Nothing but the interface itself.
    Alone(InterfaceId),
}

impl Domain {
    /// Where the file says it.
    pub(crate) fn place<'a>(&self, topology: &'a Topology) -> &'a Place {
        match (self.switches.first(), self.links.first(), self.members.first()) {
            (Some(&switch), _, _) => &topology.graph[switch].at,
            (None, Some(&link), _) => &topology.graph[link].at,
            (None, None, Some((member, _))) => member.of(topology).at,
            (None, None, None) => unreachable!("a domain is of a switch, of a link or of an interface"),
        }
    }

    /// Whether more than two can be in it: it is no mere link, on one host or between two.
    pub(crate) fn is_wide(&self, topology: &Topology) -> bool {
        let is_wide = |&overlay: &NodeIndex<u32>| topology.graph[overlay].overlay().is_some_and(|o| o.hosts.len() > 2);
        !self.switches.is_empty() || self.overlays.iter().any(is_wide)
    }

    /// What people call it.
    pub(crate) fn title(&self, topology: &Topology) -> String {
        let name = |node: NodeIndex<u32>| topology.graph[node].name.as_str();
        match (self.switches.first(), self.vlan) {
            (Some(&switch), None) => name(switch).to_owned(),
            (Some(&switch), Some(vlan)) => format!("{}, VLAN {vlan}", name(switch)),
            (None, _) => {
                let nodes: Vec<&str> = match (self.links.first(), self.nic) {
                    (Some(&link), None) if self.overlays.is_empty() => {
                        topology.graph[link].ends.iter().map(|end| name(end.node)).collect()
                    }
                    _ => self.members.iter().map(|(member, _)| name(member.node(topology))).collect(),
                };
                nodes.join(" – ")
            }
        }
    }
}

/// All broadcast domains: those of switches by their first switch and VLAN, then the others by their first interface; all in file order.
pub(crate) fn domains(topology: &Topology, stacks: &Stacks, links: Links) -> Vec<Domain> {
    let graph = &topology.graph;
    let filtering = ports::filtering(topology);
    let wiring = Wiring { topology, stacks, filtering: &filtering, links };
    let mut flood = Flood::new(topology, links, &filtering);
    let mut order: Vec<Wire> = Vec::new();
    let mut pvids = vlans_of_switches(topology, &filtering);
    for node in graph.node_indices() {
        if graph[node].overlay().is_some_and(|overlay| !overlay.p2p) && is_alone(topology, node) {
            order.push(Wire { place: Medium::Switch(node, 0), tags: Tags::NONE });
        }
        if graph[node].switch().is_none() {
            continue;
        }
        let vids = std::mem::take(&mut pvids[node.index()]);
        let own = own_vlan(topology, &filtering, node);
        order.extend(vids.iter().map(|&vid| Wire { place: Medium::Switch(node, vid), tags: Tags::NONE }));
        flood.bridge(Wire { place: Medium::Switch(node, own), tags: Tags::NONE }, node);
    }
    let ids = graph.edge_indices().flat_map(|edge| [0, 1].map(|side| InterfaceId::End(edge, side)));
    let own = graph.node_indices().flat_map(|n| (0..graph[n].interfaces.len()).map(move |i| InterfaceId::Own(n, i)));
    for id in ids.chain(own) {
        if let Some(wire) = wiring.takes_addresses(id).then(|| wiring.wire(id)).flatten() {
            order.push(wire);
            flood.attach(wire, id);
        }
    }
    order.into_iter().filter_map(|wire| flood.domain(wire)).collect()
}

/// Whether an overlay joins no switches: then it is what a switch would be.
fn is_alone(topology: &Topology, overlay: NodeIndex<u32>) -> bool {
    overlays::ends(topology, overlay).iter().all(|&edge| topology.end_node(edge, 0).switch().is_none())
}

/// The VLANs of frames without a tag of each filtering switch; 0 of the others.
fn vlans_of_switches(topology: &Topology, filtering: &[bool]) -> Vec<BTreeSet<u16>> {
    let graph = &topology.graph;
    let mut vlans = vec![BTreeSet::new(); graph.node_count()];
    for switch in graph.node_indices().filter(|&n| graph[n].switch().is_some()) {
        vlans[switch.index()].insert(own_vlan(topology, filtering, switch));
    }
    for end in graph.edge_weights().flat_map(|link| &link.ends).filter(|end| filtering[end.node.index()]) {
        vlans[end.node.index()].extend(ports::PortVlans::of(&end.port).untagged);
    }
    vlans
}

/// The VLAN that a switch's own addresses are in; 0 where it does not filter.
fn own_vlan(topology: &Topology, filtering: &[bool], switch: NodeIndex<u32>) -> u16 {
    let written = topology.graph[switch].switch().and_then(|s| s.vlan);
    if filtering[switch.index()] { written.unwrap_or(ports::DEFAULT_VLAN) } else { 0 }
}

/// What interfaces are plugged into.
struct Wiring<'a> {
    topology: &'a Topology,
    stacks: &'a Stacks,
    filtering: &'a [bool],
    links: Links,
}

impl Wiring<'_> {
    /// Whether an interface has addresses at all, and hears anything where only what is up counts.
    fn takes_addresses(&self, id: InterfaceId) -> bool {
        let counts = match self.links {
            Links::All => true,
            Links::Up => self.stacks.is_up(self.topology, id),
        };
        counts && self.stacks.bond(self.topology, id).is_none()
    }

    /// What frames of an interface travel on; none for a port of a switch and for a NIC of the machine.
    fn wire(&self, id: InterfaceId) -> Option<Wire> {
        let alone = || Some(Wire { place: Medium::Alone(id), tags: Tags::NONE });
        let parent = || self.stacks.parent(id).and_then(|parent| self.wire(parent));
        let (edge, side) = match (id, own_kind(self.topology, id)) {
            (InterfaceId::End(edge, side), _) => (edge, side),
            (InterfaceId::Own(..), kind) => {
                return match kind {
                    Some(OwnKind::Internal { port }) => {
                        let node = id.node(self.topology);
                        let vlan = ports::PortVlans::of(port).untagged.filter(|_| self.filtering[node.index()]);
                        Some(Wire { place: Medium::Switch(node, vlan.unwrap_or(0)), tags: Tags::NONE })
                    }
                    Some(OwnKind::Vlan { vid, protocol, .. }) => {
                        let Wire { place, tags } = parent()?;
                        Some(Wire { place, tags: tags.inside(*protocol, *vid)? })
                    }
                    Some(OwnKind::Macvlan { .. } | OwnKind::Ipvlan { mode: IpvlanMode::L2, .. }) => parent(),
                    Some(OwnKind::Bond { .. }) => self.bonded(id).map_or_else(alone, Some),
                    // In these modes an ipvlan device hears no broadcast.
                    Some(OwnKind::Ipvlan { mode: IpvlanMode::L3 | IpvlanMode::L3s, .. })
                    | Some(OwnKind::Dummy | OwnKind::Vrf { .. })
                    | None => alone(),
                };
            }
        };
        let [own, far] = [side, 1 - side].map(|side| &self.topology.end_node(edge, side).kind);
        let place = match (own, far) {
            (Kind::Bridge(_) | Kind::Ovs(..) | Kind::Nic { .. } | Kind::Overlay(_), _) => return None,
            (Kind::Namespace | Kind::Router | Kind::Host, Kind::Nic { .. }) => {
                Medium::Nic(self.topology.graph[edge].ends[1 - side].node)
            }
            (
                Kind::Namespace | Kind::Router | Kind::Host,
                Kind::Namespace | Kind::Router | Kind::Host | Kind::Bridge(_) | Kind::Ovs(..) | Kind::Overlay(_),
            ) => Medium::Link(edge),
        };
        Some(Wire { place, tags: Tags::NONE })
    }

    /// A bond is where its members are: of those that carry something, the first.
    fn bonded(&self, bond: InterfaceId) -> Option<Wire> {
        let carries = |member: &&InterfaceId| match (self.links, member) {
            (Links::All, _) => true,
            (Links::Up, InterfaceId::End(edge, _)) => is_up(self.topology, *edge),
            (Links::Up, InterfaceId::Own(..)) => self.stacks.is_up(self.topology, **member),
        };
        let member = self.stacks.members(bond).iter().find(carries)?;
        let wire = self.wire(*member)?;
        // Links side by side between two bonds are one: the first of them, whatever the order at this end.
        let Medium::Link(edge) = wire.place else { return Some(wire) };
        let ends = |edge: EdgeIndex<u32>| {
            let ends = [(edge, 0), overlays::far_end(self.topology, edge, 0)];
            let mut nodes = ends.map(|(edge, side)| self.topology.graph[edge].ends[side].node);
            nodes.sort_unstable();
            nodes
        };
        let beside = self.stacks.members(bond).iter().filter(carries).filter_map(|member| match member {
            InterfaceId::End(other, _) if ends(*other) == ends(edge) => Some(*other),
            InterfaceId::End(..) | InterfaceId::Own(..) => None,
        });
        Some(Wire { place: beside.min().map_or(wire.place, Medium::Link), tags: wire.tags })
    }
}

/// Whether a link carries anything: it is up at both ends.
pub(crate) fn is_up(topology: &Topology, edge: EdgeIndex<u32>) -> bool {
    let link = &topology.graph[edge];
    match link.kind {
        LinkKind::Veth | LinkKind::Bond { .. } => !link.ends.iter().any(|end| end.written.down),
        LinkKind::Macvlan(_) | LinkKind::Ipvlan(_) | LinkKind::Overlay => !link.ends[0].written.down,
    }
}

/// The domain of each interface that is in one, by its place among the domains.
pub(crate) fn places(domains: &[Domain]) -> FxHashMap<InterfaceId, usize> {
    let members =
        domains.iter().enumerate().flat_map(|(at, domain)| domain.members.iter().map(move |(id, _)| (*id, at)));
    members.collect()
}
