//! Tunnels between hosts, each in states as small as it gets.

use crate::names::{HostId, NetnsName};
use crate::resource::NetnsId;
use crate::state::HostState;
use crate::testing::resources;
use crate::walk::Walk;

/// The pairs of these that reach each other there and back: each `host namespace address`. The n-th host is `n`, with 192.0.2.n in the underlay.
fn reached(hosts: &[String], pairs: &[(usize, &str, &str)]) -> Vec<bool> {
    let host = |number: usize| HostId::new(&format!("h{number}")).expect("a name");
    let states: Vec<(HostId, HostState)> =
        (1..).zip(hosts).map(|(number, text)| (host(number), resources(text).into_iter().collect())).collect();
    let walk = Walk::over(states.iter().map(|(host, state)| (host, state)));
    let netns = |name: &str| match name {
        "host" => NetnsId::Host,
        name => NetnsId::Named(NetnsName::new(name).expect("a name")),
    };
    let reaches = |&(number, from, to): &(usize, &str, &str)| {
        walk.reaches_on(&host(number), &netns(from), to.parse().expect("an address"))
    };
    pairs.iter().map(reaches).collect()
}

/// A node `n` on its host with a tunnel device `t` of its own: its kind, what is said of it, the node's address.
fn node(kind: &str, said: &str, address: &str) -> String {
    format!("netns n\n{kind} n/t {said}\nup n/t\naddress n/t {address}\n")
}

const BOTH: [(usize, &str, &str); 2] = [(1, "n", "10.0.0.2"), (2, "n", "10.0.0.1")];

/// Whether both of two nodes, each with a tunnel device, reach the other.
fn joined(kind: &str, a: &str, b: &str) -> bool {
    let hosts = [node(kind, a, "10.0.0.1/24"), node(kind, b, "10.0.0.2/24")];
    match &*reached(&hosts, &BOTH) {
        [true, true] => true,
        [false, false] => false,
        other => panic!("one way is no way: {other:?}"),
    }
}

#[test]
fn vxlan_joins_two_where_network_port_and_addresses_agree() {
    let there = "7 192.0.2.2 remote=192.0.2.1";
    for (here, is) in [
        ("7 192.0.2.1 remote=192.0.2.2", true),
        ("8 192.0.2.1 remote=192.0.2.2", false),
        ("7 192.0.2.1 remote=192.0.2.2 port=4790", false),
        ("7 192.0.2.1 remote=192.0.2.3", false),
        ("7 192.0.2.9 remote=192.0.2.2", false),
        ("7 192.0.2.1", false),
        ("7 192.0.2.1 remote=192.0.2.2 no-checksum", true),
    ] {
        assert_eq!(joined("vxlan", here, there), is, "{here}");
    }
    let six = "7 fd0f::2 remote=fd0f::1";
    assert!(joined("vxlan", "7 fd0f::1 remote=fd0f::2", six));
    assert!(!joined("vxlan", "7 fd0f::1 remote=fd0f::2 no-checksum", six));
}

#[test]
fn gre_joins_two_where_addresses_keys_and_checksums_agree() {
    for kind in ["gretap", "gre"] {
        for (here, there, is) in [
            ("192.0.2.1 remote=192.0.2.2", "192.0.2.2 remote=192.0.2.1", true),
            ("192.0.2.1 remote=192.0.2.2 key=5", "192.0.2.2 remote=192.0.2.1 key=5", true),
            ("192.0.2.1 remote=192.0.2.2 key=5", "192.0.2.2 remote=192.0.2.1", false),
            ("192.0.2.1 remote=192.0.2.2 key=0", "192.0.2.2 remote=192.0.2.1", false),
            ("192.0.2.1 remote=192.0.2.2 checksum", "192.0.2.2 remote=192.0.2.1", false),
            ("192.0.2.1 remote=192.0.2.3", "192.0.2.2 remote=192.0.2.1", false),
            ("fd0f::1 remote=fd0f::2", "fd0f::2 remote=fd0f::1", true),
        ] {
            assert_eq!(joined(kind, here, there), is, "{kind} {here}");
        }
    }
    let gre = |said, address| node("gre", said, address);
    let hosts =
        [gre("192.0.2.1 remote=192.0.2.2", "10.0.0.1/24"), node("gretap", "192.0.2.2 remote=192.0.2.1", "10.0.0.2/24")];
    assert_eq!(reached(&hosts, &BOTH), [false, false]);
}

