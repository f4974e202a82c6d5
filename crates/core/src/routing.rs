//! Static routes: shortest paths on the graph to every subnet of the lab, so that no routing daemon is needed.
//!
//! A subnet is one hop away from the routers on it; all links count alike and equal paths are used at once. Packets pass through routers
//! only. A node that is no router and has one way out gets a default route; every other gets one route for each remote subnet, where
//! neighbouring subnets with the same way are said as one and no address outside of the lab's subnets is ever covered.

use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use crate::given::Given;
use crate::given::blocks::Family;
use crate::problem::{Code, Problem};
use crate::resource::NextHop;
use crate::topology::Topology;

mod aggregate;
mod paths;
mod subnets;
#[cfg(test)]
mod tests;

use paths::{Paths, SetId, Way};
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
        if self.topology.graph[node].switch().is_some_and(|s| s.in_host) {
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
            let routes = aggregate::aggregate(routes).into_iter();
            return routes.map(|(to, set)| subnets.route(own, to, sets.ways(set))).collect();
        }
        if let Some(way) = only_way(subnets, node) {
            return vec![subnets.route(own, self.family.everything(), &[way])];
        }
        let key: Vec<u32> = own.iter().map(|on| on.subnet).collect();
        let known = self.known.entry(key).or_insert_with(|| {
            let (mut routes, sets) = paths.from(subnets, node);
            if let Some(set) = common_set(&routes).filter(|&set| sets.ways(set).iter().all(|w| subnets.leads_on(*w))) {
                routes = vec![(self.family.everything(), set)];
            }
            let routes = aggregate::aggregate(routes).into_iter();
            routes.map(|(to, set)| (to, sets.ways(set).to_vec())).collect()
        });
        known.iter().map(|(to, ways)| subnets.route(own, *to, ways)).collect()
    }
}

/// The ways that all routes have.
fn common_set(routes: &[(IpNet, SetId)]) -> Option<SetId> {
    let (_, first) = routes.first()?;
    routes.iter().all(|(_, set)| set == first).then_some(*first)
}

/// The one router that a node has next to it, if nothing else there leads anywhere.
fn only_way(subnets: &Subnets, node: NodeIndex<u32>) -> Option<Way> {
    let exits = (0..).zip(subnets.of_node(node));
    let mut ways =
        exits.flat_map(|(exit, on)| subnets.neighbours(on.subnet, node).map(move |gateway| Way { exit, gateway }));
    let way = ways.next()?;
    (ways.next().is_none() && subnets.leads_on(way)).then_some(way)
}
