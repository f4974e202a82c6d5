//! A lab with Open vSwitch: planned, made, seen, changed, taken away.

use std::collections::BTreeSet;
use std::time::Duration;

use netsim_core::plan::{Action, plan};
use netsim_core::resource::{
    FailMode, Key, MirrorFrom, Ovs as Thing, OvsBridge, OvsFlows, OvsKey, OvsMirror, OvsPort, OvsQos, Resource,
    VlanMode,
};
use netsim_core::state::{HostState, Scope};
use netsim_core::testing::show_plan;
use netsim_host::backend::{Progress, StepError};
use netsim_host::ovs::{Op, Row, Rows, Setting, Table, Value, codes};
use nix::sys::signal::Signal;

use super::common::{address, id, lab, port as linux_port, same, state, up};
use super::words::*;
use super::{beside_a_switch, datapath, nothing_is_left, run};

/// The names of what of a state is not as wanted.
fn not_as_wanted(desired: &HostState) -> BTreeSet<String> {
    plan_for(desired).iter().flat_map(Action::resources).map(|resource| resource.key().to_string()).collect()
}

#[test]
fn everything_of_open_vswitch_is_made_and_seen_and_goes() {
    beside_a_switch("backend::everything_of_open_vswitch_is_made_and_seen_and_goes", |switch| {
        become_so(&everything());
        become_so(&HostState::default());
        nothing_is_left(switch);
    });
}

#[test]
fn everything_of_open_vswitch_changes_in_place() {
    beside_a_switch("backend::everything_of_open_vswitch_changes_in_place", |switch| {
        let first = everything();
        become_so(&first);
        let otherwise = |thing: &Thing| -> Kind {
            match thing {
                Thing::Bridge(b) if b.name == name("sw1") => OvsBridge {
                    mac: netsim_core::names::Mac([2, 0, 0, 0, 9, 9]),
                    stp: false,
                    rstp: true,
                    protocols: BTreeSet::new(),
                    controllers: ["tcp:127.0.0.1:10".to_owned(), "tcp:127.0.0.1:11".to_owned()].into(),
                    other_config: [("mac-table-size".to_owned(), "100".to_owned())].into(),
                    tag: None,
                    ..OvsBridge::clone(b)
                }
                .into(),
                Thing::Bridge(b) => OvsBridge { fail_mode: Some(FailMode::Secure), ..OvsBridge::clone(b) }.into(),
                Thing::Port(p) => {
                    let tag = Some(9).filter(|_| p.tag.is_none());
                    let vlan_mode = tag.map(|_| VlanMode::NativeUntagged);
                    OvsPort {
                        tag,
                        vlan_mode,
                        trunks: Vec::new(),
                        protected: true,
                        policing_rate: 77,
                        policing_burst: 8,
                        ..OvsPort::clone(p)
                    }
                    .into()
                }
                Thing::Mirror(m) => OvsMirror { from: MirrorFrom::All, ..OvsMirror::clone(m) }.into(),
                Thing::Qos(q) => OvsQos { max_rate: q.max_rate.map_or(Some(5_000_000), |_| None), ..q.clone() }.into(),
                Thing::Flows(f) => OvsFlows::new(f.bridge, "actions=NORMAL").into(),
                Thing::Stray(_) => panic!("it is not wanted"),
            }
        };
        let other = |resource: &Resource| match resource {
            Resource::Ovs(thing) => of(otherwise(thing)),
            resource => resource.clone(),
        };
        let second: HostState = first.iter().map(|(_, resource)| other(resource)).collect();
        let numbers = |rows: &Rows| rows.interfaces.iter().map(|i| (i.name.clone(), i.ofport)).collect::<Vec<_>>();
        let before = numbers(&switch.rows());
        for wanted in [&second, &first] {
            let actions = become_so(wanted);
            let flows = |r: &Resource| matches!(r, Resource::Ovs(Thing::Flows(_)));
            let kept = |action: &Action| matches!(action, Action::Update { .. }) || action.resources().any(flows);
            assert!(actions.iter().all(kept), "{}", show_plan(&actions));
            assert_eq!(numbers(&switch.rows()), before);
        }
        become_so(&HostState::default());
        nothing_is_left(switch);
    });
}

