//! What hears what: links, overlays, the VLANs of switches and NICs, glued together where frames pass.

use petgraph::graph::{EdgeIndex, NodeIndex};
use petgraph::unionfind::UnionFind;
use petgraph::visit::EdgeRef;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::resource::VlanProtocol;
use crate::topology::{Endpoint, Kind, LinkKind, OwnKind, PortWritten, Topology, Trunk, is_output};

/// A place that frames are at, and the tags they bear there, the outermost first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    pub(super) at: At,
    pub(super) tags: Vec<(VlanProtocol, u16)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum At {
    Link(EdgeIndex<u32>),
    /// Between hosts, at all ends of an overlay.
    Overlay(NodeIndex<u32>),
    /// A switch, in a VLAN where it filters.
    Switch(NodeIndex<u32>, Option<u16>),
    Nic(NodeIndex<u32>),
    /// An interface of a node's own that leads nowhere.
    Own(NodeIndex<u32>, usize),
}

/// Spots glued together, as far as somebody is on them.
#[derive(Debug, Default)]
pub(super) struct Segments {
    elements: FxHashMap<Spot, usize>,
    labels: Vec<usize>,
    /// By element: the isolated ports that it is behind, at most one of a switch.
    behind: FxHashMap<usize, Vec<Behind>>,
}

/// The switch and its port, by link, that something is behind.
pub(super) type Behind = (NodeIndex<u32>, EdgeIndex<u32>);

/// Whether a link carries frames: both of its ends are up. A NIC of the machine counts as up, and so does an overlay.
pub(super) fn carries(topology: &Topology, edge: EdgeIndex<u32>) -> bool {
    let link = &topology.graph[edge];
    let ends = match link.kind {
        LinkKind::Veth | LinkKind::Bond { .. } => &link.ends[..],
        LinkKind::Macvlan(_) | LinkKind::Ipvlan(_) | LinkKind::Overlay => &link.ends[..1],
    };
    ends.iter().all(|end| !end.written.down)
}

/// Whether a switch keeps VLANs apart.
pub(super) fn filters(topology: &Topology, node: NodeIndex<u32>) -> bool {
    let Some(switch) = topology.graph[node].switch() else { return false };
    let of_port = |end: &Endpoint| {
        end.node == node && (end.port.vlan.is_some() || end.port.trunk.is_some() || end.port.native.is_some())
    };
    let internal = topology.graph[node].interfaces.iter();
    let internal =
        internal.filter_map(|own| if let OwnKind::Internal { port } = &own.kind { Some(port) } else { None });
    if internal.into_iter().any(|port| port.vlan.is_some() || port.trunk.is_some()) {
        return true;
    }
    switch.vlan.is_some() || topology.graph.edges(node).any(|edge| edge.weight().ends.iter().any(of_port))
}

/// Whether frames of a VLAN pass a port, and then whether with their tag.
fn passes(port: &PortWritten, vlan: u16) -> Option<bool> {
    let within = |trunk: &Trunk| match trunk {
        Trunk::All => true,
        Trunk::Ranges(ranges) => ranges.iter().any(|(first, last)| (*first..=*last).contains(&vlan)),
    };
    if untagged(port) == Some(vlan) {
        return Some(false);
    }
    port.trunk.as_ref().filter(|trunk| within(trunk)).map(|_| true)
}

/// The VLAN of frames without a tag at a port.
pub(super) fn untagged(port: &PortWritten) -> Option<u16> {
    match (&port.trunk, port.native) {
        (Some(_), native) => native,
        (None, native) => native.or(port.vlan).or(Some(1)),
    }
}

impl Segments {
    /// Everything that is glued to these spots.
    pub(super) fn new(topology: &Topology, spots: impl Iterator<Item = Spot>) -> Self {
        let mut gluing = Gluing { topology, ..Gluing::new(topology) };
        for spot in spots {
            gluing.element(spot);
        }
        gluing.run();
        let mut joined = UnionFind::<usize>::new(gluing.elements.len());
        for &(a, b, _) in &gluing.glued {
            joined.union(a, b);
        }
        let behind = gluing.behind();
        Segments { elements: gluing.elements, labels: joined.into_labeling(), behind }
    }

    /// The segment of a spot, and the isolated ports that it is behind.
    pub(super) fn of(&self, spot: &Spot) -> (usize, &[Behind]) {
        let element = self.elements[spot];
        (self.labels[element], self.behind.get(&element).map_or(&[], Vec::as_slice))
    }
}

struct Gluing<'a> {
    topology: &'a Topology,
    filters: Vec<bool>,
    ports: FxHashMap<NodeIndex<u32>, Vec<(EdgeIndex<u32>, usize)>>,
    elements: FxHashMap<Spot, usize>,
    todo: Vec<Spot>,
    /// Two elements that frames pass between: a link and, behind its port, a switch.
    glued: Vec<(usize, usize, (EdgeIndex<u32>, usize))>,
}

impl<'a> Gluing<'a> {
    fn new(topology: &'a Topology) -> Self {
        let mut ports: FxHashMap<_, Vec<_>> = FxHashMap::default();
        for edge in topology.graph.edge_indices().filter(|&edge| carries(topology, edge)) {
            for (side, end) in topology.graph[edge].ends.iter().enumerate() {
                if topology.graph[end.node].switch().is_some() && !is_output(&topology.graph, edge, side) {
                    ports.entry(end.node).or_default().push((edge, side));
                }
            }
        }
        let filters = topology.graph.node_indices().map(|node| filters(topology, node)).collect();
        Gluing { topology, filters, ports, elements: FxHashMap::default(), todo: Vec::new(), glued: Vec::new() }
    }

