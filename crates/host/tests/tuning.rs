//! Knobs of devices on the kernel at hand: turned, seen when a hand turns them, and turned back.
#![allow(clippy::print_stderr, reason = "what is skipped is said aloud")]

mod common;

use std::process::Command;

use common::*;
use netsim_core::plan::plan;
use netsim_core::resource::{End, Key, Knob, Resource};
use netsim_core::state::{Feature, HostState};

const OFFLOADS: [Knob; 4] = [Knob::TxChecksum, Knob::Gso, Knob::Gro, Knob::Tso];

macro_rules! on_a_machine {
    ($name:ident, $feature:ident, $body:block) => {
        #[test]
        fn $name() {
            on_a_machine_of_its_own(stringify!($name), || {
                if kernel_has(stringify!($name), &[Feature::$feature]) {
                    $body
                }
            });
        }
    };
}

macro_rules! on_a_machine_of_root {
    ($name:ident, $body:block) => {
        #[test]
        fn $name() {
            on_a_machine_of_roots_own(stringify!($name), || {
                if kernel_has(stringify!($name), &[Feature::CpuMasks]) {
                    $body
                }
            });
        }
    };
}

fn pair(tunings: Vec<Resource>) -> HostState {
    state([netns("a"), netns("b"), wire("a/eth0", "b/eth0"), tunings])
}

/// The same with so many queues.
fn queued(queues: u32, tunings: Vec<Resource>) -> HostState {
    let ends = veth(End { queues, ..end("a/eth0") }, End { queues, ..end("b/eth0") });
    state([netns("a"), netns("b"), vec![ends, up("a/eth0"), up("b/eth0")], tunings])
}

/// All that `ethtool` prints of a node's eth0; nothing where it is not installed.
fn ethtool(words: &str) -> Option<String> {
    let words: Vec<&str> = "netns exec a ethtool".split(' ').chain(words.split(' ')).collect();
    let installed = Command::new("ethtool").arg("--version").output().is_ok();
    if !installed {
        eprintln!("SKIPPED ethtool {words:?}: it is not installed");
    }
    installed.then(|| run("ip", &words))
}

fn notes() -> usize {
    run("ip", &["-n", "a", "link", "show", "eth0"]).matches("altname tuned=").count()
}

on_a_machine!(offloads_are_switched_off_and_are_as_new_again, Ethtool, {
    become_so(&pair(Vec::new()));
    let new = ethtool("-k eth0");
    let all = |value| OFFLOADS.map(|knob| tuning("a/eth0", knob, value)).to_vec();
    become_so(&pair(all("off")));
    // A new veth device has no GRO: that is as asked for already.
    assert_eq!(notes(), 3);
    if let Some(off) = ethtool("-k eth0") {
        let lines = ["tx-checksum-ip-generic", "generic-segmentation-offload", "generic-receive-offload"];
        let tcp = ["tx-tcp-segmentation", "tx-tcp6-segmentation", "tx-tcp-ecn-segmentation"];
        for line in lines.iter().chain(&tcp) {
            assert!(off.contains(&format!("{line}: off")), "{line}: {off}");
        }
    }
    become_so(&pair(all("on")));
    become_so(&pair(Vec::new()));
    assert_eq!((notes(), ethtool("-k eth0")), (0, new));
});

on_a_machine!(every_combination_of_offloads_reads_back_and_becomes_the_next, Ethtool, {
    for bits in (0..16).chain([5, 10, 1, 14]) {
        let is_on = |at: usize| bits & (1 << at) != 0;
        // Who cuts TCP up has to sum it up too (`netdev_fix_features`, net/core/dev.c).
        if is_on(3) && !is_on(0) {
            continue;
        }
        let knob = |(at, knob): (usize, &Knob)| tuning("a/eth0", *knob, if is_on(at) { "on" } else { "off" });
        become_so(&pair(OFFLOADS.iter().enumerate().map(knob).collect()));
    }
});

on_a_machine!(an_offload_is_switched_with_the_device_that_is_made, Ethtool, {
    become_so(&pair(vec![tuning("a/eth0", Knob::TxChecksum, "off"), tuning("b/eth0", Knob::Gro, "on")]));
    become_so(&pair(vec![tuning("b/eth0", Knob::Gro, "on")]));
    let other = state([netns("a"), netns("c"), wire("a/eth0", "c/eth0"), vec![tuning("a/eth0", Knob::Gso, "off")]]);
    become_so(&other);
    become_so(&HostState::default());
});

