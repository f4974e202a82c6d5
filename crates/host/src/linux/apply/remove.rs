//! Takes away what shall go.
//!
//! The kernel waits some 16 ms for every message that deletes a device (`rcu_barrier` in `netdev_run_todo`), however many devices it deletes. So of one
//! namespace all go together: they are put into a group of the doomed and deleted by that.

use indexmap::IndexMap;
use netlink_packet_route::RouteNetlinkMessage;
use netsim_core::names::IfName;
use netsim_core::plan::Action;
use netsim_core::resource::{Device, DeviceId, Netns, NetnsId, Resource, Sysctl, Tuning};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::super::device::{self, Change, IPV6_MIN_MTU, Kind, LO_INDEX, Link, Member};
use super::super::errors::{self, codes};
use super::super::spaces::Spaces;
use super::super::{address, neighbour, observe, qdisc, ran, route, sysctl};
use super::regain::Deprived;
use super::{Run, Step, tune};
use crate::backend::{HostError, StepError};
use crate::netlink::{Batch, Refused};

/// In so many namespaces devices are deleted at the same time.
const SIDE_BY_SIDE: usize = 32;

type ByNetns<T> = IndexMap<NetnsId, T, FxBuildHasher>;

/// Does the deletions: what stands on devices first, in the order of the plan, then devices, then namespaces.
pub(super) fn remove(run: &Run, spaces: &mut Spaces, steps: Vec<Step>) -> Result<(), StepError> {
    let mut small: ByNetns<Vec<(usize, &Resource)>> = ByNetns::default();
    let mut devices: Vec<(usize, &Device)> = Vec::new();
    let mut namespaces: Vec<(usize, &Netns)> = Vec::new();
    let mut settings: Vec<(usize, &Sysctl)> = Vec::new();
    let mut tunings: Vec<(usize, &Tuning)> = Vec::new();
    for (at, action) in &steps {
        let Action::Delete(resource) = action else { continue };
        match resource {
            // Open vSwitch does that.
            Resource::Ovs(_) => {}
            Resource::Netns(netns) => namespaces.push((*at, netns)),
            Resource::Device(device) => devices.push((*at, device)),
            Resource::Sysctl(sysctl) => settings.push((*at, sysctl)),
            Resource::Tuning(tuning) => tunings.push((*at, tuning)),
            Resource::Up(_)
            | Resource::Port(_)
            | Resource::PortVlans(_)
            | Resource::Qdisc(_)
            | Resource::Address(_)
            | Resource::Route(_)
            | Resource::Ran(_)
            | Resource::Fdb(_)
            | Resource::Neighbour(_) => {
                small.entry(resource.key().netns()).or_default().push((*at, resource));
            }
        }
    }
    reset_settings(run, spaces, &settings)?;
    tune::reset(run, spaces, &tunings)?;
    for (netns, resources) in small {
        run.go_on()?;
        remove_small(run, spaces, &netns, &resources)?;
    }
    if !devices.is_empty() {
        remove_devices(run, spaces, &devices)?;
    }
    for (at, netns) in namespaces {
        spaces.delete(&netns.name).map_err(run.system(at))?;
        run.progress.add(1);
    }
    Ok(())
}

/// Sets sysctls to what they are in a fresh namespace, then forgets that they were set.
fn reset_settings(run: &Run, spaces: &mut Spaces, settings: &[(usize, &Sysctl)]) -> Result<(), StepError> {
    let Some((first, _)) = settings.first() else { return Ok(()) };
    spaces.enter_scratch().map_err(run.system(*first))?;
    let mut fresh = FxHashMap::default();
    for (at, setting) in settings {
        if setting.netns == NetnsId::Host {
            return Err(run.failed(Some(*at), not_ours(errors::doing(&run.actions[*at]))));
        }
        let name = sysctl::at_birth(&setting.name);
        let value = spaces.settings.read(&name).map_err(run.system(*at))?;
        fresh.insert(name, value);
    }
    for (at, setting) in settings {
        spaces.enter(&setting.netns).map_err(run.system(*at))?;
        if let Some(Some(value)) = fresh.get(&sysctl::at_birth(&setting.name)) {
            match spaces.settings.write(&setting.name, value) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(run.system(*at)(e)),
                Ok(()) | Err(_) => {}
            }
        }
        let mut batch = Batch::default();
        batch.push(*at, 0, device::remove_altname(LO_INDEX, sysctl::note(&setting.name)));
        run.send(spaces.get(&setting.netns).map_err(run.system(*at))?, batch, is_gone)?;
        run.progress.add(1);
    }
    Ok(())
}

