//! The private directory that says where a user's keeper is.

use std::ffi::CStr;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstat, mkdirat, stat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::process::{Process, start_time};
use crate::backend::HostError;
use crate::failure::{codes, failed, hinted, refused};
use crate::file_lock::{self, Kind, Patience};

/// Whoever works in the keeper's namespaces shares this lock; whoever starts or ends a keeper holds it alone.
pub(super) const LOCK: &CStr = c"lock";
/// `PID STARTTIME`, locked by the keeper itself for as long as it lives: so it is known to live whatever its number.
const KEEPER: &CStr = c"keeper";

/// The directory, open, so that it stays the same one whatever is mounted over its path.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    parent: OwnedFd,
    dir: OwnedFd,
}

/// Who holds the namespaces.
#[derive(Debug)]
pub(super) enum Keeper {
    /// Nobody, and nobody did.
    None,
    /// The process of this number did; it has ended, and its namespaces with it.
    Dead(i32),
    /// This process.
    Alive(Process),
}

impl Place {
    /// The user's directory, made if need be: `netsim` in the first of `$XDG_RUNTIME_DIR` and `/run/user/UID` that is the user's own,
    /// else `/tmp/netsim-UID`. None: it was removed while it was opened.
    pub(super) fn open(uid: u32, xdg: Option<PathBuf>) -> Result<Option<Place>, HostError> {
        Place::open_at(Place::path_of(uid, xdg), uid)
    }

    fn path_of(uid: u32, xdg: Option<PathBuf>) -> PathBuf {
        let own =
            |path: &PathBuf| path.is_absolute() && stat(path).is_ok_and(|s| s.st_uid == uid && s.st_mode & 0o022 == 0);
        let run = xdg.into_iter().chain([PathBuf::from(format!("/run/user/{uid}"))]).find(own);
        match run {
            Some(run) => run.join("netsim"),
            None => PathBuf::from(format!("/tmp/netsim-{uid}")),
        }
    }

    /// The process that holds the namespaces, if one does, without making anything and without waiting for anybody.
    pub(super) fn glance(uid: u32, xdg: Option<PathBuf>) -> Option<Process> {
        let file = Place::path_of(uid, xdg).join(KEEPER.to_str().expect("a constant"));
        let (pid, started) = numbers(&std::fs::read_to_string(file).ok()?)?;
        Process::find(pid, started).ok()?
    }

