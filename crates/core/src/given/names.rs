//! Interface names: as written, as they are now, else `ethN`; a switch's ports after who is behind them.

use petgraph::graph::{EdgeIndex, NodeIndex};
use rustc_hash::{FxHashMap, FxHashSet};

use super::interfaces::InterfaceId;
use super::overlays;
use super::wires::{Was, Wires};
use super::{Given, GivenEnd, GivenMember, codes};
use crate::names::{IfName, Mac};
use crate::problem::Problem;
use crate::topology::{Kind, LinkKind, Node, On, Topology};

/// The names of all interfaces, with the addresses that are written on them.
pub(super) fn name_interfaces(
    topology: &Topology,
    interfaces: &[Vec<InterfaceId>],
    wires: &Wires<'_>,
    problems: &mut Vec<Problem>,
) -> Given {
    let scopes = scopes(topology);
    let mut naming = Naming { topology, wires, scopes, taken: Taken::default(), ends: Vec::new() };
    naming.ends = vec![[None, None]; topology.graph.edge_count()];
    naming.reserve_bridges(problems);
    naming.take_written(problems);
    naming.name_of_nodes(interfaces);
    naming.name_ports();
    naming.into_given()
}

/// The namespace that a name is kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scope {
    /// A node's own.
    Node(usize),
    /// A machine's own, by the number of the machine: all that is there shares it.
    Machine(usize),
}

/// By node index, the namespace that each is in.
fn scopes(topology: &Topology) -> Vec<Scope> {
    let mut machines: Vec<&On> = Vec::new();
    let mut scopes = Vec::new();
    for (index, node) in topology.graph.node_weights().enumerate() {
        let known = machines.iter().position(|known| **known == node.on);
        scopes.push(match (is_in_machine(node), known) {
            (false, _) => Scope::Node(index),
            (true, Some(machine)) => Scope::Machine(machine),
            (true, None) => {
                machines.push(&node.on);
                Scope::Machine(machines.len() - 1)
            }
        });
    }
    scopes
}

fn is_in_machine(node: &Node) -> bool {
    match &node.kind {
        Kind::Host => true,
        Kind::Bridge(switch) | Kind::Ovs(switch, _) => switch.in_host,
        Kind::Namespace | Kind::Router | Kind::Nic { .. } | Kind::Overlay(_) => false,
    }
}

/// Names being given.
struct Naming<'a> {
    topology: &'a Topology,
    wires: &'a Wires<'a>,
    /// By node index.
    scopes: Vec<Scope>,
    taken: Taken,
    /// Of links' ends; those of nodes' own interfaces are all written.
    ends: Vec<[Option<String>; 2]>,
}

/// Names in use, in each namespace.
#[derive(Default)]
struct Taken {
    full: FxHashSet<(Scope, String)>,
    kernel: FxHashSet<(Scope, IfName)>,
}

impl Taken {
    /// Takes a name, and those of its members behind it; all or none.
    fn claim(&mut self, scope: Scope, name: &str, suffixes: &[String]) -> bool {
        let names: Vec<String> = std::iter::once(name.to_owned()).chain(members(name, suffixes)).collect();
        let mut free = names.iter().all(|name| name != "lo" && !self.full.contains(&(scope, name.clone())));
        free = free && names.into_iter().all(|name| self.full.insert((scope, name)));
        free
    }

    /// The name, or with the first number behind it that is free.
    fn claim_near(&mut self, scope: Scope, name: String, suffixes: &[String]) -> String {
        if self.claim(scope, &name, suffixes) {
            return name;
        }
        let numbered = |n: u32| format!("{name}-{n}");
        (2..).map(numbered).find(|name| self.claim(scope, name, suffixes)).expect("there are more numbers than links")
    }

