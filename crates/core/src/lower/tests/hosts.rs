//! What the ends of overlays have in common, for random labs on random hosts.

use std::collections::BTreeSet;
use std::net::IpAddr;

use indexmap::IndexMap;
use proptest::prelude::*;

use crate::expect::expect;
use crate::fixture::{HOSTS, Spread, Without, facts, tried};
use crate::given::{Prior, give};
use crate::lower::{Desired, lower, netns_of};
use crate::names::HostId;
use crate::resource::{Device, Fdb, Gre, Ovs, OvsPortKind, OvsTunnelKind, Resource, SingleKind};
use crate::state::{HostFacts, HostState};
use crate::topology::{On, Routing, Topology};
use crate::walk::Walk;

/// What both ends of an overlay have to say alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Mark {
    Udp(u16, u32),
    Gre(bool, Option<u32>, Vec<IpAddr>),
}

/// One end: its host, its addresses in the underlay, its MTU if it is a device, what is around its packets in bytes.
#[derive(Debug)]
struct End {
    host: HostId,
    local: IpAddr,
    remote: Option<IpAddr>,
    mtu: Option<u32>,
    around: u32,
}

fn gre(frames: bool, gre: &Gre) -> (Mark, IpAddr, Option<IpAddr>, u32) {
    let mut between: Vec<IpAddr> = gre.remote.map_or_else(Vec::new, |remote| vec![gre.local, remote]);
    between.sort_unstable();
    let ip = if gre.local.is_ipv4() { 20 } else { 40 };
    let around = ip + 4 + 4 * u32::from(gre.key.is_some()) + 4 * u32::from(gre.checksum) + 14 * u32::from(frames);
    (Mark::Gre(frames, gre.key, between), gre.local, gre.remote, around)
}

fn udp(local: IpAddr) -> u32 {
    if local.is_ipv4() { 50 } else { 70 }
}

/// All ends, by what they have to say alike.
fn ends(desired: &Desired) -> IndexMap<Mark, Vec<End>> {
    let mut ends: IndexMap<Mark, Vec<End>> = IndexMap::new();
    for (host, state) in desired {
        for (_, resource) in state.iter() {
            let (found, mtu) = match resource {
                Resource::Device(Device::Single(single)) => {
                    let found = match &single.kind {
                        SingleKind::Vxlan(v) => (Mark::Udp(v.port, v.vni), v.local, v.remote, udp(v.local)),
                        SingleKind::Gretap(tap) => gre(true, tap),
                        SingleKind::Gre(packets) => gre(false, packets),
                        SingleKind::Dummy
                        | SingleKind::Vlan { .. }
                        | SingleKind::Macvlan { .. }
                        | SingleKind::Ipvlan { .. }
                        | SingleKind::Bond(_)
                        | SingleKind::Vrf { .. } => continue,
                    };
                    (found, single.mtu)
                }
                Resource::Ovs(Ovs::Port(port)) => {
                    let OvsPortKind::Tunnel(to) = &port.kind else { continue };
                    let mark = match to.kind {
                        OvsTunnelKind::Vxlan { port } | OvsTunnelKind::Geneve { port } => {
                            Mark::Udp(port, to.key.expect("it has a VNI"))
                        }
                        OvsTunnelKind::Gre => {
                            let mut between = vec![to.local, to.remote];
                            between.sort_unstable();
                            Mark::Gre(true, to.key, between)
                        }
                    };
                    ((mark, to.local, Some(to.remote), 0), None)
                }
                _ => continue,
            };
            let (mark, local, remote, around) = found;
            ends.entry(mark).or_default().push(End { host: host.clone(), local, remote, mtu, around });
        }
    }
    ends
}

/// What hosts have whose NICs send so much.
fn underlay(mtus: &[u32]) -> HostFacts {
    let nets: Vec<Vec<String>> = HOSTS
        .iter()
        .map(|(_, addresses)| {
            let length = |address: &&str| if address.contains(':') { 64 } else { 24 };
            addresses.iter().map(|address| format!("{address}/{}", length(address))).collect()
        })
        .collect();
    let nets: Vec<Vec<&str>> = nets.iter().map(|nets| nets.iter().map(String::as_str).collect()).collect();
    let of: Vec<(&str, u32, &[&str])> =
        HOSTS.iter().zip(mtus).zip(&nets).map(|(((name, _), mtu), nets)| (*name, *mtu, &nets[..])).collect();
    facts(&of)
}