#[test]
fn a_wiped_database_is_seen_and_made_anew_or_gone_for_good() {
    beside_a_switch("backend::a_wiped_database_is_seen_and_made_anew_or_gone_for_good", |switch| {
        let wipe = || std::fs::remove_file(switch.folder.join("conf.db")).expect("it is there");
        let under_the_switch = || {
            switch.signal("ovsdb-server", Signal::SIGKILL);
            wipe();
            switch.start();
        };
        let while_none_runs = || {
            switch.stop();
            wipe();
            switch.start();
        };
        let ways: [&dyn Fn(); 2] = [&under_the_switch, &while_none_runs];
        for lose in ways {
            become_so(&everything());
            lose();
            let missing = not_as_wanted(&everything());
            for wanted in everything().iter().map(|(key, _)| key).filter(|key| matches!(key, Key::Ovs(_))) {
                assert!(missing.contains(&wanted.to_string()), "{wanted} is missing, and not told: {missing:?}");
            }
            assert!(!missing.contains("device host/s-a"), "{missing:?}");
            become_so(&everything());
            lose();
            become_so(&HostState::default());
            super::settled(switch);
            nothing_is_left(switch);
        }
    });
}

#[test]
fn a_switch_started_anew_has_lost_its_flows_only() {
    beside_a_switch("backend::a_switch_started_anew_has_lost_its_flows_only", |switch| {
        become_so(&everything());
        for signal in [Signal::SIGKILL, Signal::SIGTERM] {
            switch.signal("ovs-vswitchd", signal);
            super::until("it has ended", || !switch.runs("ovs-vswitchd"));
            switch.start();
            assert_eq!(not_as_wanted(&everything()), ["OVS flows of sw".to_owned()].into());
            become_so(&everything());
        }
        become_so(&HostState::default());
        nothing_is_left(switch);
    });
}

#[test]
fn what_a_hand_took_away_is_seen_and_comes_back() {
    beside_a_switch("backend::what_a_hand_took_away_is_seen_and_comes_back", |switch| {
        become_so(&everything());
        let by_hand = |command: &str| {
            let words: Vec<&str> = command.split_whitespace().collect();
            run(words[0], &words[1..]);
            let lost = not_as_wanted(&everything());
            become_so(&everything());
            lost
        };
        let told = |what: &[&str], lost: BTreeSet<String>| {
            for what in what {
                assert!(lost.contains(*what), "{what} is not among {lost:?}");
            }
        };
        told(&["OVS port s-b", "OVS mirror m of sw"], by_hand("ovs-vsctl del-port s-b"));
        told(&["OVS port s-b"], by_hand("ovs-vsctl set port s-b vlan_mode=native-tagged"));
        told(&["OVS port in0"], by_hand("ovs-vsctl set interface in0 type=vxlan options:remote_ip=192.0.2.1"));
        told(&["OVS bridge sw", "OVS port s-a", "up host/sw", "OVS flows of sw"], by_hand("ovs-vsctl del-br sw"));
        told(&["OVS mirror m of sw"], by_hand("ovs-vsctl clear bridge sw mirrors"));
        told(&["OVS QoS of s-a"], by_hand("ovs-vsctl clear port s-a qos"));
        told(&["OVS QoS of s-a"], by_hand("ovs-vsctl set port s-a qos=@q -- --id=@q create QoS type=linux-htb"));
        told(&["OVS flows of sw"], by_hand("ovs-ofctl del-flows sw in_port=s-a"));
        told(&["OVS port s-a", "device host/s-a"], by_hand("ip link del s-a"));
        told(&["up host/in0"], by_hand("ip link set in0 down"));
        if datapath() == "netdev" {
            told(&["OVS port in0", "up host/in0", "address 10.8.0.1/24 on host/in0"], by_hand("ip link del in0"));
            told(&["OVS bridge sw", "OVS port in0"], by_hand("ip link del sw"));
        }
        become_so(&HostState::default());
        run("ovs-vsctl", &["--all", "destroy", "QoS"]);
        nothing_is_left(switch);
    });
}

