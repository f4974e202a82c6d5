//! Open vSwitch whose database is at no usual place: on another host, and where netsim runs.

use crate::bed::*;

/// A switch with a node on host1 and one on this machine, whose databases are there.
fn lab(there: &str, here: &str) -> String {
    let hosts = format!("hosts:\n  h1: {{ ssh: host1{there} }}\n  local: {{ weight: 1{here} }}\n");
    let nodes = "  s1: { kind: ovs, host: h1, datapath: netdev, flows: all.flows }\n  s2: { kind: ovs, datapath: netdev, mirrors: [{ from: a2, to: b2 }] }\n";
    let links = "  - { endpoints: [\"{a,b}1\", s1] }\n  - { endpoints: [\"{a,b,c}2\", s2] }\n";
    format!("name: t\n{hosts}nodes:\n  \"{{a,b}}1\": {{ host: h1 }}\n  \"{{a,b,c}}2\": {{}}\n{nodes}links:\n{links}")
}

const THERE: &str = ", ovsdb: /run/odd/place/db.sock";
const HERE: &str = ", ovsdb: \"unix:/run/here/db.sock\"";

/// The bridges that a database has; `at` is where its daemons are.
fn bridges(host: Option<&str>, at: &str) -> String {
    let words = format!("ovs-vsctl --timeout=20 --db=unix:{at}/db.sock list-br");
    match host {
        Some(host) => on(host, &words),
        None => {
            let output = std::process::Command::new("sh").args(["-c", &words]).output().expect("there is a shell");
            assert!(output.status.success(), "{output:?}");
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
    }
}

#[test]
fn a_database_is_where_the_file_says_on_each_host() {
    let name = "database::a_database_is_where_the_file_says_on_each_host";
    if !has_open_vswitch(name) {
        return;
    }
    with_hosts(name, 1, &format!("{OPEN_VSWITCH} start /run/odd/place"), || {
        run(OPEN_VSWITCH, &["start", "/run/here"]);
        let seen = || (bridges(Some("host1"), "/run/odd/place"), bridges(None, "/run/here"));
        file("all.flows", "priority=0 actions=NORMAL\n");
        file("t.yaml", &lab("", HERE));
        let said = netsim("apply t.yaml").fails();
        assert!(
            said.contains("error[E141]: h1: find Open vSwitch: no database at any of /var/run/openvswitch"),
            "{said}"
        );
        assert!(
            said.contains("or write with `ovsdb:` of that host where its database is") && !said.contains("--db"),
            "{said}"
        );
        file("t.yaml", &lab(THERE, ""));
        let said = netsim("apply t.yaml").fails();
        assert!(said.contains("error[E141]: find Open vSwitch: ") && said.contains("say with `--db`"), "{said}");
        // What the command line says goes before, and only here.
        file("t.yaml", &lab(THERE, ", ovsdb: /run/nowhere/db.sock"));
        let said = netsim("apply t.yaml").fails();
        assert!(said.contains("unix:/run/nowhere/db.sock: database connection failed"), "{said}");
        netsim("apply t.yaml --check --db /run/here/db.sock").ok();
        assert_eq!(seen(), ("s1\n".to_owned(), "s2\n".to_owned()));
        assert!(netsim("apply t.yaml --db /run/here/db.sock").ok().contains("nothing to do"));

        // The file has been put right: what is stored from now on says where to look.
        file("t.yaml", &lab(THERE, HERE));
        assert!(netsim("apply t.yaml").ok().contains("nothing to do"));
        assert!(netsim("status t --detailed-exitcode").ok().contains("as applied"));
        on("host1", "ovs-vsctl --timeout=20 --db=unix:/run/odd/place/db.sock del-br s1");
        let said = netsim("status t --detailed-exitcode").ends(2);
        assert!(said.contains("s1"), "{said}");
        netsim("apply t.yaml --check").ok();
        netsim("destroy t").ok();
        assert_eq!(seen(), (String::new(), String::new()));
        has_nothing_left("host1");

        // The same for this machine alone.
        let alone = "name: t\nhosts: { local: { ovsdb: /run/here/db.sock } }\nnodes: { a: {}, b: {}, s2: { kind: ovs, datapath: netdev } }\nlinks: [{ endpoints: [\"{a,b}\", s2] }]\n";
        file("t.yaml", alone);
        netsim("apply t.yaml --check").ok();
        assert_eq!(bridges(None, "/run/here"), "s2\n");
        assert!(netsim("status t --detailed-exitcode").ok().contains("as applied"));
        netsim("destroy t").ok();
        assert_eq!(bridges(None, "/run/here"), "");
        run(OPEN_VSWITCH, &["stop", "/run/here"]);
    });
}
