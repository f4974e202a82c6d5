//! Frames through switches, VLANs, bonds, VRFs and devices on others, each in a state as small as it gets.

use crate::names::NetnsName;
use crate::resource::NetnsId;
use crate::state::HostState;
use crate::testing::resources;
use crate::walk::Walk;

/// The pairs of addresses of a state that reach each other there and back, of these: each `namespace address`.
fn reached(text: &str, pairs: &[(&str, &str)]) -> Vec<bool> {
    let state: HostState = resources(text).into_iter().collect();
    let walk = Walk::new(&state);
    let netns = |name: &str| NetnsId::Named(NetnsName::new(name).expect("a name"));
    pairs.iter().map(|(from, to)| walk.reaches(&netns(from), to.parse().expect("an address"))).collect()
}

/// Nodes on a bridge: each with its address, how it is treated and the VLANs of its port.
fn switch(bridge: &str, nodes: &[(&str, &str, &str, &str)]) -> String {
    let node = |(name, address, port, vlans): &(&str, &str, &str, &str)| {
        let vlans = if vlans.is_empty() { String::new() } else { format!("vlans s/{name} {vlans}\n") };
        format!(
            "netns {name}\nveth {name}/e0 s/{name}\nup {name}/e0\nup s/{name}\nport s/{name} br0 {port}\n{vlans}address {name}/e0 {address}/24\n"
        )
    };
    format!("netns s\nbridge s/br0{bridge}\nup s/br0\n{}", nodes.iter().map(node).collect::<String>())
}

#[test]
fn an_isolated_port_hears_only_those_that_are_not() {
    let nodes = [("a", "10.0.0.1", "isolated", ""), ("b", "10.0.0.2", "isolated", ""), ("c", "10.0.0.3", "", "")];
    let pairs = [("a", "10.0.0.2"), ("a", "10.0.0.3"), ("c", "10.0.0.1"), ("b", "10.0.0.3")];
    assert_eq!(reached(&switch("", &nodes), &pairs), [false, true, true, true]);
}

#[test]
fn a_bridge_that_filters_keeps_vlans_apart_and_a_trunk_takes_them_by_their_tags() {
    let nodes = [
        ("a", "10.0.0.1", "", "10u pvid=10"),
        ("b", "10.0.0.2", "", "10u pvid=10"),
        ("c", "10.0.0.3", "", "20u pvid=20"),
        ("d", "10.0.9.1", "", "10 20"),
    ];
    let on_trunk = "
        vlan d/v10 e0 10
        up d/v10
        address d/v10 10.0.0.4/24
        vlan s/v20 br0 20
        up s/v20
        address s/v20 10.0.0.5/24
        vlans s/br0 20
    ";
    let state = switch(",filtering", &nodes) + on_trunk;
    let pairs = [
        ("a", "10.0.0.2"),
        ("a", "10.0.0.3"),
        ("a", "10.0.0.4"),
        ("d", "10.0.0.2"),
        ("d", "10.0.0.3"),
        ("c", "10.0.0.5"),
        ("a", "10.0.0.5"),
    ];
    assert_eq!(reached(&state, &pairs), [true, false, true, true, false, true, false]);
    let untold = switch(",filtering", &[("a", "10.0.0.1", "", ""), ("b", "10.0.0.2", "", "")]);
    assert_eq!(reached(&untold, &[("a", "10.0.0.2")]), [false]);
}

#[test]
fn frames_pass_vlans_within_vlans_and_bonds() {
    let end = |n: &str, last: u8| {
        format!(
            "netns {n}
             veth {n}/e0 {n}/unused
             bond {n}/b active-backup
             port {n}/p b
             up {n}/p
             up {n}/b
             vlan {n}/outer b 100 802.1ad
             up {n}/outer
             vlan {n}/inner outer 7
             up {n}/inner
             address {n}/inner 10.0.0.{last}/24
             vlan {n}/other b 7
             up {n}/other
             address {n}/other 10.1.{last}.1/16\n"
        )
    };
    let state = format!("{}{}veth a/p b/p\n", end("a", 1), end("b", 2));
    assert_eq!(reached(&state, &[("a", "10.0.0.2"), ("b", "10.1.1.1")]), [true, true]);
    let down = state.replace("up b/outer\n", "");
    assert_eq!(reached(&down, &[("a", "10.0.0.2"), ("b", "10.1.1.1")]), [false, true]);
}

#[test]
fn devices_on_one_parent_hear_each_other_as_their_mode_has_it() {
    let on = |kind: &str, modes: [&str; 2]| {
        format!(
            "netns p
             netns q
             netns a
             netns b
             veth p/e0 q/e0
             up p/e0
             up q/e0
             address p/e0 10.0.0.10/24
             address q/e0 10.0.0.20/24
             {kind} a/x p/e0 {}
             up a/x
             address a/x 10.0.0.1/24
             {kind} b/x p/e0 {}
             up b/x
             address b/x 10.0.0.2/24",
            modes[0], modes[1]
        )
    };
    // The other, whoever is outside, and what they stand on: that a driver does not let them hear.
    let pairs = [("a", "10.0.0.2"), ("a", "10.0.0.20"), ("q", "10.0.0.2"), ("a", "10.0.0.10")];
    assert_eq!(reached(&on("macvlan", ["bridge", "bridge"]), &pairs), [true, true, true, false]);
    assert_eq!(reached(&on("macvlan", ["private", "private"]), &pairs), [false, true, true, false]);
    assert_eq!(reached(&on("ipvlan", ["l2", "l2"]), &pairs), [true, true, true, false]);
    assert_eq!(reached(&on("ipvlan", ["l3", "l3"]), &pairs), [true, false, false, false]);
}

#[test]
fn two_customers_of_one_router_with_the_same_addresses_never_meet() {
    let customer = |name: &str, table: u32| {
        format!(
            "netns {name}1
             netns {name}2
             vrf r/{name} {table}
             up r/{name}
             veth {name}1/e0 r/{name}1
             veth {name}2/e0 r/{name}2
             port r/{name}1 {name}
             port r/{name}2 {name}
             up {name}1/e0
             up {name}2/e0
             up r/{name}1
             up r/{name}2
             address {name}1/e0 10.0.1.9/24
             address r/{name}1 10.0.1.1/24
             address {name}2/e0 10.0.2.9/24
             address r/{name}2 10.0.2.1/24
             route {name}1 0.0.0.0/0 via e0=10.0.1.1
             route {name}2 0.0.0.0/0 via e0=10.0.2.1\n"
        )
    };
    let router = "netns r\nsysctl r net.ipv4.ip_forward 1\nnetns x\nveth x/e0 r/x\nup x/e0\nup r/x\naddress x/e0 10.0.3.9/24\naddress r/x 10.0.3.1/24\nroute x 0.0.0.0/0 via e0=10.0.3.1\n";
    let both = format!("{router}{}{}", customer("red", 10), customer("blue", 20));
    let pairs = [("red1", "10.0.2.9"), ("blue2", "10.0.1.9"), ("x", "10.0.1.9"), ("red1", "10.0.3.9")];
    assert_eq!(reached(&both, &pairs), [true, true, false, false]);
}
