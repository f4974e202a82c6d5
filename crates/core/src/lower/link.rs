//! A link: a veth pair, several of them bonded, a device on a NIC of the machine, or an end of an overlay.

use petgraph::graph::EdgeIndex;

use super::{Lab, Lowered, full_name};
use crate::given::interfaces::InterfaceId;
use crate::names::IfName;
use crate::resource::{Bond, Device, DeviceId, End, NetnsId, Port, Resource, Single, SingleKind, Veth};
use crate::topology::{BondWritten, LinkKind, is_patch};

impl Lab<'_> {
    pub(super) fn lower_link(&self, edge: EdgeIndex<u32>, lowered: &mut Lowered) {
        let ids = [0, 1].map(|side| InterfaceId::End(edge, side));
        match self.topology.graph[edge].kind {
            LinkKind::Overlay => self.lower_overlay(edge, lowered),
            LinkKind::Veth if is_patch(&self.topology.graph, edge) => self.lower_patch(edge, lowered),
            LinkKind::Veth => {
                let ends = ids.map(|id| self.end(id, &self.given.of(id).interface, self.given.of(id).kernel));
                let [a, b] = ends.map(|end| end);
                let at = &self.topology.graph[edge].at;
                lowered.insert(at, Resource::Device(Device::Veth(Veth::new(a, b))));
                ids.into_iter().for_each(|id| self.finish(id, lowered));
            }
            LinkKind::Bond { links, bond } => self.lower_bonded(edge, links, bond, lowered),
            LinkKind::Macvlan(mode) => {
                self.lower_on_nic(ids[0], |parent| SingleKind::Macvlan { parent, mode }, lowered);
            }
            LinkKind::Ipvlan(mode) => {
                self.lower_on_nic(ids[0], |parent| SingleKind::Ipvlan { parent, mode }, lowered);
            }
        }
    }

    /// An end of a veth pair: of the interface itself, or of one of its pairs.
    fn end(&self, id: InterfaceId, name: &str, kernel: IfName) -> End {
        let written = id.of(self.topology).written;
        let born = End::new(self.device(id.node(self.topology), kernel), self.mac(id));
        End {
            mtu: self.mtu(id),
            queues: written.queues.unwrap_or(born.queues),
            tx_queue_len: written.tx_queue_len.unwrap_or(born.tx_queue_len),
            link_local: self.has_ipv6(id),
            full_name: full_name(name, kernel),
            ..born
        }
    }

    /// A bond at either end, and the pairs between them: their ends have their bond's MTU and Ethernet address.
    fn lower_bonded(&self, edge: EdgeIndex<u32>, links: u32, bond: BondWritten, lowered: &mut Lowered) {
        let ids = [0, 1].map(|side| InterfaceId::End(edge, side));
        let at = &self.topology.graph[edge].at;
        for id in ids {
            lowered.insert(at, Resource::Device(Device::Single(Box::new(self.single(id, bonded(bond))))));
        }
        for pair in 0..links as usize {
            let ends = ids.map(|id| {
                let member = &self.given.of(id).members[pair];
                End { link_local: false, ..self.end(id, &member.interface, member.kernel) }
            });
            let devices = ends.each_ref().map(|end| end.id.clone());
            let [a, b] = ends;
            lowered.insert(at, Resource::Device(Device::Veth(Veth::new(a, b))));
            for (id, device) in ids.into_iter().zip(devices) {
                lowered.insert(at, Resource::Port(Port::new(device.clone(), self.given.of(id).kernel)));
                lowered.insert(at, Resource::Up(device));
            }
        }
        ids.into_iter().for_each(|id| self.finish(id, lowered));
    }

    fn lower_on_nic(&self, id: InterfaceId, kind: impl FnOnce(DeviceId) -> SingleKind, lowered: &mut Lowered) {
        let name = self.nic(id).expect("a checked link of this kind has a NIC at its second end");
        let single = self.single(id, kind(DeviceId { netns: NetnsId::Host, name }));
        lowered.insert(id.of(self.topology).at, Resource::Device(Device::Single(Box::new(single))));
        self.finish(id, lowered);
    }

    /// The device of an interface that is no veth pair's end.
    pub(super) fn single(&self, id: InterfaceId, kind: SingleKind) -> Single {
        let given = self.given.of(id);
        Single {
            id: self.device_of(id),
            mac: kind.has_mac().then(|| self.mac(id)),
            mtu: kind.has_mtu().then(|| self.mtu(id)),
            link_local: self.has_ipv6(id),
            full_name: full_name(&given.interface, given.kernel),
            kind,
        }
    }
}

pub(super) fn bonded(bond: BondWritten) -> SingleKind {
    SingleKind::Bond(Bond { mode: bond.mode, miimon: bond.miimon })
}
