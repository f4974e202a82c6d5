//! Random small states, valid and such that Linux can be in them.

use std::collections::BTreeSet;

use super::Tape;
use crate::names::{IfName, NetnsName, NodeName};
use crate::resource::{Datapath, Device, DeviceId, Key, Netns, NetnsId, Resource, Single, SingleKind};
use crate::state::{Feature, HostState};

mod addresses;
mod changed;
mod devices;
mod fits;
mod otherwise;
mod ovs;
mod ports;
mod routes;
mod settings;
mod tunnels;

use changed::{changed, spread};
use fits::fits;
use otherwise::otherwise;

/// A random state: some ten to fifty resources.
pub fn state(tape: &mut Tape) -> HostState {
    state_without(tape, &BTreeSet::new())
}

/// A random state for a kernel that lacks some features.
pub fn state_without(tape: &mut Tape, lacks: &BTreeSet<Feature>) -> HostState {
    state_on(tape, &Machine { lacks: lacks.clone(), ovs: None })
}

/// What random states are for.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// What its kernel lacks.
    pub lacks: BTreeSet<Feature>,
    /// The datapath that bridges of Open vSwitch have there; none: there is no Open vSwitch.
    pub ovs: Option<Datapath>,
}

/// A random state for a machine.
pub fn state_on(tape: &mut Tape, machine: &Machine) -> HostState {
    let mut state = HostState::default();
    let plan = [
        (Part::Netns, 4),
        (Part::Bridge, 3),
        (Part::Veth, 5),
        (Part::Single, 7),
        (Part::Sysctl, 4),
        (Part::Up, 9),
        (Part::Port, 5),
        (Part::PortVlans, 3),
        (Part::Up, 4),
        (Part::Address, 9),
        (Part::Route, 6),
        (Part::Qdisc, 3),
        (Part::Tuning, 3),
        (Part::Fdb, 4),
        (Part::Neighbour, 3),
        (Part::Ran, 3),
    ];
    for (part, most) in plan {
        for _ in 0..tape.pick(most + 1) {
            part.add(&mut state, tape, machine);
        }
        if let (Part::Port, Some(_)) = (part, machine.ovs) {
            for (part, most) in OVS {
                for _ in 0..tape.pick(most + 1) {
                    part.add(&mut state, tape, machine);
                }
            }
        }
    }
    state
}

/// What there is of Open vSwitch, and of veth ends for it, and how much at most.
const OVS: [(Part, usize); 5] =
    [(Part::OvsBridge, 2), (Part::OvsPort, 5), (Part::OvsQos, 2), (Part::OvsMirror, 2), (Part::OvsFlows, 1)];

/// Adds one random thing.
pub fn grow(state: &mut HostState, tape: &mut Tape) {
    grow_on(state, tape, &Machine::default());
}

fn grow_on(state: &mut HostState, tape: &mut Tape, machine: &Machine) {
    if machine.ovs.is_some() && tape.pick(3) == 2 {
        return OVS[tape.pick(OVS.len())].0.add(state, tape, machine);
    }
    const PARTS: [Part; 26] = [
        Part::Netns,
        Part::Address,
        Part::Address,
        Part::Address,
        Part::Route,
        Part::Route,
        Part::Route,
        Part::Up,
        Part::Up,
        Part::Port,
        Part::Port,
        Part::Veth,
        Part::Veth,
        Part::Bridge,
        Part::Single,
        Part::Single,
        Part::Single,
        Part::PortVlans,
        Part::PortVlans,
        Part::Qdisc,
        Part::Tuning,
        Part::Fdb,
        Part::Fdb,
        Part::Neighbour,
        Part::Sysctl,
        Part::Ran,
    ];
    PARTS[tape.pick(PARTS.len())].add(state, tape, machine);
}

/// A state that differs from another in a few things: some dropped with all that stood on them, some added, some changed.
pub fn near(state: &HostState, tape: &mut Tape) -> HostState {
    near_without(state, tape, &BTreeSet::new())
}

