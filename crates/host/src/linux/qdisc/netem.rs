//! The settings of netem (linux/pkt_sched.h, net/sched/sch_netem.c).

use netsim_core::resource::{Distribution, Loss, Netem, QdiscKind};

use super::super::attributes::{self, Attributes, bytes_of, long, words};
use super::{distribution, tbf::ticks};

const TCA_NETEM_CORR: u16 = 1;
const TCA_NETEM_DELAY_DIST: u16 = 2;
const TCA_NETEM_REORDER: u16 = 3;
const TCA_NETEM_CORRUPT: u16 = 4;
const TCA_NETEM_LOSS: u16 = 5;
const TCA_NETEM_RATE: u16 = 6;
const TCA_NETEM_ECN: u16 = 7;
const TCA_NETEM_RATE64: u16 = 8;
const TCA_NETEM_LATENCY64: u16 = 10;
const TCA_NETEM_JITTER64: u16 = 11;
const TCA_NETEM_SLOT: u16 = 12;
const TCA_NETEM_PRNG_SEED: u16 = 14;

const NETEM_LOSS_GE: u16 = 2;

/// `struct tc_netem_qopt`.
const QOPT: usize = 24;

/// All settings, zeros too: a kernel keeps what is not said when it changes one in place.
pub(super) fn encode(netem: &Netem) -> Vec<u8> {
    let loss = match netem.loss {
        Loss::Random(share) => share,
        Loss::GilbertElliott { .. } => 0,
    };
    let (latency, jitter) = (ticks(netem.delay), ticks(netem.jitter));
    let qopt = [latency, netem.limit, loss, gap(netem), netem.duplicate, jitter];
    let mut all = Attributes::after(bytes_of(&qopt));
    all.put(TCA_NETEM_LATENCY64, &netem.delay.to_ne_bytes());
    all.put(TCA_NETEM_JITTER64, &netem.jitter.to_ne_bytes());
    all.put(TCA_NETEM_CORR, &bytes_of(&[0; 3]));
    all.put(TCA_NETEM_REORDER, &bytes_of(&[netem.reorder, 0]));
    all.put(TCA_NETEM_CORRUPT, &bytes_of(&[netem.corrupt, 0]));
    // Rate, and the overheads of each packet and cell, which are none.
    all.put(TCA_NETEM_RATE, &bytes_of(&[u32::try_from(netem.rate).unwrap_or(u32::MAX), 0, 0, 0]));
    if netem.rate > u64::from(u32::MAX) {
        all.put(TCA_NETEM_RATE64, &netem.rate.to_ne_bytes());
    }
    all.put(TCA_NETEM_ECN, &u32::from(netem.ecn).to_ne_bytes());
    if let Loss::GilbertElliott { p, r, h, k } = netem.loss {
        let mut model = Attributes::default();
        // The kernel wants 1 − k, but h itself (`loss_gilb_ell`).
        model.put(NETEM_LOSS_GE, &bytes_of(&[p, r, u32::MAX - h, k]));
        all.nest(TCA_NETEM_LOSS, model);
    }
    if let Some(table) = distribution::table(netem.distribution) {
        all.put(TCA_NETEM_DELAY_DIST, table);
    }
    if let Some(seed) = netem.seed {
        all.put(TCA_NETEM_PRNG_SEED, &seed.to_ne_bytes());
    }
    all.into_bytes()
}

/// Every how manieth packet may overtake: each, where any may (without a gap `netem_enqueue` reorders none).
fn gap(netem: &Netem) -> u32 {
    u32::from(netem.reorder != 0)
}

/// The settings, with what a kernel does not tell; none if there are some that we never give: correlations, slots, a loss model of four states, gaps.
pub(super) fn decode(options: &[u8], distribution: Distribution, seeded: bool) -> Option<QdiscKind> {
    let [latency, limit, loss, seen_gap, duplicate, jitter] = words(options)?;
    let mut netem = Netem {
        delay: u64::from(latency) << super::tbf::TICK_SHIFT,
        jitter: u64::from(jitter) << super::tbf::TICK_SHIFT,
        distribution,
        loss: Loss::Random(loss),
        duplicate,
        limit,
        ..Netem::default()
    };
    let mut seed = None;
    let mut none_of_ours = false;
    for (kind, value) in attributes::each(options.get(QOPT..)?) {
        match kind {
            TCA_NETEM_LATENCY64 => netem.delay = long(value)?,
            TCA_NETEM_JITTER64 => netem.jitter = long(value)?,
            TCA_NETEM_CORR => none_of_ours |= words(value)? != [0; 3],
            TCA_NETEM_REORDER => {
                let [share, correlation] = words(value)?;
                netem.reorder = share;
                none_of_ours |= correlation != 0;
            }
            TCA_NETEM_CORRUPT => {
                let [share, correlation] = words(value)?;
                netem.corrupt = share;
                none_of_ours |= correlation != 0;
            }
            TCA_NETEM_RATE => {
                let [rate, overheads @ ..]: [u32; 4] = words(value)?;
                netem.rate = netem.rate.max(rate.into());
                none_of_ours |= overheads != [0; 3];
            }
            TCA_NETEM_RATE64 => netem.rate = long(value)?,
            TCA_NETEM_ECN => netem.ecn = words(value)? != [0],
            TCA_NETEM_LOSS => {
                let [p, r, h, k] = words(attributes::of_kind(value, NETEM_LOSS_GE).next()?)?;
                netem.loss = Loss::GilbertElliott { p, r, h: u32::MAX - h, k };
            }
            TCA_NETEM_SLOT => none_of_ours = true,
            TCA_NETEM_PRNG_SEED => seed = Some(long(value)?),
            _ => {}
        }
    }
    netem.seed = seed.filter(|_| seeded);
    none_of_ours |= seen_gap != gap(&netem);
    (!none_of_ours).then(|| QdiscKind::Netem(Box::new(netem)))
}
