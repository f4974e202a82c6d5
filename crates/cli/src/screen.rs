//! The terminal: colours, width, and the one place that prints.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use crate::args::{ColorWhen, Global};

/// What comes to be.
pub const ADD: Style = AnsiColor::Green.on_default();
/// What changes in place.
pub const CHANGE: Style = AnsiColor::Yellow.on_default();
/// What goes.
pub const DELETE: Style = AnsiColor::Red.on_default();
/// What goes and comes again.
pub const REPLACE: Style = AnsiColor::Magenta.on_default();
/// What went wrong.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// What went well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What may be wrong, and what to do.
pub const HINT: Style = AnsiColor::Cyan.on_default();
/// What one looks for.
pub const STRONG: Style = Style::new().bold();
/// What one may pass over.
pub const DIM: Style = Style::new().dimmed();

/// Whether standard output did not take something; its content is the process's, as the stream is.
static LOST: AtomicBool = AtomicBool::new(false);

/// The text in a style. Styles are always written here; the screen takes them out where colours are not wanted.
pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Standard output and standard error, and how to write on them.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    out: ColorChoice,
    err: ColorChoice,
    /// Columns: those of the terminal, 80 where there is none.
    pub width: usize,
    quiet: bool,
}

impl Screen {
    /// The screen as the command line and the environment want it.
    pub fn new(global: &Global) -> Self {
        let choose = |auto: ColorChoice| match global.color {
            ColorWhen::Auto => auto,
            ColorWhen::Always => ColorChoice::Always,
            ColorWhen::Never => ColorChoice::Never,
        };
        Screen {
            out: choose(AutoStream::choice(&io::stdout())),
            err: choose(AutoStream::choice(&io::stderr())),
            width: columns(),
            quiet: global.quiet,
        }
    }

    /// A screen without colours, for what runs before the command line is read.
    pub fn plain() -> Self {
        Screen { out: ColorChoice::Never, err: ColorChoice::Never, width: 80, quiet: false }
    }

    /// Prints what was asked for on standard output.
    pub fn answer(&self, text: &str) {
        let written = write(AutoStream::new(io::stdout().lock(), self.out), text);
        // A reader that has gone away (`netsim plan … | head`) is no error.
        if written.is_err_and(|e| e.kind() != io::ErrorKind::BrokenPipe) {
            LOST.store(true, Ordering::Relaxed);
        }
    }

    /// Prints on standard output what is good to know beside it; nothing when quiet.
    pub fn tell(&self, text: &str) {
        if !self.quiet {
            self.answer(text);
        }
    }

    /// Prints on standard error.
    pub fn warn(&self, text: &str) {
        // Nobody is left to tell that it fails.
        let _ = write(AutoStream::new(io::stderr().lock(), self.err), text);
    }

    /// Prints on standard error what stops nothing; nothing when quiet.
    pub fn caution(&self, text: &str) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// Whether some of what was asked for could not be written, as to a full disk.
    pub fn lost() -> bool {
        LOST.load(Ordering::Relaxed)
    }

    /// Whether standard error takes colours.
    pub fn err_has_colors(&self) -> bool {
        self.err != ColorChoice::Never
    }

    /// Whether something that moves may be drawn on standard error.
    pub fn moves(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }
}

fn write(mut stream: impl Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes()).and_then(|()| stream.flush())
}

fn columns() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    asked.or_else(terminal).map_or(80, |c| c.clamp(40, 160))
}
