//! Where a node is to be, and what joins the parts of a bridge that is on several hosts.

use super::super::overlay;
use super::super::{On, OverlayWritten, codes};
use super::NodeOf;
use crate::names::HostId;
use crate::problem::Place;
use crate::spec::written::{KindSpec, NodeSpec, Overlays};
use crate::topology::ranges::Pattern;

impl NodeOf<'_, '_, '_> {
    /// `host` and `hosts`.
    pub(super) fn on(&mut self, switch: bool) -> On {
        let otherwise = if self.auto { On::Auto } else { On::default() };
        let says = |spec: &NodeSpec| spec.host.is_some() || spec.hosts.is_some() && switch;
        let Some(picked) = self.settings.layer(says) else {
            self.fitting_or("hosts", switch, "write `host:`; only a bridge is on several hosts", |s| s.hosts.as_ref());
            if self.kind == KindSpec::Host && self.auto {
                let message = "nothing says which machine this is";
                self.problems.tell(codes::MACHINE, self.at, message, "write `host:`");
            }
            return otherwise;
        };
        let at = picked.at;
        match (&picked.value.host, &picked.value.hosts) {
            (Some(_), Some(_)) if switch => {
                let message = "a bridge is on one `host` or on several `hosts`, and here are both";
                self.problems.tell(codes::SPREAD, &at.key("hosts"), message, "take one of them away");
                otherwise
            }
            (_, Some(list)) if switch => {
                let at = at.key("hosts");
                if list.each(&at).next().is_none() {
                    let hint = "write the hosts that it is on, as [h1, h2], or take it away";
                    self.problems.tell(codes::SPREAD, &at, "`hosts` names no host", hint);
                }
                let mut all: Vec<HostId> = Vec::new();
                for (text, at) in list.each(&at) {
                    for host in self.each_host(text, &at) {
                        if all.contains(&host) {
                            self.problems.tell(
                                codes::SPREAD,
                                &at,
                                format!("`{host}` is written twice"),
                                "take one away",
                            );
                            continue;
                        }
                        all.push(host);
                    }
                }
                match all.len() {
                    0 => otherwise,
                    1 => On::Host(all.remove(0)),
                    _ => On::Each(all),
                }
            }
            (host, _) => {
                self.fitting_or("hosts", switch, "take it away; only a bridge is on several hosts", |s| {
                    s.hosts.as_ref()
                });
                let at = at.key("host");
                let text = host.as_ref().and_then(|text| self.settings.beside(text, picked.own, &at, self.problems));
                text.and_then(|text| self.host(&text, &at)).map_or(otherwise, On::Host)
            }
        }
    }

    fn each_host(&mut self, text: &str, at: &Place) -> Vec<HostId> {
        let pattern = Pattern::read(text, at, self.problems);
        pattern.iter().flat_map(Pattern::iter).filter_map(|text| self.host(&text, at)).collect()
    }

    /// A host by its name; the machine that netsim runs on is always there.
    fn host(&mut self, text: &str, at: &Place) -> Option<HostId> {
        let local = HostId::local();
        if text == local.as_str() {
            return Some(local);
        }
        if let Some((id, _)) = self.hosts.get_key_value(text) {
            return Some(id.clone());
        }
        let known = self.hosts.keys().map(HostId::as_str).chain([local.as_str()]);
        let message = format!("there is no host `{text}`");
        self.problems.unknown(codes::UNKNOWN_HOST, at, message, text, known, "write it under `hosts:`");
        None
    }

    /// What joins the parts of a bridge on several hosts, as written.
    pub(super) fn overlay(&mut self, on: &On) -> Option<OverlayWritten> {
        let picked = self.settings.layer(|spec| Overlays::from(spec).keys().next().is_some())?;
        let overlays = Overlays::from(picked.value);
        if matches!(on, On::Each(_)) {
            return overlay::read(overlays, &picked.at, self.problems);
        }
        if let Some(key) = overlays.keys().next().filter(|_| !picked.default) {
            let message = format!("`{key}` joins the parts of a bridge on several hosts, and this is on one");
            let hint = "write `hosts: [a, b]`, or the overlay on a link";
            self.problems.tell(codes::OVERLAY, &picked.at.key(key), message, hint);
        }
        None
    }

    /// Tells of what a bridge cannot have that is on several hosts.
    pub(super) fn spread(&mut self, on: &On) {
        if !matches!(on, On::Each(_)) {
            return;
        }
        let mut told: Vec<(&str, Place, &str)> = Vec::new();
        let mut find = |key: &'static str, what: &'static str, has: fn(&NodeSpec) -> bool| {
            if let Some(picked) = self.settings.layer(has).filter(|picked| !picked.default) {
                told.push((what, picked.at.key(key), "write it on a node that is linked to the bridge"));
            }
        };
        find("ipv4", "addresses of its own", |s| s.ipv4.is_some());
        find("ipv6", "addresses of its own", |s| s.ipv6.is_some());
        find("interfaces", "interfaces of its own", |s| {
            s.interfaces.iter().flatten().any(|(_, i)| i.as_ref().is_some_and(|i| i.internal == Some(true)))
        });
        find("mirrors", "mirrors", |s| s.mirrors.as_ref().is_some_and(|mirrors| !mirrors.is_empty()));
        for (what, at, hint) in told {
            let message = format!("a bridge on several hosts has no {what}: there is one of it on each");
            self.problems.tell(codes::SPREAD, &at, message, hint);
        }
    }
}
