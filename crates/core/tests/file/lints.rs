//! Warnings: what a file may say and hardly anyone means.

use expect_test::expect;

use crate::show::check_lints;

#[test]
fn a_limit_that_drops_what_is_on_its_way_is_told_with_the_arithmetic() {
    check_lints(
        r#"nodes: { a: {}, b: {} }
links:
  - { endpoints: [a, b], rate: 100mbit, delay: 280ms, limit: 1000 }
  - { endpoints: [a, b], rate: 1mbit, delay: 10ms, limit: 1 }
  - { endpoints: [a, { node: b, limit: 3 }], rate: 10mbit, delay: 10ms, mtu: 9000 }
  - { endpoints: [a, { node: b, limit: 1 }], rate: 10mbit, delay: 10ms, mtu: 9000 }
"#,
        expect![[r#"
            W200 4:62 ⟨1000⟩ a limit of 1000 is too low: 100mbit × 280ms are 3500000 bytes, 2312 packets of 1514; what is beyond is dropped
                 write a limit of 2312 or more, or none
            W200 7:40 ⟨1⟩ a limit of 1 is too low: 10mbit × 10ms are 12500 bytes, 2 packets of 9014; what is beyond is dropped
                 write a limit of 2 or more, or none
        "#]],
    );
}

#[test]
fn packets_that_overtake_each_other_are_told_unless_a_rate_or_a_reorder_says_what_is_meant() {
    check_lints(
        r#"nodes: { a: {}, b: { interfaces: { d: { dummy: true, delay: 3ms, jitter: 1ms } } } }
links:
  - { endpoints: [a, b], delay: 10ms, jitter: 2ms }
  - { endpoints: [a, b], delay: 10ms, jitter: 2ms, rate: 1mbit }
  - { endpoints: [a, b], delay: 10ms, jitter: 2ms, reorder: 1% }
"#,
        expect![[r#"
            W202 4:47 ⟨2ms⟩ packets overtake each other: their delay varies by 2ms
                 write a `rate:`, which keeps them in order, unless that is what is wanted
            W202 2:74 ⟨1ms⟩ packets overtake each other: their delay varies by 1ms
                 write a `rate:`, which keeps them in order, unless that is what is wanted
        "#]],
    );
}

#[test]
fn programs_that_run_before_bridges_forward_are_told() {
    check_lints(
        r#"nodes: { a: { exec: [[ping, b]] }, b: { exec: [[id]] }, c: {}, s: { kind: bridge, stp: true }, t: { kind: bridge } }
links: [{ endpoints: ["{a,c}", s] }, { endpoints: [b, t] }]
"#,
        expect![[r#"
            W201 2:15 ⟨exec⟩ the programs of `a` run when the lab is up, 30s before `s` lets it be heard
                 let the program wait, or write a shorter `forward-delay:` on the bridges
        "#]],
    );
}

#[test]
fn vlans_that_nobody_else_is_in_and_trunks_that_nobody_takes_are_told() {
    check_lints(
        r#"nodes: { "a[1-3]": {}, gw: { interfaces: { eth0.10: { vlan: 10 } } }, s: { kind: bridge } }
links:
  - { endpoints: ["a[1-2]", s], vlan: 20 }
  - { endpoints: [a3, s], vlan: 30 }
  - { endpoints: [gw, s], trunk: [20] }
"#,
        expect![[r#"
            W203 5:23 ⟨s⟩ VLAN 30 is on this port alone: nobody is heard there
                 look at the number, or put another port into it
            W204 6:19 ⟨gw⟩ this trunk ends at `gw`, where no sub-interface takes one of its VLANs
                 write one under its `interfaces:`, as `eth0.10: { vlan: 10 }`, or a `native:` VLAN
        "#]],
    );
}

#[test]
fn a_switch_of_open_vswitch_that_passes_nothing_is_told() {
    check_lints(
        r#"nodes: { a: {}, s: { kind: ovs, fail-mode: secure, interfaces: { in0: { internal: true, vlan: 9 } } }, t: { kind: ovs, fail-mode: secure, controller: "tcp:192.0.2.1" } }
links: [{ endpoints: [a, t], trunk: all }, { endpoints: [a, s] }]
"#,
        expect![[r#"
            W204 3:23 ⟨a⟩ this trunk ends at `a`, where no sub-interface takes one of its VLANs
                 write one under its `interfaces:`, as `eth0.10: { vlan: 10 }`, or a `native:` VLAN
            W205 2:44 ⟨secure⟩ `s` passes nothing: it does only what flows say, and has none
                 write `flows:` or `controller:`, or take `fail-mode: secure` away
        "#]],
    );
}

#[test]
fn the_library_gives_no_warning() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../topologies");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml"));
    for file in files {
        let mut read = |name: &str| std::fs::read_to_string(name).map_err(|e| e.to_string());
        let (_, topology) = netsim_core::spec::load(file.to_str().unwrap(), &mut read, &indexmap::IndexMap::new());
        let topology = topology.unwrap_or_else(|problems| panic!("{problems:#?}"));
        let codes: Vec<String> = netsim_core::lint::lint(&topology).iter().map(|p| p.code.to_string()).collect();
        assert_eq!(codes, Vec::<String>::new(), "{}", file.display());
    }
}
