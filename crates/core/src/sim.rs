//! A kernel in memory: as strict as Linux, with its cascades. The first backend, and the double in tests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::names::{LabName, NetnsName, NodeName, SysctlName};
use crate::plan::Action;
use crate::resource::{
    Address, Device, DeviceId, End, Fdb, Key, Knob, Neighbour, Netns, NetnsId, Ovs, Port, PortVlans, Qdisc, Ran,
    Resource, Route, Single, SingleKind, Sysctl, Tuning, Veth,
};
use crate::state::Facts;

mod devices;
mod errno;
mod ledger;
mod masters;
mod observe;
mod ovs;
mod routes;
mod settings;
mod space;
mod tunnels;

pub use errno::Errno;
use ledger::Ledger;
use ovs::Vswitch;
use space::{Entry, Owner, RouteKey, Space};

/// A host in memory: everything on it, ours and of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sim {
    host: Space,
    named: BTreeMap<NetnsName, Named>,
    ledger: Ledger,
    ovs: Vswitch,
    /// What stands on devices out of namespaces that are gone, until the kernel has cleaned up behind those.
    lingering: Vec<(DeviceId, SingleKind)>,
    /// The names on the underlay of what was in such namespaces, and what that goes with.
    held: Vec<(Option<DeviceId>, Key)>,
    /// What the kernel can do; what stands in `no_sysctl` is missing.
    pub facts: Facts,
}

/// A file in `/run/netns`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Named {
    owner: Owner,
    node: NodeName,
    /// None: the file without a namespace mounted on it.
    space: Option<Space>,
}

/// Why the kernel in memory did not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message} ({errno})")]
pub struct SimError {
    /// The error number.
    pub errno: Errno,
    /// What is wrong.
    pub message: String,
}

fn fail<T>(errno: Errno, message: impl Into<String>) -> Result<T, SimError> {
    Err(SimError { errno, message: message.into() })
}

impl Default for Sim {
    /// A machine after boot.
    fn default() -> Self {
        let mut host = Space::new(None);
        host.set_up(crate::names::IfName::LO).expect("lo is born down");
        let facts = Facts { kernel: "simulated".into(), ..Facts::default() };
        Sim {
            host,
            named: BTreeMap::new(),
            ledger: Ledger::default(),
            ovs: Vswitch::default(),
            lingering: Vec::new(),
            held: Vec::new(),
            facts,
        }
    }
}

impl Sim {
    /// Does one action of a lab, or nothing. Stricter than Linux: what belongs to others is EPERM, what is not as the action says is ESTALE.
    pub fn do_one(&mut self, lab: &LabName, action: &Action) -> Result<(), SimError> {
        match action {
            Action::Create(resource) => {
                self.permit_creation(lab, resource)?;
                self.can(resource)?;
                self.make(resource, Some(lab))
            }
            Action::Update { from, to } => {
                self.permit_change(lab, from)?;
                if !from.can_become(to) {
                    return fail(Errno::Inval, format!("{} cannot become that", from.key()));
                }
                self.can(to)?;
                self.change(to, Some(lab))
            }
            // Half a pair vanishes by itself, so a deletion that comes too late is done.
            Action::Delete(Resource::Device(Device::Stray { id, .. })) if self.device(id).is_err() => Ok(()),
            Action::Delete(resource) => {
                self.permit_change(lab, resource)?;
                if resource.can_be_lent() {
                    return fail(Errno::Perm, format!("{} cannot be deleted", resource.key()));
                }
                self.take(&resource.key())
            }
            Action::Borrow(loan) => {
                let now = self.current(&loan.was.key()).map(|(resource, _)| resource);
                self.ledger.borrow(lab, loan, now.as_ref())
            }
            Action::GiveBack(loan) => self.ledger.give_back(lab, &loan.was.key()),
        }
    }

