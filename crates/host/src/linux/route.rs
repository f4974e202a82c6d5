//! Routes as rtnetlink messages.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_core::{Emitable, NlasIterator};
use netlink_packet_route::route::{
    RouteAttribute, RouteHeader, RouteMessage, RouteNextHop, RouteProtocol, RouteScope, RouteType, RouteVia,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netsim_core::mark::PROTOCOL;
use netsim_core::resource::{NextHop, Route};

use super::address::ip;

/// Bytes before the attributes of a next hop (`struct rtnexthop`).
const RTNH_LEN: usize = 8;

/// Bytes before the address in an RTA_VIA (`struct rtvia`).
const RTVIA_LEN: usize = 2;

/// A route as a dump shows it; next hops by the index of their device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) table: u32,
    pub(crate) to: IpNet,
    pub(crate) metric: u32,
    pub(crate) protocol: u8,
    pub(crate) unicast: bool,
    pub(crate) via: Vec<(u32, Option<IpAddr>, u16)>,
}

/// The message body for a route, with our mark; `index` tells the devices' numbers.
pub(crate) fn encode(route: &Route, index: impl Fn(&NextHop) -> u32) -> RouteMessage {
    let mut message = encode_key(route);
    message.header.scope = RouteScope::Universe;
    // A destination on the wire itself is reached without a gateway; IPv4 keeps the two apart by scope (`fib_check_nh`).
    if route.to.addr().is_ipv4() && route.via.iter().all(|hop| hop.gateway.is_none()) {
        message.header.scope = RouteScope::Link;
    }
    match &*route.via {
        [hop] => {
            message.attributes.push(RouteAttribute::Oif(index(hop)));
            message.attributes.extend(gateway(route, hop));
        }
        hops => message.attributes.push(RouteAttribute::MultiPath(
            hops.iter()
                .map(|hop| {
                    let mut next = RouteNextHop::default();
                    next.interface_index = index(hop);
                    next.hops = (hop.weight.clamp(1, 256) - 1) as u8;
                    next.attributes.extend(gateway(route, hop));
                    next
                })
                .collect(),
        )),
    }
    message
}

fn gateway(route: &Route, hop: &NextHop) -> Option<RouteAttribute> {
    let gateway = hop.gateway?;
    Some(match (route.to, gateway) {
        (IpNet::V4(_), IpAddr::V6(via)) => RouteAttribute::Via(RouteVia::Inet6(via)),
        (IpNet::V4(_) | IpNet::V6(_), _) => RouteAttribute::Gateway(gateway.into()),
    })
}

/// The message body that names a route of ours, for its deletion: without next hops it means all of them.
pub(crate) fn encode_key(route: &Route) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = if route.to.addr().is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    message.header.destination_prefix_length = route.to.prefix_len();
    message.header.protocol = RouteProtocol::Other(PROTOCOL);
    message.header.kind = RouteType::Unicast;
    // Of any scope (`fib_table_delete`).
    message.header.scope = RouteScope::NoWhere;
    if route.to.prefix_len() > 0 {
        message.attributes.push(RouteAttribute::Destination(route.to.addr().into()));
    }
    match u8::try_from(route.table) {
        Ok(table) => message.header.table = table,
        Err(_) => message.attributes.push(RouteAttribute::Table(route.table)),
    }
    if route.metric != 0 {
        message.attributes.push(RouteAttribute::Priority(route.metric));
    }
    message
}

/// The protocol number of the route that a message describes, without looking further.
pub(crate) fn protocol(payload: &[u8]) -> Option<u8> {
    Some(u8::from(RouteHeader::parse(payload).ok()?.protocol))
}

/// The route that a message describes.
pub(crate) fn decode(payload: &[u8]) -> Option<Seen> {
    let header = RouteHeader::parse(payload).ok()?;
    let any: IpAddr = match header.address_family {
        AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
        AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => return None,
    };
    let mut seen = Seen {
        table: header.table.into(),
        to: IpNet::new(any, header.destination_prefix_length).ok()?,
        metric: 0,
        protocol: header.protocol.into(),
        unicast: header.kind == RouteType::Unicast,
        via: Vec::new(),
    };
    let (mut device, mut gateway) = (None, None);
    for attribute in NlasIterator::new(payload.get(header.buffer_len()..)?).flatten() {
        let value = attribute.value();
        match attribute.kind() {
            libc::RTA_DST => seen.to = IpNet::new(ip(value)?, header.destination_prefix_length).ok()?.trunc(),
            libc::RTA_TABLE => seen.table = number(value)?,
            libc::RTA_PRIORITY => seen.metric = number(value)?,
            libc::RTA_OIF => device = number(value),
            libc::RTA_GATEWAY => gateway = ip(value),
            libc::RTA_VIA => gateway = ip(value.get(RTVIA_LEN..)?),
            libc::RTA_MULTIPATH => seen.via = decode_hops(value),
            _ => {}
        }
    }
    if let Some(device) = device
        && seen.via.is_empty()
    {
        seen.via.push((device, gateway, 1));
    }
    Some(seen)
}

fn decode_hops(mut bytes: &[u8]) -> Vec<(u32, Option<IpAddr>, u16)> {
    let mut hops = Vec::new();
    while let Some(length) = bytes.get(..2).map(|l| usize::from(u16::from_ne_bytes([l[0], l[1]]))) {
        let (Some(hop), true) = (bytes.get(..length), length >= RTNH_LEN) else { break };
        let index = u32::from_ne_bytes([hop[4], hop[5], hop[6], hop[7]]);
        let gateway = NlasIterator::new(&hop[RTNH_LEN..]).flatten().find_map(|a| match a.kind() {
            libc::RTA_GATEWAY => ip(a.value()),
            libc::RTA_VIA => ip(a.value().get(RTVIA_LEN..)?),
            _ => None,
        });
        hops.push((index, gateway, u16::from(hop[3]) + 1));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
    hops
}

fn number(value: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(value.try_into().ok()?))
}

/// The question for all routes of a namespace.
pub(crate) fn list() -> RouteNetlinkMessage {
    RouteNetlinkMessage::GetRoute(RouteMessage::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use netsim_core::names::IfName;
    use netsim_core::resource::NetnsId;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_route_reads_back_as_it_was_asked_for(
            to: IpAddr, length in 0u8..=128, table in 1u32..1000, metric: u32, hops in vec((1u32..9, any::<Option<Ipv6Addr>>(), 1u16..=256), 1..4)
        ) {
            let to = IpNet::new(to, length.min(if to.is_ipv4() { 32 } else { 128 })).expect("a length that fits").trunc();
            let mut hops: Vec<(u32, Option<IpAddr>, u16)> = hops.into_iter().map(|(d, g, w)| (d, g.map(IpAddr::from), w)).collect();
            if let [only] = &mut *hops {
                only.2 = 1;
            }
            let device = |index: u32| IfName::new(&format!("d{index}")).expect("a name");
            let via = hops.iter().map(|(d, g, w)| NextHop { device: device(*d), gateway: *g, weight: *w }).collect();
            let route = Route { netns: NetnsId::Host, table, to, metric, via };
            let message = encode(&route, |hop| hop.device.as_str()[1..].parse().expect("named by number"));
            let mut bytes = vec![0; message.buffer_len()];
            message.emit(&mut bytes);
            prop_assert_eq!(decode(&bytes), Some(Seen { table, to, metric, protocol: PROTOCOL, unicast: true, via: hops }));
        }
    }
}
