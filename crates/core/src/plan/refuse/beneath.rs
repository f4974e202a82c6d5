//! What others made on a device, where it leaves no room for what is wanted there.

use super::{Fate, Fates, taken};
use crate::plan::Refusal;
use crate::resource::{Device, DeviceId, Key, MacvlanMode, Resource, Single, SingleKind};
use crate::state::{Foreign, HostState, Observed};

/// The devices of others that stand on devices, and their addresses where no two on one parent may have the same.
pub(super) struct Beneath<'a> {
    devices: Vec<(&'a Key, &'a Foreign, &'a Single)>,
    addresses: Vec<(&'a Key, &'a Foreign, &'a DeviceId)>,
}

impl<'a> Beneath<'a> {
    pub(super) fn of(observed: &'a Observed) -> Self {
        let mut beneath = Beneath { devices: Vec::new(), addresses: Vec::new() };
        for (key, foreign) in &observed.others {
            match &foreign.resource {
                Some(Resource::Device(Device::Single(single))) => beneath.devices.push((key, foreign, single)),
                Some(Resource::Address(address)) => beneath.addresses.push((key, foreign, &address.device)),
                Some(_) | None => {}
            }
        }
        beneath
    }

    /// Whoever is in the way of something new.
    pub(super) fn in_the_way(
        &self,
        wanted: &Resource,
        desired: &HostState,
        ours: &HostState,
        fates: &Fates,
    ) -> Option<Refusal> {
        // What goes takes along whatever stands on it.
        let goes = |parent: &DeviceId| {
            ours.position(&Key::Device(parent.clone())).is_some_and(|at| fates.of_position(at) == Fate::Gone)
        };
        let on = |parent: DeviceId| {
            let stands =
                move |single: &Single| single.kind.parent(&single.id).as_ref() == Some(&parent) && !goes(&parent);
            self.devices.iter().filter(move |(.., single)| stands(single))
        };
        let found = match wanted {
            Resource::Device(Device::Single(new)) => {
                let mut others = on(new.kind.parent(&new.id)?);
                others.find(|(.., other)| clash(&new.kind, &other.kind)).map(|(key, foreign, _)| (*key, *foreign))
            }
            Resource::Port(port) if !is_vrf(&port.master(), desired) => {
                let mut others = on(port.device.clone());
                let hands_over = |kind: &SingleKind| !matches!(kind, SingleKind::Vlan { .. });
                others.find(|(.., other)| hands_over(&other.kind)).map(|(key, foreign, _)| (*key, *foreign))
            }
            Resource::Address(address) => {
                let Some(Resource::Device(Device::Single(single))) =
                    desired.holder(&Key::Device(address.device.clone()))
                else {
                    return None;
                };
                let SingleKind::Ipvlan { parent, .. } = &single.kind else { return None };
                let sibling = |id: &DeviceId| *id != address.device && desired.children(parent).any(|s| s.id == *id);
                let same = |key: &Key| matches!(key, Key::Address(_, net) if net.addr() == address.net.addr());
                let mut others = self.addresses.iter();
                others
                    .find(|(key, _, id)| same(key) && sibling(id) && !goes(id))
                    .map(|(key, foreign, _)| (*key, *foreign))
            }
            Resource::Netns(_)
            | Resource::Device(_)
            | Resource::Up(_)
            | Resource::Port(_)
            | Resource::PortVlans(_)
            | Resource::Qdisc(_)
            | Resource::Tuning(_)
            | Resource::Route(_)
            | Resource::Sysctl(_)
            | Resource::Ran(_)
            | Resource::Ovs(_)
            | Resource::Fdb(_)
            | Resource::Neighbour(_) => None,
        };
        let (name, foreign) = found?;
        let refusal = taken(wanted, name, foreign)?;
        let message = format!("{}, and leaves no room for {}", refusal.message, wanted.key());
        Some(Refusal { message, ..refusal })
    }
}

fn is_vrf(id: &DeviceId, desired: &HostState) -> bool {
    match desired.holder(&Key::Device(id.clone())) {
        Some(Resource::Device(Device::Single(single))) => matches!(single.kind, SingleKind::Vrf { .. }),
        _ => false,
    }
}

/// Whether two cannot stand on one parent: the same VLAN twice, macvlan and ipvlan, any beside one in passthru.
fn clash(a: &SingleKind, b: &SingleKind) -> bool {
    let passthru = |kind: &SingleKind| matches!(kind, SingleKind::Macvlan { mode: MacvlanMode::Passthru, .. });
    match (a, b) {
        (SingleKind::Vlan { .. }, SingleKind::Vlan { .. }) => a == b,
        (SingleKind::Macvlan { .. }, SingleKind::Macvlan { .. }) => passthru(a) || passthru(b),
        (SingleKind::Macvlan { .. }, SingleKind::Ipvlan { .. })
        | (SingleKind::Ipvlan { .. }, SingleKind::Macvlan { .. }) => true,
        (
            SingleKind::Dummy
            | SingleKind::Vlan { .. }
            | SingleKind::Macvlan { .. }
            | SingleKind::Ipvlan { .. }
            | SingleKind::Bond(_)
            | SingleKind::Vrf { .. }
            | SingleKind::Vxlan(_)
            | SingleKind::Gretap(_)
            | SingleKind::Gre(_),
            _,
        ) => false,
    }
}
