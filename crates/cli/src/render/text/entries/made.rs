//! What a new node or link is made of, in words.

use std::collections::BTreeMap;

use crate::render::text::{Natural, UNBROKEN, count, words};

/// What a new node or link is made of.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// What kind of bridge it is, and how it is other than by default.
    pub bridge: Option<(&'static str, Vec<String>)>,
    pub router: bool,
    pub link: bool,
    /// Interface to its addresses, in order.
    pub addresses: BTreeMap<Natural, (String, Vec<String>)>,
    pub interfaces: usize,
    pub ports: usize,
    /// Members of its bonds and VRFs.
    pub members: usize,
    /// Its interfaces that no link makes, in words.
    pub devices: Vec<String>,
    /// What is said of interfaces beside their addresses, and of which.
    pub ends: Vec<(String, Vec<String>)>,
    /// Its mirrors, and its flows, in words.
    pub more: Vec<String>,
    /// Where its tunnels are told to send what.
    pub fdb: usize,
    pub neighbours: usize,
    pub routes: usize,
    /// How many of them are default routes by gateways, and those gateways.
    pub default_routes: usize,
    pub gateways: Vec<String>,
    pub sysctls: usize,
    pub programs: usize,
    pub mtu: Option<String>,
}

impl Made {
    /// What one new node is made of, in words.
    pub fn words(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.router.then(|| "router".to_owned()));
        parts.extend(self.bridge.as_ref().map(|(kind, about)| words::with((*kind).to_owned(), about)));
        parts.extend((self.ports > 0).then(|| count(self.ports, "port")));
        parts.extend(self.devices.iter().cloned());
        parts.extend((self.members > 0).then(|| count(self.members, "member")));
        parts.extend(self.addresses.values().map(|(interface, all)| match &all[..] {
            [first, .., last] if all.len() > 4 => format!("{interface} {first} … {last} ({} addresses)", all.len()),
            _ => format!("{interface} {}", all.join(" ")),
        }));
        parts.extend((self.fdb > 0).then(|| count(self.fdb, "FDB entry")));
        parts.extend((self.neighbours > 0).then(|| count(self.neighbours, "neighbour")));
        match (self.routes, self.default_routes) {
            (0, _) => {}
            (routes, defaults) if routes == defaults => {
                parts.push(format!("default via {}", self.gateways.join(" and ")))
            }
            (routes, _) => parts.push(count(routes, "route")),
        }
        parts.extend(self.more.iter().cloned());
        parts.extend((self.sysctls > 0).then(|| count(self.sysctls, "sysctl")));
        parts.extend((self.programs > 0).then(|| count(self.programs, "program")));
        parts.extend(self.wire(|ends| format!("at {}", ends[0])));
        // Each part stays on one line if it can.
        parts.iter().flat_map(|p| p.split(", ")).map(|p| p.replace(' ', UNBROKEN)).collect::<Vec<_>>().join(", ")
    }

    /// Says something of an end.
    pub fn note_end(&mut self, text: String, end: String) {
        match self.ends.iter_mut().find(|(known, _)| *known == text) {
            Some((_, ends)) => ends.push(end),
            None => self.ends.push((text, vec![end])),
        }
    }

    /// What is said of a link, and at which of its ends; `at` names the one end.
    pub fn wire(&self, at: impl Fn(&[String]) -> String) -> Vec<String> {
        let word = |(text, ends): &(String, Vec<String>)| match &ends[..] {
            [_] => format!("{text} {}", at(ends)),
            [_, _] if self.link => format!("{text} at both ends"),
            [a, b] => format!("{text} at {a} and {b}"),
            many => format!("{text} at {}", count(many.len(), "interface")),
        };
        self.mtu.iter().cloned().chain(self.ends.iter().map(word)).collect()
    }

    /// The same in numbers, for many alike.
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        let addresses = self.addresses.values().map(|(_, all)| all.len()).sum();
        let all = [
            ("port", self.ports),
            ("interface", if self.bridge.is_some() { 0 } else { self.interfaces + self.devices.len() }),
            ("address", addresses),
            ("FDB entry", self.fdb),
            ("neighbour", self.neighbours),
            ("route", self.routes),
            ("sysctl", self.sysctls),
            ("program", self.programs),
        ];
        all.to_vec()
    }
}

/// The MTU of a pair, where it is not Ethernet's usual.
pub fn mtus([a, b]: [u32; 2]) -> Option<String> {
    match (a, b) {
        (1500, 1500) => None,
        (a, b) if a == b => Some(format!("mtu {a}")),
        (a, b) => Some(format!("mtu {a} and {b}")),
    }
}
