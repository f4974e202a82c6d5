//! The ledger of the simulated host: what labs have borrowed, and how it was.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Errno, SimError, fail};
use crate::names::LabName;
use crate::resource::{Key, Resource};
use crate::state::{Held, Loan};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    #[serde(with = "indexmap::map::serde_seq")]
    entries: IndexMap<Key, Lent>,
}

/// One thing that is lent, to one lab or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lent {
    was: Resource,
    set: BTreeMap<LabName, Resource>,
}

impl Ledger {
    /// Writes a loan down. The first one keeps how it was; another lab's, or a second one of the same lab, changes only how it shall be.
    pub fn borrow(&mut self, lab: &LabName, loan: &Loan, now: Option<&Resource>) -> Result<(), SimError> {
        let key = loan.was.key();
        if !loan.was.can_be_lent() || loan.set.key() != key {
            return fail(Errno::Inval, format!("{key} cannot be lent"));
        }
        if !self.entries.contains_key(&key) && now != Some(&loan.was) {
            return fail(Errno::Stale, format!("{key} is not as it was"));
        }
        let lent = self.entries.entry(key).or_insert_with(|| Lent { was: loan.was.clone(), set: BTreeMap::new() });
        lent.set.insert(lab.clone(), loan.set.clone());
        Ok(())
    }

    pub fn give_back(&mut self, lab: &LabName, key: &Key) -> Result<(), SimError> {
        let lent = self.entries.get_mut(key);
        if lent.is_none_or(|lent| lent.set.remove(lab).is_none()) {
            return fail(Errno::NoEnt, format!("{lab} has not borrowed {key}"));
        }
        self.entries.retain(|_, lent| !lent.set.is_empty());
        Ok(())
    }

    pub fn holds(&self, lab: &LabName, key: &Key) -> bool {
        self.entries.get(key).is_some_and(|lent| lent.set.contains_key(lab))
    }

    /// What a lab has borrowed.
    pub fn of<'a>(&'a self, lab: &'a LabName) -> impl Iterator<Item = (&'a Key, Held)> {
        self.entries.iter().filter_map(move |(key, lent)| {
            let loan = Loan { was: lent.was.clone(), set: lent.set.get(lab)?.clone() };
            Some((key, Held { loan, shared: lent.set.len() > 1 }))
        })
    }

    /// Another lab that has borrowed the same thing.
    pub fn other(&self, lab: &LabName, key: &Key) -> Option<&LabName> {
        self.entries.get(key)?.set.keys().find(|l| *l != lab)
    }
}
