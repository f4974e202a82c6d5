//! Creations and updates as changes of the database.

use std::collections::BTreeSet;

use netsim_core::names::IfName;
use netsim_core::plan::Action;
use netsim_core::resource::{
    Datapath, FailMode, MirrorFrom, Ovs as Thing, OvsBridge, OvsFlows, OvsKey, OvsMirror, OvsPort, OvsPortKind, OvsQos,
    Resource, VlanMode,
};
use rustc_hash::FxHashSet;

use super::super::marks;
use super::super::state::{HTB, HWADDR, MAX_RATE, NOOP};
use super::super::transaction::{Op, Row, Setting, Table, Value};
use super::super::tunnels;
use super::{Building, Step, Target, Vanished, by_name};

/// The changes that make these creations and updates.
pub(super) fn building<'a>(target: &Target, steps: &[Step<'a>]) -> Result<Building<'a>, Vanished> {
    let mut site = Site { target, fresh: FxHashSet::default(), called: 0, at: 0 };
    let mut building = Building::default();
    let mut beside: BTreeSet<IfName> = BTreeSet::new();
    for (_, action) in steps {
        match action {
            Action::Create(Resource::Ovs(thing)) => {
                site.fresh.insert(thing.name());
                if let Thing::Port(port) = thing {
                    beside.insert(port.bridge);
                }
            }
            Action::Create(_) | Action::Update { .. } | Action::Delete(_) | Action::Borrow(_) | Action::GiveBack(_) => {
            }
        }
    }
    building.transaction.step(site.guards(&beside));
    for (at, action) in steps {
        site.at = *at;
        let (from, to) = match action {
            Action::Create(Resource::Ovs(to)) => (None, to),
            Action::Update { from: Resource::Ovs(from), to: Resource::Ovs(to) } => (Some(from), to),
            Action::Create(_) | Action::Update { .. } | Action::Delete(_) | Action::Borrow(_) | Action::GiveBack(_) => {
                continue;
            }
        };
        let ops = match (from, to) {
            (Some(Thing::Bridge(from)), Thing::Bridge(to)) => site.change_bridge(from, to)?,
            (Some(Thing::Port(from)), Thing::Port(to)) => site.change_port(from, to)?,
            (Some(Thing::Mirror(_)), Thing::Mirror(to)) => site.change_mirror(to)?,
            (_, Thing::Bridge(bridge)) => site.create_bridge(bridge),
            (_, Thing::Port(port)) => vec![site.create_port(port)],
            (_, Thing::Mirror(mirror)) => site.create_mirror(mirror)?,
            (_, Thing::Qos(qos)) => site.put_qos(qos)?,
            (_, Thing::Flows(flows)) => {
                building.flows.push((*at, flows));
                vec![site.note_flows(flows)?]
            }
            // Never wanted.
            (_, Thing::Stray(_)) => Vec::new(),
        };
        building.transaction.step(ops);
    }
    Ok(building)
}

/// The work in progress.
struct Site<'a> {
    target: &'a Target<'a>,
    /// What this plan makes: its row has no other name than its own yet.
    fresh: FxHashSet<OvsKey>,
    /// How many rows have been called by a name in this transaction.
    called: u32,
    /// The action at hand.
    at: usize,
}

fn set(table: Table, row: Row, settings: Vec<Setting>) -> Op {
    Op::Set { table, row, settings }
}

fn optional(value: Option<Value>) -> Value {
    value.unwrap_or(Value::Set(Vec::new()))
}

