//! `destroy`: removes exactly what was made, on every host that can be worked on.

use std::sync::Arc;

use indexmap::IndexMap;
use netsim_core::names::{HostId, LabName};
use netsim_core::plan::Refusal;
use netsim_core::state::{HostState, Observed, Scope};
use netsim_host::Host;
use netsim_host::backend::{HostError, Progress, StepError};
use netsim_host::run::{self, Cause, Otherwise, Part, on_all};
use netsim_host::signals;
use netsim_host::store::Applied;

use super::Exit;
use super::apply::{Account, measured, stopped};
use super::plan::sections;
use crate::args::{DestroyArgs, Global};
use crate::error::{Failure, codes};
use crate::file::{self, Target};
use crate::hosts::{self, Hosts, Members, members, only_here};
use crate::planned::{Planned, Plans};
use crate::render::text;
use crate::screen::{GOOD, STRONG, Screen, paint};
use crate::stores::Stores;

pub fn run(args: &DestroyArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let (lab, written) = match Target::of(&args.lab)? {
        Target::Lab(lab) => (lab, Members::new()),
        Target::File(file) => {
            let topology = file::load(&file, &args.vars)?.topology;
            (topology.name.clone(), members(&topology))
        }
    };
    // It is a convenience: what cannot be read is in nobody's way.
    let stored = Stores::of(global)?.applied(&lab).unwrap_or(None);
    let mut all = stored.as_ref().map(Applied::members).unwrap_or_default();
    for (id, reach) in written {
        match all.values_mut().find(|other| other.is_way_of(&reach)) {
            // Where its database is now is for the file to say.
            Some(known) => known.ovsdb = reach.ovsdb,
            None => drop(all.entry(id).or_insert(reach)),
        }
    }
    if all.is_empty() {
        all = only_here();
    }
    let chosen = chosen(&all, &args.host, &lab)?;
    let unasked = all.into_iter().filter(|(id, _)| !chosen.contains_key(id)).collect();
    hosts::with(global, screen, chosen, stored, |hosts| {
        Destroy { lab: &lab, hosts, unasked: &unasked, no_wait: args.no_wait }.run(screen)
    })
}

/// Those of these hosts; all where none is named.
fn chosen(all: &Members, hosts: &[String], lab: &LabName) -> Result<Members, Failure> {
    if let Some(unknown) = hosts.iter().find(|host| !all.contains_key(host.as_str())) {
        let names = all.keys().map(HostId::as_str).collect::<Vec<_>>().join(", ");
        let message = format!("lab {lab} has nothing on a host `{unknown}`, as far as is known here");
        return Err(Failure::hinted(codes::LAB, message, format!("name one of: {names}; or the lab by its file")));
    }
    let is_chosen = |id: &HostId| hosts.is_empty() || hosts.iter().any(|host| host == id.as_str());
    Ok(all.iter().filter(|(id, _)| is_chosen(id)).map(|(id, reach)| (id.clone(), reach.clone())).collect())
}

/// A lab that is to go from these hosts.
struct Destroy<'a> {
    lab: &'a LabName,
    hosts: &'a Hosts,
    /// The hosts that it may be on and that were not asked for.
    unasked: &'a Members,
    no_wait: bool,
}

