//! A plan kept in a file: what `plan --out` writes and `apply` takes.

use indexmap::IndexMap;
use netsim_core::names::{HostId, LabName, stable_hash};
use netsim_core::plan::Action;
use netsim_core::resource::Key;
use netsim_core::spec::Sources;
use netsim_core::state::{Observed, Scope};
use serde::{Deserialize, Serialize};

use crate::error::{Failure, codes};
use crate::lab::{OnHost, Surveyed};
use crate::planned::{Planned, Plans, Summary, total};
use crate::render::json;

/// The file's content.
#[derive(Debug)]
pub struct PlanFile {
    pub lab: LabName,
    /// The plan of each host; that of this machine alone is a document of its own version.
    pub hosts: IndexMap<HostId, PlanOn>,
    /// How much is to be done on all of them.
    pub summary: Summary,
    /// The texts of the topology.
    pub sources: Sources,
}

/// The plan of one host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlanOn {
    pub summary: Summary,
    /// A fingerprint of the machine that it was made for; none if it was made for no machine.
    pub machine: Option<String>,
    pub actions: Vec<Action>,
    /// What goes by itself along with what is deleted.
    pub falls: Vec<Key>,
}

/// The document of a lab on this machine alone.
#[derive(Serialize, Deserialize)]
struct Here {
    lab: LabName,
    #[serde(flatten)]
    plan: PlanOn,
    sources: Sources,
}

/// The document of a lab with other hosts.
#[derive(Serialize, Deserialize)]
struct Several {
    lab: LabName,
    summary: Summary,
    hosts: IndexMap<HostId, PlanOn>,
    sources: Sources,
}

#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

const FORMAT: &str = "netsim-plan";
/// Of a lab on this machine alone.
const HERE: u32 = 1;
/// Of a lab with other hosts.
const SEVERAL: u32 = 2;

impl PlanFile {
    pub fn of(lab: &LabName, plans: &Plans, sources: &Sources, surveyed: Option<&Surveyed>) -> Self {
        let machine = |id: &HostId| {
            let on = surveyed?.hosts.get(id)?;
            Some(fingerprint(&on.observed, &on.scope))
        };
        let on = |(id, plan): (&HostId, &Planned)| {
            let (actions, falls) = (plan.actions.clone(), plan.falls.clone());
            (id.clone(), PlanOn { summary: plan.summary(), machine: machine(id), actions, falls })
        };
        let hosts = plans.iter().map(on).collect();
        PlanFile { lab: lab.clone(), hosts, summary: total(plans), sources: sources.clone() }
    }

    /// The file's text.
    pub fn document(&self) -> String {
        let (lab, sources) = (self.lab.clone(), self.sources.clone());
        match (self.hosts.get(&HostId::local()), self.hosts.len()) {
            (Some(plan), 1) => json::document(FORMAT, HERE, &Here { lab, plan: plan.clone(), sources }),
            (_, _) => {
                let (summary, hosts) = (self.summary, self.hosts.clone());
                json::document(FORMAT, SEVERAL, &Several { lab, summary, hosts, sources })
            }
        }
    }

    /// Reads a plan file.
    pub fn read(name: &str, text: &str) -> Result<Self, Failure> {
        let wrong = |why: String| {
            let hint = "make it anew: netsim plan FILE --out PLAN.JSON";
            Failure::hinted(codes::PLAN_FILE, format!("{name} is no plan that this netsim can apply: {why}"), hint)
        };
        let head: Head = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
        match (head.format.as_str(), head.version) {
            (FORMAT, HERE) => {
                let Here { lab, plan, sources } = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
                let summary = plan.summary;
                Ok(PlanFile { lab, hosts: IndexMap::from([(HostId::local(), plan)]), summary, sources })
            }
            (FORMAT, SEVERAL) => {
                let Several { lab, hosts, summary, sources } =
                    serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
                Ok(PlanFile { lab, hosts, summary, sources })
            }
            (FORMAT, version) => Err(wrong(format!("it has version {version}, not {HERE} or {SEVERAL}"))),
            (format, _) => Err(wrong(format!("its format is `{format}`, not `{FORMAT}`"))),
        }
    }

    /// That every host is still as it was when the plan was made.
    pub fn still_fits(&self, name: &str, surveyed: &Surveyed) -> Result<(), Failure> {
        let anew = "make the plan anew: netsim plan FILE --out PLAN.JSON";
        for (id, on) in &surveyed.hosts {
            let is_here = self.hosts.len() == 1 && *id == HostId::local();
            let which = if is_here { "the machine".to_owned() } else { format!("host {id}") };
            let OnHost { observed, scope, .. } = on;
            match self.hosts.get(id).map(|plan| plan.machine.as_ref()) {
                Some(None) => {
                    let message = format!("{name} was made for no machine, by `plan --from`");
                    let hint = "apply the topology, or make the plan without --from";
                    return Err(Failure::hinted(codes::PLAN_FILE, message, hint));
                }
                Some(Some(was)) if *was == fingerprint(observed, scope) => {}
                Some(Some(_)) | None => {
                    let message = format!("{which} has changed since {name} was made; nothing was done");
                    return Err(Failure::hinted(codes::CHANGED_SINCE, message, anew));
                }
            }
        }
        Ok(())
    }

    /// That its steps are these.
    pub fn is_of(&self, plans: &Plans) -> bool {
        let same = |(id, plan): (&HostId, &Planned)| self.hosts.get(id).is_some_and(|on| on.actions == plan.actions);
        self.hosts.len() == plans.len() && plans.iter().all(same)
    }
}

/// A fingerprint of what is the lab's, what it borrowed, and who holds the names it wants. The order in which a machine tells them does not matter.
fn fingerprint(observed: &Observed, scope: &Scope) -> String {
    let json = |v: serde_json::Result<String>| v.expect("resources have text keys and write without I/O");
    let mut lines: Vec<String> = observed.ours.iter().map(|(_, r)| json(serde_json::to_string(r))).collect();
    lines.extend(observed.loans.iter().map(|loan| json(serde_json::to_string(&loan))));
    let names: std::collections::HashSet<&Key> = scope.names.iter().collect();
    let held = observed.others.iter().filter(|(k, _)| names.contains(k));
    lines.extend(held.map(|other| json(serde_json::to_string(&other))));
    lines.sort_unstable();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    format!("{:016x}", stable_hash(&lines))
}
