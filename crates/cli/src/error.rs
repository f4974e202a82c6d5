//! What went wrong, for people: all problems at once, each with its place, and what to do.

use std::fmt::Write as _;

use indexmap::IndexMap;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use netsim_core::lint::lint;
use netsim_core::names::{HostId, LabName};
use netsim_core::plan::Refusal;
use netsim_core::problem::{Code, Problem};
use netsim_core::spec::Sources;
use netsim_core::topology::Topology;
use netsim_host::backend::HostError;

use crate::render::text::count;
use crate::screen::{CHANGE, ERROR, HINT, Screen, paint};

/// The codes of what is wrong with a command; `docs/errors.md` lists them all.
pub mod codes {
    /// A rootless lab has a switch of Open vSwitch.
    pub const OUT_OF_REACH: u16 = 125;
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
    /// This machine's part of a lab with other hosts, or the way to them, takes other rights.
    pub const FAR_ROOTLESS: u16 = 165;
    /// Two hosts of a lab are one machine.
    pub const ONE_MACHINE: u16 = 166;
    /// An impairment that means nothing, or cannot be.
    pub const IMPAIR: u16 = 170;
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
    /// Several things, and what that means for all.
    Several { failures: Vec<Failure>, then: String },
    /// Anything else.
    Other { code: u16, message: String, hint: Option<String> },
    /// The failure itself has been told; what became of the lab is left to say.
    Aftermath(String),
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

    /// What of so many hosts cannot be worked on; the errors say by themselves of which host they are.
    pub fn hosts(down: &IndexMap<HostId, HostError>, of: usize) -> Self {
        Failure::of_hosts(down, of, "")
    }

    /// The same, of a command that would have changed something.
    pub fn hosts_untouched(down: &IndexMap<HostId, HostError>, of: usize) -> Self {
        Failure::of_hosts(down, of, ", nothing was changed")
    }

    /// The same, where it cannot be worked out what the others get without them, and why.
    pub fn hosts_unknown(down: &IndexMap<HostId, HostError>, of: usize, why: Failure) -> Self {
        let mut failures: Vec<Failure> = down.values().cloned().map(Failure::from).collect();
        failures.push(why);
        let (n, of) = (down.len(), count(of, "host"));
        let its = if n == 1 { "its address" } else { "their addresses" };
        let then = format!(
            "{n} of {of} cannot be worked on, and what the others get is not known without {its}: nothing was changed"
        );
        Failure::Several { failures, then }
    }

    fn of_hosts(down: &IndexMap<HostId, HostError>, of: usize, then: &str) -> Self {
        let failures = down.values().cloned().map(Failure::from).collect();
        Failure::Several {
            failures,
            then: format!("{} of {} cannot be worked on{then}", down.len(), count(of, "host")),
        }
    }

    /// The failure as text, with its styles.
    pub fn report(&self, screen: &Screen) -> String {
        match self {
            Failure::Problems { sources, problems } => report_problems(sources, problems, screen),
            Failure::Refused { lab, refusals } => report_refusals(lab, refusals),
            Failure::Host(e) => error(e.code, &format!("{}: {}", e.doing, e.message), e.hint.as_deref()),
            Failure::Other { code, message, hint } => error(*code, message, hint.as_deref()),
            Failure::Several { failures, then } => {
                let all: String = failures.iter().map(|failure| failure.report(screen)).collect();
                format!("{all}{then}\n")
            }
            Failure::Aftermath(then) => then.clone(),
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
    error_with(code, message, "", hint)
}

fn error_with(code: u16, message: &str, snippet: &str, hint: Option<&str>) -> String {
    let code = Code(code);
    let (style, word) = if code.is_warning() { (CHANGE, "warning") } else { (ERROR, "error") };
    let mut out = format!("{} {message}\n{snippet}", paint(style, &format!("{word}[{code}]:")));
    if let Some(hint) = hint {
        writeln!(out, "{} {hint}", paint(HINT, "hint:")).expect("a String takes all");
    }
    out
}

/// So many refusals are told one by one.
const TOLD: usize = 8;

fn report_refusals(lab: &LabName, refusals: &[Refusal]) -> String {
    let mut out = String::new();
    for refusal in refusals.iter().take(TOLD) {
        out.push_str(&error(refusal.code, &refusal.message, refusal.hint.as_deref()));
    }
    if refusals.len() > TOLD {
        writeln!(out, "… and {} more", refusals.len() - TOLD).expect("a String takes all");
    }
    let n = count(refusals.len(), "refusal");
    writeln!(out, "lab {lab}: {n}, nothing was changed").expect("a String takes all");
    out
}

fn report_problems(sources: &Sources, problems: &[Problem], screen: &Screen) -> String {
    let mut out = drawn(sources, problems, screen);
    if problems.len() > 1 {
        let file = sources.files.first().map_or(String::new(), |f| format!(" in {}", f.name));
        writeln!(out, "\n{}{file}", count(problems.len(), "problem")).expect("a String takes all");
    }
    out
}

/// What hardly anyone means, each with its place; empty where there is none.
pub fn warnings(sources: &Sources, topology: &Topology, screen: &Screen) -> String {
    drawn(sources, &lint(topology), screen)
}

/// Each problem with its place and what to do, an empty line between them.
fn drawn(sources: &Sources, problems: &[Problem], screen: &Screen) -> String {
    let theme = match screen.err_has_colors() {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(screen.width).with_links(false);
    let mut out = String::new();
    for problem in problems {
        let snippet = Snippet::of(sources, problem).map_or_else(String::new, |s| s.drawn(&handler));
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&error_with(problem.code.0, &problem.message, &snippet, problem.hint.as_deref()));
    }
    out
}

/// The lines around a place, as miette draws them.
#[derive(Debug)]
struct Snippet {
    source: NamedSource<String>,
    label: LabeledSpan,
}

impl Snippet {
    fn of(sources: &Sources, problem: &Problem) -> Option<Self> {
        let spot = sources.locate(problem.at.as_ref()?)?;
        let file = sources.files.get(spot.source)?;
        let source = NamedSource::new(&file.name, file.text.clone());
        Some(Snippet { source, label: LabeledSpan::new(None, spot.offset, spot.len) })
    }

    /// The drawing alone: what is wrong, and what to do, is said around it as for every other failure.
    fn drawn(&self, handler: &GraphicalReportHandler) -> String {
        let mut report = String::new();
        handler.render_report(&mut report, self).expect("a String takes all");
        let drawing = report.lines().skip_while(|line| !line.contains('╭'));
        drawing.flat_map(|line| [line, "\n"]).collect()
    }
}

impl std::fmt::Display for Snippet {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Snippet {}

impl Diagnostic for Snippet {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(self.label.clone())))
    }
}
