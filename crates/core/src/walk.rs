//! Packets walked over resources alone: what a machine in this state would do with them.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use crate::resource::{DeviceId, NetnsId};
use crate::state::HostState;

mod tables;
#[cfg(test)]
mod tests;
mod wires;

use tables::{Domain, Domains, Tables, Way};
use wires::Wires;

/// How many namespaces a packet can pass: a kernel's default time to live (net.ipv4.ip_default_ttl, net.ipv6.conf.all.hop_limit).
const TIME_TO_LIVE: u32 = 64;

/// Whether a packet for this address, sent in this namespace, gets there on every way that it can take, and the answer back likewise.
pub fn reaches(state: &HostState, from: &NetnsId, to: IpAddr) -> bool {
    Walk::new(state).reaches(from, to)
}

/// A host's state made ready for many walks.
#[derive(Debug)]
pub struct Walk {
    wires: Wires,
    tables: Tables,
}

impl Walk {
    /// Looks through the state once.
    pub fn new(state: &HostState) -> Self {
        let domains = Domains::new(state);
        Walk { wires: Wires::new(state, &domains), tables: Tables::new(state, &domains) }
    }

    /// As the function of this name.
    pub fn reaches(&self, from: &NetnsId, to: IpAddr) -> bool {
        let from = &Domain::main(from);
        if self.tables.has(from, to) {
            return true;
        }
        let ways = self.tables.look_up(from, to);
        let answered = |way: &Way| {
            let there = self.next(from, way, to).and_then(|next| Packets::new(self, to).deliver(next, 1));
            let back = there.zip(way.source).and_then(|((end, _), source)| Packets::new(self, source).deliver(end, 0));
            back.is_some_and(|(end, _)| end == from)
        };
        !ways.is_empty() && ways.iter().all(answered)
    }

    /// The domain that answers for the next hop of a way. A kernel answers for any IPv4 address of its own on any interface
    /// (arp_ignore = 0), for an IPv6 address on that interface alone.
    fn next(&self, domain: &Domain, way: &Way, to: IpAddr) -> Option<&Domain> {
        let neighbour = way.gateway.unwrap_or(to);
        let sender = DeviceId { netns: domain.netns.clone(), name: way.device };
        let answers = |(owner, at): &&(DeviceId, Domain)| match neighbour {
            IpAddr::V4(_) => self.wires.listens(&sender, at),
            IpAddr::V6(_) => self.wires.hears(&sender, owner),
        };
        let others = self.tables.owners(neighbour).iter().filter(|(_, at)| at != domain);
        others.filter(answers).map(|(_, at)| at).next()
    }
}

/// Packets for one address, followed on all ways at once.
struct Packets<'a> {
    walk: &'a Walk,
    to: IpAddr,
    /// From the domains seen so far, where all come out and how many more they pass at most; nothing while that is being found out.
    seen: FxHashMap<&'a Domain, Option<(&'a Domain, u32)>>,
}

impl<'a> Packets<'a> {
    fn new(walk: &'a Walk, to: IpAddr) -> Self {
        Packets { walk, to, seen: FxHashMap::default() }
    }

    /// The one domain that takes in all packets that are at this one after passing so many; none if any is lost or goes in a circle.
    fn deliver(&mut self, at: &'a Domain, passed: u32) -> Option<(&'a Domain, u32)> {
        let tables = &self.walk.tables;
        if tables.has(at, self.to) {
            return Some((at, 0));
        }
        if let Some(known) = self.seen.get(at) {
            return known.filter(|(_, more)| passed + more <= TIME_TO_LIVE);
        }
        if passed > TIME_TO_LIVE || (passed > 0 && !tables.forwards(&at.netns, self.to)) {
            return None;
        }
        self.seen.insert(at, None);
        let mut all: Option<(&Domain, u32)> = None;
        for way in tables.look_up(at, self.to) {
            let next = self.walk.next(at, way, self.to)?;
            let (end, more) = self.deliver(next, passed + 1)?;
            if all.is_some_and(|(other, _)| other != end) {
                return None;
            }
            all = Some((end, all.map_or(0, |(_, most)| most).max(more + 1)));
        }
        self.seen.insert(at, all);
        all
    }
}
