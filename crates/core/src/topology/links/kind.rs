//! What a link is made of.

use super::super::problems::Problems;
use super::super::quantities::Reading;
use super::super::{BondWritten, Kind, LinkKind, codes};
use super::Writing;
use crate::problem::Place;
use crate::resource::BondMode;
use crate::spec::written::Overlays;

/// Pairs of a bond.
const BOND_LINKS: std::ops::RangeInclusive<u32> = 2..=16;

/// How often members of a bond are looked at where nothing is said, in ms.
const MIIMON: u32 = 100;

/// The longest time between two looks at a bond's members, in s.
const LONGEST_MIIMON: u32 = 60;

/// How a bond uses its members.
pub(in super::super) fn bond_mode(
    problems: &mut Problems,
    mode: Option<BondMode>,
    miimon: Option<&str>,
    at: &Place,
) -> Option<BondWritten> {
    let mut reading = Reading { at: at.key("miimon"), problems };
    let miimon = miimon.map_or(Some(MIIMON), |text| reading.milliseconds(text, LONGEST_MIIMON))?;
    Some(BondWritten { mode: mode.unwrap_or(BondMode::BalanceRr), miimon })
}

impl Writing<'_, '_> {
    /// What the link is made of; none if that cannot be, which is told.
    pub(super) fn kind(&mut self) -> Option<LinkKind> {
        let link = self.link;
        let keys =
            [("bond", link.bond.is_some()), ("macvlan", link.macvlan.is_some()), ("ipvlan", link.ipvlan.is_some())];
        let overlay = Overlays::from(link).keys().next();
        let keys: Vec<&str> = keys.into_iter().filter_map(|(key, is)| is.then_some(key)).chain(overlay).collect();
        if let [a, b, ..] = keys.as_slice() {
            let message = format!("a link is made in one way, and here are `{a}` and `{b}`");
            self.building.problems.tell(codes::LINK_KIND, &self.at, message, "take one of them away");
            return None;
        }
        match (&link.bond, link.macvlan, link.ipvlan) {
            (Some(spec), ..) => {
                let at = self.at.key("bond");
                let mut reading = Reading { at: at.key("links"), problems: &mut self.building.problems };
                // That `links` is missing is told by the pass over the text.
                let links = reading.within(spec.links?, *BOND_LINKS.start(), *BOND_LINKS.end())?;
                let bond = bond_mode(&mut self.building.problems, spec.mode, spec.miimon.as_deref(), &at)?;
                Some(LinkKind::Bond { links, bond })
            }
            (None, Some(mode), _) => Some(LinkKind::Macvlan(mode)),
            (None, None, Some(mode)) => Some(LinkKind::Ipvlan(mode)),
            (None, None, None) => Some(LinkKind::Veth),
        }
    }
}

/// Why a link of this kind cannot join these two, and what to do; none if it can.
pub(super) fn unfit(kind: LinkKind, kinds: [&Kind; 2]) -> Option<(String, &'static str)> {
    let word = match kind {
        LinkKind::Veth | LinkKind::Overlay => return None,
        LinkKind::Bond { .. } if kinds.iter().any(|kind| matches!(kind, Kind::Ovs(..))) => {
            let hint = "link it by one pair, or make the bridge one of the kernel";
            return Some(("a port of Open vSwitch is no `bond` of the kernel".to_owned(), hint));
        }
        LinkKind::Bond { .. } => return None,
        LinkKind::Macvlan(_) => "macvlan",
        LinkKind::Ipvlan(_) => "ipvlan",
    };
    let (message, hint) = match kinds {
        [Kind::Nic { .. }, Kind::Namespace | Kind::Router] | [Kind::Namespace | Kind::Router, Kind::Nic { .. }] => {
            return None;
        }
        [Kind::Nic { .. }, Kind::Nic { .. }] => {
            ("joins a node with a NIC of the machine, and here are two NICs", "name a node")
        }
        [Kind::Nic { .. }, Kind::Bridge(_) | Kind::Ovs(..)] | [Kind::Bridge(_) | Kind::Ovs(..), Kind::Nic { .. }] => {
            ("belongs to a node, and here is a bridge", "name a namespace or a router")
        }
        [Kind::Nic { .. }, Kind::Host | Kind::Overlay(_)] | [Kind::Host | Kind::Overlay(_), Kind::Nic { .. }] => {
            ("belongs to a node, and here is the machine itself", "name a namespace or a router")
        }
        [
            Kind::Namespace | Kind::Router | Kind::Bridge(_) | Kind::Ovs(..) | Kind::Host | Kind::Overlay(_),
            Kind::Namespace | Kind::Router | Kind::Bridge(_) | Kind::Ovs(..) | Kind::Host | Kind::Overlay(_),
        ] => ("stands on a NIC of the machine, and here is none", "write the NIC as one of the endpoints: `host:eth1`"),
    };
    Some((format!("a `{word}` {message}"), hint))
}
