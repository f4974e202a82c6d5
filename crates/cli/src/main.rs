//! netsim: virtual networks from YAML files.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use netsim_host::rootless::{KEEPER_ARGUMENT, keep};

mod args;
mod commands;
mod error;
mod file;
mod hosts;
mod import;
mod interface;
mod lab;
mod node;
mod planfile;
mod planned;
mod refused;
mod render;
mod screen;
mod stores;

use args::Args;
use error::Failure;
use screen::Screen;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|a| a == KEEPER_ARGUMENT) {
        let failure = Failure::from(keep(arguments));
        let screen = Screen::plain();
        screen.warn(&failure.report(&screen));
        return ExitCode::FAILURE;
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    let screen = Screen::new(&args.global);
    let done = commands::run(&args, &screen).and_then(|exit| match Screen::lost() {
        true => Err(Failure::new(error::codes::FILE, "write the answer to standard output: not all of it was taken")),
        false => Ok(exit),
    });
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            screen.warn(&failure.report(&screen));
            ExitCode::FAILURE
        }
    }
}

/// Help and version are no errors; clap's own exit code for what is one, 2, means changes here.
fn usage(error: &clap::Error) -> ExitCode {
    // A standard stream that fails leaves nobody to tell.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
