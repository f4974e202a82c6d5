//! A plan as people and programs get it: the actions, and what goes by itself with them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use netsim_core::names::{LabName, NetnsName};
use netsim_core::plan::{Action, Refusal, plan};
use netsim_core::resource::{Device, DeviceId, Key, NetnsId, Resource, SingleKind};
use netsim_core::state::{HostState, Observed};
use serde::{Deserialize, Serialize};

/// What is to be done to a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub lab: LabName,
    /// What the lab has now.
    pub before: HostState,
    /// The steps, in order.
    pub actions: Vec<Action>,
    /// What goes without a step of its own, along with what a step deletes.
    pub falls: Vec<Key>,
}

/// How much is to be done, as in the last line of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Nodes that any step touches.
    pub nodes: usize,
    pub create: usize,
    pub change: usize,
    pub delete: usize,
}

impl Planned {
    /// The steps from what is so to what should be.
    pub fn between(lab: &LabName, desired: &HostState, observed: &Observed) -> Result<Self, Vec<Refusal>> {
        let actions = plan(desired, observed)?;
        let explicit: HashSet<Key> = actions.iter().filter_map(deleted).map(Resource::key).collect();
        let created: HashSet<Key> = actions.iter().filter_map(created).map(Resource::key).collect();
        let goes = |key: &&Key| (desired.get(key).is_none() || created.contains(*key)) && !explicit.contains(*key);
        let falls = observed.ours.iter().map(|(k, _)| k).filter(goes).cloned().collect();
        Ok(Planned { lab: lab.clone(), before: observed.ours.clone(), actions, falls })
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// How much is to be done.
    pub fn summary(&self) -> Summary {
        let count = |of: fn(&Action) -> bool| self.actions.iter().filter(|a| of(a)).count();
        Summary {
            nodes: self.touched().len(),
            create: count(|a| matches!(a, Action::Create(_))),
            change: count(|a| matches!(a, Action::Update { .. })),
            delete: count(|a| matches!(a, Action::Delete(_))) + self.falls.len(),
        }
    }

    fn touched(&self) -> HashSet<&NetnsName> {
        self.actions.iter().flat_map(|a| namespaces(subject(a))).collect()
    }
}

fn named(netns: &NetnsId) -> Option<&NetnsName> {
    match netns {
        NetnsId::Named(name) => Some(name),
        NetnsId::Host => None,
    }
}

fn namespaces(resource: &Resource) -> Vec<&NetnsName> {
    match resource {
        Resource::Ovs(_) => todo!("ovs"),
        Resource::Netns(n) => vec![&n.name],
        Resource::Device(Device::Veth(v)) => v.ends().iter().filter_map(|e| named(&e.id.netns)).collect(),
        Resource::Device(d) => named(&d.id().netns).into_iter().collect(),
        Resource::Up(d) => named(&d.netns).into_iter().collect(),
        Resource::Port(p) => named(&p.device.netns).into_iter().collect(),
        Resource::PortVlans(v) => named(&v.device.netns).into_iter().collect(),
        Resource::Qdisc(q) => named(&q.device.netns).into_iter().collect(),
        Resource::Tuning(t) => named(&t.device.netns).into_iter().collect(),
        Resource::Address(a) => named(&a.device.netns).into_iter().collect(),
        Resource::Route(r) => named(&r.netns).into_iter().collect(),
        Resource::Sysctl(s) => named(&s.netns).into_iter().collect(),
        Resource::Ran(r) => vec![&r.netns],
    }
}

/// The resource that an action is about.
pub fn subject(action: &Action) -> &Resource {
    match action {
        Action::Create(r) | Action::Delete(r) | Action::Update { to: r, .. } => r,
        Action::Borrow(loan) | Action::GiveBack(loan) => &loan.set,
    }
}

pub fn created(action: &Action) -> Option<&Resource> {
    match action {
        Action::Create(r) => Some(r),
        Action::Update { .. } | Action::Delete(_) | Action::Borrow(_) | Action::GiveBack(_) => None,
    }
}

pub fn deleted(action: &Action) -> Option<&Resource> {
    match action {
        Action::Delete(r) => Some(r),
        Action::Update { .. } | Action::Create(_) | Action::Borrow(_) | Action::GiveBack(_) => None,
    }
}

fn joins(kind: &SingleKind) -> Option<Joins> {
    match kind {
        SingleKind::Bond(_) => Some(Joins::Bond),
        SingleKind::Vrf { .. } => Some(Joins::Vrf),
        SingleKind::Dummy | SingleKind::Vlan { .. } | SingleKind::Macvlan { .. } | SingleKind::Ipvlan { .. } => None,
    }
}

/// What people call things: nodes for namespaces, full names for shortened interfaces.
#[derive(Debug, Default)]
pub struct Names {
    nodes: BTreeMap<NetnsName, String>,
    full: HashMap<DeviceId, Arc<str>>,
    /// Bridges, bonds and VRFs.
    joins: HashMap<DeviceId, Joins>,
}

/// What a device can be a member of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joins {
    Bridge,
    Bond,
    Vrf,
}

