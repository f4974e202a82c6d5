//! Queueing disciplines and knobs.

use super::{Case, left};

pub(super) fn qdiscs() -> Vec<Case> {
    let all = "delay=20000000 jitter=5000000 duplicate=1 corrupt=2 reorder=42949672 rate=1250000 limit=77 distribution=normal loss=429496729 ecn";
    let bursts = "limit=10 loss=42949672/858993459/4294967295/0";
    vec![
        left(
            "netem keeps all that it is told, on either end of a pair",
            "",
            &format!(
                "+ netem t-a/e0 {all}
                 + netem t-b/e0 {bursts}
                 + netem t-a/e1 delay=1 jitter=1 distribution=paretonormal"
            ),
            "",
            &format!(
                "netem t-a/e0 {all}
                 netem t-b/e0 {bursts}
                 netem t-a/e1 delay=1 jitter=1 distribution=paretonormal"
            ),
        ),
        left(
            "netem changes in place and keeps nothing that it is not told",
            &format!("netem t-a/e0 {all}\nnetem t-b/e0 {bursts}"),
            &format!(
                "~ netem t-a/e0 {all} => netem t-a/e0 limit=1000
                 ~ netem t-b/e0 {bursts} => netem t-b/e0 {all}"
            ),
            "",
            &format!("netem t-a/e0 limit=1000\nnetem t-b/e0 {all}"),
        ),
        left(
            "a seed is kept, and taken away",
            "netem t-a/e0 loss=1 seed=5",
            "~ netem t-a/e0 loss=1 seed=5 => netem t-a/e0 loss=1
             + netem t-b/e0 loss=1 seed=18446744073709551615",
            "",
            "netem t-a/e0 loss=1
             netem t-b/e0 loss=1 seed=18446744073709551615",
        ),
        left(
            "a bucket keeps all that it is told, and changes in place",
            "tbf t-a/e0 rate=1250000 buffer=781250 limit=62500",
            "~ tbf t-a/e0 rate=1250000 buffer=781250 limit=62500 => tbf t-a/e0 rate=12500000000 buffer=62500 limit=6250000
             + tbf t-b/e0 rate=125 buffer=1000000000 limit=1",
            "",
            "tbf t-a/e0 rate=12500000000 buffer=62500 limit=6250000
             tbf t-b/e0 rate=125 buffer=1000000000 limit=1",
        ),
        left(
            "a bucket becomes netem and netem a bucket",
            "tbf t-a/e0 rate=1250000 buffer=781250 limit=62500
             netem t-a/e1 delay=1000",
            "~ tbf t-a/e0 rate=1250000 buffer=781250 limit=62500 => netem t-a/e0 delay=1000
             ~ netem t-a/e1 delay=1000 => tbf t-a/e1 rate=1250000 buffer=781250 limit=62500",
            "",
            "netem t-a/e0 delay=1000
             tbf t-a/e1 rate=1250000 buffer=781250 limit=62500",
        ),
        left(
            "a bucket that is deleted is gone, and one on a device that goes down is not",
            "tbf t-a/e0 rate=1250000 buffer=781250 limit=62500
             tbf t-b/e0 rate=1250000 buffer=781250 limit=62500",
            "- tbf t-a/e0 rate=1250000 buffer=781250 limit=62500
             - up t-b/e0
             + up t-b/e0
             - up t-b/e0",
            "tbf t-a/e0 rate=1250000 buffer=781250 limit=62500
             up t-b/e0",
            "",
        ),
        left(
            "a bucket goes with its device",
            "tbf t-a/e0 rate=1250000 buffer=781250 limit=62500",
            "- veth t-a/e0 t-b/e0
             + veth t-a/e0 t-b/e0",
            "up t-a/e0
             up t-b/e0
             address t-a/e0 10.0.0.1/24
             address t-a/e0 fd00:0::1/64
             tbf t-a/e0 rate=1250000 buffer=781250 limit=62500",
            "",
        ),
        left(
            "netem is on every kind of device",
            "bridge t-a/br0
             dummy t-a/d0
             vlan t-a/v e0 10
             macvlan t-a/m t-a/e1 bridge
             bond t-a/bond0 active-backup",
            "+ netem t-a/br0 delay=1000
             + netem t-a/d0 delay=1000
             + netem t-a/v delay=1000
             + netem t-a/m delay=1000
             + netem t-a/bond0 delay=1000",
            "",
            "netem t-a/br0 delay=1000
             netem t-a/d0 delay=1000
             netem t-a/v delay=1000
             netem t-a/m delay=1000
             netem t-a/bond0 delay=1000",
        ),
    ]
}

pub(super) fn knobs() -> Vec<Case> {
    vec![
        left(
            "offloads are set, set again and set back",
            "tune t-a/e0 gso off
             tune t-a/e0 tso off
             tune t-a/e1 gro on",
            "+ tune t-b/e0 gro on
             + tune t-b/e0 tx-checksum off
             ~ tune t-a/e0 gso off => tune t-a/e0 gso on
             - tune t-a/e0 tso off
             ~ tune t-a/e1 gro on => tune t-a/e1 gro off",
            "tune t-a/e0 tso off",
            "tune t-b/e0 gro on
             tune t-b/e0 tx-checksum off
             tune t-a/e0 gso on
             tune t-a/e1 gro off",
        ),
        left(
            "TCP is not cut up where checksums are not left to the device, and again when they are",
            "tune t-a/e0 tso on",
            "+ tune t-a/e0 tx-checksum off
             + tune t-a/e1 tx-checksum off
             + tune t-a/e1 tso on
             - tune t-a/e1 tx-checksum off",
            "",
            "tune t-a/e0 tx-checksum off
             tune t-a/e0 tso off
             tune t-a/e1 tso on",
        ),
        left(
            "offloads are new again with the device",
            "tune t-a/e0 gso off",
            "- veth t-a/e0 t-b/e0
             + veth t-a/e0 t-b/e0
             + tune t-a/e0 tso off",
            "up t-a/e0
             up t-b/e0
             address t-a/e0 10.0.0.1/24
             address t-a/e0 fd00:0::1/64
             tune t-a/e0 gso off",
            "tune t-a/e0 tso off",
        ),
        left(
            "CPUs are given to queues and taken again",
            "veth t-a/q,queues=2 t-b/q
             tune t-a/q rps-cpus 0",
            "+ tune t-a/q xps-cpus 0
             ~ tune t-a/q rps-cpus 0 => tune t-a/q rps-cpus
             + tune t-b/q rps-cpus 0
             - tune t-b/q rps-cpus 0",
            "",
            "tune t-a/q xps-cpus 0
             tune t-a/q rps-cpus",
        ),
        left(
            "a pair has the queues that it is made with, and the length of the others in place",
            "veth t-a/q,queues=4,qlen=500 t-b/q,queues=2",
            "~ veth t-a/q,queues=4,qlen=500 t-b/q,queues=2 => veth t-a/q,queues=4 t-b/q,queues=2,qlen=20",
            "",
            "veth t-a/q,queues=4 t-b/q,queues=2,qlen=20",
        ),
    ]
}
