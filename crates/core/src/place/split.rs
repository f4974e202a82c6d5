//! From a topology and where its nodes are to one whose every node is on a host: bridges split, links between hosts made overlays.

use std::collections::BTreeMap;

use indexmap::{IndexMap, IndexSet};
use petgraph::graph::{EdgeIndex, NodeIndex, UnGraph};
use rustc_hash::{FxHashMap, FxHashSet};

use super::naming::{between, free, part};
use crate::names::{HostId, NodeName};
use crate::problem::Place;
use crate::topology::{
    CheckKind, Endpoint, Kind, Link, LinkKind, Node, On, Overlay, OverlayKind, OverlayWritten, PortWritten, Switch,
    Topology, Trunk,
};

/// By node index: where a node is; none of bridges that are split and of NICs, which are where what is linked to them is.
pub(super) type Hosts = [Option<HostId>];

/// Splits what is on several hosts.
pub(super) fn split(topology: &Topology, hosts: &Hosts) -> Topology {
    let mut splitting = Splitting {
        topology,
        hosts,
        graph: UnGraph::default(),
        whole: vec![None; topology.graph.node_count()],
        parts: FxHashMap::default(),
        overlays: FxHashMap::default(),
        names: FxHashSet::default(),
        ends: Vec::new(),
    };
    let joints = splitting.nodes();
    splitting.overlays(&joints);
    splitting.links(&joints);
    splitting.remap_mirrors();
    let remap = |nodes: &[NodeIndex<u32>]| nodes.iter().map(|&node| splitting.at(node)).collect();
    let checks = topology.checks.iter().map(|check| {
        let kind = match &check.kind {
            CheckKind::Reachable(nodes) => CheckKind::Reachable(remap(nodes)),
            CheckKind::Unreachable(nodes) => CheckKind::Unreachable(remap(nodes)),
            CheckKind::Ping { from, to, rtt } => {
                CheckKind::Ping { from: splitting.at(*from), to: splitting.at(*to), rtt: *rtt }
            }
        };
        crate::topology::Check { kind, at: check.at.clone() }
    });
    Topology {
        name: topology.name.clone(),
        prefix: topology.prefix.clone(),
        hosts: topology.hosts.clone(),
        routing: topology.routing,
        pools: topology.pools.clone(),
        checks: checks.collect(),
        graph: splitting.graph,
    }
}

/// A bridge that is split.
struct Joint {
    /// Its hosts: as written, else by its first ends there.
    hosts: IndexSet<HostId>,
    /// Those that have a part of the bridge; on the others the one end is on the overlay itself.
    bridged: FxHashSet<HostId>,
    /// Whether any of its ports is in a VLAN.
    filters: bool,
}

struct Splitting<'a> {
    topology: &'a Topology,
    hosts: &'a Hosts,
    graph: UnGraph<Node, Link, u32>,
    /// By the old index: the new one of a node that is not split.
    whole: Vec<Option<NodeIndex<u32>>>,
    /// The parts of bridges and NICs.
    parts: FxHashMap<(NodeIndex<u32>, HostId), NodeIndex<u32>>,
    /// What joins the parts of a bridge.
    overlays: FxHashMap<NodeIndex<u32>, NodeIndex<u32>>,
    names: FxHashSet<NodeName>,
    /// By the old index of a link: the link that each of its ends is on.
    ends: Vec<[EdgeIndex<u32>; 2]>,
}

