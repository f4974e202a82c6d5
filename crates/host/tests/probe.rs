//! Pings on a kernel: between namespaces that the test makes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use netsim_core::names::NetnsName;
use netsim_core::resource::NetnsId;
use netsim_host::backend::Progress;
use netsim_host::probe::{Options, Outcome, Ping, ping};

#[path = "common/machine.rs"]
mod common;
use common::{inside, ip};

/// A kernel has one table of neighbours for all its namespaces, with room for `gc_thresh3` (1024): one test at a time fills it.
static NEIGHBOURS: Mutex<()> = Mutex::new(());

fn netns(name: &str) -> NetnsId {
    NetnsId::Named(NetnsName::new(name).expect("a valid name"))
}

fn star_names(size: usize) -> Vec<NetnsId> {
    (0..size).map(|n| netns(&format!("n{n}"))).collect()
}

fn star_address(n: usize) -> IpAddr {
    let n = n + 1;
    [10, 9, (n >> 8) as u8, n as u8].into()
}

fn star_address_v6(n: usize) -> IpAddr {
    format!("fd09::{:x}", n + 1).parse().expect("an address")
}

/// `n0` to `n(size-1)`, each with one device on one bridge; node n has 10.9.0.1 + n and fd09::1 + n.
fn star(size: usize) -> Vec<NetnsId> {
    let mut lines = String::from("netns add sw\n");
    for n in 0..size {
        lines += &format!("netns add n{n}\nlink add eth0 netns n{n} type veth peer name p{n} netns sw\n");
    }
    std::fs::write("/run/wires", lines).expect("there is room");
    ip("-batch /run/wires");
    ip("-n sw link add br0 type bridge mcast_snooping 0");
    ip("-n sw link set br0 up");
    let ports: String = (0..size).map(|n| format!("link set p{n} master br0\nlink set p{n} up\n")).collect();
    std::fs::write("/run/ports", ports).expect("there is room");
    ip("-n sw -batch /run/ports");
    for n in 0..size {
        let [v4, v6] = [star_address(n), star_address_v6(n)];
        let lines =
            format!("link set lo up\nlink set eth0 up\naddr add {v4}/16 dev eth0\naddr add {v6}/64 dev eth0 nodad\n");
        std::fs::write("/run/node", lines).expect("there is room");
        ip(&format!("-n n{n} -batch /run/node"));
    }
    star_names(size)
}

fn all_pairs(size: usize, address: impl Fn(usize) -> IpAddr) -> impl Iterator<Item = Ping> {
    (0..size * size)
        .map(move |i| (i / size, i % size))
        .filter(|(from, to)| from != to)
        .map(move |(from, to)| Ping { from, to: address(to) })
}

/// How many pings had which outcome, times left out.
fn count(sources: &[NetnsId], pings: impl Iterator<Item = Ping>, options: &Options) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let progress = Progress::default();
    ping(sources, pings, options, &progress, |_, _, outcome| {
        let outcome = match outcome {
            Outcome::Reached { .. } => "reached".to_owned(),
            Outcome::Lost => "lost".to_owned(),
            Outcome::Unreachable { by, why } => format!("{by}: {why}"),
            Outcome::Failed(error) => error.message,
        };
        *counts.entry(outcome).or_default() += 1;
    })
    .expect("this machine can ask");
    assert_eq!(progress.done(), counts.values().sum::<usize>());
    counts
}

fn counts<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected.into_iter().map(|(outcome, n)| (outcome.to_owned(), n)).collect()
}

#[test]
fn all_pairs_of_36_nodes_on_a_switch_are_more_neighbours_than_a_kernel_keeps() {
    let _alone = NEIGHBOURS.lock().unwrap_or_else(PoisonError::into_inner);
    inside("all_pairs_of_36_nodes_on_a_switch_are_more_neighbours_than_a_kernel_keeps", || {
        let sources = star(36);
        for address in [star_address, star_address_v6] {
            let began = Instant::now();
            assert_eq!(count(&sources, all_pairs(36, address), &Options::default()), counts([("reached", 36 * 35)]));
            assert!(began.elapsed() < Duration::from_secs(1), "took {:?}", began.elapsed());
        }
    });
}

