//! Run a program, or a piece of this one, inside a node.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use netsim_core::names::{LabName, NetnsName, NodeName};
use netsim_core::resource::NetnsId;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{Signal, killpg};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::Pid;

use crate::backend::HostError;
use crate::failure::{codes, failed, failed_io, hinted};

/// Where named network namespaces are mounted (ip-netns(8)).
pub const NETNS_DIR: &str = "/run/netns";

/// Files that stand in for those of `/etc` in a namespace (ip-netns(8)).
const ETC_NETNS: &str = "/etc/netns";

/// The file that a named namespace is mounted on.
pub fn netns_path(netns: &NetnsName) -> PathBuf {
    Path::new(NETNS_DIR).join(netns.as_str())
}

/// Turns this process into a program that runs inside a namespace: its exit status and its signals are the program's own.
/// Comes back only with what went wrong; then the process is good for nothing but to say so.
pub fn exec_in(netns: &NetnsId, argv: &[OsString], env: &[(&str, OsString)]) -> HostError {
    match go_in(netns) {
        Ok(()) => not_run(netns, argv, &command(argv, env).exec()),
        Err(error) => error,
    }
}

/// Turns this process into a shell inside a node: `$SHELL`, else `/bin/sh`.
pub fn shell_in(netns: &NetnsId, lab: &LabName, node: &NodeName) -> HostError {
    exec_in(netns, &[shell()], &shell_environment(lab, node))
}

/// What a shell inside a node finds in its environment.
pub fn shell_environment(lab: &LabName, node: &NodeName) -> [(&'static str, OsString); 3] {
    [
        ("NETSIM_LAB", OsString::from(lab.as_str())),
        ("NETSIM_NODE", OsString::from(node.as_str())),
        ("PS1", OsString::from(format!("{lab}/{node}# "))),
    ]
}

/// The user's shell.
pub(crate) fn shell() -> OsString {
    std::env::var_os("SHELL").filter(|s| !s.is_empty()).unwrap_or_else(|| "/bin/sh".into())
}

/// Runs a program inside a namespace with our own standard streams to its end, and gives its status. If whoever reads our output goes first, the program is told
/// by SIGHUP, as it would be by a terminal, and killed if that does not end it.
pub fn attend_in(netns: &NetnsId, argv: &[OsString], env: &[(&str, OsString)]) -> Result<ExitStatus, HostError> {
    on_a_thread(netns, || {
        go_in(netns)?;
        let child = command(argv, env).process_group(0).spawn().map_err(|e| not_run(netns, argv, &e))?;
        attend(child).map_err(|e| failed_io(codes::RUN, format!("wait for a program in {netns}"), &e))
    })?
}

fn attend(mut child: Child) -> std::io::Result<ExitStatus> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let (out, mut told, mut nap) = (std::io::stdout(), None, 1_u8);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let group = Pid::from_raw(child.id().cast_signed());
        match told {
            None => {
                // Nothing is asked for, so only an error or a hang-up wakes us.
                if poll(&mut [PollFd::new(out.as_fd(), PollFlags::empty())], PollTimeout::from(nap)).unwrap_or(0) > 0 {
                    let _ = killpg(group, Signal::SIGHUP);
                    told = Some(Instant::now());
                }
            }
            Some(since) => {
                if since.elapsed() > PATIENCE {
                    let _ = killpg(group, Signal::SIGKILL);
                }
                std::thread::sleep(Duration::from_millis(nap.into()));
            }
        }
        nap = nap.saturating_mul(2).min(20);
    }
}

/// Runs a program inside a namespace to its end, without input, and gives its exit status and what it wrote.
pub fn run_in(netns: &NetnsId, argv: &[OsString], env: &[(&str, OsString)]) -> Result<Output, HostError> {
    on_a_thread(netns, || {
        go_in(netns)?;
        command(argv, env).stdin(Stdio::null()).output().map_err(|e| not_run(netns, argv, &e))
    })?
}

