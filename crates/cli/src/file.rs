//! Topology files: finding out that a file is meant, and loading it.

use std::io::Read;
use std::path::Path;

use indexmap::IndexMap;
use netsim_core::names::LabName;
use netsim_core::spec::{self, Sources};
use netsim_core::topology::Topology;

use crate::args::Vars;
use crate::error::{Failure, codes, io_words};

/// What stands where a lab is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    File(String),
    Lab(LabName),
}

impl Target {
    /// A path, a name with the ending of a file, and a file that is there mean the file; any other name a lab.
    pub fn of(text: &str) -> Result<Self, Failure> {
        let ending = Path::new(text).extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json");
        if text == "-" || text.contains('/') || ending || Path::new(text).is_file() {
            return Ok(Target::File(text.to_owned()));
        }
        let lab = LabName::new(text).map_err(|e| Failure::new(codes::LAB, format!("no lab is called so: {e}")))?;
        Ok(Target::Lab(lab))
    }
}

/// A checked topology and the texts that it was read from.
#[derive(Debug)]
pub struct Loaded {
    pub sources: Sources,
    pub topology: Topology,
}

/// Loads a file, or standard input for `-`. `--var` goes before the environment.
pub fn load(file: &str, vars: &Vars) -> Result<Loaded, Failure> {
    let mut values: IndexMap<String, String> =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
    values.extend(vars.vars.iter().cloned());
    let (sources, loaded) = spec::load(file, &mut read, &values);
    match loaded {
        Ok(topology) => Ok(Loaded { sources, topology }),
        Err(problems) => Err(Failure::problems(&sources, problems)),
    }
}

/// Reads again what was loaded before.
pub fn reload(sources: Sources) -> Result<Loaded, Failure> {
    match sources.reload() {
        Ok(topology) => Ok(Loaded { sources, topology }),
        Err(problems) => Err(Failure::problems(&sources, problems)),
    }
}

/// The text of a file, or of standard input for `-`.
pub fn read(name: &str) -> Result<String, String> {
    let bytes = match name {
        "-" => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
        }
        path => std::fs::read(path),
    };
    let bytes = bytes.map_err(|e| io_words(&e))?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn a_path_is_a_file_and_a_bare_name_a_lab() {
        let file = |text: &str| matches!(Target::of(text), Ok(Target::File(_)));
        assert!(["a.yaml", "./a", "dir/a", "-", "plan.json"].map(file).iter().all(|f| *f));
        assert!(!["cluster", "fat-tree", "v1.2"].map(file).iter().any(|f| *f));
        assert!(Target::of("no name").is_err());
    }
}
