//! A plan's steps gathered by the node or link that they are about.

use std::collections::{HashMap, HashSet};

use netsim_core::names::IfName;
use netsim_core::plan::Action;
use netsim_core::resource::{Device, DeviceId, Key, NetnsId, Ovs, OvsPortKind, Resource};

use super::{Sign, Telling, natural, words};
use crate::planned::{Joins, created, subject};

mod made;
mod ovs;

use made::{Made, mtus};
use ovs::{of_host, patch_link};

/// All that happens to one node or link.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub what: What,
    pub name: String,
    pub sign: Sign,
    /// Why it is replaced.
    pub reason: Option<String>,
    /// For what is made new: what it is made of.
    pub made: Made,
    /// For what changes: the changes.
    pub changes: Vec<Line>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    Node,
    Link,
}

/// One change within a node or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub sign: Sign,
    pub kind: &'static str,
    pub text: String,
    /// Of what is said of one end of a link: which.
    pub end: Option<String>,
}

/// Whose line a step goes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    Netns(NetnsId),
    HostBridge(DeviceId),
    OvsBridge(IfName),
    Link(Key),
}

/// What a device is: of a veth end, the pair; of what Open vSwitch makes, the bridge.
enum Role {
    Bridge,
    Single,
    Pair(Key),
    Ovs(IfName),
}

struct Gathering<'a> {
    telling: &'a Telling<'a>,
    roles: HashMap<DeviceId, Role>,
    /// What links are called.
    links: HashMap<Key, String>,
    /// Devices that are made new.
    fresh: HashSet<DeviceId>,
    /// All that is made, new or again.
    created: HashSet<Key>,
    entries: Vec<Entry>,
    index: HashMap<Subject, usize>,
}

/// An entry per node and link that changes, nodes first, in natural order.
pub fn entries(telling: &Telling) -> Vec<Entry> {
    let plan = telling.plan;
    let (mut roles, mut links) = (HashMap::new(), HashMap::new());
    for resource in plan.before.iter().map(|(_, r)| r).chain(plan.actions.iter().map(subject)) {
        if let Resource::Device(Device::Veth(veth)) = resource {
            links.insert(resource.key(), words::link(veth, &telling.names));
        }
        if let Resource::Ovs(Ovs::Port(port)) = resource
            && let OvsPortKind::Patch { peer } = port.kind
        {
            links.insert(patch_link(port.name, peer), words::ovs::patch(port.name, peer, &telling.names));
        }
        note_role(resource, &mut roles);
    }
    let fresh = plan.actions.iter().filter_map(created).flat_map(devices).collect();
    let created = plan.actions.iter().filter_map(created).map(Resource::key).collect();
    let (entries, index) = (Vec::new(), HashMap::new());
    let mut gathering = Gathering { telling, roles, links, fresh, created, entries, index };
    for action in &plan.actions {
        gathering.add(action);
    }
    for key in &plan.falls {
        gathering.add_fallen(key);
    }
    let mut entries = gathering.entries;
    entries.retain(|e| e.sign != Sign::Change || !e.changes.is_empty());
    entries.sort_by_cached_key(|e| (e.what, natural(&e.name)));
    entries
}

fn note_role(resource: &Resource, roles: &mut HashMap<DeviceId, Role>) {
    for id in devices(resource) {
        let role = match resource {
            Resource::Fdb(_) | Resource::Neighbour(_) => continue,
            Resource::Device(Device::Veth(_)) => Role::Pair(resource.key()),
            Resource::Device(Device::Bridge(_) | Device::Stray { .. }) => Role::Bridge,
            Resource::Device(Device::Single(_)) => Role::Single,
            Resource::Ovs(Ovs::Bridge(bridge)) => Role::Ovs(bridge.name),
            Resource::Ovs(Ovs::Port(port)) => Role::Ovs(port.bridge),
            Resource::Netns(_) | Resource::Up(_) | Resource::Port(_) | Resource::PortVlans(_) => continue,
            Resource::Qdisc(_) | Resource::Tuning(_) | Resource::Address(_) | Resource::Route(_) => continue,
            Resource::Sysctl(_) | Resource::Ran(_) => continue,
            Resource::Ovs(Ovs::Mirror(_) | Ovs::Qos(_) | Ovs::Flows(_)) => continue,
            Resource::Ovs(Ovs::Stray(stray)) => {
                note_role(&Resource::Ovs(stray.of.clone()), roles);
                continue;
            }
        };
        roles.insert(id, role);
    }
}

