//! What becomes of each thing that is there: it stays, it goes, or it is saved from going by an update made first.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::names::NetnsName;
use crate::resource::relations::mtu;
use crate::resource::{Device, DeviceId, Key, Need, NetnsId, Resource, Single, SingleKind};
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
    /// Bonds that lose all members.
    emptied: FxHashSet<DeviceId>,
}

impl Fates {
    pub(super) fn of(desired: &HostState, ours: &HostState) -> Self {
        let mut verdicts = Verdicts { desired, ours, upset: Upset::by(desired, ours), known: vec![None; ours.len()] };
        let fates: Vec<Fate> = (0..ours.len()).map(|at| verdicts.of_position(at)).collect();
        let dying = |at: usize| match ours.at(at).1 {
            Resource::Netns(n) if fates[at] == Fate::Gone => Some(n.name.clone()),
            _ => None,
        };
        let dying = (0..ours.len()).filter_map(dying).collect();
        let emptied = emptied(ours, &fates);
        Fates { fates, dying, emptied }
    }

    pub(super) fn of_position(&self, at: usize) -> Fate {
        self.fates[at]
    }

    /// Whether a resource that goes needs no deletion of its own: all its names lie in namespaces that go in this plan,
    /// or something that goes at once takes it along.
    pub(super) fn falls(&self, desired: &HostState, ours: &HostState, at: usize) -> bool {
        self.dies_with_namespaces(desired, ours, at)
            || !self.reaches_out(ours, at) && {
                let owners = ours.at(at).1.owners(ours);
                let mut owners = owners.iter().filter_map(|owner| ours.position(owner));
                owners.any(|owner| self.fates[owner] == Fate::Gone && !self.dies_with_namespaces(desired, ours, owner))
            }
    }

    /// Whether it is in a namespace that goes and has a name outside: that namespace may go before what takes it along, and then it keeps the name for a while.
    fn reaches_out(&self, ours: &HostState, at: usize) -> bool {
        let names = ours.at(at).1.claims();
        names.iter().any(|name| self.dies(&name.netns())) && !names.iter().all(|name| self.dies(&name.netns()))
    }

    fn dies(&self, netns: &NetnsId) -> bool {
        match netns {
            NetnsId::Host => false,
            NetnsId::Named(n) => self.dying.contains(n),
        }
    }

    /// A namespace dies in a work queue: until then what stands in it on a device outside stands in the way of what shall be there.
    fn dies_with_namespaces(&self, desired: &HostState, ours: &HostState, at: usize) -> bool {
        let resource = ours.at(at).1;
        resource.claims().iter().all(|name| self.dies(&name.netns())) && {
            let below = parent(resource).filter(|below| !self.dies(&below.netns));
            below.is_none_or(|below| {
                desired.children(&below).next().is_none() && desired.get(&Key::Port(below.clone())).is_none()
            })
        }
    }

    /// A device that stays, as it is found when its turn comes; none where it is as it was.
    pub(super) fn as_found(&self, desired: &HostState, ours: &HostState, at: usize) -> Option<Resource> {
        let Resource::Device(Device::Single(single)) = ours.at(at).1 else { return None };
        let found = match &single.kind {
            // With its last member a bond loses its address (`__bond_release_one`).
            SingleKind::Bond(_) if self.emptied.contains(&single.id) => Single { mac: None, ..(**single).clone() },
            // An ipvlan device gets each new MTU of its parent (`ipvlan_adjust_mtu`).
            SingleKind::Ipvlan { parent, .. } if mtu(parent, ours) != mtu(parent, desired) => {
                Single { mtu: None, ..(**single).clone() }
            }
            SingleKind::Dummy
            | SingleKind::Vlan { .. }
            | SingleKind::Macvlan { .. }
            | SingleKind::Ipvlan { .. }
            | SingleKind::Bond(_)
            | SingleKind::Vrf { .. }
            | SingleKind::Vxlan(_)
            | SingleKind::Gretap(_)
            | SingleKind::Gre(_) => return None,
        };
        Some(Resource::Device(Device::Single(Box::new(found))))
    }
}

fn parent(resource: &Resource) -> Option<DeviceId> {
    match resource {
        Resource::Device(Device::Single(single)) => single.kind.parent(&single.id),
        _ => None,
    }
}

/// Bonds that stay and of whose members none does.
fn emptied(ours: &HostState, fates: &[Fate]) -> FxHashSet<DeviceId> {
    let mut goes: FxHashMap<DeviceId, bool> = FxHashMap::default();
    for (at, (_, resource)) in ours.iter().enumerate() {
        let Resource::Port(port) = resource else { continue };
        let master = port.master();
        let Some(Resource::Device(Device::Single(_))) = ours.holder(&Key::Device(master.clone())) else { continue };
        *goes.entry(master).or_insert(true) &= fates[at] == Fate::Gone;
    }
    goes.into_iter().filter(|(_, goes)| *goes).map(|(bond, _)| bond).collect()
}

/// What the kernel takes away on the way to what is desired, and what has to make way for a while.
struct Upset {
    /// Devices that have no IPv6 then.
    without_ipv6: FxHashSet<DeviceId>,
    /// Devices that go down and up again.
    cycled: FxHashSet<DeviceId>,
    /// Names that make way.
    disturbed: FxHashSet<Key>,
}

impl Upset {
    fn by(desired: &HostState, ours: &HostState) -> Self {
        let without_ipv6 = desired.iter().flat_map(|(_, resource)| resource.upsets(desired)).collect();
        let mut upset = Upset { without_ipv6, cycled: FxHashSet::default(), disturbed: FxHashSet::default() };
        for (key, to) in desired.iter() {
            let from = ours.get(key).filter(|from| from.can_become(to));
            if from == Some(to) {
                continue;
            }
            upset.disturbed.extend(to.disturbs(from, desired));
            if from.is_none() {
                upset.cycled.extend(to.cycles(desired));
            }
        }
        upset
    }

    fn takes(&self, resource: &Resource) -> bool {
        let on = |devices: &FxHashSet<DeviceId>, of: fn(&Resource) -> Vec<DeviceId>| {
            !devices.is_empty() && of(resource).iter().any(|device| devices.contains(device))
        };
        on(&self.without_ipv6, Resource::ipv6_on) || on(&self.cycled, Resource::lost_by_going_down)
    }
}

/// The work in progress: each verdict is found once.
struct Verdicts<'a> {
    desired: &'a HostState,
    ours: &'a HostState,
    upset: Upset,
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
        if self.upset.disturbed.contains(key) {
            return Fate::Gone;
        }
        let owners = from.owners(self.ours);
        let needs = from.needs(self.ours);
        if !self.upset.takes(from)
            && !owners.iter().any(|owner| self.goes(owner))
            && !needs.iter().any(|need| self.is_lost(need))
        {
            return Fate::Stays;
        }
        let (owners, needs) = (to.owners(self.ours), to.needs(self.ours));
        let safe = !self.upset.takes(to)
            && !owners.iter().any(|owner| self.goes(owner))
            && needs.iter().all(|need| self.is_met(need));
        if safe { Fate::Rescued } else { Fate::Gone }
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
