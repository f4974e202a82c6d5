//! Switches and their ports.

use expect_test::expect;

use super::check_of;
use crate::fixture::{Lab, nets};
use crate::topology::Trunk;

#[test]
fn a_switch_with_a_vlan_on_a_port_filters_and_its_other_ports_are_in_the_first() {
    let mut lab = Lab::new();
    lab.0.pools = None;
    for host in ["a", "b", "c"] {
        lab.host(host);
    }
    let sw = lab.switch("sw", &[]);
    lab.switch_mut(sw).addresses = nets(&["10.0.0.254/24"]);
    lab.access("a", "sw", 10);
    lab.trunk("b", "sw", &[(20, 29), (10, 10)], Some(5));
    lab.link("c", "sw");
    check_of(
        &lab,
        "sw",
        expect![[r#"
        network namespace lab-sw
        sysctl lab-sw net.ipv4.conf.all.promote_secondaries = 1
        up lab-sw/lo
        device lab-sw/sw = bridge 02:2b:bd:cb:ec:42 vlan_filtering
        VLANs of lab-sw/sw = 1 untagged pvid 1
        up lab-sw/sw
        address 10.0.0.254/24 on lab-sw/sw
        device lab-a/eth0 = lab-a/eth0 02:2a:be:37:0b:5d mtu 1500, lab-sw/a-eth0 02:d1:ff:6c:f0:88 mtu 1500
        port lab-sw/a-eth0 of sw
        VLANs of lab-sw/a-eth0 = 10 untagged pvid 10
        up lab-sw/a-eth0
        device lab-b/eth0 = lab-b/eth0 02:31:4d:31:6e:1e mtu 1500, lab-sw/b-eth0 02:f2:f7:43:6a:7f mtu 1500
        port lab-sw/b-eth0 of sw
        VLANs of lab-sw/b-eth0 = 5 untagged 10 20-29 pvid 5
        up lab-sw/b-eth0
        device lab-c/eth0 = lab-c/eth0 02:eb:9b:56:3f:0e mtu 1500, lab-sw/c-eth0 02:8f:fe:68:9b:75 mtu 1500
        port lab-sw/c-eth0 of sw
        VLANs of lab-sw/c-eth0 = 1 untagged pvid 1
        up lab-sw/c-eth0
    "#]],
    );
}

#[test]
fn a_trunk_of_everything_has_every_vlan_and_a_switch_its_own_where_it_says() {
    let mut lab = Lab::new();
    lab.0.pools = None;
    lab.host("a");
    let sw = lab.switch("sw", &[]);
    let switch = lab.switch_mut(sw);
    (switch.stp, switch.forward_delay, switch.ageing) = (true, Some(200), Some(6000));
    (switch.vlan, switch.addresses) = (Some(99), nets(&["10.0.0.254/24"]));
    let edge = lab.link("a", "sw");
    let port = &mut lab.end(edge, 1).port;
    port.trunk = Some(Trunk::All);
    (port.hairpin, port.isolated, port.learning) = (Some(true), Some(true), Some(false));
    check_of(
        &lab,
        "sw",
        expect![[r#"
        network namespace lab-sw
        sysctl lab-sw net.ipv4.conf.all.promote_secondaries = 1
        up lab-sw/lo
        device lab-sw/sw = bridge 02:2b:bd:cb:ec:42 stp vlan_filtering forward_delay 200 ageing 6000
        VLANs of lab-sw/sw = 99 untagged pvid 99
        up lab-sw/sw
        address 10.0.0.254/24 on lab-sw/sw
        device lab-a/eth0 = lab-a/eth0 02:2a:be:37:0b:5d mtu 1500, lab-sw/a-eth0 02:d1:ff:6c:f0:88 mtu 1500
        port lab-sw/a-eth0 of sw hairpin true isolated true learning false
        VLANs of lab-sw/a-eth0 = 1-4094
        up lab-sw/a-eth0
    "#]],
    );
}

#[test]
fn a_bonded_trunk_is_one_port_and_its_pairs_have_the_bonds_address_and_size() {
    let mut lab = Lab::new();
    lab.0.pools = None;
    lab.switch("core", &[]);
    lab.switch("a-switch-of-long-name", &[]);
    let edge = lab.trunk("core", "a-switch-of-long-name", &[(10, 10)], None);
    super::bonded(&mut lab, edge);
    lab.end(edge, 0).mtu = Some(9000);
    lab.end(edge, 1).written.queues = Some(4);
    check_of(
        &lab,
        "/",
        expect![[r#"
        up lab-core/lo
        device lab-core/core = bridge 02:f2:52:5a:55:df vlan_filtering
        up lab-core/core
        up lab-a-switch-of-long-name/lo
        device lab-a-switch-of-long-name/a-switch-b69f08 = bridge 02:ac:bd:fe:6c:19 vlan_filtering
        up lab-a-switch-of-long-name/a-switch-b69f08
        device lab-core/a-switch-edf03c = bond 802.3ad miimon 100 02:c9:c1:69:70:cd mtu 9000
        device lab-a-switch-of-long-name/core-a-s-efe9b4 = bond 802.3ad miimon 100 02:47:a8:a5:ce:2f mtu 1500
        device lab-a-switch-of-long-name/core-a-s-e62d62 = lab-a-switch-of-long-name/core-a-s-e62d62 02:47:a8:a5:ce:2f mtu 1500 queues 4, lab-core/a-switch-4bcbba 02:c9:c1:69:70:cd mtu 9000
        port lab-core/a-switch-4bcbba of a-switch-edf03c
        up lab-core/a-switch-4bcbba
        port lab-a-switch-of-long-name/core-a-s-e62d62 of core-a-s-efe9b4
        up lab-a-switch-of-long-name/core-a-s-e62d62
        device lab-a-switch-of-long-name/core-a-s-e34a39 = lab-a-switch-of-long-name/core-a-s-e34a39 02:47:a8:a5:ce:2f mtu 1500 queues 4, lab-core/a-switch-48e891 02:c9:c1:69:70:cd mtu 9000
        port lab-core/a-switch-48e891 of a-switch-edf03c
        up lab-core/a-switch-48e891
        port lab-a-switch-of-long-name/core-a-s-e34a39 of core-a-s-efe9b4
        up lab-a-switch-of-long-name/core-a-s-e34a39
        port lab-core/a-switch-edf03c of core
        VLANs of lab-core/a-switch-edf03c = 10
        up lab-core/a-switch-edf03c
        port lab-a-switch-of-long-name/core-a-s-efe9b4 of a-switch-b69f08
        VLANs of lab-a-switch-of-long-name/core-a-s-efe9b4 = 10
        up lab-a-switch-of-long-name/core-a-s-efe9b4
    "#]],
    );
}
