//! Nodes of running labs, as people name them: `NODE` or `LAB/NODE`.

use netsim_core::lower::netns_of;
use netsim_core::names::{HostId, LabName, NodeName};
use netsim_core::place::place;
use netsim_core::resource::{DeviceId, Key, NetnsId, Resource};
use netsim_core::state::HostState;
use netsim_core::suggest::nearest;
use netsim_core::topology::{Kind, Node, On, Topology};
use netsim_host::store::Applied;

use crate::args::Global;
use crate::error::{Failure, codes};
use crate::hosts::{self, Hosts};
use crate::lab;
use crate::planned::Names;
use crate::screen::Screen;
use crate::stores::Stores;

mod whole;

use whole::Whole;

/// A node of a running lab.
#[derive(Debug, Clone)]
pub struct Found {
    pub lab: LabName,
    pub node: NodeName,
    pub netns: NetnsId,
    /// The host that it is on.
    pub host: HostId,
    /// Whether it is a switch of Open vSwitch.
    pub is_ovs: bool,
    /// Whether it is a machine itself.
    pub is_machine: bool,
    /// The programs that it was to run, as applied.
    pub exec: Vec<Vec<String>>,
    /// What is stored of the lab.
    pub applied: Applied,
}

impl Found {
    /// Its host, where the lab is on others than this machine alone.
    pub fn shown_host(&self) -> Option<&HostId> {
        (!self.applied.hosts.is_empty()).then_some(&self.host)
    }

    /// Whether a device of its namespace is its own: bridges of Open vSwitch, and the machine itself, share the host's.
    pub fn has(&self, device: &DeviceId, names: &Names) -> bool {
        let switch = names.ovs_bridge(device);
        match (self.is_ovs, self.is_machine) {
            (true, _) => switch.is_some_and(|bridge| names.ovs_node(bridge) == self.node.as_str()),
            (_, true) => switch.is_none() && !names.is_bridge(device),
            (false, false) => true,
        }
    }

    /// Its devices, of all that its host has of the lab.
    pub fn devices(&self, ours: &HostState, names: &Names) -> Vec<DeviceId> {
        let own = |key: Key| match key {
            Key::Device(id) if id.netns == self.netns => Some(id).filter(|id| self.has(id, names)),
            _ => None,
        };
        let devices = ours.iter().map(|(_, r)| r).filter(|r| matches!(r, Resource::Device(_) | Resource::Ovs(_)));
        devices.flat_map(Resource::claims).filter_map(own).collect()
    }
}

/// Finds the node that is meant, opens its host, and does the work there. Without a lab it is looked for in all that run. A bridge on several hosts is
/// meant by its own name where the part that is meant has an interface of this name.
pub fn with<T>(
    global: &Global,
    screen: &Screen,
    (text, interface): (&str, Option<&str>),
    work: impl FnOnce(&Hosts, Found) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let found = find(global, screen, (text, interface))?;
    let all = found.applied.members();
    let members = all.into_iter().filter(|(id, _)| *id == found.host).collect();
    hosts::with(global, screen, members, Some(found.applied.clone()), |hosts| work(hosts, found))
}

/// What a name means in a lab.
enum Meant {
    Node(Box<Found>),
    Whole(Whole),
}

impl Meant {
    fn lab(&self) -> &LabName {
        match self {
            Meant::Node(found) => &found.lab,
            Meant::Whole(whole) => whole.lab(),
        }
    }
}

/// The node that is meant, by what is stored. Without a lab it is looked for in all that run.
pub fn find(global: &Global, screen: &Screen, (text, interface): (&str, Option<&str>)) -> Result<Found, Failure> {
    match (meant(global, screen, text)?, interface) {
        (Meant::Node(found), _) => Ok(*found),
        (Meant::Whole(whole), None) => whole.one(),
        (Meant::Whole(whole), Some(port)) => whole.with_port(port, global, screen),
    }
}

fn meant(global: &Global, screen: &Screen, text: &str) -> Result<Meant, Failure> {
    let stores = Stores::of(global)?;
    let (lab, node) = match text.split_once('/') {
        Some((lab, node)) => (Some(lab), node),
        None => (None, text),
    };
    let labs: Vec<LabName> = match lab {
        None => stores.labs()?.into_iter().collect(),
        Some(lab) => {
            vec![LabName::new(lab).map_err(|e| Failure::new(codes::LAB, format!("no lab is called so: {e}")))?]
        }
    };
    let (mut meant, mut others) = (Vec::new(), Vec::new());
    for name in &labs {
        let (loaded, stored) = lab::applied(&stores, name, global, screen)?;
        let applied = stored.unwrap_or_else(|| Applied::of(&loaded.sources));
        let topology = place(&loaded.topology, &applied.places).map_err(|p| Failure::problems(&loaded.sources, p))?;
        meant.extend(in_lab(&loaded.topology, &topology, node, &applied));
        others.extend(topology.graph.node_weights().map(|n| n.name.to_string()));
    }
    let near = near(node, others.iter().map(String::as_str));
    let names = |labs: &[LabName]| labs.iter().map(LabName::as_str).collect::<Vec<_>>().join(", ");
    match (meant.len(), &labs[..]) {
        (1, _) => Ok(meant.swap_remove(0)),
        (0, []) => Err(Failure::hinted(codes::LAB, "no lab is running", "apply one: netsim apply FILE")),
        (0, [lab]) => Err(Failure::hinted(
            codes::NODE,
            format!("lab {lab} has no node `{node}`"),
            near.unwrap_or_else(|| format!("see its nodes: netsim status {lab}, or netsim graph {lab}")),
        )),
        (0, many) => {
            let message = format!("none of the labs {} has a node `{node}`", names(many));
            Err(Failure::Other { code: codes::NODE, message, hint: near })
        }
        (_, _) => {
            let labs: Vec<LabName> = meant.iter().map(|meant| meant.lab().clone()).collect();
            let message = format!("labs {} all have a node `{node}`", names(&labs));
            Err(Failure::hinted(codes::NODE, message, format!("say of which: {}/{node}", labs[0])))
        }
    }
}

/// A hint at the name that was most likely meant. Of names that differ in a number alone none is nearer than another.
pub fn near<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let letters = |name: &str| name.replace(|c: char| c.is_ascii_digit(), "");
    nearest(name, names.filter(|other| letters(other) != letters(name))).map(|near| format!("did you mean `{near}`?"))
}

fn in_lab(written: &Topology, placed: &Topology, name: &str, applied: &Applied) -> Option<Meant> {
    match placed.node(name).filter(|&node| placed.graph[node].overlay().is_none()) {
        Some(_) => found(placed, name, applied).map(|found| Meant::Node(Box::new(found))),
        None => Whole::of(written, placed, name, applied).map(Meant::Whole),
    }
}

fn found(placed: &Topology, name: &str, applied: &Applied) -> Option<Found> {
    let index = placed.node(name)?;
    let (lab, netns) = (placed.name.clone(), netns_of(placed, index));
    let Node { name, exec, kind, on, .. } = &placed.graph[index];
    let On::Host(host) = on else { return None };
    Some(Found {
        lab,
        node: name.clone(),
        netns,
        host: host.clone(),
        is_ovs: matches!(kind, Kind::Ovs(..)),
        is_machine: matches!(kind, Kind::Host),
        exec: exec.clone(),
        applied: applied.clone(),
    })
}
