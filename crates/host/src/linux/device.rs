//! Devices as rtnetlink messages.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Arc;

use netlink_packet_core::{
    DefaultNla, Emitable, NLA_HEADER_SIZE, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NlaBuffer, NlasIterator,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoBridge, InfoData, InfoKind, InfoVeth, LinkAttribute, LinkExtentMask,
    LinkFlags, LinkHeader, LinkMessage, Prop,
};
use netsim_core::names::{IfName, LabName, Mac};
use netsim_core::resource::{Bridge, End};
use rtnetlink::{LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth};

use super::qdisc;

/// The loopback device is the first of every namespace (`LOOPBACK_IFINDEX`, include/net/net_namespace.h).
pub(crate) const LO_INDEX: u32 = 1;

/// Below this a device has no IPv6 and refuses its settings: IPV6_MIN_MTU (RFC 8200 §5).
pub(crate) const IPV6_MIN_MTU: u32 = 1280;

/// The longest text that the kernel keeps as an ifalias (IFALIASZ is 256 with its NUL, linux/if.h).
const IFALIAS_MAX: usize = 255;

/// The flags of a request for further names, as ip-link(8) sets them.
pub(crate) const ADD_ALTNAME: u16 = NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND;

const LAB_ALIAS: &str = "netsim lab=";

const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
const IFLA_ALT_IFNAME: u16 = 53;
const ADDR_GEN_MODE_EUI64: u8 = 0;

/// A device as a dump shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: IfName,
    pub(crate) up: bool,
    pub(crate) mac: Option<Mac>,
    pub(crate) mtu: u32,
    pub(crate) group: u32,
    pub(crate) master: Option<u32>,
    /// The index of the device at the other end, and where that is: a namespace id of this namespace, or none for this namespace itself.
    pub(crate) peer: Option<(u32, Option<i32>)>,
    pub(crate) kind: Kind,
    pub(crate) link_local: bool,
    /// Whether it can have a queueing discipline that somebody gave it.
    pub(crate) may_queue: bool,
    pub(crate) alias: String,
    pub(crate) altnames: Vec<String>,
}

/// What a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Veth,
    Bridge {
        multicast_snooping: bool,
    },
    /// The kind as the kernel names it; empty for hardware and `lo`.
    Other(Arc<str>),
}

/// The device that a message describes; attributes that are not asked for are not looked at, so a kernel may have new ones.
pub(crate) fn decode(payload: &[u8]) -> Option<Link> {
    let header = LinkHeader::parse(payload).ok()?;
    let mut link = Link {
        index: header.index,
        name: IfName::LO,
        up: header.flags.contains(LinkFlags::Up),
        mac: None,
        mtu: 0,
        group: 0,
        master: None,
        peer: None,
        kind: Kind::Other("".into()),
        link_local: false,
        may_queue: false,
        alias: String::new(),
        altnames: Vec::new(),
    };
    let mut peer = None;
    let mut peer_netns = None;
    for attribute in NlasIterator::new(payload.get(header.buffer_len()..)?).flatten() {
        let value = attribute.value();
        match attribute.kind() {
            libc::IFLA_IFNAME => link.name = IfName::from_kernel(&text(value)),
            libc::IFLA_ADDRESS => link.mac = value.try_into().ok().map(Mac),
            libc::IFLA_MTU => link.mtu = number(value)?,
            libc::IFLA_GROUP => link.group = number(value)?,
            libc::IFLA_MASTER => link.master = number(value),
            libc::IFLA_LINK => peer = number(value),
            libc::IFLA_LINK_NETNSID => peer_netns = number(value).map(|n| n as i32),
            libc::IFLA_QDISC => link.may_queue = qdisc::may_have(value),
            libc::IFLA_IFALIAS => link.alias = text(value),
            libc::IFLA_LINKINFO => link.kind = decode_kind(value),
            libc::IFLA_AF_SPEC => link.link_local = decode_link_local(value),
            libc::IFLA_PROP_LIST => link.altnames = inside(value, IFLA_ALT_IFNAME).map(text).collect(),
            _ => {}
        }
    }
    link.peer = peer.map(|index| (index, peer_netns));
    Some(link)
}

