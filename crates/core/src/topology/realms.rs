//! Which parts of a lab cannot hear each other at all, for routers keep them apart by VRFs: they may have the same addresses.

use petgraph::graph::{EdgeIndex, NodeIndex};
use petgraph::unionfind::UnionFind;
use rustc_hash::FxHashMap;

use super::OwnKind;
use super::building::Building;

/// Deeper than interfaces stand on each other; circles are told elsewhere.
const DEEPEST: usize = 32;

/// The realms of a lab; one for all where there is no VRF.
pub(super) struct Realms {
    labels: Option<Vec<usize>>,
    /// A VRF's place among the labels, after the nodes.
    vrfs: FxHashMap<(NodeIndex<u32>, String), usize>,
}

impl Realms {
    pub fn of(building: &Building) -> Self {
        let graph = &building.graph;
        let mut vrfs = FxHashMap::default();
        for node in graph.node_indices() {
            for own in graph[node].interfaces.iter().filter(|own| matches!(own.kind, OwnKind::Vrf { .. })) {
                vrfs.insert((node, own.name.clone()), graph.node_count() + vrfs.len());
            }
        }
        let mut realms = Realms { labels: None, vrfs };
        if realms.vrfs.is_empty() {
            return realms;
        }
        let mut sets = UnionFind::new(graph.node_count() + realms.vrfs.len());
        for edge in graph.edge_indices() {
            let all: Vec<usize> = (0..2).flat_map(|side| realms.of_end(building, edge, side)).collect();
            for pair in all.windows(2) {
                sets.union(pair[0], pair[1]);
            }
        }
        realms.labels = Some(sets.into_labeling());
        realms
    }

    fn label(&self, vertex: usize) -> usize {
        self.labels.as_ref().map_or(0, |labels| labels[vertex])
    }

    /// The realm of what is on a node itself.
    pub fn node(&self, node: NodeIndex<u32>) -> usize {
        self.label(node.index())
    }

    /// The realm of a link.
    pub fn link(&self, building: &Building, edge: EdgeIndex<u32>) -> usize {
        if self.labels.is_none() {
            return 0;
        }
        self.of_end(building, edge, 0).first().map_or(0, |&vertex| self.label(vertex))
    }

    /// The realm of an interface of a node's own.
    pub fn own(&self, building: &Building, node: NodeIndex<u32>, name: &str) -> usize {
        if self.labels.is_none() {
            return 0;
        }
        self.label(self.vrf(building, node, name).unwrap_or(node.index()))
    }

    /// The VRF that an interface is in, or is.
    fn vrf(&self, building: &Building, node: NodeIndex<u32>, name: &str) -> Option<usize> {
        let vrf = building.graph[node].interfaces.iter().find(|own| {
            matches!(&own.kind, OwnKind::Vrf { members, .. } if own.name == name || members.iter().any(|m| m == name))
        })?;
        self.vrfs.get(&(node, vrf.name.clone())).copied()
    }

    fn of_end(&self, building: &Building, edge: EdgeIndex<u32>, side: usize) -> Vec<usize> {
        let end = &building.graph[edge].ends[side];
        match &end.interface {
            Some(name) if !building.graph[end.node].interfaces.is_empty() => {
                let mut all = Vec::new();
                self.touched(building, end.node, name, &mut all, 0);
                all
            }
            Some(_) | None => vec![end.node.index()],
        }
    }

    /// What hears an interface: its VRF or the node, and that of each interface that stands on it. A bond speaks for its members.
    fn touched(&self, building: &Building, node: NodeIndex<u32>, name: &str, all: &mut Vec<usize>, depth: usize) {
        if depth > DEEPEST {
            return all.push(node.index());
        }
        let others = &building.graph[node].interfaces;
        let bond = others
            .iter()
            .find(|own| matches!(&own.kind, OwnKind::Bond { members, .. } if members.iter().any(|m| m == name)));
        if let Some(bond) = bond {
            return self.touched(building, node, &bond.name, all, depth + 1);
        }
        all.push(self.vrf(building, node, name).unwrap_or(node.index()));
        for own in others.iter().filter(|own| own.kind.parent() == Some(name)) {
            self.touched(building, node, &own.name, all, depth + 1);
        }
    }
}
