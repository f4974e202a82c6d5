//! Topologies built in a few words, for tests.

use indexmap::IndexMap;
use ipnet::IpNet;
use petgraph::graph::{EdgeIndex, NodeIndex, UnGraph};
use proptest::prelude::ProptestConfig;

use crate::names::{LabName, NodeName};
use crate::problem::Place;
use crate::resource::VlanProtocol;
use crate::testing::rounds;
use crate::topology::{
    Endpoint, Kind, Link, LinkKind, Node, OwnKind, Owned, Pool, Pools, Routing, Switch, Topology, Trunk, Written,
    WrittenRoute,
};

mod extras;
mod hosts;
mod sketch;
mod text;

pub(crate) use extras::Extra;
pub(crate) use hosts::{HOSTS, Spread, facts, nic, overlay, three, vxlan};
pub(crate) use sketch::{Sketch, Without};
pub(crate) use text::lines;

/// A property is tried with so many cases, or as many as `PROPTEST_CASES` says; few of those may be thrown away.
pub(crate) fn tried(usual: u32) -> ProptestConfig {
    let cases = rounds(usual);
    let max_global_rejects = cases.saturating_mul(3);
    ProptestConfig { cases, max_global_rejects, failure_persistence: None, ..ProptestConfig::default() }
}

/// A lab being built.
#[derive(Debug, Clone)]
pub(crate) struct Lab(pub(crate) Topology);

pub(crate) fn net(text: &str) -> IpNet {
    text.parse().expect("a test's network")
}

pub(crate) fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|t| net(t)).collect()
}

/// An 802.1Q sub-interface.
pub(crate) fn vlan(parent: &str, vid: u16) -> OwnKind {
    OwnKind::Vlan { parent: parent.into(), vid, protocol: VlanProtocol::Q }
}

impl Lab {
    /// Nothing yet; addresses from the default pools, written routes only.
    pub(crate) fn new() -> Self {
        Lab(Topology {
            name: LabName::new("lab").expect("a name"),
            prefix: "lab-".into(),
            hosts: IndexMap::new(),
            graph: UnGraph::default(),
            routing: Routing::Written,
            pools: Some(Pools::default()),
            checks: Vec::new(),
        })
    }

    /// Static routing, both families, loopbacks.
    pub(crate) fn dual() -> Self {
        let mut lab = Lab::new();
        lab.0.routing = Routing::Static;
        let pool = |v4: &str, v6: &str| Pool {
            ipv4: Some(v4.parse().expect("a pool")),
            ipv6: Some(v6.parse().expect("a pool")),
        };
        lab.0.pools = Some(Pools {
            p2p: pool("10.1.0.0/16", "fd00:1::/48"),
            lan: pool("10.2.0.0/16", "fd00:2::/48"),
            loopback: pool("10.255.0.0/24", "fd00:ff::/64"),
        });
        lab
    }

    fn add(&mut self, name: &str, kind: Kind) -> NodeIndex<u32> {
        let at = Place::default().key("nodes").key(name);
        self.0.graph.add_node(Node::new(NodeName::new(name).expect("a test's name"), kind, at))
    }

    pub(crate) fn host(&mut self, name: &str) -> NodeIndex<u32> {
        self.add(name, Kind::Namespace)
    }

    pub(crate) fn router(&mut self, name: &str) -> NodeIndex<u32> {
        self.add(name, Kind::Router)
    }

    pub(crate) fn switch(&mut self, name: &str, subnets: &[&str]) -> NodeIndex<u32> {
        self.add(name, Kind::Bridge(Switch { gives: true, subnets: nets(subnets), ..Switch::default() }))
    }

    pub(crate) fn switch_mut(&mut self, node: NodeIndex<u32>) -> &mut Switch {
        match &mut self.0.graph[node].kind {
            Kind::Bridge(switch) | Kind::Ovs(switch, _) => switch,
            Kind::Namespace | Kind::Router | Kind::Nic { .. } | Kind::Host | Kind::Overlay(_) => panic!("not a switch"),
        }
    }

    /// A link between endpoints written `node` or `node:interface`.
    pub(crate) fn link(&mut self, a: &str, b: &str) -> EdgeIndex<u32> {
        let at = Place::default().key("links").index(self.0.graph.edge_count());
        let end = |text: &str| {
            let (node, interface) = text.split_once(':').map_or((text, None), |(n, i)| (n, Some(i.to_owned())));
            let node = self.0.node(node).expect("the node is there");
            Endpoint::new(node, interface, at.clone())
        };
        let ends = [end(a), end(b)];
        let nodes = [ends[0].node, ends[1].node];
        self.0.graph.add_edge(
            nodes[0],
            nodes[1],
            Link { ends, kind: LinkKind::Veth, overlay: None, subnets: Vec::new(), gives: true, at },
        )
    }

    /// A link with an address written on each end; an empty text is none.
    pub(crate) fn wire(&mut self, a: (&str, &str), b: (&str, &str)) -> EdgeIndex<u32> {
        let edge = self.link(a.0, b.0);
        for (side, text) in [a.1, b.1].into_iter().enumerate().filter(|(_, text)| !text.is_empty()) {
            self.0.graph[edge].ends[side].addresses.push(net(text));
        }
        edge
    }

