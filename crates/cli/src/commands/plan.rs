//! `plan`: what apply would do, in order.

use super::Exit;
use crate::args::{Global, PlanArgs, PlanFormat};
use crate::error::{self, Failure};
use crate::file::{self, Loaded};
use crate::planfile::PlanFile;
use crate::planned::Planned;
use crate::render::{json, sh, text};
use crate::screen::{STRONG, Screen, paint};
use crate::{lab, machine};

pub fn run(args: &PlanArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let loaded = file::load(&args.file, &args.vars)?;
    screen.warn(&error::warnings(&loaded.sources, &loaded.topology, screen));
    let (plan, file, on) = made(args, global, screen, &loaded)?;
    if let Some(path) = &args.out {
        let document = json::document(PlanFile::FORMAT, PlanFile::VERSION, &file);
        std::fs::write(path, document).map_err(|e| Failure::file("write", path, &e))?;
    }
    match args.format {
        PlanFormat::Text => screen.answer(&told(&plan, &on, args.steps, screen)),
        PlanFormat::Json => screen.answer(&json::document(PlanFile::FORMAT, PlanFile::VERSION, &file)),
        PlanFormat::Sh => screen.answer(&sh::script(&plan, global.db.as_deref())),
    }
    if let (Some(path), PlanFormat::Text, false) = (&args.out, args.format, plan.is_empty()) {
        let path = sh::quoted_if_needed(&path.to_string_lossy());
        screen.tell(&format!("\nTo do exactly this: netsim apply {path}\n"));
    }
    Ok(match args.detailed_exitcode && !plan.is_empty() {
        true => Exit::Changes,
        false => Exit::Ok,
    })
}

fn made(
    args: &PlanArgs,
    global: &Global,
    screen: &Screen,
    loaded: &Loaded,
) -> Result<(Planned, PlanFile, String), Failure> {
    if let Some(old) = &args.from {
        let plan = lab::plan_offline(Some(&file::load(old, &args.vars)?), loaded)?;
        let file = PlanFile::of(&plan, &loaded.sources, None);
        return Ok((plan, file, format!(", compared with {old}")));
    }
    machine::with(global, screen, |machine| {
        let surveyed = lab::survey(machine, loaded)?;
        let plan = surveyed.plan(loaded)?;
        let file = PlanFile::of(&plan, &loaded.sources, Some(&surveyed));
        Ok((plan, file, format!(" on {}", machine.words())))
    })
}

/// The plan for people; `on` says of what machine, or compared with what.
pub fn told(plan: &Planned, on: &str, steps: bool, screen: &Screen) -> String {
    if plan.is_empty() {
        return format!("Lab {} is as the file says: nothing to do.\n", paint(STRONG, plan.lab.as_str()));
    }
    let body = match steps {
        true => text::steps(plan, screen.width),
        false => text::condensed(plan, screen.width),
    };
    let summary = text::summary(&plan.summary());
    format!("Lab {}{on}:\n\n{body}\n{summary}", paint(STRONG, plan.lab.as_str()))
}
