//! Ports, their VLANs, queueing disciplines and knobs as text.

use std::fmt::Write as _;

use super::{id, if_name, parse};
use crate::resource::{
    Distribution, Knob, Loss, Netem, Port, PortSettings, PortVlans, Qdisc, QdiscKind, Tbf, Tuning, VlanRange,
};

pub(super) fn port(device: &str, master: &str, words: &[&str]) -> Port {
    let mut settings = PortSettings::default();
    for word in words {
        match *word {
            "hairpin" => settings.hairpin = true,
            "isolated" => settings.isolated = true,
            "no-learning" => settings.learning = false,
            _ => panic!("`{word}` is no setting of a port"),
        }
    }
    Port { settings, ..Port::new(id(device), if_name(master)) }
}

pub(super) fn show_port(port: &Port) -> String {
    let PortSettings { hairpin, isolated, learning } = port.settings;
    let words = [(hairpin, " hairpin"), (isolated, " isolated"), (!learning, " no-learning")];
    let words: String = words.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| *word).collect();
    format!("port {} {}{words}", port.device, port.master)
}

/// `vlans t-a/e0 10u 20-30 pvid=10`
pub(super) fn vlans(device: &str, words: &[&str]) -> PortVlans {
    let pvid = words.iter().find_map(|word| word.strip_prefix("pvid=")).map(parse);
    let range = |word: &&str| {
        let (numbers, untagged) = word.strip_suffix('u').map_or((*word, false), |numbers| (numbers, true));
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        VlanRange { first: parse(first), last: parse(last), untagged }
    };
    PortVlans::new(id(device), words.iter().filter(|word| !word.starts_with("pvid=")).map(range), pvid)
}

pub(super) fn show_vlans(vlans: &PortVlans) -> String {
    let mut text = format!("vlans {}", vlans.device);
    for VlanRange { first, last, untagged } in vlans.ranges() {
        write!(text, " {first}").expect("a String takes all");
        if first != last {
            write!(text, "-{last}").expect("a String takes all");
        }
        if *untagged {
            text.push('u');
        }
    }
    if let Some(pvid) = vlans.pvid {
        write!(text, " pvid={pvid}").expect("a String takes all");
    }
    text
}

const DISTRIBUTIONS: [(&str, Distribution); 4] = [
    ("uniform", Distribution::Uniform),
    ("normal", Distribution::Normal),
    ("pareto", Distribution::Pareto),
    ("paretonormal", Distribution::Paretonormal),
];

/// `netem t-a/e0 delay=10 loss=1/2/3/4 ecn`, in the kernel's units.
pub(super) fn netem(device: &str, words: &[&str]) -> Qdisc {
    let mut netem = Netem { limit: 1000, ..Netem::default() };
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("delay", n) => netem.delay = parse(n),
            ("jitter", n) => netem.jitter = parse(n),
            ("distribution", name) => {
                let found = DISTRIBUTIONS.iter().find(|(word, _)| *word == name);
                netem.distribution = found.unwrap_or_else(|| panic!("`{name}` is no distribution")).1;
            }
            ("loss", text) => {
                netem.loss = match *text.split('/').map(parse).collect::<Vec<u32>>() {
                    [share] => Loss::Random(share),
                    [p, r, h, k] => Loss::GilbertElliott { p, r, h, k },
                    _ => panic!("`{text}` is no loss"),
                }
            }
            ("duplicate", n) => netem.duplicate = parse(n),
            ("corrupt", n) => netem.corrupt = parse(n),
            ("reorder", n) => netem.reorder = parse(n),
            ("rate", n) => netem.rate = parse(n),
            ("limit", n) => netem.limit = parse(n),
            ("ecn", _) => netem.ecn = true,
            ("seed", n) => netem.seed = Some(parse(n)),
            _ => panic!("`{word}` is no setting of netem"),
        }
    }
    Qdisc { device: id(device), kind: QdiscKind::Netem(Box::new(netem)) }
}

pub(super) fn tbf(device: &str, words: &[&str]) -> Qdisc {
    let value = |name: &str| {
        let found = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_else(|| panic!("a tbf has a {name}"))
    };
    let tbf = Tbf { rate: parse(value("rate")), buffer: parse(value("buffer")), limit: parse(value("limit")) };
    Qdisc { device: id(device), kind: QdiscKind::Tbf(tbf) }
}

pub(super) fn show_qdisc(qdisc: &Qdisc) -> String {
    let netem = match &qdisc.kind {
        QdiscKind::Netem(netem) => netem,
        QdiscKind::Tbf(Tbf { rate, buffer, limit }) => {
            return format!("tbf {} rate={rate} buffer={buffer} limit={limit}", qdisc.device);
        }
        QdiscKind::Other(kind) => return format!("qdisc {} {kind}", qdisc.device),
    };
    let mut text = format!("netem {}", qdisc.device);
    let mut push = |name: &str, value: u64, default: u64| {
        if value != default {
            write!(text, " {name}={value}").expect("a String takes all");
        }
    };
    push("delay", netem.delay, 0);
    push("jitter", netem.jitter, 0);
    push("duplicate", netem.duplicate.into(), 0);
    push("corrupt", netem.corrupt.into(), 0);
    push("reorder", netem.reorder.into(), 0);
    push("rate", netem.rate, 0);
    push("limit", netem.limit.into(), 1000);
    let distribution = DISTRIBUTIONS.iter().find(|(_, had)| *had == netem.distribution);
    if let Some((word, _)) = distribution.filter(|_| netem.distribution != Distribution::Uniform) {
        write!(text, " distribution={word}").expect("a String takes all");
    }
    match netem.loss {
        Loss::Random(0) => {}
        Loss::Random(share) => write!(text, " loss={share}").expect("a String takes all"),
        Loss::GilbertElliott { p, r, h, k } => write!(text, " loss={p}/{r}/{h}/{k}").expect("a String takes all"),
    }
    if netem.ecn {
        text.push_str(" ecn");
    }
    if let Some(seed) = netem.seed {
        write!(text, " seed={seed}").expect("a String takes all");
    }
    text
}

/// `tune t-a/e0 gso off`
pub(super) fn tuning(device: &str, knob: &str, value: &[&str]) -> Tuning {
    let found = Knob::WORDS.iter().find(|(word, _)| *word == knob);
    let knob = found.unwrap_or_else(|| panic!("`{knob}` is no knob")).1;
    Tuning { device: id(device), knob, value: value.concat().into() }
}

pub(super) fn show_tuning(tuning: &Tuning) -> String {
    format!("tune {} {} {}", tuning.device, tuning.knob, tuning.value).trim_end().to_owned()
}
