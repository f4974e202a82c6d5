//! What can be seen of the simulated host: one thing by its name, and all that a scope asks for.

use std::collections::BTreeSet;

use super::settings::{qdisc, tuning};
use super::space::{Dev, Entry, Kind, Owner, Space};
use super::tunnels::entries;
use super::{Named, Sim};
use crate::names::{IfName, LabName, NetnsName, SysctlName};
use crate::resource::{Address, Aside, Device, DeviceId, Key, Netns, NetnsId, Ovs, Port, Ran, Resource, Sysctl, Veth};
use crate::state::{Foreign, Nic, Observed, Scope};

impl Sim {
    /// The labs that have a namespace here, or a bridge of Open vSwitch.
    pub fn labs(&self) -> BTreeSet<LabName> {
        let named = self.named.values().filter_map(|named| named.owner.clone());
        named.chain(self.ovs.owners().cloned()).collect()
    }

    /// What is so: everything of the scope's lab, and whoever holds the names that it asks for.
    pub fn observe(&self, scope: &Scope) -> Observed {
        let mut seen = Observed { facts: self.facts.clone(), ..Observed::default() };
        seen.facts.no_sysctl.clear();
        seen.facts.lacks.retain(|feature| scope.features.contains(feature));
        let nic = |(name, device): (&IfName, &Dev)| {
            (*name, Nic { mtu: self.host.mtu(*name), up: device.up, addresses: Vec::new() })
        };
        seen.facts.nics = self.host.devices.iter().map(nic).collect();
        if scope.underlay {
            self.tell_underlay(&scope.lab, &mut seen.facts);
        } else {
            (seen.facts.default_nic, seen.facts.tunnel_ports) = (None, Default::default());
        }
        for (resource, owner) in self.everything() {
            if owner.as_ref() == Some(&scope.lab) {
                seen.ours.insert(resource);
            } else if !matches!(resource, Resource::Up(_)) {
                let leans = self.stands_on_one_of(&scope.lab, &resource);
                let names = resource.claims().into_iter().filter(|name| leans || self.is_of(&scope.lab, &name.netns()));
                seen.others.extend(names.map(|name| (name, foreign(&resource, owner.clone()))));
            }
        }
        for name in &scope.names {
            self.look_for(name, &scope.lab, &mut seen);
        }
        for (key, held) in self.ledger.of(&scope.lab) {
            self.look_for(key, &scope.lab, &mut seen);
            seen.loans.insert(key.clone(), held);
        }
        seen
    }

    /// Adds who holds a name to what is seen. A setting always has a value: in the lab's own namespaces that is the lab's.
    fn look_for(&self, name: &Key, lab: &LabName, seen: &mut Observed) {
        if let Key::Sysctl(netns, sysctl) = name {
            let exists = match self.space(netns) {
                Ok(_) => self.has_sysctl(netns, sysctl) || sysctl.device().is_some(),
                Err(_) => sysctl.as_str().starts_with("net."),
            };
            if matches!(netns, NetnsId::Named(n) if self.named.contains_key(n)) && !self.is_of(lab, netns) {
                return;
            }
            if !exists || self.facts.no_sysctl.contains_key(&(netns.clone(), sysctl.clone())) {
                let name = (netns.clone(), sysctl.clone());
                let near = self.facts.no_sysctl.get(&name).cloned().unwrap_or_default();
                seen.facts.no_sysctl.insert(name, near);
                return;
            }
        }
        let Some((resource, owner)) = self.holder(name) else { return };
        // A knob always has a value; that of a device of others says nothing.
        if matches!(name, Key::Tuning(..)) && owner.as_ref() != Some(lab) {
            return;
        }
        if owner.as_ref() == Some(lab) {
            // What has been seen keeps its place, for the order of addresses means something.
            if seen.ours.get(&resource.key()).is_none() {
                seen.ours.insert(resource);
            }
            seen.others.shift_remove(name);
        } else {
            let owner = owner.or_else(|| self.ledger.other(lab, name).cloned());
            seen.others.insert(name.clone(), foreign(&resource, owner));
        }
    }

