//! What can be written of an interface's packets, wherever an interface is written.

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer};

use super::OneOrMany;
use super::either::{Either, either_visitor};
use crate::resource::Distribution;

/// A struct of the file that has, beside its own keys, those of [`Treatment`]. (A flattened struct would lose the place of what is wrong in it.)
macro_rules! treated {
    (
        $(#[$about:meta])*
        pub struct $name:ident { $($(#[$field_about:meta])* pub $field:ident: $type:ty,)* }
    ) => {
        $(#[$about])*
        pub struct $name {
            $($(#[$field_about])* pub $field: $type,)*
            /// How much later each packet is sent, as 10ms: at most 1h.
            pub delay: Option<String>,
            /// How much the delay varies, as 2ms: at most the delay.
            pub jitter: Option<String>,
            /// How the delay varies; `uniform` by default.
            pub distribution: Option<$crate::resource::Distribution>,
            /// The share of packets that are lost, as 1%, or in bursts: `{ p, r, 1-h, 1-k }`.
            pub loss: Option<$crate::spec::written::LossSpec>,
            /// The share of packets that are sent twice, as 1%.
            pub duplicate: Option<String>,
            /// The share of packets in which a bit is changed, as 1%.
            pub corrupt: Option<String>,
            /// The share of packets that are sent at once, past those that are delayed, as 1%.
            pub reorder: Option<String>,
            /// How much is sent at most, as 100mbit; units as in tc(8), where `mbps` is megabytes a second.
            pub rate: Option<String>,
            /// How many packets may wait; what comes beyond is dropped. By default enough for the rate and the delay.
            pub limit: Option<u32>,
            /// Packets that would be lost are marked instead, where they can be (RFC 3168).
            pub ecn: Option<bool>,
            /// What chance begins with, so that it is the same each time; since Linux 6.6.
            pub seed: Option<u64>,
            /// `down`: the interface is not brought up.
            pub state: Option<$crate::spec::written::StateSpec>,
            /// The length of the transmit queue in packets: 0 to 1000000; 1000 by default.
            pub txqueuelen: Option<u32>,
            /// How many queues it sends from, and as many it receives into: 1 to 4096; 1 by default.
            pub queues: Option<u32>,
            /// CPUs that work on what it receives, as `0-3,8` or a list; `none` by default.
            #[schemars(with = "Option<crate::spec::written::Scalars>")]
            pub rps_cpus: Option<$crate::spec::written::OneOrMany>,
            /// CPUs that send, as `0-3,8` or a list, where there are two queues and more; `none` by default.
            #[schemars(with = "Option<crate::spec::written::Scalars>")]
            pub xps_cpus: Option<$crate::spec::written::OneOrMany>,
            /// What is left to the device.
            pub offloads: Option<$crate::spec::written::OffloadsSpec>,
        }

        impl $crate::spec::written::Treated for $name {
            fn treatment(&self) -> $crate::spec::written::Treatment<'_> {
                $crate::spec::written::Treatment {
                    delay: self.delay.as_deref(),
                    jitter: self.jitter.as_deref(),
                    distribution: self.distribution,
                    loss: self.loss.as_ref(),
                    duplicate: self.duplicate.as_deref(),
                    corrupt: self.corrupt.as_deref(),
                    reorder: self.reorder.as_deref(),
                    rate: self.rate.as_deref(),
                    limit: self.limit,
                    ecn: self.ecn,
                    seed: self.seed,
                    state: self.state,
                    txqueuelen: self.txqueuelen,
                    queues: self.queues,
                    rps_cpus: self.rps_cpus.as_ref(),
                    xps_cpus: self.xps_cpus.as_ref(),
                    offloads: self.offloads.as_ref(),
                }
            }
        }
    };
}

pub(super) use treated;

/// Something that says how packets are treated.
pub trait Treated {
    /// What it says.
    fn treatment(&self) -> Treatment<'_>;
}

/// How packets are treated, as written at one place; each field is the key of its name.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs, reason = "the schema describes the keys, in the macro above")]
pub struct Treatment<'s> {
    pub delay: Option<&'s str>,
    pub jitter: Option<&'s str>,
    pub distribution: Option<Distribution>,
    pub loss: Option<&'s LossSpec>,
    pub duplicate: Option<&'s str>,
    pub corrupt: Option<&'s str>,
    pub reorder: Option<&'s str>,
    pub rate: Option<&'s str>,
    pub limit: Option<u32>,
    pub ecn: Option<bool>,
    pub seed: Option<u64>,
    pub state: Option<StateSpec>,
    pub txqueuelen: Option<u32>,
    pub queues: Option<u32>,
    pub rps_cpus: Option<&'s OneOrMany>,
    pub xps_cpus: Option<&'s OneOrMany>,
    pub offloads: Option<&'s OffloadsSpec>,
}

/// Which packets are lost: a share of all, or in bursts.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum LossSpec {
    /// Each by itself: the share, as 1%.
    Share(String),
    /// In bursts.
    Bursts(Box<GilbertSpec>),
}

/// Loss in bursts, by a good and a bad state (Gilbert 1960, Elliott 1963; `loss gemodel` of tc-netem(8)).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }, "required" = ["p"]))]
pub struct GilbertSpec {
    /// How likely a packet is the first of a burst, as 1%.
    pub p: Option<String>,
    /// How likely a packet of a burst is the last; 100% less `p` by default.
    pub r: Option<String>,
    /// The share that is lost in a burst; 100% by default.
    #[serde(rename = "1-h")]
    pub one_less_h: Option<String>,
    /// The share that is lost else; 0% by default.
    #[serde(rename = "1-k")]
    pub one_less_k: Option<String>,
}

/// Whether an interface is brought up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StateSpec {
    /// It is.
    Up,
    /// It is not.
    Down,
}

/// What is left to the device (ethtool(8)); all is `on` by default.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct OffloadsSpec {
    /// Checksums of what it sends; `off`: they are in every packet.
    pub tx_checksum: Option<SwitchSpec>,
    /// Large packets are cut up late; `off`: before they are sent.
    pub gso: Option<SwitchSpec>,
    /// Received packets are put together; `off`: they are not.
    pub gro: Option<SwitchSpec>,
    /// TCP is cut up by the device; `off`: before it.
    pub tso: Option<SwitchSpec>,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SwitchSpec {
    /// On.
    On,
    /// Off.
    Off,
}

either_visitor!(
    LossSpec,
    Some(|map| GilbertSpec::deserialize(MapAccessDeserializer::new(map)).map(|m| LossSpec::Bursts(Box::new(m))))
);

impl<'de> Deserialize<'de> for LossSpec {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Either::<Self> {
            expecting: "a share as 1%, or a mapping",
            text: |t| Some(LossSpec::Share(t.to_owned())),
            list: None,
        })
    }
}
