//! What files mean: ranges, inheritance, addresses, interfaces, checks.

use expect_test::expect;

use crate::show::check_lab;

#[test]
fn ranges_are_products_and_go_pairwise_with_the_values_beside_them() {
    check_lab(
        r#"nodes: { "n[1-2]-{a,b}": { lo: "10.0.0.[1-4]/32" }, "pad[08-10]": { group: "{x,y,x}" } }
groups: { x: { mtu: 1001 }, y: { mtu: 1002 } }
links:
  - { endpoints: [{ node: "pad[08-10]", interface: "up[0-2]", ipv4: "10.1.0.[1-3]/24", mac: "02:00:00:00:00:[01-03]" }, n1-a] }
  - { endpoints: ["n1-b:p[1-2]", "{n2-a,n2-b}:q"], subnet: "10.2.[0-1].0/30" }
"#,
        expect![[r#"
            t "t-" Written
            n1-a: namespace lo 10.0.0.1/32
            n1-b: namespace lo 10.0.0.2/32
            n2-a: namespace lo 10.0.0.3/32
            n2-b: namespace lo 10.0.0.4/32
            pad08: namespace
            pad09: namespace
            pad10: namespace
            pad08:up0 10.1.0.1/24 02:00:00:00:00:01 mtu 1001 -- n1-a
            pad09:up1 10.1.0.2/24 02:00:00:00:00:02 mtu 1002 -- n1-a
            pad10:up2 10.1.0.3/24 02:00:00:00:00:03 mtu 1001 -- n1-a
            n1-b:p1 -- n2-a:q gives 10.2.0.0/30
            n1-b:p2 -- n2-b:q gives 10.2.1.0/30
        "#]],
    );
}

#[test]
fn settings_merge_field_by_field_from_all_nodes_to_one() {
    check_lab(
        r#"defaults: { node: { mtu: 1001, sysctls: { net.a: d, net.b: d, net.c: d, net.d: "1   2" }, exec: [[d]] }, link: { mtu: 1000 } }
kinds: { router: { sysctls: { net.b: k, net.c: k }, exec: [[k]] } }
groups: { g: { kind: router, sysctls: { net.c: g }, interfaces: { eth0: { mtu: 1004 } } } }
nodes: { a: {}, b: { kind: router }, c: { group: g, sysctls: { net.e: 5 } }, s: { kind: bridge }, null-is-fine: }
links: [{ endpoints: [a, b] }, { endpoints: [b, c], mtu: 1003 }, { endpoints: [c, { node: a, mtu: 1005 }] }, { endpoints: [a, s] }]
"#,
        expect![[r#"
            t "t-" Written
            a: namespace net.a="d" net.b="d" net.c="d" net.d="1\t2" exec ["d"]
            b: router net.a="d" net.b="k" net.c="k" net.d="1\t2" exec ["k"]
            c: router net.a="d" net.b="k" net.c="g" net.d="1\t2" net.e="5" exec ["k"]
            s: bridge net.a="d" net.b="d" net.c="d" net.d="1\t2" exec ["d"]
            null-is-fine: namespace net.a="d" net.b="d" net.c="d" net.d="1\t2" exec ["d"]
            a mtu 1001 -- b mtu 1001
            b mtu 1003 -- c:eth0 mtu 1004
            c mtu 1001 -- a mtu 1005
            a mtu 1001 -- s mtu 1001
        "#]],
    );
}

#[test]
fn addresses_of_a_link_go_to_its_ends_that_are_no_switches_link_by_link() {
    check_lab(
        r#"nodes: { "a[1-2]": {}, "b[1-2]": {}, s: { kind: bridge, ipv4: 10.0.0.254/24, ipv6: [fd00::ff/64] } }
links:
  - { endpoints: ["a[1-2]", "b[1-2]"], ipv4: [10.1.0.1/30, 10.1.0.2/30, 10.1.0.5/30, 10.1.0.6/30] }
  - { endpoints: ["a[1-2]", s], ipv4: "10.0.0.[1-2]/24", ipv6: ["fd00::[1-2]/64"] }
  - { endpoints: [b1, s], subnet: none }
"#,
        expect![[r#"
            t "t-" Written
            a1: namespace
            a2: namespace
            b1: namespace
            b2: namespace
            s: bridge has 10.0.0.254/24 has fd00::ff/64
            a1 10.1.0.1/30 -- b1 10.1.0.2/30
            a2 10.1.0.5/30 -- b2 10.1.0.6/30
            a1 10.0.0.1/24 fd00::1/64 -- s
            a2 10.0.0.2/24 fd00::2/64 -- s
            b1 -- s gives-nothing
        "#]],
    );
}

#[test]
fn interfaces_are_set_at_the_node_by_the_names_that_they_will_have() {
    check_lab(
        r#"nodes: { a: { interfaces: { eth0: { ipv4: 10.0.0.1/24 }, eth2: { mac: "02:00:00:00:00:01" }, wan: { mtu: 1400 } } }, b: {} }
links: [{ endpoints: ["a:eth1", b] }, { endpoints: [a, b] }, { endpoints: ["a:wan", b] }, { endpoints: [a, b] }, { endpoints: [a, b] }]
"#,
        expect![[r#"
            t "t-" Written
            a: namespace
            b: namespace
            a:eth1 -- b
            a:eth0 10.0.0.1/24 -- b
            a:wan mtu 1400 -- b
            a:eth2 02:00:00:00:00:01 -- b
            a -- b
        "#]],
    );
}

#[test]
fn routes_have_next_hops_devices_and_metrics() {
    check_lab(
        r#"addressing: none
nodes:
  a:
    routes:
      - { to: default, via: [10.0.0.1, 10.0.1.1] }
      - { to: default, via: "fd00::1", metric: 5 }
      - { to: 10.9.0.0/16, dev: eth1 }
      - { to: 10.8.0.1, via: 10.0.1.1, dev: eth1 }
  b: {}
links:
  - { endpoints: [a, b], ipv4: [10.0.0.2/24, 10.0.0.1/24], ipv6: ["fd00::2/64", "fd00::1/64"] }
  - { endpoints: ["a:eth1", b], ipv4: [10.0.1.2/24, 10.0.1.1/24] }
"#,
        expect![[r#"
            t "t-" Written
            a: namespace route 0.0.0.0/0 via [10.0.0.1, 10.0.1.1] route ::/0 via [fd00::1] metric 5 route 10.9.0.0/16 via [] dev eth1 route 10.8.0.1/32 via [10.0.1.1] dev eth1
            b: namespace
            a 10.0.0.2/24 fd00::2/64 -- b 10.0.0.1/24 fd00::1/64
            a:eth1 10.0.1.2/24 -- b 10.0.1.1/24
        "#]],
    );
}

#[test]
fn checks_ask_for_reachability_its_absence_and_times() {
    check_lab(
        r#"nodes: { "a[1-3]": {}, s: { kind: bridge, namespace: host } }
prefix: ""
checks:
  - reachable: all
  - { reachable: ["a[1-2]"] }
  - { unreachable: [a1, a3] }
  - { ping: ["a[1-2]"] }
  - { ping: [a1, a2], rtt: "..20ms" }
  - { ping: [a1, a2], rtt: "1.5ms..2s" }
"#,
        expect![[r#"
            t "" Written
            a1: namespace
            a2: namespace
            a3: namespace
            s: bridge in-host
            reachable ["a1", "a2", "a3"]
            reachable ["a1", "a2"]
            unreachable ["a1", "a3"]
            ping a1 a2 None
            ping a1 a2 Some((0ns, 20ms))
            ping a1 a2 Some((1.5ms, 2s))
        "#]],
    );
}

#[test]
fn pools_are_written_whole_and_the_others_stay_as_they_are() {
    let pools = |text: &str| {
        let t = crate::show::topology(&format!("name: t\nnodes: {{}}\n{text}"));
        let show = |p: &netsim_core::topology::Pool| {
            format!("{} {}", p.ipv4.map_or("-".into(), |n| n.to_string()), p.ipv6.map_or("-".into(), |n| n.to_string()))
        };
        t.pools.map(|p| [show(&p.p2p), show(&p.lan), show(&p.loopback)].join(", "))
    };
    assert_eq!(pools("").as_deref(), Some("10.64.0.0/12 -, 10.80.0.0/12 -, - -"));
    assert_eq!(pools("addressing: none\n"), None);
    assert_eq!(
        pools("addressing: { p2p: { ipv6: \"fd00::/48\" }, lan: {} }\n").as_deref(),
        Some("- fd00::/48, - -, - -")
    );
}
