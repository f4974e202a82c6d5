//! One thread per host, side by side: what one does never waits for another, and what became of each is told as data.

use std::time::{Duration, Instant};

use indexmap::IndexMap;
use netsim_core::names::HostId;
use netsim_core::plan::{Action, Refusal, plan};
use netsim_core::state::{HostState, Observed, Scope};

use crate::agent::OnLoss;
use crate::backend::{HostError, Progress, StepError};
use crate::host::{Begun, Host};
use crate::undo::NotUndone;

/// What one host answered, and how long that took.
#[derive(Debug, Clone)]
pub struct Timed<T> {
    /// The answer.
    pub value: T,
    /// From the question to it.
    pub took: Duration,
}

/// Does the same on all hosts at once; the answers are in the hosts' order.
pub fn on_all<'a, H: Send, T: Send>(
    hosts: impl IntoIterator<Item = (&'a HostId, H)>,
    work: impl Fn(&'a HostId, H) -> T + Sync,
) -> IndexMap<HostId, Timed<T>> {
    let timed = |id, host| {
        let began = Instant::now();
        let value = work(id, host);
        Timed { value, took: began.elapsed() }
    };
    let mut hosts = hosts.into_iter();
    let (first, second) = (hosts.next(), hosts.next());
    let hosts = match (first, second) {
        // One alone needs no thread beside ours.
        (Some((id, host)), None) => return IndexMap::from([(id.clone(), timed(id, host))]),
        (first, second) => first.into_iter().chain(second).chain(hosts),
    };
    std::thread::scope(|scope| {
        let timed = &timed;
        let tasks: Vec<_> = hosts.map(|(id, host)| (id, scope.spawn(move || timed(id, host)))).collect();
        let done = |task: std::thread::ScopedJoinHandle<'_, Timed<T>>| {
            task.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        tasks.into_iter().map(|(id, task)| (id.clone(), done(task))).collect()
    })
}

/// Takes the lock of a lab on all hosts and looks at them, one round trip each while nobody else has any; `scope` says what to look at.
/// Where somebody has, `waiting` is told on which host, and who where that is known.
///
/// While it waits for one it holds only those before it in the order of their names: two netsims never wait for each other.
pub fn begin(
    hosts: &IndexMap<HostId, Host>,
    scope: impl Fn(&HostId) -> Scope + Sync,
    waiting: &mut dyn FnMut(&HostId, Option<u32>),
) -> IndexMap<HostId, Timed<Result<Observed, HostError>>> {
    let mut begun = on_all(hosts, |id, host| host.try_begin(&scope(id)));
    let is_busy = |timed: &Timed<Result<Begun, HostError>>| matches!(timed.value, Ok(Begun::Busy));
    while let Some(id) = begun.iter().filter(|(_, timed)| is_busy(timed)).map(|(id, _)| id).min().cloned() {
        let after: Vec<&HostId> = hosts.keys().filter(|other| **other > id).collect();
        let held: Vec<&HostId> =
            after.iter().copied().filter(|other| matches!(begun[*other].value, Ok(Begun::Observed(_)))).collect();
        let mut let_go = on_all(held.into_iter().map(|id| (id, &hosts[id])), |_, host| host.keep());
        let began = Instant::now();
        let value = hosts[&id].begin(&scope(&id), &mut |holder| waiting(&id, holder)).map(Begun::observed);
        begun[&id] = Timed { value, took: begun[&id].took + began.elapsed() };
        // Those that could not be let go of are lost; the others are tried again.
        let again = after.into_iter().filter(|other| begun[*other].value.is_ok());
        let mut tried = on_all(again.map(|id| (id, &hosts[id])), |id, host| host.try_begin(&scope(id)));
        for (id, timed) in tried.drain(..) {
            let value = match let_go.swap_remove(&id).map(|t| t.value) {
                Some(Err(error)) => Err(error),
                Some(Ok(())) | None => timed.value,
            };
            let took = begun[&id].took + timed.took;
            begun.insert(id, Timed { value, took });
        }
    }
    let seen = |begun| match begun {
        Begun::Observed(observed) => *observed,
        Begun::Busy => unreachable!("the loop ends when none is"),
    };
    begun.into_iter().map(|(id, Timed { value, took })| (id, Timed { value: value.map(seen), took })).collect()
}

/// One host's part of a run.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The host, locked.
    pub host: &'a Host,
    /// What is looked at.
    pub scope: &'a Scope,
    /// What was there.
    pub before: &'a Observed,
    /// What shall be there.
    pub desired: &'a HostState,
    /// The texts of the flows that were there.
    pub flows: &'a [String],
    /// The steps between the two.
    pub actions: &'a [Action],
    /// Counts what is done there.
    pub progress: &'a Progress,
}

