//! Open vSwitch: bridges, their ports, mirrors, qualities of service, flows (ovs-vswitchd.conf.db(5)).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aside, DeviceId, Key, NetnsId, OvsTunnel, OvsTunnelKey, OvsTunnelKind};
use crate::names::{IfName, Mac, NodeName, stable_hash};

/// Something of Open vSwitch. Its devices are in the host's own namespace, where `ovs-vswitchd` runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ovs {
    /// A bridge, with its local port.
    Bridge(Box<OvsBridge>),
    /// A port of a bridge.
    Port(Box<OvsPort>),
    /// A copy of what passes, to a port.
    Mirror(Box<OvsMirror>),
    /// How fast a port sends.
    Qos(OvsQos),
    /// The flows of a bridge, from a file.
    Flows(OvsFlows),
    /// What bears the mark and is not what it was to be. Never wanted.
    Stray(Box<OvsStray>),
}

/// What was to be something of Open vSwitch: a port that the switch could not open, a bridge whose device is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OvsStray {
    /// What it was to be.
    pub of: Ovs,
    /// Why it is not, in words.
    pub what: Arc<str>,
}

/// A name that Open vSwitch keeps unique, or that netsim does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OvsKey {
    /// A bridge.
    Bridge(IfName),
    /// A port: its name is unique among all ports of all bridges, a bridge's own among them.
    Port(IfName),
    /// A mirror of a bridge.
    Mirror(IfName, Arc<str>),
    /// The quality of service of a port.
    Qos(IfName),
    /// The flows of a bridge.
    Flows(IfName),
    /// The tunnel that a port is: no other port of the machine is the same.
    Tunnel(OvsTunnelKey),
}

/// A bridge of Open vSwitch. Its local port is a device of its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OvsBridge {
    /// Its name.
    pub name: IfName,
    /// The node that it is (`external_ids:netsim-node`).
    pub node: NodeName,
    /// Who moves its packets.
    pub datapath: Datapath,
    /// The Ethernet address of its local port (`other_config:hwaddr`).
    pub mac: Mac,
    /// What it does while no controller is there; none: as Open vSwitch does, which is to be standalone.
    pub fail_mode: Option<FailMode>,
    /// Whether it speaks the spanning tree protocol (802.1D).
    pub stp: bool,
    /// Whether it speaks the rapid spanning tree protocol (802.1D-2004).
    pub rstp: bool,
    /// Versions of OpenFlow that it speaks, as `OpenFlow13`; empty for all that are on by default.
    pub protocols: BTreeSet<String>,
    /// Its controllers, as `tcp:192.0.2.1:6653`.
    pub controllers: BTreeSet<String>,
    /// Settings by name, but for `hwaddr`.
    pub other_config: BTreeMap<String, String>,
    /// The only VLAN of its local port: 1 to 4094; none: all, with their tags.
    pub tag: Option<u16>,
}

/// Who moves a bridge's packets (`datapath_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Datapath {
    /// The kernel.
    System,
    /// `ovs-vswitchd` itself, in user space.
    Netdev,
}

/// What a bridge does while no controller is there (`fail_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailMode {
    /// It is a switch that learns.
    Standalone,
    /// It does what its flows say, and nothing else.
    Secure,
}

/// A port of a bridge of Open vSwitch, with its one interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OvsPort {
    /// Its name, unique among all ports of all bridges; that of its device.
    pub name: IfName,
    /// The bridge.
    pub bridge: IfName,
    /// What it is.
    pub kind: OvsPortKind,
    /// The VLAN of frames without a tag: 1 to 4094.
    pub tag: Option<u16>,
    /// The VLANs that pass with their tag, sorted; empty: all, unless `tag` alone is there.
    pub trunks: Vec<u16>,
    /// What `tag` means; none: by `tag` and `trunks`.
    pub vlan_mode: Option<VlanMode>,
    /// It hears only ports that are not protected (`protected`).
    pub protected: bool,
    /// Most that is taken in, in kbit/s; 0: all (`ingress_policing_rate`).
    pub policing_rate: u32,
    /// What may come in above that at once, in kbit; 0: 8000 (`ingress_policing_burst`).
    pub policing_burst: u32,
}

/// What a port's interface is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OvsPortKind {
    /// A device that is there: a veth end.
    Device,
    /// A device that Open vSwitch makes.
    Internal {
        /// Its Ethernet address.
        mac: Mac,
    },
    /// A wire to another bridge of the same Open vSwitch.
    Patch {
        /// The port at its other end.
        peer: IfName,
    },
    /// A tunnel over the underlay.
    Tunnel(OvsTunnel),
}

/// What a port's `tag` means (`vlan_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VlanMode {
    /// The only VLAN.
    Access,
    /// Nothing: only frames with a tag pass.
    Trunk,
    /// The VLAN of frames without a tag, in and out.
    NativeUntagged,
}

