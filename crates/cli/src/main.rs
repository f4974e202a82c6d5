//! netsim: virtual networks from YAML files.

use std::process::ExitCode;

mod args;
mod import;
mod planned;
mod render;
mod screen;

fn main() -> ExitCode {
    ExitCode::SUCCESS
}
