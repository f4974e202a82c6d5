//! The Linux backend against the kernel at hand: what is asked for is what is seen, and nothing of others is touched.

mod common;

use common::*;
use netsim_core::names::{LabName, NetnsName};
use netsim_core::plan::plan;
use netsim_core::resource::{End, Key, Resource};
use netsim_core::state::{HostState, Scope};
use netsim_core::testing::resources;
use netsim_host::backend::{Progress, StepError};

fn name(netns: &str) -> NetnsName {
    NetnsName::new(netns).expect("a name")
}

macro_rules! on_a_machine {
    ($name:ident, $body:block) => {
        #[test]
        fn $name() {
            on_a_machine_of_its_own(stringify!($name), || $body);
        }
    };
}

fn pair() -> HostState {
    state([
        netns("a"),
        netns("b"),
        wire("a/eth0", "b/eth0"),
        vec![
            address("a/eth0", "10.0.0.1/30"),
            address("b/eth0", "10.0.0.2/30"),
            route("a", "0.0.0.0/0", "eth0 10.0.0.2"),
        ],
    ])
}

fn star(nodes: u32) -> HostState {
    let mut parts = vec![netns("sw"), vec![bridge("sw/br0"), up("sw/br0")]];
    for i in 1..=nodes {
        let (n, p) = (format!("n{i}"), format!("sw/n{i}"));
        let e = format!("{n}/eth0");
        parts.push(netns(&n));
        parts.push(wire(&e, &p));
        parts.push(vec![port(&p, "br0"), address(&e, &format!("10.1.{}.{}/16", i / 250, i % 250 + 1))]);
    }
    state(parts)
}

on_a_machine!(two_nodes_on_a_wire_are_as_asked_for_and_then_gone, {
    become_so(&pair());
    let seen = run("ip", &["-n", "a", "route", "get", "10.0.0.2"]);
    assert!(seen.contains("dev eth0 src 10.0.0.1"), "{seen}");
    become_so(&HostState::default());
    assert_eq!(std::fs::read_dir("/run/netns").expect("it is made").count(), 0);
});

on_a_machine!(a_star_is_as_asked_for_and_takes_another_node_and_lets_one_go, {
    become_so(&star(4));
    become_so(&star(5));
    become_so(&star(3));
    become_so(&HostState::default());
});

/// What `ip` prints, as one line a device or route.
fn ip(words: &str) -> String {
    run("ip", &words.split_whitespace().collect::<Vec<_>>())
}

fn with(mut state: HostState, more: Vec<Resource>) -> HostState {
    for resource in more {
        state.insert(resource);
    }
    state
}

on_a_machine!(marks_are_there_for_ip_to_see, {
    become_so(&pair());
    assert!(ip("-n a link show lo").contains("alias netsim lab=t node=a"), "{}", ip("-n a link show lo"));
    assert!(ip("-n a link show lo").contains("altname sysctl=net.ipv4.conf.all.promote_secondaries"));
    let group = format!("group {}", lab().group());
    assert!(ip("-n a link show eth0").contains(&group), "{}", ip("-n a link show eth0"));
    assert!(ip("-n a route show default").contains("proto 110"), "{}", ip("-n a route show default"));
    assert!(ip("netns list").lines().any(|l| l.starts_with('a')), "{}", ip("netns list"));
});

on_a_machine!(a_bridge_in_the_hosts_namespace_has_ports_and_an_address_and_goes_again, {
    let before = ip("-o link") + &ip("-o addr");
    let lab = state([
        netns("a"),
        vec![bridge("host/br-t"), up("host/br-t"), address("host/br-t", "10.0.0.254/24")],
        wire("a/eth0", "host/t-a"),
        vec![port("host/t-a", "br-t"), address("a/eth0", "10.0.0.1/24"), route("host", "10.9.0.0/24", "br-t 10.0.0.1")],
    ]);
    become_so(&lab);
    assert!(ip("link show br-t").contains("alias netsim lab=t"), "{}", ip("link show br-t"));
    become_so(&HostState::default());
    assert_eq!(ip("-o link") + &ip("-o addr"), before);
});

