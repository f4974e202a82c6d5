//! Every command from the outside, on the kernel in memory: what it says and how it ends.

use std::io::Write;
use std::process::Stdio;

use expect_test::expect;

mod common;
use common::{STAR, Sandbox, check, said, star};

#[test]
fn a_lab_is_validated_planned_applied_shown_and_destroyed() {
    let sandbox = star("life");
    check(
        &sandbox.ok("validate star.yaml"),
        expect![[r#"
        star.yaml: lab star, 4 nodes, 3 links, no problems
    "#]],
    );
    check(
        &sandbox.ok("plan star.yaml"),
        expect![[r#"
        Lab star on the simulator:

          + node1  eth0 10.0.1.1/24
          + node2  eth0 10.0.1.2/24
          + node3  eth0 10.0.1.3/24
          + sw     bridge, 3 ports
          + link node1:eth0 – sw:node1-eth0
          + link node2:eth0 – sw:node2-eth0
          + link node3:eth0 – sw:node3-eth0

        Plan: 4 nodes, 29 resources to create, 0 to change, 0 to delete
    "#]],
    );
    check(
        &sandbox.ok("apply star.yaml --check"),
        expect![[r#"
            Lab star on the simulator:

              + node1  eth0 10.0.1.1/24
              + node2  eth0 10.0.1.2/24
              + node3  eth0 10.0.1.3/24
              + sw     bridge, 3 ports
              + link node1:eth0 – sw:node1-eth0
              + link node2:eth0 – sw:node2-eth0
              + link node3:eth0 – sw:node3-eth0

            Plan: 4 nodes, 29 resources to create, 0 to change, 0 to delete
            Done. Lab star is as the file says.
            Checked. Lab star: 6 pairs, each as it should be.

              netsim --backend sim status star       whether it is still so
              netsim --backend sim show star/node1   interfaces, addresses, routes
              netsim --backend sim destroy star      remove it, and nothing else
        "#]],
    );
    check(
        &sandbox.ok("apply star.yaml"),
        expect![[r#"
        Lab star is as the file says: nothing to do.
    "#]],
    );
    check(
        &sandbox.ok("list"),
        expect![[r#"
        LAB   NODES  LINKS  FILE
        star  4      3      star.yaml
    "#]],
    );
    check(
        &sandbox.ok("status"),
        expect![[r#"
        Lab star: 4 nodes, 3 links, as applied
    "#]],
    );
    check(
        &sandbox.ok("show node1"),
        expect![[r#"
        node1 of lab star: namespace star-node1

        INTERFACE  STATE  MTU   MAC                TO             ADDRESS
        lo         up
        eth0       up     1500  02:a0:21:b1:21:ba  sw:node1-eth0  10.0.1.1/24

        SYSCTLS
        net.ipv4.conf.all.promote_secondaries = 1
    "#]],
    );
    check(
        &sandbox.ok("show star/sw"),
        expect![[r#"
        sw of lab star: namespace star-sw

        INTERFACE   STATE  MTU   MAC                TO                       ADDRESS
        lo          up
        node1-eth0  up     1500  02:23:fc:17:62:5a  node1:eth0 (port of sw)
        node2-eth0  up     1500  02:1f:55:80:98:26  node2:eth0 (port of sw)
        node3-eth0  up     1500  02:10:d5:52:ab:24  node3:eth0 (port of sw)
        sw          up           02:72:28:24:ce:5c

        SYSCTLS
        net.ipv4.conf.all.promote_secondaries = 1
    "#]],
    );
    check(
        &sandbox.ok("show node1:eth0"),
        expect![[r#"
        Link node1:eth0 – sw:node1-eth0 of lab star

        END            STATE  MTU   MAC                BRIDGE      ADDRESS
        node1:eth0     up     1500  02:a0:21:b1:21:ba              10.0.1.1/24
        sw:node1-eth0  up     1500  02:23:fc:17:62:5a  port of sw
    "#]],
    );
    check(
        &sandbox.ok("check"),
        expect![[r#"
            Checked. Lab star: 6 pairs, each as it should be.
        "#]],
    );
    check(
        &sandbox.ok("destroy star.yaml"),
        expect![[r#"
        Lab star on the simulator:

          - node1
          - node2
          - node3
          - sw
          - link node1:eth0 – sw:node1-eth0
          - link node2:eth0 – sw:node2-eth0
          - link node3:eth0 – sw:node3-eth0

        Plan: 4 nodes, 0 resources to create, 0 to change, 29 to delete
        Done. Nothing of lab star is left.
    "#]],
    );
    check(
        &sandbox.ok("destroy star"),
        expect![[r#"
        Lab star is not there: nothing to do.
    "#]],
    );
    check(
        &sandbox.ok("list"),
        expect![[r#"
        No lab is running.
    "#]],
    );
}

#[test]
fn a_change_is_told_by_what_it_changes() {
    let sandbox = star("change");
    sandbox.ok("apply star.yaml");
    let changed = STAR.replace("node[1-3]: {}", "node[1-2]: {}\n  node3: { mtu: 1400 }\n  node4: {}");
    let changed = changed.replace("\"node[1-3]\"", "\"node[1-4]\"");
    sandbox.file("star.yaml", &changed);
    check(
        &sandbox.ok("plan star.yaml"),
        expect![[r#"
        Lab star on the simulator:

          + node4  eth0 10.0.1.4/24
          ~ link node3:eth0 – sw:node3-eth0
              ~ mtu 1500 → 1400 at node3:eth0
          + link node4:eth0 – sw:node4-eth0

        Plan: 3 nodes, 8 resources to create, 1 to change, 0 to delete
    "#]],
    );
    check(
        &sandbox.ok("plan --steps star.yaml"),
        expect![[r#"
        Lab star on the simulator:

          + namespace star-node4
          ~ link node3:eth0 – sw:node3-eth0: mtu 1500 → 1400 at node3:eth0
          + link node4:eth0 – sw:node4-eth0
          + node4:lo up
          + sysctl net.ipv4.conf.all.promote_secondaries = 1 on node4
          + node4:eth0 up
          + sw:node4-eth0 up
          + port sw:node4-eth0 of bridge sw
          + address 10.0.1.4/24 on node4:eth0

        Plan: 3 nodes, 8 resources to create, 1 to change, 0 to delete
    "#]],
    );
    check(
        &sandbox.ok("status star.yaml"),
        expect![[r#"
            Lab star: 4 nodes, 3 links, differs from star.yaml

              missing  namespace star-node4
              changed  link node3:eth0 – sw:node3-eth0: mtu 1400 → 1500 at node3:eth0
        "#]],
    );
    sandbox.ok("apply star.yaml");
    sandbox.file("star.yaml", STAR);
    check(
        &sandbox.ok("plan star.yaml"),
        expect![[r#"
        Lab star on the simulator:

          - node4
          ~ link node3:eth0 – sw:node3-eth0
              ~ mtu 1400 → 1500 at node3:eth0
          - link node4:eth0 – sw:node4-eth0

        Plan: 3 nodes, 0 resources to create, 1 to change, 8 to delete
    "#]],
    );
}

#[test]
fn exit_codes_tell_whether_there_is_something_to_do() {
    let sandbox = star("exit");
    let code = |words: &str| sandbox.say(words).code;
    assert_eq!(code("plan star.yaml"), Some(0));
    assert_eq!(code("plan star.yaml --detailed-exitcode"), Some(2));
    sandbox.ok("apply star.yaml");
    assert_eq!(code("plan star.yaml --detailed-exitcode"), Some(0));
    assert_eq!(code("status --detailed-exitcode"), Some(0));
    sandbox.file("other.yaml", &STAR.replace("[1-3]", "[1-2]"));
    assert_eq!(code("status other.yaml --detailed-exitcode"), Some(2));
    assert_eq!(code("status other.yaml"), Some(0));
    assert_eq!(code("frobnicate"), Some(1));
    assert_eq!(code("apply"), Some(1));
    assert_eq!(code("--help"), Some(0));
    assert_eq!(code("--version"), Some(0));
}

#[test]
fn all_problems_of_a_file_are_told_at_once_with_their_lines() {
    let sandbox = Sandbox::new("problems");
    sandbox.file("bad.yaml", "name: bad\nnodes:\n  a: { knid: router }\n  b: {}\nlinks:\n  - { endpoints: [a, c] }\n");
    check(
        &sandbox.fails("validate bad.yaml"),
        expect![[r#"
            error[E004]: unknown key `knid`
               ╭─[bad.yaml:3:8]
             2 │ nodes:
             3 │   a: { knid: router }
               ·        ────
             4 │   b: {}
               ╰────
            hint: did you mean `kind`?

            error[E013]: there is no node `c`
               ╭─[bad.yaml:6:22]
             5 │ links:
             6 │   - { endpoints: [a, c] }
               ·                      ─
               ╰────
            hint: write it under `nodes:`

            2 problems in bad.yaml
        "#]],
    );
    assert_eq!(sandbox.fails("plan bad.yaml"), sandbox.fails("validate bad.yaml"));
    let said = sandbox.say("validate bad.yaml --format json");
    assert_eq!(said.code, Some(1));
    let document: serde_json::Value = serde_json::from_str(&said.out).expect("it is JSON");
    let lines: Vec<_> = document["problems"].as_array().expect("a list").iter().map(|p| p["line"].as_u64()).collect();
    assert_eq!((&document["valid"], lines), (&false.into(), vec![Some(3), Some(6)]));
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let sandbox = star("absent");
    check(
        &sandbox.fails("status"),
        expect![[r#"
        error[E130]: no lab is running
        hint: apply one: netsim apply FILE
    "#]],
    );
    check(
        &sandbox.fails("show node1"),
        expect![[r#"
        error[E130]: no lab is running
        hint: apply one: netsim apply FILE
    "#]],
    );
    check(
        &sandbox.fails("plan absent.yaml"),
        expect![[r#"
            error[E001]: cannot read `absent.yaml`: no such file or directory
        "#]],
    );
    sandbox.ok("apply star.yaml");
    check(
        &sandbox.fails("status moon"),
        expect![[r#"
        error[E130]: lab moon is not running
        hint: name one that is: star
    "#]],
    );
    check(
        &sandbox.fails("show node7"),
        expect![[r#"
        error[E131]: lab star has no node `node7`
        hint: see its nodes: netsim status star, or netsim graph star
    "#]],
    );
    check(
        &sandbox.fails("show node1:eth7"),
        expect![[r#"
        error[E131]: node node1 has no interface `eth7`
        hint: name one of: lo, eth0
    "#]],
    );
    check(
        &sandbox.fails("exec node1 -- true"),
        expect![[r#"
        error[E134]: the nodes of the simulator run no programs
        hint: apply the lab to this machine: leave out --backend sim
    "#]],
    );
    check(
        &sandbox.fails("shell star/node1"),
        expect![[r#"
        error[E134]: the nodes of the simulator run no programs
        hint: apply the lab to this machine: leave out --backend sim
    "#]],
    );
    sandbox.file("second.yaml", &STAR.replace("name: star", "name: second"));
    sandbox.ok("apply second.yaml");
    check(
        &sandbox.fails("show node1"),
        expect![[r#"
        error[E131]: labs second, star all have a node `node1`
        hint: say of which: second/node1
    "#]],
    );
    check(
        &sandbox.fails("check"),
        expect![[r#"
        error[E130]: several labs are running
        hint: name one of them: second, star
    "#]],
    );
}

#[test]
fn the_same_lab_reads_from_standard_input_and_with_variables() {
    let sandbox = Sandbox::new("stdin");
    let mut command = sandbox.command(&["-q", "apply", "-", "--var", "n=5", "--check"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("netsim starts");
    let text = STAR.replace("[1-3]", "[1-${n:-3}]");
    child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("netsim reads it");
    let told = said(child.wait_with_output().expect("it was started"));
    assert_eq!((told.code, told.out.as_str(), told.err.as_str()), (Some(0), "", ""));
    assert!(sandbox.ok("status").starts_with("Lab star: 6 nodes, 5 links, as applied\n"));
    let list: serde_json::Value = serde_json::from_str(&sandbox.ok("list --format json")).expect("it is JSON");
    assert_eq!(list["labs"], serde_json::json!([{ "lab": "star", "nodes": 6, "links": 5, "file": "-" }]));
}

#[test]
fn a_lab_that_is_not_as_its_checks_say_fails_the_check() {
    let sandbox = star("check");
    sandbox.file("star.yaml", &format!("{STAR}checks:\n  - {{ unreachable: [node1, node2] }}\n"));
    let said = sandbox.say("apply star.yaml --check -q");
    assert_eq!(said.code, Some(1));
    assert!(said.out.starts_with("Lab star: 2 of 2 pairs not as it should be:\n"), "{said:#?}");
    let said = sandbox.say("check star.yaml");
    assert_eq!(said.code, Some(1));
    check(
        &said.out,
        expect![[r#"
        Lab star: 2 of 2 pairs not as it should be:

          × node1 → node2 10.0.1.2: answers, and should not (star.yaml:8)
          × node2 → node1 10.0.1.1: answers, and should not (star.yaml:8)
    "#]],
    );
    let said = sandbox.say("check star --format json");
    let document: serde_json::Value = serde_json::from_str(&said.out).expect("it is JSON");
    assert_eq!(
        (&document["format"], &document["pairs"], &document["as_expected"]),
        (&"netsim-check".into(), &2.into(), &false.into())
    );
}

#[test]
fn colours_are_for_terminals_and_for_who_wants_them() {
    let sandbox = star("colours");
    assert!(!sandbox.ok("plan star.yaml").contains('\u{1b}'));
    assert!(sandbox.ok("plan star.yaml --color always").contains("\u{1b}[32m+"));
    let plain = sandbox.ok("plan star.yaml --color never");
    assert_eq!(plain, sandbox.ok("plan star.yaml"));
}

#[test]
fn graphs_are_drawn_for_other_tools() {
    let sandbox = star("graph");
    check(
        &sandbox.ok("graph star.yaml"),
        expect![[r#"
        ---
        title: star
        ---
        graph LR
          n0["node1"]
          n1["node2"]
          n2["node3"]
          n3[["sw"]]
          n0 --- n3
          n1 --- n3
          n2 --- n3
    "#]],
    );
    check(
        &sandbox.ok("graph star.yaml --format dot --addresses"),
        expect![[r#"
        graph "star" {
          layout=neato; overlap=false; overlap_shrink=false; splines=true;
          node [fontname="sans-serif", fontsize=11];
          edge [fontname="sans-serif", fontsize=8, len=2.5, labeldistance=2];
          "node1" [shape=box];
          "node2" [shape=box];
          "node3" [shape=box];
          "sw" [shape=box, peripheries=2];
          "node1" -- "sw" [taillabel="eth0\n10.0.1.1/24", headlabel="node1-eth0"];
          "node2" -- "sw" [taillabel="eth0\n10.0.1.2/24", headlabel="node2-eth0"];
          "node3" -- "sw" [taillabel="eth0\n10.0.1.3/24", headlabel="node3-eth0"];
        }
    "#]],
    );
    sandbox.ok("apply star.yaml");
    assert_eq!(sandbox.ok("graph star"), sandbox.ok("graph star.yaml"));
}

#[test]
fn the_schema_and_the_completions_are_there() {
    let sandbox = star("schema");
    let schema: serde_json::Value = serde_json::from_str(&sandbox.ok("schema")).expect("it is JSON");
    assert_eq!(schema["title"], "Spec");
    for shell in ["bash", "zsh", "fish"] {
        assert!(sandbox.ok(&format!("completions {shell}")).contains("netsim"), "{shell}");
    }
}

#[test]
fn every_reading_command_answers_in_json_with_a_version() {
    let sandbox = star("json");
    sandbox.ok("apply star.yaml");
    let formats = [
        ("validate star.yaml", "netsim-problems"),
        ("plan star.yaml", "netsim-plan"),
        ("status", "netsim-status"),
        ("list", "netsim-list"),
        ("show node1", "netsim-node"),
        ("show node1:eth0", "netsim-link"),
        ("check", "netsim-check"),
    ];
    for (words, format) in formats {
        let document: serde_json::Value =
            serde_json::from_str(&sandbox.ok(&format!("{words} --format json"))).expect("it is JSON");
        assert_eq!((&document["format"], &document["version"]), (&format.into(), &1.into()), "{words}");
    }
}
