//! One lock per lab and host: who changes a lab holds it, and a crash lets go of it.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use netsim_core::names::LabName;
use nix::errno::Errno;

use crate::backend::HostError;
use crate::crash;
use crate::failure::{codes, failed, failed_io, hinted};
use crate::file_lock::{self, Kind, Patience};

/// Where a machine keeps what is known of its labs.
pub const STATE: &str = "/run/netsim";

/// A lab's lock, in the lab's directory.
const LOCK: &str = "lock";
const LOCK_FILE: &CStr = c"lock";

/// What is being stored, in the lab's directory: nothing yet.
pub(crate) const HALF_WRITTEN: &str = "applied.json.new";

/// How often to start again while others remove the directory.
const TRIES: usize = 1000;

/// The right to change a lab on this host. The lab's directory lives as long as something is stored in it.
#[derive(Debug)]
pub struct LabLock {
    state: PathBuf,
    dir: PathBuf,
    file: File,
}

impl LabLock {
    /// Takes the lock of a lab. If another process has it, `waiting` is told its number, where that is known, and then it is waited for.
    pub fn take(state: &Path, lab: &LabName, waiting: &mut dyn FnMut(Option<u32>)) -> Result<LabLock, HostError> {
        let dir = state.join(lab.as_str());
        for _ in 0..TRIES {
            match LabLock::take_once(state, &dir, waiting, Patience::Endless) {
                Ok(Some(lock)) => return Ok(lock),
                // The directory was removed under our hands.
                Ok(None) | Err(Errno::ENOENT) => {}
                Err(errno) => {
                    // What was just made for nothing goes; what others use stays, for it is not empty.
                    let _ = fs::remove_dir(&dir).and_then(|()| fs::remove_dir(state));
                    return Err(unwritable(lab, &dir, errno));
                }
            }
        }
        Err(unwritable(lab, &dir, Errno::ENOENT))
    }

    /// Takes the lock of a lab, or says at once that another process has it, with its number where that is known.
    pub fn try_take(state: &Path, lab: &LabName) -> Result<Result<LabLock, Option<u32>>, HostError> {
        let dir = state.join(lab.as_str());
        let mut other = None;
        for _ in 0..TRIES {
            match LabLock::take_once(state, &dir, &mut |holder| other = Some(holder), Patience::None) {
                Ok(Some(lock)) => return Ok(Ok(lock)),
                Err(Errno::EWOULDBLOCK) => return Ok(Err(other.flatten())),
                Ok(None) | Err(Errno::ENOENT) => {}
                Err(errno) => {
                    let _ = fs::remove_dir(&dir).and_then(|()| fs::remove_dir(state));
                    return Err(unwritable(lab, &dir, errno));
                }
            }
        }
        Err(unwritable(lab, &dir, Errno::ENOENT))
    }

    fn take_once(
        state: &Path,
        dir: &Path,
        waiting: &mut dyn FnMut(Option<u32>),
        patience: Patience,
    ) -> Result<Option<LabLock>, Errno> {
        for path in [state, dir] {
            crash::point();
            match fs::create_dir(path) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(errno_of(&e)),
                Ok(()) | Err(_) => {}
            }
        }
        let opened = file_lock::open_dir(dir)?;
        crash::point();
        let mut file = file_lock::open(opened.as_fd(), LOCK_FILE)?;
        match file_lock::lock(&file, Kind::Exclusive, Patience::None) {
            Err(Errno::EWOULDBLOCK) => {
                waiting(holder(&mut file));
                file_lock::lock(&file, Kind::Exclusive, patience)?;
            }
            other => other?,
        }
        if !file_lock::still_named(&file, opened.as_fd(), LOCK_FILE)? {
            return Ok(None);
        }
        crash::point();
        let mut lock = LabLock { state: state.to_owned(), dir: dir.to_owned(), file };
        lock.sign().map_err(|e| errno_of(&e))?;
        Ok(Some(lock))
    }

    /// Writes our number into the file, for those who wait.
    fn sign(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(std::process::id().to_string().as_bytes())
    }

    /// The lab's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for LabLock {
    /// Removes the directory where nothing is stored in it, then lets go; and what the killed have left of other labs.
    fn drop(&mut self) {
        clear(&self.state, &self.dir);
        sweep(&self.state);
    }
}

