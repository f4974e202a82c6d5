//! Interfaces of nodes' own.

use expect_test::expect;

use super::{check_of, problems};
use crate::fixture::{Lab, net, vlan};
use crate::names::{IfName, SysctlName};
use crate::resource::{BondMode, IpvlanMode, Knob, MacvlanMode, VlanProtocol};
use crate::state::{Facts, HostFacts, Nic};
use crate::topology::{BondWritten, Impairment, LinkKind, OwnKind};

const LACP: BondWritten = BondWritten { mode: BondMode::Lacp, miimon: 100 };

/// A router with one cable to another.
fn cable() -> Lab {
    let mut lab = Lab::new();
    lab.0.pools = None;
    lab.router("r");
    lab.host("far");
    lab.link("r:eth0", "far");
    lab
}

#[test]
fn a_sub_interface_has_its_parents_size_and_its_settings_are_written_with_a_slash() {
    let mut lab = cable();
    let r = lab.0.node("r").expect("r");
    lab.own("r", "eth0.10", vlan("eth0", 10), &["10.0.10.1/24"]);
    let stacked = OwnKind::Vlan { parent: "eth0.10".into(), vid: 20, protocol: VlanProtocol::Ad };
    lab.own("r", "a-very-long-name", stacked, &["fd00::1/64"]).mtu = Some(1400);
    let setting = SysctlName::new("net.ipv4.conf.eth0/10.rp_filter").expect("a name");
    lab.0.graph[r].sysctls.insert(setting, "1".into());
    check_of(
        &lab,
        "lab-r",
        expect![[r#"
        network namespace lab-r
        sysctl lab-r net.ipv4.conf.all.promote_secondaries = 1
        sysctl lab-r net.ipv4.ip_forward = 1
        sysctl lab-r net.ipv6.conf.all.forwarding = 1
        up lab-r/lo
        sysctl lab-r net.ipv4.conf.eth0/10.rp_filter = 1
        device lab-far/eth0 = lab-far/eth0 02:b0:36:9a:f1:16 mtu 1500, lab-r/eth0 02:33:54:42:5e:c9 mtu 1500
        up lab-r/eth0
        device lab-r/eth0.10 = vlan 10 802.1q of eth0 02:48:1f:e0:08:dc mtu 1500
        up lab-r/eth0.10
        address 10.0.10.1/24 on lab-r/eth0.10
        device lab-r/a-very-l-2520d4 = vlan 20 802.1ad of eth0.10 02:6e:c4:4c:81:de mtu 1400
        up lab-r/a-very-l-2520d4
        address fd00::1 on lab-r/a-very-l-2520d4
    "#]],
    );
}

#[test]
fn members_have_the_size_and_address_of_their_bond() {
    let mut lab = cable();
    lab.link("r:eth1", "far");
    let members = ["eth0", "eth1"].map(str::to_owned).to_vec();
    lab.own("r", "bond0", OwnKind::Bond { members, bond: LACP }, &["10.0.0.1/24"]).mtu = Some(9000);
    check_of(
        &lab,
        "lab-r/",
        expect![[r#"
            up lab-r/lo
            device lab-far/eth0 = lab-far/eth0 02:b0:36:9a:f1:16 mtu 1500, lab-r/eth0 02:0c:5b:5a:ee:be mtu 9000
            port lab-r/eth0 of bond0
            up lab-r/eth0
            device lab-far/eth1 = lab-far/eth1 02:b0:3a:00:f1:16 mtu 1500, lab-r/eth1 02:0c:5b:5a:ee:be mtu 9000
            port lab-r/eth1 of bond0
            up lab-r/eth1
            device lab-r/bond0 = bond 802.3ad miimon 100 02:0c:5b:5a:ee:be mtu 9000
            up lab-r/bond0
            address 10.0.0.1/24 on lab-r/bond0
        "#]],
    );
}

#[test]
fn a_vrf_has_its_members_and_the_routes_that_name_it_are_in_its_table() {
    let mut lab = cable();
    lab.end(petgraph::graph::EdgeIndex::new(0), 0).addresses.push(net("10.0.0.1/24"));
    lab.own("r", "red", OwnKind::Vrf { members: vec!["eth0".into(), "d0".into()], table: 100 }, &[]);
    lab.own("r", "d0", OwnKind::Dummy, &["192.0.2.1/32"]);
    let r = lab.0.node("r").expect("r");
    for vrf in [Some("red"), None] {
        lab.route("r", "0.0.0.0/0", &["10.0.0.254"]);
        lab.0.graph[r].routes.last_mut().expect("a route").vrf = vrf.map(str::to_owned);
    }
    expect![[r#"
        E055 nodes.r.routes[1]: the gateway 10.0.0.254 is in no subnet of r
    "#]]
    .assert_eq(&problems(&lab, &Facts::default()));
    lab.0.graph[r].routes.truncate(1);
    check_of(
        &lab,
        "lab-r",
        expect![[r#"
        network namespace lab-r
        sysctl lab-r net.ipv4.conf.all.promote_secondaries = 1
        sysctl lab-r net.ipv4.ip_forward = 1
        up lab-r/lo
        device lab-far/eth0 = lab-far/eth0 02:b0:36:9a:f1:16 mtu 1500, lab-r/eth0 02:33:54:42:5e:c9 mtu 1500
        port lab-r/eth0 of red
        up lab-r/eth0
        address 10.0.0.1/24 on lab-r/eth0
        device lab-r/red = vrf table 100 02:e5:c2:db:8e:7f
        up lab-r/red
        device lab-r/d0 = dummy 02:15:b2:be:e4:f0 mtu 1500
        port lab-r/d0 of red
        up lab-r/d0
        address 192.0.2.1/32 on lab-r/d0
        route lab-r to 0.0.0.0/0 table 100 via 10.0.0.254 dev eth0
    "#]],
    );
}

#[test]
fn children_stand_on_their_parent_and_on_a_nic_of_the_machine() {
    let mut lab = cable();
    let on = |parent: &str, mode| OwnKind::Macvlan { parent: parent.into(), mode };
    lab.own("r", "m0", on("eth0", MacvlanMode::Vepa), &[]);
    // A kernel puts a child of a child beside it.
    lab.own("r", "m1", on("m0", MacvlanMode::Bridge), &[]).mac = Some("02:00:00:00:00:01".parse().expect("a MAC"));
    lab.nic("eth1");
    lab.on_nic("far:fast0", "eth1", LinkKind::Ipvlan(IpvlanMode::L2), "172.17.3.3/16");
    let nics = [(IfName::from_kernel("eth1"), Nic { mtu: 9000, up: true, addresses: Vec::new() })].into();
    super::check_with(
        &lab,
        &Facts { nics, ..Facts::default() },
        "device",
        expect![[r#"
        device lab-far/eth0 = lab-far/eth0 02:b0:36:9a:f1:16 mtu 1500, lab-r/eth0 02:33:54:42:5e:c9 mtu 1500
        device lab-far/fast0 = ipvlan l2 on host/eth1 mtu 9000
        device lab-r/m0 = macvlan vepa on lab-r/eth0 02:d8:36:e1:e4:cd mtu 1500
        device lab-r/m1 = macvlan bridge on lab-r/eth0 02:00:00:00:00:01 mtu 1500
    "#]],
    );
}

#[test]
fn what_is_down_has_no_routes_and_what_stands_on_it_is_down_too() {
    let mut lab = cable();
    let edge = petgraph::graph::EdgeIndex::new(0);
    lab.end(edge, 0).addresses.push(net("10.0.0.1/24"));
    lab.end(edge, 0).written.down = true;
    lab.own("r", "eth0.10", vlan("eth0", 10), &["10.0.10.1/24"]);
    lab.route("r", "10.1.0.0/16", &["10.0.0.2"]);
    lab.route("r", "10.2.0.0/16", &["10.0.10.2"]);
    check_of(
        &lab,
        "lab-r",
        expect![[r#"
        network namespace lab-r
        sysctl lab-r net.ipv4.conf.all.promote_secondaries = 1
        sysctl lab-r net.ipv4.ip_forward = 1
        up lab-r/lo
        device lab-far/eth0 = lab-far/eth0 02:b0:36:9a:f1:16 mtu 1500, lab-r/eth0 02:33:54:42:5e:c9 mtu 1500
        address 10.0.0.1/24 on lab-r/eth0
        device lab-r/eth0.10 = vlan 10 802.1q of eth0 02:48:1f:e0:08:dc mtu 1500
        address 10.0.10.1/24 on lab-r/eth0.10
    "#]],
    );
}

#[test]
fn what_is_larger_than_the_nic_beneath_it_is_told() {
    let mut lab = cable();
    lab.nic("eth1");
    let edge = lab.on_nic("far:fast0", "eth1", LinkKind::Macvlan(MacvlanMode::Bridge), "");
    lab.end(edge, 0).mtu = Some(9000);
    lab.own("far", "fast0.10", vlan("fast0", 10), &[]).mtu = Some(9000);
    let nics = [(IfName::from_kernel("eth1"), Nic { mtu: 1500, up: true, addresses: Vec::new() })].into();
    expect![[r#"
        E062 links[1]: far:fast0 has an MTU of 9000, above the 1500 of what is beneath it
    "#]]
    .assert_eq(&problems(&lab, &Facts { nics, ..Facts::default() }));
}

#[test]
fn impairments_and_tuning_are_of_the_device_that_they_are_written_on() {
    let mut lab = cable();
    let edge = petgraph::graph::EdgeIndex::new(0);
    let end = &mut lab.end(edge, 0).written;
    end.impairment = Some(Impairment { delay: 20_000_000, ..Impairment::default() });
    (end.tx_queue_len, end.queues) = (Some(50), Some(2));
    end.tuning.insert(Knob::Gro, "off".into());
    lab.own("r", "eth0.10", vlan("eth0", 10), &[]).written.impairment =
        Some(Impairment { rate: Some(8_000_000), ..Impairment::default() });
    check_of(
        &lab,
        "lab-r/",
        expect![[r#"
        up lab-r/lo
        device lab-far/eth0 = lab-far/eth0 02:b0:36:9a:f1:16 mtu 1500, lab-r/eth0 02:33:54:42:5e:c9 mtu 1500 queues 2 txqueuelen 50
        up lab-r/eth0
        qdisc lab-r/eth0 = Netem(Netem { delay: 20000000, jitter: 0, distribution: Uniform, loss: Random(0), duplicate: 0, corrupt: 0, reorder: 0, rate: 0, limit: 17667, ecn: false, seed: None })
        gro of lab-r/eth0 = off
        device lab-r/eth0.10 = vlan 10 802.1q of eth0 02:48:1f:e0:08:dc mtu 1500
        up lab-r/eth0.10
        qdisc lab-r/eth0.10 = Netem(Netem { delay: 0, jitter: 0, distribution: Uniform, loss: Random(0), duplicate: 0, corrupt: 0, reorder: 0, rate: 1000000, limit: 1000, ecn: false, seed: None })
    "#]],
    );
}

#[test]
fn a_refusal_can_say_which_link_or_interface_it_is_about() {
    let mut lab = cable();
    lab.own("r", "eth0.10", vlan("eth0", 10), &[]);
    let given = crate::given::give(&lab.0, &crate::given::Prior::default()).expect("a sound lab");
    let origins = crate::lower::origins(&crate::names::HostId::local(), &lab.0, &given, &HostFacts::new());
    let told: String = origins.iter().map(|(key, at)| format!("{key}: {at}\n")).collect();
    expect![[r#"
        network namespace lab-r: nodes.r
        device lab-r/lo: nodes.r
        sysctl lab-r net.ipv4.conf.all.promote_secondaries: nodes.r
        sysctl lab-r net.ipv4.ip_forward: nodes.r
        up lab-r/lo: nodes.r
        network namespace lab-far: nodes.far
        device lab-far/lo: nodes.far
        sysctl lab-far net.ipv4.conf.all.promote_secondaries: nodes.far
        up lab-far/lo: nodes.far
        device lab-far/eth0: links[0]
        device lab-r/eth0: links[0]
        up lab-r/eth0: links[0]
        up lab-far/eth0: links[0]
        device lab-r/eth0.10: nodes.r.interfaces.eth0.10
        up lab-r/eth0.10: nodes.r.interfaces.eth0.10
    "#]]
    .assert_eq(&told);
}
