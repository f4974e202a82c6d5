//! What a kernel refuses to do, and by which error number.

use super::{Case, fails};

pub(super) fn errors() -> Vec<Case> {
    vec![
        fails("EEXIST", "a namespace is made once", "", "+ netns t-a"),
        fails("EEXIST", "a device name is taken once", "", "+ bridge t-a/e0"),
        fails("EEXIST", "the far end's name is taken once", "", "+ veth t-a/e2 t-b/e0"),
        fails("EEXIST", "an IPv4 address is given once", "", "+ address t-a/e0 10.0.0.1/24"),
        fails("EEXIST", "an IPv6 address is given once, whatever its length", "", "+ address t-a/e0 fd00:0::1/48"),
        fails(
            "EEXIST",
            "a route is made once",
            "route t-a 10.9.0.0/24 via e0=10.0.0.100",
            "+ route t-a 10.9.0.0/24 via e1=10.0.1.100",
        ),
        fails(
            "EEXIST",
            "an IPv6 route is made once",
            "route t-a fd09::/64 via e0=fd00:0::100",
            "+ route t-a fd09::/64 via e1=fd00:1::100",
        ),
        fails("ENOENT", "a device is made in a namespace that is there", "", "+ bridge t-c/br0"),
        fails("ENODEV", "an address needs its device", "", "+ address t-a/e9 10.0.0.9/24"),
        fails("ENODEV", "a device that is up is there", "", "+ up t-a/e9"),
        fails("ENODEV", "a route needs its device", "", "+ route t-a 10.9.0.0/24 via e9"),
        fails("ENODEV", "a port needs its bridge", "", "+ port t-a/e0 br9"),
        fails("ENETDOWN", "a route needs its device up", "", "- up t-a/e0\n+ route t-a 10.9.0.0/24 via e0"),
        fails("ENETDOWN", "an IPv6 route needs its device up", "", "- up t-a/e0\n+ route t-a fd09::/64 via e0"),
        fails("ENETUNREACH", "a gateway needs an address", "", "+ route t-a 10.9.0.0/24 via e0=10.0.7.100"),
        fails("ENETUNREACH", "the address is on that device", "", "+ route t-a 10.9.0.0/24 via e0=10.0.1.100"),
        fails("ENETUNREACH", "each gateway needs one", "", "+ route t-a 10.9.0.0/24 via e0=10.0.0.100 e1=10.0.7.100"),
        fails(
            "ENETUNREACH",
            "a gateway is out of reach over a device that is down",
            "",
            "- up t-a/e0\n+ route t-a 10.9.0.0/24 via e0=10.0.0.100",
        ),
        fails("EHOSTUNREACH", "an IPv6 gateway needs an address", "", "+ route t-a fd09::/64 via e0=fd00:7::100"),
        fails("EINVAL", "a broadcast address is no gateway", "", "+ route t-a 10.9.0.0/24 via e0=10.0.0.255"),
        fails("EINVAL", "an own IPv6 address is no gateway", "", "+ route t-a fd09::/64 via e0=fd00:0::1"),
        fails(
            "EINVAL",
            "IPv6 multipath takes no next hop without a gateway",
            "",
            "+ route t-a fd09::/64 via e0 e1=fd00:1::100",
        ),
        fails("EINVAL", "an MTU is 68 at least", "", "~ veth t-a/e0 t-b/e0 => veth t-a/e0,mtu=67 t-b/e0"),
        fails("EINVAL", "an MTU is 65535 at most", "", "~ veth t-a/e0 t-b/e0 => veth t-a/e0,mtu=65536 t-b/e0"),
        fails(
            "EINVAL",
            "IPv6 needs an MTU of 1280",
            "veth t-a/small,mtu=1279 t-b/small",
            "+ address t-a/small fd00:5::1/64",
        ),
        fails(
            "ENODEV",
            "IPv6 routes too",
            "veth t-a/small,mtu=1279 t-b/small\nup t-a/small",
            "+ route t-a fd09::/64 via small",
        ),
        fails("EINVAL", "lo is no port", "bridge t-a/br0", "+ port t-a/lo br0"),
        fails("ELOOP", "a bridge is no port of a bridge", "bridge t-a/br0\nbridge t-a/br1", "+ port t-a/br1 br0"),
        fails("EOPNOTSUPP", "a veth has no ports", "", "+ port t-a/e0 e1"),
        fails("ENOENT", "a setting of a device needs it", "", "+ sysctl t-a net.ipv4.conf.e9.rp_filter 1"),
        full_bridge(),
    ]
}

fn full_bridge() -> Case {
    let pair = |n: usize| format!("veth t-a/p{n} t-b/p{n}\n");
    let port = |n: usize| format!("port t-b/p{n} br0\n");
    let ports: String = (0..1023).map(|n| pair(n) + &port(n)).collect();
    let start = format!("bridge t-b/br0\n{ports}{}", pair(1023));
    fails("EXFULL", "a bridge takes 1,023 ports", &start, &format!("+ {}", port(1023)))
}
