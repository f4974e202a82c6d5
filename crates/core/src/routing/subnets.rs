//! The subnets of one family as a graph: which nodes are on which, and what stands between them.

use std::net::IpAddr;

use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use rustc_hash::{FxHashMap, FxHashSet};

use super::paths::Way;
use super::{SUBNETS_OVERLAP, StaticRoute};
use crate::given::Given;
use crate::given::blocks::{Family, span};
use crate::given::domains::{self, CellId, Domain, Links, domains};
use crate::given::interfaces::{InterfaceId, interfaces_of_nodes};
use crate::given::stacks::Stacks;
use crate::names::IfName;
use crate::problem::{Place, Problem};
use crate::resource::NextHop;
use crate::topology::Topology;

/// A node's place on a subnet: in a part of it, all of which is heard alike.
#[derive(Debug, Clone, Copy)]
pub(super) struct On {
    pub(super) part: u32,
    pub(super) device: IfName,
}

/// A node on a subnet, and its address there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) node: u32,
    pub(super) address: IpAddr,
}

/// Of a subnet, those who hear the same others; most subnets are one part.
#[derive(Debug)]
struct Part {
    /// Its subnet, by number.
    subnet: u32,
    /// The parts of the subnet that it hears.
    hears: Vec<u32>,
    /// Its router hears nobody of the subnet, and elsewhere there is a router that does.
    is_cut_off: bool,
    /// The nodes in it that are no leaves, in file order of links, each once.
    members: Vec<Member>,
}

/// What a node can do for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It passes packets on.
    Router,
    /// It has addresses of its own on `lo`, that others reach through it.
    Stub,
    /// It is only reached on the subnets it is on.
    Leaf,
}

/// The subnets, sorted and free of overlaps.
#[derive(Debug)]
pub(super) struct Subnets {
    nets: Vec<IpNet>,
    parts: Vec<Part>,
    of_node: Vec<Vec<On>>,
    roles: Vec<Role>,
}

/// One address of one node, and where it is.
struct Attachment<'a> {
    node: NodeIndex<u32>,
    /// The broadcast domain as if nothing were down; none for `lo`.
    domain: Option<usize>,
    /// What of it is up, and the part of that.
    cell: (usize, CellId),
    device: IfName,
    address: IpNet,
    at: &'a Place,
}

