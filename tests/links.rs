//! What links do to packets, measured: every shipped topology that is about links is applied, measured and destroyed.
#![allow(clippy::print_stderr, reason = "a test says aloud what it skipped and what it measured")]

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

mod support;
use support::traffic::{Arrival, Stream, is_likely, lost, median, rate, send};
use support::{Machine, both, on_a_machine_of_its_own, on_a_machine_of_roots_own, run};

/// The shipped topologies.
const TOPOLOGIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../topologies");

/// Applies a shipped topology, does the work, destroys it, and looks that nothing is left. Where the kernel lacks a feature, netsim has to say
/// so before anything is touched, and the test is skipped aloud.
fn with_topology(machine: &Machine, name: &str, work: impl FnOnce(&str)) {
    let file = format!("{TOPOLOGIES}/{name}.yaml");
    if !machine.applies(Path::new(&file)) {
        return;
    }
    assert!(machine.ok(["apply", &file]).contains("nothing to do"), "{name}: a second apply changes something");
    work(&file);
    machine.ok(["destroy", name]);
    machine.has_nothing_left();
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

const SOME: Stream = Stream { count: 100, size: 64, every: Duration::from_millis(3) };
const MANY: Stream = Stream { count: 2000, size: 64, every: Duration::from_millis(1) };

/// Whether a time is this one within 10 %. A machine that has much else to do lets packets wait longer: then it is measured again, twice at most.
fn assert_delay(what: &str, measure: impl Fn() -> Vec<Arrival>, wanted: Duration) {
    let bounds = wanted.mul_f64(0.9)..=wanted.mul_f64(1.1);
    let once = || {
        let found = median(&measure());
        eprintln!("{what}: {found:?} for {wanted:?}");
        found
    };
    assert!((0..3).any(|_| bounds.contains(&once())), "{what}: it is not {wanted:?} within 10 %");
}

fn assert_rate(what: &str, from: &str, to: &str, address: &str, mbit: f64) {
    // Three seconds' worth, sent twice as fast as it may pass; what is too much is dropped at the queue.
    let size = 1400;
    let gap = Duration::from_secs_f64((size + 42) as f64 * 8.0 / (mbit * 2e6));
    let stream = Stream { count: (3.0 / gap.as_secs_f64()) as u32, size, every: gap };
    let arrivals = send(from, to, ip(address), stream);
    // What a bucket lets through at once at the start is no rate.
    let steady: Vec<Arrival> = arrivals.into_iter().filter(|a| a.at > Duration::from_millis(300)).collect();
    let found = rate(&steady, stream) / 1e6;
    eprintln!("{what}: {found:.2} Mbit/s for {mbit}");
    assert!((found / mbit - 1.0).abs() < 0.05, "{what}: {found:.2} Mbit/s is not {mbit} within 5 %");
}

macro_rules! on_a_machine {
    ($name:ident, $machine:ident, $body:block) => {
        #[test]
        fn $name() {
            on_a_machine_of_its_own(stringify!($name), |$machine| $body);
        }
    };
}

on_a_machine!(a_bottleneck_lets_ten_megabits_through_and_two_when_it_is_told_to, machine, {
    with_topology(machine, "bottleneck", |file| {
        let pc2 = address("bottleneck-pc2");
        let pc1 = address("bottleneck-pc1");
        assert_rate("from left to right", "bottleneck-pc1", "bottleneck-pc2", &pc2, 10.0);
        assert_rate("from right to left", "bottleneck-pc2", "bottleneck-pc1", &pc1, 10.0);
        machine.ok(["impair", "left:wan", "--rate", "2mbit"]);
        assert_rate("slower from left to right", "bottleneck-pc1", "bottleneck-pc2", &pc2, 2.0);
        assert_rate("as before from right to left", "bottleneck-pc2", "bottleneck-pc1", &pc1, 10.0);
        let status = both(&machine.netsim(["status", "bottleneck"]).output().expect("netsim starts"));
        assert!(status.contains("2mbit") && status.contains("10mbit"), "{status}");
        machine.ok(["apply", file]);
        assert_rate("repaired", "bottleneck-pc1", "bottleneck-pc2", &pc2, 10.0);
    });
});

/// The first global IPv4 address of a namespace.
fn address(netns: &str) -> String {
    let text = run("ip", &["-n", netns, "-4", "-br", "addr", "show", "scope", "global"]);
    let word = text.split_whitespace().find(|w| w.contains('/')).unwrap_or_else(|| panic!("{netns}: {text}"));
    word.split('/').next().unwrap_or(word).to_owned()
}

on_a_machine!(a_satellite_is_far_and_loses_on_the_way_up_only, machine, {
    with_topology(machine, "satellite", |_| {
        // Slow enough for a megabit: the rate adds no waiting.
        let few = Stream { count: 100, size: 64, every: Duration::from_millis(10) };
        assert_delay(
            "up",
            || send("satellite-ground", "satellite-sky", ip("192.0.2.1"), few),
            Duration::from_millis(280),
        );
        let down = || send("satellite-sky", "satellite-ground", ip("192.0.2.2"), SOME);
        assert_delay("down", down, Duration::from_millis(280));
        assert_eq!(lost(&down(), SOME), 0.0);
        assert_rate("down", "satellite-sky", "satellite-ground", "192.0.2.2", 20.0);
    });
});

on_a_machine!(a_delay_is_that_long_each_way_and_a_loss_that_often, machine, {
    with_topology(machine, "wan", |file| {
        let (hub, fibre) = ("wan-hub", "wan-fibre");
        let to = |netns: &str| ip(&address(netns));
        assert_delay("to fibre", || send(hub, fibre, to(fibre), SOME), Duration::from_millis(20));
        assert_delay("from fibre", || send(fibre, hub, ip(&of_hub(fibre)), SOME), Duration::from_millis(20));
        for (from, at, what) in [(hub, "wan-microwave", "to microwave"), ("wan-microwave", hub, "from microwave")] {
            let target = if at == hub { ip(&of_hub(from)) } else { to(at) };
            let share = lost(&send(from, at, target, MANY), MANY);
            eprintln!("{what}: {:.2} % lost for 10 %", share * 100.0);
            assert!(is_likely(share, 0.1, MANY.count), "{what}: {share}");
        }
        // In bursts: p and r as written give a share of p / (p + r), beside half a percent that is corrupt and so thrown away.
        let arrivals = send(hub, "wan-mobile", to("wan-mobile"), MANY);
        let share = lost(&arrivals, MANY);
        let repeated = repeats(&arrivals);
        let overtaken = arrivals.windows(2).filter(|w| w[1].number < w[0].number).count();
        eprintln!("to mobile: {:.2} % lost for 9.6 %, {repeated} twice, {overtaken} overtaken", share * 100.0);
        assert!((0.05..0.16).contains(&share), "{share}");
        assert!((1..=60).contains(&repeated) && overtaken > 20, "{repeated} {overtaken}");
        assert!(longest_gap(&arrivals) >= 4, "losses come in bursts: {}", longest_gap(&arrivals));

        machine.ok(["impair", "hub:fibre", "--delay", "50ms"]);
        assert_delay("impaired", || send(hub, fibre, to(fibre), SOME), Duration::from_millis(50));
        let plan = machine.ok(["plan", "--steps", file]);
        assert!(plan.contains("50ms") && plan.contains("20ms"), "{plan}");
        machine.ok(["impair", "hub:fibre", "--reset"]);
        assert_delay("reset", || send(hub, fibre, to(fibre), SOME), Duration::from_millis(20));
        assert!(machine.ok(["apply", file]).contains("nothing to do"));
    });
});

/// The hub's address on the wire to a site.
fn of_hub(site: &str) -> String {
    let own = address(site);
    let (net, last) = own.rsplit_once('.').expect("an IPv4 address");
    let last: u8 = last.parse().expect("a number");
    format!("{net}.{}", if last % 4 == 1 { last + 1 } else { last - 1 })
}

fn repeats(arrivals: &[Arrival]) -> usize {
    let mut numbers: Vec<u32> = arrivals.iter().map(|a| a.number).collect();
    numbers.sort_unstable();
    let all = numbers.len();
    numbers.dedup();
    all - numbers.len()
}

fn longest_gap(arrivals: &[Arrival]) -> u32 {
    let mut numbers: Vec<u32> = arrivals.iter().map(|a| a.number).collect();
    numbers.sort_unstable();
    numbers.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0).saturating_sub(1)
}

