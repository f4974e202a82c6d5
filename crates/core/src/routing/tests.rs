//! Static routes against a slow and simple reference, and on small labs by eye.

use std::collections::BTreeSet;
use std::net::IpAddr;

use expect_test::{Expect, expect};
use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use proptest::prelude::*;

use super::{StaticRoute, static_routes};
use crate::fixture::{Lab, Sketch, Without, net, triangle, tried};
use crate::given::{Given, Prior, give};
use crate::names::IfName;
use crate::topology::{Routing, Topology};

fn text(topology: &Topology, routes: &[Vec<StaticRoute>]) -> String {
    let mut text = String::new();
    for (node, routes) in topology.graph.node_weights().zip(routes) {
        for StaticRoute { to, via } in routes {
            let hops: Vec<String> = via
                .iter()
                .map(|h| format!("{}%{}", h.gateway.expect("a static route has gateways"), h.device))
                .collect();
            text += &format!("{} {to} via {}\n", node.name, hops.join(" "));
        }
    }
    text
}

fn check(lab: &Lab, expected: Expect) {
    let given = give(&lab.0, &Prior::default()).expect("a sound lab");
    expected.assert_eq(&text(&lab.0, &static_routes(&lab.0, &given).expect("no overlap")));
}

#[test]
fn a_triangle_goes_the_short_way_and_both_ways_where_they_are_equal() {
    let mut lab = triangle();
    lab.0.pools.as_mut().expect("pools").p2p.ipv6 = None;
    lab.0.pools.as_mut().expect("pools").loopback.ipv6 = None;
    check(
        &lab,
        expect![[r#"
        r1 10.1.0.2/31 via 10.1.0.1%eth0 10.1.0.4%eth1
        r1 10.1.0.8/31 via 10.1.0.1%eth0
        r1 10.1.0.10/31 via 10.1.0.4%eth1
        r1 10.255.0.2/32 via 10.1.0.1%eth0
        r1 10.255.0.3/32 via 10.1.0.4%eth1
        r2 10.1.0.4/31 via 10.1.0.0%eth0 10.1.0.3%eth1
        r2 10.1.0.6/31 via 10.1.0.0%eth0
        r2 10.1.0.10/31 via 10.1.0.3%eth1
        r2 10.255.0.1/32 via 10.1.0.0%eth0
        r2 10.255.0.3/32 via 10.1.0.3%eth1
        r3 10.1.0.0/31 via 10.1.0.2%eth0 10.1.0.5%eth1
        r3 10.1.0.6/31 via 10.1.0.5%eth1
        r3 10.1.0.8/31 via 10.1.0.2%eth0
        r3 10.255.0.1/32 via 10.1.0.5%eth1
        r3 10.255.0.2/32 via 10.1.0.2%eth0
        h1 0.0.0.0/0 via 10.1.0.7%eth0
        h2 0.0.0.0/0 via 10.1.0.9%eth0
        h3 0.0.0.0/0 via 10.1.0.11%eth0
    "#]],
    );
}

#[test]
fn a_host_between_two_routers_has_a_default_and_an_exception_and_passes_nothing_on() {
    let mut lab = Lab::new();
    lab.0.routing = Routing::Static;
    lab.router("r1");
    lab.host("h");
    lab.router("r2");
    lab.host("a");
    lab.host("b");
    for (a, b) in [("r1", "h"), ("h", "r2"), ("a", "r1"), ("b", "r2")] {
        lab.link(a, b);
    }
    check(
        &lab,
        expect![[r#"
            h 0.0.0.0/0 via 10.64.0.0%eth0
            h 10.64.0.6/31 via 10.64.0.3%eth1
            a 0.0.0.0/0 via 10.64.0.5%eth0
            b 0.0.0.0/0 via 10.64.0.7%eth0
        "#]],
    );
}

#[test]
fn an_end_system_with_its_own_loopback_is_reached_through_itself() {
    let mut lab = Lab::new();
    lab.0.routing = Routing::Static;
    let h = lab.host("h");
    lab.0.graph[h].loopbacks.push(net("192.0.2.1/32"));
    lab.host("neighbour");
    lab.switch("lan", &["10.0.0.0/24"]);
    lab.link("h", "lan");
    lab.link("neighbour", "lan");
    check(
        &lab,
        expect![[r#"
        neighbour 192.0.2.1/32 via 10.0.0.1%eth0
    "#]],
    );
}

#[test]
fn subnets_that_overlap_are_told() {
    let mut lab = Lab::new();
    lab.0.routing = Routing::Static;
    for name in ["a", "b", "c", "d"] {
        lab.router(name);
    }
    lab.wire(("a", "10.0.0.1/24"), ("b", "10.0.0.2/24"));
    lab.wire(("c", "10.0.0.129/25"), ("d", "10.0.0.130/25"));
    let given = give(&lab.0, &Prior::default()).expect("addresses are written");
    let problems = static_routes(&lab.0, &given).expect_err("an overlap");
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let expected = "10.0.0.0/24 of a and 10.0.0.128/25 of c overlap: `routing: static` cannot tell them apart";
    assert_eq!(told, [expected]);
}

/// One address of one node: where it is, by what device.
#[derive(Clone, Copy)]
struct Place {
    node: NodeIndex<u32>,
    /// The broadcast domain, by the least of its edges; none for `lo`.
    domain: Option<usize>,
    device: IfName,
    address: IpNet,
}

impl Place {
    fn shares(&self, other: &Place) -> bool {
        self.domain.is_some() && self.domain == other.domain && self.address.trunc() == other.address.trunc()
    }

    fn is_in(&self, subnet: &Place) -> bool {
        self.shares(subnet)
            || (self.node == subnet.node && self.domain == subnet.domain && self.address == subnet.address)
    }
}

/// Labels spread between links that meet in a switch until nothing changes.
fn labels(topology: &Topology) -> Vec<usize> {
    let graph = &topology.graph;
    let mut labels: Vec<usize> = (0..graph.edge_count()).collect();
    loop {
        let before = labels.clone();
        for switch in graph.node_indices().filter(|&n| graph[n].switch().is_some()) {
            let least = graph.edges(switch).map(|e| labels[petgraph::visit::EdgeRef::id(&e).index()]).min();
            for edge in graph.edges(switch) {
                labels[petgraph::visit::EdgeRef::id(&edge).index()] = least.expect("it has this edge");
            }
        }
        if labels == before {
            return labels;
        }
    }
}

fn places(topology: &Topology, given: &Given) -> Vec<Place> {
    let labels = labels(topology);
    let mut places = Vec::new();
    for edge in topology.graph.edge_indices() {
        for side in [0, 1] {
            let end = &given.ends[edge.index()][side];
            let node = topology.graph[edge].ends[side].node;
            let domain = Some(labels[edge.index()]);
            places.extend(end.addresses.iter().map(|&address| Place { node, domain, device: end.kernel, address }));
        }
    }
    for node in topology.graph.node_indices() {
        let on = |&address| Place { node, domain: None, device: IfName::LO, address };
        places.extend(given.loopbacks[node.index()].iter().map(on));
    }
    places
}

/// For each place's subnet and each node, how many routers are still to pass until a packet is there.
fn distances(topology: &Topology, places: &[Place], subnet: &Place) -> Vec<Option<u32>> {
    let mut distance = vec![None; topology.graph.node_count()];
    for at in places.iter().filter(|at| at.is_in(subnet)) {
        if at.domain.is_none() || topology.graph[at.node].forwards() {
            distance[at.node.index()] = Some(0);
        }
    }
    for _ in 0..topology.graph.node_count() {
        for a in places.iter().filter(|a| topology.graph[a.node].forwards()) {
            for b in places.iter().filter(|b| b.node != a.node && b.shares(a)) {
                let over = distance[b.node.index()].map(|d: u32| d + 1);
                let known = &mut distance[a.node.index()];
                if over.is_some_and(|over| known.is_none_or(|known| over < known)) {
                    *known = over;
                }
            }
        }
    }
    distance
}

/// All first steps of shortest paths from a node to a subnet that it is not on.
fn first_steps(places: &[Place], distance: &[Option<u32>], from: NodeIndex<u32>) -> BTreeSet<(IfName, IpAddr)> {
    // Of several interfaces on one subnet the first is used, of the node and of its neighbour.
    let first = |of: &Place| places.iter().find(|p| p.node == of.node && p.shares(of)).expect("itself at least");
    let mut steps = Vec::new();
    for own in places.iter().filter(|own| own.node == from) {
        for next in places.iter().filter(|next| next.node != from && next.shares(own)) {
            let step = (first(own).device, first(next).address.addr());
            steps.extend(distance[next.node.index()].map(|d| (d, step)));
        }
    }
    let least = steps.iter().map(|(d, _)| *d).min();
    steps.into_iter().filter(|(d, _)| Some(*d) == least).map(|(_, step)| step).collect()
}

fn looked_up(routes: &[StaticRoute], address: IpAddr) -> BTreeSet<(IfName, IpAddr)> {
    let covering = routes.iter().filter(|r| r.to.contains(&IpNet::from(address)));
    let best = covering.max_by_key(|r| r.to.prefix_len());
    let hop = |h: &crate::resource::NextHop| (h.device, h.gateway.expect("a static route has gateways"));
    best.into_iter().flat_map(|r| r.via.iter().map(hop)).collect()
}

#[test]
fn the_cut_off_end_of_a_subnet_is_reached_by_those_who_reach_no_other() {
    let mut lab = Lab::new();
    lab.switch("s", &[]);
    for router in ["near", "far", "other"] {
        lab.router(router);
    }
    lab.wire(("near", "10.0.1.0/31"), ("far", "10.0.1.1/31"));
    let end = lab.wire(("far", "10.0.9.1/24"), ("s", ""));
    lab.end(end, 1).written.down = true;
    lab.wire(("other", "10.0.9.2/24"), ("s", ""));
    lab.host("h");
    lab.wire(("h", "10.0.9.3/24"), ("s", ""));
    check(
        &lab,
        expect![[r#"
        near 10.0.9.0/24 via 10.0.1.1%eth0
        h 0.0.0.0/0 via 10.0.9.2%eth0
    "#]],
    );
    // Where there is another way into the subnet, it is the better one, however long.
    lab.wire(("near", "10.0.2.0/31"), ("other", "10.0.2.1/31"));
    check(
        &lab,
        expect![[r#"
        near 10.0.9.0/24 via 10.0.2.1%eth1
        far 10.0.2.0/31 via 10.0.1.0%eth0
        other 10.0.1.0/31 via 10.0.2.0%eth1
        h 0.0.0.0/0 via 10.0.9.2%eth0
    "#]],
    );
}

proptest! {
    #![proptest_config(tried(400))]

    #[test]
    fn every_route_is_on_all_shortest_paths_and_covers_no_more(sketch in Sketch::any()) {
        let lab = sketch.build(Routing::Static, &Without::default());
        let topology = &lab.0;
        let given = give(topology, &Prior::default()).expect("a sound lab");
        let routes = static_routes(topology, &given).expect("nothing overlaps");
        let all = places(topology, &given);
        for (node, v4) in topology.graph.node_indices().flat_map(|n| [(n, true), (n, false)]) {
            let of_family = |net: &IpNet| net.addr().is_ipv4() == v4;
            let places: Vec<Place> = all.iter().filter(|p| of_family(&p.address)).copied().collect();
            let routes: Vec<StaticRoute> = routes[node.index()].iter().filter(|r| of_family(&r.to)).cloned().collect();
            let default = routes.iter().any(|r| r.to.prefix_len() == 0);
            let mut remote = BTreeSet::new();
            for subnet in &places {
                if places.iter().any(|own| own.node == node && own.is_in(subnet)) {
                    continue;
                }
                let steps = first_steps(&places, &distances(topology, &places, subnet), node);
                if steps.is_empty() && default {
                    continue;
                }
                prop_assert_eq!(
                    looked_up(&routes, subnet.address.addr()), steps.clone(),
                    "{} to {}:\n{}", &topology.graph[node].name, subnet.address, text(topology, &[vec![], routes.clone()])
                );
                if !steps.is_empty() {
                    remote.insert(subnet.address.trunc());
                }
            }
            if topology.graph[node].forwards() {
                let said = routes.iter().map(|r| r.to).collect::<Vec<_>>();
                prop_assert_eq!(said, remote.into_iter().collect::<Vec<_>>());
            }
        }
    }
}
