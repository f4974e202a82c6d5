//! Turns the rows of Open vSwitch into resources: ours by their marks, others' where they matter.

use std::collections::BTreeMap;

use netsim_core::names::{IfName, LabName, Mac, NodeName};
use netsim_core::resource::{
    Datapath, DeviceId, FailMode, Key, MirrorFrom, NetnsId, Ovs as Thing, OvsBridge, OvsFlows, OvsKey, OvsMirror,
    OvsPort, OvsPortKind, OvsQos, OvsStray, Resource, VlanMode,
};
use netsim_core::state::{Foreign, Observed, Scope, TunnelPort};
use rustc_hash::{FxHashMap, FxHashSet};

use super::marks;
use super::rows::{BridgeRow, InterfaceRow, Map, MirrorRow, PortRow, QosRow, Rows, Uuid};
use super::tunnels;
use crate::backend::HostError;
use crate::linux::{Devices, Switched};

/// A setting that is a field of its own.
pub(super) const HWADDR: &str = "hwaddr";

/// The kind of quality of service that keeps a rate.
pub(super) const HTB: &str = "linux-htb";

/// The kind that leaves it to the device.
pub(super) const NOOP: &str = "linux-noop";

/// The rate of the first, in bit/s.
pub(super) const MAX_RATE: &str = "max-rate";

/// What is said of a device that is not there.
const GONE: &str = "its device is gone";

/// What the kernel is to know of a lab's rows: the devices that are made for them, and those whose queueing discipline they rule.
pub(crate) fn switched(lab: &LabName, rows: &Rows) -> Switched {
    let ours = |port: &&PortRow| marks::is_of(lab, &port.external_ids);
    let internal: FxHashSet<&Uuid> = rows.interfaces.iter().filter(|i| i.kind == "internal").map(|i| &i.uuid).collect();
    let bridges = rows.bridges.iter().filter(|b| marks::is_of(lab, &b.external_ids)).map(|b| &b.name);
    let ports = rows.ports.iter().filter(ours);
    let made = ports.clone().filter(|p| p.interfaces.iter().any(|i| internal.contains(i))).map(|p| &p.name);
    let htb: FxHashSet<&Uuid> = rows.qos.iter().filter(|q| q.kind == HTB).map(|q| &q.uuid).collect();
    let ruled = ports.filter(|p| p.qos.as_ref().is_some_and(|qos| htb.contains(qos))).map(|p| &p.name);
    Switched {
        made: bridges.chain(made).map(|name| IfName::from_kernel(name)).collect(),
        ruled: ruled.map(|name| IfName::from_kernel(name)).collect(),
    }
}

/// Adds what the rows show, beside these devices; `digest` says what flows a bridge has.
pub(crate) fn add(
    observed: &mut Observed,
    scope: &Scope,
    rows: &Rows,
    devices: &Devices,
    digest: &mut dyn FnMut(&str) -> Result<u64, HostError>,
) -> Result<(), HostError> {
    let look = Look::at(scope, rows, devices);
    for row in &rows.bridges {
        look.bridge(observed, row, digest)?;
    }
    for row in &rows.qos {
        look.qos(observed, row);
    }
    look.forget_our_udp_ports(&mut observed.facts.tunnel_ports);
    Ok(())
}

/// The labs that bridges are of.
pub(crate) fn labs(rows: &Rows) -> impl Iterator<Item = LabName> {
    rows.bridges.iter().filter_map(|row| marks::lab(&row.external_ids))
}

/// A port or bridge of ours that the switch could not open, with the reason; the first by name.
pub(crate) fn unopened(scope: &Scope, rows: &Rows) -> Option<(IfName, String)> {
    let devices = Devices::default();
    let look = Look::at(scope, rows, &devices);
    let bridges = rows.bridges.iter().filter(|row| marks::is_of(look.lab, &row.external_ids));
    let local: FxHashSet<&str> = bridges.map(|row| &*row.name).collect();
    let ours = |row: &&PortRow| marks::is_of(look.lab, &row.external_ids) || local.contains(&*row.name);
    rows.ports.iter().filter(ours).find_map(|row| Some((IfName::from_kernel(&row.name), look.fault(row)?)))
}

/// What is looked at, and where things are in it.
struct Look<'a> {
    lab: &'a LabName,
    asked: FxHashSet<&'a Key>,
    devices: &'a Devices,
    ports: FxHashMap<&'a Uuid, &'a PortRow>,
    interfaces: FxHashMap<&'a Uuid, &'a InterfaceRow>,
    mirrors: FxHashMap<&'a Uuid, &'a MirrorRow>,
    qos: FxHashMap<&'a Uuid, &'a QosRow>,
    controllers: FxHashMap<&'a Uuid, &'a str>,
    /// Patch ports and the ports that they lead to, by name.
    patches: BTreeMap<&'a str, &'a str>,
    /// Ports by the quality of service that they have.
    served: FxHashMap<&'a Uuid, &'a str>,
}