on_a_machine!(what_a_hand_switches_is_seen_and_mended, Ethtool, {
    let lab = pair(vec![tuning("a/eth0", Knob::Tso, "off"), tuning("a/eth0", Knob::TxChecksum, "on")]);
    become_so(&lab);
    let value = |knob| match observe(&lab).ours.get(&Key::Tuning(id("a/eth0"), knob)) {
        Some(Resource::Tuning(tuning)) => tuning.value.to_string(),
        other => panic!("{other:?}"),
    };
    for (words, knob, seen) in [
        ("-K eth0 tso on", Knob::Tso, "on"),
        ("-K eth0 tx-tcp6-segmentation on", Knob::Tso, "mixed"),
        ("-K eth0 tx-checksum-ip-generic off", Knob::TxChecksum, "off"),
    ] {
        if ethtool(words).is_some() {
            assert_eq!(value(knob), seen, "{words}");
            become_so(&lab);
        }
    }
});

on_a_machine!(what_nobody_asks_for_is_not_looked_at, Ethtool, {
    become_so(&pair(Vec::new()));
    if ethtool("-K eth0 gso off").is_some() {
        become_so(&pair(Vec::new()));
        // It is as asked for already.
        let lab = pair(vec![tuning("a/eth0", Knob::Gso, "off")]);
        same(&observe(&lab).ours, &lab);
    }
});

on_a_machine!(a_device_of_ours_among_those_of_the_host_is_tuned_too, Ethtool, {
    let lab = |tunings| state([netns("a"), wire("a/eth0", "host/t-a"), tunings]);
    become_so(&lab(vec![tuning("host/t-a", Knob::TxChecksum, "off")]));
    become_so(&lab(vec![tuning("host/t-a", Knob::TxChecksum, "on"), tuning("host/t-a", Knob::Gso, "off")]));
    become_so(&lab(Vec::new()));
    become_so(&HostState::default());
});

on_a_machine!(masks_of_cpus_are_refused_where_only_the_machines_root_may_set_them, Veth, {
    let lab = pair(vec![tuning("a/eth0", Knob::RpsCpus, "0")]);
    let refusals = plan(&lab, &observe(&lab)).expect_err("a user namespace may not");
    let told: Vec<(u16, Vec<Key>)> = refusals.into_iter().map(|r| (r.code, r.needed_by)).collect();
    assert_eq!(told, [(71, vec![Key::Tuning(id("a/eth0"), Knob::RpsCpus)])]);
});

on_a_machine_of_root!(masks_of_cpus_are_set_for_all_queues_mended_and_as_new_again, {
    let cpus = observe(&pair(vec![tuning("a/eth0", Knob::RpsCpus, "0")])).facts.cpus;
    let all = if cpus > 1 { format!("0-{}", cpus - 1) } else { "0".to_owned() };
    let masks = |rps: &str, xps: &str| {
        queued(2, vec![tuning("a/eth0", Knob::RpsCpus, rps), tuning("a/eth0", Knob::XpsCpus, xps)])
    };
    become_so(&masks("0", &all));
    become_so(&masks(&all, "0"));
    assert_eq!(notes(), 2);
    let in_a = |words: &str| run("ip", &["netns", "exec", "a", "sh", "-c", words]);
    in_a("echo 0 > /sys/class/net/eth0/queues/rx-1/rps_cpus");
    let seen = observe(&masks(&all, "0"));
    let Some(Resource::Tuning(drifted)) = seen.ours.get(&Key::Tuning(id("a/eth0"), Knob::RpsCpus)) else {
        panic!("{seen:?}")
    };
    assert_eq!(*drifted.value, format!("{all};"));
    become_so(&masks(&all, "0"));
    become_so(&queued(2, Vec::new()));
    let files = in_a("cat /sys/class/net/eth0/queues/*/[rx]ps_cpus");
    assert!(files.chars().all(|c| "0,\n".contains(c)), "{files}");
    assert_eq!(notes(), 0);
    become_so(&HostState::default());
});

on_a_machine_of_root!(a_mask_to_send_by_wants_more_than_one_queue, {
    let lab = pair(vec![tuning("a/eth0", Knob::XpsCpus, "0")]);
    let failed = apply(&lab, &plan_for(&lab)).expect_err("there is one queue").to_string();
    assert_eq!(failed, "create xps-cpus of a/eth0: a device with one queue to send from has no choice of queues");
});
