//! Veth pairs.

use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute};
use netsim_core::resource::End;
use rtnetlink::{LinkMessageBuilder, LinkUnspec, LinkVeth};

use super::{DEFAULT_TX_QUEUE_LEN, new_device};

/// A pair of veth devices; index 0 lets the kernel choose, `far` is the namespace of the peer if it is another.
pub(crate) fn create_veth(
    (end, index): (&End, u32),
    (peer, peer_index): (&End, u32),
    far: Option<BorrowedFd<'_>>,
    group: u32,
) -> RouteNetlinkMessage {
    let mut other = new_end(LinkUnspec::new_with_index(peer_index), peer, group);
    if let Some(far) = far {
        other = other.setns_by_fd(far.as_raw_fd());
    }
    let veth = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth).index(index);
    let peer = InfoData::Veth(InfoVeth::Peer(other.build()));
    RouteNetlinkMessage::NewLink(new_end(veth, end, group).set_info_data(peer).build())
}

/// The number of queues is said in any case: by default it is that of the machine's processors (`veth_get_num_queues`).
fn new_end<T>(device: LinkMessageBuilder<T>, end: &End, group: u32) -> LinkMessageBuilder<T> {
    let device = new_device(device, end.id.name, group)
        .address(end.mac.0.to_vec())
        .mtu(end.mtu)
        .append_extra_attribute(LinkAttribute::NumTxQueues(end.queues))
        .append_extra_attribute(LinkAttribute::NumRxQueues(end.queues));
    if end.tx_queue_len == DEFAULT_TX_QUEUE_LEN { device } else { device.txqueuelen(end.tx_queue_len) }
}

#[cfg(test)]
mod tests {
    use super::super::super::attributes::of_kind;
    use super::super::tests::{end, payload};
    use super::super::{Kind, decode};
    use super::*;

    fn peer_of(payload: &[u8]) -> Vec<u8> {
        let info = of_kind(&payload[16..], libc::IFLA_LINKINFO).next().expect("a veth says what it is");
        let data = of_kind(info, libc::IFLA_INFO_DATA).next().expect("a veth says its peer");
        of_kind(data, 1).next().expect("VETH_INFO_PEER").to_vec()
    }

    #[test]
    fn both_ends_of_a_created_veth_read_back_as_they_were_asked_for() {
        let a = End { queues: 4, tx_queue_len: 10, ..end("a", 1) };
        let b = end("much-longer-one", 2);
        let bytes = payload(create_veth((&a, 7), (&b, 0), None, 99));
        for (end, index, seen) in [(&a, 7, decode(&bytes)), (&b, 0, decode(&peer_of(&bytes)))] {
            let seen = seen.expect("a message about a device");
            assert_eq!((seen.name, seen.mac, seen.mtu), (end.id.name, Some(end.mac), end.mtu));
            assert_eq!((seen.index, seen.group, seen.up), (index, 99, false));
            assert_eq!((seen.queues(), seen.tx_queue_len), (end.queues, end.tx_queue_len));
        }
        assert_eq!(decode(&bytes).map(|l| l.kind), Some(Kind::Veth));
    }
}
