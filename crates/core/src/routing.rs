//! Static routes: shortest paths on the graph to every subnet of the lab, so that no routing daemon is needed.
//!
//! All links count alike and equal paths are used at once. Packets pass through routers only. A router gets one route for each remote
//! subnet, so that a change of the lab updates routes in place and never leaves a gap; an end system gets a default route, and others only
//! where the way is another.

use std::cmp::Reverse;

use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use crate::given::Given;
use crate::given::blocks::Family;
use crate::problem::{Code, Problem};
use crate::resource::NextHop;
use crate::topology::{Kind, Topology};

mod paths;
mod subnets;
#[cfg(test)]
mod tests;

use paths::{Paths, SetId, Sets, Way};
use subnets::Subnets;

/// Two subnets overlap, so that no route can tell them apart.
const SUBNETS_OVERLAP: Code = Code(54);

/// A route that shortest paths ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticRoute {
    /// The destination.
    pub to: IpNet,
    /// The next hops, sorted.
    pub via: Vec<NextHop>,
}

/// What the routes of a lab are worked out from.
pub(crate) struct Routes<'a> {
    topology: &'a Topology,
    families: Vec<Routed>,
}

/// One family's subnets, and what was worked out before.
struct Routed {
    family: Family,
    subnets: Subnets,
    paths: Paths,
    /// End systems on the same subnets have the same ways: by those subnets.
    known: FxHashMap<Vec<u32>, Vec<(IpNet, Vec<Way>)>>,
}

/// The routes of every node, by node index.
pub fn static_routes(topology: &Topology, given: &Given) -> Result<Vec<Vec<StaticRoute>>, Vec<Problem>> {
    let mut routes = Routes::new(topology, given)?;
    Ok(topology.graph.node_indices().map(|node| routes.of(node)).collect())
}

impl<'a> Routes<'a> {
    /// The subnets of the lab; a Problem for each two that overlap.
    pub(crate) fn new(topology: &'a Topology, given: &Given) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let routed = |family| {
            let subnets = Subnets::new(topology, given, family, &mut problems);
            let paths = Paths::new(&subnets);
            Routed { family, subnets, paths, known: FxHashMap::default() }
        };
        let families = Family::BOTH.into_iter().map(routed).collect();
        if problems.is_empty() { Ok(Routes { topology, families }) } else { Err(problems) }
    }

    /// The routes of one node, IPv4 first, by destination. In the machine's own namespace none are made.
    pub(crate) fn of(&mut self, node: NodeIndex<u32>) -> Vec<StaticRoute> {
        let weight = &self.topology.graph[node];
        if matches!(weight.kind, Kind::Host) || weight.switch().is_some_and(|s| s.in_host) {
            return Vec::new();
        }
        let forwards = self.topology.graph[node].forwards();
        self.families.iter_mut().flat_map(|routed| routed.routes_of(node, forwards)).collect()
    }
}

impl Routed {
    fn routes_of(&mut self, node: NodeIndex<u32>, forwards: bool) -> Vec<StaticRoute> {
        let (subnets, paths) = (&self.subnets, &mut self.paths);
        let own = subnets.of_node(node);
        if forwards {
            let (routes, sets) = paths.from(subnets, node);
            return routes.into_iter().map(|(to, set)| subnets.route(own, to, sets.ways(set))).collect();
        }
        let everything = self.family.everything();
        if let Some(way) = only_way(subnets, node) {
            return vec![subnets.route(own, everything, &[way])];
        }
        let key: Vec<u32> = own.iter().map(|on| on.part).collect();
        let known = self.known.entry(key).or_insert_with(|| {
            let (mut routes, sets) = paths.from(subnets, node);
            if let Some(default) = commonest(subnets, &routes, &sets) {
                routes.retain(|(_, set)| *set != default);
                routes.insert(0, (everything, default));
            }
            routes.into_iter().map(|(to, set)| (to, sets.ways(set).to_vec())).collect()
        });
        known.iter().map(|(to, ways)| subnets.route(own, *to, ways)).collect()
    }
}

/// The ways that most routes have, of those through routers alone; of several the first.
fn commonest(subnets: &Subnets, routes: &[(IpNet, SetId)], sets: &Sets) -> Option<SetId> {
    let mut counts: FxHashMap<SetId, usize> = FxHashMap::default();
    for (_, set) in routes {
        *counts.entry(*set).or_default() += 1;
    }
    let through_routers = |set: &SetId| sets.ways(*set).iter().all(|way| subnets.leads_on(*way));
    let candidates = counts.into_iter().filter(|(set, _)| through_routers(set));
    candidates.max_by_key(|&(set, count)| (count, Reverse(sets.ways(set)))).map(|(set, _)| set)
}

/// The one router that a node has next to it, if nothing else there leads anywhere.
fn only_way(subnets: &Subnets, node: NodeIndex<u32>) -> Option<Way> {
    let exits = (0..).zip(subnets.of_node(node));
    let mut ways =
        exits.flat_map(|(exit, on)| subnets.neighbours(on.part, node).map(move |gateway| Way { exit, gateway }));
    let way = ways.next()?;
    (ways.next().is_none() && subnets.leads_on(way)).then_some(way)
}
