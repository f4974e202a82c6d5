//! An Open vSwitch that is not as it should be is told before anything is touched.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Instant;

use super::support::switch::{Switch, beside_a_switch};
use super::support::{Machine, both, run};
use super::{PAIR, file, nothing_left, status};

/// Fails the test unless `apply` fails so and touches nothing.
#[track_caller]
fn refuses(machine: &Machine, mut command: Command, code: &str, words: &str) {
    let before = machine.seen();
    let output = command.output().expect("it starts");
    let said = both(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(code) && said.contains(words) && said.contains("hint: "), "{said}");
    assert_eq!(machine.seen(), before, "{said}");
    assert_eq!(machine.namespaces(), Vec::<String>::new(), "{said}");
}

#[test]
fn an_open_vswitch_that_cannot_be_used_is_told_and_nothing_is_touched() {
    let name = "failures::an_open_vswitch_that_cannot_be_used_is_told_and_nothing_is_touched";
    beside_a_switch(name, |machine, switch| {
        let file = &file(machine, "pair.yaml", PAIR);
        let apply = || machine.netsim(["apply", file]);

        let mut no_programs = apply();
        no_programs.env("PATH", "/nowhere");
        refuses(machine, no_programs, "E140", "is not installed");

        let mut nowhere = apply();
        nowhere.args(["--db", "unix:/tmp/nothing/db.sock"]);
        refuses(machine, nowhere, "E141", "database connection failed");

        let socket = switch.folder.join("db.sock");
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o000)).expect("it is ours");
        let netsim = apply();
        let mut powerless = Command::new("setpriv");
        powerless.args(["--bounding-set=-dac_override"]).arg(netsim.get_program()).args(netsim.get_args());
        powerless.envs(netsim.get_envs().filter_map(|(k, v)| Some((k, v?)))).current_dir("/tmp/lab");
        refuses(machine, powerless, "E142", "Permission denied");
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o700)).expect("it is ours");

        switch.signal("ovs-vswitchd", "-KILL");
        refuses(machine, apply(), "E141", "no `ovs-vswitchd` runs");
        switch.stop();
        refuses(machine, apply(), "E141", "database connection failed");
        switch.start();
        machine.ok(["apply", file, "--check"]);
        machine.ok(["destroy", "pair"]);
        nothing_left(machine, switch);
    });
}

#[test]
fn a_lab_on_a_switch_that_hangs_can_be_destroyed() {
    beside_a_switch("failures::a_lab_on_a_switch_that_hangs_can_be_destroyed", |machine, switch| {
        let file = &file(machine, "pair.yaml", PAIR);
        machine.ok(["apply", file, "--check"]);
        switch.signal("ovs-vswitchd", "-STOP");
        machine.file("pair.yaml", &PAIR.replace("sw]", "sw], vlan: 7"));
        let before = machine.seen();
        let said = machine.fails(["apply", file]);
        assert!(said.contains("E144") && said.contains("hint: "), "{said}");
        assert!(said.contains("nothing was changed") && !said.contains("rolling back"), "{said}");
        assert_eq!(machine.seen(), before);
        destroyed_in_the_end(machine, switch);
    });
}

#[test]
fn whoever_changes_nothing_does_not_wait_long_for_a_switch_that_hangs() {
    let name = "failures::whoever_changes_nothing_does_not_wait_long_for_a_switch_that_hangs";
    beside_a_switch(name, |machine, switch| {
        machine.file("sw.flows", "actions=NORMAL\n");
        let path = &file(machine, "pair.yaml", &PAIR.replace("subnet:", "flows: sw.flows, subnet:"));
        machine.ok(["apply", path]);
        switch.signal("ovs-vswitchd", "-STOP");
        let told = |words: &str| {
            for command in [["status", "pair"], ["plan", path]] {
                let begun = Instant::now();
                let said = machine.fails(command);
                assert!(said.contains("error[E144]: ") && said.contains(words), "{said}");
                let took = begun.elapsed();
                assert!((5..25).contains(&took.as_secs()), "{command:?} took {took:?}");
            }
        };
        // It has done all that its database says; its flows it alone knows.
        told("read the flows of sw: `ovs-vswitchd` has not answered within 5 s");
        let wanted: i64 = switch.vsctl("--no-wait get Open_vSwitch . next_cfg").parse().expect("a number");
        switch.vsctl(&format!("--no-wait set Open_vSwitch . next_cfg={}", wanted + 1));
        told("`ovs-vswitchd` has not done within 5 s what its database says");
        switch.signal("ovs-vswitchd", "-CONT");
        switch.catches_up();
        assert!(status(machine, "pair").1);
        machine.ok(["destroy", "pair"]);
        nothing_left(machine, switch);
    });
}

