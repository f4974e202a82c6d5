//! One small case for each thing that the simulated kernel does as Linux does: the conformance suite of all backends.

use std::collections::BTreeSet;

use super::text::{actions, resources};
use crate::plan::Action;
use crate::resource::{Datapath, Ovs, OvsBridge, Resource};
use crate::state::{Feature, HostState};

mod addresses;
mod bonds;
mod devices;
mod errors;
mod mtus;
mod ovs;
mod parents;
mod ports;
mod refused;
mod routes;
mod treatment;
mod tunnels;
mod vlans;
mod vrfs;

/// A case: from a state by some actions to a state, or to an error of the last action.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it claims.
    pub name: &'static str,
    /// What is made first, in this order.
    pub start: Vec<Resource>,
    /// What is done then, in this order.
    pub actions: Vec<Action>,
    /// What is so after the kernel has come to rest, or the errno of the last action.
    pub expect: Result<HostState, &'static str>,
}

impl Case {
    /// What a kernel must be able to do for it; where it cannot, the case says nothing.
    pub fn needs(&self) -> BTreeSet<Feature> {
        let done = self.actions.iter().flat_map(Action::resources);
        self.start.iter().chain(done).flat_map(Resource::features).collect()
    }
}

impl Case {
    /// The same with bridges of this datapath.
    fn on(mut self, datapath: Datapath) -> Case {
        let set = |resource: &Resource| match resource {
            Resource::Ovs(Ovs::Bridge(bridge)) => {
                Resource::Ovs(Ovs::Bridge(Box::new(OvsBridge { datapath, ..(**bridge).clone() })))
            }
            other => other.clone(),
        };
        self.start = self.start.iter().map(set).collect();
        for action in &mut self.actions {
            *action = match &*action {
                Action::Create(resource) => Action::Create(set(resource)),
                Action::Update { from, to } => Action::Update { from: set(from), to: set(to) },
                Action::Delete(resource) => Action::Delete(set(resource)),
                other @ (Action::Borrow(_) | Action::GiveBack(_)) => other.clone(),
            };
        }
        self.expect = self.expect.map(|state| state.iter().map(|(_, resource)| set(resource)).collect());
        self
    }
}

/// All cases but those of Open vSwitch. What they make lies in namespaces named `t-…`.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for cases in [
        devices::devices(),
        addresses::addresses(),
        routes::routes(),
        routes::multipath(),
        mtus::mtus(),
        ports::ports(),
        vlans::vlans(),
        parents::macvlan(),
        parents::ipvlan(),
        bonds::bonds(),
        vrfs::vrfs(),
        treatment::qdiscs(),
        treatment::knobs(),
        tunnels::vxlan(),
        tunnels::vxlan_refused(),
        tunnels::gre(),
        tunnels::gre_refused(),
        errors::errors(),
        refused::refused(),
    ] {
        all.extend(cases);
    }
    all
}

/// All cases of Open vSwitch, with bridges of this datapath. What they make has names in the host's namespace, too: `o0`, `br0` and their like.
pub fn ovs_cases(datapath: Datapath) -> Vec<Case> {
    ovs::ovs().into_iter().map(|case| case.on(datapath)).collect()
}

/// What every case starts with: two veth pairs between two nodes; one node has addresses of both families on its ends.
const BASE: &str = "
    netns t-a
    netns t-b
    up t-a/lo
    veth t-a/e0 t-b/e0
    veth t-a/e1 t-b/e1
    up t-a/e0
    up t-b/e0
    up t-a/e1
    up t-b/e1
    address t-a/e0 10.0.0.1/24
    address t-a/e1 10.0.1.1/24
    address t-a/e0 fd00:0::1/64
    address t-a/e1 fd00:1::1/64
";

/// The start and what the actions make is left, without these and with those.
fn left(name: &'static str, start: &str, todo: &str, gone: &str, new: &str) -> Case {
    let start = resources(&format!("{BASE}{start}"));
    let mut state: HostState = start.iter().cloned().collect();
    for gone in resources(gone) {
        assert_eq!(state.remove(&gone.key()), Some(gone), "`{name}` starts with it");
    }
    for new in resources(new) {
        state.insert(new);
    }
    Case { name, start, actions: actions(todo), expect: Ok(state) }
}

fn fails(errno: &'static str, name: &'static str, start: &str, todo: &str) -> Case {
    Case { name, start: resources(&format!("{BASE}{start}")), actions: actions(todo), expect: Err(errno) }
}
