//! Nodes on other hosts as if they were here: programs in them, what is shown of them, what is measured between them, what is changed.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::bed::*;

/// Two nodes on host1, one on host2 and one on host3, on two broadcast domains.
fn lab() -> String {
    let nodes = "nodes:\n  a: { host: host1 }\n  b: { kind: router, host: host2 }\n  c: { host: host3 }\n  d: { host: host1 }\n";
    let links = "links:\n  - { endpoints: [a, b] }\n  - { endpoints: [b, c, d], subnet: 10.9.0.0/24 }\n";
    format!("{}routing: static\n{nodes}{links}", hosts(3))
}

fn apply() {
    file("t.yaml", &lab());
    netsim("apply t.yaml").ok();
}

fn destroy() {
    netsim("destroy t").ok();
    ["host1", "host2", "host3"].iter().for_each(|host| has_nothing_left(host));
}

fn json(said: &str) -> serde_json::Value {
    serde_json::from_str(said).unwrap_or_else(|e| panic!("{e}:\n{said}"))
}

#[test]
fn a_program_in_a_node_elsewhere_is_as_one_here() {
    with_hosts("nodes::a_program_in_a_node_elsewhere_is_as_one_here", 3, "", || {
        apply();
        // Its streams, its environment, its status.
        let mut child = program("exec b -- sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it was built");
        let script = b"echo $NETSIM_LAB/$NETSIM_NODE; ip -br addr show eth1; echo wrong >&2; exit 7\n";
        child.stdin.take().expect("piped").write_all(script).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(7), "{said}");
        assert!(said.starts_with("t/b\n") && said.contains("10.9.0."), "{said}");
        assert_eq!(output.stderr, b"wrong\n");
        netsim("exec t/c -- true").ok();
        netsim("exec c -- false").ends(1);
        let killed = program("exec b -- sh -c").arg("kill -9 $$").status().expect("it was built");
        assert_eq!(killed.code(), Some(128 + 9));
        let said = netsim("exec b -- no-such-program").fails();
        assert!(said.contains("error[E113]") && said.contains("no-such-program"), "{said}");
        // It ends with us, however we end, and whatever it does itself.
        for signal in ["TERM", "INT", "KILL"] {
            let mut child = program("exec b -- sleep 1000").stdout(Stdio::null()).spawn().expect("it was built");
            waits_until(|| !on("host2", "pgrep -f '^sleep 1000'; true").is_empty());
            let began = Instant::now();
            let kill = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
            assert!(kill.expect("kill is there").success());
            let status = child.wait().expect("it is our child");
            let expected = [("TERM", Some(143)), ("INT", Some(130)), ("KILL", None)];
            assert!(expected.contains(&(signal, status.code())), "{signal}: {status}");
            waits_until(|| on("host2", "pgrep -f '^sleep 1000'; true").is_empty());
            eprintln!("SIG{signal}: over after {:?}", began.elapsed());
            assert!(began.elapsed() < Duration::from_secs(10), "{signal}");
        }
        destroy();
    });
}

#[test]
fn the_sockets_of_a_killed_netsim_go_with_the_next_one() {
    with_hosts("nodes::the_sockets_of_a_killed_netsim_go_with_the_next_one", 3, "", || {
        apply();
        std::fs::create_dir("/run/user").expect("/run is the bed's own");
        let there = || std::fs::read_dir("/run/user").expect("it was made").flatten().count();
        let exec = |words: &str| {
            let mut command = program(&format!("exec b -- {words}"));
            command.env("XDG_RUNTIME_DIR", "/run/user").stdout(Stdio::null());
            command
        };
        let mut killed = exec("sleep 1000").spawn().expect("it was built");
        let mut living = exec("sleep 1000").spawn().expect("it was built");
        waits_until(|| on("host2", "pgrep -f '^sleep 1000'; true").lines().count() == 2);
        assert_eq!(there(), 2);
        killed.kill().expect("it runs");
        killed.wait().expect("it is our child");
        assert!(exec("true").status().expect("it was built").success());
        assert_eq!(there(), 1);
        assert_eq!(living.try_wait().expect("it is our child"), None);
        run("kill", &[&living.id().to_string()]);
        living.wait().expect("it is our child");
        assert_eq!(there(), 0);
        destroy();
    });
}

