//! The commands that run programs or are interrupted, on the real kernel.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

mod support;
use support::{Machine, both, on_a_machine_of_its_own, run};

const PAIR: &str = "name: pair\nnodes: { a: {}, b: {} }\nlinks: [{ endpoints: [a, b] }]\n";

/// The pair, with a program in `b`.
fn with_program(argv: &str) -> String {
    PAIR.replace("b: {}", &format!("b: {{ exec: [{argv}] }}"))
}

#[test]
fn a_program_in_a_node_gives_its_exit_code_and_its_signals() {
    on_a_machine_of_its_own("a_program_in_a_node_gives_its_exit_code_and_its_signals", |machine| {
        machine.file("pair.yaml", PAIR);
        machine.ok(["apply", "pair.yaml", "--check"]);
        let status = |args: &[&str]| machine.netsim(args).output().expect("netsim starts").status;
        assert_eq!(status(&["exec", "a", "--", "sh", "-c", "exit 7"]).code(), Some(7));
        assert_eq!(status(&["exec", "pair/b", "--", "sh", "-c", "kill -USR1 $$"]).signal(), Some(10));
        assert_eq!(machine.ok(["exec", "a", "--", "printenv", "NETSIM_NODE"]), "a\n");
        assert!(machine.ok(["exec", "b", "--", "ip", "-br", "address"]).contains("10.64.0.1/31"));
        // Without an IPv6 address in the file there is none on the link, not even a link-local one.
        assert_eq!(machine.ok(["exec", "a", "--", "ip", "-6", "address", "show", "dev", "eth0"]), "");
        assert_eq!(machine.ok(["exec", "b", "--", "ip", "-6", "address", "show", "dev", "eth0"]), "");
        let told = machine.fails(["exec", "a", "--", "no-such-program"]);
        assert!(
            told.starts_with(
                "error[E113]: run `no-such-program` in pair-a: no such file or directory (ENOENT)\nhint: "
            ),
            "{told}"
        );
        machine.ok(["destroy", "pair"]);
        machine.has_nothing_left();
    });
}

#[test]
fn a_new_lab_whose_program_fails_is_rolled_back_to_nothing() {
    on_a_machine_of_its_own("a_new_lab_whose_program_fails_is_rolled_back_to_nothing", |machine| {
        machine.file("pair.yaml", &with_program("[sh, -c, exit 3]"));
        let told = machine.fails(["apply", "pair.yaml"]);
        assert!(told.contains("\nrolled back: nothing of lab pair is left\n"), "{told}");
        machine.has_nothing_left();
        let told = machine.fails(["apply", "pair.yaml", "--no-rollback"]);
        assert!(told.contains("\nlab pair is left as it is, half done;"), "{told}");
        assert_eq!(machine.namespaces(), ["pair-a", "pair-b"]);
        machine.file("pair.yaml", PAIR);
        machine.ok(["apply", "pair.yaml", "--check"]);
        machine.ok(["destroy", "pair.yaml"]);
        machine.has_nothing_left();
    });
}

#[test]
fn a_running_lab_whose_change_fails_is_as_it_was_before() {
    on_a_machine_of_its_own("a_running_lab_whose_change_fails_is_as_it_was_before", |machine| {
        machine.file("pair.yaml", PAIR);
        machine.ok(["apply", "pair.yaml"]);
        let before = machine.seen();
        let changed =
            with_program("[sh, -c, exit 3]").replace("[a, b]", "[a, b], mtu: 9000").replace("a: {}", "a: {}, c: {}");
        machine.file("pair.yaml", &changed);
        let told = machine.fails(["apply", "pair.yaml"]);
        assert!(told.contains("\nrolled back: lab pair is as it was before\n"), "{told}");
        assert_eq!(machine.seen(), before);
        assert!(machine.ok(["status", "pair"]).starts_with("Lab pair: 2 nodes, 1 link, as applied\n"));
        machine.ok(["destroy", "pair"]);
        machine.has_nothing_left();
    });
}

