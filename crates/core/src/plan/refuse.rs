//! What is in the way of a plan, told before anything is touched.

use std::collections::BTreeMap;

use super::{Fate, Fates, Refusal};
use crate::names::IfName;
use crate::problem::Code;
use crate::resource::{Key, OvsKey, OvsTunnelKind, Resource};
use crate::state::{Feature, Foreign, HostState, Observed};

mod beneath;
mod machine;

use beneath::Beneath;

/// The codes of refusals.
pub mod codes {
    use crate::problem::Code;

    /// A wanted name is held by somebody else.
    pub const TAKEN: Code = Code(70);
    /// The kernel lacks a feature.
    pub const NO_FEATURE: Code = Code(71);
    /// The kernel has no such setting.
    pub const NO_SYSCTL: Code = Code(72);
    /// Another lab has borrowed the same thing and set it otherwise.
    pub const BORROWED_OTHERWISE: Code = Code(73);
    /// The machine has no such device to stand on, or to send by.
    pub const NO_NIC: Code = Code(74);
    /// The machine has no such CPU.
    pub const NO_CPU: Code = Code(75);
    /// A UDP port is used for another sort of VXLAN.
    pub const UDP_PORT: Code = Code(76);
}

pub(super) fn refusals(desired: &HostState, observed: &Observed, fates: &Fates) -> Vec<Refusal> {
    let ours = &observed.ours;
    let mut found = Vec::new();
    let mut lacking: BTreeMap<Feature, Vec<Key>> = BTreeMap::new();
    let mut missing: BTreeMap<IfName, Vec<Key>> = BTreeMap::new();
    let beneath = Beneath::of(observed);
    for (key, wanted) in desired.iter() {
        let stands = ours.get_full(key).filter(|(at, _)| fates.of_position(*at) != Fate::Gone).map(|(_, now)| now);
        if stands == Some(wanted) {
            continue;
        }
        // What is updated keeps its names; but it may need what the kernel lacks.
        let held = wanted.claims().into_iter().filter(|_| stands.is_none());
        let held = held.filter_map(|name| Some((observed.others.get(&name)?, name)));
        // What is of Open vSwitch holds a name there and that of its device: one of them tells.
        let most = if matches!(wanted, Resource::Ovs(_)) { 1 } else { usize::MAX };
        for (foreign, name) in held.take(most) {
            if !stands_on_taken(wanted, desired, observed) {
                found.extend(taken(wanted, &name, foreign));
            }
        }
        if stands.is_none() {
            found.extend(beneath.in_the_way(wanted, desired, ours, fates));
            found.extend(machine::udp_port(wanted, desired, observed));
        }
        for feature in wanted.features().into_iter().filter(|f| observed.facts.lacks.contains(f)) {
            lacking.entry(feature).or_default().push(key.clone());
        }
        found.extend(machine::sysctl(wanted, observed));
        found.extend(machine::cpus(wanted, observed));
        if let Some(nic) = machine::missing_nic(wanted, desired, observed) {
            missing.entry(nic).or_default().push(key.clone());
        }
    }
    for (feature, needed_by) in lacking {
        let (what, option) = feature.names();
        let message = format!("this kernel has no {what} ({option})");
        let hint = match feature {
            Feature::NetemSeed => format!("use {option} or later, or take `seed` away"),
            Feature::Gre | Feature::Gre6 => "load the module, or write `vxlan`".to_owned(),
            Feature::OpenVswitch => "load the module, or write `datapath: netdev`".to_owned(),
            Feature::CpuMasks => {
                "run as the machine's root on a kernel with CONFIG_RPS, or take the masks away".to_owned()
            }
            Feature::Veth
            | Feature::Bridge
            | Feature::Ipv6
            | Feature::Multipath
            | Feature::VlanFiltering
            | Feature::Vlan
            | Feature::Macvlan
            | Feature::Ipvlan
            | Feature::Dummy
            | Feature::Bond
            | Feature::Vrf
            | Feature::Netem
            | Feature::Tbf
            | Feature::Ethtool
            | Feature::Vxlan => format!("load the module, or use a kernel with {option}"),
        };
        let first = needed_by[0].clone();
        found.push(Refusal { needed_by, ..refusal(codes::NO_FEATURE, &first, message, hint) });
    }
    found.extend(machine::no_nics(missing, observed));
    found.sort_by(|a, b| (a.code, &a.key).cmp(&(b.code, &b.key)));
    found
}

/// Whether what it needs is somebody else's, which is told of that: an address on a bridge of another lab.
fn stands_on_taken(wanted: &Resource, desired: &HostState, observed: &Observed) -> bool {
    let needs = wanted.needs(desired);
    let mut names = needs.iter().flat_map(|need| &need.0);
    names.any(|name| desired.holder(name).is_some() && observed.others.contains_key(name))
}

