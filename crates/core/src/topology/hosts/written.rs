//! From the hosts as written to those that nodes can be on.

use std::net::IpAddr;

use super::super::building::Building;
use super::super::codes;
use super::super::layers::beside;
use super::super::problems::Problems;
use super::super::quantities::Reading;
use super::super::ranges::{Pattern, is_pattern};
use super::super::values::Family;
use super::HostWritten;
use crate::names::{HostId, IfName};
use crate::problem::Place;
use crate::spec::Spec;
use crate::spec::written::{HostSpec, UnderlaySpec};

/// The heaviest host.
const HEAVIEST: u32 = 1000;

/// What may stand in a target of ssh beside letters and digits: nothing that a shell reads, for ssh puts it into commands of the user's configuration.
const PUNCTUATION: &str = "._-@:/[]%+";

/// The longest target of ssh or address of a database, in bytes.
const LONGEST: usize = 1024;

/// What may stand in a path beside letters and digits: nothing that a shell reads.
const OF_PATHS: &str = "/.-_+";

/// What may stand in an address with its port.
const OF_ADDRESSES: &str = ".-_:[]%";

/// Adds all hosts of all files.
pub(in super::super) fn add(building: &mut Building, specs: &[Spec]) {
    for spec in specs {
        let root = Place { source: spec.source, ..Place::default() };
        for (name, host) in spec.hosts.iter().flatten() {
            let at = root.key("hosts").key(name);
            let Some(pattern) = Pattern::read(name, &at, &mut building.problems) else { continue };
            let unsaid = HostSpec::default();
            let spec = host.as_ref().unwrap_or(&unsaid);
            for (index, name) in pattern.iter().enumerate() {
                One { spec, at: &at, index, count: pattern.count() }.add(building, &name);
            }
        }
        if spec.place.is_some() {
            building.auto = Some(root.key("place"));
        }
    }
    if let Some(at) = building.auto.as_ref().filter(|_| building.hosts.is_empty()) {
        let message = "there are no hosts to place nodes on";
        building.problems.tell(
            codes::UNKNOWN_HOST,
            at,
            message,
            "write them under `hosts:`, `local` too if it takes part",
        );
    }
    addresses(building);
}

/// One host.
struct One<'s> {
    spec: &'s HostSpec,
    at: &'s Place,
    index: usize,
    count: usize,
}

impl One<'_> {
    fn add(&self, building: &mut Building, text: &str) {
        let id = match HostId::new(text) {
            Ok(id) => id,
            Err(error) => {
                return building.problems.tell(codes::NAME, self.at, error.to_string(), "write another name");
            }
        };
        if building.hosts.contains_key(&id) {
            let hint = "give one of them another name";
            return building.problems.tell(codes::HOST, self.at, format!("there are two hosts `{text}`"), hint);
        }
        let problems = &mut building.problems;
        self.reached(&id, problems);
        let ssh = self.spec.ssh.as_deref().and_then(|text| self.target(text, problems));
        let weight = self.spec.weight.and_then(|weight| {
            Reading { at: self.at.key("weight"), problems: &mut *problems }.within(weight, 1, HEAVIEST)
        });
        let ovsdb = self.spec.ovsdb.as_deref().and_then(|text| self.database(text, problems));
        let (addresses, device) =
            self.spec.underlay.as_ref().map(|underlay| self.underlay(underlay, problems)).unwrap_or_default();
        let sudo = self.spec.sudo.unwrap_or(false);
        let weight = weight.unwrap_or(1);
        let host = HostWritten { ssh, sudo, addresses, device, ovsdb, weight, at: self.at.clone() };
        building.hosts.insert(id, host);
    }

    /// Tells of a host that nothing says how to reach, and of one that is here already.
    fn reached(&self, id: &HostId, problems: &mut Problems) {
        if *id != HostId::local() {
            if self.spec.ssh.is_none() {
                let message = format!("nothing says how `{id}` is reached");
                problems.tell(codes::HOST, self.at, message, "write `ssh:`, what you would give to ssh itself");
            }
            return;
        }
        for (key, _) in
            [("ssh", self.spec.ssh.is_some()), ("sudo", self.spec.sudo.is_some())].into_iter().filter(|k| k.1)
        {
            let message = format!("`local` is the machine that netsim runs on: it has no `{key}`");
            problems.tell(codes::HOST, &self.at.key(key), message, "take it away, or give the host another name");
        }
    }

    fn target(&self, text: &str, problems: &mut Problems) -> Option<String> {
        let at = self.at.key("ssh");
        // An address in brackets is no range, and of one host alone.
        let text = match self.count == 1 && !is_pattern(text) {
            true => text.into(),
            false => beside(text, self.index, self.count, &at, problems)?,
        };
        let strange = text.chars().find(|c| !c.is_ascii_alphanumeric() && !PUNCTUATION.contains(*c));
        let why = match strange {
            _ if text.is_empty() => "it is empty".to_owned(),
            _ if text.starts_with('-') => "it begins with `-`, as an option does".to_owned(),
            _ if text.len() > LONGEST => "it is too long".to_owned(),
            Some(c) => format!("{c:?} cannot be in it"),
            None => return Some(text.into_owned()),
        };
        let shown: String = text.chars().take(40).collect();
        let message = format!("{shown:?} is nothing for ssh to connect to: {why}");
        problems.tell(codes::HOST, &at, message, "give it a plain name in ~/.ssh/config");
        None
    }

    fn database(&self, text: &str, problems: &mut Problems) -> Option<String> {
        let at = self.at.key("ovsdb");
        let text = match self.count {
            1 => text.into(),
            _ => beside(text, self.index, self.count, &at, problems)?,
        };
        let database = database(&text);
        let told = database.map_err(|why| {
            let shown: String = text.chars().take(40).collect();
            let message = format!("{shown:?} is no address of a database: {why}");
            problems.tell(
                codes::HOST,
                &at,
                message,
                "write unix:PATH, a whole path, tcp:ADDRESS:PORT or ssl:ADDRESS:PORT",
            );
        });
        told.ok()
    }

    fn underlay(&self, spec: &UnderlaySpec, problems: &mut Problems) -> (Vec<IpAddr>, Option<IfName>) {
        let at = self.at.key("underlay");
        let says_address = spec.address.as_ref().is_some_and(|list| list.each(&at).next().is_some());
        if !says_address && spec.device.is_none() {
            let hint = "write its `address` or its `device`, or take it away";
            problems.tell(codes::HOST, &at.clone().name(), "`underlay` says nothing", hint);
        }
        let mut addresses: Vec<IpAddr> = Vec::new();
        let address_at = at.key("address");
        for (text, at) in spec.address.iter().flat_map(|list| list.each(&address_at)) {
            let Some(text) = beside(text, self.index, self.count, &at, problems) else { continue };
            let Some(address) = address(&text, &at, problems) else { continue };
            if addresses.iter().any(|a| Family::of(*a) == Family::of(address)) {
                let message = format!("{address} is a second address of its family");
                problems.tell(codes::HOST, &at, message, "keep one of each family: what the other hosts send to");
                continue;
            }
            addresses.push(address);
        }
        let device_at = at.key("device");
        let device = spec.device.as_deref().and_then(|text| {
            let text = beside(text, self.index, self.count, &device_at, problems)?;
            let name = IfName::new(&text);
            name.map_err(|error| {
                problems.tell(codes::NAME, &device_at, error.to_string(), "write a NIC's name as `ip link` shows it")
            })
            .ok()
        });
        (addresses, device)
    }
}

