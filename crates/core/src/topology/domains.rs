//! Broadcast domains: what bridges join, the subnets on them, and the gateways that can be reached over them.

use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use self::joined::Joined;
use super::building::Building;
use super::problems::Problems;
use super::realms::Realms;
use super::values::Family;
use super::{Kind, Node, On, Pools, PortWritten, codes, gateways};
use crate::names::HostId;
use crate::problem::{Place, Problem};

mod joined;

/// A Linux bridge takes port numbers 1 to 1023 (BR_MAX_PORTS is 1 << BR_PORT_BITS, net/bridge/br_private.h).
const MOST_PORTS: usize = 1023;

/// The broadcast domains of a lab.
pub(super) struct Domains {
    joined: Joined,
    /// What switches give out, by domain.
    subnets: FxHashMap<usize, Vec<IpNet>>,
}

impl Domains {
    /// What is given out where a port of a switch takes frames without a tag; none if it takes none such.
    pub fn subnets(&self, switch: NodeIndex<u32>, port: &PortWritten) -> Option<&[IpNet]> {
        let domain = self.joined.domain(switch, port)?;
        Some(self.subnets.get(&domain).map_or(&[], Vec::as_slice))
    }
}

pub(super) fn check(building: &mut Building, realms: &Realms, pools: Option<&Pools>) {
    ports(building);
    let joined = Joined::of(building);
    own_vlans(building, &joined);
    let domains = agree(building, joined);
    overlaps(building, &domains, realms);
    // After a link that is left out, what would be on it is not known.
    if !building.link_left_out {
        gateways::check(building, &domains, pools);
    }
}

/// The VLAN of a bridge itself means something where it has addresses and there are VLANs.
fn own_vlans(building: &mut Building, joined: &Joined) {
    for node in building.graph.node_indices() {
        let weight = &building.graph[node];
        let Some(switch) = weight.switch().filter(|s| s.vlan.is_some()) else { continue };
        let (message, hint) = match (joined.filters(node), switch.addresses.is_empty()) {
            (true, false) => continue,
            (_, true) => {
                ("`vlan` of a bridge is that of its own addresses, and it has none", "write `ipv4:` beside it")
            }
            (false, false) => ("no port of this bridge is in a VLAN", "write `vlan:` or `trunk:` on its links"),
        };
        building.problems.tell(codes::VLAN, &weight.at.key("vlan"), message, hint);
    }
}

fn ports(building: &mut Building) {
    for node in building.graph.node_indices() {
        let weight = &building.graph[node];
        if !matches!(weight.kind, Kind::Bridge(_)) {
            continue;
        }
        let problem = too_many_ports(weight, most_ports(building, node));
        problem.into_iter().for_each(|problem| building.problems.push(problem));
    }
}

/// The problem of a bridge that has more ports than Linux takes.
pub(crate) fn too_many_ports(bridge: &Node, ports: usize) -> Option<Problem> {
    let message = format!("the bridge `{}` would have {ports} ports; Linux takes {MOST_PORTS}", bridge.name);
    let problem = Problem::at(codes::PORTS, &bridge.at, message).hint("make more than one bridge, and link them");
    (ports > MOST_PORTS).then_some(problem)
}

/// The ports of a bridge, or of its part on one host that has most.
fn most_ports(building: &Building, node: NodeIndex<u32>) -> usize {
    let ends = &building.extras[node.index()].ends;
    let weight = &building.graph[node];
    if !matches!(weight.on, On::Each(_)) && weight.switch().is_none_or(|s| !s.implied) {
        return ends.len();
    }
    let mut parts: FxHashMap<&HostId, usize> = FxHashMap::default();
    for &(edge, side) in ends {
        if let On::Host(host) = &building.graph[building.graph[edge].ends[1 - side].node].on {
            *parts.entry(host).or_default() += 1;
        }
    }
    // What joins the parts has a port too.
    let more = usize::from(parts.len() > 1);
    parts.into_values().max().unwrap_or(0) + more
}

/// Switches of one domain give one subnet out, per family. One that filters VLANs gives its subnet out in all of them.
fn agree(building: &mut Building, joined: Joined) -> Domains {
    let mut subnets: FxHashMap<usize, Vec<IpNet>> = FxHashMap::default();
    for node in building.graph.node_indices() {
        let weight = &building.graph[node];
        let Some(switch) = weight.switch().filter(|s| !s.subnets.is_empty()) else { continue };
        for &domain in joined.domains(node) {
            let known = subnets.entry(domain).or_default();
            for &net in &switch.subnets {
                match known.iter().find(|k| Family::of(k.addr()) == Family::of(net.addr())) {
                    None => known.push(net),
                    Some(other) if *other == net => {}
                    Some(other) => {
                        let what = format!("`{}` gives out {net}", weight.name);
                        disagree(&mut building.problems, &weight.at, &what, *other);
                    }
                }
            }
        }
    }
    for node in building.graph.node_indices() {
        let weight = &building.graph[node];
        if weight.switch().is_none_or(|s| s.gives) {
            continue;
        }
        for domain in joined.domains(node) {
            if let Some([other, ..]) = subnets.get(domain).map(Vec::as_slice) {
                let what = format!("`{}` gives out nothing", weight.name);
                disagree(&mut building.problems, &weight.at, &what, *other);
            }
        }
    }
    Domains { joined, subnets }
}

fn disagree(problems: &mut Problems, at: &Place, what: &str, other: IpNet) {
    let message = format!("{what}, but another bridge of its broadcast domain gives out {other}");
    problems.tell(codes::DISAGREE, &at.key("subnet"), message, "write one subnet for all of them");
}

/// A subnet that is written, and whose.
struct Written {
    net: IpNet,
    domain: usize,
    realm: usize,
    what: String,
    at: Place,
}

/// Written subnets of different domains do not overlap. Of two networks that overlap one holds the other, so that in order of their first
/// addresses, larger ones first, those that can hold a network are the ones still open.
fn overlaps(building: &mut Building, domains: &Domains, realms: &Realms) {
    let mut all: Vec<Written> = Vec::new();
    for node in building.graph.node_indices() {
        let weight = &building.graph[node];
        for &net in weight.switch().into_iter().flat_map(|s| &s.subnets) {
            let (domain, at) = (domains.joined.linked(node), weight.at.key("subnet"));
            let realm = realms.node(node);
            all.push(Written { net, domain, realm, what: format!("`{}`", weight.name), at });
        }
    }
    for edge in building.graph.edge_indices() {
        let link = &building.graph[edge];
        for &net in &link.subnets {
            let what = format!("the link `{}` – `{}`", building.end_name(edge, 0), building.end_name(edge, 1));
            let domain = building.graph.node_count() + edge.index();
            let realm = realms.link(building, edge);
            all.push(Written { net, domain, realm, what, at: link.at.key("subnet") });
        }
    }
    all.sort_by_key(|w| (w.net.network(), w.net.prefix_len()));
    let mut open: Vec<usize> = Vec::new();
    for (i, written) in all.iter().enumerate() {
        while open.last().is_some_and(|&o| !all[o].net.contains(&written.net)) {
            open.pop();
        }
        if let Some(&other) =
            open.iter().rev().find(|&&o| all[o].domain != written.domain && all[o].realm == written.realm)
        {
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
