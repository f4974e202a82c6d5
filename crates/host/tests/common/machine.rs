//! Namespaces of a test's own: the test runs again in a new process, as root of nothing but what it makes.
#![allow(clippy::print_stderr)]

use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Says to the second run that it is inside.
const INSIDE: &str = "NETSIM_TEST_INSIDE";

/// Runs the body in a user, network and mount namespace of its own with an empty `/run`. `test` is the calling test's full name.
pub fn inside(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        private_run();
        return body();
    }
    let mut command = Command::new(std::env::current_exe().expect("a test is a program"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(INSIDE, "1");
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let spaces = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS;
    let enter = move || {
        unshare(spaces)?;
        std::fs::write("/proc/self/setgroups", "deny")?;
        std::fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
        std::fs::write("/proc/self/gid_map", format!("0 {gid} 1"))
    };
    #[allow(unsafe_code)]
    // SAFETY: between fork and exec the closure makes system calls and allocates, which glibc's fork allows.
    unsafe {
        command.pre_exec(enter);
    }
    let output = match command.output() {
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
            return eprintln!("SKIPPED {test}: user namespaces are not to be had here");
        }
        output => output.expect("it runs"),
    };
    let (told, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "inside its namespaces:\n{told}\n{complaints}");
    assert!(told.contains("1 passed"), "no test of this name: {test}\n{told}");
}

fn private_run() {
    const NONE: Option<&str> = None;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).expect("root of this namespace may");
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), NONE).expect("root of this namespace may");
    mount(NONE, "/run", NONE, MsFlags::MS_SHARED, NONE).expect("root of this namespace may");
    std::fs::create_dir("/run/netns").expect("it is empty");
    ip("link set lo up");
}

/// Runs `ip` with these arguments, in the namespace that the calling thread is in.
pub fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().expect("iproute2 is installed");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
