//! What is stored of a lab while it is changed: on each of its hosts, and where netsim runs.

use netsim_core::names::{HostId, LabName};
use netsim_host::Host;
use netsim_host::backend::HostError;
use netsim_host::lock::LabLock;
use netsim_host::remote::Trip;
use netsim_host::run::on_all;
use netsim_host::store::{self, Applied};

use super::plan::millis;
use crate::error::Failure;
use crate::file::Loaded;
use crate::hosts::{Hosts, Members, are_far, listed, members};
use crate::lab::{Surveyed, placed, underlay};
use crate::screen::{DIM, Screen, paint};

/// The books of a lab. Where it has other hosts than this machine, netsim keeps its own beside theirs.
pub struct Account<'a> {
    hosts: &'a Hosts,
    /// Netsim's own.
    far: Option<LabLock>,
    /// What is being applied; nothing when a lab is being removed.
    applied: Option<Applied>,
    /// The hosts that it will be on.
    members: Members,
}

impl<'a> Account<'a> {
    /// Opens the books, which nobody else changes from now on.
    pub fn open(hosts: &'a Hosts, lab: &LabName, screen: &Screen) -> Result<Self, Failure> {
        let mut waiting = |holder| hosts.wait(&HostId::local(), lab, holder, screen);
        let is_far = are_far(hosts.members());
        let far = is_far.then(|| hosts.stores().lock_far(lab, &mut waiting)).transpose()?;
        if far.is_none() {
            hosts.stores().sweep_far();
        }
        Ok(Account { hosts, far, applied: None, members: Members::new() })
    }

    /// Closes the books before anything was done, because of this. A host that was lost meanwhile may be left with its lock: it stays known, so that
    /// the next command asks it.
    pub fn give_up(mut self, loaded: &Loaded, why: Failure) -> Failure {
        let kept = on_all(self.hosts.iter(), |_, host: &Host| host.keep());
        let lost: Vec<HostId> = kept.into_iter().filter(|(_, timed)| timed.value.is_err()).map(|(id, _)| id).collect();
        if lost.is_empty() {
            return why;
        }
        self.applied.get_or_insert_with(|| Applied::of(&loaded.sources));
        if let Err(error) = self.take_back(&lost) {
            return Failure::Several { failures: vec![why, error], then: String::new() };
        }
        let (lab, on) = (&loaded.topology.name, listed(&lost));
        let then = format!("`netsim apply` tries again, `netsim destroy {lab}` removes what may be left on {on}");
        Failure::Several { failures: vec![why], then }
    }

    /// The books of what is now to be applied.
    pub fn of(mut self, surveyed: &Surveyed, loaded: &Loaded) -> Self {
        let mut applied = Applied::of(&loaded.sources);
        self.members = members(&loaded.topology);
        let used = surveyed.topology.hosts_used();
        self.members.retain(|host, _| used.contains(host));
        if are_far(&self.members) {
            (applied.places, applied.hosts) = (placed(&surveyed.topology), self.members.clone());
            applied.facts = self.hosts.stored().map(|before| before.facts.clone()).unwrap_or_default();
            let found = surveyed.hosts.iter().map(|(id, on)| (id.clone(), underlay(&on.observed.facts)));
            applied.facts.extend(found);
            applied.facts.retain(|id, _| used.contains(id));
        } else {
            applied.ovsdb = self.members.get(&HostId::local()).and_then(|reach| reach.ovsdb.clone());
        }
        self.applied = Some(applied);
        self
    }

    /// What is being applied, as text.
    pub fn text(&self) -> String {
        self.applied.as_ref().map(Applied::text).unwrap_or_default()
    }

    /// Whether the lab shall be on this host.
    fn is_member(&self, host: &HostId) -> bool {
        self.members.contains_key(host)
    }

