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
