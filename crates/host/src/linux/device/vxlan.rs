//! VXLAN devices.

use std::net::{IpAddr, Ipv4Addr};

use netsim_core::resource::{Df, Vxlan};

use super::super::address::ip;
use super::super::attributes::{Attributes, each, number};
use super::underlay::{nobody, put_address};

// linux/if_link.h
const IFLA_VXLAN_ID: u16 = 1;
const IFLA_VXLAN_GROUP: u16 = 2;
const IFLA_VXLAN_LINK: u16 = 3;
const IFLA_VXLAN_LOCAL: u16 = 4;
const IFLA_VXLAN_TTL: u16 = 5;
const IFLA_VXLAN_LEARNING: u16 = 7;
const IFLA_VXLAN_PORT: u16 = 15;
const IFLA_VXLAN_GROUP6: u16 = 16;
const IFLA_VXLAN_LOCAL6: u16 = 17;
const IFLA_VXLAN_UDP_CSUM: u16 = 18;
const IFLA_VXLAN_UDP_ZERO_CSUM6_TX: u16 = 19;
const IFLA_VXLAN_UDP_ZERO_CSUM6_RX: u16 = 20;
const IFLA_VXLAN_GBP: u16 = 23;
const IFLA_VXLAN_COLLECT_METADATA: u16 = 25;
const IFLA_VXLAN_GPE: u16 = 27;
const IFLA_VXLAN_TTL_INHERIT: u16 = 28;
const IFLA_VXLAN_DF: u16 = 29;

/// What a UDP port is used for by a VXLAN device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listens {
    pub(crate) port: u16,
    /// The network; none where each packet says it (`external`), as with Open vSwitch.
    pub(crate) vni: Option<u32>,
}

/// All that is peculiar to a new one; `link` is the number of its underlay's device, or 0.
pub(super) fn encode(vxlan: &Vxlan, link: u32) -> Vec<u8> {
    let mut all = Attributes::default();
    all.put(IFLA_VXLAN_ID, &vxlan.vni.to_ne_bytes());
    all.put(IFLA_VXLAN_PORT, &vxlan.port.to_be_bytes());
    all.put(IFLA_VXLAN_UDP_CSUM, &[vxlan.checksum.into()]);
    // Devices share a port only if they agree on this (`vxlan_find_sock`): over IPv4, where it means nothing, it is as nobody ever sets it.
    let without = vxlan.local.is_ipv6() && !vxlan.checksum;
    all.put(IFLA_VXLAN_UDP_ZERO_CSUM6_TX, &[without.into()]);
    all.put(IFLA_VXLAN_UDP_ZERO_CSUM6_RX, &[without.into()]);
    put_changeable(&mut all, vxlan, link);
    all.into_bytes()
}

/// What can be said of one that is there: more is refused even if it is as it was (`vxlan_nl2conf`).
pub(super) fn encode_change(vxlan: &Vxlan, link: u32) -> Vec<u8> {
    let mut all = Attributes::default();
    put_changeable(&mut all, vxlan, link);
    all.into_bytes()
}

fn put_changeable(all: &mut Attributes, vxlan: &Vxlan, link: u32) {
    put_address(all, [IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6], vxlan.local);
    let nobody = nobody(vxlan.local);
    put_address(all, [IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6], vxlan.remote.unwrap_or(nobody));
    all.put(IFLA_VXLAN_LINK, &link.to_ne_bytes());
    all.put(IFLA_VXLAN_TTL, &[vxlan.ttl]);
    all.put(IFLA_VXLAN_LEARNING, &[vxlan.learning.into()]);
    all.put(IFLA_VXLAN_DF, &[df_number(vxlan.df)]);
}

