//! Addresses: as written, as they are now, by number, first free.

use std::net::IpAddr;

use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use super::blocks::{Family, Used, host_numbers, number, span};
use super::domains::{Domain, EndId, endpoint};
use super::subnets::{fill_subnets, keep_subnets, sources};
use super::wires::Wires;
use super::{Prior, codes};
use crate::problem::Problem;
use crate::topology::{Pool, Topology};

/// The addresses of all ends, by edge index.
pub(super) type OnEnds = Vec<[Vec<IpNet>; 2]>;

/// The addresses of all ends by edge index, and of every node's `lo` by node index.
pub(super) fn give_addresses(
    topology: &Topology,
    prior: &Prior,
    domains: &[Domain],
    wires: &Wires<'_>,
    problems: &mut Vec<Problem>,
) -> (OnEnds, Vec<Vec<IpNet>>) {
    let mut on_ends: OnEnds =
        topology.graph.edge_weights().map(|link| link.ends.each_ref().map(|end| end.addresses.clone())).collect();
    let mut loopbacks: Vec<Vec<IpNet>> = topology.graph.node_weights().map(|n| n.loopbacks.clone()).collect();
    let switches = topology.graph.node_weights().filter_map(|n| n.switch());
    let on_switches: Vec<IpNet> = switches.flat_map(|s| &s.addresses).copied().collect();
    let written: Vec<IpNet> =
        on_ends.iter().flatten().chain(&loopbacks).chain([&on_switches]).flatten().copied().collect();
    let mut taken: FxHashSet<IpAddr> = written.iter().map(IpNet::addr).collect();
    for family in Family::BOTH {
        let mut used = Used::default();
        written.iter().filter(|net| Family::of(net.addr()) == family).for_each(|net| used.insert(span(*net)));
        let sources = sources(topology, domains, family, &mut used);
        // Everything that is so now is kept before anything new is given out.
        let lacking = keep_loopbacks(topology, prior, family, &mut used, &mut loopbacks);
        let mut subnets = keep_subnets(domains, &sources, wires, &mut used);
        fill_loopbacks(topology, family, lacking, &mut used, &mut loopbacks, problems);
        fill_subnets(topology, domains, &sources, &mut used, &mut subnets, problems);
        for (domain, subnet) in domains.iter().zip(subnets) {
            if let Some(subnet) = subnet {
                number_members(topology, domain, wires, subnet, &mut taken, &mut on_ends, problems);
            }
        }
    }
    (on_ends, loopbacks)
}

/// Keeps the addresses that `lo` of routers has now; gives back the routers that still lack one of the family.
fn keep_loopbacks(
    topology: &Topology,
    prior: &Prior,
    family: Family,
    used: &mut Used,
    loopbacks: &mut [Vec<IpNet>],
) -> Vec<NodeIndex<u32>> {
    let Some(pool) = loopback_pool(topology, family) else { return Vec::new() };
    let lacks = |&node: &NodeIndex<u32>| {
        let node = &topology.graph[node];
        node.forwards() && !node.loopbacks.iter().any(|net| Family::of(net.addr()) == family)
    };
    let mut lacking: Vec<NodeIndex<u32>> = topology.graph.node_indices().filter(lacks).collect();
    lacking.retain(|&node| {
        let now = prior.loopbacks.get(&topology.graph[node].name).into_iter().flatten();
        let mut now = now.map(IpNet::addr).filter(|a| Family::of(*a) == family);
        !now.any(|a| give_loopback(pool, number(a), used, &mut loopbacks[node.index()]))
    });
    lacking
}

fn fill_loopbacks(
    topology: &Topology,
    family: Family,
    mut lacking: Vec<NodeIndex<u32>>,
    used: &mut Used,
    loopbacks: &mut [Vec<IpNet>],
    problems: &mut Vec<Problem>,
) {
    let Some(pool) = loopback_pool(topology, family) else { return };
    let (base, (first, last)) = (span(pool).0, host_numbers(pool));
    lacking.retain(|&node| {
        let wish = trailing_number(topology.graph[node].name.as_str()).and_then(|n| base.checked_add(n));
        !wish.is_some_and(|at| give_loopback(pool, at, used, &mut loopbacks[node.index()]))
    });
    let mut next = base + first;
    for node in lacking {
        let Some((at, _)) = used.first_free((next, base + last), 0) else {
            let message = format!("the loopback pool {pool} has no address left for {}", topology.graph[node].name);
            let problem = Problem::at(codes::POOL_EXHAUSTED, &topology.graph[node].at, message);
            problems.push(problem.hint("give `addressing: loopback` a larger pool"));
            return;
        };
        give_loopback(pool, at, used, &mut loopbacks[node.index()]);
        next = at;
    }
}