    fn is_of(&self, lab: &LabName, netns: &NetnsId) -> bool {
        match netns {
            NetnsId::Host => false,
            NetnsId::Named(name) => self.named.get(name).is_some_and(|n| n.owner.as_ref() == Some(lab)),
        }
    }

    /// Whether it is a device on one of the lab's: that can be in the way of what the lab wants there.
    fn stands_on_one_of(&self, lab: &LabName, resource: &Resource) -> bool {
        let Resource::Device(Device::Single(single)) = resource else { return false };
        let parent = single.kind.parent(&single.id).and_then(|parent| self.device(&parent).ok());
        parent.is_some_and(|parent| parent.owner.as_ref() == Some(lab))
    }

    /// What holds a name, and whose it is.
    fn holder(&self, name: &Key) -> Option<(Resource, Owner)> {
        match name {
            Key::Device(id) => self.whole_device(id),
            Key::Vni { .. } | Key::Gre(_) => self.whole_device(&self.tunnel(name)?),
            Key::Port(id) => self.current(name).or_else(|| self.ovs.port_of(id, &self.in_host())),
            Key::Ovs(key) => self.ovs.holder(key, &self.in_host()),
            Key::Netns(_)
            | Key::Up(_)
            | Key::PortVlans(_)
            | Key::Qdisc(_)
            | Key::Tuning(..)
            | Key::Address(..)
            | Key::Route { .. }
            | Key::Sysctl(..)
            | Key::Ran(..)
            | Key::Fdb(..)
            | Key::Neighbour(..) => self.current(name),
        }
    }

    /// What has this identity now, and whose it is.
    pub(super) fn current(&self, key: &Key) -> Option<(Resource, Owner)> {
        let space = |netns| self.space(netns).ok();
        match key {
            Key::Vni { .. } | Key::Gre(_) => None,
            Key::Fdb(id, ..) | Key::Neighbour(id, _) => {
                let device = space(&id.netns)?.devices.get(&id.name)?;
                entries(id, device).find(|(entry, _)| entry.key() == *key)
            }
            Key::Ovs(key) => self.ovs.current(key, &self.in_host()),
            Key::Netns(name) => self.named.get(name).map(|named| netns(name, named)),
            Key::Device(id) => self.whole_device(id).filter(|(resource, _)| resource.key() == *key),
            Key::Up(id) => up(id, space(&id.netns)?.devices.get(&id.name)?),
            Key::Port(id) => port(id, space(&id.netns)?.devices.get(&id.name)?),
            Key::PortVlans(id) => self.vlans(id, space(&id.netns)?.devices.get(&id.name)?),
            Key::Qdisc(id) => {
                let device = space(&id.netns)?.devices.get(&id.name)?;
                Some((qdisc(id, device)?, device.owner.clone()))
            }
            Key::Tuning(id, knob) => {
                let device = space(&id.netns)?.devices.get(&id.name)?;
                Some((tuning(id, device, *knob), device.owner.clone()))
            }
            Key::Address(id, _) => {
                let device = space(&id.netns)?.devices.get(&id.name)?;
                addresses(id, device).find(|(resource, _)| resource.key() == *key)
            }
            Key::Route { netns, table, to, metric } => space(netns)?.routes.get(&(*table, *to, *metric)).map(route),
            Key::Sysctl(netns, name) => {
                let space = space(netns).filter(|_| self.has_sysctl(netns, name))?;
                Some((sysctl(netns, name, space), self.owner_of(netns)))
            }
            Key::Ran(name, index) => {
                let netns = NetnsId::Named(name.clone());
                let digest = *space(&netns)?.ran.get(index)?;
                Some((ran(name, *index, digest), self.owner_of(&netns)))
            }
        }
    }

