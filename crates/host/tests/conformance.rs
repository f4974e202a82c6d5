//! The conformance suite, run on the kernel at hand.

#![allow(clippy::print_stderr, reason = "what is skipped is said aloud")]

mod common;

use std::collections::BTreeSet;

use common::random::{By, states_become_so};
use common::{apply, become_so, lab, linux, observe, on_a_machine_of_its_own};
use netsim_core::plan::Action;
use netsim_core::state::{Feature, HostState, Scope};
use netsim_core::testing::{Case, Machine, cases, show_state};
use netsim_host::backend::{Progress, StepError};
use netsim_host::linux::settle;
use nix::errno::Errno;

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

#[test]
fn a_random_state_becomes_so_and_then_another_and_then_none() {
    on_a_machine_of_its_own("a_random_state_becomes_so_and_then_another_and_then_none", || {
        let lacks = lacking("a_random_state_becomes_so_and_then_another_and_then_none");
        // The numbers of the host's devices are not those of a new namespace's.
        for n in 1..5 {
            common::run("ip", &["link", "add", &format!("other{n}"), "type", "bridge"]);
        }
        let by = By { observe, apply };
        states_become_so(&by, 60, 240, |_| Machine { lacks: lacks.clone(), ovs: None });
    });
}
