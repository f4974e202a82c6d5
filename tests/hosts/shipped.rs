//! Every shipped topology over several hosts is applied, checked, looked at on the wire and destroyed.

use crate::bed::*;
use crate::wire::{Place, Wire};

pub const TOPOLOGIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../topologies");

/// Applies a shipped topology on so many hosts, does the work, destroys it, and looks that nothing is left. Where the kernel lacks something, that has to be
/// refused before anything is changed, and is said aloud.
fn with_topology(name: &str, hosts: usize, work: impl FnOnce()) {
    // The hosts have this machine's files: nothing is to be copied.
    let netsim = |words: String| netsim(&format!("{words} --agent {NETSIM}"));
    let file = format!("{TOPOLOGIES}/{name}.yaml");
    let run = netsim(format!("apply {file} --check"));
    let is_made = run.succeeded();
    if is_made {
        let said = netsim(format!("apply {file}")).ok();
        assert!(said.contains("nothing to do"), "{name}: a second apply changes something: {said}");
        assert_eq!(said.matches("observe in ").count(), hosts, "{name}: one look at each host is enough: {said}");
        work();
        netsim(format!("destroy {name}")).ok();
    } else {
        let said = run.fails();
        let refusal =
            said.lines().next().filter(|line| ["error[E071]", "error[E074]"].iter().any(|e| line.starts_with(e)));
        eprintln!("SKIPPED topology {name}: {}", refusal.unwrap_or_else(|| panic!("{said}")));
        assert!(said.ends_with("nothing was changed\n"), "{said}");
    }
    for host in 1..=hosts {
        has_nothing_left(&format!("host{host}"));
    }
    assert!(!std::path::Path::new("/run/state/netsim/labs").exists(), "netsim's own account is left");
}

/// An echo request from there is answered.
fn ping(from: Place<'_>, to: &str) {
    from.ping(to.parse().expect("an address"));
}

/// An echo's request and reply in one tunnel: between these two hosts of the bed, so told, between these addresses.
fn there_and_back(hosts: [u8; 2], tunnel: &str, [from, to]: [&str; 2]) -> Vec<String> {
    let [near, far] = hosts.map(|n| format!("10.255.0.{n}"));
    vec![
        format!("{near} > {far}: {tunnel}: {from} > {to}: echo request"),
        format!("{far} > {near}: {tunnel}: {to} > {from}: echo reply"),
    ]
}

/// The VNIs of the VXLAN devices of a host's nodes.
fn vnis(host: &str) -> Vec<String> {
    let shown = on(host, "for n in $(ls /run/netns); do ip -n $n -d link show type vxlan; done");
    let after = |words: &str| words.split(' ').next().expect("a string has a first part").to_owned();
    let mut vnis: Vec<String> = shown.split("vxlan id ").skip(1).map(after).collect();
    vnis.dedup();
    vnis
}

#[test]
fn every_shipped_topology_with_hosts_is_one_of_these() {
    let all = std::fs::read_dir(TOPOLOGIES).expect("they are shipped").flatten().map(|e| e.path());
    let with = |path: &std::path::PathBuf| std::fs::read_to_string(path).expect("readable").contains("\nhosts:\n");
    let mut names: Vec<String> =
        all.filter(with).map(|p| p.file_stem().expect("a file").to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, ["fabric", "gre", "multicast", "ovs-vxlan", "stretched"]);
}

#[test]
fn a_stretched_bridge_sends_only_to_the_host_behind_which_an_address_is() {
    with_hosts("shipped::a_stretched_bridge_sends_only_to_the_host_behind_which_an_address_is", 3, "", || {
        with_topology("stretched", 3, || {
            let [vni] = vnis("host1").try_into().expect("one bridge has one");
            let (near, aside) = (Wire::of(Place::Host("host1")), Wire::of(Place::Host("host3")));
            ping(Place::Node("host1", "stretched-red-a"), "10.9.0.2");
            let tunnel = format!("vxlan at port 4789, VNI {vni}: vlan 10");
            assert_eq!(near.seen(": 10.9.0."), there_and_back([1, 2], &tunnel, ["10.9.0.1", "10.9.0.2"]));
            assert_eq!(aside.seen(": 10.9.0."), [""; 0]);
        });
    });
}

