//! The subnets of one family as a graph: which nodes are on which, and what stands between them.

use std::net::IpAddr;

use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use super::paths::Way;
use super::{SUBNETS_OVERLAP, StaticRoute};
use crate::given::Given;
use crate::given::blocks::{Family, span};
use crate::given::domains::{domains, endpoint, ends_of_nodes};
use crate::names::IfName;
use crate::problem::{Place, Problem};
use crate::resource::NextHop;
use crate::topology::{Endpoint, Topology};

/// A node's place on a subnet.
#[derive(Debug, Clone, Copy)]
pub(super) struct On {
    pub(super) subnet: u32,
    pub(super) device: IfName,
}

/// A node on a subnet, and its address there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) node: u32,
    pub(super) address: IpAddr,
}

#[derive(Debug)]
struct Subnet {
    net: IpNet,
    /// The nodes on it that are no leaves, in file order of links, each once.
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
    subnets: Vec<Subnet>,
    of_node: Vec<Vec<On>>,
    roles: Vec<Role>,
}

/// One address of one node, and the broadcast domain that it is in: none for `lo`.
struct Attachment<'a> {
    node: NodeIndex<u32>,
    domain: Option<usize>,
    device: IfName,
    address: IpNet,
    at: &'a Place,
}

impl Subnets {
    pub(super) fn new(topology: &Topology, given: &Given, family: Family, problems: &mut Vec<Problem>) -> Self {
        let mut attachments = attachments(topology, given, family);
        // A stable sort: within a subnet the file order remains.
        let place = |a: &Attachment<'_>| (span(a.address), a.domain, a.domain.is_none().then_some(a.node));
        attachments.sort_by_key(place);
        let roles = roles(topology, &attachments);
        let mut subnets: Vec<Subnet> = Vec::new();
        let mut of_node = vec![Vec::new(); topology.graph.node_count()];
        let mut highest: Option<(u128, &Attachment<'_>)> = None;
        for group in attachments.chunk_by(|a, b| place(a) == place(b)) {
            let (first, last) = span(group[0].address);
            if let Some((_, other)) = highest.filter(|(end, _)| *end >= first) {
                problems.push(overlap(topology, other, &group[0]));
            }
            if highest.is_none_or(|(end, _)| end < last) {
                highest = Some((last, &group[0]));
            }
            let subnet = u32::try_from(subnets.len()).expect("fewer subnets than a petgraph has edges");
            let mut members: Vec<Member> = Vec::new();
            let mut seen = FxHashSet::default();
            for a in group {
                if !seen.insert(a.node) {
                    continue;
                }
                of_node[a.node.index()].push(On { subnet, device: a.device });
                if roles[a.node.index()] != Role::Leaf {
                    members.push(Member { node: a.node.index() as u32, address: a.address.addr() });
                }
            }
            subnets.push(Subnet { net: group[0].address.trunc(), members });
        }
        Subnets { subnets, of_node, roles }
    }

    pub(super) fn len(&self) -> usize {
        self.subnets.len()
    }

    pub(super) fn nodes(&self) -> usize {
        self.of_node.len()
    }

    pub(super) fn net(&self, subnet: u32) -> IpNet {
        self.subnets[subnet as usize].net
    }

    pub(super) fn members(&self, subnet: u32) -> &[Member] {
        &self.subnets[subnet as usize].members
    }

    pub(super) fn of_node(&self, node: NodeIndex<u32>) -> &[On] {
        &self.of_node[node.index()]
    }

    pub(super) fn role(&self, node: u32) -> Role {
        self.roles[node as usize]
    }

    /// The subnets that a node lets others reach: a router all of its own, another its `lo`.
    pub(super) fn behind(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let role = self.role(node);
        self.of_node[node as usize]
            .iter()
            .filter(move |on| role == Role::Router || on.device == IfName::LO)
            .map(|on| on.subnet)
    }

    /// The members of a subnet but for this node: the subnet and the position of each.
    pub(super) fn neighbours(&self, subnet: u32, node: NodeIndex<u32>) -> impl Iterator<Item = (u32, u32)> + '_ {
        let members = (0..).zip(self.members(subnet)).filter(move |(_, m)| m.node as usize != node.index());
        members.map(move |(position, _)| (subnet, position))
    }

    fn member(&self, (subnet, position): (u32, u32)) -> Member {
        self.members(subnet)[position as usize]
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

fn attachments<'a>(topology: &'a Topology, given: &Given, family: Family) -> Vec<Attachment<'a>> {
    let graph = &topology.graph;
    let mut attachments = Vec::new();
    let domains = domains(topology, &ends_of_nodes(topology));
    for (index, domain) in domains.iter().enumerate() {
        let domain_of = Some(index);
        for &(edge, side) in &domain.members {
            let end = &given.ends[edge.index()][side];
            let Endpoint { node, at, .. } = endpoint(topology, (edge, side));
            let on = |&address| Attachment { node: *node, domain: domain_of, device: end.kernel, address, at };
            attachments.extend(end.addresses.iter().map(on));
        }
        for &node in &domain.switches {
            let switch = graph[node].switch().expect("a domain's switches are switches");
            let (device, at) = (IfName::shortened(graph[node].name.as_str()), &graph[node].at);
            let on = |&address| Attachment { node, domain: domain_of, device, address, at };
            attachments.extend(switch.addresses.iter().map(on));
        }
    }
    for node in graph.node_indices() {
        let at = &graph[node].at;
        let on = |&address| Attachment { node, domain: None, device: IfName::LO, address, at };
        attachments.extend(given.loopbacks[node.index()].iter().map(on));
    }
    attachments.retain(|a| Family::of(a.address.addr()) == family);
    attachments
}

fn overlap(topology: &Topology, a: &Attachment<'_>, b: &Attachment<'_>) -> Problem {
    let text = |a: &Attachment<'_>| format!("{} of {}", a.address.trunc(), topology.graph[a.node].name);
    let message = format!("{} and {} overlap: `routing: static` cannot tell them apart", text(a), text(b));
    Problem::at(SUBNETS_OVERLAP, b.at, message).hint("give one broadcast domain one subnet, and each its own")
}
