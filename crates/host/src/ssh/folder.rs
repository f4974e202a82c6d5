//! A private directory for the sockets of shared ssh connections.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::mkdtemp;

use crate::backend::HostError;
use crate::failure::{codes, failed};
use crate::file_lock::{self, Kind, Patience};

/// What the directory's name begins with, from when it is locked.
const NAME: &str = "netsim-ssh-";

/// The same before that.
const UNLOCKED: &str = "netsim-new-";

/// So long one that is not locked is taken for one that will be.
const NEW: Duration = Duration::from_secs(60);

/// Where there is no directory of the user's own.
const SHARED: &str = "/tmp";

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
        let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|p| plain(p) && p.is_dir());
        let parents: Vec<PathBuf> = own.into_iter().chain([SHARED.into()]).collect();
        parents.iter().for_each(|parent| sweep(parent));
        Folder::within(&parents[0])
    }

    /// It has its name only when it is locked, so that nobody takes it for one that was left.
    fn within(parent: &Path) -> Result<Folder, HostError> {
        let template = parent.join(format!("{UNLOCKED}XXXXXX"));
        let fail = |errno| failed(codes::SSH, format!("make {}", template.display()), errno);
        let new = mkdtemp(&template).map_err(fail)?;
        let name = new.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(UNLOCKED));
        let path = parent.join(format!("{NAME}{}", name.expect("mkdtemp keeps what the template begins with")));
        let locked = file_lock::open_dir(&new).and_then(|lock| {
            file_lock::lock(&lock, Kind::Exclusive, Patience::None)?;
            fs::rename(&new, &path).map_err(|e| e.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
            Ok(lock)
        });
        let lock = locked.inspect_err(|_| drop(fs::remove_dir(&new))).map_err(fail)?;
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
    for entry in entries.flatten() {
        if let Ok(Some(_held)) = left(&entry) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The lock of one that nobody holds any more.
fn left(entry: &fs::DirEntry) -> io::Result<Option<OwnedFd>> {
    let name = entry.file_name();
    let begins = |with| name.to_str().is_some_and(|name| name.starts_with(with));
    if !begins(NAME) && !begins(UNLOCKED) {
        return Ok(None);
    }
    let found = entry.metadata()?;
    let may_be_locked_yet = begins(UNLOCKED) && found.modified()?.elapsed().is_ok_and(|age| age < NEW);
    if may_be_locked_yet || !found.is_dir() || found.uid() != nix::unistd::geteuid().as_raw() {
        return Ok(None);
    }
    let dir = file_lock::open_dir(&entry.path())?;
    Ok(file_lock::lock(&dir, Kind::Exclusive, Patience::None).is_ok().then_some(dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::Temporary;

    #[test]
    fn what_a_killed_process_left_goes_at_once_and_what_a_living_one_has_stays() {
        let temporary = Temporary::new("folders");
        let held = Folder::within(&temporary.0).expect("it is writable");
        for name in ["netsim-ssh-killed", "netsim-new-young", "netsim-new-old", "others"] {
            fs::create_dir(temporary.0.join(name)).expect("it is writable");
        }
        fs::write(temporary.0.join("netsim-ssh-killed/0"), "").expect("it is writable");
        let old = fs::File::open(temporary.0.join("netsim-new-old")).expect("it is there");
        old.set_modified(std::time::SystemTime::now() - 2 * NEW).expect("it is ours");
        sweep(&temporary.0);
        let names = fs::read_dir(&temporary.0).expect("it is there").flatten();
        let mut names: Vec<String> = names.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        let own = held.path.file_name().expect("it has a name").to_string_lossy().into_owned();
        assert_eq!(names, ["netsim-new-young".to_owned(), own, "others".to_owned()]);
    }

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
