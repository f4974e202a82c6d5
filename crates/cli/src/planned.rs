//! A plan as people and programs get it: the actions, and what goes by itself with them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;
use netsim_core::names::{HostId, IfName, LabName, NetnsName};
use netsim_core::plan::{Action, Refusal, plan};
use netsim_core::resource::{Device, DeviceId, Key, NetnsId, Ovs, Resource, SingleKind};
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

/// What is to be done to a lab on each of its hosts.
pub type Plans = IndexMap<HostId, Planned>;

/// How much is to be done on all hosts. A node that moves from one to another is one.
pub fn total(plans: &Plans) -> Summary {
    let nodes = plans.values().flat_map(Planned::touched).collect::<HashSet<_>>().len();
    plans.values().map(Planned::summary).fold(Summary { nodes, ..Summary::default() }, |sum, of| Summary {
        nodes,
        create: sum.create + of.create,
        change: sum.change + of.change,
        delete: sum.delete + of.delete,
    })
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

    fn touched(&self) -> HashSet<Node<'_>> {
        let old = self.before.iter().map(|(_, r)| r);
        let names = Names::of(old.chain(self.actions.iter().map(subject)));
        self.actions.iter().flat_map(|a| nodes(subject(a), &names)).collect()
    }
}

/// A node by what it is on the machine.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Node<'a> {
    Netns(&'a NetnsName),
    OvsBridge(IfName),
}

/// The nodes that a resource is of; nobody's in the host's namespace but for bridges of Open vSwitch.
fn nodes<'a>(resource: &'a Resource, names: &Names) -> Vec<Node<'a>> {
    let of_netns = |netns: &'a NetnsId| match netns {
        NetnsId::Named(name) => Some(Node::Netns(name)),
        NetnsId::Host => None,
    };
    let of = |id: &'a DeviceId| of_netns(&id.netns).or_else(|| Some(Node::OvsBridge(names.ovs_bridge(id)?)));
    let one = |id: &'a DeviceId| of(id).into_iter().collect();
    match resource {
        Resource::Fdb(f) => one(&f.device),
        Resource::Neighbour(n) => one(&n.device),
        Resource::Netns(n) => vec![Node::Netns(&n.name)],
        Resource::Device(Device::Veth(v)) => v.ends().iter().filter_map(|e| of(&e.id)).collect(),
        Resource::Device(d) => one(d.id()),
        Resource::Up(d) => one(d),
        Resource::Port(p) => one(&p.device),
        Resource::PortVlans(v) => one(&v.device),
        Resource::Qdisc(q) => one(&q.device),
        Resource::Tuning(t) => one(&t.device),
        Resource::Address(a) => one(&a.device),
        Resource::Route(r) => of_netns(&r.netns).into_iter().collect(),
        Resource::Sysctl(s) => of_netns(&s.netns).into_iter().collect(),
        Resource::Ran(r) => vec![Node::Netns(&r.netns)],
        Resource::Ovs(o) => names.bridge_of(o).map(Node::OvsBridge).into_iter().collect(),
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
        SingleKind::Vxlan(_) | SingleKind::Gretap(_) | SingleKind::Gre(_) => None,
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
    /// Bridges of Open vSwitch to the nodes that they are.
    ovs_nodes: BTreeMap<IfName, String>,
    /// Ports of Open vSwitch, the local ones among them, to their bridges.
    ovs_ports: HashMap<IfName, IfName>,
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
            Resource::Ovs(o) => self.learn_ovs(o),
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
            | Resource::Ran(_)
            | Resource::Fdb(_)
            | Resource::Neighbour(_) => {}
        }
    }

    fn learn_ovs(&mut self, ovs: &Ovs) {
        match ovs {
            Ovs::Bridge(b) => {
                self.ovs_nodes.insert(b.name, b.node.to_string());
                self.ovs_ports.insert(b.name, b.name);
            }
            Ovs::Port(p) => {
                self.ovs_ports.insert(p.name, p.bridge);
            }
            Ovs::Mirror(_) | Ovs::Qos(_) | Ovs::Flows(_) => {}
            Ovs::Stray(s) => self.learn_ovs(&s.of),
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

    /// Whether people may call the interface so: by its name as written, or as the kernel has it.
    pub fn is_called(&self, id: &DeviceId, name: &str) -> bool {
        self.interface(id) == name || id.name.as_str() == name
    }

    /// What the members of a device are members of.
    pub fn joins(&self, master: &DeviceId) -> Joins {
        self.joins.get(master).copied().unwrap_or(Joins::Bridge)
    }

    /// Whether it is a bridge itself.
    pub fn is_bridge(&self, id: &DeviceId) -> bool {
        self.joins.get(id) == Some(&Joins::Bridge)
    }

    /// `node:interface`; of a port of Open vSwitch the node is the bridge.
    pub fn end(&self, id: &DeviceId) -> String {
        format!("{}:{}", self.node_of(id), self.interface(id))
    }

    /// The node that a device is of.
    pub fn node_of<'a>(&'a self, id: &'a DeviceId) -> &'a str {
        self.ovs_bridge(id).map_or_else(|| self.netns(&id.netns), |bridge| self.ovs_node(bridge))
    }

    /// The bridge of Open vSwitch that a device is a port of, or the local port of.
    pub fn ovs_bridge(&self, id: &DeviceId) -> Option<IfName> {
        match id.netns {
            NetnsId::Host => self.ovs_ports.get(&id.name).copied(),
            NetnsId::Named(_) => None,
        }
    }

    /// The node that a bridge of Open vSwitch is.
    pub fn ovs_node(&self, bridge: IfName) -> &str {
        self.ovs_nodes.get(&bridge).map_or("host", String::as_str)
    }

    /// A port of Open vSwitch as `node:port`.
    pub fn ovs_end(&self, port: IfName) -> String {
        self.end(&DeviceId { netns: NetnsId::Host, name: port })
    }

    /// The bridge that something of Open vSwitch is of.
    pub fn bridge_of(&self, ovs: &Ovs) -> Option<IfName> {
        match ovs {
            Ovs::Bridge(b) => Some(b.name),
            Ovs::Port(p) => Some(p.bridge),
            Ovs::Mirror(m) => Some(m.bridge),
            Ovs::Qos(q) => self.ovs_ports.get(&q.port).copied(),
            Ovs::Flows(f) => Some(f.bridge),
            Ovs::Stray(s) => self.bridge_of(&s.of),
        }
    }
}
