//! A program in a node of another host, attended to from here until it ends.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, setsid};

use super::{Reached, Terminal, no_ssh};
use crate::agent::Entry;
use crate::backend::{HostError, Progress};
use crate::failure::{codes, failed_io};

impl Reached {
    /// Runs a program in a node there with our own standard streams to its end, and gives the status of the ssh that it runs by: the program's own, 128 and
    /// more for a signal. When we are asked to stop, or are no more, it is told by SIGHUP.
    pub fn run(&self, entry: &Entry, terminal: Terminal, stop: &Progress) -> Result<ExitStatus, HostError> {
        let mut command = self.enter(entry, terminal)?;
        ends_with_us(&mut command);
        let mut child = command.spawn().map_err(|e| no_ssh(&self.way, &e))?;
        let (mut told, mut nap) = (false, 1);
        loop {
            let ended =
                child.try_wait().map_err(|e| failed_io(codes::RUN, "wait for a program on another host", &e))?;
            if let Some(status) = ended {
                return Ok(status);
            }
            if stop.stopped() && !told {
                // It gives back the terminal, and the connection tells the program.
                let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
                told = true;
            }
            std::thread::sleep(Duration::from_millis(nap));
            nap = (nap * 2).min(10);
        }
    }
}

/// Ctrl-C is for us to hear: the agent is asked to stop, and its stream is needed for that. And it is the connection that reads the terminal for a program over
/// there: of the session that the terminal is of, only who is in the foreground may (tty_ioctl(4), SIGTTIN); whoever is of another session may, too.
#[allow(unsafe_code)]
pub(super) fn in_a_session_of_its_own(command: &mut Command) {
    // SAFETY: between fork and exec it does one system call that only concerns the new process.
    unsafe { command.pre_exec(|| setsid().map(drop).map_err(Into::into)) };
}

#[allow(unsafe_code)]
fn ends_with_us(command: &mut Command) {
    // SAFETY: between fork and exec it does one system call that only concerns the new process.
    unsafe { command.pre_exec(|| set_pdeathsig(Signal::SIGTERM).map_err(Into::into)) };
}
