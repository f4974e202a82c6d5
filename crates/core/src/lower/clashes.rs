//! Tunnels that a host cannot tell apart.

use std::net::IpAddr;

use indexmap::IndexMap;
use petgraph::graph::NodeIndex;

use super::codes;
use super::tunnels::Between;
use crate::given::overlays;
use crate::names::HostId;
use crate::problem::Problem;
use crate::resource::{Datapath, VXLAN_PORT};
use crate::topology::{Kind, Overlay, OverlayKind, Topology};

/// The second of each two tunnels that clash on a host, once for each two overlays.
pub(super) fn clashes(topology: &Topology, between: &[Option<Between>]) -> Vec<Problem> {
    let (mut keys, mut ports) = (Keys::default(), Ports::default());
    let mut problems = Vec::new();
    for node in topology.graph.node_indices() {
        let (Some(overlay), Some(between)) = (topology.graph[node].overlay(), &between[node.index()]) else { continue };
        problems.extend(keys.add(topology, node, overlay, between));
        problems.extend(ports.add(topology, node, overlay));
    }
    problems
}

/// What a GRE tunnel is on a host: with frames or packets in it, from and to which address, with which key.
type Gre = (bool, IpAddr, Option<IpAddr>, Option<u32>);

/// The GRE tunnels of all hosts.
#[derive(Default)]
struct Keys(IndexMap<Gre, NodeIndex<u32>>);

impl Keys {
    fn add(
        &mut self,
        topology: &Topology,
        node: NodeIndex<u32>,
        overlay: &Overlay,
        between: &Between,
    ) -> Option<Problem> {
        let (frames, key) = match overlay.written.kind {
            OverlayKind::Gretap { key } => (true, key),
            OverlayKind::Gre { key } => (false, key),
            OverlayKind::Vxlan { .. } | OverlayKind::Geneve { .. } => return None,
        };
        let ends: Vec<(&HostId, IpAddr)> = between.seats.iter().map(|(host, site)| (host, site.address)).collect();
        let mut clash = None;
        for (host, local) in &ends {
            let others = ends.iter().map(|(_, address)| *address).filter(|address| address != local);
            let remotes: Vec<Option<IpAddr>> = match ends.len() {
                0..=2 => others.map(Some).collect(),
                _ => vec![None],
            };
            for remote in remotes {
                let known = *self.0.entry((frames, *local, remote, key)).or_insert(node);
                if known != node {
                    clash.get_or_insert((known, *host));
                }
            }
        }
        let (known, host) = clash?;
        let names = [known, node].map(|node| topology.graph[node].name.as_str());
        let sort = if frames { "gretap" } else { "gre" };
        let with = key.map_or_else(|| "without a key".to_owned(), |key| format!("with key {key}"));
        let message = format!(
            "{host} cannot tell {sort} of {} and of {} apart: both are {with} between the same hosts",
            names[0], names[1]
        );
        let problem = Problem::at(codes::TUNNELS_CLASH, &overlay.written.at, message);
        Some(problem.hint(format!("give one of them another key: `{sort}: {{ key: … }}`")))
    }
}

/// Who has a UDP port of a host for VXLAN: plain devices, or Open vSwitch, which takes the network from each packet.
#[derive(Default)]
struct Ports<'a>(IndexMap<(&'a HostId, u16), (bool, NodeIndex<u32>)>);

impl<'a> Ports<'a> {
    fn add(&mut self, topology: &'a Topology, node: NodeIndex<u32>, overlay: &Overlay) -> Option<Problem> {
        let OverlayKind::Vxlan { port, .. } = overlay.written.kind else { return None };
        let port = port.unwrap_or(VXLAN_PORT);
        let mut clash = None;
        for edge in overlays::ends(topology, node) {
            let is_external = match &topology.end_node(edge, 0).kind {
                // In user space no socket of the kernel is in it.
                Kind::Ovs(_, written) if written.datapath == Some(Datapath::Netdev) => continue,
                Kind::Ovs(..) => true,
                Kind::Namespace | Kind::Router | Kind::Bridge(_) | Kind::Host => false,
                Kind::Nic { .. } | Kind::Overlay(_) => continue,
            };
            let Some(host) = overlays::host_of(topology, edge) else { continue };
            let (known, other) = *self.0.entry((host, port)).or_insert((is_external, node));
            if known != is_external {
                clash.get_or_insert((other, host));
            }
        }
        let (other, host) = clash?;
        let names = [other, node].map(|node| topology.graph[node].name.as_str());
        let message = format!(
            "on {host} a bridge of Open vSwitch and a device of the kernel would share UDP port {port}, for {} and {}",
            names[0], names[1]
        );
        let problem = Problem::at(codes::TUNNELS_CLASH, &overlay.written.at, message);
        Some(problem.hint("give one of them another port: `vxlan: { port: … }`"))
    }
}
