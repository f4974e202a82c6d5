//! OpenSSH as the way to an agent: one connection per host, with the user's own configuration, keys and known hosts.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use netsim_core::names::HostId;

use crate::agent::{COMMAND, Entry};
use crate::backend::HostError;
use crate::failure::{codes, failed_io, hinted};
use crate::own::Own;
use crate::remote::{Ending, Expected, Line, Remote, explained, greeted, on};
use crate::wire::{Broken, LONGEST_FIRST, Lines, Patience, Pen};

mod attend;
mod folder;
mod process;
mod script;
mod target;
mod why;

pub use folder::Folder;
pub(crate) use process::{Ended, Process};
use script::Program;
pub use target::{AgentPath, Database, Target};
pub(crate) use why::why;

/// How long ssh may try to connect, in seconds.
const CONNECT: u32 = 10;

/// So many times the usual silence is borne until an agent has said who it is: a login through jump hosts and their checks.
const LOGIN: u32 = 5;

/// Whose rights the agent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rights {
    /// Those of the user who logs in.
    #[default]
    Own,
    /// Root's, by `sudo -n`.
    Sudo,
}

/// Where the agent's program is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agent {
    /// A copy of this one, in `~/.cache/netsim/HASH` there; put there if it is not.
    Copied(Arc<Own>),
    /// One of the same version that is there.
    At(AgentPath),
}

/// How a host is reached.
#[derive(Debug, Clone)]
pub struct Way {
    /// What ssh connects to.
    pub target: Target,
    /// Whose rights the agent has.
    pub rights: Rights,
    /// Where its program is.
    pub agent: Agent,
    /// Where its Open vSwitch has its database; none: at one of the usual places.
    pub database: Option<Database>,
    /// ssh itself: a name to look for, or a path.
    pub ssh: PathBuf,
    /// Where the connection's socket is.
    pub folder: Arc<Folder>,
}

/// What there is to tell while a host is being reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The agent is not there: so many bytes are being copied.
    Copying(u64),
    /// They have been, and the agent has answered.
    Copied(Duration),
}

/// An agent that answers, and the means to run programs beside it.
#[derive(Debug)]
pub struct Reached {
    /// The agent.
    pub remote: Remote,
    way: Way,
    socket: PathBuf,
}

/// Connects to a host and starts its agent.
pub fn reach(host: &HostId, way: &Way, patience: Patience, tell: &mut dyn FnMut(Event)) -> Result<Reached, HostError> {
    let socket = way.folder.socket();
    let mut command = way.master(&socket);
    let remote = start(host, way, &mut command, patience, tell).map_err(|error| on(host, way.named(error)))?;
    Ok(Reached { remote, way: way.clone(), socket })
}

fn start(
    host: &HostId,
    way: &Way,
    command: &mut Command,
    patience: Patience,
    tell: &mut dyn FnMut(Event),
) -> Result<Remote, HostError> {
    let mut child = command.spawn().map_err(|e| no_ssh(way, &e))?;
    let (input, output) =
        (child.stdout.take().expect("it was asked for"), child.stdin.take().expect("it was asked for"));
    let errors = child.stderr.take().expect("it was asked for");
    let mut process = Process::new(child, errors);
    let mut lines = Lines::new(OwnedFd::from(input), LOGIN * patience.silence);
    let mut pen = Pen::new(OwnedFd::from(output), LOGIN * patience.silence);
    let greeting = first_line(way, &mut lines, &mut pen, tell).map_err(|broken| {
        let ended = match &broken {
            Unsaid::Stream(Broken::Ended | Broken::Torn) | Unsaid::File(_) => process.ended(),
            Unsaid::Stream(_) => process.killed(),
        };
        broken.explained(&ended)
    })?;
    let machine = greeted(&greeting, &way.agent.expected())?;
    lines.bear(patience.silence);
    pen.bear(patience.silence);
    Ok(Remote::ready(host.clone(), machine, Line::new(lines, pen, Some(process), patience)))
}

/// The agent's first line, after copying its program there if need be.
fn first_line(way: &Way, lines: &mut Lines, pen: &mut Pen, tell: &mut dyn FnMut(Event)) -> Result<Vec<u8>, Unsaid> {
    let line = lines.line(LONGEST_FIRST)?;
    match &way.agent {
        Agent::Copied(own) if line == script::ABSENT => {
            tell(Event::Copying(own.size()));
            let began = Instant::now();
            // Where it cannot be written there, what the script says of that is the error.
            let sent = send(own, pen);
            let line = lines.line(LONGEST_FIRST);
            if let Err(unsaid @ Unsaid::File(_)) = sent {
                return Err(unsaid);
            }
            tell(Event::Copied(began.elapsed()));
            Ok(line?)
        }
        Agent::Copied(_) | Agent::At(_) => Ok(line),
    }
}

