//! Settings of a device that are no part of making it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::DeviceId;

/// A knob of a device, set to other than what a new device has. That it is ours is noted on the device (an altname).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tuning {
    /// The device.
    pub device: DeviceId,
    /// What is set.
    pub knob: Knob,
    /// Its value: `on` or `off` for an offload; CPUs as a sorted list of numbers and ranges, as `0-3,8`, for a mask, the empty text for none.
    pub value: Arc<str>,
}

/// What can be set about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Knob {
    /// CPUs that work on what it receives, for each of its queues (Documentation/networking/scaling.rst, RPS).
    RpsCpus,
    /// CPUs that send through each of its queues (XPS); only where there are two queues and more.
    XpsCpus,
    /// Checksums are left to the device (ethtool feature tx-checksum-ip-generic).
    TxChecksum,
    /// Large packets are cut up late (tx-generic-segmentation).
    Gso,
    /// Received packets are put together (rx-gro).
    Gro,
    /// TCP is cut up by the device (tx-tcp-segmentation).
    Tso,
}

impl Knob {
    /// All of them, each with its word in files.
    pub const WORDS: [(&'static str, Knob); 6] = [
        ("rps-cpus", Knob::RpsCpus),
        ("xps-cpus", Knob::XpsCpus),
        ("tx-checksum", Knob::TxChecksum),
        ("gso", Knob::Gso),
        ("gro", Knob::Gro),
        ("tso", Knob::Tso),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Knob::RpsCpus => "rps-cpus",
            Knob::XpsCpus => "xps-cpus",
            Knob::TxChecksum => "tx-checksum",
            Knob::Gso => "gso",
            Knob::Gro => "gro",
            Knob::Tso => "tso",
        }
    }

    /// Whether its value is a list of CPUs.
    pub fn takes_cpus(self) -> bool {
        match self {
            Knob::RpsCpus | Knob::XpsCpus => true,
            Knob::TxChecksum | Knob::Gso | Knob::Gro | Knob::Tso => false,
        }
    }
}

impl fmt::Display for Knob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