/// Waits until a process inside the namespace runs this program.
fn until_running(comm: &str) {
    let began = Instant::now();
    let runs = || {
        let processes = std::fs::read_dir("/proc").expect("proc is mounted").flatten();
        processes.filter_map(|p| std::fs::read_to_string(p.path().join("comm")).ok()).any(|c| c.trim() == comm)
    };
    while !runs() {
        assert!(began.elapsed() < Duration::from_secs(20), "{comm} does not run");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An apply in a process group of its own, as a terminal would start it.
fn started(machine: &Machine) -> Child {
    use std::os::unix::process::CommandExt;
    let mut command = machine.netsim(["apply", "pair.yaml"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn().expect("netsim starts")
}

#[test]
fn ctrl_c_rolls_back_and_says_so() {
    on_a_machine_of_its_own("ctrl_c_rolls_back_and_says_so", |machine| {
        machine.file("pair.yaml", &with_program("[sleep, \"1000\"]"));
        let applying = started(machine);
        until_running("sleep");
        // As a terminal does it: to all of the foreground.
        run("kill", &["-INT", "--", &format!("-{}", applying.id())]);
        let output = applying.wait_with_output().expect("it was started");
        assert_eq!(output.status.code(), Some(1), "{}", both(&output));
        assert!(both(&output).contains("\nrolled back: nothing of lab pair is left\n"), "{}", both(&output));
        machine.has_nothing_left();
    });
}

#[test]
fn ctrl_c_during_the_check_ends_it_and_leaves_the_lab() {
    on_a_machine_of_its_own("ctrl_c_during_the_check_ends_it_and_leaves_the_lab", |machine| {
        let silent = PAIR.replace("b: {}", "b: { sysctls: { net.ipv4.icmp_echo_ignore_all: 1 } }");
        machine.file("pair.yaml", &silent);
        let mut apply = machine.netsim(["apply", "pair.yaml", "--check"]);
        let mut apply = apply.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("netsim starts");
        let mut told = std::io::BufReader::new(apply.stdout.take().expect("it is piped"));
        let mut line = String::new();
        while !line.starts_with("Done. ") {
            line.clear();
            assert_ne!(std::io::BufRead::read_line(&mut told, &mut line).expect("netsim writes UTF-8"), 0);
        }
        std::thread::sleep(Duration::from_millis(100));
        run("kill", &["-INT", &apply.id().to_string()]);
        let output = apply.wait_with_output().expect("it was started");
        let told = String::from_utf8(output.stderr).expect("netsim writes UTF-8");
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert_eq!(told, "error[E138]: interrupted before every pair was checked; the lab stays\n");
        machine.ok(["destroy", "pair"]);
        machine.has_nothing_left();
    });
}

#[test]
fn two_applies_of_one_lab_at_once_wait_for_each_other() {
    on_a_machine_of_its_own("two_applies_of_one_lab_at_once_wait_for_each_other", |machine| {
        machine.file("pair.yaml", &with_program("[sleep, \"1\"]"));
        let first = started(machine);
        until_running("sleep");
        let output = machine.netsim(["apply", "pair.yaml"]).output().expect("netsim starts");
        let (told, pid) = (both(&output), first.id());
        assert!(output.status.success(), "{told}");
        assert!(
            told.contains(&format!("waiting for another netsim (process {pid}) to be done with lab pair")),
            "{told}"
        );
        assert!(told.contains("Lab pair is as the file says: nothing to do.\n"), "{told}");
        let output = first.wait_with_output().expect("it was started");
        assert!(output.status.success(), "{}", both(&output));
        machine.ok(["destroy", "pair"]);
        machine.has_nothing_left();
    });
}

#[test]
fn what_a_hand_added_is_shown_and_left_alone() {
    on_a_machine_of_its_own("what_a_hand_added_is_shown_and_left_alone", |machine| {
        machine.file("pair.yaml", PAIR);
        machine.ok(["apply", "pair.yaml"]);
        assert_eq!(machine.ok(["status"]), "Lab pair: 2 nodes, 1 link, as applied\n");
        run("ip", &["-n", "pair-a", "address", "add", "192.0.2.1/24", "dev", "eth0"]);
        run("ip", &["-n", "pair-a", "route", "add", "198.51.100.0/24", "via", "192.0.2.9"]);
        run("ip", &["-n", "pair-b", "link", "add", "mine", "type", "bridge"]);
        let said = machine.ok(["status", "--detailed-exitcode"]);
        for by_hand in ["address 192.0.2.1/24 on a:eth0", "route 198.51.100.0/24 via 192.0.2.9 dev eth0 on a", "mine"] {
            assert!(said.contains(by_hand), "{by_hand}: {said}");
        }
        assert!(machine.ok(["show", "a"]).contains("192.0.2.1/24  (by hand)"));
        machine.ok(["apply", "pair.yaml"]);
        assert!(run("ip", &["-n", "pair-a", "route"]).contains("198.51.100.0/24 via 192.0.2.9"));
        run("ip", &["-n", "pair-b", "link", "set", "eth0", "mtu", "1400"]);
        let output = machine.netsim(["status", "--detailed-exitcode"]).output().expect("netsim starts");
        assert_eq!(output.status.code(), Some(2));
        assert!(
            both(&output).contains("changed  link a:eth0 – b:eth0: mtu 1500 → 1400 at b:eth0"),
            "{}",
            both(&output)
        );
        machine.ok(["destroy", "pair"]);
        machine.has_nothing_left();
    });
}

#[test]
fn names_of_others_are_refused_before_anything_is_touched() {
    on_a_machine_of_its_own("names_of_others_are_refused_before_anything_is_touched", |machine| {
        machine.file("pair.yaml", PAIR);
        run("ip", &["netns", "add", "pair-b"]);
        let before = machine.seen();
        let told = machine.fails(["apply", "pair.yaml"]);
        assert!(told.contains("pair-b") && told.contains("\nhint: ") && told.contains("nothing was changed"), "{told}");
        assert_eq!(machine.seen(), before);
        assert_eq!(machine.namespaces(), ["pair-b"]);
        let _ = Command::new("ip").args(["netns", "del", "pair-b"]).status();
    });
}

#[test]
fn a_program_under_way_is_ended_when_netsim_is_and_one_in_the_background_holds_nothing_up() {
    on_a_machine_of_its_own(
        "a_program_under_way_is_ended_when_netsim_is_and_one_in_the_background_holds_nothing_up",
        |machine| {
            machine.file("pair.yaml", &with_program("[sh, -c, \"sleep 600 & echo started\"]"));
            let began = Instant::now();
            machine.ok(["apply", "pair.yaml"]);
            assert!(began.elapsed() < Duration::from_secs(60), "it waited for the background");
            run("pkill", &["-x", "sleep"]);
            machine.ok(["destroy", "pair"]);

            machine.file("pair.yaml", &with_program("[sh, -c, \"touch /tmp/lab/on; sleep 600; true\"]"));
            let child = machine.netsim(["apply", "pair.yaml"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
            let child = child.expect("netsim starts");
            while !std::path::Path::new("/tmp/lab/on").exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            run("kill", &["-TERM", &child.id().to_string()]);
            let output = child.wait_with_output().expect("it was started");
            assert!(both(&output).contains("rolled back"), "{}", both(&output));
            let alive = Command::new("pgrep").args(["-x", "-r", "R,S,D", "sleep"]).output().expect("pgrep runs");
            assert_eq!(both(&alive), "");
            machine.has_nothing_left();
        },
    );
}
