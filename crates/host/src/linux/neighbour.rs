//! Who is behind whom, as rtnetlink messages: neighbours, and the forwarding tables of bridges and VXLAN devices.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE, NlasIterator};
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netsim_core::names::Mac;
use netsim_core::resource::{Fdb, Neighbour};

use super::address;
use super::attributes::number;

/// `struct ndmsg` (linux/neighbour.h).
const HEADER: usize = 12;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
const NDA_MASTER: u16 = 9;
const NUD_PERMANENT: u16 = 0x80;
const NTF_SELF: u8 = 0x02;

/// An entry as a dump shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) index: u32,
    /// The bridge whose table it is in.
    pub(crate) master: Option<u32>,
    pub(crate) address: Option<IpAddr>,
    /// The address on the link: of Ethernet six bytes.
    pub(crate) link: Vec<u8>,
    pub(crate) permanent: bool,
    /// It is in the device's own table, not in that of its bridge.
    pub(crate) own: bool,
}

impl Seen {
    pub(crate) fn mac(&self) -> Option<Mac> {
        <[u8; 6]>::try_from(&*self.link).ok().map(Mac)
    }
}

/// The question for the entries of a family; of AF_BRIDGE those of forwarding tables.
pub(crate) fn list(family: AddressFamily) -> RouteNetlinkMessage {
    list_of(family, 0)
}

/// The same for one device.
pub(crate) fn list_of(family: AddressFamily, index: u32) -> RouteNetlinkMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family;
    match family {
        AddressFamily::Bridge => message.header.ifindex = index,
        _ if index != 0 => message.attributes.push(NeighbourAttribute::IfIndex(index)),
        _ => {}
    }
    RouteNetlinkMessage::GetNeighbour(message)
}

/// The entry that a message describes.
pub(crate) fn decode(payload: &[u8]) -> Option<Seen> {
    let header = payload.get(..HEADER)?;
    let mut seen = Seen {
        index: number(&header[4..8])?,
        master: None,
        address: None,
        link: Vec::new(),
        permanent: u16::from_ne_bytes([header[8], header[9]]) & NUD_PERMANENT != 0,
        own: header[10] & NTF_SELF != 0,
    };
    for attribute in NlasIterator::new(&payload[HEADER..]).flatten() {
        let value = attribute.value();
        match attribute.kind() {
            NDA_DST => seen.address = address::ip(value),
            NDA_LLADDR => seen.link = value.to_vec(),
            NDA_MASTER => seen.master = number(value),
            _ => {}
        }
    }
    Some(seen)
}

/// The request that tells a VXLAN device where an Ethernet address is.
pub(crate) fn tell_fdb(index: u32, fdb: &Fdb) -> RouteNetlinkMessage {
    RouteNetlinkMessage::NewNeighbour(of_fdb(index, fdb))
}

/// Makes it forget that.
pub(crate) fn forget_fdb(index: u32, fdb: &Fdb) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelNeighbour(of_fdb(index, fdb))
}

fn of_fdb(index: u32, fdb: &Fdb) -> NeighbourMessage {
    let mut message = entry(AddressFamily::Bridge, index, fdb.to, fdb.mac.0.to_vec());
    message.header.flags = NeighbourFlags::Own;
    message
}

/// The request that tells a GRE device where a neighbour is, with its flags: a kernel may have one of its own that has found nobody.
pub(crate) fn tell(index: u32, neighbour: &Neighbour) -> (u16, RouteNetlinkMessage) {
    (NLM_F_CREATE | NLM_F_REPLACE, RouteNetlinkMessage::NewNeighbour(of_neighbour(index, neighbour)))
}

/// Makes it forget that.
pub(crate) fn forget(index: u32, neighbour: &Neighbour) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelNeighbour(of_neighbour(index, neighbour))
}

fn of_neighbour(index: u32, neighbour: &Neighbour) -> NeighbourMessage {
    let to = match neighbour.to {
        IpAddr::V4(to) => to.octets().to_vec(),
        IpAddr::V6(to) => to.octets().to_vec(),
    };
    let family = if neighbour.address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    entry(family, index, neighbour.address, to)
}

fn entry(family: AddressFamily, index: u32, address: IpAddr, link: Vec<u8>) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family;
    message.header.ifindex = index;
    message.header.state = NeighbourState::Permanent;
    message.attributes =
        vec![NeighbourAttribute::Destination(address.into()), NeighbourAttribute::LinkLayerAddress(link)];
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use netlink_packet_core::Emitable;
    use netsim_core::names::IfName;
    use netsim_core::resource::{DeviceId, NetnsId};
    use proptest::prelude::*;

    fn device() -> DeviceId {
        DeviceId { netns: NetnsId::Host, name: IfName::LO }
    }

    fn seen(message: RouteNetlinkMessage) -> Option<Seen> {
        let RouteNetlinkMessage::NewNeighbour(message) = message else { panic!("it tells: {message:?}") };
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        decode(&bytes)
    }

    proptest! {
        #[test]
        fn every_entry_reads_back_as_it_was_told(index: u32, mac: [u8; 6], to: IpAddr, address: IpAddr) {
            let fdb = Fdb { device: device(), mac: Mac(mac), to };
            let of_fdb = Seen { index, master: None, address: Some(to), link: mac.to_vec(), permanent: true, own: true };
            prop_assert_eq!(seen(tell_fdb(index, &fdb)), Some(of_fdb.clone()));
            let neighbour = Neighbour { device: device(), address, to };
            let link = match to {
                IpAddr::V4(to) => to.octets().to_vec(),
                IpAddr::V6(to) => to.octets().to_vec(),
            };
            let expected = Seen { address: Some(address), link, own: false, ..of_fdb };
            prop_assert_eq!(seen(tell(index, &neighbour).1), Some(expected));
        }
    }
}
