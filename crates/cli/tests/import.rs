//! GraphML files become topologies that hold together.

use expect_test::expect_file;

mod common;
use common::Sandbox;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

#[test]
fn both_dialects_become_labs_in_which_everyone_reaches_everyone_they_can() {
    let sandbox = Sandbox::new("import");
    for dialect in ["plain", "yed"] {
        let yaml = sandbox.ok(&format!("import graphml {FIXTURES}/{dialect}.graphml"));
        expect_file![format!("{FIXTURES}/{dialect}.yaml")].assert_eq(&yaml);
        sandbox.file("lab.yaml", &yaml);
        sandbox.ok("validate lab.yaml");
        let said = sandbox.ok("apply --check lab.yaml");
        assert!(said.contains("each as it should be"), "{said}");
    }
}

#[test]
fn what_is_left_out_is_told_on_standard_error() {
    let sandbox = Sandbox::new("import-warning");
    let said = sandbox.say(&format!("import graphml {FIXTURES}/yed.graphml --out lab.yaml"));
    assert_eq!(said.code, Some(0));
    assert_eq!(said.out, "lab.yaml: lab yed, 8 nodes, 7 links\n");
    assert_eq!(said.err, "warning: the link of n2 with itself is left out\n");
}

#[test]
fn a_name_from_the_command_line_goes_before_the_files_own() {
    let sandbox = Sandbox::new("import-name");
    let yaml = sandbox.ok(&format!("import graphml {FIXTURES}/plain.graphml --name our-lab"));
    assert!(yaml.contains("\nname: our-lab\n"), "{yaml}");
}

#[test]
fn what_is_no_graphml_is_refused_with_a_reason() {
    let sandbox = Sandbox::new("import-bad");
    sandbox.file("a.yaml", "nodes: {}\n");
    sandbox.file("b.xml", "<svg/>");
    let told = sandbox.fails("import graphml a.yaml");
    assert!(told.starts_with("error[E135]: a.yaml is no XML: "), "{told}");
    let told = sandbox.fails("import graphml b.xml");
    assert!(told.starts_with("error[E135]: b.xml has no <graph>\nhint: "), "{told}");
    let told = sandbox.fails("import graphml c.xml");
    assert_eq!(told, "error[E136]: read c.xml: no such file or directory\n");
}
