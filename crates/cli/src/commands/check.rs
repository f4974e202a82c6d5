//! `check`: proves that a lab works, pair by pair, against what the graph says.

use std::path::Path;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use netsim_core::expect::{Pair, Patience, expect};
use netsim_core::names::{HostId, LabName};
use netsim_core::problem::Place;
use netsim_core::topology::Topology;
use netsim_host::backend::{HostError, Progress};
use serde::Serialize;

use super::Exit;
use crate::args::{CheckArgs, Format, Global};
use crate::error::{Failure, codes};
use crate::file::Loaded;
use crate::hosts::Hosts;
use crate::lab::{self, Look, Surveyed, host_of};
use crate::render::json;
use crate::render::text::{count, wrapped};
use crate::screen::{CHANGE, DELETE, GOOD, STRONG, Screen, paint};

mod answers;

use answers::{Answer, Answers, Asking};

/// So many pairs that differ are told one by one.
const TOLD: usize = 20;

/// What came out.
#[derive(Debug, Serialize)]
struct Report {
    lab: LabName,
    /// Pairs that were asked, each as often as it was.
    pairs: usize,
    /// Whether all pairs were asked, and each is.
    as_expected: bool,
    differences: Vec<Difference>,
    /// Pairs that were not, because the host that they had to be asked from could not be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_asked: Vec<NotAsked>,
}

/// A host that pairs could not be asked from.
#[derive(Debug, Clone, Serialize)]
struct NotAsked {
    host: HostId,
    /// So many.
    pairs: usize,
    /// Why.
    error: String,
}

/// A pair that is not as the graph or the file says.
#[derive(Debug, Clone, Serialize)]
struct Difference {
    from: String,
    to: String,
    /// Where they are, if there are several hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_host: Option<HostId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_host: Option<HostId>,
    address: std::net::IpAddr,
    /// Whether an answer should come.
    reachable: bool,
    /// What was found, in words.
    found: String,
    /// The line in the file that asks for it.
    file: Option<String>,
    line: Option<usize>,
}

pub fn run(args: &CheckArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    // Nothing listens to signals: Ctrl-C ends the process.
    let progress = Progress::default();
    lab::with(global, screen, args.lab.as_deref(), &args.vars, |hosts, loaded| {
        let surveyed = running(hosts, &loaded, screen)?;
        let asked = asked(&surveyed, args.between.as_deref());
        if let Some(pattern) = args.between.as_ref().filter(|_| asked.pairs.is_empty()) {
            let message = format!("lab {} has no pair to check between nodes `{pattern}`", loaded.topology.name);
            return Err(Failure::hinted(codes::NODE, message, "write a pattern such as 'host*', with quotes"));
        }
        let once = |asking| once(hosts, &loaded, &surveyed, &asked, asking, &progress);
        let began = Instant::now();
        let report = match &args.until {
            None => once(Asking::Patient)?,
            Some(file) => until(file, args.interval, || once(Asking::Once))?,
        };
        match args.format {
            Format::Text => screen.answer(&told(&report, took(hosts, began), screen)),
            Format::Json => screen.answer(&json::document("netsim-check", 1, &report)),
        }
        Ok(if report.as_expected { Exit::Ok } else { Exit::No })
    })
}

/// The check after an apply, which listens to signals by this progress.
pub fn proven(hosts: &Hosts, loaded: &Loaded, progress: &Progress, screen: &Screen) -> Result<Exit, Failure> {
    let surveyed = running(hosts, loaded, screen)?;
    let asked = asked(&surveyed, None);
    let began = Instant::now();
    let report = once(hosts, loaded, &surveyed, &asked, Asking::Patient, progress)?;
    let told = told(&report, took(hosts, began), screen);
    match report.as_expected {
        true => screen.tell(&told),
        false => screen.answer(&told),
    }
    Ok(if report.as_expected { Exit::Ok } else { Exit::No })
}

