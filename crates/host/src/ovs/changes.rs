//! A plan's actions as changes of the database: one transaction that takes away, one that builds.

use netsim_core::names::{IfName, LabName};
use netsim_core::plan::Action;
use netsim_core::resource::{Datapath, Ovs as Thing, OvsFlows, OvsKey, Resource};
use rustc_hash::FxHashMap;

use super::rows::{BridgeRow, InterfaceRow, PortRow, Rows, Uuid};
use super::transaction::{Op, Row, Setting, Table, Transaction};
use super::{errors, marks};
use crate::backend::HostError;

mod build;
mod remove;

/// An action about Open vSwitch, with its place in the plan.
pub(crate) type Step<'a> = (usize, &'a Action);

/// The change of Open vSwitch that an action is; none if it is of the kernel.
pub(crate) fn is_of_ovs(action: &Action) -> bool {
    match action {
        Action::Create(to) | Action::Update { to, .. } => matches!(to, Resource::Ovs(_)),
        Action::Delete(from) => matches!(from, Resource::Ovs(_)),
        Action::Borrow(_) | Action::GiveBack(_) => false,
    }
}

/// What is taken away.
#[derive(Debug, Default)]
pub(crate) struct Removal {
    /// What has to come true before the rest: limits on devices that stay when their ports go. The switch forgets to take off what it does not know any more.
    pub(crate) limits: Transaction,
    pub(crate) transaction: Transaction,
    /// Bridges that stay and lose their flows, with those that a bridge has by itself.
    pub(crate) flows: Vec<(usize, IfName, &'static str)>,
    /// Devices that go with their rows when the switch has heard of it.
    pub(crate) devices: Vec<(usize, IfName, Datapath)>,
}

/// What is made or becomes otherwise.
#[derive(Debug, Default)]
pub(crate) struct Building<'a> {
    pub(crate) transaction: Transaction,
    /// Flows, to be loaded when all ports are there that they may name.
    pub(crate) flows: Vec<(usize, &'a OvsFlows)>,
}

/// Something that was there is gone: the place of the action in the plan, and its name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Vanished(pub(crate) usize, pub(crate) OvsKey);

impl Vanished {
    /// As an error of the action.
    pub(crate) fn error(&self) -> HostError {
        errors::vanished(&self.1)
    }
}

/// What these deletions change, with the rows by the names that the database gave them; `stays` says which devices do.
pub(crate) fn removal(lab: &LabName, rows: &Rows, steps: &[Step], stays: &dyn Fn(IfName) -> bool) -> Removal {
    remove::removal(&Target::of(lab, Some(rows)), steps, stays)
}

/// What these creations and updates change.
pub(crate) fn building<'a>(lab: &LabName, rows: &Rows, steps: &[Step<'a>]) -> Result<Building<'a>, Vanished> {
    build::building(&Target::of(lab, Some(rows)), steps)
}

/// What a plan changes in the database, for somebody who makes it by hand: first what is taken away, then what is built. Rows go by their own names there.
pub fn script(lab: &LabName, actions: &[&Action]) -> [Transaction; 2] {
    let steps = actions.iter().copied().enumerate().filter(|(_, action)| is_of_ovs(action));
    let (removals, builds): (Vec<Step>, Vec<Step>) = steps.partition(|(_, action)| matches!(action, Action::Delete(_)));
    let target = Target::of(lab, None);
    let building = build::building(&target, &builds).expect("nothing is looked for where there are no rows");
    [remove::removal(&target, &removals, &|_| false).transaction, building.transaction]
}

/// The change by which a bridge remembers what was read back of flows that were loaded.
pub(crate) fn note_flows(lab: &LabName, rows: &Rows, flows: &OvsFlows, read_back: u64) -> Option<Op> {
    let row = Target::of(lab, Some(rows)).bridge(flows.bridge)?;
    let settings: Vec<Setting> = vec![marks::flows(flows.digest, Some(read_back))];
    Some(Op::Set { table: Table::Bridge, row, settings })
}

/// The lab's rows by what they are.
struct Target<'a> {
    lab: &'a LabName,
    rows: Option<Index<'a>>,
}

