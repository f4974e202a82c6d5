//! The routes of a node: as written, and of shortest paths.

use std::net::IpAddr;

use ipnet::IpNet;
use petgraph::graph::NodeIndex;

use super::{Lab, Lowered, codes};
use crate::given::interfaces::InterfaceId;
use crate::given::stacks::own_kind;
use crate::names::{HostId, IfName};
use crate::problem::Problem;
use crate::resource::{NetnsId, NextHop, Resource, Route, TABLE_MAIN};
use crate::routing::{Routes, StaticRoute};
use crate::topology::{OwnKind, WrittenRoute};

/// The metric of a route that names none: a kernel's 0 for IPv4 and IP6_RT_PRIO_USER for IPv6 (net/ipv6/route.c).
fn default_metric(to: &IpNet) -> u32 {
    match to {
        IpNet::V4(_) => 0,
        IpNet::V6(_) => 1024,
    }
}

/// An interface that a route can leave by.
struct Exit<'a> {
    interface: &'a str,
    kernel: IfName,
    addresses: &'a [IpNet],
    is_up: bool,
}

/// A routing table of a node, and the interfaces that are in it.
struct Table<'a> {
    number: u32,
    exits: Vec<Exit<'a>>,
}

impl Lab<'_> {
    /// The routes of all nodes: the written ones, which win, and with `routing: static` those of shortest paths. Without that a node gets no
    /// route that it does not say, not even to the only router next to it.
    pub(super) fn lower_routes(&self, host: &HostId, mut shortest: Option<&mut Routes<'_>>, lowered: &mut Lowered) {
        let graph = &self.topology.graph;
        for node in graph.node_indices().filter(|&node| graph[node].is_on(host)) {
            let netns = self.netns[node.index()].clone();
            self.lower_written(node, &netns, lowered);
            let at = &self.topology.graph[node].at;
            for StaticRoute { to, via } in shortest.iter_mut().flat_map(|routes| routes.of(node)) {
                let metric = default_metric(&to);
                let route = Resource::Route(Route { netns: netns.clone(), table: TABLE_MAIN, to, metric, via });
                if !lowered.has(&route) {
                    lowered.insert(at, route);
                }
            }
        }
    }

    /// A switch has no routes, so this is of other nodes.
    fn lower_written(&self, index: NodeIndex<u32>, netns: &NetnsId, lowered: &mut Lowered) {
        let node = &self.topology.graph[index];
        let mut written: Vec<Route> = Vec::new();
        for route in &node.routes {
            let Table { number: table, exits } = self.table(index, route.vrf.as_deref());
            let via = match next_hops(node.name.as_str(), &exits, route) {
                Ok(via) => via,
                Err(problem) => {
                    lowered.problems.push(*problem);
                    continue;
                }
            };
            let to = route.to.trunc();
            // A kernel takes metric 0 of an IPv6 route for "the default" (ip6_route_info_create).
            let metric = route.metric.filter(|&m| m != 0).unwrap_or(default_metric(&to));
            let lower = Route { netns: netns.clone(), table, to, metric, via };
            if written.iter().any(|other| (other.table, other.to, other.metric) == (table, to, metric)) {
                let message = format!("{} has a second route to {to} with the same metric", node.name);
                let problem = Problem::at(codes::ROUTE_TWICE, &route.at, message);
                lowered.problems.push(problem.hint("give one another `metric`, or list both gateways in one `via`"));
                continue;
            }
            written.push(lower.clone());
            // A kernel has no route out of a device that is down.
            if !lower.via.is_empty() {
                lowered.insert(&route.at, Resource::Route(lower));
            }
        }
    }

    /// The table of a VRF, or the main one: the interfaces that are in it.
    fn table(&self, index: NodeIndex<u32>, vrf: Option<&str>) -> Table<'_> {
        let interfaces = &self.interfaces[index.index()];
        let (of, number) = match vrf {
            None => (None, TABLE_MAIN),
            Some(name) => {
                let mut vrfs = interfaces.iter().filter_map(|&id| Some((id, self.vrf_table(id)?)));
                let found = vrfs.find(|(id, _)| self.given.of(*id).interface == name);
                let (id, table) = found.expect("a route of a checked topology names a VRF of its node");
                (Some(id), table)
            }
        };
        let is_in = |id: &InterfaceId| {
            self.stacks.vrf(self.topology, *id) == of && self.stacks.bond(self.topology, *id).is_none()
        };
        let exit = |&id: &InterfaceId| {
            let given = self.given.of(id);
            let is_up = self.stacks.is_up(self.topology, id);
            Exit { interface: &given.interface, kernel: given.kernel, addresses: &given.addresses, is_up }
        };
        Table { number, exits: interfaces.iter().filter(|id| is_in(id)).map(exit).collect() }
    }

    /// The routing table that an interface is.
    fn vrf_table(&self, id: InterfaceId) -> Option<u32> {
        match own_kind(self.topology, id)? {
            OwnKind::Vrf { table, .. } => Some(*table),
            OwnKind::Dummy
            | OwnKind::Internal { .. }
            | OwnKind::Vlan { .. }
            | OwnKind::Macvlan { .. }
            | OwnKind::Ipvlan { .. }
            | OwnKind::Bond { .. } => None,
        }
    }
}

