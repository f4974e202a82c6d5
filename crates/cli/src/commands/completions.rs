//! `completions`: what a shell needs to complete netsim's command line.

use clap::CommandFactory;

use super::Exit;
use crate::args::{Args, CompletionsArgs};
use crate::error::Failure;
use crate::screen::Screen;

pub fn run(args: &CompletionsArgs, screen: &Screen) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "netsim", &mut script);
    screen.answer(&String::from_utf8(script).expect("clap writes UTF-8"));
    Ok(Exit::Ok)
}
