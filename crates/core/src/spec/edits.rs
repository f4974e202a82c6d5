//! Small changes to a text before it is read.

/// Puts a text in the place of some bytes.
pub(super) struct Edit {
    pub start: usize,
    pub end: usize,
    pub text: String,
}

/// All changes to a text.
#[derive(Default)]
pub(super) struct Edits(Vec<Edit>);

impl Edits {
    pub fn push(&mut self, edit: Edit) {
        self.0.push(edit);
    }

    /// The text with the changes made; none if there are none. Of two that overlap the one that begins first holds.
    pub fn apply(mut self, text: &str) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        self.0.sort_by_key(|e| e.start);
        let mut out = String::with_capacity(text.len() + self.0.iter().map(|e| e.text.len()).sum::<usize>());
        let mut done = 0;
        for edit in &self.0 {
            if edit.start < done || edit.end < edit.start {
                continue;
            }
            out.push_str(&text[done..edit.start]);
            out.push_str(&edit.text);
            done = edit.end;
        }
        out.push_str(&text[done..]);
        Some(out)
    }
}

/// A text as a double-quoted YAML scalar on one line (YAML 1.2 §7.3.1): whatever is in it, it stays one scalar.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                out.push_str(&format!("\\U{:08x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
