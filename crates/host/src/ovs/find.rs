//! Where the database of a running Open vSwitch is.

use std::path::{Path, PathBuf};

use super::call::is_installed;
use super::errors::{not_an_address, not_installed, not_running};
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
        return as_asked(asked, run_dir);
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

/// A path stands for its socket, and begins where we are: for Open vSwitch's own programs it would begin in `OVS_RUNDIR`.
fn as_asked(asked: &str, run_dir: Option<&Path>) -> Result<Found, HostError> {
    let database = match asked.split_once(':') {
        Some(("unix" | "tcp" | "ssl", rest)) if !rest.is_empty() => asked.to_owned(),
        Some((method, _)) if !method.contains('/') => return Err(not_an_address(asked)),
        Some(_) | None if asked.is_empty() => return Err(not_an_address(asked)),
        Some(_) | None => {
            let path = std::path::absolute(asked).unwrap_or_else(|_| asked.into());
            format!("unix:{}", path.display())
        }
    };
    let beside = database.strip_prefix("unix:").and_then(|path| Path::new(path).parent());
    let folder = run_dir.or(beside).unwrap_or(Path::new(USUAL[0])).to_owned();
    Ok(Found { database, folder })
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
    fn a_path_begins_where_we_are_and_what_is_no_address_is_told() {
        let here = std::env::current_dir().expect("it is there");
        let path = here.join("run/db.sock");
        let database = format!("unix:{}", path.display());
        check(Some("run/db.sock"), None, &database, path.parent().and_then(Path::to_str).expect("a UTF-8 path"));
        for odd in ["", "tpc:127.0.0.1:6640", "unix:", "127.0.0.1:6640"] {
            let error = find(Some(odd), None, &[]).expect_err(odd);
            assert_eq!(error.message, format!("`{odd}` is no address of a database"));
        }
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
