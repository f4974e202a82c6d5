//! Names and addresses over VLANs, bonds, sub-interfaces and NICs of the machine.

use expect_test::expect;
use proptest::prelude::*;

use super::{check, check_after, made};
use crate::fixture::{Lab, Sketch, Without, tried, vlan};
use crate::given::{Prior, give};
use crate::resource::{BondMode, IpvlanMode, MacvlanMode};
use crate::topology::{BondWritten, LinkKind, OwnKind, Routing};

const BACKUP: BondWritten = BondWritten { mode: BondMode::ActiveBackup, miimon: 100 };

fn bonded(lab: &mut Lab, a: &str, b: &str) {
    let edge = lab.link(a, b);
    lab.0.graph[edge].kind = LinkKind::Bond { links: 2, bond: BACKUP };
}

/// Two nodes in each of two VLANs of a switch, and a router in both over a trunk.
fn on_a_stick(subnets: &[&str]) -> Lab {
    let mut lab = Lab::new();
    lab.switch("sw", subnets);
    for node in ["a1", "a2", "b1", "b2"] {
        lab.host(node);
        lab.access(node, "sw", if node.starts_with('a') { 10 } else { 20 });
    }
    lab.router("gw");
    lab.trunk("gw:eth0", "sw", &[(10, 20)], None);
    lab.own("gw", "eth0.10", vlan("eth0", 10), &[]);
    lab.own("gw", "eth0.20", vlan("eth0", 20), &[]);
    lab
}

