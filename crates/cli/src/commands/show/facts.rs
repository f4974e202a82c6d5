//! What there is to show of a node, gathered from what was observed.

use netsim_core::names::{IfName, Mac};
use netsim_core::resource::{
    Device, DeviceId, Key, NetnsId, Ovs, OvsBridge, OvsKey, OvsPort, OvsPortKind, Port, Ran, Resource, SingleKind,
};
use netsim_core::state::Observed;
use netsim_host::linux::learnt::{self, Learnt};
use serde::Serialize;

use crate::node::Found;
use crate::planned::{Joins, Names};
use crate::render::text::{natural, words};

/// A node as it is.
#[derive(Debug, Serialize)]
pub struct NodeFacts {
    pub node: String,
    /// The namespace's name, or `the host's namespace`; what bridge of Open vSwitch it is.
    pub namespace: String,
    pub interfaces: Vec<Interface>,
    pub routes: Vec<Fact>,
    pub neighbours: Vec<Neighbour>,
    /// Of its bridges: where frames for an address go.
    pub forwarding: Vec<Forwarding>,
    /// Of a bridge of Open vSwitch.
    pub mirrors: Vec<Fact>,
    /// What its tunnels are told of the far side.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tunnels: Vec<Fact>,
    pub flows: Vec<Fact>,
    pub sysctls: Vec<Fact>,
    pub programs: Vec<String>,
}

/// An interface as it is.
#[derive(Debug, Clone, Serialize)]
pub struct Interface {
    pub name: String,
    /// Its name in the kernel.
    pub device: String,
    /// What it is, where no link makes it: `vlan`.
    pub kind: Option<&'static str>,
    /// What is particular to that: `802.1Q 10 on eth0`.
    pub about: Option<String>,
    pub up: bool,
    pub mtu: Option<u32>,
    pub mac: Option<String>,
    /// The other end of its wire, as `node:interface`.
    pub to: Option<String>,
    #[serde(skip)]
    pub far: Option<DeviceId>,
    /// The bridge of Open vSwitch that it is a port of.
    #[serde(skip)]
    pub ovs: Option<IfName>,
    /// The bridge, bond or VRF that it is a member of.
    pub bridge: Option<String>,
    /// The same, with what that is and how it treats the member: `port of sw (isolated)`.
    pub member: Option<String>,
    pub addresses: Vec<Fact>,
    /// What it does to the packets that it sends.
    pub impairment: Vec<Fact>,
    /// The VLANs that it takes as a port.
    pub vlans: Vec<Fact>,
    /// What else is set about it.
    pub settings: Vec<Fact>,
}

/// Something in words.
#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    pub text: String,
    /// False: somebody else put it there.
    pub ours: bool,
}

/// A line of a forwarding table.
#[derive(Debug, Clone, Serialize)]
pub struct Forwarding {
    pub bridge: String,
    pub mac: String,
    pub port: String,
    /// False: it was learnt from a frame, and will be forgotten.
    pub own: bool,
}

/// Who answers on a wire.
#[derive(Debug, Clone, Serialize)]
pub struct Neighbour {
    pub address: String,
    pub interface: String,
    pub mac: Option<String>,
}

impl Forwarding {
    pub fn words(&self) -> String {
        format!("{} to {}{}", self.mac, self.port, if self.own { " (its own)" } else { "" })
    }
}

impl Neighbour {
    pub fn words(&self) -> String {
        let mac = self.mac.as_ref().map_or_else(|| "does not answer".to_owned(), |m| format!("is at {m}"));
        format!("{} {mac} on {}", self.address, self.interface)
    }
}