/// The devices that come with a resource.
fn devices(resource: &Resource) -> Vec<DeviceId> {
    let device = |key| match key {
        Key::Device(id) => Some(id),
        Key::Netns(_) | Key::Up(_) | Key::Port(_) | Key::PortVlans(_) | Key::Qdisc(_) | Key::Tuning(..) => None,
        Key::Address(..) | Key::Route { .. } | Key::Sysctl(..) | Key::Ran(..) | Key::Ovs(_) => None,
        Key::Vni { .. } | Key::Gre(_) | Key::Fdb(..) | Key::Neighbour(..) => None,
    };
    match resource {
        Resource::Fdb(_) | Resource::Neighbour(_) => Vec::new(),
        Resource::Device(_) | Resource::Ovs(_) => resource.claims().into_iter().filter_map(device).collect(),
        Resource::Netns(n) => vec![n.lo()],
        Resource::Up(_) | Resource::Port(_) | Resource::PortVlans(_) | Resource::Qdisc(_) => Vec::new(),
        Resource::Tuning(_) | Resource::Address(_) | Resource::Route(_) => Vec::new(),
        Resource::Sysctl(_) | Resource::Ran(_) => Vec::new(),
    }
}

impl Gathering<'_> {
    fn subject(&self, resource: &Resource) -> Subject {
        let of_device = |id: &DeviceId| match (&id.netns, self.roles.get(id)) {
            (NetnsId::Host, Some(Role::Bridge)) => Subject::HostBridge(id.clone()),
            (NetnsId::Host, Some(Role::Pair(key))) => Subject::Link(key.clone()),
            (NetnsId::Host, Some(Role::Ovs(bridge))) => Subject::OvsBridge(*bridge),
            (netns, _) => Subject::Netns(netns.clone()),
        };
        let of_end = |id: &DeviceId| match self.roles.get(id) {
            Some(Role::Pair(key)) => Subject::Link(key.clone()),
            Some(Role::Bridge | Role::Single | Role::Ovs(_)) | None => of_device(id),
        };
        match resource {
            Resource::Fdb(f) => of_device(&f.device),
            Resource::Neighbour(n) => of_device(&n.device),
            Resource::Ovs(o) => self.ovs_subject(o),
            Resource::Netns(n) => Subject::Netns(NetnsId::Named(n.name.clone())),
            Resource::Device(Device::Veth(_)) => Subject::Link(resource.key()),
            Resource::Device(d) => of_device(d.id()),
            Resource::Up(d) => of_device(d),
            Resource::Port(p) => of_device(&DeviceId { netns: p.device.netns.clone(), name: p.master }),
            Resource::PortVlans(v) => of_end(&v.device),
            Resource::Qdisc(q) => of_end(&q.device),
            Resource::Tuning(t) => of_end(&t.device),
            Resource::Address(a) => of_device(&a.device),
            Resource::Route(r) => Subject::Netns(r.netns.clone()),
            Resource::Sysctl(s) => Subject::Netns(s.netns.clone()),
            Resource::Ran(r) => Subject::Netns(NetnsId::Named(r.netns.clone())),
        }
    }

    fn entry(&mut self, subject: Subject) -> &mut Entry {
        let Gathering { telling, links, entries, index, .. } = self;
        let at = *index.entry(subject).or_insert_with_key(|subject| {
            let (what, name) = match subject {
                Subject::Netns(netns) => (What::Node, telling.names.netns(netns).to_owned()),
                Subject::HostBridge(id) => (What::Node, telling.names.interface(id).to_owned()),
                Subject::OvsBridge(name) => (What::Node, telling.names.ovs_node(*name).to_owned()),
                Subject::Link(key) => (What::Link, links.get(key).cloned().unwrap_or_else(|| key.to_string())),
            };
            let (made, changes) = (Made::default(), Vec::new());
            entries.push(Entry { what, name, sign: Sign::Change, reason: None, made, changes });
            entries.len() - 1
        });
        &mut self.entries[at]
    }

    fn add(&mut self, action: &Action) {
        let resource = subject(action);
        let subject = self.subject(resource);
        let whole = match resource {
            Resource::Fdb(_) | Resource::Neighbour(_) => false,
            Resource::Netns(_) | Resource::Device(Device::Veth(_)) | Resource::Ovs(Ovs::Bridge(_)) => true,
            Resource::Ovs(Ovs::Port(port)) => self.is_whole_link(port),
            Resource::Device(_) => matches!(subject, Subject::HostBridge(_)),
            Resource::Up(_) | Resource::Port(_) | Resource::PortVlans(_) | Resource::Qdisc(_) => false,
            Resource::Tuning(_) | Resource::Address(_) | Resource::Route(_) => false,
            Resource::Sysctl(_) | Resource::Ran(_) => false,
            Resource::Ovs(Ovs::Mirror(_) | Ovs::Qos(_) | Ovs::Flows(_)) => false,
            Resource::Ovs(Ovs::Stray(stray)) => matches!(stray.of, Ovs::Bridge(_)),
        };
        let reason = self.telling.replaced(action);
        if whole && !matches!(action, Action::Update { .. }) {
            let sign = match action {
                Action::Create(_) if reason.is_some() => Sign::Replace,
                Action::Create(_) => Sign::Create,
                Action::Update { .. } | Action::Delete(_) | Action::Borrow(_) | Action::GiveBack(_) => Sign::Delete,
            };
            let entry = self.entry(subject.clone());
            (entry.sign, entry.reason) = (sign, reason);
        } else if let Some(lines) = self.lines(action, reason, &subject) {
            self.entry(subject.clone()).changes.extend(lines);
        }
        if let Action::Create(r) = action {
            self.note_made(subject, r);
        }
    }

    /// What a step is in its node's or link's entry; none where a new link says it already.
    fn lines(&self, action: &Action, reason: Option<String>, subject: &Subject) -> Option<Vec<Line>> {
        let names = &self.telling.names;
        let within = match subject {
            Subject::Netns(netns) => Some(netns),
            Subject::HostBridge(_) | Subject::OvsBridge(_) => Some(&NetnsId::Host),
            Subject::Link(_) => None,
        };
        let of_link = |r: &Resource| {
            let (device, text) = words::of_end(r).filter(|_| matches!(subject, Subject::Link(_)))?;
            Some((text, names.end(&device)))
        };
        let end = |r: &Resource| of_link(r).map(|(_, end)| end);
        let noun = |r: &Resource| of_link(r).map_or_else(|| words::noun(r, names, within), |(text, _)| text);
        let line = |sign, r: &Resource, text| vec![Line { sign, kind: kind(r), text, end: end(r) }];
        match action {
            Action::Create(Resource::Up(d)) if self.fresh.contains(d) => None,
            Action::Create(Resource::Port(p)) if self.fresh.contains(&p.device) => None,
            Action::Create(Resource::Ovs(Ovs::Port(p))) if self.fresh.contains(&of_host(p.name)) => None,
            Action::Delete(Resource::Ovs(Ovs::Port(p))) if self.goes_with_link(p) => None,
            Action::Create(r) => Some(match reason {
                Some(reason) => line(Sign::Replace, r, format!("{} ({reason})", noun(r))),
                None => line(Sign::Create, r, noun(r)),
            }),
            Action::Delete(r) => (!self.created.contains(&r.key())).then(|| line(Sign::Delete, r, noun(r))),
            Action::Update { from, to } => {
                let place = words::place(to, names, within);
                let changes = words::changes(from, to, names, within).into_iter();
                if of_link(to).is_some() {
                    let changes = changes.collect::<Vec<_>>().join(", ");
                    let knob = if let Resource::Tuning(t) = to { format!("{} ", t.knob) } else { String::new() };
                    return Some(line(Sign::Change, to, knob + &changes));
                }
                let text =
                    |c| if matches!(to, Resource::Device(Device::Veth(_))) { c } else { format!("{place}: {c}") };
                let change = |c| Line { sign: Sign::Change, kind: kind(to), text: text(c), end: None };
                Some(changes.map(change).collect())
            }
            Action::Borrow(loan) => Some(line(Sign::Create, &loan.was, format!("loan of {}", noun(&loan.was)))),
            Action::GiveBack(loan) => Some(line(Sign::Delete, &loan.was, format!("loan of {}", noun(&loan.was)))),
        }
    }

    /// Links that go with a node, and routes and devices that go with a link, are worth a line; addresses and ports of a link that goes are not.
    fn add_fallen(&mut self, key: &Key) {
        let Some(resource) = self.telling.plan.before.get(key) else { return };
        match resource {
            Resource::Fdb(_) | Resource::Neighbour(_) => {}
            Resource::Ovs(Ovs::Port(port)) if self.is_whole_link(port) => {
                let subject = self.ovs_subject(&Ovs::Port(port.clone()));
                self.entry(subject).sign = Sign::Delete;
            }
            Resource::Device(Device::Veth(_)) => {
                let entry = self.entry(Subject::Link(key.clone()));
                if entry.sign == Sign::Change {
                    entry.sign = Sign::Delete;
                }
            }
            Resource::Device(Device::Single(_)) | Resource::Route(_) => {
                let netns = key.netns();
                if !self.telling.gone.contains(&netns_key(&netns)) && !self.created.contains(key) {
                    let text = words::noun(resource, &self.telling.names, Some(&netns));
                    let line = Line { sign: Sign::Delete, kind: kind(resource), text, end: None };
                    self.entry(Subject::Netns(netns)).changes.push(line);
                }
            }
            Resource::Netns(_) | Resource::Device(_) | Resource::Up(_) | Resource::Port(_) => {}
            Resource::PortVlans(_) | Resource::Qdisc(_) | Resource::Tuning(_) => {}
            Resource::Address(_) | Resource::Sysctl(_) | Resource::Ran(_) | Resource::Ovs(_) => {}
        }
    }

    /// Whether nothing brings up a device that is made.
    fn is_down(&self, device: &DeviceId) -> bool {
        !self.created.contains(&Key::Up(device.clone()))
    }

    fn note_made(&mut self, subject: Subject, resource: &Resource) {
        if let Resource::Ovs(ovs) = resource {
            return self.note_ovs(ovs);
        }
        let names = &self.telling.names;
        let mut ends = Vec::new();
        let mut stays_down: Vec<&DeviceId> = Vec::new();
        if let Resource::Device(Device::Veth(v)) = resource {
            stays_down.extend(v.ends().iter().map(|e| &e.id).filter(|id| self.is_down(id)));
        }
        let made = &mut self.entry(subject).made;
        match resource {
            Resource::Fdb(_) => made.fdb += 1,
            Resource::Neighbour(_) => made.neighbours += 1,
            Resource::Netns(_) | Resource::Up(_) | Resource::Ovs(_) => {}
            Resource::Device(Device::Bridge(b)) => made.bridge = Some(("bridge", words::bridge_about(b))),
            Resource::Device(Device::Stray { .. }) => {}
            Resource::Device(Device::Single(s)) => made.devices.push(words::noun(resource, names, Some(&s.id.netns))),
            Resource::Device(Device::Veth(v)) => {
                made.link = true;
                made.mtu = mtus(v.ends().each_ref().map(|e| e.mtu));
                for end in v.ends() {
                    words::end_about(end).into_iter().for_each(|text| made.note_end(text, names.end(&end.id)));
                }
                stays_down.into_iter().for_each(|id| made.note_end("down".to_owned(), names.end(id)));
                ends.extend(v.ends().each_ref().map(|e| e.id.netns.clone()));
            }
            Resource::Port(p) => {
                match names.joins(&p.master()) {
                    Joins::Bridge => made.ports += 1,
                    Joins::Bond | Joins::Vrf => made.members += 1,
                }
                for setting in words::settings(p.settings) {
                    made.note_end(setting.to_owned(), names.end(&p.device));
                }
            }
            Resource::PortVlans(_) | Resource::Qdisc(_) | Resource::Tuning(_) => {
                let (device, text) = words::of_end(resource).expect("these three say something of an end");
                made.note_end(text, names.end(&device));
            }
            Resource::Address(a) => {
                let interface = names.interface(&a.device).to_owned();
                let slot = made.addresses.entry(natural(&interface)).or_insert((interface, Vec::new()));
                slot.1.push(a.net.to_string());
            }
            Resource::Route(r) => {
                made.routes += 1;
                if r.to.prefix_len() == 0 && r.via.iter().all(|hop| hop.gateway.is_some()) {
                    made.default_routes += 1;
                    made.gateways.extend(r.via.iter().filter_map(|hop| hop.gateway).map(|g| g.to_string()));
                }
            }
            Resource::Sysctl(s) => match s.name.as_str() {
                "net.ipv4.ip_forward" | "net.ipv6.conf.all.forwarding" => made.router = true,
                "net.ipv4.conf.all.promote_secondaries" => {}
                _ => made.sysctls += 1,
            },
            Resource::Ran(_) => made.programs += 1,
        }
        for netns in ends.into_iter().filter(|n| *n != NetnsId::Host) {
            if let Some(&at) = self.index.get(&Subject::Netns(netns)) {
                self.entries[at].made.interfaces += 1;
            }
        }
    }
}

