//! `impair`: what an interface of a running lab does to the packets that it sends.

use netsim_core::given::Prior;
use netsim_core::resource::{Key, Qdisc, QdiscKind, Resource};
use netsim_core::state::{Feature, HostState, Observed};
use netsim_core::topology::{Impairment, Topology};
use serde::Serialize;

use super::Exit;
use crate::args::{Format, Global, ImpairArgs};
use crate::error::{Failure, codes};
use crate::interface::{Interface, Words};
use crate::lab;
use crate::machine::{self, Machine};
use crate::render::json;
use crate::render::text::{self, words};
use crate::screen::{STRONG, Screen, paint};

mod merge;

/// What it does, and what it should do.
#[derive(Serialize)]
struct Document<'a> {
    lab: &'a str,
    interface: String,
    impairment: Option<&'a QdiscKind>,
    /// What the file says.
    file: Option<&'a QdiscKind>,
}

pub fn run(args: &ImpairArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let asked = Words::of(&args.interface)?;
    machine::with(global, screen, |machine| {
        let found = asked.find(machine)?;
        if args.show || (args.change.is_empty() && !args.reset && !args.none) {
            let here = Here::look(asked.look(&found, machine)?, machine)?;
            here.show(args.format, screen)?;
            return Ok(Exit::Ok);
        }
        let _lock = machine.lock(&found.lab, screen)?;
        let here = Here::look(asked.look(&found, machine)?, machine)?;
        let wanted = match (args.reset, args.none) {
            (true, _) => here.file()?,
            (_, true) => None,
            (false, false) => here.changed(args)?,
        };
        here.make(wanted, machine, screen)?;
        Ok(Exit::Ok)
    })
}

/// An interface, and what the machine has and can do there.
struct Here {
    interface: Interface,
    observed: Observed,
}

impl Here {
    /// Looks again, for what a file without impairments does not ask about.
    fn look(mut interface: Interface, machine: &Machine) -> Result<Self, Failure> {
        let scope = &mut interface.surveyed.scope;
        scope.features.extend([Feature::Netem, Feature::NetemSeed, Feature::Tbf]);
        let key = Key::Qdisc(interface.device.clone());
        if !scope.names.contains(&key) {
            scope.names.push(key);
        }
        let observed = machine.observe(scope)?;
        Ok(Here { interface, observed })
    }

    fn key(&self) -> Key {
        Key::Qdisc(self.interface.device.clone())
    }

    fn now(&self) -> Option<&QdiscKind> {
        kind_in(&self.observed.ours, &self.key())
    }

    /// What the file says.
    fn file(&self) -> Result<Option<QdiscKind>, Failure> {
        self.meant(&self.interface.loaded.topology)
    }

    /// What it would be if the file said so.
    fn said(&self, impairment: Impairment) -> Result<Option<QdiscKind>, Failure> {
        let mut topology = self.interface.loaded.topology.clone();
        let written = self.interface.written(&mut topology).ok_or_else(|| {
            let message = format!("{} is no interface of a link, so nothing can be said of what it sends", self.name());
            Failure::hinted(codes::NODE, message, "name an end of a link, or an interface that the file says of a node")
        })?;
        written.impairment = Some(impairment).filter(|i| merge::does(i));
        self.meant(&topology)
    }

    fn meant(&self, topology: &Topology) -> Result<Option<QdiscKind>, Failure> {
        let prior = Prior::from_state(&self.observed.ours);
        let wanted = lab::wanted(topology, &prior, &self.observed.facts)
            .map_err(|p| Failure::problems(&self.interface.loaded.sources, p))?;
        Ok(kind_in(&wanted.desired, &self.key()).cloned())
    }

    fn name(&self) -> String {
        self.interface.name()
    }

    /// What it does now, with what was asked for instead.
    fn changed(&self, args: &ImpairArgs) -> Result<Option<QdiscKind>, Failure> {
        let base = self.base()?;
        let merged = merge::merged(base, &args.change);
        merge::checked(&merged).map_err(|(message, hint)| Failure::hinted(codes::IMPAIR, message, hint))?;
        self.said(merged)
    }

    /// What it does now, as a file would say it. A limit that would be taken by itself is not said.
    fn base(&self) -> Result<Impairment, Failure> {
        let Some(now) = self.now() else { return Ok(Impairment::default()) };
        let mut topology = self.interface.loaded.topology.clone();
        if self.file()?.as_ref() == Some(now)
            && let Some(said) = self.interface.written(&mut topology).and_then(|w| w.impairment.take())
        {
            return Ok(said);
        }
        let said = merge::written(now);
        match self.said(Impairment { limit: None, ..said.clone() })?.as_ref() == Some(now) {
            true => Ok(Impairment { limit: None, ..said }),
            false => Ok(said),
        }
    }

    fn show(&self, format: Format, screen: &Screen) -> Result<(), Failure> {
        let (lab, file) = (self.interface.lab().as_str(), self.file()?);
        let (now, file) = (self.now(), file.as_ref());
        if format == Format::Json {
            let document = Document { lab, interface: self.name(), impairment: now, file };
            screen.answer(&json::document("netsim-impairment", 1, &document));
            return Ok(());
        }
        let word = |kind: Option<&QdiscKind>| kind.map_or_else(|| "no impairment".to_owned(), words::whole);
        screen.answer(&format!("{}: {}\n", paint(STRONG, &self.name()), word(now)));
        if now != file {
            screen.answer(&format!("The file says: {}\n", word(file)));
        }
        Ok(())
    }

    fn make(&self, wanted: Option<QdiscKind>, machine: &Machine, screen: &Screen) -> Result<(), Failure> {
        let shown = paint(STRONG, &self.name());
        if self.now() == wanted.as_ref() {
            screen.tell(&format!("{shown} is so already: nothing to do.\n"));
            return Ok(());
        }
        let mut desired = self.observed.ours.clone();
        match wanted.clone() {
            Some(kind) => desired.insert(Resource::Qdisc(Qdisc { device: self.interface.device.clone(), kind })),
            None => drop(desired.remove(&self.key())),
        }
        let plan = self.interface.plan(&desired, &self.observed)?;
        let after = self.interface.apply(machine, &plan.actions)?;
        if kind_in(&after.ours, &self.key()) != wanted.as_ref() {
            let message = format!("the step was done, and yet {} is not so", self.name());
            return Err(Failure::hinted(codes::NOT_WHOLE, message, "see whether another program changes the same"));
        }
        screen.tell(&text::steps(&plan, screen.width));
        if wanted != self.file()? {
            let lab = self.interface.lab();
            let reset = format!("netsim impair {lab}/{} --reset", self.name());
            screen.tell(&format!("The file says otherwise: `{reset}` or `netsim apply` puts it back.\n"));
        }
        Ok(())
    }
}

fn kind_in<'a>(state: &'a HostState, key: &Key) -> Option<&'a QdiscKind> {
    match state.get(key)? {
        Resource::Qdisc(qdisc) => Some(&qdisc.kind),
        _ => None,
    }
}
