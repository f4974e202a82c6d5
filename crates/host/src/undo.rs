//! Back to how a lab was on a host: one more plan.

use netsim_core::plan::{Refusal, plan};
use netsim_core::resource::{Device, Netns, Ovs, OvsFlows, QdiscKind, Resource};
use netsim_core::spec::Sources;
use netsim_core::state::{HostState, Observed, Scope};
use netsim_core::topology::{Kind, Node};

use crate::backend::{Backend, HostError, Progress, StepError};

/// Why a lab is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotUndone {
    /// The host cannot be asked any more.
    #[error(transparent)]
    Unseen(HostError),
    /// Somebody took a name meanwhile.
    #[error("{}", .0.first().map_or_else(|| "refused".to_owned(), ToString::to_string))]
    Refused(Vec<Refusal>),
    /// A step back failed.
    #[error(transparent)]
    Stopped(StepError),
    /// All was done, and yet so many steps remain.
    #[error("{0} steps back were done, and do not show")]
    NotWhole(usize),
}

/// Brings back what a lab had on a host when it was observed as `before`, with the texts of its flows.
pub async fn undo(
    backend: &impl Backend,
    scope: &Scope,
    before: &Observed,
    flows: &[String],
    progress: &Progress,
) -> Result<(), NotUndone> {
    let now = backend.observe(scope).await.map_err(NotUndone::Unseen)?;
    let steps = plan(&as_it_was(before, &now, flows), &now).map_err(NotUndone::Refused)?;
    if steps.is_empty() {
        return Ok(());
    }
    let after = backend.apply(scope, &steps, progress).await.map_err(NotUndone::Stopped)?;
    match plan(&as_it_was(before, &after, flows), &after) {
        Ok(rest) if rest.is_empty() => Ok(()),
        Ok(rest) => Err(NotUndone::NotWhole(rest.len())),
        Err(refusals) => Err(NotUndone::Refused(refusals)),
    }
}

/// What the lab had, in a form that can be wanted: without what a crash had left, without programs, which do not run again, and without flows
/// whose text is none of these.
pub fn as_it_was(before: &Observed, now: &Observed, flows: &[String]) -> HostState {
    let still = |resource: &Resource| now.ours.get(&resource.key()) == Some(resource);
    let wanted = |resource: &Resource| match resource {
        Resource::Netns(Netns { mounted, .. }) => *mounted,
        Resource::Device(Device::Stray { .. }) | Resource::Ovs(Ovs::Stray(_)) => false,
        Resource::Ran(_) => still(resource),
        Resource::Device(_) | Resource::Up(_) | Resource::Port(_) | Resource::Address(_) => true,
        Resource::PortVlans(_) | Resource::Tuning(_) | Resource::Route(_) | Resource::Sysctl(_) => true,
        Resource::Fdb(_) | Resource::Neighbour(_) => true,
        Resource::Qdisc(q) => !matches!(q.kind, QdiscKind::Other(_)),
        Resource::Ovs(Ovs::Flows(flows)) => !flows.text.0.is_empty() || still(resource),
        Resource::Ovs(Ovs::Bridge(_) | Ovs::Port(_) | Ovs::Mirror(_) | Ovs::Qos(_)) => true,
    };
    let whole = |resource: &Resource| match resource {
        Resource::Ovs(Ovs::Flows(of_bridge)) => Resource::Ovs(Ovs::Flows(with_text(of_bridge, flows))),
        other => other.clone(),
    };
    let ours = before.ours.iter().map(|(_, r)| whole(r)).filter(wanted);
    ours.chain(before.loans.values().map(|held| held.loan.set.clone())).collect()
}

/// The flows with their text, where one of these is it: a machine remembers a hash of it alone.
fn with_text(of_bridge: &OvsFlows, flows: &[String]) -> OvsFlows {
    let of_files = flows.iter().map(|text| OvsFlows::new(of_bridge.bridge, text));
    of_files.into_iter().find(|of_file| of_file == of_bridge).unwrap_or_else(|| of_bridge.clone())
}

/// The texts of a topology's flows; none where it cannot be read any more.
pub fn flows(sources: &Sources) -> Vec<String> {
    let Ok(topology) = sources.reload() else { return Vec::new() };
    let of = |node: &Node| match &node.kind {
        Kind::Ovs(_, ovs) => ovs.flows.clone(),
        Kind::Namespace | Kind::Router | Kind::Bridge(_) | Kind::Nic { .. } | Kind::Host | Kind::Overlay(_) => None,
    };
    topology.graph.node_weights().filter_map(of).collect()
}
