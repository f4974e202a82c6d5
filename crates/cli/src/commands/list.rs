//! `list`: the labs that run, on this machine and from it, or on one of their hosts.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use netsim_core::names::{HostId, LabName};
use netsim_core::state::Scope;
use netsim_host::Host;
use netsim_host::store::{Applied, Reach};
use serde::Serialize;

use super::Exit;
use crate::args::{Format, Global, ListArgs};
use crate::error::{Failure, codes};
use crate::file;
use crate::hosts::{self, Members};
use crate::lab::{self, Size};
use crate::render::json;
use crate::render::table::table;
use crate::screen::Screen;
use crate::stores::Stores;

/// A lab as the list has it.
#[derive(Debug, Serialize)]
struct Row {
    lab: LabName,
    /// Namespaces of it that are there; of one with other hosts, as it was applied, where it was not destroyed since.
    nodes: usize,
    /// One between hosts is one.
    links: usize,
    /// Where it is, if it has other hosts than this machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<HostId>,
    /// When what is told of it was so, in seconds since 1970; now, if it has no other hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<u64>,
    /// The file that was applied.
    file: Option<String>,
}

#[derive(Serialize)]
struct Document {
    labs: Vec<Row>,
}

pub fn run(args: &ListArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let stores = Stores::of(global)?;
    let labs = match &args.host {
        None => of_here(&stores, global, screen)?,
        Some(host) => of_host(host, &stores, global, screen)?,
    };
    match args.format {
        Format::Json => screen.answer(&json::document("netsim-list", 1, &Document { labs })),
        Format::Text if labs.is_empty() => screen.tell("No lab is running.\n"),
        Format::Text => screen.answer(&told(&labs)),
    }
    Ok(Exit::Ok)
}

fn told(labs: &[Row]) -> String {
    let are_far = labs.iter().any(|row| !row.hosts.is_empty());
    let cells = |r: &Row| {
        let hosts = r.hosts.iter().map(HostId::as_str).collect::<Vec<_>>().join(", ");
        let file = r.file.clone().unwrap_or_default();
        let head = vec![r.lab.to_string(), r.nodes.to_string(), r.links.to_string()];
        let far = vec![hosts, as_of(r)];
        [head, if are_far { far } else { Vec::new() }, vec![file]].concat()
    };
    let rows: Vec<Vec<String>> = labs.iter().map(cells).collect();
    match are_far {
        true => table(&["LAB", "NODES", "LINKS", "HOSTS", "AS OF", "FILE"], &rows),
        false => table(&["LAB", "NODES", "LINKS", "FILE"], &rows),
    }
}

/// What is on this machine, and what was applied from it to others.
fn of_here(stores: &Stores, global: &Global, screen: &Screen) -> Result<Vec<Row>, Failure> {
    let far: BTreeSet<LabName> = stores.far_labs()?.into_iter().collect();
    let mut rows = hosts::here(global, screen, |hosts| {
        let host = hosts.host(&HostId::local())?;
        let near = host.labs()?.into_iter().filter(|lab| !far.contains(lab));
        near.map(|lab| on_host(host, stores, lab)).collect::<Result<Vec<_>, _>>()
    })?;
    for lab in far {
        if let Some(applied) = stores.applied(&lab)? {
            let written = stores.written_far(&lab);
            rows.push(as_applied(lab, &applied, written));
        }
    }
    rows.sort_by(|a, b| a.lab.cmp(&b.lab));
    Ok(rows)
}

/// What is on a host that any known lab has.
fn of_host(name: &str, stores: &Stores, global: &Global, screen: &Screen) -> Result<Vec<Row>, Failure> {
    let (id, reach) = known(name, stores)?;
    hosts::with(global, screen, Members::from([(id.clone(), reach)]), None, |hosts| {
        let host = hosts.host(&id)?;
        host.labs()?.into_iter().map(|lab| on_host(host, stores, lab)).collect()
    })
}

/// How a host of this name is reached; the labs that were applied from here say it.
fn known(name: &str, stores: &Stores) -> Result<(HostId, Reach), Failure> {
    let mut all = hosts::only_here();
    for lab in stores.far_labs()? {
        all.extend(stores.applied(&lab)?.iter().flat_map(Applied::members));
    }
    all.get_key_value(name).map(|(id, reach)| (id.clone(), reach.clone())).ok_or_else(|| {
        let names = all.keys().map(HostId::as_str).collect::<Vec<_>>().join(", ");
        let message = format!("no lab that runs has a host `{name}`");
        Failure::hinted(codes::LAB, message, format!("name one of: {names}"))
    })
}

fn on_host(host: &Host, stores: &Stores, lab: LabName) -> Result<Row, Failure> {
    let ours = host.observe(&Scope::lab(&lab))?.ours;
    let applied = stores.applied(&lab)?;
    let Size { nodes, links, .. } = lab::size(&ours);
    Ok(Row { lab, nodes, links, hosts: Vec::new(), as_of: None, file: applied.as_ref().and_then(name_of_file) })
}

/// A lab with other hosts, none of which is asked.
fn as_applied(lab: LabName, applied: &Applied, written: Option<SystemTime>) -> Row {
    // It is a convenience: of what cannot be read any more it is known where its nodes are.
    let loaded = file::reload(applied.sources.clone()).ok();
    let size = loaded.and_then(|loaded| lab::as_applied(&loaded.topology, applied)).map(|all| (all.nodes, all.links));
    let placed = || applied.places.values().filter(|host| applied.hosts.contains_key(*host)).count();
    let (nodes, links) = size.unwrap_or_else(|| (placed(), 0));
    let hosts = applied.hosts.keys().cloned().collect();
    Row { lab, nodes, links, hosts, as_of: written.and_then(seconds), file: name_of_file(applied) }
}

fn seconds(time: SystemTime) -> Option<u64> {
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

/// How long ago what is told of a lab was so, in words.
fn as_of(row: &Row) -> String {
    let age = row.as_of.and_then(|then| seconds(SystemTime::now())?.checked_sub(then));
    match age {
        None if row.hosts.is_empty() => "now".to_owned(),
        None => "unknown".to_owned(),
        Some(0..60) => "just now".to_owned(),
        Some(age @ 60..3600) => format!("{} min ago", age / 60),
        Some(age @ 3600..172_800) => format!("{} h ago", age / 3600),
        Some(age) => format!("{} days ago", age / 86_400),
    }
}

fn name_of_file(applied: &Applied) -> Option<String> {
    applied.sources.files.first().map(|file| file.name.clone())
}
