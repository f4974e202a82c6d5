//! Pairs, bridges and namespaces that come and go.

use super::{Case, left};

pub(super) fn devices() -> Vec<Case> {
    let e0 = "
        veth t-a/e0 t-b/e0
        up t-a/e0
        up t-b/e0
        address t-a/e0 10.0.0.1/24
        address t-a/e0 fd00:0::1/64
    ";
    vec![
        left(
            "a veth pair goes with both ends and all that is on them",
            "route t-a 10.9.0.0/24 via e0=10.0.0.100
             route t-a fd09::/64 via e0=fd00:0::100
             bridge t-b/br0
             port t-b/e0 br0",
            "- veth t-a/e0 t-b/e0",
            &format!(
                "{e0}
                 route t-a 10.9.0.0/24 via e0=10.0.0.100
                 route t-a fd09::/64 via e0=fd00:0::100
                 port t-b/e0 br0"
            ),
            "",
        ),
        left(
            "a namespace goes with all that is in it, and in the end with the other ends of its pairs",
            "bridge t-b/br0
             port t-b/e0 br0
             address t-b/br0 10.0.0.2/24",
            "- netns t-b",
            "netns t-b
             veth t-a/e0 t-b/e0
             veth t-a/e1 t-b/e1
             up t-a/e0
             up t-b/e0
             up t-a/e1
             up t-b/e1
             address t-a/e0 10.0.0.1/24
             address t-a/e1 10.0.1.1/24
             address t-a/e0 fd00:0::1/64
             address t-a/e1 fd00:1::1/64
             bridge t-b/br0
             port t-b/e0 br0
             address t-b/br0 10.0.0.2/24",
            "",
        ),
        left(
            "a bridge that goes frees its ports, which stay as they are",
            "bridge t-a/br0
             up t-a/br0
             address t-a/br0 10.0.5.1/24
             route t-a 10.9.0.0/24 via br0=10.0.5.100
             port t-a/e0 br0",
            "- bridge t-a/br0",
            "bridge t-a/br0
             up t-a/br0
             address t-a/br0 10.0.5.1/24
             route t-a 10.9.0.0/24 via br0=10.0.5.100
             port t-a/e0 br0",
            "",
        ),
        left(
            "a device that becomes a port, changes its bridge and is freed keeps addresses and routes",
            "bridge t-a/br0
             bridge t-a/br1
             route t-a 10.9.0.0/24 via e0=10.0.0.100
             route t-a fd09::/64 via e0=fd00:0::100",
            "+ port t-a/e0 br0
             - port t-a/e0 br0
             + port t-a/e0 br1
             - port t-a/e0 br1
             + port t-a/e1 br1",
            "",
            "port t-a/e1 br1",
        ),
        left(
            "a device that goes down keeps its IPv4 addresses, and loses those of IPv6 and its routes",
            "route t-a 10.9.0.0/24 via e0=10.0.0.100
             route t-a 10.9.1.0/24 via e0
             route t-a 10.9.2.0/24 via e1=10.0.1.100
             route t-a fd09::/64 via e0=fd00:0::100
             route t-a fd09:1::/64 via e0
             route t-a fd09:2::/64 via e1=fd00:1::100",
            "- up t-a/e0",
            "up t-a/e0
             address t-a/e0 fd00:0::1/64
             route t-a 10.9.0.0/24 via e0=10.0.0.100
             route t-a 10.9.1.0/24 via e0
             route t-a fd09::/64 via e0=fd00:0::100
             route t-a fd09:1::/64 via e0",
            "",
        ),
        left(
            "a device whose other end goes down keeps its addresses and routes",
            "route t-a 10.9.0.0/24 via e0=10.0.0.100
             route t-a fd09::/64 via e0=fd00:0::100",
            "- up t-b/e0
             + route t-a 10.9.1.0/24 via e0=10.0.0.100
             + route t-a fd09:1::/64 via e0=fd00:0::100",
            "up t-b/e0",
            "route t-a 10.9.1.0/24 via e0=10.0.0.100
             route t-a fd09:1::/64 via e0=fd00:0::100",
        ),
        left(
            "lo that goes down keeps its IPv4 addresses and loses those of IPv6",
            "address t-a/lo 10.1.0.1/32
             address t-a/lo fd01::1/128",
            "- up t-a/lo",
            "up t-a/lo
             address t-a/lo fd01::1/128",
            "",
        ),
        left(
            "a pair takes other addresses, names and sizes while it is in use",
            "route t-a 10.9.0.0/24 via e0=10.0.0.100
             route t-a fd09::/64 via e0=fd00:0::100",
            "~ veth t-a/e0 t-b/e0 => veth t-a/e0,mtu=1400,mac=02:00:00:00:00:07 t-b/e0,mtu=9000,full=e0-with-a-long-name",
            "",
            "veth t-a/e0,mtu=1400,mac=02:00:00:00:00:07 t-b/e0,mtu=9000,full=e0-with-a-long-name",
        ),
        left(
            "a setting of a device is new again with the device",
            "sysctl t-a net.ipv4.conf.e0.rp_filter 2",
            "- sysctl t-a net.ipv4.conf.e0.rp_filter 2
             - veth t-a/e0 t-b/e0
             + veth t-a/e0 t-b/e0",
            "up t-a/e0
             up t-b/e0
             address t-a/e0 10.0.0.1/24
             address t-a/e0 fd00:0::1/64
             sysctl t-a net.ipv4.conf.e0.rp_filter 2",
            "",
        ),
    ]
}
