//! What joins hosts, as written on a link, on a bridge that is on several hosts, and for all.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::resource::Df;

/// What joins hosts, unless a link or a bridge says otherwise: one of these.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct OverlayDefaults {
    /// Frames in VXLAN.
    pub vxlan: Option<VxlanSpec>,
    /// Frames in Geneve, between switches of Open vSwitch.
    pub geneve: Option<GeneveSpec>,
    /// Frames in GRE, between two hosts.
    pub gretap: Option<GreSpec>,
    /// Packets in GRE, between nodes that are no switches.
    pub gre: Option<GreSpec>,
}

/// Frames in VXLAN (RFC 7348).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct VxlanSpec {
    /// The network: 1 to 16777215; from a hash by default.
    pub vni: Option<u32>,
    /// The UDP port: 1 to 65535; 4789 by default.
    pub port: Option<u32>,
    /// A multicast group of the underlay, as 239.1.1.1, that frames for many go to; by default each host gets a copy.
    pub group: Option<String>,
    /// The outer TTL: 1 to 255; the kernel's by default, 64 and for a group 1.
    pub ttl: Option<u32>,
    /// Whether the outer UDP header has a checksum; `true` by default.
    pub udp_checksum: Option<bool>,
    /// Whether the outer IPv4 header forbids to be cut in pieces; `unset` by default.
    pub df: Option<Df>,
}

/// Frames in Geneve (RFC 8926).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct GeneveSpec {
    /// The network: 1 to 16777215; from a hash by default.
    pub vni: Option<u32>,
    /// The UDP port: 1 to 65535; 6081 by default.
    pub port: Option<u32>,
    /// The outer TTL: 1 to 255; 64 by default.
    pub ttl: Option<u32>,
    /// Whether the outer UDP header has a checksum; `true` by default.
    pub udp_checksum: Option<bool>,
}

/// Frames or packets in GRE (RFC 2784, RFC 2890).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct GreSpec {
    /// The key: 0 to 4294967295; none by default.
    pub key: Option<u32>,
    /// The outer TTL: 1 to 255; 64 by default.
    pub ttl: Option<u32>,
    /// Whether packets have a checksum; `false` by default.
    pub checksum: Option<bool>,
}

/// The keys of an overlay, as written at one place.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs, reason = "the schema describes the keys, in the structs above")]
pub struct Overlays<'s> {
    pub vxlan: Option<&'s VxlanSpec>,
    pub geneve: Option<&'s GeneveSpec>,
    pub gretap: Option<&'s GreSpec>,
    pub gre: Option<&'s GreSpec>,
}

macro_rules! overlays {
    ($($name:ty),+) => {
        $(impl<'s> From<&'s $name> for Overlays<'s> {
            fn from(spec: &'s $name) -> Self {
                Overlays {
                    vxlan: spec.vxlan.as_ref(),
                    geneve: spec.geneve.as_ref(),
                    gretap: spec.gretap.as_ref(),
                    gre: spec.gre.as_ref(),
                }
            }
        })+
    };
}

overlays!(OverlayDefaults, super::LinkSpec, super::NodeSpec);

impl Overlays<'_> {
    /// The keys that are written.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        let keys = [
            ("vxlan", self.vxlan.is_some()),
            ("geneve", self.geneve.is_some()),
            ("gretap", self.gretap.is_some()),
            ("gre", self.gre.is_some()),
        ];
        keys.into_iter().filter_map(|(key, is)| is.then_some(key))
    }
}
