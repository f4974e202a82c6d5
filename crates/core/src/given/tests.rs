//! Who gets which name and address, and that nobody loses one.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{Given, Prior, give};
use crate::fixture::{Lab, Sketch, Without, net, star, tried};
use crate::lower::lower;
use crate::names::HostId;
use crate::resource::Resource;
use crate::state::{HostFacts, HostState};
use crate::topology::{Check, CheckKind, Pool, Pools, Routing, Topology};

mod hosts;
mod kinds;

fn text(topology: &Topology, given: &Given) -> String {
    let mut text = String::new();
    for edge in topology.graph.edge_indices() {
        let end = |side: usize| {
            let end = &given.ends[edge.index()][side];
            let mut kernel =
                if end.kernel.as_str() == end.interface { String::new() } else { format!("({})", end.kernel) };
            kernel += &end.members.iter().map(|member| format!(" [{}]", member.interface)).collect::<String>();
            let addresses: String = end.addresses.iter().map(|a| format!(" {a}")).collect();
            format!("{}:{}{kernel}{addresses}", topology.end_node(edge, side).name, end.interface)
        };
        text += &format!("{} – {}\n", end(0), end(1));
    }
    for (node, own) in topology.graph.node_weights().zip(&given.own) {
        for own in own {
            let addresses: String = own.addresses.iter().map(|a| format!(" {a}")).collect();
            text += &format!("{}:{}{addresses}\n", node.name, own.interface);
        }
    }
    for (node, on) in topology.graph.node_weights().zip(&given.loopbacks).filter(|(_, on)| !on.is_empty()) {
        text += &format!("{} lo{}\n", node.name, on.iter().map(|a| format!(" {a}")).collect::<String>());
    }
    text
}

fn check(lab: &Lab, expected: Expect) {
    let told = match give(&lab.0, &Prior::default()) {
        Ok(given) => text(&lab.0, &given),
        Err(problems) => problems.iter().map(|p| format!("{} {p}\n", p.code)).collect(),
    };
    expected.assert_eq(&told);
}

/// The lab after another, as it comes out when that one runs.
fn check_after(before: &Lab, lab: &Lab, expected: Expect) {
    let was = give(&before.0, &Prior::default()).expect("a sound lab");
    let given = give(&lab.0, &Prior::from_given(&before.0, &was)).expect("a sound lab");
    expected.assert_eq(&text(&lab.0, &given));
}

