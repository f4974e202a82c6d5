//! Every kind of device on the kernel at hand: made, changed in place, changed by hand and repaired, gone; and what it does to packets.

use std::net::IpAddr;
use std::time::Duration;

use common::*;
use netsim_core::names::IfName;
use netsim_core::plan::Action;
use netsim_core::resource::{
    Bond, BondMode, Device, End, IpvlanMode, MacvlanMode, Resource, Single, SingleKind, VlanProtocol,
};
use netsim_core::state::HostState;
use netsim_host::backend::Progress;
use netsim_host::probe::{Options, Outcome, Ping, ping};

#[path = "../common/mod.rs"]
mod common;

macro_rules! on_a_machine {
    ($name:ident, $(needs $($feature:ident)+,)? $body:block) => {
        #[test]
        fn $name() {
            let path = concat!(module_path!(), "::", stringify!($name));
            let (_, name) = path.split_once("::").expect("a test is in a crate");
            common::on_a_machine_of_its_own(name, || {
                if common::kernel_has(name, &[$($(netsim_core::state::Feature::$feature),+)?]) {
                    $body
                }
            });
        }
    };
}

mod kinds;
mod masters;
mod parents;
mod switches;

fn ip(words: &str) -> String {
    run("ip", &words.split_whitespace().collect::<Vec<_>>())
}

fn name(text: &str) -> IfName {
    IfName::new(text).expect("a name")
}

/// A device of a kind as it is where nothing else is said of it.
fn of_kind(at: &str, kind: SingleKind) -> Single {
    let End { id, mac, .. } = end(at);
    let (mac, mtu) = (kind.has_mac().then_some(mac), kind.has_mtu().then_some(1500));
    Single { id, mac, mtu, link_local: false, full_name: None, kind }
}

fn single(single: Single) -> Resource {
    Resource::Device(Device::Single(Box::new(single)))
}

fn vlan(at: &str, parent: &str, vid: u16) -> Single {
    of_kind(at, SingleKind::Vlan { parent: name(parent), vid, protocol: VlanProtocol::Q })
}

fn macvlan(at: &str, parent: &str, mode: MacvlanMode) -> Single {
    of_kind(at, SingleKind::Macvlan { parent: id(parent), mode })
}

fn ipvlan(at: &str, parent: &str, mode: IpvlanMode) -> Single {
    of_kind(at, SingleKind::Ipvlan { parent: id(parent), mode })
}

fn bond(at: &str, mode: BondMode, miimon: u32) -> Single {
    of_kind(at, SingleKind::Bond(Bond { mode, miimon }))
}

fn vrf(at: &str, table: u32) -> Single {
    of_kind(at, SingleKind::Vrf { table })
}

fn with(state: &HostState, more: impl IntoIterator<Item = Resource>) -> HostState {
    let mut state = state.clone();
    for resource in more {
        state.insert(resource);
    }
    state
}

/// Whether an address answers to a node.
fn reaches(from: &str, to: &str) -> bool {
    let to: IpAddr = to.parse().expect("an address");
    let mut reached = None;
    let options = Options { tries: 4, timeout: Duration::from_millis(600) };
    ping(&[space(from)], [Ping { from: 0, to }], &options, &Progress::default(), |_, _, outcome| {
        reached = Some(matches!(outcome, Outcome::Reached { .. }));
    })
    .expect("this machine can ask");
    reached.expect("one ping has one outcome")
}

/// It becomes so by updates alone.
#[track_caller]
fn become_so_in_place(desired: &HostState) {
    let actions = plan_for(desired);
    assert!(!actions.is_empty());
    assert!(actions.iter().all(|a| matches!(a, Action::Update { .. })), "{actions:#?}");
    become_so(desired);
}

/// What a hand does is seen, and put right.
#[track_caller]
fn repairs(desired: &HostState, program: &str, words: &str) {
    run(program, &words.split_whitespace().collect::<Vec<_>>());
    assert_ne!(plan_for(desired), [], "{words}");
    become_so(desired);
}

/// A device of a kind is made, is another, is changed by hand, and is gone.
fn life(base: &HostState, first: &Single, second: &Single, by_hand: &[&str]) {
    become_so(base);
    become_so(&with(base, [single(first.clone())]));
    let there = with(base, [single(second.clone())]);
    become_so_in_place(&there);
    for words in by_hand {
        repairs(&there, "ip", words);
    }
    become_so(base);
    become_so(&there);
    become_so(&HostState::default());
}

/// Another form of a device: address, MTU, link-local address and full name, where it has them.
fn otherwise(single: &Single) -> Single {
    Single {
        mac: single.mac.map(|_| end("other/one").mac),
        mtu: single.mtu.map(|_| 1400),
        link_local: true,
        full_name: Some("as-it-was-written-by-somebody".into()),
        ..single.clone()
    }
}

fn node(name: &str) -> HostState {
    state([netns(name), vec![veth(end(&format!("{name}/eth0")), end(&format!("{name}/eth1")))]])
}
