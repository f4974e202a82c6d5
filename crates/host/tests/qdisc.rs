//! Queueing disciplines on the kernel at hand: given, changed in place, mended and taken away.

mod common;

use common::*;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use netsim_core::plan::Action;
use netsim_core::resource::{Distribution, Key, Loss, Netem, QdiscKind, Resource, Tbf};
use netsim_core::state::{Feature, HostState};
use netsim_host::enter;

macro_rules! on_a_machine_with {
    ($($feature:ident)+, $name:ident, $body:block) => {
        #[test]
        fn $name() {
            on_a_machine_of_its_own(stringify!($name), || {
                if kernel_has(stringify!($name), &[$(Feature::$feature),+]) {
                    $body
                }
            });
        }
    };
}

fn pair() -> Vec<Vec<Resource>> {
    let addresses = vec![address("a/eth0", "10.0.0.1/30"), address("b/eth0", "10.0.0.2/30")];
    vec![netns("a"), netns("b"), wire("a/eth0", "b/eth0"), addresses]
}

/// Two nodes on a wire, of which the first sends so.
fn sending(kind: QdiscKind) -> HostState {
    state(pair().into_iter().chain([vec![qdisc("a/eth0", kind)]]))
}

fn tbf(mbit: u64) -> QdiscKind {
    QdiscKind::Tbf(Tbf { rate: mbit * 125_000, buffer: 250_000, limit: 100_000 })
}

fn netem(netem: Netem) -> QdiscKind {
    QdiscKind::Netem(Box::new(Netem { limit: 1000, ..netem }))
}

fn ms(delay: u64) -> QdiscKind {
    netem(Netem { delay: delay * 1_000_000, ..Netem::default() })
}

/// What `tc` prints of a node's eth0.
fn tc(node: &str, words: &str) -> String {
    run("tc", &["-n", node].into_iter().chain(words.split_whitespace()).collect::<Vec<_>>())
}

fn shown(node: &str) -> String {
    tc(node, "-s qdisc show dev eth0")
}

/// Packets that it has sent by now.
fn sent(node: &str) -> u32 {
    let shown = shown(node);
    let mut words = shown.split_whitespace().skip_while(|w| *w != "bytes");
    words.nth(1).and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no count in {shown}"))
}

/// How long packets take from the first node to the second, of each that arrives, in ms.
fn delays(count: u16) -> Vec<f64> {
    let bound = |node: &str, address: &str| -> UdpSocket {
        let socket = enter::in_netns(&space(node), || UdpSocket::bind(address)).expect("the node is there");
        let socket = socket.expect("the address is there");
        socket.set_read_timeout(Some(Duration::from_secs(1))).expect("not zero");
        socket
    };
    let (near, far) = (bound("a", "10.0.0.1:0"), bound("b", "10.0.0.2:7000"));
    near.connect("10.0.0.2:7000").expect("it is on the wire");
    // Neighbours find each other first.
    near.send(&u16::MAX.to_ne_bytes()).expect("it is sent");
    far.recv(&mut [0; 2]).expect("it arrives");
    std::thread::scope(|scope| {
        let arrivals = scope.spawn(|| {
            let mut arrivals = Vec::new();
            let mut number = [0; 2];
            while far.recv(&mut number).is_ok() {
                arrivals.push((usize::from(u16::from_ne_bytes(number)), Instant::now()));
            }
            arrivals
        });
        let mut sent = Vec::new();
        for number in 0..count {
            sent.push(Instant::now());
            near.send(&number.to_ne_bytes()).expect("it is sent");
            std::thread::sleep(Duration::from_millis(2));
        }
        let arrivals = arrivals.join().expect("it only waits");
        arrivals.into_iter().map(|(number, at)| (at - sent[number]).as_secs_f64() * 1000.0).collect()
    })
}

/// What a plan for this does, in words.
fn steps(desired: &HostState) -> Vec<String> {
    let words = |action: &Action| match action {
        Action::Create(r) => format!("create {}", r.key()),
        Action::Update { to, .. } => format!("update {}", to.key()),
        Action::Delete(r) => format!("delete {}", r.key()),
        Action::Borrow(_) | Action::GiveBack(_) => panic!("nothing is borrowed"),
    };
    plan_for(desired).iter().map(words).collect()
}

/// It is given, changed without a loss of what was counted, changed by a hand and mended, and taken away.
fn lives(first: QdiscKind, second: QdiscKind, by_hand: &str) {
    become_so(&sending(first.clone()));
    assert_eq!(delays(2).len(), 2);
    let before = sent("a");
    assert!(before >= 2, "{}", shown("a"));
    assert_eq!(steps(&sending(second.clone())), ["update qdisc a/eth0"]);
    become_so(&sending(second.clone()));
    assert!(sent("a") >= before, "it was made anew: {}", shown("a"));
    tc("a", by_hand);
    assert_eq!(steps(&sending(second.clone())), ["update qdisc a/eth0"]);
    become_so(&sending(second));
    assert_eq!(steps(&state(pair())), ["delete qdisc a/eth0"]);
    become_so(&state(pair()));
    assert!(shown("a").contains("noqueue"), "{}", shown("a"));
    become_so(&sending(first));
    become_so(&HostState::default());
}

