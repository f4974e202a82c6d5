//! Where each node is: as written, as it is now, or where it is put.

use super::Places;
use crate::names::HostId;
use crate::problem::Problem;
use crate::topology::{Kind, On, Topology};

/// By node index: its host; none of what is split.
pub(super) fn find(topology: &Topology, now: &Places) -> Result<Vec<Option<HostId>>, Vec<Problem>> {
    let first = topology.hosts.keys().next().cloned().unwrap_or_else(HostId::local);
    let one = |node: &crate::topology::Node| match (&node.on, &node.kind) {
        (On::Each(_), _) | (_, Kind::Nic { .. }) => None,
        _ if node.switch().is_some_and(|s| s.implied) => None,
        (On::Host(host), _) => Some(host.clone()),
        (On::Auto, _) => Some(now.get(&node.name).unwrap_or(&first).clone()),
    };
    Ok(topology.graph.node_weights().map(one).collect())
}
