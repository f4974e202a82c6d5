//! What is in the way of a plan is told before anything is touched, with what is near.

use netsim_core::names::{IfName, LabName, SysctlName};
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

/// What stands in the way of a lab's tunnels when another lab, or a hand, has something of theirs.
fn told_beside(lab: Option<&str>, theirs: &str, desired: &str) -> Vec<String> {
    let mut sim = Sim::default();
    let lab = lab.map(|lab| LabName::new(lab).expect("a name"));
    for theirs in resources(theirs) {
        sim.plant(&theirs, lab.as_ref()).expect("there is room");
    }
    let desired = state(desired);
    let scope = Scope { underlay: true, ..Scope::of(&crate::harness::lab(), &desired) };
    let refusals = plan(&desired, &sim.observe(&scope)).expect_err("something is in the way");
    let line = |r: &Refusal| format!("E{:03} {}; {}", r.code, r.message, r.hint.as_deref().unwrap_or_default());
    refusals.iter().map(line).collect()
}

#[test]
fn a_network_or_a_tunnel_of_others_is_refused_by_its_name() {
    assert_eq!(
        told_beside(Some("u"), "netns u-a\nvxlan u-a/x0 7 192.0.2.1", "netns t-a\nvxlan t-a/x0 7 192.0.2.1"),
        ["E070 VNI 7 at UDP port 4789 is taken by lab u; write another `vni:`, or run `netsim destroy u`"]
    );
    let gre = "gre u-a/g0 192.0.2.1 remote=192.0.2.2";
    assert_eq!(
        told_beside(None, &format!("netns u-a\n{gre}"), "netns t-a\ngre t-a/g9 192.0.2.1 remote=192.0.2.2"),
        [
            "E070 gre from 192.0.2.1 to 192.0.2.2 is taken: gre that netsim did not make; remove it or write another `key:`; netsim never touches what it did not make"
        ]
    );
}

#[test]
fn a_udp_port_is_not_shared_by_vxlan_of_the_kernel_and_of_open_vswitch() {
    let switch = "ovs-bridge br7\novs-port t7 br7 tunnel=vxlan,192.0.2.1,192.0.2.2,key=8";
    let device = "netns u-a\nvxlan u-a/x0 9 192.0.2.1";
    let hint = "write another `port:`; Open vSwitch and VXLAN devices of the kernel cannot share one";
    assert_eq!(
        told_beside(Some("u"), switch, "netns t-a\nvxlan t-a/x0 7 192.0.2.1"),
        [format!(
            "E076 UDP port 4789 is used by device vxlan_sys_4789, which takes all networks: device t-a/x0 cannot; {hint}"
        )]
    );
    let ours = "ovs-bridge br0\novs-port t0 br0 tunnel=vxlan,192.0.2.1,192.0.2.2,key=7";
    assert_eq!(
        told_beside(Some("u"), device, ours),
        [format!("E076 UDP port 4789 is used by device x0, which takes one network: OVS port t0 cannot; {hint}")]
    );
    // In user space it opens no socket of the kernel; and labs share a port for networks of their own.
    let mut sim = Sim::default();
    for theirs in resources(device) {
        sim.plant(&theirs, None).expect("there is room");
    }
    let desired = state(
        "netns t-a\nvxlan t-a/x0 7 192.0.2.1\novs-bridge br0,netdev\novs-port t0 br0 tunnel=vxlan,192.0.2.1,192.0.2.2,key=7",
    );
    let scope = Scope { underlay: true, ..Scope::of(&lab(), &desired) };
    assert!(plan(&desired, &sim.observe(&scope)).is_ok());
}

#[test]
fn a_machine_tells_of_its_underlay_who_asks() {
    let facts = |sim: &Sim, underlay| sim.observe(&Scope { underlay, ..Scope::lab(&lab()) }).facts;
    let mut sim = Sim::default();
    let asked = facts(&sim, true);
    let eth0 = IfName::new("eth0").expect("a name");
    assert_eq!(asked.default_nic, Some(eth0));
    assert_eq!(asked.nics[&eth0].addresses, ["192.0.2.1/24".parse().expect("an address")]);
    assert_eq!((asked.nics[&eth0].mtu, asked.nics[&eth0].up), (1500, true));
    let unasked = facts(&sim, false);
    assert_eq!((unasked.default_nic, unasked.nics.contains_key(&eth0)), (None, false));
    // A group is sent by it, and by no device that is not there.
    let desired =
        |device: &str| state(&format!("netns t-a\nvxlan t-a/x0,mtu=1450 7 192.0.2.1 remote=239.1.1.1 dev={device}"));
    let scope = |desired: &HostState| Scope { underlay: true, ..Scope::of(&lab(), desired) };
    let wanted = desired("eth9");
    let refusals = plan(&wanted, &sim.observe(&scope(&wanted))).expect_err("there is no such NIC");
    assert_eq!(refusals[0].message, "this machine has no device eth9");
    let wanted = desired("eth0");
    for action in plan(&wanted, &sim.observe(&scope(&wanted))).expect("nothing is in the way") {
        sim.do_one(&lab(), &action).expect("the plan is right");
    }
    assert_eq!(sim.observe(&scope(&wanted)).ours, wanted);
}
