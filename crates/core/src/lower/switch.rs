//! A switch: a bridge, its addresses.

use petgraph::graph::NodeIndex;

use super::{Lab, Lowered};
use crate::resource::{Address, Bridge, Device, Resource};
use crate::topology::Switch;

impl Lab<'_> {
    pub(super) fn lower_switch(&self, node: NodeIndex<u32>, switch: &Switch, lowered: &mut Lowered) {
        let (name, full_name) = self.switch_device(node);
        let id = self.device(node, name);
        let state = &mut lowered.state;
        state.insert(Resource::Device(Device::Bridge(Bridge {
            link_local: switch.addresses.iter().any(|a| a.addr().is_ipv6()),
            full_name,
            ..Bridge::new(id.clone(), self.derived_mac(node, self.topology.graph[node].name.as_str()))
        })));
        state.insert(Resource::Up(id.clone()));
        for net in &switch.addresses {
            state.insert(Resource::Address(Address { device: id.clone(), net: *net }));
        }
    }
}
