//! Queueing disciplines: what a device does to the packets that it sends.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DeviceId;

/// The queueing discipline at the root of a device. A device that has only what the kernel gave it has none of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qdisc {
    /// The device that sends.
    pub device: DeviceId,
    /// What it does.
    pub kind: QdiscKind,
}

/// What a queueing discipline does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QdiscKind {
    /// Delays, loses, changes and slows down packets (tc-netem(8)).
    Netem(Box<Netem>),
    /// Slows packets down (tc-tbf(8)).
    Tbf(Tbf),
    /// One that somebody put where one of ours shall be, by the kernel's name of its kind. Never wanted.
    Other(Arc<str>),
}

/// The settings of netem, in the kernel's own units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Netem {
    /// How much later each packet is sent, in ns (TCA_NETEM_LATENCY64).
    pub delay: u64,
    /// How much that varies, in ns (TCA_NETEM_JITTER64).
    pub jitter: u64,
    /// How it varies; it means something only with jitter.
    pub distribution: Distribution,
    /// Which packets are lost.
    pub loss: Loss,
    /// The share of packets that are sent twice, in 1/(2³²−1).
    pub duplicate: u32,
    /// The share of packets in which a bit is changed, in 1/(2³²−1).
    pub corrupt: u32,
    /// The share of packets that are sent at once, past those that wait, in 1/(2³²−1).
    pub reorder: u32,
    /// Bytes a second; 0: no limit (TCA_NETEM_RATE64).
    pub rate: u64,
    /// Packets that may wait; what comes beyond is dropped.
    pub limit: u32,
    /// Packets that would be lost are marked instead where they can be (RFC 3168).
    pub ecn: bool,
    /// What chance begins with; none: with something else each time (TCA_NETEM_PRNG_SEED, since Linux 6.6).
    pub seed: Option<u64>,
}

/// How delay varies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Every value is as likely: the kernel's own.
    #[default]
    Uniform,
    /// Gauss.
    Normal,
    /// A long tail: shape 3.
    Pareto,
    /// A quarter of the one and three of the other.
    Paretonormal,
}

/// Which packets are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Each by itself: the share, in 1/(2³²−1).
    Random(u32),
    /// In bursts (Gilbert 1960, Elliott 1963; NETEM_LOSS_GE): probabilities in 1/(2³²−1).
    GilbertElliott {
        /// From the good state to the bad.
        p: u32,
        /// From the bad state to the good.
        r: u32,
        /// 1 − h: of loss in the bad state.
        h: u32,
        /// 1 − k: of loss in the good state.
        k: u32,
    },
}

impl Default for Loss {
    fn default() -> Self {
        Loss::Random(0)
    }
}

/// The settings of a token bucket, in the kernel's own units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tbf {
    /// Bytes a second (TCA_TBF_RATE64).
    pub rate: u64,
    /// How long the bucket takes to fill, in ticks of 64 ns (PSCHED_SHIFT, include/net/pkt_sched.h).
    pub buffer: u32,
    /// Bytes that may wait; what comes beyond is dropped.
    pub limit: u32,
}
