use super::*;
use indexmap::IndexMap;

fn show(text: &str) -> String {
    let (sources, result) = load("lab.yaml", &mut |_| Ok(text.to_owned()), &IndexMap::new());
    match result {
        Ok(t) => {
            let mut out = format!("lab {} prefix {:?} {:?} {:?}\n", t.name, t.prefix, t.routing, t.pools);
            for n in t.graph.node_weights() {
                out += &format!(
                    "{} {:?} lo={:?} {:?} {:?} {:?}\n",
                    n.name, n.kind, n.loopbacks, n.routes, n.sysctls, n.exec
                );
            }
            for l in t.graph.edge_weights() {
                let e = |s: usize| {
                    let e = &l.ends[s];
                    format!("{}:{:?} {:?} {:?} {:?}", t.graph[e.node].name, e.interface, e.addresses, e.mac, e.mtu)
                };
                out += &format!("{} -- {} {:?} {}\n", e(0), e(1), l.subnets, l.gives);
            }
            out
        }
        Err(problems) => problems
            .iter()
            .map(|p| {
                let spot =
                    p.at.as_ref()
                        .and_then(|a| sources.locate(a))
                        .map_or(String::new(), |s| format!("{}:{}+{} ", s.line, s.column, s.len));
                format!(
                    "{} {spot}{} [{}] hint: {}\n",
                    p.code,
                    p.message,
                    p.at.as_ref().map_or(String::new(), |a| a.to_string()),
                    p.hint.as_deref().unwrap_or("-")
                )
            })
            .collect(),
    }
}

#[test]
fn a_cluster_is_four_nodes_on_a_bridge() {
    let text = "name: cluster\nnodes:\n  node[1-4]: {}\n  lqb: { kind: bridge, subnet: 10.0.1.0/24 }\nlinks:\n  - { endpoints: [\"node[1-4]\", lqb] }\n";
    let (_, topology) = load("lab.yaml", &mut |_| Ok(text.to_owned()), &IndexMap::new());
    let topology = topology.expect("it is right");
    assert_eq!((topology.graph.node_count(), topology.graph.edge_count()), (5, 4));
}

#[test]
fn mistakes_are_told_with_their_places() {
    assert_eq!(
        show("name: a\nnodes: {}\nlnks: []\n"),
        "E004 3:1+4 unknown key `lnks` [lnks] hint: did you mean `links`?\n"
    );
}