#[test]
fn a_program_in_a_node_elsewhere_has_a_terminal_where_we_have_one() {
    with_hosts("nodes::a_program_in_a_node_elsewhere_has_a_terminal_where_we_have_one", 3, "", || {
        apply();
        let under_terminal = |words: &str, input: &[u8]| {
            let line = format!("{NETSIM} {words}");
            let mut child = Command::new("script")
                .args(["-qec", &line, "/dev/null"])
                .env("XDG_STATE_HOME", "/run/state")
                .env("SHELL", "/bin/sh")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("script(1) is there");
            let mut to = child.stdin.take().expect("piped");
            to.write_all(input).expect("it reads");
            let output = child.wait_with_output().expect("it ends");
            drop(to);
            (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let (code, said) = under_terminal("exec c -- tty", b"");
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("/dev/pts/") || said.contains("/dev/console"), "{said}");
        let (code, said) = under_terminal("shell c", b"echo in=$NETSIM_NODE; tty && exit 3\n");
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("in=c"), "{said}");
        // With its output elsewhere it has none.
        let said = netsim("exec c -- sh -c tty<&1").ends(1);
        assert!(said.contains("not a tty"), "{said}");
        destroy();
    });
}

#[test]
fn a_node_is_shown_with_its_host() {
    with_hosts("nodes::a_node_is_shown_with_its_host", 3, "", || {
        apply();
        let said = netsim("show b").ok();
        assert!(said.starts_with("b of lab t on host2: namespace t-b\n"), "{said}");
        assert!(said.contains("vxlan VNI ") && said.contains("TUNNEL ENTRIES\n"), "{said}");
        // A link between hosts is shown with what each of them has of it.
        let said = netsim("show a:eth0").ok();
        assert!(said.starts_with("Link a:eth0 – b:eth0 of lab t on host1 and host2\n"), "{said}");
        assert!(
            said.contains("\nb:eth0: vxlan VNI ") && said.contains(", 10.255.0.2 to 10.255.0.1, MTU 1450\n"),
            "{said}"
        );
        let across = json(&netsim("show c:eth0 --format json").ok())["across"].clone();
        let hosts: Vec<_> = across.as_array().expect("a list").iter().map(|end| &end["host"]).collect();
        assert_eq!(hosts, ["host3", "host2", "host1"], "{across:#}");
        assert_eq!(across[0]["tunnel"]["remotes"], serde_json::json!(["10.255.0.1", "10.255.0.2"]), "{across:#}");
        let shown = json(&netsim("show b --format json").ok());
        assert_eq!((&shown["host"], &shown["node"]), (&"host2".into(), &"b".into()));
        let listed = json(&netsim("list --format json").ok());
        let [lab] = &listed["labs"].as_array().expect("a list")[..] else { panic!("{listed}") };
        assert_eq!(lab["hosts"], serde_json::json!(["host1", "host2", "host3"]));
        let said = netsim("list --host host2").ok();
        assert!(said.contains("t    1      0      t.yaml"), "{said}");
        let said = netsim("list --host host4").fails();
        assert!(said.contains("host1, host2, host3"), "{said}");
        let said = netsim("graph t --addresses").ok();
        assert!(
            said.contains("subgraph h1[\"host2\"]") && said.contains("vxlan ") && said.contains("10.9.0."),
            "{said}"
        );
        destroy();
    });
}

#[test]
fn pairs_are_asked_on_all_hosts_and_what_is_broken_on_one_is_told() {
    with_hosts("nodes::pairs_are_asked_on_all_hosts_and_what_is_broken_on_one_is_told", 3, "", || {
        apply();
        let said = netsim("check").ok();
        assert!(said.starts_with("Checked. Lab t: ") && said.contains("each as it should be"), "{said}");
        netsim("link down c:eth0").ok();
        let said = netsim("check --format json").fails();
        let differences = json(&said)["differences"].clone();
        let all = differences.as_array().expect("a list");
        assert!(all.iter().all(|d| [&d["from"], &d["to"]].contains(&&"c".into())), "{said}");
        assert!(all.iter().any(|d| d["from_host"] == "host1" && d["to_host"] == "host3"), "{said}");
        netsim("link up c:eth0").ok();
        netsim("check").ok();
        destroy();
    });
}

