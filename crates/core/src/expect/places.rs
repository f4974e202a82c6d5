//! Who is where: the addresses of each node, and what they hear.

use std::net::IpAddr;

use ipnet::IpNet;
use petgraph::graph::{EdgeIndex, NodeIndex};
use rustc_hash::FxHashMap;

use super::segments::{At, Behind, Segments, Spot, carries, filters, untagged as untagged_vlan};
use crate::given::{Given, GivenEnd};
use crate::resource::{IpvlanMode, MacvlanMode};
use crate::topology::{Kind, LinkKind, OwnKind, Topology};

/// One address of a node.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) address: IpNet,
    /// What it hears frames on; none for `lo`.
    pub(super) ear: Option<Ear>,
    /// The interface as people call it.
    pub(super) interface: String,
    /// The VRF whose routing table it is in, by its place among its node's own interfaces; none: the main one.
    pub(super) vrf: Option<usize>,
}

/// What an interface hears.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ear {
    /// The links and switches that it is joined with, by number.
    pub(super) segment: usize,
    /// The isolated ports that it is behind.
    behind: Vec<Behind>,
    /// What it is on a NIC of the machine.
    on_nic: Option<OnNic>,
}

/// Whom a device on a NIC of the machine hears of the others there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum OnNic {
    Siblings,
    Nobody,
    /// Only those outside know.
    Outside,
}

/// Whether one hears another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hears {
    No,
    /// It depends on what is not of the lab.
    Perhaps,
    Yes,
}

impl Ear {
    pub(super) fn hears(&self, other: &Ear) -> Hears {
        // Behind two isolated ports of one switch they are apart.
        let apart = |(switch, port): &Behind| other.behind.iter().any(|(s, p)| s == switch && p != port);
        if self.segment != other.segment || self.behind.iter().any(apart) {
            return Hears::No;
        }
        match [self.on_nic, other.on_nic] {
            [Some(OnNic::Nobody), _] | [_, Some(OnNic::Nobody)] => Hears::No,
            [Some(OnNic::Outside), _] | [_, Some(OnNic::Outside)] => Hears::Perhaps,
            [Some(OnNic::Siblings) | None, Some(OnNic::Siblings) | None] => Hears::Yes,
        }
    }

    /// Whether all that are on the same segment and nowhere special hear each other.
    pub(super) fn is_plain(&self) -> bool {
        self.behind.is_empty() && self.on_nic.is_none()
    }
}

/// All addresses of all nodes that are up.
#[derive(Debug)]
pub(super) struct Places {
    of_node: Vec<Vec<Place>>,
}

impl Places {
    pub(super) fn new(topology: &Topology, given: &Given) -> Self {
        let graph = &topology.graph;
        let plugged = Plugged { topology, given };
        let found: Vec<(NodeIndex<u32>, Found)> =
            graph.node_indices().flat_map(|node| plugged.of_node(node).into_iter().map(move |f| (node, f))).collect();
        let segments = Segments::new(topology, found.iter().map(|(_, found)| found.spot.clone()));
        let mut of_node: Vec<Vec<Place>> = given
            .loopbacks
            .iter()
            .map(|on| {
                let place = |&address| Place { address, ear: None, interface: "lo".into(), vrf: None };
                on.iter().map(place).collect()
            })
            .collect();
        for (node, Found { spot, addresses, interface, vrf, on_nic }) in found {
            let (segment, behind) = segments.of(&spot);
            let ear = Ear { segment, behind: behind.to_vec(), on_nic };
            let place = |&address| Place { address, ear: Some(ear.clone()), interface: interface.clone(), vrf };
            of_node[node.index()].extend(addresses.iter().map(place));
        }
        // Where a node is asked for, the addresses that all can ask for come first.
        of_node.iter_mut().for_each(|places| places.sort_by_key(|place| place.vrf.is_some()));
        Places { of_node }
    }

    pub(super) fn of(&self, node: NodeIndex<u32>) -> &[Place] {
        &self.of_node[node.index()]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeIndex<u32>, &Place)> {
        let nodes = self.of_node.iter().enumerate();
        nodes.flat_map(|(node, places)| places.iter().map(move |place| (NodeIndex::new(node), place)))
    }

    pub(super) fn has_address(&self, node: NodeIndex<u32>) -> bool {
        !self.of(node).is_empty()
    }

    /// Whether it depends on what is outside of the lab that one node hears another.
    pub(super) fn may_hear(&self, from: NodeIndex<u32>, to: NodeIndex<u32>) -> bool {
        let mut ears = self.of(from).iter().filter_map(|place| place.ear.as_ref()).filter(|ear| !ear.is_plain());
        ears.any(|ear| {
            let mut others = self.of(to).iter().filter_map(|place| place.ear.as_ref());
            others.any(|other| ear.hears(other) == Hears::Perhaps)
        })
    }

