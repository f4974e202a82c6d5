//! What a node says of its interfaces: settings of those that links make, and interfaces of its own.

use indexmap::IndexMap;

use super::super::building::InterfaceSettings;
use super::super::layers::Layer;
use super::super::links::kind::bond_mode;
use super::super::quantities::Reading;
use super::super::ranges::Pattern;
use super::super::treatment::{Level, On as Device, Treating};
use super::super::values::{self, Family, On};
use super::super::{OwnKind, Owned, PortWritten, codes};
use super::NodeOf;
use crate::names::{IfName, interface_name};
use crate::problem::Place;
use crate::resource::{IpvlanMode, MacvlanMode, VlanProtocol};
use crate::spec::written::{BondSpec, InterfaceSpec, KindSpec, OneOrMany, Treated, VrfSpec};

/// Routing tables that the kernel has for itself: `default`, `main` and `local` (RT_TABLE_DEFAULT to RT_TABLE_LOCAL, linux/rtnetlink.h).
const KERNELS_TABLES: std::ops::RangeInclusive<u32> = 253..=255;

/// More than any bond or VRF has members.
const MOST_MEMBERS: usize = 4096;

/// A value, and where it is written.
type At<T> = Option<(T, Place)>;

/// What all layers say of one interface.
#[derive(Default)]
struct Merged<'s> {
    settings: InterfaceSettings,
    vlan: At<u32>,
    protocol: At<VlanProtocol>,
    parent: At<&'s str>,
    dummy: At<bool>,
    internal: At<bool>,
    macvlan: At<MacvlanMode>,
    ipvlan: At<IpvlanMode>,
    bond: At<&'s BondSpec>,
    vrf: At<&'s VrfSpec>,
}

impl<'s> Merged<'s> {
    /// The keys that make it an interface of the node's own.
    fn kinds(&self) -> Vec<(&'static str, &Place)> {
        let dummy = self.dummy.as_ref().filter(|(is, _)| *is);
        let internal = self.internal.as_ref().filter(|(is, _)| *is);
        let keys = [
            // The VLAN of an internal interface is that of its port.
            ("vlan", self.vlan.as_ref().filter(|_| internal.is_none()).map(|k| &k.1)),
            ("internal", internal.map(|k| &k.1)),
            ("dummy", dummy.map(|k| &k.1)),
            ("macvlan", self.macvlan.as_ref().map(|k| &k.1)),
            ("ipvlan", self.ipvlan.as_ref().map(|k| &k.1)),
            ("bond", self.bond.as_ref().map(|k| &k.1)),
            ("vrf", self.vrf.as_ref().map(|k| &k.1)),
        ];
        keys.into_iter().filter_map(|(key, at)| Some((key, at?))).collect()
    }

    fn take_kind(&mut self, spec: &'s InterfaceSpec, at: &Place) {
        fn take<T>(mine: &mut At<T>, value: Option<T>, at: &Place, key: &str) {
            if let Some(value) = value {
                *mine = Some((value, at.key(key)));
            }
        }
        take(&mut self.vlan, spec.vlan, at, "vlan");
        take(&mut self.protocol, spec.protocol, at, "protocol");
        take(&mut self.parent, spec.parent.as_deref(), at, "parent");
        take(&mut self.dummy, spec.dummy, at, "dummy");
        take(&mut self.internal, spec.internal, at, "internal");
        take(&mut self.macvlan, spec.macvlan, at, "macvlan");
        take(&mut self.ipvlan, spec.ipvlan, at, "ipvlan");
        take(&mut self.bond, spec.bond.as_ref(), at, "bond");
        take(&mut self.vrf, spec.vrf.as_ref(), at, "vrf");
    }
}

impl<'s> NodeOf<'_, 's, '_> {
    /// Interfaces of its own, and settings of those that links make: merged by interface and by key.
    pub(super) fn interfaces(&mut self) -> (Vec<Owned>, IndexMap<String, InterfaceSettings>) {
        let mut merged: IndexMap<&str, Merged> = IndexMap::new();
        let layers: Vec<_> = self.settings.layers().collect();
        for (layer, default, own) in layers {
            if default && self.is_switch() {
                continue;
            }
            for (name, spec) in layer.spec.interfaces.iter().flatten() {
                self.merge(merged.entry(name.as_str()).or_default(), layer, name, spec.as_ref(), own);
            }
        }
        let (mut all, mut settings) = (Vec::new(), IndexMap::new());
        for (name, merged) in merged {
            if merged.kinds().is_empty() {
                self.no_kind(&merged);
                settings.insert(name.to_owned(), merged.settings);
            } else {
                all.extend(self.own(name, merged));
            }
        }
        (all, settings)
    }

