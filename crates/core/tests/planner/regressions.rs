//! Faults of the planner that once were, each as small as it gets.

use netsim_core::names::LabName;
use netsim_core::plan::plan;
use netsim_core::sim::Sim;
use netsim_core::state::{Feature, HostState, Observed, Scope};
use netsim_core::testing::{resource, resources, show_plan};

use crate::harness::{lab, observe, perform, plan_to};

fn state(text: &str) -> HostState {
    resources(text).into_iter().collect()
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
    let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["this kernel has no multipath routes (CONFIG_IP_ROUTE_MULTIPATH); needed by route t-a to 10.9.0.0/24"]
    );
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
fn check(from: &str, to: &str, expected: &str) {
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
    check(
        &format!("{promotes} address t-a/br0 10.0.0.1/24\n address t-a/br0 10.0.0.2/24"),
        &format!("{promotes} address t-a/br0 10.0.0.2/24"),
        "- address t-a/br0 10.0.0.1/24",
    );
    check(
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
    check(
        &format!("{two} route t-a 10.9.0.0/24 via br0=10.0.0.100 br1=10.0.1.100"),
        &format!("{DEVICE} address t-a/br0 10.0.0.1/24"),
        "- bridge t-a/br1",
    );
    let two =
        format!("{DEVICE} bridge t-a/br1\n up t-a/br1\n address t-a/br0 fd00:0::1/64\n address t-a/br1 fd00:1::1/64\n");
    check(
        &format!("{two} route t-a fd09::/64 via br0=fd00:0::100 br1=fd00:1::100"),
        &format!("{DEVICE} address t-a/br0 fd00:0::1/64"),
        "- route t-a fd09::/64 via br0=fd00::100 br1=fd00:1::100
         - bridge t-a/br1",
    );
}

#[test]
fn what_the_kernel_drops_with_an_mtu_below_1280_is_taken_away_first() {
    let pair = |mtu: u32| format!("netns t-a\n netns t-b\n veth t-a/e0,mtu={mtu} t-b/e1,mtu={mtu}\n up t-a/e0\n");
    check(
        &format!("{} address t-a/e0 fd00::1/64", pair(1280)),
        &format!("{} address t-a/e0 fd00::1/64", pair(1279)),
        "- address t-a/e0 fd00::1/64
         ~ veth t-a/e0,mtu=1280 t-b/e1,mtu=1280 => veth t-a/e0,mtu=1279 t-b/e1,mtu=1279
         + address t-a/e0 fd00::1/64",
    );
    check(
        &format!("{} address t-a/e0 fd00::1/64", pair(1500)),
        &format!("{} address t-a/e0 fd00::1/64", pair(1280)),
        "~ veth t-a/e0 t-b/e1 => veth t-a/e0,mtu=1280 t-b/e1,mtu=1280",
    );
}

#[test]
fn a_device_that_goes_down_takes_its_single_routes_along_and_leaves_its_ipv4_addresses() {
    let on = "netns t-a\n bridge t-a/br0\n address t-a/br0 10.0.0.1/24\n";
    check(
        &format!("{on} up t-a/br0\n route t-a 10.9.0.0/24 via br0=10.0.0.100\n address t-a/br0 fd00::1/64"),
        on,
        "- up t-a/br0",
    );
}

#[test]
fn programs_run_when_all_else_on_the_host_stands() {
    check(
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
    check(
        &format!("{DEVICE} address t-a/br0 10.0.0.1/24\n {route}"),
        &format!("{DEVICE} address t-a/br0 10.0.2.1/24\n {route}"),
        "- route t-a 10.9.1.0/24 via br0=10.0.2.100
         - address t-a/br0 10.0.0.1/24
         + address t-a/br0 10.0.2.1/24
         + route t-a 10.9.1.0/24 via br0=10.0.2.100",
    );
}
