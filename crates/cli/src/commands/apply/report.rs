//! What is told of an apply that did not come to its end.

use indexmap::IndexMap;
use netsim_core::names::HostId;
use netsim_core::plan::Action;
use netsim_core::resource::Resource;
use netsim_host::backend::{HostError, StepError};
use netsim_host::run::{Cause, Forward};
use netsim_host::undo::NotUndone;

use super::Work;
use crate::error::{Failure, codes};
use crate::lab::Surveyed;
use crate::planned::{Planned, created};
use crate::render::text;
use crate::screen::Screen;

/// What became of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is as the file says.
    Done,
    /// It is as it was before.
    AsBefore,
    /// Nothing was touched there.
    Untouched,
    /// It is as far as it had come, as was asked for.
    Left,
    /// It is as far as it had come, for bringing it back failed.
    Stuck,
    /// Nobody can tell from here.
    Uncertain,
    /// It could not be worked on.
    Unreached,
}

impl Fate {
    /// Whether all is as it was before.
    pub fn is_back(self) -> bool {
        match self {
            Fate::AsBefore | Fate::Untouched => true,
            Fate::Done | Fate::Left | Fate::Stuck | Fate::Uncertain | Fate::Unreached => false,
        }
    }
}

/// What stopped the work.
pub fn stopped(error: StepError) -> Failure {
    match error {
        StepError::Failed { error, .. } | StepError::Untouched(error) => Failure::from(error),
        StepError::Interrupted => Failure::new(codes::INTERRUPTED, "interrupted"),
    }
}

/// Says which hosts cannot be worked on, where the others are gone on with.
pub fn tell_down(surveyed: &Surveyed, screen: &Screen) {
    surveyed.down.values().for_each(|error| screen.warn(&Failure::from(error.clone()).report(screen)));
}

/// What is so of each host where nothing is to do on those that answer.
pub fn unfinished(surveyed: &Surveyed) -> String {
    let up = surveyed.hosts.keys().map(|id| (id, Fate::Done));
    let down = surveyed.down.keys().map(|id| (id, Fate::Unreached));
    up.chain(down).map(|(id, fate)| format!("{id}: {}\n", on_one(surveyed.lab.as_str(), fate, true))).collect()
}

/// Says why each part that failed did, once where all were interrupted.
pub fn tell_causes(work: &Work<'_>, forward: &Forward, by_hand: bool, screen: &Screen) {
    if by_hand {
        screen.warn(&stopped(StepError::Interrupted).report(screen));
    }
    for (id, timed) in forward {
        match &timed.value {
            Ok(_) | Err(Cause::Another | Cause::Step(StepError::Interrupted)) => {}
            Err(cause) => screen.warn(&of_cause(work, id, cause, screen).report(screen)),
        }
    }
}

fn of_cause(work: &Work<'_>, id: &HostId, cause: &Cause, screen: &Screen) -> Failure {
    match cause {
        Cause::Step(error) => placed(work, id, stopped(error.clone())),
        Cause::Another => stopped(StepError::Interrupted),
        Cause::Refused(refusals) => work.surveyed.refused(id, refusals.clone(), work.loaded),
        Cause::NotWhole(rest) => not_whole(work, id, rest, screen),
    }
}

fn not_whole(work: &Work<'_>, id: &HostId, rest: &[Action], screen: &Screen) -> Failure {
    let plan = &work.plans[id];
    let rest = Planned { actions: rest.to_vec(), falls: Vec::new(), ..plan.clone() };
    let (lab, steps) = (&plan.lab, text::steps(&rest, screen.width));
    let message =
        format!("every step was done, and yet lab {lab} is not as the file says; these steps remain:\n{steps}");
    let failure =
        Failure::hinted(codes::NOT_WHOLE, message.trim_end(), "see whether another program changes the same things");
    placed(work, id, failure)
}

