//! What was applied last, kept beside a lab's lock: convenience for `status` and `destroy`, never the truth.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use netsim_core::names::{HostId, LabName};
use netsim_core::place::Places;
use netsim_core::spec::Sources;
use netsim_core::state::HostFacts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::backend::HostError;
use crate::crash;
use crate::failure::{codes, hinted, refused};
use crate::lock::{HALF_WRITTEN, LabLock, state_error};

const APPLIED: &str = "applied.json";

/// What is stored of a running lab: enough to read its topology again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Applied {
    /// Of this form.
    pub version: u32,
    /// The files that were applied.
    pub sources: Sources,
    /// Where its nodes are; empty where all are on the machine that it was applied from.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub places: Places,
    /// The hosts that may have something of it; empty: the machine that it was applied from.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub hosts: IndexMap<HostId, Reach>,
    /// The database of Open vSwitch on the machine that it was applied from, where the file says it; of others than that see `hosts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ovsdb: Option<String>,
    /// What was found of the hosts' underlay, for when one of them cannot be asked; empty: as `hosts`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub facts: HostFacts,
}

/// How a host is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// What ssh connects to; none: it is the machine that netsim runs on.
    pub ssh: Option<String>,
    /// Whether the agent there is started by `sudo`.
    pub sudo: bool,
    /// The database of its Open vSwitch; none: it is looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ovsdb: Option<String>,
}

impl Reach {
    /// Whether it leads to the same machine, wherever that has its database.
    pub fn is_way_of(&self, other: &Reach) -> bool {
        (&self.ssh, self.sudo) == (&other.ssh, other.sudo)
    }
}

impl Applied {
    /// What to store of these files, of a lab on this machine alone.
    pub fn of(sources: &Sources) -> Self {
        Applied {
            version: 1,
            sources: sources.clone(),
            places: Places::default(),
            hosts: IndexMap::default(),
            ovsdb: None,
            facts: HostFacts::default(),
        }
    }

    /// The hosts that may have something of the lab.
    pub fn members(&self) -> IndexMap<HostId, Reach> {
        match self.hosts.is_empty() {
            true => IndexMap::from([(HostId::local(), Reach { ovsdb: self.ovsdb.clone(), ..Reach::default() })]),
            false => self.hosts.clone(),
        }
    }

    /// The hosts that it was on and that nothing of it is left on: it was removed from there, and not from all.
    pub fn removed_from(&self) -> Vec<HostId> {
        let mut hosts: Vec<HostId> = Vec::new();
        for host in self.places.values() {
            if !self.hosts.is_empty() && !self.hosts.contains_key(host) && !hosts.contains(host) {
                hosts.push(host.clone());
            }
        }
        hosts
    }

    /// It as text, to be stored.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("what is stored has text for keys and writes without I/O")
    }
}

/// Stores what is being applied, in place of what was before: whole or not at all.
pub fn save<T: Serialize>(lock: &LabLock, applied: &T) -> Result<(), HostError> {
    let text = serde_json::to_string(applied).expect("what is stored has text for keys and writes without I/O");
    save_text(lock, &text)
}

/// Stores what [`load_text`] gave, or will give.
pub fn save_text(lock: &LabLock, text: &str) -> Result<(), HostError> {
    let dir = lock.dir();
    let written = write_whole(dir, text.as_bytes());
    if written.is_err() {
        let _ = fs::remove_file(dir.join(HALF_WRITTEN));
    }
    written.map_err(|e| state_error(format!("store {}", dir.join(APPLIED).display()), dir, &e))
}

fn write_whole(dir: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = File::create(dir.join(HALF_WRITTEN))?;
    file.write_all(text)?;
    file.sync_all()?;
    crash::point();
    fs::rename(dir.join(HALF_WRITTEN), dir.join(APPLIED))?;
    // The new name is on the disk only when its directory is.
    File::open(dir)?.sync_all()
}

/// What was stored of a lab, if anything is.
pub fn load<T: DeserializeOwned>(state: &Path, lab: &LabName) -> Result<Option<T>, HostError> {
    load_text(state, lab)?.map(|text| read(&text, &path(state, lab))).transpose()
}

