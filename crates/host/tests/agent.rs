//! An agent and who asks it, over pipes: the same as without them, and whatever comes over them ends soon and in words.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use netsim_core::names::{HostId, LabName};
use netsim_core::plan::{Action, plan};
use netsim_core::state::{HostState, Observed, Scope};
use netsim_core::testing::{Tape, resources, rounds, state};
use netsim_host::agent::{self, Broken, Farewell, OnLoss, Stream};
use netsim_host::backend::{HostError, Progress, StepError};
use netsim_host::remote::{Expected, Remote};
use netsim_host::sim::SimHost;
use netsim_host::{AnyBackend, Host, Own, Patience};
use proptest::prelude::*;

/// Short, and yet longer than a busy machine lets a thread wait.
const PATIENCE: Patience = Patience { beat: Duration::from_millis(50), silence: Duration::from_millis(800) };

/// Silence, a slow line, and some time for a busy machine.
const SOON: Duration = Duration::from_secs(10);

fn lab() -> LabName {
    LabName::new("t").expect("a name")
}

fn scope() -> Scope {
    Scope::lab(&lab())
}

fn remote_id() -> HostId {
    HostId::new("h2").expect("a name")
}

/// A host in memory in a directory of its own.
struct Machine {
    folder: PathBuf,
}

impl Machine {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("netsim-agent-{name}-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("the name is new");
        Machine { folder }
    }

    fn host(&self) -> Host {
        let sim = SimHost::new(self.folder.join("sim.json"));
        Host::keeping(HostId::local(), AnyBackend::Sim(sim), self.folder.join("labs"))
    }

    fn ours(&self) -> HostState {
        self.host().observe(&scope()).expect("it is there").ours
    }

