//! `list`: the labs that run.

use netsim_core::names::{HostId, LabName};
use netsim_core::state::Scope;
use netsim_host::Host;
use serde::Serialize;

use super::Exit;
use crate::args::{Format, Global, ListArgs};
use crate::error::Failure;
use crate::hosts::{self, Hosts};
use crate::lab::{self, Size};
use crate::render::json;
use crate::render::table::table;
use crate::screen::Screen;

/// A lab as the list has it.
#[derive(Debug, Serialize)]
struct Row {
    lab: LabName,
    /// Namespaces of it that are there.
    nodes: usize,
    links: usize,
    /// The file that was applied.
    file: Option<String>,
}

#[derive(Serialize)]
struct Document {
    labs: Vec<Row>,
}

pub fn run(args: &ListArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let labs = hosts::here(global, screen, |hosts| {
        let host = hosts.host(&HostId::local())?;
        host.labs()?.into_iter().map(|lab| row(host, hosts, lab)).collect::<Result<Vec<_>, _>>()
    })?;
    match args.format {
        Format::Json => screen.answer(&json::document("netsim-list", 1, &Document { labs })),
        Format::Text if labs.is_empty() => screen.tell("No lab is running.\n"),
        Format::Text => {
            let cells = |r: &Row| {
                let file = r.file.clone().unwrap_or_default();
                vec![r.lab.to_string(), r.nodes.to_string(), r.links.to_string(), file]
            };
            let rows: Vec<Vec<String>> = labs.iter().map(cells).collect();
            screen.answer(&table(&["LAB", "NODES", "LINKS", "FILE"], &rows));
        }
    }
    Ok(Exit::Ok)
}

fn row(host: &Host, hosts: &Hosts, lab: LabName) -> Result<Row, Failure> {
    let ours = host.observe(&Scope::lab(&lab))?.ours;
    let applied = hosts.stores().applied(&lab)?;
    let file = applied.and_then(|a| a.sources.files.first().map(|f| f.name.clone()));
    let Size { nodes, links, .. } = lab::size(&ours);
    Ok(Row { lab, nodes, links, file })
}
