//! Where each node is: as written, as it is now, or where it is put.

use indexmap::IndexSet;
use petgraph::graph::NodeIndex;
use petgraph::unionfind::UnionFind;
use rustc_hash::{FxHashMap, FxHashSet};

use super::partition::{Host, Partition, Vertex};
use super::{Places, codes};
use crate::names::HostId;
use crate::problem::Problem;
use crate::resource::Knob;
use crate::topology::{Kind, Link, LinkKind, Node, On, Topology, Written};

/// By node index: its host; none of what is split.
pub(super) fn find(topology: &Topology, now: &Places) -> Result<Vec<Option<HostId>>, Vec<Problem>> {
    let graph = &topology.graph;
    let written = graph.node_weights().map(|node| match &node.on {
        On::Host(host) if is_whole(node) => Some(host.clone()),
        On::Host(_) | On::Auto | On::Each(_) => None,
    });
    let mut hosts: Vec<Option<HostId>> = written.collect();
    if graph.node_weights().all(|node| node.on != On::Auto) {
        return Ok(hosts);
    }
    let (lumps, problems) = Lumps::of(topology, now);
    if !problems.is_empty() {
        return Err(problems);
    }
    let at = lumps.partition.divide();
    for node in graph.node_indices().filter(|&node| graph[node].on == On::Auto && is_whole(&graph[node])) {
        let lump = lumps.of_node[node.index()].expect("a node that is not split is in a lump");
        hosts[node.index()] = Some(lumps.hosts[at[lump]].clone());
    }
    Ok(hosts)
}

/// Whether a node is at one place; others are where what is linked to them is.
fn is_whole(node: &Node) -> bool {
    !matches!(node.kind, Kind::Nic { .. })
        && node.switch().is_none_or(|s| !s.implied)
        && !matches!(node.on, On::Each(_))
}

/// What is put on hosts: nodes that cannot be parted are one.
struct Lumps {
    /// The hosts, by their place in the partition.
    hosts: IndexSet<HostId>,
    /// By node index.
    of_node: Vec<Option<usize>>,
    partition: Partition,
}

impl Lumps {
    fn of(topology: &Topology, now: &Places) -> (Self, Vec<Problem>) {
        let graph = &topology.graph;
        let mut sets = UnionFind::new(graph.node_count());
        for link in graph.edge_weights().filter(|link| keeps_together(topology, link)) {
            sets.union(link.ends[0].node.index(), link.ends[1].node.index());
        }
        let labels = sets.into_labeling();
        let mut of_label: FxHashMap<usize, usize> = FxHashMap::default();
        let mut members: Vec<Vec<NodeIndex<u32>>> = Vec::new();
        let mut of_node = vec![None; graph.node_count()];
        for node in graph.node_indices().filter(|&node| !matches!(graph[node].on, On::Each(_))) {
            let lump = *of_label.entry(labels[node.index()]).or_insert_with(|| {
                members.push(Vec::new());
                members.len() - 1
            });
            members[lump].push(node);
            of_node[node.index()] = Some(lump);
        }
        let mut hosts: IndexSet<HostId> = topology.hosts.keys().cloned().collect();
        let weights = topology.hosts.values().map(|host| u64::from(host.weight));
        let mut partition =
            Partition { hosts: weights.map(|weight| Host { weight }).collect(), ..Partition::default() };
        if hosts.is_empty() {
            hosts.insert(HostId::local());
            partition.hosts.push(Host { weight: 1 });
        }
        // What is written to be elsewhere is, and nothing else goes there.
        for host in
            graph.node_weights().filter_map(|node| if let On::Host(host) = &node.on { Some(host) } else { None })
        {
            if hosts.insert(host.clone()) {
                partition.hosts.push(Host { weight: 0 });
            }
        }
        let mut problems = Vec::new();
        let beside = Beside::of(topology, &hosts);
        for nodes in &members {
            let vertex = beside.vertex(topology, nodes, now, &mut problems);
            partition.vertices.push(vertex);
        }
        for link in graph.edge_weights() {
            let [a, b] = link.ends.each_ref().map(|end| of_node[end.node.index()]);
            if let (Some(a), Some(b)) = (a, b)
                && a != b
            {
                partition.links.push((a, b, 1));
            }
        }
        (Lumps { hosts, of_node, partition }, problems)
    }
}

/// Whether a link is one that only a host has: both its ends are on one.
fn keeps_together(topology: &Topology, link: &Link) -> bool {
    let nodes = link.ends.each_ref().map(|end| &topology.graph[end.node]);
    if let Some(nic) = nodes.iter().position(|node| matches!(node.kind, Kind::Nic { .. })) {
        // Where nodes are written to be, each host has its own.
        return nodes[1 - nic].on == On::Auto;
    }
    if nodes.iter().any(|node| matches!(node.on, On::Each(_))) {
        return false;
    }
    let plain = link.ends.iter().zip(nodes).any(|(end, node)| {
        let Written { queues, tx_queue_len, tuning, .. } = &end.written;
        let of_pair = queues.is_some() || tx_queue_len.is_some() || tuning.contains_key(&Knob::XpsCpus);
        // A tunnel port of Open vSwitch has no device to do anything to packets.
        let of_port = matches!(node.kind, Kind::Ovs(..))
            && (end.written != Written::default() || end.port.policing.is_some() || end.mac.is_some());
        let isolated = end.port.isolated == Some(true) && node.switch().is_some_and(|s| s.implied);
        of_pair || of_port || isolated
    });
    matches!(link.kind, LinkKind::Bond { .. }) || plain
}