/// As [`near`], for a kernel that lacks some features.
pub fn near_without(state: &HostState, tape: &mut Tape, lacks: &BTreeSet<Feature>) -> HostState {
    near_on(state, tape, &Machine { lacks: lacks.clone(), ovs: None })
}

/// As [`near`], for a machine.
pub fn near_on(state: &HostState, tape: &mut Tape, machine: &Machine) -> HostState {
    let mut state = state.clone();
    for _ in 0..tape.pick(5) {
        let keys: Vec<Key> = state.iter().map(|(key, _)| key.clone()).collect();
        let Some(key) = tape.one_of(&keys) else {
            grow_on(&mut state, tape, machine);
            continue;
        };
        match tape.pick(4) {
            0 => {
                state.remove(key);
            }
            1 => {
                let changed = state.get(key).and_then(|old| changed(&state, old, tape));
                if let Some(changed) = changed.filter(|new| can(new, &machine.lacks)) {
                    state.remove(key);
                    spread(&mut state, &changed);
                    state.insert(changed);
                }
            }
            _ => grow_on(&mut state, tape, machine),
        }
        prune(&mut state);
    }
    state
}

fn can(resource: &Resource, lacks: &BTreeSet<Feature>) -> bool {
    resource.features().iter().all(|feature| !lacks.contains(feature))
}

/// Takes out what cannot be, until all that is left can; a route loses next hops first, and a port goes to another master.
fn prune(state: &mut HostState) {
    loop {
        let whole = state.clone();
        let stands = |r: &Resource| {
            let met = |key: &Key| whole.holder(key).is_some();
            r.needs(&whole).iter().all(|need| need.0.iter().any(met)) && fits(r, &whole)
        };
        let shaky: Vec<Resource> = whole.iter().map(|(_, r)| r.clone()).filter(|r| !stands(r)).collect();
        if shaky.is_empty() {
            return;
        }
        for resource in shaky {
            match otherwise(&resource, &whole).into_iter().find(&stands) {
                Some(other) => state.insert(other),
                None => {
                    state.remove(&resource.key());
                }
            }
        }
    }
}

/// The kinds of things to add.
#[derive(Clone, Copy)]
enum Part {
    Netns,
    Bridge,
    Veth,
    Single,
    Up,
    Port,
    PortVlans,
    Qdisc,
    Tuning,
    Address,
    Route,
    Sysctl,
    Fdb,
    Neighbour,
    Ran,
    OvsBridge,
    OvsPort,
    OvsQos,
    OvsMirror,
    OvsFlows,
}

impl Part {
    fn add(self, state: &mut HostState, tape: &mut Tape, machine: &Machine) {
        let new = match self {
            Part::Netns => Some(netns(tape)),
            Part::Bridge => devices::bridge(state, tape),
            Part::Veth => devices::veth(state, tape),
            Part::Single => devices::single(state, tape),
            Part::Up => tape.one_of(&devices(state)).cloned().map(Resource::Up),
            Part::Port => ports::port(state, tape),
            Part::PortVlans => ports::vlans(state, tape),
            Part::Qdisc => settings::qdisc(state, tape),
            Part::Tuning => settings::tuning(state, tape),
            Part::Address => addresses::address(state, tape),
            Part::Route => routes::route(state, tape),
            Part::Sysctl => settings::sysctl(state, tape),
            Part::Fdb => tunnels::fdb(state, tape),
            Part::Neighbour => tunnels::neighbour(state, tape),
            Part::Ran => settings::ran(state, tape),
            Part::OvsBridge => machine.ovs.and_then(|datapath| ovs::bridge(datapath, tape)),
            Part::OvsPort => ovs::port(state, tape),
            Part::OvsQos => ovs::qos(state, tape),
            Part::OvsMirror => ovs::mirror(state, tape),
            Part::OvsFlows => ovs::flows(state, tape),
        };
        let free = |new: &Resource| new.claims().iter().all(|name| state.holder(name).is_none());
        let Some(new) = new.filter(|new| free(new) && can(new, &machine.lacks)) else { return };
        let before = state.clone();
        spread(state, &new);
        state.insert(new);
        let met = |r: &Resource| r.needs(state).iter().all(|need| need.0.iter().any(|key| state.holder(key).is_some()));
        let all_fit = state.iter().all(|(_, r)| met(r) && fits(r, state));
        if !all_fit {
            *state = before;
        }
    }
}

