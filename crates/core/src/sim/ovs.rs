//! Open vSwitch on the simulated host: its rows, its devices, and what goes with what.
//!
//! What it does was tried on 3.1, and each thing has a case in `testing::cases`. It is stricter in one point: a port whose device is not there is refused
//! at once, where Open vSwitch keeps the row with an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::space::{Kind, Owner, RootQdisc};
use super::{Errno, Sim, SimError, fail};
use crate::names::{IfName, LabName};
use crate::resource::{
    Aside, Datapath, DeviceId, MirrorFrom, NetnsId, Ovs, OvsBridge, OvsFlows, OvsKey, OvsMirror, OvsPort, OvsPortKind,
    OvsQos, OvsStray, OvsTunnel, OvsTunnelKey, QdiscKind, Resource,
};

/// The database, and what the switch has made of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Vswitch {
    bridges: BTreeMap<IfName, Bridge>,
    ports: BTreeMap<IfName, Row<OvsPort>>,
    /// By port; it outlives that.
    qos: BTreeMap<IfName, Row<OvsQos>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row<T> {
    owner: Owner,
    it: T,
    /// A mirror without its output, a quality of service without its port.
    lost: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Bridge {
    owner: Owner,
    it: OvsBridge,
    mirrors: BTreeMap<Arc<str>, Row<OvsMirror>>,
    /// The digest that it remembers, and whether those flows are in it.
    flows: Option<(u64, bool)>,
}

fn host(name: IfName) -> DeviceId {
    DeviceId { netns: NetnsId::Host, name }
}

fn stray(of: Ovs, what: &str) -> Ovs {
    Ovs::Stray(Box::new(OvsStray { of, what: what.into() }))
}

fn none<T>(key: &OvsKey) -> Result<T, SimError> {
    fail(Errno::NoEnt, format!("there is no {key}"))
}

impl Vswitch {
    pub(super) fn owners(&self) -> impl Iterator<Item = &LabName> {
        let bridges = self.bridges.values().map(|row| &row.owner);
        bridges.chain(self.qos.values().map(|row| &row.owner)).flatten()
    }

    /// Everything, in the order in which it can be made.
    pub(super) fn everything(&self, there: &dyn Fn(IfName) -> bool) -> Vec<(Resource, Owner)> {
        let ports = self.ports.keys().map(|name| OvsKey::Port(*name));
        let mirrors = self
            .bridges
            .iter()
            .flat_map(|(bridge, row)| row.mirrors.keys().map(|name| OvsKey::Mirror(*bridge, name.clone())));
        let flows = self.bridges.keys().map(|bridge| OvsKey::Flows(*bridge));
        let bridges = self.bridges.keys().map(|bridge| OvsKey::Bridge(*bridge));
        let qos = self.qos.keys().map(|port| OvsKey::Qos(*port));
        bridges
            .chain(ports)
            .chain(mirrors)
            .chain(qos)
            .chain(flows)
            .filter_map(|key| self.current(&key, there))
            .collect()
    }

    /// What has this identity now, and whose it is.
    pub(super) fn current(&self, key: &OvsKey, there: &dyn Fn(IfName) -> bool) -> Option<(Resource, Owner)> {
        let (ovs, owner) = match key {
            OvsKey::Bridge(name) => {
                let row = self.bridges.get(name)?;
                (Ovs::Bridge(Box::new(row.it.clone())), &row.owner)
            }
            OvsKey::Port(name) => {
                let row = self.ports.get(name)?;
                let of = Ovs::Port(Box::new(row.it.clone()));
                let lost = row.it.kind == OvsPortKind::Device && !there(*name);
                (if lost { stray(of, "its device is gone") } else { of }, &row.owner)
            }
            OvsKey::Mirror(bridge, name) => {
                let row = self.bridges.get(bridge)?.mirrors.get(name)?;
                let of = Ovs::Mirror(Box::new(row.it.clone()));
                (if row.lost { stray(of, "its output is gone") } else { of }, &row.owner)
            }
            OvsKey::Qos(port) => {
                let row = self.qos.get(port)?;
                let of = Ovs::Qos(row.it.clone());
                (if row.lost { stray(of, "no port has it") } else { of }, &row.owner)
            }
            OvsKey::Flows(bridge) => {
                let row = self.bridges.get(bridge)?;
                let (digest, there) = row.flows?;
                let digest = if there { digest } else { 0 };
                (Ovs::Flows(OvsFlows { bridge: *bridge, digest, text: Aside::default() }), &row.owner)
            }
            OvsKey::Tunnel(_) => return None,
        };
        Some((Resource::Ovs(ovs), owner.clone()))
    }

    /// What holds a name: that of a bridge's local port is the bridge's.
    pub(super) fn holder(&self, key: &OvsKey, there: &dyn Fn(IfName) -> bool) -> Option<(Resource, Owner)> {
        match key {
            OvsKey::Port(name) if self.bridges.contains_key(name) => self.current(&OvsKey::Bridge(*name), there),
            OvsKey::Tunnel(name) => self.current(&OvsKey::Port(self.tunnel(name)?), there),
            OvsKey::Bridge(_) | OvsKey::Port(_) | OvsKey::Mirror(..) | OvsKey::Qos(_) | OvsKey::Flows(_) => {
                self.current(key, there)
            }
        }
    }

    /// The port that is a tunnel.
    fn tunnel(&self, name: &OvsTunnelKey) -> Option<IfName> {
        let is_it = |port: &OvsPort| matches!(&port.kind, OvsPortKind::Tunnel(tunnel) if tunnel.name() == *name);
        self.ports.values().find(|row| is_it(&row.it)).map(|row| row.it.name)
    }

    /// The bridge or the port whose device has this name, made by the switch.
    pub(super) fn of_device(&self, name: IfName) -> Option<(Resource, Owner)> {
        let there = |_| true;
        self.current(&OvsKey::Bridge(name), &there).or_else(|| self.current(&OvsKey::Port(name), &there))
    }

    /// The port that a device is which others made.
    pub(super) fn port_of(&self, device: &DeviceId, there: &dyn Fn(IfName) -> bool) -> Option<(Resource, Owner)> {
        let row = self.ports.get(&device.name).filter(|_| device.netns == NetnsId::Host)?;
        matches!(row.it.kind, OvsPortKind::Device).then(|| self.current(&OvsKey::Port(device.name), there)).flatten()
    }

    /// Whose a bridge is.
    pub(super) fn owner_of_bridge(&self, name: IfName) -> Option<&Owner> {
        self.bridges.get(&name).map(|row| &row.owner)
    }

    /// The UDP port that the kernel listens on for a port.
    fn vxlan_in_kernel(&self, port: &OvsPort) -> Option<u16> {
        let system = self.bridges.get(&port.bridge)?.it.datapath == Datapath::System;
        port.vxlan_port().filter(|_| system)
    }

    /// The UDP ports that the kernel listens on for it, and for whom.
    pub(super) fn listens_on(&self) -> impl Iterator<Item = (u16, &Owner)> {
        self.ports.values().filter_map(|row| Some((self.vxlan_in_kernel(&row.it)?, &row.owner)))
    }

    fn bridge(&mut self, name: IfName) -> Result<&mut Bridge, SimError> {
        self.bridges.get_mut(&name).map_or_else(|| none(&OvsKey::Bridge(name)), Ok)
    }

    fn has_port(&self, name: IfName) -> bool {
        self.ports.contains_key(&name) || self.bridges.contains_key(&name)
    }

    /// Mirrors name ports of their own bridge.
    fn check_mirror(&self, mirror: &OvsMirror) -> Result<(), SimError> {
        let is_port = |name: &IfName| {
            *name == mirror.bridge || self.ports.get(name).is_some_and(|row| row.it.bridge == mirror.bridge)
        };
        let ports = match &mirror.from {
            MirrorFrom::All => Vec::new(),
            MirrorFrom::Ports { from, to } => from.iter().chain(to).collect(),
        };
        match ports.into_iter().chain([&mirror.to]).find(|name| !is_port(name)) {
            Some(name) => fail(Errno::NoEnt, format!("{} has no port {name}", mirror.bridge)),
            None => Ok(()),
        }
    }

    /// A port that is deleted is taken out of every mirror; its quality of service stays, without it.
    fn forget_port(&mut self, name: IfName) -> Option<Row<OvsPort>> {
        let row = self.ports.remove(&name)?;
        for mirror in self.bridges.values_mut().flat_map(|bridge| bridge.mirrors.values_mut()) {
            if let MirrorFrom::Ports { from, to } = &mut mirror.it.from {
                from.remove(&name);
                to.remove(&name);
            }
            if mirror.it.to == name {
                (mirror.it.to, mirror.lost) = (mirror.it.bridge, true);
            }
        }
        Some(row)
    }
}

impl Sim {
    /// A lab adds to its own bridges, and puts its own devices there.
    pub(super) fn permits_ovs(&self, lab: &LabName, ovs: &Ovs) -> Result<bool, SimError> {
        let of_lab = |bridge: IfName| {
            let owner = self.ovs.owner_of_bridge(bridge);
            owner.map_or_else(|| none(&OvsKey::Bridge(bridge)), |owner| Ok(owner.as_ref() == Some(lab)))
        };
        Ok(match ovs {
            Ovs::Bridge(_) => true,
            Ovs::Port(port) => {
                let device = match port.kind {
                    OvsPortKind::Device => self.device(&host(port.name))?.owner.as_ref() == Some(lab),
                    OvsPortKind::Internal { .. } | OvsPortKind::Patch { .. } | OvsPortKind::Tunnel(_) => true,
                };
                device && of_lab(port.bridge)?
            }
            Ovs::Mirror(mirror) => of_lab(mirror.bridge)?,
            Ovs::Qos(qos) => match self.ovs.ports.get(&qos.port) {
                Some(row) => row.owner.as_ref() == Some(lab),
                None => return none(&OvsKey::Port(qos.port)),
            },
            Ovs::Flows(flows) => of_lab(flows.bridge)?,
            Ovs::Stray(_) => false,
        })
    }

    pub(super) fn make_ovs(&mut self, ovs: &Ovs, owner: Owner) -> Result<(), SimError> {
        match ovs {
            Ovs::Bridge(bridge) => {
                self.make_local(bridge.name, owner.clone())?;
                let it = OvsBridge::clone(bridge);
                self.ovs.bridges.insert(bridge.name, Bridge { owner, it, mirrors: BTreeMap::new(), flows: None });
            }
            Ovs::Port(port) => self.make_port(port, owner)?,
            Ovs::Mirror(mirror) => {
                self.ovs.check_mirror(mirror)?;
                let row = Row { owner, it: OvsMirror::clone(mirror), lost: false };
                let mirrors = &mut self.ovs.bridge(mirror.bridge)?.mirrors;
                if mirrors.contains_key(&mirror.name) {
                    return fail(Errno::Exist, format!("there is a mirror {}", mirror.name));
                }
                mirrors.insert(mirror.name.clone(), row);
            }
            Ovs::Qos(qos) => {
                if !self.ovs.ports.contains_key(&qos.port) {
                    return none(&OvsKey::Port(qos.port));
                }
                if self.ovs.qos.contains_key(&qos.port) {
                    return fail(Errno::Exist, format!("there is a QoS of {}", qos.port));
                }
                self.ovs.qos.insert(qos.port, Row { owner, it: qos.clone(), lost: false });
                self.queue_anew(qos)?;
            }
            Ovs::Flows(flows) => {
                let bridge = self.ovs.bridge(flows.bridge)?;
                if bridge.flows.is_some() {
                    return fail(Errno::Exist, format!("{} has its flows", flows.bridge));
                }
                bridge.flows = Some((flows.digest, true));
            }
            Ovs::Stray(_) => return fail(Errno::Inval, "a stray is never made"),
        }
        Ok(())
    }

    /// A device that the switch makes, under a name that no port has.
    fn make_local(&mut self, name: IfName, owner: Owner) -> Result<(), SimError> {
        if self.ovs.has_port(name) || self.host.devices.contains_key(&name) {
            return fail(Errno::Exist, format!("there is a device or a port {name}"));
        }
        self.host.add_device(name, owner, Kind::Switched);
        Ok(())
    }

    fn make_port(&mut self, port: &OvsPort, owner: Owner) -> Result<(), SimError> {
        self.ovs.bridge(port.bridge)?;
        match &port.kind {
            OvsPortKind::Internal { .. } => self.make_local(port.name, owner.clone())?,
            OvsPortKind::Device | OvsPortKind::Patch { .. } | OvsPortKind::Tunnel(_)
                if self.ovs.has_port(port.name) =>
            {
                return fail(Errno::Exist, format!("there is a port {}", port.name));
            }
            OvsPortKind::Patch { .. } => {}
            OvsPortKind::Tunnel(tunnel) => self.check_switched(port, tunnel)?,
            OvsPortKind::Device => {
                let id = host(port.name);
                if self.hands_over(&id) {
                    return fail(Errno::Busy, format!("{id} is a port of something else"));
                }
                // What it finds it takes away, unless it is told to leave the queueing alone (`netdev_linux_set_qos`).
                self.device_mut(&id)?.qdisc = None;
            }
        }
        self.ovs.ports.insert(port.name, Row { owner, it: port.clone(), lost: false });
        Ok(())
    }

    /// A tunnel that no other port is, on a UDP port that no VXLAN device of the kernel listens on. Stricter than Open vSwitch, which keeps the row.
    fn check_switched(&self, port: &OvsPort, tunnel: &OvsTunnel) -> Result<(), SimError> {
        if let Some(other) = self.ovs.tunnel(&tunnel.name()).filter(|name| *name != port.name) {
            return fail(Errno::Exist, format!("{other} is that tunnel"));
        }
        match self.ovs.vxlan_in_kernel(port) {
            Some(udp) if self.listens(udp) => fail(Errno::AddrInUse, format!("UDP port {udp} is used otherwise")),
            Some(_) | None => Ok(()),
        }
    }

    /// A rate replaces the queueing discipline of the device; what shall be left alone stays as it is found.
    fn queue_anew(&mut self, qos: &OvsQos) -> Result<(), SimError> {
        if qos.max_rate.is_some()
            && let Ok(device) = self.device_mut(&host(qos.port))
        {
            device.qdisc = None;
        }
        Ok(())
    }

    pub(super) fn change_ovs(&mut self, to: &Ovs) -> Result<(), SimError> {
        match to {
            Ovs::Bridge(to) => {
                let bridge = self.ovs.bridge(to.name)?;
                // Another fail mode, and controllers that come or go, empty it.
                if (bridge.it.fail_mode, &bridge.it.controllers) != (to.fail_mode, &to.controllers) {
                    bridge.flows = bridge.flows.map(|(digest, _)| (digest, false));
                }
                bridge.it = OvsBridge::clone(to);
            }
            Ovs::Port(to) => {
                if let OvsPortKind::Tunnel(tunnel) = &to.kind {
                    self.check_switched(to, tunnel)?;
                }
                match self.ovs.ports.get_mut(&to.name) {
                    Some(row) => row.it = OvsPort::clone(to),
                    None => return none(&OvsKey::Port(to.name)),
                }
            }
            Ovs::Mirror(to) => {
                self.ovs.check_mirror(to)?;
                match self.ovs.bridge(to.bridge)?.mirrors.get_mut(&to.name) {
                    Some(row) => (row.it, row.lost) = (OvsMirror::clone(to), false),
                    None => return none(&OvsKey::Mirror(to.bridge, to.name.clone())),
                }
            }
            Ovs::Qos(to) => {
                if !self.ovs.ports.contains_key(&to.port) {
                    return none(&OvsKey::Port(to.port));
                }
                match self.ovs.qos.get_mut(&to.port) {
                    Some(row) => (row.it, row.lost) = (to.clone(), false),
                    None => return none(&OvsKey::Qos(to.port)),
                }
                self.queue_anew(to)?;
            }
            Ovs::Flows(to) => self.ovs.bridge(to.bridge)?.flows = Some((to.digest, true)),
            Ovs::Stray(_) => return fail(Errno::Inval, "a stray is never wanted"),
        }
        Ok(())
    }

    /// A bridge takes its ports, its mirrors and its flows along.
    pub(super) fn take_ovs(&mut self, key: &OvsKey) -> Result<(), SimError> {
        match key {
            OvsKey::Bridge(name) => {
                let of_bridge = |row: &Row<OvsPort>| row.it.bridge == *name;
                let ports: Vec<IfName> =
                    self.ovs.ports.iter().filter(|(_, row)| of_bridge(row)).map(|(name, _)| *name).collect();
                ports.into_iter().try_for_each(|port| self.take_port(port))?;
                self.ovs.bridges.remove(name);
                self.remove_device(&host(*name))
            }
            OvsKey::Port(name) => self.take_port(*name),
            OvsKey::Mirror(bridge, name) => {
                self.ovs.bridge(*bridge)?.mirrors.remove(name);
                Ok(())
            }
            OvsKey::Qos(port) => {
                self.ovs.qos.remove(port);
                Ok(())
            }
            OvsKey::Flows(bridge) => {
                self.ovs.bridge(*bridge)?.flows = None;
                Ok(())
            }
            // It is no identity.
            OvsKey::Tunnel(_) => none(key),
        }
    }

    /// The device of a port that goes is left with what a rate made of its queueing.
    fn take_port(&mut self, name: IfName) -> Result<(), SimError> {
        let Some(row) = self.ovs.forget_port(name) else { return none(&OvsKey::Port(name)) };
        let limited = match self.ovs.qos.get_mut(&name) {
            Some(qos) => !std::mem::replace(&mut qos.lost, true) && qos.it.max_rate.is_some(),
            None => false,
        };
        match row.it.kind {
            OvsPortKind::Internal { .. } => self.remove_device(&host(name)),
            OvsPortKind::Device => {
                if let Ok(device) = self.device_mut(&host(name))
                    && limited
                {
                    device.qdisc = Some(RootQdisc { kind: QdiscKind::Other("htb".into()), by_hand: true });
                }
                Ok(())
            }
            OvsPortKind::Patch { .. } | OvsPortKind::Tunnel(_) => Ok(()),
        }
    }

    /// Whether a device is a port of Open vSwitch.
    pub(super) fn is_switched(&self, id: &DeviceId) -> bool {
        self.ovs.port_of(id, &|_| true).is_some()
    }
}