/// A copy of what passes a bridge, to one of its ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OvsMirror {
    /// The bridge.
    pub bridge: IfName,
    /// Its name, one of its kind on the bridge.
    pub name: Arc<str>,
    /// What is copied.
    pub from: MirrorFrom,
    /// The port that the copies leave by; nothing else does then.
    pub to: IfName,
}

/// What a mirror copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MirrorFrom {
    /// What passes any port.
    All,
    /// What passes these.
    Ports {
        /// Ports of which it copies what comes in from them (`select_src_port`).
        from: BTreeSet<IfName>,
        /// Ports of which it copies what goes out to them (`select_dst_port`).
        to: BTreeSet<IfName>,
    },
}

/// Who rules how a port sends. To be taken away before its port is: a port that goes with its rate leaves that on the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OvsQos {
    /// The port.
    pub port: IfName,
    /// Bits a second (`linux-htb`, `other_config:max-rate`). None: a queueing discipline of the device's own (`linux-noop`); without that Open vSwitch
    /// takes away the one that it finds when it opens a device, and when it is started anew.
    pub max_rate: Option<u64>,
}

/// The flows of a bridge, from a file. The bridge remembers the digest (`external_ids:netsim-flows`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OvsFlows {
    /// The bridge.
    pub bridge: IfName,
    /// A hash of the file; 0 where the flows are others than those that were loaded.
    pub digest: u64,
    /// The file, as `ovs-ofctl replace-flows` reads it. A machine remembers only the digest.
    pub text: Aside<String>,
}

impl OvsBridge {
    /// A bridge as Open vSwitch makes it where nothing is said of it.
    pub fn new(name: IfName, node: NodeName, mac: Mac) -> Self {
        OvsBridge {
            name,
            node,
            datapath: Datapath::System,
            mac,
            fail_mode: None,
            stp: false,
            rstp: false,
            protocols: BTreeSet::new(),
            controllers: BTreeSet::new(),
            other_config: BTreeMap::new(),
            tag: None,
        }
    }
}

impl OvsPort {
    /// A port as Open vSwitch makes it where nothing is said of it.
    pub fn new(name: IfName, bridge: IfName, kind: OvsPortKind) -> Self {
        OvsPort {
            name,
            bridge,
            kind,
            tag: None,
            trunks: Vec::new(),
            vlan_mode: None,
            protected: false,
            policing_rate: 0,
            policing_burst: 0,
        }
    }

    /// The UDP port of a tunnel of VXLAN.
    pub fn vxlan_port(&self) -> Option<u16> {
        match &self.kind {
            OvsPortKind::Tunnel(OvsTunnel { kind: OvsTunnelKind::Vxlan { port }, .. }) => Some(*port),
            OvsPortKind::Tunnel(_) | OvsPortKind::Device | OvsPortKind::Internal { .. } | OvsPortKind::Patch { .. } => {
                None
            }
        }
    }
}

impl OvsFlows {
    /// The flows in a file.
    pub fn new(bridge: IfName, text: &str) -> Self {
        OvsFlows { bridge, digest: stable_hash(&[text]).max(1), text: Aside(text.to_owned()) }
    }
}

impl Ovs {
    /// Every name it holds; the first is its identity.
    pub(super) fn claims(&self) -> Vec<Key> {
        let device = |name: IfName| Key::Device(host(name));
        match self {
            Ovs::Bridge(b) => {
                vec![Key::Ovs(OvsKey::Bridge(b.name)), Key::Ovs(OvsKey::Port(b.name)), device(b.name)]
            }
            Ovs::Port(p) => {
                let second = match p.kind {
                    // A device has one master, whether that is a bridge of the kernel or of Open vSwitch.
                    OvsPortKind::Device => Some(Key::Port(host(p.name))),
                    OvsPortKind::Internal { .. } => Some(device(p.name)),
                    OvsPortKind::Tunnel(ref tunnel) => Some(Key::Ovs(OvsKey::Tunnel(tunnel.name()))),
                    OvsPortKind::Patch { .. } => None,
                };
                std::iter::once(Key::Ovs(OvsKey::Port(p.name))).chain(second).collect()
            }
            Ovs::Mirror(_) | Ovs::Qos(_) | Ovs::Flows(_) => vec![self.key()],
            Ovs::Stray(s) => s.of.claims(),
        }
    }

    /// Its identity.
    pub(super) fn key(&self) -> Key {
        Key::Ovs(self.name())
    }

    /// Its name among all that is of Open vSwitch.
    pub fn name(&self) -> OvsKey {
        match self {
            Ovs::Bridge(b) => OvsKey::Bridge(b.name),
            Ovs::Port(p) => OvsKey::Port(p.name),
            Ovs::Mirror(m) => OvsKey::Mirror(m.bridge, m.name.clone()),
            Ovs::Qos(q) => OvsKey::Qos(q.port),
            Ovs::Flows(f) => OvsKey::Flows(f.bridge),
            Ovs::Stray(s) => s.of.name(),
        }
    }

