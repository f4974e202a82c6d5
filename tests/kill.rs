//! netsim killed at every point of an apply, of a change and of a destroy: from each state it goes on to the whole lab, back, or to nothing.
#![allow(clippy::print_stderr, reason = "a test says aloud what it skipped and counted")]

use std::collections::BTreeSet;
use std::path::Path;

mod support;
use support::{Machine, on_a_machine_of_its_own};

/// Some sixty actions of every kind that a lab of plain links has.
const LAB: &str = r#"
name: kill
routing: static
addressing: { loopback: { ipv4: 10.255.0.0/24 } }
nodes:
  r[1-3]: { kind: router }
  a: { exec: [[/bin/true], [/bin/sh, -c, "exit 0"]], sysctls: { net.ipv4.ip_local_port_range: "1024 65535" } }
  b: {}
  sw: { kind: bridge, subnet: 10.9.0.0/24 }
  out: { kind: bridge, namespace: host, subnet: none, ipv4: [10.8.0.1/24], sysctls: { net.ipv4.conf.all.accept_local: 1 } }
links:
  - { endpoints: [r1, r2] }
  - { endpoints: [r2, r3] }
  - { endpoints: [r3, r1], mtu: 9000 }
  - { endpoints: ["{a,b,r1}", sw] }
  - { endpoints: ["b:up0", out], ipv4: [10.8.0.2/24] }
"#;

/// What is treated, tuned and stands on others, as every kernel has it, and the same changed.
const TREATED: [&str; 2] = [
    r#"
name: kill
nodes:
  a: { interfaces: { twin: { macvlan: bridge, parent: eth0, ipv4: 10.1.0.9/24 } } }
  b: {}
  sw: { kind: bridge, subnet: 10.9.0.0/24 }
links:
  - { endpoints: [{ node: a, interface: eth0, rate: 10mbit, offloads: { tso: off } }, "b:eth0"], ipv4: [10.1.0.1/24, 10.1.0.2/24] }
  - { endpoints: ["{a,b}", sw], isolated: true }
"#,
    r#"
name: kill
nodes:
  a: { interfaces: { twin: { macvlan: private, parent: eth0, ipv4: 10.1.0.8/24 } } }
  b: {}
  sw: { kind: bridge, subnet: 10.9.0.0/24, ageing: 60s }
links:
  - { endpoints: [{ node: a, interface: eth0, txqueuelen: 50 }, { node: b, interface: eth0, rate: 1mbit, offloads: { gro: off } }], ipv4: [10.1.0.1/24, 10.1.0.2/24] }
  - { endpoints: ["{a,b}", sw], hairpin: true }
"#,
];

/// What only a full kernel has, and the same changed.
const FULL: [&str; 2] = [
    r#"
name: kill
nodes:
  a: { interfaces: { eth0.7: { vlan: 7, ipv4: 10.7.0.1/24 }, d: { dummy: true }, red: { vrf: { table: 10, members: [d] } } } }
  b: { interfaces: { eth0.7: { vlan: 7, ipv4: 10.7.0.2/24 } } }
  sw: { kind: bridge }
links:
  - { endpoints: ["a:eth0", sw], trunk: [7, 8], subnet: none, delay: 1ms, jitter: 100us }
  - { endpoints: ["b:eth0", sw], trunk: 7, subnet: none }
  - { endpoints: ["a:up", "b:up"], bond: { links: 2, mode: active-backup }, ipv4: [10.6.0.1/24, 10.6.0.2/24] }
"#,
    r#"
name: kill
nodes:
  a: { interfaces: { eth0.8: { vlan: 8, ipv4: 10.7.0.1/24 }, d: { dummy: true, ipv4: 10.5.0.1/32 }, red: { vrf: { table: 11, members: [d] } } } }
  b: {}
  sw: { kind: bridge }
links:
  - { endpoints: ["a:eth0", sw], trunk: [8, 9], subnet: none, delay: 2ms, loss: 1% }
  - { endpoints: ["b:eth0", sw], vlan: 8, ipv4: ["10.7.0.2/24"] }
  - { endpoints: ["a:up", "b:up"], bond: { links: 2, mode: balance-xor }, mtu: 1400, ipv4: [10.6.0.1/24, 10.6.0.2/24] }
"#,
];

#[test]
fn an_apply_killed_anywhere_can_go_on_or_go_away() {
    on_a_machine_of_its_own("an_apply_killed_anywhere_can_go_on_or_go_away", |machine| {
        goes_on_or_away(machine, &machine.file("kill.yaml", LAB), 1, 60);
    });
}

