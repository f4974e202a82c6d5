//! What is given out where the file is silent: interface names and addresses, kept as they are on a running lab.

use indexmap::IndexMap;
use ipnet::IpNet;

use crate::names::{IfName, NodeName};

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
    /// Its addresses: those written, else those given out.
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
}