fn decode_kind(info: &[u8]) -> Kind {
    let kind = inside(info, libc::IFLA_INFO_KIND).next().map(text).unwrap_or_default();
    match &*kind {
        "veth" => Kind::Veth,
        "bridge" => {
            let mut snooping = inside(info, libc::IFLA_INFO_DATA).flat_map(|data| inside(data, IFLA_BR_MCAST_SNOOPING));
            Kind::Bridge { multicast_snooping: snooping.next() == Some(&[1]) }
        }
        _ => Kind::Other(kind.into()),
    }
}

fn decode_link_local(families: &[u8]) -> bool {
    let mut modes = inside(families, libc::AF_INET6 as u16).flat_map(|i| inside(i, IFLA_INET6_ADDR_GEN_MODE));
    modes.next() == Some(&[ADDR_GEN_MODE_EUI64])
}

/// The values of the attributes of one kind in a nest.
fn inside(nest: &[u8], kind: u16) -> impl Iterator<Item = &[u8]> {
    let of_kind = move |a: &NlaBuffer<&[u8]>| a.kind() == kind;
    NlasIterator::new(nest).flatten().filter(of_kind).map(|a| {
        let length = usize::from(a.length());
        &a.into_inner()[NLA_HEADER_SIZE..length]
    })
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.strip_suffix(&[0]).unwrap_or(value)).into_owned()
}

fn number(value: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(value.try_into().ok()?))
}

/// What a device of ours in the host's namespace says in words, as its ifalias.
pub(crate) fn lab_alias(lab: &LabName) -> String {
    format!("{LAB_ALIAS}{lab}")
}

/// The lab whose device says so.
pub(crate) fn lab_of(alias: &str) -> Option<LabName> {
    LabName::new(alias.strip_prefix(LAB_ALIAS)?).ok()
}

/// The question for all devices of a namespace.
pub(crate) fn list() -> RouteNetlinkMessage {
    RouteNetlinkMessage::GetLink(question(0))
}

/// The question for one device by its name.
pub(crate) fn find(name: IfName) -> RouteNetlinkMessage {
    let mut message = question(0);
    message.attributes.push(LinkAttribute::IfName(name.as_str().into()));
    RouteNetlinkMessage::GetLink(message)
}

/// The question for one device by its number.
pub(crate) fn at(index: u32) -> RouteNetlinkMessage {
    RouteNetlinkMessage::GetLink(question(index))
}

fn question(index: u32) -> LinkMessage {
    let skip = LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]);
    LinkUnspec::new_with_index(index).append_extra_attribute(skip).build()
}

/// The question for the `lo` of the namespace that the socket's own knows by this number.
pub(crate) fn lo_of(number: i32) -> RouteNetlinkMessage {
    let mut message = question(LO_INDEX);
    message.attributes.push(LinkAttribute::IfNetnsId(number));
    RouteNetlinkMessage::GetLink(message)
}

/// A pair of veth devices; index 0 lets the kernel choose, `far` is the namespace of the peer if it is another.
pub(crate) fn create_veth(
    (end, index): (&End, u32),
    (peer, peer_index): (&End, u32),
    far: Option<BorrowedFd<'_>>,
    group: u32,
) -> RouteNetlinkMessage {
    let mut other = new_device(LinkUnspec::new_with_index(peer_index), peer.id.name, peer.mac, group).mtu(peer.mtu);
    if let Some(far) = far {
        other = other.setns_by_fd(far.as_raw_fd());
    }
    let veth = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth).index(index);
    let veth = new_device(veth, end.id.name, end.mac, group).mtu(end.mtu);
    let peer = InfoData::Veth(InfoVeth::Peer(other.build()));
    RouteNetlinkMessage::NewLink(veth.set_info_data(peer).build())
}

