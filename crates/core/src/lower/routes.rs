//! The routes of a node, as written.

use std::net::IpAddr;

use ipnet::IpNet;
use petgraph::graph::NodeIndex;

use super::{codes, netns_of, switch_device};
use crate::given::Given;
use crate::given::domains::EndId;
use crate::names::IfName;
use crate::problem::Problem;
use crate::resource::{NextHop, Resource, Route, TABLE_MAIN};
use crate::state::HostState;
use crate::topology::{Topology, WrittenRoute};

/// The metric of a route that names none: a kernel's 0 for IPv4 and IP6_RT_PRIO_USER for IPv6 (net/ipv6/route.c).
pub(super) fn default_metric(to: &IpNet) -> u32 {
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

pub(super) fn lower_written(
    topology: &Topology,
    given: &Given,
    index: NodeIndex<u32>,
    ends: &[EndId],
    state: &mut HostState,
    problems: &mut Vec<Problem>,
) {
    let node = &topology.graph[index];
    if node.routes.is_empty() {
        return;
    }
    let exits = exits(topology, given, index, ends);
    let netns = netns_of(topology, index);
    for written in &node.routes {
        let via = match next_hops(node.name.as_str(), &exits, written) {
            Ok(via) => via,
            Err(problem) => {
                problems.push(*problem);
                continue;
            }
        };
        let to = written.to.trunc();
        // A kernel takes metric 0 of an IPv6 route for "the default" (ip6_route_info_create).
        let metric = written.metric.filter(|&m| m != 0).unwrap_or(default_metric(&to));
        let route = Resource::Route(Route { netns: netns.clone(), table: TABLE_MAIN, to, metric, via });
        if state.get(&route.key()).is_some() {
            let message = format!("{} has a second route to {to} with the same metric", node.name);
            let problem = Problem::at(codes::ROUTE_TWICE, &written.at, message);
            problems.push(problem.hint("give one of them another `metric`, or list both gateways in one `via`"));
            continue;
        }
        state.insert(route);
    }
}

fn exits<'a>(topology: &'a Topology, given: &'a Given, index: NodeIndex<u32>, ends: &[EndId]) -> Vec<Exit<'a>> {
    let node = &topology.graph[index];
    if let Some(switch) = node.switch() {
        let (kernel, _) = switch_device(topology, index);
        return vec![Exit { interface: node.name.as_str(), kernel, addresses: &switch.addresses }];
    }
    let exit = |&(edge, side): &EndId| {
        let end = &given.ends[edge.index()][side];
        Exit { interface: &end.interface, kernel: end.kernel, addresses: &end.addresses }
    };
    ends.iter().map(exit).collect()
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
