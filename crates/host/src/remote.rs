//! Another host as a backend: the same two calls, and what else a host can be asked, as lines over a stream to its agent.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use netsim_core::names::{HostId, LabName};
use netsim_core::plan::Action;
use netsim_core::resource::NetnsId;
use netsim_core::state::{Observed, Scope};

use crate::agent::Stream;
use crate::agent::messages::{Answer, Busy, FromAgent, Note, OnLoss, Request};
use crate::backend::{Backend, HostError, Progress, StepError};
use crate::failure::{codes, refused};
use crate::host::Begun;
use crate::linux::learnt::Learnt;
use crate::probe::{Options, Outcome, Ping};
use crate::wire::{Broken, LONGEST_FIRST, Lines, Patience, Pen};

mod greeting;
mod line;
mod trouble;

pub use greeting::Expected;
pub(crate) use greeting::greeted;
pub(crate) use line::Line;
use trouble::lost;
pub(crate) use trouble::{AFTER_LOSS, Ending, explained, on};

/// How often to look whether an apply shall stop, while its agent says nothing.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// One question or several at once, and how long their answers took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trip {
    /// What was asked for, in a word.
    pub what: &'static str,
    /// From the question to its last answer.
    pub took: Duration,
}

/// A host that is reached by its agent. Clones are handles on one and the same; with the last the agent ends.
#[derive(Debug, Clone)]
pub struct Remote {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    host: HostId,
    machine: Option<String>,
    line: Mutex<Line>,
    trips: Mutex<Vec<Trip>>,
    on_loss: Mutex<OnLoss>,
}

impl Remote {
    /// The agent at the other end of a stream that nothing has been said on yet.
    pub fn over(host: HostId, stream: Stream, expected: &Expected, patience: Patience) -> Result<Remote, HostError> {
        let mut lines = Lines::new(stream.input, patience.silence);
        let pen = Pen::new(stream.output, patience.silence);
        let greeting = lines.line(LONGEST_FIRST).map_err(|broken| on(&host, explained(&broken, &Ending::Unknown)))?;
        let machine = greeted(&greeting, expected).map_err(|error| on(&host, error))?;
        Ok(Remote::ready(host, machine, Line::new(lines, pen, None, patience)))
    }

    /// The agent that has said who it is.
    pub(crate) fn ready(host: HostId, machine: Option<String>, line: Line) -> Remote {
        let line = Mutex::new(line);
        let shared = Shared { host, machine, line, trips: Mutex::default(), on_loss: Mutex::default() };
        Remote { shared: Arc::new(shared) }
    }

    /// Which machine it is, as [`crate::machine::this`] has it there; none of an agent that does not say.
    pub fn machine(&self) -> Option<&str> {
        self.shared.machine.as_deref()
    }

    /// The round trips so far.
    pub fn trips(&self) -> Vec<Trip> {
        self.shared.trips.lock().expect("nobody panics with it").clone()
    }

    /// What becomes of what is done from now on, if the connection is lost before it is said to stay.
    pub fn on_loss(&self, what: OnLoss) {
        *self.shared.on_loss.lock().expect("nobody panics with it") = what;
    }

    /// As [`crate::Host::lock`].
    pub fn lock(&self, lab: &LabName, waiting: &mut dyn FnMut(Option<u32>)) -> Result<(), HostError> {
        self.done("lock", Request::Lock { lab: lab.clone(), busy: Busy::Wait }, waiting)
    }

    /// As [`crate::Host::begin`].
    pub fn begin(&self, scope: &Scope, waiting: &mut dyn FnMut(Option<u32>)) -> Result<Observed, HostError> {
        match self.lock_and_observe(scope, Busy::Wait, waiting)? {
            Begun::Observed(observed) => Ok(*observed),
            Begun::Busy => Err(self.misunderstood(&Answer::Busy)),
        }
    }

    /// As [`crate::Host::try_begin`].
    pub(crate) fn try_begin(&self, scope: &Scope) -> Result<Begun, HostError> {
        self.lock_and_observe(scope, Busy::Say, &mut |_| {})
    }

    fn lock_and_observe(
        &self,
        scope: &Scope,
        busy: Busy,
        waiting: &mut dyn FnMut(Option<u32>),
    ) -> Result<Begun, HostError> {
        let requests = vec![Request::Lock { lab: scope.lab.clone(), busy }, Request::Observe { scope: scope.clone() }];
        let mut answers = self.ask("lock and observe", requests, &Progress::default(), &mut hears_of_waiting(waiting));
        let observed = answers.pop().expect("as many answers as questions");
        let locked = answers.pop().expect("as many answers as questions");
        match locked.map_err(|e| self.error(e))? {
            Answer::Busy => return Ok(Begun::Busy),
            Answer::Done => {}
            other => return Err(self.misunderstood(&other)),
        }
        match observed.map_err(|e| self.error(e))? {
            Answer::Observed(observed) => Ok(Begun::Observed(observed)),
            other => Err(self.misunderstood(&other)),
        }
    }

