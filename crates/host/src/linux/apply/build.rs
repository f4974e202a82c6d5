//! Makes and updates what is wanted: one datagram a namespace where it is new.

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netsim_core::mark::Mark;
use netsim_core::names::IfName;
use netsim_core::resource::{Bridge, DeviceId, End, Key, Netns, NetnsId, Ran, Single, Sysctl};
use rustc_hash::{FxHashMap, FxHashSet};

use super::super::device::{self, Change, IPV6_MIN_MTU, LO_INDEX};
use super::super::spaces::Spaces;
use super::super::{address, errors, ledger, neighbour, ran, route, sysctl};
use super::regain::Deprived;
use super::work::{Host, Place, Work};
use super::{Run, Step, change, create, order, tell, tune};
use crate::backend::StepError;
use crate::netlink::{Batch, Refused};

/// Does the steps: loans, namespaces, what is in them, programs.
pub(super) fn build(run: &Run, spaces: &mut Spaces, steps: Vec<Step>) -> Result<(), StepError> {
    let mut work = Work::of(&steps, run.made);
    set_host(run, spaces, &work.host)?;
    create_namespaces(run, spaces, &mut work)?;
    let ipv6 = std::path::Path::new("/proc/sys/net/ipv6").exists();
    let made = create::across(run, spaces, &work)?;
    for (netns, place) in &work.places {
        run.go_on()?;
        let site = Site { run, netns, place, ipv6, made: &made };
        site.build(spaces)?;
        run.progress.add(place.count());
    }
    for (at, program) in &work.programs {
        run.go_on()?;
        run_program(run, spaces, *at, program)?;
        run.progress.add(1);
    }
    Ok(())
}

fn set_host(run: &Run, spaces: &mut Spaces, steps: &[(usize, Host)]) -> Result<(), StepError> {
    for (at, step) in steps {
        match step {
            Host::Borrow(loan) => {
                ledger::borrow(&run.paths.state, run.lab, loan).map_err(|e| run.failed(Some(*at), e))?;
            }
            Host::GiveBack(loan) => {
                ledger::give_back(&run.paths.state, run.lab, loan).map_err(|e| run.failed(Some(*at), e))?;
            }
            Host::Set(setting) => {
                spaces.enter(&NetnsId::Host).map_err(run.system(*at))?;
                spaces.settings.write(&setting.name, &setting.value).map_err(run.setting(*at))?;
            }
        }
        run.progress.add(1);
    }
    Ok(())
}

/// Makes all namespaces; their own settings are written from inside, before anybody can see them.
fn create_namespaces(run: &Run, spaces: &mut Spaces, work: &mut Work) -> Result<(), StepError> {
    let Some((first, _)) = work.namespaces.first() else { return Ok(()) };
    super::super::netns::make_directory(&run.paths.netns).map_err(run.system(*first))?;
    for (at, netns) in &work.namespaces {
        run.go_on()?;
        let place = work.places.get_mut(&NetnsId::Named(netns.name.clone()));
        let is_now = |(_, s): &mut (usize, &Sysctl)| s.name.device().is_none();
        let settings: Vec<(usize, &Sysctl)> =
            place.map(|p| p.sysctls.extract_if(.., is_now).collect()).unwrap_or_default();
        create_namespace(run, spaces, (*at, netns), &settings)?;
        run.progress.add(1 + settings.len());
    }
    Ok(())
}

fn create_namespace(
    run: &Run,
    spaces: &mut Spaces,
    (at, netns): (usize, &Netns),
    settings: &[(usize, &Sysctl)],
) -> Result<(), StepError> {
    let mark = Mark { lab: run.lab.clone(), node: netns.node.clone() };
    let notes = settings.iter().map(|(_, s)| sysctl::note(&s.name)).collect();
    let mut doing = at;
    let made = spaces.create(&netns.name, &mark, notes, |inside| {
        for (at, setting) in settings {
            doing = *at;
            inside.write(&setting.name, &setting.value)?;
        }
        doing = at;
        Ok(())
    });
    made.map_err(|e| if doing == at { run.system(at)(e) } else { run.setting(doing)(e) })
}

