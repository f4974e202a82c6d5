//! This machine as a backend: its kernel, and the Open vSwitch that runs on it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use netsim_core::names::LabName;
use netsim_core::plan::Action;
use netsim_core::resource::{Key, Resource};
use netsim_core::state::{HostState, Observed, Scope};

use crate::backend::{Backend, HostError, Progress, StepError};
use crate::linux::{self, Known, Linux, Paths, Switched};
use crate::ovs::{self, Ovs, Rows, codes};

mod parts;
mod work;

use parts::Parts;
use work::Work;

/// How long Open vSwitch may take to answer somebody who does not know whether anything of a lab is there, and the switch itself somebody who changes nothing.
const QUIET_PATIENCE: Duration = Duration::from_secs(5);

/// The machine that this process runs on.
///
/// Where names of Open vSwitch are asked for it has to be there, to answer, and to be at work. Elsewhere it is looked for without a word, for a lab may
/// have left something there.
#[derive(Debug, Clone, Default)]
pub struct Local {
    linux: Linux,
    /// Where Open vSwitch's database is, if not at one of the usual places.
    database: Option<String>,
    patience: Option<Duration>,
    /// How long the switch itself may take to come up to its database and to tell its flows; none: as long as all else.
    for_switch: Option<Duration>,
    /// The rows that were seen last. Their names are never given again, so that it does no harm if they are old.
    seen: Arc<Mutex<Option<Rows>>>,
}

/// What came of looking for Open vSwitch.
enum Sought {
    /// It is there, and ready for anything.
    Ready(Ovs, Rows),
    /// Its database is there; nobody has looked for more.
    Quiet(Ovs, Rows),
    /// It is not to be had, for this reason.
    No(HostError),
}

impl Local {
    /// The machine, with names and ledger in these places, and with the Open vSwitch at this database or where [`Ovs::find`] finds it.
    pub fn new(paths: Paths, database: Option<String>) -> Self {
        Local { linux: Linux::new(paths), database, ..Local::default() }
    }

