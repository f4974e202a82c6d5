//! What the Linux backend tells of the kernel at hand, against what hands find out.
#![allow(clippy::print_stderr, reason = "figures are told")]

mod common;

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::*;
use netsim_core::names::IfName;
use netsim_core::state::{Facts, Feature, HostState, Nic, Scope};

macro_rules! on_a_machine {
    ($name:ident, $body:block) => {
        #[test]
        fn $name() {
            on_a_machine_of_its_own(stringify!($name), || $body);
        }
    };
}

/// What is made by hand to know each feature.
const BY_HAND: [(Feature, &str); 14] = [
    (Feature::Veth, "ip link add x type veth peer y"),
    (Feature::Bridge, "ip link add x type bridge"),
    (Feature::VlanFiltering, "ip link add x type bridge && bridge vlan add dev x vid 2 self"),
    (Feature::Vlan, "ip link add link host name x type vlan id 2"),
    (Feature::Macvlan, "ip link add link host name x type macvlan"),
    (Feature::Ipvlan, "ip link add link host name x type ipvlan"),
    (Feature::Dummy, "ip link add x type dummy"),
    (Feature::Bond, "ip link add x type bond"),
    (Feature::Vrf, "ip link add x type vrf table 7"),
    (Feature::Vxlan, "ip link add x type vxlan id 2 dstport 4789"),
    (Feature::Gre, "ip link add x type gretap local 192.0.2.1 remote 192.0.2.2"),
    (Feature::Gre6, "ip link add x type ip6gretap local 2001:db8::1 remote 2001:db8::2"),
    (Feature::Netem, "tc qdisc add dev host root netem"),
    (Feature::Tbf, "tc qdisc add dev host root tbf rate 1mbit burst 10k limit 10k"),
];

/// Others are not found out by making something.
const OTHERS: [Feature; 5] =
    [Feature::Ipv6, Feature::Multipath, Feature::NetemSeed, Feature::Ethtool, Feature::CpuMasks];

fn facts(features: &BTreeSet<Feature>) -> Facts {
    let scope = Scope { features: features.clone(), ..Scope::lab(&lab()) };
    linux().observe_now(&scope).expect("a machine that can be looked at").facts
}

fn all() -> BTreeSet<Feature> {
    BY_HAND.iter().map(|(feature, _)| *feature).chain(OTHERS).collect()
}

/// Whether it works, tried in a namespace that goes at once.
fn works(words: &str) -> bool {
    let script = format!("ip link add host type bridge && {words}");
    let mut unshare = Command::new("unshare");
    unshare.args(["-n", "sh", "-c", &script]).stdout(Stdio::null()).stderr(Stdio::null());
    unshare.status().expect("util-linux is installed").success()
}

on_a_machine!(a_kernel_lacks_what_hands_cannot_make_and_nothing_else, {
    let before = run("ip", &["-o", "link"]);
    let lacks = facts(&all()).lacks;
    assert_eq!(run("ip", &["-o", "link"]), before);
    for (feature, words) in BY_HAND {
        assert_eq!(!lacks.contains(&feature), works(words), "{feature:?}: {words}");
    }
    // This is a user namespace.
    assert!(lacks.contains(&Feature::CpuMasks));
    assert!(facts(&BTreeSet::new()).lacks.is_empty());
});

on_a_machine!(a_kernel_is_asked_in_under_20_ms, {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        facts(&BTreeSet::new());
        let without = began.elapsed();
        let began = Instant::now();
        facts(&all());
        times.push(began.elapsed().saturating_sub(without));
    }
    eprintln!("asking a kernel for all features: {times:?}, the first with its modules");
    let least = times.iter().min().expect("some");
    assert!(*least < Duration::from_millis(20), "{times:?}");
});

on_a_machine!(the_devices_of_the_host_that_are_not_ours_are_told, {
    run("ip", &["link", "add", "theirs", "mtu", "1400", "up", "type", "bridge"]);
    run("ip", &["link", "add", "idle", "type", "bridge"]);
    become_so(&state([netns("a"), wire("a/eth0", "host/t-a")]));
    let nics = facts(&BTreeSet::new()).nics;
    let nics: Vec<(IfName, Nic)> =
        nics.into_iter().filter(|(name, _)| ["theirs", "idle", "t-a", "lo"].contains(&name.as_str())).collect();
    let named = |name, mtu, up| (IfName::new(name).expect("a name"), Nic { mtu, up, addresses: Vec::new() });
    assert_eq!(nics, [named("idle", 1500, false), named("theirs", 1400, true)]);
});

on_a_machine!(cpus_are_counted_where_masks_are_asked_for, {
    let online = std::thread::available_parallelism().map_or(1, usize::from);
    let counted = facts(&BTreeSet::from([Feature::CpuMasks])).cpus;
    assert!(counted as usize >= online, "{counted} of {online}");
    assert_eq!(facts(&BTreeSet::new()).cpus, 0);
});

on_a_machine!(names_near_to_a_missing_setting_are_those_that_are_there, {
    become_so(&state([netns("a")]));
    let missing = [
        ("a", "net.ipv4.ip_forwad", "net.ipv4.ip_forward"),
        ("a", "net.ipv44.tcp_ecn", "net.ipv4.tcp_ecn"),
        ("a", "net.ipv4.conf.lo.rp_fliter", "net.ipv4.conf.lo.rp_filter"),
        ("new", "net.ipv4.conf.eth0.rp_fliter", "net.ipv4.conf.eth0.rp_filter"),
        ("new", "net.ipv4.tcp_ecm", "net.ipv4.tcp_ecn"),
        ("host", "net.ipv4.ip_forwards", "net.ipv4.ip_forward"),
        ("a", "net.nowhere.at_all", ""),
    ];
    let asked: HostState = missing.iter().map(|(netns, name, _)| sysctl(netns, name, "1")).collect();
    let told = observe(&asked).facts.no_sysctl;
    assert_eq!(told.len(), missing.len());
    for ((netns, name), near) in told {
        let is_this = |(n, s, _): &&(&str, &str, &str)| space(n) == netns && *s == name.as_str();
        let (.., first) = missing.iter().find(is_this).expect("it is missing");
        assert_eq!(near.first().map_or("", |n| n.as_str()), *first, "{netns} {name}: {near:?}");
    }
});
