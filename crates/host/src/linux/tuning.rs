//! Knobs of devices: offloads by ethtool's netlink, CPU masks by sysfs; that one was turned is noted on the device itself.

use std::io;
use std::sync::Arc;

use netsim_core::names::IfName;
use netsim_core::resource::{DeviceId, Knob, NetnsId, Tuning};

use super::device::{Kind, Link};

mod cpus;
mod ethtool;
mod sysfs;

pub(crate) use ethtool::Ethtool;
pub(crate) use sysfs::{Sysfs, cpus_online};

const ALTNAME: &str = "tuned=";

/// The note on a device that says that a knob of it was turned. Altnames are unique in a namespace, so the device stands in it.
pub(crate) fn note(device: IfName, knob: Knob) -> String {
    format!("{ALTNAME}{device}:{knob}")
}

/// The knob that a note is about.
pub(crate) fn noted(altname: &str) -> Option<Knob> {
    let (_, word) = altname.strip_prefix(ALTNAME)?.rsplit_once(':')?;
    Knob::WORDS.iter().find(|(known, _)| *known == word).map(|(_, knob)| *knob)
}

/// What a new device has. A veth device puts nothing together of what it receives since Linux 5.13 (`veth_disable_gro`, drivers/net/veth.c).
pub(crate) fn at_birth(kind: &Kind, knob: Knob) -> &'static str {
    match (knob, kind) {
        (Knob::RpsCpus | Knob::XpsCpus, _) => "",
        (Knob::Gro, Kind::Veth) => "off",
        (Knob::Gro | Knob::TxChecksum | Knob::Gso | Knob::Tso, _) => "on",
    }
}

/// The means to read and turn knobs in the namespace that the calling thread is in, opened when they are needed.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    ethtool: Option<Ethtool>,
    sysfs: Option<Sysfs>,
}

impl Tools {
    /// The values of these knobs of a device; those that cannot be read are left out.
    pub(crate) fn read(&mut self, link: &Link, knobs: &[Knob]) -> io::Result<Vec<(Knob, Arc<str>)>> {
        let mut values = Vec::with_capacity(knobs.len());
        let (masks, offloads): (Vec<Knob>, Vec<Knob>) = knobs.iter().partition(|knob| knob.takes_cpus());
        if !offloads.is_empty()
            && let Some(ethtool) = self.ethtool()?
            && let Some(features) = ethtool.features(link.index)?
        {
            values.extend(offloads.into_iter().map(|knob| (knob, features.value(knob).into())));
        }
        for knob in masks {
            if let Some(sysfs) = self.sysfs()?
                && let Some(value) = sysfs.read(link.name, knob)?
            {
                values.push((knob, value.into()));
            }
        }
        Ok(values)
    }

    /// Turns a knob of the device with this number.
    pub(crate) fn set(&mut self, (name, index): (IfName, u32), knob: Knob, value: &str) -> io::Result<()> {
        let missing = || io::Error::from_raw_os_error(libc::EPERM);
        if knob.takes_cpus() {
            return self.sysfs()?.ok_or_else(missing)?.write(name, knob, value);
        }
        let ethtool = self.ethtool()?.ok_or_else(|| io::Error::from_raw_os_error(libc::EOPNOTSUPP))?;
        ethtool.set(index, knob, value == "on")
    }

    /// None if the kernel has none.
    fn ethtool(&mut self) -> io::Result<Option<&mut Ethtool>> {
        if self.ethtool.is_none() {
            self.ethtool = Ethtool::open()?;
        }
        Ok(self.ethtool.as_mut())
    }

    /// None if it may not be looked at.
    fn sysfs(&mut self) -> io::Result<Option<&mut Sysfs>> {
        if self.sysfs.is_none() {
            self.sysfs = match Sysfs::open() {
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied => None,
                sysfs => Some(sysfs?),
            };
        }
        Ok(self.sysfs.as_mut())
    }
}

/// The knobs of these devices that are noted on them, or asked for. The calling thread is in their namespace.
pub(crate) fn read_all<'a>(
    netns: &NetnsId,
    links: impl Iterator<Item = &'a Link>,
    asked: &[(IfName, Knob)],
) -> io::Result<Vec<Tuning>> {
    let mut tools = Tools::default();
    let mut tunings = Vec::new();
    for link in links {
        let mut knobs: Vec<Knob> = link.altnames.iter().filter_map(|a| noted(a)).collect();
        knobs.extend(asked.iter().filter(|(name, _)| *name == link.name).map(|(_, knob)| *knob));
        if knobs.is_empty() {
            continue;
        }
        knobs.sort();
        knobs.dedup();
        let device = DeviceId { netns: netns.clone(), name: link.name };
        let values = tools.read(link, &knobs)?.into_iter();
        tunings.extend(values.map(|(knob, value)| Tuning { device: device.clone(), knob, value }));
    }
    Ok(tunings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_as_its_knob() {
        for (_, knob) in Knob::WORDS {
            assert_eq!(noted(&note(IfName::new("eth0.1").expect("a name"), knob)), Some(knob));
        }
        assert_eq!(noted("tuned=eth0:speed"), None);
        assert_eq!(noted("sysctl=net.ipv4.ip_forward"), None);
    }
}
