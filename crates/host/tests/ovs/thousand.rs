//! A bridge with a thousand ports.

use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use netsim_core::plan::plan;
use netsim_core::state::{HostState, Scope};
use netsim_host::backend::Progress;
use netsim_host::ovs::{Op, Row};

use super::common::{lab, state};
use super::words::{self, local, node, of};
use super::{all, beside_a_switch, bridge, port, run};

const PORTS: usize = 1000;

#[test]
fn a_thousand_ports_are_one_call() {
    beside_a_switch("thousand::a_thousand_ports_are_one_call", |switch| {
        let wires: String = (0..PORTS).map(|n| format!("link add p{n} up type veth peer name q{n}\n")).collect();
        std::fs::write("/run/wires", wires).expect("it is ours");
        run("ip", &["-batch", "/run/wires"]);
        let timed = |what: &str, work: &mut dyn FnMut()| {
            let begun = Instant::now();
            work();
            eprintln!("{PORTS} ports of Open vSwitch: {what} {:.2} s", begun.elapsed().as_secs_f64());
        };
        switch.commit([vec![bridge("br0")]]);
        let change = all((0..PORTS).map(|n| vec![port("br0", &format!("p{n}"))]));
        timed("made in", &mut || switch.client().commit(&change).expect("nothing is wrong with it"));
        let mut rows = None;
        timed("read in", &mut || rows = Some(switch.rows()));
        let rows = rows.expect("it was read");
        assert_eq!((rows.ports.len(), rows.unopened().count()), (PORTS + 1, 0));
        let of = Row::Uuid(rows.bridges[0].uuid.clone());
        let delete = |name: &str| name.starts_with('p');
        let gone = rows.ports.iter().filter(|p| delete(&p.name));
        let gone = all(gone.map(|p| vec![Op::DeletePort { bridge: of.clone(), port: Row::Uuid(p.uuid.clone()) }]));
        timed("deleted in", &mut || switch.client().commit(&gone).expect("nothing is wrong with it"));
        assert_eq!(switch.rows().ports.len(), 1);

        let by_hand: Vec<String> =
            change.commands().into_iter().flat_map(|words| std::iter::once("--".to_owned()).chain(words)).collect();
        let words: Vec<&str> = by_hand.iter().map(String::as_str).collect();
        timed("made by hand in", &mut || {
            run("ovs-vsctl", &words);
        });
        timed("deleted with the bridge, unheard, in", &mut || {
            switch.client().commit_unheard(&all([vec![Op::DeleteBridge(of.clone())]])).expect("it is right");
        });
    });
}

/// Has every run of a program written down; gives the file.
fn count_runs(program: &str) -> String {
    let real = run("sh", &["-c", &format!("command -v {program}")]).trim().to_owned();
    let (copy, log) = (format!("/run/{program}"), format!("/run/{program}.runs"));
    std::fs::copy(&real, &copy).expect("it is there");
    let wrapper = format!("/run/{program}.wrapper");
    std::fs::write(&wrapper, format!("#!/bin/sh\necho run >>{log}\nexec {copy} \"$@\"\n")).expect("it is ours");
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    run("mount", &["--bind", &wrapper, &real]);
    log
}

#[test]
fn a_star_of_a_thousand_nodes_takes_as_few_processes_as_one_of_two() {
    beside_a_switch("thousand::a_star_of_a_thousand_nodes_takes_as_few_processes_as_one_of_two", |_| {
        let logs = ["ovs-vsctl", "ovsdb-client", "ovs-ofctl"].map(count_runs);
        let star = |nodes: usize| {
            let node = |n: usize| {
                let mut all = node(&format!("n{n}"), &format!("10.9.{}.{}/16", n / 250, n % 250 + 1));
                all.push(of(words::port("sw", &format!("s-n{n}"))));
                all
            };
            state((0..nodes).map(node).chain([vec![of(words::bridge("sw"))]]))
        };
        let runs = || {
            let lines = |log: &String| std::fs::read_to_string(log).unwrap_or_default().lines().count();
            let counts: Vec<usize> = logs.iter().map(lines).collect();
            logs.iter().for_each(|log| drop(std::fs::remove_file(log)));
            counts
        };
        let cycle = |nodes: usize| {
            let mut seen = Vec::new();
            for wanted in [star(nodes), HostState::default()] {
                let (local, scope) = (local(), Scope::of(&lab(), &wanted));
                let begun = Instant::now();
                let before = local.observe_now(&scope).expect("a machine that can be looked at");
                let looked = begun.elapsed();
                let actions = plan(&wanted, &before).expect("nothing is in the way");
                let planned = begun.elapsed();
                let after = local.apply_now(&scope, &actions, &Progress::default()).expect("nothing is in the way");
                let done = begun.elapsed();
                let [looking, planning, doing] =
                    [looked, planned - looked, done - planned].map(|time| time.as_secs_f64());
                let count = actions.len();
                eprintln!(
                    "a star of {nodes}: looked at in {looking:.2} s, planned in {planning:.2} s, {count} actions done in {doing:.2} s"
                );
                assert_eq!(after.ours, wanted);
                seen.push(runs());
            }
            seen
        };
        let few = cycle(2);
        assert_eq!(cycle(PORTS), few);
        eprintln!("runs of ovs-vsctl, ovsdb-client and ovs-ofctl to make and to take away a star: {few:?}");
    });
}