fn run_program(run: &Run, spaces: &mut Spaces, at: usize, program: &Ran) -> Result<(), StepError> {
    let netns = NetnsId::Named(program.netns.clone());
    spaces.enter(&netns).map_err(run.system(at))?;
    let doing = errors::doing(&run.actions[at]);
    ran::run(&doing, program, run.progress).map_err(|ended| match ended {
        ran::Ended::Failed(error) => run.failed(Some(at), error),
        ran::Ended::Stopped => StepError::Interrupted,
    })?;
    let mut batch = Batch::default();
    batch.push(at, device::ADD_ALTNAME, device::add_altnames(LO_INDEX, [ran::note(program)]));
    run.send(spaces.get(&netns).map_err(run.system(at))?, batch, is_there)
}

/// A note that stands already is as good as a new one.
pub(super) fn is_there(refused: &Refused<usize>) -> bool {
    refused.errno == libc::EEXIST
}

pub(super) fn never(_: &Refused<usize>) -> bool {
    false
}

impl Place<'_> {
    /// How many actions are done here; a veth counts where it is created, an update of one at its lesser end.
    fn count(&self) -> usize {
        self.veths.len()
            + self.bridges.len()
            + self.singles.len()
            + self.changed_bridges.len()
            + self.changed_ends.len()
            + self.changed_singles.len()
            + self.ports.len()
            + self.vlans.len()
            + self.ups.len()
            + self.addresses.len()
            + self.routes.len()
            + self.sysctls.len()
            + self.qdiscs.len()
            + self.tunings.len()
            + self.fdb.len()
            + self.neighbours.len()
    }
}

/// The work in one namespace.
struct Site<'a> {
    run: &'a Run<'a>,
    netns: &'a NetnsId,
    place: &'a Place<'a>,
    ipv6: bool,
    /// New devices that are there already, by their actions.
    made: &'a FxHashSet<usize>,
}

