//! Connections that are lost: an agent brings back what was before and goes, and whatever a crash leaves the next run sees.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use netsim_core::names::HostId;
use netsim_core::resource::{Aside, Ran, Resource};
use netsim_core::state::HostState;
use netsim_host::backend::StepError;
use netsim_host::run::{Aftermath, Cause, Otherwise, Outcome};
use netsim_host::ssh::{Agent, AgentPath, Way};
use netsim_host::{AnyBackend, Host};

use crate::bed::*;

/// The small lab with a program that takes so long that there is time to break something.
fn slow() -> HostState {
    let mut state = small();
    let argv: Vec<String> = ["sleep", "30"].map(str::to_owned).into();
    let netns = netsim_core::names::NetnsName::new("a").expect("a name");
    state.insert(Resource::Ran(Ran { netns, index: 0, digest: 7, argv: Aside(argv) }));
    state
}

fn pids_of(what: &str) -> Vec<String> {
    let output = Command::new("pgrep").args(["-x", what]).output().expect("procps is there");
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect()
}

/// Waits until the slow program runs on a host.
fn underway(host: &str) {
    waits_until(|| !on(host, "pgrep -f '^sleep 30'; true").is_empty());
}

/// Applies the slow lab on two hosts, breaks something as soon as both are at their program, and says what became of them.
fn broken_by(cause: impl FnOnce() + Send) -> (IndexMap<HostId, Outcome>, Duration) {
    let hosts = connected(2);
    let begun = begin(&hosts, &slow());
    std::thread::scope(|scope| {
        let work = scope.spawn(|| apply_all(&hosts, &begun, &slow(), Otherwise::RollBack));
        underway("host1");
        underway("host2");
        let began = Instant::now();
        cause();
        let outcomes = work.join().expect("it does not panic");
        (outcomes.into_iter().map(|(id, timed)| (id, timed.value)).collect(), began.elapsed())
    })
}

#[track_caller]
fn is_lost(outcome: &Outcome, code: u16) {
    let Outcome::Failed { cause: Cause::Step(StepError::Failed { error, .. }), then: Aftermath::Unknown } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(error.code, code, "{error}");
}

#[track_caller]
fn is_back(outcome: &Outcome) {
    assert_eq!(*outcome, Outcome::Failed { cause: Cause::Another, then: Aftermath::AsBefore });
}

fn all_are_clean() {
    has_nothing_left("host1");
    has_nothing_left("host2");
}

#[test]
fn a_connection_that_breaks_brings_all_hosts_back() {
    with_hosts("lost::a_connection_that_breaks_brings_all_hosts_back", 2, "", || {
        for (what, command) in [
            ("agent asked to end", "kill -TERM $(cat /run/netsim/t/lock)"),
            // The lock says which process the agent is; its parent is the login.
            ("login killed", "kill -9 $(ps -o ppid= -p $(cat /run/netsim/t/lock))"),
            ("sshd and the login killed", "kill -9 $(cat /run/sshd.pid) $(ps -o ppid= -p $(cat /run/netsim/t/lock))"),
        ] {
            let (outcomes, took) = broken_by(|| {
                on("host2", command);
            });
            eprintln!("{what}: over after {took:?}");
            is_back(&outcomes[0]);
            is_lost(&outcomes[1], 161);
            if what.starts_with("sshd") {
                on_console("host2", "$(command -v /usr/sbin/sshd) -f /run/bed/sshd_config");
            }
            all_are_clean();
        }
        let (outcomes, took) = broken_by(|| {
            // Both connections are of this process; the one to host2 was made last.
            for pid in pids_of("ssh") {
                let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                if String::from_utf8_lossy(&line).contains("\0host2\0exec sh -c") {
                    run("kill", &["-9", &pid]);
                }
            }
        });
        eprintln!("ssh killed: over after {took:?}");
        is_back(&outcomes[0]);
        is_lost(&outcomes[1], 161);
        all_are_clean();
    });
}

#[test]
fn a_network_that_is_cut_is_noticed_on_both_sides() {
    with_hosts("lost::a_network_that_is_cut_is_noticed_on_both_sides", 2, "", || {
        let (outcomes, took) = broken_by(|| run("ip", &["link", "set", "lan-2", "down"]));
        eprintln!("cut: over after {took:?}");
        assert!(took < Duration::from_secs(12), "{took:?}");
        is_back(&outcomes[0]);
        is_lost(&outcomes[1], 160);
        std::thread::sleep(Duration::from_secs(1));
        run("ip", &["link", "set", "lan-2", "up"]);
        all_are_clean();
    });
}

