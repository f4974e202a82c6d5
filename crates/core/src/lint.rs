//! Lints: what a file may say and hardly anyone means. They are told and stop nothing.

use std::collections::BTreeMap;

use petgraph::graph::NodeIndex;

use crate::problem::{Code, Place, Problem};
use crate::resource::FailMode;
use crate::topology::{Endpoint, Impairment, Kind, Node, OwnKind, PortWritten, Topology, Trunk};
use crate::units::{print_rate, print_time};

/// Fewer packets may wait than rate and delay have on their way.
const LIMIT: Code = Code(200);
/// Programs run before the ports of a bridge forward.
const EARLY: Code = Code(201);
/// Packets overtake each other.
const OVERTAKE: Code = Code(202);
/// A VLAN that one port is in.
const LONELY: Code = Code(203);
/// A trunk that ends where nothing takes its frames.
const DEAF: Code = Code(204);

/// A switch that passes nothing.
const SHUT: Code = Code(205);

/// What an Ethernet header adds to a packet, in bytes.
const ETHERNET: u64 = 14;

/// Warnings about a topology, each once, in the order of the graph.
pub fn lint(topology: &Topology) -> Vec<Problem> {
    let mut found: Vec<Problem> = Vec::new();
    let ends = topology.graph.edge_weights().flat_map(|link| &link.ends);
    let ends = ends.map(|end| (end.written.impairment.as_ref(), end.mtu));
    let own = topology.graph.node_weights().flat_map(|node| &node.interfaces);
    let own = own.map(|own| (own.written.impairment.as_ref(), own.mtu));
    for (impairment, mtu) in ends.chain(own) {
        let Some(impairment) = impairment else { continue };
        found.extend(limit(impairment, mtu));
        found.extend(overtake(impairment));
    }
    found.extend(topology.graph.node_indices().filter_map(|node| early(topology, node)));
    found.extend(lonely(topology));
    found.extend(deaf(topology));
    found.extend(topology.graph.node_weights().filter_map(shut));
    let mut told: Vec<Problem> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for problem in found {
        if known.insert((problem.at.clone(), problem.message.clone())) {
            told.push(problem);
        }
    }
    told
}

fn limit(impairment: &Impairment, mtu: Option<u32>) -> Option<Problem> {
    let (limit, rate) = impairment.limit.zip(impairment.rate)?;
    let time = impairment.delay + impairment.jitter;
    let bytes = u128::from(rate) * u128::from(time) / 8_000_000_000;
    let packet = u64::from(mtu.unwrap_or(1500)) + ETHERNET;
    let packets = bytes.div_ceil(packet.into());
    if u128::from(limit) >= packets {
        return None;
    }
    let (rate, time) = (print_rate(rate), print_time(time));
    let message = format!(
        "a limit of {limit} is too low: {rate} × {time} are {bytes} bytes, {packets} packets of {packet}; what is beyond is dropped"
    );
    let hint = format!("write a limit of {packets} or more, or none");
    Some(Problem::at(LIMIT, &impairment.at.key("limit"), message).hint(hint))
}

fn overtake(impairment: &Impairment) -> Option<Problem> {
    if impairment.jitter == 0 || impairment.rate.is_some() || impairment.reorder > 0.0 {
        return None;
    }
    let message = format!("packets overtake each other: their delay varies by {}", print_time(impairment.jitter));
    let hint = "write a `rate:`, which keeps them in order, unless that is what is wanted";
    Some(Problem::at(OVERTAKE, &impairment.at.key("jitter"), message).hint(hint))
}

fn early(topology: &Topology, node: NodeIndex<u32>) -> Option<Problem> {
    let weight = &topology.graph[node];
    if weight.exec.is_empty() {
        return None;
    }
    let (switch, delay) = topology.graph.neighbors(node).find_map(|peer| {
        let switch = topology.graph[peer].switch().filter(|s| s.stp)?;
        Some((&topology.graph[peer].name, switch.forward_delay.unwrap_or(1500)))
    })?;
    // A port listens for that long, and then learns for that long (IEEE 802.1D §8.4).
    let wait = print_time(2 * u64::from(delay) * 10_000_000);
    let message =
        format!("the programs of `{}` run when the lab is up, {wait} before `{switch}` lets it be heard", weight.name);
    let hint = "let the program wait, or write a shorter `forward-delay:` on the bridges";
    Some(Problem::at(EARLY, &weight.at.key("exec"), message).hint(hint))
}

