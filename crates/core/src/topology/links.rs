//! From the links as written to the graph's edges.

use std::rc::Rc;

use ipnet::IpNet;

use super::building::{Building, Extra, LinkExtra};
use super::endpoints::{self, Draft, Host};
use super::layers::{are, beside};
use super::ports::{self, PortKeys};
use super::ranges::MOST;
use super::treatment::{Level, Treating};
use super::values;
use super::{Endpoint, Kind, Link, LinkKind, Node, OverlayWritten, PortWritten, Switch, codes, overlay};
use crate::names::{NodeName, stable_hash};
use crate::problem::Place;
use crate::spec::Spec;
use crate::spec::written::{LinkSpec, Overlays, Treated};

mod addresses;
pub(super) mod kind;

/// Adds all links of all files to the graph.
pub(super) fn add(building: &mut Building, specs: &[Spec]) {
    for spec in specs {
        let Some(link) = spec.defaults.as_ref().and_then(|d| d.link.as_ref()) else { continue };
        let at = Place { source: spec.source, ..Place::default() }.key("defaults").key("link");
        if let Some(mtu) = link.mtu {
            let at = at.key("mtu");
            building.default_mtu = values::mtu(mtu, &at, &mut building.problems).map(|mtu| (mtu, at));
        }
        let read = Treating::read(link.treatment(), Level::Default, &at, &mut building.problems).map(Rc::new);
        building.default_treating = Treating::over(read, building.default_treating.as_ref());
    }
    for spec in specs {
        let root = Place { source: spec.source, ..Place::default() }.key("links");
        for (i, link) in spec.links.iter().flatten().enumerate() {
            Writing { building, link, at: root.index(i) }.add();
        }
    }
}

/// The expanded endpoints of a link: wires of two, or one domain of many.
enum Joined {
    Wires(Vec<[Draft; 2]>),
    Domain(Vec<Draft>),
}

struct Writing<'b, 's> {
    building: &'b mut Building,
    link: &'s LinkSpec,
    at: Place,
}

/// What is said of all that a link stands for.
struct Common {
    kind: LinkKind,
    mtu: Option<u32>,
    treating: Option<Rc<Treating>>,
    port: PortWritten,
    overlay: Option<OverlayWritten>,
}

impl Writing<'_, '_> {
    fn add(mut self) {
        let mtu = self.link.mtu.and_then(|m| values::mtu(m, &self.at.key("mtu"), &mut self.building.problems));
        let treating = Treating::read(self.link.treatment(), Level::Link, &self.at, &mut self.building.problems);
        let treating = Treating::over(treating.map(Rc::new), self.building.default_treating.as_ref());
        let port = PortKeys::from(self.link).read(&self.at, &mut self.building.problems);
        let overlay = overlay::read(Overlays::from(self.link), &self.at, &mut self.building.problems);
        let kind = self.kind();
        let on_nic = self.link.macvlan.is_some() || self.link.ipvlan.is_some();
        let host = if on_nic { Host::Nic } else { Host::Unknown };
        let (Some(kind), Some(joined)) = (kind, self.joined(host)) else {
            self.building.link_left_out = true;
            return;
        };
        let common = Common { kind, mtu, treating, port, overlay };
        match joined {
            Joined::Wires(mut wires) => {
                self.place_addresses(wires.iter_mut().flatten().collect());
                let count = wires.len();
                for (index, ends) in wires.into_iter().enumerate() {
                    if self.wire(ends, index, count, &common).is_none() {
                        self.building.link_left_out = true;
                    }
                }
            }
            Joined::Domain(mut ends) => {
                self.place_addresses(ends.iter_mut().collect());
                self.domain(ends, &common);
            }
        }
    }