#[test]
fn an_agent_killed_anywhere_leaves_what_the_next_run_sees() {
    with_hosts("lost::an_agent_killed_anywhere_leaves_what_the_next_run_sees", 1, "", || {
        agent_is("host1", &format!("NETSIM_CRASH_AT=$(cat /run/at) exec {NETSIM} \"$@\""));
        let dying = Way { agent: Agent::At(AgentPath::new(AGENT).expect("plain")), ..way("host1") };
        let (mut point, mut killed) = (1, 0);
        loop {
            on("host1", &format!("echo {point} >/run/at"));
            let reached = reach("host1", &dying).unwrap_or_else(|e| panic!("{e}"));
            let hosts = IndexMap::from([(id("host1"), Host::new(id("host1"), AnyBackend::Remote(reached.remote)))]);
            let scope = netsim_core::state::Scope::of(&lab(), &small());
            match hosts[0].begin(&scope, &mut |_| {}) {
                Err(error) => assert_eq!(error.code, 161, "{error}"),
                Ok(before) => {
                    let begun = Begun { scope, before: IndexMap::from([(id("host1"), before)]) };
                    let outcomes = apply_all(&hosts, &begun, &small(), Otherwise::RollBack);
                    if !outcomes[0].value.is_done() {
                        is_lost(&outcomes[0].value, 161);
                    }
                }
            }
            // What was done and not kept is brought back, if the agent does not die at that.
            drop(hosts);
            waits_until(|| on("host1", "pgrep -x netsim; true").is_empty());
            if on("host1", "ls -A /run/netns /run/netsim 2>/dev/null; true") == "/run/netns:\n" && point > 5 {
                break;
            }
            killed += 1;
            // On to the whole lab, or back to nothing.
            if killed % 2 == 0 {
                all_become(1, &small());
            }
            all_become(1, &HostState::default());
            has_nothing_left("host1");
            point += 3;
        }
        eprintln!("agent killed at {killed} points");
        assert!(killed >= 5, "only {killed} points");
        has_nothing_left("host1");
    });
}

#[test]
fn what_an_agent_killed_at_the_lock_leaves_goes_with_a_destroy_by_name() {
    with_hosts("lost::what_an_agent_killed_at_the_lock_leaves_goes_with_a_destroy_by_name", 2, "", || {
        agent_is("host1", &format!("NETSIM_CRASH_AT=$(cat /run/at) exec {NETSIM} \"$@\""));
        on("host2", &format!("ln -s {NETSIM} {AGENT}"));
        let nodes = "nodes:\n  a: { host: host1 }\n  b: { host: host2 }\nlinks:\n  - { endpoints: [a, b] }\n";
        file("t.yaml", &format!("{}{nodes}", hosts(2)));
        let mut left = Vec::new();
        for point in 1..=4 {
            on("host1", &format!("echo {point} >/run/at"));
            let said = netsim("apply t.yaml --agent /run/agent").fails();
            assert!(said.contains("error[E161]: host1: "), "{point}: {said}");
            let known = "`netsim apply` tries again, `netsim destroy t` removes what may be left on host1\n";
            assert!(said.ends_with(known), "{point}: {said}");
            left.push(on("host1", "find /run/netsim -printf '%P ' 2>/dev/null; true"));
            if point % 2 == 0 {
                netsim("destroy t").ok();
            } else {
                // Whoever asks all hosts finds that there is no such lab, and nothing of it is left either.
                netsim("status t").ok();
            }
            has_nothing_left("host1");
            has_nothing_left("host2");
            assert!(!std::path::Path::new("/run/state/netsim/labs").exists(), "netsim's own account is left");
        }
        assert_eq!(left, ["", " ", " t ", " t t/lock "]);
    });
}

const CONTROLLER: &str = "NETSIM_TEST_CONTROLLER";

/// Not a test of its own: what the next one starts and kills.
#[test]
fn a_controller_applies_until_it_is_killed() {
    if std::env::var_os(CONTROLLER).is_none() {
        return;
    }
    let hosts = connected(3);
    let begun = begin(&hosts, &slow());
    let outcomes = apply_all(&hosts, &begun, &slow(), Otherwise::RollBack);
    assert!(outcomes.values().all(|t| t.value.is_done()));
    hosts.values().for_each(|host| host.keep().expect("it answers"));
}

#[test]
fn a_controller_killed_at_any_time_leaves_nothing() {
    with_hosts("lost::a_controller_killed_at_any_time_leaves_nothing", 3, "", || {
        // So that no time goes into copying.
        drop(connected(3));
        let me = std::env::current_exe().expect("a test binary has a path");
        for after in (100..500).step_by(25) {
            let mut child = Command::new(&me)
                .args(["lost::a_controller_applies_until_it_is_killed", "--exact", "--nocapture"])
                .env(CONTROLLER, "1")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("this test runs");
            std::thread::sleep(Duration::from_millis(after));
            child.kill().expect("it runs");
            child.wait().expect("it was a child");
            let began = Instant::now();
            for host in ["host1", "host2", "host3"] {
                has_nothing_left(host);
            }
            eprintln!("killed after {after} ms: seen to be clean after {:?}", began.elapsed());
        }
        all_become(3, &small());
        all_become(3, &HostState::default());
    });
}

#[test]
fn a_lab_that_was_there_is_back_after_a_lost_change() {
    with_hosts("lost::a_lab_that_was_there_is_back_after_a_lost_change", 2, "", || {
        all_become(2, &small());
        let (outcomes, _) = broken_by(|| {
            on("host2", "kill -TERM $(cat /run/netsim/t/lock)");
        });
        is_back(&outcomes[0]);
        is_lost(&outcomes[1], 161);
        let hosts = connected(2);
        let begun = begin(&hosts, &small());
        assert!(begun.before.values().all(|seen| seen.ours == small()), "{:?}", begun.before);
    });
}
