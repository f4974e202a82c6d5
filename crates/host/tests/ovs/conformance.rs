//! The conformance suite with Open vSwitch: its cases, and random states.

use netsim_core::plan::{Action, plan};
use netsim_core::resource::{Aside, Datapath, Resource};
use netsim_core::state::{HostState, Scope};
use netsim_core::testing::{Case, Machine, Tape, cases, near_on, ovs_cases, show_plan, show_state, state_on};
use netsim_host::backend::{Progress, StepError};
use netsim_host::linux::settle;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::common::{lab, same};
use super::words::{apply, become_so, local, observe, plan_for};
use super::{beside_a_switch, datapath, nothing_is_left};

/// The datapaths that bridges can have here.
fn datapaths() -> Vec<Datapath> {
    let system = (datapath() == "system").then_some(Datapath::System);
    std::iter::once(Datapath::Netdev).chain(system).collect()
}

fn run(case: &Case) -> Result<HostState, String> {
    let scope = Scope::lab(&lab());
    let local = local();
    let act = |actions: &[Action]| local.apply_now(&scope, actions, &Progress::default());
    let start: Vec<Action> = case.start.iter().cloned().map(Action::Create).collect();
    act(&start).unwrap_or_else(|e| panic!("{}: start: {e}", case.name));
    let (last, before) = case.actions.split_last().expect("a case does something");
    for action in before {
        act(std::slice::from_ref(action)).unwrap_or_else(|e| panic!("{}: {action:?}: {e}", case.name));
    }
    act(std::slice::from_ref(last)).map_err(|e| match e {
        StepError::Failed { error, .. } => error.to_string(),
        StepError::Untouched(_) | StepError::Interrupted => e.to_string(),
    })?;
    settle().expect("the kernel comes to rest");
    Ok(local.observe_now(&scope).expect("a machine that can be looked at").ours)
}

#[test]
fn open_vswitch_does_what_the_cases_say() {
    beside_a_switch("conformance::open_vswitch_does_what_the_cases_say", |switch| {
        let mut wrong = String::new();
        for (datapath, case) in datapaths().into_iter().flat_map(|d| ovs_cases(d).into_iter().map(move |c| (d, c))) {
            let lacks = local().observe_now(&Scope { features: case.needs(), ..Scope::lab(&lab()) });
            let lacks = lacks.expect("a machine that can be looked at").facts.lacks;
            if !lacks.is_empty() {
                eprintln!("SKIPPED case {}: this kernel has not {lacks:?}", case.name);
                continue;
            }
            let found = run(&case);
            if found.as_ref().map_err(String::as_str) != case.expect.as_ref().map_err(|errno| *errno) {
                let show = |state: &Result<HostState, String>| state.as_ref().map_or_else(Clone::clone, show_state);
                let expect = case.expect.clone().map_err(str::to_owned);
                let (name, expect, found) = (case.name, show(&expect), show(&found));
                wrong += &format!("{name} ({datapath:?})\n== expected\n{expect}\n== found\n{found}\n\n");
            }
            become_so(&HostState::default());
            settle().expect("the kernel comes to rest");
        }
        assert!(wrong.is_empty(), "{wrong}");
        nothing_is_left(switch);
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
fn a_random_state_with_open_vswitch_becomes_so_and_then_another_and_then_none() {
    let name = "conformance::a_random_state_with_open_vswitch_becomes_so_and_then_another_and_then_none";
    beside_a_switch(name, |switch| {
        let scope = Scope { features: cases().iter().flat_map(Case::needs).collect(), ..Scope::lab(&lab()) };
        let lacks = local().observe_now(&scope).expect("a machine that can be looked at").facts.lacks;
        let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(30);
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let kinds = datapaths();
        let outcome = TestRunner::new(config).run(&vec(any::<u8>(), 0..200), |bytes| {
            let mut tape = Tape::new(&bytes);
            let machine = Machine { lacks: lacks.clone(), ovs: Some(kinds[tape.pick(kinds.len())]) };
            let first = runnable(&state_on(&mut tape, &machine));
            let second = runnable(&near_on(&first, &mut tape, &machine));
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
        nothing_is_left(switch);
    });
}
