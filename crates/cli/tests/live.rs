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
            r:eth1 is down; `netsim link up chain/r:eth1` or `netsim apply` brings it back.
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

              changed  r:eth1: up → down
        "#]],
    );
    check(
        &sandbox.ok("link up r:eth1"),
        expect![[r#"
              + r:eth1 up
              + address fd00::2/127 on r:eth1
            r:eth1 is up.
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
    assert_eq!(
        (said.code, said.out.as_str()),
        (Some(0), "short.yaml: lab short, 2 nodes, 1 link, no problems, 1 warning\n")
    );
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

/// Two nodes with a link that is far.
const FAR: &str = "\
name: far
nodes: { a: {}, b: {} }
links:
  - { endpoints: [a, b], delay: 10ms, loss: 1% }
";

#[test]
fn an_impairment_is_changed_shown_and_put_back_while_the_lab_runs() {
    let sandbox = Sandbox::new("impair");
    sandbox.file("far.yaml", FAR);
    sandbox.ok("apply far.yaml -q");
    check(
        &sandbox.ok("impair a:eth0"),
        expect![[r#"
        a:eth0: delay 10ms, loss 1%, limit 9334 packets
    "#]],
    );
    check(
        &sandbox.ok("impair a:eth0 --delay 50ms --jitter 5ms"),
        expect![[r#"
              ~ impairment on a:eth0: delay 10ms → 50ms, jitter none → 5ms, limit 9334 →
                46834 packets
            The file says otherwise: `netsim impair far/a:eth0 --reset` or `netsim apply` puts it back.
        "#]],
    );
    check(
        &sandbox.ok("impair a:eth0 --show"),
        expect![[r#"
        a:eth0: delay 50ms, jitter 5ms, loss 1%, limit 46834 packets
        The file says: delay 10ms, loss 1%, limit 9334 packets
    "#]],
    );
    check(
        &sandbox.ok("status far"),
        expect![[r#"
            Lab far: 2 nodes, 1 link, differs from what was applied

              changed  impairment on a:eth0: delay 10ms → 50ms, jitter none → 5ms, limit
                       9334 → 46834 packets
        "#]],
    );
    check(
        &sandbox.ok("impair far/a:eth0 --loss 0% --limit 10 --rate 1mbit --distribution normal"),
        expect![[r#"
              ~ impairment on a:eth0: jitter 5ms → 5ms normal, loss 1% → none, rate none →
                1mbit, limit 46834 → 10 packets
            The file says otherwise: `netsim impair far/a:eth0 --reset` or `netsim apply` puts it back.
        "#]],
    );
    check(
        &sandbox.ok("impair a:eth0 --loss 2%,20% --limit auto --ecn"),
        expect![[r#"
              ~ impairment on a:eth0: loss none → in bursts: p 2%, r 20%, 1-h 100%, 1-k 0%,
                ecn none → on, limit 10 → 1108 packets
            The file says otherwise: `netsim impair far/a:eth0 --reset` or `netsim apply` puts it back.
        "#]],
    );
    check(
        &sandbox.ok("impair a:eth0 --none"),
        expect![[r#"
          - impairment on a:eth0: delay 50ms, jitter 5ms normal, loss in bursts: p 2%, r
            20%, 1-h 100%, 1-k 0%, rate 1mbit, ecn on
        The file says otherwise: `netsim impair far/a:eth0 --reset` or `netsim apply` puts it back.
    "#]],
    );
    check(
        &sandbox.ok("status far"),
        expect![[r#"
        Lab far: 2 nodes, 1 link, differs from what was applied

          missing  impairment on a:eth0: delay 10ms, loss 1%
    "#]],
    );
    check(
        &sandbox.ok("impair a:eth0 --none"),
        expect![[r#"
        a:eth0 is so already: nothing to do.
    "#]],
    );
    check(
        &sandbox.ok("impair a:eth0 --reset"),
        expect![[r#"
              + impairment on a:eth0: delay 10ms, loss 1%
            a:eth0 is as the file says.
        "#]],
    );
    check(&sandbox.ok("impair b:eth0 --delay 20ms -q"), expect![[""]]);
    check(
        &sandbox.ok("apply far.yaml"),
        expect![[r#"
            Lab far on the simulator:

              ~ link a:eth0 – b:eth0
                  ~ delay 20ms → 10ms, limit 17667 → 9334 packets at b:eth0

            Plan: 1 node, 0 resources to create, 1 to change, 0 to delete
            Done. Lab far is as the file says.
        "#]],
    );
    let json: serde_json::Value = serde_json::from_str(&sandbox.ok("impair b:eth0 --format json")).expect("it is JSON");
    assert_eq!((&json["format"], &json["impairment"]), (&"netsim-impairment".into(), &json["file"]));
    assert_eq!(json["impairment"]["netem"]["delay"], 10_000_000);
}

#[test]
fn an_impairment_that_means_nothing_is_refused() {
    let sandbox = Sandbox::new("impair-wrong");
    sandbox.file("far.yaml", FAR);
    sandbox.ok("apply far.yaml -q");
    check(
        &sandbox.fails("impair a:eth0 --jitter 20ms"),
        expect![[r#"
        error[E170]: a jitter of 20ms is more than the delay of 10ms
        hint: give --delay that is longer, or --jitter 0ms
    "#]],
    );
    check(
        &sandbox.fails("impair a:eth0 --loss 0% --ecn"),
        expect![[r#"
        error[E170]: ecn means nothing without a loss
        hint: give --loss, or --ecn=off
    "#]],
    );
    check(
        &sandbox.fails("impair a:eth0 --delay 10"),
        expect![[r#"
        error: invalid value '10' for '--delay <TIME>': write it with a unit, as 10ms, 100us or 1.5s

        For more information, try '--help'.
    "#]],
    );
    check(
        &sandbox.fails("impair a:eth0 --reset --delay 10ms"),
        expect![[r#"
        error: the argument '--reset' cannot be used with:
          --delay <TIME>
          --jitter <TIME>
          --distribution <DISTRIBUTION>
          --loss <PERCENT>
          --duplicate <PERCENT>
          --corrupt <PERCENT>
          --reorder <PERCENT>
          --rate <RATE>
          --limit <PACKETS>
          --ecn[=<on|off>]
          --seed <NUMBER>

        Usage: netsim impair --reset <[LAB/]NODE:INTERFACE>

        For more information, try '--help'.
    "#]],
    );
    check(
        &sandbox.ok("status far"),
        expect![[r#"
        Lab far: 2 nodes, 1 link, as applied
    "#]],
    );
}

#[test]
fn a_bridges_port_and_an_interface_of_a_nodes_own_can_be_impaired() {
    let sandbox = Sandbox::new("impair-kinds");
    let own = "x: { interfaces: { eth0.7: { vlan: 7, ipv4: 10.7.0.1/24 }, d0: { dummy: true, ipv4: 10.8.0.1/24 } } }";
    let links = "  - { endpoints: [x, sw] }\n  - { endpoints: [y, sw], bond: { links: 2, mode: balance-rr } }\n";
    sandbox.file(
        "kinds.yaml",
        &format!("name: kinds\nnodes: {{ {own}, y: {{}}, sw: {{ kind: bridge }} }}\nlinks:\n{links}"),
    );
    sandbox.ok("apply kinds.yaml -q");
    for end in ["x:eth0", "x:eth0.7", "x:d0", "y:eth0", "sw:x-eth0"] {
        let said = sandbox.ok(&format!("impair {end} --delay 1ms"));
        assert!(said.contains(&format!("+ impairment on {end}: delay 1ms")), "{said}");
    }
    check(
        &sandbox.fails("impair sw:sw --delay 1ms"),
        expect![[r#"
        error[E131]: sw:sw is no interface of a link, so nothing can be said of what it sends
        hint: name an end of a link, or an interface that the file says of a node
    "#]],
    );
    check(
        &sandbox.fails("impair y:eth0-1 --delay 1ms"),
        expect![[r#"
        error[E131]: y:eth0-1 is no interface of a link, so nothing can be said of what it sends
        hint: name an end of a link, or an interface that the file says of a node
    "#]],
    );
    check(
        &sandbox.ok("apply kinds.yaml"),
        expect![[r#"
            Lab kinds on the simulator:

              ~ x
                  - impairment on d0: delay 1ms
                  - impairment on eth0.7: delay 1ms
              ~ y
                  - impairment on eth0: delay 1ms
              ~ link sw:x-eth0 – x:eth0
                  - delay 1ms at both ends

            Plan: 3 nodes, 0 resources to create, 0 to change, 5 to delete
            Done. Lab kinds is as the file says.
        "#]],
    );
}
