//! The subnet that each broadcast domain gives addresses out of: written, as it is now, or the next of a pool.

use ipnet::IpNet;
use rustc_hash::FxHashMap;

use super::addresses::{Subjects, of_family};
use super::blocks::{Family, Used, span};
use super::codes;
use super::domains::Domain;
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
pub(super) fn sources(subjects: &Subjects<'_>, family: Family, used: &mut Used) -> Vec<Source> {
    let sources: Vec<Source> = subjects.domains.iter().map(|d| source(subjects, d, family)).collect();
    for source in &sources {
        if let Source::Written(net) = source {
            used.insert(span(*net));
        }
    }
    sources
}

/// The subnets that are written or that domains have now.
pub(super) fn keep_subnets(subjects: &Subjects<'_>, sources: &[Source], used: &mut Used) -> Vec<Option<IpNet>> {
    let keep = |(domain, source): (&Domain, &Source)| match source {
        Source::Nothing => None,
        Source::Written(net) => Some(*net),
        Source::Pool { pool, len, .. } => kept_block(subjects, domain, *pool, *len, used),
    };
    subjects.domains.iter().zip(sources).map(keep).collect()
}

/// Fills the pools from their start for the domains that still need a block.
pub(super) fn fill_subnets(
    subjects: &Subjects<'_>,
    sources: &[Source],
    used: &mut Used,
    subnets: &mut [Option<IpNet>],
    problems: &mut Vec<Problem>,
) {
    let mut cursors: FxHashMap<(IpNet, u8), u128> = FxHashMap::default();
    let mut exhausted: Vec<IpNet> = Vec::new();
    for ((domain, source), subnet) in subjects.domains.iter().zip(sources).zip(subnets) {
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
                let title = domain.title(subjects.topology);
                let message = format!("the {} pool {pool} of {what} has no /{len} left for {title}", family.name());
                let problem = Problem::at(codes::POOL_EXHAUSTED, domain.place(subjects.topology), message);
                problems.push(problem.hint("give `addressing` a larger pool, or write a subnet here"));
            }
        }
    }
}

fn block_net(family: Family, start: u128, len: u8) -> IpNet {
    IpNet::new(family.address(start), len).expect("a prefix length of the family")
}

/// The subnet of a family that a domain has written: its switches agree, and a link has one only where there is no switch. That of a switch is
/// for each of its VLANs.
fn written_subnet(topology: &Topology, domain: &Domain, family: Family) -> Option<IpNet> {
    let switches = domain.switches.iter().filter_map(|&s| topology.graph[s].switch());
    let links = domain.links.iter().map(|&link| &topology.graph[link]);
    let overlays = domain.overlays.iter().filter_map(|&o| topology.graph[o].overlay());
    let of_links = overlays.flat_map(|o| &o.subnets).chain(links.flat_map(|link| &link.subnets));
    let mut written = switches.flat_map(|s| &s.subnets).chain(of_links);
    written.find(|net| Family::of(net.addr()) == family).map(IpNet::trunc)
}

fn source(subjects: &Subjects<'_>, domain: &Domain, family: Family) -> Source {
    let topology = subjects.topology;
    if let Some(subnet) = written_subnet(topology, domain, family) {
        return Source::Written(subnet);
    }
    // What is behind a NIC has addresses that are not ours to give.
    let is_shared = domain.is_wide(topology) || (domain.nic.is_none() && domain.members.len() > 1);
    let silent = domain.switches.iter().filter_map(|&s| topology.graph[s].switch()).any(|s| !s.gives);
    let on_bridges = domain.bridges.iter().filter_map(|(s, _)| topology.graph[*s].switch()).flat_map(|s| &s.addresses);
    let on_members = domain.members.iter().flat_map(|(member, _)| member.of(topology).addresses);
    let by_hand = on_bridges.chain(on_members).any(|a| Family::of(a.addr()) == family);
    let count = subjects.takers(domain, family).count();
    let gives = is_shared && !silent && !by_hand && count > 0;
    let Some(pools) = topology.pools.as_ref().filter(|_| gives) else {
        return Source::Nothing;
    };
    let (pool, len, what) = match (is_p2p(topology, domain), family) {
        (true, _) => (&pools.p2p, family.bits() - 1, "links"),
        (false, Family::V4) => (&pools.lan, LAN_PREFIX[0].min(least_prefix(count)), "switches"),
        (false, Family::V6) => (&pools.lan, LAN_PREFIX[1], "switches"),
    };
    of_family(pool, family).map_or(Source::Nothing, |pool| Source::Pool { pool, len, what })
}

/// Whether it is two interfaces on one wire.
fn is_p2p(topology: &Topology, domain: &Domain) -> bool {
    !domain.is_wide(topology) && domain.members.len() == 2
}

/// The longest IPv4 prefix with room for so many nodes beside the network and the broadcast address.
fn least_prefix(nodes: usize) -> u8 {
    let bits = (nodes + 2).next_power_of_two().trailing_zeros();
    32 - u8::try_from(bits.min(32)).expect("at most 32")
}

/// The block of the pool that the domain has now, or a larger one around it if it has grown; none if that is not free.
fn kept_block(subjects: &Subjects<'_>, domain: &Domain, pool: IpNet, len: u8, used: &mut Used) -> Option<IpNet> {
    let mut now = domain.members.iter().flat_map(|(member, _)| subjects.was_on(*member));
    let block = now.find_map(|address| {
        let fits =
            pool.contains(&address.trunc()) && (!is_p2p(subjects.topology, domain) || address.prefix_len() == len);
        let net = IpNet::new(address.addr(), len.min(address.prefix_len())).ok()?.trunc();
        (fits && pool.contains(&net) && used.is_free(span(net))).then_some(net)
    })?;
    used.insert(span(block));
    Some(block)
}