    /// Stores what is to come where netsim runs, so that whatever happens the next command knows where something may be.
    pub fn intend(&self) -> Result<(), Failure> {
        if let Some(host) = self.hosts.all().get(&HostId::local())
            && self.is_member(host.id())
        {
            host.save(&self.text())?;
        }
        self.note(self.hosts.members())
    }

    /// Stores where netsim runs that these hosts may have something of the lab; forgets it where there is none.
    pub fn note(&self, hosts: &Members) -> Result<(), Failure> {
        let Some(far) = &self.far else { return Ok(()) };
        let applied = self.applied.as_ref().or_else(|| self.hosts.stored());
        match applied.filter(|_| are_far(hosts)) {
            Some(applied) => Ok(store::save(far, &Applied { hosts: hosts.clone(), ..applied.clone() })?),
            None => Ok(store::forget(far)?),
        }
    }

    /// Stores what is being applied on a host, before it is said to stay.
    pub fn save(&self, host: &Host) -> Result<(), HostError> {
        match self.is_member(host.id()) {
            // That is done.
            true if *host.id() == HostId::local() => Ok(()),
            true => host.save(&self.text()),
            false => host.forget(),
        }
    }

    /// The same, and says that it stays.
    pub fn save_and_keep(&self, host: &Host) -> Result<(), HostError> {
        match self.is_member(host.id()) {
            true if *host.id() == HostId::local() => host.keep(),
            true => host.save_and_keep(&self.text()),
            false => host.forget_and_keep(),
        }
    }

    /// Closes the books of a lab that is as it should be already.
    pub fn confirm(&self, surveyed: &Surveyed, screen: &Screen) -> Result<(), Failure> {
        let found = surveyed.is_running();
        let up = self.hosts.iter().filter(|(id, _)| surveyed.hosts.contains_key(*id));
        let kept = on_all(up, |_, host: &Host| if found { self.save_and_keep(host) } else { host.keep() });
        if self.hosts.tell_times() {
            for (id, timed) in &kept {
                let trips = match self.hosts.reached(id) {
                    Some(reached) => reached.remote.trips(),
                    None => vec![
                        Trip { what: "look", took: surveyed.hosts[id].took },
                        Trip { what: "keep", took: timed.took },
                    ],
                };
                let trip = |Trip { what, took }: &Trip| format!("{what} in {}", millis(*took));
                let trips = trips.iter().map(trip).collect::<Vec<_>>().join(", ");
                screen.tell(&format!("{}\n", paint(DIM, &format!("{id}: {trips}"))));
            }
        }
        for (_, timed) in kept {
            timed.value?;
        }
        self.note(&self.still(&surveyed.down.keys().cloned().collect::<Vec<_>>(), found))
    }

    /// The hosts that may have something of the lab when it is as it should be on all but these.
    pub fn still(&self, unfinished: &[HostId], found: bool) -> Members {
        let mut still = if found { self.members.clone() } else { Members::new() };
        let all = self.hosts.members().iter().filter(|(id, _)| unfinished.contains(id));
        still.extend(all.map(|(id, reach)| (id.clone(), reach.clone())));
        still
    }

    /// What was stored before stands again, and some of these hosts may have something else.
    pub fn take_back(&self, uncertain: &[HostId]) -> Result<(), Failure> {
        let Some(far) = &self.far else { return Ok(()) };
        let before = self.hosts.stored();
        let applied = match (before, uncertain) {
            (None, []) => return Ok(store::forget(far)?),
            (Some(before), _) => Some(before),
            (None, _) => self.applied.as_ref(),
        };
        let mut hosts = before.map(Applied::members).unwrap_or_default();
        hosts.extend(
            self.hosts.members().iter().filter(|(id, _)| uncertain.contains(id)).map(|(a, b)| (a.clone(), b.clone())),
        );
        match applied.filter(|_| are_far(&hosts)) {
            Some(applied) => Ok(store::save(far, &Applied { hosts, ..applied.clone() })?),
            None => Ok(store::forget(far)?),
        }
    }
}
