//! What happens to bridges of Open vSwitch and to the links between them.

use std::collections::HashSet;

use netsim_core::names::IfName;
use netsim_core::resource::{DeviceId, Key, NetnsId, Ovs, OvsKey, OvsPort, OvsPortKind};

use super::{Gathering, Line, Role, Sign, Subject};
use crate::render::text::words;

/// A device where Open vSwitch runs.
pub(super) fn of_host(name: IfName) -> DeviceId {
    DeviceId { netns: NetnsId::Host, name }
}

/// What stands for a link of two patch ports: the lesser of them.
pub(super) fn patch_link(port: IfName, peer: IfName) -> Key {
    Key::Ovs(OvsKey::Port(port.min(peer)))
}

impl Gathering<'_> {
    /// Whose line it goes to.
    pub(super) fn ovs_subject(&self, ovs: &Ovs) -> Subject {
        match ovs {
            Ovs::Qos(qos) => match self.roles.get(&of_host(qos.port)) {
                Some(Role::Pair(key)) => Subject::Link(key.clone()),
                Some(Role::Ovs(bridge)) => Subject::OvsBridge(*bridge),
                Some(Role::Bridge | Role::Single) | None => Subject::Netns(NetnsId::Host),
            },
            Ovs::Bridge(bridge) => Subject::OvsBridge(bridge.name),
            Ovs::Port(port) => match port.kind {
                OvsPortKind::Patch { peer } => Subject::Link(patch_link(port.name, peer)),
                OvsPortKind::Device | OvsPortKind::Internal { .. } | OvsPortKind::Tunnel(_) => {
                    Subject::OvsBridge(port.bridge)
                }
            },
            Ovs::Mirror(mirror) => Subject::OvsBridge(mirror.bridge),
            Ovs::Flows(flows) => Subject::OvsBridge(flows.bridge),
            Ovs::Stray(stray) => self.ovs_subject(&stray.of),
        }
    }

    /// Whether a link of patch ports comes or goes with this one: its other half comes or goes, too.
    pub(super) fn is_whole_link(&self, port: &OvsPort) -> bool {
        let OvsPortKind::Patch { peer } = port.kind else { return false };
        let both = |of: &HashSet<Key>| [port.name, peer].iter().all(|name| of.contains(&Key::Ovs(OvsKey::Port(*name))));
        both(&self.created) || both(&self.telling.gone)
    }

    /// Whether the link that a port is an end of goes.
    pub(super) fn goes_with_link(&self, port: &OvsPort) -> bool {
        match self.roles.get(&of_host(port.name)) {
            Some(Role::Pair(link)) => self.telling.gone.contains(link),
            Some(Role::Bridge | Role::Single | Role::Ovs(_)) | None => false,
        }
    }

    /// What a new bridge or link is made of.
    pub(super) fn note_ovs(&mut self, ovs: &Ovs) {
        let subject = self.ovs_subject(ovs);
        match ovs {
            Ovs::Bridge(bridge) => {
                self.entry(subject).made.bridge = Some(("OVS bridge", words::ovs::bridge_about(bridge)));
            }
            Ovs::Port(port) => self.note_port(port, subject),
            Ovs::Mirror(_) | Ovs::Flows(_) => {
                let text = words::ovs::on_bridge(ovs, &self.telling.names);
                self.entry(subject).made.more.push(text);
            }
            Ovs::Qos(qos) => {
                let end = self.telling.names.ovs_end(qos.port);
                let rate = qos.max_rate.map(|_| words::ovs::qos(qos));
                rate.into_iter().for_each(|rate| self.entry(subject.clone()).made.note_end(rate, end.clone()));
            }
            // Nobody makes it.
            Ovs::Stray(_) => {}
        }
    }

    fn note_port(&mut self, port: &OvsPort, subject: Subject) {
        let end = self.telling.names.ovs_end(port.name);
        let treated = words::ovs::treated(port);
        match port.kind {
            OvsPortKind::Internal { .. } | OvsPortKind::Tunnel(_) => {
                let text = words::ovs::on_bridge(&Ovs::Port(Box::new(port.clone())), &self.telling.names);
                self.entry(subject).made.devices.push(text);
            }
            OvsPortKind::Patch { .. } => {
                self.entry(Subject::OvsBridge(port.bridge)).made.ports += 1;
                let link = self.entry(subject);
                link.made.link = true;
                treated.for_each(|text| link.made.note_end(text, end.clone()));
            }
            OvsPortKind::Device => {
                self.entry(subject).made.ports += 1;
                let device = of_host(port.name);
                let Some(Role::Pair(link)) = self.roles.get(&device) else { return };
                let (link, fresh) = (Subject::Link(link.clone()), self.fresh.contains(&device));
                let bridge_says = !fresh && !self.fresh.contains(&of_host(port.bridge));
                for text in treated.filter(|_| !bridge_says) {
                    let line = Line { sign: Sign::Create, kind: "VLAN", text: text.clone(), end: Some(end.clone()) };
                    let link = self.entry(link.clone());
                    match fresh {
                        true => link.made.note_end(text, end.clone()),
                        false => link.changes.push(line),
                    }
                }
            }
        }
    }
}
