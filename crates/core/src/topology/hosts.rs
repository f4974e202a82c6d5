//! Machines that a lab is spread over, as written, and where its nodes are to be.

use std::net::IpAddr;

use crate::names::{HostId, IfName};
use crate::problem::Place;

mod written;

pub(super) use written::add;

/// A machine as written.
#[derive(Debug, Clone, PartialEq)]
pub struct HostWritten {
    /// Where `ssh` finds it: anything that it understands; none: the machine that netsim runs on.
    pub ssh: Option<String>,
    /// Whether the agent there is started by `sudo`.
    pub sudo: bool,
    /// Its addresses in the underlay, one per family at most, as written.
    pub addresses: Vec<IpAddr>,
    /// Its NIC in the underlay, as written.
    pub device: Option<IfName>,
    /// The database of its Open vSwitch as ovsdb(7) has it, `unix:PATH` or `tcp:ADDRESS:PORT`, as written.
    pub ovsdb: Option<String>,
    /// How much of the lab it takes beside the others: 1 to 1,000.
    pub weight: u32,
    /// Where the file says it.
    pub at: Place,
}

/// Where a node is to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum On {
    /// On this host.
    Host(HostId),
    /// Wherever [`crate::place::place`] puts it.
    Auto,
    /// Of a bridge: on each of these, two or more; [`crate::place::place`] makes a bridge on each of it, joined by an overlay.
    Each(Vec<HostId>),
}

impl Default for On {
    fn default() -> Self {
        On::Host(HostId::local())
    }
}
