//! A hook for tests that kill netsim at every point where it acts on the machine; in release builds there is none.
//!
//! `NETSIM_CRASH_AT=N` lets the N-th point end the process by SIGKILL. Each message of a netlink batch has a point before it: a batch is then
//! sent only up to that message.

/// The points counted so far, and the one to die at.
#[cfg(debug_assertions)]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static AT: LazyLock<Option<u64>> = LazyLock::new(|| std::env::var("NETSIM_CRASH_AT").ok()?.parse().ok());
    static PASSED: AtomicU64 = AtomicU64::new(0);

    pub(super) fn pass(points: u64) -> Option<u64> {
        let at = (*AT)?;
        let before = PASSED.fetch_add(points, Ordering::Relaxed);
        (before < at && at <= before + points).then(|| at - before - 1)
    }
}

/// Dies here if this is the point to die at. It stands before each system call with an effect.
pub fn point() {
    if points(1).is_some() {
        now();
    }
}

/// Counts one point before each of so many messages; says how many of them are still to be sent if one is the point to die at.
#[cfg(debug_assertions)]
pub(crate) fn points(messages: usize) -> Option<usize> {
    armed::pass(messages as u64).map(|left| left as usize)
}

/// In release builds no point is the one to die at.
#[cfg(not(debug_assertions))]
pub(crate) fn points(_: usize) -> Option<usize> {
    None
}

/// Ends the process at once, as if killed from outside.
pub(crate) fn now() -> ! {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
    std::process::abort()
}
