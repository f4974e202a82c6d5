//! Open vSwitch: what goes with what, and what changes in place. Written for the datapath in user space.

use super::{Case, left};

/// What every case starts with: a bridge with two ports, whose devices lead to a node.
const SWITCH: &str = "
    veth host/o0 t-a/o0
    veth host/o1 t-a/o1
    up host/o0
    up host/o1
    ovs-bridge br0,netdev
    ovs-port o0 br0
    ovs-port o1 br0
";

pub(super) fn ovs() -> Vec<Case> {
    let left = |name, start: &str, todo, gone, new| left(name, &format!("{SWITCH}{start}"), todo, gone, new);
    vec![
        left(
            "a bridge takes its ports, mirrors and flows along, and leaves their devices",
            "ovs-port i0 br0 internal
             up host/i0
             address host/i0 10.0.9.1/24
             up host/br0
             address host/br0 fd00:9::1/64
             ovs-mirror br0 m0 in=o0 to=o1",
            "- ovs-bridge br0,netdev",
            "ovs-bridge br0,netdev
             ovs-port o0 br0
             ovs-port o1 br0
             ovs-port i0 br0 internal
             up host/i0
             address host/i0 10.0.9.1/24
             up host/br0
             address host/br0 fd00:9::1/64
             ovs-mirror br0 m0 in=o0 to=o1",
            "",
        ),
        left(
            "a port that is deleted leaves its device as it is, which can be a port of a bridge of the kernel then",
            "",
            "- ovs-port o0 br0
             + bridge host/k0
             + port host/o0 k0",
            "ovs-port o0 br0",
            "bridge host/k0
             port host/o0 k0",
        ),
        left(
            "a device that leaves a bridge of the kernel becomes a port of Open vSwitch",
            "veth host/o2 t-a/o2
             bridge host/k0
             port host/o2 k0",
            "- port host/o2 k0
             + ovs-port o2 br0 tag=7 mode=access",
            "port host/o2 k0",
            "ovs-port o2 br0 tag=7 mode=access",
        ),
        left(
            "a port that is deleted is taken out of what mirrors copy",
            "ovs-port i0 br0 internal
             ovs-mirror br0 m0 in=i0/o0 out=i0 to=o1",
            "- ovs-port i0 br0 internal",
            "ovs-port i0 br0 internal
             ovs-mirror br0 m0 in=i0/o0 out=i0 to=o1",
            "ovs-mirror br0 m0 in=o0 to=o1",
        ),
        left(
            "a mirror whose output is deleted stays as it is of no use",
            "ovs-mirror br0 m0 all to=o1",
            "- ovs-port o1 br0",
            "ovs-port o1 br0
             ovs-mirror br0 m0 all to=o1",
            "ovs-stray its-output-is-gone ovs-mirror br0 m0 all to=br0",
        ),
        left(
            "the row of a port stays when its device goes, and is of no use",
            "",
            "- veth host/o0 t-a/o0",
            "veth host/o0 t-a/o0
             up host/o0
             ovs-port o0 br0",
            "ovs-stray its-device-is-gone ovs-port o0 br0",
        ),
        left(
            "a quality of service stays when its port goes",
            "ovs-qos o0 10000000",
            "- ovs-port o0 br0",
            "ovs-port o0 br0
             ovs-qos o0 10000000",
            "ovs-stray no-port-has-it ovs-qos o0 10000000",
        ),
        left(
            "a rate that is taken away before its port leaves nothing",
            "ovs-qos o0 10000000",
            "- ovs-qos o0 10000000
             - ovs-port o0 br0",
            "ovs-qos o0 10000000
             ovs-port o0 br0",
            "",
        ),
        left(
            "everything about a port but its names changes in place",
            "ovs-port i0 br0 internal
             up host/i0
             address host/i0 10.0.9.1/24",
            "~ ovs-port o0 br0 => ovs-port o0 br0 tag=10 mode=access protected
             ~ ovs-port o1 br0 => ovs-port o1 br0 trunks=10/20 mode=trunk policing=1000 burst=100
             ~ ovs-port i0 br0 internal => ovs-port i0 br0 internal=02:00:00:00:00:77 tag=10 trunks=10/20 mode=native-untagged
             ~ ovs-port o0 br0 tag=10 mode=access protected => ovs-port o0 br0",
            "ovs-port o1 br0
             ovs-port i0 br0 internal",
            "ovs-port o1 br0 trunks=10/20 mode=trunk policing=1000 burst=100
             ovs-port i0 br0 internal=02:00:00:00:00:77 tag=10 trunks=10/20 mode=native-untagged",
        ),
        left(
            "everything about a bridge but its name and datapath changes in place",
            "up host/br0
             address host/br0 10.0.9.1/24",
            "~ ovs-bridge br0,netdev => ovs-bridge br0,netdev,mac=02:00:00:00:00:78,stp,tag=10,protocol=OpenFlow13,mac-aging-time=60
             ~ ovs-bridge br0,netdev,mac=02:00:00:00:00:78,stp,tag=10,protocol=OpenFlow13,mac-aging-time=60 => ovs-bridge br0,netdev,mac=02:00:00:00:00:78,rstp,dp-desc=x",
            "ovs-bridge br0,netdev",
            "ovs-bridge br0,netdev,mac=02:00:00:00:00:78,rstp,dp-desc=x",
        ),
        left(
            "a patch port is there before its peer, and its peer can change",
            "ovs-bridge br1,netdev
             ovs-bridge br2,netdev",
            "+ ovs-port p0 br0 patch=p1
             + ovs-port p1 br1 patch=p0
             ~ ovs-port p0 br0 patch=p1 => ovs-port p0 br0 patch=p2
             + ovs-port p2 br2 patch=p0
             - ovs-port p1 br1 patch=p0",
            "",
            "ovs-port p0 br0 patch=p2
             ovs-port p2 br2 patch=p0",
        ),
        left(
            "tunnel ports of all kinds stand side by side, and change in place all but what they are on the underlay",
            "",
            "+ ovs-port t0 br0 tunnel=vxlan,192.0.2.1,192.0.2.2,port=4791,key=7,ttl=9,checksum,no-df tag=10 mode=access
             + ovs-port t1 br0 tunnel=geneve,192.0.2.1,192.0.2.2,key=7 protected
             + ovs-port t2 br0 tunnel=gre,192.0.2.1,192.0.2.2
             + ovs-port t3 br0 tunnel=gre,192.0.2.1,192.0.2.2,key=5
             + ovs-port t4 br0 tunnel=vxlan,fd0f::1,fd0f::2,port=4791,key=7
             + ovs-port t5 br0 tunnel=vxlan,192.0.2.1,192.0.2.2,port=4791,key=8
             ~ ovs-port t0 br0 tunnel=vxlan,192.0.2.1,192.0.2.2,port=4791,key=7,ttl=9,checksum,no-df tag=10 mode=access => ovs-port t0 br0 tunnel=vxlan,192.0.2.1,192.0.2.2,port=4791,key=7
             ~ ovs-port t1 br0 tunnel=geneve,192.0.2.1,192.0.2.2,key=7 protected => ovs-port t1 br0 tunnel=geneve,192.0.2.1,192.0.2.2,key=7,ttl=5,no-df
             ~ ovs-port t3 br0 tunnel=gre,192.0.2.1,192.0.2.2,key=5 => ovs-port t3 br0 tunnel=gre,192.0.2.1,192.0.2.2,key=5,checksum",
            "",
            "ovs-port t0 br0 tunnel=vxlan,192.0.2.1,192.0.2.2,port=4791,key=7
             ovs-port t1 br0 tunnel=geneve,192.0.2.1,192.0.2.2,key=7,ttl=5,no-df
             ovs-port t2 br0 tunnel=gre,192.0.2.1,192.0.2.2
             ovs-port t3 br0 tunnel=gre,192.0.2.1,192.0.2.2,key=5,checksum
             ovs-port t4 br0 tunnel=vxlan,fd0f::1,fd0f::2,port=4791,key=7
             ovs-port t5 br0 tunnel=vxlan,192.0.2.1,192.0.2.2,port=4791,key=8",
        ),
        left(
            "two tunnel ports exchange what they are on the underlay",
            "ovs-bridge br1,netdev
             ovs-port t0 br1 tunnel=gre,192.0.2.1,192.0.2.2
             ovs-port t1 br0 tunnel=gre,192.0.2.1,192.0.2.2,key=5",
            "- ovs-port t0 br1 tunnel=gre,192.0.2.1,192.0.2.2
             - ovs-port t1 br0 tunnel=gre,192.0.2.1,192.0.2.2,key=5
             + ovs-port t0 br1 tunnel=gre,192.0.2.1,192.0.2.2,key=5
             + ovs-port t1 br0 tunnel=gre,192.0.2.1,192.0.2.2",
            "ovs-port t0 br1 tunnel=gre,192.0.2.1,192.0.2.2
             ovs-port t1 br0 tunnel=gre,192.0.2.1,192.0.2.2,key=5",
            "ovs-port t0 br1 tunnel=gre,192.0.2.1,192.0.2.2,key=5
             ovs-port t1 br0 tunnel=gre,192.0.2.1,192.0.2.2",
        ),
        left(
            "a tunnel port goes with its bridge, and frees its tunnel for another",
            "ovs-bridge br1,netdev
             ovs-port t0 br1 tunnel=gre,192.0.2.1,192.0.2.2",
            "- ovs-bridge br1,netdev
             + ovs-port t1 br0 tunnel=gre,192.0.2.1,192.0.2.2",
            "ovs-bridge br1,netdev
             ovs-port t0 br1 tunnel=gre,192.0.2.1,192.0.2.2",
            "ovs-port t1 br0 tunnel=gre,192.0.2.1,192.0.2.2",
        ),
        left(
            "a mirror changes in place what it copies, and to where",
            "ovs-mirror br0 m0 all to=o1",
            "~ ovs-mirror br0 m0 all to=o1 => ovs-mirror br0 m0 in=o1 out=o1/br0 to=o0",
            "ovs-mirror br0 m0 all to=o1",
            "ovs-mirror br0 m0 in=o1 out=o1/br0 to=o0",
        ),
        left(
            "mirrors of two bridges can have one name",
            "veth host/o2 t-a/o2
             ovs-bridge br1,netdev
             ovs-port o2 br1
             ovs-mirror br0 m0 all to=o1",
            "+ ovs-mirror br1 m0 all to=o2",
            "",
            "ovs-mirror br1 m0 all to=o2",
        ),
        left(
            "a rate changes in place, and gives way to a queueing discipline of the device's own",
            "ovs-qos o0 10000000",
            "~ ovs-qos o0 10000000 => ovs-qos o0 20000000
             + ovs-qos o1 noop
             ~ ovs-qos o1 noop => ovs-qos o1 10000000
             ~ ovs-qos o1 10000000 => ovs-qos o1 noop",
            "ovs-qos o0 10000000",
            "ovs-qos o0 20000000
             ovs-qos o1 noop",
        ),
        left(
            "a queueing discipline is left alone where that is said",
            "ovs-qos o0 noop
             tbf host/o0 rate=1250000 buffer=781250 limit=62500",
            "~ ovs-bridge br0,netdev => ovs-bridge br0,netdev,mac-aging-time=60
             ~ ovs-port o0 br0 => ovs-port o0 br0 tag=10 mode=access",
            "ovs-bridge br0,netdev
             ovs-port o0 br0",
            "ovs-bridge br0,netdev,mac-aging-time=60
             ovs-port o0 br0 tag=10 mode=access",
        ),
        left(
            "a device that becomes a port loses its queueing discipline",
            "veth host/o2 t-a/o2
             tbf host/o2 rate=1250000 buffer=781250 limit=62500",
            "+ ovs-port o2 br0",
            "tbf host/o2 rate=1250000 buffer=781250 limit=62500",
            "ovs-port o2 br0",
        ),
        left(
            "addresses stand on what Open vSwitch makes, and go with its being up as on others",
            "ovs-port i0 br0 internal
             up host/i0
             address host/i0 10.0.9.1/24
             address host/i0 fd00:9::1/64",
            "- up host/i0",
            "up host/i0
             address host/i0 fd00:9::1/64",
            "",
        ),
    ]
}