#[test]
fn an_apply_of_treated_links_killed_anywhere_can_go_on_or_go_away() {
    on_a_machine_of_its_own("an_apply_of_treated_links_killed_anywhere_can_go_on_or_go_away", |machine| {
        goes_on_or_away(machine, &machine.file("kill.yaml", TREATED[0]), 1, 30);
    });
}

#[test]
fn an_apply_of_devices_on_devices_killed_at_every_third_point_can_go_on_or_go_away() {
    on_a_machine_of_its_own(
        "an_apply_of_devices_on_devices_killed_at_every_third_point_can_go_on_or_go_away",
        |machine| {
            let file = machine.file("kill.yaml", FULL[0]);
            if machine.applies(&file) {
                machine.ok([Path::new("destroy"), &file]);
                goes_on_or_away(machine, &file, 3, 15);
            }
        },
    );
}

/// Killed at one point in so many, in at least so many states of the kernel: a full kernel takes seconds for each.
fn goes_on_or_away(machine: &Machine, file: &Path, one_in: u32, least: usize) {
    let path = file.to_str().expect("a UTF-8 path");
    let mut states = BTreeSet::new();
    let mut point = 1;
    while machine.killed_at(point, &["apply", path]) {
        states.insert(machine.seen());
        machine.ok(["apply", path]);
        machine.is_whole(file);
        machine.ok(["destroy", path]);
        machine.has_nothing_left();

        assert!(machine.killed_at(point, &["apply", path]), "point {point} came the first time");
        machine.ok(["destroy", path]);
        machine.has_nothing_left();
        point += one_in;
    }
    machine.ok(["destroy", path]);
    machine.has_nothing_left();
    eprintln!("apply killed at {} points, {} distinct states of the kernel", (point - 1) / one_in, states.len());
    assert!(states.len() >= least, "only {} distinct states were reached", states.len());
}

#[test]
fn a_change_of_treated_links_killed_anywhere_can_go_on_or_back() {
    on_a_machine_of_its_own("a_change_of_treated_links_killed_anywhere_can_go_on_or_back", |machine| {
        goes_on_or_back(machine, TREATED, 5);
    });
}

#[test]
fn a_change_of_devices_on_devices_killed_anywhere_can_go_on_or_back() {
    on_a_machine_of_its_own("a_change_of_devices_on_devices_killed_anywhere_can_go_on_or_back", |machine| {
        if machine.applies(&machine.file("before.yaml", FULL[0])) {
            goes_on_or_back(machine, FULL, 20);
        }
    });
}

fn goes_on_or_back(machine: &Machine, labs: [&str; 2], least: usize) {
    let [before, after] =
        [("before.yaml", labs[0]), ("after.yaml", labs[1])].map(|(name, lab)| machine.file(name, lab));
    let [from, to] = [&before, &after].map(|file| file.to_str().expect("a UTF-8 path"));
    let mut states = BTreeSet::new();
    let mut point = 1;
    loop {
        machine.ok(["apply", from]);
        if !machine.killed_at(point, &["apply", to]) {
            break;
        }
        states.insert(machine.seen());
        machine.ok(["apply", to]);
        machine.is_whole(&after);

        machine.ok(["apply", from]);
        assert!(machine.killed_at(point, &["apply", to]), "point {point} came the first time");
        machine.ok(["apply", from]);
        machine.is_whole(&before);
        point += 1;
    }
    machine.ok(["destroy", to]);
    machine.has_nothing_left();
    eprintln!("change killed at {} points, {} distinct states of the kernel", point - 1, states.len());
    assert!(states.len() >= least, "only {} distinct states were reached", states.len());
}

#[test]
fn a_destroy_killed_anywhere_can_go_back_or_go_on() {
    on_a_machine_of_its_own("a_destroy_killed_anywhere_can_go_back_or_go_on", |machine| {
        let file = machine.file("kill.yaml", LAB);
        let path = file.to_str().expect("a UTF-8 path");
        let mut states = BTreeSet::new();
        let mut point = 1;
        loop {
            machine.ok(["apply", path]);
            if !machine.killed_at(point, &["destroy", path]) {
                break;
            }
            states.insert(machine.seen());
            machine.ok(["apply", path]);
            machine.is_whole(&file);

            assert!(machine.killed_at(point, &["destroy", path]), "point {point} came the first time");
            machine.ok(["destroy", path]);
            machine.has_nothing_left();
            point += 1;
        }
        machine.has_nothing_left();
        eprintln!("destroy killed at {} points, {} distinct states of the kernel", point - 1, states.len());
        assert!(states.len() >= 5, "only {} distinct states were reached", states.len());
    });
}
