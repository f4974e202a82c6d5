//! A host: how it is asked and told, and where its labs are kept account of.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use netsim_core::names::{HostId, LabName};
use netsim_core::plan::Action;
use netsim_core::resource::NetnsId;
use netsim_core::state::{Observed, Scope};

use crate::agent::OnLoss;
use crate::any::AnyBackend;
use crate::backend::{Backend, HostError, Progress, StepError};
use crate::failure::{codes, refused};
use crate::linux::learnt::Learnt;
use crate::lock::LabLock;
use crate::probe::{self, Options, Outcome, Ping};
use crate::undo::{NotUndone, undo};
use crate::{linux, lock, store};

/// A machine whose kernel is programmed: this one, one in memory, or one that is reached by its agent. It has the lock of at most one lab.
#[derive(Debug)]
pub struct Host {
    id: HostId,
    backend: AnyBackend,
    /// Where locks and what was applied are; of no meaning for one with an agent, which knows by itself.
    state: PathBuf,
    /// The address of this machine by which SSH reached it, for an agent.
    reached: Option<IpAddr>,
    held: Mutex<Option<LabLock>>,
}

impl Host {
    /// A host with its state where every netsim looks for it.
    pub fn new(id: HostId, backend: AnyBackend) -> Self {
        Host::keeping(id, backend, lock::STATE.into())
    }

    /// A host with its state in this directory.
    pub fn keeping(id: HostId, backend: AnyBackend, state: PathBuf) -> Self {
        Host { id, backend, state, reached: None, held: Mutex::new(None) }
    }

    /// The same, reached over SSH by this address of its own: what is observed tells it.
    #[must_use]
    pub fn reached(self, reached: Option<IpAddr>) -> Self {
        Host { reached, ..self }
    }

    /// What the topology calls it.
    pub fn id(&self) -> &HostId {
        &self.id
    }

    /// What asks and tells it.
    pub fn backend(&self) -> &AnyBackend {
        &self.backend
    }

    /// Takes the lock of a lab. If another process has it, `waiting` is told its number there, where that is known, and then it is waited for.
    pub fn lock(&self, lab: &LabName, waiting: &mut dyn FnMut(Option<u32>)) -> Result<(), HostError> {
        match &self.backend {
            AnyBackend::Remote(remote) => remote.lock(lab, waiting),
            AnyBackend::Local(_) | AnyBackend::Sim(_) => {
                self.hold(LabLock::take(&self.state, lab, waiting)?);
                Ok(())
            }
        }
    }

    /// Takes the lock of a lab unless another process has it; its number there then, where that is known.
    pub(crate) fn try_lock(&self, lab: &LabName) -> Result<Result<(), Option<u32>>, HostError> {
        Ok(LabLock::try_take(&self.state, lab)?.map(|lock| self.hold(lock)))
    }

    /// Takes the lock of a lab and looks at it: one round trip. It waits, and must not be called where a runtime is at work.
    pub fn begin(&self, scope: &Scope, waiting: &mut dyn FnMut(Option<u32>)) -> Result<Observed, HostError> {
        match &self.backend {
            AnyBackend::Remote(remote) => remote.begin(scope, waiting),
            AnyBackend::Local(_) | AnyBackend::Sim(_) => {
                self.lock(&scope.lab, waiting)?;
                self.observe(scope)
            }
        }
    }

    /// The same, unless another process has the lock.
    pub(crate) fn try_begin(&self, scope: &Scope) -> Result<Begun, HostError> {
        match &self.backend {
            AnyBackend::Remote(remote) => remote.try_begin(scope),
            AnyBackend::Local(_) | AnyBackend::Sim(_) => match self.try_lock(&scope.lab)? {
                Ok(()) => self.observe(scope).map(Begun::observed),
                Err(_) => Ok(Begun::Busy),
            },
        }
    }

    /// As [`Backend::observe`]; it waits, and must not be called where a runtime is at work. Without a lab's lock nothing will be changed, and what hangs is not
    /// waited for.
    pub fn observe(&self, scope: &Scope) -> Result<Observed, HostError> {
        let observed = match &self.backend {
            AnyBackend::Local(local) if self.locked().is_none() => wait(local.clone().in_passing().observe(scope)),
            AnyBackend::Local(_) | AnyBackend::Sim(_) | AnyBackend::Remote(_) => wait(self.backend.observe(scope)),
        };
        observed.map(|observed| self.seen(observed))
    }

    /// As [`Backend::apply`]; it waits, and must not be called where a runtime is at work.
    pub fn apply(&self, scope: &Scope, actions: &[Action], progress: &Progress) -> Result<Observed, StepError> {
        wait(self.backend.apply(scope, actions, progress)).map(|observed| self.seen(observed))
    }

    /// What was observed, with what an agent alone knows.
    fn seen(&self, mut observed: Observed) -> Observed {
        observed.facts.reached = self.reached.or(observed.facts.reached);
        observed
    }

    /// Brings back what a lab had here when it was observed as `before`, with the texts of its flows; it waits, and must not be called where a runtime is at work.
    pub fn undo(&self, scope: &Scope, before: &Observed, flows: &[String]) -> Result<(), NotUndone> {
        wait(undo(&self.backend, scope, before, flows, &Progress::default()))
    }

    /// What shall become of what is done from now on if the connection to an agent is lost. A lab of this machine's own outlives us as it is.
    pub fn on_loss(&self, what: OnLoss) {
        match &self.backend {
            AnyBackend::Remote(remote) => remote.on_loss(what),
            AnyBackend::Local(_) | AnyBackend::Sim(_) => {}
        }
    }

