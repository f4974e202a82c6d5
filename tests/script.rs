//! A plan as a script: run by a shell in a fresh network it makes what apply makes.

#![allow(clippy::print_stderr, reason = "a test says aloud what it skipped")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

mod support;
use support::{Machine, both, on_a_machine_of_its_own, run, shipped};

/// Everything that a script has to know: long names, a bridge in the host's namespace, settings of devices, programs, quotes.
const ODD: &str = r#"
name: odd
routing: static
addressing: { loopback: { ipv4: 10.255.0.0/24, ipv6: fd00:ff::/64 } }
nodes:
  r[1-3]: { kind: router }
  a:
    exec: [[/bin/true], [/bin/sh, -c, "exit \"$0\"", "0"], [/bin/echo, "it's $HOME; `x`", "two\nlines"]]
    sysctls: { net.ipv4.ip_local_port_range: "1024 65535", net.ipv4.conf.eth0.rp_filter: 2 }
  a-node-with-a-long-name: {}
  sw: { kind: bridge, subnet: 10.9.0.0/24 }
  out: { kind: bridge, namespace: host, subnet: none, ipv4: [10.8.0.1/24] }
links:
  - { endpoints: [r1, r2] }
  - { endpoints: [r2, r3] }
  - { endpoints: [r3, r1], mtu: 9000 }
  - { endpoints: ["{a,r1,a-node-with-a-long-name}", sw] }
  - { endpoints: ["a:up0", out], ipv4: [10.8.0.2/24] }
"#;

/// Every kind of interface and what can be said of one, with long names.
const KINDS: &str = r#"
name: kinds
nodes:
  a-node-with-a-long-name:
    interfaces:
      an-interface-with-a-long-name: { dummy: true, ipv4: 192.0.2.1/32, mtu: 9000 }
      eth0.10: { vlan: 10, ipv4: 10.10.0.1/24 }
      inner: { vlan: 7, parent: eth0.10, protocol: 802.1ad }
      m: { macvlan: vepa, parent: eth0 }
      p: { macvlan: passthru, parent: eth2 }
      i: { ipvlan: l3, parent: eth1 }
      red: { vrf: { table: 77, members: [eth3] } }
  b: { interfaces: { bond0: { bond: { members: [x, y], mode: active-backup, miimon: 50ms }, ipv4: [10.9.0.1/24] } } }
  c: {}
  sw: { kind: bridge, stp: true, forward-delay: 2s, subnet: none }
links:
  - { endpoints: ["a-node-with-a-long-name:eth0", sw], trunk: [10, 20-29], native: 3, hairpin: true }
  - { endpoints: ["a-node-with-a-long-name:eth1", c], delay: 8ms, jitter: 80us, distribution: paretonormal, loss: { p: 1%, r: 10%, 1-h: 70%, 1-k: 0.1% } }
  - { endpoints: ["a-node-with-a-long-name:eth2", c], duplicate: 1%, corrupt: 0.01%, delay: 1ms, reorder: 5%, rate: 1gbit, limit: 20 }
  - { endpoints: ["a-node-with-a-long-name:eth3", c], loss: 0.1%, ecn: true, state: down }
  - { endpoints: ["b:x", sw], vlan: 10, isolated: true, learning: false }
  - { endpoints: ["b:y", sw], vlan: 10 }
  - { endpoints: ["b:z", c], queues: 3, txqueuelen: 7, offloads: { gro: off, gso: off, tso: off, tx-checksum: off } }
  - { endpoints: ["b:w", c], bond: { links: 2, mode: balance-xor } }
"#;

