//! `place: auto`: what holds of where nodes are put.

use expect_test::{Expect, expect};
use indexmap::IndexMap;
use netsim_core::names::{HostId, NodeName};
use netsim_core::place::{Places, place};
use netsim_core::testing::rounds;
use netsim_core::topology::{Kind, On, Topology};
use proptest::prelude::*;

use crate::show::{load_files, told, topology};

fn lab(text: &str) -> Topology {
    topology(&format!("name: t\nplace: auto\n{text}"))
}

/// Where the nodes of a placed topology are.
fn places(placed: &Topology) -> Places {
    let nodes = placed.graph.node_weights().filter(|node| node.overlay().is_none());
    let on = nodes.map(|node| match &node.on {
        On::Host(host) => (node.name.clone(), host.clone()),
        On::Auto | On::Each(_) => panic!("{} is on no host", node.name),
    });
    on.collect()
}

fn put(topology: &Topology, now: &Places) -> Places {
    places(&place(topology, now).unwrap_or_else(|problems| panic!("{problems:#?}")))
}

/// Host by host, who is there.
fn shown(places: &Places) -> String {
    let mut hosts: IndexMap<&HostId, Vec<&str>> = IndexMap::new();
    for (node, host) in places {
        hosts.entry(host).or_default().push(node.as_str());
    }
    hosts.sort_unstable_keys();
    hosts.iter().map(|(host, nodes)| format!("{host}: {}\n", nodes.join(" "))).collect()
}

fn check(text: &str, now: &[(&str, &str)], expect: Expect) {
    let now = now.iter().map(|(node, host)| (NodeName::new(node).expect("a name"), HostId::new(host).expect("a name")));
    expect.assert_eq(&shown(&put(&lab(text), &now.collect())));
}

fn check_wrong(text: &str, expect: Expect) {
    let (sources, result) = load_files(&[("lab.yaml", &format!("name: t\nplace: auto\n{text}"))], &[]);
    let topology = result.unwrap_or_else(|problems| panic!("{}", told(&sources, &problems)));
    let problems = place(&topology, &Places::new()).expect_err("it is wrong");
    expect.assert_eq(&told(&sources, &problems));
}

const FABRIC: &str = r#"hosts: { "s[1-4]": { ssh: "s[1-4]" } }
nodes: { "spine[1-4]": { kind: router }, "leaf[1-8]": { kind: router }, "srv[1-8]": {} }
links:
  - { each: ["leaf[1-8]", "spine[1-4]"] }
  - { endpoints: ["srv[1-8]", "leaf[1-8]"] }
"#;