/// The device that says this about itself, without its underlay's device, and the number of that, or 0; none for one in a mode that we have no word for.
pub(super) fn decode(data: &[u8]) -> Option<(Vxlan, u32)> {
    let mut vxlan = Vxlan {
        vni: 0,
        port: 0,
        local: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        remote: None,
        device: None,
        ttl: 0,
        checksum: false,
        df: Df::Unset,
        learning: false,
    };
    let (mut local, mut link, mut without) = (None, 0, [false; 2]);
    for (kind, value) in each(data) {
        match kind {
            IFLA_VXLAN_ID => vxlan.vni = number(value)?,
            IFLA_VXLAN_PORT => vxlan.port = u16::from_be_bytes(value.try_into().ok()?),
            IFLA_VXLAN_LOCAL | IFLA_VXLAN_LOCAL6 => local = ip(value),
            IFLA_VXLAN_GROUP | IFLA_VXLAN_GROUP6 => vxlan.remote = ip(value),
            IFLA_VXLAN_LINK => link = number(value)?,
            IFLA_VXLAN_TTL => vxlan.ttl = *value.first()?,
            IFLA_VXLAN_LEARNING => vxlan.learning = is_set(value),
            IFLA_VXLAN_DF => vxlan.df = df_of(*value.first()?)?,
            IFLA_VXLAN_UDP_CSUM => vxlan.checksum = is_set(value),
            IFLA_VXLAN_UDP_ZERO_CSUM6_TX => without[0] = is_set(value),
            IFLA_VXLAN_UDP_ZERO_CSUM6_RX => without[1] = is_set(value),
            IFLA_VXLAN_COLLECT_METADATA | IFLA_VXLAN_TTL_INHERIT if is_set(value) => return None,
            IFLA_VXLAN_GBP | IFLA_VXLAN_GPE => return None,
            _ => {}
        }
    }
    vxlan.local = local?;
    let expected = vxlan.local.is_ipv6() && !vxlan.checksum;
    (without == [expected; 2]).then_some((vxlan, link))
}

/// What the device that says this about itself uses its UDP port for.
pub(super) fn listens(data: &[u8]) -> Option<Listens> {
    let (mut port, mut vni, mut external) = (None, None, false);
    for (kind, value) in each(data) {
        match kind {
            IFLA_VXLAN_ID => vni = number(value),
            IFLA_VXLAN_PORT => port = value.try_into().ok().map(u16::from_be_bytes),
            IFLA_VXLAN_COLLECT_METADATA => external = is_set(value),
            _ => {}
        }
    }
    Some(Listens { port: port?, vni: vni.filter(|_| !external) })
}

fn is_set(value: &[u8]) -> bool {
    value == [1]
}

fn df_number(df: Df) -> u8 {
    match df {
        Df::Unset => 0,
        Df::Set => 1,
        Df::Inherit => 2,
    }
}

fn df_of(number: u8) -> Option<Df> {
    [Df::Unset, Df::Set, Df::Inherit].into_iter().find(|df| df_number(*df) == number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn any_vxlan() -> impl Strategy<Value = Vxlan> {
        let df = prop_oneof![Just(Df::Unset), Just(Df::Set), Just(Df::Inherit)];
        let addresses = prop_oneof![
            (any::<[u8; 4]>(), any::<Option<[u8; 4]>>()).prop_map(|(a, b)| (a.into(), b.map(IpAddr::from))),
            (any::<[u8; 16]>(), any::<Option<[u8; 16]>>()).prop_map(|(a, b)| (a.into(), b.map(IpAddr::from))),
        ];
        let real = addresses.prop_filter("an address of a machine", |(a, b): &(IpAddr, Option<IpAddr>)| {
            !a.is_unspecified() && b.is_none_or(|b| !b.is_unspecified())
        });
        (1u32..1 << 24, 1u16.., real, any::<u8>(), any::<bool>(), df, any::<bool>()).prop_map(
            |(vni, port, (local, remote), ttl, checksum, df, learning)| Vxlan {
                vni,
                port,
                local,
                remote,
                device: None,
                ttl,
                checksum,
                df,
                learning,
            },
        )
    }

    proptest! {
        #[test]
        fn every_device_reads_back_as_it_was_asked_for(vxlan in any_vxlan(), link: u32) {
            // A kernel does not tell an address that is no address.
            let told = encode(&vxlan, link);
            let kept: Vec<(u16, &[u8])> = each(&told).filter(|(kind, value)| {
                ![IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6].contains(kind) || value.iter().any(|byte| *byte != 0)
            }).collect();
            let mut shown = Attributes::default();
            kept.into_iter().for_each(|(kind, value)| shown.put(kind, value));
            let shown = shown.into_bytes();
            prop_assert_eq!(decode(&shown), Some((vxlan, link)));
            prop_assert_eq!(listens(&shown), Some(Listens { port: vxlan.port, vni: Some(vxlan.vni) }));
        }

        #[test]
        fn a_change_says_nothing_that_cannot_change(vxlan in any_vxlan()) {
            let fixed = [IFLA_VXLAN_ID, IFLA_VXLAN_PORT, IFLA_VXLAN_UDP_CSUM, IFLA_VXLAN_UDP_ZERO_CSUM6_TX, IFLA_VXLAN_UDP_ZERO_CSUM6_RX];
            let (whole, change) = (encode(&vxlan, 3), encode_change(&vxlan, 3));
            let said: Vec<(u16, &[u8])> = each(&whole).filter(|(kind, _)| !fixed.contains(kind)).collect();
            prop_assert_eq!(each(&change).collect::<Vec<_>>(), said);
        }
    }
}
