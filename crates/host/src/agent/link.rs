//! What the threads of an agent share: the way out, what is being done, and whether anybody still listens.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use super::messages::{FromAgent, Note};
use crate::backend::Progress;
use crate::wire::{Broken, Pen};

/// How often to say how far an apply has come.
const BETWEEN_NOTES: Duration = Duration::from_millis(100);

/// A handle on the link; clones are handles on one and the same.
#[derive(Debug, Clone)]
pub(super) struct Link(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pen: Mutex<Pen>,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    /// What is being done, under its number.
    doing: Option<(u64, Progress)>,
    /// Everything up to this number has been interrupted.
    interrupted: Option<u64>,
    lost: Option<Broken>,
}

impl Link {
    pub(super) fn new(pen: Pen) -> Self {
        Link(Arc::new(Shared { pen: Mutex::new(pen), now: Mutex::default() }))
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.0.now.lock().expect("nobody panics with it")
    }

    /// Nobody listens any more: what is being done stops.
    pub(super) fn lose(&self, broken: Broken) {
        let mut now = self.now();
        now.lost.get_or_insert(broken);
        if let Some((_, progress)) = &now.doing {
            progress.stop();
        }
    }

    pub(super) fn lost(&self) -> Option<Broken> {
        self.now().lost.clone()
    }

    /// Stops what was asked under a number, if it is being done or waits.
    pub(super) fn interrupt(&self, id: u64) {
        let mut now = self.now();
        now.interrupted = now.interrupted.max(Some(id));
        match &now.doing {
            Some((doing, progress)) if *doing <= id => progress.stop(),
            Some(_) | None => {}
        }
    }

    /// Begins what was asked under a number; what has been stopped already begins so.
    pub(super) fn start(&self, id: u64) -> Progress {
        let progress = Progress::default();
        let mut now = self.now();
        if now.lost.is_some() || now.interrupted >= Some(id) {
            progress.stop();
        }
        now.doing = Some((id, progress.clone()));
        progress
    }

    /// Nothing is being done.
    pub(super) fn finish(&self) {
        self.now().doing = None;
    }

    /// Says something, if anybody listens.
    pub(super) fn say(&self, message: &FromAgent) {
        if self.lost().is_none() {
            let said = self.0.pen.lock().expect("nobody panics with it").message(message);
            self.mind(said);
        }
    }

    fn mind(&self, said: Result<(), Broken>) {
        if let Err(broken) = said {
            self.lose(broken);
        }
    }

    /// Says so often that it is there, and how far it has come, until all is finished. Stops everything when `end` is stopped.
    pub(super) fn beat(&self, every: Duration, end: &Progress, finished: &Receiver<()>) {
        let (mut beaten, mut noted) = (Instant::now(), (0, 0));
        while finished.recv_timeout(every.min(BETWEEN_NOTES)) == Err(RecvTimeoutError::Timeout) {
            if end.stopped() {
                self.lose(Broken::Told);
            }
            if self.lost().is_some() {
                continue;
            }
            let doing = self.now().doing.as_ref().map(|(id, progress)| (*id, progress.done()));
            let message = match doing {
                Some((id, done)) if done > 0 && (id, done) != noted => {
                    noted = (id, done);
                    FromAgent::Note { id, note: Note::Done(done) }
                }
                Some(_) | None if beaten.elapsed() >= every => FromAgent::Beat,
                Some(_) | None => continue,
            };
            // Whoever has the pen is a sign of life by itself.
            let said = match self.0.pen.try_lock() {
                Ok(mut pen) => pen.message(&message),
                Err(TryLockError::WouldBlock) => Ok(()),
                Err(TryLockError::Poisoned(_)) => unreachable!("nobody panics with it"),
            };
            beaten = Instant::now();
            self.mind(said);
        }
    }
}