on_a_machine!(a_cluster_is_ten_milliseconds_from_each_node_to_the_switch, machine, {
    with_topology(machine, "cluster", |_| {
        let arrivals = || send("cluster-node1", "cluster-node2", ip("10.0.1.2"), SOME);
        assert_delay("node to node", arrivals, Duration::from_millis(20));
    });
});

/// Whether anything of a few datagrams gets through.
fn hears(from: &str, to: &str, address: &str) -> bool {
    let few = Stream { count: 5, size: 32, every: Duration::from_millis(10) };
    !send(from, to, ip(address), few).is_empty()
}

on_a_machine!(a_vlan_separates_and_a_router_on_a_stick_joins, machine, {
    with_topology(machine, "campus", |_| {
        assert!(hears("campus-pc1", "campus-pc2", "10.10.0.12"));
        assert!(hears("campus-pc1", "campus-cam", "10.20.0.11"), "the gateway joins the VLANs");
        // On one subnet, but in another VLAN: nothing is heard.
        run("ip", &["-n", "campus-cam", "addr", "add", "10.10.0.99/24", "dev", "eth0"]);
        assert!(!hears("campus-pc1", "campus-cam", "10.10.0.99"));
        run("ip", &["-n", "campus-cam", "addr", "del", "10.10.0.99/24", "dev", "eth0"]);
    });
});

