//! What is so now: read from an older giving-out, or from a machine.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{Given, Prior, PriorEnd};
use crate::names::{IfName, NetnsName, NodeName};
use crate::resource::{Device, DeviceId, End, Key, NetnsId, Resource};
use crate::state::HostState;
use crate::topology::Topology;

impl Prior {
    /// The names and addresses that a topology was given before.
    pub fn from_given(topology: &Topology, given: &Given) -> Prior {
        let mut prior = Prior::default();
        let graph = &topology.graph;
        for edge in graph.edge_indices() {
            let name = |side: usize| {
                (topology.end_node(edge, side).name.clone(), given.ends[edge.index()][side].interface.clone())
            };
            for side in [0, 1] {
                let addresses = given.ends[edge.index()][side].addresses.clone();
                prior.interfaces.insert(name(side), PriorEnd { peer: Some(name(1 - side)), addresses, mac: None });
            }
        }
        for node in graph.node_indices().filter(|n| !given.loopbacks[n.index()].is_empty()) {
            prior.loopbacks.insert(graph[node].name.clone(), given.loopbacks[node.index()].clone());
        }
        prior
    }

    /// The names and addresses that a lab has on a machine.
    pub fn from_state(state: &HostState) -> Prior {
        let nodes: BTreeMap<&NetnsName, &NodeName> = state
            .iter()
            .filter_map(|(_, r)| if let Resource::Netns(n) = r { Some((&n.name, &n.node)) } else { None })
            .collect();
        let mut prior = Prior::default();
        for (_, resource) in state.iter() {
            match resource {
                Resource::Netns(netns) => {
                    let addresses = addresses_on(state, &netns.lo());
                    if !addresses.is_empty() {
                        prior.loopbacks.insert(netns.node.clone(), addresses);
                    }
                }
                Resource::Device(Device::Veth(veth)) => {
                    let names = veth.ends().each_ref().map(|end| name_of(state, &nodes, end));
                    for side in [0, 1] {
                        let Some(name) = names[side].clone() else { continue };
                        let addresses = addresses_on(state, &veth.ends()[side].id);
                        let (peer, mac) = (names[1 - side].clone(), Some(veth.ends()[side].mac));
                        prior.interfaces.insert(name, PriorEnd { peer, addresses, mac });
                    }
                }
                Resource::Device(Device::Bridge(_) | Device::Single(_) | Device::Stray { .. })
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
        prior
    }
}

/// The node and the interface that a veth end is: a namespace tells its node, in the host's the switch that it is a port of.
fn name_of(state: &HostState, nodes: &BTreeMap<&NetnsName, &NodeName>, end: &End) -> Option<(NodeName, String)> {
    let node = match &end.id.netns {
        NetnsId::Named(netns) => (*nodes.get(netns)?).clone(),
        NetnsId::Host => switch_of(state, &end.id)?,
    };
    Some((node, shown(&end.full_name, end.id.name)))
}

fn switch_of(state: &HostState, port: &DeviceId) -> Option<NodeName> {
    let Resource::Port(membership) = state.get(&Key::Port(port.clone()))? else { return None };
    let switch = Key::Device(DeviceId { netns: port.netns.clone(), name: membership.master });
    let Resource::Device(Device::Bridge(bridge)) = state.get(&switch)? else { return None };
    NodeName::new(&shown(&bridge.full_name, bridge.id.name)).ok()
}

fn shown(full_name: &Option<std::sync::Arc<str>>, kernel: IfName) -> String {
    full_name.as_deref().map_or_else(|| kernel.to_string(), str::to_owned)
}

fn addresses_on(state: &HostState, device: &DeviceId) -> Vec<IpNet> {
    let net = |key| if let Some(Resource::Address(a)) = state.get(&key) { Some(a.net) } else { None };
    state.addresses(device).into_iter().filter_map(net).collect()
}