/// All there is of a node.
pub fn node_facts(found: &Found, observed: &Observed, learnt: &Learnt, names: &Names) -> NodeFacts {
    let Found { node, netns, .. } = found;
    let bridge = ovs_bridge(found, observed);
    let mut interfaces = interfaces(netns, observed, names);
    if found.is_ovs {
        interfaces.retain(|i| bridge.is_some_and(|bridge| i.ovs == Some(bridge.name)));
    }
    if found.is_machine {
        interfaces.retain(|i| !is_of_switch(i, observed, names));
    }
    let name = |name| names.interface(&DeviceId { netns: netns.clone(), name }).to_owned();
    // The host's namespace has more than the lab.
    let here = |name: IfName| *netns != NetnsId::Host || interfaces.iter().any(|i| i.device == name.as_str());
    // Nobody has an Ethernet address there.
    let is_gre = |name: IfName| {
        let device = observed.ours.get(&Key::Device(DeviceId { netns: netns.clone(), name }));
        matches!(device, Some(Resource::Device(Device::Single(s))) if matches!(s.kind, SingleKind::Gre(_)))
    };
    let forwarding = |f: &learnt::Forwarding| Forwarding {
        bridge: name(f.bridge),
        mac: f.mac.to_string(),
        port: name(f.port),
        own: f.own,
    };
    let neighbour = |n: &learnt::Neighbour| Neighbour {
        address: n.address.to_string(),
        interface: name(n.device),
        mac: n.mac.map(|m| m.to_string()),
    };
    let mut facts = NodeFacts {
        node: node.to_string(),
        namespace: match (bridge, netns) {
            (Some(bridge), _) => {
                let bridge = words::with("OVS bridge".to_owned(), &words::ovs::bridge_about(bridge));
                format!("{bridge} in the host's namespace")
            }
            (None, NetnsId::Host) => "the host's namespace".to_owned(),
            (None, NetnsId::Named(name)) => format!("namespace {name}"),
        },
        routes: Vec::new(),
        neighbours: learnt.neighbours.iter().filter(|n| here(n.device) && !is_gre(n.device)).map(neighbour).collect(),
        forwarding: learnt.forwarding.iter().filter(|f| here(f.port)).map(forwarding).collect(),
        mirrors: Vec::new(),
        tunnels: Vec::new(),
        flows: Vec::new(),
        sysctls: Vec::new(),
        programs: Vec::new(),
        interfaces: Vec::new(),
    };
    facts.interfaces = interfaces;
    for (resource, ours) in all(observed).filter(|(r, _)| r.key().netns() == *netns) {
        match resource {
            Resource::Fdb(_) | Resource::Neighbour(_) => {
                let text = words::noun(resource, names, Some(netns));
                facts.tunnels.push(Fact { text, ours });
            }
            Resource::Ovs(Ovs::Mirror(m)) if bridge.is_some_and(|bridge| m.bridge == bridge.name) => {
                let text = words::ovs::on_bridge(&Ovs::Mirror(m.clone()), names);
                facts.mirrors.push(Fact { text, ours });
            }
            Resource::Ovs(Ovs::Flows(f)) if bridge.is_some_and(|bridge| f.bridge == bridge.name) => {
                facts.flows.push(Fact { text: words::ovs::flows(f), ours });
            }
            Resource::Ovs(_) => {}
            Resource::Route(r) => facts.routes.push(Fact { text: words::route(r, names), ours }),
            Resource::Sysctl(s) => {
                facts.sysctls.push(Fact { text: format!("{} = {}", s.name, s.value.replace('\t', " ")), ours });
            }
            Resource::Ran(ran) => {
                let ran = Resource::Ran(with_arguments(ran, &found.exec));
                facts.programs.push(words::noun(&ran, names, Some(netns)));
            }
            Resource::Netns(_) | Resource::Device(_) | Resource::Up(_) | Resource::Port(_) => {}
            Resource::PortVlans(_) | Resource::Qdisc(_) | Resource::Tuning(_) | Resource::Address(_) => {}
        }
    }
    facts.routes.sort_by_cached_key(|f| (!f.text.starts_with("default"), natural(&f.text)));
    facts.tunnels.sort_by_cached_key(|f| natural(&f.text));
    facts.sysctls.sort_by_cached_key(|f| natural(&f.text));
    facts
}

/// Whether a device of the host's namespace is a switch, or a port of one.
fn is_of_switch(interface: &Interface, observed: &Observed, names: &Names) -> bool {
    let Ok(name) = IfName::new(&interface.device) else { return false };
    let id = DeviceId { netns: NetnsId::Host, name };
    let is_port = port(&id, observed).is_some_and(|port| names.joins(&port.master()) == Joins::Bridge);
    interface.ovs.is_some() || is_port || names.is_bridge(&id)
}

