//! Labs on the real kernel, from the outside: what a person does, and what must then be so.
#![allow(clippy::print_stderr, reason = "a test says aloud what it skipped and counted")]

use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use netsim_core::names::NetnsName;
use netsim_core::resource::NetnsId;
use netsim_host::backend::Progress;
use netsim_host::probe::{Options, Outcome, Ping, ping};

mod support;
use support::{Machine, both, on_a_machine_of_its_own, run, shipped};

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
    run("ip", &["-n", netns, "-o", "link", "show"])
        .lines()
        .map(|l| l.split(" mtu").next().unwrap_or(l).to_owned() + "\n")
        .collect()
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
        assert!(machine.seen() == before, "the second apply changed something");
        assert_eq!(
            machine.netsim(["plan", "star.yaml", "--detailed-exitcode"]).status().expect("netsim starts").code(),
            Some(0)
        );
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
            (
                "an address",
                nodes,
                "  node[1-4]: {}\n  y: { interfaces: { eth0: { ipv4: 10.0.1.77/24 } } }\n",
                "  - { endpoints: [\"{node1,node2,node3,node4,y}\", sw] }\n",
                10,
            ),
            (
                "another address",
                nodes,
                "  node[1-4]: {}\n  y: { interfaces: { eth0: { ipv4: 10.0.1.78/24 } } }\n",
                "  - { endpoints: [\"{node1,node2,node3,node4,y}\", sw] }\n",
                2,
            ),
            (
                "an MTU",
                nodes,
                "  node[1-4]: {}\n  y: { interfaces: { eth0: { ipv4: 10.0.1.78/24, mtu: 1400 } } }\n",
                "  - { endpoints: [\"{node1,node2,node3,node4,y}\", sw] }\n",
                1,
            ),
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
        let less = whole.replace("core[1-4]:", "core[1-3]:").replace("\"core[3-4]\"", "core3");
        assert_ne!(whole, less);
        machine.file("tree.yaml", &whole);
        machine.file("less.yaml", &less);
        machine.ok(["apply", "tree.yaml", "--check"]);

        let hosts: Vec<NetnsId> = (1..=16).map(|i| netns(&format!("fat-tree-host{i}"))).collect();
        let addresses: Vec<IpAddr> = (1..=16).map(|i| address(&format!("fat-tree-host{i}"))).collect();
        let all_pairs = |progress: &Progress| {
            let pings = (0..16).flat_map(|from| (0..16).filter(move |to| *to != from).map(move |to| (from, to)));
            let pings = pings.map(|(from, to)| Ping { from, to: addresses[to] });
            let once = Options { tries: 1, ..Options::default() };
            let mut lost = Vec::new();
            ping(&hosts, pings, &once, progress, |_, ping, outcome| {
                if !matches!(outcome, Outcome::Reached { .. }) {
                    lost.push((ping, outcome));
                }
            })
            .expect("the machine lets us ping");
            lost
        };
        let done = AtomicBool::new(false);
        let (rounds, lost) = std::thread::scope(|scope| {
            let pinging = scope.spawn(|| {
                let (mut rounds, mut lost) = (0, Vec::new());
                while !done.load(Ordering::Relaxed) {
                    lost.extend(all_pairs(&Progress::default()));
                    rounds += 1;
                }
                (rounds, lost)
            });
            std::thread::sleep(Duration::from_millis(200));
            machine.ok(["apply", "less.yaml"]);
            std::thread::sleep(Duration::from_millis(200));
            done.store(true, Ordering::Relaxed);
            pinging.join().expect("the pinging thread does not panic")
        });
        eprintln!("all 240 pairs pinged {rounds} times meanwhile");
        assert!(rounds >= 3, "only {rounds} rounds");
        assert_eq!(lost, []);
        machine.ok(["check", "less.yaml"]);
        machine.ok(["destroy", "less.yaml"]);
        machine.has_nothing_left();
    });
}

fn netns(name: &str) -> NetnsId {
    NetnsId::Named(NetnsName::new(name).expect("a valid name"))
}

/// The first address of a node's eth0, as iproute2 says.
fn address(netns: &str) -> IpAddr {
    let text = run("ip", &["-n", netns, "-o", "-4", "addr", "show", "eth0"]);
    let net = text.split_whitespace().nth(3).expect("eth0 has an address");
    net.split('/').next().and_then(|a| a.parse().ok()).expect("an address")
}

