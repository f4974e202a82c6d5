//! Who reaches whom over several hosts: the same as on one.

use std::collections::BTreeSet;

use expect_test::expect;
use petgraph::graph::NodeIndex;
use proptest::prelude::*;

use super::check;
use crate::expect::expect as expected;
use crate::fixture::{HOSTS, Spread, Without, nets, overlay, three, tried, vxlan};
use crate::given::{Prior, give};
use crate::topology::{Kind, OverlayKind, Routing, Switch, Topology};

#[test]
fn whoever_is_on_an_overlay_reaches_all_that_are_and_what_is_down_nobody() {
    let mut lab = three(&HOSTS);
    lab.over("lan", vxlan(), &["a", "b", "c"]);
    lab.over("many", overlay(OverlayKind::Gre { key: None }), &["a", "b", "c"]);
    check(
        &lab,
        expect![[r#"
        a: b c |
        b: a c |
        c: a b |
    "#]],
    );
    for edge in [1, 4] {
        lab.end(petgraph::graph::EdgeIndex::new(edge), 0).written.down = true;
    }
    check(
        &lab,
        expect![[r#"
        a: c |
        c: a |
    "#]],
    );
}

#[test]
fn several_tunnels_of_open_vswitch_pass_nothing_among_each_other_nor_to_isolated_ports() {
    let mut lab = three(&HOSTS);
    let node = lab.switch("br0", &[]);
    let switch = Switch { in_host: true, gives: true, subnets: nets(&["10.0.0.0/24"]), ..Switch::default() };
    lab.0.graph[node].kind = Kind::Ovs(switch, Box::default());
    lab.on("h1", &["br0"]);
    let edge = lab.link("a", "br0");
    lab.end(edge, 1).port.isolated = Some(true);
    lab.host("d");
    lab.on("h1", &["d"]);
    lab.link("d", "br0");
    lab.over("lan", vxlan(), &["br0", "b", "c"]);
    check(
        &lab,
        expect![[r#"
        a: d | b c
        b: c d | a
        c: b d | a
        d: a b c |
    "#]],
    );
}

#[test]
fn a_machine_itself_is_reached_on_its_links_and_elsewhere_nobody_knows() {
    let mut lab = three(&HOSTS);
    lab.0.routing = Routing::Static;
    let node = lab.host("m");
    lab.0.graph[node].kind = Kind::Host;
    lab.on("h1", &["m"]);
    lab.router("r");
    lab.on("h2", &["r"]);
    lab.over("m-r", vxlan(), &["m:vxlan0", "r"]);
    lab.link("r", "b");
    check(
        &lab,
        expect![[r#"
            b: r |
            m: r |
            r: b m |
        "#]],
    );
}

/// By names: who asks whom in which family, and whether an answer should come.
fn told(topology: &Topology) -> BTreeSet<(String, String, bool, bool)> {
    let given = give(topology, &Prior::default()).expect("a sound lab");
    let name = |node: NodeIndex<u32>| topology.graph[node].name.to_string();
    let pairs = expected(topology, &given);
    pairs.pairs().map(|p| (name(p.from), name(p.to), p.address.is_ipv4(), p.reachable)).collect()
}

proptest! {
    #![proptest_config(tried(300))]

    #[test]
    fn who_reaches_whom_does_not_depend_on_where_it_runs(spread in Spread::any(), is_static in any::<bool>()) {
        let routing = if is_static { Routing::Static } else { Routing::Written };
        let (flat, wide) = spread.build(routing, &Without::default()).expect("plain links");
        prop_assert_eq!(told(&flat.0), told(&wide.0));
    }

    #[test]
    fn nor_does_it_over_every_kind_of_link(spread in Spread::any_with_extras(), is_static in any::<bool>()) {
        let routing = if is_static { Routing::Static } else { Routing::Written };
        let built = spread.build(routing, &Without::default());
        prop_assume!(built.is_some());
        let (flat, wide) = built.expect("it was just looked at");
        prop_assert_eq!(told(&flat.0), told(&wide.0));
    }
}
