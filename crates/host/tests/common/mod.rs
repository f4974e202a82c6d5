//! A machine of a test's own, and short words for what shall be on it.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::print_stderr, reason = "what is skipped is said aloud")]

use std::process::{Command, Output};

use netsim_core::names::{IfName, LabName, Mac, NetnsName, NodeName, SysctlName};
use netsim_core::plan::{Action, plan};
use netsim_core::resource::{
    Address, Aside, Bridge, Device, DeviceId, End, Knob, Netns, NetnsId, NextHop, Port, Qdisc, QdiscKind, Ran,
    Resource, Route, Sysctl, TABLE_MAIN, Tuning, Veth,
};
use netsim_core::state::{Feature, HostState, Observed, Scope};
use netsim_host::backend::{Progress, StepError};
use netsim_host::linux::{Linux, Paths};

#[path = "../../../../tests/support/again.rs"]
mod again;
pub mod killed;
pub mod random;

/// Runs `body` with network, mount and process namespaces of its own and an empty /run, in a child of this test; says SKIPPED where the system
/// forbids that. `name` is the test's own name, by which the child finds its way back here.
pub fn on_a_machine_of_its_own(name: &str, body: impl FnOnce()) {
    again::in_namespaces_of_its_own(name, || with_its_own_run(body));
}

/// As [`on_a_machine_of_its_own`], with the rights of the machine's own root.
pub fn on_a_machine_of_roots_own(name: &str, body: impl FnOnce()) {
    again::in_namespaces_of_roots_own(name, || with_its_own_run(body));
}

fn with_its_own_run(body: impl FnOnce()) {
    run("mount", &["-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"]);
    body();
}

/// Whether the kernel has all of these features; says SKIPPED where it has not. `name` is the test's own name.
pub fn kernel_has(name: &str, features: &[Feature]) -> bool {
    let scope = Scope { features: features.iter().copied().collect(), ..Scope::lab(&lab()) };
    let lacks = linux().observe_now(&scope).expect("a machine that can be looked at").facts.lacks;
    if !lacks.is_empty() {
        eprintln!("SKIPPED {name}: this kernel has not {lacks:?}");
    }
    lacks.is_empty()
}

/// Runs a program that shall succeed; gives its output.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", both(&output));
    both(&output)
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The lab of these tests.
pub fn lab() -> LabName {
    LabName::new("t").expect("a name")
}

/// The machine's kernel.
pub fn linux() -> Linux {
    Linux::new(Paths::default())
}

pub fn observe(desired: &HostState) -> Observed {
    linux().observe_now(&Scope::of(&lab(), desired)).expect("a machine that can be looked at")
}

pub fn plan_for(desired: &HostState) -> Vec<Action> {
    plan(desired, &observe(desired)).expect("nothing is in the way")
}

/// Does a plan and gives what is so then: what it did not touch is as it was seen before, and that must be as it is.
#[track_caller]
pub fn apply(desired: &HostState, actions: &[Action]) -> Result<Observed, StepError> {
    let (linux, scope) = (linux(), Scope::of(&lab(), desired));
    linux.observe_now(&scope).expect("a machine that can be looked at");
    let after = linux.apply_now(&scope, actions, &Progress::default())?;
    assert_eq!(after, observe(desired));
    Ok(after)
}

/// Makes it so, and fails the test unless the kernel then shows exactly that.
#[track_caller]
pub fn become_so(desired: &HostState) -> Observed {
    let actions = plan_for(desired);
    let after = apply(desired, &actions).unwrap_or_else(|e| panic!("{e}\n{actions:#?}"));
    same(&after.ours, desired);
    assert_eq!(plan(desired, &after), Ok(Vec::new()));
    after
}

/// Fails the test and shows only what differs, unless the two are equal.
#[track_caller]
pub fn same(seen: &HostState, desired: &HostState) {
    let without = |a: &HostState, b: &HostState| -> Vec<Resource> {
        a.iter().filter(|(k, r)| b.get(k) != Some(r)).map(|(_, r)| r.clone()).collect()
    };
    let (extra, missing) = (without(seen, desired), without(desired, seen));
    assert!(
        extra.is_empty() && missing.is_empty(),
        "there, but not wanted: {extra:#?}\nwanted, but not there: {missing:#?}"
    );
}

