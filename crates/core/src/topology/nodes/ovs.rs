//! What a bridge of Open vSwitch says of itself.

use std::collections::{BTreeMap, BTreeSet};

use super::super::building::MirrorDraft;
use super::super::layers::Picked;
use super::super::{OvsWritten, codes};
use super::NodeOf;
use super::settings;
use crate::problem::Place;
use crate::spec::written::{KindSpec, MirrorSpec, OneOrMany};
use crate::suggest::{any_of, nearest};

/// The versions of OpenFlow (ovs-vswitchd.conf.db(5), Bridge `protocols`).
const PROTOCOLS: [&str; 6] = ["OpenFlow10", "OpenFlow11", "OpenFlow12", "OpenFlow13", "OpenFlow14", "OpenFlow15"];

/// How a controller is talked to (Controller `target`); whether it has to say whom.
const METHODS: [(&str, bool); 6] =
    [("tcp", true), ("ssl", true), ("unix", true), ("ptcp", false), ("pssl", false), ("punix", true)];

impl<'s> NodeOf<'_, 's, '_> {
    /// The keys that only a bridge of Open vSwitch has.
    pub(super) fn ovs_keys(&mut self) -> (OvsWritten, Vec<MirrorDraft>) {
        let ovs = self.kind == KindSpec::Ovs;
        let hint = "make it `kind: ovs`, or take the key away";
        let protocols = self.fitting_or("protocols", ovs, hint, |s| s.protocols.as_ref());
        let controllers = self.fitting_or("controller", ovs, hint, |s| s.controller.as_ref());
        let flows = self.fitting_or("flows", ovs, hint, |s| s.flows.as_ref());
        let mirrors = self.fitting_or("mirrors", ovs, hint, |s| s.mirrors.as_ref());
        self.fitting_or("other-config", ovs, hint, |s| s.other_config.as_ref());
        let written = OvsWritten {
            datapath: self.fitting_or("datapath", ovs, hint, |s| s.datapath.as_ref()).map(|p| *p.value),
            fail_mode: self.fitting_or("fail-mode", ovs, hint, |s| s.fail_mode.as_ref()).map(|p| *p.value),
            rstp: self.fitting_or("rstp", ovs, hint, |s| s.rstp.as_ref()).is_some_and(|p| *p.value),
            protocols: self.each(protocols, Self::protocol),
            controllers: self.each(controllers, Self::controller),
            other_config: if ovs { self.other_config() } else { BTreeMap::new() },
            flows: flows.and_then(|picked| self.flows(&picked)),
            mirrors: Vec::new(),
        };
        let mirrors = mirrors.map(|picked| self.mirrors(&picked)).unwrap_or_default();
        (written, mirrors)
    }

    fn each(
        &mut self,
        picked: Option<Picked<'s, OneOrMany>>,
        read: impl Fn(&mut Self, &str, &Place) -> Option<String>,
    ) -> BTreeSet<String> {
        let Some(Picked { value, at, own, .. }) = picked else { return BTreeSet::new() };
        let texts: Vec<(&str, Place)> = value.each(&at).collect();
        let one = |(text, at): (&str, Place)| {
            let text = self.settings.beside(text, own, &at, self.problems)?;
            read(self, &text, &at)
        };
        texts.into_iter().filter_map(one).collect()
    }

    fn protocol(&mut self, text: &str, at: &Place) -> Option<String> {
        if PROTOCOLS.contains(&text) {
            return Some(text.to_owned());
        }
        let hint = match nearest(text, PROTOCOLS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write {}", any_of(PROTOCOLS)),
        };
        self.problems.tell(codes::CONTROLLER, at, format!("`{text}` is no version of OpenFlow"), &hint);
        None
    }