    /// The name as a kernel keeps it. Two long names can have one short form; then the second gets another.
    fn kernel_name(&mut self, scope: Scope, full: &str) -> IfName {
        let first = IfName::shortened(full);
        if self.kernel.insert((scope, first)) || full.len() <= IfName::MAX {
            return first;
        }
        let others = (1..).map(|attempt| IfName::hashed(full, attempt));
        others.into_iter().find(|&name| self.kernel.insert((scope, name))).expect("there are 2^24 of them")
    }
}

/// The names of what an interface is made of.
fn members(name: &str, suffixes: &[String]) -> impl Iterator<Item = String> {
    suffixes.iter().map(move |suffix| format!("{name}-{suffix}"))
}

impl Naming<'_> {
    fn scope(&self, id: InterfaceId) -> Scope {
        self.scopes[id.node(self.topology).index()]
    }

    /// What stands behind an interface's name in those of its members: the numbers of a bonded link's pairs; the other hosts, where each has a tunnel
    /// port of its own.
    fn suffixes(&self, id: InterfaceId) -> Vec<String> {
        let InterfaceId::End(edge, side) = id else { return Vec::new() };
        match self.topology.graph[edge].kind {
            LinkKind::Bond { links, .. } => (1..=links).map(|n| n.to_string()).collect(),
            LinkKind::Overlay if side == 0 && overlays::is_split_horizon(self.topology, edge) => {
                let others = overlays::others(self.topology, edge).into_iter();
                others.filter_map(|far| overlays::host_of(self.topology, far)).map(|host| host.to_string()).collect()
            }
            LinkKind::Veth | LinkKind::Macvlan(_) | LinkKind::Ipvlan(_) | LinkKind::Overlay => Vec::new(),
        }
    }

    fn reserve_bridges(&mut self, problems: &mut Vec<Problem>) {
        for index in self.topology.graph.node_indices() {
            let node = &self.topology.graph[index];
            if node.switch().is_none() {
                continue;
            }
            let scope = self.scopes[index.index()];
            self.taken.claim(scope, node.name.as_str(), &[]);
            let kernel = IfName::shortened(node.name.as_str());
            if !self.taken.kernel.insert((scope, kernel)) || node.name.as_str() == "lo" {
                let message = format!("the name of switch {} is taken in its namespace", node.name);
                problems.push(Problem::at(codes::INTERFACE_TAKEN, &node.at, message).hint("rename it"));
            }
        }
    }

    fn take_written(&mut self, problems: &mut Vec<Problem>) {
        let graph = &self.topology.graph;
        let ends = graph.edge_indices().flat_map(|edge| [0, 1].map(|side| InterfaceId::End(edge, side)));
        let own =
            graph.node_indices().flat_map(|n| (0..graph[n].interfaces.len()).map(move |i| InterfaceId::Own(n, i)));
        for id in ends.chain(own) {
            let interface = id.of(self.topology);
            let beyond = match &graph[interface.node].kind {
                Kind::Nic { name } => Some(name.as_str()),
                Kind::Overlay(_) => Some(graph[interface.node].name.as_str()),
                Kind::Namespace | Kind::Router | Kind::Bridge(_) | Kind::Ovs(..) | Kind::Host => None,
            };
            if let (InterfaceId::End(edge, side), Some(name)) = (id, beyond) {
                self.ends[edge.index()][side] = Some(name.to_owned());
                continue;
            }
            let Some(name) = interface.name else { continue };
            let suffixes = self.suffixes(id);
            if !self.taken.claim(self.scope(id), name, &suffixes) {
                let what = match (suffixes.is_empty(), id.link_kind(self.topology)) {
                    (true, _) => "",
                    (false, LinkKind::Overlay) => " or one of its tunnels",
                    (false, _) => " or one of its pairs' ends",
                };
                let message = format!("{} has an interface {name}{what} already", graph[interface.node].name);
                problems.push(Problem::at(codes::INTERFACE_TAKEN, interface.at, message).hint("give it another name"));
            }
            if let InterfaceId::End(edge, side) = id {
                self.ends[edge.index()][side] = Some(name.to_owned());
            }
        }
    }

    /// The unnamed ends of nodes that have a namespace of their own.
    fn name_of_nodes(&mut self, interfaces: &[Vec<InterfaceId>]) {
        for (node, interfaces) in self.topology.graph.node_indices().zip(interfaces) {
            let scope = self.scopes[node.index()];
            if self.topology.graph[node].switch().is_some() || scope != Scope::Node(node.index()) {
                continue;
            }
            let ends = || {
                interfaces.iter().filter_map(|&id| match id {
                    InterfaceId::End(edge, side) => Some((edge.index(), side, id, self.suffixes(id))),
                    InterfaceId::Own(..) => None,
                })
            };
            let ends: Vec<_> = ends().collect();
            // Of parallel links the first in the file has the least number, also where another is made while they run: by that they are told apart.
            let mut greatest: FxHashMap<NodeIndex<u32>, u32> = FxHashMap::default();
            for &(edge, side, id, ref suffixes) in &ends {
                let was = self.wires[edge][side].filter(|was| is_its_name(self.topology, id, *was));
                if let (None, Some((was, _))) = (&self.ends[edge][side], was)
                    && self.taken.claim(scope, was, suffixes)
                {
                    self.ends[edge][side] = Some(was.to_owned());
                    if let Some(number) = number_of(was) {
                        let greatest = greatest.entry(self.far(edge, side)).or_default();
                        *greatest = number.max(*greatest);
                    }
                }
            }
            let mut free = 0..;
            for (edge, side, _, suffixes) in ends {
                if self.ends[edge][side].is_some() {
                    continue;
                }
                let far = self.far(edge, side);
                let name = |n: &u32| format!("eth{n}");
                let mut is_free = |n: &u32| self.taken.claim(scope, &name(n), &suffixes);
                let number = match greatest.get(&far) {
                    Some(greatest) => (greatest.saturating_add(1)..).find(|n| is_free(n)),
                    None => free.find(|n| is_free(n)),
                };
                let number = number.expect("there are more numbers than links");
                self.ends[edge][side] = Some(name(&number));
                greatest.insert(far, number);
            }
        }
    }

    /// The node at the other end of a link, or of an overlay with two ends; else the overlay.
    fn far(&self, edge: usize, side: usize) -> NodeIndex<u32> {
        let (far, side) = overlays::far_end(self.topology, EdgeIndex::new(edge), side);
        self.topology.graph[far].ends[side].node
    }

    /// The unnamed ports of switches, and what is unnamed in a machine's own namespace: `<peer>-<its interface>`, behind the lab's name where all
    /// labs share a namespace. Between two switches the peer's interface counts as named after this switch. An overlay with two ends is as a link
    /// between these; one with more is the peer itself.
    fn name_ports(&mut self) {
        let graph = &self.topology.graph;
        let unnamed: Vec<(usize, usize, InterfaceId)> = graph
            .edge_indices()
            .flat_map(|edge| [0, 1].map(|side| (edge.index(), side, InterfaceId::End(edge, side))))
            .filter(|&(edge, side, _)| self.ends[edge][side].is_none())
            .collect();
        let derived: Vec<String> = unnamed
            .iter()
            .map(|&(edge, side, id)| {
                let edge = EdgeIndex::new(edge);
                let own = self.topology.end_node(edge, side).name.as_str();
                let (far, far_side) = overlays::far_end(self.topology, edge, side);
                let peer = self.topology.end_node(far, far_side);
                let derived = match peer.overlay() {
                    Some(_) => peer.name.to_string(),
                    None => {
                        let interface = self.ends[far.index()][far_side].as_deref().unwrap_or(own);
                        format!("{}-{interface}", peer.name)
                    }
                };
                match self.scope(id) {
                    Scope::Node(_) => derived,
                    Scope::Machine(_) => format!("{}-{derived}", self.topology.name),
                }
            })
            .collect();
        // Parallel links between two switches differ by a number alone: the one that a port has now is kept.
        for (&(edge, side, id), derived) in unnamed.iter().zip(&derived) {
            let suffixes = self.suffixes(id);
            // Where each other host has a tunnel of its own, none of them has the name that they all stand behind.
            let are_tunnels = !suffixes.is_empty() && id.link_kind(self.topology) == LinkKind::Overlay;
            let Some((was, _)) = self.wires[edge][side].filter(|_| !are_tunnels) else { continue };
            let number = was.strip_prefix(derived.as_str()).and_then(|rest| rest.strip_prefix('-'));
            let kept = was == derived || number.is_some_and(|n| n.parse::<u32>().is_ok());
            if kept && self.taken.claim(self.scope(id), was, &suffixes) {
                self.ends[edge][side] = Some(was.to_owned());
            }
        }
        for ((edge, side, id), derived) in unnamed.into_iter().zip(derived) {
            let (scope, suffixes) = (self.scope(id), self.suffixes(id));
            self.ends[edge][side].get_or_insert_with(|| self.taken.claim_near(scope, derived, &suffixes));
        }
    }

    /// The names in the kernel: those that fit first, for they are what is written.
    fn into_given(mut self) -> Given {
        let graph = &self.topology.graph;
        let mut given = Given::default();
        let ends = std::mem::take(&mut self.ends);
        let named = |id: InterfaceId, interface: String| {
            let suffixes = self.suffixes(id);
            let members = members(&interface, &suffixes);
            let members = members.map(|interface| GivenMember { interface, kernel: IfName::LO }).collect();
            let addresses = id.of(self.topology).addresses.to_vec();
            GivenEnd { interface, kernel: IfName::LO, members, addresses }
        };
        for (edge, [a, b]) in graph.edge_indices().zip(ends) {
            let name = |name: Option<String>| name.expect("every end is of a node, of a switch, a NIC or an overlay");
            given.ends.push([named(InterfaceId::End(edge, 0), name(a)), named(InterfaceId::End(edge, 1), name(b))]);
        }
        for node in graph.node_indices() {
            let own = graph[node].interfaces.iter().enumerate();
            given.own.push(own.map(|(index, own)| named(InterfaceId::Own(node, index), own.name.clone())).collect());
        }
        given.loopbacks = graph.node_weights().map(|n| n.loopbacks.clone()).collect();
        for short in [true, false] {
            for edge in graph.edge_indices() {
                for id in [0, 1].map(|side| InterfaceId::End(edge, side)) {
                    self.name_in_kernel(id, given.of_mut(id), short);
                }
            }
            for node in graph.node_indices() {
                for index in 0..graph[node].interfaces.len() {
                    let id = InterfaceId::Own(node, index);
                    self.name_in_kernel(id, given.of_mut(id), short);
                }
            }
        }
        given
    }

    fn name_in_kernel(&mut self, id: InterfaceId, named: &mut GivenEnd, short: bool) {
        if id.is_beyond(self.topology) {
            named.kernel = IfName::from_kernel(&named.interface);
            return;
        }
        let scope = self.scope(id);
        let itself = std::iter::once((&named.interface, &mut named.kernel));
        let members = named.members.iter_mut().map(|member| (&member.interface, &mut member.kernel));
        for (name, kernel) in itself.chain(members).filter(|(name, _)| (name.len() <= IfName::MAX) == short) {
            *kernel = self.taken.kernel_name(scope, name);
        }
    }
}

/// The number in a name as we give it.
fn number_of(name: &str) -> Option<u32> {
    name.strip_prefix("eth")?.parse().ok()
}

/// Whether an interface has the name that it was made with: a MAC that is not written tells. One that somebody renamed gets its name back.
fn is_its_name(topology: &Topology, id: InterfaceId, (name, was): Was<'_>) -> bool {
    let interface = id.of(topology);
    let made = || Mac::derived(&topology.name, &topology.graph[interface.node].name, name);
    interface.mac.is_some() || was.mac.is_none_or(|mac| mac == made())
}