impl Destroy<'_> {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let Destroy { lab, hosts, .. } = *self;
        let account = Account::open(hosts, lab, screen)?;
        let scopes = hosts.iter().map(|(id, _)| (id.clone(), Scope::lab(lab))).collect();
        let (mut down, mut found) = (hosts.down().clone(), IndexMap::new());
        for (id, timed) in hosts.begin(&scopes, screen)? {
            match timed.value {
                Ok(observed) => drop(found.insert(id, observed)),
                Err(error) => drop(down.insert(id, error)),
            }
        }
        if found.is_empty() {
            return Err(Failure::hosts_untouched(&down, down.len()));
        }
        let plans = self.plans(&found)?;
        let shown = paint(STRONG, lab.as_str());
        let is_empty = plans.values().all(Planned::is_empty);
        if !is_empty {
            let body = sections(&plans, &IndexMap::new(), |plan| text::condensed(plan, screen.width));
            screen.tell(&format!("Lab {shown} on {}:\n\n{body}", hosts.words_of(plans.keys())));
        }
        let failed = if is_empty { Vec::new() } else { self.remove(&plans, &found, screen)? };
        let gone: Vec<&HostId> = found.keys().filter(|id| !failed.contains(id)).collect();
        let mut lost = self.forget(&gone);
        down.append(&mut lost);
        let mut left = self.unasked.clone();
        let not_gone = |id: &HostId| down.contains_key(id) || failed.contains(id);
        left.extend(hosts.members().iter().filter(|(id, _)| not_gone(id)).map(|(a, b)| (a.clone(), b.clone())));
        account.note(&left)?;
        match (down.is_empty() && failed.is_empty(), is_empty) {
            (true, true) => screen.tell(&format!("Lab {shown} is not there: nothing to do.\n")),
            (true, false) => {
                let on = if self.unasked.is_empty() { String::new() } else { format!(" on {}", hosts.words()) };
                screen.tell(&format!("{} Nothing of lab {shown} is left{on}.\n", paint(GOOD, "Done.")));
            }
            (false, _) => {
                down.values().for_each(|error| screen.warn(&Failure::from(error.clone()).report(screen)));
                return Err(self.half(&gone, &failed, &down));
            }
        }
        Ok(Exit::Ok)
    }

    fn plans(&self, found: &IndexMap<HostId, Observed>) -> Result<Plans, Failure> {
        let (mut plans, mut refusals) = (Plans::new(), Vec::new());
        for (id, observed) in found {
            match Planned::between(self.lab, &HostState::default(), observed) {
                Ok(plan) => drop(plans.insert(id.clone(), plan)),
                Err(of_host) if self.hosts.is_one() => refusals.extend(of_host),
                Err(of_host) => {
                    let told = |r: Refusal| Refusal { message: format!("{id}: {}", r.message), ..r };
                    refusals.extend(of_host.into_iter().map(told));
                }
            }
        }
        match refusals.is_empty() {
            true => Ok(plans),
            false => Err(Failure::Refused { lab: self.lab.clone(), refusals }),
        }
    }

    /// Does the plans, each as far as it comes; the hosts that something is left on.
    fn remove(
        &self,
        plans: &Plans,
        found: &IndexMap<HostId, Observed>,
        screen: &Screen,
    ) -> Result<Vec<HostId>, Failure> {
        let stop = Arc::new(Progress::default());
        signals::stop_on_signals(stop.clone())?;
        let (scope, nothing) = (Scope::lab(self.lab), HostState::default());
        let progress: Vec<Progress> = plans.iter().map(|_| Progress::default()).collect();
        let mut parts: IndexMap<HostId, Part<'_>> = IndexMap::new();
        for ((id, plan), progress) in plans.iter().zip(&progress) {
            let (host, before) = (&self.hosts.all()[id], &found[id]);
            let part =
                Part { host, scope: &scope, before, desired: &nothing, flows: &[], actions: &plan.actions, progress };
            parts.insert(id.clone(), part);
        }
        let steps = plans.values().map(|plan| plan.actions.len()).sum();
        let all: Vec<&Progress> = progress.iter().collect();
        let done = measured(steps, &all, screen, || run::forward(&parts, Otherwise::Leave, &stop));
        let (mut failed, mut interrupted) = (Vec::new(), false);
        for (id, timed) in done {
            let Err(cause) = timed.value else { continue };
            match self.of_cause(&id, cause, &plans[&id], screen) {
                Some(failure) => screen.warn(&failure.report(screen)),
                None => interrupted = true,
            }
            failed.push(id);
        }
        if interrupted {
            // Once, for all that had not come to their end.
            screen.warn(&stopped(StepError::Interrupted).report(screen));
        }
        Ok(failed)
    }

    /// Why something is left on a host; none where it was interrupted.
    fn of_cause(&self, id: &HostId, cause: Cause, plan: &Planned, screen: &Screen) -> Option<Failure> {
        let lab = self.lab;
        let place = if self.hosts.is_here_alone() { String::new() } else { format!("{id}: ") };
        Some(match cause {
            Cause::Step(StepError::Interrupted) | Cause::Another => return None,
            Cause::Step(error) => stopped(error),
            Cause::Refused(refusals) => Failure::Refused { lab: lab.clone(), refusals },
            Cause::NotWhole(rest) => {
                let steps = text::steps(&Planned { actions: rest, falls: Vec::new(), ..plan.clone() }, screen.width);
                let message = format!("{place}every step was done, and yet something of lab {lab} is left:\n{steps}");
                Failure::new(codes::NOT_WHOLE, message.trim_end())
            }
        })
    }

    /// Forgets the lab on hosts that have nothing of it any more; those that could not be told.
    fn forget(&self, gone: &[&HostId]) -> IndexMap<HostId, HostError> {
        let hosts = self.hosts.iter().filter(|(id, _)| gone.contains(id));
        let forgotten = on_all(hosts, |_, host: &Host| {
            host.forget_and_keep()?;
            if self.no_wait { Ok(()) } else { host.settle() }
        });
        forgotten.into_iter().filter_map(|(id, timed)| Some((id, timed.value.err()?))).collect()
    }

    fn half(&self, gone: &[&HostId], failed: &[HostId], down: &IndexMap<HostId, HostError>) -> Failure {
        let lab = self.lab;
        if self.hosts.is_here_alone() {
            return Failure::Aftermath(format!("lab {lab} is half removed; `netsim destroy {lab}` goes on\n"));
        }
        let mut said = String::new();
        for id in self.hosts.members().keys() {
            let what = match (down.contains_key(id), failed.contains(id), gone.contains(&id)) {
                (true, ..) => format!("not reached; when it is back: netsim destroy {lab} --host {id}"),
                (_, true, _) => format!("half removed; `netsim destroy {lab}` goes on"),
                (..) => format!("nothing of lab {lab} is left"),
            };
            said.push_str(&format!("{id}: {what}\n"));
        }
        Failure::Aftermath(said)
    }
}
