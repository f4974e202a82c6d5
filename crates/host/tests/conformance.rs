//! The conformance suite, run on the kernel at hand.

#![allow(clippy::print_stderr, reason = "what is skipped is said aloud")]

mod common;

use std::collections::BTreeSet;

use common::{apply, become_so, lab, linux, observe, on_a_machine_of_its_own, plan_for, same};
use netsim_core::plan::{Action, plan};
use netsim_core::resource::{Aside, Resource};
use netsim_core::state::{Feature, HostState, Scope};
use netsim_core::testing::{Case, Tape, cases, near_without, show_plan, show_state, state_without};
use netsim_host::backend::{Progress, StepError};
use netsim_host::linux::settle;
use nix::errno::Errno;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

fn run(case: &Case) -> Result<HostState, String> {
    let scope = Scope::lab(&lab());
    let act = |actions: &[Action]| linux().apply_now(&scope, actions, &Progress::default());
    // What takes something else along does so only where it comes after that; in a plan it comes before.
    let whole: HostState = case.start.iter().cloned().collect();
    for together in case.start.chunk_by(|_, next| next.cycles(&whole).is_empty()) {
        let start: Vec<Action> = together.iter().cloned().map(Action::Create).collect();
        act(&start).unwrap_or_else(|e| panic!("{}: start: {e}", case.name));
    }
    let (last, before) = case.actions.split_last().expect("a case does something");
    for action in before {
        act(std::slice::from_ref(action)).unwrap_or_else(|e| panic!("{}: {action:?}: {e}", case.name));
    }
    act(std::slice::from_ref(last)).map_err(|e| match e {
        StepError::Failed { error, .. } => {
            error.errno.map_or(error.to_string(), |e| format!("{:?}", Errno::from_raw(e)))
        }
        StepError::Untouched(_) | StepError::Interrupted => e.to_string(),
    })?;
    settle().expect("the kernel comes to rest");
    Ok(linux().observe_now(&scope).expect("a machine that can be looked at").ours)
}

/// The features that cases and random states ask for and this kernel lacks.
fn lacking(test: &str) -> BTreeSet<Feature> {
    let features: BTreeSet<Feature> = cases().iter().flat_map(Case::needs).collect();
    let scope = Scope { features, ..Scope::lab(&lab()) };
    let lacks = linux().observe_now(&scope).expect("a machine that can be looked at").facts.lacks;
    for feature in &lacks {
        eprintln!("SKIPPED in {test}: what needs {}, which this kernel does not have", feature.names().0);
    }
    lacks
}

#[test]
fn the_kernel_does_what_the_cases_say() {
    on_a_machine_of_its_own("the_kernel_does_what_the_cases_say", || {
        let lacks = lacking("the_kernel_does_what_the_cases_say");
        let (cases, without): (Vec<Case>, Vec<Case>) =
            cases().into_iter().partition(|case| lacks.is_disjoint(&case.needs()));
        let mut wrong = String::new();
        for case in &without {
            let missing: Vec<&str> = case.needs().intersection(&lacks).map(|feature| feature.names().0).collect();
            eprintln!("SKIPPED {}: this kernel has no {}", case.name, missing.join(", no "));
        }
        eprintln!("{} cases, {} SKIPPED", cases.len(), without.len());
        for case in &cases {
            let found = run(case);
            if found.as_ref().map_err(String::as_str) != case.expect.as_ref().map_err(|errno| *errno) {
                let show = |state: &Result<HostState, String>| match state {
                    Ok(state) => show_state(state),
                    Err(errno) => errno.clone(),
                };
                let expect = case.expect.clone().map_err(str::to_owned);
                wrong += &format!("{}\n== expected\n{}\n== found\n{}\n\n", case.name, show(&expect), show(&found));
            }
            become_so(&HostState::default());
            settle().expect("the kernel comes to rest");
        }
        assert!(wrong.is_empty(), "{wrong}");
    });
}

/// The same with programs that can be run.
fn runnable(state: &HostState) -> HostState {
    let program = |r: &Resource| match r {
        Resource::Ran(ran) => {
            let mut ran = ran.clone();
            ran.argv = Aside(vec!["true".to_owned()]);
            Resource::Ran(ran)
        }
        other => other.clone(),
    };
    state.iter().map(|(_, r)| program(r)).collect()
}

#[test]
fn a_random_state_becomes_so_and_then_another_and_then_none() {
    on_a_machine_of_its_own("a_random_state_becomes_so_and_then_another_and_then_none", || {
        let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let lacks = lacking("a_random_state_becomes_so_and_then_another_and_then_none");
        let outcome = TestRunner::new(config).run(&vec(any::<u8>(), 0..240), |bytes| {
            let mut tape = Tape::new(&bytes);
            let first = runnable(&state_without(&mut tape, &lacks));
            let second = runnable(&near_without(&first, &mut tape, &lacks));
            for wanted in [&first, &second, &HostState::default()] {
                let actions = plan_for(wanted);
                let after = apply(wanted, &actions);
                let after = after.map_err(|e| TestCaseError::fail(format!("{e}\n{}", show_plan(&actions))))?;
                if after.ours != *wanted {
                    let _ = apply(&HostState::default(), &plan_for(&HostState::default()));
                    let (seen, wanted) = (show_state(&after.ours), show_state(wanted));
                    let text = format!("{}\n== wanted\n{wanted}\n== seen\n{seen}", show_plan(&actions));
                    return Err(TestCaseError::fail(text));
                }
                prop_assert_eq!(plan(wanted, &after), Ok(Vec::new()));
            }
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("{failure}");
        }
        same(&observe(&HostState::default()).ours, &HostState::default());
    });
}
