//! Every shipped topology with Open vSwitch is applied, looked at, measured and destroyed, and made by its script as well.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use netsim_core::resource::NetnsId;
use netsim_host::enter::in_netns;

use super::support::switch::{Switch, beside_a_switch};
use super::support::traffic::{Stream, rate, send};
use super::support::{Machine, both, run};
use super::{PAIR, TOPOLOGIES, answers, file, netns, nothing_left, shipped, status};

/// Applies a shipped topology, does the work, destroys it, and looks that nothing is left.
fn with_topology(machine: &Machine, switch: &Switch, name: &str, work: impl FnOnce(&str)) {
    let file = shipped(name);
    machine.ok(["apply", &file, "--check"]);
    assert!(machine.ok(["apply", &file]).contains("nothing to do"), "{name}: a second apply changes something");
    let (said, whole) = status(machine, name);
    assert!(whole && said.lines().count() == 1, "{said}");
    work(&file);
    machine.ok(["destroy", name]);
    nothing_left(machine, switch);
}

#[test]
fn every_shipped_topology_with_open_vswitch_is_one_of_these() {
    let all = std::fs::read_dir(TOPOLOGIES).expect("they are shipped").flatten().map(|e| e.path());
    let text = |path: &std::path::PathBuf| std::fs::read_to_string(path).expect("readable");
    // What is over several hosts has tests of its own.
    let with = |path: &_| text(path).contains("kind: ovs") && !text(path).contains("\nhosts:\n");
    let mut names: Vec<String> =
        all.filter(with).map(|p| p.file_stem().expect("a file").to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, ["mirror", "mixed", "ovs-star", "ovs-vlans"]);
}

#[test]
fn a_star_on_open_vswitch_works_and_its_slow_port_is_that_slow() {
    beside_a_switch("shipped::a_star_on_open_vswitch_works_and_its_slow_port_is_that_slow", |machine, switch| {
        with_topology(machine, switch, "ovs-star", |_| {
            // Three seconds' worth, sent one and a half times as fast as it may pass.
            let stream = Stream { count: 1950, size: 1400, every: Duration::from_micros(1540) };
            let arrivals = send("ovs-star-node1", "ovs-star-node4", "10.0.1.4".parse().expect("an address"), stream);
            let steady: Vec<_> = arrivals.into_iter().filter(|a| a.at > Duration::from_millis(300)).collect();
            let found = rate(&steady, stream) / 1e6;
            eprintln!("to the slow port: {found:.2} Mbit/s for 5");
            // A busy machine may send less; more must not come through.
            assert!((4.2..5.3).contains(&found), "{found:.2} Mbit/s is not 5");
        });
    });
}

#[test]
fn vlans_on_open_vswitch_part_who_is_on_them_and_the_machine_is_on_one() {
    let name = "shipped::vlans_on_open_vswitch_part_who_is_on_them_and_the_machine_is_on_one";
    beside_a_switch(name, |machine, switch| {
        with_topology(machine, switch, "ovs-vlans", |file| {
            for to in ["10.10.0.1", "10.10.0.2", "10.10.0.3"] {
                assert!(answers(NetnsId::Host, to), "the machine's own interface is on VLAN 10: {to}");
            }
            assert!(answers(netns("ovs-vlans-pc1"), "10.10.0.254"));
            // On one subnet, but in another VLAN: nobody answers.
            run("ip", &["-n", "ovs-vlans-cam1", "addr", "add", "10.10.0.99/24", "dev", "eth0"]);
            assert!(!answers(netns("ovs-vlans-pc1"), "10.10.0.99"));
            run("ip", &["-n", "ovs-vlans-cam1", "addr", "del", "10.10.0.99/24", "dev", "eth0"]);
            assert!(machine.ok(["apply", file]).contains("nothing to do"));
        });
    });
}

#[test]
fn a_bridge_of_the_kernel_and_one_of_open_vswitch_are_one_network() {
    beside_a_switch("shipped::a_bridge_of_the_kernel_and_one_of_open_vswitch_are_one_network", |machine, switch| {
        with_topology(machine, switch, "mixed", |_| {
            assert!(answers(netns("mixed-a"), "10.6.0.2") && answers(netns("mixed-c"), "10.6.0.1"));
            let shown = machine.ok(["show", "sw"]);
            for word in ["OVS bridge", "mixed-b-eth0", "b:eth0", "(port of sw)"] {
                assert!(shown.contains(word), "{word}: {shown}");
            }
        });
    });
}

#[test]
fn a_script_makes_the_rows_that_apply_makes() {
    beside_a_switch("shipped::a_script_makes_the_rows_that_apply_makes", |machine, switch| {
        for name in ["mirror", "mixed", "ovs-star", "ovs-vlans"] {
            let file = shipped(name);
            machine.ok(["apply", &file]);
            let applied = switch.seen();
            machine.ok(["destroy", &file]);
            machine.has_nothing_left();

            let script = machine.ok(["plan", &file, "--format", "sh"]);
            let calls = script.lines().filter(|line| line.starts_with("ovs-vsctl"));
            assert_eq!(calls.count(), 1, "{name}: one transaction, as apply makes\n{script}");
            let path = machine.file("lab.sh", &script);
            let mut shell = Command::new("sh");
            let output = shell.arg(path).env("OVS_RUNDIR", &switch.folder).output().expect("a shell is there");
            assert!(output.status.success(), "{name}: {}", both(&output));
            assert_eq!(switch.seen(), applied, "{name}");
            machine.ok(["check", &file]);
            machine.ok(["destroy", &file]);
            // The mount that `ip netns add` makes of the directory on itself.
            run("umount", &["/run/netns"]);
            nothing_left(machine, switch);
        }
    });
}

#[test]
fn tcp_passes_whatever_the_datapath() {
    beside_a_switch("shipped::tcp_passes_whatever_the_datapath", |machine, switch| {
        const SIZE: usize = 4 << 20;
        let file = file(machine, "pair.yaml", PAIR);
        machine.ok(["apply", &file, "--check"]);
        let listener = in_netns(&netns("pair-b"), || TcpListener::bind("10.0.1.2:0")).expect("it is there");
        let listener = listener.expect("its address is its own");
        let at = listener.local_addr().expect("it is bound");
        let begun = Instant::now();
        let sending = std::thread::spawn(move || {
            in_netns(&netns("pair-a"), || {
                let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(10))?;
                stream.set_write_timeout(Some(Duration::from_secs(10)))?;
                stream.write_all(&vec![7; SIZE])
            })
        });
        let (mut stream, _) = listener.accept().expect("somebody comes");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("not zero");
        let mut got = Vec::new();
        stream.read_to_end(&mut got).expect("it does not stall");
        sending.join().expect("sending does not panic").expect("it is there").expect("it does not stall");
        assert_eq!(got.len(), SIZE);
        eprintln!("{} MiB by TCP in {:?}", SIZE >> 20, begun.elapsed());
        machine.ok(["destroy", "pair"]);
        nothing_left(machine, switch);
    });
}