fn running(hosts: &Hosts, loaded: &Loaded, screen: &Screen) -> Result<Surveyed, Failure> {
    let surveyed = lab::survey(hosts, loaded, Look::Only)?;
    lab::forget_if_gone(hosts, &surveyed, screen);
    match !surveyed.is_running() && loaded.topology.graph.node_count() > 0 {
        true => {
            // It may be on those alone that cannot be reached.
            surveyed.whole(Look::Only)?;
            let message = format!("lab {} is not running", loaded.topology.name);
            Err(Failure::hinted(codes::LAB, message, "apply it: netsim apply FILE"))
        }
        false => Ok(surveyed),
    }
}

/// What is asked, and how patiently.
struct Asked {
    pairs: Vec<Pair>,
    patience: Patience,
}

fn asked(surveyed: &Surveyed, between: Option<&str>) -> Asked {
    let topology = &surveyed.topology;
    let meant = |pair: &Pair| between.is_none_or(|p| ends(topology, pair).iter().all(|name| matches(p, name)));
    let expectation = expect(topology, &surveyed.given);
    Asked { pairs: expectation.pairs().filter(meant).collect(), patience: expectation.patience }
}

fn ends<'a>(topology: &'a Topology, pair: &Pair) -> [&'a str; 2] {
    [pair.from, pair.to].map(|node| topology.graph[node].name.as_str())
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|tail| {
            let starts = tail.char_indices().map(|(i, _)| i).chain([tail.len()]);
            starts.into_iter().any(|at| matches(rest, &tail[at..]))
        }),
    }
}

fn once(
    hosts: &Hosts,
    loaded: &Loaded,
    surveyed: &Surveyed,
    asked: &Asked,
    asking: Asking,
    progress: &Progress,
) -> Result<Report, Failure> {
    let pairs = &asked.pairs;
    let Answers { each, down } = answers::answers(hosts, surveyed, asked, asking, progress)?;
    if progress.stopped() {
        return Err(Failure::new(codes::INTERRUPTED, "interrupted before every pair was checked; the lab stays"));
    }
    let differs = |(pair, answer): (&Pair, &Answer)| Some(difference(loaded, surveyed, pair, wrong(pair, answer)?));
    let differences: Vec<Difference> = pairs.iter().zip(&each).filter_map(differs).collect();
    let not_asked = not_asked(surveyed, pairs, &each, &down);
    let left = not_asked.iter().map(|n| n.pairs).sum::<usize>();
    if let (true, Some(error)) = (hosts.is_one(), down.values().next()) {
        return Err(error.clone().into());
    }
    if left > 0 && left == pairs.len() {
        return Err(Failure::hosts(&down, hosts.members().len()));
    }
    Ok(Report {
        lab: loaded.topology.name.clone(),
        pairs: pairs.len() - left,
        as_expected: differences.is_empty() && left == 0,
        differences,
        not_asked,
    })
}

/// The pairs without an answer for want of their host, host by host.
fn not_asked(
    surveyed: &Surveyed,
    pairs: &[Pair],
    answers: &[Answer],
    down: &IndexMap<HostId, HostError>,
) -> Vec<NotAsked> {
    let of = |host: &HostId| {
        let is_of = |(pair, answer): &(&Pair, &Answer)| {
            **answer == Answer::NotAsked && host_of(&surveyed.topology.graph[pair.from]) == host
        };
        pairs.iter().zip(answers).filter(is_of).count()
    };
    let all =
        down.iter().map(|(host, error)| NotAsked { host: host.clone(), pairs: of(host), error: why(host, error) });
    all.filter(|not_asked| not_asked.pairs > 0).collect()
}

/// The error without the name of its host.
fn why(host: &HostId, error: &HostError) -> String {
    let why = error.to_string();
    why.strip_prefix(&format!("{host}: ")).unwrap_or(&why).to_owned()
}

/// Again and again until the file is there; what differed once has differed.
fn until(
    file: &Path,
    interval: Duration,
    mut round: impl FnMut() -> Result<Report, Failure>,
) -> Result<Report, Failure> {
    let mut whole = round()?;
    while !file.exists() {
        std::thread::sleep(interval);
        let report = round()?;
        whole.pairs += report.pairs;
        whole.as_expected &= report.as_expected;
        whole.differences.extend(report.differences);
        for new in report.not_asked {
            match whole.not_asked.iter_mut().find(|n| n.host == new.host) {
                Some(n) => n.pairs += new.pairs,
                None => whole.not_asked.push(new),
            }
        }
    }
    Ok(whole)
}

