//! Hosts of a test's own, and what the tests say of them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use netsim_core::names::{HostId, LabName};
use netsim_core::plan::{Action, plan};
use netsim_core::state::{HostState, Observed, Scope};
use netsim_core::testing::resources;
use netsim_host::backend::{HostError, Progress};
use netsim_host::run::{self, Otherwise, Outcome, Part, Timed};
use netsim_host::ssh::{self, Event, Folder, Reached, Target, Way};
use netsim_host::{AnyBackend, Host, Own, Patience};

#[path = "../support/again.rs"]
mod again;

/// The binary under test.
pub const NETSIM: &str = env!("CARGO_BIN_EXE_netsim");

const INSIDE: &str = "NETSIM_TEST_HOSTS";

/// Runs `body` on a controller with so many hosts, in a child of this test; says SKIPPED where there can be none. `name` is the test's own full name, by which
/// the child finds its way back here; `setup` is run by bash on each host first.
pub fn with_hosts(name: &str, hosts: usize, setup: &str, body: impl FnOnce()) {
    with_networks(name, hosts, setup, &[], body);
}

/// The same with a second network: on each host an eth1, 10.254.0.N.
pub fn with_hosts_and_underlay(name: &str, hosts: usize, setup: &str, body: impl FnOnce()) {
    with_networks(name, hosts, setup, &[("HOSTS_UNDERLAY", "1")], body);
}

fn with_networks(name: &str, hosts: usize, setup: &str, networks: &[(&str, &str)], body: impl FnOnce()) {
    if std::env::var(INSIDE).as_deref() == Ok(name) {
        return body();
    }
    let bed = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/bed/hosts"));
    let why_not = Command::new(&bed).arg("--why-not").output().expect("bash is there");
    let why_not = String::from_utf8_lossy(&why_not.stdout).trim().to_owned();
    if !why_not.is_empty() {
        return eprintln!("SKIPPED {name}: {why_not}");
    }
    let mut command = Command::new(bed);
    command
        .arg(hosts.to_string())
        .env(INSIDE, name)
        .env("HOSTS_SETUP", setup)
        .envs(networks.iter().copied())
        // Not in /tmp: that is everybody's, and a full kernel, whose /tmp it is, too, does not see who has locked what there.
        .env("XDG_RUNTIME_DIR", "/run/bed");
    again::by(command.stdin(Stdio::null()), name, "its hosts");
}

/// Starts and ends an Open vSwitch of a host's own.
pub const OPEN_VSWITCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/bed/ovs");

/// Whether hosts can have Open vSwitch; says SKIPPED where they cannot. This also loads the kernel's datapath, where there is one: hosts have no modules.
pub fn has_open_vswitch(name: &str) -> bool {
    let why_not = Command::new(OPEN_VSWITCH).arg("--why-not").output().expect("bash is there");
    let why_not = String::from_utf8_lossy(&why_not.stdout).trim().to_owned();
    if !why_not.is_empty() {
        eprintln!("SKIPPED {name}: {why_not}");
    }
    why_not.is_empty()
}

/// Runs a shell's command on a host; gives what it says, and fails the test unless it succeeds.
pub fn on(host: &str, command: &str) -> String {
    let output = Command::new("ssh").args(["-T", host, command]).stdin(Stdio::null()).output().expect("ssh is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{host}: {command}: {}\n{text}", output.status);
    text
}

/// Where [`agent_is`] puts an agent.
pub const AGENT: &str = "/run/agent";

/// Puts a script of these lines on a host, to be taken for netsim there.
pub fn agent_is(host: &str, script: &str) {
    on(host, &format!("cat >{AGENT} <<'END'\n#!/bin/sh\n{script}\nEND\nchmod +x {AGENT}"));
}

/// Writes a file in the folder that netsim is run in.
pub fn file(name: &str, text: &str) {
    std::fs::create_dir_all(FOLDER).expect("/run is the bed's own");
    std::fs::write(format!("{FOLDER}/{name}"), text).expect("/run is the bed's own");
}

const FOLDER: &str = "/run/lab";

