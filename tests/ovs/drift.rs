//! What hands and accidents do to a running lab is seen, and put right again.

use super::support::run;
use super::support::switch::{Switch, beside_a_switch};
use super::{answers, netns, nothing_left, shipped, status};

#[test]
fn what_a_hand_changed_is_seen_and_repaired() {
    beside_a_switch("drift::what_a_hand_changed_is_seen_and_repaired", |machine, switch| {
        let file = shipped("ovs-vlans");
        machine.ok(["apply", &file, "--check"]);
        let whole = switch.seen();
        let port = |node: &str| {
            let device = machine.ok(["show", &format!("{node}:eth0"), "--format", "json"]);
            let document: serde_json::Value = serde_json::from_str(&device).expect("it is JSON");
            document["ends"][1][1]["device"].as_str().expect("it has another end").to_owned()
        };
        let (pc1, pc2) = (port("pc1"), port("pc2"));
        let hand = [
            (format!("set Port {pc1} tag=20"), "access VLAN 20 → access VLAN 10"),
            (format!("set Interface {pc1} ingress_policing_rate=1000"), "takes in 1mbit → takes in all"),
            (format!("del-port {pc2}"), "missing  port floor:ovs-vlans-pc2-eth0 of OVS bridge floor"),
            ("set-fail-mode floor secure".to_owned(), "fail mode secure → none"),
            ("set Bridge core stp_enable=true".to_owned(), "stp on → off"),
            ("set Bridge floor other_config:mac-aging-time=7".to_owned(), "mac-aging-time 7 → 60"),
            ("del-br core".to_owned(), "missing  OVS bridge core"),
        ];
        for (words, change) in hand {
            switch.vsctl(&words);
            let (said, as_wanted) = status(machine, "ovs-vlans");
            let told = change.split(" → ").collect::<Vec<_>>();
            let turned = match told[..] {
                // A plan tells what a step does, status what has become of the lab.
                [was, is] => {
                    let (what, was) = was.rsplit_once(' ').map_or(("", was), |(what, was)| (what, was));
                    match is.contains(' ') {
                        true => format!("{is} → {}", told[0]),
                        false => format!("{what} {is} → {was}"),
                    }
                }
                _ => change.to_owned(),
            };
            assert!(!as_wanted && said.contains(&turned), "{words}: {turned}: {said}");
            let plan = machine.ok(["plan", &file, "--steps"]);
            assert!(told.len() == 1 || plan.contains(change), "{words}: {plan}");
            machine.ok(["apply", &file, "--check"]);
            machine.is_whole(&file);
            assert_eq!(switch.seen(), whole, "{words}");
        }
        machine.ok(["destroy", "ovs-vlans"]);
        nothing_left(machine, switch);
    });
}

#[test]
fn what_a_hand_added_is_shown_and_left_alone() {
    beside_a_switch("drift::what_a_hand_added_is_shown_and_left_alone", |machine, switch| {
        let file = shipped("mirror");
        run("ip", &["link", "add", "mine", "type", "veth", "peer", "name", "other"]);
        let datapath = super::support::switch::datapath();
        switch.vsctl(&format!("add-br theirs -- set Bridge theirs datapath_type={datapath} -- add-port theirs other"));
        let before = switch.seen();
        machine.ok(["apply", &file, "--check"]);
        switch.vsctl("add-port sw mine tag=7");
        let (said, as_wanted) = status(machine, "mirror");
        assert!(as_wanted && said.contains("by hand  OVS port mine (OVS port made by hand)"), "{said}");
        assert!(!said.contains("theirs"), "{said}");
        assert!(machine.ok(["apply", &file]).contains("nothing to do"));
        assert_eq!(switch.vsctl("get Port mine tag"), "7");
        switch.vsctl("del-port mine");
        machine.ok(["destroy", "mirror"]);
        assert_eq!(switch.seen(), before);
        switch.vsctl("del-br theirs");
        run("ip", &["link", "del", "mine"]);
        nothing_left(machine, switch);
    });
}

#[test]
fn a_lab_outlives_a_switch_that_is_started_anew() {
    beside_a_switch("drift::a_lab_outlives_a_switch_that_is_started_anew", |machine, switch| {
        let file = shipped("mirror");
        machine.ok(["apply", &file, "--check"]);
        let whole = switch.seen();
        switch.stop();
        let said = machine.fails(["status", "mirror"]);
        assert!(said.contains("E141"), "{said}");
        switch.start();
        machine.ok(["apply", &file, "--check"]);
        machine.is_whole(&file);
        assert_eq!(switch.seen(), whole);
        assert!(answers(netns("mirror-a"), "10.4.0.2"));
        machine.ok(["destroy", "mirror"]);
        nothing_left(machine, switch);
    });
}

#[test]
fn a_database_that_is_wiped_under_a_lab_is_filled_again() {
    beside_a_switch("drift::a_database_that_is_wiped_under_a_lab_is_filled_again", |machine, switch| {
        let file = shipped("ovs-vlans");
        for how in ["seen", "unseen"] {
            let wipe = |switch: &Switch| if how == "seen" { switch.wipe() } else { switch.wipe_unseen() };
            machine.ok(["apply", &file, "--check"]);
            let whole = switch.seen();
            wipe(switch);
            let (said, as_wanted) = status(machine, "ovs-vlans");
            assert!(!as_wanted, "{how}: {said}");
            for bridge in ["core", "floor"] {
                assert!(said.contains(&format!("missing  OVS bridge {bridge}")), "{how}: {said}");
            }
            machine.ok(["apply", &file, "--check"]);
            machine.is_whole(&file);
            assert_eq!(switch.seen(), whole, "{how}");

            wipe(switch);
            machine.ok(["destroy", "ovs-vlans"]);
            // What a switch made for itself, and forgot, is no lab's.
            switch.forget_datapath();
            nothing_left(machine, switch);
        }
    });
}
