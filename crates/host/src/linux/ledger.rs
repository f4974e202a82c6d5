//! The ledger of loans: what labs have changed that is not theirs, and how it was.
//!
//! One file for the whole machine. It lives in `/run`, exactly as long as the kernel's own state does.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use netsim_core::names::LabName;
use netsim_core::resource::Key;
use netsim_core::state::{Held, Loan, Loans};
use nix::fcntl::{Flock, FlockArg};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::errors::{codes, system};
use crate::backend::HostError;
use crate::crash;

/// One lab's loan of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    lab: LabName,
    loan: Loan,
}

fn path(state: &Path) -> PathBuf {
    state.join("loans.json")
}

fn draft(state: &Path) -> PathBuf {
    state.join("loans.json.new")
}

/// What is lent, as one lab sees it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lent {
    /// What the lab itself has borrowed.
    pub(crate) loans: Loans,
    /// What another lab has borrowed, and which one.
    pub(crate) others: FxHashMap<Key, LabName>,
}

/// What is lent to a lab, and what to others.
pub(crate) fn of(state: &Path, lab: &LabName) -> Result<Lent, HostError> {
    if draft(state).exists() {
        let _lock = lock(state)?;
        // Whoever holds the lock and finds a draft finds that of somebody who was killed over it.
        let _ = fs::remove_file(draft(state));
    }
    let entries = read(state)?;
    let mut lent = Lent::default();
    for entry in entries.iter().filter(|e| e.lab != *lab) {
        lent.others.entry(entry.loan.was.key()).or_insert_with(|| entry.lab.clone());
    }
    for entry in entries.into_iter().filter(|e| e.lab == *lab) {
        let key = entry.loan.was.key();
        let shared = lent.others.contains_key(&key);
        lent.loans.insert(key, Held { loan: entry.loan, shared });
    }
    Ok(lent)
}

/// Enters a loan, before the change. What another lab has borrowed already is entered as it was before that.
pub(crate) fn borrow(state: &Path, lab: &LabName, loan: &Loan) -> Result<(), HostError> {
    change(state, |entries| {
        let key = loan.was.key();
        let was = entries.iter().find(|e| e.loan.was.key() == key).map_or(&loan.was, |e| &e.loan.was).clone();
        entries.retain(|e| e.lab != *lab || e.loan.was.key() != key);
        entries.push(Entry { lab: lab.clone(), loan: Loan { was, set: loan.set.clone() } });
    })
}

/// Strikes a loan, after all is as it was.
pub(crate) fn give_back(state: &Path, lab: &LabName, loan: &Loan) -> Result<(), HostError> {
    change(state, |entries| entries.retain(|e| e.lab != *lab || e.loan.was.key() != loan.was.key()))
}

fn doing(state: &Path) -> String {
    format!("keep the ledger {}", path(state).display())
}

fn lock(state: &Path) -> Result<Flock<File>, HostError> {
    let error = |e: io::Error| system(doing(state), &e);
    let directory = File::open(state).map_err(error)?;
    Flock::lock(directory, FlockArg::LockExclusive).map_err(|(_, e)| error(e.into()))
}

fn read(state: &Path) -> Result<Vec<Entry>, HostError> {
    match fs::read(path(state)) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| HostError {
            code: codes::LEDGER.0,
            doing: doing(state),
            message: format!("it cannot be read: {e}"),
            errno: None,
            hint: Some("look into the file: it says which settings were changed and how they were".into()),
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(system(doing(state), &e)),
    }
}

/// Writes the ledger anew, whole or not at all, and on the disk before it counts. An empty one is no file.
fn change(state: &Path, edit: impl FnOnce(&mut Vec<Entry>)) -> Result<(), HostError> {
    let error = |e: io::Error| system(doing(state), &e);
    fs::create_dir_all(state).map_err(error)?;
    let lock = lock(state)?;
    let mut entries = read(state)?;
    edit(&mut entries);
    crash::point();
    if entries.is_empty() {
        return match fs::remove_file(path(state)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(error(e)),
            Ok(()) | Err(_) => Ok(()),
        };
    }
    let mut file = File::create(draft(state)).map_err(error)?;
    let text = serde_json::to_vec_pretty(&entries).expect("loans are plain data");
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(error)?;
    crash::point();
    fs::rename(draft(state), path(state)).and_then(|()| lock.sync_all()).map_err(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use netsim_core::names::SysctlName;
    use netsim_core::resource::{NetnsId, Resource, Sysctl};

    fn forward(value: &str) -> Resource {
        let name = SysctlName::new("net.ipv4.ip_forward").expect("a sysctl");
        Resource::Sysctl(Sysctl { netns: NetnsId::Host, name, value: value.into() })
    }

    fn loan(was: &str, set: &str) -> Loan {
        Loan { was: forward(was), set: forward(set) }
    }

    #[test]
    fn a_second_borrower_knows_how_it_was_before_the_first_and_the_last_to_leave_leaves_no_file() {
        let state = std::env::temp_dir().join(format!("netsim-ledger-{}", std::process::id()));
        let [a, b] = ["a", "b"].map(|n| LabName::new(n).expect("a name"));
        borrow(&state, &a, &loan("0", "1")).expect("a writable directory");
        assert_eq!(
            of(&state, &a).map(|l| l.loans.values().cloned().collect()),
            Ok(vec![Held { loan: loan("0", "1"), shared: false }])
        );
        borrow(&state, &b, &loan("1", "2")).expect("a writable directory");
        assert_eq!(
            of(&state, &b).map(|l| l.loans.values().cloned().collect()),
            Ok(vec![Held { loan: loan("0", "2"), shared: true }])
        );
        assert_eq!(of(&state, &b).map(|l| l.others), Ok([(forward("0").key(), a.clone())].into_iter().collect()));
        give_back(&state, &a, &loan("0", "1")).expect("a writable directory");
        assert_eq!(of(&state, &b).map(|l| l.loans.values().map(|h| h.shared).collect()), Ok(vec![false]));
        give_back(&state, &b, &loan("0", "2")).expect("a writable directory");
        assert_eq!(fs::read_dir(&state).map(Iterator::count).ok(), Some(0));
        fs::remove_dir(&state).expect("it is empty");
    }
}
