//! Which VLANs of which switches are one broadcast domain.

use petgraph::graph::{EdgeIndex, NodeIndex};
use petgraph::unionfind::UnionFind;

use super::super::building::Building;
use super::super::{OwnKind, PortWritten, Trunk, codes, is_output};

/// The VLAN of a frame within a switch; of one that filters none, its tag, and 0 where it has none.
type Vid = u16;

/// What a port of a filtering switch is in where nothing is written.
const DEFAULT: Vid = 1;

/// What switches join.
pub(super) struct Joined {
    /// The VLANs that matter: those that something is in; sorted. Others carry nothing.
    vids: Vec<Vid>,
    /// By node index: whether it is a switch that filters VLANs.
    filters: Vec<bool>,
    /// By node index times VLAN: which domain.
    domains: Vec<usize>,
    /// By node index: which switches are linked at all.
    linked: Vec<usize>,
}

/// How a port takes frames.
#[derive(Debug, Clone, Copy)]
struct Takes<'b> {
    port: &'b PortWritten,
    filters: bool,
}

impl Takes<'_> {
    /// The VLAN of what has no tag.
    fn untagged(self) -> Option<Vid> {
        match (self.filters, &self.port.trunk) {
            (false, _) => Some(0),
            (true, Some(_)) => self.port.native,
            (true, None) => Some(self.port.vlan.unwrap_or(DEFAULT)),
        }
    }

    /// Whether frames with this tag pass, with their tag.
    fn tagged(self, vid: Vid) -> bool {
        let in_trunk = match &self.port.trunk {
            None => false,
            Some(Trunk::All) => true,
            Some(Trunk::Ranges(ranges)) => ranges.iter().any(|&(first, last)| (first..=last).contains(&vid)),
        };
        vid > 0 && (!self.filters || in_trunk && self.port.native != Some(vid))
    }
}

impl Joined {
    /// What the links join. A circle that frames would run round for ever is told.
    pub fn of(building: &mut Building) -> Self {
        let filters: Vec<bool> = building.graph.node_indices().map(|node| is_filtering(building, node)).collect();
        let vids = vids(building, &filters);
        let mut joining = Joining {
            domains: UnionFind::new(building.graph.node_count() * vids.len()),
            linked: UnionFind::new(building.graph.node_count()),
            vids,
            filters,
        };
        let between = |&edge: &EdgeIndex<u32>| {
            let is_switch = |side: usize| building.graph[building.graph[edge].ends[side].node].switch().is_some();
            [0, 1].into_iter().all(|side| is_switch(side) && !is_output(&building.graph, edge, side))
        };
        let runs_stp =
            |&edge: &EdgeIndex<u32>| building.graph[edge].ends.iter().all(|end| building.graph[end.node].spans_tree());
        let (trees, others): (Vec<_>, Vec<_>) = building.graph.edge_indices().filter(between).partition(runs_stp);
        // Circles among switches that run STP are cut by it.
        for edge in trees {
            joining.join(building, edge);
        }
        for edge in others {
            if joining.join(building, edge) {
                circle(building, edge);
            }
        }
        Joined {
            vids: joining.vids,
            filters: joining.filters,
            domains: joining.domains.into_labeling(),
            linked: joining.linked.into_labeling(),
        }
    }

    /// Whether a switch filters VLANs.
    pub fn filters(&self, switch: NodeIndex<u32>) -> bool {
        self.filters[switch.index()]
    }

    /// One number for all switches that are linked, whatever passes between them.
    pub fn linked(&self, switch: NodeIndex<u32>) -> usize {
        self.linked[switch.index()]
    }

    /// The domains that a switch is part of.
    pub fn domains(&self, switch: NodeIndex<u32>) -> &[usize] {
        let first = switch.index() * self.vids.len();
        &self.domains[first..first + self.vids.len()]
    }

    /// The domain of what a port of a switch takes without a tag; none if it takes nothing such.
    pub fn domain(&self, switch: NodeIndex<u32>, port: &PortWritten) -> Option<usize> {
        let vid = Takes { port, filters: self.filters(switch) }.untagged()?;
        self.vids.binary_search(&vid).ok().map(|n| self.domains(switch)[n])
    }
}

struct Joining {
    vids: Vec<Vid>,
    filters: Vec<bool>,
    domains: UnionFind<usize>,
    linked: UnionFind<usize>,
}

impl Joining {
    /// Joins what passes a link between two switches; true if some of that was joined before.
    fn join(&mut self, building: &Building, edge: EdgeIndex<u32>) -> bool {
        let ends = &building.graph[edge].ends;
        let [a, b] = [0, 1].map(|side| ends[side].node.index());
        let takes = [0, 1].map(|side| Takes { port: &ends[side].port, filters: self.filters[ends[side].node.index()] });
        self.linked.union(a, b);
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        let place = |vid: Vid| self.vids.binary_search(&vid).ok();
        let untagged = takes.map(|t| t.untagged().and_then(place));
        pairs.extend(untagged[0].zip(untagged[1]));
        pairs.extend((0..self.vids.len()).filter(|&n| takes.iter().all(|t| t.tagged(self.vids[n]))).map(|n| (n, n)));
        let width = self.vids.len();
        let mut before = false;
        for (n, m) in pairs {
            before |= !self.domains.union(a * width + n, b * width + m);
        }
        before
    }
}

fn circle(building: &mut Building, edge: EdgeIndex<u32>) {
    let link = &building.graph[edge];
    let [a, b] = [0, 1].map(|side| &building.graph[link.ends[side].node].name);
    let message =
        format!("this link closes a circle of bridges between `{a}` and `{b}`: frames would run round it for ever");
    let hint = "take one link out of the circle, or write `stp: true` on all bridges of it";
    building.problems.tell(codes::LOOP, &link.at.clone(), message, hint);
}

fn is_filtering(building: &Building, node: NodeIndex<u32>) -> bool {
    let ends = building.extras[node.index()].ends.iter();
    building.graph[node].filters_vlans(ends.map(|&(edge, side)| &building.graph[edge].ends[side].port))
}

/// The VLANs that something is in, with the first of each range of a trunk: what two trunks have in common begins with one of those.
fn vids(building: &Building, filters: &[bool]) -> Vec<Vid> {
    let mut vids = vec![0];
    if filters.contains(&true) {
        vids.push(DEFAULT);
        for end in building.graph.edge_weights().flat_map(|link| &link.ends) {
            vids.extend(end.port.vlan.into_iter().chain(end.port.native));
            if let Some(Trunk::Ranges(ranges)) = &end.port.trunk {
                vids.extend(ranges.iter().map(|(first, _)| *first));
            }
        }
        for node in building.graph.node_weights() {
            vids.extend(node.switch().and_then(|s| s.vlan));
            vids.extend(node.interfaces.iter().filter_map(|own| match own.kind {
                OwnKind::Internal { ref port } => port.vlan,
                OwnKind::Vlan { vid, .. } => Some(vid),
                OwnKind::Dummy
                | OwnKind::Macvlan { .. }
                | OwnKind::Ipvlan { .. }
                | OwnKind::Bond { .. }
                | OwnKind::Vrf { .. } => None,
            }));
        }
    }
    vids.sort_unstable();
    vids.dedup();
    vids
}
