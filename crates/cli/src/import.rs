//! Topologies from other tools' files.

pub mod cluster_config;
pub mod graphml;
mod naming;
pub mod yaml;

/// What another tool's file says, in our terms: every node a router.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The lab's name, valid.
    pub name: String,
    pub nodes: Vec<ImportedNode>,
    /// Pairs of nodes by index; parallel links stand as often as they are.
    pub links: Vec<ImportedLink>,
    /// What was left out, and what is odd.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ImportedNode {
    /// Valid and unique.
    pub name: String,
    /// As the file has it, where that is no valid name.
    pub label: Option<String>,
    /// Latitude and longitude in degrees, as written.
    pub at: Option<[String; 2]>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ImportedLink {
    pub ends: [usize; 2],
    pub label: Option<String>,
}

/// The valid name that is nearest to this one.
pub fn named(name: &str) -> String {
    Some(naming::valid(name)).filter(|n| !n.is_empty()).unwrap_or_else(|| "imported".to_owned())
}
