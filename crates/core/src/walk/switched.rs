//! What frames do in bridges of Open vSwitch that learn and that no flows rule.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::wires::Tags;
use crate::names::IfName;
use crate::resource::{DeviceId, NetnsId, Ovs, OvsPort, OvsPortKind, OvsTunnel, VlanMode, VlanProtocol};

/// The VLAN of frames without a tag that no port puts into one.
const UNTAGGED: u16 = 0;

/// All bridges and their ports, in the host's namespace.
#[derive(Debug, Default)]
pub(super) struct Switched {
    ports: BTreeMap<IfName, Port>,
    /// Ports by bridge.
    bridges: FxHashMap<IfName, Vec<IfName>>,
    /// Ports that copies leave by: nothing else passes them.
    outputs: FxHashSet<IfName>,
}

#[derive(Debug)]
struct Port {
    bridge: IfName,
    leads: Leads,
    tag: Option<u16>,
    trunks: Vec<u16>,
    mode: VlanMode,
    protected: bool,
}

/// What is behind a port.
#[derive(Debug)]
enum Leads {
    Device,
    Machine,
    Patch(IfName),
    Tunnel(OvsTunnel),
}

/// Where a frame comes out.
pub(super) enum Exit {
    /// Out of a device.
    Device(IfName, Tags),
    /// Into the machine itself, by a device that Open vSwitch made.
    Machine(IfName, Tags),
    /// Into a tunnel.
    Tunnel(OvsTunnel, Tags),
}

impl Port {
    fn of(port: &OvsPort) -> Self {
        let leads = match &port.kind {
            OvsPortKind::Device => Leads::Device,
            OvsPortKind::Internal { .. } => Leads::Machine,
            OvsPortKind::Patch { peer } => Leads::Patch(*peer),
            OvsPortKind::Tunnel(tunnel) => Leads::Tunnel(tunnel.clone()),
        };
        // Without a mode a tag alone is that of an access port (ovs-vswitchd.conf.db(5), Port `vlan_mode`).
        let by_tag = if port.tag.is_some() && port.trunks.is_empty() { VlanMode::Access } else { VlanMode::Trunk };
        let mode = port.vlan_mode.unwrap_or(by_tag);
        Port { bridge: port.bridge, leads, tag: port.tag, trunks: port.trunks.clone(), mode, protected: port.protected }
    }

    fn carries(&self, vid: u16) -> bool {
        self.trunks.is_empty() || self.trunks.contains(&vid)
    }

    /// The VLAN of a frame that comes in, and what tags are left; none if it is dropped.
    fn enter(&self, mut tags: Tags) -> Option<(u16, Tags)> {
        let tagged = match tags.first() {
            Some((VlanProtocol::Q, vid)) => Some(*vid),
            Some((VlanProtocol::Ad, _)) | None => None,
        };
        let vid = match (self.mode, tagged) {
            (VlanMode::Access, Some(_)) => return None,
            (VlanMode::Access, None) => return Some((self.tag.unwrap_or(UNTAGGED), tags)),
            (VlanMode::Trunk, None) => UNTAGGED,
            (VlanMode::NativeUntagged, None) => self.tag.unwrap_or(UNTAGGED),
            (VlanMode::Trunk | VlanMode::NativeUntagged, Some(vid)) => {
                tags.remove(0);
                vid
            }
        };
        (self.carries(vid) || self.tag == Some(vid)).then_some((vid, tags))
    }

    /// The tags of a frame of a VLAN that leaves; none if it does not.
    fn leave(&self, vid: u16, mut tags: Tags) -> Option<Tags> {
        let tagged = match self.mode {
            VlanMode::Access => return (self.tag.unwrap_or(UNTAGGED) == vid).then_some(tags),
            VlanMode::Trunk => vid != UNTAGGED,
            VlanMode::NativeUntagged => vid != self.tag.unwrap_or(UNTAGGED),
        };
        if !self.carries(vid) && self.tag != Some(vid) {
            return None;
        }
        if tagged {
            tags.insert(0, (VlanProtocol::Q, vid));
        }
        Some(tags)
    }
}

impl Switched {
    /// Takes in what matters to frames; gives back the device that it makes.
    pub(super) fn add(&mut self, ovs: &Ovs) -> Option<DeviceId> {
        let (name, port) = match ovs {
            Ovs::Bridge(bridge) => {
                let mode = if bridge.tag.is_some() { VlanMode::Access } else { VlanMode::Trunk };
                let local = Port {
                    bridge: bridge.name,
                    leads: Leads::Machine,
                    tag: bridge.tag,
                    trunks: Vec::new(),
                    mode,
                    protected: false,
                };
                (bridge.name, local)
            }
            Ovs::Port(port) => (port.name, Port::of(port)),
            Ovs::Mirror(mirror) => {
                self.outputs.insert(mirror.to);
                return None;
            }
            Ovs::Qos(_) | Ovs::Flows(_) | Ovs::Stray(_) => return None,
        };
        let made = matches!(port.leads, Leads::Machine).then(|| DeviceId { netns: NetnsId::Host, name });
        self.bridges.entry(port.bridge).or_default().push(name);
        self.ports.insert(name, port);
        made
    }

    /// Whether what comes in by a device goes into a bridge.
    pub(super) fn takes(&self, device: &DeviceId) -> bool {
        let port = self.ports.get(&device.name).filter(|_| device.netns == NetnsId::Host);
        port.is_some_and(|port| matches!(port.leads, Leads::Device))
    }

    /// Where a frame comes out that goes in by a port: of its bridge, and of those that patch ports lead on to.
    pub(super) fn pass(&self, port: IfName, tags: Tags) -> Vec<Exit> {
        let mut exits = Vec::new();
        let mut seen = FxHashSet::default();
        let mut todo = vec![(port, tags)];
        while let Some((by, tags)) = todo.pop() {
            let Some(entry) = self.ports.get(&by).filter(|_| !self.outputs.contains(&by)) else { continue };
            let Some((vid, tags)) = entry.enter(tags) else { continue };
            if !seen.insert((by, vid, tags.clone())) {
                continue;
            }
            for name in self.bridges.get(&entry.bridge).into_iter().flatten().filter(|name| **name != by) {
                let Some(port) = self.ports.get(name).filter(|_| !self.outputs.contains(name)) else { continue };
                if entry.protected && port.protected {
                    continue;
                }
                let Some(tags) = port.leave(vid, tags.clone()) else { continue };
                match &port.leads {
                    Leads::Device => exits.push(Exit::Device(*name, tags)),
                    Leads::Machine => exits.push(Exit::Machine(*name, tags)),
                    Leads::Patch(peer) => todo.push((*peer, tags)),
                    Leads::Tunnel(tunnel) => exits.push(Exit::Tunnel(tunnel.clone(), tags)),
                }
            }
        }
        exits
    }
}
