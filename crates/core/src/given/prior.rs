//! What is so now: read from an older giving-out, or from a machine.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use petgraph::graph::EdgeIndex;

use super::interfaces::InterfaceId;
use super::{Given, Prior, PriorEnd, overlays};
use crate::names::{HostId, IfName, NetnsName, NodeName};
use crate::place::Places;
use crate::resource::{
    Device, DeviceId, End, Key, NetnsId, Ovs, OvsKey, OvsPort, OvsPortKind, Resource, Single, SingleKind,
};
use crate::state::HostState;
use crate::topology::{Kind, On, Topology};

mod tunnels;

use tunnels::{Mark, Owner, Tunnels};

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
        let name = |edge: EdgeIndex<u32>, side: usize| {
            (topology.end_node(edge, side).name.clone(), given.ends[edge.index()][side].interface.clone())
        };
        let end = |side: usize| {
            let addresses = given.ends[edge.index()][side].addresses.clone();
            PriorEnd { addresses, ..PriorEnd::default() }
        };
        match &topology.end_node(edge, 1).kind {
            Kind::Nic { name: nic } => {
                self.own.insert(name(edge, 0), PriorEnd { nic: Some(nic.clone()), ..end(0) });
            }
            Kind::Overlay(overlay) => {
                let peer = overlays::across(topology, edge).map(|far| name(far, 0));
                self.interfaces.insert(name(edge, 0), PriorEnd { peer, vni: overlays::vni(overlay), ..end(0) });
            }
            Kind::Namespace | Kind::Router | Kind::Bridge(_) | Kind::Ovs(..) | Kind::Host => {
                for side in [0, 1] {
                    let peer = Some(name(edge, 1 - side));
                    self.interfaces.insert(name(edge, side), PriorEnd { peer, ..end(side) });
                }
            }
        }
    }

    /// The names and addresses that a lab has on a machine.
    pub fn from_state(state: &HostState) -> Prior {
        Prior::from_states([(&HostId::local(), state)])
    }

    /// The names and addresses that a lab has on several machines. No two of them have a node of one name.
    pub fn from_states<'a>(hosts: impl IntoIterator<Item = (&'a HostId, &'a HostState)>) -> Prior {
        let (mut prior, mut tunnels) = (Prior::default(), Tunnels::default());
        for (host, state) in hosts {
            Reading { host, state, nodes: nodes(state) }.all(&mut prior, &mut tunnels);
        }
        tunnels.note(&mut prior);
        prior.own.retain(|name, _| !prior.interfaces.contains_key(name));
        prior
    }

    /// The same with what is in machines' own namespaces as the nodes' that a topology says these are.
    pub(super) fn seen_from(&self, topology: &Topology) -> Cow<'_, Prior> {
        let mut seen = Cow::Borrowed(self);
        let mut known: Vec<&HostId> = Vec::new();
        for node in topology.graph.node_weights() {
            let (Kind::Host, On::Host(host)) = (&node.kind, &node.on) else { continue };
            if known.contains(&host) || self.machines.is_empty() {
                continue;
            }
            known.push(host);
            for ((_, interface), end) in self.machines.iter().filter(|((on, _), _)| on == host) {
                let (prior, name) = (seen.to_mut(), (node.name.clone(), interface.clone()));
                if node.interfaces.iter().any(|own| own.name == *interface) {
                    prior.own.insert(name, end.clone());
                    continue;
                }
                if let Some(peer) = end.peer.as_ref().and_then(|peer| prior.interfaces.get_mut(peer)) {
                    peer.peer = Some(name.clone());
                }
                prior.interfaces.insert(name, end.clone());
            }
        }
        seen
    }
}

/// Where the nodes of a lab run: by the marks of namespaces, and by what is in the machines' own.
pub fn places_of<'a>(hosts: impl IntoIterator<Item = (&'a HostId, &'a HostState)>) -> Places {
    let mut places = Places::new();
    for (host, state) in hosts {
        let node = |resource: &Resource| match resource {
            Resource::Netns(netns) => Some(netns.node.clone()),
            Resource::Ovs(Ovs::Bridge(bridge)) => Some(bridge.node.clone()),
            Resource::Device(Device::Bridge(bridge)) if bridge.id.netns == NetnsId::Host => {
                NodeName::new(&shown(&bridge.full_name, bridge.id.name)).ok()
            }
            _ => None,
        };
        for node in state.iter().filter_map(|(_, resource)| node(resource)) {
            places.entry(node).or_insert_with(|| host.clone());
        }
    }
    places
}

