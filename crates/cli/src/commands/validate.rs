//! `validate`: everything that is wrong with a file.

use netsim_core::given::Prior;
use netsim_core::problem::Problem;
use netsim_core::spec::Sources;
use netsim_core::state::Facts;
use serde::Serialize;

use super::Exit;
use crate::args::{Format, ValidateArgs};
use crate::error::Failure;
use crate::file;
use crate::lab;
use crate::render::json;
use crate::render::text::count;
use crate::screen::Screen;

pub fn run(args: &ValidateArgs, screen: &Screen) -> Result<Exit, Failure> {
    match (validated(args), args.format) {
        (Ok(said), Format::Text) => {
            screen.tell(&said);
            Ok(Exit::Ok)
        }
        (Ok(_), Format::Json) => {
            screen.answer(&document(&[], &Sources::default()));
            Ok(Exit::Ok)
        }
        (Err(Failure::Problems { sources, problems }), Format::Json) => {
            screen.answer(&document(&problems, &sources));
            Ok(Exit::No)
        }
        (Err(failure), _) => Err(failure),
    }
}

/// The file as far as it can be worked out with no machine.
fn validated(args: &ValidateArgs) -> Result<String, Failure> {
    let loaded = file::load(&args.file, &args.vars)?;
    let wanted = lab::wanted(&loaded.topology, &Prior::default(), &Facts::default());
    wanted.map_err(|p| Failure::problems(&loaded.sources, p))?;
    let graph = &loaded.topology.graph;
    let nodes = graph.node_weights().filter(|n| n.switch().is_none_or(|s| !s.implied)).count();
    let (nodes, links) = (count(nodes, "node"), count(graph.edge_count(), "link"));
    Ok(format!("{}: lab {}, {nodes}, {links}, no problems\n", args.file, loaded.topology.name))
}

#[derive(Serialize)]
struct Document<'a> {
    valid: bool,
    problems: Vec<Told<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    problem: &'a Problem,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
}

fn document(problems: &[Problem], sources: &Sources) -> String {
    let told = |p| told(p, sources);
    let content = Document { valid: problems.is_empty(), problems: problems.iter().map(told).collect() };
    json::document("netsim-problems", 1, &content)
}

fn told<'a>(problem: &'a Problem, sources: &'a Sources) -> Told<'a> {
    let spot = problem.at.as_ref().and_then(|at| sources.locate(at));
    let file = spot.and_then(|s| sources.files.get(s.source)).map(|f| f.name.as_str());
    Told { problem, file, line: spot.map(|s| s.line), column: spot.map(|s| s.column) }
}
