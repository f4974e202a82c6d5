//! Plans that are done on the kernel in memory, whole or in part, in any order that their needs allow.

use std::collections::BTreeSet;
use std::fmt;

use netsim_core::names::LabName;
use netsim_core::plan::{Action, plan};
use netsim_core::resource::{Datapath, Device, Key, NetnsId, Resource};
use netsim_core::sim::Sim;
use netsim_core::state::{HostState, Observed, Scope};
use netsim_core::testing::{Machine, Tape, near_on, rounds, show_action, show_plan, show_state, state_on};
use proptest::prelude::*;
use proptest::test_runner::Config;

pub fn config() -> Config {
    Config { cases: rounds(1_000), failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() }
}

/// Choices for a [`Tape`].
#[derive(Clone)]
pub struct Choices(pub Vec<u8>);

impl fmt::Debug for Choices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

pub fn choices(most: usize) -> impl Strategy<Value = Choices> {
    proptest::collection::vec(any::<u8>(), 0..most).prop_map(Choices)
}

/// A state that prints as text.
#[derive(Clone)]
pub struct State(pub HostState);

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{\n{}}}", show_state(&self.0))
    }
}

/// One with Open vSwitch, or, as often, one without.
pub fn machine(tape: &mut Tape) -> Machine {
    Machine { ovs: (tape.pick(2) == 1).then_some(Datapath::Netdev), ..Machine::default() }
}

pub fn some_state() -> impl Strategy<Value = State> {
    choices(240).prop_map(|Choices(bytes)| {
        let mut tape = Tape::new(&bytes);
        let machine = machine(&mut tape);
        State(state_on(&mut tape, &machine))
    })
}

/// Two states: two times in three the second is near the first.
pub fn two_states() -> impl Strategy<Value = (State, State)> {
    (choices(240), choices(160)).prop_map(|(Choices(a), Choices(b))| {
        let mut tape = Tape::new(&a);
        let machine = machine(&mut tape);
        let from = state_on(&mut tape, &machine);
        let mut tape = Tape::new(&b);
        let to = if tape.pick(3) < 2 { near_on(&from, &mut tape, &machine) } else { state_on(&mut tape, &machine) };
        (State(from), State(to))
    })
}

pub fn lab() -> LabName {
    LabName::new("t").expect("a name")
}

pub fn observe(sim: &Sim, desired: &HostState) -> Observed {
    sim.observe(&Scope::of(&lab(), desired))
}

/// What a property finds out: a value, or how it fails.
pub type Tried<T> = Result<T, TestCaseError>;

/// The plan to a state in which nobody stands in the way.
pub fn plan_to(sim: &Sim, desired: &HostState) -> Tried<Vec<Action>> {
    plan(desired, &observe(sim, desired)).map_err(|refusals| TestCaseError::fail(format!("refused: {refusals:?}")))
}

pub fn perform(sim: &mut Sim, actions: &[Action]) -> Tried<()> {
    for action in actions {
        let failed = |error| format!("{error} at `{}`\n== plan\n{}", show_action(action), show_plan(actions));
        sim.do_one(&lab(), action).map_err(|error| TestCaseError::fail(failed(error)))?;
    }
    Ok(())
}

/// Plans and performs, and sees that all is as desired and nothing remains to do.
pub fn reach(sim: &mut Sim, desired: &HostState) -> Tried<Vec<Action>> {
    // What went in an earlier plan has had the time to go.
    sim.finish_unseen();
    let actions = plan_to(sim, desired)?;
    let before = observe(sim, desired).ours;
    let told = |after: &HostState| {
        format!(
            "== before\n{}== plan\n{}== desired\n{}== found\n{}",
            show_state(&before),
            show_plan(&actions),
            show_state(desired),
            show_state(after)
        )
    };
    let done = perform(sim, &actions);
    let after = observe(sim, desired).ours;
    prop_assert!(done.is_ok(), "{done:?}\n{}", told(&after));
    prop_assert!(after == *desired, "not as desired\n{}", told(&after));
    let again = plan_to(sim, desired)?;
    prop_assert!(again.is_empty(), "there is more to do\n{}== again\n{}", told(&after), show_plan(&again));
    Ok(actions)
}

