//! The tables by which netem lets delay vary, made from what the distributions are.
//!
//! A table holds quantiles at equal steps: the kernel draws one of them and scales it by the jitter (`tabledist`, net/sched/sch_netem.c). Each table has the mean 0 and the
//! standard deviation 1, so that jitter is the standard deviation of the delay.

use std::sync::LazyLock;

use netsim_core::resource::Distribution;

/// Quantiles in a table: as many as those of iproute2 have. A kernel takes up to 16384 (NETEM_DIST_MAX).
const QUANTILES: usize = 4096;

/// What stands for 1 in a table (NETEM_DIST_SCALE).
const SCALE: f64 = 8192.0;

/// The shape of the Pareto distribution (Pareto 1896): the share of what is larger than x is x to the power of −3.
const SHAPE: f64 = 3.0;

/// How often a table is made to have its standard deviation: what is cut off makes that less, and each time there is more to cut off.
const ROUNDS: usize = 60;

static NORMAL: LazyLock<Vec<u8>> = LazyLock::new(|| bytes(&scaled(&normal())));
static PARETO: LazyLock<Vec<u8>> = LazyLock::new(|| bytes(&scaled(&pareto())));
static PARETONORMAL: LazyLock<Vec<u8>> = LazyLock::new(|| bytes(&scaled(&paretonormal())));

/// The table as a kernel takes it (16-bit numbers); none for what it does by itself.
pub(super) fn table(distribution: Distribution) -> Option<&'static [u8]> {
    match distribution {
        Distribution::Uniform => None,
        Distribution::Normal => Some(&NORMAL),
        Distribution::Pareto => Some(&PARETO),
        Distribution::Paretonormal => Some(&PARETONORMAL),
    }
}

/// The shares at which the quantiles are taken: the middles of equal steps from 0 to 1.
fn shares() -> impl Iterator<Item = f64> {
    (0..QUANTILES).map(|i| (i as f64 + 0.5) / QUANTILES as f64)
}

/// The quantiles of Gauss's distribution: its density is summed up until each share is reached.
fn normal() -> Vec<f64> {
    const STEP: f64 = 1.0 / 4096.0;
    let mut x = -6.0;
    let mut sum = 0.0;
    let mut quantiles = Vec::with_capacity(QUANTILES);
    for share in shares() {
        while sum < share {
            let middle: f64 = x + STEP / 2.0;
            sum += STEP * (-middle * middle / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            x += STEP;
        }
        quantiles.push(x);
    }
    quantiles
}

fn pareto() -> Vec<f64> {
    shares().map(|share| (1.0 - share).powf(-1.0 / SHAPE)).collect()
}

/// A quarter of the one and three of the other, each with standard deviation 1, as in iproute2 and NIST Net before it.
fn paretonormal() -> Vec<f64> {
    let deviation = (SHAPE / ((SHAPE - 1.0).powi(2) * (SHAPE - 2.0))).sqrt();
    normal().iter().zip(pareto()).map(|(normal, pareto)| normal / 4.0 + 3.0 * pareto / deviation / 4.0).collect()
}

/// With mean 0 and standard deviation 1; what is more than 16 bits can say (4 standard deviations) is cut off.
fn scaled(quantiles: &[f64]) -> Vec<f64> {
    let most = f64::from(i16::MAX) / SCALE;
    let (mut middle, mut unit) = (0.0, 1.0);
    let mut table = Vec::new();
    for _ in 0..ROUNDS {
        table = quantiles.iter().map(|x| ((x - middle) / unit).clamp(-most, most)).collect();
        let (mean, deviation) = moments(&table);
        middle += mean * unit;
        unit *= deviation;
    }
    table
}

/// Mean and standard deviation.
fn moments(table: &[f64]) -> (f64, f64) {
    let count = table.len() as f64;
    let mean = table.iter().sum::<f64>() / count;
    let variance = table.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

fn bytes(table: &[f64]) -> Vec<u8> {
    table.iter().flat_map(|x| ((x * SCALE).round() as i16).to_ne_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(distribution: Distribution) -> Vec<f64> {
        let bytes = table(distribution).expect("it has a table");
        bytes.chunks_exact(2).map(|b| f64::from(i16::from_ne_bytes([b[0], b[1]])) / SCALE).collect()
    }

    #[test]
    fn jitter_is_the_standard_deviation_and_delay_the_mean() {
        for distribution in [Distribution::Normal, Distribution::Pareto, Distribution::Paretonormal] {
            let table = read(distribution);
            let (mean, deviation) = moments(&table);
            assert_eq!(table.len(), QUANTILES);
            assert!(mean.abs() < 0.005 && (deviation - 1.0).abs() < 0.005, "{distribution:?}: {mean} {deviation}");
            assert!(table.is_sorted());
        }
    }

    #[test]
    fn the_normal_table_is_the_normal_distribution() {
        let table = read(Distribution::Normal);
        let below = |x: f64| table.iter().filter(|y| **y < x).count() as f64 / QUANTILES as f64;
        for (x, share) in [(-2.0, 0.0228), (-1.0, 0.1587), (0.0, 0.5), (1.0, 0.8413), (2.0, 0.9772)] {
            assert!((below(x) - share).abs() < 0.001, "{x}: {}", below(x));
        }
    }

    #[test]
    fn the_pareto_table_has_no_lower_tail_and_a_long_upper_one() {
        let table = read(Distribution::Pareto);
        assert!(table[0] > -1.0, "{}", table[0]);
        assert!(table[QUANTILES - 1] > 3.9, "{}", table[QUANTILES - 1]);
        assert!(table[QUANTILES / 2] < 0.0, "most come earlier than the mean");
    }
}
