//! From the nodes as written to the graph's vertices.

use std::net::IpAddr;

use indexmap::IndexMap;
use ipnet::IpNet;

use super::building::{Building, Extra};
use super::layers::{Layer, Layers, Picked, Settings, Texts};
use super::nics::HOST;
use super::problems::Problems;
use super::ranges::Pattern;
use super::values::{self, Family, On};
use super::{HostWritten, Kind, Node, Switch, WrittenRoute, codes};
use crate::names::{HostId, NetnsName, NodeName, SysctlName};
use crate::problem::Place;
use crate::spec::Spec;
use crate::spec::written::{KindSpec, NodeSpec, OneOrMany, RouteSpec};

mod hosts;
mod interfaces;
mod ovs;
mod settings;
mod switches;

/// Adds all nodes of all files to the graph.
pub(super) fn add(building: &mut Building, specs: &[Spec]) {
    let layers = Layers::of(specs, &mut building.problems);
    for spec in specs {
        let root = Place { source: spec.source, ..Place::default() }.key("nodes");
        for (name, node) in spec.nodes.iter().flatten() {
            let at = root.key(name);
            let own: Vec<Layer> = node.iter().map(|spec| Layer { spec, at: at.clone() }).collect();
            let Some(pattern) = Pattern::read(name, &at, &mut building.problems) else { continue };
            for (index, name) in pattern.iter().enumerate() {
                let one = One { layers: &layers, own: &own, index, count: pattern.count(), at: &at };
                one.add(building, &name);
            }
        }
    }
}

/// One node.
struct One<'l, 's> {
    layers: &'l Layers<'s>,
    own: &'l [Layer<'s>],
    index: usize,
    count: usize,
    at: &'l Place,
}

impl<'l, 's> One<'l, 's> {
    fn add(&self, building: &mut Building, text: &str) {
        let name = match NodeName::new(text) {
            Ok(name) => name,
            Err(error) => {
                building.refused.insert(text.to_owned());
                let hint = "write another name";
                return building.problems.tell(codes::NAME, self.at, error.to_string(), hint);
            }
        };
        if text == HOST {
            building.refused.insert(text.to_owned());
            let message = format!("`{HOST}` is the machine's own namespace and no node's name");
            return building.problems.tell(codes::NAME, self.at, message, "write another name");
        }
        if building.index.contains_key(text) {
            let hint = "give one of them another name";
            return building.problems.tell(codes::NODE_TWICE, self.at, format!("there are two nodes `{text}`"), hint);
        }
        if let Err(error) = NetnsName::new(&format!("{}{text}", building.prefix)) {
            let message = format!("node `{text}` cannot have a namespace of its name: {error}");
            building.problems.tell(codes::NAME, self.at, message, "take a shorter name or `prefix:`");
        }
        let settings = self.settings(building);
        let kind = kind_of(&settings);
        let settings = Settings { kind: self.layers.kind(kind), ..settings };
        let (node, extra) = NodeOf {
            settings,
            kind,
            texts: &self.layers.texts,
            hosts: &building.hosts,
            auto: building.auto.is_some(),
            at: self.at,
            problems: &mut building.problems,
        }
        .whole(name);
        building.add(node, extra);
    }

    fn settings(&self, building: &mut Building) -> Settings<'l, 's> {
        let (own, index, count) = (self.own, self.index, self.count);
        let alone = Settings { defaults: &self.layers.defaults, kind: &[], group: &[], own, index, count };
        let Some((group, layer)) = own.iter().find_map(|l| Some((l.spec.group.as_ref()?, l))) else { return alone };
        let at = layer.at.key("group");
        let Some(group) = alone.beside(group, true, &at, &mut building.problems) else { return alone };
        match self.layers.groups.get(&*group) {
            Some(layers) => Settings { group: layers, ..alone },
            None => {
                let known = self.layers.groups.keys().copied();
                let message = format!("there is no group `{group}`");
                let otherwise = "write it under `groups:`";
                building.problems.unknown(codes::UNKNOWN_GROUP, &at, message, &group, known, otherwise);
                alone
            }
        }
    }
}