fn netns_key(netns: &NetnsId) -> Key {
    match netns {
        NetnsId::Named(name) => Key::Netns(name.clone()),
        NetnsId::Host => Key::Up(DeviceId { netns: NetnsId::Host, name: IfName::LO }),
    }
}

fn kind(resource: &Resource) -> &'static str {
    match resource {
        Resource::Fdb(_) => "FDB entry",
        Resource::Neighbour(_) => "neighbour",
        Resource::Ovs(Ovs::Bridge(_)) => "bridge",
        Resource::Ovs(Ovs::Port(_)) => "port",
        Resource::Ovs(Ovs::Mirror(_)) => "mirror",
        Resource::Ovs(Ovs::Qos(_)) => "impairment",
        Resource::Ovs(Ovs::Flows(_)) => "set of flows",
        Resource::Ovs(Ovs::Stray(_)) => "port",
        Resource::Netns(_) => "namespace",
        Resource::Device(_) => "device",
        Resource::Up(_) => "state",
        Resource::Port(_) => "port",
        Resource::PortVlans(_) => "VLAN",
        Resource::Qdisc(_) => "impairment",
        Resource::Tuning(_) => "setting",
        Resource::Address(_) => "address",
        Resource::Route(_) => "route",
        Resource::Sysctl(_) => "sysctl",
        Resource::Ran(_) => "program",
    }
}
