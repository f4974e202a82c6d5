//! Properties of plans on a machine that has nothing but the lab.

use std::collections::BTreeSet;

use netsim_core::plan::{Action, plan};
use netsim_core::resource::{Device, Key, Resource, SingleKind};
use netsim_core::sim::Sim;
use netsim_core::state::{HostState, Observed};
use netsim_core::testing::{Tape, show_plan};
use proptest::prelude::*;

use crate::harness::{
    State, choices, config, lab, leaves_nothing, observe, perform, plan_to, reach, shuffled, some_state, standing,
    two_states,
};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_plan_reaches_what_is_desired_and_a_second_plan_is_empty((State(from), State(to)) in two_states()) {
        let mut sim = standing(&from)?;
        reach(&mut sim, &to)?;
        reach(&mut sim, &from)?;
        leaves_nothing(sim, &Sim::default())?;
    }

    #[test]
    fn a_plan_may_be_done_in_any_order_that_its_needs_allow((State(from), State(to)) in two_states(), order in choices(40)) {
        let mut sim = standing(&from)?;
        let actions = shuffled(&plan_to(&sim, &to)?, &to, &from, &mut Tape::new(&order.0));
        perform(&mut sim, &actions)?;
        let found = observe(&sim, &to).ours;
        prop_assert!(found == to, "{}", show_plan(&actions));
    }

    #[test]
    fn a_plan_cut_anywhere_can_go_on_or_back_or_elsewhere_or_away(
        (State(from), State(to)) in two_states(), State(other) in some_state(), order in choices(40), cut in any::<usize>(), settle in any::<bool>(),
    ) {
        let mut sim = standing(&from)?;
        let actions = shuffled(&plan_to(&sim, &to)?, &to, &from, &mut Tape::new(&order.0));
        let cut = cut % (actions.len() + 1);
        perform(&mut sim, &actions[..cut])?;
        if let Some(half) = actions.get(cut) {
            sim.do_partly(&lab(), half).expect("what can be done can be half done");
        }
        if settle {
            sim.settle();
        }
        reach(&mut sim.clone(), &to)?;
        reach(&mut sim.clone(), &from)?;
        reach(&mut sim.clone(), &other)?;
        leaves_nothing(sim, &Sim::default())?;
    }

    #[test]
    fn what_is_right_is_not_touched((State(from), State(to)) in two_states()) {
        let mut sim = standing(&from)?;
        let actions = plan_to(&sim, &to)?;
        let right = right(&from, &to);
        for action in &actions {
            let touched = match action {
                Action::Create(r) | Action::Delete(r) | Action::Update { from: r, .. } => r.key(),
                Action::Borrow(loan) | Action::GiveBack(loan) => loan.was.key(),
            };
            prop_assert!(!right.contains(&touched), "{touched} is touched\n{}", show_plan(&actions));
            perform(&mut sim, std::slice::from_ref(action))?;
            let now = observe(&sim, &to).ours;
            for key in &right {
                prop_assert!(now.get(key) == to.get(key), "{key} was gone for a while\n{}", show_plan(&actions));
            }
        }
    }

    #[test]
    fn a_route_that_can_stay_is_made_before_it_is_broken((State(from), State(to)) in two_states()) {
        let mut sim = standing(&from)?;
        let actions = plan_to(&sim, &to)?;
        let right = right(&from, &to);
        let stays = |(key, route): &(&Key, &Resource)| {
            let needs = [route.needs(&to), route.needs(&from)].concat();
            let met = |need: &netsim_core::resource::Need| need.0.iter().any(|key| right.contains(key));
            matches!(key, Key::Route { .. }) && from.get(key).is_some() && needs.iter().all(met)
        };
        let stay: Vec<&Key> = to.iter().filter(stays).map(|(key, _)| key).collect();
        for action in &actions {
            perform(&mut sim, std::slice::from_ref(action))?;
            let now = observe(&sim, &to).ours;
            for key in &stay {
                prop_assert!(now.get(key).is_some(), "{key} was gone for a while\n{}", show_plan(&actions));
            }
        }
    }

    #[test]
    fn equal_input_gives_equal_plans_in_whatever_order_it_comes((State(from), State(to)) in two_states(), order in choices(80)) {
        let seen = |ours: HostState| Observed { ours, ..Observed::default() };
        let mut tape = Tape::new(&order.0);
        let one = plan(&to, &seen(from.clone()));
        let other = plan(&mixed(&to, &mut tape), &seen(mixed(&from, &mut tape)));
        prop_assert_eq!(one, other);
    }
}

