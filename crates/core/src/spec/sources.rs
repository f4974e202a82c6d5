//! The files of a topology: reading them with what they include, and finding a place in them again.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::head::{Head, head};
use super::text::line_and_column;
use super::variables::{self, expand};
use super::{Spec, codes, find, named, places, read};
use crate::problem::{Place, Problem};
use crate::topology::{self, Topology};

/// Deeper than any includes are nested.
const DEEPEST: usize = 32;

/// The texts that a topology was read from, and what was put into them. It is all that is needed to read it again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// The files, the first the one that was asked for; those that are only named in others come last.
    pub files: Vec<Source>,
    /// The caller's variables that the files use, and no others.
    pub vars: IndexMap<String, String>,
    /// The variables that the files set, with their values.
    values: IndexMap<String, String>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its path as it was asked for.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// Which of the files.
    pub source: usize,
    /// Its first byte, from 0.
    pub offset: usize,
    /// How many bytes.
    pub len: usize,
    /// Its line, from 1.
    pub line: usize,
    /// Its column, from 1, in characters.
    pub column: usize,
}

/// Reads the file `root` and all that it includes, and checks it. `read` gives the text of a file, or says why it cannot; `vars` are the
/// caller's variables, which win over those in the files.
pub fn load(
    root: &str,
    read: &mut dyn FnMut(&str) -> Result<String, String>,
    vars: &IndexMap<String, String>,
) -> (Sources, Result<Topology, Vec<Problem>>) {
    let mut loading =
        Loading { read, vars, sources: Sources::default(), heads: Vec::new(), order: Vec::new(), problems: Vec::new() };
    loading.visit(root, None, &mut Vec::new());
    loading.set_variables();
    let result = loading.specs();
    (loading.sources, result)
}

struct Loading<'a> {
    read: &'a mut dyn FnMut(&str) -> Result<String, String>,
    vars: &'a IndexMap<String, String>,
    sources: Sources,
    heads: Vec<Head>,
    /// The files in the order in which they are merged: an included one before the one that includes it.
    order: Vec<usize>,
    problems: Vec<Problem>,
}

impl Loading<'_> {
    fn visit(&mut self, name: &str, from: Option<&Place>, within: &mut Vec<String>) {
        let tell = |code, message: String| match from {
            Some(place) => Problem::at(code, place, message),
            None => Problem::new(code, message),
        };
        let identity = plain_path(name);
        if within.contains(&identity) {
            let circle = tell(codes::INCLUDE, format!("`{name}` includes itself"));
            return self.problems.push(circle.hint("take one `include:` out of the circle"));
        }
        if self.sources.files.iter().any(|f| plain_path(&f.name) == identity) {
            let twice = tell(codes::INCLUDE, format!("`{name}` is included twice"));
            return self.problems.push(twice.hint("include it once, in the file that needs it first"));
        }
        if within.len() >= DEEPEST {
            return self.problems.push(tell(codes::INCLUDE, format!("`{name}` is included too deeply")));
        }
        let text = match (self.read)(name) {
            Ok(text) => without_mark(text),
            Err(why) => return self.problems.push(tell(codes::UNREADABLE, format!("cannot read `{name}`: {why}"))),
        };
        let source = self.sources.files.len();
        let head = head(source, &text);
        let include = head.include.clone();
        self.sources.files.push(Source { name: name.to_owned(), text });
        self.heads.push(head);
        within.push(identity);
        for (path, place) in &include {
            match self.expand_by_caller(path) {
                Ok(path) => self.visit(&beside(name, &path), Some(place), within),
                Err(why) => {
                    let problem = Problem::at(codes::VARIABLE, place, why.to_string());
                    self.problems.push(problem.hint("give it with the command; paths are read before `vars:`"));
                }
            }
        }
        within.pop();
        self.order.push(source);
    }

    fn expand_by_caller(&mut self, text: &str) -> Result<String, variables::VariableError> {
        let used = &mut self.sources.vars;
        let text = expand(text, &mut |name| look_up(name, self.vars, &IndexMap::new(), used));
        text.map(std::borrow::Cow::into_owned)
    }

    /// Sets every variable of the files: one that is written later may use those before it, and a file's wins over those of the files it includes.
    fn set_variables(&mut self) {
        let mut written: IndexMap<String, (String, Place)> = IndexMap::new();
        for &source in &self.order {
            for (name, value, place) in std::mem::take(&mut self.heads[source].vars) {
                if !variables::is_name(&name) {
                    let problem = Problem::at(codes::VARIABLE, &place, format!("`{name}` cannot name a variable"));
                    self.problems.push(problem.hint("write letters, digits and `_`, a letter or `_` first"));
                }
                written.insert(name, (value, place));
            }
        }
        for (name, (text, _)) in written {
            let Sources { vars: used, values, .. } = &mut self.sources;
            let text = expand(&text, &mut |n| look_up(n, self.vars, values, used));
            // What cannot be expanded is told, with its place, by the pass over the text.
            if let Ok(text) = text.map(std::borrow::Cow::into_owned) {
                self.sources.values.insert(name, text);
            }
        }
    }

    fn specs(&mut self) -> Result<Topology, Vec<Problem>> {
        let mut specs = Vec::with_capacity(self.order.len());
        let mut readable = !self.sources.files.is_empty();
        for source in self.order.clone() {
            let Sources { files, vars: used, values } = &mut self.sources;
            let text = &files[source].text;
            let scanned = places::scan(source, text, &mut |name| look_up(name, self.vars, values, used));
            let clean = scanned.problems.is_empty();
            let told = self.problems.len();
            for problem in scanned.problems {
                if !self.problems[..told].iter().any(|p| alike(p, &problem)) {
                    self.problems.push(problem);
                }
            }
            if !scanned.readable {
                readable = false;
                continue;
            }
            match read(source, scanned.text.as_deref().unwrap_or(text)) {
                Ok(mut spec) => {
                    self.read_named(&mut spec);
                    specs.push(spec);
                }
                Err(problem) => {
                    readable = false;
                    // After other problems it may be no more than their echo.
                    if clean {
                        self.problems.push(problem);
                    }
                }
            }
        }
        if !readable {
            return Err(std::mem::take(&mut self.problems));
        }
        let checked = topology::check(&specs);
        if self.problems.is_empty() {
            return checked;
        }
        let mut problems = std::mem::take(&mut self.problems);
        let told: Vec<Place> = problems.iter().filter_map(|p| p.at.clone()).collect();
        problems.extend(checked.err().into_iter().flatten().filter(|p| !echoes(p, &told)));
        Err(problems)
    }
}

