//! Plans around what kernels do by themselves to bonds, VRFs, VLANs and devices on others: each as small as it gets.

use netsim_core::sim::Sim;
use netsim_core::state::HostState;
use netsim_core::testing::{resources, show_plan};

use crate::harness::{leaves_nothing, plan_to, reach, standing};

fn state(text: &str) -> HostState {
    resources(text).into_iter().collect()
}

/// From one state to another by exactly this plan, and then to nothing.
#[track_caller]
fn check(from: &str, to: &str, expected: &str) {
    let to = state(to);
    let mut sim = standing(&state(from)).expect("it can be made");
    let expected: String = expected.lines().map(|line| format!("{}\n", line.trim())).collect();
    assert_eq!(show_plan(&plan_to(&sim, &to).expect("nobody stands in the way")), expected);
    reach(&mut sim, &to).expect("the plan is right");
    leaves_nothing(sim, &Sim::default()).expect("it can be removed");
}

const BOND: &str = "netns t-a
    bond t-a/bond0,mac=02:00:00:00:00:01 active-backup\n";

#[test]
fn a_device_that_is_up_goes_down_to_join_a_bond_and_is_taken_up_by_it() {
    let member = "dummy t-a/d0,mac=02:00:00:00:00:01\nup t-a/d0";
    check(
        &format!("{BOND}{member}"),
        &format!("{BOND}{member}\nport t-a/d0 bond0"),
        "- up t-a/d0
         + port t-a/d0 bond0
         + up t-a/d0",
    );
}

#[test]
fn a_bond_that_loses_its_last_member_is_given_its_address_again() {
    let member = "dummy t-a/d0,mac=02:00:00:00:00:01\nport t-a/d0 bond0\nup t-a/d0";
    check(
        &format!("{BOND}{member}"),
        BOND.trim(),
        "- dummy t-a/d0,mac=02:00:00:00:00:01
         ~ bond t-a/bond0 active-backup => bond t-a/bond0,mac=02:00:00:00:00:01 active-backup",
    );
}

#[test]
fn the_members_of_a_bond_leave_while_it_gets_another_mtu() {
    let with = |mtu: u32| {
        format!(
            "netns t-a
             bond t-a/bond0,mac=02:00:00:00:00:01,mtu={mtu} active-backup
             dummy t-a/d0,mac=02:00:00:00:00:01,mtu={mtu}
             port t-a/d0 bond0
             up t-a/d0"
        )
    };
    check(
        &with(1400),
        &with(1300),
        "- port t-a/d0 bond0
         ~ bond t-a/bond0,mtu=1400 active-backup => bond t-a/bond0,mac=02:00:00:00:00:01,mtu=1300 active-backup
         ~ dummy t-a/d0,mac=02:00:00:00:00:01,mtu=1400 => dummy t-a/d0,mac=02:00:00:00:00:01,mtu=1300
         + port t-a/d0 bond0
         + up t-a/d0",
    );
}

const NODE: &str = "netns t-a
    vrf t-a/red 10
    veth t-a/e0 t-a/e1
    up t-a/e0
    address t-a/e0 10.0.0.1/24\n";

#[test]
fn what_a_new_member_of_a_vrf_would_lose_goes_first_and_comes_back_and_ipv4_addresses_stay() {
    check(
        &format!("{NODE}address t-a/e0 fd00::1/64\nroute t-a 10.9.0.0/24 via e0=10.0.0.100"),
        &format!("{NODE}address t-a/e0 fd00::1/64\nport t-a/e0 red\nroute t-a 10.9.0.0/24 table=10 via e0=10.0.0.100"),
        "- address t-a/e0 fd00::1/64
         - route t-a 10.9.0.0/24 via e0=10.0.0.100
         + port t-a/e0 red
         + address t-a/e0 fd00::1/64
         + route t-a 10.9.0.0/24 table=10 via e0=10.0.0.100",
    );
}

