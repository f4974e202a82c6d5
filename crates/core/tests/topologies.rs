//! The library of topologies, from the file to where packets go.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use indexmap::IndexMap;
use ipnet::Ipv4Net;
use netsim_core::expect::expect;
use netsim_core::given::{Prior, give};
use netsim_core::lower::{lower, netns_of};
use netsim_core::names::{HostId, IfName};
use netsim_core::place::{Places, place};
use netsim_core::spec;
use netsim_core::state::{Facts, HostFacts, Nic};
use netsim_core::topology::{On, Topology};
use netsim_core::walk::Walk;

/// What is known of a topology's hosts: each has a NIC in one underlay.
fn facts(topology: &Topology) -> HostFacts {
    let device = IfName::new("eth0").expect("a name");
    let of = |(id, n): (&HostId, u8)| {
        let address = Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 2, n), 24);
        let nic = Nic { mtu: 1500, up: true, addresses: vec![address.into()] };
        let reached = Some(address.addr().into());
        (id.clone(), Facts { nics: [(device, nic)].into(), default_nic: Some(device), reached, ..Facts::default() })
    };
    topology.hosts.keys().zip(1..).map(of).collect()
}

#[test]
fn in_every_topology_packets_go_where_its_graph_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../topologies");
    let mut files: Vec<_> = fs::read_dir(&folder).expect("the library").map(|f| f.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let mut read = |name: &str| fs::read_to_string(folder.join(name)).map_err(|e| e.to_string());
        let name = file.file_name().and_then(|n| n.to_str()).expect("a name in UTF-8");
        let (_, topology) = spec::load(name, &mut read, &IndexMap::new());
        let topology = topology.expect(name);
        let topology = place(&topology, &Places::new()).expect(name);
        let given = give(&topology, &Prior::default()).expect(name);
        let desired = lower(&topology, &given, &facts(&topology)).expect(name);
        let walk = Walk::over(&desired);
        let mut reachable = 0;
        for pair in expect(&topology, &given).pairs() {
            let (from, to) = (&topology.graph[pair.from].name, &topology.graph[pair.to].name);
            let On::Host(host) = &topology.graph[pair.from].on else { panic!("{name}: {from} is nowhere") };
            let reaches = walk.reaches_on(host, &netns_of(&topology, pair.from), pair.address);
            assert_eq!(reaches, pair.reachable, "{name}: {from} to {to} at {}", pair.address);
            reachable += usize::from(reaches);
        }
        assert!(reachable > 0, "{name}: nobody reaches anybody");
    }
}