#[test]
fn pairs_from_a_host_out_of_reach_are_told_as_not_asked_and_all_others_are_asked() {
    with_hosts("nodes::pairs_from_a_host_out_of_reach_are_told_as_not_asked_and_all_others_are_asked", 3, "", || {
        apply();
        let pairs = |document: &serde_json::Value| document["pairs"].as_u64().expect("a number");
        let all = pairs(&json(&netsim("check --format json").ok()));
        on("host3", "kill $(cat /run/sshd.pid)");
        let said = netsim("check").fails();
        assert!(said.contains("each as it should be, ") && said.contains(" were not asked:\n"), "{said}");
        assert!(said.contains(" not asked: host3 cannot be reached: connect by ssh: "), "{said}");
        assert!(!said.contains("nothing was changed"), "{said}");
        let document = json(&netsim("check --format json").fails());
        let [host] = &document["not_asked"].as_array().expect("a list")[..] else { panic!("{document:#}") };
        assert_eq!((&host["host"], &document["as_expected"]), (&"host3".into(), &false.into()));
        assert_eq!((pairs(&document) + pairs(host), &document["differences"]), (all, &serde_json::json!([])));
        // What is on it is asked from the others.
        netsim("link down b:eth1").ok();
        let document = json(&netsim("check --format json").fails());
        let differences = document["differences"].as_array().expect("a list");
        assert!(differences.iter().any(|d| d["from"] == "b" && d["to"] == "c"), "{document:#}");
        assert!(differences.iter().all(|d| d["from"] != "c"), "{document:#}");
        netsim("link up b:eth1").ok();
        on_console("host3", "$(command -v /usr/sbin/sshd) -f /run/bed/sshd_config");
        waits_until(|| netsim("check").succeeded());
        destroy();
    });
}

#[test]
fn a_host_that_goes_away_in_the_middle_of_a_check_ends_nothing_but_its_own_part() {
    with_hosts("nodes::a_host_that_goes_away_in_the_middle_of_a_check_ends_nothing_but_its_own_part", 3, "", || {
        apply();
        let mut check = program("check --until done --interval 100ms --format json");
        let check = check.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it was built");
        waits_until(|| !on("host2", "pgrep -x netsim; true").is_empty());
        std::thread::sleep(Duration::from_secs(1));
        on("host2", "kill -9 $(pgrep -x netsim)");
        std::thread::sleep(Duration::from_secs(1));
        file("done", "");
        let output = check.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&output.stderr));
        let document = json(&said);
        assert_eq!(document["not_asked"][0]["host"], "host2", "{document:#}");
        assert!(
            document["not_asked"][0]["error"].as_str().is_some_and(|e| e.contains("connection has ended")),
            "{document:#}"
        );
        assert_eq!(
            (&document["not_asked"][1], &document["differences"]),
            (&serde_json::Value::Null, &serde_json::json!([]))
        );
        destroy();
    });
}

