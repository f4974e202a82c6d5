//! What is written of Open vSwitch alone.

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer};

use super::OneOrMany;
use super::either::{Either, either_visitor};
use crate::topology::Direction;

/// A copy of what passes a switch, to one of its ports; nothing else leaves by that port then.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }, "required" = ["to"]))]
pub struct MirrorSpec {
    /// Its name; `mirror0`, `mirror1`, … in file order by default.
    pub name: Option<String>,
    /// The ports that are copied: what is behind them, as `node` or `node:interface`, or a list; `all`, which is the default.
    pub from: Option<OneOrMany>,
    /// The port that the copies leave by: what is behind it, as `node` or `node:interface`.
    pub to: Option<String>,
    /// What is copied: what the switch takes in from the ports, what it sends out to them, or both, which is the default.
    pub direction: Option<Direction>,
}

/// Most that a port takes in: a rate, or a rate and a burst.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum PolicingSpec {
    /// The rate, as 10mbit.
    Rate(String),
    /// A rate and a burst.
    Both(Box<PolicingMap>),
}

/// Most that a port takes in.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }, "required" = ["rate"]))]
pub struct PolicingMap {
    /// How much a second, as 10mbit; units as in tc(8).
    pub rate: Option<String>,
    /// How much may come above that at once, as 800kbit; 8000kbit by default.
    pub burst: Option<String>,
}

either_visitor!(
    PolicingSpec,
    Some(|map| PolicingMap::deserialize(MapAccessDeserializer::new(map)).map(|m| PolicingSpec::Both(Box::new(m))))
);

impl<'de> Deserialize<'de> for PolicingSpec {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Either::<Self> {
            expecting: "a rate as 10mbit, or a mapping",
            text: |t| Some(PolicingSpec::Rate(t.to_owned())),
            list: None,
        })
    }
}
