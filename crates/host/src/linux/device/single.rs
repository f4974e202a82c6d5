//! Devices with one name: dummies, VLAN sub-interfaces, macvlan, ipvlan, bonds, VRFs, tunnels.

use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{self, InfoBond, InfoData, InfoIpVlan, InfoKind, InfoMacVlan, InfoVlan, InfoVrf};
use netsim_core::resource::{
    Bond, BondMode, DeviceId, Gre, IpvlanMode, MacvlanMode, Single, SingleKind, VlanProtocol, Vxlan,
};
use rtnetlink::{LinkMessageBuilder, LinkUnspec};

use super::super::attributes::parsed;
use super::{gre, new_device, vxlan};

/// What a device with one name is, without what it stands on: that is told elsewhere in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Dummy,
    Vlan {
        vid: u16,
        protocol: VlanProtocol,
    },
    Macvlan(MacvlanMode),
    Ipvlan(IpvlanMode),
    Bond {
        mode: BondMode,
        miimon: u32,
    },
    Vrf {
        table: u32,
    },
    /// Without its underlay's device; `link` is the number of that in the underlay's namespace, 0 where there is none.
    Vxlan {
        vxlan: Vxlan,
        link: u32,
    },
    Gretap(Gre),
    Gre(Gre),
}

impl Sort {
    /// What a device that is wanted is; `link` is the number of the underlay's device that it names, 0 where it names none.
    pub(crate) fn of(kind: &SingleKind, link: u32) -> Self {
        match kind {
            SingleKind::Vxlan(vxlan) => Sort::Vxlan { vxlan: Vxlan { device: None, ..*vxlan }, link },
            SingleKind::Gretap(gre) => Sort::Gretap(*gre),
            SingleKind::Gre(gre) => Sort::Gre(*gre),
            SingleKind::Dummy => Sort::Dummy,
            SingleKind::Vlan { vid, protocol, .. } => Sort::Vlan { vid: *vid, protocol: *protocol },
            SingleKind::Macvlan { mode, .. } => Sort::Macvlan(*mode),
            SingleKind::Ipvlan { mode, .. } => Sort::Ipvlan(*mode),
            SingleKind::Bond(Bond { mode, miimon }) => Sort::Bond { mode: *mode, miimon: *miimon },
            SingleKind::Vrf { table } => Sort::Vrf { table: *table },
        }
    }

    /// The same with the device that it stands on, or that of its underlay; none where it must have one and has not, or not where it can.
    pub(crate) fn on(self, id: &DeviceId, parent: Option<DeviceId>) -> Option<SingleKind> {
        Some(match self {
            Sort::Dummy => SingleKind::Dummy,
            Sort::Vlan { vid, protocol } => {
                let parent = parent.filter(|parent| parent.netns == id.netns)?.name;
                SingleKind::Vlan { parent, vid, protocol }
            }
            Sort::Macvlan(mode) => SingleKind::Macvlan { parent: parent?, mode },
            Sort::Ipvlan(mode) => SingleKind::Ipvlan { parent: parent?, mode },
            Sort::Bond { mode, miimon } => SingleKind::Bond(Bond { mode, miimon }),
            Sort::Vrf { table } => SingleKind::Vrf { table },
            Sort::Vxlan { vxlan, link: 0 } => SingleKind::Vxlan(vxlan),
            Sort::Vxlan { vxlan, .. } => SingleKind::Vxlan(Vxlan { device: Some(parent?.name), ..vxlan }),
            Sort::Gretap(gre) => SingleKind::Gretap(gre),
            Sort::Gre(gre) => SingleKind::Gre(gre),
        })
    }

    /// Whether it stands on another device.
    pub(crate) fn has_parent(self) -> bool {
        match self {
            Sort::Vlan { .. } | Sort::Macvlan(_) | Sort::Ipvlan(_) => true,
            Sort::Dummy
            | Sort::Bond { .. }
            | Sort::Vrf { .. }
            | Sort::Vxlan { .. }
            | Sort::Gretap(_)
            | Sort::Gre(_) => false,
        }
    }

    /// Whether it sends over an underlay, which may be that of another namespace.
    pub(crate) fn is_tunnel(self) -> bool {
        match self {
            Sort::Vxlan { .. } | Sort::Gretap(_) | Sort::Gre(_) => true,
            Sort::Dummy
            | Sort::Vlan { .. }
            | Sort::Macvlan(_)
            | Sort::Ipvlan(_)
            | Sort::Bond { .. }
            | Sort::Vrf { .. } => false,
        }
    }

