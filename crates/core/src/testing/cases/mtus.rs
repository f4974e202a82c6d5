//! What goes with an MTU that is too small for IPv6.

use super::{Case, left};

pub(super) fn mtus() -> Vec<Case> {
    let bridge = "
        bridge t-b/br0
        up t-b/br0
        address t-b/br0 fd00:5::1/64
        address t-b/br0 10.0.5.1/24
        route t-b fd09:5::/64 via br0
    ";
    vec![
        left(
            "an MTU under 1280 drops IPv6 from a device, of a multipath route only the next hop",
            "route t-a fd09::/64 via e0=fd00:0::100
             route t-a fd09:1::/64 via e0
             route t-a fd09:2::/64 via e0=fd00:0::100 e1=fd00:1::100
             route t-a 10.9.0.0/24 via e0=10.0.0.100",
            "~ veth t-a/e0 t-b/e0 => veth t-a/e0,mtu=1279 t-b/e0",
            "address t-a/e0 fd00:0::1/64
             route t-a fd09::/64 via e0=fd00:0::100
             route t-a fd09:1::/64 via e0",
            "veth t-a/e0,mtu=1279 t-b/e0
             route t-a fd09:2::/64 via e1=fd00:1::100",
        ),
        left(
            "a device that is down loses IPv6 with its MTU too, and takes it again",
            "",
            "- up t-a/e0
             + address t-a/e0 fd00:0::2/64
             ~ veth t-a/e0 t-b/e0 => veth t-a/e0,mtu=1279 t-b/e0
             ~ veth t-a/e0,mtu=1279 t-b/e0 => veth t-a/e0 t-b/e0
             + address t-a/e0 fd00:0::3/64",
            "up t-a/e0
             address t-a/e0 fd00:0::1/64",
            "address t-a/e0 fd00:0::3/64",
        ),
        left(
            "a port with an MTU under 1280 drops IPv6 from its bridge",
            &format!("{bridge}veth t-a/small t-b/small,mtu=1000"),
            "+ port t-b/small br0",
            "address t-b/br0 fd00:5::1/64
             route t-b fd09:5::/64 via br0",
            "port t-b/small br0",
        ),
        left(
            "a port whose MTU falls under 1280 drops IPv6 from its bridge",
            &format!("{bridge}port t-b/e0 br0"),
            "~ veth t-a/e0 t-b/e0 => veth t-a/e0 t-b/e0,mtu=1000",
            "address t-b/br0 fd00:5::1/64
             route t-b fd09:5::/64 via br0",
            "veth t-a/e0 t-b/e0,mtu=1000",
        ),
        left(
            "a bridge takes IPv6 again when its small port is gone",
            "bridge t-b/br0
             veth t-a/small t-b/small,mtu=1000
             port t-b/small br0",
            "- port t-b/small br0
             + address t-b/br0 fd00:5::1/64",
            "port t-b/small br0",
            "address t-b/br0 fd00:5::1/64",
        ),
    ]
}
