//! Hosts as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::OneOrMany;

/// A machine that nodes can be on. The one that netsim runs on is `local`, and needs to be written only for its underlay or its weight.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct HostSpec {
    /// What `ssh` connects to: anything that it understands, as `root@192.0.2.7` or a name of `~/.ssh/config`.
    pub ssh: Option<String>,
    /// Where it is in the network that joins the hosts; found out where it is not written.
    pub underlay: Option<UnderlaySpec>,
    /// `true`: root's rights come from `sudo`, which asks for no password there.
    pub sudo: Option<bool>,
    /// The database of Open vSwitch there: `unix:PATH`, a whole path, `tcp:ADDRESS:PORT`; looked for at the usual places where it is not written.
    pub ovsdb: Option<String>,
    /// How much of the lab it takes under `place: auto`, beside the others: 1 to 1000; 1 by default.
    pub weight: Option<u32>,
}

/// Where a host is in the network that joins the hosts.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
#[schemars(deny_unknown_fields, extend("patternProperties" = { "^x-": true }))]
pub struct UnderlaySpec {
    /// Its address there, as 192.0.2.7, or one of each family.
    pub address: Option<OneOrMany>,
    /// Its NIC there, as eth1.
    pub device: Option<String>,
}

/// Where nodes are to be that say no `host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceSpec {
    /// On whichever host netsim puts them: so that links between hosts are few and hosts evenly loaded.
    Auto,
}
