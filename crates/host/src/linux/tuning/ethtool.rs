//! Offloads of a device by ethtool's generic netlink (Documentation/networking/ethtool-netlink.rst).

use std::collections::BTreeSet;
use std::io;

use netlink_sys::protocols::NETLINK_GENERIC;
use netsim_core::resource::Knob;

use super::super::attributes::{self, Attributes};
use super::super::generic::{self, HEADER, Message};
use crate::netlink::{Batch, Netlink};

const ETHTOOL_MSG_FEATURES_GET: u8 = 11;
const ETHTOOL_MSG_FEATURES_SET: u8 = 12;
const ETHTOOL_A_FEATURES_HEADER: u16 = 1;
const ETHTOOL_A_FEATURES_HW: u16 = 2;
const ETHTOOL_A_FEATURES_WANTED: u16 = 3;
const ETHTOOL_A_FEATURES_ACTIVE: u16 = 4;
const ETHTOOL_A_HEADER_DEV_INDEX: u16 = 1;
const ETHTOOL_A_HEADER_FLAGS: u16 = 3;
const ETHTOOL_FLAG_OMIT_REPLY: u32 = 2;
const ETHTOOL_A_BITSET_NOMASK: u16 = 1;
const ETHTOOL_A_BITSET_BITS: u16 = 3;
const ETHTOOL_A_BITSET_BITS_BIT: u16 = 1;
const ETHTOOL_A_BITSET_BIT_NAME: u16 = 2;
const ETHTOOL_A_BITSET_BIT_VALUE: u16 = 3;

/// A socket for it in one network namespace, that of the thread that opened it.
#[derive(Debug)]
pub(crate) struct Ethtool {
    netlink: Netlink,
    family: u16,
}

/// What a device can do for the kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Features {
    /// What can be switched.
    changeable: BTreeSet<String>,
    /// What is on.
    active: BTreeSet<String>,
}

impl Ethtool {
    /// None if the kernel has none (CONFIG_ETHTOOL_NETLINK).
    pub(crate) fn open() -> io::Result<Option<Self>> {
        let mut netlink = Netlink::open_for(NETLINK_GENERIC)?;
        let family = generic::family(&mut netlink, "ethtool")?;
        Ok(family.map(|family| Ethtool { netlink, family }))
    }

    /// What a device can do; none if it is gone.
    pub(super) fn features(&mut self, index: u32) -> io::Result<Option<Features>> {
        let mut request = Attributes::default();
        request.nest(ETHTOOL_A_FEATURES_HEADER, header(index, 0));
        let question = Message::new(self.family, ETHTOOL_MSG_FEATURES_GET, request);
        let answer = self.netlink.ask(vec![question])?.pop().flatten();
        Ok(answer.as_deref().and_then(|payload| Some(decode(payload.get(HEADER..)?))))
    }

    /// Switches an offload of a device on or off, all of its parts that can be switched.
    pub(super) fn set(&mut self, index: u32, knob: Knob, on: bool) -> io::Result<()> {
        let gone = || io::Error::from_raw_os_error(libc::ENODEV);
        let features = self.features(index)?.ok_or_else(gone)?;
        let names: Vec<&str> = features.changeable.iter().map(|n| &**n).filter(|n| is_part(knob, n)).collect();
        if names.is_empty() {
            return Err(io::Error::other(format!("{knob} of this device cannot be switched")));
        }
        let mut request = Attributes::default();
        request.nest(ETHTOOL_A_FEATURES_HEADER, header(index, ETHTOOL_FLAG_OMIT_REPLY));
        request.nest(ETHTOOL_A_FEATURES_WANTED, bits(names, on));
        let mut batch = Batch::default();
        batch.push((), 0, Message::new(self.family, ETHTOOL_MSG_FEATURES_SET, request));
        self.netlink.send(batch)?.into_iter().next().map_or(Ok(()), |refused| Err(refused.into()))
    }
}

fn header(index: u32, flags: u32) -> Attributes {
    let mut header = Attributes::default();
    header.put(ETHTOOL_A_HEADER_DEV_INDEX, &index.to_ne_bytes());
    header.put(ETHTOOL_A_HEADER_FLAGS, &flags.to_ne_bytes());
    header
}