on_a_machine_with!(Tbf, a_token_bucket_is_given_changed_in_place_mended_and_taken_away, {
    lives(tbf(100), tbf(20), "qdisc change dev eth0 root tbf rate 5mbit burst 10k limit 10k");
});

on_a_machine_with!(Netem, a_netem_is_given_changed_in_place_mended_and_taken_away, {
    lives(ms(5), ms(10), "qdisc change dev eth0 root netem delay 7ms loss 1%");
    lives(ms(5), ms(10), "qdisc change dev eth0 root netem delay 10ms 1ms 25%");
    lives(ms(5), ms(10), "qdisc change dev eth0 root netem delay 10ms slot 1ms 2ms");
});

on_a_machine_with!(Tbf, any_rate_reads_back, {
    for (rate, buffer, limit) in [(1000, 4_000_000, 1), (1 << 32, 4_000_000, 1 << 20), (1 << 40, u32::MAX, u32::MAX)] {
        become_so(&sending(QdiscKind::Tbf(Tbf { rate, buffer, limit })));
    }
});

on_a_machine_with!(Netem, every_setting_of_netem_reads_back_and_becomes_every_other, {
    let share = u32::MAX / 100;
    let model = Loss::GilbertElliott { p: share, r: share * 10, h: share * 70, k: share / 10 };
    let some = Netem { delay: 1_000_001, jitter: 1_000, ..Netem::default() };
    let all = [
        Netem::default(),
        some.clone(),
        Netem { loss: Loss::Random(share), ecn: true, rate: 12_500_000, ..some.clone() },
        Netem { loss: model, corrupt: share, reorder: share * 25, ..some.clone() },
        Netem { duplicate: share, ..some.clone() },
        Netem { distribution: Distribution::Normal, delay: 30_000_000_000, jitter: 2_000_000_000, ..some.clone() },
        Netem { distribution: Distribution::Pareto, duplicate: share, rate: 1 << 40, ..some.clone() },
        Netem { distribution: Distribution::Paretonormal, loss: model, ..some },
    ];
    for from in &all {
        for to in &all {
            become_so(&sending(netem(from.clone())));
            become_so(&sending(netem(to.clone())));
        }
    }
});

on_a_machine_with!(Netem NetemSeed, a_seed_reads_back_and_goes_again, {
    for seed in [Some(7), Some(8), None, Some(u64::MAX)] {
        become_so(&sending(netem(Netem { loss: Loss::Random(1 << 30), seed, ..Netem::default() })));
    }
});

on_a_machine_with!(Netem, a_delay_is_the_delay, {
    become_so(&sending(ms(40)));
    let least = delays(5).into_iter().fold(f64::INFINITY, f64::min);
    assert!((40.0..44.0).contains(&least), "{least} ms");
});

on_a_machine_with!(Netem, a_jitter_is_the_standard_deviation_of_the_delay, {
    for distribution in [Distribution::Normal, Distribution::Pareto, Distribution::Paretonormal] {
        let jitter = Netem { delay: 40_000_000, jitter: 8_000_000, distribution, ..Netem::default() };
        become_so(&sending(netem(jitter)));
        let delays = delays(400);
        let count = delays.len() as f64;
        let mean = delays.iter().sum::<f64>() / count;
        let deviation = (delays.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / count).sqrt();
        assert!((38.0..44.0).contains(&mean), "{distribution:?}: mean {mean} ms");
        assert!((6.0..10.5).contains(&deviation), "{distribution:?}: standard deviation {deviation} ms");
    }
});

on_a_machine_with!(Netem Tbf, a_netem_and_a_token_bucket_take_turns, {
    let twice = netem(Netem { duplicate: 1 << 20, ..Netem::default() });
    for kind in [ms(1), tbf(10), twice.clone(), tbf(10), ms(1), twice] {
        become_so(&sending(kind));
    }
});

on_a_machine_with!(Tbf, what_a_hand_gave_a_device_of_ours_is_told_and_left_alone, {
    become_so(&state(pair()));
    tc("a", "qdisc add dev eth0 root tbf rate 1mbit burst 10k limit 10k");
    let seen = observe(&state(pair()));
    same(&seen.ours, &state(pair()));
    let told: Vec<String> = seen.others.iter().map(|(k, f)| format!("{k}: {}", f.what)).collect();
    assert_eq!(told, ["qdisc a/eth0: tbf qdisc made by hand"]);
    become_so(&state(pair()));
    assert!(shown("a").contains("tbf"), "{}", shown("a"));
});