/// What was stored of a lab, as text.
pub fn load_text(state: &Path, lab: &LabName) -> Result<Option<String>, HostError> {
    let path = path(state, lab);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(state_error(doing(&path), path.parent().unwrap_or(state), &e)),
    }
}

/// Where what is stored of a lab is.
pub fn path(state: &Path, lab: &LabName) -> PathBuf {
    state.join(lab.as_str()).join(APPLIED)
}

/// What a stored text says; `path` is where it was found, for the error.
pub fn read<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, HostError> {
    serde_json::from_str(text).map_err(|e| {
        let hint = format!("remove {} and name the topology's file instead of the lab", path.display());
        hinted(refused(codes::STORED, doing(path), e.to_string()), hint)
    })
}

fn doing(path: &Path) -> String {
    format!("read {}", path.display())
}

/// The labs that something is stored of, by name.
pub fn labs(state: &Path) -> Result<Vec<LabName>, HostError> {
    let fail = |e: io::Error| state_error(format!("list {}", state.display()), state, &e);
    let entries = match fs::read_dir(state) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(fail(e)),
    };
    let mut labs = Vec::new();
    for entry in entries {
        let name = entry.map_err(fail)?.file_name();
        let lab = name.to_str().and_then(|n| LabName::new(n).ok());
        labs.extend(lab.filter(|l| state.join(l.as_str()).join(APPLIED).exists()));
    }
    labs.sort();
    Ok(labs)
}

/// Forgets a lab; its directory goes with the lock.
pub fn remove(lock: LabLock) -> Result<(), HostError> {
    forget(&lock)
}

/// Forgets what is stored of a lab; its directory goes when the lock does.
pub fn forget(lock: &LabLock) -> Result<(), HostError> {
    for name in [APPLIED, HALF_WRITTEN] {
        let path = lock.dir().join(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(state_error(format!("remove {}", path.display()), lock.dir(), &e));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A directory of the test's own, gone at its end.
    pub(crate) struct Temporary(pub(crate) PathBuf);

    impl Temporary {
        pub(crate) fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("netsim-{name}-{}", std::process::id()));
            fs::create_dir(&path).expect("the name is new");
            Temporary(path)
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn lock(state: &Path, lab: &LabName) -> LabLock {
        LabLock::take(state, lab, &mut |_| panic!("nobody else holds the lock")).expect("writable")
    }

    #[test]
    fn what_is_stored_outlives_the_lock_until_it_is_removed() {
        let temporary = Temporary::new("store");
        let state = temporary.0.join("netsim");
        let (a, b) = (LabName::new("a").expect("valid"), LabName::new("b").expect("valid"));
        assert_eq!(labs(&state), Ok(vec![]));
        save(&lock(&state, &b), &"second").expect("writable");
        save(&lock(&state, &a), &"first").expect("writable");
        save(&lock(&state, &a), &"first again").expect("writable");
        assert_eq!(labs(&state), Ok(vec![a.clone(), b.clone()]));
        assert_eq!(load::<String>(&state, &a), Ok(Some("first again".to_owned())));
        remove(lock(&state, &a)).expect("removable");
        assert_eq!(load::<String>(&state, &a), Ok(None));
        assert_eq!(labs(&state), Ok(vec![b.clone()]));
        remove(lock(&state, &b)).expect("removable");
        assert!(!state.exists());
    }

    #[test]
    fn what_is_half_written_is_not_what_is_stored() {
        let temporary = Temporary::new("store-half");
        let a = LabName::new("a").expect("valid");
        let held = lock(&temporary.0, &a);
        save(&held, &1).expect("writable");
        fs::write(held.dir().join(HALF_WRITTEN), "2").expect("writable");
        assert_eq!(load::<i32>(&temporary.0, &a), Ok(Some(1)));
        remove(held).expect("removable");
        assert!(!temporary.0.exists() || !temporary.0.join("a").exists());
    }

    #[test]
    fn a_file_that_is_not_what_was_stored_is_told() {
        let temporary = Temporary::new("store-bad");
        let a = LabName::new("a").expect("valid");
        let held = lock(&temporary.0, &a);
        fs::write(held.dir().join(APPLIED), "{").expect("writable");
        assert_eq!(load::<i32>(&temporary.0, &a).map_err(|e| e.code), Err(codes::STORED));
    }
}
