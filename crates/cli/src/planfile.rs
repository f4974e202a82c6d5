//! A plan kept in a file: what `plan --out` writes and `apply` takes.

use netsim_core::names::{LabName, stable_hash};
use netsim_core::plan::Action;
use netsim_core::resource::Key;
use netsim_core::spec::Sources;
use netsim_core::state::{Observed, Scope};
use serde::{Deserialize, Serialize};

use crate::error::{Failure, codes};
use crate::lab::Surveyed;
use crate::planned::{Planned, Summary};

/// The file's content.
#[derive(Debug, Serialize, Deserialize)]
pub struct PlanFile {
    pub lab: LabName,
    pub summary: Summary,
    /// A fingerprint of the machine that it was made for; none if it was made for no machine.
    pub machine: Option<String>,
    pub actions: Vec<Action>,
    /// What goes by itself along with what is deleted.
    pub falls: Vec<Key>,
    /// The texts of the topology.
    pub sources: Sources,
}

#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

impl PlanFile {
    pub const FORMAT: &str = "netsim-plan";
    pub const VERSION: u32 = 1;

    pub fn of(plan: &Planned, sources: &Sources, surveyed: Option<&Surveyed>) -> Self {
        PlanFile {
            lab: plan.lab.clone(),
            summary: plan.summary(),
            machine: surveyed.map(|s| fingerprint(&s.observed, &s.scope)),
            actions: plan.actions.clone(),
            falls: plan.falls.clone(),
            sources: sources.clone(),
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
            (Self::FORMAT, Self::VERSION) => serde_json::from_str(text).map_err(|e| wrong(e.to_string())),
            (Self::FORMAT, version) => Err(wrong(format!("it has version {version}, not {}", Self::VERSION))),
            (format, _) => Err(wrong(format!("its format is `{format}`, not `{}`", Self::FORMAT))),
        }
    }

    /// That the machine is still as it was when the plan was made.
    pub fn still_fits(&self, name: &str, surveyed: &Surveyed) -> Result<(), Failure> {
        let anew = "make the plan anew: netsim plan FILE --out PLAN.JSON";
        match &self.machine {
            None => {
                let message = format!("{name} was made for no machine, by `plan --from`");
                Err(Failure::hinted(codes::PLAN_FILE, message, "apply the topology, or make the plan without --from"))
            }
            Some(was) if *was != fingerprint(&surveyed.observed, &surveyed.scope) => {
                let message = format!("the machine has changed since {name} was made; nothing was done");
                Err(Failure::hinted(codes::CHANGED_SINCE, message, anew))
            }
            Some(_) => Ok(()),
        }
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
