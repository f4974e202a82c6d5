//! `validate`: everything that is wrong with a file.

use netsim_core::given::Prior;
use netsim_core::lint::lint;
use netsim_core::place::Places;
use netsim_core::problem::Problem;
use netsim_core::spec::Sources;
use netsim_core::topology::{Kind, Node};
use serde::Serialize;

use super::Exit;
use crate::args::{Format, ValidateArgs};
use crate::error::{self, Failure};
use crate::file::{self, Loaded};
use crate::hosts::members;
use crate::lab;
use crate::render::json;
use crate::render::text::count;
use crate::screen::Screen;

pub fn run(args: &ValidateArgs, screen: &Screen) -> Result<Exit, Failure> {
    match (validated(args), args.format) {
        (Ok(loaded), Format::Text) => {
            screen.caution(&error::warnings(&loaded.sources, &loaded.topology, screen));
            screen.tell(&told(args, &loaded));
            Ok(Exit::Ok)
        }
        (Ok(loaded), Format::Json) => {
            screen.answer(&document(&[], &lint(&loaded.topology), &loaded.sources));
            Ok(Exit::Ok)
        }
        (Err(Failure::Problems { sources, problems }), Format::Json) => {
            screen.answer(&document(&problems, &[], &sources));
            Ok(Exit::No)
        }
        (Err(failure), _) => Err(failure),
    }
}

/// The file as far as it can be worked out with no machine.
fn validated(args: &ValidateArgs) -> Result<Loaded, Failure> {
    let loaded = file::load(&args.file, &args.vars)?;
    // What no file can say of the hosts is supposed: validating asks none.
    let facts = lab::supposed(&members(&loaded.topology), &loaded.topology);
    let wanted = lab::wanted(&loaded.topology, &Places::default(), &Prior::default(), &facts);
    wanted.map_err(|p| Failure::problems(&loaded.sources, p))?;
    Ok(loaded)
}

fn told(args: &ValidateArgs, loaded: &Loaded) -> String {
    let graph = &loaded.topology.graph;
    let nodes = graph.node_weights().filter(|n| is_written(n)).count();
    let (nodes, links) = (count(nodes, "node"), count(graph.edge_count(), "link"));
    let warnings = match lint(&loaded.topology).len() {
        0 => String::new(),
        many => format!(", {}", count(many, "warning")),
    };
    format!("{}: lab {}, {nodes}, {links}, no problems{warnings}\n", args.file, loaded.topology.name)
}

/// Whether it is a node of the file.
fn is_written(node: &Node) -> bool {
    match &node.kind {
        Kind::Namespace | Kind::Router | Kind::Host => true,
        Kind::Bridge(switch) | Kind::Ovs(switch, _) => !switch.implied,
        Kind::Nic { .. } | Kind::Overlay(_) => false,
    }
}

#[derive(Serialize)]
struct Document<'a> {
    valid: bool,
    problems: Vec<Told<'a>>,
    /// What hardly anyone means.
    warnings: Vec<Told<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    problem: &'a Problem,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
}

fn document(problems: &[Problem], warnings: &[Problem], sources: &Sources) -> String {
    let content = Document {
        valid: problems.is_empty(),
        problems: problems.iter().map(|p| at(p, sources)).collect(),
        warnings: warnings.iter().map(|p| at(p, sources)).collect(),
    };
    json::document("netsim-problems", 1, &content)
}

fn at<'a>(problem: &'a Problem, sources: &'a Sources) -> Told<'a> {
    let spot = problem.at.as_ref().and_then(|at| sources.locate(at));
    let file = spot.and_then(|s| sources.files.get(s.source)).map(|f| f.name.as_str());
    Told { problem, file, line: spot.map(|s| s.line), column: spot.map(|s| s.column) }
}