    /// Adds a link of two endpoints; none if there cannot be one, which is told.
    fn wire(&mut self, mut ends: [Draft; 2], index: usize, count: usize, common: &Common) -> Option<()> {
        if ends[0].end.node == ends[1].end.node {
            let name = &self.building.graph[ends[0].end.node].name;
            let message = format!("`{name}` is linked to itself");
            self.building.problems.tell(codes::SELF_LINK, &self.at, message, "link it to another node");
            return None;
        }
        let graph = &self.building.graph;
        let kinds = [0, 1].map(|side| &graph[ends[side].end.node].kind);
        let on_nic = kinds.iter().any(|kind| matches!(kind, Kind::Nic { .. }));
        let nic_first = matches!(kinds[0], Kind::Nic { .. });
        if let Some((message, hint)) = kind::unfit(common.kind, kinds) {
            self.building.problems.tell(codes::LINK_KIND, &self.at, message, hint);
            return None;
        }
        if nic_first {
            ends.swap(0, 1);
        }
        let (subnets, gives) = self.subnets(index, count);
        if on_nic && !subnets.is_empty() {
            let message = "what is outside of a NIC of the machine is not netsim's: nothing is given out there";
            self.building.problems.tell(codes::UNFIT, &self.at.key("subnet"), message, "write `ipv4:` in place of it");
            return None;
        }
        let switch = ends.iter().find(|e| self.building.graph[e.end.node].switch().is_some());
        if let (Some(switch), false) = (switch, subnets.is_empty()) {
            let name = self.building.graph[switch.end.node].name.clone();
            let message = format!("this link is part of what `{name}` joins and has no subnet of its own");
            let hint = format!("write `subnet:` on `{name}`");
            self.building.problems.tell(codes::UNFIT, &self.at.key("subnet"), message, &hint);
            return None;
        }
        if let (LinkKind::Ipvlan(_), Some(_)) = (common.kind, ends[0].end.mac) {
            let message = "an ipvlan has the Ethernet address of the NIC that it stands on";
            self.building.problems.tell(
                codes::UNFIT,
                &ends[0].end.at.key("mac"),
                message,
                "take it away, or make it a `macvlan`",
            );
        }
        self.set_ports(&mut ends, common);
        let of_link = [common.treating.as_ref(), common.treating.as_ref().filter(|_| !on_nic)];
        let treating = [0, 1].map(|side| Treating::over(ends[side].treating.take(), of_link[side]));
        let link = Link {
            ends: ends.map(|draft| draft.end),
            kind: common.kind,
            overlay: None,
            subnets,
            gives: gives && !on_nic,
            at: self.at.clone(),
        };
        self.building.link(link, LinkExtra { mtu: common.mtu, treating, overlay: common.overlay.clone() });
        Some(())
    }

    /// Puts what the link says of ports on those of its ends that are ports.
    fn set_ports(&mut self, ends: &mut [Draft; 2], common: &Common) {
        let is_port = |draft: &Draft| self.building.graph[draft.end.node].switch().is_some();
        let [a, b] = [is_port(&ends[0]), is_port(&ends[1])];
        let key = PortKeys::from(self.link).first();
        if let (Some(key), false) = (key, a || b) {
            let message = format!("`{key}` is a setting of a bridge's port, and this link has none");
            let hint = "link a bridge, or take it away";
            self.building.problems.tell(codes::VLAN, &self.at.key(key), message, hint);
        }
        let of_ovs = ends.iter().any(|draft| matches!(self.building.graph[draft.end.node].kind, Kind::Ovs(..)));
        if common.port.policing.is_some() && (a || b) && !of_ovs {
            let message = "`policing` is a setting of a port of Open vSwitch, and this link has none";
            let hint = "take it away, or make the bridge `kind: ovs`";
            self.building.problems.tell(codes::OVS_PORT, &self.at.key("policing"), message, hint);
        }
        for (draft, is_port) in ends.iter_mut().zip([a, b]) {
            let written = std::mem::take(&mut draft.end.port);
            if is_port {
                let own = written.clone();
                draft.end.port = ports::over(written, &common.port);
                let at = if draft.port_key.is_some() { &draft.end.at } else { &self.at };
                ports::check(&draft.end.port, at, &mut self.building.problems);
                let kind = &self.building.graph[draft.end.node].kind;
                ports::fits(kind, &mut draft.end.port, &own, at, &mut self.building.problems);
            } else if let Some(key) = draft.port_key {
                let name = &self.building.graph[draft.end.node].name;
                let message = format!("`{key}` is a setting of a bridge's port, and `{name}` is no bridge");
                let hint = "write it on the link, or at the endpoint of the bridge";
                self.building.problems.tell(codes::VLAN, &draft.end.at.key(key), message, hint);
            }
        }
    }