/// What becomes of the other hosts' parts, and of a failed part itself, when one fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Otherwise {
    /// Everything is brought back, on all hosts.
    #[default]
    RollBack,
    /// The failed part is brought back, the others go on.
    KeepGoing,
    /// Everything is left as far as it has come.
    Leave,
}

/// Why a host's part did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// A step failed, or it was interrupted by hand.
    #[error(transparent)]
    Step(StepError),
    /// Every step was done, and these remain.
    #[error("{} steps were done, and do not show", .0.len())]
    NotWhole(Vec<Action>),
    /// Every step was done, and somebody else took a name meanwhile.
    #[error("{}", .0.first().map_or_else(|| "refused".to_owned(), ToString::to_string))]
    Refused(Vec<Refusal>),
    /// It was stopped, or taken back, because another host failed.
    #[error("another host failed")]
    Another,
}

/// What is on a host after its part failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aftermath {
    /// What was there before.
    AsBefore,
    /// As far as it had come.
    Left,
    /// As far as it had come: bringing it back failed.
    Stuck(NotUndone),
    /// Nobody can tell from here. An agent that lives brings back what was before.
    Unknown,
}

/// What became of a host's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is as wanted; what is there now.
    Done(Box<Observed>),
    /// It is not.
    Failed {
        /// Why.
        cause: Cause,
        /// What is there now.
        then: Aftermath,
    },
}

impl Outcome {
    /// Whether it is as wanted.
    pub fn is_done(&self) -> bool {
        matches!(self, Outcome::Done(_))
    }
}

/// Does all parts side by side. When one fails the others are stopped and brought back, or not, as is asked for; when `stop` is stopped, all are.
///
/// The locks are still held afterwards: what is to stay on a host has to be kept there ([`Host::keep`]).
pub fn apply(
    parts: &IndexMap<HostId, Part<'_>>,
    otherwise: Otherwise,
    stop: &Progress,
) -> IndexMap<HostId, Timed<Outcome>> {
    bring_back(parts, forward(parts, otherwise, stop), otherwise, stop)
}

/// How far the parts came.
pub type Forward = IndexMap<HostId, Timed<Result<Box<Observed>, Cause>>>;

/// The first half of [`apply`]: all steps. When one part fails the others are stopped, or not, as is asked for; when `stop` is stopped, all are.
pub fn forward(parts: &IndexMap<HostId, Part<'_>>, otherwise: Otherwise, stop: &Progress) -> Forward {
    let others_stop = || match otherwise {
        Otherwise::RollBack => parts.values().for_each(|part| part.progress.stop()),
        Otherwise::KeepGoing | Otherwise::Leave => {}
    };
    watched(parts, stop, || {
        on_all(parts, |_, part: &Part<'_>| {
            part.host.on_loss(match otherwise {
                Otherwise::RollBack | Otherwise::KeepGoing => OnLoss::RollBack,
                Otherwise::Leave => OnLoss::Leave,
            });
            let result = one(part);
            if result.is_err() {
                others_stop();
            }
            result
        })
    })
}