fn lonely(topology: &Topology) -> Vec<Problem> {
    let mut ports: BTreeMap<u16, Vec<&Place>> = BTreeMap::new();
    let mut trunks: Vec<(u16, u16)> = Vec::new();
    for end in topology.graph.edge_weights().flat_map(|link| &link.ends) {
        for vlan in end.port.vlan.into_iter().chain(end.port.native) {
            ports.entry(vlan).or_default().push(&end.at);
        }
        match &end.port.trunk {
            None => {}
            Some(Trunk::All) => return Vec::new(),
            Some(Trunk::Ranges(ranges)) => trunks.extend(ranges),
        }
    }
    for own in topology.graph.node_weights().flat_map(|node| &node.interfaces) {
        if let OwnKind::Internal { port: PortWritten { vlan: Some(vlan), .. } } = &own.kind {
            ports.entry(*vlan).or_default().push(&own.at);
        }
    }
    let own: Vec<u16> = topology.graph.node_weights().filter_map(|node| node.switch()?.vlan).collect();
    let alone = |(vlan, at): (&u16, &Vec<&Place>)| {
        let carried = trunks.iter().any(|(first, last)| (first..=last).contains(&vlan));
        let [at] = at.as_slice() else { return None };
        if carried || own.contains(vlan) || *vlan == 1 {
            return None;
        }
        let message = format!("VLAN {vlan} is on this port alone: nobody is heard there");
        Some(Problem::at(LONELY, at, message).hint("look at the number, or put another port into it"))
    };
    ports.iter().filter_map(alone).collect()
}

fn deaf(topology: &Topology) -> Vec<Problem> {
    let mut found = Vec::new();
    for edge in topology.graph.edge_references() {
        let [a, b] = &edge.weight().ends;
        for (port, peer) in [(a, b), (b, a)] {
            let Some(trunk) = port.port.trunk.as_ref().filter(|_| port.port.native.unwrap_or(0) == 0) else { continue };
            if topology.graph[port.node].switch().is_none() || topology.graph[peer.node].switch().is_some() {
                continue;
            }
            if !takes(topology, peer, trunk) {
                let name = &topology.graph[peer.node].name;
                let message = format!("this trunk ends at `{name}`, where no sub-interface takes one of its VLANs");
                let hint = "write one under its `interfaces:`, as `eth0.10: { vlan: 10 }`, or a `native:` VLAN";
                found.push(Problem::at(DEAF, &peer.at, message).hint(hint));
            }
        }
    }
    found
}

fn shut(node: &Node) -> Option<Problem> {
    let Kind::Ovs(_, written) = &node.kind else { return None };
    if written.fail_mode != Some(FailMode::Secure) || written.flows.is_some() || !written.controllers.is_empty() {
        return None;
    }
    let message = format!("`{}` passes nothing: it does only what flows say, and has none", node.name);
    let hint = "write `flows:` or `controller:`, or take `fail-mode: secure` away";
    Some(Problem::at(SHUT, &node.at.key("fail-mode"), message).hint(hint))
}

/// Whether something that stands on an end takes frames of a trunk.
fn takes(topology: &Topology, end: &Endpoint, trunk: &Trunk) -> bool {
    topology.graph[end.node].interfaces.iter().any(|own| match &own.kind {
        OwnKind::Vlan { parent, vid, .. } => {
            let in_trunk = match trunk {
                Trunk::All => true,
                Trunk::Ranges(ranges) => ranges.iter().any(|(first, last)| (first..=last).contains(&vid)),
            };
            Some(parent) == end.interface.as_ref() && in_trunk
        }
        // Its members' frames are the bond's, which may have sub-interfaces.
        OwnKind::Bond { members, .. } => end.interface.as_ref().is_some_and(|name| members.contains(name)),
        OwnKind::Dummy
        | OwnKind::Internal { .. }
        | OwnKind::Macvlan { .. }
        | OwnKind::Ipvlan { .. }
        | OwnKind::Vrf { .. } => false,
    })
}
