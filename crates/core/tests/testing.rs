//! What the tests stand on: random states, their texts, and the kernel in memory as a text.

use netsim_core::names::LabName;
use netsim_core::plan::Action;
use netsim_core::resource::{Datapath, Resource};
use netsim_core::sim::Sim;
use netsim_core::state::{Feature, HostState};
use netsim_core::testing::{
    Machine, Tape, cases, near_on, near_without, ovs_cases, resource, resources, show, show_state, state_on,
    state_without,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

const WITH_OVS: Machine = Machine { lacks: BTreeSet::new(), ovs: Some(Datapath::Netdev) };

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_state_written_as_text_reads_back(bytes in proptest::collection::vec(any::<u8>(), 0..240)) {
        let mut tape = Tape::new(&bytes);
        let first = state_on(&mut tape, &WITH_OVS);
        for state in [near_on(&first, &mut tape, &WITH_OVS), first] {
            let read: HostState = resources(&show_state(&state)).into_iter().collect();
            prop_assert_eq!(read, state);
        }
    }

    #[test]
    fn a_kernel_without_features_gets_states_without_them(bytes in proptest::collection::vec(any::<u8>(), 0..240)) {
        let lacks = [Feature::Vlan, Feature::VlanFiltering, Feature::Bond, Feature::Netem, Feature::CpuMasks].into();
        let mut tape = Tape::new(&bytes);
        let first = state_without(&mut tape, &lacks);
        for state in [near_without(&first, &mut tape, &lacks), first] {
            let asks = |r: &Resource| r.features().iter().any(|feature| lacks.contains(feature));
            prop_assert!(!state.iter().any(|(_, r)| asks(r)), "{}", show_state(&state));
        }
    }

    #[test]
    fn all_that_a_random_resource_needs_is_there(bytes in proptest::collection::vec(any::<u8>(), 0..240)) {
        let mut tape = Tape::new(&bytes);
        let first = state_on(&mut tape, &WITH_OVS);
        for state in [near_on(&first, &mut tape, &WITH_OVS), first] {
            for (key, resource) in state.iter() {
                let is_met = resource.needs(&state).iter().all(|need| need.0.iter().any(|k| state.holder(k).is_some()));
                prop_assert!(is_met, "{key} in\n{}", show_state(&state));
            }
        }
    }
}

#[test]
fn a_kernel_in_memory_written_as_json_reads_back() {
    let lab = LabName::new("t").expect("a name");
    for case in cases().into_iter().chain(ovs_cases(Datapath::System)) {
        let mut sim = Sim::default();
        let start = case.start.into_iter().map(Action::Create);
        for action in start.chain(case.actions) {
            // The last action of some cases fails.
            let _ = sim.do_one(&lab, &action);
        }
        let json = serde_json::to_string(&sim).expect("all keys are text");
        assert_eq!(serde_json::from_str::<Sim>(&json).expect("it was written so"), sim, "{}", case.name);
    }
}

#[test]
fn a_text_is_what_its_resource_shows() {
    for line in [
        "netns t-a node=other unmounted",
        "bridge host/br0,mac=02:00:00:00:00:07,link-local,full=br0-with-a-long-name,snooping",
        "veth host/e0,link-local,mtu=1400 t-a/e0",
        "bridge t-a/br0,stp,filtering,delay=200,ageing=0",
        "veth host/e0,queues=4,qlen=20 t-a/e0",
        "dummy t-a/d0,mac=02:00:00:00:00:07,link-local,full=d0-with-a-long-name,mtu=1400",
        "vlan t-a/e0.10 e0 10",
        "vlan t-a/e0.10,mtu=1400 e0 10 802.1ad",
        "macvlan t-a/m host/eth1 passthru",
        "ipvlan t-a/i,mtu=9000 t-b/e0 l3s",
        "bond t-a/bond0 802.3ad miimon=0",
        "vrf t-a/red,link-local 10",
        "port t-a/e0 br0 hairpin isolated no-learning",
        "vlans t-a/e0 1u 10-20 30-40u pvid=1",
        "netem t-a/e0 delay=1 jitter=2 duplicate=3 corrupt=4 reorder=5 rate=6 limit=7 distribution=pareto loss=8 ecn seed=9",
        "netem t-a/e0 loss=1/2/3/4",
        "tbf t-a/e0 rate=1 buffer=2 limit=3",
        "qdisc t-a/e0 fq_codel",
        "tune t-a/e0 rps-cpus 0-3,8",
        "tune t-a/e0 xps-cpus",
        "tune t-a/e0 tx-checksum off",
        "stray t-a/e9 dummy",
        "route t-a fd09::/64 table=100 metric=7 via e0=fd00::100 e1=fd00:1::100*3",
        "sysctl host net.ipv4.ip_local_port_range 1024",
        "ran t-a 0 7",
        "ovs-bridge br0,netdev,node=sw,fail=secure,stp,tag=10,protocol=OpenFlow13,controller=tcp:192.0.2.1:6653,mac-aging-time=60",
        "ovs-port i0 br0 internal tag=1 trunks=1/10 mode=native-untagged protected policing=1000 burst=100",
        "vxlan t-a/x0 7 192.0.2.1",
        "vxlan t-a/x0,mtu=1450 7 192.0.2.1 remote=239.1.1.1 port=4790 dev=eth0 ttl=9 no-checksum df=inherit no-learning",
        "gretap t-a/g0,mtu=1458 192.0.2.1 remote=192.0.2.2 key=5 ttl=9 checksum",
        "gre t-a/g0,link-local 192.0.2.1 key=5",
        "fdb t-a/x0 00:00:00:00:00:00 192.0.2.2",
        "neighbour t-a/g0 fd00::2 192.0.2.2",
        "ovs-port t0 br0 tunnel=vxlan,192.0.2.1,192.0.2.2,port=4790,key=7,ttl=9,checksum,no-df protected",
        "ovs-port t0 br0 tunnel=gre,fd00::1,fd00::2",
        "ovs-mirror br0 m0 in=a/b out=c to=d",
        "ovs-stray no-port-has-it ovs-qos e0 noop",
    ] {
        assert_eq!(show(&resource(line)), line);
    }
}
