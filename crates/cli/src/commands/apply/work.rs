//! The steps of an apply on all hosts, side by side, and what becomes of them.

use indexmap::IndexMap;
use netsim_core::names::HostId;
use netsim_host::Host;
use netsim_host::backend::{Progress, StepError};
use netsim_host::run::{self, Aftermath, Cause, Forward, Otherwise, Outcome, Part, Timed, on_all};
use netsim_host::undo::flows;

use super::report::{self, Fate};
use super::{Account, measured};
use crate::error::Failure;
use crate::file::Loaded;
use crate::hosts::Hosts;
use crate::lab::Surveyed;
use crate::planned::Plans;
use crate::screen::{HINT, Screen, paint};

/// What is to be done, on which hosts, and what shall become of it where it fails.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    pub loaded: &'a Loaded,
    pub hosts: &'a Hosts,
    pub surveyed: &'a Surveyed,
    pub plans: &'a Plans,
    pub account: &'a Account<'a>,
    pub otherwise: Otherwise,
}

impl Work<'_> {
    /// Does the plans, and finds nothing left to do; or says of every host what became of it.
    pub fn make_so(&self, stop: &Progress, screen: &Screen) -> Result<(), Failure> {
        let flows = self.hosts.stored().map(|applied| flows(&applied.sources)).unwrap_or_default();
        let progress: IndexMap<HostId, Progress> =
            self.plans.keys().map(|id| (id.clone(), Progress::default())).collect();
        let mut parts: IndexMap<HostId, Part<'_>> = IndexMap::new();
        for (id, plan) in self.plans {
            let on = &self.surveyed.hosts[id];
            let part = Part {
                host: &self.hosts.all()[id],
                scope: &on.scope,
                before: &on.observed,
                desired: &on.desired,
                flows: &flows,
                actions: &plan.actions,
                progress: &progress[id],
            };
            parts.insert(id.clone(), part);
        }
        let steps = self.plans.values().map(|plan| plan.actions.len()).sum();
        let all: Vec<&Progress> = progress.values().collect();
        let mut forward = measured(steps, &all, screen, || run::forward(&parts, self.otherwise, stop));
        let whole = forward.values().all(|timed| timed.value.is_ok());
        if whole || self.otherwise == Otherwise::KeepGoing {
            self.save(&mut forward);
        }
        if forward.values().all(|timed| timed.value.is_ok()) && self.surveyed.down.is_empty() {
            return self.keep(screen);
        }
        self.failed(&parts, forward, stop, screen)
    }

    /// Stores what was applied on the hosts that are as wanted, before anything is said to stay: one that cannot has failed.
    fn save(&self, forward: &mut Forward) {
        let done: Vec<(&HostId, &Host)> =
            self.hosts.iter().filter(|(id, _)| forward.get(*id).is_some_and(|timed| timed.value.is_ok())).collect();
        for (id, Timed { value, took }) in on_all(done, |_, host| self.account.save(host)) {
            let timed = &mut forward[&id];
            timed.took += took;
            if let Err(error) = value {
                timed.value = Err(Cause::Step(StepError::Failed { action: None, error }));
            }
        }
    }

    /// Says on all hosts that it stays.
    fn keep(&self, screen: &Screen) -> Result<(), Failure> {
        let kept = on_all(self.hosts.iter(), |_, host: &Host| host.keep());
        let lost: Vec<(HostId, _)> =
            kept.into_iter().filter_map(|(id, timed)| Some((id, timed.value.err()?))).collect();
        if lost.is_empty() {
            return self.account.note(&self.account.still(&[], true));
        }
        // What they heard last nobody knows from here.
        let ids: Vec<HostId> = lost.iter().map(|(id, _)| id.clone()).collect();
        self.account.note(&self.account.still(&ids, true))?;
        lost.iter().for_each(|(_, error)| screen.warn(&Failure::from(error.clone()).report(screen)));
        let fates = self.surveyed.hosts.keys().map(|id| match ids.contains(id) {
            true => (id.clone(), Fate::Uncertain),
            false => (id.clone(), Fate::Done),
        });
        Err(report::aftermath(self, &fates.collect()))
    }

    /// Says what went wrong, brings back what is to be, and says what became of each host.
    fn failed(
        &self,
        parts: &IndexMap<HostId, Part<'_>>,
        forward: Forward,
        stop: &Progress,
        screen: &Screen,
    ) -> Result<(), Failure> {
        report::tell_causes(self, &forward, stop.stopped(), screen);
        let untouched = |cause: &Cause| matches!(cause, Cause::Step(StepError::Untouched(_)));
        let midway = forward.values().any(|timed| timed.value.as_ref().is_err_and(|cause| !untouched(cause)));
        let others_go_back = self.otherwise == Otherwise::RollBack && forward.values().any(|timed| timed.value.is_ok());
        if (midway || others_go_back) && self.otherwise != Otherwise::Leave {
            screen.warn(&format!("{}\n", paint(HINT, "rolling back …")));
        }
        let outcomes = run::bring_back(parts, forward, self.otherwise, stop);
        let mut fates = self.fates(outcomes, screen);
        fates.extend(self.surveyed.down.keys().map(|id| (id.clone(), Fate::Unreached)));
        let kept = self.close(&fates);
        for (id, error) in kept {
            screen.warn(&Failure::from(error).report(screen));
            fates[&id] = Fate::Uncertain;
        }
        let any_new = fates.values().any(|fate| matches!(fate, Fate::Done | Fate::Left));
        let uncertain: Vec<HostId> = fates
            .iter()
            .filter(|(_, fate)| !matches!(fate, Fate::Done) && !fate.is_back())
            .map(|(id, _)| id.clone())
            .collect();
        match any_new {
            true => {
                let unfinished: Vec<HostId> =
                    fates.iter().filter(|(_, fate)| **fate != Fate::Done).map(|(id, _)| id.clone()).collect();
                self.account.note(&self.account.still(&unfinished, true))?;
            }
            false => self.account.take_back(&uncertain)?,
        }
        Err(report::aftermath(self, &fates))
    }

    fn fates(&self, outcomes: IndexMap<HostId, Timed<Outcome>>, screen: &Screen) -> IndexMap<HostId, Fate> {
        let fate = |(id, timed): (HostId, Timed<Outcome>)| {
            let fate = match timed.value {
                Outcome::Done(_) => Fate::Done,
                Outcome::Failed { cause: Cause::Step(StepError::Untouched(_)), .. } => Fate::Untouched,
                Outcome::Failed { then: Aftermath::AsBefore, .. } => Fate::AsBefore,
                Outcome::Failed { then: Aftermath::Left, .. } => Fate::Left,
                Outcome::Failed { then: Aftermath::Unknown, .. } => Fate::Uncertain,
                Outcome::Failed { then: Aftermath::Stuck(why), .. } => {
                    screen.warn(&report::not_undone(self, &id, why).report(screen));
                    Fate::Stuck
                }
            };
            (id, fate)
        };
        outcomes.into_iter().map(fate).collect()
    }

    /// Closes the books on every host that answers, and lets go of it; those that this fails on, and why.
    fn close(&self, fates: &IndexMap<HostId, Fate>) -> Vec<(HostId, netsim_host::backend::HostError)> {
        let open = self
            .hosts
            .iter()
            .filter(|(id, _)| fates.get(*id).is_some_and(|f| !matches!(f, Fate::Uncertain | Fate::Unreached)));
        let closed = on_all(open, |id, host: &Host| match fates[id] {
            // What was stored is a convenience; the lab itself is back.
            Fate::AsBefore | Fate::Untouched => {
                let _ = match self.hosts.stored().filter(|applied| applied.members().contains_key(id)) {
                    Some(before) => host.save(&before.text()),
                    None => host.forget(),
                };
                host.keep()
            }
            Fate::Done | Fate::Left | Fate::Stuck => self.account.save_and_keep(host),
            Fate::Uncertain | Fate::Unreached => host.keep(),
        });
        closed.into_iter().filter_map(|(id, timed)| Some((id, timed.value.err()?))).collect()
    }
}
