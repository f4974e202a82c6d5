//! Changes devices that are there, in place.

use std::io;

use netlink_packet_route::RouteNetlinkMessage;
use netsim_core::names::IfName;
use netsim_core::resource::{DeviceId, Key, NetnsId};

use super::super::device::{self, Change, IPV6_MIN_MTU};
use super::super::spaces::{Space, Spaces};
use super::super::{address, errors};
use super::work::Place;
use super::{Run, build};
use crate::backend::StepError;
use crate::netlink::Batch;

/// Link-local addresses that the kernel made (IFAPROT_KERNEL_LL, linux/if_addr.h).
const IFAPROT_KERNEL_LL: u8 = 3;

/// What may differ about a device of any kind.
struct Differs<'a> {
    at: usize,
    name: IfName,
    change: Change,
    link_local: Option<bool>,
    full_name: (Option<&'a str>, Option<&'a str>),
}

/// Makes the devices of one namespace what they shall be; their numbers are known.
pub(super) fn devices(
    run: &Run,
    spaces: &mut Spaces,
    netns: &NetnsId,
    place: &Place,
    ipv6: bool,
) -> Result<(), StepError> {
    let ends = place.changed_ends.iter().map(|(at, from, to)| {
        // A device that was too small for IPv6 gets it anew, with the kernel's own settings.
        let regains = from.mtu < IPV6_MIN_MTU && to.mtu >= IPV6_MIN_MTU;
        Differs {
            at: *at,
            name: to.id.name,
            change: Change {
                mac: (from.mac != to.mac).then_some(to.mac),
                mtu: (from.mtu != to.mtu).then_some(to.mtu),
                ..Default::default()
            },
            link_local: (ipv6 && to.mtu >= IPV6_MIN_MTU && (regains || from.link_local != to.link_local))
                .then_some(to.link_local),
            full_name: (from.full_name.as_deref(), to.full_name.as_deref()),
        }
    });
    let bridges = place.changed_bridges.iter().map(|(at, from, to)| Differs {
        at: *at,
        name: to.id.name,
        change: Change {
            mac: (from.mac != to.mac).then_some(to.mac),
            multicast_snooping: (from.multicast_snooping != to.multicast_snooping).then_some(to.multicast_snooping),
            ..Default::default()
        },
        link_local: (ipv6 && from.link_local != to.link_local).then_some(to.link_local),
        full_name: (from.full_name.as_deref(), to.full_name.as_deref()),
    });
    let all: Vec<Differs> = ends.chain(bridges).collect();
    let Some(first) = all.first().map(|d| d.at) else { return Ok(()) };
    let space = spaces.get(netns).map_err(run.system(first))?;
    let mut batch = Batch::default();
    for differs in &all {
        let index = index(run, space, netns, differs)?;
        if !differs.change.is_empty() {
            batch.push(differs.at, 0, differs.change.of(index));
        }
        if differs.full_name.0 != differs.full_name.1 {
            let (old, new) = differs.full_name;
            if let Some(old) = old {
                batch.push(differs.at, 0, device::remove_altname(index, old.to_owned()));
            }
            if let Some(new) = new {
                batch.push(differs.at, device::ADD_ALTNAME, device::add_altnames(index, [new.to_owned()]));
            }
        }
    }
    run.send(space, batch, build::never)?;
    for differs in &all {
        if let Some(link_local) = differs.link_local {
            let index = index(run, spaces.get(netns).map_err(run.system(differs.at))?, netns, differs)?;
            set_link_local(spaces, netns, (differs.name, index), link_local).map_err(run.system(differs.at))?;
        }
    }
    Ok(())
}

fn index(run: &Run, space: &Space, netns: &NetnsId, differs: &Differs) -> Result<u32, StepError> {
    space.index(differs.name).ok_or_else(|| {
        let key = Key::Device(DeviceId { netns: netns.clone(), name: differs.name });
        run.failed(Some(differs.at), errors::vanished(errors::doing(&run.actions[differs.at]), &key))
    })
}

/// Switches a link-local address on or off while the device is up. By netlink the kernel would heed it only when the device comes up next
/// (`inet6_set_link_af`), by its sysctl it makes an address at once (`addrconf_sysctl_addr_gen_mode`) but never takes one away.
pub(super) fn set_link_local(
    spaces: &mut Spaces,
    netns: &NetnsId,
    (name, index): (IfName, u32),
    on: bool,
) -> io::Result<()> {
    spaces.enter(netns)?;
    let mode = if on { "0" } else { "1" };
    spaces.settings.write_at(&format!("net/ipv6/conf/{name}/addr_gen_mode"), mode)?;
    if on {
        return Ok(());
    }
    let space = spaces.get(netns)?;
    let addresses =
        space.netlink.dump(&address::list(), Vec::new, |all, payload| all.extend(address::decode(payload)))?;
    let mut batch = Batch::default();
    for seen in addresses.iter().filter(|a| a.index == index && a.protocol == IFAPROT_KERNEL_LL) {
        batch.push((), 0, RouteNetlinkMessage::DelAddress(address::encode(index, seen.net)));
    }
    space.netlink.send(batch).map(|_| ())
}
