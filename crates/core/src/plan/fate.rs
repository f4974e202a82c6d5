//! What becomes of each thing that is there: it stays, it goes, or it is saved from going by an update made first.

use rustc_hash::FxHashSet;

use crate::names::NetnsName;
use crate::resource::{DeviceId, Key, Need, NetnsId, Resource};
use crate::state::HostState;

/// What becomes of one observed resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays, as it is or updated in its turn.
    Stays,
    /// It is deleted, or falls with something that is.
    Gone,
    /// Something under it goes, but the form that is wanted needs only what stays: it is updated first.
    Rescued,
}

/// The fate of every observed resource, by position.
pub(super) struct Fates {
    fates: Vec<Fate>,
    /// Namespaces that go in this plan.
    dying: FxHashSet<NetnsName>,
}

impl Fates {
    pub(super) fn of(desired: &HostState, ours: &HostState) -> Self {
        let mut verdicts = Verdicts { desired, ours, upset: upset(desired), known: vec![None; ours.len()] };
        let fates: Vec<Fate> = (0..ours.len()).map(|at| verdicts.of_position(at)).collect();
        let dying = |at: usize| match ours.at(at).1 {
            Resource::Netns(n) if fates[at] == Fate::Gone => Some(n.name.clone()),
            _ => None,
        };
        let dying = (0..ours.len()).filter_map(dying).collect();
        Fates { fates, dying }
    }

    pub(super) fn of_position(&self, at: usize) -> Fate {
        self.fates[at]
    }

    /// Whether a resource that goes needs no deletion of its own: all its names lie in namespaces that go in this plan,
    /// or something that goes at once takes it along.
    pub(super) fn falls(&self, ours: &HostState, at: usize) -> bool {
        self.dies_with_namespaces(ours, at) || {
            let owners = ours.at(at).1.owners();
            let mut owners = owners.iter().filter_map(|owner| ours.position(owner));
            owners.any(|owner| self.fates[owner] == Fate::Gone && !self.dies_with_namespaces(ours, owner))
        }
    }

    fn dies_with_namespaces(&self, ours: &HostState, at: usize) -> bool {
        ours.at(at).1.claims().iter().all(|name| match name.netns() {
            NetnsId::Host => false,
            NetnsId::Named(n) => self.dying.contains(&n),
        })
    }
}

/// The devices from which the kernel will drop IPv6.
fn upset(desired: &HostState) -> FxHashSet<DeviceId> {
    desired.iter().flat_map(|(_, resource)| resource.upsets(desired)).collect()
}

/// The work in progress: each verdict is found once.
struct Verdicts<'a> {
    desired: &'a HostState,
    ours: &'a HostState,
    upset: FxHashSet<DeviceId>,
    known: Vec<Option<Fate>>,
}

impl Verdicts<'_> {
    fn of_position(&mut self, at: usize) -> Fate {
        if let Some(fate) = self.known[at] {
            return fate;
        }
        let fate = self.judge(at);
        self.known[at] = Some(fate);
        fate
    }

    fn judge(&mut self, at: usize) -> Fate {
        let (key, from) = self.ours.at(at);
        let Some(to) = self.desired.get(key).filter(|to| from.can_become(to)) else { return Fate::Gone };
        let owners = from.owners();
        let needs = from.needs(self.ours);
        if !self.is_upset(from)
            && !owners.iter().any(|owner| self.goes(owner))
            && !needs.iter().any(|need| self.is_lost(need))
        {
            return Fate::Stays;
        }
        let (owners, needs) = (to.owners(), to.needs(self.ours));
        let safe = !self.is_upset(to)
            && !owners.iter().any(|owner| self.goes(owner))
            && needs.iter().all(|need| self.is_met(need));
        if safe { Fate::Rescued } else { Fate::Gone }
    }

    fn is_upset(&self, resource: &Resource) -> bool {
        !self.upset.is_empty() && resource.ipv6_on().iter().any(|device| self.upset.contains(device))
    }

    fn goes(&mut self, name: &Key) -> bool {
        self.ours.position(name).is_some_and(|at| self.of_position(at) == Fate::Gone)
    }

    fn stands(&mut self, name: &Key) -> bool {
        self.ours.position(name).is_some_and(|at| self.of_position(at) != Fate::Gone)
    }

    /// It was met, and all that met it goes.
    fn is_lost(&mut self, need: &Need) -> bool {
        need.0.iter().any(|name| self.goes(name)) && !self.is_met(need)
    }

    fn is_met(&mut self, need: &Need) -> bool {
        need.0.iter().any(|name| self.stands(name))
    }
}
