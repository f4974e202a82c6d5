//! What is of Open vSwitch as commands of ovs-vsctl(8) and ovs-ofctl(8): the same transaction that netsim itself makes.

use netsim_core::names::{IfName, LabName};
use netsim_core::plan::Action;
use netsim_core::resource::{DeviceId, NetnsId, Ovs, OvsFlows, OvsPortKind, Resource};
use netsim_host::ovs;

use super::{quoted, quoted_if_needed, set};

/// Whether a step is of Open vSwitch.
pub fn is_of_ovs(action: &Action) -> bool {
    action.resources().any(|resource| matches!(resource, Resource::Ovs(_)))
}

fn is_of_mirror(action: &Action) -> bool {
    action.resources().any(|resource| matches!(resource, Resource::Ovs(Ovs::Mirror(_))))
}

/// The commands that make steps that follow each other: one transaction, then flows, then marks on the devices that it made.
pub fn commands(actions: &[Action], lab: &LabName, database: Option<&str>) -> Vec<String> {
    let transactions = ovs::script(lab, actions);
    let words: Vec<String> = transactions
        .iter()
        .flat_map(|transaction| transaction.commands())
        .map(|command| command.iter().map(|word| quoted_if_needed(word)).collect::<Vec<_>>().join(" "))
        .collect();
    let mut lines = Vec::new();
    if !words.is_empty() {
        let at = database.map_or_else(String::new, |at| format!(" --db={}", quoted_if_needed(at)));
        let parts: String = words.iter().map(|part| format!(" \\\n  -- {part}")).collect();
        lines.push(format!("ovs-vsctl{at}{parts}"));
    }
    lines.extend(actions.iter().filter_map(flows));
    // Flows that are under way go on as before otherwise.
    lines.extend(actions.iter().any(is_of_mirror).then(|| "ovs-appctl revalidator/purge".to_owned()));
    lines.extend(actions.iter().filter_map(made).map(|name| {
        let device = DeviceId { netns: NetnsId::Host, name };
        set(&device, &format!("group {}", lab.group()))
    }));
    lines
}

/// The flows of a bridge all at once; without a file of its own any more, those that a bridge has by itself.
fn flows(action: &Action) -> Option<String> {
    let load = |flows: &OvsFlows, text: &str| {
        let bridge = quoted(flows.bridge.as_str());
        format!("printf '%s' {} | ovs-ofctl --bundle replace-flows {bridge} -", quoted(text))
    };
    match action {
        Action::Create(Resource::Ovs(Ovs::Flows(flows)))
        | Action::Update { to: Resource::Ovs(Ovs::Flows(flows)), .. } => Some(load(flows, &flows.text.0)),
        Action::Delete(Resource::Ovs(Ovs::Flows(flows))) => Some(load(flows, "actions=NORMAL\n")),
        Action::Create(_) | Action::Update { .. } | Action::Delete(_) | Action::Borrow(_) | Action::GiveBack(_) => None,
    }
}

/// The device that Open vSwitch makes of it.
fn made(action: &Action) -> Option<IfName> {
    match action {
        Action::Create(Resource::Ovs(Ovs::Bridge(bridge))) => Some(bridge.name),
        Action::Create(Resource::Ovs(Ovs::Port(port))) => {
            matches!(port.kind, OvsPortKind::Internal { .. }).then_some(port.name)
        }
        Action::Create(_) | Action::Update { .. } | Action::Delete(_) | Action::Borrow(_) | Action::GiveBack(_) => None,
    }
}