/// A set of bits by their names, all of one value.
fn bits<'a>(names: impl IntoIterator<Item = &'a str>, on: bool) -> Attributes {
    let mut all = Attributes::default();
    for name in names {
        let mut bit = Attributes::default();
        bit.put(ETHTOOL_A_BITSET_BIT_NAME, &[name.as_bytes(), &[0]].concat());
        if on {
            bit.put(ETHTOOL_A_BITSET_BIT_VALUE, &[]);
        }
        all.nest(ETHTOOL_A_BITSET_BITS_BIT, bit);
    }
    let mut set = Attributes::default();
    set.nest(ETHTOOL_A_BITSET_BITS, all);
    set
}

fn decode(reply: &[u8]) -> Features {
    Features { changeable: names(reply, ETHTOOL_A_FEATURES_HW), active: names(reply, ETHTOOL_A_FEATURES_ACTIVE) }
}

/// The names of what is on in one set of a reply: without a mask it lists just that, with one all that it is about.
fn names(reply: &[u8], set: u16) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for set in attributes::of_kind(reply, set) {
        let no_mask = attributes::of_kind(set, ETHTOOL_A_BITSET_NOMASK).next().is_some();
        let bits = attributes::of_kind(set, ETHTOOL_A_BITSET_BITS);
        let bits = bits.flat_map(|bits| attributes::of_kind(bits, ETHTOOL_A_BITSET_BITS_BIT));
        let is_on = |bit: &&[u8]| no_mask || attributes::of_kind(bit, ETHTOOL_A_BITSET_BIT_VALUE).next().is_some();
        names.extend(bits.filter(is_on).filter_map(|bit| {
            let name = attributes::of_kind(bit, ETHTOOL_A_BITSET_BIT_NAME).next()?;
            Some(String::from_utf8_lossy(name.strip_suffix(&[0]).unwrap_or(name)).into_owned())
        }));
    }
    names
}

/// Whether a feature of this name (`netdev_features_strings`, net/ethtool/common.c) is part of an offload.
fn is_part(knob: Knob, name: &str) -> bool {
    match knob {
        Knob::TxChecksum => name == "tx-checksum-ip-generic",
        Knob::Gso => name == "tx-generic-segmentation",
        Knob::Gro => name == "rx-gro",
        // Of either family, with ECN, with a mangled IP id.
        Knob::Tso => name.starts_with("tx-tcp") && name.ends_with("-segmentation"),
        Knob::RpsCpus | Knob::XpsCpus => false,
    }
}

impl Features {
    /// `on` or `off`; `mixed` where a hand switched only some parts. Marks of congestion are no segmentation by themselves: a kernel leaves them on where
    /// checksums take all else away (`netdev_fix_features`, net/core/dev.c).
    pub(super) fn value(&self, knob: Knob) -> &'static str {
        let cuts = |name: &&String| is_part(knob, name) && !name.contains("ecn");
        let part = |names: &BTreeSet<String>| names.iter().filter(cuts).count();
        let (all, on) = (part(&self.changeable), part(&self.active));
        match on {
            0 => "off",
            on if on >= all => "on",
            _ => "mixed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(changeable: &[&str], fixed: &[&str], active: &[&str]) -> Vec<u8> {
        let mut hw = bits(changeable.iter().copied(), true).into_bytes();
        hw.extend(bits(fixed.iter().copied(), false).into_bytes());
        let mut on = Attributes::default();
        on.put(ETHTOOL_A_BITSET_NOMASK, &[]);
        let on = [on.into_bytes(), bits(active.iter().copied(), false).into_bytes()].concat();
        let mut reply = Attributes::default();
        reply.nest(ETHTOOL_A_FEATURES_HW, Attributes::after(hw));
        reply.nest(ETHTOOL_A_FEATURES_ACTIVE, Attributes::after(on));
        reply.into_bytes()
    }

    #[test]
    fn tso_is_on_when_all_of_its_parts_are() {
        let parts = ["rx-gro", "tx-tcp-segmentation", "tx-tcp6-segmentation"];
        let value = |active: &[&str]| decode(&reply(&parts, &["tx-tcp-new-segmentation"], active)).value(Knob::Tso);
        assert_eq!(value(&parts), "on");
        assert_eq!(value(&parts[..2]), "mixed");
        assert_eq!(value(&parts[..1]), "off");
    }

    #[test]
    fn what_is_on_for_good_is_on() {
        let features = decode(&reply(&[], &["tx-checksum-ip-generic"], &["tx-checksum-ip-generic"]));
        assert_eq!((features.value(Knob::TxChecksum), features.value(Knob::Gso)), ("on", "off"));
    }
}