    /// Whether the host's own namespace has a device.
    fn in_host(&self) -> impl Fn(IfName) -> bool + '_ {
        |name| self.host.devices.contains_key(&name)
    }

    fn owner_of(&self, netns: &NetnsId) -> Owner {
        match netns {
            NetnsId::Host => None,
            NetnsId::Named(name) => self.named.get(name)?.owner.clone(),
        }
    }

    /// The device with one of these names; of `lo` the namespace that it belongs to.
    fn whole_device(&self, id: &DeviceId) -> Option<(Resource, Owner)> {
        let device = self.device(id).ok()?;
        let resource = match &device.kind {
            Kind::Lo => {
                let NetnsId::Named(name) = &id.netns else { return None };
                return Some(netns(name, self.named.get(name)?));
            }
            Kind::Veth { end, peer: Some(peer) } => match &self.device(peer).ok()?.kind {
                Kind::Veth { end: other, .. } => Device::Veth(Veth::new(end.clone(), other.clone())),
                Kind::Lo | Kind::Bridge(_) | Kind::Single { .. } | Kind::Switched | Kind::Other(_) => return None,
            },
            Kind::Veth { peer: None, .. } => stray(id, "veth whose other end is gone"),
            Kind::Switched => return self.ovs.of_device(id.name),
            Kind::Bridge(bridge) => Device::Bridge(bridge.clone()),
            Kind::Single { single, orphan: false } => Device::Single(Box::new(single.clone())),
            Kind::Single { single, orphan: true } => stray(id, &format!("{} whose parent is gone", single.kind.name())),
            Kind::Other(what) => stray(id, what),
        };
        Some((Resource::Device(resource), device.owner.clone()))
    }

    /// The VLANs of a device, where they mean anything.
    fn vlans(&self, id: &DeviceId, device: &Dev) -> Option<(Resource, Owner)> {
        let vlans = device.vlans.clone().filter(|_| self.filters(id))?;
        Some((Resource::PortVlans(vlans), device.owner.clone()))
    }

    fn everything(&self) -> Vec<(Resource, Owner)> {
        let mut all: Vec<_> = self.named.iter().map(|(name, named)| netns(name, named)).collect();
        all.extend(self.ovs.everything(&self.in_host()));
        let spaces: Vec<_> = self.spaces().collect();
        for (netns, space) in &spaces {
            let id = |name: &IfName| DeviceId { netns: netns.clone(), name: *name };
            for (id, device) in space.devices.iter().map(|(name, device)| (id(name), device)) {
                all.extend(self.current(&Key::Device(id.clone())).filter(|(r, _)| matches!(r, Resource::Device(_))));
                all.extend(up(&id, device).into_iter().chain(port(&id, device)).chain(addresses(&id, device)));
                all.extend(self.vlans(&id, device));
                all.extend(entries(&id, device));
                let by_hand = device.qdisc.as_ref().is_some_and(|root| root.by_hand);
                all.extend(qdisc(&id, device).map(|qdisc| (qdisc, device.owner.clone().filter(|_| !by_hand))));
                all.extend(device.noted.iter().map(|knob| (tuning(&id, device, *knob), device.owner.clone())));
            }
            all.extend(space.routes.values().map(route));
            if let NetnsId::Named(name) = netns {
                let remembered = space.remembered.iter();
                all.extend(remembered.map(|s| (sysctl(netns, s, space), self.owner_of(netns))));
                all.extend(space.ran.iter().map(|(index, digest)| (ran(name, *index, *digest), self.owner_of(netns))));
            }
        }
        all
    }
}

fn netns(name: &NetnsName, named: &Named) -> (Resource, Owner) {
    let netns = Netns { name: name.clone(), node: named.node.clone(), mounted: named.space.is_some() };
    (Resource::Netns(netns), named.owner.clone())
}

fn stray(id: &DeviceId, what: &str) -> Device {
    Device::Stray { id: id.clone(), what: what.into() }
}

