//! Deletions as changes of the database.

use netsim_core::names::IfName;
use netsim_core::plan::Action;
use netsim_core::resource::{Datapath, Ovs as Thing, OvsMirror, OvsPort, OvsPortKind, Resource};
use rustc_hash::FxHashSet;

use super::super::marks;
use super::super::transaction::{Op, Row, Table, Value};
use super::{Removal, Step, Target, by_name, meant};

/// What a bridge does that has no flows of anybody's and is to switch: the one flow that it has by itself.
const SWITCHING: &str = "priority=0,actions=NORMAL";

/// The changes that make these deletions. What is gone already needs none.
pub(super) fn removal(target: &Target, steps: &[Step], stays: &dyn Fn(IfName) -> bool) -> Removal {
    let things: Vec<(usize, &Thing)> = steps.iter().filter_map(|(at, action)| Some((*at, deleted(action)?))).collect();
    let going: FxHashSet<IfName> = things
        .iter()
        .filter_map(|(_, thing)| match thing {
            Thing::Bridge(bridge) => Some(bridge.name),
            Thing::Port(_) | Thing::Mirror(_) | Thing::Qos(_) | Thing::Flows(_) | Thing::Stray(_) => None,
        })
        .collect();
    let mut removal = Removal::default();
    for (at, thing) in things {
        match thing {
            Thing::Bridge(bridge) => {
                removal.transaction.step(target.bridge(bridge.name).map(Op::DeleteBridge));
                removal.devices.push((at, bridge.name, bridge.datapath));
                removal.devices.extend(target.internal_ports(bridge.name).map(|name| (at, name, bridge.datapath)));
            }
            Thing::Port(port) => {
                removal.transaction.step(target.delete_port(port));
                if matches!(port.kind, OvsPortKind::Internal { .. }) {
                    removal.devices.push((at, port.name, target.datapath(port.bridge)));
                }
            }
            Thing::Mirror(mirror) if going.contains(&mirror.bridge) => {}
            Thing::Mirror(mirror) => removal.transaction.step(target.delete_mirror(mirror)),
            Thing::Qos(qos) if qos.max_rate.is_some() && stays(qos.port) => {
                removal.limits.step(target.delete_qos(qos.port));
            }
            Thing::Qos(qos) => removal.transaction.step(target.delete_qos(qos.port)),
            Thing::Flows(flows) if going.contains(&flows.bridge) => {}
            Thing::Flows(flows) => {
                let Some(row) = target.bridge(flows.bridge) else { continue };
                removal.flows.push((at, flows.bridge, target.own_flows(flows.bridge)));
                removal.transaction.step([Op::Remove {
                    table: Table::Bridge,
                    row,
                    column: "external_ids",
                    values: vec![Value::text(marks::FLOWS)],
                }]);
            }
            // It is what it was meant to be by now.
            Thing::Stray(_) => {}
        }
    }
    removal
}

fn deleted(action: &Action) -> Option<&Thing> {
    match action {
        Action::Delete(Resource::Ovs(thing)) => Some(meant(thing)),
        Action::Delete(_) | Action::Create(_) | Action::Update { .. } | Action::Borrow(_) | Action::GiveBack(_) => None,
    }
}

impl Target<'_> {
    /// A port goes from whatever bridge it is on.
    fn delete_port(&self, port: &OvsPort) -> Option<Op> {
        let (bridge, row) = match &self.rows {
            None => (by_name(port.bridge), by_name(port.name)),
            Some(rows) => {
                let (row, bridge) = rows.ports.get(port.name.as_str())?;
                (Row::Uuid((*bridge).clone()), Row::Uuid(row.uuid.clone()))
            }
        };
        Some(Op::DeletePort { bridge, port: row })
    }

    fn delete_mirror(&self, mirror: &OvsMirror) -> Vec<Op> {
        let remove = |row, values| Op::Remove { table: Table::Bridge, row, column: "mirrors", values };
        let (bridge, name) = (mirror.bridge.as_str(), &*mirror.name);
        let Some(rows) = &self.rows else {
            let id = format!("{bridge}-{name}");
            let call = Op::Call { id: id.clone(), table: Table::Mirror, row: Row::Name(name.to_owned()) };
            return vec![call, remove(by_name(mirror.bridge), vec![Value::Called(id)])];
        };
        let uuids = rows.mirrors.get(&(bridge, name)).into_iter().flatten();
        let values: Vec<Value> = uuids.map(|&uuid| Value::Row(uuid.clone())).collect();
        let row = self.bridge(mirror.bridge).filter(|_| !values.is_empty());
        row.map(|row| remove(row, values)).into_iter().collect()
    }

    /// Every quality of service that was made for a port goes; one of somebody else's is taken from the port and stays.
    pub(super) fn delete_qos(&self, port: IfName) -> Vec<Op> {
        let table = Table::Qos;
        let Some(rows) = &self.rows else {
            let clear = Op::Clear { table: Table::Port, row: by_name(port), columns: vec!["qos"] };
            return vec![Op::Destroy { table, row: by_name(port) }, clear];
        };
        let row = rows.ports.get(port.as_str()).map(|(row, _)| row);
        let free = row.and_then(|row| Some((row, row.qos.as_ref()?))).map(|(row, qos)| Op::Remove {
            table: Table::Port,
            row: Row::Uuid(row.uuid.clone()),
            column: "qos",
            values: vec![Value::Row(qos.clone())],
        });
        let made = rows.qos.get(port.as_str()).into_iter().flatten();
        let destroy = made.map(|&uuid| Op::Destroy { table, row: Row::Uuid(uuid.clone()) });
        free.into_iter().chain(destroy).collect()
    }

    /// The flows that a bridge has when nobody gives it any (`bridge_configure_remotes`, vswitchd/bridge.c).
    fn own_flows(&self, bridge: IfName) -> &'static str {
        let row = self.rows.as_ref().and_then(|rows| rows.bridges.get(bridge.as_str()));
        let ruled = row.is_some_and(|row| row.fail_mode.as_deref() == Some("secure") || !row.controllers.is_empty());
        if ruled { "" } else { SWITCHING }
    }

    fn datapath(&self, bridge: IfName) -> Datapath {
        let row = self.rows.as_ref().and_then(|rows| rows.bridges.get(bridge.as_str()));
        if row.is_some_and(|row| row.datapath_type == "netdev") { Datapath::Netdev } else { Datapath::System }
    }

    /// The internal ports of ours on a bridge.
    fn internal_ports(&self, bridge: IfName) -> impl Iterator<Item = IfName> {
        let rows = self.rows.as_ref();
        let on = rows.and_then(|rows| rows.bridges.get(bridge.as_str())).map(|row| &row.uuid);
        let ports = rows.into_iter().flat_map(|rows| rows.ports.values().map(move |port| (rows, port)));
        let names = ports.filter(move |(rows, (port, there))| {
            let kind = port.interfaces.first().and_then(|uuid| rows.interfaces.get(uuid)).map(|i| &*i.kind);
            Some(*there) == on && kind == Some("internal") && port.name != bridge.as_str()
        });
        let mut names: Vec<IfName> = names.map(|(_, (port, _))| IfName::from_kernel(&port.name)).collect();
        names.sort();
        names.into_iter()
    }
}
