//! What interfaces stand on, and whether those on one parent get on together.

use indexmap::IndexMap;

use super::super::nics::{Child, together};
use super::super::{OwnKind, codes};
use super::{Stack, What};
use crate::problem::Place;
use crate::resource::VlanProtocol;

/// What stands on one parent.
#[derive(Default)]
struct Children {
    vlans: Vec<(u16, VlanProtocol, String)>,
    others: Vec<(Child, Place)>,
}

pub(super) fn check(stack: &mut Stack) {
    let mut parents: IndexMap<String, Children> = IndexMap::new();
    for n in 0..stack.count() {
        let own = stack.own(n).clone();
        let Some(parent) = own.kind.parent() else { continue };
        let at = own.at.key("parent");
        let Some(&named) = stack.names.get(parent) else {
            stack.missing(codes::PARENT, &at, parent);
            continue;
        };
        let what = stack.what(named);
        if let Some(why) = unfit(&own.kind, what) {
            let message = format!("nothing like that stands on `{parent}`: {} {why}", what.words());
            stack.tell(codes::PARENT, &at, message, "name another interface of the node");
        }
        let of = parents.entry(parent.to_owned()).or_default();
        match own.kind {
            OwnKind::Vlan { vid, protocol, .. } => {
                if let Some((.., other)) = of.vlans.iter().find(|(v, p, _)| (*v, *p) == (vid, protocol)) {
                    let message = format!("`{other}` takes VLAN {vid} of `{parent}` already");
                    stack.tell(codes::TOGETHER, &own.at, message, "write another VLAN, or another parent");
                }
                of.vlans.push((vid, protocol, own.name));
            }
            OwnKind::Macvlan { mode, .. } => of.others.push((Child::Macvlan(mode), own.at)),
            OwnKind::Ipvlan { mode, .. } => of.others.push((Child::Ipvlan(mode), own.at)),
            OwnKind::Dummy | OwnKind::Internal { .. } | OwnKind::Bond { .. } | OwnKind::Vrf { .. } => {}
        }
    }
    for (parent, children) in parents {
        let what = format!("`{}:{parent}`", stack.building.graph[stack.node].name);
        together(&what, &children.others, stack.building);
    }
}

/// Why an interface of this kind cannot stand on such a one.
fn unfit(kind: &OwnKind, parent: What) -> Option<&'static str> {
    let own = match kind {
        OwnKind::Vlan { .. } => What::Vlan,
        OwnKind::Macvlan { .. } => What::Macvlan,
        OwnKind::Ipvlan { .. } => What::Ipvlan,
        OwnKind::Dummy | OwnKind::Internal { .. } | OwnKind::Bond { .. } | OwnKind::Vrf { .. } => return None,
    };
    match (own, parent) {
        (_, What::Vrf | What::Gre) => Some("takes no frames itself"),
        (What::Vlan, What::Ipvlan) => Some("takes no tagged frames"),
        // A kernel would put it on the device beneath, without a word.
        (What::Macvlan | What::Ipvlan, What::Macvlan | What::Ipvlan) => Some("is itself one of several on a device"),
        (_, What::Veth | What::Dummy | What::Internal | What::Vlan | What::Macvlan | What::Ipvlan | What::Bond) => None,
    }
}
