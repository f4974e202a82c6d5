//! Which devices hear each other's frames: a frame is let go at one and followed through all that is up.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::switched::{Exit, Switched};
use super::tunnels::{Door, Tunnels};
use crate::names::{IfName, Mac};
use crate::resource::{
    Device, DeviceId, IpvlanMode, MacvlanMode, NetnsId, Port, PortVlans, Resource, SingleKind, VlanProtocol,
};
use crate::state::HostState;

/// A frame's tags, the outermost first.
pub(super) type Tags = Vec<(VlanProtocol, u16)>;

/// The devices of all hosts as frames see them.
#[derive(Debug, Default)]
pub(super) struct Wires {
    hosts: Vec<Host>,
    tunnels: Tunnels,
    /// What was found out before.
    heard: RefCell<FxHashMap<(At, Option<Mac>), Heard>>,
}

/// The devices that hear a frame.
type Heard = Rc<BTreeSet<At>>;

/// A device of one of the hosts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) host: usize,
    pub(super) device: DeviceId,
}

/// The devices of a host.
#[derive(Debug, Default)]
struct Host {
    devices: FxHashMap<DeviceId, Kind>,
    up: FxHashSet<DeviceId>,
    ports: FxHashMap<DeviceId, Port>,
    members: FxHashMap<DeviceId, Vec<DeviceId>>,
    vlans: FxHashMap<DeviceId, PortVlans>,
    ovs: Switched,
    /// What stands on a device.
    above: FxHashMap<DeviceId, Vec<DeviceId>>,
    macs: FxHashMap<DeviceId, Mac>,
}

/// What a device is to a frame.
#[derive(Debug, Clone)]
enum Kind {
    Veth {
        peer: DeviceId,
    },
    Bridge {
        filters: bool,
    },
    Single(SingleKind),
    /// A device of Open vSwitch.
    Switched,
}

/// A frame on its way.
struct Frame<'a> {
    wires: &'a Wires,
    /// For an Ethernet address, or for everybody.
    aimed: Option<Mac>,
    /// Where it is.
    host: usize,
    heard: BTreeSet<At>,
    /// The bridges that it came into: by which port, in which VLAN, with which tags beneath.
    seen: FxHashSet<(usize, DeviceId, Option<DeviceId>, u16, Tags)>,
}

impl Wires {
    /// Takes in the next host.
    pub(super) fn add(&mut self, state: &HostState) {
        self.tunnels.add(self.hosts.len(), state);
        self.hosts.push(Host::new(state));
    }

    /// Whether packets of one device come in by another, and those of that one here.
    pub(super) fn hear_each_other(&self, a: &At, b: &At) -> bool {
        self.hears(a, b) && self.hears(b, a)
    }

    /// The devices of a namespace that hear a device, and it them.
    pub(super) fn within(&self, device: &At, host: usize, netns: &NetnsId) -> Vec<DeviceId> {
        let there = self.heard(device, None);
        let there = there.iter().filter(|other| other.host == host && other.device.netns == *netns);
        there.filter(|other| self.hear_each_other(device, other)).map(|other| other.device.clone()).collect()
    }

    /// Where packets come out that leave by a device of GRE for a neighbour; none where the device carries frames.
    pub(super) fn packets(&self, from: &At, neighbour: IpAddr) -> Option<Option<At>> {
        let Some(Kind::Single(SingleKind::Gre(gre))) = self.hosts[from.host].devices.get(&from.device) else {
            return None;
        };
        let out = self.tunnels.out_of_gre(from.host, &from.device, gre, neighbour);
        let out = out.map(|(host, device)| At { host, device });
        Some(out.filter(|out| self.hosts[from.host].is_up(&from.device) && self.hosts[out.host].is_up(&out.device)))
    }

    /// Whether what a device sends to everybody is heard at another, and what it sends to that one's address.
    fn hears(&self, from: &At, to: &At) -> bool {
        let mac = self.hosts[to.host].macs.get(&to.device).filter(|_| self.tunnels.aim());
        self.heard(from, None).contains(to) && mac.is_none_or(|mac| self.heard(from, Some(*mac)).contains(to))
    }

