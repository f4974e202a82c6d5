//! Sysctls of the namespace that the calling thread is in: files below `/proc/sys`.
//!
//! A mount of procfs keeps an entry of each name for each namespace that was ever looked into, all in one chain: with thousands of namespaces a look
//! costs a millisecond. So after the first few looks each few are done through a mount of their own, which nobody else sees.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use netsim_core::names::SysctlName;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use crate::crash;

const ALTNAME: &str = "sysctl=";

/// Looks through one mount of procfs: a mount costs as much as two of them do, and a chain of sixteen entries nothing that can be measured.
const LOOKS: u32 = 16;

/// The note on a node's `lo` that says that a sysctl was set.
pub(crate) fn note(name: &SysctlName) -> String {
    format!("{ALTNAME}{name}")
}

/// The sysctl that a note is about.
pub(crate) fn noted(altname: &str) -> Option<SysctlName> {
    SysctlName::new(altname.strip_prefix(ALTNAME)?).ok()
}

/// A way to the settings of whatever namespace the calling thread is in.
#[derive(Debug)]
pub(crate) struct Settings {
    root: OwnedFd,
    looks: u32,
}

impl Settings {
    /// By the machine's own mount of procfs.
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Settings { root: File::open("/proc")?.into(), looks: 0 })
    }

    /// Its value, fields joined by one tab; none if this kernel has no such setting here.
    pub(crate) fn read(&mut self, name: &SysctlName) -> io::Result<Option<String>> {
        let mut text = String::new();
        match self.file(&name.path(), OFlag::O_RDONLY).and_then(|mut file| file.read_to_string(&mut text)) {
            Ok(_) => Ok(Some(text.split_whitespace().collect::<Vec<_>>().join("\t"))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Sets its value.
    pub(crate) fn write(&mut self, name: &SysctlName, value: &str) -> io::Result<()> {
        self.write_at(&name.path(), value)
    }

    /// Sets the value of the setting at a path below `/proc/sys`.
    pub(crate) fn write_at(&mut self, path: &str, value: &str) -> io::Result<()> {
        crash::point();
        self.file(path, OFlag::O_WRONLY)?.write_all(value.as_bytes())
    }

    fn file(&mut self, path: &str, flags: OFlag) -> io::Result<File> {
        self.looks += 1;
        if self.looks.is_multiple_of(LOOKS)
            && let Ok(root) = mount_of_my_own()
        {
            self.root = root;
        }
        let path = format!("sys/{path}");
        Ok(openat(self.root.as_fd(), &*path, flags | OFlag::O_CLOEXEC, Mode::empty())?.into())
    }
}

/// A mount of procfs that is in no directory and goes when it is closed (fsopen(2), since Linux 5.2). It may be forbidden, as in a user namespace
/// without a process namespace of its own.
fn mount_of_my_own() -> io::Result<OwnedFd> {
    const FSOPEN_CLOEXEC: libc::c_uint = 1;
    const FSCONFIG_CMD_CREATE: libc::c_uint = 6;
    const FSMOUNT_CLOEXEC: libc::c_uint = 1;
    const PROC: &CStr = c"proc";
    let none = std::ptr::null::<libc::c_char>();
    let context = new_file(|| {
        // SAFETY: the name is a string with its end; the call gives a new descriptor or an error.
        #[allow(unsafe_code)]
        unsafe {
            libc::syscall(libc::SYS_fsopen, PROC.as_ptr(), FSOPEN_CLOEXEC)
        }
    })?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&context);
    // SAFETY: the descriptor is open; this command takes neither key nor value.
    #[allow(unsafe_code)]
    Errno::result(unsafe { libc::syscall(libc::SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, none, none, 0) })?;
    new_file(|| {
        // SAFETY: the descriptor is open; the call gives a new one or an error.
        #[allow(unsafe_code)]
        unsafe {
            libc::syscall(libc::SYS_fsmount, fd, FSMOUNT_CLOEXEC, 0)
        }
    })
}

fn new_file(call: impl FnOnce() -> libc::c_long) -> io::Result<OwnedFd> {
    let fd = Errno::result(call())?;
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the call that gave it succeeded, so it is a descriptor that nobody else has.
    #[allow(unsafe_code)]
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The name whose value a device's setting has in a fresh namespace: `conf/eth0` is born as `conf/default`.
pub(crate) fn at_birth(name: &SysctlName) -> SysctlName {
    let Some(device) = name.device() else { return name.clone() };
    let mut parts: Vec<&str> = name.as_str().split('.').collect();
    if let Some(at) = parts.iter().position(|p| p.replace('/', ".") == device.as_str()) {
        parts[at] = "default";
    }
    SysctlName::new(&parts.join(".")).unwrap_or_else(|_| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SysctlName {
        SysctlName::new(text).expect("a sysctl")
    }

    #[test]
    fn a_note_reads_back_as_its_sysctl() {
        for text in ["net.ipv4.ip_forward", "net.ipv4.conf.eth0/10.rp_filter"] {
            assert_eq!(noted(&note(&name(text))), Some(name(text)));
        }
        assert_eq!(noted("ran=0:0"), None);
    }

    #[test]
    fn a_device_is_born_with_the_default_of_its_namespace() {
        let at = |text| at_birth(&name(text)).to_string();
        assert_eq!(at("net.ipv4.conf.eth0/10.rp_filter"), "net.ipv4.conf.default.rp_filter");
        assert_eq!(at("net.ipv6.neigh.eth0.ucast_solicit"), "net.ipv6.neigh.default.ucast_solicit");
        assert_eq!(at("net.ipv4.conf.all.rp_filter"), "net.ipv4.conf.all.rp_filter");
        assert_eq!(at("net.ipv4.ip_forward"), "net.ipv4.ip_forward");
    }

    #[test]
    fn a_setting_is_read_the_same_through_every_mount() {
        let mut settings = Settings::open().expect("proc is mounted");
        let first = settings.read(&name("net.ipv4.tcp_rmem")).expect("it may be read");
        for _ in 0..2 * LOOKS {
            assert_eq!(settings.read(&name("net.ipv4.tcp_rmem")).ok(), Some(first.clone()));
        }
        assert_eq!(settings.read(&name("net.ipv4.no_such_thing")).ok(), Some(None));
    }
}
