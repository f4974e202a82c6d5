//! What is so now: read from an older giving-out, or from a machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use petgraph::graph::EdgeIndex;

use super::interfaces::InterfaceId;
use super::{Given, Prior, PriorEnd};
use crate::names::{IfName, NetnsName, NodeName};
use crate::resource::{
    Device, DeviceId, End, Key, NetnsId, Ovs, OvsKey, OvsPort, OvsPortKind, Resource, Single, SingleKind,
};
use crate::state::HostState;
use crate::topology::{Kind, Topology};

impl Prior {
    /// The names and addresses that a topology was given before.
    pub fn from_given(topology: &Topology, given: &Given) -> Prior {
        let mut prior = Prior::default();
        let graph = &topology.graph;
        for edge in graph.edge_indices() {
            prior.note_link(topology, given, edge);
        }
        for node in graph.node_indices() {
            for index in 0..graph[node].interfaces.len() {
                let own = given.of(InterfaceId::Own(node, index));
                let end = PriorEnd { addresses: own.addresses.clone(), ..PriorEnd::default() };
                prior.own.insert((graph[node].name.clone(), own.interface.clone()), end);
            }
        }
        for node in graph.node_indices().filter(|n| !given.loopbacks[n.index()].is_empty()) {
            prior.loopbacks.insert(graph[node].name.clone(), given.loopbacks[node.index()].clone());
        }
        prior
    }

    fn note_link(&mut self, topology: &Topology, given: &Given, edge: EdgeIndex<u32>) {
        let ends = &given.ends[edge.index()];
        let name = |side: usize| (topology.end_node(edge, side).name.clone(), ends[side].interface.clone());
        let addresses = |side: usize| ends[side].addresses.clone();
        if let Kind::Nic { name: nic } = &topology.end_node(edge, 1).kind {
            let end = PriorEnd { nic: Some(nic.clone()), addresses: addresses(0), ..PriorEnd::default() };
            self.own.insert(name(0), end);
            return;
        }
        for side in [0, 1] {
            let end = PriorEnd { peer: Some(name(1 - side)), addresses: addresses(side), ..PriorEnd::default() };
            self.interfaces.insert(name(side), end);
        }
    }

    /// The names and addresses that a lab has on a machine.
    pub fn from_state(state: &HostState) -> Prior {
        let reading = Reading { state, nodes: nodes(state) };
        let mut prior = Prior::default();
        for (_, resource) in state.iter() {
            match resource {
                Resource::Fdb(_) | Resource::Neighbour(_) => todo!("hosts"),
                Resource::Netns(netns) => {
                    let addresses = addresses_on(state, &netns.lo());
                    if !addresses.is_empty() {
                        prior.loopbacks.insert(netns.node.clone(), addresses);
                    }
                }
                Resource::Device(Device::Veth(veth)) => {
                    let [a, b] = veth.ends();
                    reading.wire([a, b], &mut prior);
                }
                Resource::Device(Device::Single(single)) => reading.own(single, &mut prior),
                Resource::Device(Device::Bridge(_) | Device::Stray { .. })
                | Resource::Up(_)
                | Resource::Port(_)
                | Resource::PortVlans(_)
                | Resource::Qdisc(_)
                | Resource::Tuning(_)
                | Resource::Address(_)
                | Resource::Route(_)
                | Resource::Sysctl(_)
                | Resource::Ran(_) => {}
                Resource::Ovs(ovs) => reading.patch(ovs, &mut prior),
            }
        }
        prior.own.retain(|name, _| !prior.interfaces.contains_key(name));
        prior
    }
}

/// By namespace, the node that it is.
fn nodes(state: &HostState) -> BTreeMap<&NetnsName, &NodeName> {
    state.iter().filter_map(|(_, r)| if let Resource::Netns(n) = r { Some((&n.name, &n.node)) } else { None }).collect()
}

/// A machine's state being read.
struct Reading<'a> {
    state: &'a HostState,
    nodes: BTreeMap<&'a NetnsName, &'a NodeName>,
}

/// A device as far as a wire ends in it: the end of a veth pair, or a bond over such ends.
struct Ended {
    id: DeviceId,
    full_name: Option<Arc<str>>,
    prior: PriorEnd,
}

