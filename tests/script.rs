//! A plan as a script: run by a shell in a fresh network it makes what apply makes.

use std::collections::BTreeSet;
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

#[test]
fn a_script_makes_what_apply_makes() {
    on_a_machine_of_its_own("a_script_makes_what_apply_makes", |machine| {
        let odd = machine.file("odd.yaml", ODD);
        let mut files = shipped();
        files.push(odd);
        for file in files {
            let file = file.to_str().expect("a UTF-8 path");
            let script = machine.ok(["plan", file, "--format", "sh"]);
            let path = machine.file("lab.sh", &script);
            let output = Command::new("sh").arg(path).output().expect("a shell is there");
            assert!(output.status.success(), "{file}: {}", both(&output));
            // iproute2 before 6.3 cannot mark addresses: they are there, and are taken for somebody else's.
            let [missing, by_hand] = differing(machine, file);
            assert_eq!(missing, by_hand, "{file}");
            assert!(missing.iter().all(|key| key.starts_with("{\"address\"")), "{file}: {missing:#?}");
            machine.ok(["check", file]);
            machine.ok(["destroy", file]);
            // The mount that `ip netns add` makes of the directory on itself.
            run("umount", &["/run/netns"]);
            machine.has_nothing_left();
        }
    });
}
