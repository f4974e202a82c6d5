//! Making, changing and removing simulated devices, and what goes through to the devices on them, in whatever namespace.

use super::space::{Kind, Owner, Space};
use super::{Errno, Sim, SimError, fail};
use crate::names::{Mac, NetnsName};
use crate::resource::{Device, DeviceId, End, IpvlanMode, MacvlanMode, NetnsId, Single, SingleKind};

impl Sim {
    pub(super) fn make_device(&mut self, device: &Device, owner: Owner) -> Result<(), SimError> {
        let names: Vec<&DeviceId> = match device {
            Device::Veth(v) => v.ends().iter().map(|end| &end.id).collect(),
            Device::Bridge(_) | Device::Single(_) | Device::Stray { .. } => vec![device.id()],
        };
        for id in &names {
            if self.space(&id.netns)?.devices.contains_key(&id.name) {
                return fail(Errno::Exist, format!("there is a device {id}"));
            }
        }
        match device {
            Device::Veth(v) => {
                let [a, b] = v.ends();
                if a.id == b.id {
                    return fail(Errno::Exist, "both ends have one name");
                }
                for (end, peer) in [(a, b), (b, a)] {
                    check_mtu(end.mtu)?;
                    let kind = Kind::Veth { end: end.clone(), peer: Some(peer.id.clone()) };
                    self.space_mut(&end.id.netns)?.add_device(end.id.name, owner.clone(), kind);
                }
            }
            Device::Bridge(b) => self.space_mut(&b.id.netns)?.add_device(b.id.name, owner, Kind::Bridge(b.clone())),
            Device::Single(single) => {
                self.check_single(single)?;
                self.check_new(single)?;
                let kind = Kind::Single { single: self.fitted(single)?, orphan: false };
                self.space_mut(&single.id.netns)?.add_device(single.id.name, owner, kind);
                self.set_mode_of_siblings(single);
            }
            Device::Stray { id, what } => {
                self.space_mut(&id.netns)?.add_device(id.name, owner, Kind::Other(what.to_string()));
            }
        }
        Ok(())
    }

    pub(super) fn change_device(&mut self, to: &Device) -> Result<(), SimError> {
        match to {
            Device::Veth(v) => {
                for end in v.ends() {
                    check_mtu(end.mtu)?;
                    self.device(&end.id)?;
                }
                v.ends().iter().try_for_each(|end| self.change_end(end))
            }
            Device::Bridge(b) => {
                self.device_mut(&b.id)?.kind = Kind::Bridge(b.clone());
                Ok(())
            }
            Device::Single(single) => self.change_single(single),
            Device::Stray { id, .. } => fail(Errno::Inval, format!("{id} cannot be changed")),
        }
    }

    fn change_end(&mut self, to: &End) -> Result<(), SimError> {
        self.set_mac(&to.id, Some(to.mac))?;
        self.set_mtu(&to.id, to.mtu)?;
        if let Kind::Veth { end: had, .. } = &mut self.device_mut(&to.id)?.kind {
            *had = to.clone();
        }
        Ok(())
    }

    fn change_single(&mut self, to: &Single) -> Result<(), SimError> {
        self.device(&to.id)?;
        self.check_single(to)?;
        self.set_mac(&to.id, to.mac)?;
        if let Some(mtu) = to.mtu {
            self.set_mtu(&to.id, mtu)?;
        }
        let device = self.device_mut(&to.id)?;
        device.drawn = false;
        if let Kind::Single { single, .. } = &mut device.kind {
            *single = to.clone();
        }
        self.set_mode_of_siblings(to);
        let bond = matches!(to.kind, SingleKind::Bond(_));
        let members = bond.then(|| self.space(&to.id.netns).map(|space| space.members(to.id.name).collect::<Vec<_>>()));
        for name in members.transpose()?.into_iter().flatten() {
            let member = DeviceId { netns: to.id.netns.clone(), name };
            self.set_mac(&member, to.mac)?;
            to.mtu.map_or(Ok(()), |mtu| self.set_mtu(&member, mtu))?;
        }
        Ok(())
    }

