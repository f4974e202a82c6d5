//! What the underlay is taken to be, what passes it, and what of it cannot be.

use expect_test::{Expect, expect};
use petgraph::graph::EdgeIndex;

use super::overlays::{check, gre, switch, three};
use super::problems_of;
use crate::fixture::{Lab, facts, nic, overlay, vxlan};
use crate::names::IfName;
use crate::state::{HostFacts, Nic};
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
        E196 links: the hosts that a-b joins have no address family in common in the underlay: h1 has IPv6, h2 has IPv4
          write `underlay: { address: [ … ] }` with an address of each family for one of them
        E196 links: the hosts that a-c joins have no address family in common in the underlay: h1 has IPv6, h3 has IPv4
          write `underlay: { address: [ … ] }` with an address of each family for one of them
    "#]],
    );
    let mut lab = three();
    let group = Some("ff0e::1".parse().expect("an address"));
    lab.over("lan", overlay(OverlayKind::Vxlan { vni: None, port: None, group, df: None }), &["a", "b", "c"]);
    tell(
        &lab,
        expect![[r#"
            E196 links: lan: its group is IPv6 alone, and not all of its hosts have that in the underlay: h1 has IPv4, h2 has IPv4, h3 has IPv4
              write `underlay: { address: [ … ] }` with an address of that family for each of them
        "#]],
    );
}

/// Fails the test unless there is no problem on any of the three hosts.
fn is_sound(lab: &Lab, facts: &HostFacts) {
    check(
        lab,
        facts,
        &[],
        expect![[r#"
        h1
        h2
        h3
    "#]],
    );
}

#[test]
fn an_underlay_that_is_not_as_written_is_told_with_what_there_is() {
    let mut lab = three();
    lab.over("lan", vxlan(), &["a", "b", "c"]);
    let name = |text| IfName::new(text).expect("a name");
    let addresses = |text: &str| text.split(' ').map(|a| a.parse().expect("an address")).collect();
    lab.0.hosts["h1"].addresses = addresses("192.0.2.9 2001:db8::1");
    lab.0.hosts["h2"].device = Some(name("eht0"));
    let mut has = facts(&[
        ("h1", 1500, &["192.0.2.1/24", "198.51.100.1/24", "2001:db8::1/64"]),
        ("h2", 1500, &["2001:db8::2/64"]),
        ("h3", 1500, &["198.51.100.3/24"]),
    ]);
    // An address of the host itself is as good as one of a NIC.
    has["h3"].own = addresses("192.0.2.3");
    lab.0.hosts["h3"].device = Some(name("eth0"));
    has["h3"].nics.get_mut(&name("eth0")).expect("its NIC").up = false;
    expect![[r#"
        E195 hosts.h2.underlay.device: h2 has no NIC eht0 to reach other hosts by
          did you mean `eth0`?
        E195 hosts.h1.underlay.address[0]: h1 has no address 192.0.2.9 for other hosts to reach it by
          write one that it has: 192.0.2.1 on eth0, 198.51.100.1 on eth0
        E195 hosts.h2.underlay.address: h2 has no address 192.0.2.2 for other hosts to reach it by
          write one that it has: 2001:db8::2 on eth0
        E195 hosts.h3.underlay.device: eth0 of h3 is down: nothing passes to other hosts by it
          take it up there, `ip link set eth0 up`, or write another underlay for h3
    "#]]
    .assert_eq(&problems_of(&lab, &has));
    // A NIC that an address leads to is told where that is written, and one that was found is told of the host.
    lab.0.hosts["h1"].addresses.remove(0);
    lab.0.hosts["h2"].device = None;
    lab.0.hosts["h2"].addresses = addresses("2001:db8::2");
    lab.0.hosts["h3"].device = None;
    lab.0.hosts["h3"].addresses.clear();
    has["h3"].reached = Some("2001:db8::3".parse().expect("an address"));
    has["h3"].nics.insert(name("eth1"), nic(1500, &["2001:db8::3/64"]));
    for host in has.values_mut() {
        host.nics.values_mut().for_each(|nic| nic.up = false);
    }
    expect![[r#"
        E195 hosts.h1.underlay.address: eth0 of h1 is down: nothing passes to other hosts by it
          take it up there, `ip link set eth0 up`, or write another underlay for h1
        E195 hosts.h2.underlay.address: eth0 of h2 is down: nothing passes to other hosts by it
          take it up there, `ip link set eth0 up`, or write another underlay for h2
        E195 hosts.h3: eth1 of h3 is down: nothing passes to other hosts by it
          take it up there, `ip link set eth1 up`, or write another underlay for h3
    "#]]
    .assert_eq(&problems_of(&lab, &has));
    // Of what nobody looked at nothing is known to be wrong.
    for facts in has.values_mut() {
        facts.nics.values_mut().for_each(|nic| *nic = Nic { up: true, addresses: Vec::new(), ..nic.clone() });
        facts.own.clear();
    }
    is_sound(&lab, &has);
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

#[test]
fn over_ipv6_devices_on_one_port_of_a_host_are_alike_in_their_checksums() {
    let mut lab = three();
    for (n, host) in (1..).zip(lab.0.hosts.values_mut()) {
        host.addresses = vec![std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n).into()];
    }
    for (over, ends) in [("a-b", ["a", "b"]), ("b-c", ["b", "c"]), ("a-c", ["a", "c"])] {
        lab.over(over, vxlan(), &ends);
    }
    let without = |lab: &mut Lab, name: &str| {
        let node = lab.0.node(name).expect("it is there");
        lab.overlay_mut(node).written.checksum = Some(false);
        node
    };
    without(&mut lab, "b-c");
    let told = |lab: &Lab| problems_of(lab, &HostFacts::new());
    expect![[r#"
        E198 links.udp-checksum: `b-c` is without UDP checksums and `a-b` (links) with them: over IPv6 VXLAN devices share port 4789 of h2 only if they agree
          write `udp-checksum: false` for both or for none, or another `port:` for one of them
    "#]].assert_eq(&told(&lab));
    // Over IPv4 it means something for what is sent alone.
    let mut v4 = lab.clone();
    for (n, host) in (1..).zip(v4.0.hosts.values_mut()) {
        host.addresses.push(std::net::Ipv4Addr::new(192, 0, 2, n).into());
    }
    is_sound(&v4, &HostFacts::new());
    let node = without(&mut lab, "a-b");
    without(&mut lab, "a-c");
    is_sound(&lab, &HostFacts::new());
    // One at another port is by itself.
    let written = &mut lab.overlay_mut(node).written;
    (written.kind, written.checksum) =
        (OverlayKind::Vxlan { vni: None, port: Some(8472), group: None, df: None }, None);
    is_sound(&lab, &HostFacts::new());
}

#[test]
fn an_underlay_that_leaves_too_little_for_ipv6_is_told() {
    let mut lab = three();
    switch(&mut lab, "sw", "h1", &[]);
    let sw = lab.0.node("sw").expect("it is there");
    lab.switch_mut(sw).addresses = crate::fixture::nets(&["2001:db8:1::1/64"]);
    lab.over("sw-b", vxlan(), &["sw", "b"]);
    lab.over("b-c", gre(Some(1)), &["b", "c"]);
    for (edge, address) in [(1, "2001:db8:1::2/64"), (2, "2001:db8:2::2/64"), (3, "10.0.0.1/24")] {
        lab.end(EdgeIndex::new(edge), 0).addresses = crate::fixture::nets(&[address]);
    }
    let has = facts(&[("h1", 1320, &[]), ("h2", 1300, &["192.0.2.2/24"]), ("h3", 1500, &[])]);
    expect![[r#"
        E061 nodes.sw: sw has an IPv6 address but a port with an MTU of 1250, below 1280
          raise `mtu` on its links, or leave IPv6 off it
        E061 links[0]: b:eth0 has an IPv6 address but an MTU of 1250, below 1280
          give the underlay a larger MTU, or leave IPv6 off this link
        E061 links[2]: b:eth1 has an IPv6 address but an MTU of 1272, below 1280
          give the underlay a larger MTU, or leave IPv6 off this link
    "#]]
    .assert_eq(&problems_of(&lab, &has));
}
