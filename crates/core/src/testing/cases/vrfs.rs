//! VRFs and their members.

use super::{Case, left};

pub(super) fn vrfs() -> Vec<Case> {
    let vrf = "
        vrf t-a/red 200
        up t-a/red
        route t-a 10.9.0.0/24 via e0=10.0.0.100
        route t-a fd09::/64 via e0=fd00:0::100
        route t-a 10.9.1.0/24 via e1=10.0.1.100
    ";
    let member = "
        vrf t-a/red 200
        up t-a/red
        port t-a/e0 red
        address t-a/e0 fd00:9::1/64
        route t-a 10.9.0.0/24 table=200 via e0=10.0.0.100
        route t-a fd09::/64 table=200 via e0=fd00:9::100
    ";
    vec![
        left(
            "a device that joins a VRF loses its routes and its IPv6 addresses, and stays up",
            vrf,
            "+ port t-a/e0 red",
            "route t-a 10.9.0.0/24 via e0=10.0.0.100
             route t-a fd09::/64 via e0=fd00:0::100
             address t-a/e0 fd00:0::1/64",
            "port t-a/e0 red",
        ),
        left_member(
            "a device that leaves a VRF loses its routes and its IPv6 addresses, and stays up",
            member,
            "- port t-a/e0 red",
            "port t-a/e0 red
             address t-a/e0 fd00:9::1/64
             route t-a 10.9.0.0/24 table=200 via e0=10.0.0.100
             route t-a fd09::/64 table=200 via e0=fd00:9::100",
            "",
        ),
        left_member(
            "a VRF that goes takes the routes and IPv6 addresses of its members along",
            member,
            "- vrf t-a/red 200",
            "vrf t-a/red 200
             up t-a/red
             port t-a/e0 red
             address t-a/e0 fd00:9::1/64
             route t-a 10.9.0.0/24 table=200 via e0=10.0.0.100
             route t-a fd09::/64 table=200 via e0=fd00:9::100",
            "",
        ),
        left_member(
            "a VRF that goes down leaves its members and their routes alone",
            member,
            "+ address t-a/red 10.1.0.1/32
             + address t-a/red fd01::1/128
             - up t-a/red",
            "up t-a/red",
            "address t-a/red 10.1.0.1/32",
        ),
        left(
            "a device that is down joins and leaves a VRF as it is",
            "vrf t-a/red 200",
            "- up t-a/e0
             + address t-a/e0 fd00:7::1/64
             + port t-a/e0 red
             - port t-a/e0 red",
            "up t-a/e0
             address t-a/e0 fd00:0::1/64",
            "address t-a/e0 fd00:7::1/64",
        ),
        left(
            "802.1Q devices go down and up with a device that joins a VRF",
            "vrf t-a/red 200
             vlan t-a/e0.10 e0 10
             up t-a/e0.10
             address t-a/e0.10 10.0.5.1/24
             address t-a/e0.10 fd00:5::1/64
             route t-a 10.9.0.0/24 via e0.10=10.0.5.100
             vlan t-a/e0.11 e0 11",
            "+ port t-a/e0 red",
            "address t-a/e0 fd00:0::1/64
             address t-a/e0.10 fd00:5::1/64
             route t-a 10.9.0.0/24 via e0.10=10.0.5.100",
            "port t-a/e0 red
             up t-a/e0.11",
        ),
        left(
            "bridges, bonds and devices on others join a VRF, and two may share a table",
            "vrf t-a/red 200
             vrf t-a/blue 200
             bridge t-a/br0
             bond t-a/bond0 active-backup
             vlan t-a/v e0 10
             macvlan t-a/m e1 bridge"
                .replace("macvlan t-a/m e1", "macvlan t-a/m t-a/e1")
                .as_str(),
            "+ port t-a/br0 red
             + port t-a/bond0 red
             + port t-a/v blue
             + port t-a/m blue",
            "",
            "port t-a/br0 red
             port t-a/bond0 red
             port t-a/v blue
             port t-a/m blue",
        ),
    ]
}

/// As `left`; the device has joined before it got its IPv6 address.
fn left_member(name: &'static str, start: &str, todo: &str, gone: &str, new: &str) -> Case {
    left(name, start, todo, &format!("address t-a/e0 fd00:0::1/64\n{gone}"), new)
}
