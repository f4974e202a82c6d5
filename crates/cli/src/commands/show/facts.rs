//! What there is to show of a node, gathered from what was observed.

use netsim_core::names::IfName;
use netsim_core::resource::{Device, DeviceId, Key, NetnsId, Ran, Resource};
use netsim_core::state::Observed;
use netsim_host::linux::learnt::{self, Learnt};
use serde::Serialize;

use crate::node::Found;
use crate::planned::Names;
use crate::render::text::{natural, words};

/// A node as it is.
#[derive(Debug, Serialize)]
pub struct NodeFacts {
    pub node: String,
    /// The namespace's name, or `the host's namespace`.
    pub namespace: String,
    pub interfaces: Vec<Interface>,
    pub routes: Vec<Fact>,
    pub neighbours: Vec<Neighbour>,
    /// Of its bridges: where frames for an address go.
    pub forwarding: Vec<Forwarding>,
    pub sysctls: Vec<Fact>,
    pub programs: Vec<String>,
}

/// An interface as it is.
#[derive(Debug, Clone, Serialize)]
pub struct Interface {
    pub name: String,
    /// Its name in the kernel.
    pub device: String,
    pub up: bool,
    pub mtu: Option<u32>,
    pub mac: Option<String>,
    /// The other end of its wire, as `node:interface`.
    pub to: Option<String>,
    #[serde(skip)]
    pub far: Option<DeviceId>,
    /// The bridge that it is a port of.
    pub bridge: Option<String>,
    pub addresses: Vec<Fact>,
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
    let interface = |name| names.interface(&DeviceId { netns: netns.clone(), name }).to_owned();
    let forwarding = |f: &learnt::Forwarding| Forwarding {
        bridge: interface(f.bridge),
        mac: f.mac.to_string(),
        port: interface(f.port),
        own: f.own,
    };
    let neighbour = |n: &learnt::Neighbour| Neighbour {
        address: n.address.to_string(),
        interface: interface(n.device),
        mac: n.mac.map(|m| m.to_string()),
    };
    let mut facts = NodeFacts {
        node: node.to_string(),
        namespace: match netns {
            NetnsId::Host => "the host's namespace".to_owned(),
            NetnsId::Named(name) => format!("namespace {name}"),
        },
        interfaces: interfaces(netns, observed, names),
        routes: Vec::new(),
        neighbours: learnt.neighbours.iter().map(neighbour).collect(),
        forwarding: learnt.forwarding.iter().map(forwarding).collect(),
        sysctls: Vec::new(),
        programs: Vec::new(),
    };
    for (resource, ours) in all(observed).filter(|(r, _)| r.key().netns() == *netns) {
        match resource {
            Resource::Ovs(_) => todo!("ovs"),
            Resource::Route(r) => facts.routes.push(Fact { text: words::route(r, names), ours }),
            Resource::Sysctl(s) => {
                facts.sysctls.push(Fact { text: format!("{} = {}", s.name, s.value.replace('\t', " ")), ours });
            }
            Resource::Ran(ran) => {
                let ran = Resource::Ran(with_arguments(ran, &found.exec));
                facts.programs.push(words::noun(&ran, names, Some(netns)));
            }
            Resource::Netns(_) | Resource::Device(_) | Resource::Up(_) => {}
            Resource::Port(_) | Resource::PortVlans(_) | Resource::Qdisc(_) => {}
            Resource::Tuning(_) | Resource::Address(_) => {}
        }
    }
    facts.routes.sort_by_cached_key(|f| (!f.text.starts_with("default"), natural(&f.text)));
    facts.sysctls.sort_by_cached_key(|f| natural(&f.text));
    facts
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
    let new = |id: &DeviceId| Interface {
        name: names.interface(id).to_owned(),
        device: id.name.to_string(),
        up: observed.ours.get(&Key::Up(id.clone())).is_some() || observed.others.contains_key(&Key::Up(id.clone())),
        mtu: None,
        mac: None,
        to: None,
        far: None,
        bridge: None,
        addresses: addresses(id, observed),
    };
    for (resource, _) in all(observed) {
        match resource {
            Resource::Ovs(_) => todo!("ovs"),
            Resource::Netns(n) if NetnsId::Named(n.name.clone()) == *netns => interfaces.push(new(&n.lo())),
            Resource::Device(Device::Veth(v)) => {
                let [a, b] = v.ends();
                for (near, far) in [(a, b), (b, a)].into_iter().filter(|(near, _)| near.id.netns == *netns) {
                    interfaces.push(Interface {
                        mtu: Some(near.mtu),
                        mac: Some(near.mac.to_string()),
                        to: Some(names.end(&far.id)),
                        far: Some(far.id.clone()),
                        bridge: bridge(&near.id, observed),
                        ..new(&near.id)
                    });
                }
            }
            Resource::Device(Device::Bridge(b)) if b.id.netns == *netns => {
                interfaces.push(Interface { mac: Some(b.mac.to_string()), ..new(&b.id) });
            }
            Resource::Device(Device::Stray { id, .. }) if id.netns == *netns => interfaces.push(new(id)),
            Resource::Netns(_) | Resource::Device(_) | Resource::Up(_) | Resource::Port(_) => {}
            Resource::PortVlans(_) | Resource::Qdisc(_) | Resource::Tuning(_) => {}
            Resource::Address(_) | Resource::Route(_) | Resource::Sysctl(_) | Resource::Ran(_) => {}
        }
    }
    interfaces.sort_by_cached_key(|i| (i.device != IfName::LO.as_str(), natural(&i.name)));
    interfaces
}

fn bridge(id: &DeviceId, observed: &Observed) -> Option<String> {
    match observed.ours.get(&Key::Port(id.clone()))? {
        Resource::Port(p) => Some(p.master.to_string()),
        _ => None,
    }
}

fn addresses(id: &DeviceId, observed: &Observed) -> Vec<Fact> {
    let on = |(resource, ours): (&Resource, bool)| match resource {
        Resource::Address(a) if a.device == *id => Some(Fact { text: a.net.to_string(), ours }),
        _ => None,
    };
    all(observed).filter_map(on).collect()
}
