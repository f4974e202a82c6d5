//! Queueing disciplines and knobs of devices, given and taken away.

use netsim_core::names::IfName;
use netsim_core::resource::{DeviceId, Key, NetnsId, Qdisc, QdiscKind, Tuning};

use super::super::spaces::Spaces;
use super::super::tuning::{self, Tools};
use super::super::{device, errors, qdisc};
use super::{Run, build, remove};
use crate::backend::StepError;
use crate::netlink::Batch;

/// A queueing discipline that a device shall have, and the one of ours or in our way that it has.
pub(super) type Queued<'a> = (usize, Option<&'a QdiscKind>, &'a Qdisc);

/// Adds the requests for queueing disciplines.
pub(super) fn queue(
    batch: &mut Batch<usize>,
    qdiscs: &[Queued],
    index: &impl Fn(usize, IfName) -> Result<u32, StepError>,
) -> Result<(), StepError> {
    for (at, from, to) in qdiscs {
        for (flags, message) in qdisc::put(index(*at, to.device.name)?, *from, &to.kind) {
            batch.push(*at, flags, message);
        }
    }
    Ok(())
}

/// Turns knobs of the devices of one namespace, each noted first: a note without its setting is found and mended, a setting without its note would be
/// forgotten.
pub(super) fn set(
    run: &Run,
    spaces: &mut Spaces,
    netns: &NetnsId,
    tunings: &[(usize, &Tuning)],
) -> Result<(), StepError> {
    let Some((first, _)) = tunings.first() else { return Ok(()) };
    let space = spaces.get(netns).map_err(run.system(*first))?;
    let mut devices = Vec::with_capacity(tunings.len());
    let mut batch = Batch::default();
    for (at, tuning) in tunings {
        let name = tuning.device.name;
        let index = space.index(name).ok_or_else(|| vanished(run, *at, &tuning.device))?;
        devices.push((name, index));
        batch.push(*at, device::ADD_ALTNAME, device::add_altnames(index, [tuning::note(name, tuning.knob)]));
    }
    run.send(space, batch, build::is_there)?;
    spaces.enter(netns).map_err(run.system(*first))?;
    let mut tools = Tools::default();
    for ((at, tuning), device) in tunings.iter().zip(devices) {
        tools.set(device, tuning.knob, &tuning.value).map_err(run.setting(*at))?;
    }
    Ok(())
}

fn vanished(run: &Run, at: usize, device: &DeviceId) -> StepError {
    run.failed(Some(at), errors::vanished(errors::doing(&run.actions[at]), &Key::Device(device.clone())))
}

/// Turns knobs back to what a new device has, then forgets that they were turned. A device that is gone took them along.
pub(super) fn reset(run: &Run, spaces: &mut Spaces, tunings: &[(usize, &Tuning)]) -> Result<(), StepError> {
    for same in tunings.chunk_by(|(_, a), (_, b)| a.device.netns == b.device.netns) {
        let (first, of) = (same[0].0, &same[0].1.device.netns);
        let mut tools = Tools::default();
        for (at, tuning) in same {
            let space = spaces.get(of).map_err(run.system(*at))?;
            let links = space.look(&[tuning.device.name]).map_err(run.system(*at))?;
            let Some(link) = links.first() else { continue };
            spaces.enter(of).map_err(run.system(*at))?;
            let value = tuning::at_birth(&link.kind, tuning.knob);
            tools.set((link.name, link.index), tuning.knob, value).map_err(run.setting(*at))?;
            let mut batch = Batch::default();
            batch.push(*at, 0, device::remove_altname(link.index, tuning::note(link.name, tuning.knob)));
            run.send(spaces.get(of).map_err(run.system(first))?, batch, remove::is_gone)?;
        }
        run.progress.add(same.len());
    }
    Ok(())
}
