//! What went wrong, for people: all problems at once, each with its place, and what to do.

use std::fmt::Write as _;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use netsim_core::names::LabName;
use netsim_core::plan::Refusal;
use netsim_core::problem::{Code, Problem};
use netsim_core::spec::Sources;
use netsim_host::backend::HostError;

use crate::render::text::count;
use crate::screen::{ERROR, HINT, Screen, paint};

/// The codes of what is wrong with a command; `docs/errors.md` lists them all.
pub mod codes {
    /// No such lab runs, or it does not say which.
    pub const LAB: u16 = 130;
    /// The lab has no such node or link, or it does not say of which lab.
    pub const NODE: u16 = 131;
    /// A plan file cannot be read, or another netsim wrote it.
    pub const PLAN_FILE: u16 = 132;
    /// The machine has changed since the plan was made.
    pub const CHANGED_SINCE: u16 = 133;
    /// The kernel in memory cannot do that, or its file cannot be used.
    pub const SIMULATED: u16 = 134;
    /// A file of another tool cannot be read.
    pub const IMPORT: u16 = 135;
    /// A file cannot be read or written.
    pub const FILE: u16 = 136;
    /// Everything was done, and still something differs.
    pub const NOT_WHOLE: u16 = 137;
    /// It was stopped half way.
    pub const INTERRUPTED: u16 = 138;
    /// Two files that should be of one lab are not.
    pub const OTHER_LAB: u16 = 139;
}

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub enum Failure {
    /// What the user wrote has problems.
    Problems { sources: Box<Sources>, problems: Vec<Problem> },
    /// The planner will not take what is not the lab's.
    Refused { lab: LabName, refusals: Vec<Refusal> },
    /// The machine said no.
    Host(Box<HostError>),
    /// Anything else.
    Other { code: u16, message: String, hint: Option<String> },
    /// A failure, and what became of the lab.
    Aftermath { cause: Box<Failure>, then: String },
}

impl Failure {
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Failure::Other { code, message: message.into(), hint: None }
    }

    pub fn hinted(code: u16, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Failure::Other { code, message: message.into(), hint: Some(hint.into()) }
    }

    /// A file operation that did not work.
    pub fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Failure::new(codes::FILE, format!("{doing} {}: {}", path.display(), io_words(error)))
    }

    pub fn problems(sources: &Sources, problems: Vec<Problem>) -> Self {
        Failure::Problems { sources: Box::new(sources.clone()), problems }
    }

    /// The failure as text, with its styles.
    pub fn report(&self, screen: &Screen) -> String {
        match self {
            Failure::Problems { sources, problems } => report_problems(sources, problems, screen),
            Failure::Refused { lab, refusals } => report_refusals(lab, refusals),
            Failure::Host(e) => error(e.code, &format!("{}: {}", e.doing, e.message), e.hint.as_deref()),
            Failure::Other { code, message, hint } => error(*code, message, hint.as_deref()),
            Failure::Aftermath { cause, then } => format!("{}{then}", cause.report(screen)),
        }
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        Failure::Host(Box::new(error))
    }
}

/// What the system says of a file, in lower case and without its number.
pub fn io_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

/// `error[E070]: …` and its hint.
fn error(code: u16, message: &str, hint: Option<&str>) -> String {
    let mut out = format!("{} {message}\n", paint(ERROR, &format!("error[{}]:", Code(code))));
    if let Some(hint) = hint {
        writeln!(out, "{} {hint}", paint(HINT, "hint:")).expect("a String takes all");
    }
    out
}

fn report_refusals(lab: &LabName, refusals: &[Refusal]) -> String {
    let mut out = String::new();
    for refusal in refusals {
        out.push_str(&error(refusal.code, &refusal.message, refusal.hint.as_deref()));
    }
    let n = count(refusals.len(), "refusal");
    writeln!(out, "lab {lab}: {n}, nothing was changed").expect("a String takes all");
    out
}

fn report_problems(sources: &Sources, problems: &[Problem], screen: &Screen) -> String {
    let theme = match screen.err_has_colors() {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(screen.width).with_links(false);
    let mut out = String::new();
    for problem in problems {
        handler.render_report(&mut out, &Told::of(sources, problem)).expect("a String takes all");
    }
    let file = sources.files.first().map_or(String::new(), |f| format!(" in {}", f.name));
    writeln!(out, "{} {}{file}", paint(ERROR, "error:"), count(problems.len(), "problem")).expect("a String takes all");
    out
}

/// A problem as miette shows it.
#[derive(Debug)]
struct Told<'a> {
    problem: &'a Problem,
    source: Option<NamedSource<String>>,
    label: Option<LabeledSpan>,
}

impl<'a> Told<'a> {
    fn of(sources: &Sources, problem: &'a Problem) -> Self {
        let spot = problem.at.as_ref().and_then(|at| sources.locate(at));
        let file = spot.and_then(|s| sources.files.get(s.source));
        Told {
            problem,
            source: file.map(|f| NamedSource::new(&f.name, f.text.clone())),
            label: spot.map(|s| LabeledSpan::new(None, s.offset, s.len)),
        }
    }
}

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for Told<'_> {}

impl Diagnostic for Told<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(self.problem.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.problem.hint.as_ref().map(|h| Box::new(h) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|s| s as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.label.clone().map(|l| Box::new(std::iter::once(l)) as Box<dyn Iterator<Item = LabeledSpan>>)
    }
}
