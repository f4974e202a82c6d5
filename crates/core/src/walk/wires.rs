//! Which devices hear each other's frames: through veth pairs and bridges that are up.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::resource::{Device, DeviceId, Key, NetnsId, Resource};
use crate::state::HostState;

/// Wires by number: devices with one number hear each other.
#[derive(Debug, Default)]
pub(super) struct Wires {
    labels: FxHashMap<DeviceId, u32>,
    listening: FxHashSet<(NetnsId, u32)>,
}

impl Wires {
    pub(super) fn new(state: &HostState) -> Self {
        let is_up = |id: &DeviceId| state.get(&Key::Up(id.clone())).is_some();
        let mut joined: FxHashMap<DeviceId, Vec<DeviceId>> = FxHashMap::default();
        let mut ports: FxHashSet<&DeviceId> = FxHashSet::default();
        let mut devices: Vec<DeviceId> = Vec::new();
        for (_, resource) in state.iter() {
            let pair = match resource {
                Resource::Device(Device::Veth(veth)) => {
                    let [a, b] = veth.ends();
                    devices.extend([a.id.clone(), b.id.clone()]);
                    [a.id.clone(), b.id.clone()]
                }
                Resource::Device(Device::Bridge(bridge)) => {
                    devices.push(bridge.id.clone());
                    continue;
                }
                Resource::Port(port) => {
                    ports.insert(&port.device);
                    [port.device.clone(), DeviceId { netns: port.device.netns.clone(), name: port.master }]
                }
                Resource::Netns(_)
                | Resource::Device(Device::Single(_) | Device::Stray { .. })
                | Resource::Up(_)
                | Resource::PortVlans(_)
                | Resource::Qdisc(_)
                | Resource::Tuning(_)
                | Resource::Address(_)
                | Resource::Route(_)
                | Resource::Sysctl(_)
                | Resource::Ran(_)
                | Resource::Ovs(_) => continue,
            };
            if pair.iter().all(is_up) {
                let [a, b] = pair;
                joined.entry(a.clone()).or_default().push(b.clone());
                joined.entry(b).or_default().push(a);
            }
        }
        let mut wires = Wires::default();
        let mut reached: FxHashMap<DeviceId, u32> = FxHashMap::default();
        for (label, device) in (0..).zip(devices.iter().filter(|id| is_up(id))) {
            let mut todo = vec![device];
            while let Some(device) = todo.pop() {
                if reached.contains_key(device) {
                    continue;
                }
                reached.insert(device.clone(), label);
                todo.extend(joined.get(device).into_iter().flatten());
            }
        }
        // A port hands its frames to the bridge: it hears nothing for itself.
        for (device, label) in reached.into_iter().filter(|(device, _)| !ports.contains(device)) {
            wires.listening.insert((device.netns.clone(), label));
            wires.labels.insert(device, label);
        }
        wires
    }

    /// The wire that a device hears, if any.
    pub(super) fn of(&self, device: &DeviceId) -> Option<u32> {
        self.labels.get(device).copied()
    }

    /// Whether a namespace has a device on a wire.
    pub(super) fn listens(&self, netns: &NetnsId, wire: u32) -> bool {
        self.listening.contains(&(netns.clone(), wire))
    }
}