/// By namespace, the node that it is.
fn nodes(state: &HostState) -> BTreeMap<&NetnsName, &NodeName> {
    state.iter().filter_map(|(_, r)| if let Resource::Netns(n) = r { Some((&n.name, &n.node)) } else { None }).collect()
}

/// A machine's state being read.
struct Reading<'a> {
    host: &'a HostId,
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
    fn all(&self, prior: &mut Prior, tunnels: &mut Tunnels) {
        for (_, resource) in self.state.iter() {
            match resource {
                Resource::Netns(netns) => {
                    let addresses = addresses_on(self.state, &netns.lo());
                    if !addresses.is_empty() {
                        prior.loopbacks.insert(netns.node.clone(), addresses);
                    }
                }
                Resource::Device(Device::Veth(veth)) => {
                    let [a, b] = veth.ends();
                    self.wire([a, b], prior);
                }
                Resource::Device(Device::Single(single)) => match Mark::of(&single.kind) {
                    Some(mark) => tunnels.add(mark, self.owner_of(&single.id, &single.full_name), self.end_of(single)),
                    None => self.own(single, prior),
                },
                Resource::Ovs(Ovs::Port(port)) => match &port.kind {
                    OvsPortKind::Tunnel(tunnel) => {
                        if let Some(node) = ovs_bridge(self.state, port.bridge) {
                            let owner = Owner::Node((node.clone(), port.name.to_string()));
                            tunnels.add(Mark::of_ovs(tunnel), owner, PriorEnd::default());
                        }
                    }
                    OvsPortKind::Patch { peer } => self.patch(port, *peer, prior),
                    OvsPortKind::Device | OvsPortKind::Internal { .. } => {}
                },
                Resource::Ovs(Ovs::Bridge(_) | Ovs::Mirror(_) | Ovs::Qos(_) | Ovs::Flows(_) | Ovs::Stray(_))
                | Resource::Device(Device::Bridge(_) | Device::Stray { .. })
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
    }

    fn wire(&self, ends: [&End; 2], prior: &mut Prior) {
        let ended = ends.map(|end| self.ended(end));
        let owners = ended.each_ref().map(|end| self.owner_of(&end.id, &end.full_name));
        for (side, end) in ended.into_iter().enumerate() {
            owners[side].clone().note(PriorEnd { peer: owners[1 - side].node(), ..end.prior }, prior);
        }
    }

    /// Whose a device is: a node's, or of nobody but the machine itself.
    fn owner_of(&self, id: &DeviceId, full_name: &Option<Arc<str>>) -> Owner {
        match self.name_of(id, full_name) {
            Some(name) => Owner::Node(name),
            None => Owner::Machine((self.host.clone(), shown(full_name, id.name))),
        }
    }

    fn end_of(&self, single: &Single) -> PriorEnd {
        PriorEnd { addresses: addresses_on(self.state, &single.id), mac: single.mac, ..PriorEnd::default() }
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
    fn patch(&self, port: &OvsPort, peer: IfName, prior: &mut Prior) {
        let Some(Resource::Ovs(Ovs::Port(far))) = self.state.get(&Key::Ovs(OvsKey::Port(peer))) else { return };
        let name = |port: &OvsPort| Some((ovs_bridge(self.state, port.bridge)?.clone(), port.name.to_string()));
        if let Some((near, far)) = name(port).zip(name(far)) {
            prior.interfaces.insert(near, PriorEnd { peer: Some(far), ..PriorEnd::default() });
        }
    }

    fn own(&self, single: &Single, prior: &mut Prior) {
        let nic = single.kind.parent(&single.id).filter(|p| p.netns == NetnsId::Host).map(|p| p.name.to_string());
        match self.owner_of(&single.id, &single.full_name) {
            Owner::Node(name) => {
                prior.own.insert(name, PriorEnd { nic, ..self.end_of(single) });
            }
            machine @ Owner::Machine(_) => machine.note(self.end_of(single), prior),
        }
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
