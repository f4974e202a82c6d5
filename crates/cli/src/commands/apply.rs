//! `apply`: makes a file's lab so, or leaves it as it was.

use std::sync::Arc;

use netsim_core::state::Observed;
use netsim_host::backend::{Progress, StepError};
use netsim_host::lock::LabLock;
use netsim_host::{signals, store};

use super::{Exit, check, plan};
use crate::args::{ApplyArgs, BackendChoice, Global};
use crate::error::{Failure, codes};
use crate::file::{self, Loaded};
use crate::lab::{self, Surveyed};
use crate::machine::{self, Machine};
use crate::planfile::PlanFile;
use crate::planned::Planned;
use crate::render::sh::quoted_if_needed;
use crate::render::text;
use crate::screen::{GOOD, HINT, STRONG, Screen, paint};
use netsim_host::store::Applied;

mod meter;
mod undo;

pub use meter::measured;

pub fn run(args: &ApplyArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let (loaded, file) = asked(args)?;
    let progress = Arc::new(Progress::default());
    machine::with(global, screen, |machine| {
        let new = apply(args, &loaded, file.as_ref(), machine, &progress, screen)?;
        let checked = match args.check {
            true => check::proven(machine, &loaded, &progress, screen)?,
            false => Exit::Ok,
        };
        if new {
            screen.tell(&what_next(&loaded, global));
        }
        Ok(checked)
    })
}

/// The topology, and the plan where one was given.
fn asked(args: &ApplyArgs) -> Result<(Loaded, Option<PlanFile>), Failure> {
    if !args.file.ends_with(".json") {
        return Ok((file::load(&args.file, &args.vars)?, None));
    }
    if let [(name, _), ..] = &args.vars.vars[..] {
        let message = format!("{} has its variables' values already: `--var {name}` cannot change it", args.file);
        return Err(Failure::hinted(codes::PLAN_FILE, message, "give it to `netsim plan`"));
    }
    let text = file::read(&args.file).map_err(|why| Failure::new(codes::FILE, format!("read {}: {why}", args.file)))?;
    let file = PlanFile::read(&args.file, &text)?;
    Ok((file::reload(file.sources.clone())?, Some(file)))
}

/// Makes it so; whether the lab is a new one.
fn apply(
    args: &ApplyArgs,
    loaded: &Loaded,
    file: Option<&PlanFile>,
    machine: &Machine,
    progress: &Arc<Progress>,
    screen: &Screen,
) -> Result<bool, Failure> {
    let lock = machine.lock(&loaded.topology.name, screen)?;
    let surveyed = lab::survey(machine, loaded)?;
    if let Some(file) = file {
        file.still_fits(&args.file, &surveyed)?;
    }
    let plan = surveyed.plan(loaded)?;
    if let Some(file) = file.filter(|f| f.actions != plan.actions) {
        let message = format!("{} has other steps than this netsim would take for lab {}", args.file, file.lab);
        return Err(Failure::hinted(codes::PLAN_FILE, message, "make the plan anew: another version made it"));
    }
    screen.tell(&plan::told(&plan, &format!(" on {}", machine.words()), false, screen));
    let before: Option<Applied> = store::load(machine.state(), &loaded.topology.name).unwrap_or(None);
    if !plan.is_empty() || !surveyed.observed.ours.is_empty() {
        store::save(&lock, &Applied::of(&loaded.sources))?;
    }
    if plan.is_empty() {
        return Ok(false);
    }
    signals::stop_on_signals(progress.clone())?;
    match done(&plan, &surveyed, machine, progress, screen) {
        Ok(()) => {
            screen.tell(&format!(
                "{} Lab {} is as the file says.\n",
                paint(GOOD, "Done."),
                paint(STRONG, plan.lab.as_str())
            ));
            Ok(surveyed.observed.ours.is_empty())
        }
        Err(Cause::Untouched(failure)) => {
            restore(lock, before);
            screen.warn(&failure.report(screen));
            Err(Failure::Aftermath(format!("lab {}: nothing was changed\n", plan.lab)))
        }
        Err(Cause::Midway(failure)) => {
            screen.warn(&failure.report(screen));
            Err(Failure::Aftermath(match args.no_rollback {
                true => left(&plan),
                false => taken_back(&plan, &surveyed, machine, lock, before, screen),
            }))
        }
    }
}

/// Why a plan is not done.
enum Cause {
    /// It could not begin.
    Untouched(Failure),
    /// It was begun, and may have changed something.
    Midway(Failure),
}

