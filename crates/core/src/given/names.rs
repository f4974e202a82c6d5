//! Interface names: as written, as they are now, else `ethN`; a switch's ports after who is behind them.

use rustc_hash::FxHashSet;

use super::codes;
use super::domains::{EndId, endpoint};
use super::wires::{Was, Wires};
use crate::names::{IfName, Mac};
use crate::problem::Problem;
use crate::topology::Topology;

/// An interface's name as people see it, and in the kernel.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) interface: String,
    pub(super) kernel: IfName,
}

/// The names of all ends, by edge index.
pub(super) fn name_ends(
    topology: &Topology,
    ends_of: &[Vec<EndId>],
    wires: &Wires<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<[Named; 2]> {
    let mut taken = Taken::default();
    reserve_bridges(topology, &mut taken, problems);
    let mut full: Vec<[Option<String>; 2]> = vec![[None, None]; topology.graph.edge_count()];
    name_written(topology, &mut taken, &mut full, problems);
    name_interfaces(topology, ends_of, wires, &mut taken, &mut full);
    name_ports(topology, wires, &mut taken, &mut full);
    let full = full.into_iter().map(|ends| ends.map(|name| name.expect("every end is of a node or of a switch")));
    let mut kernel = vec![[IfName::LO; 2]; topology.graph.edge_count()];
    let full: Vec<[String; 2]> = full.collect();
    for short in [true, false] {
        for edge in topology.graph.edge_indices() {
            for side in [0, 1] {
                let name = &full[edge.index()][side];
                if (name.len() <= IfName::MAX) == short {
                    kernel[edge.index()][side] = taken.kernel_name(scope(topology, (edge, side)), name);
                }
            }
        }
    }
    let named = |(names, kernel): ([String; 2], [IfName; 2])| {
        let [a, b] = names;
        [Named { interface: a, kernel: kernel[0] }, Named { interface: b, kernel: kernel[1] }]
    };
    full.into_iter().zip(kernel).map(named).collect()
}

/// The namespace that a name is kept in: each node its own, but all switches in the host's namespace one.
type Scope = Option<usize>;

fn scope(topology: &Topology, end: EndId) -> Scope {
    let node = endpoint(topology, end).node;
    let in_host = topology.graph[node].switch().is_some_and(|s| s.in_host);
    (!in_host).then_some(node.index())
}

/// Names in use, in each namespace.
#[derive(Default)]
struct Taken {
    full: FxHashSet<(Scope, String)>,
    kernel: FxHashSet<(Scope, IfName)>,
}

impl Taken {
    fn claim(&mut self, scope: Scope, name: &str) -> bool {
        name != "lo" && self.full.insert((scope, name.to_owned()))
    }

    /// The name, or with the first number behind it that is free.
    fn claim_near(&mut self, scope: Scope, name: String) -> String {
        if self.claim(scope, &name) {
            return name;
        }
        let numbered = |n: u32| format!("{name}-{n}");
        (2..).map(numbered).find(|name| self.claim(scope, name)).expect("there are more numbers than links")
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

fn reserve_bridges(topology: &Topology, taken: &mut Taken, problems: &mut Vec<Problem>) {
    for index in topology.graph.node_indices() {
        let node = &topology.graph[index];
        let Some(switch) = node.switch() else { continue };
        let scope = (!switch.in_host).then_some(index.index());
        taken.claim(scope, node.name.as_str());
        if !taken.kernel.insert((scope, IfName::shortened(node.name.as_str()))) || node.name.as_str() == "lo" {
            let message = format!("the name of switch {} is taken in its namespace", node.name);
            problems.push(Problem::at(codes::INTERFACE_TAKEN, &node.at, message).hint("rename it"));
        }
    }
}

fn name_written(topology: &Topology, taken: &mut Taken, full: &mut [[Option<String>; 2]], problems: &mut Vec<Problem>) {
    for (edge, link) in topology.graph.edge_indices().zip(topology.graph.edge_weights()) {
        for side in [0, 1] {
            let end = &link.ends[side];
            let Some(name) = &end.interface else { continue };
            if !taken.claim(scope(topology, (edge, side)), name) {
                let message = format!("{} has an interface {name} already", topology.graph[end.node].name);
                problems.push(Problem::at(codes::INTERFACE_TAKEN, &end.at, message).hint("give it another name"));
            }
            full[edge.index()][side] = Some(name.clone());
        }
    }
}

/// The unnamed ends of nodes that are no switches.
fn name_interfaces(
    topology: &Topology,
    ends_of: &[Vec<EndId>],
    wires: &Wires<'_>,
    taken: &mut Taken,
    full: &mut [[Option<String>; 2]],
) {
    for (node, ends) in topology.graph.node_indices().zip(ends_of) {
        if topology.graph[node].switch().is_some() {
            continue;
        }
        let scope = Some(node.index());
        for &(edge, side) in ends {
            let was = wires[edge.index()][side].filter(|was| is_its_name(topology, (edge, side), *was));
            if let (None, Some((was, _))) = (&full[edge.index()][side], was) {
                full[edge.index()][side] = taken.claim(scope, was).then(|| was.to_owned());
            }
        }
        let mut numbers = 0..;
        for &(edge, side) in ends {
            full[edge.index()][side].get_or_insert_with(|| {
                let mut names = numbers.by_ref().map(|n: u32| format!("eth{n}"));
                names.find(|name| taken.claim(scope, name)).expect("there are more numbers than links")
            });
        }
    }
}

/// Whether an interface has the name that it was made with: a MAC that is not written tells. One that somebody renamed gets its name back.
fn is_its_name(topology: &Topology, end: EndId, (name, was): Was<'_>) -> bool {
    let endpoint = endpoint(topology, end);
    let made = || Mac::derived(&topology.name, &topology.graph[endpoint.node].name, name);
    endpoint.mac.is_some() || was.mac.is_none_or(|mac| mac == made())
}

/// The unnamed ports of switches: `<peer>-<its interface>`, behind the lab's name where all labs share a namespace. Between two switches
/// the peer's interface counts as named after this switch.
fn name_ports(topology: &Topology, wires: &Wires<'_>, taken: &mut Taken, full: &mut [[Option<String>; 2]]) {
    let unnamed: Vec<EndId> = topology
        .graph
        .edge_indices()
        .flat_map(|edge| [(edge, 0), (edge, 1)])
        .filter(|&(edge, side)| full[edge.index()][side].is_none())
        .collect();
    let derived: Vec<String> = unnamed
        .iter()
        .map(|&(edge, side)| {
            let [own, peer] = [side, 1 - side].map(|side| topology.end_node(edge, side).name.as_str());
            let interface = full[edge.index()][1 - side].as_deref().unwrap_or(own);
            match scope(topology, (edge, side)) {
                Some(_) => format!("{peer}-{interface}"),
                None => format!("{}-{peer}-{interface}", topology.name),
            }
        })
        .collect();
    // Parallel links between two switches differ by a number alone: the one that a port has now is kept.
    for (&(edge, side), derived) in unnamed.iter().zip(&derived) {
        let Some((was, _)) = wires[edge.index()][side] else { continue };
        let number = was.strip_prefix(derived.as_str()).and_then(|rest| rest.strip_prefix('-'));
        let kept = was == derived || number.is_some_and(|n| n.parse::<u32>().is_ok());
        if kept && taken.claim(scope(topology, (edge, side)), was) {
            full[edge.index()][side] = Some(was.to_owned());
        }
    }
    for ((edge, side), derived) in unnamed.into_iter().zip(derived) {
        full[edge.index()][side].get_or_insert_with(|| taken.claim_near(scope(topology, (edge, side)), derived));
    }
}
