//! From a topology to the steps that make it so on its hosts: what every command that plans has in common.

use std::time::Duration;

use indexmap::IndexMap;
use netsim_core::given::{Given, Prior, give};
use netsim_core::lower::{Desired, UNDERLAY, lower, origins, unfit};
use netsim_core::names::{HostId, LabName};
use netsim_core::place::{Places, place};
use netsim_core::plan::Refusal;
use netsim_core::problem::Problem;
use netsim_core::spec::Sources;
use netsim_core::state::{HostFacts, HostState, Observed, Scope};
use netsim_core::topology::Topology;
use netsim_host::backend::HostError;
use netsim_host::store::Applied;

use crate::args::{Global, Vars};
use crate::error::{Failure, codes};
use crate::file::{self, Loaded, Target};
use crate::hosts::{self, Answers, Hosts};
use crate::planned::{Names, Planned, Plans};
use crate::refused;
use crate::screen::Screen;
use crate::stores::Stores;

mod gone;
mod known;
mod size;

pub use gone::forget_if_gone;
pub use known::{host_of, placed, supposed, underlay};
use known::{places, prior};
pub use size::{Size, Total, as_applied, between_hosts, devices, size, total};

/// A topology with everything given out, and what it means on each host.
#[derive(Debug)]
pub struct Wanted {
    /// With every node on a host.
    pub topology: Topology,
    pub given: Given,
    pub desired: Desired,
}

/// What the topology means, given where its nodes are, what there was and what the hosts can do.
pub fn wanted(topology: &Topology, places: &Places, prior: &Prior, facts: &HostFacts) -> Result<Wanted, Vec<Problem>> {
    meaning(place(topology, places)?, prior, facts)
}

/// The same of a topology whose every node is on a host already.
pub fn meaning(topology: Topology, prior: &Prior, facts: &HostFacts) -> Result<Wanted, Vec<Problem>> {
    let given = give(&topology, prior)?;
    let desired = lower(&topology, &given, facts)?;
    Ok(Wanted { topology, given, desired })
}

/// A topology against its hosts.
#[derive(Debug)]
pub struct Surveyed {
    pub lab: LabName,
    /// With every node on a host.
    pub topology: Topology,
    pub given: Given,
    /// What each host that answers should have and has; those that the topology has left, too.
    pub hosts: IndexMap<HostId, OnHost>,
    /// What each host can do and has; of those that do not answer, as it was when they last did.
    pub facts: HostFacts,
    /// The hosts that do not, and why.
    pub down: IndexMap<HostId, HostError>,
}

/// A lab on one host.
#[derive(Debug)]
pub struct OnHost {
    pub desired: HostState,
    pub observed: Observed,
    pub scope: Scope,
    /// How long it took to look.
    pub took: Duration,
}

/// How to look at the hosts.
#[derive(Debug, Clone, Copy)]
pub enum Look<'a> {
    /// As they are now.
    Only,
    /// Under the lab's lock on all of them, for it is to be changed; says so when it has to wait.
    Locked(&'a Screen),
    /// The same, and those that answer are to be gone on with where others do not.
    Partly(&'a Screen),
}

impl Look<'_> {
    /// That so many hosts cannot be worked on.
    fn failed(self, down: &IndexMap<HostId, HostError>, of: usize) -> Failure {
        match self {
            Look::Only => Failure::hosts(down, of),
            Look::Locked(_) | Look::Partly(_) => Failure::hosts_untouched(down, of),
        }
    }

    /// That nothing can be worked out while so many hosts cannot be worked on. What is not known of them may be all that is wrong, so it is not told;
    /// but if it is where they are, then those that answer cannot be gone on with, and writing that would help.
    fn baffled(self, down: &IndexMap<HostId, HostError>, of: usize, sources: &Sources, mut p: Vec<Problem>) -> Failure {
        p.retain(|problem| problem.code == UNDERLAY);
        match self {
            Look::Partly(_) if !p.is_empty() => Failure::hosts_unknown(down, of, Failure::problems(sources, p)),
            Look::Only | Look::Locked(_) | Look::Partly(_) => self.failed(down, of),
        }
    }
}