#[test]
fn interfaces_are_counted_in_file_order_around_the_written_ones() {
    let mut lab = Lab::new();
    lab.0.pools = None;
    lab.host("a");
    lab.host("b");
    lab.link("a", "b");
    lab.link("b:eth0", "a");
    lab.link("a:eth1", "b:wan");
    lab.link("a", "b");
    check(
        &lab,
        expect![[r#"
        a:eth0 – b:eth1
        b:eth0 – a:eth2
        a:eth1 – b:wan
        a:eth3 – b:eth2
    "#]],
    );
}

#[test]
fn ports_are_named_after_who_is_behind_them() {
    let mut lab = Lab::new();
    lab.0.pools = None;
    for node in ["a", "a-rather-long-name"] {
        lab.host(node);
    }
    lab.switch("s1", &[]);
    lab.switch("s2", &[]);
    lab.link("a", "s1");
    lab.link("a-rather-long-name", "s1");
    lab.link("a:up", "s2:down");
    lab.link("s1", "s2");
    lab.link("s1", "s2");
    lab.link("s1:trunk", "s2");
    check(
        &lab,
        expect![[r#"
        a:eth0 – s1:a-eth0
        a-rather-long-name:eth0 – s1:a-rather-long-name-eth0(a-rather-032654)
        a:up – s2:down
        s1:s2-s1 – s2:s1-s2
        s1:s2-s1-2 – s2:s1-s2-2
        s1:trunk – s2:s1-trunk
    "#]],
    );
}

#[test]
fn ports_in_the_namespace_of_the_machine_say_the_lab_too() {
    let mut lab = Lab::new();
    lab.0.pools = None;
    lab.host("a");
    for switch in ["s1", "s2"] {
        let switch = lab.switch(switch, &[]);
        lab.switch_mut(switch).in_host = true;
    }
    lab.link("a", "s1");
    lab.link("a:averylongname", "s1");
    lab.link("s1", "s2");
    check(
        &lab,
        expect![[r#"
        a:eth0 – s1:lab-a-eth0
        a:averylongname – s1:lab-a-averylongname(lab-a-av-504953)
        s1:lab-s2-s1 – s2:lab-s1-s2
    "#]],
    );
}

#[test]
fn names_that_would_be_one_in_a_namespace_are_told_or_told_apart() {
    let mut lab = Lab::new();
    lab.0.pools = None;
    for node in ["a", "a-b", "c"] {
        lab.host(node);
    }
    lab.switch("c-eth0", &[]);
    lab.link("a:b-c", "c-eth0");
    lab.link("a-b:c", "c-eth0");
    lab.link("c", "c-eth0");
    check(
        &lab,
        expect![[r#"
        a:b-c – c-eth0:a-b-c
        a-b:c – c-eth0:a-b-c-2
        c:eth0 – c-eth0:c-eth0-2
    "#]],
    );
    for switch in ["s1", "s2"] {
        let switch = lab.switch(switch, &[]);
        lab.switch_mut(switch).in_host = true;
    }
    lab.link("a", "s1:port");
    lab.link("a", "s2:port");
    lab.link("c", "s1:s2");
    check(
        &lab,
        expect![[r#"
        E050 s2 has an interface port already
        E050 s1 has an interface s2 already
    "#]],
    );
}

#[test]
fn two_long_names_with_one_short_form_get_two() {
    let mut lab = Lab::new();
    lab.0.pools = None;
    lab.switch("hub", &[]);
    // Found by search: the hashes of these two agree in their last 24 bits.
    for name in ["server-117436", "server-128500"] {
        lab.host(name);
        lab.link(name, "hub");
    }
    let given = give(&lab.0, &Prior::default()).expect("a sound lab");
    let [a, b] = [0, 1].map(|link| given.ends[link][1].kernel);
    assert_ne!(a, b);
}

#[test]
fn a_switch_gives_by_number_then_the_first_free_and_the_last_to_a_router() {
    let mut lab = Lab::new();
    for node in ["x", "node2", "node07", "other2", "node0", "node999", "gw9", "gw10"] {
        if node.starts_with("gw") {
            lab.router(node)
        } else {
            lab.host(node)
        };
    }
    lab.switch("lan", &["10.0.0.0/24"]);
    for node in ["x", "node2", "node07", "other2", "node0", "node999", "gw9", "gw10"] {
        lab.link(node, "lan");
    }
    lab.host("written");
    lab.wire(("written", "10.0.0.1/24"), ("lan", ""));
    check(
        &lab,
        expect![[r#"
        x:eth0 10.0.0.3/24 – lan:x-eth0
        node2:eth0 10.0.0.2/24 – lan:node2-eth0
        node07:eth0 10.0.0.7/24 – lan:node07-eth0
        other2:eth0 10.0.0.4/24 – lan:other2-eth0
        node0:eth0 10.0.0.5/24 – lan:node0-eth0
        node999:eth0 10.0.0.6/24 – lan:node999-eth0
        gw9:eth0 10.0.0.254/24 – lan:gw9-eth0
        gw10:eth0 10.0.0.10/24 – lan:gw10-eth0
        written:eth0 10.0.0.1/24 – lan:written-eth0
    "#]],
    );
}

#[test]
fn pools_leave_out_what_is_written() {
    let mut lab = Lab::dual();
    for node in ["r1", "r2", "r3", "ra"] {
        lab.router(node);
    }
    lab.link("r1", "r2");
    lab.wire(("r2", "10.1.0.4/24"), ("r3", "10.1.0.5/24"));
    let edge = lab.link("r3", "r1");
    lab.0.graph[edge].subnets.push(net("192.0.2.0/29"));
    let none = lab.link("ra", "r1");
    lab.0.graph[none].gives = false;
    let r2 = lab.0.node("r2").expect("r2");
    lab.0.graph[r2].loopbacks.push(net("10.255.0.1/32"));
    check(
        &lab,
        expect![[r#"
        r1:eth0 10.1.1.0/31 fd00:1::/127 – r2:eth0 10.1.1.1/31 fd00:1::1/127
        r2:eth1 10.1.0.4/24 fd00:1::2/127 – r3:eth0 10.1.0.5/24 fd00:1::3/127
        r3:eth1 192.0.2.3/29 fd00:1::4/127 – r1:eth1 192.0.2.1/29 fd00:1::5/127
        ra:eth0 – r1:eth2
        r1 lo 10.255.0.2/32 fd00:ff::1/128
        r2 lo 10.255.0.1/32 fd00:ff::2/128
        r3 lo 10.255.0.3/32 fd00:ff::3/128
        ra lo 10.255.0.4/32 fd00:ff::4/128
    "#]],
    );
}

#[test]
fn switches_that_are_joined_give_out_of_one_subnet_as_large_as_it_takes() {
    let mut lab = Lab::new();
    lab.switch("s1", &[]);
    lab.switch("s2", &[]);
    lab.link("s1", "s2");
    for n in 1..=254 {
        lab.host(&format!("a{n}"));
        lab.link(&format!("a{n}"), if n % 2 == 0 { "s1" } else { "s2" });
    }
    lab.switch("small", &[]);
    lab.host("b");
    lab.link("b", "small");
    let of = |lab: &Lab| give(&lab.0, &Prior::default()).expect("a sound lab");
    let given = of(&lab);
    let last = |given: &Given| given.ends.iter().flatten().flat_map(|e| &e.addresses).last().map(ToString::to_string);
    assert_eq!(given.ends[254][0].addresses, [net("10.80.0.254/24")]);
    assert_eq!(last(&given).as_deref(), Some("10.80.1.1/24"));
    lab.host("one-more");
    lab.link("one-more", "s1");
    assert_eq!(last(&of(&lab)).as_deref(), Some("10.80.0.255/23"));
}

#[test]
fn pools_and_subnets_that_are_too_small_are_told_once() {
    let mut lab = Lab::new();
    lab.0.pools = Some(Pools {
        p2p: Pool { ipv4: Some("10.0.0.0/31".parse().expect("a pool")), ipv6: None },
        loopback: Pool { ipv4: Some("10.9.0.0/30".parse().expect("a pool")), ipv6: None },
        ..Pools::default()
    });
    for node in ["a", "b", "c", "d"] {
        lab.router(node);
    }
    for (a, b) in [("a", "b"), ("b", "c"), ("c", "d")] {
        lab.link(a, b);
    }
    lab.switch("lan", &["192.0.2.0/30"]);
    for node in ["a", "b", "c", "d"] {
        lab.link(node, "lan");
    }
    check(
        &lab,
        expect![[r#"
        E051 the loopback pool 10.9.0.0/30 has no address left for c
        E051 the IPv4 pool 10.0.0.0/31 of links has no /31 left for b – c
        E052 subnet 192.0.2.0/30 of lan is full: 2 endpoints are left without an address
    "#]],
    );
}

#[test]
fn a_check_of_a_node_without_an_address_is_told() {
    let mut lab = Lab::new();
    lab.0.pools = None;
    let nodes = ["a", "b", "c"].map(|node| lab.host(node));
    lab.wire(("a", "192.0.2.1/24"), ("b", "fd00::1/64"));
    let at = lab.0.graph[nodes[0]].at.clone();
    let ask = |nodes: &[_]| Check { kind: CheckKind::Reachable(nodes.to_vec()), at: at.clone() };
    lab.0.checks = vec![ask(&nodes), ask(&nodes[..2])];
    check(
        &lab,
        expect![[r#"
        E053 c has no address to be reached by
        E053 a has only IPv4 and b only IPv6
    "#]],
    );
}

#[test]
fn what_runs_keeps_its_names_and_addresses() {
    let mut before = Lab::new();
    for node in ["a", "b", "c"] {
        before.host(node);
    }
    for (a, b) in [("a", "b"), ("a", "c"), ("b", "c")] {
        before.link(a, b);
    }
    let mut lab = Lab::new();
    for node in ["new", "a", "b", "c"] {
        lab.host(node);
    }
    // The link from a to b is gone, and two more stand before those that stay.
    for (a, b) in [("new", "a"), ("c", "new"), ("c", "b"), ("a", "c")] {
        lab.link(a, b);
    }
    check_after(
        &before,
        &lab,
        expect![[r#"
        new:eth0 10.64.0.0/31 – a:eth0 10.64.0.1/31
        c:eth2 10.64.0.6/31 – new:eth1 10.64.0.7/31
        c:eth1 10.64.0.5/31 – b:eth1 10.64.0.4/31
        a:eth1 10.64.0.2/31 – c:eth0 10.64.0.3/31
    "#]],
    );
}

#[test]
fn a_node_on_a_switch_that_was_renamed_keeps_its_address() {
    let mut before = star(3);
    let hub = before.0.node("lqb").expect("the hub");
    before.switch_mut(hub).subnets.clear();
    let mut lab = before.clone();
    lab.0.graph[hub].name = crate::names::NodeName::new("renamed").expect("a name");
    let name = |lab: &Lab| text(&lab.0, &give(&lab.0, &Prior::default()).expect("a sound lab"));
    let was = give(&before.0, &Prior::default()).expect("a sound lab");
    let mut prior = Prior::from_given(&before.0, &was);
    for (_, end) in &mut prior.interfaces {
        end.addresses = end.addresses.iter().map(|a| net(&a.to_string().replace("10.80.0.", "10.80.7.1"))).collect();
    }
    let now = text(&lab.0, &give(&lab.0, &prior).expect("a sound lab"));
    assert_eq!(now, name(&lab).replace("10.80.0.", "10.80.7.1"));
}

#[test]
fn an_interface_that_was_renamed_by_hand_gets_its_name_back() {
    let mut lab = Lab::new();
    lab.host("a");
    lab.host("b");
    lab.link("a", "b");
    let (given, state) = made(&lab.0, &Prior::default());
    let mut prior = Prior::from_state(&state);
    let [was, is] = ["eth0", "foo"].map(|i| (crate::names::NodeName::new("a").expect("a name"), i.to_owned()));
    let end = prior.interfaces.shift_remove(&was).expect("the end");
    prior.interfaces.insert(is.clone(), end);
    prior.interfaces.values_mut().flat_map(|e| &mut e.peer).filter(|p| **p == was).for_each(|p| *p = is.clone());
    assert_eq!(give(&lab.0, &prior).expect("a sound lab"), given);
}

fn made(topology: &Topology, prior: &Prior) -> (Given, HostState) {
    let given = give(topology, prior).expect("a sound lab");
    let mut desired = lower(topology, &given, &HostFacts::default()).expect("a sound lab");
    (given, desired.swap_remove(&HostId::local()).expect("the one host"))
}

/// What of a state says who has which name and address: routes may change with the graph, settings with the families in use.
fn identities(state: &HostState) -> impl Iterator<Item = &Resource> {
    state.iter().map(|(_, r)| r).filter(|r| !matches!(r, Resource::Route(_) | Resource::Sysctl(_)))
}

/// What of the part is otherwise in the whole.
fn moved(part: &HostState, whole: &HostState) -> Vec<Resource> {
    identities(part).filter(|r| whole.get(&r.key()) != Some(r)).cloned().collect()
}

/// A sketch and what to leave out of it: not a switch or what joins two, for that changes who shares a subnet.
fn change() -> impl Strategy<Value = (Sketch, Without)> {
    let sketch = Sketch::any();
    (sketch, any::<prop::sample::Index>()).prop_filter_map("a change that moves nobody", |(sketch, index)| {
        let nodes = sketch.names().into_iter().filter(|n| !n.starts_with('s'));
        let links = (0..sketch.links.len()).filter(|&l| sketch.joined(l).iter().any(|n| !n.starts_with('s')));
        let nodes = nodes.map(|node| Without { node: Some(node), link: None });
        let mut all: Vec<Without> = nodes.chain(links.map(|link| Without { node: None, link: Some(link) })).collect();
        (!all.is_empty()).then(|| all.swap_remove(index.index(all.len()))).map(|without| (sketch, without))
    })
}

proptest! {
    #![proptest_config(tried(500))]

    #[test]
    fn adding_or_removing_moves_nobody_else((sketch, without) in change()) {
        let whole = sketch.build(Routing::Written, &Without::default()).0;
        let part = sketch.build(Routing::Written, &without).0;
        for (old, new) in [(&whole, &part), (&part, &whole)] {
            let (given, before) = made(old, &Prior::default());
            let (_, after) = made(new, &Prior::from_given(old, &given));
            let (least, most) = if before.len() < after.len() { (&before, &after) } else { (&after, &before) };
            prop_assert_eq!(moved(least, most), vec![]);
        }
    }

    #[test]
    fn what_was_given_out_is_given_out_again(
        sketch in Sketch::any(), left_out in any::<[prop::sample::Index; 3]>(), is_static in any::<bool>(),
    ) {
        let routing = if is_static { Routing::Static } else { Routing::Written };
        let mut prior = Prior::default();
        for link in left_out {
            let link = (!sketch.links.is_empty()).then(|| link.index(sketch.links.len()));
            let lab = sketch.build(routing, &Without { node: None, link }).0;
            let given = give(&lab, &prior).expect("a sound lab");
            prior = Prior::from_given(&lab, &given);
            prop_assert_eq!(&give(&lab, &prior).expect("a sound lab"), &given);
        }
    }

    #[test]
    fn a_machine_tells_what_the_old_file_tells((sketch, without) in change()) {
        let old = sketch.build(Routing::Written, &Without::default()).0;
        let new = sketch.build(Routing::Written, &without).0;
        let (given, state) = made(&old, &Prior::default());
        prop_assert_eq!(&give(&old, &Prior::from_given(&old, &given)).expect("a sound lab"), &given);
        let told = give(&new, &Prior::from_given(&old, &given)).expect("a sound lab");
        prop_assert_eq!(give(&new, &Prior::from_state(&state)).expect("a sound lab"), told);
    }
}