/// Why there is no first line.
enum Unsaid {
    Stream(Broken),
    /// This program's own file cannot be read.
    File(io::Error),
}

impl From<Broken> for Unsaid {
    fn from(broken: Broken) -> Self {
        Unsaid::Stream(broken)
    }
}

impl Unsaid {
    fn explained(&self, ended: &Ended) -> HostError {
        match self {
            Unsaid::Stream(broken) => {
                let error = explained(broken, &Ending::Process(ended.clone()));
                match error.code {
                    // Nothing has been done there yet.
                    codes::SILENCE | codes::LOST => {
                        hinted(error, "see whether `ssh -o BatchMode=yes HOST true` ends by itself")
                    }
                    _ => error,
                }
            }
            Unsaid::File(error) => failed_io(codes::COPY, "read this netsim's own program", error),
        }
    }
}

fn send(own: &Own, pen: &mut Pen) -> Result<(), Unsaid> {
    let mut file = own.open().map_err(Unsaid::File)?.take(own.size());
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer).map_err(Unsaid::File)? {
            0 => return Ok(()),
            read => pen.bytes(&buffer[..read])?,
        }
    }
}

fn no_ssh(way: &Way, error: &io::Error) -> HostError {
    let told = failed_io(codes::SSH, format!("start `{}`", way.ssh.display()), error);
    match error.kind() {
        io::ErrorKind::NotFound => hinted(told, "install OpenSSH's client (openssh-client, openssh-clients)"),
        _ => told,
    }
}

impl Agent {
    fn program(&self) -> Program<'_> {
        match self {
            Agent::Copied(own) => Program::Copied(own),
            Agent::At(path) => Program::At(path),
        }
    }

    fn expected(&self) -> Expected {
        match self {
            Agent::Copied(own) => Expected::Build(own.hash().to_owned()),
            Agent::At(_) => Expected::Version,
        }
    }
}

impl Way {
    /// A copy of this program at the other end, by the `ssh` that is found, as the user who logs in.
    pub fn to(target: Target, own: Arc<Own>, folder: Arc<Folder>) -> Self {
        Way { target, rights: Rights::Own, agent: Agent::Copied(own), database: None, ssh: "ssh".into(), folder }
    }

    /// The error with what ssh connects to where its hint says `HOST`.
    fn named(&self, error: HostError) -> HostError {
        let target = self.target.as_str();
        let hint = match target.split_once(':') {
            Some((host, port)) if error.code == codes::UNREACHABLE && port.parse::<u16>().is_ok() => {
                Some(format!("write a port as ssh://{host}:{port}, or give the host a name in ~/.ssh/config"))
            }
            _ => error.hint.map(|hint| hint.replace("HOST", target)),
        };
        HostError { hint, ..error }
    }

    /// ssh with what holds for each of its sessions.
    fn ssh(&self) -> Command {
        let mut command = Command::new(&self.ssh);
        // Nobody is there to answer; nothing of the user's configuration may take the place of our command, or forward anything.
        for option in [
            "BatchMode=yes",
            "ClearAllForwardings=yes",
            "ForwardX11=no",
            "PermitLocalCommand=no",
            "RemoteCommand=none",
            "ControlPersist=no",
            "LogLevel=ERROR",
            "ServerAliveInterval=3",
            "ServerAliveCountMax=3",
        ] {
            command.args(["-o", option]);
        }
        // Its words are read.
        command.env("LC_ALL", "C");
        command
    }

    /// The connection itself, with the agent's stream.
    fn master(&self, socket: &std::path::Path) -> Command {
        let mut command = self.ssh();
        command.args(["-T", "-o", "ControlMaster=yes", "-o"]).arg(path_option("ControlPath=", socket));
        command.args(["-o", &format!("ConnectTimeout={CONNECT}")]);
        let script = script::command(self.agent.program(), self.rights, &[COMMAND], self.database.as_ref());
        command.args(["--", self.target.as_str(), &script]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        attend::in_a_session_of_its_own(&mut command);
        command
    }
}

fn path_option(name: &str, path: &std::path::Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(path);
    option
}

/// Whether a program that is run there gets a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminal {
    /// As for an interactive shell.
    Yes,
    /// Standard streams only.
    No,
}

impl Reached {
    /// A command that runs a program in a node there, over the same connection; its standard streams and exit status are the program's own.
    pub fn enter(&self, entry: &Entry, terminal: Terminal) -> Result<Command, HostError> {
        let word = entry.word()?;
        let mut command = self.way.ssh();
        command.args(["-o", "ControlMaster=no", "-o"]).arg(path_option("ControlPath=", &self.socket));
        command.arg(match terminal {
            Terminal::Yes => "-t",
            Terminal::No => "-T",
        });
        let script = script::command(self.way.agent.program(), self.way.rights, &[COMMAND, "--enter", &word], None);
        command.args(["--", self.way.target.as_str(), &script]);
        Ok(command)
    }
}