/// Looks at the hosts, and works out what the topology means there.
pub fn survey(hosts: &Hosts, loaded: &Loaded, look: Look<'_>) -> Result<Surveyed, Failure> {
    let Loaded { topology, sources } = loaded;
    let lab = &topology.name;
    let problems = |p| Failure::problems(sources, p);
    // Which names matter depends on what is given out, and that on what there is: guess, look, and look again only where the guess was wrong.
    let guess = wanted(topology, &hosts.places(), &Prior::default(), &known::likely(hosts, topology));
    let guess = match guess {
        Err(p) if hosts.is_here_alone() => return Err(problems(p)),
        // What is wrong may only seem so while nothing is known of the hosts.
        other => other.ok(),
    };
    let scopes = scopes(hosts, lab, guess.as_ref().map(|wanted| &wanted.desired));
    let answers = match look {
        Look::Only => hosts.look(&scopes),
        Look::Locked(screen) | Look::Partly(screen) => hosts.begin(&scopes, screen)?,
    };
    let mut seen = Seen { found: IndexMap::new(), scopes: IndexMap::new(), down: hosts.down().clone() };
    seen.take(answers, &scopes);
    let told = |p| match seen.down.is_empty() {
        true => problems(p),
        false => look.baffled(&seen.down, hosts.members().len(), sources, p),
    };
    let facts = known::facts(hosts, &seen);
    let places = places(hosts, &seen);
    let wanted = wanted(topology, &places, &prior(hosts, &seen), &facts).map_err(|mut problems| {
        problems.extend(place(topology, &places).iter().flat_map(|placed| unfit(placed, &facts)));
        told(problems)
    })?;
    let mut exact = self::scopes(hosts, lab, Some(&wanted.desired));
    exact.retain(|id, scope| seen.scopes.get(id).is_some_and(|was| was != scope));
    if !exact.is_empty() {
        seen.take(hosts.look(&exact), &exact);
    }
    Ok(seen.surveyed(lab, wanted, facts))
}

/// What to look at on each host that can be worked on.
fn scopes(hosts: &Hosts, lab: &LabName, desired: Option<&Desired>) -> IndexMap<HostId, Scope> {
    let of = |id: &HostId| {
        let names = desired.and_then(|d| d.get(id)).map_or_else(|| Scope::lab(lab), |state| Scope::of(lab, state));
        Scope { underlay: !hosts.is_one(), ..names }
    };
    hosts.iter().map(|(id, _)| (id.clone(), of(id))).collect()
}

/// What was found so far.
struct Seen {
    found: IndexMap<HostId, (Observed, Duration)>,
    scopes: IndexMap<HostId, Scope>,
    down: IndexMap<HostId, HostError>,
}

impl Seen {
    fn take(&mut self, answers: Answers<Observed>, scopes: &IndexMap<HostId, Scope>) {
        for (id, timed) in answers {
            let before = self.found.shift_remove(&id).map_or(Duration::ZERO, |(_, took)| took);
            match timed.value {
                Ok(observed) => {
                    self.scopes.insert(id.clone(), scopes[&id].clone());
                    self.found.insert(id, (observed, before + timed.took));
                }
                Err(error) => {
                    self.down.insert(id, error);
                }
            }
        }
    }

    fn surveyed(mut self, lab: &LabName, wanted: Wanted, facts: HostFacts) -> Surveyed {
        let Wanted { topology, given, mut desired } = wanted;
        self.found.sort_by_key(|id, _| self.scopes.get_index_of(id));
        let on_host = |(id, (observed, took)): (HostId, (Observed, Duration))| {
            let (desired, scope) = (desired.swap_remove(&id).unwrap_or_default(), self.scopes[&id].clone());
            (id, OnHost { desired, observed, scope, took })
        };
        let hosts = self.found.into_iter().map(on_host).collect();
        Surveyed { lab: lab.clone(), topology, given, hosts, facts, down: self.down }
    }
}