    /// `tcp:192.0.2.1:6653` and its like.
    fn controller(&mut self, text: &str, at: &Place) -> Option<String> {
        let (method, whom) = text.split_once(':').map_or((text, None), |(method, whom)| (method, Some(whom)));
        let known = METHODS.iter().find(|(known, _)| *known == method);
        let said = whom.is_some_and(|whom| !whom.is_empty());
        let odd = text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | ','));
        match known {
            Some((_, needs)) if (said || !needs) && whom != Some("") && !odd => return Some(text.to_owned()),
            Some(_) | None => {}
        }
        let hint = "write tcp:ADDRESS:PORT, ssl:ADDRESS:PORT, unix:PATH, or ptcp:PORT where the bridge listens";
        self.problems.tell(codes::CONTROLLER, at, format!("`{text}` is no way to a controller"), hint);
        None
    }

    /// Merged by name, the stronger ones over the weaker ones.
    fn other_config(&mut self) -> BTreeMap<String, String> {
        let mut merged = BTreeMap::new();
        let layers: Vec<_> = self.settings.layers().map(|(layer, ..)| layer).collect();
        for layer in layers {
            for (key, value) in layer.spec.other_config.iter().flatten() {
                let at = layer.at.key("other-config").key(key);
                if self.is_setting(key, value, &at) {
                    merged.insert(key.clone(), value.clone());
                }
            }
        }
        merged
    }

    fn is_setting(&mut self, key: &str, value: &str, at: &Place) -> bool {
        if let Some((_, instead)) = settings::SAID_ELSEWHERE.iter().find(|(known, _)| *known == key) {
            let message = format!("`{key}` is netsim's to set");
            self.problems.tell(codes::OTHER_CONFIG, &at.clone().name(), message, instead);
            return false;
        }
        let Some((_, setting)) = settings::KNOWN.iter().find(|(known, _)| *known == key) else {
            let known = settings::KNOWN.iter().map(|(known, _)| *known);
            let message = format!("a bridge of Open vSwitch has no setting `{key}`");
            let otherwise = "see `other_config` of the table Bridge in ovs-vswitchd.conf.db(5)";
            self.problems.unknown(codes::OTHER_CONFIG, &at.clone().name(), message, key, known, otherwise);
            return false;
        };
        if let Some(hint) = setting.wrong(value) {
            self.problems.tell(codes::OTHER_CONFIG, at, format!("`{key}` cannot be `{value}`"), &hint);
            return false;
        }
        true
    }

    /// The text of the file with the flows. That it cannot be read is told by whoever reads it.
    fn flows(&mut self, picked: &Picked<'s, String>) -> Option<String> {
        let name = self.settings.beside(picked.value, picked.own, &picked.at, self.problems)?;
        self.texts.get(&(picked.at.source, &*name)).map(|text| (*text).to_owned())
    }

    fn mirrors(&mut self, picked: &Picked<'s, Vec<MirrorSpec>>) -> Vec<MirrorDraft> {
        let mut drafts: Vec<MirrorDraft> = Vec::new();
        for (n, spec) in picked.value.iter().enumerate() {
            let at = picked.at.index(n);
            // That `to` is missing is told by the pass over the text.
            let Some(to) = &spec.to else { continue };
            let name = spec.name.clone().unwrap_or_else(|| format!("mirror{n}"));
            if let Some(why) = odd_name(&name) {
                self.problems.tell(
                    codes::MIRROR,
                    &at.key("name"),
                    format!("`{name}` {why}"),
                    "write letters and digits",
                );
                continue;
            }
            if drafts.iter().any(|other| other.name == name) {
                let message = format!("there are two mirrors `{name}`");
                self.problems.tell(codes::MIRROR, &at, message, "give one of them another name");
                continue;
            }
            let from_at = at.key("from");
            let from = spec.from.as_ref().filter(|from| !from.is_word("all"));
            let from = from.map(|from| from.each(&from_at).map(|(text, at)| (text.to_owned(), at)).collect());
            let to = (to.clone(), at.key("to"));
            drafts.push(MirrorDraft { name, from, to, direction: spec.direction.unwrap_or_default(), at });
        }
        drafts
    }

    /// What contradicts itself among the keys of a bridge of Open vSwitch.
    pub(super) fn contradictions(&mut self, written: &OvsWritten, stp: bool) {
        if stp && written.rstp {
            let at = self.settings.pick("rstp", |s| s.rstp.as_ref()).map_or_else(|| self.at.clone(), |p| p.at);
            let message = "a bridge runs `stp` or `rstp`, not both";
            self.problems.tell(codes::OVS_SWITCH, &at, message, "take one of them away");
        }
        let pairs = [
            ("ageing", "mac-aging-time"),
            ("forward-delay", "stp-forward-delay"),
            ("forward-delay", "rstp-forward-delay"),
        ];
        for (key, setting) in pairs {
            let said = match key {
                "ageing" => self.settings.pick(key, |s| s.ageing.as_ref()).is_some_and(|p| !p.default),
                _ => self.settings.pick(key, |s| s.forward_delay.as_ref()).is_some_and(|p| !p.default),
            };
            if said && written.other_config.contains_key(setting) {
                let message = format!("`{key}` and `other-config: {setting}` say the same");
                let at = self.at.key("other-config").key(setting).name();
                self.problems.tell(codes::OTHER_CONFIG, &at, message, "take one of them away");
            }
        }
    }
}

/// Why a text cannot name a mirror.
fn odd_name(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("is no name"),
        name if name.len() > 60 => Some("is too long a name"),
        name if name.chars().any(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))) => {
            Some("has characters that names do not have")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::settings::{self, Setting};

    #[test]
    fn every_setting_takes_some_value_and_refuses_another() {
        for (key, setting) in settings::KNOWN {
            let some = ["1", "true", "15", "4096", "02:00:00:00:00:01", "0x1", "2"];
            assert!(some.iter().any(|value| setting.wrong(value).is_none()), "{key}");
            assert!(setting.wrong("").is_some(), "{key}");
        }
        assert_eq!(Setting::Within(6, 40).wrong("41"), Some("write a whole number from 6 to 40".to_owned()));
    }
}
