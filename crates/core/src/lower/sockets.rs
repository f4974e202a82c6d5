//! The UDP sockets that VXLAN devices of a host share, and what they have to agree on for that.

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use super::codes;
use super::tunnels::Between;
use crate::given::blocks::Family;
use crate::given::overlays;
use crate::names::HostId;
use crate::problem::Problem;
use crate::resource::VXLAN_PORT;
use crate::topology::{Kind, OverlayKind, Topology};

/// Overlays that would share a socket and cannot. A kernel has one for each family and port, and devices share it that take the same packets: over IPv6
/// those without a checksum, or not (VXLAN_F_RCV_FLAGS, `vxlan_find_sock`, drivers/net/vxlan/vxlan_core.c). The other flags are of modes that no file asks for.
pub(super) fn differ(topology: &Topology, between: &[Option<Between>]) -> Vec<Problem> {
    let mut first: FxHashMap<(&HostId, u16), (NodeIndex<u32>, bool)> = FxHashMap::default();
    let mut problems = Vec::new();
    for node in topology.graph.node_indices() {
        let (Some(overlay), Some(between)) = (topology.graph[node].overlay(), &between[node.index()]) else { continue };
        let OverlayKind::Vxlan { port, .. } = overlay.written.kind else { continue };
        if between.family == Family::V4 {
            continue;
        }
        let (port, checksum) = (port.unwrap_or(VXLAN_PORT), overlay.written.checksum.unwrap_or(true));
        let ends = overlays::ends(topology, node).into_iter();
        let devices = ends.filter(|edge| !matches!(topology.end_node(*edge, 0).kind, Kind::Ovs(..)));
        let other = devices.filter_map(|edge| overlays::host_of(topology, edge)).find_map(|host| {
            let (other, its) = *first.entry((host, port)).or_insert((node, checksum));
            (its != checksum).then_some((host, other))
        });
        problems.extend(other.map(|(host, other)| problem(topology, host, port, [node, other], checksum)));
    }
    problems
}

/// Told where the setting is written that is not as by default.
fn problem(topology: &Topology, host: &HostId, port: u16, pair: [NodeIndex<u32>; 2], checksum: bool) -> Problem {
    let [without, with] = if checksum { [pair[1], pair[0]] } else { pair };
    let written = |node: NodeIndex<u32>| &topology.graph[node].overlay().expect("the pair are overlays").written;
    let [a, b] = [without, with].map(|node| &topology.graph[node].name);
    let message = format!(
        "`{a}` is without UDP checksums and `{b}` ({}) with them: over IPv6 VXLAN devices share port {port} of {host} only if they agree",
        written(with).at
    );
    let hint = "write `udp-checksum: false` for both or for none, or another `port:` for one of them";
    Problem::at(codes::CHECKSUMS, &written(without).at.key("udp-checksum"), message).hint(hint)
}
