//! Tunnels of the simulated host: VXLAN and GRE devices, what they are told of the far side, who uses which UDP port.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use super::space::{Dev, Kind, Owner};
use super::{Errno, Sim, SimError, fail};
use crate::names::{IfName, LabName, Mac};
use crate::resource::{DeviceId, EVERYBODY, Fdb, Gre, Key, Neighbour, Resource, Single, SingleKind, Vxlan};
use crate::state::{Facts, Nic, Observed, Scope, TunnelPort};

/// The NIC of a machine in memory, with its address and MTU; it can be seen and sent by, and nothing else.
const NIC: (&str, &str, u32) = ("eth0", "192.0.2.1/24", 1500);

/// Bytes that VXLAN adds to each frame over IPv4 and over IPv6: outer IP, UDP, VXLAN and inner Ethernet headers (RFC 7348 §5).
const AROUND_FRAMES: [u32; 2] = [50, 70];

/// The greatest VNI and one: VXLAN_N_VID.
const VNIS: u32 = 1 << 24;

fn nic() -> IfName {
    IfName::new(NIC.0).expect("a constant")
}

impl Sim {
    /// The same as [`Sim::observe`] of the n-th of several machines: its NIC has the address 192.0.2.n.
    pub fn observe_nth(&self, scope: &Scope, n: u8) -> Observed {
        let mut seen = self.observe(scope);
        if let (true, Some(nic)) = (scope.underlay, seen.facts.nics.get_mut(&nic())) {
            nic.addresses = vec![IpNet::from(Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 2, n), 24))];
        }
        seen
    }

    /// What a kernel looks at whenever it is told of a tunnel (`vxlan_nl2conf`, `vxlan_config_validate`, `ip_tunnel_change_mtu`).
    pub(super) fn check_tunnel(&self, single: &Single) -> Result<(), SimError> {
        match &single.kind {
            SingleKind::Vxlan(vxlan) => self.check_vxlan(&single.id, vxlan, single.mtu),
            SingleKind::Gretap(gre) => check_gre(gre, single.mtu, 14),
            SingleKind::Gre(gre) => check_gre(gre, single.mtu, 0),
            SingleKind::Dummy
            | SingleKind::Vlan { .. }
            | SingleKind::Macvlan { .. }
            | SingleKind::Ipvlan { .. }
            | SingleKind::Bond(_)
            | SingleKind::Vrf { .. } => Ok(()),
        }
    }

    fn check_vxlan(&self, id: &DeviceId, vxlan: &Vxlan, mtu: Option<u32>) -> Result<(), SimError> {
        if vxlan.vni == 0 || vxlan.vni >= VNIS {
            return fail(Errno::Range, format!("{} is no VNI", vxlan.vni));
        }
        if vxlan.local.is_multicast() || vxlan.remote.is_some_and(|to| to.is_ipv4() != vxlan.local.is_ipv4()) {
            return fail(Errno::Inval, "the addresses of a tunnel are of one family, and its own is no group");
        }
        if vxlan.device.is_none() && vxlan.remote.is_some_and(|remote| remote.is_multicast()) {
            return fail(Errno::Inval, "a group needs a device");
        }
        let most = self.widest(vxlan)?;
        if let Ok(Dev { kind: Kind::Single { single, .. }, fdb, .. }) = self.device(id) {
            if mtu.is_some_and(|mtu| mtu > most) && single.mtu != mtu {
                return fail(Errno::Inval, format!("the underlay takes an MTU of {most}"));
            }
            // Stricter than Linux, which takes it, and forgets the entry with the next remote.
            if vxlan.remote.is_some_and(|remote| fdb.contains(&(EVERYBODY, remote))) {
                return fail(Errno::Exist, format!("{id} has an entry for its remote"));
            }
        }
        Ok(())
    }

    /// The greatest MTU over the device that it sends by (`vxlan_change_mtu`).
    fn widest(&self, vxlan: &Vxlan) -> Result<u32, SimError> {
        let Some(name) = vxlan.device else { return Ok(65535) };
        let below = match self.host.device(name) {
            Ok(_) => self.host.mtu(name),
            Err(_) if name == nic() => NIC.2,
            Err(missing) => return Err(missing),
        };
        Ok(below.saturating_sub(AROUND_FRAMES[usize::from(vxlan.local.is_ipv6())]).max(68))
    }

    /// What a kernel looks at when a tunnel is made: nobody has its name on the underlay (`vxlan_vni_in_use`, `ip_tunnel_find`), also in no namespace
    /// that is gone and not cleaned up.
    pub(super) fn check_new_tunnel(&self, single: &Single) -> Result<(), SimError> {
        let Some(name) = single.kind.claims() else { return Ok(()) };
        if self.tunnel(&name).is_some() || self.held.iter().any(|(_, held)| *held == name) {
            return fail(Errno::Exist, format!("there is a device for {name}"));
        }
        Ok(())
    }

    /// A new device with the MTU that the kernel gives it: no more than fits (`vxlan_config_apply`).
    pub(super) fn fitted(&self, single: &Single) -> Result<Single, SimError> {
        let SingleKind::Vxlan(vxlan) = &single.kind else { return Ok(single.clone()) };
        let most = self.widest(vxlan)?;
        Ok(Single { mtu: single.mtu.map(|mtu| mtu.min(most)), ..single.clone() })
    }

    /// The device that has a name on the underlay.
    pub(super) fn tunnel(&self, name: &Key) -> Option<DeviceId> {
        self.singles().find(|(_, single, _)| single.kind.claims().as_ref() == Some(name)).map(|(id, ..)| id)
    }

    /// The devices with one name in all namespaces.
    fn singles(&self) -> impl Iterator<Item = (DeviceId, &Single, &Dev)> {
        self.spaces().flat_map(|(netns, space)| {
            let single = |(name, device)| Some((name, Dev::single(device)?, device));
            let singles = space.devices.iter().filter_map(single);
            singles.map(move |(name, single, device)| (DeviceId { netns: netns.clone(), name: *name }, single, device))
        })
    }

    /// The VXLAN devices that go with a device of the underlay (`vxlan_handle_lowerdev_unregister`).
    pub(super) fn over(&self, device: &DeviceId) -> Vec<DeviceId> {
        let over = |single: &Single| single.kind.underlay().as_ref() == Some(device);
        self.singles().filter(|(_, single, _)| over(single)).map(|(id, ..)| id).collect()
    }

    /// A VXLAN device opens its socket when it comes up: all that listen on a port of one family in one way share one (`vxlan_find_sock`).
    pub(super) fn check_socket(&self, id: &DeviceId) -> Result<(), SimError> {
        let Some(Single { kind: SingleKind::Vxlan(vxlan), .. }) = self.device(id)?.single() else { return Ok(()) };
        let taken = |other: &Vxlan| {
            let zero = |vxlan: &Vxlan| !vxlan.checksum;
            let v6 = vxlan.local.is_ipv6() && other.local.is_ipv6();
            v6 && other.port == vxlan.port && zero(other) != zero(vxlan)
        };
        let external = |port: &TunnelPort| port.external;
        let others = || self.facts.tunnel_ports.get(&vxlan.port).is_some_and(external);
        if self.vxlans_up().any(taken) || self.ovs.listens_on().any(|(port, ..)| port == vxlan.port) || others() {
            return fail(Errno::AddrInUse, format!("UDP port {} is used otherwise", vxlan.port));
        }
        Ok(())
    }

    /// Whether a plain VXLAN device listens on a port.
    pub(super) fn listens(&self, port: u16) -> bool {
        self.vxlans_up().any(|vxlan| vxlan.port == port)
    }

    fn vxlans_up(&self) -> impl Iterator<Item = &Vxlan> {
        self.vxlans().filter(|(.., device)| device.up).map(|(_, vxlan, _)| vxlan)
    }

    fn vxlans(&self) -> impl Iterator<Item = (DeviceId, &Vxlan, &Dev)> {
        self.singles().filter_map(|(id, single, device)| {
            let SingleKind::Vxlan(vxlan) = &single.kind else { return None };
            Some((id, vxlan, device))
        })
    }

    pub(super) fn add_fdb(&mut self, fdb: &Fdb) -> Result<(), SimError> {
        let device = self.device_mut(&fdb.device)?;
        let Some(Single { kind: SingleKind::Vxlan(vxlan), .. }) = device.single() else {
            return fail(Errno::OpNotSupp, format!("{} is no VXLAN device", fdb.device));
        };
        if vxlan.local.is_ipv4() != fdb.to.is_ipv4() {
            return fail(Errno::AfNoSupport, format!("{} has an underlay of another family", fdb.device));
        }
        // Stricter than Linux, which takes a second entry for everybody that is the same, or that the device has from its remote.
        let everybody = fdb.mac == EVERYBODY;
        let same = |(mac, to): &(Mac, IpAddr)| *mac == fdb.mac && (!everybody || *to == fdb.to);
        if device.fdb.iter().any(same) || everybody && vxlan.remote == Some(fdb.to) {
            return fail(Errno::Exist, format!("{} has an entry for {}", fdb.device, fdb.mac));
        }
        device.fdb.insert((fdb.mac, fdb.to));
        Ok(())
    }

    pub(super) fn set_neighbour(&mut self, neighbour: &Neighbour) -> Result<(), SimError> {
        let Neighbour { device: id, address, to } = neighbour;
        let mtu = self.space(&id.netns)?.mtu(id.name);
        let device = self.device_mut(id)?;
        let Some(Single { kind: SingleKind::Gre(Gre { remote: None, local, .. }), .. }) = device.single() else {
            return fail(Errno::OpNotSupp, format!("{id} is no GRE device that asks for neighbours"));
        };
        if local.is_ipv4() != to.is_ipv4() || address.is_ipv6() && mtu < super::space::IPV6_MIN_MTU {
            return fail(Errno::Inval, format!("{id} takes no such neighbour"));
        }
        device.neighbours.insert(*address, *to);
        Ok(())
    }

    /// The NICs of the host with their addresses, the one that all else leaves by, and who uses which UDP port, of others than a lab.
    pub(super) fn tell_underlay(&self, lab: &LabName, facts: &mut Facts) {
        let global = |net: &IpNet| match net.addr() {
            IpAddr::V4(a) => !a.is_link_local(),
            IpAddr::V6(a) => !a.is_unicast_link_local(),
        };
        for (name, found) in &mut facts.nics {
            let addresses = self.host.devices.get(name).into_iter().flat_map(|d| &d.addresses);
            found.addresses = addresses.map(|(net, _)| *net).filter(global).collect();
        }
        let own = || Nic { mtu: NIC.2, up: true, addresses: vec![NIC.1.parse().expect("a constant")] };
        facts.nics.entry(nic()).or_insert_with(own);
        let defaults = self.host.routes.values().filter(|entry| entry.route.to.prefix_len() == 0);
        let by = defaults.min_by_key(|entry| (entry.route.to.addr().is_ipv6(), entry.route.metric));
        facts.default_nic = facts.default_nic.or_else(|| Some(by.map_or_else(nic, |entry| entry.route.via[0].device)));
        facts.tunnel_ports.extend(self.tunnel_ports(lab));
    }

    fn tunnel_ports(&self, lab: &LabName) -> BTreeMap<u16, TunnelPort> {
        let of_others = |owner: &Owner| owner.as_ref() != Some(lab);
        let plain = self.vxlans().filter(|(.., device)| of_others(&device.owner));
        let plain = plain.map(|(id, vxlan, _)| (vxlan.port, TunnelPort { device: id.name, external: false }));
        let switched = self.ovs.listens_on().filter(|(_, owner)| of_others(owner)).map(|(port, _)| {
            let device = IfName::new(&format!("vxlan_sys_{port}")).expect("at most 15 bytes");
            (port, TunnelPort { device, external: true })
        });
        plain.chain(switched).collect()
    }
}

