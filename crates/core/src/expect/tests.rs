//! Who is expected to reach whom, lab by lab, and how patiently that is asked.

use std::time::Duration;

use expect_test::{Expect, expect};
use petgraph::graph::EdgeIndex;

use super::{Patience, expect as expected};
use crate::fixture::{Lab, net, star, vlan};
use crate::given::{Prior, give};
use crate::resource::{IpvlanMode, MacvlanMode};
use crate::topology::{Check, CheckKind, Impairment, LinkKind, LossWritten, OwnKind, Routing};

mod hosts;

/// By who asks, whom it reaches and, behind a bar, whom not; who is in neither is not asked for.
fn check(lab: &Lab, told: Expect) {
    let given = give(&lab.0, &Prior::default()).expect("a sound lab");
    let expectation = expected(&lab.0, &given);
    let mut text = String::new();
    for from in lab.0.graph.node_indices() {
        let names = |reachable: bool| {
            let pairs = expectation.pairs().filter(|p| p.from == from && p.reachable == reachable);
            pairs.map(|p| format!(" {}", lab.0.graph[p.to].name)).collect::<String>()
        };
        let (yes, no) = (names(true), names(false));
        if !(yes.is_empty() && no.is_empty()) {
            text += &format!("{}:{yes} |{no}\n", lab.0.graph[from].name);
        }
    }
    told.assert_eq(&text);
}

fn on_a_switch(nodes: &[&str]) -> Lab {
    let mut lab = Lab::new();
    lab.switch("sw", &["10.0.0.0/24"]);
    for node in nodes {
        lab.host(node);
        lab.link(node, "sw");
    }
    lab
}

