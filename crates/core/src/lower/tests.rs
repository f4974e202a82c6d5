//! What a topology becomes, line by line.

use super::{lower, netns_of, unfit};
use crate::fixture::{Lab, lines, nets, star, vlan};
use crate::given::{Prior, give};
use crate::names::{HostId, SysctlName};
use crate::resource::{BondMode, MacvlanMode};
use crate::state::{Facts, HostFacts};
use crate::topology::{BondWritten, LinkKind, OwnKind};
use expect_test::{Expect, expect};
use petgraph::graph::{EdgeIndex, NodeIndex};

mod hosts;
mod interfaces;
mod overlays;
mod underlay;
mod vlans;

fn check(lab: &Lab, expected: Expect) {
    check_of(lab, "", expected);
}

/// The lines in which this stands.
fn check_of(lab: &Lab, part: &str, expected: Expect) {
    check_with(lab, &Facts::default(), part, expected);
}

fn check_with(lab: &Lab, facts: &Facts, part: &str, expected: Expect) {
    let given = give(&lab.0, &Prior::default()).expect("a sound lab");
    let desired = lower(&lab.0, &given, &here(facts)).expect("a sound lab");
    let lines = lines(&desired[&HostId::local()]);
    let part: String = lines.lines().filter(|line| line.contains(part)).map(|line| format!("{line}\n")).collect();
    expected.assert_eq(&part);
}

/// Makes a link a bond of two pairs.
fn bonded(lab: &mut Lab, edge: EdgeIndex<u32>) {
    let bond = BondWritten { mode: BondMode::Lacp, miimon: 100 };
    lab.0.graph[edge].kind = LinkKind::Bond { links: 2, bond };
}

/// What this machine can do and has.
fn here(facts: &Facts) -> HostFacts {
    [(HostId::local(), facts.clone())].into()
}

fn problems(lab: &Lab, facts: &Facts) -> String {
    let given = give(&lab.0, &Prior::default()).expect("names and addresses are sound");
    let problems = lower(&lab.0, &given, &here(facts)).expect_err("a problem");
    problems.into_iter().map(|p| format!("{} {}: {}\n", p.code, p.at.unwrap_or_default(), p.message)).collect()
}

