//! Nodes as written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{InterfaceSpec, OneOrMany, Scalar};

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
    /// `host`: a bridge lives in the machine's own namespace, not in one of its own.
    pub namespace: Option<NamespaceSpec>,
    /// What a bridge gives addresses out from: one subnet per family, or `none`.
    pub subnet: Option<OneOrMany>,
    /// IPv4 addresses of a bridge itself, each as 10.0.0.1/24.
    pub ipv4: Option<OneOrMany>,
    /// IPv6 addresses of a bridge itself, each as fd00::1/64.
    pub ipv6: Option<OneOrMany>,
    /// Of a bridge: it runs the kernel's spanning tree protocol (IEEE 802.1D), so that bridges can be joined in a circle. Its ports forward after two `forward-delay`s.
    pub stp: Option<bool>,
    /// Of a bridge with `stp`: how long a port listens, and then learns, before it forwards: 2s to 30s; 15s by default.
    pub forward_delay: Option<String>,
    /// Of a bridge: how long it remembers an Ethernet address that it does not hear of; 300s by default, 0s for not at all.
    pub ageing: Option<String>,
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
