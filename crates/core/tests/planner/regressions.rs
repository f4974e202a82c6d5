//! Faults of the planner that once were, each as small as it gets, with the plan that is right.

use netsim_core::names::LabName;
use netsim_core::plan::plan;
use netsim_core::sim::Sim;
use netsim_core::state::{Feature, HostState, Observed, Scope};
use netsim_core::testing::{resource, resources, show_plan};

use crate::harness::{lab, leaves_nothing, observe, perform, plan_to, reach, standing};

fn state(text: &str) -> HostState {
    resources(text).into_iter().collect()
}

fn lines(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

/// From one state to another by exactly this plan, and then to nothing.
#[track_caller]
fn check(from: &str, to: &str, expected: &str) {
    let to = state(to);
    let mut sim = standing(&state(from)).expect("it can be made");
    assert_eq!(show_plan(&plan_to(&sim, &to).expect("nobody stands in the way")), lines(expected));
    reach(&mut sim, &to).expect("the plan is right");
    leaves_nothing(sim, &Sim::default()).expect("it can be removed");
}

#[test]
fn a_setting_is_forgotten_with_its_device() {
    check(
        "netns t-a
         bridge t-a/br0
         sysctl t-a net.ipv4.conf.br0.rp_filter 1",
        "netns t-a
         veth t-a/br0 t-a/e0",
        "- sysctl t-a net.ipv4.conf.br0.rp_filter 1
         - bridge t-a/br0
         + veth t-a/br0 t-a/e0",
    );
}

#[test]
fn a_setting_whose_device_a_hand_removed_is_forgotten() {
    let with = |more: &str| state(&format!("netns t-a\nbridge t-a/br0\n{more}"));
    let setting = "sysctl t-a net.ipv4.conf.br0.rp_filter 1";
    for then in ["", setting] {
        let mut sim = standing(&with(setting)).expect("it can be made");
        sim.remove_by_hand(&resource("bridge t-a/br0").key()).expect("it is there");
        reach(&mut sim, &with(then)).expect("the plan is right");
        leaves_nothing(sim, &Sim::default()).expect("it can be removed");
    }
}

#[test]
fn a_secondary_address_is_as_desired_whether_or_not_the_host_promotes_it() {
    for promotes in [0, 1] {
        let mut sim = Sim::default();
        let setting = format!("sysctl host net.ipv4.conf.all.promote_secondaries {promotes}");
        sim.change_by_hand(&resource(&setting)).expect("the host has it");
        let two = state("bridge host/br0\naddress host/br0 10.0.0.1/24\naddress host/br0 10.0.0.2/24");
        let one = state("bridge host/br0\naddress host/br0 10.0.0.2/24");
        for desired in [two, one] {
            reach(&mut sim, &desired).expect("the plan is right");
        }
    }
}

#[test]
fn secondary_addresses_stay_where_they_are_promoted() {
    check(
        "netns t-a
         sysctl t-a net.ipv4.conf.all.promote_secondaries 1
         address t-a/lo 10.0.0.1/24
         address t-a/lo 10.0.0.2/24",
        "netns t-a
         sysctl t-a net.ipv4.conf.all.promote_secondaries 1
         address t-a/lo 10.0.0.2/24",
        "- address t-a/lo 10.0.0.1/24",
    );
}

#[test]
fn a_multipath_route_does_not_fall_with_a_device_that_only_goes_down() {
    let common = "netns t-a
        veth t-a/e0 t-a/e1
        up t-a/e0
        address t-a/e0 10.0.0.1/24
        address t-a/e1 10.0.1.1/24";
    check(
        &format!("{common}\nup t-a/e1\nroute t-a 10.9.0.0/24 via e0=10.0.0.100 e1=10.0.1.100"),
        common,
        "- route t-a 10.9.0.0/24 via e0=10.0.0.100 e1=10.0.1.100
         - up t-a/e1",
    );
}

#[test]
fn a_route_without_a_gateway_is_made_again_when_the_last_address_of_its_device_changes() {
    let common = "netns t-a
        bridge t-a/br0
        up t-a/br0
        route t-a 10.9.0.0/24 via br0";
    check(
        &format!("{common}\naddress t-a/br0 10.0.0.1/24"),
        &format!("{common}\naddress t-a/br0 10.0.1.1/24"),
        "- route t-a 10.9.0.0/24 via br0
         - address t-a/br0 10.0.0.1/24
         + address t-a/br0 10.0.1.1/24
         + route t-a 10.9.0.0/24 via br0",
    );
}

#[test]
fn a_route_that_loses_a_next_hop_is_changed_before_the_device_goes() {
    let common = "netns t-a
        veth t-a/e0 t-a/e1
        up t-a/e0
        address t-a/e0 10.0.0.1/24";
    check(
        &format!(
            "{common}
             bridge t-a/br0
             up t-a/br0
             address t-a/br0 10.0.1.1/24
             route t-a 10.9.0.0/24 via br0=10.0.1.100 e0=10.0.0.100"
        ),
        &format!("{common}\nroute t-a 10.9.0.0/24 via e0=10.0.0.100"),
        "~ route t-a 10.9.0.0/24 via br0=10.0.1.100 e0=10.0.0.100 => route t-a 10.9.0.0/24 via e0=10.0.0.100
         - bridge t-a/br0",
    );
}

#[test]
fn an_ipv6_route_leaves_a_device_before_that_gets_too_small_for_it() {
    let common = "netns t-a
        up t-a/e0
        veth t-a/f0 t-a/f1
        up t-a/f0
        address t-a/f0 fd00::1/64";
    check(
        &format!("{common}\nveth t-a/e0 t-a/e1\nroute t-a fd09::/64 via e0"),
        &format!("{common}\nveth t-a/e0,mtu=1000 t-a/e1\nroute t-a fd09::/64 via f0=fd00::100"),
        "~ route t-a fd09::/64 via e0 => route t-a fd09::/64 via f0=fd00::100
         ~ veth t-a/e0 t-a/e1 => veth t-a/e0,mtu=1000 t-a/e1",
    );
    check(
        &format!("{common}\nveth t-a/e0 t-a/e1\nroute t-a fd09::/64 via e0"),
        "netns t-a
         up t-a/e0
         bridge t-a/br0
         up t-a/br0
         veth t-a/e0,mtu=1000 t-a/e1
         route t-a fd09::/64 via br0",
        "- route t-a fd09::/64 via e0
         - veth t-a/f0 t-a/f1
         + bridge t-a/br0
         ~ veth t-a/e0 t-a/e1 => veth t-a/e0,mtu=1000 t-a/e1
         + up t-a/br0
         + route t-a fd09::/64 via br0",
    );
}

#[test]
fn an_ipv6_route_leaves_a_bridge_before_that_gets_a_port_too_small_for_it() {
    let common = "netns t-a
        bridge t-a/br0
        up t-a/br0
        veth t-a/e0,mtu=1000 t-a/e1
        up t-a/e1";
    check(
        &format!("{common}\nroute t-a fd09::/64 via br0"),
        &format!("{common}\nport t-a/e0 br0\nroute t-a fd09::/64 via e1"),
        "~ route t-a fd09::/64 via br0 => route t-a fd09::/64 via e1
         + port t-a/e0 br0",
    );
}

/// A kernel without multipath routes was asked for them where a route stood already, and refused in the middle of the apply.
#[test]
fn a_feature_that_only_an_update_needs_is_refused_in_the_plan_when_the_kernel_lacks_it() {
    let devices = "netns t-a
        bridge t-a/br0
        up t-a/br0
        address t-a/br0 10.0.0.1/24\n";
    let one = state(&format!("{devices} route t-a 10.9.0.0/24 via br0=10.0.0.100"));
    let two = state(&format!("{devices} route t-a 10.9.0.0/24 via br0=10.0.0.100 br0=10.0.0.101"));
    let mut sim = Sim::default();
    let actions = plan_to(&sim, &one).expect("nothing is in the way");
    perform(&mut sim, &actions).expect("a plan can be done");
    sim.facts.lacks.insert(Feature::Multipath);
    assert_eq!(plan(&one, &observe(&sim, &one)), Ok(Vec::new()));
    let refusals = plan(&two, &observe(&sim, &two)).expect_err("the kernel cannot do it");
    let told: Vec<_> = refusals.iter().map(|r| (r.code, r.to_string(), r.needed_by.clone())).collect();
    let needed_by = vec![resource("route t-a 10.9.0.0/24 via br0=10.0.0.100").key()];
    let message = "this kernel has no multipath routes (CONFIG_IP_ROUTE_MULTIPATH)".to_owned();
    assert_eq!(told, [(71, message, needed_by)]);
}

/// Killed between the ledger's new entry and the change, a lab did not know the old value as its own any more and left it behind.
#[test]
fn a_borrowed_setting_that_is_set_anew_is_given_back_wherever_that_is_cut() {
    let want = |value: &str| state(&format!("sysctl host net.ipv4.conf.all.rp_filter {value}"));
    let mut sim = Sim::default();
    let actions = plan_to(&sim, &want("1")).expect("nothing is in the way");
    perform(&mut sim, &actions).expect("a plan can be done");
    let actions = plan_to(&sim, &want("2")).expect("nothing is in the way");
    for cut in 0..=actions.len() {
        let mut sim = sim.clone();
        perform(&mut sim, &actions[..cut]).expect("a plan can be done");
        let away = plan_to(&sim, &HostState::default()).expect("nothing is in the way");
        perform(&mut sim, &away).expect("a plan can be done");
        assert_eq!(sim, Sim::default(), "cut after {cut} of {actions:?}");
    }
}

/// A setting that another lab has borrowed is not set otherwise under its hands.
#[test]
fn a_setting_that_another_lab_has_borrowed_is_refused_with_its_name() {
    let forward = state("sysctl host net.ipv4.ip_forward 1");
    let other = LabName::new("u").expect("a name");
    let mut sim = Sim::default();
    for action in plan(&forward, &sim.observe(&Scope::of(&other, &forward))).expect("nothing is in the way") {
        sim.do_one(&other, &action).expect("a plan can be done");
    }
    let wanted: HostState = [resource("sysctl host net.ipv4.ip_forward 0")].into_iter().collect();
    let refusals = plan(&wanted, &sim.observe(&Scope::of(&lab(), &wanted))).expect_err("it is lent");
    assert_eq!(refusals.iter().map(|r| (r.code, r.lab.clone())).collect::<Vec<_>>(), [(73, Some(other))]);
}

/// The plan between two states, as text.
fn plans(from: &str, to: &str, expected: &str) {
    let observed = Observed { ours: state(from), ..Observed::default() };
    let actions = plan(&state(to), &observed).expect("nothing is in the way");
    let words = |text: &str| text.lines().map(|line| format!("{}\n", line.trim())).collect::<String>();
    assert_eq!(show_plan(&actions), words(expected.trim()));
}

const DEVICE: &str = "netns t-a
    bridge t-a/br0
    up t-a/br0\n";

#[test]
fn a_secondary_address_outlives_its_primary_one_where_the_kernel_promotes_it() {
    let promotes = format!("{DEVICE} sysctl t-a net.ipv4.conf.all.promote_secondaries 1\n");
    plans(
        &format!("{promotes} address t-a/br0 10.0.0.1/24\n address t-a/br0 10.0.0.2/24"),
        &format!("{promotes} address t-a/br0 10.0.0.2/24"),
        "- address t-a/br0 10.0.0.1/24",
    );
    plans(
        &format!("{DEVICE} address t-a/br0 10.0.0.1/24\n address t-a/br0 10.0.0.2/24"),
        &format!("{DEVICE} address t-a/br0 10.0.0.2/24"),
        "- address t-a/br0 10.0.0.2/24
         - address t-a/br0 10.0.0.1/24
         + address t-a/br0 10.0.0.2/24",
    );
}

#[test]
fn a_device_takes_a_whole_ipv4_multipath_route_along_and_of_ipv6_only_its_own_part() {
    let two =
        format!("{DEVICE} bridge t-a/br1\n up t-a/br1\n address t-a/br0 10.0.0.1/24\n address t-a/br1 10.0.1.1/24\n");
    plans(
        &format!("{two} route t-a 10.9.0.0/24 via br0=10.0.0.100 br1=10.0.1.100"),
        &format!("{DEVICE} address t-a/br0 10.0.0.1/24"),
        "- bridge t-a/br1",
    );
    let two =
        format!("{DEVICE} bridge t-a/br1\n up t-a/br1\n address t-a/br0 fd00:0::1/64\n address t-a/br1 fd00:1::1/64\n");
    plans(
        &format!("{two} route t-a fd09::/64 via br0=fd00:0::100 br1=fd00:1::100"),
        &format!("{DEVICE} address t-a/br0 fd00:0::1/64"),
        "- route t-a fd09::/64 via br0=fd00::100 br1=fd00:1::100
         - bridge t-a/br1",
    );
}

#[test]
fn what_the_kernel_drops_with_an_mtu_below_1280_is_taken_away_first() {
    let pair = |mtu: u32| format!("netns t-a\n netns t-b\n veth t-a/e0,mtu={mtu} t-b/e1,mtu={mtu}\n up t-a/e0\n");
    plans(
        &format!("{} address t-a/e0 fd00::1/64", pair(1280)),
        &format!("{} address t-a/e0 fd00::1/64", pair(1279)),
        "- address t-a/e0 fd00::1/64
         ~ veth t-a/e0,mtu=1280 t-b/e1,mtu=1280 => veth t-a/e0,mtu=1279 t-b/e1,mtu=1279
         + address t-a/e0 fd00::1/64",
    );
    plans(
        &format!("{} address t-a/e0 fd00::1/64", pair(1500)),
        &format!("{} address t-a/e0 fd00::1/64", pair(1280)),
        "~ veth t-a/e0 t-b/e1 => veth t-a/e0,mtu=1280 t-b/e1,mtu=1280",
    );
}

#[test]
fn a_device_that_goes_down_takes_its_single_routes_along_and_leaves_its_ipv4_addresses() {
    let on = "netns t-a\n bridge t-a/br0\n address t-a/br0 10.0.0.1/24\n";
    plans(
        &format!("{on} up t-a/br0\n route t-a 10.9.0.0/24 via br0=10.0.0.100\n address t-a/br0 fd00::1/64"),
        on,
        "- up t-a/br0",
    );
}

#[test]
fn programs_run_when_all_else_on_the_host_stands() {
    plans(
        "",
        &format!("ran t-a 0 7\n {DEVICE} address t-a/br0 10.0.0.1/24\n route t-a 10.9.0.0/24 via br0=10.0.0.100"),
        "+ netns t-a
         + bridge t-a/br0
         + up t-a/br0
         + address t-a/br0 10.0.0.1/24
         + route t-a 10.9.0.0/24 via br0=10.0.0.100
         + ran t-a 0 7",
    );
}

/// A hand had taken 10.0.2.1 away; with the last address of the device the kernel dropped the route that the plan meant to keep.
#[test]
fn a_route_without_its_gateways_address_goes_with_the_last_address_of_the_device() {
    let route = "route t-a 10.9.1.0/24 via br0=10.0.2.100";
    plans(
        &format!("{DEVICE} address t-a/br0 10.0.0.1/24\n {route}"),
        &format!("{DEVICE} address t-a/br0 10.0.2.1/24\n {route}"),
        "- route t-a 10.9.1.0/24 via br0=10.0.2.100
         - address t-a/br0 10.0.0.1/24
         + address t-a/br0 10.0.2.1/24
         + route t-a 10.9.1.0/24 via br0=10.0.2.100",
    );
}