impl Loading<'_> {
    /// Reads the files that a spec names beside those that it includes.
    fn read_named(&mut self, spec: &mut Spec) {
        for (text, place, own) in named::flows(spec) {
            let each = if own { topology::each_of(&text) } else { vec![text] };
            for written in each {
                if spec.texts.contains_key(&written) {
                    continue;
                }
                let name = beside(&self.sources.files[spec.source].name, &written);
                match self.text_of(&name) {
                    Ok(text) => {
                        spec.texts.insert(written, text);
                    }
                    Err(why) => {
                        let message = format!("cannot read `{name}`: {why}");
                        self.problems.push(Problem::at(codes::UNREADABLE, &place, message));
                        break;
                    }
                }
            }
        }
    }

    /// The text of a file, which is kept; it may be there.
    fn text_of(&mut self, name: &str) -> Result<String, String> {
        if let Some(known) = self.sources.files.iter().find(|file| file.name == name) {
            return Ok(known.text.clone());
        }
        let text = (self.read)(name)?;
        self.sources.files.push(Source { name: name.to_owned(), text: text.clone() });
        Ok(text)
    }
}

/// The value of a variable: the caller's, and then it is noted as used, or a file's.
fn look_up(
    name: &str,
    caller: &IndexMap<String, String>,
    values: &IndexMap<String, String>,
    used: &mut IndexMap<String, String>,
) -> Option<String> {
    match caller.get(name) {
        Some(value) => {
            used.insert(name.to_owned(), value.clone());
            Some(value.clone())
        }
        None => values.get(name).cloned(),
    }
}

/// Whether two problems are of one kind and at one place.
fn alike(a: &Problem, b: &Problem) -> bool {
    let place = |p: &Problem| p.at.as_ref().map(|at| (at.source, at.path.clone()));
    a.code == b.code && place(a) == place(b)
}

/// Whether a problem may be no more than what follows from another one that is told: it is at that place, in it, or of the mapping around it.
fn echoes(problem: &Problem, told: &[Place]) -> bool {
    let Some(at) = &problem.at else { return false };
    told.iter().any(|t| {
        let around = &t.path[..t.path.len().saturating_sub(1)];
        t.source == at.source && (at.path.starts_with(&t.path) || *at.path == *around)
    })
}

impl Sources {
    /// Where a place is in its text. A path that ends early, in a value that is one text for instance, gives the last place on its way.
    pub fn locate(&self, place: &Place) -> Option<Spot> {
        let text = &self.files.get(place.source)?.text;
        let (offset, len) = match place.span {
            Some(span) => span,
            None => find::find(text, place, &mut |name| self.vars.get(name).or_else(|| self.values.get(name)).cloned()),
        };
        let (line, column) = line_and_column(text, offset);
        Some(Spot { source: place.source, offset, len, line, column })
    }

    /// Reads and checks the stored texts again, for an operation that comes later.
    pub fn reload(&self) -> Result<Topology, Vec<Problem>> {
        let Some(root) = self.files.first() else {
            return Err(vec![Problem::new(codes::UNREADABLE, "there is no stored file")]);
        };
        let mut read = |name: &str| {
            let file = self.files.iter().find(|f| f.name == name);
            file.map(|f| f.text.clone()).ok_or_else(|| "it was not stored".to_owned())
        };
        load(&root.name, &mut read, &self.vars).1
    }
}

/// A path as written in a file, from where that file's path starts.
fn beside(file: &str, path: &str) -> String {
    match file.rsplit_once('/') {
        Some((folder, _)) if !path.starts_with('/') => format!("{folder}/{path}"),
        _ => path.to_owned(),
    }
}

/// A path without its detours, to tell whether two are one.
fn plain_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|p| *p != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("{}{}", if path.starts_with('/') { "/" } else { "" }, parts.join("/"))
}

/// A text without the byte order mark that some editors put before it.
fn without_mark(mut text: String) -> String {
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    text
}