impl Surveyed {
    /// What a topology whose every node is on a host means on these.
    pub fn meaning(&self, placed: &Topology) -> Result<Desired, Vec<Problem>> {
        let ours = self.hosts.iter().map(|(id, on)| (id, &on.observed.ours));
        Ok(meaning(placed.clone(), &Prior::from_states(ours), &self.facts)?.desired)
    }

    /// That every host answers; those that do not are told all at once. `look` is how they were looked at.
    pub fn whole(&self, look: Look<'_>) -> Result<(), Failure> {
        if self.down.is_empty() {
            return Ok(());
        }
        Err(look.failed(&self.down, self.down.len() + self.hosts.len()))
    }

    /// What is there of the lab, all hosts together.
    pub fn is_running(&self) -> bool {
        self.hosts.values().any(|on| !on.observed.ours.is_empty())
    }

    /// The steps on each host that answers, from what is so to what is wanted.
    pub fn plan(&self, loaded: &Loaded) -> Result<Plans, Failure> {
        // Of those that do not answer it may not be so any more.
        let answered = self.facts.iter().filter(|(id, _)| self.hosts.contains_key(*id));
        let unfit = unfit(&self.topology, &answered.map(|(id, facts)| (id.clone(), facts.clone())).collect());
        if !unfit.is_empty() {
            return Err(Failure::problems(&loaded.sources, unfit));
        }
        let (mut plans, mut refusals) = (IndexMap::new(), Vec::new());
        for (id, on) in &self.hosts {
            match Planned::between(&self.lab, &on.desired, &on.observed) {
                Ok(plan) => {
                    plans.insert(id.clone(), plan);
                }
                Err(of_host) => refusals.extend(self.told(id, of_host, loaded)),
            }
        }
        match refusals.is_empty() {
            true => Ok(plans),
            false => Err(Failure::Refused { lab: self.lab.clone(), refusals }),
        }
    }

    /// What is in the way on a host, with the places in the file that need what its kernel lacks.
    pub fn refused(&self, id: &HostId, refusals: Vec<Refusal>, loaded: &Loaded) -> Failure {
        Failure::Refused { lab: self.lab.clone(), refusals: self.told(id, refusals, loaded) }
    }

    fn told(&self, id: &HostId, refusals: Vec<Refusal>, loaded: &Loaded) -> Vec<Refusal> {
        let names = Names::of(self.hosts.get(id).iter().flat_map(|on| on.desired.iter()).map(|(_, r)| r));
        let facts = self.hosts.iter().map(|(id, on)| (id.clone(), on.observed.facts.clone())).collect();
        let origins = origins(id, &self.topology, &self.given, &facts);
        let told = refused::told(refusals, &loaded.sources, |key| origins.get(key).cloned(), &names);
        if self.hosts.len() + self.down.len() == 1 {
            return told;
        }
        told.into_iter().map(|r| Refusal { message: format!("{id}: {}", r.message), ..r }).collect()
    }
}

/// The steps on each host from one topology to another, with no machine.
pub fn plan_offline(old: Option<&Loaded>, new: &Loaded) -> Result<Plans, Failure> {
    let lab = &new.topology.name;
    let (mut prior, mut places, mut before) = (Prior::default(), Places::default(), Desired::default());
    let facts = HostFacts::default();
    if let Some(old) = old {
        if old.topology.name != *lab {
            let message = format!("the old file is lab {}, the new one lab {lab}", old.topology.name);
            return Err(Failure::hinted(codes::OTHER_LAB, message, "compare two files with the same `name:`"));
        }
        let was = wanted(&old.topology, &places, &prior, &facts).map_err(|p| Failure::problems(&old.sources, p))?;
        prior = Prior::from_given(&was.topology, &was.given);
        places = placed(&was.topology);
        before = was.desired;
    }
    let mut wanted = wanted(&new.topology, &places, &prior, &facts).map_err(|p| Failure::problems(&new.sources, p))?;
    let left: Vec<HostId> = before.keys().filter(|id| !wanted.desired.contains_key(*id)).cloned().collect();
    wanted.desired.extend(left.into_iter().map(|id| (id, HostState::default())));
    let is_one = wanted.desired.len() == 1;
    let (mut plans, mut refusals) = (IndexMap::new(), Vec::new());
    for (id, desired) in &wanted.desired {
        let observed = Observed { ours: before.swap_remove(id).unwrap_or_default(), ..Observed::default() };
        match Planned::between(lab, desired, &observed) {
            Ok(plan) => {
                plans.insert(id.clone(), plan);
            }
            Err(of_host) if is_one => refusals.extend(of_host),
            Err(of_host) => {
                refusals.extend(of_host.into_iter().map(|r| Refusal { message: format!("{id}: {}", r.message), ..r }))
            }
        }
    }
    match refusals.is_empty() {
        true => Ok(plans),
        false => Err(Failure::Refused { lab: lab.clone(), refusals }),
    }
}

