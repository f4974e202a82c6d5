//! From an endpoint as written to the endpoints that it stands for.

use std::borrow::Cow;

use ipnet::IpNet;

use super::building::Building;
use super::layers::beside;
use super::ranges::{Pattern, has_range};
use super::values::{self, Family, On};
use super::{Endpoint, codes};
use crate::names::{Mac, interface_name};
use crate::problem::Place;
use crate::spec::written::{EndpointMap, EndpointSpec, OneOrMany};

/// The endpoints that an expression stands for; none if any of them is wrong, which is told.
pub(super) fn expand(building: &mut Building, spec: &EndpointSpec, at: Place) -> Option<Vec<Endpoint>> {
    match spec {
        EndpointSpec::Text(text) if !has_range(text) => Some(vec![plain(building, text, &at)?]),
        EndpointSpec::Text(text) => {
            let pattern = parse(building, text, &at)?;
            let all: Vec<Option<Endpoint>> = pattern.iter().map(|one| plain(building, &one, &at)).collect();
            all.into_iter().collect()
        }
        EndpointSpec::Map(map) => mapped(building, map, at),
    }
}

fn parse<'t>(building: &mut Building, text: &'t str, at: &Place) -> Option<Pattern<'t>> {
    match Pattern::parse(text) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let hint = "write a range as [1-4] and a set as {a,b}";
            building.problems.tell(codes::RANGE, at, error.to_string(), hint);
            None
        }
    }
}

/// `node` or `node:interface`.
fn plain(building: &mut Building, text: &str, at: &Place) -> Option<Endpoint> {
    let (node, interface) = match text.split_once(':') {
        Some((node, interface)) => (node, Some(interface)),
        None => (text, None),
    };
    endpoint(building, node, interface, at)
}

fn endpoint(building: &mut Building, node: &str, interface: Option<&str>, at: &Place) -> Option<Endpoint> {
    let node = building.node(node, at);
    let interface = match interface.map(interface_name) {
        None => None,
        Some(Ok(name)) => Some(name.to_owned()),
        Some(Err(error)) => {
            building.problems.tell(codes::NAME, at, error.to_string(), "write an interface's name, as `eth1`");
            return None;
        }
    };
    if interface.as_deref() == Some("lo") {
        let hint = "write addresses of `lo` under the node's `lo:`";
        building.problems.tell(codes::NAME, at, "`lo` is in every node and no end of a link", hint);
        return None;
    }
    Some(Endpoint {
        node: node?,
        interface,
        addresses: Vec::new(),
        mac: None,
        mtu: None,
        written: super::Written::default(),
        port: super::PortWritten::default(),
        at: at.clone(),
    })
}

fn mapped(building: &mut Building, map: &EndpointMap, at: Place) -> Option<Vec<Endpoint>> {
    let node_at = at.key("node");
    // A mapping without a node is told by the pass over the text.
    let nodes = parse(building, map.node.as_deref()?, &node_at)?;
    let interfaces = match &map.interface {
        Some(text) => Some(parse(building, text, &at.key("interface"))?),
        None => None,
    };
    let count = nodes.count().max(interfaces.as_ref().map_or(1, Pattern::count));
    let mut all = Vec::with_capacity(count);
    for index in 0..count {
        let node = beside(map.node.as_deref()?, index, count, &node_at, &mut building.problems)?;
        let interface = match &map.interface {
            Some(text) => Some(beside(text, index, count, &at.key("interface"), &mut building.problems)?),
            None => None,
        };
        if let Some((name, rest)) = node.split_once(':') {
            let hint = format!("write `node: {name}, interface: {rest}`");
            building.problems.tell(codes::NAME, &node_at, format!("`{node}` is no node's name"), &hint);
            return None;
        }
        let end = endpoint(building, &node, interface.as_deref(), &at);
        all.push(end.map(|end| Own { building, map, at: &at, index, count }.settings(end)));
    }
    all.into_iter().collect()
}

/// The settings that stand beside an endpoint.
struct Own<'b, 's> {
    building: &'b mut Building,
    map: &'s EndpointMap,
    at: &'s Place,
    index: usize,
    count: usize,
}

impl Own<'_, '_> {
    fn settings(mut self, mut end: Endpoint) -> Endpoint {
        let map = self.map;
        end.addresses = self.addresses("ipv4", map.ipv4.as_ref(), Family::V4);
        end.addresses.extend(self.addresses("ipv6", map.ipv6.as_ref(), Family::V6));
        end.mac = self.mac();
        end.mtu = map.mtu.and_then(|m| values::mtu(m, &self.at.key("mtu"), &mut self.building.problems));
        let node = &self.building.graph[end.node];
        if node.switch().is_some() && !end.addresses.is_empty() {
            let message = format!("a port of the bridge `{}` has no addresses", node.name);
            let hint = format!("write `ipv4:` on `{}` itself", node.name);
            self.building.problems.tell(codes::UNFIT, self.at, message, &hint);
        }
        end
    }

    fn text<'t>(&mut self, text: &'t str, at: &Place) -> Option<Cow<'t, str>> {
        beside(text, self.index, self.count, at, &mut self.building.problems)
    }

    fn addresses(&mut self, key: &str, list: Option<&OneOrMany>, family: Family) -> Vec<IpNet> {
        let Some(list) = list else { return Vec::new() };
        let place = self.at.key(key);
        let mut one = |(text, at): (&str, Place)| {
            let text = self.text(text, &at)?;
            values::address(&text, Some(family), On::Wire, &at, &mut self.building.problems)
        };
        list.each(&place).filter_map(&mut one).collect()
    }

    fn mac(&mut self) -> Option<Mac> {
        let at = self.at.key("mac");
        let text = self.text(self.map.mac.as_deref()?, &at)?;
        values::mac(&text, &at, &mut self.building.problems)
    }
}
