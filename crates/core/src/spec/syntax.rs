//! What is told about a text that is no YAML.

use super::codes;
use super::text::boundary;
use crate::problem::{Place, Problem};

/// How many lines before the place of an error its cause is looked for.
const LINES_BACK: usize = 3;

/// A problem for a text that a YAML parser stopped in.
pub(super) fn problem(source: usize, text: &str, byte: usize, why: &str) -> Problem {
    let byte = boundary(text, byte);
    if let Some((start, name)) = range_without_quotes(text, byte) {
        let place = Place { source, span: Some((start, name.len())), ..Place::default() };
        return Problem::at(
            codes::SYNTAX,
            &place,
            format!("`{name}` needs quotes between `[` and `]` or `{{` and `}}`"),
        )
        .hint(format!("write \"{name}\""));
    }
    let place = Place { source, span: Some((byte, 1)), ..Place::default() };
    let why = why.trim_end_matches('.').to_lowercase();
    let tab =
        text[..byte].rsplit('\n').next().is_some_and(|line| line.starts_with('\t')) || text[byte..].starts_with('\t');
    let problem = Problem::at(codes::SYNTAX, &place, format!("this is not YAML: {why}"));
    problem.hint(if tab {
        "indent with spaces; YAML allows no tabs there"
    } else if why.starts_with("mapping values") {
        "put quotes round a text with `: ` in it, or look at the indentation"
    } else {
        "look for a missing quote, bracket, colon or space at this line or the one before"
    })
}

/// A name with a range that stands in a flow collection without quotes, on the line of the byte or shortly before it.
fn range_without_quotes(text: &str, byte: usize) -> Option<(usize, &str)> {
    let end = text[byte..].find('\n').map_or(text.len(), |i| byte + i);
    let mut start = text[..byte].rfind('\n').map_or(0, |i| i + 1);
    for _ in 0..=LINES_BACK {
        if let Some(found) = in_line(text, start, end) {
            return Some(found);
        }
        start = text[..start.saturating_sub(1)].rfind('\n').map_or(0, |i| i + 1);
    }
    None
}

/// The first such name between two bytes.
fn in_line(text: &str, start: usize, end: usize) -> Option<(usize, &str)> {
    let (mut quote, mut flow, mut word) = (None, 0_u32, None);
    for (i, c) in text[start..end].char_indices().map(|(i, c)| (start + i, c)) {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') if word.is_none() => quote = Some(c),
            (None, '#') if word.is_none() => flow = 0,
            (None, '[' | '{') => match word {
                Some(begin) if flow > 0 => {
                    let rest = &text[begin..end];
                    let stop = rest.find([',', ' ']).unwrap_or(rest.len());
                    let close = if c == '[' { ']' } else { '}' };
                    let closed = rest[i - begin..].find(close).map_or(stop, |n| i - begin + n + 1);
                    let after = rest[closed..].find([',', ' ', ']', '}']).map_or(rest.len(), |n| closed + n);
                    return Some((begin, rest[..after].trim_end_matches(':')));
                }
                _ => flow += 1,
            },
            (None, ']' | '}') => (flow, word) = (flow.saturating_sub(1), None),
            (None, c) if c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '$') => {
                word = word.or(Some(i))
            }
            (None, _) => word = None,
        }
    }
    None
}
