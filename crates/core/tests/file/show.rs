//! Files in, text out: a topology, or the problems with their places.

use std::fmt::Write;

use expect_test::Expect;
use indexmap::IndexMap;
use ipnet::IpNet;
use netsim_core::names::{HostId, Mac};
use netsim_core::problem::Problem;
use netsim_core::spec::{self, Sources};
use netsim_core::topology::{
    CheckKind, Endpoint, Impairment, Kind, LinkKind, On, OverlayKind, OverlayWritten, OvsWritten, Topology, Trunk,
    Written,
};
use netsim_core::units;

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

/// The warnings about the lines of a lab that is called `t`.
pub fn check_lints(lines: &str, expect: Expect) {
    let (sources, result) = load_files(&[("lab.yaml", &format!("name: t\n{lines}"))], &[]);
    let topology = result.unwrap_or_else(|problems| panic!("{}", told(&sources, &problems)));
    expect.assert_eq(&told(&sources, &netsim_core::lint::lint(&topology)));
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

/// What is written of a switch of Open vSwitch beyond what every switch has.
fn ovs(t: &Topology, written: &OvsWritten) -> String {
    let mut out = String::new();
    out.extend(written.datapath.map(|datapath| format!(" {datapath:?}")));
    out.extend(written.fail_mode.map(|mode| format!(" fail-mode {mode:?}")));
    out.extend(written.rstp.then_some(" rstp".to_owned()));
    out.extend(written.protocols.iter().map(|p| format!(" {p}")));
    out.extend(written.controllers.iter().map(|c| format!(" {c}")));
    out.extend(written.other_config.iter().map(|(k, v)| format!(" {k}={v:?}")));
    out.extend(written.flows.as_ref().map(|text| format!(" flows {text:?}")));
    for mirror in &written.mirrors {
        let link = |edge| {
            let ends: Vec<&str> = [0, 1].map(|side| t.end_node(edge, side).name.as_str()).to_vec();
            ends.join("-")
        };
        let from = mirror
            .from
            .as_ref()
            .map_or("all".to_owned(), |all| all.iter().map(|&edge| link(edge)).collect::<Vec<_>>().join(" "));
        write!(out, " mirror {} of {from} {:?} to {}", mirror.name, mirror.direction, link(mirror.to)).unwrap();
    }
    out
}

/// A topology, a line for each thing in it.
pub fn shown(t: &Topology) -> String {
    let mut out = String::new();
    writeln!(out, "{} {:?} {:?}", t.name, t.prefix, t.routing).unwrap();
    for (id, host) in &t.hosts {
        write!(out, "host {id}").unwrap();
        host.ssh.iter().for_each(|ssh| write!(out, " ssh {ssh}").unwrap());
        out.push_str(if host.sudo { " sudo" } else { "" });
        host.addresses.iter().for_each(|a| write!(out, " at {a}").unwrap());
        host.device.iter().for_each(|d| write!(out, " on {d}").unwrap());
        host.ovsdb.iter().for_each(|d| write!(out, " ovsdb {d}").unwrap());
        writeln!(out, " weight {}", host.weight).unwrap();
    }
    for node in t.graph.node_weights() {
        let kind = match &node.kind {
            Kind::Host => "machine".to_owned(),
            Kind::Overlay(overlay) => {
                let hosts: Vec<&str> = overlay.hosts.iter().map(HostId::as_str).collect();
                let mut kind = overlay_written(&overlay.written);
                write!(kind, " over {}", hosts.join(" ")).unwrap();
                kind.extend(overlay.subnets.iter().map(|n| format!(" gives {n}")));
                let words = [(overlay.p2p, " p2p"), (!overlay.gives, " gives-nothing")];
                kind.extend(words.iter().filter(|(is, _)| *is).map(|(_, word)| *word));
                kind
            }
            Kind::Namespace => "namespace".to_owned(),
            Kind::Router => "router".to_owned(),
            Kind::Nic { name } => format!("nic {name}"),
            Kind::Bridge(s) | Kind::Ovs(s, _) => {
                let mut kind = if matches!(node.kind, Kind::Ovs(..)) { "ovs" } else { "bridge" }.to_owned();
                let words = [(s.in_host, " in-host"), (s.implied, " implied"), (!s.gives, " gives-nothing")];
                kind.extend(words.iter().filter(|(is, _)| *is).map(|(_, word)| *word));
                kind.extend(s.subnets.iter().map(|n| format!(" gives {n}")));
                kind.extend(s.addresses.iter().map(|n| format!(" has {n}")));
                kind.extend(s.vlan.map(|v| format!(" in-vlan {v}")));
                kind.extend(s.stp.then_some(" stp".to_owned()));
                kind.extend(s.forward_delay.map(|t| format!(" forward-delay {t}")));
                kind.extend(s.ageing.map(|t| format!(" ageing {t}")));
                kind.extend(s.overlay.as_ref().map(|o| format!(" joined by {}", overlay_written(o))));
                if let Kind::Ovs(_, written) = &node.kind {
                    kind.push_str(&ovs(t, written));
                }
                kind
            }
        };
        write!(out, "{}: {kind}", node.name).unwrap();
        match &node.on {
            On::Host(host) if *host == HostId::local() => {}
            On::Host(host) => write!(out, " on {host}").unwrap(),
            On::Auto => out.push_str(" on auto"),
            On::Each(hosts) => write!(out, " on each of {hosts:?}").unwrap(),
        }
        node.loopbacks.iter().for_each(|a| write!(out, " lo {a}").unwrap());
        for route in &node.routes {
            write!(out, " route {} via {:?}", route.to, route.via).unwrap();
            route.device.iter().for_each(|d| write!(out, " dev {d}").unwrap());
            route.metric.iter().for_each(|m| write!(out, " metric {m}").unwrap());
            route.vrf.iter().for_each(|v| write!(out, " vrf {v}").unwrap());
        }
        node.sysctls.iter().for_each(|(k, v)| write!(out, " {k}={v:?}").unwrap());
        node.exec.iter().for_each(|argv| write!(out, " exec {argv:?}").unwrap());
        out.push('\n');
        for own in &node.interfaces {
            write!(out, "  {}: {:?}", own.name, own.kind).unwrap();
            of_interface(&mut out, &own.addresses, own.mac, own.mtu, &own.written);
            out.push('\n');
        }
    }
    for link in t.graph.edge_weights() {
        write!(out, "{} -- {}", end(t, &link.ends[0]), end(t, &link.ends[1])).unwrap();
        match link.kind {
            LinkKind::Overlay => out.push_str(" overlay"),
            LinkKind::Veth => {}
            LinkKind::Bond { links, bond } => {
                write!(out, " bond of {links} {} miimon {}", bond.mode, bond.miimon).unwrap();
            }
            LinkKind::Macvlan(mode) => write!(out, " macvlan {mode}").unwrap(),
            LinkKind::Ipvlan(mode) => write!(out, " ipvlan {mode}").unwrap(),
        }
        link.overlay.iter().for_each(|o| write!(out, " as {}", overlay_written(o)).unwrap());
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

fn overlay_written(written: &OverlayWritten) -> String {
    let mut out = String::new();
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            write!(out, " {key} {value}").unwrap();
        }
    };
    let kind = match &written.kind {
        OverlayKind::Vxlan { vni, port, group, df } => {
            put("vni", vni.map(|n| n.to_string()));
            put("port", port.map(|n| n.to_string()));
            put("group", group.map(|n| n.to_string()));
            put("df", df.map(|n| format!("{n:?}")));
            "vxlan"
        }
        OverlayKind::Geneve { vni, port } => {
            put("vni", vni.map(|n| n.to_string()));
            put("port", port.map(|n| n.to_string()));
            "geneve"
        }
        OverlayKind::Gretap { key } => {
            put("key", key.map(|n| n.to_string()));
            "gretap"
        }
        OverlayKind::Gre { key } => {
            put("key", key.map(|n| n.to_string()));
            "gre"
        }
    };
    put("ttl", written.ttl.map(|n| n.to_string()));
    put("checksum", written.checksum.map(|n| n.to_string()));
    format!("{kind}{out}")
}

fn end(t: &Topology, end: &Endpoint) -> String {
    let mut out = t.graph[end.node].name.to_string();
    end.interface.iter().for_each(|i| write!(out, ":{i}").unwrap());
    of_interface(&mut out, &end.addresses, end.mac, end.mtu, &end.written);
    let port = &end.port;
    port.vlan.iter().for_each(|v| write!(out, " vlan {v}").unwrap());
    match &port.trunk {
        None => {}
        Some(Trunk::All) => out.push_str(" trunk all"),
        Some(Trunk::Ranges(ranges)) => write!(out, " trunk {ranges:?}").unwrap(),
    }
    port.native.iter().for_each(|v| write!(out, " native {v}").unwrap());
    let words = [("hairpin", port.hairpin), ("isolated", port.isolated), ("learning", port.learning)];
    words.iter().filter_map(|(word, is)| Some((word, (*is)?))).for_each(|(w, is)| write!(out, " {w} {is}").unwrap());
    out
}

fn of_interface(out: &mut String, addresses: &[IpNet], mac: Option<Mac>, mtu: Option<u32>, written: &Written) {
    addresses.iter().for_each(|a| write!(out, " {a}").unwrap());
    mac.iter().for_each(|m| write!(out, " {m}").unwrap());
    mtu.iter().for_each(|m| write!(out, " mtu {m}").unwrap());
    let Written { impairment, down, tx_queue_len, queues, tuning } = written;
    if let Some(i) = impairment {
        let nothing = Impairment::default();
        let mut put = |is: bool, text: String| {
            if is {
                write!(out, " {text}").unwrap()
            }
        };
        put(i.delay > 0, format!("delay {}", units::print_time(i.delay)));
        put(i.jitter > 0, format!("jitter {}", units::print_time(i.jitter)));
        put(i.distribution != nothing.distribution, format!("{:?}", i.distribution));
        put(i.loss.is_some(), format!("{:?}", i.loss));
        put(i.duplicate > 0.0, format!("duplicate {}%", i.duplicate));
        put(i.corrupt > 0.0, format!("corrupt {}%", i.corrupt));
        put(i.reorder > 0.0, format!("reorder {}%", i.reorder));
        put(i.rate.is_some(), format!("rate {}", units::print_rate(i.rate.unwrap_or(0))));
        put(i.limit.is_some(), format!("limit {}", i.limit.unwrap_or(0)));
        put(i.ecn, "ecn".to_owned());
        put(i.seed.is_some(), format!("seed {}", i.seed.unwrap_or(0)));
    }
    out.push_str(if *down { " down" } else { "" });
    tx_queue_len.iter().for_each(|n| write!(out, " txqueuelen {n}").unwrap());
    queues.iter().for_each(|n| write!(out, " queues {n}").unwrap());
    tuning.iter().for_each(|(knob, value)| write!(out, " {knob}={value}").unwrap());
}
