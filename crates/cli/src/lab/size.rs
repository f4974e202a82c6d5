//! How large a lab is: on one of its hosts, and as a whole.

use std::collections::BTreeSet;

use netsim_core::given::{Given, GivenEnd, Prior};
use netsim_core::lower::netns_of;
use netsim_core::names::{HostId, IfName};
use netsim_core::resource::{Device, DeviceId, Key, NetnsId, Ovs, OvsKey, OvsPort, OvsPortKind, Resource, SingleKind};
use netsim_core::state::HostState;
use netsim_core::topology::{Link, Topology};
use netsim_host::store::Applied;

use super::{Wanted, wanted};

/// How large a lab is on one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Namespaces, and bridges in the host's.
    pub nodes: usize,
    /// Pairs of devices, and of patch ports.
    pub links: usize,
    /// Ends of links to other hosts.
    pub tunnels: usize,
}

/// How much there is of a lab.
pub fn size(ours: &HostState) -> Size {
    let count = |of: fn(&Resource) -> bool| ours.iter().filter(|(_, r)| of(r)).count();
    let patches = count(|r| matches!(r, Resource::Ovs(Ovs::Port(p)) if is_patch(p)));
    let pairs = count(|r| matches!(r, Resource::Device(Device::Veth(_))));
    Size { nodes: count(is_node), links: pairs + patches.div_ceil(2), tunnels: count(is_tunnel) }
}

fn is_patch(port: &OvsPort) -> bool {
    matches!(port.kind, OvsPortKind::Patch { .. })
}

fn is_node(resource: &Resource) -> bool {
    match resource {
        Resource::Netns(_) | Resource::Ovs(Ovs::Bridge(_)) => true,
        Resource::Ovs(Ovs::Stray(stray)) => matches!(stray.of, Ovs::Bridge(_)),
        Resource::Ovs(Ovs::Port(_) | Ovs::Mirror(_) | Ovs::Qos(_) | Ovs::Flows(_)) => false,
        Resource::Device(Device::Bridge(bridge)) => bridge.id.netns == NetnsId::Host,
        Resource::Device(Device::Veth(_) | Device::Single(_) | Device::Stray { .. }) => false,
        Resource::Up(_) | Resource::Port(_) | Resource::PortVlans(_) | Resource::Qdisc(_) | Resource::Tuning(_) => {
            false
        }
        Resource::Address(_) | Resource::Route(_) | Resource::Sysctl(_) | Resource::Ran(_) => false,
        Resource::Fdb(_) | Resource::Neighbour(_) => false,
    }
}

/// Whether it is an end of a link to another host.
fn is_tunnel(resource: &Resource) -> bool {
    let is_kind = |kind: &SingleKind| matches!(kind, SingleKind::Vxlan(_) | SingleKind::Gretap(_) | SingleKind::Gre(_));
    let is_device = matches!(resource, Resource::Device(Device::Single(single)) if is_kind(&single.kind));
    is_device || matches!(resource, Resource::Ovs(Ovs::Port(port)) if matches!(port.kind, OvsPortKind::Tunnel(_)))
}

/// How large a lab is on all its hosts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// Namespaces, and bridges in the hosts' own.
    pub nodes: usize,
    /// Pairs of devices and of patch ports, and what joins hosts: that is one link, however many ends it has.
    pub links: usize,
    /// Of the links, those between hosts.
    pub between: usize,
}

/// How much there is of a lab on these hosts; `topology` is placed.
pub fn total<'a>(
    topology: &Topology,
    given: &Given,
    on: impl Iterator<Item = (&'a HostId, &'a HostState)> + Clone,
) -> Total {
    let graph = &topology.graph;
    let is_there = |link: &Link, end: &GivenEnd| {
        let near = link.ends[0].node;
        let netns = netns_of(topology, near);
        let mut ours = on.clone().filter(|(id, _)| graph[near].is_on(id)).map(|(_, ours)| ours);
        ours.any(|ours| {
            let has = |name: IfName| {
                let is_port = netns == NetnsId::Host && ours.get(&Key::Ovs(OvsKey::Port(name))).is_some();
                is_port || ours.get(&Key::Device(DeviceId { netns: netns.clone(), name })).is_some()
            };
            devices(end).into_iter().any(|(name, _)| has(name))
        })
    };
    let there = between_hosts(topology, given).filter(|(link, end)| is_there(link, end));
    let overlays: BTreeSet<_> = there.map(|(link, _)| link.ends[1].node).collect();
    let between = overlays.len();
    on.fold(Total { nodes: 0, links: between, between }, |sum, (_, ours)| {
        let Size { nodes, links, .. } = size(ours);
        Total { nodes: sum.nodes + nodes, links: sum.links + links, ..sum }
    })
}

/// How large a lab is as it was applied, on the hosts that may still have something of it; none where that cannot be worked out any more.
pub fn as_applied(topology: &Topology, applied: &Applied) -> Option<Total> {
    let Wanted { topology, given, desired } =
        wanted(topology, &applied.places, &Prior::default(), &applied.facts).ok()?;
    let members = applied.members();
    Some(total(&topology, &given, desired.iter().filter(|(id, _)| members.contains_key(*id))))
}

/// The ends of links between hosts, each as a link to what joins them, with what its near end is given.
pub fn between_hosts<'a>(
    topology: &'a Topology,
    given: &'a Given,
) -> impl Iterator<Item = (&'a Link, &'a GivenEnd)> + 'a {
    let graph = &topology.graph;
    let links = graph.edge_indices().map(|edge| (&graph[edge], &given.ends[edge.index()][0]));
    links.filter(|(link, _)| graph[link.ends[1].node].overlay().is_some())
}

/// The devices that an end of a link between hosts is, with their names for people: of a bridge of Open vSwitch a port for each other host.
pub fn devices(end: &GivenEnd) -> Vec<(IfName, &str)> {
    match &end.members[..] {
        [] => vec![(end.kernel, &end.interface)],
        members => members.iter().map(|member| (member.kernel, member.interface.as_str())).collect(),
    }
}