impl Splitting<'_> {
    fn at(&self, node: NodeIndex<u32>) -> NodeIndex<u32> {
        self.whole[node.index()].expect("only bridges and NICs are split, and nothing is asked of those")
    }

    /// Adds all nodes; gives back the bridges that are split.
    fn nodes(&mut self) -> BTreeMap<NodeIndex<u32>, Joint> {
        let graph = &self.topology.graph;
        let around = Around::of(self.topology, self.hosts);
        let mut joints = BTreeMap::new();
        for node in graph.node_indices() {
            let weight = &graph[node];
            if let Some(host) = &self.hosts[node.index()] {
                self.names.insert(weight.name.clone());
                let on = On::Host(host.clone());
                self.whole[node.index()] = Some(self.graph.add_node(Node { on, ..weight.clone() }));
                continue;
            }
            let joint = around.joint(self.topology, node);
            let nic = matches!(weight.kind, Kind::Nic { .. });
            for host in joint.hosts.iter().filter(|host| nic || joint.bridged.contains(*host)) {
                let plain = nic && *host == HostId::local();
                let name = if plain { weight.name.clone() } else { part(&weight.name, host) };
                // Only NICs can be called as another is: nothing on a machine is.
                let name = free(name, &mut self.names);
                let on = On::Host(host.clone());
                let mut one = Node { name, on, ..weight.clone() };
                if let Kind::Bridge(switch) | Kind::Ovs(switch, _) = &mut one.kind {
                    switch.overlay = None;
                }
                let added = self.graph.add_node(one);
                self.parts.insert((node, host.clone()), added);
            }
            if !nic {
                joints.insert(node, joint);
            }
        }
        joints
    }

    /// Adds what joins the parts of bridges.
    fn overlays(&mut self, joints: &BTreeMap<NodeIndex<u32>, Joint>) {
        for (&node, joint) in joints.iter().filter(|(_, joint)| joint.hosts.len() > 1) {
            let weight = &self.topology.graph[node];
            let switch = weight.switch().expect("a joint is a bridge");
            let Switch { implied, overlay, subnets, gives, .. } = switch;
            let subnets = if *implied { subnets.clone() } else { Vec::new() };
            let added = Overlay {
                written: written(overlay.as_ref(), &weight.at),
                number: 0,
                hosts: Vec::new(),
                subnets,
                gives: *gives,
                p2p: false,
            };
            let name = free(weight.name.clone(), &mut self.names);
            let added = self.overlay(name, added, &weight.at);
            self.overlays.insert(node, added);
            if !*implied {
                for host in &joint.hosts {
                    self.join_part(node, joint, host);
                }
            }
        }
    }

    fn overlay(&mut self, name: NodeName, overlay: Overlay, at: &Place) -> NodeIndex<u32> {
        self.graph.add_node(Node::new(name, Kind::Overlay(Box::new(overlay)), at.clone()))
    }

    /// Links the part of a bridge on a host to what joins them.
    fn join_part(&mut self, node: NodeIndex<u32>, joint: &Joint, host: &HostId) {
        let at = &self.topology.graph[node].at;
        let mut end = Endpoint::new(self.parts[&(node, host.clone())], None, at.clone());
        if joint.filters {
            // All that is in the bridge is in each part of it; what has no tag here is in VLAN 1, as everywhere.
            end.port = PortWritten { trunk: Some(Trunk::All), native: Some(1), ..PortWritten::default() };
        }
        self.join(end, self.overlays[&node], host, true, at);
    }

    /// A link to an overlay.
    fn join(
        &mut self,
        end: Endpoint,
        overlay: NodeIndex<u32>,
        host: &HostId,
        gives: bool,
        at: &Place,
    ) -> EdgeIndex<u32> {
        if let Kind::Overlay(weight) = &mut self.graph[overlay].kind {
            weight.hosts.push(host.clone());
        }
        let ends = [end, Endpoint::new(overlay, None, at.clone())];
        let link = Link { ends, kind: LinkKind::Overlay, overlay: None, subnets: Vec::new(), gives, at: at.clone() };
        self.graph.add_edge(link.ends[0].node, overlay, link)
    }

    /// Adds all links, in the order of the file.
    fn links(&mut self, joints: &BTreeMap<NodeIndex<u32>, Joint>) {
        let mut joined: FxHashSet<(NodeIndex<u32>, HostId)> = FxHashSet::default();
        for link in self.topology.graph.edge_weights() {
            let far = link.ends[1].node;
            let on = self.hosts_of(link);
            let edges = match (joints.get(&far), self.overlays.get(&far)) {
                (Some(joint), Some(&overlay)) if self.is_implied(far) => {
                    let host = &on[0];
                    let bridged = joint.bridged.contains(host);
                    if !bridged {
                        let end = Endpoint { node: self.at(link.ends[0].node), ..link.ends[0].clone() };
                        [self.join(end, overlay, host, link.gives, &link.at); 2]
                    } else {
                        if joined.insert((far, host.clone())) {
                            self.join_part(far, joint, host);
                        }
                        [self.plain(link, host); 2]
                    }
                }
                (Some(_) | None, _) => {
                    // One that is on one host keeps its name free: so those of others do not depend on where it is.
                    let whole = link.ends.iter().all(|end| self.whole[end.node.index()].is_some());
                    let name = whole.then(|| self.name_between(link));
                    match name {
                        Some(name) if on[0] != on[1] => self.apart(link, name, &on),
                        Some(_) | None => [self.plain(link, &on[0]); 2],
                    }
                }
            };
            self.ends.push(edges);
        }
    }

    fn is_implied(&self, node: NodeIndex<u32>) -> bool {
        self.topology.graph[node].switch().is_some_and(|s| s.implied)
    }

    /// Where the ends of a link are: what is split is where the other end is.
    fn hosts_of(&self, link: &Link) -> [HostId; 2] {
        let on = link.ends.each_ref().map(|end| self.hosts[end.node.index()].clone());
        match on {
            [Some(a), Some(b)] => [a, b],
            [Some(host), None] | [None, Some(host)] => [host.clone(), host],
            [None, None] => {
                let [a, b] = link.ends.each_ref().map(|end| match &self.topology.graph[end.node].on {
                    On::Each(hosts) => hosts.as_slice(),
                    On::Host(_) | On::Auto => &[],
                });
                let first = a.iter().find(|host| b.contains(host)).expect("a check has found a host that both have");
                [first.clone(), first.clone()]
            }
        }
    }

    /// A link on one host, as it was.
    fn plain(&mut self, link: &Link, host: &HostId) -> EdgeIndex<u32> {
        let find = |node: NodeIndex<u32>| self.whole[node.index()].unwrap_or_else(|| self.parts[&(node, host.clone())]);
        let ends = link.ends.clone().map(|end| Endpoint { node: find(end.node), ..end });
        let link = Link { ends, overlay: None, ..link.clone() };
        self.graph.add_edge(link.ends[0].node, link.ends[1].node, link)
    }

    fn name_between(&mut self, link: &Link) -> NodeName {
        let [a, b] = link.ends.each_ref().map(|end| &self.topology.graph[end.node].name);
        free(between(a, b), &mut self.names)
    }

    /// A link between two hosts: an overlay of its own, with a link from either end.
    fn apart(&mut self, link: &Link, name: NodeName, hosts: &[HostId; 2]) -> [EdgeIndex<u32>; 2] {
        let [a, b] = link.ends.each_ref().map(|end| &self.topology.graph[end.node]);
        let overlay = Overlay {
            written: written(link.overlay.as_ref(), &link.at),
            number: 0,
            hosts: Vec::new(),
            subnets: link.subnets.clone(),
            gives: link.gives,
            p2p: a.switch().is_none() && b.switch().is_none(),
        };
        let overlay = self.overlay(name, overlay, &link.at);
        [0, 1].map(|side| {
            let end = &link.ends[side];
            let end = Endpoint { node: self.at(end.node), ..end.clone() };
            self.join(end, overlay, &hosts[side], link.gives, &link.at)
        })
    }

    /// A mirror's ports are ends of links.
    fn remap_mirrors(&mut self) {
        let Splitting { graph, ends, topology, whole, .. } = self;
        for node in topology.graph.node_indices() {
            let Some(Kind::Ovs(_, ovs)) = whole[node.index()].map(|new| &mut graph[new].kind) else { continue };
            let remap = |edge: &mut EdgeIndex<u32>| {
                let side = usize::from(topology.graph[*edge].ends[0].node != node);
                *edge = ends[edge.index()][side];
            };
            for mirror in &mut ovs.mirrors {
                remap(&mut mirror.to);
                mirror.from.iter_mut().flatten().for_each(remap);
            }
        }
    }
}

