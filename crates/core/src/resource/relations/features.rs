//! What a kernel must be able to do for a resource.

use crate::resource::{Datapath, Device, Ovs, QdiscKind, Resource, SingleKind};
use crate::state::Feature;

pub(in crate::resource) fn features(resource: &Resource) -> Vec<Feature> {
    match resource {
        Resource::Fdb(_) | Resource::Neighbour(_) => todo!("hosts"),
        Resource::Device(Device::Veth(_)) => vec![Feature::Veth],
        Resource::Device(Device::Bridge(bridge)) => {
            let filtering = bridge.vlan_filtering.then_some(Feature::VlanFiltering);
            std::iter::once(Feature::Bridge).chain(filtering).collect()
        }
        Resource::Device(Device::Single(single)) => vec![match single.kind {
            SingleKind::Vxlan(_) | SingleKind::Gretap(_) | SingleKind::Gre(_) => todo!("hosts"),
            SingleKind::Dummy => Feature::Dummy,
            SingleKind::Vlan { .. } => Feature::Vlan,
            SingleKind::Macvlan { .. } => Feature::Macvlan,
            SingleKind::Ipvlan { .. } => Feature::Ipvlan,
            SingleKind::Bond(_) => Feature::Bond,
            SingleKind::Vrf { .. } => Feature::Vrf,
        }],
        Resource::Qdisc(qdisc) => match &qdisc.kind {
            QdiscKind::Netem(netem) => {
                let seed = netem.seed.map(|_| Feature::NetemSeed);
                std::iter::once(Feature::Netem).chain(seed).collect()
            }
            QdiscKind::Tbf(_) => vec![Feature::Tbf],
            QdiscKind::Other(_) => Vec::new(),
        },
        Resource::Tuning(tuning) if tuning.knob.takes_cpus() => vec![Feature::CpuMasks],
        Resource::Tuning(_) => vec![Feature::Ethtool],
        Resource::Address(a) if a.net.addr().is_ipv6() => vec![Feature::Ipv6],
        Resource::Route(r) if r.via.len() > 1 => vec![Feature::Multipath],
        Resource::Ovs(Ovs::Bridge(bridge)) if bridge.datapath == Datapath::System => vec![Feature::OpenVswitch],
        Resource::Netns(_)
        | Resource::Device(Device::Stray { .. })
        | Resource::Up(_)
        | Resource::Port(_)
        | Resource::PortVlans(_)
        | Resource::Address(_)
        | Resource::Route(_)
        | Resource::Sysctl(_)
        | Resource::Ran(_)
        | Resource::Ovs(_) => Vec::new(),
    }
}
