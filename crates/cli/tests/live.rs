//! What can be done to a lab while it runs: links down and up, impairments.

mod common;
use common::{Sandbox, check, star};
use expect_test::expect;

/// A chain of three with IPv6, so that addresses and routes stand on links.
const CHAIN: &str = "\
name: chain
routing: static
addressing: { p2p: { ipv4: 10.0.0.0/24, ipv6: fd00::/64 } }
nodes:
  a: {}
  r: { kind: router }
  b: {}
links:
  - { endpoints: [a, r] }
  - { endpoints: [r, b] }
";

#[test]
fn a_link_that_was_taken_down_comes_up_with_all_that_stood_on_it() {
    let sandbox = Sandbox::new("link");
    sandbox.file("chain.yaml", CHAIN);
    sandbox.ok("apply chain.yaml -q");
    check(
        &sandbox.ok("link down r:eth1"),
        expect![[r#"
          - r:eth1 up
          - address fd00::2/127 on r:eth1, along with it
        `netsim link up chain/r:eth1` or `netsim apply` brings it back.
    "#]],
    );
    check(
        &sandbox.ok("link down chain/r:eth1"),
        expect![[r#"
        r:eth1 is down already: nothing to do.
    "#]],
    );
    check(
        &sandbox.ok("status chain"),
        expect![[r#"
            Lab chain: 3 nodes, 2 links, differs from what was applied

              missing  r:eth1 up
        "#]],
    );
    check(
        &sandbox.ok("link up r:eth1"),
        expect![[r#"
              + r:eth1 up
              + address fd00::2/127 on r:eth1
        "#]],
    );
    check(
        &sandbox.ok("status chain"),
        expect![[r#"
        Lab chain: 3 nodes, 2 links, as applied
    "#]],
    );
    sandbox.ok("link down a:eth0 -q");
    sandbox.ok("apply chain.yaml -q");
    check(
        &sandbox.ok("link up a:eth0"),
        expect![[r#"
        a:eth0 is up already: nothing to do.
    "#]],
    );
}

#[test]
fn an_interface_that_is_not_there_is_told_with_what_is() {
    let sandbox = star("no-interface");
    sandbox.ok("apply star.yaml -q");
    check(
        &sandbox.fails("link down node1:eth1"),
        expect![[r#"
            error[E131]: node node1 of lab star has no interface `eth1`
            hint: name one of: eth0
        "#]],
    );
    check(
        &sandbox.fails("link down node1:eht0"),
        expect![[r#"
            error[E131]: node node1 of lab star has no interface `eht0`
            hint: did you mean `eth0`?
        "#]],
    );
    check(
        &sandbox.fails("link down noed4:eth0"),
        expect![[r#"
            error[E131]: lab star has no node `noed4`
            hint: see its nodes: netsim status star, or netsim graph star
        "#]],
    );
    check(
        &sandbox.fails("impair node1 --delay 10ms"),
        expect![[r#"
        error[E131]: `node1` names no interface
        hint: write NODE:INTERFACE, as node1:eth0
    "#]],
    );
}

#[test]
fn what_hardly_anyone_means_is_told_and_stops_nothing() {
    let sandbox = Sandbox::new("lint");
    let link = "{ endpoints: [a, b], delay: 50ms, rate: 1gbit, limit: 100 }";
    sandbox.file("short.yaml", &format!("name: short\nnodes: {{ a: {{}}, b: {{}} }}\nlinks:\n  - {link}\n"));
    let said = sandbox.say("validate short.yaml");
    assert_eq!((said.code, said.out.as_str()), (Some(0), "short.yaml: lab short, 2 nodes, 1 link, no problems\n"));
    check(
        &said.err,
        expect![[r#"
        warning[W200]: a limit of 100 is too low: 1gbit × 50ms are 6250000 bytes, 4129 packets of 1514; what is beyond is dropped
           ╭─[short.yaml:4:59]
         3 │ links:
         4 │   - { endpoints: [a, b], delay: 50ms, rate: 1gbit, limit: 100 }
           ·                                                           ───
           ╰────
        hint: write a limit of 4129 or more, or none
    "#]],
    );
    assert_eq!(sandbox.say("plan short.yaml --from short.yaml").err, said.err);
    let json: serde_json::Value =
        serde_json::from_str(&sandbox.ok("validate short.yaml --format json")).expect("it is JSON");
    assert_eq!((&json["valid"], &json["warnings"][0]["code"]), (&true.into(), &"W200".into()));
}
