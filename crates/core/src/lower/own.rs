//! An interface of a node's own: a sub-interface, a bond, a VRF and their like.

use super::link::bonded;
use super::{Lab, Lowered};
use crate::given::interfaces::InterfaceId;
use crate::given::stacks::own_kind;
use crate::resource::{Device, DeviceId, OvsPortKind, Resource, SingleKind};
use crate::topology::OwnKind;

impl Lab<'_> {
    pub(super) fn lower_own(&self, id: InterfaceId, lowered: &mut Lowered) {
        let at = id.of(self.topology).at;
        if let Some(OwnKind::Internal { port }) = own_kind(self.topology, id) {
            lowered.insert(at, self.ovs_port(id, OvsPortKind::Internal { mac: self.mac(id) }, port));
            return self.finish(id, lowered);
        }
        let Some(kind) = own_kind(self.topology, id).and_then(|own| self.kind_of(id, own)) else { return };
        lowered.insert(at, Resource::Device(Device::Single(Box::new(self.single(id, kind)))));
        self.finish(id, lowered);
    }

    /// What the device is; none where what it stands on is not to be found, which is told.
    fn kind_of(&self, id: InterfaceId, own: &OwnKind) -> Option<SingleKind> {
        let parent = || self.stacks.parent(id);
        Some(match own {
            // It is a port of its switch.
            OwnKind::Internal { .. } => return None,
            OwnKind::Dummy => SingleKind::Dummy,
            OwnKind::Vlan { vid, protocol, .. } => {
                SingleKind::Vlan { parent: self.given.of(parent()?).kernel, vid: *vid, protocol: *protocol }
            }
            OwnKind::Macvlan { mode, .. } => SingleKind::Macvlan { parent: self.lowest(parent()?), mode: *mode },
            OwnKind::Ipvlan { mode, .. } => SingleKind::Ipvlan { parent: self.lowest(parent()?), mode: *mode },
            OwnKind::Bond { bond, .. } => bonded(*bond),
            OwnKind::Vrf { table, .. } => SingleKind::Vrf { table: *table },
        })
    }

    /// The device that a kernel puts a macvlan or ipvlan device on: beneath another such device, that one's own
    /// (`macvlan_dev_real_dev`, `ipvlan_link_new`).
    fn lowest(&self, id: InterfaceId) -> DeviceId {
        let is_child = matches!(own_kind(self.topology, id), Some(OwnKind::Macvlan { .. } | OwnKind::Ipvlan { .. }));
        match (is_child, self.stacks.parent(id), self.nic(id)) {
            (true, Some(parent), _) => self.lowest(parent),
            (false, _, Some(nic)) => DeviceId { netns: crate::resource::NetnsId::Host, name: nic },
            (true, None, _) | (false, _, None) => self.device_of(id),
        }
    }
}
