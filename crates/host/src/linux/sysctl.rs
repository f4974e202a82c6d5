//! Sysctls of the namespace that the calling thread is in: files below `/proc/sys`.
//!
//! A mount of procfs keeps an entry of each name for each namespace that was ever looked into, all in one chain: with thousands of namespaces a look
//! costs a millisecond. So after the first few looks each few are done through a mount of their own, which nobody else sees.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use netsim_core::names::SysctlName;
use netsim_core::suggest::near as near_words;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::private_mount;
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
            && let Ok(root) = private_mount::of(c"proc")
        {
            self.root = root;
        }
        let path = format!("sys/{path}");
        Ok(openat(self.root.as_fd(), &*path, flags | OFlag::O_CLOEXEC, Mode::empty())?.into())
    }
}

/// Settings that the namespace of the calling thread has, with names like this one that it has not; the likest first.
pub(crate) fn near(name: &SysctlName) -> Vec<SysctlName> {
    let path = name.path();
    let device = name.device().map(|device| device.to_string());
    let mut found: Vec<Near> = vec![Near::default()];
    for part in path.split('/') {
        found = found.iter().flat_map(|near| near.step(part, device.as_deref())).collect();
    }
    let dotted = |path: &str| {
        path.chars()
            .map(|c| match c {
                '/' => '.',
                '.' => '/',
                c => c,
            })
            .collect::<String>()
    };
    found.iter().filter_map(|near| SysctlName::new(&dotted(&near.path)).ok()).take(NEAR).collect()
}

/// How many names are told at most for one that is missing.
const NEAR: usize = 3;

/// The beginning of a name that a kernel has, as a path.
#[derive(Default)]
struct Near {
    path: String,
    /// Where that is to be looked for: a device that is not there yet has what new devices get.
    file: String,
}

impl Near {
    /// One part on: by this word if there is that, otherwise by those that are like it.
    fn step(&self, part: &str, device: Option<&str>) -> Vec<Near> {
        let on = |word: &str, file: &str| Near {
            path: format!("{}{}{word}", self.path, if self.path.is_empty() { "" } else { "/" }),
            file: format!("{}/{file}", self.file),
        };
        let names = || -> Vec<String> {
            let entries = std::fs::read_dir(format!("/proc/sys{}", self.file)).into_iter().flatten().flatten();
            let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
            names.sort();
            names
        };
        if std::path::Path::new(&format!("/proc/sys{}/{part}", self.file)).exists() {
            vec![on(part, part)]
        } else if device == Some(part) {
            vec![on(part, "default")]
        } else {
            let names = names();
            near_words(part, names.iter().map(String::as_str)).into_iter().map(|word| on(word, word)).collect()
        }
    }
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
