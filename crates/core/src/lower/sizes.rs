//! How large packets may be where an overlay is on the way: what the underlay takes, less what is around them.

use petgraph::graph::EdgeIndex;
use petgraph::unionfind::UnionFind;
use rustc_hash::FxHashSet;

use super::codes;
use super::tunnels::Between;
use crate::given::blocks::Family;
use crate::given::domains::ports::PortVlans;
use crate::given::interfaces::InterfaceId;
use crate::given::overlays;
use crate::given::stacks::{Stacks, own_kind};
use crate::problem::{Place, Problem};
use crate::resource::VlanProtocol;
use crate::topology::{LinkKind, Overlay, OverlayKind, OwnKind, Topology};

/// The bytes of a VLAN tag (IEEE 802.1Q §9.3).
const TAG: u32 = 4;

/// The largest packets in what switches and overlays join, by link.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    limits: Vec<Limit>,
    /// By edge index, which limit holds there.
    of_edge: Vec<Option<usize>>,
}

/// The largest packet that passes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Limit {
    /// In bytes, without the Ethernet header.
    pub(super) mtu: u32,
    /// The sum: `1500 of eth0 on h1 − 50 of VXLAN over IPv4 = 1450`.
    sum: String,
}

impl Sizes {
    pub(super) fn new(topology: &Topology, stacks: &Stacks, filtering: &[bool], between: &[Option<Between>]) -> Sizes {
        let graph = &topology.graph;
        let parts = parts(topology);
        let mut tags = vec![0; graph.edge_count()];
        for edge in graph.edge_indices() {
            let at = &mut tags[parts[edge.index()]];
            *at = (*at).max(tags_at_port(topology, filtering, edge));
        }
        let filters = filtering.contains(&true);
        for (edge, depth) in sub_interfaces(topology, stacks, filters) {
            let at = &mut tags[parts[edge.index()]];
            *at = (*at).max(depth);
        }
        let mut limits: Vec<Limit> = Vec::new();
        let mut of_part: Vec<Option<usize>> = vec![None; graph.edge_count()];
        for node in graph.node_indices() {
            let (Some(overlay), Some(between)) = (graph[node].overlay(), &between[node.index()]) else { continue };
            let Some(first) = overlays::ends(topology, node).first().copied() else { continue };
            let part = parts[first.index()];
            let limit = Limit::of(overlay, between, tags[part]);
            if of_part[part].is_none_or(|known| limit.mtu < limits[known].mtu) {
                of_part[part] = Some(limits.len());
                limits.push(limit);
            }
        }
        let of_edge = graph.edge_indices().map(|edge| of_part[parts[edge.index()]]).collect();
        Sizes { limits, of_edge }
    }

    /// The limit of a link.
    pub(super) fn of(&self, edge: EdgeIndex<u32>) -> Option<&Limit> {
        (*self.of_edge.get(edge.index())?).map(|limit| &self.limits[limit])
    }

    /// The ends that are written to send more than passes, one of those that the same words in the file are about.
    pub(super) fn too_large(&self, topology: &Topology) -> Vec<Problem> {
        let (mut problems, mut told) = (Vec::new(), FxHashSet::default());
        for edge in topology.graph.edge_indices() {
            let Some(limit) = self.of(edge) else { continue };
            for end in &topology.graph[edge].ends {
                let Some(mtu) = end.mtu.filter(|&mtu| mtu > limit.mtu) else { continue };
                let node = &topology.graph[end.node].name;
                let said = end.mtu_at.as_ref().unwrap_or(&topology.graph[edge].at);
                if topology.graph[end.node].overlay().is_some() || !told.insert((said, mtu, limit.mtu)) {
                    continue;
                }
                let name = end.interface.as_ref().map_or_else(|| node.to_string(), |name| format!("{node}:{name}"));
                problems.push(limit.problem(&name, mtu, end.mtu_at.as_ref().unwrap_or(&end.at)));
            }
        }
        problems
    }
}

impl Limit {
    fn of(overlay: &Overlay, between: &Between, tags: u32) -> Limit {
        let (host, site) =
            between.seats.iter().min_by_key(|(_, site)| site.mtu).expect("an overlay joins at least two hosts");
        let (bytes, what) = overhead(overlay, between.family);
        let mtu = site.mtu.saturating_sub(bytes + tags * TAG);
        let nic = site.nic.map_or_else(|| format!("the NIC of {host}"), |nic| format!("{nic} on {host}"));
        let tags = match tags {
            0 => String::new(),
            1 => format!(" − {TAG} of a VLAN tag"),
            tags => format!(" − {} of {tags} VLAN tags", tags * TAG),
        };
        let sum = format!("{} of {nic} − {bytes} of {what} over {}{tags} = {mtu}", site.mtu, between.family.name());
        Limit { mtu, sum }
    }

