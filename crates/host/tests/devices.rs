//! Every kind of device on the kernel at hand: made, changed in place, changed by hand and repaired, gone; and what it does to packets.
#![allow(clippy::print_stderr, reason = "what is skipped is said aloud")]

mod common;

use std::net::IpAddr;
use std::time::Duration;

use common::*;
use netsim_core::names::IfName;
use netsim_core::plan::Action;
use netsim_core::resource::{
    Bond, BondMode, Bridge, Device, DeviceId, End, IpvlanMode, MacvlanMode, Netns, Port, PortSettings, PortVlans,
    Resource, Single, SingleKind, VlanProtocol, VlanRange,
};
use netsim_core::state::HostState;
use netsim_host::backend::Progress;
use netsim_host::probe::{Options, Outcome, Ping, ping};

macro_rules! on_a_machine {
    ($name:ident, $(needs $kind:literal,)? $body:block) => {
        #[test]
        fn $name() {
            on_a_machine_of_its_own(stringify!($name), || {
                $(if !kernel_has($kind) {
                    return eprintln!("SKIPPED {}: this kernel has no {}", stringify!($name), $kind);
                })?
                $body
            });
        }
    };
}

/// Whether the kernel makes devices of a kind as `ip link add … type` knows it.
fn kernel_has(kind: &str) -> bool {
    let made = |words: &str| {
        let words = words.split_whitespace();
        std::process::Command::new("ip")
            .args(words)
            .stderr(std::process::Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    let all = made("netns add try")
        && made("-n try link add p type veth peer name q")
        && made(&match kind {
            "vlan" => "-n try link add x link p type vlan id 5".to_owned(),
            "macvlan" | "ipvlan" => format!("-n try link add x link p type {kind}"),
            "vrf" => "-n try link add x type vrf table 10".to_owned(),
            "vlan_filtering" => "-n try link add x type bridge vlan_filtering 1".to_owned(),
            kind => format!("-n try link add x type {kind}"),
        });
    ip("netns del try");
    all
}

fn ip(words: &str) -> String {
    run("ip", &words.split_whitespace().collect::<Vec<_>>())
}

fn bridge_command(words: &str) -> String {
    run("bridge", &words.split_whitespace().collect::<Vec<_>>())
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

/// A veth pair with its first end a member of a bond, which has the bond's address.
fn member_wire(a: &str, master: &str, b: &str) -> Vec<Resource> {
    let DeviceId { netns, .. } = id(a);
    let mac = end(&format!("{netns}/{master}")).mac;
    vec![veth(End { mac, ..end(a) }, end(b)), port(a, master), up(a), up(b)]
}

fn settings(at: &str, master: &str, settings: PortSettings) -> Resource {
    Resource::Port(Port { settings, ..Port::new(id(at), name(master)) })
}

/// VLANs as `10 20-30u`: `u` is untagged.
fn vlans(at: &str, ranges: &str, pvid: Option<u16>) -> Resource {
    let range = |word: &str| {
        let (numbers, untagged) = word.strip_suffix('u').map_or((word, false), |numbers| (numbers, true));
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let number = |text: &str| text.parse().expect("a number");
        VlanRange { first: number(first), last: number(last), untagged }
    };
    Resource::PortVlans(PortVlans::new(id(at), ranges.split_whitespace().map(range), pvid))
}

fn access(at: &str, vid: u16) -> Resource {
    vlans(at, &format!("{vid}u"), Some(vid))
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

on_a_machine!(a_dummy_lives, needs "dummy", {
    let dummy = of_kind("a/d0", SingleKind::Dummy);
    let hands = ["-n a link set d0 mtu 1300", "-n a link set d0 address 02:00:00:00:00:01", "-n a link del d0"];
    life(&node("a"), &dummy, &otherwise(&dummy), &hands);
});

on_a_machine!(a_vlan_lives, needs "vlan", {
    let of = vlan("a/eth0.10", "eth0", 10);
    let hands = [
        "-n a link set eth0.10 mtu 1300",
        "-n a link property del dev eth0.10 altname as-it-was-written-by-somebody",
        "-n a link del eth0.10",
    ];
    life(&node("a"), &of, &otherwise(&of), &hands);
    let outer = Single { kind: SingleKind::Vlan { parent: name("eth0"), vid: 20, protocol: VlanProtocol::Ad }, ..of.clone() };
    become_so(&with(&node("a"), [single(of), single(vlan("a/q", "eth0.10", 30)), up("a/eth0"), up("a/eth0.10"), up("a/q")]));
    become_so(&with(&node("a"), [single(outer), single(vlan("a/q", "eth0.10", 30)), up("a/eth0")]));
});

on_a_machine!(a_macvlan_lives_in_every_mode, needs "macvlan", {
    let of = |mode| macvlan("a/m0", "a/eth0", mode);
    let hands = ["-n a link set m0 mtu 1300", "-n a link set m0 type macvlan mode vepa", "-n a link del m0"];
    life(&node("a"), &of(MacvlanMode::Bridge), &otherwise(&of(MacvlanMode::Private)), &hands);
    for (_, mode) in MacvlanMode::WORDS {
        become_so(&with(&node("a"), [single(of(*mode)), up("a/m0")]));
    }
});

on_a_machine!(a_macvlan_in_a_node_stands_on_a_device_of_another, needs "macvlan", {
    let parents = state([netns("a"), netns("b"), netns("p"), wire("p/eth0", "host/far"), wire("p/eth1", "host/near")]);
    for parent in ["p/eth0", "host/near", "host/far"] {
        let mut first = macvlan("a/m0", parent, MacvlanMode::Bridge);
        let lab = |single_of: &Single| {
            let more = [single(single_of.clone()), up("a/m0"), single(macvlan("b/m0", parent, MacvlanMode::Bridge))];
            with(&parents, more.into_iter().chain([address("a/m0", "10.0.0.1/24")]))
        };
        become_so(&lab(&first));
        first.mtu = Some(1300);
        become_so_in_place(&lab(&first));
        repairs(&lab(&first), "ip", "-n a link set m0 type macvlan mode private");
        // All at once, and the other way round.
        become_so(&HostState::default());
        become_so(&lab(&first));
        become_so(&parents);
    }
});

on_a_machine!(a_macvlan_goes_with_its_parent_and_grows_after_it, needs "macvlan", {
    let lab = |mtu, more: &[Resource]| {
        let ends = veth(End { mtu, ..end("host/p0") }, End { mtu, ..end("z/p1") });
        let child = single(Single { mtu: Some(mtu), ..macvlan("a/m0", "host/p0", MacvlanMode::Bridge) });
        with(&state([netns("a"), netns("z"), vec![ends, child]]), more.iter().cloned())
    };
    become_so(&lab(1500, &[]));
    become_so_in_place(&lab(9000, &[]));
    become_so_in_place(&lab(1000, &[]));
    become_so_in_place(&lab(1500, &[up("host/p0")].map(|_| single(Single { link_local: true, ..macvlan("a/m0", "host/p0", MacvlanMode::Bridge) }))));
    let without = state([netns("a"), netns("z")]);
    become_so(&without);
    become_so(&lab(1500, &[]));
    // The parent goes with its namespace.
    let parents = |node: &str| {
        let ends = vec![veth(end("y/p0"), end("y/p1")), single(macvlan("a/m0", "y/p0", MacvlanMode::Vepa))];
        with(&state([netns("a"), netns("y")]), ends.into_iter().filter(|_| node == "y"))
    };
    become_so(&parents("y"));
    become_so(&state([netns("a")]));
});

on_a_machine!(a_node_made_anew_has_its_macvlan_at_once, needs "macvlan", {
    let lab = |node: &str| {
        let netns_of = Netns::new(name_of("a"), netsim_core::names::NodeName::new(node).expect("a name"));
        let mut base = vec![Resource::Netns(netns_of)];
        base.push(veth(end("host/p0"), end("host/p1")));
        base.extend([single(macvlan("a/m0", "host/p0", MacvlanMode::Passthru)), up("a/m0"), up("host/p0")]);
        with(&HostState::default(), base)
    };
    become_so(&lab("a"));
    become_so(&lab("other"));
    become_so(&lab("a"));
});

fn name_of(netns: &str) -> netsim_core::names::NetnsName {
    netsim_core::names::NetnsName::new(netns).expect("a name")
}

on_a_machine!(macvlan_siblings_hear_each_other_unless_they_are_private, needs "macvlan", {
    let lab = |mode| {
        let child = |node: &str, ip: &str| {
            let at = format!("{node}/m0");
            vec![single(macvlan(&at, "p/eth0", mode)), up(&at), address(&at, ip)]
        };
        let parts = [netns("a"), netns("b"), netns("p"), netns("o"), wire("p/eth0", "o/eth0")];
        let outside = vec![address("o/eth0", "10.0.0.9/24")];
        state(parts.into_iter().chain([outside, child("a", "10.0.0.1/24"), child("b", "10.0.0.2/24")]))
    };
    become_so(&lab(MacvlanMode::Bridge));
    assert_eq!((reaches("a", "10.0.0.2"), reaches("a", "10.0.0.9")), (true, true));
    become_so_in_place(&lab(MacvlanMode::Private));
    assert_eq!((reaches("a", "10.0.0.2"), reaches("a", "10.0.0.9")), (false, true));
    become_so_in_place(&lab(MacvlanMode::Vepa));
    assert_eq!((reaches("a", "10.0.0.2"), reaches("b", "10.0.0.9")), (false, true));
});

on_a_machine!(an_ipvlan_lives_in_every_mode, needs "ipvlan", {
    let of = |mode| ipvlan("a/i0", "a/eth0", mode);
    let hands = ["-n a link set i0 mtu 1300", "-n a link del i0"];
    life(&node("a"), &of(IpvlanMode::L2), &otherwise(&of(IpvlanMode::L3)), &hands);
    for (_, mode) in IpvlanMode::WORDS {
        let lab = |mode| {
            let child = |node: &str, ip: &str| {
                let at = format!("{node}/i0");
                vec![single(ipvlan(&at, "host/p0", mode)), up(&at), address(&at, ip)]
            };
            state([netns("a"), netns("b"), wire("host/p0", "host/p1"), child("a", "10.0.0.1/24"), child("b", "10.0.0.2/24")])
        };
        become_so(&lab(*mode));
        assert!(reaches("a", "10.0.0.2"), "{mode}");
    }
});

on_a_machine!(a_bond_lives_in_every_mode, needs "bond", {
    let of = bond("a/bond0", BondMode::ActiveBackup, 100);
    let other = Single { kind: SingleKind::Bond(Bond { mode: BondMode::ActiveBackup, miimon: 250 }), ..otherwise(&of) };
    let hands = ["-n a link set bond0 type bond miimon 70", "-n a link set bond0 mtu 1300", "-n a link del bond0"];
    life(&node("a"), &of, &other, &hands);
    for (_, mode) in BondMode::WORDS {
        let both = [member_wire("a/eth0", "bond0", "b/eth0"), member_wire("a/eth1", "bond0", "b/eth1")];
        let of = vec![single(bond("a/bond0", *mode, 100)), up("a/bond0"), address("a/bond0", "10.0.0.1/24")];
        become_so(&state([netns("a"), netns("b"), of].into_iter().chain(both)));
    }
    // Without carrier monitoring, and a member that is not up.
    let members = vec![veth(End { mac: of.mac.expect("a bond has one"), ..end("a/eth0") }, end("a/eth1")), port("a/eth0", "bond0")];
    become_so(&state([netns("a"), vec![single(bond("a/bond0", BondMode::Lacp, 0))], members]));
});

fn bonded() -> HostState {
    let side = |node: &str, ip: &str| {
        let at = format!("{node}/bond0");
        vec![single(bond(&at, BondMode::ActiveBackup, 100)), up(&at), address(&at, ip)]
    };
    let pair = |n: u8| {
        let of = |node: &str| End { mac: end(&format!("{node}/bond0")).mac, ..end(&format!("{node}/eth{n}")) };
        let join = |node: &str| [port(&format!("{node}/eth{n}"), "bond0"), up(&format!("{node}/eth{n}"))];
        [veth(of("a"), of("b"))].into_iter().chain(join("a")).chain(join("b")).collect()
    };
    state([netns("a"), netns("b"), side("a", "10.0.0.1/24"), side("b", "10.0.0.2/24"), pair(0), pair(1)])
}

on_a_machine!(an_active_backup_bond_outlives_the_loss_of_a_member, needs "bond", {
    become_so(&bonded());
    assert!(reaches("a", "10.0.0.2"));
    for lost in ["eth0", "eth1"] {
        ip(&format!("-n a link set {lost} down"));
        std::thread::sleep(Duration::from_millis(400));
        assert!(reaches("a", "10.0.0.2"), "{lost}");
        assert_ne!(plan_for(&bonded()), []);
        become_so(&bonded());
    }
    repairs(&bonded(), "ip", "-n a link set eth0 nomaster");
    // A member that was a device by itself, and is one again.
    let free = |n: u8| {
        let mut lab = bonded();
        for node in ["a", "b"] {
            lab.remove(&port(&format!("{node}/eth{n}"), "bond0").key());
        }
        lab
    };
    become_so(&free(1));
    become_so(&bonded());
    assert!(reaches("a", "10.0.0.2"));
});

on_a_machine!(a_vrf_lives, needs "vrf", {
    let of = vrf("a/red", 10);
    let other = Single { link_local: false, ..otherwise(&of) };
    life(&node("a"), &of, &other, &["-n a link set red address 02:00:00:00:00:01", "-n a link del red"]);
    become_so(&with(&node("a"), [single(vrf("a/red", 10)), port("a/eth0", "red"), up("a/red")]));
    become_so(&with(&node("a"), [single(vrf("a/red", 20)), port("a/eth0", "red"), up("a/eth0")]));
});

on_a_machine!(vrfs_separate, needs "vrf", {
    let lab = |vrf_of_b: &str| {
        let router = vec![
            single(vrf("r/red", 10)),
            single(vrf("r/blue", 20)),
            up("r/red"),
            up("r/blue"),
            port("r/eth0", "red"),
            port("r/eth1", vrf_of_b),
            address("r/eth0", "10.0.0.254/24"),
            address("r/eth1", "10.0.1.254/24"),
            sysctl("r", "net.ipv4.ip_forward", "1"),
        ];
        let a = vec![address("a/eth0", "10.0.0.1/24"), route("a", "0.0.0.0/0", "eth0 10.0.0.254")];
        let b = vec![address("b/eth0", "10.0.1.1/24"), route("b", "0.0.0.0/0", "eth0 10.0.1.254")];
        state([netns("a"), netns("b"), netns("r"), wire("a/eth0", "r/eth0"), wire("b/eth0", "r/eth1"), router, a, b])
    };
    become_so(&lab("blue"));
    assert!(!reaches("a", "10.0.1.1"));
    become_so(&lab("red"));
    assert!(reaches("a", "10.0.1.1"));
    repairs(&lab("red"), "ip", "-n r link set eth1 master blue");
    repairs(&lab("red"), "ip", "-n r link set eth1 nomaster");
    assert!(reaches("a", "10.0.1.1"));
});

on_a_machine!(queues_are_as_asked_for_and_another_number_of_them_is_another_pair, {
    let lab = |queues, tx_queue_len| {
        let ends = veth(End { queues, tx_queue_len, ..end("a/eth0") }, end("b/eth0"));
        state([netns("a"), netns("b"), vec![ends, up("a/eth0"), up("b/eth0")]])
    };
    become_so(&lab(4, 1000));
    assert!(ip("-n a -d link show eth0").contains("numtxqueues 4"), "{}", ip("-n a -d link show eth0"));
    become_so_in_place(&lab(4, 50));
    repairs(&lab(4, 50), "ip", "-n a link set eth0 txqueuelen 500");
    become_so_in_place(&lab(4, 0));
    assert!(plan_for(&lab(2, 0)).iter().any(|a| matches!(a, Action::Delete(Resource::Device(_)))));
    become_so(&lab(2, 0));
});

fn bridge_with(change: impl FnOnce(&mut Bridge)) -> Resource {
    let End { id, mac, .. } = end("sw/br0");
    let mut bridge = Bridge::new(id, mac);
    change(&mut bridge);
    Resource::Device(Device::Bridge(bridge))
}

on_a_machine!(a_bridge_is_changed_in_place, {
    let lab = |bridge| state([netns("sw"), wire("sw/p0", "sw/q0"), vec![bridge, port("sw/p0", "br0"), up("sw/br0")]]);
    become_so(&lab(bridge_with(|_| {})));
    let other = || {
        lab(bridge_with(|b| {
            b.multicast_snooping = true;
            b.stp = true;
            b.forward_delay = 400;
            b.ageing = 1000;
        }))
    };
    become_so_in_place(&other());
    for hand in ["forward_delay 600", "ageing_time 2000", "stp_state 0", "mcast_snooping 0"] {
        repairs(&other(), "ip", &format!("-n sw link set br0 type bridge {hand}"));
    }
    become_so_in_place(&lab(bridge_with(|b| b.ageing = 0)));
    become_so(&HostState::default());
    become_so(&other());
});

fn star(nodes: &[(&str, Resource)], more: Vec<Resource>) -> HostState {
    let mut parts = vec![netns("sw"), more];
    for (at, (node, port)) in nodes.iter().enumerate() {
        let (e, p) = (format!("{node}/eth0"), format!("sw/{node}"));
        parts.extend([netns(node), wire(&e, &p), vec![port.clone(), address(&e, &format!("10.0.0.{}/24", at + 1))]]);
    }
    state(parts)
}

on_a_machine!(a_port_is_treated_as_asked_for, {
    let lab = |settings_of: PortSettings| {
        let more = vec![bridge("sw/br0"), bridge("sw/br1"), up("sw/br0")];
        star(&[("a", settings("sw/a", "br0", settings_of)), ("b", port("sw/b", "br0"))], more)
    };
    let default = PortSettings::default();
    become_so(&lab(default));
    for now in [
        PortSettings { hairpin: true, ..default },
        PortSettings { isolated: true, ..default },
        PortSettings { learning: false, ..default },
        PortSettings { hairpin: true, isolated: true, learning: false },
        default,
    ] {
        become_so_in_place(&lab(now));
    }
    for hand in ["hairpin on", "isolated on", "learning off"] {
        repairs(&lab(default), "bridge", &format!("-n sw link set dev a {hand}"));
    }
    let elsewhere = PortSettings { isolated: true, ..default };
    become_so(&with(&lab(default), [settings("sw/a", "br1", elsewhere)]));
    become_so(&lab(elsewhere));
    become_so(&HostState::default());
    become_so(&lab(elsewhere));
});

on_a_machine!(an_isolated_port_does_not_hear_its_neighbour, {
    let isolated =
        |node: &str| settings(&format!("sw/{node}"), "br0", PortSettings { isolated: true, ..Default::default() });
    let nodes = [("a", isolated("a")), ("b", isolated("b")), ("c", port("sw/c", "br0"))];
    become_so(&star(&nodes, vec![bridge("sw/br0"), up("sw/br0")]));
    assert_eq!((reaches("a", "10.0.0.2"), reaches("a", "10.0.0.3"), reaches("c", "10.0.0.2")), (false, true, true));
});

fn filtering() -> Vec<Resource> {
    vec![bridge_with(|b| b.vlan_filtering = true), up("sw/br0")]
}

on_a_machine!(vlans_of_a_switch_separate, needs "vlan_filtering", {
    let node = |node: &'static str, vid| {
        let at = format!("sw/{node}");
        let lab: Vec<Resource> = vec![port(&at, "br0"), access(&at, vid)];
        (node, lab)
    };
    let nodes = [node("a", 10), node("b", 10), node("c", 20), node("t", 10)];
    let base = |extra: Vec<Resource>| {
        let ports: Vec<(&str, Resource)> = nodes.iter().map(|(n, lab)| (*n, lab[0].clone())).collect();
        let lab = star(&ports, filtering());
        with(&with(&lab, nodes.iter().map(|(_, lab)| lab[1].clone())), extra)
    };
    become_so(&base(Vec::new()));
    assert_eq!((reaches("a", "10.0.0.2"), reaches("a", "10.0.0.3")), (true, false));
    // Ranges, a native VLAN, and back.
    for vlans_of_t in [
        vlans("sw/t", "2-9 10u 11-4094", Some(10)),
        vlans("sw/t", "10 20-30 40u", Some(40)),
        vlans("sw/t", "10u 20-25", None),
        vlans("sw/t", "1-4094", None),
        access("sw/t", 20),
    ] {
        become_so_in_place(&base(vec![vlans_of_t]));
    }
    assert_eq!((reaches("t", "10.0.0.1"), reaches("t", "10.0.0.3")), (false, true));
    let now = base(vec![vlans("sw/t", "10 20-30 40u", Some(40)), vlans("sw/br0", "10 30u", Some(30))]);
    become_so(&now);
    for hand in [
        "-n sw vlan del dev t vid 25",
        "-n sw vlan add dev t vid 100-200",
        "-n sw vlan add dev t vid 40 untagged",
        "-n sw vlan add dev a vid 20 pvid untagged",
        "-n sw vlan del dev br0 vid 10 self",
        "-n sw vlan del dev b vid 10",
    ] {
        repairs(&now, "bridge", hand);
    }
    become_so(&base(Vec::new()));
    let mut without = base(Vec::new());
    without.remove(&access("sw/b", 10).key());
    become_so(&without);
});

on_a_machine!(a_switch_begins_and_ceases_to_filter_in_place, needs "vlan_filtering", {
    let plain = star(&[("a", port("sw/a", "br0")), ("b", port("sw/b", "br0"))], vec![bridge("sw/br0"), up("sw/br0")]);
    let lab = |vids: [u16; 2]| with(&plain, filtering().into_iter().chain([access("sw/a", vids[0]), access("sw/b", vids[1])]));
    become_so(&plain);
    assert!(reaches("a", "10.0.0.2"));
    for vids in [[1, 1], [10, 1], [10, 20]] {
        become_so(&lab(vids));
        assert_eq!(reaches("a", "10.0.0.2"), vids[0] == vids[1]);
        become_so(&plain);
        assert!(reaches("a", "10.0.0.2"));
    }
    become_so(&lab([10, 10]));
    repairs(&lab([10, 10]), "ip", "-n sw link set br0 type bridge vlan_filtering 0");
});

on_a_machine!(a_port_may_be_in_every_other_vlan_there_is, needs "vlan_filtering", {
    let all: Vec<String> = (1..=4094).step_by(2).map(|vid: u16| vid.to_string()).collect();
    let lab = |vlans| star(&[("a", port("sw/a", "br0"))], [filtering(), vec![vlans]].concat());
    become_so(&lab(vlans("sw/a", &all.join(" "), None)));
    become_so_in_place(&lab(vlans("sw/a", "1-4094", Some(7))));
});

on_a_machine!(a_trunk_carries_vlans_to_devices_in_a_node, needs "vlan", {
    if !kernel_has("vlan_filtering") {
        return eprintln!("SKIPPED a_trunk_carries_vlans_to_devices_in_a_node: this kernel has no vlan_filtering");
    }
    let trunk = |node: &str, vid: u16| {
        let (at, port_at, tagged) = (format!("{node}/eth0"), format!("sw/{node}"), format!("{node}/eth0.{vid}"));
        let port = vec![port(&port_at, "br0"), vlans(&port_at, "10 20", None)];
        let of_vlan = vec![single(vlan(&tagged, "eth0", vid)), up(&tagged), address(&tagged, &format!("10.0.0.{vid}/24"))];
        [netns(node), wire(&at, &port_at), port, of_vlan].concat()
    };
    // The switch itself, by a VLAN of its own.
    let own = vec![
        vlans("sw/br0", "10", None),
        single(vlan("sw/br0.10", "br0", 10)),
        up("sw/br0.10"),
        address("sw/br0.10", "10.0.0.254/24"),
    ];
    let lab = star(&[("a", port("sw/a", "br0")), ("c", port("sw/c", "br0"))], filtering());
    let parts = [trunk("t", 10), trunk("u", 20), own, vec![access("sw/a", 10), access("sw/c", 20)]];
    let lab = with(&lab, parts.concat());
    become_so(&lab);
    assert_eq!(["10.0.0.10", "10.0.0.20", "10.0.0.254"].map(|to| reaches("a", to)), [true, false, true]);
    assert_eq!(["10.0.0.10", "10.0.0.20", "10.0.0.254"].map(|to| reaches("c", to)), [false, true, false]);
    become_so(&HostState::default());
});

on_a_machine!(a_vlan_comes_up_with_its_parent_only_if_it_is_asked_for, needs "vlan", {
    let base = with(&node("a"), [single(vlan("a/x", "eth0", 5)), single(vlan("a/y", "eth0", 6))]);
    become_so(&with(&base, [up("a/eth0"), up("a/x")]));
    become_so(&base);
    become_so(&with(&base, [up("a/eth0"), up("a/x")]));
    repairs(&with(&base, [up("a/eth0"), up("a/x")]), "ip", "-n a link set eth0 down");
    repairs(&with(&base, [up("a/eth0"), up("a/x")]), "ip", "-n a link set y up");
    // A new one as large as its parent grows to be.
    let large = |at: &str| End { mtu: 9000, ..end(at) };
    let grown = with(&base, [veth(large("a/eth0"), large("a/eth1")), single(Single { mtu: Some(9000), ..vlan("a/z", "eth0", 7) })]);
    become_so(&grown);
});

on_a_machine!(what_is_new_in_a_node_that_is_there_stands_on_what_is_new, needs "vlan", {
    become_so(&state([netns("a")]));
    let parts = vec![
        single(vlan("a/br0.7", "br0", 7)),
        single(vlan("a/br0.7.8", "br0.7", 8)),
        single(macvlan("a/m0", "a/br0.7", MacvlanMode::Private)),
        bridge("a/br0"),
        up("a/br0"),
        up("a/br0.7"),
        up("a/br0.7.8"),
        up("a/m0"),
        address("a/br0.7.8", "fd00::1/64"),
    ];
    become_so(&with(&state([netns("a"), wire("a/p0", "a/p1"), vec![port("a/p0", "br0")]]), parts));
    become_so(&state([netns("a")]));
});

on_a_machine!(small_devices_of_every_kind_have_no_ipv6_and_get_it_back, needs "macvlan", {
    let lab = |mtu| {
        let small = Single { mtu: Some(mtu), link_local: mtu > 1280, ..macvlan("a/m0", "a/eth0", MacvlanMode::Bridge) };
        let br = bridge("a/br0");
        with(&node("a"), [single(small), br, port("a/m0", "br0"), up("a/br0"), up("a/m0")])
    };
    for mtu in [1000, 1500, 1200, 1400] {
        become_so(&lab(mtu));
    }
    become_so(&with(&node("a"), [bridge("a/br0"), up("a/br0")]));
});

on_a_machine!(the_words_of_others_for_their_devices_are_told, needs "macvlan", {
    become_so(&node("a"));
    ip("-n a link add link eth0 name theirs type macvlan");
    let told: Vec<String> = observe(&node("a")).others.values().map(|f| f.what.to_string()).collect();
    assert_eq!(told, ["macvlan made by hand"]);
    assert!(bridge_command("-n a link show").is_empty());
});
