//! Resources in the field's words: `address 10.0.1.1/24 on node1:eth0`.

use ipnet::IpNet;
use netsim_core::resource::{
    Device, DeviceId, NetnsId, NextHop, Ovs, Port, PortSettings, Resource, Route, TABLE_MAIN, Tuning,
};

use crate::planned::{Joins, Names};

mod device;
mod impairment;
pub mod ovs;
pub mod tunnel;
mod vlans;

pub use device::{about, bridge_about, end_about, link, sort, tunnel_changes};
pub use impairment::{bucket, distribution, impairment, whole};
pub use vlans::vlans;

/// What a thing is called, seen from a namespace: there its own interfaces need no `node:` in front.
pub fn noun(resource: &Resource, names: &Names, within: Option<&NetnsId>) -> String {
    let end = |id: &DeviceId| end(id, names, within);
    let on = |netns: &NetnsId| match within == Some(netns) {
        true => String::new(),
        false => format!(" on {}", names.netns(netns)),
    };
    match resource {
        Resource::Fdb(f) => tunnel::fdb(f, names, within),
        Resource::Neighbour(n) => tunnel::neighbour(n, names, within),
        Resource::Ovs(o) => ovs::noun(o, names, within),
        Resource::Netns(n) => format!("namespace {}", n.name),
        Resource::Device(d) => device::noun(d, names, within),
        Resource::Up(d) => format!("{} up", end(d)),
        Resource::Port(p) => with(membership(p, names, within), &settings(p.settings)),
        Resource::PortVlans(_) | Resource::Qdisc(_) => {
            let content = of_end(resource).map(|(_, content)| content).unwrap_or_default();
            format!("{}: {content}", place(resource, names, within))
        }
        Resource::Tuning(t) => format!("{} = {} on {}", t.knob, tuned(t), end(&t.device)),
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

/// `port eth0 of bridge sw`, `member eth0 of bond bond0`.
fn membership(port: &Port, names: &Names, within: Option<&NetnsId>) -> String {
    let what = match names.joins(&port.master()) {
        Joins::Bridge => "port",
        Joins::Bond | Joins::Vrf => "member",
    };
    format!("{what} {} of {}", end(&port.device, names, within), master(port, names))
}

/// `bridge sw`, `bond bond0`.
pub fn master(port: &Port, names: &Names) -> String {
    let kind = match names.joins(&port.master()) {
        Joins::Bridge => "bridge",
        Joins::Bond => "bond",
        Joins::Vrf => "vrf",
    };
    format!("{kind} {}", names.interface(&port.master()))
}

/// What is other than the kernel makes a port: `isolated`, `no learning`.
pub fn settings(settings: PortSettings) -> Vec<&'static str> {
    let words = [(settings.hairpin, "hairpin"), (settings.isolated, "isolated"), (!settings.learning, "no learning")];
    words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect()
}

/// With these words behind it: `sw (isolated, no learning)`.
pub fn with<T: AsRef<str>>(text: String, words: &[T]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    if words.is_empty() { text } else { format!("{text} ({})", words.join(", ")) }
}

/// What is said of one end of a link beside its addresses: `delay 10ms`, `access VLAN 10`, `gso off`.
pub fn of_end(resource: &Resource) -> Option<(DeviceId, String)> {
    match resource {
        Resource::Fdb(_) | Resource::Neighbour(_) => None,
        Resource::PortVlans(v) => Some((v.device.clone(), vlans(v))),
        Resource::Qdisc(q) => Some((q.device.clone(), impairment(&q.kind))),
        Resource::Tuning(t) => Some((t.device.clone(), format!("{} {}", t.knob, tuned(t)))),
        Resource::Ovs(Ovs::Qos(q)) => {
            q.max_rate.map(|_| (DeviceId { netns: NetnsId::Host, name: q.port }, ovs::qos(q)))
        }
        Resource::Netns(_)
        | Resource::Device(_)
        | Resource::Up(_)
        | Resource::Port(_)
        | Resource::Address(_)
        | Resource::Route(_)
        | Resource::Sysctl(_)
        | Resource::Ran(_)
        | Resource::Ovs(Ovs::Bridge(_) | Ovs::Port(_) | Ovs::Mirror(_) | Ovs::Flows(_) | Ovs::Stray(_)) => None,
    }
}

/// The value of a knob.
fn tuned(tuning: &Tuning) -> &str {
    if tuning.value.is_empty() { "none" } else { &tuning.value }
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
        (Resource::Neighbour(a), Resource::Neighbour(b)) => vec![format!("behind {} → {}", a.to, b.to)],
        (Resource::Ovs(a), Resource::Ovs(b)) => ovs::changes(a, b, names),
        (Resource::Device(a), Resource::Device(b)) => device::changes(a, b, names, within),
        (Resource::Port(a), Resource::Port(b)) => port_changes(a, b, names),
        (Resource::PortVlans(a), Resource::PortVlans(b)) => vec![format!("{} → {}", vlans(a), vlans(b))],
        (Resource::Qdisc(a), Resource::Qdisc(b)) => impairment::changes(&a.kind, &b.kind),
        (Resource::Tuning(a), Resource::Tuning(b)) => vec![format!("{} → {}", tuned(a), tuned(b))],
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
            | Resource::PortVlans(_)
            | Resource::Qdisc(_)
            | Resource::Tuning(_)
            | Resource::Address(_)
            | Resource::Route(_)
            | Resource::Sysctl(_)
            | Resource::Ran(_)
            | Resource::Ovs(_)
            | Resource::Fdb(_)
            | Resource::Neighbour(_),
            _,
        ) => Vec::new(),
    }
}

fn port_changes(a: &Port, b: &Port, names: &Names) -> Vec<String> {
    let mut changes = Vec::new();
    if a.master != b.master {
        changes.push(format!("{} → {}", master(a, names), master(b, names)));
    }
    let switches = |s: PortSettings| [("hairpin", s.hairpin), ("isolated", s.isolated), ("learning", s.learning)];
    for ((word, was), (_, is)) in switches(a.settings).into_iter().zip(switches(b.settings)).filter(|(a, b)| a != b) {
        changes.push(format!("{word} {} → {}", on_off(was), on_off(is)));
    }
    changes
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// Where something is, for a change of it: what it is called, without what changes.
pub fn place(resource: &Resource, names: &Names, within: Option<&NetnsId>) -> String {
    let end = |id: &DeviceId| end(id, names, within);
    let on = |netns: &NetnsId| match within == Some(netns) {
        true => String::new(),
        false => format!(" on {}", names.netns(netns)),
    };
    match resource {
        Resource::Fdb(f) => tunnel::fdb(f, names, within),
        Resource::Neighbour(n) => tunnel::neighbour_place(n, names, within),
        Resource::Ovs(o) => ovs::place(o, names, within),
        Resource::Port(p) => format!("port {}", end(&p.device)),
        Resource::PortVlans(v) => format!("VLANs of {}", end(&v.device)),
        Resource::Qdisc(q) => format!("impairment on {}", end(&q.device)),
        Resource::Tuning(t) => format!("{} on {}", t.knob, end(&t.device)),
        Resource::Sysctl(s) => format!("sysctl {}{}", s.name, on(&s.netns)),
        Resource::Route(r) => format!("route {}{}", destination(&r.to), on(&r.netns)),
        Resource::Device(Device::Single(s)) => format!("{} {}", s.kind.name(), end(&s.id)),
        Resource::Netns(_) | Resource::Device(_) | Resource::Up(_) | Resource::Address(_) | Resource::Ran(_) => {
            noun(resource, names, within)
        }
    }
}
