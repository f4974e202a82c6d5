//! GRE: made in the host's namespace and moved.

use super::vxlan::delete_all;
use super::wire::{Packet, Wire};
use super::*;

/// EtherTypes of what is in GRE: frames (transparent Ethernet bridging) and IPv4 packets.
const FRAMES: u16 = 0x6558;
pub(crate) const PACKETS: u16 = 0x0800;

pub(crate) fn plain(last: u8, peer: u8) -> Gre {
    let address = |last: u8| addr(&format!("192.0.2.{last}"));
    Gre { remote: Some(address(peer)), ..Gre::new(address(last)) }
}

pub(crate) fn over_ipv6(last: u8, peer: u8) -> Gre {
    let address = |last: u8| addr(&format!("2001:db8::{last}"));
    Gre { local: address(last), remote: Some(address(peer)), ..plain(last, peer) }
}

/// A node with a GRE device for its interface.
pub(crate) fn node(at: &str, kind: SingleKind, net: &str) -> HostState {
    let (of, _) = at.split_once('/').expect("netns/name");
    state([netns(of), vec![single(at, 1400, kind), up(at), address(at, net)]])
}

on_a_machine!(two_nodes_are_on_one_wire_of_frames, needs Gre, {
    let [a, b] = two_machines();
    ip("link add eth0 type bridge");
    for key in [None, Some(77)] {
        let of = |last, peer| SingleKind::Gretap(Gre { key, ..plain(last, peer) });
        let (here, there) = (node("a/eth0", of(1, 2), "10.0.0.1/24"), node("b/eth0", of(2, 1), "10.0.0.2/24"));
        a.makes(&here);
        b.makes(&there);
        let wire = Wire::tap();
        assert!(reaches("a", "10.0.0.2"));
        wire.shows(Packet::Gre { to: addr("192.0.2.2"), key, checksum: false, carries: FRAMES });
        delete_all(&a, &here);
        delete_all(&b, &there);
    }
});

on_a_machine!(two_nodes_are_on_one_wire_of_packets, needs Gre, {
    let [a, b] = two_machines();
    let of = |last, peer| SingleKind::Gre(Gre { key: Some(5), checksum: true, ttl: 8, ..plain(last, peer) });
    a.makes(&node("a/eth0", of(1, 2), "10.0.0.1/24"));
    b.makes(&node("b/eth0", of(2, 1), "10.0.0.2/24"));
    let wire = Wire::tap();
    assert!(reaches("a", "10.0.0.2"));
    wire.shows(Packet::Gre { to: addr("192.0.2.1"), key: Some(5), checksum: true, carries: PACKETS });
});

on_a_machine!(two_nodes_are_on_one_wire_over_ipv6, needs Gre6, {
    let [a, b] = two_machines();
    for frames in [true, false] {
        let of = |last, peer| {
            let gre = Gre { key: Some(9), ..over_ipv6(last, peer) };
            if frames { SingleKind::Gretap(gre) } else { SingleKind::Gre(gre) }
        };
        let (here, there) = (node("a/eth0", of(1, 2), "10.0.0.1/24"), node("b/eth0", of(2, 1), "10.0.0.2/24"));
        a.makes(&here);
        b.makes(&there);
        let wire = Wire::tap();
        assert!(reaches("a", "10.0.0.2"));
        wire.shows(Packet::Gre { to: addr("2001:db8::2"), key: Some(9), checksum: false, carries: if frames { FRAMES } else { PACKETS } });
        delete_all(&a, &here);
        delete_all(&b, &there);
    }
});

fn neighbour(at: &str, address: &str, to: &str) -> Resource {
    Resource::Neighbour(Neighbour { device: id(at), address: addr(address), to: addr(to) })
}

