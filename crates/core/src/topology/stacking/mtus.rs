//! MTUs of interfaces of nodes' own, and what else can be told when all of a node's interfaces are settled.

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use super::super::building::{Building, of_family};
use super::super::spread::Span;
use super::super::values::{Family, IPV6_MIN_MTU};
use super::super::{LinkKind, OwnKind, codes};
use super::{Named, Stack, pin};

/// What an interface of ours has where nothing is said.
const DEFAULT: u32 = 1500;

/// Deeper than interfaces stand on each other; circles are told elsewhere.
const DEEPEST: usize = 32;

/// Settles the MTUs of nodes' own interfaces, and checks them.
pub(in super::super) fn settle(building: &mut Building) {
    for node in building.graph.node_indices() {
        if !building.graph[node].interfaces.is_empty() {
            let names = pin(building, node);
            inherit(building, node, &names);
            check(&mut Stack { building, node, names });
        }
    }
}

/// A dummy has its node's MTU, a bond the least of its members', where nothing is said. What stands on another has that one's: a machine's NIC may be
/// beneath it all, so that is found out later.
fn inherit(building: &mut Building, node: NodeIndex<u32>, names: &FxHashMap<String, Named>) {
    for n in 0..building.graph[node].interfaces.len() {
        let own = &building.graph[node].interfaces[n];
        let of = |member: &String| match names.get(member)? {
            Named::End(edge, side) => building.graph[*edge].ends[*side].mtu,
            Named::Own(n) => building.graph[node].interfaces.get(*n)?.mtu,
        };
        let of_node = building.extras[node.index()].mtu.as_ref().map(|(mtu, _)| *mtu);
        let inherited = match &own.kind {
            OwnKind::Dummy => of_node,
            OwnKind::Bond { members, .. } => members.iter().filter_map(of).min().or(of_node),
            OwnKind::Vlan { .. }
            | OwnKind::Macvlan { .. }
            | OwnKind::Ipvlan { .. }
            | OwnKind::Vrf { .. }
            | OwnKind::Internal { .. } => None,
        };
        let own = &mut building.graph[node].interfaces[n];
        own.mtu = own.mtu.or(inherited);
    }
}

fn check(stack: &mut Stack) {
    for n in 0..stack.count() {
        let own = stack.own(n).clone();
        let beneath = own.kind.parent().and_then(|p| Some((p, mtu(stack, *stack.names.get(p)?, 0)?)));
        if let (Some((parent, beneath)), Some(above)) = (beneath, own.mtu)
            && above > beneath
        {
            let message = format!("an MTU of {above} is more than `{parent}` beneath it has, {beneath}");
            stack.tell(codes::MTU, &own.at.key("mtu"), message, "write at most that, or more for the one beneath");
        }
        let is = mtu(stack, Named::Own(n), 0);
        if let Some(is) = is.filter(|&m| m < IPV6_MIN_MTU)
            && of_family(&own.addresses, Family::V6).next().is_some()
        {
            let message = format!("an MTU of {is} is too small for IPv6, which is wanted here");
            stack.tell(codes::MTU, &own.at, message, "take one of at least 1280 (RFC 8200), or no IPv6");
        }
        let OwnKind::Bond { members, .. } = &own.kind else { continue };
        for member in members {
            let down = match stack.names.get(member) {
                Some(Named::End(edge, side)) => stack.building.graph[*edge].ends[*side].written.down,
                Some(Named::Own(n)) => stack.own(*n).written.down,
                None => false,
            };
            if down {
                let message = format!("the bond `{}` brings its member `{member}` up: it cannot be down", own.name);
                let hint = "take `state: down` away, or the member out of the bond";
                stack.tell(codes::MEMBER, &own.at.key("bond").key("members"), message, hint);
            }
        }
    }
}

/// The MTU of an interface; none where a NIC of the machine rules it.
fn mtu(stack: &Stack, named: Named, depth: usize) -> Option<u32> {
    match named {
        Named::End(edge, side) => {
            let link = &stack.building.graph[edge];
            match link.kind {
                // Between hosts there is less room, which is found out later.
                LinkKind::Veth | LinkKind::Overlay if stack.building.spans[edge.index()] != Span::One => {
                    link.ends[side].mtu
                }
                LinkKind::Veth | LinkKind::Overlay | LinkKind::Bond { .. } => {
                    Some(link.ends[side].mtu.unwrap_or(DEFAULT))
                }
                LinkKind::Macvlan(_) | LinkKind::Ipvlan(_) => link.ends[side].mtu,
            }
        }
        Named::Own(n) => {
            let own = stack.own(n);
            match own.kind.parent() {
                _ if own.mtu.is_some() => own.mtu,
                None => Some(DEFAULT),
                Some(_) if depth > DEEPEST => None,
                Some(parent) => mtu(stack, *stack.names.get(parent)?, depth + 1),
            }
        }
    }
}
