//! Why something goes and comes again.

use std::collections::HashSet;

use netsim_core::resource::{Device, Key, Ovs, Resource, Single, SingleKind};
use netsim_core::state::HostState;

use super::{count, words};
use crate::planned::Names;

/// Why `from` is replaced by `to`: the field that cannot change in place, or what it goes along with.
pub fn reason(from: &Resource, to: &Resource, before: &HostState, gone: &HashSet<Key>, names: &Names) -> String {
    if !from.can_become(to)
        && let Some(field) = field(from, to, names)
    {
        return field;
    }
    let along = from.owners(before).into_iter().chain(from.needs(before).into_iter().flat_map(|n| n.0));
    let along = along.filter_map(|k| before.holder(&k)).find(|other| gone.contains(&other.key()));
    match along {
        Some(other) => format!("goes along with {}", words::noun(other, names, None)),
        None => "the kernel drops it on the way".to_owned(),
    }
}

fn field(from: &Resource, to: &Resource, names: &Names) -> Option<String> {
    match (from, to) {
        (Resource::Ovs(a), Resource::Ovs(b)) => ovs(a, b, names),
        (Resource::Device(a), Resource::Device(b)) => device(a, b, names),
        (Resource::Netns(a), Resource::Netns(b)) if !a.mounted && b.mounted => {
            Some("an interrupted run left it half made".to_owned())
        }
        (Resource::Netns(a), Resource::Netns(b)) => Some(format!("it is node {} now, was {}", b.node, a.node)),
        (Resource::Address(a), Resource::Address(b)) => {
            Some(format!("its prefix length becomes /{}, was /{}", b.net.prefix_len(), a.net.prefix_len()))
        }
        (Resource::Ran(_), Resource::Ran(_)) => Some("its command changed".to_owned()),
        (
            Resource::Netns(_)
            | Resource::Device(_)
            | Resource::Up(_)
            | Resource::Port(_)
            | Resource::PortVlans(_)
            | Resource::Qdisc(_)
            | Resource::Tuning(_)
            | Resource::Address(_)
            | Resource::Route(_)
            | Resource::Sysctl(_)
            | Resource::Ran(_)
            | Resource::Ovs(_)
            | Resource::Fdb(_)
            | Resource::Neighbour(_),
            _,
        ) => None,
    }
}

/// What Open vSwitch cannot change about what is there, or netsim does not.
fn ovs(from: &Ovs, to: &Ovs, names: &Names) -> Option<String> {
    match (from, to) {
        (Ovs::Bridge(a), Ovs::Bridge(b)) => {
            let [was, is] = [a, b].map(|bridge| words::ovs::datapath(bridge.datapath));
            Some(format!("its datapath becomes {is}, was {was}: Open vSwitch remakes the bridge for that"))
        }
        (Ovs::Port(a), Ovs::Port(b)) if a.bridge != b.bridge => {
            let [was, is] = [a, b].map(|port| names.ovs_node(port.bridge));
            Some(format!("it moves from OVS bridge {was} to {is}"))
        }
        (Ovs::Port(a), Ovs::Port(b)) => {
            let [was, is] = [a, b].map(|port| words::ovs::port_word(&port.kind));
            Some(format!("it becomes a {is}, was a {was}").replace("a internal", "an internal"))
        }
        (Ovs::Stray(stray), _) => Some(stray.what.to_string()),
        (Ovs::Bridge(_) | Ovs::Port(_) | Ovs::Mirror(_) | Ovs::Qos(_) | Ovs::Flows(_), _) => None,
    }
}

/// What a kernel cannot change about a device that is there.
fn device(from: &Device, to: &Device, names: &Names) -> Option<String> {
    match (from, to) {
        (Device::Veth(a), Device::Veth(b)) => {
            let moved = a.ends().iter().zip(b.ends()).find(|(a, b)| a.id != b.id);
            let queues = a.ends().iter().zip(b.ends()).find(|(a, b)| a.queues != b.queues);
            let moved = moved.map(|(a, b)| {
                format!("its end {} becomes {}, which needs a new pair", names.end(&a.id), names.end(&b.id))
            });
            moved.or_else(|| {
                let (a, b) = queues?;
                let end = names.end(&b.id);
                Some(format!("{end} gets {}, had {}: {QUEUES}", count(b.queues as usize, "queue"), a.queues))
            })
        }
        (Device::Single(a), Device::Single(b)) if a.kind.name() == b.kind.name() => single(a, b, names),
        (Device::Veth(_) | Device::Bridge(_) | Device::Single(_) | Device::Stray { .. }, _) => {
            Some(format!("a {} cannot become a {}", kind(from), kind(to))).filter(|_| kind(from) != kind(to))
        }
    }
}

const QUEUES: &str = "the kernel fixes the number of queues when the pair is made";

fn single(a: &Single, b: &Single, names: &Names) -> Option<String> {
    let parents = a.kind.parent(&a.id).zip(b.kind.parent(&b.id)).filter(|(a, b)| a != b);
    if let Some((was, is)) = parents {
        let [was, is] = [was, is].map(|id| names.end(&id));
        return Some(format!("it moves from {was} to {is}, which needs a new {}", kind_of(b)));
    }
    if let Some(changes) = words::tunnel_changes(a, b) {
        return changes.0.first().map(|change| format!("{change}: the kernel fixes that when a tunnel is made"));
    }
    let (was, is) = (words::sort(a)?, words::sort(b)?);
    let why = match &b.kind {
        SingleKind::Vxlan(_) | SingleKind::Gretap(_) | SingleKind::Gre(_) => return None,
        SingleKind::Dummy => return None,
        SingleKind::Vlan { .. } => "the kernel fixes a VLAN device's tag when it is made",
        SingleKind::Macvlan { .. } => "the kernel neither enters nor leaves passthru on a device that is there",
        SingleKind::Ipvlan { .. } => return None,
        SingleKind::Bond(_) => "a bond with members keeps its mode",
        SingleKind::Vrf { .. } => "the kernel fixes a VRF's table when it is made",
    };
    Some(format!("{was} becomes {is}: {why}"))
}

fn kind_of(single: &Single) -> &'static str {
    match &single.kind {
        SingleKind::Vlan { .. } => "VLAN device",
        SingleKind::Vxlan(_) => "VXLAN device",
        SingleKind::Gretap(_) | SingleKind::Gre(_) => "GRE device",
        SingleKind::Vrf { .. } => "VRF",
        SingleKind::Dummy | SingleKind::Macvlan { .. } | SingleKind::Ipvlan { .. } | SingleKind::Bond(_) => {
            single.kind.name()
        }
    }
}

fn kind(device: &Device) -> &str {
    match device {
        Device::Veth(_) => "veth pair",
        Device::Bridge(_) => "bridge",
        Device::Single(single) => kind_of(single),
        Device::Stray { what, .. } => what,
    }
}
