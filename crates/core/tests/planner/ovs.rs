//! Plans with Open vSwitch.

use expect_test::{Expect, expect};
use netsim_core::names::LabName;
use netsim_core::plan::plan;
use netsim_core::resource::Key;
use netsim_core::sim::Sim;
use netsim_core::state::HostState;
use netsim_core::testing::{resource, resources, show_plan};

use crate::harness::{leaves_nothing, observe, plan_to, reach, standing};

fn state(text: &str) -> HostState {
    let base = "netns t-a\nveth host/o0 t-a/o0\nveth host/o1 t-a/o1\novs-bridge br0\n";
    resources(&format!("{base}{text}")).into_iter().collect()
}

/// The plan from one state to another; it leads there.
fn check(from: &str, to: &str, expect: Expect) {
    let (from, to) = (state(from), state(to));
    let mut sim = standing(&from).expect("it can be so");
    let actions = reach(&mut sim, &to).expect("it can become so");
    expect.assert_eq(&show_plan(&actions));
    leaves_nothing(sim, &Sim::default()).expect("it can be removed");
}

#[test]
fn a_node_moves_from_a_bridge_of_the_kernel_to_one_of_open_vswitch_in_two_steps() {
    check(
        "bridge host/k0\nport host/o0 k0",
        "bridge host/k0\novs-port o0 br0",
        expect![[r#"
        - port host/o0 k0
        + ovs-port o0 br0
    "#]],
    );
    check(
        "bridge host/k0\novs-port o0 br0",
        "bridge host/k0\nport host/o0 k0",
        expect![[r#"
        - ovs-port o0 br0
        + port host/o0 k0
    "#]],
    );
}

#[test]
fn a_mirror_is_removed_in_one_step_and_made_anew_when_its_port_is() {
    let ports = "ovs-port o0 br0\novs-port o1 br0";
    check(
        &format!("{ports}\novs-mirror br0 m0 in=o0 out=o0 to=o1"),
        ports,
        expect![[r#"
        - ovs-mirror br0 m0 in=o0 out=o0 to=o1
    "#]],
    );
    check(
        &format!("{ports}\novs-port i0 br0 internal\novs-mirror br0 m0 in=i0 to=o1"),
        &format!("{ports}\novs-port i0 br0 patch=p0\novs-mirror br0 m0 in=i0 to=o1"),
        expect![[r#"
            - ovs-mirror br0 m0 in=i0 to=o1
            - ovs-port i0 br0 internal
            + ovs-port i0 br0 patch=p0
            + ovs-mirror br0 m0 in=i0 to=o1
        "#]],
    );
    // What it copies now is changed before what it copied goes.
    check(
        &format!("{ports}\novs-port i0 br0 internal\novs-mirror br0 m0 in=i0/o0 to=o1"),
        &format!("{ports}\novs-mirror br0 m0 in=o0 to=o1"),
        expect![[r#"
            ~ ovs-mirror br0 m0 in=i0/o0 to=o1 => ovs-mirror br0 m0 in=o0 to=o1
            - ovs-port i0 br0 internal
        "#]],
    );
}

#[test]
fn flows_are_loaded_again_where_open_vswitch_drops_them() {
    let lab = |bridge: &str| -> HostState { resources(&format!("{bridge}\novs-flows br0 7")).into_iter().collect() };
    let mut sim = standing(&lab("ovs-bridge br0")).expect("it can be so");
    let mut to = |bridge: &str| show_plan(&reach(&mut sim, &lab(bridge)).expect("it can become so"));
    expect![[r#"
        - ovs-flows br0 7
        ~ ovs-bridge br0 => ovs-bridge br0,controller=tcp:192.0.2.1:6653
        + ovs-flows br0 7
    "#]]
    .assert_eq(&to("ovs-bridge br0,controller=tcp:192.0.2.1:6653"));
    expect![[r#"
        - ovs-bridge br0,controller=tcp:192.0.2.1:6653
        + ovs-bridge br0,netdev,controller=tcp:192.0.2.1:6653
        + ovs-flows br0 7
    "#]]
    .assert_eq(&to("ovs-bridge br0,netdev,controller=tcp:192.0.2.1:6653"));
    expect![[r#"
        ~ ovs-bridge br0,netdev,controller=tcp:192.0.2.1:6653 => ovs-bridge br0,netdev,stp,controller=tcp:192.0.2.1:6653
    "#]]
    .assert_eq(&to("ovs-bridge br0,netdev,stp,controller=tcp:192.0.2.1:6653"));
}

#[test]
fn a_rate_is_taken_away_before_its_port_is() {
    check(
        "ovs-port o0 br0\novs-qos o0 10000000",
        "",
        expect![[r#"
        - ovs-qos o0 10000000
        - ovs-port o0 br0
    "#]],
    );
    let limited = "ovs-port o0 br0\novs-qos o0 noop\ntbf host/o0 rate=1250000 buffer=781250 limit=62500";
    check(
        "ovs-port o0 br0\novs-qos o0 10000000",
        limited,
        expect![[r#"
        + tbf host/o0 rate=1250000 buffer=781250 limit=62500
        ~ ovs-qos o0 10000000 => ovs-qos o0 noop
    "#]],
    );
    check(
        "tbf host/o0 rate=1250000 buffer=781250 limit=62500",
        limited,
        expect![[r#"
        - tbf host/o0 rate=1250000 buffer=781250 limit=62500
        + ovs-port o0 br0
        + tbf host/o0 rate=1250000 buffer=781250 limit=62500
        + ovs-qos o0 noop
    "#]],
    );
}

#[test]
fn a_name_in_open_vswitch_that_is_not_ours_is_refused_once_with_whose_it_is() {
    let lab = LabName::new("u").expect("a name");
    for (theirs, key) in [("ovs-bridge br0", "OVS bridge br0"), ("ovs-bridge o0", "OVS port o0")] {
        let mut sim = Sim::default();
        sim.plant(&resource(theirs), Some(&lab)).expect("nothing is there");
        let wanted: HostState = resources("ovs-bridge br0\novs-port o0 br0 internal").into_iter().collect();
        let refusals = plan(&wanted, &observe(&sim, &wanted)).expect_err("it is taken");
        let told: Vec<(u16, String, Option<LabName>)> =
            refusals.into_iter().map(|refusal| (refusal.code, refusal.key.to_string(), refusal.lab)).collect();
        assert_eq!(told, [(70, key.to_owned(), Some(lab.clone()))]);
    }
}

#[test]
fn an_address_on_a_switch_of_another_lab_is_told_of_the_switch_alone() {
    let lab = LabName::new("u").expect("a name");
    let bridge = ["ovs-bridge br0", "address host/br0 10.0.9.1/24"];
    let mut sim = Sim::default();
    bridge.into_iter().for_each(|text| sim.plant(&resource(text), Some(&lab)).expect("nothing is in the way"));
    let wanted: HostState = resources(&bridge.join("\n")).into_iter().collect();
    let refusals = plan(&wanted, &observe(&sim, &wanted)).expect_err("it is taken");
    let told: Vec<String> = refusals.into_iter().map(|refusal| refusal.message).collect();
    assert_eq!(told, ["OVS bridge br0 is taken by lab u"]);
}

#[test]
fn a_database_that_was_wiped_is_filled_again() {
    let of_bridge = "ovs-port o0 br0\novs-port i0 br0 internal\novs-mirror br0 m0 all to=o0\novs-flows br0 7";
    let wanted = state(&format!("{of_bridge}\nup host/i0\naddress host/i0 10.0.9.1/24"));
    let mut sim = standing(&wanted).expect("it can be so");
    let bridge: Key = resource("ovs-bridge br0").key();
    sim.remove_by_hand(&bridge).expect("it is there");
    expect![[r#"
        + ovs-bridge br0
        + ovs-port i0 br0 internal
        + ovs-flows br0 7
        + up host/i0
        + address host/i0 10.0.9.1/24
        + ovs-port o0 br0
        + ovs-mirror br0 m0 all to=o0
    "#]]
    .assert_eq(&show_plan(&plan_to(&sim, &wanted).expect("it can be so again")));
    leaves_nothing(sim.clone(), &Sim::default()).expect("it can be removed");
    reach(&mut sim, &wanted).expect("it can be so again");
}
