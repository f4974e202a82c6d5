//! Network namespaces by name: files in `/run/netns`, compatible with ip-netns(8).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use netsim_core::mark::Mark;
use netsim_core::names::NetnsName;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::fstat;
use nix::sys::statfs::{FsType, fstatfs};

use crate::crash;

/// The file system that namespaces live in (NSFS_MAGIC, linux/magic.h).
const NSFS_MAGIC: FsType = FsType(0x6e73_6673);

/// The longest text of a file that can be a mark.
const MARK_MAX: u64 = 256;

/// The namespace that the calling thread is in.
const MINE: &str = "/proc/thread-self/ns/net";

/// What a name in the directory is.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A namespace, open.
    Namespace(OwnedFd),
    /// A file with nothing mounted on it, and its text.
    File(String),
}

/// The names in the directory, sorted. Those that no namespace of ours can have are left out.
pub(crate) fn names(directory: &Path) -> io::Result<Vec<NetnsName>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().to_str().and_then(|n| NetnsName::new(n).ok()));
    }
    names.sort();
    Ok(names)
}

/// Opens a name; none if nobody holds it.
pub(crate) fn open(directory: &Path, name: &NetnsName) -> io::Result<Option<Entry>> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(directory.join(name.as_str()));
    let mut file = match file {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        // A file that nobody may read is nobody's namespace: a plain name in use.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return Ok(Some(Entry::File(String::new()))),
        Err(e) => return Err(e),
    };
    if fstatfs(&file)?.filesystem_type() == NSFS_MAGIC {
        return Ok(Some(Entry::Namespace(file.into())));
    }
    let mut text = String::new();
    let readable = file.metadata()?.is_file() && Read::take(&mut file, MARK_MAX).read_to_string(&mut text).is_ok();
    Ok(Some(Entry::File(if readable { text } else { String::new() })))
}

/// Opens a name that is a namespace's.
pub(crate) fn open_namespace(directory: &Path, name: &NetnsName) -> io::Result<OwnedFd> {
    match open(directory, name)? {
        Some(Entry::Namespace(namespace)) => Ok(namespace),
        Some(Entry::File(_)) | None => Err(io::Error::from_raw_os_error(libc::ENOENT)),
    }
}

/// What tells a namespace from every other that there is (stat(2), st_ino).
pub(crate) fn inode(namespace: &OwnedFd) -> io::Result<u64> {
    Ok(fstat(namespace)?.st_ino)
}

/// The namespace that the calling thread is in.
pub(crate) fn mine() -> io::Result<OwnedFd> {
    Ok(File::open(MINE)?.into())
}

/// Moves the calling thread into a namespace. Never on a thread that others use.
pub(crate) fn enter(namespace: &OwnedFd) -> io::Result<()> {
    Ok(setns(namespace, CloneFlags::CLONE_NEWNET)?)
}

/// Moves the calling thread into a new namespace. Never on a thread that others use.
pub(crate) fn enter_new() -> io::Result<()> {
    Ok(unshare(CloneFlags::CLONE_NEWNET)?)
}

/// Makes the directory if there is none, as ip-netns(8) does.
pub(crate) fn make_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    crash::point();
    fs::DirBuilder::new().recursive(true).mode(0o755).create(directory)
}

/// Gives the calling thread's namespace a name. The file appears with the mark in it and at once, or not at all if the name is taken;
/// then the namespace is mounted on it. Killed between the two it leaves a husk, which shows whose it was.
pub(crate) fn name_mine(directory: &Path, name: &NetnsName, mark: &Mark) -> io::Result<()> {
    let path = directory.join(name.as_str());
    let mut file = unnamed(directory)?;
    file.write_all(format!("{mark}\n").as_bytes())?;
    crash::point();
    let source = format!("/proc/self/fd/{}", file.as_raw_fd());
    nix::unistd::linkat(AT_FDCWD, &*source, AT_FDCWD, &path, AtFlags::AT_SYMLINK_FOLLOW)?;
    crash::point();
    Ok(mount(Some(MINE), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>)?)
}

/// A file of the directory's file system without a name.
fn unnamed(directory: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).mode(0o444).custom_flags(OFlag::O_TMPFILE.bits()).open(directory);
    file.map_err(|e| match e.raw_os_error() {
        Some(libc::EOPNOTSUPP | libc::EISDIR) => {
            let text = "its file system cannot make a file before the file has a name; mount a tmpfs there";
            io::Error::other(format!("{}: {text}", directory.display()))
        }
        Some(_) | None => e,
    })
}

/// Takes the name away; the namespace goes with its last user. What is not there is done.
pub(crate) fn remove(directory: &Path, name: &NetnsName) -> io::Result<()> {
    let path = directory.join(name.as_str());
    crash::point();
    match umount2(&path, MntFlags::MNT_DETACH) {
        // EINVAL: nothing is mounted there.
        Ok(()) | Err(nix::Error::EINVAL | nix::Error::ENOENT) => {}
        Err(e) => return Err(e.into()),
    }
    crash::point();
    match fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        Ok(()) | Err(_) => Ok(()),
    }
}