    /// The same, with so much patience with Open vSwitch.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Local { patience: Some(patience), ..self }
    }

    /// The same for somebody who will change nothing: a switch that hangs is told of soon, one that is busy is not waited for.
    #[must_use]
    pub fn in_passing(self) -> Self {
        Local { for_switch: Some(QUIET_PATIENCE), ..self }
    }

    /// As [`Backend::observe`], on the calling thread's time.
    pub fn observe_now(&self, scope: &Scope) -> Result<Observed, HostError> {
        let sought = match wants_switch(scope) {
            true => {
                let ovs = self.ovs()?;
                let within = self.for_switch.map_or(ovs.patience(), |within| within.min(ovs.patience()));
                let rows = ovs.rows_when_ready(within)?;
                Sought::Ready(ovs.with_patience(within), rows)
            }
            false => self.seek(),
        };
        self.see(scope, sought, Known::default())
    }

    /// As [`Backend::apply`], on the calling thread's time.
    pub fn apply_now(&self, scope: &Scope, actions: &[Action], progress: &Progress) -> Result<Observed, StepError> {
        let untouched = self.linux.untouched(scope, actions);
        let failed = |error| StepError::Failed { action: None, error };
        let seen = self.seen.lock().expect("nobody panics with it").take();
        let work = Work { linux: &self.linux, scope, actions, progress };
        let sought = if actions.iter().any(ovs::is_of_ovs) {
            let ovs = self.ovs().map_err(StepError::Untouched)?;
            let rows = seen.map_or_else(|| ovs.rows(), Ok).map_err(StepError::Untouched)?;
            let rows = work.with_switch(&ovs, rows)?;
            Sought::Ready(ovs, rows)
        } else {
            work.without_switch(seen.as_ref())?;
            match wants_switch(scope) {
                true => self.ovs().and_then(|ovs| Ok(Sought::Ready(ovs.clone(), ovs.rows()?))).map_err(failed)?,
                false => self.seek(),
            }
        };
        self.see(scope, sought, untouched).map_err(failed)
    }

    /// The labs that have a namespace here, or a row in Open vSwitch, by their marks.
    pub fn labs(&self) -> Result<BTreeSet<LabName>, HostError> {
        let mut labs = self.linux.labs()?;
        match self.seek() {
            Sought::Ready(_, rows) | Sought::Quiet(_, rows) => labs.extend(ovs::labs(&rows)),
            Sought::No(_) => {}
        }
        Ok(labs)
    }

    fn ovs(&self) -> Result<Ovs, HostError> {
        let ovs = Ovs::find(self.database.as_deref())?;
        Ok(match self.patience {
            Some(patience) => ovs.with_patience(patience),
            None => ovs,
        })
    }

    fn seek(&self) -> Sought {
        let found = self.ovs().and_then(|ovs| {
            let patience = self.patience.map_or(QUIET_PATIENCE, |patience| patience.min(QUIET_PATIENCE));
            let rows = ovs.clone().with_patience(patience).rows()?;
            Ok((ovs, rows))
        });
        found.map_or_else(Sought::No, |(ovs, rows)| Sought::Quiet(ovs, rows))
    }

    /// What is so, with what was seen in namespaces that nothing was done in since.
    fn see(&self, scope: &Scope, sought: Sought, untouched: Known) -> Result<Observed, HostError> {
        let look = |switched: &Switched| self.linux.look(scope, switched, untouched);
        let (rows, observed) = match sought {
            Sought::No(error) => {
                let (observed, _) = look(&Switched::default())?;
                // Whoever has purged Open vSwitch will not see those rows again.
                if error.code != codes::NOT_INSTALLED && has_left_devices(&observed.ours) {
                    return Err(error);
                }
                return Ok(observed);
            }
            Sought::Ready(ovs, rows) => {
                let (mut observed, devices) = look(&ovs::switched(&scope.lab, &rows))?;
                let mut flows = |bridge: &str| ovs.flows(bridge).map(|flows| ovs::digest(&flows));
                ovs::add(&mut observed, scope, &rows, &devices, &mut flows)?;
                (rows, observed)
            }
            Sought::Quiet(ovs, rows) => {
                let (mut observed, devices) = look(&ovs::switched(&scope.lab, &rows))?;
                let ovs = ovs.with_patience(QUIET_PATIENCE);
                let mut answers = true;
                let mut flows = |bridge: &str| {
                    let flows = Some(bridge).filter(|_| answers).and_then(|bridge| ovs.flows(bridge).ok());
                    answers = flows.is_some();
                    Ok(flows.map_or(0, |flows| ovs::digest(&flows)))
                };
                ovs::add(&mut observed, scope, &rows, &devices, &mut flows)?;
                (rows, observed)
            }
        };
        *self.seen.lock().expect("nobody panics with it") = Some(rows);
        Ok(observed)
    }
}

/// A plan in the turns that its parts take, for somebody who does it by hand: what is of Open vSwitch stands together, apart from what is taken away.
pub fn in_turns(actions: &[Action]) -> Vec<&Action> {
    let steps: Vec<linux::Step> = actions.iter().enumerate().collect();
    let Parts { saving, unswitched, early, switched, late } = Parts::of(&steps);
    // The marks of devices that Open vSwitch makes are part of their making.
    let late = late.into_iter().filter(|(_, action)| !ovs::is_of_ovs(action));
    let turns = saving.into_iter().chain(unswitched).chain(early).chain(switched).chain(late);
    turns.map(|(_, action)| action).collect()
}

/// Whether names of Open vSwitch are asked for.
fn wants_switch(scope: &Scope) -> bool {
    scope.names.iter().any(|name| matches!(name, Key::Ovs(_)))
}

/// Whether a lab has devices that Open vSwitch made: then its rows stand somewhere.
fn has_left_devices(ours: &HostState) -> bool {
    ours.iter().any(|(_, resource)| matches!(resource, Resource::Device(device) if linux::is_left(device)))
}

impl Backend for Local {
    async fn observe(&self, scope: &Scope) -> Result<Observed, HostError> {
        let (local, scope) = (self.clone(), scope.clone());
        linux::in_the_background(move || local.observe_now(&scope)).await
    }

    async fn apply(&self, scope: &Scope, actions: &[Action], progress: &Progress) -> Result<Observed, StepError> {
        let (local, scope, actions, progress) = (self.clone(), scope.clone(), actions.to_vec(), progress.clone());
        linux::in_the_background(move || local.apply_now(&scope, &actions, &progress)).await
    }
}
