//! Plans from the outside: why something is replaced, plans for no machine, plans kept in a file.

use expect_test::expect;

mod common;
use common::{Sandbox, check, said, star};

#[test]
fn a_replacement_says_why() {
    let sandbox = Sandbox::new("replace");
    let two = |peer: &str| {
        format!(
            "name: two\naddressing: none\nnodes: {{ a: {{ exec: [[echo, {peer}]] }}, b: {{}}, c: {{}} }}\nlinks:\n  - endpoints: [{{ node: a, interface: x, ipv4: 10.0.0.1/24 }}, {{ node: {peer}, interface: y }}]\n"
        )
    };
    sandbox.file("old.yaml", &two("b"));
    sandbox.file("new.yaml", &two("c"));
    check(
        &sandbox.ok("plan new.yaml --from old.yaml"),
        expect![[r#"
            Lab two, compared with old.yaml:

              ~ a
                  ± address 10.0.0.1/24 on x (goes along with link a:x – b:y)
                  ± exec echo c (its command changed)
              ± link a:x – c:y  its end b:y becomes c:y, which needs a new pair

            Plan: 3 nodes, 5 resources to create, 0 to change, 5 to delete
        "#]],
    );
    check(
        &sandbox.ok("plan new.yaml --from old.yaml --steps"),
        expect![[r#"
            Lab two, compared with old.yaml:

              - exec echo b on a
              - link a:x – b:y
              ± link a:x – c:y (again: its end b:y becomes c:y, which needs a new pair)
              ± a:x up (again: goes along with link a:x – b:y)
              + c:y up
              ± address 10.0.0.1/24 on a:x (again: goes along with link a:x – b:y)
              ± exec echo c on a (again: its command changed)

            Plan: 3 nodes, 5 resources to create, 0 to change, 5 to delete
        "#]],
    );
}

#[test]
fn planning_from_a_file_needs_no_machine() {
    let sandbox = star("offline");
    sandbox.file("empty.yaml", "name: star\nnodes: {}\n");
    let mut command = sandbox.command(&["plan", "star.yaml", "--from", "empty.yaml", "--root"]);
    let output = command.env("NETSIM_SIM", "/nowhere/at/all").output().expect("netsim starts");
    let told = said(output);
    assert_eq!(told.code, Some(0), "{told:#?}");
    assert!(told.out.starts_with("Lab star, compared with empty.yaml:\n"), "{}", told.out);
    assert_eq!(sandbox.ok("plan star.yaml --from star.yaml"), "Lab star is as the file says: nothing to do.\n");
    sandbox.file("other.yaml", "name: other\nnodes: {}\n");
    let told = sandbox.fails("plan star.yaml --from other.yaml");
    assert!(told.starts_with("error[E139]: the old file is lab other, the new one lab star\n"), "{told}");
}

#[test]
fn a_saved_plan_does_exactly_that_or_nothing() {
    let sandbox = star("saved");
    let said = sandbox.ok("plan star.yaml --out plan.json");
    assert!(said.ends_with("\nTo do exactly this: netsim apply plan.json\n"), "{said}");
    let document: serde_json::Value = serde_json::from_str(&sandbox.read("plan.json")).expect("it is JSON");
    assert_eq!(
        (&document["format"], &document["version"], &document["lab"]),
        (&"netsim-plan".into(), &1.into(), &"star".into())
    );
    sandbox.ok("apply plan.json");
    let told = sandbox.fails("apply plan.json");
    check(
        &told,
        expect![[r#"
        error[E133]: the machine has changed since plan.json was made; nothing was done
        hint: make the plan anew: netsim plan FILE --out PLAN.JSON
    "#]],
    );
    sandbox.ok("destroy star");
    sandbox.ok("apply plan.json --check");
    sandbox.file("other.json", &sandbox.read("plan.json").replace("\"version\": 1", "\"version\": 7"));
    let told = sandbox.fails("apply other.json");
    assert!(
        told.starts_with(
            "error[E132]: other.json is no plan that this netsim can apply: it has version 7, not 1 or 2\n"
        ),
        "{told}"
    );
    sandbox.file("other.json", "{");
    assert!(sandbox.fails("apply other.json").starts_with("error[E132]: "));
}

#[test]
fn a_plan_for_no_machine_cannot_be_applied() {
    let sandbox = star("saved-offline");
    sandbox.file("empty.yaml", "name: star\nnodes: {}\n");
    sandbox.ok("plan star.yaml --from empty.yaml --out plan.json");
    assert!(sandbox.fails("apply plan.json").starts_with("error[E132]: plan.json was made for no machine"));
}

#[test]
fn a_saved_plan_takes_no_variables() {
    let sandbox = star("saved-variables");
    sandbox.ok("plan star.yaml --out plan.json");
    check(
        &sandbox.fails("apply plan.json --var n=5"),
        expect![[r#"
        error[E132]: plan.json has its variables' values already: `--var n` cannot change it
        hint: give it to `netsim plan`
    "#]],
    );
}

#[test]
fn a_default_route_does_not_hide_the_other_routes() {
    let sandbox = Sandbox::new("routes");
    let text = "name: two\nnodes:\n  a:\n    routes:\n      - { to: default, via: [10.0.0.2, 10.0.0.3] }\n      \
                - { to: 10.9.0.0/16, via: 10.0.0.2 }\n  b: { routes: [{ to: default, via: 10.0.0.1 }] }\n  c: {}\n\
                links: [{ endpoints: [a, b, c], subnet: 10.0.0.0/24 }]\n";
    sandbox.file("two.yaml", text);
    let told = sandbox.ok("plan two.yaml");
    assert!(told.contains("\n  + a        eth0 10.0.0.1/24, 2 routes\n"), "{told}");
    assert!(told.contains("\n  + b        eth0 10.0.0.2/24, default via 10.0.0.1\n"), "{told}");
}
