//! One end of an overlay: a device of its own, or tunnel ports of a bridge of Open vSwitch.

use std::net::IpAddr;

use petgraph::graph::EdgeIndex;

use super::tunnels::{Between, Site, group, has_to_know};
use super::{Lab, Lowered};
use crate::given::interfaces::InterfaceId;
use crate::given::overlays;
use crate::names::Mac;
use crate::resource::{
    Device, Df, Fdb, GENEVE_PORT, Gre, Neighbour, Ovs, OvsPortKind, OvsTunnel, OvsTunnelKind, Resource, SingleKind,
    VXLAN_PORT, Vxlan,
};
use crate::topology::{Kind, Overlay, OverlayKind};

/// How far packets of GRE go where nothing is said (net.ipv4.ip_default_ttl): by itself a kernel takes the packet's within, of which some are to go one
/// step only.
const DEFAULT_TTL: u8 = 64;

/// Of no address: where a VXLAN device sends what is for many.
const ANY: Mac = Mac([0; 6]);

/// An end of an overlay, with all that it has to know.
struct Tunnel<'a> {
    edge: EdgeIndex<u32>,
    overlay: &'a Overlay,
    here: &'a Site,
    /// The other ends, and where they are.
    others: Vec<(EdgeIndex<u32>, IpAddr)>,
}

impl Tunnel<'_> {
    /// The other end, where there is one alone.
    fn remote(&self) -> Option<IpAddr> {
        match self.others[..] {
            [(_, address)] => Some(address),
            _ => None,
        }
    }
}

