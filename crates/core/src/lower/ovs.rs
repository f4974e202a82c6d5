//! A switch of Open vSwitch: its bridge, its ports, copies of what passes, flows.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::graph::{EdgeIndex, NodeIndex};

use super::{Lab, Lowered};
use crate::given::domains::ports;
use crate::given::interfaces::InterfaceId;
use crate::names::IfName;
use crate::resource::{
    Address, Datapath, DeviceId, Knob, MirrorFrom, NetnsId, Ovs, OvsBridge, OvsFlows, OvsMirror, OvsPort, OvsPortKind,
    OvsQos, Resource, Tuning, VlanMode,
};
use crate::topology::{Direction, Impairment, Kind, MirrorWritten, OvsWritten, Policing, PortWritten, Switch, Trunk};

/// The setting that is how long an address is remembered, in s.
const AGEING: &str = "mac-aging-time";

impl Lab<'_> {
    /// The bridge, and what it has beside the ports that links make.
    pub(super) fn lower_ovs(&self, node: NodeIndex<u32>, switch: &Switch, written: &OvsWritten, lowered: &mut Lowered) {
        let weight = &self.topology.graph[node];
        let at = &weight.at;
        let (name, _) = self.switch_device(node);
        let filters = self.filtering[node.index()];
        let bridge = OvsBridge {
            name,
            node: weight.name.clone(),
            datapath: written.datapath.unwrap_or(Datapath::System),
            mac: self.derived_mac(node, weight.name.as_str()),
            fail_mode: written.fail_mode,
            stp: switch.stp,
            rstp: written.rstp,
            protocols: written.protocols.clone(),
            controllers: written.controllers.clone(),
            other_config: other_config(switch, written),
            tag: filters.then(|| switch.vlan.unwrap_or(ports::DEFAULT_VLAN)),
        };
        lowered.insert(at, Resource::Ovs(Ovs::Bridge(Box::new(bridge))));
        if !switch.addresses.is_empty() {
            let id = DeviceId { netns: NetnsId::Host, name };
            lowered.insert(at, Resource::Up(id.clone()));
            for net in &switch.addresses {
                lowered.insert(at, Resource::Address(Address { device: id.clone(), net: *net }));
            }
        }
        lowered.problems.extend(self.too_narrow_for(node, switch));
        for mirror in &written.mirrors {
            let from = self.mirrored(node, mirror);
            let mirror =
                OvsMirror { bridge: name, name: mirror.name.as_str().into(), from, to: self.port_of(node, mirror.to) };
            lowered.insert(at, Resource::Ovs(Ovs::Mirror(Box::new(mirror))));
        }
        if let Some(text) = &written.flows {
            lowered.insert(at, Resource::Ovs(Ovs::Flows(OvsFlows::new(name, text))));
        }
    }

    /// A port of a bridge, of its own name.
    pub(super) fn ovs_port(&self, id: InterfaceId, kind: OvsPortKind, port: &PortWritten) -> Resource {
        Resource::Ovs(Ovs::Port(Box::new(self.named_port(id, self.given.of(id).kernel, kind, port))))
    }

    /// A port of a bridge.
    pub(super) fn named_port(&self, id: InterfaceId, name: IfName, kind: OvsPortKind, port: &PortWritten) -> OvsPort {
        let node = id.node(self.topology);
        let vlans = if self.filtering[node.index()] { Vlans::of(port) } else { Vlans::default() };
        let (policing_rate, policing_burst) = port.policing.map_or((0, 0), policing);
        OvsPort {
            name,
            bridge: self.switch_device(node).0,
            kind,
            tag: vlans.tag,
            trunks: vlans.trunks,
            vlan_mode: vlans.mode,
            protected: port.isolated == Some(true),
            policing_rate,
            policing_burst,
        }
    }

    /// A link between two bridges that the same datapath moves packets for: no devices, a port at either end.
    pub(super) fn lower_patch(&self, edge: EdgeIndex<u32>, lowered: &mut Lowered) {
        for side in [0, 1] {
            let id = InterfaceId::End(edge, side);
            let peer = self.given.of(InterfaceId::End(edge, 1 - side)).kernel;
            let port = &self.topology.graph[edge].ends[side].port;
            lowered.insert(id.of(self.topology).at, self.ovs_port(id, OvsPortKind::Patch { peer }, port));
        }
    }

    /// Who rules how a port sends that is a device and has an impairment: Open vSwitch by a rate, else the device itself.
    pub(super) fn ovs_qos(&self, id: InterfaceId, impaired: Option<Option<u64>>, lowered: &mut Lowered) {
        let Some(max_rate) = impaired else { return };
        let port = self.given.of(id).kernel;
        lowered.insert(id.of(self.topology).at, Resource::Ovs(Ovs::Qos(OvsQos { port, max_rate })));
    }

    /// A packet that goes into a datapath in user space has its checksum filled in by whoever sends it: nobody else does it.
    pub(super) fn fill_checksums(&self, id: InterfaceId, device: &DeviceId, lowered: &mut Lowered) {
        let InterfaceId::End(edge, side) = id else { return };
        let written = id.of(self.topology).written;
        let Kind::Ovs(_, ovs) = &self.topology.end_node(edge, 1 - side).kind else { return };
        if ovs.datapath == Some(Datapath::Netdev) && !written.tuning.contains_key(&Knob::TxChecksum) {
            let tuning = Tuning { device: device.clone(), knob: Knob::TxChecksum, value: "off".into() };
            lowered.insert(id.of(self.topology).at, Resource::Tuning(tuning));
        }
    }

    /// The ports of a bridge that an interface is: of the end of an overlay one for each other end.
    pub(super) fn ports_at(&self, id: InterfaceId) -> Vec<IfName> {
        let given = self.given.of(id);
        match given.members[..] {
            [] => vec![given.kernel],
            _ => given.members.iter().map(|member| member.kernel).collect(),
        }
    }

    /// The ports of a switch that a link makes.
    fn ports_of(&self, node: NodeIndex<u32>, edge: EdgeIndex<u32>) -> Vec<IfName> {
        let side = usize::from(self.topology.graph[edge].ends[0].node != node);
        self.ports_at(InterfaceId::End(edge, side))
    }

    /// The port of a switch that a link makes.
    fn port_of(&self, node: NodeIndex<u32>, edge: EdgeIndex<u32>) -> IfName {
        let side = usize::from(self.topology.graph[edge].ends[0].node != node);
        self.given.of(InterfaceId::End(edge, side)).kernel
    }

    /// What a mirror copies. That all ports are copied one way has no word of its own in Open vSwitch: they are all named.
    fn mirrored(&self, node: NodeIndex<u32>, mirror: &MirrorWritten) -> MirrorFrom {
        let to = self.port_of(node, mirror.to);
        let ports: BTreeSet<IfName> = match (&mirror.from, mirror.direction) {
            (None, Direction::Both) => return MirrorFrom::All,
            (None, Direction::In | Direction::Out) => {
                let all = self.interfaces[node.index()].iter().flat_map(|&id| self.ports_at(id));
                all.chain([self.switch_device(node).0]).filter(|port| *port != to).collect()
            }
            (Some(edges), _) => edges.iter().flat_map(|&edge| self.ports_of(node, edge)).collect(),
        };
        let (from, to) = match mirror.direction {
            Direction::In => (ports, BTreeSet::new()),
            Direction::Out => (BTreeSet::new(), ports),
            Direction::Both => (ports.clone(), ports),
        };
        MirrorFrom::Ports { from, to }
    }
}

