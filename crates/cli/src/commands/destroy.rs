//! `destroy`: removes exactly what was made.

use std::sync::Arc;

use netsim_core::names::LabName;
use netsim_core::state::{HostState, Observed, Scope};
use netsim_host::backend::Progress;
use netsim_host::{signals, store};

use super::Exit;
use super::apply::{measured, stopped};
use crate::args::{DestroyArgs, Global};
use crate::error::{Failure, codes};
use crate::file::{self, Target};
use crate::machine::{self, Machine};
use crate::planned::Planned;
use crate::render::text;
use crate::screen::{GOOD, STRONG, Screen, paint};

pub fn run(args: &DestroyArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let lab = match Target::of(&args.lab)? {
        Target::Lab(lab) => lab,
        Target::File(file) => file::load(&file, &args.vars)?.topology.name,
    };
    machine::with(global, screen, |machine| destroy(&lab, args, machine, screen))
}

fn destroy(lab: &LabName, args: &DestroyArgs, machine: &Machine, screen: &Screen) -> Result<Exit, Failure> {
    let lock = machine.lock(lab, screen)?;
    let scope = Scope::lab(lab);
    let nothing = HostState::default();
    let planned = |observed: &Observed| {
        Planned::between(lab, &nothing, observed).map_err(|refusals| Failure::Refused { lab: lab.clone(), refusals })
    };
    let plan = planned(&machine.observe(&scope)?)?;
    let shown = paint(STRONG, lab.as_str());
    if plan.is_empty() {
        store::remove(lock)?;
        screen.tell(&format!("Lab {shown} is not there: nothing to do.\n"));
        return Ok(Exit::Ok);
    }
    let body = text::condensed(&plan, screen.width);
    let summary = text::summary(&plan.summary());
    screen.tell(&format!("Lab {shown} on {}:\n\n{body}\n{summary}", machine.words()));
    let progress = Arc::new(Progress::default());
    signals::stop_on_signals(progress.clone())?;
    let half = |cause: Failure| {
        screen.warn(&cause.report(screen));
        Failure::Aftermath(format!("lab {lab} is half removed; `netsim destroy {lab}` goes on\n"))
    };
    let after = measured(plan.actions.len(), &progress, screen, || machine.apply(&scope, &plan.actions, &progress));
    let after = after.map_err(|e| half(stopped(e)))?;
    let rest = planned(&after)?;
    if !rest.is_empty() {
        let steps = text::steps(&rest, screen.width);
        let message = format!("every step was done, and yet something of lab {lab} is left:\n{steps}");
        return Err(half(Failure::new(codes::NOT_WHOLE, message.trim_end())));
    }
    store::remove(lock)?;
    if !args.no_wait {
        machine.settle()?;
    }
    screen.tell(&format!("{} Nothing of lab {shown} is left.\n", paint(GOOD, "Done.")));
    Ok(Exit::Ok)
}
