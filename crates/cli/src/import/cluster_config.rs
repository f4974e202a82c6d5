//! `cluster_config.json`: nodes with names and addresses on one bridge, with delay and loss, in any of the dialects people write it in.

use std::collections::HashMap;

use indexmap::IndexMap;
use ipnet::IpNet;
use netsim_core::given::{Prior, give};
use netsim_core::spec;
use serde::Deserialize;

mod reader;
mod values;
mod written;

use written::Addresses;

/// What such a file says, in our terms.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cluster {
    /// The lab's name, valid.
    pub name: Option<String>,
    /// The bridge's name, valid.
    pub bridge: Option<String>,
    /// Addresses on the bridge itself.
    pub bridge_addresses: Vec<IpNet>,
    /// The subnet, where it is said.
    pub subnet: Option<IpNet>,
    pub nodes: Vec<Node>,
    /// What is said for all links: our key to our value.
    pub all: Words,
    /// How values were read that could have been read otherwise, and what was not understood at all.
    pub warnings: Vec<String>,
}

/// A node of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// Valid and unique.
    pub name: String,
    pub interface: Option<String>,
    pub addresses: Vec<IpNet>,
    /// What is said for its link.
    pub own: Words,
}

/// Keys of a link in our file with their values, as `delay` to `10ms`.
pub type Words = IndexMap<&'static str, String>;

/// Why there is nothing to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterError {
    /// It is no JSON: why.
    Json(String),
    /// There are no nodes in it.
    NoNodes,
}

/// A JSON value that keeps the order of its keys.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
enum Json {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Json>),
    Map(IndexMap<String, Json>),
}

/// The topology file. Addresses are written only where the bridge would give out others.
pub fn topology(cluster: &Cluster, name: &str, from: &str) -> String {
    let given = written::topology(cluster, name, from, Addresses::Given);
    match written::subnet(cluster).is_some() && gives_the_same(&given, cluster) {
        true => given,
        false => written::topology(cluster, name, from, Addresses::Written),
    }
}

/// Whether every node of this file gets just the addresses that it has.
fn gives_the_same(yaml: &str, cluster: &Cluster) -> bool {
    let (_, topology) = spec::load("-", &mut |_| Ok(yaml.to_owned()), &IndexMap::new());
    let Ok(topology) = topology else { return false };
    let Ok(given) = give(&topology, &Prior::default()) else { return false };
    let mut given_to: HashMap<&str, &[IpNet]> = HashMap::new();
    for (link, given) in topology.graph.edge_weights().zip(&given.ends) {
        for (end, given) in link.ends.iter().zip(given) {
            given_to.insert(topology.graph[end.node].name.as_str(), &given.addresses);
        }
    }
    let has = |node: &Node| given_to.get(node.name.as_str()) == Some(&&*node.addresses);
    cluster.nodes.iter().all(|node| node.addresses.is_empty() || has(node))
}

/// Reads a file.
pub fn read(text: &str) -> Result<Cluster, ClusterError> {
    let json: Json = serde_json::from_str(text).map_err(|e| ClusterError::Json(e.to_string()))?;
    let cluster = reader::read(&json);
    match cluster.nodes.is_empty() {
        true => Err(ClusterError::NoNodes),
        false => Ok(cluster),
    }
}