    /// Does as much of an action as a crash in the middle of it can leave.
    pub fn do_partly(&mut self, lab: &LabName, action: &Action) -> Result<(), SimError> {
        match action {
            Action::Create(Resource::Netns(netns)) => {
                self.permit_creation(lab, &Resource::Netns(netns.clone()))?;
                let named = Named { owner: Some(lab.clone()), node: netns.node.clone(), space: None };
                self.named.insert(netns.name.clone(), named);
                Ok(())
            }
            Action::Create(Resource::Device(Device::Veth(veth))) => {
                let [mut a, mut b] = veth.ends().clone();
                (a.full_name, a.link_local, b.full_name, b.link_local) = (None, true, None, true);
                self.do_one(lab, &Action::Create(Resource::Device(Device::Veth(Veth::new(a, b)))))
            }
            Action::Delete(Resource::Netns(netns)) => {
                self.permit_change(lab, &Resource::Netns(netns.clone()))?;
                self.unmount(&netns.name);
                Ok(())
            }
            Action::Create(_) | Action::Update { .. } | Action::Delete(_) | Action::Borrow(_) | Action::GiveBack(_) => {
                Ok(())
            }
        }
    }

    /// Puts something there as a lab, or as a hand or the system, would. What has no mark of its own belongs to whose device it is.
    pub fn plant(&mut self, resource: &Resource, owner: Option<&LabName>) -> Result<(), SimError> {
        self.make(resource, owner)
    }

    /// Changes something in place, whosever it is.
    pub fn change_by_hand(&mut self, to: &Resource) -> Result<(), SimError> {
        self.change(to, None)
    }

    /// Takes something away, whosever it is.
    pub fn remove_by_hand(&mut self, key: &Key) -> Result<(), SimError> {
        self.take(key)
    }

    fn spaces(&self) -> impl Iterator<Item = (NetnsId, &Space)> {
        let named = self.named.iter();
        let named = named.filter_map(|(name, named)| Some((NetnsId::Named(name.clone()), named.space.as_ref()?)));
        std::iter::once((NetnsId::Host, &self.host)).chain(named)
    }

    fn spaces_mut(&mut self) -> impl Iterator<Item = &mut Space> {
        std::iter::once(&mut self.host).chain(self.named.values_mut().filter_map(|named| named.space.as_mut()))
    }

    fn space(&self, netns: &NetnsId) -> Result<&Space, SimError> {
        let space = match netns {
            NetnsId::Host => Some(&self.host),
            NetnsId::Named(name) => self.named.get(name).and_then(|named| named.space.as_ref()),
        };
        space.ok_or_else(|| no_netns(netns))
    }

    fn space_mut(&mut self, netns: &NetnsId) -> Result<&mut Space, SimError> {
        let space = match netns {
            NetnsId::Host => Some(&mut self.host),
            NetnsId::Named(name) => self.named.get_mut(name).and_then(|named| named.space.as_mut()),
        };
        space.ok_or_else(|| no_netns(netns))
    }

    fn device(&self, id: &DeviceId) -> Result<&space::Dev, SimError> {
        self.space(&id.netns)?.device(id.name)
    }

    fn device_mut(&mut self, id: &DeviceId) -> Result<&mut space::Dev, SimError> {
        self.space_mut(&id.netns)?.device_mut(id.name)
    }

    /// Whether the kernel has what a resource asks of it.
    fn can(&self, resource: &Resource) -> Result<(), SimError> {
        match resource.features().iter().find(|feature| self.facts.lacks.contains(feature)) {
            Some(feature) => fail(Errno::OpNotSupp, format!("no {}", feature.names().0)),
            None => Ok(()),
        }
    }

