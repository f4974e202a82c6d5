//! VXLAN: straight in a node's namespace, with its socket in the host's.

use super::wire::{Packet, Wire};
use super::*;

pub(crate) fn plain(last: u8, peer: u8) -> Vxlan {
    Vxlan { remote: Some(addr(&format!("192.0.2.{peer}"))), ..Vxlan::new(0x8f21c4, addr(&format!("192.0.2.{last}"))) }
}

pub(crate) fn over_ipv6(last: u8, peer: u8) -> Vxlan {
    let address = |last: u8| addr(&format!("2001:db8::{last}"));
    Vxlan { local: address(last), remote: Some(address(peer)), ..plain(last, peer) }
}

/// A node with a VXLAN device for its interface.
fn node(at: &str, vxlan: Vxlan, net: &str) -> HostState {
    let (of, _) = at.split_once('/').expect("netns/name");
    let device = single(at, 1430, SingleKind::Vxlan(vxlan));
    state([netns(of), vec![device, up(at), address(at, net)]])
}

on_a_machine!(two_nodes_of_two_hosts_are_on_one_wire, needs Vxlan, {
    let [a, b] = two_machines();
    // Both hosts have a device of that name already.
    ip("link add eth0 type bridge");
    a.makes(&node("a/eth0", plain(1, 2), "10.0.0.1/24"));
    b.makes(&node("b/eth0", plain(2, 1), "10.0.0.2/24"));
    let wire = Wire::tap();
    assert!(reaches("a", "10.0.0.2"));
    wire.shows(Packet::Vxlan { to: addr("192.0.2.2"), port: 4789, vni: 0x8f21c4, checksum: true });
    wire.shows(Packet::Vxlan { to: addr("192.0.2.1"), port: 4789, vni: 0x8f21c4, checksum: true });
    // What the host has for itself is in nobody's way, and nothing is left there.
    assert!(!ip("-d link").contains("vxlan"), "{}", ip("-d link"));
});

on_a_machine!(two_nodes_are_on_one_wire_over_ipv6_and_without_checksums, needs Vxlan, {
    let [a, b] = two_machines();
    let without = |vxlan| Vxlan { checksum: false, port: 8472, vni: 7, ..vxlan };
    a.makes(&node("a/eth0", without(over_ipv6(1, 2)), "10.0.0.1/24"));
    b.makes(&node("b/eth0", without(over_ipv6(2, 1)), "10.0.0.2/24"));
    let wire = Wire::tap();
    assert!(reaches("a", "10.0.0.2"));
    wire.shows(Packet::Vxlan { to: addr("2001:db8::2"), port: 8472, vni: 7, checksum: false });
});

on_a_machine!(a_new_node_has_a_tunnel_and_cables_to_nodes_that_run, needs Vxlan, {
    let _underlay = two_machines();
    // The numbers of the host's devices, which the tunnel's is above, are far from those of a new namespace.
    for n in 1..6 {
        ip(&format!("link add x{n} type bridge"));
    }
    let running = state([netns("b"), netns("sw"), vec![bridge("sw/sw"), up("sw/sw")]]);
    become_so(&running);
    let cables = |old: &str, n: u8| {
        let [near, far] = [format!("c/eth{n}"), format!("{old}/to-c{n}")];
        [wire(&far, &near), vec![up(&far), up(&near), address(&near, &format!("10.{n}.0.1/24"))]].concat()
    };
    let new = [
        node("c/eth0", plain(1, 2), "10.0.0.1/24").iter().map(|(_, r)| r.clone()).collect(),
        cables("b", 1),
        cables("sw", 2),
        cables("b", 3),
        vec![port("sw/to-c2", "sw")],
    ];
    let whole = state([running.iter().map(|(_, r)| r.clone()).collect()].into_iter().chain(new));
    become_so(&whole);
    become_so(&running);
});