    /// Leaves what was done under the lock as it is, and lets go of it: until then an agent brings back what was before if it loses its netsim.
    pub fn keep(&self) -> Result<(), HostError> {
        match &self.backend {
            AnyBackend::Remote(remote) => remote.keep(),
            AnyBackend::Local(_) | AnyBackend::Sim(_) => {
                self.locked().take();
                Ok(())
            }
        }
    }

    /// What is stored of a lab, if anything is.
    pub fn load(&self, lab: &LabName) -> Result<Option<String>, HostError> {
        match &self.backend {
            AnyBackend::Remote(remote) => remote.load(lab),
            AnyBackend::Local(_) | AnyBackend::Sim(_) => store::load_text(&self.state, lab),
        }
    }

    /// Stores what is being applied of the locked lab.
    pub fn save(&self, text: &str) -> Result<(), HostError> {
        match &self.backend {
            AnyBackend::Remote(remote) => remote.save(text),
            AnyBackend::Local(_) | AnyBackend::Sim(_) => self.with_lock(|lock| store::save_text(lock, text)),
        }
    }

    /// Stores what has been applied of the locked lab, and says that it stays: to an agent in one round trip.
    pub fn save_and_keep(&self, text: &str) -> Result<(), HostError> {
        match &self.backend {
            AnyBackend::Remote(remote) => remote.save_and_keep(text),
            AnyBackend::Local(_) | AnyBackend::Sim(_) => self.save(text).and_then(|()| self.keep()),
        }
    }

    /// Forgets what is stored of the locked lab, and says that what was done stays: to an agent in one round trip.
    pub fn forget_and_keep(&self) -> Result<(), HostError> {
        match &self.backend {
            AnyBackend::Remote(remote) => remote.forget_and_keep(),
            AnyBackend::Local(_) | AnyBackend::Sim(_) => self.forget().and_then(|()| self.keep()),
        }
    }

    /// Forgets what is stored of the locked lab.
    pub fn forget(&self) -> Result<(), HostError> {
        match &self.backend {
            AnyBackend::Remote(remote) => remote.forget(),
            AnyBackend::Local(_) | AnyBackend::Sim(_) => self.with_lock(store::forget),
        }
    }

    /// The labs that are there, by what is marked as theirs or stored of them.
    pub fn labs(&self) -> Result<BTreeSet<LabName>, HostError> {
        let mut labs = match &self.backend {
            AnyBackend::Remote(remote) => return remote.labs(),
            AnyBackend::Local(local) => local.labs()?,
            AnyBackend::Sim(sim) => sim.with(|sim| sim.labs())?,
        };
        labs.extend(store::labs(&self.state)?);
        Ok(labs)
    }

    /// What the kernel has learnt by itself in a namespace; one in memory learns nothing.
    pub fn learnt(&self, netns: &NetnsId) -> Result<Learnt, HostError> {
        match &self.backend {
            AnyBackend::Remote(remote) => remote.learnt(netns),
            AnyBackend::Local(_) => linux::learnt::learnt(netns),
            AnyBackend::Sim(_) => Ok(Learnt::default()),
        }
    }

    /// Waits until the kernel has freed what was deleted.
    pub fn settle(&self) -> Result<(), HostError> {
        match &self.backend {
            AnyBackend::Remote(remote) => remote.settle(),
            AnyBackend::Local(_) => linux::settle(),
            AnyBackend::Sim(_) => Ok(()),
        }
    }

    /// Asks pings as [`probe::ping`] does, from nodes there; a kernel in memory sends none.
    pub fn ping(
        &self,
        sources: &[NetnsId],
        pings: Vec<Ping>,
        options: &Options,
        progress: &Progress,
        mut tell: impl FnMut(usize, Outcome),
    ) -> Result<(), HostError> {
        match &self.backend {
            AnyBackend::Remote(remote) => remote.ping(sources, pings, options, progress, tell),
            AnyBackend::Local(_) => probe::ping(sources, pings, options, progress, |at, _, outcome| tell(at, outcome)),
            AnyBackend::Sim(_) => Err(refused(codes::PROBE, "send a probe", "a kernel in memory sends none")),
        }
    }

    /// Removes the locks that killed processes have left.
    pub(crate) fn sweep(&self) {
        lock::sweep(&self.state);
    }

    fn hold(&self, lock: LabLock) {
        *self.locked() = Some(lock);
    }

    fn locked(&self) -> MutexGuard<'_, Option<LabLock>> {
        self.held.lock().expect("nobody panics with it")
    }

    fn with_lock<T>(&self, work: impl FnOnce(&LabLock) -> Result<T, HostError>) -> Result<T, HostError> {
        match &*self.locked() {
            Some(lock) => work(lock),
            None => Err(unlocked(format!("store what was applied on {}", self.id))),
        }
    }
}

/// What came of trying to begin.
#[derive(Debug, Clone)]
pub(crate) enum Begun {
    /// The lab is locked, and this is so.
    Observed(Box<Observed>),
    /// Another process has the lock.
    Busy,
}

impl Begun {
    pub(crate) fn observed(observed: Observed) -> Self {
        Begun::Observed(Box::new(observed))
    }
}

/// That a lab is to be changed without its lock.
pub(crate) fn unlocked(doing: impl Into<String>) -> HostError {
    refused(codes::OUT_OF_TURN, doing, "the lab is not locked")
}

/// Waits for a backend on the calling thread.
fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime without clock and sockets asks nothing of the system").block_on(work)
}
