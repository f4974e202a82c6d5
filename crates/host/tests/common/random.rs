//! Random states that a machine is brought to, one after the other.

use netsim_core::plan::{Action, plan};
use netsim_core::resource::{Aside, Resource};
use netsim_core::state::{HostState, Observed};
use netsim_core::testing::{Machine, Tape, near_on, rounds, show_plan, show_state, state_on};
use netsim_host::backend::StepError;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::same;

/// How the machine is asked and told.
pub struct By {
    pub observe: fn(&HostState) -> Observed,
    pub apply: fn(&HostState, &[Action]) -> Result<Observed, StepError>,
}

impl By {
    fn plan_for(&self, desired: &HostState) -> Vec<Action> {
        plan(desired, &(self.observe)(desired)).unwrap_or_else(|refusals| panic!("{refusals:#?}"))
    }
}

/// Brings the machine to a random state, to one near it and to none, as many times as PROPTEST_CASES says, else `cases`; each state is made of at most
/// `most` random bytes, for the machine that the first of them choose. Fails the test unless each is then so and leaves nothing to do.
#[track_caller]
pub fn states_become_so(by: &By, cases: u32, most: usize, machine: impl Fn(&mut Tape) -> Machine) {
    let config = Config { cases: rounds(cases), failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&vec(any::<u8>(), 0..most), |bytes| {
        let mut tape = Tape::new(&bytes);
        let machine = machine(&mut tape);
        let first = runnable(&state_on(&mut tape, &machine));
        let second = runnable(&near_on(&first, &mut tape, &machine));
        for wanted in [&first, &second, &HostState::default()] {
            let actions = by.plan_for(wanted);
            let after = (by.apply)(wanted, &actions);
            let after = after.map_err(|e| TestCaseError::fail(format!("{e}\n{}", show_plan(&actions))))?;
            if after.ours != *wanted {
                let _ = (by.apply)(&HostState::default(), &by.plan_for(&HostState::default()));
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
    same(&(by.observe)(&HostState::default()).ours, &HostState::default());
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
