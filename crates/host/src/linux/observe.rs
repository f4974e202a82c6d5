//! Reads back what is so: every namespace is listed, and those with the lab's mark are looked at whole.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Mutex;

use netlink_packet_route::AddressFamily;
use netsim_core::mark::{Mark, PROTOCOL};
use netsim_core::names::{IfName, LabName, NetnsName, SysctlName};
use netsim_core::resource::{Gre, Key, Knob, Netns, NetnsId, Resource, Sysctl, TABLE_MAIN, Tuning};
use netsim_core::state::{Foreign, Observed, Scope};
use rustc_hash::{FxHashMap, FxHashSet};

use super::device::{Kind, LO_INDEX, Link, Sort};
use super::netns::Entry;
use super::switched::Devices;
use super::sysctl::Settings;
use super::tunnels::{Tunnels, is_over_host};
use super::{
    Paths, Switched, address, device, errors, facts, ledger, neighbour, netns, peers, qdisc, ran, read_back, route,
    sysctl, tuning,
};
use crate::backend::HostError;
use crate::netlink::Netlink;

/// From so many namespaces on two threads look: fewer are done before a second one is awake.
const WORTH_A_THREAD: usize = 64;

/// All that one namespace shows.
#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) id: NetnsId,
    /// Of the namespace's file: another namespace of the same name has another. 0 for the host's.
    pub(crate) inode: u64,
    pub(crate) mark: Option<Mark>,
    pub(crate) links: Vec<Link>,
    /// The VLANs of ports of bridges that filter, and of such bridges, by number.
    pub(crate) vlans: Vlans,
    pub(crate) addresses: Vec<address::Seen>,
    pub(crate) routes: Vec<route::Seen>,
    /// Of a namespace with devices of ours that somebody gave queueing disciplines.
    pub(crate) qdiscs: Vec<qdisc::Seen>,
    /// Of a namespace with tunnels of ours that are told where others are: where those are.
    pub(crate) entries: Vec<neighbour::Seen>,
    /// The number by which it knows the host's namespace; asked where a tunnel has its underlay elsewhere.
    pub(crate) home: Option<i32>,
    pub(crate) tunings: Vec<Tuning>,
    pub(crate) sysctls: Vec<Sysctl>,
    pub(crate) no_sysctls: Vec<Missing>,
}

/// The VLANs of devices, by their numbers.
pub(crate) type Vlans = FxHashMap<u32, device::SeenVlans>;

/// A setting that a namespace cannot have, and names like it of settings that it has.
pub(crate) type Missing = (SysctlName, Vec<SysctlName>);

/// What a name in `/run/netns` turns out to be.
enum Found {
    Ours(Box<Space>),
    Husk(Netns),
    Foreign(NetnsName, Option<LabName>, &'static str, Vec<Link>),
}

/// What is asked about each namespace.
pub(crate) struct Asked<'a> {
    pub(crate) keys: FxHashSet<&'a Key>,
    pub(crate) sysctls: FxHashMap<&'a NetnsId, Vec<&'a SysctlName>>,
    tunings: FxHashMap<&'a NetnsId, Vec<(IfName, Knob)>>,
    /// What Open vSwitch has for the lab.
    pub(crate) switched: &'a Switched,
    /// Whether the kernel keeps marks on addresses.
    pub(crate) marks_addresses: bool,
}

impl<'a> Asked<'a> {
    fn of(scope: &'a Scope, switched: &'a Switched, marks_addresses: bool) -> Self {
        let mut sysctls: FxHashMap<&NetnsId, Vec<&SysctlName>> = FxHashMap::default();
        let mut tunings: FxHashMap<&NetnsId, Vec<(IfName, Knob)>> = FxHashMap::default();
        for key in &scope.names {
            if let Key::Sysctl(netns, name) = key {
                sysctls.entry(netns).or_default().push(name);
            } else if let Key::Tuning(device, knob) = key {
                tunings.entry(&device.netns).or_default().push((device.name, *knob));
            }
        }
        Asked { keys: scope.names.iter().collect(), sysctls, tunings, switched, marks_addresses }
    }

    /// The knobs that are asked for in a namespace.
    fn tunings_of(&self, netns: &NetnsId) -> &[(IfName, Knob)] {
        self.tunings.get(netns).map_or(&[], |knobs| knobs)
    }

