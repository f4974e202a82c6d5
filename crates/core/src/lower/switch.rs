//! A switch: a bridge, its addresses.

use petgraph::graph::NodeIndex;

use super::node::device;
use super::{derived_mac, switch_device};
use crate::resource::{Address, Bridge, Device, Resource};
use crate::state::HostState;
use crate::topology::{Switch, Topology};

pub(super) fn lower_switch(topology: &Topology, node: NodeIndex<u32>, switch: &Switch, state: &mut HostState) {
    let (name, full_name) = switch_device(topology, node);
    let id = device(topology, node, name);
    state.insert(Resource::Device(Device::Bridge(Bridge {
        id: id.clone(),
        mac: derived_mac(topology, node, topology.graph[node].name.as_str()),
        // Without a querier, snooping forgets groups and so loses IPv6's neighbour discovery after some minutes.
        multicast_snooping: false,
        link_local: switch.addresses.iter().any(|a| a.addr().is_ipv6()),
        full_name,
    })));
    state.insert(Resource::Up(id.clone()));
    for net in &switch.addresses {
        state.insert(Resource::Address(Address { device: id.clone(), net: *net }));
    }
}