fn kind_of(settings: &Settings) -> KindSpec {
    settings.pick("kind", |s| s.kind.as_ref()).map_or(KindSpec::Namespace, |p| *p.value)
}

/// Makes a node of what holds for it.
struct NodeOf<'l, 's, 'b> {
    settings: Settings<'l, 's>,
    kind: KindSpec,
    /// What files say that this one names, by the source that names them and the name.
    texts: &'l Texts<'s>,
    hosts: &'b IndexMap<HostId, HostWritten>,
    /// What says no host is placed by netsim.
    auto: bool,
    at: &'l Place,
    problems: &'b mut Problems,
}

impl<'s> NodeOf<'_, 's, '_> {
    fn whole(mut self, name: NodeName) -> (Node, Extra) {
        let bridge = matches!(self.kind, KindSpec::Bridge | KindSpec::Ovs);
        // Of the machine itself nothing is netsim's but the devices of links.
        let machine = self.kind == KindSpec::Host;
        let on = self.on(bridge);
        self.spread(&on);
        let overlay = self.overlay(&on);
        let (ovs, mirrors) = self.ovs_keys();
        let switch_keys = self.switch_keys(bridge, ovs.rstp);
        self.contradictions(&ovs, switch_keys.0);
        // A bridge of Open vSwitch is there anyway.
        let in_host = self.fitting("namespace", bridge, |s| s.namespace.as_ref()).is_some();
        let in_host = in_host || self.kind == KindSpec::Ovs;
        let mut kind = match self.kind {
            KindSpec::Namespace => Kind::Namespace,
            KindSpec::Router => Kind::Router,
            KindSpec::Bridge => Kind::Bridge(Switch { in_host, ..Switch::default() }),
            KindSpec::Ovs => Kind::Ovs(Switch { in_host, ..Switch::default() }, Box::new(ovs)),
            KindSpec::Host => Kind::Host,
        };
        let hint = "write an address on the endpoint of a link, or under `lo:`";
        let ipv4 = self.fitting_or("ipv4", bridge, hint, |s| s.ipv4.as_ref());
        let ipv6 = self.fitting_or("ipv6", bridge, hint, |s| s.ipv6.as_ref());
        let subnet = self.fitting_or("subnet", bridge, "write it on the link, or on a bridge", |s| s.subnet.as_ref());
        match &mut kind {
            Kind::Bridge(switch) | Kind::Ovs(switch, _) => {
                (switch.stp, switch.forward_delay, switch.ageing, switch.vlan) = switch_keys;
                switch.addresses = self.addresses(ipv4, Some(Family::V4), On::Wire);
                switch.addresses.extend(self.addresses(ipv6, Some(Family::V6), On::Wire));
                (switch.subnets, switch.gives) = self.subnets(subnet);
            }
            Kind::Namespace | Kind::Router | Kind::Nic { .. } | Kind::Host | Kind::Overlay(_) => {}
        }
        let lo = self.fitting("lo", !bridge && !machine, |s| s.lo.as_ref());
        let routes = self.fitting("routes", !bridge && !machine, |s| s.routes.as_ref());
        let hint = if machine {
            "run it from a node of its own: netsim runs nothing on a machine itself"
        } else {
            "run it from a node of its own; this bridge lives in the machine's namespace"
        };
        let exec = self.fitting_or("exec", !in_host && !machine, hint, |s| s.exec.as_ref());
        self.fitting("sysctls", !machine, |s| s.sysctls.as_ref().filter(|sysctls| !sysctls.is_empty()));
        let (interfaces, settings) = self.interfaces();
        let node = Node {
            name,
            kind,
            on,
            loopbacks: self.addresses(lo, None, On::Lo),
            interfaces,
            routes: self.routes(routes),
            sysctls: if machine { IndexMap::new() } else { self.sysctls() },
            exec: self.exec(exec),
            at: self.at.clone(),
        };
        let extra = Extra { mtu: self.mtu(), interfaces: settings, mirrors, overlay, ..Extra::default() };
        (node, extra)
    }

