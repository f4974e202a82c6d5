//! What links between hosts become.

use expect_test::{Expect, expect};
use petgraph::graph::EdgeIndex;
use petgraph::visit::EdgeRef;

use crate::fixture::{Lab, facts, lines, nets, overlay, vxlan};
use crate::given::{Prior, give};
use crate::lower::{lower, origins};
use crate::names::HostId;
use crate::resource::{Datapath, Df, Key};
use crate::state::HostFacts;
use crate::topology::{Kind, OverlayKind, OvsWritten, Switch, Trunk};

/// The lines of each host in which one of these stands.
pub(super) fn check(lab: &Lab, facts: &HostFacts, parts: &[&str], expected: Expect) {
    let given = give(&lab.0, &Prior::default()).expect("a sound lab");
    let desired = lower(&lab.0, &given, facts).expect("a sound lab");
    let mut text = String::new();
    for (host, state) in &desired {
        text += &format!("{host}\n");
        for line in lines(state).lines().filter(|line| parts.iter().any(|part| line.contains(part))) {
            text += &format!("  {line}\n");
        }
    }
    expected.assert_eq(&text);
}

/// Three hosts, and a node on each.
pub(super) fn three() -> Lab {
    crate::fixture::three(&[("h1", &["192.0.2.1"]), ("h2", &["192.0.2.2"]), ("h3", &["192.0.2.3"])])
}

/// A switch on a host.
pub(super) fn switch(lab: &mut Lab, name: &str, on: &str, subnets: &[&str]) {
    lab.switch(name, subnets);
    lab.on(on, &[name]);
}

/// A switch of Open vSwitch on a host.
fn ovs(lab: &mut Lab, name: &str, on: &str, datapath: Datapath) {
    let node = lab.switch(name, &["10.0.0.0/24"]);
    let switch = Switch { in_host: true, gives: true, subnets: nets(&["10.0.0.0/24"]), ..Switch::default() };
    let written = OvsWritten { datapath: Some(datapath), ..OvsWritten::default() };
    lab.0.graph[node].kind = Kind::Ovs(switch, Box::new(written));
    lab.on(on, &[name]);
}

fn gretap(key: Option<u32>) -> crate::topology::OverlayWritten {
    overlay(OverlayKind::Gretap { key })
}

pub(super) fn gre(key: Option<u32>) -> crate::topology::OverlayWritten {
    overlay(OverlayKind::Gre { key })
}