    /// Whether any name of the host's own namespace is asked for of which this holds.
    fn of_host(&self, which: impl Fn(&Key) -> bool) -> bool {
        self.keys.iter().any(|k| which(k) && k.netns() == NetnsId::Host)
    }
}

/// Namespaces of ours that were looked at before and that nothing was done in since.
pub(crate) type Known = FxHashMap<NetnsName, Space>;

/// What was seen: all that is so, namespaces of ours for the next time, and what Open vSwitch can have to do with.
pub(crate) type Sight = (Observed, Known, Devices);

/// Everything in the scope. The calling thread must be its own: it ends up in another namespace.
pub(crate) fn observe(paths: &Paths, scope: &Scope, switched: &Switched, known: Known) -> Result<Sight, HostError> {
    let failed = |what: &str| {
        let doing = format!("look at {what}");
        move |e: io::Error| errors::system(doing.clone(), &e)
    };
    let kernel = facts::release().map_err(failed("the kernel's release"))?;
    let asked = Asked::of(scope, switched, facts::marks_addresses(&kernel));
    let home = netns::mine().map_err(failed("the host's own namespace"))?;
    let (host, lacks, gateways) = look_at_host(scope, &asked).map_err(failed("the host's own namespace"))?;
    let names = netns::names(&paths.netns).map_err(failed(&paths.netns.display().to_string()))?;

    let mut observed = Observed::default();
    let mut spaces = vec![host];
    let mut tunnels = Tunnels::of_host(&scope.lab, &spaces[0].links);
    for found in look_at_all((paths, &home), scope, &asked, &names, known)? {
        match found {
            Found::Ours(space) => spaces.push(*space),
            Found::Husk(netns) => observed.ours.insert(Resource::Netns(netns)),
            Found::Foreign(name, lab, what, links) => {
                tunnels.add(&name, lab.as_ref(), links);
                let key = Key::Netns(name);
                if asked.keys.contains(&key) {
                    let what =
                        lab.as_ref().map_or_else(|| format!("{what} made by hand"), |l| format!("{what} of lab {l}"));
                    observed.others.insert(key, Foreign { what: what.into(), lab, resource: None });
                }
            }
        }
    }
    let pairs = peers::resolve(&scope.lab, paths, &home, &spaces).map_err(failed("the other ends of veth pairs"))?;
    for at in 0..spaces.len() {
        read_back::add(&mut observed, scope, &asked, &spaces, at, &pairs);
    }
    tunnels.tell(&mut observed, &asked);
    let lent = ledger::of(&paths.state, &scope.lab)?;
    let mut settings = netns::enter(&home).and_then(|()| Settings::open()).map_err(failed("/proc"))?;
    add_host_sysctls(&mut observed, &mut settings, &asked, &lent).map_err(failed("the host's settings"))?;
    observed.loans = lent.loans;
    let missing = std::mem::take(&mut observed.facts.no_sysctl);
    observed.facts =
        facts::facts(&mut settings, &asked, scope, &spaces, &names, lacks).map_err(failed("what the kernel can do"))?;
    observed.facts.no_sysctl.extend(missing);
    if scope.underlay {
        observed.facts.default_nic = facts::default_nic(&spaces[0].links, &gateways);
        observed.facts.tunnel_ports = tunnels.ports();
    }
    let devices = Devices::of(&spaces[0].links);
    let named = |space: Space| match &space.id {
        NetnsId::Host => None,
        NetnsId::Named(name) => Some((name.clone(), space)),
    };
    Ok((observed, spaces.into_iter().filter_map(named).collect(), devices))
}

