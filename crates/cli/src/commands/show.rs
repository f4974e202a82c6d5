//! `show`: what one would ask `ip` and `bridge` about a node or a link.

use netsim_core::names::{HostId, IfName};
use netsim_core::resource::{DeviceId, NetnsId};
use netsim_core::state::{Observed, Scope};
use serde::Serialize;

use super::Exit;
use crate::args::{Format, Global, ShowArgs};
use crate::error::{Failure, codes};
use crate::hosts::Hosts;
use crate::node::{self, Found};
use crate::planned::Names;
use crate::render::json;
use crate::render::table::table;
use crate::screen::{DIM, STRONG, Screen, paint};

mod across;
mod facts;

use across::Tunnel;
use facts::{Fact, Forwarding, Interface, Neighbour, NodeFacts, node_facts};
use netsim_host::linux::learnt::Learnt;

#[derive(Serialize)]
struct NodeDocument<'a> {
    lab: &'a str,
    /// Where it is, if that is another machine than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a HostId>,
    #[serde(flatten)]
    facts: &'a NodeFacts,
}

#[derive(Serialize)]
struct LinkDocument<'a> {
    lab: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a HostId>,
    ends: &'a [(String, Interface)],
}

pub fn run(args: &ShowArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let (name, interface) = match args.what.split_once(':') {
        Some((node, interface)) => (node, Some(interface)),
        None => (args.what.as_str(), None),
    };
    let (found, observed, learnt) = node::with(global, screen, (name, interface), |hosts, found| {
        let observed = observed(hosts, &found)?;
        let learnt = hosts.host(&found.host)?.learnt(&found.netns)?;
        Ok((found, observed, learnt))
    })?;
    let names = Names::of(observed.ours.iter().map(|(_, r)| r));
    let facts = facts(&found, &observed, &learnt, &names)?;
    let (lab, host) = (found.lab.as_str(), found.shown_host());
    let text = match (interface, args.format) {
        (None, Format::Text) => told(lab, host, &facts),
        (None, Format::Json) => json::document("netsim-node", 1, &NodeDocument { lab, host, facts: &facts }),
        (Some(interface), format) => {
            let ends = ends(&found, &facts, interface, &observed, &names)?;
            if let Some(device) = leads_elsewhere(&found, &ends, &observed)
                && let Some(exit) = across::show(&found, &device, format, global, screen)?
            {
                return Ok(exit);
            }
            match format {
                Format::Text => told_link(lab, host, &ends),
                Format::Json => json::document("netsim-link", 1, &LinkDocument { lab, host, ends: &ends }),
            }
        }
    };
    screen.answer(&text);
    Ok(Exit::Ok)
}

fn observed(hosts: &Hosts, found: &Found) -> Result<Observed, Failure> {
    Ok(hosts.host(&found.host)?.observe(&Scope::lab(&found.lab))?)
}

fn facts(found: &Found, observed: &Observed, learnt: &Learnt, names: &Names) -> Result<NodeFacts, Failure> {
    let facts = node_facts(found, observed, learnt, names);
    match facts.interfaces.is_empty() && (found.is_ovs || found.netns != NetnsId::Host) {
        false => Ok(facts),
        true => {
            let message = format!("node {} of lab {} is not there", found.node, found.lab);
            Err(Failure::hinted(codes::NODE, message, format!("see what else is not: netsim status {}", found.lab)))
        }
    }
}

/// Both ends of the link at an interface.
fn ends(
    found: &Found,
    facts: &NodeFacts,
    interface: &str,
    observed: &Observed,
    names: &Names,
) -> Result<Vec<(String, Interface)>, Failure> {
    let near = facts.interfaces.iter().find(|i| i.name == interface || i.device == interface).ok_or_else(|| {
        let all = facts.interfaces.iter().map(|i| i.name.as_str()).collect::<Vec<_>>().join(", ");
        let message = format!("node {} has no interface `{interface}`", found.node);
        Failure::hinted(codes::NODE, message, format!("name one of: {all}"))
    })?;
    let mut ends = vec![(found.node.to_string(), near.clone())];
    if let Some(far @ DeviceId { netns, name }) = &near.far {
        let node = names.node_of(far).to_owned();
        let far = facts::interfaces(netns, observed, names).into_iter().find(|i| i.device == name.as_str());
        ends.extend(far.map(|far| (node, far)));
    }
    Ok(ends)
}

/// The near end, where it is one of a tunnel to other hosts.
fn leads_elsewhere(found: &Found, ends: &[(String, Interface)], observed: &Observed) -> Option<DeviceId> {
    let (_, near) = ends.first()?;
    let name = IfName::new(&near.device).ok()?;
    let device = DeviceId { netns: found.netns.clone(), name };
    Tunnel::of(&device, &observed.ours).map(|_| device)
}

