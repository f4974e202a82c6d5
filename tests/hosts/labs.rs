//! Whole labs over several hosts by the program itself: planned, applied, changed, destroyed.

use crate::bed::*;

/// A pair of nodes on each of so many hosts.
fn pairs(count: usize) -> String {
    let range = format!("[1-{count}]");
    let node = |name: &str| format!("  {name}{range}: {{ host: \"host{range}\" }}\n");
    let link = format!("links:\n  - {{ endpoints: [\"a{range}\", \"b{range}\"] }}\n");
    format!("{}nodes:\n{}{}{link}", hosts(count), node("a"), node("b"))
}

#[test]
fn a_lab_over_three_hosts_lives_and_goes() {
    with_hosts("labs::a_lab_over_three_hosts_lives_and_goes", 3, "", || {
        file("t.yaml", &pairs(3));
        let said = netsim("plan t.yaml --detailed-exitcode").ends(2);
        assert!(said.contains("host2: copying netsim there") && said.contains("Plan: 6 nodes"), "{said}");
        netsim("apply t.yaml").ok();
        for host in ["host1", "host2", "host3"] {
            let number = &host[4..];
            assert_eq!(on(host, "ls /run/netns"), format!("t-a{number}\nt-b{number}\n"));
            on(host, "test -s /run/netsim/t/applied.json");
        }
        let said = netsim("apply t.yaml").ok();
        eprintln!("{said}");
        assert!(said.starts_with("Lab t is as the file says: nothing to do.\n"), "{said}");
        // Two round trips for each, and how long each took.
        for host in ["host1", "host2", "host3"] {
            let line = said.lines().find_map(|line| line.strip_prefix(&format!("{host}: "))).expect("it is told");
            let trips: Vec<&str> = line.split(", ").filter_map(|trip| Some(trip.split_once(" in ")?.0)).collect();
            assert_eq!(trips, ["lock and observe", "save and keep"], "{said}");
        }
        // Drift on one host is mended there alone.
        on("host2", "ip -n t-a2 link set eth0 down");
        let said = netsim("plan t.yaml").ok();
        assert!(said.contains("host1") && said.contains("): nothing to do"), "{said}");
        netsim("apply t.yaml").ok();
        // A host that the file has left is cleaned by the same apply.
        file("t.yaml", &pairs(2));
        let said = netsim("apply t.yaml").ok();
        assert!(said.contains("host3"), "{said}");
        has_nothing_left("host3");
        netsim("destroy t").ok();
        for host in ["host1", "host2", "host3"] {
            has_nothing_left(host);
        }
        assert!(!std::path::Path::new("/run/state/netsim/labs").exists(), "netsim's own account is left");
    });
}

/// What is new has tunnels and cables to nodes that run, on the same host and on others.
#[test]
fn a_running_lab_grows_and_a_node_of_it_moves_to_another_host() {
    with_hosts("labs::a_running_lab_grows_and_a_node_of_it_moves_to_another_host", 3, "", || {
        let of = |nodes: &str, links: &str| {
            let links: String = links.split(' ').map(|l| format!("  - {{ endpoints: [{l}] }}\n")).collect();
            format!("{}nodes: {nodes}\nlinks:\n{links}", hosts(3))
        };
        let ring = "a,b b,c c,d d,e e,f f,a";
        let stages = [
            of("{ a: { host: host1 }, b: { host: host2 } }", "a,b"),
            of("{ a: { host: host1 }, b: { host: host2 }, c: { host: host2 } }", "a,b c,b c,a"),
            of("{ a: { host: host1 }, b: { host: host1 }, c: { host: host2 } }", "a,b c,b c,a"),
            of("{ \"{a,b}\": { host: host1 }, c: { host: host2 }, d: { host: host2 } }", "a,b c,b c,a d,c d,a"),
            format!("place: auto\n{}", of("{ a: {}, b: {}, c: {}, d: {}, e: {}, f: {} }", ring)),
            format!(
                "place: auto\n{}",
                of("{ a: {}, b: {}, c: {}, d: {}, e: {}, f: {}, g: {} }", &format!("{ring} f,g g,a"))
            ),
            of("{ a: { host: host3 }, b: { host: host3 } }", "a,b"),
        ];
        for stage in stages.iter().chain(stages.iter().rev().skip(1).step_by(2)) {
            file("t.yaml", &format!("{stage}routing: static\n"));
            netsim("apply t.yaml --check").ok();
            assert!(netsim("apply t.yaml").ok().contains("nothing to do"));
        }
        netsim("destroy t").ok();
        for host in ["host1", "host2", "host3"] {
            has_nothing_left(host);
        }
    });
}

