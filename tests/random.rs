//! Random labs, each changed a few times while it runs: what their graphs say of who reaches whom is so on the kernel, and nothing is left of them.
#![allow(clippy::print_stderr, reason = "a test says aloud what it skipped and counted")]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;

use netsim_core::testing::rounds;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

mod support;
use support::{Machine, both, on_a_machine_of_its_own};

/// A lab in few words, which can be changed.
#[derive(Debug, Clone)]
struct Sketch {
    /// Bridges, end systems, routers.
    nodes: Vec<Node>,
    links: Vec<Link>,
    is_static: bool,
}

#[derive(Debug, Clone)]
struct Node {
    letter: char,
    /// It has an address on `lo`, unless it is a bridge.
    lo: bool,
}

/// Two positions in the nodes, folded into their number, and what is said of the ends.
#[derive(Debug, Clone)]
struct Link {
    ends: [(u8, Port); 2],
}

/// What is said of an end; of VLANs and isolation only at bridges.
#[derive(Debug, Clone, Copy)]
struct Port {
    down: bool,
    isolated: bool,
    vlans: &'static str,
}

#[derive(Debug, Clone)]
enum Change {
    DropLink(u8),
    DropNode(u8),
    AddLink(Link),
    Port(u8, Port),
    Routing,
}

fn port() -> impl Strategy<Value = Port> {
    let vlans = prop_oneof![
        6 => Just(""),
        1 => Just("vlan: 10, "),
        1 => Just("vlan: 20, "),
        1 => Just("trunk: [10, 20], "),
        1 => Just("trunk: [5-12], native: 20, "),
    ];
    let often = |times: u32| prop::bool::weighted(1.0 / f64::from(times));
    (often(12), often(10), vlans).prop_map(|(down, isolated, vlans)| Port { down, isolated, vlans })
}

fn link() -> impl Strategy<Value = Link> {
    let end = || (any::<u8>(), port());
    (end(), end()).prop_map(|(a, b)| Link { ends: [a, b] })
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let letter = prop_oneof![Just('s'), Just('h'), Just('r')];
    let node = (letter, prop::bool::weighted(0.2)).prop_map(|(letter, lo)| Node { letter, lo });
    let parts = (vec(node, 2..9), vec(link(), 1..14), prop::bool::weighted(0.7));
    parts.prop_map(|(nodes, links, is_static)| Sketch { nodes, links, is_static })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => any::<u8>().prop_map(Change::DropLink),
        2 => any::<u8>().prop_map(Change::DropNode),
        3 => link().prop_map(Change::AddLink),
        4 => (any::<u8>(), port()).prop_map(|(at, port)| Change::Port(at, port)),
        1 => Just(Change::Routing),
    ]
}

impl Sketch {
    fn change(&mut self, change: &Change) {
        let links = self.links.len().max(1);
        match change {
            Change::DropLink(at) if !self.links.is_empty() => {
                self.links.remove(usize::from(*at) % links);
            }
            Change::DropNode(at) if self.nodes.len() > 2 => {
                self.nodes.remove(usize::from(*at) % self.nodes.len());
            }
            Change::AddLink(link) => self.links.push(link.clone()),
            Change::Port(at, port) if !self.links.is_empty() => {
                self.links[usize::from(*at) % links].ends[usize::from(*at) / links % 2].1 = *port;
            }
            Change::Routing => self.is_static = !self.is_static,
            Change::DropLink(_) | Change::DropNode(_) | Change::Port(..) => {}
        }
    }

