//! With static routing: whoever is joined by switches and routers is reachable.

use std::net::IpAddr;

use ipnet::IpNet;
use petgraph::graph::NodeIndex;
use petgraph::unionfind::UnionFind;
use rustc_hash::FxHashMap;

use super::places::{Ear, Hears, Place, Places};
use crate::topology::{Kind, Topology};

/// Where packets of a family get to: routers that hear each other have one label.
pub(super) struct Connected<'a> {
    topology: &'a Topology,
    places: &'a Places,
    /// The routers on each subnet, and with which ears: not all need hear each other. In VRFs netsim makes no routes.
    routers: FxHashMap<IpNet, Vec<(NodeIndex<u32>, &'a Ear)>>,
    labels: Vec<usize>,
    /// By node, once for each family: what it is part of.
    around: Vec<[Around; 2]>,
}

impl<'a> Connected<'a> {
    pub(super) fn new(topology: &'a Topology, places: &'a Places) -> Self {
        let mut routers: FxHashMap<IpNet, Vec<(NodeIndex<u32>, &'a Ear)>> = FxHashMap::default();
        for (node, place) in places.iter().filter(|(node, p)| topology.graph[*node].forwards() && p.vrf.is_none()) {
            if let Some(ear) = &place.ear {
                routers.entry(place.address.trunc()).or_default().push((node, ear));
            }
        }
        // Two elements for each node, one a family.
        let mut joined = UnionFind::<usize>::new(2 * topology.graph.node_count());
        for (subnet, routers) in &routers {
            let element = |node: NodeIndex<u32>| element(node, subnet.addr());
            let mut firsts: FxHashMap<usize, NodeIndex<u32>> = FxHashMap::default();
            for (node, ear) in routers.iter().filter(|(_, ear)| ear.is_plain()) {
                joined.union(element(*firsts.entry(ear.segment).or_insert(*node)), element(*node));
            }
            for (special, ear) in routers.iter().filter(|(_, ear)| !ear.is_plain()) {
                for (other, _) in routers.iter().filter(|(_, other)| ear.hears(other) == Hears::Yes) {
                    joined.union(element(*special), element(*other));
                }
            }
        }
        let labels = joined.into_labeling();
        let mut connected = Connected { topology, places, routers, labels, around: Vec::new() };
        let families = [true, false];
        let nodes = topology.graph.node_indices();
        connected.around = nodes.map(|node| families.map(|v4| connected.asking(node, v4))).collect();
        connected
    }

    /// Whether one node reaches the address of another, and hears back.
    pub(super) fn reaches(&self, from: NodeIndex<u32>, to: NodeIndex<u32>, address: IpAddr) -> Hears {
        // Two VRFs may have one address.
        let mut targets = self.places.of(to).iter().filter(|place| place.address.addr() == address).peekable();
        let target = *targets.peek().expect("the address is one of the node's");
        if self.places.of(from).iter().any(|place| place.vrf.is_none() && place.address.addr() == address) {
            return Hears::Yes;
        }
        // Who is on the subnet itself asks nobody else.
        if let Some(direct) = targets.filter_map(|target| self.directly(from, target)).max() {
            return direct;
        }
        let in_host = |node: NodeIndex<u32>| match &self.topology.graph[node].kind {
            Kind::Host => true,
            Kind::Bridge(switch) | Kind::Ovs(switch, _) => switch.in_host,
            Kind::Namespace | Kind::Router | Kind::Nic { .. } | Kind::Overlay(_) => false,
        };
        if in_host(from) || in_host(to) {
            // The machine itself gets no routes into the lab.
            return Hears::No;
        }
        if target.ear.is_none() && !self.topology.graph[to].forwards() {
            // An end system with an address of its own on `lo` is the way there for whoever is beside it.
            match self.main(to, address.is_ipv4()).filter_map(|place| self.directly(from, place)).max() {
                Some(heard @ (Hears::Yes | Hears::Perhaps)) => return heard,
                Some(Hears::No) | None => {}
            }
        }
        let sources = &self.around[from.index()][usize::from(address.is_ipv6())];
        let there = match (&target.ear, target.vrf) {
            (Some(_), Some(vrf)) if !self.answers(to, vrf, from, address) => return Hears::No,
            (Some(ear), Some(_)) => self.on_subnet(target, ear, to),
            (Some(ear), None) if !self.topology.graph[to].forwards() => self.on_subnet(target, ear, to),
            // A router is where all of its subnets are, but others on them may think that it is with them.
            (Some(ear), None) => {
                Around { missed: self.on_subnet(target, ear, to).missed, ..self.around(to, address.is_ipv4()) }
            }
            (None, _) => self.around(to, address.is_ipv4()),
        };
        let meets = |label: &usize| sources.heard.contains(label);
        let known = match (there.heard.iter().any(meets), there.missed.iter().any(meets)) {
            (false, _) => return Hears::No,
            // Some routers on the subnet hear the target and some do not: it depends on which is nearer.
            (true, true) => Hears::Perhaps,
            (true, false) if sources.missed.iter().any(|label| there.heard.contains(label)) => Hears::Perhaps,
            (true, false) => Hears::Yes,
        };
        known.min(self.answered(from, to, address))
    }

    /// A node's places of one family in its main routing table.
    fn main(&self, node: NodeIndex<u32>, v4: bool) -> impl Iterator<Item = &'a Place> {
        let places = self.places.of(node).iter();
        places.filter(move |place| place.vrf.is_none() && place.address.addr().is_ipv4() == v4)
    }