/// A machine on which a lab stands.
pub fn standing(desired: &HostState) -> Tried<Sim> {
    let mut sim = Sim::default();
    reach(&mut sim, desired)?;
    Ok(sim)
}

/// Removes the lab, and sees that nothing is left.
pub fn leaves_nothing(mut sim: Sim, was: &Sim) -> Tried<()> {
    reach(&mut sim, &HostState::default())?;
    sim.settle();
    prop_assert!(sim == *was, "something is left: {sim:?}");
    Ok(())
}

/// The actions in another order that their needs allow: of those that may be next, the tape picks.
pub fn shuffled(actions: &[Action], desired: &HostState, ours: &HostState, tape: &mut Tape) -> Vec<Action> {
    let touched: Vec<Touched> = actions.iter().map(|action| Touched::by(action, desired, ours)).collect();
    let mut rest: Vec<usize> = (0..actions.len()).collect();
    let mut order = Vec::new();
    while !rest.is_empty() {
        let waits =
            |at: &usize| rest.iter().take_while(|before| *before < at).any(|b| touched[*b].bears_on(&touched[*at]));
        let ready: Vec<usize> = rest.iter().copied().filter(|at| !waits(at)).collect();
        let next = ready[tape.pick(ready.len())];
        rest.retain(|at| *at != next);
        order.push(actions[next].clone());
    }
    order
}

/// The names that an action gives out or frees, those that it stands on, and the namespaces that it deletes in or makes in:
/// a backend may hasten nothing past a deletion in the same namespace, or in that of what it stands on, for what goes may also give back an MTU.
struct Touched {
    deletes: bool,
    netns: BTreeSet<NetnsId>,
    names: BTreeSet<Key>,
    stands_on: BTreeSet<Key>,
}

impl Touched {
    fn by(action: &Action, desired: &HostState, ours: &HostState) -> Self {
        let resources: Vec<&Resource> = match action {
            Action::Create(r) | Action::Delete(r) => vec![r],
            Action::Update { from, to } => vec![from, to],
            Action::Borrow(loan) | Action::GiveBack(loan) => vec![&loan.was],
        };
        // What is created may have been there in another form, which fell with something.
        let before = resources.iter().flat_map(|r| r.claims()).filter_map(|name| ours.holder(&name));
        let resources: Vec<&Resource> = resources.iter().copied().chain(before).collect();
        let mut names: BTreeSet<Key> = resources.iter().flat_map(|r| r.claims()).collect();
        if !matches!(action, Action::Delete(_)) {
            names.extend(resources.iter().flat_map(|r| r.disturbs(ours.get(&r.key()), desired)));
        }
        let mut stands_on = BTreeSet::new();
        for among in [desired, ours] {
            let mut below = BTreeSet::new();
            resources.iter().for_each(|r| add_all_below(r, among, &mut below));
            stands_on.extend(below);
        }
        let parents = resources.iter().flat_map(|r| match r {
            Resource::Device(Device::Single(single)) => single.kind.parent(&single.id),
            _ => None,
        });
        let names_in = resources.iter().flat_map(|r| r.claims()).map(|name| name.netns());
        let netns = names_in.chain(parents.map(|parent| parent.netns)).collect();
        let deletes = matches!(action, Action::Delete(_));
        Touched { deletes, netns, names, stands_on }
    }

    fn bears_on(&self, later: &Touched) -> bool {
        self.deletes && !later.deletes && !self.netns.is_disjoint(&later.netns)
            || !self.names.is_disjoint(&later.names)
            || !self.names.is_disjoint(&later.stands_on)
            || !self.stands_on.is_disjoint(&later.names)
    }
}

/// Every name that something stands on or falls with, down to the ground.
fn add_all_below(resource: &Resource, among: &HostState, names: &mut BTreeSet<Key>) {
    let needs = resource.needs(among).into_iter().flat_map(|need| need.0);
    for name in needs.chain(resource.owners(among)) {
        let Some(below) = among.holder(&name) else { continue };
        if names.insert(name) {
            names.extend(below.claims());
            add_all_below(below, among, names);
        }
    }
}
