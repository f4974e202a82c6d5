//! Whole labs over several hosts by the program itself: planned, applied, changed, destroyed.

use crate::bed::*;

/// A pair of nodes on each of so many hosts.
fn pairs(hosts: usize) -> String {
    let range = format!("[1-{hosts}]");
    let mut text = "name: t\nhosts:\n".to_owned();
    text += &format!("  \"host{range}\": {{ ssh: \"host{range}\" }}\n");
    text += &format!("nodes:\n  a{range}: {{ host: \"host{range}\" }}\n  b{range}: {{ host: \"host{range}\" }}\n");
    text + &format!("links:\n  - {{ endpoints: [\"a{range}\", \"b{range}\"] }}\n")
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
            on(
                host,
                &format!(
                    "ip netns exec t-a{number} ping -c1 -W2 $(ip -n t-b{number} -4 -o addr show eth0 | awk '{{print $4}}' | cut -d/ -f1)"
                ),
            );
            on(host, "test -s /run/netsim/t/applied.json");
        }
        let said = netsim("apply t.yaml").ok();
        eprintln!("{said}");
        assert!(said.starts_with("Lab t is as the file says: nothing to do.\n"), "{said}");
        assert_eq!(said.matches(": looked at in ").count(), 3, "{said}");
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