    fn fitting<T>(
        &mut self,
        key: &str,
        fits: bool,
        field: impl Fn(&'s NodeSpec) -> Option<&'s T>,
    ) -> Option<Picked<'s, T>> {
        let hint = if key == "namespace" { "make it `kind: bridge`, or take the key away" } else { "take it away" };
        self.fitting_or(key, fits, hint, field)
    }

    /// The value of a field, if this kind of node has it; that it was written for another kind is told, but for the defaults of all nodes.
    fn fitting_or<T>(
        &mut self,
        key: &str,
        fits: bool,
        hint: &str,
        field: impl Fn(&'s NodeSpec) -> Option<&'s T>,
    ) -> Option<Picked<'s, T>> {
        let picked = self.settings.pick(key, field)?;
        if fits {
            return Some(picked);
        }
        if !picked.default {
            let kind = match self.kind {
                KindSpec::Namespace => "a namespace",
                KindSpec::Router => "a router",
                KindSpec::Bridge | KindSpec::Ovs if key == "exec" => "a bridge in the machine's namespace",
                KindSpec::Bridge => "a bridge",
                KindSpec::Ovs => "a bridge of Open vSwitch",
                KindSpec::Host => "the machine itself",
            };
            self.problems.tell(codes::UNFIT, &picked.at, format!("{kind} takes no `{key}`"), hint);
        }
        None
    }

    fn addresses(&mut self, picked: Option<Picked<'s, OneOrMany>>, family: Option<Family>, on: On) -> Vec<IpNet> {
        let Some(Picked { value, at, own, .. }) = picked else { return Vec::new() };
        self.address_list(value, own, &at, family, on)
    }

    fn address_list(&mut self, value: &OneOrMany, own: bool, at: &Place, family: Option<Family>, on: On) -> Vec<IpNet> {
        let one = |(text, at): (&str, Place)| {
            let text = self.settings.beside(text, own, &at, self.problems)?;
            values::address(&text, family, on, &at, self.problems)
        };
        value.each(at).filter_map(one).collect()
    }

    /// The subnets that a switch gives out, and whether it gives any.
    fn subnets(&mut self, picked: Option<Picked<'s, OneOrMany>>) -> (Vec<IpNet>, bool) {
        let Some(Picked { value, at, own, .. }) = picked else { return (Vec::new(), true) };
        let mut text = |text: &str, at: &Place| {
            self.settings.beside(text, own, at, self.problems).map(std::borrow::Cow::into_owned)
        };
        let texts: Option<Vec<(String, Place)>> = value.each(&at).map(|(t, at)| Some((text(t, &at)?, at))).collect();
        values::subnets(&texts.unwrap_or_default(), self.problems)
    }

    fn mtu(&mut self) -> Option<(u32, Place)> {
        let Picked { value, at, .. } = self.settings.pick("mtu", |s| s.mtu.as_ref())?;
        values::mtu(*value, &at, self.problems).map(|mtu| (mtu, at))
    }

    fn routes(&mut self, picked: Option<Picked<'s, Vec<RouteSpec>>>) -> Vec<WrittenRoute> {
        let Some(Picked { value, at, own, .. }) = picked else { return Vec::new() };
        let mut routes: Vec<WrittenRoute> = Vec::with_capacity(value.len());
        for (i, route) in value.iter().enumerate() {
            let Some(route) = self.route(route, own, at.index(i)) else { continue };
            if routes.iter().any(|r| (r.to, r.metric, &r.vrf) == (route.to, route.metric, &route.vrf)) {
                let hint = "write all next hops under one `via:`, or a `metric:`";
                self.problems.tell(codes::ROUTE, &route.at, format!("this is a second route to {}", route.to), hint);
            }
            routes.push(route);
        }
        routes
    }

