//! `status`: where a running lab differs from what was applied, or from a file.

use std::collections::HashSet;

use indexmap::IndexMap;
use netsim_core::names::{HostId, LabName, NetnsName};
use netsim_core::resource::{Device, DeviceId, Key, NetnsId, Resource};
use netsim_core::state::HostState;
use netsim_host::store::Applied;
use serde::Serialize;

use super::Exit;
use crate::args::{Format, Global, StatusArgs};
use crate::error::Failure;
use crate::file::Target;
use crate::hosts::listed;
use crate::lab::{self, Look, OnHost, Size, Surveyed, Total};
use crate::planned::Names;
use crate::render::json;
use crate::render::text::words;
use crate::render::text::{count, natural, wrapped};
use crate::screen::{ADD, CHANGE, DELETE, DIM, GOOD, STRONG, Screen, paint};

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Difference {
    kind: Kind,
    /// In words.
    what: String,
    key: Key,
    /// As it should be.
    wanted: Option<Resource>,
    /// As it is.
    found: Option<Resource>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// It should be there.
    Missing,
    /// It should be otherwise.
    Changed,
    /// It is the lab's, and should not be there.
    Extra,
    /// Somebody else put it into the lab.
    ByHand,
}

#[derive(Serialize)]
struct Document<'a> {
    lab: &'a LabName,
    running: bool,
    as_wanted: bool,
    differences: Vec<Told<'a>>,
    /// Where there are several, or others than this machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<HostTold<'a>>,
}

/// A difference, and where it is.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a HostId>,
    #[serde(flatten)]
    difference: &'a Difference,
}

/// How a host does.
#[derive(Serialize)]
struct HostTold<'a> {
    host: &'a HostId,
    reachable: bool,
    /// As far as is known.
    as_wanted: Option<bool>,
    /// Whether it was destroyed there, and not everywhere.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    destroyed: bool,
    /// Why it cannot be looked at.
    error: Option<String>,
}

/// A lab that was destroyed on some of its hosts and not on all.
#[derive(Debug)]
struct Removed {
    /// The hosts that nothing of it is left on.
    from: Vec<HostId>,
    /// Those that may have something of it.
    left: Vec<HostId>,
}

impl Removed {
    fn of(applied: &Applied, surveyed: &Surveyed) -> Option<Self> {
        let mut from = applied.removed_from();
        from.retain(|id| surveyed.hosts.get(id).is_some_and(|on| on.observed.ours.is_empty()));
        (!from.is_empty()).then(|| Removed { from, left: applied.hosts.keys().cloned().collect() })
    }

    /// How the rest of it goes, too.
    fn what_next(&self, lab: &LabName) -> String {
        let on = listed(&self.left);
        let hosts: String = self.left.iter().map(|id| format!(" --host {id}")).collect();
        format!(
            "\nLeft on {on}: `netsim destroy {lab}{hosts}` removes that, too; `netsim apply` makes all of it again.\n"
        )
    }
}

/// What is known of a host.
type Known<'a> = (&'a OnHost, Vec<Difference>);

pub fn run(args: &StatusArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let file = match args.lab.as_deref().map(Target::of).transpose()? {
        Some(Target::File(file)) => Some(file),
        Some(Target::Lab(_)) | None => None,
    };
    let (surveyed, alone, removed) = lab::with(global, screen, args.lab.as_deref(), &args.vars, |hosts, loaded| {
        let surveyed = lab::survey(hosts, &loaded, Look::Only)?;
        lab::forget_if_gone(hosts, &surveyed, screen);
        let removed = hosts.stored().filter(|_| file.is_none()).and_then(|applied| Removed::of(applied, &surveyed));
        Ok((surveyed, hosts.is_here_alone(), removed))
    })?;
    if alone || surveyed.hosts.is_empty() {
        surveyed.whole(Look::Only)?;
    }
    let is_removed = |id: &HostId| removed.as_ref().is_some_and(|removed| removed.from.contains(id));
    // What was destroyed on purpose is not missing.
    let differences = |(id, on)| (id, (on, if is_removed(id) { Vec::new() } else { differences(on) }));
    let known: IndexMap<&HostId, Known<'_>> = surveyed.hosts.iter().map(differences).collect();
    let as_wanted = known.values().all(|(_, differences)| is_as_wanted(differences));
    let told = Telling { surveyed: &surveyed, known: &known, as_wanted, removed: removed.as_ref(), alone };
    match args.format {
        Format::Json => screen.answer(&json::document("netsim-status", 1, &told.document())),
        Format::Text => screen.answer(&told.text(file.as_deref(), screen)),
    }
    let as_wanted = as_wanted && removed.is_none();
    Ok(match (surveyed.down.is_empty(), args.detailed_exitcode && !as_wanted) {
        // Nobody can say how the lab is as a whole.
        (false, _) => Exit::No,
        (true, true) => Exit::Changes,
        (true, false) => Exit::Ok,
    })
}