/// The host's own namespace, the features that its kernel lacks, and its default routes where they are asked for.
fn look_at_host(scope: &Scope, asked: &Asked) -> io::Result<(Space, facts::Lacks, Vec<route::Seen>)> {
    let mut netlink = Netlink::open()?;
    let mut links = links(&mut netlink)?;
    asked.switched.adopt(&scope.lab, &mut links);
    let ours = links.iter().any(|l| is_of_lab(&scope.lab, l));
    let addresses = ours || scope.underlay || asked.of_host(|k| matches!(k, Key::Address(..)));
    let routes = ours || asked.of_host(|k| matches!(k, Key::Route { .. }));
    let of_lab = |link: &Link| is_of_lab(&scope.lab, link);
    let space = Space {
        id: NetnsId::Host,
        inode: 0,
        mark: None,
        vlans: vlans(&mut netlink, &scope.lab, &links)?,
        qdiscs: qdiscs(&mut netlink, links.iter().filter(|l| of_lab(l)))?,
        entries: entries(&mut netlink, links.iter().filter(|l| of_lab(l)))?,
        home: None,
        tunings: tuning::read_all(
            &NetnsId::Host,
            links.iter().filter(|l| of_lab(l)),
            asked.tunings_of(&NetnsId::Host),
        )?,
        links,
        addresses: if addresses { self::addresses(&mut netlink)? } else { Vec::new() },
        routes: if routes { self::routes(&mut netlink)? } else { Vec::new() },
        sysctls: Vec::new(),
        no_sysctls: Vec::new(),
    };
    let gateways = if scope.underlay { default_routes(&mut netlink)? } else { Vec::new() };
    let lacks = facts::probe(&mut netlink, &scope.features)?;
    Ok((space, lacks, gateways))
}

/// The settings of the host that are asked for or borrowed: they are others', whatever their value.
fn add_host_sysctls(
    observed: &mut Observed,
    settings: &mut Settings,
    asked: &Asked,
    lent: &ledger::Lent,
) -> io::Result<()> {
    let names = asked.sysctls.get(&NetnsId::Host).into_iter().flatten().copied();
    let borrowed = lent.loans.keys().filter_map(|k| match k {
        Key::Sysctl(NetnsId::Host, name) => Some(name),
        _ => None,
    });
    for name in names.chain(borrowed) {
        let key = Key::Sysctl(NetnsId::Host, name.clone());
        if let Some(value) = settings.read(name)? {
            let now = Sysctl { netns: NetnsId::Host, name: name.clone(), value: value.into() };
            let lab = lent.others.get(&key).cloned();
            let what = "setting of the host".into();
            observed.others.insert(key, Foreign { what, lab, resource: Some(Resource::Sysctl(now)) });
        } else {
            observed.facts.no_sysctl.insert((NetnsId::Host, name.clone()), sysctl::near(name));
        }
    }
    Ok(())
}

fn look_at_all(
    places: (&Paths, &OwnedFd),
    scope: &Scope,
    asked: &Asked,
    names: &[NetnsName],
    known: Known,
) -> Result<Vec<Found>, HostError> {
    let known = Mutex::new(known);
    let look_at = |names: &[NetnsName]| -> Result<Vec<Found>, HostError> {
        let mut found = Vec::with_capacity(names.len());
        let mut settings = Settings::open().map_err(|e| errors::system("look at /proc", &e))?;
        for name in names {
            let before = known.lock().expect("looking does not panic").remove(name);
            let seen = look(places, scope, asked, &mut settings, name, before);
            found.extend(seen.map_err(|e| errors::system(format!("look at network namespace {name}"), &e))?);
        }
        Ok(found)
    };
    // Threads of their own in any case: they are moved from namespace to namespace.
    let half = if names.len() < WORTH_A_THREAD { names.len() } else { names.len() / 2 };
    let (first, second) = names.split_at(half);
    let mut all = std::thread::scope(|scope| {
        let other = scope.spawn(|| look_at(first));
        let last = if second.is_empty() { None } else { Some(scope.spawn(|| look_at(second))) };
        let mut parts = vec![other.join().expect("looking does not panic")];
        parts.extend(last.map(|t| t.join().expect("looking does not panic")));
        parts.into_iter().collect::<Result<Vec<_>, _>>()
    })?;
    let rest = all.split_off(1);
    let mut found = all.pop().unwrap_or_default();
    found.extend(rest.into_iter().flatten());
    Ok(found)
}

