//! Bridges, their ports and their VLANs.

use netsim_core::resource::{Bridge, Port, PortSettings, PortVlans, VlanRange};

use super::*;

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

fn bridge_with(change: impl FnOnce(&mut Bridge)) -> Resource {
    let End { id, mac, .. } = end("sw/br0");
    let mut bridge = Bridge::new(id, mac);
    change(&mut bridge);
    Resource::Device(Device::Bridge(bridge))
}

fn filtering() -> Vec<Resource> {
    vec![bridge_with(|b| b.vlan_filtering = true), up("sw/br0")]
}

fn star(nodes: &[(&str, Resource)], more: Vec<Resource>) -> HostState {
    let mut parts = vec![netns("sw"), more];
    for (at, (node, port)) in nodes.iter().enumerate() {
        let (e, p) = (format!("{node}/eth0"), format!("sw/{node}"));
        parts.extend([netns(node), wire(&e, &p), vec![port.clone(), address(&e, &format!("10.0.0.{}/24", at + 1))]]);
    }
    state(parts)
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

on_a_machine!(vlans_of_a_switch_separate, needs VlanFiltering, {
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

on_a_machine!(a_switch_begins_and_ceases_to_filter_in_place, needs VlanFiltering, {
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

on_a_machine!(a_port_may_be_in_every_other_vlan_there_is, needs VlanFiltering, {
    let all: Vec<String> = (1..=4094).step_by(2).map(|vid: u16| vid.to_string()).collect();
    let lab = |vlans| star(&[("a", port("sw/a", "br0"))], [filtering(), vec![vlans]].concat());
    become_so(&lab(vlans("sw/a", &all.join(" "), None)));
    become_so_in_place(&lab(vlans("sw/a", "1-4094", Some(7))));
});

on_a_machine!(a_trunk_carries_vlans_to_devices_in_a_node, needs Vlan VlanFiltering, {
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
