//! What a bridge says of itself as a switch.

use super::super::codes;
use super::super::layers::Picked;
use super::super::quantities::Reading;
use super::NodeOf;
use crate::spec::written::KindSpec;

/// How long a port may listen under STP, in s (BR_MIN_FORWARD_DELAY and BR_MAX_FORWARD_DELAY, net/bridge/br_private_stp.h).
const FORWARD_DELAY: (u32, u32) = (2, 30);

/// The longest that a bridge remembers an address, in s (IEEE 802.1D, table 7-5).
const LONGEST_AGEING: u32 = 1_000_000;

/// The same times of Open vSwitch, in s (`stp-forward-delay`, `mac-aging-time`, ovs-vswitchd.conf.db(5)).
const OVS_FORWARD_DELAY: (u32, u32) = (4, 30);
const OVS_AGEING: (u32, u32) = (15, 3600);

/// `stp`, `forward-delay`, `ageing` and `vlan`.
pub(super) type SwitchKeys = (bool, Option<u32>, Option<u32>, Option<u16>);

impl NodeOf<'_, '_, '_> {
    /// The keys that only a bridge has.
    pub(super) fn switch_keys(&mut self, bridge: bool, rstp: bool) -> SwitchKeys {
        let ovs = self.kind == KindSpec::Ovs;
        let (delays, ageings) =
            if ovs { (OVS_FORWARD_DELAY, OVS_AGEING) } else { (FORWARD_DELAY, (0, LONGEST_AGEING)) };
        let stp = self.fitting("stp", bridge, |s| s.stp.as_ref()).is_some_and(|p| *p.value);
        let delay = self.fitting("forward-delay", bridge, |s| s.forward_delay.as_ref());
        let delay = delay.filter(|picked| stp || rstp || picked.default || self.alone(picked));
        let delay = delay.filter(|_| stp || rstp).and_then(|picked| self.seconds(picked, delays, ovs));
        let ageing = self.fitting("ageing", bridge, |s| s.ageing.as_ref());
        let ageing = ageing.and_then(|picked| self.seconds(picked, ageings, ovs));
        let hint = "write it on the link to a bridge, or under `interfaces:` for a sub-interface";
        let vlan = self.fitting_or("vlan", bridge, hint, |s| s.vlan.as_ref());
        let vlan = vlan.and_then(|Picked { value, at, .. }| Reading { at, problems: self.problems }.vlan(*value));
        (stp, delay, ageing, vlan)
    }

    /// A time in 1/100 s; Open vSwitch counts in whole seconds.
    fn seconds(&mut self, picked: Picked<String>, (least, most): (u32, u32), whole: bool) -> Option<u32> {
        let Picked { value, at, .. } = picked;
        let time = Reading { at: at.clone(), problems: self.problems }.centiseconds(value, least, most)?;
        if whole && time % 100 != 0 {
            let message = format!("Open vSwitch counts this in whole seconds, not {value}");
            self.problems.tell(codes::BOUNDS, &at, message, "take a multiple of 1s");
            return None;
        }
        Some(time)
    }

    fn alone(&mut self, picked: &Picked<String>) -> bool {
        let message = "`forward-delay` is how long ports wait under `stp`, and this bridge has none";
        self.problems.tell(codes::ALONE, &picked.at, message, "write `stp: true` beside it");
        false
    }
}