/// What differs from the file, by kind.
fn differing(machine: &Machine, file: &str) -> [BTreeSet<String>; 2] {
    let said = machine.ok(["status", file, "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&said).expect("it is JSON");
    let differences = document["differences"].as_array().expect("a list");
    ["missing", "by-hand"].map(|kind| {
        let (of_kind, others): (Vec<_>, Vec<_>) = differences.iter().partition(|d| d["kind"] == kind);
        assert!(others.iter().all(|d| d["kind"] == "missing" || d["kind"] == "by-hand"), "{file}: {others:#?}");
        of_kind.iter().map(|d| d["key"].to_string()).collect()
    })
}

/// The script that does what `apply` of this file would do; none where this kernel lacks something, which is said aloud.
fn script(machine: &Machine, file: &str) -> Option<PathBuf> {
    let output = machine.netsim(["plan", file, "--format", "sh", "-q"]).output().expect("netsim starts");
    if !output.status.success() {
        let said = both(&output);
        assert!(said.contains("E071") && said.contains("this kernel has no"), "{file}: {said}");
        eprintln!("SKIPPED {file}: {}", said.lines().next().unwrap_or_default());
        return None;
    }
    let script = String::from_utf8(output.stdout).expect("netsim prints UTF-8");
    Some(machine.file("lab.sh", &script))
}

fn run_script(file: &str, path: &Path) {
    let output = Command::new("sh").arg(path).output().expect("a shell is there");
    assert!(output.status.success(), "{file}: {}", both(&output));
}

/// iproute2 before 6.3 cannot mark addresses: they are there, and are taken for somebody else's.
fn assert_made(machine: &Machine, file: &str) {
    let [missing, by_hand] = differing(machine, file);
    assert_eq!(missing, by_hand, "{file}");
    assert!(missing.iter().all(|key| key.starts_with("{\"address\"")), "{file}: {missing:#?}");
}

#[test]
fn a_script_makes_what_apply_makes() {
    on_a_machine_of_its_own("a_script_makes_what_apply_makes", |machine| {
        let odd = machine.file("odd.yaml", ODD);
        let kinds = machine.file("kinds.yaml", KINDS);
        let mut files = shipped();
        files.extend([odd, kinds]);
        for file in files {
            let nic = file.ends_with("machine-nic.yaml");
            if nic {
                run("ip", &["link", "add", "eth1", "type", "veth", "peer", "name", "outside"]);
                run("ip", &["link", "set", "eth1", "up"]);
                run("ip", &["link", "set", "outside", "up"]);
            }
            let file = file.to_str().expect("a UTF-8 path");
            if let Some(path) = script(machine, file) {
                run_script(file, &path);
                assert_made(machine, file);
                machine.ok(["check", file]);
                machine.ok(["destroy", file]);
                // The mount that `ip netns add` makes of the directory on itself.
                run("umount", &["/run/netns"]);
            }
            if nic {
                run("ip", &["link", "del", "eth1"]);
            }
            machine.has_nothing_left();
        }
    });
}

#[test]
fn a_script_changes_what_apply_changes() {
    on_a_machine_of_its_own("a_script_changes_what_apply_changes", |machine| {
        for (name, from, to) in CHANGES {
            let file = machine.file(&format!("{name}.yaml"), &lab(name, from));
            let file = file.to_str().expect("a UTF-8 path");
            let output = machine.netsim(["apply", file, "-q"]).output().expect("netsim starts");
            if !output.status.success() {
                assert!(both(&output).contains("E071"), "{name}: {}", both(&output));
                eprintln!("SKIPPED {name}: {}", both(&output).lines().next().unwrap_or_default());
                continue;
            }
            for change in [to, from] {
                machine.file(&format!("{name}.yaml"), &lab(name, change));
                if let Some(path) = script(machine, file) {
                    run_script(file, &path);
                    assert_made(machine, file);
                }
            }
            machine.ok(["destroy", file]);
            machine.has_nothing_left();
        }
    });
}

fn lab(name: &str, body: &str) -> String {
    format!("name: {name}\n{body}")
}

/// What changes in place, and back: name, before, after.
const CHANGES: [(&str, &str, &str); 7] = [
    (
        "netem",
        "nodes: { a: {}, b: {} }\nlinks: [{ endpoints: [a, b], delay: 8ms, loss: 1% }]",
        "nodes: { a: {}, b: {} }\nlinks: [{ endpoints: [a, b], delay: 80ms, jitter: 8ms, distribution: normal, duplicate: 0.1%,
          loss: { p: 1%, r: 10% }, rate: 10mbit, corrupt: 1%, reorder: 25%, ecn: true, limit: 77 }]",
    ),
    (
        "slower",
        "nodes: { a: {}, b: {} }\nlinks: [{ endpoints: [a, b], loss: 1%, rate: 10mbit, corrupt: 1%, limit: 50 }]",
        "nodes: { a: {}, b: {} }\nlinks: [{ endpoints: [a, b], loss: 2%, ecn: true, limit: 50, delay: 16us }]",
    ),
    (
        "ports",
        "nodes: { a: {}, sw: { kind: bridge, ageing: 10s } }
links: [{ endpoints: [a, sw], isolated: true, hairpin: true, txqueuelen: 10 }]",
        "nodes: { a: {}, sw: { kind: bridge } }\nlinks: [{ endpoints: [a, sw], learning: false }]",
    ),
    (
        "vlans",
        "nodes: { a: {}, b: {}, sw: { kind: bridge } }
links: [{ endpoints: [a, sw], vlan: 10 }, { endpoints: [b, sw], trunk: [10, 20-30], native: 5 }]",
        "nodes: { a: {}, b: {}, sw: { kind: bridge } }
links: [{ endpoints: [a, sw], vlan: 20 }, { endpoints: [b, sw], trunk: [15-25], native: 10 }]",
    ),
    (
        "filtering",
        "nodes: { a: {}, b: {}, sw: { kind: bridge, subnet: none } }\nlinks: [{ endpoints: [a, sw] }, { endpoints: [b, sw] }]",
        "nodes: { a: {}, b: {}, sw: { kind: bridge, subnet: none } }
links: [{ endpoints: [a, sw], vlan: 10 }, { endpoints: [b, sw] }]",
    ),
    (
        "offloads",
        "nodes: { a: {}, b: {} }\nlinks: [{ endpoints: [a, b], offloads: { gro: off, tso: off } }]",
        "nodes: { a: {}, b: {} }\nlinks: [{ endpoints: [a, b], offloads: { tx-checksum: off, gso: off } }]",
    ),
    (
        "children",
        "nodes: { a: { interfaces: { m: { macvlan: bridge, parent: eth0, mtu: 1400 } } }, b: {} }\nlinks: [{ endpoints: [a, b] }]",
        "nodes: { a: { interfaces: { m: { macvlan: private, parent: eth0 } } }, b: {} }\nlinks: [{ endpoints: [a, b] }]",
    ),
];
