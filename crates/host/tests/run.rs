//! Several hosts side by side, in memory: what becomes of the others when one fails, and of two who want all at once.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use indexmap::IndexMap;
use netsim_core::names::{HostId, LabName};
use netsim_core::plan::{Action, plan};
use netsim_core::state::{HostState, Observed, Scope};
use netsim_core::testing::resources;
use netsim_host::backend::{Progress, StepError};
use netsim_host::run::{self, Aftermath, Cause, Otherwise, Outcome, Part};
use netsim_host::sim::SimHost;
use netsim_host::{AnyBackend, Host};

/// Three machines in a directory of their own.
struct Machines {
    folder: PathBuf,
}

impl Machines {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("netsim-run-{name}-{}", std::process::id()));
        for host in ["h1", "h2", "h3"] {
            std::fs::create_dir_all(folder.join(host)).expect("the name is new");
        }
        Machines { folder }
    }

    fn host(&self, name: &str) -> Host {
        let folder = self.folder.join(name);
        let sim = SimHost::new(folder.join("sim.json"));
        Host::keeping(HostId::new(name).expect("a name"), AnyBackend::Sim(sim), folder.join("labs"))
    }

    fn hosts(&self, names: [&str; 3]) -> IndexMap<HostId, Host> {
        names.map(|name| (HostId::new(name).expect("a name"), self.host(name))).into_iter().collect()
    }

    fn ours(&self, name: &str) -> HostState {
        self.host(name).observe(&scope()).expect("it is there").ours
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn scope() -> Scope {
    Scope::lab(&LabName::new("t").expect("a name"))
}

fn small() -> HostState {
    resources("netns a\nup a/lo\nnetns b").into_iter().collect()
}

/// Makes all so; on the second host a step is impossible. What became of each, as whether it is done, why not, and what is there.
fn with_a_failure(machines: &Machines, otherwise: Otherwise) -> Vec<Outcome> {
    let hosts = machines.hosts(["h1", "h2", "h3"]);
    let before: Vec<Observed> = run::begin(&hosts, |_| scope(), &mut |_, _| panic!("nobody else is there"))
        .into_values()
        .map(|timed| timed.value.expect("it is there"))
        .collect();
    let (desired, progress) = (small(), Progress::default());
    let actions = plan(&desired, &before[0]).expect("nothing is in the way");
    let twice: Vec<Action> = actions.iter().chain(&actions).cloned().collect();
    let part = |at: usize| Part {
        host: &hosts[at],
        scope: Box::leak(Box::new(scope())),
        before: &before[at],
        desired: &desired,
        flows: &[],
        actions: if at == 1 { &twice } else { &actions },
        progress: Box::leak(Box::default()),
    };
    let parts = hosts.keys().cloned().zip((0..3).map(part)).collect();
    run::apply(&parts, otherwise, &progress).into_values().map(|timed| timed.value).collect()
}

#[track_caller]
fn failed(outcome: &Outcome, aftermath: &Aftermath) {
    let Outcome::Failed { cause: Cause::Step(StepError::Failed { action: Some(3), error }), then } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((error.errno, then), (Some(17), aftermath));
}

#[test]
fn a_failure_brings_all_hosts_back() {
    let machines = Machines::new("back");
    let outcomes = with_a_failure(&machines, Otherwise::RollBack);
    let another = Outcome::Failed { cause: Cause::Another, then: Aftermath::AsBefore };
    assert_eq!([&outcomes[0], &outcomes[2]], [&another, &another]);
    failed(&outcomes[1], &Aftermath::AsBefore);
    assert!(["h1", "h2", "h3"].iter().all(|name| machines.ours(name).is_empty()));
}

#[test]
fn with_keep_going_only_the_failed_host_is_brought_back() {
    let machines = Machines::new("going");
    let outcomes = with_a_failure(&machines, Otherwise::KeepGoing);
    assert!(outcomes[0].is_done() && outcomes[2].is_done());
    failed(&outcomes[1], &Aftermath::AsBefore);
    assert_eq!(["h1", "h2", "h3"].map(|name| machines.ours(name)), [small(), HostState::default(), small()]);
}

#[test]
fn what_shall_be_left_is_left_on_all_hosts() {
    let machines = Machines::new("left");
    let outcomes = with_a_failure(&machines, Otherwise::Leave);
    assert!(outcomes[0].is_done() && outcomes[2].is_done());
    failed(&outcomes[1], &Aftermath::Left);
    assert!(["h1", "h2", "h3"].iter().all(|name| machines.ours(name) == small()));
}

#[test]
fn two_who_want_all_hosts_never_wait_for_each_other_and_are_never_both_at_work() {
    let machines = Machines::new("both");
    let (inside, waits) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|threads| {
        for names in [["h1", "h2", "h3"], ["h3", "h2", "h1"], ["h2", "h3", "h1"]] {
            let (machines, inside, waits) = (&machines, &inside, &waits);
            threads.spawn(move || {
                for _ in 0..15 {
                    let hosts = machines.hosts(names);
                    let begun = run::begin(&hosts, |_| scope(), &mut |_, _| {
                        waits.fetch_add(1, Ordering::Relaxed);
                    });
                    assert_eq!(begun.keys().collect::<Vec<_>>(), hosts.keys().collect::<Vec<_>>());
                    assert!(begun.values().all(|timed| timed.value.is_ok()));
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    hosts.values().for_each(|host| host.keep().expect("it is ours"));
                }
            });
        }
    });
    assert!(waits.into_inner() > 0, "they never met");
}
