//! A frame let go on a wire, and all that it reaches.

use petgraph::graph::{EdgeIndex, NodeIndex};
use rustc_hash::{FxHashMap, FxHashSet};

use super::cells::{Entry, Passage};
use super::ports::{PortVlans, is_isolated};
use super::{Cells, Domain, Links, Medium, Wire, is_up};
use crate::given::interfaces::InterfaceId;
use crate::topology::{Node, Topology, is_output};

pub(super) struct Flood<'a> {
    topology: &'a Topology,
    links: Links,
    filtering: &'a [bool],
    /// By node index, the ports of switches.
    ports: Vec<Vec<(EdgeIndex<u32>, usize)>>,
    attached: FxHashMap<Wire, Vec<InterfaceId>>,
    bridges: FxHashMap<Wire, Vec<NodeIndex<u32>>>,
    seen: FxHashSet<Wire>,
}

/// What was found of a domain.
#[derive(Default)]
struct Found {
    domain: Domain,
    members: Vec<(InterfaceId, Entry)>,
    bridges: Vec<(NodeIndex<u32>, Entry)>,
    passages: Vec<Passage>,
}

impl<'a> Flood<'a> {
    pub(super) fn new(topology: &'a Topology, links: Links, filtering: &'a [bool]) -> Self {
        let mut ports = vec![Vec::new(); topology.graph.node_count()];
        for edge in topology.graph.edge_indices() {
            let is_port =
                |&side: &usize| joins(topology.end_node(edge, side)) && !is_output(&topology.graph, edge, side);
            for side in [0, 1].into_iter().filter(is_port) {
                ports[topology.graph[edge].ends[side].node.index()].push((edge, side));
            }
        }
        let (attached, bridges) = (FxHashMap::default(), FxHashMap::default());
        Flood { topology, links, filtering, ports, attached, bridges, seen: FxHashSet::default() }
    }

    pub(super) fn attach(&mut self, wire: Wire, interface: InterfaceId) {
        self.attached.entry(wire).or_default().push(interface);
    }

    pub(super) fn bridge(&mut self, wire: Wire, switch: NodeIndex<u32>) {
        self.bridges.entry(wire).or_default().push(switch);
    }

    /// The domain of a wire, unless that was found before.
    pub(super) fn domain(&mut self, wire: Wire) -> Option<Domain> {
        if !self.seen.insert(wire) {
            return None;
        }
        let mut found = Found::default();
        let mut todo = vec![wire];
        while let Some(wire) = todo.pop() {
            let next = match wire.place {
                Medium::Link(edge) => self.along(edge, wire, &mut found),
                Medium::Switch(switch, vlan) => self.through(switch, vlan, wire, &mut found),
                Medium::Nic(nic) => {
                    found.domain.nic = Some(nic);
                    self.meet(wire, &mut found, |interface| Entry::on_nic(interface.link_kind(self.topology)));
                    Vec::new()
                }
                Medium::Alone(_) => {
                    self.meet(wire, &mut found, |_| Entry::Port(wire, false));
                    Vec::new()
                }
            };
            todo.extend(next.into_iter().filter(|wire| self.seen.insert(*wire)));
        }
        Some(found.into_domain())
    }

    /// Notes the interfaces on a wire.
    fn meet(&self, wire: Wire, found: &mut Found, entry: impl Fn(InterfaceId) -> Entry) {
        let attached = self.attached.get(&wire).into_iter().flatten();
        found.members.extend(attached.map(|&interface| (interface, entry(interface))));
    }

    /// Along a link: into the switches at its ends.
    fn along(&self, edge: EdgeIndex<u32>, wire: Wire, found: &mut Found) -> Vec<Wire> {
        let carries = self.links == Links::All || is_up(self.topology, edge);
        let into = [0, 1].map(|side| if carries { self.enter(edge, side, wire) } else { None });
        let mut entry = Entry::Port(wire, false);
        for side in [0, 1] {
            if let Some(switch) = into[side] {
                entry = Entry::Port(switch, is_isolated(self.topology, edge, side));
            }
        }
        if let [Some(a), Some(b)] = into {
            let isolated = [0, 1].map(|side| is_isolated(self.topology, edge, side));
            found.passages.push(Passage { edge, switches: [a, b], isolated });
        }
        if wire.tags == super::Tags::NONE {
            found.domain.links.push(edge);
        }
        self.meet(wire, found, |_| entry);
        into.into_iter().flatten().collect()
    }

    /// Where a frame goes in at the end of a link that is a port of a switch.
    fn enter(&self, edge: EdgeIndex<u32>, side: usize, wire: Wire) -> Option<Wire> {
        let end = &self.topology.graph[edge].ends[side];
        if !joins(&self.topology.graph[end.node]) || is_output(&self.topology.graph, edge, side) {
            return None;
        }
        if !self.filtering[end.node.index()] {
            return Some(Wire { place: Medium::Switch(end.node, 0), tags: wire.tags });
        }
        let (vlan, tags) = PortVlans::of(&end.port).enter(wire.tags)?;
        Some(Wire { place: Medium::Switch(end.node, vlan), tags })
    }

    /// Out of a switch by all of its ports, or out of an overlay by all of its ends.
    fn through(&self, switch: NodeIndex<u32>, vlan: u16, wire: Wire, found: &mut Found) -> Vec<Wire> {
        match self.topology.graph[switch].overlay() {
            Some(_) => found.domain.overlays.push(switch),
            None => found.domain.switches.push(switch),
        }
        if self.filtering[switch.index()] {
            found.domain.vlan = Some(found.domain.vlan.map_or(vlan, |known| known.min(vlan)));
        }
        let bridges = self.bridges.get(&wire).into_iter().flatten();
        found.bridges.extend(bridges.map(|&switch| (switch, Entry::Port(wire, false))));
        let out = |&(edge, side): &(EdgeIndex<u32>, usize)| {
            let carries = self.links == Links::All || is_up(self.topology, edge);
            let tags = if self.filtering[switch.index()] {
                PortVlans::of(&self.topology.graph[edge].ends[side].port).leave(vlan, wire.tags)?
            } else {
                wire.tags
            };
            carries.then_some(Wire { place: Medium::Link(edge), tags })
        };
        self.ports[switch.index()].iter().filter_map(out).collect()
    }
}

/// Whether what comes in at one end of a node's links goes out at the others.
fn joins(node: &Node) -> bool {
    node.switch().is_some() || node.overlay().is_some()
}

impl Found {
    fn into_domain(self) -> Domain {
        let Found { mut domain, members, bridges, passages } = self;
        domain.switches.sort_unstable();
        domain.switches.dedup();
        domain.overlays.sort_unstable();
        domain.overlays.dedup();
        domain.links.sort_unstable();
        domain.links.dedup();
        let entries = || members.iter().map(|(_, entry)| *entry).chain(bridges.iter().map(|(_, entry)| *entry));
        let (cells, ids) = Cells::new(entries(), &passages);
        let mut ids = ids.into_iter();
        let mut id = || ids.next().expect("a cell for each entry");
        domain.members = members.iter().map(|(interface, _)| (*interface, id())).collect();
        domain.bridges = bridges.iter().map(|(switch, _)| (*switch, id())).collect();
        domain.members.sort_unstable();
        domain.bridges.sort_unstable();
        domain.cells = cells;
        domain
    }
}
