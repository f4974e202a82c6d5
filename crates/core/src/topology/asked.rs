//! What the file asks `check` to prove.

use petgraph::graph::NodeIndex;

use super::building::Building;
use super::ranges::Pattern;
use super::{Check, CheckKind, Kind, codes, is_output, values};
use crate::problem::Place;
use crate::spec::Spec;
use crate::spec::written::CheckSpec;

/// All checks of all files.
pub(super) fn checks(building: &mut Building, specs: &[Spec]) -> Vec<Check> {
    let mut checks = Vec::new();
    for spec in specs {
        let root = Place { source: spec.source, ..Place::default() }.key("checks");
        for (i, check) in spec.checks.iter().flatten().enumerate() {
            let at = root.index(i);
            if let Some(kind) = kind(building, check, &at) {
                checks.push(Check { kind, at });
            }
        }
    }
    checks
}

fn kind(building: &mut Building, check: &CheckSpec, at: &Place) -> Option<CheckKind> {
    if check.rtt.is_some() && check.ping.is_none() {
        let hint = "write `ping: [a, b]` beside it";
        building.problems.tell(codes::CHECK, &at.key("rtt"), "`rtt` is the time of a ping, and there is none", hint);
        return None;
    }
    match (&check.reachable, &check.unreachable, &check.ping) {
        (Some(all), None, None) if all.is_word("all") => {
            let answers = |kind: &Kind| match kind {
                Kind::Namespace | Kind::Router | Kind::Host => true,
                Kind::Bridge(_) | Kind::Ovs(..) | Kind::Nic { .. } | Kind::Overlay(_) => false,
            };
            let nodes = building.graph.node_indices();
            let nodes = nodes.filter(|&n| answers(&building.graph[n].kind) && !only_watches(building, n));
            Some(CheckKind::Reachable(nodes.collect()))
        }
        (Some(list), None, None) => {
            let at = at.key("reachable");
            let texts: Vec<(&str, Place)> = list.each(&at).collect();
            Some(CheckKind::Reachable(several(building, texts, &at)?))
        }
        (None, Some(list), None) => {
            let at = at.key("unreachable");
            let texts = list.iter().enumerate().map(|(i, t)| (t.as_str(), at.index(i))).collect();
            Some(CheckKind::Unreachable(several(building, texts, &at)?))
        }
        (None, None, Some(pair)) => ping(building, pair, check.rtt.as_deref(), at),
        _ => {
            let message = "a check asks one thing: `reachable`, `unreachable` or `ping`";
            building.problems.tell(codes::CHECK, at, message, "make a check of each");
            None
        }
    }
}

/// Whether a node hears copies alone.
fn only_watches(building: &Building, node: NodeIndex<u32>) -> bool {
    let ends = &building.extras[node.index()].ends;
    !ends.is_empty() && ends.iter().all(|&(edge, side)| is_output(&building.graph, edge, 1 - side))
}

fn several(building: &mut Building, texts: Vec<(&str, Place)>, at: &Place) -> Option<Vec<NodeIndex<u32>>> {
    let mut all = Vec::new();
    for (text, at) in texts {
        all.extend(named(building, text, &at)?);
    }
    if all.len() < 2 {
        building.problems.tell(codes::CHECK, at, "it takes two nodes to reach each other", "write two names or more");
        return None;
    }
    Some(all)
}

fn ping(building: &mut Building, pair: &[String], rtt: Option<&str>, at: &Place) -> Option<CheckKind> {
    let place = at.key("ping");
    let nodes: Option<Vec<Vec<NodeIndex<u32>>>> =
        pair.iter().enumerate().map(|(i, text)| named(building, text, &place.index(i))).collect();
    let nodes = nodes?.concat();
    let &[from, to] = nodes.as_slice() else {
        building.problems.tell(codes::CHECK, &place, "a ping goes from one node to another", "write `ping: [a, b]`");
        return None;
    };
    let rtt = match rtt.map(|text| (text, values::bounds(text))) {
        None => None,
        Some((_, Some(bounds))) => Some(bounds),
        Some((text, None)) => {
            let message = format!("`{text}` is no range of times");
            let hint = "write \"10ms..20ms\", \"..20ms\" or \"10ms..\"; units are us, ms and s";
            building.problems.tell(codes::CHECK, &at.key("rtt"), message, hint);
            return None;
        }
    };
    Some(CheckKind::Ping { from, to, rtt })
}

/// The nodes that a text stands for; each of them has addresses.
fn named(building: &mut Building, text: &str, at: &Place) -> Option<Vec<NodeIndex<u32>>> {
    let pattern = Pattern::read(text, at, &mut building.problems)?;
    let mut nodes = Vec::with_capacity(pattern.count());
    for name in pattern.iter() {
        let node = building.node(&name, at)?;
        if building.graph[node].switch().is_some() {
            let message = format!("`{name}` is a bridge: nothing is sent to it or from it");
            building.problems.tell(codes::CHECK, at, message, "name nodes that are linked to it");
            return None;
        }
        nodes.push(node);
    }
    Some(nodes)
}