#[test]
fn who_knew_a_node_before_it_moved_reaches_it_at_once() {
    with_hosts("labs::who_knew_a_node_before_it_moved_reaches_it_at_once", 4, "", || {
        for (nodes, link) in [
            ("", "endpoints: [a, b]"),
            (", c: { host: host4 }", "endpoints: [a, b, c]"),
            (", c: { host: host4 }", "endpoints: [a, b, c], vxlan: { group: 239.1.1.1 }"),
        ] {
            for host in ["host2", "host3", "host2"] {
                let nodes = format!("nodes: {{ a: {{ host: host1 }}, b: {{ host: {host} }}{nodes} }}\n");
                // Only who stays asks: a packet of the one that moved would tell where it is.
                let links = format!("links: [{{ {link} }}]\nchecks: [{{ ping: [a, b] }}]\n");
                file("t.yaml", &format!("{}{nodes}{links}", hosts(4)));
                netsim("apply t.yaml --check").ok();
            }
            netsim("destroy t").ok();
        }
    });
}

#[test]
fn a_saved_plan_is_done_on_all_hosts_or_on_none() {
    with_hosts("labs::a_saved_plan_is_done_on_all_hosts_or_on_none", 2, "", || {
        file("t.yaml", &pairs(2));
        netsim("plan t.yaml --out plan.json").ok();
        on("host2", "ip netns add t-a2");
        let said = netsim("apply plan.json").fails();
        assert!(said.contains("E133") && said.contains("host host2 has changed"), "{said}");
        on("host2", "ip netns del t-a2");
        has_nothing_left("host1");
        netsim("apply plan.json").ok();
        netsim("destroy t").ok();
        has_nothing_left("host1");
        has_nothing_left("host2");
    });
}

#[test]
fn a_node_of_others_is_refused_by_the_name_of_its_host() {
    with_hosts("labs::a_node_of_others_is_refused_by_the_name_of_its_host", 2, "", || {
        file("t.yaml", &pairs(2));
        on("host2", "ip netns add t-b2");
        let said = netsim("apply t.yaml").fails();
        assert!(said.contains("error[E07") && said.contains("host2: "), "{said}");
        on("host2", "ip netns del t-b2");
        has_nothing_left("host1");
        has_nothing_left("host2");
    });
}

#[test]
fn a_lab_with_links_between_hosts_needs_no_more_round_trips() {
    with_hosts("labs::a_lab_with_links_between_hosts_needs_no_more_round_trips", 3, "", || {
        let nodes = "nodes:\n  n[1-3]: { host: \"host[1-3]\" }\n  r[1-2]: { kind: router, host: \"host[1-2]\" }\n";
        let links = "links:\n  - { endpoints: [n1, n2, n3] }\n  - { endpoints: [r1, r2] }\n";
        file("t.yaml", &format!("{}{nodes}{links}", hosts(3)));
        netsim("apply t.yaml").ok();
        assert!(on("host1", "ip -n t-n1 -d link show eth0").contains("vxlan id "));
        let said = netsim("apply t.yaml").ok();
        assert_eq!(said.matches(": lock and observe in ").count(), 3, "{said}");
        assert_eq!(said.matches(", ").count(), 3, "{said}");
        netsim("destroy t").ok();
        for host in ["host1", "host2", "host3"] {
            has_nothing_left(host);
        }
    });
}

#[test]
fn this_machine_is_a_host_like_the_others() {
    with_hosts("labs::this_machine_is_a_host_like_the_others", 1, "", || {
        let text = "nodes:\n  n1: { host: host1 }\n  n2: {}\nlinks:\n  - { endpoints: [n1, n2] }\n";
        file("t.yaml", &format!("{}{text}", hosts(1)));
        let said = netsim("--rootless plan t.yaml").fails();
        assert!(said.starts_with("error[E165]: "), "{said}");
        netsim("apply t.yaml").ok();
        assert_eq!(namespaces_here(), ["host1", "t-n2"]);
        assert!(netsim("apply t.yaml").ok().contains("nothing to do"));
        // What was on this machine alone, and is there no more, is cleaned as well.
        file("t.yaml", &format!("{}nodes:\n  n1: {{ host: host1 }}\n", hosts(1)));
        netsim("apply t.yaml").ok();
        assert_eq!(namespaces_here(), ["host1"]);
        assert!(!std::path::Path::new("/run/netsim").exists());
        file("t.yaml", "name: t\nnodes:\n  n1: {}\n");
        netsim("apply t.yaml").ok();
        assert_eq!(namespaces_here(), ["host1", "t-n1"]);
        has_nothing_left("host1");
        netsim("destroy t").ok();
        assert_eq!(namespaces_here(), ["host1"]);
        assert!(!std::path::Path::new("/run/state/netsim/labs").exists(), "netsim's own account is left");
    });
}