    /// Whether answers to a node that is asked by a router are not taken by a subnet of its own, on which nobody hears them.
    fn answered(&self, from: NodeIndex<u32>, to: NodeIndex<u32>, family: IpAddr) -> Hears {
        let asking: Vec<&Place> = self.main(from, family.is_ipv4()).filter(|place| place.ear.is_some()).collect();
        let lost = asking.iter().filter(|place| self.directly(to, place) == Some(Hears::No)).count();
        match lost {
            0 => Hears::Yes,
            lost if lost == asking.len() => Hears::No,
            _ => Hears::Perhaps,
        }
    }

    /// Whether a node hears a place on a subnet of its own; nothing if it is on none with it.
    fn directly(&self, from: NodeIndex<u32>, target: &Place) -> Option<Hears> {
        let ear = target.ear.as_ref()?;
        let own = self.places.of(from).iter().filter(|place| place.vrf.is_none());
        let own = own.filter(|place| place.ear.is_some() && place.address.trunc() == target.address.trunc());
        own.filter_map(|place| Some(place.ear.as_ref()?.hears(ear))).max()
    }

    /// The same of one that asks: a router of which another on its subnet thinks that it is there, and does not hear it, gets no answers by that one.
    fn asking(&self, node: NodeIndex<u32>, v4: bool) -> Around {
        let mut around = self.around(node, v4);
        if self.topology.graph[node].forwards() {
            for place in self.main(node, v4) {
                let missed = place.ear.as_ref().map(|ear| self.on_subnet(place, ear, node).missed);
                around.missed.extend(missed.unwrap_or_default());
            }
        }
        around
    }

    /// The labels of what a node is part of, in the family of an address: a router of itself, another of the routers next to it.
    fn around(&self, node: NodeIndex<u32>, v4: bool) -> Around {
        if self.topology.graph[node].forwards() {
            return Around { heard: vec![self.labels[2 * node.index() + usize::from(!v4)]], missed: Vec::new() };
        }
        let mut around = Around::default();
        for place in self.main(node, v4) {
            if let Some(ear) = &place.ear {
                around.extend(self.on_subnet(place, ear, node));
            }
        }
        around
    }

    /// The labels of the other routers on a subnet that a node's place hears, and of those it does not.
    fn on_subnet(&self, place: &Place, ear: &Ear, node: NodeIndex<u32>) -> Around {
        let mut around = Around::default();
        let routers = self.routers.get(&place.address.trunc()).into_iter().flatten();
        for (router, other) in routers.filter(|(router, _)| *router != node) {
            let label = self.labels[element(*router, place.address.addr())];
            let list = if ear.hears(other) == Hears::Yes { &mut around.heard } else { &mut around.missed };
            if !list.contains(&label) {
                list.push(label);
            }
        }
        around
    }

    /// Whether a VRF has a written route back to all addresses of a node, by routers that it hears.
    fn answers(&self, node: NodeIndex<u32>, vrf: usize, to: NodeIndex<u32>, family: IpAddr) -> bool {
        let weight = &self.topology.graph[node];
        let name = weight.interfaces[vrf].name.as_str();
        let by_router = |gateway: &IpAddr| {
            let within = self.places.of(node).iter().filter(|p| p.vrf == Some(vrf) && p.address.contains(gateway));
            let mut routers = within.filter_map(|p| Some((p.ear.as_ref()?, self.routers.get(&p.address.trunc())?)));
            routers.any(|(ear, routers)| {
                let has = |router: NodeIndex<u32>| self.places.of(router).iter().any(|p| p.address.addr() == *gateway);
                routers.iter().any(|(router, other)| ear.hears(other) == Hears::Yes && has(*router))
            })
        };
        self.main(to, family.is_ipv4()).all(|place| {
            let covers = |to: &IpNet| to.contains(&place.address.addr());
            let mut routes = weight.routes.iter().filter(|r| r.vrf.as_deref() == Some(name) && covers(&r.to));
            routes.any(|route| !route.via.is_empty() && route.via.iter().all(by_router))
        })
    }
}

/// The labels of routers next to a node: of those it hears, and of those it does not.
#[derive(Default)]
struct Around {
    heard: Vec<usize>,
    missed: Vec<usize>,
}

impl Around {
    fn extend(&mut self, other: Around) {
        self.heard.extend(other.heard);
        self.missed.extend(other.missed);
    }
}

/// The element that a router is in the family of an address.
fn element(node: NodeIndex<u32>, address: IpAddr) -> usize {
    2 * node.index() + usize::from(address.is_ipv6())
}
