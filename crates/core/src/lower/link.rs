//! A link: a veth pair, its ends up, on their switches, with their addresses.

use petgraph::graph::EdgeIndex;

use super::node::device;
use super::{codes, derived_mac, switch_device};
use crate::given::Given;
use crate::problem::Problem;
use crate::resource::{Address, Device, End, Port, Resource, Veth};
use crate::state::HostState;
use crate::topology::{Link, Topology};

/// The MTU of an end that has none written, in bytes: Ethernet's (RFC 894).
const DEFAULT_MTU: u32 = 1500;

/// Below this a kernel drops IPv6 from a device (RFC 8200 §5).
const IPV6_MIN_MTU: u32 = 1280;

pub(super) fn lower_link(
    topology: &Topology,
    given: &Given,
    edge: EdgeIndex<u32>,
    state: &mut HostState,
    problems: &mut Vec<Problem>,
) {
    let link = &topology.graph[edge];
    let [a, b] = [0, 1].map(|side| lower_end(topology, given, link, edge, side));
    for (side, end) in [(0, &a), (1, &b)] {
        if end.link_local && end.mtu < IPV6_MIN_MTU {
            let at = &link.ends[side].at;
            let node = &topology.graph[link.ends[side].node].name;
            let interface = &given.ends[edge.index()][side].interface;
            let message = format!("{node}:{interface} has an IPv6 address but an MTU of {}, below 1280", end.mtu);
            let problem = Problem::at(codes::MTU_BELOW_IPV6, at, message);
            problems.push(problem.hint("raise `mtu`, or leave IPv6 off this link"));
        }
    }
    let ids = [a.id.clone(), b.id.clone()];
    state.insert(Resource::Device(Device::Veth(Veth::new(a, b))));
    for (side, id) in ids.into_iter().enumerate() {
        let node = link.ends[side].node;
        if topology.graph[node].switch().is_some() {
            let (master, _) = switch_device(topology, node);
            state.insert(Resource::Port(Port { device: id.clone(), master }));
        }
        state.insert(Resource::Up(id.clone()));
        for net in &given.ends[edge.index()][side].addresses {
            state.insert(Resource::Address(Address { device: id.clone(), net: *net }));
        }
    }
}

fn lower_end(topology: &Topology, given: &Given, link: &Link, edge: EdgeIndex<u32>, side: usize) -> End {
    let endpoint = &link.ends[side];
    let end = &given.ends[edge.index()][side];
    End {
        id: device(topology, endpoint.node, end.kernel),
        mac: endpoint.mac.unwrap_or_else(|| derived_mac(topology, endpoint.node, &end.interface)),
        mtu: endpoint.mtu.unwrap_or(DEFAULT_MTU),
        link_local: end.addresses.iter().any(|a| a.addr().is_ipv6()),
        full_name: (end.kernel.as_str() != end.interface).then(|| end.interface.as_str().into()),
    }
}