/// Being up has no mark of its own: it belongs to whose device it is.
fn up(id: &DeviceId, device: &Dev) -> Option<(Resource, Owner)> {
    device.up.then(|| (Resource::Up(id.clone()), device.owner.clone()))
}

fn port(id: &DeviceId, device: &Dev) -> Option<(Resource, Owner)> {
    let master = device.master?;
    let port = Port { device: id.clone(), master, settings: device.settings };
    Some((Resource::Port(port), device.owner.clone()))
}

fn addresses(id: &DeviceId, device: &Dev) -> impl Iterator<Item = (Resource, Owner)> {
    let address = |net| Resource::Address(Address { device: id.clone(), net });
    device.addresses.iter().map(move |(net, owner)| (address(*net), owner.clone()))
}

fn route(entry: &Entry) -> (Resource, Owner) {
    (Resource::Route(entry.route.clone()), entry.owner.clone())
}

fn sysctl(netns: &NetnsId, name: &SysctlName, space: &Space) -> Resource {
    let value = space.sysctls.get(name).map_or_else(|| default_value(name), String::as_str);
    Resource::Sysctl(Sysctl { netns: netns.clone(), name: name.clone(), value: value.into() })
}

fn ran(netns: &NetnsName, index: u32, digest: u64) -> Resource {
    Resource::Ran(Ran { netns: netns.clone(), index, digest, argv: Aside::default() })
}

/// The value in a fresh namespace, for those that people set most.
pub(super) fn default_value(name: &SysctlName) -> &'static str {
    match name.as_str().rsplit('.').next().unwrap_or_default() {
        "accept_dad" | "accept_ra" | "autoconf" | "accept_redirects" | "send_redirects" => "1",
        "tcp_ecn" => "2",
        "hop_limit" | "ip_default_ttl" => "64",
        "ip_local_port_range" => "32768\t60999",
        "ping_group_range" => "1\t0",
        "tcp_congestion_control" => "cubic",
        "default_qdisc" => "pfifo_fast",
        _ => "0",
    }
}

fn foreign(resource: &Resource, lab: Owner) -> Foreign {
    let what = match resource {
        Resource::Fdb(_) => "an entry of a VXLAN device",
        Resource::Neighbour(_) => "a neighbour",
        Resource::Ovs(Ovs::Bridge(_)) => "a bridge of Open vSwitch",
        Resource::Ovs(Ovs::Port(_)) => "a port of Open vSwitch",
        Resource::Ovs(Ovs::Mirror(_)) => "a mirror of Open vSwitch",
        Resource::Ovs(Ovs::Qos(_)) => "a quality of service of Open vSwitch",
        Resource::Ovs(Ovs::Flows(_)) => "flows of Open vSwitch",
        Resource::Ovs(Ovs::Stray(stray)) => &stray.what,
        Resource::Netns(_) => "a network namespace",
        Resource::Device(Device::Veth(_)) => "a veth pair",
        Resource::Device(Device::Bridge(_)) => "a bridge",
        Resource::Device(Device::Single(single)) => single.kind.name(),
        Resource::Device(Device::Stray { what, .. }) => what,
        Resource::Up(_) => "a device that is up",
        Resource::Port(_) => "a port of a bridge",
        Resource::PortVlans(_) => "the VLANs of a port",
        Resource::Qdisc(_) => "a qdisc",
        Resource::Tuning(_) => "a setting of a device",
        Resource::Address(_) => "an address",
        Resource::Route(_) => "a route",
        Resource::Sysctl(_) => "a setting",
        Resource::Ran(_) => "a program",
    };
    let what = match (&lab, resource) {
        (Some(lab), _) => format!("{what} of lab {lab}"),
        (None, Resource::Sysctl(_)) => what.to_owned(),
        (None, _) => format!("{what} that netsim did not make"),
    };
    Foreign { what: what.into(), lab, resource: Some(resource.clone()) }
}