/// The next hops of a route: each gateway by the interface whose subnet it lies in, or by the one that is written.
/// Those by interfaces that are down are left out.
fn next_hops(node: &str, exits: &[Exit<'_>], route: &WrittenRoute) -> Result<Vec<NextHop>, Box<Problem>> {
    let allowed: Vec<&Exit<'_>> = match &route.device {
        None => exits.iter().collect(),
        Some(device) => {
            let exit = exits.iter().find(|e| e.interface == device).ok_or_else(|| {
                let names: Vec<&str> = exits.iter().map(|e| e.interface).collect();
                let problem =
                    Problem::at(codes::NO_SUCH_INTERFACE, &route.at, format!("{node} has no interface {device}"));
                Box::new(problem.hint(format!("use one of: {}", names.join(", "))))
            })?;
            vec![exit]
        }
    };
    let is_up = |hop: &NextHop| exits.iter().any(|exit| exit.kernel == hop.device && exit.is_up);
    let mut hops = match (route.via.is_empty(), &allowed[..]) {
        (true, [exit]) => vec![NextHop { device: exit.kernel, gateway: None, weight: 1 }],
        _ => {
            let hop = |&gateway: &IpAddr| next_hop(node, exits, &allowed, route, gateway);
            route.via.iter().map(hop).collect::<Result<Vec<_>, _>>()?
        }
    };
    if hops.is_empty() {
        let message = format!("the route of {node} to {} has neither a gateway nor an interface", route.to);
        return Err(Box::new(Problem::at(codes::GATEWAY_UNREACHABLE, &route.at, message).hint("write `via`")));
    }
    hops.retain(is_up);
    hops.sort_unstable();
    hops.dedup();
    Ok(hops)
}

fn next_hop(
    node: &str,
    exits: &[Exit<'_>],
    allowed: &[&Exit<'_>],
    route: &WrittenRoute,
    gateway: IpAddr,
) -> Result<NextHop, Box<Problem>> {
    let problem = |code, message: String, hint: &str| Box::new(Problem::at(code, &route.at, message).hint(hint));
    if gateway.is_ipv4() != route.to.addr().is_ipv4() {
        let message = format!("the gateway {gateway} is not of the family of {}", route.to);
        return Err(problem(codes::ROUTE_FAMILIES, message, "write a gateway of the same family"));
    }
    if exits.iter().flat_map(|e| e.addresses).any(|a| a.addr() == gateway) {
        let message = format!("the gateway {gateway} is {node} itself");
        return Err(problem(codes::GATEWAY_UNREACHABLE, message, "write the address of the neighbour"));
    }
    let covering = |exit: &&Exit<'_>| {
        let subnets = exit.addresses.iter().filter(|a| a.contains(&IpNet::from(gateway)));
        subnets.map(IpNet::prefix_len).max().map(|len| (len, exit.kernel))
    };
    // Of several the longest prefix, as a kernel looks it up; of equals the first interface.
    let best = allowed.iter().filter_map(covering).reduce(|best, other| if other.0 > best.0 { other } else { best });
    match best {
        Some((_, device)) => Ok(NextHop { device, gateway: Some(gateway), weight: 1 }),
        None => {
            let message = format!("the gateway {gateway} is in no subnet of {node}");
            Err(problem(
                codes::GATEWAY_UNREACHABLE,
                message,
                "write an address of a neighbour, or give an interface one in that subnet",
            ))
        }
    }
}
