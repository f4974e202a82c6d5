//! Messages as lines of JSON over two descriptors, bounded in length, in time and in the silence between them.

use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most bytes of a line: what a lab of some hundred thousand resources on one host takes.
pub(crate) const LONGEST: usize = 64 << 20;

/// Most bytes of the first line, when nobody knows yet who speaks.
pub(crate) const LONGEST_FIRST: usize = 16 << 10;

/// Bytes that a line has to come forward in a second, once it has had its time to start.
const PACE: usize = 64 << 10;

/// As much fits into a pipe that `poll` calls writable (PIPE_BUF, pipe(7)): such a write does not block.
const CHUNK: usize = 4096;

/// How often each side says that it is there, and when it takes the other for lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// A sign of life at least so often.
    pub beat: Duration,
    /// Lost after so long without one; several times `beat`.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { beat: Duration::from_secs(1), silence: Duration::from_secs(6) }
    }
}

/// Why nothing more can be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The other side closed it, between two lines.
    #[error("the stream has ended")]
    Ended,
    /// The other side closed it within a line.
    #[error("the stream has ended within a line")]
    Torn,
    /// Nothing came for so long, or nothing was taken.
    #[error("silent for {:.0} s", .0.as_secs_f64())]
    Silent(Duration),
    /// A line came, or was taken, too slowly.
    #[error("slower than {} KiB/s", PACE >> 10)]
    Slow,
    /// A line was longer than it may be.
    #[error("a line of more than {} bytes", .0)]
    TooLong(usize),
    /// A line was no message; its beginning.
    #[error("not a message of netsim: {0:?}")]
    Garbage(String),
    /// A message came that nobody waited for.
    #[error("a message out of turn")]
    OutOfTurn,
    /// A signal told this side to end.
    #[error("told to end by a signal")]
    Told,
    /// The system refused to read or write.
    #[error("{}", crate::failure::words(*.0))]
    System(Errno),
}

impl Broken {
    /// That a line was no message.
    pub(crate) fn garbage(line: &[u8]) -> Broken {
        let text: String = String::from_utf8_lossy(&line[..line.len().min(200)]).chars().take(60).collect();
        Broken::Garbage(text.trim().to_owned())
    }
}

/// The lines that come in.
#[derive(Debug)]
pub(crate) struct Lines {
    from: BufReader<Patient>,
}

impl Lines {
    pub(crate) fn new(from: OwnedFd, silence: Duration) -> Self {
        Lines { from: BufReader::with_capacity(64 << 10, Patient { from, silence, line: None }) }
    }

    /// How long to bear silence from now on.
    pub(crate) fn bear(&mut self, silence: Duration) {
        self.from.get_mut().silence = silence;
    }

    /// The next message.
    pub(crate) fn message<T: DeserializeOwned>(&mut self, longest: usize) -> Result<T, Broken> {
        let line = self.line(longest)?;
        serde_json::from_slice(&line).map_err(|_| Broken::garbage(&line))
    }

    /// The next line, without its end.
    pub(crate) fn line(&mut self, longest: usize) -> Result<Vec<u8>, Broken> {
        self.from.get_mut().line = None;
        if self.from.fill_buf().map_err(|e| broken(&e))?.is_empty() {
            return Err(Broken::Ended);
        }
        self.from.get_mut().line = Some((Instant::now(), 0));
        let mut line = Vec::new();
        let read = self.from.by_ref().take(longest as u64 + 1).read_until(b'\n', &mut line);
        read.map_err(|e| broken(&e))?;
        match line.pop() {
            Some(b'\n') => Ok(line),
            Some(_) if line.len() >= longest => Err(Broken::TooLong(longest)),
            Some(_) | None => Err(Broken::Torn),
        }
    }
}

/// A descriptor that is read with patience.
#[derive(Debug)]
struct Patient {
    from: OwnedFd,
    silence: Duration,
    /// When the line that is being read began, and how much of it has come since.
    line: Option<(Instant, usize)>,
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some((began, bytes)) = self.line
            && too_slow(began, bytes, self.silence)
        {
            return Err(io::Error::other(Broken::Slow));
        }
        wait(self.from.as_fd(), PollFlags::POLLIN, self.silence).map_err(io::Error::other)?;
        let read = nix::unistd::read(&self.from, buffer)?;
        if let Some((_, bytes)) = &mut self.line {
            *bytes += read;
        }
        Ok(read)
    }
}

fn too_slow(began: Instant, bytes: usize, silence: Duration) -> bool {
    began.elapsed() > 2 * silence + Duration::from_secs_f64(bytes as f64 / PACE as f64)
}

/// Waits until the descriptor can be read or written, or is closed.
fn wait(fd: BorrowedFd<'_>, what: PollFlags, silence: Duration) -> Result<(), Broken> {
    let end = Instant::now() + silence;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(fd, what)], timeout) {
            Ok(0) if left.is_zero() => return Err(Broken::Silent(silence)),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(errno) => return Err(Broken::System(errno)),
        }
    }
}

fn broken(error: &io::Error) -> Broken {
    if let Some(ours) = error.get_ref().and_then(|e| e.downcast_ref::<Broken>()) {
        return ours.clone();
    }
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EPIPE | Errno::ECONNRESET) => Broken::Ended,
        Some(errno) => Broken::System(errno),
        None => Broken::System(Errno::EIO),
    }
}

/// Where lines go out.
#[derive(Debug)]
pub(crate) struct Pen {
    to: OwnedFd,
    silence: Duration,
}

impl Pen {
    pub(crate) fn new(to: OwnedFd, silence: Duration) -> Self {
        Pen { to, silence }
    }

    /// How long to bear that nothing is taken, from now on.
    pub(crate) fn bear(&mut self, silence: Duration) {
        self.silence = silence;
    }

    /// Writes one message.
    pub(crate) fn message(&mut self, message: &impl Serialize) -> Result<(), Broken> {
        let mut line = serde_json::to_vec(message).expect("messages have text for keys and write without I/O");
        if line.len() > LONGEST {
            return Err(Broken::TooLong(LONGEST));
        }
        line.push(b'\n');
        self.bytes(&line)
    }

    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, mut bytes: &[u8]) -> Result<(), Broken> {
        let (began, mut done) = (Instant::now(), 0);
        while !bytes.is_empty() {
            if too_slow(began, done, self.silence) {
                return Err(Broken::Slow);
            }
            wait(self.to.as_fd(), PollFlags::POLLOUT, self.silence)?;
            let written = match nix::unistd::write(&self.to, &bytes[..bytes.len().min(CHUNK)]) {
                Err(Errno::EINTR | Errno::EAGAIN) => 0,
                other => other.map_err(|errno| broken(&errno.into()))?,
            };
            done += written;
            bytes = &bytes[written..];
        }
        Ok(())
    }
}
