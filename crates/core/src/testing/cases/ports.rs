//! Ports of bridges: how they are treated, and the VLANs that they take.

use super::{Case, left};

pub(super) fn ports() -> Vec<Case> {
    let filtering = "
        bridge t-a/br0,filtering
        port t-a/e0 br0
        vlans t-a/e0 10u 20-30 pvid=10
        vlans t-a/br0 20
    ";
    vec![
        left(
            "a port is treated otherwise in place, and as any other after it was freed",
            "bridge t-a/br0
             port t-a/e0 br0
             port t-a/e1 br0 hairpin isolated no-learning",
            "~ port t-a/e0 br0 => port t-a/e0 br0 isolated
             ~ port t-a/e1 br0 hairpin isolated no-learning => port t-a/e1 br0 hairpin no-learning
             - port t-a/e0 br0 isolated
             + port t-a/e0 br0",
            "",
            "port t-a/e1 br0 hairpin no-learning",
        ),
        left(
            "a bridge that filters has its ports in no VLAN until told",
            "bridge t-a/br0,filtering
             port t-a/e0 br0",
            "+ vlans t-a/e0 1u 100-200 pvid=1
             + port t-a/e1 br0
             + vlans t-a/br0 4094u pvid=4094",
            "",
            "vlans t-a/e0 1u 100-200 pvid=1
             port t-a/e1 br0
             vlans t-a/br0 4094u pvid=4094",
        ),
        left(
            "the VLANs of a port change in place to exactly those",
            filtering,
            "~ vlans t-a/e0 10u 20-30 pvid=10 => vlans t-a/e0 10 25u 40 pvid=25
             ~ vlans t-a/br0 20 => vlans t-a/br0 21u 30u pvid=21",
            "",
            "vlans t-a/e0 10 25u 40 pvid=25
             vlans t-a/br0 21u 30u pvid=21",
        ),
        left(
            "a port that is freed takes its VLANs along, and has none when it comes again",
            filtering,
            "- port t-a/e0 br0
             + port t-a/e0 br0",
            "vlans t-a/e0 10u 20-30 pvid=10",
            "",
        ),
        left(
            "the VLANs of a bridge itself go with it, and those of its ports",
            filtering,
            "- bridge t-a/br0,filtering
             + bridge t-a/br0,filtering
             + port t-a/e0 br0",
            "vlans t-a/e0 10u 20-30 pvid=10
             vlans t-a/br0 20",
            "",
        ),
        left(
            "a bridge filters and does no more, with its ports in use",
            "bridge t-a/br0
             bridge t-a/br1,filtering
             port t-a/e0 br0
             port t-a/e1 br1
             vlans t-a/e1 10u pvid=10",
            "~ bridge t-a/br0 => bridge t-a/br0,filtering
             + vlans t-a/e0 20u pvid=20
             - vlans t-a/e1 10u pvid=10
             ~ bridge t-a/br1,filtering => bridge t-a/br1
             ~ bridge t-a/br1 => bridge t-a/br1,filtering",
            "vlans t-a/e1 10u pvid=10",
            "bridge t-a/br0,filtering
             vlans t-a/e0 20u pvid=20",
        ),
        left(
            "a bridge runs the spanning tree and forgets at other times in place",
            "bridge t-a/br0
             bridge t-a/br1,stp,delay=200,ageing=0",
            "~ bridge t-a/br0 => bridge t-a/br0,stp,delay=400,ageing=1000
             ~ bridge t-a/br1,stp,delay=200,ageing=0 => bridge t-a/br1",
            "",
            "bridge t-a/br0,stp,delay=400,ageing=1000
             bridge t-a/br1",
        ),
    ]
}
