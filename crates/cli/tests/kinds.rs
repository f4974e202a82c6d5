//! Plans for every kind of link and interface: what changes in place, and what has to be made anew and why.

use expect_test::{Expect, expect};

mod common;
use common::Sandbox;

/// What a plan from one file to another says, without its head and its sum.
fn check(from: &str, to: &str, expected: &Expect) {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let sandbox = Sandbox::new(&format!("kinds-{count}"));
    sandbox.file("old.yaml", &format!("name: kinds\n{from}"));
    sandbox.file("new.yaml", &format!("name: kinds\n{to}"));
    let said = sandbox.ok("plan new.yaml --from old.yaml -q");
    let body = said.split("\n\n").nth(1).unwrap_or("nothing to do");
    expected.assert_eq(&format!("plan:\n{body}\n"));
    // Done on the machine, the second file is what there is then.
    sandbox.ok("apply old.yaml -q");
    sandbox.ok("apply new.yaml -q");
    assert!(sandbox.ok("status new.yaml").ends_with("as new.yaml\n"));
    sandbox.ok("destroy kinds -q");
}

/// Two nodes and a link with these settings.
fn link(settings: &str) -> String {
    format!("nodes: {{ a: {{}}, b: {{}} }}\nlinks:\n  - {{ endpoints: [a, b]{settings} }}\n")
}

/// Two nodes with two links, the first with these interfaces of its own.
fn own(interfaces: &str) -> String {
    let links = "  - { endpoints: [a, b], subnet: none }\n  - { endpoints: [a, b], subnet: none }\n";
    format!("nodes:\n  a: {{ interfaces: {{ {interfaces} }} }}\n  b: {{}}\nlinks:\n{links}")
}

/// A switch with three nodes, their links with these settings.
fn switch(of_switch: &str, ports: [&str; 2]) -> String {
    let links = ports.map(|p| format!("  - {{ endpoints: [X, sw]{p} }}\n")).join("").replacen('X', "a", 1);
    let links = links.replacen('X', "b", 1);
    format!("nodes: {{ a: {{}}, b: {{}}, sw: {{ kind: bridge, subnet: none{of_switch} }} }}\nlinks:\n{links}")
}

