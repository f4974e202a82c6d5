//! The file as written: plain structs whose doc comments are the descriptions of the JSON Schema.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

mod addressing;
mod either;
mod hosts;
mod interfaces;
mod links;
mod nodes;
mod overlays;
mod ovs;
mod treatment;

pub use addressing::{AddressingSpec, AddressingWord, PoolSpec, PoolsSpec};
use either::Scalar;
pub use either::{OneOrMany, Scalars};
pub use hosts::{HostSpec, PlaceSpec, UnderlaySpec};
pub use interfaces::{BondSpec, InterfaceSpec, VrfSpec};
pub use links::{EndpointMap, EndpointSpec, LinkBondSpec, LinkDefaults, LinkSpec};
pub use nodes::{KindSpec, NamespaceSpec, NodeSpec, RouteSpec};
pub use overlays::{GeneveSpec, GreSpec, OverlayDefaults, Overlays, VxlanSpec};
pub use ovs::{MirrorSpec, PolicingMap, PolicingSpec};
pub use treatment::{GilbertSpec, LossSpec, OffloadsSpec, StateSpec, SwitchSpec, Treated, Treatment};

/// A netsim topology: the nodes of a virtual network, the links between them, and what must be true of it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct Spec {
    /// Which source this is, by its index.
    #[serde(skip)]
    pub source: usize,
    /// What the files say that it names, by their names as written.
    #[serde(skip)]
    pub texts: IndexMap<String, String>,
    /// The lab's name: letters, digits, `-`, `_` and `.`, at most 60.
    pub name: Option<String>,
    /// What stands before a node's name in the name of its namespace; `<name>-` by default, `""` for nothing.
    pub prefix: Option<String>,
    /// Files to merge before this one; paths are relative to this file.
    pub include: Option<Vec<String>>,
    /// Variables for `${NAME}`; those given by the caller win over these.
    #[schemars(with = "Option<IndexMap<String, Scalar>>")]
    pub vars: Option<IndexMap<String, String>>,
    /// The machines that nodes can be on, by name; `h[1-3]` stands for several.
    pub hosts: Option<IndexMap<String, Option<HostSpec>>>,
    /// Where nodes are to be that say no `host`; by default on the machine that netsim runs on.
    pub place: Option<PlaceSpec>,
    /// Settings of every node and every link, unless said otherwise further down.
    pub defaults: Option<Defaults>,
    /// Settings of all nodes of a kind.
    pub kinds: Option<Kinds>,
    /// Named settings that nodes take over by `group:`.
    pub groups: Option<IndexMap<String, Option<NodeSpec>>>,
    /// The nodes, by name; `node[1-4]` and `{a,b}` stand for several.
    pub nodes: Option<IndexMap<String, Option<NodeSpec>>>,
    /// The links.
    pub links: Option<Vec<LinkSpec>>,
    /// Who makes the routes: netsim by shortest paths (`static`), or only what `routes` say (`none`, the default).
    pub routing: Option<RoutingSpec>,
    /// Where addresses that are not written come from.
    pub addressing: Option<AddressingSpec>,
    /// What `netsim check` has to prove.
    pub checks: Option<Vec<CheckSpec>>,
}

/// Settings of every node and every link, and what joins hosts.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct Defaults {
    /// Settings of every node.
    pub node: Option<NodeSpec>,
    /// Settings of every link.
    pub link: Option<LinkDefaults>,
    /// What joins hosts; VXLAN by default.
    pub overlay: Option<OverlayDefaults>,
}

/// Settings of all nodes of a kind.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct Kinds {
    /// Settings of nodes that are end systems.
    pub namespace: Option<NodeSpec>,
    /// Settings of routers.
    pub router: Option<NodeSpec>,
    /// Settings of bridges.
    pub bridge: Option<NodeSpec>,
    /// Settings of bridges of Open vSwitch.
    pub ovs: Option<NodeSpec>,
    /// Settings of machines themselves.
    pub host: Option<NodeSpec>,
}

/// Who makes the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoutingSpec {
    /// netsim, by shortest paths, to every subnet of the lab.
    Static,
    /// Nobody but the file's own `routes`.
    None,
}

/// Something to prove: one of `reachable`, `unreachable` and `ping`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct CheckSpec {
    /// Every one of these nodes reaches every other: `all`, or names.
    pub reachable: Option<OneOrMany>,
    /// None of these nodes reaches another.
    pub unreachable: Option<Vec<String>>,
    /// The first node reaches the second.
    pub ping: Option<Vec<String>>,
    /// How long a ping may take, there and back: "10ms..20ms", "..20ms" or "10ms..".
    pub rtt: Option<String>,
}