/// Bits a second, where nothing else is asked: that a port of Open vSwitch does itself. What an internal interface sends is sent by the machine.
pub(super) fn rate_of_port(id: InterfaceId, impairment: &Impairment) -> Option<u64> {
    let rate = impairment.rate.filter(|_| matches!(id, InterfaceId::End(..)))?;
    let alone = Impairment { rate: Some(rate), at: impairment.at.clone(), ..Impairment::default() };
    (*impairment == alone).then_some(rate)
}

fn other_config(switch: &Switch, written: &OvsWritten) -> BTreeMap<String, String> {
    let mut settings = written.other_config.clone();
    let seconds = |hundredths: u32| (hundredths / 100).to_string();
    if let Some(ageing) = switch.ageing {
        settings.insert(AGEING.to_owned(), seconds(ageing));
    }
    if let Some(delay) = switch.forward_delay {
        let key = if written.rstp { "rstp-forward-delay" } else { "stp-forward-delay" };
        settings.insert(key.to_owned(), seconds(delay));
    }
    settings
}

/// Most that is taken in, in kbit/s, and what may come above that at once, in kbit: never 0, which is all.
fn policing(written: Policing) -> (u32, u32) {
    let kilo = |bits: u64| u32::try_from(bits.div_ceil(1000)).unwrap_or(u32::MAX).max(1);
    (kilo(written.rate), written.burst.map_or(0, kilo))
}

/// The VLANs of a port of a bridge that keeps them apart.
#[derive(Default)]
struct Vlans {
    tag: Option<u16>,
    trunks: Vec<u16>,
    mode: Option<VlanMode>,
}

impl Vlans {
    fn of(port: &PortWritten) -> Self {
        let ports::PortVlans { untagged, tagged } = ports::PortVlans::of(port);
        // VLAN 0 is that of frames without a tag where nothing else is.
        let tag = untagged.filter(|&vid| vid != 0);
        let Some(trunk) = tagged else { return Vlans { tag, trunks: Vec::new(), mode: Some(VlanMode::Access) } };
        let mut trunks: BTreeSet<u16> = match trunk {
            Trunk::All => BTreeSet::new(),
            Trunk::Ranges(ranges) => ranges.iter().flat_map(|&(first, last)| first..=last).collect(),
        };
        if !trunks.is_empty() {
            trunks.extend(tag);
        }
        let mode = if tag.is_some() { VlanMode::NativeUntagged } else { VlanMode::Trunk };
        Vlans { tag, trunks: trunks.into_iter().collect(), mode: Some(mode) }
    }
}