/// What is linked to the bridges and NICs that are split.
struct Around<'a> {
    /// By node index: the other ends' hosts and what is written of the port, in file order.
    ends: Vec<Vec<(&'a HostId, &'a Endpoint, NodeIndex<u32>)>>,
    /// By node index: what is written of its ports.
    ports: Vec<Vec<&'a PortWritten>>,
}

impl<'a> Around<'a> {
    fn of(topology: &'a Topology, hosts: &'a Hosts) -> Self {
        let nodes = topology.graph.node_count();
        let (mut ends, mut ports) = (vec![Vec::new(); nodes], vec![Vec::new(); nodes]);
        for link in topology.graph.edge_weights() {
            for side in 0..2 {
                let (own, far) = (&link.ends[side], &link.ends[1 - side]);
                ports[own.node.index()].push(&own.port);
                if let (None, Some(host)) = (&hosts[own.node.index()], &hosts[far.node.index()]) {
                    ends[own.node.index()].push((host, own, far.node));
                }
            }
        }
        Around { ends, ports }
    }

    fn joint(&self, topology: &Topology, node: NodeIndex<u32>) -> Joint {
        let ends = &self.ends[node.index()];
        let weight = &topology.graph[node];
        let filters = weight.filters_vlans(self.ports[node.index()].iter().copied());
        if let On::Each(hosts) = &weight.on {
            return Joint { hosts: hosts.iter().cloned().collect(), bridged: hosts.iter().cloned().collect(), filters };
        }
        let mut counts: IndexMap<&HostId, usize> = IndexMap::new();
        for (host, ..) in ends {
            *counts.entry(host).or_default() += 1;
        }
        let said = ends.iter().any(|(_, port, _)| port.port != PortWritten::default());
        let overlay = weight.switch().and_then(|s| s.overlay.as_ref());
        // A tunnel of Open vSwitch has one far end, and looks at no packet within.
        let wants_kernel = overlay.is_some_and(|overlay| match &overlay.kind {
            OverlayKind::Vxlan { group, df, .. } => group.is_some() || *df == Some(crate::resource::Df::Inherit),
            OverlayKind::Geneve { .. } | OverlayKind::Gretap { .. } | OverlayKind::Gre { .. } => false,
        });
        let of_ovs = ends.iter().filter(|(_, _, far)| matches!(topology.graph[*far].kind, Kind::Ovs(..)));
        let with_ovs: FxHashSet<&HostId> = of_ovs.map(|(host, ..)| *host).collect();
        let needs = |host: &HostId, count: usize| {
            counts.len() == 1 || count > 1 || said || wants_kernel && with_ovs.contains(host)
        };
        let bridged = counts.iter().filter(|(host, count)| needs(host, **count)).map(|(&host, _)| host.clone());
        let bridged = bridged.collect();
        Joint { hosts: counts.into_keys().cloned().collect(), bridged, filters }
    }
}

/// What an overlay is where nothing says anything: VXLAN.
fn written(written: Option<&OverlayWritten>, at: &Place) -> OverlayWritten {
    written.cloned().unwrap_or_else(|| OverlayWritten {
        kind: OverlayKind::Vxlan { vni: None, port: None, group: None, df: None },
        ttl: None,
        checksum: None,
        at: at.clone(),
    })
}
