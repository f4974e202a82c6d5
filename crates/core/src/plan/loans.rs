//! What is borrowed from others and given back.

use super::Action;
use crate::resource::Resource;
use crate::state::{HostState, Loan, Observed};

/// The steps that set something of others as wanted; none where it is not a thing to borrow.
pub(super) fn takes(to: &Resource, observed: &Observed) -> Option<Vec<Action>> {
    let key = to.key();
    let now = observed.others.get(&key)?.resource.as_ref().filter(|now| now.can_be_lent() && to.can_be_lent())?;
    let mut from = now;
    let mut actions = Vec::new();
    match observed.loans.get(&key).map(|held| &held.loan) {
        Some(loan) if loan.set == *to => {}
        Some(loan) => {
            // Between the ledger and the change the ledger would not know the value as ours, and nobody would give it back.
            if *now == loan.set && *now != loan.was {
                actions.push(Action::Update { from: now.clone(), to: loan.was.clone() });
                from = &loan.was;
            }
            actions.push(Action::Borrow(Loan { was: loan.was.clone(), set: to.clone() }));
        }
        None => actions.push(Action::Borrow(Loan { was: now.clone(), set: to.clone() })),
    }
    if from != to {
        actions.push(Action::Update { from: from.clone(), to: to.clone() });
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
