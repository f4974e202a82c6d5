//! A plan done, in the turns that its parts take.

use std::collections::BTreeSet;

use netsim_core::names::IfName;
use netsim_core::plan::Action;
use netsim_core::resource::{Datapath, Device, DeviceId, Key, NetnsId, OvsKey, Resource};
use netsim_core::state::Scope;
use rustc_hash::FxHashSet;

use super::parts::Parts;
use crate::backend::{HostError, Progress, StepError};
use crate::linux::{self, Linux, Step};
use crate::ovs::{self, Ovs, Removal, Rows, Transaction, codes};

/// How long a switch may take to show that it is at work, where that does not matter but for waiting in vain.
const GRACE: std::time::Duration = std::time::Duration::from_secs(2);

/// A plan and those who do it.
pub(super) struct Work<'a> {
    pub(super) linux: &'a Linux,
    pub(super) scope: &'a Scope,
    pub(super) actions: &'a [Action],
    pub(super) progress: &'a Progress,
}

fn failed(at: usize) -> impl Fn(HostError) -> StepError {
    move |error| StepError::Failed { action: Some(at), error }
}

impl Work<'_> {
    /// Does a plan of the kernel's alone; these rows stand in Open vSwitch.
    pub(super) fn without_switch(&self, rows: Option<&Rows>) -> Result<(), StepError> {
        let steps: Vec<Step> = self.actions.iter().enumerate().collect();
        self.kernel(&steps, &rows.map(|rows| self.made(rows)).unwrap_or_default())
    }

    /// Does a plan that Open vSwitch has a part in, from these rows on. It gives those that stand there then.
    pub(super) fn with_switch(&self, ovs: &Ovs, rows: Rows) -> Result<Rows, StepError> {
        let steps: Vec<Step> = self.actions.iter().enumerate().collect();
        let parts = Parts::of(&steps);
        if !parts.switched.is_empty() {
            ovs.knock().map_err(StepError::Untouched)?;
        }
        self.kernel(&parts.saving, &self.made(&rows))?;
        if !parts.saving.is_empty() {
            linux::drain(&steps);
        }
        self.remove(ovs, &rows, &parts)?;
        self.kernel(&parts.early, &self.made(&rows))?;
        let rows = self.build(ovs, rows, &parts.switched)?;
        self.kernel(&parts.late, &self.made(&rows))?;
        if self.turns_mirrors() {
            // A switch that is not on this machine cannot be told so; there its flows expire.
            let _ = ovs.purge();
        }
        Ok(rows)
    }

    /// Whether a mirror comes, goes or changes on a bridge that was there and stays.
    fn turns_mirrors(&self) -> bool {
        let bridge = |action: &Action| match action {
            Action::Create(Resource::Ovs(thing)) | Action::Delete(Resource::Ovs(thing)) => Some(thing.name()),
            Action::Create(_) | Action::Delete(_) | Action::Update { .. } => None,
            Action::Borrow(_) | Action::GiveBack(_) => None,
        };
        let passing: FxHashSet<OvsKey> = self.actions.iter().filter_map(bridge).collect();
        let mirrors = self.actions.iter().flat_map(Action::resources).filter_map(|resource| match resource {
            Resource::Ovs(thing) => Some(thing.name()),
            _ => None,
        });
        let mut on = mirrors.filter_map(|name| match name {
            OvsKey::Mirror(bridge, _) => Some(OvsKey::Bridge(bridge)),
            OvsKey::Bridge(_) | OvsKey::Port(_) | OvsKey::Qos(_) | OvsKey::Flows(_) | OvsKey::Tunnel(_) => None,
        });
        on.any(|bridge| !passing.contains(&bridge))
    }

    /// The devices that Open vSwitch has made for the lab.
    fn made(&self, rows: &Rows) -> BTreeSet<IfName> {
        ovs::switched(&self.scope.lab, rows).made
    }

    fn go_on(&self) -> Result<(), StepError> {
        if self.progress.stopped() { Err(StepError::Interrupted) } else { Ok(()) }
    }

    /// Does what is of the kernel.
    fn kernel(&self, steps: &[Step], made: &BTreeSet<IfName>) -> Result<(), StepError> {
        let in_datapath = |action: &Action| match action {
            Action::Delete(Resource::Device(device)) => linux::in_datapath(device),
            Action::Delete(_) | Action::Create(_) | Action::Update { .. } | Action::Borrow(_) | Action::GiveBack(_) => {
                None
            }
        };
        for (at, name) in steps.iter().filter_map(|(at, action)| Some((*at, in_datapath(action)?))) {
            ovs::drop_device(name.as_str()).map_err(failed(at))?;
            self.progress.add(1);
        }
        let steps: Vec<Step> = steps.iter().copied().filter(|(_, action)| in_datapath(action).is_none()).collect();
        if steps.is_empty() {
            return Ok(());
        }
        self.go_on()?;
        self.linux.do_steps(&self.scope.lab, self.actions, &steps, made, self.progress)
    }

    /// Takes away what is of Open vSwitch: flows of bridges that stay, then rows.
    fn remove(&self, ovs: &Ovs, rows: &Rows, parts: &Parts) -> Result<(), StepError> {
        let Some((first, _)) = parts.unswitched.first() else { return Ok(()) };
        self.go_on()?;
        let gone: FxHashSet<Key> = self.actions.iter().filter_map(deleted).flat_map(Resource::claims).collect();
        let stays = |name| !gone.contains(&Key::Device(DeviceId { netns: NetnsId::Host, name }));
        let removal = ovs::removal(&self.scope.lab, rows, &parts.unswitched, &stays);
        for (at, bridge, flows) in &removal.flows {
            ovs.replace_flows(bridge.as_str(), flows).map_err(failed(*at))?;
        }
        // Where more of Open vSwitch comes after, a switch that is not at work is in the way; else it need not hear of it now.
        let unheard = parts.switched.is_empty() && !ovs.hears(GRACE);
        let commit = |changes| if unheard { ovs.commit_unheard(changes) } else { ovs.commit(changes) };
        let done = commit(&removal.limits).and_then(|()| commit(&removal.transaction));
        match done {
            Ok(()) if unheard => self.delete_unheard(&removal)?,
            Ok(()) => {}
            Err(error) if error.code == codes::SWITCH_HANGS && parts.switched.is_empty() => {
                self.delete_unheard(&removal)?;
            }
            Err(error) => return Err(failed(culprit(&parts.unswitched, &error).unwrap_or(*first))(error)),
        }
        self.progress.add(parts.unswitched.len());
        Ok(())
    }

    /// Deletes devices whose rows are gone, for the switch does not.
    fn delete_unheard(&self, removal: &Removal) -> Result<(), StepError> {
        let stray = |name| Device::Stray { id: DeviceId { netns: NetnsId::Host, name }, what: "".into() };
        let (mut taps, mut first) = (Vec::new(), 0);
        for &(at, name, datapath) in &removal.devices {
            match datapath {
                Datapath::System => {
                    // It may have gone by now.
                    let _ = ovs::drop_device(name.as_str());
                }
                Datapath::Netdev => {
                    first = at;
                    taps.push(Action::Delete(Resource::Device(stray(name))));
                }
            }
        }
        if taps.is_empty() {
            return Ok(());
        }
        let deleted = self.linux.do_now(&self.scope.lab, &taps, &Progress::default());
        deleted.map_err(|e| match e {
            StepError::Failed { error, .. } => failed(first)(error),
            StepError::Untouched(_) | StepError::Interrupted => e,
        })
    }

    /// Builds what is of Open vSwitch: rows, then flows, which may name any port. It gives the rows that stand there then.
    fn build(&self, ovs: &Ovs, rows: Rows, steps: &[Step]) -> Result<Rows, StepError> {
        let Some((first, _)) = steps.first() else {
            // Deletions alone leave no names that anybody needs.
            return ovs.rows().map_err(|error| StepError::Failed { action: None, error });
        };
        self.go_on()?;
        let building = ovs::building(&self.scope.lab, &rows, steps).map_err(|gone| failed(gone.0)(gone.error()))?;
        let done = ovs.commit(&building.transaction);
        done.map_err(|error| failed(culprit(steps, &error).unwrap_or(*first))(error))?;
        let rows = ovs.rows().map_err(failed(*first))?;
        if let Some((port, why)) = ovs::unopened(self.scope, &rows) {
            let action = steps.iter().find(|(_, action)| names(action, port)).map(|(at, _)| *at);
            return Err(StepError::Failed { action, error: ovs::not_opened(port.as_str(), &why) });
        }
        let mut notes = Transaction::default();
        for (at, flows) in &building.flows {
            self.go_on()?;
            let bridge = flows.bridge.as_str();
            ovs.replace_flows(bridge, &flows.text.0).map_err(failed(*at))?;
            let read_back = ovs.flows(bridge).map_err(failed(*at))?;
            notes.step(ovs::note_flows(&self.scope.lab, &rows, flows, ovs::digest(&read_back)));
        }
        self.progress.add(steps.len());
        if notes.is_empty() {
            return Ok(rows);
        }
        ovs.commit_unheard(&notes).and_then(|()| ovs.rows()).map_err(failed(building.flows[0].0))
    }
}

fn deleted(action: &Action) -> Option<&Resource> {
    match action {
        Action::Delete(resource) => Some(resource),
        Action::Create(_) | Action::Update { .. } | Action::Borrow(_) | Action::GiveBack(_) => None,
    }
}

/// Whether an action is about the port or bridge of this name.
fn names(action: &Action, name: IfName) -> bool {
    let is_it = |key| [OvsKey::Port(name), OvsKey::Bridge(name)].contains(&key);
    action.resources().any(|resource| matches!(resource, Resource::Ovs(thing) if is_it(thing.name())))
}

/// The action that a complaint is about, as far as it names anything: all were refused together.
fn culprit(steps: &[Step], error: &HostError) -> Option<usize> {
    if let [(only, _)] = steps {
        return Some(*only);
    }
    let mut words = error.message.split(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | ';' | ':'));
    let named = |word: &str| IfName::new(word).ok();
    words.find_map(|word| {
        let name = named(word)?;
        steps.iter().find(|(_, action)| names(action, name)).map(|(at, _)| *at)
    })
}
