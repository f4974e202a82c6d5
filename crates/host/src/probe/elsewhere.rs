//! A thread that goes into namespaces, so that no other thread has to.

use std::sync::mpsc;
use std::thread::{Builder, Scope};

type Job<'env> = Box<dyn FnOnce() + Send + 'env>;

/// Does one piece of work after another on a thread of its own, which ends with this.
pub(super) struct Elsewhere<'env> {
    jobs: mpsc::Sender<Job<'env>>,
}

impl<'env> Elsewhere<'env> {
    pub(super) fn new<'scope>(scope: &'scope Scope<'scope, 'env>) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel::<Job<'env>>();
        Builder::new().spawn_scoped(scope, move || waiting.into_iter().for_each(|job| job()))?;
        Ok(Elsewhere { jobs })
    }

    /// Does this work there and waits for what comes of it.
    pub(super) fn run<T: Send + 'env>(&self, work: impl FnOnce() -> T + Send + 'env) -> T {
        let (tell, told) = mpsc::channel();
        let job = Box::new(move || drop(tell.send(work())));
        self.jobs.send(job).expect("the thread listens as long as this is there");
        told.recv().expect("the thread does every work to its end")
    }
}
