//! One thing of a tunnel changed at a time: in place where the planner says so, by a new device where it does not; both as wanted then.

use netsim_core::plan::plan;

use super::vxlan::delete_all;
use super::wire::{Packet, Wire};
use super::*;

/// How a device gets from one form to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    InPlace,
    Anew,
}

use Way::{Anew, InPlace};

/// A form of a device, what differs in it, and how it comes about.
type Form<T> = (&'static str, T, Way);

fn vxlan_forms(base: Vxlan) -> Vec<Form<Vxlan>> {
    // Each has its line below.
    let Vxlan { vni: _, port: _, local: _, remote: _, device: _, ttl: _, checksum: _, df: _, learning: _ } = base;
    let v4 = base.local.is_ipv4();
    let remote = |v4_text, v6_text| Some(addr(if v4 { v4_text } else { v6_text }));
    vec![
        ("vni", Vxlan { vni: 9, ..base }, Anew),
        ("port", Vxlan { port: 8472, ..base }, Anew),
        ("local", Vxlan { local: addr(if v4 { "192.0.2.88" } else { "2001:db8::88" }), ..base }, Anew),
        ("remote", Vxlan { remote: remote("192.0.2.77", "2001:db8::77"), ..base }, InPlace),
        ("no remote", Vxlan { remote: None, ..base }, InPlace),
        ("group", Vxlan { remote: remote("239.1.1.1", "ff05::7"), device: Some(name("u0")), ..base }, Anew),
        ("device", Vxlan { device: Some(name("u0")), ..base }, Anew),
        ("ttl", Vxlan { ttl: 9, ..base }, InPlace),
        ("udp-checksum", Vxlan { checksum: false, ..base }, Anew),
        ("df set", Vxlan { df: Df::Set, ..base }, InPlace),
        ("df inherit", Vxlan { df: Df::Inherit, ..base }, InPlace),
        ("learning", Vxlan { learning: !base.learning, ..base }, InPlace),
    ]
}

fn gre_forms(base: Gre, frames: bool) -> Vec<Form<Gre>> {
    let Gre { local: _, remote: _, key: _, ttl: _, checksum: _ } = base;
    let v4 = base.local.is_ipv4();
    let other = |v4_text, v6_text| addr(if v4 { v4_text } else { v6_text });
    // A kernel takes one of frames over IPv6 for one of packets, when it is told of it.
    let told = if frames && !v4 { Anew } else { InPlace };
    let mut forms = vec![
        ("local", Gre { local: other("192.0.2.88", "2001:db8::88"), ..base }, Anew),
        ("remote", Gre { remote: Some(other("192.0.2.77", "2001:db8::77")), ..base }, Anew),
        ("key", Gre { key: Some(8), ..base }, Anew),
        ("ttl", Gre { ttl: 9, ..base }, told),
        ("checksum", Gre { checksum: !base.checksum, ..base }, told),
        ("ttl and checksum", Gre { ttl: 9, checksum: !base.checksum, ..base }, told),
    ];
    if v4 && !frames {
        forms.push(("no remote", Gre { remote: None, ..base }, Anew));
    }
    forms.push(("no key", Gre { key: None, ..base }, if base.key.is_some() { Anew } else { InPlace }));
    forms
}

/// All forms of a device, and those that any device has.
fn all_forms(base: &Single, kinds: Vec<Form<SingleKind>>) -> Vec<Form<Single>> {
    let Single { id: _, mac, mtu: _, link_local: _, full_name: _, kind: _ } = base;
    let mut forms: Vec<Form<Single>> =
        kinds.into_iter().map(|(what, kind, way)| (what, Single { kind, ..base.clone() }, way)).collect();
    let mut of_any = vec![
        ("smaller", Single { mtu: Some(1280), ..base.clone() }),
        ("too small for IPv6", Single { mtu: Some(1200), ..base.clone() }),
        ("larger", Single { mtu: Some(1420), ..base.clone() }),
        ("link-local", Single { link_local: true, ..base.clone() }),
        ("full name", Single { full_name: Some("a-name-that-is-longer".into()), ..base.clone() }),
    ];
    if mac.is_some() {
        of_any.push(("mac", Single { mac: Some(Mac([2, 0, 0, 0, 0, 7])), ..base.clone() }));
    }
    forms.extend(of_any.into_iter().map(|(what, single)| (what, single, InPlace)));
    forms
}

/// From a device to each of its forms and back, while it is up and while it is down.
fn goes_to_and_fro(machine: &Machine, base: Resource, kinds: Vec<Form<SingleKind>>) {
    let Resource::Device(Device::Single(base)) = base else { panic!("it is one device") };
    let netns = netns("a");
    let node = |single: &Single, is_up: bool| -> HostState {
        let device = Resource::Device(Device::Single(Box::new(single.clone())));
        let up = is_up.then(|| [up("a/eth0"), address("a/eth0", "10.0.0.1/24")]).into_iter().flatten();
        netns.iter().cloned().chain([device]).chain(up).collect()
    };
    for is_up in [true, false] {
        machine.makes(&node(&base, is_up));
        for (what, form, way) in all_forms(&base, kinds.clone()) {
            for (from, to) in [(&*base, &form), (&form, &*base)] {
                let wanted = node(to, is_up);
                let actions = plan(&wanted, &machine.observe(&asking(&wanted))).expect("nothing is in the way");
                let is_in_place = matches!(&actions[..], [Action::Update { .. }] | []);
                let expected = from == to || way == InPlace;
                assert_eq!(is_in_place, expected, "{what}, up {is_up}: {actions:#?}");
                machine.does(&actions, &wanted);
            }
        }
        delete_all(machine, &node(&base, is_up));
    }
}

on_a_machine!(all_of_a_vxlan_device_changes_as_planned, needs Vxlan, {
    let [a, _b] = two_machines();
    for base in [vxlan::plain(1, 2), vxlan::over_ipv6(1, 2)] {
        let kinds = vxlan_forms(base).into_iter().map(|(what, v, way)| (what, SingleKind::Vxlan(v), way)).collect();
        goes_to_and_fro(&a, single("a/eth0", 1400, SingleKind::Vxlan(base)), kinds);
    }
});

on_a_machine!(all_of_a_gre_device_changes_as_planned, needs Gre Gre6, {
    let [a, _b] = two_machines();
    for base in [gre::plain(1, 2), gre::over_ipv6(1, 2)] {
        for base in [base, Gre { key: Some(7), ttl: 64, checksum: true, ..base }] {
            for frames in [true, false] {
                let of = |gre| if frames { SingleKind::Gretap(gre) } else { SingleKind::Gre(gre) };
                let kinds = gre_forms(base, frames).into_iter().map(|(what, g, way)| (what, of(g), way)).collect();
                goes_to_and_fro(&a, single("a/eth0", 1400, of(base)), kinds);
            }
        }
    }
});

on_a_machine!(packets_are_as_a_gre_device_was_told_last, needs Gre Gre6, {
    let machines = two_machines();
    for v6 in [false, true] {
        let kinds = |checksum| [(1, 2), (2, 1)].map(|(last, peer)| {
            let gre = if v6 { gre::over_ipv6(last, peer) } else { gre::plain(last, peer) };
            SingleKind::Gre(Gre { key: Some(7), ttl: 64, checksum, ..gre })
        });
        let nodes = |checksum| {
            let [here, there] = kinds(checksum);
            [gre::node("a/eth0", here, "10.0.0.1/24"), gre::node("b/eth0", there, "10.0.0.2/24")]
        };
        for (machine, node) in machines.iter().zip(nodes(false)) {
            machine.makes(&node);
        }
        for checksum in [true, false] {
            for (machine, wanted) in machines.iter().zip(nodes(checksum)) {
                let actions = plan(&wanted, &machine.observe(&asking(&wanted))).expect("nothing is in the way");
                assert!(matches!(&actions[..], [Action::Update { .. }]), "{actions:#?}");
                machine.does(&actions, &wanted);
            }
            let wire = Wire::tap();
            assert!(reaches("a", "10.0.0.2"));
            let to = addr(if v6 { "2001:db8::2" } else { "192.0.2.2" });
            wire.shows(Packet::Gre { to, key: Some(7), checksum, carries: gre::PACKETS });
        }
        for (machine, node) in machines.iter().zip(nodes(false)) {
            delete_all(machine, &node);
        }
    }
});
