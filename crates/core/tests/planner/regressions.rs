//! Faults of the planner that once were, each as small as it gets.

use netsim_core::names::LabName;
use netsim_core::plan::plan;
use netsim_core::sim::Sim;
use netsim_core::state::{Feature, HostState, Scope};
use netsim_core::testing::{resource, resources};

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
