//! What the underlay is taken to be, what passes it, and what of it cannot be.

use expect_test::{Expect, expect};
use petgraph::graph::EdgeIndex;

use super::overlays::{check, gre, switch, three};
use super::problems_of;
use crate::fixture::{Lab, facts, overlay, vxlan};
use crate::names::IfName;
use crate::state::HostFacts;
use crate::topology::OverlayKind;

#[test]
fn the_underlay_is_as_written_else_as_ssh_found_it_else_beside_the_others() {
    let mut lab = three();
    lab.0.hosts.values_mut().for_each(|host| host.addresses.clear());
    lab.0.hosts.shift_remove("h3");
    lab.on("local", &["c"]);
    let mut has = facts(&[
        ("h1", 1500, &["198.51.100.1/24", "2001:db8:1::1/64"]),
        ("h2", 1500, &["203.0.113.2/24", "2001:db8::2/64"]),
        ("local", 1500, &["203.0.113.3/24", "2001:db8::3/64"]),
    ]);
    has["h1"].reached = Some("2001:db8:1::1".parse().expect("an address"));
    lab.0.hosts["h2"].device = Some(IfName::new("eth0").expect("a name"));
    lab.over("lan", vxlan(), &["a", "b", "c"]);
    check(
        &lab,
        &has,
        &["device", "FDB"],
        expect![[r#"
        local
          device lab-c/eth0 = vxlan 14544218 port 4789 from 203.0.113.3 no learning 02:eb:9b:56:3f:0e mtu 1450
        h1
          device lab-a/eth0 = vxlan 14544218 port 4789 from 198.51.100.1 no learning 02:2a:be:37:0b:5d mtu 1450
        h2
          device lab-b/eth0 = vxlan 14544218 port 4789 from 203.0.113.2 by eth0 no learning 02:31:4d:31:6e:1e mtu 1450
    "#]],
    );
}

#[test]
fn what_hosts_cannot_agree_on_is_told_once() {
    let mut lab = three();
    lab.0.hosts["h1"].addresses.clear();
    lab.over("a-b", vxlan(), &["a", "b"]);
    lab.over("a-c", vxlan(), &["a", "c"]);
    let tell = |lab: &Lab, expected: Expect| expected.assert_eq(&problems_of(lab, &HostFacts::new()));
    tell(
        &lab,
        expect![[r#"
        E195 hosts.h1: the address by which other hosts reach h1 is not known
          write `underlay: { address: … }` for it, or plan where it can be asked
    "#]],
    );
    lab.0.hosts["h1"].addresses = vec!["2001:db8::1".parse().expect("an address")];
    tell(
        &lab,
        expect![[r#"
        E196 links: its hosts have no address family in common in the underlay: h1 has IPv6, h2 has IPv4
          write `underlay: { address: [ … ] }` with an address of each family for one of them
        E196 links: its hosts have no address family in common in the underlay: h1 has IPv6, h3 has IPv4
          write `underlay: { address: [ … ] }` with an address of each family for one of them
    "#]],
    );
    let mut lab = three();
    let group = Some("ff0e::1".parse().expect("an address"));
    lab.over("lan", overlay(OverlayKind::Vxlan { vni: None, port: None, group, df: None }), &["a", "b", "c"]);
    tell(
        &lab,
        expect![[r#"
            E196 links: its group is IPv6 alone, and not all hosts have that in the underlay: h1 has IPv4, h2 has IPv4, h3 has IPv4
              write `underlay: { address: [ … ] }` with an address of that family for each of them
        "#]],
    );
}

#[test]
fn an_mtu_that_does_not_pass_is_told_with_the_sum() {
    let mut lab = three();
    switch(&mut lab, "sw", "h1", &[]);
    let edge = lab.link("a", "sw");
    lab.end(edge, 0).mtu = Some(1500);
    lab.end(edge, 1).mtu = Some(1500);
    lab.over("sw-b", vxlan(), &["sw", "b"]);
    lab.over("b-c", gre(Some(1)), &["b", "c"]);
    let last = EdgeIndex::new(lab.0.graph.edge_count() - 1);
    lab.end(last, 0).mtu = Some(1473);
    lab.own("b", "eth0.7", crate::fixture::vlan("eth0", 7), &[]).mtu = Some(1450);
    let has = facts(&[("h1", 1500, &[]), ("h2", 1500, &["192.0.2.2/24"]), ("h3", 1500, &[])]);
    expect![[r#"
        E197 links[0]: an MTU of 1500 at a is more than passes to other hosts: 1500 of the NIC of h1 − 50 of VXLAN over IPv4 − 4 of a VLAN tag = 1446
          leave `mtu` out, or write at most that
        E197 links[3]: an MTU of 1473 at c is more than passes to other hosts: 1500 of eth0 on h2 − 28 of gre over IPv4 = 1472
          leave `mtu` out, or write at most that
        E062 nodes.b.interfaces.eth0.7.mtu: b:eth0.7 has an MTU of 1450, above the 1446 of what is beneath it
          leave `mtu` out, or write at most that
    "#]].assert_eq(&problems_of(&lab, &has));
}
