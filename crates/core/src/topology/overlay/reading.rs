//! From an overlay as written to what it says.

use std::net::IpAddr;

use super::super::codes;
use super::super::problems::Problems;
use super::super::quantities::Reading;
use super::{OverlayKind, OverlayWritten};
use crate::problem::Place;
use crate::spec::Spec;
use crate::spec::written::{GreSpec, Overlays, VxlanSpec};

/// The greatest VNI: it has 24 bits (RFC 7348 §5).
const LAST_VNI: u32 = (1 << 24) - 1;

/// What all overlays say, of all files.
pub(in super::super) fn of_all(specs: &[Spec], problems: &mut Problems) -> Option<OverlayWritten> {
    let mut all: Option<OverlayWritten> = None;
    for spec in specs {
        let Some(written) = spec.defaults.as_ref().and_then(|d| d.overlay.as_ref()) else { continue };
        let at = Place { source: spec.source, ..Place::default() }.key("defaults").key("overlay");
        let overlays = Overlays::from(written);
        let vni = [("vxlan", overlays.vxlan.and_then(|v| v.vni)), ("geneve", overlays.geneve.and_then(|g| g.vni))];
        for (key, _) in vni.into_iter().filter(|(_, vni)| vni.is_some()) {
            let message = "each overlay has a VNI of its own, and this would be all of theirs";
            problems.tell(codes::OVERLAY, &at.key(key).key("vni"), message, "write it on a link, or not at all");
        }
        if let Some(read) = read(overlays, &at, problems) {
            all = Some(read.over(all.as_ref()));
        }
    }
    all
}

/// What is written at one place; none if nothing is, or nothing that can be.
pub(in super::super) fn read(overlays: Overlays<'_>, at: &Place, problems: &mut Problems) -> Option<OverlayWritten> {
    let mut keys = overlays.keys();
    let (first, second) = (keys.next()?, keys.next());
    if let Some(second) = second {
        let message = format!("an overlay is of one kind, and here are `{first}` and `{second}`");
        problems.tell(codes::OVERLAY, &at.key(second).name(), message, "take one of them away");
        return None;
    }
    let at = at.key(first);
    let mut fields = Fields { at: &at, problems };
    let (kind, ttl, checksum) = match overlays {
        Overlays { vxlan: Some(spec), .. } => (fields.vxlan(spec), spec.ttl, spec.udp_checksum),
        Overlays { geneve: Some(spec), .. } => {
            let (vni, port) = (fields.within("vni", spec.vni, LAST_VNI), fields.port(spec.port));
            (OverlayKind::Geneve { vni, port }, spec.ttl, spec.udp_checksum)
        }
        Overlays { gretap: Some(GreSpec { key, ttl, checksum }), .. } => {
            (OverlayKind::Gretap { key: *key }, *ttl, *checksum)
        }
        Overlays { gre: Some(GreSpec { key, ttl, checksum }), .. } => (OverlayKind::Gre { key: *key }, *ttl, *checksum),
        Overlays { vxlan: None, geneve: None, gretap: None, gre: None } => return None,
    };
    let ttl = fields.within("ttl", ttl, u32::from(u8::MAX)).and_then(|ttl| u8::try_from(ttl).ok());
    Some(OverlayWritten { kind, ttl, checksum, at })
}

struct Fields<'a> {
    at: &'a Place,
    problems: &'a mut Problems,
}

impl Fields<'_> {
    fn within(&mut self, key: &str, value: Option<u32>, most: u32) -> Option<u32> {
        Reading { at: self.at.key(key), problems: self.problems }.within(value?, 1, most)
    }

    fn port(&mut self, port: Option<u32>) -> Option<u16> {
        self.within("port", port, u32::from(u16::MAX)).and_then(|port| u16::try_from(port).ok())
    }

    fn vxlan(&mut self, spec: &VxlanSpec) -> OverlayKind {
        let vni = self.within("vni", spec.vni, LAST_VNI);
        let group = spec.group.as_deref().and_then(|text| self.group(text));
        OverlayKind::Vxlan { vni, port: self.port(spec.port), group, df: spec.df }
    }

    /// A group that what is sent to it reaches other hosts by.
    fn group(&mut self, text: &str) -> Option<IpAddr> {
        let group = text.parse::<IpAddr>().ok().filter(IpAddr::is_multicast);
        // Scopes 1 and 2 (RFC 4291 §2.7): a kernel takes such a group only together with a device's index.
        let narrow = matches!(group, Some(IpAddr::V6(a)) if a.segments()[0] & 0xf <= 2);
        let (message, hint) = match group {
            Some(group) if narrow => {
                (format!("{group} is a group of one link alone"), "take one of a wider scope, as ff05::88")
            }
            Some(group) => return Some(group),
            None => (format!("`{text}` is no multicast group"), "write one, as 239.1.1.1 or ff05::88"),
        };
        self.problems.tell(codes::OVERLAY, &self.at.key("group"), message, hint);
        None
    }
}

impl OverlayWritten {
    /// These values, and where one is not said the weaker ones of an overlay of the same kind.
    pub(in super::super) fn over(mut self, weaker: Option<&Self>) -> Self {
        let Some(weaker) = weaker else { return self };
        let same = match (&mut self.kind, &weaker.kind) {
            (OverlayKind::Vxlan { vni, port, group, df }, OverlayKind::Vxlan { vni: v, port: p, group: g, df: d }) => {
                (*vni, *port, *group, *df) = (vni.or(*v), port.or(*p), group.or(*g), df.or(*d));
                true
            }
            (OverlayKind::Geneve { vni, port }, OverlayKind::Geneve { vni: v, port: p }) => {
                (*vni, *port) = (vni.or(*v), port.or(*p));
                true
            }
            (OverlayKind::Gretap { key }, OverlayKind::Gretap { key: k })
            | (OverlayKind::Gre { key }, OverlayKind::Gre { key: k }) => {
                *key = key.or(*k);
                true
            }
            (
                OverlayKind::Vxlan { .. }
                | OverlayKind::Geneve { .. }
                | OverlayKind::Gretap { .. }
                | OverlayKind::Gre { .. },
                _,
            ) => false,
        };
        if same {
            self.ttl = self.ttl.or(weaker.ttl);
            self.checksum = self.checksum.or(weaker.checksum);
        }
        self
    }
}
