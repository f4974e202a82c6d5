//! Values as written: addresses, subnets, MTUs, Ethernet addresses, times.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use ipnet::IpNet;

use super::codes;
use super::problems::Problems;
use crate::names::Mac;
use crate::problem::Place;
use crate::units;

/// What Linux lets a veth have (ETH_MIN_MTU and ETH_MAX_MTU, drivers/net/veth.c).
const MTU: std::ops::RangeInclusive<u32> = 68..=65535;

/// Below this there is no IPv6 on an interface (RFC 8200 §5).
pub(super) const IPV6_MIN_MTU: u32 = 1280;

/// Which family a value has to be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    fn name(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }

    fn sample(self) -> &'static str {
        match self {
            Family::V4 => "10.0.0.1/24",
            Family::V6 => "fd00::1/64",
        }
    }
}

/// Whose address it is: `lo` takes some that no wire takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Wire,
    Lo,
}

/// An address with its prefix length, as an interface has it.
pub(super) fn address(
    text: &str,
    family: Option<Family>,
    on: On,
    at: &Place,
    problems: &mut Problems,
) -> Option<IpNet> {
    let net = network(text, family, at, problems)?;
    if let Some(why) = unusable(net, on) {
        let hint = if why.starts_with("the network") || why.starts_with("the broadcast") {
            format!("take a host's address in {}", net.trunc())
        } else {
            format!("write a host's address, as {}", Family::of(net.addr()).sample())
        };
        problems.tell(codes::UNUSABLE, at, format!("{net} is {why}: no interface can have it"), &hint);
        return None;
    }
    Some(net)
}

fn unusable(net: IpNet, on: On) -> Option<&'static str> {
    let host = net.max_prefix_len() - net.prefix_len();
    let address = net.addr();
    if address.is_unspecified() || net.prefix_len() == 0 {
        Some("no address")
    } else if address.is_multicast() {
        Some("a multicast address")
    } else if address.is_loopback() && (on == On::Wire || address == IpAddr::V6(Ipv6Addr::LOCALHOST)) {
        Some("a loopback address")
    } else if address == IpAddr::from([127, 0, 0, 1]) {
        Some("on every `lo` already")
    } else if address == IpAddr::from([255, 255, 255, 255]) {
        Some("the broadcast address")
    } else if host > 1 && address == net.network() {
        Some(if address.is_ipv4() { "the network itself" } else { "the network itself (its routers' anycast address)" })
    } else if host > 1 && address.is_ipv4() && address == net.broadcast() {
        Some("the broadcast address of its network")
    } else {
        None
    }
}

/// A network, host bits zero.
pub(super) fn subnet(text: &str, family: Option<Family>, at: &Place, problems: &mut Problems) -> Option<IpNet> {
    let net = network(text, family, at, problems)?;
    if net.trunc() != net {
        let hint = format!("write {}", net.trunc());
        problems.tell(codes::SUBNET, at, format!("{net} is an address, not a network: it has host bits"), &hint);
        return None;
    }
    if net.addr().is_multicast() || net.addr().is_loopback() {
        problems.tell(codes::SUBNET, at, format!("no interface can have an address of {net}"), "take another network");
        return None;
    }
    Some(net)
}

fn network(text: &str, family: Option<Family>, at: &Place, problems: &mut Problems) -> Option<IpNet> {
    let sample = family.unwrap_or(Family::V4).sample();
    match text.parse::<IpNet>() {
        Ok(net) if family.is_none_or(|f| f == Family::of(net.addr())) => Some(net),
        Ok(net) => {
            let (is, key) = match Family::of(net.addr()) {
                Family::V4 => ("IPv4", "ipv4"),
                Family::V6 => ("IPv6", "ipv6"),
            };
            let wanted = family.unwrap_or(Family::V4).name();
            problems.tell(
                codes::ADDRESS,
                at,
                format!("{net} is {is}, not {wanted}"),
                &format!("write it under `{key}:`"),
            );
            None
        }
        Err(_) => {
            let (message, hint) = match text.parse::<IpAddr>() {
                Ok(a) => (
                    format!("{a} has no prefix length"),
                    format!("write it as {a}/{}", if a.is_ipv4() { 24 } else { 64 }),
                ),
                Err(_) => (format!("`{text}` is no address with a prefix length"), format!("write it as {sample}")),
            };
            problems.tell(codes::ADDRESS, at, message, &hint);
            None
        }
    }
}

