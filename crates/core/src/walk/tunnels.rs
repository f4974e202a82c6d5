//! Which tunnels lead where: from a device, or a port of Open vSwitch, to all on any host that take what it sends over the underlay.
//!
//! The underlay itself is taken for granted: who sends from an address is the one to whom packets for it go, and a group reaches all of it.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use crate::names::{IfName, Mac};
use crate::resource::{
    Device, DeviceId, EVERYBODY, Fdb, Gre, Neighbour, Ovs, OvsPortKind, OvsTunnel, OvsTunnelKind, Resource, SingleKind,
    Vxlan,
};
use crate::state::HostState;

/// Where a tunnel comes out on a host.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Door {
    /// A device.
    Device(DeviceId),
    /// A port of Open vSwitch.
    Port(IfName),
}

/// What is around frames and packets on the underlay.
#[derive(Debug, PartialEq)]
struct Envelope {
    sort: Sort,
    from: IpAddr,
    to: IpAddr,
    checksum: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sort {
    Vxlan { port: u16, vni: u32 },
    Geneve { port: u16, vni: u32 },
    Gre { frames: bool, key: Option<u32> },
}

/// One end of a tunnel.
#[derive(Debug)]
struct End {
    host: usize,
    door: Door,
    takes: Takes,
}

#[derive(Debug)]
enum Takes {
    Vxlan(Vxlan),
    Gre { frames: bool, gre: Gre },
    Ovs(OvsTunnel),
}

/// All tunnels of all hosts.
#[derive(Debug, Default)]
pub(super) struct Tunnels {
    ends: Vec<End>,
    /// Ends by their own address, and by the group that they listen to.
    by_address: FxHashMap<IpAddr, Vec<usize>>,
    entries: FxHashMap<(usize, DeviceId), Vec<(Mac, IpAddr)>>,
    neighbours: FxHashMap<(usize, DeviceId, IpAddr), IpAddr>,
}

impl Tunnels {
    /// Takes in what a host has of tunnels.
    pub(super) fn add(&mut self, host: usize, state: &HostState) {
        for (_, resource) in state.iter() {
            match resource {
                Resource::Device(Device::Single(single)) => {
                    let takes = match &single.kind {
                        SingleKind::Vxlan(vxlan) => Takes::Vxlan(*vxlan),
                        SingleKind::Gretap(gre) => Takes::Gre { frames: true, gre: *gre },
                        SingleKind::Gre(gre) => Takes::Gre { frames: false, gre: *gre },
                        SingleKind::Dummy
                        | SingleKind::Vlan { .. }
                        | SingleKind::Macvlan { .. }
                        | SingleKind::Ipvlan { .. }
                        | SingleKind::Bond(_)
                        | SingleKind::Vrf { .. } => continue,
                    };
                    self.add_end(End { host, door: Door::Device(single.id.clone()), takes });
                }
                Resource::Ovs(Ovs::Port(port)) => {
                    if let OvsPortKind::Tunnel(tunnel) = &port.kind {
                        self.add_end(End { host, door: Door::Port(port.name), takes: Takes::Ovs(tunnel.clone()) });
                    }
                }
                Resource::Fdb(Fdb { device, mac, to }) => {
                    self.entries.entry((host, device.clone())).or_default().push((*mac, *to));
                }
                Resource::Neighbour(Neighbour { device, address, to }) => {
                    self.neighbours.insert((host, device.clone(), *address), *to);
                }
                Resource::Ovs(_)
                | Resource::Netns(_)
                | Resource::Device(_)
                | Resource::Up(_)
                | Resource::Port(_)
                | Resource::PortVlans(_)
                | Resource::Qdisc(_)
                | Resource::Tuning(_)
                | Resource::Address(_)
                | Resource::Route(_)
                | Resource::Sysctl(_)
                | Resource::Ran(_) => {}
            }
        }
    }

    fn add_end(&mut self, end: End) {
        let (local, remote) = match &end.takes {
            Takes::Vxlan(vxlan) => (vxlan.local, vxlan.remote),
            Takes::Gre { gre, .. } => (gre.local, gre.remote),
            Takes::Ovs(tunnel) => (tunnel.local, Some(tunnel.remote)),
        };
        for address in std::iter::once(local).chain(remote.filter(IpAddr::is_multicast)) {
            self.by_address.entry(address).or_default().push(self.ends.len());
        }
        self.ends.push(end);
    }

    /// Whether any device sends frames for an Ethernet address to one place alone.
    pub(super) fn aim(&self) -> bool {
        self.entries.values().flatten().any(|(mac, _)| *mac != EVERYBODY)
    }