/// Opens the hosts of the lab that is meant, by its file, its name, or by being the only one, and does the work on it.
pub fn with<T>(
    global: &Global,
    screen: &Screen,
    text: Option<&str>,
    vars: &Vars,
    work: impl FnOnce(&Hosts, Loaded) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let stores = Stores::of(global)?;
    let (loaded, stored) = match text.map(Target::of).transpose()? {
        Some(Target::File(file)) => {
            let loaded = file::load(&file, vars)?;
            // Beside a file it is a convenience.
            let stored = stores.applied(&loaded.topology.name).unwrap_or(None);
            (loaded, stored)
        }
        Some(Target::Lab(lab)) => applied(&stores, &lab, global, screen)?,
        None => {
            let lab = only(&stores)?;
            applied(&stores, &lab, global, screen)?
        }
    };
    with_loaded(global, screen, loaded, stored, work)
}

/// What was applied of a lab, as a topology and as it is stored.
pub fn applied(
    stores: &Stores,
    lab: &LabName,
    global: &Global,
    screen: &Screen,
) -> Result<(Loaded, Option<Applied>), Failure> {
    match stores.applied(lab)? {
        Some(applied) => Ok((file::reload(applied.sources.clone())?, Some(applied))),
        None => hosts::here(global, screen, |hosts| Err(not_running(hosts, lab))),
    }
}

/// Opens the hosts that a topology is on, or that what was applied before may still be on.
pub fn with_loaded<T>(
    global: &Global,
    screen: &Screen,
    loaded: Loaded,
    stored: Option<Applied>,
    work: impl FnOnce(&Hosts, Loaded) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut members = hosts::members(&loaded.topology);
    for (id, reach) in stored.iter().flat_map(Applied::members) {
        // One that is reached as another now is that other, by a new name.
        if !members.values().any(|other| other.is_way_of(&reach)) {
            members.entry(id).or_insert(reach);
        }
    }
    let lab = loaded.topology.name.clone();
    hosts::of_lab(global, screen, (&lab, members), stored, |hosts| work(hosts, loaded))
}

/// The only lab that runs.
pub fn only(stores: &Stores) -> Result<LabName, Failure> {
    let labs: Vec<LabName> = stores.labs()?.into_iter().collect();
    match &labs[..] {
        [one] => Ok(one.clone()),
        [] => Err(Failure::hinted(codes::LAB, "no lab is running", "apply one: netsim apply FILE")),
        many => {
            let names = many.iter().map(LabName::as_str).collect::<Vec<_>>().join(", ");
            Err(Failure::hinted(codes::LAB, "several labs are running", format!("name one of them: {names}")))
        }
    }
}

/// That nothing is known of a lab, with what is.
fn not_running(hosts: &Hosts, lab: &LabName) -> Failure {
    let mut labs = hosts.stores().labs().unwrap_or_default();
    hosts.iter().for_each(|(_, host)| labs.extend(host.labs().unwrap_or_default()));
    if labs.contains(lab) {
        let message = format!("lab {lab} is there, but what was applied is not stored");
        return Failure::hinted(codes::LAB, message, "name its file instead; `netsim destroy` needs none");
    }
    let hint = match labs.is_empty() {
        true => "apply it, or name its file".to_owned(),
        false => format!("name one that is: {}", labs.iter().map(LabName::as_str).collect::<Vec<_>>().join(", ")),
    };
    Failure::hinted(codes::LAB, format!("lab {lab} is not running"), hint)
}