/// Destroys it while the switch hangs: whatever that could not do yet it does when it goes on.
fn destroyed_in_the_end(machine: &Machine, switch: &Switch) {
    let output = machine.netsim(["destroy", "pair"]).output().expect("netsim starts");
    eprintln!("destroyed while it hangs: {}\n{}", output.status, both(&output));
    assert_eq!(switch.vsctl("--no-wait list Bridge"), "", "{}", both(&output));
    switch.signal("ovs-vswitchd", "-CONT");
    switch.catches_up();
    machine.ok(["destroy", "pair"]);
    nothing_left(machine, switch);
}

#[test]
fn names_of_others_in_open_vswitch_are_refused() {
    beside_a_switch("failures::names_of_others_in_open_vswitch_are_refused", |machine, switch| {
        let file = &file(machine, "pair.yaml", PAIR);
        let datapath = super::support::switch::datapath();
        switch.vsctl(&format!("add-br sw -- set Bridge sw datapath_type={datapath}"));
        let before = switch.seen();
        let said = machine.fails(["apply", file]);
        assert!(said.contains("E070") && said.contains("nothing was changed"), "{said}");
        assert_eq!(switch.seen(), before);
        assert_eq!(machine.namespaces(), Vec::<String>::new());
        switch.vsctl("del-br sw");

        machine.ok(["apply", file, "--check"]);
        let other = PAIR.replace("name: pair", "name: other").replace("10.0.1.0", "10.0.2.0");
        let said = machine.fails(["apply", &super::file(machine, "other.yaml", &other)]);
        assert!(said.contains("E070") && said.contains("lab pair"), "{said}");
        assert!(status(machine, "pair").1);
        machine.ok(["destroy", "pair"]);
        nothing_left(machine, switch);
    });
}

/// The switch says only afterwards that it could not: here that a name is too much for its datapath to open.
#[test]
fn a_port_that_the_switch_cannot_open_is_a_failure_and_is_rolled_back() {
    let name = "failures::a_port_that_the_switch_cannot_open_is_a_failure_and_is_rolled_back";
    beside_a_switch(name, |machine, switch| {
        let file = &file(machine, "pair.yaml", &PAIR.replace("${datapath}", "system"));
        if super::support::switch::datapath() == "system" {
            return eprintln!("SKIPPED {name}: the kernel's datapath opens everything here");
        }
        let said = machine.fails(["apply", file]);
        assert!(said.contains("hint: "), "{said}");
        assert!(said.contains("E148") || said.contains("E071"), "{said}");
        nothing_left(machine, switch);
        machine.file("pair.yaml", PAIR);
        machine.ok(["apply", file, "--check"]);
        machine.is_whole(file);
        machine.ok(["destroy", "pair"]);
        run("ip", &["link"]);
        nothing_left(machine, switch);
    });
}

#[test]
fn a_rootless_lab_has_no_open_vswitch() {
    beside_a_switch("failures::a_rootless_lab_has_no_open_vswitch", |machine, switch| {
        let file = file(machine, "pair.yaml", PAIR);
        std::fs::create_dir("/tmp/run").expect("writable");
        let mut rootless = Command::new(super::support::NETSIM);
        rootless.args(["--rootless", "apply", &file]).env("XDG_RUNTIME_DIR", "/tmp/run").env("datapath", "netdev");
        refuses(machine, rootless, "E125", "no part");
        switch.has_nothing_left();
    });
}