fn told(lab: &str, host: Option<&HostId>, facts: &NodeFacts) -> String {
    let on = host.map_or_else(String::new, |host| format!(" on {host}"));
    let mut out = format!("{} of lab {lab}{on}: {}\n\n", paint(STRONG, &facts.node), facts.namespace);
    let rows: Vec<Vec<String>> = facts.interfaces.iter().flat_map(interface_rows).collect();
    out.push_str(&table(&["INTERFACE", "STATE", "MTU", "MAC", "TO", "ADDRESS"], &rows));
    let mut section = |heading: &str, rows: Vec<String>| out.push_str(&section(heading, &rows));
    section("ROUTES", facts.routes.iter().map(|f| marked(&f.text, f.ours)).collect());
    for (heading, rows) in said(facts.interfaces.iter().map(|i| (i.name.clone(), i))) {
        section(heading, rows);
    }
    section("MIRRORS", facts.mirrors.iter().map(|f| marked(&f.text, f.ours)).collect());
    section("FLOWS", facts.flows.iter().map(|f| marked(&f.text, f.ours)).collect());
    section("TUNNEL ENTRIES", facts.tunnels.iter().map(|f| marked(&f.text, f.ours)).collect());
    section("NEIGHBOURS", facts.neighbours.iter().map(Neighbour::words).collect());
    section("FORWARDING", facts.forwarding.iter().map(Forwarding::words).collect());
    section("SYSCTLS", facts.sysctls.iter().map(|f| marked(&f.text, f.ours)).collect());
    section("PROGRAMS THAT HAVE RUN", facts.programs.clone());
    out
}

fn marked(text: &str, ours: bool) -> String {
    match ours {
        true => text.to_owned(),
        false => format!("{text}  {}", paint(DIM, "(by hand)")),
    }
}

/// An interface, and a row more for each further address.
fn interface_rows(interface: &Interface) -> Vec<Vec<String>> {
    let Interface { name, up, mtu, mac, to, kind, about, member, addresses, .. } = interface;
    let state = if *up { "up" } else { "down" };
    let kind = kind.map(|kind| about.as_ref().map_or_else(|| kind.to_owned(), |about| format!("{kind} {about}")));
    let to = match (to.as_ref().or(kind.as_ref()), member) {
        (Some(to), Some(member)) => format!("{to} ({member})"),
        (Some(to), None) => to.clone(),
        (None, Some(member)) => member.clone(),
        (None, None) => String::new(),
    };
    let text = |mtu: &Option<u32>| mtu.map_or_else(String::new, |m| m.to_string());
    let mut addresses = addresses.iter().map(|a| marked(&a.text, a.ours));
    let first = addresses.next().unwrap_or_default();
    let head = vec![name.clone(), state.to_owned(), text(mtu), mac.clone().unwrap_or_default(), to, first];
    let further = addresses.map(|a| [vec![String::new(); 5], vec![a]].concat());
    std::iter::once(head).chain(further).collect()
}

fn told_link(lab: &str, host: Option<&HostId>, ends: &[(String, Interface)]) -> String {
    let on = host.map_or_else(String::new, |host| format!(" on {host}"));
    let title = ends.iter().map(|(node, i)| format!("{node}:{}", i.name)).collect::<Vec<_>>().join(" – ");
    let rows: Vec<Vec<String>> = ends
        .iter()
        .flat_map(|(node, interface)| {
            let name = format!("{node}:{}", interface.name);
            interface_rows(&Interface { name, to: None, ..interface.clone() })
        })
        .collect();
    // What is no pair of devices leads elsewhere by itself.
    let to = if ends.iter().any(|(_, interface)| interface.kind.is_some()) { "TO" } else { "BRIDGE" };
    let heading = ["END", "STATE", "MTU", "MAC", to, "ADDRESS"];
    let mut out = format!("Link {} of lab {lab}{on}\n\n{}", paint(STRONG, &title), table(&heading, &rows));
    for (heading, rows) in said(ends.iter().map(|(node, i)| (format!("{node}:{}", i.name), i))) {
        out.push_str(&section(heading, &rows));
    }
    out
}

fn section(heading: &str, rows: &[String]) -> String {
    match rows.is_empty() {
        true => String::new(),
        false => format!("\n{}\n{}\n", paint(DIM, heading), rows.join("\n")),
    }
}

/// What is said of interfaces beside their addresses, by heading.
fn said<'a>(interfaces: impl Iterator<Item = (String, &'a Interface)> + Clone) -> [(&'static str, Vec<String>); 3] {
    let rows = |of: fn(&Interface) -> &[Fact]| {
        let told = |(name, interface): (String, &'a Interface)| {
            of(interface).iter().map(move |f| format!("{name}: {}", marked(&f.text, f.ours)))
        };
        interfaces.clone().flat_map(told).collect()
    };
    [("IMPAIRMENTS", rows(|i| &i.impairment)), ("VLANS", rows(|i| &i.vlans)), ("SETTINGS", rows(|i| &i.settings))]
}
