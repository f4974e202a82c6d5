//! Lowering: from a checked topology to every resource of every host; each default is decided here.

use std::sync::Arc;

use indexmap::IndexMap;
use petgraph::graph::NodeIndex;

use crate::given::Given;
use crate::given::domains::ports;
use crate::given::interfaces::{InterfaceId, interfaces_of_nodes};
use crate::given::stacks::Stacks;
use crate::names::{HostId, IfName, Mac, NetnsName};
use crate::problem::Problem;
use crate::resource::{DeviceId, NetnsId};
use crate::state::{Facts, HostFacts, HostState};
use crate::topology::{Kind, Topology};

mod interface;
mod link;
mod lowered;
mod node;
mod origins;
mod ovs;
mod own;
mod qdisc;
mod routes;
mod switch;
#[cfg(test)]
mod tests;

use lowered::Lowered;
pub use origins::origins;

/// The codes of the problems told here.
mod codes {
    use crate::problem::Code;

    pub(super) const GATEWAY_UNREACHABLE: Code = Code(55);
    pub(super) const NO_SUCH_INTERFACE: Code = Code(56);
    pub(super) const ROUTE_TWICE: Code = Code(57);
    pub(super) const ROUTE_FAMILIES: Code = Code(58);
    pub(super) const SYSCTL_OF_MACHINE: Code = Code(59);
    pub(super) const SYSCTL_UNKNOWN: Code = Code(60);
    pub(super) const MTU_BELOW_IPV6: Code = Code(61);
    pub(super) const MTU_ABOVE_PARENT: Code = Code(62);
}

/// What should be true of every host.
pub type Desired = IndexMap<HostId, HostState>;

/// Every resource that a placed topology means, host by host, there node by node, then the interfaces that no link makes, then the routes.
pub fn lower(topology: &Topology, given: &Given, facts: &HostFacts) -> Result<Desired, Vec<Problem>> {
    let (mut desired, mut all) = (Desired::default(), Vec::new());
    for host in topology.hosts_used() {
        let (state, problems) = lower_on(&host, topology, given, facts, Lowered::default()).into_parts();
        desired.insert(host, state);
        all.extend(problems);
    }
    if all.is_empty() { Ok(desired) } else { Err(all) }
}

fn lower_on(host: &HostId, topology: &Topology, given: &Given, hosts: &HostFacts, mut lowered: Lowered) -> Lowered {
    let unknown = Facts::default();
    let interfaces = interfaces_of_nodes(topology);
    let stacks = Stacks::new(topology, given, &interfaces);
    let lab = Lab {
        topology,
        given,
        facts: hosts.get(host).unwrap_or(&unknown),
        interfaces: &interfaces,
        stacks,
        filtering: ports::filtering(topology),
        netns: topology.graph.node_indices().map(|node| netns_of(topology, node)).collect(),
        ipv6: has_ipv6(topology, given),
    };
    for node in topology.graph.node_indices().filter(|&node| topology.graph[node].is_on(host)) {
        match &topology.graph[node].kind {
            // It is the machine's, or nowhere.
            Kind::Nic { .. } | Kind::Overlay(_) => continue,
            Kind::Host => {}
            Kind::Namespace | Kind::Router => lab.lower_node(node, &mut lowered),
            Kind::Bridge(switch) => {
                lab.lower_node(node, &mut lowered);
                lab.lower_switch(node, switch, &mut lowered);
            }
            Kind::Ovs(switch, written) => {
                lab.lower_node(node, &mut lowered);
                lab.lower_ovs(node, switch, written, &mut lowered);
            }
        }
        for &id in &interfaces[node.index()] {
            let InterfaceId::End(edge, side) = id else { continue };
            // A link is made when its second node is there.
            let far = InterfaceId::End(edge, 1 - side);
            let is_last = far.is_beyond(topology) || far.node(topology) < node;
            if is_last || (far.node(topology) == node && side == 1) {
                lab.lower_link(edge, &mut lowered);
            }
        }
    }
    for &id in interfaces.iter().flatten().filter(|id| topology.graph[id.node(topology)].is_on(host)) {
        lab.lower_own(id, &mut lowered);
    }
    lab.lower_routes(host, &mut lowered);
    lowered
}

/// What is lowered.
struct Lab<'a> {
    topology: &'a Topology,
    given: &'a Given,
    facts: &'a Facts,
    interfaces: &'a [Vec<InterfaceId>],
    stacks: Stacks,
    /// By node index: whether a switch filters VLANs.
    filtering: Vec<bool>,
    /// By node index: the namespace of each, made once.
    netns: Vec<NetnsId>,
    /// Whether anything has an IPv6 address.
    ipv6: bool,
}

impl Lab<'_> {
    /// A device in the namespace of a node.
    fn device(&self, node: NodeIndex<u32>, name: IfName) -> DeviceId {
        DeviceId { netns: self.netns[node.index()].clone(), name }
    }

    /// The device that an interface is.
    fn device_of(&self, id: InterfaceId) -> DeviceId {
        self.device(id.node(self.topology), self.given.of(id).kernel)
    }

    /// The name of a switch's device, and its full name where that had to be shortened.
    fn switch_device(&self, node: NodeIndex<u32>) -> (IfName, Option<Arc<str>>) {
        let full = self.topology.graph[node].name.as_str();
        let short = IfName::shortened(full);
        (short, full_name(full, short))
    }

    fn derived_mac(&self, node: NodeIndex<u32>, interface: &str) -> Mac {
        Mac::derived(&self.topology.name, &self.topology.graph[node].name, interface)
    }
}

/// A name that the kernel's had to be shortened from.
fn full_name(full: &str, kernel: IfName) -> Option<Arc<str>> {
    (kernel.as_str() != full).then(|| full.into())
}

/// The namespace that a node is or, for a switch, lives in; a NIC of the machine is in the machine's own.
pub fn netns_of(topology: &Topology, node: NodeIndex<u32>) -> NetnsId {
    let node = &topology.graph[node];
    let in_host = match &node.kind {
        Kind::Ovs(..) => true,
        Kind::Bridge(switch) => switch.in_host,
        Kind::Nic { .. } | Kind::Host => true,
        Kind::Namespace | Kind::Router | Kind::Overlay(_) => false,
    };
    if in_host {
        return NetnsId::Host;
    }
    let name = NetnsName::new(&format!("{}{}", topology.prefix, node.name));
    NetnsId::Named(name.expect("a topology's prefix makes names of its nodes"))
}

/// Whether anything in the lab has an IPv6 address.
fn has_ipv6(topology: &Topology, given: &Given) -> bool {
    let switches = topology.graph.node_weights().filter_map(|n| n.switch());
    let on_interfaces = given.ends.iter().flatten().chain(given.own.iter().flatten()).flat_map(|i| &i.addresses);
    on_interfaces
        .chain(given.loopbacks.iter().flatten())
        .chain(switches.flat_map(|s| &s.addresses))
        .any(|a| a.addr().is_ipv6())
}
