//! Interface names: as written, as they are now, else `ethN`; a switch's ports after who is behind them.

use rustc_hash::FxHashSet;

use super::interfaces::InterfaceId;
use super::wires::{Was, Wires};
use super::{Given, GivenEnd, GivenMember, codes};
use crate::names::{IfName, Mac};
use crate::problem::Problem;
use crate::topology::{Kind, LinkKind, Topology};

/// The names of all interfaces, with the addresses that are written on them.
pub(super) fn name_interfaces(
    topology: &Topology,
    interfaces: &[Vec<InterfaceId>],
    wires: &Wires<'_>,
    problems: &mut Vec<Problem>,
) -> Given {
    let mut naming = Naming { topology, wires, taken: Taken::default(), ends: Vec::new() };
    naming.ends = vec![[None, None]; topology.graph.edge_count()];
    naming.reserve_bridges(problems);
    naming.take_written(problems);
    naming.name_of_nodes(interfaces);
    naming.name_ports();
    naming.into_given()
}

/// The namespace that a name is kept in: each node its own, but all switches in the host's namespace one.
type Scope = Option<usize>;

/// Names being given.
struct Naming<'a> {
    topology: &'a Topology,
    wires: &'a Wires<'a>,
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
    /// Takes a name, and those of the pairs of a bonded link behind it; all or none.
    fn claim(&mut self, scope: Scope, name: &str, pairs: u32) -> bool {
        let names: Vec<String> = std::iter::once(name.to_owned()).chain(members(name, pairs)).collect();
        let mut free = names.iter().all(|name| name != "lo" && !self.full.contains(&(scope, name.clone())));
        free = free && names.into_iter().all(|name| self.full.insert((scope, name)));
        free
    }

    /// The name, or with the first number behind it that is free.
    fn claim_near(&mut self, scope: Scope, name: String, pairs: u32) -> String {
        if self.claim(scope, &name, pairs) {
            return name;
        }
        let numbered = |n: u32| format!("{name}-{n}");
        (2..).map(numbered).find(|name| self.claim(scope, name, pairs)).expect("there are more numbers than links")
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

/// The names of the ends of a bonded link's pairs.
fn members(bond: &str, pairs: u32) -> impl Iterator<Item = String> {
    (1..=pairs).map(move |n| format!("{bond}-{n}"))
}

impl Naming<'_> {
    fn scope(&self, id: InterfaceId) -> Scope {
        let node = id.node(self.topology);
        let in_host = self.topology.graph[node].switch().is_some_and(|s| s.in_host);
        (!in_host).then_some(node.index())
    }

    /// How many pairs a bonded link has.
    fn pairs(&self, id: InterfaceId) -> u32 {
        match id.link_kind(self.topology) {
            LinkKind::Overlay => todo!("hosts"),
            LinkKind::Bond { links, .. } => links,
            LinkKind::Veth | LinkKind::Macvlan(_) | LinkKind::Ipvlan(_) => 0,
        }
    }

    fn reserve_bridges(&mut self, problems: &mut Vec<Problem>) {
        for index in self.topology.graph.node_indices() {
            let node = &self.topology.graph[index];
            let Some(switch) = node.switch() else { continue };
            let scope = (!switch.in_host).then_some(index.index());
            self.taken.claim(scope, node.name.as_str(), 0);
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
            if let (InterfaceId::End(edge, side), Kind::Nic { name }) = (id, &graph[interface.node].kind) {
                self.ends[edge.index()][side] = Some(name.clone());
                continue;
            }
            let Some(name) = interface.name else { continue };
            if !self.taken.claim(self.scope(id), name, self.pairs(id)) {
                let what = if self.pairs(id) > 0 { " or one of its pairs' ends" } else { "" };
                let message = format!("{} has an interface {name}{what} already", graph[interface.node].name);
                problems.push(Problem::at(codes::INTERFACE_TAKEN, interface.at, message).hint("give it another name"));
            }
            if let InterfaceId::End(edge, side) = id {
                self.ends[edge.index()][side] = Some(name.to_owned());
            }
        }
    }

    /// The unnamed ends of nodes that are no switches.
    fn name_of_nodes(&mut self, interfaces: &[Vec<InterfaceId>]) {
        for (node, interfaces) in self.topology.graph.node_indices().zip(interfaces) {
            if self.topology.graph[node].switch().is_some() {
                continue;
            }
            let scope = Some(node.index());
            let ends = || {
                interfaces.iter().filter_map(|&id| match id {
                    InterfaceId::End(edge, side) => Some((edge.index(), side, id, self.pairs(id))),
                    InterfaceId::Own(..) => None,
                })
            };
            let ends: Vec<_> = ends().collect();
            for &(edge, side, id, pairs) in &ends {
                let was = self.wires[edge][side].filter(|was| is_its_name(self.topology, id, *was));
                if let (None, Some((was, _))) = (&self.ends[edge][side], was) {
                    self.ends[edge][side] = self.taken.claim(scope, was, pairs).then(|| was.to_owned());
                }
            }
            let mut numbers = 0..;
            for (edge, side, _, pairs) in ends {
                self.ends[edge][side].get_or_insert_with(|| {
                    let mut names = numbers.by_ref().map(|n: u32| format!("eth{n}"));
                    names.find(|name| self.taken.claim(scope, name, pairs)).expect("there are more numbers than links")
                });
            }
        }
    }

    /// The unnamed ports of switches: `<peer>-<its interface>`, behind the lab's name where all labs share a namespace. Between two switches
    /// the peer's interface counts as named after this switch.
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
                let ends = &graph.raw_edges()[edge].weight.ends;
                let [own, peer] = [side, 1 - side].map(|side| graph[ends[side].node].name.as_str());
                let interface = self.ends[edge][1 - side].as_deref().unwrap_or(own);
                match self.scope(id) {
                    Some(_) => format!("{peer}-{interface}"),
                    None => format!("{}-{peer}-{interface}", self.topology.name),
                }
            })
            .collect();
        // Parallel links between two switches differ by a number alone: the one that a port has now is kept.
        for (&(edge, side, id), derived) in unnamed.iter().zip(&derived) {
            let Some((was, _)) = self.wires[edge][side] else { continue };
            let number = was.strip_prefix(derived.as_str()).and_then(|rest| rest.strip_prefix('-'));
            let kept = was == derived || number.is_some_and(|n| n.parse::<u32>().is_ok());
            if kept && self.taken.claim(self.scope(id), was, self.pairs(id)) {
                self.ends[edge][side] = Some(was.to_owned());
            }
        }
        for ((edge, side, id), derived) in unnamed.into_iter().zip(derived) {
            let (scope, pairs) = (self.scope(id), self.pairs(id));
            self.ends[edge][side].get_or_insert_with(|| self.taken.claim_near(scope, derived, pairs));
        }
    }

    /// The names in the kernel: those that fit first, for they are what is written.
    fn into_given(mut self) -> Given {
        let graph = &self.topology.graph;
        let mut given = Given::default();
        let ends = std::mem::take(&mut self.ends);
        let named = |id: InterfaceId, interface: String| {
            let members = members(&interface, self.pairs(id));
            let members = members.map(|interface| GivenMember { interface, kernel: IfName::LO }).collect();
            let addresses = id.of(self.topology).addresses.to_vec();
            GivenEnd { interface, kernel: IfName::LO, members, addresses }
        };
        for (edge, [a, b]) in graph.edge_indices().zip(ends) {
            let name = |name: Option<String>| name.expect("every end is of a node, of a switch or a NIC");
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

/// Whether an interface has the name that it was made with: a MAC that is not written tells. One that somebody renamed gets its name back.
fn is_its_name(topology: &Topology, id: InterfaceId, (name, was): Was<'_>) -> bool {
    let interface = id.of(topology);
    let made = || Mac::derived(&topology.name, &topology.graph[interface.node].name, name);
    interface.mac.is_some() || was.mac.is_none_or(|mac| mac == made())
}
