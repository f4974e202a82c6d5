//! 802.1Q devices and what is beneath them.

use super::{Case, left};

pub(super) fn vlans() -> Vec<Case> {
    let two = "
        vlan t-a/e0.10 e0 10
        up t-a/e0.10
        address t-a/e0.10 10.0.5.1/24
        address t-a/e0.10 fd00:5::1/64
        route t-a 10.9.0.0/24 via e0.10=10.0.5.100
        route t-a fd09::/64 via e0.10=fd00:5::100
        vlan t-a/inner e0.10 7
        up t-a/inner
        address t-a/inner fd00:6::1/64
    ";
    vec![
        left(
            "an 802.1Q device goes with its parent, and with it what stands on it",
            two,
            "- veth t-a/e0 t-b/e0",
            &format!(
                "veth t-a/e0 t-b/e0
                 up t-a/e0
                 up t-b/e0
                 address t-a/e0 10.0.0.1/24
                 address t-a/e0 fd00:0::1/64
                 {two}"
            ),
            "",
        ),
        left(
            "an 802.1Q device goes down with its parent, like any device that goes down",
            two,
            "- up t-a/e0",
            "up t-a/e0
             address t-a/e0 fd00:0::1/64
             up t-a/e0.10
             address t-a/e0.10 fd00:5::1/64
             route t-a 10.9.0.0/24 via e0.10=10.0.5.100
             route t-a fd09::/64 via e0.10=fd00:5::100
             up t-a/inner
             address t-a/inner fd00:6::1/64",
            "",
        ),
        left(
            "802.1Q devices come up with their parent, those too that were down before",
            "vlan t-a/e0.10 e0 10
             vlan t-a/inner e0.10 7",
            "- up t-a/e0
             + up t-a/e0",
            "address t-a/e0 fd00:0::1/64",
            "up t-a/e0.10
             up t-a/inner",
        ),
        left(
            "an 802.1Q device that came up by itself may be told so",
            "vlan t-a/e0.10 e0 10",
            "- up t-a/e0
             + up t-a/e0
             + up t-a/e0.10",
            "address t-a/e0 fd00:0::1/64",
            "up t-a/e0.10",
        ),
        left(
            "one VLAN is there once in each protocol, and again within another",
            "",
            "+ vlan t-a/q e0 10
             + vlan t-a/ad e0 10 802.1ad
             + vlan t-a/in ad 10
             + vlan t-a/other e1 10",
            "",
            "vlan t-a/q e0 10
             vlan t-a/ad e0 10 802.1ad
             vlan t-a/in ad 10
             vlan t-a/other e1 10",
        ),
        left(
            "an 802.1Q device gets no more MTU than its parent has, and none back",
            "vlan t-a/e0.10 e0 10
             vlan t-a/inner e0.10 7
             vlan t-a/small,mtu=1300 e0 11",
            "~ veth t-a/e0 t-b/e0 => veth t-a/e0,mtu=1400 t-b/e0
             ~ veth t-a/e0,mtu=1400 t-b/e0 => veth t-a/e0 t-b/e0",
            "",
            "vlan t-a/e0.10,mtu=1400 e0 10
             vlan t-a/inner,mtu=1400 e0.10 7",
        ),
        left(
            "an 802.1Q device loses IPv6 with the MTU of its parent",
            two,
            "~ veth t-a/e0 t-b/e0 => veth t-a/e0,mtu=1279 t-b/e0",
            "address t-a/e0 fd00:0::1/64
             address t-a/e0.10 fd00:5::1/64
             route t-a fd09::/64 via e0.10=fd00:5::100
             address t-a/inner fd00:6::1/64",
            "veth t-a/e0,mtu=1279 t-b/e0
             vlan t-a/e0.10,mtu=1279 e0 10
             vlan t-a/inner,mtu=1279 e0.10 7",
        ),
        left(
            "an 802.1Q device changes in place, but for its VLAN",
            "vlan t-a/e0.10 e0 10",
            "~ vlan t-a/e0.10 e0 10 => vlan t-a/e0.10,mac=02:00:00:00:00:07,mtu=1400,full=e0.10-with-a-long-name e0 10
             ~ veth t-a/e0 t-b/e0 => veth t-a/e0,mac=02:00:00:00:00:08 t-b/e0",
            "",
            "vlan t-a/e0.10,mac=02:00:00:00:00:07,mtu=1400,full=e0.10-with-a-long-name e0 10
             veth t-a/e0,mac=02:00:00:00:00:08 t-b/e0",
        ),
        left(
            "a dummy device changes in place, and carries VLANs",
            "dummy t-a/d0
             up t-a/d0
             address t-a/d0 fd00:5::1/64
             vlan t-a/v d0 10",
            "~ dummy t-a/d0 => dummy t-a/d0,mac=02:00:00:00:00:07,mtu=9000",
            "",
            "dummy t-a/d0,mac=02:00:00:00:00:07,mtu=9000",
        ),
    ]
}
