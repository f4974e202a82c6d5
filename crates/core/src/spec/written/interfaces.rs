//! Interfaces as a node writes them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::OneOrMany;
use super::treatment::treated;
use crate::resource::{BondMode, IpvlanMode, MacvlanMode, VlanProtocol};

treated! {
    /// An interface: the settings of one that a link makes; with one of `vlan`, `dummy`, `internal`, `macvlan`, `ipvlan`, `bond` and `vrf` an interface of the node's own.
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
        /// An 802.1Q sub-interface: the VLAN, 1 to 4094; with `internal` the one VLAN that it is in.
        pub vlan: Option<u32>,
        /// Of a VLAN sub-interface: the tag's protocol; `802.1q` by default.
        pub protocol: Option<VlanProtocol>,
        /// Of a VLAN sub-interface, a macvlan and an ipvlan: the interface beneath. Of `eth0.10` it is `eth0` by default.
        pub parent: Option<String>,
        /// A device that swallows what it is given.
        pub dummy: Option<bool>,
        /// Of a switch of Open vSwitch: a device in the machine's own namespace, with a port of its own.
        pub internal: Option<bool>,
        /// A device with an Ethernet address of its own on another interface: whom it can talk to.
        pub macvlan: Option<MacvlanMode>,
        /// A device that shares the Ethernet address of another interface: what it looks at.
        pub ipvlan: Option<IpvlanMode>,
        /// Several interfaces as one.
        pub bond: Option<BondSpec>,
        /// A routing domain of its own.
        pub vrf: Option<VrfSpec>,
    }
}

/// A bond of interfaces of a node.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }, "required" = ["members"]))]
pub struct BondSpec {
    /// Its members: interfaces of the node, without addresses.
    pub members: Option<OneOrMany>,
    /// How it uses them; `balance-rr` by default.
    pub mode: Option<BondMode>,
    /// How often it looks whether they are up: 0ms (never) to 60s; 100ms by default.
    pub miimon: Option<String>,
}

/// A VRF of a node (Documentation/networking/vrf.rst).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }, "required" = ["table"]))]
pub struct VrfSpec {
    /// The number of its routing table: 1 to 4294967295, but not 253 to 255.
    pub table: Option<u32>,
    /// The interfaces of the node that are in it.
    pub members: Option<OneOrMany>,
}