fn not_ours(doing: String) -> HostError {
    let message = "a setting of the host is given back, not deleted".into();
    HostError { code: codes::REFUSED.0, doing, message, errno: None, hint: None }
}

/// A deletion that finds nothing is done.
pub(super) fn is_gone(refused: &Refused<usize>) -> bool {
    matches!(refused.errno, libc::ENODEV | libc::ESRCH | libc::EADDRNOTAVAIL | libc::ENOENT)
}

fn remove_small(
    run: &Run,
    spaces: &mut Spaces,
    netns: &NetnsId,
    resources: &[(usize, &Resource)],
) -> Result<(), StepError> {
    let system = run.system(resources[0].0);
    let ports: Vec<IfName> =
        resources.iter().filter(|(_, r)| matches!(r, Resource::Port(_))).filter_map(|(_, r)| device_of(r)).collect();
    let mut deprived = Deprived::default();
    deprived.note(spaces, netns, &ports).map_err(&system)?;
    let space = spaces.get(netns).map_err(&system)?;
    space.find(resources.iter().filter_map(|(_, r)| device_of(r))).map_err(&system)?;
    let mut batch = Batch::default();
    for (at, resource) in resources {
        let index = device_of(resource).and_then(|name| space.index(name));
        let message = match (resource, index) {
            (Resource::Route(r), _) => RouteNetlinkMessage::DelRoute(route::encode_key(r)),
            (Resource::Ran(r), _) => device::remove_altname(LO_INDEX, ran::note(r)),
            (Resource::Address(a), Some(index)) => RouteNetlinkMessage::DelAddress(address::encode(index, a.net)),
            (Resource::Port(_), Some(index)) => Change { master: Some(0), ..Default::default() }.of(index),
            (Resource::Up(_), Some(index)) => Change { up: Some(false), ..Default::default() }.of(index),
            (Resource::PortVlans(v), Some(index)) => {
                let bridge = matches!(space.kind(v.device.name), Some(Kind::Bridge(_)));
                let member = if bridge { Member::Bridge } else { Member::Port };
                for request in device::set_vlans(index, member, Some(v), None) {
                    batch.push(*at, 0, request);
                }
                continue;
            }
            (Resource::Qdisc(q), Some(index)) => qdisc::delete(index, &q.kind),
            (Resource::Fdb(f), Some(index)) => neighbour::forget_fdb(index, f),
            (Resource::Neighbour(n), Some(index)) => neighbour::forget(index, n),
            (
                Resource::Address(_)
                | Resource::Port(_)
                | Resource::Up(_)
                | Resource::PortVlans(_)
                | Resource::Qdisc(_)
                | Resource::Fdb(_)
                | Resource::Neighbour(_),
                None,
            ) => continue,
            (
                Resource::Netns(_) | Resource::Device(_) | Resource::Sysctl(_) | Resource::Tuning(_) | Resource::Ovs(_),
                _,
            ) => continue,
        };
        batch.push(*at, 0, message);
    }
    run.send(space, batch, is_gone)?;
    run.progress.add(resources.len());
    deprived.restore(spaces).map_err(&system)
}

fn device_of(resource: &Resource) -> Option<IfName> {
    match resource {
        Resource::Fdb(f) => Some(f.device.name),
        Resource::Neighbour(n) => Some(n.device.name),
        Resource::Address(a) => Some(a.device.name),
        Resource::Port(p) => Some(p.device.name),
        Resource::Up(d) => Some(d.name),
        Resource::PortVlans(v) => Some(v.device.name),
        Resource::Qdisc(q) => Some(q.device.name),
        Resource::Tuning(t) => Some(t.device.name),
        Resource::Netns(_)
        | Resource::Device(_)
        | Resource::Route(_)
        | Resource::Sysctl(_)
        | Resource::Ran(_)
        | Resource::Ovs(_) => None,
    }
}