impl Reading<'_> {
    fn wire(&self, ends: [&End; 2], prior: &mut Prior) {
        let ended = ends.map(|end| self.ended(end));
        let names = ended.each_ref().map(|end| self.name_of(&end.id, &end.full_name));
        for (side, end) in ended.into_iter().enumerate() {
            let Some(name) = names[side].clone() else { continue };
            prior.interfaces.insert(name, PriorEnd { peer: names[1 - side].clone(), ..end.prior });
        }
    }

    /// What a wire ends in. The end of a pair that is named after the bond that it is a member of is part of a bonded link.
    fn ended(&self, end: &End) -> Ended {
        let bond = self.bond_of(&end.id);
        let pair_of = |bond: &&Single| {
            let number = shown(&end.full_name, end.id.name);
            let number = number.strip_prefix(&shown(&bond.full_name, bond.id.name)).and_then(|n| n.strip_prefix('-'));
            number.is_some_and(|n| n.parse::<u32>().is_ok())
        };
        let prior =
            |id: &DeviceId, mac| PriorEnd { addresses: addresses_on(self.state, id), mac, ..PriorEnd::default() };
        match bond.filter(pair_of) {
            Some(bond) => {
                Ended { id: bond.id.clone(), full_name: bond.full_name.clone(), prior: prior(&bond.id, bond.mac) }
            }
            None => Ended {
                id: end.id.clone(),
                full_name: end.full_name.clone(),
                // A member has its bond's hardware address, which says nothing of its own name.
                prior: prior(&end.id, if bond.is_some() { None } else { Some(end.mac) }),
            },
        }
    }

    /// One end of a link between two bridges of Open vSwitch. Its name is known only as it was shortened.
    fn patch(&self, ovs: &Ovs, prior: &mut Prior) {
        let Ovs::Port(port) = ovs else { return };
        let OvsPortKind::Patch { peer } = port.kind else { return };
        let Some(Resource::Ovs(Ovs::Port(far))) = self.state.get(&Key::Ovs(OvsKey::Port(peer))) else { return };
        let name = |port: &OvsPort| Some((ovs_bridge(self.state, port.bridge)?.clone(), port.name.to_string()));
        if let Some((near, far)) = name(port).zip(name(far)) {
            prior.interfaces.insert(near, PriorEnd { peer: Some(far), ..PriorEnd::default() });
        }
    }

    fn own(&self, single: &Single, prior: &mut Prior) {
        let Some(name) = self.name_of(&single.id, &single.full_name) else { return };
        let nic = single.kind.parent(&single.id).filter(|p| p.netns == NetnsId::Host).map(|p| p.name.to_string());
        let addresses = addresses_on(self.state, &single.id);
        prior.own.insert(name, PriorEnd { peer: None, nic, addresses, mac: single.mac });
    }

    fn bond_of(&self, device: &DeviceId) -> Option<&Single> {
        let Some(Resource::Port(port)) = self.state.get(&Key::Port(device.clone())) else { return None };
        match self.state.get(&Key::Device(port.master())) {
            Some(Resource::Device(Device::Single(single))) if matches!(single.kind, SingleKind::Bond(_)) => {
                Some(&**single)
            }
            _ => None,
        }
    }

    /// The node and the interface that a device is: a namespace tells its node, in the host's the switch that it is a port of.
    fn name_of(&self, id: &DeviceId, full_name: &Option<Arc<str>>) -> Option<(NodeName, String)> {
        let node = match &id.netns {
            NetnsId::Named(netns) => (*self.nodes.get(netns)?).clone(),
            NetnsId::Host => switch_of(self.state, id)?,
        };
        Some((node, shown(full_name, id.name)))
    }
}

fn switch_of(state: &HostState, port: &DeviceId) -> Option<NodeName> {
    if let Some(Resource::Ovs(Ovs::Port(port))) = state.holder(&Key::Port(port.clone())) {
        return ovs_bridge(state, port.bridge).cloned();
    }
    let Resource::Port(membership) = state.get(&Key::Port(port.clone()))? else { return None };
    let switch = Key::Device(DeviceId { netns: port.netns.clone(), name: membership.master });
    let Resource::Device(Device::Bridge(bridge)) = state.get(&switch)? else { return None };
    NodeName::new(&shown(&bridge.full_name, bridge.id.name)).ok()
}

fn ovs_bridge(state: &HostState, name: IfName) -> Option<&NodeName> {
    match state.get(&Key::Ovs(OvsKey::Bridge(name)))? {
        Resource::Ovs(Ovs::Bridge(bridge)) => Some(&bridge.node),
        _ => None,
    }
}

fn shown(full_name: &Option<Arc<str>>, kernel: IfName) -> String {
    full_name.as_deref().map_or_else(|| kernel.to_string(), str::to_owned)
}

fn addresses_on(state: &HostState, device: &DeviceId) -> Vec<IpNet> {
    let net = |key| if let Some(Resource::Address(a)) = state.get(&key) { Some(a.net) } else { None };
    state.addresses(device).into_iter().filter_map(net).collect()
}