#[test]
fn what_differs_is_told_of_each_host_and_those_out_of_reach_are_named() {
    with_hosts("nodes::what_differs_is_told_of_each_host_and_those_out_of_reach_are_named", 3, "", || {
        apply();
        let said = netsim("status --detailed-exitcode").ok();
        assert!(said.contains("Lab t: ") && said.contains(", as applied\n"), "{said}");
        netsim("impair a:eth0 --rate 5mbit").ok();
        assert_eq!(json(&netsim("impair a:eth0 --format json").ok())["host"], "host1");
        let said = netsim("status --detailed-exitcode").ends(2);
        assert!(said.contains(", differs from what was applied\n\nhost1: "), "{said}");
        assert!(said.contains("  extra    impairment on a:eth0: rate 5mbit"), "{said}");
        assert!(said.contains("\nhost3: 1 node, 0 links, 1 tunnel end, as it should be\n"), "{said}");
        let document = json(&netsim("status --format json").ok());
        assert_eq!(document["differences"][0]["host"], "host1");
        netsim("impair a:eth0 --reset").ok();
        on("host3", "kill $(cat /run/sshd.pid)");
        // Two hosts of three are as they should be: that is no answer for the lab.
        let said = netsim("status").fails();
        assert!(said.contains("as applied, as far as can be seen"), "{said}");
        assert!(said.contains("\nhost3: not reached  connect by ssh: "), "{said}");
        let document = json(&netsim("status --format json").fails());
        assert_eq!((&document["as_wanted"], &document["hosts"][2]["reachable"]), (&false.into(), &false.into()));
        let said = netsim("show b:eth1").fails();
        assert!(said.contains("\nb:eth1: vxlan VNI ") && said.contains("\nc:eth0: not reached: host3: "), "{said}");
        // The same by another netsim that has the file alone: what it has to know of the host the others tell.
        let elsewhere = |words: &str| {
            let output = program(words).env("XDG_STATE_HOME", "/run/elsewhere").output().expect("it was built");
            (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let (code, said) = elsewhere("status t.yaml");
        assert!(code == Some(1) && said.contains("as t.yaml, as far as can be seen"), "{said}");
        let (code, said) = elsewhere("check t.yaml");
        assert!(code == Some(1) && said.contains("each as it should be, "), "{said}");
        // Who is elsewhere is reached all the same.
        netsim("exec a -- true").ok();
        netsim("impair a:eth0 --rate 5mbit").ok();
        netsim("impair a:eth0 --reset").ok();
        let said = netsim("exec c -- true").fails();
        assert!(said.starts_with("error[E152]: host3: "), "{said}");
        on_console("host3", "$(command -v /usr/sbin/sshd) -f /run/bed/sshd_config");
        waits_until(|| netsim("status").succeeded());
        destroy();
    });
}

#[test]
fn scripts_for_each_host_make_what_apply_makes() {
    with_hosts("nodes::scripts_for_each_host_make_what_apply_makes", 3, "", || {
        file("t.yaml", &lab());
        scripted("t.yaml", ["host1", "host2", "host3"]);
        let shipped = |name: &str| format!("{}/../../topologies/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        scripted(&shipped("gre"), ["h1", "h2", "h3"]);
        scripted(&shipped("stretched"), ["a", "b", "c"]);
    });
}

/// Makes a lab over three hosts by scripts; the hosts are given as the file calls them.
fn scripted(file: &str, hosts: [&str; 3]) {
    // What is there by hand would be in the way of a plan for the next: all are made first.
    let scripts = hosts.map(|host| netsim(&format!("plan {file} --format sh --host {host} -q")));
    if !scripts.iter().all(Ran::succeeded) {
        let said = scripts[0].fails();
        assert!(said.contains("E071") && said.contains("this kernel has no"), "{file}: {said}");
        return eprintln!("SKIPPED {file}: {}", said.lines().next().unwrap_or_default());
    }
    for (n, script) in (1..).zip(scripts) {
        let (host, script) = (format!("host{n}"), script.ok());
        let mut child =
            Command::new("ssh").args(["-T", &host, "sh"]).stdin(Stdio::piped()).spawn().expect("ssh is there");
        child.stdin.take().expect("piped").write_all(script.as_bytes()).expect("a shell reads");
        assert!(child.wait().expect("it ends").success(), "{file} on {host}:\n{script}");
    }
    // iproute2 before 6.3 cannot mark addresses: they are there, and are taken for somebody else's.
    let document = json(&netsim(&format!("status {file} --format json")).ok());
    for difference in document["differences"].as_array().expect("a list") {
        let key = difference["key"].as_object().expect("a key");
        assert!(key.contains_key("address"), "{file}: {difference:#}");
    }
    netsim(&format!("check {file}")).ok();
    netsim(&format!("destroy {file}")).ok();
    for host in ["host1", "host2", "host3"] {
        // The mount that `ip netns add` makes of the directory on itself.
        on(host, "umount /run/netns");
        has_nothing_left(host);
    }
}
