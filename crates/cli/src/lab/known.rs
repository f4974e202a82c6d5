//! What is known of a lab's hosts: before they are asked, once they have answered, and of those that do not.

use std::net::{IpAddr, Ipv4Addr};

use netsim_core::given::{Prior, give};
use netsim_core::names::{HostId, IfName, NodeName};
use netsim_core::place::{Places, place};
use netsim_core::resource::{Device, NetnsId, Ovs, Resource};
use netsim_core::state::{Facts, HostFacts, HostState, Nic, Observed};
use netsim_core::topology::{On, Topology};

use super::Seen;
use crate::file;
use crate::hosts::{Hosts, Members, are_far};

/// What hosts that nobody has asked yet are taken to have, so that a guess at what they should have names what they will be asked for: an address in
/// the underlay each (of 198.18.0.0/15, RFC 2544), and room for every MTU. This machine alone needs none.
pub fn supposed(members: &Members, topology: &Topology) -> HostFacts {
    if !are_far(members) {
        return HostFacts::default();
    }
    let facts = |(n, id): (u32, &HostId)| {
        let address = IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 1)) + n));
        let device = topology.hosts.get(id).and_then(|written| written.device);
        let device = device.unwrap_or_else(|| IfName::shortened("underlay"));
        let net = format!("{address}/15").parse().expect("an address and a prefix length");
        let nic = Nic { mtu: 65_535, up: true, addresses: vec![net] };
        let facts = Facts {
            reached: Some(address),
            default_nic: Some(device),
            nics: [(device, nic)].into(),
            ..Facts::default()
        };
        (id.clone(), facts)
    };
    (0..).zip(members.keys()).map(facts).collect()
}

/// Where nodes are: where they were found; on hosts that did not answer, where they were when the lab was applied.
pub(super) fn places(hosts: &Hosts, seen: &Seen) -> Places {
    let mut places = hosts.places();
    // One that was found nowhere is free to go elsewhere.
    places.retain(|_, host| seen.down.contains_key(host));
    let stored = hosts.places();
    for (id, (observed, _)) in &seen.found {
        for node in nodes(&observed.ours) {
            // While a node moves it may be on two hosts: it goes where it was to go.
            let is_meant = stored.get(&node) == Some(id);
            if is_meant || !places.contains_key(&node) {
                places.insert(node, id.clone());
            }
        }
    }
    places
}

/// Where a placed topology's nodes are.
pub fn placed(topology: &Topology) -> Places {
    let place = |node: &netsim_core::topology::Node| match (&node.on, node.overlay()) {
        (On::Host(host), None) => Some((node.name.clone(), host.clone())),
        (On::Host(_) | On::Auto | On::Each(_), _) => None,
    };
    topology.graph.node_weights().filter_map(place).collect()
}

/// The nodes that a host has something of, by its marks.
fn nodes(ours: &HostState) -> Vec<NodeName> {
    let mut nodes = Vec::new();
    for (_, resource) in ours.iter() {
        if let Resource::Netns(netns) = resource {
            nodes.push(netns.node.clone());
        } else if let Resource::Ovs(Ovs::Bridge(bridge)) = resource {
            nodes.push(bridge.node.clone());
        } else if let Resource::Device(Device::Bridge(bridge)) = resource
            && bridge.id.netns == NetnsId::Host
        {
            nodes.extend(NodeName::new(bridge.full_name.as_deref().unwrap_or(bridge.id.name.as_str())));
        }
    }
    nodes
}

/// The names and addresses that nodes have: as they were found; on hosts that did not answer, as they were when the lab was applied.
pub(super) fn prior(hosts: &Hosts, seen: &Seen) -> Prior {
    let mut prior = Prior::default();
    if !seen.down.is_empty() {
        prior = stored(hosts).unwrap_or_default();
    }
    add(&mut prior, prior_of(seen.found.iter().map(|(id, (observed, _))| (id, observed))));
    prior
}

/// The names and addresses that nodes were found to have.
pub(super) fn prior_of<'a>(found: impl Iterator<Item = (&'a HostId, &'a Observed)>) -> Prior {
    Prior::from_states(found.map(|(id, observed)| (id, &observed.ours)))
}

fn add(prior: &mut Prior, more: Prior) {
    let Prior { interfaces, own, loopbacks, machines } = more;
    prior.interfaces.extend(interfaces);
    prior.own.extend(own);
    prior.loopbacks.extend(loopbacks);
    prior.machines.extend(machines);
}

fn stored(hosts: &Hosts) -> Option<Prior> {
    let applied = hosts.stored()?;
    let loaded = file::reload(applied.sources.clone()).ok()?;
    let topology = place(&loaded.topology, &applied.places).ok()?;
    let given = give(&topology, &Prior::default()).ok()?;
    Some(Prior::from_given(&topology, &given))
}