#[test]
fn impairments_come_change_and_go_in_place() {
    check(
        &link(""),
        &link(", delay: 10ms, loss: 1%"),
        &expect![[r#"
            plan:
              ~ link a:eth0 – b:eth0
                  + delay 10ms, loss 1% at both ends
        "#]],
    );
    check(
        &link(", delay: 10ms, loss: 1%"),
        &link(", delay: 50ms, jitter: 2ms, distribution: normal"),
        &expect![[r#"
            plan:
              ~ link a:eth0 – b:eth0
                  ~ delay 10ms → 50ms, jitter none → 2ms normal, loss 1% → none, limit 9334
                    → 44334 packets at both ends
        "#]],
    );
    check(
        &link(", delay: 10ms, loss: { p: 1% }, duplicate: 1%"),
        &link(""),
        &expect![[r#"
            plan:
              ~ link a:eth0 – b:eth0
                  - delay 10ms, loss in bursts: p 1%, r 99%, 1-h 100%, 1-k 0%, duplicate 1%
                    at both ends
        "#]],
    );
}

#[test]
fn queues_take_a_new_pair_and_their_length_does_not() {
    check(
        &link(", queues: 2"),
        &link(", queues: 4, txqueuelen: 10"),
        &expect![[r#"
            plan:
              ~ a
                  ± address 10.64.0.0/31 on eth0 (goes along with link a:eth0 – b:eth0)
              ~ b
                  ± address 10.64.0.1/31 on eth0 (goes along with link a:eth0 – b:eth0)
              ± link a:eth0 – b:eth0  a:eth0 gets 4 queues, had 2: the kernel fixes the
                                      number of queues when the pair is made
        "#]],
    );
    check(
        &link(""),
        &link(", txqueuelen: 10, offloads: { gro: off }, rps-cpus: 0-1"),
        &expect![[r#"
            plan:
              ~ link a:eth0 – b:eth0
                  ~ txqueuelen 1000 → 10 at both ends
                  + gro off at both ends
                  + rps-cpus 0-1 at both ends
        "#]],
    );
    check(
        &link(", rps-cpus: 0-1"),
        &link(", rps-cpus: none, state: down"),
        &expect![[r#"
            plan:
              ~ a
                  - eth0 up
              ~ b
                  - eth0 up
              ~ link a:eth0 – b:eth0
                  - rps-cpus 0-1 at both ends
        "#]],
    );
}

#[test]
fn a_device_on_another_is_made_anew_where_the_kernel_cannot_change_it() {
    check(
        &own("v: { vlan: 10, parent: eth0 }"),
        &own("v: { vlan: 20, parent: eth0, mtu: 1400 }"),
        &expect![[r#"
            plan:
              ~ a
                  ± vlan v (802.1Q 20 on eth0) (802.1Q 10 becomes 802.1Q 20: the kernel
                    fixes a VLAN device's tag when it is made)
        "#]],
    );
    check(
        &own("v: { vlan: 10, parent: eth0 }"),
        &own("v: { vlan: 10, parent: eth1 }"),
        &expect![[r#"
        plan:
          ~ a
              ± vlan v (802.1Q 10 on eth1) (it moves from a:eth0 to a:eth1, which needs
                a new VLAN device)
    "#]],
    );
    check(
        &own("v: { vlan: 10, parent: eth0 }"),
        &own("v: { dummy: true }"),
        &expect![[r#"
        plan:
          ~ a
              ± dummy v (a VLAN device cannot become a dummy)
    "#]],
    );
    check(
        &own("m: { macvlan: bridge, parent: eth0 }"),
        &own("m: { macvlan: vepa, parent: eth0 }"),
        &expect![[r#"
            plan:
              ~ a
                  ~ macvlan m: mode bridge → vepa
        "#]],
    );
    check(
        &own("m: { macvlan: bridge, parent: eth0 }"),
        &own("m: { macvlan: passthru, parent: eth0 }"),
        &expect![[r#"
            plan:
              ~ a
                  ± macvlan m (passthru on eth0) (bridge becomes passthru: the kernel
                    neither enters nor leaves passthru on a device that is there)
                  ± address 10.80.0.1/24 on m (goes along with macvlan a:m (bridge on eth0))
        "#]],
    );
    check(
        &own("i: { ipvlan: l2, parent: eth0 }"),
        &own("i: { ipvlan: l3s, parent: eth0 }"),
        &expect![[r#"
            plan:
              ~ a
                  ~ ipvlan i: mode l2 → l3s
                  - address 10.80.0.1/24 on i
        "#]],
    );
}

#[test]
fn bonds_and_vrfs_are_made_anew_for_their_mode_and_table() {
    let bond = |mode: &str| own(&format!("bond0: {{ bond: {{ members: [eth0, eth1], mode: {mode} }} }}"));
    check(
        &bond("balance-rr"),
        &bond("active-backup, miimon: 50ms"),
        &expect![[r#"
        plan:
          ~ a
              ± bond bond0 (active-backup) (balance-rr becomes active-backup: a bond
                with members keeps its mode)
              ± address 10.64.0.0/31 on bond0 (goes along with bond a:bond0
                (balance-rr))
              ± member eth0 of bond bond0 (goes along with bond a:bond0 (balance-rr))
              ± member eth1 of bond bond0 (goes along with bond a:bond0 (balance-rr))
              ± eth0 up (goes along with member a:eth0 of bond bond0)
              ± eth1 up (goes along with member a:eth1 of bond bond0)
    "#]],
    );
    check(
        &bond("active-backup"),
        &bond("active-backup, miimon: 50ms"),
        &expect![[r#"
        plan:
          ~ a
              ~ bond bond0: miimon 100ms → 50ms
    "#]],
    );
    let vrf = |table: u32| own(&format!("red: {{ vrf: {{ table: {table}, members: [eth0] }} }}"));
    check(
        &vrf(10),
        &vrf(20),
        &expect![[r#"
        plan:
          ~ a
              ± vrf red (table 20) (table 10 becomes table 20: the kernel fixes a VRF's
                table when it is made)
              ± member eth0 of vrf red (goes along with vrf a:red (table 10))
    "#]],
    );
}

#[test]
fn switches_and_their_ports_change_in_place() {
    check(
        &switch("", ["", ""]),
        &switch(", stp: true", ["", ""]),
        &expect![[r#"
            plan:
              ~ sw
                  ~ bridge sw: stp off → on
        "#]],
    );
    check(
        &switch("", ["", ""]),
        &switch(", ageing: 60s", [", isolated: true", ", learning: false"]),
        &expect![[r#"
            plan:
              ~ sw
                  ~ bridge sw: ageing 300s → 60s
                  ~ port a-eth0: isolated off → on
                  ~ port b-eth0: learning on → off
        "#]],
    );
    check(
        &switch("", ["", ""]),
        &switch("", [", vlan: 10", ", trunk: [10, 20-30], native: 5"]),
        &expect![[r#"
        plan:
          ~ sw
              ~ bridge sw: VLAN filtering off → on
          ~ link a:eth0 – sw:a-eth0
              + access VLAN 10 at sw:a-eth0
          ~ link b:eth0 – sw:b-eth0
              + trunk 10,20-30, native 5 at sw:b-eth0
    "#]],
    );
    check(
        &switch("", [", vlan: 10", ", vlan: 10"]),
        &switch("", [", vlan: 20", ", trunk: all"]),
        &expect![[r#"
        plan:
          ~ link a:eth0 – sw:a-eth0
              ~ access VLAN 10 → access VLAN 20 at sw:a-eth0
          ~ link b:eth0 – sw:b-eth0
              ~ access VLAN 10 → trunk 1-4094 at sw:b-eth0
    "#]],
    );
}

#[test]
fn a_plan_names_the_setting_that_changes_and_the_ends_that_stay_down() {
    check(
        &link(", rps-cpus: 0"),
        &link(", rps-cpus: 1"),
        &expect![[r#"
        plan:
          ~ link a:eth0 – b:eth0
              ~ rps-cpus 0 → 1 at both ends
    "#]],
    );
    check(
        "nodes: { a: {}, b: {} }\n",
        &link(", state: down"),
        &expect![[r#"
        plan:
          ~ a
              + address 10.64.0.0/31 on eth0
          ~ b
              + address 10.64.0.1/31 on eth0
          + link a:eth0 – b:eth0  down at both ends
    "#]],
    );
}
