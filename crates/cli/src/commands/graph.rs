//! `graph`: a lab as a picture, in the language of another tool.

use netsim_core::given::{Given, GivenEnd, Prior, give};
use netsim_core::place::{Places, place};
use netsim_core::topology::{Node, Topology};

use super::Exit;
use crate::args::{Global, GraphArgs, GraphFormat};
use crate::error::Failure;
use crate::file::{self, Loaded, Target};
use crate::lab::{self, Look};
use crate::render::dot::{self, End};
use crate::render::mermaid;
use crate::screen::Screen;
use crate::stores::Stores;

/// With every node on a host; and where they are asked for, what stands at the ends of each link.
type Drawn = (Topology, Option<Vec<[End; 2]>>);

pub fn run(args: &GraphArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let (topology, ends) = match Target::of(&args.lab)? {
        Target::File(file) => written(&file::load(&file, &args.vars)?, &Places::default(), args.addresses)?,
        // What a running lab was given only its hosts know.
        Target::Lab(name) if args.addresses => {
            lab::with(global, screen, Some(name.as_str()), &args.vars, |hosts, loaded| {
                let surveyed = lab::survey(hosts, &loaded, Look::Only)?;
                let ends = ends(&surveyed.topology, &surveyed.given);
                Ok((surveyed.topology, Some(ends)))
            })?
        }
        Target::Lab(name) => {
            let (loaded, stored) = lab::applied(&Stores::of(global)?, &name, global, screen)?;
            written(&loaded, &stored.map(|applied| applied.places).unwrap_or_default(), false)?
        }
    };
    screen.answer(&match args.format {
        GraphFormat::Mermaid => mermaid::flowchart(&topology, ends.as_deref()),
        GraphFormat::Dot => dot::graph(&topology, ends.as_deref()),
    });
    Ok(Exit::Ok)
}

/// As the file says it, with no machine.
fn written(loaded: &Loaded, places: &Places, addresses: bool) -> Result<Drawn, Failure> {
    let problems = |p| Failure::problems(&loaded.sources, p);
    let topology = place(&loaded.topology, places).map_err(problems)?;
    if !addresses {
        return Ok((topology, None));
    }
    let given = give(&topology, &Prior::default()).map_err(problems)?;
    let ends = ends(&topology, &given);
    Ok((topology, Some(ends)))
}

/// What stands at the ends of each link; nothing where that is no node but what joins hosts.
fn ends(topology: &Topology, given: &Given) -> Vec<[End; 2]> {
    let end = |node: &Node, end: &GivenEnd| match node.overlay() {
        Some(_) => End { interface: String::new(), addresses: Vec::new() },
        None => {
            End { interface: end.interface.clone(), addresses: end.addresses.iter().map(ToString::to_string).collect() }
        }
    };
    let at = |edge, side: usize| end(topology.end_node(edge, side), &given.ends[edge.index()][side]);
    topology.graph.edge_indices().map(|edge| [at(edge, 0), at(edge, 1)]).collect()
}
