//! A link between hosts: its ends, each as its host has it, and the tunnel between them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use netsim_core::given::GivenEnd;
use netsim_core::lower::netns_of;
use netsim_core::names::HostId;
use netsim_core::resource::{
    Device, DeviceId, EVERYBODY, Key, NetnsId, Ovs, OvsKey, OvsPortKind, OvsTunnelKind, Resource, SingleKind,
};
use netsim_core::state::HostState;
use netsim_core::topology::{Link, Node};
use serde::Serialize;

use super::facts::{self, Interface};
use super::{Exit, interface_rows, said, section};
use crate::args::{Format, Global};
use crate::error::Failure;
use crate::file;
use crate::hosts::{self, listed};
use crate::lab::{self, Look, Surveyed, between_hosts, devices, host_of};
use crate::node::Found;
use crate::planned::Names;
use crate::render::json;
use crate::render::table::table;
use crate::render::text::words;
use crate::screen::{STRONG, Screen, paint};

/// What carries a link between hosts, as one end has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tunnel {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    vni: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<u32>,
    /// Of UDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// The underlay address that it sends from.
    local: IpAddr,
    /// Those that it sends to: a VTEP, several, or a group.
    remotes: BTreeSet<IpAddr>,
}

impl Tunnel {
    /// The tunnel that a device or a port of Open vSwitch is an end of, if it is.
    pub fn of(device: &DeviceId, ours: &HostState) -> Option<Tunnel> {
        let port = || ours.get(&Key::Ovs(OvsKey::Port(device.name))).filter(|_| device.netns == NetnsId::Host);
        let written = |to: Option<IpAddr>| to.map_or_else(|| written(device, ours), |to| BTreeSet::from([to]));
        match ours.get(&Key::Device(device.clone())).or_else(port)? {
            Resource::Device(Device::Single(single)) => match &single.kind {
                SingleKind::Vxlan(v) => Some(Tunnel {
                    kind: single.kind.name(),
                    vni: Some(v.vni),
                    key: None,
                    port: Some(v.port),
                    local: v.local,
                    remotes: written(v.remote),
                }),
                SingleKind::Gretap(gre) | SingleKind::Gre(gre) => Some(Tunnel {
                    kind: single.kind.name(),
                    vni: None,
                    key: gre.key,
                    port: None,
                    local: gre.local,
                    remotes: written(gre.remote),
                }),
                SingleKind::Dummy | SingleKind::Vlan { .. } | SingleKind::Macvlan { .. } => None,
                SingleKind::Ipvlan { .. } | SingleKind::Bond(_) | SingleKind::Vrf { .. } => None,
            },
            Resource::Ovs(Ovs::Port(port)) => match &port.kind {
                OvsPortKind::Tunnel(tunnel) => {
                    let (is_udp, at) = match tunnel.kind {
                        OvsTunnelKind::Vxlan { port } | OvsTunnelKind::Geneve { port } => (true, Some(port)),
                        OvsTunnelKind::Gre => (false, None),
                    };
                    Some(Tunnel {
                        kind: words::ovs::port_word(&port.kind),
                        vni: tunnel.key.filter(|_| is_udp),
                        key: tunnel.key.filter(|_| !is_udp),
                        port: at,
                        local: tunnel.local,
                        remotes: BTreeSet::from([tunnel.remote]),
                    })
                }
                OvsPortKind::Device | OvsPortKind::Internal { .. } | OvsPortKind::Patch { .. } => None,
            },
            _ => None,
        }
    }

    /// `vxlan VNI 4100, 192.0.2.1 to 192.0.2.2`.
    fn words(&self) -> String {
        let number = self.vni.map(|vni| format!(" VNI {vni}")).or(self.key.map(|key| format!(" key {key}")));
        let remotes: Vec<String> = self.remotes.iter().map(IpAddr::to_string).collect();
        let to = if remotes.is_empty() { String::new() } else { format!(" to {}", remotes.join(", ")) };
        format!("{}{}, {}{to}", self.kind, number.unwrap_or_default(), self.local)
    }
}

/// Where a tunnel without a far end of its own is told to send what it sends.
fn written(device: &DeviceId, ours: &HostState) -> BTreeSet<IpAddr> {
    let to = |(_, resource): (_, &Resource)| match resource {
        Resource::Fdb(fdb) if fdb.device == *device && fdb.mac == EVERYBODY => Some(fdb.to),
        Resource::Neighbour(neighbour) if neighbour.device == *device => Some(neighbour.to),
        _ => None,
    };
    ours.iter().filter_map(to).collect()
}

/// One end of it.
#[derive(Debug, Serialize)]
struct End {
    host: HostId,
    node: String,
    /// As the topology has it.
    name: String,
    /// As it is; none: it is not there, or nobody can tell.
    interface: Option<Interface>,
    tunnel: Option<Tunnel>,
    /// Why its host cannot be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    lab: &'a str,
    host: &'a HostId,
    /// As of a link on one host: those that are there.
    ends: Vec<(&'a str, &'a Interface)>,
    /// All of them.
    across: &'a [End],
}

