//! Mounts that are in no directory and go when they are closed.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

/// A mount of this file system as the calling thread's namespaces see it (fsopen(2), since Linux 5.2). It may be forbidden, as in a user namespace
/// without a process namespace of its own for procfs, or without a network namespace of its own for sysfs.
pub(crate) fn of(file_system: &CStr) -> io::Result<OwnedFd> {
    const FSOPEN_CLOEXEC: libc::c_uint = 1;
    const FSCONFIG_CMD_CREATE: libc::c_uint = 6;
    const FSMOUNT_CLOEXEC: libc::c_uint = 1;
    let none = std::ptr::null::<libc::c_char>();
    let context = new_file(|| {
        // SAFETY: the name is a string with its end; the call gives a new descriptor or an error.
        #[allow(unsafe_code)]
        unsafe {
            libc::syscall(libc::SYS_fsopen, file_system.as_ptr(), FSOPEN_CLOEXEC)
        }
    })?;
    let fd = context.as_raw_fd();
    // SAFETY: the descriptor is open; this command takes neither key nor value.
    #[allow(unsafe_code)]
    Errno::result(unsafe { libc::syscall(libc::SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, none, none, 0) })?;
    new_file(|| {
        // SAFETY: the descriptor is open; the call gives a new one or an error.
        #[allow(unsafe_code)]
        unsafe {
            libc::syscall(libc::SYS_fsmount, fd, FSMOUNT_CLOEXEC, 0)
        }
    })
}

fn new_file(call: impl FnOnce() -> libc::c_long) -> io::Result<OwnedFd> {
    let fd = Errno::result(call())?;
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the call that gave it succeeded, so it is a descriptor that nobody else has.
    #[allow(unsafe_code)]
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