    /// A lab makes things in its own namespaces, on its own devices, or new ones in the host's namespace.
    fn permit_creation(&self, lab: &LabName, resource: &Resource) -> Result<(), SimError> {
        let device = match resource {
            Resource::Ovs(ovs) if self.permits_ovs(lab, ovs)? => return Ok(()),
            Resource::Ovs(_) => return fail(Errno::Perm, format!("{} is not the lab's to make", resource.key())),
            Resource::Up(device)
            | Resource::Port(Port { device, .. })
            | Resource::PortVlans(PortVlans { device, .. })
            | Resource::Qdisc(Qdisc { device, .. })
            | Resource::Tuning(Tuning { device, .. })
            | Resource::Address(Address { device, .. })
            | Resource::Fdb(Fdb { device, .. })
            | Resource::Neighbour(Neighbour { device, .. }) => Some(self.device(device)?),
            Resource::Netns(_) | Resource::Device(_) | Resource::Route(_) | Resource::Sysctl(_) | Resource::Ran(_) => {
                None
            }
        };
        let is_ours = |netns: &NetnsId| match netns {
            NetnsId::Host => true,
            NetnsId::Named(name) => self.named.get(name).is_none_or(|n| n.owner.as_ref() == Some(lab)),
        };
        let foreign = device.is_some_and(|d| d.owner.as_ref() != Some(lab))
            || !resource.claims().iter().all(|name| matches!(name, Key::Netns(_)) || is_ours(&name.netns()));
        if foreign || resource.can_be_lent() {
            return fail(Errno::Perm, format!("{} is not the lab's to make", resource.key()));
        }
        Ok(())
    }

    fn permit_change(&self, lab: &LabName, from: &Resource) -> Result<(), SimError> {
        let key = from.key();
        let Some((now, owner)) = self.current(&key) else { return not_found(from) };
        let lent = from.can_be_lent() && self.ledger.holds(lab, &key);
        if owner.as_ref() != Some(lab) && !lent {
            return fail(Errno::Perm, format!("{key} is not the lab's"));
        }
        if now != *from && !is_as_the_kernel_made_it(&now, from) {
            return fail(Errno::Stale, format!("{key} is not as it was: {now:?}"));
        }
        Ok(())
    }

    fn make(&mut self, resource: &Resource, owner: Option<&LabName>) -> Result<(), SimError> {
        let owner = || owner.cloned();
        match resource {
            Resource::Ovs(o) => self.make_ovs(o, owner()),
            Resource::Netns(n) => self.make_netns(n, owner()),
            Resource::Device(d) => self.make_device(d, owner()),
            Resource::Up(d) => self.set_up(d),
            Resource::Port(p) => self.enslave(p),
            Resource::PortVlans(v) => self.set_vlans(v),
            Resource::Qdisc(q) => self.make_qdisc(q, owner()),
            Resource::Tuning(t) => self.tune(t, owner().is_some()),
            Resource::Address(a) => {
                self.check_address(&a.device, a.net.addr())?;
                self.space_mut(&a.device.netns)?.add_address(a.device.name, a.net, owner())
            }
            Resource::Route(r) => {
                let space = self.space_mut(&r.netns)?;
                if space.routes.contains_key(&route_key(r)) {
                    return fail(Errno::Exist, format!("there is a {}", resource.key()));
                }
                space.check_route(r)?;
                let entry = Entry { owner: owner(), route: r.clone(), dead: Default::default() };
                space.routes.insert(route_key(r), entry);
                Ok(())
            }
            Resource::Sysctl(s) if owner().is_some() => self.set(s).and_then(|()| self.remember(s)),
            Resource::Sysctl(s) => self.set(s),
            Resource::Ran(r) => self.run(r),
            Resource::Fdb(f) => self.add_fdb(f),
            // Stricter than Linux, which is asked to take it, for it may have an entry of its own that has found nobody.
            Resource::Neighbour(n) if self.current(&resource.key()).is_some() => {
                fail(Errno::Exist, format!("{} has a neighbour {}", n.device, n.address))
            }
            Resource::Neighbour(n) => self.set_neighbour(n),
        }
    }

