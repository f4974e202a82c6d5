//! Members of bonds and VRFs.

use indexmap::IndexMap;

use super::super::{OwnKind, codes};
use super::{Named, Stack, What};
use crate::problem::Place;

/// Who has a member.
struct Holder {
    name: String,
    bond: bool,
}

pub(super) fn check(stack: &mut Stack) {
    let mut holders: IndexMap<String, Holder> = IndexMap::new();
    let mut tables: IndexMap<u32, String> = IndexMap::new();
    for n in 0..stack.count() {
        let own = stack.own(n).clone();
        let (key, bond) = match &own.kind {
            OwnKind::Bond { members, .. } => {
                if members.is_empty() {
                    let message = format!("the bond `{}` has no members", own.name);
                    stack.tell(codes::MEMBER, &own.at.key("bond"), message, "write `members: [eth0, eth1]`");
                }
                ("bond", true)
            }
            OwnKind::Vrf { table, .. } => {
                if let Some(other) = tables.insert(*table, own.name.clone()) {
                    let message = format!("the routing table {table} is that of `{other}` already");
                    stack.tell(codes::TABLE, &own.at.key("vrf").key("table"), message, "write another number");
                }
                ("vrf", false)
            }
            OwnKind::Dummy
            | OwnKind::Internal { .. }
            | OwnKind::Vlan { .. }
            | OwnKind::Macvlan { .. }
            | OwnKind::Ipvlan { .. } => continue,
        };
        let at = own.at.key(key).key("members");
        for member in own.kind.members() {
            if let Some(other) = holders.get(member) {
                let message =
                    format!("`{member}` is a member of `{}` already, and cannot be one of `{}`", other.name, own.name);
                stack.tell(codes::MEMBER, &at, message, "take it out of one of them");
                continue;
            }
            one(stack, member, bond, &at);
            holders.insert(member.clone(), Holder { name: own.name.clone(), bond });
        }
    }
    for (member, holder) in holders.into_iter().filter(|(_, holder)| holder.bond) {
        alone(stack, &member, &holder);
    }
}

/// Checks one member.
fn one(stack: &mut Stack, member: &str, bond: bool, at: &Place) {
    let Some(&named) = stack.names.get(member) else {
        return stack.missing(codes::MEMBER, at, member);
    };
    let what = stack.what(named);
    let fits = match what {
        What::Veth | What::Dummy | What::Internal | What::Vlan | What::Macvlan => true,
        What::Bond | What::Ipvlan | What::Gre => !bond,
        What::Vrf => false,
    };
    if !fits {
        let of = if bond { "a bond" } else { "a VRF" };
        let message = format!("`{member}` is {}, which cannot be a member of {of}", what.words());
        return stack.tell(codes::MEMBER, at, message, "name another interface of the node");
    }
    if !bond {
        return;
    }
    let (addresses, mac, mtu, place) = match named {
        Named::End(edge, side) => {
            let end = &stack.building.graph[edge].ends[side];
            (!end.addresses.is_empty(), end.mac.is_some(), end.mtu.is_some(), end.at.clone())
        }
        Named::Own(n) => {
            let own = stack.own(n);
            (!own.addresses.is_empty(), own.mac.is_some(), own.mtu.is_some(), own.at.clone())
        }
    };
    let said = [(addresses, "addresses"), (mac, "Ethernet address"), (mtu, "MTU")];
    for (_, what) in said.into_iter().filter(|(is, _)| *is) {
        let message = format!("`{member}` is a member of a bond and has no {what} of its own");
        stack.tell(codes::MEMBER, &place, message, "write it on the bond");
    }
}

/// Nothing stands on a member of a bond: the bond takes all that comes in.
fn alone(stack: &mut Stack, member: &str, holder: &Holder) {
    for n in 0..stack.count() {
        let own = stack.own(n);
        if own.kind.parent() != Some(member) {
            continue;
        }
        let message = format!("`{member}` is a member of `{}`, and nothing else stands on it", holder.name);
        let (at, hint) = (own.at.clone(), format!("write `parent: {}`", holder.name));
        stack.tell(codes::PARENT, &at, message, &hint);
    }
}
