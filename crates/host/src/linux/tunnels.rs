//! Tunnels whose underlay is the host's own namespace, wherever they are: they share its UDP ports and its GRE keys.

use std::collections::BTreeMap;

use netsim_core::names::{IfName, LabName, NetnsName};
use netsim_core::resource::{DeviceId, Gre, GreKey, Key, NetnsId};
use netsim_core::state::{Foreign, Observed, TunnelPort};

use super::device::{Kind, Link, Listens, Sort, lab_of};
use super::observe::{Asked, is_of_lab};

/// The beginning of the names that devices have in the host's namespace before they are moved to their nodes.
const ON_ITS_WAY: &str = "netsim-";

/// The name that a device has in the host's namespace before it is moved to its node: no two devices have the same.
pub(crate) fn name_on_its_way(lab: &LabName, id: &DeviceId) -> IfName {
    let hash = netsim_core::names::stable_hash(&[lab.as_str(), &id.to_string()]);
    IfName::new(&format!("{ON_ITS_WAY}{:08x}", hash as u32)).expect("15 bytes without a slash or a space")
}

/// Whether a device of ours was left on its way to its node.
pub(crate) fn is_on_its_way(id: &DeviceId) -> bool {
    let rest = id.name.as_str().strip_prefix(ON_ITS_WAY).filter(|_| id.netns == NetnsId::Host);
    rest.is_some_and(|hash| hash.len() == 8 && hash.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether the underlay of a tunnel is the host's namespace; `home` is the number that its own has for that.
pub(crate) fn is_over_host(link: &Link, netns: &NetnsId, home: Option<i32>) -> bool {
    match (netns, link.peer.and_then(|(_, number)| number)) {
        (NetnsId::Host, underlay) => underlay.is_none(),
        (NetnsId::Named(_), underlay) => underlay.is_some() && underlay == home,
    }
}

/// The tunnels of others.
#[derive(Debug, Default)]
pub(crate) struct Tunnels(Vec<Tunnel>);

#[derive(Debug)]
struct Tunnel {
    link: Link,
    lab: Option<LabName>,
    /// The namespace that it is in, where that is not the host's.
    netns: Option<NetnsName>,
}

impl Tunnels {
    /// Those in the host's namespace that are not of this lab.
    pub(crate) fn of_host(lab: &LabName, links: &[Link]) -> Self {
        let others = links
            .iter()
            .filter(|link| link.is_tunnel() && !is_of_lab(lab, link) && is_over_host(link, &NetnsId::Host, None));
        let tunnel = |link: &Link| Tunnel { link: link.clone(), lab: lab_of(&link.alias), netns: None };
        Tunnels(others.map(tunnel).collect())
    }

    /// Adds those in a namespace that is not of this lab.
    pub(crate) fn add(&mut self, netns: &NetnsName, lab: Option<&LabName>, links: Vec<Link>) {
        let tunnel = |link| Tunnel { link, lab: lab.cloned(), netns: Some(netns.clone()) };
        self.0.extend(links.into_iter().map(tunnel));
    }

    /// Tells of those that hold a name that is asked for.
    pub(crate) fn tell(&self, observed: &mut Observed, asked: &Asked) {
        for tunnel in &self.0 {
            let Some(key) = tunnel.key().filter(|key| asked.keys.contains(key)) else { continue };
            observed
                .others
                .insert(key, Foreign { what: tunnel.words().into(), lab: tunnel.lab.clone(), resource: None });
        }
    }

    /// Who uses which UDP port.
    pub(crate) fn ports(&self) -> BTreeMap<u16, TunnelPort> {
        let port = |tunnel: &Tunnel| {
            let Listens { port, vni } = tunnel.link.listens?;
            Some((port, TunnelPort { device: tunnel.link.name, external: vni.is_none() }))
        };
        let mut ports = BTreeMap::new();
        for (port, user) in self.0.iter().filter_map(port) {
            ports.entry(port).or_insert(user);
        }
        ports
    }
}

impl Tunnel {
    /// What it alone can be on the host.
    fn key(&self) -> Option<Key> {
        if let Some(Listens { port, vni }) = self.link.listens {
            return Some(Key::Vni { port, vni: vni? });
        }
        let of = |frames, Gre { local, remote, key, .. }| Some(Key::Gre(GreKey { frames, local, remote, key }));
        match self.link.kind {
            Kind::Single(Sort::Gretap(gre)) => of(true, gre),
            Kind::Single(Sort::Gre(gre)) => of(false, gre),
            Kind::Veth | Kind::Bridge(_) | Kind::Single(_) | Kind::Switched { .. } | Kind::Other(_) => None,
        }
    }

    fn words(&self) -> String {
        let kind = match &self.link.kind {
            Kind::Single(sort) => sort.name(),
            Kind::Veth | Kind::Bridge(_) | Kind::Switched { .. } | Kind::Other(_) => "vxlan",
        };
        let name = self.link.name;
        let place = self.netns.as_ref().map_or_else(|| name.to_string(), |netns| format!("{netns}/{name}"));
        match &self.lab {
            Some(lab) => format!("{kind} {place} of lab {lab}"),
            None => format!("{kind} {place} made by hand"),
        }
    }
}
