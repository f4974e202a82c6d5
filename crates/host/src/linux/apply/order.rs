//! In which order the devices of a namespace join others and come up.
//!
//! `lo` first; members of a bond before anything wants to come up through it, for a bond takes none that is up and opens each by itself
//! (`bond_enslave`); new bridges when their ports are; VLAN sub-interfaces last, for they come up only when their parents are (`vlan_dev_open`).

use indexmap::IndexMap;
use netsim_core::names::IfName;
use netsim_core::resource::{Port, PortSettings, SingleKind};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::super::device::{Change, Kind, Member, Sort};
use super::super::spaces::Space;
use super::work::Place;
use crate::backend::StepError;

/// A change with its action and the number of its device.
pub(super) type Told = (usize, u32, Change);

/// What devices are told, in one message each; but those that come up with others and shall not are told that they go down again.
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
    let down = || Change { up: Some(false), ..Default::default() };
    let falling = raised(place, &ups).map(|(at, name)| (name, (at, down())));
    changes.into_iter().chain(falling).map(|(name, (at, change))| Ok((at, index(at, name)?, change))).collect()
}

/// VLAN sub-interfaces that come up with their parents (`vlan_device_event`) though they shall be made only after that.
fn raised<'a>(place: &'a Place<'a>, ups: &FxHashMap<IfName, usize>) -> impl Iterator<Item = (usize, IfName)> {
    place.singles.iter().filter_map(|(at, single)| match single.kind {
        SingleKind::Vlan { parent, .. } if !ups.contains_key(&single.id.name) => {
            ups.get(&parent).is_some_and(|up| up < at).then_some((*at, single.id.name))
        }
        _ => None,
    })
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