/// Looks at one name; none if it is gone.
fn look(
    (paths, home): (&Paths, &OwnedFd),
    scope: &Scope,
    asked: &Asked,
    settings: &mut Settings,
    name: &NetnsName,
    before: Option<Space>,
) -> io::Result<Option<Found>> {
    let namespace = match netns::open(&paths.netns, name)? {
        None => return Ok(None),
        Some(Entry::File(text)) => {
            return Ok(Some(match Mark::parse(&text) {
                Some(mark) if mark.lab == scope.lab => {
                    Found::Husk(Netns { name: name.clone(), node: mark.node, mounted: false })
                }
                Some(mark) => Found::Foreign(name.clone(), Some(mark.lab), "file", Vec::new()),
                None => Found::Foreign(name.clone(), None, "file", Vec::new()),
            }));
        }
        Some(Entry::Namespace(namespace)) => namespace,
    };
    let inode = netns::inode(&namespace)?;
    if let Some(same) = before.filter(|before| before.inode == inode) {
        return Ok(Some(Found::Ours(Box::new(same))));
    }
    match netns::enter(&namespace) {
        // It belongs to a user namespace that is out of our reach, so it cannot be ours: a plain name in use.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            return Ok(Some(Found::Foreign(name.clone(), None, "network namespace out of reach", Vec::new())));
        }
        entered => entered?,
    }
    let mut netlink = Netlink::open()?;
    let links = links(&mut netlink)?;
    let mark = links.iter().find(|l| l.index == LO_INDEX).and_then(|lo| Mark::parse(&lo.alias));
    let has_underlay_elsewhere = |link: &Link| link.is_tunnel() && matches!(link.peer, Some((_, Some(_))));
    let number_of_home = match links.iter().any(has_underlay_elsewhere) {
        true => peers::number_of(&mut netlink, home)?,
        false => None,
    };
    match mark {
        Some(mark) if mark.lab == scope.lab => {
            let id = NetnsId::Named(name.clone());
            let (sysctls, no_sysctls) = values(settings, &id, &links, asked)?;
            let of_lab = |link: &&Link| link.index == LO_INDEX || is_of_lab(&scope.lab, link);
            Ok(Some(Found::Ours(Box::new(Space {
                qdiscs: qdiscs(&mut netlink, links.iter().filter(of_lab))?,
                entries: entries(&mut netlink, links.iter().filter(of_lab))?,
                home: number_of_home,
                tunings: tuning::read_all(&id, links.iter().filter(of_lab), asked.tunings_of(&id))?,
                addresses: addresses(&mut netlink)?,
                routes: routes(&mut netlink)?,
                id,
                inode,
                mark: Some(mark),
                vlans: vlans(&mut netlink, &scope.lab, &links)?,
                links,
                sysctls,
                no_sysctls,
            }))))
        }
        other => {
            let id = NetnsId::Named(name.clone());
            let over_host = |link: &Link| link.is_tunnel() && is_over_host(link, &id, number_of_home);
            let tunnels = links.into_iter().filter(over_host).collect();
            Ok(Some(Found::Foreign(name.clone(), other.map(|m| m.lab), "network namespace", tunnels)))
        }
    }
}

/// The settings of this thread's namespace that are asked for or noted on `lo`, and those that it cannot have.
fn values(
    settings: &mut Settings,
    id: &NetnsId,
    links: &[Link],
    asked: &Asked,
) -> io::Result<(Vec<Sysctl>, Vec<Missing>)> {
    let lo = links.iter().find(|l| l.index == LO_INDEX);
    let mut names: Vec<SysctlName> =
        lo.into_iter().flat_map(|l| &l.altnames).filter_map(|a| sysctl::noted(a)).collect();
    names.extend(asked.sysctls.get(id).into_iter().flatten().map(|n| (*n).clone()));
    names.sort();
    names.dedup();
    let (mut sysctls, mut missing) = (Vec::new(), Vec::new());
    for name in names {
        match settings.read(&name)? {
            Some(value) => sysctls.push(Sysctl { netns: id.clone(), name, value: value.into() }),
            // A device that is not there yet will be born with the default.
            None if name.device().is_some() && settings.read(&sysctl::at_birth(&name))?.is_some() => {}
            None => missing.push((name.clone(), sysctl::near(&name))),
        }
    }
    Ok((sysctls, missing))
}

pub(crate) fn links(netlink: &mut Netlink) -> io::Result<Vec<Link>> {
    netlink.dump(&device::list(), Vec::new, |all, payload| all.extend(device::decode(payload)))
}

/// The VLANs of all ports, if there is a bridge of ours that filters.
fn vlans(netlink: &mut Netlink, lab: &LabName, links: &[Link]) -> io::Result<Vlans> {
    if !links.iter().any(|link| filters(lab, link)) {
        return Ok(Vlans::default());
    }
    netlink.dump(&device::list_vlans(), Vlans::default, |all, payload| {
        if let Some(seen) = device::decode_vlans(payload).filter(|seen| !seen.ranges.is_empty()) {
            all.insert(seen.index, seen);
        }
    })
}

