//! The hosts that a command works on, side by side: this machine, others over ssh, or kernels in memory.

use std::collections::BTreeSet;
use std::path::PathBuf;

use indexmap::IndexMap;
use netsim_core::names::{HostId, LabName};
use netsim_core::place::Places;
use netsim_core::resource::Key;
use netsim_core::state::{Observed, Scope};
use netsim_core::topology::{Kind, Node, On, Topology};
use netsim_host::Host;
use netsim_host::backend::HostError;
use netsim_host::rootless::{Mode, Standing};
use netsim_host::run::{self, Timed};
use netsim_host::ssh::Reached;
use netsim_host::store::{self, Applied, Reach};

use crate::args::{BackendChoice, Global};
use crate::error::{Failure, codes};
use crate::screen::{DIM, Screen, paint};
use crate::stores::{Stores, state_folder};

mod open;

/// The hosts that may have something of a lab, and how each is reached.
pub type Members = IndexMap<HostId, Reach>;

/// What each host answered, and how long that took.
pub type Answers<T> = IndexMap<HostId, Timed<Result<T, HostError>>>;

/// Hosts that have been opened for one command.
pub struct Hosts {
    hosts: IndexMap<HostId, Host>,
    reached: IndexMap<HostId, Reached>,
    down: IndexMap<HostId, HostError>,
    members: Members,
    standing: Option<Standing>,
    simulated: bool,
    stores: Stores,
    stored: Option<Applied>,
}

/// Opens these hosts, does the work on them, and leaves them. `stored` is what was applied of the lab that they are opened for.
pub fn with<T>(
    global: &Global,
    screen: &Screen,
    members: Members,
    stored: Option<Applied>,
    work: impl FnOnce(&Hosts) -> Result<T, Failure>,
) -> Result<T, Failure> {
    worked(Hosts::open(global, screen, members, stored)?, work)
}

/// The same of a lab by its file: where another netsim has applied it and not all hosts answer, those that do say what was applied.
pub fn of_lab<T>(
    global: &Global,
    screen: &Screen,
    (lab, members): (&LabName, Members),
    stored: Option<Applied>,
    work: impl FnOnce(&Hosts) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut hosts = Hosts::open(global, screen, members, stored)?;
    hosts.recall(lab);
    worked(hosts, work)
}

fn worked<T>(mut hosts: Hosts, work: impl FnOnce(&Hosts) -> Result<T, Failure>) -> Result<T, Failure> {
    let result = work(&hosts);
    hosts.hang_up();
    let left = hosts.standing.take().map_or(Ok(()), Standing::leave);
    let value = result?;
    left?;
    Ok(value)
}

/// The same with this machine alone.
pub fn here<T>(
    global: &Global,
    screen: &Screen,
    work: impl FnOnce(&Hosts) -> Result<T, Failure>,
) -> Result<T, Failure> {
    with(global, screen, only_here(), None, work)
}

/// This machine alone.
pub fn only_here() -> Members {
    Members::from([(HostId::local(), Reach::default())])
}

/// The hosts that nodes of a topology may be on, in the file's order.
pub fn members(topology: &Topology) -> Members {
    let mut used = BTreeSet::new();
    for node in topology.graph.node_weights().filter(|node| stands_alone(node)) {
        match &node.on {
            On::Host(host) => used.extend([host.clone()]),
            On::Each(hosts) => used.extend(hosts.iter().cloned()),
            On::Auto if topology.hosts.is_empty() => used.extend([HostId::local()]),
            On::Auto => used.extend(topology.hosts.keys().cloned()),
        }
    }
    if used.is_empty() {
        return only_here();
    }
    let reach = |host: &HostId| match topology.hosts.get(host) {
        Some(written) => Reach { ssh: written.ssh.clone(), sudo: written.sudo, ovsdb: written.ovsdb.clone() },
        None => Reach::default(),
    };
    let mut members: Members = used.iter().map(|host| (host.clone(), reach(host))).collect();
    members.sort_by_key(|host, _| topology.hosts.get_index_of(host));
    members
}

