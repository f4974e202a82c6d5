//! Where in a text: characters, bytes, lines and columns; how plain YAML scalars read.

/// Finds the byte at which a character begins. Asking in order is cheap: it walks on from where it was.
pub(super) struct CharAt<'t> {
    text: &'t str,
    ascii: bool,
    char: usize,
    byte: usize,
}

impl<'t> CharAt<'t> {
    pub fn new(text: &'t str) -> Self {
        CharAt { text, ascii: text.is_ascii(), char: 0, byte: 0 }
    }

    /// The first byte of this character; the text's length if there are fewer.
    pub fn byte(&mut self, index: usize) -> usize {
        if self.ascii {
            return index.min(self.text.len());
        }
        while self.char > index {
            self.byte = self.text[..self.byte].char_indices().next_back().map_or(0, |(i, _)| i);
            self.char -= 1;
        }
        for c in self.text[self.byte..].chars().take(index - self.char) {
            self.byte += c.len_utf8();
            self.char += 1;
        }
        self.byte
    }

    /// First byte and number of bytes of what stands between two characters: of its first line, without white space at its end.
    pub fn token(&mut self, start: usize, end: usize) -> (usize, usize) {
        let (start, end) = (self.byte(start), self.byte(end));
        let line = self.text[start..end.max(start)].lines().next().unwrap_or_default().trim_end();
        (start, line.len().max(1).min(self.text.len() - start))
    }
}

/// The line and the column of a byte, both from 1; a column is a character.
pub(super) fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..boundary(text, byte)];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    (before.bytes().filter(|&b| b == b'\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The last byte up to this one at which a character begins; the text's length if it ends before.
pub(super) fn boundary(text: &str, byte: usize) -> usize {
    (0..=byte.min(text.len())).rev().find(|&b| text.is_char_boundary(b)).unwrap_or(0)
}

/// Whether a plain scalar says nothing (YAML 1.2 §10.3.2).
pub(super) fn is_null(plain: &str) -> bool {
    matches!(plain, "" | "~" | "null" | "Null" | "NULL")
}

/// Whether a plain scalar is a truth value (YAML 1.2 §10.3.2).
pub(super) fn is_truth(plain: &str) -> bool {
    matches!(plain, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
}

/// Whether a plain scalar reads as something else than text: a number, a truth value, nothing.
pub(super) fn reads_as_no_text(plain: &str) -> bool {
    let unsigned = plain.trim_start_matches(['+', '-']);
    is_null(plain)
        || is_truth(plain)
        || unsigned.parse::<f64>().is_ok()
        || ["0x", "0o", "0b"].iter().any(|p| unsigned.starts_with(p))
        || matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
}
