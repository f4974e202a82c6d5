//! Pictures of a lab over several hosts.

use expect_test::expect;
use indexmap::IndexMap;
use netsim_core::names::{HostId, NodeName};
use netsim_core::spec;
use netsim_core::topology::{Endpoint, Kind, Link, LinkKind, Node, On, Overlay, OverlayKind, OverlayWritten, Topology};

use super::{dot, mermaid};

const LAB: &str = "
name: spread
nodes: { a: {}, b: {}, c: { kind: router } }
links:
  - { endpoints: [a, c] }
  - { endpoints: [b, c] }
";

/// `a` and `c` on h1, `b` on h2, its link to `c` an overlay.
fn spread() -> Topology {
    let (_, loaded) = spec::load("spread.yaml", &mut |_| Ok(LAB.to_owned()), &IndexMap::new());
    let mut topology = loaded.expect("it is a lab");
    let host = |name: &str| HostId::new(name).expect("a name");
    for (node, on) in [("a", "h1"), ("b", "h2"), ("c", "h1")] {
        let node = topology.node(node).expect("the file says so");
        topology.graph[node].on = On::Host(host(on));
    }
    let edge = topology.graph.edge_indices().nth(1).expect("there are two links");
    let link: Link = topology.graph.remove_edge(edge).expect("it is there");
    let written = OverlayWritten {
        kind: OverlayKind::Vxlan { vni: Some(4100), port: None, group: None, df: None },
        ttl: None,
        checksum: None,
        at: link.at.clone(),
    };
    let (hosts, subnets) = (vec![host("h2"), host("h1")], Vec::new());
    let overlay = Overlay { written, number: 4100, hosts, subnets, gives: true, p2p: true };
    let like = topology.graph[link.ends[0].node].clone();
    let (name, kind) = (NodeName::new("b-c").expect("a name"), Kind::Overlay(Box::new(overlay)));
    let vertex = topology.graph.add_node(Node { name, kind, on: On::Auto, ..like });
    for end in link.ends.clone() {
        let (near, far) = (end.node, Endpoint { node: vertex, ..end.clone() });
        topology.graph.add_edge(near, vertex, Link { ends: [end, far], kind: LinkKind::Overlay, ..link.clone() });
    }
    topology
}

#[test]
fn each_host_is_a_box_and_what_joins_them_is_in_none() {
    expect![[r#"
        graph "spread" {
          layout=fdp; overlap=false; splines=true;
          node [fontname="sans-serif", fontsize=11];
          edge [fontname="sans-serif", fontsize=8];
          subgraph "cluster h1" {
            label="h1";
            "a" [shape=box];
            "c" [shape=ellipse];
          }
          subgraph "cluster h2" {
            label="h2";
            "b" [shape=box];
          }
          "b-c" [shape=plain, label="vxlan 4100"];
          "a" -- "c";
          "b" -- "b-c" [style=dashed];
          "c" -- "b-c" [style=dashed];
        }
    "#]]
    .assert_eq(&dot::graph(&spread(), None));
    expect![[r#"
        ---
        title: spread
        ---
        graph LR
          subgraph h0["h1"]
            n0["a"]
            n2(("c"))
          end
          subgraph h1["h2"]
            n1["b"]
          end
          n3(["vxlan 4100"])
          n0 --- n2
          n1 --- n3
          n2 --- n3
    "#]]
    .assert_eq(&mermaid::flowchart(&spread(), None));
}