#[test]
fn what_cannot_be_reached_is_told_apart() {
    let _alone = NEIGHBOURS.lock().unwrap_or_else(PoisonError::into_inner);
    inside("what_cannot_be_reached_is_told_apart", || {
        let sources = star(2);
        // n0 sends everything else to n1, which forwards and knows no more; n1 has a neighbour that swallows all.
        ip("-n n0 route add 10.10.0.0/16 via 10.9.0.2");
        ip("-n n0 -6 route add fd10::/64 via fd09::2");
        ip("-n n1 route add blackhole 10.10.7.0/24");
        ip("netns exec n1 sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
        ip("-n n0 route add prohibit 10.11.0.0/16");
        ip("-n n0 neigh add 10.9.0.99 lladdr 02:00:00:00:00:99 dev eth0");
        let to = |address: &str| Ping { from: 0, to: address.parse().expect("an address") };
        let quick = Options { tries: 2, timeout: Duration::from_millis(500), ..Options::default() };
        let told = |address| count(&sources, [to(address)].into_iter(), &quick);
        assert_eq!(count(&sources, all_pairs(2, star_address), &Options::default()), counts([("reached", 2)]));
        assert_eq!(count(&sources, [to("fd09::2")].into_iter(), &Options::default()), counts([("reached", 1)]));
        assert_eq!(told("10.9.0.2"), counts([("reached", 1)]));
        assert_eq!(told("10.9.0.1"), counts([("reached", 1)]), "its own address");
        assert_eq!(told("10.9.0.99"), counts([("lost", 1)]));
        assert_eq!(told("10.10.0.1"), counts([("10.9.0.2: network unreachable", 1)]));
        assert_eq!(told("10.10.7.1"), counts([("lost", 1)]));
        assert_eq!(told("fd10::1"), counts([("fd09::2: no route to the destination", 1)]));
        assert_eq!(told("10.11.0.1"), counts([("permission denied (EACCES)", 1)]));
        assert_eq!(told("10.12.0.1"), counts([("network is unreachable (ENETUNREACH)", 1)]));
        assert_eq!(told("fd12::1"), counts([("network is unreachable (ENETUNREACH)", 1)]));
        assert_eq!(told("224.0.0.1"), counts([("nobody answers for this address", 1)]));
        let silent = count(&sources, [to("10.9.0.77")].into_iter(), &Options::default());
        assert_eq!(silent, counts([("10.9.0.1: host unreachable", 1)]));
    });
}

#[test]
fn who_insists_is_answered_by_what_comes_later() {
    let _alone = NEIGHBOURS.lock().unwrap_or_else(PoisonError::into_inner);
    inside("who_insists_is_answered_by_what_comes_later", || {
        let sources = star(2);
        ip("-n n0 route add 10.10.0.0/16 via 10.9.0.2");
        ip("netns exec n1 sysctl -qw net.ipv4.ip_forward=1");
        let to = || [Ping { from: 0, to: "10.10.0.1".parse().expect("an address") }].into_iter();
        let wait = Duration::from_millis(100);
        let options = Options { tries: 30, timeout: wait, least: wait, insist: false };
        assert_eq!(count(&sources, to(), &options), counts([("10.9.0.2: network unreachable", 1)]));
        let insisting = Options { insist: true, ..options };
        // A kernel tells no more than five at once and then one a second (ip_error, net/ipv4/route.c).
        let began = Instant::now();
        let few = Options { tries: 3, ..insisting };
        assert_eq!(count(&sources, to(), &few), counts([("10.9.0.2: network unreachable", 1)]));
        assert!(began.elapsed() >= 3 * wait, "gave up after {:?}", began.elapsed());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(3 * wait);
                ip("-n n1 address add 10.10.0.1/32 dev lo");
            });
            assert_eq!(count(&sources, to(), &insisting), counts([("reached", 1)]));
        });
    });
}

#[test]
fn a_source_that_is_gone_fails_and_the_others_go_on() {
    let _alone = NEIGHBOURS.lock().unwrap_or_else(PoisonError::into_inner);
    inside("a_source_that_is_gone_fails_and_the_others_go_on", || {
        let mut sources = star(2);
        sources.insert(1, netns("nobody"));
        let pings = (0..3).map(|from| Ping { from, to: star_address(0) });
        let told = count(&sources, pings, &Options::default());
        assert_eq!(told, counts([("no such file or directory (ENOENT)", 1), ("reached", 2)]));
    });
}

#[test]
fn round_trips_are_measured_and_told_with_their_place() {
    let _alone = NEIGHBOURS.lock().unwrap_or_else(PoisonError::into_inner);
    inside("round_trips_are_measured_and_told_with_their_place", || {
        let sources = star(3);
        let pings: Vec<Ping> = all_pairs(3, star_address).collect();
        let mut told = BTreeMap::new();
        ping(&sources, pings.iter().copied(), &Options::default(), &Progress::default(), |index, ping, outcome| {
            assert_eq!(pings[index], ping);
            let Outcome::Reached { rtt, .. } = outcome else { panic!("{ping:?}: {outcome:?}") };
            assert!(rtt > Duration::ZERO && rtt < Duration::from_millis(500), "{rtt:?}");
            assert!(told.insert(index, ()).is_none());
        })
        .expect("this machine can ask");
        assert_eq!(told.len(), 6);
    });
}

#[test]
fn being_told_to_stop_ends_it_early() {
    let _alone = NEIGHBOURS.lock().unwrap_or_else(PoisonError::into_inner);
    inside("being_told_to_stop_ends_it_early", || {
        let sources = star(2);
        let progress = Progress::default();
        let endless = (0..).map(|_| Ping { from: 0, to: star_address(1) });
        ping(&sources, endless, &Options::default(), &progress, |index, _, _| {
            if index >= 1000 {
                progress.stop();
            }
        })
        .expect("this machine can ask");
        assert!(progress.done() < 50_000);
    });
}

#[test]
fn a_flood_loses_nothing() {
    let _alone = NEIGHBOURS.lock().unwrap_or_else(PoisonError::into_inner);
    inside("a_flood_loses_nothing", || {
        let sources = star(16);
        let many = 50_000;
        let pings = (0..many).map(|i| Ping { from: i % 16, to: star_address((i / 16 + i) % 16) });
        let first_only = Options { tries: 1, ..Options::default() };
        assert_eq!(count(&sources, all_pairs(16, star_address), &Options::default()), counts([("reached", 240)]));
        assert_eq!(count(&sources, pings, &first_only), counts([("reached", many)]));
    });
}
