//! The VLANs of a bridge's ports.

use std::ops::RangeInclusive;

use netlink_packet_core::Emitable;
use netlink_packet_route::link::{
    AfSpecBridge, BridgeFlag, BridgeVlanInfo, BridgeVlanInfoFlags, LinkAttribute, LinkExtentMask, LinkHeader,
    LinkMessage,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netsim_core::resource::{PortVlans, VlanRange};

use super::super::attributes::{of_kind, parsed};

/// VLANs by number, and how each is treated; 4095 and 0 are none (IEEE 802.1Q).
type Vlans = [Option<How>; 4096];

/// How frames of a VLAN are treated, as the kernel's flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct How(BridgeVlanInfoFlags);

/// Who has VLANs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Member {
    /// A port: its bridge is told.
    Port,
    /// A bridge itself (BRIDGE_FLAGS_SELF).
    Bridge,
}

/// What a dump shows of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SeenVlans {
    pub(crate) index: u32,
    pub(crate) ranges: Vec<VlanRange>,
    pub(crate) pvid: Option<u16>,
}

/// The question for the VLANs of all ports of all bridges of a namespace, and of these bridges.
pub(crate) fn list_vlans() -> RouteNetlinkMessage {
    let mut message = LinkMessage::default();
    message.header.interface_family = AddressFamily::Bridge;
    message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::BrvlanCompressed]));
    RouteNetlinkMessage::GetLink(message)
}

/// The VLANs that an answer to that question tells.
pub(crate) fn decode_vlans(payload: &[u8]) -> Option<SeenVlans> {
    let header = LinkHeader::parse(payload).ok()?;
    let mut seen = SeenVlans { index: header.index, ..SeenVlans::default() };
    let attributes = payload.get(header.buffer_len()..)?;
    let infos = of_kind(attributes, libc::IFLA_AF_SPEC).flat_map(parsed).filter_map(|a| match a {
        AfSpecBridge::VlanInfo(info) => Some(info),
        _ => None,
    });
    let mut begun = None;
    for BridgeVlanInfo { flags, vid } in infos {
        if flags.contains(BridgeVlanInfoFlags::Pvid) {
            seen.pvid = Some(vid);
        }
        if flags.contains(BridgeVlanInfoFlags::RangeBegin) {
            begun = Some(vid);
            continue;
        }
        let first = if flags.contains(BridgeVlanInfoFlags::RangeEnd) { begun.take()? } else { vid };
        seen.ranges.push(VlanRange { first, last: vid, untagged: flags.contains(BridgeVlanInfoFlags::Untagged) });
    }
    Some(seen)
}

/// The requests that make the VLANs of a device `to` where they are `from`: those that are too many go, and then what is missing or otherwise is
/// set. All VLANs that there can be, every other one for itself, are 16 KiB: no more than one message takes.
pub(crate) fn set_vlans(
    index: u32,
    member: Member,
    from: Option<&PortVlans>,
    to: Option<&PortVlans>,
) -> Vec<RouteNetlinkMessage> {
    let (from, to) = (by_number(from), by_number(to));
    let gone = |vid: usize| from[vid].filter(|_| to[vid].is_none()).map(|_| How(BridgeVlanInfoFlags::empty()));
    let new = |vid: usize| to[vid].filter(|how| from[vid] != Some(*how));
    let [gone, new] = [runs(gone), runs(new)].map(|runs| request(index, member, &runs));
    gone.map(RouteNetlinkMessage::DelLink).into_iter().chain(new.map(RouteNetlinkMessage::SetLink)).collect()
}

fn by_number(vlans: Option<&PortVlans>) -> Vlans {
    let mut of = [None; 4096];
    for (vid, untagged) in vlans.into_iter().flat_map(PortVlans::each) {
        let mut flags = BridgeVlanInfoFlags::empty();
        flags.set(BridgeVlanInfoFlags::Untagged, untagged);
        flags.set(BridgeVlanInfoFlags::Pvid, vlans.is_some_and(|v| v.pvid == Some(vid)));
        of[usize::from(vid)] = Some(How(flags));
    }
    of
}

