//! Which devices hear each other's frames.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use super::tables::{Domain, Domains};
use crate::resource::DeviceId;
use crate::state::HostState;

mod frames;

use frames::{At, Frames, Room};

/// For each device that can send: who hears it, by number; many devices share one set.
#[derive(Debug, Default)]
pub(super) struct Wires {
    heard_by: FxHashMap<DeviceId, usize>,
    audiences: Vec<Audience>,
}

/// Who hears something.
#[derive(Debug, Default)]
struct Audience {
    devices: FxHashSet<DeviceId>,
    /// The routing domains of those.
    domains: FxHashSet<Domain>,
}

impl Wires {
    pub(super) fn new(state: &HostState, domains: &Domains) -> Self {
        let frames = Frames::new(state);
        let mut wires = Wires::default();
        let mut known: FxHashMap<(Vec<&DeviceId>, BTreeSet<Room<'_>>), usize> = FxHashMap::default();
        let mut rooms: FxHashMap<Room<'_>, Vec<&DeviceId>> = FxHashMap::default();
        for device in frames.senders() {
            let near = frames.follow(vec![At::Out(device, Vec::new())], |_| false);
            let key = (near.listeners, near.rooms);
            let number = known.get(&key).copied().unwrap_or_else(|| {
                let mut all: FxHashSet<&DeviceId> = key.0.iter().copied().collect();
                for room in &key.1 {
                    let inside = rooms.entry(room.clone()).or_insert_with(|| {
                        let mut seen = frames.follow(vec![At::In(room.clone())], |_| true).listeners;
                        seen.sort();
                        seen
                    });
                    all.extend(inside.iter().copied());
                }
                let heard = all.iter().map(|id| domains.of(id)).collect();
                let devices = all.into_iter().cloned().collect();
                wires.audiences.push(Audience { devices, domains: heard });
                wires.audiences.len() - 1
            });
            known.insert(key, number);
            wires.heard_by.insert(device.clone(), number);
        }
        wires
    }

    /// Whether a device hears what another sends.
    pub(super) fn hears(&self, sender: &DeviceId, device: &DeviceId) -> bool {
        self.audience(sender).is_some_and(|audience| audience.devices.contains(device))
    }

    /// Whether any device of a routing domain hears what a device sends.
    pub(super) fn listens(&self, sender: &DeviceId, domain: &Domain) -> bool {
        self.audience(sender).is_some_and(|audience| audience.domains.contains(domain))
    }

    fn audience(&self, sender: &DeviceId) -> Option<&Audience> {
        self.audiences.get(*self.heard_by.get(sender)?)
    }
}
