//! The client of Open vSwitch against a real one, of each test's own: userspace datapath, or the kernel's where it has that.
#![allow(clippy::print_stderr, reason = "a test says aloud what it skipped and measured")]

use std::path::PathBuf;
use std::time::Duration;

use netsim_host::ovs::{Op, Ovs, Rows, Setting, Transaction, Value};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

mod backend;
#[path = "../common/mod.rs"]
mod common;
mod conformance;
mod failures;
mod flows;
mod killed;
mod texts;
mod thousand;
mod truths;
mod tunnels;
mod words;

use common::run;

const BED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/bed/ovs");

/// An Open vSwitch that ends with the test.
struct Switch {
    folder: PathBuf,
}

/// Runs `body` on a machine of its own with an Open vSwitch of its own; says SKIPPED where there can be none. `name` is the test's own name.
fn beside_a_switch(name: &str, body: impl FnOnce(&Switch)) {
    let why_not = run(BED, &["--why-not"]);
    if !why_not.is_empty() {
        return eprintln!("SKIPPED {name}: {}", why_not.trim());
    }
    common::on_a_machine_of_its_own(name, || {
        let switch = Switch { folder: "/run/openvswitch".into() };
        switch.start();
        body(&switch);
        switch.stop();
    });
}

impl Switch {
    fn start(&self) {
        run(BED, &["start", self.path("")]);
    }

    fn stop(&self) {
        run(BED, &["stop", self.path("")]);
    }

    fn path<'a>(&self, file: &'a str) -> &'a str {
        Box::leak(self.folder.join(file).to_string_lossy().into_owned().into_boxed_str())
    }

    /// As netsim finds it.
    fn client(&self) -> Ovs {
        let database = self.folder.join("db.sock");
        Ovs::find(database.to_str()).expect("its place is known").with_patience(Duration::from_secs(60))
    }

    fn rows(&self) -> Rows {
        self.client().rows().expect("it answers")
    }

    #[track_caller]
    fn commit(&self, steps: impl IntoIterator<Item = Vec<Op>>) {
        self.client().commit(&all(steps)).expect("nothing is wrong with it");
    }

    /// Whether a daemon runs; one that has ended and waits for its parent has no program any more.
    fn runs(&self, daemon: &str) -> bool {
        let pid = std::fs::read_to_string(self.folder.join(daemon).with_extension("pid"));
        pid.is_ok_and(|pid| std::fs::read_link(format!("/proc/{}/exe", pid.trim())).is_ok())
    }

    fn signal(&self, daemon: &str, signal: Signal) {
        let pid = std::fs::read_to_string(self.folder.join(daemon).with_extension("pid")).expect("it runs");
        kill(Pid::from_raw(pid.trim().parse().expect("a number")), signal).expect("it runs");
    }
}

fn all(steps: impl IntoIterator<Item = Vec<Op>>) -> Transaction {
    let mut transaction = Transaction::default();
    steps.into_iter().for_each(|step| transaction.step(step));
    transaction
}

/// What is left of Open vSwitch, and of devices in the host's namespace.
#[track_caller]
fn nothing_is_left(switch: &Switch) {
    let Rows { bridges, ports, qos, mirrors, controllers, .. } = switch.rows();
    assert_eq!((bridges, ports, qos, mirrors, controllers), Default::default());
    let devices = run("ip", &["-o", "link"]);
    // Those of the loaded modules are in every namespace.
    let born = ["lo:", "ovs-netdev:", "ovs-system:", "gre0@NONE:", "gretap0@NONE:", "erspan0@NONE:"];
    let born6 = ["ip6gre0@NONE:", "ip6gretap0@NONE:", "ip6erspan0@NONE:", "ip6tnl0@NONE:", "sit0@NONE:", "tunl0@NONE:"];
    let mine = |line: &&str| !born.iter().chain(&born6).any(|own| line.contains(&format!(" {own} ")));
    assert_eq!(devices.lines().filter(mine).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(run("ip", &["netns", "list"]), "");
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("not within 10 s: {what}");
}

/// Waits until the switch has done all that it has to do.
fn settled(switch: &Switch) {
    switch.client().knock().expect("it is at work");
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

/// `system` where the kernel has Open vSwitch's datapath, else `netdev`. The bed has loaded the module where there is one.
fn datapath() -> &'static str {
    let modules = std::fs::read_to_string("/proc/modules").unwrap_or_default();
    if modules.lines().any(|module| module.starts_with("openvswitch ")) { "system" } else { "netdev" }
}

fn bridge(name: &str) -> Op {
    let settings = vec![Setting::of("datapath_type", Value::text(datapath())), mark()];
    Op::AddBridge { name: name.into(), settings }
}

fn port(bridge: &str, name: &str) -> Op {
    Op::AddPort { bridge: bridge.into(), name: name.into(), port: vec![mark()], interface: Vec::new() }
}

fn port_of_kind(bridge: &str, name: &str, kind: &str, options: &[(&str, &str)]) -> Op {
    let options = options.iter().map(|(key, value)| Setting::at("options", *key, *value));
    let interface = std::iter::once(Setting::of("type", Value::text(kind))).chain(options).collect();
    Op::AddPort { bridge: bridge.into(), name: name.into(), port: vec![mark()], interface }
}

fn mark() -> Setting {
    Setting::at("external_ids", "netsim-lab", "t")
}

/// veth pairs, all up; the other ends are called `x-NAME`.
fn wires<const N: usize>(names: [&str; N]) {
    for name in names {
        run("ip", &["link", "add", name, "up", "type", "veth", "peer", "name", &format!("x-{name}")]);
        run("ip", &["link", "set", &format!("x-{name}"), "up"]);
    }
}