/// Neighbours that are treated alike, as one.
fn runs(how: impl Fn(usize) -> Option<How>) -> Vec<(RangeInclusive<u16>, How)> {
    let mut runs: Vec<(RangeInclusive<u16>, How)> = Vec::new();
    for (vid, how) in (0..4096).filter_map(|vid| Some((vid as u16, how(vid)?))) {
        match runs.last_mut() {
            Some((range, same)) if *same == how && range.end() + 1 == vid => *range = *range.start()..=vid,
            Some(_) | None => runs.push((vid..=vid, how)),
        }
    }
    runs
}

fn request(index: u32, member: Member, runs: &[(RangeInclusive<u16>, How)]) -> Option<LinkMessage> {
    if runs.is_empty() {
        return None;
    }
    let mut about = match member {
        Member::Port => Vec::new(),
        Member::Bridge => vec![AfSpecBridge::Flags(BridgeFlag::LowerDev)],
    };
    for (range, How(flags)) in runs {
        let mut add = |vid: u16, more| about.push(AfSpecBridge::VlanInfo(BridgeVlanInfo { flags: *flags | more, vid }));
        if range.start() == range.end() {
            add(*range.start(), BridgeVlanInfoFlags::empty());
        } else {
            add(*range.start(), BridgeVlanInfoFlags::RangeBegin);
            add(*range.end(), BridgeVlanInfoFlags::RangeEnd);
        }
    }
    let mut message = LinkMessage::default();
    message.header.interface_family = AddressFamily::Bridge;
    message.header.index = index;
    message.attributes.push(LinkAttribute::AfSpecBridge(about));
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{id, payload};
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Does the requests as a kernel does.
    fn done(of: &mut Vlans, requests: Vec<RouteNetlinkMessage>) {
        for request in requests {
            let goes = matches!(request, RouteNetlinkMessage::DelLink(_));
            let seen = decode_vlans(&payload(request)).expect("a message about a device");
            for range in &seen.ranges {
                for vid in range.first..=range.last {
                    let mut flags = BridgeVlanInfoFlags::empty();
                    flags.set(BridgeVlanInfoFlags::Untagged, range.untagged);
                    flags.set(BridgeVlanInfoFlags::Pvid, seen.pvid == Some(vid));
                    of[usize::from(vid)] = Some(How(flags)).filter(|_| !goes);
                }
            }
        }
    }

    fn vlans() -> impl Strategy<Value = PortVlans> {
        let range = (1u16..60, 0u16..20, any::<bool>());
        let ranges = vec(range, 0..6).prop_map(|ranges| {
            ranges
                .into_iter()
                .map(|(first, more, untagged)| VlanRange { first, last: first + more, untagged })
                .collect()
        });
        (ranges, any::<Option<prop::sample::Index>>()).prop_map(|(ranges, pvid): (Vec<VlanRange>, _)| {
            let all = PortVlans::new(id("p0"), ranges.clone(), None);
            let vids: Vec<u16> = all.each().map(|(vid, _)| vid).collect();
            let pvid = pvid.filter(|_| !vids.is_empty()).map(|index| *index.get(&vids));
            PortVlans::new(id("p0"), ranges, pvid)
        })
    }

    proptest! {
        #[test]
        fn any_vlans_become_any_others_by_what_differs(from in vlans(), to in vlans()) {
            let mut of = by_number(Some(&from));
            done(&mut of, set_vlans(4, Member::Port, Some(&from), Some(&to)));
            prop_assert!(of == by_number(Some(&to)));
            prop_assert!(set_vlans(4, Member::Bridge, Some(&to), Some(&to)).is_empty());
        }
    }

    #[test]
    fn every_other_vlan_fits_one_message() {
        let ranges = (1..=4094).step_by(2).map(|vid| VlanRange { first: vid, last: vid, untagged: false });
        let all = PortVlans::new(id("p0"), ranges, None);
        let mut requests = set_vlans(4, Member::Port, None, Some(&all));
        assert_eq!(requests.len(), 1);
        let bytes = payload(requests.remove(0));
        assert!(bytes.len() < 32 * 1024, "{}", bytes.len());
        let seen = decode_vlans(&bytes).expect("a message about a device");
        assert_eq!(PortVlans::new(id("p0"), seen.ranges, seen.pvid), all);
    }
}
