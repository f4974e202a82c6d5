//! What an interface has whatever makes it: its size and Ethernet address, its place on a switch or in a bond, addresses, settings.

use super::sizes::Limit;
use super::{Lab, Lowered, codes, ovs, qdisc, switch};
use crate::given::interfaces::InterfaceId;
use crate::names::{IfName, Mac};
use crate::problem::{Place, Problem};
use crate::resource::{Address, DeviceId, OvsPortKind, Port, PortVlans, Qdisc, Resource, Tuning};
use crate::topology::Kind;

/// The MTU of an interface that has none written, in bytes: Ethernet's (RFC 894).
const DEFAULT_MTU: u32 = 1500;

/// Below this a kernel drops IPv6 from a device (RFC 8200 §5).
pub(super) const IPV6_MIN_MTU: u32 = 1280;

impl Lab<'_> {
    /// Its MTU in bytes: as written, else what passes to other hosts, else that of what it stands on. Members have their bond's.
    pub(super) fn mtu(&self, id: InterfaceId) -> u32 {
        if let Some(bond) = self.stacks.bond(self.topology, id) {
            return self.mtu(bond);
        }
        id.of(self.topology)
            .mtu
            .or_else(|| self.limit(id).map(|l| l.mtu))
            .or_else(|| self.mtu_beneath(id))
            .unwrap_or(DEFAULT_MTU)
    }

    /// What passes to other hosts where it is or, for a bond, where its members are.
    fn limit(&self, id: InterfaceId) -> Option<&Limit> {
        let members =
            self.stacks.members(id).iter().filter(|&&member| self.stacks.bond(self.topology, member).is_some());
        let edges = std::iter::once(id).chain(members.copied()).filter_map(InterfaceId::edge);
        edges.filter_map(|edge| self.tunnels.sizes.of(edge)).min_by_key(|limit| limit.mtu)
    }

    /// The MTU of what it stands on; of a NIC that nobody looked at, none.
    fn mtu_beneath(&self, id: InterfaceId) -> Option<u32> {
        match self.stacks.parent(id) {
            Some(parent) => Some(self.mtu(parent)),
            None => self.facts.nics.get(&self.nic(id)?).map(|nic| nic.mtu),
        }
    }

    /// The NIC of the machine that it stands on.
    pub(super) fn nic(&self, id: InterfaceId) -> Option<IfName> {
        let InterfaceId::End(edge, side) = id else { return None };
        match &self.topology.end_node(edge, 1 - side).kind {
            Kind::Nic { name } => Some(IfName::from_kernel(name)),
            Kind::Namespace | Kind::Router | Kind::Bridge(_) | Kind::Ovs(..) => None,
            Kind::Host | Kind::Overlay(_) => None,
        }
    }

    /// Its Ethernet address. Members have their bond's.
    pub(super) fn mac(&self, id: InterfaceId) -> Mac {
        if let Some(bond) = self.stacks.bond(self.topology, id) {
            return self.mac(bond);
        }
        let interface = id.of(self.topology);
        interface.mac.unwrap_or_else(|| self.derived_mac(interface.node, &self.given.of(id).interface))
    }

    /// Whether it makes a link-local IPv6 address: it does where it has another.
    pub(super) fn has_ipv6(&self, id: InterfaceId) -> bool {
        self.given.of(id).addresses.iter().any(|a| a.addr().is_ipv6())
    }

    /// What stands on the device of an interface, however that was made.
    pub(super) fn finish(&self, id: InterfaceId, lowered: &mut Lowered) {
        lowered.problems.extend(self.too_narrow(id));
        lowered.problems.extend(self.too_wide(id));
        let interface = id.of(self.topology);
        let device = self.device_of(id);
        self.join(id, &device, lowered);
        let up = self.stacks.is_up(self.topology, id);
        if up {
            lowered.insert(interface.at, Resource::Up(device.clone()));
        }
        for net in &self.given.of(id).addresses {
            lowered.insert(interface.at, Resource::Address(Address { device: device.clone(), net: *net }));
        }
        let written = interface.written;
        let mut impairment = written.impairment.as_ref();
        if let Kind::Ovs(..) = self.topology.graph[interface.node].kind {
            let rate = impairment.and_then(|impairment| ovs::rate_of_port(id, impairment));
            self.ovs_qos(id, impairment.map(|_| rate), lowered);
            impairment = impairment.filter(|_| rate.is_none());
        }
        let kind = impairment.and_then(|i| qdisc::kind(i, self.mtu(id), &self.facts.lacks));
        if let Some(kind) = kind {
            lowered.insert(interface.at, Resource::Qdisc(Qdisc { device: device.clone(), kind }));
        }
        for (&knob, value) in &written.tuning {
            let tuning = Tuning { device: device.clone(), knob, value: value.as_str().into() };
            lowered.insert(interface.at, Resource::Tuning(tuning));
        }
        self.fill_checksums(id, &device, lowered);
    }

    /// The bridge, bond or VRF that it is a member of.
    fn join(&self, id: InterfaceId, device: &DeviceId, lowered: &mut Lowered) {
        let interface = id.of(self.topology);
        if let (Some(_), InterfaceId::End(edge, side)) = (self.topology.graph[interface.node].switch(), id) {
            let written = &self.topology.graph[edge].ends[side].port;
            if let Kind::Ovs(..) = self.topology.graph[interface.node].kind {
                let port = self.ovs_port(id, OvsPortKind::Device, written);
                return lowered.insert(interface.at, port);
            }
            let (bridge, _) = self.switch_device(interface.node);
            let port = Port { settings: switch::settings(written), ..Port::new(device.clone(), bridge) };
            lowered.insert(interface.at, Resource::Port(port));
            if self.filtering[interface.node.index()] {
                let (ranges, pvid) = switch::vlans(written);
                let vlans = PortVlans::new(device.clone(), ranges, pvid);
                if !vlans.is_empty() {
                    lowered.insert(interface.at, Resource::PortVlans(vlans));
                }
            }
        }
        if let Some(master) = self.stacks.master(id) {
            let port = Port::new(device.clone(), self.given.of(master).kernel);
            lowered.insert(interface.at, Resource::Port(port));
        }
    }

    /// The problem of an interface whose IPv6 address a kernel would drop.
    fn too_narrow(&self, id: InterfaceId) -> Option<Problem> {
        let mtu = self.mtu(id);
        if !self.has_ipv6(id) || mtu >= IPV6_MIN_MTU {
            return None;
        }
        let message = format!("{} has an IPv6 address but an MTU of {mtu}, below {IPV6_MIN_MTU}", self.title(id));
        let problem = Problem::at(codes::MTU_BELOW_IPV6, id.of(self.topology).at, message);
        let is_all = self.limit(id).is_some_and(|limit| limit.mtu < IPV6_MIN_MTU);
        let hint = if is_all {
            "give the underlay a larger MTU, or leave IPv6 off this link"
        } else {
            "raise `mtu`, or leave IPv6 off this link"
        };
        Some(problem.hint(hint))
    }

    /// Where the file says the MTU of an interface; the interface, where it does not.
    fn mtu_at(&self, id: InterfaceId) -> Place {
        let at = id.of(self.topology).at;
        match id {
            InterfaceId::End(edge, side) => {
                self.topology.graph[edge].ends[side].mtu_at.clone().unwrap_or_else(|| at.clone())
            }
            InterfaceId::Own(node, n) if self.topology.graph[node].interfaces[n].mtu.is_some() => at.key("mtu"),
            InterfaceId::Own(..) => at.clone(),
        }
    }

    /// The problem of an interface that sends larger packets than what it stands on: only here is it known what NICs of the machine send.
    fn too_wide(&self, id: InterfaceId) -> Option<Problem> {
        let mtu = self.mtu(id);
        if let (InterfaceId::Own(..), Some(limit)) = (id, self.limit(id).filter(|limit| limit.mtu < mtu)) {
            return Some(limit.problem(&self.title(id), mtu, &self.mtu_at(id)));
        }
        let beneath = self.mtu_beneath(id)?;
        if mtu <= beneath {
            return None;
        }
        let message = format!("{} has an MTU of {mtu}, above the {beneath} of what is beneath it", self.title(id));
        let problem = Problem::at(codes::MTU_ABOVE_PARENT, &self.mtu_at(id), message);
        Some(problem.hint("leave `mtu` out, or write at most that"))
    }

    /// What people call it.
    fn title(&self, id: InterfaceId) -> String {
        format!("{}:{}", self.topology.graph[id.node(self.topology)].name, self.given.of(id).interface)
    }
}
