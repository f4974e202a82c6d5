//! docs/errors.md lists every code that the sources define, once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the repository").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The number in `const NAME: Code = Code(70);` or, in the host's crate from E090 on, `const NAME: u16 = 90;`.
fn code(line: &str) -> Option<u16> {
    let (left, right) = line.trim().split_once(" = ")?;
    let kind = left.strip_prefix("pub").unwrap_or(left).split_once("const ")?.1.split_once(": ")?.1;
    let number = match kind {
        "Code" => right.strip_prefix("Code(")?.strip_suffix(");")?,
        "u16" => right.strip_suffix(';')?,
        _ => return None,
    };
    number.parse().ok().filter(|code| kind == "Code" || (90..200).contains(code))
}

#[test]
fn every_code_of_the_sources_is_in_the_documentation_and_means_one_thing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for part in ["core", "host", "cli"] {
        sources(&root.join("crates").join(part).join("src"), &mut files);
    }
    let mut defined: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source file is UTF-8");
        for line in text.lines() {
            if let Some(code) = code(line) {
                let letter = if (200..300).contains(&code) { 'W' } else { 'E' };
                defined.entry(format!("{letter}{code:03}")).or_default().push(format!(
                    "{}: {}",
                    file.display(),
                    line.trim()
                ));
            }
        }
    }
    let listed = std::fs::read_to_string(root.join("docs/errors.md")).expect("it is there");
    let codes = listed.lines().filter_map(|l| l.strip_prefix("| ")?.split(' ').next());
    let listed: Vec<&str> = codes.filter(|c| c.starts_with(['E', 'W']) && c.len() == 4).collect();
    let twice: Vec<_> = defined.iter().filter(|(_, places)| places.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:#?}");
    assert!(defined.len() > 60, "only {} codes found", defined.len());
    assert_eq!(listed, defined.keys().map(String::as_str).collect::<Vec<_>>());
}
