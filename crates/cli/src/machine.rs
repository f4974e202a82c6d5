//! The machine that a command works on: this one's kernel, or one in memory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use netsim_core::names::LabName;
use netsim_core::plan::Action;
use netsim_core::resource::{Key, NetnsId};
use netsim_core::state::{Observed, Scope};
use netsim_host::backend::{Backend, HostError, Progress, StepError};
use netsim_host::linux::learnt::Learnt;
use netsim_host::linux::{self, Paths};
use netsim_host::lock::{self, LabLock};
use netsim_host::rootless::{self, Mode, Standing};
use netsim_host::sim::SimHost;
use netsim_host::store;
use netsim_host::{AnyBackend, Local};

use crate::args::{BackendChoice, Global};
use crate::error::{Failure, codes};
use crate::screen::{DIM, Screen, paint};

/// A backend, where its labs are kept account of, and what drives it.
pub struct Machine {
    backend: AnyBackend,
    /// Where locks and what was applied are.
    state: PathBuf,
    standing: Option<Standing>,
    runtime: tokio::runtime::Runtime,
}

/// Does the work on the machine that the command line names, and leaves it.
pub fn with<T>(
    global: &Global,
    screen: &Screen,
    work: impl FnOnce(&Machine) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let machine = Machine::open(global, screen)?;
    let result = work(&machine);
    let left = machine.standing.map_or(Ok(()), Standing::leave);
    let value = result?;
    left?;
    Ok(value)
}

impl Machine {
    fn open(global: &Global, screen: &Screen) -> Result<Self, Failure> {
        // Entering a user namespace takes a process of one thread: before the runtime starts.
        let standing = match global.backend {
            BackendChoice::Linux => Some(rootless::enter(mode(global))?),
            BackendChoice::Sim => None,
        };
        if let Some(Standing::Rootless(stay)) = &standing
            && let Some(pid) = stay.lost
        {
            screen.warn(&format!("the keeper of the rootless labs (process {pid}) had ended, and every lab with it\n"));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| Failure::new(codes::FILE, format!("start the runtime: {e}")))?;
        let (backend, state) = match &standing {
            Some(_) => {
                let local = Local::new(Paths::default(), global.db.clone());
                (AnyBackend::Local(local), PathBuf::from(lock::STATE))
            }
            None => {
                let file = sim_file(global)?;
                let state = file.with_extension("labs");
                (AnyBackend::Sim(SimHost::new(file)), state)
            }
        };
        Ok(Machine { backend, state, standing, runtime })
    }

    /// Where what was applied is stored.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Whether it is a kernel in memory.
    pub fn is_simulated(&self) -> bool {
        self.standing.is_none()
    }

    /// What it is, for the head of a plan.
    pub fn words(&self) -> &'static str {
        match &self.standing {
            None => "the simulator",
            Some(Standing::Root) => "this machine",
            Some(Standing::Rootless(_)) => "this machine, rootless",
        }
    }

    /// What is so.
    pub fn observe(&self, scope: &Scope) -> Result<Observed, HostError> {
        if matches!(self.standing, Some(Standing::Rootless(_))) && scope.names.iter().any(|k| matches!(k, Key::Ovs(_)))
        {
            return Err(out_of_reach());
        }
        self.runtime.block_on(self.backend.observe(scope))
    }

    /// Does the actions and says what is so after them.
    pub fn apply(&self, scope: &Scope, actions: &[Action], progress: &Progress) -> Result<Observed, StepError> {
        self.runtime.block_on(self.backend.apply(scope, actions, progress))
    }

    /// The labs that are there, by what is marked as theirs or stored of them.
    pub fn labs(&self) -> Result<BTreeSet<LabName>, HostError> {
        let mut labs = match &self.backend {
            AnyBackend::Local(local) => local.labs()?,
            AnyBackend::Sim(sim) => sim.with(|sim| sim.labs())?,
            AnyBackend::Remote(remote) => remote.labs()?,
        };
        labs.extend(store::labs(&self.state)?);
        Ok(labs)
    }

    /// What the kernel has learnt by itself in a namespace; one in memory learns nothing.
    pub fn learnt(&self, netns: &NetnsId) -> Result<Learnt, HostError> {
        match &self.backend {
            AnyBackend::Local(_) => linux::learnt::learnt(netns),
            AnyBackend::Sim(_) => Ok(Learnt::default()),
            AnyBackend::Remote(remote) => remote.learnt(netns),
        }
    }

    /// Waits until the kernel has freed what was deleted.
    pub fn settle(&self) -> Result<(), HostError> {
        match &self.backend {
            AnyBackend::Local(_) => linux::settle(),
            AnyBackend::Sim(_) => Ok(()),
            AnyBackend::Remote(remote) => remote.settle(),
        }
    }

    /// The lock of a lab; says so when it has to wait.
    pub fn lock(&self, lab: &LabName, screen: &Screen) -> Result<LabLock, Failure> {
        let mut waiting = |holder: Option<u32>| {
            let who =
                holder.map_or_else(|| "another netsim".to_owned(), |pid| format!("another netsim (process {pid})"));
            screen.warn(&format!("{}\n", paint(DIM, &format!("waiting for {who} to be done with lab {lab} …"))));
        };
        Ok(LabLock::take(&self.state, lab, &mut waiting)?)
    }
}

/// Open vSwitch works in the network namespace that it was started in.
fn out_of_reach() -> HostError {
    HostError {
        code: codes::OUT_OF_REACH,
        doing: "look at Open vSwitch".to_owned(),
        message: "it has no part in a network namespace of a user's own".to_owned(),
        errno: None,
        hint: Some("run netsim as root, or make the switch a `kind: bridge`".to_owned()),
    }
}

fn mode(global: &Global) -> Mode {
    match (global.root, global.rootless) {
        (true, _) => Mode::Root,
        (_, true) => Mode::Rootless,
        (false, false) => Mode::Auto,
    }
}

/// Where the kernel in memory is kept: as the command line says, the environment, or beside other programs' state.
pub fn sim_file(global: &Global) -> Result<PathBuf, Failure> {
    if let Some(file) = global.sim_file.clone().or_else(|| std::env::var_os("NETSIM_SIM").map(PathBuf::from)) {
        return Ok(file);
    }
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let home = || std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".local/state"));
    let folder = state.or_else(home).ok_or_else(|| {
        Failure::hinted(
            codes::SIMULATED,
            "there is no HOME to keep the simulator's state in",
            "name a file: --sim-file FILE",
        )
    })?;
    let folder = folder.join("netsim");
    std::fs::create_dir_all(&folder).map_err(|e| Failure::file("make", &folder, &e))?;
    Ok(folder.join("sim.json"))
}
