//! The topology: what the file means, checked, as a graph of nodes and links.

use std::time::Duration;

use indexmap::IndexMap;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use petgraph::graph::{EdgeIndex, NodeIndex, UnGraph};
use std::net::IpAddr;

use crate::names::{HostId, LabName, Mac, NodeName, SysctlName};
use crate::problem::Place;

mod asked;
mod building;
mod check;
mod codes;
mod domains;
mod endpoints;
mod ends;
mod gateways;
mod hosts;
mod interfaces;
mod layers;
mod links;
mod mirrors;
mod nics;
mod nodes;
mod overlay;
mod ovs;
mod pools;
mod ports;
mod problems;
mod quantities;
mod ranges;
mod realms;
mod spread;
mod stacking;
mod treatment;
mod uniqueness;
mod values;

pub use check::check;
pub(crate) use domains::too_many_ports;
pub use hosts::{HostWritten, On};
pub use interfaces::{
    BondWritten, Impairment, LONGEST_DELAY, LONGEST_JITTER, LinkKind, LossWritten, OwnKind, Owned, PortWritten, RATES,
    Trunk, Written,
};
pub use overlay::{Overlay, OverlayKind, OverlayWritten};
pub use ovs::{Direction, MirrorWritten, OvsWritten, Policing};
pub(crate) use ovs::{is_output, is_patch};
pub(crate) use ranges::each_of;

/// A lab as its file describes it. It is checked: names are unique, every endpoint's node exists, written addresses do not clash.
#[derive(Debug, Clone)]
pub struct Topology {
    /// The lab's name.
    pub name: LabName,
    /// What stands before a node's name in its namespace's name; `<lab>-` by default.
    pub prefix: String,
    /// The machines that it is spread over, as written; the one that netsim runs on is `local` and need not be.
    pub hosts: IndexMap<HostId, HostWritten>,
    /// Nodes in file order; an edge's source is `ends[0].node`, its target `ends[1].node`. A link of three and more endpoints is a bridge of its own
    /// (`Node::implied`) with an edge to each.
    pub graph: UnGraph<Node, Link, u32>,
    /// Who makes the routes.
    pub routing: Routing,
    /// Where addresses that are not written come from; none: only written ones.
    pub pools: Option<Pools>,
    /// What `check` has to prove; empty: whatever the graph says should be reachable.
    pub checks: Vec<Check>,
}

/// Who makes the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// Nobody but the file's own `routes`.
    Written,
    /// netsim, by shortest paths on the graph, to every subnet of the lab.
    Static,
}

/// Where addresses come from that the file does not write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pools {
    /// A /31 and a /127 for each link between two nodes that are no switches.
    pub p2p: Pool,
    /// A subnet for each broadcast domain with a switch that has none written: the least that holds it, a /24 or larger, and a /64.
    pub lan: Pool,
    /// A /32 and a /128 on `lo` of each router.
    pub loopback: Pool,
}

/// A pool for each family; none: no addresses of that family from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pool {
    /// IPv4.
    pub ipv4: Option<Ipv4Net>,
    /// IPv6.
    pub ipv6: Option<Ipv6Net>,
}

impl Default for Pools {
    /// IPv4 only: links from 10.64.0.0/12, switches from 10.80.0.0/12, no loopbacks.
    fn default() -> Self {
        let v4 = |text: &str| Pool { ipv4: Some(text.parse().expect("a constant")), ipv6: None };
        Pools { p2p: v4("10.64.0.0/12"), lan: v4("10.80.0.0/12"), loopback: Pool::default() }
    }
}