/// What is wrong with an answer, in words.
fn wrong(pair: &Pair, answer: &Answer) -> Option<String> {
    match (answer, pair.reachable, pair.rtt) {
        (Answer::None(why), true, _) => Some(why.clone()),
        (Answer::None(_), false, _) | (Answer::NotAsked, ..) => None,
        (Answer::Came(_), false, _) => Some("answers, and should not".to_owned()),
        (Answer::Came(Some(rtt)), true, Some((least, most))) if !pair.is_in_time(*rtt) => {
            Some(format!("answers after {}, not within {}..{}", millis(*rtt), millis(least), millis(most)))
        }
        (Answer::Came(_), true, _) => None,
    }
}

fn millis(time: Duration) -> String {
    match time {
        Duration::MAX => String::new(),
        time => {
            format!("{:.3}", time.as_secs_f64() * 1000.0).trim_end_matches('0').trim_end_matches('.').to_owned() + "ms"
        }
    }
}

fn difference(loaded: &Loaded, surveyed: &Surveyed, pair: &Pair, found: String) -> Difference {
    let spot = pair.at.as_ref().and_then(|at: &Place| loaded.sources.locate(at));
    let file = spot.and_then(|s| loaded.sources.files.get(s.source)).map(|f| f.name.clone());
    let ([from, to], line) = (ends(&surveyed.topology, pair).map(str::to_owned), spot.map(|s| s.line));
    let several = surveyed.hosts.len() > 1;
    let [from_host, to_host] =
        [pair.from, pair.to].map(|node| several.then(|| host_of(&surveyed.topology.graph[node]).clone()));
    Difference { from, to, from_host, to_host, address: pair.address, reachable: pair.reachable, found, file, line }
}

/// How long the pings took; a walk through a kernel in memory says nothing by its time.
fn took(hosts: &Hosts, began: Instant) -> Option<Duration> {
    (!hosts.are_simulated()).then(|| began.elapsed())
}

fn told(report: &Report, took: Option<Duration>, screen: &Screen) -> String {
    let (lab, pairs) = (paint(STRONG, report.lab.as_str()), count(report.pairs, "pair"));
    let left: usize = report.not_asked.iter().map(|n| n.pairs).sum();
    if report.as_expected {
        let good = paint(GOOD, "Checked.");
        let took = took.map_or_else(String::new, |t| format!(" ({:.1} s)", t.as_secs_f64()));
        return format!("{good} Lab {lab}: {pairs}, each as it should be{took}.\n");
    }
    let left = match left {
        0 => String::new(),
        1 => ", 1 was not asked".to_owned(),
        left => format!(", {left} were not asked"),
    };
    let mut out = match report.differences.len() {
        0 => format!("Lab {lab}: {pairs}, each as it should be{left}:\n\n"),
        wrong => format!("Lab {lab}: {wrong} of {pairs} not as it should be{left}:\n\n"),
    };
    for d in report.differences.iter().take(TOLD) {
        let asked = d.file.as_ref().zip(d.line).map_or_else(String::new, |(file, line)| format!(" ({file}:{line})"));
        let text = format!("{} → {} {}: {}{asked}", d.from, d.to, d.address, d.found);
        out.push_str(&wrapped(&format!("  {} ", paint(DELETE, "×")), 4, &text, screen.width));
    }
    if report.differences.len() > TOLD {
        out.push_str(&format!("  … and {} more: see --format json\n", report.differences.len() - TOLD));
    }
    for NotAsked { host, pairs, error } in &report.not_asked {
        let text = format!("{} not asked: {host} cannot be reached: {error}", count(*pairs, "pair"));
        out.push_str(&wrapped(&format!("  {} ", paint(CHANGE, "?")), 4, &text, screen.width));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_in_a_pattern_stands_for_anything() {
        assert!(matches("host*", "host12") && matches("*", "x") && matches("a*c*", "abcd") && matches("r1", "r1"));
        assert!(!matches("host*", "edge1") && !matches("r1", "r12") && !matches("a*c", "abcd"));
    }
}
