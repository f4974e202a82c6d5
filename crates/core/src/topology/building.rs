//! A topology while it is being checked: the graph, and what is known beside it.

use std::rc::Rc;

use indexmap::IndexMap;
use ipnet::IpNet;
use petgraph::graph::{EdgeIndex, NodeIndex, UnGraph};
use rustc_hash::{FxHashMap, FxHashSet};

use super::problems::Problems;
use super::spread::Span;
use super::treatment::Treating;
use super::values::Family;
use super::{Direction, HostWritten, Link, Node, OverlayWritten, codes};
use crate::names::{HostId, Mac, NodeName};
use crate::problem::Place;

#[derive(Default)]
pub(super) struct Building {
    pub prefix: String,
    pub hosts: IndexMap<HostId, HostWritten>,
    /// Where the file says that netsim places nodes.
    pub auto: Option<Place>,
    pub graph: UnGraph<Node, Link, u32>,
    /// Nodes by name.
    pub index: FxHashMap<NodeName, NodeIndex<u32>>,
    /// Names of nodes that cannot be names: that they are none is told once, not at each link.
    pub refused: FxHashSet<String>,
    /// By node index.
    pub extras: Vec<Extra>,
    /// By edge index: what holds for the link, and what is said of how its ends treat packets.
    pub links: Vec<LinkExtra>,
    /// By edge index: whether the link is between hosts; known when all links are.
    pub spans: Vec<Span>,
    /// The MTU that all links say, and where.
    pub default_mtu: Option<(u32, Place)>,
    /// How the ends of all links treat packets.
    pub default_treating: Option<Rc<Treating>>,
    /// NICs of the machine by name.
    pub nics: FxHashMap<String, NodeIndex<u32>>,
    /// Some link could not be made.
    pub link_left_out: bool,
    pub problems: Problems,
}

/// What is known of a link and does not stay.
#[derive(Default, Clone)]
pub(super) struct LinkExtra {
    /// The MTU that the link says.
    pub mtu: Option<u32>,
    /// How its ends treat packets, as far as it is said at the link, its endpoints and for all links.
    pub treating: [Option<Rc<Treating>>; 2],
    /// What it is between hosts, as written on it.
    pub overlay: Option<OverlayWritten>,
}

/// What is known of a node and does not stay.
#[derive(Default)]
pub(super) struct Extra {
    /// What its interfaces have unless they or their links say otherwise, and where that is said.
    pub mtu: Option<(u32, Place)>,
    pub interfaces: IndexMap<String, InterfaceSettings>,
    /// Of a bridge: what joins its parts on several hosts, as written on it.
    pub overlay: Option<OverlayWritten>,
    /// Its mirrors as written.
    pub mirrors: Vec<MirrorDraft>,
    /// Its ends of links, in file order: the edge and which of its ends.
    pub ends: Vec<(EdgeIndex<u32>, usize)>,
    /// The names that its ends have, or have by default; of a switch none of those that are not written.
    pub names: Vec<Option<String>>,
}

/// A mirror as written, before the links are known that it means.
pub(super) struct MirrorDraft {
    pub name: String,
    /// What is behind the ports that are copied; none: all.
    pub from: Option<Vec<(String, Place)>>,
    /// What is behind the port that the copies leave by.
    pub to: (String, Place),
    pub direction: Direction,
    pub at: Place,
}

/// What a node says of an interface that a link makes.
#[derive(Default)]
pub(super) struct InterfaceSettings {
    pub ipv4: Option<Vec<IpNet>>,
    pub ipv6: Option<Vec<IpNet>>,
    pub mac: Option<Mac>,
    pub mtu: Option<u32>,
    pub mtu_at: Place,
    pub treating: Option<Treating>,
    pub at: Place,
}

impl Building {
    pub fn add(&mut self, node: Node, extra: Extra) -> NodeIndex<u32> {
        let name = node.name.clone();
        let added = self.graph.add_node(node);
        self.index.insert(name, added);
        self.extras.push(extra);
        added
    }

    pub fn link(&mut self, link: Link, extra: LinkExtra) {
        let nodes = [link.ends[0].node, link.ends[1].node];
        let edge = self.graph.add_edge(nodes[0], nodes[1], link);
        self.links.push(extra);
        for (side, node) in nodes.into_iter().enumerate() {
            self.extras[node.index()].ends.push((edge, side));
        }
    }

    /// The node of this name; that there is none is told.
    pub fn node(&mut self, name: &str, at: &Place) -> Option<NodeIndex<u32>> {
        if let Some(&node) = self.index.get(name) {
            return Some(node);
        }
        if self.refused.contains(name) {
            return None;
        }
        let known = self.graph.node_weights().map(|n| n.name.as_str());
        let message = format!("there is no node `{name}`");
        self.problems.unknown(codes::UNKNOWN_NODE, at, message, name, known, "write it under `nodes:`");
        None
    }

    /// How people call an end: `node:interface`, or `node`.
    pub fn end_name(&self, edge: EdgeIndex<u32>, side: usize) -> String {
        let end = &self.graph[edge].ends[side];
        let node = &self.graph[end.node].name;
        end.interface.as_ref().map_or_else(|| node.to_string(), |i| format!("{node}:{i}"))
    }
}

/// The addresses of one family.
pub(super) fn of_family(addresses: &[IpNet], family: Family) -> impl Iterator<Item = IpNet> {
    addresses.iter().copied().filter(move |a| Family::of(a.addr()) == family)
}