/// A vertex of the topology.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// What it is.
    pub kind: Kind,
    /// Where it is to be; of an overlay, which is nowhere, of no meaning.
    pub on: On,
    /// Addresses on its `lo`, as written.
    pub loopbacks: Vec<IpNet>,
    /// Its interfaces that no link makes, in file order.
    pub interfaces: Vec<Owned>,
    /// Its routes, as written.
    pub routes: Vec<WrittenRoute>,
    /// Its kernel settings, as written; values have their fields joined by one tab.
    pub sysctls: IndexMap<SysctlName, String>,
    /// Programs to run when the lab is up, in order: each its arguments, the first the program.
    pub exec: Vec<Vec<String>>,
    /// Where the file says it.
    pub at: Place,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A network namespace: an end system.
    Namespace,
    /// A network namespace that forwards.
    Router,
    /// A Linux bridge: a switch.
    Bridge(Switch),
    /// A bridge of Open vSwitch: a switch, in the machine's own namespace.
    Ovs(Switch, Box<OvsWritten>),
    /// A NIC of the machine, with all that is outside of it: what macvlan and ipvlan devices stand on. It is no node of the file. It is kept as it is.
    Nic {
        /// The NIC's name in the machine's own namespace.
        name: String,
    },
    /// The machine's own namespace: an end system. The devices of links to it are netsim's, all else there is not.
    Host,
    /// What joins hosts. It is no node of the file; only a placed topology has any.
    Overlay(Box<Overlay>),
}

/// What is particular to a switch.
#[derive(Debug, Clone, Default)]
pub struct Switch {
    /// It lives in the host's namespace, not in one of its own.
    pub in_host: bool,
    /// It is no node of the file but a link of three and more endpoints.
    pub implied: bool,
    /// What its broadcast domain gives out, one per family at most, as written.
    pub subnets: Vec<IpNet>,
    /// False: nothing is given out here (`subnet: none`).
    pub gives: bool,
    /// Addresses on the bridge itself, as written.
    pub addresses: Vec<IpNet>,
    /// The VLAN that the bridge's own addresses are in, where that is written: 1 to 4094.
    pub vlan: Option<u16>,
    /// What joins its parts on several hosts, as written.
    pub overlay: Option<OverlayWritten>,
    /// It runs the kernel's spanning tree protocol.
    pub stp: bool,
    /// How long a port listens, and then learns, under STP, in 1/100 s: 200 to 3000.
    pub forward_delay: Option<u32>,
    /// How long it remembers an address, in 1/100 s.
    pub ageing: Option<u32>,
}

/// A route as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenRoute {
    /// The destination, host bits zero; `default` is 0.0.0.0/0 or ::/0 by the family of `via`.
    pub to: IpNet,
    /// The next hops' addresses; empty where only a device is named.
    pub via: Vec<IpAddr>,
    /// The interface it leaves by, where that is written.
    pub device: Option<String>,
    /// The metric; none: the kernel's default.
    pub metric: Option<u32>,
    /// The VRF of the node whose table it is in; none: the main one.
    pub vrf: Option<String>,
    /// Where the file says it.
    pub at: Place,
}

/// An edge of the topology.
#[derive(Debug, Clone)]
pub struct Link {
    /// Its two endpoints. Where its kind has a device beneath, that is the second one's NIC.
    pub ends: [Endpoint; 2],
    /// What it is made of.
    pub kind: LinkKind,
    /// What it is made of where its ends are on two hosts, as written.
    pub overlay: Option<OverlayWritten>,
    /// The subnet it gives out, as written; one per family at most.
    pub subnets: Vec<IpNet>,
    /// False: nothing is given out here (`subnet: none`).
    pub gives: bool,
    /// Where the file says it.
    pub at: Place,
}

/// One end of a link.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The node.
    pub node: NodeIndex<u32>,
    /// The interface's name as written: 1 to 127 bytes.
    pub interface: Option<String>,
    /// Its addresses as written.
    pub addresses: Vec<IpNet>,
    /// Its Ethernet address as written.
    pub mac: Option<Mac>,
    /// Its MTU as written here, on the link, or as a default; bytes.
    pub mtu: Option<u32>,
    /// Where the file says that.
    pub mtu_at: Option<Place>,
    /// What else is written of it.
    pub written: Written,
    /// As a port of a switch: what is written of it here and on the link.
    pub port: PortWritten,
    /// Where the file says it.
    pub at: Place,
}

/// Something that `check` has to prove.
#[derive(Debug, Clone)]
pub struct Check {
    /// What.
    pub kind: CheckKind,
    /// Where the file says it.
    pub at: Place,
}

