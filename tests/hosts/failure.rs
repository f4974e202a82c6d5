//! Hosts that cannot be worked on: each says why, in a bounded time, and nothing is left there.

use std::time::{Duration, Instant};

use netsim_host::Patience;
use netsim_host::backend::HostError;
use netsim_host::ssh::{self, Agent, AgentPath, Way};

use crate::bed::*;

/// Tries to reach a host in this way; fails the test unless that fails with this code, and soon.
#[track_caller]
fn fails(way: &Way, code: u16, words: &str) -> HostError {
    let began = Instant::now();
    let patience = Patience { silence: Duration::from_secs(1), ..Patience::default() };
    let error =
        ssh::reach(&id("h"), way, patience, &mut |_| {}).err().unwrap_or_else(|| panic!("E{code} did not come"));
    eprintln!("E{} after {:?}: {error}\n  hint: {}", error.code, began.elapsed(), error.hint.as_deref().unwrap_or(""));
    assert!(began.elapsed() < Duration::from_secs(15));
    assert_eq!(error.code, code, "{error}");
    assert!(error.to_string().contains(words) && !error.to_string().contains(": ssh: "), "{error}");
    error
}

/// An agent that is this script.
fn script(host: &str, text: &str) -> Way {
    agent_is(host, text);
    Way { agent: Agent::At(AgentPath::new(AGENT).expect("plain")), ..way(host) }
}

/// Appends to the controller's configuration of ssh.
fn configure(text: &str) {
    let path = "/run/bed/ssh_config";
    let before = std::fs::read_to_string(path).expect("the bed made it");
    std::fs::write(path, format!("{text}\n{before}")).expect("it is the bed's own");
}

#[test]
fn a_host_that_cannot_be_reached_says_why() {
    with_hosts("failure::a_host_that_cannot_be_reached_says_why", 2, "", || {
        configure("Host changed\n HostName host1\n StrictHostKeyChecking yes\n UserKnownHostsFile /run/bed/changed");
        configure("Host stranger\n HostName host1\n StrictHostKeyChecking yes\n UserKnownHostsFile /dev/null");
        configure(
            "Host keyless\n HostName host1\n User root\n IdentityFile /dev/null\n IdentitiesOnly yes\n StrictHostKeyChecking no",
        );
        configure(
            "Host chatty\n HostName host1\n User root\n IdentityFile /run/bed/key\n StrictHostKeyChecking no\n RemoteCommand echo hello\n LocalForward 8080 localhost:80",
        );
        fails(&way("10.255.0.77"), 151, "No route to host");
        fails(&way("nowhere.invalid"), 151, "Could not resolve hostname");
        let error = fails(&way("nowhere.invalid:2222"), 151, "Could not resolve hostname");
        let hint = "write a port as ssh://nowhere.invalid:2222, or give the host a name in ~/.ssh/config";
        assert_eq!(error.hint.as_deref(), Some(hint));
        let error = fails(&way("stranger"), 153, "host key is known for host1");
        assert!(error.hint.is_some_and(|hint| hint.contains("`ssh stranger`")));
        fails(&way("ssh://root@[::1"), 150, "it does not understand what it is to connect to");
        fails(&way("keyless"), 154, "Permission denied");
        let other = std::fs::read_to_string("/run/bed/key.pub").expect("the bed made it");
        let other = other.split(' ').take(2).collect::<Vec<_>>().join(" ");
        std::fs::write("/run/bed/changed", format!("host1 {other}\n")).expect("it is the bed's own");
        fails(&way("changed"), 153, "Host key for host1 has changed");
        configure(
            "Host behind\n HostName host1\n User root\n IdentityFile /run/bed/key\n StrictHostKeyChecking no\n ProxyJump host2\nHost lost\n HostName host1\n ProxyJump nowhere.invalid",
        );
        ssh::reach(&id("h"), &way("behind"), Patience::default(), &mut |_| {}).unwrap_or_else(|e| panic!("{e}"));
        fails(&way("lost"), 151, "Could not resolve hostname nowhere.invalid");
        // What the user's configuration would run or forward has no part in this.
        ssh::reach(&id("h"), &way("chatty"), Patience::default(), &mut |_| {}).unwrap_or_else(|e| panic!("{e}"));
        on("host2", "kill $(cat /run/sshd.pid)");
        fails(&way("host2"), 152, "Connection refused");
        let nothing = Way { ssh: "/nowhere/ssh".into(), ..way("host1") };
        fails(&nothing, 150, "start `/nowhere/ssh`: no such file or directory");
    });
}

#[test]
fn an_agent_that_cannot_be_put_or_run_there_says_why() {
    let full = r#"mkdir -p ~/.cache; mount -t tmpfs -o size=4m tmpfs ~/.cache; mkdir /run/bin
        printf '#!/bin/sh\necho sudo: a password is required >&2; exit 1\n' >/run/bin/sudo; chmod +x /run/bin/sudo
        sed -i 's|^SetEnv PATH=|SetEnv PATH=/run/bin:|' /run/bed/sshd_config"#;
    with_hosts("failure::an_agent_that_cannot_be_put_or_run_there_says_why", 1, full, || {
        fails(&way("host1"), 156, "No space left on device");
        assert_eq!(on("host1", "find ~/.cache -type f"), "");
        on("host1", "umount ~/.cache; mount -t tmpfs -o noexec tmpfs ~/.cache");
        fails(&way("host1"), 157, "Permission denied");
        on("host1", "mount -o remount,ro ~/.cache");
        fails(&way("host1"), 156, "ead-only file system");
        on("host1", "umount ~/.cache");

        let there = |path: &str| Way { agent: Agent::At(AgentPath::new(path).expect("plain")), ..way("host1") };
        fails(&there("/nowhere/netsim"), 157, "there is none at that path");
        fails(&there("/bin/false"), 157, "it ended without a word (exit status 1)");
        on("host1", "printf '\\177ELF\\002\\001\\001' >/run/foreign; chmod +x /run/foreign");
        fails(&there("/run/foreign"), 157, "");
        fails(
            &script("host1", "echo 'netsim: /lib/libc.so.6: version `GLIBC_2.99` not found' >&2; exit 1"),
            157,
            "GLIBC_2.99",
        );
        fails(
            &script("host1", &format!("exec setpriv --reuid 65534 --clear-groups {NETSIM} \"$@\"")),
            155,
            "missing CAP_NET_ADMIN",
        );
        let sudo = Way { rights: ssh::Rights::Sudo, ..way("host1") };
        fails(&sudo, 155, "sudo: a password is required");
    });
}

#[test]
fn whatever_else_answers_in_place_of_an_agent_is_told() {
    with_hosts("failure::whatever_else_answers_in_place_of_an_agent_is_told", 1, "", || {
        fails(&script("host1", "echo '{\"netsim-agent\":{\"protocol\":99}}'"), 158, "version 99");
        fails(&script("host1", "exec yes"), 159, "not a message of netsim: \"y\"");
        fails(&script("host1", "exec cat /dev/zero"), 162, "a line of more than 16384 bytes");
        fails(&script("host1", "exec sleep 100"), 160, "silent for 5 s");
        fails(&script("host1", "echo; kill -9 $$"), 159, "");
        fails(&script("host1", "kill -9 $$"), 161, "");
        on("host1", "echo 'echo Welcome to host1' >~/.bashrc");
        let error = fails(&way("host1"), 159, "\"Welcome to host1\"");
        assert!(error.hint.is_some_and(|hint| hint.contains("~/.bashrc")));
    });
}
