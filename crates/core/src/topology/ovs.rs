//! What is written of a switch of Open vSwitch beyond what every switch has.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::graph::{EdgeIndex, UnGraph};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Kind, Link, LinkKind, Node};
use crate::problem::Place;
use crate::resource::{Datapath, FailMode};

/// A switch of Open vSwitch. It lives in the machine's own namespace, where `ovs-vswitchd` runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OvsWritten {
    /// Who moves its packets; the kernel by default.
    pub datapath: Option<Datapath>,
    /// What it does while no controller is there.
    pub fail_mode: Option<FailMode>,
    /// It speaks the rapid spanning tree protocol.
    pub rstp: bool,
    /// Versions of OpenFlow that it speaks, as `OpenFlow13`.
    pub protocols: BTreeSet<String>,
    /// Its controllers, as `tcp:192.0.2.1:6653`.
    pub controllers: BTreeSet<String>,
    /// Settings by name; their names are checked.
    pub other_config: BTreeMap<String, String>,
    /// The flows in a file: the file's text.
    pub flows: Option<String>,
    /// Its mirrors.
    pub mirrors: Vec<MirrorWritten>,
}

/// A mirror as written: its ports are ends of links.
#[derive(Debug, Clone, PartialEq)]
pub struct MirrorWritten {
    /// Its name, one of its kind on the switch; `mirror0`, … in file order where none is written.
    pub name: String,
    /// The links whose ports are copied; none: all.
    pub from: Option<Vec<EdgeIndex<u32>>>,
    /// The link whose port the copies leave by.
    pub to: EdgeIndex<u32>,
    /// Which way.
    pub direction: Direction,
    /// Where the file says it.
    pub at: Place,
}

/// What of a port a mirror copies, as its node sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// What the switch takes in from the port.
    In,
    /// What the switch sends out by the port.
    Out,
    /// Both.
    #[default]
    Both,
}

/// Most that a port takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policing {
    /// Bits a second.
    pub rate: u64,
    /// Bits that may come above that at once; none: as Open vSwitch does.
    pub burst: Option<u64>,
}

impl OvsWritten {
    /// Whether flows that nobody here knows of decide what passes: those of a file, of a controller, or of whoever adds some where there are none.
    pub fn is_ruled(&self) -> bool {
        self.flows.is_some() || !self.controllers.is_empty() || self.fail_mode == Some(FailMode::Secure)
    }
}

/// Whether a link has no devices: it joins two bridges of Open vSwitch that one kind of datapath moves packets for.
pub(crate) fn is_patch(graph: &UnGraph<Node, Link, u32>, edge: EdgeIndex<u32>) -> bool {
    let link = &graph[edge];
    let datapath = |side: usize| match &graph[link.ends[side].node].kind {
        Kind::Ovs(_, written) => Some(written.datapath.unwrap_or(Datapath::System)),
        Kind::Namespace | Kind::Router | Kind::Bridge(_) | Kind::Nic { .. } | Kind::Host | Kind::Overlay(_) => None,
    };
    link.kind == LinkKind::Veth && datapath(0).is_some() && datapath(0) == datapath(1)
}

/// Whether copies leave by the port at this end of a link: nothing else passes it, in either direction.
pub(crate) fn is_output(graph: &UnGraph<Node, Link, u32>, edge: EdgeIndex<u32>, side: usize) -> bool {
    match &graph[graph[edge].ends[side].node].kind {
        Kind::Ovs(_, written) => written.mirrors.iter().any(|mirror| mirror.to == edge),
        Kind::Namespace | Kind::Router | Kind::Bridge(_) | Kind::Nic { .. } | Kind::Host | Kind::Overlay(_) => false,
    }
}
