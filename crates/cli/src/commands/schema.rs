//! `schema`: the JSON Schema of topology files.

use super::Exit;
use crate::error::Failure;
use crate::screen::Screen;

pub fn run(screen: &Screen) -> Result<Exit, Failure> {
    let schema = serde_json::to_string_pretty(&netsim_core::spec::schema()).expect("a JSON value is JSON");
    screen.answer(&(schema + "\n"));
    Ok(Exit::Ok)
}
