//! Resources in the field's words: `address 10.0.1.1/24 on node1:eth0`.

use ipnet::IpNet;
use netsim_core::resource::{Bridge, Device, DeviceId, End, NetnsId, NextHop, Resource, Route, TABLE_MAIN, Veth};

use crate::planned::Names;

/// What a thing is called, seen from a namespace: there its own interfaces need no `node:` in front.
pub fn noun(resource: &Resource, names: &Names, within: Option<&NetnsId>) -> String {
    let end = |id: &DeviceId| end(id, names, within);
    let on = |netns: &NetnsId| match within == Some(netns) {
        true => String::new(),
        false => format!(" on {}", names.netns(netns)),
    };
    match resource {
        Resource::Netns(n) => format!("namespace {}", n.name),
        Resource::Device(Device::Veth(v)) => link(v, names),
        Resource::Device(Device::Bridge(b)) => match b.id.netns {
            NetnsId::Host => format!("bridge {} in the host's namespace", names.interface(&b.id)),
            NetnsId::Named(_) => format!("bridge {}", end(&b.id)),
        },
        Resource::Device(Device::Stray { id, what }) => format!("{what} {}", end(id)),
        Resource::Up(d) => format!("{} up", end(d)),
        Resource::Port(p) => format!("port {} of bridge {}", end(&p.device), p.master),
        Resource::Address(a) => format!("address {} on {}", a.net, end(&a.device)),
        Resource::Route(r) => format!("route {}{}", route(r, names), on(&r.netns)),
        Resource::Sysctl(s) => format!("sysctl {} = {}{}", s.name, flat(&s.value), on(&s.netns)),
        Resource::Ran(r) => {
            let argv = match r.argv.0.is_empty() {
                true => format!("#{}", r.index + 1),
                false => r.argv.0.iter().map(|a| super::super::sh::quoted_if_needed(a)).collect::<Vec<_>>().join(" "),
            };
            format!("exec {argv}{}", on(&NetnsId::Named(r.netns.clone())))
        }
    }
}

fn end(id: &DeviceId, names: &Names, within: Option<&NetnsId>) -> String {
    match within == Some(&id.netns) {
        true => names.interface(id).to_owned(),
        false => names.end(id),
    }
}

/// `link a:eth0 – b:eth0`, the lesser name first, numbers as numbers.
pub fn link(veth: &Veth, names: &Names) -> String {
    let mut ends = veth.ends().each_ref().map(|e| names.end(&e.id));
    ends.sort_by_cached_key(|e| super::natural(e));
    format!("link {} – {}", ends[0], ends[1])
}

/// `10.0.0.0/24 via 10.1.0.1 dev eth0`, as ip(8) has it.
pub fn route(route: &Route, names: &Names) -> String {
    let mut text = format!("{} {}", destination(&route.to), next_hops(route, names));
    let usual = if route.to.addr().is_ipv6() { 1024 } else { 0 };
    if route.metric != usual {
        text.push_str(&format!(" metric {}", route.metric));
    }
    if route.table != TABLE_MAIN {
        text.push_str(&format!(" table {}", route.table));
    }
    text
}

/// `default`, an address, or a prefix.
pub fn destination(to: &IpNet) -> String {
    match to.prefix_len() {
        0 => "default".to_owned(),
        len if len == to.max_prefix_len() => to.addr().to_string(),
        _ => to.to_string(),
    }
}

fn next_hops(route: &Route, names: &Names) -> String {
    route.via.iter().map(|hop| next_hop(hop, &route.netns, names)).collect::<Vec<_>>().join(" and ")
}

fn next_hop(hop: &NextHop, netns: &NetnsId, names: &Names) -> String {
    let device = DeviceId { netns: netns.clone(), name: hop.device };
    let mut text = hop.gateway.map_or_else(String::new, |g| format!("via {g} "));
    text.push_str(&format!("dev {}", names.interface(&device)));
    if hop.weight != 1 {
        text.push_str(&format!(" weight {}", hop.weight));
    }
    text
}

/// A value on one line.
fn flat(value: &str) -> String {
    value.replace('\t', " ")
}

