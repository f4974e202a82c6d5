//! Tunnels between two hosts on the kernel at hand: made, seen, changed in place, told of by others; and what is on the wire between the hosts.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use common::*;
use netsim_core::names::{IfName, Mac};
use netsim_core::plan::Action;
use netsim_core::resource::{
    Device, Df, EVERYBODY, End, Fdb, Gre, Neighbour, Resource, Single, SingleKind, VXLAN_PORT, Vxlan,
};
use netsim_core::state::{HostState, Observed, Scope};
use netsim_host::backend::Progress;
use netsim_host::linux::{Linux, Paths};
use netsim_host::probe::{Options, Outcome, Ping, ping};
use nix::sched::{CloneFlags, setns, unshare};

#[path = "../common/mod.rs"]
mod common;

macro_rules! on_a_machine {
    ($name:ident, needs $($feature:ident)+, $body:block) => {
        #[test]
        fn $name() {
            let path = concat!(module_path!(), "::", stringify!($name));
            let (_, name) = path.split_once("::").expect("a test is in a crate");
            common::on_a_machine_of_its_own(name, || {
                if common::kernel_has(name, &[$(netsim_core::state::Feature::$feature),+]) {
                    $body
                }
            });
        }
    };
}

mod changed;
mod gre;
mod killed;
mod others;
mod vxlan;
mod wire;

/// A machine with an underlay: this one, or one beside it.
struct Machine {
    namespace: OwnedFd,
    linux: Linux,
}

/// Two machines, joined by `u0` with 192.0.2.1 and 2001:db8::1 on this one, and 192.0.2.2 and 2001:db8::2 on the other.
fn two_machines() -> [Machine; 2] {
    let other = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("root of this namespace may");
        OwnedFd::from(std::fs::File::open("/proc/thread-self/ns/net").expect("every thread has one"))
    });
    let other = other.join().expect("it does not panic");
    let here = OwnedFd::from(std::fs::File::open("/proc/thread-self/ns/net").expect("every thread has one"));
    let path = format!("/proc/{}/fd/{}", std::process::id(), other.as_raw_fd());
    ip(&format!("link add u0 type veth peer name u0 netns {path}"));
    let address = |last: u8| {
        ip("link set lo up");
        ip(&format!("addr add 192.0.2.{last}/24 dev u0"));
        ip(&format!("addr add 2001:db8::{last}/64 dev u0 nodad"));
        ip("link set u0 up");
    };
    address(1);
    let place = |netns: &str| Linux::new(Paths { netns: netns.into(), state: format!("{netns}-state").into() });
    let machines = [
        Machine { namespace: here, linux: place("/run/netns") },
        Machine { namespace: other, linux: place("/run/other/netns") },
    ];
    machines[1].inside(|| address(2));
    machines
}

impl Machine {
    /// Runs this with the machine's own network namespace.
    fn inside<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(&self.namespace, CloneFlags::CLONE_NEWNET).expect("root of this namespace may");
                body()
            });
            thread.join().expect("it does not panic")
        })
    }

    fn observe(&self, scope: &Scope) -> Observed {
        self.inside(|| self.linux.observe_now(scope).expect("a machine that can be looked at"))
    }

    /// Does this, and fails the test unless then just what is in `after` is there.
    #[track_caller]
    fn does(&self, actions: &[Action], after: &HostState) {
        let done = self.inside(|| self.linux.do_now(&lab(), actions, &Progress::default()));
        done.unwrap_or_else(|e| panic!("{e}\n{actions:#?}"));
        same(&self.observe(&asking(after)).ours, after);
    }

    /// Makes all of these, in this order.
    #[track_caller]
    fn makes(&self, all: &HostState) {
        let create: Vec<Action> = all.iter().map(|(_, resource)| Action::Create(resource.clone())).collect();
        self.does(&create, all);
    }
}

/// The scope of a state.
fn asking(state: &HostState) -> Scope {
    Scope { names: state.iter().flat_map(|(_, r)| r.claims()).collect(), ..Scope::lab(&lab()) }
}

fn ip(words: &str) -> String {
    run("ip", &words.split_whitespace().collect::<Vec<_>>())
}

fn addr(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn name(text: &str) -> IfName {
    IfName::new(text).expect("a name")
}

fn single(at: &str, mtu: u32, kind: SingleKind) -> Resource {
    let End { id, mac, .. } = end(at);
    let mac = kind.has_mac().then_some(mac);
    Resource::Device(Device::Single(Box::new(Single {
        id,
        mac,
        mtu: Some(mtu),
        link_local: false,
        full_name: None,
        kind,
    })))
}

fn mac_of(at: &str) -> Mac {
    end(at).mac
}

/// Whether an address answers to a node of this machine.
fn reaches(from: &str, to: &str) -> bool {
    let mut reached = None;
    let options = Options { tries: 4, timeout: Duration::from_millis(600), ..Options::default() };
    let asked = [Ping { from: 0, to: addr(to) }];
    ping(&[space(from)], asked, &options, &Progress::default(), |_, _, outcome| {
        reached = Some(matches!(outcome, Outcome::Reached { .. }));
    })
    .expect("this machine can ask");
    reached.expect("one ping has one outcome")
}

fn fdb(at: &str, mac: Mac, to: &str) -> Resource {
    Resource::Fdb(Fdb { device: id(at), mac, to: addr(to) })
}