    fn route(&mut self, route: &RouteSpec, own: bool, at: Place) -> Option<WrittenRoute> {
        let mut via: Vec<IpAddr> = Vec::new();
        let via_at = at.key("via");
        for (text, at) in route.via.iter().flat_map(|v| v.each(&via_at)) {
            let text = self.settings.beside(text, own, &at, self.problems)?;
            let Ok(address) = text.parse::<IpAddr>() else {
                let hint = "write the next hop's address without a prefix length, as 10.0.0.1";
                self.problems.tell(codes::ROUTE, &at, format!("`{text}` is no address of a next hop"), hint);
                return None;
            };
            if via.contains(&address) {
                self.problems.tell(codes::ROUTE, &at, format!("{address} is written twice"), "take one away");
            }
            via.push(address);
        }
        let family = via.first().map(|&a| Family::of(a));
        let to_at = at.key("to");
        let text = self.settings.beside(route.to.as_deref()?, own, &to_at, self.problems)?;
        let to = match (&*text, family) {
            ("default", Some(Family::V6)) => IpNet::V6(ipnet::Ipv6Net::default()),
            ("default", Some(Family::V4) | None) => IpNet::V4(ipnet::Ipv4Net::default()),
            (text, _) => values::destination(text, &to_at, self.problems)?,
        };
        if via.iter().any(|&a| Family::of(a) != Family::of(to.addr())) {
            let hint = "write next hops of the destination's family";
            self.problems.tell(
                codes::ROUTE,
                &at.key("via"),
                format!("the next hops to {to} are of another family"),
                hint,
            );
            return None;
        }
        if via.is_empty() && route.dev.is_none() {
            self.problems.tell(codes::ROUTE, &at, format!("the route to {to} leads nowhere"), "write `via:` or `dev:`");
            return None;
        }
        Some(WrittenRoute { to, via, device: route.dev.clone(), metric: route.metric, vrf: route.vrf.clone(), at })
    }

    /// Merged by name, the stronger ones over the weaker ones.
    fn sysctls(&mut self) -> IndexMap<SysctlName, String> {
        let mut merged = IndexMap::new();
        for (layer, ..) in self.settings.layers() {
            for (text, value) in layer.spec.sysctls.iter().flatten() {
                let at = || layer.at.key("sysctls").key(text).name();
                match SysctlName::new(text) {
                    Ok(name) if text.starts_with("net.") => {
                        merged.insert(name, value.split_whitespace().collect::<Vec<_>>().join("\t"));
                    }
                    Ok(name) => {
                        let message =
                            format!("`{name}` is the whole machine's: a namespace has only `net.` settings of its own");
                        self.problems.tell(codes::UNFIT, &at(), message, "take it away");
                    }
                    Err(error) => {
                        let hint = "write a name as sysctl(8) does: net.ipv4.ip_forward";
                        let message = format!("`{text}` is no name of a sysctl: {error}");
                        self.problems.tell(codes::NAME, &at(), message, hint);
                    }
                }
            }
        }
        merged
    }

    fn exec(&mut self, picked: Option<Picked<'s, Vec<Vec<String>>>>) -> Vec<Vec<String>> {
        let Some(Picked { value, at, .. }) = picked else { return Vec::new() };
        for (i, argv) in value.iter().enumerate() {
            let hint = "write a list of the program and its arguments, as [ip, address]";
            match argv.first().map(String::as_str) {
                None | Some("") => self.problems.tell(codes::EXEC, &at.index(i), "there is no program to run", hint),
                Some(_) if argv.iter().any(|a| a.contains('\0')) => {
                    self.problems.tell(codes::EXEC, &at.index(i), "an argument has a NUL character in it", hint);
                }
                Some(_) => {}
            }
        }
        value.clone()
    }
}
