//! Ctrl-C: the first asks to stop, the second ends at once.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::backend::{HostError, Progress};
use crate::failure::{codes, failed};

static LISTENING: OnceLock<Arc<Progress>> = OnceLock::new();

/// The last signal that was heard; 0: none.
static HEARD: AtomicI32 = AtomicI32::new(0);

/// The number of the signal that asked to stop, if one has.
pub fn heard() -> Option<i32> {
    Some(HEARD.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
}

/// From now on the first Ctrl-C, SIGTERM or SIGHUP asks this work to stop; a second one of its kind ends the process.
/// To be called once, and not before the lab's lock is held: until then the first Ctrl-C ends the process, which waits at most.
pub fn stop_on_signals(progress: Arc<Progress>) -> Result<(), HostError> {
    let fail = |errno| failed(codes::SIGNALS, "listen to signals", errno);
    LISTENING.set(progress).map_err(|_| fail(Errno::EALREADY))?;
    // The handler is forgotten as it is called, so the next signal does what it does by default.
    let flags = SaFlags::SA_RESETHAND | SaFlags::SA_RESTART;
    let action = SigAction::new(SigHandler::Handler(stop), flags, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        listen(signal, &action).map_err(fail)?;
    }
    Ok(())
}

#[allow(unsafe_code)]
fn listen(signal: Signal, action: &SigAction) -> Result<(), Errno> {
    // SAFETY: the handler does nothing but a few atomic operations, which signal-safety(7) allows.
    let before = unsafe { sigaction(signal, action) }?;
    if matches!(before.handler(), SigHandler::SigIgn) {
        // As nohup(1) and background shells want it.
        // SAFETY: it was so a moment ago.
        unsafe { sigaction(signal, &before) }?;
    }
    Ok(())
}

extern "C" fn stop(signal: libc::c_int) {
    HEARD.store(signal, Ordering::Relaxed);
    if let Some(progress) = LISTENING.get() {
        progress.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, for it changes the whole process.
    #[test]
    fn the_first_signal_asks_to_stop_and_the_second_would_end() {
        let progress = Arc::new(Progress::default());
        stop_on_signals(progress.clone()).expect("allowed");
        assert!(!progress.stopped());
        nix::sys::signal::raise(Signal::SIGHUP).expect("allowed");
        assert!(progress.stopped() && heard() == Some(Signal::SIGHUP as i32));
        let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
        #[allow(unsafe_code)]
        // SAFETY: the default action is no handler at all.
        let before = unsafe { sigaction(Signal::SIGHUP, &default) }.expect("allowed");
        assert!(matches!(before.handler(), SigHandler::SigDfl));
        assert!(stop_on_signals(progress).is_err());
    }
}