/// A fact, or what it was to be with the reason why it is not.
fn told(thing: Thing, fault: Option<String>) -> Resource {
    Resource::Ovs(match fault {
        None => thing,
        Some(what) => Thing::Stray(Box::new(OvsStray { of: thing, what: what.into() })),
    })
}

impl<'a> Look<'a> {
    fn at(scope: &'a Scope, rows: &'a Rows, devices: &'a Devices) -> Self {
        let patch = |row: &'a InterfaceRow| Some((&*row.name, row.options.get("peer")?.as_str()));
        Look {
            lab: &scope.lab,
            asked: scope.names.iter().collect(),
            devices,
            ports: rows.ports.iter().map(|row| (&row.uuid, row)).collect(),
            interfaces: rows.interfaces.iter().map(|row| (&row.uuid, row)).collect(),
            mirrors: rows.mirrors.iter().map(|row| (&row.uuid, row)).collect(),
            qos: rows.qos.iter().map(|row| (&row.uuid, row)).collect(),
            controllers: rows.controllers.iter().map(|row| (&row.uuid, &*row.target)).collect(),
            patches: rows.interfaces.iter().filter(|i| i.kind == "patch").filter_map(patch).collect(),
            served: rows.ports.iter().filter_map(|row| Some((row.qos.as_ref()?, &*row.name))).collect(),
        }
    }

    /// A bridge with all that is on it.
    fn bridge(
        &self,
        observed: &mut Observed,
        row: &'a BridgeRow,
        digest: &mut dyn FnMut(&str) -> Result<u64, HostError>,
    ) -> Result<(), HostError> {
        let name = IfName::from_kernel(&row.name);
        let ours = marks::is_of(self.lab, &row.external_ids);
        let ports: Vec<&PortRow> = row.ports.iter().filter_map(|uuid| self.ports.get(uuid).copied()).collect();
        let local = ports.iter().find(|port| port.name == row.name).copied();
        if ours {
            let (bridge, fault) = self.our_bridge(name, row, local);
            let whole = fault.is_none();
            observed.ours.insert(told(Thing::Bridge(Box::new(bridge)), fault));
            if let Some((file, kept)) = marks::noted_flows(&row.external_ids) {
                let same = whole && kept.is_some() && Some(digest(&row.name)?) == kept;
                let digest = if same { file } else { 0 };
                let flows = OvsFlows { bridge: name, digest, text: Default::default() };
                observed.ours.insert(Resource::Ovs(Thing::Flows(flows)));
            }
        } else {
            let device = Key::Device(DeviceId { netns: NetnsId::Host, name });
            let names = [Key::Ovs(OvsKey::Bridge(name)), Key::Ovs(OvsKey::Port(name)), device];
            self.foreign(observed, names, "OVS bridge", &row.external_ids, false);
        }
        for port in ports.into_iter().filter(|port| port.name != row.name) {
            self.port(observed, (name, ours), port);
        }
        for mirror in row.mirrors.iter().filter_map(|uuid| self.mirrors.get(uuid)) {
            if marks::is_of(self.lab, &mirror.external_ids) {
                let (mirror, fault) = self.our_mirror(name, mirror);
                observed.ours.insert(told(Thing::Mirror(mirror), fault));
            } else {
                let key = Key::Ovs(OvsKey::Mirror(name, mirror.name.as_str().into()));
                self.foreign(observed, [key], "OVS mirror", &mirror.external_ids, ours);
            }
        }
        Ok(())
    }

    fn our_bridge(&self, name: IfName, row: &BridgeRow, local: Option<&PortRow>) -> (OvsBridge, Option<String>) {
        let node = |text: &str| NodeName::new(text).ok();
        let named = row.external_ids.get(marks::NODE).and_then(|text| node(text)).or_else(|| node(&row.name));
        let mut other_config = row.other_config.clone();
        let mac = other_config.remove(HWADDR).and_then(|text| text.parse().ok());
        let datapath = match &*row.datapath_type {
            "" | "system" => Some(Datapath::System),
            "netdev" => Some(Datapath::Netdev),
            _ => None,
        };
        let bridge = OvsBridge {
            name,
            node: named.unwrap_or_else(|| NodeName::new("x").expect("a constant")),
            datapath: datapath.unwrap_or(Datapath::System),
            mac: mac.unwrap_or(Mac([0; 6])),
            fail_mode: row.fail_mode.as_deref().map(|mode| match mode {
                "secure" => FailMode::Secure,
                _ => FailMode::Standalone,
            }),
            stp: row.stp,
            rstp: row.rstp,
            protocols: row.protocols.iter().cloned().collect(),
            controllers: row
                .controllers
                .iter()
                .filter_map(|uuid| self.controllers.get(uuid))
                .map(|&target| target.to_owned())
                .collect(),
            other_config,
            tag: local.and_then(|port| port.tag).and_then(|tag| tag.try_into().ok()),
        };
        let fault = match (datapath, local) {
            (None, _) => Some(format!("there is no datapath `{}`", row.datapath_type)),
            (_, None) => Some("its local port is gone".to_owned()),
            (Some(_), Some(port)) => self.fault(port).or_else(|| self.unmade(name)),
        };
        (bridge, fault)
    }

