//! A plan in parts, for the kernel and Open vSwitch take turns.

use netsim_core::plan::Action;
use netsim_core::resource::{Key, Resource};
use netsim_core::state::HostState;
use rustc_hash::FxHashSet;

use crate::linux::{self, Step};

/// What is of Open vSwitch goes before what it stands on, and comes after; what stands on devices that it makes comes last, and programs.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parts<'a> {
    /// The kernel's updates that save something from what goes next.
    pub(super) saving: Vec<Step<'a>>,
    /// Deletions of Open vSwitch.
    pub(super) unswitched: Vec<Step<'a>>,
    /// The kernel's deletions, and what it builds without Open vSwitch.
    pub(super) early: Vec<Step<'a>>,
    /// What Open vSwitch builds.
    pub(super) switched: Vec<Step<'a>>,
    /// What the kernel builds on that, the marks of devices among it; and programs.
    pub(super) late: Vec<Step<'a>>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(steps: &[Step<'a>]) -> Self {
        let (saving, rest) = steps.split_at(linux::saves(steps));
        let mut parts = Parts { saving: saving.to_vec(), ..Parts::default() };
        let built = |action: &Action| match action {
            Action::Create(to) | Action::Update { to, .. } => Some(to.clone()),
            Action::Delete(_) | Action::Borrow(_) | Action::GiveBack(_) => None,
        };
        let wanted: HostState = rest.iter().filter_map(|(_, action)| built(action)).collect();
        // Names of what is made by Open vSwitch in this plan, and of what stands on that.
        let mut waiting: FxHashSet<Key> = FxHashSet::default();
        for &(at, action) in rest {
            let step = (at, action);
            match action {
                Action::Delete(Resource::Ovs(_)) => parts.unswitched.push(step),
                Action::Create(to @ Resource::Ovs(thing)) => {
                    waiting.extend(to.claims());
                    parts.switched.push(step);
                    parts.late.extend(thing.makes().map(|_| step));
                }
                Action::Update { to: Resource::Ovs(_), .. } => parts.switched.push(step),
                Action::Create(Resource::Ran(_)) => parts.late.push(step),
                Action::Create(to) | Action::Update { to, .. } => {
                    let mut needs = to.needs(&wanted).into_iter().flat_map(|need| need.0);
                    if !waiting.is_empty() && needs.any(|name| waiting.contains(&name)) {
                        waiting.extend(to.claims());
                        parts.late.push(step);
                    } else {
                        parts.early.push(step);
                    }
                }
                Action::Delete(_) | Action::Borrow(_) | Action::GiveBack(_) => parts.early.push(step),
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use netsim_core::testing::{actions, show_action};

    use super::*;

    #[track_caller]
    fn check(plan: &str, expected: [&[&str]; 5]) {
        let plan = actions(plan);
        let steps: Vec<Step> = plan.iter().enumerate().collect();
        let Parts { saving, unswitched, early, switched, late } = Parts::of(&steps);
        let shown = [saving, unswitched, early, switched, late]
            .map(|part| part.iter().map(|(_, action)| show_action(action)).collect::<Vec<_>>());
        assert_eq!(shown, expected.map(|part| part.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()));
    }

    #[test]
    fn the_kernel_goes_before_and_after_open_vswitch() {
        check(
            "- ovs-port o9 br0
             - veth host/o9 t-a/o9
             + netns t-b
             + veth host/o0 t-b/e0
             + up host/o0
             + ovs-port o0 br0
             ~ ovs-port o1 br0 => ovs-port o1 br0 protected",
            [
                &[],
                &["- ovs-port o9 br0"],
                &["- veth host/o9 t-a/o9", "+ netns t-b", "+ veth host/o0 t-b/e0", "+ up host/o0"],
                &["+ ovs-port o0 br0", "~ ovs-port o1 br0 => ovs-port o1 br0 protected"],
                &[],
            ],
        );
    }

    #[test]
    fn what_stands_on_what_open_vswitch_makes_comes_after_it_and_is_marked_then() {
        check(
            "+ ovs-bridge br0,netdev
             + ovs-port i0 br0 internal
             + up host/br0
             + up host/br1
             + address host/br0 10.0.9.1/24
             + address host/i0 10.0.8.1/24
             + route host 10.1.0.0/16 via 10.0.9.2 br0",
            [
                &[],
                &[],
                &["+ up host/br1"],
                &["+ ovs-bridge br0,netdev", "+ ovs-port i0 br0 internal"],
                &[
                    "+ ovs-bridge br0,netdev",
                    "+ ovs-port i0 br0 internal",
                    "+ up host/br0",
                    "+ address host/br0 10.0.9.1/24",
                    "+ address host/i0 10.0.8.1/24",
                    "+ route host 10.1.0.0/16 via 10.0.9.2 br0",
                ],
            ],
        );
    }
}
