//! A process known beyond doubt: by a pidfd, never by a number that may have been given to another.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A running process.
#[derive(Debug)]
pub(super) struct Process {
    pid: i32,
    pidfd: OwnedFd,
}

impl Process {
    /// The process of this number, if it is the one that started then (clock ticks since boot, as [`start_time`] gives them).
    pub(super) fn find(pid: i32, started: u64) -> Result<Option<Process>, Errno> {
        let pidfd = match pidfd_open(pid) {
            Ok(pidfd) => pidfd,
            Err(Errno::ESRCH | Errno::EINVAL) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        // The number cannot go to another while the start time is read: the descriptor was opened first, and it is asked last.
        let same = start_time(pid) == Some(started);
        let process = Process { pid, pidfd };
        Ok((same && !process.ended(PollTimeout::ZERO)?).then_some(process))
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    /// Ends it and waits until it has ended.
    #[allow(unsafe_code)]
    pub(super) fn end(&self) -> Result<(), Errno> {
        // SAFETY: a null siginfo is allowed (pidfd_send_signal(2)); the descriptor lives as long as self.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.pidfd.as_raw_fd(),
                libc::SIGKILL,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        match Errno::result(sent) {
            Ok(_) => {}
            Err(Errno::ESRCH) => return Ok(()),
            Err(errno) => return Err(errno),
        }
        self.ended(PollTimeout::NONE).map(|_| ())
    }

    /// Whether it ends within the time: a pidfd is readable from then on.
    fn ended(&self, wait: PollTimeout) -> Result<bool, Errno> {
        loop {
            match poll(&mut [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)], wait) {
                Err(Errno::EINTR) => {}
                other => return other.map(|ready| ready > 0),
            }
        }
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

#[allow(unsafe_code)]
fn pidfd_open(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes two numbers.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).expect("a descriptor is an int")) })
}

/// When a process started, in clock ticks since boot: field 22 of `/proc/PID/stat` (proc_pid_stat(5)).
pub(super) fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may itself have spaces and parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_given_to_another_process_is_not_believed() {
        let me = i32::try_from(std::process::id()).expect("pids are ints");
        let started = start_time(me).expect("this process runs");
        assert_eq!(Process::find(me, started).expect("allowed").map(|p| p.pid()), Some(me));
        assert!(Process::find(me, started + 1).expect("allowed").is_none());
    }

    #[test]
    fn ending_a_process_waits_until_it_is_gone() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().expect("sleep is there");
        let pid = i32::try_from(child.id()).expect("pids are ints");
        let started = start_time(pid).expect("it runs");
        let process = Process::find(pid, started).expect("allowed").expect("it runs");
        process.end().expect("it is ours");
        assert!(process.ended(PollTimeout::ZERO).expect("allowed"));
        assert!(Process::find(pid, started).expect("allowed").is_none());
        child.wait().expect("it is our child");
    }
}
