//! Plans on a machine where others have things too: they are refused their names, lent their settings, and never touched.

use netsim_core::names::LabName;
use netsim_core::plan::{Action, plan};
use netsim_core::resource::{Device, Key, NetnsId, Resource, Sysctl};
use netsim_core::sim::{Errno, Sim};
use netsim_core::state::{HostState, Observed, Scope};
use netsim_core::testing::{Tape, grow, near, resource, show_action, show_plan};
use proptest::prelude::*;

use crate::harness::{
    Choices, State, Tried, choices, config, lab, leaves_nothing, observe, plan_to, reach, some_state, standing,
    two_states,
};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_name_that_others_hold_is_refused_and_what_is_not_refused_leaves_theirs_alone(
        State(theirs) in some_state(), (State(from), State(to)) in two_states(), marked in any::<bool>(),
    ) {
        let other = LabName::new("u").expect("a name");
        let mut sim = Sim::default();
        for action in plan_to(&sim, &theirs)? {
            let Action::Create(resource) = action else { panic!("there was nothing before") };
            sim.plant(&resource, marked.then_some(&other)).expect("a plan can be done by hand");
        }
        let empty = sim.clone();
        let is_taken = |state: &HostState| {
            state.iter().flat_map(|(_, r)| r.claims()).any(|name| theirs.holder(&name).is_some())
        };
        for desired in [&from, &to] {
            let observed = observe(&sim, desired);
            if is_taken(desired) {
                let refusals = plan(desired, &observed).expect_err("names are taken");
                for refusal in refusals {
                    prop_assert!(theirs.holder(&refusal.key).is_some(), "{refusal}");
                    prop_assert_eq!(refusal.lab.as_ref(), marked.then_some(&other));
                }
            } else {
                reach(&mut sim, desired)?;
            }
        }
        leaves_nothing(sim, &empty)?;
    }

    #[test]
    fn what_hands_did_is_set_right_or_refused_and_what_they_made_is_not_touched(
        (State(from), State(to)) in two_states(), Choices(hands) in choices(60), settle in any::<bool>(),
    ) {
        let mut sim = standing(&from)?;
        meddle(&mut sim, &mut Tape::new(&hands));
        if settle {
            sim.settle();
        }
        let observed = observe(&sim, &to);
        match plan(&to, &observed) {
            Err(refusals) => {
                for refusal in refusals {
                    prop_assert!(observed.others.contains_key(&refusal.key), "{refusal}");
                }
            }
            Ok(actions) => {
                for action in &actions {
                    prop_assert!(!observed.others.contains_key(&key(action)), "{}", show_action(action));
                }
                reach(&mut sim, &to)?;
                let now = observe(&sim, &to).others;
                for (name, _) in observed.others.iter().filter(|(name, _)| matches!(name, Key::Device(_))) {
                    let goes = |netns: &NetnsId| actions.iter().any(|a| matches!(a, Action::Delete(Resource::Netns(n)) if *netns == n.lo().netns));
                    let away = observed.others[name].resource.iter().flat_map(Resource::claims).any(|name| goes(&name.netns()));
                    let fell = fell_with(name, &observed, &actions);
                    prop_assert!(away || fell || now.contains_key(name), "{name} went\n{}", show_plan(&actions));
                }
            }
        }
        reach(&mut sim, &HostState::default())?;
    }

    #[test]
    fn a_namespace_that_goes_slowly_is_in_nobodys_way(
        (State(from), State(to)) in two_states(), Choices(hands) in choices(20), settle in any::<usize>(),
    ) {
        let mut sim = standing(&from)?;
        let mut tape = Tape::new(&hands);
        let namespaces: Vec<&Key> = from.iter().map(|(key, _)| key).filter(|k| matches!(k, Key::Netns(_))).collect();
        for key in namespaces {
            if tape.mostly(2) {
                sim.remove_by_hand(key).expect("it is there");
            }
        }
        reach(&mut sim.clone(), &to)?;
        // What had a device for itself is in the way as long as it lasts; a backend waits for that.
        sim.finish_unseen();
        // The kernel may get done while the plan is.
        let actions = plan_to(&sim, &to)?;
        let settle = settle % (actions.len() + 1);
        for (at, action) in actions.iter().enumerate() {
            if at == settle {
                sim.settle();
            }
            match sim.do_one(&lab(), action) {
                Ok(()) => {}
                // What is gone needs no deletion; an update of what is gone is for the next plan.
                Err(e) if matches!(action, Action::Delete(_)) && is_gone(e.errno) => {}
                Err(e) if matches!(action, Action::Update { .. }) && e.errno == Errno::Srch => break,
                Err(e) if !matches!(action, Action::Create(_)) && e.errno == Errno::Stale => break,
                Err(e) => prop_assert!(false, "{e} at `{}`\n{}", show_action(action), show_plan(&actions)),
            }
        }
        sim.settle();
        reach(&mut sim, &to)?;
        leaves_nothing(sim, &Sim::default())?;
    }

    #[test]
    fn the_last_lab_to_leave_gives_back_what_is_still_as_it_was_set(steps in proptest::collection::vec(step(), 0..12)) {
        let mut sim = Sim::default();
        let mut by_hand = Vec::new();
        for step in steps {
            match step {
                Step::Want(lab, value) => want(&mut sim, lab, value)?,
                Step::Hand(value) => {
                    sim.change_by_hand(&setting(value)).expect("the host has it");
                    by_hand.push(value.to_string());
                }
            }
            let set = ["t", "u"].map(|lab| set_by(&sim, lab));
            prop_assert!(!by_hand.is_empty() || set.iter().flatten().all(|set| *set == value(&sim)), "{set:?}");
        }
        let before = value(&sim);
        let set = ["t", "u"].map(|lab| set_by(&sim, lab));
        for lab in ["t", "u"] {
            want(&mut sim, lab, None)?;
        }
        let left = value(&sim);
        let is_ours = set.contains(&Some(before.clone()));
        prop_assert!(is_ours || left == before, "{before} was set by others and became {left}");
        prop_assert!(left == "0" || by_hand.contains(&left), "{left} is what a lab has set");
        prop_assert!(!by_hand.is_empty() || sim == Sim::default(), "nobody else has set it: {sim:?}");
    }
}

