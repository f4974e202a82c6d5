//! The commands, a file each.

use std::process::ExitCode;

use crate::args::{Args, Command, ImportArgs};
use crate::error::Failure;
use crate::screen::Screen;

mod agent;
mod apply;
mod check;
mod completions;
mod destroy;
mod exec;
mod graph;
mod impair;
mod import;
mod link;
mod list;
mod plan;
mod schema;
mod shell;
mod show;
mod status;
mod validate;

pub use apply::stopped;

/// How a command that did what it was asked for ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing to do, or done.
    Ok,
    /// It was asked to find something out, and the answer is no.
    No,
    /// There is something to do.
    Changes,
    /// As the program ended that was run.
    Program(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Ok => ExitCode::SUCCESS,
            Exit::No => ExitCode::from(1),
            Exit::Changes => ExitCode::from(2),
            Exit::Program(status) => ExitCode::from(status),
        }
    }
}

/// Runs a command.
pub fn run(args: &Args, screen: &Screen) -> Result<Exit, Failure> {
    let global = &args.global;
    match &args.command {
        Command::Validate(args) => validate::run(args, screen),
        Command::Plan(args) => plan::run(args, global, screen),
        Command::Apply(args) => apply::run(args, global, screen),
        Command::Destroy(args) => destroy::run(args, global, screen),
        Command::Status(args) => status::run(args, global, screen),
        Command::List(args) => list::run(args, global, screen),
        Command::Show(args) => show::run(args, global, screen),
        Command::Exec(args) => exec::run(args, global, screen),
        Command::Shell(args) => shell::run(args, global, screen),
        Command::Check(args) => check::run(args, global, screen),
        Command::Graph(args) => graph::run(args, global, screen),
        Command::Impair(args) => impair::run(args, global, screen),
        Command::Link(args) => link::run(args, global, screen),
        Command::Import(ImportArgs::ClusterConfig { file, name, out }) => {
            import::cluster_config(file, name.as_deref(), out.as_deref(), screen)
        }
        Command::Import(ImportArgs::Graphml { file, name, out }) => {
            import::graphml(file, name.as_deref(), out.as_deref(), screen)
        }
        Command::Completions(args) => completions::run(args, screen),
        Command::Schema => schema::run(screen),
        Command::Agent(args) => agent::run(args, global),
    }
}
