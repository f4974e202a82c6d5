//! Labs on a real Open vSwitch, from the outside: what a person does, and what must then be so in the kernel, in the database and on the wire.
#![allow(clippy::print_stderr, reason = "a test says aloud what it skipped and what it measured")]

use std::net::IpAddr;
use std::time::Duration;

use netsim_core::names::NetnsName;
use netsim_core::resource::NetnsId;
use netsim_host::backend::Progress;
use netsim_host::probe::{Options, Outcome, Ping, ping};

mod changes;
mod drift;
mod failures;
mod kill;
mod mirror;
mod shipped;
#[path = "../support/mod.rs"]
mod support;

use support::switch::Switch;
use support::{Machine, both};

/// The shipped topologies.
const TOPOLOGIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../topologies");

/// Two nodes on a switch.
const PAIR: &str = r#"
name: pair
nodes:
  a: {}
  b: {}
  sw: { kind: ovs, datapath: "${datapath}", subnet: 10.0.1.0/24 }
links:
  - { endpoints: ["{a,b}", sw] }
"#;

/// A file of the machine's own, as an argument.
fn file(machine: &Machine, name: &str, text: &str) -> String {
    machine.file(name, text).to_str().expect("a UTF-8 path").to_owned()
}

fn shipped(name: &str) -> String {
    format!("{TOPOLOGIES}/{name}.yaml")
}

fn netns(name: &str) -> NetnsId {
    NetnsId::Named(NetnsName::new(name).expect("a valid name"))
}

/// Whether one echo request, or one of a few, is answered.
fn answers(from: NetnsId, to: &str) -> bool {
    let to: IpAddr = to.parse().expect("an address");
    let options = Options { tries: 3, timeout: Duration::from_secs(1), ..Options::default() };
    let mut reached = false;
    ping(&[from], [Ping { from: 0, to }], &options, &Progress::default(), |_, _, outcome| {
        reached = matches!(outcome, Outcome::Reached { .. });
    })
    .expect("the machine lets us ping");
    reached
}

/// The steps of a plan.
fn steps(machine: &Machine, file: &str) -> Vec<String> {
    let plan = machine.ok(["plan", "--steps", file]);
    let step = |l: &&str| l.trim_start().starts_with(['+', '~', '-', '±']);
    plan.lines().filter(step).map(|l| l.trim().to_owned()).collect()
}

/// What status says, and whether it says that all is as it should be.
fn status(machine: &Machine, lab: &str) -> (String, bool) {
    let output = machine.netsim(["status", lab, "--detailed-exitcode"]).output().expect("netsim starts");
    let said = both(&output);
    match output.status.code() {
        Some(0) => (said, true),
        Some(2) => (said, false),
        other => panic!("status {lab}: {other:?}\n{said}"),
    }
}

/// Fails the test unless nothing of any lab is left, in the kernel and in the database.
#[track_caller]
fn nothing_left(machine: &Machine, switch: &Switch) {
    machine.has_nothing_left();
    switch.has_nothing_left();
}