pub fn id(at: &str) -> DeviceId {
    let (netns, name) = at.split_once('/').expect("netns/name");
    DeviceId { netns: space(netns), name: IfName::new(name).expect("a name") }
}

pub fn space(netns: &str) -> NetnsId {
    match netns {
        "host" => NetnsId::Host,
        name => NetnsId::Named(NetnsName::new(name).expect("a name")),
    }
}

/// A namespace whose `lo` is up, and which keeps secondary addresses.
pub fn netns(name: &str) -> Vec<Resource> {
    let netns = Netns::new(NetnsName::new(name).expect("a name"), NodeName::new(name).expect("a name"));
    let promote = sysctl(name, "net.ipv4.conf.all.promote_secondaries", "1");
    let up = Resource::Up(netns.lo());
    vec![Resource::Netns(netns), up, promote]
}

pub fn sysctl(netns: &str, name: &str, value: &str) -> Resource {
    let name = SysctlName::new(name).expect("a sysctl");
    Resource::Sysctl(Sysctl { netns: space(netns), name, value: value.into() })
}

pub fn end(at: &str) -> End {
    let id = id(at);
    let hash = netsim_core::names::stable_hash(&[at]).to_be_bytes();
    let mac = Mac([2, hash[0], hash[1], hash[2], hash[3], hash[4]]);
    End::new(id, mac)
}

pub fn veth(a: End, b: End) -> Resource {
    Resource::Device(Device::Veth(Veth::new(a, b)))
}

/// A veth pair that is up.
pub fn wire(a: &str, b: &str) -> Vec<Resource> {
    vec![veth(end(a), end(b)), up(a), up(b)]
}

pub fn bridge(at: &str) -> Resource {
    let End { id, mac, .. } = end(at);
    Resource::Device(Device::Bridge(Bridge::new(id, mac)))
}

pub fn port(at: &str, master: &str) -> Resource {
    Resource::Port(Port::new(id(at), IfName::new(master).expect("a name")))
}

pub fn up(at: &str) -> Resource {
    Resource::Up(id(at))
}

pub fn address(at: &str, net: &str) -> Resource {
    Resource::Address(Address { device: id(at), net: net.parse().expect("an address") })
}

/// A route by `device` or `device gateway`, several of them separated by commas.
pub fn route(netns: &str, to: &str, via: &str) -> Resource {
    let to: ipnet::IpNet = to.parse().expect("a network");
    let hop = |text: &str| {
        let mut words = text.split_whitespace();
        let device = IfName::new(words.next().expect("a device")).expect("a name");
        NextHop { device, gateway: words.next().map(|g| g.parse().expect("an address")), weight: 1 }
    };
    let mut via: Vec<NextHop> = via.split(',').map(hop).collect();
    via.sort();
    let metric = if to.addr().is_ipv6() { 1024 } else { 0 };
    Resource::Route(Route { netns: space(netns), table: TABLE_MAIN, to, metric, via })
}

pub fn qdisc(at: &str, kind: QdiscKind) -> Resource {
    Resource::Qdisc(Qdisc { device: id(at), kind })
}

pub fn tuning(at: &str, knob: Knob, value: &str) -> Resource {
    Resource::Tuning(Tuning { device: id(at), knob, value: value.into() })
}

pub fn ran(netns: &str, index: u32, argv: &[&str]) -> Resource {
    let digest = netsim_core::names::stable_hash(argv);
    let argv = Aside(argv.iter().map(|a| (*a).to_owned()).collect());
    Resource::Ran(Ran { netns: NetnsName::new(netns).expect("a name"), index, digest, argv })
}

/// All of these.
pub fn state(parts: impl IntoIterator<Item = Vec<Resource>>) -> HostState {
    parts.into_iter().flatten().collect()
}
