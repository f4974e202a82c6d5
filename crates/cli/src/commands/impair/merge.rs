//! What an interface does, with some of it otherwise.

use netsim_core::resource::{Distribution, Loss, Netem, QdiscKind};
use netsim_core::topology::{Impairment, LossWritten};
use netsim_core::units::{print_time, share_percent};

use crate::args::{Change, Limit};

/// What is given goes before what there was.
pub fn merged(base: Impairment, change: &Change) -> Impairment {
    Impairment {
        delay: change.delay.unwrap_or(base.delay),
        jitter: change.jitter.unwrap_or(base.jitter),
        distribution: change.distribution.unwrap_or(base.distribution),
        loss: change.loss.or(base.loss).filter(|loss| *loss != LossWritten::Random(0.0)),
        duplicate: change.duplicate.unwrap_or(base.duplicate),
        corrupt: change.corrupt.unwrap_or(base.corrupt),
        reorder: change.reorder.unwrap_or(base.reorder),
        rate: change.rate.unwrap_or(base.rate),
        limit: match change.limit {
            None => base.limit,
            Some(Limit::Auto) => None,
            Some(Limit::Packets(packets)) => Some(packets),
        },
        ecn: change.ecn.unwrap_or(base.ecn),
        seed: change.seed.or(base.seed),
        at: base.at,
    }
}

/// Whether it does anything to anybody.
pub fn does(impairment: &Impairment) -> bool {
    let Impairment { delay, jitter, loss, duplicate, corrupt, reorder, rate, limit, .. } = impairment;
    let shares = [duplicate, corrupt, reorder].iter().any(|share| **share > 0.0);
    *delay > 0 || *jitter > 0 || loss.is_some() || shares || rate.is_some() || limit.is_some()
}

/// That nothing in it means nothing: what is wrong, and what to do.
pub fn checked(impairment: &Impairment) -> Result<(), (String, &'static str)> {
    let Impairment { delay, jitter, loss, duplicate, corrupt, reorder, ecn, seed, distribution, .. } = impairment;
    let alone = |what: &str, other: &str| format!("{what} means nothing without {other}");
    let chance = *jitter > 0 || loss.is_some() || [duplicate, corrupt, reorder].iter().any(|share| **share > 0.0);
    if jitter > delay {
        let (jitter, delay) = (print_time(*jitter), print_time(*delay));
        let hint = "give --delay that is longer, or --jitter 0ms";
        return Err((format!("a jitter of {jitter} is more than the delay of {delay}"), hint));
    }
    if *distribution != Distribution::Uniform && *jitter == 0 {
        return Err((alone("a distribution", "a jitter"), "give --jitter, or --distribution uniform"));
    }
    if *reorder > 0.0 && *delay == 0 {
        return Err((alone("reordering", "a delay"), "give --delay, or --reorder 0%"));
    }
    if *ecn && loss.is_none() {
        return Err((alone("ecn", "a loss"), "give --loss, or --ecn=off"));
    }
    if seed.is_some() && !chance {
        return Err((alone("a seed", "something that chance decides"), "give --loss, or --none to take all away"));
    }
    Ok(())
}

/// A queueing discipline as a file would say it; one of others says nothing.
pub fn written(kind: &QdiscKind) -> Impairment {
    match kind {
        QdiscKind::Netem(netem) => netem_written(netem),
        QdiscKind::Tbf(tbf) => Impairment { rate: Some(tbf.rate.saturating_mul(8)), ..Impairment::default() },
        QdiscKind::Other(_) => Impairment::default(),
    }
}

fn netem_written(netem: &Netem) -> Impairment {
    Impairment {
        delay: netem.delay,
        jitter: netem.jitter,
        distribution: netem.distribution,
        loss: match netem.loss {
            Loss::Random(0) => None,
            Loss::Random(share) => Some(LossWritten::Random(share_percent(share))),
            Loss::GilbertElliott { p, r, h, k } => {
                let [p, r, h, k] = [p, r, h, k].map(share_percent);
                Some(LossWritten::GilbertElliott { p, r, h, k })
            }
        },
        duplicate: share_percent(netem.duplicate),
        corrupt: share_percent(netem.corrupt),
        reorder: share_percent(netem.reorder),
        rate: (netem.rate > 0).then(|| netem.rate.saturating_mul(8)),
        limit: Some(netem.limit),
        ecn: netem.ecn,
        seed: netem.seed,
        ..Impairment::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_changed_and_the_rest_stays() {
        let base =
            Impairment { delay: 10, loss: Some(LossWritten::Random(1.0)), limit: Some(5), ..Impairment::default() };
        let change = Change { jitter: Some(2), loss: Some(LossWritten::Random(0.0)), ..Change::default() };
        let expected = Impairment { delay: 10, jitter: 2, limit: Some(5), ..Impairment::default() };
        assert_eq!(merged(base.clone(), &change), expected);
        let change = Change { delay: Some(0), rate: Some(Some(8)), limit: Some(Limit::Auto), ..Change::default() };
        let expected = Impairment { loss: base.loss, rate: Some(8), ..Impairment::default() };
        assert_eq!(merged(base, &change), expected);
    }

    #[test]
    fn what_means_nothing_alone_is_refused() {
        let wrong = [
            Impairment { jitter: 1, ..Impairment::default() },
            Impairment { delay: 5, distribution: Distribution::Normal, ..Impairment::default() },
            Impairment { reorder: 1.0, ..Impairment::default() },
            Impairment { delay: 1, ecn: true, ..Impairment::default() },
            Impairment { delay: 1, seed: Some(1), ..Impairment::default() },
        ];
        assert!(wrong.iter().all(|impairment| checked(impairment).is_err()));
        let fine = Impairment {
            delay: 5,
            jitter: 5,
            distribution: Distribution::Normal,
            seed: Some(1),
            ..Impairment::default()
        };
        assert_eq!(checked(&fine), Ok(()));
    }
}