/// Deletes devices, those of one namespace by one message. A veth pair goes by that end whose namespace has more to delete.
fn remove_devices(run: &Run, spaces: &mut Spaces, devices: &[(usize, &Device)]) -> Result<(), StepError> {
    let mut counts: FxHashMap<&NetnsId, usize> = FxHashMap::default();
    for id in devices.iter().flat_map(|(_, d)| names(d)) {
        *counts.entry(&id.netns).or_default() += 1;
    }
    let mut doomed: ByNetns<Vec<(usize, IfName)>> = ByNetns::default();
    for (at, device) in devices {
        // Of a veth with one end in a namespace that goes too, either end does.
        let place = names(device).into_iter().max_by_key(|id| counts[&id.netns]).expect("a device has a name");
        doomed.entry(place.netns.clone()).or_default().push((*at, place.name));
    }
    let mut deprived = Deprived::default();
    for (at, id) in devices.iter().flat_map(|(at, d)| small(d).into_iter().map(move |id| (at, id))) {
        match deprived.note(spaces, &id.netns, &[id.name]) {
            Err(e) if e.raw_os_error() != Some(libc::ENOENT) => return Err(run.system(*at)(e)),
            Ok(()) | Err(_) => {}
        }
    }
    let mut batches: Vec<(NetnsId, Batch<usize>)> = Vec::new();
    for (netns, devices) in doomed {
        let first = devices[0].0;
        let space = match spaces.get(&netns) {
            Ok(space) => space,
            // The namespace is gone, and what was in it.
            Err(e) if e.raw_os_error() == Some(libc::ENOENT) => continue,
            Err(e) => return Err(run.system(first)(e)),
        };
        let mut batch = Batch::default();
        // By its name a device is found, by its mark it is known: since the plan another may have taken the name.
        let is_ours = |link: &Link| observe::is_of_lab(run.lab, link);
        if let [(at, name)] = *devices {
            for link in space.look(&[name]).map_err(run.system(at))?.iter().filter(|link| is_ours(link)) {
                batch.push(at, 0, device::delete(link.index));
            }
        } else {
            let wanted: FxHashSet<IfName> = devices.iter().map(|(_, name)| *name).collect();
            let links = observe::links(&mut space.netlink).map_err(run.system(first))?;
            for link in links.iter().filter(|link| is_ours(link)) {
                let group = if wanted.contains(&link.name) { run.lab.doomed_group() } else { run.lab.group() };
                // Somebody who was killed may have left others among the doomed.
                let change = wanted.contains(&link.name) || link.group == run.lab.doomed_group();
                if change && link.group != group {
                    batch.push(first, 0, Change { group: Some(group), ..Default::default() }.of(link.index));
                }
            }
            batch.push(first, 0, device::delete_group(run.lab.doomed_group()));
        }
        batches.push((netns, batch));
        run.progress.add(devices.len());
    }
    send_side_by_side(run, spaces, batches)?;
    // Numbers may be given anew, also those of far ends.
    for id in devices.iter().flat_map(|(_, d)| names(d)) {
        spaces.forget(&id.netns);
    }
    deprived.restore(spaces).map_err(run.system(devices[0].0))
}

/// Sends the deletions of several namespaces at the same time: of each the kernel waits for itself, and not under its lock (`netdev_run_todo`).
fn send_side_by_side(run: &Run, spaces: &mut Spaces, batches: Vec<(NetnsId, Batch<usize>)>) -> Result<(), StepError> {
    let mut waiting = batches.into_iter();
    loop {
        run.go_on()?;
        let some: Vec<_> = waiting.by_ref().take(SIDE_BY_SIDE).collect();
        let taken: Vec<_> = some.into_iter().filter_map(|(id, batch)| Some((spaces.take(&id)?, id, batch))).collect();
        if taken.is_empty() {
            return Ok(());
        }
        let sent: Vec<_> = std::thread::scope(|scope| {
            let send = |(mut space, id, batch)| {
                scope.spawn(move || {
                    let sent = run.send(&mut space, batch, is_gone);
                    (space, id, sent)
                })
            };
            let threads: Vec<_> = taken.into_iter().map(send).collect();
            threads.into_iter().map(|thread| thread.join().expect("sending does not panic")).collect()
        });
        let mut first_failure = Ok(());
        for (space, id, sent) in sent {
            spaces.put_back(id, space);
            first_failure = first_failure.and(sent);
        }
        first_failure?;
    }
}

/// What of a device is too small for IPv6.
fn small(device: &Device) -> Vec<&DeviceId> {
    match device {
        Device::Veth(veth) => veth.ends().iter().filter(|e| e.mtu < IPV6_MIN_MTU).map(|e| &e.id).collect(),
        Device::Single(single) if single.mtu.is_some_and(|mtu| mtu < IPV6_MIN_MTU) => vec![&single.id],
        Device::Bridge(_) | Device::Single(_) | Device::Stray { .. } => Vec::new(),
    }
}

fn names(device: &Device) -> Vec<&DeviceId> {
    match device {
        Device::Veth(veth) => veth.ends().iter().map(|e| &e.id).collect(),
        Device::Bridge(bridge) => vec![&bridge.id],
        Device::Single(single) => vec![&single.id],
        Device::Stray { id, .. } => vec![id],
    }
}
