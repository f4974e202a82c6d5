//! From JSON of any dialect to a cluster: every key is either understood or told.

use std::net::IpAddr;

use indexmap::IndexMap;
use ipnet::IpNet;

use super::values::{Quantity, quantity};
use super::{Cluster, Json, Node, Words};
use crate::import::naming::{Taken, valid};

/// What is meant by a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Nodes,
    Name,
    Bridge,
    Subnet,
    Prefix,
    Address,
    Interface,
    /// Something of a link, by our key.
    Link(&'static str, Quantity),
    /// A group of such keys.
    Group,
}

/// Keys without case and separators; the first of a row is ours where there is one.
const KEYS: [(&[&str], Meaning); 17] = [
    (&["nodes", "hosts", "servers", "machines", "members", "peers"], Meaning::Nodes),
    (&["name", "hostname", "host", "id", "node", "nodename", "clustername", "lab", "labname"], Meaning::Name),
    (&["bridge", "switch", "br", "lqb", "bridgename", "switchname"], Meaning::Bridge),
    (&["subnet", "cidr", "net", "ipsubnet", "subnetcidr"], Meaning::Subnet),
    (&["prefix", "prefixlen", "prefixlength", "netmask", "mask"], Meaning::Prefix),
    (
        &["ip", "address", "addr", "ipv4", "ipaddress", "ipaddr", "ip4", "ipv6", "ip6", "addresses", "ips"],
        Meaning::Address,
    ),
    (&["interface", "iface", "ifname", "dev", "device", "nic"], Meaning::Interface),
    (&["delay", "latency", "lag"], Meaning::Link("delay", Quantity::Time)),
    (&["jitter", "delayjitter", "latencyjitter", "delayvariation"], Meaning::Link("jitter", Quantity::Time)),
    (&["loss", "packetloss", "lossrate", "drop", "droprate"], Meaning::Link("loss", Quantity::Percent)),
    (&["duplicate", "duplication", "dup"], Meaning::Link("duplicate", Quantity::Percent)),
    (&["corrupt", "corruption"], Meaning::Link("corrupt", Quantity::Percent)),
    (&["reorder", "reordering"], Meaning::Link("reorder", Quantity::Percent)),
    (&["rate", "bandwidth", "bw", "speed", "throughput"], Meaning::Link("rate", Quantity::Rate)),
    (&["limit", "queuelimit", "queue"], Meaning::Link("limit", Quantity::Count)),
    (&["mtu"], Meaning::Link("mtu", Quantity::Count)),
    (
        &[
            "cluster",
            "network",
            "link",
            "links",
            "netem",
            "tc",
            "qdisc",
            "impairment",
            "impairments",
            "emulation",
            "shaping",
            "qos",
            "config",
            "settings",
            "defaults",
            "default",
            "global",
            "common",
            "topology",
        ],
        Meaning::Group,
    ),
];

/// What a key may end in to say the unit of its value.
const UNITS: [&str; 18] = [
    "ms", "msec", "millis", "us", "usec", "micros", "s", "sec", "seconds", "percent", "pct", "mbit", "kbit", "gbit",
    "mbps", "kbps", "gbps", "bps",
];

/// What a key means, and the unit it speaks of.
fn meaning(key: &str) -> Option<(Meaning, Option<String>)> {
    let words = words(key);
    let find = |words: &[String]| {
        let whole = words.concat();
        KEYS.iter().find(|(keys, _)| keys.contains(&&*whole)).map(|(_, meaning)| *meaning)
    };
    if let Some(meaning) = find(&words) {
        return Some((meaning, None));
    }
    let (unit, rest) = words.split_last().filter(|(unit, _)| UNITS.contains(&unit.as_str()))?;
    match find(rest)? {
        meaning @ Meaning::Link(..) => Some((meaning, Some(unit.clone()))),
        _ => None,
    }
}