    /// An end of a link.
    pub(crate) fn end(&mut self, edge: EdgeIndex<u32>, side: usize) -> &mut Endpoint {
        &mut self.0.graph[edge].ends[side]
    }

    /// A link whose ports are of one VLAN.
    pub(crate) fn access(&mut self, a: &str, b: &str, vlan: u16) -> EdgeIndex<u32> {
        let edge = self.link(a, b);
        self.0.graph[edge].ends.iter_mut().for_each(|end| end.port.vlan = Some(vlan));
        edge
    }

    /// A link whose ports pass these VLANs with a tag.
    pub(crate) fn trunk(&mut self, a: &str, b: &str, vlans: &[(u16, u16)], native: Option<u16>) -> EdgeIndex<u32> {
        let edge = self.link(a, b);
        for end in &mut self.0.graph[edge].ends {
            end.port.trunk = Some(Trunk::Ranges(vlans.to_vec()));
            end.port.native = native;
        }
        edge
    }

    /// An interface of a node's own.
    pub(crate) fn own(&mut self, node: &str, name: &str, kind: OwnKind, addresses: &[&str]) -> &mut Owned {
        let index = self.0.node(node).expect("the node is there");
        let at = self.0.graph[index].at.key("interfaces").key(name);
        let (name, addresses) = (name.to_owned(), nets(addresses));
        let own = Owned { name, kind, addresses, mac: None, mtu: None, written: Written::default(), at };
        self.0.graph[index].interfaces.push(own);
        self.0.graph[index].interfaces.last_mut().expect("it was just added")
    }

    /// A NIC of the machine.
    pub(crate) fn nic(&mut self, name: &str) -> NodeIndex<u32> {
        self.add(&format!("nic-{name}"), Kind::Nic { name: name.to_owned() })
    }

    /// A device on a NIC of the machine.
    pub(crate) fn on_nic(&mut self, node: &str, nic: &str, kind: LinkKind, address: &str) -> EdgeIndex<u32> {
        let edge = self.wire((node, address), (&format!("nic-{nic}"), ""));
        self.0.graph[edge].kind = kind;
        edge
    }

    pub(crate) fn route(&mut self, node: &str, to: &str, via: &[&str]) {
        let index = self.0.node(node).expect("the node is there");
        let at = self.0.graph[index].at.key("routes").index(self.0.graph[index].routes.len());
        let via = via.iter().map(|v| v.parse().expect("a test's gateway")).collect();
        self.0.graph[index].routes.push(WrittenRoute { to: net(to), via, device: None, metric: None, vrf: None, at });
    }
}

/// A node with many on one switch.
pub(crate) fn star(nodes: usize) -> Lab {
    let mut lab = Lab::new();
    for n in 1..=nodes {
        lab.host(&format!("node{n}"));
    }
    lab.switch("lqb", &["10.0.0.0/16"]);
    for n in 1..=nodes {
        lab.link(&format!("node{n}"), "lqb");
    }
    lab
}

/// Three routers in a ring with a host each, both families.
pub(crate) fn triangle() -> Lab {
    let mut lab = Lab::dual();
    for n in 1..=3 {
        lab.router(&format!("r{n}"));
    }
    for n in 1..=3 {
        lab.host(&format!("h{n}"));
    }
    for (a, b) in [("r1", "r2"), ("r2", "r3"), ("r3", "r1"), ("h1", "r1"), ("h2", "r2"), ("h3", "r3")] {
        lab.link(a, b);
    }
    lab
}

/// A fat tree of switches with `k` ports as routers, a host on each port of the edge, IPv4 (Al-Fares, Loukissas, Vahdat 2008).
pub(crate) fn fat_tree(k: usize) -> Lab {
    let mut lab = Lab::new();
    lab.0.routing = Routing::Static;
    let half = k / 2;
    for core in 0..half * half {
        lab.router(&format!("core{core}"));
    }
    for pod in 0..k {
        for n in 0..half {
            lab.router(&format!("agg{pod}-{n}"));
            lab.router(&format!("edge{pod}-{n}"));
        }
        for n in 0..half {
            for m in 0..half {
                lab.link(&format!("agg{pod}-{n}"), &format!("core{}", n * half + m));
                lab.link(&format!("agg{pod}-{n}"), &format!("edge{pod}-{m}"));
                let host = format!("h{pod}-{n}-{m}");
                lab.host(&host);
                lab.link(&host, &format!("edge{pod}-{n}"));
            }
        }
    }
    lab
}

/// Every leaf with every spine, and a switch with servers behind each leaf.
pub(crate) fn spine_leaf(spines: usize, leaves: usize, servers: usize) -> Lab {
    let mut lab = Lab::new();
    lab.0.routing = Routing::Static;
    for spine in 0..spines {
        lab.router(&format!("spine{spine}"));
    }
    for leaf in 0..leaves {
        let (router, switch) = (format!("leaf{leaf}"), format!("lan{leaf}"));
        lab.router(&router);
        lab.switch(&switch, &[]);
        lab.link(&router, &switch);
        for spine in 0..spines {
            lab.link(&router, &format!("spine{spine}"));
        }
        for server in 0..servers {
            let name = format!("srv{leaf}-{server}");
            lab.host(&name);
            lab.link(&name, &switch);
        }
    }
    lab
}
