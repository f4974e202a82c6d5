//! Queueing disciplines as commands of tc(8).

use netsim_core::resource::{DeviceId, Distribution, Loss, Netem, NetnsId, Qdisc, QdiscKind, Tbf};
use netsim_core::units::{print_percent, share_percent};

use super::{name, quoted};
use crate::render::text::words;

pub fn create(qdisc: &Qdisc) -> Vec<String> {
    vec![made(qdisc, None)]
}

pub fn update(from: &Qdisc, to: &Qdisc) -> Vec<String> {
    match (&from.kind, &to.kind) {
        // Neither does tc(8) have a word that takes ecn back, nor does a handle change its kind.
        (QdiscKind::Netem(a), QdiscKind::Netem(b)) if a.ecn && !b.ecn => [delete(from), create(to)].concat(),
        (QdiscKind::Netem(_), QdiscKind::Tbf(_)) | (QdiscKind::Tbf(_), QdiscKind::Netem(_)) => {
            [delete(from), create(to)].concat()
        }
        (QdiscKind::Netem(was), QdiscKind::Netem(_)) if handle(from) == handle(to) => vec![made(to, Some(was))],
        (QdiscKind::Netem(_) | QdiscKind::Tbf(_) | QdiscKind::Other(_), _) => create(to),
    }
}

pub fn delete(qdisc: &Qdisc) -> Vec<String> {
    vec![format!("{} root", tc("del", &qdisc.device))]
}

fn tc(verb: &str, id: &DeviceId) -> String {
    let on = match &id.netns {
        NetnsId::Host => "tc".to_owned(),
        NetnsId::Named(netns) => format!("tc -n {}", quoted(netns.as_str())),
    };
    format!("{on} qdisc {verb} dev {}", name(&id.name))
}

/// The handle by which netsim knows its own; in it what a kernel does not tell: the distribution, and whether there is a seed.
fn handle(qdisc: &Qdisc) -> String {
    let note = match &qdisc.kind {
        QdiscKind::Netem(netem) => {
            let distribution = match netem.distribution {
                Distribution::Uniform => 0,
                Distribution::Normal => 1,
                Distribution::Pareto => 2,
                Distribution::Paretonormal => 3,
            };
            u32::from(netem.seed.is_some()) << 3 | distribution
        }
        QdiscKind::Tbf(_) | QdiscKind::Other(_) => 0,
    };
    format!("{:x}:", 0x6e40 | note)
}

/// The kernel's own queueing discipline is replaced, not added to; one of the same handle is changed in place.
fn made(qdisc: &Qdisc, was: Option<&Netem>) -> String {
    let what = match &qdisc.kind {
        QdiscKind::Netem(netem) => format!("netem{}", netem_words(netem, was)),
        QdiscKind::Tbf(tbf) => format!("tbf{}", tbf_words(tbf)),
        QdiscKind::Other(_) => unreachable!("one of others is never wanted"),
    };
    format!("{} root handle {} {what}", tc("replace", &qdisc.device), handle(qdisc))
}

/// All that it does. What it did before and does no more is said to be nothing: a change in place keeps what is not said.
fn netem_words(netem: &Netem, was: Option<&Netem>) -> String {
    let share = |of: u32| print_percent(share_percent(of));
    let said = |of: fn(&Netem) -> u64| of(netem) > 0 || was.is_some_and(|was| of(was) > 0);
    let mut out = format!(" limit {}", netem.limit);
    if said(|n| n.delay.max(n.jitter)) {
        out.push_str(&format!(" delay {}", time(netem.delay)));
    }
    if netem.jitter > 0 {
        out.push_str(&format!(" {}", time(netem.jitter)));
        if netem.distribution != Distribution::Uniform {
            out.push_str(&format!(" distribution {}", words::distribution(netem.distribution)));
        }
    }
    match netem.loss {
        Loss::Random(0) => {}
        Loss::Random(of) => out.push_str(&format!(" loss random {}", share(of))),
        Loss::GilbertElliott { p, r, h, k } => {
            let [p, r, h, k] = [p, r, h, k].map(share);
            out.push_str(&format!(" loss gemodel {p} {r} {h} {k}"));
        }
    }
    let shares: [(&str, fn(&Netem) -> u64); 3] =
        [("duplicate", |n| n.duplicate.into()), ("corrupt", |n| n.corrupt.into()), ("reorder", |n| n.reorder.into())];
    for ((word, of), value) in shares.into_iter().zip([netem.duplicate, netem.corrupt, netem.reorder]) {
        if said(of) {
            out.push_str(&format!(" {word} {}", share(value)));
        }
    }
    if said(|n| n.rate) {
        out.push_str(&format!(" rate {}", rate(netem.rate)));
    }
    out.push_str(if netem.ecn { " ecn" } else { "" });
    if let Some(seed) = netem.seed {
        out.push_str(&format!(" seed {seed}"));
    }
    out
}

fn tbf_words(tbf: &Tbf) -> String {
    format!(" rate {} burst {} limit {}", rate(tbf.rate), words::bucket(tbf), tbf.limit)
}

/// A time in ns in the greatest unit in which it is whole, for tc(8) reckons in floating point. Not all of its versions know ns.
fn time(ns: u64) -> String {
    let units = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];
    match units.into_iter().find(|(_, scale)| ns % scale == 0) {
        Some((unit, scale)) => format!("{}{unit}", ns / scale),
        None => format!("{}.{:03}us", ns / 1_000, ns % 1_000),
    }
}

/// Bytes a second as bits, likewise.
fn rate(bytes: u64) -> String {
    let bits = bytes.saturating_mul(8);
    let units = [("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1_000), ("bit", 1)];
    let (unit, scale) = units.into_iter().find(|(_, scale)| bits > 0 && bits % scale == 0).unwrap_or(("bit", 1));
    format!("{}{unit}", bits / scale)
}
