//! What simulated devices are members of: bridges, bonds, VRFs; and the VLANs of ports.

use super::space::Kind;
use super::{Errno, Sim, SimError, fail};
use crate::names::{IfName, Mac, stable_hash};
use crate::resource::{DeviceId, MacvlanMode, NetnsId, Port, PortSettings, PortVlans, SingleKind};

/// Most ports of a bridge: BR_MAX_PORTS less the number 0 (net/bridge/br_private.h).
const MOST_PORTS: usize = 1023;

/// What a device can be a member of.
#[derive(Clone, Copy, PartialEq)]
enum Master {
    Bridge,
    Bond,
    Vrf,
}

impl Sim {
    fn master(&self, id: &DeviceId) -> Result<Master, SimError> {
        match &self.device(id)?.kind {
            Kind::Bridge(_) => Ok(Master::Bridge),
            Kind::Single { single, .. } => match single.kind {
                SingleKind::Bond(_) => Ok(Master::Bond),
                SingleKind::Vrf { .. } => Ok(Master::Vrf),
                SingleKind::Dummy
                | SingleKind::Vlan { .. }
                | SingleKind::Macvlan { .. }
                | SingleKind::Ipvlan { .. }
                | SingleKind::Vxlan(_)
                | SingleKind::Gretap(_)
                | SingleKind::Gre(_) => fail(Errno::OpNotSupp, format!("{id} has no members")),
            },
            Kind::Lo | Kind::Veth { .. } | Kind::Switched | Kind::Other(_) => {
                fail(Errno::OpNotSupp, format!("{id} has no members"))
            }
        }
    }

    pub(super) fn enslave(&mut self, port: &Port) -> Result<(), SimError> {
        let (id, master_id) = (&port.device, port.master());
        self.device(id)?;
        let master = self.master(&master_id)?;
        self.check_member(id, master)?;
        let device = self.device(id)?;
        if device.master.is_some() || self.is_switched(id) {
            return fail(Errno::Busy, format!("{id} has a master"));
        }
        if port.settings != PortSettings::default() && master != Master::Bridge {
            return fail(Errno::Inval, format!("{master_id} is no bridge"));
        }
        let netns = &id.netns;
        match master {
            Master::Bridge => {
                if self.space(netns)?.members(port.master).count() >= MOST_PORTS {
                    return fail(Errno::XFull, format!("{master_id} has {MOST_PORTS} ports"));
                }
                let device = self.device_mut(id)?;
                (device.master, device.settings) = (Some(port.master), port.settings);
                self.mtu_changed(&master_id);
            }
            Master::Bond => self.join_bond(id, &master_id)?,
            Master::Vrf => {
                self.device_mut(id)?.master = Some(port.master);
                self.cycle(id)?;
            }
        }
        Ok(())
    }

    /// What `br_add_if`, `bond_enslave` and `do_vrf_add_slave` refuse.
    fn check_member(&self, id: &DeviceId, master: Master) -> Result<(), SimError> {
        let device = self.device(id)?;
        let beneath =
            self.children(id).iter().any(|child| !self.is_vlan(child)) || self.lingers_on(id).next().is_some();
        let kind = device.single().map(|single| &single.kind);
        match (master, &device.kind) {
            (Master::Bridge, Kind::Lo) => fail(Errno::Inval, "lo cannot be a port"),
            (Master::Bridge, Kind::Bridge(_)) => fail(Errno::Loop, "a bridge cannot be a port of a bridge"),
            (Master::Bridge, _)
                if matches!(kind, Some(SingleKind::Vrf { .. } | SingleKind::Ipvlan { .. } | SingleKind::Gre(_))) =>
            {
                fail(Errno::Inval, format!("{id} cannot be a port"))
            }
            (Master::Bond, _) if device.up => fail(Errno::Perm, format!("{id} is up")),
            (Master::Bond, Kind::Lo | Kind::Bridge(_)) => fail(Errno::Inval, format!("{id} cannot be in a bond")),
            (Master::Bond, _) if matches!(kind, Some(SingleKind::Vrf { .. } | SingleKind::Ipvlan { .. })) => {
                fail(Errno::Inval, format!("{id} cannot be in a bond"))
            }
            // It has no Ethernet address to be given. Stricter than Linux, of which an empty bond in active-backup becomes what it is (`bond_setup_by_slave`).
            (Master::Bond, _) if matches!(kind, Some(SingleKind::Gre(_))) => {
                fail(Errno::OpNotSupp, format!("{id} cannot be in a bond"))
            }
            (Master::Bridge | Master::Bond, _) if beneath => {
                fail(Errno::Busy, format!("macvlan or ipvlan devices stand on {id}"))
            }
            (Master::Vrf, Kind::Lo) => fail(Errno::OpNotSupp, "lo cannot be in a VRF"),
            (Master::Vrf, _) if matches!(kind, Some(SingleKind::Vrf { .. })) => {
                fail(Errno::Inval, "a VRF cannot be in a VRF")
            }
            (Master::Bridge | Master::Bond | Master::Vrf, _) => Ok(()),
        }
    }

