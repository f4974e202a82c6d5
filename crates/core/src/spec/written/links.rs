//! Links as written.

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer};

use super::either::{Either, either_visitor};
use super::treatment::treated;
use super::{GeneveSpec, GreSpec, OneOrMany, PolicingSpec, Scalars, VxlanSpec};
use crate::resource::{BondMode, IpvlanMode, MacvlanMode};

treated! {
    /// Settings of every link.
    #[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
    #[serde(rename_all = "kebab-case", default)]
    #[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
    pub struct LinkDefaults {
        /// The largest packet in bytes: 68 to 65535.
        pub mtu: Option<u32>,
    }
}

treated! {
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
        /// Of a bridge's port: the one VLAN it is in, without a tag: 1 to 4094. It makes the bridge filter VLANs.
        pub vlan: Option<u32>,
        /// Of a bridge's port: the VLANs that pass it with a tag, as `[10, 20-30]`, or `all`. It makes the bridge filter VLANs.
        #[schemars(with = "Option<Scalars>")]
        pub trunk: Option<OneOrMany>,
        /// Of a trunk: the VLAN that passes without a tag.
        pub native: Option<u32>,
        /// Of a bridge's port: frames may leave by it that came in by it.
        pub hairpin: Option<bool>,
        /// Of a bridge's port: it hears only ports that are not isolated.
        pub isolated: Option<bool>,
        /// Of a bridge's port: `false` keeps the bridge from remembering the addresses behind it.
        pub learning: Option<bool>,
        /// Of a port of Open vSwitch: most that it takes in, as 10mbit, or `{ rate, burst }`; what is above is dropped.
        pub policing: Option<PolicingSpec>,
        /// Several pairs of devices, bonded at both ends.
        pub bond: Option<LinkBondSpec>,
        /// A macvlan device on a NIC of the machine, which is the other endpoint (`host:eth1`): whom it can talk to.
        pub macvlan: Option<MacvlanMode>,
        /// An ipvlan device on a NIC of the machine, which is the other endpoint (`host:eth1`): what it looks at.
        pub ipvlan: Option<IpvlanMode>,
        /// Between hosts: frames in VXLAN, which is the default.
        pub vxlan: Option<VxlanSpec>,
        /// Between hosts: frames in Geneve, of switches of Open vSwitch.
        pub geneve: Option<GeneveSpec>,
        /// Between two hosts: frames in GRE.
        pub gretap: Option<GreSpec>,
        /// Between hosts: packets in GRE, of nodes that are no switches.
        pub gre: Option<GreSpec>,
    }
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

treated! {
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
        /// Of a bridge's port: the one VLAN it is in, without a tag: 1 to 4094. It makes the bridge filter VLANs.
        pub vlan: Option<u32>,
        /// Of a bridge's port: the VLANs that pass it with a tag, as `[10, 20-30]`, or `all`. It makes the bridge filter VLANs.
        #[schemars(with = "Option<Scalars>")]
        pub trunk: Option<OneOrMany>,
        /// Of a trunk: the VLAN that passes without a tag.
        pub native: Option<u32>,
        /// Of a bridge's port: frames may leave by it that came in by it.
        pub hairpin: Option<bool>,
        /// Of a bridge's port: it hears only ports that are not isolated.
        pub isolated: Option<bool>,
        /// Of a bridge's port: `false` keeps the bridge from remembering the addresses behind it.
        pub learning: Option<bool>,
        /// Of a port of Open vSwitch: most that it takes in, as 10mbit, or `{ rate, burst }`; what is above is dropped.
        pub policing: Option<PolicingSpec>,
    }
}

/// A link of several pairs.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }, "required" = ["links"]))]
pub struct LinkBondSpec {
    /// How many pairs: 2 to 16.
    pub links: Option<u32>,
    /// How they are used; `balance-rr` by default.
    pub mode: Option<BondMode>,
    /// How often each end looks whether they are up: 0ms (never) to 60s; 100ms by default.
    pub miimon: Option<String>,
}

either_visitor!(
    EndpointSpec,
    Some(|map| EndpointMap::deserialize(MapAccessDeserializer::new(map)).map(|m| EndpointSpec::Map(Box::new(m))))
);

impl<'de> Deserialize<'de> for EndpointSpec {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Either::<Self> {
            expecting: "`node`, `node:interface` or a mapping",
            text: |t| Some(EndpointSpec::Text(t.to_owned())),
            list: None,
        })
    }
}