/// The bridge of Open vSwitch that a node is, if that is there.
fn ovs_bridge<'a>(found: &Found, observed: &'a Observed) -> Option<&'a OvsBridge> {
    observed.ours.iter().find_map(|(_, resource)| match resource {
        Resource::Ovs(Ovs::Bridge(bridge)) if bridge.node == found.node => Some(&**bridge),
        _ => None,
    })
}

/// A program that has run, with its arguments where they are those that were applied: a machine remembers a hash of them alone.
fn with_arguments(ran: &Ran, exec: &[Vec<String>]) -> Ran {
    let applied = exec.get(ran.index as usize).map(|argv| Ran::new(ran.netns.clone(), ran.index, argv));
    applied.filter(|applied| applied == ran).unwrap_or_else(|| ran.clone())
}

fn all(observed: &Observed) -> impl Iterator<Item = (&Resource, bool)> {
    let others = observed.others.values().filter_map(|f| Some((f.resource.as_ref()?, false)));
    observed.ours.iter().map(|(_, r)| (r, true)).chain(others)
}

/// The interfaces of a namespace, `lo` first; of the host's only the lab's.
pub fn interfaces(netns: &NetnsId, observed: &Observed, names: &Names) -> Vec<Interface> {
    let mut interfaces: Vec<Interface> = Vec::new();
    let new = |id: &DeviceId| {
        let (port, on_ovs) = (port(id, observed), ovs_port(id, observed));
        Interface {
            name: names.interface(id).to_owned(),
            device: id.name.to_string(),
            up: observed.ours.get(&Key::Up(id.clone())).is_some() || observed.others.contains_key(&Key::Up(id.clone())),
            kind: None,
            about: None,
            mtu: None,
            mac: None,
            to: None,
            far: None,
            ovs: names.ovs_bridge(id),
            bridge: port
                .map(|p| names.interface(&p.master()).to_owned())
                .or_else(|| on_ovs.map(|p| names.ovs_node(p.bridge).to_owned())),
            member: port
                .map(|p| member(p, names))
                .or_else(|| on_ovs.map(|p| format!("port of {}", names.ovs_node(p.bridge)))),
            addresses: addresses(id, observed),
            impairment: told(id, observed, |r| matches!(r, Resource::Qdisc(_) | Resource::Ovs(Ovs::Qos(_)))),
            vlans: and(told(id, observed, |r| matches!(r, Resource::PortVlans(_))), on_ovs.and_then(words::ovs::vlans)),
            settings: and(
                told(id, observed, |r| matches!(r, Resource::Tuning(_))),
                on_ovs.into_iter().flat_map(|p| words::ovs::isolated(p).into_iter().chain(words::ovs::policing(p))),
            ),
        }
    };
    for (resource, _) in all(observed) {
        match resource {
            Resource::Fdb(_) | Resource::Neighbour(_) => {}
            Resource::Ovs(o) if *netns == NetnsId::Host => interfaces.extend(of_ovs(o, names, &new)),
            Resource::Netns(n) if NetnsId::Named(n.name.clone()) == *netns => interfaces.push(new(&n.lo())),
            Resource::Device(Device::Veth(v)) => {
                let [a, b] = v.ends();
                for (near, far) in [(a, b), (b, a)].into_iter().filter(|(near, _)| near.id.netns == *netns) {
                    interfaces.push(Interface {
                        mtu: Some(near.mtu),
                        mac: Some(near.mac.to_string()),
                        to: Some(names.end(&far.id)),
                        far: Some(far.id.clone()),
                        ..new(&near.id)
                    });
                }
            }
            Resource::Device(Device::Bridge(b)) if b.id.netns == *netns => {
                interfaces.push(Interface { mac: Some(b.mac.to_string()), ..new(&b.id) });
            }
            Resource::Device(Device::Single(s)) if s.id.netns == *netns => interfaces.push(Interface {
                kind: Some(s.kind.name()),
                about: words::about(s, names),
                mtu: s.mtu,
                mac: s.mac.map(|mac| mac.to_string()),
                ..new(&s.id)
            }),
            Resource::Device(Device::Stray { id, .. }) if id.netns == *netns => interfaces.push(new(id)),
            Resource::Netns(_) | Resource::Device(_) | Resource::Up(_) | Resource::Port(_) => {}
            Resource::PortVlans(_) | Resource::Qdisc(_) | Resource::Tuning(_) => {}
            Resource::Address(_) | Resource::Route(_) | Resource::Sysctl(_) | Resource::Ran(_) => {}
            Resource::Ovs(_) => {}
        }
    }
    interfaces.sort_by_cached_key(|i| (i.device != IfName::LO.as_str(), natural(&i.name)));
    interfaces
}

