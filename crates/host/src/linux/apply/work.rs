//! What is to be built, by namespace.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use netsim_core::names::IfName;
use netsim_core::plan::Action;
use netsim_core::resource::{
    Address, Bridge, Device, DeviceId, End, Fdb, Neighbour, Netns, NetnsId, Port, PortVlans, Ran, Resource, Route,
    Single, Sysctl, Tuning, Veth,
};
use netsim_core::state::Loan;
use rustc_hash::FxBuildHasher;

use super::Step;
use super::create::beneath;
use super::tune::Queued;

/// All of it; each thing with the place of its action in the plan.
#[derive(Default)]
pub(super) struct Work<'a> {
    /// Loans and the host's settings, in the order of the plan.
    pub(super) host: Vec<(usize, Host<'a>)>,
    pub(super) namespaces: Vec<(usize, &'a Netns)>,
    pub(super) places: IndexMap<&'a NetnsId, Place<'a>, FxBuildHasher>,
    pub(super) programs: Vec<(usize, &'a Ran)>,
}

/// A step at what is not ours.
pub(super) enum Host<'a> {
    Borrow(&'a Loan),
    Set(&'a Sysctl),
    GiveBack(&'a Loan),
}

/// What is to be built in one namespace.
#[derive(Default)]
pub(super) struct Place<'a> {
    pub(super) veths: Vec<(usize, &'a Veth)>,
    pub(super) bridges: Vec<(usize, &'a Bridge)>,
    /// Ends of new veths that are here; whichever side creates them.
    pub(super) ends: Vec<(usize, &'a End)>,
    /// In the order of the plan: what they stand on, where that is new, comes before them.
    pub(super) singles: Vec<(usize, &'a Single)>,
    pub(super) changed_ends: Vec<(usize, &'a End, &'a End)>,
    pub(super) changed_bridges: Vec<(usize, &'a Bridge, &'a Bridge)>,
    pub(super) changed_singles: Vec<(usize, &'a Single, &'a Single)>,
    /// Ports, each with what it was before.
    pub(super) ports: Vec<(usize, Option<&'a Port>, &'a Port)>,
    /// VLANs, each with what they were before.
    pub(super) vlans: Vec<(usize, Option<&'a PortVlans>, &'a PortVlans)>,
    pub(super) ups: Vec<(usize, &'a DeviceId)>,
    pub(super) addresses: Vec<(usize, &'a Address)>,
    /// New routes, and whether one is there to be replaced.
    pub(super) routes: Vec<(usize, &'a Route, bool)>,
    pub(super) sysctls: Vec<(usize, &'a Sysctl)>,
    pub(super) qdiscs: Vec<Queued<'a>>,
    pub(super) tunings: Vec<(usize, &'a Tuning)>,
    pub(super) fdb: Vec<(usize, &'a Fdb)>,
    pub(super) neighbours: Vec<(usize, &'a Neighbour)>,
    /// Devices that Open vSwitch has made, to be marked.
    pub(super) adopted: BTreeMap<IfName, usize>,
}

impl<'a> Work<'a> {
    /// Sorts steps by where they are done. The order of namespaces is such that switches come last, when all that is plugged into them is there, and
    /// the host's own namespace after those: where the kernel chooses the numbers of devices nobody else needs to know them.
    pub(super) fn of(steps: &[Step<'a>], made: &BTreeSet<IfName>) -> Self {
        let mut work = Work::default();
        for (at, action) in steps {
            match action {
                Action::Create(resource) => {
                    work.create(*at, resource);
                    work.adopt(*at, resource, made);
                }
                Action::Update { from, to } => work.update(*at, from, to),
                Action::Borrow(loan) => work.host.push((*at, Host::Borrow(loan))),
                Action::GiveBack(loan) => work.host.push((*at, Host::GiveBack(loan))),
                Action::Delete(_) => {}
            }
        }
        work.places.sort_by(|a, pa, b, pb| (rank(a, pa), a).cmp(&(rank(b, pb), b)));
        for (at, action) in steps {
            if let Action::Create(Resource::Device(Device::Veth(veth))) = action {
                let first = veth.ends().iter().map(|e| &e.id.netns).min_by_key(|n| work.places.get_index_of(*n));
                let first = first.expect("a veth has two ends");
                work.places.get_mut(first).expect("both ends have a place").veths.push((*at, veth));
            }
        }
        work
    }

    fn place(&mut self, netns: &'a NetnsId) -> &mut Place<'a> {
        self.places.entry(netns).or_default()
    }

    fn create(&mut self, at: usize, resource: &'a Resource) {
        match resource {
            // It is made; what remains is to mark its device.
            Resource::Ovs(_) => {}
            Resource::Netns(netns) => self.namespaces.push((at, netns)),
            Resource::Device(Device::Veth(veth)) => {
                for end in veth.ends() {
                    self.place(&end.id.netns).ends.push((at, end));
                }
            }
            Resource::Device(Device::Bridge(bridge)) => self.place(&bridge.id.netns).bridges.push((at, bridge)),
            // Never wanted.
            Resource::Device(Device::Stray { .. }) => {}
            Resource::Device(Device::Single(single)) => self.place(&single.id.netns).singles.push((at, single)),
            Resource::PortVlans(vlans) => self.place(&vlans.device.netns).vlans.push((at, None, vlans)),
            Resource::Qdisc(qdisc) => self.place(&qdisc.device.netns).qdiscs.push((at, None, qdisc)),
            Resource::Tuning(tuning) => self.place(&tuning.device.netns).tunings.push((at, tuning)),
            Resource::Up(device) => self.place(&device.netns).ups.push((at, device)),
            Resource::Port(port) => self.place(&port.device.netns).ports.push((at, None, port)),
            Resource::Address(address) => self.place(&address.device.netns).addresses.push((at, address)),
            Resource::Route(route) => self.place(&route.netns).routes.push((at, route, false)),
            Resource::Sysctl(sysctl) => self.sysctl(at, sysctl),
            Resource::Ran(ran) => self.programs.push((at, ran)),
            Resource::Fdb(fdb) => self.place(&fdb.device.netns).fdb.push((at, fdb)),
            Resource::Neighbour(neighbour) => self.place(&neighbour.device.netns).neighbours.push((at, neighbour)),
        }
    }

    fn sysctl(&mut self, at: usize, sysctl: &'a Sysctl) {
        match sysctl.netns {
            NetnsId::Host => self.host.push((at, Host::Set(sysctl))),
            NetnsId::Named(_) => self.place(&sysctl.netns).sysctls.push((at, sysctl)),
        }
    }

    fn update(&mut self, at: usize, from: &'a Resource, to: &'a Resource) {
        match (from, to) {
            (Resource::Device(Device::Veth(from)), Resource::Device(Device::Veth(to))) => {
                for (from, to) in from.ends().iter().zip(to.ends()).filter(|(from, to)| from != to) {
                    self.place(&to.id.netns).changed_ends.push((at, from, to));
                }
            }
            (Resource::Device(Device::Bridge(from)), Resource::Device(Device::Bridge(to))) => {
                self.place(&to.id.netns).changed_bridges.push((at, from, to));
            }
            (Resource::Device(Device::Single(from)), Resource::Device(Device::Single(to))) => {
                self.place(&to.id.netns).changed_singles.push((at, from, to));
            }
            (Resource::Port(from), Resource::Port(to)) => {
                self.place(&to.device.netns).ports.push((at, Some(from), to));
            }
            (Resource::PortVlans(from), Resource::PortVlans(to)) => {
                self.place(&to.device.netns).vlans.push((at, Some(from), to));
            }
            (_, Resource::Route(to)) => self.place(&to.netns).routes.push((at, to, true)),
            (_, Resource::Sysctl(to)) => self.sysctl(at, to),
            (Resource::Qdisc(from), Resource::Qdisc(to)) => {
                self.place(&to.device.netns).qdiscs.push((at, Some(&from.kind), to));
            }
            (_, Resource::Fdb(to)) => self.place(&to.device.netns).fdb.push((at, to)),
            (_, Resource::Neighbour(to)) => self.place(&to.device.netns).neighbours.push((at, to)),
            (_, Resource::Tuning(to)) => self.place(&to.device.netns).tunings.push((at, to)),
            // A planner updates only what `can_become` something else; and what is of Open vSwitch is changed by that.
            (
                _,
                Resource::Netns(_)
                | Resource::Device(_)
                | Resource::Up(_)
                | Resource::Port(_)
                | Resource::PortVlans(_)
                | Resource::Qdisc(_)
                | Resource::Address(_)
                | Resource::Ran(_)
                | Resource::Ovs(_),
            ) => {}
        }
    }

    /// Has a device marked that Open vSwitch makes: when that has made it, and when it comes up, for it may have been left without its mark.
    fn adopt(&mut self, at: usize, resource: &Resource, made: &BTreeSet<IfName>) {
        let name = match resource {
            Resource::Ovs(thing) => thing.makes(),
            Resource::Up(device) => {
                Some(device.name).filter(|name| device.netns == NetnsId::Host && made.contains(name))
            }
            Resource::Netns(_)
            | Resource::Device(_)
            | Resource::Port(_)
            | Resource::PortVlans(_)
            | Resource::Qdisc(_)
            | Resource::Tuning(_)
            | Resource::Address(_)
            | Resource::Route(_)
            | Resource::Sysctl(_)
            | Resource::Ran(_)
            | Resource::Fdb(_)
            | Resource::Neighbour(_) => None,
        };
        if let Some(name) = name {
            self.place(&NetnsId::Host).adopted.insert(name, at);
        }
    }
}

/// A device that is changed and stands on one of another namespace, or sends by it, comes after that: it can only grow when that has grown.
fn rank(netns: &NetnsId, place: &Place) -> (bool, u8) {
    let leans = |single: &Single| beneath(single).is_some_and(|below| below.netns != single.id.netns);
    let kind = match netns {
        NetnsId::Host => 2,
        NetnsId::Named(_) => u8::from(place.is_switch()),
    };
    (place.changed_singles.iter().any(|(_, _, to)| leans(to)), kind)
}

impl Place<'_> {
    /// The names of the devices that are new here.
    pub(super) fn new_devices(&self) -> impl Iterator<Item = (usize, IfName)> + '_ {
        let ends = self.ends.iter().map(|(at, end)| (*at, end.id.name));
        let bridges = self.bridges.iter().map(|(at, bridge)| (*at, bridge.id.name));
        ends.chain(bridges).chain(self.singles.iter().map(|(at, single)| (*at, single.id.name)))
    }

    /// Whether something is plugged in here: a member of a new bond or VRF is not.
    fn is_switch(&self) -> bool {
        let joins_single = |port: &Port| self.singles.iter().any(|(_, s)| s.id.name == port.master);
        !self.bridges.is_empty() || self.ports.iter().any(|(_, _, port)| !joins_single(port))
    }
}