    /// Why a device that the switch makes is none.
    fn unmade(&self, name: IfName) -> Option<String> {
        (!self.devices.made.contains(&name)).then(|| GONE.to_owned())
    }

    /// Why a device that others make is none.
    fn gone(&self, name: IfName) -> Option<String> {
        (!self.devices.all.contains(&name)).then(|| GONE.to_owned())
    }

    fn interface(&self, port: &PortRow) -> Option<&'a InterfaceRow> {
        let [interface] = &port.interfaces[..] else { return None };
        self.interfaces.get(interface).copied()
    }

    /// Why a port's interface is none. One half of a pair of patch ports is as it should be while there is no other.
    fn fault(&self, port: &PortRow) -> Option<String> {
        let Some(interface) = self.interface(port) else {
            return Some(format!("it has {} interfaces", port.interfaces.len()));
        };
        let alone = interface.kind == "patch" && {
            let peer = interface.options.get("peer").map(String::as_str);
            peer.is_none_or(|peer| self.patches.get(peer) != Some(&&*interface.name))
        };
        interface.fault().filter(|_| !alone).map(str::to_owned)
    }

    fn port(&self, observed: &mut Observed, (bridge, in_ours): (IfName, bool), row: &PortRow) {
        let name = IfName::from_kernel(&row.name);
        if !marks::is_of(self.lab, &row.external_ids) {
            let device = DeviceId { netns: NetnsId::Host, name };
            let second = self.interface(row).and_then(|i| match &*i.kind {
                "" | "system" => Some(Key::Port(device)),
                "internal" => Some(Key::Device(device)),
                kind => tunnels::name(kind, &i.options).map(|tunnel| Key::Ovs(OvsKey::Tunnel(tunnel))),
            });
            let names = std::iter::once(Key::Ovs(OvsKey::Port(name))).chain(second);
            return self.foreign(observed, names, "OVS port", &row.external_ids, in_ours);
        }
        let (port, fault) = self.our_port(name, bridge, row);
        observed.ours.insert(told(Thing::Port(Box::new(port)), fault));
        let Some(qos) = row.qos.as_ref().and_then(|uuid| self.qos.get(uuid)) else { return };
        let key = Key::Ovs(OvsKey::Qos(name));
        if marks::is_of(self.lab, &qos.external_ids) {
            let (max_rate, fault) = rate(qos);
            observed.ours.insert(told(Thing::Qos(OvsQos { port: name, max_rate }), fault));
        } else if self.asked.contains(&key) {
            // It is in the way on a port of ours.
            let of = Thing::Qos(OvsQos { port: name, max_rate: rate(qos).0 });
            observed.ours.insert(told(of, Some("it was made by hand".to_owned())));
        } else {
            self.foreign(observed, [key], "OVS QoS", &qos.external_ids, true);
        }
    }

    fn our_port(&self, name: IfName, bridge: IfName, row: &PortRow) -> (OvsPort, Option<String>) {
        let interface = self.interface(row);
        let kind = interface.map_or("", |i| &*i.kind);
        let peer = interface.and_then(|i| i.options.get("peer")).map(|peer| IfName::from_kernel(peer));
        let known = match (kind, peer) {
            ("" | "system", _) => Some(OvsPortKind::Device),
            ("internal", _) => {
                let mac = interface.and_then(|i| i.mac.as_deref()).and_then(|text| text.parse().ok());
                Some(OvsPortKind::Internal { mac: mac.unwrap_or(Mac([0; 6])) })
            }
            ("patch", Some(peer)) => Some(OvsPortKind::Patch { peer }),
            (_, _) => interface.and_then(|i| tunnels::read(kind, &i.options)).map(OvsPortKind::Tunnel),
        };
        let mode = match row.vlan_mode.as_deref() {
            None => Ok(None),
            Some("access") => Ok(Some(VlanMode::Access)),
            Some("trunk") => Ok(Some(VlanMode::Trunk)),
            Some("native-untagged") => Ok(Some(VlanMode::NativeUntagged)),
            Some(other) => Err(format!("its vlan_mode is {other}")),
        };
        let gone = match &known {
            Some(OvsPortKind::Device) => self.gone(name),
            Some(OvsPortKind::Internal { .. }) => self.unmade(name),
            Some(OvsPortKind::Patch { .. } | OvsPortKind::Tunnel(_)) | None => None,
        };
        let vid = |tag: i64| u16::try_from(tag).ok();
        let limit = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok()).unwrap_or(0);
        let port = OvsPort {
            name,
            bridge,
            tag: row.tag.and_then(vid),
            trunks: row.trunks.iter().copied().filter_map(vid).collect(),
            vlan_mode: mode.as_ref().copied().unwrap_or(None),
            protected: row.protected,
            policing_rate: limit(interface.map(|i| i.ingress_policing_rate)),
            policing_burst: limit(interface.map(|i| i.ingress_policing_burst)),
            kind: known.clone().unwrap_or(OvsPortKind::Device),
        };
        let unknown = || known.is_none().then(|| format!("its type is {kind}"));
        (port, gone.or_else(|| self.fault(row)).or_else(unknown).or_else(|| mode.err()))
    }

    fn our_mirror(&self, bridge: IfName, row: &MirrorRow) -> (Box<OvsMirror>, Option<String>) {
        let name = |uuid: &Uuid| self.ports.get(uuid).map(|port| IfName::from_kernel(&port.name));
        let names = |uuids: &[Uuid]| uuids.iter().filter_map(name).collect();
        let from = match row.select_all {
            true => MirrorFrom::All,
            false => MirrorFrom::Ports { from: names(&row.select_src_port), to: names(&row.select_dst_port) },
        };
        let to = row.output_port.as_ref().and_then(name);
        let fault = match to {
            None => Some("its output is gone"),
            Some(_) if !row.select_vlan.is_empty() || row.output_vlan.is_some() => Some("it selects VLANs"),
            Some(_) => None,
        };
        let mirror = OvsMirror { bridge, name: row.name.as_str().into(), from, to: to.unwrap_or(bridge) };
        (Box::new(mirror), fault.map(str::to_owned))
    }

    /// Takes out the UDP ports on which the kernel listens for tunnels of ours alone: its devices for that say of no tunnel whose it is.
    fn forget_our_udp_ports(&self, udp_ports: &mut BTreeMap<u16, TunnelPort>) {
        let mut users: BTreeMap<u16, bool> = BTreeMap::new();
        for port in self.ports.values() {
            let tunnel = self.interface(port).and_then(|i| tunnels::udp_port(&i.kind, &i.options));
            if let Some(udp) = tunnel {
                *users.entry(udp).or_insert(true) &= marks::is_of(self.lab, &port.external_ids);
            }
        }
        udp_ports.retain(|udp, user| {
            let is_datapath = user.external && user.device.as_str() == format!("vxlan_sys_{udp}");
            !(is_datapath && users.get(udp) == Some(&true))
        });
    }

    /// A quality of service that lies about: its port has gone, or has another.
    fn qos(&self, observed: &mut Observed, row: &QosRow) {
        if self.served.contains_key(&row.uuid) || !marks::is_of(self.lab, &row.external_ids) {
            return;
        }
        let port = row.external_ids.get(marks::PORT).map_or("", String::as_str);
        let thing = Thing::Qos(OvsQos { port: IfName::from_kernel(port), max_rate: rate(row).0 });
        observed.ours.insert(told(thing, Some("no port has it".to_owned())));
    }

    /// Something of others, if any of its names matters: one that is asked for, or any if it is on what is ours.
    fn foreign(
        &self,
        observed: &mut Observed,
        names: impl IntoIterator<Item = Key>,
        kind: &str,
        external_ids: &Map,
        in_ours: bool,
    ) {
        let lab = marks::lab(external_ids);
        let what = lab.as_ref().map_or_else(|| format!("{kind} made by hand"), |lab| format!("{kind} of lab {lab}"));
        for name in names.into_iter().filter(|name| in_ours || self.asked.contains(name)) {
            observed.others.insert(name, Foreign { what: what.as_str().into(), lab: lab.clone(), resource: None });
        }
    }
}

/// What a quality of service keeps to, and what is wrong with it.
fn rate(row: &QosRow) -> (Option<u64>, Option<String>) {
    let rate = row.other_config.get(MAX_RATE).and_then(|text| text.parse().ok());
    match (&*row.kind, rate) {
        (HTB, Some(rate)) => (Some(rate), None),
        (HTB, None) => (None, Some("it has no rate".to_owned())),
        (NOOP, _) => (None, None),
        (other, rate) => (rate, Some(format!("its type is {other}"))),
    }
}
