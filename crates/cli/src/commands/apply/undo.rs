//! Back to how a lab was before an apply that did not come to its end: one more plan.

use netsim_core::resource::Resource;
use netsim_core::state::Observed;
use netsim_host::backend::Progress;
use netsim_host::undo::{as_it_was, flows};

use super::{measured, stopped};
use crate::error::{Failure, codes};
use crate::lab::Surveyed;
use crate::machine::Machine;
use crate::planned::{Planned, created};
use crate::screen::Screen;
use netsim_host::store::Applied;

/// Rolls back, and says in words what became of the lab. What was applied before has what a machine does not remember.
pub fn undo(
    plan: &Planned,
    surveyed: &Surveyed,
    applied: Option<&Applied>,
    machine: &Machine,
    screen: &Screen,
) -> Result<String, Failure> {
    let lab = &plan.lab;
    let files = applied.and_then(|applied| Some(flows(&applied.sources))).unwrap_or_default();
    let as_it_was = |now: &Observed| as_it_was(&surveyed.observed, now, &files);
    let now = machine.observe(&surveyed.scope)?;
    let target = as_it_was(&now);
    let back =
        Planned::between(lab, &target, &now).map_err(|refusals| Failure::Refused { lab: lab.clone(), refusals })?;
    if !back.is_empty() {
        let progress = Progress::default();
        let after = measured(back.actions.len(), &progress, screen, || {
            machine.apply(&surveyed.scope, &back.actions, &progress)
        });
        let after = after.map_err(stopped)?;
        if !Planned::between(lab, &as_it_was(&after), &after).is_ok_and(|rest| rest.is_empty()) {
            return Err(Failure::new(codes::NOT_WHOLE, format!("lab {lab} is not as it was before")));
        }
    }
    let mut said = match surveyed.observed.ours.is_empty() {
        true => format!("rolled back: nothing of lab {lab} is left\n"),
        false => format!("rolled back: lab {lab} is as it was before\n"),
    };
    if plan.actions.iter().filter_map(created).any(|r| matches!(r, Resource::Ran(_))) {
        said.push_str("what its programs (`exec`) did outside of the lab is not undone\n");
    }
    Ok(said)
}
