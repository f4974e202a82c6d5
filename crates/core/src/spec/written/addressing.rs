//! Where addresses come from, as written.

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer};

use super::either::{Either, either_visitor};

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

either_visitor!(
    AddressingSpec,
    Some(|map| PoolsSpec::deserialize(MapAccessDeserializer::new(map)).map(|m| AddressingSpec::Pools(Box::new(m))))
);

impl<'de> Deserialize<'de> for AddressingSpec {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Either::<Self> {
            expecting: "`none` or pools",
            text: |t| (t == "none").then_some(AddressingSpec::Word(AddressingWord::None)),
            list: None,
        })
    }
}
