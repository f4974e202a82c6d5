//! What is in the way of a plan is told before anything is touched, with what is near.

use netsim_core::names::SysctlName;
use netsim_core::plan::{Refusal, plan};
use netsim_core::sim::Sim;
use netsim_core::state::{Feature, HostState, Scope};
use netsim_core::testing::{resource, resources};

use crate::harness::{lab, observe, plan_to, reach};

fn state(text: &str) -> HostState {
    resources(text).into_iter().collect()
}

/// Code, message, hint and how many need it, of each refusal.
fn told(sim: &Sim, desired: &str) -> Vec<String> {
    let desired = state(desired);
    let refusals = plan(&desired, &observe(sim, &desired)).expect_err("something is in the way");
    let line = |r: &Refusal| {
        let needed_by: Vec<String> = r.needed_by.iter().map(ToString::to_string).collect();
        format!("E{:03} {}; {} [{}]", r.code, r.message, r.hint.as_deref().unwrap_or_default(), needed_by.join(", "))
    };
    refusals.iter().map(line).collect()
}

fn with_nics(names: &[&str]) -> Sim {
    let mut sim = Sim::default();
    for name in names {
        sim.plant(&resource(&format!("stray host/{name} nic")), None).expect("the name is free");
    }
    sim
}

#[test]
fn a_nic_that_the_machine_does_not_have_is_told_once_with_one_like_it() {
    let desired = "netns t-a\nmacvlan t-a/a host/eht1 bridge\nmacvlan t-a/b host/eht1 bridge";
    assert_eq!(
        told(&with_nics(&["eth0", "eth1"]), desired),
        ["E074 this machine has no device eht1; did you mean `eth1`? [device t-a/a, device t-a/b]"]
    );
    let desired = "netns t-a\nipvlan t-a/a host/wlan0 l2";
    assert_eq!(
        told(&with_nics(&["eth0", "eth1"]), desired),
        ["E074 this machine has no device wlan0; name one that it has: `eth0` or `eth1` [device t-a/a]"]
    );
    assert_eq!(
        told(&Sim::default(), desired),
        ["E074 this machine has no device wlan0; see `ip link`; this machine has no device to stand on [device t-a/a]"]
    );
}

#[test]
fn devices_stand_on_nics_that_are_there_and_on_devices_of_the_lab() {
    let mut sim = with_nics(&["eth1"]);
    let desired =
        state("netns t-a\nmacvlan t-a/m host/eth1 bridge\nveth host/e0 t-a/e0\nipvlan t-a/i host/e0 l2\nup t-a/m");
    reach(&mut sim, &desired).expect("nothing is in the way");
}

#[test]
fn a_cpu_beyond_those_of_the_machine_is_told() {
    let mut sim = Sim::default();
    let desired = "veth host/e0 host/e1\ntune host/e0 rps-cpus 0-2,7\ntune host/e1 rps-cpus 0-3";
    sim.facts.cpus = 4;
    assert_eq!(
        told(&sim, desired),
        ["E075 rps-cpus of host/e0 names CPU 7, and this machine has no CPU beyond 3; name CPUs from 0 to 3 []"]
    );
    sim.facts.cpus = 8;
    assert!(plan_to(&sim, &state(desired)).is_ok());
}

#[test]
fn a_setting_that_the_kernel_does_not_have_is_told_with_those_like_it() {
    let mut sim = Sim::default();
    let name = |text: &str| SysctlName::new(text).expect("a name");
    let unknown = resource("sysctl t-a net.ipv4.ip_forwrd 1");
    let desired = "netns t-a\nsysctl t-a net.ipv4.ip_forwrd 1";
    let key = (unknown.key().netns(), name("net.ipv4.ip_forwrd"));
    sim.facts.no_sysctl.insert(key.clone(), vec![name("net.ipv4.ip_forward"), name("net.ipv4.ip_forward_use_pmtu")]);
    assert_eq!(
        told(&sim, desired),
        [
            "E072 this kernel has no setting net.ipv4.ip_forwrd in t-a; did you mean `net.ipv4.ip_forward` or `net.ipv4.ip_forward_use_pmtu`? []"
        ]
    );
    sim.facts.no_sysctl.insert(key, Vec::new());
    assert_eq!(
        told(&sim, desired),
        ["E072 this kernel has no setting net.ipv4.ip_forwrd in t-a; see what there is under /proc/sys/net/ipv4 []"]
    );
}

#[test]
fn each_feature_that_is_missing_is_told_once_with_all_that_needs_it() {
    let mut sim = Sim::default();
    sim.facts.lacks = [Feature::Netem, Feature::Bond].into();
    let desired = "veth host/e0 host/e1\nnetem host/e0 delay=1\nnetem host/e1 loss=1\nbond host/b 802.3ad\nup host/e0";
    assert_eq!(
        told(&sim, desired),
        [
            "E071 this kernel has no bonds (CONFIG_BONDING); load the module, or use a kernel with CONFIG_BONDING [device host/b]",
            "E071 this kernel has no netem (CONFIG_NET_SCH_NETEM); load the module, or use a kernel with CONFIG_NET_SCH_NETEM [qdisc host/e0, qdisc host/e1]",
        ]
    );
    // Who asks for nothing is told of nothing.
    assert!(sim.observe(&Scope::lab(&lab())).facts.lacks.is_empty());
}

#[test]
fn what_others_made_on_a_device_and_leaves_no_room_is_told_before_anything_is_touched() {
    let base = "veth host/e0 host/e1";
    for (theirs, ours, room) in [
        ("vlan host/x e0 10", "vlan host/v e0 10", "device host/v"),
        ("ipvlan host/x host/e0 l2", "macvlan host/v host/e0 bridge", "device host/v"),
        ("macvlan host/x host/e0 passthru", "macvlan host/v host/e0 bridge", "device host/v"),
        ("macvlan host/x host/e0 bridge", "bridge host/v\nport host/e0 v", "port host/e0"),
    ] {
        let mut sim = Sim::default();
        reach(&mut sim, &state(base)).expect("nothing is in the way");
        sim.plant(&resource(theirs), None).expect("there is room");
        let desired = state(&format!("{base}\n{ours}"));
        let refusals = plan(&desired, &observe(&sim, &desired)).expect_err("there is no room");
        let told: Vec<_> = refusals.iter().map(|r| (r.code, r.message.as_str())).collect();
        let what = theirs.split(' ').next().expect("a word");
        let message = format!("device host/x is taken: {what} that netsim did not make, and leaves no room for {room}");
        assert_eq!(told, [(70, message.as_str())]);
        // With the pair goes what stands on it.
        reach(&mut sim, &HostState::default()).expect("nothing is in the way");
        sim.settle();
        assert_eq!(sim, Sim::default());
    }
}