/// What somebody gave these devices; a namespace where nobody gave any is not asked.
fn qdiscs<'a>(netlink: &mut Netlink, mut links: impl Iterator<Item = &'a Link>) -> io::Result<Vec<qdisc::Seen>> {
    if !links.any(|link| link.may_queue) {
        return Ok(Vec::new());
    }
    netlink.dump(&qdisc::list(), Vec::new, |all, payload| all.extend(qdisc::decode(payload)))
}

/// Where tunnels of these have been told that others are: each device is asked for itself, for there may be many ports beside it.
fn entries<'a>(netlink: &mut Netlink, links: impl Iterator<Item = &'a Link>) -> io::Result<Vec<neighbour::Seen>> {
    let mut entries = Vec::new();
    for link in links {
        let families: &[AddressFamily] = match link.kind {
            Kind::Single(Sort::Vxlan { .. }) => &[AddressFamily::Bridge],
            Kind::Single(Sort::Gre(Gre { remote: None, .. })) => &[AddressFamily::Inet, AddressFamily::Inet6],
            _ => &[],
        };
        for family in families {
            let question = neighbour::list_of(*family, link.index);
            let seen = netlink.dump(&question, Vec::new, |all, payload| all.extend(neighbour::decode(payload)))?;
            entries.extend(seen.into_iter().filter(|seen| seen.index == link.index && seen.permanent));
        }
    }
    Ok(entries)
}

/// The routes by which packets leave that no other route is for.
fn default_routes(netlink: &mut Netlink) -> io::Result<Vec<route::Seen>> {
    let is_default = |seen: &route::Seen| seen.to.prefix_len() == 0 && seen.table == TABLE_MAIN && seen.unicast;
    netlink.dump(&route::list(), Vec::new, |all, payload| all.extend(route::decode(payload).filter(is_default)))
}

fn addresses(netlink: &mut Netlink) -> io::Result<Vec<address::Seen>> {
    netlink.dump(&address::list(), Vec::new, |all, payload| all.extend(address::decode(payload)))
}

/// The routes that somebody made: not the kernel's own, by which every address reaches its subnet.
fn routes(netlink: &mut Netlink) -> io::Result<Vec<route::Seen>> {
    let made = |payload: &[u8]| !matches!(route::protocol(payload), None | Some(libc::RTPROT_KERNEL | RTPROT_RA));
    netlink.dump(&route::list(), Vec::new, |all, payload| {
        if made(payload) {
            all.extend(route::decode(payload));
        }
    })
}

/// Routes that router advertisements make (linux/rtnetlink.h).
const RTPROT_RA: u8 = 9;

/// Whether a device bears the mark of this lab.
pub(crate) fn is_of_lab(lab: &LabName, link: &Link) -> bool {
    link.group == lab.group() || link.group == lab.doomed_group()
}

/// Whether it is a bridge of this lab whose ports take only frames of their VLANs.
pub(crate) fn filters(lab: &LabName, link: &Link) -> bool {
    matches!(link.kind, Kind::Bridge(settings) if settings.vlan_filtering) && is_of_lab(lab, link)
}

impl Space {
    /// Whether a device of another namespace can take one of here along, or change it.
    pub(crate) fn leans_on_others(&self) -> bool {
        let elsewhere = |link: &Link| matches!(link.peer, Some((_, Some(_)))) && link.kind != Kind::Veth;
        let goes_with_another = |link: &Link| match link.kind {
            Kind::Single(Sort::Vxlan { link, .. }) => link != 0,
            _ => link.kind.has_peer(),
        };
        self.links.iter().any(|link| goes_with_another(link) && elsewhere(link))
    }

    /// The programs that have run here.
    pub(crate) fn ran(&self) -> Vec<Resource> {
        let NetnsId::Named(netns) = &self.id else { return Vec::new() };
        let lo = self.links.iter().find(|l| l.index == LO_INDEX);
        lo.into_iter().flat_map(|l| &l.altnames).filter_map(|a| ran::noted(netns, a)).map(Resource::Ran).collect()
    }
}

/// Whether an address or a route bears our mark.
pub(crate) fn is_marked(protocol: u8) -> bool {
    protocol == PROTOCOL
}
