//! Impairments as written, in the kernel's own units.

use std::collections::BTreeSet;

use crate::resource::{Distribution, Loss, Netem, QdiscKind, Tbf};
use crate::state::Feature;
use crate::topology::{Impairment, LossWritten};
use crate::units::share;

/// Packets that netem holds beside those that are on their way.
const SPARE: u128 = 1000;
/// What a link without a rate is taken for, in bytes a second: 10 Gbit/s.
const FAST: u64 = 1_250_000_000;
/// The least bytes of a frame (IEEE 802.3 §4.4.2).
const LEAST_FRAME: u128 = 64;
/// Bytes of a packet where there is no rate to fill with small ones.
const USUAL_PACKET: u128 = 1500;
/// Bytes of an Ethernet header.
const HEADER: u64 = 14;
/// One tick of a token bucket in ns (PSCHED_SHIFT, include/net/pkt_sched.h).
const TICK: u128 = 64;
/// A bucket fills as often a second as a kernel's slowest usual timer: what passes between two of its ticks.
const REFILLS: u64 = 250;
/// Packets that fit into any bucket, and those that may wait before it.
const BURST: u64 = 10;
const QUEUE: u64 = 20;

/// What a device has to do; none where nothing is asked of it. A rate alone needs no netem: where the kernel has none, a token bucket does it.
pub(super) fn kind(written: &Impairment, mtu: u32, lacks: &BTreeSet<Feature>) -> Option<QdiscKind> {
    let netem = netem(written);
    let is_rate_alone = netem == Netem { rate: netem.rate, limit: netem.limit, ..Netem::default() };
    if is_rate_alone && netem.rate == 0 && written.limit.is_none() {
        return None;
    }
    let as_bucket = is_rate_alone && netem.rate > 0 && lacks.contains(&Feature::Netem);
    Some(if as_bucket {
        QdiscKind::Tbf(tbf(netem.rate, written.limit, mtu))
    } else {
        QdiscKind::Netem(Box::new(netem))
    })
}

fn netem(written: &Impairment) -> Netem {
    let rate = written.rate.map_or(0, |bits| (bits / 8).max(1));
    Netem {
        delay: written.delay,
        jitter: written.jitter,
        // Without jitter the kernel keeps none.
        distribution: if written.jitter > 0 { written.distribution } else { Distribution::Uniform },
        loss: match written.loss {
            None => Loss::Random(0),
            Some(LossWritten::Random(percent)) => Loss::Random(share(percent)),
            Some(LossWritten::GilbertElliott { p, r, h, k }) => {
                Loss::GilbertElliott { p: share(p), r: share(r), h: share(h), k: share(k) }
            }
        },
        duplicate: share(written.duplicate),
        corrupt: share(written.corrupt),
        reorder: share(written.reorder),
        rate,
        limit: written.limit.unwrap_or_else(|| default_limit(written, rate)),
        ecn: written.ecn,
        seed: written.seed,
    }
}

/// So many packets that none is dropped for being on its way: all that are sent in the longest delay.
fn default_limit(written: &Impairment, rate: u64) -> u32 {
    let delay = u128::from(written.delay) + u128::from(written.jitter);
    let (rate, packet) = if rate > 0 { (rate, LEAST_FRAME) } else { (FAST, USUAL_PACKET) };
    let on_their_way = (delay * u128::from(rate)).div_ceil(1_000_000_000 * packet);
    u32::try_from(SPARE + on_their_way).unwrap_or(u32::MAX)
}

/// A bucket that holds what passes between two ticks of a slow timer, and a queue of 50 ms.
fn tbf(rate: u64, limit: Option<u32>, mtu: u32) -> Tbf {
    let frame = u64::from(mtu) + HEADER;
    let burst = (rate / REFILLS).max(BURST * frame);
    let ticks = u128::from(burst) * 1_000_000_000 / u128::from(rate) / TICK;
    let queue = limit.map_or_else(|| (rate / 20).max(QUEUE * frame), |packets| u64::from(packets) * frame);
    Tbf { rate, buffer: u32::try_from(ticks).unwrap_or(u32::MAX), limit: u32::try_from(queue).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(written: Impairment, lacks: &[Feature]) -> Option<QdiscKind> {
        kind(&written, 1500, &lacks.iter().copied().collect())
    }

    fn netem_of(written: Impairment) -> Netem {
        match of(written, &[]) {
            Some(QdiscKind::Netem(netem)) => *netem,
            other => panic!("{other:?} is no netem"),
        }
    }

    #[test]
    fn percents_and_bits_become_the_kernels_units() {
        let written = Impairment {
            delay: 10_000_000,
            loss: Some(LossWritten::Random(50.0)),
            duplicate: 100.0,
            rate: Some(8_000),
            limit: Some(7),
            ..Impairment::default()
        };
        let expected = Netem {
            delay: 10_000_000,
            loss: Loss::Random(0x8000_0000),
            duplicate: u32::MAX,
            rate: 1_000,
            limit: 7,
            ..Netem::default()
        };
        assert_eq!(netem_of(written), expected);
    }

    #[test]
    fn all_that_is_sent_within_the_delay_may_wait() {
        let limit = |delay, rate| netem_of(Impairment { delay, rate, ..Impairment::default() }).limit;
        // 20 ms at 10 Gbit/s are 25,000,000 bytes; 1 s at 512 kbit/s 64,000, in frames of 64.
        assert_eq!(limit(20_000_000, None), 1_000 + 16_667);
        assert_eq!(limit(1_000_000_000, Some(512_000)), 1_000 + 1_000);
        assert_eq!(limit(0, Some(512_000)), 1_000);
    }

    #[test]
    fn a_distribution_without_jitter_is_none() {
        let written = Impairment { delay: 1, distribution: Distribution::Pareto, ..Impairment::default() };
        assert_eq!(netem_of(written).distribution, Distribution::Uniform);
    }

    #[test]
    fn a_rate_alone_is_a_bucket_where_there_is_no_netem() {
        let rate = Impairment { rate: Some(10_000_000), ..Impairment::default() };
        let expected = Tbf { rate: 1_250_000, buffer: 189_250, limit: 62_500 };
        assert_eq!(of(rate.clone(), &[Feature::Netem]), Some(QdiscKind::Tbf(expected)));
        assert!(matches!(of(rate.clone(), &[]), Some(QdiscKind::Netem(_))));
        let delayed = Impairment { delay: 1, ..rate };
        assert!(matches!(of(delayed, &[Feature::Netem]), Some(QdiscKind::Netem(_))));
    }

    #[test]
    fn nothing_that_is_asked_is_nothing() {
        assert_eq!(of(Impairment { loss: Some(LossWritten::Random(0.0)), ..Impairment::default() }, &[]), None);
    }
}
