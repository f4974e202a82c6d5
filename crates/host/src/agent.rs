//! The other end of a connection: does on its own machine what a netsim elsewhere asks for, line by line.
//!
//! What was done under a lab's lock lasts only once the netsim says so. If it is lost before that, by closing the stream, by silence or by
//! words that make no sense, the agent brings back what was there before, lets go of the lock and ends.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{dup2_stdin, dup2_stdout};

use crate::backend::{HostError, Progress};
use crate::host::Host;
use crate::machine;
use crate::own::Own;
use crate::undo::NotUndone;
pub use crate::wire::Broken;
use crate::wire::{LONGEST, Lines, Patience, Pen};

mod entry;
mod link;
pub(crate) mod messages;
mod session;

pub use entry::Entry;
use link::Link;
use messages::{First, FromAgent, Hello, Request, ToAgent};
pub use messages::{OnLoss, PROTOCOL};
use session::Session;

/// The command that makes this program an agent.
pub const COMMAND: &str = "agent";

/// So many questions may wait for their answers.
const QUESTIONS: usize = 16;

/// How often to look whether anybody still listens, while nothing is asked.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// The stream to whoever asks.
#[derive(Debug)]
pub struct Stream {
    /// What it says.
    pub input: OwnedFd,
    /// What it is told.
    pub output: OwnedFd,
}

impl Stream {
    /// Standard input and output, for the agent alone: from now on nothing else of this process reads or writes there.
    pub fn standard() -> io::Result<Stream> {
        let (input, output) = (io::stdin().as_fd().try_clone_to_owned()?, io::stdout().as_fd().try_clone_to_owned()?);
        let nothing = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
        dup2_stdin(&nothing)?;
        dup2_stdout(&nothing)?;
        Ok(Stream { input, output })
    }
}

/// How an agent's life ended.
#[derive(Debug)]
pub struct Farewell {
    /// What became of the stream.
    pub broken: Broken,
    /// What became of work that was not said to stay.
    pub undone: Result<(), NotUndone>,
}

/// Says why this machine cannot be worked on, and nothing else.
pub fn refuse(stream: Stream, own: &Own, why: HostError, patience: Patience) -> Result<(), Broken> {
    Pen::new(stream.output, patience.silence).message(&first(own, Some(why)))
}

/// Does what is asked for on this host until the stream breaks, or until `end` is stopped, as by a signal.
pub fn serve(host: &Host, stream: Stream, own: &Own, patience: Patience, end: &Progress) -> Farewell {
    let Stream { input, output } = stream;
    host.sweep();
    let mut pen = Pen::new(output, patience.silence);
    let greeted = pen.message(&first(own, None));
    let link = Link::new(pen);
    if let Err(broken) = greeted {
        link.lose(broken);
    }
    let (ask, asked) = mpsc::sync_channel(QUESTIONS);
    let (done, finished) = mpsc::channel();
    std::thread::spawn({
        let link = link.clone();
        move || listen(Lines::new(input, patience.silence), &link, &ask)
    });
    std::thread::scope(|scope| {
        let beating = link.clone();
        scope.spawn(move || beating.beat(patience.beat, end, &finished));
        let mut session = Session::new(host);
        work(&mut session, &link, &asked);
        let undone = session.end();
        drop(done);
        Farewell { broken: link.lost().unwrap_or(Broken::Ended), undone }
    })
}

fn first(own: &Own, refused: Option<HostError>) -> First {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let (build, machine) = (own.hash().to_owned(), machine::this());
    First::NetsimAgent(Hello { protocol: PROTOCOL, version, build, machine, refused })
}

/// Hears what comes in until the stream breaks.
fn listen(mut lines: Lines, link: &Link, ask: &SyncSender<(u64, Request)>) {
    loop {
        let heard = match lines.message(LONGEST) {
            Ok(ToAgent::Beat) => Ok(()),
            Ok(ToAgent::Interrupt { id }) => {
                link.interrupt(id);
                Ok(())
            }
            Ok(ToAgent::Ask { id, request }) => ask.try_send((id, request)).map_err(|_| Broken::OutOfTurn),
            Err(broken) => Err(broken),
        };
        if let Err(broken) = heard {
            return link.lose(broken);
        }
    }
}

/// Answers one question after the other.
fn work(session: &mut Session<'_>, link: &Link, asked: &Receiver<(u64, Request)>) {
    while link.lost().is_none() {
        let (id, request) = match asked.recv_timeout(BETWEEN_LOOKS) {
            Ok(question) => question,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let progress = link.start(id);
        let mut tell = |note| link.say(&FromAgent::Note { id, note });
        let answer = session.answer(request, &progress, &mut tell);
        link.finish();
        link.say(&FromAgent::Answer { id, answer });
    }
}