    /// What ip-link(8) calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Sort::Dummy => "dummy",
            Sort::Vlan { .. } => "vlan",
            Sort::Macvlan(_) => "macvlan",
            Sort::Ipvlan(_) => "ipvlan",
            Sort::Bond { .. } => "bond",
            Sort::Vrf { .. } => "vrf",
            Sort::Vxlan { .. } => "vxlan",
            Sort::Gretap(_) => "gretap",
            Sort::Gre(_) => "gre",
        }
    }

    /// The device that says this about itself; none if it is of another kind, or in a mode that we have no word for.
    pub(super) fn decode(kind: &str, data: &[u8]) -> Option<Self> {
        match kind {
            "dummy" => Some(Sort::Dummy),
            "vlan" => {
                let (mut id, mut tag) = (None, None);
                for seen in parsed(data) {
                    match seen {
                        InfoVlan::Id(vid) => id = Some(vid),
                        InfoVlan::Protocol(protocol) => tag = Some(protocol),
                        _ => {}
                    }
                }
                let protocol = match tag? {
                    link::VlanProtocol::Ieee8021Q => VlanProtocol::Q,
                    link::VlanProtocol::Ieee8021Ad => VlanProtocol::Ad,
                    _ => return None,
                };
                Some(Sort::Vlan { vid: id?, protocol })
            }
            "macvlan" => parsed(data)
                .find_map(|seen| match seen {
                    InfoMacVlan::Mode(mode) => Some(mode),
                    _ => None,
                })
                .and_then(macvlan_word)
                .map(Sort::Macvlan),
            "ipvlan" => parsed(data)
                .find_map(|seen| match seen {
                    InfoIpVlan::Mode(mode) => Some(mode),
                    _ => None,
                })
                .and_then(ipvlan_word)
                .map(Sort::Ipvlan),
            "bond" => {
                let (mut mode, mut miimon) = (None, 0);
                for seen in parsed(data) {
                    match seen {
                        InfoBond::Mode(seen) => mode = bond_word(seen),
                        InfoBond::MiiMon(time) => miimon = time,
                        _ => {}
                    }
                }
                Some(Sort::Bond { mode: mode?, miimon })
            }
            "vrf" => parsed(data).find_map(|seen| match seen {
                InfoVrf::TableId(table) => Some(Sort::Vrf { table }),
                _ => None,
            }),
            "vxlan" => vxlan::decode(data).map(|(vxlan, link)| Sort::Vxlan { vxlan, link }),
            kind => {
                gre::decode(kind, data).map(|(frames, gre)| if frames { Sort::Gretap(gre) } else { Sort::Gre(gre) })
            }
        }
    }

    /// Its settings at its creation.
    fn settings(self) -> Option<InfoData> {
        Some(match self {
            Sort::Dummy => return None,
            Sort::Vlan { vid, protocol } => {
                let protocol = match protocol {
                    VlanProtocol::Q => link::VlanProtocol::Ieee8021Q,
                    VlanProtocol::Ad => link::VlanProtocol::Ieee8021Ad,
                };
                InfoData::Vlan(vec![InfoVlan::Id(vid), InfoVlan::Protocol(protocol)])
            }
            Sort::Macvlan(mode) => InfoData::MacVlan(vec![InfoMacVlan::Mode(macvlan_mode(mode))]),
            Sort::Ipvlan(mode) => InfoData::IpVlan(vec![InfoIpVlan::Mode(ipvlan_mode(mode))]),
            Sort::Bond { mode, miimon } => {
                InfoData::Bond(vec![InfoBond::Mode(bond_mode(mode)), InfoBond::MiiMon(miimon)])
            }
            Sort::Vrf { table } => InfoData::Vrf(vec![InfoVrf::TableId(table)]),
            Sort::Vxlan { vxlan, link } => InfoData::Other(vxlan::encode(&vxlan, link)),
            Sort::Gretap(gre) | Sort::Gre(gre) => InfoData::Other(gre::encode(&gre)),
        })
    }

    /// What has to be set where a device is `from`; nothing else about it can be changed.
    pub(crate) fn since(self, from: Sort) -> Option<(InfoKind, InfoData)> {
        match (from, self) {
            (Sort::Macvlan(from), Sort::Macvlan(to)) if from != to => Some((self.kind(), self.settings()?)),
            (Sort::Ipvlan(from), Sort::Ipvlan(to)) if from != to => Some((self.kind(), self.settings()?)),
            (Sort::Bond { miimon: from, .. }, Sort::Bond { miimon: to, .. }) if from != to => {
                Some((self.kind(), InfoData::Bond(vec![InfoBond::MiiMon(to)])))
            }
            (Sort::Vxlan { .. }, Sort::Vxlan { vxlan, link }) if from != self => {
                Some((self.kind(), InfoData::Other(vxlan::encode_change(&vxlan, link))))
            }
            (Sort::Gretap(from), Sort::Gretap(to)) | (Sort::Gre(from), Sort::Gre(to)) if from != to => {
                Some((self.kind(), self.settings()?))
            }
            (
                Sort::Dummy
                | Sort::Vlan { .. }
                | Sort::Macvlan(_)
                | Sort::Ipvlan(_)
                | Sort::Bond { .. }
                | Sort::Vrf { .. }
                | Sort::Vxlan { .. }
                | Sort::Gretap(_)
                | Sort::Gre(_),
                _,
            ) => None,
        }
    }

    fn kind(self) -> InfoKind {
        match self {
            Sort::Dummy => InfoKind::Dummy,
            Sort::Vlan { .. } => InfoKind::Vlan,
            Sort::Macvlan(_) => InfoKind::MacVlan,
            Sort::Ipvlan(_) => InfoKind::IpVlan,
            Sort::Bond { .. } => InfoKind::Bond,
            Sort::Vrf { .. } => InfoKind::Vrf,
            Sort::Vxlan { .. } => InfoKind::Vxlan,
            Sort::Gretap(gre) => gre::kind(true, &gre),
            Sort::Gre(gre) => gre::kind(false, &gre),
        }
    }
}

