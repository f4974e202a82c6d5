//! Devices as rtnetlink messages: what a dump shows of any kind.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Arc;

use netlink_packet_core::{Emitable, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NlasIterator};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkFlags, LinkHeader, LinkMessage};
use netsim_core::names::{IfName, LabName, Mac};
use netsim_core::resource::PortSettings;
use rtnetlink::{LinkMessageBuilder, LinkUnspec};

use super::attributes::{number, of_kind, text};

mod bridge;
mod change;
mod gre;
mod single;
mod underlay;
mod veth;
mod vlans;
mod vxlan;

pub(crate) use bridge::{BridgeSettings, create_bridge, set_port};
pub(crate) use change::{Change, add_altnames, remove_altname};
pub(crate) use single::{Sort, create_single};
pub(crate) use veth::create_veth;
pub(crate) use vlans::{Member, SeenVlans, decode_vlans, list_vlans, set_vlans};
pub(crate) use vxlan::Listens;

use super::qdisc;

/// The loopback device is the first of every namespace (`LOOPBACK_IFINDEX`, include/net/net_namespace.h).
pub(crate) const LO_INDEX: u32 = 1;

/// Below this a device has no IPv6 and refuses its settings: IPV6_MIN_MTU (RFC 8200 §5).
pub(crate) const IPV6_MIN_MTU: u32 = 1280;

/// The flags of a request for further names, as ip-link(8) sets them.
pub(crate) const ADD_ALTNAME: u16 = NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND;

/// The length of the queue of an Ethernet device that nobody told any (DEFAULT_TX_QUEUE_LEN, net/pkt_sched.h).
const DEFAULT_TX_QUEUE_LEN: u32 = 1000;

const LAB_ALIAS: &str = "netsim lab=";

const IFLA_NUM_TX_QUEUES: u16 = 31;
const IFLA_NUM_RX_QUEUES: u16 = 32;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
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
    pub(crate) tx_queue_len: u32,
    /// How many queues it sends from, and receives into; a kernel for one processor tells only the first.
    tx_queues: u32,
    rx_queues: Option<u32>,
    pub(crate) group: u32,
    pub(crate) master: Option<u32>,
    /// How its bridge treats it, where it is a port of one.
    pub(crate) port: PortSettings,
    /// The index of the device at the other end or beneath, and where that is: a namespace id of this namespace, or none for this namespace itself. Of a
    /// tunnel only the latter means anything: where its underlay is.
    pub(crate) peer: Option<(u32, Option<i32>)>,
    pub(crate) kind: Kind,
    /// What it uses a UDP port of its underlay for.
    pub(crate) listens: Option<Listens>,
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
    Bridge(BridgeSettings),
    Single(Sort),
    /// Made by Open vSwitch for a row of the lab; whether it bears the lab's mark yet. No message tells this of itself.
    Switched {
        marked: bool,
    },
    /// The kind as the kernel names it; empty for hardware and `lo`.
    Other(Arc<str>),
}

impl Link {
    /// How many queues it has; 0 where that is not one number.
    pub(crate) fn queues(&self) -> u32 {
        if self.rx_queues.is_none_or(|rx| rx == self.tx_queues) { self.tx_queues } else { 0 }
    }

    /// Whether it sends over an underlay, of those that we make or that are in the way of those.
    pub(crate) fn is_tunnel(&self) -> bool {
        self.listens.is_some() || matches!(self.kind, Kind::Single(sort) if sort.is_tunnel())
    }
}

impl Kind {
    /// Whether it stands on another device, or is joined to one.
    pub(crate) fn has_peer(&self) -> bool {
        match self {
            Kind::Veth => true,
            Kind::Single(sort) => sort.has_parent(),
            Kind::Bridge(_) | Kind::Switched { .. } | Kind::Other(_) => false,
        }
    }
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
        tx_queue_len: DEFAULT_TX_QUEUE_LEN,
        tx_queues: 0,
        rx_queues: None,
        group: 0,
        master: None,
        port: PortSettings::default(),
        peer: None,
        kind: Kind::Other("".into()),
        listens: None,
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
            libc::IFLA_TXQLEN => link.tx_queue_len = number(value)?,
            IFLA_NUM_TX_QUEUES => link.tx_queues = number(value)?,
            IFLA_NUM_RX_QUEUES => link.rx_queues = number(value),
            libc::IFLA_GROUP => link.group = number(value)?,
            libc::IFLA_MASTER => link.master = number(value),
            libc::IFLA_LINK => peer = number(value),
            libc::IFLA_LINK_NETNSID => peer_netns = number(value).map(|n| n as i32),
            libc::IFLA_QDISC => link.may_queue = qdisc::may_have(value),
            libc::IFLA_IFALIAS => link.alias = text(value),
            libc::IFLA_LINKINFO => {
                (link.kind, link.listens) = decode_kind(value);
                link.port = bridge::decode_port(value);
            }
            libc::IFLA_AF_SPEC => link.link_local = decode_link_local(value),
            libc::IFLA_PROP_LIST => link.altnames = of_kind(value, IFLA_ALT_IFNAME).map(text).collect(),
            _ => {}
        }
    }
    // Of one that was made too small for IPv6 a kernel tells settings all the same until it comes up (`ip6gre_newlink_common`).
    link.link_local &= link.mtu >= IPV6_MIN_MTU;
    // A tunnel tells only where its underlay is.
    link.peer = peer.or(peer_netns.map(|_| 0)).map(|index| (index, peer_netns));
    Some(link)
}

fn decode_kind(info: &[u8]) -> (Kind, Option<Listens>) {
    let kind = of_kind(info, libc::IFLA_INFO_KIND).next().map(text).unwrap_or_default();
    let data = of_kind(info, libc::IFLA_INFO_DATA).next().unwrap_or_default();
    let listens = vxlan::listens(data).filter(|_| kind == "vxlan");
    let kind = match &*kind {
        "veth" => Kind::Veth,
        "bridge" => Kind::Bridge(BridgeSettings::decode(data)),
        _ => Sort::decode(&kind, data).map_or_else(|| Kind::Other(kind.into()), Kind::Single),
    };
    (kind, listens)
}

fn decode_link_local(families: &[u8]) -> bool {
    let mut modes = of_kind(families, libc::AF_INET6 as u16).flat_map(|i| of_kind(i, IFLA_INET6_ADDR_GEN_MODE));
    modes.next() == Some(&[ADDR_GEN_MODE_EUI64])
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

/// What is said of every new device.
fn new_device<T>(device: LinkMessageBuilder<T>, name: IfName, group: u32) -> LinkMessageBuilder<T> {
    device.name(name.as_str()).link_group(group)
}

/// Moves a device to another namespace, where it has this name.
pub(crate) fn move_to(index: u32, namespace: BorrowedFd<'_>, name: IfName) -> RouteNetlinkMessage {
    let device = LinkUnspec::new_with_index(index).setns_by_fd(namespace.as_raw_fd()).name(name.as_str());
    RouteNetlinkMessage::NewLink(device.build())
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
mod tests;