#[test]
fn a_link_between_two_hosts_is_a_vxlan_device_at_either_end() {
    let mut lab = three();
    lab.over("a-b", vxlan(), &["a", "b:up"]);
    check(
        &lab,
        &HostFacts::new(),
        &["eth0", "up lab-b/up", "/up"],
        expect![[r#"
            h1
              device lab-a/eth0 = vxlan 485233 port 4789 from 192.0.2.1 to 192.0.2.2 no learning 02:2a:be:37:0b:5d mtu 1450
              up lab-a/eth0
              address 10.64.0.0/31 on lab-a/eth0
            h2
              device lab-b/up = vxlan 485233 port 4789 from 192.0.2.2 to 192.0.2.1 no learning 02:47:d0:5c:8b:dd mtu 1450
              up lab-b/up
              address 10.64.0.1/31 on lab-b/up
            h3
        "#]],
    );
}

#[test]
fn three_hosts_each_send_to_the_two_others_and_know_every_address() {
    let mut lab = three();
    lab.over("lan", vxlan(), &["a", "b", "c"]);
    check(
        &lab,
        &HostFacts::new(),
        &["eth0"],
        expect![[r#"
        h1
          device lab-a/eth0 = vxlan 14544218 port 4789 from 192.0.2.1 no learning 02:2a:be:37:0b:5d mtu 1450
          up lab-a/eth0
          address 10.80.0.1/24 on lab-a/eth0
          00:00:00:00:00:00 behind 192.0.2.2 on lab-a/eth0
          00:00:00:00:00:00 behind 192.0.2.3 on lab-a/eth0
          02:31:4d:31:6e:1e behind 192.0.2.2 on lab-a/eth0
          02:eb:9b:56:3f:0e behind 192.0.2.3 on lab-a/eth0
        h2
          device lab-b/eth0 = vxlan 14544218 port 4789 from 192.0.2.2 no learning 02:31:4d:31:6e:1e mtu 1450
          up lab-b/eth0
          address 10.80.0.2/24 on lab-b/eth0
          00:00:00:00:00:00 behind 192.0.2.1 on lab-b/eth0
          00:00:00:00:00:00 behind 192.0.2.3 on lab-b/eth0
          02:2a:be:37:0b:5d behind 192.0.2.1 on lab-b/eth0
          02:eb:9b:56:3f:0e behind 192.0.2.3 on lab-b/eth0
        h3
          device lab-c/eth0 = vxlan 14544218 port 4789 from 192.0.2.3 no learning 02:eb:9b:56:3f:0e mtu 1450
          up lab-c/eth0
          address 10.80.0.3/24 on lab-c/eth0
          00:00:00:00:00:00 behind 192.0.2.1 on lab-c/eth0
          00:00:00:00:00:00 behind 192.0.2.2 on lab-c/eth0
          02:2a:be:37:0b:5d behind 192.0.2.1 on lab-c/eth0
          02:31:4d:31:6e:1e behind 192.0.2.2 on lab-c/eth0
    "#]],
    );
}

#[test]
fn a_group_needs_the_nic_and_no_entries() {
    let mut lab = three();
    let group = Some("239.1.1.1".parse().expect("an address"));
    let node = lab.over(
        "lan",
        overlay(OverlayKind::Vxlan { vni: Some(88), port: None, group, df: Some(Df::Set) }),
        &["a", "b", "c"],
    );
    lab.overlay_mut(node).written.ttl = Some(4);
    lab.0.hosts.values_mut().for_each(|host| host.addresses.clear());
    let has = facts(&[
        ("h1", 1500, &["192.0.2.1/24"]),
        ("h2", 1400, &["192.0.2.2/24", "2001:db8::2/64"]),
        ("h3", 9000, &["192.0.2.3/24"]),
    ]);
    check(
        &lab,
        &has,
        &["device"],
        expect![[r#"
            h1
              device lab-a/eth0 = vxlan 88 port 4789 from 192.0.2.1 to 239.1.1.1 by eth0 ttl 4 df Set no learning 02:2a:be:37:0b:5d mtu 1350
            h2
              device lab-b/eth0 = vxlan 88 port 4789 from 192.0.2.2 to 239.1.1.1 by eth0 ttl 4 df Set no learning 02:31:4d:31:6e:1e mtu 1350
            h3
              device lab-c/eth0 = vxlan 88 port 4789 from 192.0.2.3 to 239.1.1.1 by eth0 ttl 4 df Set no learning 02:eb:9b:56:3f:0e mtu 1350
        "#]],
    );
}

#[test]
fn a_bridge_on_three_hosts_is_a_trunk_between_its_parts_where_it_keeps_vlans_apart() {
    let mut lab = three();
    for (part, on, node) in [("sw-h1", "h1", "a"), ("sw-h2", "h2", "b"), ("sw-h3", "h3", "c")] {
        switch(&mut lab, part, on, &["10.9.0.0/24"]);
        lab.link(node, part);
    }
    lab.end(EdgeIndex::new(0), 1).port.vlan = Some(10);
    let over = lab.over("sw", vxlan(), &["sw-h1", "sw-h2", "sw-h3"]);
    for edge in lab.0.graph.edges(over).map(|edge| edge.id()).collect::<Vec<_>>() {
        lab.end(edge, 0).port.trunk = Some(Trunk::All);
        lab.end(edge, 0).port.native = Some(1);
    }
    check(
        &lab,
        &HostFacts::new(),
        &["lab-sw", "device", "VLANs"],
        expect![[r#"
        h1
          network namespace lab-sw-h1
          sysctl lab-sw-h1 net.ipv4.conf.all.promote_secondaries = 1
          up lab-sw-h1/lo
          device lab-sw-h1/sw-h1 = bridge 02:13:1b:19:28:01 vlan_filtering
          up lab-sw-h1/sw-h1
          device lab-a/eth0 = lab-a/eth0 02:2a:be:37:0b:5d mtu 1446, lab-sw-h1/a-eth0 02:38:65:d0:1c:38 mtu 1446
          port lab-sw-h1/a-eth0 of sw-h1
          VLANs of lab-sw-h1/a-eth0 = 10 untagged pvid 10
          up lab-sw-h1/a-eth0
          device lab-sw-h1/sw = vxlan 16312344 port 4789 from 192.0.2.1 no learning 02:0a:d4:a7:b4:d5 mtu 1446
          port lab-sw-h1/sw of sw-h1
          VLANs of lab-sw-h1/sw = 1 untagged 2-4094 pvid 1
          up lab-sw-h1/sw
          00:00:00:00:00:00 behind 192.0.2.2 on lab-sw-h1/sw
          00:00:00:00:00:00 behind 192.0.2.3 on lab-sw-h1/sw
          02:31:4d:31:6e:1e behind 192.0.2.2 on lab-sw-h1/sw
          02:eb:9b:56:3f:0e behind 192.0.2.3 on lab-sw-h1/sw
        h2
          network namespace lab-sw-h2
          sysctl lab-sw-h2 net.ipv4.conf.all.promote_secondaries = 1
          up lab-sw-h2/lo
          device lab-sw-h2/sw-h2 = bridge 02:40:78:c2:45:44 vlan_filtering
          up lab-sw-h2/sw-h2
          device lab-b/eth0 = lab-b/eth0 02:31:4d:31:6e:1e mtu 1446, lab-sw-h2/b-eth0 02:15:86:09:f7:0b mtu 1446
          port lab-sw-h2/b-eth0 of sw-h2
          VLANs of lab-sw-h2/b-eth0 = 1 untagged pvid 1
          up lab-sw-h2/b-eth0
          device lab-sw-h2/sw = vxlan 16312344 port 4789 from 192.0.2.2 no learning 02:4c:d2:b6:8c:37 mtu 1446
          port lab-sw-h2/sw of sw-h2
          VLANs of lab-sw-h2/sw = 1 untagged 2-4094 pvid 1
          up lab-sw-h2/sw
          00:00:00:00:00:00 behind 192.0.2.1 on lab-sw-h2/sw
          00:00:00:00:00:00 behind 192.0.2.3 on lab-sw-h2/sw
          02:2a:be:37:0b:5d behind 192.0.2.1 on lab-sw-h2/sw
          02:eb:9b:56:3f:0e behind 192.0.2.3 on lab-sw-h2/sw
        h3
          network namespace lab-sw-h3
          sysctl lab-sw-h3 net.ipv4.conf.all.promote_secondaries = 1
          up lab-sw-h3/lo
          device lab-sw-h3/sw-h3 = bridge 02:95:18:a2:15:e9 vlan_filtering
          up lab-sw-h3/sw-h3
          device lab-c/eth0 = lab-c/eth0 02:eb:9b:56:3f:0e mtu 1446, lab-sw-h3/c-eth0 02:1d:7c:51:c9:67 mtu 1446
          port lab-sw-h3/c-eth0 of sw-h3
          VLANs of lab-sw-h3/c-eth0 = 1 untagged pvid 1
          up lab-sw-h3/c-eth0
          device lab-sw-h3/sw = vxlan 16312344 port 4789 from 192.0.2.3 no learning 02:7b:f7:85:62:fd mtu 1446
          port lab-sw-h3/sw of sw-h3
          VLANs of lab-sw-h3/sw = 1 untagged 2-4094 pvid 1
          up lab-sw-h3/sw
          00:00:00:00:00:00 behind 192.0.2.1 on lab-sw-h3/sw
          00:00:00:00:00:00 behind 192.0.2.2 on lab-sw-h3/sw
          02:2a:be:37:0b:5d behind 192.0.2.1 on lab-sw-h3/sw
          02:31:4d:31:6e:1e behind 192.0.2.2 on lab-sw-h3/sw
    "#]],
    );
}

#[test]
fn gre_is_of_frames_or_packets_and_with_more_than_two_hosts_knows_its_neighbours() {
    let mut lab = three();
    lab.over("a-b", gretap(Some(7)), &["a", "b"]);
    lab.over("b-c", gre(Some(12)), &["b", "c"]);
    let many = lab.over("many", gre(Some(99)), &["a", "b", "c"]);
    lab.overlay_mut(many).subnets = nets(&["10.0.99.0/24"]);
    lab.overlay_mut(many).written.checksum = Some(true);
    check(
        &lab,
        &HostFacts::new(),
        &["device", "neighbour"],
        expect![[r#"
        h1
          device lab-a/eth0 = gretap from 192.0.2.1 to 192.0.2.2 key 7 ttl 64 02:2a:be:37:0b:5d mtu 1458
          device lab-a/eth1 = gre from 192.0.2.1 key 99 checksum ttl 64 mtu 1468
          neighbour 10.0.99.2 on lab-a/eth1 at 192.0.2.2
          neighbour 10.0.99.3 on lab-a/eth1 at 192.0.2.3
        h2
          device lab-b/eth0 = gretap from 192.0.2.2 to 192.0.2.1 key 7 ttl 64 02:31:4d:31:6e:1e mtu 1458
          device lab-b/eth1 = gre from 192.0.2.2 to 192.0.2.3 key 12 ttl 64 mtu 1472
          device lab-b/eth2 = gre from 192.0.2.2 key 99 checksum ttl 64 mtu 1468
          neighbour 10.0.99.1 on lab-b/eth2 at 192.0.2.1
          neighbour 10.0.99.3 on lab-b/eth2 at 192.0.2.3
        h3
          device lab-c/eth0 = gre from 192.0.2.3 to 192.0.2.2 key 12 ttl 64 mtu 1472
          device lab-c/eth1 = gre from 192.0.2.3 key 99 checksum ttl 64 mtu 1468
          neighbour 10.0.99.1 on lab-c/eth1 at 192.0.2.1
          neighbour 10.0.99.2 on lab-c/eth1 at 192.0.2.2
    "#]],
    );
}

#[test]
fn over_ipv6_the_outer_header_is_longer() {
    let mut lab = three();
    for (host, address) in lab.0.hosts.values_mut().zip(["2001:db8::1", "2001:db8::2", "2001:db8::3"]) {
        host.addresses = vec![address.parse().expect("an address")];
    }
    lab.over("a-b", vxlan(), &["a", "b"]);
    lab.over("b-c", gretap(None), &["b", "c"]);
    lab.over("a-c", gre(Some(1)), &["a", "c"]);
    check(
        &lab,
        &HostFacts::new(),
        &["device"],
        expect![[r#"
            h1
              device lab-a/eth0 = vxlan 485233 port 4789 from 2001:db8::1 to 2001:db8::2 no learning 02:2a:be:37:0b:5d mtu 1430
              device lab-a/eth1 = gre from 2001:db8::1 to 2001:db8::3 key 1 ttl 64 mtu 1452
            h2
              device lab-b/eth0 = vxlan 485233 port 4789 from 2001:db8::2 to 2001:db8::1 no learning 02:31:4d:31:6e:1e mtu 1430
              device lab-b/eth1 = gretap from 2001:db8::2 to 2001:db8::3 ttl 64 02:31:49:cb:6e:1e mtu 1442
            h3
              device lab-c/eth0 = gretap from 2001:db8::3 to 2001:db8::2 ttl 64 02:eb:9b:56:3f:0e mtu 1442
              device lab-c/eth1 = gre from 2001:db8::3 to 2001:db8::1 key 1 ttl 64 mtu 1452
        "#]],
    );
}

#[test]
fn open_vswitch_has_a_tunnel_port_for_each_other_host() {
    let mut lab = three();
    ovs(&mut lab, "br0", "h1", Datapath::System);
    lab.link("a", "br0");
    switch(&mut lab, "sw", "h2", &["10.0.0.0/24"]);
    lab.link("b", "sw");
    lab.over("lan", vxlan(), &["br0", "sw", "c"]);
    let tap = lab.over("br0-sw", gretap(Some(3)), &["br0", "sw"]);
    lab.overlay_mut(tap).written.checksum = Some(true);
    check(
        &lab,
        &HostFacts::new(),
        &["lan", "OVS port", "eth0", "gretap"],
        expect![[r#"
        h1
          device host/lab-a-eth0 = host/lab-a-eth0 02:82:98:10:e4:78 mtu 1450, lab-a/eth0 02:2a:be:37:0b:5d mtu 1450
          up lab-a/eth0
          address 10.0.0.1/24 on lab-a/eth0
          OVS port lab-a-eth0 = ovs-port lab-a-eth0 br0
          up host/lab-a-eth0
          OVS port lab-lan-h2 = port of br0 Vxlan { port: 4789 } from 192.0.2.1 to 192.0.2.2 key 14544218 ttl 0 checksum protected
          OVS port lab-lan-h3 = port of br0 Vxlan { port: 4789 } from 192.0.2.1 to 192.0.2.3 key 14544218 ttl 0 checksum protected
          OVS port lab-sw-br0 = port of br0 Gre from 192.0.2.1 to 192.0.2.2 key 3 ttl 64 checksum
        h2
          device lab-b/eth0 = lab-b/eth0 02:31:4d:31:6e:1e mtu 1450, lab-sw/b-eth0 02:f2:f7:43:6a:7f mtu 1450
          up lab-b/eth0
          address 10.0.0.2/24 on lab-b/eth0
          port lab-sw/b-eth0 of sw
          up lab-sw/b-eth0
          device lab-sw/lan = vxlan 14544218 port 4789 from 192.0.2.2 02:e4:44:9e:df:3f mtu 1450
          port lab-sw/lan of sw
          up lab-sw/lan
          00:00:00:00:00:00 behind 192.0.2.1 on lab-sw/lan
          00:00:00:00:00:00 behind 192.0.2.3 on lab-sw/lan
          02:eb:9b:56:3f:0e behind 192.0.2.3 on lab-sw/lan
          device lab-sw/br0-sw = gretap from 192.0.2.2 to 192.0.2.1 key 3 checksum ttl 64 02:a1:a5:f3:db:24 mtu 1450
        h3
          device lab-c/eth0 = vxlan 14544218 port 4789 from 192.0.2.3 02:eb:9b:56:3f:0e mtu 1450
          up lab-c/eth0
          address 10.0.0.3/24 on lab-c/eth0
          00:00:00:00:00:00 behind 192.0.2.1 on lab-c/eth0
          00:00:00:00:00:00 behind 192.0.2.2 on lab-c/eth0
    "#]],
    );
}

#[test]
fn a_machine_itself_has_the_devices_of_its_links() {
    let mut lab = three();
    for (name, on) in [("m1", "h1"), ("m2", "h2")] {
        let node = lab.host(name);
        lab.0.graph[node].kind = Kind::Host;
        lab.on(on, &[name]);
    }
    let edge = lab.link("a", "m1");
    lab.end(edge, 1).addresses = nets(&["10.1.0.1/24"]);
    lab.end(edge, 0).addresses = nets(&["10.1.0.2/24"]);
    lab.over("m1-m2", vxlan(), &["m1:vxlan0", "m2"]);
    lab.route("m1", "10.7.0.0/16", &["10.1.0.2"]);
    lab.0.routing = crate::topology::Routing::Static;
    check(
        &lab,
        &HostFacts::new(),
        &["host", "lab-a"],
        expect![[r#"
            h1
              network namespace lab-a
              sysctl lab-a net.ipv4.conf.all.promote_secondaries = 1
              up lab-a/lo
              device host/lab-a-eth0 = host/lab-a-eth0 02:5c:ad:6b:d1:10 mtu 1500, lab-a/eth0 02:2a:be:37:0b:5d mtu 1500
              up lab-a/eth0
              address 10.1.0.2/24 on lab-a/eth0
              up host/lab-a-eth0
              address 10.1.0.1/24 on host/lab-a-eth0
              device host/vxlan0 = vxlan 7854307 port 4789 from 192.0.2.1 to 192.0.2.2 no learning 02:50:ea:44:87:3a mtu 1450
              up host/vxlan0
              address 10.64.0.0/31 on host/vxlan0
              route host to 10.7.0.0/16 via 10.1.0.2 dev lab-a-eth0
            h2
              device host/lab-m1-vxlan0 = vxlan 7854307 port 4789 from 192.0.2.2 to 192.0.2.1 no learning 02:fa:0d:56:df:d3 mtu 1450
              up host/lab-m1-vxlan0
              address 10.64.0.1/31 on host/lab-m1-vxlan0
            h3
        "#]],
    );
}

#[test]
fn everything_that_switches_join_with_an_overlay_has_its_mtu() {
    let mut lab = three();
    switch(&mut lab, "sw1", "h1", &[]);
    switch(&mut lab, "sw2", "h1", &[]);
    lab.link("a", "sw1");
    lab.link("sw1", "sw2");
    lab.over("sw2-b", vxlan(), &["sw2", "b"]);
    lab.own("a", "eth0.10", crate::fixture::vlan("eth0", 10), &[]);
    lab.host("far");
    lab.on("h3", &["far"]);
    lab.link("c", "far");
    let has = facts(&[("h1", 9000, &[]), ("h2", 1600, &["192.0.2.2/24"]), ("h3", 1500, &[])]);
    check(
        &lab,
        &has,
        &["mtu"],
        expect![[r#"
            h1
              device lab-a/eth0 = lab-a/eth0 02:2a:be:37:0b:5d mtu 1446, lab-sw1/a-eth0 02:5a:11:69:10:25 mtu 1446
              device lab-sw1/sw2-sw1 = lab-sw1/sw2-sw1 02:7c:3f:b1:79:45 mtu 1446, lab-sw2/sw1-sw2 02:b6:8f:d2:86:7d mtu 1446
              device lab-sw2/b-eth0 = vxlan 13371647 port 4789 from 192.0.2.1 to 192.0.2.2 no learning 02:1b:d4:7e:ef:45 mtu 1446
              device lab-a/eth0.10 = vlan 10 802.1q of eth0 02:5b:70:6d:05:8d mtu 1446
            h2
              device lab-b/eth0 = vxlan 13371647 port 4789 from 192.0.2.2 to 192.0.2.1 no learning 02:31:4d:31:6e:1e mtu 1446
            h3
              device lab-c/eth0 = lab-c/eth0 02:eb:9b:56:3f:0e mtu 1500, lab-far/eth0 02:b0:36:9a:f1:16 mtu 1500
        "#]],
    );
}

#[test]
fn a_device_and_what_it_is_on_the_underlay_come_from_its_link() {
    let mut lab = three();
    lab.over("a-b", gretap(Some(3)), &["a", "b"]);
    let given = give(&lab.0, &Prior::default()).expect("a sound lab");
    let host = HostId::new("h2").expect("a name");
    let found = origins(&host, &lab.0, &given, &HostFacts::new());
    let of = |key: &Key| match key {
        Key::Gre(_) => Some(key.to_string()),
        Key::Device(device) if device.name.as_str() == "eth0" => Some("device".to_owned()),
        _ => None,
    };
    let text: Vec<String> = found.iter().filter_map(|(key, at)| Some(format!("{} {at}", of(key)?))).collect();
    assert_eq!(text, ["device links[0]", "gretap from 192.0.2.2 to 192.0.2.1 key 3 links[0]"]);
}