/// Whether it is somewhere by itself; all else is where what it is linked to is.
fn stands_alone(node: &Node) -> bool {
    match &node.kind {
        Kind::Namespace | Kind::Router | Kind::Ovs(..) | Kind::Host => true,
        Kind::Bridge(switch) => !switch.implied,
        Kind::Nic { .. } | Kind::Overlay(_) => false,
    }
}

/// Whether any of them is another machine.
pub fn are_far(members: &Members) -> bool {
    members.keys().any(|host| *host != HostId::local())
}

impl Hosts {
    /// Ends all connections at once: each waits for its ssh to end.
    fn hang_up(&mut self) {
        let reached = std::mem::take(&mut self.reached);
        self.hosts.retain(|id, _| !reached.contains_key(id));
        run::on_all(reached.keys().cloned().collect::<Vec<_>>().iter().zip(reached.into_values()), |_, one| drop(one));
    }

    /// Asks the hosts that answer what was applied, if it is not known here and needed for those that do not.
    fn recall(&mut self, lab: &LabName) {
        if self.stored.is_some() || self.down.is_empty() {
            return;
        }
        let told = run::on_all(&self.hosts, |_, host| host.load(lab));
        let mut texts = told.into_values().filter_map(|timed| timed.value.ok().flatten());
        let applied = texts.find_map(|text| store::read::<Applied>(&text, lab.as_str().as_ref()).ok());
        // How hosts are reached we do not let a host tell us.
        self.stored = applied.map(|applied| Applied { hosts: self.members.clone(), ..applied });
    }

