//! Which link of the file is which wire of a running lab.

use indexmap::IndexMap;
use petgraph::graph::EdgeIndex;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::interfaces::InterfaceId;
use super::{Prior, PriorEnd, overlays};
use crate::names::{HostId, NodeName};
use crate::place::part;
use crate::topology::{Endpoint, Kind, Topology};

/// One end of a link: the edge, and 0 or 1.
type EndId = (EdgeIndex<u32>, usize);

/// An interface as it was: its name and what was on it.
pub(super) type Was<'a> = (&'a str, &'a PriorEnd);

/// By edge index, what its two ends were.
pub(super) type Wires<'a> = Vec<[Option<Was<'a>>; 2]>;

/// A wire between two nodes, the lesser node's end first.
type Wire<'a> = [Was<'a>; 2];

/// Interfaces that are matched.
type Matched<'a> = FxHashSet<(&'a NodeName, &'a str)>;

/// What is known before ends are looked at one by one.
struct Known<'a> {
    by_number: Matched<'a>,
    wholes: Wholes,
}

/// The bridges that nodes are parts of, by the names that parts would have on the lab's hosts: a link stays when its bridge is parted, or otherwise.
struct Wholes(FxHashMap<NodeName, NodeName>);

impl Wholes {
    fn of(topology: &Topology) -> Self {
        let mut hosts: Vec<HostId> = topology.hosts.keys().cloned().collect();
        hosts.extend(topology.hosts_used());
        let wholes = topology.graph.node_weights().filter(|node| node.switch().is_some() || node.overlay().is_some());
        let parts = wholes.flat_map(|whole| hosts.iter().map(|host| (part(&whole.name, host), whole.name.clone())));
        Wholes(parts.collect())
    }

    fn of_node<'a>(&'a self, node: &'a NodeName) -> &'a NodeName {
        self.0.get(node).unwrap_or(node)
    }
}

/// Sorts as people count: `eth2` before `eth10`.
fn natural<'a>((name, _): &Was<'a>) -> (usize, &'a str) {
    (name.len(), name)
}

/// Matches links to wires: by their two nodes, of parallel ones by what is written on them and then by order. An end whose far node is
/// gone from the file, or was not to be found, is matched by its own node alone.
pub(super) fn match_wires<'a>(topology: &Topology, prior: &'a Prior, interfaces: &[Vec<InterfaceId>]) -> Wires<'a> {
    let mut matched: Wires<'a> = vec![[None, None]; topology.graph.edge_count()];
    if prior.interfaces.is_empty() && prior.own.is_empty() {
        return matched;
    }
    let written = written_names(topology);
    let by_number = match_numbers(topology, prior, &written, &mut matched);
    let wholes = Wholes::of(topology);
    let mut wires = wires_by_nodes(prior, &by_number, &wholes);
    for (nodes, mut links) in links_by_nodes(topology, &wholes) {
        links.retain(|((near, side), (far, other))| {
            matched[near.index()][*side].is_none() && matched[far.index()][*other].is_none()
        });
        let Some(wires) = wires.get_mut(&nodes) else { continue };
        match_parallel(topology, &written, &links, wires, &mut matched);
    }
    let ends = |of_node: &Vec<InterfaceId>| {
        let ends = of_node.iter().filter_map(|id| match id {
            InterfaceId::End(edge, side) => Some((*edge, *side)),
            InterfaceId::Own(..) => None,
        });
        ends.collect()
    };
    let ends_of: Vec<Vec<EndId>> = interfaces.iter().map(ends).collect();
    match_lone_ends(topology, prior, &written, &Known { by_number, wholes }, &ends_of, &mut matched);
    match_on_nics(topology, prior, &written, &ends_of, &mut matched);
    matched
}

/// The endpoint at the end of a link.
fn endpoint(topology: &Topology, (edge, side): EndId) -> &Endpoint {
    &topology.graph[edge].ends[side]
}

type Written<'t> = FxHashSet<(&'t str, &'t str)>;

/// The interfaces that the file names: an unnamed end cannot keep such a name.
fn written_names(topology: &Topology) -> Written<'_> {
    let ends = topology.graph.edge_weights().flat_map(|link| &link.ends);
    let ends = ends.filter_map(|end| Some((topology.graph[end.node].name.as_str(), end.interface.as_deref()?)));
    let nodes = topology.graph.node_weights();
    let own = nodes.flat_map(|node| node.interfaces.iter().map(|own| (node.name.as_str(), own.name.as_str())));
    ends.chain(own).collect()
}

