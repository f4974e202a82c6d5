//! The line to an agent: questions out, answers in, a sign of life both ways.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use super::Ending;
use crate::agent::messages::{FromAgent, Request, ToAgent};
use crate::ssh::Process;
use crate::wire::{Broken, LONGEST, Lines, Patience, Pen};

/// So many messages may come in before somebody waits for them.
const UNHEARD: usize = 16;

/// A line that is open until something breaks it, or it is dropped.
#[derive(Debug)]
pub(crate) struct Line {
    pen: Arc<Mutex<Option<Pen>>>,
    heard: Receiver<Result<FromAgent, Broken>>,
    /// Ends the sign of life when it is dropped.
    _beating: Sender<()>,
    next: u64,
    broken: Option<Broken>,
    /// What carries the line; none where somebody else sees to that.
    process: Option<Process>,
}

impl Line {
    pub(crate) fn new(lines: Lines, pen: Pen, process: Option<Process>, patience: Patience) -> Self {
        let pen = Arc::new(Mutex::new(Some(pen)));
        let (hear, heard) = mpsc::sync_channel(UNHEARD);
        let (beating, stop) = mpsc::channel();
        std::thread::spawn(move || listen(lines, &hear));
        std::thread::spawn({
            let pen = pen.clone();
            move || beat(&pen, patience.beat, &stop)
        });
        Line { pen, heard, _beating: beating, next: 1, broken: None, process }
    }

    /// Asks a question; gives its number.
    pub(super) fn ask(&mut self, request: Request) -> Result<u64, Broken> {
        let id = self.next;
        self.next += 1;
        self.say(&ToAgent::Ask { id, request }).map(|()| id)
    }

    /// Asks to stop what was asked under a number.
    pub(super) fn interrupt(&mut self, id: u64) -> Result<(), Broken> {
        self.say(&ToAgent::Interrupt { id })
    }

    fn say(&mut self, message: &ToAgent) -> Result<(), Broken> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        match self.pen.lock().expect("nobody panics with it").as_mut() {
            Some(pen) => pen.message(message),
            None => Err(Broken::Ended),
        }
    }

    /// The next message, if one comes so soon.
    pub(super) fn hear(&mut self, within: Duration) -> Result<Option<FromAgent>, Broken> {
        match self.heard.recv_timeout(within) {
            Ok(heard) => heard.map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.broken.clone().unwrap_or(Broken::Ended)),
        }
    }

    /// Why it broke: who cannot write any more may have been told something before that.
    pub(super) fn reason(&mut self, broken: Broken) -> Broken {
        const SOON: Duration = Duration::from_millis(200);
        loop {
            match self.heard.recv_timeout(SOON) {
                Ok(Ok(_)) => {}
                Ok(Err(heard)) => return heard,
                Err(_) => return broken,
            }
        }
    }

    /// Gives the line up for this reason; how the transport ended, the first time.
    pub(super) fn hang_up(&mut self, broken: &Broken) -> Ending {
        self.broken.get_or_insert_with(|| broken.clone());
        self.close();
        match (&mut self.process, broken) {
            (None, _) => Ending::Unknown,
            // Whoever says nothing, or nonsense, is not waited for.
            (Some(process), Broken::Ended | Broken::Torn) => Ending::Process(process.ended()),
            (Some(process), _) => Ending::Process(process.killed()),
        }
    }

    /// The agent sees the end of its input.
    fn close(&self) {
        // Somebody who writes and cannot go on gives the pen back after a while.
        if let Ok(mut pen) = self.pen.lock() {
            *pen = None;
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.close();
        if let Some(process) = &mut self.process {
            process.ended();
        }
    }
}

fn listen(mut lines: Lines, hear: &SyncSender<Result<FromAgent, Broken>>) {
    loop {
        let message = match lines.message(LONGEST) {
            Ok(FromAgent::Beat) => continue,
            message => message,
        };
        let last = message.is_err();
        if hear.send(message).is_err() || last {
            return;
        }
    }
}

fn beat(pen: &Mutex<Option<Pen>>, every: Duration, stop: &Receiver<()>) {
    while stop.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
        match pen.try_lock() {
            // Whoever broke it finds out by reading.
            Ok(mut pen) => {
                if pen.as_mut().is_none_or(|pen| pen.message(&ToAgent::Beat).is_err()) {
                    return;
                }
            }
            // Whoever has the pen is a sign of life.
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Poisoned(_)) => return,
        }
    }
}
