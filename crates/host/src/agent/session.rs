//! What one netsim does on this host: questions and their answers, and what has to be brought back if it is lost.

use std::time::Duration;

use netsim_core::names::LabName;
use netsim_core::resource::NetnsId;
use netsim_core::state::{Observed, Scope};

use super::messages::{Answer, Busy, Note, OnLoss, Request};
use crate::backend::{HostError, Progress, StepError};
use crate::failure::{codes, refused};
use crate::host::{Host, unlocked};
use crate::probe::{Options, Outcome, Ping};

use crate::store::Applied;
use crate::undo::{NotUndone, flows};

/// How often to try a lock that another process has: waiting in the kernel could not be ended.
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// So many outcomes of pings make a line.
const OUTCOMES: usize = 500;

/// A netsim's work on a host.
#[derive(Debug)]
pub(super) struct Session<'a> {
    host: &'a Host,
    work: Option<Work>,
}

/// What has been done under a lab's lock and is not said to stay.
#[derive(Debug)]
struct Work {
    lab: LabName,
    /// What was there before the first step.
    before: Option<(Scope, Observed)>,
    applied: bool,
    /// What was stored before the first change of that.
    stored: Option<Option<String>>,
    on_loss: OnLoss,
}

impl<'a> Session<'a> {
    pub(super) fn new(host: &'a Host) -> Self {
        Session { host, work: None }
    }

    /// Does what is asked for.
    pub(super) fn answer(
        &mut self,
        request: Request,
        progress: &Progress,
        tell: &mut dyn FnMut(Note),
    ) -> Result<Answer, StepError> {
        let answer = match request {
            Request::Lock { lab, busy } => return self.lock(lab, busy, progress, tell),
            Request::Apply { scope, actions, on_loss } => {
                self.prepare(&scope, on_loss).and_then(|()| self.remember()).map_err(failed)?;
                let after = self.host.apply(&scope, &actions, progress)?;
                return Ok(Answer::Observed(Box::new(after)));
            }
            Request::Keep => {
                self.work = None;
                self.host.keep().map(|()| Answer::Done)
            }
            Request::Observe { scope } => self.observe(&scope).map(|o| Answer::Observed(Box::new(o))),
            Request::Load { lab } => self.host.load(&lab).map(Answer::Stored),
            Request::Save { text } => self.remember().and_then(|()| self.host.save(&text)).map(|()| Answer::Done),
            Request::Forget => self.remember().and_then(|()| self.host.forget()).map(|()| Answer::Done),
            Request::Labs => self.host.labs().map(Answer::Labs),
            Request::Ping { sources, pings, options } => self.ping(&sources, pings, &options, progress, tell),
            Request::Learnt { netns } => self.host.learnt(&netns).map(Answer::Learnt),
            Request::Settle => self.host.settle().map(|()| Answer::Done),
        };
        answer.map_err(failed)
    }

    fn lock(
        &mut self,
        lab: LabName,
        busy: Busy,
        progress: &Progress,
        tell: &mut dyn FnMut(Note),
    ) -> Result<Answer, StepError> {
        let doing = || format!("lock lab {lab}");
        if let Some(work) = &self.work {
            let message = format!("the lock of lab {} is held", work.lab);
            return Err(failed(refused(codes::OUT_OF_TURN, doing(), message)));
        }
        let mut told = false;
        while let Err(holder) = self.host.try_lock(&lab).map_err(failed)? {
            match busy {
                Busy::Say => return Ok(Answer::Busy),
                Busy::Wait if progress.stopped() => return Err(StepError::Interrupted),
                Busy::Wait => {}
            }
            if !std::mem::replace(&mut told, true) {
                tell(Note::Waiting(holder));
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
        self.work = Some(Work { lab, before: None, applied: false, stored: None, on_loss: OnLoss::RollBack });
        Ok(Answer::Done)
    }

    fn observe(&mut self, scope: &Scope) -> Result<Observed, HostError> {
        let observed = self.host.observe(scope)?;
        if let Some(work) = self.work.as_mut().filter(|work| work.lab == scope.lab && !work.applied) {
            work.before = Some((scope.clone(), observed.clone()));
        }
        Ok(observed)
    }

    /// Sees to it that what is there before an apply is known.
    fn prepare(&mut self, scope: &Scope, on_loss: OnLoss) -> Result<(), HostError> {
        if self.work.as_ref().is_none_or(|work| work.lab != scope.lab) {
            return Err(unlocked(format!("apply lab {}", scope.lab)));
        }
        if self.work.as_ref().is_some_and(|work| work.before.is_none()) {
            self.observe(scope)?;
        }
        if let Some(work) = &mut self.work {
            (work.applied, work.on_loss) = (true, on_loss);
        }
        Ok(())
    }

    /// Sees to it that what is stored before it is changed is known.
    fn remember(&mut self) -> Result<(), HostError> {
        let work = self.work.as_mut().ok_or_else(|| unlocked("store what was applied"))?;
        if work.stored.is_none() {
            work.stored = Some(self.host.load(&work.lab)?);
        }
        Ok(())
    }

    fn ping(
        &self,
        sources: &[NetnsId],
        pings: Vec<Ping>,
        options: &Options,
        progress: &Progress,
        tell: &mut dyn FnMut(Note),
    ) -> Result<Answer, HostError> {
        let mut outcomes: Vec<(usize, Outcome)> = Vec::new();
        self.host.ping(sources, pings, options, progress, |at, outcome| {
            outcomes.push((at, outcome));
            if outcomes.len() >= OUTCOMES {
                tell(Note::Outcomes(std::mem::take(&mut outcomes)));
            }
        })?;
        if !outcomes.is_empty() {
            tell(Note::Outcomes(outcomes));
        }
        Ok(Answer::Done)
    }

    /// Brings back what was before, as far as it was not said to stay, and lets go of the lock.
    pub(super) fn end(self) -> Result<(), NotUndone> {
        let Some(work) = &self.work else { return Ok(()) };
        let undone = match work.on_loss {
            OnLoss::Leave => Ok(()),
            OnLoss::RollBack => self.bring_back(work),
        };
        self.host.keep().map_err(NotUndone::Unseen).and(undone)
    }

    fn bring_back(&self, work: &Work) -> Result<(), NotUndone> {
        if let Some((scope, before)) = work.before.as_ref().filter(|_| work.applied) {
            let stored = work.stored.as_ref().and_then(Option::as_deref);
            let applied = stored.and_then(|text| serde_json::from_str::<Applied>(text).ok());
            let flows = applied.map(|applied| flows(&applied.sources)).unwrap_or_default();
            self.host.undo(scope, before, &flows)?;
        }
        // What is stored stays with what is there.
        match &work.stored {
            None => Ok(()),
            Some(None) => self.host.forget(),
            Some(Some(text)) => self.host.save(text),
        }
        .map_err(NotUndone::Unseen)
    }
}

fn failed(error: HostError) -> StepError {
    StepError::Failed { action: None, error }
}
