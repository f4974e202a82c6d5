//! From an endpoint as written to the endpoints that it stands for.

use std::borrow::Cow;
use std::rc::Rc;

use ipnet::IpNet;

use super::building::Building;
use super::layers::beside;
use super::ports::PortKeys;
use super::ranges::{Pattern, has_range};
use super::treatment::{Level, Treating};
use super::values::{self, Family, On};
use super::{Endpoint, Kind, codes, nics};
use crate::names::{Mac, interface_name};
use crate::problem::Place;
use crate::spec::written::{EndpointMap, EndpointSpec, OneOrMany, Treated};

/// An endpoint, and what is said of how it treats packets.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub end: Endpoint,
    pub treating: Option<Rc<Treating>>,
    /// The first key of a port that is written of it.
    pub port_key: Option<&'static str>,
}

impl From<Endpoint> for Draft {
    fn from(end: Endpoint) -> Self {
        Draft { end, treating: None, port_key: None }
    }
}

/// What `host:eth1` is at this link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    /// A NIC that the other endpoint stands on.
    Nic,
    /// No endpoint.
    Unknown,
}

/// The endpoints that an expression stands for; none if any of them is wrong, which is told.
pub(super) fn expand(building: &mut Building, spec: &EndpointSpec, host: Host, at: Place) -> Option<Vec<Draft>> {
    match spec {
        EndpointSpec::Text(text) if !has_range(text) => Some(vec![plain(building, text, host, &at)?.into()]),
        EndpointSpec::Text(text) => {
            let pattern = Pattern::read(text, &at, &mut building.problems)?;
            let all = pattern.iter().map(|one| plain(building, &one, host, &at).map(Draft::from));
            all.collect::<Vec<Option<Draft>>>().into_iter().collect()
        }
        EndpointSpec::Map(map) => mapped(building, map, host, at),
    }
}

/// `node` or `node:interface`.
fn plain(building: &mut Building, text: &str, host: Host, at: &Place) -> Option<Endpoint> {
    let (node, interface) = match text.split_once(':') {
        Some((node, interface)) => (node, Some(interface)),
        None => (text, None),
    };
    endpoint(building, node, interface, host, at)
}

fn endpoint(building: &mut Building, node: &str, interface: Option<&str>, host: Host, at: &Place) -> Option<Endpoint> {
    if node == nics::HOST && host == Host::Nic {
        return nic(building, interface, at);
    }
    if node == nics::HOST {
        let message = "`host` is the machine itself, and this link makes no device on a NIC of it";
        let hint = "write `macvlan: bridge` or `ipvlan: l2` on the link, or link a bridge with `namespace: host`";
        building.problems.tell(codes::LINK_KIND, at, message, hint);
        return None;
    }
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
    Some(Endpoint::new(node?, interface, at.clone()))
}

fn nic(building: &mut Building, name: Option<&str>, at: &Place) -> Option<Endpoint> {
    let Some(name) = name else {
        let message = "`host` is the whole machine; a device stands on one NIC of it";
        building.problems.tell(codes::LINK_KIND, at, message, "write the NIC: `host:eth1`");
        return None;
    };
    Some(Endpoint::new(nics::node(building, name, at)?, Some(name.to_owned()), at.clone()))
}

fn mapped(building: &mut Building, map: &EndpointMap, host: Host, at: Place) -> Option<Vec<Draft>> {
    let node_at = at.key("node");
    // A mapping without a node is told by the pass over the text.
    let nodes = Pattern::read(map.node.as_deref()?, &node_at, &mut building.problems)?;
    let interfaces = match &map.interface {
        Some(text) => Some(Pattern::read(text, &at.key("interface"), &mut building.problems)?),
        None => None,
    };
    let count = nodes.count().max(interfaces.as_ref().map_or(1, Pattern::count));
    let treating = Treating::read(map.treatment(), Level::Own, &at, &mut building.problems).map(Rc::new);
    let keys = PortKeys::from(map);
    let port = keys.read(&at, &mut building.problems);
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
        let end = endpoint(building, &node, interface.as_deref(), host, &at);
        let end =
            end.map(|end| Own { building, map, at: &at, index, count, treated: treating.is_some() }.settings(end));
        all.push(end.map(|mut end| {
            end.port = port.clone();
            Draft { end, treating: treating.clone(), port_key: keys.first() }
        }));
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
    /// Something is said of how it treats packets.
    treated: bool,
}

impl Own<'_, '_> {
    fn settings(mut self, mut end: Endpoint) -> Endpoint {
        let map = self.map;
        end.addresses = self.addresses("ipv4", map.ipv4.as_ref(), Family::V4);
        end.addresses.extend(self.addresses("ipv6", map.ipv6.as_ref(), Family::V6));
        end.mac = self.mac();
        let at = self.at.key("mtu");
        end.mtu = map.mtu.and_then(|m| values::mtu(m, &at, &mut self.building.problems));
        end.mtu_at = end.mtu.map(|_| at);
        let node = &self.building.graph[end.node];
        let said = !end.addresses.is_empty() || end.mac.is_some() || end.mtu.is_some();
        if matches!(node.kind, Kind::Nic { .. }) && (said || self.treated) {
            let message = "a NIC of the machine stays as it is: nothing can be set at it";
            let hint = "write it at the node's own endpoint";
            self.building.problems.tell(codes::UNFIT, self.at, message, hint);
        }
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
