//! Numbers with units, as people write them: times, rates, percentages.

use std::fmt::Write as _;

/// What a time may be written in, and how many ns that is; the greatest first.
const TIMES: [(&str, u64); 4] = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];

/// What a rate may be written in, and how many bits a second that is (tc(8), UNITS): `bit` counts in bits, `bps` in bytes.
const RATES: [(&str, u64); 18] = [
    ("tbit", 1_000_000_000_000),
    ("gbit", 1_000_000_000),
    ("mbit", 1_000_000),
    ("kbit", 1_000),
    ("bit", 1),
    ("tibit", 1 << 40),
    ("gibit", 1 << 30),
    ("mibit", 1 << 20),
    ("kibit", 1 << 10),
    ("tbps", 8_000_000_000_000),
    ("gbps", 8_000_000_000),
    ("mbps", 8_000_000),
    ("kbps", 8_000),
    ("bps", 8),
    ("tibps", 8 << 40),
    ("gibps", 8 << 30),
    ("mibps", 8 << 20),
    ("kibps", 8 << 10),
];

/// A time in ns: `10ms`, `1.5s`, `100us`. The error says how to write it.
pub fn time(text: &str) -> Result<u64, &'static str> {
    const HOW: &str = "write it with a unit, as 10ms, 100us or 1.5s";
    let (number, unit) = split(text);
    let (_, scale) = TIMES.iter().find(|(word, _)| *word == unit).ok_or(HOW)?;
    scaled(number, *scale).ok_or(HOW)
}

/// A rate in bits a second: `100mbit`, `1.5gbit`; `bps` and its kin are bytes. The error says how to write it.
pub fn rate(text: &str) -> Result<u64, &'static str> {
    const HOW: &str = "write it with a unit, as 100mbit or 1gbit; bps is bytes a second, as for tc";
    let (number, unit) = split(text);
    let unit = unit.to_ascii_lowercase();
    let (_, scale) = RATES.iter().find(|(word, _)| *word == unit).ok_or(HOW)?;
    scaled(number, *scale).filter(|bits| *bits > 0).ok_or(HOW)
}

/// A percentage from 0 to 100: `1%`, `0.01%`. The error says how to write it.
pub fn percent(text: &str) -> Result<f64, &'static str> {
    const HOW: &str = "write it from 0% to 100%, with the sign, as 1% or 0.5%";
    let (number, unit) = split(text);
    let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let value = number.parse::<f64>().ok().filter(|p| plain && unit == "%" && (0.0..=100.0).contains(p));
    value.ok_or(HOW)
}

fn split(text: &str) -> (&str, &str) {
    let unit = text.find(|c: char| c.is_alphabetic() || c == '%').unwrap_or(text.len());
    (text[..unit].trim_end(), &text[unit..])
}

/// A decimal number times a scale, where that is whole.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || number.ends_with('.') || !digits(whole) || !digits(fraction) {
        return None;
    }
    let tens = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = u128::from(scale);
    let value = whole.parse::<u128>().ok()?.checked_mul(scale)?.checked_add(fraction * scale / tens)?;
    (fraction * scale).is_multiple_of(tens).then(|| u64::try_from(value).ok()).flatten()
}

/// A time in ns, in words that [`time`] reads back: `10ms`.
pub fn print_time(ns: u64) -> String {
    let (unit, scale) = TIMES.into_iter().find(|(_, scale)| ns >= *scale).unwrap_or(("ms", 1_000_000));
    decimal(ns, scale) + unit
}

/// A rate in bits a second, in words that [`rate`] reads back: `100mbit`.
pub fn print_rate(bits: u64) -> String {
    let (unit, scale) = RATES.into_iter().take(5).find(|(_, scale)| bits >= *scale).unwrap_or(("bit", 1));
    decimal(bits, scale) + unit
}

/// A percentage, in words that [`percent`] reads back: `0.5%`.
pub fn print_percent(percent: f64) -> String {
    format!("{percent}%")
}

/// A value divided by a power of ten, exactly.
fn decimal(value: u64, scale: u64) -> String {
    let mut out = (value / scale).to_string();
    let rest = value % scale;
    if rest > 0 {
        let width = scale.ilog10() as usize;
        write!(out, ".{rest:0width$}").expect("a String takes all");
        out.truncate(out.trim_end_matches('0').len());
    }
    out
}

/// A percentage as netem has it: in 1/(2³²−1), a half rounded to even as tc(8) does (`set_percent`, tc/q_netem.c).
pub fn share(percent: f64) -> u32 {
    // From 0 to 100, so from 0 to u32::MAX; `as` would saturate.
    (percent / 100.0 * f64::from(u32::MAX)).round_ties_even() as u32
}

/// The percentage with the fewest digits that is this share.
pub fn share_percent(share_of: u32) -> f64 {
    let exact = f64::from(share_of) / f64::from(u32::MAX) * 100.0;
    let shorter = (0..10).filter_map(|digits| format!("{exact:.digits$}").parse().ok());
    shorter.into_iter().find(|p| share(*p) == share_of).unwrap_or(exact)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_with_their_units_alone() {
        assert_eq!(
            ["10ms", "1.5s", "100us", "7ns", "0ms"].map(time).map(Result::ok),
            [Some(10_000_000), Some(1_500_000_000), Some(100_000), Some(7), Some(0)]
        );
        assert_eq!(["10", "ms", "-1ms", "1e3ms", "0.5ns", "10 min", ".5s", "1.s"].map(|t| time(t).is_ok()), [false; 8]);
        assert_eq!(
            ["100mbit", "1Gbit", "1.5mbit", "1mbps", "1kibit"].map(rate).map(Result::ok),
            [Some(100_000_000), Some(1_000_000_000), Some(1_500_000), Some(8_000_000), Some(1024)]
        );
        assert_eq!(["100", "0mbit", "mbit", "1mb", "0.1bit"].map(|t| rate(t).is_ok()), [false; 5]);
        assert_eq!(
            ["1%", "0.01%", "100%", "0%"].map(percent).map(Result::ok),
            [Some(1.0), Some(0.01), Some(100.0), Some(0.0)]
        );
        assert_eq!(["1", "101%", "-1%", "%", "NaN%", "inf%", "1e1%"].map(|t| percent(t).is_ok()), [false; 7]);
    }

    #[test]
    fn numbers_are_printed_as_people_write_them() {
        assert_eq!(
            [0, 10_000_000, 1_500_000, 2_000_000_000, 50_000, 3].map(print_time),
            ["0ms", "10ms", "1.5ms", "2s", "50us", "3ns"]
        );
        assert_eq!(
            [100_000_000, 1_000_000_000, 1_500, 8, 0].map(print_rate),
            ["100mbit", "1gbit", "1.5kbit", "8bit", "0bit"]
        );
        assert_eq!(
            [1.0, 0.1, 33.3, 0.0001, 100.0].map(|p| print_percent(share_percent(share(p)))),
            ["1%", "0.1%", "33.3%", "0.0001%", "100%"]
        );
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(ns: u64, bits in 1_u64.., of: u32) {
            prop_assert_eq!(time(&print_time(ns)), Ok(ns));
            prop_assert_eq!(rate(&print_rate(bits)), Ok(bits));
            let percent = percent(&print_percent(share_percent(of))).expect("a percentage");
            prop_assert_eq!(share(percent), of);
        }
    }
}
