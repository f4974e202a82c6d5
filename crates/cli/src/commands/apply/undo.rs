//! Back to how a lab was before an apply that did not come to its end: one more plan.

use netsim_core::resource::{Device, Netns, Ovs, OvsFlows, QdiscKind, Resource};
use netsim_core::state::{HostState, Observed};
use netsim_core::topology::Kind;
use netsim_host::backend::Progress;

use super::{measured, stopped};
use crate::error::{Failure, codes};
use crate::file::{self, Loaded};
use crate::lab::{Applied, Surveyed};
use crate::machine::Machine;
use crate::planned::{Planned, created};
use crate::screen::Screen;

/// Rolls back, and says in words what became of the lab. What was applied before has what a machine does not remember.
pub fn undo(
    plan: &Planned,
    surveyed: &Surveyed,
    applied: Option<&Applied>,
    machine: &Machine,
    screen: &Screen,
) -> Result<String, Failure> {
    let lab = &plan.lab;
    let files = applied.and_then(|applied| file::reload(applied.sources.clone()).ok()).map(flows).unwrap_or_default();
    let as_it_was = |now: &Observed| as_it_was(&surveyed.observed, now, &files);
    let now = machine.observe(&surveyed.scope)?;
    let target = as_it_was(&now);
    let back =
        Planned::between(lab, &target, &now).map_err(|refusals| Failure::Refused { lab: lab.clone(), refusals })?;
    if !back.is_empty() {
        let progress = Progress::default();
        let after = measured(back.actions.len(), &progress, screen, || {
            machine.apply(&surveyed.scope, &back.actions, &progress)
        });
        let after = after.map_err(stopped)?;
        if !Planned::between(lab, &as_it_was(&after), &after).is_ok_and(|rest| rest.is_empty()) {
            return Err(Failure::new(codes::NOT_WHOLE, format!("lab {lab} is not as it was before")));
        }
    }
    let mut said = match surveyed.observed.ours.is_empty() {
        true => format!("rolled back: nothing of lab {lab} is left\n"),
        false => format!("rolled back: lab {lab} is as it was before\n"),
    };
    if plan.actions.iter().filter_map(created).any(|r| matches!(r, Resource::Ran(_))) {
        said.push_str("what its programs (`exec`) did outside of the lab is not undone\n");
    }
    Ok(said)
}

/// What the lab had, in a form that can be wanted: without what a crash had left, without programs, which do not run again, and without flows of a
/// file that nobody knows any more.
fn as_it_was(before: &Observed, now: &Observed, files: &[String]) -> HostState {
    let still = |resource: &Resource| now.ours.get(&resource.key()) == Some(resource);
    let wanted = |resource: &Resource| match resource {
        Resource::Netns(Netns { mounted, .. }) => *mounted,
        Resource::Device(Device::Stray { .. }) | Resource::Ovs(Ovs::Stray(_)) => false,
        Resource::Ran(_) => still(resource),
        Resource::Device(_) | Resource::Up(_) | Resource::Port(_) | Resource::Address(_) => true,
        Resource::PortVlans(_) | Resource::Tuning(_) | Resource::Route(_) | Resource::Sysctl(_) => true,
        Resource::Qdisc(q) => !matches!(q.kind, QdiscKind::Other(_)),
        Resource::Ovs(Ovs::Flows(flows)) => !flows.text.0.is_empty() || still(resource),
        Resource::Ovs(Ovs::Bridge(_) | Ovs::Port(_) | Ovs::Mirror(_) | Ovs::Qos(_)) => true,
    };
    let whole = |resource: &Resource| match resource {
        Resource::Ovs(Ovs::Flows(flows)) => Resource::Ovs(Ovs::Flows(with_text(flows, files))),
        other => other.clone(),
    };
    let ours = before.ours.iter().map(|(_, r)| whole(r)).filter(wanted);
    ours.chain(before.loans.values().map(|held| held.loan.set.clone())).collect()
}

/// The flows with their file's text, where one of these is it: a machine remembers a hash of it alone.
fn with_text(flows: &OvsFlows, files: &[String]) -> OvsFlows {
    let of_files = files.iter().map(|text| OvsFlows::new(flows.bridge, text));
    of_files.into_iter().find(|of_file| of_file == flows).unwrap_or_else(|| flows.clone())
}

/// The texts of a file's flows.
fn flows(loaded: Loaded) -> Vec<String> {
    let nodes = loaded.topology.graph.node_weights();
    nodes
        .filter_map(|node| match &node.kind {
            Kind::Ovs(_, ovs) => ovs.flows.clone(),
            Kind::Namespace | Kind::Router | Kind::Bridge(_) | Kind::Nic { .. } => None,
        })
        .collect()
}
