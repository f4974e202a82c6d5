//! Tells VXLAN devices where Ethernet addresses are.

use netlink_packet_core::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::AddressFamily;
use netsim_core::names::IfName;
use netsim_core::resource::{EVERYBODY, Fdb};
use rustc_hash::FxHashMap;

use super::super::neighbour;
use super::super::spaces::Space;
use super::{Run, build};
use crate::backend::StepError;
use crate::netlink::Batch;

/// Tells devices of one namespace. What a device has learnt by itself meanwhile makes way, what somebody told it does not.
pub(super) fn fdb(
    run: &Run,
    space: &mut Space,
    entries: &[(usize, &Fdb)],
    index: &FxHashMap<IfName, u32>,
) -> Result<(), StepError> {
    let Some((first, _)) = entries.first() else { return Ok(()) };
    let mut batch = Batch::default();
    let by_action: FxHashMap<usize, &Fdb> = entries.iter().copied().collect();
    for (at, entry) in entries {
        let how = if entry.mac == EVERYBODY { NLM_F_APPEND } else { NLM_F_EXCL };
        batch.push(*at, NLM_F_CREATE | how, neighbour::tell_fdb(index[&entry.device.name], entry));
    }
    let refused = space.netlink.send(batch).map_err(run.system(*first))?;
    let mut again = Batch::default();
    for refused in refused {
        let entry = by_action[&refused.tag];
        let number = index[&entry.device.name];
        if refused.errno != libc::EEXIST || is_told(space, number, entry).map_err(run.system(refused.tag))? {
            return Err(run.refused(refused));
        }
        again.push(refused.tag, NLM_F_CREATE | NLM_F_REPLACE, neighbour::tell_fdb(number, entry));
    }
    run.send(space, again, build::never)
}

/// Whether somebody told the device where this address is.
fn is_told(space: &mut Space, index: u32, entry: &Fdb) -> std::io::Result<bool> {
    let question = neighbour::list_of(AddressFamily::Bridge, index);
    let seen = space.netlink.dump(&question, Vec::new, |all, payload| all.extend(neighbour::decode(payload)))?;
    Ok(seen.iter().any(|seen| seen.index == index && seen.own && seen.permanent && seen.mac() == Some(entry.mac)))
}