#[test]
fn a_vlan_that_shall_be_down_is_made_after_its_parent_is_up() {
    check(
        "netns t-a
         dummy t-a/d0
         vlan t-a/v d0 10",
        "netns t-a
         dummy t-a/d0
         vlan t-a/v d0 10
         up t-a/d0",
        "- vlan t-a/v d0 10
         + up t-a/d0
         + vlan t-a/v d0 10",
    );
}

#[test]
fn a_parent_that_grows_comes_before_what_stands_on_it_and_one_that_shrinks_too() {
    let with = |mtu: u32| format!("netns t-a\ndummy t-a/d0,mtu={mtu}\nvlan t-a/v,mtu={mtu} d0 10");
    for (from, to) in [(1400, 9000), (9000, 1400)] {
        check(
            &with(from),
            &with(to),
            &format!(
                "~ dummy t-a/d0,mtu={from} => dummy t-a/d0,mtu={to}
                 ~ vlan t-a/v,mtu={from} d0 10 => vlan t-a/v,mtu={to} d0 10"
            ),
        );
    }
}

#[test]
fn an_ipvlan_device_that_keeps_its_mtu_is_told_so_when_that_of_its_parent_changes() {
    let with = |mtu: u32| format!("netns t-a\ndummy t-a/d0,mtu={mtu}\nipvlan t-a/i,mtu=1300 t-a/d0 l2");
    check(
        &with(1400),
        &with(9000),
        "~ dummy t-a/d0,mtu=1400 => dummy t-a/d0,mtu=9000
         ~ ipvlan t-a/i t-a/d0 l2 => ipvlan t-a/i,mtu=1300 t-a/d0 l2",
    );
}

#[test]
fn what_stands_on_a_device_out_of_a_dying_namespace_is_deleted_where_another_takes_its_place() {
    let nic = "dummy host/d0";
    let on = |node: &str| format!("{nic}\nnetns {node}\nmacvlan {node}/m host/d0 passthru");
    check(
        &on("t-a"),
        &on("t-b"),
        "- macvlan t-a/m host/d0 passthru
         - netns t-a
         + netns t-b
         + macvlan t-b/m host/d0 passthru",
    );
    // Nobody waits for it.
    check(&on("t-a"), nic, "- netns t-a");
}

#[test]
fn what_stands_on_a_device_in_a_dying_namespace_is_deleted_for_it_lingers() {
    check(
        "netns t-a
         netns t-b
         dummy t-a/d0
         macvlan t-b/m t-a/d0 bridge
         up t-b/m",
        "netns t-b
         dummy t-b/m",
        "- macvlan t-b/m t-a/d0 bridge
         - netns t-a
         + dummy t-b/m",
    );
}

#[test]
fn a_port_that_goes_to_another_bridge_is_freed_first_and_told_its_vlans_again() {
    let bridges = "netns t-a
        bridge t-a/br0,filtering
        bridge t-a/br1,filtering
        dummy t-a/d0\n";
    check(
        &format!("{bridges}port t-a/d0 br0\nvlans t-a/d0 10u pvid=10"),
        &format!("{bridges}port t-a/d0 br1\nvlans t-a/d0 10u pvid=10"),
        "- port t-a/d0 br0
         + port t-a/d0 br1
         + vlans t-a/d0 10u pvid=10",
    );
}

#[test]
fn a_bridge_forgets_vlans_before_it_stops_filtering() {
    check(
        "netns t-a
         bridge t-a/br0,filtering
         dummy t-a/d0
         port t-a/d0 br0
         vlans t-a/d0 10u pvid=10",
        "netns t-a
         bridge t-a/br0
         dummy t-a/d0
         port t-a/d0 br0",
        "- vlans t-a/d0 10u pvid=10
         ~ bridge t-a/br0,filtering => bridge t-a/br0",
    );
}

#[test]
fn impairments_change_in_place_and_go_with_their_device() {
    check(
        "netns t-a
         veth t-a/e0 t-a/e1
         netem t-a/e0 delay=1000
         netem t-a/e1 delay=1000
         dummy t-a/d0
         netem t-a/d0 delay=1000",
        "netns t-a
         veth t-a/e0 t-a/e1
         tbf t-a/e0 rate=1250000 buffer=781250 limit=62500",
        "- netem t-a/e1 delay=1000
         - dummy t-a/d0
         ~ netem t-a/e0 delay=1000 => tbf t-a/e0 rate=1250000 buffer=781250 limit=62500",
    );
}