on_a_machine_with!(Tbf, what_a_hand_put_where_ours_shall_be_is_replaced, {
    let by_hand = [
        "qdisc replace dev eth0 root tbf rate 1mbit burst 10k limit 10k",
        "qdisc replace dev eth0 root handle 6e44: tbf rate 1mbit burst 10k limit 10k peakrate 2mbit mtu 1500",
        "qdisc replace dev eth0 root htb",
        "qdisc replace dev eth0 root handle 6e44: htb",
        "qdisc replace dev eth0 root handle 6e40: tbf rate 1mbit burst 10k limit 10k",
    ];
    for words in by_hand {
        become_so(&sending(tbf(10)));
        tc("a", "qdisc del dev eth0 root");
        tc("a", words);
        assert_eq!(steps(&sending(tbf(10))), ["update qdisc a/eth0"], "{words}");
        become_so(&sending(tbf(10)));
        tc("a", "qdisc del dev eth0 root");
        assert_eq!(steps(&sending(tbf(10))), ["create qdisc a/eth0"]);
    }
});

on_a_machine_with!(Tbf, what_was_replaced_since_the_plan_is_not_deleted, {
    become_so(&sending(tbf(10)));
    let actions = plan_for(&state(pair()));
    tc("a", "qdisc replace dev eth0 root handle 5: htb");
    let failed = apply(&state(pair()), &actions).expect_err("it is not ours any more").to_string();
    assert!(failed.starts_with("delete qdisc a/eth0: "), "{failed}");
    assert!(shown("a").contains("htb 5:"), "{}", shown("a"));
});

on_a_machine_with!(Tbf, it_goes_with_its_device_and_comes_with_the_next, {
    become_so(&sending(tbf(10)));
    let other = state([netns("a"), netns("c"), wire("a/eth0", "c/eth0"), vec![qdisc("a/eth0", tbf(10))]]);
    become_so(&other);
    become_so(&HostState::default());
});

on_a_machine_with!(Tbf, a_device_of_ours_among_those_of_the_host_sends_so_too, {
    run("ip", &["link", "add", "theirs", "type", "bridge"]);
    run("ip", &["link", "set", "theirs", "up"]);
    run(
        "tc",
        &[
            "qdisc", "add", "dev", "theirs", "root", "handle", "6e44:", "tbf", "rate", "1mbit", "burst", "10k",
            "limit", "10k",
        ],
    );
    let before = run("tc", &["qdisc", "show"]);
    let lab = |mbit| state([netns("a"), wire("a/eth0", "host/t-a"), vec![qdisc("host/t-a", tbf(mbit))]]);
    become_so(&lab(10));
    become_so(&lab(20));
    let seen = observe(&lab(20));
    assert_eq!((seen.others.len(), seen.ours.get(&Key::Qdisc(id("host/theirs")))), (0, None));
    become_so(&HostState::default());
    assert_eq!(run("tc", &["qdisc", "show"]), before);
});

on_a_machine_with!(Tbf, a_port_of_a_bridge_keeps_it_through_joining_and_leaving, {
    let bridge = vec![bridge("sw/br0"), up("sw/br0")];
    let parts = || [netns("sw"), netns("a"), wire("a/eth0", "sw/p"), bridge.clone(), vec![qdisc("sw/p", tbf(10))]];
    become_so(&state(parts()));
    become_so(&state(parts().into_iter().chain([vec![port("sw/p", "br0")]])));
    become_so(&state(parts()));
});

on_a_machine_with!(Tbf, it_outlives_its_device_being_down, {
    let lab = |ups: &[&str]| {
        let pair = vec![veth(end("a/eth0"), end("b/eth0")), qdisc("a/eth0", tbf(10))];
        state([netns("a"), netns("b"), pair, ups.iter().map(|at| up(at)).collect()])
    };
    for ups in [&[][..], &["a/eth0", "b/eth0"], &["b/eth0"], &["a/eth0"]] {
        become_so(&lab(ups));
    }
});

on_a_machine_with!(Tbf, one_among_many_is_seen_and_changed_alone, {
    let node = |i: u32| {
        let (node, port) = (format!("n{i}"), format!("sw/n{i}"));
        let at = format!("{node}/eth0");
        [netns(&node), wire(&at, &port), vec![qdisc(&at, tbf(10)), qdisc(&port, tbf(10))]].concat()
    };
    let lab = || netns("sw").into_iter().chain((0..40).flat_map(node)).collect::<HostState>();
    become_so(&lab());
    let mut other = lab();
    other.insert(qdisc("sw/n7", tbf(20)));
    assert_eq!(steps(&other), ["update qdisc sw/n7"]);
    become_so(&other);
    become_so(&HostState::default());
});