#[test]
fn a_subnet_of_a_switch_is_that_of_all_its_vlans_and_no_address_is_given_twice() {
    check(
        &on_a_stick(&["10.0.0.0/24"]),
        expect![[r#"
        a1:eth0 10.0.0.1/24 – sw:a1-eth0
        a2:eth0 10.0.0.2/24 – sw:a2-eth0
        b1:eth0 10.0.0.3/24 – sw:b1-eth0
        b2:eth0 10.0.0.4/24 – sw:b2-eth0
        gw:eth0 – sw:gw-eth0
        gw:eth0.10 10.0.0.254/24
        gw:eth0.20 10.0.0.5/24
    "#]],
    );
}

#[test]
fn without_a_subnet_each_vlan_gets_one_of_the_pool() {
    check(
        &on_a_stick(&[]),
        expect![[r#"
        a1:eth0 10.80.0.1/24 – sw:a1-eth0
        a2:eth0 10.80.0.2/24 – sw:a2-eth0
        b1:eth0 10.80.1.1/24 – sw:b1-eth0
        b2:eth0 10.80.1.2/24 – sw:b2-eth0
        gw:eth0 – sw:gw-eth0
        gw:eth0.10 10.80.0.254/24
        gw:eth0.20 10.80.1.254/24
    "#]],
    );
}

#[test]
fn a_vlan_passes_between_switches_where_both_ports_take_it() {
    let mut lab = Lab::new();
    for switch in ["s1", "s2", "plain"] {
        lab.switch(switch, &[]);
    }
    let edge = lab.trunk("s1", "s2", &[(10, 30)], Some(1));
    lab.end(edge, 1).port.trunk = Some(crate::topology::Trunk::Ranges(vec![(10, 10)]));
    let edge = lab.trunk("s2", "plain", &[(10, 10)], None);
    lab.end(edge, 1).port.trunk = None;
    for (node, switch, vid) in [("a", "s1", 10), ("b", "s2", 10), ("c", "s1", 20), ("d", "s2", 20), ("e", "s1", 1)] {
        lab.host(node);
        lab.access(node, switch, vid);
    }
    // Behind a switch that does not filter, the tag is still there.
    lab.host("f");
    lab.link("f:eth0", "plain");
    lab.own("f", "eth0.10", vlan("eth0", 10), &[]);
    lab.host("g");
    lab.link("g", "s2");
    check(
        &lab,
        expect![[r#"
            s1:s2-s1 – s2:s1-s2
            s2:plain-s2 – plain:s2-plain
            a:eth0 10.80.1.1/24 – s1:a-eth0
            b:eth0 10.80.1.2/24 – s2:b-eth0
            c:eth0 10.80.2.1/24 – s1:c-eth0
            d:eth0 10.80.3.1/24 – s2:d-eth0
            e:eth0 10.80.0.1/24 – s1:e-eth0
            f:eth0 10.80.4.1/24 – plain:f-eth0
            g:eth0 10.80.0.2/24 – s2:g-eth0
            f:eth0.10 10.80.1.3/24
        "#]],
    );
}

#[test]
fn a_bonded_link_takes_the_names_of_its_pairs_and_others_keep_clear_of_them() {
    let mut lab = Lab::new();
    lab.0.pools = None;
    lab.switch("s1", &[]);
    lab.switch("s2", &[]);
    lab.host("a");
    bonded(&mut lab, "s1", "s2");
    lab.link("s1", "s2");
    bonded(&mut lab, "a:a-bond-of-long-name", "s1");
    check(
        &lab,
        expect![[r#"
        s1:s2-s1 [s2-s1-1] [s2-s1-2] – s2:s1-s2 [s1-s2-1] [s1-s2-2]
        s1:s2-s1-3 – s2:s1-s2-3
        a:a-bond-of-long-name(a-bond-o-11c059) [a-bond-of-long-name-1] [a-bond-of-long-name-2] – s1:a-a-bond-of-long-name(a-a-bond-ef3713) [a-a-bond-of-long-name-1] [a-a-bond-of-long-name-2]
    "#]],
    );
    lab.link("a:a-bond-of-long-name-2", "s2");
    check(
        &lab,
        expect![[r#"
        E050 a has an interface a-bond-of-long-name-2 already
    "#]],
    );
}

#[test]
fn a_bond_is_where_its_members_are_and_they_have_no_addresses() {
    let mut lab = Lab::new();
    for node in ["a", "b"] {
        lab.host(node);
        let members = vec!["eth0".to_owned(), "eth1".to_owned()];
        lab.own(node, "bond0", OwnKind::Bond { members, bond: BACKUP }, &[]);
    }
    lab.switch("lan", &[]);
    lab.host("c");
    for _ in 0..2 {
        lab.link("a", "b");
    }
    lab.link("a", "lan");
    lab.link("c", "lan");
    check(
        &lab,
        expect![[r#"
        a:eth0 – b:eth0
        a:eth1 – b:eth1
        a:eth2 10.80.0.1/24 – lan:a-eth2
        c:eth0 10.80.0.2/24 – lan:c-eth0
        a:bond0 10.64.0.0/31
        b:bond0 10.64.0.1/31
    "#]],
    );
}

#[test]
fn children_share_their_parents_subnet_and_nothing_is_given_out_behind_a_nic() {
    let mut lab = Lab::new();
    lab.host("a");
    lab.switch("lan", &["10.0.0.0/24"]);
    lab.link("a:eth0", "lan");
    let on = |mode| OwnKind::Ipvlan { parent: "eth0".into(), mode };
    lab.own("a", "child", on(IpvlanMode::L2), &[]);
    lab.own("a", "apart", on(IpvlanMode::L3), &[]);
    lab.own("a", "d0", OwnKind::Dummy, &["192.0.2.1/32"]);
    lab.nic("eth1");
    for (node, address) in [("b1", ""), ("b2", "172.17.9.9/16")] {
        lab.host(node);
        lab.on_nic(node, "eth1", LinkKind::Macvlan(MacvlanMode::Bridge), address);
    }
    check(
        &lab,
        expect![[r#"
            a:eth0 10.0.0.1/24 – lan:a-eth0
            b1:eth0 – nic-eth1:eth1
            b2:eth0 172.17.9.9/16 – nic-eth1:eth1
            a:child 10.0.0.2/24
            a:apart
            a:d0 192.0.2.1/32
        "#]],
    );
}

#[test]
fn who_gets_which_address_does_not_depend_on_what_is_down() {
    let mut lab = on_a_stick(&[]);
    let text = |lab: &Lab| super::text(&lab.0, &give(&lab.0, &Prior::default()).expect("a sound lab"));
    let up = text(&lab);
    for edge in lab.0.graph.edge_indices() {
        lab.end(edge, 1).written.down = true;
    }
    assert_eq!(text(&lab), up);
}

#[test]
fn what_runs_keeps_the_addresses_of_its_own_interfaces_and_its_names_on_nics() {
    let mut before = on_a_stick(&["10.0.0.0/24"]);
    before.nic("eth1");
    before.on_nic("a2", "eth1", LinkKind::Macvlan(MacvlanMode::Bridge), "172.17.0.2/24");
    let mut lab = Lab::new();
    lab.switch("sw", &["10.0.0.0/24"]);
    lab.router("aaa-new");
    lab.access("aaa-new", "sw", 20);
    lab.router("gw");
    lab.trunk("gw:eth0", "sw", &[(10, 20)], None);
    lab.own("gw", "eth0.30", vlan("eth0", 30), &[]);
    lab.own("gw", "eth0.20", vlan("eth0", 20), &[]);
    lab.nic("eth1");
    lab.host("a2");
    lab.on_nic("a2", "eth1", LinkKind::Macvlan(MacvlanMode::Bridge), "172.17.0.3/24");
    check_after(
        &before,
        &lab,
        expect![[r#"
        aaa-new:eth0 10.0.0.254/24 – sw:aaa-new-eth0
        gw:eth0 – sw:gw-eth0
        a2:eth1 172.17.0.3/24 – nic-eth1:eth1
        gw:eth0.30
        gw:eth0.20 10.0.0.5/24
    "#]],
    );
}

proptest! {
    #![proptest_config(tried(500))]

    #[test]
    fn whatever_runs_keeps_all_of_its_names_and_addresses(sketch in Sketch::any_with_extras()) {
        let lab = sketch.build(Routing::Written, &Without::default()).0;
        let (given, state) = made(&lab, &Prior::default());
        prop_assert_eq!(&give(&lab, &Prior::from_given(&lab, &given)).expect("a sound lab"), &given);
        prop_assert_eq!(&give(&lab, &Prior::from_state(&state)).expect("a sound lab"), &given);
    }
}