#[test]
fn a_fabric_is_spread_evenly_and_servers_are_beside_their_leaves() {
    check(
        FABRIC,
        &[],
        expect![[r#"
        s1: spine1 leaf1 leaf2 srv1 srv2
        s2: spine2 leaf3 leaf4 srv3 srv4
        s3: spine3 leaf5 leaf6 srv5 srv6
        s4: spine4 leaf7 leaf8 srv7 srv8
    "#]],
    );
}

#[test]
fn what_runs_stays_unless_the_file_says_otherwise_or_its_host_is_gone() {
    let text = r#"hosts: { h1: { ssh: a }, h2: { ssh: b } }
nodes: { a: {}, b: {}, c: { host: h1 }, d: {}, new: {} }
links: [{ endpoints: [a, b] }, { endpoints: [b, c] }, { endpoints: [c, d] }, { endpoints: [d, new] }]
"#;
    check(
        text,
        &[("a", "h2"), ("b", "h1"), ("c", "h2"), ("d", "gone")],
        expect![[r#"
        h1: b c d
        h2: a new
    "#]],
    );
}

#[test]
fn what_cannot_be_parted_is_together() {
    check(
        r#"hosts: { h1: { ssh: a }, h2: { ssh: b }, h3: { ssh: c } }
nodes: { a: {}, b: {}, c: {}, d: {}, e: {}, f: {}, o: { kind: ovs }, g: { host: h3 }, x: {} }
links:
  - { endpoints: [a, b], bond: { links: 2 } }
  - { endpoints: [c, d], queues: 2 }
  - { endpoints: ["{e,f}:m0", "host:eth1"], macvlan: bridge, ipv4: ["192.0.2.[1-2]/24"] }
  - { endpoints: [x, { node: o, policing: 1mbit }] }
  - { endpoints: [x, g], bond: { links: 2 } }
"#,
        &[],
        expect![[r#"
            h1: a b e f nic-eth1-h1
            h2: c d
            h3: o g x
        "#]],
    );
}

#[test]
fn a_node_at_a_bridge_on_several_hosts_is_on_one_of_those() {
    check(
        r#"hosts: { h1: { ssh: a }, h2: { ssh: b }, h3: { ssh: c } }
nodes: { sw: { kind: bridge, hosts: [h2, h3] }, "n[1-6]": {} }
links: [{ endpoints: ["n[1-6]", sw] }]
"#,
        &[],
        expect![[r#"
            h2: sw-h2 n1 n3 n5
            h3: sw-h3 n2 n4 n6
        "#]],
    );
}

#[test]
fn heavy_hosts_take_more_and_local_takes_part_where_it_is_written() {
    check(
        r#"hosts: { local: {}, h1: { ssh: a, weight: 3 } }
nodes: { "n[1-8]": {} }
links: [{ endpoints: ["n[1-7]", "n[2-8]"] }]
"#,
        &[],
        expect![[r#"
            h1: n1 n2 n3 n4 n5 n6
            local: n7 n8
        "#]],
    );
}

#[test]
fn what_cannot_be_together_as_it_must_is_told() {
    check_wrong(
        r#"hosts: { h1: { ssh: a }, h2: { ssh: b } }
nodes: { a: { host: h1 }, b: {}, c: { host: h2 } }
links: [{ endpoints: [a, b], bond: { links: 2 } }, { endpoints: [b, c], bond: { links: 2 } }]
"#,
        expect![[r#"
            E188 4:34 ⟨c⟩ `a` and `c` cannot be parted, and are written to be on h1 and h2
                 write one host for both, or none; a bond or a setting of a pair of devices keeps them together
        "#]],
    );
    check_wrong(
        r#"hosts: { h1: { ssh: a }, h2: { ssh: b }, h3: { ssh: c }, h4: { ssh: d } }
nodes: { a: {}, b: { host: h1 }, s: { kind: bridge, hosts: [h1, h2] }, t: { kind: bridge, hosts: [h3, h4] }, c: {} }
links: [{ endpoints: [a, s] }, { endpoints: [a, t] }, { endpoints: [b, c], queues: 2 }, { endpoints: [c, t] }]
"#,
        expect![[r#"
            E188 4:10 ⟨a⟩ no host has a part of all the bridges that `a` is linked to
                 write one more host under `hosts:` of `t`
            E188 4:17 ⟨b⟩ `b` cannot be on h1: a node that cannot be parted from it is linked to a bridge that has no part there
                 write that host under the bridge's `hosts:`
        "#]],
    );
}

#[test]
fn every_topology_of_the_library_can_be_placed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../topologies");
    let files = std::fs::read_dir(folder).expect("the library").map(|file| file.expect("a file").path());
    let mut several = Vec::new();
    for file in files.filter(|file| file.extension().is_some_and(|e| e == "yaml")) {
        let placed = place(&topology(&std::fs::read_to_string(&file).expect("readable")), &Places::new());
        let placed = placed.unwrap_or_else(|problems| panic!("{}: {problems:#?}", file.display()));
        if placed.hosts_used().len() > 1 {
            assert!(placed.graph.node_weights().any(|node| node.overlay().is_some()), "{}", file.display());
            several.push(placed.name.to_string());
        }
    }
    several.sort();
    assert_eq!(several, ["fabric", "gre", "multicast", "ovs-vxlan", "stretched"]);
}

/// A lab of so many nodes over so many hosts, with links between any.
fn any() -> impl Strategy<Value = (String, usize)> {
    (2..5_usize, 3..24_usize).prop_flat_map(|(hosts, nodes)| {
        let links = prop::collection::vec((0..nodes, 0..nodes), 1..40);
        let domains = prop::collection::vec(prop::collection::btree_set(0..nodes, 3..6), 0..3);
        let pins = prop::collection::vec(prop::option::weighted(0.2, 0..hosts), nodes);
        (Just(hosts), links, domains, pins).prop_map(|(hosts, links, domains, pins)| {
            let mut text = format!("hosts: {{ \"h[1-{hosts}]\": {{ ssh: \"h[1-{hosts}]\" }} }}\nnodes:\n");
            for (n, pin) in pins.iter().enumerate() {
                let pin = pin.map_or(String::new(), |host| format!("host: h{}", host + 1));
                text.push_str(&format!("  n{n}: {{ {pin} }}\n"));
            }
            text.push_str("links:\n");
            for (a, b) in links.iter().map(|&(a, b)| if a == b { (a, (b + 1) % pins.len()) } else { (a, b) }) {
                text.push_str(&format!("  - {{ endpoints: [n{a}, n{b}] }}\n"));
            }
            for domain in &domains {
                let ends: Vec<String> = domain.iter().map(|n| format!("n{n}")).collect();
                text.push_str(&format!("  - {{ endpoints: [{}] }}\n", ends.join(", ")));
            }
            (text, pins.len())
        })
    })
}

/// Where the file says the links of a node, in the order in which it has them.
fn order(topology: &Topology, name: &str) -> Vec<String> {
    let node = topology.node(name).expect("the node is there");
    let edges =
        topology.graph.edge_indices().filter(|&edge| topology.graph[edge].ends.iter().any(|end| end.node == node));
    edges.map(|edge| topology.graph[edge].at.to_string()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: rounds(64), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_node_is_on_a_host_and_every_link_within_one_or_at_an_overlay((text, nodes) in any()) {
        let topology = lab(&text);
        let placed = place(&topology, &Places::new()).expect("a sound lab");
        prop_assert!(places(&placed).values().all(|host| placed.hosts.contains_key(host)));
        for link in placed.graph.edge_weights() {
            let [a, b] = link.ends.each_ref().map(|end| &placed.graph[end.node]);
            let joins = match &b.kind {
                Kind::Overlay(overlay) => matches!(&a.on, On::Host(host) if overlay.hosts.contains(host)),
                _ => a.on == b.on,
            };
            prop_assert!(joins, "{} and {}", a.name, b.name);
        }
        for overlay in placed.graph.node_weights().filter_map(|node| node.overlay()) {
            let mut hosts = overlay.hosts.clone();
            hosts.sort();
            hosts.dedup();
            prop_assert!(hosts.len() == overlay.hosts.len() && hosts.len() > 1 && overlay.number > 0);
        }
        for name in (0..nodes).map(|n| format!("n{n}")) {
            prop_assert_eq!(order(&topology, &name), order(&placed, &name));
        }
        prop_assert_eq!(places(&placed), put(&topology, &Places::new()));
    }

    #[test]
    fn a_node_more_moves_no_other_and_an_interrupted_host_keeps_its_own((text, nodes) in any(), to in 0..24_usize, gone in 0..24_usize) {
        let before = put(&lab(&text), &Places::new());
        let more = text.replacen("nodes:\n", "nodes:\n  new: {}\n", 1) + &format!("  - {{ endpoints: [new, n{}] }}\n", to % nodes);
        // Of a host that did not answer what is stored is told, of the others what they say: all of it is where it was.
        let mut after = put(&lab(&more), &before);
        after.swap_remove("new");
        let of_file = |places: &Places| -> Vec<(NodeName, HostId)> {
            (0..nodes).map(|n| places.get_key_value(format!("n{n}").as_str()).map(|(n, h)| (n.clone(), h.clone())).expect("it is there")).collect()
        };
        prop_assert_eq!(of_file(&after), of_file(&before));
        // A node that is not known to run anywhere moves, and nothing else does.
        let mut known = before.clone();
        known.shift_remove(format!("n{}", gone % nodes).as_str());
        let again = put(&lab(&text), &known);
        for (node, host) in known.iter().filter(|(node, _)| node.as_str().starts_with('n')) {
            prop_assert_eq!(again.get(node), Some(host));
        }
    }
}

#[test]
fn a_part_of_a_bridge_has_no_more_ports_than_linux_takes() {
    let lab = |kind: &str, weight: u32| {
        format!(
            "hosts: {{ h1: {{ ssh: a, weight: {weight} }}, h2: {{ ssh: b }} }}\nnodes:\n  \"n[1-1030]\": {{}}\n  sw: {{ kind: {kind}, hosts: [h1, h2] }}\nlinks: [{{ each: [\"n[1-1030]\", sw] }}]\n"
        )
    };
    check_wrong(
        &lab("bridge", 1000),
        expect![[r#"
        E032 6:3 ⟨sw⟩ the bridge `sw-h1` would have 1030 ports; Linux takes 1023
             make more than one bridge, and link them
    "#]],
    );
    // Where each has its share, and where there is no such limit, nothing is wrong.
    for text in [lab("bridge", 1), lab("ovs", 1000)] {
        put(&self::lab(&text), &Places::new());
    }
}