#[test]
fn a_name_that_others_hold_is_refused_before_anything_is_touched() {
    on_a_machine_of_its_own("a_name_that_others_hold_is_refused_before_anything_is_touched", |machine| {
        machine.file("star.yaml", STAR);
        run("ip", &["netns", "add", "star-node2"]);
        let before = machine.seen();
        for command in ["plan", "apply"] {
            let said = machine.fails([command, "star.yaml"]);
            assert!(said.contains("E070") && said.contains("star-node2") && said.contains("hint"), "{said}");
        }
        assert!(machine.seen() == before, "a refused plan changed something");
        run("ip", &["netns", "del", "star-node2"]);

        let host = STAR.replace("kind: bridge,", "kind: bridge, namespace: host,");
        machine.file("host.yaml", &host);
        run("ip", &["link", "add", "sw", "type", "bridge"]);
        let said = machine.fails(["apply", "host.yaml"]);
        assert!(said.contains("E070") && said.contains("sw"), "{said}");
        run("ip", &["link", "del", "sw"]);

        machine.ok(["apply", "host.yaml", "--check"]);
        machine.file("other.yaml", &host.replace("name: star", "name: other").replace("10.0.1.0", "10.0.2.0"));
        let said = machine.fails(["apply", "other.yaml"]);
        assert!(said.contains("lab star"), "{said}");
        machine.ok(["destroy", "star"]);
    });
}

#[test]
fn what_a_hand_added_is_shown_and_left_alone() {
    on_a_machine_of_its_own("what_a_hand_added_is_shown_and_left_alone", |machine| {
        machine.file("star.yaml", STAR);
        machine.ok(["apply", "star.yaml"]);
        run("ip", &["-n", "star-node1", "addr", "add", "192.0.2.7/24", "dev", "eth0"]);
        run("ip", &["-n", "star-node1", "link", "add", "byhand", "type", "bridge"]);
        run("ip", &["-n", "star-node2", "link", "set", "eth0", "mtu", "1300"]);
        run("ip", &["-n", "star-node3", "addr", "del", "10.0.1.3/24", "dev", "eth0"]);
        let status = machine.ok(["status", "star"]);
        for word in ["192.0.2.7", "byhand", "1300", "10.0.1.3"] {
            assert!(status.contains(word), "{word} is not in\n{status}");
        }
        machine.ok(["apply", "star.yaml", "--check"]);
        let seen = run("ip", &["-n", "star-node1", "addr"]);
        assert!(seen.contains("192.0.2.7/24") && seen.contains("byhand"), "{seen}");
        assert!(run("ip", &["-n", "star-node2", "link"]).contains("mtu 1500"));
        machine.ok(["destroy", "star"]);
        machine.has_nothing_left();
    });
}