    /// Nothing in memory, nothing stored, no lock.
    fn is_empty(&self) -> bool {
        std::fs::read_dir(&self.folder).expect("it is there").count() == 0
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn own() -> Own {
    Own::at(Path::new("/proc/self/cmdline")).expect("proc is mounted")
}

fn pipe() -> (OwnedFd, OwnedFd) {
    nix::unistd::pipe().expect("there are descriptors left")
}

/// Two streams, each what the other's other end is.
fn streams() -> (Stream, Stream) {
    let ((from_a, to_b), (from_b, to_a)) = (pipe(), pipe());
    (Stream { input: from_a, output: to_a }, Stream { input: from_b, output: to_b })
}

/// An agent for the machine.
fn agent(machine: &Machine, stream: Stream) -> JoinHandle<Farewell> {
    let (host, own) = (machine.host(), own());
    std::thread::spawn(move || agent::serve(&host, stream, &own, PATIENCE, &Progress::default()))
}

fn expected() -> Expected {
    Expected::Build(own().hash().to_owned())
}

/// A machine's agent, and a host that reaches it.
fn reached(machine: &Machine) -> (Host, JoinHandle<Farewell>) {
    let (here, there) = streams();
    let agent = agent(machine, there);
    let remote = Remote::over(remote_id(), here, &expected(), PATIENCE).expect("an agent answers");
    (Host::new(remote_id(), AnyBackend::Remote(remote)), agent)
}

fn small() -> HostState {
    resources("netns a\nup a/lo\nnetns b\nup b/lo\nveth a/eth0 b/eth0\nup a/eth0\naddress a/eth0 10.0.0.1/24")
        .into_iter()
        .collect()
}

fn steps(desired: &HostState, observed: &Observed) -> Vec<Action> {
    plan(desired, observed).expect("nothing is in the way")
}

fn begin_and_apply(host: &Host, desired: &HostState) -> Result<Observed, StepError> {
    let before = host.begin(&scope(), &mut |_| {}).expect("nobody else is there");
    host.apply(&scope(), &steps(desired, &before), &Progress::default())
}

#[test]
fn a_host_behind_an_agent_answers_as_one_without() {
    let (machine, alone) = (Machine::new("same"), Machine::new("same-alone"));
    let ((far, agent), near) = (reached(&machine), alone.host());
    for host in [&far, &near] {
        let progress = Progress::default();
        let before = host.begin(&scope(), &mut |_| {}).expect("nobody else is there");
        let actions = steps(&small(), &before);
        let after = host.apply(&scope(), &actions, &progress).expect("allowed");
        assert_eq!((after.ours, progress.done()), (small(), actions.len()));
        host.save("\"text\"").and_then(|()| host.keep()).expect("writable");
        assert_eq!(host.load(&lab()), Ok(Some("\"text\"".to_owned())));
        assert_eq!(host.labs().map(|l| l.into_iter().collect()), Ok(vec![lab()]));
        host.settle().expect("nothing to wait for");
    }
    assert_eq!(far.observe(&scope()), near.observe(&scope()));
    drop(far);
    let farewell = agent.join().expect("it does not panic");
    assert_eq!((farewell.broken, farewell.undone), (Broken::Ended, Ok(())));
    assert_eq!(machine.ours(), small());
}

#[test]
fn an_error_of_a_step_comes_with_its_number_its_errno_and_its_host() {
    let machine = Machine::new("error");
    let (host, _agent) = reached(&machine);
    host.begin(&scope(), &mut |_| {}).expect("nobody else is there");
    let actions: Vec<Action> = resources("netns a\nnetns a").into_iter().map(Action::Create).collect();
    let Err(StepError::Failed { action, error }) = host.apply(&scope(), &actions, &Progress::default()) else {
        panic!("it is there")
    };
    assert_eq!((action, error.errno, error.doing.as_str()), (Some(1), Some(17), "h2: create network namespace a"));
}

#[test]
fn what_was_not_said_to_stay_is_brought_back_when_the_netsim_is_lost() {
    let machine = Machine::new("lost");
    let (host, agent) = reached(&machine);
    begin_and_apply(&host, &small()).expect("allowed");
    host.save("\"text\"").expect("writable");
    drop(host);
    assert_eq!(agent.join().expect("it does not panic").undone, Ok(()));
    assert!(machine.is_empty());
}

#[test]
fn what_was_there_before_is_brought_back_with_what_was_stored_of_it() {
    let machine = Machine::new("lost-before");
    let (host, agent) = reached(&machine);
    begin_and_apply(&host, &small()).expect("allowed");
    host.save("\"first\"").and_then(|()| host.keep()).expect("writable");
    begin_and_apply(&host, &resources("netns c").into_iter().collect()).expect("allowed");
    host.save("\"second\"").expect("writable");
    assert_ne!(machine.ours(), small());
    drop(host);
    assert_eq!(agent.join().expect("it does not panic").undone, Ok(()));
    assert_eq!(machine.ours(), small());
    assert_eq!(machine.host().load(&lab()), Ok(Some("\"first\"".to_owned())));
}

#[test]
fn what_is_to_be_left_on_loss_is_left() {
    let machine = Machine::new("leave");
    let (host, agent) = reached(&machine);
    host.on_loss(OnLoss::Leave);
    begin_and_apply(&host, &small()).expect("allowed");
    drop(host);
    assert_eq!(agent.join().expect("it does not panic").undone, Ok(()));
    assert_eq!(machine.ours(), small());
}

#[test]
fn nothing_is_changed_without_the_lock_and_only_one_lab_is_locked() {
    let machine = Machine::new("unlocked");
    let (host, _agent) = reached(&machine);
    let code = |result: Result<Observed, StepError>| match result {
        Err(StepError::Failed { error, .. }) => error.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(host.apply(&scope(), &[], &Progress::default())), 163);
    assert_eq!(host.save("").map_err(|e| e.code), Err(163));
    host.lock(&lab(), &mut |_| {}).expect("nobody else is there");
    assert_eq!(host.lock(&LabName::new("u").expect("a name"), &mut |_| {}).map_err(|e| e.code), Err(163));
    let other = Scope::lab(&LabName::new("u").expect("a name"));
    assert_eq!(code(host.apply(&other, &[], &Progress::default())), 163);
}

#[test]
fn who_waits_for_a_lock_is_told_by_whom_and_gets_it_when_that_one_is_lost() {
    let machine = Machine::new("wait");
    let ((first, _a), (second, _b)) = (reached(&machine), reached(&machine));
    first.begin(&scope(), &mut |_| {}).expect("nobody else is there");
    let mut first = Some(first);
    let mut told = Vec::new();
    second
        .lock(&lab(), &mut |holder| {
            told.push(holder);
            first = None;
        })
        .expect("it is free at last");
    assert_eq!(told, [Some(std::process::id())]);
}

#[test]
fn an_apply_is_interrupted_and_says_so() {
    let machine = Machine::new("interrupt");
    let (host, _agent) = reached(&machine);
    host.begin(&scope(), &mut |_| {}).expect("nobody else is there");
    let progress = Progress::default();
    progress.stop();
    let actions: Vec<Action> = small().iter().map(|(_, r)| Action::Create(r.clone())).collect();
    let stopped = host.apply(&scope(), &actions, &progress);
    // The interrupt follows the question; an agent that is fast enough has done it by then.
    assert!(matches!(stopped, Err(StepError::Interrupted) | Ok(_)), "{stopped:?}");
    host.undo(&scope(), &Observed::default(), &[]).expect("it answers still");
    host.keep().expect("it answers still");
    assert!(machine.is_empty());
}

/// Says this to whoever asks, and closes; the error that comes of it, and how long it took.
fn said(bytes: Vec<u8>, then: impl FnOnce(File, File) + Send + 'static) -> (Result<HostState, HostError>, Duration) {
    let (here, there) = streams();
    let (mut out, input) = (File::from(there.output), File::from(there.input));
    let began = Instant::now();
    std::thread::spawn(move || {
        // Whoever has hung up is not told the rest.
        let _ = out.write_all(&bytes);
        then(out, input);
    });
    let remote = Remote::over(remote_id(), here, &expected(), PATIENCE);
    let answer = remote.and_then(|r| {
        let host = Host::new(remote_id(), AnyBackend::Remote(r));
        host.begin(&scope(), &mut |_| {}).map(|o| o.ours)
    });
    (answer, began.elapsed())
}

#[track_caller]
fn check(bytes: impl AsRef<[u8]>, code: u16, told: &str) {
    let (answer, took) = said(bytes.as_ref().to_vec(), |out, _in| {
        // It still takes what it is told, so that every error is one of what it said.
        drop(out);
        std::thread::sleep(Duration::from_millis(300));
    });
    let error = answer.expect_err("that is no agent");
    assert_eq!((error.code, error.to_string().as_str()), (code, told));
    assert!(took < SOON, "{took:?}");
}

fn hello() -> String {
    let build = own().hash().to_owned();
    format!("{{\"netsim-agent\":{{\"protocol\":1,\"version\":\"0.1.0\",\"build\":\"{build}\",\"refused\":null}}}}\n")
}

#[test]
fn a_peer_that_is_no_agent_is_told_in_words() {
    check("", 161, "h2: talk to the agent: the stream has ended");
    check("{\"netsim-ag", 161, "h2: talk to the agent: the stream has ended within a line");
    check("Welcome to h2!\n", 159, "h2: talk to the agent: not a message of netsim: \"Welcome to h2!\"");
    check("x".repeat(100_000), 162, "h2: talk to the agent: a line of more than 16384 bytes");
    let other = hello().replace("\"protocol\":1", "\"protocol\":7,\"new\":[]");
    check(other, 158, "h2: talk to the agent: it speaks version 7 of the agent's language, this netsim 1");
    let other = hello().replace(own().hash(), "feedbeeffeedbeeffeed");
    let told = "h2: talk to the agent: its program is not a copy of this one: its SHA-256 is feedbeeffeedbeef…";
    check(other, 158, told);
    let (hello, ended) = (hello(), "h2: talk to the agent: the stream has ended");
    check(&hello, 161, ended);
    check(format!("{hello}\"beat\"\n"), 161, ended);
    check(format!("{hello}what?\n"), 159, "h2: talk to the agent: not a message of netsim: \"what?\"");
    let unasked = format!("{hello}{{\"answer\":{{\"id\":99,\"answer\":{{\"Ok\":\"done\"}}}}}}\n");
    check(unasked, 159, "h2: talk to the agent: a message out of turn");
    let deep = format!("{hello}{}\n", "[".repeat(1_000_000));
    check(deep, 159, &format!("h2: talk to the agent: not a message of netsim: \"{}\"", "[".repeat(60)));
}

#[test]
fn a_peer_that_says_nothing_or_takes_nothing_or_dawdles_is_given_up() {
    for start in [String::new(), hello(), format!("{}{{\"answer\"", hello())] {
        let (answer, took) = said(start.into_bytes(), |_out, _in| std::thread::sleep(2 * SOON));
        let error = answer.expect_err("it is silent");
        assert_eq!((error.code, error.message.as_str()), (160, "silent for 1 s"));
        assert!(took < SOON, "{took:?}");
    }
    let (answer, took) = said(hello().into_bytes(), |mut out, _in| {
        while out.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert_eq!(answer.expect_err("it dawdles").message, "slower than 64 KiB/s");
    assert!(took < SOON, "{took:?}");
}

#[test]
fn a_line_without_end_takes_neither_time_nor_memory_without_bound() {
    let (answer, took) = said(hello().into_bytes(), |mut out, _in| {
        let much = vec![b'x'; 1 << 20];
        while out.write_all(&much).is_ok() {}
    });
    let error = answer.expect_err("it has no end");
    assert_eq!((error.code, error.message.as_str()), (162, "a line of more than 67108864 bytes"));
    assert!(took < 3 * SOON, "{took:?}");
}

#[test]
fn unasked_messages_without_end_are_not_heaped_up() {
    let note = "{\"note\":{\"id\":1,\"note\":{\"done\":18446744073709551615}}}\n".repeat(1000);
    let (answer, took) = said(hello().into_bytes(), move |mut out, _in| {
        for _ in 0..200 {
            if out.write_all(note.as_bytes()).is_err() {
                return;
            }
        }
    });
    assert_eq!(answer.expect_err("there is no answer").code, 161);
    assert!(took < 3 * SOON, "{took:?}");
}

/// Says this to an agent and hangs up; how it ended, and how long it took.
fn told(machine: &Machine, bytes: Vec<u8>) -> (Farewell, Duration) {
    let (here, there) = streams();
    let began = Instant::now();
    let agent = agent(machine, there);
    std::thread::spawn(move || std::io::copy(&mut File::from(here.input), &mut std::io::sink()));
    let mut out = File::from(here.output);
    let _ = out.write_all(&bytes);
    drop(out);
    (agent.join().expect("it does not panic"), began.elapsed())
}

/// Questions that a netsim could ask, a line each.
fn questions() -> Vec<String> {
    let scope = serde_json::to_string(&scope()).expect("data");
    let create = serde_json::to_string(&steps(&small(), &Observed::default())).expect("data");
    vec![
        "\"beat\"".to_owned(),
        "{\"ask\":{\"id\":1,\"request\":{\"lock\":{\"lab\":\"t\",\"busy\":\"wait\"}}}}".to_owned(),
        format!("{{\"ask\":{{\"id\":2,\"request\":{{\"observe\":{{\"scope\":{scope}}}}}}}}}"),
        format!(
            "{{\"ask\":{{\"id\":3,\"request\":{{\"apply\":{{\"scope\":{scope},\"actions\":{create},\"on_loss\":\"roll-back\"}}}}}}}}"
        ),
        "{\"ask\":{\"id\":4,\"request\":{\"save\":{\"text\":\"x\"}}}}".to_owned(),
        "{\"interrupt\":{\"id\":3}}".to_owned(),
        "{\"ask\":{\"id\":5,\"request\":\"labs\"}}".to_owned(),
        "{\"ask\":{\"id\":6,\"request\":\"forget\"}}".to_owned(),
        "{\"ask\":{\"id\":7,\"request\":{\"lock\":{\"lab\":\"$(reboot); rm -rf /\",\"busy\":\"wait\"}}}}".to_owned(),
        "{\"ask\":{\"id\":8,\"request\":{\"lock\":{\"lab\":\"..\",\"busy\":\"say\"}}}}".to_owned(),
    ]
}

#[test]
fn an_agent_that_nobody_talks_to_or_listens_to_goes_and_leaves_nothing() {
    let machine = Machine::new("silent");
    let (here, there) = streams();
    let began = Instant::now();
    let agent = agent(&machine, there);
    let mut out = File::from(here.output);
    for question in &questions()[1..4] {
        writeln!(out, "{question}").expect("it listens");
    }
    let farewell = agent.join().expect("it does not panic");
    assert_eq!((farewell.broken, farewell.undone), (Broken::Silent(PATIENCE.silence), Ok(())));
    assert!(began.elapsed() < SOON);
    assert!(machine.is_empty());
    drop(here.input);
}

#[test]
fn a_name_made_of_what_a_shell_reads_is_no_name_to_an_agent() {
    let machine = Machine::new("evil");
    for evil in ["$(reboot)", "; rm -rf /", "..", "a/b", "`id`", "a b", "x'y"] {
        let question =
            format!("{{\"ask\":{{\"id\":1,\"request\":{{\"lock\":{{\"lab\":{evil:?},\"busy\":\"wait\"}}}}}}}}\n");
        let (farewell, _) = told(&machine, question.into_bytes());
        assert!(matches!(farewell.broken, Broken::Garbage(_)), "{evil}: {:?}", farewell.broken);
        assert!(machine.is_empty());
    }
}

/// Lines of questions, some spoilt by cuts, changed bytes, repetitions and garbage between them.
fn spoilt() -> impl Strategy<Value = Vec<u8>> {
    let lines = questions();
    let line = prop_oneof![
        4 => (0..lines.len()).prop_map(move |n| lines[n].clone().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..80),
    ];
    let lines = prop::collection::vec((line, any::<bool>()), 0..12).prop_map(|lines| {
        let ended =
            lines.into_iter().flat_map(|(line, end)| line.into_iter().chain(end.then_some(b'\n')).chain([b'\n']));
        ended.collect::<Vec<u8>>()
    });
    (lines, prop::option::of((any::<prop::sample::Index>(), any::<u8>())), any::<prop::sample::Index>(), any::<bool>())
        .prop_map(|(mut bytes, change, cut, is_cut)| {
            if let (Some((at, byte)), false) = (change, bytes.is_empty()) {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if is_cut && !bytes.is_empty() {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: rounds(150), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_an_agent_is_told_it_ends_soon_and_leaves_nothing(bytes in spoilt()) {
        let machine = Machine::new("spoilt");
        let (farewell, took) = told(&machine, bytes);
        prop_assert_eq!(farewell.undone, Ok(()));
        prop_assert!(took < SOON, "{:?}", took);
        prop_assert!(machine.is_empty());
    }

    #[test]
    fn whatever_an_agent_says_is_an_error_soon(hello_first in any::<bool>(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let start = if hello_first { hello().into_bytes() } else { Vec::new() };
        let (answer, took) = said([start, bytes].concat(), |_, _| {});
        prop_assert!(answer.is_err());
        prop_assert!((150..165).contains(&answer.expect_err("just seen").code));
        prop_assert!(took < SOON, "{:?}", took);
    }

    #[test]
    fn any_state_crosses_the_stream_as_it_is(tape in prop::collection::vec(any::<u8>(), 0..200)) {
        let state = state(&mut Tape::new(&tape));
        let observed = Observed { ours: state, ..Observed::default() };
        let text = serde_json::to_string(&observed).expect("data");
        let read: Observed = serde_json::from_str(&text).expect("what was written");
        prop_assert_eq!(read, observed);
    }
}

#[test]
fn an_agent_hangs_up_on_one_who_asks_too_much_at_once() {
    let machine = Machine::new("flood");
    let holder = machine.host();
    holder.lock(&lab(), &mut |_| {}).expect("nobody else is there");
    let line = |n: usize| questions()[if n == 0 { 1 } else { 6 }].clone() + "\n";
    let (farewell, took) = told(&machine, (0..100).flat_map(|n| line(n).into_bytes()).collect());
    assert_eq!(farewell.broken, Broken::OutOfTurn);
    assert!(took < SOON, "{took:?}");
}

#[test]
fn an_agent_that_cannot_work_says_why() {
    let (here, there) = streams();
    let why = HostError { code: 121, doing: "work".into(), message: "missing".into(), errno: None, hint: None };
    agent::refuse(there, &own(), why, PATIENCE).expect("it is heard");
    let error = Remote::over(remote_id(), here, &expected(), PATIENCE).expect_err("it cannot work");
    assert_eq!((error.code, error.to_string().as_str()), (155, "h2: work: missing"));
    assert_eq!(error.hint.as_deref(), Some("log in as root, or give the host `sudo: true`"));
}

#[test]
fn both_ends_of_a_busy_line_stay_awake() {
    // Longer than anyone may be silent, with nothing to say but that one is there.
    let machine = Machine::new("awake");
    let (host, agent) = reached(&machine);
    host.begin(&scope(), &mut |_| {}).expect("nobody else is there");
    std::thread::sleep(3 * PATIENCE.silence);
    host.keep().expect("it answers still");
    drop(host);
    assert_eq!(agent.join().expect("it does not panic").broken, Broken::Ended);
}
