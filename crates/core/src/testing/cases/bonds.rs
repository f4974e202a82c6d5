//! Bonds and their members.

use super::{Case, left};

pub(super) fn bonds() -> Vec<Case> {
    let bond = "
        bond t-a/bond0,mac=02:00:00:00:00:01,mtu=1400 active-backup
        dummy t-a/d0
        dummy t-a/d1
    ";
    let member = "
        bond t-a/bond0,mac=02:00:00:00:00:01,mtu=1400 active-backup
        dummy t-a/d0,mac=02:00:00:00:00:01,mtu=1400
        port t-a/d0 bond0
        up t-a/d0
    ";
    vec![
        left(
            "a member gets the address and MTU of its bond, and is opened",
            bond,
            "+ port t-a/d0 bond0",
            "",
            "dummy t-a/d0,mac=02:00:00:00:00:01,mtu=1400
             port t-a/d0 bond0
             up t-a/d0",
        ),
        left(
            "a member that was opened by joining may be told to be up",
            bond,
            "+ port t-a/d0 bond0
             + up t-a/d0",
            "",
            "dummy t-a/d0,mac=02:00:00:00:00:01,mtu=1400
             port t-a/d0 bond0
             up t-a/d0",
        ),
        left(
            "a member that leaves is closed, and as it was",
            &format!("{bond}\nup t-a/d1"),
            "- up t-a/d1
             + port t-a/d0 bond0
             + port t-a/d1 bond0
             - port t-a/d0 bond0",
            "up t-a/d1",
            "dummy t-a/d1,mac=02:00:00:00:00:01,mtu=1400
             port t-a/d1 bond0
             up t-a/d1",
        ),
        left(
            "a bond that goes frees and closes its members",
            member,
            "- bond t-a/bond0,mac=02:00:00:00:00:01,mtu=1400 active-backup",
            "bond t-a/bond0,mac=02:00:00:00:00:01,mtu=1400 active-backup
             port t-a/d0 bond0
             up t-a/d0",
            "",
        ),
        left(
            "a bond gives a new address and MTU to its members",
            member,
            "~ bond t-a/bond0,mac=02:00:00:00:00:01,mtu=1400 active-backup => bond t-a/bond0,mac=02:00:00:00:00:02,mtu=1300 active-backup miimon=50",
            "",
            "bond t-a/bond0,mac=02:00:00:00:00:02,mtu=1300 active-backup miimon=50
             dummy t-a/d0,mac=02:00:00:00:00:02,mtu=1300",
        ),
        left(
            "a bond that lost its last member has an address again when it is told",
            member,
            "- port t-a/d0 bond0
             ~ bond t-a/bond0,mtu=1400 active-backup => bond t-a/bond0,mac=02:00:00:00:00:01,mtu=1400 active-backup
             + port t-a/d0 bond0",
            "",
            "",
        ),
        left(
            "a bond without its members is a device like others",
            "bond t-a/bond0 balance-rr miimon=0
             up t-a/bond0
             address t-a/bond0 10.0.5.1/24
             address t-a/bond0 fd00:5::1/64
             bridge t-a/br0
             port t-a/bond0 br0",
            "+ route t-a 10.9.0.0/24 via bond0=10.0.5.100
             + route t-a fd09::/64 via bond0=fd00:5::100
             + vlan t-a/v bond0 10
             + up t-a/v",
            "",
            "route t-a 10.9.0.0/24 via bond0=10.0.5.100
             route t-a fd09::/64 via bond0=fd00:5::100
             vlan t-a/v bond0 10
             up t-a/v",
        ),
        left(
            "a bond goes down and up without its members",
            member,
            "+ up t-a/bond0
             - up t-a/bond0",
            "",
            "",
        ),
        left(
            "bonds come in every mode",
            "",
            "+ bond t-a/m0 balance-rr
             + bond t-a/m1 active-backup miimon=0
             + bond t-a/m2 balance-xor
             + bond t-a/m3 broadcast miimon=10
             + bond t-a/m4 802.3ad",
            "",
            "bond t-a/m0 balance-rr
             bond t-a/m1 active-backup miimon=0
             bond t-a/m2 balance-xor
             bond t-a/m3 broadcast miimon=10
             bond t-a/m4 802.3ad",
        ),
    ]
}
