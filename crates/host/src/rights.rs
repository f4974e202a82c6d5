//! What this process may do to the machine, or what forbids it.

use std::fmt;
use std::fs::{self, File};
use std::os::fd::AsRawFd;

use nix::errno::Errno;

use crate::backend::HostError;
use crate::failure::{codes, failed, hinted, refused};

/// A right that making labs takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// CAP_NET_ADMIN: to make devices, addresses and routes.
    NetAdmin,
    /// CAP_SYS_ADMIN: to make and enter namespaces.
    SysAdmin,
    /// That those capabilities hold for the network namespace that the process is in.
    OwnNetwork,
    /// That they hold for its mount namespace.
    OwnMounts,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Right::NetAdmin => "CAP_NET_ADMIN",
            Right::SysAdmin => "CAP_SYS_ADMIN",
            Right::OwnNetwork => "power over this network namespace (it belongs to another user namespace)",
            Right::OwnMounts => "power over this mount namespace (it belongs to another user namespace)",
        })
    }
}

/// The rights that are missing to work on the machine itself; none: all are there.
pub fn missing() -> Vec<Right> {
    let capabilities = fs::read_to_string("/proc/self/status").map_or(0, |s| effective(&s));
    let has = |bit: u8| capabilities >> bit & 1 == 1;
    [
        (Right::NetAdmin, has(CAP_NET_ADMIN)),
        (Right::SysAdmin, has(CAP_SYS_ADMIN)),
        (Right::OwnNetwork, in_reach("/proc/self/ns/net")),
        (Right::OwnMounts, in_reach("/proc/self/ns/mnt")),
    ]
    .into_iter()
    .filter_map(|(right, there)| (!there).then_some(right))
    .collect()
}

/// capabilities(7), linux/capability.h.
const CAP_NET_ADMIN: u8 = 12;
/// capabilities(7), linux/capability.h.
const CAP_SYS_ADMIN: u8 = 21;

/// The effective capabilities in the text of `/proc/PID/status`.
fn effective(status: &str) -> u64 {
    let line = status.lines().find_map(|l| l.strip_prefix("CapEff:"));
    line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0)
}

mod request {
    nix::ioctl_none!(ns_get_userns, 0xb7, 0x1);
}

/// Whether the namespace belongs to this process's user namespace or to one below it: NS_GET_USERNS answers EPERM otherwise (ioctl_ns(2)).
#[allow(unsafe_code)]
fn in_reach(namespace: &str) -> bool {
    let Ok(file) = File::open(namespace) else { return false };
    // SAFETY: the request takes no argument and gives back a new descriptor, which only we have.
    match unsafe { request::ns_get_userns(file.as_raw_fd()) } {
        Ok(fd) => {
            let _ = nix::unistd::close(fd);
            true
        }
        Err(_) => false,
    }
}

/// The error for a process that was told to work as root and cannot.
pub fn not_root(missing: &[Right]) -> HostError {
    let list: Vec<String> = missing.iter().map(Right::to_string).collect();
    hinted(
        refused(codes::RIGHTS, "work on this machine as root", format!("missing {}", list.join(", "))),
        "run it with sudo, or leave `--root` out to work in a user namespace",
    )
}

