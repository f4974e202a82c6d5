//! Nodes of a lab over several hosts, in memory: what commands tell of them, and how it is drawn.

use expect_test::expect;

mod common;
use common::{Sandbox, check};

const SPREAD: &str = "\
name: spread
routing: static
hosts:
  h[1-2]: { ssh: \"host[1-2]\" }
nodes:
  a: { host: h1 }
  b: { kind: router, host: h2 }
  c: { host: h2 }
  sw: { kind: bridge, hosts: [h1, h2], subnet: 10.9.0.0/24 }
links:
  - { endpoints: [a, b], gre: { key: 7 }, rate: 10mbit }
  - { endpoints: [\"{a,b,c}\", sw] }
";

fn applied(name: &str) -> Sandbox {
    let sandbox = Sandbox::new(name);
    sandbox.file("spread.yaml", SPREAD);
    sandbox.ok("apply spread.yaml -q --check");
    sandbox
}

#[test]
fn status_tells_each_host() {
    let sandbox = applied("spread-status");
    check(
        &sandbox.ok("status"),
        expect![[r#"
        Lab spread: 5 nodes, 5 links (2 between hosts), as applied

        h1: 2 nodes, 1 link, 2 tunnel ends, as it should be
        h2: 3 nodes, 2 links, 2 tunnel ends, as it should be
    "#]],
    );
    sandbox.ok("link down c:eth0 -q");
    sandbox.ok("impair a:eth0 --rate 5mbit -q");
    check(
        &sandbox.ok("status"),
        expect![[r#"
        Lab spread: 5 nodes, 5 links (2 between hosts), differs from what was applied

        h1: 2 nodes, 1 link, 2 tunnel ends, differs
          changed  impairment on a:eth0: rate 10mbit → 5mbit
        h2: 3 nodes, 2 links, 2 tunnel ends, differs
          changed  c:eth0: up → down
    "#]],
    );
    assert_eq!(sandbox.say("status --detailed-exitcode -q").code, Some(2));
    let checked = sandbox.say("check --between c --format json");
    assert_eq!(checked.code, Some(1), "{checked:#?}");
}

#[test]
fn what_is_shown_of_a_node_says_its_host() {
    let sandbox = applied("spread-show");
    check(
        &sandbox.ok("show a"),
        expect![[r#"
        a of lab spread on h1: namespace spread-a

        INTERFACE  STATE  MTU   MAC                TO                       ADDRESS
        lo         up
        eth0       up     1472                     gre to 192.0.2.2, key 7  10.64.0.0/31
        eth1       up     1450  02:eb:ed:cb:f9:77  sw-h1:a-eth1             10.9.0.1/24

        IMPAIRMENTS
        eth0: rate 10mbit, limit 1000 packets

        SYSCTLS
        net.ipv4.conf.all.promote_secondaries = 1
    "#]],
    );
    check(
        &sandbox.ok("show sw-h2:b-eth1"),
        expect![[r#"
        Link sw-h2:b-eth1 – b:eth1 of lab spread on h2

        END           STATE  MTU   MAC                BRIDGE         ADDRESS
        sw-h2:b-eth1  up     1450  02:1f:44:2f:fa:f5  port of sw-h2
        b:eth1        up     1450  02:d4:cd:c5:7f:96                 10.9.0.254/24
    "#]],
    );
    check(
        &sandbox.ok("list"),
        expect![[r#"
        LAB     NODES  LINKS  HOSTS   AS OF     FILE
        spread  5      5      h1, h2  just now  spread.yaml
    "#]],
    );
    check(
        &sandbox.ok("list --host h2"),
        expect![[r#"
        LAB     NODES  LINKS  FILE
        spread  3      2      spread.yaml
    "#]],
    );
    let said = sandbox.fails("exec a -- true");
    assert!(said.contains("the nodes of the simulator run no programs"), "{said}");
}

#[test]
fn a_lab_is_drawn_host_by_host_before_and_while_it_runs() {
    let sandbox = Sandbox::new("spread-graph");
    sandbox.file("spread.yaml", SPREAD);
    let drawn = sandbox.ok("graph spread.yaml --addresses");
    check(
        &drawn,
        expect![[r#"
        ---
        title: spread
        ---
        graph LR
          subgraph h0["h1"]
            n0["a"]
            n3[["sw-h1"]]
          end
          subgraph h1["h2"]
            n1(("b"))
            n2["c"]
            n4[["sw-h2"]]
          end
          n5(["vxlan 4815610"])
          n6(["gre key 7"])
          n3 ---|"sw-h2-sw-h1"| n5
          n4 ---|"sw-h1-sw-h2"| n5
          n0 ---|"eth0 10.64.0.0/31<br>10mbit"| n6
          n1 ---|"eth0 10.64.0.1/31<br>10mbit"| n6
          n0 ---|"eth1 10.9.0.1/24 – a-eth1"| n3
          n1 ---|"eth1 10.9.0.254/24 – b-eth1"| n4
          n2 ---|"eth0 10.9.0.2/24 – c-eth0"| n4
    "#]],
    );
    sandbox.ok("apply spread.yaml -q");
    assert_eq!(sandbox.ok("graph spread --addresses"), drawn);
}

#[test]
fn pairs_that_no_host_is_there_to_ask_from_are_told_as_not_asked() {
    let sandbox = applied("spread-unasked");
    let whole = sandbox.read("sim.h2.json");
    sandbox.file("sim.h2.json", "{");
    let said = sandbox.say("check");
    assert_eq!((said.code, said.err.as_str()), (Some(1), ""), "{said:#?}");
    check(
        said.out.split("file\n").next().unwrap_or_default(),
        expect![[r#"
            Lab spread: 2 of 2 pairs not as it should be, 4 were not asked:

              × a → b 10.64.0.1: no way there and back
              × a → c 10.9.0.2: no way there and back
              ? 4 pairs not asked: h2 cannot be reached: read the simulator's "#]],
    );
    let said = sandbox.say("check --format json");
    let document: serde_json::Value = serde_json::from_str(&said.out).expect("it is JSON");
    assert_eq!((&document["pairs"], &document["not_asked"][0]["pairs"]), (&2.into(), &4.into()), "{document:#}");
    sandbox.file("sim.h1.json", "{");
    let said = sandbox.fails("check");
    assert!(said.ends_with("2 of 2 hosts cannot be worked on\n"), "{said}");
    sandbox.file("sim.h2.json", &whole);
}

#[test]
fn a_lab_that_another_netsim_removed_is_forgotten_when_all_its_hosts_were_asked() {
    let sandbox = applied("spread-gone");
    let (ours, kept) = (sandbox.folder.join("sim.far"), sandbox.folder.join("kept"));
    std::fs::create_dir_all(kept.join("spread")).expect("the folder is ours");
    let account = |folder: &std::path::Path| folder.join("spread/applied.json");
    std::fs::copy(account(&ours), account(&kept)).expect("it was stored");
    // As if somebody else had done it.
    sandbox.ok("destroy spread -q");
    std::fs::rename(&kept, &ours).expect("it is gone");
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(100_000);
    std::fs::File::options().append(true).open(account(&ours)).and_then(|f| f.set_modified(yesterday)).expect("ours");
    check(
        &sandbox.ok("list"),
        expect![[r#"
            LAB     NODES  LINKS  HOSTS   AS OF     FILE
            spread  5      5      h1, h2  27 h ago  spread.yaml
        "#]],
    );
    let said = sandbox.fails("show a");
    assert!(said.contains("hint: see what else is not: netsim status spread\n"), "{said}");
    // What a host does not tell may be there.
    sandbox.file("sim.h2.json", "{");
    sandbox.say("status spread");
    assert!(account(&ours).exists());
    std::fs::remove_file(sandbox.folder.join("sim.h2.json")).expect("it is ours");
    let said = sandbox.say("status spread");
    assert_eq!(
        (said.code, said.out.as_str(), said.err.as_str()),
        (
            Some(0),
            "Lab spread is not running.\n",
            "none of its hosts knows lab spread any more: it is forgotten here, too\n"
        )
    );
    assert!(!ours.exists());
    assert_eq!(sandbox.ok("list"), "No lab is running.\n");
}

#[test]
fn a_link_between_hosts_is_shown_with_both_ends_and_the_tunnel() {
    let sandbox = applied("spread-across");
    check(
        &sandbox.ok("show a:eth0"),
        expect![[r#"
        Link a:eth0 – b:eth0 of lab spread on h1 and h2

        END     HOST  STATE  MTU   MAC  BRIDGE  ADDRESS
        a:eth0  h1    up     1472               10.64.0.0/31
        b:eth0  h2    up     1472               10.64.0.1/31

        TUNNEL
        a:eth0: gre key 7, 192.0.2.1 to 192.0.2.2, MTU 1472
        b:eth0: gre key 7, 192.0.2.2 to 192.0.2.1, MTU 1472

        IMPAIRMENTS
        a:eth0: rate 10mbit, limit 1000 packets
        b:eth0: rate 10mbit, limit 1000 packets
    "#]],
    );
    sandbox.ok("link down sw-h2:sw-h1-sw-h2 -q");
    check(
        &sandbox.ok("show sw-h1:sw-h2-sw-h1"),
        expect![[r#"
        Link sw-h1:sw-h2-sw-h1 – sw-h2:sw-h1-sw-h2 of lab spread on h1 and h2

        END                HOST  STATE  MTU   MAC                BRIDGE         ADDRESS
        sw-h1:sw-h2-sw-h1  h1    up     1450  02:b6:87:4f:3d:88  port of sw-h1
        sw-h2:sw-h1-sw-h2  h2    down   1450  02:83:f8:ab:82:62  port of sw-h2

        TUNNEL
        sw-h1:sw-h2-sw-h1: vxlan VNI 4815610, 192.0.2.1 to 192.0.2.2, MTU 1450
        sw-h2:sw-h1-sw-h2: vxlan VNI 4815610, 192.0.2.2 to 192.0.2.1, MTU 1450
    "#]],
    );
    let shown = sandbox.ok("show b:eth0 --format json");
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("it is JSON");
    assert_eq!((&shown["ends"][1][0], &shown["ends"][1][1]["name"]), (&"a".into(), &"eth0".into()), "{shown:#}");
    check(
        &format!("{:#}", shown["across"][1]["tunnel"]),
        expect![[r#"
        {
          "key": 7,
          "kind": "gre",
          "local": "192.0.2.1",
          "remotes": [
            "192.0.2.2"
          ]
        }"#]],
    );
    // An end that nobody can ask about, and one that is not there.
    sandbox.file("sim.h2.json", "{");
    let said = sandbox.say("show a:eth0");
    assert_eq!((said.code, said.err.as_str()), (Some(1), ""), "{said:#?}");
    assert!(said.out.contains("\nb:eth0  h2    not reached\n"), "{said:#?}");
    assert!(said.out.contains("\nb:eth0: not reached: read the simulator's file "), "{said:#?}");
    std::fs::remove_file(sandbox.folder.join("sim.h2.json")).expect("it is ours");
    let said = sandbox.ok("show a:eth0");
    assert!(said.contains("\nb:eth0  h2    missing\n") && said.contains("\nb:eth0: missing\n"), "{said}");
}

#[test]
fn a_bridge_on_several_hosts_is_called_as_the_file_calls_it() {
    let sandbox = applied("spread-whole");
    let whole =
        "error[E131]: sw is on several hosts: sw-h1, sw-h2\nhint: name its part on one of them, as spread/sw-h1\n";
    for words in ["show sw", "show spread/sw", "exec sw -- true", "shell sw"] {
        assert_eq!(sandbox.fails(words), whole, "{words}");
    }
    // A port is of whichever part has it.
    assert_eq!(sandbox.ok("show sw:b-eth1"), sandbox.ok("show sw-h2:b-eth1"));
    assert_eq!(sandbox.ok("show sw:a-eth1"), sandbox.ok("show sw-h1:a-eth1"));
    let told = sandbox.ok("link down spread/sw:c-eth0");
    assert!(told.contains("  - sw-h2:c-eth0 up\nsw-h2:c-eth0 is down;"), "{told}");
    let told = sandbox.ok("impair sw:b-eth1 --delay 5ms");
    assert!(told.contains("sw-h2:b-eth1"), "{told}");
    check(
        &sandbox.fails("show sw:uplink"),
        expect![[r#"
            error[E131]: no part of sw has an interface `uplink`: sw-h1, sw-h2
            hint: see what one of them has: netsim show spread/sw-h1
        "#]],
    );
    let joins = "error[E131]: a-b is no node: it joins a, b\nhint: name one of its ends, as spread/a:eth0\n";
    for words in ["show a-b", "show a-b:eth0", "exec a-b -- true", "link down a-b:eth0"] {
        assert_eq!(sandbox.fails(words), joins, "{words}");
    }
    // Where a part cannot be looked at nobody knows.
    sandbox.file("sim.h2.json", "{");
    assert!(sandbox.fails("show sw:b-eth1").ends_with("1 of 2 hosts cannot be worked on\n"));
    sandbox.ok("show sw:a-eth1");
}

#[test]
fn a_change_of_an_impairment_is_told_to_programs_too() {
    let sandbox = applied("spread-impair");
    let told = |words: &str| -> serde_json::Value {
        let out = sandbox.ok(words);
        let document: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"));
        assert_eq!((&document["format"], &document["interface"]), (&"netsim-impairment".into(), &"a:eth0".into()));
        document["impairment"].clone()
    };
    let before = told("impair a:eth0 --format json");
    let changed = told("impair a:eth0 --rate 1mbit --format json");
    assert_ne!(before, changed);
    assert_eq!(told("impair a:eth0 --rate 1mbit --format json"), changed);
    assert_eq!(told("impair a:eth0 --format json"), changed);
    assert_eq!(told("impair a:eth0 --none --format json"), serde_json::Value::Null);
    assert_eq!(told("impair a:eth0 --reset --format json"), before);
}

#[test]
fn what_was_destroyed_on_some_hosts_is_not_told_as_missing_there() {
    let sandbox = applied("spread-half");
    let whole = sandbox.read("sim.h2.json");
    sandbox.file("sim.h2.json", "{");
    sandbox.say("destroy spread -q");
    let told = sandbox.say("status spread");
    assert_eq!(told.code, Some(1));
    assert!(
        told.out.starts_with("Lab spread: 0 nodes, 0 links, destroyed on h1\n\nh1: destroyed\nh2: not reached  "),
        "{told:#?}"
    );
    sandbox.file("sim.h2.json", &whole);
    check(
        &sandbox.ok("status spread"),
        expect![[r#"
            Lab spread: 3 nodes, 4 links (2 between hosts), destroyed on h1

            h1: destroyed
            h2: 3 nodes, 2 links, 2 tunnel ends, as it should be

            Left on h2: `netsim destroy spread --host h2` removes that, too; `netsim apply` makes all of it again.
        "#]],
    );
    let document: serde_json::Value = serde_json::from_str(&sandbox.ok("status spread --format json")).expect("JSON");
    assert_eq!((&document["as_wanted"], &document["hosts"][0]["destroyed"]), (&false.into(), &true.into()));
    assert_eq!(document["differences"], serde_json::json!([]));
    assert_eq!(sandbox.say("status spread --detailed-exitcode -q").code, Some(2));
    check(
        &sandbox.ok("list"),
        expect![[r#"
            LAB     NODES  LINKS  HOSTS  AS OF     FILE
            spread  3      4      h2     just now  spread.yaml
        "#]],
    );
    // Compared with the file it is missing.
    assert!(sandbox.ok("status spread.yaml").contains("\n  missing  namespace spread-a\n"));
    sandbox.ok("destroy spread --host h2 -q");
    assert_eq!(sandbox.ok("list"), "No lab is running.\n");
}

#[test]
fn a_node_that_moves_to_another_host_is_one_node_of_the_plan() {
    let sandbox = applied("spread-moves");
    sandbox.file("spread.yaml", &SPREAD.replace("c: { host: h2 }", "c: { host: h1 }"));
    let told = sandbox.ok("plan spread.yaml");
    assert!(told.contains("\n  + c ") && told.contains("\n  - c\n"), "{told}");
    let nodes = |told: &str| told.lines().find(|line| line.starts_with("Plan: ")).map(str::to_owned);
    assert!(nodes(&told).is_some_and(|line| line.starts_with("Plan: 3 nodes, ")), "{told}");
    let document: serde_json::Value =
        serde_json::from_str(&sandbox.ok("plan spread.yaml --format json")).expect("JSON");
    assert_eq!(document["summary"]["nodes"], 3);
}
