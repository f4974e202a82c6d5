//! `impair`: what an interface of a running lab does to the packets that it sends.

use netsim_core::names::HostId;
use netsim_core::resource::{Key, NetnsId, Ovs, OvsKey, OvsQos, Qdisc, QdiscKind, Resource};
use netsim_core::state::{Feature, HostState, Observed};
use netsim_core::topology::{Impairment, Topology};
use serde::Serialize;

use super::Exit;
use crate::args::{Format, Global, ImpairArgs};
use crate::error::{Failure, codes};
use crate::hosts::Hosts;
use crate::interface::{Interface, Words};
use crate::render::json;
use crate::render::text::{self, words};
use crate::screen::{STRONG, Screen, paint};

mod merge;

/// What it does, and what it should do.
#[derive(Serialize)]
struct Document<'a> {
    lab: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a HostId>,
    interface: String,
    impairment: Option<&'a QdiscKind>,
    /// What Open vSwitch makes a port of its own do.
    qos: Option<&'a OvsQos>,
    /// What the file says.
    file: Option<&'a QdiscKind>,
    file_qos: Option<&'a OvsQos>,
}

/// What makes an interface do it: a queueing discipline of its own, or Open vSwitch.
#[derive(Debug, Clone, Default, PartialEq)]
struct Impaired {
    qdisc: Option<QdiscKind>,
    /// Where there is a queueing discipline too, it says that this is to stay.
    qos: Option<OvsQos>,
}

impl Impaired {
    fn is_none(&self) -> bool {
        *self == Impaired::default()
    }

    fn words(&self) -> String {
        let (qdisc, qos) = (self.qdisc.as_ref().map(words::whole), self.qos.as_ref().map(words::ovs::qos));
        qdisc.or(qos).unwrap_or_else(|| "no impairment".to_owned())
    }

    /// As a file would say it.
    fn written(&self) -> Impairment {
        let rate = self.qos.as_ref().and_then(|qos| qos.max_rate);
        self.qdisc.as_ref().map_or_else(|| Impairment { rate, ..Impairment::default() }, merge::written)
    }
}

pub fn run(args: &ImpairArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let asked = Words::of(&args.interface)?;
    asked.with(global, screen, |hosts, found| {
        if args.show || (args.change.is_empty() && !args.reset && !args.none) {
            let here = Here::look(asked.look(&found, hosts, screen)?, hosts)?;
            here.show(args.format, screen)?;
            return Ok(Exit::Ok);
        }
        hosts.locked(&found.host, &found.lab, screen, |_| {
            let here = Here::look(asked.look(&found, hosts, screen)?, hosts)?;
            let wanted = match (args.reset, args.none) {
                (true, _) => here.file()?,
                (_, true) => Impaired::default(),
                (false, false) => here.changed(args)?,
            };
            here.make(wanted, args.format, hosts, screen)?;
            Ok(Exit::Ok)
        })
    })
}

/// An interface, and what the machine has and can do there.
struct Here {
    interface: Interface,
    observed: Observed,
}

impl Here {
    /// Looks again, for what a file without impairments does not ask about.
    fn look(mut interface: Interface, hosts: &Hosts) -> Result<Self, Failure> {
        let keys = keys(&interface);
        let scope = &mut interface.surveyed.hosts[&interface.host].scope;
        scope.features.extend([Feature::Netem, Feature::NetemSeed, Feature::Tbf]);
        for key in keys {
            if !scope.names.contains(&key) {
                scope.names.push(key);
            }
        }
        let observed = hosts.host(&interface.host)?.observe(scope)?;
        interface.surveyed.facts.insert(interface.host.clone(), observed.facts.clone());
        Ok(Here { interface, observed })
    }

    fn now(&self) -> Impaired {
        self.within(&self.observed.ours)
    }

    fn within(&self, state: &HostState) -> Impaired {
        let mut impaired = Impaired::default();
        for key in keys(&self.interface) {
            match state.get(&key) {
                Some(Resource::Qdisc(qdisc)) => impaired.qdisc = Some(qdisc.kind.clone()),
                Some(Resource::Ovs(Ovs::Qos(qos))) => impaired.qos = Some(qos.clone()),
                Some(_) | None => {}
            }
        }
        impaired
    }

    /// What the file says.
    fn file(&self) -> Result<Impaired, Failure> {
        self.meant(&self.interface.surveyed.topology)
    }

    /// What it would be if the file said so.
    fn said(&self, impairment: Impairment) -> Result<Impaired, Failure> {
        let mut topology = self.interface.surveyed.topology.clone();
        let written = self.interface.written(&mut topology).ok_or_else(|| {
            let message = format!("{} is no interface of a link, so nothing can be said of what it sends", self.name());
            Failure::hinted(codes::NODE, message, "name an end of a link, or an interface that the file says of a node")
        })?;
        written.impairment = Some(impairment).filter(merge::does);
        self.meant(&topology)
    }