/// What others put into a lab is no fault of it.
fn is_as_wanted(differences: &[Difference]) -> bool {
    differences.iter().all(|d| d.kind == Kind::ByHand)
}

/// All that is to be told.
struct Telling<'a> {
    surveyed: &'a Surveyed,
    known: &'a IndexMap<&'a HostId, Known<'a>>,
    /// Whether nothing differs on the hosts that it was not destroyed on.
    as_wanted: bool,
    removed: Option<&'a Removed>,
    /// Whether it is of this machine alone.
    alone: bool,
}

impl Telling<'_> {
    fn is_removed(&self, host: &HostId) -> bool {
        self.removed.is_some_and(|removed| removed.from.contains(host))
    }

    fn document(&self) -> Document<'_> {
        let Telling { surveyed, known, as_wanted, removed, alone } = *self;
        let differences = known.iter().flat_map(|(host, (_, all))| {
            all.iter().map(move |difference| Told { host: (!alone).then_some(*host), difference })
        });
        let up = known.iter().map(|(host, (_, differences))| HostTold {
            host,
            reachable: true,
            as_wanted: Some(is_as_wanted(differences) && !self.is_removed(host)),
            destroyed: self.is_removed(host),
            error: None,
        });
        let down = surveyed.down.iter().map(|(host, error)| HostTold {
            host,
            reachable: false,
            as_wanted: None,
            destroyed: false,
            error: Some(error.to_string()),
        });
        Document {
            lab: &surveyed.lab,
            running: surveyed.is_running(),
            as_wanted: as_wanted && removed.is_none() && surveyed.down.is_empty(),
            differences: differences.collect(),
            hosts: if alone { Vec::new() } else { up.chain(down).collect() },
        }
    }

    /// All of it for people; of several hosts each with what is so there.
    fn text(&self, file: Option<&str>, screen: &Screen) -> String {
        let Telling { surveyed, known, as_wanted, removed, alone } = *self;
        let lab = paint(STRONG, surveyed.lab.as_str());
        let is_whole = surveyed.down.is_empty();
        if !surveyed.is_running() && is_whole {
            return format!("Lab {lab} is not running.\n");
        }
        let as_applied = || paint(GOOD, &format!("as {}", file.unwrap_or("applied")));
        let head = match (as_wanted, is_whole) {
            (true, true) => as_applied(),
            (true, false) => format!("{}, as far as can be seen", as_applied()),
            (false, _) => format!("differs from {}", file.unwrap_or("what was applied")),
        };
        let head = match removed {
            Some(removed) => {
                let on = listed(&removed.from);
                let rest = if as_wanted { String::new() } else { format!(", the rest {head}") };
                format!("destroyed on {on}{rest}")
            }
            None => head,
        };
        let ours = known.iter().map(|(id, (on, _))| (*id, &on.observed.ours));
        let Total { nodes, links, between } = lab::total(&surveyed.topology, &surveyed.given, ours);
        let between = if between == 0 { String::new() } else { format!(" ({between} between hosts)") };
        let mut out = format!("Lab {lab}: {}, {}{between}, {head}\n", count(nodes, "node"), count(links, "link"));
        if let ([(on, differences)], true) = (&known.values().collect::<Vec<_>>()[..], alone) {
            let told = told_differences(on, differences, screen);
            return if told.is_empty() { out } else { format!("{out}\n{told}") };
        }
        out.push('\n');
        for (id, (on, differences)) in known {
            let size = counted(lab::size(&on.observed.ours));
            let state = match (self.is_removed(id), is_as_wanted(differences)) {
                (true, _) => "destroyed".to_owned(),
                (false, true) => format!("{size}, {}", paint(GOOD, "as it should be")),
                (false, false) => format!("{size}, differs"),
            };
            out.push_str(&format!("{}: {state}\n", paint(STRONG, id.as_str())));
            out.push_str(&told_differences(on, differences, screen));
        }
        for (id, error) in &surveyed.down {
            let head = format!("{}: {}  ", paint(STRONG, id.as_str()), paint(DELETE, "not reached"));
            let why = error.to_string();
            let why = why.strip_prefix(&format!("{id}: ")).unwrap_or(&why).to_owned();
            out.push_str(&wrapped(&head, 4, &why, screen.width));
        }
        out.push_str(&removed.map_or_else(String::new, |removed| removed.what_next(&surveyed.lab)));
        out
    }
}

