//! The ssh process that carries a stream, and what it said at its end.

use std::io::Read;
use std::process::{Child, ChildStderr, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long ssh may take to end by itself when its stream has ended.
const PATIENCE: Duration = Duration::from_secs(2);

/// Of what it says, so much of the end is kept.
const KEPT: usize = 8 << 10;

/// An ssh that runs. It ends when its stream does, and at the latest with this.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    said: Arc<Mutex<Vec<u8>>>,
    /// Reads what it says.
    listener: Option<JoinHandle<()>>,
}

/// How an ssh ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its status; none where it had to be killed.
    pub(crate) status: Option<ExitStatus>,
    /// The end of what it said.
    pub(crate) said: String,
}

impl Process {
    /// A started ssh, with what it says on standard error.
    pub(super) fn new(child: Child, errors: ChildStderr) -> Self {
        let said = Arc::new(Mutex::new(Vec::new()));
        let listener = std::thread::spawn({
            let said = said.clone();
            move || keep_end(errors, &said)
        });
        Process { child, said, listener: Some(listener) }
    }

    /// Waits for its end, but not for long.
    pub(crate) fn ended(&mut self) -> Ended {
        let end = Instant::now() + PATIENCE;
        let mut nap = Duration::from_millis(1);
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return self.told(Some(status)),
                Ok(None) if Instant::now() < end => std::thread::sleep(nap),
                Ok(None) | Err(_) => return self.killed(),
            }
            nap = (nap * 2).min(Duration::from_millis(20));
        }
    }

    /// Kills it.
    pub(crate) fn killed(&mut self) -> Ended {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.told(None)
    }

    fn told(&mut self, status: Option<ExitStatus>) -> Ended {
        // What it started, as a ProxyCommand, may keep its standard error open: wait for the rest of it only where it comes soon.
        let end = Instant::now() + Duration::from_millis(200);
        while self.listener.as_ref().is_some_and(|l| !l.is_finished()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        let said = self.said.lock().expect("nobody panics with it");
        Ended { status, said: String::from_utf8_lossy(&said).into_owned() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.killed();
        }
    }
}

fn keep_end(mut errors: ChildStderr, said: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = errors.read(&mut buffer) {
        let mut said = said.lock().expect("nobody panics with it");
        said.extend_from_slice(&buffer[..read]);
        let surplus = said.len().saturating_sub(KEPT);
        said.drain(..surplus);
    }
}
