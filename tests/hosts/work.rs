//! What works: agents are put there and answer, hosts are changed side by side, programs run in nodes.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Instant;

use netsim_core::state::{Facts, HostState, Scope};
use netsim_host::agent::Entry;
use netsim_host::run::{Otherwise, Outcome};
use netsim_host::ssh::{Agent, AgentPath, Terminal};
use netsim_host::{AnyBackend, Host};

use crate::bed::*;

#[test]
fn three_hosts_are_made_so_and_then_have_nothing_left() {
    with_hosts("work::three_hosts_are_made_so_and_then_have_nothing_left", 3, "", || {
        let began = Instant::now();
        let hosts = connected(3);
        eprintln!("3 hosts reached, with copying: {:?}", began.elapsed());
        drop(hosts);
        let began = Instant::now();
        let hosts = connected(3);
        eprintln!("3 hosts reached: {:?}", began.elapsed());
        let desired = small();
        let begun = begin(&hosts, &desired);
        for (id, timed) in apply_all(&hosts, &begun, &desired, Otherwise::RollBack) {
            eprintln!("{id}: applied in {:?}", timed.took);
            assert!(timed.value.is_done(), "{id}: {:?}", timed.value);
            hosts[&id].save("{}").and_then(|()| hosts[&id].keep()).expect("it answers");
        }
        assert_eq!(on("host2", "ls /run/netns"), "a\nb\nsw\n");
        drop(hosts);
        all_become(3, &HostState::default());
        for host in ["host1", "host2", "host3"] {
            on(host, "rm -r /run/netsim");
            has_nothing_left(host);
        }
    });
}

#[test]
fn an_apply_with_nothing_to_do_costs_two_round_trips_per_host() {
    with_hosts("work::an_apply_with_nothing_to_do_costs_two_round_trips_per_host", 2, "", || {
        all_become(2, &small());
        let hosts = connected(2);
        let begun = begin(&hosts, &small());
        for (id, timed) in apply_all(&hosts, &begun, &small(), Otherwise::RollBack) {
            assert!(timed.value.is_done(), "{id}: {:?}", timed.value);
            let AnyBackend::Remote(remote) = hosts[&id].backend() else { panic!("{id} has an agent") };
            remote.save_and_keep("{}").expect("it answers");
            let trips = remote.trips();
            eprintln!("{id}: {trips:?}");
            assert_eq!(trips.iter().map(|t| t.what).collect::<Vec<_>>(), ["lock and observe", "save and keep"]);
        }
    });
}

#[test]
fn a_program_in_a_node_has_its_streams_its_arguments_and_its_status() {
    with_hosts("work::a_program_in_a_node_has_its_streams_its_arguments_and_its_status", 1, "", || {
        all_become(1, &small());
        let reached = reach("host1", &way("host1")).unwrap_or_else(|e| panic!("{e}"));
        let evil = "; touch /tmp/evil $(id) `id` 'x' \"y\" \\ \n*";
        let argv: Vec<OsString> =
            ["sh", "-c", "cat; printf %s \"$1\"; ip -br addr show eth0; exit 7", "-", evil].map(Into::into).into();
        let netns = netsim_core::resource::NetnsId::Named(netsim_core::names::NetnsName::new("b").expect("a name"));
        let entry = Entry { host: id("host1"), netns, argv, env: vec![("NETSIM_NODE".to_owned(), "b".into())] };
        let began = Instant::now();
        let mut command = reached.enter(&entry, Terminal::No).expect("short");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("ssh is there");
        std::io::Write::write_all(&mut child.stdin.take().expect("piped"), b"from here\n").expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        eprintln!("a program over the same connection: {:?}", began.elapsed());
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(7), "{said}");
        assert!(said.starts_with(&format!("from here\n{evil}")) && said.contains("10.0.0.2/24"), "{said}");
        assert!(!std::path::Path::new("/tmp/evil").exists());

        // A program ends with the connection that it was started over.
        let argv = ["sleep", "1000"].map(Into::into).into();
        let mut command = reached.enter(&Entry { argv, ..entry }, Terminal::No).expect("short");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("ssh is there");
        waits_until(|| !on("host1", "pgrep -f '^sleep 1000'; true").is_empty());
        child.kill().and_then(|()| child.wait()).expect("it is our child");
        waits_until(|| on("host1", "pgrep -f '^sleep 1000'; true").is_empty());
    });
}

/// A star of so many nodes.
fn star(nodes: u32) -> HostState {
    let promote = "net.ipv4.conf.all.promote_secondaries 1";
    let mut text = format!("netns sw\nup sw/lo\nsysctl sw {promote}\nbridge sw/sw\nup sw/sw\n");
    for n in 1..=nodes {
        text += &format!(
            "netns n{n}\nup n{n}/lo\nsysctl n{n} {promote}\nveth n{n}/eth0 sw/n{n}\nup n{n}/eth0\nup sw/n{n}\n"
        );
        text += &format!("port sw/n{n} sw\naddress n{n}/eth0 10.1.{}.{}/16\n", n / 200, n % 200 + 1);
    }
    netsim_core::testing::resources(&text).into_iter().collect()
}