/// What is as it shall be, and stands on nothing that goes, nor is disturbed by what comes.
fn right(from: &HostState, to: &HostState) -> BTreeSet<Key> {
    let mut right: BTreeSet<Key> = from.iter().filter(|(k, r)| to.get(k) == Some(r)).map(|(k, _)| k.clone()).collect();
    // Devices that are changed in place, without an MTU that is too small for IPv6, carry what is on them.
    let device = |r: &Resource| match r {
        Resource::Device(Device::Veth(v)) => v.ends().iter().all(|end| end.mtu >= 1280),
        Resource::Device(Device::Single(s)) => s.mtu.is_none_or(|mtu| mtu >= 1280),
        Resource::Device(Device::Bridge(_)) => true,
        _ => false,
    };
    let changes = |(k, r): &(&Key, &Resource)| to.get(k).is_some_and(|to| r.can_become(to) && device(r) && device(to));
    let mut carries: BTreeSet<Key> = from.iter().filter(changes).map(|(k, _)| k.clone()).collect();
    for disturbed in disturbed(from, to) {
        right.remove(&disturbed);
        carries.remove(&disturbed);
    }
    loop {
        let stands = |name: &Key| {
            let key = from.holder(name).map(Resource::key);
            key.is_none_or(|key| right.contains(&key) || carries.contains(&key))
        };
        let safe = |key: &Key| {
            let r = from.get(key).expect("it is among them");
            r.needs(from).iter().flat_map(|need| &need.0).all(stands) && r.owners(from).iter().all(stands)
        };
        let next: BTreeSet<Key> = right.iter().filter(|key| safe(key)).cloned().collect();
        let carrying: BTreeSet<Key> = carries.iter().filter(|key| safe(key)).cloned().collect();
        if (next.len(), carrying.len()) == (right.len(), carries.len()) {
            let whole = right.clone();
            right.retain(|key| !from.get(key).is_some_and(|r| shaken(r, &whole, from, to)));
            return right;
        }
        (right, carries) = (next, carrying);
    }
}

/// What has to make way for a while, and what devices lose that go down and up again.
fn disturbed(from: &HostState, to: &HostState) -> BTreeSet<Key> {
    let mut disturbed = BTreeSet::new();
    for (key, new) in to.iter() {
        let old = from.get(key).filter(|old| old.can_become(new));
        if old == Some(new) {
            continue;
        }
        disturbed.extend(new.disturbs(old, to));
        let cycled = if old.is_none() { new.cycles(to) } else { Vec::new() };
        let is_lost = |r: &Resource| r.lost_by_going_down().iter().any(|device| cycled.contains(device));
        disturbed.extend(from.iter().filter(|(_, r)| is_lost(r)).map(|(key, _)| key.clone()));
    }
    disturbed
}

/// Whether the kernel changes a device by itself on the way, so that it has to be set again.
fn shaken(device: &Resource, right: &BTreeSet<Key>, from: &HostState, to: &HostState) -> bool {
    let Resource::Device(Device::Single(single)) = device else { return false };
    let members = || from.iter().filter(|(_, r)| matches!(r, Resource::Port(port) if port.master() == single.id));
    let emptied = members().next().is_some() && members().all(|(key, _)| !right.contains(key));
    match &single.kind {
        SingleKind::Ipvlan { parent, .. } => {
            let parent = Key::Device(parent.clone());
            from.holder(&parent) != to.holder(&parent)
        }
        SingleKind::Bond(_) => emptied,
        SingleKind::Dummy | SingleKind::Vlan { .. } | SingleKind::Macvlan { .. } | SingleKind::Vrf { .. } => false,
        SingleKind::Vxlan(_) | SingleKind::Gretap(_) | SingleKind::Gre(_) => false,
    }
}

/// The same state, put in in another order; but addresses keep theirs, for of one subnet the first is the primary one.
fn mixed(state: &HostState, tape: &mut Tape) -> HostState {
    let mut resources: Vec<Resource> = state.iter().map(|(_, r)| r.clone()).collect();
    resources.sort_by_cached_key(|r| if matches!(r, Resource::Address(_)) { 256 } else { tape.pick(256) });
    resources.into_iter().collect()
}