fn taken(wanted: &Resource, name: &Key, foreign: &Foreign) -> Option<Refusal> {
    let lent = foreign.resource.as_ref().filter(|now| now.can_be_lent() && wanted.can_be_lent());
    let (code, message, hint) = match (lent, &foreign.lab) {
        (Some(now), Some(lab)) if now != wanted => (
            codes::BORROWED_OTHERWISE,
            format!("{name} is set otherwise by lab {lab}"),
            format!("give it the same value in both labs, or run `netsim destroy {lab}`"),
        ),
        (Some(_), _) => return None,
        (None, Some(lab)) => {
            let message = format!("{name} is taken by lab {lab}");
            (
                codes::TAKEN,
                message,
                format!("{}, or run `netsim destroy {lab}`", otherwise(name, "rename one of the two")),
            )
        }
        (None, None) => {
            let message = format!("{name} is taken: {}", foreign.what);
            let other = otherwise(name, "choose another name");
            (codes::TAKEN, message, format!("remove it or {other}; netsim never touches what it did not make"))
        }
    };
    Some(Refusal { lab: foreign.lab.clone(), ..refusal(code, name, message, hint) })
}

/// What a lab does to have another name; of what has a name that people choose, this.
fn otherwise<'a>(name: &Key, chosen: &'a str) -> &'a str {
    match name {
        Key::Vni { .. } => "write another `vni:`",
        Key::Gre(_) => "write another `key:`",
        Key::Ovs(OvsKey::Tunnel(tunnel)) => match tunnel.kind {
            OvsTunnelKind::Vxlan { .. } | OvsTunnelKind::Geneve { .. } => "write another `vni:`",
            OvsTunnelKind::Gre => "write another `key:`",
        },
        Key::Netns(_)
        | Key::Device(_)
        | Key::Up(_)
        | Key::Port(_)
        | Key::PortVlans(_)
        | Key::Qdisc(_)
        | Key::Tuning(..)
        | Key::Address(..)
        | Key::Route { .. }
        | Key::Sysctl(..)
        | Key::Ran(..)
        | Key::Ovs(OvsKey::Bridge(_) | OvsKey::Port(_) | OvsKey::Mirror(..) | OvsKey::Qos(_) | OvsKey::Flows(_))
        | Key::Fdb(..)
        | Key::Neighbour(..) => chosen,
    }
}

fn refusal(code: Code, key: &Key, message: String, hint: String) -> Refusal {
    Refusal { code: code.0, key: key.clone(), lab: None, message, hint: Some(hint), needed_by: Vec::new() }
}

impl Feature {
    /// What it is called, and the kernel's option for it.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Feature::Veth => ("veth", "CONFIG_VETH"),
            Feature::Bridge => ("bridge", "CONFIG_BRIDGE"),
            Feature::Ipv6 => ("IPv6", "CONFIG_IPV6"),
            Feature::Multipath => ("multipath routes", "CONFIG_IP_ROUTE_MULTIPATH"),
            Feature::VlanFiltering => ("VLAN filtering on bridges", "CONFIG_BRIDGE_VLAN_FILTERING"),
            Feature::Vlan => ("802.1Q devices", "CONFIG_VLAN_8021Q"),
            Feature::Macvlan => ("macvlan", "CONFIG_MACVLAN"),
            Feature::Ipvlan => ("ipvlan", "CONFIG_IPVLAN"),
            Feature::Dummy => ("dummy devices", "CONFIG_DUMMY"),
            Feature::Bond => ("bonds", "CONFIG_BONDING"),
            Feature::Vrf => ("VRFs", "CONFIG_NET_VRF"),
            Feature::Netem => ("netem", "CONFIG_NET_SCH_NETEM"),
            Feature::NetemSeed => ("seed for netem", "Linux 6.6"),
            Feature::Tbf => ("tbf", "CONFIG_NET_SCH_TBF"),
            Feature::Ethtool => ("ethtool over netlink", "CONFIG_ETHTOOL_NETLINK"),
            Feature::OpenVswitch => ("datapath of Open vSwitch", "CONFIG_OPENVSWITCH"),
            Feature::Vxlan => ("VXLAN", "CONFIG_VXLAN"),
            Feature::Gre => ("GRE", "CONFIG_NET_IPGRE"),
            Feature::Gre6 => ("GRE over IPv6", "CONFIG_IPV6_GRE"),
            Feature::CpuMasks => ("RPS and XPS masks that we may set", "CONFIG_RPS"),
        }
    }
}
