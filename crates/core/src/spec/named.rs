//! Files that a topology file names for what they say, and does not include.

use super::Spec;
use super::written::NodeSpec;
use crate::problem::Place;

/// Every `flows:`, as written, with its place, and whether it is a node's own: then its ranges go along with those of the node's name.
pub(super) fn flows(spec: &Spec) -> Vec<(String, Place, bool)> {
    let root = Place { source: spec.source, ..Place::default() };
    let mut all: Vec<(&NodeSpec, Place, bool)> = Vec::new();
    all.extend(spec.defaults.iter().filter_map(|d| Some((d.node.as_ref()?, root.key("defaults").key("node"), false))));
    if let Some(kinds) = &spec.kinds {
        let of_kinds = [
            ("namespace", &kinds.namespace),
            ("router", &kinds.router),
            ("bridge", &kinds.bridge),
            ("ovs", &kinds.ovs),
            ("host", &kinds.host),
        ];
        all.extend(
            of_kinds.into_iter().filter_map(|(name, k)| Some((k.as_ref()?, root.key("kinds").key(name), false))),
        );
    }
    for (key, nodes) in [("groups", &spec.groups), ("nodes", &spec.nodes)] {
        for (name, node) in nodes.iter().flatten() {
            all.extend(node.iter().map(|node| (node, root.key(key).key(name), key == "nodes")));
        }
    }
    all.into_iter().filter_map(|(node, at, own)| Some((node.flows.clone()?, at.key("flows"), own))).collect()
}