impl Lab<'_> {
    /// The end of an overlay that is on this host. One that cannot be is told of with the whole.
    pub(super) fn lower_overlay(&self, edge: EdgeIndex<u32>, lowered: &mut Lowered) {
        let Some((node, overlay)) = overlays::of(self.topology, edge) else { return };
        let Some(tunnel) = self.tunnels.between(node).and_then(|b| self.tunnel(edge, overlay, b)) else { return };
        match &self.topology.end_node(edge, 0).kind {
            Kind::Ovs(..) => self.lower_tunnel_ports(&tunnel, lowered),
            Kind::Bridge(_) | Kind::Namespace | Kind::Router | Kind::Host => self.lower_tunnel(&tunnel, lowered),
            Kind::Nic { .. } | Kind::Overlay(_) => {}
        }
    }

    fn tunnel<'a>(&self, edge: EdgeIndex<u32>, overlay: &'a Overlay, between: &'a Between) -> Option<Tunnel<'a>> {
        let others = overlays::others(self.topology, edge).into_iter();
        let others = others.filter_map(|far| Some((far, between.site(self.topology, far)?.address))).collect();
        Some(Tunnel { edge, overlay, here: between.site(self.topology, edge)?, others })
    }

    /// A device of the kernel, and what it is told of the far side.
    fn lower_tunnel(&self, tunnel: &Tunnel<'_>, lowered: &mut Lowered) {
        let id = InterfaceId::End(tunnel.edge, 0);
        let at = id.of(self.topology).at;
        let written = &tunnel.overlay.written;
        let gre = |key| Gre {
            local: tunnel.here.address,
            remote: tunnel.remote(),
            key,
            ttl: written.ttl.unwrap_or(DEFAULT_TTL),
            checksum: written.checksum.unwrap_or(false),
        };
        let (kind, told) = match written.kind {
            OverlayKind::Vxlan { port, df, .. } => {
                let (fdb, are_all_known) = self.fdb(tunnel);
                let vxlan = Vxlan {
                    vni: tunnel.overlay.number,
                    port: port.unwrap_or(VXLAN_PORT),
                    local: tunnel.here.address,
                    remote: group(tunnel.overlay).or_else(|| tunnel.remote()),
                    device: tunnel.here.device,
                    ttl: written.ttl.unwrap_or(0),
                    checksum: written.checksum.unwrap_or(true),
                    df: df.unwrap_or_default(),
                    learning: !are_all_known,
                };
                (SingleKind::Vxlan(vxlan), fdb)
            }
            OverlayKind::Gretap { key } => (SingleKind::Gretap(gre(key)), Vec::new()),
            OverlayKind::Gre { key } => (SingleKind::Gre(gre(key)), self.neighbours(tunnel)),
            OverlayKind::Geneve { .. } => {
                unreachable!("a checked overlay of Geneve joins bridges of Open vSwitch alone")
            }
        };
        lowered.insert(at, Resource::Device(Device::Single(Box::new(self.single(id, kind)))));
        self.finish(id, lowered);
        told.into_iter().for_each(|resource| lowered.insert(at, resource));
    }

    /// Where a device sends what, one copy for each other end of what is for many, unless that goes to a group; and whether it knows every address. One
    /// with a single other end sends all to that. What it learnt would be wrong when an address is on another host one day.
    fn fdb(&self, tunnel: &Tunnel<'_>) -> (Vec<Resource>, bool) {
        if !has_to_know(tunnel.overlay) {
            return (Vec::new(), true);
        }
        let device = self.device_of(InterfaceId::End(tunnel.edge, 0));
        let entry = |mac, to| Resource::Fdb(Fdb { device: device.clone(), mac, to });
        let mut entries: Vec<Resource> = match group(tunnel.overlay) {
            Some(_) => Vec::new(),
            None => tunnel.others.iter().map(|&(_, to)| entry(ANY, to)).collect(),
        };
        let mut are_all_known = true;
        for &(far, to) in &tunnel.others {
            let behind = &self.behind[far.index()];
            are_all_known &= !behind.may_be_others && !behind.is_in_circle;
            // What can also come by another way is for the device to learn.
            entries.extend(behind.macs.iter().filter(|_| !behind.is_in_circle).map(|&mac| entry(mac, to)));
        }
        (entries, are_all_known)
    }

    /// Where a device without a remote finds its neighbours.
    fn neighbours(&self, tunnel: &Tunnel<'_>) -> Vec<Resource> {
        if tunnel.remote().is_some() {
            return Vec::new();
        }
        let device = self.device_of(InterfaceId::End(tunnel.edge, 0));
        let of_end = |&(far, to): &(EdgeIndex<u32>, IpAddr)| {
            let addresses = &self.given.of(InterfaceId::End(far, 0)).addresses;
            let neighbour = |address| Resource::Neighbour(Neighbour { device: device.clone(), address, to });
            addresses.iter().map(|net| neighbour(net.addr())).collect::<Vec<_>>()
        };
        tunnel.others.iter().flat_map(of_end).collect()
    }

    /// A port for each other host. Where there are several no frame goes from one to another: each host sends to all of them itself.
    fn lower_tunnel_ports(&self, tunnel: &Tunnel<'_>, lowered: &mut Lowered) {
        let id = InterfaceId::End(tunnel.edge, 0);
        let (at, port) = (id.of(self.topology).at, &self.topology.graph[tunnel.edge].ends[0].port);
        let written = &tunnel.overlay.written;
        let (kind, key, df) = match written.kind {
            OverlayKind::Vxlan { port, df, .. } => {
                (OvsTunnelKind::Vxlan { port: port.unwrap_or(VXLAN_PORT) }, Some(tunnel.overlay.number), df)
            }
            OverlayKind::Geneve { port, .. } => {
                (OvsTunnelKind::Geneve { port: port.unwrap_or(GENEVE_PORT) }, Some(tunnel.overlay.number), None)
            }
            OverlayKind::Gretap { key } => (OvsTunnelKind::Gre, key, None),
            OverlayKind::Gre { .. } => unreachable!("a checked overlay of packets joins no switch"),
        };
        let is_udp = kind != OvsTunnelKind::Gre;
        for (name, &(_, remote)) in self.ports_at(id).into_iter().zip(&tunnel.others) {
            let to = OvsTunnel {
                kind,
                local: tunnel.here.address,
                remote,
                key,
                ttl: written.ttl.unwrap_or(if is_udp { 0 } else { DEFAULT_TTL }),
                checksum: written.checksum.unwrap_or(is_udp),
                df: df == Some(Df::Set),
            };
            let mut made = self.named_port(id, name, OvsPortKind::Tunnel(to), port);
            made.protected |= tunnel.others.len() > 1;
            lowered.insert(at, Resource::Ovs(Ovs::Port(Box::new(made))));
        }
    }
}
