//! What the machine does not have: settings, devices beneath others, processors.

use std::collections::BTreeMap;

use super::{codes, refusal};
use crate::names::{IfName, SysctlName};
use crate::plan::Refusal;
use crate::resource::{Datapath, Device, DeviceId, Key, NetnsId, Ovs, OvsKey, Resource, SingleKind, Sysctl, Tuning};
use crate::state::{HostState, Observed};
use crate::suggest::{any_of, nearest};

/// A setting that the kernel does not have.
pub(super) fn sysctl(wanted: &Resource, observed: &Observed) -> Option<Refusal> {
    let Resource::Sysctl(Sysctl { netns, name, .. }) = wanted else { return None };
    let near = observed.facts.no_sysctl.get(&(netns.clone(), name.clone()))?;
    let message = format!("this kernel has no setting {name} in {netns}");
    let hint = match &**near {
        [] => format!("see what there is under /proc/sys/{}", parent(&name.path())),
        near => format!("did you mean {}?", any_of(near.iter().map(SysctlName::as_str))),
    };
    Some(refusal(codes::NO_SYSCTL, &wanted.key(), message, hint))
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The device of the machine on which something shall stand, and that is not there. Where nobody looked, nothing is known to be missing.
pub(super) fn missing_nic(wanted: &Resource, desired: &HostState, observed: &Observed) -> Option<IfName> {
    let Resource::Device(Device::Single(single)) = wanted else { return None };
    let below = single.kind.parent(&single.id).or_else(|| single.kind.underlay());
    let nic: DeviceId = below.filter(|below| below.netns == NetnsId::Host)?;
    let name = Key::Device(nic.clone());
    let nics = &observed.facts.nics;
    let stays = nics.contains_key(&nic.name) && observed.ours.holder(&name).is_none();
    (!observed.facts.kernel.is_empty() && desired.holder(&name).is_none() && !stays).then_some(nic.name)
}

/// One refusal for each device that is missing.
pub(super) fn no_nics(missing: BTreeMap<IfName, Vec<Key>>, observed: &Observed) -> impl Iterator<Item = Refusal> + '_ {
    let there = || {
        let nics = observed.facts.nics.keys().filter(|nic| **nic != IfName::LO);
        let others = nics.filter(|nic| {
            let id = DeviceId { netns: NetnsId::Host, name: **nic };
            observed.ours.holder(&Key::Device(id)).is_none()
        });
        others.map(IfName::as_str)
    };
    missing.into_iter().map(move |(nic, needed_by)| {
        let message = format!("this machine has no device {nic}");
        let hint = match nearest(nic.as_str(), there()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if there().next().is_none() => "see `ip link`; this machine has no device to stand on".to_owned(),
            None => format!("name one that it has: {}", any_of(there())),
        };
        let first = needed_by[0].clone();
        Refusal { needed_by, ..refusal(codes::NO_NIC, &first, message, hint) }
    })
}

/// A UDP port that a plain VXLAN device and one that takes the network from each packet would share: the kernel gives each sort a socket of its own, and
/// one port to one socket (`vxlan_find_sock`).
pub(super) fn udp_port(wanted: &Resource, desired: &HostState, observed: &Observed) -> Option<Refusal> {
    let (port, external) = match wanted {
        Resource::Device(Device::Single(single)) => {
            let SingleKind::Vxlan(vxlan) = &single.kind else { return None };
            (vxlan.port, false)
        }
        Resource::Ovs(Ovs::Port(port)) => {
            let bridge = desired.get(&Key::Ovs(OvsKey::Bridge(port.bridge)));
            let system =
                |ovs: &Resource| matches!(ovs, Resource::Ovs(Ovs::Bridge(b)) if b.datapath == Datapath::System);
            (port.vxlan_port().filter(|_| bridge.is_some_and(system))?, true)
        }
        _ => return None,
    };
    let other = observed.facts.tunnel_ports.get(&port).filter(|other| other.external != external)?;
    let sort = if other.external { "takes all networks" } else { "takes one network" };
    let message = format!("UDP port {port} is used by device {}, which {sort}: {} cannot", other.device, wanted.key());
    let hint = "write another `port:`; Open vSwitch and VXLAN devices of the kernel cannot share one".to_owned();
    Some(refusal(codes::UDP_PORT, &wanted.key(), message, hint))
}

/// A CPU that the machine does not have. Where nobody looked, none is known to be missing.
pub(super) fn cpus(wanted: &Resource, observed: &Observed) -> Option<Refusal> {
    let Resource::Tuning(Tuning { device, knob, value }) = wanted else { return None };
    let cpus = observed.facts.cpus;
    let greatest = value.rsplit([',', '-']).next().filter(|_| knob.takes_cpus() && cpus > 0);
    let greatest: u32 = greatest?.parse().ok()?;
    if greatest < cpus {
        return None;
    }
    let message = format!("{knob} of {device} names CPU {greatest}, and this machine has no CPU beyond {}", cpus - 1);
    let hint = format!("name CPUs from 0 to {}", cpus - 1);
    Some(refusal(codes::NO_CPU, &wanted.key(), message, hint))
}
