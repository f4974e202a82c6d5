//! The shipped topologies: valid, planned as their golden files say, applied and proven on the kernel in memory.
//! `UPDATE_EXPECT=1 cargo test -p netsim --test golden` writes the golden files anew.

use expect_test::expect_file;

mod common;
use common::{Sandbox, topologies};

/// A plan without how long hosts took to be looked at.
fn timeless(plan: &str) -> String {
    let line = |line: &str| match line.split_once(" (looked at in ") {
        Some((host, _)) => format!("{host}:\n"),
        None => format!("{line}\n"),
    };
    plan.lines().map(line).collect()
}

#[test]
fn every_topology_is_planned_as_its_golden_file_says() {
    let sandbox = Sandbox::new("golden");
    sandbox.plant_nic("eth1");
    for file in topologies() {
        let (stem, path) = (file.file_stem().expect("a file").to_string_lossy(), file.to_string_lossy());
        let told = |arguments: &str| timeless(&sandbox.ok(&format!("{arguments} {path}")));
        let plan = format!("{}\n{}", told("plan"), told("plan --steps"));
        expect_file![format!("{}/tests/golden/{stem}.plan.txt", env!("CARGO_MANIFEST_DIR"))].assert_eq(&plan);
    }
}

#[test]
fn every_topology_is_applied_and_proven_and_leaves_nothing() {
    let sandbox = Sandbox::new("proven");
    sandbox.plant_nic("eth1");
    sandbox.ok("-q list");
    let empty = sandbox.ok("list --format json");
    for file in topologies() {
        let (stem, path) = (file.file_stem().expect("a file").to_string_lossy(), file.to_string_lossy());
        let said = sandbox.ok(&format!("apply --check {path}"));
        assert!(said.contains("each as it should be"), "{said}");
        let again = sandbox.ok(&format!("apply {path}"));
        let first = format!("Lab {stem} is as the file says: nothing to do.\n");
        let trips = again.strip_prefix(&first).unwrap_or_else(|| panic!("{again}"));
        assert!(trips.lines().all(|line| line.contains(": look in ") && line.contains(", keep in ")), "{again}");
        sandbox.ok(&format!("destroy {stem}"));
        assert_eq!(sandbox.ok("list --format json"), empty);
    }
}

#[test]
fn every_topology_says_what_it_is_for() {
    for file in topologies() {
        let text = std::fs::read_to_string(&file).expect("readable");
        let comment = text.lines().take_while(|line| line.starts_with('#')).count();
        assert!(comment >= 3, "{} has {comment} lines of comment at its head", file.display());
        assert!(text.contains("netsim apply topologies/"), "{} does not say how to start it", file.display());
    }
}