#[test]
fn gre_to_many_asks_its_neighbours() {
    let spoke = |number: usize, neighbours: &str| {
        node("gre", &format!("192.0.2.{number} key=9"), &format!("10.0.0.{number}/24")) + neighbours
    };
    let hosts = [
        spoke(1, "neighbour n/t 10.0.0.2 192.0.2.2\nneighbour n/t 10.0.0.3 192.0.2.3"),
        spoke(2, "neighbour n/t 10.0.0.1 192.0.2.1\nneighbour n/t 10.0.0.3 192.0.2.9"),
        spoke(3, "neighbour n/t 10.0.0.1 192.0.2.1\nneighbour n/t 10.0.0.2 192.0.2.2"),
    ];
    let pairs =
        [(1, "n", "10.0.0.2"), (1, "n", "10.0.0.3"), (3, "n", "10.0.0.1"), (2, "n", "10.0.0.3"), (3, "n", "10.0.0.2")];
    assert_eq!(reached(&hosts, &pairs), [true, true, true, false, false]);
}

#[test]
fn packets_are_passed_on_behind_a_tunnel_there_and_back() {
    let router = |number: usize, far: usize| {
        format!(
            "{}sysctl n net.ipv4.ip_forward 1
             netns c
             veth n/e0 c/e0
             up n/e0
             up c/e0
             address n/e0 10.{number}.0.1/24
             address c/e0 10.{number}.0.2/24
             route c 0.0.0.0/0 via e0=10.{number}.0.1
             route n 10.{far}.0.0/24 via t=10.0.0.{far}",
            node("gre", &format!("192.0.2.{number} remote=192.0.2.{far}"), &format!("10.0.0.{number}/30")),
        )
    };
    let pairs = [(1, "c", "10.2.0.2"), (2, "c", "10.1.0.2"), (1, "c", "10.0.0.2"), (1, "c", "10.3.0.2")];
    assert_eq!(reached(&[router(1, 2), router(2, 1)], &pairs), [true, true, true, false]);
}

/// A bridge `s` on a host with a node `n` and a VXLAN device with these entries.
fn stretched(number: usize, said: &str, entries: &str) -> String {
    format!(
        "netns s
         bridge s/br0
         up s/br0
         netns n
         veth n/e0,mac=02:00:00:00:00:0{number} s/n
         up n/e0
         up s/n
         port s/n br0
         address n/e0 10.0.0.{number}/24
         vxlan s/t 7 192.0.2.{number} {said}
         up s/t
         port s/t br0
         {entries}"
    )
}

const THREE: [(usize, &str, &str); 3] = [(1, "n", "10.0.0.2"), (2, "n", "10.0.0.3"), (3, "n", "10.0.0.1")];

#[test]
fn a_bridge_on_three_hosts_is_one_by_a_group_and_by_entries() {
    let group = |number| stretched(number, "remote=239.1.1.1 dev=eth0", "");
    assert_eq!(reached(&[group(1), group(2), group(3)], &THREE), [true; 3]);
    let entries = |number: usize| {
        let others = (1..=3).filter(move |other| *other != number);
        let entry = |other: usize| {
            format!("fdb s/t 00:00:00:00:00:00 192.0.2.{other}\nfdb s/t 02:00:00:00:00:0{other} 192.0.2.{other}\n")
        };
        stretched(number, "no-learning", &others.map(entry).collect::<String>())
    };
    assert_eq!(reached(&[entries(1), entries(2), entries(3)], &THREE), [true; 3]);
    // One that lacks an entry for everybody, and one that has an address behind the wrong place.
    let deaf = entries(1).replace("fdb s/t 00:00:00:00:00:00 192.0.2.2", "");
    assert_eq!(reached(&[deaf, entries(2), entries(3)], &THREE), [false, true, true]);
    let wrong = entries(1).replace("02:00:00:00:00:02 192.0.2.2", "02:00:00:00:00:02 192.0.2.3");
    assert_eq!(reached(&[wrong, entries(2), entries(3)], &THREE), [false, true, true]);
}