/// Does the plan, and finds nothing left to do.
fn done(
    plan: &Planned,
    surveyed: &Surveyed,
    machine: &Machine,
    progress: &Progress,
    screen: &Screen,
) -> Result<(), Cause> {
    let after =
        measured(plan.actions.len(), progress, screen, || machine.apply(&surveyed.scope, &plan.actions, progress));
    let after: Observed = after.map_err(|error| match error {
        StepError::Untouched(error) => Cause::Untouched(Failure::from(error)),
        StepError::Failed { .. } | StepError::Interrupted => Cause::Midway(stopped(error)),
    })?;
    let rest = Planned::between(&plan.lab, &surveyed.wanted.desired, &after)
        .map_err(|refusals| Cause::Midway(Failure::Refused { lab: plan.lab.clone(), refusals }))?;
    if rest.is_empty() {
        return Ok(());
    }
    let steps = text::steps(&rest, screen.width);
    let message =
        format!("every step was done, and yet lab {} is not as the file says; these steps remain:\n{steps}", plan.lab);
    let hint = "see whether another program changes the same things";
    Err(Cause::Midway(Failure::hinted(codes::NOT_WHOLE, message.trim_end(), hint)))
}

/// What stopped the work.
pub fn stopped(error: StepError) -> Failure {
    match error {
        StepError::Failed { error, .. } | StepError::Untouched(error) => Failure::from(error),
        StepError::Interrupted => Failure::new(codes::INTERRUPTED, "interrupted"),
    }
}

fn left(plan: &Planned) -> String {
    let lab = &plan.lab;
    format!("lab {lab} is left as it is, half done; `netsim apply` goes on, `netsim destroy {lab}` removes it\n")
}

/// Rolls back, and says what became of the lab.
fn taken_back(
    plan: &Planned,
    surveyed: &Surveyed,
    machine: &Machine,
    lock: LabLock,
    before: Option<Applied>,
    screen: &Screen,
) -> String {
    screen.warn(&format!("{}\n", paint(HINT, "rolling back …")));
    match undo::undo(plan, surveyed, before.as_ref(), machine, screen) {
        Ok(note) => {
            restore(lock, before);
            note
        }
        Err(failure) => {
            let (report, lab) = (failure.report(screen), &plan.lab);
            format!("{report}rolling back stopped there; `netsim destroy {lab}` removes what is there\n")
        }
    }
}

/// Stores again what was applied before. That is a convenience; the lab itself is as it was.
fn restore(lock: LabLock, before: Option<Applied>) {
    let _ = match before {
        Some(before) => store::save(&lock, &before),
        None => store::remove(lock),
    };
}

/// How to look around, and how to remove it.
fn what_next(loaded: &Loaded, global: &Global) -> String {
    let lab = loaded.topology.name.as_str();
    let node = loaded.topology.graph.node_weights().find(|n| n.switch().is_none()).map_or("NODE", |n| n.name.as_str());
    let netsim = format!("{}{}", program(), options(global));
    let lines = [
        (format!("{netsim} status {lab}"), "whether it is still so"),
        (format!("{netsim} show {lab}/{node}"), "interfaces, addresses, routes"),
        (format!("{netsim} exec {lab}/{node} -- ip address"), "run a command inside"),
        (format!("{netsim} destroy {lab}"), "remove it, and nothing else"),
    ];
    let simulated = global.backend == BackendChoice::Sim;
    let lines: Vec<_> = lines.into_iter().filter(|(command, _)| !simulated || !command.contains(" exec ")).collect();
    let width = lines.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    let line = |(command, what): &(String, &str)| format!("  {command:width$}   {what}\n");
    format!("\n{}", lines.iter().map(line).collect::<String>())
}

/// How this program was called, so that the next command finds it, too: `cargo run` calls it by a path.
fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let called = called.to_string_lossy();
    if called.contains('/') { quoted_if_needed(&called) } else { "netsim".to_owned() }
}

/// The global options that the next command needs, too.
fn options(global: &Global) -> String {
    let mut out = String::new();
    if global.backend == BackendChoice::Sim {
        out.push_str(" --backend sim");
    }
    if let Some(file) = &global.sim_file {
        out.push_str(&format!(" --sim-file {}", quoted_if_needed(&file.to_string_lossy())));
    }
    if global.rootless {
        out.push_str(" --rootless");
    }
    if let Some(database) = &global.db {
        out.push_str(&format!(" --db {}", quoted_if_needed(database)));
    }
    out
}