/// Removes a lab's directory where nothing is stored in it. Whoever calls this has its lock.
fn clear(state: &Path, dir: &Path) {
    if fs::read_dir(dir).is_ok_and(|entries| !has_something(entries)) {
        crash::point();
        let _ = fs::remove_file(dir.join(HALF_WRITTEN));
        // Whoever waits finds that the name is gone and makes it anew; whoever was faster keeps the directory.
        crash::point();
        let _ = fs::remove_file(dir.join(LOCK));
        crash::point();
        let _ = fs::remove_dir(dir).and_then(|()| fs::remove_dir(state));
    }
}

/// Whether anything is stored in a lab's directory.
fn has_something(mut entries: fs::ReadDir) -> bool {
    entries.any(|entry| !entry.is_ok_and(|entry| entry.file_name() == LOCK || entry.file_name() == HALF_WRITTEN))
}

/// Removes the directories of labs that nobody works on and nothing is stored of: a process that is killed between taking a lock and storing
/// something leaves such a one.
pub fn sweep(state: &Path) {
    let Ok(entries) = fs::read_dir(state) else { return };
    let of_lab = |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(|name| LabName::new(name).is_ok());
    for dir in entries.flatten().filter(of_lab).map(|entry| entry.path()) {
        if let Ok(Some(_held)) = dead(&dir) {
            clear(state, &dir);
        }
    }
    let _ = fs::remove_dir(state);
}