    /// What a kernel looks at whenever it is told of such a device.
    fn check_single(&self, single: &Single) -> Result<(), SimError> {
        let id = &single.id;
        if single.mac.is_some() != single.kind.has_mac() || single.mtu.is_some() != single.kind.has_mtu() {
            return fail(Errno::Inval, format!("a {} has its own, or none", single.kind.name()));
        }
        let Some(parent) = single.kind.parent(id) else {
            return match single.kind {
                SingleKind::Bond(_) => single.mtu.map_or(Ok(()), check_mtu),
                SingleKind::Vrf { table: 0 } => fail(Errno::Inval, "a VRF has a table"),
                _ => self.check_tunnel(single),
            };
        };
        self.device(&parent)?;
        let most = self.space(&parent.netns)?.mtu(parent.name);
        let too_wide = single.mtu.is_some_and(|mtu| mtu > most);
        match &single.kind {
            SingleKind::Vlan { .. } if too_wide && self.device(id).is_ok() => {
                fail(Errno::Range, format!("{parent} has an MTU of {most}"))
            }
            SingleKind::Vlan { .. } | SingleKind::Macvlan { .. } if too_wide => {
                fail(Errno::Inval, format!("{parent} has an MTU of {most}"))
            }
            SingleKind::Macvlan { .. } => {
                single.mtu.map_or(Ok(()), check_mtu)?;
                let changes = self.device(id).is_ok() && self.mac(id) != single.mac;
                if changes && self.mac_is_taken(single) {
                    return fail(Errno::AddrInUse, format!("{parent} or another on it has this address"));
                }
                Ok(())
            }
            SingleKind::Ipvlan { .. } => single.mtu.map_or(Ok(()), check_mtu),
            SingleKind::Vlan { .. }
            | SingleKind::Dummy
            | SingleKind::Bond(_)
            | SingleKind::Vrf { .. }
            | SingleKind::Vxlan(_)
            | SingleKind::Gretap(_)
            | SingleKind::Gre(_) => Ok(()),
        }
    }

    /// What a kernel looks at when such a device is made (`vlan_newlink`, `macvlan_common_newlink`, `ipvlan_link_new`).
    fn check_new(&self, single: &Single) -> Result<(), SimError> {
        let Some(parent) = single.kind.parent(&single.id) else { return self.check_new_tunnel(single) };
        let beneath = self.device(&parent)?;
        let bare = matches!(beneath.single(), Some(Single { kind: SingleKind::Vrf { .. } | SingleKind::Gre(_), .. }));
        let unfit = bare || matches!(beneath.kind, Kind::Lo);
        let on_it: Vec<SingleKind> = self.on(&parent);
        match &single.kind {
            SingleKind::Vlan { .. } if unfit => fail(Errno::OpNotSupp, format!("{parent} takes no VLANs")),
            SingleKind::Vlan { .. } if on_it.contains(&single.kind) => {
                fail(Errno::Exist, format!("{parent} has this VLAN"))
            }
            SingleKind::Macvlan { .. } | SingleKind::Ipvlan { .. } if unfit => {
                fail(Errno::Inval, format!("nothing can stand on {parent}"))
            }
            SingleKind::Macvlan { .. } | SingleKind::Ipvlan { .. } if self.hands_over(&parent) => {
                fail(Errno::Busy, format!("{parent} is a port"))
            }
            SingleKind::Macvlan { .. } => {
                if on_it.iter().any(|kind| matches!(kind, SingleKind::Ipvlan { .. })) {
                    return fail(Errno::Busy, format!("ipvlan devices stand on {parent}"));
                }
                let mut others = on_it.iter().filter(|kind| matches!(kind, SingleKind::Macvlan { .. })).peekable();
                if others.peek().is_some() && Sim::is_passthru(&single.kind) || others.any(Sim::is_passthru) {
                    return fail(Errno::Inval, format!("another stands on {parent}, and one wants it for itself"));
                }
                Ok(())
            }
            SingleKind::Ipvlan { .. } if on_it.iter().any(|kind| matches!(kind, SingleKind::Macvlan { .. })) => {
                fail(Errno::Busy, format!("macvlan devices stand on {parent}"))
            }
            SingleKind::Vlan { .. }
            | SingleKind::Ipvlan { .. }
            | SingleKind::Dummy
            | SingleKind::Bond(_)
            | SingleKind::Vrf { .. }
            | SingleKind::Vxlan(_)
            | SingleKind::Gretap(_)
            | SingleKind::Gre(_) => Ok(()),
        }
    }

    /// A mode of ipvlan belongs to the parent (`ipvlan_set_port_mode`).
    fn set_mode_of_siblings(&mut self, single: &Single) {
        let SingleKind::Ipvlan { parent, mode } = &single.kind else { return };
        for id in self.children(parent) {
            if let Ok(device) = self.device_mut(&id)
                && let Kind::Single { single: Single { kind: SingleKind::Ipvlan { mode: had, .. }, .. }, .. } =
                    &mut device.kind
            {
                *had = IpvlanMode::clone(mode);
            }
        }
    }