/// `3 nodes, 2 links, 1 tunnel`; tunnels where there are any.
fn counted(size: Size) -> String {
    let Size { nodes, links, tunnels } = size;
    let tunnels = if tunnels == 0 { String::new() } else { format!(", {}", count(tunnels, "tunnel end")) };
    format!("{}, {}{tunnels}", count(nodes, "node"), count(links, "link"))
}

fn differences(on: &OnHost) -> Vec<Difference> {
    let (desired, observed) = (&on.desired, &on.observed);
    let ours = &observed.ours;
    let names = Names::of(ours.iter().chain(desired.iter()).map(|(_, r)| r));
    let noun = |r: &Resource| words::noun(r, &names, None);
    let mut all = Vec::new();
    for (key, wanted) in desired.iter() {
        // A setting of the host's is not the lab's but borrowed.
        let lent = || observed.others.get(key)?.resource.as_ref().filter(|_| wanted.can_be_lent());
        let found = ours.get(key).or_else(lent);
        let (kind, what) = match found {
            Some(found) if found == wanted => continue,
            Some(found) => {
                let changes = words::changes(wanted, found, &names, None).join(", ");
                (Kind::Changed, format!("{}: {changes}", words::place(wanted, &names, None)))
            }
            None => (Kind::Missing, state(wanted, "up → down", &names).unwrap_or_else(|| noun(wanted))),
        };
        all.push(Difference { kind, what, key: key.clone(), wanted: Some(wanted.clone()), found: found.cloned() });
    }
    for (key, found) in ours.iter().filter(|(k, _)| desired.get(k).is_none()) {
        let what = state(found, "down → up", &names).unwrap_or_else(|| noun(found));
        let (key, found) = (key.clone(), Some(found.clone()));
        all.push(Difference { kind: Kind::Extra, what, key, wanted: None, found });
    }
    let asked: HashSet<&Key> = on.scope.names.iter().collect();
    let namespaces: HashSet<&NetnsName> = ours.iter().filter_map(|(_, r)| netns(r)).collect();
    for (key, foreign) in &observed.others {
        let in_lab = match (key.netns(), key) {
            // What nobody asked for is there because it is on a bridge of the lab, or of one of its ports.
            (NetnsId::Host, Key::Ovs(_)) => !asked.contains(key),
            (NetnsId::Named(within), _) => namespaces.contains(&within),
            // In the host's namespace: what somebody else put on a device of the lab.
            (
                NetnsId::Host,
                Key::Address(d, _) | Key::Up(d) | Key::Port(d) | Key::PortVlans(d) | Key::Qdisc(d) | Key::Tuning(d, _),
            ) => ours.holder(&Key::Device(d.clone())).is_some(),
            (NetnsId::Host, Key::Device(_)) => {
                let beneath = foreign.resource.as_ref().and_then(beneath);
                beneath.is_some_and(|device| ours.holder(&Key::Device(device)).is_some())
            }
            (NetnsId::Host, Key::Fdb(d, ..) | Key::Neighbour(d, _)) => ours.holder(&Key::Device(d.clone())).is_some(),
            (NetnsId::Host, Key::Netns(_) | Key::Route { .. } | Key::Sysctl(..) | Key::Ran(..)) => false,
            (NetnsId::Host, Key::Vni { .. } | Key::Gre(_)) => false,
        };
        if !in_lab {
            continue;
        }
        let what = foreign.resource.as_ref().map_or_else(|| format!("{} ({})", key, foreign.what), &noun);
        all.push(Difference {
            kind: Kind::ByHand,
            what,
            key: key.clone(),
            wanted: None,
            found: foreign.resource.clone(),
        });
    }
    all.sort_by_cached_key(|d| (d.kind, natural(&d.what)));
    all
}

/// What a device stands on.
fn beneath(resource: &Resource) -> Option<DeviceId> {
    let Resource::Device(Device::Single(single)) = resource else { return None };
    single.kind.parent(&single.id)
}

