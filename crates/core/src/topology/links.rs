//! From the links as written to the graph's edges.

use ipnet::IpNet;

use super::building::{Building, Extra, of_family};
use super::endpoints;
use super::layers::{are, beside};
use super::ranges::{MOST, Pattern};
use super::values::{self, Family, On};
use super::{Endpoint, Kind, Link, LinkKind, Node, Switch, codes};
use crate::names::{NodeName, stable_hash};
use crate::problem::Place;
use crate::spec::Spec;
use crate::spec::written::{LinkSpec, OneOrMany};

/// Adds all links of all files to the graph.
pub(super) fn add(building: &mut Building, specs: &[Spec]) {
    for spec in specs {
        let root = Place { source: spec.source, ..Place::default() };
        if let Some(mtu) = spec.defaults.as_ref().and_then(|d| d.link.as_ref()?.mtu) {
            let at = root.key("defaults").key("link").key("mtu");
            building.default_mtu = values::mtu(mtu, &at, &mut building.problems);
        }
        for (i, link) in spec.links.iter().flatten().enumerate() {
            Writing { building, link, at: root.key("links").index(i) }.add();
        }
    }
}

/// The expanded endpoints of a link: wires of two, or one domain of many.
enum Joined {
    Wires(Vec<[Endpoint; 2]>),
    Domain(Vec<Endpoint>),
}

struct Writing<'b, 's> {
    building: &'b mut Building,
    link: &'s LinkSpec,
    at: Place,
}

impl Writing<'_, '_> {
    fn add(mut self) {
        let mtu = self.link.mtu.and_then(|m| values::mtu(m, &self.at.key("mtu"), &mut self.building.problems));
        match self.joined() {
            None => self.building.link_left_out = true,
            Some(Joined::Wires(mut wires)) => {
                self.place_addresses(wires.iter_mut().flatten().collect());
                let count = wires.len();
                for (index, ends) in wires.into_iter().enumerate() {
                    self.wire(ends, index, count, mtu);
                }
            }
            Some(Joined::Domain(mut ends)) => {
                self.place_addresses(ends.iter_mut().collect());
                self.domain(ends, mtu);
            }
        }
    }

    fn wire(&mut self, ends: [Endpoint; 2], index: usize, count: usize, mtu: Option<u32>) {
        if ends[0].node == ends[1].node {
            let name = &self.building.graph[ends[0].node].name;
            let message = format!("`{name}` is linked to itself");
            self.building.link_left_out = true;
            return self.building.problems.tell(codes::SELF_LINK, &self.at, message, "link it to another node");
        }
        let (subnets, gives) = self.subnets(index, count);
        let switch = ends.iter().find(|e| self.building.graph[e.node].switch().is_some());
        if let (Some(switch), false) = (switch, subnets.is_empty()) {
            let name = self.building.graph[switch.node].name.clone();
            let message = format!("this link is part of what `{name}` joins and has no subnet of its own");
            let hint = format!("write `subnet:` on `{name}`");
            self.building.link_left_out = true;
            return self.building.problems.tell(codes::UNFIT, &self.at.key("subnet"), message, &hint);
        }
        self.building.link(Link { ends, kind: LinkKind::Veth, subnets, gives, at: self.at.clone() }, mtu);
    }

    /// Three and more endpoints: a bridge that nobody wrote, and a link from each.
    fn domain(&mut self, ends: Vec<Endpoint>, mtu: Option<u32>) {
        let first = &ends[0];
        let node = &self.building.graph[first.node].name;
        let nth = self.building.extras[first.node.index()].ends.len().to_string();
        let interface = first.interface.as_deref().unwrap_or(&nth);
        let name = NodeName::new(&format!("lan-{node}-{interface}")).unwrap_or_else(|_| {
            let hash = stable_hash(&[node.as_str(), interface]);
            NodeName::new(&format!("lan-{hash:016x}")).expect("20 letters and digits")
        });
        if self.building.index.contains_key(name.as_str()) {
            let message = format!("the bridge of this link would be called `{name}`, as a node is");
            let hint = "give that node another name, or write the bridge as a node of its own";
            return self.building.problems.tell(codes::NODE_TWICE, &self.at, message, hint);
        }
        let (subnets, gives) = self.subnets(0, 1);
        let switch = Switch { implied: true, subnets, gives, ..Switch::default() };
        let bridge = Node {
            name,
            kind: Kind::Bridge(switch),
            loopbacks: Vec::new(),
            interfaces: Vec::new(),
            routes: Vec::new(),
            sysctls: indexmap::IndexMap::new(),
            exec: Vec::new(),
            at: self.at.clone(),
        };
        let bridge = self.building.add(bridge, Extra::default());
        for end in ends {
            let port = Endpoint {
                node: bridge,
                interface: None,
                addresses: Vec::new(),
                mac: None,
                mtu: None,
                written: super::Written::default(),
                port: super::PortWritten::default(),
                at: end.at.clone(),
            };
            let link =
                Link { ends: [end, port], kind: LinkKind::Veth, subnets: Vec::new(), gives: true, at: self.at.clone() };
            self.building.link(link, mtu);
        }
    }

