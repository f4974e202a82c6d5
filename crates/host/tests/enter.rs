//! Programs inside namespaces that the test makes.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;

use netsim_core::names::{LabName, NetnsName, NodeName};
use netsim_core::resource::NetnsId;
use netsim_host::backend::HostError;
use netsim_host::enter::{exec_in, in_netns, run_in, shell_in};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

#[path = "common/machine.rs"]
mod common;
use common::{inside, ip};

fn n1() -> NetnsId {
    NetnsId::Named(NetnsName::new("n1").expect("a valid name"))
}

fn argv(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

fn sh(script: &str) -> Vec<OsString> {
    argv(&["sh", "-c", script])
}

/// What a script writes when it is run to its end in `n1`.
fn told(script: &str) -> String {
    let output = run_in(&n1(), &sh(script), &[]).expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// How a process ends that turns into another program.
#[allow(unsafe_code)]
fn ends(turn: impl FnOnce() -> HostError) -> WaitStatus {
    // SAFETY: the child only makes system calls and allocates, which glibc's fork allows.
    match unsafe { fork() }.expect("there is room for a process") {
        ForkResult::Child => {
            let error = turn();
            // SAFETY: it ends the process, without what the test's process has to do at its end.
            unsafe { libc::_exit(if error.code == 113 { 127 } else { 126 }) }
        }
        ForkResult::Parent { child } => waitpid(child, None).expect("it is our child"),
    }
}

fn exited(status: WaitStatus) -> Option<i32> {
    match status {
        WaitStatus::Exited(_, code) => Some(code),
        _ => None,
    }
}

#[test]
fn a_program_in_a_node_sees_the_devices_of_the_node_only() {
    inside("a_program_in_a_node_sees_the_devices_of_the_node_only", || {
        ip("netns add n1");
        ip("-n n1 link add br7 type bridge");
        assert_eq!(told("ls /sys/class/net"), "br7\nlo\n");
        assert_eq!(told("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' | sort"), "br7\nlo\n");
        assert!(!fs::exists("/sys/class/net/br7").expect("mounted"));
    });
}

#[test]
fn exit_status_and_signals_are_the_program_s_own() {
    inside("exit_status_and_signals_are_the_program_s_own", || {
        ip("netns add n1");
        assert_eq!(run_in(&n1(), &sh("exit 7"), &[]).expect("it runs").status.code(), Some(7));
        assert_eq!(exited(ends(|| exec_in(&n1(), &sh("exit 7"), &[]))), Some(7));
        let status = ends(|| exec_in(&n1(), &sh("kill -TERM $$"), &[]));
        assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGTERM, _)), "{status:?}");
    });
}

#[test]
fn a_program_that_is_not_there_is_told() {
    inside("a_program_that_is_not_there_is_told", || {
        ip("netns add n1");
        let error = run_in(&n1(), &argv(&["/no-such-program"]), &[]).expect_err("there is none");
        assert_eq!(error.to_string(), "run `/no-such-program` in n1: no such file or directory (ENOENT)");
        assert_eq!(exited(ends(|| exec_in(&n1(), &argv(&["/no-such-program"]), &[]))), Some(127));
    });
}

#[test]
fn a_namespace_that_is_not_there_or_not_mounted_is_told() {
    inside("a_namespace_that_is_not_there_or_not_mounted_is_told", || {
        let error = in_netns(&n1(), || ()).expect_err("there is none");
        assert_eq!(error.to_string(), "enter network namespace n1: no such file or directory (ENOENT)");
        fs::write("/run/netns/n1", "netsim lab=a node=n1").expect("there is room");
        let error = in_netns(&n1(), || ()).expect_err("nothing is mounted");
        assert_eq!(error.to_string(), "enter network namespace n1: invalid argument (EINVAL)");
        assert_eq!(exited(ends(|| exec_in(&n1(), &sh("exit 0"), &[]))), Some(126));
    });
}

#[test]
fn only_the_thread_that_works_in_a_namespace_is_there() {
    inside("only_the_thread_that_works_in_a_namespace_is_there", || {
        ip("netns add n1");
        let here = || fs::metadata("/proc/thread-self/ns/net").expect("mounted").ino();
        let before = here();
        let there = in_netns(&n1(), here).expect("it is there");
        assert_eq!(there, fs::metadata("/run/netns/n1").expect("it is there").ino());
        assert_eq!(here(), before);
        assert_eq!(in_netns(&NetnsId::Host, here), Ok(before));
    });
}

#[test]
fn files_of_etc_are_the_namespace_s_own() {
    inside("files_of_etc_are_the_namespace_s_own", || {
        nix::mount::mount(Some("tmpfs"), "/etc", Some("tmpfs"), nix::mount::MsFlags::empty(), None::<&str>)
            .expect("root may");
        fs::create_dir_all("/etc/netns/n1").expect("there is room");
        fs::write("/etc/hosts", "everybody's").expect("there is room");
        fs::write("/etc/netns/n1/hosts", "the node's").expect("there is room");
        ip("netns add n1");
        assert_eq!(told("cat /etc/hosts"), "the node's");
        assert_eq!(fs::read_to_string("/etc/hosts").expect("there"), "everybody's");
        fs::write("/etc/netns/n1/other", "").expect("there is room");
        let error = run_in(&n1(), &sh("exit 0"), &[]).expect_err("there is nothing to cover");
        assert_eq!(error.hint.as_deref(), Some("make /etc/other first, or remove /etc/netns/n1/other"));
    });
}

#[test]
fn a_running_program_does_not_hold_the_name_of_a_namespace_that_goes() {
    inside("a_running_program_does_not_hold_the_name_of_a_namespace_that_goes", || {
        ip("netns add n1");
        ip("netns add n2");
        let script =
            "echo >/run/here; until test -e /run/gone; do sleep 0.01; done; grep -c /run/netns/n2 /proc/self/mounts";
        std::thread::scope(|scope| {
            let running = scope.spawn(|| told(&format!("{script} || true")));
            while !fs::exists("/run/here").expect("mounted") {
                std::thread::yield_now();
            }
            ip("netns del n2");
            fs::write("/run/gone", "").expect("there is room");
            assert_eq!(running.join().expect("it ends"), "0\n");
        });
    });
}

#[test]
fn a_shell_knows_where_it_is() {
    inside("a_shell_knows_where_it_is", || {
        ip("netns add n1");
        let (lab, node) = (LabName::new("a").expect("valid"), NodeName::new("n1").expect("valid"));
        #[allow(unsafe_code)]
        // SAFETY: this process runs this test only.
        unsafe {
            std::env::set_var("SHELL", "/run/shell");
        }
        fs::write("/run/shell", "#!/bin/sh\necho \"$NETSIM_LAB $NETSIM_NODE $PS1\" >/run/said\n")
            .expect("there is room");
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions("/run/shell", executable).expect("ours");
        assert_eq!(exited(ends(|| shell_in(&n1(), &lab, &node))), Some(0));
        assert_eq!(fs::read_to_string("/run/said").expect("it spoke"), "a n1 a/n1# \n");
    });
}
