//! Back to how a lab was on a host: one more plan.

use netsim_core::plan::{Refusal, plan};
use netsim_core::resource::{Device, Netns, QdiscKind, Resource};
use netsim_core::state::{HostState, Observed, Scope};

use crate::backend::{Backend, HostError, Progress, StepError};

/// Why a lab is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotUndone {
    /// The host cannot be asked any more.
    #[error(transparent)]
    Unseen(HostError),
    /// Somebody took a name meanwhile.
    #[error("{}", .0.first().map_or_else(|| "refused".to_owned(), ToString::to_string))]
    Refused(Vec<Refusal>),
    /// A step back failed.
    #[error(transparent)]
    Stopped(StepError),
    /// All was done, and yet so many steps remain.
    #[error("{0} steps back were done, and do not show")]
    NotWhole(usize),
}

/// Brings back what a lab had on a host when it was observed as `before`.
pub async fn undo(
    backend: &impl Backend,
    scope: &Scope,
    before: &Observed,
    progress: &Progress,
) -> Result<(), NotUndone> {
    let now = backend.observe(scope).await.map_err(NotUndone::Unseen)?;
    let steps = plan(&as_it_was(before, &now), &now).map_err(NotUndone::Refused)?;
    if steps.is_empty() {
        return Ok(());
    }
    let after = backend.apply(scope, &steps, progress).await.map_err(NotUndone::Stopped)?;
    match plan(&as_it_was(before, &after), &after) {
        Ok(rest) if rest.is_empty() => Ok(()),
        Ok(rest) => Err(NotUndone::NotWhole(rest.len())),
        Err(refusals) => Err(NotUndone::Refused(refusals)),
    }
}

/// What the lab had, in a form that can be wanted: without what a crash had left, and without programs, which do not run again.
pub fn as_it_was(before: &Observed, now: &Observed) -> HostState {
    let wanted = |resource: &&Resource| match resource {
        Resource::Netns(Netns { mounted, .. }) => *mounted,
        Resource::Device(Device::Stray { .. }) => false,
        Resource::Ran(_) => now.ours.get(&resource.key()) == Some(*resource),
        Resource::Device(_) | Resource::Up(_) | Resource::Port(_) | Resource::Address(_) => true,
        Resource::PortVlans(_) | Resource::Tuning(_) | Resource::Route(_) | Resource::Sysctl(_) => true,
        Resource::Qdisc(q) => !matches!(q.kind, QdiscKind::Other(_)),
    };
    let ours = before.ours.iter().map(|(_, r)| r).filter(wanted);
    ours.chain(before.loans.values().map(|held| &held.loan.set)).cloned().collect()
}
