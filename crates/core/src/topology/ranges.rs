//! Ranges and sets in a text: `n[1-4]`, `n[01-10]`, `{a,b}`, and several of them, the first turning slowest.

use std::borrow::Cow;

use super::codes;
use super::problems::Problems;
use crate::problem::Place;

/// More than any lab has nodes: a larger range is a slip of the finger.
pub(super) const MOST: usize = 1_000_000;

/// Why a text has no range that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum RangeError {
    #[error("`{0}` has no closing `{1}`")]
    Open(String, char),
    #[error("`[{0}]` is no range such as [1-4] or [01-10]")]
    Numbers(String),
    #[error("`[{0}-{1}]` runs backwards")]
    Backwards(String, String),
    #[error("`{{{0}}}` is no set such as {{a,b}}")]
    Set(String),
    #[error("`{0}` stands for more than 1,000,000")]
    TooMany(String),
}

/// A text with its ranges taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern<'t> {
    parts: Vec<Part<'t>>,
    count: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part<'t> {
    Plain(&'t str),
    /// First, how many, and how many digits at least.
    Numbers(u64, usize, usize),
    Set(Vec<&'t str>),
}

impl Part<'_> {
    fn count(&self) -> usize {
        match self {
            Part::Plain(_) => 1,
            Part::Numbers(_, count, _) => *count,
            Part::Set(members) => members.len(),
        }
    }
}

/// Every text that a text stands for; none where its ranges cannot be read, which is told by who looks at them.
pub(crate) fn each_of(text: &str) -> Vec<String> {
    Pattern::parse(text).map(|pattern| pattern.iter().map(Cow::into_owned).collect()).unwrap_or_default()
}

/// Whether a text has something in it that could be a range.
pub(super) fn has_range(text: &str) -> bool {
    text.contains(['[', '{'])
}

/// Whether a text can be read as one with ranges, or with none.
pub(super) fn is_pattern(text: &str) -> bool {
    Pattern::parse(text).is_ok()
}

impl<'t> Pattern<'t> {
    /// Takes a text apart, and tells of one that cannot be.
    pub fn read(text: &'t str, at: &Place, problems: &mut Problems) -> Option<Self> {
        let told = |error: &RangeError| {
            problems.tell(codes::RANGE, at, error.to_string(), "write a range as [1-4] and a set as {a,b}");
        };
        Pattern::parse(text).inspect_err(told).ok()
    }

    fn parse(text: &'t str) -> Result<Self, RangeError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['[', '{']) {
            if open > 0 {
                parts.push(Part::Plain(&rest[..open]));
            }
            let close = if rest[open..].starts_with('[') { ']' } else { '}' };
            let inside = &rest[open + 1..];
            let end = inside.find(close).ok_or_else(|| RangeError::Open(text.to_owned(), close))?;
            let inside = &inside[..end];
            parts.push(if close == ']' { numbers(inside)? } else { set(inside)? });
            rest = &rest[open + end + 2..];
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Plain(rest));
        }
        let counted = parts.iter().try_fold(1_usize, |all, p| all.checked_mul(p.count()).filter(|&n| n <= MOST));
        let count = counted.ok_or_else(|| RangeError::TooMany(text.to_owned()))?;
        Ok(Pattern { parts, count })
    }

    /// How many texts it stands for.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The text at a position, from 0.
    pub fn nth(&self, index: usize) -> Cow<'t, str> {
        if let [Part::Plain(text)] = self.parts[..] {
            return Cow::Borrowed(text);
        }
        let mut below = self.count;
        let mut out = String::new();
        for part in &self.parts {
            below /= part.count();
            let at = index / below % part.count();
            match part {
                Part::Plain(text) => out.push_str(text),
                Part::Numbers(first, _, width) => out.push_str(&format!("{:0width$}", first + at as u64)),
                Part::Set(members) => out.push_str(members[at]),
            }
        }
        Cow::Owned(out)
    }

    /// All texts, in order.
    pub fn iter(&self) -> impl Iterator<Item = Cow<'t, str>> {
        (0..self.count).map(|i| self.nth(i))
    }
}

