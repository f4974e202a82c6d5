//! Whatever stands in a file: it is read or told about, and nothing breaks.

use indexmap::IndexMap;
use netsim_core::spec;
use proptest::prelude::*;

/// Loads a text; every problem that has a place has one that can be found, and none speaks of how netsim is made.
fn survives(text: &str) {
    let vars = IndexMap::from([("V".to_owned(), "a}, [b".to_owned())]);
    let (sources, result) = spec::load("lab.yaml", &mut |_| Ok(text.to_owned()), &vars);
    if let Ok(topology) = &result {
        netsim_core::lint::lint(topology);
    }
    for problem in result.err().into_iter().flatten() {
        for word in
            ["invalid type", "invalid value", "untagged", "struct ", "missing field", "unknown field", "variant"]
        {
            assert!(!problem.message.contains(word), "{problem:?} in {text:?}");
        }
        if let Some(place) = &problem.at {
            let spot = sources.locate(place).unwrap_or_else(|| panic!("{problem:?} is nowhere in {text:?}"));
            assert!(sources.files[spot.source].text.get(spot.offset..).is_some(), "{problem:?} in {text:?}");
            assert!(spot.line >= 1 && spot.column >= 1);
        }
    }
}

/// Text made of the pieces that files are made of.
fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "name",
        "nodes",
        "links",
        "endpoints",
        "kind",
        "bridge",
        "ovs",
        "mirrors",
        "flows",
        "other-config",
        "controller",
        "internal",
        "policing",
        "subnet",
        "none",
        "a",
        "b:eth0",
        "n[1-3]",
        "{a,b}",
        "10.0.0.1/24",
        "fd00::/64",
        "x-y",
        "vars",
        "include",
        "${V}",
        "${W:-é}",
        "$$",
        "&a",
        "*a",
        "!t",
        "<<",
        "null",
        "1",
        "-1",
        "exec",
        "lo",
        "each",
        "delay",
        "10ms",
        "loss",
        "1%",
        "trunk",
        "all",
        "bond",
        "stp",
        "true",
        "interfaces",
        "host:eth1",
        "macvlan",
    ];
    let marks = [
        ": ", ":\n  ", ":\n    ", "\n", "\n  ", "\n  - ", "- ", "[", "]", "{", "}", ", ", "\"", "'", "|\n  ", ">\n ",
        "# ", "? ", "\t", "---\n", "...\n", "\r\n", "é", "\u{feff}", "%", "@", "\0",
    ];
    let piece = prop_oneof![3 => prop::sample::select(words.to_vec()), 4 => prop::sample::select(marks.to_vec())];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// A file that is right in its form, with values that may not be.
fn formed() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "a",
        "b",
        "\"n[1-3]\"",
        "none",
        "bridge",
        "router",
        "10.0.0.1/24",
        "10.0.0.0/24",
        "fd00::1/64",
        "9000",
        "[]",
        "{}",
        "[a, b]",
        "[[x]]",
        "\"${V}\"",
        "\"a:eth0\"",
        "null",
        "[{ to: default, via: 10.0.0.9 }]",
        "{ net.a: 1 }",
        "{ eth0: { mtu: 70 } }",
        "10ms",
        "1%",
        "true",
        "up",
        "on",
        "all",
        "5",
        "\"0-3,8\"",
        "{ p: 1% }",
        "{ links: 2 }",
        "{ links: 99, miimon: x }",
        "{ gso: off }",
        "[\"a:eth0\", \"host:eth1\"]",
        "[a, \"b:x[0-2]\"]",
        "[{ node: a, vlan: 5, rate: 1mbit }, b]",
        "{ eth0.5: { vlan: 5 }, d: { dummy: true, rate: 1mbit }, x: { bond: { members: [eth1, x] } } }",
        "{ red: { vrf: { table: 10, members: [\"eth[0-2]\"] } }, m: { macvlan: bridge, parent: m } }",
    ]);
    let key = prop::sample::select(vec![
        "kind",
        "group",
        "namespace",
        "subnet",
        "ipv4",
        "ipv6",
        "interfaces",
        "lo",
        "routes",
        "sysctls",
        "exec",
        "mtu",
        "endpoints",
        "each",
        "endpoints",
        "interfaces",
        "stp",
        "forward-delay",
        "ageing",
        "vlan",
        "trunk",
        "native",
        "isolated",
        "bond",
        "macvlan",
        "ipvlan",
        "delay",
        "jitter",
        "loss",
        "ecn",
        "rate",
        "limit",
        "seed",
        "state",
        "queues",
        "xps-cpus",
        "offloads",
    ]);
    let map = prop::collection::vec((key, value), 0..4)
        .prop_map(|entries| entries.iter().map(|(k, v)| format!("{k}: {v}")).collect::<Vec<_>>().join(", "));
    (prop::collection::vec(map.clone(), 1..4), prop::collection::vec(map, 0..4)).prop_map(|(nodes, links)| {
        let mut text = "name: t\nnodes:\n  \"n[1-3]\": {}\n".to_owned();
        for (i, node) in nodes.iter().enumerate() {
            text += &format!("  {}: {{ {node} }}\n", ["a", "b", "c", "d"][i]);
        }
        text += "links:\n";
        links.iter().for_each(|link| text += &format!("  - {{ {link} }}\n"));
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_files_never_break_anything(text in pieces()) {
        survives(&text);
    }

    #[test]
    fn any_text_never_breaks_anything(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn well_formed_files_never_break_anything(text in formed()) {
        survives(&text);
    }
}

#[test]
fn very_deep_and_very_wide_files_never_break_anything() {
    for open in ["[", "{a: ", "- ", "? ", "a:\n "] {
        survives(&open.repeat(20_000));
    }
    survives(&format!("name: t\nnodes: {{ a: {} }}\n", "[".repeat(500) + &"]".repeat(500)));
    let laughs: String = (1..30).map(|i| format!("x-{i}: &a{i} [*a{}, *a{}]\n", i - 1, i - 1)).collect();
    survives(&format!("x-0: &a0 [a]\n{laughs}name: t\nnodes: {{ a: {{ lo: *a29 }} }}\n"));
    survives("name: t\nnodes: { \"a[1-1000000][1-1000000]\": {}, \"b[1-99999999999999999999]\": {} }\n");
}
