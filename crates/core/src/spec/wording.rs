//! How a mistake is told: what stands there, what could stand there.

use super::shape::{MapShape, Shape, shapes};
use crate::problem::{Place, Step};
use crate::suggest::any_of;

/// Mappings with at most so many keys have them listed.
const MOST_LISTED: usize = 14;

/// What a place is called.
pub(super) fn label(place: &Place) -> String {
    let list = place.path.iter().rev().find_map(|s| match s {
        Step::Key(key) => Some(key),
        Step::Index(_) => None,
    });
    match (place.path.last(), list) {
        (Some(Step::Key(key)), _) => format!("`{key}`"),
        (Some(Step::Index(_)), Some(list)) => format!("an element of `{list}`"),
        (Some(Step::Index(_)), None) => "an element".to_owned(),
        (None, _) => "a topology file".to_owned(),
    }
}

/// That a key is unknown, and what to do.
pub(super) fn unknown_key(key: &str, map: &MapShape, meant: Option<&str>) -> (String, String) {
    let message = format!("unknown key `{key}`");
    let known = any_of(map.keys.keys().map(String::as_str));
    let hint = if key == "<<" {
        "write common settings under `defaults:`, `kinds:` or `groups:`; merge keys are not read".to_owned()
    } else if let Some(meant) = meant {
        format!("did you mean `{meant}`?")
    } else if map.keys.contains_key("interface") && map.keys.contains_key("node") {
        "put quotes round an endpoint with `{…}` in it, as in \"{a,b}\"; keys of your own begin with `x-`".to_owned()
    } else if map.keys.len() <= MOST_LISTED {
        format!("write one of {known}; keys of your own begin with `x-`")
    } else {
        "begin keys of your own with `x-`".to_owned()
    };
    (message, hint)
}

/// That a value is of the wrong kind, and what to do.
pub(super) fn wrong_kind(place: &Place, shape: &Shape, found: &str) -> (String, Option<String>) {
    let message = format!("{} is {}, not {found}", label(place), wanted(shape));
    let is = |key: &str| matches!(place.path.last(), Some(Step::Key(k)) if **k == *key);
    let hint = match () {
        () if place.path.is_empty() => Some("begin with `name: …`"),
        () if is("nodes") && found == "a list" => Some("write nodes as a mapping: `nodes: { a: {}, b: {} }`"),
        () if found == "a mapping" && shape.text && shape.map.is_none() => {
            Some("put quotes round a text with `{`, `}` or `: ` in it")
        }
        () if found == "a list" && shape.text && shape.items.is_none() => {
            Some("put quotes round a text that begins with `[`")
        }
        () if shape.items.is_some() && !shape.text && found.starts_with('`') => Some("put `[` and `]` round it"),
        () => None,
    };
    (message, hint.map(str::to_owned))
}

/// What can stand there, in words.
fn wanted(shape: &Shape) -> String {
    let mut kinds: Vec<String> = shape.words.iter().map(|w| format!("`{w}`")).collect();
    if shape.truth && !shape.text {
        kinds.extend(["`true`", "`false`"].map(str::to_owned));
    }
    if shape.text {
        kinds.push("a text".to_owned());
    }
    if shape.number.is_some() {
        kinds.push("a whole number".to_owned());
    }
    if let Some(items) = shape.items {
        let of = shapes().at(items);
        kinds.push(if of.text && of.map.is_none() { "a list of texts" } else { "a list" }.to_owned());
    }
    if shape.map.is_some() {
        kinds.push("a mapping".to_owned());
    }
    match kinds.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "empty".to_owned(),
    }
}

/// A value that says as little as can be said there.
pub(super) fn harmless(shape: &Shape) -> &'static str {
    match shape {
        Shape { null: true, .. } => "null",
        Shape { items: Some(_), .. } => "[]",
        Shape { text: true, .. } => "''",
        Shape { map: Some(_), .. } => "{}",
        Shape { truth: true, .. } => "false",
        Shape { .. } => "0",
    }
}

/// A whole number, written in decimal digits without a leading zero.
pub(super) fn whole_number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    digits.then(|| text.parse().ok())?
}
