//! `import`: another tool's file as a topology.

use std::path::Path;

use super::Exit;
use crate::error::{Failure, codes};
use crate::file;
use crate::import::graphml::{GraphmlError, read};
use crate::import::yaml::topology;
use crate::import::{Imported, named};
use crate::render::text::count;
use crate::screen::{CHANGE, Screen, paint};

pub fn graphml(file: &str, name: Option<&str>, out: Option<&Path>, screen: &Screen) -> Result<Exit, Failure> {
    let shown = if file == "-" { "standard input" } else { file };
    let text = file::read(file).map_err(|why| Failure::new(codes::FILE, format!("read {shown}: {why}")))?;
    let stem = Path::new(file).file_stem().map_or("imported", |s| s.to_str().unwrap_or("imported"));
    let imported = read(&text, stem).map_err(|e| unreadable(shown, &e))?;
    let imported = match name {
        Some(name) => Imported { name: named(name), ..imported },
        None => imported,
    };
    let from = Path::new(file).file_name().map_or(shown.into(), |n| n.to_string_lossy());
    let yaml = topology(&imported, &from);
    for warning in &imported.warnings {
        screen.warn(&format!("{} {warning}\n", paint(CHANGE, "warning:")));
    }
    match out {
        None => screen.answer(&yaml),
        Some(path) => {
            std::fs::write(path, yaml).map_err(|e| Failure::file("write", path, &e))?;
            let (nodes, links) = (count(imported.nodes.len(), "node"), count(imported.links.len(), "link"));
            screen.tell(&format!("{}: lab {}, {nodes}, {links}\n", path.display(), imported.name));
        }
    }
    Ok(Exit::Ok)
}

fn unreadable(file: &str, error: &GraphmlError) -> Failure {
    let hint = "give a GraphML file, such as those of the Internet Topology Zoo";
    match error {
        GraphmlError::Xml(why) => Failure::hinted(codes::IMPORT, format!("{file} is no XML: {why}"), hint),
        GraphmlError::NoGraph => Failure::hinted(codes::IMPORT, format!("{file} has no <graph>"), hint),
        GraphmlError::UnknownNode { line, id } => Failure::new(
            codes::IMPORT,
            format!("{file}:{line}: an edge names node `{id}`, which the file does not have"),
        ),
    }
}
