//! What a kernel refuses to do with ports, VLANs, bonds, VRFs and devices on others, and by which error number.

use super::{Case, fails};

pub(super) fn refused() -> Vec<Case> {
    let mut all = ports();
    all.extend(parents());
    all
}

fn ports() -> Vec<Case> {
    let bond = "bond t-a/bond0 active-backup";
    let vrf = "vrf t-a/red 200";
    vec![
        fails("EPERM", "a bond takes no member that is up", bond, "+ port t-a/e0 bond0"),
        fails(
            "EBUSY",
            "a bond takes no member that others stand on",
            &format!("{bond}\nmacvlan t-b/m t-a/e0 bridge"),
            "- up t-a/e0\n+ port t-a/e0 bond0",
        ),
        fails("EOPNOTSUPP", "lo is in no VRF", vrf, "+ port t-a/lo red"),
        fails("EINVAL", "a VRF is in no VRF", &format!("{vrf}\nvrf t-a/blue 201"), "+ port t-a/blue red"),
        fails("EINVAL", "a VRF is no port", &format!("{vrf}\nbridge t-a/br0"), "+ port t-a/red br0"),
        fails("EINVAL", "an ipvlan device is no port", "bridge t-a/br0\nipvlan t-a/i t-a/e0 l2", "+ port t-a/i br0"),
        fails(
            "EBUSY",
            "a device that a macvlan device stands on is no port",
            "bridge t-a/br0\nmacvlan t-b/m t-a/e0 bridge",
            "+ port t-a/e0 br0",
        ),
        fails("EOPNOTSUPP", "a macvlan device has no members", "macvlan t-a/m t-a/e0 bridge", "+ port t-a/e1 m"),
        fails("EINVAL", "a VRF has a table", "", "+ vrf t-a/red 0"),
        fails("ENODEV", "a device stands on one that is there", "", "+ macvlan t-a/m t-a/e9 bridge"),
    ]
}

fn parents() -> Vec<Case> {
    vec![
        fails("EEXIST", "one device has a VLAN once", "vlan t-a/v e0 10", "+ vlan t-a/w e0 10"),
        fails("EOPNOTSUPP", "lo takes no VLANs", "", "+ vlan t-a/v lo 10"),
        fails("EOPNOTSUPP", "a VRF takes no VLANs", "vrf t-a/red 200", "+ vlan t-a/v red 10"),
        fails("EINVAL", "a VLAN has no greater MTU than its parent", "", "+ vlan t-a/v,mtu=1501 e0 10"),
        fails(
            "ERANGE",
            "a VLAN gets no greater MTU than its parent",
            "vlan t-a/v e0 10",
            "~ vlan t-a/v e0 10 => vlan t-a/v,mtu=1501 e0 10",
        ),
        fails("ENETDOWN", "a VLAN is not up on a parent that is down", "vlan t-a/v e0 10", "- up t-a/e0\n+ up t-a/v"),
        fails("EINVAL", "nothing stands on lo", "", "+ macvlan t-a/m t-a/lo bridge"),
        fails("EINVAL", "no ipvlan stands on lo", "", "+ ipvlan t-a/i t-a/lo l2"),
        fails(
            "EINVAL",
            "a macvlan device has no greater MTU than its parent",
            "",
            "+ macvlan t-a/m,mtu=1501 t-a/e0 bridge",
        ),
        fails(
            "EBUSY",
            "macvlan and ipvlan do not share a parent",
            "ipvlan t-a/i t-a/e0 l2",
            "+ macvlan t-b/m t-a/e0 bridge",
        ),
        fails(
            "EBUSY",
            "ipvlan and macvlan do not share a parent",
            "macvlan t-a/m t-a/e0 bridge",
            "+ ipvlan t-b/i t-a/e0 l2",
        ),
        fails(
            "EBUSY",
            "no macvlan device stands on a port",
            "bridge t-a/br0\nport t-a/e0 br0",
            "+ macvlan t-a/m t-a/e0 bridge",
        ),
        fails(
            "EBUSY",
            "no ipvlan device stands on a member of a bond",
            "bond t-a/bond0 active-backup\ndummy t-a/d0\nport t-a/d0 bond0",
            "+ ipvlan t-a/i t-a/d0 l2",
        ),
        fails(
            "EINVAL",
            "one in passthru has its parent for itself",
            "macvlan t-a/m t-a/e0 passthru",
            "+ macvlan t-b/m t-a/e0 bridge",
        ),
        fails(
            "EINVAL",
            "none is in passthru beside others",
            "macvlan t-a/m t-a/e0 bridge",
            "+ macvlan t-b/m t-a/e0 passthru",
        ),
        fails(
            "EADDRINUSE",
            "a macvlan device is not up with the address of its parent",
            "veth t-a/p,mac=02:00:00:00:00:07 t-b/p\nmacvlan t-a/m,mac=02:00:00:00:00:07 t-a/p bridge",
            "+ up t-a/m",
        ),
        fails(
            "EADDRINUSE",
            "two macvlan devices are not up with one address",
            "macvlan t-a/m,mac=02:00:00:00:00:07 t-a/e0 bridge\nup t-a/m\nmacvlan t-b/m,mac=02:00:00:00:00:07 t-a/e0 bridge",
            "+ up t-b/m",
        ),
        fails(
            "EADDRINUSE",
            "two ipvlan devices on one parent have no address in common",
            "ipvlan t-a/i t-a/e0 l2\nup t-a/i\naddress t-a/i 10.0.5.1/24\nipvlan t-b/i t-a/e0 l2\nup t-b/i",
            "+ address t-b/i 10.0.5.1/24",
        ),
        fails(
            "EADDRINUSE",
            "no IPv6 address either",
            "ipvlan t-a/i t-a/e0 l2\nup t-a/i\naddress t-a/i fd00:5::1/64\nipvlan t-b/i t-a/e0 l2\nup t-b/i",
            "+ address t-b/i fd00:5::1/64",
        ),
        fails("ENOENT", "a device with one queue gives it to no CPUs", "", "+ tune t-a/e0 xps-cpus 0"),
    ]
}