/// Shows the link that this device of a node is an end of; none where the lab's files do not say that it leads to other hosts.
pub fn show(
    found: &Found,
    device: &DeviceId,
    format: Format,
    global: &Global,
    screen: &Screen,
) -> Result<Option<Exit>, Failure> {
    let stored = Some(found.applied.clone());
    let surveyed = hosts::with(global, screen, found.applied.members(), stored, |hosts| {
        lab::survey(hosts, &file::reload(found.applied.sources.clone())?, Look::Only)
    })?;
    let Some(ends) = ends(&surveyed, found, device) else { return Ok(None) };
    screen.answer(&match format {
        Format::Text => told(found, &ends),
        Format::Json => {
            let there = ends.iter().filter_map(|end| Some((end.node.as_str(), end.interface.as_ref()?))).collect();
            let document = Document { lab: found.lab.as_str(), host: &found.host, ends: there, across: &ends };
            json::document("netsim-link", 1, &document)
        }
    });
    // Of what cannot be asked nobody can say how it is.
    Ok(Some(if ends.iter().any(|end| end.error.is_some()) { Exit::No } else { Exit::Ok }))
}

/// The ends of the link that a device is one end of, that one first.
fn ends(surveyed: &Surveyed, found: &Found, device: &DeviceId) -> Option<Vec<End>> {
    let Surveyed { topology, given, .. } = surveyed;
    let graph = &topology.graph;
    let across: Vec<(&Link, &GivenEnd)> = between_hosts(topology, given).collect();
    let is_near = |(link, given): &&(&Link, &GivenEnd)| {
        let is_here =
            graph[link.ends[0].node].is_on(&found.host) && netns_of(topology, link.ends[0].node) == device.netns;
        is_here && devices(given).iter().any(|(name, _)| *name == device.name)
    };
    let near = across.iter().find(is_near)?;
    let others = across
        .iter()
        .filter(|(link, _)| link.ends[1].node == near.0.ends[1].node && link.ends[0].node != near.0.ends[0].node);
    let all = std::iter::once(near).chain(others).flat_map(|(link, given)| {
        let node = link.ends[0].node;
        let device = move |name| DeviceId { netns: netns_of(topology, node), name };
        devices(given).into_iter().map(move |(name, shown)| end(surveyed, &graph[node], &device(name), shown))
    });
    Some(all.collect())
}

fn end(surveyed: &Surveyed, node: &Node, device: &DeviceId, name: &str) -> End {
    let host = host_of(node);
    let mut end = End {
        host: host.clone(),
        node: node.name.to_string(),
        name: name.to_owned(),
        interface: None,
        tunnel: None,
        error: surveyed.down.get(host).map(ToString::to_string),
    };
    if let Some(on) = surveyed.hosts.get(host) {
        let names = Names::of(on.observed.ours.iter().map(|(_, r)| r));
        let all = facts::interfaces(&device.netns, &on.observed, &names);
        end.interface = all.into_iter().find(|i| i.device == device.name.as_str());
        end.tunnel = Tunnel::of(device, &on.observed.ours);
    }
    end
}

fn told(found: &Found, ends: &[End]) -> String {
    let name = |end: &End| format!("{}:{}", end.node, end.name);
    let title = ends.iter().map(name).collect::<Vec<_>>().join(" – ");
    let mut on: Vec<&HostId> = Vec::new();
    ends.iter().for_each(|end| {
        if !on.contains(&&end.host) {
            on.push(&end.host)
        }
    });
    let rows = |end: &End| {
        let mut rows = match &end.interface {
            // What it is, and where it leads, is told of the tunnel.
            Some(i) => interface_rows(&Interface { name: name(end), to: None, kind: None, ..i.clone() }),
            None => {
                let state = if end.error.is_some() { "not reached" } else { "missing" };
                vec![vec![name(end), state.to_owned()]]
            }
        };
        rows.iter_mut().enumerate().for_each(|(n, row)| {
            row.insert(1, if n == 0 { end.host.to_string() } else { String::new() });
        });
        rows
    };
    let rows: Vec<Vec<String>> = ends.iter().flat_map(rows).collect();
    let heading = ["END", "HOST", "STATE", "MTU", "MAC", "BRIDGE", "ADDRESS"];
    let head = format!("Link {} of lab {} on {}\n\n", paint(STRONG, &title), found.lab, listed(on));
    let mut out = head + &table(&heading, &rows);
    let tunnel = |end: &End| {
        let mtu = end.interface.as_ref().and_then(|i| i.mtu).map_or_else(String::new, |mtu| format!(", MTU {mtu}"));
        match (&end.tunnel, &end.error) {
            (Some(tunnel), _) => format!("{}: {}{mtu}", name(end), tunnel.words()),
            (None, Some(error)) => format!("{}: not reached: {error}", name(end)),
            (None, None) => format!("{}: missing", name(end)),
        }
    };
    out.push_str(&section("TUNNEL", &ends.iter().map(tunnel).collect::<Vec<_>>()));
    for (heading, rows) in said(ends.iter().filter_map(|end| Some((name(end), end.interface.as_ref()?)))) {
        out.push_str(&section(heading, &rows));
    }
    out
}