fn macvlan_mode(mode: MacvlanMode) -> link::MacVlanMode {
    match mode {
        MacvlanMode::Bridge => link::MacVlanMode::Bridge,
        MacvlanMode::Private => link::MacVlanMode::Private,
        MacvlanMode::Vepa => link::MacVlanMode::Vepa,
        MacvlanMode::Passthru => link::MacVlanMode::Passthrough,
    }
}

fn macvlan_word(mode: link::MacVlanMode) -> Option<MacvlanMode> {
    MacvlanMode::WORDS.iter().map(|(_, word)| *word).find(|word| macvlan_mode(*word) == mode)
}

fn ipvlan_mode(mode: IpvlanMode) -> link::IpVlanMode {
    match mode {
        IpvlanMode::L2 => link::IpVlanMode::L2,
        IpvlanMode::L3 => link::IpVlanMode::L3,
        IpvlanMode::L3s => link::IpVlanMode::L3S,
    }
}

fn ipvlan_word(mode: link::IpVlanMode) -> Option<IpvlanMode> {
    IpvlanMode::WORDS.iter().map(|(_, word)| *word).find(|word| ipvlan_mode(*word) == mode)
}

fn bond_mode(mode: BondMode) -> link::BondMode {
    match mode {
        BondMode::BalanceRr => link::BondMode::BalanceRr,
        BondMode::ActiveBackup => link::BondMode::ActiveBackup,
        BondMode::BalanceXor => link::BondMode::BalanceXor,
        BondMode::Broadcast => link::BondMode::Broadcast,
        BondMode::Lacp => link::BondMode::Ieee8023Ad,
    }
}

fn bond_word(mode: link::BondMode) -> Option<BondMode> {
    BondMode::WORDS.iter().map(|(_, word)| *word).find(|word| bond_mode(*word) == mode)
}

