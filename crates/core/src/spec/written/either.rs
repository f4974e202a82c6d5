//! Values that can be written in more than one way.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::problem::Place;

/// One text, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// A list.
    Many(Vec<String>),
}

/// For the schema: a [`OneOrMany`] whose texts may look like numbers.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "it is only described")]
pub enum Scalars {
    /// One.
    One(Scalar),
    /// A list.
    Many(Vec<Scalar>),
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
pub struct Scalar;

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

/// Takes a scalar as text and hands lists and mappings on: unlike an untagged enum it keeps the path and the wording of an error inside them.
pub(super) struct Either<T> {
    pub expecting: &'static str,
    pub text: fn(&str) -> Option<T>,
    pub list: Option<fn(Vec<String>) -> T>,
}

macro_rules! either_visitor {
    ($target:ty, $map:expr) => {
        impl<'de> serde::de::Visitor<'de> for $crate::spec::written::either::Either<$target> {
            type Value = $target;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.expecting)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$target, E> {
                (self.text)(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, list: A) -> Result<$target, A::Error> {
                match self.list {
                    Some(whole) => Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(list)).map(whole),
                    None => Err(serde::de::Error::invalid_type(serde::de::Unexpected::Seq, &self)),
                }
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<$target, A::Error> {
                let whole: Option<fn(A) -> Result<$target, A::Error>> = $map;
                match whole {
                    Some(whole) => whole(map),
                    None => Err(serde::de::Error::invalid_type(serde::de::Unexpected::Map, &self)),
                }
            }
        }
    };
}

pub(super) use either_visitor;

either_visitor!(OneOrMany, None);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Either::<Self> {
            expecting: "text or a list of texts",
            text: |t| Some(OneOrMany::One(t.to_owned())),
            list: Some(OneOrMany::Many),
        })
    }
}
