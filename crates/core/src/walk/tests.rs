//! What lowering makes is what the graph says; and where it is not, the walk sees it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use proptest::prelude::*;

use super::Walk;
use crate::expect::{Pair, expect};
use crate::fixture::{Lab, Sketch, Without, fat_tree, lines, spine_leaf, triangle, tried};
use crate::given::{Given, Prior, give};
use crate::lower::{lower, netns_of};
use crate::names::HostId;
use crate::plan::plan;
use crate::resource::{NetnsId, Resource};
use crate::routing::static_routes;
use crate::sim::Sim;
use crate::state::{HostFacts, HostState, Scope};
use crate::topology::{OwnKind, Routing, Topology, WrittenRoute};

mod faults;
mod frames;
mod tunnels;

fn made(topology: &Topology) -> (Given, HostState) {
    let given = give(topology, &Prior::default()).expect("a sound lab");
    let mut desired = lower(topology, &given, &HostFacts::default()).expect("a sound lab");
    (given, desired.swap_remove(&HostId::local()).expect("the one host"))
}

/// The pairs of which a walk over the state says other than the graph.
fn differing(topology: &Topology, given: &Given, state: &HostState) -> Vec<Pair> {
    let walk = Walk::new(state);
    let differs = |pair: &Pair| walk.reaches(&netns_of(topology, pair.from), pair.address) != pair.reachable;
    expect(topology, given).pairs().filter(differs).collect()
}

fn told(topology: &Topology, pairs: &[Pair]) -> String {
    let name = |node: NodeIndex<u32>| &topology.graph[node].name;
    pairs.iter().map(|p| format!("{} → {} {} {}\n", name(p.from), name(p.to), p.address, p.reachable)).collect()
}

/// How many pairs should be reachable, of how many; all as the graph says.
fn check(lab: &Lab, reachable: usize, of: usize) {
    let (given, state) = made(&lab.0);
    assert_eq!(told(&lab.0, &differing(&lab.0, &given, &state)), "");
    let pairs: Vec<Pair> = expect(&lab.0, &given).pairs().collect();
    assert_eq!((pairs.iter().filter(|p| p.reachable).count(), pairs.len()), (reachable, of));
}

#[test]
fn every_node_of_a_triangle_reaches_every_other_in_both_families() {
    check(&triangle(), 60, 60);
}

#[test]
fn every_node_of_a_fat_tree_reaches_every_other() {
    check(&fat_tree(4), 36 * 35, 36 * 35);
}

#[test]
fn every_server_behind_a_spine_and_leaf_fabric_reaches_every_other() {
    check(&spine_leaf(3, 4, 2), 15 * 14, 15 * 14);
}

#[test]
fn nodes_on_two_switches_without_a_router_are_apart() {
    let mut lab = Lab::new();
    for name in ["a1", "a2", "b1", "b2"] {
        lab.host(name);
    }
    for (switch, nodes) in [("a", ["a1", "a2"]), ("b", ["b1", "b2"])] {
        lab.switch(switch, &[]);
        nodes.iter().for_each(|node| _ = lab.link(node, switch));
    }
    check(&lab, 4, 12);
}

#[test]
fn written_routes_are_followed_there_and_back() {
    let mut lab = Lab::new();
    lab.host("a");
    lab.router("r");
    lab.host("b");
    lab.wire(("a", "10.0.1.1/24"), ("r", "10.0.1.254/24"));
    lab.wire(("r", "10.0.2.254/24"), ("b", "10.0.2.1/24"));
    // Neighbours reach each other, but b does not know the address that r is asked by; a's packets for b get there, without an answer.
    check(&lab, 3, 6);
    lab.route("a", "0.0.0.0/0", &["10.0.1.254"]);
    check(&lab, 3, 6);
    lab.route("b", "10.0.0.0/16", &["10.0.2.254"]);
    check(&lab, 6, 6);
}