fn integer(n: impl Into<i64>) -> Value {
    Value::Integer(n.into())
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Value {
    Value::Set(texts.into_iter().map(Value::text).collect())
}

impl Site<'_> {
    fn vanished(&self, key: OvsKey) -> Vanished {
        Vanished(self.at, key)
    }

    /// A name for a row in this transaction.
    fn call(&mut self) -> String {
        self.called += 1;
        format!("r{}", self.called)
    }

    fn bridge(&self, name: IfName) -> Result<Row, Vanished> {
        let key = OvsKey::Bridge(name);
        if self.fresh.contains(&key) {
            return Ok(by_name(name));
        }
        self.target.bridge(name).ok_or_else(|| self.vanished(key))
    }

    fn port(&self, name: IfName) -> Result<Row, Vanished> {
        if self.is_fresh(name) {
            return Ok(by_name(name));
        }
        self.target.port(name).ok_or_else(|| self.vanished(OvsKey::Port(name)))
    }

    /// Whether a port comes to be in this plan, be it with its bridge.
    fn is_fresh(&self, port: IfName) -> bool {
        self.fresh.contains(&OvsKey::Port(port)) || self.fresh.contains(&OvsKey::Bridge(port))
    }

    /// Looks that bridges which get ports are still those that were seen: a port is added to a bridge by name.
    fn guards(&mut self, bridges: &BTreeSet<IfName>) -> Vec<Op> {
        let seen = bridges.iter().filter(|&&name| !self.fresh.contains(&OvsKey::Bridge(name)));
        let rows: Vec<Row> = match self.target.rows {
            None => Vec::new(),
            Some(_) => seen.filter_map(|&name| self.target.bridge(name)).collect(),
        };
        rows.into_iter().map(|row| Op::Call { id: self.call(), table: Table::Bridge, row }).collect()
    }

    fn create_port(&self, port: &OvsPort) -> Op {
        let mut settings = vec![marks::of(self.target.lab)];
        settings.extend(port.tag.map(|tag| Setting::of("tag", integer(tag))));
        if !port.trunks.is_empty() {
            settings.push(trunks(port));
        }
        settings.extend(port.vlan_mode.map(|mode| Setting::of("vlan_mode", vlan_mode(mode))));
        settings.extend(port.protected.then(|| Setting::of("protected", Value::Bool(true))));
        let mut interface = kind(&port.kind);
        let limits = [("ingress_policing_rate", port.policing_rate), ("ingress_policing_burst", port.policing_burst)];
        let limits = limits.into_iter().filter(|(_, limit)| *limit != 0);
        interface.extend(limits.map(|(column, limit)| Setting::of(column, integer(limit))));
        interface.extend(self.number(port).map(|number| Setting::of("ofport_request", integer(number))));
        Op::AddPort {
            bridge: port.bridge.as_str().to_owned(),
            name: port.name.as_str().to_owned(),
            port: settings,
            interface,
        }
    }

    /// The number by which flows know a port that makes way for this one: so they go on to mean it.
    fn number(&self, port: &OvsPort) -> Option<i64> {
        let rows = self.target.rows.as_ref()?;
        let (before, bridge) = rows.ports.get(port.name.as_str())?;
        let same = rows.bridges.get(port.bridge.as_str()).is_some_and(|row| row.uuid == **bridge);
        let interface = before.interfaces.first().filter(|_| same).and_then(|uuid| rows.interfaces.get(uuid));
        interface?.ofport.filter(|number| *number > 0)
    }

    fn create_bridge(&mut self, bridge: &OvsBridge) -> Vec<Op> {
        let name = bridge.name.as_str().to_owned();
        let node = Setting::at("external_ids", marks::NODE, bridge.node.as_str());
        let mut settings = vec![marks::of(self.target.lab), node];
        settings
            .extend((bridge.datapath == Datapath::Netdev).then(|| Setting::of("datapath_type", Value::text("netdev"))));
        settings.extend(bridge.fail_mode.map(fail_mode));
        settings.extend(bridge.stp.then(|| Setting::of("stp_enable", Value::Bool(true))));
        settings.extend(bridge.rstp.then(|| Setting::of("rstp_enable", Value::Bool(true))));
        if !bridge.protocols.is_empty() {
            settings.push(Setting::of("protocols", texts(&bridge.protocols)));
        }
        settings.push(other_config(bridge));
        let (controllers, steering) = self.controllers(bridge, &|_| None);
        let row = Row::Name(name.clone());
        let steer = (!controllers.is_empty()).then(|| set(Table::Bridge, row.clone(), vec![steering]));
        let tag = bridge.tag.map(|tag| set(Table::Port, row, vec![Setting::of("tag", integer(tag))]));
        std::iter::once(Op::AddBridge { name, settings }).chain(controllers).chain(steer).chain(tag).collect()
    }

    /// New rows for controllers, and the setting that makes them and those that are kept the bridge's.
    fn controllers(&mut self, bridge: &OvsBridge, kept: &dyn Fn(&str) -> Option<Value>) -> (Vec<Op>, Setting) {
        let mut new = Vec::new();
        let mut all = Vec::new();
        for target in &bridge.controllers {
            all.push(kept(target).unwrap_or_else(|| {
                let id = self.call();
                let settings = vec![Setting::of("target", Value::text(target)), marks::of(self.target.lab)];
                new.push(Op::Create { id: id.clone(), table: Table::Controller, settings });
                Value::Called(id)
            }));
        }
        (new, Setting::of("controller", Value::Set(all)))
    }

    fn change_bridge(&mut self, from: &OvsBridge, to: &OvsBridge) -> Result<Vec<Op>, Vanished> {
        let row = self.bridge(to.name)?;
        let mut settings = Vec::new();
        if from.node != to.node {
            settings.push(Setting::at("external_ids", marks::NODE, to.node.as_str()));
        }
        if from.fail_mode != to.fail_mode {
            let none = || Setting::of("fail_mode", Value::Set(Vec::new()));
            settings.push(to.fail_mode.map_or_else(none, fail_mode));
        }
        if from.stp != to.stp {
            settings.push(Setting::of("stp_enable", Value::Bool(to.stp)));
        }
        if from.rstp != to.rstp {
            settings.push(Setting::of("rstp_enable", Value::Bool(to.rstp)));
        }
        if from.protocols != to.protocols {
            settings.push(Setting::of("protocols", texts(&to.protocols)));
        }
        if (&from.other_config, from.mac) != (&to.other_config, to.mac) {
            settings.push(other_config(to));
        }
        let mut ops = Vec::new();
        if from.controllers != to.controllers {
            let rows = self.target.rows.as_ref();
            let now = rows.and_then(|rows| rows.bridges.get(to.name.as_str())).map(|row| &row.controllers);
            let kept = |target: &str| {
                let is_it = |uuid: &&_| rows.and_then(|rows| rows.controllers.get(uuid)) == Some(&target);
                now?.iter().find(is_it).map(|uuid| Value::Row(uuid.clone()))
            };
            let (new, steering) = self.controllers(to, &kept);
            ops.extend(new);
            settings.push(steering);
        }
        if !settings.is_empty() {
            ops.push(set(Table::Bridge, row, settings));
        }
        if from.tag != to.tag {
            let tag = Setting::of("tag", optional(to.tag.map(integer)));
            ops.push(set(Table::Port, self.port(to.name)?, vec![tag]));
        }
        Ok(ops)
    }

    fn change_port(&self, from: &OvsPort, to: &OvsPort) -> Result<Vec<Op>, Vanished> {
        let (mut port, mut interface) = (Vec::new(), Vec::new());
        if from.tag != to.tag {
            port.push(Setting::of("tag", optional(to.tag.map(integer))));
        }
        if from.trunks != to.trunks {
            port.push(trunks(to));
        }
        if from.vlan_mode != to.vlan_mode {
            port.push(Setting::of("vlan_mode", optional(to.vlan_mode.map(vlan_mode))));
        }
        if from.protected != to.protected {
            port.push(Setting::of("protected", Value::Bool(to.protected)));
        }
        if from.kind != to.kind {
            // Of what a port can become only a tunnel can be of another type.
            let same = !matches!(to.kind, OvsPortKind::Tunnel(_));
            interface.extend(kind(&to.kind).into_iter().filter(|setting| !same || setting.column != "type"));
        }
        if from.policing_rate != to.policing_rate {
            interface.push(Setting::of("ingress_policing_rate", integer(to.policing_rate)));
        }
        if from.policing_burst != to.policing_burst {
            interface.push(Setting::of("ingress_policing_burst", integer(to.policing_burst)));
        }
        let mut ops = Vec::new();
        if !port.is_empty() {
            ops.push(set(Table::Port, self.port(to.name)?, port));
        }
        if !interface.is_empty() {
            let row = self.target.interface(to.name).ok_or_else(|| self.vanished(OvsKey::Port(to.name)))?;
            ops.push(set(Table::Interface, row, interface));
        }
        Ok(ops)
    }

    /// A mirror's settings, with the changes that call the new ports which it names.
    fn mirroring(&mut self, mirror: &OvsMirror) -> Result<(Vec<Op>, Vec<Setting>), Vanished> {
        let none = BTreeSet::new();
        let (from, to) = match &mirror.from {
            MirrorFrom::All => (&none, &none),
            MirrorFrom::Ports { from, to } => (from, to),
        };
        let mut calls = Vec::new();
        let mut values = std::collections::BTreeMap::new();
        for name in from.iter().chain(to).chain([&mirror.to]).copied().collect::<BTreeSet<_>>() {
            let value = match self.port(name)? {
                Row::Uuid(uuid) => Value::Row(uuid),
                row @ (Row::Name(_) | Row::Only) => {
                    let id = self.call();
                    calls.push(Op::Call { id: id.clone(), table: Table::Port, row });
                    Value::Called(id)
                }
            };
            values.insert(name, value);
        }
        let named = |names: &BTreeSet<IfName>| Value::Set(names.iter().map(|name| values[name].clone()).collect());
        let settings = vec![
            Setting::of("select_all", Value::Bool(mirror.from == MirrorFrom::All)),
            Setting::of("select_src_port", named(from)),
            Setting::of("select_dst_port", named(to)),
            Setting::of("output_port", values[&mirror.to].clone()),
        ];
        Ok((calls, settings))
    }

    fn create_mirror(&mut self, mirror: &OvsMirror) -> Result<Vec<Op>, Vanished> {
        let row = self.bridge(mirror.bridge)?;
        let (mut ops, mut settings) = self.mirroring(mirror)?;
        settings.extend([Setting::of("name", Value::text(&*mirror.name)), marks::of(self.target.lab)]);
        let id = self.call();
        ops.push(Op::Create { id: id.clone(), table: Table::Mirror, settings });
        ops.push(Op::Add { table: Table::Bridge, row, column: "mirrors", values: vec![Value::Called(id)] });
        Ok(ops)
    }

    fn change_mirror(&mut self, to: &OvsMirror) -> Result<Vec<Op>, Vanished> {
        let row = match &self.target.rows {
            None => Some(Row::Name((*to.name).to_owned())),
            Some(rows) => {
                let uuids = rows.mirrors.get(&(to.bridge.as_str(), &*to.name));
                uuids.and_then(|uuids| uuids.first()).map(|&uuid| Row::Uuid(uuid.clone()))
            }
        };
        let row = row.ok_or_else(|| self.vanished(OvsKey::Mirror(to.bridge, to.name.clone())))?;
        let (mut ops, settings) = self.mirroring(to)?;
        ops.push(set(Table::Mirror, row, settings));
        Ok(ops)
    }

    /// A port's quality of service, in place of any that was made for it before. Queue 0, which all packets go by, is made by the switch, as fast as the whole
    /// (`iface_configure_qos`, vswitchd/bridge.c).
    fn put_qos(&mut self, qos: &OvsQos) -> Result<Vec<Op>, Vanished> {
        let row = self.port(qos.port)?;
        let before = if self.is_fresh(qos.port) && self.target.rows.is_none() {
            Vec::new()
        } else {
            self.target.delete_qos(qos.port)
        };
        let id = self.call();
        let kind = if qos.max_rate.is_some() { HTB } else { NOOP };
        let rate = qos.max_rate.map(|rate| Setting::at("other_config", MAX_RATE, rate.to_string()));
        let port = Setting::at("external_ids", marks::PORT, qos.port.as_str());
        let settings = [Setting::of("type", Value::text(kind)), marks::of(self.target.lab), port];
        let settings = settings.into_iter().chain(rate).collect();
        let new = Op::Create { id: id.clone(), table: Table::Qos, settings };
        let put = set(Table::Port, row, vec![Setting::of("qos", Value::Called(id))]);
        Ok(before.into_iter().chain([new, put]).collect())
    }

    /// That flows of a file are about to be loaded: should that not come about, it is known.
    fn note_flows(&self, flows: &OvsFlows) -> Result<Op, Vanished> {
        Ok(set(Table::Bridge, self.bridge(flows.bridge)?, vec![marks::flows(flows.digest, None)]))
    }
}

