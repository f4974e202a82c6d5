//! Resources as short lines of text, for tests: `veth a/e0,mtu=1400 b/e1`, `route a 10.9.0.0/24 via e0=10.0.0.100`.
//!
//! What a line leaves out has the value of a thing that nobody cared about. Text that is no such line panics: it is a fault of the test.

use std::fmt::Write as _;

use ipnet::IpNet;

use crate::names::{IfName, Mac, NetnsName, NodeName, SysctlName, stable_hash};
use crate::plan::Action;
use crate::resource::{
    Address, Aside, Bridge, Device, DeviceId, End, Netns, NetnsId, NextHop, Port, Ran, Resource, Route, Sysctl,
    TABLE_MAIN, Veth,
};
use crate::state::{HostState, Loan};

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
        ["bridge", text] => Resource::Device(Device::Bridge(bridge(text))),
        ["veth", a, b] => Resource::Device(Device::Veth(Veth::new(end(a), end(b)))),
        ["stray", d, what] => Resource::Device(Device::Stray { id: id(d), what: (*what).into() }),
        ["up", d] => Resource::Up(id(d)),
        ["port", d, master] => Resource::Port(Port::new(id(d), if_name(master))),
        ["address", d, net] => Resource::Address(Address { device: id(d), net: parse(net) }),
        ["route", n, to, rest @ ..] => route(n, parse(to), rest),
        ["sysctl", n, name, value @ ..] => Resource::Sysctl(Sysctl {
            netns: netns(n),
            name: SysctlName::new(name).expect("a sysctl's name"),
            value: value.join("\t").into(),
        }),
        ["ran", n, index, digest] => {
            Resource::Ran(Ran { netns: name(n), index: parse(index), digest: parse(digest), argv: Aside(Vec::new()) })
        }
        _ => bad(),
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

/// The address of a device that nobody gave one.
pub(super) fn default_mac(id: &DeviceId) -> Mac {
    let [.., a, b, c] = stable_hash(&[&id.to_string()]).to_be_bytes();
    Mac([2, 0, 0, a, b, c])
}

fn end(text: &str) -> End {
    let mut words = text.split(',');
    let id = id(words.next().unwrap_or_default());
    let mut end = {
        let mac = default_mac(&id);
        End::new(id, mac)
    };
    for word in words {
        match word.split_once('=') {
            Some(("mac", mac)) => end.mac = parse(mac),
            Some(("mtu", mtu)) => end.mtu = parse(mtu),
            Some(("full", full)) => end.full_name = Some(full.into()),
            None if word == "link-local" => end.link_local = true,
            Some(_) | None => panic!("`{word}` is no property of an end"),
        }
    }
    end
}

fn bridge(text: &str) -> Bridge {
    let mut words = text.split(',');
    let id = id(words.next().unwrap_or_default());
    let mac = default_mac(&id);
    let mut bridge = Bridge::new(id, mac);
    for word in words {
        match word.split_once('=') {
            Some(("mac", mac)) => bridge.mac = parse(mac),
            Some(("full", full)) => bridge.full_name = Some(full.into()),
            None if word == "link-local" => bridge.link_local = true,
            None if word == "snooping" => bridge.multicast_snooping = true,
            Some(_) | None => panic!("`{word}` is no property of a bridge"),
        }
    }
    bridge
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
        Resource::Netns(n) => {
            let node = if n.node.as_str() == "n" { String::new() } else { format!(" node={}", n.node) };
            format!("netns {}{node}{}", n.name, if n.mounted { "" } else { " unmounted" })
        }
        Resource::Device(Device::Veth(v)) => {
            let [a, b] = v.ends();
            format!("veth {} {}", show_end(a), show_end(b))
        }
        Resource::Device(Device::Bridge(b)) => {
            let mut text = format!("bridge {}", b.id);
            push_common(&mut text, &b.id, b.mac, b.link_local, b.full_name.as_deref());
            if b.multicast_snooping {
                text.push_str(",snooping");
            }
            text
        }
        Resource::Device(Device::Stray { id, what }) => format!("stray {id} {}", what.replace(' ', "-")),
        Resource::Up(d) => format!("up {d}"),
        Resource::Port(p) => format!("port {} {}", p.device, p.master),
        Resource::Device(Device::Single(_)) | Resource::PortVlans(_) | Resource::Qdisc(_) | Resource::Tuning(_) => {
            todo!("text")
        }
        Resource::Address(a) => format!("address {} {}", a.device, a.net),
        Resource::Route(r) => show_route(r),
        Resource::Sysctl(s) => format!("sysctl {} {} {}", s.netns, s.name, s.value),
        Resource::Ran(r) => format!("ran {} {} {}", r.netns, r.index, r.digest),
    }
}

fn show_end(end: &End) -> String {
    let mut text = end.id.to_string();
    push_common(&mut text, &end.id, end.mac, end.link_local, end.full_name.as_deref());
    if end.mtu != 1500 {
        write!(text, ",mtu={}", end.mtu).expect("a String takes all");
    }
    text
}

fn push_common(text: &mut String, id: &DeviceId, mac: Mac, link_local: bool, full_name: Option<&str>) {
    if mac != default_mac(id) {
        write!(text, ",mac={mac}").expect("a String takes all");
    }
    if link_local {
        text.push_str(",link-local");
    }
    if let Some(full) = full_name {
        write!(text, ",full={full}").expect("a String takes all");
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