impl Names {
    /// The names of all that these resources are.
    pub fn of<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Self {
        let mut names = Names::default();
        for resource in resources {
            names.learn(resource);
        }
        names
    }

    fn learn(&mut self, resource: &Resource) {
        let mut full = |id: &DeviceId, name: &Option<Arc<str>>| {
            if let Some(name) = name {
                self.full.insert(id.clone(), name.clone());
            }
        };
        match resource {
            Resource::Ovs(_) => todo!("ovs"),
            Resource::Netns(n) => {
                self.nodes.insert(n.name.clone(), n.node.to_string());
            }
            Resource::Device(Device::Veth(v)) => v.ends().iter().for_each(|e| full(&e.id, &e.full_name)),
            Resource::Device(Device::Bridge(b)) => {
                full(&b.id, &b.full_name);
                self.joins.insert(b.id.clone(), Joins::Bridge);
            }
            Resource::Device(Device::Single(s)) => {
                full(&s.id, &s.full_name);
                self.joins.extend(joins(&s.kind).map(|joins| (s.id.clone(), joins)));
            }
            Resource::Device(Device::Stray { .. })
            | Resource::Up(_)
            | Resource::Port(_)
            | Resource::PortVlans(_)
            | Resource::Qdisc(_)
            | Resource::Tuning(_)
            | Resource::Address(_)
            | Resource::Route(_)
            | Resource::Sysctl(_)
            | Resource::Ran(_) => {}
        }
    }

    /// The node that a namespace is.
    pub fn node<'a>(&'a self, netns: &'a NetnsName) -> &'a str {
        self.nodes.get(netns).map_or(netns.as_str(), String::as_str)
    }

    /// The namespace as people call it: its node, or `host`.
    pub fn netns<'a>(&'a self, netns: &'a NetnsId) -> &'a str {
        match netns {
            NetnsId::Host => "host",
            NetnsId::Named(name) => self.node(name),
        }
    }

    /// The interface's name as written.
    pub fn interface<'a>(&'a self, id: &'a DeviceId) -> &'a str {
        self.full.get(id).map_or(id.name.as_str(), |n| n)
    }

    /// What the members of a device are members of.
    pub fn joins(&self, master: &DeviceId) -> Joins {
        self.joins.get(master).copied().unwrap_or(Joins::Bridge)
    }

    /// Whether it is a bridge itself.
    pub fn is_bridge(&self, id: &DeviceId) -> bool {
        self.joins.get(id) == Some(&Joins::Bridge)
    }

    /// `node:interface`.
    pub fn end(&self, id: &DeviceId) -> String {
        format!("{}:{}", self.netns(&id.netns), self.interface(id))
    }
}
