//! Where the database of a running Open vSwitch is.

use std::path::{Path, PathBuf};

use super::call::is_installed;
use super::errors::{not_installed, not_running};
use crate::backend::HostError;

/// Folders that installations put the daemons' sockets into.
pub(super) const USUAL: [&str; 3] = ["/var/run/openvswitch", "/run/openvswitch", "/usr/local/var/run/openvswitch"];

/// A database, and the folder that the switch itself has its sockets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// As ovsdb(7) has it: `unix:PATH`, `tcp:ADDRESS:PORT`.
    pub(super) database: String,
    /// The folder.
    pub(super) folder: PathBuf,
}

/// The database that was asked for, else that of `OVS_RUNDIR`, else the first that there is of the usual ones.
pub(super) fn find(asked: Option<&str>, run_dir: Option<&Path>, usual: &[&str]) -> Result<Found, HostError> {
    let in_folder = |folder: &Path| Found {
        database: format!("unix:{}", folder.join("db.sock").display()),
        folder: folder.to_owned(),
    };
    if let Some(asked) = asked {
        return Ok(as_asked(asked, run_dir));
    }
    if let Some(folder) = run_dir {
        return Ok(in_folder(folder));
    }
    match usual.iter().map(Path::new).find(|folder| folder.join("db.sock").exists()) {
        Some(folder) => Ok(in_folder(folder)),
        None => {
            let doing = "find Open vSwitch";
            let there = is_installed("ovs-vsctl");
            let places: Vec<String> = usual.iter().map(|folder| format!("{folder}/db.sock")).collect();
            Err(match there {
                true => not_running(doing, format!("no database at any of {}", places.join(", "))),
                false => not_installed(doing, "ovs-vsctl"),
            })
        }
    }
}

/// A path stands for its socket.
fn as_asked(asked: &str, run_dir: Option<&Path>) -> Found {
    let database = if asked.starts_with(['/', '.']) { format!("unix:{asked}") } else { asked.to_owned() };
    let beside = database.strip_prefix("unix:").and_then(|path| Path::new(path).parent());
    let folder = run_dir.or(beside).unwrap_or(Path::new(USUAL[0])).to_owned();
    Found { database, folder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(asked: Option<&str>, run_dir: Option<&str>, database: &str, folder: &str) {
        let found = find(asked, run_dir.map(Path::new), &[]).expect("it says where");
        assert_eq!((&*found.database, found.folder.to_str()), (database, Some(folder)));
    }

    #[test]
    fn what_was_asked_for_goes_before_the_environment() {
        check(Some("unix:/a/db.sock"), None, "unix:/a/db.sock", "/a");
        check(Some("/a/db.sock"), None, "unix:/a/db.sock", "/a");
        check(Some("/a/db.sock"), Some("/b"), "unix:/a/db.sock", "/b");
        check(Some("tcp:[::1]:6640"), None, "tcp:[::1]:6640", "/var/run/openvswitch");
        check(None, Some("/b"), "unix:/b/db.sock", "/b");
    }

    #[test]
    fn where_there_is_none_the_places_are_told() {
        let error = find(None, None, &["/nowhere", "/not/here"]).expect_err("nothing is there");
        let told = [super::super::codes::NOT_INSTALLED, super::super::codes::NOT_RUNNING];
        assert!(told.contains(&error.code), "{error}");
        if error.code == told[1] {
            assert_eq!(error.message, "no database at any of /nowhere/db.sock, /not/here/db.sock");
        }
    }
}
