//! Why an ssh ended that should not have, from its status and its words.

use super::process::Ended;
use super::script::{NOT_COPIED, NOT_THERE, NOT_WHOLE};
use crate::backend::HostError;
use crate::failure::{codes, hinted, refused};

/// ssh's own status when it could not do its work (ssh(1)).
const SSH_FAILED: i32 = 255;
/// A shell's status for a program that it could not run, or did not find.
const NOT_RUN: [i32; 2] = [126, 127];

/// Words of ssh's own, what they mean, and what to do. The first that fits; its line is told.
const OF_SSH: [(&str, u16, &str); 17] = [
    ("usage: ssh", codes::SSH, TARGET),
    ("host key is known for", codes::HOST_KEY, COMPARE),
    ("has changed and you have requested", codes::HOST_KEY, CHANGED),
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", codes::HOST_KEY, CHANGED),
    ("Host key verification failed", codes::HOST_KEY, COMPARE),
    ("Permission denied", codes::LOGIN, KEY),
    ("Too many authentication failures", codes::LOGIN, ONE_KEY),
    ("Connection refused", codes::CONNECTION_REFUSED, SSHD),
    ("Could not resolve hostname", codes::UNREACHABLE, NAME),
    ("No route to host", codes::UNREACHABLE, WAY),
    ("Network is unreachable", codes::UNREACHABLE, WAY),
    ("Connection timed out", codes::UNREACHABLE, WAY),
    ("Operation timed out", codes::UNREACHABLE, WAY),
    ("Timeout, server", codes::SILENCE, WAY),
    ("Bad configuration option", codes::SSH, CONFIGURATION),
    ("Bad owner or permissions", codes::SSH, CONFIGURATION),
    ("terminating, ", codes::SSH, CONFIGURATION),
];

/// Words of what runs on the other side before the agent does.
const OF_THERE: [(&str, u16, &str); 7] = [
    ("a password is required", codes::HOST_RIGHTS, SUDO),
    ("not in the sudoers", codes::HOST_RIGHTS, SUDO),
    ("not allowed to execute", codes::HOST_RIGHTS, SUDO),
    ("must have a tty", codes::HOST_RIGHTS, SUDO),
    ("sudo: not found", codes::HOST_RIGHTS, NO_SUDO),
    ("No space left on device", codes::COPY, ROOM),
    ("Disk quota exceeded", codes::COPY, ROOM),
];

const TARGET: &str = "write it as `user@address` or `ssh://user@name:port`, or give it a name in ~/.ssh/config";
const COMPARE: &str = "log in once by hand with `ssh HOST` and compare the key that it shows";
const KEY: &str =
    "see that `ssh -o BatchMode=yes HOST true` works: with a key in ~/.ssh or in the agent, and no question";
const ONE_KEY: &str = "name the right key in ~/.ssh/config, with `IdentitiesOnly yes`";
const SSHD: &str = "start sshd there, or give the right port in ~/.ssh/config";
const NAME: &str = "write the name right, or add it to ~/.ssh/config";
const WAY: &str = "see whether the machine is on and the way there is open";
const CONFIGURATION: &str = "see ~/.ssh/config; ssh has to be OpenSSH 7.6 or later";
const SUDO: &str = "let this user run netsim there by sudo with no password and no terminal, or log in as root";
const NO_SUDO: &str = "install sudo there, or log in as root and leave `sudo` out";
const ROOM: &str = "free some space in ~/.cache there, or give `--agent` a netsim that is there";
const CHANGED: &str =
    "find out why the key has changed; if it is right, remove the old one with `ssh-keygen -R` and that name";
const NO_TARGET: &str = "it does not understand what it is to connect to";
const RUNNABLE: &str = "give `--agent` the path of a netsim of this version that runs there: its processor or its C library may be another";

