//! A switch: a bridge, its addresses.

use petgraph::graph::NodeIndex;

use super::{Lab, Lowered};
use crate::given::domains::ports;
use crate::resource::{Address, Bridge, Device, PortSettings, PortVlans, Resource, VlanRange};
use crate::topology::{PortWritten, Switch, Trunk};

/// The VLANs of a bridge: 4095 is reserved (IEEE 802.1Q §9.6).
const LAST_VLAN: u16 = 4094;

impl Lab<'_> {
    pub(super) fn lower_switch(&self, node: NodeIndex<u32>, switch: &Switch, lowered: &mut Lowered) {
        let (name, full_name) = self.switch_device(node);
        let id = self.device(node, name);
        let at = &self.topology.graph[node].at;
        let born = Bridge::new(id.clone(), self.derived_mac(node, self.topology.graph[node].name.as_str()));
        let bridge = Bridge {
            stp: switch.stp,
            forward_delay: switch.forward_delay.unwrap_or(born.forward_delay),
            ageing: switch.ageing.unwrap_or(born.ageing),
            vlan_filtering: self.filtering[node.index()],
            link_local: switch.addresses.iter().any(|a| a.addr().is_ipv6()),
            full_name,
            ..born
        };
        lowered.insert(at, Resource::Device(Device::Bridge(bridge)));
        if self.filtering[node.index()] && !switch.addresses.is_empty() {
            let vid = switch.vlan.unwrap_or(ports::DEFAULT_VLAN);
            lowered.insert(at, Resource::PortVlans(PortVlans::new(id.clone(), [untagged(vid)], Some(vid))));
        }
        lowered.insert(at, Resource::Up(id.clone()));
        for net in &switch.addresses {
            lowered.insert(at, Resource::Address(Address { device: id.clone(), net: *net }));
        }
    }
}

fn untagged(vid: u16) -> VlanRange {
    VlanRange { first: vid, last: vid, untagged: true }
}

/// How a bridge treats a port.
pub(super) fn settings(port: &PortWritten) -> PortSettings {
    let born = PortSettings::default();
    PortSettings {
        hairpin: port.hairpin.unwrap_or(born.hairpin),
        isolated: port.isolated.unwrap_or(born.isolated),
        learning: port.learning.unwrap_or(born.learning),
    }
}

/// The VLANs of a port of a filtering switch: the ranges, and that of frames without a tag.
pub(super) fn vlans(port: &PortWritten) -> (Vec<VlanRange>, Option<u16>) {
    let ports::PortVlans { untagged: pvid, tagged } = ports::PortVlans::of(port);
    let tagged: &[(u16, u16)] = match tagged {
        None => &[],
        Some(Trunk::All) => &[(1, LAST_VLAN)],
        Some(Trunk::Ranges(ranges)) => ranges,
    };
    let tagged = tagged.iter().map(|&(first, last)| VlanRange { first, last, untagged: false });
    (tagged.chain(pvid.map(untagged)).collect(), pvid)
}