#[derive(Default)]
struct Index<'a> {
    bridges: FxHashMap<&'a str, &'a BridgeRow>,
    /// Ports of ours, and the local ports of our bridges, each with the bridge that it is on.
    ports: FxHashMap<&'a str, (&'a PortRow, &'a Uuid)>,
    interfaces: FxHashMap<&'a Uuid, &'a InterfaceRow>,
    /// By bridge and name; nothing keeps names unique.
    mirrors: FxHashMap<(&'a str, &'a str), Vec<&'a Uuid>>,
    /// By the port that they were made for.
    qos: FxHashMap<&'a str, Vec<&'a Uuid>>,
    controllers: FxHashMap<&'a Uuid, &'a str>,
}

impl<'a> Target<'a> {
    fn of(lab: &'a LabName, rows: Option<&'a Rows>) -> Self {
        Target { lab, rows: rows.map(|rows| Index::of(lab, rows)) }
    }

    /// A bridge of ours that is there.
    fn bridge(&self, name: IfName) -> Option<Row> {
        match &self.rows {
            None => Some(by_name(name)),
            Some(rows) => rows.bridges.get(name.as_str()).map(|row| Row::Uuid(row.uuid.clone())),
        }
    }

    /// A port of ours that is there, or the local port of a bridge of ours.
    fn port(&self, name: IfName) -> Option<Row> {
        match &self.rows {
            None => Some(by_name(name)),
            Some(rows) => rows.ports.get(name.as_str()).map(|(row, _)| Row::Uuid(row.uuid.clone())),
        }
    }

    /// Its interface.
    fn interface(&self, port: IfName) -> Option<Row> {
        match &self.rows {
            None => Some(by_name(port)),
            Some(rows) => rows.ports.get(port.as_str())?.0.interfaces.first().map(|uuid| Row::Uuid(uuid.clone())),
        }
    }
}

fn by_name(name: IfName) -> Row {
    Row::Name(name.as_str().to_owned())
}

impl<'a> Index<'a> {
    fn of(lab: &LabName, rows: &'a Rows) -> Self {
        let mut index = Index {
            interfaces: rows.interfaces.iter().map(|row| (&row.uuid, row)).collect(),
            controllers: rows.controllers.iter().map(|row| (&row.uuid, &*row.target)).collect(),
            ..Index::default()
        };
        let ports: FxHashMap<&Uuid, &PortRow> = rows.ports.iter().map(|row| (&row.uuid, row)).collect();
        let mirrors: FxHashMap<&Uuid, _> = rows.mirrors.iter().map(|row| (&row.uuid, row)).collect();
        for bridge in &rows.bridges {
            let ours = marks::is_of(lab, &bridge.external_ids);
            if ours {
                index.bridges.insert(&bridge.name, bridge);
            }
            for port in bridge.ports.iter().filter_map(|uuid| ports.get(uuid).copied()) {
                if marks::is_of(lab, &port.external_ids) || (ours && port.name == bridge.name) {
                    index.ports.insert(&port.name, (port, &bridge.uuid));
                }
            }
            for mirror in bridge.mirrors.iter().filter_map(|uuid| mirrors.get(uuid)) {
                if marks::is_of(lab, &mirror.external_ids) {
                    index.mirrors.entry((&bridge.name, &mirror.name)).or_default().push(&mirror.uuid);
                }
            }
        }
        for qos in rows.qos.iter().filter(|row| marks::is_of(lab, &row.external_ids)) {
            let port = qos.external_ids.get(marks::PORT).map_or("", String::as_str);
            index.qos.entry(port).or_default().push(&qos.uuid);
        }
        index
    }
}

/// What a stray was to be, or the thing itself.
fn meant(thing: &Thing) -> &Thing {
    match thing {
        Thing::Stray(stray) => meant(&stray.of),
        Thing::Bridge(_) | Thing::Port(_) | Thing::Mirror(_) | Thing::Qos(_) | Thing::Flows(_) => thing,
    }
}

#[cfg(test)]
mod tests;
