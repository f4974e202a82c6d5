//! Does a plan's actions, regrouped so that they cost as few system calls and as few waits as the kernel allows.
//!
//! Updates that save something stand at the head of a plan and are done first. Then everything goes that shall go, then what is wanted is built.

use std::collections::BTreeSet;
use std::time::Duration;

use netsim_core::names::{IfName, LabName};
use netsim_core::plan::Action;
use netsim_core::resource::{Device, Key, NetnsId, Resource};
use nix::sys::resource::{Resource as Limit, getrlimit, setrlimit};
use rustc_hash::FxHashSet;

use super::spaces::Spaces;
use super::{Paths, errors};
use crate::backend::{HostError, Progress, StepError};
use crate::netlink::{Batch, Refused};

mod build;
mod change;
mod create;
mod order;
mod regain;
mod remove;
mod tell;
mod tune;
mod work;

/// Open files that an apply needs beside two a namespace.
const FILES: u64 = 64;

/// One action and its place in the plan.
pub(crate) type Step<'a> = (usize, &'a Action);

/// What all parts of an apply share.
pub(crate) struct Run<'a> {
    pub(crate) paths: &'a Paths,
    pub(crate) lab: &'a LabName,
    pub(crate) actions: &'a [Action],
    /// Devices that Open vSwitch has made for the lab.
    pub(crate) made: &'a BTreeSet<IfName>,
    pub(crate) progress: &'a Progress,
}

/// How long packets that took the old way may need to arrive, when a way is taken away after traffic was led elsewhere: a device that goes drops those that
/// wait in its processor's queue (`flush_backlog`, net/core/dev.c).
const DRAIN: Duration = Duration::from_millis(20);

/// Does these of the actions, in the order of the plan. The calling thread must be its own: it is moved from namespace to namespace.
pub(crate) fn apply(run: &Run, steps: &[Step]) -> Result<(), StepError> {
    let mut spaces =
        Spaces::new(run.paths).map_err(|e| run.failed(None, errors::system("open the host's namespace", &e)))?;
    raise_limit(2 * namespaces(steps) as u64 + FILES);
    let (saving, rest) = steps.split_at(saves(steps));
    build::build(run, &mut spaces, saving.to_vec())?;
    if !saving.is_empty() {
        drain(steps);
    }
    let (deletions, builds) = rest.iter().partition(|(_, a)| matches!(a, Action::Delete(_)));
    remove::remove(run, &mut spaces, deletions)?;
    let deletes_namespaces = rest.iter().any(|(_, a)| matches!(a, Action::Delete(Resource::Netns(_))));
    if deletes_namespaces && let Some((at, _)) = rest.iter().find(|(_, a)| leans(a)) {
        super::settle().map_err(|e| run.failed(Some(*at), e))?;
    }
    build::build(run, &mut spaces, builds)
}

/// Waits for packets on their way, if anything is about to be taken away that they pass.
pub(crate) fn drain(steps: &[Step]) {
    let takes =
        |action: &Action| matches!(action, Action::Delete(Resource::Device(_) | Resource::Netns(_) | Resource::Ovs(_)));
    if steps.iter().any(|(_, action)| takes(action)) {
        std::thread::sleep(DRAIN);
    }
}

/// Whether this makes a device on one of another namespace, or over its underlay. There its Ethernet address is still in use, or the whole of it, until a
/// namespace that was dropped with such a device is freed (`macvlan_addr_busy`, drivers/net/macvlan.c; `vxlan_vni_in_use`).
fn leans(action: &Action) -> bool {
    matches!(action, Action::Create(Resource::Device(Device::Single(single))) if create::leans(single))
}

/// How many steps at the head may be updates that save something from what is done next: only routes and ports find another stand.
pub(crate) fn saves(steps: &[Step]) -> usize {
    let saves = |action: &Action| matches!(action, Action::Update { to: Resource::Route(_) | Resource::Port(_), .. });
    steps.iter().position(|(_, action)| !saves(action)).unwrap_or(steps.len())
}

/// In how many namespaces there is something to do.
fn namespaces(steps: &[Step]) -> usize {
    let names =
        steps.iter().flat_map(|(_, action)| action.resources()).flat_map(Resource::claims).map(|name| match name {
            Key::Netns(name) => NetnsId::Named(name),
            name => name.netns(),
        });
    names.collect::<FxHashSet<_>>().len()
}

/// Lets this process open so many files, as far as it may.
fn raise_limit(files: u64) {
    let Ok((soft, hard)) = getrlimit(Limit::RLIMIT_NOFILE) else { return };
    if soft < files && setrlimit(Limit::RLIMIT_NOFILE, files, hard.max(files)).is_err() {
        // Without the right to raise the hard limit as much as it allows; a shortage is told where it hurts.
        let _ = setrlimit(Limit::RLIMIT_NOFILE, files.min(hard), hard);
    }
}

impl Run<'_> {
    pub(crate) fn failed(&self, action: Option<usize>, error: HostError) -> StepError {
        StepError::Failed { action, error }
    }

    /// The error of an action by a system call.
    pub(crate) fn system(&self, action: usize) -> impl Fn(std::io::Error) -> StepError + '_ {
        move |e| self.failed(Some(action), errors::system(errors::doing(&self.actions[action]), &e))
    }

    /// The error of writing a setting.
    pub(crate) fn setting(&self, action: usize) -> impl Fn(std::io::Error) -> StepError + '_ {
        move |e| self.failed(Some(action), errors::setting(errors::doing(&self.actions[action]), &e))
    }

    /// The error of an action by an answer to its message.
    pub(crate) fn refused(&self, refused: Refused<usize>) -> StepError {
        let doing = errors::doing(&self.actions[refused.tag]);
        self.failed(Some(refused.tag), errors::kernel(doing, refused.errno, &refused.text))
    }

    /// Sends a batch of messages that belong to actions; the first that is refused fails the apply, unless it may.
    pub(crate) fn send(
        &self,
        space: &mut super::spaces::Space,
        batch: Batch<usize>,
        may: impl Fn(&Refused<usize>) -> bool,
    ) -> Result<(), StepError> {
        let Some(any) = batch.first().copied() else { return Ok(()) };
        let refused = space.netlink.send(batch).map_err(self.system(any))?;
        refused.into_iter().find(|r| !may(r)).map_or(Ok(()), |r| Err(self.refused(r)))
    }

    /// Stops here if that was asked for.
    pub(crate) fn go_on(&self) -> Result<(), StepError> {
        if self.progress.stopped() { Err(StepError::Interrupted) } else { Ok(()) }
    }
}