/// `ip_tunnel_change_mtu`, `ip6_tnl_change_mtu`; only packets over IPv4 can do without a remote.
fn check_gre(gre: &Gre, mtu: Option<u32>, ethernet: u32) -> Result<(), SimError> {
    let packets = ethernet == 0;
    if gre.remote.is_some_and(|to| to.is_ipv4() != gre.local.is_ipv4()) {
        return fail(Errno::Inval, "the addresses of a tunnel are of one family");
    }
    if gre.remote.is_none() && !(packets && gre.local.is_ipv4()) {
        return fail(Errno::Inval, "such a tunnel has a remote");
    }
    let outer = if gre.local.is_ipv4() { 20 } else { 40 };
    let optional = 4 * (u32::from(gre.key.is_some()) + u32::from(gre.checksum));
    let most = 65535 - outer - 4 - optional - ethernet;
    match mtu {
        Some(mtu) if !(68..=most).contains(&mtu) => fail(Errno::Inval, format!("an MTU of {mtu} is not 68 to {most}")),
        Some(_) | None => Ok(()),
    }
}

/// Permanent entries have no mark: they belong to whose device it is.
pub(super) fn entries(id: &DeviceId, device: &Dev) -> impl Iterator<Item = (Resource, Owner)> {
    let fdb = |(mac, to): &(Mac, IpAddr)| Resource::Fdb(Fdb { device: id.clone(), mac: *mac, to: *to });
    let neighbour = |(address, to): (&IpAddr, &IpAddr)| {
        Resource::Neighbour(Neighbour { device: id.clone(), address: *address, to: *to })
    };
    let all: Vec<Resource> = device.fdb.iter().map(fdb).chain(device.neighbours.iter().map(neighbour)).collect();
    all.into_iter().map(|entry| (entry, device.owner.clone()))
}
