//! The kernel of this machine as a backend: namespaces, devices, addresses and routes over netlink.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use netsim_core::names::{IfName, LabName};
use netsim_core::plan::Action;
use netsim_core::resource::{Key, NetnsId, Resource};
use netsim_core::state::{Observed, Scope};

use crate::backend::{Backend, HostError, Progress, StepError};

pub mod errors;

mod address;
mod apply;
mod attributes;
mod barrier;
mod device;
mod facts;
mod generic;
pub mod learnt;
mod ledger;
mod neighbour;
mod netns;
mod observe;
mod peers;
mod private_mount;
mod qdisc;
mod ran;
mod read_back;
mod route;
mod spaces;
mod switched;
mod sysctl;
mod tuning;
mod tunnels;

use apply::Run;
pub(crate) use apply::{Step, drain, saves};
pub(crate) use observe::Known;
pub(crate) use switched::{Devices, Switched, in_datapath, is_left};

/// Where things are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The names of network namespaces.
    pub netns: PathBuf,
    /// The ledger of loans.
    pub state: PathBuf,
}

impl Default for Paths {
    fn default() -> Self {
        Paths { netns: "/run/netns".into(), state: "/run/netsim".into() }
    }
}

/// The kernel that this process runs on.
#[derive(Debug, Clone, Default)]
pub struct Linux {
    paths: Paths,
    /// What was seen last, and what was asked then.
    seen: Arc<Mutex<Option<(Scope, Known)>>>,
}

impl Linux {
    /// The kernel, with names and ledger in these places.
    pub fn new(paths: Paths) -> Self {
        Linux { paths, seen: Arc::default() }
    }

    /// As [`Backend::observe`], on the calling thread's time.
    pub fn observe_now(&self, scope: &Scope) -> Result<Observed, HostError> {
        self.look(scope, &Switched::default(), Known::default()).map(|(observed, _)| observed)
    }

    /// What is so beside Open vSwitch, and which devices there are that it can have to do with.
    pub(crate) fn look(
        &self,
        scope: &Scope,
        switched: &Switched,
        known: Known,
    ) -> Result<(Observed, Devices), HostError> {
        let sight = on_a_thread_of_its_own(|| observe::observe(&self.paths, scope, switched, known));
        let (observed, seen, devices) = sight?;
        *self.seen.lock().expect("nobody panics with it") = Some((scope.clone(), seen));
        Ok((observed, devices))
    }

    /// What was seen last in namespaces that these actions do not touch: it still is so, for the lab is locked. A program may touch whatever it likes,
    /// and what stands on a device of another namespace goes with that.
    pub(crate) fn untouched(&self, scope: &Scope, actions: &[Action]) -> Known {
        let resources = actions.iter().flat_map(Action::resources);
        let seen = self.seen.lock().expect("nobody panics with it").take();
        match seen.filter(|(asked, _)| asked == scope) {
            Some((_, mut known)) if !resources.clone().any(|r| matches!(r, Resource::Ran(_))) => {
                for name in resources.flat_map(Resource::claims) {
                    match name {
                        Key::Netns(netns) => drop(known.remove(&netns)),
                        name => match name.netns() {
                            NetnsId::Named(netns) => drop(known.remove(&netns)),
                            NetnsId::Host => {}
                        },
                    }
                }
                known.retain(|_, space| !space.leans_on_others());
                known
            }
            Some(_) | None => Known::default(),
        }
    }

    /// Does a plan's actions, but for what is of Open vSwitch, without looking at what is so after them.
    pub fn do_now(&self, lab: &LabName, actions: &[Action], progress: &Progress) -> Result<(), StepError> {
        let steps: Vec<Step> = actions.iter().enumerate().collect();
        self.do_steps(lab, actions, &steps, &BTreeSet::new(), progress)
    }

    /// Does these of a plan's actions; `made` are devices that Open vSwitch has made for the lab.
    pub(crate) fn do_steps(
        &self,
        lab: &LabName,
        actions: &[Action],
        steps: &[Step],
        made: &BTreeSet<IfName>,
        progress: &Progress,
    ) -> Result<(), StepError> {
        let run = Run { paths: &self.paths, lab, actions, made, progress };
        on_a_thread_of_its_own(|| apply::apply(&run, steps))
    }

    /// The labs that have a namespace here, by their marks.
    pub fn labs(&self) -> Result<BTreeSet<LabName>, HostError> {
        let names = netns::names(&self.paths.netns).map_err(|e| errors::system("list the network namespaces", &e))?;
        // Whoever is asked for: the marks of all others are told as well.
        let lab = LabName::new("netsim").expect("a constant");
        let observed =
            self.observe_now(&Scope { names: names.into_iter().map(Key::Netns).collect(), ..Scope::lab(&lab) })?;
        let mut labs: BTreeSet<LabName> = observed.others.into_values().filter_map(|foreign| foreign.lab).collect();
        if !observed.ours.is_empty() {
            labs.insert(lab);
        }
        Ok(labs)
    }

    /// As [`Backend::apply`], on the calling thread's time. Afterwards it looks again at the host's namespace and at those that the actions touched.
    pub fn apply_now(&self, scope: &Scope, actions: &[Action], progress: &Progress) -> Result<Observed, StepError> {
        let untouched = self.untouched(scope, actions);
        self.do_now(&scope.lab, actions, progress)?;
        let seen = self.look(scope, &Switched::default(), untouched);
        seen.map(|(observed, _)| observed).map_err(|error| StepError::Failed { action: None, error })
    }
}

/// Waits until the kernel has freed all namespaces that were dropped before, with what was in them.
pub fn settle() -> Result<(), HostError> {
    on_a_thread_of_its_own(barrier::settle)
        .map_err(|e| errors::system("wait until the kernel has freed what was dropped", &e))
}

/// The work moves its thread from namespace to namespace: it is never one that anybody else uses, and it ends when the work does.
fn on_a_thread_of_its_own<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl Backend for Linux {
    async fn observe(&self, scope: &Scope) -> Result<Observed, HostError> {
        let (linux, scope) = (self.clone(), scope.clone());
        in_the_background(move || linux.observe_now(&scope)).await
    }

    async fn apply(&self, scope: &Scope, actions: &[Action], progress: &Progress) -> Result<Observed, StepError> {
        let (linux, scope, actions, progress) = (self.clone(), scope.clone(), actions.to_vec(), progress.clone());
        in_the_background(move || linux.apply_now(&scope, &actions, &progress)).await
    }
}

pub(crate) async fn in_the_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic()))
}
