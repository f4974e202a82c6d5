//! Packets walked over resources alone: what a machine in this state would do with them.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use crate::resource::{DeviceId, NetnsId, TABLE_MAIN};
use crate::state::HostState;

mod switched;
mod tables;
#[cfg(test)]
mod tests;
mod wires;

use tables::{Place, Tables, Way};
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
        Walk { wires: Wires::new(state), tables: Tables::new(state) }
    }

    /// As the function of this name.
    pub fn reaches(&self, from: &NetnsId, to: IpAddr) -> bool {
        let here = Place { netns: from.clone(), table: TABLE_MAIN };
        if self.tables.has(&here, to) {
            return true;
        }
        let ways = self.tables.look_up(&here, to);
        let answered = |way: &Way| {
            let there = self.next(from, way, to).and_then(|next| Packets::new(self, to).deliver(next, 1));
            let back = there.zip(way.source).and_then(|((end, _), source)| Packets::new(self, source).deliver(end, 0));
            back.is_some_and(|(end, _)| end.netns == *from)
        };
        !ways.is_empty() && ways.iter().all(answered)
    }

    /// Who answers for the next hop of a way, and where packets are looked up there. A kernel answers for any IPv4 address of its own that
    /// the packets' table knows, on any interface (arp_ignore = 0), for an IPv6 address on that interface alone.
    fn next(&self, netns: &NetnsId, way: &Way, to: IpAddr) -> Option<Place> {
        let neighbour = way.gateway.unwrap_or(to);
        let device = DeviceId { netns: netns.clone(), name: way.device };
        let others = self.tables.owners(neighbour).iter().filter(|owner| owner.netns != *netns);
        others.into_iter().find_map(|owner| match neighbour {
            IpAddr::V4(_) => {
                let listening = self.wires.within(&device, &owner.netns);
                let mut places = listening.iter().map(|device| self.tables.place(device));
                places.find(|place| self.tables.has(place, neighbour))
            }
            IpAddr::V6(_) => self.wires.hear_each_other(&device, owner).then(|| self.tables.place(owner)),
        })
    }
}

/// Packets for one address, followed on all ways at once.
struct Packets<'a> {
    walk: &'a Walk,
    to: IpAddr,
    /// From where they were so far, where all come out and how many more namespaces they pass at most; nothing while that is being found out.
    seen: FxHashMap<Place, Option<(Place, u32)>>,
}

impl<'a> Packets<'a> {
    fn new(walk: &'a Walk, to: IpAddr) -> Self {
        Packets { walk, to, seen: FxHashMap::default() }
    }

    /// The one place that takes in all packets that are at this one after passing so many; none if any is lost or goes in a circle.
    fn deliver(&mut self, at: Place, passed: u32) -> Option<(Place, u32)> {
        let tables = &self.walk.tables;
        if tables.has(&at, self.to) {
            return Some((at, 0));
        }
        if let Some(known) = self.seen.get(&at) {
            return known.clone().filter(|(_, more)| passed + more <= TIME_TO_LIVE);
        }
        if passed > TIME_TO_LIVE || (passed > 0 && !tables.forwards(&at.netns, self.to)) {
            return None;
        }
        self.seen.insert(at.clone(), None);
        let mut all: Option<(Place, u32)> = None;
        for way in tables.look_up(&at, self.to) {
            let next = self.walk.next(&at.netns, way, self.to)?;
            let (end, more) = self.deliver(next, passed + 1)?;
            if all.as_ref().is_some_and(|(other, _)| *other != end) {
                return None;
            }
            let most = all.map_or(0, |(_, most)| most).max(more + 1);
            all = Some((end, most));
        }
        self.seen.insert(at, all.clone());
        all
    }
}