    fn make_netns(&mut self, netns: &Netns, owner: Owner) -> Result<(), SimError> {
        if self.named.contains_key(&netns.name) {
            return fail(Errno::Exist, format!("there is a network namespace {}", netns.name));
        }
        let space = netns.mounted.then(|| Space::new(owner.clone()));
        self.named.insert(netns.name.clone(), Named { owner, node: netns.node.clone(), space });
        Ok(())
    }

    fn change(&mut self, to: &Resource, lab: Option<&LabName>) -> Result<(), SimError> {
        match to {
            Resource::Ovs(to) => self.change_ovs(to),
            Resource::Device(device) => self.change_device(device),
            Resource::Port(p) => self.change_port(p),
            Resource::PortVlans(v) => self.set_vlans(v),
            Resource::Qdisc(q) => self.change_qdisc(q, lab.is_none()),
            Resource::Tuning(t) => self.tune(t, lab.is_some()),
            Resource::Route(r) => {
                let space = self.space_mut(&r.netns)?;
                space.check_route(r)?;
                let entry = space.routes.get_mut(&route_key(r));
                let Some(entry) = entry else { return not_found(to) };
                entry.route = r.clone();
                entry.dead.clear();
                Ok(())
            }
            Resource::Sysctl(s) => {
                self.set(s)?;
                lab.map_or(Ok(()), |_| self.remember(s))
            }
            Resource::Neighbour(n) => self.set_neighbour(n),
            Resource::Netns(_) | Resource::Up(_) | Resource::Address(_) | Resource::Ran(_) | Resource::Fdb(_) => {
                fail(Errno::Inval, format!("{} cannot be changed", to.key()))
            }
        }
    }

    fn take(&mut self, key: &Key) -> Result<(), SimError> {
        let Some((now, _)) = self.current(key) else {
            return fail(Errno::NoEnt, format!("there is no {key}"));
        };
        match now {
            Resource::Ovs(_) => {
                let Key::Ovs(key) = key else { unreachable!("what is of Open vSwitch has such a name") };
                self.take_ovs(key)
            }
            Resource::Netns(n) => {
                self.unmount(&n.name);
                self.named.remove(&n.name);
                Ok(())
            }
            Resource::Device(Device::Veth(v)) => v.ends().iter().try_for_each(|end| self.remove_device(&end.id)),
            Resource::Device(d) => self.remove_device(d.id()),
            Resource::Up(d) => {
                self.space_mut(&d.netns)?.set_down(d.name);
                Ok(())
            }
            Resource::Port(p) => self.free(&p.device),
            Resource::PortVlans(v) => {
                self.device_mut(&v.device)?.vlans = None;
                Ok(())
            }
            Resource::Qdisc(q) => {
                self.device_mut(&q.device)?.qdisc = None;
                Ok(())
            }
            Resource::Tuning(t) => self.untune(&t.device, t.knob),
            Resource::Address(a) => self.space_mut(&a.device.netns)?.remove_address(a.device.name, a.net),
            Resource::Route(r) => {
                self.space_mut(&r.netns)?.routes.shift_remove(&route_key(&r));
                Ok(())
            }
            Resource::Sysctl(s) => {
                let space = self.space_mut(&s.netns)?;
                space.sysctls.remove(&s.name);
                space.remembered.remove(&s.name);
                Ok(())
            }
            Resource::Ran(r) => {
                self.space_mut(&NetnsId::Named(r.netns))?.ran.remove(&r.index);
                Ok(())
            }
            Resource::Fdb(f) => {
                self.device_mut(&f.device)?.fdb.remove(&(f.mac, f.to));
                Ok(())
            }
            Resource::Neighbour(n) => {
                self.device_mut(&n.device)?.neighbours.remove(&n.address);
                Ok(())
            }
        }
    }

