//! Devices as commands of ip(8).

use netsim_core::names::{LabName, stable_hash};
use netsim_core::resource::{Bond, Bridge, Device, DeviceId, End, NetnsId, Single, SingleKind, Veth};

use super::{altname, ip, name, quoted, set, tunnel};

/// The length of a transmit queue that the kernel gives (DEFAULT_TX_QUEUE_LEN).
const TX_QUEUE_LEN: u32 = 1000;

pub fn create(device: &Device, lab: &LabName) -> Vec<String> {
    match device {
        Device::Veth(v) => create_veth(v, lab),
        Device::Bridge(b) => create_bridge(b, lab),
        Device::Single(s) => create_single(s, lab),
        Device::Stray { .. } => unreachable!("a stray device is never wanted"),
    }
}

pub fn update(from: &Device, to: &Device) -> Vec<String> {
    match (from, to) {
        (Device::Veth(a), Device::Veth(b)) => {
            a.ends().iter().zip(b.ends()).flat_map(|(a, b)| update_end(a, b)).collect()
        }
        (Device::Bridge(a), Device::Bridge(b)) => update_bridge(a, b),
        (Device::Single(a), Device::Single(b)) => update_single(a, b),
        (Device::Veth(_) | Device::Bridge(_) | Device::Single(_) | Device::Stray { .. }, _) => {
            unreachable!("a device does not become one of another kind")
        }
    }
}

/// The name of a namespace as an argument of ip-link(8): the host's by the process that runs the script.
fn netns(netns: &NetnsId) -> String {
    match netns {
        NetnsId::Host => "$$".to_owned(),
        NetnsId::Named(name) => quoted(name.as_str()),
    }
}

fn create_veth(veth: &Veth, lab: &LabName) -> Vec<String> {
    let [a, b] = veth.ends();
    let half = |e: &End| {
        let within = if e.id.netns == a.id.netns { String::new() } else { format!(" netns {}", netns(&e.id.netns)) };
        let queues = format!("numtxqueues {0} numrxqueues {0}", e.queues);
        let len =
            if e.tx_queue_len == TX_QUEUE_LEN { String::new() } else { format!(" txqueuelen {}", e.tx_queue_len) };
        format!("name {} address {} mtu {} {queues}{len}{within}", name(&e.id.name), e.mac, e.mtu)
    };
    let mut lines = vec![format!("{} link add {} type veth peer {}", ip(&a.id.netns), half(a), half(b))];
    for end in [a, b] {
        lines.extend(marked(&end.id, end.link_local, end.full_name.as_deref(), lab));
    }
    lines
}

/// The lab's mark, and what only a device that is there can be told.
fn marked(id: &DeviceId, link_local: bool, full_name: Option<&str>, lab: &LabName) -> Vec<String> {
    // A kernel whose IPv6 is not loaded knows no such mode, and needs none; `$quiet` is empty there.
    let mode = if link_local { "addrgenmode eui64" } else { "$quiet" };
    let mark = set(id, &format!("group {} {mode}", lab.group()));
    std::iter::once(mark).chain(full_name.map(|full| altname(id, "add", full))).collect()
}

fn address_mode(link_local: bool) -> &'static str {
    if link_local { "eui64" } else { "none" }
}

fn create_bridge(bridge: &Bridge, lab: &LabName) -> Vec<String> {
    let (on, dev) = (ip(&bridge.id.netns), name(&bridge.id.name));
    let new = Bridge { multicast_snooping: true, ..Bridge::new(bridge.id.clone(), bridge.mac) };
    let settings = bridge_settings(&new, bridge).concat();
    let mut lines = vec![format!("{on} link add name {dev} address {} type bridge{settings}", bridge.mac)];
    lines.extend(marked(&bridge.id, bridge.link_local, bridge.full_name.as_deref(), lab));
    lines
}

/// The settings that differ, as arguments.
fn bridge_settings(a: &Bridge, b: &Bridge) -> Vec<String> {
    let switch = |word: &str, on: bool| format!(" {word} {}", u8::from(on));
    let mut all = Vec::new();
    all.extend((a.multicast_snooping != b.multicast_snooping).then(|| switch("mcast_snooping", b.multicast_snooping)));
    all.extend((a.forward_delay != b.forward_delay).then(|| format!(" forward_delay {}", b.forward_delay)));
    all.extend((a.stp != b.stp).then(|| switch("stp_state", b.stp)));
    all.extend((a.ageing != b.ageing).then(|| format!(" ageing_time {}", b.ageing)));
    all.extend((a.vlan_filtering != b.vlan_filtering).then(|| {
        // Where ports take only what they are told to, a new one is in no VLAN by itself.
        format!("{} vlan_default_pvid {}", switch("vlan_filtering", b.vlan_filtering), u8::from(!b.vlan_filtering))
    }));
    all
}

fn create_single(single: &Single, lab: &LabName) -> Vec<String> {
    let Single { id, kind, .. } = single;
    let mut lines = if is_tunnel(kind) { tunnel::create(single, lab) } else { add(single, lab) };
    lines.extend(marked(id, single.link_local, single.full_name.as_deref(), lab));
    lines
}

fn is_tunnel(kind: &SingleKind) -> bool {
    matches!(kind, SingleKind::Vxlan(_) | SingleKind::Gretap(_) | SingleKind::Gre(_))
}