/// Why a host is not as it was.
pub fn not_undone(work: &Work<'_>, id: &HostId, why: NotUndone) -> Failure {
    let lab = &work.surveyed.lab;
    let failure = match why {
        NotUndone::Unseen(error) => Failure::from(error),
        NotUndone::Refused(refusals) => return work.surveyed.refused(id, refusals, work.loaded),
        NotUndone::Stopped(error) => stopped(error),
        NotUndone::NotWhole(_) => Failure::new(codes::NOT_WHOLE, format!("lab {lab} is not as it was before")),
    };
    placed(work, id, failure)
}

/// The failure with its host, where there are several and it does not say so itself.
fn placed(work: &Work<'_>, id: &HostId, failure: Failure) -> Failure {
    let head = format!("{id}: ");
    match failure {
        _ if work.hosts.is_here_alone() => failure,
        Failure::Host(error) if !error.doing.starts_with(&head) => {
            Failure::from(HostError { doing: format!("{head}{}", error.doing), ..*error })
        }
        Failure::Other { code, message, hint } => Failure::Other { code, message: head + &message, hint },
        Failure::Problems { .. } | Failure::Refused { .. } | Failure::Host(_) => failure,
        Failure::Several { .. } | Failure::Aftermath(_) => failure,
    }
}

/// What became of the lab.
pub fn aftermath(work: &Work<'_>, fates: &IndexMap<HostId, Fate>) -> Failure {
    let lab = &work.surveyed.lab;
    let was_there = |id: &HostId| work.surveyed.hosts.get(id).is_some_and(|on| !on.observed.ours.is_empty());
    let ran = |id: &HostId| {
        let programs = |r: &Resource| matches!(r, Resource::Ran(_));
        work.plans.get(id).is_some_and(|plan| plan.actions.iter().filter_map(created).any(programs))
    };
    let mut said = match (work.hosts.is_here_alone(), fates.first()) {
        (true, Some((id, fate))) => alone(lab.as_str(), *fate, was_there(id)),
        (_, _) => {
            let line = |(id, fate): (&HostId, &Fate)| format!("{id}: {}\n", on_one(lab.as_str(), *fate, was_there(id)));
            let rest = format!("`netsim apply` goes on from here, `netsim destroy {lab}` removes what is there\n");
            fates.iter().map(line).collect::<String>() + if fates.values().all(|f| f.is_back()) { "" } else { &rest }
        }
    };
    if fates.iter().any(|(id, fate)| *fate == Fate::AsBefore && ran(id)) {
        said.push_str("what its programs (`exec`) did outside of the lab is not undone\n");
    }
    Failure::Aftermath(said)
}

/// Of a lab on this machine alone.
fn alone(lab: &str, fate: Fate, was_there: bool) -> String {
    match fate {
        Fate::AsBefore if was_there => format!("rolled back: lab {lab} is as it was before\n"),
        Fate::AsBefore => format!("rolled back: nothing of lab {lab} is left\n"),
        Fate::Untouched => format!("lab {lab}: nothing was changed\n"),
        Fate::Stuck => format!("rolling back stopped there; `netsim destroy {lab}` removes what is there\n"),
        Fate::Left | Fate::Done | Fate::Uncertain | Fate::Unreached => {
            format!(
                "lab {lab} is left as it is, half done; `netsim apply` goes on, `netsim destroy {lab}` removes it\n"
            )
        }
    }
}

/// Of a host among others.
fn on_one(lab: &str, fate: Fate, was_there: bool) -> String {
    match fate {
        Fate::Done => "as the file says".to_owned(),
        Fate::AsBefore if was_there => format!("rolled back: lab {lab} is as it was before"),
        Fate::AsBefore => format!("rolled back: nothing of lab {lab} is left"),
        Fate::Untouched => "nothing was changed".to_owned(),
        Fate::Left => "left as it is, half done".to_owned(),
        Fate::Stuck => "rolling back stopped there, half way".to_owned(),
        Fate::Uncertain => "lost: the agent there brings back what was before, if it still can".to_owned(),
        Fate::Unreached => "not reached: its part is not done".to_owned(),
    }
}