#[test]
fn tagged_frames_cross_a_trunk_between_hosts() {
    let host = |number: usize, vid: u16| {
        stretched(number, "no-learning", "").replace("bridge s/br0", "bridge s/br0,filtering")
            + &format!(
                "\nvlans s/n {vid}u pvid={vid}\nvlans s/t 1u 10 20 pvid=1\nfdb s/t 00:00:00:00:00:00 192.0.2.{}",
                3 - number
            )
    };
    assert_eq!(reached(&[host(1, 10), host(2, 10)], &BOTH), [true, true]);
    assert_eq!(reached(&[host(1, 10), host(2, 20)], &BOTH), [false, false]);
}

/// A bridge of Open vSwitch on the first host, with a node and these ports.
fn switch(ports: &str) -> String {
    format!(
        "netns n
         veth host/n n/e0
         up host/n
         up n/e0
         address n/e0 10.0.0.1/24
         ovs-bridge br0
         ovs-port n br0
         {ports}"
    )
}

#[test]
fn a_port_of_open_vswitch_is_the_other_end_of_a_device() {
    let pairs = [BOTH[0], BOTH[1], (2, "n", "10.0.0.3"), (3, "n", "10.0.0.2")];
    let vxlan =
        |number: usize| node("vxlan", &format!("7 192.0.2.{number} remote=192.0.2.1"), &format!("10.0.0.{number}/24"));
    let port =
        |name: &str, to: usize, said: &str| format!("ovs-port {name} br0 tunnel=vxlan,192.0.2.1,192.0.2.{to},{said}\n");
    let open = switch(&(port("t2", 2, "key=7") + &port("t3", 3, "key=7")));
    assert_eq!(reached(&[open, vxlan(2), vxlan(3)], &pairs), [true; 4]);
    // Nothing passes from one tunnel into another where both are protected.
    let closed = switch(&(port("t2", 2, "key=7 protected") + &port("t3", 3, "key=7 protected")));
    assert_eq!(reached(&[closed, vxlan(2), vxlan(3)], &pairs), [true, true, false, false]);
    let other = switch(&(port("t2", 2, "key=8") + &port("t3", 3, "key=7")));
    assert_eq!(reached(&[other, vxlan(2), vxlan(3)], &pairs), [false; 4]);
    let gretap = node("gretap", "192.0.2.2 remote=192.0.2.1 key=7", "10.0.0.2/24");
    let gre = switch("ovs-port t br0 tunnel=gre,192.0.2.1,192.0.2.2,key=7");
    assert_eq!(reached(&[gre, gretap], &BOTH), [true, true]);
}

#[test]
fn bridges_of_open_vswitch_are_joined_by_geneve() {
    let far = switch("ovs-port t br0 tunnel=geneve,192.0.2.2,192.0.2.1,key=7").replace("10.0.0.1/24", "10.0.0.2/24");
    let near = |said: &str| switch(&format!("ovs-port t br0 tunnel={said},192.0.2.1,192.0.2.2,key=7"));
    assert_eq!(reached(&[near("geneve"), far.clone()], &BOTH), [true, true]);
    assert_eq!(reached(&[near("vxlan"), far], &BOTH), [false, false]);
}

#[test]
fn a_tunnel_that_is_down_carries_nothing_and_names_of_one_host_are_not_those_of_another() {
    let here = node("vxlan", "7 192.0.2.1 remote=192.0.2.2", "10.0.0.1/24");
    let there = node("vxlan", "7 192.0.2.2 remote=192.0.2.1", "10.0.0.2/24");
    let down = there.replace("up n/t\n", "");
    assert_eq!(reached(&[here.clone(), down], &BOTH), [false, false]);
    // A pair on each host between namespaces of the same names is two pairs.
    let pair =
        |a: &str, b: &str| format!("veth n/e0 m/e0\nup n/e0\nup m/e0\nnetns m\naddress n/e0 {a}\naddress m/e0 {b}\n");
    let hosts = [here + &pair("10.1.0.1/24", "10.1.0.2/24"), there + &pair("10.1.0.3/24", "10.1.0.4/24")];
    assert_eq!(reached(&hosts, &[(1, "n", "10.1.0.2"), (1, "n", "10.1.0.4")]), [true, false]);
}
