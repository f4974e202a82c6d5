//! Devices as text.

use std::fmt::Write as _;
use std::sync::Arc;

use super::{id, if_name, parse, tunnels};
use crate::names::{Mac, stable_hash};
use crate::resource::{
    Bond, BondMode, Bridge, DeviceId, End, IpvlanMode, MacvlanMode, Single, SingleKind, VlanProtocol,
};

/// The address of a device that nobody gave one.
pub(in crate::testing) fn default_mac(id: &DeviceId) -> Mac {
    let [.., a, b, c] = stable_hash(&[&id.to_string()]).to_be_bytes();
    Mac([2, 0, 0, a, b, c])
}

/// A device's name and what is said of it, each word taken once.
struct Words<'a> {
    id: DeviceId,
    rest: Vec<&'a str>,
}

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        let mut words = text.split(',');
        let id = id(words.next().unwrap_or_default());
        Words { id, rest: words.collect() }
    }

    fn flag(&mut self, name: &str) -> bool {
        let found = self.rest.iter().position(|word| *word == name);
        found.map(|at| self.rest.remove(at)).is_some()
    }

    fn text(&mut self, name: &str) -> Option<&'a str> {
        let value = |word: &&'a str| word.strip_prefix(name)?.strip_prefix('=');
        let (at, value) = self.rest.iter().enumerate().find_map(|(at, word)| Some((at, value(word)?)))?;
        self.rest.remove(at);
        Some(value)
    }

    fn number(&mut self, name: &str) -> Option<u32> {
        self.text(name).map(parse)
    }

    fn mac(&mut self) -> Mac {
        self.text("mac").map_or_else(|| default_mac(&self.id), parse)
    }

    fn full_name(&mut self) -> Option<Arc<str>> {
        self.text("full").map(Into::into)
    }

    fn done(self) -> DeviceId {
        assert!(self.rest.is_empty(), "{:?} is nothing to say of {}", self.rest, self.id);
        self.id
    }
}

pub(super) fn end(text: &str) -> End {
    let mut words = Words::of(text);
    End {
        mac: words.mac(),
        mtu: words.number("mtu").unwrap_or(1500),
        queues: words.number("queues").unwrap_or(1),
        tx_queue_len: words.number("qlen").unwrap_or(1000),
        link_local: words.flag("link-local"),
        full_name: words.full_name(),
        id: words.done(),
    }
}

pub(super) fn show_end(end: &End) -> String {
    let mut text = end.id.to_string();
    push_common(&mut text, &end.id, Some(end.mac), end.link_local, end.full_name.as_deref());
    push_unless(&mut text, "mtu", end.mtu, 1500);
    push_unless(&mut text, "queues", end.queues, 1);
    push_unless(&mut text, "qlen", end.tx_queue_len, 1000);
    text
}

pub(super) fn bridge(text: &str) -> Bridge {
    let mut words = Words::of(text);
    Bridge {
        mac: words.mac(),
        multicast_snooping: words.flag("snooping"),
        stp: words.flag("stp"),
        forward_delay: words.number("delay").unwrap_or(1500),
        ageing: words.number("ageing").unwrap_or(30_000),
        vlan_filtering: words.flag("filtering"),
        link_local: words.flag("link-local"),
        full_name: words.full_name(),
        id: words.done(),
    }
}

pub(super) fn show_bridge(b: &Bridge) -> String {
    let mut text = format!("bridge {}", b.id);
    push_common(&mut text, &b.id, Some(b.mac), b.link_local, b.full_name.as_deref());
    let flags = [(b.multicast_snooping, ",snooping"), (b.stp, ",stp"), (b.vlan_filtering, ",filtering")];
    flags.iter().filter(|(is_so, _)| *is_so).for_each(|(_, word)| text.push_str(word));
    push_unless(&mut text, "delay", b.forward_delay, 1500);
    push_unless(&mut text, "ageing", b.ageing, 30_000);
    text
}

