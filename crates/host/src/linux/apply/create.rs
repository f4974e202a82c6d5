//! Creates devices, each from the namespace of what it stands on.

use std::collections::BTreeMap;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netsim_core::resource::{Bridge, DeviceId, Key, NetnsId, Single, SingleKind, Veth};
use rustc_hash::{FxHashMap, FxHashSet};

use super::super::spaces::Spaces;
use super::super::tunnels::name_on_its_way;
use super::super::{device, errors};
use super::work::{Place, Work};
use super::{Run, build};
use crate::backend::StepError;
use crate::netlink::Batch;

const NEW: u16 = NLM_F_CREATE | NLM_F_EXCL;

/// A device that is to be made.
#[derive(Clone, Copy)]
enum New<'a> {
    Bridge(&'a Bridge),
    Veth(&'a Veth),
    Single(&'a Single),
}

/// Makes devices that stand on one of another namespace, or send over its underlay, with all new ones that they stand on. It gives the actions that are done so.
pub(super) fn across(run: &Run, spaces: &mut Spaces, work: &Work) -> Result<FxHashSet<usize>, StepError> {
    let singles = || work.places.values().flat_map(|place| &place.singles);
    let mut open: Vec<(usize, New)> =
        singles().filter(|(_, single)| leans(single)).map(|(at, single)| (*at, New::Single(single))).collect();
    if open.is_empty() {
        return Ok(FxHashSet::default());
    }
    let mut new: FxHashMap<&DeviceId, (usize, New)> = singles().map(|(at, s)| (&s.id, (*at, New::Single(s)))).collect();
    for place in work.places.values() {
        new.extend(place.bridges.iter().map(|(at, b)| (&b.id, (*at, New::Bridge(b)))));
        new.extend(place.veths.iter().flat_map(|(at, v)| v.ends().iter().map(|e| (&e.id, (*at, New::Veth(v))))));
    }
    // In the order of the plan what something stands on comes before it.
    let mut all: BTreeMap<usize, New> = BTreeMap::new();
    while let Some((at, device)) = open.pop() {
        all.insert(at, device);
        open.extend(device.parent().and_then(|parent| new.get(&parent)));
    }
    let mut batch = Batch::default();
    let mut here: Option<NetnsId> = None;
    for (at, device) in &all {
        let from = device.made_from();
        if let Some(before) = here.replace(from.clone()).filter(|before| *before != from) {
            run.send(spaces.get(&before).map_err(run.system(*at))?, std::mem::take(&mut batch), build::never)?;
        }
        push(run, spaces, &from, (*at, *device), &mut batch)?;
    }
    if let Some((here, at)) = here.zip(all.keys().next()) {
        run.send(spaces.get(&here).map_err(run.system(*at))?, batch, build::never)?;
    }
    Ok(all.into_keys().collect())
}

/// Makes the devices of one namespace but those that are made already: what can be stood on before what stands.
pub(super) fn devices(
    run: &Run,
    spaces: &mut Spaces,
    (netns, place): (&NetnsId, &Place),
    made: &FxHashSet<usize>,
    batch: &mut Batch<usize>,
) -> Result<(), StepError> {
    let bridges = place.bridges.iter().map(|(at, bridge)| (*at, New::Bridge(bridge)));
    let veths = place.veths.iter().map(|(at, veth)| (*at, New::Veth(veth)));
    let singles = place.singles.iter().map(|(at, single)| (*at, New::Single(single)));
    for new in bridges.chain(veths).chain(singles).filter(|(at, _)| !made.contains(at)) {
        push(run, spaces, netns, new, batch)?;
    }
    Ok(())
}

/// The device that it stands on, or that it sends by, where it names one.
pub(super) fn beneath(single: &Single) -> Option<DeviceId> {
    single.kind.parent(&single.id).or_else(|| single.kind.underlay())
}

/// Whether it stands on a device of another namespace, or sends over the underlay of one.
pub(super) fn leans(single: &Single) -> bool {
    made_from(single) != single.id.netns
}

/// The namespace that the request for it goes to: a kernel looks for what a device stands on where it is asked, and that is a tunnel's underlay.
fn made_from(single: &Single) -> NetnsId {
    match single.kind {
        SingleKind::Vxlan(_) | SingleKind::Gretap(_) | SingleKind::Gre(_) => NetnsId::Host,
        SingleKind::Dummy
        | SingleKind::Vlan { .. }
        | SingleKind::Macvlan { .. }
        | SingleKind::Ipvlan { .. }
        | SingleKind::Bond(_)
        | SingleKind::Vrf { .. } => single.kind.parent(&single.id).unwrap_or_else(|| single.id.clone()).netns,
    }
}

impl New<'_> {
    fn parent(self) -> Option<DeviceId> {
        match self {
            New::Bridge(_) | New::Veth(_) => None,
            New::Single(single) => beneath(single),
        }
    }

    /// The namespace that the request goes to.
    fn made_from(self) -> NetnsId {
        match self {
            New::Bridge(bridge) => bridge.id.netns.clone(),
            New::Veth(veth) => veth.ends()[0].id.netns.clone(),
            New::Single(single) => made_from(single),
        }
    }
}

/// Adds the request that makes a device to those for a namespace. They are sent before where the kernel chooses a number that is needed.
fn push(
    run: &Run,
    spaces: &mut Spaces,
    here: &NetnsId,
    (at, new): (usize, New),
    batch: &mut Batch<usize>,
) -> Result<(), StepError> {
    let group = run.lab.group();
    let message = match new {
        New::Bridge(bridge) => {
            let number = spaces.get(here).map_err(run.system(at))?.number(bridge.id.name);
            device::create_bridge(bridge, number, group)
        }
        New::Veth(veth) => create_veth(run, spaces, here, (at, veth), batch)?,
        New::Single(single) => {
            let parent = match beneath(single) {
                Some(parent) => Some(number_of(run, spaces, (at, &parent), batch)?),
                None => None,
            };
            if single.id.netns == *here {
                let number = spaces.get(here).map_err(run.system(at))?.number(single.id.name);
                device::create_single(single, number, parent, None, group)
            } else {
                let space = spaces.get(here).map_err(run.system(at))?;
                if space.has_unknown_numbers() {
                    run.send(space, std::mem::take(batch), build::never)?;
                }
                let number = spaces.number_across(here, &single.id.netns, single.id.name).map_err(run.system(at))?;
                let far = spaces.namespace(&single.id.netns).map_err(run.system(at))?;
                if is_moved(&single.kind) {
                    let there = DeviceId { netns: here.clone(), name: name_on_its_way(run.lab, &single.id) };
                    let made = Single { id: there, ..single.clone() };
                    batch.push(at, NEW, device::create_single(&made, number, parent, None, group));
                    batch.push(at, 0, device::move_to(number, far, single.id.name));
                    return Ok(());
                }
                device::create_single(single, number, parent, Some(far), group)
            }
        }
    };
    batch.push(at, NEW, message);
    Ok(())
}

/// Whether it is made where its underlay is and then moved: made elsewhere it would take that for its underlay (`ip_tunnel_newlink`).
fn is_moved(kind: &SingleKind) -> bool {
    matches!(kind, SingleKind::Gretap(_) | SingleKind::Gre(_))
}

fn create_veth(
    run: &Run,
    spaces: &mut Spaces,
    here: &NetnsId,
    (at, veth): (usize, &Veth),
    batch: &mut Batch<usize>,
) -> Result<RouteNetlinkMessage, StepError> {
    let [a, b] = veth.ends();
    let (near, far) = if a.id.netns == *here { (a, b) } else { (b, a) };
    // A kernel heeds the number that is asked for the far end only where one is asked for the near end, too (`veth_newlink`). Else it takes the next
    // free one, which is the same where none was left out.
    let is_next = !spaces.get(&far.id.netns).map_err(run.system(at))?.has_skipped();
    let space = spaces.get(here).map_err(run.system(at))?;
    let near_number = match is_next || space.is_new() {
        true => space.number(near.id.name),
        false => {
            if space.has_unknown_numbers() {
                run.send(space, std::mem::take(batch), build::never)?;
            }
            space.number_of_ours(near.id.name).map_err(run.system(at))?
        }
    };
    let far_number = spaces.get(&far.id.netns).map_err(run.system(at))?.number(far.id.name);
    let ends = ((near, near_number), (far, far_number));
    if near.id.netns == far.id.netns {
        return Ok(device::create_veth(ends.0, ends.1, None, run.lab.group()));
    }
    let namespace = spaces.namespace(&far.id.netns).map_err(run.system(at))?;
    Ok(device::create_veth(ends.0, ends.1, Some(namespace), run.lab.group()))
}

/// The number of a device that another is to stand on.
fn number_of(
    run: &Run,
    spaces: &mut Spaces,
    (at, device): (usize, &DeviceId),
    batch: &mut Batch<usize>,
) -> Result<u32, StepError> {
    let space = spaces.get(&device.netns).map_err(run.system(at))?;
    if space.index(device.name).is_none() {
        run.send(space, std::mem::take(batch), build::never)?;
        space.find([device.name]).map_err(run.system(at))?;
    }
    space.index(device.name).ok_or_else(|| {
        let doing = errors::doing(&run.actions[at]);
        run.failed(Some(at), errors::vanished(doing, &Key::Device(device.clone())))
    })
}
