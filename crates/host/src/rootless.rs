//! Work without root's rights: in one user, network and mount namespace per user, held by a small keeper process.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::{self, fstat, stat};

use crate::backend::HostError;
use crate::failure::{codes, failed, refused};
use crate::file_lock::{self, Kind, Patience};
use crate::rights;

mod keeper;
mod place;
mod process;

use place::{Keeper, Place};
use process::Process;

/// The first argument that makes this program a keeper: `main` calls [`keep`] when it sees it, before anything else.
pub const KEEPER_ARGUMENT: &str = "keeper";

/// Where a rootless process finds the machine's own `/run`.
pub const HOST_RUN: &str = "/run/.host";

/// How to work on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// As root where the rights are there, rootless otherwise.
    #[default]
    Auto,
    /// On the machine itself, or not at all.
    Root,
    /// In the user's own namespaces, even where root's rights are there.
    Rootless,
}

/// Where this process works from now on.
#[derive(Debug)]
pub enum Standing {
    /// On the machine itself.
    Root,
    /// In the user's own namespaces.
    Rootless(Rootless),
}

/// A stay in the keeper's namespaces.
#[derive(Debug)]
pub struct Rootless {
    place: Place,
    /// The place's lock, shared: while it is held nobody ends the keeper.
    lock: fs::File,
    keeper: Process,
    /// The number of an earlier keeper that ended unasked, and every lab of it with it.
    pub lost: Option<i32>,
}

/// Goes where labs are made. To be called first of all: with one thread, for a user namespace takes no part of a process.
///
/// Rootless, the process is root in the keeper's namespaces afterwards, with `/run` its own and all other files as they were.
pub fn enter(how: Mode) -> Result<Standing, HostError> {
    let missing = rights::missing();
    match how {
        Mode::Root if !missing.is_empty() => Err(rights::not_root(&missing)),
        Mode::Auto if !missing.is_empty() => rootless().map(Standing::Rootless),
        Mode::Auto | Mode::Root => Ok(Standing::Root),
        Mode::Rootless => rootless().map(Standing::Rootless),
    }
}

/// Where what is known of this machine's labs can be read before [`enter`]; none where no lab can be, or where only who enters can see it.
pub fn state_from_outside(how: Mode) -> Option<PathBuf> {
    let as_root = match how {
        Mode::Root => true,
        Mode::Auto => rights::missing().is_empty(),
        Mode::Rootless => false,
    };
    if as_root {
        return Some(PathBuf::from(crate::lock::STATE));
    }
    let xdg = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let keeper = Place::glance(nix::unistd::geteuid().as_raw(), xdg)?;
    let root = PathBuf::from(format!("/proc/{}/root", keeper.pid()));
    fs::metadata(root.join("run")).ok()?;
    Some(root.join(crate::lock::STATE.trim_start_matches('/')))
}

