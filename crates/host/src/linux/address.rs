//! Addresses as rtnetlink messages.

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{Emitable, NlasIterator};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeader, AddressHeaderFlags, AddressMessage, AddressProtocol,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netsim_core::mark::PROTOCOL;

const IFA_PROTO: u16 = 11;

/// An address as a dump shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) index: u32,
    pub(crate) net: IpNet,
    /// Who made it (IFA_PROTO, since Linux 5.18); 0 is a hand.
    pub(crate) protocol: u8,
}

/// The message body for an address on the device with this index, with our mark.
pub(crate) fn encode(index: u32, net: IpNet) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = index;
    message.header.prefix_len = net.prefix_len();
    message.attributes = vec![
        AddressAttribute::Local(net.addr()),
        AddressAttribute::Address(net.addr()),
        AddressAttribute::Protocol(AddressProtocol::Other(PROTOCOL)),
    ];
    match net {
        IpNet::V4(_) => message.header.family = AddressFamily::Inet,
        IpNet::V6(_) => {
            message.header.family = AddressFamily::Inet6;
            // Given addresses are unique already; waiting for the kernel to find that out would cost a second and a storm.
            message.header.flags = AddressHeaderFlags::Nodad;
            message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
    }
    message
}

/// The address that a message describes.
pub(crate) fn decode(payload: &[u8]) -> Option<Seen> {
    let header = AddressHeader::parse(payload).ok()?;
    let (mut local, mut address, mut protocol) = (None, None, 0);
    for attribute in NlasIterator::new(payload.get(header.buffer_len()..)?).flatten() {
        match attribute.kind() {
            libc::IFA_LOCAL => local = ip(attribute.value()),
            libc::IFA_ADDRESS => address = ip(attribute.value()),
            IFA_PROTO => protocol = *attribute.value().first()?,
            _ => {}
        }
    }
    Some(Seen { index: header.index, net: IpNet::new(local.or(address)?, header.prefix_len).ok()?, protocol })
}

/// An IP address in network order, by its length.
pub(crate) fn ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => None,
    }
}

/// The question for all addresses of a namespace.
pub(crate) fn list() -> RouteNetlinkMessage {
    RouteNetlinkMessage::GetAddress(AddressMessage::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_address_reads_back_as_it_was_asked_for(ip: IpAddr, length in 0u8..=128, index: u32) {
            let net = IpNet::new(ip, length.min(if ip.is_ipv4() { 32 } else { 128 })).expect("a length that fits");
            let message = encode(index, net);
            let mut bytes = vec![0; message.buffer_len()];
            message.emit(&mut bytes);
            prop_assert_eq!(decode(&bytes), Some(Seen { index, net, protocol: PROTOCOL }));
        }
    }
}
