//! Addresses, and what goes with them.

use super::{Case, left};

pub(super) fn addresses() -> Vec<Case> {
    let promote = "sysctl t-a net.ipv4.conf.all.promote_secondaries 1";
    vec![
        left(
            "the first of several addresses of a subnet takes the others along",
            "address t-a/e0 10.0.0.2/24
             address t-a/e0 10.0.0.3/24
             address t-a/e0 10.0.0.4/25",
            "- address t-a/e0 10.0.0.1/24",
            "address t-a/e0 10.0.0.1/24
             address t-a/e0 10.0.0.2/24
             address t-a/e0 10.0.0.3/24",
            "",
        ),
        left(
            "another than the first of several addresses of a subnet goes alone",
            "address t-a/e0 10.0.0.2/24
             address t-a/e0 10.0.0.3/24",
            "- address t-a/e0 10.0.0.2/24",
            "address t-a/e0 10.0.0.2/24",
            "",
        ),
        left(
            "where secondary addresses are promoted, each goes alone, and the routes stay",
            &format!(
                "{promote}
                 address t-a/e0 10.0.0.2/24
                 address t-a/e0 10.0.0.3/24
                 route t-a 10.9.0.0/24 via e0=10.0.0.100"
            ),
            "- address t-a/e0 10.0.0.1/24
             - address t-a/e0 10.0.0.2/24",
            "address t-a/e0 10.0.0.1/24
             address t-a/e0 10.0.0.2/24",
            "",
        ),
        left(
            "the last IPv4 address of a device takes its IPv4 routes along, with a gateway or without",
            "route t-a 10.9.0.0/24 via e0=10.0.0.100
             route t-a 10.9.1.0/24 via e0
             route t-a fd09::/64 via e0=fd00:0::100",
            "- address t-a/e0 10.0.0.1/24",
            "address t-a/e0 10.0.0.1/24
             route t-a 10.9.0.0/24 via e0=10.0.0.100
             route t-a 10.9.1.0/24 via e0",
            "",
        ),
        left(
            "an IPv4 address that is not the last leaves the routes, also those whose gateway it covers",
            "address t-a/e0 10.0.5.1/24
             route t-a 10.9.0.0/24 via e0=10.0.0.100",
            "- address t-a/e0 10.0.0.1/24",
            "address t-a/e0 10.0.0.1/24",
            "",
        ),
        left(
            "an IPv6 address leaves the routes",
            "route t-a fd09::/64 via e0=fd00:0::100
             route t-a fd09:1::/64 via e0",
            "- address t-a/e0 fd00:0::1/64",
            "address t-a/e0 fd00:0::1/64",
            "",
        ),
        left(
            "a device that is down takes addresses, and keeps them when it comes up",
            "",
            "- up t-a/e0
             + address t-a/e0 10.0.0.2/24
             + address t-a/e0 fd00:0::2/64
             + up t-a/e0
             + route t-a fd09::/64 via e0=fd00:0::100",
            "address t-a/e0 fd00:0::1/64",
            "address t-a/e0 10.0.0.2/24
             address t-a/e0 fd00:0::2/64
             route t-a fd09::/64 via e0=fd00:0::100",
        ),
        left(
            "one address may be on two devices, and on one with two lengths in IPv4",
            "",
            "+ address t-a/e1 10.0.0.1/24
             + address t-a/e1 10.0.0.1/25
             + address t-a/e1 fd00:0::1/64
             + route t-a 10.9.0.0/24 via e1=10.0.0.100
             + route t-a fd09::/64 via e1=fd00:0::100",
            "",
            "address t-a/e1 10.0.0.1/24
             address t-a/e1 10.0.0.1/25
             address t-a/e1 fd00:0::1/64
             route t-a 10.9.0.0/24 via e1=10.0.0.100
             route t-a fd09::/64 via e1=fd00:0::100",
        ),
    ]
}
