//! A lab with Open vSwitch, as a backend sees and makes it: words for tests.

use netsim_core::names::{IfName, NodeName};
use netsim_core::plan::{Action, plan};
use netsim_core::resource::{
    Datapath, MirrorFrom, Ovs as Thing, OvsBridge, OvsFlows, OvsMirror, OvsPort, OvsPortKind, OvsQos, Resource,
    VlanMode,
};
use netsim_core::state::{HostState, Observed, Scope};
use netsim_host::Local;
use netsim_host::backend::{Progress, StepError};

use super::common::{address, end, lab, netns, same, state, up, veth};
use super::datapath;

pub(super) fn name(text: &str) -> IfName {
    IfName::new(text).expect("a name")
}

/// This machine, as netsim finds it.
pub(super) fn local() -> Local {
    Local::default()
}

pub(super) fn bridge(at: &str) -> OvsBridge {
    let plain = OvsBridge::new(name(at), NodeName::new(at).expect("a name"), end(&format!("host/{at}")).mac);
    OvsBridge { datapath: if datapath() == "system" { Datapath::System } else { Datapath::Netdev }, ..plain }
}

pub(super) fn port(bridge: &str, at: &str) -> OvsPort {
    OvsPort::new(name(at), name(bridge), OvsPortKind::Device)
}

pub(super) fn internal(bridge: &str, at: &str) -> OvsPort {
    OvsPort { kind: OvsPortKind::Internal { mac: end(&format!("host/{at}")).mac }, ..port(bridge, at) }
}

pub(super) fn patch(bridge: &str, at: &str, peer: &str) -> OvsPort {
    OvsPort { kind: OvsPortKind::Patch { peer: name(peer) }, ..port(bridge, at) }
}

pub(super) fn of(thing: impl Into<Kind>) -> Resource {
    let Kind(thing) = thing.into();
    Resource::Ovs(thing)
}

/// Anything of Open vSwitch.
pub(super) struct Kind(Thing);

impl From<OvsBridge> for Kind {
    fn from(bridge: OvsBridge) -> Self {
        Kind(Thing::Bridge(Box::new(bridge)))
    }
}

impl From<OvsPort> for Kind {
    fn from(port: OvsPort) -> Self {
        Kind(Thing::Port(Box::new(port)))
    }
}

impl From<OvsMirror> for Kind {
    fn from(mirror: OvsMirror) -> Self {
        Kind(Thing::Mirror(Box::new(mirror)))
    }
}

impl From<OvsQos> for Kind {
    fn from(qos: OvsQos) -> Self {
        Kind(Thing::Qos(qos))
    }
}

impl From<OvsFlows> for Kind {
    fn from(flows: OvsFlows) -> Self {
        Kind(Thing::Flows(flows))
    }
}

/// A node with one interface, plugged into the host's namespace as `s-NODE`.
pub(super) fn node(at: &str, net: &str) -> Vec<Resource> {
    let (inner, outer) = (format!("{at}/eth0"), format!("host/s-{at}"));
    let mut all = netns(at);
    all.extend([veth(end(&inner), end(&outer)), up(&inner), up(&outer), address(&inner, net)]);
    all
}

pub(super) fn observe(desired: &HostState) -> Observed {
    local().observe_now(&Scope::of(&lab(), desired)).expect("a machine that can be looked at")
}

pub(super) fn plan_for(desired: &HostState) -> Vec<Action> {
    plan(desired, &observe(desired)).unwrap_or_else(|refusals| panic!("{refusals:#?}"))
}

/// Does a plan and gives what is so then, which must be as anybody else sees it.
#[track_caller]
pub(super) fn apply(desired: &HostState, actions: &[Action]) -> Result<Observed, StepError> {
    let (local, scope) = (local(), Scope::of(&lab(), desired));
    local.observe_now(&scope).expect("a machine that can be looked at");
    let after = local.apply_now(&scope, actions, &Progress::default())?;
    assert_eq!(after, observe(desired));
    Ok(after)
}

/// Makes it so, and fails the test unless the machine then shows exactly that.
#[track_caller]
pub(super) fn become_so(desired: &HostState) -> Vec<Action> {
    let actions = plan_for(desired);
    let after = apply(desired, &actions).unwrap_or_else(|e| panic!("{e}\n{actions:#?}"));
    same(&after.ours, desired);
    assert_eq!(plan(desired, &after), Ok(Vec::new()));
    actions
}

/// Everything that a lab can have of Open vSwitch.
pub(super) fn everything() -> HostState {
    let mirror = OvsMirror {
        bridge: name("sw"),
        name: "m".into(),
        from: MirrorFrom::Ports { from: [name("s-a")].into(), to: [name("s-a"), name("s-b")].into() },
        to: name("s-c"),
    };
    let other = OvsBridge {
        stp: true,
        protocols: ["OpenFlow13".to_owned(), "OpenFlow10".to_owned()].into(),
        controllers: ["tcp:127.0.0.1:9".to_owned(), "tcp:127.0.0.1:10".to_owned()].into(),
        other_config: [("mac-aging-time".to_owned(), "17".to_owned())].into(),
        tag: Some(7),
        ..bridge("sw1")
    };
    let tagged = OvsPort { tag: Some(7), vlan_mode: Some(VlanMode::Access), policing_rate: 1000, ..port("sw", "s-b") };
    let trunk = OvsPort { trunks: vec![7, 9], vlan_mode: Some(VlanMode::Trunk), ..internal("sw", "in0") };
    let flows = OvsFlows::new(name("sw"), "priority=3,in_port=s-a,actions=drop\npriority=1,actions=NORMAL\n");
    state([
        node("a", "10.9.0.1/24"),
        node("b", "10.9.0.2/24"),
        node("c", "10.9.0.3/24"),
        vec![of(bridge("sw")), of(other), of(port("sw", "s-a")), of(tagged), of(port("sw", "s-c"))],
        vec![of(patch("sw", "p0", "p1")), of(patch("sw1", "p1", "p0")), of(trunk)],
        vec![up("host/sw"), address("host/sw", "10.9.0.254/24"), up("host/in0"), address("host/in0", "10.8.0.1/24")],
        vec![of(mirror), of(flows)],
        vec![
            of(OvsQos { port: name("s-a"), max_rate: Some(10_000_000) }),
            of(OvsQos { port: name("s-b"), max_rate: None }),
        ],
    ])
}
