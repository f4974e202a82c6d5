//! A lab over three hosts with one of them broken at each stage of an apply: what is told, and that the next apply or destroy goes on from there.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bed::*;

const HOSTS: [&str; 3] = ["host1", "host2", "host3"];

/// A broadcast domain and a pair over three hosts.
fn lab() -> String {
    let nodes = "nodes:\n  n[1-3]: { host: \"host[1-3]\" }\n  r[1-2]: { kind: router, host: \"host[1-2]\" }\n";
    format!("{}{nodes}links:\n  - {{ endpoints: [n1, n2, n3] }}\n  - {{ endpoints: [r1, r2] }}\n", hosts(3))
}

/// The same with a program on each that takes so long that there is time to break something.
fn slow() -> String {
    lab().replace("host: \"host[1-3]\" }", "host: \"host[1-3]\", exec: [[sleep, \"30\"]] }")
}

fn write_files() {
    file("t.yaml", &lab());
    file("slow.yaml", &slow());
}

/// Waits until the slow program runs on a host.
fn underway(host: &str) {
    waits_until(|| !on(host, "pgrep -f '^sleep 30'; true").is_empty());
}

/// An apply of the slow lab, which is at its programs on all hosts.
fn applying(words: &str) -> Child {
    let child = program(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it was built");
    HOSTS.iter().for_each(|host| underway(host));
    child
}

/// What it says at its end, which has to be a failure and come soon.
#[track_caller]
fn failed(child: Child) -> String {
    let began = Instant::now();
    let output = child.wait_with_output().expect("it is our child");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    eprintln!("over after {:?}\n{}", began.elapsed(), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(began.elapsed() < Duration::from_secs(20), "{said}");
    said
}

fn all_are_clean() {
    HOSTS.iter().for_each(|host| has_nothing_left(host));
    let own = Command::new("find").arg("/run/state/netsim/labs").stderr(Stdio::null()).output().expect("it is there");
    assert_eq!(String::from_utf8_lossy(&own.stdout), "", "netsim's own account is left");
}

/// Whatever is there: apply makes it whole, and destroy leaves nothing.
fn goes_on() {
    netsim("apply t.yaml").ok();
    assert!(netsim("apply t.yaml").ok().contains("nothing to do"));
    netsim("destroy t").ok();
    all_are_clean();
}

fn wake_sshd(host: &str) {
    on_console(host, "$(command -v /usr/sbin/sshd) -f /run/bed/sshd_config");
    waits_until(|| Command::new("ssh").args(["-T", host, "true"]).status().is_ok_and(|status| status.success()));
}

#[test]
fn hosts_that_cannot_be_reached_are_all_told_and_nothing_is_changed() {
    with_hosts("broken::hosts_that_cannot_be_reached_are_all_told_and_nothing_is_changed", 3, "", || {
        write_files();
        on("host2", "kill $(cat /run/sshd.pid)");
        on("host3", "kill $(cat /run/sshd.pid)");
        // What changes nothing has no need to say so.
        let plan = ("plan t.yaml", "");
        for (command, then) in
            [plan, ("apply t.yaml", ", nothing was changed"), ("apply t.yaml --no-rollback", ", nothing was changed")]
        {
            let said = netsim(command).fails();
            assert!(said.contains("error[E152]: host2: ") && said.contains("error[E152]: host3: "), "{said}");
            assert!(said.ends_with(&format!("2 of 3 hosts cannot be worked on{then}\n")), "{said}");
            has_nothing_left("host1");
        }
        wake_sshd("host2");
        wake_sshd("host3");
        goes_on();
    });
}

#[test]
fn what_goes_on_without_a_host_is_finished_when_it_is_back() {
    with_hosts("broken::what_goes_on_without_a_host_is_finished_when_it_is_back", 3, "", || {
        write_files();
        netsim("apply t.yaml").ok();
        // Something is to be done on all hosts; one is not there.
        file("more.yaml", &lab().replace("links:", "  m[1-3]: { host: \"host[1-3]\" }\nlinks:"));
        on("host3", "kill $(cat /run/sshd.pid)");
        let said = netsim("apply more.yaml --keep-going").fails();
        assert!(said.contains("error[E152]: host3: "), "{said}");
        assert!(said.contains("host1: as the file says\n"), "{said}");
        assert!(said.contains("host3: not reached: its part is not done\n"), "{said}");
        assert_eq!(on("host1", "ls /run/netns"), "t-m1\nt-n1\nt-r1\n");
        // Once nothing is left to do on the others, the lab is still not as the file says.
        let said = netsim("apply more.yaml --keep-going").fails();
        assert!(
            said.contains("host3: not reached: its part is not done\n") && !said.contains("nothing to do"),
            "{said}"
        );
        // What cannot be reached is kept account of.
        let said = netsim("destroy t").fails();
        assert!(said.contains("host3: not reached; when it is back: netsim destroy t --host host3\n"), "{said}");
        has_nothing_left("host1");
        has_nothing_left("host2");
        wake_sshd("host3");
        assert_eq!(on("host3", "ls /run/netns"), "t-n3\n");
        netsim("destroy t --host host3").ok();
        all_are_clean();
    });
}

#[test]
fn a_host_lost_midway_brings_the_others_back() {
    with_hosts("broken::a_host_lost_midway_brings_the_others_back", 3, "", || {
        write_files();
        let agent = "$(cat /run/netsim/t/lock)";
        for (what, command) in [
            ("agent asked to end", format!("kill -TERM {agent}")),
            ("agent killed", format!("kill -9 {agent}")),
            ("login killed", format!("kill -9 $(ps -o ppid= -p {agent})")),
            ("sshd and the login killed", format!("kill -9 $(cat /run/sshd.pid) $(ps -o ppid= -p {agent})")),
        ] {
            eprintln!("{what}:");
            let child = applying("apply slow.yaml");
            on("host2", &command);
            let said = failed(child);
            assert!(said.contains("error[E161]: host2: "), "{said}");
            assert!(said.contains("host1: rolled back: nothing of lab t is left\n"), "{said}");
            assert!(said.contains("host2: lost: "), "{said}");
            has_nothing_left("host1");
            has_nothing_left("host3");
            if what.starts_with("sshd") {
                wake_sshd("host2");
            }
            goes_on();
        }
    });
}

#[test]
fn a_network_cut_midway_is_noticed_and_gone_on_from() {
    with_hosts("broken::a_network_cut_midway_is_noticed_and_gone_on_from", 3, "", || {
        write_files();
        let child = applying("apply slow.yaml");
        run("ip", &["link", "set", "lan-2", "down"]);
        let said = failed(child);
        assert!(said.contains("error[E160]: host2: "), "{said}");
        run("ip", &["link", "set", "lan-2", "up"]);
        netsim("destroy t").ok();
        all_are_clean();
        // And with the lab there before: it is there again.
        netsim("apply t.yaml").ok();
        let child = applying("apply slow.yaml");
        run("ip", &["link", "set", "lan-3", "down"]);
        let said = failed(child);
        assert!(said.contains("host1: rolled back: lab t is as it was before\n"), "{said}");
        run("ip", &["link", "set", "lan-3", "up"]);
        waits_until(|| on("host3", "pgrep -x netsim; true").is_empty());
        assert!(netsim("apply t.yaml").ok().contains("nothing to do"));
        goes_on();
    });
}

#[test]
fn a_controller_killed_anywhere_is_gone_on_from() {
    with_hosts("broken::a_controller_killed_anywhere_is_gone_on_from", 3, "", || {
        write_files();
        netsim("plan t.yaml").ok();
        // Killed at its programs.
        let mut child = applying("apply slow.yaml");
        child.kill().and_then(|()| child.wait()).expect("it is our child");
        HOSTS.iter().for_each(|host| has_nothing_left(host));
        netsim("destroy t").ok();
        all_are_clean();
        // Killed at any time.
        for after in (100..1300).step_by(60) {
            let mut child = program("apply t.yaml").stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("built");
            std::thread::sleep(Duration::from_millis(after));
            child.kill().and_then(|_| child.wait()).expect("it is our child");
            match after % 120 {
                0 => netsim("apply t.yaml").ok(),
                _ => netsim("destroy t").ok(),
            };
            netsim("destroy t").ok();
            all_are_clean();
        }
    });
}

#[test]
fn an_agent_killed_at_any_step_is_gone_on_from() {
    with_hosts("broken::an_agent_killed_at_any_step_is_gone_on_from", 3, "", || {
        write_files();
        for host in HOSTS {
            let crash = if host == "host2" { "NETSIM_CRASH_AT=$(cat /run/at)" } else { "" };
            agent_is(host, &format!("{crash} exec {NETSIM} \"$@\""));
        }
        let (mut point, mut killed) = (1, 0);
        loop {
            on("host2", &format!("echo {point} >/run/at"));
            let said = netsim("apply t.yaml --agent /run/agent");
            if said.succeeded() {
                break;
            }
            let said = said.fails();
            assert!(said.contains("E161]: host2: "), "{said}");
            has_nothing_left("host1");
            has_nothing_left("host3");
            killed += 1;
            match killed % 2 {
                0 => goes_on(),
                // By its file, for it may have been killed before anything was stored here.
                _ => {
                    netsim("destroy t.yaml").ok();
                    all_are_clean();
                }
            }
            point += 4;
        }
        eprintln!("agent killed at {killed} points");
        assert!(killed >= 5, "only {killed} points");
        netsim("destroy t").ok();
    });
}

#[test]
fn a_full_disk_or_missing_rights_on_one_host_change_nothing() {
    with_hosts("broken::a_full_disk_or_missing_rights_on_one_host_change_nothing", 3, "", || {
        write_files();
        netsim("plan t.yaml").ok();
        on("host2", "mount -o remount,size=8m /run; mkdir -p /run/netns; cat /dev/zero >/run/fill 2>/dev/null; true");
        // One page of room more each time: for the lock, for that and a namespace, for all but what is stored at the end.
        let mut told = Vec::new();
        loop {
            let run = netsim("apply t.yaml");
            if run.succeeded() {
                break;
            }
            let said = run.fails();
            let first = said.lines().find(|line| line.contains("]: host2: ")).unwrap_or_else(|| panic!("{said}"));
            assert!(first.contains("no space left on device"), "{said}");
            eprintln!("{first}");
            told.push(first.to_owned());
            HOSTS.iter().for_each(|host| has_nothing_left(host));
            on("host2", "truncate -s -4096 /run/fill");
        }
        for words in ["lock lab t in /run/netsim/t", "store /run/netsim/t/applied.json"] {
            assert!(told.iter().any(|said| said.contains(words)), "{told:?}");
        }
        netsim("destroy t").ok();
        on("host2", "rm /run/fill");
        for host in HOSTS {
            let rights = if host == "host2" { "setpriv --reuid 65534 --clear-groups" } else { "" };
            agent_is(host, &format!("exec {rights} {NETSIM} \"$@\""));
        }
        let said = netsim("apply t.yaml --agent /run/agent").fails();
        assert!(said.contains("error[E155]: host2: "), "{said}");
        goes_on();
    });
}

#[test]
fn an_interrupted_apply_brings_all_hosts_back() {
    with_hosts("broken::an_interrupted_apply_brings_all_hosts_back", 3, "", || {
        write_files();
        let child = applying("apply slow.yaml");
        run("kill", &["-INT", &child.id().to_string()]);
        let said = failed(child);
        assert!(said.contains("error[E138]: interrupted\n") && said.matches("error[").count() == 1, "{said}");
        assert_eq!(said.matches(": rolled back: nothing of lab t is left\n").count(), 3, "{said}");
        all_are_clean();
        // What is to be left is left, and kept account of.
        let child = applying("apply slow.yaml --no-rollback");
        run("kill", &["-INT", &child.id().to_string()]);
        let said = failed(child);
        assert_eq!(said.matches(": left as it is, half done\n").count(), 3, "{said}");
        assert_eq!(on("host3", "ls /run/netns"), "t-n3\n");
        goes_on();
    });
}

#[test]
fn an_interrupted_destroy_says_so_once_and_what_is_left_where() {
    with_hosts("broken::an_interrupted_destroy_says_so_once_and_what_is_left_where", 3, "", || {
        let nodes = HOSTS.map(|host| format!("  {host}-[1-500]: {{ host: {host} }}\n")).concat();
        file("t.yaml", &format!("{}nodes:\n{nodes}", hosts(3)));
        netsim("apply t.yaml -q").ok();
        for host in HOSTS {
            // What is to be done comes late, and the interrupt right behind it.
            agent_is(host, &format!("sed -u -e '/\"apply\"/e sleep 2' | {NETSIM} \"$@\""));
        }
        let mut child = program("destroy t --agent /run/agent");
        let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it was built");
        let mut told = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        assert!(told.any(|line| line.is_ok_and(|line| line.starts_with("Plan: "))), "it has a plan");
        std::thread::sleep(Duration::from_millis(500));
        run("kill", &["-INT", &child.id().to_string()]);
        let said = failed(child);
        assert!(said.contains("error[E138]: interrupted\n") && said.matches("error[").count() == 1, "{said}");
        for host in HOSTS {
            let half = said.contains(&format!("{host}: half removed; `netsim destroy t` goes on\n"));
            assert!(half || said.contains(&format!("{host}: nothing of lab t is left\n")), "{said}");
        }
        assert!(said.contains(": half removed; "), "{said}");
        netsim("destroy t").ok();
        all_are_clean();
    });
}

#[test]
fn a_host_lost_between_the_last_step_and_its_being_kept_is_told() {
    with_hosts("broken::a_host_lost_between_the_last_step_and_its_being_kept_is_told", 3, "", || {
        write_files();
        for host in HOSTS {
            // Its agent never hears that what it did is to stay.
            let deaf = if host == "host2" { "sed -u '/keep/Q' |" } else { "" };
            agent_is(host, &format!("{deaf} {NETSIM} \"$@\""));
        }
        let said = netsim("apply t.yaml --agent /run/agent").fails();
        assert!(said.contains("error[E161]: host2: "), "{said}");
        for words in ["host1: as the file says\n", "host2: lost: ", "host3: as the file says\n"] {
            assert!(said.contains(words), "{said}");
        }
        has_nothing_left("host2");
        assert_eq!(on("host3", "ls /run/netns"), "t-n3\n");
        goes_on();
    });
}

#[test]
fn nodes_of_a_host_that_is_not_there_stay_where_they_are() {
    with_hosts("broken::nodes_of_a_host_that_is_not_there_stay_where_they_are", 3, "", || {
        let nodes = |count: usize| format!("place: auto\n{}nodes:\n  n[1-{count}]: {{}}\n", hosts(3));
        file("t.yaml", &nodes(9));
        netsim("apply t.yaml").ok();
        let there = || HOSTS.map(|host| on(host, "ls /run/netns").lines().count());
        assert_eq!(there(), [3, 3, 3]);
        on("host3", "kill $(cat /run/sshd.pid)");
        file("t.yaml", &nodes(12));
        netsim("apply t.yaml --keep-going").fails();
        let [first, second, _] = [on("host1", "ls /run/netns"), on("host2", "ls /run/netns"), String::new()];
        wake_sshd("host3");
        let third = on("host3", "ls /run/netns");
        let mut all: Vec<&str> = [&first, &second, &third].iter().flat_map(|names| names.lines()).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), [&first, &second, &third].iter().map(|names| names.lines().count()).sum::<usize>());
        netsim("apply t.yaml").ok();
        assert_eq!(there(), [4, 4, 4]);
        netsim("destroy t").ok();
        all_are_clean();
    });
}
