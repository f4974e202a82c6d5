//! A lock on a file, held by whoever has the file open and gone with its last holder; taken safely even while others remove the file.

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};

/// How a file is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Together with others that share it.
    Shared,
    /// Alone.
    Exclusive,
}

/// Whether to wait for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Answer EWOULDBLOCK at once.
    None,
    /// Wait as long as it takes.
    Endless,
}

/// Opens the file, or makes it, 0600 and never through a symbolic link.
pub(crate) fn open(dir: BorrowedFd<'_>, name: &CStr) -> Result<File, Errno> {
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    openat(dir, name, flags, Mode::from_bits_truncate(0o600)).map(File::from)
}

/// Opens the file if it is there, never through a symbolic link.
pub(crate) fn open_there(dir: BorrowedFd<'_>, name: &CStr) -> Result<Option<File>, Errno> {
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    match openat(dir, name, flags, Mode::empty()) {
        Ok(file) => Ok(Some(File::from(file))),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Locks an open file; a lock of another kind that it holds already is turned into this one, and lost if that does not succeed.
#[allow(unsafe_code)]
pub(crate) fn lock(file: impl AsFd, kind: Kind, patience: Patience) -> Result<(), Errno> {
    let kind = match kind {
        Kind::Shared => libc::LOCK_SH,
        Kind::Exclusive => libc::LOCK_EX,
    };
    let wait = match patience {
        Patience::None => libc::LOCK_NB,
        Patience::Endless => 0,
    };
    loop {
        // SAFETY: the descriptor is open for as long as it is borrowed.
        match Errno::result(unsafe { libc::flock(file.as_fd().as_raw_fd(), kind | wait) }) {
            Err(Errno::EINTR) => {}
            other => return other.map(|_| ()),
        }
    }
}

/// Whether the name still means this open file: a lock on a file that was removed meanwhile excludes nobody.
pub(crate) fn still_named(file: &File, dir: BorrowedFd<'_>, name: &CStr) -> Result<bool, Errno> {
    match fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(there) => Ok(same_file(&there, &fstat(file)?)),
        Err(Errno::ENOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Whether two descriptions are of one file.
pub(crate) fn same_file(a: &FileStat, b: &FileStat) -> bool {
    (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
}

/// Opens a directory, not through a symbolic link as its last part.
pub(crate) fn open_dir(path: &std::path::Path) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    nix::fcntl::open(path, flags, Mode::empty())
}
