//! What is of Open vSwitch as commands of ovs-vsctl(8) and ovs-ofctl(8): the same transaction that netsim itself makes.

use netsim_core::names::IfName;
use netsim_core::plan::Action;
use netsim_core::resource::{DeviceId, FailMode, Key, NetnsId, Ovs, OvsFlows, OvsKey, OvsPortKind, Resource};
use netsim_host::ovs;

use super::{quoted, quoted_if_needed, set};
use crate::planned::{Planned, subject};

/// Whether a step is of Open vSwitch.
pub fn is_of_ovs(action: &Action) -> bool {
    action.resources().any(|resource| matches!(resource, Resource::Ovs(_)))
}

fn is_of_mirror(action: &Action) -> bool {
    action.resources().any(|resource| matches!(resource, Resource::Ovs(Ovs::Mirror(_))))
}

/// The commands that make steps of a plan that follow each other: one transaction, then flows, then marks on the devices that it made.
pub fn commands(actions: &[&Action], plan: &Planned, database: Option<&str>) -> Vec<String> {
    let lab = &plan.lab;
    let transactions = ovs::script(lab, actions);
    let words: Vec<String> = transactions
        .iter()
        .flat_map(|transaction| transaction.commands())
        .map(|command| command.iter().map(|word| argument(word)).collect::<Vec<_>>().join(" "))
        .collect();
    let mut lines = Vec::new();
    if !words.is_empty() {
        let at = database.map_or_else(String::new, |at| format!(" --db={}", quoted_if_needed(at)));
        let parts: String = words.iter().map(|part| format!(" \\\n  -- {part}")).collect();
        lines.push(format!("ovs-vsctl{at}{parts}"));
    }
    let folder = database
        .and_then(folder)
        .map_or_else(String::new, |folder| format!("OVS_RUNDIR={} ", quoted_if_needed(folder)));
    lines.extend(actions.iter().filter_map(|&action| flows(action, plan, &folder)));
    // Flows that are under way go on as before otherwise.
    lines.extend(
        actions.iter().any(|&action| is_of_mirror(action)).then(|| format!("{folder}ovs-appctl revalidator/purge")),
    );
    lines.extend(actions.iter().filter_map(|&action| made(action)).map(|name| {
        let device = DeviceId { netns: NetnsId::Host, name };
        set(&device, &format!("group {}", lab.group()))
    }));
    lines
}

/// Where the switch has its own sockets: beside that of its database, as far as that tells.
fn folder(database: &str) -> Option<&str> {
    let path = database.strip_prefix("unix:").unwrap_or(database);
    path.rsplit_once('/').map(|(folder, _)| folder).filter(|folder| folder.starts_with('/'))
}

/// A word that is no command's name: there a `=` means nothing.
fn argument(word: &str) -> String {
    let plain = quoted_if_needed(&word.replace('=', "_")) == word.replace('=', "_");
    if plain { word.to_owned() } else { quoted(word) }
}

/// The flows of a bridge all at once; without a file of its own any more, those that a bridge has by itself.
fn flows(action: &Action, plan: &Planned, folder: &str) -> Option<String> {
    let load = |flows: &OvsFlows, text: &str| {
        let bridge = quoted(flows.bridge.as_str());
        format!("printf '%s' {} | {folder}ovs-ofctl --bundle replace-flows {bridge} -", quoted(text))
    };
    match action {
        Action::Create(Resource::Ovs(Ovs::Flows(flows)))
        | Action::Update { to: Resource::Ovs(Ovs::Flows(flows)), .. } => Some(load(flows, &flows.text.0)),
        Action::Delete(Resource::Ovs(Ovs::Flows(flows))) => {
            Some(load(flows, if is_ruled(flows.bridge, plan) { "" } else { "actions=NORMAL\n" }))
        }
        Action::Create(_) | Action::Update { .. } | Action::Delete(_) | Action::Borrow(_) | Action::GiveBack(_) => None,
    }
}

/// Whether a bridge does nothing by itself: a controller or its flows say what.
fn is_ruled(bridge: IfName, plan: &Planned) -> bool {
    let key = Key::Ovs(OvsKey::Bridge(bridge));
    let changed = plan.actions.iter().map(subject).find(|resource| resource.key() == key);
    match changed.or_else(|| plan.before.get(&key)) {
        Some(Resource::Ovs(Ovs::Bridge(bridge))) => {
            bridge.fail_mode == Some(FailMode::Secure) || !bridge.controllers.is_empty()
        }
        Some(_) | None => false,
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
