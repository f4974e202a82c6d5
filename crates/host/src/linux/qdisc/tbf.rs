//! The settings of a token bucket (linux/pkt_sched.h, net/sched/sch_tbf.c).

use netsim_core::resource::{QdiscKind, Tbf};

use super::super::attributes::{self, Attributes, bytes_of, long, words};

const TCA_TBF_PARMS: u16 = 1;
const TCA_TBF_RATE64: u16 = 4;
const TCA_TBF_PRATE64: u16 = 5;

/// Bits by which ns are shifted to ticks (PSCHED_SHIFT, include/net/pkt_sched.h).
pub(super) const TICK_SHIFT: u32 = 6;

/// Ethernet frames: a kernel needs no table of sizes then (TC_LINKLAYER_ETHERNET; the second byte of `struct tc_ratespec`).
const ETHERNET: [u8; 4] = [0, 1, 0, 0];

/// Ticks of so many ns, or as many as there can be.
pub(super) fn ticks(ns: u64) -> u32 {
    u32::try_from(ns >> TICK_SHIFT).unwrap_or(u32::MAX)
}

/// `struct tc_tbf_qopt`: the rate, no peak rate, limit, buffer; an MTU means something only with a peak rate. Without TCA_TBF_BURST the kernel keeps the buffer as it is
/// said here.
pub(super) fn encode(tbf: &Tbf) -> Vec<u8> {
    let rate = u32::try_from(tbf.rate).unwrap_or(u32::MAX);
    let ethernet = u32::from_ne_bytes(ETHERNET);
    let mut all = Attributes::default();
    all.put(TCA_TBF_PARMS, &bytes_of(&[ethernet, 0, rate, ethernet, 0, 0, tbf.limit, tbf.buffer, 0]));
    if tbf.rate > u64::from(u32::MAX) {
        all.put(TCA_TBF_RATE64, &tbf.rate.to_ne_bytes());
    }
    all.into_bytes()
}

/// The settings; none if there are some that we never give: a peak rate, overheads, another link layer.
pub(super) fn decode(options: &[u8]) -> Option<QdiscKind> {
    let parameters = attributes::of_kind(options, TCA_TBF_PARMS).next()?;
    let [layer, cells, rate, _, _, peak, limit, buffer, _] = words(parameters)?;
    let rate = attributes::of_kind(options, TCA_TBF_RATE64).next().map_or(Some(rate.into()), long)?;
    let peaks = peak != 0 || attributes::of_kind(options, TCA_TBF_PRATE64).next().is_some();
    let plain = layer == u32::from_ne_bytes(ETHERNET) && cells == 0 && !peaks;
    plain.then_some(QdiscKind::Tbf(Tbf { rate, buffer, limit }))
}
