//! Topologies built in a few words, for tests.

use indexmap::IndexMap;
use ipnet::IpNet;
use petgraph::graph::{EdgeIndex, NodeIndex, UnGraph};

use crate::names::{LabName, NodeName};
use crate::problem::Place;
use crate::topology::{
    Endpoint, Kind, Link, LinkKind, Node, OwnKind, Owned, Pool, Pools, PortWritten, Routing, Switch, Topology, Trunk,
    Written, WrittenRoute,
};

mod extras;
mod sketch;
mod text;

pub(crate) use extras::Extra;
pub(crate) use sketch::{Sketch, Without};
pub(crate) use text::lines;

/// A lab being built.
#[derive(Debug, Clone)]
pub(crate) struct Lab(pub(crate) Topology);

pub(crate) fn net(text: &str) -> IpNet {
    text.parse().expect("a test's network")
}

pub(crate) fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|t| net(t)).collect()
}

impl Lab {
    /// Nothing yet; addresses from the default pools, written routes only.
    pub(crate) fn new() -> Self {
        Lab(Topology {
            name: LabName::new("lab").expect("a name"),
            prefix: "lab-".into(),
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
        self.0.graph.add_node(Node {
            name: NodeName::new(name).expect("a test's name"),
            kind,
            loopbacks: Vec::new(),
            interfaces: Vec::new(),
            routes: Vec::new(),
            sysctls: IndexMap::new(),
            exec: Vec::new(),
            at: Place::default().key("nodes").key(name),
        })
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
            Kind::Namespace | Kind::Router | Kind::Nic { .. } => panic!("not a switch"),
        }
    }

    /// A link between endpoints written `node` or `node:interface`.
    pub(crate) fn link(&mut self, a: &str, b: &str) -> EdgeIndex<u32> {
        let at = Place::default().key("links").index(self.0.graph.edge_count());
        let end = |text: &str| {
            let (node, interface) = text.split_once(':').map_or((text, None), |(n, i)| (n, Some(i.to_owned())));
            let node = self.0.node(node).expect("the node is there");
            Endpoint {
                node,
                interface,
                addresses: Vec::new(),
                mac: None,
                mtu: None,
                written: Written::default(),
                port: PortWritten::default(),
                at: at.clone(),
            }
        };
        let ends = [end(a), end(b)];
        let nodes = [ends[0].node, ends[1].node];
        self.0.graph.add_edge(
            nodes[0],
            nodes[1],
            Link { ends, kind: LinkKind::Veth, subnets: Vec::new(), gives: true, at },
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
<<<<<<< HEAD

/// A random lab in few words: what it is made of, so that a part can be left out.
#[derive(Debug, Clone)]
pub(crate) struct Sketch {
    /// Both families and loopbacks, or IPv4 alone.
    pub(crate) dual: bool,
    /// Switches in the machine's own namespace.
    pub(crate) in_host: bool,
    /// 0 a switch, 1 or 2 a host, else a router.
    pub(crate) kinds: Vec<u8>,
    /// Two positions in `kinds`, folded into its length.
    pub(crate) links: Vec<(u8, u8)>,
}

impl Sketch {
    pub(crate) fn any() -> impl Strategy<Value = Sketch> {
        let kinds = prop::collection::vec(0..6_u8, 2..9);
        let links = prop::collection::vec(any::<(u8, u8)>(), 0..14);
        let sketch = |(dual, in_host, kinds, links)| Sketch { dual, in_host, kinds, links };
        (any::<bool>(), any::<bool>(), kinds, links).prop_map(sketch)
    }

    /// The names of its nodes: the first letter says what each is.
    pub(crate) fn names(&self) -> Vec<String> {
        let letter = |kind: u8| match kind {
            0 => 's',
            1 | 2 => 'h',
            _ => 'r',
        };
        (0..).zip(&self.kinds).map(|(n, kind): (u32, _)| format!("{}{n}", letter(*kind))).collect()
    }

    /// The two nodes of a link.
    pub(crate) fn joined(&self, link: usize) -> [String; 2] {
        let (a, b) = self.links[link];
        [a, b].map(|end| self.names().swap_remove(usize::from(end) % self.kinds.len()))
    }

    /// The lab without what is to be left out.
    pub(crate) fn build(&self, routing: Routing, without: &Without) -> Lab {
        let mut lab = if self.dual { Lab::dual() } else { Lab::new() };
        lab.0.routing = routing;
        let names = self.names();
        for (name, kind) in names.iter().zip(&self.kinds).filter(|(name, _)| without.node.as_ref() != Some(*name)) {
            match kind {
                0 => {
                    let switch = lab.switch(name, &[]);
                    lab.switch_mut(switch).in_host = self.in_host;
                    switch
                }
                1 | 2 => lab.host(name),
                _ => lab.router(name),
            };
        }
        for n in 0..self.links.len() {
            let [a, b] = &self.joined(n);
            let left_out = |name| without.node.as_ref() == Some(name);
            if a != b && without.link != Some(n) && !left_out(a) && !left_out(b) {
                lab.link(a, b);
            }
        }
        lab
    }
}

/// What to leave out of a sketch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Without {
    pub(crate) node: Option<String>,
    pub(crate) link: Option<usize>,
}

/// One resource a line, in order.
pub(crate) fn lines(state: &HostState) -> String {
    state.iter().map(|(key, resource)| format!("{key}{}\n", tail(resource))).collect()
}

fn tail(resource: &Resource) -> String {
    use crate::resource::Device;
    match resource {
        Resource::Ovs(_) => todo!("ovs"),
        Resource::Device(Device::Veth(v)) => {
            let end = |end: &End| {
                let queues = if end.queues == 1 { String::new() } else { format!(" queues {}", end.queues) };
                let length =
                    if end.tx_queue_len == 1000 { String::new() } else { format!(" txqueuelen {}", end.tx_queue_len) };
                format!("{} {} mtu {}{queues}{length}", end.id, end.mac, end.mtu)
            };
            let [a, b] = v.ends();
            format!(" = {}, {}", end(a), end(b))
        }
        Resource::Device(Device::Bridge(b)) => {
            let born = Bridge::new(b.id.clone(), b.mac);
            let mut text = format!(" = bridge {}", b.mac);
            for (is_so, word) in [(b.stp, " stp".to_owned()), (b.vlan_filtering, " vlan_filtering".to_owned())] {
                text += if is_so { &word } else { "" };
            }
            if b.forward_delay != born.forward_delay {
                text += &format!(" forward_delay {}", b.forward_delay);
            }
            if b.ageing != born.ageing {
                text += &format!(" ageing {}", b.ageing);
            }
            text
        }
        Resource::Device(Device::Single(s)) => {
            let kind = match &s.kind {
                SingleKind::Dummy => String::new(),
                SingleKind::Vlan { parent, vid, protocol } => format!(" {vid} {protocol} of {parent}"),
                SingleKind::Macvlan { parent, mode } => format!(" {mode} on {parent}"),
                SingleKind::Ipvlan { parent, mode } => format!(" {mode} on {parent}"),
                SingleKind::Bond(bond) => format!(" {} miimon {}", bond.mode, bond.miimon),
                SingleKind::Vrf { table } => format!(" table {table}"),
            };
            let mac = s.mac.map_or_else(String::new, |mac| format!(" {mac}"));
            let mtu = s.mtu.map_or_else(String::new, |mtu| format!(" mtu {mtu}"));
            format!(" = {}{kind}{mac}{mtu}", s.kind.name())
        }
        Resource::Port(p) => {
            let born = PortSettings::default();
            let said =
                |word: &str, is: bool, born: bool| if is == born { String::new() } else { format!(" {word} {is}") };
            let PortSettings { hairpin, isolated, learning } = p.settings;
            let hairpin = said("hairpin", hairpin, born.hairpin);
            let isolated = said("isolated", isolated, born.isolated);
            format!(" of {}{hairpin}{isolated}{}", p.master, said("learning", learning, born.learning))
        }
        Resource::PortVlans(v) => {
            let range = |r: &VlanRange| {
                let last = if r.last == r.first { String::new() } else { format!("-{}", r.last) };
                format!(" {}{last}{}", r.first, if r.untagged { " untagged" } else { "" })
            };
            let pvid = v.pvid.map_or_else(String::new, |pvid| format!(" pvid {pvid}"));
            format!(" ={}{pvid}", v.ranges().iter().map(range).collect::<String>())
        }
        Resource::Qdisc(q) => format!(" = {:?}", q.kind),
        Resource::Tuning(t) => format!(" = {}", t.value),
        Resource::Route(r) => {
            let hop = |h: &crate::resource::NextHop| match h.gateway {
                Some(gateway) => format!(" via {gateway} dev {}", h.device),
                None => format!(" dev {}", h.device),
            };
            r.via.iter().map(hop).collect()
        }
        Resource::Sysctl(s) => format!(" = {}", s.value),
        Resource::Netns(_)
        | Resource::Device(Device::Stray { .. })
        | Resource::Up(_)
        | Resource::Address(_)
        | Resource::Ran(_) => String::new(),
    }
}
=======
>>>>>>> three
