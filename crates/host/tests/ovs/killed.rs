//! A backend killed at every point of what it does to a lab with Open vSwitch: from each state it goes on, or takes all away.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Instant;

use netsim_core::plan::plan;
use netsim_core::state::{HostState, Scope};
use netsim_host::backend::Progress;

use super::common::{lab, same};
use super::words::{apply, everything, local, observe, plan_for};
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

fn sent(errand: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a test has a path"));
    command.args([SELF, "--exact", "--ignored", "--nocapture", "--test-threads=1"]).env(ERRAND, errand);
    command
}

/// Has it done by a process that is killed at its n-th point; false if it came to its end before.
fn killed_at(point: u32, errand: &str) -> bool {
    let output = sent(errand).env("NETSIM_CRASH_AT", point.to_string()).output().expect("it starts");
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

/// Makes it so, and looks no oftener than somebody does who works.
#[track_caller]
fn go_to(wanted: &HostState) {
    let (local, scope) = (local(), Scope::of(&lab(), wanted));
    let before = local.observe_now(&scope).expect("a machine that can be looked at");
    let actions = plan(wanted, &before).expect("nothing is in the way");
    let after = local.apply_now(&scope, &actions, &Progress::default()).unwrap_or_else(|e| panic!("{e}\n{actions:#?}"));
    same(&after.ours, wanted);
}

fn goes_on_or_away(switch: &Switch, errand: &str, before: &HostState) {
    let nothing = HostState::default();
    let mut states: Vec<HostState> = Vec::new();
    let mut point = 1;
    loop {
        go_to(before);
        if !killed_at(point, errand) {
            break;
        }
        let seen = observe(&everything()).ours;
        if !states.contains(&seen) {
            states.push(seen);
        }
        go_to(&everything());
        go_to(before);
        assert!(killed_at(point, errand), "point {point} came the first time");
        go_to(&nothing);
        nothing_is_left(switch);
        point += 1;
    }
    eprintln!("killed at {} points to {errand}: {} distinct states", point - 1, states.len());
    assert!(states.len() > 5, "only {} distinct states", states.len());
    go_to(&nothing);
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

/// Between two points is the time that Open vSwitch takes; its program is killed with whoever started it.
#[test]
fn one_who_waits_for_open_vswitch_can_be_killed_at_any_moment() {
    beside_a_switch("killed::one_who_waits_for_open_vswitch_can_be_killed_at_any_moment", |switch| {
        let whole = Instant::now();
        go_to(&everything());
        let step = whole.elapsed() / 12;
        for moment in 1..=12 {
            for (errand, before) in [("make", HostState::default()), ("take away", everything())] {
                go_to(&before);
                let quiet = || Stdio::null();
                let mut child = sent(errand).stdout(quiet()).stderr(quiet()).spawn().expect("it starts");
                std::thread::sleep(step * moment);
                let _ = child.kill();
                child.wait().expect("it is our child");
                let on = if moment % 2 == 0 { everything() } else { HostState::default() };
                go_to(&on);
            }
        }
        go_to(&HostState::default());
        nothing_is_left(switch);
    });
}