#[test]
fn a_hung_switch_is_told_before_anything_is_touched_and_a_lab_goes_all_the_same() {
    beside_a_switch(
        "backend::a_hung_switch_is_told_before_anything_is_touched_and_a_lab_goes_all_the_same",
        |switch| {
            let impatient = local().with_patience(Duration::from_secs(1));
            let (whole, nothing) = (everything(), HostState::default());
            let apply = |desired: &HostState| {
                let scope = Scope::of(&lab(), desired);
                let actions = plan(
                    desired,
                    &impatient.observe_now(&scope).map_err(|error| StepError::Failed { action: None, error })?,
                );
                impatient.apply_now(&scope, &actions.expect("nothing is in the way"), &Progress::default())
            };
            let code = |result: Result<_, StepError>| match result {
                Err(StepError::Failed { error, .. } | StepError::Untouched(error)) => error.code,
                Err(StepError::Interrupted) | Ok(_) => panic!("it hangs"),
            };
            switch.signal("ovs-vswitchd", Signal::SIGSTOP);
            assert_eq!(code(apply(&whole)), codes::SWITCH_HANGS);
            nothing_is_left(switch);
            // From the change that was in vain on it is known without another.
            let error = impatient.observe_now(&Scope::of(&lab(), &whole)).expect_err("it hangs");
            assert_eq!(error.code, codes::SWITCH_HANGS);
            switch.signal("ovs-vswitchd", Signal::SIGCONT);

            become_so(&whole);
            switch.signal("ovs-vswitchd", Signal::SIGSTOP);
            same(&apply(&nothing).expect("it goes").ours, &nothing);
            nothing_is_left(switch);
            switch.signal("ovs-vswitchd", Signal::SIGCONT);
            super::settled(switch);
            nothing_is_left(switch);
            become_so(&whole);
            become_so(&nothing);
            nothing_is_left(switch);
        },
    );
}

#[test]
fn without_a_switch_a_lab_that_needs_one_is_refused_and_others_are_not() {
    beside_a_switch("backend::without_a_switch_a_lab_that_needs_one_is_refused_and_others_are_not", |switch| {
        become_so(&everything());
        let plain = state([super::common::netns("plain")]);
        let code = |desired: &HostState| local().observe_now(&Scope::of(&lab(), desired)).map_err(|e| e.code).err();
        switch.signal("ovs-vswitchd", Signal::SIGKILL);
        super::until("it has ended", || !switch.runs("ovs-vswitchd"));
        assert_eq!(code(&everything()), Some(codes::NOT_RUNNING));
        switch.stop();
        assert_eq!(code(&everything()), Some(codes::NOT_RUNNING));
        // Its devices show that it has rows there.
        assert_eq!(code(&HostState::default()), Some(codes::NOT_RUNNING));
        switch.start();
        become_so(&HostState::default());
        nothing_is_left(switch);
        switch.stop();
        assert_eq!(code(&everything()), Some(codes::NOT_RUNNING));
        become_so(&plain);
        become_so(&HostState::default());
    });
}

#[test]
fn rows_without_a_switch_can_be_deleted() {
    beside_a_switch("backend::rows_without_a_switch_can_be_deleted", |switch| {
        become_so(&everything());
        switch.signal("ovs-vswitchd", Signal::SIGKILL);
        super::until("it has ended", || !switch.runs("ovs-vswitchd"));
        become_so(&HostState::default());
        nothing_is_left(switch);
        switch.start();
        nothing_is_left(switch);
    });
}