    /// Where a frame comes out that goes in by a VXLAN device; for this Ethernet address, or for everybody.
    pub(super) fn out_of_vxlan(
        &self,
        host: usize,
        id: &DeviceId,
        vxlan: &Vxlan,
        aimed: Option<Mac>,
    ) -> Vec<(usize, Door)> {
        let entries = self.entries.get(&(host, id.clone())).map_or(&[][..], Vec::as_slice);
        let behind = |mac: Mac| entries.iter().filter(move |(had, _)| *had == mac).map(|(_, to)| *to);
        let mut to: Vec<IpAddr> = aimed.into_iter().flat_map(behind).collect();
        if to.is_empty() {
            to = vxlan.remote.into_iter().chain(behind(EVERYBODY)).collect();
        }
        let sort = Sort::Vxlan { port: vxlan.port, vni: vxlan.vni };
        let sent = to
            .into_iter()
            .flat_map(|to| self.come_out(host, &Envelope { sort, from: vxlan.local, to, checksum: vxlan.checksum }));
        sent.collect()
    }

    /// Where a frame comes out that goes in by a GRE device.
    pub(super) fn out_of_gretap(&self, host: usize, gre: &Gre) -> Vec<(usize, Door)> {
        let sort = Sort::Gre { frames: true, key: gre.key };
        let sent = gre.remote.map(|to| Envelope { sort, from: gre.local, to, checksum: gre.checksum });
        sent.iter().flat_map(|envelope| self.come_out(host, envelope)).collect()
    }

    /// Where a frame comes out that goes in by a port of Open vSwitch.
    pub(super) fn out_of_ovs(&self, host: usize, tunnel: &OvsTunnel) -> Vec<(usize, Door)> {
        let sort = sort(tunnel);
        self.come_out(host, &Envelope { sort, from: tunnel.local, to: tunnel.remote, checksum: tunnel.checksum })
    }

    /// The device that a packet comes out of that is for this neighbour on a GRE device.
    pub(super) fn out_of_gre(
        &self,
        host: usize,
        id: &DeviceId,
        gre: &Gre,
        neighbour: IpAddr,
    ) -> Option<(usize, DeviceId)> {
        let to = gre.remote.or_else(|| self.neighbours.get(&(host, id.clone(), neighbour)).copied())?;
        let sort = Sort::Gre { frames: false, key: gre.key };
        let out = self.come_out(host, &Envelope { sort, from: gre.local, to, checksum: gre.checksum });
        out.into_iter().find_map(|(host, door)| match door {
            Door::Device(device) => Some((host, device)),
            Door::Port(_) => None,
        })
    }

    fn come_out(&self, from: usize, envelope: &Envelope) -> Vec<(usize, Door)> {
        let ends = self.by_address.get(&envelope.to).into_iter().flatten().map(|at| &self.ends[*at]);
        // What is sent to a group is not heard where it comes from.
        let ends = ends.filter(|end| end.host != from && end.takes.in_from(envelope));
        let mut out: Vec<(usize, Door)> = ends.map(|end| (end.host, end.door.clone())).collect();
        // A GRE device to one place goes before one to whoever is there (`ip_tunnel_lookup`).
        let one = |(host, door): &(usize, Door)| {
            let is = |end: &&End| (end.host, &end.door) == (*host, door);
            !self
                .ends
                .iter()
                .find(is)
                .is_some_and(|end| matches!(&end.takes, Takes::Gre { gre, .. } if gre.remote.is_some()))
        };
        if matches!(envelope.sort, Sort::Gre { .. }) && out.len() > 1 {
            out.sort_by_key(one);
        }
        out
    }
}

fn sort(tunnel: &OvsTunnel) -> Sort {
    let vni = tunnel.key.unwrap_or(0);
    match tunnel.kind {
        OvsTunnelKind::Vxlan { port } => Sort::Vxlan { port, vni },
        OvsTunnelKind::Geneve { port } => Sort::Geneve { port, vni },
        OvsTunnelKind::Gre => Sort::Gre { frames: true, key: tunnel.key },
    }
}

impl Takes {
    fn in_from(&self, envelope: &Envelope) -> bool {
        let Envelope { from, to, checksum, .. } = envelope;
        match self {
            Takes::Vxlan(vxlan) => {
                let is_for = vxlan.local == *to || vxlan.remote == Some(*to);
                let whole = to.is_ipv4() || *checksum || !vxlan.checksum;
                envelope.sort == Sort::Vxlan { port: vxlan.port, vni: vxlan.vni } && is_for && whole
            }
            // Who has a checksum drops what has none, and the other way round (`__ip_tunnel_rcv`).
            Takes::Gre { frames, gre } => {
                let is_same = envelope.sort == Sort::Gre { frames: *frames, key: gre.key };
                is_same
                    && gre.local == *to
                    && gre.remote.is_none_or(|remote| remote == *from)
                    && gre.checksum == *checksum
            }
            Takes::Ovs(tunnel) => envelope.sort == sort(tunnel) && (tunnel.local, tunnel.remote) == (*to, *from),
        }
    }
}
