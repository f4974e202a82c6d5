//! The underlay: the address of each host that tunnels are between, and what its NIC there takes.

use std::net::IpAddr;

use indexmap::IndexMap;
use ipnet::IpNet;

use super::codes;
use crate::given::blocks::Family;
use crate::names::{HostId, IfName};
use crate::problem::{Place, Problem};
use crate::state::{Facts, HostFacts};
use crate::suggest::{any_of, near};
use crate::topology::{HostWritten, Topology};

/// The MTU of a NIC that nobody looked at, in bytes: Ethernet's (RFC 894).
const USUAL_MTU: u32 = 1500;

/// A host's place in the underlay.
#[derive(Debug, Clone, Default)]
pub(super) struct Seat {
    /// Its address in each family.
    addresses: [Option<IpAddr>; 2],
    /// Its NIC there, if that is known.
    pub(super) device: Option<IfName>,
    /// Whether the file names that NIC.
    pub(super) is_device_written: bool,
    /// What that NIC sends at most, in bytes.
    pub(super) mtu: u32,
}

impl Seat {
    pub(super) fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses[slot(family)]
    }

    fn is_known(&self) -> bool {
        self.addresses.iter().any(Option::is_some)
    }

    fn put(&mut self, address: IpAddr) {
        self.addresses[slot(Family::of(address))].get_or_insert(address);
    }

    /// The families that it has, in words.
    pub(super) fn families(&self) -> String {
        let of = Family::BOTH.into_iter().filter(|family| self.address(*family).is_some());
        of.map(Family::name).collect::<Vec<_>>().join(" and ")
    }
}

fn slot(family: Family) -> usize {
    match family {
        Family::V4 => 0,
        Family::V6 => 1,
    }
}

/// The seats of the hosts that overlays join.
#[derive(Debug, Default)]
pub(super) struct Underlay(IndexMap<HostId, Seat>);

impl Underlay {
    pub(super) fn new(topology: &Topology, facts: &HostFacts) -> (Self, Vec<Problem>) {
        let (mut seats, mut problems) = (IndexMap::new(), Vec::new());
        let mut lost: Vec<&HostId> = Vec::new();
        let finding = |host| Finding { host, written: topology.hosts.get(host), facts: facts.get(host) };
        for host in topology.graph.node_weights().filter_map(|node| node.overlay()).flat_map(|overlay| &overlay.hosts) {
            if seats.contains_key(host) {
                continue;
            }
            let seat = finding(host).seat();
            if seat.is_none() {
                lost.push(host);
            }
            seats.insert(host.clone(), seat.unwrap_or_default());
        }
        let others: Vec<IpAddr> = seats.values().flat_map(|seat: &Seat| seat.addresses).flatten().collect();
        for host in lost {
            let finding = finding(host);
            match finding.beside(&others) {
                Some(seat) => drop(seats.insert(host.clone(), seat)),
                None => problems.extend(finding.unknown()),
            }
        }
        for (host, seat) in &mut seats {
            let nic = seat.device.and_then(|device| facts.get(host)?.nics.get(&device));
            seat.mtu = nic.map_or(USUAL_MTU, |nic| nic.mtu);
            problems.extend(finding(host).missing());
        }
        (Underlay(seats), problems)
    }

    /// What is written of the underlay, or was found, and is not so. Where nobody looked, nothing is known to be wrong.
    pub(super) fn unfit(&self, topology: &Topology, facts: &HostFacts) -> Vec<Problem> {
        let known = self.0.iter().filter_map(|(host, seat)| Some((host, seat, facts.get(host)?)));
        let of_host = |(host, seat, facts)| {
            let finding = Finding { host, written: topology.hosts.get(host), facts: Some(facts) };
            finding.strange_addresses(facts).into_iter().chain(finding.down(seat, facts))
        };
        known.flat_map(of_host).collect()
    }

    pub(super) fn of(&self, host: &HostId) -> Option<&Seat> {
        self.0.get(host)
    }
}

/// A host whose seat is looked for.
struct Finding<'a> {
    host: &'a HostId,
    written: Option<&'a HostWritten>,
    facts: Option<&'a Facts>,
}