fn numbers<'t>(inside: &'t str) -> Result<Part<'t>, RangeError> {
    let bad = || RangeError::Numbers(inside.to_owned());
    let (first, last) = inside.split_once('-').ok_or_else(bad)?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten().ok_or_else(bad)
    };
    let (from, to) = (number(first)?, number(last)?);
    let span = to.checked_sub(from).ok_or_else(|| RangeError::Backwards(first.to_owned(), last.to_owned()))?;
    let count = usize::try_from(span).ok().filter(|&n| n < MOST);
    let count = count.ok_or_else(|| RangeError::TooMany(format!("[{inside}]")))? + 1;
    let width = if first.starts_with('0') { first.len() } else { 1 };
    Ok(Part::Numbers(from, count, width))
}

fn set(inside: &str) -> Result<Part<'_>, RangeError> {
    let members: Vec<&str> = inside.split(',').map(str::trim).collect();
    let plain = |m: &str| !m.is_empty() && !m.contains(['{', '[', ']']);
    if members.len() < 2 || !members.iter().all(|m| plain(m)) {
        return Err(RangeError::Set(inside.to_owned()));
    }
    Ok(Part::Set(members))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Result<Vec<String>, RangeError> {
        Ok(Pattern::parse(text)?.iter().map(Cow::into_owned).collect())
    }

    fn check(text: &str, expect: &[&str]) {
        assert_eq!(all(text), Ok(expect.iter().map(|t| (*t).to_owned()).collect()), "{text}");
    }

    #[test]
    fn ranges_count_pad_and_multiply() {
        check("n", &["n"]);
        check("", &[""]);
        check("n[1-3]", &["n1", "n2", "n3"]);
        check("n[08-10]x", &["n08x", "n09x", "n10x"]);
        check("n[0-1]", &["n0", "n1"]);
        check("{a, b}[1-2]", &["a1", "a2", "b1", "b2"]);
        check("10.0.0.[1-2]/24", &["10.0.0.1/24", "10.0.0.2/24"]);
        check("n[7-7]", &["n7"]);
    }

    #[test]
    fn what_is_no_range_is_told() {
        assert_eq!(all("n[1-"), Err(RangeError::Open("n[1-".into(), ']')));
        assert_eq!(all("n{a,b"), Err(RangeError::Open("n{a,b".into(), '}')));
        for bad in ["1", "a-b", "-1", "1-", "1-2-3", "", "1,2"] {
            assert_eq!(all(&format!("n[{bad}]")), Err(RangeError::Numbers(bad.into())));
        }
        for bad in ["", "a", "a,", ",", "[1-2],a"] {
            assert_eq!(all(&format!("n{{{bad}}}")), Err(RangeError::Set(bad.into())));
        }
        assert_eq!(all("n[2-1]"), Err(RangeError::Backwards("2".into(), "1".into())));
        let many = "n[1-1000][1-1001]";
        assert_eq!(all(many), Err(RangeError::TooMany(many.into())));
        assert_eq!(all("[0-18446744073709551615]"), Err(RangeError::TooMany("[0-18446744073709551615]".into())));
    }

    /// A part as written, and what it stands for.
    fn part() -> impl Strategy<Value = (String, Vec<String>)> {
        let plain = "[a-z.:/-]{0,4}".prop_map(|t| (t.clone(), vec![t]));
        let numbers = (0..2000_u64, 0..12_u64, 0..5_usize).prop_map(|(first, more, width)| {
            let first_text = format!("{first:0width$}");
            let width = if first_text.starts_with('0') { first_text.len() } else { 1 };
            let last = first + more;
            (format!("[{first_text}-{last}]"), (first..=last).map(|n| format!("{n:0width$}")).collect())
        });
        let set = prop::collection::vec("[a-z0-9]{1,3}", 2..5).prop_map(|m| (format!("{{{}}}", m.join(",")), m));
        prop_oneof![plain, numbers, set]
    }

    proptest! {
        #[test]
        fn a_text_stands_for_the_product_of_its_parts(parts in prop::collection::vec(part(), 0..4)) {
            let text: String = parts.iter().map(|(text, _)| text.as_str()).collect();
            let expect = parts.iter().fold(vec![String::new()], |all, (_, part)| {
                all.iter().flat_map(|head| part.iter().map(move |tail| format!("{head}{tail}"))).collect()
            });
            let pattern = Pattern::parse(&text).unwrap();
            prop_assert_eq!(pattern.count(), expect.len());
            prop_assert_eq!(all(&text).unwrap(), expect);
        }
    }
}
