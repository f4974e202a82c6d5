//! Quantities as people write them, each with its unit: times, rates, percentages, lists of CPUs.

use std::fmt::Write;

use super::problems::Problems;
use super::{LONGEST_JITTER, RATES, Trunk, codes};
use crate::problem::{Place, Step};
use crate::units;

/// The greatest VLAN that a frame can be in (IEEE 802.1Q: 4095 is reserved).
const LAST_VLAN: u16 = 4094;

/// The greatest number of CPUs that a kernel can be built for (NR_CPUS, arch/x86/Kconfig).
const MOST_CPUS: u32 = 8192;

/// Where a quantity stands, and what is told about it.
pub(super) struct Reading<'a> {
    pub at: Place,
    pub problems: &'a mut Problems,
}

impl Reading<'_> {
    fn read<T>(&mut self, read: Result<T, &str>, text: &str, what: &str) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(how) => {
                let bare = text.trim().parse::<f64>().is_ok();
                let message = if bare { format!("`{text}` has no unit") } else { format!("`{text}` is no {what}") };
                self.problems.tell(codes::UNIT, &self.at, message, how);
                None
            }
        }
    }

    fn out(&mut self, message: String, hint: &str) {
        self.problems.tell(codes::BOUNDS, &self.at, message, hint);
    }

    /// A time in ns, of at most so many seconds.
    pub fn time(&mut self, text: &str, most: u32) -> Option<u64> {
        let nanos = self.read(units::time(text), text, "time")?;
        if nanos > u64::from(most) * 1_000_000_000 {
            self.out(format!("a time of {text} is too long here"), &format!("take at most {most}s"));
            return None;
        }
        Some(nanos)
    }

    /// How much a delay may vary, in ns.
    pub fn jitter(&mut self, text: &str) -> Option<u64> {
        let nanos = self.read(units::time(text), text, "time")?;
        if nanos > LONGEST_JITTER {
            let most = units::print_time(LONGEST_JITTER);
            self.out(format!("a jitter of {text} is more than a kernel keeps"), &format!("take at most {most}"));
            return None;
        }
        Some(nanos)
    }

    /// A time in 1/100 s, from and up to so many seconds: what bridges are told in. A kernel keeps ticks, and one of 4 ms, which is usual, tells an odd
    /// number of them back as the even one below (`clock_t_to_jiffies`, CONFIG_HZ_250).
    pub fn centiseconds(&mut self, text: &str, least: u32, most: u32) -> Option<u32> {
        let nanos = self.time(text, most)?;
        if nanos < u64::from(least) * 1_000_000_000 {
            self.out(format!("a time of {text} is too short here"), &format!("take at least {least}s"));
            return None;
        }
        if nanos % 20_000_000 != 0 {
            self.out(format!("a bridge counts time in steps of 20ms, not {text}"), "take a multiple of 20ms");
            return None;
        }
        u32::try_from(nanos / 10_000_000).ok()
    }

    /// A time in ms, up to so many seconds.
    pub fn milliseconds(&mut self, text: &str, most: u32) -> Option<u32> {
        let nanos = self.time(text, most)?;
        if nanos % 1_000_000 != 0 {
            self.out(format!("this is counted in whole milliseconds, not {text}"), "take a multiple of 1ms");
            return None;
        }
        u32::try_from(nanos / 1_000_000).ok()
    }

    /// Bits a second.
    pub fn rate(&mut self, text: &str) -> Option<u64> {
        let bits = self.read(units::rate(text), text, "rate")?;
        if !RATES.contains(&bits) {
            self.out(format!("a rate of {text} is out of range"), "take one from 8bit to 10tbit");
            return None;
        }
        Some(bits)
    }

    /// A percentage: 0 to 100.
    pub fn percent(&mut self, text: &str) -> Option<f64> {
        let more = text.strip_suffix('%').and_then(|n| n.parse::<f64>().ok()).is_some_and(|n| n > 100.0);
        if more {
            self.out(format!("{text} is more than all"), "take one from 0% to 100%");
            return None;
        }
        self.read(units::percent(text), text, "percentage")
    }

    /// A whole number within bounds.
    pub fn within(&mut self, value: u32, least: u32, most: u32) -> Option<u32> {
        if (least..=most).contains(&value) {
            return Some(value);
        }
        let message = match self.at.path.last() {
            Some(Step::Key(key)) => format!("`{key}` cannot be {value}"),
            Some(Step::Index(_)) | None => format!("{value} is out of range"),
        };
        self.out(message, &format!("take one from {least} to {most}"));
        None
    }

    /// A VLAN.
    pub fn vlan(&mut self, value: u32) -> Option<u16> {
        let vlan = u16::try_from(value).ok().filter(|v| (1..=LAST_VLAN).contains(v));
        if vlan.is_none() {
            self.out(format!("there is no VLAN {value}"), &format!("take one from 1 to {LAST_VLAN}"));
        }
        vlan
    }

    /// CPUs, as `0-3,8`: sorted, no two ranges that could be one; `none` is the empty text.
    pub fn cpus<'t>(&mut self, texts: impl Iterator<Item = (&'t str, Place)>) -> Option<String> {
        let texts: Vec<(&str, Place)> = texts.collect();
        if matches!(texts.as_slice(), [("none", _)]) {
            return Some(String::new());
        }
        let mut ranges = Vec::new();
        for (text, at) in texts {
            self.at = at;
            for part in text.split(',') {
                let Some((first, last)) = range(part) else {
                    let hint = "write numbers and ranges, as 0-3 or [0-3, 8], or `none`";
                    self.problems.tell(codes::UNIT, &self.at, format!("`{text}` is no list of CPUs"), hint);
                    return None;
                };
                if last >= MOST_CPUS {
                    self.out(format!("no machine has a CPU {last}"), &format!("take CPUs from 0 to {}", MOST_CPUS - 1));
                    return None;
                }
                ranges.push((first, last));
            }
        }
        let mut out = String::new();
        for (first, last) in merged(ranges) {
            let comma = if out.is_empty() { "" } else { "," };
            match last - first {
                0 => write!(out, "{comma}{first}"),
                _ => write!(out, "{comma}{first}-{last}"),
            }
            .expect("a text can be written to");
        }
        Some(out)
    }

    /// The VLANs of a trunk.
    pub fn trunk<'t>(&mut self, texts: impl Iterator<Item = (&'t str, Place)>) -> Option<Trunk> {
        let texts: Vec<(&str, Place)> = texts.collect();
        match texts.as_slice() {
            [("all", _)] => return Some(Trunk::All),
            [] => {
                self.problems.tell(codes::VLAN, &self.at, "a trunk of no VLAN", "write `trunk: [10, 20-30]`, or `all`");
                return None;
            }
            _ => {}
        }
        let mut ranges = Vec::new();
        for (text, at) in texts {
            self.at = at;
            let Some((first, last)) = range(text) else {
                let hint = "write `trunk: [10, 20-30]`, or `trunk: all`";
                self.problems.tell(codes::UNIT, &self.at, format!("`{text}` is no VLAN and no range of them"), hint);
                return None;
            };
            self.vlan(first)?;
            self.vlan(last)?;
            ranges.push((first, last));
        }
        let ranges =
            merged(ranges).into_iter().filter_map(|(a, b)| Some((u16::try_from(a).ok()?, u16::try_from(b).ok()?)));
        Some(Trunk::Ranges(ranges.collect()))
    }
}

/// `5`, or `2-7`.
fn range(text: &str) -> Option<(u32, u32)> {
    let digits = |t: &str| {
        let t = t.trim();
        (!t.is_empty() && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse::<u32>().ok())?
    };
    match text.split_once('-') {
        None => digits(text).map(|n| (n, n)),
        Some((first, last)) => Some((digits(first)?, digits(last)?)).filter(|(first, last)| first <= last),
    }
}

/// The same numbers in order, no two ranges that could be one.
fn merged(mut ranges: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    ranges.sort_unstable();
    let mut out: Vec<(u32, u32)> = Vec::new();
    for (first, last) in ranges {
        match out.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            Some(_) | None => out.push((first, last)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_sorted_and_joined() {
        assert_eq!(merged(vec![(8, 8), (0, 1), (2, 3), (1, 2)]), [(0, 3), (8, 8)]);
        assert_eq!(
            (range("5"), range(" 2 - 7 "), range("7-2"), range("-1"), range("1-")),
            (Some((5, 5)), Some((2, 7)), None, None, None)
        );
    }
}