/// What Open vSwitch itself makes: local ports, internal ones, and patch ports, which are no devices.
fn of_ovs(ovs: &Ovs, names: &Names, new: &dyn Fn(&DeviceId) -> Interface) -> Option<Interface> {
    let of_host = |name| DeviceId { netns: NetnsId::Host, name };
    let device =
        |name, kind, mac: Mac| Some(Interface { kind: Some(kind), mac: Some(mac.to_string()), ..new(&of_host(name)) });
    match ovs {
        Ovs::Bridge(bridge) => device(bridge.name, "local port", bridge.mac),
        Ovs::Port(port) => match &port.kind {
            OvsPortKind::Tunnel(tunnel) => Some(Interface {
                kind: Some(words::ovs::port_word(&port.kind)),
                about: Some(words::tunnel::ovs(tunnel).join(", ")),
                up: true,
                ..new(&of_host(port.name))
            }),
            OvsPortKind::Device => None,
            OvsPortKind::Internal { mac } => device(port.name, words::ovs::port_word(&port.kind), *mac),
            OvsPortKind::Patch { peer } => Some(Interface {
                up: true,
                to: Some(names.ovs_end(*peer)),
                far: Some(of_host(*peer)),
                ..new(&of_host(port.name))
            }),
        },
        Ovs::Mirror(_) | Ovs::Qos(_) | Ovs::Flows(_) => None,
        Ovs::Stray(stray) => {
            let interface = of_ovs(&stray.of, names, new)?;
            Some(Interface { about: Some(stray.what.to_string()), up: false, ..interface })
        }
    }
}

fn ovs_port<'a>(id: &DeviceId, observed: &'a Observed) -> Option<&'a OvsPort> {
    match observed.ours.get(&Key::Ovs(OvsKey::Port(id.name)))? {
        Resource::Ovs(Ovs::Port(p)) if id.netns == NetnsId::Host => Some(p),
        _ => None,
    }
}

fn port<'a>(id: &DeviceId, observed: &'a Observed) -> Option<&'a Port> {
    match observed.ours.get(&Key::Port(id.clone()))? {
        Resource::Port(p) => Some(p),
        _ => None,
    }
}

/// `port of sw (isolated)`, `member of bond0`.
fn member(port: &Port, names: &Names) -> String {
    let what = match names.joins(&port.master()) {
        Joins::Bridge => "port",
        Joins::Bond | Joins::Vrf => "member",
    };
    let text = format!("{what} of {}", names.interface(&port.master()));
    words::with(text, &words::settings(port.settings))
}

/// What is said of a port of the lab beside that.
fn and(mut told: Vec<Fact>, of_port: impl IntoIterator<Item = String>) -> Vec<Fact> {
    told.extend(of_port.into_iter().map(|text| Fact { text, ours: true }));
    told
}

/// What is said of it in words, of one kind.
fn told(id: &DeviceId, observed: &Observed, of: impl Fn(&Resource) -> bool) -> Vec<Fact> {
    let mut told: Vec<Fact> = all(observed)
        .filter(|(resource, _)| of(resource))
        .filter_map(|(resource, ours)| match resource {
            Resource::Qdisc(q) if q.device == *id => Some(Fact { text: words::whole(&q.kind), ours }),
            _ => words::of_end(resource).filter(|(device, _)| device == id).map(|(_, text)| Fact { text, ours }),
        })
        .collect();
    told.sort_by_cached_key(|f| natural(&f.text));
    told
}

fn addresses(id: &DeviceId, observed: &Observed) -> Vec<Fact> {
    let on = |(resource, ours): (&Resource, bool)| match resource {
        Resource::Address(a) if a.device == *id => Some(Fact { text: a.net.to_string(), ours }),
        _ => None,
    };
    all(observed).filter_map(on).collect()
}