on_a_machine!(an_ipv6_node_has_a_link_local_address_only_where_it_is_asked_for, {
    let ends = |link_local| {
        let of = |at| End { link_local, ..end(at) };
        vec![veth(of("a/eth0"), end("b/eth0")), up("a/eth0"), up("b/eth0"), address("a/eth0", "fd00::1/64")]
    };
    become_so(&state([netns("a"), netns("b"), ends(false)]));
    assert!(!ip("-n a -6 addr show eth0").contains("fe80"), "{}", ip("-n a -6 addr show eth0"));
    become_so(&state([netns("a"), netns("b"), ends(true)]));
    assert!(ip("-n a -6 addr show eth0").contains("fe80"), "{}", ip("-n a -6 addr show eth0"));
    become_so(&state([netns("a"), netns("b"), ends(false)]));
    assert!(!ip("-n a -6 addr show eth0").contains("fe80"), "{}", ip("-n a -6 addr show eth0"));
    assert!(!ip("-n b -6 addr show eth0").contains("fe80"), "{}", ip("-n b -6 addr show eth0"));
});

on_a_machine!(a_husk_is_seen_as_ours_and_made_whole, {
    std::fs::create_dir_all("/run/netns").expect("an empty /run");
    std::fs::write("/run/netns/a", "netsim lab=t node=a\n").expect("a name");
    let seen = observe(&HostState::default());
    let Some(Resource::Netns(husk)) = seen.ours.get(&Key::Netns(name("a"))) else { panic!("{seen:?}") };
    assert!(!husk.mounted);
    become_so(&pair());
});

on_a_machine!(a_name_that_others_hold_is_theirs, {
    ip("netns add a");
    ip("netns add other");
    std::fs::write("/run/netns/b", "netsim lab=theirs node=b\n").expect("a name");
    let seen = observe(&pair());
    let foreign = |n: &str| seen.others.get(&Key::Netns(name(n))).map(|f| (f.what.to_string(), f.lab.clone()));
    assert_eq!(foreign("a"), Some(("network namespace made by hand".into(), None)));
    assert_eq!(foreign("b"), Some(("file of lab theirs".into(), LabName::new("theirs").ok())));
    assert_eq!(foreign("other"), None);
    assert!(plan(&pair(), &seen).is_err());
    assert!(seen.ours.is_empty());
});

on_a_machine!(what_a_hand_adds_in_a_node_is_told_and_left_alone, {
    become_so(&pair());
    ip("-n a link add mine type bridge");
    ip("-n a addr add 192.0.2.1/24 dev eth0");
    ip("-n a route add 198.51.100.0/24 via 10.0.0.2");
    let seen = observe(&pair());
    same(&seen.ours, &pair());
    let told: Vec<String> = seen.others.iter().map(|(k, f)| format!("{k}: {}", f.what)).collect();
    let expect = [
        "device a/mine: bridge made by hand",
        "address 192.0.2.1/24 on a/eth0: address made by hand",
        "route a to 198.51.100.0/24: route made by hand",
    ];
    assert_eq!(told, expect);
    become_so(&with(pair(), vec![address("a/eth0", "10.0.0.5/30")]));
    assert!(ip("-n a addr show eth0").contains("192.0.2.1/24"));
});

on_a_machine!(a_program_runs_once_and_its_failure_is_told_with_its_last_words, {
    let count = ran("a", 0, &["sh", "-c", "ls /sys/class/net >/dev/null; echo x >> /run/count"]);
    let lab = with(pair(), vec![count]);
    become_so(&lab);
    become_so(&lab);
    assert_eq!(std::fs::read_to_string("/run/count").ok().as_deref(), Some("x\n"));
    let bad = with(lab.clone(), vec![ran("a", 1, &["sh", "-c", "echo so it is >&2; exit 7"])]);
    let actions = plan_for(&bad);
    let failed = apply(&bad, &actions).expect_err("it exits with 7").to_string();
    assert_eq!(failed, "run `sh -c echo so it is >&2; exit 7` in a: exit status: 7\n  so it is");
    same(&observe(&lab).ours, &lab);
});