    fn heard(&self, from: &At, aimed: Option<Mac>) -> Heard {
        let question = (from.clone(), aimed);
        if let Some(known) = self.heard.borrow().get(&question) {
            return Rc::clone(known);
        }
        let (heard, seen) = (BTreeSet::new(), FxHashSet::default());
        let mut frame = Frame { wires: self, aimed, host: from.host, heard, seen };
        frame.leave(&from.device, Vec::new());
        let heard = Rc::new(frame.heard);
        self.heard.borrow_mut().insert(question, Rc::clone(&heard));
        heard
    }
}

impl Host {
    fn new(state: &HostState) -> Self {
        let mut wires = Host::default();
        for (_, resource) in state.iter() {
            match resource {
                Resource::Device(Device::Veth(veth)) => {
                    wires.macs.extend(veth.ends().iter().map(|end| (end.id.clone(), end.mac)));
                    let [a, b] = veth.ends().each_ref().map(|end| end.id.clone());
                    wires.devices.insert(a.clone(), Kind::Veth { peer: b.clone() });
                    wires.devices.insert(b, Kind::Veth { peer: a });
                }
                Resource::Device(Device::Bridge(bridge)) => {
                    wires.macs.insert(bridge.id.clone(), bridge.mac);
                    wires.devices.insert(bridge.id.clone(), Kind::Bridge { filters: bridge.vlan_filtering });
                }
                Resource::Device(Device::Single(single)) => {
                    if let Some(parent) = single.kind.parent(&single.id) {
                        wires.above.entry(parent).or_default().push(single.id.clone());
                    }
                    wires.macs.extend(single.mac.map(|mac| (single.id.clone(), mac)));
                    wires.devices.insert(single.id.clone(), Kind::Single(single.kind.clone()));
                }
                Resource::Ovs(ovs) => {
                    if let Some(device) = wires.ovs.add(ovs) {
                        wires.devices.insert(device, Kind::Switched);
                    }
                }
                Resource::Port(port) => {
                    wires.members.entry(port.master()).or_default().push(port.device.clone());
                    wires.ports.insert(port.device.clone(), port.clone());
                }
                Resource::PortVlans(vlans) => {
                    wires.vlans.insert(vlans.device.clone(), vlans.clone());
                }
                Resource::Up(device) => {
                    wires.up.insert(device.clone());
                }
                Resource::Netns(_)
                | Resource::Device(Device::Stray { .. })
                | Resource::Qdisc(_)
                | Resource::Tuning(_)
                | Resource::Address(_)
                | Resource::Route(_)
                | Resource::Sysctl(_)
                | Resource::Fdb(_)
                | Resource::Neighbour(_)
                | Resource::Ran(_) => {}
            }
        }
        wires
    }

    fn is_up(&self, device: &DeviceId) -> bool {
        self.up.contains(device)
    }

    /// Whether a device has a carrier: of a veth pair the other end is up too.
    fn carries(&self, device: &DeviceId) -> bool {
        let far_is_up = match self.devices.get(device) {
            Some(Kind::Veth { peer }) => self.is_up(peer),
            Some(Kind::Bridge { .. } | Kind::Single(_) | Kind::Switched) | None => true,
        };
        self.is_up(device) && far_is_up
    }

    fn children(&self, device: &DeviceId) -> impl Iterator<Item = (&DeviceId, &SingleKind)> {
        self.above.get(device).into_iter().flatten().filter_map(|child| match self.devices.get(child) {
            Some(Kind::Single(kind)) => Some((child, kind)),
            Some(Kind::Veth { .. } | Kind::Bridge { .. } | Kind::Switched) | None => None,
        })
    }
}

