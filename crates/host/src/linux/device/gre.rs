//! GRE devices: with frames in them or packets, over IPv4 or IPv6.

use std::net::IpAddr;

use netlink_packet_route::link::InfoKind;
use netsim_core::resource::Gre;

use super::super::address::ip;
use super::super::attributes::{Attributes, each, number};
use super::underlay::{nobody, put_address};

// linux/if_tunnel.h
const IFLA_GRE_LINK: u16 = 1;
const IFLA_GRE_IFLAGS: u16 = 2;
const IFLA_GRE_OFLAGS: u16 = 3;
const IFLA_GRE_IKEY: u16 = 4;
const IFLA_GRE_OKEY: u16 = 5;
const IFLA_GRE_LOCAL: u16 = 6;
const IFLA_GRE_REMOTE: u16 = 7;
const IFLA_GRE_TTL: u16 = 8;
const IFLA_GRE_PMTUDISC: u16 = 10;
const IFLA_GRE_ENCAP_LIMIT: u16 = 11;
const IFLA_GRE_FLAGS: u16 = 13;
const IFLA_GRE_COLLECT_METADATA: u16 = 18;

/// There is a checksum (GRE_CSUM, RFC 2784).
const CHECKSUM: u16 = 0x8000;

/// There is a key (GRE_KEY, RFC 2890).
const KEY: u16 = 0x2000;

/// No option of IPv6 counts how deep in tunnels a packet is (IP6_TNL_F_IGN_ENCAP_LIMIT, linux/ip6_tunnel.h): it would take 8 bytes more of each.
const NO_ENCAP_LIMIT: u32 = 1;

/// What ip-link(8) calls them: frames over IPv4 and IPv6, packets over IPv4 and IPv6.
const KINDS: [(&str, bool, bool); 4] =
    [("gretap", true, false), ("ip6gretap", true, true), ("gre", false, false), ("ip6gre", false, true)];

/// The kind of a device, with frames in it or packets.
pub(super) fn kind(frames: bool, gre: &Gre) -> InfoKind {
    match (frames, gre.local) {
        (true, IpAddr::V4(_)) => InfoKind::GreTap,
        (true, IpAddr::V6(_)) => InfoKind::GreTap6,
        (false, IpAddr::V4(_)) => InfoKind::GreTun,
        (false, IpAddr::V6(_)) => InfoKind::GreTun6,
    }
}

/// All that is peculiar to one; a change says all of it, too, for what is left out becomes as by default (`ipgre_netlink_parms`).
pub(super) fn encode(gre: &Gre) -> Vec<u8> {
    let mut all = Attributes::default();
    let flags = if gre.checksum { CHECKSUM } else { 0 } | gre.key.map_or(0, |_| KEY);
    let key = gre.key.unwrap_or(0).to_be_bytes();
    all.put(IFLA_GRE_LINK, &0u32.to_ne_bytes());
    all.put(IFLA_GRE_IFLAGS, &flags.to_be_bytes());
    all.put(IFLA_GRE_OFLAGS, &flags.to_be_bytes());
    all.put(IFLA_GRE_IKEY, &key);
    all.put(IFLA_GRE_OKEY, &key);
    put_address(&mut all, [IFLA_GRE_LOCAL; 2], gre.local);
    put_address(&mut all, [IFLA_GRE_REMOTE; 2], gre.remote.unwrap_or(nobody(gre.local)));
    all.put(IFLA_GRE_TTL, &[gre.ttl]);
    match gre.local {
        IpAddr::V4(_) => all.put(IFLA_GRE_PMTUDISC, &[1]),
        IpAddr::V6(_) => {
            all.put(IFLA_GRE_ENCAP_LIMIT, &[0]);
            all.put(IFLA_GRE_FLAGS, &NO_ENCAP_LIMIT.to_ne_bytes());
        }
    }
    all.into_bytes()
}

/// The device of a kind that says this about itself, and whether there are frames in it; none for one that we have no word for.
pub(super) fn decode(kind: &str, data: &[u8]) -> Option<(bool, Gre)> {
    let (_, frames, v6) = KINDS.into_iter().find(|(name, ..)| *name == kind)?;
    let (mut local, mut remote, mut ttl, mut plain) = (None, None, 0, true);
    let (mut flags, mut keys) = ([0u16; 2], [0u32; 2]);
    for (kind, value) in each(data) {
        match kind {
            IFLA_GRE_IFLAGS => flags[0] = u16::from_be_bytes(value.try_into().ok()?),
            IFLA_GRE_OFLAGS => flags[1] = u16::from_be_bytes(value.try_into().ok()?),
            IFLA_GRE_IKEY => keys[0] = u32::from_be_bytes(value.try_into().ok()?),
            IFLA_GRE_OKEY => keys[1] = u32::from_be_bytes(value.try_into().ok()?),
            IFLA_GRE_LOCAL => local = ip(value),
            IFLA_GRE_REMOTE => remote = ip(value),
            IFLA_GRE_TTL => ttl = *value.first()?,
            IFLA_GRE_LINK => plain &= number(value) == Some(0),
            IFLA_GRE_PMTUDISC => plain &= v6 || value == [1],
            IFLA_GRE_FLAGS => plain &= number(value).is_some_and(|flags| flags & NO_ENCAP_LIMIT != 0),
            IFLA_GRE_COLLECT_METADATA => return None,
            _ => {}
        }
    }
    let [flags, outgoing] = flags;
    let key = (flags & KEY != 0).then_some(keys[0]);
    let alike = flags == outgoing && (key.is_none() || keys[0] == keys[1]) && flags & !(KEY | CHECKSUM) == 0;
    let remote = remote.filter(|remote| !remote.is_unspecified());
    let gre = Gre { local: local?, remote, key, ttl, checksum: flags & CHECKSUM != 0 };
    (plain && alike && gre.local.is_ipv6() == v6).then_some((frames, gre))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_gre() -> impl Strategy<Value = Gre> {
        let addresses = prop_oneof![
            (any::<[u8; 4]>(), any::<Option<[u8; 4]>>()).prop_map(|(a, b)| (a.into(), b.map(IpAddr::from))),
            (any::<[u8; 16]>(), any::<Option<[u8; 16]>>()).prop_map(|(a, b)| (a.into(), b.map(IpAddr::from))),
        ];
        let real = addresses.prop_filter("an address of a machine", |(a, b): &(IpAddr, Option<IpAddr>)| {
            !a.is_unspecified() && b.is_none_or(|b| !b.is_unspecified())
        });
        (real, any::<Option<u32>>(), any::<u8>(), any::<bool>()).prop_map(|((local, remote), key, ttl, checksum)| Gre {
            local,
            remote,
            key,
            ttl,
            checksum,
        })
    }

    proptest! {
        #[test]
        fn every_device_reads_back_as_it_was_asked_for(gre in any_gre(), frames: bool) {
            let name = KINDS.into_iter().find(|(_, of_frames, v6)| (*of_frames, *v6) == (frames, gre.local.is_ipv6()));
            let (name, ..) = name.expect("there are all four");
            prop_assert_eq!(decode(name, &encode(&gre)), Some((frames, gre)));
            prop_assert_eq!(kind(frames, &gre).to_string(), name);
        }
    }
}
