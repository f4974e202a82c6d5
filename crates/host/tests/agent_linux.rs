//! An agent on the kernel at hand, over pipes: what is asked for is there, and gone when whoever asked is lost.

mod common;

use std::path::Path;

use common::*;
use netsim_core::names::HostId;
use netsim_core::plan::plan;
use netsim_core::state::{HostState, Observed, Scope};
use netsim_host::agent::{self, Stream};
use netsim_host::backend::Progress;
use netsim_host::linux::Paths;
use netsim_host::probe::{Options, Outcome, Ping};
use netsim_host::remote::{Expected, Remote};
use netsim_host::{AnyBackend, Host, Local, Own, Patience};

/// This machine's kernel behind an agent on a thread of this process.
fn behind_an_agent() -> (Host, std::thread::JoinHandle<agent::Farewell>) {
    let pipe = || nix::unistd::pipe().expect("there are descriptors left");
    let ((here, answers), (questions, there)) = (pipe(), pipe());
    let own = Own::at(Path::new("/proc/self/cmdline")).expect("proc is mounted");
    let expected = Expected::Build(own.hash().to_owned());
    let agent = std::thread::spawn(move || {
        let host = Host::new(HostId::local(), AnyBackend::Local(Local::new(Paths::default(), None)));
        let stream = Stream { input: questions, output: answers };
        agent::serve(&host, stream, &own, Patience::default(), &Progress::default())
    });
    let id = HostId::new("far").expect("a name");
    let stream = Stream { input: here, output: there };
    let remote = Remote::over(id.clone(), stream, &expected, Patience::default()).expect("an agent answers");
    (Host::new(id, AnyBackend::Remote(remote)), agent)
}

fn pair() -> HostState {
    state([
        netns("a"),
        netns("b"),
        wire("a/eth0", "b/eth0"),
        vec![address("a/eth0", "10.0.0.1/30"), address("b/eth0", "10.0.0.2/30")],
    ])
}

fn become_so_behind(host: &Host, desired: &HostState) -> Observed {
    let scope = Scope::of(&lab(), desired);
    let before = host.begin(&scope, &mut |_| {}).expect("nobody else is there");
    let actions = plan(desired, &before).expect("nothing is in the way");
    let after = host.apply(&scope, &actions, &Progress::default()).expect("allowed");
    same(&after.ours, desired);
    after
}

#[test]
fn a_kernel_behind_an_agent_does_what_one_at_hand_does() {
    on_a_machine_of_its_own("a_kernel_behind_an_agent_does_what_one_at_hand_does", || {
        let (host, _agent) = behind_an_agent();
        let after = become_so_behind(&host, &pair());
        assert_eq!(after, observe(&pair()));
        let ping = |from, to: &str| Ping { from, to: to.parse().expect("an address") };
        let (mut outcomes, sources) = (vec![None; 2], [space("a"), space("b")]);
        let pings = vec![ping(0, "10.0.0.2"), ping(1, "10.9.9.9")];
        let tell = |at: usize, outcome| outcomes[at] = Some(outcome);
        host.ping(&sources, pings, &Options::default(), &Progress::default(), tell).expect("it can");
        assert!(matches!(outcomes[0], Some(Outcome::Reached { .. })), "{outcomes:?}");
        assert!(matches!(outcomes[1], Some(Outcome::Failed(_))), "{outcomes:?}");
        let learnt = host.learnt(&space("a")).expect("it can");
        assert_eq!(learnt.neighbours.iter().map(|n| n.address.to_string()).collect::<Vec<_>>(), ["10.0.0.2"]);
        host.keep().expect("it answers");
        become_so_behind(&host, &HostState::default());
        host.settle().and_then(|()| host.keep()).expect("it answers");
        assert_eq!(std::fs::read_dir("/run/netns").expect("it was made").count(), 0);
    });
}

#[test]
fn a_kernel_whose_netsim_is_lost_is_as_it_was() {
    on_a_machine_of_its_own("a_kernel_whose_netsim_is_lost_is_as_it_was", || {
        let (host, agent) = behind_an_agent();
        become_so_behind(&host, &pair());
        host.keep().expect("it answers");
        let before = observe(&pair());
        become_so_behind(&host, &state([netns("c"), vec![bridge("c/br0"), up("c/br0")]]));
        drop(host);
        assert_eq!(agent.join().expect("it does not panic").undone, Ok(()));
        same(&observe(&pair()).ours, &before.ours);
    });
}