    /// Those that can be worked on, in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = (&HostId, &Host)> {
        self.hosts.iter()
    }

    /// Those that can be worked on.
    pub fn all(&self) -> &IndexMap<HostId, Host> {
        &self.hosts
    }

    /// One of them, or why it cannot be worked on.
    pub fn host(&self, id: &HostId) -> Result<&Host, Failure> {
        match (self.hosts.get(id), self.down.get(id)) {
            (Some(host), _) => Ok(host),
            (None, Some(error)) => Err(error.clone().into()),
            (None, None) => Err(Failure::new(codes::LAB, format!("the lab has nothing on host {id}"))),
        }
    }

    /// The connection to a host's agent; none of this machine, and of one in memory.
    pub fn reached(&self, id: &HostId) -> Option<&Reached> {
        self.reached.get(id)
    }

    /// Those that cannot be worked on, and why.
    pub fn down(&self) -> &IndexMap<HostId, HostError> {
        &self.down
    }

    /// All that were to be opened.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// What was applied before of the lab that they were opened for.
    pub fn stored(&self) -> Option<&Applied> {
        self.stored.as_ref()
    }

    /// Where the lab's nodes were when it was applied.
    pub fn places(&self) -> Places {
        self.stored.as_ref().map(|applied| applied.places.clone()).unwrap_or_default()
    }

    /// Where netsim itself keeps account of labs.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Whether their kernels are in memory.
    pub fn are_simulated(&self) -> bool {
        self.simulated
    }

    /// Whether there is one alone, so that nobody has to be told which.
    pub fn is_one(&self) -> bool {
        self.members.len() == 1
    }

    /// Whether it is this machine alone.
    pub fn is_here_alone(&self) -> bool {
        self.is_one() && !are_far(&self.members)
    }

    /// Whether how long they took says anything: of several machines, but of none in memory.
    pub fn tell_times(&self) -> bool {
        !self.simulated && !self.is_here_alone()
    }

    /// What they are, for the head of a plan.
    pub fn words(&self) -> String {
        match (&self.standing, self.is_here_alone()) {
            (None, true) => "the simulator".to_owned(),
            (Some(Standing::Root), true) => "this machine".to_owned(),
            (Some(Standing::Rootless(_)), true) => "this machine, rootless".to_owned(),
            (_, false) => listed(self.members.keys()),
        }
    }

    /// The same of those that answer.
    pub fn words_of<'a>(&self, hosts: impl Iterator<Item = &'a HostId>) -> String {
        match self.is_here_alone() {
            true => self.words(),
            false => listed(hosts),
        }
    }

    /// Looks at hosts, each as its scope says; those that are down are left out.
    pub fn look(&self, scopes: &IndexMap<HostId, Scope>) -> Answers<Observed> {
        let asked = scopes.iter().filter_map(|(id, scope)| Some((id, (self.hosts.get(id)?, scope))));
        run::on_all(asked, |_, (host, scope)| self.allowed(scope).and_then(|()| host.observe(scope)))
    }

    /// The same, with the lab's lock on every host first; says so when it has to wait.
    pub fn begin(&self, scopes: &IndexMap<HostId, Scope>, screen: &Screen) -> Result<Answers<Observed>, Failure> {
        scopes.values().try_for_each(|scope| self.allowed(scope))?;
        let mut waiting = |id: &HostId, holder: Option<u32>| self.wait(id, &scopes[id].lab, holder, screen);
        Ok(run::begin(&self.hosts, |id| scopes[id].clone(), &mut waiting))
    }

    /// Does the work on one host under the lab's lock. What was done stays; where the work fails, an agent brings back what was before.
    pub fn locked<T>(
        &self,
        id: &HostId,
        lab: &LabName,
        screen: &Screen,
        work: impl FnOnce(&Host) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let host = self.host(id)?;
        host.lock(lab, &mut |holder| self.wait(id, lab, holder, screen))?;
        let value = work(host)?;
        host.keep()?;
        Ok(value)
    }

    /// Says that a lab's lock has to be waited for.
    pub fn wait(&self, id: &HostId, lab: &LabName, holder: Option<u32>, screen: &Screen) {
        let who = holder.map_or_else(|| "another netsim".to_owned(), |pid| format!("another netsim (process {pid})"));
        let place = if self.is_here_alone() { String::new() } else { format!("{id}: ") };
        screen.warn(&format!("{}\n", paint(DIM, &format!("{place}waiting for {who} to be done with lab {lab} …"))));
    }

    /// Open vSwitch works in the network namespace that it was started in.
    fn allowed(&self, scope: &Scope) -> Result<(), HostError> {
        let of_ovs = || scope.names.iter().any(|key| matches!(key, Key::Ovs(_)));
        if !matches!(self.standing, Some(Standing::Rootless(_))) || !of_ovs() {
            return Ok(());
        }
        Err(HostError {
            code: codes::OUT_OF_REACH,
            doing: "look at Open vSwitch".to_owned(),
            message: "it has no part in a network namespace of a user's own".to_owned(),
            errno: None,
            hint: Some("run netsim as root, or make the switch a `kind: bridge`".to_owned()),
        })
    }
}

/// `h1, h2 and h3`, or how many.
pub fn listed<'a>(hosts: impl IntoIterator<Item = &'a HostId>) -> String {
    const NAMED: usize = 4;
    let names: Vec<&str> = hosts.into_iter().map(HostId::as_str).collect();
    match names.split_last() {
        _ if names.len() > NAMED => format!("{} hosts", names.len()),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "no host".to_owned(),
    }
}

pub(crate) fn mode(global: &Global) -> Mode {
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
    let folder = state_folder().ok_or_else(|| {
        Failure::hinted(
            codes::SIMULATED,
            "there is no HOME to keep the simulator's state in",
            "name a file: --sim-file FILE",
        )
    })?;
    std::fs::create_dir_all(&folder).map_err(|e| Failure::file("make", &folder, &e))?;
    Ok(folder.join("sim.json"))
}

/// Where the kernel in memory of one of several hosts is kept: beside that of this machine, with the host's name before the ending.
fn sim_file_of(global: &Global, host: &HostId) -> Result<PathBuf, Failure> {
    let file = sim_file(global)?;
    if *host == HostId::local() {
        return Ok(file);
    }
    let ending = file.extension().map_or_else(|| host.to_string(), |e| format!("{host}.{}", e.to_string_lossy()));
    Ok(file.with_extension(ending))
}

/// Whether kernels in memory are worked on.
fn simulates(global: &Global) -> bool {
    global.backend == BackendChoice::Sim
}