fn wires_by_nodes<'a, 'w>(
    prior: &'a Prior,
    known: &Matched<'a>,
    wholes: &'w Wholes,
) -> FxHashMap<[&'w NodeName; 2], Vec<Wire<'a>>>
where
    'a: 'w,
{
    let mut wires: FxHashMap<_, Vec<Wire<'_>>> = FxHashMap::default();
    for (name, end) in &prior.interfaces {
        let Some(peer) = end.peer.as_ref().filter(|peer| name < *peer) else { continue };
        let Some(far) = prior.interfaces.get(peer) else { continue };
        if [name, peer].into_iter().any(|(node, interface)| known.contains(&(node, interface.as_str()))) {
            continue;
        }
        let (near, beyond) = (wholes.of_node(&name.0), wholes.of_node(&peer.0));
        let (nodes, wire) = match near <= beyond {
            true => ([near, beyond], [(name.1.as_str(), end), (peer.1.as_str(), far)]),
            false => ([beyond, near], [(peer.1.as_str(), far), (name.1.as_str(), end)]),
        };
        wires.entry(nodes).or_default().push(wire);
    }
    for parallel in wires.values_mut() {
        parallel.sort_unstable_by_key(|[a, b]| (natural(a), natural(b)));
    }
    wires
}

/// Links by their two nodes, the lesser name first; each with the side on which that one is. An overlay with two ends is one link.
fn links_by_nodes<'w>(
    topology: &'w Topology,
    wholes: &'w Wholes,
) -> IndexMap<[&'w NodeName; 2], Vec<(EndId, EndId)>, FxBuildHasher> {
    let mut links: IndexMap<_, Vec<_>, FxBuildHasher> = IndexMap::default();
    for edge in topology.graph.edge_indices() {
        let far = match overlays::across(topology, edge) {
            Some(far) if far < edge => continue,
            Some(far) => (far, 0),
            None => (edge, 1),
        };
        let near = (edge, 0);
        let [a, b] = [near, far].map(|(edge, side)| wholes.of_node(&topology.end_node(edge, side).name));
        let (nodes, ends) = if a <= b { ([a, b], (near, far)) } else { ([b, a], (far, near)) };
        links.entry(nodes).or_default().push(ends);
    }
    links
}

fn match_parallel<'a>(
    topology: &Topology,
    written: &Written<'_>,
    links: &[(EndId, EndId)],
    wires: &mut Vec<Wire<'a>>,
    matched: &mut Wires<'a>,
) {
    let ends = |&(a, b): &(EndId, EndId)| [a, b];
    let mut take = |link: &(EndId, EndId), wires: &mut Vec<Wire<'a>>, position: Option<usize>| {
        let Some(wire) = position.map(|p| wires.remove(p)) else { return false };
        for ((edge, side), was) in ends(link).into_iter().zip(wire) {
            matched[edge.index()][side] = Some(was);
        }
        true
    };
    // A link that says which wire it is goes first; the rest take what is left, in order.
    let names_it = |link: &(EndId, EndId), wire: &Wire<'_>| {
        let pairs = || ends(link).into_iter().map(|end| endpoint(topology, end)).zip(wire);
        let contradicts =
            pairs().any(|(end, (name, _))| end.interface.as_deref().is_some_and(|interface| interface != *name));
        let says = pairs().any(|(end, (_, was))| {
            end.interface.is_some() || end.addresses.iter().any(|address| was.addresses.contains(address))
        });
        says && !contradicts
    };
    let may_keep = |link: &(EndId, EndId), wire: &Wire<'_>| {
        ends(link).into_iter().zip(wire).all(|(end, (name, _))| {
            let end = endpoint(topology, end);
            end.interface.is_some() || !written.contains(&(topology.graph[end.node].name.as_str(), name))
        })
    };
    let rest: Vec<_> = links
        .iter()
        .filter(|link| {
            let position = wires.iter().position(|wire| names_it(link, wire));
            !take(link, wires, position)
        })
        .collect();
    for link in rest {
        let position = wires.iter().position(|wire| may_keep(link, wire));
        take(link, wires, position);
    }
}

