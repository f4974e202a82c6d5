//! Many entries alike, told in one line: `+ node[1-1000]`.

use super::entries::{Entry, Line, What};
use super::{Sign, count, natural, wrapped};
use crate::screen::paint;

/// Up to so many entries are told one by one.
const FEW: usize = 24;

/// Up to so many changes of one kind are told one by one.
const FEW_CHANGES: usize = 5;

/// Longer names push what is said of them to the right, theirs alone.
const WIDEST: usize = 40;

/// A head with what it says, and the lines below it.
pub struct Block {
    sign: Sign,
    name: String,
    column: usize,
    detail: String,
    below: Vec<(Sign, String)>,
}

impl Block {
    pub fn render(&self, width: usize) -> String {
        let (style, _) = self.sign.look();
        let pad = if self.detail.is_empty() { 0 } else { self.column.saturating_sub(self.name.chars().count()) };
        let head = format!("  {} {}{}", self.sign.mark(), paint(style, &self.name), " ".repeat(pad));
        let mut out = match self.detail.is_empty() {
            true => format!("{head}\n"),
            false => wrapped(&format!("{head}  "), 6 + self.name.chars().count() + pad, &self.detail, width),
        };
        for (sign, text) in &self.below {
            out.push_str(&wrapped(&format!("      {} ", sign.mark()), 8, text, width));
        }
        out
    }
}

/// The blocks that tell these entries.
pub fn lines(entries: Vec<Entry>) -> Vec<Block> {
    let groups: Vec<Vec<Entry>> = match entries.len() > FEW {
        true => grouped(entries),
        false => entries.into_iter().map(|e| vec![e]).collect(),
    };
    let whats: Vec<What> = groups.iter().map(|g| g[0].what).collect();
    let mut blocks: Vec<Block> = groups.into_iter().map(block).collect();
    for what in [What::Node, What::Link] {
        let mut all: Vec<&mut Block> =
            blocks.iter_mut().zip(&whats).filter(|(_, w)| **w == what).map(|(b, _)| b).collect();
        let widths = all.iter().filter(|b| !b.detail.is_empty()).map(|b| b.name.chars().count());
        let column = widths.filter(|&w| w <= WIDEST).max().unwrap_or(0);
        all.iter_mut().for_each(|b| b.column = column);
    }
    blocks
}

/// Neighbours whose names differ in their last number alone and that the same happens to; of links, all that the same happens to.
fn grouped(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut groups: Vec<Vec<Entry>> = Vec::new();
    for entry in entries {
        match groups.last_mut() {
            Some(group) if alike(&group[group.len() - 1], &entry) => group.push(entry),
            Some(_) | None => groups.push(vec![entry]),
        }
    }
    groups
}

fn alike(a: &Entry, b: &Entry) -> bool {
    let same_changes = a.sign != Sign::Change || changes(a) == changes(b);
    let same = a.what == b.what && a.sign == b.sign && a.reason == b.reason && same_changes;
    same && match a.what {
        What::Link => wire(a) == wire(b),
        What::Node => {
            let next = match (stem(&a.name), stem(&b.name)) {
                (Some((a, m)), Some((b, n))) => a == b && n == m + 1,
                (_, _) => false,
            };
            next && a.made.router == b.made.router && a.made.bridge == b.made.bridge
        }
    }
}

/// `node12` is `node` and 12; a number with leading zeros is none, for a range would not give it back.
fn stem(name: &str) -> Option<(&str, u64)> {
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &name[word.len()..];
    (digits == "0" || !digits.starts_with('0')).then(|| Some((word, digits.parse().ok()?))).flatten()
}

fn block(group: Vec<Entry>) -> Block {
    let (first, last) = (&group[0], &group[group.len() - 1]);
    let name = match (first.what, group.len()) {
        (_, 1) => first.name.clone(),
        (What::Link, n) => count(n, "link"),
        (What::Node, _) => match (stem(&first.name), stem(&last.name)) {
            (Some((word, m)), Some((_, n))) => format!("{word}[{m}-{n}]"),
            (_, _) => unreachable!("only numbered nodes are grouped"),
        },
    };
    let detail = match first.sign {
        Sign::Replace => first.reason.clone().unwrap_or_default(),
        Sign::Delete | Sign::Change => String::new(),
        Sign::Create if group.len() == 1 => first.made.words(),
        Sign::Create => numbers(&group),
    };
    let below = if first.sign == Sign::Change { changes(first) } else { Vec::new() };
    Block { sign: first.sign, name, column: 0, detail, below }
}

/// What is said of each of many links.
fn wire(entry: &Entry) -> String {
    entry.made.wire(|_| "at one end".to_owned()).join(", ")
}

/// `router, 4 interfaces, 4 addresses, 17–20 routes each`.
fn numbers(group: &[Entry]) -> String {
    let first = &group[0];
    if first.what == What::Link {
        return wire(first);
    }
    let counts: Vec<Vec<(&str, usize)>> = group.iter().map(|e| e.made.counts()).collect();
    let mut parts: Vec<String> = Vec::new();
    for (i, (noun, _)) in counts[0].iter().enumerate() {
        let each = || counts.iter().map(|c| c[i].1);
        let (least, most) = (each().min().unwrap_or(0), each().max().unwrap_or(0));
        match (least, most) {
            (_, 0) => {}
            (a, b) if a == b => parts.push(count(a, noun)),
            (a, b) => parts.push(format!("{a}–{}", count(b, noun))),
        }
    }
    let bridge = first.made.bridge.as_ref().map(|(kind, _)| *kind);
    let kind = first.made.router.then_some("router").into_iter().chain(bridge).map(str::to_owned);
    let each = if parts.is_empty() { String::new() } else { format!("{} each", parts.join(", ")) };
    kind.chain(Some(each).filter(|e| !e.is_empty())).collect::<Vec<_>>().join(", ")
}

/// What changes; many of one kind become a number.
fn changes(entry: &Entry) -> Vec<(Sign, String)> {
    let mut told: Vec<(Sign, String)> = Vec::new();
    let mut lines: Vec<&Line> = entry.changes.iter().collect();
    lines.sort_by_cached_key(|l| (l.kind != "device", l.sign, l.kind, natural(&l.text)));
    for run in lines.chunk_by(|a, b| a.sign == b.sign && a.kind == b.kind) {
        match run.len() > FEW_CHANGES {
            true => told.push((run[0].sign, count(run.len(), run[0].kind))),
            false => told.extend(run.iter().map(|l| (l.sign, l.text.clone()))),
        }
    }
    told
}