    /// The problem of an interface that is written to send more.
    pub(super) fn problem(&self, interface: &str, mtu: u32, at: &Place) -> Problem {
        let message = format!("an MTU of {mtu} at {interface} is more than passes to other hosts: {}", self.sum);
        Problem::at(codes::MTU_ABOVE_UNDERLAY, at, message).hint("leave `mtu` out, or write at most that")
    }
}

/// The bytes around a packet, and what they are called: the outer IP header of 20 or 40 bytes and
/// - of VXLAN and Geneve without options UDP, their own header and the inner Ethernet header (RFC 7348 §5, RFC 8926 §3),
/// - of GRE its header, with 4 more each for a key and a checksum (RFC 2784, RFC 2890), and that of Ethernet where it carries frames.
fn overhead(overlay: &Overlay, family: Family) -> (u32, &'static str) {
    const ETHERNET: u32 = 14;
    const UDP: u32 = 8;
    const NETWORK: u32 = 8;
    let ip = match family {
        Family::V4 => 20,
        Family::V6 => 40,
    };
    let option = |is_there: bool| if is_there { 4 } else { 0 };
    let gre = |key: Option<u32>| 4 + option(key.is_some()) + option(overlay.written.checksum == Some(true));
    match overlay.written.kind {
        OverlayKind::Vxlan { .. } => (ip + UDP + NETWORK + ETHERNET, "VXLAN"),
        OverlayKind::Geneve { .. } => (ip + UDP + NETWORK + ETHERNET, "Geneve"),
        OverlayKind::Gretap { key } => (ip + gre(key) + ETHERNET, "gretap"),
        OverlayKind::Gre { key } => (ip + gre(key), "gre"),
    }
}

/// By edge index, which links switches and overlays join, whatever VLANs pass: the index of one of them for all.
fn parts(topology: &Topology) -> Vec<usize> {
    let mut joined = UnionFind::<usize>::new(topology.graph.edge_count());
    let mut first: Vec<Option<usize>> = vec![None; topology.graph.node_count()];
    for edge in topology.graph.edge_indices() {
        for end in &topology.graph[edge].ends {
            let node = &topology.graph[end.node];
            if node.switch().is_some() || node.overlay().is_some() {
                joined.union(*first[end.node.index()].get_or_insert(edge.index()), edge.index());
            }
        }
    }
    joined.into_labeling()
}

/// The tags that a switch that keeps VLANs apart puts on frames at the end of an overlay.
fn tags_at_port(topology: &Topology, filtering: &[bool], edge: EdgeIndex<u32>) -> u32 {
    let link = &topology.graph[edge];
    let tagged = filtering[link.ends[0].node.index()] && PortVlans::of(&link.ends[0].port).tagged.is_some();
    u32::from(link.kind == LinkKind::Overlay && tagged)
}

/// The links that sub-interfaces are above, and how many tags the frames of each bear there.
fn sub_interfaces<'a>(
    topology: &'a Topology,
    stacks: &'a Stacks,
    filters: bool,
) -> impl Iterator<Item = (EdgeIndex<u32>, u32)> + 'a {
    let nodes = topology.graph.node_indices();
    let own = nodes.flat_map(|node| (0..topology.graph[node].interfaces.len()).map(move |n| InterfaceId::Own(node, n)));
    own.flat_map(move |id| {
        let (mut at, mut tags, mut outermost) = (id, 0, None);
        loop {
            if let Some(OwnKind::Vlan { protocol, .. }) = own_kind(topology, at) {
                tags += 1;
                outermost = Some(*protocol);
            }
            let Some(parent) = stacks.parent(at) else { break };
            at = parent;
        }
        // What bears a tag of 802.1ad gets one more where switches keep VLANs apart.
        let tags = if filters && outermost == Some(VlanProtocol::Ad) { tags + 1 } else { tags };
        let beneath: Vec<InterfaceId> = match stacks.members(at) {
            [] => vec![at],
            members => members.to_vec(),
        };
        beneath.into_iter().filter_map(InterfaceId::edge).map(move |edge| (edge, tags))
    })
}
