//! Marks: how a machine itself remembers what is whose.

use std::fmt;

use crate::names::{LabName, NodeName, stable_hash};

/// The routing protocol number (rtm_protocol) of our routes and the IFA_PROTO of our addresses: `n`, free in iproute2's rt_protos.
pub const PROTOCOL: u8 = 110;

/// What stands in a namespace's file and as the ifalias of its `lo`: `netsim lab=LAB node=NODE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The lab.
    pub lab: LabName,
    /// The node that the namespace is.
    pub node: NodeName,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "netsim lab={} node={}", self.lab, self.node)
    }
}

impl Mark {
    /// The mark in this text; none if it is not one.
    pub fn parse(text: &str) -> Option<Mark> {
        let (lab, node) = text.trim_end().strip_prefix("netsim lab=")?.split_once(" node=")?;
        Some(Mark { lab: LabName::new(lab).ok()?, node: NodeName::new(node).ok()? })
    }
}

impl LabName {
    /// The device group (IFLA_GROUP) that marks this lab's devices: 29 bits of a hash and a bit that keeps it clear of hand-picked small numbers.
    pub fn group(&self) -> u32 {
        (stable_hash(&["netsim", self.as_str()]) as u32 & 0x1fff_ffff) | 0x4000_0000
    }

    /// The group of this lab's devices that are about to be deleted by one message.
    pub fn doomed_group(&self) -> u32 {
        self.group() | 0x2000_0000
    }
}
