//! Planted faults: where a state is not what the graph says, the walk sees it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{differing, made};
use crate::expect::expect;
use crate::fixture::{Lab, fat_tree};
use crate::given::Given;
use crate::lower::netns_of;
use crate::names::IfName;
use crate::resource::{Address, Key, Ovs, Port, PortVlans, Resource, VlanRange};
use crate::state::HostState;
use crate::topology::{Routing, Topology};

/// The state with one resource changed or, if nothing comes of it, left out.
fn with_fault(state: &HostState, key: &Key, fault: Option<Resource>) -> HostState {
    let changed = |(k, r): (&Key, &Resource)| if k == key { fault.clone() } else { Some(r.clone()) };
    state.iter().filter_map(changed).collect()
}

/// Whether the graph's pairs have a packet or its answer come by here: a fault in anything else cannot show.
fn matters(topology: &Topology, given: &Given, resource: &Resource) -> bool {
    match resource {
        Resource::Fdb(_) | Resource::Neighbour(_) => true,
        Resource::Ovs(Ovs::Port(_) | Ovs::Bridge(_)) => true,
        Resource::Ovs(Ovs::Mirror(_) | Ovs::Qos(_) | Ovs::Flows(_) | Ovs::Stray(_)) => false,
        // A route for which a pair's address is meant.
        Resource::Route(route) => expect(topology, given)
            .pairs()
            .any(|pair| netns_of(topology, pair.from) == route.netns && route.to.contains(&IpNet::from(pair.address))),
        Resource::Up(device) => device.name != IfName::LO,
        Resource::Port(_) => true,
        Resource::Address(address) => expect(topology, given).pairs().any(|pair| pair.address == address.net.addr()),
        Resource::Sysctl(sysctl) => sysctl.name.as_str().contains("forward"),
        Resource::PortVlans(_) => true,
        Resource::Qdisc(_) | Resource::Tuning(_) => false,
        Resource::Netns(_) | Resource::Device(_) | Resource::Ran(_) => false,
    }
}

/// Plants every single fault of a kind and says how many there were; each is seen.
fn plant(lab: &Lab, faults: impl Fn(&Resource) -> Vec<Option<Resource>>) -> usize {
    let (given, state) = made(&lab.0);
    let mut planted = 0;
    for (key, resource) in state.iter().filter(|(_, r)| matters(&lab.0, &given, r)) {
        for fault in faults(resource) {
            let faulty = with_fault(&state, key, fault.clone());
            assert!(!differing(&lab.0, &given, &faulty).is_empty(), "nobody saw {key} become {fault:?}");
            planted += 1;
        }
    }
    planted
}

/// Two LANs and two ways between them, with nothing on it that is not needed.
fn two_lans() -> Lab {
    let mut lab = Lab::new();
    lab.0.routing = Routing::Static;
    for name in ["r1", "r2"] {
        lab.router(name);
    }
    for (lan, subnet, router) in [("lan1", "10.0.1.0/24", "r1"), ("lan2", "10.0.2.0/24", "r2")] {
        lab.switch(lan, &[subnet]);
        lab.link(router, lan);
        for host in ["a", "b"] {
            let name = format!("{lan}-{host}");
            lab.host(&name);
            lab.link(&name, lan);
        }
    }
    lab.link("r1", "r2");
    lab
}

#[test]
fn a_dropped_resource_is_seen() {
    assert_eq!(plant(&two_lans(), |_| vec![None]), 36);
}

#[test]
fn a_dropped_route_of_a_fat_tree_is_seen() {
    let routes_only = |r: &Resource| if let Resource::Route(_) = r { vec![None] } else { Vec::new() };
    assert_eq!(plant(&fat_tree(2), routes_only), 22);
}

#[test]
fn a_next_hop_that_leads_astray_is_seen() {
    let astray = |r: &Resource| {
        let Resource::Route(route) = r else { return Vec::new() };
        let mut route = route.clone();
        // A neighbour that is not there.
        route.via[0].gateway = route.via[0].gateway.map(|g| match g {
            IpAddr::V4(g) => IpAddr::V4((u32::from(g) ^ 64).into()),
            IpAddr::V6(g) => IpAddr::V6((u128::from(g) ^ 64).into()),
        });
        vec![Some(Resource::Route(route))]
    };
    assert_eq!(plant(&two_lans(), astray), 6);
}

#[test]
fn a_wrong_prefix_is_seen() {
    let narrower = |r: &Resource| {
        let Resource::Address(address) = r else { return Vec::new() };
        let net = IpNet::new(address.net.addr(), address.net.max_prefix_len()).expect("as long as the address");
        vec![Some(Resource::Address(Address { net, ..address.clone() }))]
    };
    assert_eq!(plant(&two_lans(), narrower), 6);
}

#[test]
fn a_port_in_the_wrong_vlan_and_one_that_should_be_isolated_are_seen() {
    let mut lab = Lab::new();
    lab.switch("s1", &[]);
    lab.switch("s2", &[]);
    lab.trunk("s1", "s2", &[(10, 20)], Some(1));
    for (node, switch, vid) in [("a", "s1", 10), ("b", "s2", 10), ("c", "s1", 1), ("d", "s2", 1)] {
        lab.host(node);
        let edge = lab.access(node, switch, vid);
        lab.end(edge, 1).port.isolated = Some(node == "c");
    }
    lab.host("e");
    let edge = lab.link("e", "s1");
    lab.end(edge, 1).port.isolated = Some(true);
    let elsewhere = |r: &Resource| match r {
        Resource::PortVlans(vlans) => {
            let range = VlanRange { first: 30, last: 30, untagged: true };
            vec![None, Some(Resource::PortVlans(PortVlans::new(vlans.device.clone(), [range], Some(30))))]
        }
        Resource::Port(port) if port.settings.isolated => {
            vec![Some(Resource::Port(Port::new(port.device.clone(), port.master)))]
        }
        _ => Vec::new(),
    };
    assert_eq!(plant(&lab, elsewhere), 16);
}