    /// Brings a device up; a macvlan device only with an address of its own (`macvlan_open`), a VXLAN device only with its socket.
    pub(super) fn set_up(&mut self, id: &DeviceId) -> Result<(), SimError> {
        let device = self.device(id)?;
        if let Some(single) = device.single()
            && !device.up
            && self.mac_is_taken(single)
        {
            return fail(Errno::AddrInUse, format!("{id} has the address of another"));
        }
        self.check_socket(id)?;
        self.space_mut(&id.netns)?.set_up(id.name)
    }

    /// `macvlan_addr_busy`
    fn mac_is_taken(&self, single: &Single) -> bool {
        let SingleKind::Macvlan { parent, mode } = &single.kind else { return false };
        let same = |id: &DeviceId| self.mac(id) == single.mac;
        let is_up = |id: &DeviceId| self.device(id).is_ok_and(|device| device.up);
        *mode != MacvlanMode::Passthru
            && (same(parent)
                || self.children(parent).iter().any(|other| *other != single.id && is_up(other) && same(other)))
    }

    /// No two ipvlan devices on one parent have the same address (`ipvlan_addr_busy`).
    pub(super) fn check_address(&self, id: &DeviceId, address: std::net::IpAddr) -> Result<(), SimError> {
        let Some(Single { kind: SingleKind::Ipvlan { parent, .. }, .. }) = self.device(id)?.single() else {
            return Ok(());
        };
        let has = |other: &DeviceId| {
            self.device(other).is_ok_and(|d| d.addresses.iter().any(|(net, _)| net.addr() == address))
        };
        if self.children(parent).iter().any(|other| other != id && has(other)) {
            return fail(Errno::AddrInUse, format!("another on {parent} has {address}"));
        }
        Ok(())
    }

    /// The devices on a device, in any namespace.
    pub(super) fn children(&self, parent: &DeviceId) -> Vec<DeviceId> {
        let mut found = Vec::new();
        for (netns, space) in self.spaces() {
            for (name, device) in &space.devices {
                let Kind::Single { single, orphan: false } = &device.kind else { continue };
                if single.kind.parent(&single.id).is_some_and(|id| id == *parent) {
                    found.push(DeviceId { netns: netns.clone(), name: *name });
                }
            }
        }
        found
    }

    /// What stands on a device, also in namespaces that are gone and not cleaned up.
    fn on(&self, parent: &DeviceId) -> Vec<SingleKind> {
        let kind = |id: DeviceId| self.device(&id).ok().and_then(|d| d.single()).map(|single| single.kind.clone());
        self.children(parent).into_iter().filter_map(kind).chain(self.lingers_on(parent).cloned()).collect()
    }

    pub(super) fn lingers_on(&self, parent: &DeviceId) -> impl Iterator<Item = &SingleKind> {
        self.lingering.iter().filter(move |(on, _)| on == parent).map(|(_, kind)| kind)
    }

    /// The Ethernet address of a device, where it is known.
    pub(super) fn mac(&self, id: &DeviceId) -> Option<Mac> {
        match &self.device(id).ok()?.kind {
            Kind::Veth { end, .. } => Some(end.mac),
            Kind::Bridge(bridge) => Some(bridge.mac),
            Kind::Single { single, .. } => match single.kind.parent(id) {
                Some(parent) if !single.kind.has_mac() => self.mac(&parent),
                Some(_) | None => single.mac,
            },
            Kind::Lo | Kind::Switched | Kind::Other(_) => None,
        }
    }

    pub(super) fn set_mac(&mut self, id: &DeviceId, to: Option<Mac>) -> Result<(), SimError> {
        let Some(to) = to else { return Ok(()) };
        match &mut self.device_mut(id)?.kind {
            Kind::Veth { end, .. } => end.mac = to,
            Kind::Bridge(bridge) => bridge.mac = to,
            Kind::Single { single, .. } if single.kind.has_mac() => single.mac = Some(to),
            Kind::Lo | Kind::Single { .. } | Kind::Switched | Kind::Other(_) => {}
        }
        Ok(())
    }

    pub(super) fn set_mtu(&mut self, id: &DeviceId, to: u32) -> Result<(), SimError> {
        let had = self.space(&id.netns)?.mtu(id.name);
        match &mut self.device_mut(id)?.kind {
            Kind::Veth { end, .. } => end.mtu = to,
            Kind::Single { single, .. } if single.kind.has_mtu() => single.mtu = Some(to),
            Kind::Lo | Kind::Bridge(_) | Kind::Single { .. } | Kind::Switched | Kind::Other(_) => {}
        }
        if had != to {
            self.mtu_changed(id);
        }
        Ok(())
    }

