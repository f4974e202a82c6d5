//! What programs read: every document says its format and version.

use serde::Serialize;

/// A document: `{"format": "netsim-…", "version": 1, …}`.
#[derive(Debug, Serialize)]
struct Document<'a, T: Serialize> {
    format: &'a str,
    version: u32,
    #[serde(flatten)]
    content: &'a T,
}

/// The content as a document of this format, indented, with a line end.
pub fn document<T: Serialize>(format: &str, version: u32, content: &T) -> String {
    let document = Document { format, version, content };
    let text = serde_json::to_string_pretty(&document).expect("our documents have text keys only");
    text + "\n"
}
