//! Frames on their way: through veth pairs, bridges with and without VLANs, bonds, and devices that stand on others.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::resource::{
    Bridge, Device, DeviceId, IpvlanMode, Key, MacvlanMode, Port, PortVlans, Resource, Single, SingleKind, VlanProtocol,
};
use crate::state::HostState;

/// Tags of a frame, the outermost last.
type Tags = Vec<(VlanProtocol, u16)>;

/// More tags than anybody stacks: what goes round and round and gets a tag each time is lost.
const MOST_TAGS: usize = 4;

/// A frame inside of a bridge: whoever it came from is forgotten but for what it may not reach.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Room<'a> {
    bridge: &'a DeviceId,
    /// It came in by an isolated port.
    isolated: bool,
    /// The VLAN, where the bridge filters.
    vid: Option<u16>,
    tags: Tags,
}

/// Where a frame is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum At<'a> {
    /// It is sent by a device.
    Out(&'a DeviceId, Tags),
    /// It came in by a device.
    By(&'a DeviceId, Tags),
    /// It is inside of a bridge.
    In(Room<'a>),
}

/// What frames come to.
pub(super) struct Reached<'a> {
    /// Devices on which a network stack hears them, sorted.
    pub(super) listeners: Vec<&'a DeviceId>,
    /// Bridges that they came into and were not followed through.
    pub(super) rooms: BTreeSet<Room<'a>>,
}

/// The devices of a state, as frames meet them. What is not in the state stands for something that is up.
pub(super) struct Frames<'a> {
    state: &'a HostState,
    peers: FxHashMap<&'a DeviceId, &'a DeviceId>,
    members: FxHashMap<DeviceId, Vec<&'a Port>>,
    devices: Vec<&'a DeviceId>,
}

impl<'a> Frames<'a> {
    pub(super) fn new(state: &'a HostState) -> Self {
        let mut frames =
            Frames { state, peers: FxHashMap::default(), members: FxHashMap::default(), devices: Vec::new() };
        for (_, resource) in state.iter() {
            match resource {
                Resource::Device(Device::Veth(veth)) => {
                    let [a, b] = veth.ends();
                    frames.devices.extend([&a.id, &b.id]);
                    frames.peers.extend([(&a.id, &b.id), (&b.id, &a.id)]);
                }
                Resource::Device(Device::Bridge(Bridge { id, .. })) => frames.devices.push(id),
                Resource::Device(Device::Single(single)) => frames.devices.push(&single.id),
                Resource::Port(port) => frames.members.entry(port.master()).or_default().push(port),
                Resource::Netns(_)
                | Resource::Device(Device::Stray { .. })
                | Resource::Up(_)
                | Resource::PortVlans(_)
                | Resource::Qdisc(_)
                | Resource::Tuning(_)
                | Resource::Address(_)
                | Resource::Route(_)
                | Resource::Sysctl(_)
                | Resource::Ran(_) => {}
            }
        }
        frames
    }

    /// The devices that a network stack can send by.
    pub(super) fn senders(&self) -> impl Iterator<Item = &'a DeviceId> + '_ {
        self.devices.iter().copied().filter(|id| self.is_up(id) && !self.hands_over(id))
    }

