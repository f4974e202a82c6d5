//! In which order the devices of a namespace join others and come up.
//!
//! `lo` first; members of a bond before anything wants to come up through it, for a bond takes none that is up and opens each by itself
//! (`bond_enslave`); new bridges when their ports are; VLAN sub-interfaces last, for they come up only when their parents are (`vlan_dev_open`).

use indexmap::IndexMap;
use netsim_core::names::IfName;
use netsim_core::resource::{NetnsId, Port, PortSettings, SingleKind};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::super::device::{Change, Kind, Member, Sort};
use super::super::observe;
use super::super::spaces::{Space, Spaces};
use super::Run;
use super::work::Place;
use crate::backend::StepError;

/// A change with its action and the number of its device.
pub(super) type Told = (usize, u32, Change);

/// What devices are told, in one message each.
pub(super) fn changes(
    space: &Space,
    place: &Place,
    index: &impl Fn(usize, IfName) -> Result<u32, StepError>,
) -> Result<Vec<Told>, StepError> {
    let mut changes: IndexMap<IfName, (usize, Change), FxBuildHasher> = IndexMap::default();
    let mut opened: FxHashSet<IfName> = FxHashSet::default();
    for (at, _, port) in &place.ports {
        let master = Some(index(*at, port.master)?);
        changes.insert(port.device.name, (*at, Change { master, ..Default::default() }));
        if is_bond(space, place, port.master) {
            opened.insert(port.device.name);
        }
    }
    for (at, device) in place.ups.iter().filter(|(_, d)| !opened.contains(&d.name)) {
        changes.entry(device.name).or_insert((*at, Change::default())).1.up = Some(true);
    }
    let bridges: FxHashSet<IfName> = place.bridges.iter().map(|(_, b)| b.id.name).collect();
    let ups: FxHashMap<IfName, usize> = place.ups.iter().map(|(at, d)| (d.name, *at)).collect();
    // In the order of the plan a parent comes up before what stands on it.
    let turn = |name: &IfName| match name {
        name if *name == IfName::LO => (0, 0),
        name if bridges.contains(name) => (2, 0),
        name if is_vlan(space, place, *name) => (3, ups.get(name).copied().unwrap_or(0)),
        _ => (1, 0),
    };
    changes.sort_by_cached_key(|name, _| turn(name));
    changes.into_iter().map(|(name, (at, change))| Ok((at, index(at, name)?, change))).collect()
}

/// What is told to devices that came up with others though nobody asked for that: members of bonds, and VLAN sub-interfaces with their parents
/// (`vlan_device_event`).
pub(super) fn falling(
    run: &Run,
    spaces: &mut Spaces,
    (netns, place): (&NetnsId, &Place),
) -> Result<Vec<Told>, StepError> {
    let ups: FxHashSet<IfName> = place.ups.iter().map(|(_, d)| d.name).collect();
    let space = spaces.get(netns).map_err(run.system(place.ups.first().map_or(0, |up| up.0)))?;
    let members = place.ports.iter().filter(|(_, _, port)| is_bond(space, place, port.master));
    let members = members.map(|(at, _, port)| (*at, port.device.name));
    let vlans = place.singles.iter().filter(|(_, s)| matches!(s.kind, SingleKind::Vlan { .. }));
    let mut down: Vec<(usize, IfName)> = members.chain(vlans.map(|(at, s)| (*at, s.id.name))).collect();
    down.retain(|(_, name)| !ups.contains(name));
    let change = || Change { up: Some(false), ..Default::default() };
    let mut told: Vec<Told> =
        down.into_iter().filter_map(|(at, name)| Some((at, space.index(name)?, change()))).collect();

    let new: FxHashSet<IfName> = place.new_devices().map(|(_, name)| name).collect();
    let ports = place.ports.iter().map(|(at, _, port)| (*at, port.device.name));
    let mut raised = place.ups.iter().map(|(at, d)| (*at, d.name)).chain(ports);
    let raised = raised.find(|(_, name)| *name != IfName::LO && !new.contains(name));
    if let Some((at, _)) = raised.filter(|_| !space.is_new()) {
        let links = observe::links(&mut space.netlink).map_err(run.system(at))?;
        let stays = links.into_iter().filter(|link| {
            let vlan = matches!(link.kind, Kind::Single(Sort::Vlan { .. })) && observe::is_of_lab(run.lab, link);
            vlan && !link.up && !ups.contains(&link.name) && !new.contains(&link.name)
        });
        told.extend(stays.map(|link| (at, link.index, change())));
    }
    Ok(told)
}

/// Ports whose bridge is to treat them in another way than it does when they have joined it.
pub(super) fn settings<'a>(place: &'a Place<'a>) -> impl Iterator<Item = (usize, &'a Port)> {
    place.ports.iter().filter_map(|(at, from, to)| {
        let stays = from.filter(|from| from.master == to.master);
        let now = stays.map_or(PortSettings::default(), |from| from.settings);
        (now != to.settings).then_some((*at, *to))
    })
}

/// Whether a device that has VLANs is a port or a bridge itself.
pub(super) fn member(space: &Space, place: &Place, name: IfName) -> Member {
    let new = place.bridges.iter().any(|(_, bridge)| bridge.id.name == name);
    if new || matches!(space.kind(name), Some(Kind::Bridge(_))) { Member::Bridge } else { Member::Port }
}

fn is_bond(space: &Space, place: &Place, name: IfName) -> bool {
    let new = place.singles.iter().any(|(_, s)| s.id.name == name && matches!(s.kind, SingleKind::Bond(_)));
    new || matches!(space.kind(name), Some(Kind::Single(Sort::Bond { .. })))
}

fn is_vlan(space: &Space, place: &Place, name: IfName) -> bool {
    let new = place.singles.iter().any(|(_, s)| s.id.name == name && matches!(s.kind, SingleKind::Vlan { .. }));
    new || matches!(space.kind(name), Some(Kind::Single(Sort::Vlan { .. })))
}