fn made(topology: &Topology, facts: &HostFacts) -> Desired {
    let given = give(topology, &Prior::default()).expect("a sound lab");
    lower(topology, &given, facts).unwrap_or_else(|problems| panic!("{problems:?}"))
}

proptest! {
    #![proptest_config(tried(300))]

    #[test]
    fn the_ends_of_an_overlay_agree(
        spread in Spread::any_with_extras(),
        mtus in prop::collection::vec(1400..9000_u32, 4),
        only_v6 in any::<bool>(),
    ) {
        let Some((_, mut lab)) = spread.build(Routing::Written, &Without::default()) else { return Ok(()) };
        if only_v6 {
            lab.0.hosts.values_mut().for_each(|host| host.addresses.retain(IpAddr::is_ipv6));
        }
        let facts = underlay(&mtus);
        let desired = made(&lab.0, &facts);
        prop_assert_eq!(&made(&lab.0, &facts), &desired);
        let ends = ends(&desired);
        let overlays = lab.0.graph.node_weights().filter(|node| node.overlay().is_some()).count();
        prop_assert_eq!(ends.len(), overlays);
        for (mark, ends) in &ends {
            prop_assert!(ends.len() >= 2, "{:?} {:?}", mark, ends);
            let mtu = ends.iter().filter_map(|end| end.mtu).min();
            for end in ends {
                prop_assert_eq!(end.local.is_ipv6(), only_v6);
                prop_assert!(end.mtu.is_none() || end.mtu == mtu, "{:?}", ends);
                let nic = facts[&end.host].nics.values().next().expect("a NIC").mtu;
                prop_assert!(end.mtu.is_none_or(|mtu| mtu + end.around <= nic), "{:?} over {}", end, nic);
                if let Some(remote) = end.remote {
                    prop_assert!(ends.iter().any(|far| far.local == remote && far.host != end.host), "{:?}", ends);
                }
            }
        }
        for state in desired.values() {
            for (_, resource) in state.iter() {
                let Resource::Fdb(Fdb { device, to, .. }) = resource else { continue };
                let of = state.get(&crate::resource::Key::Device(device.clone()));
                let Some(Resource::Device(Device::Single(single))) = of else { panic!("an entry of no device") };
                let SingleKind::Vxlan(vxlan) = &single.kind else { panic!("an entry of no VXLAN device") };
                let far = &ends[&Mark::Udp(vxlan.port, vxlan.vni)];
                prop_assert!(*to != vxlan.local && far.iter().any(|end| end.local == *to));
                prop_assert_eq!(vxlan.remote, None);
            }
        }
    }

    #[test]
    fn packets_go_between_hosts_where_the_graph_says(spread in Spread::any_with_extras(), is_static in any::<bool>()) {
        let routing = if is_static { Routing::Static } else { Routing::Written };
        let Some((_, lab)) = spread.build(routing, &Without::default()) else { return Ok(()) };
        let given = give(&lab.0, &Prior::default()).expect("a sound lab");
        let desired = lower(&lab.0, &given, &underlay(&[1500; 4])).unwrap_or_else(|problems| panic!("{problems:?}"));
        prop_assume!(desired.values().all(is_in_each_subnet_once));
        let walk = Walk::over(&desired);
        for pair in expect(&lab.0, &given).pairs() {
            let (from, to) = (&lab.0.graph[pair.from], &lab.0.graph[pair.to].name);
            let On::Host(host) = &from.on else { panic!("it is placed") };
            let reaches = walk.reaches_on(host, &netns_of(&lab.0, pair.from), pair.address);
            prop_assert_eq!(reaches, pair.reachable, "{} to {} at {}", &from.name, to, pair.address);
        }
    }
}

/// Whether no namespace has two devices in one subnet: which of them a kernel uses depends on which came first.
fn is_in_each_subnet_once(state: &HostState) -> bool {
    let mut seen = BTreeSet::new();
    let mut addresses = state.iter().filter_map(|(_, r)| if let Resource::Address(a) = r { Some(a) } else { None });
    addresses.all(|a| seen.insert((a.device.netns.clone(), a.net.trunc())))
}