    fn element(&mut self, spot: Spot) -> usize {
        let next = self.elements.len();
        *self.elements.entry(spot).or_insert_with_key(|spot| {
            self.todo.push(spot.clone());
            next
        })
    }

    fn run(&mut self) {
        while let Some(spot) = self.todo.pop() {
            let next: Vec<(Spot, (EdgeIndex<u32>, usize))> = match spot.at {
                At::Link(edge) if carries(self.topology, edge) => {
                    let sides = [0, 1].into_iter();
                    sides.filter_map(|side| Some((self.inward(edge, side, &spot)?, (edge, side)))).collect()
                }
                At::Switch(switch, vlan) => {
                    let ports = self.ports.get(&switch).into_iter().flatten();
                    ports
                        .filter_map(|&(edge, side)| Some((self.outward(edge, side, vlan, &spot)?, (edge, side))))
                        .collect()
                }
                At::Overlay(overlay) => {
                    let edges = self.topology.graph.edges(overlay).map(|edge| edge.id());
                    let edges = edges.filter(|&edge| carries(self.topology, edge));
                    edges.filter_map(|edge| Some((self.inward(edge, 0, &spot)?, (edge, 0)))).collect()
                }
                At::Link(_) | At::Nic(_) | At::Own(..) => Vec::new(),
            };
            let from = self.elements[&spot];
            for (to, port) in next {
                let to = self.element(to);
                self.glued.push((from, to, port));
            }
        }
    }

    /// Where frames are at the far side of a port.
    fn beyond(&self, edge: EdgeIndex<u32>) -> At {
        let far = self.topology.graph[edge].ends[1].node;
        if self.topology.graph[far].overlay().is_some() { At::Overlay(far) } else { At::Link(edge) }
    }

    /// Whether a port hears only ports that are not so: it is isolated, or several tunnels of Open vSwitch that pass nothing among each other.
    fn is_isolated(&self, (edge, side): (EdgeIndex<u32>, usize)) -> bool {
        let several = self.topology.end_node(edge, 1).overlay().is_some_and(|overlay| overlay.hosts.len() > 2);
        let is_ovs = matches!(self.topology.end_node(edge, 0).kind, Kind::Ovs(..));
        self.topology.graph[edge].ends[side].port.isolated == Some(true) || (side == 0 && several && is_ovs)
    }

    /// From a link into the switch at one of its ends.
    fn inward(&self, edge: EdgeIndex<u32>, side: usize, on_link: &Spot) -> Option<Spot> {
        let end = &self.topology.graph[edge].ends[side];
        self.topology.graph[end.node].switch().filter(|_| !is_output(&self.topology.graph, edge, side))?;
        if !self.filters[end.node.index()] {
            return Some(Spot { at: At::Switch(end.node, None), tags: on_link.tags.clone() });
        }
        match on_link.tags.split_first() {
            Some(((VlanProtocol::Q, vlan), rest)) => {
                (passes(&end.port, *vlan)?).then(|| Spot { at: At::Switch(end.node, Some(*vlan)), tags: rest.to_vec() })
            }
            Some(((VlanProtocol::Ad, _), _)) | None => {
                let at = At::Switch(end.node, Some(untagged(&end.port)?));
                Some(Spot { at, tags: on_link.tags.clone() })
            }
        }
    }

    /// Out of a switch by a port, if what answers finds its way back.
    fn outward(&self, edge: EdgeIndex<u32>, side: usize, vlan: Option<u16>, within: &Spot) -> Option<Spot> {
        let port = &self.topology.graph[edge].ends[side].port;
        let mut tags = within.tags.clone();
        if let Some(vlan) = vlan
            && passes(port, vlan)?
        {
            tags.insert(0, (VlanProtocol::Q, vlan));
        }
        let out = Spot { at: self.beyond(edge), tags };
        (self.inward(edge, side, &out).as_ref() == Some(within)).then_some(out)
    }

    /// For each switch with isolated ports: what is behind each of them, with the switch taken out.
    fn behind(&self) -> FxHashMap<usize, Vec<Behind>> {
        let graph = &self.topology.graph;
        let mut behind: FxHashMap<usize, Vec<Behind>> = FxHashMap::default();
        let isolated = |port| self.is_isolated(port);
        let of = |(edge, side): (EdgeIndex<u32>, usize)| graph[edge].ends[side].node;
        let mut switches: Vec<NodeIndex<u32>> =
            self.ports.iter().filter(|(_, ports)| ports.iter().any(|&p| isolated(p))).map(|(n, _)| *n).collect();
        switches.sort_unstable();
        for switch in switches {
            let mut joined = UnionFind::<usize>::new(self.elements.len());
            for &(a, b, _) in self.glued.iter().filter(|(.., port)| of(*port) != switch) {
                joined.union(a, b);
            }
            let elements: FxHashMap<usize, &Spot> = self.elements.iter().map(|(spot, &n)| (n, spot)).collect();
            let mut found: FxHashMap<usize, EdgeIndex<u32>> = FxHashMap::default();
            for &(a, b, port) in self.glued.iter().filter(|(.., port)| of(*port) == switch && isolated(*port)) {
                let link =
                    [a, b].into_iter().find(|n| elements[n].at == self.beyond(port.0)).expect("a port glues a link");
                found.insert(joined.find(link), port.0);
            }
            let own: FxHashSet<usize> = elements
                .iter()
                .filter(|(_, spot)| matches!(spot.at, At::Switch(node, _) if node == switch))
                .map(|(n, _)| *n)
                .collect();
            for element in (0..self.elements.len()).filter(|n| !own.contains(n)) {
                if let Some(&edge) = found.get(&joined.find(element)) {
                    behind.entry(element).or_default().push((switch, edge));
                }
            }
        }
        behind
    }
}
