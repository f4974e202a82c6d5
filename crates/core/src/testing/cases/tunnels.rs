//! VXLAN and GRE: what they are on the underlay, what they are told of the far side, what goes with what.

use super::{Case, fails, left};

const VXLAN: &str = "
    vxlan t-a/x0 7 192.0.2.1 no-learning
    fdb t-a/x0 00:00:00:00:00:00 192.0.2.2
    fdb t-a/x0 00:00:00:00:00:00 192.0.2.3
    fdb t-a/x0 02:00:00:00:00:07 192.0.2.2
";

/// A NIC of the host that tunnels are sent by.
const NIC: &str = "
    veth host/u0 t-b/u0
    up host/u0
    up t-b/u0
";

pub(super) fn vxlan() -> Vec<Case> {
    vec![
        left(
            "entries of a VXLAN device stay when it goes down and up, and when its address changes",
            &format!("{VXLAN}up t-a/x0"),
            "- up t-a/x0
             ~ vxlan t-a/x0 7 192.0.2.1 no-learning => vxlan t-a/x0,mac=02:00:00:00:00:08 7 192.0.2.1 no-learning
             + up t-a/x0",
            "",
            "vxlan t-a/x0,mac=02:00:00:00:00:08 7 192.0.2.1 no-learning",
        ),
        left(
            "entries go with their VXLAN device",
            VXLAN,
            "- vxlan t-a/x0 7 192.0.2.1 no-learning
             + vxlan t-a/x0 7 192.0.2.1 no-learning",
            "fdb t-a/x0 00:00:00:00:00:00 192.0.2.2
             fdb t-a/x0 00:00:00:00:00:00 192.0.2.3
             fdb t-a/x0 02:00:00:00:00:07 192.0.2.2",
            "",
        ),
        left(
            "one entry of several for everybody is deleted by itself",
            VXLAN,
            "- fdb t-a/x0 00:00:00:00:00:00 192.0.2.2
             - fdb t-a/x0 02:00:00:00:00:07 192.0.2.2
             + fdb t-a/x0 02:00:00:00:00:07 192.0.2.3
             + fdb t-a/x0 00:00:00:00:00:00 192.0.2.4",
            "fdb t-a/x0 00:00:00:00:00:00 192.0.2.2
             fdb t-a/x0 02:00:00:00:00:07 192.0.2.2",
            "fdb t-a/x0 02:00:00:00:00:07 192.0.2.3
             fdb t-a/x0 00:00:00:00:00:00 192.0.2.4",
        ),
        left(
            "a VXLAN device changes in place where it sends to, its TTL, its fragments and its learning, and keeps its entries",
            &format!("{VXLAN}up t-a/x0"),
            "~ vxlan t-a/x0 7 192.0.2.1 no-learning => vxlan t-a/x0 7 192.0.2.1 remote=192.0.2.9 ttl=9 df=set
             ~ vxlan t-a/x0 7 192.0.2.1 remote=192.0.2.9 ttl=9 df=set => vxlan t-a/x0,mtu=1400 7 192.0.2.1 remote=192.0.2.8 df=inherit
             + vxlan t-b/x1 8 192.0.2.1 remote=192.0.2.8
             ~ vxlan t-b/x1 8 192.0.2.1 remote=192.0.2.8 => vxlan t-b/x1 8 192.0.2.1",
            "",
            "vxlan t-a/x0,mtu=1400 7 192.0.2.1 remote=192.0.2.8 df=inherit
             vxlan t-b/x1 8 192.0.2.1",
        ),
        left(
            "a VXLAN device over IPv6 is there, with its entries",
            "",
            "+ vxlan t-a/x0 7 fd0f::1 port=4790 ttl=3
             + vxlan t-b/x1 8 fd0f::1 remote=fd0f::2 no-checksum
             + fdb t-a/x0 00:00:00:00:00:00 fd0f::2
             + fdb t-a/x0 02:00:00:00:00:07 fd0f::2
             + up t-a/x0
             + up t-b/x1",
            "",
            "vxlan t-a/x0 7 fd0f::1 port=4790 ttl=3
             vxlan t-b/x1 8 fd0f::1 remote=fd0f::2 no-checksum
             fdb t-a/x0 00:00:00:00:00:00 fd0f::2
             fdb t-a/x0 02:00:00:00:00:07 fd0f::2
             up t-a/x0
             up t-b/x1",
        ),
        left(
            "VXLAN devices of several networks share a port, and one network is there at each of two ports",
            "",
            "+ vxlan t-a/x0 7 192.0.2.1
             + vxlan t-b/x0 8 192.0.2.1 no-checksum
             + vxlan t-b/x1 7 192.0.2.1 port=4790
             + up t-a/x0
             + up t-b/x0
             + up t-b/x1",
            "",
            "vxlan t-a/x0 7 192.0.2.1
             vxlan t-b/x0 8 192.0.2.1 no-checksum
             vxlan t-b/x1 7 192.0.2.1 port=4790
             up t-a/x0
             up t-b/x0
             up t-b/x1",
        ),
        left(
            "a VXLAN device is a port of a bridge like others, and its entries stay when it is freed",
            &format!("{VXLAN}bridge t-a/br0\nport t-a/x0 br0 no-learning"),
            "- port t-a/x0 br0 no-learning",
            "port t-a/x0 br0 no-learning",
            "",
        ),
        left(
            "a VXLAN device goes at once with the device that it sends by, also out of another namespace",
            &format!(
                "{NIC}
                 vxlan t-a/x0,mtu=1450 7 192.0.2.1 remote=239.1.1.1 dev=u0
                 up t-a/x0
                 address t-a/x0 10.0.5.1/24
                 vxlan t-a/x1,mtu=1450 8 192.0.2.1 dev=u0
                 fdb t-a/x1 02:00:00:00:00:07 192.0.2.2
                 vlan t-a/v0,mtu=1450 x1 10
                 vxlan t-a/x2 9 192.0.2.1"
            ),
            "- veth host/u0 t-b/u0
             + vxlan t-b/x0 7 192.0.2.1",
            &format!(
                "{NIC}
                 vxlan t-a/x0,mtu=1450 7 192.0.2.1 remote=239.1.1.1 dev=u0
                 up t-a/x0
                 address t-a/x0 10.0.5.1/24
                 vxlan t-a/x1,mtu=1450 8 192.0.2.1 dev=u0
                 fdb t-a/x1 02:00:00:00:00:07 192.0.2.2
                 vlan t-a/v0,mtu=1450 x1 10"
            ),
            "vxlan t-b/x0 7 192.0.2.1",
        ),
        left(
            "a VXLAN device has no more MTU than goes over the device that it sends by, and keeps it when that changes",
            NIC,
            "+ vxlan t-a/x0 7 192.0.2.1 dev=u0
             + vxlan t-a/x1 7 fd0f::1 port=4790 dev=u0
             ~ veth host/u0 t-b/u0 => veth host/u0,mtu=1400 t-b/u0
             + vxlan t-a/x2 8 192.0.2.1 dev=u0",
            "",
            "vxlan t-a/x0,mtu=1450 7 192.0.2.1 dev=u0
             vxlan t-a/x1,mtu=1430 7 fd0f::1 port=4790 dev=u0
             veth host/u0,mtu=1400 t-b/u0
             vxlan t-a/x2,mtu=1350 8 192.0.2.1 dev=u0",
        ),
        left(
            "a VXLAN device too small for IPv6 is as it was made, down and up, and as it was changed",
            "",
            "+ vxlan t-a/x0,mtu=1200 7 192.0.2.1
             + vxlan t-a/x1,mtu=1279 8 fd0f::1
             + up t-a/x1
             + address t-a/x1 10.0.9.1/24
             ~ vxlan t-a/x1,mtu=1279 8 fd0f::1 => vxlan t-a/x1,mtu=1279 8 fd0f::1 ttl=9
             + vxlan t-a/x2,mtu=1279 9 fd0f::1
             ~ vxlan t-a/x2,mtu=1279 9 fd0f::1 => vxlan t-a/x2,mtu=1280,link-local 9 fd0f::1
             + up t-a/x2
             + address t-a/x2 fd00:9::1/64
             + vxlan t-a/x3,mtu=1400,link-local 10 fd0f::1
             ~ vxlan t-a/x3,mtu=1400,link-local 10 fd0f::1 => vxlan t-a/x3,mtu=1279 10 fd0f::1",
            "",
            "vxlan t-a/x0,mtu=1200 7 192.0.2.1
             vxlan t-a/x1,mtu=1279 8 fd0f::1 ttl=9
             up t-a/x1
             address t-a/x1 10.0.9.1/24
             vxlan t-a/x2,mtu=1280,link-local 9 fd0f::1
             up t-a/x2
             address t-a/x2 fd00:9::1/64
             vxlan t-a/x3,mtu=1279 10 fd0f::1",
        ),
        left(
            "a network is free again for another VXLAN device when the one that had it was deleted before its namespace",
            "netns t-c
             vxlan t-c/x0 7 192.0.2.1",
            "- vxlan t-c/x0 7 192.0.2.1
             - netns t-c
             + vxlan t-a/x0 7 192.0.2.1",
            "netns t-c
             vxlan t-c/x0 7 192.0.2.1",
            "vxlan t-a/x0 7 192.0.2.1",
        ),
        left(
            "a VXLAN device loses IPv6 with its MTU like others",
            "vxlan t-a/x0 7 192.0.2.1
             up t-a/x0
             address t-a/x0 fd00:5::1/64",
            "~ vxlan t-a/x0 7 192.0.2.1 => vxlan t-a/x0,mtu=1000 7 192.0.2.1",
            "address t-a/x0 fd00:5::1/64",
            "vxlan t-a/x0,mtu=1000 7 192.0.2.1",
        ),
    ]
}