fn new_device<T>(device: LinkMessageBuilder<T>, name: IfName, mac: Mac, group: u32) -> LinkMessageBuilder<T> {
    device.name(name.as_str()).address(mac.0.to_vec()).link_group(group)
}

/// A bridge; index 0 lets the kernel choose.
pub(crate) fn create_bridge(bridge: &Bridge, index: u32, group: u32) -> RouteNetlinkMessage {
    let device = LinkMessageBuilder::<LinkBridge>::new_with_info_kind(InfoKind::Bridge).index(index);
    let device = new_device(device, bridge.id.name, bridge.mac, group);
    RouteNetlinkMessage::NewLink(device.set_info_data(bridge_settings(bridge.multicast_snooping)).build())
}

fn bridge_settings(multicast_snooping: bool) -> InfoData {
    InfoData::Bridge(vec![InfoBridge::MulticastSnooping(multicast_snooping)])
}

/// What shall be different about a device that is there: all that is set here, in one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) up: Option<bool>,
    pub(crate) mac: Option<Mac>,
    pub(crate) mtu: Option<u32>,
    pub(crate) group: Option<u32>,
    /// The index of the master; 0 sets it free.
    pub(crate) master: Option<u32>,
    pub(crate) link_local: Option<bool>,
    pub(crate) multicast_snooping: Option<bool>,
    pub(crate) alias: Option<String>,
}

impl Change {
    /// The request that makes the change.
    pub(crate) fn of(&self, index: u32) -> RouteNetlinkMessage {
        let mut message = LinkUnspec::new_with_index(index);
        if self.multicast_snooping.is_some() {
            message = LinkMessageBuilder::new_with_info_kind(InfoKind::Bridge).index(index);
        }
        if let Some(up) = self.up {
            message = if up { message.up() } else { message.down() };
        }
        let link_local = self.link_local.map(|on| {
            let mode = if on { In6AddrGenMode::Eui64 } else { In6AddrGenMode::None };
            LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(mode)])])
        });
        let attributes = [
            self.mac.map(|m| LinkAttribute::Address(m.0.to_vec())),
            self.mtu.map(LinkAttribute::Mtu),
            self.group.map(LinkAttribute::Group),
            self.alias.as_deref().map(alias),
            self.master.map(LinkAttribute::Controller),
            link_local,
        ];
        message = attributes.into_iter().flatten().fold(message, LinkMessageBuilder::append_extra_attribute);
        if let Some(multicast_snooping) = self.multicast_snooping {
            message = message.set_info_data(bridge_settings(multicast_snooping));
        }
        // RTM_NEWLINK without NLM_F_CREATE changes what RTM_SETLINK does, and a bridge's own settings too (`rtnl_changelink`).
        RouteNetlinkMessage::NewLink(message.build())
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Change::default()
    }
}

/// The attribute without the NUL that `LinkAttribute::IfAlias` would make part of the text.
fn alias(text: &str) -> LinkAttribute {
    let cut = &text.as_bytes()[..text.len().min(IFALIAS_MAX)];
    LinkAttribute::Other(DefaultNla::new(libc::IFLA_IFALIAS, cut.to_vec()))
}

/// Further names for a device: for `lo` they are notes to ourselves.
pub(crate) fn add_altnames(index: u32, names: impl IntoIterator<Item = String>) -> RouteNetlinkMessage {
    RouteNetlinkMessage::NewLinkProp(altnames(index, names))
}

/// Takes such names away.
pub(crate) fn remove_altname(index: u32, name: String) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelLinkProp(altnames(index, [name]))
}

fn altnames(index: u32, names: impl IntoIterator<Item = String>) -> LinkMessage {
    let names = LinkAttribute::PropList(names.into_iter().map(Prop::AltIfName).collect());
    LinkUnspec::new_with_index(index).append_extra_attribute(names).build()
}