#[test]
fn a_star_has_each_node_on_the_bridge() {
    check(
        &star(2),
        expect![[r#"
        network namespace lab-node1
        sysctl lab-node1 net.ipv4.conf.all.promote_secondaries = 1
        up lab-node1/lo
        network namespace lab-node2
        sysctl lab-node2 net.ipv4.conf.all.promote_secondaries = 1
        up lab-node2/lo
        network namespace lab-lqb
        sysctl lab-lqb net.ipv4.conf.all.promote_secondaries = 1
        up lab-lqb/lo
        device lab-lqb/lqb = bridge 02:06:d4:d8:0d:d3
        up lab-lqb/lqb
        device lab-lqb/node1-eth0 = lab-lqb/node1-eth0 02:5c:58:c4:3d:6b mtu 1500, lab-node1/eth0 02:54:c2:7f:4b:47 mtu 1500
        up lab-node1/eth0
        address 10.0.0.1/16 on lab-node1/eth0
        port lab-lqb/node1-eth0 of lqb
        up lab-lqb/node1-eth0
        device lab-lqb/node2-eth0 = lab-lqb/node2-eth0 02:32:2e:a3:fe:db mtu 1500, lab-node2/eth0 02:5b:be:39:ae:09 mtu 1500
        up lab-node2/eth0
        address 10.0.0.2/16 on lab-node2/eth0
        port lab-lqb/node2-eth0 of lqb
        up lab-lqb/node2-eth0
    "#]],
    );
}

#[test]
fn two_nodes_on_a_wire_with_a_route() {
    let mut lab = Lab::new();
    lab.host("ground");
    let sky = lab.router("sky");
    lab.0.graph[sky].loopbacks = nets(&["198.51.100.1/32"]);
    lab.wire(("ground:sat0", "192.0.2.2/30"), ("sky:a-very-long-interface", "192.0.2.1/30"));
    lab.route("ground", "0.0.0.0/0", &["192.0.2.1"]);
    check(
        &lab,
        expect![[r#"
        network namespace lab-ground
        sysctl lab-ground net.ipv4.conf.all.promote_secondaries = 1
        up lab-ground/lo
        network namespace lab-sky
        sysctl lab-sky net.ipv4.conf.all.promote_secondaries = 1
        sysctl lab-sky net.ipv4.ip_forward = 1
        up lab-sky/lo
        address 198.51.100.1/32 on lab-sky/lo
        device lab-ground/sat0 = lab-ground/sat0 02:d2:5e:ba:9d:46 mtu 1500, lab-sky/a-very-l-aaeefa 02:fe:5c:e8:0f:a0 mtu 1500
        up lab-ground/sat0
        address 192.0.2.2/30 on lab-ground/sat0
        up lab-sky/a-very-l-aaeefa
        address 192.0.2.1/30 on lab-sky/a-very-l-aaeefa
        route lab-ground to 0.0.0.0/0 via 192.0.2.1 dev sat0
    "#]],
    );
}

#[test]
fn a_router_forwards_what_the_lab_has_and_names_are_those_of_the_kernel() {
    let mut lab = Lab::new();
    let router = lab.router("router-with-a-long-name");
    let lan = lab.switch("lan", &["fd00::/64"]);
    lab.switch_mut(lan).in_host = true;
    lab.switch_mut(lan).addresses = nets(&["fd00::fe/64"]);
    lab.link("router-with-a-long-name:the-very-long-one", "lan");
    let sysctl = |text| SysctlName::new(text).expect("a name");
    let node = &mut lab.0.graph[router];
    node.sysctls.insert(sysctl("net.ipv4.conf.the-very-long-one.rp_filter"), "1".into());
    node.sysctls.insert(sysctl("net.ipv4.ip_forward"), "0".into());
    node.exec = vec![vec!["true".into()]];
    lab.0.pools = None;
    check(
        &lab,
        expect![[r#"
        network namespace lab-router-with-a-long-name
        sysctl lab-router-with-a-long-name net.ipv4.conf.all.promote_secondaries = 1
        sysctl lab-router-with-a-long-name net.ipv6.conf.all.forwarding = 1
        up lab-router-with-a-long-name/lo
        sysctl lab-router-with-a-long-name net.ipv4.conf.the-very-862747.rp_filter = 1
        sysctl lab-router-with-a-long-name net.ipv4.ip_forward = 0
        exec lab-router-with-a-long-name #1
        device host/lan = bridge 02:f4:af:82:b6:37
        up host/lan
        address fd00::fe on host/lan
        device host/lab-rout-ea09ad = host/lab-rout-ea09ad 02:54:da:33:ea:d5 mtu 1500, lab-router-with-a-long-name/the-very-862747 02:4b:cd:1c:25:da mtu 1500
        up lab-router-with-a-long-name/the-very-862747
        address fd00::ffff:ffff:ffff:ffff on lab-router-with-a-long-name/the-very-862747
        port host/lab-rout-ea09ad of lan
        up host/lab-rout-ea09ad
    "#]],
    );
}

#[test]
fn routes_and_settings_that_cannot_be_are_told_with_their_place() {
    let mut lab = Lab::new();
    let a = lab.host("a");
    lab.host("b");
    lab.wire(("a", "192.0.2.1/30"), ("b", "192.0.2.2/30"));
    for (to, via) in [
        ("10.0.0.0/8", "192.0.2.9"),
        ("10.0.0.0/8", "192.0.2.1"),
        ("10.0.0.0/8", "fd00::1"),
        ("10.0.0.0/8", "192.0.2.2"),
        ("10.0.0.0/8", "192.0.2.2"),
    ] {
        lab.route("a", to, &[via]);
    }
    lab.0.graph[a].routes[3].device = Some("eth7".into());
    lab.route("a", "10.0.0.0/8", &["192.0.2.2"]);
    for setting in ["kernel.hostname", "net.ipv4.conf.eth7.rp_filter", "net.ipv4.none"] {
        lab.0.graph[a].sysctls.insert(SysctlName::new(setting).expect("a name"), "1".into());
    }
    let lacking = (netns_of(&lab.0, a), SysctlName::new("net.ipv4.none").expect("a name"));
    let near = SysctlName::new("net.ipv4.neon").expect("a name");
    let facts = Facts { no_sysctl: [(lacking, vec![near])].into(), ..Facts::default() };
    expect![[r#"
        E059 nodes.a.sysctls.kernel.hostname: kernel.hostname belongs to the whole machine, not to node a
        E056 nodes.a.sysctls.net.ipv4.conf.eth7.rp_filter: net.ipv4.conf.eth7.rp_filter is of an interface that a does not have
        E060 nodes.a.sysctls.net.ipv4.none: the kernel has no setting net.ipv4.none in a
        E055 nodes.a.routes[0]: the gateway 192.0.2.9 is in no subnet of a
        E055 nodes.a.routes[1]: the gateway 192.0.2.1 is a itself
        E058 nodes.a.routes[2]: the gateway fd00::1 is not of the family of 10.0.0.0/8
        E056 nodes.a.routes[3]: a has no interface eth7
        E057 nodes.a.routes[5]: a has a second route to 10.0.0.0/8 with the same metric
    "#]].assert_eq(&problems(&lab, &facts));
    let given = give(&lab.0, &Prior::default()).expect("names and addresses are sound");
    let problems = lower(&lab.0, &given, &here(&facts)).expect_err("a problem");
    let unknown = problems.into_iter().filter(|p| p.code == super::codes::SYSCTL_UNKNOWN).map(|p| p.hint);
    assert_eq!(unknown.collect::<Vec<_>>(), [Some("did you mean `net.ipv4.neon`?".to_owned())]);
}

#[test]
fn an_ipv6_address_on_too_small_an_mtu_is_told() {
    let mut lab = Lab::dual();
    lab.router("a");
    lab.router("b");
    let edge = lab.link("a", "b");
    lab.0.graph[edge].ends[1].mtu = Some(1000);
    expect![[r#"
        E061 links[0]: b:eth0 has an IPv6 address but an MTU of 1000, below 1280
    "#]]
    .assert_eq(&problems(&lab, &Facts::default()));
    // Whatever makes it.
    let mut lab = Lab::new();
    lab.host("a");
    lab.nic("eth7");
    let edge = lab.on_nic("a", "eth7", LinkKind::Macvlan(MacvlanMode::Bridge), "2001:db8:1::1/64");
    lab.0.graph[edge].ends[0].mtu = Some(1279);
    lab.own("a", "d0", OwnKind::Dummy, &["2001:db8:2::1/64"]).mtu = Some(1000);
    lab.own("a", "d0.7", vlan("d0", 7), &["2001:db8:3::1/64"]);
    lab.switch("sw", &[]);
    lab.switch_mut(NodeIndex::new(2)).addresses = nets(&["2001:db8:4::1/64", "10.0.0.1/24"]);
    lab.host("b");
    lab.link("b", "sw");
    let edge = lab.link("b", "sw");
    lab.0.graph[edge].ends[1].mtu = Some(1200);
    expect![[r#"
        E061 links[0]: a:eth0 has an IPv6 address but an MTU of 1279, below 1280
        E061 nodes.sw: sw has an IPv6 address but a port with an MTU of 1200, below 1280
        E061 nodes.a.interfaces.d0: a:d0 has an IPv6 address but an MTU of 1000, below 1280
        E061 nodes.a.interfaces.d0.7: a:d0.7 has an IPv6 address but an MTU of 1000, below 1280
    "#]]
    .assert_eq(&problems(&lab, &Facts::default()));
}

/// The problems of a lab on hosts that can and have this.
fn problems_of(lab: &Lab, facts: &HostFacts) -> String {
    let given = give(&lab.0, &Prior::default()).expect("names and addresses are sound");
    let mut problems = lower(&lab.0, &given, facts).err().unwrap_or_default();
    problems.extend(unfit(&lab.0, facts));
    assert!(!problems.is_empty(), "no problem");
    let text = |p: crate::problem::Problem| {
        format!("{} {}: {}\n  {}\n", p.code, p.at.unwrap_or_default(), p.message, p.hint.unwrap_or_default())
    };
    problems.into_iter().map(text).collect()
}
