//! Flows of a bridge.

use netsim_host::ovs::{Op, Row, Setting, Table, Value, codes, digest};

use super::{beside_a_switch, bridge, port, run, wires};

#[test]
fn flows_are_read_back_the_same_until_somebody_changes_them() {
    beside_a_switch("flows::flows_are_read_back_the_same_until_somebody_changes_them", |switch| {
        wires(["v0"]);
        switch.commit([vec![bridge("br0"), port("br0", "v0")]]);
        let ovs = switch.client();
        let file = "# of a lab\n\ntable=0 priority=5,ip,nw_dst=10.0.0.1/8 actions=output:v0 # there\ncookie=0x7,actions=NORMAL\n";
        ovs.replace_flows("br0", file).expect("they are right");
        let flows = ovs.flows("br0").expect("it answers");
        assert_eq!(flows, ["cookie=0x7, actions=NORMAL", "priority=5,ip,nw_dst=10.0.0.0/8 actions=output:v0"]);
        let kept = digest(&flows);

        run("ip", &["address", "add", "192.0.2.1/24", "dev", "x-v0"]);
        let _ = std::process::Command::new("ping").args(["-c1", "-W1", "-q", "192.0.2.2"]).output();
        let reordered = "cookie=0x7,actions=NORMAL\npriority=5,ip,nw_dst=10.0.0.0/8 actions=output:v0";
        assert_eq!(digest(&ovs.flows("br0").expect("it answers")), kept);
        ovs.replace_flows("br0", reordered).expect("they are right");
        assert_eq!(digest(&ovs.flows("br0").expect("it answers")), kept);
        let socket = switch.path("br0.mgmt");
        run("ovs-ofctl", &["add-flow", &format!("unix:{socket}"), "priority=9,actions=drop"]);
        assert_ne!(digest(&ovs.flows("br0").expect("it answers")), kept);
        ovs.replace_flows("br0", "").expect("none at all are right, too");
        assert_eq!(ovs.flows("br0"), Ok(Vec::new()));
    });
}

#[test]
fn flows_that_are_wrong_are_told_with_their_line_and_change_nothing() {
    beside_a_switch("flows::flows_that_are_wrong_are_told_with_their_line_and_change_nothing", |switch| {
        switch.commit([vec![bridge("br0")]]);
        let ovs = switch.client();
        let refusal = |flows: &str| {
            let error = ovs.replace_flows("br0", flows).expect_err("they are wrong");
            assert_eq!(error.code, codes::FLOWS);
            assert_eq!(ovs.flows("br0"), Ok(vec!["priority=0 actions=NORMAL".to_owned()]));
            error.to_string()
        };
        assert_eq!(refusal("actions=drop\npriority=1"), "set the flows of br0: -:2: must specify an action");
        assert_eq!(
            refusal("in_port=nope,actions=drop"),
            "set the flows of br0: -:1: nope: invalid or unknown port for in_port"
        );
        let settings = vec![Setting::of("protocols", Value::text("OpenFlow10"))];
        switch.commit([vec![Op::Set { table: Table::Bridge, row: Row::Name("br0".into()), settings }]]);
        assert_eq!(refusal("actions=drop"), "set the flows of br0: the bridge's protocols are too old for these flows");
    });
}

#[test]
fn another_fail_mode_or_controller_takes_the_flows_and_nothing_else_does() {
    beside_a_switch("flows::another_fail_mode_or_controller_takes_the_flows_and_nothing_else_does", |switch| {
        switch.commit([vec![bridge("br0")]]);
        let ovs = switch.client();
        let flows_after = |op: fn(Vec<Setting>) -> Vec<Op>, settings: &[Setting]| {
            ovs.replace_flows("br0", "priority=7,actions=drop").expect("they are right");
            switch.commit([op(settings.to_vec())]);
            ovs.flows("br0").expect("it answers")
        };
        let set = |settings| vec![Op::Set { table: Table::Bridge, row: Row::Name("br0".into()), settings }];
        let steer = |settings| {
            let create = Op::Create { id: "c".into(), table: Table::Controller, settings };
            let settings = vec![Setting::of("controller", Value::Called("c".into()))];
            vec![create, Op::Set { table: Table::Bridge, row: Row::Name("br0".into()), settings }]
        };
        let protocols = Value::Set(vec![Value::text("OpenFlow10"), Value::text("OpenFlow14")]);
        let kept = [
            Setting::of("protocols", protocols),
            Setting::of("stp_enable", Value::Bool(true)),
            Setting::at("other_config", "hwaddr", "02:00:00:00:00:01"),
        ];
        assert_eq!(flows_after(set, &kept), ["priority=7 actions=drop"]);
        assert_eq!(flows_after(set, &[Setting::of("fail_mode", Value::text("secure"))]), [""; 0]);
        assert_eq!(flows_after(steer, &[Setting::of("target", Value::text("tcp:127.0.0.1:9"))]), [""; 0]);
        assert_eq!(flows_after(set, &[Setting::of("controller", Value::Set(Vec::new()))]), [""; 0]);
        let standalone = Setting::of("fail_mode", Value::text("standalone"));
        assert_eq!(flows_after(set, &[standalone]), ["priority=0 actions=NORMAL"]);
    });
}
