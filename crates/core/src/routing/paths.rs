//! Shortest paths from one node to every subnet, with all first steps of equal length.

use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use super::subnets::Subnets;

/// A first step: out of the n-th of the node's own subnets, to the member at a position of a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Way {
    pub(super) exit: u32,
    pub(super) gateway: (u32, u32),
}

/// Room to search in, used again for each node.
#[derive(Debug)]
pub(super) struct Paths {
    nodes: Vec<Reached>,
    subnets: Vec<Reached>,
    parts: Vec<Reached>,
    search: u32,
}

/// How a search came here: it counts only if it is of the search that runs.
#[derive(Debug, Clone, Copy, Default)]
struct Reached {
    search: u32,
    steps: u32,
    ways: SetId,
}

/// A set of ways, by its number in [`Sets`].
pub(super) type SetId = u32;

/// Sets of ways: equal sets have equal numbers, and each union is worked out once.
#[derive(Debug, Default)]
pub(super) struct Sets {
    sets: Vec<Vec<Way>>,
    ids: FxHashMap<Vec<Way>, SetId>,
    unions: FxHashMap<(SetId, SetId), SetId>,
}

impl Sets {
    fn intern(&mut self, ways: Vec<Way>) -> SetId {
        let next = self.sets.len() as SetId;
        *self.ids.entry(ways).or_insert_with_key(|ways| {
            self.sets.push(ways.clone());
            next
        })
    }

    pub(super) fn ways(&self, set: SetId) -> &[Way] {
        &self.sets[set as usize]
    }

    fn union(&mut self, a: SetId, b: SetId) -> SetId {
        if a == b {
            return a;
        }
        let key = (a.min(b), a.max(b));
        if let Some(&known) = self.unions.get(&key) {
            return known;
        }
        let mut ways = [&self.sets[a as usize][..], &self.sets[b as usize]].concat();
        ways.sort_unstable();
        ways.dedup();
        let union = self.intern(ways);
        self.unions.insert(key, union);
        union
    }
}

impl Paths {
    pub(super) fn new(subnets: &Subnets) -> Self {
        Paths {
            nodes: vec![Reached::default(); subnets.nodes()],
            subnets: vec![Reached::default(); subnets.len()],
            parts: vec![Reached::default(); subnets.parts()],
            search: 0,
        }
    }

    /// The remote subnets that the node can reach, sorted, each with the first steps of all shortest paths.
    pub(super) fn from(&mut self, graph: &Subnets, source: NodeIndex<u32>) -> (Vec<(IpNet, SetId)>, Sets) {
        self.search += 1;
        let search = self.search;
        let mut sets = Sets::default();
        let empty = sets.intern(Vec::new());
        self.nodes[source.index()] = Reached { search, steps: 0, ways: empty };
        let mut frontier = Vec::new();
        for (exit, on) in (0..).zip(graph.of_node(source)) {
            let own = Reached { search, steps: 0, ways: empty };
            self.subnets[graph.subnet(on.part) as usize] = own;
            for &part in graph.hears(on.part) {
                self.parts[part as usize] = own;
            }
            for gateway in graph.neighbours(on.part, source) {
                let node = graph.members(gateway.0)[gateway.1 as usize].node;
                let way = sets.intern(vec![Way { exit, gateway }]);
                reach(&mut self.nodes, node, Reached { search, steps: 1, ways: way }, &mut frontier, &mut sets);
            }
        }
        let mut remote = Vec::new();
        let mut cut_off = Vec::new();
        let mut steps = 1;
        while !frontier.is_empty() {
            let mut reached = Vec::new();
            for &node in &frontier {
                let ways = self.nodes[node as usize].ways;
                for part in graph.behind(node) {
                    let path = Reached { search, steps, ways };
                    if graph.is_cut_off(part) {
                        cut_off.push((graph.subnet(part), path));
                        continue;
                    }
                    reach(&mut self.subnets, graph.subnet(part), path, &mut remote, &mut sets);
                    for &part in graph.hears(part) {
                        reach(&mut self.parts, part, path, &mut reached, &mut sets);
                    }
                }
            }
            steps += 1;
            frontier.clear();
            for &part in &reached {
                let ways = self.parts[part as usize].ways;
                for member in graph.members(part) {
                    reach(&mut self.nodes, member.node, Reached { search, steps, ways }, &mut frontier, &mut sets);
                }
            }
        }
        cut_off.retain(|(subnet, _)| self.subnets[*subnet as usize].search != search);
        for (subnet, path) in cut_off {
            reach(&mut self.subnets, subnet, path, &mut remote, &mut sets);
        }
        remote.sort_unstable();
        let route = |subnet: u32| (graph.net(subnet), self.subnets[subnet as usize].ways);
        (remote.into_iter().map(route).collect(), sets)
    }
}

/// Notes a path to a place: the first one makes it part of the next round, one as short adds its ways, a longer one is nothing.
fn reach(places: &mut [Reached], place: u32, path: Reached, next: &mut Vec<u32>, sets: &mut Sets) {
    let known = &mut places[place as usize];
    if known.search != path.search {
        *known = path;
        next.push(place);
    } else if known.steps == path.steps {
        known.ways = sets.union(known.ways, path.ways);
    }
}