#[test]
fn two_default_routes_that_point_at_each_other_are_a_circle() {
    let mut lab = Lab::new();
    lab.router("a");
    lab.router("b");
    lab.host("c");
    lab.host("d");
    lab.wire(("a", "10.0.1.1/24"), ("b", "10.0.1.2/24"));
    lab.wire(("c", "10.0.2.1/24"), ("d", "10.0.2.2/24"));
    lab.route("a", "0.0.0.0/0", &["10.0.1.2"]);
    lab.route("b", "0.0.0.0/0", &["10.0.1.1"]);
    check(&lab, 4, 12);
}

/// The lab with a part of its static routes as written ones.
fn with_written(mut lab: Lab, mut keep: impl FnMut() -> bool) -> Lab {
    let given = give(&lab.0, &Prior::default()).expect("a sound lab");
    let routes = static_routes(&lab.0, &given).expect("nothing overlaps");
    for (node, routes) in lab.0.graph.node_weights_mut().zip(routes) {
        for route in routes.into_iter().filter(|_| keep()) {
            let via: Vec<IpAddr> = route.via.iter().filter_map(|hop| hop.gateway).collect();
            node.routes.push(WrittenRoute {
                to: route.to,
                via,
                device: None,
                metric: None,
                vrf: None,
                at: node.at.clone(),
            });
        }
    }
    lab.0.routing = Routing::Written;
    lab
}

proptest! {
    #![proptest_config(tried(500))]

    #[test]
    fn with_static_routes_a_packet_goes_where_the_graph_says(sketch in Sketch::any()) {
        let lab = sketch.build(Routing::Static, &Without::default());
        let (given, state) = made(&lab.0);
        prop_assert_eq!(told(&lab.0, &differing(&lab.0, &given, &state)), "");
    }

    #[test]
    fn with_written_routes_a_packet_goes_where_they_say(
        sketch in Sketch::any(),
        kept in prop::collection::vec(any::<bool>(), 1..40),
        forwarding in any::<[bool; 2]>(),
    ) {
        let mut turns = kept.iter().cycle();
        let mut lab = with_written(sketch.build(Routing::Static, &Without::default()), || *turns.next().expect("a cycle"));
        if let [true, on] = forwarding {
            let name = crate::names::SysctlName::new("net.ipv4.ip_forward").expect("a name");
            let first = lab.0.graph.node_weights_mut().next().expect("two nodes at least");
            first.sysctls.insert(name, u8::from(on).to_string());
        }
        let (given, state) = made(&lab.0);
        prop_assert_eq!(told(&lab.0, &differing(&lab.0, &given, &state)), "");
    }

    #[test]
    fn with_static_routes_over_every_kind_of_link_a_packet_goes_where_the_graph_says(sketch in Sketch::any_with_extras()) {
        let lab = sketch.build(Routing::Static, &Without::default());
        let (given, state) = made(&lab.0);
        prop_assume!(is_in_each_subnet_once(&state));
        prop_assert_eq!(told(&lab.0, &differing(&lab.0, &given, &state)), "", "{}", lines(&state));
    }

    #[test]
    fn with_written_routes_over_every_kind_of_link_a_packet_goes_where_they_say(
        sketch in Sketch::any_with_extras(),
        kept in prop::collection::vec(any::<bool>(), 1..40),
    ) {
        let mut turns = kept.iter().cycle();
        let lab = with_written(sketch.build(Routing::Static, &Without::default()), || *turns.next().expect("a cycle"));
        let lab = with_routes_of_vrfs(lab);
        let (given, state) = made(&lab.0);
        prop_assume!(is_in_each_subnet_once(&state));
        prop_assert_eq!(told(&lab.0, &differing(&lab.0, &given, &state)), "", "{}", lines(&state));
    }
}

/// Whether no namespace has two devices in one subnet: which of them a kernel uses depends on which came first.
fn is_in_each_subnet_once(state: &HostState) -> bool {
    let mut seen = BTreeSet::new();
    let mut addresses = state.iter().filter_map(|(_, r)| if let Resource::Address(a) = r { Some(a) } else { None });
    addresses.all(|a| seen.insert((a.device.netns.clone(), a.net.trunc())))
}

