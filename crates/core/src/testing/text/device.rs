//! Devices as text.

use std::fmt::Write as _;
use std::sync::Arc;

use super::{id, if_name, parse};
use crate::names::{Mac, stable_hash};
use crate::resource::{
    Bond, BondMode, Bridge, DeviceId, End, IpvlanMode, MacvlanMode, Single, SingleKind, VlanProtocol,
};

/// The address of a device that nobody gave one.
pub(in crate::testing) fn default_mac(id: &DeviceId) -> Mac {
    let [.., a, b, c] = stable_hash(&[&id.to_string()]).to_be_bytes();
    Mac([2, 0, 0, a, b, c])
}

/// What every kind of device has; `own` takes words that only this kind knows.
fn read(text: &str, mut own: impl FnMut(&str, Option<&str>) -> Option<()>) -> Common {
    let mut words = text.split(',');
    let id = id(words.next().unwrap_or_default());
    let mut common = Common { mac: None, mtu: None, link_local: false, full_name: None, id };
    for word in words {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        match (name, value) {
            ("mac", Some(mac)) => common.mac = Some(parse(mac)),
            ("mtu", Some(mtu)) => common.mtu = Some(parse(mtu)),
            ("full", Some(full)) => common.full_name = Some(full.into()),
            ("link-local", None) => common.link_local = true,
            _ => own(name, value).unwrap_or_else(|| panic!("`{word}` is no property of such a device")),
        }
    }
    common
}

struct Common {
    id: DeviceId,
    mac: Option<Mac>,
    mtu: Option<u32>,
    link_local: bool,
    full_name: Option<Arc<str>>,
}

impl Common {
    fn mac(&self) -> Mac {
        self.mac.unwrap_or_else(|| default_mac(&self.id))
    }
}

pub(super) fn end(text: &str) -> End {
    let (mut queues, mut tx_queue_len) = (1, 1000);
    let common = read(text, |name, value| match (name, value) {
        ("queues", Some(n)) => Some(queues = parse(n)),
        ("qlen", Some(n)) => Some(tx_queue_len = parse(n)),
        _ => None,
    });
    let mac = common.mac();
    let mtu = common.mtu.unwrap_or(1500);
    let (link_local, full_name) = (common.link_local, common.full_name);
    End { queues, tx_queue_len, mtu, link_local, full_name, ..End::new(common.id, mac) }
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
    let mut bridge = Bridge::new(id(text.split(',').next().unwrap_or_default()), Mac([0; 6]));
    let common = read(text, |name, value| match (name, value) {
        ("snooping", None) => Some(bridge.multicast_snooping = true),
        ("stp", None) => Some(bridge.stp = true),
        ("filtering", None) => Some(bridge.vlan_filtering = true),
        ("delay", Some(n)) => Some(bridge.forward_delay = parse(n)),
        ("ageing", Some(n)) => Some(bridge.ageing = parse(n)),
        _ => None,
    });
    assert!(common.mtu.is_none(), "a bridge has no MTU of its own");
    let mac = common.mac();
    Bridge { mac, link_local: common.link_local, full_name: common.full_name, ..bridge }
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
        _ => return None,
    };
    let common = read(words[1], |_, _| None);
    let mac = kind.has_mac().then(|| common.mac());
    let mtu = common.mtu.or(Some(1500)).filter(|_| kind.has_mtu());
    let (link_local, full_name) = (common.link_local, common.full_name);
    Some(Single { id: common.id, mac, mtu, link_local, full_name, kind })
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
