//! Addresses: as written, as they are now, by number, first free.

use std::net::IpAddr;

use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use super::blocks::{Family, Used, host_numbers, number, span};
use super::domains::Domain;
use super::interfaces::InterfaceId;
use super::overlays;
use super::stacks::own_kind;
use super::subnets::{fill_subnets, keep_subnets, sources};
use super::wires::Wires;
use super::{Given, Prior, codes};
use crate::problem::Problem;
use crate::topology::{OwnKind, Pool, Topology};

/// Who is given addresses, and what was so before.
pub(super) struct Subjects<'a> {
    pub(super) topology: &'a Topology,
    pub(super) prior: &'a Prior,
    pub(super) domains: &'a [Domain],
    pub(super) wires: &'a Wires<'a>,
}

impl<'a> Subjects<'a> {
    /// The addresses that an interface has now.
    pub(super) fn was_on(&self, id: InterfaceId) -> &'a [IpNet] {
        match id {
            InterfaceId::End(edge, side) => self.wires[edge.index()][side].map_or(&[], |(_, was)| &was.addresses),
            InterfaceId::Own(node, index) => {
                let node = &self.topology.graph[node];
                let was = self.prior.own.get(&(node.name.clone(), node.interfaces[index].name.clone()));
                was.map_or(&[], |was| &was.addresses)
            }
        }
    }

    /// The members of a domain that its subnet has an address for: those without one of the family, on links that take any.
    pub(super) fn takers(&self, domain: &'a Domain, family: Family) -> impl Iterator<Item = InterfaceId> + use<'a> {
        let topology = self.topology;
        let is_silent = move |id: InterfaceId| {
            let overlay = |edge| overlays::of(topology, edge).is_some_and(|(_, overlay)| !overlay.gives);
            id.link(topology).is_some_and(|link| !link.gives) || id.edge().is_some_and(overlay)
        };
        domain.members.iter().map(|(id, _)| *id).filter(move |&id| {
            // In the machine's own namespace there is only what is written.
            let in_host = matches!(own_kind(topology, id), Some(OwnKind::Internal { .. }));
            let has = in_host || id.of(topology).addresses.iter().any(|a| Family::of(a.addr()) == family);
            !has && !is_silent(id)
        })
    }
}

/// Gives addresses to interfaces, and to every node's `lo`; those that are written are there.
pub(super) fn give_addresses(subjects: &Subjects<'_>, given: &mut Given, problems: &mut Vec<Problem>) {
    let Subjects { topology, prior, domains, .. } = *subjects;
    let switches = topology.graph.node_weights().filter_map(|n| n.switch());
    let on_switches: Vec<IpNet> = switches.flat_map(|s| &s.addresses).copied().collect();
    let interfaces = given.ends.iter().flatten().chain(given.own.iter().flatten()).map(|i| &i.addresses);
    let written: Vec<IpNet> = interfaces.chain(&given.loopbacks).chain([&on_switches]).flatten().copied().collect();
    let mut taken: FxHashSet<IpAddr> = written.iter().map(IpNet::addr).collect();
    for family in Family::BOTH {
        let mut used = Used::default();
        written.iter().filter(|net| Family::of(net.addr()) == family).for_each(|net| used.insert(span(*net)));
        let sources = sources(subjects, family, &mut used);
        // Everything that is so now is kept before anything new is given out.
        let lacking = keep_loopbacks(topology, prior, family, &mut used, &mut given.loopbacks);
        let mut subnets = keep_subnets(subjects, &sources, &mut used);
        fill_loopbacks(topology, family, lacking, &mut used, &mut given.loopbacks, problems);
        fill_subnets(subjects, &sources, &mut used, &mut subnets, problems);
        for (domain, subnet) in domains.iter().zip(subnets) {
            if let Some(subnet) = subnet {
                number_members(subjects, domain, subnet, &mut taken, given, problems);
            }
        }
    }
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

/// Gives every taker an address of the subnet.
fn number_members(
    subjects: &Subjects<'_>,
    domain: &Domain,
    subnet: IpNet,
    taken: &mut FxHashSet<IpAddr>,
    given: &mut Given,
    problems: &mut Vec<Problem>,
) {
    let topology = subjects.topology;
    let family = Family::of(subnet.addr());
    let (base, (first, last)) = (span(subnet).0, host_numbers(subnet));
    let mut give = |id: InterfaceId, host: u128, taken: &mut FxHashSet<IpAddr>| {
        let valid = (first..=last).contains(&host);
        let free = valid && taken.insert(family.address(base + host));
        if free {
            let net = IpNet::new(family.address(base + host), subnet.prefix_len());
            given.of_mut(id).addresses.push(net.expect("the subnet's own prefix length"));
        }
        free
    };
    let mut rest: Vec<InterfaceId> = subjects.takers(domain, family).collect();
    rest.retain(|&id| {
        let mut now = subjects.was_on(id).iter().map(IpNet::addr).filter(|a| subnet.contains(&IpNet::from(*a)));
        !now.any(|a| give(id, number(a) - base, taken))
    });
    if domain.is_wide(topology) {
        let router = rest.iter().copied().filter(|id| topology.graph[id.node(topology)].forwards());
        if let Some(gateway) = router.min_by_key(|id| (id.node(topology), *id))
            && give(gateway, last, taken)
        {
            rest.retain(|&id| id != gateway);
        }
    }
    if last > 1 {
        rest.retain(|&id| {
            let wish = trailing_number(topology.graph[id.node(topology)].name.as_str());
            !wish.is_some_and(|host| give(id, host, taken))
        });
    }
    let mut next = first;
    let missing = rest.into_iter().filter(|&id| {
        while next <= last {
            next += 1;
            if give(id, next - 1, taken) {
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