on_a_machine!(every_setting_reads_back_as_it_was_made_and_as_it_was_changed, needs Vxlan, {
    let [a, _b] = two_machines();
    let forms = [
        plain(1, 2),
        Vxlan { ttl: 9, df: Df::Set, learning: false, ..plain(1, 2) },
        Vxlan { remote: Some(addr("192.0.2.77")), df: Df::Inherit, ..plain(1, 2) },
        Vxlan { remote: None, learning: false, ..plain(1, 2) },
        Vxlan { local: addr("192.0.2.9"), ..plain(1, 2) },
        plain(1, 2),
        // A device can be given in place, but not be taken away.
        Vxlan { device: Some(name("u0")), ..plain(1, 2) },
        Vxlan { device: Some(name("u0")), ttl: 9, ..plain(1, 2) },
    ];
    let with = |vxlan: Vxlan, up: bool| {
        let mut all = node("a/eth0", vxlan, "10.0.0.1/24");
        all.retain(|_, r| up || !matches!(r, Resource::Up(d) if d.name == name("eth0")));
        all
    };
    for up in [true, false] {
        let mut before = with(forms[0], up);
        a.makes(&before);
        for form in &forms[1..] {
            let after = with(*form, up);
            let key = single("a/eth0", 1430, SingleKind::Vxlan(*form)).key();
            let (from, to) = (before.get(&key).expect("made"), after.get(&key).expect("wanted"));
            a.does(&[Action::Update { from: from.clone(), to: to.clone() }], &after);
            before = after;
        }
        delete_all(&a, &before);
    }
    for form in [plain(1, 2), over_ipv6(1, 2), Vxlan { checksum: false, ..over_ipv6(1, 2) }, Vxlan { checksum: false, ..plain(1, 2) }] {
        let group = addr(if form.local.is_ipv4() { "239.1.1.1" } else { "ff05::7" });
        let device = Some(name("u0"));
        for form in [form, Vxlan { remote: None, ..form }, Vxlan { device, ..form }, Vxlan { remote: Some(group), device, ttl: 4, ..form }] {
            let all = node("a/eth0", form, "10.0.0.1/24");
            a.makes(&all);
            delete_all(&a, &all);
        }
    }
});

on_a_machine!(a_device_in_the_hosts_own_namespace_is_like_any_other, needs Vxlan, {
    let [a, _b] = two_machines();
    let all = state([vec![single("host/vx0", 1450, SingleKind::Vxlan(plain(1, 2))), up("host/vx0")]]);
    a.makes(&all);
    assert!(ip("-d link show vx0").contains("netsim lab=t"), "{}", ip("-d link show vx0"));
    delete_all(&a, &all);
});

/// Three bridges as one: two on this host, to see that many ports of one host differ by their VNI alone, and one on the other.
pub(crate) fn bridged(of: &str, vxlan: Vxlan, net: &str, entries: Vec<Resource>) -> HostState {
    let at = |name: &str| format!("{of}/{name}");
    let device = single(&at("vx0"), 1450, SingleKind::Vxlan(vxlan));
    let switch = vec![bridge(&at("br0")), device, port(&at("vx0"), "br0"), up(&at("br0")), up(&at("vx0"))];
    let node = vec![
        veth(End { mtu: 1450, ..end(&at("eth0")) }, End { mtu: 1450, ..end(&at("p0")) }),
        port(&at("p0"), "br0"),
        up(&at("p0")),
        up(&at("eth0")),
        address(&at("eth0"), net),
    ];
    state([netns(of), switch, node, entries])
}

on_a_machine!(a_bridge_over_two_hosts_floods_where_it_is_told_and_knows_what_it_is_told, needs Vxlan Bridge, {
    let [a, b] = two_machines();
    let told = |last| Vxlan { remote: None, learning: false, ..plain(last, 0) };
    let entries = |at: &str, peer: &str, far: Mac| vec![fdb(at, EVERYBODY, peer), fdb(at, EVERYBODY, "192.0.2.99"), fdb(at, far, peer)];
    let here = bridged("a", told(1), "10.0.0.1/24", entries("a/vx0", "192.0.2.2", mac_of("b/eth0")));
    let there = bridged("b", told(2), "10.0.0.2/24", entries("b/vx0", "192.0.2.1", mac_of("a/eth0")));
    a.makes(&here);
    b.makes(&there);
    assert!(reaches("a", "10.0.0.2"));
    // Without an entry nobody is asked.
    let key = fdb("a/vx0", EVERYBODY, "192.0.2.2");
    let mut less = here.clone();
    less.remove(&key.key());
    a.does(&[Action::Delete(key.clone())], &less);
    ip("-n a neigh flush dev eth0");
    assert!(!reaches("a", "10.0.0.2"));
    a.does(&[Action::Create(key)], &here);
    assert!(reaches("a", "10.0.0.2"));
    // What a hand tells is on our device, and so is seen; what the kernel has learnt is not told.
    run("bridge", &["-n", "a", "fdb", "append", "00:00:00:00:00:00", "dev", "vx0", "dst", "192.0.2.50"]);
    run("bridge", &["-n", "a", "fdb", "replace", &mac_of("b/eth0").to_string(), "dev", "vx0", "dst", "192.0.2.51"]);
    let mut changed = here.clone();
    changed.remove(&fdb("a/vx0", mac_of("b/eth0"), "192.0.2.2").key());
    changed.insert(fdb("a/vx0", EVERYBODY, "192.0.2.50"));
    changed.insert(fdb("a/vx0", mac_of("b/eth0"), "192.0.2.51"));
    same(&a.observe(&asking(&here)).ours, &changed);
    let repair = [
        Action::Delete(fdb("a/vx0", EVERYBODY, "192.0.2.50")),
        Action::Delete(fdb("a/vx0", mac_of("b/eth0"), "192.0.2.51")),
        Action::Create(fdb("a/vx0", mac_of("b/eth0"), "192.0.2.2")),
    ];
    a.does(&repair, &here);
    assert!(reaches("a", "10.0.0.2"));
});

