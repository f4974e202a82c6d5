//! A running lab from the outside: where it differs, and what there is of it.

use expect_test::expect;

mod common;
use common::{STAR, Sandbox, check, said, star};

/// What somebody with an editor did to the machine in memory.
fn meddle(sandbox: &Sandbox, from: &str, to: &str) {
    let machine = sandbox.read("sim.json");
    assert!(machine.contains(from), "{machine}");
    sandbox.file("sim.json", &machine.replace(from, to));
}

#[test]
fn what_is_only_in_or_on_something_that_is_too_much_is_not_told_beside_it() {
    let sandbox = star("extra");
    sandbox.ok("apply star.yaml");
    sandbox.file("two.yaml", &STAR.replace("[1-3]", "[1-2]"));
    check(
        &sandbox.ok("status two.yaml"),
        expect![[r#"
        Lab star: 4 nodes, 3 links, differs from two.yaml

          extra    namespace star-node3
    "#]],
    );
}

#[test]
fn an_interface_that_a_hand_renamed_is_told_and_repaired() {
    let sandbox = Sandbox::new("renamed");
    sandbox.file("two.yaml", "name: two\naddressing: none\nnodes: { a: {}, b: {} }\nlinks: [{ endpoints: [a, b] }]\n");
    sandbox.ok("apply two.yaml");
    meddle(&sandbox, "eth0", "eth7");
    check(
        &sandbox.ok("status"),
        expect![[r#"
        Lab two: 2 nodes, 1 link, differs from what was applied

          missing  link a:eth0 – b:eth0
          extra    link a:eth7 – b:eth7
    "#]],
    );
    sandbox.ok("apply two.yaml");
    check(
        &sandbox.ok("status"),
        expect![[r#"
        Lab two: 2 nodes, 1 link, as applied
    "#]],
    );
}

#[test]
fn a_link_that_ends_elsewhere_says_where() {
    let sandbox = Sandbox::new("elsewhere");
    let text = "name: two\naddressing: none\nnodes: { a: {}, b: {} }\nlinks: [{ endpoints: [\"a:x\", b] }]\n";
    sandbox.file("two.yaml", text);
    sandbox.ok("apply two.yaml");
    meddle(&sandbox, "eth0", "eth7");
    check(
        &sandbox.ok("status"),
        expect![[r#"
            Lab two: 2 nodes, 1 link, differs from what was applied

              changed  link a:x – b:eth0: its end b:eth0 → b:eth7
        "#]],
    );
}

#[test]
fn programs_that_have_run_are_shown_with_their_arguments() {
    let sandbox = Sandbox::new("programs");
    sandbox.file("ran.yaml", "name: ran\nnodes: { a: { exec: [[true], [sh, -c, \"echo up\"]] } }\n");
    sandbox.ok("apply ran.yaml");
    let shown = sandbox.ok("show a");
    assert!(shown.ends_with("\nPROGRAMS THAT HAVE RUN\nexec true\nexec sh -c 'echo up'\n"), "{shown}");
}

#[test]
fn a_bridge_in_the_hosts_namespace_counts_as_a_node() {
    let sandbox = star("host-bridge");
    sandbox.file("star.yaml", &STAR.replace("kind: bridge", "kind: bridge, namespace: host"));
    sandbox.ok("apply star.yaml");
    assert!(sandbox.ok("status").starts_with("Lab star: 4 nodes, 3 links, as applied\n"));
}

#[test]
fn a_route_names_its_interface_as_the_file_does() {
    let sandbox = Sandbox::new("long");
    let text = "name: long\nnodes: { a: { routes: [{ to: 10.9.0.0/16, dev: a-very-long-interface }] }, b: {} }\n\
                links: [{ endpoints: [\"a:a-very-long-interface\", b] }]\n";
    sandbox.file("long.yaml", text);
    sandbox.ok("apply long.yaml");
    let shown = sandbox.ok("show a");
    assert!(shown.contains("\n10.9.0.0/16 dev a-very-long-interface\n"), "{shown}");
}

#[test]
fn what_to_do_next_names_netsim_as_it_was_called() {
    let sandbox = star("called");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_netsim"));
    command.args(["--backend", "sim", "apply", "star.yaml"]).current_dir(&sandbox.folder);
    let told = said(command.env("NETSIM_SIM", sandbox.folder.join("sim.json")).output().expect("netsim starts"));
    assert!(
        told.out.contains(concat!("  ", env!("CARGO_BIN_EXE_netsim"), " --backend sim destroy star")),
        "{}",
        told.out
    );
}

#[test]
fn a_pattern_that_no_node_fits_is_no_check_passed() {
    let sandbox = star("pattern");
    sandbox.ok("apply star.yaml");
    assert!(sandbox.ok("check --between node*").contains(": 6 pairs, "));
    let told = sandbox.fails("check --between host*");
    assert!(told.starts_with("error[E131]: lab star has no pair to check between nodes `host*`\n"), "{told}");
}

#[test]
fn an_answer_that_a_full_disk_does_not_take_is_an_error() {
    let sandbox = star("full");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let told = said(sandbox.command(&["schema"]).stdout(full).output().expect("netsim starts"));
    assert_eq!(told.code, Some(1), "{told:#?}");
    assert!(told.err.starts_with("error[E136]: write the answer to standard output: "), "{told:#?}");
}
