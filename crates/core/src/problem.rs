//! A problem of the user's file: what is wrong, where, and what to do about it.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// The stable code of a kind of problem, written `E012`, or `W200` for a warning (200 to 299); `docs/errors.md` lists them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub u16);

impl Code {
    /// Whether it is that of a warning, which stops nothing.
    pub fn is_warning(self) -> bool {
        (200..300).contains(&self.0)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:03}", if self.is_warning() { 'W' } else { 'E' }, self.0)
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// One step on the way from the root of a YAML document to a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Step {
    /// A key of a mapping.
    Key(Arc<str>),
    /// A position in a sequence, from 0.
    Index(usize),
}

/// A place in the source files, by path; `Sources` turns it into a line and a column.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Default)]
pub struct Place {
    /// Which source, by its index in `Sources`.
    pub source: usize,
    /// From the root of that document.
    pub path: Arc<[Step]>,
    /// Exactly where, where the path does not say it: first byte and number of bytes of a key that stands there twice, or of a syntax error.
    #[serde(skip)]
    pub span: Option<(usize, usize)>,
    /// Whether the last key of the path is meant itself, and not what it has for a value.
    #[serde(skip)]
    pub is_name: bool,
}

impl Place {
    /// The place one key below.
    pub fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.into()))
    }

    /// The place of one element below.
    pub fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    /// The key itself that leads here.
    #[must_use]
    pub fn name(self) -> Self {
        Place { is_name: true, ..self }
    }

    fn step(&self, step: Step) -> Self {
        let path = self.path.iter().cloned().chain([step]).collect();
        Place { source: self.source, path, ..Place::default() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.path.iter().enumerate() {
            match step {
                Step::Key(k) if i == 0 => write!(f, "{k}")?,
                Step::Key(k) => write!(f, ".{k}")?,
                Step::Index(n) => write!(f, "[{n}]")?,
            }
        }
        Ok(())
    }
}

/// Something that is wrong in what the user wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// Its stable code.
    pub code: Code,
    /// Where it is, if it is at one place.
    pub at: Option<Place>,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do, starting with a verb.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem at a place.
    pub fn at(code: Code, at: &Place, message: impl Into<String>) -> Self {
        Problem { code, at: Some(at.clone()), message: message.into(), hint: None }
    }

    /// A problem of the whole.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Problem { code, at: None, message: message.into(), hint: None }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
