//! Other forms of what cannot be as it is.

use super::fits::mtu;
use super::routes::alone;
use super::{Master, master, masters, tunnels};
use crate::resource::{Device, NextHop, Port, PortSettings, Resource, Route, Single};
use crate::state::HostState;

/// Forms of the same thing that stand on less, or on something else.
pub(super) fn otherwise(resource: &Resource, state: &HostState) -> Vec<Resource> {
    match resource {
        Resource::Route(r) => {
            let with = |mut via: Vec<NextHop>| {
                alone(&mut via);
                Resource::Route(Route { via, ..r.clone() })
            };
            let fewer = (0..r.via.len()).filter(|_| r.via.len() > 1).map(|at| {
                let mut via = r.via.clone();
                via.remove(at);
                via
            });
            fewer.chain(r.via.iter().map(|hop| vec![hop.clone()])).map(with).collect()
        }
        Resource::Port(p) => {
            let here = masters(state).into_iter().filter(|to| to.netns == p.device.netns);
            let with = |to: crate::resource::DeviceId| {
                let settings = match master(state, &to) {
                    Some(Master::Bridge { .. }) => p.settings,
                    Some(Master::Bond | Master::Vrf { .. }) | None => PortSettings::default(),
                };
                Resource::Port(Port { device: p.device.clone(), master: to.name, settings })
            };
            here.map(with).collect()
        }
        // On a parent with a smaller MTU, or without IPv6.
        Resource::Device(Device::Single(s)) => {
            let below = s.kind.parent(&s.id).map(|parent| mtu(state, &parent));
            let Some(most) = below.or_else(|| tunnels::widest(&s.kind, state)) else { return Vec::new() };
            let link_local = s.link_local && super::devices::may_be_link_local(most);
            let narrow = Single { mtu: Some(most), link_local, ..(**s).clone() };
            vec![Resource::Device(Device::Single(Box::new(narrow)))]
        }
        Resource::Netns(_)
        | Resource::Device(_)
        | Resource::Up(_)
        | Resource::PortVlans(_)
        | Resource::Qdisc(_)
        | Resource::Tuning(_)
        | Resource::Address(_)
        | Resource::Sysctl(_)
        | Resource::Ran(_)
        | Resource::Fdb(_)
        | Resource::Neighbour(_)
        | Resource::Ovs(_) => Vec::new(),
    }
}
