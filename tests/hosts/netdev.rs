//! Open vSwitch's datapath in user space between hosts: its underlay is a bridge of its own, and what it has tunnels for it leaves to nobody else.

use crate::bed::*;
use crate::shipped::TOPOLOGIES;
use crate::wire::{Place, Wire};

/// Open vSwitch on host3, whose second NIC is in a bridge that has its address. The others fill in checksums before a frame leaves them, as real NICs do.
fn with_datapath(name: &str, body: impl FnOnce()) {
    if !has_open_vswitch(name) {
        return;
    }
    let setup = format!(
        "ethtool -K eth1 tx off
        if [ $I = 3 ]; then
          {OPEN_VSWITCH} start /run/openvswitch
          ip addr flush dev eth1
          ovs-vsctl --timeout=20 add-br br-ext -- set bridge br-ext datapath_type=netdev -- add-port br-ext eth1
          ip addr add 10.254.0.3/24 dev br-ext
          ip link set br-ext up
        fi"
    );
    with_hosts_and_underlay(name, 3, &setup, || {
        body();
        // What was made before the lab is there, and nothing else.
        let vsctl = |words: &str| on("host3", &format!("ovs-vsctl --timeout=20 {words}"));
        assert_eq!(vsctl("list-br") + &vsctl("list-ports br-ext"), "br-ext\neth1\n");
        assert_eq!(on("host3", "ip -4 -br addr show br-ext | tr -s ' '"), "br-ext UNKNOWN 10.254.0.3/24 \n");
        assert_eq!(vsctl("list Mirror") + &vsctl("list QoS"), "");
        vsctl("del-br br-ext");
        ["host1", "host2", "host3"].into_iter().for_each(has_nothing_left);
    });
}

/// The shipped topology with its tunnels over the second network.
fn file_over_underlay() {
    let text = std::fs::read_to_string(format!("{TOPOLOGIES}/ovs-vxlan.yaml")).expect("it is shipped");
    let mut over = text.clone();
    for (ssh, address) in [("${machines}[1-2]", "10.254.0.[1-2]"), ("${machines}3", "10.254.0.3")] {
        let ssh = format!("ssh: \"{ssh}\"");
        over = over.replace(&ssh, &format!("{ssh}, underlay: {{ address: \"{address}\" }}"));
    }
    assert_eq!(over.matches(", underlay: {").count(), text.matches("ssh: ").count(), "{over}");
    file("lab.yaml", &over);
}

#[test]
fn a_monitor_sees_what_two_other_hosts_say_to_each_other() {
    with_datapath("netdev::a_monitor_sees_what_two_other_hosts_say_to_each_other", || {
        file_over_underlay();
        let netsim = |words: &str| netsim(&format!("{words} --agent {NETSIM}")).ok();
        netsim("apply lab.yaml --var datapath=netdev --check");
        let said = netsim("apply lab.yaml --var datapath=netdev");
        assert!(said.contains("nothing to do"), "{said}");
        assert!(netsim("status ovs-vxlan --detailed-exitcode").contains("as applied"));
        let [monitor, wire] = [Wire::of(Place::Node("host3", "ovs-vxlan-mon")), Wire::of(Place::Host("host3"))];
        Place::Host("host1").ping("192.168.0.2".parse().expect("an address"));
        let said = ["192.168.0.1 > 192.168.0.2: echo request", "192.168.0.2 > 192.168.0.1: echo reply"];
        assert_eq!(monitor.seen("echo"), said);
        let told =
            |from, to, vni, what| format!("10.254.0.{from} > 10.254.0.{to}: vxlan at port 4789, VNI {vni}: {what}");
        let expected = [
            told(1, 3, 4100, said[0]),
            told(3, 2, 4101, said[0]),
            told(2, 3, 4101, said[1]),
            told(3, 1, 4100, said[1]),
        ];
        assert_eq!(wire.seen("vxlan at port"), expected);
        // The mirror is removed, and nothing else: the monitor sees nothing more.
        let text = std::fs::read_to_string("/run/lab/lab.yaml").expect("it was written");
        file("lab.yaml", &text.replace(", mirrors: [{ from: [c1, c2], to: mon }]", ""));
        netsim("apply lab.yaml --var datapath=netdev");
        let monitor = Wire::of(Place::Node("host3", "ovs-vxlan-mon"));
        Place::Host("host1").ping("192.168.0.2".parse().expect("an address"));
        assert_eq!(monitor.seen("echo"), [""; 0]);
        netsim("destroy ovs-vxlan");
    });
}

/// It binds no socket, so that nobody says that the port is taken: what comes to it is gone all the same. netsim refuses such labs (E189).
#[test]
fn a_udp_port_of_its_tunnels_is_lost_to_vxlan_devices() {
    with_datapath("netdev::a_udp_port_of_its_tunnels_is_lost_to_vxlan_devices", || {
        for (host, address, remote) in [("host1", "10.1.0.1", "10.254.0.3"), ("host3", "10.1.0.3", "10.254.0.1")] {
            on(host, &format!("ip link add lab0 type vxlan id 7 dstport 4789 remote {remote} && ip link set lab0 up"));
            on(host, &format!("ip addr add {address}/24 dev lab0"));
        }
        let hears = || Place::Host("host1").hears("10.1.0.3".parse().expect("an address"), 2);
        let sockets = || on("host3", "ss -Huln sport = :4789").lines().count();
        assert!(hears());
        assert_eq!(sockets(), 1);
        let vsctl = |words: &str| on("host3", &format!("ovs-vsctl --timeout=20 {words}"));
        let tunnel = |udp: u16| {
            vsctl(&format!(
                "add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 t0 \
                 -- set interface t0 type=vxlan options:remote_ip=10.254.0.2 options:key=8 options:dst_port={udp}"
            ));
        };
        tunnel(4789);
        assert_eq!(sockets(), 1, "it has a socket of its own");
        assert!(!hears(), "another network of the port passes");
        vsctl("del-br br0");
        waits_until(hears);
        tunnel(4790);
        assert!(hears());
        vsctl("del-br br0");
        for host in ["host1", "host3"] {
            on(host, "ip link del lab0");
        }
    });
}