impl Subnets {
    pub(super) fn new(topology: &Topology, given: &Given, family: Family, problems: &mut Vec<Problem>) -> Self {
        let wiring = Wiring::new(topology, given);
        let mut attachments = wiring.attachments(topology, given, family);
        // A stable sort: within a subnet the file order remains.
        let place = |a: &Attachment<'_>| (span(a.address), a.domain, a.domain.is_none().then_some(a.node));
        attachments.sort_by_key(|a| (place(a), a.cell));
        let roles = roles(topology, &attachments);
        let of_node = vec![Vec::new(); topology.graph.node_count()];
        let mut subnets = Subnets { nets: Vec::new(), parts: Vec::new(), of_node, roles };
        let mut highest: Option<(u128, &Attachment<'_>)> = None;
        for group in attachments.chunk_by(|a, b| place(a) == place(b)) {
            let (first, last) = span(group[0].address);
            if let Some((_, other)) = highest.filter(|(end, _)| *end >= first) {
                problems.push(overlap(topology, other, &group[0]));
            }
            if highest.is_none_or(|(end, _)| end < last) {
                highest = Some((last, &group[0]));
            }
            subnets.add(&wiring, group);
        }
        subnets
    }

    /// Adds the subnet of these attachments, part by part.
    fn add(&mut self, wiring: &Wiring, group: &[Attachment<'_>]) {
        let number = |n: usize| u32::try_from(n).expect("fewer subnets than a petgraph has edges");
        let (subnet, first) = (number(self.nets.len()), self.parts.len());
        self.nets.push(group[0].address.trunc());
        let cells: Vec<&[Attachment<'_>]> = group.chunk_by(|a, b| a.cell == b.cell).collect();
        let mut seen = FxHashSet::default();
        for cell in &cells {
            let part = number(self.parts.len());
            let heard = cells.iter().enumerate().filter(|(_, other)| wiring.hears(&cell[0], &other[0]));
            let mut members: Vec<Member> = Vec::new();
            for a in cell.iter().filter(|a| seen.insert(a.node)) {
                self.of_node[a.node.index()].push(On { part, device: a.device });
                if self.roles[a.node.index()] != Role::Leaf {
                    members.push(Member { node: a.node.index() as u32, address: a.address.addr() });
                }
            }
            let heard: Vec<usize> = heard.map(|(at, _)| at).collect();
            let nobody_else = |at: &usize| cells[*at].iter().all(|other| other.node == cell[0].node);
            let is_cut_off = heard.iter().all(nobody_else);
            let hears = heard.into_iter().map(|at| number(first + at)).collect();
            self.parts.push(Part { subnet, hears, is_cut_off, members });
        }
        let is_router = |member: &Member| self.roles[member.node as usize] == Role::Router;
        let leads_in = |part: &Part| !part.is_cut_off && part.members.iter().any(is_router);
        let is_led_into = self.parts[first..].iter().any(leads_in);
        self.parts[first..].iter_mut().for_each(|part| part.is_cut_off &= is_led_into);
    }

    /// How many subnets there are.
    pub(super) fn len(&self) -> usize {
        self.nets.len()
    }

    /// How many parts they have.
    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }

    pub(super) fn nodes(&self) -> usize {
        self.of_node.len()
    }

    pub(super) fn net(&self, subnet: u32) -> IpNet {
        self.nets[subnet as usize]
    }

    pub(super) fn members(&self, part: u32) -> &[Member] {
        &self.parts[part as usize].members
    }

    /// The subnet that a part is of.
    pub(super) fn subnet(&self, part: u32) -> u32 {
        self.parts[part as usize].subnet
    }

    /// The parts that a part hears.
    pub(super) fn hears(&self, part: u32) -> &[u32] {
        &self.parts[part as usize].hears
    }

    pub(super) fn of_node(&self, node: NodeIndex<u32>) -> &[On] {
        &self.of_node[node.index()]
    }

    pub(super) fn role(&self, node: u32) -> Role {
        self.roles[node as usize]
    }

    /// The parts of subnets that a node lets others reach: a router all of its own, another its `lo`.
    pub(super) fn behind(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let role = self.role(node);
        let on = self.of_node[node as usize].iter();
        on.filter(move |on| role == Role::Router || on.device == IfName::LO).map(|on| on.part)
    }

    /// Whether a part is the way to its subnet only for those who reach no other: nobody else is in it.
    pub(super) fn is_cut_off(&self, part: u32) -> bool {
        self.parts[part as usize].is_cut_off
    }

    /// The members that a node in this part hears: the part and the position of each.
    pub(super) fn neighbours(&self, part: u32, node: NodeIndex<u32>) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.hears(part).iter().flat_map(move |&part| {
            let members = (0..).zip(self.members(part)).filter(move |(_, m)| m.node as usize != node.index());
            members.map(move |(position, _)| (part, position))
        })
    }

    fn member(&self, (part, position): (u32, u32)) -> Member {
        self.members(part)[position as usize]
    }

    /// Whether the next node on this way passes packets on.
    pub(super) fn leads_on(&self, way: Way) -> bool {
        self.role(self.member(way.gateway).node) == Role::Router
    }

    /// The route of a node on these subnets that goes these ways.
    pub(super) fn route(&self, own: &[On], to: IpNet, ways: &[Way]) -> StaticRoute {
        let hop = |way: &Way| NextHop {
            device: own[way.exit as usize].device,
            gateway: Some(self.member(way.gateway).address),
            weight: 1,
        };
        let mut via: Vec<NextHop> = ways.iter().map(hop).collect();
        via.sort_unstable();
        StaticRoute { to, via }
    }
}

fn roles(topology: &Topology, attachments: &[Attachment<'_>]) -> Vec<Role> {
    let role = |forwards| if forwards { Role::Router } else { Role::Leaf };
    let mut roles: Vec<Role> = topology.graph.node_weights().map(|node| role(node.forwards())).collect();
    for a in attachments.iter().filter(|a| a.domain.is_none()) {
        let role = &mut roles[a.node.index()];
        if *role == Role::Leaf {
            *role = Role::Stub;
        }
    }
    roles
}

/// Who can hear whom, where everything is up and as it is.
struct Wiring {
    stacks: Stacks,
    whole: Vec<Domain>,
    /// What is up, where anything is down.
    up: Option<Vec<Domain>>,
}

impl Wiring {
    fn new(topology: &Topology, given: &Given) -> Self {
        let stacks = Stacks::new(topology, given, &interfaces_of_nodes(topology));
        let whole = domains(topology, &stacks, Links::All);
        let written = topology.graph.edge_weights().flat_map(|link| link.ends.each_ref().map(|end| &end.written));
        let own = topology.graph.node_weights().flat_map(|n| n.interfaces.iter().map(|own| &own.written));
        let is_any_down = written.chain(own).any(|written| written.down);
        let up = is_any_down.then(|| domains(topology, &stacks, Links::Up));
        Wiring { stacks, whole, up }
    }

    fn up(&self) -> &[Domain] {
        self.up.as_deref().unwrap_or(&self.whole)
    }

    fn hears(&self, a: &Attachment<'_>, b: &Attachment<'_>) -> bool {
        // On `lo` a node is alone.
        a.cell.0 == b.cell.0 && (a.domain.is_none() || self.up()[a.cell.0].cells.hears(a.cell.1, b.cell.1))
    }

    /// The addresses of a family that are up and in the main routing table.
    fn attachments<'a>(&self, topology: &'a Topology, given: &Given, family: Family) -> Vec<Attachment<'a>> {
        let graph = &topology.graph;
        let mut attachments = Vec::new();
        let whole: FxHashMap<InterfaceId, usize> = match self.up {
            None => FxHashMap::default(),
            Some(_) => domains::places(&self.whole),
        };
        let bridges: FxHashMap<NodeIndex<u32>, usize> = match self.up {
            None => FxHashMap::default(),
            Some(_) => {
                (0..).zip(&self.whole).flat_map(|(at, d)| d.bridges.iter().map(move |(s, _)| (*s, at))).collect()
            }
        };
        for (index, domain) in self.up().iter().enumerate() {
            for &(id, cell) in domain.members.iter().filter(|(id, _)| self.stacks.vrf(topology, *id).is_none()) {
                let (given, interface) = (given.of(id), id.of(topology));
                let in_whole = Some(whole.get(&id).copied().unwrap_or(index));
                let on = |&address| Attachment {
                    node: interface.node,
                    domain: in_whole,
                    cell: (index, cell),
                    device: given.kernel,
                    address,
                    at: interface.at,
                };
                attachments.extend(given.addresses.iter().map(on));
            }
            for &(node, cell) in &domain.bridges {
                let switch = graph[node].switch().expect("a domain's switches are switches");
                let (device, at) = (IfName::shortened(graph[node].name.as_str()), &graph[node].at);
                let in_whole = Some(bridges.get(&node).copied().unwrap_or(index));
                let on = |&address| Attachment { node, domain: in_whole, cell: (index, cell), device, address, at };
                attachments.extend(switch.addresses.iter().map(on));
            }
        }
        for node in graph.node_indices() {
            let (at, cell) = (&graph[node].at, (0, 0));
            let on = |&address| Attachment { node, domain: None, cell, device: IfName::LO, address, at };
            attachments.extend(given.loopbacks[node.index()].iter().map(on));
        }
        attachments.retain(|a| Family::of(a.address.addr()) == family);
        attachments
    }
}

fn overlap(topology: &Topology, a: &Attachment<'_>, b: &Attachment<'_>) -> Problem {
    let text = |a: &Attachment<'_>| format!("{} of {}", a.address.trunc(), topology.graph[a.node].name);
    let message = format!("{} and {} overlap: `routing: static` cannot tell them apart", text(a), text(b));
    Problem::at(SUBNETS_OVERLAP, b.at, message).hint("give one broadcast domain one subnet, and each its own")
}
