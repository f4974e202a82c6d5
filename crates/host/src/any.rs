//! The one list of backends.

use netsim_core::plan::Action;
use netsim_core::state::{Observed, Scope};

use crate::backend::{Backend, HostError, Progress, StepError};
use crate::local::Local;
use crate::remote::Remote;
use crate::sim::SimHost;

/// A backend of one kind or another.
#[derive(Debug, Clone)]
pub enum AnyBackend {
    /// This machine: its kernel, and its Open vSwitch where there is one.
    Local(Local),
    /// A kernel in memory.
    Sim(SimHost),
    /// Another machine's kernel, through its agent.
    Remote(Remote),
}

impl Backend for AnyBackend {
    async fn observe(&self, scope: &Scope) -> Result<Observed, HostError> {
        match self {
            AnyBackend::Local(local) => local.observe(scope).await,
            AnyBackend::Sim(sim) => sim.observe(scope).await,
            AnyBackend::Remote(remote) => remote.observe(scope).await,
        }
    }

    async fn apply(&self, scope: &Scope, actions: &[Action], progress: &Progress) -> Result<Observed, StepError> {
        match self {
            AnyBackend::Local(local) => local.apply(scope, actions, progress).await,
            AnyBackend::Sim(sim) => sim.apply(scope, actions, progress).await,
            AnyBackend::Remote(remote) => remote.apply(scope, actions, progress).await,
        }
    }
}
