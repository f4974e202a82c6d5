//! Where nodes run: a topology whose every node is on a host, and whose links between hosts are overlays.

use indexmap::IndexMap;

use crate::names::{HostId, NodeName};
use crate::problem::Problem;
use crate::topology::{self, Kind, On, Topology};

mod clash;
mod hosts;
mod naming;
mod partition;
mod split;

pub use naming::part;

/// Where nodes run now, as far as that is known.
pub type Places = IndexMap<NodeName, HostId>;

/// The codes of the problems told here.
mod codes {
    use crate::problem::Code;

    pub(super) const PARTED: Code = Code(188);
    pub(super) const CLASH: Code = Code(189);
}

/// Puts each node on a host: as written, then as it is now, then so that links between hosts are few and hosts evenly loaded.
///
/// Of a bridge on several hosts, and of a broadcast domain of three and more endpoints that are not all on one host, it makes one bridge on each host
/// that needs one; a link between two hosts becomes a vertex for the overlay with a link from either end. Each node has its interfaces in the order in
/// which it had them.
pub fn place(topology: &Topology, now: &Places) -> Result<Topology, Vec<Problem>> {
    if topology.graph.node_weights().all(|node| node.on == On::default()) {
        return Ok(topology.clone());
    }
    let hosts = hosts::find(topology, now)?;
    let mut placed = split::split(topology, &hosts);
    let mut problems = clash::settle(&mut placed);
    problems.extend(too_many_ports(&placed));
    if problems.is_empty() { Ok(placed) } else { Err(problems) }
}

/// The problems of bridges that have more ports than Linux takes where their nodes have been put.
fn too_many_ports(placed: &Topology) -> impl Iterator<Item = Problem> + '_ {
    let bridges = placed.graph.node_indices().filter(|&node| matches!(placed.graph[node].kind, Kind::Bridge(_)));
    bridges.filter_map(|node| topology::too_many_ports(&placed.graph[node], placed.graph.edges(node).count()))
}

impl Topology {
    /// The hosts that a placed topology has nodes on, in the file's order; the machine that netsim runs on where it has none.
    pub fn hosts_used(&self) -> Vec<HostId> {
        let mut used: Vec<HostId> = Vec::new();
        for node in self.graph.node_weights() {
            if let (On::Host(host), None) = (&node.on, node.overlay())
                && !used.contains(host)
            {
                used.push(host.clone());
            }
        }
        used.sort_by_key(|host| self.hosts.get_index_of(host));
        if used.is_empty() { vec![HostId::local()] } else { used }
    }
}
