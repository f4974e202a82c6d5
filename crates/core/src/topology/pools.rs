//! The pools that a file writes, and the default ones.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::building::Building;
use super::values::{self, Family};
use super::{Pool, Pools, codes};
use crate::problem::Place;
use crate::spec::Spec;
use crate::spec::written::{AddressingSpec, PoolSpec};

/// The pools that hold for the lab: those of the last file that writes any.
pub(super) fn of(building: &mut Building, specs: &[Spec]) -> Option<Pools> {
    let written = specs.iter().rev().find_map(|s| Some((s.addressing.as_ref()?, s.source)));
    let Some((written, source)) = written else { return Some(Pools::default()) };
    let AddressingSpec::Pools(written) = written else { return None };
    let at = Place { source, ..Place::default() }.key("addressing");
    let mut pools = Pools::default();
    for (key, spec, pool) in [
        ("p2p", &written.p2p, &mut pools.p2p),
        ("loopback", &written.loopback, &mut pools.loopback),
        ("lan", &written.lan, &mut pools.lan),
    ] {
        if let Some(spec) = spec {
            *pool = self::pool(building, spec, &at.key(key));
        }
    }
    overlap(building, &pools, &at);
    Some(pools)
}

fn pool(building: &mut Building, spec: &PoolSpec, at: &Place) -> Pool {
    let mut one = |key: &str, text: &Option<String>, family| {
        values::subnet(text.as_deref()?, Some(family), &at.key(key), &mut building.problems)
    };
    let ipv4: Option<IpNet> = one("ipv4", &spec.ipv4, Family::V4);
    let ipv6: Option<IpNet> = one("ipv6", &spec.ipv6, Family::V6);
    Pool { ipv4: ipv4.and_then(v4), ipv6: ipv6.and_then(v6) }
}

fn v4(net: IpNet) -> Option<Ipv4Net> {
    match net {
        IpNet::V4(net) => Some(net),
        IpNet::V6(_) => None,
    }
}

fn v6(net: IpNet) -> Option<Ipv6Net> {
    match net {
        IpNet::V4(_) => None,
        IpNet::V6(net) => Some(net),
    }
}

/// No address is in two pools.
fn overlap(building: &mut Building, pools: &Pools, at: &Place) {
    let nets = |pool: &Pool| pool.ipv4.map(IpNet::V4).into_iter().chain(pool.ipv6.map(IpNet::V6)).collect::<Vec<_>>();
    let all = [("p2p", nets(&pools.p2p)), ("loopback", nets(&pools.loopback)), ("lan", nets(&pools.lan))];
    for (i, (key, mine)) in all.iter().enumerate() {
        for (other, theirs) in &all[..i] {
            let pair = mine.iter().flat_map(|a| theirs.iter().map(move |b| (a, b)));
            for (a, b) in pair.filter(|(a, b)| a.contains(*b) || b.contains(*a)) {
                let message = format!("the pool {a} of `{key}` overlaps with {b} of `{other}`");
                let hint = format!("write both `{other}:` and `{key}:`, with no address in common");
                building.problems.tell(codes::OVERLAP, at, message, &hint);
            }
        }
    }
}
