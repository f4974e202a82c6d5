//! From what the files say to a topology, or to all that is wrong with them.

use super::building::Building;
use super::realms::Realms;
use super::{
    On, Pools, Routing, Topology, asked, codes, domains, ends, hosts, links, mirrors, nodes, pools, spread, uniqueness,
};
use crate::names::{LabName, NameError, NetnsName};
use crate::place::{self, Places};
use crate::problem::{Place, Problem};
use crate::spec::Spec;
use crate::spec::written::RoutingSpec;

/// Checks what the files say, in the order in which they are merged; all that is wrong is told at once.
pub fn check(specs: &[Spec]) -> Result<Topology, Vec<Problem>> {
    let mut building = Building::default();
    let name = lab_name(&mut building, specs);
    building.prefix = prefix(&mut building, specs, name.as_ref());
    let routing = match specs.iter().rev().find_map(|s| s.routing) {
        Some(RoutingSpec::Static) => Routing::Static,
        Some(RoutingSpec::None) | None => Routing::Written,
    };
    let pools: Option<Pools> = pools::of(&mut building, specs);
    hosts::add(&mut building, specs);
    nodes::add(&mut building, specs);
    links::add(&mut building, specs);
    spread::settle(&mut building, specs);
    ends::settle(&mut building);
    spread::check(&mut building);
    mirrors::settle(&mut building);
    let realms = Realms::of(&building);
    domains::check(&mut building, &realms, pools.as_ref());
    uniqueness::check(&mut building, &realms);
    let checks = asked::checks(&mut building, specs);
    let problems = std::mem::take(&mut building.problems).into_list();
    let Some(name) = name.filter(|_| problems.is_empty()) else { return Err(problems) };
    let Building { prefix, hosts, auto, graph, .. } = building;
    let topology = Topology { name, prefix, hosts, graph, routing, pools, checks };
    // Where all is written, what there is on each host is known, and what is wrong with that can be told with the rest.
    let elsewhere = topology.graph.node_weights().any(|node| node.on != On::default());
    if auto.is_none() && elsewhere {
        place::place(&topology, &Places::new())?;
    }
    Ok(topology)
}

/// What stands before nodes' names in those of their namespaces.
fn prefix(building: &mut Building, specs: &[Spec], name: Option<&LabName>) -> String {
    let Some((text, source)) = specs.iter().rev().find_map(|s| Some((s.prefix.as_ref()?, s.source))) else {
        return name.map_or_else(String::new, |n| format!("{n}-"));
    };
    // A node's name follows: whether both together are too long is told there.
    match NetnsName::new(&format!("{text}x")) {
        Ok(_) | Err(NameError::TooLong { .. }) => text.clone(),
        Err(_) => {
            let at = Place { source, ..Place::default() }.key("prefix");
            let message = format!("no namespace can have a name that begins with `{text}`");
            let hint = "write letters, digits, `-`, `_` and `.`, a letter or a digit first";
            building.problems.tell(codes::NAME, &at, message, hint);
            String::new()
        }
    }
}

fn lab_name(building: &mut Building, specs: &[Spec]) -> Option<LabName> {
    let Some((text, source)) = specs.iter().rev().find_map(|s| Some((s.name.as_ref()?, s.source))) else {
        let source = specs.last().map_or(0, |s| s.source);
        let at = Place { source, ..Place::default() };
        building.problems.tell(codes::NO_NAME, &at, "the lab has no name", "write `name: …` at the top");
        return None;
    };
    match LabName::new(text) {
        Ok(name) => Some(name),
        Err(error) => {
            let at = Place { source, ..Place::default() }.key("name");
            let hint = "write a name of letters, digits, `-`, `_` and `.`";
            building.problems.tell(codes::NAME, &at, error.to_string(), hint);
            None
        }
    }
}
