//! Tunnel ports: made, seen, changed, and against a kernel's own devices at the other end.

use std::net::IpAddr;
use std::time::Duration;

use netsim_core::plan::{Action, plan};
use netsim_core::resource::{OvsPort, OvsPortKind, OvsTunnel, OvsTunnelKind, Resource, VXLAN_PORT};
use netsim_core::state::{HostState, Scope};
use netsim_core::testing::show_plan;
use netsim_host::backend::Progress;
use netsim_host::ovs::{Op, Row, Setting, Value};
use netsim_host::probe::{Options, Outcome, Ping, ping};

use super::common::{lab, same, space, state};
use super::words::*;
use super::{Switch, beside_a_switch, datapath, nothing_is_left, run, settled, until};

const VXLAN: OvsTunnelKind = OvsTunnelKind::Vxlan { port: VXLAN_PORT };

/// Runs this beside a switch on a machine with IPv6: a kernel with a module for that loads it by then.
fn beside_a_switch_with_ipv6(name: &str, body: impl FnOnce(&Switch)) {
    beside_a_switch(name, |switch| match std::net::UdpSocket::bind("[::]:0") {
        Ok(_) => body(switch),
        Err(_) => eprintln!("SKIPPED {name}: this kernel has no IPv6"),
    });
}

fn addr(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn tunnel(kind: OvsTunnelKind, peer: &str) -> OvsTunnel {
    let remote = addr(peer);
    let local = addr(if remote.is_ipv4() { "192.0.2.1" } else { "2001:db8::1" });
    OvsTunnel { kind, local, remote, key: Some(0x8f21c4), ttl: 0, checksum: false, df: true }
}

fn tunnel_port(at: &str, tunnel: OvsTunnel) -> Resource {
    of(OvsPort { kind: OvsPortKind::Tunnel(tunnel), protected: true, ..port("sw", at) })
}

fn on_a_bridge(ports: Vec<Resource>) -> HostState {
    state([vec![of(bridge("sw"))], ports])
}

#[test]
fn tunnels_of_every_kind_are_made_change_in_place_and_go() {
    beside_a_switch_with_ipv6("tunnels::tunnels_of_every_kind_are_made_change_in_place_and_go", |switch| {
        let first = on_a_bridge(vec![
            tunnel_port("t-0", tunnel(VXLAN, "192.0.2.2")),
            tunnel_port("t-1", tunnel(VXLAN, "192.0.2.3")),
            tunnel_port("t-2", tunnel(OvsTunnelKind::Geneve { port: 6081 }, "192.0.2.2")),
            tunnel_port("t-3", OvsTunnel { key: None, ..tunnel(OvsTunnelKind::Gre, "192.0.2.2") }),
            tunnel_port("t-4", tunnel(VXLAN, "2001:db8::2")),
        ]);
        let second = on_a_bridge(vec![
            tunnel_port("t-0", OvsTunnel { ttl: 9, checksum: true, ..tunnel(VXLAN, "192.0.2.2") }),
            tunnel_port("t-1", OvsTunnel { df: false, ..tunnel(VXLAN, "192.0.2.3") }),
            tunnel_port("t-2", OvsTunnel { ttl: 5, ..tunnel(OvsTunnelKind::Geneve { port: 6081 }, "192.0.2.2") }),
            tunnel_port("t-3", OvsTunnel { key: None, checksum: true, ..tunnel(OvsTunnelKind::Gre, "192.0.2.2") }),
            tunnel_port("t-4", OvsTunnel { ttl: 9, ..tunnel(VXLAN, "2001:db8::2") }),
        ]);
        become_so(&first);
        let numbers = || switch.rows().interfaces.iter().map(|i| (i.name.clone(), i.ofport)).collect::<Vec<_>>();
        let before = numbers();
        for wanted in [&second, &first] {
            let actions = become_so(wanted);
            assert!(actions.iter().all(|a| matches!(a, Action::Update { .. })), "{}", show_plan(&actions));
            settled(switch);
            assert_eq!(numbers(), before);
        }
        // What they are on the underlay is another port's: some exchange it.
        let third = on_a_bridge(vec![
            tunnel_port("t-0", tunnel(VXLAN, "192.0.2.3")),
            tunnel_port("t-1", tunnel(VXLAN, "192.0.2.2")),
            tunnel_port("t-2", OvsTunnel { key: None, ..tunnel(OvsTunnelKind::Geneve { port: 6082 }, "192.0.2.2") }),
            tunnel_port("t-3", tunnel(OvsTunnelKind::Geneve { port: 6081 }, "192.0.2.2")),
            tunnel_port("t-4", tunnel(OvsTunnelKind::Vxlan { port: 8472 }, "2001:db8::2")),
        ]);
        for wanted in [&third, &first] {
            become_so(wanted);
            settled(switch);
            let rows = switch.rows();
            let faults: Vec<_> = rows.interfaces.iter().filter_map(|i| Some((&i.name, i.fault()?))).collect();
            assert_eq!(faults, []);
        }
        become_so(&HostState::default());
        nothing_is_left(switch);
    });
}

#[test]
fn a_tunnel_of_others_is_refused_by_name() {
    beside_a_switch("tunnels::a_tunnel_of_others_is_refused_by_name", |switch| {
        let wanted = on_a_bridge(vec![tunnel_port("t-0", tunnel(VXLAN, "192.0.2.2"))]);
        let text = |key, text: &str| (Value::text(key), Value::text(text));
        let theirs = |key: &str, lab: Option<&str>| {
            let options = [text("remote_ip", "192.0.2.2"), text("local_ip", "192.0.2.1"), text("key", key)];
            let mark = lab.map(|lab| Setting::at("external_ids", "netsim-lab", lab));
            let kind = Setting::of("type", Value::text("vxlan"));
            let add = Op::AddPort {
                bridge: "theirs".into(),
                name: "their-vxlan".into(),
                port: mark.into_iter().collect(),
                interface: vec![kind, Setting::of("options", Value::Map(options.into()))],
            };
            let datapath = Setting::of("datapath_type", Value::text(datapath()));
            vec![Op::AddBridge { name: "theirs".into(), settings: vec![datapath] }, add]
        };
        let name = "OVS tunnel VXLAN from 192.0.2.1 to 192.0.2.2 at UDP port 4789, VNI 9380292 is taken";
        for (lab, who) in [(None, ": OVS port made by hand"), (Some("other"), " by lab other")] {
            switch.commit([theirs("0x8f21c4", lab)]);
            let refused = plan(&wanted, &observe(&wanted)).expect_err("it is theirs");
            let told: Vec<&str> = refused.iter().map(|r| &*r.message).collect();
            assert_eq!(told, [format!("{name}{who}")]);
            assert!(refused[0].hint.as_ref().is_some_and(|hint| hint.contains("write another `vni:`")), "{refused:?}");
            switch.commit([vec![Op::DeleteBridge(Row::Name("theirs".into()))]]);
        }
        // Beside one with another VNI, and beside one to whoever sends such packets, there is room.
        for key in ["7", "flow"] {
            switch.commit([theirs(key, None)]);
            become_so(&wanted);
            become_so(&HostState::default());
            switch.commit([vec![Op::DeleteBridge(Row::Name("theirs".into()))]]);
        }
        nothing_is_left(switch);
    });
}

#[test]
fn what_a_hand_does_to_a_tunnel_is_seen_and_put_right() {
    beside_a_switch_with_ipv6("tunnels::what_a_hand_does_to_a_tunnel_is_seen_and_put_right", |switch| {
        let wanted = on_a_bridge(vec![tunnel_port("t-0", tunnel(VXLAN, "192.0.2.2"))]);
        become_so(&wanted);
        for words in ["options:key=5", "options:remote_ip=flow", "options:tos=inherit", "type=gre", "type=erspan"] {
            run("ovs-vsctl", &["set", "interface", "t-0", words]);
            assert_ne!(plan_for(&wanted), [], "{words}");
            become_so(&wanted);
        }
        become_so(&HostState::default());
        nothing_is_left(switch);
    });
}

fn reaches(from: &str, to: &str) -> bool {
    let mut reached = None;
    let options = Options { tries: 4, timeout: Duration::from_millis(600), ..Options::default() };
    ping(&[space(from)], [Ping { from: 0, to: addr(to) }], &options, &Progress::default(), |_, _, outcome| {
        reached = Some(matches!(outcome, Outcome::Reached { .. }));
    })
    .expect("this machine can ask");
    reached.expect("one ping has one outcome")
}

#[test]
fn a_tunnel_port_and_a_kernels_own_device_are_on_one_wire() {
    let name = "tunnels::a_tunnel_port_and_a_kernels_own_device_are_on_one_wire";
    beside_a_switch_with_ipv6(name, |switch| {
        if datapath() != "system" {
            return eprintln!("SKIPPED {name}: this kernel has no datapath of Open vSwitch");
        }
        // Until then ovs-vswitchd has no threads for what the kernel asks of it.
        let old_enough = || {
            let uptime = std::fs::read_to_string("/proc/uptime").expect("every kernel tells it");
            uptime.split('.').next().and_then(|text| text.parse::<u32>().ok()).is_some_and(|seconds| seconds > 12)
        };
        for _ in 0..20 {
            if !old_enough() {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        switch.stop();
        switch.start();
        let ip = |words: &str| run("ip", &words.split_whitespace().collect::<Vec<_>>());
        ip("netns add far");
        ip("link add u0 type veth peer name u0 netns far");
        for (space, last) in [("", 1), ("-n far ", 2)] {
            ip(&format!("{space}addr add 192.0.2.{last}/24 dev u0"));
            ip(&format!("{space}addr add 2001:db8::{last}/64 dev u0 nodad"));
            ip(&format!("{space}link set u0 up"));
        }
        let gre = tunnel(OvsTunnelKind::Gre, "192.0.2.2");
        let ways = [
            (tunnel(VXLAN, "192.0.2.2"), "vxlan id 9380292 local 192.0.2.2 remote 192.0.2.1 dstport 4789"),
            (
                tunnel(VXLAN, "2001:db8::2"),
                "vxlan id 9380292 local 2001:db8::2 remote 2001:db8::1 dstport 4789 udp6zerocsumrx",
            ),
            (OvsTunnel { key: Some(77), ..gre.clone() }, "gretap local 192.0.2.2 remote 192.0.2.1 key 77"),
            (OvsTunnel { key: None, ..gre }, "gretap local 192.0.2.2 remote 192.0.2.1"),
        ];
        for (tunnel, device) in ways {
            let wanted = state([
                node("a", "10.9.0.1/24"),
                vec![of(bridge("sw")), of(port("sw", "s-a")), tunnel_port("t-0", tunnel.clone())],
            ]);
            become_so(&wanted);
            ip(&format!("-n far link add vx0 mtu 1400 type {device}"));
            ip("-n far addr add 10.9.0.2/24 dev vx0");
            ip("-n far link set vx0 up");
            until(&format!("{tunnel:?} reaches a {device}"), || reaches("a", "10.9.0.2"));
            // The kernel's device for it says of no tunnel whose it is: ours is in our own way nowhere.
            let facts = local().observe_now(&Scope { underlay: true, ..Scope::of(&lab(), &wanted) });
            assert_eq!(facts.expect("a machine that can be looked at").facts.tunnel_ports, [].into());
            become_so(&HostState::default());
            ip("-n far link del vx0");
        }
        ip("link add theirs type vxlan id 5 local 192.0.2.1 dstport 4789");
        ip("link set theirs up");
        let taken = on_a_bridge(vec![tunnel_port("t-0", tunnel(VXLAN, "192.0.2.2"))]);
        let refused = apply(&taken, &plan_for(&taken)).expect_err("a device of the kernel listens there").to_string();
        assert!(refused.contains("t-0"), "{refused}");
        become_so(&HostState::default());
        same(&observe(&HostState::default()).ours, &HostState::default());
        ip("link del theirs");
        ip("link del u0");
        ip("netns del far");
        nothing_is_left(switch);
    });
}
