//! How this crate words what a machine refused.

use std::io;

use nix::errno::Errno;

use crate::backend::HostError;

/// The codes of everything of a machine that is not netlink; `docs/errors.md` lists them all.
pub mod codes {
    /// A lab's state directory cannot be made, locked or written.
    pub const STATE: u16 = 110;
    /// What a lab's state directory holds cannot be read as what was stored.
    pub const STORED: u16 = 111;
    /// A node's namespace cannot be entered.
    pub const ENTER: u16 = 112;
    /// A program cannot be run in a node.
    pub const RUN: u16 = 113;
    /// A probe cannot be sent.
    pub const PROBE: u16 = 114;
    /// Signals cannot be listened to.
    pub const SIGNALS: u16 = 115;
    /// The file that the kernel in memory is kept in cannot be read or written.
    pub const SIM_FILE: u16 = 116;
    /// The kernel in memory refuses a step.
    pub const SIM: u16 = 117;
    /// The system forbids user namespaces.
    pub const USER_NAMESPACES: u16 = 120;
    /// Root's rights were asked for and are not there.
    pub const RIGHTS: u16 = 121;
    /// The private directory for rootless work is not one to trust.
    pub const PRIVATE_DIR: u16 = 122;
    /// The keeper of the rootless namespaces could not start.
    pub const KEEPER: u16 = 123;
    /// The keeper's namespaces cannot be entered.
    pub const KEEPER_ENTER: u16 = 124;
    /// ssh cannot be started.
    pub const SSH: u16 = 150;
    /// A host cannot be reached.
    pub const UNREACHABLE: u16 = 151;
    /// Nothing takes the connection there.
    pub const CONNECTION_REFUSED: u16 = 152;
    /// A host's key is not known, or another than it was.
    pub const HOST_KEY: u16 = 153;
    /// A host lets us not in.
    pub const LOGIN: u16 = 154;
    /// Logged in, but without the rights to work there.
    pub const HOST_RIGHTS: u16 = 155;
    /// The agent cannot be put there.
    pub const COPY: u16 = 156;
    /// The agent cannot be run there.
    pub const AGENT_RUN: u16 = 157;
    /// The agent there is of another version.
    pub const AGENT_VERSION: u16 = 158;
    /// What comes from a host is not what an agent says.
    pub const GARBAGE: u16 = 159;
    /// A host says nothing any more.
    pub const SILENCE: u16 = 160;
    /// The connection has ended.
    pub const LOST: u16 = 161;
    /// Something is too large to be sent to a host, or came too large.
    pub const TOO_LARGE: u16 = 162;
    /// An agent was asked for something that it cannot do at this point.
    pub const OUT_OF_TURN: u16 = 163;
    /// A text cannot be what ssh connects to, or an agent's path.
    pub const TARGET: u16 = 164;
}

/// A refusal by the kernel: `operation not permitted (EPERM)`.
pub(crate) fn failed(code: u16, doing: impl Into<String>, errno: Errno) -> HostError {
    HostError { code, doing: doing.into(), message: words(errno), errno: Some(errno as i32), hint: None }
}

/// A refusal told by the standard library.
pub(crate) fn failed_io(code: u16, doing: impl Into<String>, error: &io::Error) -> HostError {
    match error.raw_os_error() {
        Some(errno) => failed(code, doing, Errno::from_raw(errno)),
        None => refused(code, doing, error.to_string()),
    }
}

/// A refusal of our own.
pub(crate) fn refused(code: u16, doing: impl Into<String>, message: impl Into<String>) -> HostError {
    HostError { code, doing: doing.into(), message: message.into(), errno: None, hint: None }
}

/// The same with a hint.
pub(crate) fn hinted(error: HostError, hint: impl Into<String>) -> HostError {
    HostError { hint: Some(hint.into()), ..error }
}

/// An errno's text and name: `no such file or directory (ENOENT)`.
pub(crate) fn words(errno: Errno) -> String {
    let text = errno.desc();
    let mut chars = text.chars();
    let first = chars.next().filter(|_| !text.starts_with("I/O"));
    match first {
        Some(c) => format!("{}{} ({errno:?})", c.to_lowercase(), chars.as_str()),
        None => format!("{text} ({errno:?})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_is_told_by_text_and_name() {
        assert_eq!(words(Errno::ENOENT), "no such file or directory (ENOENT)");
        assert_eq!(words(Errno::EIO), "I/O error (EIO)");
    }
}
