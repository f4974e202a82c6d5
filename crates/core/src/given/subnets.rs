//! The subnet that each broadcast domain gives addresses out of: written, as it is now, or the next of a pool.

use ipnet::IpNet;
use rustc_hash::FxHashMap;

use super::addresses::{of_family, takers};
use super::blocks::{Family, Used, span};
use super::codes;
use super::domains::{Domain, endpoint};
use super::wires::Wires;
use crate::problem::Problem;
use crate::topology::Topology;

/// What a domain gives out of a family.
pub(super) enum Source {
    /// Nothing.
    Nothing,
    /// Out of a written subnet.
    Written(IpNet),
    /// Out of a block of a pool with this prefix length.
    Pool {
        /// The pool.
        pool: IpNet,
        /// The prefix length of the block.
        len: u8,
        /// What the pool is for.
        what: &'static str,
    },
}

/// The longest prefixes of what a switch is given, IPv4's and IPv6's: what people expect of a LAN.
const LAN_PREFIX: [u8; 2] = [24, 64];

/// What each domain gives out; what is written is in use from then on, also where nobody takes an address from it.
pub(super) fn sources(topology: &Topology, domains: &[Domain], family: Family, used: &mut Used) -> Vec<Source> {
    let sources: Vec<Source> = domains.iter().map(|d| source(topology, d, family)).collect();
    for source in &sources {
        if let Source::Written(net) = source {
            used.insert(span(*net));
        }
    }
    sources
}

/// The subnets that are written or that domains have now.
pub(super) fn keep_subnets(
    domains: &[Domain],
    sources: &[Source],
    wires: &Wires<'_>,
    used: &mut Used,
) -> Vec<Option<IpNet>> {
    let keep = |(domain, source): (&Domain, &Source)| match source {
        Source::Nothing => None,
        Source::Written(net) => Some(*net),
        Source::Pool { pool, len, .. } => kept_block(domain, wires, *pool, *len, used),
    };
    domains.iter().zip(sources).map(keep).collect()
}

/// Fills the pools from their start for the domains that still need a block.
pub(super) fn fill_subnets(
    topology: &Topology,
    domains: &[Domain],
    sources: &[Source],
    used: &mut Used,
    subnets: &mut [Option<IpNet>],
    problems: &mut Vec<Problem>,
) {
    let mut cursors: FxHashMap<(IpNet, u8), u128> = FxHashMap::default();
    let mut exhausted: Vec<IpNet> = Vec::new();
    for ((domain, source), subnet) in domains.iter().zip(sources).zip(subnets) {
        let (Source::Pool { pool, len, what }, None) = (source, &subnet) else { continue };
        let family = Family::of(pool.addr());
        let (start, end) = span(*pool);
        let cursor = cursors.entry((*pool, *len)).or_insert(start);
        match used.first_free((*cursor, end), family.bits() - len) {
            Some(block) => {
                used.insert(block);
                *cursor = block.0;
                *subnet = Some(block_net(family, block.0, *len));
            }
            None if exhausted.contains(pool) => {}
            None => {
                exhausted.push(*pool);
                let title = domain.title(topology);
                let message = format!("the {} pool {pool} of {what} has no /{len} left for {title}", family.name());
                let problem = Problem::at(codes::POOL_EXHAUSTED, domain.place(topology), message);
                problems.push(problem.hint("give `addressing` a larger pool, or write a subnet here"));
            }
        }
    }
}

fn block_net(family: Family, start: u128, len: u8) -> IpNet {
    IpNet::new(family.address(start), len).expect("a prefix length of the family")
}

/// The subnet of a family that a domain has written: its switches agree, and a link has one only where there is no switch.
fn written_subnet(topology: &Topology, domain: &Domain, family: Family) -> Option<IpNet> {
    let switches = domain.switches.iter().filter_map(|&s| topology.graph[s].switch());
    let links = domain.links.iter().map(|&link| &topology.graph[link]);
    let mut written = switches.flat_map(|s| &s.subnets).chain(links.flat_map(|link| &link.subnets));
    written.find(|net| Family::of(net.addr()) == family).map(IpNet::trunc)
}

fn source(topology: &Topology, domain: &Domain, family: Family) -> Source {
    if let Some(subnet) = written_subnet(topology, domain, family) {
        return Source::Written(subnet);
    }
    let switches = || domain.switches.iter().filter_map(|&s| topology.graph[s].switch());
    let silent = switches().any(|s| !s.gives);
    let on_members = domain.members.iter().flat_map(|&end| &endpoint(topology, end).addresses);
    let by_hand = switches().flat_map(|s| &s.addresses).chain(on_members).any(|a| Family::of(a.addr()) == family);
    let count = takers(topology, domain, family).count();
    let Some(pools) = topology.pools.as_ref().filter(|_| !silent && !by_hand && count > 0) else {
        return Source::Nothing;
    };
    let (pool, len, what) = match (domain.switches.is_empty(), family) {
        (true, _) => (&pools.p2p, family.bits() - 1, "links"),
        (false, Family::V4) => (&pools.lan, LAN_PREFIX[0].min(least_prefix(count)), "switches"),
        (false, Family::V6) => (&pools.lan, LAN_PREFIX[1], "switches"),
    };
    of_family(pool, family).map_or(Source::Nothing, |pool| Source::Pool { pool, len, what })
}

/// The longest IPv4 prefix with room for so many nodes beside the network and the broadcast address.
fn least_prefix(nodes: usize) -> u8 {
    let bits = (nodes + 2).next_power_of_two().trailing_zeros();
    32 - u8::try_from(bits.min(32)).expect("at most 32")
}

/// The block of the pool that the domain has now, or a larger one around it if it has grown; none if that is not free.
fn kept_block(domain: &Domain, wires: &Wires<'_>, pool: IpNet, len: u8, used: &mut Used) -> Option<IpNet> {
    let is_p2p = domain.switches.is_empty();
    let now = domain.members.iter().filter_map(|&(edge, side)| wires[edge.index()][side]);
    let block = now.flat_map(|(_, was)| &was.addresses).find_map(|address| {
        let fits = pool.contains(&address.trunc()) && (!is_p2p || address.prefix_len() == len);
        let net = IpNet::new(address.addr(), len.min(address.prefix_len())).ok()?.trunc();
        (fits && pool.contains(&net) && used.is_free(span(net))).then_some(net)
    })?;
    used.insert(span(block));
    Some(block)
}
