//! A private directory for the sockets of shared ssh connections.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::unistd::mkdtemp;

use crate::backend::HostError;
use crate::failure::{codes, failed};
use crate::file_lock::{self, Kind, Patience};

/// What the directory's name begins with.
const NAME: &str = "netsim-ssh-";

/// So long a directory is left alone whoever holds it.
const NEW: Duration = Duration::from_secs(60);

/// A directory of this process's own, 0700, gone with this.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    sockets: AtomicUsize,
    /// Locked as long as this process lives.
    _lock: OwnedFd,
}

impl Folder {
    /// A new one, in `$XDG_RUNTIME_DIR` or `/tmp`. Those that killed processes left there go.
    pub fn new() -> Result<Folder, HostError> {
        let parent = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|p| plain(p) && p.is_dir());
        let parent = parent.unwrap_or_else(|| "/tmp".into());
        sweep(&parent);
        let template = parent.join(format!("{NAME}XXXXXX"));
        let fail = |errno| failed(codes::SSH, format!("make {}", template.display()), errno);
        let path = mkdtemp(&template).map_err(fail)?;
        let lock = file_lock::open_dir(&path).map_err(fail)?;
        file_lock::lock(&lock, Kind::Exclusive, Patience::None).map_err(fail)?;
        Ok(Folder { path, sockets: AtomicUsize::new(0), _lock: lock })
    }

    /// A path for one more socket: short (sun_path has 108 bytes, and ssh appends 17 while it makes it), and with nothing that ssh expands.
    pub(super) fn socket(&self) -> PathBuf {
        self.path.join(self.sockets.fetch_add(1, Ordering::Relaxed).to_string())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Short enough, and of characters that mean nothing to ssh.
fn plain(path: &Path) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/.-_".contains(c);
    path.is_absolute() && path.to_str().is_some_and(|text| text.len() <= 40 && text.chars().all(plain))
}

/// Removes what this user's killed processes left.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let ours = |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(|name| name.starts_with(NAME));
    for entry in entries.flatten().filter(ours) {
        if left(&entry).is_ok_and(|left| left) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether nobody holds it any more. One that is quite new may not be locked yet.
fn left(entry: &fs::DirEntry) -> io::Result<bool> {
    let found = entry.metadata()?;
    let old = found.modified()?.elapsed().is_ok_and(|age| age > NEW);
    if !old || !found.is_dir() || found.uid() != nix::unistd::geteuid().as_raw() {
        return Ok(false);
    }
    let dir = file_lock::open_dir(&entry.path())?;
    Ok(file_lock::lock(&dir, Kind::Exclusive, Patience::None).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_private_and_gone_with_its_owner() {
        let folder = Folder::new().expect("/tmp is writable");
        let path = folder.path.clone();
        assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o7777, 0o700);
        assert_ne!(folder.socket(), folder.socket());
        assert!(folder.socket().as_os_str().len() < 108 - 17);
        drop(folder);
        assert!(!path.exists());
    }
}
