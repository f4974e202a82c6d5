//! Each kind by itself.

use netsim_core::resource::DeviceId;

use super::*;

on_a_machine!(a_dummy_lives, needs Dummy, {
    let dummy = of_kind("a/d0", SingleKind::Dummy);
    let hands = ["-n a link set d0 mtu 1300", "-n a link set d0 address 02:00:00:00:00:01", "-n a link del d0"];
    life(&node("a"), &dummy, &otherwise(&dummy), &hands);
});

on_a_machine!(a_vlan_lives, needs Vlan, {
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

on_a_machine!(a_macvlan_lives_in_every_mode, needs Macvlan, {
    let of = |mode| macvlan("a/m0", "a/eth0", mode);
    let hands = ["-n a link set m0 mtu 1300", "-n a link set m0 type macvlan mode vepa", "-n a link del m0"];
    life(&node("a"), &of(MacvlanMode::Bridge), &otherwise(&of(MacvlanMode::Private)), &hands);
    for (_, mode) in MacvlanMode::WORDS {
        become_so(&with(&node("a"), [single(of(*mode)), up("a/m0")]));
    }
});

on_a_machine!(an_ipvlan_lives_in_every_mode, needs Ipvlan, {
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

on_a_machine!(a_bond_lives_in_every_mode, needs Bond, {
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

/// A veth pair with its first end a member of a bond, which has the bond's address.
fn member_wire(a: &str, master: &str, b: &str) -> Vec<Resource> {
    let DeviceId { netns, .. } = id(a);
    let mac = end(&format!("{netns}/{master}")).mac;
    vec![veth(End { mac, ..end(a) }, end(b)), port(a, master), up(a), up(b)]
}

on_a_machine!(a_vrf_lives, needs Vrf, {
    let of = vrf("a/red", 10);
    let other = Single { link_local: false, ..otherwise(&of) };
    life(&node("a"), &of, &other, &["-n a link set red address 02:00:00:00:00:01", "-n a link del red"]);
    become_so(&with(&node("a"), [single(vrf("a/red", 10)), port("a/eth0", "red"), up("a/red")]));
    become_so(&with(&node("a"), [single(vrf("a/red", 20)), port("a/eth0", "red"), up("a/eth0")]));
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

on_a_machine!(the_words_of_others_for_their_devices_are_told, needs Macvlan, {
    become_so(&node("a"));
    ip("-n a link add link eth0 name theirs type macvlan");
    let told: Vec<String> = observe(&node("a")).others.values().map(|f| f.what.to_string()).collect();
    assert_eq!(told, ["macvlan made by hand"]);
});