    fn merge(
        &mut self,
        merged: &mut Merged<'s>,
        layer: &Layer<'s>,
        name: &str,
        spec: Option<&'s InterfaceSpec>,
        own: bool,
    ) {
        let at = layer.at.key("interfaces").key(name);
        merged.settings.at = at.clone();
        let Some(spec) = spec else { return };
        merged.take_kind(spec, &at);
        let settings = &mut merged.settings;
        if let Some(list) = &spec.ipv4 {
            settings.ipv4 = Some(self.address_list(list, own, &at.key("ipv4"), Some(Family::V4), On::Wire));
        }
        if let Some(list) = &spec.ipv6 {
            settings.ipv6 = Some(self.address_list(list, own, &at.key("ipv6"), Some(Family::V6), On::Wire));
        }
        if let Some(text) = &spec.mac {
            let at = at.key("mac");
            let text = self.settings.beside(text, own, &at, self.problems);
            settings.mac = text.and_then(|t| values::mac(&t, &at, self.problems));
        }
        if let Some(mtu) = spec.mtu {
            settings.mtu_at = at.key("mtu");
            settings.mtu = values::mtu(mtu, &settings.mtu_at, self.problems);
        }
        if let Some(mut treating) = Treating::read(spec.treatment(), Level::Own, &at, self.problems) {
            if let Some(weaker) = &settings.treating {
                treating.inherit(weaker);
            }
            settings.treating = Some(treating);
        }
    }

    fn is_switch(&self) -> bool {
        matches!(self.kind, KindSpec::Bridge | KindSpec::Ovs)
    }

    /// Tells of keys that only an interface of the node's own has.
    fn no_kind(&mut self, merged: &Merged) {
        let parent = merged.parent.as_ref().map(|(_, at)| ("parent", at));
        for (key, at) in parent.into_iter().chain(merged.protocol.as_ref().map(|(_, at)| ("protocol", at))) {
            let message = format!("`{key}` is of an interface on another one, and this is not said to be one");
            let hint = "write `vlan:`, `macvlan:` or `ipvlan:` beside it";
            self.problems.tell(codes::INTERFACE_KIND, at, message, hint);
        }
    }

    fn own(&mut self, name: &str, merged: Merged<'s>) -> Option<Owned> {
        let at = merged.settings.at.clone();
        let internal = merged.internal.as_ref().is_some_and(|(is, _)| *is);
        if internal && self.kind != KindSpec::Ovs {
            let message = "an internal interface is one of Open vSwitch's, and this node is no switch of it";
            self.problems.tell(
                codes::UNFIT,
                &at.key("internal"),
                message,
                "make the node `kind: ovs`, or the interface another kind",
            );
            return None;
        }
        if self.kind == KindSpec::Host {
            let message = "the machine itself has no interfaces of netsim's but those that links make";
            let hint = "write it on a namespace or a router of that host";
            self.problems.tell(codes::MACHINE, &at, message, hint);
            return None;
        }
        if self.is_switch() && !internal {
            let message = "a bridge has no interfaces of its own, only ports that links make";
            let hint = "write `vlan:` on the link of a port; other devices belong in a namespace or a router";
            self.problems.tell(codes::UNFIT, &at, message, hint);
            return None;
        }
        if let Err(error) = interface_name(name) {
            self.problems.tell(codes::NAME, &at, error.to_string(), "write an interface's name, as `dummy0`");
            return None;
        }
        if name == "lo" {
            let hint = "write addresses of `lo` under the node's `lo:`";
            self.problems.tell(codes::NAME, &at, "`lo` is in every node already", hint);
            return None;
        }
        if let [(a, _), (b, second), ..] = merged.kinds().as_slice() {
            let message = format!("an interface is one thing, and here are `{a}` and `{b}`");
            self.problems.tell(codes::INTERFACE_KIND, second, message, "take one of them away");
            return None;
        }
        let (kind, device) = self.own_kind(name, &merged)?;
        self.unfit(&merged, &kind);
        if internal && name.len() > IfName::MAX {
            let message = format!("`{name}` is longer than the {} bytes of a device's name", IfName::MAX);
            self.problems.tell(
                codes::NAME,
                &at,
                message,
                "Open vSwitch makes the device by that name: take a shorter one",
            );
            return None;
        }
        let InterfaceSettings { ipv4, ipv6, mac, mtu, mtu_at: _, treating, at } = merged.settings;
        let written = treating.map(|t| t.written(Device::Other(device), self.problems)).unwrap_or_default();
        if let Some((knob, _)) = written.tuning.first().filter(|_| internal) {
            let message = format!("an internal interface takes no `{knob}`: its device is Open vSwitch's");
            self.problems.tell(codes::INTERNAL, &at, message, "take it away");
        }
        let addresses = ipv4.into_iter().chain(ipv6).flatten().collect();
        Some(Owned { name: name.to_owned(), kind, addresses, mac, mtu, written, at })
    }

