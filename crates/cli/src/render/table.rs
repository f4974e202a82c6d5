//! Columns of text.

use crate::screen::{DIM, paint};

/// Rows under a heading, each column as wide as its widest cell; the last one is not padded.
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let width = |i: usize| {
        let cells = rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count());
        cells.chain([heading[i].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = |(i, c): (usize, &String)| format!("{c}{}", " ".repeat(widths[i] - c.chars().count()));
        cells.iter().enumerate().map(padded).collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let heading: Vec<String> = heading.iter().map(|h| (*h).to_owned()).collect();
    let mut out = format!("{}\n", paint(DIM, &line(&heading)));
    for row in rows {
        out.push_str(&line(row));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["longer".to_owned(), String::new()]];
        let text = anstream::adapter::strip_str(&table(&["NAME", "N"], &rows)).to_string();
        assert_eq!(text, "NAME    N\na       1\nlonger\n");
    }
}