/// The address of a database, with how it is reached in front; else what is wrong with it.
fn database(text: &str) -> Result<String, String> {
    let (way, rest) = match text.split_once(':') {
        Some((way @ ("unix" | "tcp" | "ssl"), rest)) => (way, rest),
        Some(_) | None => ("unix", text),
    };
    let punctuation = if way == "unix" { OF_PATHS } else { OF_ADDRESSES };
    let strange = rest.chars().find(|c| !c.is_ascii_alphanumeric() && !punctuation.contains(*c));
    let port = || rest.rsplit_once(':').filter(|(address, _)| !address.is_empty()).map(|(_, port)| port.parse::<u16>());
    match strange {
        _ if rest.is_empty() => Err("it is empty".to_owned()),
        _ if rest.len() > LONGEST => Err("it is too long".to_owned()),
        Some(c) => Err(format!("{c:?} cannot be in it")),
        None if way == "unix" && !rest.starts_with('/') => Err("the path does not begin with `/`".to_owned()),
        None if way != "unix" && !matches!(port(), Some(Ok(1..))) => Err("it has no port".to_owned()),
        None => Ok(format!("{way}:{rest}")),
    }
}

/// An address that another host can send to.
fn address(text: &str, at: &Place, problems: &mut Problems) -> Option<IpAddr> {
    let hint = "write an address that the other hosts can send to, as 192.0.2.7";
    let Ok(address) = text.parse::<IpAddr>() else {
        problems.tell(codes::HOST, at, format!("`{text}` is no address"), hint);
        return None;
    };
    let link_local = matches!(address, IpAddr::V6(a) if a.is_unicast_link_local());
    if address.is_unspecified() || address.is_loopback() || address.is_multicast() || link_local {
        problems.tell(codes::HOST, at, format!("no other host reaches this one at {address}"), hint);
        return None;
    }
    Some(address)
}

/// No two hosts have one address.
fn addresses(building: &mut Building) {
    let mut seen: rustc_hash::FxHashMap<IpAddr, &HostId> = rustc_hash::FxHashMap::default();
    for (id, host) in &building.hosts {
        for address in &host.addresses {
            if let Some(other) = seen.insert(*address, id) {
                let message = format!("{address} is the underlay address of `{other}` and of `{id}`");
                let at = host.at.key("underlay").key("address");
                building.problems.tell(codes::HOST, &at, message, "write the address that each of them has");
            }
        }
    }
}