/// How a topology over so many hosts of the bed begins.
pub fn hosts(count: usize) -> String {
    let host = |n: usize| format!("  host{n}: {{ ssh: host{n} }}\n");
    format!("name: t\nhosts:\n{}", (1..=count).map(host).collect::<String>())
}

/// What a run of the program came to.
#[derive(Debug)]
pub struct Ran {
    words: String,
    output: std::process::Output,
}

/// The program with these words, on the controller; what it stores there is in /run/state.
pub fn program(words: &str) -> Command {
    std::fs::create_dir_all(FOLDER).expect("/run is the bed's own");
    let mut command = Command::new(NETSIM);
    command.args(words.split(' ')).current_dir(FOLDER).env("XDG_STATE_HOME", "/run/state").stdin(Stdio::null());
    command
}

/// Runs the program with these words.
pub fn netsim(words: &str) -> Ran {
    Ran { words: words.to_owned(), output: program(words).output().expect("it was built") }
}

impl Ran {
    /// Whether it succeeded.
    pub fn succeeded(&self) -> bool {
        self.output.status.success()
    }

    /// What it said, standard error first; fails the test unless it succeeded.
    #[track_caller]
    pub fn ok(&self) -> String {
        self.ends(0)
    }

    /// The same of one that has to fail.
    #[track_caller]
    pub fn fails(&self) -> String {
        self.ends(1)
    }

    /// The same of one that has to end with this status.
    #[track_caller]
    pub fn ends(&self, status: i32) -> String {
        let (out, error) = (String::from_utf8_lossy(&self.output.stdout), String::from_utf8_lossy(&self.output.stderr));
        let said = format!("{error}{out}");
        assert_eq!(self.output.status.code(), Some(status), "netsim {}:\n{said}", self.words);
        said
    }
}

/// Runs a program here; fails the test unless it succeeds.
pub fn run(program: &str, arguments: &[&str]) {
    assert!(Command::new(program).args(arguments).status().expect("it starts").success(), "{program} {arguments:?}");
}

/// Runs a shell's command on a host without ssh.
pub fn on_console(host: &str, command: &str) {
    run("nsenter", &["-t", &first_process(host), "-a", "sh", "-c", command]);
}

/// The number of a host's first process.
pub fn first_process(host: &str) -> String {
    let pid = std::fs::read_to_string(format!("/run/bed/{host}.pid")).expect("the bed wrote it");
    let children = Command::new("pgrep").args(["-P", pid.trim()]).output().expect("procps is there");
    String::from_utf8_lossy(&children.stdout).trim().to_owned()
}

/// The program that is copied to hosts, hashed once.
pub fn own() -> Arc<Own> {
    static OWN: OnceLock<Arc<Own>> = OnceLock::new();
    OWN.get_or_init(|| Arc::new(Own::at(NETSIM.as_ref()).expect("it was built"))).clone()
}

/// How a host of the bed is reached.
pub fn way(target: &str) -> Way {
    let folder = Arc::new(Folder::new().expect("/tmp is writable"));
    Way::to(Target::new(target).expect("a plain name"), own(), folder)
}

pub fn id(host: &str) -> HostId {
    HostId::new(host).expect("a name")
}

pub fn reach(host: &str, way: &Way) -> Result<Reached, HostError> {
    ssh::reach(&id(host), way, Patience::default(), &mut |event| match event {
        Event::Copying(bytes) => eprintln!("{host}: copying {} KiB", bytes >> 10),
        Event::Copied(took) => eprintln!("{host}: copied in {took:?}"),
    })
}

/// Hosts 1 to n with their agents.
pub fn connected(n: usize) -> IndexMap<HostId, Host> {
    let names: IndexMap<HostId, String> = (1..=n).map(|i| (id(&format!("host{i}")), format!("host{i}"))).collect();
    let reached = run::on_all(&names, |id, name| reach(id.as_str(), &way(name)));
    let host = |(id, timed): (HostId, Timed<Result<Reached, HostError>>)| {
        let reached = timed.value.unwrap_or_else(|e| panic!("{e}"));
        (id.clone(), Host::new(id, AnyBackend::Remote(reached.remote)))
    };
    reached.into_iter().map(host).collect()
}