    /// Follows frames from where they are, through bridges only where told.
    pub(super) fn follow(&self, mut todo: Vec<At<'a>>, through: impl Fn(&Room<'a>) -> bool) -> Reached<'a> {
        let mut seen: FxHashSet<At<'a>> = todo.iter().cloned().collect();
        let mut reached = Reached { listeners: Vec::new(), rooms: BTreeSet::new() };
        while let Some(at) = todo.pop() {
            let mut next = Vec::new();
            match at {
                At::Out(id, tags) => self.sent(id, tags, &mut next),
                At::By(id, tags) => {
                    if self.came_in(id, tags, &mut next) {
                        reached.listeners.push(id);
                    }
                }
                At::In(room) if through(&room) => self.inside(&room, &mut next),
                At::In(room) => _ = reached.rooms.insert(room),
            }
            todo.extend(next.into_iter().filter(|at| seen.insert(at.clone())));
        }
        reached.listeners.sort();
        reached.listeners.dedup();
        reached
    }

    fn is_up(&self, id: &DeviceId) -> bool {
        self.state.get(&Key::Up(id.clone())).is_some()
    }

    /// As the state says; a device that is not in it is up.
    fn may_be_up(&self, id: &DeviceId) -> bool {
        self.is_up(id) || self.device(id).is_none()
    }

    fn device(&self, id: &DeviceId) -> Option<&'a Device> {
        match self.state.holder(&Key::Device(id.clone()))? {
            Resource::Device(device) => Some(device),
            _ => None,
        }
    }

    fn port(&self, id: &DeviceId) -> Option<(&'a Port, &'a Device)> {
        match self.state.get(&Key::Port(id.clone()))? {
            Resource::Port(port) => Some((port, self.device(&port.master())?)),
            _ => None,
        }
    }

    /// A port of a bridge and a member of a bond hear nothing for themselves.
    fn hands_over(&self, id: &DeviceId) -> bool {
        match self.port(id) {
            Some((_, Device::Bridge(_))) => true,
            Some((_, Device::Single(single))) => matches!(single.kind, SingleKind::Bond(_)),
            Some((_, Device::Veth(_) | Device::Stray { .. })) | None => false,
        }
    }

    fn vlans(&self, id: &DeviceId) -> Option<&'a PortVlans> {
        match self.state.get(&Key::PortVlans(id.clone()))? {
            Resource::PortVlans(vlans) => Some(vlans),
            _ => None,
        }
    }

    /// What a device does with a frame that it is given to send.
    fn sent(&self, id: &'a DeviceId, mut tags: Tags, next: &mut Vec<At<'a>>) {
        if !self.may_be_up(id) {
            return;
        }
        match self.device(id) {
            Some(Device::Veth(_)) => {
                let peer = self.peers[id];
                next.extend(self.is_up(peer).then(|| At::By(peer, tags)));
            }
            Some(Device::Bridge(bridge)) => next.extend(self.enter(bridge, id, false, tags)),
            Some(Device::Single(single)) => match &single.kind {
                SingleKind::Vlan { vid, protocol, .. } => {
                    tags.push((*protocol, *vid));
                    let parent = self.parent(single).filter(|_| tags.len() <= MOST_TAGS);
                    next.extend(parent.map(|parent| At::Out(parent, tags)));
                }
                SingleKind::Macvlan { mode, .. } => {
                    if *mode == MacvlanMode::Bridge {
                        next.extend(self.siblings(single, &tags));
                    }
                    next.extend(self.parent(single).map(|parent| At::Out(parent, tags)));
                }
                SingleKind::Ipvlan { mode, .. } => {
                    next.extend(self.siblings(single, &tags));
                    // In the other modes nobody outside finds it by its address alone.
                    let outside = self.parent(single).filter(|_| *mode == IpvlanMode::L2);
                    next.extend(outside.map(|parent| At::Out(parent, tags)));
                }
                SingleKind::Bond(_) => {
                    let members = self.members.get(id).into_iter().flatten();
                    next.extend(members.map(|member| At::Out(&member.device, tags.clone())));
                }
                SingleKind::Dummy | SingleKind::Vrf { .. } => {}
            },
            Some(Device::Stray { .. }) | None => {}
        }
    }

    /// What becomes of a frame that came in; whether the device's own network stack hears it.
    fn came_in(&self, id: &'a DeviceId, mut tags: Tags, next: &mut Vec<At<'a>>) -> bool {
        if !self.is_up(id) {
            return false;
        }
        if let Some(&(protocol, vid)) = tags.last() {
            let takes = |s: &&Single| match &s.kind {
                SingleKind::Vlan { vid: own, protocol: of, .. } => (*of, *own) == (protocol, vid),
                SingleKind::Dummy
                | SingleKind::Macvlan { .. }
                | SingleKind::Ipvlan { .. }
                | SingleKind::Bond(_)
                | SingleKind::Vrf { .. } => false,
            };
            if let Some(vlan) = self.state.children(id).find(takes) {
                tags.pop();
                next.push(At::By(&vlan.id, tags));
                return false;
            }
        }
        match self.port(id) {
            Some((port, Device::Bridge(bridge))) => {
                next.extend(self.enter(bridge, id, port.settings.isolated, tags));
                return false;
            }
            Some((_, Device::Single(single))) if matches!(single.kind, SingleKind::Bond(_)) => {
                next.push(At::By(&single.id, tags));
                return false;
            }
            Some(_) | None => {}
        }
        let mut own = true;
        for child in self.state.children(id) {
            match &child.kind {
                SingleKind::Macvlan { mode, .. } => own &= *mode != MacvlanMode::Passthru,
                SingleKind::Ipvlan { mode: IpvlanMode::L2, .. } => {}
                SingleKind::Ipvlan { mode: IpvlanMode::L3 | IpvlanMode::L3s, .. }
                | SingleKind::Vlan { .. }
                | SingleKind::Dummy
                | SingleKind::Bond(_)
                | SingleKind::Vrf { .. } => continue,
            }
            next.push(At::By(&child.id, tags.clone()));
        }
        own && tags.is_empty()
    }

    /// The bridge takes a frame in, by a port or from its own network stack, if it is of a VLAN of that.
    fn enter(&self, bridge: &'a Bridge, by: &DeviceId, isolated: bool, mut tags: Tags) -> Option<At<'a>> {
        if !self.is_up(&bridge.id) {
            return None;
        }
        let vid = if bridge.vlan_filtering {
            let vlans = self.vlans(by)?;
            let vid = match tags.last() {
                Some(&(VlanProtocol::Q, vid)) => {
                    tags.pop();
                    vid
                }
                Some((VlanProtocol::Ad, _)) | None => vlans.pvid?,
            };
            vlans.each().find(|(had, _)| *had == vid)?;
            Some(vid)
        } else {
            None
        };
        Some(At::In(Room { bridge: &bridge.id, isolated, vid, tags }))
    }

    /// Out by all ports that may have it, and up to the bridge's own network stack.
    fn inside(&self, room: &Room<'a>, next: &mut Vec<At<'a>>) {
        let tagged = |id: &DeviceId| {
            let mut tags = room.tags.clone();
            if let Some(vid) = room.vid {
                let (_, untagged) = self.vlans(id)?.each().find(|(had, _)| *had == vid)?;
                if !untagged {
                    tags.push((VlanProtocol::Q, vid));
                }
            }
            Some(tags)
        };
        for port in self.members.get(room.bridge).into_iter().flatten() {
            if !(room.isolated && port.settings.isolated) {
                next.extend(tagged(&port.device).map(|tags| At::Out(&port.device, tags)));
            }
        }
        next.extend(tagged(room.bridge).map(|tags| At::By(room.bridge, tags)));
    }

    /// The device beneath, where the state has it.
    fn parent(&self, single: &Single) -> Option<&'a DeviceId> {
        let parent = single.kind.parent(&single.id)?;
        match self.device(&parent)? {
            Device::Veth(veth) => veth.ends().iter().map(|end| &end.id).find(|id| **id == parent),
            other => Some(other.id()),
        }
    }

    /// Those on the same parent that hear it within the driver.
    fn siblings(&self, single: &Single, tags: &Tags) -> Vec<At<'a>> {
        let Some(parent) = single.kind.parent(&single.id).filter(|parent| self.may_be_up(parent)) else {
            return Vec::new();
        };
        let hears = |other: &&Single| match (&single.kind, &other.kind) {
            (SingleKind::Macvlan { .. }, SingleKind::Macvlan { mode, .. }) => *mode == MacvlanMode::Bridge,
            (SingleKind::Ipvlan { .. }, SingleKind::Ipvlan { .. }) => true,
            _ => false,
        };
        let others = self.state.children(&parent).filter(|other| other.id != single.id).filter(hears);
        others.map(|other| At::By(&other.id, tags.clone())).collect()
    }
}
