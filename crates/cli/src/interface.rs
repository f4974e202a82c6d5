//! Interfaces of running labs, as people name them: `NODE:INTERFACE` or `LAB/NODE:INTERFACE`.

use netsim_core::lower::netns_of;
use netsim_core::names::{HostId, IfName, LabName};
use netsim_core::plan::Action;
use netsim_core::resource::DeviceId;
use netsim_core::state::{HostState, Observed};
use netsim_core::topology::{Endpoint, Owned, Topology, Written};
use netsim_host::backend::Progress;

use crate::args::Global;
use crate::commands::stopped;
use crate::error::{Failure, codes};
use crate::file::{self, Loaded};
use crate::hosts::{self, Hosts};
use crate::lab::{self, Look, OnHost, Surveyed};
use crate::node::{self, Found};
use crate::planned::{Names, Planned};
use crate::screen::Screen;

/// An interface of a running lab, and all that is known of the lab.
#[derive(Debug)]
pub struct Interface {
    pub host: HostId,
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

    /// Opens the hosts of the lab of the node that is meant, and does the work there.
    pub fn with<T>(
        &self,
        global: &Global,
        screen: &Screen,
        work: impl FnOnce(&Hosts, Found) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let found = node::find(global, screen, (self.node, Some(self.interface)))?;
        hosts::with(global, screen, found.applied.members(), Some(found.applied.clone()), |hosts| work(hosts, found))
    }

    /// The interface, as it is on its host.
    pub fn look(&self, found: &Found, hosts: &Hosts, screen: &Screen) -> Result<Interface, Failure> {
        let loaded = file::reload(found.applied.sources.clone())?;
        let surveyed = lab::survey(hosts, &loaded, Look::Only)?;
        lab::forget_if_gone(hosts, &surveyed, screen);
        let host = found.host.clone();
        let on = match (surveyed.hosts.get(&host), surveyed.down.get(&host)) {
            (Some(on), _) => on,
            (None, Some(error)) => return Err(error.clone().into()),
            (None, None) => return Err(Failure::new(codes::LAB, format!("lab {} has nothing on {host}", found.lab))),
        };
        let (ours, desired) = (&on.observed.ours, &on.desired);
        let names = Names::of(desired.iter().chain(ours.iter()).map(|(_, r)| r));
        let devices = found.devices(ours, &names);
        let meant = |id: &&DeviceId| names.is_called(id, self.interface);
        let device =
            devices.iter().find(meant).cloned().ok_or_else(|| unknown(found, self.interface, &devices, &names))?;
        Ok(Interface { host, device, loaded, surveyed, names })
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
        &self.surveyed.lab
    }

    /// The lab on the interface's host.
    pub fn on_host(&self) -> &OnHost {
        &self.surveyed.hosts[&self.host]
    }

    /// `node:interface`.
    pub fn name(&self) -> String {
        self.names.end(&self.device)
    }

    /// What the file says of it; none of a device that has no words of its own there, such as a bridge.
    pub fn written<'t>(&self, topology: &'t mut Topology) -> Option<&'t mut Written> {
        let given = &self.surveyed.given;
        let here = |topology: &Topology, end: &Endpoint, kernel: IfName| {
            let of_device = netns_of(topology, end.node) == self.device.netns && kernel == self.device.name;
            of_device && topology.graph[end.node].is_on(&self.host)
        };
        for edge in topology.graph.edge_indices() {
            for side in [0, 1] {
                if here(topology, &topology.graph[edge].ends[side], given.ends[edge.index()][side].kernel) {
                    return Some(&mut topology.graph[edge].ends[side].written);
                }
            }
        }
        let mut nodes = topology
            .graph
            .node_indices()
            .filter(|&node| netns_of(topology, node) == self.device.netns && topology.graph[node].is_on(&self.host));
        let here = |own: &Owned| IfName::shortened(&own.name) == self.device.name;
        let node = nodes.find(|&node| topology.graph[node].interfaces.iter().any(here))?;
        topology.graph[node].interfaces.iter_mut().find(|own| here(own)).map(|own| &mut own.written)
    }

    /// The steps from what there is to this; what is borrowed stays so.
    pub fn plan(&self, desired: &HostState, observed: &Observed) -> Result<Planned, Failure> {
        let now = Observed { ours: observed.ours.clone(), facts: observed.facts.clone(), ..Observed::default() };
        Planned::between(self.lab(), desired, &now)
            .map_err(|refusals| self.surveyed.refused(&self.host, refusals, &self.loaded))
    }

    /// Does these steps, and says what is so after them.
    pub fn apply(&self, hosts: &Hosts, actions: &[Action]) -> Result<Observed, Failure> {
        let host = hosts.host(&self.host)?;
        host.apply(&self.on_host().scope, actions, &Progress::default()).map_err(stopped)
    }
}
