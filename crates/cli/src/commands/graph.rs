//! `graph`: a lab as a picture, in the language of another tool.

use netsim_core::given::{Given, GivenEnd, Prior};
use netsim_core::names::HostId;
use netsim_core::state::Scope;

use super::Exit;
use crate::args::{Global, GraphArgs, GraphFormat};
use crate::error::Failure;
use crate::file::{self, Loaded, Target};
use crate::lab;
use crate::render::dot::{self, End};
use crate::render::mermaid;
use crate::screen::Screen;

pub fn run(args: &GraphArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let (loaded, prior) = match Target::of(&args.lab)? {
        Target::File(file) => (file::load(&file, &args.vars)?, Prior::default()),
        Target::Lab(name) => lab::with(global, screen, Some(name.as_str()), &args.vars, |hosts, loaded| {
            let scope = Scope::lab(&loaded.topology.name);
            let prior = Prior::from_state(&hosts.host(&HostId::local())?.observe(&scope)?.ours);
            Ok((loaded, prior))
        })?,
    };
    let ends = args.addresses.then(|| ends(&loaded, &prior)).transpose()?;
    screen.answer(&match args.format {
        GraphFormat::Mermaid => mermaid::flowchart(&loaded.topology, ends.as_deref()),
        GraphFormat::Dot => dot::graph(&loaded.topology, ends.as_deref()),
    });
    Ok(Exit::Ok)
}

fn ends(loaded: &Loaded, prior: &Prior) -> Result<Vec<[End; 2]>, Failure> {
    let given: Given =
        netsim_core::given::give(&loaded.topology, prior).map_err(|p| Failure::problems(&loaded.sources, p))?;
    let end = |e: &GivenEnd| End {
        interface: e.interface.clone(),
        addresses: e.addresses.iter().map(ToString::to_string).collect(),
    };
    Ok(given.ends.iter().map(|pair| pair.each_ref().map(end)).collect())
}
