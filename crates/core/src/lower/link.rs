//! A link: a veth pair, its ends up, on their switches, with their addresses.

use petgraph::graph::EdgeIndex;

use super::{Lab, Lowered, codes};
use crate::problem::Problem;
use crate::resource::{Address, Device, End, Port, Resource, Veth};
use crate::topology::Link;

/// The MTU of an end that has none written, in bytes: Ethernet's (RFC 894).
const DEFAULT_MTU: u32 = 1500;

/// Below this a kernel drops IPv6 from a device (RFC 8200 §5).
const IPV6_MIN_MTU: u32 = 1280;

impl Lab<'_> {
    pub(super) fn lower_link(&self, edge: EdgeIndex<u32>, lowered: &mut Lowered) {
        let link = &self.topology.graph[edge];
        let ends = [0, 1].map(|side| self.lower_end(link, edge, side));
        lowered.problems.extend([0, 1].into_iter().filter_map(|side| self.too_narrow(edge, side, &ends[side])));
        let ids = ends.each_ref().map(|end| end.id.clone());
        let [a, b] = ends;
        let state = &mut lowered.state;
        state.insert(Resource::Device(Device::Veth(Veth::new(a, b))));
        for (side, id) in ids.into_iter().enumerate() {
            let node = link.ends[side].node;
            if self.topology.graph[node].switch().is_some() {
                let (master, _) = self.switch_device(node);
                state.insert(Resource::Port(Port::new(id.clone(), master)));
            }
            state.insert(Resource::Up(id.clone()));
            for net in &self.given.ends[edge.index()][side].addresses {
                state.insert(Resource::Address(Address { device: id.clone(), net: *net }));
            }
        }
    }

    fn lower_end(&self, link: &Link, edge: EdgeIndex<u32>, side: usize) -> End {
        let endpoint = &link.ends[side];
        let end = &self.given.ends[edge.index()][side];
        let mac = endpoint.mac.unwrap_or_else(|| self.derived_mac(endpoint.node, &end.interface));
        End {
            mtu: endpoint.mtu.unwrap_or(DEFAULT_MTU),
            link_local: end.addresses.iter().any(|a| a.addr().is_ipv6()),
            full_name: (end.kernel.as_str() != end.interface).then(|| end.interface.as_str().into()),
            ..End::new(self.device(endpoint.node, end.kernel), mac)
        }
    }

    /// The problem of an end whose IPv6 address a kernel would drop.
    fn too_narrow(&self, edge: EdgeIndex<u32>, side: usize, end: &End) -> Option<Problem> {
        if !end.link_local || end.mtu >= IPV6_MIN_MTU {
            return None;
        }
        let node = &self.topology.end_node(edge, side).name;
        let interface = &self.given.ends[edge.index()][side].interface;
        let message = format!("{node}:{interface} has an IPv6 address but an MTU of {}, below {IPV6_MIN_MTU}", end.mtu);
        let problem = Problem::at(codes::MTU_BELOW_IPV6, &self.topology.graph[edge].ends[side].at, message);
        Some(problem.hint("raise `mtu`, or leave IPv6 off this link"))
    }
}
