//! Where nodes are put, and what becomes of bridges and links between hosts.

use expect_test::{Expect, expect};
use netsim_core::place::{Places, place};

use crate::show::{load_files, shown, told, topology};

/// What a lab becomes.
fn placed(text: &str, expect: Expect) {
    let placed = place(&topology(&format!("name: t\n{text}")), &Places::new());
    expect.assert_eq(&shown(&placed.unwrap_or_else(|problems| panic!("{problems:#?}"))));
}

#[test]
fn a_link_between_hosts_is_an_overlay_with_a_link_from_either_end() {
    placed(
        r#"hosts:
  h[1-3]: { ssh: "lab-h[1-3]" }
nodes:
  r[1-3]:  { kind: router, host: "h[1-3]" }
  sw[1-2]: { kind: bridge, host: "h[1-2]", subnet: 10.20.0.0/24 }
  pc[1-2]: { host: "h[1-2]" }
links:
  - { endpoints: [r1, r2], gre: { key: 12, ttl: 64 }, subnet: 10.0.12.0/30 }       # layer 3
  - { endpoints: [sw1, sw2], gretap: { key: 7 } }                                   # layer 2, between bridges
  - { endpoints: ["pc[1-2]", "sw[1-2]"] }
  - { endpoints: [r1, r2, r3], gre: { key: 99 }, subnet: 10.0.99.0/24 }             # multipoint
"#,
        expect![[r#"
            t "t-" Written
            host h1 ssh lab-h1 weight 1
            host h2 ssh lab-h2 weight 1
            host h3 ssh lab-h3 weight 1
            r1: router on h1
            r2: router on h2
            r3: router on h3
            sw1: bridge gives 10.20.0.0/24 on h1
            sw2: bridge gives 10.20.0.0/24 on h2
            pc1: namespace on h1
            pc2: namespace on h2
            lan-r1-1: gre key 99 over h1 h2 h3 gives 10.0.99.0/24
            r1-r2: gre key 12 ttl 64 over h1 h2 gives 10.0.12.0/30 p2p
            sw1-sw2: gretap key 7 over h1 h2
            r1 -- r1-r2 overlay
            r2 -- r1-r2 overlay
            sw1 -- sw1-sw2 overlay
            sw2 -- sw1-sw2 overlay
            pc1 -- sw1
            pc2 -- sw2
            r1 -- lan-r1-1 overlay
            r2 -- lan-r1-1 overlay
            r3 -- lan-r1-1 overlay
        "#]],
    );
}

#[test]
fn a_bridge_on_several_hosts_has_a_part_on_each_and_a_node_alone_on_its_host_has_the_tunnel() {
    placed(
        r#"hosts:
  a: { ssh: lab-a }
  b: { ssh: lab-b }
  c: { ssh: lab-c, underlay: { device: eth1 } }
defaults:
  overlay: { vxlan: { port: 4789 } }
nodes:
  red-{a,b,c}:  { host: "{a,b,c}" }
  blue-{a,b,c}: { host: "{a,b,c}" }
  m-{a,b,c}:    { host: "{a,b,c}" }
  sw: { kind: bridge, hosts: [a, b, c], subnet: 10.9.0.0/24 }    # a bridge on each, joined by VXLAN with static FDB entries
links:
  - { endpoints: ["red-{a,b,c}", sw],  vlan: 10 }
  - { endpoints: ["blue-{a,b,c}", sw], vlan: 20 }
  - { endpoints: [m-a, m-b, m-c], subnet: 10.8.0.0/24, vxlan: { vni: 88, group: 239.1.1.1 } }
"#,
        expect![[r#"
            t "t-" Written
            host a ssh lab-a weight 1
            host b ssh lab-b weight 1
            host c ssh lab-c on eth1 weight 1
            red-a: namespace on a
            red-b: namespace on b
            red-c: namespace on c
            blue-a: namespace on a
            blue-b: namespace on b
            blue-c: namespace on c
            m-a: namespace on a
            m-b: namespace on b
            m-c: namespace on c
            sw-a: bridge gives 10.9.0.0/24 on a
            sw-b: bridge gives 10.9.0.0/24 on b
            sw-c: bridge gives 10.9.0.0/24 on c
            sw: vxlan port 4789 over a b c
            lan-m-a-0: vxlan vni 88 port 4789 group 239.1.1.1 over a b c gives 10.8.0.0/24
            sw-a trunk all native 1 -- sw overlay
            sw-b trunk all native 1 -- sw overlay
            sw-c trunk all native 1 -- sw overlay
            red-a -- sw-a vlan 10
            red-b -- sw-b vlan 10
            red-c -- sw-c vlan 10
            blue-a -- sw-a vlan 20
            blue-b -- sw-b vlan 20
            blue-c -- sw-c vlan 20
            m-a -- lan-m-a-0 overlay
            m-b -- lan-m-a-0 overlay
            m-c -- lan-m-a-0 overlay
        "#]],
    );
}

#[test]
fn a_mirror_copies_tunnels_and_machines_take_part() {
    placed(
        r#"hosts:
  client1: { ssh: root@10.122.0.22,  underlay: { device: eth0 } }
  client2: { ssh: root@10.122.3.152, underlay: { device: eth0 } }
  test:    { ssh: root@10.122.1.103, underlay: { device: eth0 } }
nodes:
  c1:  { kind: host, host: client1 }             # the machine itself, not a namespace on it
  c2:  { kind: host, host: client2 }
  mon: { host: test }
  br0: { kind: ovs, host: test, mirrors: [{ from: [c1, c2], to: mon }] }
links:
  - { endpoints: ["c1:vxlan0", br0], vxlan: { vni: 4100 }, ipv4: [192.168.0.1/24] }
  - { endpoints: ["c2:vxlan0", br0], vxlan: { vni: 4101, port: 4789 }, ipv4: [192.168.0.2/24] }
  - { endpoints: [mon, br0] }
"#,
        expect![[r#"
            t "t-" Written
            host client1 ssh root@10.122.0.22 on eth0 weight 1
            host client2 ssh root@10.122.3.152 on eth0 weight 1
            host test ssh root@10.122.1.103 on eth0 weight 1
            c1: machine on client1
            c2: machine on client2
            mon: namespace on test
            br0: ovs in-host mirror mirror0 of br0-c1-br0 br0-c2-br0 Both to mon-br0 on test
            c1-br0: vxlan vni 4100 over client1 test
            c2-br0: vxlan vni 4101 port 4789 over client2 test
            c1:vxlan0 192.168.0.1/24 -- c1-br0 overlay
            br0 -- c1-br0 overlay
            c2:vxlan0 192.168.0.2/24 -- c2-br0 overlay
            br0 -- c2-br0 overlay
            mon -- br0
        "#]],
    );
}

#[test]
fn a_broadcast_domain_has_a_bridge_where_it_has_two_ends_and_each_host_its_own_nic() {
    placed(
        r#"hosts: { "h[1-2]": { ssh: "h[1-2]" } }
nodes:
  a: { host: h1 }
  b: { host: h1 }
  c: { host: h2 }
  d: {}
links:
  - { endpoints: [a, b, c, d], subnet: 10.0.0.0/24, delay: 1ms }
  - { endpoints: ["{a,c,d}:up0", "host:eth1"], macvlan: bridge, ipv4: ["192.0.2.[1-3]/24"] }
  - { endpoints: [a, b, { node: a, interface: x }], subnet: none }
checks:
  - { ping: [c, d] }
"#,
        expect![[r#"
            t "t-" Written
            host h1 ssh h1 weight 1
            host h2 ssh h2 weight 1
            a: namespace on h1
            b: namespace on h1
            c: namespace on h2
            d: namespace
            lan-a-0-h1: bridge implied gives 10.0.0.0/24 on h1
            nic-eth1-h1: nic eth1 on h1
            nic-eth1-h2: nic eth1 on h2
            nic-eth1: nic eth1
            lan-a-2-h1: bridge implied gives-nothing on h1
            lan-a-0: vxlan over h1 h2 local gives 10.0.0.0/24
            lan-a-0-h1 -- lan-a-0 overlay
            a delay 1ms -- lan-a-0-h1
            b delay 1ms -- lan-a-0-h1
            c delay 1ms -- lan-a-0 overlay
            d delay 1ms -- lan-a-0 overlay
            a:up0 192.0.2.1/24 -- nic-eth1-h1:eth1 macvlan bridge gives-nothing
            c:up0 192.0.2.2/24 -- nic-eth1-h2:eth1 macvlan bridge gives-nothing
            d:up0 192.0.2.3/24 -- nic-eth1:eth1 macvlan bridge gives-nothing
            a -- lan-a-2-h1
            b -- lan-a-2-h1
            a:x -- lan-a-2-h1
            ping c d None
        "#]],
    );
}

/// The overlays of a lab with their numbers.
fn numbers(text: &str) -> String {
    let placed = place(&topology(&format!("name: t\n{text}")), &Places::new());
    let placed = placed.unwrap_or_else(|problems| panic!("{problems:#?}"));
    let numbers = placed.graph.node_weights().filter_map(|node| Some((&node.name, node.overlay()?.number)));
    numbers.map(|(name, number)| format!("{name} {number}\n")).collect()
}

#[test]
fn numbers_whose_hashes_are_one_are_two_and_a_written_one_goes_first() {
    let lab = |links: &str| {
        let nodes = "nodes: { \"a{1858,3090,1}\": { host: h1 }, \"b{1858,3090,1}\": { host: h2 } }";
        numbers(&format!("hosts: {{ \"h[1-2]\": {{ ssh: \"h[1-2]\" }} }}\n{nodes}\nlinks:\n{links}"))
    };
    let both = "  - { endpoints: [a1858, b1858] }\n  - { endpoints: [a3090, b3090] }\n";
    expect![[r#"
        a1858-b1858 15297447
        a3090-b3090 15297448
    "#]]
    .assert_eq(&lab(both));
    let written = "  - { endpoints: [a1, b1], vxlan: { vni: 15297447 } }\n";
    expect![[r#"
        a1858-b1858 15297448
        a3090-b3090 15297449
        a1-b1 15297447
    "#]]
    .assert_eq(&lab(&format!("{both}{written}")));
    // At another port it is another network.
    let elsewhere = "  - { endpoints: [a1, b1], vxlan: { vni: 15297447, port: 8472 } }\n";
    expect![[r#"
        a1858-b1858 15297447
        a3090-b3090 15297448
        a1-b1 15297447
    "#]]
    .assert_eq(&lab(&format!("{both}{elsewhere}")));
}

#[test]
fn a_vni_is_written_twice_only_for_other_hosts() {
    let lab = |a: &str, b: &str| {
        format!(
            "hosts: {{ \"h[1-4]\": {{ ssh: \"h[1-4]\" }} }}\nnodes: {{ \"n[1-4]\": {{ host: \"h[1-4]\" }} }}\nlinks:\n  - {{ endpoints: [n1, n2], vxlan: {a} }}\n  - {{ endpoints: [n3, n4], vxlan: {b} }}\n  - {{ endpoints: [n1, n3] }}\n"
        )
    };
    expect![[r#"
        n1-n2 7
        n3-n4 7
        n1-n3 3705294
    "#]]
    .assert_eq(&numbers(&lab("{ vni: 7 }", "{ vni: 7 }")));
    let groups = |other: &str| lab("{ vni: 7, group: 239.1.1.1 }", &format!("{{ vni: 7, group: {other} }}"));
    expect![[r#"
        n1-n2 7
        n3-n4 7
        n1-n3 3705294
    "#]]
    .assert_eq(&numbers(&groups("239.1.1.2")));
    let (sources, result) = load_files(&[("lab.yaml", &format!("name: t\n{}", groups("239.1.1.1")))], &[]);
    let problems = result.expect_err("one hears the other");
    expect![[r#"
        E189 6:42 ⟨7⟩ `n1-n2` and `n3-n4` are two overlays of one VNI, 7, in the group 239.1.1.1
             write another for one of them, or none
    "#]]
    .assert_eq(&told(&sources, &problems));
}
