//! One run of a program of Open vSwitch: no shell, a time-out, nothing that outlives us.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::errors::not_installed;
use crate::backend::HostError;
use crate::failure::{codes, failed_io};

/// How a program ended.
pub(super) enum Ended {
    /// Well, with this on its standard output.
    Well(String),
    /// With a complaint on its standard error.
    Badly(String),
    /// By its own alarm: the time was up.
    TimedOut,
}

/// Runs a program to its end. It ends itself when the time is up (`--timeout`), and is killed with us.
pub(super) fn run(
    doing: &str,
    program: &str,
    arguments: &[OsString],
    input: Option<&str>,
    patience: Duration,
) -> Result<Ended, HostError> {
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child = start(doing, command(program, arguments, patience).stdin(stdin))?;
    let output = std::thread::scope(|scope| {
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            // A program that ends without reading it says why itself.
            scope.spawn(move || stdin.write_all(input.as_bytes()));
        }
        child.wait_with_output()
    });
    let output = output.map_err(|e| failed_io(codes::RUN, format!("{doing}: wait for `{program}`"), &e))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(match output.status.signal() {
        Some(signal) if signal == Signal::SIGALRM as i32 => Ended::TimedOut,
        Some(_) => Ended::Badly(format!("`{program}` ended: {}", output.status)),
        None if output.status.success() => Ended::Well(text(&output.stdout)),
        None => Ended::Badly(text(&output.stderr)),
    })
}

/// Runs a program that does not end by itself up to the first thing that it says; nothing if it says nothing in time.
pub(super) fn first_answer(
    doing: &str,
    program: &str,
    arguments: &[OsString],
    patience: Duration,
) -> Result<String, HostError> {
    let mut child = start(doing, command(program, arguments, patience).stdin(Stdio::null()))?;
    let mut answer = vec![0; 4096];
    let read = child.stdout.take().map_or(Ok(0), |mut out| out.read(&mut answer));
    // What has ended by itself cannot be killed, and need not be.
    let _ = child.kill();
    let ended = child.wait();
    let length = read.and_then(|length| ended.map(|_| length));
    answer.truncate(length.map_err(|e| failed_io(codes::RUN, format!("{doing}: wait for `{program}`"), &e))?);
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn command(program: &str, arguments: &[OsString], patience: Duration) -> Command {
    let mut command = Command::new(program);
    let timeout = format!("--timeout={}", patience.as_secs().max(1));
    // A group of its own: an interrupt from the terminal is for netsim, which then stops between two calls.
    command.arg(timeout).args(arguments).env("LC_ALL", "C").process_group(0);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let parent = Pid::this();
    #[allow(unsafe_code)]
    // SAFETY: between fork and exec the closure makes system calls only.
    unsafe {
        command.pre_exec(move || prepare(parent));
    }
    command
}

fn start(doing: &str, command: &mut Command) -> Result<Child, HostError> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.spawn().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => not_installed(doing, &program),
        _ => failed_io(codes::RUN, format!("{doing}: run `{program}`"), &e),
    })
}

/// In the child: to be killed with its parent, and to take as long a command line as the kernel gives (a quarter of the stack's limit, `bprm_stack_limits`).
fn prepare(parent: Pid) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    if Pid::parent() != parent {
        return Err(io::ErrorKind::Interrupted.into());
    }
    let (_, hard) = getrlimit(Resource::RLIMIT_STACK)?;
    Ok(setrlimit(Resource::RLIMIT_STACK, hard, hard)?)
}

/// Bytes that the arguments of one program may take together, each with a NUL and a pointer of its own: what [`prepare`] makes of the kernel's limit,
/// without the environment, and with room for the rest.
pub(super) fn room_for_arguments() -> usize {
    const LEAST: u64 = 128 * 1024;
    const MOST: u64 = 6 * 1024 * 1024;
    const ROOM: usize = 16 * 1024;
    let hard = getrlimit(Resource::RLIMIT_STACK).map_or(0, |(_, hard)| hard);
    let limit = usize::try_from((hard / 4).clamp(LEAST, MOST)).expect("6 MiB fit");
    let environment: usize = std::env::vars_os().map(|(name, value)| cost(&name) + cost(&value)).sum();
    limit.saturating_sub(environment + ROOM)
}

/// Bytes that one argument takes.
pub(super) fn cost(argument: &OsStr) -> usize {
    argument.len() + 1 + size_of::<usize>()
}

/// Whether the program is to be found.
pub(super) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
