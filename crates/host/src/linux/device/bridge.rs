//! Bridges, and how they treat their ports.

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    BridgeStpState, InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoPortKind,
};
use netsim_core::resource::{Bridge, PortSettings};
use rtnetlink::{LinkBridge, LinkMessageBuilder, LinkUnspec};

use super::super::attributes::{of_kind, parsed};
use super::new_device;

/// What a port of a bridge says that it is, as IFLA_INFO_SLAVE_KIND.
const PORT_KIND: &str = "bridge";

const IFLA_BRPORT_MODE: u16 = 4;
const IFLA_BRPORT_LEARNING: u16 = 8;
const IFLA_BRPORT_ISOLATED: u16 = 33;

/// The VLAN that a new port is in, unless the bridge is told otherwise (`br_vlan_init`, net/bridge/br_vlan.c).
const DEFAULT_PVID: u16 = 1;

/// What can be set about a bridge that is peculiar to bridges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BridgeSettings {
    pub(crate) multicast_snooping: bool,
    pub(crate) stp: bool,
    pub(crate) forward_delay: u32,
    pub(crate) ageing: u32,
    pub(crate) vlan_filtering: bool,
}

impl BridgeSettings {
    /// Those of a bridge.
    pub(crate) fn of(bridge: &Bridge) -> Self {
        BridgeSettings {
            multicast_snooping: bridge.multicast_snooping,
            stp: bridge.stp,
            forward_delay: bridge.forward_delay,
            ageing: bridge.ageing,
            vlan_filtering: bridge.vlan_filtering,
        }
    }

    pub(super) fn decode(data: &[u8]) -> Self {
        let mut settings = BridgeSettings::default();
        for seen in parsed(data) {
            match seen {
                InfoBridge::MulticastSnooping(on) => settings.multicast_snooping = on,
                InfoBridge::StpState(state) => settings.stp = state != BridgeStpState::Disabled,
                InfoBridge::ForwardDelay(time) => settings.forward_delay = time,
                InfoBridge::AgeingTime(time) => settings.ageing = time,
                InfoBridge::VlanFiltering(on) => settings.vlan_filtering = on,
                _ => {}
            }
        }
        settings
    }

    /// What has to be set where a bridge has those of `from`. A kernel without VLAN filtering is not told that there is none.
    pub(crate) fn since(self, from: BridgeSettings) -> Vec<InfoBridge> {
        let mut set = Vec::new();
        if from.multicast_snooping != self.multicast_snooping {
            set.push(InfoBridge::MulticastSnooping(self.multicast_snooping));
        }
        if from.forward_delay != self.forward_delay {
            set.push(InfoBridge::ForwardDelay(self.forward_delay));
        }
        if from.ageing != self.ageing {
            set.push(InfoBridge::AgeingTime(self.ageing));
        }
        if from.stp != self.stp {
            let state = if self.stp { BridgeStpState::KernelStp } else { BridgeStpState::Disabled };
            set.push(InfoBridge::StpState(state));
        }
        if from.vlan_filtering != self.vlan_filtering {
            set.push(InfoBridge::VlanFiltering(self.vlan_filtering));
            set.push(InfoBridge::VlanDefaultPvid(if self.vlan_filtering { 0 } else { DEFAULT_PVID }));
        }
        set
    }

    /// Those of a bridge that nobody told anything (`br_dev_setup`, net/bridge/br_device.c).
    fn at_birth() -> Self {
        BridgeSettings {
            multicast_snooping: true,
            stp: false,
            forward_delay: 1500,
            ageing: 30_000,
            vlan_filtering: false,
        }
    }
}

/// A bridge; index 0 lets the kernel choose.
pub(crate) fn create_bridge(bridge: &Bridge, index: u32, group: u32) -> RouteNetlinkMessage {
    let device = LinkMessageBuilder::<LinkBridge>::new_with_info_kind(InfoKind::Bridge).index(index);
    let device = new_device(device, bridge.id.name, group).address(bridge.mac.0.to_vec());
    let settings = BridgeSettings::of(bridge).since(BridgeSettings::at_birth());
    RouteNetlinkMessage::NewLink(device.set_info_data(InfoData::Bridge(settings)).build())
}

