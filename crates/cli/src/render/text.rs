//! A plan for people: a line per node and link, or every step.

use std::collections::HashSet;

use anstyle::Style;
use netsim_core::plan::Action;
use netsim_core::resource::{Key, Resource};

use crate::planned::{Names, Planned, Summary, created, deleted, subject};
use crate::screen::{ADD, CHANGE, DELETE, REPLACE, STRONG, paint};

mod entries;
mod groups;
mod replaced;
pub mod words;

/// What happens to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    Delete,
    Replace,
    Change,
    Create,
}

impl Sign {
    fn mark(self) -> String {
        let (style, mark) = self.look();
        paint(style, mark)
    }

    fn look(self) -> (Style, &'static str) {
        match self {
            Sign::Create => (ADD, "+"),
            Sign::Change => (CHANGE, "~"),
            Sign::Delete => (DELETE, "-"),
            Sign::Replace => (REPLACE, "±"),
        }
    }
}

/// What both ways of telling a plan look up.
struct Telling<'a> {
    plan: &'a Planned,
    names: Names,
    /// What goes: by a step or by itself.
    gone: HashSet<Key>,
}

impl<'a> Telling<'a> {
    fn of(plan: &'a Planned) -> Self {
        let old = plan.before.iter().map(|(_, r)| r);
        let new = plan.actions.iter().map(subject);
        let gone = plan.actions.iter().filter_map(deleted).map(Resource::key).chain(plan.falls.iter().cloned());
        Telling { plan, names: Names::of(old.chain(new)), gone: gone.collect() }
    }

    /// Where something is created that was there before: why.
    fn replaced(&self, action: &Action) -> Option<String> {
        let to = created(action)?;
        let from = self.plan.before.get(&to.key())?;
        Some(replaced::reason(from, to, &self.plan.before, &self.gone, &self.names))
    }
}

/// The plan, a line per node and link that changes.
pub fn condensed(plan: &Planned, width: usize) -> String {
    let entries = entries::entries(&Telling::of(plan));
    groups::lines(entries).iter().map(|line| line.render(width)).collect()
}

/// The plan, every step in order.
pub fn steps(plan: &Planned, width: usize) -> String {
    let telling = Telling::of(plan);
    plan.actions.iter().map(|action| step(action, &telling, width)).collect()
}

/// What goes by itself along with a plan's steps, a few by name.
pub fn fallen(plan: &Planned, names: &Names, width: usize) -> String {
    const FEW: usize = 8;
    let all: Vec<&Resource> = plan.falls.iter().filter_map(|key| plan.before.get(key)).collect();
    let line = |text: &str| wrapped(&format!("  {} ", Sign::Delete.mark()), 4, text, width);
    let mut out: String =
        all.iter().take(FEW).map(|r| line(&format!("{}, along with it", words::noun(r, names, None)))).collect();
    if all.len() > FEW {
        out.push_str(&line(&format!("{} more", all.len() - FEW)));
    }
    out
}

fn step(action: &Action, telling: &Telling, width: usize) -> String {
    let names = &telling.names;
    let noun = |r: &Resource| words::noun(r, names, None);
    let (sign, text) = match action {
        Action::Create(r) => match telling.replaced(action) {
            Some(reason) => (Sign::Replace, format!("{} (again: {reason})", noun(r))),
            None => (Sign::Create, noun(r)),
        },
        Action::Delete(r) => (Sign::Delete, noun(r)),
        Action::Update { from, to } => {
            let changes = words::changes(from, to, names, None).join(", ");
            (Sign::Change, format!("{}: {changes}", words::place(to, names, None)))
        }
        Action::Borrow(loan) => (Sign::Create, format!("loan of {}", noun(&loan.was))),
        Action::GiveBack(loan) => (Sign::Delete, format!("loan of {}", noun(&loan.was))),
    };
    wrapped(&format!("  {} ", sign.mark()), 4, &text, width)
}

/// `Plan: 3 nodes, 12 resources to create, 1 to change, 0 to delete`.
pub fn summary(summary: &Summary) -> String {
    let Summary { nodes, create, change, delete } = *summary;
    let node = if nodes == 1 { "node" } else { "nodes" };
    let resource = if create == 1 { "resource" } else { "resources" };
    format!(
        "{} {nodes} {node}, {create} {resource} to create, {change} to change, {delete} to delete\n",
        paint(STRONG, "Plan:")
    )
}

/// A space that no line ends at.
const UNBROKEN: &str = "\u{a0}";

/// Text behind a head (`shown` columns wide), broken between words, later lines hanging.
pub fn wrapped(head: &str, shown: usize, text: &str, width: usize) -> String {
    let room = width.saturating_sub(shown).max(20);
    let mut out = String::from(head);
    let mut column = 0;
    for (i, word) in text.split(' ').enumerate() {
        let len = word.chars().count();
        if i > 0 && column + 1 + len > room {
            out.push('\n');
            out.push_str(&" ".repeat(shown));
            column = 0;
        } else if i > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(&word.replace(UNBROKEN, " "));
        column += len;
    }
    out.push('\n');
    out
}

/// Text as words and numbers.
pub type Natural = Vec<(String, u64)>;

/// A sort key in which `node10` comes after `node9`.
pub fn natural(text: &str) -> Natural {
    let mut chunks = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (number, tail) = tail.split_at(end);
        chunks.push((word.to_owned(), number.parse().unwrap_or(u64::MAX)));
        rest = tail;
    }
    chunks
}

/// `1 route`, `2 routes`, `3 entries`.
pub fn count(n: usize, noun: &str) -> String {
    match (n, noun.strip_suffix("s"), noun.strip_suffix("ry")) {
        (1, _, _) => format!("1 {noun}"),
        (n, _, Some(stem)) => format!("{n} {stem}ries"),
        (n, Some(_), None) => format!("{n} {noun}es"),
        (n, None, None) => format!("{n} {noun}s"),
    }
}
