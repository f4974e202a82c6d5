//! Runs a test again, in namespaces of its own.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::process::{Command, Stdio};

const INSIDE: &str = "NETSIM_TEST_INSIDE";

/// Runs `body` in user, network, mount and process namespaces of its own, in a child of this test; says SKIPPED where the system forbids them.
/// `name` is the test's own name, by which the child finds its way back here.
pub fn in_namespaces_of_its_own(name: &str, body: impl FnOnce()) {
    again("-Urnmpf", "user namespaces are not to be had here", name, body);
}

/// As [`in_namespaces_of_its_own`] but for the user namespace: with the rights of the machine's own root, for what nobody else may do.
pub fn in_namespaces_of_roots_own(name: &str, body: impl FnOnce()) {
    again("-nmpf", "only the machine's own root may do that", name, body);
}

fn again(which: &str, why_not: &str, name: &str, body: impl FnOnce()) {
    if std::env::var(INSIDE).as_deref() == Ok(name) {
        return body();
    }
    let namespaces = [which, "--mount-proc", "--propagation", "private", "--kill-child"];
    if !Command::new("unshare").args(namespaces).arg("true").stderr(Stdio::null()).status().is_ok_and(|s| s.success()) {
        eprintln!("SKIPPED {name}: {why_not}");
        return;
    }
    by(Command::new("unshare").args(namespaces).env(INSIDE, name), name, "its machine");
}

/// Runs the test of this name again by a command that takes a program and its arguments; fails unless it passes there. `place` says where that is.
#[track_caller]
pub fn by(command: &mut Command, name: &str, place: &str) {
    let output = command
        .arg(std::env::current_exe().expect("a test binary has a path"))
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .stderr(Stdio::inherit())
        .output()
        .expect("it ran a moment ago");
    // Kept back while all is well: the child's own counts would stand among those of this run.
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{name} failed on {place}: {}\n{text}", output.status);
    assert!(text.contains("1 passed"), "{name} was not found on {place}:\n{text}");
}
