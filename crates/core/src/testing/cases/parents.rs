//! macvlan and ipvlan devices and what is beneath them, also in another namespace.

use super::{Case, left};

pub(super) fn macvlan() -> Vec<Case> {
    let two = "
        macvlan t-b/m0 t-a/e0 bridge
        up t-b/m0
        address t-b/m0 10.0.5.1/24
        address t-b/m0 fd00:5::1/64
        route t-b fd09::/64 via m0=fd00:5::100
        macvlan t-a/m1 t-a/e0 private
    ";
    vec![
        left(
            "a macvlan device goes at once with its parent, also out of another namespace",
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
            "a macvlan device goes in the end with the namespace of its parent",
            "netns t-c
             dummy t-c/d0
             macvlan t-a/m0 t-c/d0 bridge
             up t-a/m0",
            "- netns t-c",
            "netns t-c
             dummy t-c/d0
             macvlan t-a/m0 t-c/d0 bridge
             up t-a/m0",
            "",
        ),
        left(
            "a macvlan device comes up on a parent that is down, and stays up when that goes down",
            &format!("{two}up t-a/m1"),
            "- up t-a/e0
             + macvlan t-b/m2 t-a/e0 vepa
             + up t-b/m2
             + address t-b/m2 fd00:6::1/64
             + route t-b fd09:6::/64 via m2=fd00:6::100",
            "up t-a/e0
             address t-a/e0 fd00:0::1/64",
            "macvlan t-b/m2 t-a/e0 vepa
             up t-b/m2
             address t-b/m2 fd00:6::1/64
             route t-b fd09:6::/64 via m2=fd00:6::100",
        ),
        left(
            "a macvlan device gets no more MTU than its parent has, and none back",
            two,
            "~ veth t-a/e0 t-b/e0 => veth t-a/e0,mtu=1400 t-b/e0
             ~ veth t-a/e0,mtu=1400 t-b/e0 => veth t-a/e0 t-b/e0",
            "",
            "macvlan t-b/m0,mtu=1400 t-a/e0 bridge
             macvlan t-a/m1,mtu=1400 t-a/e0 private",
        ),
        left(
            "a macvlan device in another namespace loses IPv6 with the MTU of its parent",
            two,
            "~ veth t-a/e0 t-b/e0 => veth t-a/e0,mtu=1279 t-b/e0",
            "address t-a/e0 fd00:0::1/64
             address t-b/m0 fd00:5::1/64
             route t-b fd09::/64 via m0=fd00:5::100",
            "veth t-a/e0,mtu=1279 t-b/e0
             macvlan t-b/m0,mtu=1279 t-a/e0 bridge
             macvlan t-a/m1,mtu=1279 t-a/e0 private",
        ),
        left(
            "a macvlan device changes whom it talks to in place",
            two,
            "~ macvlan t-a/m1 t-a/e0 private => macvlan t-a/m1,mac=02:00:00:00:00:07 t-a/e0 vepa",
            "",
            "macvlan t-a/m1,mac=02:00:00:00:00:07 t-a/e0 vepa",
        ),
        left(
            "a macvlan device in passthru has the address of its parent",
            "macvlan t-b/m0 t-a/e0 passthru",
            "~ veth t-a/e0 t-b/e0 => veth t-a/e0,mac=02:00:00:00:00:07 t-b/e0",
            "",
            "veth t-a/e0,mac=02:00:00:00:00:07 t-b/e0",
        ),
        left(
            "a parent is free for another when the one in passthru was deleted",
            "netns t-c
             macvlan t-c/m0 t-a/e0 passthru",
            "- macvlan t-c/m0 t-a/e0 passthru
             - netns t-c
             + macvlan t-b/m0 t-a/e0 passthru",
            "netns t-c
             macvlan t-c/m0 t-a/e0 passthru",
            "macvlan t-b/m0 t-a/e0 passthru",
        ),
    ]
}

pub(super) fn ipvlan() -> Vec<Case> {
    let two = "
        ipvlan t-b/i0 t-a/e0 l2
        up t-b/i0
        address t-b/i0 10.0.5.1/24
        address t-b/i0 fd00:5::1/64
        route t-b fd09::/64 via i0=fd00:5::100
        ipvlan t-a/i1 t-a/e0 l2
    ";
    vec![
        left(
            "an ipvlan device goes at once with its parent, also out of another namespace",
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
            "all ipvlan devices on one parent change their mode together",
            two,
            "~ ipvlan t-a/i1 t-a/e0 l2 => ipvlan t-a/i1 t-a/e0 l3",
            "",
            "ipvlan t-b/i0 t-a/e0 l3
             ipvlan t-a/i1 t-a/e0 l3",
        ),
        left(
            "a new ipvlan device gives its mode to all others on its parent",
            two,
            "+ ipvlan t-b/i2 t-a/e0 l3s",
            "",
            "ipvlan t-b/i0 t-a/e0 l3s
             ipvlan t-a/i1 t-a/e0 l3s
             ipvlan t-b/i2 t-a/e0 l3s",
        ),
        left(
            "an ipvlan device follows the MTU of its parent down and up",
            two,
            "~ ipvlan t-a/i1 t-a/e0 l2 => ipvlan t-a/i1,mtu=1300 t-a/e0 l2
             ~ veth t-a/e0 t-b/e0 => veth t-a/e0,mtu=1400 t-b/e0
             ~ veth t-a/e0,mtu=1400 t-b/e0 => veth t-a/e0,mtu=9000 t-b/e0",
            "",
            "veth t-a/e0,mtu=9000 t-b/e0
             ipvlan t-b/i0,mtu=9000 t-a/e0 l2
             ipvlan t-a/i1,mtu=9000 t-a/e0 l2",
        ),
        left(
            "an ipvlan device stays up when its parent goes down",
            two,
            "- up t-a/e0",
            "up t-a/e0
             address t-a/e0 fd00:0::1/64",
            "",
        ),
    ]
}