/// What else says where a node can be.
struct Beside<'a> {
    hosts: &'a IndexSet<HostId>,
    /// By node index of bridges on several hosts and of NICs: what is linked to them.
    around: FxHashMap<NodeIndex<u32>, Vec<NodeIndex<u32>>>,
    /// By node index: the bridges on several hosts that it is linked to.
    bridges: FxHashMap<NodeIndex<u32>, Vec<NodeIndex<u32>>>,
}

impl<'a> Beside<'a> {
    fn of(topology: &Topology, hosts: &'a IndexSet<HostId>) -> Self {
        let mut beside = Beside { hosts, around: FxHashMap::default(), bridges: FxHashMap::default() };
        for link in topology.graph.edge_weights() {
            for side in 0..2 {
                let [own, far] = [side, 1 - side].map(|side| link.ends[side].node);
                let weight = &topology.graph[far];
                if matches!(weight.kind, Kind::Nic { .. }) {
                    beside.around.entry(far).or_default().push(own);
                } else if matches!(weight.on, On::Each(_)) {
                    beside.bridges.entry(own).or_default().push(far);
                }
            }
        }
        beside
    }

    fn vertex(
        &self,
        topology: &Topology,
        nodes: &[NodeIndex<u32>],
        now: &Places,
        problems: &mut Vec<Problem>,
    ) -> Vertex {
        let graph = &topology.graph;
        let allowed = self.allowed(topology, nodes, problems);
        let may = |host: usize| allowed.as_ref().is_none_or(|allowed| allowed.contains(&host));
        let mut pins = nodes.iter().filter_map(|&node| match &graph[node].on {
            On::Host(host) if is_whole(&graph[node]) => Some((node, self.hosts.get_index_of(host)?)),
            On::Host(_) | On::Auto | On::Each(_) => None,
        });
        let first = pins.next();
        if let Some((node, host)) = first {
            if let Some((other, elsewhere)) = pins.find(|pin| pin.1 != host) {
                let [a, b] = [node, other].map(|node| &graph[node].name);
                let [on, and] = [host, elsewhere].map(|host| &self.hosts[host]);
                let message = format!("`{a}` and `{b}` cannot be parted, and are written to be on {on} and {and}");
                let hint =
                    "write one host for both, or none; a bond or a setting of a pair of devices keeps them together";
                problems.push(Problem::at(codes::PARTED, &graph[other].at, message).hint(hint));
            }
            if !may(host) {
                let message = format!(
                    "`{}` cannot be on {}: a node that cannot be parted from it is linked to a bridge that has no part there",
                    graph[node].name, self.hosts[host]
                );
                let hint = "write that host under the bridge's `hosts:`";
                problems.push(Problem::at(codes::PARTED, &graph[node].at, message).hint(hint));
            }
        }
        let nic = || {
            nodes.iter().find_map(|node| self.around.get(node)?.iter().find_map(|&near| self.written(topology, near)))
        };
        let is = || {
            let hosts = nodes.iter().filter_map(|&node| self.hosts.get_index_of(now.get(&graph[node].name)?));
            hosts.into_iter().find(|&host| self.open(topology, host))
        };
        let fixed = first.map(|(_, host)| host).or_else(|| nic().or_else(is).filter(|&host| may(host)));
        let load =
            nodes.iter().filter(|&&node| is_whole(&graph[node]) && !matches!(graph[node].kind, Kind::Host)).count();
        Vertex { load: load as u64, fixed, allowed }
    }

    /// Whether anything may be on a host that is not written to be there: the file has it.
    fn open(&self, topology: &Topology, host: usize) -> bool {
        topology.hosts.contains_key(&self.hosts[host])
    }

    fn written(&self, topology: &Topology, node: NodeIndex<u32>) -> Option<usize> {
        match &topology.graph[node].on {
            On::Host(host) => self.hosts.get_index_of(host),
            On::Auto | On::Each(_) => None,
        }
    }

    /// The hosts that have a part of each bridge on several that is linked to one of these nodes; none: all.
    fn allowed(
        &self,
        topology: &Topology,
        nodes: &[NodeIndex<u32>],
        problems: &mut Vec<Problem>,
    ) -> Option<Vec<usize>> {
        let graph = &topology.graph;
        let mut allowed: Option<FxHashSet<usize>> = None;
        for (node, bridge) in
            nodes.iter().flat_map(|node| self.bridges.get(node).into_iter().flatten().map(move |b| (node, b)))
        {
            let On::Each(hosts) = &graph[*bridge].on else { continue };
            let pinned = self.written(topology, *node).is_some();
            let here: FxHashSet<usize> = hosts
                .iter()
                .filter_map(|host| self.hosts.get_index_of(host))
                .filter(|&host| pinned || self.open(topology, host))
                .collect();
            let both = allowed.map_or_else(|| here.clone(), |allowed| allowed.intersection(&here).copied().collect());
            if both.is_empty() {
                let message =
                    format!("no host has a part of all the bridges that `{}` is linked to", graph[*node].name);
                let hint = format!("write one more host under `hosts:` of `{}`", graph[*bridge].name);
                problems.push(Problem::at(codes::PARTED, &graph[*node].at, message).hint(hint));
                return None;
            }
            allowed = Some(both);
        }
        let mut allowed: Vec<usize> = allowed?.into_iter().collect();
        allowed.sort_unstable();
        Some(allowed)
    }
}
