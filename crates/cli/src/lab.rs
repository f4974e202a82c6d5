//! From a topology to the steps that make it so: what every command that plans has in common.

use netsim_core::given::{Given, Prior, give};
use netsim_core::lower::{lower, origins};
use netsim_core::names::{HostId, LabName};
use netsim_core::plan::Refusal;
use netsim_core::problem::Problem;
use netsim_core::resource::{Device, NetnsId, Ovs, OvsPort, OvsPortKind, Resource};
use netsim_core::state::{Facts, HostFacts, HostState, Observed, Scope};
use netsim_core::topology::Topology;
use netsim_host::store::{self, Applied};

use crate::args::Vars;
use crate::error::{Failure, codes};
use crate::file::{self, Loaded, Target};
use crate::machine::Machine;
use crate::planned::{Names, Planned};
use crate::refused;

/// A topology with everything given out, and what it means on a host.
#[derive(Debug)]
pub struct Wanted {
    pub given: Given,
    pub desired: HostState,
}

/// What the topology means, given what there was and what the host can do.
pub fn wanted(topology: &Topology, prior: &Prior, facts: &Facts) -> Result<Wanted, Vec<Problem>> {
    let given = give(topology, prior)?;
    let mut hosts = lower(topology, &given, &HostFacts::from([(HostId::local(), facts.clone())]))?;
    let desired = hosts.swap_remove(&HostId::local()).unwrap_or_default();
    Ok(Wanted { given, desired })
}

/// A topology against a machine.
#[derive(Debug)]
pub struct Surveyed {
    pub wanted: Wanted,
    pub observed: Observed,
    pub scope: Scope,
}

/// Looks at the machine, and works out what the topology means there.
pub fn survey(machine: &Machine, loaded: &Loaded) -> Result<Surveyed, Failure> {
    let Loaded { topology, sources } = loaded;
    let problems = |p| Failure::problems(sources, p);
    // Which names matter depends on what is given out, and that on what there is: guess, look, and look again only where the guess was wrong.
    let guess = wanted(topology, &Prior::default(), &Facts::default()).map_err(problems)?;
    let mut scope = Scope::of(&topology.name, &guess.desired);
    let mut observed = machine.observe(&scope)?;
    let wanted = wanted(topology, &Prior::from_state(&observed.ours), &observed.facts).map_err(problems)?;
    let exact = Scope::of(&topology.name, &wanted.desired);
    if exact != scope {
        scope = exact;
        observed = machine.observe(&scope)?;
    }
    Ok(Surveyed { wanted, observed, scope })
}

impl Surveyed {
    /// The steps from what is so to what is wanted.
    pub fn plan(&self, loaded: &Loaded) -> Result<Planned, Failure> {
        let plan = Planned::between(&self.scope.lab, &self.wanted.desired, &self.observed);
        plan.map_err(|refusals| refused(refusals, loaded, &self.wanted))
    }
}

/// What is in the way, with the places in the file that need what the kernel lacks.
pub fn refused(refusals: Vec<Refusal>, loaded: &Loaded, wanted: &Wanted) -> Failure {
    let names = Names::of(wanted.desired.iter().map(|(_, r)| r));
    let origins = origins(&HostId::local(), &loaded.topology, &wanted.given);
    let refusals = refused::told(refusals, &loaded.sources, |key| origins.get(key).cloned(), &names);
    Failure::Refused { lab: loaded.topology.name.clone(), refusals }
}

/// The steps from one topology to another, with no machine.
pub fn plan_offline(old: Option<&Loaded>, new: &Loaded) -> Result<Planned, Failure> {
    let lab = &new.topology.name;
    let (mut prior, mut observed) = (Prior::default(), Observed::default());
    if let Some(old) = old {
        if old.topology.name != *lab {
            let message = format!("the old file is lab {}, the new one lab {lab}", old.topology.name);
            return Err(Failure::hinted(codes::OTHER_LAB, message, "compare two files with the same `name:`"));
        }
        let before =
            wanted(&old.topology, &prior, &Facts::default()).map_err(|p| Failure::problems(&old.sources, p))?;
        prior = Prior::from_given(&old.topology, &before.given);
        observed.ours = before.desired;
    }
    let wanted = wanted(&new.topology, &prior, &Facts::default()).map_err(|p| Failure::problems(&new.sources, p))?;
    Planned::between(lab, &wanted.desired, &observed)
        .map_err(|refusals| Failure::Refused { lab: lab.clone(), refusals })
}

/// What was applied of a lab, if anything is stored.
pub fn applied(machine: &Machine, lab: &LabName) -> Result<Option<Loaded>, Failure> {
    let applied: Option<Applied> = store::load(machine.state(), lab)?;
    applied.map(|a| file::reload(a.sources)).transpose()
}

/// How large a lab is on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Namespaces, and bridges in the host's.
    pub nodes: usize,
    /// Pairs of devices, and of patch ports.
    pub links: usize,
}

/// How much there is of a lab.
pub fn size(ours: &HostState) -> Size {
    let count = |of: fn(&Resource) -> bool| ours.iter().filter(|(_, r)| of(r)).count();
    let patches = count(|r| matches!(r, Resource::Ovs(Ovs::Port(p)) if is_patch(p)));
    let pairs = count(|r| matches!(r, Resource::Device(Device::Veth(_))));
    Size { nodes: count(is_node), links: pairs + patches.div_ceil(2) }
}

fn is_patch(port: &OvsPort) -> bool {
    matches!(port.kind, OvsPortKind::Patch { .. })
}

fn is_node(resource: &Resource) -> bool {
    match resource {
        Resource::Fdb(_) | Resource::Neighbour(_) => todo!("hosts"),
        Resource::Netns(_) | Resource::Ovs(Ovs::Bridge(_)) => true,
        Resource::Ovs(Ovs::Stray(stray)) => matches!(stray.of, Ovs::Bridge(_)),
        Resource::Ovs(Ovs::Port(_) | Ovs::Mirror(_) | Ovs::Qos(_) | Ovs::Flows(_)) => false,
        Resource::Device(Device::Bridge(bridge)) => bridge.id.netns == NetnsId::Host,
        Resource::Device(Device::Veth(_) | Device::Single(_) | Device::Stray { .. }) => false,
        Resource::Up(_) | Resource::Port(_) | Resource::PortVlans(_) | Resource::Qdisc(_) | Resource::Tuning(_) => {
            false
        }
        Resource::Address(_) | Resource::Route(_) | Resource::Sysctl(_) | Resource::Ran(_) => false,
    }
}

/// The lab that is meant: by its file, its name, or by being the only one.
pub fn meant(machine: &Machine, text: Option<&str>, vars: &Vars) -> Result<Loaded, Failure> {
    let lab = match text.map(Target::of).transpose()? {
        Some(Target::File(file)) => return file::load(&file, vars),
        Some(Target::Lab(lab)) => lab,
        None => only(machine)?,
    };
    applied(machine, &lab)?.ok_or_else(|| not_running(machine, &lab))
}

/// The only lab that runs.
pub fn only(machine: &Machine) -> Result<LabName, Failure> {
    let labs = store::labs(machine.state())?;
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
pub fn not_running(machine: &Machine, lab: &LabName) -> Failure {
    let labs = machine.labs().unwrap_or_default();
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
