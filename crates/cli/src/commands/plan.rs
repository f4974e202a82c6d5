//! `plan`: what apply would do, in order.

use std::time::Duration;

use indexmap::IndexMap;
use netsim_core::names::{HostId, LabName};
use netsim_core::topology::Topology;

use super::Exit;
use crate::args::{Global, PlanArgs, PlanFormat};
use crate::error::{self, Failure, codes};
use crate::file::{self, Loaded};
use crate::hosts::listed;
use crate::lab::{self, Look, Surveyed};
use crate::planfile::PlanFile;
use crate::planned::{Planned, Plans, total};
use crate::render::{sh, text};
use crate::screen::{DIM, STRONG, Screen, paint};

pub fn run(args: &PlanArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let loaded = file::load(&args.file, &args.vars)?;
    screen.caution(&error::warnings(&loaded.sources, &loaded.topology, screen));
    let lab = loaded.topology.name.clone();
    let databases = databases(&loaded.topology, global);
    let Made { plans, mut file, mut on, mut took } = made(args, global, screen, loaded)?;
    let (plans, others) = chosen(plans, &args.host, &lab)?;
    if !args.host.is_empty() {
        file.hosts.retain(|id, _| plans.contains_key(id));
        file.summary = total(&plans);
        took.retain(|id, _| plans.contains_key(id));
        on = format!(" on {}", listed(plans.keys()));
    }
    if let Some(path) = &args.out {
        std::fs::write(path, file.document()).map_err(|e| Failure::file("write", path, &e))?;
    }
    let is_empty = plans.values().all(Planned::is_empty);
    match args.format {
        PlanFormat::Text if is_empty && !others.is_empty() => screen.answer(&nothing_there(&lab, &on, &others, &took)),
        PlanFormat::Text => screen.answer(&told(&lab, &plans, &on, &took, args.steps, screen)),
        PlanFormat::Json => screen.answer(&file.document()),
        PlanFormat::Sh => screen.answer(&scripts(&plans, &databases)),
    }
    if let (Some(path), PlanFormat::Text, false) = (&args.out, args.format, is_empty) {
        let path = sh::quoted_if_needed(&path.to_string_lossy());
        screen.tell(&format!("\nTo do exactly this: netsim apply {path}\n"));
    }
    Ok(match args.detailed_exitcode && !is_empty {
        true => Exit::Changes,
        false => Exit::Ok,
    })
}

/// Plans, and what there is to say of them.
struct Made {
    plans: Plans,
    file: PlanFile,
    /// Of what machines, or compared with what.
    on: String,
    took: Took,
}

/// How long it took to look at each host; nothing where that says nothing.
pub type Took = IndexMap<HostId, Duration>;

fn made(args: &PlanArgs, global: &Global, screen: &Screen, loaded: Loaded) -> Result<Made, Failure> {
    let lab = loaded.topology.name.clone();
    if let Some(old) = &args.from {
        let plans = lab::plan_offline(Some(&file::load(old, &args.vars)?), &loaded)?;
        let file = PlanFile::of(&lab, &plans, &loaded.sources, None);
        return Ok(Made { plans, file, on: format!(", compared with {old}"), took: Took::new() });
    }
    let stored = crate::stores::Stores::of(global)?.applied(&lab).unwrap_or(None);
    lab::with_loaded(global, screen, loaded, stored, |hosts, loaded| {
        let surveyed = lab::survey(hosts, &loaded, Look::Only)?;
        surveyed.whole(Look::Only)?;
        let plans = surveyed.plan(&loaded)?;
        let file = PlanFile::of(&lab, &plans, &loaded.sources, Some(&surveyed));
        let took = if hosts.tell_times() { took(&surveyed) } else { Took::new() };
        Ok(Made { plans, file, on: format!(" on {}", hosts.words()), took })
    })
}

/// How long it took to look at each host.
pub fn took(surveyed: &Surveyed) -> Took {
    surveyed.hosts.iter().map(|(id, on)| (id.clone(), on.took)).collect()
}