on_a_machine!(a_device_for_many_finds_them_by_its_neighbours, needs Gre, {
    let [a, b] = two_machines();
    b.inside(|| ip("addr add 192.0.2.77/32 dev u0"));
    let many = |last| SingleKind::Gre(Gre { remote: None, key: Some(3), ..plain(last, 0) });
    let told = |at: &str, net: &str, entries: &[(&str, &str)]| {
        let entries = entries.iter().map(|(address, to)| neighbour(at, address, to)).collect();
        state([node(at, many(if at.starts_with('a') { 1 } else { 2 }), net).iter().map(|(_, r)| r.clone()).collect(), entries])
    };
    let here = told("a/eth0", "10.0.0.1/24", &[("10.0.0.2", "192.0.2.2"), ("10.0.0.3", "192.0.2.77"), ("fd00::2", "192.0.2.2")]);
    a.makes(&here);
    b.makes(&told("b/eth0", "10.0.0.2/24", &[("10.0.0.1", "192.0.2.1")]));
    let wire = Wire::tap();
    assert!(reaches("a", "10.0.0.2"));
    wire.shows(Packet::Gre { to: addr("192.0.2.2"), key: Some(3), checksum: false, carries: PACKETS });
    assert!(!reaches("a", "10.0.0.3"));
    wire.shows(Packet::Gre { to: addr("192.0.2.77"), key: Some(3), checksum: false, carries: PACKETS });
    // Whom the kernel found by itself is none of them.
    assert!(!reaches("a", "10.0.0.9"));
    same(&a.observe(&asking(&here)).ours, &here);
    let moved = neighbour("a/eth0", "10.0.0.3", "192.0.2.2");
    let mut after = here.clone();
    after.insert(moved.clone());
    a.does(&[Action::Update { from: neighbour("a/eth0", "10.0.0.3", "192.0.2.77"), to: moved.clone() }], &after);
    after.remove(&moved.key());
    a.does(&[Action::Delete(moved)], &after);
    // What a hand tells is on our device.
    ip("-n a neigh add 10.0.0.8 lladdr 192.0.2.8 dev eth0 nud permanent");
    let mut changed = after.clone();
    changed.insert(neighbour("a/eth0", "10.0.0.8", "192.0.2.8"));
    same(&a.observe(&asking(&after)).ours, &changed);
    a.does(&[Action::Delete(neighbour("a/eth0", "10.0.0.8", "192.0.2.8"))], &after);
    // One for whom the kernel has looked in vain is told all the same.
    let late = neighbour("a/eth0", "10.0.0.9", "192.0.2.2");
    after.insert(late.clone());
    a.does(&[Action::Create(late)], &after);
    delete_all(&a, &after);
});

on_a_machine!(every_setting_reads_back_as_it_was_made_and_as_it_was_changed, needs Gre Gre6, {
    let [a, _b] = two_machines();
    for base in [plain(1, 2), over_ipv6(1, 2)] {
        let other = if base.local.is_ipv4() { addr("192.0.2.88") } else { addr("2001:db8::88") };
        let forms = [
            base,
            Gre { key: Some(0), ..base },
            Gre { key: Some(u32::MAX), checksum: true, ttl: 9, ..base },
            Gre { remote: Some(other), key: Some(6), ..base },
            Gre { local: other, ..base },
            base,
        ];
        for frames in [true, false] {
            let of = |gre| if frames { SingleKind::Gretap(gre) } else { SingleKind::Gre(gre) };
            let mut before = node("a/eth0", of(forms[0]), "10.0.0.1/24");
            a.makes(&before);
            for form in &forms[1..] {
                let after = node("a/eth0", of(*form), "10.0.0.1/24");
                let key = single("a/eth0", 1400, of(*form)).key();
                let (from, to) = (before.get(&key).expect("made"), after.get(&key).expect("wanted"));
                if from != to {
                    a.does(&[Action::Update { from: from.clone(), to: to.clone() }], &after);
                }
                before = after;
            }
            delete_all(&a, &before);
            let in_host = state([vec![single("host/gt0", 1400, of(forms[2])), up("host/gt0")]]);
            a.makes(&in_host);
            delete_all(&a, &in_host);
        }
    }
});

on_a_machine!(two_devices_of_one_host_differ_by_their_keys, needs Gre, {
    let [a, b] = two_machines();
    let node = |of: &str, key, gre: Gre, net: &str| node(&format!("{of}/eth0"), SingleKind::Gretap(Gre { key, ..gre }), net);
    let both = |names: [&str; 2], gre: Gre, last: u8| -> HostState {
        let first = node(names[0], Some(1), gre, &format!("10.0.1.{last}/24"));
        let second = node(names[1], Some(2), gre, &format!("10.0.2.{last}/24"));
        first.iter().chain(second.iter()).map(|(_, r)| r.clone()).collect()
    };
    a.makes(&both(["a", "c"], plain(1, 2), 1));
    b.makes(&both(["b", "d"], plain(2, 1), 2));
    assert!(reaches("a", "10.0.1.2"));
    assert!(reaches("c", "10.0.2.2"));
});

on_a_machine!(a_device_that_was_left_on_its_way_to_its_node_is_a_stray_and_goes, needs Gre, {
    let [a, _b] = two_machines();
    a.makes(&state([netns("a")]));
    let group = lab().group().to_string();
    ip(&format!("link add netsim-0badcafe group {group} type gretap local 192.0.2.1 remote 192.0.2.2"));
    let ours = a.observe(&Scope::lab(&lab())).ours;
    let left: Vec<&Resource> = ours.iter().map(|(_, r)| r).filter(|r| matches!(r, Resource::Device(_))).collect();
    let [stray @ Resource::Device(Device::Stray { what, .. })] = left[..] else { panic!("{left:#?}") };
    assert_eq!(&**what, "gretap on its way to its node");
    let stray = stray.clone();
    a.does(&[Action::Delete(stray)], &state([netns("a")]));
});
