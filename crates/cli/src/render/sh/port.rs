//! Memberships and VLANs of ports as commands of ip(8) and bridge(8).

use std::collections::BTreeMap;

use netsim_core::resource::{DeviceId, NetnsId, Port, PortSettings, PortVlans};

use super::{name, quoted, set};
use crate::planned::Names;

pub fn create(port: &Port) -> Vec<String> {
    let join = set(&port.device, &format!("master {}", name(&port.master)));
    std::iter::once(join).chain(settings(&port.device, PortSettings::default(), port.settings)).collect()
}

pub fn update(from: &Port, to: &Port) -> Vec<String> {
    match from.master == to.master {
        true => settings(&to.device, from.settings, to.settings).into_iter().collect(),
        false => create(to),
    }
}

pub fn bridge(netns: &NetnsId) -> String {
    match netns {
        NetnsId::Host => "bridge".to_owned(),
        NetnsId::Named(name) => format!("bridge -n {}", quoted(name.as_str())),
    }
}

fn settings(id: &DeviceId, from: PortSettings, to: PortSettings) -> Option<String> {
    let switches = |s: PortSettings| [("hairpin", s.hairpin), ("isolated", s.isolated), ("learning", s.learning)];
    let changed = switches(from).into_iter().zip(switches(to)).filter(|(a, b)| a != b);
    let words: String = changed.map(|(_, (word, on))| format!(" {word} {}", if on { "on" } else { "off" })).collect();
    (!words.is_empty()).then(|| format!("{} link set dev {}{words}", bridge(&id.netns), name(&id.name)))
}

/// How a port treats a VLAN.
#[derive(Clone, Copy, PartialEq, Eq)]
struct How {
    untagged: bool,
    pvid: bool,
}

fn each(vlans: &PortVlans) -> BTreeMap<u16, How> {
    vlans.each().map(|(vid, untagged)| (vid, How { untagged, pvid: vlans.pvid == Some(vid) })).collect()
}

/// From these VLANs to those; none on either side means that there are none.
pub fn vlans(from: Option<&PortVlans>, to: Option<&PortVlans>, names: &Names) -> Vec<String> {
    let Some(id) = to.or(from).map(|vlans| &vlans.device) else { return Vec::new() };
    let (from, to) = (from.map(each).unwrap_or_default(), to.map(each).unwrap_or_default());
    let gone = from.iter().filter(|(vid, _)| !to.contains_key(vid)).map(|(vid, how)| (*vid, *how));
    let new = to.iter().filter(|(vid, how)| from.get(vid) != Some(how)).map(|(vid, how)| (*vid, *how));
    let mut lines: Vec<String> = ranges(gone).into_iter().map(|r| line("del", id, r, names)).collect();
    lines.extend(ranges(new).into_iter().map(|r| line("add", id, r, names)));
    lines
}

/// First, last, and how they are treated. The kernel takes no range with the VLAN of what has no tag in it.
type Range = (u16, u16, How);

fn ranges(vlans: impl Iterator<Item = (u16, How)>) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for (vid, how) in vlans {
        match ranges.last_mut() {
            Some((_, last, of)) if *last + 1 == vid && *of == how && !how.pvid => *last = vid,
            Some(_) | None => ranges.push((vid, vid, how)),
        }
    }
    ranges
}

fn line(verb: &str, id: &DeviceId, (first, last, how): Range, names: &Names) -> String {
    let vids = if first == last { first.to_string() } else { format!("{first}-{last}") };
    let flags = [(how.pvid, " pvid"), (how.untagged, " untagged")];
    let flags: String = flags.into_iter().filter(|(is, _)| *is && verb == "add").map(|(_, word)| word).collect();
    let itself = if names.is_bridge(id) { " self" } else { "" };
    format!("{} vlan {verb} dev {} vid {vids}{flags}{itself}", bridge(&id.netns), name(&id.name))
}