/// How a bridge treats the device that says this about itself; as by default where it is no port of one.
pub(super) fn decode_port(info: &[u8]) -> PortSettings {
    let mut settings = PortSettings::default();
    let kind = of_kind(info, libc::IFLA_INFO_SLAVE_KIND).next();
    if kind.is_none_or(|kind| kind.strip_suffix(&[0]).unwrap_or(kind) != PORT_KIND.as_bytes()) {
        return settings;
    }
    for data in of_kind(info, libc::IFLA_INFO_SLAVE_DATA) {
        let on = |kind| of_kind(data, kind).next().map(|value| value == [1]);
        settings.hairpin = on(IFLA_BRPORT_MODE).unwrap_or(settings.hairpin);
        settings.learning = on(IFLA_BRPORT_LEARNING).unwrap_or(settings.learning);
        settings.isolated = on(IFLA_BRPORT_ISOLATED).unwrap_or(settings.isolated);
    }
    settings
}

/// Tells a bridge how to treat a port, which it must have already (`rtnl_newlink` looks for the master before it joins one).
pub(crate) fn set_port(index: u32, settings: PortSettings) -> RouteNetlinkMessage {
    let PortSettings { hairpin, isolated, learning } = settings;
    let data = vec![
        InfoBridgePort::HairpinMode(hairpin),
        InfoBridgePort::Learning(learning),
        InfoBridgePort::Isolated(isolated),
    ];
    let port = LinkUnspec::new_with_index(index).set_port_kind(InfoPortKind::Bridge);
    RouteNetlinkMessage::NewLink(port.set_port_data(InfoPortData::BridgePort(data)).build())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{end, payload};
    use super::super::{Change, Kind, decode};
    use super::*;
    use netlink_packet_route::link::{LinkAttribute, LinkInfo};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_set_about_a_bridge_reads_back(flags: [bool; 3], forward_delay in 200u32..=3000, ageing in 0u32..100_000) {
            let [multicast_snooping, stp, vlan_filtering] = flags;
            let to = BridgeSettings { multicast_snooping, stp, forward_delay, ageing, vlan_filtering };
            let from = BridgeSettings {
                multicast_snooping: !multicast_snooping,
                stp: !stp,
                forward_delay: forward_delay + 1,
                ageing: ageing + 1,
                vlan_filtering: !vlan_filtering,
            };
            let settings = Some((InfoKind::Bridge, InfoData::Bridge(to.since(from))));
            let seen = decode(&payload(Change { settings, ..Change::default() }.of(4)));
            prop_assert_eq!(seen.map(|link| link.kind), Some(Kind::Bridge(to)));
            prop_assert!(to.since(to).is_empty());
        }

        #[test]
        fn what_a_bridge_is_told_about_a_port_reads_back(hairpin: bool, isolated: bool, learning: bool) {
            let settings = PortSettings { hairpin, isolated, learning };
            prop_assert_eq!(decode(&payload(set_port(4, settings))).map(|link| link.port), Some(settings));
        }
    }

    #[test]
    fn a_created_bridge_says_only_what_it_would_not_be_anyway() {
        let of = end("br0", 3);
        let bridge = Bridge { vlan_filtering: true, multicast_snooping: true, ..Bridge::new(of.id, of.mac) };
        let message = create_bridge(&bridge, 2, 5);
        let RouteNetlinkMessage::NewLink(created) = &message else { panic!("it creates") };
        let told = InfoData::Bridge(vec![InfoBridge::VlanFiltering(true), InfoBridge::VlanDefaultPvid(0)]);
        let told = LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge), LinkInfo::Data(told)]);
        assert!(created.attributes.contains(&told), "{created:?}");
        let seen = decode(&payload(message)).expect("a message about a device");
        assert_eq!((seen.name, seen.mac, seen.group), (bridge.id.name, Some(bridge.mac), 5));
    }
}