on_a_machine!(where_a_device_sends_by_default_is_no_entry_of_its_own, needs Vxlan Bridge, {
    let [a, b] = two_machines();
    a.makes(&bridged("a", plain(1, 2), "10.0.0.1/24", Vec::new()));
    b.makes(&bridged("b", plain(2, 1), "10.0.0.2/24", Vec::new()));
    assert!(reaches("a", "10.0.0.2"));
    same(&a.observe(&asking(&HostState::default())).ours, &bridged("a", plain(1, 2), "10.0.0.1/24", Vec::new()));
});

on_a_machine!(a_group_reaches_all_that_joined_it, needs Vxlan, {
    let [a, b] = two_machines();
    let group = |last| Vxlan { remote: Some(addr("239.1.1.1")), device: Some(name("u0")), ..plain(last, 0) };
    a.makes(&node("a/eth0", group(1), "10.0.0.1/24"));
    b.makes(&node("b/eth0", group(2), "10.0.0.2/24"));
    let wire = Wire::tap();
    assert!(reaches("a", "10.0.0.2"));
    wire.shows(Packet::Vxlan { to: addr("239.1.1.1"), port: 4789, vni: 0x8f21c4, checksum: true });
});

on_a_machine!(a_device_with_its_underlay_elsewhere_is_a_stray, needs Vxlan, {
    let [a, _b] = two_machines();
    a.makes(&state([netns("a")]));
    let group = lab().group().to_string();
    ip(&format!("-n a link add eth0 group {group} type vxlan id 5 local 192.0.2.1 remote 192.0.2.2 dstport 4789"));
    let ours = a.observe(&Scope::lab(&lab())).ours;
    let stray = ours.get(&up("a/eth0").key());
    assert_eq!(stray, None);
    let Some(Resource::Device(Device::Stray { what, .. })) = ours.get(&netsim_core::resource::Key::Device(id("a/eth0"))) else {
        panic!("{ours:#?}");
    };
    assert_eq!(&**what, "vxlan with its underlay elsewhere");
});

on_a_machine!(more_than_a_datagram_holds_are_made_and_go, needs Vxlan, {
    let [a, _b] = two_machines();
    let one = |n: u32| {
        let at = format!("n{n}/eth0");
        let vxlan = Vxlan { vni: n + 1, ..plain(1, 2) };
        state([netns(&format!("n{n}")), vec![single(&at, 1450, SingleKind::Vxlan(vxlan)), up(&at)]])
    };
    let all: HostState = (0..150).flat_map(|n| one(n).iter().map(|(_, r)| r.clone()).collect::<Vec<_>>()).collect();
    let began = std::time::Instant::now();
    a.makes(&all);
    #[allow(clippy::print_stderr, reason = "figures are told")]
    {
        eprintln!("150 nodes with a VXLAN device each: made and seen in {:?}", began.elapsed());
    }
    let began = std::time::Instant::now();
    delete_all(&a, &all);
    #[allow(clippy::print_stderr, reason = "figures are told")]
    {
        eprintln!("and taken away in {:?}", began.elapsed());
    }
});

/// Deletes all, what was made last first.
#[track_caller]
pub(crate) fn delete_all(machine: &Machine, all: &HostState) {
    let deletions: Vec<Action> = all.iter().map(|(_, r)| Action::Delete(r.clone())).collect();
    machine.does(&deletions.into_iter().rev().collect::<Vec<_>>(), &HostState::default());
}

on_a_machine!(what_a_device_has_learnt_by_itself_makes_way_for_what_it_is_told, needs Vxlan Bridge, {
    let [a, b] = two_machines();
    let here = bridged("a", plain(1, 2), "10.0.0.1/24", Vec::new());
    a.makes(&here);
    b.makes(&bridged("b", plain(2, 1), "10.0.0.2/24", Vec::new()));
    assert!(reaches("a", "10.0.0.2"));
    let far = fdb("a/vx0", mac_of("b/eth0"), "192.0.2.2");
    let learnt = run("bridge", &["-n", "a", "fdb", "show", "dev", "vx0"]);
    assert!(learnt.contains(&format!("{} dst 192.0.2.2 ", mac_of("b/eth0"))), "{learnt}");
    let mut after = here.clone();
    after.insert(far.clone());
    a.does(&[Action::Create(far)], &after);
    // What it was told does not.
    let elsewhere = fdb("a/vx0", mac_of("b/eth0"), "192.0.2.3");
    let refused = a.inside(|| a.linux.do_now(&lab(), &[Action::Create(elsewhere)], &Progress::default()));
    let refused = refused.expect_err("it was told otherwise").to_string();
    assert!(refused.contains("(EEXIST)"), "{refused}");
});
