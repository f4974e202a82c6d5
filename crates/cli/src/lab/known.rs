//! What is known of a lab's hosts: before they are asked, once they have answered, and of those that do not.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use netsim_core::given::{Prior, give, places_of};
use netsim_core::names::{HostId, IfName};
use netsim_core::place::{Places, place};
use netsim_core::state::{Facts, HostFacts, Nic};
use netsim_core::topology::{Node, On, Topology};
use netsim_host::store::Applied;

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
        let mut addresses = vec![format!("{address}/15").parse().expect("an address and a prefix length")];
        // What is written of it is taken to be so.
        addresses.extend(topology.hosts.get(id).into_iter().flat_map(|host| &host.addresses).map(|a| IpNet::from(*a)));
        let nic = Nic { mtu: 65_535, up: true, addresses };
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

/// What hosts are likely to have: what was found when the lab was applied, and what is supposed of the others.
pub(super) fn likely(hosts: &Hosts, topology: &Topology) -> HostFacts {
    let mut facts = supposed(hosts.members(), topology);
    if let Some(applied) = hosts.stored() {
        for (id, facts) in &mut facts {
            if let Some(found) = applied.facts.get(id) {
                facts.clone_from(found);
            }
        }
    }
    facts
}

/// Where nodes are: where they were found; on hosts that did not answer, where they were when the lab was applied.
pub(super) fn places(hosts: &Hosts, seen: &Seen) -> Places {
    let mut places = hosts.places();
    // One that was found nowhere is free to go elsewhere, but not because it was destroyed where it was.
    let removed_from = hosts.stored().map(Applied::removed_from).unwrap_or_default();
    places.retain(|_, host| seen.down.contains_key(host) || removed_from.contains(host));
    let stored = hosts.places();
    for (id, (observed, _)) in &seen.found {
        for (node, _) in places_of([(id, &observed.ours)]) {
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
    let place = |node: &Node| match (&node.on, node.overlay()) {
        (On::Host(host), None) => Some((node.name.clone(), host.clone())),
        (On::Host(_) | On::Auto | On::Each(_), _) => None,
    };
    topology.graph.node_weights().filter_map(place).collect()
}

/// What the hosts can do and have; of those that did not answer, what was found when the lab was applied.
pub(super) fn facts(hosts: &Hosts, seen: &Seen) -> HostFacts {
    let stored = hosts.stored().map(|applied| applied.facts.clone()).unwrap_or_default();
    let mut facts: HostFacts = stored.into_iter().filter(|(id, _)| seen.down.contains_key(id)).collect();
    facts.extend(seen.found.iter().map(|(id, (observed, _))| (id.clone(), observed.facts.clone())));
    facts
}

/// The host that a node of a placed topology is on.
pub fn host_of(node: &Node) -> &HostId {
    match &node.on {
        On::Host(host) => host,
        On::Auto | On::Each(_) => unreachable!("every node of a placed topology is on a host"),
    }
}

/// Of what hosts can do and have, what matters to the others.
pub fn underlay(facts: &Facts) -> Facts {
    let Facts { nics, own, default_nic, reached, .. } = facts.clone();
    Facts { nics, own, default_nic, reached, ..Facts::default() }
}

/// The names and addresses that nodes have: as they were found; on hosts that did not answer, as they were when the lab was applied.
pub(super) fn prior(hosts: &Hosts, seen: &Seen) -> Prior {
    let mut prior = Prior::default();
    if !seen.down.is_empty() {
        prior = stored(hosts).unwrap_or_default();
    }
    let found = seen.found.iter().map(|(id, (observed, _))| (id, &observed.ours));
    let Prior { interfaces, own, loopbacks, machines } = Prior::from_states(found);
    prior.interfaces.extend(interfaces);
    prior.own.extend(own);
    prior.loopbacks.extend(loopbacks);
    prior.machines.extend(machines);
    prior
}

fn stored(hosts: &Hosts) -> Option<Prior> {
    let applied = hosts.stored()?;
    let loaded = file::reload(applied.sources.clone()).ok()?;
    let topology = place(&loaded.topology, &applied.places).ok()?;
    let given = give(&topology, &Prior::default()).ok()?;
    Some(Prior::from_given(&topology, &given))
}
