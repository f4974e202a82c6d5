//! What is borrowed from others and given back.

use super::Action;
use crate::resource::Resource;
use crate::state::{HostState, Loan, Observed};

/// The steps that set something of others as wanted; none where it is not a thing to borrow.
pub(super) fn takes(to: &Resource, observed: &Observed) -> Option<Vec<Action>> {
    let key = to.key();
    let now = observed.others.get(&key)?.resource.as_ref().filter(|now| now.can_be_lent() && to.can_be_lent())?;
    let held = observed.loans.get(&key);
    let mut actions = Vec::new();
    if held.is_none_or(|h| h.loan.set != *to) {
        let was = held.map_or(now, |h| &h.loan.was).clone();
        actions.push(Action::Borrow(Loan { was, set: to.clone() }));
    }
    if now != to {
        actions.push(Action::Update { from: now.clone(), to: to.clone() });
    }
    Some(actions)
}

/// The steps that give back what is no longer wanted: restored by the last lab to leave, and only if it still is as it was set.
pub(super) fn returns(desired: &HostState, observed: &Observed) -> Vec<Action> {
    let mut done: Vec<_> = observed.loans.iter().filter(|(key, _)| desired.get(key).is_none()).collect();
    done.sort_by_key(|(key, _)| *key);
    let mut actions = Vec::new();
    for (key, held) in done {
        let now = observed.others.get(key).and_then(|f| f.resource.as_ref());
        if let Some(now) = now.filter(|now| !held.shared && **now == held.loan.set && **now != held.loan.was) {
            actions.push(Action::Update { from: now.clone(), to: held.loan.was.clone() });
        }
        actions.push(Action::GiveBack(held.loan.clone()));
    }
    actions
}
