//! The planner: from what is so and what should be to the ordered steps between them.

use serde::{Deserialize, Serialize};

use crate::names::LabName;
use crate::problem::Code;
use crate::resource::{Key, Resource};
use crate::state::{HostState, Loan, Observed};

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
}

/// The ordered steps from `observed` to `desired`, or all that is in the way.
pub fn plan(desired: &HostState, observed: &Observed) -> Result<Vec<Action>, Vec<Refusal>> {
    let _ = (desired, observed, Code(70));
    unimplemented!("being written")
}