fn if_name(text: &str) -> IfName {
    IfName::new(text).expect("a constant")
}

fn netns(tape: &mut Tape) -> Resource {
    const NAMES: [&str; 3] = ["t-n1", "t-n2", "t-n3"];
    let node = if tape.pick(8) == 7 { "renamed" } else { "n" };
    let name = NetnsName::new(NAMES[tape.pick(NAMES.len())]).expect("a constant");
    Resource::Netns(Netns::new(name, NodeName::new(node).expect("a constant")))
}

fn named(state: &HostState) -> Vec<NetnsName> {
    let name = |r: &Resource| match r {
        Resource::Netns(n) => Some(n.name.clone()),
        _ => None,
    };
    state.iter().filter_map(|(_, r)| name(r)).collect()
}

/// The namespaces to put devices in; the host's own is the last, so that shrinking leaves it.
fn places(state: &HostState) -> Vec<NetnsId> {
    named(state).into_iter().map(NetnsId::Named).chain([NetnsId::Host]).collect()
}

fn place(state: &HostState, tape: &mut Tape) -> NetnsId {
    let places = places(state);
    places[tape.pick(places.len())].clone()
}

/// The devices that may be up and have addresses: those of ours, and `lo` in our namespaces.
fn devices(state: &HostState) -> Vec<DeviceId> {
    let names = |r: &Resource| match r {
        Resource::Netns(n) => vec![n.lo()],
        Resource::Device(Device::Veth(v)) => v.ends().iter().map(|end| end.id.clone()).collect(),
        Resource::Device(d) => vec![d.id().clone()],
        Resource::Ovs(ovs) => ovs::made(ovs).into_iter().collect(),
        _ => Vec::new(),
    };
    state.iter().flat_map(|(_, r)| names(r)).collect()
}

fn device<'a>(state: &'a HostState, id: &DeviceId) -> Option<&'a Device> {
    match state.holder(&Key::Device(id.clone()))? {
        Resource::Device(device) => Some(device),
        _ => None,
    }
}

fn single_of<'a>(state: &'a HostState, id: &DeviceId) -> Option<&'a Single> {
    match device(state, id)? {
        Device::Single(single) => Some(single),
        Device::Veth(_) | Device::Bridge(_) | Device::Stray { .. } => None,
    }
}

/// What a device is a member of.
#[derive(Clone, Copy, PartialEq)]
enum Master {
    Bridge { filtering: bool },
    Bond,
    Vrf { table: u32 },
}

fn master(state: &HostState, id: &DeviceId) -> Option<Master> {
    match device(state, id)? {
        Device::Bridge(bridge) => Some(Master::Bridge { filtering: bridge.vlan_filtering }),
        Device::Single(single) => match single.kind {
            SingleKind::Bond(_) => Some(Master::Bond),
            SingleKind::Vrf { table } => Some(Master::Vrf { table }),
            SingleKind::Dummy
            | SingleKind::Vlan { .. }
            | SingleKind::Macvlan { .. }
            | SingleKind::Ipvlan { .. }
            | SingleKind::Vxlan(_)
            | SingleKind::Gretap(_)
            | SingleKind::Gre(_) => None,
        },
        Device::Veth(_) | Device::Stray { .. } => None,
    }
}

/// What a device is a member of here.
fn master_of(state: &HostState, id: &DeviceId) -> Option<Master> {
    match state.get(&Key::Port(id.clone()))? {
        Resource::Port(port) => master(state, &port.master()),
        _ => None,
    }
}

/// Whatever has members.
fn masters(state: &HostState) -> Vec<DeviceId> {
    devices(state).into_iter().filter(|id| master(state, id).is_some()).collect()
}
