//! What every kind of link and interface means.

use expect_test::{Expect, expect};

use crate::show::{check, check_lab};

/// What a scene of the library means.
fn check_scene(name: &str, expect: Expect) {
    let file = format!("{}/../../topologies/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    check(&std::fs::read_to_string(file).unwrap(), expect);
}

#[test]
fn impairments_of_a_link_are_those_of_both_ends_and_an_endpoints_its_own() {
    check_scene(
        "satellite",
        expect![[r#"
        satellite "satellite-" Written
        ground: namespace route 0.0.0.0/0 via [192.0.2.1]
        sky: router lo 198.51.100.1/32
        ground:sat0 192.0.2.2/30 02:00:00:00:00:02 mtu 1400 delay 280ms jitter 20ms Some(Random(2.0)) rate 1mbit -- sky:sat0 192.0.2.1/30 mtu 1400 delay 280ms rate 20mbit
        ping ground sky Some((500ms, 2s))
    "#]],
    );
    check_scene(
        "wan",
        expect![[r#"
        wan "wan-" Written
        hub: router
        fibre: namespace
        microwave: namespace
        mobile: namespace
        hub:fibre delay 20ms -- fibre:eth0 delay 20ms gives 10.1.0.0/30
        hub:microwave Some(Random(10.0)) -- microwave:eth0 Some(Random(10.0)) gives 10.2.0.0/30
        hub:mobile delay 10ms jitter 2ms Normal Some(GilbertElliott { p: 2.0, r: 20.0, h: 100.0, k: 0.0 }) duplicate 1% corrupt 0.5% reorder 5% -- mobile:eth0 delay 10ms jitter 2ms Normal Some(GilbertElliott { p: 2.0, r: 20.0, h: 100.0, k: 0.0 }) duplicate 1% corrupt 0.5% reorder 5% gives 10.3.0.0/30
    "#]],
    );
    check_scene(
        "cluster",
        expect![[r#"
        cluster "cluster-" Written
        node1: namespace
        node2: namespace
        node3: namespace
        node4: namespace
        lqb: bridge gives 10.0.1.0/24
        node1 delay 10ms Some(Random(1.0)) -- lqb delay 10ms Some(Random(1.0))
        node2 delay 10ms Some(Random(1.0)) -- lqb delay 10ms Some(Random(1.0))
        node3 delay 10ms Some(Random(1.0)) -- lqb delay 10ms Some(Random(1.0))
        node4 delay 10ms Some(Random(1.0)) -- lqb delay 10ms Some(Random(1.0))
    "#]],
    );
}

#[test]
fn of_each_key_the_endpoint_wins_over_the_link_and_the_link_over_all_links() {
    check_lab(
        r#"defaults: { link: { delay: 1ms, jitter: 500us, limit: 100, queues: 2, offloads: { gso: off, gro: off }, seed: 7 } }
nodes: { a: { interfaces: { eth0: { rate: 1mbit, state: up, offloads: { tso: off } } } }, b: {}, c: {}, s: { kind: bridge } }
links:
  - { endpoints: [a, { node: b, delay: 2ms, loss: 0%, offloads: { gso: on }, rps-cpus: none }], loss: 5%, state: down, rps-cpus: [0, 2-3, 1] }
  - { endpoints: [c, s], delay: 0ms }
  - { endpoints: [a, b, { node: c, corrupt: 1% }], txqueuelen: 7 }
"#,
        expect![[r#"
            t "t-" Written
            a: namespace
            b: namespace
            c: namespace
            s: bridge
            lan-a-1: bridge implied
            a:eth0 delay 1ms jitter 500us Some(Random(5.0)) rate 1mbit limit 100 seed 7 queues 2 rps-cpus=0-3 gso=off gro=off tso=off -- b delay 2ms jitter 500us limit 100 seed 7 down queues 2 gro=off
            c limit 100 queues 2 gso=off gro=off -- s limit 100 queues 2 gso=off gro=off
            a delay 1ms jitter 500us limit 100 seed 7 txqueuelen 7 queues 2 gso=off gro=off -- lan-a-1
            b delay 1ms jitter 500us limit 100 seed 7 txqueuelen 7 queues 2 gso=off gro=off -- lan-a-1
            c delay 1ms jitter 500us corrupt 1% limit 100 seed 7 txqueuelen 7 queues 2 gso=off gro=off -- lan-a-1
        "#]],
    );
}

#[test]
fn quantities_have_units_and_bursts_their_defaults() {
    check_lab(
        r#"vars: { D: 10ms, Q: 4, S: true, V: 12 }
nodes: { a: {}, b: {}, s: { kind: bridge, stp: "${S}" } }
links:
  - { endpoints: [a, b], delay: "${D}", rate: 1kbps, loss: { p: 10%, r: 20%, 1-h: 90%, 1-k: 0.1% }, ecn: true, seed: 18446744073709551615 }
  - { endpoints: [a, b], rate: 1.5gbit, loss: { p: 10% }, queues: "${Q}", xps-cpus: "0-3,8" }
  - { endpoints: [a, b], limit: 5, loss: 0% }
  - { endpoints: [a, s], vlan: "${V}" }
  - { endpoints: [b, s], trunk: ["${V}", 14] }
"#,
        expect![[r#"
            t "t-" Written
            a: namespace
            b: namespace
            s: bridge stp
            a delay 10ms Some(GilbertElliott { p: 10.0, r: 20.0, h: 90.0, k: 0.1 }) rate 8kbit ecn seed 18446744073709551615 -- b delay 10ms Some(GilbertElliott { p: 10.0, r: 20.0, h: 90.0, k: 0.1 }) rate 8kbit ecn seed 18446744073709551615
            a Some(GilbertElliott { p: 10.0, r: 90.0, h: 100.0, k: 0.0 }) rate 1.5gbit queues 4 xps-cpus=0-3,8 -- b Some(GilbertElliott { p: 10.0, r: 90.0, h: 100.0, k: 0.0 }) rate 1.5gbit queues 4 xps-cpus=0-3,8
            a limit 5 -- b limit 5
            a -- s vlan 12
            b -- s trunk [(12, 12), (14, 14)]
        "#]],
    );
}

#[test]
fn vlans_are_those_of_the_ports_of_bridges() {
    check_scene(
        "campus",
        expect![[r#"
        campus "campus-" Written
        core: bridge stp forward-delay 200
        access: bridge stp forward-delay 200
        gw: router
          eth0.10: Vlan { parent: "eth0", vid: 10, protocol: Q } 10.10.0.1/24
          eth0.20: Vlan { parent: "eth0", vid: 20, protocol: Q } 10.20.0.1/24
        pc1: namespace route 0.0.0.0/0 via [10.10.0.1]
        pc2: namespace route 0.0.0.0/0 via [10.10.0.1]
        cam: namespace route 0.0.0.0/0 via [10.20.0.1]
        gw:eth0 -- core trunk [(10, 10), (20, 20)]
        core trunk [(10, 10), (20, 20)] -- access trunk [(10, 10), (20, 20)] bond of 2 802.3ad miimon 100
        pc1 10.10.0.11/24 -- access vlan 10
        pc2 10.10.0.12/24 -- access vlan 10
        cam 10.20.0.11/24 -- access vlan 20
        reachable ["pc1", "pc2", "cam"]
    "#]],
    );
    check_lab(
        r#"nodes: { "a[1-3]": {}, s: { kind: bridge, vlan: 20, ipv4: 10.0.0.1/24, stp: true, forward-delay: 2s, ageing: 0s }, t: { kind: bridge } }
links:
  - { endpoints: [a1, s], vlan: 10, isolated: true }
  - { endpoints: [a2, { node: s, vlan: 20 }], trunk: all, native: 5 }
  - { endpoints: [{ node: s, native: 2 }, t], trunk: [30, 1-9, 10-12], learning: false }
  - { endpoints: [a1, a2, { node: a3, vlan: 7 }], hairpin: true, vlan: 8 }
"#,
        expect![[r#"
            t "t-" Written
            a1: namespace
            a2: namespace
            a3: namespace
            s: bridge has 10.0.0.1/24 in-vlan 20 stp forward-delay 200 ageing 0
            t: bridge
            lan-a1-1: bridge implied
            a1 -- s vlan 10 isolated true
            a2 -- s vlan 20
            s trunk [(1, 12), (30, 30)] native 2 learning false -- t trunk [(1, 12), (30, 30)] learning false
            a1 -- lan-a1-1 vlan 8 hairpin true
            a2 -- lan-a1-1 vlan 8 hairpin true
            a3 -- lan-a1-1 vlan 7 hairpin true
        "#]],
    );
    check_scene(
        "isolation",
        expect![[r#"
        isolation "isolation-" Written
        guest1: namespace
        guest2: namespace
        guest3: namespace
        gateway: router
        wifi: bridge gives 10.7.0.0/24 ageing 6000
        guest1 -- wifi isolated true
        guest2 -- wifi isolated true
        guest3 -- wifi isolated true
        gateway -- wifi
        unreachable ["guest1", "guest2", "guest3"]
        reachable ["guest1", "gateway"]
    "#]],
    );
}

#[test]
fn bonds_are_links_of_several_pairs_or_interfaces_of_a_node() {
    check_scene(
        "bond",
        expect![[r#"
        bond "bond-" Written
        server: namespace
          bond0: Bond { members: ["eth0", "eth1"], bond: BondWritten { mode: ActiveBackup, miimon: 100 } } 10.5.0.10/24
        storage: namespace
        client: namespace
        switch1: bridge
        switch2: bridge
        server:eth0 -- switch1
        server:eth1 -- switch2
        switch1 -- switch2
        storage 10.5.0.20/24 -- switch1 bond of 2 balance-xor miimon 100
        client 10.5.0.30/24 -- switch2
        reachable ["server", "storage", "client"]
    "#]],
    );
}

#[test]
fn devices_on_a_nic_of_the_machine_share_one_implied_node() {
    check_scene(
        "machine-nic",
        expect![[r#"
        machine-nic "machine-nic-" Written
        web1: namespace
        web2: namespace
        nic-eth1: nic eth1
        web1:eth0 192.168.77.11/24 -- nic-eth1:eth1 macvlan bridge gives-nothing
        web2:eth0 192.168.77.12/24 -- nic-eth1:eth1 macvlan bridge gives-nothing
    "#]],
    );
    check_lab(
        r#"nodes: { db: {}, "w[1-2]": {} }
links:
  - { endpoints: ["db:fast0", "host:eth1"], ipvlan: l2, ipv4: [172.17.3.3/16] }
  - { endpoints: [{ node: host, interface: eth1 }, "w[1-2]:m0"], ipvlan: l2, delay: 5ms }
  - { endpoints: ["w[1-2]:p", "host:enp[3-4]s0f0"], macvlan: passthru, subnet: none }
checks: [{ reachable: all }]
"#,
        expect![[r#"
            t "t-" Written
            db: namespace
            w1: namespace
            w2: namespace
            nic-eth1: nic eth1
            nic-enp3s0f0: nic enp3s0f0
            nic-enp4s0f0: nic enp4s0f0
            db:fast0 172.17.3.3/16 -- nic-eth1:eth1 ipvlan l2 gives-nothing
            w1:m0 delay 5ms -- nic-eth1:eth1 ipvlan l2 gives-nothing
            w2:m0 delay 5ms -- nic-eth1:eth1 ipvlan l2 gives-nothing
            w1:p -- nic-enp3s0f0:enp3s0f0 macvlan passthru gives-nothing
            w2:p -- nic-enp4s0f0:enp4s0f0 macvlan passthru gives-nothing
            reachable ["db", "w1", "w2"]
        "#]],
    );
}

#[test]
fn interfaces_of_a_nodes_own_stand_on_those_that_links_make() {
    check_scene(
        "stacked",
        expect![[r#"
        stacked "stacked-" Written
        a: namespace
          service: Dummy 203.0.113.1/32
          eth0.100: Vlan { parent: "eth0", vid: 100, protocol: Ad }
          inner: Vlan { parent: "eth0.100", vid: 7, protocol: Q } 10.77.0.1/24
          twin: Macvlan { parent: "eth1", mode: Bridge } 10.78.0.3/24
        b: namespace
          eth0.100: Vlan { parent: "eth0", vid: 100, protocol: Ad }
          inner: Vlan { parent: "eth0.100", vid: 7, protocol: Q } 10.77.0.2/24
          shadow: Ipvlan { parent: "eth1", mode: L2 } 10.78.0.4/24
        a:eth0 mtu 1508 -- b:eth0 mtu 1508 gives-nothing
        a:eth1 10.78.0.1/24 -- b:eth1 10.78.0.2/24
    "#]],
    );
    check_scene(
        "vrf",
        expect![[r#"
            vrf "vrf-" Written
            pe: router
              red: Vrf { members: ["red0", "red1"], table: 10 }
              blue: Vrf { members: ["blue0", "blue1"], table: 20 }
            red-pc: namespace route 0.0.0.0/0 via [10.0.1.1]
            blue-pc: namespace route 0.0.0.0/0 via [10.0.1.1]
            red-server: namespace route 0.0.0.0/0 via [10.0.2.1]
            blue-server: namespace route 0.0.0.0/0 via [10.0.2.1]
            red-pc 10.0.1.10/24 -- pe:red0 10.0.1.1/24
            blue-pc 10.0.1.10/24 -- pe:blue0 10.0.1.1/24
            red-server 10.0.2.10/24 -- pe:red1 10.0.2.1/24
            blue-server 10.0.2.10/24 -- pe:blue1 10.0.2.1/24
        "#]],
    );
    check_lab(
        r#"groups: { g: { interfaces: { d: { dummy: true, mtu: 1400 } } } }
nodes:
  a:
    group: g
    mtu: 9000
    routes: [{ to: default, via: 10.0.0.2, vrf: red }, { to: default, via: 10.0.0.2 }]
    interfaces:
      d: { ipv4: 10.1.0.1/32, delay: 1ms }
      e: { dummy: true }
      bond7: { bond: { members: "eth[1-2]", miimon: 0ms } }
      red: { vrf: { table: 10, members: [bond7.5] } }
      bond7.5: { vlan: 5, ipv4: 10.0.0.1/24, mac: "02:00:00:00:00:09", state: down }
  b: {}
links: [{ endpoints: [a, "b:x[0-2]"] }]
"#,
        expect![[r#"
            t "t-" Written
            a: namespace route 0.0.0.0/0 via [10.0.0.2] vrf red route 0.0.0.0/0 via [10.0.0.2]
              d: Dummy 10.1.0.1/32 mtu 1400 delay 1ms
              e: Dummy mtu 9000
              bond7: Bond { members: ["eth1", "eth2"], bond: BondWritten { mode: BalanceRr, miimon: 0 } } mtu 9000
              red: Vrf { members: ["bond7.5"], table: 10 }
              bond7.5: Vlan { parent: "bond7", vid: 5, protocol: Q } 10.0.0.1/24 02:00:00:00:00:09 down
            b: namespace
            a mtu 9000 -- b:x0
            a:eth1 mtu 9000 -- b:x1
            a:eth2 mtu 9000 -- b:x2
        "#]],
    );
}

#[test]
fn packets_are_treated_as_each_interface_says() {
    check_scene(
        "tuned",
        expect![[r#"
        tuned "tuned-" Written
        sender: namespace lo 192.0.2.10/32 net.ipv4.tcp_congestion_control="reno" net.ipv4.conf.eth0.rp_filter="2"
        receiver: namespace
        sender txqueuelen 100 queues 2 gso=off tso=off -- receiver queues 2 rps-cpus=0 tx-checksum=off gro=off gives 10.8.0.0/30
    "#]],
    );
    check_scene(
        "bottleneck",
        expect![[r#"
        bottleneck "bottleneck-" Static
        left: router
        right: router
        pc1: namespace
        pc2: namespace
        left:wan rate 10mbit -- right:wan rate 10mbit
        pc1 -- left
        pc2 -- right
    "#]],
    );
}

#[test]
fn circles_of_bridges_are_fine_where_a_spanning_tree_cuts_them_or_vlans_part_them() {
    check_lab(
        r#"nodes: { "s[1-3]": { kind: bridge, stp: true }, "t[1-2]": { kind: bridge }, "u[1-2]": { kind: bridge } }
links:
  - { endpoints: ["s[1-3]", "{s2,s3,s1}"] }
  - { endpoints: [t1, t2], vlan: 10 }
  - { endpoints: [t1, t2], trunk: [20, 30] }
  - { endpoints: [u1, u2], bond: { links: 2 } }
"#,
        expect![[r#"
            t "t-" Written
            s1: bridge stp
            s2: bridge stp
            s3: bridge stp
            t1: bridge
            t2: bridge
            u1: bridge
            u2: bridge
            s1 -- s2
            s2 -- s3
            s3 -- s1
            t1 vlan 10 -- t2 vlan 10
            t1 trunk [(20, 20), (30, 30)] -- t2 trunk [(20, 20), (30, 30)]
            u1 -- u2 bond of 2 balance-rr miimon 100
        "#]],
    );
}

#[test]
fn two_groups_of_a_subnet_can_be_parted_by_vlans() {
    check_lab(
        r#"nodes: { "red[1-2]": {}, "blue[1-2]": {}, s: { kind: bridge, subnet: 10.9.0.0/24 }, t: { kind: bridge, subnet: 10.8.0.0/24 } }
links:
  - { endpoints: ["red[1-2]", s], vlan: 10 }
  - { endpoints: ["blue[1-2]", s], vlan: 20 }
  - { endpoints: [{ node: s, vlan: 30 }, { node: t, trunk: [40] }] }
"#,
        expect![[r#"
            t "t-" Written
            red1: namespace
            red2: namespace
            blue1: namespace
            blue2: namespace
            s: bridge gives 10.9.0.0/24
            t: bridge gives 10.8.0.0/24
            red1 -- s vlan 10
            red2 -- s vlan 10
            blue1 -- s vlan 20
            blue2 -- s vlan 20
            s vlan 30 -- t trunk [(40, 40)]
        "#]],
    );
}

#[test]
fn customers_that_a_router_keeps_apart_may_have_the_same_addresses() {
    check_lab(
        r#"nodes:
  pe: { kind: router, interfaces: { red: { vrf: { table: 10, members: [r] } }, blue: { vrf: { table: 20, members: [b.5] } }, b.5: { vlan: 5, ipv4: 10.0.0.1/24 } } }
  "{red,blue}-pc": {}
links:
  - { endpoints: [red-pc, "pe:r"], ipv4: [10.0.0.2/24, 10.0.0.1/24] }
  - { endpoints: [blue-pc, "pe:b"] }
"#,
        expect![[r#"
            t "t-" Written
            pe: router
              red: Vrf { members: ["r"], table: 10 }
              blue: Vrf { members: ["b.5"], table: 20 }
              b.5: Vlan { parent: "b", vid: 5, protocol: Q } 10.0.0.1/24
            red-pc: namespace
            blue-pc: namespace
            red-pc 10.0.0.2/24 -- pe:r 10.0.0.1/24
            blue-pc -- pe:b
        "#]],
    );
}
