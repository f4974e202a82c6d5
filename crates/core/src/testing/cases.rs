//! One small case for each thing that the simulated kernel does as Linux does: the conformance suite of all backends.

use super::text::{actions, resources};
use crate::plan::Action;
use crate::resource::Resource;
use crate::state::HostState;

mod errors;

/// A case: from a state by some actions to a state, or to an error of the last action.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it claims.
    pub name: &'static str,
    /// What is made first, in this order.
    pub start: Vec<Resource>,
    /// What is done then, in this order.
    pub actions: Vec<Action>,
    /// What is so after the kernel has come to rest, or the errno of the last action.
    pub expect: Result<HostState, &'static str>,
}

/// All cases. What they make lies in namespaces named `t-…`.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for cases in [devices(), addresses(), routes(), multipath(), mtus(), errors::errors()] {
        all.extend(cases);
    }
    all
}

/// What every case starts with: two veth pairs between two nodes; one node has addresses of both families on its ends.
const BASE: &str = "
    netns t-a
    netns t-b
    up t-a/lo
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
";

/// The start and what the actions make is left, without these and with those.
fn left(name: &'static str, start: &str, todo: &str, gone: &str, new: &str) -> Case {
    let start = resources(&format!("{BASE}{start}"));
    let mut state: HostState = start.iter().cloned().collect();
    for gone in resources(gone) {
        assert_eq!(state.remove(&gone.key()), Some(gone), "`{name}` starts with it");
    }
    for new in resources(new) {
        state.insert(new);
    }
    Case { name, start, actions: actions(todo), expect: Ok(state) }
}

fn fails(errno: &'static str, name: &'static str, start: &str, todo: &str) -> Case {
    Case { name, start: resources(&format!("{BASE}{start}")), actions: actions(todo), expect: Err(errno) }
}

fn devices() -> Vec<Case> {
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
             ~ port t-a/e0 br0 => port t-a/e0 br1
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

fn addresses() -> Vec<Case> {
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

fn routes() -> Vec<Case> {
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

fn multipath() -> Vec<Case> {
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

fn mtus() -> Vec<Case> {
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