/// Whether a device of others stood on one that the plan deletes, itself or by way of others: with that it falls.
fn fell_with(name: &Key, observed: &Observed, actions: &[Action]) -> bool {
    let holder = |name: &Key| {
        let theirs = || observed.others.get(name).and_then(|foreign| foreign.resource.as_ref());
        observed.ours.holder(name).or_else(theirs).cloned()
    };
    let Some(Resource::Device(Device::Single(single))) = holder(name) else { return false };
    let below = single.kind.parent(&single.id).or_else(|| single.kind.underlay());
    let Some(parent) = below else { return false };
    let goes = |r: &Resource| match r {
        Resource::Netns(n) => n.lo().netns == parent.netns,
        other => other.claims().contains(&Key::Device(parent.clone())),
    };
    let deleted = |action: &Action| matches!(action, Action::Delete(r) if goes(r));
    actions.iter().any(deleted) || fell_with(&Key::Device(parent.clone()), observed, actions)
}

fn key(action: &Action) -> Key {
    match action {
        Action::Create(r) | Action::Delete(r) | Action::Update { from: r, .. } => r.key(),
        Action::Borrow(loan) | Action::GiveBack(loan) => loan.was.key(),
    }
}

fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::NoDev | Errno::NoEnt | Errno::Srch | Errno::AddrNotAvail)
}