pub fn lab() -> LabName {
    LabName::new("t").expect("a name")
}

/// Two nodes on a bridge, with addresses and a route.
pub fn small() -> HostState {
    let mut text = String::new();
    for node in ["a", "b", "sw"] {
        text += &format!("netns {node}\nup {node}/lo\nsysctl {node} net.ipv4.conf.all.promote_secondaries 1\n");
    }
    text += "bridge sw/sw\nup sw/sw\n";
    for (node, n) in [("a", 1), ("b", 2)] {
        text += &format!("veth {node}/eth0 sw/{node}\nup {node}/eth0\nup sw/{node}\nport sw/{node} sw\n");
        text += &format!("address {node}/eth0 10.0.0.{n}/24\nroute {node} 10.9.0.0/16 via eth0=10.0.0.254\n");
    }
    resources(&text).into_iter().collect()
}

/// What a run over all hosts found.
pub struct Begun {
    pub scope: Scope,
    pub before: IndexMap<HostId, Observed>,
}

/// Locks and looks at all hosts.
pub fn begin(hosts: &IndexMap<HostId, Host>, desired: &HostState) -> Begun {
    let scope = Scope::of(&lab(), desired);
    let seen = run::begin(hosts, |_| scope.clone(), &mut |_, _| {});
    let before = seen.into_iter().map(|(id, t)| (id, t.value.unwrap_or_else(|e| panic!("{e}")))).collect();
    Begun { scope, before }
}

/// Makes all hosts so; what became of each.
pub fn apply_all(
    hosts: &IndexMap<HostId, Host>,
    begun: &Begun,
    desired: &HostState,
    otherwise: Otherwise,
) -> IndexMap<HostId, Timed<Outcome>> {
    let plans: IndexMap<HostId, (Vec<Action>, Progress)> = begun
        .before
        .iter()
        .map(|(id, before)| (id.clone(), (plan(desired, before).expect("nothing is in the way"), Progress::default())))
        .collect();
    let part = |id: &HostId| {
        let (actions, progress) = &plans[id];
        Part {
            host: &hosts[id],
            scope: &begun.scope,
            before: &begun.before[id],
            desired,
            flows: &[],
            actions,
            progress,
        }
    };
    let parts: IndexMap<HostId, Part<'_>> = hosts.keys().map(|id| (id.clone(), part(id))).collect();
    run::apply(&parts, otherwise, &Progress::default())
}

/// Makes all hosts so, from connecting to keeping; fails the test unless all are.
pub fn all_become(n: usize, desired: &HostState) {
    let hosts = connected(n);
    let begun = begin(&hosts, desired);
    for (id, timed) in apply_all(&hosts, &begun, desired, Otherwise::RollBack) {
        let Outcome::Done(after) = timed.value else { panic!("{id}: {:?}", timed.value) };
        assert_eq!(after.ours, *desired, "{id}");
        hosts[&id].keep().expect("it answers");
    }
}

/// Fails the test unless nothing of the lab is on the host, and no agent: namespaces, files, processes, devices but for those that a kernel with GRE puts into
/// every namespace.
pub fn has_nothing_left(host: &str) {
    let looks = "ls /run/netns; ls -A /run/netsim 2>/dev/null; pgrep -x netsim; \
        ip -br link | grep -v '^lo \\|^eth\\|^gre0@\\|^gretap0@\\|^erspan0@'; true";
    let mut seen = String::new();
    // An agent that lost its netsim needs a moment for the way back.
    let clean = || {
        seen = on(host, looks);
        seen.is_empty()
    };
    assert!(comes(clean), "{host} has left:\n{seen}");
}

/// Fails the test unless it comes to be so, within some seconds.
#[track_caller]
pub fn waits_until(so: impl FnMut() -> bool) {
    assert!(comes(so), "it never came to that");
}

fn comes(mut so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(15);
    while Instant::now() < end {
        if so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