    fn meant(&self, topology: &Topology) -> Result<Impaired, Failure> {
        let Interface { surveyed, host, loaded, .. } = &self.interface;
        let desired = surveyed.meaning(topology).map_err(|p| Failure::problems(&loaded.sources, p))?;
        Ok(self.within(&desired[host]))
    }

    fn name(&self) -> String {
        self.interface.name()
    }

    /// What it does now, with what was asked for instead.
    fn changed(&self, args: &ImpairArgs) -> Result<Impaired, Failure> {
        let base = self.base()?;
        let merged = merge::merged(base, &args.change);
        merge::checked(&merged).map_err(|(message, hint)| Failure::hinted(codes::IMPAIR, message, hint))?;
        self.said(merged)
    }

    /// What it does now, as a file would say it. A limit that would be taken by itself is not said.
    fn base(&self) -> Result<Impairment, Failure> {
        let now = self.now();
        if now.is_none() {
            return Ok(Impairment::default());
        }
        let mut topology = self.interface.surveyed.topology.clone();
        if self.file()? == now
            && let Some(said) = self.interface.written(&mut topology).and_then(|w| w.impairment.take())
        {
            return Ok(said);
        }
        let said = now.written();
        match self.said(Impairment { limit: None, ..said.clone() })? == now {
            true => Ok(Impairment { limit: None, ..said }),
            false => Ok(said),
        }
    }

    /// What it does, for programs.
    fn document(&self, now: &Impaired) -> Result<String, Failure> {
        let file = self.file()?;
        let several = self.interface.surveyed.hosts.len() + self.interface.surveyed.down.len() > 1;
        let document = Document {
            lab: self.interface.lab().as_str(),
            host: several.then_some(&self.interface.host),
            interface: self.name(),
            impairment: now.qdisc.as_ref(),
            qos: now.qos.as_ref(),
            file: file.qdisc.as_ref(),
            file_qos: file.qos.as_ref(),
        };
        Ok(json::document("netsim-impairment", 1, &document))
    }

    fn show(&self, format: Format, screen: &Screen) -> Result<(), Failure> {
        let (now, file) = (self.now(), self.file()?);
        if format == Format::Json {
            screen.answer(&self.document(&now)?);
            return Ok(());
        }
        screen.answer(&format!("{}: {}\n", paint(STRONG, &self.name()), now.words()));
        if now != file {
            screen.answer(&format!("The file says: {}\n", file.words()));
        }
        Ok(())
    }

    fn make(&self, wanted: Impaired, format: Format, hosts: &Hosts, screen: &Screen) -> Result<(), Failure> {
        let shown = paint(STRONG, &self.name());
        if self.now() == wanted {
            match format {
                Format::Text => screen.tell(&format!("{shown} is so already: nothing to do.\n")),
                Format::Json => screen.answer(&self.document(&wanted)?),
            }
            return Ok(());
        }
        let mut desired = self.observed.ours.clone();
        for key in keys(&self.interface) {
            desired.remove(&key);
        }
        let qdisc = |kind| Resource::Qdisc(Qdisc { device: self.interface.device.clone(), kind });
        let qos = |qos| Resource::Ovs(Ovs::Qos(qos));
        let new = wanted.clone();
        new.qdisc.map(qdisc).into_iter().chain(new.qos.map(qos)).for_each(|resource| desired.insert(resource));
        let plan = self.interface.plan(&desired, &self.observed)?;
        let after = self.interface.apply(hosts, &plan.actions)?;
        if self.within(&after.ours) != wanted {
            let message = format!("the step was done, and yet {} is not so", self.name());
            return Err(Failure::hinted(codes::NOT_WHOLE, message, "see whether another program changes the same"));
        }
        if format == Format::Json {
            screen.answer(&self.document(&wanted)?);
            return Ok(());
        }
        screen.tell(&text::steps(&plan, screen.width));
        let told = match wanted == self.file()? {
            true => format!("{shown} is as the file says.\n"),
            false => {
                let reset = format!("netsim impair {}/{} --reset", self.interface.lab(), self.name());
                format!("The file says otherwise: `{reset}` or `netsim apply` puts it back.\n")
            }
        };
        screen.tell(&told);
        Ok(())
    }
}

/// What can impair what an interface sends.
fn keys(interface: &Interface) -> Vec<Key> {
    let device = &interface.device;
    let of_port = (device.netns == NetnsId::Host).then_some(Key::Ovs(OvsKey::Qos(device.name)));
    let of_port = of_port.filter(|_| interface.names.ovs_bridge(device).is_some());
    std::iter::once(Key::Qdisc(device.clone())).chain(of_port).collect()
}
