//! Changes devices that are there, in place.

use std::io;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoData, InfoKind};
use netsim_core::names::IfName;
use netsim_core::resource::{DeviceId, Key, NetnsId, SingleKind};
use rustc_hash::FxHashMap;

use super::super::device::{self, BridgeSettings, Change, IPV6_MIN_MTU, Sort};
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

/// Makes the devices of one namespace that are there what they shall be.
pub(super) fn devices(
    run: &Run,
    spaces: &mut Spaces,
    netns: &NetnsId,
    place: &Place,
    ipv6: bool,
) -> Result<(), StepError> {
    let ends = place.changed_ends.iter().map(|(at, from, to)| Differs {
        at: *at,
        name: to.id.name,
        change: Change {
            mac: (from.mac != to.mac).then_some(to.mac),
            mtu: (from.mtu != to.mtu).then_some(to.mtu),
            tx_queue_len: (from.tx_queue_len != to.tx_queue_len).then_some(to.tx_queue_len),
            ..Default::default()
        },
        link_local: link_local((Some(from.mtu), from.link_local), (Some(to.mtu), to.link_local)),
        full_name: (from.full_name.as_deref(), to.full_name.as_deref()),
    });
    let bridges = place.changed_bridges.iter().map(|(at, from, to)| {
        let settings = BridgeSettings::of(to).since(BridgeSettings::of(from));
        Differs {
            at: *at,
            name: to.id.name,
            change: Change {
                mac: (from.mac != to.mac).then_some(to.mac),
                settings: (!settings.is_empty()).then_some((InfoKind::Bridge, InfoData::Bridge(settings))),
                ..Default::default()
            },
            link_local: link_local((None, from.link_local), (None, to.link_local)),
            full_name: (from.full_name.as_deref(), to.full_name.as_deref()),
        }
    });
    let links = underlay_links(run, spaces, place)?;
    let link = |kind: &SingleKind| kind.underlay().and_then(|id| links.get(&id.name)).copied().unwrap_or(0);
    let singles = place.changed_singles.iter().map(|(at, from, to)| {
        let settings = Sort::of(&to.kind, link(&to.kind)).since(Sort::of(&from.kind, link(&from.kind)));
        // Of a GRE device that is told anything the kernel works out the MTU anew, unless it is told that as well (`ip6gre_changelink`).
        let is_gre = matches!(to.kind, SingleKind::Gretap(_) | SingleKind::Gre(_));
        let resized = from.mtu != to.mtu || (is_gre && settings.is_some());
        Differs {
            at: *at,
            name: to.id.name,
            change: Change {
                mac: to.mac.filter(|_| from.mac != to.mac),
                mtu: to.mtu.filter(|_| resized),
                settings,
                ..Default::default()
            },
            link_local: link_local((from.mtu, from.link_local), (to.mtu, to.link_local)),
            full_name: (from.full_name.as_deref(), to.full_name.as_deref()),
        }
    });
    let mut all: Vec<Differs> = ends.chain(bridges).chain(singles).collect();
    // In the order of the plan what something stands on grows before it.
    all.sort_by_key(|differs| differs.at);
    let Some(first) = all.first().map(|d| d.at) else { return Ok(()) };
    let space = spaces.get(netns).map_err(run.system(first))?;
    space.find(all.iter().map(|d| d.name)).map_err(run.system(first))?;
    let mut batch = Batch::default();
    for differs in &all {
        let index = index(run, space, netns, differs)?;
        for change in differs.change.apart() {
            batch.push(differs.at, 0, change.of(index));
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
        if let Some(link_local) = differs.link_local.filter(|_| ipv6) {
            let index = index(run, spaces.get(netns).map_err(run.system(differs.at))?, netns, differs)?;
            set_link_local(spaces, netns, (differs.name, index), link_local).map_err(run.system(differs.at))?;
        }
    }
    Ok(())
}

/// The numbers of the underlay's devices that changed tunnels name. What is named no more may be gone.
fn underlay_links(run: &Run, spaces: &mut Spaces, place: &Place) -> Result<FxHashMap<IfName, u32>, StepError> {
    let mut links = FxHashMap::default();
    for (at, from, to) in &place.changed_singles {
        for (id, is_needed) in [(from.kind.underlay(), false), (to.kind.underlay(), true)] {
            let Some(id) = id else { continue };
            let space = spaces.get(&id.netns).map_err(run.system(*at))?;
            space.find([id.name]).map_err(run.system(*at))?;
            match space.index(id.name) {
                Some(index) => drop(links.insert(id.name, index)),
                None if is_needed => {
                    let doing = errors::doing(&run.actions[*at]);
                    return Err(run.failed(Some(*at), errors::vanished(doing, &Key::Device(id))));
                }
                None => {}
            }
        }
    }
    Ok(links)
}

/// Whether a device is to make a link-local address, if that has to be told: one that was too small for IPv6 gets it anew, with the kernel's own settings.
fn link_local((mtu, was): (Option<u32>, bool), (to_mtu, to): (Option<u32>, bool)) -> Option<bool> {
    let has_ipv6 = |mtu: Option<u32>| mtu.is_none_or(|mtu| mtu >= IPV6_MIN_MTU);
    (has_ipv6(to_mtu) && (!has_ipv6(mtu) || was != to)).then_some(to)
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
