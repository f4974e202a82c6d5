//! Devices in the host's own namespace that Open vSwitch has made, or rules.

use std::collections::BTreeSet;

use netsim_core::names::{IfName, LabName};
use netsim_core::resource::{Device, NetnsId, QdiscKind};

use rustc_hash::FxHashSet;

use super::device::{Kind, Link};
use super::{observe, qdisc};

/// The kind of the devices of its datapath in the kernel, among them the master of all ports.
const IN_KERNEL: &str = "openvswitch";

/// The kind of the devices of its datapath in user space.
const IN_USER_SPACE: &str = "tun";

/// What Open vSwitch has in the host's namespace for a lab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Switched {
    /// Devices that it makes, and deletes: those of bridges and of internal ports.
    pub(crate) made: BTreeSet<IfName>,
    /// Devices whose queueing discipline it gives.
    pub(crate) ruled: BTreeSet<IfName>,
}

/// The devices in the host's namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Devices {
    /// All of them.
    pub(crate) all: FxHashSet<IfName>,
    /// Those that Open vSwitch has made for rows of the lab.
    pub(crate) made: FxHashSet<IfName>,
}

impl Devices {
    pub(crate) fn of(links: &[Link]) -> Self {
        let made = links.iter().filter(|link| matches!(link.kind, Kind::Switched { .. }));
        Devices { all: links.iter().map(|link| link.name).collect(), made: made.map(|link| link.name).collect() }
    }
}

impl Switched {
    /// Takes devices that were made for the lab for its own, whether they bear its mark yet or not.
    pub(crate) fn adopt(&self, lab: &LabName, links: &mut [Link]) {
        for link in links.iter_mut().filter(|link| self.made.contains(&link.name) && is_made(link)) {
            link.kind = Kind::Switched { marked: observe::is_of_lab(lab, link) };
            link.group = lab.group();
        }
    }

    /// Whether Open vSwitch gave a device this queueing discipline.
    pub(crate) fn rules(&self, device: IfName, seen: &qdisc::Seen) -> bool {
        !seen.ours && self.ruled.contains(&device) && matches!(&seen.kind, QdiscKind::Other(kind) if &**kind == "htb")
    }
}

/// Whether Open vSwitch may have made a device.
fn is_made(link: &Link) -> bool {
    matches!(&link.kind, Kind::Other(kind) if [IN_KERNEL, IN_USER_SPACE].contains(&&**kind))
}

/// Whether Open vSwitch made a device that no row stands for any more.
pub(crate) fn is_left(device: &Device) -> bool {
    in_datapath(device).is_some() || what(device) == Some(&format!("{IN_USER_SPACE} device"))
}

/// The name of such a device if it is one of the datapath in the kernel, which that alone lets go.
pub(crate) fn in_datapath(device: &Device) -> Option<IfName> {
    (what(device) == Some(&format!("{IN_KERNEL} device"))).then(|| device.id().name)
}

fn what(device: &Device) -> Option<&str> {
    match device {
        Device::Stray { id, what } if id.netns == NetnsId::Host => Some(what),
        Device::Stray { .. } | Device::Veth(_) | Device::Bridge(_) | Device::Single(_) => None,
    }
}

/// Whether it is the master of all ports that the kernel moves packets for.
pub(crate) fn is_datapath(link: &Link) -> bool {
    matches!(&link.kind, Kind::Other(kind) if &**kind == IN_KERNEL)
}