/// A destination of a route: a network, or one address.
pub(super) fn destination(text: &str, at: &Place, problems: &mut Problems) -> Option<IpNet> {
    match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => {
            let net = network(text, None, at, problems)?;
            if net.trunc() != net {
                let message = format!("{net} is an address, not a network: it has host bits");
                problems.tell(codes::ROUTE, at, message, &format!("write {}", net.trunc()));
                return None;
            }
            Some(net)
        }
    }
}

/// The subnets that a switch or a link gives out, one per family at most, and whether it gives any.
pub(super) fn subnets(texts: &[(String, Place)], problems: &mut Problems) -> (Vec<IpNet>, bool) {
    if matches!(texts, [(text, _)] if text == "none") {
        return (Vec::new(), false);
    }
    let mut subnets: Vec<IpNet> = Vec::new();
    for (text, at) in texts {
        if text == "none" {
            problems.tell(
                codes::SUBNET,
                at,
                "`none` stands beside subnets",
                "write `subnet: none` alone, or take it away",
            );
            continue;
        }
        let Some(net) = subnet(text, None, at, problems) else { continue };
        if subnets.iter().any(|s| Family::of(s.addr()) == Family::of(net.addr())) {
            let hint = "keep one subnet per family; other addresses can be written";
            problems.tell(codes::SUBNET, at, format!("{net} is a second subnet of its family"), hint);
            continue;
        }
        subnets.push(net);
    }
    (subnets, true)
}

/// An MTU.
pub(super) fn mtu(value: u32, at: &Place, problems: &mut Problems) -> Option<u32> {
    if MTU.contains(&value) {
        return Some(value);
    }
    problems.tell(codes::MTU, at, format!("an MTU of {value} is out of range"), "take one from 68 to 65535");
    None
}

/// An Ethernet address that an interface can have.
pub(super) fn mac(text: &str, at: &Place, problems: &mut Problems) -> Option<Mac> {
    let mac = match text.parse::<Mac>() {
        Ok(mac) => mac,
        Err(error) => {
            problems.tell(codes::MAC, at, error.to_string(), "write six octets, as \"02:00:00:00:00:01\"");
            return None;
        }
    };
    if mac.0[0] & 1 == 1 || mac.0 == [0; 6] {
        let hint = "take one that begins with 02: a host's own, locally administered";
        problems.tell(codes::MAC, at, format!("{mac} is a group's or nobody's, not an interface's"), hint);
        return None;
    }
    Some(mac)
}

fn time(text: &str) -> Option<Duration> {
    units::time(text).ok().map(Duration::from_nanos)
}

/// Bounds of a round-trip time: `10ms..20ms`, `..20ms`, `10ms..`.
pub(super) fn bounds(text: &str) -> Option<(Duration, Duration)> {
    let (least, most) = text.split_once("..")?;
    let (least, most) = (least.trim(), most.trim());
    if least.is_empty() && most.is_empty() {
        return None;
    }
    let least = if least.is_empty() { Duration::ZERO } else { time(least)? };
    let most = if most.is_empty() { Duration::MAX } else { time(most)? };
    (least <= most).then_some((least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_have_units_and_either_end_may_be_open() {
        let ms = Duration::from_millis;
        assert_eq!(bounds("10ms..20ms"), Some((ms(10), ms(20))));
        assert_eq!(bounds("..1.5s"), Some((ms(0), ms(1500))));
        assert_eq!(bounds("100us.."), Some((Duration::from_micros(100), Duration::MAX)));
        for bad in ["", "..", "10..20", "20ms..10ms", "10ms", "1m..2m", "-1ms..2ms"] {
            assert_eq!(bounds(bad), None, "{bad}");
        }
    }
}
