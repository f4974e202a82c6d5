//! The file as written: plain structs whose doc comments are the descriptions of the JSON Schema.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::problem::Place;

/// A netsim topology: the nodes of a virtual network, the links between them, and what must be true of it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct Spec {
    /// Which source this is, by its index.
    #[serde(skip)]
    pub source: usize,
    /// The lab's name: letters, digits, `-`, `_` and `.`, at most 60.
    pub name: Option<String>,
    /// What stands before a node's name in the name of its namespace; `<name>-` by default, `""` for nothing.
    pub prefix: Option<String>,
    /// Files to merge before this one; paths are relative to this file.
    pub include: Option<Vec<String>>,
    /// Variables for `${NAME}`; those given by the caller win over these.
    #[schemars(with = "Option<IndexMap<String, Scalar>>")]
    pub vars: Option<IndexMap<String, String>>,
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

/// Settings of every node and every link.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct Defaults {
    /// Settings of every node.
    pub node: Option<NodeSpec>,
    /// Settings of every link.
    pub link: Option<LinkDefaults>,
}

/// Settings of every link.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct LinkDefaults {
    /// The largest packet in bytes: 68 to 65535.
    pub mtu: Option<u32>,
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
}

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

/// Who makes the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoutingSpec {
    /// netsim, by shortest paths, to every subnet of the lab.
    Static,
    /// Nobody but the file's own `routes`.
    None,
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
    /// Settings of interfaces that links make, by the interface's name.
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

/// The settings of an interface.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct InterfaceSpec {
    /// Its IPv4 addresses, each as 10.0.0.1/24.
    pub ipv4: Option<OneOrMany>,
    /// Its IPv6 addresses, each as fd00::1/64.
    pub ipv6: Option<OneOrMany>,
    /// Its Ethernet address, as "02:00:00:00:00:01".
    pub mac: Option<String>,
    /// The largest packet in bytes: 68 to 65535.
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
}

/// A link: it joins two or more endpoints. It has `endpoints` or `each`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct LinkSpec {
    /// Two endpoints make a link, three or more one broadcast domain. Ranges of one length go pairwise, a range and a single name fan out.
    pub endpoints: Option<Vec<EndpointSpec>>,
    /// Two endpoint expressions: every one of the first with every one of the second.
    pub each: Option<Vec<EndpointSpec>>,
    /// The largest packet in bytes, at each of its endpoints: 68 to 65535.
    pub mtu: Option<u32>,
    /// What it gives addresses out from: one subnet per family, or `none`.
    pub subnet: Option<OneOrMany>,
    /// One IPv4 address for each endpoint that is not a switch, in order.
    pub ipv4: Option<OneOrMany>,
    /// One IPv6 address for each endpoint that is not a switch, in order.
    pub ipv6: Option<OneOrMany>,
}

/// An endpoint: `node`, `node:interface`, or a mapping.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum EndpointSpec {
    /// `node` or `node:interface`.
    Text(String),
    /// A mapping.
    Map(Box<EndpointMap>),
}

/// An endpoint with settings of its own.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }, "required" = ["node"]))]
pub struct EndpointMap {
    /// The node.
    pub node: Option<String>,
    /// The interface's name; `eth0`, `eth1`, … in file order by default.
    pub interface: Option<String>,
    /// Its IPv4 addresses, each as 10.0.0.1/24.
    pub ipv4: Option<OneOrMany>,
    /// Its IPv6 addresses, each as fd00::1/64.
    pub ipv6: Option<OneOrMany>,
    /// Its Ethernet address, as "02:00:00:00:00:01".
    pub mac: Option<String>,
    /// The largest packet in bytes: 68 to 65535.
    pub mtu: Option<u32>,
}

/// Where addresses that are not written come from: `none`, or pools.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum AddressingSpec {
    /// `none`: there are only written addresses.
    Word(AddressingWord),
    /// Pools.
    Pools(Box<PoolsSpec>),
}

/// Addressing in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AddressingWord {
    /// There are only written addresses.
    None,
}

/// Pools for what is given out. A pool that is written gives the families written in it; one that is not written is the default.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct PoolsSpec {
    /// For links between two nodes that are no switches: a /31 and a /127 each; 10.64.0.0/12 by default.
    pub p2p: Option<PoolSpec>,
    /// For `lo` of each router: a /32 and a /128 each; nothing by default.
    pub loopback: Option<PoolSpec>,
    /// For broadcast domains: a /24 or larger and a /64 each; 10.80.0.0/12 by default.
    pub lan: Option<PoolSpec>,
}

/// A pool: a network of each family.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct PoolSpec {
    /// As 10.0.0.0/16.
    pub ipv4: Option<String>,
    /// As fd00::/48.
    pub ipv6: Option<String>,
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

/// One text, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// A list.
    Many(Vec<String>),
}

impl OneOrMany {
    /// Each text, with its place.
    pub fn each<'a>(&'a self, at: &'a Place) -> impl Iterator<Item = (&'a str, Place)> {
        let (texts, one) = match self {
            OneOrMany::One(text) => (std::slice::from_ref(text), true),
            OneOrMany::Many(texts) => (texts.as_slice(), false),
        };
        texts.iter().enumerate().map(move |(i, text)| (text.as_str(), if one { at.clone() } else { at.index(i) }))
    }

    /// Whether it says no more than this word.
    pub fn is_word(&self, word: &str) -> bool {
        matches!(self, OneOrMany::One(text) if text == word)
    }
}

/// A text that may look like a number: for the schema, which editors hold against YAML's own reading of it.
struct Scalar;

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

/// Takes a scalar as text and hands lists and mappings on: unlike an untagged enum it keeps the path and the wording of an error inside them.
struct Either<T> {
    expecting: &'static str,
    text: fn(&str) -> Option<T>,
    list: Option<fn(Vec<String>) -> T>,
}

macro_rules! either_visitor {
    ($target:ty, $map:expr) => {
        impl<'de> Visitor<'de> for Either<$target> {
            type Value = $target;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.expecting)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<$target, E> {
                (self.text)(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<$target, A::Error> {
                match self.list {
                    Some(whole) => Vec::deserialize(SeqAccessDeserializer::new(list)).map(whole),
                    None => Err(de::Error::invalid_type(de::Unexpected::Seq, &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<$target, A::Error> {
                let whole: Option<fn(A) -> Result<$target, A::Error>> = $map;
                match whole {
                    Some(whole) => whole(map),
                    None => Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
                }
            }
        }
    };
}

either_visitor!(OneOrMany, None);
either_visitor!(
    EndpointSpec,
    Some(|map| EndpointMap::deserialize(MapAccessDeserializer::new(map)).map(|m| EndpointSpec::Map(Box::new(m))))
);
either_visitor!(
    AddressingSpec,
    Some(|map| PoolsSpec::deserialize(MapAccessDeserializer::new(map)).map(|m| AddressingSpec::Pools(Box::new(m))))
);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Either::<Self> {
            expecting: "text or a list of texts",
            text: |t| Some(OneOrMany::One(t.to_owned())),
            list: Some(OneOrMany::Many),
        })
    }
}

impl<'de> Deserialize<'de> for EndpointSpec {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Either::<Self> {
            expecting: "`node`, `node:interface` or a mapping",
            text: |t| Some(EndpointSpec::Text(t.to_owned())),
            list: None,
        })
    }
}

impl<'de> Deserialize<'de> for AddressingSpec {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Either::<Self> {
            expecting: "`none` or pools",
            text: |t| (t == "none").then_some(AddressingSpec::Word(AddressingWord::None)),
            list: None,
        })
    }
}