pub(super) fn vxlan_refused() -> Vec<Case> {
    let entry = "+ fdb t-a/x0 02:00:00:00:00:07 192.0.2.3";
    vec![
        fails("EEXIST", "a network is at a port once, whatever the namespace", VXLAN, "+ vxlan t-b/x0 7 192.0.2.1"),
        fails("EINVAL", "a group needs a device", "", "+ vxlan t-a/x0 7 192.0.2.1 remote=239.1.1.1"),
        fails("ENODEV", "a VXLAN device sends by one that is there", "", "+ vxlan t-a/x0 7 192.0.2.1 dev=u9"),
        fails(
            "EINVAL",
            "both addresses of a VXLAN device are of one family",
            "",
            "+ vxlan t-a/x0 7 192.0.2.1 remote=fd0f::2",
        ),
        fails("EAFNOSUPPORT", "an entry is of its device's family", VXLAN, "+ fdb t-a/x0 02:00:00:00:00:08 fd0f::2"),
        fails("EEXIST", "an Ethernet address is behind one place", VXLAN, entry),
        fails("ENODEV", "an entry needs its device", "", entry),
        fails(
            "EADDRINUSE",
            "those that take no checksum over IPv6 and those that do share no port",
            "vxlan t-a/x0 7 fd0f::1
             vxlan t-b/x0 8 fd0f::1 no-checksum
             up t-a/x0",
            "+ up t-b/x0",
        ),
        fails(
            "EINVAL",
            "a VXLAN device gets no more MTU than goes over the device that it sends by",
            &format!("{NIC}vxlan t-a/x0,mtu=1400 7 192.0.2.1 dev=u0"),
            "~ vxlan t-a/x0,mtu=1400 7 192.0.2.1 dev=u0 => vxlan t-a/x0,mtu=1451 7 192.0.2.1 dev=u0",
        ),
    ]
}