    /// Tells of keys that an interface of this kind does not have.
    fn unfit(&mut self, merged: &Merged, kind: &OwnKind) {
        let (on_another, tagged) = match kind {
            OwnKind::Vlan { .. } => (true, true),
            OwnKind::Macvlan { .. } | OwnKind::Ipvlan { .. } => (true, false),
            OwnKind::Dummy | OwnKind::Internal { .. } | OwnKind::Bond { .. } | OwnKind::Vrf { .. } => (false, false),
        };
        if let (Some((_, at)), false) = (&merged.parent, on_another) {
            let message = "`parent` is of an interface on another one, and this stands on none";
            self.problems.tell(codes::INTERFACE_KIND, at, message, "take it away");
        }
        if let (Some((_, at)), false) = (&merged.protocol, tagged) {
            let message = "`protocol` is that of a VLAN's tag, and this has none";
            self.problems.tell(codes::INTERFACE_KIND, at, message, "take it away");
        }
        let at = &merged.settings.at;
        if let (OwnKind::Internal { .. }, Some(_)) = (kind, merged.settings.mtu) {
            let message = "an internal interface has the least MTU of its switch's ports";
            self.problems.tell(codes::INTERNAL, &at.key("mtu"), message, "take it away");
        }
        if let (OwnKind::Ipvlan { .. }, Some(_)) = (kind, merged.settings.mac) {
            let message = "an ipvlan has the Ethernet address of the interface that it stands on";
            self.problems.tell(codes::UNFIT, &at.key("mac"), message, "take it away, or make it a `macvlan`");
        }
        if let (OwnKind::Vrf { .. }, Some(_)) = (kind, merged.settings.mtu) {
            let message = "a VRF sends nothing itself and has no MTU";
            self.problems.tell(codes::UNFIT, &at.key("mtu"), message, "write it on its members");
        }
    }

    /// What it is, and how it is called.
    fn own_kind(&mut self, name: &str, merged: &Merged<'s>) -> Option<(OwnKind, &'static str)> {
        let parent = || {
            let before_dot = name.rsplit_once('.').map(|(before, _)| before).filter(|_| merged.vlan.is_some());
            merged.parent.as_ref().map(|(parent, _)| *parent).or(before_dot).map(str::to_owned)
        };
        if merged.dummy.as_ref().is_some_and(|(is, _)| *is) {
            return Some((OwnKind::Dummy, "a dummy"));
        }
        if merged.internal.as_ref().is_some_and(|(is, _)| *is) {
            let vlan = merged
                .vlan
                .as_ref()
                .and_then(|(vlan, at)| Reading { at: at.clone(), problems: self.problems }.vlan(*vlan));
            let port = PortWritten { vlan, ..PortWritten::default() };
            return Some((OwnKind::Internal { port }, "an internal interface"));
        }
        if let Some((spec, at)) = &merged.bond {
            let bond = bond_mode(self.problems, spec.mode, spec.miimon.as_deref(), at)?;
            let members = self.members(spec.members.as_ref(), at)?;
            return Some((OwnKind::Bond { members, bond }, "a bond"));
        }
        if let Some((spec, at)) = &merged.vrf {
            return self.vrf(spec, at).map(|kind| (kind, "a VRF"));
        }
        let Some(parent) = parent() else {
            let hint = "write `parent:`, the name of an interface of the node";
            let message = format!("nothing says on which interface `{name}` stands");
            self.problems.tell(codes::INTERFACE_KIND, &merged.settings.at, message, hint);
            return None;
        };
        if let Some((vlan, at)) = &merged.vlan {
            let vid = Reading { at: at.clone(), problems: self.problems }.vlan(*vlan)?;
            let protocol = merged.protocol.as_ref().map_or(VlanProtocol::Q, |(protocol, _)| *protocol);
            return Some((OwnKind::Vlan { parent, vid, protocol }, "a VLAN sub-interface"));
        }
        match (&merged.macvlan, &merged.ipvlan) {
            (Some((mode, _)), _) => Some((OwnKind::Macvlan { parent, mode: *mode }, "a macvlan")),
            (None, Some((mode, _))) => Some((OwnKind::Ipvlan { parent, mode: *mode }, "an ipvlan")),
            (None, None) => None,
        }
    }

    fn vrf(&mut self, spec: &VrfSpec, at: &Place) -> Option<OwnKind> {
        // That `table` is missing is told by the pass over the text.
        let table = spec.table?;
        if table == 0 || KERNELS_TABLES.contains(&table) {
            let message = format!("the routing table {table} is the kernel's own");
            let hint = "take another from 1 to 4294967295, but not 253 to 255";
            self.problems.tell(codes::TABLE, &at.key("table"), message, hint);
            return None;
        }
        let members = self.members(spec.members.as_ref(), at)?;
        Some(OwnKind::Vrf { members, table })
    }

    fn members(&mut self, members: Option<&OneOrMany>, at: &Place) -> Option<Vec<String>> {
        let at = at.key("members");
        let mut all: Vec<String> = Vec::new();
        for (text, at) in members.into_iter().flat_map(|m| m.each(&at)) {
            let pattern = Pattern::read(text, &at, self.problems)?;
            if pattern.count() > MOST_MEMBERS {
                self.problems.tell(
                    codes::COUNT,
                    &at,
                    format!("these are more than {MOST_MEMBERS} members"),
                    "make it less",
                );
                return None;
            }
            for name in pattern.iter().map(std::borrow::Cow::into_owned) {
                if all.contains(&name) {
                    self.problems.tell(codes::MEMBER, &at, format!("`{name}` is written twice"), "take one away");
                    continue;
                }
                all.push(name);
            }
        }
        Some(all)
    }
}