    /// As [`crate::Host::keep`].
    pub fn keep(&self) -> Result<(), HostError> {
        self.done("keep", Request::Keep, &mut |_| {})
    }

    /// Stores what has been applied, and says that it stays: one round trip.
    pub fn save_and_keep(&self, text: &str) -> Result<(), HostError> {
        self.both("save and keep", [Request::Save { text: text.to_owned() }, Request::Keep])
    }

    /// Forgets what is stored, and says that what was done stays: one round trip.
    pub fn forget_and_keep(&self) -> Result<(), HostError> {
        self.both("forget and keep", [Request::Forget, Request::Keep])
    }

    /// As [`crate::Host::load`].
    pub fn load(&self, lab: &LabName) -> Result<Option<String>, HostError> {
        match self.one("load", Request::Load { lab: lab.clone() })? {
            Answer::Stored(text) => Ok(text),
            other => Err(self.misunderstood(&other)),
        }
    }

    /// As [`crate::Host::save`].
    pub fn save(&self, text: &str) -> Result<(), HostError> {
        self.done("save", Request::Save { text: text.to_owned() }, &mut |_| {})
    }

    /// As [`crate::Host::forget`].
    pub fn forget(&self) -> Result<(), HostError> {
        self.done("forget", Request::Forget, &mut |_| {})
    }

    /// As [`crate::Host::labs`].
    pub fn labs(&self) -> Result<BTreeSet<LabName>, HostError> {
        match self.one("labs", Request::Labs)? {
            Answer::Labs(labs) => Ok(labs),
            other => Err(self.misunderstood(&other)),
        }
    }

    /// As [`crate::Host::learnt`].
    pub fn learnt(&self, netns: &NetnsId) -> Result<Learnt, HostError> {
        match self.one("learnt", Request::Learnt { netns: netns.clone() })? {
            Answer::Learnt(learnt) => Ok(learnt),
            other => Err(self.misunderstood(&other)),
        }
    }

    /// As [`crate::Host::settle`].
    pub fn settle(&self) -> Result<(), HostError> {
        self.done("settle", Request::Settle, &mut |_| {})
    }

    /// As [`crate::Host::ping`].
    pub fn ping(
        &self,
        sources: &[NetnsId],
        pings: Vec<Ping>,
        options: &Options,
        progress: &Progress,
        mut tell: impl FnMut(usize, Outcome),
    ) -> Result<(), HostError> {
        let count = pings.len();
        let request = Request::Ping { sources: sources.to_vec(), pings, options: *options };
        let mut hear = |note| match note {
            // What is not one of these pings' places is of no use to anybody.
            Note::Outcomes(outcomes) => {
                outcomes.into_iter().filter(|(at, _)| *at < count).for_each(|(at, o)| tell(at, o))
            }
            Note::Waiting(_) | Note::Done(_) => {}
        };
        let mut answers = self.ask("ping", vec![request], progress, &mut hear);
        match answers.pop().expect("as many answers as questions") {
            Ok(_) | Err(StepError::Interrupted) => Ok(()),
            Err(error) => Err(self.error(error)),
        }
    }

    /// Two questions at once that are answered by having been done.
    fn both(&self, what: &'static str, requests: [Request; 2]) -> Result<(), HostError> {
        let answers = self.ask(what, requests.into(), &Progress::default(), &mut |_| {});
        answers.into_iter().try_for_each(|answer| answer.map(drop).map_err(|e| self.error(e)))
    }

    /// One question with an answer of its own.
    fn one(&self, what: &'static str, request: Request) -> Result<Answer, HostError> {
        let mut answers = self.ask(what, vec![request], &Progress::default(), &mut |_| {});
        answers.pop().expect("as many answers as questions").map_err(|e| self.error(e))
    }

    /// One question that is answered by having been done.
    fn done(
        &self,
        what: &'static str,
        request: Request,
        waiting: &mut dyn FnMut(Option<u32>),
    ) -> Result<(), HostError> {
        let mut answers = self.ask(what, vec![request], &Progress::default(), &mut hears_of_waiting(waiting));
        match answers.pop().expect("as many answers as questions").map_err(|e| self.error(e))? {
            Answer::Done => Ok(()),
            other => Err(self.misunderstood(&other)),
        }
    }

