//! What a kernel must be able to do for a resource.

use crate::resource::{Datapath, Device, Gre, Ovs, OvsPortKind, QdiscKind, Resource, SingleKind};
use crate::state::Feature;

pub(in crate::resource) fn features(resource: &Resource) -> Vec<Feature> {
    match resource {
        Resource::Device(Device::Veth(_)) => vec![Feature::Veth],
        Resource::Device(Device::Bridge(bridge)) => {
            let filtering = bridge.vlan_filtering.then_some(Feature::VlanFiltering);
            std::iter::once(Feature::Bridge).chain(filtering).collect()
        }
        Resource::Device(Device::Single(single)) => single_features(&single.kind),
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
        Resource::Neighbour(n) if n.address.is_ipv6() => vec![Feature::Ipv6],
        Resource::Route(r) if r.via.len() > 1 => vec![Feature::Multipath],
        // Without IPv6 the kernel's datapath hangs with a tunnel over it for half a minute and more.
        Resource::Ovs(Ovs::Port(port)) if is_over_ipv6(&port.kind) => vec![Feature::Ipv6],
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
        | Resource::Ovs(_)
        | Resource::Fdb(_)
        | Resource::Neighbour(_) => Vec::new(),
    }
}

fn is_over_ipv6(kind: &OvsPortKind) -> bool {
    matches!(kind, OvsPortKind::Tunnel(tunnel) if tunnel.local.is_ipv6())
}

fn single_features(kind: &SingleKind) -> Vec<Feature> {
    let gre = |gre: &Gre| if gre.local.is_ipv4() { vec![Feature::Gre] } else { vec![Feature::Gre6] };
    match kind {
        SingleKind::Dummy => vec![Feature::Dummy],
        SingleKind::Vlan { .. } => vec![Feature::Vlan],
        SingleKind::Macvlan { .. } => vec![Feature::Macvlan],
        SingleKind::Ipvlan { .. } => vec![Feature::Ipvlan],
        SingleKind::Bond(_) => vec![Feature::Bond],
        SingleKind::Vrf { .. } => vec![Feature::Vrf],
        SingleKind::Vxlan(vxlan) => {
            let ipv6 = vxlan.local.is_ipv6().then_some(Feature::Ipv6);
            std::iter::once(Feature::Vxlan).chain(ipv6).collect()
        }
        SingleKind::Gretap(tap) => gre(tap),
        SingleKind::Gre(packets) => gre(packets),
    }
}
