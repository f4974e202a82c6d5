//! Labs over several hosts in memory: what is told host by host, and what is kept where.

mod common;

use common::Sandbox;
use expect_test::expect;

const PAIRS: &str = "\
name: two
hosts:
  h1: { ssh: host1 }
  h2: { ssh: host2 }
nodes:
  a[1-2]: { host: \"h[1-2]\" }
  b[1-2]: { host: \"h[1-2]\" }
links:
  - { endpoints: [\"a[1-2]\", \"b[1-2]\"] }
";

/// Each host's database of Open vSwitch is its own; what the command line says is of this machine.
#[test]
fn scripts_name_the_database_of_the_host_that_they_are_for() {
    let sandbox = Sandbox::new("hosts-databases");
    let hosts = "h1: { ssh: host1, ovsdb: /run/x/db.sock }, h2: { ssh: host2, ovsdb: \"tcp:192.0.2.2:6640\" }, h3: { ssh: host3 }, local: { ovsdb: /run/y/db.sock }";
    let nodes = "a: { host: h1 }, b: { host: h1 }, \"s[1-3]\": { kind: ovs, host: \"h[1-3]\", flows: f }, s4: { kind: ovs, flows: f }";
    let links = "[{ endpoints: [\"{a,b}\", s1] }]";
    sandbox.file("f", "actions=NORMAL\n");
    sandbox.file("t.yaml", &format!("name: t\nhosts: {{ {hosts} }}\nnodes: {{ {nodes} }}\nlinks: {links}\n"));
    let lines = |options: &str| {
        let script = sandbox.ok(&format!("plan t.yaml --format sh{options}"));
        let told = script.lines().filter(|line| line.contains("ovs-vsctl") || line.contains("ovs-ofctl --"));
        told.map(|line| line.trim_start_matches("' | ")).collect::<Vec<_>>().join("\n")
    };
    expect![[r#"
        ovs-vsctl --db=unix:/run/x/db.sock \
        OVS_RUNDIR=/run/x ovs-ofctl --bundle replace-flows 's1' -
        ovs-vsctl --db=tcp:192.0.2.2:6640 \
        ovs-ofctl --bundle replace-flows 's2' -
        ovs-vsctl \
        ovs-ofctl --bundle replace-flows 's3' -
        ovs-vsctl --db=unix:/run/y/db.sock \
        OVS_RUNDIR=/run/y ovs-ofctl --bundle replace-flows 's4' -"#]]
    .assert_eq(&lines(""));
    expect![[r#"
        ovs-vsctl --db=/run/z/db.sock \
        OVS_RUNDIR=/run/z ovs-ofctl --bundle replace-flows 's4' -"#]]
    .assert_eq(&lines(" --host local --db /run/z/db.sock"));
}

fn files(sandbox: &Sandbox) -> Vec<String> {
    let entries = std::fs::read_dir(&sandbox.folder).expect("the folder is ours").flatten();
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with("sim"));
    names.sort();
    names
}

#[test]
fn each_host_has_its_part_of_a_plan_and_a_machine_of_its_own() {
    let sandbox = Sandbox::new("hosts-life");
    sandbox.file("two.yaml", PAIRS);
    expect![[r#"
        Lab two on h1 and h2:

        h1:
          + a1  eth0 10.64.0.0/31
          + b1  eth0 10.64.0.1/31
          + link a1:eth0 – b1:eth0

        h2:
          + a2  eth0 10.64.0.2/31
          + b2  eth0 10.64.0.3/31
          + link a2:eth0 – b2:eth0

        Plan: 4 nodes, 22 resources to create, 0 to change, 0 to delete
    "#]]
    .assert_eq(&sandbox.ok("plan two.yaml"));
    assert_eq!(files(&sandbox), Vec::<String>::new());
    sandbox.ok("apply two.yaml --check");
    assert_eq!(files(&sandbox), ["sim.far", "sim.h1.json", "sim.h1.labs", "sim.h2.json", "sim.h2.labs"]);
    expect![[r#"
        Lab two is as the file says: nothing to do.
    "#]]
    .assert_eq(&sandbox.ok("apply two.yaml"));
    let told = sandbox.fails("destroy two --host h3");
    assert!(told.starts_with("error[E130]: lab two has nothing on a host `h3`, as far as is known here\n"), "{told}");
    assert!(told.contains("name one of: h1, h2"), "{told}");
    expect![[r#"
        Lab two on h1:

          - a1
          - b1
          - link a1:eth0 – b1:eth0

        Plan: 2 nodes, 0 resources to create, 0 to change, 11 to delete
        Done. Nothing of lab two is left on h1.
    "#]]
    .assert_eq(&sandbox.ok("destroy two --host h1"));
    assert_eq!(files(&sandbox), ["sim.far", "sim.h2.json", "sim.h2.labs"]);
    sandbox.ok("destroy two");
    assert_eq!(files(&sandbox), Vec::<String>::new());
}

#[test]
fn a_plan_from_another_file_says_which_hosts_a_lab_leaves() {
    let sandbox = Sandbox::new("hosts-from");
    sandbox.file("two.yaml", PAIRS);
    sandbox.file("one.yaml", &PAIRS.replace("[1-2]", "1"));
    expect![[r#"
        Lab two, compared with two.yaml:

        h1: nothing to do

        h2:
          - a2
          - b2
          - link a2:eth0 – b2:eth0

        Plan: 2 nodes, 0 resources to create, 0 to change, 11 to delete
    "#]]
    .assert_eq(&sandbox.ok("plan one.yaml --from two.yaml"));
    // And the same plan on the machines: the host is cleaned, and forgotten.
    sandbox.ok("apply two.yaml");
    sandbox.ok("apply one.yaml");
    assert_eq!(files(&sandbox), ["sim.far", "sim.h1.json", "sim.h1.labs"]);
    // A lab that moves home leaves nothing elsewhere.
    sandbox.file("home.yaml", "name: two\nnodes:\n  a1: {}\n");
    sandbox.ok("apply home.yaml");
    assert_eq!(files(&sandbox), ["sim.json", "sim.labs"]);
}

#[test]
fn a_saved_plan_of_several_hosts_is_done_as_it_is_or_not_at_all() {
    let sandbox = Sandbox::new("hosts-saved");
    sandbox.file("two.yaml", PAIRS);
    sandbox.ok("plan two.yaml --out plan.json");
    let plan: serde_json::Value = serde_json::from_str(&sandbox.read("plan.json")).expect("it is JSON");
    assert_eq!((&plan["version"], &plan["summary"]["create"]), (&2.into(), &22.into()));
    assert_eq!(plan["hosts"]["h2"]["summary"]["create"], 11);
    sandbox.ok("apply plan.json");
    let told = sandbox.fails("apply plan.json");
    assert!(told.starts_with("error[E133]: host h1 has changed since plan.json was made"), "{told}");
    sandbox.ok("destroy two");
    sandbox.ok("plan two.yaml --from two.yaml --out none.json");
    let told = sandbox.fails("apply none.json");
    assert!(told.starts_with("error[E132]: none.json was made for no machine"), "{told}");
}

#[test]
fn a_script_of_one_host_can_be_run_as_it_is() {
    let sandbox = Sandbox::new("hosts-script");
    sandbox.file("two.yaml", PAIRS);
    let all = sandbox.ok("plan two.yaml --format sh");
    assert!(all.starts_with("# A script for each host: "), "{all}");
    let one = sandbox.ok("plan two.yaml --format sh --host h2");
    assert!(one.starts_with("#!/bin/sh\n") && one.contains("two-a2") && !one.contains("two-a1"), "{one}");
    assert!(all.ends_with(&format!("\n# ==== h2 ====\n\n{one}")), "{all}");
    let told = sandbox.fails("plan two.yaml --host h7");
    assert_eq!(told, "error[E130]: lab two has nothing on a host `h7`\nhint: name one of: h1, h2\n");
}

#[test]
fn what_runs_stays_where_it_is_when_more_is_placed() {
    let sandbox = Sandbox::new("hosts-stay");
    let nodes = |count: usize| {
        format!(
            "name: auto\nplace: auto\nhosts:\n  h1: {{ ssh: a }}\n  h2: {{ ssh: b }}\nnodes:\n  n[1-{count}]: {{}}\n"
        )
    };
    sandbox.file("auto.yaml", &nodes(4));
    sandbox.ok("apply auto.yaml");
    sandbox.file("auto.yaml", &nodes(6));
    let told = sandbox.ok("plan auto.yaml");
    assert!(told.contains("Plan: 2 nodes,") && told.contains(" 0 to delete"), "{told}");
    // Also when it is not known any more where it was put: the machines say so.
    std::fs::remove_dir_all(sandbox.folder.join("sim.far")).expect("it is there");
    let told = sandbox.ok("plan auto.yaml");
    assert!(told.contains("Plan: 2 nodes,") && told.contains(" 0 to delete"), "{told}");
    sandbox.ok("destroy auto.yaml");
}

#[test]
fn an_underlay_that_a_host_does_not_have_is_told_before_anything_is_touched() {
    let sandbox = Sandbox::new("hosts-underlay");
    let lab = |h1: &str, h2: &str| {
        let hosts = format!("  h1: {{ ssh: host1, underlay: {h1} }}\n  h2: {{ ssh: host2, underlay: {h2} }}\n");
        format!(
            "name: two\nhosts:\n{hosts}nodes: {{ a: {{ host: h1 }}, b: {{ host: h2 }} }}\nlinks: [{{ endpoints: [a, b] }}]\n"
        )
    };
    sandbox.file("two.yaml", &lab("{ address: 192.0.2.7 }", "{ device: eht0 }"));
    sandbox.ok("validate two.yaml");
    expect![[r#"
        error[E195]: h2 has no NIC eht0 to reach other hosts by
           ╭─[two.yaml:4:41]
         3 │   h1: { ssh: host1, underlay: { address: 192.0.2.7 } }
         4 │   h2: { ssh: host2, underlay: { device: eht0 } }
           ·                                         ────
         5 │ nodes: { a: { host: h1 }, b: { host: h2 } }
           ╰────
        hint: did you mean `eth0`?

        error[E195]: h1 has no address 192.0.2.7 for other hosts to reach it by
           ╭─[two.yaml:3:42]
         2 │ hosts:
         3 │   h1: { ssh: host1, underlay: { address: 192.0.2.7 } }
           ·                                          ─────────
         4 │   h2: { ssh: host2, underlay: { device: eht0 } }
           ╰────
        hint: write one that it has: 192.0.2.1 on eth0

        2 problems in two.yaml
    "#]]
    .assert_eq(&sandbox.fails("apply two.yaml"));
    assert_eq!(files(&sandbox), Vec::<String>::new());
    sandbox.file("two.yaml", &lab("{ address: 192.0.2.1 }", "{ device: eth0 }"));
    sandbox.ok("apply two.yaml");
    sandbox.ok("destroy two");
}

#[test]
fn an_mtu_that_does_not_pass_between_hosts_is_underlined_where_it_is_written() {
    let sandbox = Sandbox::new("hosts-mtu");
    let told = |links: &str| {
        let head = "name: m\nhosts: { h1: { ssh: a }, h2: { ssh: b } }\n";
        sandbox.file("m.yaml", &format!("{head}{links}"));
        sandbox.fails("plan m.yaml")
    };
    let nodes = "nodes: { a: { host: h1 }, b: { host: h2 } }\n";
    expect![[r#"
        error[E197]: an MTU of 1500 at a is more than passes to other hosts: 1500 of eth0 on h1 − 50 of VXLAN over IPv4 = 1450
           ╭─[m.yaml:5:31]
         4 │ links:
         5 │   - { endpoints: [a, b], mtu: 1500 }
           ·                               ────
           ╰────
        hint: leave `mtu` out, or write at most that
    "#]].assert_eq(&told(&format!("{nodes}links:\n  - {{ endpoints: [a, b], mtu: 1500 }}\n")));
    expect![[r#"
        error[E197]: an MTU of 1480 at b is more than passes to other hosts: 1500 of eth0 on h1 − 50 of VXLAN over IPv4 = 1450
           ╭─[m.yaml:5:36]
         4 │ links:
         5 │   - endpoints: [a, { node: b, mtu: 1480 }]
           ·                                    ────
           ╰────
        hint: leave `mtu` out, or write at most that
    "#]].assert_eq(&told(&format!("{nodes}links:\n  - endpoints: [a, {{ node: b, mtu: 1480 }}]\n")));
    expect![[r#"
        error[E197]: an MTU of 9000 at b:eth0 is more than passes to other hosts: 1500 of eth0 on h1 − 50 of VXLAN over IPv4 = 1450
           ╭─[m.yaml:8:20]
         7 │     interfaces:
         8 │       eth0: { mtu: 9000 }
           ·                    ────
         9 │ links: [{ endpoints: [a, b] }]
           ╰────
        hint: leave `mtu` out, or write at most that
    "#]].assert_eq(&told(
        "nodes:\n  a: { host: h1 }\n  b:\n    host: h2\n    interfaces:\n      eth0: { mtu: 9000 }\nlinks: [{ endpoints: [a, b] }]\n",
    ));
    // Once, however many links it is for.
    expect![[r#"
        error[E197]: an MTU of 1500 at a is more than passes to other hosts: 1500 of eth0 on h1 − 50 of VXLAN over IPv4 = 1450
           ╭─[m.yaml:4:26]
         3 │ nodes: { a: { host: h1 }, b: { host: h2 } }
         4 │ defaults: { link: { mtu: 1500 } }
           ·                          ────
         5 │ links: [{ endpoints: [a, b] }, { endpoints: [a, b] }]
           ╰────
        hint: leave `mtu` out, or write at most that
    "#]].assert_eq(&told(&format!(
        "{nodes}defaults: {{ link: {{ mtu: 1500 }} }}\nlinks: [{{ endpoints: [a, b] }}, {{ endpoints: [a, b] }}]\n"
    )));
}

#[test]
fn a_host_with_nothing_to_do_is_not_taken_for_the_lab() {
    let sandbox = Sandbox::new("hosts-idle");
    sandbox.file("two.yaml", PAIRS);
    sandbox.ok("apply two.yaml -q");
    sandbox.file("new.yaml", &PAIRS.replace("links:", "  c: { host: h2 }\nlinks:"));
    assert_eq!(sandbox.ok("plan new.yaml --host h1"), "Lab two: nothing to do on h1; there is on h2.\n");
    let from = sandbox.ok("plan new.yaml --from two.yaml --host h1");
    assert_eq!(from, "Lab two: nothing to do on h1; there is on h2.\n");
    assert_eq!(sandbox.say("plan new.yaml --host h1 --detailed-exitcode").code, Some(0));
    assert_eq!(sandbox.ok("plan two.yaml --host h1"), "Lab two is as the file says: nothing to do.\n");
    sandbox.ok("destroy two");
}

#[test]
fn the_others_are_not_gone_on_with_while_nobody_knows_where_a_host_is() {
    let sandbox = Sandbox::new("hosts-unknown");
    let lab = |h2: &str| {
        format!(
            "name: two\nhosts:\n  h1: {{ ssh: host1 }}\n  h2: {{ ssh: host2{h2} }}\nnodes: {{ a: {{ host: h1 }}, b: {{ host: h2 }} }}\nlinks: [{{ endpoints: [a, b] }}]\n"
        )
    };
    sandbox.file("two.yaml", &lab(""));
    sandbox.file("sim.h2.json", "{");
    let told = sandbox.fails("apply two.yaml --keep-going");
    let (of_host, of_lab) = told.split_once("error[E195]").expect("why nothing is done");
    assert!(of_host.starts_with("error[E116]: read the simulator's file"), "{told}");
    expect![[r#"
        : the address by which other hosts reach h2 is not known
           ╭─[two.yaml:4:3]
         3 │   h1: { ssh: host1 }
         4 │   h2: { ssh: host2 }
           ·   ──
         5 │ nodes: { a: { host: h1 }, b: { host: h2 } }
           ╰────
        hint: write `underlay: { address: … }` for it, or plan where it can be asked
        1 of 2 hosts cannot be worked on, and what the others get is not known without its address: nothing was changed
    "#]]
    .assert_eq(of_lab);
    // Who does not go on without it has no need of its address.
    let told = sandbox.fails("apply two.yaml");
    assert!(
        !told.contains("E195") && told.ends_with("1 of 2 hosts cannot be worked on, nothing was changed\n"),
        "{told}"
    );
    sandbox.file("two.yaml", &lab(", underlay: { address: 192.0.2.2 }"));
    let said = sandbox.say("apply two.yaml --keep-going");
    assert!(said.err.contains("\nh1: as the file says\nh2: not reached: its part is not done\n"), "{said:#?}");
}

#[test]
fn what_a_killed_apply_left_of_its_account_goes_with_the_next_destroy() {
    let sandbox = Sandbox::new("hosts-killed-account");
    for (lab, files) in [("two", &["lock", "applied.json.new"][..]), ("other", &["lock"]), ("third", &[])] {
        let folder = sandbox.folder.join("sim.far").join(lab);
        std::fs::create_dir_all(&folder).expect("writable");
        files.iter().for_each(|file| std::fs::write(folder.join(file), "").expect("writable"));
    }
    sandbox.ok("destroy two");
    assert_eq!(files(&sandbox), Vec::<String>::new());
}
