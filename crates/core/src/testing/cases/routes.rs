//! Routes with one next hop and with several.

use super::{Case, left};

pub(super) fn routes() -> Vec<Case> {
    vec![
        left(
            "routes to one destination differ by table and metric",
            "route t-a 10.9.0.0/24 via e0=10.0.0.100",
            "+ route t-a 10.9.0.0/24 metric=7 via e0=10.0.0.100
             + route t-a 10.9.0.0/24 table=100 via e0=10.0.0.100
             - route t-a 10.9.0.0/24 via e0=10.0.0.100",
            "route t-a 10.9.0.0/24 via e0=10.0.0.100",
            "route t-a 10.9.0.0/24 metric=7 via e0=10.0.0.100
             route t-a 10.9.0.0/24 table=100 via e0=10.0.0.100",
        ),
        left(
            "a route changes from one next hop to several and back",
            "route t-a 10.9.0.0/24 via e0=10.0.0.100
             route t-a fd09::/64 via e0=fd00:0::100
             route t-a 10.9.1.0/24 via e0=10.0.0.100 e1
             route t-a fd09:1::/64 via e0=fd00:0::100 e0=fd00:0::101 e1=fd00:1::100",
            "~ route t-a 10.9.0.0/24 via e0=10.0.0.100 => route t-a 10.9.0.0/24 via e0=10.0.0.101 e1=10.0.1.100*3
             ~ route t-a fd09::/64 via e0=fd00:0::100 => route t-a fd09::/64 via e0=fd00:0::101 e1=fd00:1::100*3
             ~ route t-a 10.9.1.0/24 via e0=10.0.0.100 e1 => route t-a 10.9.1.0/24 via e1
             ~ route t-a fd09:1::/64 via e0=fd00:0::100 e0=fd00:0::101 e1=fd00:1::100 => route t-a fd09:1::/64 via e1",
            "",
            "route t-a 10.9.0.0/24 via e0=10.0.0.101 e1=10.0.1.100*3
             route t-a fd09::/64 via e0=fd00:0::101 e1=fd00:1::100*3
             route t-a 10.9.1.0/24 via e1
             route t-a fd09:1::/64 via e1",
        ),
    ]
}

pub(super) fn multipath() -> Vec<Case> {
    let both = "
        route t-a 10.9.0.0/24 via e0=10.0.0.100 e1=10.0.1.100
        route t-a fd09::/64 via e0=fd00:0::100 e1=fd00:1::100
    ";
    vec![
        left(
            "a device that goes takes an IPv4 multipath route along, and of IPv6 only its next hop",
            both,
            "- veth t-a/e0 t-b/e0",
            "veth t-a/e0 t-b/e0
             up t-a/e0
             up t-b/e0
             address t-a/e0 10.0.0.1/24
             address t-a/e0 fd00:0::1/64
             route t-a 10.9.0.0/24 via e0=10.0.0.100 e1=10.0.1.100",
            "route t-a fd09::/64 via e1=fd00:1::100",
        ),
        left(
            "a multipath route outlives one device that goes down",
            both,
            "- up t-a/e0",
            "up t-a/e0
             address t-a/e0 fd00:0::1/64",
            "",
        ),
        left(
            "a multipath route goes with the last of its devices that goes down",
            both,
            "- up t-a/e0
             - up t-a/e1",
            "up t-a/e0
             up t-a/e1
             address t-a/e0 fd00:0::1/64
             address t-a/e1 fd00:1::1/64
             route t-a 10.9.0.0/24 via e0=10.0.0.100 e1=10.0.1.100
             route t-a fd09::/64 via e0=fd00:0::100 e1=fd00:1::100",
            "",
        ),
        left(
            "a device that comes up again makes its IPv4 next hops live",
            "route t-a 10.9.0.0/24 via e0=10.0.0.100 e1=10.0.1.100",
            "- up t-a/e0
             + up t-a/e0
             - up t-a/e1",
            "address t-a/e0 fd00:0::1/64
             up t-a/e1
             address t-a/e1 fd00:1::1/64",
            "",
        ),
        left(
            "a multipath route with two next hops over one device goes with it when it goes down",
            "route t-a 10.9.0.0/24 via e0=10.0.0.100 e0=10.0.0.101
             route t-a fd09::/64 via e0=fd00:0::100 e0=fd00:0::101",
            "- up t-a/e0",
            "up t-a/e0
             address t-a/e0 fd00:0::1/64
             route t-a 10.9.0.0/24 via e0=10.0.0.100 e0=10.0.0.101
             route t-a fd09::/64 via e0=fd00:0::100 e0=fd00:0::101",
            "",
        ),
        left(
            "an IPv4 multipath route outlives the last address of one of its devices",
            both,
            "- address t-a/e0 10.0.0.1/24",
            "address t-a/e0 10.0.0.1/24",
            "",
        ),
        left(
            "an IPv4 multipath route goes with the last address of the last of its devices",
            both,
            "- address t-a/e0 10.0.0.1/24
             - address t-a/e1 10.0.1.1/24",
            "address t-a/e0 10.0.0.1/24
             address t-a/e1 10.0.1.1/24
             route t-a 10.9.0.0/24 via e0=10.0.0.100 e1=10.0.1.100",
            "",
        ),
        left(
            "an address that comes back makes the next hops of its device live",
            both,
            "- address t-a/e0 10.0.0.1/24
             + address t-a/e0 10.0.0.1/24
             - address t-a/e1 10.0.1.1/24",
            "address t-a/e1 10.0.1.1/24",
            "",
        ),
        left(
            "an address on a device that is down makes no next hop live",
            both,
            "- up t-a/e0
             + address t-a/e0 10.0.5.1/24
             - up t-a/e1",
            "up t-a/e0
             up t-a/e1
             address t-a/e0 fd00:0::1/64
             address t-a/e1 fd00:1::1/64
             route t-a 10.9.0.0/24 via e0=10.0.0.100 e1=10.0.1.100
             route t-a fd09::/64 via e0=fd00:0::100 e1=fd00:1::100",
            "address t-a/e0 10.0.5.1/24",
        ),
    ]
}
