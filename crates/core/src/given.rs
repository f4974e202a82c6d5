//! What is given out where the file is silent: interface names and addresses, kept as they are on a running lab.

use indexmap::IndexMap;
use ipnet::IpNet;

use crate::names::{HostId, IfName, Mac, NodeName};
use crate::problem::Problem;
use crate::topology::Topology;

mod addresses;
mod askable;
pub(crate) mod blocks;
pub(crate) mod domains;
pub(crate) mod interfaces;
mod names;
pub(crate) mod overlays;
mod prior;
pub(crate) mod stacks;
mod subnets;
#[cfg(test)]
mod tests;
mod wires;

pub use interfaces::InterfaceId;
pub use prior::places_of;

/// The codes of the problems told here.
mod codes {
    use crate::problem::Code;

    pub(super) const INTERFACE_TAKEN: Code = Code(50);
    pub(super) const POOL_EXHAUSTED: Code = Code(51);
    pub(super) const SUBNET_FULL: Code = Code(52);
    pub(super) const CHECK_WITHOUT_ADDRESS: Code = Code(53);
}

/// Interface names and addresses of a whole lab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// By edge index of the topology's graph: its two ends, as in `Link::ends`. A NIC of the machine has its own name and no address.
    pub ends: Vec<[GivenEnd; 2]>,
    /// By node index: its own interfaces, as in `Node::interfaces`.
    pub own: Vec<Vec<GivenEnd>>,
    /// By node index: the addresses of its `lo` beside 127.0.0.1 and ::1.
    pub loopbacks: Vec<Vec<IpNet>>,
}

/// An interface with its name and addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenEnd {
    /// Its name as the file or we say it: what people see.
    pub interface: String,
    /// Its name in the kernel: the same where it fits in 15 bytes.
    pub kernel: IfName,
    /// Of the end of a bonded link: the ends of its pairs, `NAME-1` and on.
    pub members: Vec<GivenMember>,
    /// Its addresses: those written, then those given out.
    pub addresses: Vec<IpNet>,
}

/// The end of one pair of a bonded link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenMember {
    /// As in [`GivenEnd::interface`].
    pub interface: String,
    /// As in [`GivenEnd::kernel`].
    pub kernel: IfName,
}

/// Which interface names and addresses nodes have now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prior {
    /// Node and interface to what is on it, of the ends of wires; a bonded link is one wire.
    pub interfaces: IndexMap<(NodeName, String), PriorEnd>,
    /// The same of other interfaces.
    pub own: IndexMap<(NodeName, String), PriorEnd>,
    /// Node to the addresses of its `lo`.
    pub loopbacks: IndexMap<NodeName, Vec<IpNet>>,
    /// Host and interface to what is on it, of what is in the machine's own namespace and of no switch.
    pub machines: IndexMap<(HostId, String), PriorEnd>,
}

/// One interface as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriorEnd {
    /// The other end of its wire: node and interface.
    pub peer: Option<(NodeName, String)>,
    /// The NIC of the machine that it stands on.
    pub nic: Option<String>,
    /// The number of the overlay that it is an end of, where its packets bear one.
    pub vni: Option<u32>,
    /// Its addresses.
    pub addresses: Vec<IpNet>,
    /// Its hardware address, where a machine told it.
    pub mac: Option<Mac>,
}

/// Gives out names and addresses: as written, then as they are now, then by the number in a node's name, then the first free in file order.
pub fn give(topology: &Topology, prior: &Prior) -> Result<Given, Vec<Problem>> {
    let mut problems = Vec::new();
    let prior = &prior.seen_from(topology);
    let interfaces = interfaces::interfaces_of_nodes(topology);
    let wires = wires::match_wires(topology, prior, &interfaces);
    let mut given = names::name_interfaces(topology, &interfaces, &wires, &mut problems);
    let stacks = stacks::Stacks::new(topology, &given, &interfaces);
    let domains = domains::domains(topology, &stacks, domains::Links::All);
    let subjects = addresses::Subjects { topology, prior, domains: &domains, wires: &wires };
    addresses::give_addresses(&subjects, &mut given, &mut problems);
    problems.extend(askable::unanswerable_checks(topology, &given));
    if problems.is_empty() { Ok(given) } else { Err(problems) }
}