/// Why a user namespace could not be made and filled: the setting that forbids it, if one does. `read` gives the text of a file, if it is there.
pub fn why_not(doing: &str, errno: Errno, read: &dyn Fn(&str) -> Option<String>) -> HostError {
    let value = |path: &str| read(path).map(|text| text.trim().to_owned());
    let refusal = |message: String, hint: &str| {
        let hint = format!("{hint}, or run netsim as root");
        hinted(HostError { message, ..failed(codes::USER_NAMESPACES, doing, errno) }, hint)
    };
    let denied = matches!(errno, Errno::EPERM | Errno::EACCES);
    if read("/proc/self/setgroups").is_none() {
        return refusal(
            "this kernel has no user namespaces (CONFIG_USER_NS)".into(),
            "use a kernel with CONFIG_USER_NS=y",
        );
    }
    for kind in ["user", "net", "mnt"] {
        let path = format!("/proc/sys/user/max_{kind}_namespaces");
        if errno == Errno::ENOSPC && value(&path).as_deref() == Some("0") {
            let message = format!("the setting user.max_{kind}_namespaces is 0, which forbids them");
            return refusal(message, &format!("set it: `sudo sysctl -w user.max_{kind}_namespaces=10000`"));
        }
    }
    if errno == Errno::ENOSPC {
        return refusal(
            "too many namespaces are in use, or they are nested too deep (user.max_user_namespaces, user.max_net_namespaces, user.max_mnt_namespaces)".into(),
            "raise these settings with `sudo sysctl -w`",
        );
    }
    if denied && value("/proc/sys/kernel/unprivileged_userns_clone").as_deref() == Some("0") {
        return refusal(
            "the setting kernel.unprivileged_userns_clone is 0, which forbids user namespaces to ordinary users".into(),
            "set it: `sudo sysctl -w kernel.unprivileged_userns_clone=1`",
        );
    }
    if denied && value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") {
        return refusal(
            "AppArmor forbids it (the setting kernel.apparmor_restrict_unprivileged_userns is 1)".into(),
            "give netsim an AppArmor profile with `userns,`, or set it: `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`",
        );
    }
    let status = read("/proc/self/status").unwrap_or_default();
    if denied && status.lines().any(|l| l.split_whitespace().eq(["Seccomp:", "2"])) {
        return refusal(
            "a seccomp filter forbids it, as container runtimes set one".into(),
            "start the container with `--security-opt seccomp=unconfined` or `--privileged`",
        );
    }
    if denied {
        return hinted(
            failed(codes::USER_NAMESPACES, doing, errno),
            "look for a security module or a chroot that forbids user namespaces, or run netsim as root",
        );
    }
    failed(codes::USER_NAMESPACES, doing, errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_capabilities_are_read_from_the_status() {
        assert_eq!(effective("Name:\tx\nCapPrm:\t0000000000000001\nCapEff:\t0000000000201000\n"), 0x20_1000);
        assert_eq!(effective("nothing"), 0);
    }

    fn check(errno: Errno, files: &[(&str, &str)], message: &str) {
        let read = |path: &str| {
            let all = files.iter().chain(&[("/proc/self/setgroups", "allow\n")]);
            all.copied().find(|(p, _)| *p == path).map(|(_, text)| text.to_owned())
        };
        let error = why_not("make a user namespace", errno, &read);
        assert_eq!((error.code, error.message.as_str()), (120, message));
    }

    #[test]
    fn the_setting_that_forbids_user_namespaces_is_named() {
        check(
            Errno::ENOSPC,
            &[("/proc/sys/user/max_user_namespaces", "0\n")],
            "the setting user.max_user_namespaces is 0, which forbids them",
        );
        check(
            Errno::EPERM,
            &[("/proc/sys/kernel/unprivileged_userns_clone", "0\n")],
            "the setting kernel.unprivileged_userns_clone is 0, which forbids user namespaces to ordinary users",
        );
        check(
            Errno::EACCES,
            &[("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n")],
            "AppArmor forbids it (the setting kernel.apparmor_restrict_unprivileged_userns is 1)",
        );
        check(
            Errno::EPERM,
            &[("/proc/self/status", "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n")],
            "a seccomp filter forbids it, as container runtimes set one",
        );
    }

    #[test]
    fn a_setting_that_allows_them_is_not_blamed() {
        check(
            Errno::EPERM,
            &[
                ("/proc/sys/kernel/unprivileged_userns_clone", "1\n"),
                ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0\n"),
                ("/proc/self/status", "Seccomp:\t0\n"),
            ],
            "operation not permitted (EPERM)",
        );
    }
}
