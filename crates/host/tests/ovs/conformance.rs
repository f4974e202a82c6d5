//! The conformance suite with Open vSwitch: its cases, and random states.

use netsim_core::plan::Action;
use netsim_core::resource::Datapath;
use netsim_core::state::{HostState, Scope};
use netsim_core::testing::{Case, Machine, Tape, cases, ovs_cases, show_state};
use netsim_host::backend::{Progress, StepError};
use netsim_host::linux::settle;

use super::common::lab;
use super::common::random::{By, states_become_so};
use super::words::{apply, become_so, local, observe};
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

#[test]
fn a_random_state_with_open_vswitch_becomes_so_and_then_another_and_then_none() {
    let name = "conformance::a_random_state_with_open_vswitch_becomes_so_and_then_another_and_then_none";
    beside_a_switch(name, |switch| {
        let scope = Scope { features: cases().iter().flat_map(Case::needs).collect(), ..Scope::lab(&lab()) };
        let lacks = local().observe_now(&scope).expect("a machine that can be looked at").facts.lacks;
        let kinds = datapaths();
        let machine = |tape: &mut Tape| Machine { lacks: lacks.clone(), ovs: Some(kinds[tape.pick(kinds.len())]) };
        states_become_so(&By { observe, apply }, 30, 200, machine);
        nothing_is_left(switch);
    });
}