/// The namespaces on the controller; the bed has one for each host.
fn namespaces_here() -> Vec<String> {
    let entries = std::fs::read_dir("/run/netns").expect("the bed made it");
    let mut names: Vec<String> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn two_names_of_one_machine_are_refused_and_a_new_name_is_not() {
    with_hosts("labs::two_names_of_one_machine_are_refused_and_a_new_name_is_not", 1, "", || {
        let nodes = "nodes:\n  a: { host: one }\n  b: { host: two }\n";
        file("t.yaml", &format!("name: t\nhosts:\n  one: {{ ssh: host1 }}\n  two: {{ ssh: 10.255.0.1 }}\n{nodes}"));
        for command in ["plan t.yaml", "apply t.yaml"] {
            let said = netsim(command).fails();
            assert!(said.contains("error[E166]: hosts one and two are one machine"), "{said}");
        }
        has_nothing_left("host1");
        let named =
            |name: &str| format!("name: t\nhosts:\n  {name}: {{ ssh: host1 }}\nnodes: {{ a: {{ host: {name} }} }}\n");
        file("t.yaml", &named("one"));
        netsim("apply t.yaml").ok();
        file("t.yaml", &named("other"));
        let said = netsim("apply t.yaml").ok();
        assert!(said.contains("nothing to do") && said.contains("other: "), "{said}");
        let said = netsim("exec a -- nowhere").fails();
        assert!(said.contains("error[E113]: other: run `nowhere` in t-a"), "{said}");
        netsim("destroy t.yaml").ok();
        has_nothing_left("host1");
    });
}

#[test]
fn an_underlay_that_is_not_as_written_is_told_before_any_host_is_touched() {
    let setup = "ip addr add 198.51.100.$I/32 dev lo; ip route add 198.51.100.0/24 dev eth0";
    with_hosts("labs::an_underlay_that_is_not_as_written_is_told_before_any_host_is_touched", 2, setup, || {
        let lab = |underlay: &str| {
            let host = |n: u8, underlay: &str| format!("  h{n}: {{ ssh: host{n}, underlay: {{ {underlay} }} }}\n");
            let hosts = format!("{}{}", host(1, "address: 198.51.100.1"), host(2, underlay));
            let rest = "nodes: { a: { host: h1 }, b: { host: h2 } }\nlinks: [{ endpoints: [a, b] }]\n";
            format!("name: t\nhosts:\n{hosts}{rest}")
        };
        for (underlay, words) in [
            ("address: 198.51.100.9", "write one that it has: 10.255.0.2 on eth0, 198.51.100.2 on lo"),
            ("device: eht0", "did you mean `eth0`?"),
            ("device: eth9, address: 198.51.100.2", "eth9 of h2 is down"),
        ] {
            on("host2", "ip link add eth9 type bridge");
            file("t.yaml", &lab(underlay));
            let said = netsim("apply t.yaml").fails();
            assert!(said.contains("error[E195]") && said.contains(words), "{said}");
            has_nothing_left("host1");
            on("host2", "ip link del eth9");
            has_nothing_left("host2");
        }
        file("t.yaml", &lab("address: 198.51.100.2"));
        netsim("apply t.yaml --check").ok();
        // What runs is looked at also where it is so no more.
        on("host2", "ip addr del 198.51.100.2/32 dev lo");
        assert!(netsim("status t").ok().contains("as applied"));
        assert_eq!(netsim("exec t/b -- echo it is there").ok(), "it is there\n");
        assert!(netsim("plan t.yaml").fails().contains("h2 has no address 198.51.100.2"));
        netsim("destroy t").ok();
    });
}

#[test]
fn a_lab_that_another_netsim_removed_is_forgotten_here() {
    with_hosts("labs::a_lab_that_another_netsim_removed_is_forgotten_here", 2, "", || {
        file("t.yaml", &pairs(2));
        netsim("apply t.yaml").ok();
        let elsewhere =
            |words: &str| program(words).env("XDG_STATE_HOME", "/run/elsewhere").output().expect("it was built");
        assert!(elsewhere("destroy t.yaml").status.success());
        // Nobody has told us, and none of these asks all hosts.
        assert!(netsim("list").ok().contains("host1, host2"));
        let said = netsim("exec a1 -- true").fails();
        assert!(said.contains("error[E112]: host1: ") && said.contains("`netsim status LAB`"), "{said}");
        let said = netsim("check t").fails();
        assert!(said.contains("none of its hosts knows lab t any more: it is forgotten here, too\n"), "{said}");
        assert_eq!(netsim("list").ok(), "No lab is running.\n");
        // One that is as it was applied is not.
        netsim("apply t.yaml").ok();
        netsim("status t").ok();
        netsim("destroy t").ok();
        has_nothing_left("host1");
        has_nothing_left("host2");
    });
}
