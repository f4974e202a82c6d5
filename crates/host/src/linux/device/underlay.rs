//! Addresses of the underlay in what is said of a tunnel.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::attributes::Attributes;

/// No address, of the family of another.
pub(super) fn nobody(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// Adds an address as the first kind of attribute or, of IPv6, as the second.
pub(super) fn put_address(all: &mut Attributes, [v4, v6]: [u16; 2], address: IpAddr) {
    match address {
        IpAddr::V4(address) => all.put(v4, &address.octets()),
        IpAddr::V6(address) => all.put(v6, &address.octets()),
    }
}