    /// Three and more endpoints: a bridge that nobody wrote, and a link from each. What is said of ports is said of its own.
    fn domain(&mut self, drafts: Vec<Draft>, common: &Common) {
        if common.kind != LinkKind::Veth {
            let message = "a link of three and more endpoints is a bridge with a plain link from each";
            let hint = "make links of two endpoints of it";
            return self.building.problems.tell(codes::LINK_KIND, &self.at, message, hint);
        }
        let first = &drafts[0].end;
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
        if common.port.policing.is_some() {
            let message = "`policing` is a setting of a port of Open vSwitch, and this link is a bridge of the kernel";
            let hint = "write a node of `kind: ovs`, and a link to it from each";
            self.building.problems.tell(codes::OVS_PORT, &self.at.key("policing"), message, hint);
        }
        let (subnets, gives) = self.subnets(0, 1);
        let switch = Switch { implied: true, subnets, gives, ..Switch::default() };
        let bridge = Node::new(name, Kind::Bridge(switch), self.at.clone());
        let bridge = self.building.add(bridge, Extra { overlay: common.overlay.clone(), ..Extra::default() });
        for draft in drafts {
            let mut end = draft.end;
            let mut port = Endpoint::new(bridge, None, end.at.clone());
            let own = std::mem::take(&mut end.port);
            if self.building.graph[end.node].switch().is_some() {
                end.port = ports::over(own.clone(), &common.port);
                ports::check(&end.port, &end.at, &mut self.building.problems);
                let kind = &self.building.graph[end.node].kind;
                ports::fits(kind, &mut end.port, &own, &end.at, &mut self.building.problems);
                port.port = common.port.clone();
                port.port.policing = None;
            } else {
                port.port = ports::over(own, &common.port);
            }
            ports::check(&port.port, &end.at, &mut self.building.problems);
            let link = Link {
                ends: [end, port],
                kind: LinkKind::Veth,
                overlay: None,
                subnets: Vec::new(),
                gives: true,
                at: self.at.clone(),
            };
            let treating = [Treating::over(draft.treating, common.treating.as_ref()), None];
            self.building.link(link, LinkExtra { mtu: common.mtu, treating, overlay: None });
        }
    }

    fn joined(&mut self, host: Host) -> Option<Joined> {
        let (key, list) = match (&self.link.endpoints, &self.link.each) {
            (Some(list), None) => ("endpoints", list),
            (None, Some(list)) => ("each", list),
            (Some(_), Some(_)) => return self.no("a link has `endpoints` or `each`, not both", "make two links of it"),
            (None, None) => return self.no("a link needs endpoints", "write `endpoints: [a, b]`"),
        };
        let at = self.at.key(key);
        let mut lists = Vec::with_capacity(list.len());
        for (i, endpoint) in list.iter().enumerate() {
            lists.push(endpoints::expand(self.building, endpoint, host, at.index(i)));
        }
        let lists: Vec<Vec<Draft>> = lists.into_iter().collect::<Option<_>>()?;
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

    fn every(&mut self, from: &[Draft], to: &[Draft]) -> Option<Joined> {
        if from.len().saturating_mul(to.len()) > MOST {
            self.building.problems.tell(codes::COUNT, &self.at, "these are more than 1,000,000 links", "make it less");
            return None;
        }
        let wires = from.iter().flat_map(|a| to.iter().map(|b| [a.clone(), b.clone()]));
        Some(Joined::Wires(wires.collect()))
    }

    /// Ranges of one length go pairwise, a range and a single name fan out.
    fn pairs(&mut self, lists: Vec<Vec<Draft>>) -> Option<Joined> {
        let [from, to] = <[Vec<Draft>; 2]>::try_from(lists).expect("two were counted");
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
}