    /// The device that Open vSwitch makes for it.
    pub fn makes(&self) -> Option<IfName> {
        match self {
            Ovs::Bridge(b) => Some(b.name),
            Ovs::Port(p) => matches!(p.kind, OvsPortKind::Internal { .. }).then_some(p.name),
            Ovs::Mirror(_) | Ovs::Qos(_) | Ovs::Flows(_) => None,
            Ovs::Stray(s) => s.of.makes(),
        }
    }

    /// What takes it along: a bridge its ports, mirrors and flows. A port's row stays when its device goes, a quality of service when its port does.
    pub(super) fn owners(&self) -> Vec<Key> {
        let bridge = |name| vec![Key::Ovs(OvsKey::Bridge(name))];
        match self {
            Ovs::Bridge(_) | Ovs::Qos(_) => Vec::new(),
            Ovs::Port(p) => bridge(p.bridge),
            Ovs::Mirror(m) => bridge(m.bridge),
            Ovs::Flows(f) => bridge(f.bridge),
            Ovs::Stray(s) => s.of.owners(),
        }
    }

    /// What must stand first. A patch port needs no peer: both ends are made by one transaction.
    pub(super) fn needs(&self) -> Vec<Key> {
        let (bridge, port) = (|name| Key::Ovs(OvsKey::Bridge(name)), |name| Key::Ovs(OvsKey::Port(name)));
        match self {
            Ovs::Bridge(_) => Vec::new(),
            Ovs::Port(p) => {
                let device = matches!(p.kind, OvsPortKind::Device).then(|| Key::Device(host(p.name)));
                std::iter::once(bridge(p.bridge)).chain(device).collect()
            }
            Ovs::Mirror(m) => {
                let selected = match &m.from {
                    MirrorFrom::All => BTreeSet::new(),
                    MirrorFrom::Ports { from, to } => from | to,
                };
                let ports = selected.into_iter().chain([m.to]).collect::<BTreeSet<_>>();
                std::iter::once(bridge(m.bridge)).chain(ports.into_iter().map(port)).collect()
            }
            Ovs::Qos(q) => vec![port(q.port)],
            Ovs::Flows(f) => vec![bridge(f.bridge)],
            Ovs::Stray(s) => s.of.needs(),
        }
    }

    /// Whether an update can turn it into `to`: everything but names, a port's bridge and kind, what a tunnel is on the underlay, and a bridge's datapath,
    /// which takes its flows along.
    pub(super) fn can_become(&self, to: &Ovs) -> bool {
        match (self, to) {
            (Ovs::Bridge(a), Ovs::Bridge(b)) => a.name == b.name && a.datapath == b.datapath,
            (Ovs::Port(a), Ovs::Port(b)) => {
                let same_kind = match (&a.kind, &b.kind) {
                    (OvsPortKind::Tunnel(a), OvsPortKind::Tunnel(b)) => a.name() == b.name(),
                    (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
                };
                a.name == b.name && a.bridge == b.bridge && same_kind
            }
            (Ovs::Mirror(_), Ovs::Mirror(_)) | (Ovs::Qos(_), Ovs::Qos(_)) | (Ovs::Flows(_), Ovs::Flows(_)) => {
                self.key() == to.key()
            }
            (Ovs::Bridge(_) | Ovs::Port(_) | Ovs::Mirror(_) | Ovs::Qos(_) | Ovs::Flows(_) | Ovs::Stray(_), _) => false,
        }
    }

    /// What goes first where this was otherwise, or not there: another fail mode, and a controller that comes or goes, drop a bridge's flows; a device
    /// that becomes a port loses its queueing discipline.
    pub(super) fn disturbs(&self, from: Option<&Ovs>) -> Vec<Key> {
        match (self, from) {
            (Ovs::Bridge(to), Some(Ovs::Bridge(from)))
                if (to.fail_mode, &to.controllers) != (from.fail_mode, &from.controllers) =>
            {
                vec![Key::Ovs(OvsKey::Flows(to.name))]
            }
            (Ovs::Port(to), None) if to.kind == OvsPortKind::Device => vec![Key::Qdisc(host(to.name))],
            (Ovs::Bridge(_) | Ovs::Port(_) | Ovs::Mirror(_) | Ovs::Qos(_) | Ovs::Flows(_) | Ovs::Stray(_), _) => {
                Vec::new()
            }
        }
    }
}

/// A device where Open vSwitch runs.
fn host(name: IfName) -> DeviceId {
    DeviceId { netns: NetnsId::Host, name }
}

impl fmt::Display for OvsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OvsKey::Bridge(name) => write!(f, "OVS bridge {name}"),
            OvsKey::Port(name) => write!(f, "OVS port {name}"),
            OvsKey::Mirror(bridge, name) => write!(f, "OVS mirror {name} of {bridge}"),
            OvsKey::Qos(port) => write!(f, "OVS QoS of {port}"),
            OvsKey::Flows(bridge) => write!(f, "OVS flows of {bridge}"),
            OvsKey::Tunnel(tunnel) => write!(f, "OVS tunnel {tunnel}"),
        }
    }
}
