//! `import`: another tool's file as a topology.

use std::path::Path;

use super::Exit;
use crate::error::{Failure, codes};
use crate::file;
use crate::import::cluster_config::{self, ClusterError};
use crate::import::graphml::{GraphmlError, read};
use crate::import::yaml::topology;
use crate::import::{Imported, named};
use crate::render::text::count;
use crate::screen::{CHANGE, Screen, paint};

/// A file, and what it is called.
struct Given<'a> {
    shown: &'a str,
    text: String,
    /// Its name without the ending.
    stem: &'a str,
    /// Its name without folders.
    from: String,
}

impl<'a> Given<'a> {
    fn read(file: &'a str) -> Result<Self, Failure> {
        let shown = if file == "-" { "standard input" } else { file };
        let text = file::read(file).map_err(|why| Failure::new(codes::FILE, format!("read {shown}: {why}")))?;
        let stem = Path::new(file).file_stem().and_then(|s| s.to_str()).filter(|_| file != "-").unwrap_or("imported");
        let from = Path::new(file).file_name().map_or(shown.into(), |n| n.to_string_lossy().into_owned());
        Ok(Given { shown, text, stem, from })
    }
}

pub fn cluster_config(file: &str, name: Option<&str>, out: Option<&Path>, screen: &Screen) -> Result<Exit, Failure> {
    let given = Given::read(file)?;
    let cluster = cluster_config::read(&given.text).map_err(|e| no_cluster(given.shown, &e))?;
    let name = match (name, &cluster.name) {
        (Some(name), _) => named(name),
        (None, Some(name)) => name.clone(),
        (None, None) => named(given.stem),
    };
    let yaml = cluster_config::topology(&cluster, &name, &given.from);
    warn(&cluster.warnings, screen);
    written(&yaml, out, &name, [cluster.nodes.len() + 1, cluster.nodes.len()], screen)
}

fn warn(warnings: &[String], screen: &Screen) {
    for warning in warnings {
        screen.warn(&format!("{} {warning}\n", paint(CHANGE, "warning:")));
    }
}

/// Prints the topology, or writes it and says how large it is.
fn written(yaml: &str, out: Option<&Path>, lab: &str, size: [usize; 2], screen: &Screen) -> Result<Exit, Failure> {
    match out {
        None => screen.answer(yaml),
        Some(path) => {
            std::fs::write(path, yaml).map_err(|e| Failure::file("write", path, &e))?;
            let (nodes, links) = (count(size[0], "node"), count(size[1], "link"));
            screen.tell(&format!("{}: lab {lab}, {nodes}, {links}\n", path.display()));
        }
    }
    Ok(Exit::Ok)
}

fn no_cluster(file: &str, error: &ClusterError) -> Failure {
    let message = match error {
        ClusterError::Json(why) => format!("{file} is no JSON: {why}"),
        ClusterError::NoNodes => format!("{file} has no nodes"),
    };
    Failure::hinted(
        codes::IMPORT,
        message,
        "give a file such as {\"nodes\": [{\"name\": \"node1\", \"ip\": \"10.0.1.1/24\"}], \"delay\": \"10ms\"}",
    )
}

pub fn graphml(file: &str, name: Option<&str>, out: Option<&Path>, screen: &Screen) -> Result<Exit, Failure> {
    let given = Given::read(file)?;
    let Given { shown, text, stem, from } = &given;
    let imported = read(text, stem).map_err(|e| unreadable(shown, &e))?;
    let imported = match name {
        Some(name) => Imported { name: named(name), ..imported },
        None => imported,
    };
    warn(&imported.warnings, screen);
    written(&topology(&imported, from), out, &imported.name, [imported.nodes.len(), imported.links.len()], screen)
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