/// The error that an ended ssh is.
pub(crate) fn why(ended: &Ended) -> HostError {
    let last = words_with("", &ended.said);
    let status = ended.status.and_then(|status| status.code());
    let told = |otherwise: &str| if last.is_empty() { otherwise.to_owned() } else { last.clone() };
    let known: &[_] = if matches!(status, Some(SSH_FAILED) | None) { &OF_SSH } else { &OF_THERE };
    if let Some((words, code, hint)) = known.iter().find(|(words, ..)| ended.said.contains(words)) {
        let message = if *hint == TARGET { NO_TARGET.to_owned() } else { words_with(words, &ended.said) };
        return hinted(refused(*code, doing(*code), message), *hint);
    }
    match status {
        Some(NOT_COPIED) => {
            let hint = "see ~/.cache there, or give `--agent` a netsim that is there";
            hinted(refused(codes::COPY, doing(codes::COPY), told("it cannot be written")), hint)
        }
        Some(NOT_WHOLE) => refused(codes::COPY, doing(codes::COPY), "what arrived there is not what was sent"),
        Some(NOT_THERE) => {
            let hint = "leave `--agent` out, so that this netsim copies itself there";
            hinted(refused(codes::AGENT_RUN, doing(codes::AGENT_RUN), "there is none at that path"), hint)
        }
        Some(status) if NOT_RUN.contains(&status) || ended.said.contains("GLIBC") => {
            hinted(refused(codes::AGENT_RUN, doing(codes::AGENT_RUN), told("it cannot be run there")), RUNNABLE)
        }
        Some(SSH_FAILED) | None => {
            let message = told("the connection has ended");
            hinted(refused(codes::LOST, doing(codes::LOST), message), crate::remote::AFTER_LOSS)
        }
        Some(status) => {
            let message = told("it ended without a word");
            refused(codes::AGENT_RUN, doing(codes::AGENT_RUN), format!("{message} (exit status {status})"))
        }
    }
}

fn doing(code: u16) -> &'static str {
    match code {
        codes::COPY => "copy this netsim there",
        codes::AGENT_RUN | codes::HOST_RIGHTS => "run the agent there",
        codes::LOST | codes::SILENCE => "talk to the agent",
        _ => "connect by ssh",
    }
}

/// The last line that says something with these words in it, in the style of our own messages; that ssh said it is told before.
fn words_with(words: &str, said: &str) -> String {
    let line = said.lines().rev().map(str::trim).find(|line| !line.is_empty() && line.contains(words));
    let line = line.unwrap_or_default();
    let line: String = line.chars().filter(|c| !c.is_control()).take(200).collect();
    line.strip_prefix("ssh: ").unwrap_or(&line).trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn check(status: i32, said: &str, code: u16, told: &str) {
        let error = why(&Ended { status: Some(ExitStatus::from_raw(status << 8)), said: said.to_owned() });
        assert_eq!((error.code, error.to_string().as_str()), (code, told));
    }

    #[test]
    fn what_ssh_says_is_told_by_its_meaning() {
        check(
            255,
            "ssh: connect to host h2 port 22: Connection refused\r\n",
            codes::CONNECTION_REFUSED,
            "connect by ssh: connect to host h2 port 22: Connection refused",
        );
        check(
            255,
            "root@h2: Permission denied (publickey).\r\n",
            codes::LOGIN,
            "connect by ssh: root@h2: Permission denied (publickey)",
        );
        check(
            255,
            "ssh: Could not resolve hostname jump: Name or service not known\r\nConnection closed by UNKNOWN port 65535\r\n",
            codes::UNREACHABLE,
            "connect by ssh: Could not resolve hostname jump: Name or service not known",
        );
        check(
            255,
            "No ED25519 host key is known for h2 and you have requested strict checking.\r\nHost key verification failed.\r\n",
            codes::HOST_KEY,
            "connect by ssh: No ED25519 host key is known for h2 and you have requested strict checking",
        );
        check(
            255,
            "usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-B bind_interface]\n           destination [command [argument ...]]\n",
            codes::SSH,
            "connect by ssh: it does not understand what it is to connect to",
        );
        check(
            91,
            "head: error writing 'standard output': No space left on device\n",
            codes::COPY,
            "copy this netsim there: head: error writing 'standard output': No space left on device",
        );
        check(93, "", codes::AGENT_RUN, "run the agent there: there is none at that path");
        check(
            126,
            "sh: 1: exec: /x: Exec format error\n",
            codes::AGENT_RUN,
            "run the agent there: sh: 1: exec: /x: Exec format error",
        );
        check(
            1,
            "sudo: a password is required\n",
            codes::HOST_RIGHTS,
            "run the agent there: sudo: a password is required",
        );
        check(
            127,
            "sh: 14: exec: sudo: not found\n",
            codes::HOST_RIGHTS,
            "run the agent there: sh: 14: exec: sudo: not found",
        );
        check(255, "", codes::LOST, "talk to the agent: the connection has ended");
        check(134, "", codes::AGENT_RUN, "run the agent there: it ended without a word (exit status 134)");
    }
}