    fn set(&mut self, sysctl: &Sysctl) -> Result<(), SimError> {
        if !self.has_sysctl(&sysctl.netns, &sysctl.name) {
            return fail(Errno::NoEnt, format!("there is no {} in {}", sysctl.name, sysctl.netns));
        }
        let space = self.space_mut(&sysctl.netns)?;
        if *sysctl.value == *observe::default_value(&sysctl.name) {
            space.sysctls.remove(&sysctl.name);
        } else {
            space.sysctls.insert(sysctl.name.clone(), sysctl.value.to_string());
        }
        Ok(())
    }

    /// Notes on `lo` that a setting is the lab's.
    fn remember(&mut self, sysctl: &Sysctl) -> Result<(), SimError> {
        if sysctl.netns != NetnsId::Host {
            self.space_mut(&sysctl.netns)?.remembered.insert(sysctl.name.clone());
        }
        Ok(())
    }

    fn has_sysctl(&self, netns: &NetnsId, name: &SysctlName) -> bool {
        let Ok(space) = self.space(netns) else { return false };
        name.as_str().starts_with("net.")
            && !self.facts.no_sysctl.contains_key(&(netns.clone(), name.clone()))
            && name.device().is_none_or(|device| space.devices.contains_key(&device))
    }

    fn run(&mut self, ran: &Ran) -> Result<(), SimError> {
        let space = self.space_mut(&NetnsId::Named(ran.netns.clone()))?;
        if space.ran.contains_key(&ran.index) {
            return fail(Errno::Exist, "it has run");
        }
        space.ran.insert(ran.index, ran.digest);
        Ok(())
    }
}

fn route_key(route: &Route) -> RouteKey {
    (route.table, route.to, route.metric)
}

/// Whether something differs only in what a kernel changes by itself: the MTU and mode that come from a parent, the address and MTU of a bond and
/// of what is or was its member, the cutting up of TCP; or in what an action leaves open.
fn is_as_the_kernel_made_it(now: &Resource, told: &Resource) -> bool {
    match (now, told) {
        (Resource::Device(Device::Single(now)), Resource::Device(Device::Single(told))) => {
            let kind = match (&now.kind, &told.kind) {
                (SingleKind::Ipvlan { parent, .. }, SingleKind::Ipvlan { mode, .. }) => {
                    SingleKind::Ipvlan { parent: parent.clone(), mode: *mode }
                }
                (kind, _) => kind.clone(),
            };
            Single { mac: told.mac, mtu: told.mtu, kind, ..(**now).clone() } == **told
        }
        (Resource::Device(Device::Veth(now)), Resource::Device(Device::Veth(told))) => {
            let mut ends = now.ends().iter().zip(told.ends());
            ends.all(|(now, told)| End { mac: told.mac, mtu: told.mtu, ..now.clone() } == *told)
        }
        (Resource::Tuning(now), Resource::Tuning(told)) => {
            now.knob == Knob::Tso && Tuning { value: told.value.clone(), ..now.clone() } == *told
        }
        // It has lost its device, its output, its port.
        (Resource::Ovs(Ovs::Stray(now)), Resource::Ovs(told)) => now.of.name() == told.name(),
        _ => false,
    }
}

fn no_netns(netns: &NetnsId) -> SimError {
    SimError { errno: Errno::NoEnt, message: format!("there is no network namespace {netns}") }
}

fn not_found<T>(resource: &Resource) -> Result<T, SimError> {
    let errno = match resource {
        Resource::Netns(_) | Resource::Sysctl(_) | Resource::Ran(_) | Resource::Ovs(_) => Errno::NoEnt,
        Resource::Device(_) | Resource::Up(_) | Resource::Port(_) => Errno::NoDev,
        Resource::PortVlans(_) | Resource::Qdisc(_) | Resource::Tuning(_) => Errno::NoEnt,
        Resource::Fdb(_) | Resource::Neighbour(_) => Errno::NoEnt,
        Resource::Address(_) => Errno::AddrNotAvail,
        Resource::Route(_) => Errno::Srch,
    };
    fail(errno, format!("there is no {}", resource.key()))
}