/// A hub with two spokes: one device, and a neighbour for each.
const HUB: &str = "
    gre t-a/g0,mtu=1472 192.0.2.1 key=9
    up t-a/g0
    address t-a/g0 10.0.9.1/24
    address t-a/g0 10.0.10.1/24
    address t-a/g0 fd00:9::1/64
    neighbour t-a/g0 10.0.9.2 192.0.2.2
    neighbour t-a/g0 fd00:9::2 192.0.2.2
";

pub(super) fn gre() -> Vec<Case> {
    vec![
        left(
            "GRE of all kinds stands side by side between the same addresses",
            "",
            "+ gre t-a/g0 192.0.2.1 remote=192.0.2.2
             + gre t-b/g0 192.0.2.1 remote=192.0.2.2 key=0
             + gre t-b/g1 192.0.2.1 remote=192.0.2.2 key=5 ttl=9 checksum
             + gretap t-b/g2 192.0.2.1 remote=192.0.2.2
             + gretap t-b/g3,mtu=1458 192.0.2.1 remote=192.0.2.2 key=5
             + gre t-b/g4 192.0.2.1
             + gre t-a/g1,mtu=1476 198.51.100.1 remote=192.0.2.2
             + up t-a/g0
             + address t-a/g0 10.0.9.1/30
             + route t-a 10.9.0.0/24 via g0=10.0.9.2",
            "",
            "gre t-a/g0 192.0.2.1 remote=192.0.2.2
             gre t-b/g0 192.0.2.1 remote=192.0.2.2 key=0
             gre t-b/g1 192.0.2.1 remote=192.0.2.2 key=5 ttl=9 checksum
             gretap t-b/g2 192.0.2.1 remote=192.0.2.2
             gretap t-b/g3,mtu=1458 192.0.2.1 remote=192.0.2.2 key=5
             gre t-b/g4 192.0.2.1
             gre t-a/g1,mtu=1476 198.51.100.1 remote=192.0.2.2
             up t-a/g0
             address t-a/g0 10.0.9.1/30
             route t-a 10.9.0.0/24 via g0=10.0.9.2",
        ),
        left(
            "GRE over IPv6 stands beside, of frames and of packets",
            "",
            "+ gre t-a/g0,mtu=1456 fd0f::1 remote=fd0f::2
             + gretap t-a/g1,mtu=1442 fd0f::1 remote=fd0f::2 ttl=9
             + gre t-b/g0,mtu=1452 fd0f::1 remote=fd0f::2 key=5
             ~ gre t-b/g0,mtu=1452 fd0f::1 remote=fd0f::2 key=5 => gre t-b/g0,mtu=1400 fd0f::1 remote=fd0f::2 key=5 ttl=7
             ~ gretap t-a/g1,mtu=1442 fd0f::1 remote=fd0f::2 ttl=9 => gretap t-a/g1,mtu=1400,mac=02:00:00:00:00:08 fd0f::1 remote=fd0f::2 ttl=9",
            "",
            "gre t-a/g0,mtu=1456 fd0f::1 remote=fd0f::2
             gretap t-a/g1,mtu=1400,mac=02:00:00:00:00:08 fd0f::1 remote=fd0f::2 ttl=9
             gre t-b/g0,mtu=1400 fd0f::1 remote=fd0f::2 key=5 ttl=7",
        ),
        left(
            "a GRE device changes its TTL and checksums in place, and keeps its MTU and its neighbours",
            &format!("{HUB}gretap t-b/g1 192.0.2.1 remote=192.0.2.2"),
            "~ gre t-a/g0,mtu=1472 192.0.2.1 key=9 => gre t-a/g0,mtu=1472 192.0.2.1 key=9 ttl=5 checksum
             ~ gretap t-b/g1 192.0.2.1 remote=192.0.2.2 => gretap t-b/g1,mac=02:00:00:00:00:08 192.0.2.1 remote=192.0.2.2 checksum",
            "",
            "gre t-a/g0,mtu=1472 192.0.2.1 key=9 ttl=5 checksum
             gretap t-b/g1,mac=02:00:00:00:00:08 192.0.2.1 remote=192.0.2.2 checksum",
        ),
        left(
            "neighbours are there before the device is up and without an address, and stay when it comes up",
            "gre t-a/g0,mtu=1472 192.0.2.1 key=9",
            "+ neighbour t-a/g0 10.0.9.2 192.0.2.2
             + neighbour t-a/g0 fd00:9::2 192.0.2.2
             ~ neighbour t-a/g0 10.0.9.2 192.0.2.2 => neighbour t-a/g0 10.0.9.2 192.0.2.3
             ~ neighbour t-a/g0 fd00:9::2 192.0.2.2 => neighbour t-a/g0 fd00:9::2 192.0.2.3
             + neighbour t-a/g0 10.0.9.4 192.0.2.4
             - neighbour t-a/g0 10.0.9.4 192.0.2.4
             + up t-a/g0",
            "",
            "neighbour t-a/g0 10.0.9.2 192.0.2.3
             neighbour t-a/g0 fd00:9::2 192.0.2.3
             up t-a/g0",
        ),
        left(
            "neighbours go when the device goes down",
            HUB,
            "- up t-a/g0",
            "up t-a/g0
             address t-a/g0 fd00:9::1/64
             neighbour t-a/g0 10.0.9.2 192.0.2.2
             neighbour t-a/g0 fd00:9::2 192.0.2.2",
            "",
        ),
        left(
            "IPv4 neighbours go with the last IPv4 address, and those of IPv6 do not",
            HUB,
            "- address t-a/g0 10.0.9.1/24
             - address t-a/g0 10.0.10.1/24
             - address t-a/g0 fd00:9::1/64",
            "address t-a/g0 10.0.9.1/24
             address t-a/g0 10.0.10.1/24
             address t-a/g0 fd00:9::1/64
             neighbour t-a/g0 10.0.9.2 192.0.2.2",
            "",
        ),
        left(
            "IPv4 neighbours stay while there is an IPv4 address",
            HUB,
            "- address t-a/g0 10.0.9.1/24",
            "address t-a/g0 10.0.9.1/24",
            "",
        ),
        left(
            "IPv6 neighbours go with an MTU under 1280",
            HUB,
            "~ gre t-a/g0,mtu=1472 192.0.2.1 key=9 => gre t-a/g0,mtu=1279 192.0.2.1 key=9",
            "address t-a/g0 fd00:9::1/64
             neighbour t-a/g0 fd00:9::2 192.0.2.2",
            "gre t-a/g0,mtu=1279 192.0.2.1 key=9",
        ),
        left(
            "neighbours go when their device joins a VRF, and when it leaves it",
            &format!("{HUB}vrf t-a/red 200"),
            "+ port t-a/g0 red
             + neighbour t-a/g0 10.0.9.2 192.0.2.2
             + neighbour t-a/g0 fd00:9::2 192.0.2.2
             - port t-a/g0 red
             + neighbour t-a/g0 10.0.9.3 192.0.2.3",
            "address t-a/g0 fd00:9::1/64
             neighbour t-a/g0 10.0.9.2 192.0.2.2
             neighbour t-a/g0 fd00:9::2 192.0.2.2",
            "neighbour t-a/g0 10.0.9.3 192.0.2.3",
        ),
        left(
            "a GRE device and its neighbours stay when the underlay's NIC goes",
            &format!("{NIC}address host/u0 192.0.2.1/24\n{HUB}"),
            "- veth host/u0 t-b/u0",
            &format!("{NIC}address host/u0 192.0.2.1/24"),
            "",
        ),
        left(
            "a tunnel is free again for another GRE device when the one that was it was deleted before its namespace",
            "netns t-c
             gre t-c/g0 192.0.2.1 remote=192.0.2.2",
            "- gre t-c/g0 192.0.2.1 remote=192.0.2.2
             - netns t-c
             + gre t-a/g9 192.0.2.1 remote=192.0.2.2",
            "netns t-c
             gre t-c/g0 192.0.2.1 remote=192.0.2.2",
            "gre t-a/g9 192.0.2.1 remote=192.0.2.2",
        ),
        left(
            "GRE too small for IPv6 is as it was made, down and up, and as it was changed",
            "",
            "+ gre t-a/g0,mtu=1200 192.0.2.1 remote=192.0.2.2
             + gretap t-a/g1,mtu=1279 192.0.2.1 remote=192.0.2.2
             + gre t-b/g0,mtu=1200 fd0f::1 remote=fd0f::2
             + gretap t-b/g1,mtu=1279 fd0f::1 remote=fd0f::2
             + gre host/g7,mtu=1200 fd0f::1 remote=fd0f::7
             + gretap host/g8,mtu=1200 fd0f::1 remote=fd0f::8
             + gretap host/g9,mtu=1200 192.0.2.1 remote=192.0.2.9
             + gre host/g6,mtu=1200 fd0f::1 remote=fd0f::6
             ~ gre host/g6,mtu=1200 fd0f::1 remote=fd0f::6 => gre host/g6,mtu=1280 fd0f::1 remote=fd0f::6
             + gre t-b/g2,mtu=1200 fd0f::1 remote=fd0f::2 key=7
             + up t-b/g2
             + address t-b/g2 10.0.9.1/24
             ~ gre t-b/g2,mtu=1200 fd0f::1 remote=fd0f::2 key=7 => gre t-b/g2,mtu=1200 fd0f::1 remote=fd0f::2 key=7 ttl=9
             + gre t-b/g3,mtu=1200 fd0f::1 remote=fd0f::3
             ~ gre t-b/g3,mtu=1200 fd0f::1 remote=fd0f::3 => gre t-b/g3,mtu=1280,link-local fd0f::1 remote=fd0f::3
             + up t-b/g3
             + address t-b/g3 fd00:9::1/64
             + gretap t-b/g4,mtu=1400 fd0f::1 remote=fd0f::4
             ~ gretap t-b/g4,mtu=1400 fd0f::1 remote=fd0f::4 => gretap t-b/g4,mtu=1279 fd0f::1 remote=fd0f::4",
            "",
            "gre t-a/g0,mtu=1200 192.0.2.1 remote=192.0.2.2
             gretap t-a/g1,mtu=1279 192.0.2.1 remote=192.0.2.2
             gre t-b/g0,mtu=1200 fd0f::1 remote=fd0f::2
             gretap t-b/g1,mtu=1279 fd0f::1 remote=fd0f::2
             gre host/g7,mtu=1200 fd0f::1 remote=fd0f::7
             gretap host/g8,mtu=1200 fd0f::1 remote=fd0f::8
             gretap host/g9,mtu=1200 192.0.2.1 remote=192.0.2.9
             gre host/g6,mtu=1280 fd0f::1 remote=fd0f::6
             gre t-b/g2,mtu=1200 fd0f::1 remote=fd0f::2 key=7 ttl=9
             up t-b/g2
             address t-b/g2 10.0.9.1/24
             gre t-b/g3,mtu=1280,link-local fd0f::1 remote=fd0f::3
             up t-b/g3
             address t-b/g3 fd00:9::1/64
             gretap t-b/g4,mtu=1279 fd0f::1 remote=fd0f::4",
        ),
        left(
            "GRE of frames is a port of a bridge, and carries VLANs",
            "gretap t-a/g0 192.0.2.1 remote=192.0.2.2
             gretap t-a/g1 192.0.2.1 remote=192.0.2.3
             bridge t-a/br0",
            "+ port t-a/g0 br0
             + vlan t-a/v0 g1 10",
            "",
            "port t-a/g0 br0
             vlan t-a/v0 g1 10",
        ),
    ]
}

