//! Names and addresses on several hosts: the same as on one, and kept whatever a link becomes.

use expect_test::{Expect, expect};
use indexmap::IndexMap;
use ipnet::IpNet;
use proptest::prelude::*;

use super::{check, text};
use crate::fixture::{HOSTS, Lab, Spread, Without, nets, overlay, three, tried, vxlan};
use crate::given::{Given, Prior, give, places_of};
use crate::lower::lower;
use crate::names::HostId;
use crate::state::{HostFacts, HostState};
use crate::topology::{Kind, OverlayKind, Routing, Topology};

#[test]
fn a_link_between_two_hosts_gives_what_a_wire_gives() {
    let mut lab = three(&HOSTS);
    lab.over("a-b", vxlan(), &["a", "b"]);
    lab.over("b-c", overlay(OverlayKind::Gre { key: None }), &["b:up", "c"]);
    let silent = lab.over("a-c", vxlan(), &["a", "c"]);
    lab.overlay_mut(silent).gives = false;
    let written = lab.over("c-a", vxlan(), &["c", "a"]);
    lab.overlay_mut(written).subnets = nets(&["10.7.0.0/30"]);
    check(
        &lab,
        expect![[r#"
        a:eth0 10.64.0.0/31 – a-b:a-b
        b:eth0 10.64.0.1/31 – a-b:a-b
        b:up 10.64.0.2/31 – b-c:b-c
        c:eth0 10.64.0.3/31 – b-c:b-c
        a:eth1 – a-c:a-c
        c:eth1 – a-c:a-c
        c:eth2 10.7.0.1/30 – c-a:c-a
        a:eth2 10.7.0.2/30 – c-a:c-a
    "#]],
    );
}

#[test]
fn ports_are_named_after_who_is_at_the_far_side_and_the_subnet_is_that_of_the_switches() {
    let mut lab = three(&HOSTS);
    for (part, on) in [("sw-h1", "h1"), ("sw-h2", "h2")] {
        lab.switch(part, &["10.9.0.0/24"]);
        lab.on(on, &[part]);
    }
    lab.link("a", "sw-h1");
    lab.link("b", "sw-h2");
    lab.over("sw", vxlan(), &["sw-h1", "sw-h2"]);
    lab.over("c-sw-h1", vxlan(), &["c", "sw-h1"]);
    lab.over("lan", vxlan(), &["a", "b", "c"]);
    check(
        &lab,
        expect![[r#"
        a:eth0 10.9.0.1/24 – sw-h1:a-eth0
        b:eth0 10.9.0.2/24 – sw-h2:b-eth0
        sw-h1:sw-h2-sw-h1 – sw:sw
        sw-h2:sw-h1-sw-h2 – sw:sw
        c:eth0 10.9.0.3/24 – c-sw-h1:c-sw-h1
        sw-h1:c-eth0 – c-sw-h1:c-sw-h1
        a:eth1 10.80.0.1/24 – lan:lan
        b:eth1 10.80.0.2/24 – lan:lan
        c:eth1 10.80.0.3/24 – lan:lan
    "#]],
    );
}

#[test]
fn what_is_in_the_namespace_of_two_machines_does_not_clash() {
    let mut lab = Lab::new();
    lab.hosts(&HOSTS);
    lab.0.pools = None;
    for (node, switch, on) in [("a", "s1", "h1"), ("b", "s2", "h2")] {
        let machine = format!("m-{on}");
        let index = lab.host(&machine);
        lab.0.graph[index].kind = Kind::Host;
        lab.host(node);
        let index = lab.switch(switch, &[]);
        lab.switch_mut(index).in_host = true;
        lab.on(on, &[node, switch, &machine]);
        lab.link(&format!("{machine}:port"), switch);
        lab.link(node, &machine);
    }
    check(
        &lab,
        expect![[r#"
        m-h1:port – s1:lab-m-h1-port
        a:eth0 – m-h1:lab-a-eth0
        m-h2:port – s2:lab-m-h2-port
        b:eth0 – m-h2:lab-b-eth0
    "#]],
    );
}

/// The addresses of all interfaces of nodes that are no switches, by their names.
fn addresses(topology: &Topology, given: &Given) -> IndexMap<(String, String), Vec<IpNet>> {
    let mut all = IndexMap::new();
    for edge in topology.graph.edge_indices() {
        for (side, end) in given.ends[edge.index()].iter().enumerate() {
            let node = topology.end_node(edge, side);
            if node.switch().is_none() && node.overlay().is_none() {
                all.insert((node.name.to_string(), end.interface.clone()), end.addresses.clone());
            }
        }
    }
    for (node, on) in topology.graph.node_weights().zip(&given.loopbacks).filter(|(_, on)| !on.is_empty()) {
        all.insert((node.name.to_string(), "lo".to_owned()), on.clone());
    }
    all.sort_unstable_keys();
    all
}

fn made(topology: &Topology, prior: &Prior) -> (Given, IndexMap<HostId, HostState>) {
    let given = give(topology, prior).expect("a sound lab");
    let desired = lower(topology, &given, &HostFacts::new()).unwrap_or_else(|problems| panic!("{problems:?}"));
    (given, desired)
}

proptest! {
    #![proptest_config(tried(300))]

    #[test]
    fn a_nodes_names_and_addresses_do_not_depend_on_where_it_runs(spread in Spread::any()) {
        let (flat, wide) = spread.build(Routing::Written, &Without::default()).expect("plain links");
        let on_one = give(&flat.0, &Prior::default()).expect("a sound lab");
        let over_all = give(&wide.0, &Prior::default()).expect("a sound lab");
        prop_assert_eq!(addresses(&flat.0, &on_one), addresses(&wide.0, &over_all));
    }

    #[test]
    fn names_and_addresses_stay_when_nodes_move(spread in Spread::any(), moved in any::<u8>()) {
        let (_, before) = spread.build(Routing::Written, &Without::default()).expect("plain links");
        let mut other = spread.clone();
        other.on.iter_mut().for_each(|on| *on = on.wrapping_add(moved));
        let (_, after) = other.build(Routing::Written, &Without::default()).expect("plain links");
        let (given, _) = made(&before.0, &Prior::default());
        let again = give(&after.0, &Prior::from_given(&before.0, &given)).expect("a sound lab");
        prop_assert_eq!(addresses(&before.0, &given), addresses(&after.0, &again));
    }

    #[test]
    fn machines_tell_what_the_file_told(spread in Spread::any(), link in any::<prop::sample::Index>()) {
        let (_, old) = spread.build(Routing::Written, &Without::default()).expect("plain links");
        let (given, states) = made(&old.0, &Prior::default());
        prop_assert_eq!(&give(&old.0, &Prior::from_states(&states)).expect("a sound lab"), &given);
        let links = spread.sketch.links.len();
        let link = (links > 0).then(|| link.index(links));
        let (_, new) = spread.build(Routing::Written, &Without { node: None, link }).expect("plain links");
        let told = give(&new.0, &Prior::from_given(&old.0, &given)).expect("a sound lab");
        let seen = give(&new.0, &Prior::from_states(&states)).expect("a sound lab");
        prop_assert_eq!(addresses(&new.0, &seen), addresses(&new.0, &told));
        let places = places_of(&states);
        for node in old.0.graph.node_weights().filter(|node| node.overlay().is_none()) {
            prop_assert_eq!(places.get(&node.name).map(|host| node.is_on(host)), Some(true));
        }
    }
}

#[test]
fn a_machine_that_nobody_reaches_takes_no_name_or_address_of_the_others_away() {
    let mut lab = three(&HOSTS);
    lab.over("b-c", vxlan(), &["b", "c"]);
    lab.over("lan", vxlan(), &["a", "b", "c"]);
    lab.over("a-b", vxlan(), &["a", "b"]);
    let (given, mut states) = made(&lab.0, &Prior::default());
    states.shift_remove("h3");
    let mut less = three(&HOSTS);
    less.over("lan", vxlan(), &["a", "b", "c"]);
    less.over("a-b", vxlan(), &["a", "b"]);
    let again = give(&less.0, &Prior::from_states(&states)).expect("a sound lab");
    let expected: Expect = expect![[r#"
        b:eth0 10.64.0.0/31 – b-c:b-c
        c:eth0 10.64.0.1/31 – b-c:b-c
        a:eth0 10.80.0.1/24 – lan:lan
        b:eth1 10.80.0.2/24 – lan:lan
        c:eth1 10.80.0.3/24 – lan:lan
        a:eth1 10.64.0.2/31 – a-b:a-b
        b:eth2 10.64.0.3/31 – a-b:a-b

        a:eth0 10.80.0.1/24 – lan:lan
        b:eth1 10.80.0.2/24 – lan:lan
        c:eth0 10.80.0.3/24 – lan:lan
        a:eth1 10.64.0.2/31 – a-b:a-b
        b:eth2 10.64.0.3/31 – a-b:a-b
    "#]];
    expected.assert_eq(&format!("{}\n{}", text(&lab.0, &given), text(&less.0, &again)));
}

#[test]
fn what_a_machine_itself_has_stays_its_own() {
    let lab = |nodes: &[&str]| {
        let mut lab = Lab::new();
        lab.hosts(&HOSTS);
        let machine = lab.host("m");
        lab.0.graph[machine].kind = Kind::Host;
        lab.on("h1", &["m"]);
        for node in nodes {
            lab.host(node);
            lab.on(if *node == "far" { "h2" } else { "h1" }, &[node]);
            let end = format!("m:{node}0");
            match *node {
                "far" => drop(lab.over("far-m", vxlan(), &["far", &end])),
                _ => drop(lab.link(node, &end)),
            }
        }
        lab
    };
    let (old, new) = (lab(&["a", "b", "far"]), lab(&["b", "far"]));
    let (given, states) = made(&old.0, &Prior::default());
    let told = give(&new.0, &Prior::from_given(&old.0, &given)).expect("a sound lab");
    let seen = give(&new.0, &Prior::from_states(&states)).expect("a sound lab");
    assert_eq!(seen, told);
    let expected: Expect = expect![[r#"
        b:eth0 10.64.0.2/31 – m:b0 10.64.0.3/31
        far:eth0 10.64.0.4/31 – far-m:far-m
        m:far0 10.64.0.5/31 – far-m:far-m
    "#]];
    expected.assert_eq(&text(&new.0, &seen));
}