fn loopback_pool(topology: &Topology, family: Family) -> Option<IpNet> {
    of_family(&topology.pools.as_ref()?.loopback, family)
}

/// Gives a node's `lo` this address of the pool, if it is a valid one and free.
fn give_loopback(pool: IpNet, at: u128, used: &mut Used, on: &mut Vec<IpNet>) -> bool {
    let (base, (first, last)) = (span(pool).0, host_numbers(pool));
    let free = (base + first..=base + last).contains(&at) && used.is_free((at, at));
    if free {
        used.insert((at, at));
        on.push(host_net(Family::of(pool.addr()), at));
    }
    free
}

fn host_net(family: Family, at: u128) -> IpNet {
    IpNet::new(family.address(at), family.bits()).expect("a prefix as long as the address")
}

/// The pool's network of a family.
pub(super) fn of_family(pool: &Pool, family: Family) -> Option<IpNet> {
    match family {
        Family::V4 => pool.ipv4.map(|net| IpNet::V4(net.trunc())),
        Family::V6 => pool.ipv6.map(|net| IpNet::V6(net.trunc())),
    }
}

/// The last number in a name: 7 of `node7` and of `rack2-node7`.
fn trailing_number(name: &str) -> Option<u128> {
    let end = name.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = name[..end].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |before| before + 1);
    name[start..end].parse().ok()
}

/// The members of a domain that its subnet has an address for: those without one of the family, on links that take any.
pub(super) fn takers<'a>(
    topology: &'a Topology,
    domain: &'a Domain,
    family: Family,
) -> impl Iterator<Item = EndId> + 'a {
    domain.members.iter().copied().filter(move |&end| {
        let has = endpoint(topology, end).addresses.iter().any(|a| Family::of(a.addr()) == family);
        topology.graph[end.0].gives && !has
    })
}

/// Gives every taker an address of the subnet.
fn number_members(
    topology: &Topology,
    domain: &Domain,
    wires: &Wires<'_>,
    subnet: IpNet,
    taken: &mut FxHashSet<IpAddr>,
    on_ends: &mut OnEnds,
    problems: &mut Vec<Problem>,
) {
    let family = Family::of(subnet.addr());
    let (base, (first, last)) = (span(subnet).0, host_numbers(subnet));
    let mut give = |end: EndId, host: u128, taken: &mut FxHashSet<IpAddr>| {
        let valid = (first..=last).contains(&host);
        let free = valid && taken.insert(family.address(base + host));
        if free {
            let net = IpNet::new(family.address(base + host), subnet.prefix_len());
            on_ends[end.0.index()][end.1].push(net.expect("the subnet's own prefix length"));
        }
        free
    };
    let mut rest: Vec<EndId> = takers(topology, domain, family).collect();
    rest.retain(|&end| {
        let now = was_on(wires, end).filter(|a| subnet.contains(&IpNet::from(*a)));
        !now.into_iter().any(|a| give(end, number(a) - base, taken))
    });
    let node = |end: EndId| endpoint(topology, end).node;
    if !domain.switches.is_empty() {
        let router = rest.iter().copied().filter(|&end| topology.graph[node(end)].forwards());
        if let Some(gateway) = router.min_by_key(|&end| (node(end), end))
            && give(gateway, last, taken)
        {
            rest.retain(|&end| end != gateway);
        }
    }
    if last > 1 {
        rest.retain(|&end| {
            let wish = trailing_number(topology.graph[node(end)].name.as_str());
            !wish.is_some_and(|host| give(end, host, taken))
        });
    }
    let mut next = first;
    let missing = rest.into_iter().filter(|&end| {
        while next <= last {
            next += 1;
            if give(end, next - 1, taken) {
                return false;
            }
        }
        true
    });
    let missing = missing.count();
    if missing > 0 {
        let title = domain.title(topology);
        let message = format!("subnet {subnet} of {title} is full: {missing} endpoints are left without an address");
        let problem = Problem::at(codes::SUBNET_FULL, domain.place(topology), message);
        problems.push(problem.hint("write a larger subnet, or some of the addresses"));
    }
}

/// The addresses that an end has now.
pub(super) fn was_on<'a>(wires: &Wires<'a>, (edge, side): EndId) -> impl Iterator<Item = IpAddr> + use<'a> {
    wires[edge.index()][side].into_iter().flat_map(|(_, was)| &was.addresses).map(IpNet::addr)
}

#[cfg(test)]
mod tests {
    use super::trailing_number;

    #[test]
    fn the_number_in_a_name_is_its_last() {
        let check = |name, expected| assert_eq!(trailing_number(name), expected, "{name}");
        check("node7", Some(7));
        check("rack2-node07", Some(7));
        check("h3-left", Some(3));
        check("12", Some(12));
        check("node", None);
        check("n99999999999999999999999999999999999999999", None);
    }
}
