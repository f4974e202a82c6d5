//! Broadcast domains: what bridges join, the subnets on them, and the gateways that can be reached over them.

use ipnet::IpNet;
use petgraph::unionfind::UnionFind;
use rustc_hash::FxHashMap;

use super::building::Building;
use super::values::Family;
use super::{Pools, codes, gateways};
use crate::problem::Place;

/// A Linux bridge takes port numbers 1 to 1023 (BR_MAX_PORTS is 1 << BR_PORT_BITS, net/bridge/br_private.h).
const MOST_PORTS: usize = 1023;

/// The broadcast domains of a lab.
pub(super) struct Domains {
    /// By node index, of switches: which domain; one number for all switches that are joined.
    of: Vec<usize>,
    /// What switches give out, by domain.
    subnets: FxHashMap<usize, Vec<IpNet>>,
}

impl Domains {
    /// What is given out in the domain of a switch.
    pub fn subnets(&self, switch: usize) -> &[IpNet] {
        self.subnets.get(&self.of[switch]).map_or(&[], Vec::as_slice)
    }
}

pub(super) fn check(building: &mut Building, pools: Option<&Pools>) {
    ports(building);
    let of = join(building);
    let domains = agree(building, of);
    overlaps(building, &domains);
    // After a link that is left out, what would be on it is not known.
    if !building.link_left_out {
        gateways::check(building, &domains, pools);
    }
}

fn ports(building: &mut Building) {
    for node in building.graph.node_indices() {
        let count = building.extras[node.index()].ends.len();
        let weight = &building.graph[node];
        if weight.switch().is_some() && count > MOST_PORTS {
            let message = format!("the bridge `{}` would have {count} ports; Linux takes {MOST_PORTS}", weight.name);
            let hint = "make more than one bridge, and link them";
            building.problems.tell(codes::PORTS, &weight.at, message, hint);
        }
    }
}

/// Joins bridges that are linked. Two ways between bridges are a circle that frames never leave: netsim's bridges run no spanning tree.
fn join(building: &mut Building) -> Vec<usize> {
    let mut sets = UnionFind::<usize>::new(building.graph.node_count());
    for link in building.graph.edge_weights() {
        let [a, b] = [0, 1].map(|side| link.ends[side].node);
        let switches = [a, b].iter().all(|&n| building.graph[n].switch().is_some());
        if switches && a != b && !sets.union(a.index(), b.index()) {
            let (a, b) = (&building.graph[a].name, &building.graph[b].name);
            let message = format!(
                "this link closes a circle of bridges between `{a}` and `{b}`: frames would run round it for ever"
            );
            building.problems.tell(codes::LOOP, &link.at, message, "take one link out of the circle");
        }
    }
    sets.into_labeling()
}

/// Switches of one domain give one subnet out, per family.
fn agree(building: &mut Building, of: Vec<usize>) -> Domains {
    let mut subnets: FxHashMap<usize, Vec<IpNet>> = FxHashMap::default();
    for node in building.graph.node_indices() {
        let weight = &building.graph[node];
        let Some(switch) = weight.switch() else { continue };
        let known = subnets.entry(of[node.index()]).or_default();
        for &net in &switch.subnets {
            match known.iter().find(|k| Family::of(k.addr()) == Family::of(net.addr())) {
                None => known.push(net),
                Some(other) if *other == net => {}
                Some(other) => {
                    let message = format!(
                        "`{}` gives out {net}, but another bridge of its broadcast domain gives out {other}",
                        weight.name
                    );
                    building.problems.tell(
                        codes::DISAGREE,
                        &weight.at.key("subnet"),
                        message,
                        "write one subnet for all of them",
                    );
                }
            }
        }
    }
    for node in building.graph.node_indices() {
        let weight = &building.graph[node];
        if weight.switch().is_none_or(|s| s.gives) {
            continue;
        }
        if let Some([other, ..]) = subnets.get(&of[node.index()]).map(Vec::as_slice) {
            let message = format!(
                "`{}` gives out nothing, but another bridge of its broadcast domain gives out {other}",
                weight.name
            );
            building.problems.tell(
                codes::DISAGREE,
                &weight.at.key("subnet"),
                message,
                "write one subnet for all of them",
            );
        }
    }
    Domains { of, subnets }
}

/// A subnet that is written, and whose.
struct Written {
    net: IpNet,
    domain: usize,
    what: String,
    at: Place,
}

/// Written subnets of different domains do not overlap. Of two networks that overlap one holds the other, so that in order of their first
/// addresses, larger ones first, those that can hold a network are the ones still open.
fn overlaps(building: &mut Building, domains: &Domains) {
    let mut all: Vec<Written> = Vec::new();
    for node in building.graph.node_indices() {
        let weight = &building.graph[node];
        for &net in weight.switch().into_iter().flat_map(|s| &s.subnets) {
            let (domain, at) = (domains.of[node.index()], weight.at.key("subnet"));
            all.push(Written { net, domain, what: format!("`{}`", weight.name), at });
        }
    }
    for edge in building.graph.edge_indices() {
        let link = &building.graph[edge];
        for &net in &link.subnets {
            let what = format!("the link `{}` – `{}`", building.end_name(edge, 0), building.end_name(edge, 1));
            let domain = building.graph.node_count() + edge.index();
            all.push(Written { net, domain, what, at: link.at.key("subnet") });
        }
    }
    all.sort_by_key(|w| (w.net.network(), w.net.prefix_len()));
    let mut open: Vec<usize> = Vec::new();
    for (i, written) in all.iter().enumerate() {
        while open.last().is_some_and(|&o| !all[o].net.contains(&written.net)) {
            open.pop();
        }
        if let Some(&other) = open.iter().rev().find(|&&o| all[o].domain != written.domain) {
            let other = &all[other];
            let message = format!("{} of {} overlaps with {} of {}", written.net, written.what, other.net, other.what);
            building.problems.tell(
                codes::OVERLAP,
                &written.at,
                message,
                "write subnets that have no address in common",
            );
        }
        if open.last().is_none_or(|&o| all[o].domain != written.domain || all[o].net != written.net) {
            open.push(i);
        }
    }
}