#[test]
fn a_port_that_cannot_be_opened_is_an_error_of_its_action_and_is_tried_again() {
    beside_a_switch("backend::a_port_that_cannot_be_opened_is_an_error_of_its_action_and_is_tried_again", |switch| {
        let wanted = state([node("a", "10.9.0.1/24"), vec![of(bridge("sw")), of(port("sw", "s-a"))]]);
        // Somebody takes its device away meanwhile.
        let of_device = |action: &Action| {
            action.resources().any(|r| matches!(r, Resource::Device(_) | Resource::Up(_) | Resource::Address(_)))
        };
        let actions: Vec<Action> = plan_for(&wanted).into_iter().filter(|action| !of_device(action)).collect();
        let at = actions.iter().position(|a| *a == Action::Create(of(port("sw", "s-a")))).expect("it is planned");
        let Err(StepError::Failed { action, error }) = apply(&wanted, &actions) else { panic!("there is no device") };
        assert_eq!((action, error.code), (Some(at), codes::NOT_OPENED));
        let told = "open port s-a of Open vSwitch: could not open network device s-a (No such device)";
        assert_eq!(error.to_string(), told);
        assert!(not_as_wanted(&wanted).contains("OVS port s-a"));
        become_so(&wanted);
        become_so(&HostState::default());
        nothing_is_left(switch);
    });
}

#[test]
fn a_bridge_whose_datapath_is_not_to_be_had_is_told_and_goes() {
    let name = "backend::a_bridge_whose_datapath_is_not_to_be_had_is_told_and_goes";
    if datapath() == "system" {
        return eprintln!("SKIPPED {name}: this kernel has the datapath");
    }
    beside_a_switch(name, |switch| {
        let datapath = netsim_core::resource::Datapath::System;
        let wanted = state([vec![of(OvsBridge { datapath, ..bridge("sw") }), up("host/sw")]]);
        let refused = plan(&wanted, &observe(&wanted)).expect_err("there is none");
        assert_eq!(refused[0].message, "this kernel has no datapath of Open vSwitch (CONFIG_OPENVSWITCH)");
        // It was there a moment ago.
        let actions: Vec<Action> = wanted.iter().map(|(_, resource)| Action::Create(resource.clone())).collect();
        let Err(StepError::Failed { action, error }) = apply(&wanted, &actions) else { panic!("there is none") };
        assert_eq!((action, error.code), (Some(0), codes::NOT_OPENED));
        become_so(&HostState::default());
        nothing_is_left(switch);
    });
}

#[test]
fn a_node_moves_from_a_bridge_of_the_kernel_to_open_vswitch_and_back() {
    beside_a_switch("backend::a_node_moves_from_a_bridge_of_the_kernel_to_open_vswitch_and_back", |switch| {
        let both = |plugged: Vec<Resource>| {
            let bridges = vec![of(bridge("sw")), super::common::bridge("host/br0"), up("host/br0")];
            state([node("a", "10.9.0.1/24"), bridges, plugged])
        };
        let kernel = both(vec![linux_port("host/s-a", "br0")]);
        let ovs = both(vec![of(port("sw", "s-a"))]);
        become_so(&kernel);
        let keys = |actions: Vec<Action>| actions.iter().map(show_action).collect::<Vec<_>>();
        assert_eq!(keys(become_so(&ovs)), ["delete port host/s-a", "create OVS port s-a"]);
        assert_eq!(keys(become_so(&kernel)), ["delete OVS port s-a", "create port host/s-a"]);
        let limited = state([
            ovs.iter().map(|(_, r)| r.clone()).collect(),
            vec![of(OvsQos { port: name("s-a"), max_rate: Some(1_000_000) })],
        ]);
        become_so(&limited);
        let shown = || run("tc", &["qdisc", "show", "dev", "s-a"]);
        assert!(shown().contains("htb"), "{}", shown());
        become_so(&kernel);
        assert!(!shown().contains("htb"), "{}", shown());
        become_so(&HostState::default());
        nothing_is_left(switch);
    });
}

fn show_action(action: &Action) -> String {
    match action {
        Action::Create(resource) => format!("create {}", resource.key()),
        Action::Update { to, .. } => format!("update {}", to.key()),
        Action::Delete(resource) => format!("delete {}", resource.key()),
        Action::Borrow(_) | Action::GiveBack(_) => "a loan".to_owned(),
    }
}

