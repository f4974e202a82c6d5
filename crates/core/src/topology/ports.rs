//! Ports of switches: what is written of them on links and endpoints.

use super::problems::Problems;
use super::quantities::Reading;
use super::{Kind, Policing, PortWritten, Trunk, codes};
use crate::problem::Place;
use crate::spec::written::{EndpointMap, LinkSpec, OneOrMany, PolicingSpec};

/// The keys of a port, as written at one place.
pub(super) struct PortKeys<'s> {
    vlan: Option<u32>,
    trunk: Option<&'s OneOrMany>,
    native: Option<u32>,
    hairpin: Option<bool>,
    isolated: Option<bool>,
    learning: Option<bool>,
    policing: Option<&'s PolicingSpec>,
}

macro_rules! port_keys {
    ($($name:ident),+) => {
        $(impl<'s> From<&'s $name> for PortKeys<'s> {
            fn from(spec: &'s $name) -> Self {
                PortKeys {
                    vlan: spec.vlan,
                    trunk: spec.trunk.as_ref(),
                    native: spec.native,
                    hairpin: spec.hairpin,
                    isolated: spec.isolated,
                    learning: spec.learning,
                    policing: spec.policing.as_ref(),
                }
            }
        })+
    };
}

port_keys!(EndpointMap, LinkSpec);

impl PortKeys<'_> {
    /// The first key that is written.
    pub fn first(&self) -> Option<&'static str> {
        let keys = [
            ("vlan", self.vlan.is_some()),
            ("trunk", self.trunk.is_some()),
            ("native", self.native.is_some()),
            ("hairpin", self.hairpin.is_some()),
            ("isolated", self.isolated.is_some()),
            ("learning", self.learning.is_some()),
            ("policing", self.policing.is_some()),
        ];
        keys.into_iter().find_map(|(key, is)| is.then_some(key))
    }

    /// What they say.
    pub fn read(&self, at: &Place, problems: &mut Problems) -> PortWritten {
        if self.vlan.is_some() && self.trunk.is_some() {
            let message = "a port is in one `vlan` or is a `trunk`, not both";
            let hint = "write `trunk:`, with `native:` for what passes without a tag";
            problems.tell(codes::VLAN, &at.key("vlan"), message, hint);
        } else if self.vlan.is_some() && self.native.is_some() {
            let message = "`native` is the VLAN without a tag of a trunk, and this is a port of one `vlan`";
            problems.tell(
                codes::VLAN,
                &at.key("native"),
                message,
                "write one of them, or `trunk:` in place of `vlan:`",
            );
        }
        let mut vlan = |key: &str, value: Option<u32>| {
            value.and_then(|v| Reading { at: at.key(key), problems: &mut *problems }.vlan(v))
        };
        // What is told here is told once.
        let access = vlan("vlan", self.vlan.filter(|_| self.trunk.is_none()));
        let native = vlan("native", self.native.filter(|_| self.vlan.is_none()));
        let place = at.key("trunk");
        let trunk = self.trunk.and_then(|t| Reading { at: place.clone(), problems }.trunk(t.each(&place)));
        let (hairpin, isolated, learning) = (self.hairpin, self.isolated, self.learning);
        let policing = self.policing.and_then(|spec| policing(spec, at.key("policing"), problems));
        PortWritten { vlan: access, trunk, native, hairpin, isolated, learning, policing }
    }
}

fn policing(spec: &PolicingSpec, at: Place, problems: &mut Problems) -> Option<Policing> {
    let (rate, burst, rate_at) = match spec {
        PolicingSpec::Rate(rate) => (rate, None, at.clone()),
        // That `rate` is missing is told by the pass over the text.
        PolicingSpec::Both(both) => (both.rate.as_ref()?, both.burst.as_deref(), at.key("rate")),
    };
    let rate = Reading { at: rate_at, problems: &mut *problems }.rate(rate)?;
    let burst = match burst {
        None => None,
        Some(text) => Some(Reading { at: at.key("burst"), problems }.rate(text)?),
    };
    Some(Policing { rate, burst })
}

/// Tells of settings that a port of this switch does not have. `own` is what its endpoint says, the rest the link says for it.
pub(super) fn fits(kind: &Kind, port: &mut PortWritten, own: &PortWritten, at: &Place, problems: &mut Problems) {
    match kind {
        Kind::Ovs(..) => {
            let lacking = [("hairpin", port.hairpin == Some(true)), ("learning", port.learning == Some(false))];
            for (key, _) in lacking.into_iter().filter(|(_, is)| *is) {
                let message = format!("a port of Open vSwitch has no `{key}`");
                let hint = "take it away, or write it at the endpoint of a bridge of the kernel";
                problems.tell(codes::OVS_PORT, &at.key(key), message, hint);
            }
            // All have a tag or none: what has none is in a VLAN of its own, that has the number 0.
            if port.trunk == Some(Trunk::All) && port.native.is_none() {
                port.native = Some(0);
            }
        }
        Kind::Bridge(_) if port.policing.is_some() => {
            if own.policing.is_some() {
                let message = "`policing` is a setting of a port of Open vSwitch, and this bridge is the kernel's";
                problems.tell(
                    codes::OVS_PORT,
                    &at.key("policing"),
                    message,
                    "take it away, or make the bridge `kind: ovs`",
                );
            }
            // What the link says is meant for its other end.
            port.policing = None;
        }
        Kind::Bridge(_) | Kind::Namespace | Kind::Router | Kind::Nic { .. } | Kind::Host | Kind::Overlay(_) => {}
    }
}

/// What holds for a port: what its endpoint says, and for what that does not say what the link says. Being in one VLAN and being a trunk are one thing.
pub(super) fn over(own: PortWritten, link: &PortWritten) -> PortWritten {
    let decided = own.vlan.is_some() || own.trunk.is_some();
    let (vlan, trunk) = if decided { (own.vlan, own.trunk) } else { (link.vlan, link.trunk.clone()) };
    let native = own.native.or(link.native.filter(|_| own.vlan.is_none()));
    PortWritten {
        vlan,
        trunk,
        native,
        hairpin: own.hairpin.or(link.hairpin),
        isolated: own.isolated.or(link.isolated),
        learning: own.learning.or(link.learning),
        policing: own.policing.or(link.policing),
    }
}

/// Tells of a native VLAN of what is no trunk.
pub(super) fn check(port: &PortWritten, at: &Place, problems: &mut Problems) {
    if port.native.is_some() && port.trunk.is_none() {
        let message = "`native` is the VLAN without a tag of a trunk, and there is no `trunk`";
        problems.tell(codes::VLAN, &at.key("native"), message, "write `trunk:` beside it, or `vlan:` in place of it");
    }
}
