//! The planner: from what is so and what should be to the ordered steps between them.

use serde::{Deserialize, Serialize};

use crate::names::LabName;
use crate::resource::{Key, Resource};
use crate::state::{HostState, Loan, Observed};

mod depth;
mod fate;
mod loans;
mod refuse;

use depth::Depths;
use fate::{Fate, Fates};
pub use refuse::codes;

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Makes what is not there.
    Create(Resource),
    /// Turns what is there into what is wanted, in place.
    Update {
        /// As it is.
        from: Resource,
        /// As it shall be.
        to: Resource,
    },
    /// Takes away what is there.
    Delete(Resource),
    /// Writes into the ledger that something of others is about to be changed, and how it was.
    Borrow(Loan),
    /// Strikes a loan from the ledger; the update that restores it has gone before.
    GiveBack(Loan),
}

impl Action {
    /// The resources that it is about: as they are, and as they shall be.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> + Clone {
        let (from, to) = match self {
            Action::Create(to) => (None, Some(to)),
            Action::Update { from, to } => (Some(from), Some(to)),
            Action::Delete(from) => (Some(from), None),
            Action::Borrow(loan) | Action::GiveBack(loan) => (Some(&loan.was), Some(&loan.set)),
        };
        from.into_iter().chain(to)
    }
}

/// Why a plan cannot be made: a wanted name that is not ours to take, or a feature that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Its code, as number.
    pub code: u16,
    /// The name in question.
    pub key: Key,
    /// Whose it is, where that is known.
    pub lab: Option<LabName>,
    /// What is in the way.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Of a feature that is missing: all that needs it.
    pub needed_by: Vec<Key>,
}

/// The ordered steps from `observed` to `desired`, or all that is in the way.
///
/// First the updates that save something from going with what goes (make before break), then the deletions, the deepest first,
/// without those that happen by themselves, then what was borrowed and is given back, then creations and updates, the shallowest first.
/// Ties break by key: equal input gives equal output, byte for byte.
pub fn plan(desired: &HostState, observed: &Observed) -> Result<Vec<Action>, Vec<Refusal>> {
    let fates = Fates::of(desired, &observed.ours);
    let refusals = refuse::refusals(desired, observed, &fates);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut actions = rescues(desired, &observed.ours, &fates);
    actions.extend(deletions(desired, &observed.ours, &fates));
    actions.extend(loans::returns(desired, observed));
    actions.extend(builds(desired, observed, &fates));
    Ok(actions)
}

fn rescues(desired: &HostState, ours: &HostState, fates: &Fates) -> Vec<Action> {
    let saved = |at: &usize| fates.of_position(*at) == Fate::Rescued;
    let mut saved: Vec<usize> = (0..ours.len()).filter(saved).collect();
    let mut depths = Depths::of(ours);
    saved.sort_by_cached_key(|&at| (depths.of_position(at), ours.at(at).0.clone()));
    let update = |at: usize| {
        let (key, from) = ours.at(at);
        let to = desired.get(key).filter(|to| *to != from)?;
        Some(Action::Update { from: from.clone(), to: to.clone() })
    };
    saved.into_iter().filter_map(update).collect()
}

fn deletions(desired: &HostState, ours: &HostState, fates: &Fates) -> Vec<Action> {
    let mut depths = Depths::of(ours);
    let explicit = |at: &usize| fates.of_position(*at) == Fate::Gone && !fates.falls(desired, ours, *at);
    let mut gone: Vec<(u8, u32, usize)> =
        (0..ours.len()).filter(explicit).map(|at| (ours.at(at).1.stage(), depths.of_position(at), at)).collect();
    gone.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then_with(|| ours.at(a.2).0.cmp(ours.at(b.2).0)));
    gone.into_iter().map(|(.., at)| Action::Delete(ours.at(at).1.clone())).collect()
}

fn builds(desired: &HostState, observed: &Observed, fates: &Fates) -> Vec<Action> {
    let ours = &observed.ours;
    let mut depths = Depths::of(desired);
    let mut wanted: Vec<(u8, u32, usize)> =
        (0..desired.len()).map(|at| (desired.at(at).1.stage(), depths.of_position(at), at)).collect();
    wanted.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| desired.at(a.2).0.cmp(desired.at(b.2).0)));
    let mut actions = Vec::new();
    for (.., at) in wanted {
        let (key, to) = desired.at(at);
        match ours.get_full(key) {
            Some((now, from)) if fates.of_position(now) != Fate::Gone => {
                let from = fates.as_found(desired, ours, now).unwrap_or_else(|| from.clone());
                if from != *to && fates.of_position(now) == Fate::Stays {
                    actions.push(Action::Update { from, to: to.clone() });
                }
            }
            Some(_) | None => {
                actions.extend(loans::takes(to, observed).unwrap_or_else(|| vec![Action::Create(to.clone())]))
            }
        }
    }
    actions
}
