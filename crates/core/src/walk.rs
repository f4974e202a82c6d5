//! Packets walked over resources alone: what machines in these states would do with them.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use crate::names::HostId;
use crate::resource::{DeviceId, NetnsId, TABLE_MAIN};
use crate::state::HostState;

mod switched;
mod tables;
#[cfg(test)]
mod tests;
mod tunnels;
mod wires;

use tables::{Place, Tables, Way};
use wires::{At, Wires};

/// How many namespaces a packet can pass: a kernel's default time to live (net.ipv4.ip_default_ttl, net.ipv6.conf.all.hop_limit).
const TIME_TO_LIVE: u32 = 64;

/// Whether a packet for this address, sent in this namespace, gets there on every way that it can take, and the answer back likewise.
pub fn reaches(state: &HostState, from: &NetnsId, to: IpAddr) -> bool {
    Walk::new(state).reaches(from, to)
}

/// The states of hosts made ready for many walks.
#[derive(Debug)]
pub struct Walk {
    hosts: Vec<HostId>,
    wires: Wires,
    tables: Vec<Tables>,
}

impl Walk {
    /// Looks through the state of the one host once.
    pub fn new(state: &HostState) -> Self {
        Walk::over([(&HostId::local(), state)])
    }

    /// Looks through the states of all hosts once. Tunnels join them; that the underlay does its part is taken for granted.
    pub fn over<'a>(hosts: impl IntoIterator<Item = (&'a HostId, &'a HostState)>) -> Self {
        let mut walk = Walk { hosts: Vec::new(), wires: Wires::default(), tables: Vec::new() };
        for (host, state) in hosts {
            walk.tables.push(Tables::new(walk.hosts.len(), state));
            walk.wires.add(state);
            walk.hosts.push(host.clone());
        }
        walk
    }

    /// As the function of this name, from a namespace of the first host.
    pub fn reaches(&self, from: &NetnsId, to: IpAddr) -> bool {
        self.reaches_from(0, from, to)
    }

    /// As the function of this name, from a namespace of this host; one that there is not reaches nothing.
    pub fn reaches_on(&self, host: &HostId, from: &NetnsId, to: IpAddr) -> bool {
        self.hosts.iter().position(|had| had == host).is_some_and(|host| self.reaches_from(host, from, to))
    }

    fn reaches_from(&self, host: usize, from: &NetnsId, to: IpAddr) -> bool {
        let here = Place { host, netns: from.clone(), table: TABLE_MAIN };
        let Some(tables) = self.tables.get(host) else { return false };
        if tables.has(&here, to) {
            return true;
        }
        let ways = tables.look_up(&here, to);
        let answered = |way: &Way| {
            let there = self.next(&here, way, to).and_then(|next| Packets::new(self, to).deliver(next, 1));
            let back = there.zip(way.source).and_then(|((end, _), source)| Packets::new(self, source).deliver(end, 0));
            back.is_some_and(|(end, _)| (end.host, &end.netns) == (host, from))
        };
        !ways.is_empty() && ways.iter().all(answered)
    }

    /// Who answers for the next hop of a way, and where packets are looked up there. A kernel answers for any IPv4 address of its own that
    /// the packets' table knows, on any interface (arp_ignore = 0), for an IPv6 address on that interface alone.
    fn next(&self, at: &Place, way: &Way, to: IpAddr) -> Option<Place> {
        let neighbour = way.gateway.unwrap_or(to);
        let device = DeviceId { netns: at.netns.clone(), name: way.device };
        let from = At { host: at.host, device };
        // Nobody is asked who has the address: what the tunnel leads to takes it.
        if let Some(out) = self.wires.packets(&from, neighbour) {
            return out.map(|out| self.tables[out.host].place(&out.device));
        }
        let owners = self.tables.iter().enumerate();
        let owners = owners.flat_map(|(host, tables)| tables.owners(neighbour).iter().map(move |owner| (host, owner)));
        let mut others = owners.filter(|(host, owner)| (*host, &owner.netns) != (at.host, &at.netns));
        others.find_map(|(host, owner)| {
            let tables = &self.tables[host];
            match neighbour {
                IpAddr::V4(_) => {
                    let listening = self.wires.within(&from, host, &owner.netns);
                    let mut places = listening.iter().map(|device| tables.place(device));
                    places.find(|place| tables.has(place, neighbour))
                }
                IpAddr::V6(_) => {
                    let owner = At { host, device: owner.clone() };
                    self.wires.hear_each_other(&from, &owner).then(|| tables.place(&owner.device))
                }
            }
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
        let tables = &self.walk.tables[at.host];
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
            let next = self.walk.next(&at, way, self.to)?;
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
