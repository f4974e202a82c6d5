//! A plan as a script of `ip`, `bridge`, `tc`, `ethtool`, `sysctl`, `ovs-vsctl` and `ovs-ofctl` that a person reads and runs.

use std::fmt::Write as _;

use ipnet::IpNet;
use netsim_core::mark::{Mark, PROTOCOL};
use netsim_core::names::{IfName, LabName, SysctlName};
use netsim_core::plan::Action;
use netsim_core::resource::{
    Address, DeviceId, Netns, NetnsId, NextHop, Ovs, Ran, Resource, Route, Sysctl, TABLE_MAIN,
};
use netsim_host::in_turns;

use super::text::words;
use crate::planned::{Names, Planned, subject};

mod device;
mod ovs;
mod port;
mod qdisc;
#[cfg(test)]
mod tests;
mod tuning;
mod tunnel;

/// The script. The database of Open vSwitch is where its programs look for it, if not here.
pub fn script(plan: &Planned, database: Option<&str>) -> String {
    let old = plan.before.iter().map(|(_, r)| r);
    let names = Names::of(old.chain(plan.actions.iter().map(subject)));
    let mut out = head(plan);
    // What is built of Open vSwitch is one transaction, and what is taken away.
    for run in in_turns(&plan.actions).chunk_by(|a, b| ovs::is_of_ovs(a) && ovs::is_of_ovs(b)) {
        out.push('\n');
        for &action in run {
            writeln!(out, "# {}", comment(&what(action, &names))).expect("a String takes all");
        }
        let lines = match run {
            &[one] if !ovs::is_of_ovs(one) => commands(one, &plan.lab, &names),
            run => ovs::commands(run, plan, database),
        };
        for line in lines {
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

/// What a step does, in words.
fn what(action: &Action, names: &Names) -> String {
    match action {
        Action::Create(r) => words::noun(r, names, None),
        Action::Delete(r) => format!("remove {}", words::noun(r, names, None)),
        Action::Update { to, .. } => format!("change {}", words::noun(to, names, None)),
        Action::Borrow(loan) | Action::GiveBack(loan) => {
            format!("netsim would note in its ledger: {} was {}", loan.set.key(), noted(&loan.was))
        }
    }
}

/// The commands of a step that is of the kernel.
fn commands(action: &Action, lab: &LabName, names: &Names) -> Vec<String> {
    match action {
        Action::Create(r) => create(r, lab, names),
        Action::Delete(r) => delete(r, names),
        Action::Update { from, to } => update(from, to, names),
        Action::Borrow(_) | Action::GiveBack(_) => Vec::new(),
    }
}

fn head(plan: &Planned) -> String {
    let lab = &plan.lab;
    let offloads = |r: &Resource| matches!(r, Resource::Tuning(t) if !t.knob.takes_cpus());
    let ethtool = if plan.actions.iter().map(subject).any(offloads) { ", ethtool" } else { "" };
    let switch = if plan.actions.iter().any(ovs::is_of_ovs) { ", openvswitch-switch" } else { "" };
    let has_flows = plan.actions.iter().map(subject).any(|r| matches!(r, Resource::Ovs(Ovs::Flows(_))));
    // What a bridge makes of a file is known only when it is read back.
    let flows = if has_flows {
        "# Flows it takes for others than the file's; `netsim apply` loads them once more.\n"
    } else {
        ""
    };
    format!(
        "#!/bin/sh\n\
         # Lab {lab}, as netsim plans it. It needs root, iproute2{ethtool}{switch}, procps and util-linux.\n\
         #\n\
         # Everything bears netsim's marks, so that `netsim status` and `netsim destroy` know it. For addresses it takes\n\
         # iproute2 6.3: with an older one netsim takes them for made by hand, and only `netsim destroy` works on the lab.\n\
         {flows}\
         set -eu\n\
         mark=\n\
         if ip address help 2>&1 | grep -q PROTO; then mark='proto {PROTOCOL}'; fi\n\
         quiet=\n\
         if [ -e /proc/sys/net/ipv6 ]; then quiet='addrgenmode none'; fi\n"
    )
}

fn noted(was: &Resource) -> String {
    match was {
        Resource::Sysctl(s) => s.value.replace('\t', " "),
        Resource::Netns(_) | Resource::Device(_) | Resource::Up(_) | Resource::Port(_) => was.key().to_string(),
        Resource::PortVlans(_) | Resource::Qdisc(_) | Resource::Tuning(_) => was.key().to_string(),
        Resource::Address(_) | Resource::Route(_) | Resource::Ran(_) | Resource::Ovs(_) => was.key().to_string(),
        Resource::Fdb(_) | Resource::Neighbour(_) => was.key().to_string(),
    }
}

/// Text that stays in its comment.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The text as one word of a POSIX shell, whatever is in it.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The same, without quotes where every shell takes the text as it is.
pub fn quoted_if_needed(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | ',' | '+' | '@' | '%');
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => quoted(text),
    }
}

fn ip(netns: &NetnsId) -> String {
    match netns {
        NetnsId::Host => "ip".to_owned(),
        NetnsId::Named(name) => format!("ip -n {}", quoted(name.as_str())),
    }
}

fn inside(netns: &NetnsId) -> String {
    match netns {
        NetnsId::Host => String::new(),
        NetnsId::Named(name) => format!("ip netns exec {} ", quoted(name.as_str())),
    }
}

fn name(name: &IfName) -> String {
    quoted(name.as_str())
}

fn set(id: &DeviceId, what: &str) -> String {
    format!("{} link set dev {} {what}", ip(&id.netns), name(&id.name))
}

fn altname(id: &DeviceId, verb: &str, text: &str) -> String {
    format!("{} link property {verb} dev {} altname {}", ip(&id.netns), name(&id.name), quoted(text))
}

/// Why nothing of Open vSwitch comes this way.
const NOT_OURS: &str = "what is of Open vSwitch is told apart before";

fn create(resource: &Resource, lab: &LabName, names: &Names) -> Vec<String> {
    match resource {
        Resource::Fdb(f) => vec![tunnel::fdb("append", f)],
        Resource::Neighbour(n) => vec![tunnel::neighbour("replace", n)],
        Resource::Ovs(_) => unreachable!("{NOT_OURS}"),
        Resource::Netns(n) => create_netns(n, lab),
        Resource::Device(d) => device::create(d, lab),
        Resource::Up(d) => vec![set(d, "up")],
        Resource::Port(p) => port::create(p),
        Resource::PortVlans(v) => port::vlans(None, Some(v), names),
        Resource::Qdisc(q) => qdisc::create(q),
        Resource::Tuning(t) => tuning::create(t),
        Resource::Address(a) => vec![address("add", a)],
        Resource::Route(r) => vec![route("add", r)],
        Resource::Sysctl(s) => create_sysctl(s),
        Resource::Ran(r) => create_ran(r),
    }
}

fn create_netns(netns: &Netns, lab: &LabName) -> Vec<String> {
    let mark = Mark { lab: lab.clone(), node: netns.node.clone() };
    vec![
        format!("ip netns add {}", quoted(netns.name.as_str())),
        set(&netns.lo(), &format!("alias {}", quoted(&mark.to_string()))),
    ]
}

fn address(verb: &str, address: &Address) -> String {
    let nodad = match address.net {
        IpNet::V6(_) if verb == "add" => " nodad $mark",
        IpNet::V4(_) if verb == "add" => " $mark",
        IpNet::V6(_) | IpNet::V4(_) => "",
    };
    let Address { device, net } = address;
    format!("{} address {verb} {net} dev {}{nodad}", ip(&device.netns), name(&device.name))
}

fn route(verb: &str, route: &Route) -> String {
    let family = if route.to.addr().is_ipv6() { " -6" } else { " -4" };
    let mut line = format!("{}{family} route {verb} {} proto {PROTOCOL}", ip(&route.netns), route.to);
    if route.metric != 0 {
        write!(line, " metric {}", route.metric).expect("a String takes all");
    }
    if route.table != TABLE_MAIN {
        write!(line, " table {}", route.table).expect("a String takes all");
    }
    if verb == "del" {
        return line;
    }
    match &route.via[..] {
        [one] => line.push_str(&next_hop(one, route)),
        many => {
            for hop in many {
                write!(line, " nexthop{} weight {}", next_hop(hop, route), hop.weight).expect("a String takes all");
            }
        }
    }
    line
}

fn next_hop(hop: &NextHop, route: &Route) -> String {
    let via = hop.gateway.map_or_else(String::new, |gateway| {
        let other = if gateway.is_ipv6() && route.to.addr().is_ipv4() { "inet6 " } else { "" };
        format!(" via {other}{gateway}")
    });
    format!("{via} dev {}", name(&hop.device))
}

fn write_sysctl(sysctl: &Sysctl) -> String {
    format!("{}sysctl -q -w {}", inside(&sysctl.netns), quoted(&format!("{}={}", sysctl.name, sysctl.value)))
}

fn create_sysctl(sysctl: &Sysctl) -> Vec<String> {
    let mut lines = vec![write_sysctl(sysctl)];
    lines.extend(remembered(sysctl, "add"));
    lines
}

/// The note on the node's `lo` that a setting is ours.
fn remembered(sysctl: &Sysctl, verb: &str) -> Option<String> {
    let lo = DeviceId { netns: sysctl.netns.clone(), name: IfName::LO };
    (sysctl.netns != NetnsId::Host).then(|| altname(&lo, verb, &format!("sysctl={}", sysctl.name)))
}

fn create_ran(ran: &Ran) -> Vec<String> {
    let argv: Vec<String> = ran.argv.0.iter().map(|a| quoted(a)).collect();
    let netns = NetnsId::Named(ran.netns.clone());
    vec![format!("{}{}", inside(&netns), argv.join(" ")), ran_mark(ran, "add")]
}

fn ran_mark(ran: &Ran, verb: &str) -> String {
    let lo = DeviceId { netns: NetnsId::Named(ran.netns.clone()), name: IfName::LO };
    altname(&lo, verb, &format!("ran={}:{:016x}", ran.index, ran.digest))
}

fn delete(resource: &Resource, names: &Names) -> Vec<String> {
    match resource {
        Resource::Fdb(f) => vec![tunnel::fdb("del", f)],
        Resource::Neighbour(n) => vec![tunnel::neighbour("del", n)],
        Resource::Ovs(_) => unreachable!("{NOT_OURS}"),
        Resource::Netns(n) if n.mounted => vec![format!("ip netns del {}", quoted(n.name.as_str()))],
        Resource::Netns(n) => vec![format!("rm -f {}", quoted(&format!("/run/netns/{}", n.name)))],
        Resource::Device(d) => vec![format!("{} link del dev {}", ip(&d.id().netns), name(&d.id().name))],
        Resource::Up(d) => vec![set(d, "down")],
        Resource::Port(p) => vec![set(&p.device, "nomaster")],
        Resource::PortVlans(v) => port::vlans(Some(v), None, names),
        Resource::Qdisc(q) => qdisc::delete(q),
        Resource::Tuning(t) => tuning::delete(t),
        Resource::Address(a) => vec![address("del", a)],
        Resource::Route(r) => vec![route("del", r)],
        Resource::Sysctl(s) => delete_sysctl(s),
        Resource::Ran(r) => vec![ran_mark(r, "del")],
    }
}

/// Back to what a new namespace has; a device's setting back to its `default`.
fn delete_sysctl(sysctl: &Sysctl) -> Vec<String> {
    if sysctl.netns == NetnsId::Host {
        return Vec::new();
    }
    let fresh = fresh_name(&sysctl.name);
    let value = format!("$(unshare -n sysctl -n {})", quoted(&fresh));
    let mut lines = vec![format!("{}sysctl -q -w {}\"={value}\"", inside(&sysctl.netns), quoted(sysctl.name.as_str()))];
    lines.extend(remembered(sysctl, "del"));
    lines
}

fn fresh_name(name: &SysctlName) -> String {
    match name.device() {
        None => name.to_string(),
        Some(device) => name.as_str().replacen(&device.as_str().replace('.', "/"), "default", 1),
    }
}

fn update(from: &Resource, to: &Resource, names: &Names) -> Vec<String> {
    match (from, to) {
        (Resource::Neighbour(_), Resource::Neighbour(b)) => vec![tunnel::neighbour("replace", b)],
        (Resource::Ovs(_), _) => unreachable!("{NOT_OURS}"),
        (Resource::Device(a), Resource::Device(b)) => device::update(a, b),
        (Resource::Port(a), Resource::Port(b)) => port::update(a, b),
        (Resource::PortVlans(a), Resource::PortVlans(b)) => port::vlans(Some(a), Some(b), names),
        (Resource::Qdisc(a), Resource::Qdisc(b)) => qdisc::update(a, b),
        (Resource::Tuning(_), Resource::Tuning(b)) => tuning::update(b),
        (Resource::Route(_), Resource::Route(b)) => vec![route("replace", b)],
        (Resource::Sysctl(_), Resource::Sysctl(b)) => vec![write_sysctl(b)],
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
            | Resource::Fdb(_)
            | Resource::Neighbour(_),
            _,
        ) => unreachable!("none of these changes in place"),
    }
}

#[cfg(test)]
mod quoting {
    use std::process::Command;

    use netsim_core::testing::rounds;
    use proptest::prelude::*;

    use super::{comment, quoted, quoted_if_needed};

    fn as_a_shell_reads(words: &[String]) -> Vec<u8> {
        let script = format!("printf '%s\\0' {}", words.join(" "));
        Command::new("sh").args(["-c", &script]).output().expect("a shell is there").stdout
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: rounds(64), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_shell_reads_back_what_was_quoted(texts in prop::collection::vec("[^\0]{0,20}|[-'\"$`\\\\\n ;&|*?~#!(){}]{0,12}", 1..12)) {
            let expected: Vec<u8> = texts.iter().flat_map(|t| t.bytes().chain([0])).collect();
            prop_assert_eq!(&as_a_shell_reads(&texts.iter().map(|t| quoted(t)).collect::<Vec<_>>()), &expected);
            prop_assert_eq!(&as_a_shell_reads(&texts.iter().map(|t| quoted_if_needed(t)).collect::<Vec<_>>()), &expected);
        }

        #[test]
        fn a_comment_is_one_line(text in any::<String>()) {
            prop_assert!(!comment(&text).contains(['\n', '\r']));
        }
    }
}