impl Finding<'_> {
    /// As written, or as SSH found it.
    fn seat(&self) -> Option<Seat> {
        let written = self.written?;
        let is_device_written = written.device.is_some();
        let mut seat = Seat { device: written.device, is_device_written, ..Seat::default() };
        if let Some(first) = written.addresses.first() {
            written.addresses.iter().for_each(|address| seat.put(*address));
            seat.device = seat.device.or_else(|| self.nic_of(*first));
        } else if let Some(device) = written.device {
            self.put_all_of(device, &mut seat);
        } else if let Some(reached) = self.facts.and_then(|facts| facts.reached).filter(is_global)
            && written.ssh.is_some()
        {
            seat.put(reached);
            seat.device = self.nic_of(reached);
            seat.device.into_iter().for_each(|device| self.put_all_of(device, &mut seat));
        }
        Some(seat).filter(Seat::is_known)
    }

    /// On the NIC whose subnet has one of the others in it, else on the one that all else leaves by.
    fn beside(&self, others: &[IpAddr]) -> Option<Seat> {
        let facts = self.facts.filter(|_| self.written.is_none_or(|written| written.device.is_none()))?;
        let has_other = |nets: &[IpNet]| nets.iter().any(|net| others.iter().any(|other| net.contains(other)));
        let shared = facts.nics.iter().find(|(_, nic)| nic.up && has_other(&nic.addresses)).map(|(name, _)| *name);
        let device = shared.or(facts.default_nic)?;
        let mut seat = Seat { device: Some(device), ..Seat::default() };
        self.put_all_of(device, &mut seat);
        Some(seat).filter(Seat::is_known)
    }

    fn nic_of(&self, address: IpAddr) -> Option<IfName> {
        let mut nics = self.facts?.nics.iter();
        nics.find(|(_, nic)| nic.addresses.iter().any(|net| net.addr() == address)).map(|(name, _)| *name)
    }

    /// The first address of each family that a NIC has and the seat has not.
    fn put_all_of(&self, device: IfName, seat: &mut Seat) {
        let nic = self.facts.and_then(|facts| facts.nics.get(&device));
        let addresses = nic.into_iter().flat_map(|nic| &nic.addresses).map(IpNet::addr);
        addresses.filter(is_global).for_each(|address| seat.put(address));
    }

    fn at(&self) -> Place {
        let unwritten = || Place::default().key("hosts").key(self.host.as_str());
        self.written.map_or_else(unwritten, |written| written.at.clone())
    }

    /// Where the file says something of its underlay.
    fn underlay_at(&self, key: &str) -> Place {
        self.at().key("underlay").key(key)
    }

    /// The problem of a written NIC that is not there.
    fn missing(&self) -> Option<Problem> {
        let (device, facts) = (self.written?.device?, self.facts?);
        let is_missing = !facts.nics.is_empty() && !facts.nics.contains_key(&device);
        is_missing.then(|| self.no_such_nic(device, facts))
    }

    /// A kernel sends nothing from an address that it does not have (`ip_route_output_key_hash_rcu`, net/ipv4/route.c).
    fn strange_addresses(&self, facts: &Facts) -> Vec<Problem> {
        let of_nics = facts.nics.iter().flat_map(|(name, nic)| nic.addresses.iter().map(move |net| (name, net.addr())));
        let own = facts.own.iter().map(|address| (&IfName::LO, *address));
        let has: Vec<(&IfName, IpAddr)> = of_nics.chain(own).filter(|(_, address)| is_global(address)).collect();
        let written = self.written.map_or(&[][..], |written| &written.addresses);
        let strange = written.iter().enumerate().filter(|(_, address)| has.iter().all(|(_, its)| its != *address));
        let problem = |(n, address): (usize, &IpAddr)| {
            let at = self.underlay_at("address");
            let at = if written.len() > 1 { at.index(n) } else { at };
            let message = format!("{} has no address {address} for other hosts to reach it by", self.host);
            let alike = |a: &IpAddr| Family::of(*a) == Family::of(*address);
            let is_any_alike = has.iter().any(|(_, its)| alike(its));
            let shown = has.iter().filter(|(_, its)| alike(its) || !is_any_alike);
            let shown: Vec<String> = shown.map(|(name, its)| format!("{its} on {name}")).collect();
            Problem::at(codes::UNDERLAY, &at, message).hint(format!("write one that it has: {}", shown.join(", ")))
        };
        // One without any was not asked for them.
        if has.is_empty() { Vec::new() } else { strange.map(problem).collect() }
    }

    fn down(&self, seat: &Seat, facts: &Facts) -> Option<Problem> {
        let device = self.written.and_then(|written| written.device).or(seat.device)?;
        facts.nics.get(&device).filter(|nic| !nic.up)?;
        let at = match self.written {
            Some(HostWritten { device: Some(_), .. }) => self.underlay_at("device"),
            Some(HostWritten { addresses, .. }) if !addresses.is_empty() => self.underlay_at("address"),
            Some(_) | None => self.at(),
        };
        let message = format!("{device} of {} is down: nothing passes to other hosts by it", self.host);
        let hint = format!("take it up there, `ip link set {device} up`, or write another underlay for {}", self.host);
        Some(Problem::at(codes::UNDERLAY, &at, message).hint(hint))
    }

    fn no_such_nic(&self, device: IfName, facts: &Facts) -> Problem {
        let message = format!("{} has no NIC {device} to reach other hosts by", self.host);
        let names: Vec<&str> = facts.nics.keys().map(IfName::as_str).collect();
        let hint = match near(device.as_str(), names.iter().copied()) {
            found if found.is_empty() => format!("use one of: {}", names.join(", ")),
            found => format!("did you mean {}?", any_of(found)),
        };
        Problem::at(codes::UNDERLAY, &self.underlay_at("device"), message).hint(hint)
    }

    /// The problem of one that nobody knows; none where another problem of it is told.
    fn unknown(&self) -> Option<Problem> {
        let device = self.written.and_then(|written| written.device);
        let message = match (device, self.facts) {
            (Some(device), Some(facts)) if !facts.nics.is_empty() => {
                facts.nics.get(&device)?;
                format!("{device} of {} has no address for other hosts to reach it by", self.host)
            }
            (Some(_), _) | (None, _) => format!("the address by which other hosts reach {} is not known", self.host),
        };
        let hint = "write `underlay: { address: … }` for it, or plan where it can be asked";
        Some(Problem::at(codes::UNDERLAY, &self.at(), message).hint(hint))
    }
}

/// Whether others can reach it.
fn is_global(address: &IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !(address.is_loopback() || address.is_unspecified() || address.is_multicast() || is_link_local)
}
