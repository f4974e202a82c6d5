//! `link`: takes an interface of a running lab down or up.

use std::collections::HashSet;

use netsim_core::plan::Action;
use netsim_core::resource::{Key, Resource};
use netsim_core::state::{HostState, Observed};

use super::Exit;
use crate::args::{Global, LinkArgs};
use crate::error::{Failure, codes};
use crate::hosts::Hosts;
use crate::interface::{Interface, Words};
use crate::planned::{Names, Planned};
use crate::render::text;
use crate::screen::{STRONG, Screen, paint};

pub fn run(args: &LinkArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let (end, wanted) = match args {
        LinkArgs::Down(end) => (end, false),
        LinkArgs::Up(end) => (end, true),
    };
    let asked = Words::of(&end.interface)?;
    asked.with(global, screen, |hosts, found| {
        hosts.locked(&found.host, &found.lab, screen, |_| {
            let interface = asked.look(&found, hosts, screen)?;
            let up = Key::Up(interface.device.clone());
            let shown = paint(STRONG, &interface.name());
            match (interface.on_host().observed.ours.get(&up).is_some(), wanted) {
                (true, true) => screen.tell(&format!("{shown} is up already: nothing to do.\n")),
                (false, false) => screen.tell(&format!("{shown} is down already: nothing to do.\n")),
                (true, false) => down(&interface, hosts, screen)?,
                (false, true) => self::up(&interface, hosts, screen)?,
            }
            Ok(Exit::Ok)
        })
    })
}

/// One step; what stands on it goes by itself, and a plan says so.
fn down(interface: &Interface, hosts: &Hosts, screen: &Screen) -> Result<(), Failure> {
    let (before, up) = (&interface.on_host().observed.ours, Resource::Up(interface.device.clone()));
    let actions = vec![Action::Delete(up.clone())];
    let after = interface.apply(hosts, &actions)?;
    still(interface, &after, &up.key(), false)?;
    let fell = before.iter().map(|(k, _)| k).filter(|k| **k != up.key() && after.ours.get(k).is_none());
    let plan =
        Planned { lab: interface.lab().clone(), before: before.clone(), actions, falls: fell.cloned().collect() };
    screen.tell(&text::steps(&plan, screen.width));
    let names = Names::of(before.iter().map(|(_, r)| r));
    screen.tell(&text::fallen(&plan, &names, screen.width));
    let (lab, name) = (interface.lab(), interface.name());
    let shown = paint(STRONG, &name);
    screen.tell(&format!("{shown} is down; `netsim link up {lab}/{name}` or `netsim apply` brings it back.\n"));
    Ok(())
}

/// It, and what the file puts on it.
fn up(interface: &Interface, hosts: &Hosts, screen: &Screen) -> Result<(), Failure> {
    let on = interface.on_host();
    let up = Resource::Up(interface.device.clone());
    let mut desired = on.observed.ours.clone();
    desired.insert(up.clone());
    for resource in standing_on(&up.key(), &on.desired, &on.observed.ours) {
        desired.insert(resource);
    }
    let plan = interface.plan(&desired, &on.observed)?;
    let after = interface.apply(hosts, &plan.actions)?;
    still(interface, &after, &up.key(), true)?;
    screen.tell(&text::steps(&plan, screen.width));
    screen.tell(&format!("{} is up.\n", paint(STRONG, &interface.name())));
    Ok(())
}

/// That it is as it was asked for.
fn still(interface: &Interface, after: &Observed, up: &Key, wanted: bool) -> Result<(), Failure> {
    if after.ours.get(up).is_some() == wanted {
        return Ok(());
    }
    let message = format!("the step was done, and yet {} is {}", interface.name(), if wanted { "down" } else { "up" });
    Err(Failure::hinted(codes::NOT_WHOLE, message, "see whether another program changes the same"))
}

/// What the file wants that is not there, that stands on this name, and whose every other need is met.
fn standing_on(name: &Key, wanted: &HostState, ours: &HostState) -> Vec<Resource> {
    let missing: Vec<&Resource> =
        wanted.iter().filter(|(key, _)| ours.get(key).is_none() && *key != name).map(|(_, r)| r).collect();
    let mut raised: HashSet<Key> = HashSet::from([name.clone()]);
    let mut found = Vec::new();
    loop {
        let stands = |resource: &Resource| {
            let needs = resource.needs(wanted);
            let here =
                needs.iter().flat_map(|need| &need.0).chain(&resource.owners(wanted)).any(|key| raised.contains(key));
            let met = |key: &Key| raised.contains(key) || ours.holder(key).is_some();
            here && needs.iter().all(|need| need.0.iter().any(met))
        };
        let new: Vec<&Resource> = missing.iter().copied().filter(|r| !raised.contains(&r.key()) && stands(r)).collect();
        if new.is_empty() {
            return found;
        }
        raised.extend(new.iter().map(|r| r.key()));
        found.extend(new.into_iter().cloned());
    }
}
