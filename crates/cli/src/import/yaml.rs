//! An imported graph as a topology file that a person goes on with.

use std::fmt::Write as _;

use super::{Imported, ImportedLink, ImportedNode};

/// The topology file.
pub fn topology(imported: &Imported, from: &str) -> String {
    let Imported { name, nodes, links, warnings } = imported;
    let mut out =
        format!("# {}: {} nodes and {} links, imported from {}.\n", line(name), nodes.len(), links.len(), line(from));
    out.push_str("# Every node is a router; addresses are given out and routes made by netsim.\n");
    for warning in warnings {
        writeln!(out, "# Note: {}.", line(warning)).expect("a String takes all");
    }
    writeln!(out, "name: {}\nrouting: static", scalar(name)).expect("a String takes all");
    out.push_str("nodes:\n");
    for node in nodes {
        writeln!(out, "  {}: {}", scalar(&node.name), properties(node)).expect("a String takes all");
    }
    if nodes.is_empty() {
        out.truncate(out.len() - 1);
        out.push_str(" {}\n");
    }
    if !links.is_empty() {
        out.push_str("links:\n");
    }
    for link in links {
        writeln!(out, "  - {}", ends(link, nodes)).expect("a String takes all");
    }
    out
}

fn properties(node: &ImportedNode) -> String {
    let label = node.label.as_deref().map(|l| format!(", x-label: {}", text(l)));
    let geo = node.at.as_ref().map(|[lat, long]| format!(", x-geo: {{ latitude: {lat}, longitude: {long} }}"));
    format!("{{ kind: router{}{} }}", label.unwrap_or_default(), geo.unwrap_or_default())
}

fn ends(link: &ImportedLink, nodes: &[ImportedNode]) -> String {
    let [a, b] = link.ends.map(|i| scalar(&nodes[i].name));
    let label = link.label.as_deref().map(|l| format!(", x-label: {}", text(l)));
    format!("{{ endpoints: [{a}, {b}]{} }}", label.unwrap_or_default())
}

/// A name: quoted where YAML would take it for something else.
pub(super) fn scalar(name: &str) -> String {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let word = words.iter().any(|w| name.eq_ignore_ascii_case(w));
    match name.starts_with(|c: char| c.is_ascii_alphabetic()) && !word {
        true => name.to_owned(),
        false => text(name),
    }
}

/// Any text as a double-quoted scalar. `$` is written so that no variable is read into it.
pub(super) fn text(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '$' => out.push_str("$$"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                write!(out, "\\u{:04x}", u32::from(c)).expect("a String takes all");
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Text that stays in its comment.
pub(super) fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