#[test]
fn a_group_gets_what_is_for_all_and_one_host_what_is_for_one() {
    with_hosts("shipped::a_group_gets_what_is_for_all_and_one_host_what_is_for_one", 3, "", || {
        with_topology("multicast", 3, || {
            for (node, vni, addresses, far) in
                [("m1", 88, ["10.8.0.1", "10.8.0.2"], 2), ("pc1", 77, ["10.7.0.1", "10.7.0.3"], 3)]
            {
                let tunnel = format!("vxlan at port 4789, VNI {vni}");
                let netns = format!("multicast-{node}");
                on("host1", &format!("ip -n {netns} neigh flush dev eth0"));
                let wire = Wire::of(Place::Host("host1"));
                ping(Place::Node("host1", &netns), addresses[1]);
                let seen = wire.seen(&tunnel);
                let asked = format!("10.255.0.1 > 239.1.1.1: {tunnel}: arp for {}", addresses[1]);
                assert!(seen.contains(&asked), "{seen:#?}");
                let echoes: Vec<String> = seen.into_iter().filter(|told| told.contains("echo")).collect();
                assert_eq!(echoes, there_and_back([1, far], &tunnel, addresses));
            }
        });
    });
}

#[test]
fn a_fabric_spread_over_four_hosts_is_joined_by_vxlan() {
    with_hosts("shipped::a_fabric_spread_over_four_hosts_is_joined_by_vxlan", 4, "", || {
        with_topology("fabric", 4, || {
            let known: Vec<String> =
                vnis("host1").into_iter().map(|vni| format!("at port 4789, VNI {vni}: ")).collect();
            let wire = Wire::of(Place::Host("host1"));
            ping(Place::Node("host1", "fabric-srv1"), "10.64.0.78");
            let there = wire.seen(": 10.64.0.64 > 10.64.0.78: echo request");
            assert!(!there.is_empty(), "nothing leaves host1");
            for told in there {
                assert!(
                    told.starts_with("10.255.0.1 > 10.255.0.") && known.iter().any(|vni| told.contains(vni)),
                    "{told}"
                );
            }
        });
    });
}

#[test]
fn gre_in_its_three_forms_has_the_keys_of_the_file() {
    with_hosts("shipped::gre_in_its_three_forms_has_the_keys_of_the_file", 3, "", || {
        with_topology("gre", 3, || {
            for (node, key, addresses, far) in [
                ("r1", 12, ["10.0.12.1", "10.0.12.2"], 2),
                ("pc1", 7, ["10.20.0.1", "10.20.0.2"], 2),
                ("r1", 99, ["10.0.99.254", "10.0.99.3"], 3),
            ] {
                let wire = Wire::of(Place::Host("host1"));
                ping(Place::Node("host1", &format!("gre-{node}")), addresses[1]);
                let tunnel = format!("gre, key {key}");
                assert_eq!(wire.seen("echo"), there_and_back([1, far], &tunnel, addresses));
            }
            // Two spokes need no hub.
            let (hub, spoke) = (Wire::of(Place::Host("host1")), Wire::of(Place::Host("host2")));
            ping(Place::Node("host2", "gre-r2"), "10.0.99.3");
            assert_eq!(spoke.seen("echo"), there_and_back([2, 3], "gre, key 99", ["10.0.99.2", "10.0.99.3"]));
            assert_eq!(hub.seen("echo"), [""; 0]);
        });
    });
}

#[test]
fn a_monitor_on_open_vswitch_sees_what_two_other_hosts_say_to_each_other() {
    let name = "shipped::a_monitor_on_open_vswitch_sees_what_two_other_hosts_say_to_each_other";
    if !has_open_vswitch(name) {
        return;
    }
    with_hosts(name, 3, &format!("[ $I != 3 ] || {OPEN_VSWITCH} start /run/openvswitch"), || {
        with_topology("ovs-vxlan", 3, || {
            let [monitor, wire] = [Wire::of(Place::Node("host3", "ovs-vxlan-mon")), Wire::of(Place::Host("host3"))];
            ping(Place::Host("host1"), "192.168.0.2");
            let said = ["192.168.0.1 > 192.168.0.2: echo request", "192.168.0.2 > 192.168.0.1: echo reply"];
            assert_eq!(monitor.seen("echo"), said);
            let seen = wire.seen("vxlan at port");
            for (from, to, vni, what) in
                [(1, 3, 4100, said[0]), (3, 2, 4101, said[0]), (2, 3, 4101, said[1]), (3, 1, 4100, said[1])]
            {
                let told = format!("10.255.0.{from} > 10.255.0.{to}: vxlan at port 4789, VNI {vni}: {what}");
                assert!(seen.contains(&told), "no {told} in {seen:#?}");
            }
        });
    });
}