    /// Asks all at once and waits for all answers, as many as there are questions; counts as one trip.
    fn ask(
        &self,
        what: &'static str,
        requests: Vec<Request>,
        progress: &Progress,
        hear: &mut dyn FnMut(Note),
    ) -> Vec<Result<Answer, StepError>> {
        let began = Instant::now();
        let count = requests.len();
        let mut line = self.shared.line.lock().expect("nobody panics with it");
        let mut answers = Vec::with_capacity(count);
        let mut gone = None;
        match requests.into_iter().map(|r| line.ask(r)).collect::<Result<Vec<u64>, Broken>>() {
            Err(broken) => gone = Some(line.reason(broken)),
            Ok(numbers) => {
                for number in numbers {
                    match answer(&mut line, number, progress, hear) {
                        Ok(answer) => answers.push(answer),
                        Err(broken) => {
                            gone = Some(broken);
                            break;
                        }
                    }
                }
            }
        }
        if let Some(broken) = gone {
            let error = lost(&broken, &line.hang_up(&broken));
            answers.resize(count, Err(StepError::Failed { action: None, error }));
        }
        drop(line);
        self.shared.trips.lock().expect("nobody panics with it").push(Trip { what, took: began.elapsed() });
        answers.into_iter().map(|answer| answer.map_err(|e| self.placed(e))).collect()
    }

    /// The error with the host that it is of.
    fn placed(&self, error: StepError) -> StepError {
        match error {
            StepError::Failed { action, error } => StepError::Failed { action, error: on(&self.shared.host, error) },
            StepError::Untouched(error) => StepError::Untouched(on(&self.shared.host, error)),
            StepError::Interrupted => StepError::Interrupted,
        }
    }

    fn error(&self, error: StepError) -> HostError {
        match error {
            StepError::Failed { error, .. } | StepError::Untouched(error) => error,
            StepError::Interrupted => {
                refused(codes::OUT_OF_TURN, format!("{}: wait for an answer", self.shared.host), "interrupted")
            }
        }
    }

    fn misunderstood(&self, answer: &Answer) -> HostError {
        let kind = match answer {
            Answer::Done => "that it is done",
            Answer::Busy => "that a lock is taken",
            Answer::Observed(_) => "what it observed",
            Answer::Stored(_) => "what is stored",
            Answer::Labs(_) => "which labs there are",
            Answer::Learnt(_) => "what was learnt",
        };
        let doing = format!("{}: understand the agent", self.shared.host);
        refused(codes::OUT_OF_TURN, doing, format!("it was asked for something else than {kind}"))
    }

    fn observe_now(&self, scope: &Scope) -> Result<Observed, HostError> {
        match self.one("observe", Request::Observe { scope: scope.clone() })? {
            Answer::Observed(observed) => Ok(*observed),
            other => Err(self.misunderstood(&other)),
        }
    }

    fn apply_now(&self, scope: &Scope, actions: &[Action], progress: &Progress) -> Result<Observed, StepError> {
        let on_loss = *self.shared.on_loss.lock().expect("nobody panics with it");
        let request = Request::Apply { scope: scope.clone(), actions: actions.to_vec(), on_loss };
        let mut told = 0;
        let mut hear = |note| match note {
            Note::Done(done) => {
                // An agent counts no further than there is to do, and not backwards.
                let done = done.min(actions.len());
                progress.add(done.saturating_sub(told));
                told = told.max(done);
            }
            Note::Waiting(_) | Note::Outcomes(_) => {}
        };
        let answer = self.ask("apply", vec![request], progress, &mut hear).pop().expect("as many answers as questions");
        match answer? {
            Answer::Observed(observed) => {
                progress.add(actions.len() - told);
                Ok(*observed)
            }
            other => Err(StepError::Failed { action: None, error: self.misunderstood(&other) }),
        }
    }
}

/// Waits for the answer to a question; asks to stop when `progress` says so.
fn answer(
    line: &mut Line,
    number: u64,
    progress: &Progress,
    hear: &mut dyn FnMut(Note),
) -> Result<Result<Answer, StepError>, Broken> {
    let mut interrupted = false;
    loop {
        if progress.stopped() && !std::mem::replace(&mut interrupted, true) {
            line.interrupt(number)?;
        }
        match line.hear(BETWEEN_LOOKS)? {
            None | Some(FromAgent::Beat) => {}
            Some(FromAgent::Note { id, note }) if id == number => hear(note),
            Some(FromAgent::Answer { id, answer }) if id == number => return Ok(answer),
            Some(FromAgent::Note { .. } | FromAgent::Answer { .. }) => return Err(Broken::OutOfTurn),
        }
    }
}

fn hears_of_waiting(waiting: &mut dyn FnMut(Option<u32>)) -> impl FnMut(Note) {
    |note| match note {
        Note::Waiting(holder) => waiting(holder),
        Note::Done(_) | Note::Outcomes(_) => {}
    }
}

impl Backend for Remote {
    async fn observe(&self, scope: &Scope) -> Result<Observed, HostError> {
        let (remote, scope) = (self.clone(), scope.clone());
        in_the_background(move || remote.observe_now(&scope)).await
    }

    async fn apply(&self, scope: &Scope, actions: &[Action], progress: &Progress) -> Result<Observed, StepError> {
        let (remote, scope, actions, progress) = (self.clone(), scope.clone(), actions.to_vec(), progress.clone());
        in_the_background(move || remote.apply_now(&scope, &actions, &progress)).await
    }
}

async fn in_the_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic()))
}
