//! Tunnels of others on the same host, and what the host tells of its underlay.

use netsim_core::names::LabName;
use netsim_core::resource::{GreKey, Key};
use netsim_core::state::{Nic, TunnelPort};

use super::vxlan::plain;
use super::*;

fn told(machine: &Machine, names: &[Key]) -> Vec<(Key, String, Option<String>)> {
    let scope = Scope { names: names.to_vec(), ..Scope::lab(&lab()) };
    let others = machine.observe(&scope).others;
    others.into_iter().map(|(key, f)| (key, f.what.to_string(), f.lab.map(|lab| lab.to_string()))).collect()
}

fn vni(vni: u32) -> Key {
    Key::Vni { port: VXLAN_PORT, vni }
}

/// Makes what a lab of another name has: a node with a VXLAN device.
fn other_lab(machine: &Machine, vni: u32) {
    let lab = LabName::new("theirs").expect("a name");
    let node = netns("theirs-a");
    let device = single("theirs-a/eth0", 1450, SingleKind::Vxlan(Vxlan { vni, ..plain(1, 2) }));
    let create: Vec<Action> = node.into_iter().chain([device]).map(Action::Create).collect();
    machine.inside(|| machine.linux.do_now(&lab, &create, &Progress::default())).expect("nothing is in the way");
}

on_a_machine!(a_network_of_another_lab_is_told_by_the_name_of_that_lab, needs Vxlan, {
    let [a, _b] = two_machines();
    other_lab(&a, 7);
    ip("link add theirs0 type vxlan id 9 local 192.0.2.1 dstport 4789");
    let words = told(&a, &[vni(7), vni(8), vni(9)]);
    let expected = [
        (vni(9), "vxlan theirs0 made by hand".to_owned(), None),
        (vni(7), "vxlan theirs-a/eth0 of lab theirs".to_owned(), Some("theirs".to_owned())),
    ];
    assert_eq!(words, expected);
    // What they have with another underlay is in nobody's way.
    ip("-n theirs-a link add own type vxlan id 8 local 10.0.0.1 dstport 4789");
    assert_eq!(told(&a, &[vni(8)]), []);
    assert_eq!(told(&a, &[]), []);
    // And the kernel says the same.
    let all = state([netns("a")]);
    a.makes(&all);
    let ours = single("a/eth0", 1450, SingleKind::Vxlan(Vxlan { vni: 7, ..plain(1, 2) }));
    let refused = a.inside(|| a.linux.do_now(&lab(), &[Action::Create(ours)], &Progress::default()));
    let refused = refused.expect_err("there is one").to_string();
    assert!(refused.contains("(EEXIST)"), "{refused}");
});

on_a_machine!(a_host_tells_of_its_addresses_and_of_the_tunnel_ports_of_others, needs Vxlan, {
    let [a, _b] = two_machines();
    let facts = |underlay| a.observe(&Scope { underlay, ..Scope::lab(&lab()) }).facts;
    let of_u0 = |underlay| facts(underlay).nics.get(&name("u0")).cloned();
    ip("addr add 192.0.2.101/24 dev u0");
    ip("addr add 198.51.100.1/32 dev u0");
    let nic = |addresses: &[&str]| {
        let addresses = addresses.iter().map(|net| net.parse().expect("a network")).collect();
        Some(Nic { mtu: 1500, up: true, addresses })
    };
    assert_eq!(of_u0(false), nic(&[]));
    assert_eq!(of_u0(true), nic(&["192.0.2.1/24", "198.51.100.1/32", "192.0.2.101/24", "2001:db8::1/64"]));
    ip("addr add 203.0.113.1/32 dev lo");
    ip("addr add 2001:db8:1::1/128 dev lo");
    assert_eq!(facts(true).own, [addr("203.0.113.1"), addr("2001:db8:1::1")]);
    assert_eq!(facts(false).own, [] as [IpAddr; 0]);
    assert_eq!(facts(true).default_nic, None);
    ip("-6 route add default via 2001:db8::99 dev u0");
    assert_eq!(facts(true).default_nic, Some(name("u0")));
    ip("link add u1 type bridge");
    ip("link set u1 up");
    ip("route add default dev u1 metric 7");
    assert_eq!(facts(true).default_nic, Some(name("u1")));
    ip("route add default via 192.0.2.99 metric 6");
    assert_eq!(facts(true).default_nic, Some(name("u0")));
    assert_eq!(facts(true).tunnel_ports, [].into());
    other_lab(&a, 7);
    ip("link add theirs0 type vxlan external dstport 4790");
    a.makes(&state([netns("a"), vec![single("a/eth0", 1450, SingleKind::Vxlan(Vxlan { port: 8472, ..plain(1, 2) }))]]));
    let ports = [
        (4789, TunnelPort { device: name("eth0"), external: false }),
        (4790, TunnelPort { device: name("theirs0"), external: true }),
    ];
    assert_eq!(facts(true).tunnel_ports, ports.into());
    assert_eq!(facts(false).tunnel_ports, [].into());
});

on_a_machine!(a_gre_device_of_another_is_told, needs Gre, {
    let [a, _b] = two_machines();
    let key = |frames, key| Key::Gre(GreKey { frames, local: addr("192.0.2.1"), remote: Some(addr("192.0.2.2")), key });
    ip("link add theirs0 type gretap local 192.0.2.1 remote 192.0.2.2 key 5");
    ip("link add theirs1 type gre local 192.0.2.1 remote 192.0.2.2");
    let words = told(&a, &[key(true, Some(5)), key(true, None), key(false, Some(5)), key(false, None)]);
    let expected = [
        (key(true, Some(5)), "gretap theirs0 made by hand".to_owned(), None),
        (key(false, None), "gre theirs1 made by hand".to_owned(), None),
    ];
    assert_eq!(words, expected);
});
