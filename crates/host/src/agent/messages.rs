//! What a netsim and its agent say to each other: one message a line.

use std::collections::BTreeSet;

use netsim_core::names::LabName;
use netsim_core::plan::Action;
use netsim_core::resource::NetnsId;
use netsim_core::state::{Observed, Scope};
use serde::{Deserialize, Serialize};

use crate::backend::{HostError, StepError};
use crate::linux::learnt::Learnt;
use crate::probe::{Options, Outcome, Ping};

/// The version of these messages. It changes with each change of them and of what they carry.
pub const PROTOCOL: u32 = 1;

/// What an agent says first, unasked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum First {
    /// That it is one.
    NetsimAgent(Hello),
}

/// Who an agent is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// The version of the messages that it understands.
    pub(crate) protocol: u32,
    /// netsim's version.
    pub(crate) version: String,
    /// The SHA-256 of its program.
    pub(crate) build: String,
    /// Which machine it works on, as [`crate::machine::this`] has it.
    #[serde(default)]
    pub(crate) machine: Option<String>,
    /// Why it can do nothing there.
    pub(crate) refused: Option<HostError>,
}

/// What an agent is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ToAgent {
    /// A sign of life.
    Beat,
    /// To do something; it answers with the same number.
    Ask { id: u64, request: Request },
    /// To stop what was asked under this number at the next safe point.
    Interrupt { id: u64 },
}

/// What an agent says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FromAgent {
    /// A sign of life.
    Beat,
    /// How far it has come.
    Note { id: u64, note: Note },
    /// That it is done.
    Answer { id: u64, answer: Result<Answer, StepError> },
}

/// What an agent can be asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Request {
    /// To take the lock of a lab. What is done under it is undone if the connection is lost before `Keep`.
    Lock {
        lab: LabName,
        busy: Busy,
    },
    /// To leave what was done under the lock as it is, and to let go of the lock.
    Keep,
    Observe {
        scope: Scope,
    },
    Apply {
        scope: Scope,
        actions: Vec<Action>,
        on_loss: OnLoss,
    },
    /// What is stored of a lab.
    Load {
        lab: LabName,
    },
    /// To store this of the locked lab.
    Save {
        text: String,
    },
    /// To forget what is stored of the locked lab.
    Forget,
    Labs,
    Ping {
        sources: Vec<NetnsId>,
        pings: Vec<Ping>,
        options: Options,
    },
    Learnt {
        netns: NetnsId,
    },
    Settle,
}

/// What to do when another process has a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Busy {
    /// To wait for it.
    Wait,
    /// To say so.
    Say,
}

/// What becomes of what was done when the connection is lost before it is said to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnLoss {
    /// The agent brings back what was before.
    #[default]
    RollBack,
    /// It stays as far as it has come: a destroy goes on later.
    Leave,
}

/// Something told before the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Note {
    /// Another process has the lock; its number there.
    Waiting(Option<u32>),
    /// So many actions are done.
    Done(usize),
    /// The outcomes of some pings, with their places.
    Outcomes(Vec<(usize, Outcome)>),
}

/// What an agent answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    Done,
    /// Another process has the lock.
    Busy,
    Observed(Box<Observed>),
    Stored(Option<String>),
    Labs(BTreeSet<LabName>),
    Learnt(Learnt),
}
