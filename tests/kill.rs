//! netsim killed at every point of an apply and of a destroy: from each state it goes on to the whole lab, or to nothing.
#![allow(clippy::print_stderr, reason = "a test says aloud what it skipped and counted")]

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

mod support;
use support::{Machine, both, on_a_machine_of_its_own};

/// Some sixty actions of every kind that a lab on one machine has.
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

/// Runs netsim to be killed at its n-th point; false if it came to its end before that.
fn killed_at(machine: &Machine, point: u32, args: &[&str]) -> bool {
    let mut command = machine.netsim(args);
    let output = command.env("NETSIM_CRASH_AT", point.to_string()).output().expect("netsim starts");
    if output.status.signal() == Some(9) {
        return true;
    }
    assert!(output.status.success(), "{args:?} not killed at {point}, and failed:\n{}", both(&output));
    false
}

fn is_whole(machine: &Machine, file: &Path) {
    let path = file.to_str().expect("a UTF-8 path");
    let mut plan = machine.netsim(["plan", path, "--detailed-exitcode"]);
    let output = plan.output().expect("netsim starts");
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
}

#[test]
fn an_apply_killed_anywhere_can_go_on_or_go_away() {
    on_a_machine_of_its_own("an_apply_killed_anywhere_can_go_on_or_go_away", |machine| {
        let file = machine.file("kill.yaml", LAB);
        let path = file.to_str().expect("a UTF-8 path");
        let mut states = BTreeSet::new();
        let mut point = 1;
        while killed_at(machine, point, &["apply", path]) {
            states.insert(machine.seen());
            machine.ok(["apply", path]);
            is_whole(machine, &file);
            machine.ok(["destroy", path]);
            machine.has_nothing_left();

            assert!(killed_at(machine, point, &["apply", path]), "point {point} came the first time");
            machine.ok(["destroy", path]);
            machine.has_nothing_left();
            point += 1;
        }
        machine.ok(["destroy", path]);
        machine.has_nothing_left();
        eprintln!("apply killed at {} points, {} distinct states of the kernel", point - 1, states.len());
        assert!(states.len() >= 60, "only {} distinct states were reached", states.len());
    });
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
            if !killed_at(machine, point, &["destroy", path]) {
                break;
            }
            states.insert(machine.seen());
            machine.ok(["apply", path]);
            is_whole(machine, &file);

            assert!(killed_at(machine, point, &["destroy", path]), "point {point} came the first time");
            machine.ok(["destroy", path]);
            machine.has_nothing_left();
            point += 1;
        }
        machine.has_nothing_left();
        eprintln!("destroy killed at {} points, {} distinct states of the kernel", point - 1, states.len());
        assert!(states.len() >= 5, "only {} distinct states were reached", states.len());
    });
}
