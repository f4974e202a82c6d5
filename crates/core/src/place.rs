//! Where nodes run: a topology whose every node is on a host, and whose links between hosts are overlays.

use indexmap::IndexMap;

use crate::names::{HostId, NodeName};
use crate::problem::Problem;
use crate::topology::{On, Topology};

/// Where nodes run now, as far as that is known.
pub type Places = IndexMap<NodeName, HostId>;

/// Puts each node on a host: as written, then as it is now, then so that links between hosts are few and hosts evenly loaded.
///
/// Of a bridge on several hosts, and of a broadcast domain of three and more endpoints that are not all on one host, it makes one bridge on each host
/// that needs one; a link between two hosts becomes a vertex for the overlay with a link from either end.
pub fn place(topology: &Topology, _now: &Places) -> Result<Topology, Vec<Problem>> {
    if topology.graph.node_weights().all(|node| node.on == On::default()) {
        return Ok(topology.clone());
    }
    todo!("hosts")
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
