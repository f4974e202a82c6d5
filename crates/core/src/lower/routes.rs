//! The routes of a node: as written, and of shortest paths.

use std::net::IpAddr;

use ipnet::IpNet;
use petgraph::graph::NodeIndex;

use super::{Lab, Lowered, codes};
use crate::given::domains::EndId;
use crate::names::IfName;
use crate::problem::Problem;
use crate::resource::{NetnsId, NextHop, Resource, Route, TABLE_MAIN};
use crate::routing::{Routes, StaticRoute};
use crate::topology::{Routing, WrittenRoute};

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
}

impl Lab<'_> {
    /// The routes of all nodes: the written ones, which win, and with `routing: static` those of shortest paths. Without that a node gets no
    /// route that it does not say, not even to the only router next to it.
    pub(super) fn lower_routes(&self, lowered: &mut Lowered) {
        let mut shortest = match self.topology.routing {
            Routing::Written => None,
            Routing::Static => match Routes::new(self.topology, self.given) {
                Ok(routes) => Some(routes),
                Err(problems) => return lowered.problems.extend(problems),
            },
        };
        for node in self.topology.graph.node_indices() {
            let netns = self.netns[node.index()].clone();
            self.lower_written(node, &netns, lowered);
            for StaticRoute { to, via } in shortest.iter_mut().flat_map(|routes| routes.of(node)) {
                let route = Route { netns: netns.clone(), table: TABLE_MAIN, to, metric: default_metric(&to), via };
                insert_new(Resource::Route(route), lowered);
            }
        }
    }

    fn lower_written(&self, index: NodeIndex<u32>, netns: &NetnsId, lowered: &mut Lowered) {
        let node = &self.topology.graph[index];
        if node.routes.is_empty() {
            return;
        }
        let exits = self.exits(index);
        for written in &node.routes {
            let via = match next_hops(node.name.as_str(), &exits, written) {
                Ok(via) => via,
                Err(problem) => {
                    lowered.problems.push(*problem);
                    continue;
                }
            };
            let to = written.to.trunc();
            // A kernel takes metric 0 of an IPv6 route for "the default" (ip6_route_info_create).
            let metric = written.metric.filter(|&m| m != 0).unwrap_or(default_metric(&to));
            let route = Route { netns: netns.clone(), table: TABLE_MAIN, to, metric, via };
            if !insert_new(Resource::Route(route), lowered) {
                let message = format!("{} has a second route to {to} with the same metric", node.name);
                let problem = Problem::at(codes::ROUTE_TWICE, &written.at, message);
                lowered.problems.push(problem.hint("give one another `metric`, or list both gateways in one `via`"));
            }
        }
    }

    /// A switch has no routes, so this is of other nodes.
    fn exits(&self, index: NodeIndex<u32>) -> Vec<Exit<'_>> {
        let exit = |&(edge, side): &EndId| {
            let end = &self.given.ends[edge.index()][side];
            Exit { interface: &end.interface, kernel: end.kernel, addresses: &end.addresses }
        };
        self.ends_of[index.index()].iter().map(exit).collect()
    }
}

/// Adds a route unless one like it is there.
fn insert_new(route: Resource, lowered: &mut Lowered) -> bool {
    let new = lowered.state.get(&route.key()).is_none();
    if new {
        lowered.state.insert(route);
    }
    new
}

/// The next hops of a route: each gateway by the interface whose subnet it lies in, or by the one that is written.
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
    if let (true, [exit]) = (route.via.is_empty(), &allowed[..]) {
        return Ok(vec![NextHop { device: exit.kernel, gateway: None, weight: 1 }]);
    }
    let hop = |&gateway: &IpAddr| next_hop(node, exits, &allowed, route, gateway);
    let mut hops = route.via.iter().map(hop).collect::<Result<Vec<_>, _>>()?;
    if hops.is_empty() {
        let message = format!("the route of {node} to {} has neither a gateway nor an interface", route.to);
        return Err(Box::new(Problem::at(codes::GATEWAY_UNREACHABLE, &route.at, message).hint("write `via`")));
    }
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
