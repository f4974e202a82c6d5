//! A switch: a bridge, its addresses.

use petgraph::graph::NodeIndex;

use super::interface::IPV6_MIN_MTU;
use super::{Lab, Lowered, codes};
use crate::given::domains::ports;
use crate::given::interfaces::InterfaceId;
use crate::problem::Problem;
use crate::resource::{Address, Bridge, Device, PortSettings, PortVlans, Resource, VlanRange};
use crate::topology::{Kind, LinkKind, PortWritten, Switch, Trunk, is_patch};

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
        lowered.problems.extend(self.too_narrow_for(node, switch));
    }

    /// The problem of a bridge whose devices have an IPv6 address that the kernel would drop: their MTU is the least of the ports'.
    pub(super) fn too_narrow_for(&self, node: NodeIndex<u32>, switch: &Switch) -> Option<Problem> {
        let interfaces = &self.interfaces[node.index()];
        let own = interfaces.iter().any(|&id| matches!(id, InterfaceId::Own(..)) && self.has_ipv6(id));
        if !own && !switch.addresses.iter().any(|net| net.addr().is_ipv6()) {
            return None;
        }
        let is_ovs = matches!(self.topology.graph[node].kind, Kind::Ovs(..));
        let is_device = |id: &&InterfaceId| match id {
            InterfaceId::End(edge, _) => {
                let is_tunnel_port = is_ovs && self.topology.graph[*edge].kind == LinkKind::Overlay;
                !is_tunnel_port && !is_patch(&self.topology.graph, *edge)
            }
            InterfaceId::Own(..) => false,
        };
        let least = interfaces.iter().filter(is_device).map(|&id| self.mtu(id)).min();
        let least = least.filter(|&mtu| mtu < IPV6_MIN_MTU)?;
        let weight = &self.topology.graph[node];
        let message =
            format!("{} has an IPv6 address but a port with an MTU of {least}, below {IPV6_MIN_MTU}", weight.name);
        let problem = Problem::at(codes::MTU_BELOW_IPV6, &weight.at, message);
        Some(problem.hint("raise `mtu` on its links, or leave IPv6 off it"))
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
