//! What devices stand on: another of their namespace, one of another namespace, one that is not ours.

use super::*;
use netsim_core::names::{NetnsName, NodeName};
use netsim_core::resource::Netns;

on_a_machine!(a_macvlan_in_a_node_stands_on_a_device_of_another, needs Macvlan, {
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

on_a_machine!(a_macvlan_goes_with_its_parent_and_grows_after_it, needs Macvlan, {
    let lab = |mtu, link_local| {
        let ends = veth(End { mtu, ..end("host/p0") }, End { mtu, ..end("z/p1") });
        let child = Single { mtu: Some(mtu), link_local, ..macvlan("a/m0", "host/p0", MacvlanMode::Bridge) };
        state([netns("a"), netns("z"), vec![ends, single(child)]])
    };
    become_so(&lab(1500, false));
    for (mtu, link_local) in [(9000, false), (1000, false), (1500, true)] {
        become_so_in_place(&lab(mtu, link_local));
    }
    become_so(&state([netns("a"), netns("z")]));
    become_so(&lab(1500, false));
    // The parent goes with its namespace.
    let parts = vec![veth(end("y/p0"), end("y/p1")), single(macvlan("a/m0", "y/p0", MacvlanMode::Vepa))];
    become_so(&state([netns("a"), netns("y"), parts]));
    become_so(&state([netns("a")]));
});

on_a_machine!(a_node_made_anew_has_its_macvlan_at_once, needs Macvlan, {
    let lab = |node: &str| {
        let name = NetnsName::new("a").expect("a name");
        let netns = Resource::Netns(Netns::new(name, NodeName::new(node).expect("a name")));
        let child = single(macvlan("a/m0", "host/p0", MacvlanMode::Passthru));
        state([vec![netns, veth(end("host/p0"), end("host/p1")), child, up("a/m0"), up("host/p0")]])
    };
    for node in ["a", "other", "a"] {
        become_so(&lab(node));
    }
});

on_a_machine!(a_nic_of_the_machine_carries_nodes_and_is_left_as_it_was, needs Macvlan, {
    ip("link add nic0 type veth peer name nic1");
    ip("link set nic0 up");
    ip("link set nic1 up");
    ip("addr add 10.0.0.9/24 dev nic1");
    let before = ip("-o link");
    for (_, mode) in MacvlanMode::WORDS {
        let child = vec![single(macvlan("a/eth0", "host/nic0", *mode)), up("a/eth0"), address("a/eth0", "10.0.0.1/24")];
        become_so(&state([netns("a"), child]));
        assert!(reaches("a", "10.0.0.9"), "{mode}");
        become_so(&HostState::default());
        netsim_host::linux::settle().expect("the kernel comes to rest");
    }
    assert_eq!(ip("-o link"), before);
});

on_a_machine!(macvlan_siblings_hear_each_other_unless_they_are_private, needs Macvlan, {
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

on_a_machine!(a_vlan_comes_up_with_its_parent_only_if_it_is_asked_for, needs Vlan, {
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

on_a_machine!(what_is_new_in_a_node_that_is_there_stands_on_what_is_new, needs Vlan Macvlan, {
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

on_a_machine!(small_devices_of_every_kind_have_no_ipv6_and_get_it_back, needs Macvlan, {
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
