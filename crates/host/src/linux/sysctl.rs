//! Sysctls of the namespace that the calling thread is in: files below `/proc/sys`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use netsim_core::names::SysctlName;

use crate::crash;

const ALTNAME: &str = "sysctl=";

/// The note on a node's `lo` that says that a sysctl was set.
pub(crate) fn note(name: &SysctlName) -> String {
    format!("{ALTNAME}{name}")
}

/// The sysctl that a note is about.
pub(crate) fn noted(altname: &str) -> Option<SysctlName> {
    SysctlName::new(altname.strip_prefix(ALTNAME)?).ok()
}

fn path(name: &SysctlName) -> PathBuf {
    PathBuf::from("/proc/sys").join(name.path())
}

/// Its value, fields joined by one tab; none if this kernel has no such setting here.
pub(crate) fn read(name: &SysctlName) -> io::Result<Option<String>> {
    match fs::read_to_string(path(name)) {
        Ok(text) => Ok(Some(text.split_whitespace().collect::<Vec<_>>().join("\t"))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Sets its value.
pub(crate) fn write(name: &SysctlName, value: &str) -> io::Result<()> {
    crash::point();
    OpenOptions::new().write(true).open(path(name))?.write_all(value.as_bytes())
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
}