    /// The lab as a file. Left out are links of a node with itself, circles of bridges, and a node's second link into one network of bridges: which of two
    /// devices in one subnet a kernel sends by depends on which came first.
    fn text(&self, vlans: bool) -> String {
        let name = |at: usize| format!("{}{at}", self.nodes[at].letter);
        let mut text = format!("name: q\nrouting: {}\nnodes:\n", if self.is_static { "static" } else { "none" });
        for (at, node) in self.nodes.iter().enumerate() {
            let said = match (node.letter, node.lo) {
                ('s', _) => "kind: bridge".to_owned(),
                ('r', false) => "kind: router".to_owned(),
                ('r', true) => format!("kind: router, lo: 198.51.100.{at}/32"),
                (_, true) => format!("lo: 198.51.100.{at}/32"),
                (_, false) => String::new(),
            };
            text += &format!("  {}: {{ {said} }}\n", name(at));
        }
        text += "links:\n";
        let is_bridge = |at: usize| self.nodes[at].letter == 's';
        let ends = |link: &Link| link.ends.map(|(at, _)| usize::from(at) % self.nodes.len());
        let mut network: Vec<usize> = (0..self.nodes.len()).collect();
        let mut within = BTreeSet::new();
        let (between, others): (Vec<&Link>, Vec<&Link>) =
            self.links.iter().partition(|link| ends(link).into_iter().all(is_bridge));
        for link in between.into_iter().chain(others) {
            let [a, b] = ends(link);
            let is_second = match (is_bridge(a), is_bridge(b)) {
                (true, true) if network[a] == network[b] => true,
                (true, true) => {
                    let (from, to) = (network[a], network[b]);
                    network.iter_mut().filter(|n| **n == from).for_each(|n| *n = to);
                    false
                }
                (true, false) => !within.insert((b, network[a])),
                (false, true) => !within.insert((a, network[b])),
                (false, false) => a == b,
            };
            if is_second {
                continue;
            }
            let end = |at: usize, port: Port| {
                let down = if port.down { "state: down, " } else { "" };
                let isolated = if port.isolated && is_bridge(at) { "isolated: true, " } else { "" };
                let vlans = if vlans && is_bridge(at) { port.vlans } else { "" };
                format!("{{ {down}{isolated}{vlans}node: {} }}", name(at))
            };
            text += &format!("  - endpoints: [{}, {}]\n", end(a, link.ends[0].1), end(b, link.ends[1].1));
        }
        text
    }
}

/// Whether the machine's bridges keep VLANs apart.
fn has_vlans(machine: &Machine) -> bool {
    let text = "name: q\nnodes: { a: {}, s: { kind: bridge } }\nlinks: [{ endpoints: [a, s], vlan: 10 }]\n";
    let has = machine.applies(&machine.file("vlans.yaml", text));
    if has {
        machine.ok(["destroy", "q"]);
    }
    has
}

/// Makes it so, and proves it; in words why not. What no kernel can make is refused, and then nothing is asked.
fn becomes(machine: &Machine, file: &Path, text: &str) -> Result<bool, TestCaseError> {
    let output = machine.netsim([Path::new("apply"), file, Path::new("--check")]).output().expect("netsim starts");
    let said = both(&output);
    if said.contains("problem in") || said.contains("problems in") {
        return Ok(false);
    }
    prop_assert!(output.status.success(), "{}\n{}", text, said);
    let again = machine.netsim([Path::new("apply"), file]).output().expect("netsim starts");
    prop_assert!(both(&again).contains("nothing to do"), "{}\n{}", text, both(&again));
    Ok(true)
}

#[test]
fn a_random_lab_does_what_its_graph_says_however_it_is_changed() {
    on_a_machine_of_its_own("a_random_lab_does_what_its_graph_says_however_it_is_changed", |machine| {
        let vlans = has_vlans(machine);
        let (proved, refused) = (Cell::new(0), Cell::new(0));
        let config = Config { cases: rounds(25), failure_persistence: None, ..Config::default() };
        let labs = (sketch(), vec(vec(change(), 1..4), 0..4));
        let outcome = TestRunner::new(config).run(&labs, |(mut lab, changes)| {
            for step in std::iter::once(&Vec::new()).chain(&changes) {
                step.iter().for_each(|change| lab.change(change));
                let text = lab.text(vlans);
                let count = if becomes(machine, &machine.file("q.yaml", &text), &text)? { &proved } else { &refused };
                count.set(count.get() + 1);
            }
            machine.ok(["destroy", "q"]);
            machine.has_nothing_left();
            Ok(())
        });
        eprintln!("{} random states proved, {} refused for what is wrong in the file", proved.get(), refused.get());
        assert!(outcome.is_ok(), "{}", outcome.expect_err("it is one"));
        assert!(proved.get() > refused.get());
    });
}