/// Those of these hosts, all where none is named; and the other hosts where something is to be done.
fn chosen(plans: Plans, hosts: &[String], lab: &LabName) -> Result<(Plans, Vec<HostId>), Failure> {
    if let Some(unknown) = hosts.iter().find(|host| !plans.contains_key(host.as_str())) {
        let names = plans.keys().map(HostId::as_str).collect::<Vec<_>>().join(", ");
        let message = format!("lab {lab} has nothing on a host `{unknown}`");
        return Err(Failure::hinted(codes::LAB, message, format!("name one of: {names}")));
    }
    let is_chosen = |id: &HostId| hosts.is_empty() || hosts.iter().any(|host| host == id.as_str());
    let (chosen, others): (Plans, Plans) = plans.into_iter().partition(|(id, _)| is_chosen(id));
    Ok((chosen, others.into_iter().filter(|(_, plan)| !plan.is_empty()).map(|(id, _)| id).collect()))
}

/// Where hosts have the database of Open vSwitch, as far as anybody says it.
fn databases(topology: &Topology, global: &Global) -> IndexMap<HostId, String> {
    let written = topology.hosts.iter().filter_map(|(id, host)| Some((id.clone(), host.ovsdb.clone()?)));
    let asked = global.db.iter().map(|database| (HostId::local(), database.clone()));
    written.chain(asked).collect()
}

/// A script for each host. That of one alone can be run as it is.
fn scripts(plans: &Plans, databases: &IndexMap<HostId, String>) -> String {
    let script = |id: &HostId, plan: &Planned| sh::script(plan, databases.get(id).map(String::as_str));
    if let [(id, plan)] = plans.iter().collect::<Vec<_>>()[..] {
        return script(id, plan);
    }
    let head = "# A script for each host: `netsim plan FILE --format sh --host HOST` prints one alone.\n";
    let part = |(id, plan): (&HostId, &Planned)| format!("\n# ==== {id} ====\n\n{}", script(id, plan));
    head.to_owned() + &plans.iter().map(part).collect::<String>()
}

/// That there is nothing to do on the hosts that were asked for, and that there is on others.
fn nothing_there(lab: &LabName, on: &str, others: &[HostId], took: &Took) -> String {
    let lab = paint(STRONG, lab.as_str());
    let others = listed(others);
    format!("Lab {lab}: nothing to do{on}; there is on {others}.\n{}", looked(took))
}

/// The plans for people; `on` says of what machines, or compared with what.
pub fn told(lab: &LabName, plans: &Plans, on: &str, took: &Took, steps: bool, screen: &Screen) -> String {
    let lab = paint(STRONG, lab.as_str());
    if plans.values().all(Planned::is_empty) {
        return format!("Lab {lab} is as the file says: nothing to do.\n{}", looked(took));
    }
    let body = sections(plans, took, |plan| match steps {
        true => text::steps(plan, screen.width),
        false => text::condensed(plan, screen.width),
    });
    format!("Lab {lab}{on}:\n\n{body}")
}

/// How long it took to look at each host, a line each.
fn looked(took: &Took) -> String {
    let line = |(id, took): (&HostId, &Duration)| {
        format!("{}\n", paint(DIM, &format!("{id}: looked at in {}", millis(*took))))
    };
    took.iter().map(line).collect()
}

/// The plans host by host, where there are several, and how much they are together.
pub fn sections(plans: &Plans, took: &Took, body: impl Fn(&Planned) -> String) -> String {
    let summary = text::summary(&total(plans));
    let looked = |id: &HostId| took.get(id).map(|took| paint(DIM, &format!(" (looked at in {})", millis(*took))));
    let section = |(id, plan): (&HostId, &Planned)| {
        let head = format!("{}{}", paint(STRONG, id.as_str()), looked(id).unwrap_or_default());
        match plan.is_empty() {
            true => format!("{head}: nothing to do\n"),
            false => format!("{head}:\n{}", body(plan)),
        }
    };
    let all = match plans.values().collect::<Vec<_>>()[..] {
        [plan] => body(plan),
        _ => plans.iter().map(section).collect::<Vec<_>>().join("\n"),
    };
    format!("{all}\n{summary}")
}

/// `34 ms`.
pub fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis().max(1))
}
