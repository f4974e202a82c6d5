//! Opening hosts: entering where labs of this machine are made, and reaching the others over ssh, all at once.

use std::sync::Arc;

use indexmap::IndexMap;
use netsim_core::names::HostId;
use netsim_host::backend::HostError;
use netsim_host::linux::Paths;
use netsim_host::rootless::{self, Mode, Standing};
use netsim_host::sim::SimHost;
use netsim_host::ssh::{self, Agent, AgentPath, Database, Event, Folder, Reached, Rights, Target, Way};
use netsim_host::store::{Applied, Reach};
use netsim_host::{AnyBackend, Host, Local, Own, Patience, machine, run};

use super::{Hosts, Members, are_far, mode, sim_file_of, simulates};
use crate::args::Global;
use crate::error::{Failure, codes};
use crate::screen::{DIM, Screen, paint};
use crate::stores::Stores;

impl Hosts {
    pub(super) fn open(
        global: &Global,
        screen: &Screen,
        members: Members,
        stored: Option<Applied>,
    ) -> Result<Self, Failure> {
        let stores = Stores::of(global)?;
        // Entering a user namespace takes a process of one thread: before any other host is reached.
        let standing = match simulates(global) {
            true => None,
            false => stand(&members, global)?,
        };
        if let Some(Standing::Rootless(stay)) = &standing
            && let Some(pid) = stay.lost
        {
            screen.warn(&format!("the keeper of the rootless labs (process {pid}) had ended, and every lab with it\n"));
        }
        let mut opened = Hosts {
            hosts: IndexMap::new(),
            reached: IndexMap::new(),
            down: IndexMap::new(),
            members,
            standing,
            simulated: simulates(global),
            stores,
            stored,
        };
        opened.fill(global, screen)?;
        Ok(opened)
    }

    fn fill(&mut self, global: &Global, screen: &Screen) -> Result<(), Failure> {
        let mut others = if self.simulated { IndexMap::new() } else { reach_all(&self.members, global, screen)? };
        for (id, number) in self.members.keys().zip((1..=254).cycle()) {
            let host = match others.swap_remove(id) {
                Some(Ok(reached)) => {
                    let host = Host::new(id.clone(), AnyBackend::Remote(reached.remote.clone()));
                    self.reached.insert(id.clone(), reached);
                    host
                }
                Some(Err(error)) => {
                    self.down.insert(id.clone(), error);
                    continue;
                }
                None if self.simulated => {
                    let file = sim_file_of(global, id)?;
                    let state = file.with_extension("labs");
                    Host::keeping(id.clone(), AnyBackend::Sim(SimHost::new(file).numbered(number)), state)
                }
                None => {
                    let database = global.db.clone().or_else(|| self.members[id].ovsdb.clone());
                    let local = Local::new(Paths::default(), database);
                    Host::new(id.clone(), AnyBackend::Local(local))
                }
            };
            self.hosts.insert(id.clone(), host);
        }
        self.are_several()
    }

    /// That no two are one machine: each would wait for the other's lock, and take away what is the other's.
    fn are_several(&self) -> Result<(), Failure> {
        let mut seen: IndexMap<String, &HostId> = IndexMap::new();
        for id in self.hosts.keys() {
            let machine = match self.reached.get(id) {
                Some(reached) => reached.remote.machine().map(str::to_owned),
                None if self.simulated || self.is_one() => None,
                None => machine::this(),
            };
            if let Some(other) = machine.and_then(|machine| seen.insert(machine, id)) {
                let message = format!("hosts {other} and {id} are one machine");
                let hint = "write one of them; if the lab was applied with the other name, `netsim destroy` it first";
                return Err(Failure::hinted(codes::ONE_MACHINE, message, hint));
            }
        }
        Ok(())
    }
}

/// Goes where this machine's part of a lab is made, if it has one. ssh would find no network in a user's own namespaces.
fn stand(members: &Members, global: &Global) -> Result<Option<Standing>, Failure> {
    let has_part = members.values().any(|reach| reach.ssh.is_none());
    match (are_far(members), has_part) {
        (false, _) => Ok(Some(rootless::enter(mode(global))?)),
        (true, _) if global.rootless => {
            let message =
                "a lab with other hosts cannot be worked on with --rootless: its namespaces have no way to them";
            Err(Failure::hinted(codes::FAR_ROOTLESS, message, "leave --rootless out"))
        }
        (true, true) => rootless::enter(Mode::Root).map(Some).map_err(|error| {
            let why =
                format!("this machine's part of a lab with other hosts takes root's rights here: {}", error.message);
            Failure::hinted(codes::FAR_ROOTLESS, why, "run netsim as root, or put every node on another `host:`")
        }),
        (true, false) => Ok(None),
    }
}

/// Reaches all that are other machines, side by side.
fn reach_all(
    members: &Members,
    global: &Global,
    screen: &Screen,
) -> Result<IndexMap<HostId, Result<Reached, HostError>>, Failure> {
    let others: Vec<(&HostId, &Reach)> = members.iter().filter(|(_, reach)| reach.ssh.is_some()).collect();
    if others.is_empty() {
        return Ok(IndexMap::new());
    }
    let agent = match &global.agent {
        Some(path) => Agent::At(AgentPath::new(path)?),
        None => {
            let own = Own::this().map_err(|e| Failure::new(codes::FILE, format!("read this program: {e}")))?;
            Agent::Copied(Arc::new(own))
        }
    };
    let folder = Arc::new(Folder::new()?);
    let way = |reach: &Reach| -> Result<Way, HostError> {
        Ok(Way {
            target: Target::new(reach.ssh.as_deref().unwrap_or_default())?,
            rights: if reach.sudo { Rights::Sudo } else { Rights::Own },
            agent: agent.clone(),
            database: reach.ovsdb.as_deref().map(Database::new).transpose()?,
            ssh: "ssh".into(),
            folder: folder.clone(),
        })
    };
    let reach = |id: &HostId, reach: &Reach| {
        ssh::reach(id, &way(reach)?, Patience::default(), &mut |event| tell(id, event, screen))
    };
    Ok(run::on_all(others, reach).into_iter().map(|(id, timed)| (id, timed.value)).collect())
}

fn tell(id: &HostId, event: Event, screen: &Screen) {
    let what = match event {
        Event::Copying(bytes) => format!("{id}: copying netsim there ({} MiB) …", bytes.div_ceil(1 << 20)),
        Event::Copied(took) => format!("{id}: copied in {:.1} s", took.as_secs_f64()),
    };
    screen.caution(&format!("{}\n", paint(DIM, &what)));
}
