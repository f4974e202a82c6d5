//! Nodes of running labs, as people name them: `NODE` or `LAB/NODE`.

use netsim_core::lower::netns_of;
use netsim_core::names::{LabName, NodeName};
use netsim_core::resource::{DeviceId, NetnsId};
use netsim_core::suggest::nearest;
use netsim_core::topology::Kind;
use netsim_host::store;

use crate::error::{Failure, codes};
use crate::file::Loaded;
use crate::lab;
use crate::machine::Machine;
use crate::planned::Names;

/// A node of a running lab.
#[derive(Debug)]
pub struct Found {
    pub lab: LabName,
    pub node: NodeName,
    pub netns: NetnsId,
    /// Whether it is a switch of Open vSwitch.
    pub is_ovs: bool,
    /// The programs that it was to run, as applied.
    pub exec: Vec<Vec<String>>,
}

impl Found {
    /// Whether a device of its namespace is its own: bridges of Open vSwitch share the host's.
    pub fn has(&self, device: &DeviceId, names: &Names) -> bool {
        !self.is_ovs || names.ovs_bridge(device).is_some_and(|bridge| names.ovs_node(bridge) == self.node.as_str())
    }
}

/// The node that is meant. Without a lab it is looked for in all that run.
pub fn find(machine: &Machine, text: &str) -> Result<Found, Failure> {
    let (lab, node) = match text.split_once('/') {
        Some((lab, node)) => (Some(lab), node),
        None => (None, text),
    };
    let labs = match lab {
        None => store::labs(machine.state())?,
        Some(lab) => {
            vec![LabName::new(lab).map_err(|e| Failure::new(codes::LAB, format!("no lab is called so: {e}")))?]
        }
    };
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for name in &labs {
        let loaded = lab::applied(machine, name)?.ok_or_else(|| lab::not_running(machine, name))?;
        found.extend(in_lab(&loaded, node));
        others.extend(loaded.topology.graph.node_weights().map(|n| n.name.to_string()));
    }
    let near = near(node, others.iter().map(String::as_str));
    let names = |labs: &[LabName]| labs.iter().map(LabName::as_str).collect::<Vec<_>>().join(", ");
    match (found.len(), &labs[..]) {
        (1, _) => Ok(found.swap_remove(0)),
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
            let labs: Vec<LabName> = found.iter().map(|f| f.lab.clone()).collect();
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

fn in_lab(loaded: &Loaded, node: &str) -> Option<Found> {
    let topology = &loaded.topology;
    let index = topology.node(node)?;
    let (lab, netns) = (topology.name.clone(), netns_of(topology, index));
    let (node, exec) = (topology.graph[index].name.clone(), topology.graph[index].exec.clone());
    let is_ovs = matches!(topology.graph[index].kind, Kind::Ovs(..));
    Some(Found { lab, node, netns, is_ovs, exec })
}
