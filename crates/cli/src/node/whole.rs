//! What has a name and is no one node on a host: a bridge on several of them, each with its part, and what joins nodes of several.

use netsim_core::names::{HostId, LabName, NodeName};
use netsim_core::place::part;
use netsim_core::state::Scope;
use netsim_core::topology::Topology;
use netsim_host::store::Applied;

use super::{Found, found, near};
use crate::args::Global;
use crate::error::{Failure, codes};
use crate::hosts;
use crate::planned::Names;
use crate::screen::Screen;

/// What stands for several nodes of a running lab.
#[derive(Debug)]
pub struct Whole {
    name: NodeName,
    /// The parts of a bridge, or the nodes that it joins; at least one.
    parts: Vec<Found>,
    /// Whether it is a bridge.
    is_bridge: bool,
}

impl Whole {
    /// What is called so, in the file or where its nodes have been put.
    pub fn of(written: &Topology, placed: &Topology, name: &str, applied: &Applied) -> Option<Self> {
        let overlay = placed.node(name).filter(|&node| placed.graph[node].overlay().is_some());
        let switch = written.node(name).filter(|&node| written.graph[node].switch().is_some());
        let mut parts: Vec<_> = match (overlay, switch) {
            (Some(overlay), _) => placed.graph.neighbors(overlay).collect(),
            (None, Some(switch)) => {
                let name = &written.graph[switch].name;
                placed.hosts_used().iter().filter_map(|host| placed.node(part(name, host).as_str())).collect()
            }
            (None, None) => return None,
        };
        parts.sort();
        parts.dedup();
        let is_bridge = switch.is_some() && parts.iter().all(|&node| placed.graph[node].switch().is_some());
        let name = NodeName::new(name).ok()?;
        let names = parts.into_iter().map(|node| placed.graph[node].name.as_str());
        let parts: Vec<Found> = names.filter_map(|name| found(placed, name, applied)).collect();
        (!parts.is_empty()).then_some(Whole { name, parts, is_bridge })
    }

    pub fn lab(&self) -> &LabName {
        &self.parts[0].lab
    }

    /// The one part that there is, or that one of them has to be named.
    pub fn one(mut self) -> Result<Found, Failure> {
        if self.is_bridge && self.parts.len() == 1 {
            return Ok(self.parts.swap_remove(0));
        }
        let (name, first) = (&self.name, self.address(0));
        Err(match self.is_bridge {
            true => {
                let message = format!("{name} is on several hosts: {}", self.names());
                Failure::hinted(codes::NODE, message, format!("name its part on one of them, as {first}"))
            }
            false => {
                let message = format!("{name} is no node: it joins {}", self.names());
                Failure::hinted(codes::NODE, message, format!("name one of its ends, as {first}:eth0"))
            }
        })
    }

    /// The part that has a port of this name now.
    pub fn with_port(self, port: &str, global: &Global, screen: &Screen) -> Result<Found, Failure> {
        if !self.is_bridge || self.parts.len() == 1 {
            return self.one();
        }
        let applied = self.parts[0].applied.clone();
        let is_there = |id: &HostId| self.parts.iter().any(|part| part.host == *id);
        let members = applied.members().into_iter().filter(|(id, _)| is_there(id)).collect();
        hosts::with(global, screen, members, Some(applied), |hosts| {
            let scopes = hosts.members().keys().map(|id| (id.clone(), Scope::lab(self.lab()))).collect();
            let answers = hosts.look(&scopes);
            let (mut ports, mut down) = (Vec::new(), hosts.down().clone());
            for part in &self.parts {
                match answers.get(&part.host).map(|timed| &timed.value) {
                    Some(Ok(observed)) => {
                        let names = Names::of(observed.ours.iter().map(|(_, r)| r));
                        let devices = part.devices(&observed.ours, &names);
                        if devices.iter().any(|id| names.is_called(id, port)) {
                            return Ok(part.clone());
                        }
                        ports.extend(devices.iter().map(|id| names.interface(id).to_owned()));
                    }
                    Some(Err(error)) => drop(down.insert(part.host.clone(), error.clone())),
                    None => {}
                }
            }
            if !down.is_empty() {
                // It may be there.
                return Err(Failure::hosts(&down, hosts.members().len()));
            }
            let message = format!("no part of {} has an interface `{port}`: {}", self.name, self.names());
            let hint = near(port, ports.iter().map(String::as_str));
            let hint = hint.unwrap_or_else(|| format!("see what one of them has: netsim show {}", self.address(0)));
            Err(Failure::hinted(codes::NODE, message, hint))
        })
    }

    fn names(&self) -> String {
        self.parts.iter().map(|part| part.node.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn address(&self, part: usize) -> String {
        format!("{}/{}", self.lab(), self.parts[part].node)
    }
}
