//! A backend killed at every point of what it does to a lab with Open vSwitch: from each state it goes on, or takes all away.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use netsim_core::state::HostState;

use super::words::{apply, become_so, everything, observe, plan_for};
use super::{Switch, beside_a_switch, nothing_is_left};

/// Says to a test what to do, and that it does it for another.
const ERRAND: &str = "NETSIM_TEST_ERRAND";

const SELF: &str = "killed::what_another_test_has_it_do";

/// What is done by a process of its own that can be killed.
#[test]
#[ignore = "others start it"]
fn what_another_test_has_it_do() {
    let wanted = match std::env::var(ERRAND).as_deref() {
        Ok("make") => everything(),
        Ok("take away") => HostState::default(),
        Ok(_) | Err(_) => return,
    };
    apply(&wanted, &plan_for(&wanted)).unwrap_or_else(|e| panic!("{e}"));
}

/// Has it done by a process that is killed at its n-th point; false if it came to its end before.
fn killed_at(point: u32, errand: &str) -> bool {
    let mut command = Command::new(std::env::current_exe().expect("a test has a path"));
    command.args([SELF, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    let output = command.env(ERRAND, errand).env("NETSIM_CRASH_AT", point.to_string()).output().expect("it starts");
    if output.status.signal() == Some(9) {
        return true;
    }
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "not killed at {point}, and failed:\n{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    false
}

fn goes_on_or_away(switch: &Switch, errand: &str, before: &HostState) {
    let nothing = HostState::default();
    let mut states: Vec<HostState> = Vec::new();
    let mut point = 1;
    loop {
        become_so(before);
        if !killed_at(point, errand) {
            break;
        }
        let seen = observe(&everything()).ours;
        if !states.contains(&seen) {
            states.push(seen);
        }
        become_so(&everything());
        become_so(before);
        assert!(killed_at(point, errand), "point {point} came the first time");
        become_so(&nothing);
        nothing_is_left(switch);
        point += 1;
    }
    eprintln!("killed at {} points to {errand}: {} distinct states", point - 1, states.len());
    assert!(states.len() > 5, "only {} distinct states", states.len());
    become_so(&nothing);
    nothing_is_left(switch);
}

#[test]
fn one_who_makes_a_lab_can_be_killed_anywhere() {
    beside_a_switch("killed::one_who_makes_a_lab_can_be_killed_anywhere", |switch| {
        goes_on_or_away(switch, "make", &HostState::default());
    });
}

#[test]
fn one_who_takes_a_lab_away_can_be_killed_anywhere() {
    beside_a_switch("killed::one_who_takes_a_lab_away_can_be_killed_anywhere", |switch| {
        goes_on_or_away(switch, "take away", &everything());
    });
}