/// That an interface is up is told as a change of it.
fn state(resource: &Resource, change: &str, names: &Names) -> Option<String> {
    match resource {
        Resource::Fdb(_) | Resource::Neighbour(_) => None,
        Resource::Up(device) => Some(format!("{}: {change}", names.end(device))),
        Resource::Netns(_) | Resource::Device(_) | Resource::Port(_) | Resource::PortVlans(_) => None,
        Resource::Qdisc(_) | Resource::Tuning(_) | Resource::Address(_) | Resource::Route(_) => None,
        Resource::Sysctl(_) | Resource::Ran(_) | Resource::Ovs(_) => None,
    }
}

fn netns(resource: &Resource) -> Option<&NetnsName> {
    match resource {
        Resource::Fdb(_) | Resource::Neighbour(_) => None,
        Resource::Netns(n) => Some(&n.name),
        Resource::Device(_) | Resource::Up(_) | Resource::Port(_) | Resource::Address(_) => None,
        Resource::PortVlans(_) | Resource::Qdisc(_) | Resource::Tuning(_) => None,
        Resource::Route(_) | Resource::Sysctl(_) | Resource::Ran(_) | Resource::Ovs(_) => None,
    }
}

/// What differs on one host, a line each; nothing of what goes along with something else.
fn told_differences(on: &OnHost, differences: &[Difference], screen: &Screen) -> String {
    let mut out = String::new();
    let (missing, extra) = lost_and_found(differences);
    let told_with_another = |d: &&Difference| match d.kind {
        Kind::Missing => follows(d.wanted.as_ref(), &missing, &on.desired),
        Kind::Extra => follows(d.found.as_ref(), &extra, &on.observed.ours),
        Kind::Changed | Kind::ByHand => false,
    };
    for difference in differences.iter().filter(|d| !told_with_another(d)) {
        let (style, word) = match (difference.kind, &difference.key) {
            (Kind::Changed, _) | (Kind::Missing | Kind::Extra, Key::Up(_)) => (CHANGE, "changed"),
            (Kind::Missing, _) => (DELETE, "missing"),
            (Kind::Extra, _) => (ADD, "extra"),
            (Kind::ByHand, _) => (DIM, "by hand"),
        };
        out.push_str(&wrapped(
            &format!("  {}  ", paint(style, &format!("{word:7}"))),
            11,
            &difference.what,
            screen.width,
        ));
    }
    out
}

/// What of namespaces, devices and all else is not there though it should be, and what is there though it should not.
fn lost_and_found(differences: &[Difference]) -> (HashSet<Key>, HashSet<Key>) {
    let (mut missing, mut extra) = (HashSet::new(), HashSet::new());
    for difference in differences.iter().filter(|d| d.kind != Kind::ByHand) {
        let claims = |r: &Option<Resource>| r.iter().flat_map(Resource::claims).collect::<HashSet<Key>>();
        let (wanted, found) = (claims(&difference.wanted), claims(&difference.found));
        missing.extend(wanted.difference(&found).cloned());
        extra.extend(found.difference(&wanted).cloned());
    }
    (missing, extra)
}

/// Whether it differs only because what it is in, or on, does.
fn follows(resource: Option<&Resource>, gone: &HashSet<Key>, among: &HostState) -> bool {
    let Some(resource) = resource else { return false };
    let on = match resource {
        Resource::Fdb(f) => Some(&f.device),
        Resource::Neighbour(n) => Some(&n.device),
        // What its bridge, its port or its device takes along.
        Resource::Ovs(_) => return resource.needs(among).iter().flat_map(|need| &need.0).any(|key| gone.contains(key)),
        Resource::Netns(_) | Resource::Ran(_) => None,
        Resource::Up(d) => Some(d),
        Resource::Port(p) => Some(&p.device),
        Resource::PortVlans(v) => Some(&v.device),
        Resource::Qdisc(q) => Some(&q.device),
        Resource::Tuning(t) => Some(&t.device),
        Resource::Address(a) => Some(&a.device),
        Resource::Device(_) | Resource::Route(_) | Resource::Sysctl(_) => None,
    };
    let in_gone = |key: &Key| match key.netns() {
        NetnsId::Named(name) => gone.contains(&Key::Netns(name)),
        NetnsId::Host => false,
    };
    let within = netns(resource).is_none() && resource.claims().iter().any(in_gone);
    // The kernel takes IPv6 and routes along when a device goes down.
    let down = || resource.owners(among).iter().any(|owner| matches!(owner, Key::Up(_)) && gone.contains(owner));
    within || on.is_some_and(|d| gone.contains(&Key::Device(d.clone()))) || down()
}