on_a_machine!(a_read_only_run_is_an_error_that_changes_nothing, {
    run("mount", &["-o", "remount,ro", "/run"]);
    let actions = plan_for(&pair());
    let Err(StepError::Failed { error, .. }) = apply(&pair(), &actions) else { panic!("it cannot be") };
    assert_eq!((error.code, error.errno), (91, Some(libc::EROFS)));
    assert_eq!(observe(&pair()).ours, HostState::default());
});

on_a_machine!(a_setting_of_the_host_is_lent_and_given_back, {
    let forward = || std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").expect("it is there").trim().to_owned();
    let was = forward();
    let other = if was == "0" { "1" } else { "0" };
    let lab = with(pair(), vec![sysctl("host", "net.ipv4.ip_forward", other)]);
    let after = apply(&lab, &plan_for(&lab)).expect("it may be set");
    assert_eq!(plan(&lab, &after), Ok(Vec::new()));
    assert_eq!((forward().as_str(), after.loans.len()), (other, 1));
    let after = become_so(&HostState::default());
    assert_eq!((forward(), after.loans.len()), (was, 0));
    assert!(!std::path::Path::new("/run/netsim/loans.json").exists());
});

on_a_machine!(who_is_among_the_doomed_by_accident_lives_on, {
    let two = || {
        state([netns("a"), netns("b"), wire("a/eth0", "b/eth0"), wire("a/eth1", "b/eth1"), wire("a/eth2", "b/eth2")])
    };
    become_so(&two());
    // At either end: the backend chooses by which the others go.
    for node in ["a", "b"] {
        ip(&format!("-n {node} link set eth0 group {}", lab().doomed_group()));
    }
    become_so(&state([netns("a"), netns("b"), wire("a/eth0", "b/eth0")]));
});

on_a_machine!(a_node_whose_name_was_taken_away_by_hand_is_made_anew, {
    become_so(&star(3));
    ip("netns del n2");
    become_so(&star(3));
});

on_a_machine!(settings_that_a_kernel_does_not_have_are_told, {
    become_so(&pair());
    let wanted = with(
        pair(),
        vec![
            sysctl("a", "net.ipv4.no_such", "1"),
            sysctl("new", "net.ipv4.ip_forward", "1"),
            sysctl("new", "net.core.nowhere", "1"),
        ],
    );
    let no_sysctl: Vec<String> = observe(&wanted).facts.no_sysctl.keys().map(|(n, s)| format!("{n} {s}")).collect();
    assert_eq!(no_sysctl, ["a net.ipv4.no_such", "new net.core.nowhere"]);
    assert!(observe(&wanted).facts.lacks.is_empty());
});

on_a_machine!(a_device_made_anew_has_no_settings_of_the_one_before, {
    let filter = sysctl("a", "net.ipv4.conf.eth0.rp_filter", "2");
    become_so(&with(pair(), vec![filter.clone()]));
    let other = state([netns("a"), netns("c"), wire("a/eth0", "c/eth0")]);
    become_so(&other);
    become_so(&with(other, vec![filter]));
});

on_a_machine!(an_interrupted_apply_stops_between_namespaces_and_can_go_on, {
    let progress = Progress::default();
    progress.stop();
    let scope = Scope::of(&lab(), &star(4));
    let stopped = linux().apply_now(&scope, &plan_for(&star(4)), &progress);
    assert!(matches!(stopped, Err(StepError::Interrupted)), "{stopped:?}");
    assert!(observe(&star(4)).ours.is_empty());
    become_so(&star(4));
});

on_a_machine!(an_ipv6_route_leaves_a_device_before_that_gets_too_small_for_it, {
    let common = "netns t-a
        up t-a/e0
        veth t-a/f0 t-a/f1
        up t-a/f0
        address t-a/f0 fd00::1/64";
    for (mtu, via) in [("", "e0"), (",mtu=1000", "f0=fd00::100")] {
        let text = format!("{common}\nveth t-a/e0{mtu} t-a/e1\nroute t-a fd09::/64 via {via}");
        become_so(&resources(&text).into_iter().collect());
    }
});
