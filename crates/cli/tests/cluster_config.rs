//! `cluster_config.json` in many dialects becomes a topology that holds together.

use expect_test::{Expect, expect};

mod common;
use common::Sandbox;

/// What the import says on standard output and on standard error, and that the lab can be planned.
fn check(name: &str, json: &str, yaml: &Expect, warnings: &Expect) {
    let sandbox = Sandbox::new(&format!("cluster-config-{name}"));
    sandbox.file("cluster_config.json", json);
    let said = sandbox.say("import cluster-config cluster_config.json");
    assert_eq!(said.code, Some(0), "{said:#?}");
    yaml.assert_eq(&said.out);
    warnings.assert_eq(&said.err);
    sandbox.file("lab.yaml", &said.out);
    sandbox.ok("validate lab.yaml");
    sandbox.ok("plan --from lab.yaml lab.yaml");
}

#[test]
fn the_usual_file_is_three_lines() {
    let json = r#"{
        "nodes": [
            {"name": "node1", "ip": "10.0.1.1"}, {"name": "node2", "ip": "10.0.1.2"},
            {"name": "node3", "ip": "10.0.1.3"}, {"name": "node4", "ip": "10.0.1.4"}
        ],
        "bridge": "lqb", "subnet": "10.0.1.0/24", "delay": "10ms", "loss": "1%"
    }"#;
    check(
        "usual",
        json,
        &expect![[r##"
        # cluster_config: 4 nodes on one bridge, imported from cluster_config.json.
        name: cluster_config
        nodes:
          node[1-4]: {}
          lqb: { kind: bridge, subnet: 10.0.1.0/24 }
        links:
          - { endpoints: ["node[1-4]", lqb], delay: 10ms, loss: 1% }
    "##]],
        &expect![[""]],
    );
}

#[test]
fn addresses_are_kept_where_the_bridge_would_give_others() {
    let json = r#"{
        "cluster_name": "db", "switch": {"name": "br0", "address": "192.168.7.254/24"},
        "hosts": {
            "db-01": {"address": "192.168.7.11/24"}, "db-02": {"address": "192.168.7.12/24"},
            "db-03": {"address": "192.168.7.20/24", "latency_ms": 50},
            "client": {"ipv4": ["192.168.7.100/24", "10.9.9.1/24"], "ipv6": "fd00::5/64", "iface": "wan0"}
        },
        "network": {"latency_ms": 2.5, "jitter": "100us", "packetLoss": 0.5, "bandwidth": "1Gbps"}
    }"#;
    check(
        "kept",
        json,
        &expect![[r##"
        # db: 4 nodes on one bridge, imported from cluster_config.json.
        # Note: $.network.packetLoss: 0.5 was read as 0.5%; write 50% if a share of one was meant.
        # Note: $.network.bandwidth: 1gbps was read as 1gbit.
        name: db
        nodes:
          db-[01-03]: {}
          client: {}
          br0: { kind: bridge, ipv4: [192.168.7.254/24] }
        links:
          - { endpoints: ["db-[01-02]", br0], delay: 2.5ms, jitter: 100us, loss: 0.5%, rate: 1gbit, ipv4: ["192.168.7.[11-12]/24"] }
          - { endpoints: [db-03, br0], delay: 50ms, jitter: 100us, loss: 0.5%, rate: 1gbit, ipv4: [192.168.7.20/24] }
          - { endpoints: [{ node: client, interface: "wan0", ipv4: [192.168.7.100/24, 10.9.9.1/24], ipv6: ["fd00::5/64"] }, br0], delay: 2.5ms, jitter: 100us, loss: 0.5%, rate: 1gbit }
    "##]],
        &expect![[r#"
        warning: $.network.packetLoss: 0.5 was read as 0.5%; write 50% if a share of one was meant
        warning: $.network.bandwidth: 1gbps was read as 1gbit
    "#]],
    );
}

#[test]
fn what_is_not_understood_is_told_with_its_path() {
    let json = r#"{
        "version": 3,
        "servers": [
            {"hostname": "Büro 1", "addr": "10.1.0.1", "cpu": 4, "tags": ["a"]},
            {"hostname": "host", "addr": "10.1.0.300"},
            "10.1.0.3", "plain", 7, null, ["x"]
        ],
        "bridge": ["a", "b"],
        "delay": "soon", "loss": 0.01, "rate": 100, "delay_ms": 10, "latency": "20ms",
        "links": [{"from": "a", "to": "b", "delay": 5}],
        "network": {"gateway": "10.1.0.254", "mtu": 9000, "netmask": "255.255.0.0"}
    }"#;
    check(
        "lost",
        json,
        &expect![[r##"
        # cluster_config: 6 nodes on one bridge, imported from cluster_config.json.
        # Note: $.version: not understood, left out.
        # Note: $.servers[0].cpu: not understood, left out.
        # Note: $.servers[0].tags: not understood, left out.
        # Note: $.servers[1].addr: no address, left out.
        # Note: $.servers[6]: no node, left out.
        # Note: $.bridge: not understood, left out.
        # Note: $.delay: not understood, left out.
        # Note: $.loss: 0.01 was read as 0.01%; write 1% if a share of one was meant.
        # Note: $.rate: 100 was read as 100mbit.
        # Note: $.latency: it is said already, left out.
        # Note: $.links: not understood, left out.
        # Note: $.network.gateway: not understood, left out.
        # Note: node `Büro 1` is called Buero-1.
        # Note: node `host` is called host-2.
        name: cluster_config
        nodes:
          Buero-1: {}
          host-2: {}
          node3: {}
          plain: {}
          "7": {}
          node6: {}
          sw: { kind: bridge, subnet: 10.1.0.0/16 }
        links:
          - { endpoints: [Buero-1, sw], loss: 0.01%, rate: 100mbit, delay: 10ms, mtu: 9000 }
          - { endpoints: [host-2, sw], loss: 0.01%, rate: 100mbit, delay: 10ms, mtu: 9000 }
          - { endpoints: [node3, sw], loss: 0.01%, rate: 100mbit, delay: 10ms, mtu: 9000 }
          - { endpoints: [plain, sw], loss: 0.01%, rate: 100mbit, delay: 10ms, mtu: 9000 }
          - { endpoints: ["7", sw], loss: 0.01%, rate: 100mbit, delay: 10ms, mtu: 9000 }
          - { endpoints: [node6, sw], loss: 0.01%, rate: 100mbit, delay: 10ms, mtu: 9000 }
    "##]],
        &expect![[r#"
        warning: $.version: not understood, left out
        warning: $.servers[0].cpu: not understood, left out
        warning: $.servers[0].tags: not understood, left out
        warning: $.servers[1].addr: no address, left out
        warning: $.servers[6]: no node, left out
        warning: $.bridge: not understood, left out
        warning: $.delay: not understood, left out
        warning: $.loss: 0.01 was read as 0.01%; write 1% if a share of one was meant
        warning: $.rate: 100 was read as 100mbit
        warning: $.latency: it is said already, left out
        warning: $.links: not understood, left out
        warning: $.network.gateway: not understood, left out
        warning: node `Büro 1` is called Buero-1
        warning: node `host` is called host-2
    "#]],
    );
}

#[test]
fn a_number_of_nodes_and_a_bare_list_are_clusters_too() {
    check(
        "number",
        r#"{"nodes": 3, "bridge": "hub", "delay": 5}"#,
        &expect![[r##"
        # cluster_config: 3 nodes on one bridge, imported from cluster_config.json.
        # Note: $.delay: 5 was read as 5ms.
        name: cluster_config
        nodes:
          node[1-3]: {}
          hub: { kind: bridge }
        links:
          - { endpoints: ["node[1-3]", hub], delay: 5ms }
    "##]],
        &expect![[r#"
        warning: $.delay: 5 was read as 5ms
    "#]],
    );
    check(
        "bare",
        r#"["10.0.0.1/8", "10.0.0.2/8"]"#,
        &expect![[r##"
        # cluster_config: 2 nodes on one bridge, imported from cluster_config.json.
        name: cluster_config
        nodes:
          node[1-2]: {}
          sw: { kind: bridge, subnet: 10.0.0.0/8 }
        links:
          - { endpoints: ["node[1-2]", sw] }
    "##]],
        &expect![[""]],
    );
}

#[test]
fn what_is_no_cluster_is_refused_with_a_reason() {
    let sandbox = Sandbox::new("cluster-config-none");
    sandbox.file("a.json", "{nodes:");
    expect![[r#"
        error[E135]: a.json is no JSON: key must be a string at line 1 column 2
        hint: give a file such as {"nodes": [{"name": "node1", "ip": "10.0.1.1/24"}], "delay": "10ms"}
    "#]]
    .assert_eq(&sandbox.fails("import cluster-config a.json"));
    sandbox.file("b.json", r#"{"cluster": {"delay": 3}}"#);
    expect![[r#"
        error[E135]: b.json has no nodes
        hint: give a file such as {"nodes": [{"name": "node1", "ip": "10.0.1.1/24"}], "delay": "10ms"}
    "#]]
    .assert_eq(&sandbox.fails("import cluster-config b.json"));
}
