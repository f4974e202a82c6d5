//! Texts that are handed to ssh: checked, so that nothing in them means anything to a shell.

use std::fmt;

use crate::backend::HostError;
use crate::failure::{codes, hinted, refused};

/// What ssh connects to: `violin`, `root@10.0.0.7`, `ssh://violin:2222`.
///
/// Only letters, digits and `.-_@:/[]%+`, and no `-` in front: ssh puts it into commands of the user's configuration (`ProxyCommand`, `Match exec`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(String);

impl Target {
    /// The text, checked.
    pub fn new(text: &str) -> Result<Target, HostError> {
        checked(text, "._-@:/[]%+", TARGET).map(Target)
    }

    /// The target as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An absolute path to an agent on another host.
///
/// Only letters, digits and `/.-_+`: it stands in a command that a shell there reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPath(String);

impl AgentPath {
    /// The text, checked.
    pub fn new(text: &str) -> Result<AgentPath, HostError> {
        let path = checked(text, "/.-_+", PATH)?;
        match path.starts_with('/') {
            true => Ok(AgentPath(path)),
            false => Err(bad(text, PATH, "it does not begin with `/`")),
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where the database of an Open vSwitch on another host is, as ovsdb(7) has it: `unix:/run/openvswitch/db.sock`, `tcp:ADDRESS:PORT`.
///
/// Only letters, digits and `:/.-_+[]%`: it stands in a command that a shell there reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database(String);

impl Database {
    /// The text, checked.
    pub fn new(text: &str) -> Result<Database, HostError> {
        checked(text, ":/.-_+[]%", DATABASE).map(Database)
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Most bytes of each.
const LONGEST: usize = 1024;

/// What a text is meant for, and what to do where it cannot be that.
type Use = (&'static str, &'static str);

const TARGET: Use = ("what ssh connects to", "give it a plain name in ~/.ssh/config");
const DATABASE: Use =
    ("the address of a database", "write unix:PATH or tcp:ADDRESS:PORT, of letters, digits and `:/.-_+[]%`");
const PATH: Use = ("an agent's path", "give the whole path, of letters, digits and `/.-_+`");

fn checked(text: &str, punctuation: &str, what: Use) -> Result<String, HostError> {
    let strange = text.chars().find(|c| !c.is_ascii_alphanumeric() && !punctuation.contains(*c));
    match strange {
        _ if text.is_empty() => Err(bad(text, what, "it is empty")),
        _ if text.starts_with('-') => Err(bad(text, what, "it begins with `-`")),
        _ if text.len() > LONGEST => Err(bad("…", what, "it is too long")),
        Some(c) => Err(bad(text, what, &format!("{c:?} cannot be in it"))),
        None => Ok(text.to_owned()),
    }
}

fn bad(text: &str, (what, hint): Use, why: &str) -> HostError {
    hinted(refused(codes::TARGET, format!("read {text:?} as {what}"), why), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_as_a_target_is_one() {
        for text in ["violin", "root@10.0.0.7", "ssh://me@violin.example:2222", "[fe80::1%eth0]", "a_b-c.d+e"] {
            assert_eq!(Target::new(text).map(|t| t.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_means_something_to_a_shell_or_to_ssh_is_no_target_no_path_and_no_database() {
        let bad = [
            "",
            "-oProxyCommand=id",
            "a b",
            "a;b",
            "a$(id)",
            "a`id`",
            "a|b",
            "a&b",
            "a\nb",
            "a'b",
            "a\"b",
            "a\\b",
            "ä",
            "a\0",
            "~",
            "*",
            "{a,b}",
        ];
        for text in bad {
            assert_eq!(Target::new(text).map_err(|e| e.code), Err(codes::TARGET), "{text:?}");
            assert_eq!(AgentPath::new(&format!("/{text}")).is_ok(), text.is_empty(), "{text:?}");
            assert_eq!(Database::new(&format!("unix:/{text}")).is_ok(), text.is_empty(), "{text:?}");
        }
        assert_eq!(AgentPath::new("netsim").map_err(|e| e.code), Err(codes::TARGET));
    }
}
