//! Who makes or takes away tunnels, killed at every point of it: from each state it goes on, or takes all away.

use netsim_core::state::Feature;

use super::common::killed::{MAKE, TAKE_AWAY, Work, errand};
use super::*;

/// Tunnels of each kind that this kernel has: a VXLAN port of a bridge with what it is told, frames in GRE, packets in GRE to many.
fn wanted() -> HostState {
    let vxlan = Vxlan { remote: None, learning: false, ..vxlan::plain(1, 2) };
    let entries = vec![fdb("a/vx0", EVERYBODY, "192.0.2.2"), fdb("a/vx0", mac_of("b/eth0"), "192.0.2.2")];
    let mut all = vxlan::bridged("a", vxlan, "10.0.0.1/24", entries);
    let features = [Feature::Gre].into();
    let lacks =
        linux().observe_now(&Scope { features, ..Scope::lab(&lab()) }).expect("it can be looked at").facts.lacks;
    if lacks.is_empty() {
        let gre = Gre { remote: Some(addr("192.0.2.2")), ..Gre::new(addr("192.0.2.1")) };
        let many = Gre { remote: None, key: Some(3), ..gre };
        let neighbour = Neighbour { device: id("g/eth1"), address: addr("10.0.1.2"), to: addr("192.0.2.2") };
        let node = vec![
            single("g/eth0", 1400, SingleKind::Gretap(gre)),
            single("g/eth1", 1400, SingleKind::Gre(many)),
            up("g/eth0"),
            up("g/eth1"),
            address("g/eth1", "10.0.1.1/24"),
            Resource::Neighbour(neighbour),
        ];
        netns("g").into_iter().chain(node).for_each(|resource| all.insert(resource));
    }
    all
}

/// What is done by a process of its own that can be killed.
#[test]
#[ignore = "not by itself: the tests beside it start it as a child, to be killed"]
fn what_another_test_has_it_do() {
    if let Some(desired) = errand(wanted) {
        apply(&desired, &plan_for(&desired)).unwrap_or_else(|e| panic!("{e}"));
    }
}

fn goes_on_or_away(errand: &str, before: &HostState) {
    let go_to = |state: &HostState| drop(become_so(state));
    let nothing_is_left = || assert!(!ip("-o link").contains("netsim-"), "{}", ip("-o link"));
    let work = Work { whole: wanted(), go_to: &go_to, observe, nothing_is_left: &nothing_is_left };
    work.goes_on_or_away(errand, before, 2);
}

on_a_machine!(one_who_makes_tunnels_can_be_killed_anywhere, needs Vxlan Bridge, {
    goes_on_or_away(MAKE, &HostState::default());
});

on_a_machine!(one_who_takes_tunnels_away_can_be_killed_anywhere, needs Vxlan Bridge, {
    goes_on_or_away(TAKE_AWAY, &wanted());
});