    /// The addresses to ask a node by: the first of each family that the asker has too, outside of VRFs.
    pub(super) fn targets(&self, from: NodeIndex<u32>, to: NodeIndex<u32>) -> impl Iterator<Item = IpAddr> {
        [true, false].into_iter().filter_map(move |v4| {
            let of_family = |place: &&Place| place.address.addr().is_ipv4() == v4;
            self.of(from).iter().filter(of_family).find(|place| place.vrf.is_none())?;
            self.of(to).iter().find(of_family).map(|place| place.address.addr())
        })
    }
}

/// An interface with addresses, and where its frames are.
struct Found<'a> {
    spot: Spot,
    addresses: &'a [IpNet],
    interface: String,
    vrf: Option<usize>,
    on_nic: Option<OnNic>,
}

/// What interfaces are plugged into.
struct Plugged<'a> {
    topology: &'a Topology,
    given: &'a Given,
}

impl<'a> Plugged<'a> {
    /// The interfaces of a node that are up and have addresses, but for `lo`.
    fn of_node(&self, node: NodeIndex<u32>) -> Vec<Found<'a>> {
        let weight = &self.topology.graph[node];
        if weight.overlay().is_some() {
            return Vec::new();
        }
        if let Some(switch) = weight.switch() {
            let vlan = filters(self.topology, node).then_some(switch.vlan.unwrap_or(1));
            let spot = Spot { at: At::Switch(node, vlan), tags: Vec::new() };
            let (addresses, interface) = (&switch.addresses[..], weight.name.to_string());
            let own = self.given.own.get(node.index()).into_iter().flatten();
            let internal = own.filter_map(|given| self.found(node, given, None));
            return std::iter::once(Found { spot, addresses, interface, vrf: None, on_nic: None })
                .chain(internal)
                .collect();
        }
        let mut found = Vec::new();
        for (edge, side) in self.ends(node) {
            let link = &self.topology.graph[edge];
            let given = &self.given.ends[edge.index()][side];
            let on_nic = match link.kind {
                LinkKind::Veth | LinkKind::Bond { .. } | LinkKind::Overlay => None,
                LinkKind::Macvlan(MacvlanMode::Bridge) | LinkKind::Ipvlan(_) => Some(OnNic::Siblings),
                LinkKind::Macvlan(MacvlanMode::Private | MacvlanMode::Passthru) => Some(OnNic::Nobody),
                LinkKind::Macvlan(MacvlanMode::Vepa) => Some(OnNic::Outside),
            };
            found.extend(self.found(node, given, on_nic));
        }
        for given in self.given.own.get(node.index()).into_iter().flatten() {
            found.extend(self.found(node, given, None));
        }
        found
    }

    fn found(&self, node: NodeIndex<u32>, given: &'a GivenEnd, on_nic: Option<OnNic>) -> Option<Found<'a>> {
        let interface = &given.interface;
        if given.addresses.is_empty() || !self.is_up(node, interface) {
            return None;
        }
        let spot = self.spot(node, interface)?;
        let own = self.topology.graph[node].interfaces.iter();
        let vrf = own.into_iter().position(|own| match &own.kind {
            OwnKind::Vrf { members, .. } => members.contains(interface),
            OwnKind::Dummy
            | OwnKind::Internal { .. }
            | OwnKind::Vlan { .. }
            | OwnKind::Macvlan { .. }
            | OwnKind::Ipvlan { .. }
            | OwnKind::Bond { .. } => false,
        });
        Some(Found { spot, addresses: &given.addresses, interface: interface.clone(), vrf, on_nic })
    }

    fn ends(&self, node: NodeIndex<u32>) -> impl Iterator<Item = (EdgeIndex<u32>, usize)> {
        let graph = &self.topology.graph;
        let mut edges: Vec<EdgeIndex<u32>> = graph.edges(node).map(|e| petgraph::visit::EdgeRef::id(&e)).collect();
        edges.sort_unstable();
        edges.dedup();
        edges.into_iter().flat_map(move |edge| {
            [0, 1].into_iter().filter(move |&side| graph[edge].ends[side].node == node).map(move |side| (edge, side))
        })
    }

    /// The link's end or the own interface of this name.
    fn end(&self, node: NodeIndex<u32>, interface: &str) -> Option<(EdgeIndex<u32>, usize)> {
        self.ends(node).find(|(edge, side)| self.given.ends[edge.index()][*side].interface == interface)
    }

    fn own(&self, node: NodeIndex<u32>, interface: &str) -> Option<usize> {
        self.topology.graph[node].interfaces.iter().position(|own| own.name == interface)
    }

    fn is_up(&self, node: NodeIndex<u32>, interface: &str) -> bool {
        let Some(index) = self.own(node, interface) else {
            let end = self.end(node, interface);
            return end.is_some_and(|(edge, side)| !self.topology.graph[edge].ends[side].written.down);
        };
        let own = &self.topology.graph[node].interfaces[index];
        let beneath = match &own.kind {
            OwnKind::Vlan { parent, .. } | OwnKind::Macvlan { parent, .. } | OwnKind::Ipvlan { parent, .. } => {
                self.is_up(node, parent)
            }
            OwnKind::Dummy | OwnKind::Internal { .. } | OwnKind::Bond { .. } | OwnKind::Vrf { .. } => true,
        };
        !own.written.down && beneath
    }

    /// Where the frames of an interface are.
    fn spot(&self, node: NodeIndex<u32>, interface: &str) -> Option<Spot> {
        let untagged = |at| Some(Spot { at, tags: Vec::new() });
        let Some(index) = self.own(node, interface) else {
            let (edge, side) = self.end(node, interface)?;
            let far = self.topology.graph[edge].ends[1 - side].node;
            return untagged(match self.topology.graph[far].kind {
                Kind::Nic { .. } => At::Nic(far),
                Kind::Overlay(_) => At::Overlay(far),
                Kind::Namespace | Kind::Router | Kind::Host | Kind::Bridge(_) | Kind::Ovs(..) => At::Link(edge),
            });
        };
        match &self.topology.graph[node].interfaces[index].kind {
            OwnKind::Internal { port } => {
                let vlan = filters(self.topology, node).then(|| untagged_vlan(port)).flatten();
                untagged(At::Switch(node, vlan))
            }
            OwnKind::Vlan { parent, vid, protocol } => {
                let mut spot = self.spot(node, parent)?;
                spot.tags.push((*protocol, *vid));
                Some(spot)
            }
            OwnKind::Macvlan { parent, .. } | OwnKind::Ipvlan { parent, mode: IpvlanMode::L2 } => {
                self.spot(node, parent)
            }
            OwnKind::Bond { members, .. } => self.of_bond(node, members).or_else(|| untagged(At::Own(node, index))),
            OwnKind::Dummy | OwnKind::Vrf { .. } | OwnKind::Ipvlan { mode: IpvlanMode::L3 | IpvlanMode::L3s, .. } => {
                untagged(At::Own(node, index))
            }
        }
    }

    /// The node at the other end of a link, or of an overlay with two ends.
    fn far(&self, node: NodeIndex<u32>, edge: EdgeIndex<u32>) -> Option<NodeIndex<u32>> {
        let ends = self.topology.graph[edge].ends.each_ref().map(|end| end.node);
        let far = ends.into_iter().find(|n| *n != node)?;
        if self.topology.graph[far].overlay().is_none() {
            return Some(far);
        }
        let mut others = self.topology.graph.neighbors(far).filter(|other| *other != node);
        others.next().filter(|_| others.next().is_none())
    }

    /// A bond is at the first of its members that carries frames; of links between the same two nodes at the first of these.
    fn of_bond(&self, node: NodeIndex<u32>, members: &[String]) -> Option<Spot> {
        let usable = |name: &&String| match self.end(node, name) {
            Some((edge, _)) => carries(self.topology, edge),
            None => self.is_up(node, name),
        };
        let usable: Vec<&String> = members.iter().filter(usable).collect();
        let spot = self.spot(node, usable.first()?)?;
        let ends = usable.iter().filter_map(|name| Some((self.end(node, name)?.0, self.spot(node, name)?.at)));
        let ends: Vec<(EdgeIndex<u32>, At)> = ends.collect();
        let Some((first, _)) = ends.iter().find(|(_, at)| *at == spot.at) else { return Some(spot) };
        let far = self.far(node, *first);
        let least = ends.iter().filter(|(edge, _)| self.far(node, *edge) == far).min_by_key(|(edge, _)| *edge);
        Some(Spot { at: least.map_or(spot.at, |(_, at)| *at), ..spot })
    }
}

/// What people call nodes' places on segments, for looking them up.
pub(super) type Owners<'a> = FxHashMap<IpAddr, Vec<(NodeIndex<u32>, &'a Place)>>;

/// Who has an address.
pub(super) fn owners(places: &Places) -> Owners<'_> {
    let mut owners: Owners<'_> = FxHashMap::default();
    for (node, place) in places.iter() {
        owners.entry(place.address.addr()).or_default().push((node, place));
    }
    owners
}
