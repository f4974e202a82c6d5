//! Who needs what a kernel lacks: `needed by links 1–4 of star.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use netsim_core::plan::Refusal;
use netsim_core::problem::{Place, Step};
use netsim_core::resource::{Key, OvsKey};
use netsim_core::spec::Sources;

use crate::planned::Names;
use crate::render::text::natural;

/// So many are named one by one.
const NAMED: usize = 4;

/// The refusals with who needs what they are about: by the places in the file where these are known, else by name.
pub fn told(
    refusals: Vec<Refusal>,
    sources: &Sources,
    origin: impl Fn(&Key) -> Option<Place>,
    names: &Names,
) -> Vec<Refusal> {
    let told = |refusal: Refusal| {
        if refusal.needed_by.is_empty() {
            return refusal;
        }
        let places: Option<Vec<Place>> = refusal.needed_by.iter().map(&origin).collect();
        let who = match places {
            Some(places) => by_place(&places, sources),
            None => by_name(&refusal.needed_by, names),
        };
        Refusal { message: format!("{}; needed by {who}", refusal.message), ..refusal }
    };
    refusals.into_iter().map(told).collect()
}

fn by_name(keys: &[Key], names: &Names) -> String {
    let mut all: Vec<String> = keys.iter().map(|key| name(key, names)).collect();
    all.sort_by_cached_key(|name| natural(name));
    all.dedup();
    listed(&all)
}

fn name(key: &Key, names: &Names) -> String {
    match key {
        Key::Fdb(d, ..) | Key::Neighbour(d, _) => names.end(d),
        Key::Vni { .. } | Key::Gre(_) | Key::Ovs(OvsKey::Tunnel(_)) => key.to_string(),
        Key::Ovs(OvsKey::Bridge(bridge) | OvsKey::Mirror(bridge, _) | OvsKey::Flows(bridge)) => {
            names.ovs_node(*bridge).to_owned()
        }
        Key::Ovs(OvsKey::Port(port) | OvsKey::Qos(port)) => names.ovs_end(*port),
        Key::Device(d) | Key::Up(d) | Key::Port(d) | Key::PortVlans(d) | Key::Qdisc(d) => names.end(d),
        Key::Tuning(d, _) | Key::Address(d, _) => names.end(d),
        Key::Netns(n) | Key::Ran(n, _) => names.node(n).to_owned(),
        Key::Route { netns, .. } | Key::Sysctl(netns, _) => names.netns(netns).to_owned(),
    }
}

/// `a, b and 3 more`.
fn listed(all: &[String]) -> String {
    match (all.split_last(), all.len()) {
        (Some((last, [])), _) => last.clone(),
        (Some((last, rest)), n) if n <= NAMED => format!("{} and {last}", rest.join(", ")),
        (_, n) => format!("{} and {} more", all[..NAMED - 1].join(", "), n - (NAMED - 1)),
    }
}

/// What of one file needs it.
#[derive(Default)]
struct Of {
    /// Their positions, from 0.
    links: BTreeSet<usize>,
    /// Other things, by what they are in.
    others: BTreeSet<String>,
    lines: BTreeSet<usize>,
}

fn by_place(places: &[Place], sources: &Sources) -> String {
    let mut files: BTreeMap<usize, Of> = BTreeMap::new();
    for place in places {
        let of = files.entry(place.source).or_default();
        of.lines.extend(sources.locate(place).map(|spot| spot.line));
        match &place.path[..] {
            [Step::Key(list), Step::Index(at), ..] if &**list == "links" => {
                of.links.insert(*at);
            }
            [Step::Key(list), Step::Key(node), ..] if &**list == "nodes" => {
                of.others.insert(format!("node {node}"));
            }
            _ => {
                of.others.insert(place.to_string());
            }
        }
    }
    let told = files.iter().map(|(source, of)| {
        let file = sources.files.get(*source).map_or_else(String::new, |f| format!(" of {}", f.name));
        let line = match (of.lines.first(), of.lines.len()) {
            (Some(line), 1) => format!(" (line {line})"),
            (_, _) => String::new(),
        };
        let mut others: Vec<String> = of.others.iter().cloned().collect();
        others.sort_by_cached_key(|name| natural(name));
        let parts: Vec<String> = links(&of.links).into_iter().chain(others).collect();
        format!("{}{file}{line}", listed(&parts))
    });
    told.collect::<Vec<_>>().join(", and by ")
}

/// `link 1`, `links 1–4, 6`.
fn links(positions: &BTreeSet<usize>) -> Option<String> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for number in positions.iter().map(|at| at + 1) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            Some(_) | None => runs.push((number, number)),
        }
    }
    let run = |(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}–{last}"),
    };
    let word = if positions.len() == 1 { "link" } else { "links" };
    (!runs.is_empty()).then(|| format!("{word} {}", runs.iter().map(run).collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use netsim_core::spec::Source;

    use super::*;

    #[test]
    fn places_are_told_by_number_and_file() {
        let file = |name: &str| Source { name: name.to_owned(), text: "links:\n- { delay: 1ms }\n".to_owned() };
        let mut sources = Sources::default();
        sources.files.extend(["star.yaml", "more.yaml"].map(file));
        let link = |at: usize| Place::default().key("links").index(at).key("delay");
        let told = |places: &[Place]| by_place(places, &sources);
        assert_eq!(told(&[link(0)]), "link 1 of star.yaml (line 2)");
        assert_eq!(told(&[link(0), link(1), link(2), link(3), link(0)]), "links 1–4 of star.yaml");
        let node = Place::default().key("nodes").key("gw").key("interfaces");
        let elsewhere = Place { source: 1, ..link(6) };
        let all = told(&[link(0), link(5), node, elsewhere]);
        assert_eq!(all, "links 1, 6 and node gw of star.yaml, and by link 7 of more.yaml (line 1)");
    }

    #[test]
    fn without_places_interfaces_are_named() {
        let all: Vec<String> = ["a:x", "b:x", "c:x", "d:x", "e:x"].map(str::to_owned).to_vec();
        assert_eq!(listed(&all[..1]), "a:x");
        assert_eq!(listed(&all[..4]), "a:x, b:x, c:x and d:x");
        assert_eq!(listed(&all), "a:x, b:x, c:x and 2 more");
    }
}
