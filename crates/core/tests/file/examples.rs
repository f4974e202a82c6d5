//! Whole files as people write them.

use expect_test::expect;

use crate::show::{check, load_files, told, topology};

#[test]
fn a_cluster_is_nodes_fanned_out_over_a_bridge() {
    check(
        r#"
name: cluster
nodes:
  node[1-4]: {}                                  # kind: namespace, by default
  lqb: { kind: bridge, subnet: 10.0.1.0/24 }     # node1 gets .1, node2 .2, …
links:
  - { endpoints: ["node[1-4]", lqb], delay: 10ms, loss: 1% }
"#,
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
fn a_triangle_of_routers_has_a_host_behind_each() {
    check(
        r#"
name: triangle
routing: static
addressing:
  p2p:      { ipv4: 10.1.0.0/16, ipv6: fd00:1::/48 }
  loopback: { ipv4: 10.255.0.0/24, ipv6: fd00:ff::/64 }
nodes:
  r[1-3]: { kind: router }
  h[1-3]: {}
links:
  - { endpoints: [r1, r2], rate: 100mbit, delay: 5ms }
  - { endpoints: [r2, r3] }
  - { endpoints: [r3, r1], mtu: 9000 }
  - { endpoints: ["h[1-3]", "r[1-3]"] }          # pairwise
checks:
  - { ping: [h1, h2], rtt: "10ms..20ms" }
  - reachable: all
"#,
        expect![[r#"
            triangle "triangle-" Static
            r1: router
            r2: router
            r3: router
            h1: namespace
            h2: namespace
            h3: namespace
            r1 delay 5ms rate 100mbit -- r2 delay 5ms rate 100mbit
            r2 -- r3
            r3 mtu 9000 -- r1 mtu 9000
            h1 -- r1
            h2 -- r2
            h3 -- r3
            ping h1 h2 Some((10ms, 20ms))
            reachable ["r1", "r2", "r3", "h1", "h2", "h3"]
        "#]],
    );
}

#[test]
fn addresses_and_names_can_be_written_by_hand() {
    check(
        r#"
name: satellite
defaults:
  link: { mtu: 1400 }
nodes:
  ground: { routes: [{ to: default, via: 192.0.2.1 }] }
  sky:    { kind: router, lo: [198.51.100.1/32] }
links:
  - endpoints:
      - { node: ground, interface: sat0, ipv4: 192.0.2.2/30, mac: "02:00:00:00:00:02", delay: 280ms, jitter: 20ms, loss: 2%, rate: 1mbit }
      - { node: sky,    interface: sat0, ipv4: 192.0.2.1/30, delay: 280ms, rate: 20mbit }
"#,
        expect![[r#"
            satellite "satellite-" Written
            ground: namespace route 0.0.0.0/0 via [192.0.2.1]
            sky: router lo 198.51.100.1/32
            ground:sat0 192.0.2.2/30 02:00:00:00:00:02 mtu 1400 delay 280ms jitter 20ms Some(Random(2.0)) rate 1mbit -- sky:sat0 192.0.2.1/30 mtu 1400 delay 280ms rate 20mbit
        "#]],
    );
}

#[test]
fn a_fabric_joins_every_leaf_with_every_spine() {
    check(
        r#"
name: fabric
vars: { spines: 2, leaves: 3 }
routing: static
groups:
  spine: { kind: router, sysctls: { net.ipv4.fib_multipath_hash_policy: 1 } }
  leaf:  { kind: router }
nodes:
  spine[1-${spines}]: { group: spine }
  leaf[1-${leaves}]:  { group: leaf }
  srv[1-${leaves}]:   {}
links:
  - { each: ["leaf[1-${leaves}]", "spine[1-${spines}]"], rate: 1gbit }
  - { endpoints: ["srv[1-${leaves}]", "leaf[1-${leaves}]"], delay: 100us }
"#,
        expect![[r#"
            fabric "fabric-" Static
            spine1: router net.ipv4.fib_multipath_hash_policy="1"
            spine2: router net.ipv4.fib_multipath_hash_policy="1"
            leaf1: router
            leaf2: router
            leaf3: router
            srv1: namespace
            srv2: namespace
            srv3: namespace
            leaf1 rate 1gbit -- spine1 rate 1gbit
            leaf1 rate 1gbit -- spine2 rate 1gbit
            leaf2 rate 1gbit -- spine1 rate 1gbit
            leaf2 rate 1gbit -- spine2 rate 1gbit
            leaf3 rate 1gbit -- spine1 rate 1gbit
            leaf3 rate 1gbit -- spine2 rate 1gbit
            srv1 delay 100us -- leaf1 delay 100us
            srv2 delay 100us -- leaf2 delay 100us
            srv3 delay 100us -- leaf3 delay 100us
        "#]],
    );
}

#[test]
fn three_endpoints_are_one_broadcast_domain() {
    check(
        r#"
name: stretched
nodes:
  m-{a,b,c}: {}
  d[1-2]: {}
links:
  - { endpoints: [m-a, m-b, m-c], subnet: 10.8.0.0/24, mtu: 1400 }
  - { endpoints: ["m-a:lan0", "d[1-2]", "m-b"], ipv4: ["10.9.0.[1-4]/24"] }
"#,
        expect![[r#"
            stretched "stretched-" Written
            m-a: namespace
            m-b: namespace
            m-c: namespace
            d1: namespace
            d2: namespace
            lan-m-a-0: bridge implied gives 10.8.0.0/24
            lan-m-a-lan0: bridge implied
            m-a mtu 1400 -- lan-m-a-0 mtu 1400
            m-b mtu 1400 -- lan-m-a-0 mtu 1400
            m-c mtu 1400 -- lan-m-a-0 mtu 1400
            m-a:lan0 10.9.0.1/24 -- lan-m-a-lan0
            d1 10.9.0.2/24 -- lan-m-a-lan0
            d2 10.9.0.3/24 -- lan-m-a-lan0
            m-b 10.9.0.4/24 -- lan-m-a-lan0
        "#]],
    );
}

#[test]
fn a_hundred_bridges_of_a_thousand_nodes_are_read() {
    let mut text = "name: big\nnodes:\n".to_owned();
    for bridge in 0..100 {
        text += &format!("  br{bridge}: {{ kind: bridge, subnet: 10.{bridge}.0.0/16 }}\n  b{bridge}-n[1-1000]: {{}}\n");
    }
    text += "links:\n";
    for bridge in 0..100 {
        text += &format!("  - {{ endpoints: [\"b{bridge}-n[1-1000]\", br{bridge}] }}\n");
    }
    let topology = topology(&text);
    assert_eq!((topology.graph.node_count(), topology.graph.edge_count()), (100_100, 100_000));
}

#[test]
fn every_topology_of_the_library_is_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../topologies");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml"));
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let (sources, result) = load_files(&[(file.to_str().unwrap(), &text)], &[]);
        if let Err(problems) = result {
            panic!("{}\n{}", file.display(), told(&sources, &problems));
        }
    }
}

#[test]
fn the_whole_files_of_the_reference_are_read() {
    let text = include_str!("../../../../docs/topology.md");
    let whole = text.split("```").filter_map(|block| block.strip_prefix("yaml\n")).filter(|b| b.starts_with("name:"));
    assert!(whole.map(topology).count() > 0);
}