#[test]
fn an_end_system_with_its_own_loopback_is_reached_by_whoever_is_beside_it() {
    let mut lab = on_a_switch(&["a", "b", "c"]);
    let node = lab.0.node("a").expect("it is there");
    lab.0.graph[node].loopbacks = vec![net("198.51.100.1/32")];
    lab.0.routing = Routing::Static;
    lab.end(EdgeIndex::new(2), 1).port.vlan = Some(10);
    check(
        &lab,
        expect![[r#"
        a: b | c
        b: a | c
        c: | a b
    "#]],
    );
}

#[test]
fn groups_in_one_subnet_that_vlans_part_do_not_reach_each_other() {
    let mut lab = on_a_switch(&["a", "b", "c", "d"]);
    for edge in [0, 1] {
        lab.end(EdgeIndex::new(edge), 1).port.vlan = Some(10);
    }
    check(
        &lab,
        expect![[r#"
        a: b | c d
        b: a | c d
        c: d | a b
        d: c | a b
    "#]],
    );
}

#[test]
fn isolated_ports_hear_only_the_others() {
    let mut lab = on_a_switch(&["a", "b", "gw"]);
    for edge in [0, 1] {
        lab.end(EdgeIndex::new(edge), 1).port.isolated = Some(true);
    }
    check(
        &lab,
        expect![[r#"
        a: gw | b
        b: gw | a
        gw: a b |
    "#]],
    );
}

#[test]
fn a_link_between_switches_that_is_isolated_parts_all_behind_it_from_isolated_ports() {
    let mut lab = on_a_switch(&["a", "b"]);
    lab.switch("far", &["10.0.0.0/24"]);
    lab.host("c");
    lab.link("c", "far");
    let between = lab.link("sw", "far");
    lab.end(between, 0).port.isolated = Some(true);
    lab.end(EdgeIndex::new(0), 1).port.isolated = Some(true);
    check(
        &lab,
        expect![[r#"
        a: b | c
        b: a c |
        c: b | a
    "#]],
    );
}

#[test]
fn a_router_on_a_stick_joins_two_vlans() {
    let mut lab = Lab::new();
    lab.0.routing = Routing::Static;
    lab.switch("sw", &[]);
    lab.router("gw");
    lab.trunk("gw:eth0", "sw", &[(10, 10), (20, 20)], None);
    for (node, vid) in [("a", 10), ("b", 20), ("c", 30)] {
        lab.host(node);
        lab.access(node, "sw", vid);
        lab.own("gw", &format!("eth0.{vid}"), vlan("eth0", vid), &[]);
    }
    check(
        &lab,
        expect![[r#"
        gw: a b | c
        a: gw b | c
        b: gw a | c
        c: | gw a b
    "#]],
    );
}

#[test]
fn with_static_routes_packets_go_around_what_is_down() {
    let mut lab = crate::fixture::triangle();
    lab.end(EdgeIndex::new(0), 0).written.down = true;
    lab.end(EdgeIndex::new(4), 1).written.down = true;
    check(
        &lab,
        expect![[r#"
        r1: r2 r2 r3 r3 h1 h1 h3 h3 | h2 h2
        r2: r1 r1 r3 r3 h1 h1 h3 h3 | h2 h2
        r3: r1 r1 r2 r2 h1 h1 h3 h3 | h2 h2
        h1: r1 r1 r2 r2 r3 r3 h3 h3 | h2 h2
        h2: | r1 r1 r2 r2 r3 r3 h1 h1 h3 h3
        h3: r1 r1 r2 r2 r3 r3 h1 h1 | h2 h2
    "#]],
    );
}

#[test]
fn in_a_vrf_packets_go_by_the_routes_that_name_it() {
    let mut lab = Lab::new();
    lab.router("pe");
    for (node, table) in [("red", 10), ("blue", 20)] {
        for side in ["a", "b"] {
            let (name, end) = (format!("{node}-{side}"), format!("pe:{node}-{side}"));
            let third = table + u32::from(side == "b");
            lab.host(&name);
            lab.wire((&name, &format!("10.0.{third}.2/24")), (&end, &format!("10.0.{third}.1/24")));
            lab.route(&name, "0.0.0.0/0", &[&format!("10.0.{third}.1")]);
        }
        let members = vec![format!("{node}-a"), format!("{node}-b")];
        lab.own("pe", node, OwnKind::Vrf { members, table }, &[]);
    }
    check(
        &lab,
        expect![[r#"
        red-a: pe red-b | blue-a blue-b
        red-b: pe red-a | blue-a blue-b
        blue-a: blue-b | pe red-a red-b
        blue-b: blue-a | pe red-a red-b
    "#]],
    );
}

#[test]
fn on_a_nic_it_is_the_mode_that_says_who_hears_whom_and_outside_nobody_knows() {
    for (kind, told) in [
        (
            LinkKind::Macvlan(MacvlanMode::Bridge),
            expect![[r#"
            a: b |
            b: a |
        "#]],
        ),
        (
            LinkKind::Macvlan(MacvlanMode::Private),
            expect![[r#"
            a: | b
            b: | a
        "#]],
        ),
        (LinkKind::Macvlan(MacvlanMode::Vepa), expect![[r#""#]]),
        (
            LinkKind::Ipvlan(IpvlanMode::L3),
            expect![[r#"
            a: b |
            b: a |
        "#]],
        ),
    ] {
        let mut lab = Lab::new();
        lab.nic("eth1");
        for (node, address) in [("a", "172.17.0.1/24"), ("b", "172.17.0.2/24")] {
            lab.host(node);
            lab.on_nic(node, "eth1", kind, address);
        }
        check(&lab, told);
    }
}

#[test]
fn checks_are_asked_as_they_are_written() {
    let mut lab = on_a_switch(&["a", "b"]);
    let nodes = ["a", "b"].map(|name| lab.0.node(name).expect("the node")).to_vec();
    lab.0.checks = vec![Check { kind: CheckKind::Unreachable(nodes), at: crate::problem::Place::default() }];
    check(
        &lab,
        expect![[r#"
        a: | b
        b: | a
    "#]],
    );
}

fn patience(lab: &Lab) -> Patience {
    Patience::of(&lab.0)
}

#[test]
fn a_lab_without_impairments_needs_no_patience() {
    assert_eq!(patience(&star(3)), Patience::default());
}

#[test]
fn patience_is_enough_for_the_way_there_and_back() {
    let mut lab = star(3);
    for edge in lab.0.graph.edge_indices() {
        for side in [0, 1] {
            lab.end(edge, side).written.impairment = Some(Impairment {
                delay: 10_000_000,
                loss: Some(LossWritten::Random(10.0)),
                rate: Some(800_000),
                ..Impairment::default()
            });
        }
    }
    let Patience { round_trip, loss, rate, settling } = patience(&lab);
    // Four ends send a request and its answer: 11 ms each; the bound is of twice the way.
    assert!(round_trip >= Duration::from_millis(44) && round_trip <= Duration::from_millis(88), "{round_trip:?}");
    let lost = 1.0 - 0.9_f64.powi(4);
    assert!(loss >= lost && loss < 2.0 * lost, "{loss}");
    assert_eq!((rate, settling), (Some(800_000), Duration::ZERO));
}

#[test]
fn a_spanning_tree_takes_two_delays_to_let_packets_pass() {
    let mut lab = on_a_switch(&["a"]);
    let sw = lab.0.node("sw").expect("the switch");
    lab.switch_mut(sw).stp = true;
    assert_eq!(patience(&lab).settling, Duration::from_secs(30));
    lab.switch_mut(sw).forward_delay = Some(200);
    assert_eq!(patience(&lab).settling, Duration::from_secs(4));
}

#[test]
fn addresses_in_no_vrf_are_asked_for_first() {
    let mut lab = on_a_switch(&["a", "b"]);
    lab.own("b", "red", OwnKind::Vrf { members: vec!["eth0".into()], table: 10 }, &[]);
    lab.end(EdgeIndex::new(1), 0).interface = Some("eth0".into());
    lab.own("b", "d0", OwnKind::Dummy, &["192.0.2.1/32"]);
    let given = give(&lab.0, &Prior::default()).expect("a sound lab");
    let pairs: Vec<_> = expected(&lab.0, &given).pairs().map(|pair| (pair.address, pair.reachable)).collect();
    // From the main table b reaches nobody, and a has no route to what b has there.
    assert_eq!(pairs, [(net("192.0.2.1/32").addr(), false), (net("10.0.0.1/24").addr(), false)]);
}