/// What an update changes, each as `mtu 1500 → 9000`.
pub fn changes(from: &Resource, to: &Resource, names: &Names, within: Option<&NetnsId>) -> Vec<String> {
    match (from, to) {
        (Resource::Device(Device::Veth(a)), Resource::Device(Device::Veth(b))) => {
            let moved = a.ends().iter().zip(b.ends()).filter(|(a, b)| a.id != b.id);
            let moved = moved.map(|(a, b)| format!("its end {} → {}", names.end(&a.id), names.end(&b.id)));
            let within = veth_changes(a, b).into_iter().map(|(ends, what)| of_ends(&ends, &what, names, within));
            moved.chain(within).collect()
        }
        (Resource::Device(Device::Bridge(a)), Resource::Device(Device::Bridge(b))) => bridge_changes(a, b),
        (Resource::Port(a), Resource::Port(b)) => vec![format!("bridge {} → {}", a.master, b.master)],
        (Resource::Sysctl(a), Resource::Sysctl(b)) => vec![format!("{} → {}", flat(&a.value), flat(&b.value))],
        (Resource::Route(a), Resource::Route(b)) => vec![format!("{} → {}", next_hops(a, names), next_hops(b, names))],
        (Resource::Netns(a), Resource::Netns(b)) if a.mounted && !b.mounted => {
            vec!["its name is there, but leads to no namespace".to_owned()]
        }
        (
            Resource::Netns(_)
            | Resource::Device(_)
            | Resource::Up(_)
            | Resource::Port(_)
            | Resource::Address(_)
            | Resource::Route(_)
            | Resource::Sysctl(_)
            | Resource::Ran(_),
            _,
        ) => Vec::new(),
    }
}

fn of_ends(ends: &[&DeviceId], what: &str, names: &Names, within: Option<&NetnsId>) -> String {
    match ends {
        [one] => format!("{what} at {}", end(one, names, within)),
        _ => format!("{what} at both ends"),
    }
}

/// Each field that differs, with the ends where it does; the same change at both ends is told once.
fn veth_changes<'a>(from: &'a Veth, to: &Veth) -> Vec<(Vec<&'a DeviceId>, String)> {
    let mut all: Vec<(Vec<&DeviceId>, String)> = Vec::new();
    for (a, b) in from.ends().iter().zip(to.ends()) {
        for what in end_changes(a, b) {
            match all.iter_mut().find(|(_, w)| *w == what) {
                Some((ends, _)) => ends.push(&a.id),
                None => all.push((vec![&a.id], what)),
            }
        }
    }
    all
}

fn end_changes(a: &End, b: &End) -> Vec<String> {
    let mut changes = Vec::new();
    if a.mtu != b.mtu {
        changes.push(format!("mtu {} → {}", a.mtu, b.mtu));
    }
    if a.mac != b.mac {
        changes.push(format!("mac {} → {}", a.mac, b.mac));
    }
    if a.link_local != b.link_local {
        changes.push(format!("IPv6 link-local address {} → {}", on_off(a.link_local), on_off(b.link_local)));
    }
    if a.full_name != b.full_name {
        changes.push(renamed(a.full_name.as_deref(), b.full_name.as_deref()));
    }
    changes
}

fn bridge_changes(a: &Bridge, b: &Bridge) -> Vec<String> {
    let mut changes = Vec::new();
    if a.mac != b.mac {
        changes.push(format!("mac {} → {}", a.mac, b.mac));
    }
    if a.multicast_snooping != b.multicast_snooping {
        let (was, will) = (on_off(a.multicast_snooping), on_off(b.multicast_snooping));
        changes.push(format!("multicast snooping {was} → {will}"));
    }
    if a.link_local != b.link_local {
        changes.push(format!("IPv6 link-local address {} → {}", on_off(a.link_local), on_off(b.link_local)));
    }
    if a.full_name != b.full_name {
        changes.push(renamed(a.full_name.as_deref(), b.full_name.as_deref()));
    }
    changes
}

fn renamed(from: Option<&str>, to: Option<&str>) -> String {
    format!("alternative name {} → {}", from.unwrap_or("none"), to.unwrap_or("none"))
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// Where something is, for a change of it: what it is called, without what changes.
pub fn place(resource: &Resource, names: &Names, within: Option<&NetnsId>) -> String {
    let on = |netns: &NetnsId| match within == Some(netns) {
        true => String::new(),
        false => format!(" on {}", names.netns(netns)),
    };
    match resource {
        Resource::Port(p) => format!("port {}", end(&p.device, names, within)),
        Resource::Sysctl(s) => format!("sysctl {}{}", s.name, on(&s.netns)),
        Resource::Route(r) => format!("route {}{}", destination(&r.to), on(&r.netns)),
        Resource::Netns(_) | Resource::Device(_) | Resource::Up(_) | Resource::Address(_) | Resource::Ran(_) => {
            noun(resource, names, within)
        }
    }
}