/// What a check asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckKind {
    /// Every one of these reaches every other.
    Reachable(Vec<NodeIndex<u32>>),
    /// None of these reaches another.
    Unreachable(Vec<NodeIndex<u32>>),
    /// The first reaches the second, there and back within these bounds, if given.
    Ping {
        /// From.
        from: NodeIndex<u32>,
        /// To.
        to: NodeIndex<u32>,
        /// The least and the greatest time allowed.
        rtt: Option<(Duration, Duration)>,
    },
}

impl Node {
    /// A node of which nothing else is said.
    pub fn new(name: NodeName, kind: Kind, at: Place) -> Self {
        Node {
            name,
            kind,
            on: On::default(),
            loopbacks: Vec::new(),
            interfaces: Vec::new(),
            routes: Vec::new(),
            sysctls: IndexMap::new(),
            exec: Vec::new(),
            at,
        }
    }

    /// Whether it is a switch: it joins its links into one broadcast domain and has no addresses on them.
    pub fn switch(&self) -> Option<&Switch> {
        match &self.kind {
            Kind::Bridge(s) | Kind::Ovs(s, _) => Some(s),
            Kind::Namespace | Kind::Router | Kind::Nic { .. } | Kind::Host | Kind::Overlay(_) => None,
        }
    }

    /// The overlay that it is.
    pub fn overlay(&self) -> Option<&Overlay> {
        match &self.kind {
            Kind::Overlay(overlay) => Some(overlay),
            Kind::Namespace | Kind::Router | Kind::Bridge(_) | Kind::Ovs(..) | Kind::Nic { .. } | Kind::Host => None,
        }
    }

    /// Whether it is on this host.
    pub fn is_on(&self, host: &HostId) -> bool {
        matches!(&self.on, On::Host(on) if on == host)
    }

    /// Whether it is a switch that runs a spanning tree protocol.
    pub fn spans_tree(&self) -> bool {
        match &self.kind {
            Kind::Bridge(switch) => switch.stp,
            Kind::Ovs(switch, written) => switch.stp || written.rstp,
            Kind::Namespace | Kind::Router | Kind::Nic { .. } | Kind::Host | Kind::Overlay(_) => false,
        }
    }

    /// Whether it is a switch that filters VLANs, where links make these ports of it: one of its ports is in some. The VLAN of its own addresses does not
    /// make it one: where no port is in any, `check` refuses that.
    pub(crate) fn filters_vlans<'a>(&self, ports: impl IntoIterator<Item = &'a PortWritten>) -> bool {
        let internal = |own: &Owned| match &own.kind {
            OwnKind::Internal { port } => port.is_in_vlans(),
            OwnKind::Dummy
            | OwnKind::Vlan { .. }
            | OwnKind::Macvlan { .. }
            | OwnKind::Ipvlan { .. }
            | OwnKind::Bond { .. }
            | OwnKind::Vrf { .. } => false,
        };
        let is_in_vlans = self.interfaces.iter().any(internal) || ports.into_iter().any(PortWritten::is_in_vlans);
        self.switch().is_some() && is_in_vlans
    }

    /// Whether it passes packets on.
    pub fn forwards(&self) -> bool {
        matches!(self.kind, Kind::Router)
    }
}

impl Endpoint {
    /// An endpoint of which nothing else is said.
    pub fn new(node: NodeIndex<u32>, interface: Option<String>, at: Place) -> Self {
        Endpoint {
            node,
            interface,
            addresses: Vec::new(),
            mac: None,
            mtu: None,
            mtu_at: None,
            written: Written::default(),
            port: PortWritten::default(),
            at,
        }
    }
}

impl Topology {
    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<NodeIndex<u32>> {
        self.graph.node_indices().find(|&n| self.graph[n].name.as_str() == name)
    }

    /// The node at one end of a link.
    pub fn end_node(&self, edge: EdgeIndex<u32>, side: usize) -> &Node {
        &self.graph[self.graph[edge].ends[side].node]
    }
}