#[test]
fn rows_of_others_stay_as_they_are() {
    beside_a_switch("backend::rows_of_others_stay_as_they_are", |switch| {
        super::wires(["v0", "v1"]);
        let theirs = |lab: Option<&str>| {
            let mark = lab.map(|lab| Setting::at("external_ids", "netsim-lab", lab));
            let ids = || Setting::at("external_ids", "theirs", "yes");
            let datapath = Setting::of("datapath_type", Value::text(datapath()));
            vec![
                Op::AddBridge {
                    name: "sw".into(),
                    settings: vec![datapath, ids()].into_iter().chain(mark.clone()).collect(),
                },
                Op::AddPort {
                    bridge: "sw".into(),
                    name: "v0".into(),
                    port: vec![ids()].into_iter().chain(mark).collect(),
                    interface: Vec::new(),
                },
                Op::Create {
                    id: "q".into(),
                    table: Table::Qos,
                    settings: vec![Setting::of("type", Value::text("linux-htb")), ids()],
                },
                Op::Set {
                    table: Table::Port,
                    row: Row::Name("v0".into()),
                    settings: vec![Setting::of("qos", Value::Called("q".into()))],
                },
            ]
        };
        for lab_of_theirs in [None, Some("other")] {
            switch.commit([theirs(lab_of_theirs)]);
            let wanted = state([vec![of(bridge("sw")), of(port("sw", "v0"))]]);
            let refused = plan(&wanted, &observe(&wanted)).expect_err("they are others'");
            let keys: BTreeSet<Key> = refused.iter().map(|r| r.key.clone()).collect();
            assert!(keys.contains(&Key::Ovs(OvsKey::Bridge(name("sw")))), "{refused:?}");
            assert!(refused.iter().all(|r| r.lab.as_ref().map(|l| l.as_str()) == lab_of_theirs), "{refused:?}");
            let without_numbers = || Rows { switch: switch.rows().switch.clone(), ..switch.rows() };
            let before = without_numbers();
            let ours = state([
                node("a", "10.9.0.1/24"),
                vec![of(bridge("mine")), of(port("mine", "s-a")), up("host/mine"), address("host/mine", "10.9.0.9/24")],
                vec![of(OvsQos { port: name("s-a"), max_rate: Some(1_000_000) })],
            ]);
            become_so(&ours);
            become_so(&HostState::default());
            let mut after = without_numbers();
            after.switch = before.switch.clone();
            assert_eq!(after, before);
            let gone = [Op::DeleteBridge(Row::Name("sw".into()))];
            let qos = Op::Destroy { table: Table::Qos, row: Row::Uuid(before.qos[0].uuid.clone()) };
            switch.commit([gone.into()]);
            switch.commit([vec![qos]]);
        }
    });
}

#[test]
fn a_mark_that_was_left_out_is_set_when_the_device_comes_up() {
    beside_a_switch("backend::a_mark_that_was_left_out_is_set_when_the_device_comes_up", |switch| {
        let wanted = state([vec![of(bridge("sw")), up("host/sw"), address("host/sw", "10.9.0.9/24")]]);
        become_so(&wanted);
        run("ip", &["link", "set", "sw", "group", "0"]);
        assert_eq!(not_as_wanted(&wanted), ["up host/sw".to_owned()].into());
        become_so(&wanted);
        assert_eq!(id("host/sw").name, name("sw"));
        become_so(&HostState::default());
        nothing_is_left(switch);
    });
}

#[test]
fn the_labs_that_have_rows_are_told() {
    beside_a_switch("backend::the_labs_that_have_rows_are_told", |_| {
        become_so(&state([vec![of(bridge("sw"))]]));
        assert_eq!(local().labs().expect("it can be looked at"), [lab()].into());
        become_so(&HostState::default());
        assert_eq!(local().labs().expect("it can be looked at"), BTreeSet::new());
    });
}