#[test]
fn a_tunnel_in_a_namespace_that_goes_is_deleted_first_for_its_name_is_the_hosts() {
    let with = |netns: &str, tunnel: &str| format!("netns {netns}\n{}", tunnel.replace("t-x", netns));
    let vxlan = "vxlan t-x/x0 7 192.0.2.1\nfdb t-x/x0 00:00:00:00:00:00 192.0.2.2\nup t-x/x0";
    check(
        &with("t-a", vxlan),
        &with("t-b", vxlan),
        "- vxlan t-a/x0 7 192.0.2.1
         - netns t-a
         + netns t-b
         + vxlan t-b/x0 7 192.0.2.1
         + up t-b/x0
         + fdb t-b/x0 00:00:00:00:00:00 192.0.2.2",
    );
    let gre = "gre t-x/g0 192.0.2.1\nneighbour t-x/g0 10.0.0.2 192.0.2.2";
    check(
        &with("t-a", gre),
        &with("t-b", gre),
        "- gre t-a/g0 192.0.2.1
         - netns t-a
         + netns t-b
         + gre t-b/g0 192.0.2.1
         + neighbour t-b/g0 10.0.0.2 192.0.2.2",
    );
}

#[test]
fn a_tunnel_gets_another_far_side_in_place_and_another_network_as_a_new_device() {
    let vxlan = |said: &str| format!("netns t-a\nvxlan t-a/x0 {said}\nup t-a/x0");
    check(
        &vxlan("7 192.0.2.1 remote=192.0.2.2"),
        &vxlan("7 192.0.2.1 remote=192.0.2.3 ttl=9"),
        "~ vxlan t-a/x0 7 192.0.2.1 remote=192.0.2.2 => vxlan t-a/x0 7 192.0.2.1 remote=192.0.2.3 ttl=9",
    );
    check(
        &vxlan("7 192.0.2.1 remote=192.0.2.2"),
        &vxlan("8 192.0.2.1 remote=192.0.2.2"),
        "- vxlan t-a/x0 7 192.0.2.1 remote=192.0.2.2
         + vxlan t-a/x0 8 192.0.2.1 remote=192.0.2.2
         + up t-a/x0",
    );
    // What a device has of its remote, it has not as an entry.
    check(
        &vxlan("7 192.0.2.1 remote=192.0.2.2"),
        &format!("{}\nfdb t-a/x0 00:00:00:00:00:00 192.0.2.2", vxlan("7 192.0.2.1")),
        "~ vxlan t-a/x0 7 192.0.2.1 remote=192.0.2.2 => vxlan t-a/x0 7 192.0.2.1
         + fdb t-a/x0 00:00:00:00:00:00 192.0.2.2",
    );
}

#[test]
fn neighbours_come_again_after_what_takes_them_away() {
    let hub = "netns t-a\ngre t-a/g0 192.0.2.1\nup t-a/g0\nneighbour t-a/g0 10.0.0.2 192.0.2.2";
    check(
        &format!("{hub}\naddress t-a/g0 10.0.0.1/24"),
        &format!("{hub}\naddress t-a/g0 10.0.0.9/24"),
        "- neighbour t-a/g0 10.0.0.2 192.0.2.2
         - address t-a/g0 10.0.0.1/24
         + address t-a/g0 10.0.0.9/24
         + neighbour t-a/g0 10.0.0.2 192.0.2.2",
    );
    check(
        &format!("{hub}\nvrf t-a/red 10"),
        &format!("{hub}\nvrf t-a/red 10\nport t-a/g0 red"),
        "- neighbour t-a/g0 10.0.0.2 192.0.2.2
         + port t-a/g0 red
         + neighbour t-a/g0 10.0.0.2 192.0.2.2",
    );
}
