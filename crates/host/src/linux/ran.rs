//! Programs that run in a node, once: an altname of the node's `lo` remembers each.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use netsim_core::names::NetnsName;
use netsim_core::resource::{Aside, Ran};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::errors::{codes, system};
use crate::backend::{HostError, Progress};
use crate::crash;

const ALTNAME: &str = "ran=";

/// How much of a failed program's output the error shows.
const LAST_LINES: usize = 5;

/// How long a program may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(2);

/// The note on a node's `lo` that says that a program has run.
pub(crate) fn note(ran: &Ran) -> String {
    format!("{ALTNAME}{}:{:016x}", ran.index, ran.digest)
}

/// The program that a note is about; its arguments are not in it.
pub(crate) fn noted(netns: &NetnsName, altname: &str) -> Option<Ran> {
    let (index, digest) = altname.strip_prefix(ALTNAME)?.split_once(':')?;
    Some(Ran {
        netns: netns.clone(),
        index: index.parse().ok()?,
        digest: u64::from_str_radix(digest, 16).ok()?,
        argv: Aside(Vec::new()),
    })
}

/// How a program ended that did not end well.
pub(crate) enum Ended {
    /// By itself, with this to tell.
    Failed(HostError),
    /// By us, because the apply was asked to stop.
    Stopped,
}

/// Runs the program in the namespace of the calling thread, without input, and waits for its end. What it leaves running in the background is left alone.
pub(crate) fn run(doing: &str, ran: &Ran, progress: &Progress) -> Result<(), Ended> {
    let error = |message: String, hint: Option<String>| {
        Ended::Failed(HostError { code: codes::PROGRAM.0, doing: doing.to_owned(), message, errno: None, hint })
    };
    let Some((program, arguments)) = ran.argv.0.split_first() else {
        return Err(error("there is no program to run".into(), None));
    };
    crash::point();
    let said = Said::new().map_err(|e| Ended::Failed(system(doing, &e)))?;
    let status = said.of(Command::new(program).args(arguments)).and_then(|child| wait(child, progress));
    let Some(status) = status.map_err(|e| Ended::Failed(system(doing, &e)))? else { return Err(Ended::Stopped) };
    if status.success() {
        return Ok(());
    }
    let message = format!("{status}{}", said.last_lines());
    Err(error(message, Some("try it by hand in the node, with `netsim exec`".to_owned())))
}

/// What a program says. In memory, not a pipe: a program that stays in the background would keep that open.
struct Said(File);

impl Said {
    fn new() -> io::Result<Self> {
        Ok(Said(File::from(memfd_create(c"netsim-exec", MFdFlags::MFD_CLOEXEC)?)))
    }

    /// Starts the program, in a process group of its own so that it can be ended with what it started.
    fn of(&self, command: &mut Command) -> io::Result<Child> {
        let (out, err) = (self.0.try_clone()?, self.0.try_clone()?);
        command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0).spawn()
    }

    fn last_lines(&self) -> String {
        let mut bytes = Vec::new();
        let mut file = &self.0;
        if file.rewind().and_then(|()| file.read_to_end(&mut bytes)).is_err() {
            return String::new();
        }
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].iter().map(|line| format!("\n  {line}")).collect()
    }
}

/// Waits for the end of a program; none if it had to be ended because the apply shall stop.
fn wait(mut child: Child, progress: &Progress) -> io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if progress.stopped() {
            end(child)?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Asks a program and what it started to end, and ends them if they do not.
fn end(mut child: Child) -> io::Result<()> {
    let group = Pid::from_raw(i32::try_from(child.id()).expect("a pid fits"));
    let asked = Instant::now();
    // A group that is gone already is as well.
    let _ = killpg(group, Signal::SIGTERM);
    while child.try_wait()?.is_none() && asked.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = killpg(group, Signal::SIGKILL);
    child.wait().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_as_its_program() {
        let netns = NetnsName::new("lab-a").expect("a name");
        let ran = Ran { netns: netns.clone(), index: 7, digest: 0xfeed, argv: Aside(vec!["true".into()]) };
        assert_eq!(note(&ran), "ran=7:000000000000feed");
        assert_eq!(noted(&netns, &note(&ran)), Some(ran));
        assert_eq!(noted(&netns, "sysctl=net.ipv4.ip_forward"), None);
    }
}