    /// The member gets the bond's address and MTU and is opened (`bond_enslave`); a bond with an address that nobody chose takes the member's.
    fn join_bond(&mut self, id: &DeviceId, bond: &DeviceId) -> Result<(), SimError> {
        let mtu = self.space(&bond.netns)?.mtu(bond.name);
        let (own, own_mtu) = (self.mac(id), self.space(&id.netns)?.mtu(id.name));
        if self.device(bond)?.drawn {
            self.set_mac(bond, own)?;
            self.device_mut(bond)?.drawn = false;
        }
        let mac = self.mac(bond);
        let device = self.device_mut(id)?;
        (device.master, device.before) = (Some(bond.name), Some((own, own_mtu)));
        self.set_mac(id, mac)?;
        self.set_mtu(id, mtu)?;
        self.space_mut(&id.netns)?.open(id.name);
        Ok(())
    }

    /// Frees a member. A bond closes it and gives back its address and MTU, and has an address of its own no more when that was the last
    /// (`__bond_release_one`).
    pub(super) fn free(&mut self, id: &DeviceId) -> Result<(), SimError> {
        let device = self.device_mut(id)?;
        let Some(name) = device.master.take() else { return Ok(()) };
        device.settings = PortSettings::default();
        let before = device.before.take();
        let master_id = DeviceId { netns: id.netns.clone(), name };
        match self.master(&master_id)? {
            Master::Bridge => {
                self.device_mut(id)?.vlans = None;
                self.mtu_changed(&master_id);
            }
            Master::Bond => {
                let (mac, mtu) = before.expect("it was in a bond");
                self.space_mut(&id.netns)?.set_down(id.name);
                self.set_mac(id, mac)?;
                self.set_mtu(id, mtu)?;
                if self.space(&id.netns)?.members(name).next().is_none() {
                    let [.., a, b, c] = stable_hash(&["drawn", &master_id.to_string()]).to_be_bytes();
                    self.set_mac(&master_id, Some(Mac([0xfe, 0, 0, a, b, c])))?;
                    self.device_mut(&master_id)?.drawn = true;
                }
            }
            Master::Vrf => self.cycle(id)?,
        }
        Ok(())
    }

    /// Down and up again, if it is up (`cycle_netdev`); and IPv6 loses its addresses in any case (`addrconf_notify`).
    fn cycle(&mut self, id: &DeviceId) -> Result<(), SimError> {
        let was_up = self.device(id)?.up;
        let space = self.space_mut(&id.netns)?;
        space.set_down(id.name);
        space.device_mut(id.name)?.lose_ipv6();
        if was_up {
            space.open(id.name);
        }
        Ok(())
    }

    pub(super) fn change_port(&mut self, port: &Port) -> Result<(), SimError> {
        let device = self.device_mut(&port.device)?;
        if device.master != Some(port.master) {
            self.free(&port.device)?;
            return self.enslave(port);
        }
        device.settings = port.settings;
        Ok(())
    }

    /// Whether VLANs mean anything to a device: it is a bridge that filters, or a port of one.
    pub(super) fn filters(&self, id: &DeviceId) -> bool {
        let Ok(device) = self.device(id) else { return false };
        let is_filter = |kind: &Kind| matches!(kind, Kind::Bridge(bridge) if bridge.vlan_filtering);
        let of = |name: IfName| self.device(&DeviceId { netns: id.netns.clone(), name }).ok();
        is_filter(&device.kind) || device.master.and_then(of).is_some_and(|master| is_filter(&master.kind))
    }

    /// Sets the VLANs to exactly those, whatever a bridge that did not filter has kept. Stricter than Linux, which takes VLANs that mean nothing.
    pub(super) fn set_vlans(&mut self, vlans: &PortVlans) -> Result<(), SimError> {
        let id = &vlans.device;
        self.device(id)?;
        if !self.filters(id) {
            return fail(Errno::OpNotSupp, format!("{id} is no port of a bridge that filters"));
        }
        let has = |vid| vlans.each().any(|(had, _)| had == vid);
        if vlans.is_empty() || vlans.pvid.is_some_and(|pvid| !has(pvid)) {
            return fail(Errno::Inval, "no VLANs, or another for what has no tag");
        }
        self.device_mut(id)?.vlans = Some(vlans.clone());
        Ok(())
    }

    /// Whether a device is a port of a bridge or a member of a bond: its frames go there.
    pub(super) fn hands_over(&self, id: &DeviceId) -> bool {
        let master = self.device(id).ok().and_then(|device| device.master);
        let master = master.and_then(|name| self.master(&DeviceId { netns: id.netns.clone(), name }).ok());
        master.is_some_and(|master| master != Master::Vrf)
    }

    fn is_vlan(&self, id: &DeviceId) -> bool {
        let single = self.device(id).ok().and_then(|device| device.single());
        single.is_some_and(|single| matches!(single.kind, SingleKind::Vlan { .. }))
    }

    /// All members of a device go free when it goes.
    pub(super) fn free_members(&mut self, master: &DeviceId) -> Result<(), SimError> {
        let members: Vec<IfName> = self.space(&master.netns)?.members(master.name).collect();
        let netns: &NetnsId = &master.netns;
        members.into_iter().try_for_each(|name| self.free(&DeviceId { netns: netns.clone(), name }))
    }

    /// Whether a macvlan device in passthru has its parent for itself.
    pub(super) fn is_passthru(kind: &SingleKind) -> bool {
        matches!(kind, SingleKind::Macvlan { mode: MacvlanMode::Passthru, .. })
    }
}
