//! CPU masks of a device's queues: files of sysfs, which shows only the devices of the namespace that it was mounted in.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use netsim_core::names::IfName;
use netsim_core::resource::Knob;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::super::private_mount;
use super::cpus;
use crate::crash;

/// The CPUs that work now, as a list.
const ONLINE: &str = "/sys/devices/system/cpu/online";

/// How many CPUs a mask can be of: one more than the last that works; 0 if it is not to be had. A kernel keeps no others in masks of queues.
pub(crate) fn cpus_online() -> u32 {
    std::fs::read_to_string(ONLINE).ok().and_then(|list| cpus::count(&list)).unwrap_or(0)
}

/// The sysfs of the namespace that the calling thread was in when it was opened; nobody else sees this mount.
#[derive(Debug)]
pub(crate) struct Sysfs {
    root: OwnedFd,
}

impl Sysfs {
    /// Mounts it.
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Sysfs { root: private_mount::of(c"sysfs")? })
    }

    /// Whether the kernel has receive packet steering (CONFIG_RPS).
    pub(crate) fn has_rps(&self) -> io::Result<bool> {
        Ok(self.queue(IfName::LO, Knob::RpsCpus, 0, OFlag::O_RDONLY)?.is_some())
    }

    /// The CPUs of a device's queues as a list: where they differ, each list once. None if the device or its masks are not there.
    pub(super) fn read(&self, device: IfName, knob: Knob) -> io::Result<Option<String>> {
        let mut lists: Vec<String> = Vec::new();
        for number in 0.. {
            let Some(mut file) = self.queue(device, knob, number, OFlag::O_RDONLY)? else { break };
            let mut mask = String::new();
            match file.read_to_string(&mut mask) {
                // So a device answers that has one queue to send from, for XPS (`xps_cpus_show`), or one that goes.
                Err(e) if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ENODEV | libc::EINVAL)) => break,
                read => drop(read?),
            }
            let list = cpus::list(&mask).ok_or_else(|| io::Error::other(format!("no mask of CPUs: {mask}")))?;
            if !lists.contains(&list) {
                lists.push(list);
            }
        }
        Ok((!lists.is_empty()).then(|| lists.join(";")))
    }

    /// Sets the CPUs of all queues of a device.
    pub(super) fn write(&self, device: IfName, knob: Knob, list: &str) -> io::Result<()> {
        let mask = cpus::mask(list).ok_or_else(|| io::Error::other(format!("no list of CPUs: {list}")))?;
        for number in 0.. {
            match self.queue(device, knob, number, OFlag::O_WRONLY)? {
                Some(mut file) => {
                    crash::point();
                    file.write_all(mask.as_bytes()).map_err(|e| match e.raw_os_error() {
                        Some(libc::ENOENT) => {
                            io::Error::other("a device with one queue to send from has no choice of queues")
                        }
                        Some(_) | None => e,
                    })?;
                }
                None if number == 0 => return Err(io::Error::from_raw_os_error(libc::ENODEV)),
                None => break,
            }
        }
        Ok(())
    }

    /// The file of one queue; none if the device has no such queue.
    fn queue(&self, device: IfName, knob: Knob, number: u32, flags: OFlag) -> io::Result<Option<File>> {
        let (queues, file) = match knob {
            Knob::XpsCpus => ("tx", "xps_cpus"),
            Knob::RpsCpus | Knob::TxChecksum | Knob::Gso | Knob::Gro | Knob::Tso => ("rx", "rps_cpus"),
        };
        let path = format!("class/net/{device}/queues/{queues}-{number}/{file}");
        match openat(self.root.as_fd(), &*path, flags | OFlag::O_CLOEXEC, Mode::empty()) {
            Err(nix::Error::ENOENT) => Ok(None),
            file => Ok(Some(file?.into())),
        }
    }
}
