//! Next hops of written routes: each is a neighbour, as far as that can be known from what is written.

use ipnet::IpNet;
use petgraph::graph::{EdgeIndex, NodeIndex};

use super::building::{Building, of_family};
use super::domains::Domains;
use super::values::Family;
use super::{OwnKind, Owned, Pools, WrittenRoute, codes};
use crate::suggest::nearest;

pub(super) fn check(building: &mut Building, domains: &Domains, pools: Option<&Pools>) {
    for node in building.graph.node_indices() {
        if building.graph[node].routes.is_empty() {
            continue;
        }
        let known = Known { building, domains, pools, node };
        let problems: Vec<_> = building.graph[node].routes.iter().filter_map(|route| known.wrong(route)).collect();
        for problem in problems {
            building.problems.push(problem);
        }
    }
}

/// Ends of links, and interfaces of the node's own.
type Interfaces<'b> = (Vec<(EdgeIndex<u32>, usize)>, Vec<&'b Owned>);

/// The networks that an interface of a node's own is in; none if that is not known.
fn own_nets(own: &Owned, family: Family) -> Option<Vec<IpNet>> {
    let written: Vec<IpNet> = of_family(&own.addresses, family).collect();
    let may_be_given = match own.kind {
        OwnKind::Vlan { .. } | OwnKind::Macvlan { .. } | OwnKind::Ipvlan { .. } | OwnKind::Bond { .. } => true,
        OwnKind::Dummy | OwnKind::Internal { .. } | OwnKind::Vrf { .. } => false,
    };
    (!written.is_empty() || !may_be_given).then_some(written)
}

struct Known<'b> {
    building: &'b Building,
    domains: &'b Domains,
    pools: Option<&'b Pools>,
    node: NodeIndex<u32>,
}

impl Known<'_> {
    fn wrong(&self, route: &WrittenRoute) -> Option<crate::problem::Problem> {
        use crate::problem::Problem;
        let (ends, own) = match &route.device {
            None => (self.building.extras[self.node.index()].ends.clone(), self.own().collect()),
            Some(device) => match self.named(device) {
                Ok(found) => found,
                Err(hint) => {
                    let name = &self.building.graph[self.node].name;
                    let message = format!("`{name}` has no interface `{device}`");
                    return Some(Problem::at(codes::ROUTE, &route.at.key("dev"), message).hint(hint));
                }
            },
        };
        for &via in &route.via {
            // A link-local neighbour can be on any wire.
            if matches!(via, std::net::IpAddr::V6(a) if a.is_unicast_link_local()) {
                continue;
            }
            let family = Family::of(via);
            let of_ends = ends.iter().map(|&(e, side)| self.nets(e, side, family));
            let nets: Option<Vec<Vec<IpNet>>> = of_ends.chain(own.iter().map(|own| own_nets(own, family))).collect();
            let Some(nets) = nets else { continue };
            if !nets.iter().flatten().any(|net| net.contains(&via)) {
                let nets: Vec<String> = nets.iter().flatten().map(|n| n.trunc().to_string()).collect();
                let hint = match nets.as_slice() {
                    [] => "give the node an address in a network with it".to_owned(),
                    some => format!("take a neighbour's address, in {}", some.join(" or ")),
                };
                let message = format!("the next hop {via} is on no wire of `{}`", self.building.graph[self.node].name);
                return Some(Problem::at(codes::GATEWAY, &route.at.key("via"), message).hint(hint));
            }
        }
        None
    }

    fn own(&self) -> impl Iterator<Item = &Owned> {
        self.building.graph[self.node].interfaces.iter()
    }

    /// The ends and the node's own interface that a route's `dev` can mean; all ends where names are still to be given out.
    fn named(&self, device: &str) -> Result<Interfaces<'_>, String> {
        let ends = &self.building.extras[self.node.index()].ends;
        if device == "lo" {
            return Ok((Vec::new(), Vec::new()));
        }
        if let Some(own) = self.own().find(|own| own.name == device) {
            return Ok((Vec::new(), vec![own]));
        }
        let name = |&&(e, side): &&(EdgeIndex<u32>, usize)| self.building.graph[e].ends[side].interface.as_deref();
        if let Some(end) = ends.iter().find(|end| name(end) == Some(device)) {
            return Ok((vec![*end], Vec::new()));
        }
        let number = device.strip_prefix("eth").and_then(|n| n.parse::<usize>().ok());
        let unnamed = ends.iter().any(|end| name(&end).is_none());
        if unnamed && number.is_some_and(|n| n < ends.len()) {
            return Ok((ends.clone(), Vec::new()));
        }
        let own = self.own().map(|own| own.name.as_str());
        let names: Vec<&str> = ends.iter().filter_map(|end| name(&end)).chain(own).collect();
        Err(nearest(device, names)
            .map_or_else(|| "name an interface of the node".to_owned(), |n| format!("did you mean `{n}`?")))
    }

    /// The networks that an end is in; none if that is not known yet.
    fn nets(&self, edge: EdgeIndex<u32>, side: usize, family: Family) -> Option<Vec<IpNet>> {
        let link = &self.building.graph[edge];
        let written: Vec<IpNet> = of_family(&link.ends[side].addresses, family).collect();
        if !written.is_empty() {
            return Some(written);
        }
        if !link.gives {
            return Some(Vec::new());
        }
        let peer = &link.ends[1 - side];
        let (subnets, gives, pool) = match self.building.graph[peer.node].switch() {
            // On a trunk, what is not in a VLAN depends on what stands there.
            Some(switch) => (self.domains.subnets(peer.node, &peer.port)?, switch.gives, self.pools.map(|p| &p.lan)),
            None => (link.subnets.as_slice(), true, self.pools.map(|p| &p.p2p)),
        };
        let written: Vec<IpNet> = of_family(subnets, family).collect();
        let pooled = pool.is_some_and(|p| match family {
            Family::V4 => p.ipv4.is_some(),
            Family::V6 => p.ipv6.is_some(),
        });
        (!written.is_empty() || !gives || !pooled).then_some(written)
    }
}
