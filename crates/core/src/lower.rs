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
use crate::routing::Routes;
use crate::state::{Facts, HostFacts, HostState};
use crate::topology::{Kind, Routing, Topology};

mod behind;
mod interface;
mod link;
mod lowered;
mod node;
mod origins;
mod overlay;
mod ovs;
mod own;
mod qdisc;
mod routes;
mod sizes;
mod sockets;
mod switch;
#[cfg(test)]
mod tests;
mod tunnels;
mod underlay;

use behind::Behind;
pub use codes::UNDERLAY;
use lowered::Lowered;
pub use origins::origins;
use tunnels::Tunnels;
use underlay::Underlay;

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
    /// Where a host is for the others: not known, or not as written.
    pub const UNDERLAY: Code = Code(195);
    pub(super) const NO_FAMILY: Code = Code(196);
    pub(super) const MTU_ABOVE_UNDERLAY: Code = Code(197);
    pub(super) const CHECKSUMS: Code = Code(198);
}

/// What should be true of every host.
pub type Desired = IndexMap<HostId, HostState>;

/// Every resource that a placed topology means, host by host, there node by node, then the interfaces that no link makes, then the routes.
pub fn lower(topology: &Topology, given: &Given, facts: &HostFacts) -> Result<Desired, Vec<Problem>> {
    let (whole, mut all) = Whole::new(topology, given, facts);
    let mut routes = whole.routes(&mut all);
    let mut desired = Desired::default();
    for host in topology.hosts_used() {
        let (state, problems) = whole.lower_on(&host, facts, &mut routes, Lowered::default()).into_parts();
        desired.insert(host, state);
        all.extend(problems);
    }
    if all.is_empty() { Ok(desired) } else { Err(all) }
}

/// What keeps tunnels from passing anything on these hosts though it can be said what they are: an underlay address that a host does not have, or a NIC that is
/// down. To be told before anything is made; what runs already is looked at all the same.
pub fn unfit(topology: &Topology, facts: &HostFacts) -> Vec<Problem> {
    Underlay::new(topology, facts).0.unfit(topology, facts)
}

/// What all hosts have in common.
struct Whole<'a> {
    topology: &'a Topology,
    given: &'a Given,
    interfaces: Vec<Vec<InterfaceId>>,
    stacks: Stacks,
    filtering: Vec<bool>,
    netns: Vec<NetnsId>,
    ipv6: bool,
    tunnels: Tunnels,
    behind: Vec<Behind>,
    /// Of a host that nobody looked at.
    nothing: Facts,
}

impl<'a> Whole<'a> {
    /// With the problems of what hosts cannot agree on.
    fn new(topology: &'a Topology, given: &'a Given, facts: &HostFacts) -> (Self, Vec<Problem>) {
        let interfaces = interfaces_of_nodes(topology);
        let stacks = Stacks::new(topology, given, &interfaces);
        let filtering = ports::filtering(topology);
        let (tunnels, problems) = Tunnels::new(topology, &stacks, &filtering, facts);
        let mut whole = Whole {
            topology,
            given,
            interfaces,
            stacks,
            filtering,
            netns: topology.graph.node_indices().map(|node| netns_of(topology, node)).collect(),
            ipv6: has_ipv6(topology, given),
            tunnels,
            behind: Vec::new(),
            nothing: Facts::default(),
        };
        whole.behind = whole.lab(&whole.nothing).behind_all();
        (whole, problems)
    }

    /// The routes of shortest paths, where they are asked for.
    fn routes(&self, problems: &mut Vec<Problem>) -> Option<Routes<'a>> {
        match self.topology.routing {
            Routing::Written => None,
            Routing::Static => Routes::new(self.topology, self.given).map_err(|told| problems.extend(told)).ok(),
        }
    }

    fn lab<'b>(&'b self, facts: &'b Facts) -> Lab<'b> {
        Lab {
            topology: self.topology,
            given: self.given,
            facts,
            interfaces: &self.interfaces,
            stacks: &self.stacks,
            filtering: &self.filtering,
            netns: &self.netns,
            ipv6: self.ipv6,
            tunnels: &self.tunnels,
            behind: &self.behind,
        }
    }

    fn lower_on(
        &self,
        host: &HostId,
        facts: &HostFacts,
        routes: &mut Option<Routes<'_>>,
        mut lowered: Lowered,
    ) -> Lowered {
        let lab = self.lab(facts.get(host).unwrap_or(&self.nothing));
        let graph = &self.topology.graph;
        for node in graph.node_indices().filter(|&node| graph[node].is_on(host)) {
            lab.lower_nodes_own(node, &mut lowered);
            for &id in &self.interfaces[node.index()] {
                let InterfaceId::End(edge, side) = id else { continue };
                // A link is made when its second node is there.
                let far = InterfaceId::End(edge, 1 - side);
                let is_last = far.is_beyond(self.topology) || far.node(self.topology) < node;
                if is_last || (far.node(self.topology) == node && side == 1) {
                    lab.lower_link(edge, &mut lowered);
                }
            }
        }
        for &id in self.interfaces.iter().flatten().filter(|id| graph[id.node(self.topology)].is_on(host)) {
            lab.lower_own(id, &mut lowered);
        }
        lab.lower_routes(host, routes.as_mut(), &mut lowered);
        lowered
    }
}

/// What is lowered, as one host sees it.
struct Lab<'a> {
    topology: &'a Topology,
    given: &'a Given,
    /// What the host can do and has.
    facts: &'a Facts,
    interfaces: &'a [Vec<InterfaceId>],
    stacks: &'a Stacks,
    /// By node index: whether a switch filters VLANs.
    filtering: &'a [bool],
    /// By node index: the namespace of each, made once.
    netns: &'a [NetnsId],
    /// Whether anything has an IPv6 address.
    ipv6: bool,
    tunnels: &'a Tunnels,
    /// By edge index: of the ends of overlays.
    behind: &'a [Behind],
}

impl Lab<'_> {
    /// What a node is but for its interfaces.
    fn lower_nodes_own(&self, node: NodeIndex<u32>, lowered: &mut Lowered) {
        match &self.topology.graph[node].kind {
            // It is the machine's, or nowhere.
            Kind::Nic { .. } | Kind::Overlay(_) => {}
            Kind::Namespace | Kind::Router | Kind::Host => self.lower_node(node, lowered),
            Kind::Bridge(switch) => {
                self.lower_node(node, lowered);
                self.lower_switch(node, switch, lowered);
            }
            Kind::Ovs(switch, written) => {
                self.lower_node(node, lowered);
                self.lower_ovs(node, switch, written, lowered);
            }
        }
    }

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