/// The lab with a default route in each VRF, to the first that shares a subnet with a member.
fn with_routes_of_vrfs(mut lab: Lab) -> Lab {
    let given = give(&lab.0, &Prior::default()).expect("a sound lab");
    let all: Vec<IpNet> = given.ends.iter().flatten().flat_map(|end| end.addresses.clone()).collect();
    for node in lab.0.graph.node_indices() {
        let mut routes = Vec::new();
        for own in &lab.0.graph[node].interfaces {
            let OwnKind::Vrf { members, .. } = &own.kind else { continue };
            let ends = given.ends.iter().flatten().filter(|end| members.contains(&end.interface));
            let subnets: Vec<IpNet> = ends.flat_map(|end| end.addresses.clone()).collect();
            let beside = |other: &&IpNet| subnets.iter().any(|own| own.trunc() == other.trunc() && own != *other);
            if let Some(gateway) = all.iter().find(beside) {
                routes.push((own.name.clone(), gateway.addr()));
            }
        }
        for (vrf, gateway) in routes {
            let to = if gateway.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
            let name = lab.0.graph[node].name.to_string();
            lab.route(&name, to, &[&gateway.to_string()]);
            lab.0.graph[node].routes.last_mut().expect("it was just added").vrf = Some(vrf);
        }
    }
    lab
}

/// The steps from one topology to the other after which a pair is cut off that was joined before and shall be after. Each step is looked at
/// for a part of the pairs, each time another.
fn cut_off_by(before: &Topology, after: &Topology) -> Vec<String> {
    let (given, old) = made(before);
    let again = give(after, &Prior::from_given(before, &given)).expect("a sound lab");
    let mut desired = lower(after, &again, &HostFacts::default()).expect("a sound lab");
    let new = desired.swap_remove(&HostId::local()).expect("the one host");
    let pairs = |topology: &Topology, given: &Given| -> Vec<(NetnsId, IpAddr)> {
        let reachable = expect(topology, given).pairs().filter(|pair| pair.reachable).collect::<Vec<_>>();
        reachable.into_iter().map(|pair| (netns_of(topology, pair.from), pair.address)).collect()
    };
    let joined_before = pairs(before, &given);
    let pairs: Vec<_> = pairs(after, &again).into_iter().filter(|pair| joined_before.contains(pair)).collect();
    assert!(!pairs.is_empty());
    let mut sim = Sim::default();
    let names = [&old, &new].into_iter().flat_map(|state| Scope::of(&after.name, state).names).collect();
    let scope = Scope { names, ..Scope::lab(&after.name) };
    for action in plan(&old, &sim.observe(&scope)).expect("nothing in the way") {
        sim.do_one(&scope.lab, &action).expect("a sound plan");
    }
    let mut cut_off = Vec::new();
    for (step, action) in plan(&new, &sim.observe(&scope)).expect("nothing in the way").into_iter().enumerate() {
        sim.do_one(&scope.lab, &action).expect("a sound plan");
        let walk = Walk::new(&sim.observe(&scope).ours);
        let turn = pairs.iter().enumerate().filter(|(n, _)| n % 13 == step % 13);
        let lost = turn.filter(|(_, (from, to))| !walk.reaches(from, *to));
        cut_off.extend(lost.map(|(_, (from, to))| format!("{action:?} cuts {from} off from {to}")));
    }
    cut_off
}

fn without(lab: &Topology, node: &str) -> Topology {
    let mut lab = lab.clone();
    lab.graph.remove_node(lab.node(node).expect("the node is there"));
    // A petgraph gives the number of what is removed to its last node.
    for edge in lab.graph.edge_indices() {
        let (a, b) = lab.graph.edge_endpoints(edge).expect("an edge of the graph");
        (lab.graph[edge].ends[0].node, lab.graph[edge].ends[1].node) = (a, b);
    }
    lab
}

#[test]
fn a_fat_tree_that_loses_a_core_keeps_every_other_pair_joined_at_every_step() {
    let whole = fat_tree(4).0;
    assert_eq!(cut_off_by(&whole, &without(&whole, "core0")), Vec::<String>::new());
}

#[test]
fn a_namespace_that_is_not_there_reaches_nothing() {
    let (_, state) = made(&triangle().0);
    assert!(!super::reaches(&state, &NetnsId::Host, "10.255.0.1".parse().expect("an address")));
}