/// `packetLoss`, `packet_loss` and `Packet-Loss` are `packet` and `loss`.
fn words(key: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut small = false;
    for c in key.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && small) {
            words.push(String::new());
        }
        small = c.is_lowercase() || c.is_ascii_digit();
        if c.is_alphanumeric() {
            words.last_mut().expect("there is one at least").extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// An address as written: with a prefix length or without.
type Written = (IpAddr, Option<u8>);

/// A node whose addresses wait for their prefix length.
#[derive(Default)]
struct Draft {
    name: Option<String>,
    interface: Option<String>,
    addresses: Vec<Written>,
    own: Words,
}

#[derive(Default)]
struct Reader {
    name: Option<String>,
    bridge: Option<String>,
    bridge_addresses: Vec<Written>,
    subnet: Option<IpNet>,
    prefix: Option<u8>,
    nodes: Vec<Draft>,
    all: Words,
    warnings: Vec<String>,
}

/// All that the file says.
pub fn read(json: &Json) -> Cluster {
    let mut reader = Reader::default();
    match json {
        Json::Map(map) => reader.top(map, "$"),
        Json::List(_) => reader.nodes(json, "$"),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => {}
    }
    reader.done()
}

impl Reader {
    fn lost(&mut self, path: &str, why: &str) {
        self.warnings.push(format!("{path}: {why}, left out"));
    }

    /// Puts a value where there is none yet.
    fn once<T>(&mut self, slot: impl FnOnce(&mut Self) -> &mut Option<T>, value: Option<T>, path: &str) {
        let Some(value) = value else { return self.lost(path, "not understood") };
        let slot = slot(self);
        match slot {
            Some(_) => self.lost(path, "it is said already"),
            None => *slot = Some(value),
        }
    }

    fn top(&mut self, map: &IndexMap<String, Json>, path: &str) {
        for (key, value) in map {
            let path = &format!("{path}.{key}");
            match (meaning(key), value) {
                (Some((Meaning::Nodes, _)), _) => self.nodes(value, path),
                (Some((Meaning::Name, _)), _) => self.once(|r| &mut r.name, text(value), path),
                (Some((Meaning::Bridge, _)), Json::Map(map)) => self.bridge(map, path),
                (Some((Meaning::Bridge, _)), _) => self.once(|r| &mut r.bridge, text(value), path),
                (Some((Meaning::Subnet, _)), _) => self.once(|r| &mut r.subnet, subnet(value), path),
                (Some((Meaning::Prefix, _)), _) => self.once(|r| &mut r.prefix, prefix(value), path),
                (Some((Meaning::Group, _)), Json::Map(map)) => self.top(map, path),
                (Some((Meaning::Link(key, of), unit)), _) => self.link(None, key, (value, of, unit.as_deref()), path),
                // `network: 10.0.0.0/24`
                (Some((Meaning::Group, _)), _) => match subnet(value) {
                    Some(subnet) => self.once(|r| &mut r.subnet, Some(subnet), path),
                    None => self.lost(path, "not understood"),
                },
                (Some((Meaning::Address | Meaning::Interface, _)) | None, _) => self.lost(path, "not understood"),
            }
        }
    }

    fn bridge(&mut self, map: &IndexMap<String, Json>, path: &str) {
        for (key, value) in map {
            let path = &format!("{path}.{key}");
            match meaning(key) {
                Some((Meaning::Name | Meaning::Bridge | Meaning::Interface, _)) => {
                    self.once(|r| &mut r.bridge, text(value), path);
                }
                Some((Meaning::Address, _)) => match addresses(value) {
                    Some(addresses) => self.bridge_addresses.extend(addresses),
                    None => self.lost(path, "no address"),
                },
                Some((Meaning::Subnet, _)) => self.once(|r| &mut r.subnet, subnet(value), path),
                Some((Meaning::Prefix, _)) => self.once(|r| &mut r.prefix, prefix(value), path),
                Some((Meaning::Link(key, of), unit)) => self.link(None, key, (value, of, unit.as_deref()), path),
                Some((Meaning::Nodes | Meaning::Group, _)) | None => self.lost(path, "not understood"),
            }
        }
    }

    /// Something of a link: of one node's, or of all.
    fn link(
        &mut self,
        own: Option<&mut Words>,
        key: &'static str,
        (value, of, unit): (&Json, Quantity, Option<&str>),
        path: &str,
    ) {
        let Some((value, note)) = quantity(value, of, unit) else { return self.lost(path, "not understood") };
        let words = own.unwrap_or(&mut self.all);
        match words.contains_key(key) {
            true => self.lost(path, "it is said already"),
            false => {
                words.insert(key, value);
                self.warnings.extend(note.map(|note| format!("{path}: {note}")));
            }
        }
    }

    fn nodes(&mut self, json: &Json, path: &str) {
        match json {
            Json::List(list) => {
                for (at, value) in list.iter().enumerate() {
                    self.node(None, value, &format!("{path}[{at}]"));
                }
            }
            Json::Map(map) => {
                for (name, value) in map {
                    self.node(Some(name), value, &format!("{path}.{name}"));
                }
            }
            Json::Number(number) => match number.as_u64().filter(|n| (1..=100_000).contains(n)) {
                Some(count) => self.nodes.extend((0..count).map(|_| Draft::default())),
                None => self.lost(path, "no number of nodes"),
            },
            Json::Null | Json::Bool(_) | Json::Text(_) => self.lost(path, "not understood"),
        }
    }

    fn node(&mut self, name: Option<&str>, json: &Json, path: &str) {
        let mut draft = Draft { name: name.map(str::to_owned), ..Draft::default() };
        match json {
            Json::Map(map) => self.fields(&mut draft, map, path),
            Json::Null => {}
            _ => match (addresses(json), text(json), name) {
                (Some(addresses), _, _) => draft.addresses = addresses,
                (None, Some(text), None) => draft.name = Some(text),
                (None, _, _) => return self.lost(path, "no node"),
            },
        }
        self.nodes.push(draft);
    }

    fn fields(&mut self, draft: &mut Draft, map: &IndexMap<String, Json>, path: &str) {
        for (key, value) in map {
            let path = &format!("{path}.{key}");
            match (meaning(key), value) {
                (Some((Meaning::Name, _)), _) => match (text(value), &draft.name) {
                    (None, _) => self.lost(path, "not understood"),
                    (Some(name), Some(known)) if name != *known => {
                        let why = format!("the node is called `{known}`");
                        self.lost(path, &why);
                    }
                    (Some(name), _) => draft.name = Some(name),
                },
                (Some((Meaning::Address, _)), _) => match addresses(value) {
                    Some(addresses) => draft.addresses.extend(addresses),
                    None => self.lost(path, "no address"),
                },
                (Some((Meaning::Interface, _)), _) => match text(value).filter(|_| draft.interface.is_none()) {
                    Some(interface) => draft.interface = Some(interface),
                    None => self.lost(path, "not understood"),
                },
                (Some((Meaning::Link(key, of), unit)), _) => {
                    self.link(Some(&mut draft.own), key, (value, of, unit.as_deref()), path);
                }
                (Some((Meaning::Group, _)), Json::Map(map)) => self.fields(draft, map, path),
                (Some((Meaning::Bridge, _)), _) => match (text(value), &self.bridge) {
                    (Some(bridge), None) => self.bridge = Some(bridge),
                    (Some(bridge), Some(known)) if bridge == *known => {}
                    (Some(_), Some(_)) => self.lost(path, "there is one bridge, with another name"),
                    (None, _) => self.lost(path, "not understood"),
                },
                (_, _) => self.lost(path, "not understood"),
            }
        }
    }

    fn done(mut self) -> Cluster {
        let prefix = self.prefix.or(self.subnet.map(|net| net.prefix_len()));
        let mut guessed = false;
        let mut net = |(address, own): Written| {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let usual = if address.is_ipv4() { 24 } else { 64 };
            let fits = prefix.filter(|_| self.subnet.is_none_or(|net| net.addr().is_ipv4() == address.is_ipv4()));
            let len = own.or(fits).filter(|len| *len <= most);
            guessed |= len.is_none();
            IpNet::new(address, len.unwrap_or(usual)).expect("the length was looked at")
        };
        let mut taken = Taken::default();
        let bridge_addresses: Vec<IpNet> = self.bridge_addresses.into_iter().map(&mut net).collect();
        let mut nodes = Vec::new();
        for (at, draft) in self.nodes.into_iter().enumerate() {
            let said = draft.name.unwrap_or_else(|| format!("node{}", at + 1));
            let name = Some(valid(&said)).filter(|n| !n.is_empty()).unwrap_or_else(|| format!("node{}", at + 1));
            let name = taken.unique(name);
            if name != said {
                self.warnings.push(format!("node `{said}` is called {name}"));
            }
            let addresses = draft.addresses.into_iter().map(&mut net).collect();
            nodes.push(Node { name, interface: draft.interface, addresses, own: draft.own });
        }
        if guessed {
            self.warnings.push("addresses without a prefix length got /24, and /64 for IPv6".to_owned());
        }
        let bridge = self.bridge.as_deref().map(valid).filter(|name| !name.is_empty()).map(|name| taken.unique(name));
        Cluster {
            name: self.name.as_deref().map(crate::import::named),
            bridge,
            bridge_addresses,
            subnet: self.subnet,
            nodes,
            all: self.all,
            warnings: self.warnings,
        }
    }
}

fn text(json: &Json) -> Option<String> {
    match json {
        Json::Text(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Json::Number(number) => Some(number.to_string()),
        Json::Null | Json::Bool(_) | Json::List(_) | Json::Map(_) => None,
    }
}

fn subnet(json: &Json) -> Option<IpNet> {
    text(json)?.parse::<IpNet>().ok().map(|net| net.trunc())
}

/// `24`, `/24` or `255.255.255.0`.
fn prefix(json: &Json) -> Option<u8> {
    let text = text(json)?;
    if let Ok(mask) = text.parse::<std::net::Ipv4Addr>() {
        return ipnet::ipv4_mask_to_prefix(mask).ok();
    }
    text.trim_start_matches('/').parse().ok().filter(|len| *len <= 128)
}

/// One address, or a list.
fn addresses(json: &Json) -> Option<Vec<Written>> {
    match json {
        Json::List(list) => list.iter().map(|json| address(json)).collect(),
        _ => address(json).map(|address| vec![address]),
    }
}

fn address(json: &Json) -> Option<Written> {
    let text = text(json)?;
    match text.parse::<IpNet>() {
        Ok(net) => Some((net.addr(), Some(net.prefix_len()))),
        Err(_) => text.parse().ok().map(|address| (address, None)),
    }
}