/// The second half of [`apply`]: the way back, as far as is asked for.
pub fn bring_back(
    parts: &IndexMap<HostId, Part<'_>>,
    mut done: Forward,
    otherwise: Otherwise,
    stop: &Progress,
) -> IndexMap<HostId, Timed<Outcome>> {
    let failed = done.values().any(|timed| timed.value.is_err());
    let stopped_by_hand = stop.stopped();
    // What stopped only because another did.
    let first_hand = |cause: &Cause| !matches!(cause, Cause::Step(StepError::Interrupted)) || stopped_by_hand;
    let undone: IndexMap<HostId, Timed<Outcome>> = on_all(
        done.iter_mut().map(|(id, timed)| (id, (&parts[id], std::mem::replace(&mut timed.value, Err(Cause::Another))))),
        |_, (part, result)| match (result, otherwise) {
            (Ok(after), _) if !failed => Outcome::Done(after),
            (Ok(after), Otherwise::KeepGoing | Otherwise::Leave) => Outcome::Done(after),
            (Ok(_), Otherwise::RollBack) => {
                Outcome::Failed { cause: Cause::Another, then: back(part, &Cause::Another) }
            }
            (Err(cause), Otherwise::Leave) => Outcome::Failed { cause, then: Aftermath::Left },
            (Err(cause), Otherwise::RollBack | Otherwise::KeepGoing) => {
                let then = back(part, &cause);
                let cause = if first_hand(&cause) { cause } else { Cause::Another };
                Outcome::Failed { cause, then }
            }
        },
    );
    let took = |id: &HostId| done[id].took;
    undone
        .into_iter()
        .map(|(id, Timed { value, took: back })| {
            let took = took(&id) + back;
            (id, Timed { value, took })
        })
        .collect()
}

/// Does one host's steps, and finds nothing left to do.
fn one(part: &Part<'_>) -> Result<Box<Observed>, Cause> {
    if part.actions.is_empty() {
        return Ok(Box::new(part.before.clone()));
    }
    let after = part.host.apply(part.scope, part.actions, part.progress).map_err(Cause::Step)?;
    match plan(part.desired, &after) {
        Ok(rest) if rest.is_empty() => Ok(Box::new(after)),
        Ok(rest) => Err(Cause::NotWhole(rest)),
        Err(refusals) => Err(Cause::Refused(refusals)),
    }
}

fn back(part: &Part<'_>, cause: &Cause) -> Aftermath {
    if part.actions.is_empty() || matches!(cause, Cause::Step(StepError::Untouched(_))) {
        return Aftermath::AsBefore;
    }
    match part.host.undo(part.scope, part.before, part.flows) {
        Ok(()) => Aftermath::AsBefore,
        Err(NotUndone::Unseen(error)) if lost(&error) => Aftermath::Unknown,
        Err(NotUndone::Stopped(StepError::Failed { error, .. } | StepError::Untouched(error))) if lost(&error) => {
            Aftermath::Unknown
        }
        Err(error) => Aftermath::Stuck(error),
    }
}

/// Whether the host is out of reach, rather than unable.
fn lost(error: &HostError) -> bool {
    use crate::failure::codes;
    [codes::LOST, codes::SILENCE, codes::GARBAGE, codes::TOO_LARGE, codes::UNREACHABLE].contains(&error.code)
}

/// Does the work, and stops all parts as soon as `stop` is stopped.
fn watched<T>(parts: &IndexMap<HostId, Part<'_>>, stop: &Progress, work: impl FnOnce() -> T) -> T {
    const BETWEEN: Duration = Duration::from_millis(20);
    std::thread::scope(|scope| {
        let (finish, finished) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || {
            while finished.recv_timeout(BETWEEN) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                if stop.stopped() {
                    return parts.values().for_each(|part| part.progress.stop());
                }
            }
        });
        let result = work();
        drop(finish);
        result
    })
}
