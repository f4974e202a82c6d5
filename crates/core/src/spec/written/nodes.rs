//! Nodes as written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{GeneveSpec, GreSpec, InterfaceSpec, MirrorSpec, OneOrMany, Scalar, VxlanSpec};
use crate::resource::{Datapath, FailMode};

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KindSpec {
    /// A network namespace: an end system.
    Namespace,
    /// A network namespace that forwards.
    Router,
    /// A Linux bridge: a switch.
    Bridge,
    /// A bridge of Open vSwitch: a switch, in the machine's own namespace.
    Ovs,
    /// A machine itself: its own namespace, as an end system.
    Host,
}

/// Whose namespace a bridge lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NamespaceSpec {
    /// The machine's own.
    Host,
}

/// The settings of a node.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct NodeSpec {
    /// What the node is; `namespace` by default.
    pub kind: Option<KindSpec>,
    /// The group whose settings it takes over.
    pub group: Option<String>,
    /// The host that it is on; by default the machine that netsim runs on, or with `place: auto` whichever netsim takes.
    pub host: Option<String>,
    /// Of a bridge: the hosts that it is on; on each is a bridge, and an overlay joins them.
    pub hosts: Option<OneOrMany>,
    /// Of a bridge on several hosts: VXLAN joins them, which is the default.
    pub vxlan: Option<VxlanSpec>,
    /// Of a switch of Open vSwitch on several hosts: Geneve joins them.
    pub geneve: Option<GeneveSpec>,
    /// Of a bridge on two hosts: GRE with frames in it joins them.
    pub gretap: Option<GreSpec>,
    /// Of nothing: packets in GRE join no bridges.
    pub gre: Option<GreSpec>,
    /// `host`: a bridge lives in the machine's own namespace, not in one of its own.
    pub namespace: Option<NamespaceSpec>,
    /// What a bridge gives addresses out from: one subnet per family, or `none`.
    pub subnet: Option<OneOrMany>,
    /// IPv4 addresses of a bridge itself, each as 10.0.0.1/24.
    pub ipv4: Option<OneOrMany>,
    /// IPv6 addresses of a bridge itself, each as fd00::1/64.
    pub ipv6: Option<OneOrMany>,
    /// Of a bridge: it runs a spanning tree protocol (IEEE 802.1D), so that bridges can be joined in a circle. Its ports forward after two `forward-delay`s.
    pub stp: Option<bool>,
    /// Of a bridge with `stp` or `rstp`: how long a port listens, and then learns, before it forwards: 2s to 30s, on Open vSwitch 4s to 30s; 15s by default.
    pub forward_delay: Option<String>,
    /// Of a bridge: how long it remembers an Ethernet address that it does not hear of; 300s by default, 0s for not at all; on Open vSwitch 15s to 1h.
    pub ageing: Option<String>,
    /// Of Open vSwitch: who moves the packets, the kernel or `ovs-vswitchd` itself (`netdev`); `system` by default.
    pub datapath: Option<Datapath>,
    /// Of Open vSwitch: what it does while no controller is there; `standalone`, a plain switch, by default.
    pub fail_mode: Option<FailMode>,
    /// Of Open vSwitch: it runs the rapid spanning tree protocol (IEEE 802.1D-2004).
    pub rstp: Option<bool>,
    /// Of Open vSwitch: the versions of OpenFlow that it speaks, as `OpenFlow13`.
    pub protocols: Option<OneOrMany>,
    /// Of Open vSwitch: its controllers, as `tcp:192.0.2.1:6653`.
    pub controller: Option<OneOrMany>,
    /// Of Open vSwitch: other settings of the bridge, as ovs-vswitchd.conf.db(5) names them.
    #[schemars(with = "Option<IndexMap<String, Scalar>>")]
    pub other_config: Option<IndexMap<String, String>>,
    /// Of Open vSwitch: a file with its flows, as `ovs-ofctl add-flows` reads it; the path is relative to this file.
    pub flows: Option<String>,
    /// Of Open vSwitch: copies of what passes its ports.
    pub mirrors: Option<Vec<MirrorSpec>>,
    /// Of a bridge with VLANs: the VLAN that its own addresses are in, 1 to 4094; 1 by default.
    pub vlan: Option<u32>,
    /// Interfaces by name: settings of those that links make, and interfaces of the node's own.
    pub interfaces: Option<IndexMap<String, Option<InterfaceSpec>>>,
    /// Addresses on `lo`.
    pub lo: Option<OneOrMany>,
    /// Routes.
    pub routes: Option<Vec<RouteSpec>>,
    /// Kernel settings in the node's namespace, as sysctl(8) names them.
    #[schemars(with = "Option<IndexMap<String, Scalar>>")]
    pub sysctls: Option<IndexMap<String, String>>,
    /// Programs to run when the lab is up: each a list of the program and its arguments.
    #[schemars(with = "Option<Vec<Vec<Scalar>>>")]
    pub exec: Option<Vec<Vec<String>>>,
    /// The MTU of the node's interfaces, where neither the interface nor its link has one: 68 to 65535.
    pub mtu: Option<u32>,
}

/// A route of a node.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }, "required" = ["to"]))]
pub struct RouteSpec {
    /// Where to: a network as 10.0.0.0/8, or `default`.
    pub to: Option<String>,
    /// The next hop's address; several share the packets.
    pub via: Option<OneOrMany>,
    /// The interface it leaves by.
    pub dev: Option<String>,
    /// Among routes to one network the least metric wins.
    pub metric: Option<u32>,
    /// The VRF of the node whose table it is in.
    pub vrf: Option<String>,
}