/// Runs a closure on a thread of its own inside a network namespace. No other thread changes its namespace.
pub fn in_netns<T: Send>(netns: &NetnsId, work: impl FnOnce() -> T + Send) -> Result<T, HostError> {
    on_a_thread(netns, || {
        join(netns)?;
        Ok(work())
    })?
}

fn on_a_thread<T: Send>(netns: &NetnsId, work: impl FnOnce() -> T + Send) -> Result<T, HostError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, work);
        let thread = thread.map_err(|e| failed_io(codes::ENTER, format!("start a thread for {netns}"), &e))?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Moves the calling thread into the network namespace.
pub(crate) fn join(netns: &NetnsId) -> Result<(), HostError> {
    let (path, doing) = match netns {
        // That of the first thread, which never leaves it: this one may be elsewhere.
        NetnsId::Host => (PathBuf::from("/proc/self/ns/net"), "enter the host's network namespace".to_owned()),
        NetnsId::Named(name) => (netns_path(name), format!("enter network namespace {name}")),
    };
    let file = File::open(path).map_err(|e| {
        let error = failed_io(codes::ENTER, doing.clone(), &e);
        match e.kind() {
            std::io::ErrorKind::NotFound => hinted(error, "see `netsim status LAB` for what is there of its lab"),
            _ => error,
        }
    })?;
    setns(&file, CloneFlags::CLONE_NEWNET).map_err(|errno| match errno {
        // What a crash can leave: the file without a namespace mounted on it.
        Errno::EINVAL => hinted(
            failed(codes::ENTER, doing.clone(), errno),
            "apply the lab again: its file is there, and no namespace is mounted on it",
        ),
        errno => failed(codes::ENTER, doing.clone(), errno),
    })
}

/// Moves the calling thread into the network namespace and gives it that namespace's `/sys` and files of `/etc`, as `ip netns exec` does.
fn go_in(netns: &NetnsId) -> Result<(), HostError> {
    const NONE: Option<&str> = None;
    join(netns)?;
    let NetnsId::Named(name) = netns else { return Ok(()) };
    let fail = |errno| failed(codes::ENTER, format!("make a mount namespace for {name}"), errno);
    unshare(CloneFlags::CLONE_NEWNS).map_err(fail)?;
    // Mounts made here stay here; namespaces unmounted outside go here too.
    mount(NONE, "/", NONE, MsFlags::MS_SLAVE | MsFlags::MS_REC, NONE).map_err(fail)?;
    // A read-only sysfs cannot be covered by one that is not; in a container it may not be possible at all: then /sys stays as it is.
    let read_only = statvfs("/sys").is_ok_and(|s| s.flags().contains(FsFlags::ST_RDONLY));
    let flags = if read_only { MsFlags::MS_RDONLY } else { MsFlags::empty() };
    let _ = mount(Some("netsim"), "/sys", Some("sysfs"), flags, NONE);
    bind_etc(&Path::new(ETC_NETNS).join(name.as_str()), Path::new("/etc"))
}

fn bind_etc(from: &Path, to: &Path) -> Result<(), HostError> {
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    for entry in entries.flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        mount(Some(&source), &target, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(|errno| {
            let error = failed(codes::ENTER, format!("mount {} on {}", source.display(), target.display()), errno);
            hinted(error, format!("make {} first, or remove {}", target.display(), source.display()))
        })?;
    }
    Ok(())
}

fn command(argv: &[OsString], env: &[(&str, OsString)]) -> Command {
    let mut command = Command::new(argv.first().map_or(OsStr::new(""), OsString::as_os_str));
    command.args(argv.iter().skip(1)).envs(env.iter().map(|(name, value)| (name, value)));
    command
}

fn not_run(netns: &NetnsId, argv: &[OsString], error: &std::io::Error) -> HostError {
    let program = argv.first().map(|p| p.to_string_lossy()).unwrap_or_default();
    let told = failed_io(codes::RUN, format!("run `{program}` in {netns}"), error);
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            hinted(told, format!("install `{program}` on that machine: nodes share its files"))
        }
        _ => told,
    }
}
