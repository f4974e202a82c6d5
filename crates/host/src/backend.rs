//! What every backend can do: observe and apply. It decides nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use netsim_core::plan::Action;
use netsim_core::state::{Observed, Scope};

/// A means to ask a host and to tell it.
pub trait Backend {
    /// What is so on the host.
    fn observe(&self, scope: &Scope) -> impl Future<Output = Result<Observed, HostError>>;

    /// Does the actions, respecting what each needs, and observes what is so after them. The actions need not be done in the order of the list.
    fn apply(
        &self,
        scope: &Scope,
        actions: &[Action],
        progress: &Progress,
    ) -> impl Future<Output = Result<Observed, StepError>>;
}

/// How far an apply has come, and whether it shall stop. Clones are handles on one and the same.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    done: AtomicUsize,
    stop: AtomicBool,
}

impl Progress {
    /// Actions done so far.
    pub fn done(&self) -> usize {
        self.shared.done.load(Ordering::Relaxed)
    }

    /// Counts actions as done.
    pub fn add(&self, actions: usize) {
        self.shared.done.fetch_add(actions, Ordering::Relaxed);
    }

    /// Asks the backend to stop at the next safe point.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it has been asked to stop.
    pub fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }
}

/// What a machine answered that is no success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("{doing}: {message}")]
pub struct HostError {
    /// The stable code, as in `docs/errors.md`.
    pub code: u16,
    /// What was being done: `create device cluster-a/eth0`.
    pub doing: String,
    /// What the kernel said: errno's name and text, and its extended-ACK text.
    pub message: String,
    /// The errno, where there is one.
    pub errno: Option<i32>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Why an apply did not do all of its actions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepError {
    /// An action failed; what was done before it stays.
    #[error("{error}")]
    Failed {
        /// The action, by its index in the list.
        action: Option<usize>,
        /// What happened.
        error: HostError,
    },
    /// It could not begin: nothing was touched.
    #[error("{0}")]
    Untouched(HostError),
    /// It was asked to stop.
    #[error("interrupted")]
    Interrupted,
}
