//! What a device does to the packets that it sends, in words: `delay 10ms, loss 1%`.

use netsim_core::resource::{Distribution, Loss, Netem, QdiscKind, Tbf};
use netsim_core::units::{print_percent, print_rate, print_time, share_percent};

/// A setting and its value; none where it does nothing.
type Part = (&'static str, Option<String>);

/// All that it does; how many packets may wait is said where it does nothing else.
pub fn impairment(kind: &QdiscKind) -> String {
    let told: Vec<String> = parts(kind).iter().filter_map(said).collect();
    match told.is_empty() {
        true => said(&room(kind)).unwrap_or_default(),
        false => told.join(", "),
    }
}

/// All that it does, with how many packets may wait.
pub fn whole(kind: &QdiscKind) -> String {
    parts(kind).iter().chain([&room(kind)]).filter_map(said).collect::<Vec<_>>().join(", ")
}

/// What changes, each as `delay 10ms → 50ms`.
pub fn changes(from: &QdiscKind, to: &QdiscKind) -> Vec<String> {
    if word(from) != word(to) {
        return vec![format!("{} → {}", with_word(from), with_word(to))];
    }
    let all = |kind| parts(kind).into_iter().chain([room(kind)]);
    let none = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    let changed = all(from).zip(all(to)).filter(|(a, b)| a != b);
    changed.map(|((word, a), (_, b))| format!("{word} {} → {}", none(a), none(b))).collect()
}

fn with_word(kind: &QdiscKind) -> String {
    match kind {
        QdiscKind::Other(_) => impairment(kind),
        QdiscKind::Netem(_) | QdiscKind::Tbf(_) => format!("{} ({})", impairment(kind), word(kind)),
    }
}

fn said((word, value): &Part) -> Option<String> {
    value.as_ref().map(|value| format!("{word} {value}"))
}

/// The kernel's name of the kind.
fn word(kind: &QdiscKind) -> &str {
    match kind {
        QdiscKind::Netem(_) => "netem",
        QdiscKind::Tbf(_) => "tbf",
        QdiscKind::Other(kind) => kind,
    }
}

/// Of equal kinds the same settings in the same order.
fn parts(kind: &QdiscKind) -> Vec<Part> {
    match kind {
        QdiscKind::Netem(netem) => netem_parts(netem),
        QdiscKind::Tbf(tbf) => tbf_parts(tbf),
        QdiscKind::Other(kind) => vec![("qdisc", Some(kind.to_string()))],
    }
}

/// How much may wait.
fn room(kind: &QdiscKind) -> Part {
    match kind {
        QdiscKind::Netem(netem) => ("limit", Some(format!("{} packets", netem.limit))),
        QdiscKind::Tbf(tbf) => ("limit", Some(format!("{} bytes", tbf.limit))),
        QdiscKind::Other(_) => ("limit", None),
    }
}

fn netem_parts(netem: &Netem) -> Vec<Part> {
    let time = |ns: u64| (ns > 0).then(|| print_time(ns));
    let share = |of: u32| (of > 0).then(|| percent(of));
    let jitter = time(netem.jitter).map(|jitter| match netem.distribution {
        Distribution::Uniform => jitter,
        other => format!("{jitter} {}", distribution(other)),
    });
    vec![
        ("delay", time(netem.delay)),
        ("jitter", jitter),
        ("loss", loss(netem.loss)),
        ("duplicate", share(netem.duplicate)),
        ("corrupt", share(netem.corrupt)),
        ("reorder", share(netem.reorder)),
        ("rate", (netem.rate > 0).then(|| print_rate(netem.rate.saturating_mul(8)))),
        ("ecn", netem.ecn.then(|| "on".to_owned())),
        ("seed", netem.seed.map(|seed| seed.to_string())),
    ]
}

fn tbf_parts(tbf: &Tbf) -> Vec<Part> {
    vec![("rate", Some(print_rate(tbf.rate.saturating_mul(8)))), ("bucket", Some(format!("{} bytes", bucket(tbf))))]
}

/// How many bytes the bucket holds: what its rate fills in its time.
pub fn bucket(tbf: &Tbf) -> u64 {
    /// ns in a tick (PSCHED_SHIFT, include/net/pkt_sched.h).
    const TICK: u128 = 64;
    let bytes = u128::from(tbf.buffer) * TICK * u128::from(tbf.rate) / 1_000_000_000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// The word of tc-netem(8).
pub fn distribution(distribution: Distribution) -> &'static str {
    match distribution {
        Distribution::Uniform => "uniform",
        Distribution::Normal => "normal",
        Distribution::Pareto => "pareto",
        Distribution::Paretonormal => "paretonormal",
    }
}

fn percent(share: u32) -> String {
    print_percent(share_percent(share))
}

fn loss(loss: Loss) -> Option<String> {
    match loss {
        Loss::Random(0) => None,
        Loss::Random(share) => Some(percent(share)),
        Loss::GilbertElliott { p, r, h, k } => {
            let [p, r, h, k] = [p, r, h, k].map(percent);
            Some(format!("in bursts: p {p}, r {r}, 1-h {h}, 1-k {k}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use netsim_core::units::share;

    use super::*;

    fn netem(change: impl FnOnce(&mut Netem)) -> QdiscKind {
        let mut netem = Netem { limit: 1000, ..Netem::default() };
        change(&mut netem);
        QdiscKind::Netem(Box::new(netem))
    }

    #[test]
    fn an_impairment_is_told_in_the_words_of_the_file() {
        let all = netem(|n| {
            (n.delay, n.jitter, n.distribution) = (10_000_000, 2_500_000, Distribution::Normal);
            (n.loss, n.rate, n.ecn, n.seed) = (Loss::Random(share(1.0)), 12_500_000, true, Some(7));
        });
        assert_eq!(impairment(&all), "delay 10ms, jitter 2.5ms normal, loss 1%, rate 100mbit, ecn on, seed 7");
        assert_eq!(impairment(&netem(|n| n.limit = 20)), "limit 20 packets");
        let tbf = QdiscKind::Tbf(Tbf { rate: 1_250_000, buffer: 192_000, limit: 62_500 });
        assert_eq!(impairment(&tbf), "rate 10mbit, bucket 15360 bytes");
    }

    #[test]
    fn only_what_changes_is_told() {
        let [a, b] = [10_000_000, 50_000_000].map(|delay| netem(|n| n.delay = delay));
        assert_eq!(changes(&a, &b), ["delay 10ms → 50ms"]);
        let lossy = netem(|n| (n.delay, n.loss) = (10_000_000, Loss::Random(share(0.1))));
        assert_eq!(changes(&a, &lossy), ["loss none → 0.1%"]);
        assert_eq!(changes(&QdiscKind::Other("fq".into()), &a), ["qdisc fq → delay 10ms (netem)"]);
    }
}