#[test]
fn two_applies_of_one_lab_at_once_do_no_harm() {
    on_a_machine_of_its_own("two_applies_of_one_lab_at_once_do_no_harm", |machine| {
        machine.file("star.yaml", &STAR.replace("1-4", "1-60"));
        for _ in 0..3 {
            let start = || machine.netsim(["apply", "star.yaml"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
            let both_at_once = [start(), start(), start()].map(|child| child.expect("netsim starts"));
            let outputs = both_at_once.map(|child| child.wait_with_output().expect("it was started"));
            for output in &outputs {
                assert!(output.status.success(), "{}", both(output));
            }
            machine.ok(["check", "star"]);
            machine.ok(["destroy", "star"]);
            machine.has_nothing_left();
        }
    });
}

#[test]
fn a_full_or_read_only_run_is_told_and_changes_nothing() {
    on_a_machine_of_its_own("a_full_or_read_only_run_is_told_and_changes_nothing", |machine| {
        machine.file("star.yaml", STAR);
        run("mount", &["-o", "remount,ro", "/run"]);
        let said = machine.fails(["apply", "star.yaml"]);
        assert!(said.contains("EROFS") && said.contains("/run"), "{said}");
        run("mount", &["-o", "remount,rw", "/run"]);
        machine.has_nothing_left();

        run("mount", &["-t", "tmpfs", "-o", "nr_inodes=6", "tmpfs", "/run"]);
        let said = machine.fails(["apply", "star.yaml"]);
        assert!(said.contains("ENOSPC"), "{said}");
        assert_eq!(machine.namespaces(), Vec::<String>::new(), "{said}");
        run("umount", &["/run"]);
        machine.has_nothing_left();
    });
}

#[test]
fn an_interrupted_apply_rolls_back_and_says_so() {
    on_a_machine_of_its_own("an_interrupted_apply_rolls_back_and_says_so", |machine| {
        machine.file("star.yaml", &STAR.replace("10.0.1.0/24", "10.0.0.0/16").replace("1-4", "1-900"));
        let child = machine
            .netsim(["apply", "star.yaml"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("netsim starts");
        while machine.namespaces().len() < 20 {
            std::thread::sleep(Duration::from_millis(1));
        }
        run("kill", &["-INT", &child.id().to_string()]);
        let output = child.wait_with_output().expect("it was started");
        let said = both(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("interrupted") && said.contains("rolled back"), "{said}");
        machine.has_nothing_left();
    });
}

#[test]
fn a_program_that_has_run_does_not_run_again_and_one_that_fails_rolls_back() {
    on_a_machine_of_its_own("a_program_that_has_run_does_not_run_again_and_one_that_fails_rolls_back", |machine| {
        let lab = r#"
name: ran
nodes:
  a: { exec: [[/bin/sh, -c, "echo once >> /tmp/lab/log"]] }
  b: {}
links:
  - { endpoints: [a, b] }
"#;
        machine.file("ran.yaml", lab);
        machine.ok(["apply", "ran.yaml"]);
        machine.ok(["apply", "ran.yaml"]);
        assert_eq!(std::fs::read_to_string("/tmp/lab/log").expect("the program wrote it"), "once\n");
        machine.ok(["destroy", "ran"]);
        machine.file("ran.yaml", &lab.replace("echo once >> /tmp/lab/log", "echo out of luck >&2; exit 7"));
        let said = machine.fails(["apply", "ran.yaml"]);
        assert!(said.contains("out of luck") && said.contains('7'), "{said}");
        machine.has_nothing_left();
    });
}

#[test]
fn a_thousand_node_star_comes_changes_and_goes() {
    on_a_machine_of_its_own("a_thousand_node_star_comes_changes_and_goes", |machine| {
        let star = |nodes: u32| STAR.replace("10.0.1.0/24", "10.0.0.0/16").replace("1-4", &format!("1-{nodes}"));
        machine.file("star.yaml", &star(1000));
        machine.ok(["apply", "star.yaml"]);
        assert_eq!(machine.namespaces().len(), 1001);
        let ports = run("ip", &["-n", "star-sw", "-o", "link", "show", "master", "sw", "up"]);
        assert_eq!(ports.lines().count(), 1000);
        assert!(machine.ok(["apply", "star.yaml"]).contains("nothing to do"));
        machine.file("star.yaml", &star(1001));
        machine.ok(["apply", "star.yaml"]);
        assert_eq!(machine.namespaces().len(), 1002);
        machine.ok(["destroy", "star"]);
        machine.has_nothing_left();
    });
}

#[test]
fn an_answer_out_of_its_time_is_told_and_one_within_it_is_not() {
    on_a_machine_of_its_own("an_answer_out_of_its_time_is_told_and_one_within_it_is_not", |machine| {
        let within = |rtt: &str| format!("{STAR}checks:\n  - {{ ping: [node1, node2], rtt: \"{rtt}\" }}\n");
        machine.file("star.yaml", &within("..10s"));
        machine.ok(["apply", "star.yaml", "--check"]);
        for rtt in ["10s..", "..0ms"] {
            machine.file("star.yaml", &within(rtt));
            let said = machine.fails(["check", "star.yaml"]);
            assert!(said.contains("1 of 1 pair not as it should be") && said.contains("answers after"), "{said}");
        }
        machine.ok(["destroy", "star"]);
        machine.has_nothing_left();
    });
}

#[test]
fn every_shipped_topology_works() {
    on_a_machine_of_its_own("every_shipped_topology_works", |machine| {
        let files = shipped();
        assert!(files.len() >= 5, "{files:?}");
        for file in files {
            if machine.applies(&file) {
                machine.ok([Path::new("destroy"), &file]);
                machine.has_nothing_left();
            }
        }
    });
}

#[test]
fn an_ordinary_user_gets_the_same_lab_and_nothing_is_left() {
    on_a_machine_of_its_own("an_ordinary_user_gets_the_same_lab_and_nothing_is_left", |machine| {
        machine.file("star.yaml", STAR);
        std::fs::create_dir("/tmp/run").expect("writable");
        let rootless = |args: &[&str]| {
            let mut command = Command::new(support::NETSIM);
            command.arg("--rootless").args(args).current_dir("/tmp/lab").env("XDG_RUNTIME_DIR", "/tmp/run");
            let output = command.stdin(Stdio::null()).output().expect("netsim starts");
            assert!(output.status.success(), "{args:?}: {}", both(&output));
            both(&output)
        };
        rootless(&["apply", "star.yaml", "--check"]);
        assert_eq!(machine.namespaces(), Vec::<String>::new(), "the machine's own /run/netns is untouched");
        assert!(rootless(&["apply", "star.yaml"]).contains("nothing to do"));
        let said = rootless(&["exec", "star/node1", "--", "ip", "-o", "-4", "addr", "show", "eth0"]);
        assert!(said.contains("10.0.1.1/24"), "{said}");
        rootless(&["destroy", "star"]);
        machine.has_nothing_left();
        assert_eq!(std::fs::read_dir("/tmp/run").expect("still there").count(), 0);
    });
}