    /// What a new MTU does to what stands on the device (`vlan_device_event`, `macvlan_device_event`, `ipvlan_device_event`), to IPv6 on it, and to the
    /// bridge above (`br_mtu_auto_adjust`).
    pub(super) fn mtu_changed(&mut self, id: &DeviceId) {
        let Ok(space) = self.space_mut(&id.netns) else { return };
        if !space.devices.contains_key(&id.name) {
            return;
        }
        space.drop_ipv6_if_small(id.name);
        let mtu = space.mtu(id.name);
        let master = space.devices.get(&id.name).and_then(|d| d.master);
        for child in self.children(id) {
            let Some(single) = self.device(&child).ok().and_then(|d| d.single()) else { continue };
            let follows = matches!(single.kind, SingleKind::Ipvlan { .. }) || single.mtu.is_some_and(|had| had > mtu);
            if follows {
                self.set_mtu(&child, mtu).expect("it is there");
            }
        }
        if let Some(name) = master {
            let above = DeviceId { netns: id.netns.clone(), name };
            if self.device(&above).is_ok_and(|d| matches!(d.kind, Kind::Bridge(_))) {
                self.mtu_changed(&above);
            }
        }
    }

    /// Takes a device away with all that stands on it, and frees its members.
    pub(super) fn remove_device(&mut self, id: &DeviceId) -> Result<(), SimError> {
        for child in self.children(id).into_iter().chain(self.over(id)) {
            self.remove_device(&child)?;
        }
        self.lingering.retain(|(on, _)| on != id);
        self.held.retain(|(over, _)| over.as_ref() != Some(id));
        self.free_members(id)?;
        self.space_mut(&id.netns)?.set_down(id.name);
        self.free(id)?;
        self.space_mut(&id.netns)?.remove_device(id.name);
        Ok(())
    }

    /// The namespace dies: what is in it is out of reach at once; the other ends of its veth pairs linger, and so does what stands on its devices,
    /// and what of its own stands on others'.
    pub(super) fn unmount(&mut self, name: &NetnsName) {
        let Some(space) = self.named.get_mut(name).and_then(|named| named.space.take()) else { return };
        let netns = NetnsId::Named(name.clone());
        self.lingering.retain(|(on, _)| on.netns != netns);
        for (name, device) in space.devices {
            for child in self.children(&DeviceId { netns: netns.clone(), name }) {
                if let Ok(device) = self.device_mut(&child)
                    && let Kind::Single { orphan, .. } = &mut device.kind
                {
                    *orphan = true;
                }
            }
            match device.kind {
                Kind::Veth { peer: Some(id), .. } => {
                    if let Ok(other) = self.device_mut(&id)
                        && let Kind::Veth { peer, .. } = &mut other.kind
                    {
                        *peer = None;
                    }
                }
                Kind::Single { single, .. } => {
                    self.held.extend(single.kind.claims().map(|name| (single.kind.underlay(), name)));
                    let parent = single.kind.parent(&single.id).filter(|parent| self.device(parent).is_ok());
                    self.lingering.extend(parent.map(|parent| (parent, single.kind.clone())));
                }
                Kind::Lo | Kind::Veth { peer: None, .. } | Kind::Bridge(_) | Kind::Switched | Kind::Other(_) => {}
            }
        }
    }

    /// Lets the work queues of the kernel finish: what is left of veth pairs whose other end was in a namespace that is gone, goes, and what stood
    /// on a device in such a namespace.
    pub fn settle(&mut self) {
        self.finish_unseen();
        let half = |kind: &Kind| matches!(kind, Kind::Veth { peer: None, .. } | Kind::Single { orphan: true, .. });
        let left = |(netns, space): (NetnsId, &Space)| {
            let names = space.devices.iter().filter(|(_, d)| half(&d.kind)).map(|(name, _)| *name);
            names.map(|name| DeviceId { netns: netns.clone(), name }).collect::<Vec<_>>()
        };
        let gone: Vec<DeviceId> = self.spaces().flat_map(left).collect();
        for id in gone {
            // It may have gone with another.
            if self.device(&id).is_ok() {
                self.remove_device(&id).expect("it is there");
            }
        }
        self.spaces_mut().for_each(Space::links_found_up);
    }

    /// Lets the kernel be done with what stood in namespaces that are gone: nobody sees it any more, but it may be in the way.
    pub fn finish_unseen(&mut self) {
        self.lingering.clear();
        self.held.clear();
    }
}

/// ETH_MIN_MTU and ETH_MAX_MTU.
fn check_mtu(mtu: u32) -> Result<(), SimError> {
    if (68..=65535).contains(&mtu) { Ok(()) } else { fail(Errno::Inval, format!("an MTU of {mtu} is not 68 to 65535")) }
}