fn kind(kind: &OvsPortKind) -> Vec<Setting> {
    match kind {
        OvsPortKind::Tunnel(tunnel) => tunnels::settings(tunnel),
        OvsPortKind::Device => Vec::new(),
        OvsPortKind::Internal { mac } => {
            vec![Setting::of("type", Value::text("internal")), Setting::of("mac", Value::text(mac.to_string()))]
        }
        OvsPortKind::Patch { peer } => {
            vec![Setting::of("type", Value::text("patch")), Setting::at("options", "peer", peer.as_str())]
        }
    }
}

fn trunks(port: &OvsPort) -> Setting {
    Setting::of("trunks", Value::Set(port.trunks.iter().map(|&vid| integer(vid)).collect()))
}

fn fail_mode(mode: FailMode) -> Setting {
    let text = match mode {
        FailMode::Standalone => "standalone",
        FailMode::Secure => "secure",
    };
    Setting::of("fail_mode", Value::text(text))
}

fn vlan_mode(mode: VlanMode) -> Value {
    Value::text(match mode {
        VlanMode::Access => "access",
        VlanMode::Trunk => "trunk",
        VlanMode::NativeUntagged => "native-untagged",
    })
}

fn other_config(bridge: &OvsBridge) -> Setting {
    let pair = |key: &str, text: &str| (Value::text(key), Value::text(text));
    let settings = bridge.other_config.iter().map(|(key, text)| pair(key, text));
    let mac = pair(HWADDR, &bridge.mac.to_string());
    Setting::of("other_config", Value::Map(settings.chain([mac]).collect()))
}