/// The lock in a lab's directory, if nobody has it; none where the directory is not even that far, which is then gone.
fn dead(dir: &Path) -> Result<Option<File>, Errno> {
    // Most have something stored in them, and are nobody's business here.
    if fs::read_dir(dir).is_ok_and(has_something) {
        return Ok(None);
    }
    let opened = file_lock::open_dir(dir)?;
    let Some(file) = file_lock::open_there(opened.as_fd(), LOCK_FILE)? else {
        // Whoever is about to make a lock in it finds it gone, and makes it anew.
        let _ = fs::remove_dir(dir);
        return Ok(None);
    };
    file_lock::lock(&file, Kind::Exclusive, Patience::None)?;
    Ok(file_lock::still_named(&file, opened.as_fd(), LOCK_FILE)?.then_some(file))
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

fn unwritable(lab: &LabName, dir: &Path, errno: Errno) -> HostError {
    explained(failed(codes::STATE, format!("lock lab {lab} in {}", dir.display()), errno), dir)
}

/// The error with what to do where a state directory cannot be written.
pub(crate) fn explained(error: HostError, dir: &Path) -> HostError {
    let top = Path::new("/").join(dir.iter().nth(1).unwrap_or_default());
    let top = top.display();
    match error.errno.map(Errno::from_raw) {
        Some(Errno::ENOSPC | Errno::EDQUOT) => {
            hinted(error, format!("free some space or inodes: see `df {top}` and `df -i {top}`"))
        }
        Some(Errno::EROFS) => hinted(error, format!("remount {top} read-write, or use `--rootless`")),
        Some(Errno::EACCES | Errno::EPERM) => hinted(error, "run netsim as root, or use `--rootless`"),
        _ => error,
    }
}

/// The failure of a file operation in a lab's directory.
pub(crate) fn state_error(doing: String, dir: &Path, error: &io::Error) -> HostError {
    explained(failed_io(codes::STATE, doing, error), dir)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::store::tests::Temporary;

    fn lab(name: &str) -> LabName {
        LabName::new(name).expect("a valid name")
    }

    fn nobody(_: Option<u32>) {
        panic!("nobody else holds the lock");
    }

    #[test]
    fn a_lock_of_a_lab_with_nothing_stored_leaves_nothing() {
        let temporary = Temporary::new("lock-nothing");
        let state = temporary.0.join("netsim");
        let lock = LabLock::take(&state, &lab("a"), &mut nobody).expect("writable");
        assert_eq!(lock.dir(), state.join("a"));
        assert!(state.join("a/lock").exists());
        drop(lock);
        assert!(!state.exists());
    }

    #[test]
    fn what_a_killed_process_left_of_a_lab_goes_with_the_next_lock_that_is_let_go_of() {
        let temporary = Temporary::new("lock-killed");
        let state = temporary.0.join("netsim");
        for dir in ["no-lock", "dead", "storing", "stored", "not a lab"] {
            fs::create_dir_all(state.join(dir)).expect("writable");
        }
        for file in [
            "dead/lock",
            "storing/lock",
            "storing/applied.json.new",
            "stored/lock",
            "stored/applied.json",
            "loans.json",
        ] {
            File::create(state.join(file)).expect("writable");
        }
        let held = LabLock::take(&state, &lab("held"), &mut nobody).expect("writable");
        drop(LabLock::take(&state, &lab("other"), &mut nobody).expect("writable"));
        let entries = || {
            let entries = fs::read_dir(&state).expect("it is there").flatten();
            entries.map(|e| e.file_name().into_string().expect("UTF-8")).collect::<BTreeSet<_>>()
        };
        assert_eq!(entries(), ["held", "loans.json", "not a lab", "stored"].map(str::to_owned).into());
        drop(held);
        assert_eq!(entries(), ["loans.json", "not a lab", "stored"].map(str::to_owned).into());
    }

    #[test]
    fn a_second_process_is_told_who_holds_the_lock_and_waits() {
        let temporary = Temporary::new("lock-second");
        let first = LabLock::take(&temporary.0, &lab("a"), &mut nobody).expect("writable");
        let (tell, told) = mpsc::channel();
        std::thread::scope(|scope| {
            let state = &temporary.0;
            let second = scope.spawn(move || {
                let mut waiting = |holder| tell.send(holder).expect("the test listens");
                LabLock::take(state, &lab("a"), &mut waiting).expect("writable");
            });
            assert_eq!(told.recv().expect("it waits"), Some(std::process::id()));
            std::thread::sleep(Duration::from_millis(20));
            assert!(!second.is_finished());
            drop(first);
            second.join().expect("it gets the lock");
        });
        assert!(!temporary.0.join("a").exists());
    }

    #[test]
    fn locks_of_two_labs_do_not_exclude_each_other() {
        let temporary = Temporary::new("lock-two");
        let _a = LabLock::take(&temporary.0, &lab("a"), &mut nobody).expect("writable");
        let _b = LabLock::take(&temporary.0, &lab("b"), &mut nobody).expect("writable");
    }

    #[test]
    fn only_one_of_many_holds_a_lock_whose_directory_comes_and_goes() {
        let temporary = Temporary::new("lock-many");
        let state = temporary.0.join("netsim");
        let inside = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let lock = LabLock::take(&state, &lab("a"), &mut |_| {}).expect("writable");
                        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert!(!state.exists());
    }

    #[test]
    fn what_to_do_about_an_unwritable_state_directory_is_said() {
        let told = |errno| unwritable(&lab("a"), Path::new("/run/netsim/a"), errno);
        assert_eq!(told(Errno::EROFS).to_string(), "lock lab a in /run/netsim/a: read-only file system (EROFS)");
        assert_eq!(
            told(Errno::ENOSPC).hint.as_deref(),
            Some("free some space or inodes: see `df /run` and `df -i /run`")
        );
        assert_eq!(told(Errno::EACCES).hint.as_deref(), Some("run netsim as root, or use `--rootless`"));
    }
}
