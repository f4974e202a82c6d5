//! What shall be different about a device that is there.

use netlink_packet_core::DefaultNla;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoData, InfoKind, LinkAttribute, LinkMessage, Prop,
};
use netsim_core::names::Mac;
use rtnetlink::{LinkMessageBuilder, LinkUnspec};

/// The longest text that the kernel keeps as an ifalias (IFALIASZ is 256 with its NUL, linux/if.h).
const IFALIAS_MAX: usize = 255;

/// All that is set here is changed in one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) up: Option<bool>,
    pub(crate) mac: Option<Mac>,
    pub(crate) mtu: Option<u32>,
    pub(crate) tx_queue_len: Option<u32>,
    pub(crate) group: Option<u32>,
    /// The index of the master; 0 sets it free.
    pub(crate) master: Option<u32>,
    pub(crate) link_local: Option<bool>,
    /// What is peculiar to its kind, which must be said with it.
    pub(crate) settings: Option<(InfoKind, InfoData)>,
    pub(crate) alias: Option<String>,
}

impl Change {
    /// The request that makes the change.
    pub(crate) fn of(&self, index: u32) -> RouteNetlinkMessage {
        let mut message = match &self.settings {
            Some((kind, data)) => {
                LinkMessageBuilder::new_with_info_kind(kind.clone()).index(index).set_info_data(data.clone())
            }
            None => LinkUnspec::new_with_index(index),
        };
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
            self.tx_queue_len.map(LinkAttribute::TxQueueLen),
            self.group.map(LinkAttribute::Group),
            self.alias.as_deref().map(alias),
            self.master.map(LinkAttribute::Controller),
            link_local,
        ];
        message = attributes.into_iter().flatten().fold(message, LinkMessageBuilder::append_extra_attribute);
        // RTM_NEWLINK without NLM_F_CREATE changes what RTM_SETLINK does, and what is peculiar to a kind too (`rtnl_changelink`).
        RouteNetlinkMessage::NewLink(message.build())
    }

    /// The same as changes that a kernel takes, one after the other: a VXLAN device takes no MTU with what is peculiar to it (`vxlan_nl2conf`).
    pub(crate) fn apart(&self) -> Vec<Change> {
        let (settings, rest) = match &self.settings {
            Some((InfoKind::Vxlan, _)) if self.mtu.is_some() => (
                Change { settings: self.settings.clone(), ..Change::default() },
                Change { settings: None, ..self.clone() },
            ),
            Some(_) | None => (Change::default(), self.clone()),
        };
        [settings, rest].into_iter().filter(|change| !change.is_empty()).collect()
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

#[cfg(test)]
mod tests {
    use super::super::tests::payload;
    use super::super::{BridgeSettings, Kind, decode};
    use super::*;

    #[test]
    fn a_change_reads_back_whole() {
        let bridge = BridgeSettings { multicast_snooping: true, ..Default::default() };
        let change = Change {
            up: Some(true),
            mac: Some(Mac([2, 1, 1, 1, 1, 1])),
            mtu: Some(9000),
            tx_queue_len: Some(17),
            group: Some(7),
            master: Some(3),
            link_local: Some(true),
            settings: Some((InfoKind::Bridge, InfoData::Bridge(bridge.since(BridgeSettings::default())))),
            alias: Some("netsim lab=a node=b".into()),
        };
        let seen = decode(&payload(change.of(4))).expect("a message about a device");
        let back = Change {
            up: Some(seen.up),
            mac: seen.mac,
            mtu: Some(seen.mtu),
            tx_queue_len: Some(seen.tx_queue_len),
            group: Some(seen.group),
            master: seen.master,
            link_local: Some(seen.link_local),
            settings: change.settings.clone().filter(|_| seen.kind == Kind::Bridge(bridge)),
            alias: Some(seen.alias),
        };
        assert_eq!((seen.index, back), (4, change));
        let names = decode(&payload(add_altnames(1, ["ran=0:00".to_owned(), "x".to_owned()]))).map(|l| l.altnames);
        assert_eq!(names, Some(vec!["ran=0:00".to_owned(), "x".to_owned()]));
    }
}
