//! Labs on the real kernel, from the outside: what a person does, and what must then be so.

use std::process::{Command, Stdio};
use std::time::Duration;

mod support;
use support::{Machine, both, on_a_machine_of_its_own, run};

const STAR: &str = r#"
name: star
nodes:
  node[1-4]: {}
  sw: { kind: bridge, subnet: 10.0.1.0/24 }
links:
  - { endpoints: ["node[1-4]", sw] }
"#;

/// The shipped topologies.
const TOPOLOGIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../topologies");

/// The indices and addresses of a node's devices: a device that was replaced has another index.
fn identity(netns: &str) -> String {
    run("ip", &["-n", netns, "-o", "link", "show"]).lines().map(|l| l.split(" mtu").next().unwrap_or(l).to_owned() + "\n").collect()
}

fn steps(machine: &Machine, file: &str) -> Vec<String> {
    let plan = machine.ok(["plan", "--steps", file]);
    let step = |l: &&str| l.trim_start().starts_with(['+', '~', '-', '±']);
    plan.lines().filter(step).map(|l| l.trim().to_owned()).collect()
}

#[test]
fn a_second_apply_does_nothing_and_says_so() {
    on_a_machine_of_its_own("a_second_apply_does_nothing_and_says_so", |machine| {
        machine.file("star.yaml", STAR);
        machine.ok(["apply", "star.yaml", "--check"]);
        let before = machine.seen();
        let said = machine.ok(["apply", "star.yaml"]);
        assert!(said.contains("nothing to do"), "{said}");
        assert_eq!(machine.seen(), before);
        assert_eq!(machine.netsim(["plan", "star.yaml", "--detailed-exitcode"]).status().expect("netsim starts").code(), Some(0));
        machine.ok(["destroy", "star"]);
        machine.has_nothing_left();
    });
}

/// Each change of a running star: its text before and after, and how many steps it may take.
#[test]
fn a_change_touches_just_what_it_changes() {
    on_a_machine_of_its_own("a_change_touches_just_what_it_changes", |machine| {
        machine.file("star.yaml", STAR);
        machine.ok(["apply", "star.yaml", "--check"]);
        let others = || ["star-node1", "star-node2", "star-node4"].map(identity);
        let untouched = others();
        let nodes = "  node[1-4]: {}\n";
        let links = "  - { endpoints: [\"node[1-4]\", sw] }\n";
        let changes = [
            ("an address", nodes, "  node[1-4]: {}\n  y: { interfaces: { eth0: { ipv4: 10.0.1.77/24 } } }\n", "  - { endpoints: [\"{node1,node2,node3,node4,y}\", sw] }\n", 10),
            ("another address", nodes, "  node[1-4]: {}\n  y: { interfaces: { eth0: { ipv4: 10.0.1.78/24 } } }\n", "  - { endpoints: [\"{node1,node2,node3,node4,y}\", sw] }\n", 2),
            ("an MTU", nodes, "  node[1-4]: {}\n  y: { interfaces: { eth0: { ipv4: 10.0.1.78/24, mtu: 1400 } } }\n", "  - { endpoints: [\"{node1,node2,node3,node4,y}\", sw] }\n", 1),
            ("a node less", nodes, "  node[1-4]: {}\n", links, 3),
        ];
        for (what, old_nodes, new_nodes, new_links, most) in changes {
            machine.file("star.yaml", &STAR.replace(old_nodes, new_nodes).replace(links, new_links));
            let steps = steps(machine, "star.yaml");
            assert!((1..=most).contains(&steps.len()), "{what}: {steps:#?}");
            machine.ok(["apply", "star.yaml", "--check"]);
            assert_eq!(others(), untouched, "{what}");
        }
        machine.ok(["destroy", "star.yaml"]);
        machine.has_nothing_left();
    });
}

#[test]
fn a_fat_tree_that_loses_a_core_switch_keeps_every_other_pair_reachable() {
    on_a_machine_of_its_own("a_fat_tree_that_loses_a_core_switch_keeps_every_other_pair_reachable", |machine| {
        let whole = std::fs::read_to_string(format!("{TOPOLOGIES}/fat-tree.yaml")).expect("it is shipped");
        machine.file("tree.yaml", &whole);
        machine.ok(["apply", "tree.yaml", "--check"]);
        let less = without_node(&whole, "core4");
        machine.file("less.yaml", &less);
        let hosts: Vec<String> = machine.namespaces().into_iter().filter(|n| n.contains("-host")).collect();
        assert_eq!(hosts.len(), 16);
        let stop = std::path::Path::new("/tmp/lab/stop");
        let pinging = machine
            .netsim(["check", "fat-tree", "--between", "host*", "--until", stop.to_str().expect("UTF-8"), "--interval", "10ms"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("netsim starts");
        std::thread::sleep(Duration::from_millis(500));
        machine.ok(["apply", "less.yaml"]);
        std::thread::sleep(Duration::from_millis(500));
        std::fs::write(stop, "").expect("writable");
        let output = pinging.wait_with_output().expect("it was started");
        assert!(output.status.success(), "{}", both(&output));
        machine.ok(["check", "less.yaml"]);
        machine.ok(["destroy", "less.yaml"]);
        machine.has_nothing_left();
    });
}
