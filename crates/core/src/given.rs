//! What is given out where the file is silent: interface names and addresses, kept as they are on a running lab.

use indexmap::IndexMap;
use ipnet::IpNet;

use crate::names::{IfName, Mac, NodeName};
use crate::problem::Problem;
use crate::topology::Topology;

mod addresses;
mod askable;
pub(crate) mod blocks;
pub(crate) mod domains;
mod names;
mod prior;
mod subnets;
#[cfg(test)]
mod tests;
mod wires;

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
    /// By edge index of the topology's graph: its two ends, as in `Link::ends`.
    pub ends: Vec<[GivenEnd; 2]>,
    /// By node index: the addresses of its `lo` beside 127.0.0.1 and ::1.
    pub loopbacks: Vec<Vec<IpNet>>,
}

/// An endpoint with its name and addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenEnd {
    /// Its name as the file or we say it: what people see.
    pub interface: String,
    /// Its name in the kernel: the same where it fits in 15 bytes.
    pub kernel: IfName,
    /// Its addresses: those written, then those given out.
    pub addresses: Vec<IpNet>,
}

/// Which interface names and addresses nodes have now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prior {
    /// Node and interface to what is on it.
    pub interfaces: IndexMap<(NodeName, String), PriorEnd>,
    /// Node to the addresses of its `lo`.
    pub loopbacks: IndexMap<NodeName, Vec<IpNet>>,
}

/// One interface as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriorEnd {
    /// The other end of its wire: node and interface.
    pub peer: Option<(NodeName, String)>,
    /// Its addresses.
    pub addresses: Vec<IpNet>,
    /// Its hardware address, where a machine told it.
    pub mac: Option<Mac>,
}

/// Gives out names and addresses: as written, then as they are now, then by the number in a node's name, then the first free in file order.
pub fn give(topology: &Topology, prior: &Prior) -> Result<Given, Vec<Problem>> {
    let mut problems = Vec::new();
    let ends_of = domains::ends_of_nodes(topology);
    let wires = wires::match_wires(topology, prior, &ends_of);
    let names = names::name_ends(topology, &ends_of, &wires, &mut problems);
    let domains = domains::domains(topology, &ends_of);
    let (addresses, loopbacks) = addresses::give_addresses(topology, prior, &domains, &wires, &mut problems);
    problems.extend(askable::unanswerable_checks(topology, &addresses, &loopbacks));
    if !problems.is_empty() {
        return Err(problems);
    }
    let end = |(name, addresses): (names::Named, Vec<IpNet>)| GivenEnd {
        interface: name.interface,
        kernel: name.kernel,
        addresses,
    };
    let both = |(names, addresses): ([names::Named; 2], [Vec<IpNet>; 2])| {
        let ([a, b], [on_a, on_b]) = (names, addresses);
        [end((a, on_a)), end((b, on_b))]
    };
    Ok(Given { ends: names.into_iter().zip(addresses).map(both).collect(), loopbacks })
}
