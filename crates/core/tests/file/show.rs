//! Files in, text out: a topology, or the problems with their places.

use std::fmt::Write;

use expect_test::Expect;
use indexmap::IndexMap;
use netsim_core::problem::Problem;
use netsim_core::spec::{self, Sources};
use netsim_core::topology::{CheckKind, Endpoint, Kind, Topology};

/// Loads several files, the first the root.
pub fn load_files(files: &[(&str, &str)], vars: &[(&str, &str)]) -> (Sources, Result<Topology, Vec<Problem>>) {
    let mut read = |name: &str| {
        let file = files.iter().find(|(n, _)| *n == name);
        file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| "no such file or directory".to_owned())
    };
    let vars: IndexMap<String, String> = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    spec::load(files[0].0, &mut read, &vars)
}

/// The topology of one file.
pub fn topology(text: &str) -> Topology {
    load_files(&[("lab.yaml", text)], &[]).1.unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// What one file means, or what is wrong with it.
pub fn check(text: &str, expect: Expect) {
    check_files(&[("lab.yaml", text)], &[], expect);
}

/// The same for the lines of a lab that is called `t`.
pub fn check_lab(lines: &str, expect: Expect) {
    check(&format!("name: t\n{lines}"), expect);
}

pub fn check_files(files: &[(&str, &str)], vars: &[(&str, &str)], expect: Expect) {
    let (sources, result) = load_files(files, vars);
    expect.assert_eq(&match &result {
        Ok(topology) => shown(topology),
        Err(problems) => told(&sources, problems),
    });
}

/// Problems, each with its place and its hint.
pub fn told(sources: &Sources, problems: &[Problem]) -> String {
    let mut out = String::new();
    for problem in problems {
        write!(out, "{} ", problem.code).unwrap();
        if let Some(place) = &problem.at {
            let spot = sources.locate(place).expect("every place is somewhere");
            let file = &sources.files[spot.source];
            if sources.files.len() > 1 {
                write!(out, "{}:", file.name).unwrap();
            }
            write!(out, "{}:{} ", spot.line, spot.column).unwrap();
            let text = &file.text[spot.offset..(spot.offset + spot.len).min(file.text.len())];
            write!(out, "⟨{}⟩ ", text.escape_debug()).unwrap();
        }
        writeln!(out, "{}", problem.message).unwrap();
        if let Some(hint) = &problem.hint {
            writeln!(out, "     {hint}").unwrap();
        }
    }
    out
}

/// A topology, a line for each thing in it.
pub fn shown(t: &Topology) -> String {
    let mut out = String::new();
    writeln!(out, "{} {:?} {:?}", t.name, t.prefix, t.routing).unwrap();
    for node in t.graph.node_weights() {
        let kind = match &node.kind {
            Kind::Namespace => "namespace".to_owned(),
            Kind::Router => "router".to_owned(),
            Kind::Nic { name } => format!("nic {name}"),
            Kind::Bridge(s) => {
                let mut kind = "bridge".to_owned();
                let words = [(s.in_host, " in-host"), (s.implied, " implied"), (!s.gives, " gives-nothing")];
                kind.extend(words.iter().filter(|(is, _)| *is).map(|(_, word)| *word));
                kind.extend(s.subnets.iter().map(|n| format!(" gives {n}")));
                kind.extend(s.addresses.iter().map(|n| format!(" has {n}")));
                kind
            }
        };
        write!(out, "{}: {kind}", node.name).unwrap();
        node.loopbacks.iter().for_each(|a| write!(out, " lo {a}").unwrap());
        for route in &node.routes {
            write!(out, " route {} via {:?}", route.to, route.via).unwrap();
            route.device.iter().for_each(|d| write!(out, " dev {d}").unwrap());
            route.metric.iter().for_each(|m| write!(out, " metric {m}").unwrap());
        }
        node.sysctls.iter().for_each(|(k, v)| write!(out, " {k}={v:?}").unwrap());
        node.exec.iter().for_each(|argv| write!(out, " exec {argv:?}").unwrap());
        out.push('\n');
    }
    for link in t.graph.edge_weights() {
        write!(out, "{} -- {}", end(t, &link.ends[0]), end(t, &link.ends[1])).unwrap();
        link.subnets.iter().for_each(|n| write!(out, " gives {n}").unwrap());
        out.push_str(if link.gives { "\n" } else { " gives-nothing\n" });
    }
    for check in &t.checks {
        let name = |n: &petgraph::graph::NodeIndex| t.graph[*n].name.as_str();
        match &check.kind {
            CheckKind::Reachable(n) => writeln!(out, "reachable {:?}", n.iter().map(name).collect::<Vec<_>>()),
            CheckKind::Unreachable(n) => writeln!(out, "unreachable {:?}", n.iter().map(name).collect::<Vec<_>>()),
            CheckKind::Ping { from, to, rtt } => writeln!(out, "ping {} {} {rtt:?}", name(from), name(to)),
        }
        .unwrap();
    }
    out
}

fn end(t: &Topology, end: &Endpoint) -> String {
    let mut out = t.graph[end.node].name.to_string();
    end.interface.iter().for_each(|i| write!(out, ":{i}").unwrap());
    end.addresses.iter().for_each(|a| write!(out, " {a}").unwrap());
    end.mac.iter().for_each(|m| write!(out, " {m}").unwrap());
    end.mtu.iter().for_each(|m| write!(out, " mtu {m}").unwrap());
    out
}
