//! The Linux backend where machines are full, shared or out of reach.

mod common;

use std::process::Command;

use common::*;
use netsim_core::names::LabName;
use netsim_core::plan::plan;
use netsim_core::resource::Resource;
use netsim_core::state::{HostState, Scope};
use netsim_host::backend::Progress;
use nix::sys::resource::{Resource as Limit, getrlimit, setrlimit};

macro_rules! on_a_machine {
    ($name:ident, $body:block) => {
        #[test]
        fn $name() {
            on_a_machine_of_its_own(stringify!($name), || $body);
        }
    };
}

on_a_machine!(a_device_that_somebody_made_under_a_name_of_ours_since_the_plan_is_not_deleted, {
    for count in 1..=3 {
        let names: Vec<String> = (0..count).map(|i| format!("br-{i}")).collect();
        become_so(&state([names.iter().map(|n| bridge(&format!("host/{n}"))).collect()]));
        let nothing = HostState::default();
        let actions = plan_for(&nothing);
        run("ip", &["link", "del", "br-0"]);
        run("ip", &["link", "add", "br-0", "type", "bridge"]);
        apply(&nothing, &actions).expect("what is gone is deleted");
        let left = run("ip", &["-o", "link", "show", "type", "bridge"]);
        assert!(left.contains("br-0") && left.lines().count() == 1, "{left}");
        run("ip", &["link", "del", "br-0"]);
    }
});

on_a_machine!(a_setting_that_another_lab_has_borrowed_is_refused_and_the_last_to_leave_gives_it_back, {
    let value =
        || std::fs::read_to_string("/proc/sys/net/ipv4/conf/lo/rp_filter").expect("it is there").trim().to_owned();
    let was = value();
    let set = |value: &str| state([vec![sysctl("host", "net.ipv4.conf.lo.rp_filter", value)]]);
    let [one, two] = if was == "0" { ["1", "2"] } else { ["0", if was == "1" { "2" } else { "1" }] };
    apply(&set(one), &plan_for(&set(one))).expect("it may be set");
    let other = LabName::new("u").expect("a name");
    let seen = |desired: &HostState| linux().observe_now(&Scope::of(&other, desired)).expect("it can be looked at");
    let refusals = plan(&set(two), &seen(&set(two))).expect_err("lab t has borrowed it");
    assert_eq!(refusals.iter().map(|r| (r.code, r.lab.clone())).collect::<Vec<_>>(), [(73, Some(lab()))]);
    let actions = plan(&set(one), &seen(&set(one))).expect("they agree");
    linux().do_now(&other, &actions, &Progress::default()).expect("it may be borrowed");
    become_so(&HostState::default());
    assert_eq!(value(), one);
    let nothing = HostState::default();
    let actions = plan(&nothing, &seen(&nothing)).expect("nothing is in the way");
    linux().do_now(&other, &actions, &Progress::default()).expect("it may be given back");
    assert_eq!(value(), was);
});

on_a_machine!(small_things_are_deleted_in_more_namespaces_than_files_may_be_open_at_first, {
    let names: Vec<String> = (0..60).map(|i| format!("n{i}")).collect();
    let bare = state(names.iter().map(|n| netns(n)));
    let mut full = bare.clone();
    for n in &names {
        full.insert(address(&format!("{n}/lo"), "10.0.0.1/32"));
        full.insert(sysctl(n, "net.ipv4.ip_forward", "1"));
    }
    let limit = |soft| setrlimit(Limit::RLIMIT_NOFILE, soft, getrlimit(Limit::RLIMIT_NOFILE).expect("it has one").1);
    limit(40).expect("less is always allowed");
    become_so(&full);
    limit(40).expect("less is always allowed");
    become_so(&bare);
});

on_a_machine!(nodes_with_hundreds_of_notes_are_seen_whole, {
    let mut parts = vec![netns("sw"), vec![bridge("sw/br0"), up("sw/br0")]];
    for i in 0..70 {
        parts.push(netns(&format!("n{i}")));
        parts.push(wire(&format!("n{i}/eth0"), &format!("sw/n{i}")));
        parts.push(vec![port(&format!("sw/n{i}"), "br0")]);
    }
    let star = state(parts);
    become_so(&star);
    let long = "x".repeat(100);
    let notes: String = (0..120).map(|i| format!("link property add dev lo altname {long}{i}\n")).collect();
    std::fs::write("/run/notes", notes).expect("an empty /run");
    for i in 0..70 {
        run("ip", &["-n", &format!("n{i}"), "-batch", "/run/notes"]);
    }
    same(&observe(&star).ours, &star);
});

/// In the second process it is on, this variable is set.
const BELOW: &str = "NETSIM_TEST_BELOW";

on_a_machine!(a_namespace_out_of_reach_is_a_name_in_use_and_no_more, {
    let wanted = state([netns("a")]);
    if std::env::var_os(BELOW).is_none() {
        run("ip", &["netns", "add", "a"]);
        run("ip", &["netns", "add", "b"]);
        let me = std::env::current_exe().expect("a test binary has a path");
        let test = "a_namespace_out_of_reach_is_a_name_in_use_and_no_more";
        // A user namespace below may look into none of the namespaces above, and the test's own mount of /run is not repeated.
        let output = Command::new("unshare")
            .args(["-Urnm", "--propagation", "unchanged"])
            .arg(me)
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(BELOW, "1")
            .output()
            .expect("unshare is there");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
        return;
    }
    run("umount", &["/run"]);
    let seen = observe(&wanted);
    let told: Vec<String> = seen.others.iter().map(|(k, f)| format!("{k}: {}", f.what)).collect();
    assert_eq!(told, ["network namespace a: network namespace out of reach made by hand"]);
    assert!(plan(&wanted, &seen).is_err());
    let other = state([netns("c")]);
    assert!(matches!(&*plan_for(&other), [netsim_core::plan::Action::Create(Resource::Netns(_)), ..]));
});
