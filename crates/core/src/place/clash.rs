//! Numbers of overlays, and what of two overlays takes each other's place.

use std::collections::BTreeMap;
use std::fmt;

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use super::codes;
use crate::names::{HostId, stable_hash};
use crate::problem::{Place, Problem};
use crate::resource::{Datapath, GENEVE_PORT, VXLAN_PORT};
use crate::topology::{Kind, Overlay, OverlayKind, Topology};

/// VNIs have 24 bits, and 0 is nobody's.
const VNIS: u32 = 1 << 24;

/// Where a number is one of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Space {
    Vxlan(u16),
    Geneve(u16),
    Gre,
}

impl Space {
    fn of(kind: &OverlayKind) -> Self {
        match kind {
            OverlayKind::Vxlan { port, .. } => Space::Vxlan(port.unwrap_or(VXLAN_PORT)),
            OverlayKind::Geneve { port, .. } => Space::Geneve(port.unwrap_or(GENEVE_PORT)),
            OverlayKind::Gretap { .. } | OverlayKind::Gre { .. } => Space::Gre,
        }
    }
}

/// Gives each overlay its number, as written or from a hash of its name, and tells of those that clash.
pub(super) fn settle(topology: &mut Topology) -> Vec<Problem> {
    let mut problems = Vec::new();
    numbers(topology, &mut problems);
    keys(topology, &mut problems);
    ports(topology, &mut problems);
    problems
}

fn overlays(topology: &Topology) -> impl Iterator<Item = (NodeIndex<u32>, &Overlay)> {
    topology.graph.node_indices().filter_map(|node| Some((node, topology.graph[node].overlay()?)))
}

fn numbers(topology: &mut Topology, problems: &mut Vec<Problem>) {
    let mut taken: FxHashMap<(Space, u32), Vec<NodeIndex<u32>>> = FxHashMap::default();
    let mut given: Vec<(NodeIndex<u32>, u32)> = Vec::new();
    let mut open: Vec<(NodeIndex<u32>, Space)> = Vec::new();
    for (node, overlay) in overlays(topology) {
        let space = Space::of(&overlay.written.kind);
        let written = match overlay.written.kind {
            OverlayKind::Vxlan { vni, .. } | OverlayKind::Geneve { vni, .. } => vni,
            OverlayKind::Gretap { .. } | OverlayKind::Gre { .. } => None,
        };
        let Some(vni) = written else {
            open.push((node, space));
            continue;
        };
        given.push((node, vni));
        let others = taken.entry((space, vni)).or_default();
        let beside = |other: NodeIndex<u32>| Some((other, meet(topology.graph[other].overlay()?, overlay)?));
        if let Some((other, place)) = others.iter().rev().find_map(|&other| beside(other)) {
            let [a, b] = [other, node].map(|node| &topology.graph[node].name);
            let message = format!("`{a}` and `{b}` are two overlays of one VNI, {vni}, {place}");
            problems.push(clash(&overlay.written.at.key("vni"), message, "write another for one of them, or none"));
        }
        others.push(node);
    }
    for (node, space) in open {
        let name = &topology.graph[node].name;
        let hash = stable_hash(&[topology.name.as_str(), name.as_str()]);
        let first = u32::try_from(hash % u64::from(VNIS - 1)).expect("it is less than 24 bits");
        let mut numbers = (0..VNIS - 1).map(|n| (first + n) % (VNIS - 1) + 1);
        let number = numbers.find(|&n| !taken.contains_key(&(space, n))).expect("there are more VNIs than links");
        taken.insert((space, number), vec![node]);
        given.push((node, number));
    }
    for (node, number) in given {
        if let Kind::Overlay(overlay) = &mut topology.graph[node].kind {
            overlay.number = number;
        }
    }
}

/// Where two overlays get packets of each other if they have one VNI: on a host of both, or in a group, which hosts of either join.
fn meet(a: &Overlay, b: &Overlay) -> Option<String> {
    let on = a.hosts.iter().find(|host| b.hosts.contains(host)).map(|host| format!("on {host}"));
    let group = |overlay: &Overlay| match overlay.written.kind {
        OverlayKind::Vxlan { group, .. } => group,
        OverlayKind::Geneve { .. } | OverlayKind::Gretap { .. } | OverlayKind::Gre { .. } => None,
    };
    on.or_else(|| group(a).filter(|_| group(a) == group(b)).map(|group| format!("in the group {group}")))
}

