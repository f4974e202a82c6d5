//! Interfaces of running labs, as people name them: `NODE:INTERFACE` or `LAB/NODE:INTERFACE`.

use netsim_core::lower::netns_of;
use netsim_core::names::{IfName, LabName};
use netsim_core::plan::Action;
use netsim_core::resource::{DeviceId, Key, Resource};
use netsim_core::state::{HostState, Observed};
use netsim_core::topology::{Owned, Topology, Written};
use netsim_host::backend::Progress;

use crate::commands::stopped;
use crate::error::{Failure, codes};
use crate::file::Loaded;
use crate::lab::{self, Surveyed};
use crate::machine::Machine;
use crate::node::{self, Found};
use crate::planned::{Names, Planned};

/// An interface of a running lab, and all that is known of the lab.
#[derive(Debug)]
pub struct Interface {
    pub device: DeviceId,
    pub loaded: Loaded,
    pub surveyed: Surveyed,
    pub names: Names,
}

/// A lab and an interface, as on the command line.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    node: &'a str,
    interface: &'a str,
}

impl<'a> Words<'a> {
    pub fn of(text: &'a str) -> Result<Self, Failure> {
        match text.split_once(':') {
            Some((node, interface)) => Ok(Words { node, interface }),
            None => {
                let message = format!("`{text}` names no interface");
                Err(Failure::hinted(codes::NODE, message, format!("write NODE:INTERFACE, as {text}:eth0")))
            }
        }
    }

    /// The node that is meant.
    pub fn find(&self, machine: &Machine) -> Result<Found, Failure> {
        node::find(machine, self.node)
    }

    /// The interface, as it is on the machine.
    pub fn look(&self, found: &Found, machine: &Machine) -> Result<Interface, Failure> {
        let loaded = lab::applied(machine, &found.lab)?.ok_or_else(|| lab::not_running(machine, &found.lab))?;
        let surveyed = lab::survey(machine, &loaded)?;
        let (ours, desired) = (&surveyed.observed.ours, &surveyed.wanted.desired);
        let names = Names::of(desired.iter().chain(ours.iter()).map(|(_, r)| r));
        let of_node = |key: Key| match key {
            Key::Device(id) if id.netns == found.netns => Some(id).filter(|id| found.has(id, &names)),
            _ => None,
        };
        let devices = ours.iter().map(|(_, r)| r).filter(|r| matches!(r, Resource::Device(_) | Resource::Ovs(_)));
        let devices: Vec<DeviceId> = devices.flat_map(Resource::claims).filter_map(of_node).collect();
        let meant = |id: &&DeviceId| names.interface(id) == self.interface || id.name.as_str() == self.interface;
        let device =
            devices.iter().find(meant).cloned().ok_or_else(|| unknown(found, self.interface, &devices, &names))?;
        Ok(Interface { device, loaded, surveyed, names })
    }
}

/// That a node has no such interface, with what it has.
fn unknown(found: &Found, interface: &str, devices: &[DeviceId], names: &Names) -> Failure {
    let all: Vec<&str> = devices.iter().map(|id| names.interface(id)).collect();
    let message = format!("node {} of lab {} has no interface `{interface}`", found.node, found.lab);
    let hint = match (node::near(interface, all.iter().copied()), all.is_empty()) {
        (Some(near), _) => near,
        (None, false) => format!("name one of: {}", all.join(", ")),
        (None, true) => format!("see what there is: netsim show {}/{}", found.lab, found.node),
    };
    Failure::hinted(codes::NODE, message, hint)
}

impl Interface {
    pub fn lab(&self) -> &LabName {
        &self.surveyed.scope.lab
    }

    /// `node:interface`.
    pub fn name(&self) -> String {
        self.names.end(&self.device)
    }

    /// What the file says of it; none of a device that has no words of its own there, such as a bridge.
    pub fn written<'t>(&self, topology: &'t mut Topology) -> Option<&'t mut Written> {
        let given = &self.surveyed.wanted.given;
        let here = |topology: &Topology, node, kernel: IfName| {
            netns_of(topology, node) == self.device.netns && kernel == self.device.name
        };
        for edge in topology.graph.edge_indices() {
            for side in [0, 1] {
                if here(topology, topology.graph[edge].ends[side].node, given.ends[edge.index()][side].kernel) {
                    return Some(&mut topology.graph[edge].ends[side].written);
                }
            }
        }
        let mut nodes = topology.graph.node_indices().filter(|&node| netns_of(topology, node) == self.device.netns);
        let here = |own: &Owned| IfName::shortened(&own.name) == self.device.name;
        let node = nodes.find(|&node| topology.graph[node].interfaces.iter().any(here))?;
        topology.graph[node].interfaces.iter_mut().find(|own| here(own)).map(|own| &mut own.written)
    }

    /// The steps from what there is to this; what is borrowed stays so.
    pub fn plan(&self, desired: &HostState, observed: &Observed) -> Result<Planned, Failure> {
        let now = Observed { ours: observed.ours.clone(), facts: observed.facts.clone(), ..Observed::default() };
        Planned::between(self.lab(), desired, &now)
            .map_err(|refusals| lab::refused(refusals, &self.loaded, &self.surveyed.wanted))
    }

    /// Does these steps, and says what is so after them.
    pub fn apply(&self, machine: &Machine, actions: &[Action]) -> Result<Observed, Failure> {
        machine.apply(&self.surveyed.scope, actions, &Progress::default()).map_err(stopped)
    }
}
