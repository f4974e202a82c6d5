//! The VLAN tags that a frame bears.

use crate::resource::VlanProtocol;

/// Tags, the outermost first: 16 bits each from the lowest on, the VLAN and above it whether it is 802.1ad's; 0 is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tags(u128);

/// The mark of an 802.1ad tag: VLANs have 12 bits.
const AD: u16 = 1 << 15;

fn tag(protocol: VlanProtocol, vid: u16) -> u128 {
    match protocol {
        VlanProtocol::Q => vid.into(),
        VlanProtocol::Ad => (vid | AD).into(),
    }
}

impl Tags {
    pub(crate) const NONE: Tags = Tags(0);

    /// With one more outside of the others; none if there are too many.
    pub(crate) fn outside(self, vid: u16) -> Option<Tags> {
        (self.0 >> 112 == 0).then(|| Tags(self.0 << 16 | tag(VlanProtocol::Q, vid)))
    }

    /// With one more inside of the others; none if there are too many.
    pub(crate) fn inside(self, protocol: VlanProtocol, vid: u16) -> Option<Tags> {
        let taken = 128 - self.0.leading_zeros();
        let shift = taken.div_ceil(16) * 16;
        (shift < 128).then(|| Tags(self.0 | tag(protocol, vid) << shift))
    }

    /// The 802.1Q VLAN of the outermost tag, and what is left without it; none if the outermost tag is none or 802.1ad's.
    pub(crate) fn parted(self) -> Option<(u16, Tags)> {
        let outermost = (self.0 & 0xffff) as u16;
        (outermost != 0 && outermost & AD == 0).then_some((outermost, Tags(self.0 >> 16)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_outside_comes_off_first() {
        let two = Tags::NONE.inside(VlanProtocol::Q, 10).and_then(|t| t.inside(VlanProtocol::Q, 20)).expect("room");
        assert_eq!(Tags::NONE.inside(VlanProtocol::Q, 20).and_then(|t| t.outside(10)), Some(two));
        let (outer, rest) = two.parted().expect("a tag");
        assert_eq!((outer, rest.parted()), (10, Some((20, Tags::NONE))));
    }

    #[test]
    fn a_tag_of_802_1ad_is_no_vlan() {
        assert_eq!(Tags::NONE.inside(VlanProtocol::Ad, 10).and_then(Tags::parted), None);
        assert_ne!(Tags::NONE.inside(VlanProtocol::Ad, 10), Tags::NONE.inside(VlanProtocol::Q, 10));
    }

    #[test]
    fn more_than_eight_tags_are_too_many() {
        let eight = (1..=8).try_fold(Tags::NONE, |tags, vid| tags.inside(VlanProtocol::Q, vid)).expect("room");
        assert_eq!((eight.inside(VlanProtocol::Q, 9), eight.outside(9)), (None, None));
    }
}
