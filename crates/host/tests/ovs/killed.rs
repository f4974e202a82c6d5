//! A backend killed at every point of what it does to a lab with Open vSwitch: from each state it goes on, or takes all away.

use std::process::Stdio;
use std::time::Instant;

use netsim_core::plan::plan;
use netsim_core::state::{HostState, Scope};
use netsim_host::backend::Progress;

use super::common::killed::{MAKE, TAKE_AWAY, Work, errand, sent};
use super::common::{lab, same};
use super::words::{apply, everything, local, observe, plan_for};
use super::{Switch, beside_a_switch, nothing_is_left};

/// What is done by a process of its own that can be killed.
#[test]
#[ignore = "not by itself: the tests beside it start it as a child, to be killed"]
fn what_another_test_has_it_do() {
    if let Some(wanted) = errand(everything) {
        apply(&wanted, &plan_for(&wanted)).unwrap_or_else(|e| panic!("{e}"));
    }
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
    let work = Work { whole: everything(), go_to: &go_to, observe, nothing_is_left: &|| nothing_is_left(switch) };
    work.goes_on_or_away(errand, before, 5);
}

#[test]
fn one_who_makes_a_lab_can_be_killed_anywhere() {
    beside_a_switch("killed::one_who_makes_a_lab_can_be_killed_anywhere", |switch| {
        goes_on_or_away(switch, MAKE, &HostState::default());
    });
}

#[test]
fn one_who_takes_a_lab_away_can_be_killed_anywhere() {
    beside_a_switch("killed::one_who_takes_a_lab_away_can_be_killed_anywhere", |switch| {
        goes_on_or_away(switch, TAKE_AWAY, &everything());
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
            for (errand, before) in [(MAKE, HostState::default()), (TAKE_AWAY, everything())] {
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