pub(super) fn gre_refused() -> Vec<Case> {
    let one = "gre t-a/g0 192.0.2.1 remote=192.0.2.2 key=5";
    vec![
        fails(
            "EEXIST",
            "a GRE tunnel is there once, whatever the namespace",
            one,
            "+ gre t-b/g9 192.0.2.1 remote=192.0.2.2 key=5",
        ),
        fails(
            "EEXIST",
            "a GRE device to whoever is there once",
            "gre t-a/g0 192.0.2.1 key=5",
            "+ gre t-b/g9 192.0.2.1 key=5",
        ),
        fails(
            "EEXIST",
            "a GRE tunnel over IPv6 is there once",
            "gretap t-a/g0 fd0f::1 remote=fd0f::2",
            "+ gretap t-b/g9 fd0f::1 remote=fd0f::2",
        ),
        fails("ENODEV", "a neighbour needs its device", "", "+ neighbour t-a/g7 10.0.9.2 192.0.2.3"),
        fails(
            "EINVAL",
            "a device without IPv6 has no IPv6 neighbour",
            "gre t-a/g0,mtu=1000 192.0.2.1",
            "+ neighbour t-a/g0 fd00:9::2 192.0.2.3",
        ),
        fails("EINVAL", "GRE of packets is no port", &format!("{one}\nbridge t-a/br0"), "+ port t-a/g0 br0"),
        fails(
            "EOPNOTSUPP",
            "GRE of packets is in no bond",
            &format!("{one}\nbond t-a/bond0 balance-xor"),
            "+ port t-a/g0 bond0",
        ),
        fails("EOPNOTSUPP", "GRE of packets takes no VLANs", one, "+ vlan t-a/v g0 10"),
        fails("EINVAL", "no macvlan device stands on GRE of packets", one, "+ macvlan t-a/m t-a/g0 bridge"),
        fails("EINVAL", "no ipvlan device stands on GRE of packets", one, "+ ipvlan t-a/i t-a/g0 l2"),
    ]
}