impl<'a> Frame<'a> {
    fn here(&self) -> &'a Host {
        &self.wires.hosts[self.host]
    }

    /// Out of tunnels, with what they carry.
    fn come_out(&mut self, doors: Vec<(usize, Door)>, tags: &Tags) {
        let here = self.host;
        for (host, door) in doors {
            self.host = host;
            match door {
                Door::Device(device) => self.arrive(&device, tags.clone()),
                Door::Port(port) => self.switched(port, tags.clone()),
            }
        }
        self.host = here;
    }

    /// Out of a device.
    fn leave(&mut self, device: &DeviceId, mut tags: Tags) {
        let wires = self.here();
        if !wires.is_up(device) {
            return;
        }
        match wires.devices.get(device) {
            None => {}
            Some(Kind::Veth { peer }) => self.arrive(peer, tags),
            Some(Kind::Switched) => self.switched(device.name, tags),
            Some(Kind::Bridge { filters: false }) => self.forward(device, None, 0, tags),
            Some(Kind::Bridge { filters: true }) => {
                if let Some(vid) = self.vlan_of(device, &mut tags) {
                    self.forward(device, None, vid, tags);
                }
            }
            Some(Kind::Single(kind)) => match kind {
                SingleKind::Vxlan(vxlan) => {
                    let doors = self.wires.tunnels.out_of_vxlan(self.host, device, vxlan, self.aimed);
                    self.come_out(doors, &tags);
                }
                SingleKind::Gretap(gre) => {
                    let doors = self.wires.tunnels.out_of_gretap(self.host, gre);
                    self.come_out(doors, &tags);
                }
                // It carries no frames.
                SingleKind::Gre(_) | SingleKind::Dummy | SingleKind::Vrf { .. } => {}
                SingleKind::Vlan { vid, protocol, .. } => {
                    tags.insert(0, (*protocol, *vid));
                    self.leave(&kind.parent(device).expect("a VLAN is on a device"), tags);
                }
                SingleKind::Macvlan { parent, mode } => {
                    if *mode == MacvlanMode::Bridge {
                        self.reach_siblings(device, parent, &tags);
                    }
                    self.leave_nic(parent, tags);
                }
                SingleKind::Ipvlan { parent, mode } => {
                    self.reach_siblings(device, parent, &tags);
                    if *mode == IpvlanMode::L2 {
                        self.leave_nic(parent, tags);
                    }
                }
                SingleKind::Bond(_) => {
                    let members = wires.members.get(device).into_iter().flatten();
                    if let Some(member) = members.into_iter().find(|member| wires.carries(member)) {
                        self.leave(member, tags);
                    }
                }
            },
        }
    }

    /// Out of what a macvlan or ipvlan device stands on; what is behind a NIC of the machine nobody knows.
    fn leave_nic(&mut self, parent: &DeviceId, tags: Tags) {
        if self.here().devices.contains_key(parent) {
            self.leave(parent, tags);
        }
    }

    /// To the others on a parent that take frames of their like.
    fn reach_siblings(&mut self, device: &DeviceId, parent: &DeviceId, tags: &Tags) {
        let takes = |kind: &SingleKind| {
            matches!(kind, SingleKind::Macvlan { mode: MacvlanMode::Bridge, .. } | SingleKind::Ipvlan { .. })
        };
        let wires = self.here();
        for (sibling, _) in wires.children(parent).filter(|(id, kind)| *id != device && takes(kind)) {
            self.arrive(sibling, tags.clone());
        }
    }

    /// Into a device.
    fn arrive(&mut self, device: &DeviceId, mut tags: Tags) {
        let wires = self.here();
        if !wires.is_up(device) {
            return;
        }
        if let Some(&(protocol, vid)) = tags.first() {
            let is_for = |kind: &SingleKind| matches!(kind, SingleKind::Vlan { vid: v, protocol: p, .. } if (*v, *p) == (vid, protocol));
            if let Some((vlan, _)) = wires.children(device).find(|(_, kind)| is_for(kind)) {
                tags.remove(0);
                return self.arrive(vlan, tags);
            }
        }
        if wires.ovs.takes(device) {
            return self.switched(device.name, tags);
        }
        if let Some(port) = wires.ports.get(device) {
            let master = port.master();
            match wires.devices.get(&master) {
                Some(Kind::Bridge { filters }) => return self.bridged(&master, *filters, device, tags),
                Some(Kind::Single(SingleKind::Bond(_))) => return self.arrive(&master, tags),
                Some(Kind::Single(_) | Kind::Veth { .. } | Kind::Switched) | None => {}
            }
        }
        for (child, kind) in wires.children(device) {
            let takes = match kind {
                SingleKind::Macvlan { .. } | SingleKind::Ipvlan { mode: IpvlanMode::L2, .. } => true,
                SingleKind::Ipvlan { mode: IpvlanMode::L3 | IpvlanMode::L3s, .. } | SingleKind::Vlan { .. } => false,
                SingleKind::Dummy | SingleKind::Bond(_) | SingleKind::Vrf { .. } => false,
                SingleKind::Vxlan(_) | SingleKind::Gretap(_) | SingleKind::Gre(_) => false,
            };
            if takes {
                self.arrive(child, tags.clone());
            }
        }
        if tags.is_empty() {
            self.heard.insert(At { host: self.host, device: device.clone() });
        }
    }

    /// Into a bridge by a port.
    fn bridged(&mut self, bridge: &DeviceId, filters: bool, port: &DeviceId, mut tags: Tags) {
        if !self.here().is_up(bridge) {
            return;
        }
        if !filters {
            return self.forward(bridge, Some(port), 0, tags);
        }
        if let Some(vid) = self.vlan_of(port, &mut tags) {
            self.forward(bridge, Some(port), vid, tags);
        }
    }

    /// The VLAN that a frame is in that comes by a port, or from the bridge itself; its tag is taken off.
    fn vlan_of(&self, port: &DeviceId, tags: &mut Tags) -> Option<u16> {
        let vlans = self.here().vlans.get(port)?;
        match tags.first() {
            Some(&(VlanProtocol::Q, vid)) => {
                tags.remove(0);
                vlans.each().any(|(v, _)| v == vid).then_some(vid)
            }
            Some((VlanProtocol::Ad, _)) | None => vlans.pvid,
        }
    }

    /// Into a bridge of Open vSwitch by a port, and out of it by the others; a patch port leads into the next one.
    fn switched(&mut self, port: IfName, tags: Tags) {
        let wires = self.here();
        let way_in = DeviceId { netns: NetnsId::Host, name: port };
        if !self.seen.insert((self.host, way_in, None, 0, tags.clone())) {
            return;
        }
        for exit in wires.ovs.pass(port, tags) {
            match exit {
                Exit::Device(name, tags) => self.leave(&DeviceId { netns: NetnsId::Host, name }, tags),
                Exit::Machine(name, tags) => self.arrive(&DeviceId { netns: NetnsId::Host, name }, tags),
                Exit::Tunnel(tunnel, tags) => {
                    let doors = self.wires.tunnels.out_of_ovs(self.host, &tunnel);
                    self.come_out(doors, &tags);
                }
            }
        }
    }

    /// From a bridge to its other ports and to itself.
    fn forward(&mut self, bridge: &DeviceId, by: Option<&DeviceId>, vid: u16, tags: Tags) {
        if !self.seen.insert((self.host, bridge.clone(), by.cloned(), vid, tags.clone())) {
            return;
        }
        let wires = self.here();
        let filters = matches!(wires.devices.get(bridge), Some(Kind::Bridge { filters: true }));
        let passes = |device: &DeviceId| match filters {
            false => Some(false),
            true => wires.vlans.get(device)?.each().find(|(v, _)| *v == vid).map(|(_, untagged)| !untagged),
        };
        let isolated = |port: &DeviceId| wires.ports.get(port).is_some_and(|port| port.settings.isolated);
        let hairpin = |port: &DeviceId| wires.ports.get(port).is_some_and(|port| port.settings.hairpin);
        for port in wires.members.get(bridge).into_iter().flatten() {
            let back = by == Some(port) && !hairpin(port);
            if back || by.is_some_and(|by| isolated(by) && isolated(port)) {
                continue;
            }
            if let Some(tagged) = passes(port) {
                let mut tags = tags.clone();
                if tagged {
                    tags.insert(0, (VlanProtocol::Q, vid));
                }
                self.leave(port, tags);
            }
        }
        if let (true, Some(tagged)) = (by.is_some(), passes(bridge)) {
            let tag = tagged.then_some((VlanProtocol::Q, vid));
            self.arrive(bridge, tag.into_iter().chain(tags).collect());
        }
    }
}