on_a_machine!(an_isolated_port_does_not_hear_its_neighbour, machine, {
    with_topology(machine, "isolation", |file| {
        let (guest2, gateway) = (address("isolation-guest2"), address("isolation-gateway"));
        assert!(!hears("isolation-guest1", "isolation-guest2", &guest2));
        assert!(hears("isolation-guest1", "isolation-gateway", &gateway));
        run(
            "ip",
            &["netns", "exec", "isolation-wifi", "bridge", "link", "set", "dev", "guest1-eth0", "isolated", "off"],
        );
        assert!(hears("isolation-guest1", "isolation-guest2", &guest2), "a hand lets it hear");
        machine.ok(["apply", file]);
        assert!(!hears("isolation-guest1", "isolation-guest2", &guest2), "and apply repairs that");
    });
});

on_a_machine!(a_bond_survives_the_loss_of_a_cable, machine, {
    with_topology(machine, "bond", |file| {
        assert!(hears("bond-client", "bond-server", "10.5.0.10"));
        for end in ["server:eth0", "storage:eth0-1"] {
            machine.ok(["link", "down", end]);
            std::thread::sleep(Duration::from_millis(400));
            assert!(hears("bond-client", "bond-server", "10.5.0.10"), "{end}");
            assert!(hears("bond-client", "bond-storage", "10.5.0.20"), "{end}");
            let status = both(&machine.netsim(["status", "bond"]).output().expect("netsim starts"));
            assert!(status.contains(end), "{status}");
            machine.ok(["link", "up", end]);
            assert!(machine.ok(["apply", file]).contains("nothing to do"), "{end}");
        }
    });
});

on_a_machine!(customers_with_the_same_addresses_do_not_meet, machine, {
    with_topology(machine, "vrf", |_| {
        assert!(hears("vrf-red-pc", "vrf-red-server", "10.0.2.10"));
        assert!(hears("vrf-blue-pc", "vrf-blue-server", "10.0.2.10"));
        assert!(!hears("vrf-red-pc", "vrf-blue-server", "10.0.2.10"));
    });
});

on_a_machine!(nodes_on_the_machines_nic_have_addresses_of_their_own_and_the_nic_stays_as_it_is, machine, {
    run("ip", &["link", "add", "eth1", "type", "veth", "peer", "name", "outside"]);
    run("ip", &["netns", "add", "world"]);
    run("ip", &["link", "set", "outside", "netns", "world", "up"]);
    run("ip", &["-n", "world", "addr", "add", "192.168.77.1/24", "dev", "outside"]);
    run("ip", &["link", "set", "eth1", "up"]);
    let before = run("ip", &["-d", "link", "show", "eth1"]);
    let file = format!("{TOPOLOGIES}/machine-nic.yaml");
    machine.ok(["apply", &file, "--check"]);
    assert!(hears("machine-nic-web1", "machine-nic-web2", "192.168.77.12"));
    assert!(hears("machine-nic-web1", "world", "192.168.77.1"), "the world outside");
    machine.ok(["destroy", "machine-nic"]);
    assert_eq!(run("ip", &["-d", "link", "show", "eth1"]), before);
    run("ip", &["link", "del", "eth1"]);
    run("ip", &["netns", "del", "world"]);
    // What iproute2 leaves.
    run("umount", &["-l", "/run/netns"]);
    machine.has_nothing_left();
});

#[test]
fn what_is_tuned_is_tuned_and_drift_is_repaired() {
    on_a_machine_of_roots_own("what_is_tuned_is_tuned_and_drift_is_repaired", |machine| {
        with_topology(machine, "tuned", |file| {
            let queue = run("ip", &["-n", "tuned-sender", "-o", "link", "show", "eth0"]);
            assert!(queue.contains("qlen 100"), "{queue}");
            run("ip", &["-n", "tuned-sender", "link", "set", "eth0", "txqueuelen", "500"]);
            let status = both(&machine.netsim(["status", "tuned"]).output().expect("netsim starts"));
            assert!(status.contains("500") && status.contains("100"), "{status}");
            machine.ok(["apply", file]);
            let queue = run("ip", &["-n", "tuned-sender", "-o", "link", "show", "eth0"]);
            assert!(queue.contains("qlen 100"), "{queue}");
        });
    });
}

on_a_machine!(interfaces_stand_on_interfaces, machine, {
    with_topology(machine, "stacked", |_| {
        assert!(hears("stacked-a", "stacked-b", "10.77.0.2"), "a customer's VLAN inside a provider's");
        assert!(hears("stacked-b", "stacked-a", "10.78.0.3"), "macvlan");
        assert!(hears("stacked-a", "stacked-b", "10.78.0.4"), "ipvlan");
    });
});
