//! Text as `ovs-vsctl` reads it (ovs-vsctl(8), "Database Values"): bare words, else strings of JSON.

use std::fmt::Write as _;

/// The text as one value, or as the key in `COLUMN:KEY=VALUE`.
pub(super) fn value(text: &str) -> String {
    if is_bare(text) { text.to_owned() } else { string(text) }
}

/// Whether it is read as it stands wherever a value can stand.
fn is_bare(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => write!(quoted, "\\u{:04x}", u32::from(c)).expect("a String takes all"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_bare_word_is_a_string() {
        assert_eq!(value("eth0"), "eth0");
        assert_eq!(value("10000000"), "10000000");
        assert_eq!(value(""), "\"\"");
        assert_eq!(value("-1"), "\"-1\"");
        assert_eq!(value("@id"), "\"@id\"");
        assert_eq!(value("tcp:[::1]:6653"), "\"tcp:[::1]:6653\"");
        assert_eq!(value("a\"\\\n"), r#""a\"\\\u000a""#);
    }
}