#[test]
fn a_hundred_nodes_on_each_of_three_hosts_are_made_side_by_side() {
    with_hosts("work::a_hundred_nodes_on_each_of_three_hosts_are_made_side_by_side", 3, "", || {
        let desired = star(100);
        let local = Host::new(id("local"), AnyBackend::Local(netsim_host::Local::default()));
        let here = [(id("local"), local)].into_iter().collect();
        let all = connected(3);
        for (what, hosts) in [("locally", &here), ("on three hosts", &all)] {
            let began = Instant::now();
            let begun = begin(hosts, &desired);
            let looked = began.elapsed();
            let outcomes = apply_all(hosts, &begun, &desired, Otherwise::RollBack);
            let applied = began.elapsed() - looked;
            assert!(outcomes.values().all(|t| t.value.is_done()));
            let again = Instant::now();
            hosts.values().for_each(|host| assert_eq!(host.observe(&begun.scope).expect("it answers").ours, desired));
            eprintln!(
                "100 nodes {what}: observed {looked:?}, applied {applied:?}, observed one after the other {:?}",
                again.elapsed()
            );
            hosts.values().for_each(|host| host.keep().expect("it answers"));
        }
        drop(all);
        all_become(3, &HostState::default());
    });
}

#[test]
fn an_agent_in_place_and_one_under_sudo_work_as_well() {
    let sudo = r#"mkdir -p /run/bin; printf '#!/bin/sh\n[ "$1" = -n ] || exit 1\nshift; echo used >/run/sudo; exec "$@"\n' >/run/bin/sudo; chmod +x /run/bin/sudo
        sed -i 's|^SetEnv PATH=|SetEnv PATH=/run/bin:|' /run/bed/sshd_config"#;
    with_hosts("work::an_agent_in_place_and_one_under_sudo_work_as_well", 1, sudo, || {
        let mut way = way("host1");
        way.agent = Agent::At(AgentPath::new(NETSIM).expect("a plain path"));
        way.rights = netsim_host::ssh::Rights::Sudo;
        let reached = reach("host1", &way).unwrap_or_else(|e| panic!("{e}"));
        assert!(reached.remote.labs().expect("it answers").is_empty());
        let host = Host::new(id("host1"), AnyBackend::Remote(reached.remote));
        assert_eq!(facts(&host).reached, Some("10.255.0.1".parse().expect("an address")));
        assert_eq!(on("host1", "cat /run/sudo; ls ~/.cache/netsim 2>/dev/null; true"), "used\n");
    });
}

/// What a host tells of where tunnels can go.
fn facts(host: &Host) -> Facts {
    host.observe(&Scope { underlay: true, ..Scope::lab(&lab()) }).expect("it answers").facts
}

#[test]
fn a_host_tells_by_which_address_it_was_reached_and_what_others_it_has() {
    let route = "ip route add default via 10.255.0.254 dev eth0";
    with_hosts("work::a_host_tells_by_which_address_it_was_reached_and_what_others_it_has", 2, route, || {
        let hosts = connected(2);
        for (host, last) in hosts.values().zip(["1", "2"]) {
            let facts = facts(host);
            let address = format!("10.255.0.{last}");
            assert_eq!(facts.reached.map(|reached| reached.to_string()), Some(address.clone()));
            let nics: Vec<String> =
                facts.nics.iter().map(|(name, nic)| format!("{name} {:?}", nic.addresses)).collect();
            assert_eq!(nics, [format!("eth0 [{address}/24]")]);
            assert_eq!(facts.default_nic.map(|nic| nic.to_string()), Some("eth0".to_owned()));
        }
    });
}

#[test]
fn a_failure_on_one_host_brings_all_back_or_only_that_one() {
    with_hosts("work::a_failure_on_one_host_brings_all_back_or_only_that_one", 3, "", || {
        // A file where a namespace of the lab would be mounted, made between plan and apply.
        let in_the_way = || on("host2", "touch /run/netns/b");
        for otherwise in [Otherwise::RollBack, Otherwise::KeepGoing] {
            let hosts = connected(3);
            let begun = begin(&hosts, &small());
            on("host2", "mkdir -p /run/netns");
            in_the_way();
            let outcomes = apply_all(&hosts, &begun, &small(), otherwise);
            let done: Vec<bool> = outcomes.values().map(|t| t.value.is_done()).collect();
            match otherwise {
                Otherwise::KeepGoing => assert_eq!(done, [true, false, true], "{outcomes:?}"),
                Otherwise::RollBack | Otherwise::Leave => assert_eq!(done, [false; 3], "{outcomes:?}"),
            }
            let Outcome::Failed { cause, then } = &outcomes[1].value else { panic!("{outcomes:?}") };
            assert!(cause.to_string().starts_with("host2: create network namespace b: "), "{cause}");
            assert_eq!(*then, netsim_host::run::Aftermath::AsBefore);
            on("host2", "rm /run/netns/b");
            hosts.values().for_each(|host| host.keep().expect("it answers"));
        }
        assert_eq!(on("host2", "ls /run/netns"), "");
        assert_eq!(on("host3", "ls /run/netns"), "a\nb\nsw\n");
        all_become(3, &HostState::default());
        for host in ["host1", "host2", "host3"] {
            has_nothing_left(host);
        }
    });
}