/// A name for the moment that a device is made elsewhere, or from elsewhere: a kernel before 6.15 looks where it is asked whether the name is free
/// (`__rtnl_newlink`), and there may be an `eth0`.
pub(super) fn birth_name(id: &DeviceId, lab: &LabName) -> String {
    let hash = stable_hash(&[lab.as_str(), &id.to_string()]);
    quoted(&format!("ns-{:012x}", hash & 0xffff_ffff_ffff))
}

/// A device that has been born under another name gets its own.
pub(super) fn renamed(id: &DeviceId, born: &str) -> String {
    format!("{} link set dev {born} name {}", ip(&id.netns), name(&id.name))
}

fn add(single: &Single, lab: &LabName) -> Vec<String> {
    let Single { id, kind, .. } = single;
    let parent = kind.parent(id);
    // A device on another in another namespace is made from there.
    let from = parent.as_ref().map_or(&id.netns, |parent| &parent.netns);
    let link = parent.as_ref().map_or_else(String::new, |parent| format!(" link {}", name(&parent.name)));
    let born = (*from != id.netns).then(|| birth_name(id, lab));
    let within = if born.is_some() { format!(" netns {}", netns(&id.netns)) } else { String::new() };
    let mac = single.mac.map_or_else(String::new, |mac| format!(" address {mac}"));
    let mtu = single.mtu.map_or_else(String::new, |mtu| format!(" mtu {mtu}"));
    let what = what(kind).into_iter().map(|(word, value)| format!(" {word} {value}")).collect::<String>();
    let (on, dev, kind) = (ip(from), born.clone().unwrap_or_else(|| name(&id.name)), kind.name());
    let add = format!("{on} link add{link} name {dev}{mac}{mtu}{within} type {kind}{what}");
    std::iter::once(add).chain(born.map(|born| renamed(id, &born))).collect()
}

/// What is particular to it, as arguments of `ip link add … type`.
fn what(kind: &SingleKind) -> Vec<(&'static str, String)> {
    match kind {
        // They are written otherwise.
        SingleKind::Vxlan(_) | SingleKind::Gretap(_) | SingleKind::Gre(_) => Vec::new(),
        SingleKind::Dummy => Vec::new(),
        SingleKind::Vlan { vid, protocol, .. } => {
            vec![("protocol", protocol.word().replace('q', "Q")), ("id", vid.to_string())]
        }
        SingleKind::Macvlan { mode, .. } => vec![("mode", mode.to_string())],
        SingleKind::Ipvlan { mode, .. } => vec![("mode", mode.to_string())],
        SingleKind::Bond(Bond { mode, miimon }) => vec![("mode", mode.to_string()), ("miimon", miimon.to_string())],
        SingleKind::Vrf { table } => vec![("table", table.to_string())],
    }
}

fn update_end(a: &End, b: &End) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend((a.mtu != b.mtu).then(|| set(&b.id, &format!("mtu {}", b.mtu))));
    lines.extend((a.mac != b.mac).then(|| set(&b.id, &format!("address {}", b.mac))));
    let queue = || set(&b.id, &format!("txqueuelen {}", b.tx_queue_len));
    lines.extend((a.tx_queue_len != b.tx_queue_len).then(queue));
    lines.extend(relabelled(&b.id, [a.link_local, b.link_local], [a.full_name.as_deref(), b.full_name.as_deref()]));
    lines
}

fn update_bridge(a: &Bridge, b: &Bridge) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend((a.mac != b.mac).then(|| set(&b.id, &format!("address {}", b.mac))));
    let settings = bridge_settings(a, b).concat();
    lines.extend((!settings.is_empty()).then(|| set(&b.id, &format!("type bridge{settings}"))));
    lines.extend(relabelled(&b.id, [a.link_local, b.link_local], [a.full_name.as_deref(), b.full_name.as_deref()]));
    lines
}

fn update_single(a: &Single, b: &Single) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(mtu) = b.mtu.filter(|_| a.mtu != b.mtu) {
        lines.push(set(&b.id, &format!("mtu {mtu}")));
    }
    if let Some(mac) = b.mac.filter(|_| a.mac != b.mac) {
        lines.push(set(&b.id, &format!("address {mac}")));
    }
    let changed = what(&a.kind).into_iter().zip(what(&b.kind)).filter(|(a, b)| a != b);
    let what: String = changed.map(|(_, (word, value))| format!(" {word} {value}")).collect();
    lines.extend((!what.is_empty()).then(|| set(&b.id, &format!("type {}{what}", b.kind.name()))));
    lines.extend(tunnel::changes(a, b).map(|what| set(&b.id, &what)));
    lines.extend(relabelled(&b.id, [a.link_local, b.link_local], [a.full_name.as_deref(), b.full_name.as_deref()]));
    lines
}

fn relabelled(id: &DeviceId, link_local: [bool; 2], full_name: [Option<&str>; 2]) -> Vec<String> {
    let mut lines = Vec::new();
    if link_local[0] != link_local[1] {
        lines.push(set(id, &format!("addrgenmode {}", address_mode(link_local[1]))));
    }
    if full_name[0] != full_name[1] {
        lines.extend(full_name[0].map(|full| altname(id, "del", full)));
        lines.extend(full_name[1].map(|full| altname(id, "add", full)));
    }
    lines
}