/// A device with one name; none where the first word is no such kind.
pub(super) fn single(words: &[&str]) -> Option<Single> {
    let kind = match words {
        ["dummy", _] => SingleKind::Dummy,
        ["vlan", _, parent, vid, protocol @ ..] => {
            let protocol = protocol.first().map_or(VlanProtocol::Q, |word| worded(word, VlanProtocol::WORDS));
            SingleKind::Vlan { parent: if_name(parent), vid: parse(vid), protocol }
        }
        ["macvlan", _, parent, mode] => {
            SingleKind::Macvlan { parent: id(parent), mode: worded(mode, MacvlanMode::WORDS) }
        }
        ["ipvlan", _, parent, mode] => SingleKind::Ipvlan { parent: id(parent), mode: worded(mode, IpvlanMode::WORDS) },
        ["bond", _, mode, miimon @ ..] => {
            let miimon = miimon.first().and_then(|word| word.strip_prefix("miimon=")).map_or(100, parse);
            SingleKind::Bond(Bond { mode: worded(mode, BondMode::WORDS), miimon })
        }
        ["vrf", _, table] => SingleKind::Vrf { table: parse(table) },
        ["vxlan", _, vni, local, said @ ..] => SingleKind::Vxlan(tunnels::vxlan(vni, local, said)),
        ["gretap", _, local, said @ ..] => SingleKind::Gretap(tunnels::gre(local, said)),
        ["gre", _, local, said @ ..] => SingleKind::Gre(tunnels::gre(local, said)),
        _ => return None,
    };
    let mut words = Words::of(words[1]);
    Some(Single {
        mac: kind.has_mac().then(|| words.mac()),
        mtu: kind.has_mtu().then(|| words.number("mtu").unwrap_or(1500)),
        link_local: words.flag("link-local"),
        full_name: words.full_name(),
        id: words.done(),
        kind,
    })
}

fn worded<T: Copy>(word: &str, words: &[(&str, T)]) -> T {
    let found = words.iter().find(|(had, _)| *had == word);
    found.unwrap_or_else(|| panic!("`{word}` is none of those words")).1
}

pub(super) fn show_single(s: &Single) -> String {
    let mut text = format!("{} {}", s.kind.name(), s.id);
    push_common(&mut text, &s.id, s.mac, s.link_local, s.full_name.as_deref());
    push_unless(&mut text, "mtu", s.mtu.unwrap_or(1500), 1500);
    match &s.kind {
        SingleKind::Dummy => {}
        SingleKind::Vlan { parent, vid, protocol } => {
            write!(text, " {parent} {vid}").expect("a String takes all");
            if *protocol != VlanProtocol::Q {
                write!(text, " {protocol}").expect("a String takes all");
            }
        }
        SingleKind::Macvlan { parent, mode } => write!(text, " {parent} {mode}").expect("a String takes all"),
        SingleKind::Ipvlan { parent, mode } => write!(text, " {parent} {mode}").expect("a String takes all"),
        SingleKind::Bond(bond) => {
            write!(text, " {}", bond.mode).expect("a String takes all");
            if bond.miimon != 100 {
                write!(text, " miimon={}", bond.miimon).expect("a String takes all");
            }
        }
        SingleKind::Vrf { table } => write!(text, " {table}").expect("a String takes all"),
        SingleKind::Vxlan(vxlan) => text.push_str(&tunnels::show_vxlan(vxlan)),
        SingleKind::Gretap(gre) | SingleKind::Gre(gre) => text.push_str(&tunnels::show_gre(gre)),
    }
    text
}

fn push_common(text: &mut String, id: &DeviceId, mac: Option<Mac>, link_local: bool, full_name: Option<&str>) {
    if let Some(mac) = mac.filter(|mac| *mac != default_mac(id)) {
        write!(text, ",mac={mac}").expect("a String takes all");
    }
    if link_local {
        text.push_str(",link-local");
    }
    if let Some(full) = full_name {
        write!(text, ",full={full}").expect("a String takes all");
    }
}

fn push_unless(text: &mut String, name: &str, value: u32, default: u32) {
    if value != default {
        write!(text, ",{name}={value}").expect("a String takes all");
    }
}
