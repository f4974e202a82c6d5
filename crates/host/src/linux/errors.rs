//! What a kernel's refusals are called, with what to do about them.

use std::io;

use netsim_core::plan::Action;
use netsim_core::problem::Code;
use netsim_core::resource::{Key, Resource};
use nix::errno::Errno;

use crate::backend::HostError;
use crate::netlink::Worded;

/// The codes of this backend's errors.
pub mod codes {
    use super::Code;

    /// The rights to do it are missing.
    pub const DENIED: Code = Code(90);
    /// `/run` is full or read-only.
    pub const NO_ROOM: Code = Code(91);
    /// The kernel lacks the feature.
    pub const UNSUPPORTED: Code = Code(92);
    /// The name is taken.
    pub const TAKEN: Code = Code(93);
    /// Something that was there is gone.
    pub const VANISHED: Code = Code(94);
    /// A limit of the machine is reached.
    pub const LIMIT: Code = Code(95);
    /// The kernel refuses it for another reason.
    pub const REFUSED: Code = Code(96);
    /// A program failed in its node.
    pub const PROGRAM: Code = Code(97);
    /// The ledger of loans cannot be read.
    pub const LEDGER: Code = Code(98);
}

/// What an action does, in words: `create device cluster-a/eth0`.
pub(crate) fn doing(action: &Action) -> String {
    let of = |resource: &Resource| resource.key().to_string();
    match action {
        Action::Create(Resource::Ran(ran)) => {
            format!("run `{}` in {}", ran.argv.0.join(" "), ran.netns)
        }
        Action::Create(resource) => format!("create {}", of(resource)),
        Action::Update { to, .. } => format!("update {}", of(to)),
        Action::Delete(resource) => format!("delete {}", of(resource)),
        Action::Borrow(loan) => format!("borrow {}", of(&loan.was)),
        Action::GiveBack(loan) => format!("give back {}", of(&loan.was)),
    }
}

/// An error with an errno, in words.
pub(crate) fn kernel(doing: impl Into<String>, errno: i32, text: &str) -> HostError {
    let name = Errno::from_raw(errno);
    let mut message = format!("{} ({name:?})", name.desc().to_lowercase());
    if !text.is_empty() {
        message = format!("{message}: {}", lowered(text.trim_end_matches('.')));
    }
    let (code, hint) = class(name);
    HostError { code: code.0, doing: doing.into(), message, errno: Some(errno), hint: hint.map(str::to_owned) }
}

/// The kernel begins some of its texts with a capital; names in capitals stay.
fn lowered(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(chars).collect()
        }
        (Some(_) | None, _) => text.to_owned(),
    }
}

/// An error of a system call, in words.
pub(crate) fn system(doing: impl Into<String>, error: &io::Error) -> HostError {
    if let Some(refused) = error.get_ref().and_then(|e| e.downcast_ref::<Worded>()) {
        return kernel(doing, refused.errno, &refused.text);
    }
    match error.raw_os_error() {
        Some(errno) => kernel(doing, errno, ""),
        None => HostError {
            code: codes::REFUSED.0,
            doing: doing.into(),
            message: error.to_string(),
            errno: None,
            hint: None,
        },
    }
}

/// An error of writing a setting, in words.
pub(crate) fn setting(doing: impl Into<String>, error: &io::Error) -> HostError {
    let hint = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EPERM | Errno::EACCES) => "leave it out, or work as the machine's own root: nobody else may set it",
        Some(Errno::EINVAL | Errno::ERANGE) => {
            "give it a value that it takes: see ip-sysctl in the kernel's documentation"
        }
        Some(_) | None => return system(doing, error),
    };
    HostError { hint: Some(hint.into()), ..system(doing, error) }
}

/// The error of an action that a name of its own namespace is missing for.
pub(crate) fn vanished(doing: impl Into<String>, key: &Key) -> HostError {
    HostError {
        code: codes::VANISHED.0,
        doing: doing.into(),
        message: format!("{key} is not there any more ({:?})", Errno::ENODEV),
        errno: Some(libc::ENODEV),
        hint: Some("run apply again: it starts from what is there now".into()),
    }
}

fn class(errno: Errno) -> (Code, Option<&'static str>) {
    match errno {
        Errno::EPERM | Errno::EACCES => {
            (codes::DENIED, Some("run netsim as root, or with --rootless in a user namespace of its own"))
        }
        Errno::ENOSPC | Errno::EROFS | Errno::EDQUOT => {
            (codes::NO_ROOM, Some("make room in /run and see that it is mounted read-write"))
        }
        Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT | Errno::EPROTONOSUPPORT | Errno::ENOPROTOOPT | Errno::ENOSYS => {
            (codes::UNSUPPORTED, Some("load the kernel module for it, or use a kernel that has it"))
        }
        Errno::EEXIST | Errno::EBUSY | Errno::EADDRINUSE => {
            (codes::TAKEN, Some("look at who made it since the plan, then run apply again"))
        }
        Errno::ENODEV | Errno::ENOENT | Errno::ESRCH | Errno::EADDRNOTAVAIL => {
            (codes::VANISHED, Some("run apply again: it starts from what is there now"))
        }
        Errno::EMFILE | Errno::ENFILE => {
            (codes::LIMIT, Some("raise the limit of open files (`ulimit -n`): a node needs two of them"))
        }
        Errno::EXFULL => (codes::LIMIT, Some("spread the ports over several bridges: one takes 1023")),
        Errno::ENOMEM | Errno::ENOBUFS => (codes::LIMIT, Some("free memory: a node takes about 230 KiB in the kernel")),
        _ => (codes::REFUSED, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Refused;

    #[test]
    fn a_refusal_keeps_its_errno_and_its_words_on_the_way_through_an_io_error() {
        let refused = Refused { tag: (), errno: libc::EINVAL, text: "Name not a valid device name.".into() };
        let error = system("create network namespace a", &refused.into());
        assert_eq!(
            error.to_string(),
            "create network namespace a: invalid argument (EINVAL): name not a valid device name"
        );
        assert_eq!(error.errno, Some(libc::EINVAL));
    }
}