/// A device with one name; index 0 lets the kernel choose. The request goes to the namespace of the device that it stands on, or of its underlay, whose
/// number there is `parent`; `far` is its own namespace if that is another.
pub(crate) fn create_single(
    single: &Single,
    index: u32,
    parent: Option<u32>,
    far: Option<BorrowedFd<'_>>,
    group: u32,
) -> RouteNetlinkMessage {
    let sort = Sort::of(&single.kind, parent.unwrap_or(0));
    let mut device = LinkMessageBuilder::<LinkUnspec>::new_with_info_kind(sort.kind()).index(index);
    device = new_device(device, single.id.name, group);
    if let Some(mac) = single.mac {
        device = device.address(mac.0.to_vec());
    }
    if let Some(mtu) = single.mtu {
        device = device.mtu(mtu);
    }
    if let Some(parent) = parent.filter(|_| sort.has_parent()) {
        device = device.link(parent);
    }
    if let Some(far) = far {
        device = device.setns_by_fd(far.as_raw_fd());
    }
    if let Some(settings) = sort.settings() {
        device = device.set_info_data(settings);
    }
    RouteNetlinkMessage::NewLink(device.build())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{id, payload};
    use super::super::{Kind, decode};
    use super::*;
    use netsim_core::names::Mac;
    use netsim_core::resource::Df;

    fn kinds() -> Vec<SingleKind> {
        let parent = || id("eth0");
        let mut kinds = vec![SingleKind::Dummy, SingleKind::Vrf { table: 300 }];
        for (_, protocol) in VlanProtocol::WORDS {
            kinds.push(SingleKind::Vlan { parent: parent().name, vid: 4094, protocol: *protocol });
        }
        kinds.extend(MacvlanMode::WORDS.iter().map(|(_, mode)| SingleKind::Macvlan { parent: parent(), mode: *mode }));
        kinds.extend(IpvlanMode::WORDS.iter().map(|(_, mode)| SingleKind::Ipvlan { parent: parent(), mode: *mode }));
        kinds.extend(BondMode::WORDS.iter().map(|(_, mode)| SingleKind::Bond(Bond { mode: *mode, miimon: 100 })));
        let addresses = [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")];
        for (local, remote) in addresses.map(|(a, b)| (a.parse().expect("an address"), b.parse().expect("an address")))
        {
            let gre = Gre { local, remote: Some(remote), key: Some(9), ttl: 3, checksum: true };
            kinds.extend([SingleKind::Gretap(gre), SingleKind::Gre(gre)]);
            let vxlan = Vxlan {
                vni: 7,
                port: 4789,
                local,
                remote: Some(remote),
                device: Some(parent().name),
                ttl: 3,
                checksum: true,
                df: Df::Set,
                learning: false,
            };
            kinds.extend([SingleKind::Vxlan(vxlan), SingleKind::Vxlan(Vxlan { device: None, ..vxlan })]);
        }
        kinds
    }

    #[test]
    fn a_created_device_of_every_kind_reads_back_as_it_was_asked_for() {
        for kind in kinds() {
            let mac = kind.has_mac().then_some(Mac([2, 0, 0, 0, 0, 9]));
            let mtu = kind.has_mtu().then_some(1400);
            let single = Single { id: id("x0"), mac, mtu, link_local: false, full_name: None, kind: kind.clone() };
            let beneath = kind.parent(&single.id).or_else(|| kind.underlay());
            let parent = beneath.as_ref().map(|_| 7);
            let seen = decode(&payload(create_single(&single, 3, parent, None, 99))).expect("a message about a device");
            assert_eq!((seen.index, seen.name, seen.group), (3, single.id.name, 99));
            assert_eq!((seen.mac, seen.mtu), (mac, mtu.unwrap_or(0)));
            let stands = kind.parent(&single.id).is_some();
            assert_eq!(seen.peer, parent.filter(|_| stands).map(|index| (index, None)));
            assert_eq!(seen.kind.has_peer(), stands);
            let Kind::Single(sort) = seen.kind else { panic!("{kind:?}: {:?}", seen.kind) };
            assert_eq!(sort.on(&single.id, beneath), Some(kind.clone()));
            assert_eq!((sort.name(), sort.since(sort)), (kind.name(), None));
        }
    }

    #[test]
    fn a_change_of_what_a_device_is_says_the_kind_and_what_is_new() {
        let change = |from: Sort, to: Sort| to.since(from).map(|(kind, _)| kind);
        assert_eq!(
            change(Sort::Macvlan(MacvlanMode::Bridge), Sort::Macvlan(MacvlanMode::Vepa)),
            Some(InfoKind::MacVlan)
        );
        assert_eq!(change(Sort::Ipvlan(IpvlanMode::L2), Sort::Ipvlan(IpvlanMode::L3)), Some(InfoKind::IpVlan));
        let bond = |miimon| Sort::Bond { mode: BondMode::Lacp, miimon };
        assert_eq!(bond(200).since(bond(100)), Some((InfoKind::Bond, InfoData::Bond(vec![InfoBond::MiiMon(200)]))));
    }
}
