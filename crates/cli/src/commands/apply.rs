//! `apply`: makes a file's lab so on all its hosts, or leaves it as it was.

use std::sync::Arc;

use netsim_host::backend::Progress;
use netsim_host::run::Otherwise;
use netsim_host::signals;

use super::{Exit, check, plan};
use crate::args::{ApplyArgs, BackendChoice, Global};
use crate::error::{Failure, codes};
use crate::file::{self, Loaded};
use crate::hosts::Hosts;
use crate::lab::{self, Look, Surveyed};
use crate::planfile::PlanFile;
use crate::planned::Planned;
use crate::render::sh::quoted_if_needed;
use crate::screen::{GOOD, STRONG, Screen, paint};
use crate::stores::Stores;

mod account;
mod meter;
mod report;
mod work;

pub use account::Account;
pub use meter::measured;
pub use report::stopped;
pub use work::Work;

pub fn run(args: &ApplyArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let (loaded, file) = asked(args)?;
    let progress = Arc::new(Progress::default());
    let stored = Stores::of(global)?.applied(&loaded.topology.name).unwrap_or(None);
    lab::with_loaded(global, screen, loaded, stored, |hosts, loaded| {
        let new = apply(args, &loaded, file.as_ref(), hosts, &progress, screen)?;
        let checked = match args.check {
            true => check::proven(hosts, &loaded, &progress, screen)?,
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
    hosts: &Hosts,
    progress: &Arc<Progress>,
    screen: &Screen,
) -> Result<bool, Failure> {
    let lab = &loaded.topology.name;
    let otherwise = match (args.no_rollback, args.keep_going) {
        (true, _) => Otherwise::Leave,
        (_, true) => Otherwise::KeepGoing,
        (false, false) => Otherwise::RollBack,
    };
    let account = Account::open(hosts, lab, screen)?;
    let surveyed = match begun(hosts, loaded, otherwise, screen) {
        Ok(surveyed) => surveyed,
        Err(failure) => return Err(account.give_up(loaded, failure)),
    };
    if let Some(file) = file {
        file.still_fits(&args.file, &surveyed)?;
    }
    let plans = surveyed.plan(loaded)?;
    if let Some(file) = file.filter(|f| !f.is_of(&plans)) {
        let message = format!("{} has other steps than this netsim would take for lab {}", args.file, file.lab);
        return Err(Failure::hinted(codes::PLAN_FILE, message, "make the plan anew: another version made it"));
    }
    let (on, took) = (hosts.words_of(plans.keys()), plan::took(&surveyed));
    let on = format!(" on {on}");
    let is_empty = plans.values().all(Planned::is_empty);
    let account = account.of(&surveyed, loaded);
    if is_empty && !surveyed.down.is_empty() {
        account.confirm(&surveyed, screen)?;
        return Err(Failure::Aftermath(report::unfinished(&surveyed)));
    }
    if is_empty {
        // How long the hosts took is told with how long they then took to keep.
        screen.tell(&plan::told(lab, &plans, &on, &plan::Took::new(), false, screen));
    } else {
        let took = if hosts.tell_times() { took } else { plan::Took::new() };
        screen.tell(&plan::told(lab, &plans, &on, &took, false, screen));
    }
    let is_new = !surveyed.is_running();
    if !is_empty || !is_new {
        account.intend()?;
    }
    if is_empty {
        account.confirm(&surveyed, screen)?;
        return Ok(false);
    }
    signals::stop_on_signals(progress.clone())?;
    Work { loaded, hosts, surveyed: &surveyed, plans: &plans, account: &account, otherwise }
        .make_so(progress, screen)?;
    let done = paint(GOOD, "Done.");
    screen.tell(&format!("{done} Lab {} is as the file says.\n", paint(STRONG, lab.as_str())));
    Ok(is_new)
}

/// Looks at all hosts under the lab's lock; one that cannot be worked on ends it, unless the others shall go on.
fn begun(hosts: &Hosts, loaded: &Loaded, otherwise: Otherwise, screen: &Screen) -> Result<Surveyed, Failure> {
    let look = match otherwise {
        Otherwise::KeepGoing => Look::Partly(screen),
        Otherwise::RollBack | Otherwise::Leave => Look::Locked(screen),
    };
    let surveyed = lab::survey(hosts, loaded, look)?;
    match otherwise {
        Otherwise::KeepGoing if !surveyed.hosts.is_empty() => report::tell_down(&surveyed, screen),
        Otherwise::KeepGoing | Otherwise::RollBack | Otherwise::Leave => surveyed.whole(look)?,
    }
    Ok(surveyed)
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
    if let Some(path) = &global.agent {
        out.push_str(&format!(" --agent {}", quoted_if_needed(path)));
    }
    if let Some(database) = &global.db {
        out.push_str(&format!(" --db {}", quoted_if_needed(database)));
    }
    out
}
