//! Checks that nobody could answer: of nodes that have no address, or none of a common family.

use ipnet::IpNet;
use petgraph::graph::NodeIndex;

use super::{Given, codes};
use crate::problem::Problem;
use crate::topology::{CheckKind, Topology};

/// The first node of each check that another cannot ask for.
pub(super) fn unanswerable_checks(topology: &Topology, given: &Given) -> impl Iterator<Item = Problem> {
    let families = if topology.checks.is_empty() { Vec::new() } else { families(topology, given) };
    topology.checks.iter().filter_map(move |check| {
        let nodes: Vec<NodeIndex<u32>> = match &check.kind {
            CheckKind::Reachable(nodes) | CheckKind::Unreachable(nodes) => nodes.clone(),
            CheckKind::Ping { from, to, .. } => vec![*from, *to],
        };
        let name = |node: NodeIndex<u32>| &topology.graph[node].name;
        let message = match nodes.iter().find(|node| families[node.index()] == [false, false]) {
            Some(&node) => format!("{} has no address to be reached by", name(node)),
            None => {
                // Only a node of one family and one of the other have none in common.
                let only = |family| nodes.iter().find(|node| families[node.index()] == family);
                let (v4, v6) = (only([true, false])?, only([false, true])?);
                format!("{} has only IPv4 and {} only IPv6", name(*v4), name(*v6))
            }
        };
        let problem = Problem::at(codes::CHECK_WITHOUT_ADDRESS, &check.at, message);
        Some(problem.hint("give it an address, or leave it out of the check"))
    })
}

/// By node, whether it has an IPv4 and an IPv6 address.
fn families(topology: &Topology, given: &Given) -> Vec<[bool; 2]> {
    let mut families = vec![[false; 2]; topology.graph.node_count()];
    let mut note = |node: NodeIndex<u32>, addresses: &[IpNet]| {
        for address in addresses {
            families[node.index()][usize::from(address.addr().is_ipv6())] = true;
        }
    };
    for (link, ends) in topology.graph.edge_weights().zip(&given.ends) {
        link.ends.iter().zip(ends).for_each(|(end, given)| note(end.node, &given.addresses));
    }
    for (node, own) in topology.graph.node_indices().zip(&given.own) {
        own.iter().for_each(|given| note(node, &given.addresses));
    }
    for (node, on) in topology.graph.node_indices().zip(&given.loopbacks) {
        note(node, on);
        note(node, topology.graph[node].switch().map_or(&[], |switch| &switch.addresses[..]));
    }
    families
}