/// A hand removes, makes and changes things of a lab that stands.
fn meddle(sim: &mut Sim, tape: &mut Tape) {
    for _ in 0..tape.pick(5) {
        let now = observe(sim, &HostState::default()).ours;
        let keys: Vec<&Key> = now.iter().map(|(key, _)| key).collect();
        let mut then = now.clone();
        // What a hand cannot do, it does not do.
        let _ = match tape.pick(4) {
            0 => tape.one_of(&keys).map_or(Ok(()), |key| sim.remove_by_hand(key)),
            1 => {
                then = near(&now, tape);
                // VLANs that a bridge keeps while it does not filter would show when it does again.
                let vlans = |key: &&Key| matches!(key, Key::PortVlans(_)) && then.get(key).is_none();
                now.iter().map(|(key, _)| key).filter(vlans).for_each(|key| _ = sim.remove_by_hand(key));
                let changes = |(key, from): &(&Key, &Resource)| then.get(key).is_some_and(|to| from.can_become(to));
                now.iter().filter(changes).try_for_each(|(key, from)| match then.get(key) {
                    Some(to) if to != from => sim.change_by_hand(to),
                    Some(_) | None => Ok(()),
                })
            }
            _ => {
                grow(&mut then, tape);
                let new = |r: &Resource| now.get(&r.key()).is_none() && !matches!(r, Resource::Ran(_));
                then.iter().map(|(_, r)| r).filter(|r| new(r)).try_for_each(|r| sim.plant(r, None))
            }
        };
    }
}

/// Something that happens to a setting of the host.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A lab wants this value, or does not care.
    Want(&'static str, Option<u8>),
    Hand(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let lab = prop_oneof![Just("t"), Just("u")];
    let value = prop_oneof![Just(None), (0..3u8).prop_map(Some)];
    prop_oneof![4 => (lab, value).prop_map(|(lab, value)| Step::Want(lab, value)), 1 => (0..3u8).prop_map(Step::Hand)]
}

fn setting(value: u8) -> Resource {
    resource(&format!("sysctl host net.ipv4.conf.all.rp_filter {value}"))
}

fn value(sim: &Sim) -> String {
    let wanted: HostState = [setting(0)].into_iter().collect();
    match &observe(sim, &wanted).others[&setting(0).key()].resource {
        Some(Resource::Sysctl(Sysctl { value, .. })) => value.to_string(),
        other => panic!("{other:?} is no setting"),
    }
}

/// What a lab has set, as the ledger knows it.
fn set_by(sim: &Sim, lab: &str) -> Option<String> {
    let lab = LabName::new(lab).expect("a name");
    let observed = sim.observe(&Scope::of(&lab, &HostState::default()));
    match &observed.loans.get(&setting(0).key())?.loan.set {
        Resource::Sysctl(sysctl) => Some(sysctl.value.to_string()),
        other => panic!("{other:?} is no setting"),
    }
}

/// Has a lab want a value, and sees that it gets it or is refused because of the other lab.
fn want(sim: &mut Sim, lab: &str, wanted: Option<u8>) -> Tried<()> {
    let lab = LabName::new(lab).expect("a name");
    let desired: HostState = wanted.map(setting).into_iter().collect();
    let scope = Scope::of(&lab, &desired);
    let observed = sim.observe(&scope);
    let actions = match plan(&desired, &observed) {
        Ok(actions) => actions,
        Err(refusals) => {
            prop_assert!(refusals.iter().all(|r| r.lab.is_some()), "{refusals:?}");
            return Ok(());
        }
    };
    for action in &actions {
        sim.do_one(&lab, action).map_err(|e| TestCaseError::fail(format!("{e}\n{}", show_plan(&actions))))?;
    }
    if let Some(wanted) = wanted {
        prop_assert_eq!(value(sim), wanted.to_string());
    }
    let again = plan(&desired, &sim.observe(&scope));
    prop_assert!(again == Ok(Vec::new()), "there is more to do: {again:?}\n{}", show_plan(&actions));
    Ok(())
}
