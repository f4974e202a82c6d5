//! netsim killed at every point of an apply and of a destroy with Open vSwitch: from each state it goes on to the whole lab, or to nothing.

use std::collections::BTreeSet;

use super::nothing_left;
use super::support::Machine;
use super::support::switch::{Switch, beside_a_switch};

/// Each kind of thing that Open vSwitch has, once.
const LAB: &str = r#"
name: kill
nodes:
  a: {}
  b: {}
  one:
    kind: ovs
    datapath: ${datapath}
    subnet: 10.9.0.0/24
    ipv4: [10.9.0.254/24]
    flows: one.flows
    mirrors: [{ from: a, to: b }]
  two: { kind: ovs, datapath: "${datapath}", interfaces: { desk: { internal: true, vlan: 10, ipv4: 10.8.0.1/24 } } }
links:
  - { endpoints: [{ node: a }, { node: one, rate: 10mbit }] }
  - { endpoints: [b, one], subnet: none }
  - { endpoints: [one, two], vlan: 10 }
"#;

/// Whether every point is tried. On a kernel that is a process one takes ten to fifteen seconds, for each of some sixty programs takes a tenth of one to start.
fn tries_all() -> bool {
    !std::fs::read_to_string("/proc/cpuinfo").expect("proc is mounted").contains("User Mode Linux")
}

/// The lab's file, with what it includes.
fn file(machine: &Machine) -> String {
    machine.file("one.flows", "priority=0 actions=NORMAL\n");
    super::file(machine, "kill.yaml", LAB)
}

fn seen(machine: &Machine, switch: &Switch) -> String {
    machine.seen() + &switch.seen()
}

#[test]
fn an_apply_killed_anywhere_can_go_on_or_go_away() {
    beside_a_switch("kill::an_apply_killed_anywhere_can_go_on_or_go_away", |machine, switch| {
        let path = file(machine);
        let mut states = BTreeSet::new();
        let (mut point, mut tried) = (1, 0);
        while machine.killed_at(point, &["apply", &path]) {
            states.insert(seen(machine, switch));
            machine.ok(["apply", &path]);
            machine.is_whole(&path);
            machine.ok(["destroy", &path]);
            nothing_left(machine, switch);

            assert!(machine.killed_at(point, &["apply", &path]), "point {point} came the first time");
            machine.ok(["destroy", &path]);
            nothing_left(machine, switch);
            tried += 1;
            point += if tries_all() { 1 } else { 5 };
        }
        machine.ok(["destroy", &path]);
        nothing_left(machine, switch);
        eprintln!("apply killed at {tried} points, {} distinct states", states.len());
        let least = if tries_all() { 25 } else { 6 };
        assert!(states.len() >= least, "only {} distinct states were reached", states.len());
    });
}

#[test]
fn a_destroy_killed_anywhere_can_go_back_or_go_on() {
    beside_a_switch("kill::a_destroy_killed_anywhere_can_go_back_or_go_on", |machine, switch| {
        let path = file(machine);
        let mut states = BTreeSet::new();
        let (mut point, mut tried) = (1, 0);
        loop {
            machine.ok(["apply", &path]);
            if !machine.killed_at(point, &["destroy", &path]) {
                break;
            }
            states.insert(seen(machine, switch));
            machine.ok(["apply", &path]);
            machine.is_whole(&path);

            assert!(machine.killed_at(point, &["destroy", &path]), "point {point} came the first time");
            machine.ok(["destroy", &path]);
            nothing_left(machine, switch);
            tried += 1;
            point += if tries_all() { 1 } else { 2 };
        }
        nothing_left(machine, switch);
        eprintln!("destroy killed at {tried} points, {} distinct states", states.len());
        assert!(states.len() >= 3, "only {} distinct states were reached", states.len());
    });
}