impl Site<'_> {
    fn build(&self, spaces: &mut Spaces) -> Result<(), StepError> {
        let any = self.any();
        let (early, late): (Vec<_>, Vec<_>) = self.place.sysctls.iter().partition(|(_, s)| s.name.device().is_none());
        self.set(spaces, &early)?;
        let mut deprived = Deprived::default();
        deprived.note(spaces, self.netns, &self.movable()).map_err(self.run.system(any))?;
        change::devices(self.run, spaces, self.netns, self.place, self.ipv6)?;
        let mut batch = Batch::default();
        self.forget_settings(spaces, &mut batch)?;
        create::devices(self.run, spaces, (self.netns, self.place), self.made, &mut batch)?;
        let names: Vec<IfName> = self.devices().collect();
        let space = spaces.get(self.netns).map_err(self.run.system(any))?;
        if names.iter().any(|name| space.index(*name).is_none()) {
            self.run.send(space, std::mem::take(&mut batch), never)?;
            space.find(names).map_err(self.run.system(any))?;
        }
        if !late.is_empty() {
            self.run.send(space, std::mem::take(&mut batch), never)?;
            self.set(spaces, &late)?;
        }
        let space = spaces.get(self.netns).map_err(self.run.system(any))?;
        let index = |at: usize, name: IfName| {
            let missing = || {
                let key = Key::Device(DeviceId { netns: self.netns.clone(), name });
                self.run.failed(Some(at), errors::vanished(errors::doing(&self.run.actions[at]), &key))
            };
            space.index(name).ok_or_else(missing)
        };
        for (name, (at, change)) in self.births() {
            batch.push(at, 0, change.of(index(at, name)?));
        }
        // Before the device is up: then the kernel need not wait for those who send (`dev_deactivate`, net/sched/sch_generic.c).
        tune::queue(&mut batch, &self.place.qdiscs, &index)?;
        for (at, index, change) in order::changes(space, self.place, &index)? {
            batch.push(at, 0, change.of(index));
        }
        for (at, port) in order::settings(self.place) {
            batch.push(at, 0, device::set_port(index(at, port.device.name)?, port.settings));
        }
        for (at, from, to) in &self.place.vlans {
            let member = order::member(space, self.place, to.device.name);
            for request in device::set_vlans(index(*at, to.device.name)?, member, *from, Some(to)) {
                batch.push(*at, 0, request);
            }
        }
        for (at, full_name, name) in self.full_names() {
            batch.push(at, device::ADD_ALTNAME, device::add_altnames(index(at, name)?, [full_name]));
        }
        for (at, a) in &self.place.addresses {
            let message = address::encode(index(*at, a.device.name)?, a.net);
            batch.push(*at, NLM_F_CREATE | NLM_F_EXCL, RouteNetlinkMessage::NewAddress(message));
        }
        // Going down takes neighbours along: the device is up by now.
        for (at, neighbour) in &self.place.neighbours {
            let (flags, message) = neighbour::tell(index(*at, neighbour.device.name)?, neighbour);
            batch.push(*at, flags, message);
        }
        for (at, r, is_there) in &self.place.routes {
            let devices = r.via.iter().map(|hop| Ok((hop.device, index(*at, hop.device)?)));
            let devices = devices.collect::<Result<FxHashMap<_, _>, StepError>>()?;
            let flags = NLM_F_CREATE | if *is_there { NLM_F_REPLACE } else { NLM_F_EXCL };
            batch.push(*at, flags, RouteNetlinkMessage::NewRoute(route::encode(r, |hop| devices[&hop.device])));
        }
        let told = self.place.fdb.iter().map(|(at, fdb)| Ok((fdb.device.name, index(*at, fdb.device.name)?)));
        let told = told.collect::<Result<FxHashMap<_, _>, StepError>>()?;
        self.run.send(space, batch, never)?;
        tell::fdb(self.run, space, &self.place.fdb, &told)?;
        tune::set(self.run, spaces, self.netns, &self.place.tunings)?;
        deprived.restore(spaces).map_err(self.run.system(any))
    }

    /// Devices whose change can give a bridge IPv6 back: those that leave it, or grow.
    fn movable(&self) -> Vec<IfName> {
        let p = self.place;
        let new: FxHashSet<IfName> = p.new_devices().map(|(_, name)| name).collect();
        let grown = p.changed_ends.iter().filter(|(_, from, _)| from.mtu < IPV6_MIN_MTU).map(|(_, _, to)| to.id.name);
        let small = |mtu: Option<u32>| mtu.is_some_and(|mtu| mtu < IPV6_MIN_MTU);
        let singles = p.changed_singles.iter().filter(|(_, from, _)| small(from.mtu)).map(|(_, _, to)| to.id.name);
        let ports = p.ports.iter().map(|(_, _, port)| port.device.name).filter(|n| !new.contains(n));
        grown.chain(singles).chain(ports).collect()
    }

    /// Any action of the place, to name in an error that is not of one.
    fn any(&self) -> usize {
        let p = self.place;
        let firsts = [
            p.veths.first().map(|x| x.0),
            p.bridges.first().map(|x| x.0),
            p.singles.first().map(|x| x.0),
            p.ends.first().map(|x| x.0),
            p.changed_ends.first().map(|x| x.0),
            p.changed_bridges.first().map(|x| x.0),
            p.changed_singles.first().map(|x| x.0),
            p.ports.first().map(|x| x.0),
            p.vlans.first().map(|x| x.0),
            p.ups.first().map(|x| x.0),
            p.addresses.first().map(|x| x.0),
            p.routes.first().map(|x| x.0),
            p.sysctls.first().map(|x| x.0),
            p.qdiscs.first().map(|x| x.0),
            p.tunings.first().map(|x| x.0),
            p.fdb.first().map(|x| x.0),
            p.neighbours.first().map(|x| x.0),
            p.adopted.values().copied().min(),
        ];
        firsts.into_iter().flatten().min().unwrap_or(0)
    }

    /// All devices here that messages are about but those that are changed first.
    fn devices(&self) -> impl Iterator<Item = IfName> + '_ {
        let p = self.place;
        let ports = p.ports.iter().flat_map(|(_, _, port)| [port.device.name, port.master]);
        let vlans = p.vlans.iter().map(|(_, _, v)| v.device.name);
        let ups = p.ups.iter().map(|(_, d)| d.name);
        let addresses = p.addresses.iter().map(|(_, a)| a.device.name);
        let hops = p.routes.iter().flat_map(|(_, r, _)| r.via.iter().map(|hop| hop.device));
        let queued = p.qdiscs.iter().map(|(_, _, q)| q.device.name).chain(p.tunings.iter().map(|(_, t)| t.device.name));
        let told = p.fdb.iter().map(|(_, f)| f.device.name).chain(p.neighbours.iter().map(|(_, n)| n.device.name));
        let devices = p.new_devices().map(|(_, name)| name).chain(ports).chain(vlans).chain(ups);
        devices.chain(p.adopted.keys().copied()).chain(addresses).chain(hops).chain(queued).chain(told)
    }

    /// Writes settings, each noted first: a note without its setting is found and mended, a setting without its note would be forgotten.
    fn set(&self, spaces: &mut Spaces, settings: &[&(usize, &Sysctl)]) -> Result<(), StepError> {
        for (at, setting) in settings {
            let mut batch = Batch::default();
            batch.push(*at, device::ADD_ALTNAME, device::add_altnames(LO_INDEX, [sysctl::note(&setting.name)]));
            self.run.send(spaces.get(self.netns).map_err(self.run.system(*at))?, batch, is_there)?;
            spaces.enter(self.netns).map_err(self.run.system(*at))?;
            spaces.settings.write(&setting.name, &setting.value).map_err(self.run.setting(*at))?;
        }
        Ok(())
    }

    /// Forgets settings of earlier devices whose names are used anew: those went with the devices.
    fn forget_settings(&self, spaces: &mut Spaces, batch: &mut Batch<usize>) -> Result<(), StepError> {
        let new: FxHashMap<IfName, usize> = self.place.new_devices().map(|(at, name)| (name, at)).collect();
        let Some(any) = new.values().copied().min().filter(|_| *self.netns != NetnsId::Host) else { return Ok(()) };
        let space = spaces.get(self.netns).map_err(self.run.system(any))?;
        if space.is_new() {
            return Ok(());
        }
        let lo = space.look_at(LO_INDEX).map_err(self.run.system(any))?;
        for altname in lo.into_iter().flat_map(|l| l.altnames) {
            let device = sysctl::noted(&altname).and_then(|name| name.device());
            if let Some(at) = device.and_then(|d| new.get(&d)) {
                batch.push(*at, 0, device::remove_altname(LO_INDEX, altname));
            }
        }
        Ok(())
    }

    /// What devices of ours in the host's namespace say in words.
    fn alias(&self) -> Option<String> {
        (*self.netns == NetnsId::Host).then(|| device::lab_alias(self.run.lab))
    }

    /// What is set about new devices at once, and about those that Open vSwitch has made: before they come up, or a kernel makes link-local addresses that nobody asked for; and before a bridge gets
    /// its ports, for a small one takes IPv6 from it.
    fn births(&self) -> Vec<(IfName, (usize, Change))> {
        let birth = |link_local: Option<bool>| Change { link_local, alias: self.alias(), ..Default::default() };
        let bridges = self.place.bridges.iter().map(|(at, b)| {
            let link_local = self.ipv6.then_some(b.link_local);
            (b.id.name, (*at, birth(link_local)))
        });
        let ends = self.place.ends.iter().map(|(at, e)| {
            let link_local = (self.ipv6 && e.mtu >= IPV6_MIN_MTU).then_some(e.link_local);
            (e.id.name, (*at, birth(link_local)))
        });
        let singles = self.place.singles.iter().map(|(at, s)| {
            let link_local = (self.ipv6 && s.mtu.is_none_or(|mtu| mtu >= IPV6_MIN_MTU)).then_some(s.link_local);
            (s.id.name, (*at, birth(link_local)))
        });
        let group = Some(self.run.lab.group());
        let adopted = self.place.adopted.iter().map(|(name, at)| (*name, (*at, Change { group, ..birth(None) })));
        bridges.chain(ends).chain(singles).chain(adopted).filter(|(_, (_, change))| !change.is_empty()).collect()
    }

    /// The names as written of new devices whose kernel names are short for them.
    fn full_names(&self) -> Vec<(usize, String, IfName)> {
        let of_end = |(at, e): &(usize, &End)| Some((*at, e.full_name.as_deref()?.to_owned(), e.id.name));
        let of_bridge = |(at, b): &(usize, &Bridge)| Some((*at, b.full_name.as_deref()?.to_owned(), b.id.name));
        let of_single = |(at, s): &(usize, &Single)| Some((*at, s.full_name.as_deref()?.to_owned(), s.id.name));
        let ends = self.place.ends.iter().filter_map(of_end);
        let bridges = self.place.bridges.iter().filter_map(of_bridge);
        ends.chain(bridges).chain(self.place.singles.iter().filter_map(of_single)).collect()
    }
}