    fn joined(&mut self) -> Option<Joined> {
        let (key, list) = match (&self.link.endpoints, &self.link.each) {
            (Some(list), None) => ("endpoints", list),
            (None, Some(list)) => ("each", list),
            (Some(_), Some(_)) => return self.no("a link has `endpoints` or `each`, not both", "make two links of it"),
            (None, None) => return self.no("a link needs endpoints", "write `endpoints: [a, b]`"),
        };
        let at = self.at.key(key);
        let mut lists = Vec::with_capacity(list.len());
        for (i, endpoint) in list.iter().enumerate() {
            lists.push(endpoints::expand(self.building, endpoint, at.index(i)));
        }
        let lists: Vec<Vec<Endpoint>> = lists.into_iter().collect::<Option<_>>()?;
        match (key, lists.len()) {
            ("each", 2) => self.every(&lists[0], &lists[1]),
            ("each", n) => {
                let message = format!("`each` joins two endpoint expressions, and there {}", are(n));
                self.no(&message, "write `each: [\"a[1-2]\", \"b[1-3]\"]`")
            }
            (_, 0 | 1) => {
                let message = format!("a link joins two or more endpoints, and there {}", are(lists.len()));
                let hint =
                    "write `endpoints: [a, b]`; an expression such as \"n[1-4]\" is one endpoint of several links";
                self.no(&message, hint)
            }
            (_, 2) => self.pairs(lists),
            (_, _) => Some(Joined::Domain(lists.into_iter().flatten().collect())),
        }
    }

    fn no<T>(&mut self, message: &str, hint: &str) -> Option<T> {
        self.building.problems.tell(codes::ENDPOINTS, &self.at, message, hint);
        None
    }

    fn every(&mut self, from: &[Endpoint], to: &[Endpoint]) -> Option<Joined> {
        if from.len().saturating_mul(to.len()) > MOST {
            self.building.problems.tell(codes::COUNT, &self.at, "these are more than 1,000,000 links", "make it less");
            return None;
        }
        let wires = from.iter().flat_map(|a| to.iter().map(|b| [a.clone(), b.clone()]));
        Some(Joined::Wires(wires.collect()))
    }

    /// Ranges of one length go pairwise, a range and a single name fan out.
    fn pairs(&mut self, lists: Vec<Vec<Endpoint>>) -> Option<Joined> {
        let [from, to] = <[Vec<Endpoint>; 2]>::try_from(lists).expect("two were counted");
        let wires = match (from.len(), to.len()) {
            (a, b) if a == b => from.into_iter().zip(to).map(|(a, b)| [a, b]).collect(),
            (1, _) => to.into_iter().map(|b| [from[0].clone(), b]).collect(),
            (_, 1) => from.into_iter().map(|a| [a, to[0].clone()]).collect(),
            (a, b) => {
                let message = format!("{a} endpoints and {b} endpoints cannot be joined in pairs");
                let hint = "write ranges of one length, a single name on one side, or `each:`";
                self.building.problems.tell(codes::COUNT, &self.at, message, hint);
                return None;
            }
        };
        Some(Joined::Wires(wires))
    }

    fn subnets(&mut self, index: usize, count: usize) -> (Vec<IpNet>, bool) {
        let Some(value) = &self.link.subnet else { return (Vec::new(), true) };
        let at = self.at.key("subnet");
        let problems = &mut self.building.problems;
        let texts =
            value.each(&at).map(|(text, at)| Some((beside(text, index, count, &at, problems)?.into_owned(), at)));
        let texts: Option<Vec<_>> = texts.collect();
        texts.map_or((Vec::new(), true), |texts| values::subnets(&texts, problems))
    }

    /// Gives each end that is no switch its address of those that the link writes, link by link.
    fn place_addresses(&mut self, ends: Vec<&mut Endpoint>) {
        let mut ends: Vec<&mut Endpoint> =
            ends.into_iter().filter(|e| self.building.graph[e.node].switch().is_none()).collect();
        for (key, family, list) in [("ipv4", Family::V4, &self.link.ipv4), ("ipv6", Family::V6, &self.link.ipv6)] {
            let Some(list) = list else { continue };
            let at = self.at.key(key);
            let Some(addresses) = self.expanded(list, &at) else { continue };
            if addresses.len() != ends.len() {
                let of = if ends.len() == 1 { "endpoint that is no switch" } else { "endpoints that are no switches" };
                let there = match addresses.len() {
                    1 => "is 1 address".to_owned(),
                    n => format!("are {n} addresses"),
                };
                let message = format!("there {there} for {} {of}", ends.len());
                let hint = "write one for each, in order; a range such as 10.0.0.[1-4]/24 stands for several";
                self.building.problems.tell(codes::COUNT, &at, message, hint);
                continue;
            }
            for (end, (text, at)) in ends.iter_mut().zip(addresses) {
                let problems = &mut self.building.problems;
                let Some(net) = values::address(&text, Some(family), On::Wire, &at, problems) else { continue };
                if of_family(&end.addresses, family).next().is_some() {
                    let message = format!("an endpoint of this link has its `{key}` already");
                    problems.tell(
                        codes::WRITTEN_TWICE,
                        &at,
                        message,
                        "write it on the link or on the endpoint, not on both",
                    );
                    continue;
                }
                end.addresses.push(net);
            }
        }
    }

    fn expanded(&mut self, list: &OneOrMany, at: &Place) -> Option<Vec<(String, Place)>> {
        let mut all = Vec::new();
        for (text, at) in list.each(at) {
            match Pattern::parse(text) {
                Ok(pattern) => all.extend(pattern.iter().map(|t| (t.into_owned(), at.clone()))),
                Err(error) => {
                    let hint = "write a range as [1-4] and a set as {a,b}";
                    self.building.problems.tell(codes::RANGE, &at, error.to_string(), hint);
                    return None;
                }
            }
        }
        Some(all)
    }
}