/// Deletes one device.
pub(crate) fn delete(index: u32) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelLink(LinkUnspec::new_with_index(index).build())
}

/// Deletes all devices of a group of the namespace: an index of 0 and no name let the group decide (`rtnl_dellink`).
pub(crate) fn delete_group(group: u32) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelLink(LinkMessageBuilder::<LinkUnspec>::new().link_group(group).build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use netsim_core::resource::{DeviceId, NetnsId};

    fn payload(message: RouteNetlinkMessage) -> Vec<u8> {
        let (RouteNetlinkMessage::NewLink(message) | RouteNetlinkMessage::NewLinkProp(message)) = message else {
            panic!("not a message about a device: {message:?}");
        };
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        bytes
    }

    fn peer_of(payload: &[u8]) -> Vec<u8> {
        let info = inside(&payload[16..], libc::IFLA_LINKINFO).next().expect("a veth says what it is");
        let data = inside(info, libc::IFLA_INFO_DATA).next().expect("a veth says its peer");
        inside(data, 1).next().expect("VETH_INFO_PEER").to_vec()
    }

    fn end(name: &str, last: u8) -> End {
        End {
            mtu: 1400 + u32::from(last),
            ..End::new(
                DeviceId { netns: NetnsId::Host, name: IfName::new(name).expect("a name") },
                Mac([2, 0, 0, 0, 0, last]),
            )
        }
    }

    #[test]
    fn both_ends_of_a_created_veth_read_back_as_they_were_asked_for() {
        let (a, b) = (end("a", 1), end("much-longer-one", 2));
        let bytes = payload(create_veth((&a, 7), (&b, 0), None, 99));
        for (end, index, seen) in [(&a, 7, decode(&bytes)), (&b, 0, decode(&peer_of(&bytes)))] {
            let seen = seen.expect("a message about a device");
            assert_eq!((seen.name, seen.mac, seen.mtu), (end.id.name, Some(end.mac), end.mtu));
            assert_eq!((seen.index, seen.group, seen.up), (index, 99, false));
        }
        assert_eq!(decode(&bytes).map(|l| l.kind), Some(Kind::Veth));
    }

    #[test]
    fn a_created_bridge_reads_back_as_it_was_asked_for() {
        for multicast_snooping in [false, true] {
            let EndId { id, mac } = EndId { id: end("br0", 3).id, mac: end("br0", 3).mac };
            let bridge = Bridge { multicast_snooping, ..Bridge::new(id, mac) };
            let seen = decode(&payload(create_bridge(&bridge, 2, 5))).expect("a message about a device");
            assert_eq!(seen.kind, Kind::Bridge { multicast_snooping });
            assert_eq!((seen.name, seen.mac, seen.group), (bridge.id.name, Some(bridge.mac), 5));
        }
    }

    struct EndId {
        id: DeviceId,
        mac: Mac,
    }

    #[test]
    fn a_change_reads_back_whole() {
        let change = Change {
            up: Some(true),
            mac: Some(Mac([2, 1, 1, 1, 1, 1])),
            mtu: Some(9000),
            group: Some(7),
            master: Some(3),
            link_local: Some(true),
            multicast_snooping: Some(true),
            alias: Some("netsim lab=a node=b".into()),
        };
        let seen = decode(&payload(change.of(4))).expect("a message about a device");
        let back = Change {
            up: Some(seen.up),
            mac: seen.mac,
            mtu: Some(seen.mtu),
            group: Some(seen.group),
            master: seen.master,
            link_local: Some(seen.link_local),
            multicast_snooping: Some(seen.kind == Kind::Bridge { multicast_snooping: true }),
            alias: Some(seen.alias),
        };
        assert_eq!((seen.index, back), (4, change));
        let names = decode(&payload(add_altnames(1, ["ran=0:00".to_owned(), "x".to_owned()]))).map(|l| l.altnames);
        assert_eq!(names, Some(vec!["ran=0:00".to_owned(), "x".to_owned()]));
    }
}