/// Tunnels of GRE of one sort between the same hosts are told apart by their keys.
fn keys(topology: &Topology, problems: &mut Vec<Problem>) {
    // Frames or packets, from where, to where, the key.
    type Tunnel<'a> = (bool, &'a HostId, Option<&'a HostId>, Option<u32>);
    let mut seen: FxHashMap<Tunnel<'_>, NodeIndex<u32>> = FxHashMap::default();
    for (node, overlay) in overlays(topology) {
        let key = match overlay.written.kind {
            OverlayKind::Gretap { key } | OverlayKind::Gre { key } => key,
            OverlayKind::Vxlan { .. } | OverlayKind::Geneve { .. } => continue,
        };
        let frames = overlay.written.carries_frames();
        let tunnels: Vec<Tunnel<'_>> = match overlay.hosts.as_slice() {
            [a, b] => vec![(frames, a, Some(b), key), (frames, b, Some(a), key)],
            many => many.iter().map(|host| (frames, host, None, key)).collect(),
        };
        let others: Vec<_> = tunnels.into_iter().filter_map(|t| Some((t.1, seen.insert(t, node)?))).collect();
        let Some((host, other)) = others.first() else { continue };
        let [a, b] = [*other, node].map(|node| &topology.graph[node].name);
        let what = if frames { "frames" } else { "packets" };
        let with = key.map_or("without a key".to_owned(), |key| format!("with the key {key}"));
        let message =
            format!("`{a}` and `{b}` are two tunnels on {host} for {what} in GRE {with}: nothing tells them apart");
        problems.push(clash(&overlay.written.at, message, "write `key:`, another for each"));
    }
}

/// Who takes the packets of a UDP port, or of GRE, on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taker {
    /// Devices of the kernel.
    Kernel,
    /// The datapath of Open vSwitch that is in the kernel.
    System,
    /// The one in user space, which binds no socket: what comes to an address of the underlay it takes apart before the kernel sees it, also what it has no tunnel
    /// for and drops (`tnl_port_map_lookup`, lib/tnl-ports.c).
    Netdev,
}

impl Taker {
    fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Ovs(_, ovs) if ovs.datapath == Some(Datapath::Netdev) => Taker::Netdev,
            Kind::Ovs(..) => Taker::System,
            Kind::Namespace | Kind::Router | Kind::Bridge(_) | Kind::Nic { .. } | Kind::Host | Kind::Overlay(_) => {
                Taker::Kernel
            }
        }
    }
}

/// Who takes what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct User {
    taker: Taker,
    space: Space,
}

impl User {
    /// Whether both hear what is meant for them. Devices of GRE and the kernel's datapath part what comes by its key.
    fn goes_with(self, other: User) -> bool {
        self == other || (self.space == Space::Gre && ![self.taker, other.taker].contains(&Taker::Netdev))
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.space {
            Space::Vxlan(_) => "VXLAN",
            Space::Geneve(_) => "Geneve",
            Space::Gre => "GRE",
        };
        match self.taker {
            Taker::Kernel => write!(f, "a {what} device"),
            Taker::System => write!(f, "{what} of Open vSwitch"),
            Taker::Netdev => write!(f, "{what} of Open vSwitch in user space"),
        }
    }
}

/// One UDP port of a host is for VXLAN devices, or for tunnels of Open vSwitch of one kind; GRE is for the kernel, or for Open vSwitch in user space.
fn ports(topology: &Topology, problems: &mut Vec<Problem>) {
    // A host and its UDP port, or none for GRE; who was the first there.
    type Users<'a> = BTreeMap<(&'a HostId, Option<u16>), (User, NodeIndex<u32>)>;
    let mut users: Users<'_> = BTreeMap::new();
    for (node, overlay) in overlays(topology) {
        let space = Space::of(&overlay.written.kind);
        let (port, hint) = match space {
            Space::Vxlan(port) | Space::Geneve(port) => (Some(port), "write another `port:` for one of them"),
            Space::Gre => (None, "make one of them `vxlan`"),
        };
        for edge in topology.graph.edges(node) {
            let end = &topology.graph[edge.weight().ends[0].node];
            let crate::topology::On::Host(host) = &end.on else { continue };
            let user = User { taker: Taker::of(&end.kind), space };
            let (other, first) = *users.entry((host, port)).or_insert((user, node));
            if !user.goes_with(other) {
                let [a, b] = [first, node].map(|node| &topology.graph[node].name);
                let what = port.map_or_else(|| "IP protocol 47".to_owned(), |port| format!("UDP port {port}"));
                let message =
                    format!("{what} of {host} is for {other} in `{a}` and for {user} in `{b}`: they cannot share it");
                problems.push(clash(&overlay.written.at, message, hint));
            }
        }
    }
}

fn clash(at: &Place, message: String, hint: &str) -> Problem {
    Problem::at(codes::CLASH, at, message).hint(hint)
}
