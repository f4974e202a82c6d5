//! Resources as short lines of text, for tests: `veth a/e0,mtu=1400 b/e1`, `route a 10.9.0.0/24 via e0=10.0.0.100`.
//!
//! What a line leaves out has the value of a thing that nobody cared about. Text that is no such line panics: it is a fault of the test.

use std::fmt::Write as _;

use ipnet::IpNet;

use crate::names::{IfName, NetnsName, NodeName, SysctlName};
use crate::plan::Action;
use crate::resource::{
    Address, Aside, Device, DeviceId, Fdb, Neighbour, Netns, NetnsId, NextHop, Qdisc, QdiscKind, Ran, Resource, Route,
    Sysctl, TABLE_MAIN, Veth,
};
use crate::state::{HostState, Loan};

mod device;
mod ovs;
mod treatment;
mod tunnels;

pub(super) use device::default_mac;

/// One resource a line; empty lines are skipped.
pub fn resources(text: &str) -> Vec<Resource> {
    lines(text).map(resource).collect()
}

/// One action a line: `+ RESOURCE`, `- RESOURCE`, `~ RESOURCE => RESOURCE`; empty lines are skipped.
pub fn actions(text: &str) -> Vec<Action> {
    lines(text).map(action).collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// One action, as in [`actions`].
pub fn action(line: &str) -> Action {
    match line.split_at(1) {
        ("+", rest) => Action::Create(resource(rest)),
        ("-", rest) => Action::Delete(resource(rest)),
        ("~", rest) => {
            let (from, to) = rest.split_once("=>").unwrap_or_else(|| panic!("no `=>` in `{line}`"));
            Action::Update { from: resource(from), to: resource(to) }
        }
        _ => panic!("`{line}` is not an action"),
    }
}

/// One resource.
pub fn resource(line: &str) -> Resource {
    let bad = || -> ! { panic!("`{line}` is not a resource") };
    let words: Vec<&str> = line.split_whitespace().collect();
    match &*words {
        ["netns", n, options @ ..] => {
            let node = options.iter().find_map(|o| o.strip_prefix("node=")).unwrap_or("n");
            let node = NodeName::new(node).expect("a node's name");
            Resource::Netns(Netns { name: name(n), node, mounted: !options.contains(&"unmounted") })
        }
        ["bridge", text] => Resource::Device(Device::Bridge(device::bridge(text))),
        ["veth", a, b] => Resource::Device(Device::Veth(Veth::new(device::end(a), device::end(b)))),
        ["stray", d, what] => Resource::Device(Device::Stray { id: id(d), what: (*what).into() }),
        ["up", d] => Resource::Up(id(d)),
        ["port", d, master, settings @ ..] => Resource::Port(treatment::port(d, master, settings)),
        ["vlans", d, vlans @ ..] => Resource::PortVlans(treatment::vlans(d, vlans)),
        ["netem", d, settings @ ..] => Resource::Qdisc(treatment::netem(d, settings)),
        ["tbf", d, settings @ ..] => Resource::Qdisc(treatment::tbf(d, settings)),
        ["qdisc", d, kind] => Resource::Qdisc(Qdisc { device: id(d), kind: QdiscKind::Other((*kind).into()) }),
        ["tune", d, knob, value @ ..] => Resource::Tuning(treatment::tuning(d, knob, value)),
        ["address", d, net] => Resource::Address(Address { device: id(d), net: parse(net) }),
        ["route", n, to, rest @ ..] => route(n, parse(to), rest),
        ["fdb", d, mac, to] => Resource::Fdb(Fdb { device: id(d), mac: parse(mac), to: parse(to) }),
        ["neighbour", d, address, to] => {
            Resource::Neighbour(Neighbour { device: id(d), address: parse(address), to: parse(to) })
        }
        ["sysctl", n, name, value @ ..] => Resource::Sysctl(Sysctl {
            netns: netns(n),
            name: SysctlName::new(name).expect("a sysctl's name"),
            value: value.join("\t").into(),
        }),
        ["ran", n, index, digest] => {
            Resource::Ran(Ran { netns: name(n), index: parse(index), digest: parse(digest), argv: Aside(Vec::new()) })
        }
        _ => match (device::single(&words), ovs::ovs(&words)) {
            (Some(single), _) => Resource::Device(Device::Single(Box::new(single))),
            (None, Some(ovs)) => Resource::Ovs(ovs),
            (None, None) => bad(),
        },
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("cannot read `{text}`"))
}

fn name(text: &str) -> NetnsName {
    NetnsName::new(text).expect("a namespace's name")
}

fn if_name(text: &str) -> IfName {
    IfName::new(text).expect("a device's name")
}

fn netns(text: &str) -> NetnsId {
    if text == "host" { NetnsId::Host } else { NetnsId::Named(name(text)) }
}

fn id(text: &str) -> DeviceId {
    let (n, device) = text.split_once('/').unwrap_or_else(|| panic!("no `/` in `{text}`"));
    DeviceId { netns: netns(n), name: if_name(device) }
}

fn default_metric(to: &IpNet) -> u32 {
    if to.addr().is_ipv6() { 1024 } else { 0 }
}

fn route(n: &str, to: IpNet, words: &[&str]) -> Resource {
    let mut route = Route { netns: netns(n), table: TABLE_MAIN, to, metric: default_metric(&to), via: Vec::new() };
    for word in words {
        match word.split_once('=') {
            Some(("table", table)) => route.table = parse(table),
            Some(("metric", metric)) => route.metric = parse(metric),
            None if *word == "via" => {}
            _ => route.via.push(hop(word)),
        }
    }
    route.via.sort();
    Resource::Route(route)
}

fn hop(word: &str) -> NextHop {
    let (way, weight) = word.split_once('*').unwrap_or((word, "1"));
    let (device, gateway) = match way.split_once('=') {
        Some((device, gateway)) => (device, Some(parse(gateway))),
        None => (way, None),
    };
    NextHop { device: if_name(device), gateway, weight: parse(weight) }
}

/// The line that [`resource`] reads.
pub fn show(resource: &Resource) -> String {
    match resource {
        Resource::Fdb(f) => format!("fdb {} {} {}", f.device, f.mac, f.to),
        Resource::Neighbour(n) => format!("neighbour {} {} {}", n.device, n.address, n.to),
        Resource::Ovs(o) => ovs::show(o),
        Resource::Netns(n) => {
            let node = if n.node.as_str() == "n" { String::new() } else { format!(" node={}", n.node) };
            format!("netns {}{node}{}", n.name, if n.mounted { "" } else { " unmounted" })
        }
        Resource::Device(Device::Veth(v)) => {
            let [a, b] = v.ends();
            format!("veth {} {}", device::show_end(a), device::show_end(b))
        }
        Resource::Device(Device::Bridge(b)) => device::show_bridge(b),
        Resource::Device(Device::Single(s)) => device::show_single(s),
        Resource::Device(Device::Stray { id, what }) => format!("stray {id} {}", what.replace(' ', "-")),
        Resource::Up(d) => format!("up {d}"),
        Resource::Port(p) => treatment::show_port(p),
        Resource::PortVlans(v) => treatment::show_vlans(v),
        Resource::Qdisc(q) => treatment::show_qdisc(q),
        Resource::Tuning(t) => treatment::show_tuning(t),
        Resource::Address(a) => format!("address {} {}", a.device, a.net),
        Resource::Route(r) => show_route(r),
        Resource::Sysctl(s) => format!("sysctl {} {} {}", s.netns, s.name, s.value),
        Resource::Ran(r) => format!("ran {} {} {}", r.netns, r.index, r.digest),
    }
}

fn show_route(route: &Route) -> String {
    let mut text = format!("route {} {}", route.netns, route.to);
    if route.table != TABLE_MAIN {
        write!(text, " table={}", route.table).expect("a String takes all");
    }
    if route.metric != default_metric(&route.to) {
        write!(text, " metric={}", route.metric).expect("a String takes all");
    }
    text.push_str(" via");
    for hop in &route.via {
        write!(text, " {}", hop.device).expect("a String takes all");
        if let Some(gateway) = hop.gateway {
            write!(text, "={gateway}").expect("a String takes all");
        }
        if hop.weight != 1 {
            write!(text, "*{}", hop.weight).expect("a String takes all");
        }
    }
    text
}

/// The line that [`action`] reads; loans, which it does not read, as `<` and `>`.
pub fn show_action(action: &Action) -> String {
    match action {
        Action::Create(r) => format!("+ {}", show(r)),
        Action::Update { from, to } => format!("~ {} => {}", show(from), show(to)),
        Action::Delete(r) => format!("- {}", show(r)),
        Action::Borrow(Loan { was, set }) => format!("< {} => {}", show(was), show(set)),
        Action::GiveBack(Loan { was, set }) => format!("> {} => {}", show(set), show(was)),
    }
}

/// The lines of a plan.
pub fn show_plan(plan: &[Action]) -> String {
    plan.iter().map(|action| show_action(action) + "\n").collect()
}

/// The lines of a state, in its order.
pub fn show_state(state: &HostState) -> String {
    state.iter().map(|(_, resource)| show(resource) + "\n").collect()
}