    /// The directory at this path, made if need be and checked to be the user's alone.
    pub(super) fn open_at(path: PathBuf, uid: u32) -> Result<Option<Place>, HostError> {
        let doing = || format!("use the private directory {}", path.display());
        let fail = |errno| failed(codes::PRIVATE_DIR, doing(), errno);
        let (parent, name) = path.parent().zip(path.file_name()).expect("the path was joined from both");
        let parent = nix::fcntl::open(parent, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(fail)?;
        match mkdirat(&parent, name, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(fail(errno)),
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let dir = match openat(&parent, name, flags, Mode::empty()) {
            Ok(dir) => dir,
            Err(Errno::ENOENT) => return Ok(None),
            Err(Errno::ELOOP | Errno::ENOTDIR) => {
                return Err(distrust(doing(), "it is not a directory of its own but a file or a symbolic link", &path));
            }
            Err(errno) => return Err(fail(errno)),
        };
        let found = fstat(&dir).map_err(fail)?;
        if found.st_uid != uid {
            return Err(distrust(doing(), &format!("it belongs to user {}, not to user {uid}", found.st_uid), &path));
        }
        let mode = found.st_mode & !SFlag::S_IFMT.bits();
        if mode & 0o077 != 0 {
            return Err(distrust(doing(), &format!("others may enter it: its mode is {mode:04o}, not 0700"), &path));
        }
        Ok(Some(Place { path, parent, dir }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Locks the directory, waiting for others. None: it was removed meanwhile.
    pub(super) fn lock(&self, kind: Kind) -> Result<Option<File>, HostError> {
        let fail = |errno| failed(codes::PRIVATE_DIR, format!("lock {}", self.path.display()), errno);
        let file = match file_lock::open(self.dir.as_fd(), LOCK) {
            Ok(file) => file,
            Err(Errno::ENOENT) => return Ok(None),
            Err(errno) => return Err(fail(errno)),
        };
        file_lock::lock(&file, kind, Patience::Endless).map_err(fail)?;
        Ok(self.is_lock(&file).map_err(fail)?.then_some(file))
    }

    /// Whether this open file is the directory's lock.
    pub(super) fn is_lock(&self, file: &File) -> Result<bool, Errno> {
        file_lock::still_named(file, self.dir.as_fd(), LOCK)
    }

    /// Who holds the namespaces; to be asked under the lock.
    pub(super) fn keeper(&self) -> Result<Keeper, HostError> {
        let doing = || format!("find the keeper of {}", self.path.display());
        let fail = |errno| failed(codes::KEEPER_ENTER, doing(), errno);
        let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let mut file = match openat(&self.dir, KEEPER, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::ENOENT) => return Ok(Keeper::None),
            Err(errno) => return Err(fail(errno)),
        };
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|e| crate::failure::failed_io(codes::KEEPER_ENTER, doing(), &e))?;
        let numbers = numbers(&text);
        match file_lock::lock(&file, Kind::Shared, Patience::None) {
            Ok(()) => return Ok(numbers.map_or(Keeper::None, |(pid, _)| Keeper::Dead(pid))),
            Err(Errno::EWOULDBLOCK) => {}
            Err(errno) => return Err(fail(errno)),
        }
        let found = match numbers {
            Some((pid, started)) => Process::find(pid, started).map_err(fail)?,
            None => None,
        };
        let elsewhere = || {
            hinted(
                refused(codes::KEEPER_ENTER, doing(), "it runs in another PID namespace (a container?)"),
                format!(
                    "use netsim there, or set XDG_RUNTIME_DIR to another directory than that of {}",
                    self.path.display()
                ),
            )
        };
        found.map(Keeper::Alive).ok_or_else(elsewhere)
    }

    /// Says that this process is the keeper. The file must be kept open: its lock says that the keeper lives.
    pub(super) fn register(&self) -> Result<File, Errno> {
        let mut file = file_lock::open(self.dir.as_fd(), KEEPER)?;
        file_lock::lock(&file, Kind::Exclusive, Patience::None)?;
        let pid = nix::unistd::getpid().as_raw();
        let started = start_time(pid).ok_or(Errno::ESRCH)?;
        let io = |e: std::io::Error| e.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        file.set_len(0).map_err(io)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        file.write_all(format!("{pid} {started}\n").as_bytes()).map_err(io)?;
        Ok(file)
    }

    /// Removes the directory with its files; to be done with the lock held alone.
    pub(super) fn remove(&self) -> Result<(), HostError> {
        let gone = |result: nix::Result<()>| match result {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(failed(codes::PRIVATE_DIR, format!("remove {}", self.path.display()), errno)),
        };
        gone(unlinkat(&self.dir, KEEPER, UnlinkatFlags::NoRemoveDir))?;
        gone(unlinkat(&self.dir, LOCK, UnlinkatFlags::NoRemoveDir))?;
        let name = self.path.file_name().expect("checked when it was opened");
        match unlinkat(&self.parent, name, UnlinkatFlags::RemoveDir) {
            // Another process has come and made its lock; or a file of somebody's lies there.
            Err(Errno::ENOTEMPTY) => Ok(()),
            other => gone(other),
        }
    }
}

/// A process's number and when it started, as a keeper writes them.
fn numbers(text: &str) -> Option<(i32, u64)> {
    text.trim().split_once(' ').and_then(|(pid, start)| Some((pid.parse().ok()?, start.parse().ok()?)))
}

fn distrust(doing: String, message: &str, path: &Path) -> HostError {
    hinted(
        refused(codes::PRIVATE_DIR, doing, message),
        format!("remove {} if it is yours, or set XDG_RUNTIME_DIR to a directory of your own", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A directory of the test's own, gone at its end.
    struct Temporary(PathBuf);

    impl Temporary {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("netsim-place-{name}-{}", std::process::id()));
            fs::create_dir(&path).expect("the name is new");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("it is ours");
            Temporary(path)
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn uid() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    #[test]
    fn the_directory_is_made_private_and_removed_whole() {
        let run = Temporary::new("made");
        let place = Place::open(uid(), Some(run.0.clone())).expect("trusted").expect("not removed");
        assert_eq!(place.path(), run.0.join("netsim"));
        assert_eq!(fs::metadata(place.path()).expect("made").permissions().mode() & 0o7777, 0o700);
        let _lock = place.lock(Kind::Exclusive).expect("lockable");
        let _alive = place.register().expect("writable");
        place.remove().expect("removable");
        assert_eq!(fs::read_dir(&run.0).expect("there").count(), 0);
    }

    #[test]
    fn a_directory_that_others_may_enter_is_refused() {
        let run = Temporary::new("mode");
        fs::create_dir(run.0.join("netsim")).expect("new");
        fs::set_permissions(run.0.join("netsim"), fs::Permissions::from_mode(0o755)).expect("ours");
        let error = Place::open(uid(), Some(run.0.clone())).expect_err("not private");
        assert_eq!((error.code, error.message.as_str()), (122, "others may enter it: its mode is 0755, not 0700"));
    }

    #[test]
    fn a_symbolic_link_is_refused() {
        let run = Temporary::new("link");
        fs::create_dir(run.0.join("else")).expect("new");
        symlink("else", run.0.join("netsim")).expect("new");
        let error = Place::open(uid(), Some(run.0.clone())).expect_err("a link");
        assert_eq!(error.code, 122);
    }

    #[test]
    fn a_directory_of_another_user_is_refused() {
        let run = Temporary::new("owner");
        let error = Place::open_at(run.0.join("netsim"), uid() + 1).expect_err("not theirs");
        assert_eq!(error.message, format!("it belongs to user {}, not to user {}", uid(), uid() + 1));
    }

    #[test]
    fn a_keeper_is_alive_while_it_holds_its_file_and_dead_after() {
        let run = Temporary::new("alive");
        let place = Place::open(uid(), Some(run.0.clone())).expect("trusted").expect("not removed");
        assert!(matches!(place.keeper(), Ok(Keeper::None)));
        let file = place.register().expect("writable");
        let me = nix::unistd::getpid().as_raw();
        assert!(matches!(place.keeper(), Ok(Keeper::Alive(p)) if p.pid() == me));
        drop(file);
        assert!(matches!(place.keeper(), Ok(Keeper::Dead(pid)) if pid == me));
    }
}
