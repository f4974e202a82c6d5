//! What is written of interfaces beyond their names and addresses, and interfaces that no link makes.

use indexmap::IndexMap;
use ipnet::IpNet;

use super::ovs::Policing;
use crate::names::Mac;
use crate::problem::Place;
use crate::resource::{BondMode, Distribution, IpvlanMode, Knob, MacvlanMode, VlanProtocol};

/// What a link is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LinkKind {
    /// A veth pair.
    #[default]
    Veth,
    /// Several veth pairs, bonded at both ends: the interfaces are the bonds.
    Bond {
        /// How many pairs: 1 to 16.
        links: u32,
        /// How they are used.
        bond: BondWritten,
    },
    /// A macvlan device on a NIC of the machine.
    Macvlan(MacvlanMode),
    /// An ipvlan device on a NIC of the machine.
    Ipvlan(IpvlanMode),
    /// One device of an overlay; that is the second end. Only a placed topology has any.
    Overlay,
}

/// A bond as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BondWritten {
    /// How it uses its members.
    pub mode: BondMode,
    /// How often the members are looked at, in ms; 100 by default.
    pub miimon: u32,
}

/// What is written of an interface of any kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Written {
    /// What it does to the packets that it sends.
    pub impairment: Option<Impairment>,
    /// It is down (`state: down`).
    pub down: bool,
    /// The length of its transmit queue in packets.
    pub tx_queue_len: Option<u32>,
    /// Queues to send from, and as many to receive into; of ends of veth pairs only.
    pub queues: Option<u32>,
    /// Its knobs, each with its value as [`crate::resource::Tuning::value`] has it.
    pub tuning: IndexMap<Knob, String>,
}

/// The longest delay, in s: more than an hour is a slip of the finger.
pub const LONGEST_DELAY: u32 = 3600;

/// The widest jitter, in ns: a kernel draws it from 32 bits with a sign, and cuts off what is more (`tabledist`, net/sched/sch_netem.c).
pub const LONGEST_JITTER: u64 = i32::MAX as u64;

/// Bits a second that a link can be told to send: a kernel counts in bytes.
pub const RATES: std::ops::RangeInclusive<u64> = 8..=10_000_000_000_000;

/// What an interface does to the packets that it sends.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Impairment {
    /// How much later each is sent, in ns.
    pub delay: u64,
    /// How much that varies, in ns: at most `delay`.
    pub jitter: u64,
    /// How it varies.
    pub distribution: Distribution,
    /// Which are lost.
    pub loss: Option<LossWritten>,
    /// The share that is sent twice, in percent: 0 to 100.
    pub duplicate: f64,
    /// The share in which a bit is changed, in percent.
    pub corrupt: f64,
    /// The share that is sent at once, past those that wait, in percent.
    pub reorder: f64,
    /// Bits a second.
    pub rate: Option<u64>,
    /// Packets that may wait.
    pub limit: Option<u32>,
    /// Packets that would be lost are marked instead.
    pub ecn: bool,
    /// What chance begins with.
    pub seed: Option<u64>,
    /// Where the file says it.
    pub at: Place,
}

/// Which packets are lost, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LossWritten {
    /// Each by itself.
    Random(f64),
    /// In bursts: as [`crate::resource::Loss::GilbertElliott`] has them.
    GilbertElliott {
        /// From the good state to the bad.
        p: f64,
        /// From the bad state to the good; 100 − p by default.
        r: f64,
        /// 1 − h: loss in the bad state; 100 by default.
        h: f64,
        /// 1 − k: loss in the good state; 0 by default.
        k: f64,
    },
}

/// What is written of a port of a switch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortWritten {
    /// An access port: the one VLAN it is in, without a tag. 1 to 4094.
    pub vlan: Option<u16>,
    /// A trunk: the VLANs that pass with a tag.
    pub trunk: Option<Trunk>,
    /// Of a trunk: the VLAN that passes without a tag. At a port of Open vSwitch that passes all it may be 0: there that is a VLAN too, of what has no tag.
    pub native: Option<u16>,
    /// Frames may leave by the port that they came in by.
    pub hairpin: Option<bool>,
    /// It hears only ports that are not isolated.
    pub isolated: Option<bool>,
    /// Addresses seen behind it are remembered.
    pub learning: Option<bool>,
    /// Of Open vSwitch: most that it takes in.
    pub policing: Option<Policing>,
}

impl PortWritten {
    /// Whether it is written to be in some VLAN. There is no `native` one but of a trunk.
    pub(super) fn is_in_vlans(&self) -> bool {
        self.vlan.is_some() || self.trunk.is_some()
    }
}

/// The VLANs of a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trunk {
    /// 1 to 4094.
    All,
    /// These: first and last.
    Ranges(Vec<(u16, u16)>),
}

/// An interface of a node that no link makes.
#[derive(Debug, Clone)]
pub struct Owned {
    /// Its name as written: 1 to 127 bytes.
    pub name: String,
    /// What it is.
    pub kind: OwnKind,
    /// Its addresses as written.
    pub addresses: Vec<IpNet>,
    /// Its Ethernet address as written.
    pub mac: Option<Mac>,
    /// Its MTU as written, in bytes.
    pub mtu: Option<u32>,
    /// What else is written of it.
    pub written: Written,
    /// Where the file says it.
    pub at: Place,
}

/// What an interface of a node's own is. What it names are interfaces of the same node, and they exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnKind {
    /// A device that swallows what it is given.
    Dummy,
    /// An 802.1Q sub-interface.
    Vlan {
        /// The interface that the tagged frames pass.
        parent: String,
        /// 1 to 4094.
        vid: u16,
        /// The tag's protocol.
        protocol: VlanProtocol,
    },
    /// A macvlan device on another interface.
    Macvlan {
        /// The interface beneath.
        parent: String,
        /// Whom it can talk to.
        mode: MacvlanMode,
    },
    /// An ipvlan device on another interface.
    Ipvlan {
        /// The interface beneath.
        parent: String,
        /// What it looks at.
        mode: IpvlanMode,
    },
    /// Several interfaces as one.
    Bond {
        /// Its members; they have no addresses of their own.
        members: Vec<String>,
        /// How it uses them.
        bond: BondWritten,
    },
    /// A device that a bridge of Open vSwitch makes, with a port of its own; only such a node has any.
    Internal {
        /// What is written of the port.
        port: PortWritten,
    },
    /// A routing domain.
    Vrf {
        /// Its members.
        members: Vec<String>,
        /// Their routing table: 1 to 2³²−1, not 253 to 255.
        table: u32,
    },
}
