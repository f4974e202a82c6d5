//! The VLANs of a bridge's port.

use serde::{Deserialize, Serialize};

use super::DeviceId;

/// The VLANs that a port of a bridge takes, or the bridge itself as the host's way in; a port that is in none has no such resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortVlans {
    /// The port, or the bridge itself.
    pub device: DeviceId,
    vlans: Vec<VlanRange>,
    /// The VLAN of what comes in without a tag.
    pub pvid: Option<u16>,
}

/// VLANs that are treated alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VlanRange {
    /// The first: 1 to 4094.
    pub first: u16,
    /// The last: from `first` to 4094.
    pub last: u16,
    /// Frames leave without a tag.
    pub untagged: bool,
}

impl PortVlans {
    /// Of ranges in any order; of a VLAN that is in two the later counts.
    pub fn new(device: DeviceId, ranges: impl IntoIterator<Item = VlanRange>, pvid: Option<u16>) -> Self {
        let mut of = [None; 4096];
        for range in ranges {
            of[usize::from(range.first)..=usize::from(range.last)].fill(Some(range.untagged));
        }
        let mut vlans: Vec<VlanRange> = Vec::new();
        for (vid, untagged) in (0..).zip(of).filter_map(|(vid, untagged)| Some((vid, untagged?))) {
            match vlans.last_mut() {
                Some(last) if last.last + 1 == vid && last.untagged == untagged => last.last = vid,
                Some(_) | None => vlans.push(VlanRange { first: vid, last: vid, untagged }),
            }
        }
        PortVlans { device, vlans, pvid }
    }

    /// Its VLANs: sorted, no two ranges that could be one.
    pub fn ranges(&self) -> &[VlanRange] {
        &self.vlans
    }

    /// Whether it is in no VLAN.
    pub fn is_empty(&self) -> bool {
        self.vlans.is_empty()
    }

    /// Every VLAN, and whether frames leave without a tag.
    pub fn each(&self) -> impl Iterator<Item = (u16, bool)> + '_ {
        self.vlans.iter().flat_map(|range| (range.first..=range.last).map(|vid| (vid, range.untagged)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::IfName;
    use crate::resource::NetnsId;

    #[test]
    fn equal_vlans_are_equal_however_they_are_written() {
        let device = || DeviceId { netns: NetnsId::Host, name: IfName::LO };
        let range = |first, last, untagged| VlanRange { first, last, untagged };
        let a = PortVlans::new(device(), [range(10, 20, false), range(1, 1, true), range(21, 30, false)], Some(1));
        let b = PortVlans::new(device(), [range(1, 1, false), range(10, 30, false), range(1, 1, true)], Some(1));
        assert_eq!(a, b);
        assert_eq!(a.ranges(), [range(1, 1, true), range(10, 30, false)]);
        assert_eq!(a.each().count(), 22);
    }
}