/// The ends of overlays by their number. Gives back which they were.
fn match_numbers<'a>(
    topology: &Topology,
    prior: &'a Prior,
    written: &Written<'_>,
    matched: &mut Wires<'a>,
) -> Matched<'a> {
    let numbered = prior.interfaces.iter().filter_map(|(name, end)| Some(((&name.0, end.vni?), (name, end))));
    let numbered: FxHashMap<_, _> = numbered.collect();
    let mut found = FxHashSet::default();
    for edge in topology.graph.edge_indices() {
        let slot = &mut matched[edge.index()][0];
        let Some((_, overlay)) = overlays::of(topology, edge).filter(|_| slot.is_none()) else { continue };
        let node = &topology.end_node(edge, 0).name;
        let was = overlays::vni(overlay).and_then(|number| numbered.get(&(node, number)));
        let Some(&((owner, name), was)) = was else { continue };
        let is_its_own = match &endpoint(topology, (edge, 0)).interface {
            Some(interface) => interface == name,
            None => !written.contains(&(node.as_str(), name)),
        };
        if is_its_own {
            *slot = Some((name, was));
            found.insert((owner, name.as_str()));
        }
    }
    found
}

/// The far node was renamed or replaced, or a port has left its switch: this end is still the same.
fn match_lone_ends<'a>(
    topology: &Topology,
    prior: &'a Prior,
    written: &Written<'_>,
    known: &Known<'_>,
    ends_of: &[Vec<EndId>],
    matched: &mut Wires<'a>,
) {
    let nodes = topology.graph.node_weights().filter(|n| n.overlay().is_none());
    let nodes: FxHashSet<&NodeName> = nodes.map(|n| known.wholes.of_node(&n.name)).collect();
    let mut lone: FxHashMap<&NodeName, Vec<Was<'a>>> = FxHashMap::default();
    for ((node, interface), end) in &prior.interfaces {
        let is_lone = end.peer.as_ref().is_none_or(|(peer, _)| !nodes.contains(known.wholes.of_node(peer)));
        if is_lone && !known.by_number.contains(&(node, interface.as_str())) {
            lone.entry(node).or_default().push((interface, end));
        }
    }
    for (node, ends) in topology.graph.node_weights().zip(ends_of).filter(|(n, _)| n.switch().is_none()) {
        let Some(lone) = lone.get_mut(&node.name) else { continue };
        lone.sort_unstable_by_key(natural);
        for &(edge, side) in ends {
            let slot = &mut matched[edge.index()][side];
            let is_on_nic = matches!(topology.end_node(edge, 1 - side).kind, Kind::Nic { .. });
            if slot.is_some() || is_on_nic {
                continue;
            }
            let position = match &endpoint(topology, (edge, side)).interface {
                Some(interface) => lone.iter().position(|(name, _)| name == interface),
                None => lone.iter().position(|(name, _)| !written.contains(&(node.name.as_str(), name))),
            };
            *slot = position.map(|p| lone.remove(p));
        }
    }
}

/// The ends of links on a NIC of the machine: by their node and that NIC.
fn match_on_nics<'a>(
    topology: &Topology,
    prior: &'a Prior,
    written: &Written<'_>,
    ends_of: &[Vec<EndId>],
    matched: &mut Wires<'a>,
) {
    if prior.own.values().all(|end| end.nic.is_none()) {
        return;
    }
    for (node, ends) in topology.graph.node_weights().zip(ends_of) {
        let of_node = prior.own.iter().filter(|((name, _), end)| *name == node.name && end.nic.is_some());
        let mut on_nics: Vec<Was<'a>> = of_node.map(|((_, interface), end)| (interface.as_str(), end)).collect();
        on_nics.sort_unstable_by_key(natural);
        for &(edge, side) in ends {
            let Kind::Nic { name: nic } = &topology.end_node(edge, 1 - side).kind else { continue };
            let position = on_nics.iter().position(|(name, was)| {
                let its_name = match &endpoint(topology, (edge, side)).interface {
                    Some(interface) => interface == name,
                    None => !written.contains(&(node.name.as_str(), name)),
                };
                its_name && was.nic.as_ref() == Some(nic)
            });
            matched[edge.index()][side] = position.map(|p| on_nics.remove(p));
        }
    }
}