/// The keeper's whole life; `arguments` are those after [`KEEPER_ARGUMENT`]. Comes back only where it could not start.
pub fn keep(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> HostError {
    match keeper::run(arguments.next().map(PathBuf::from).unwrap_or_default()) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

impl Standing {
    /// Ends the stay; the last to go from namespaces without a lab in them ends the keeper, and nothing is left.
    pub fn leave(self) -> Result<(), HostError> {
        match self {
            Standing::Root => Ok(()),
            Standing::Rootless(stay) => stay.leave(),
        }
    }
}

/// How often to look again when others come and go at the same time.
const TRIES: usize = 100;

fn rootless() -> Result<Rootless, HostError> {
    let xdg = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let uid = nix::unistd::geteuid().as_raw();
    let mut lost = None;
    for _ in 0..TRIES {
        let Some(place) = Place::open(uid, xdg.clone())? else { continue };
        let Some(lock) = place.lock(Kind::Shared)? else { continue };
        if let Keeper::Alive(keeper) = place.keeper()? {
            go_in(&keeper)?;
            return Ok(Rootless { place, lock, keeper, lost });
        }
        // Turning one's lock into another is not atomic (flock(2)): let go, and look again under the other.
        drop(lock);
        let Some(lock) = place.lock(Kind::Exclusive)? else { continue };
        match place.keeper()? {
            Keeper::Alive(_) => continue,
            Keeper::Dead(pid) => lost = Some(pid),
            Keeper::None => {}
        }
        if let Err(error) = keeper::start(&place, &lock) {
            // What stays then is only litter: the first error is what matters.
            let _ = place.remove();
            return Err(error);
        }
    }
    Err(refused(codes::KEEPER, "start the keeper of the rootless namespaces", "other processes keep ending it"))
}

/// Enters the keeper's namespaces, in the same directory as before.
fn go_in(keeper: &Process) -> Result<(), HostError> {
    let doing = || format!("enter the namespaces of the keeper (process {})", keeper.pid());
    let fail = |errno| failed(codes::KEEPER_ENTER, doing(), errno);
    let path = std::env::current_dir().ok();
    let here = nix::fcntl::open(".", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, stat::Mode::empty()).ok();
    let mut which = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET;
    if !same_user_namespace(keeper.pid()).map_err(fail)? {
        which |= CloneFlags::CLONE_NEWUSER;
    }
    setns(keeper, which).map_err(|errno| match errno {
        Errno::ESRCH => refused(codes::KEEPER_ENTER, doing(), "it has just ended, and its labs with it"),
        errno => fail(errno),
    })?;
    match here {
        Some(here) => go_back(path.as_deref(), &here).map_err(fail),
        None => Ok(()),
    }
}

/// Whether this process is in the keeper's user namespace already, as a program started by `exec` is.
fn same_user_namespace(pid: i32) -> Result<bool, Errno> {
    let (theirs, ours) = (stat(format!("/proc/{pid}/ns/user").as_str())?, stat("/proc/self/ns/user")?);
    Ok(file_lock::same_file(&theirs, &ours))
}

/// Entering a mount namespace leaves a process at its root (setns(2)).
fn go_back(path: Option<&Path>, here: &OwnedFd) -> Result<(), Errno> {
    let was = fstat(here)?;
    match path {
        Some(path) if stat(path).is_ok_and(|s| file_lock::same_file(&s, &was)) => nix::unistd::chdir(path),
        // Not there under its name: then as it is in the old mounts.
        Some(_) | None => nix::unistd::fchdir(here.as_fd()),
    }
}

impl Rootless {
    /// The keeper's process.
    pub fn keeper(&self) -> i32 {
        self.keeper.pid()
    }

    fn leave(self) -> Result<(), HostError> {
        if !idle() {
            return Ok(());
        }
        match file_lock::lock(&self.lock, Kind::Exclusive, Patience::None) {
            Ok(()) => {}
            // Another process is at work here; it leaves later.
            Err(Errno::EWOULDBLOCK) => return Ok(()),
            Err(errno) => {
                return Err(failed(codes::PRIVATE_DIR, format!("lock {}", self.place.path().display()), errno));
            }
        }
        let replaced = !matches!(self.place.keeper()?, Keeper::Alive(k) if k.pid() == self.keeper.pid());
        if replaced || !idle() {
            return Ok(());
        }
        let doing = || format!("end the keeper (process {})", self.keeper.pid());
        self.keeper.end().map_err(|errno| failed(codes::KEEPER, doing(), errno))?;
        self.place.remove()
    }
}

/// Whether nothing that a lab consists of is left here. What others made counts too: it is theirs.
fn idle() -> bool {
    let empty = |path: &str, counts: fn(&fs::DirEntry) -> bool| match fs::read_dir(path) {
        Ok(entries) => !entries.flatten().any(|e| counts(&e)),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    empty("/run/netns", |_| true) && empty(crate::lock::STATE, |e| e.path().is_dir())
}
